//! nginx: its configuration against the guide's and its version's defaults, its status page, its cache.

mod config;
mod gather;
mod judge;
mod passing;
mod place;
mod running;
mod scope;
mod simple;

use std::path::PathBuf;
use std::time::Duration;

use super::rule::{Area, Finding, Rule};
use crate::observe::Address;

static REACHABLE: Rule = Rule {
    id: "proxy.reachable",
    area: Area::Proxy,
    lines: &[],
    section: "Nginx Optimization",
    holds: "its configuration can be read, and its status page answers",
    source: "own choice: without them nothing can be told",
    applies: "",
};

/// What to look at; at least one of these.
#[derive(Debug, Clone, Default)]
pub struct ProxyTarget {
    /// The output of `nginx -T`, or nginx.conf with what it includes.
    pub config: Option<PathBuf>,
    /// Its page of `stub_status`.
    pub status: Option<Address>,
    /// The host behind it, for what it says of its cache.
    pub host: Option<String>,
}

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules = vec![&REACHABLE];
    rules.extend(judge::rules());
    rules
}

/// Looks and judges.
pub(super) async fn look(target: &ProxyTarget, timeout: Duration) -> Vec<Finding> {
    let seen = gather::gather(target, timeout).await;
    let mut found = Vec::new();
    let said: Vec<&String> =
        [&seen.config_problem, &seen.status_problem, &seen.host_problem].into_iter().flatten().collect();
    for problem in &said {
        found.push(REACHABLE.unknown(format!("cannot look at nginx: {problem}")));
    }
    if said.is_empty() {
        found.push(REACHABLE.pass(match &seen.version {
            Some(version) => format!("nginx {version}"),
            None => "nginx, which does not tell its version".to_owned(),
        }));
    }
    found.extend(judge::judge(&seen));
    found
}
