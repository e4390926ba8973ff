//! A PostgreSQL database.

use futures_util::future::BoxFuture;

use super::{Address, Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// See the module.
#[derive(Debug)]
pub(super) struct PostgresProbe {
    name: ProbeName,
}

impl PostgresProbe {
    /// One that has not looked yet.
    pub(super) fn new(_address: &Address) -> Self {
        Self {
            name: ProbeName {
                kind: ProbeKind::Postgres,
                name: String::new(),
                facts: std::collections::BTreeMap::new(),
            },
        }
    }
}

impl Probe for PostgresProbe {
    fn name(&self) -> ProbeName {
        self.name.clone()
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        Box::pin(async { Err("not watched yet".to_owned()) })
    }
}
