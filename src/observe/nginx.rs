//! An nginx, by its status page.

use futures_util::future::BoxFuture;

use super::{Address, Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// See the module.
#[derive(Debug)]
pub(super) struct NginxProbe {
    name: ProbeName,
}

impl NginxProbe {
    /// One that has not looked yet.
    pub(super) fn new(_address: &Address) -> Self {
        Self {
            name: ProbeName { kind: ProbeKind::Nginx, name: String::new(), facts: std::collections::BTreeMap::new() },
        }
    }
}

impl Probe for NginxProbe {
    fn name(&self) -> ProbeName {
        self.name.clone()
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async { Err("not watched yet".to_owned()) })
    }
}
