//! The service over HTTP: health with its time split, keep-alive, compression, redirects, documentation, errors, metrics, and
//! whether a slow request holds up the others. A hundred or two GETs in all.

mod beside;
mod gather;
mod judge;
mod talk;

use std::time::Duration;

use super::rule::{Area, Finding, Rule};
use crate::load::Host;
use crate::observe::Address;

static REACHABLE: Rule = Rule {
    id: "app.reachable",
    area: Area::App,
    lines: &[],
    section: "High Response Times",
    holds: "the host answers",
    source: "own choice: without an answer nothing can be told",
    applies: "",
};

/// What to look at.
#[derive(Clone)]
pub struct AppTarget {
    /// Where it is.
    pub host: Host,
    /// Sent as a bearer, where it is given.
    pub token: Option<String>,
    /// A GET that takes its time.
    pub slow_path: Option<String>,
    /// Where its metrics are, where not below the host.
    pub metrics: Option<Address>,
    /// Take any certificate.
    pub insecure: bool,
}

impl std::fmt::Debug for AppTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token.
        f.debug_struct("AppTarget")
            .field("host", &self.host)
            .field("slow_path", &self.slow_path)
            .finish_non_exhaustive()
    }
}

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules = vec![&REACHABLE];
    rules.extend(judge::RULES);
    rules
}

/// Looks and judges.
pub(super) async fn look(target: &AppTarget, timeout: Duration) -> Vec<Finding> {
    match tokio::time::timeout(timeout * 10, gather::gather(target, timeout)).await {
        Ok(Ok(seen)) => {
            let mut found = vec![REACHABLE.pass(target.host.to_string())];
            found.extend(judge::judge(&seen));
            found
        }
        Ok(Err(why)) => vec![REACHABLE.unknown(format!("cannot look at the service: {why}"))],
        Err(_) => vec![REACHABLE.unknown("cannot look at the service: it answers too slowly")],
    }
}
