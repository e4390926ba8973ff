//! The whole machine.

use futures_util::future::BoxFuture;

use super::{Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// See the module.
#[derive(Debug)]
pub(super) struct HostProbe {
    name: ProbeName,
}

impl HostProbe {
    /// One that has not looked yet.
    pub(super) fn new() -> Self {
        Self {
            name: ProbeName { kind: ProbeKind::Host, name: String::new(), facts: std::collections::BTreeMap::new() },
        }
    }
}

impl Probe for HostProbe {
    fn name(&self) -> ProbeName {
        self.name.clone()
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async { Err("not watched yet".to_owned()) })
    }
}
