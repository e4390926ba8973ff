//! A container: by the Docker engine, or by its cgroup's files.

use futures_util::future::BoxFuture;

use super::{Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// See the module.
#[derive(Debug)]
pub(super) struct ContainerProbe {
    name: ProbeName,
}

impl ContainerProbe {
    /// One that has not looked yet.
    pub(super) fn new(_name: &str) -> Self {
        Self {
            name: ProbeName {
                kind: ProbeKind::Container,
                name: String::new(),
                facts: std::collections::BTreeMap::new(),
            },
        }
    }
}

impl Probe for ContainerProbe {
    fn name(&self) -> ProbeName {
        self.name.clone()
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async { Err("not watched yet".to_owned()) })
    }
}
