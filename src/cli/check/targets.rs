//! What is looked at, and how: from what the flags, the environment and the configuration say.

use std::time::Duration;

use super::super::Failure;
use super::super::settings::Settings;
use super::CheckSettings;
use crate::audit::{
    self, AppTarget, Area, ContainersTarget, DbTarget, Options, Planned, ProxyTarget, Selection, SystemTarget, Targets,
};
use crate::load::{AllowedHosts, Host};
use crate::observe::Address;

/// The guide's processes have 20 + 30 connections each.
const POOLS: u32 = 50;
/// Statistics that are younger prove nothing.
const EVIDENCE_AGE: Duration = Duration::from_hours(4);
/// For one question.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What only the command line says.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    pub(super) token: Option<String>,
    pub(super) explain: Option<String>,
    pub(super) analyze: bool,
    /// A load that this machine is to make.
    pub(super) planned: Option<Planned>,
    /// This machine is looked at, whatever it is to do.
    pub(super) system: bool,
}

/// What is named.
pub(super) fn targets(settings: &Settings, host: Option<Host>, more: More) -> Targets {
    let (check, watch) = (&settings.check, &settings.watch);
    let db = watch.postgres.as_ref().map(|address| DbTarget {
        address: address.clone(),
        memory: db_memory(check, address),
        pools: check.pool.unwrap_or(POOLS),
        evidence_age: check.evidence_age.unwrap_or(EVIDENCE_AGE),
        explain: more.explain,
        analyze: more.analyze,
    });
    let proxy = (check.nginx_config.is_some() || watch.nginx.is_some()).then(|| ProxyTarget {
        config: check.nginx_config.clone(),
        status: watch.nginx.clone(),
        host: host.as_ref().map(ToString::to_string),
    });
    let containers = (check.compose.is_some() || !watch.containers.is_empty())
        .then(|| ContainersTarget { compose: check.compose.clone(), names: watch.containers.clone() });
    let loopback = host.as_ref().is_none_or(|host| is_here(&host.origin.name));
    let system = (more.system || more.planned.is_some()).then_some(SystemTarget { planned: more.planned, loopback });
    let app = host.map(|host| AppTarget {
        host,
        token: more.token,
        slow_path: check.slow_path.clone(),
        metrics: watch.metrics.clone(),
        insecure: settings.insecure,
    });
    Targets { db, cache: watch.redis.clone(), proxy, app, containers, system }
}

/// How it is looked at.
pub(super) fn options(settings: &Settings, areas: Vec<Area>) -> Result<Options, Failure> {
    let check = &settings.check;
    let selection = Selection::new(check.only.clone(), check.skip.clone(), &audit::rules()).map_err(Failure::usage)?;
    Ok(Options {
        selection,
        accepted: check.accept.clone(),
        today: jiff::Zoned::now().date(),
        timeout: check.timeout.unwrap_or(TIMEOUT),
        areas,
    })
}

/// As told, else this machine's, where the database is here.
fn db_memory(check: &CheckSettings, address: &Address) -> Option<(u64, String)> {
    if let Some(bytes) = check.db_memory {
        return Some((bytes, "--db-memory".to_owned()));
    }
    let here = is_here(address.url().host_str().unwrap_or_default());
    let bytes = here.then(audit::memory_here).flatten()?;
    Some((bytes, "this machine's".to_owned()))
}

fn is_here(name: &str) -> bool {
    AllowedHosts::new([]).permits(name)
}
