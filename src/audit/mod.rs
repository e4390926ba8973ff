//! The guide's quick checks and its checklist as rules: evidence, threshold with its source, fix. Needs no load, and writes
//! nothing to what it looks at.
//!
//! Each area is looked at first (I/O, bounded, into a plain value) and judged then (pure functions over that value). What
//! could not be told is `unknown`, and never folded into good or bad.

mod app;
mod cache;
mod checklist;
mod containers;
mod db;
mod proxy;
mod rule;
mod select;
mod size;
mod system;
mod ticks;
mod told;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use crate::record::Checked;
pub use app::AppTarget;
pub use checklist::CHECKLIST;
pub use containers::ContainersTarget;
pub use db::DbTarget;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use jiff::civil::Date;
pub use proxy::ProxyTarget;
pub use rule::{Acceptance, Area, Finding, Fix, FixKind, Outcome, Rule};
pub use select::{Selection, known};
pub use size::{memory_here, parse_size};
pub use system::{Planned, SystemTarget};

use crate::mask::Mask;
use crate::observe::Address;
use crate::record::{CheckedPlace, UncheckedArea};

/// What is looked at. Areas without a target are not.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// PostgreSQL.
    pub db: Option<DbTarget>,
    /// Redis.
    pub cache: Option<Address>,
    /// nginx.
    pub proxy: Option<ProxyTarget>,
    /// The service.
    pub app: Option<AppTarget>,
    /// Containers.
    pub containers: Option<ContainersTarget>,
    /// This machine.
    pub system: Option<SystemTarget>,
}

/// How it is looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which rules.
    pub selection: Selection,
    /// What somebody lives with.
    pub accepted: Vec<Acceptance>,
    /// By which acceptances end.
    pub today: Date,
    /// For each thing that is asked.
    pub timeout: Duration,
    /// The areas that were asked for; empty: all that are named.
    pub areas: Vec<Area>,
}

impl Options {
    /// Whether an area is looked at, where it is named.
    pub fn ask_for(&self, area: Area) -> bool {
        let takes_some = || rules().iter().any(|rule| rule.area == area && self.selection.takes(rule));
        (self.areas.is_empty() || self.areas.contains(&area)) && takes_some()
    }

    /// Whether nothing of what is named is looked at.
    pub fn leave_nothing(&self, targets: &Targets) -> bool {
        !targets.areas().into_iter().any(|area| self.ask_for(area))
    }
}

/// Every rule, by area.
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&'static Rule> = db::rules();
    rules.extend(cache::rules());
    rules.extend(proxy::rules());
    rules.extend(app::rules());
    rules.extend(containers::rules());
    rules.extend(system::rules());
    rules.extend(checklist::rules());
    rules.sort_by_key(|rule| rule.area);
    rules
}

/// Looks at all of it, until `stop` ends: what was not looked at to its end by then is left out, and said.
pub async fn check(targets: &Targets, options: &Options, stop: impl Future<Output = ()>) -> Checked {
    let Options { selection, timeout, areas, .. } = options;
    let asked = |area: Area| options.ask_for(area);
    let stop = stop.shared();
    let cut_off = Mutex::new(Vec::new());
    let look = |area, look| unless_stopped(stop.clone(), area, &cut_off, look);
    // Not beside the others: their work would be taken for the service's, or for this machine's.
    let mut findings = Vec::new();
    if let Some(target) = targets.system.as_ref().filter(|_| asked(Area::System)) {
        findings.extend(look(Area::System, Box::pin(system::look(target))).await);
    }
    if let Some(target) = targets.app.as_ref().filter(|_| asked(Area::App)) {
        findings.extend(look(Area::App, Box::pin(within(Area::App, *timeout, app::look(target, *timeout)))).await);
    }
    let mut others = Vec::new();
    if let Some(target) = targets.db.as_ref().filter(|_| asked(Area::Db)) {
        others.push(look(Area::Db, Box::pin(db::look(target, *timeout))));
    }
    if let Some(address) = targets.cache.as_ref().filter(|_| asked(Area::Cache)) {
        let cache = within(Area::Cache, *timeout, cache::look(address, *timeout));
        others.push(look(Area::Cache, Box::pin(cache)));
    }
    if let Some(target) = targets.proxy.as_ref().filter(|_| asked(Area::Proxy)) {
        let proxy = within(Area::Proxy, *timeout, proxy::look(target, *timeout));
        others.push(look(Area::Proxy, Box::pin(proxy)));
    }
    if let Some(target) = targets.containers.as_ref().filter(|_| asked(Area::Containers)) {
        let containers = within(Area::Containers, *timeout, containers::look(target, *timeout));
        others.push(look(Area::Containers, Box::pin(containers)));
    }
    findings.extend(join_all(others).await.concat());
    let cut_off = cut_off.into_inner().unwrap_or_else(PoisonError::into_inner);
    findings.extend(checklist::findings().into_iter().filter(|finding| asked(finding.rule.area)));
    // Where nothing could be looked at, that is said whatever was chosen: no finding would look like none that is bad.
    let closed = |finding: &Finding| finding.outcome == Outcome::Unknown && finding.rule.id.ends_with(".reachable");
    findings.retain(|finding| selection.takes(finding.rule) || closed(finding));
    let notes = select::accept(&mut findings, &options.accepted, options.today);
    findings.sort_by_key(|finding| (finding.counts_as(), finding.accepted.is_none(), finding.rule.area));
    let mut checked = told::told(&findings, &targets.secrets());
    checked.notes = notes;
    // Of some rules or areas the checklist says little.
    if !areas.is_empty() || !selection.takes_all() {
        checked.checklist.clear();
    }
    let (looked_at, not_looked_at) = targets.places();
    checked.looked_at = looked_at
        .into_iter()
        .filter(|(area, _)| asked(*area) && !cut_off.contains(area))
        .map(|(area, place)| CheckedPlace { area, place })
        .collect();
    checked.not_looked_at = not_looked_at
        .into_iter()
        .filter(|(area, _)| asked(*area))
        .map(|(area, how)| UncheckedArea { area, how: how.to_owned() })
        .collect();
    let only_status = targets.proxy.as_ref().is_some_and(|proxy| proxy.config.is_none());
    if only_status && asked(Area::Proxy) {
        checked.notes.push("proxy: only its status page was looked at; name --nginx-config FILE".to_owned());
    }
    if !cut_off.is_empty() {
        checked.cut_short(&cut_off);
    }
    checked
}

/// What an area shows; where it is asked to end first, that it is cut off.
async fn unless_stopped(
    stop: impl Future<Output = ()>,
    area: Area,
    cut_off: &Mutex<Vec<Area>>,
    look: BoxFuture<'_, Vec<Finding>>,
) -> Vec<Finding> {
    tokio::select! {
        biased;
        () = stop => {
            cut_off.lock().unwrap_or_else(PoisonError::into_inner).push(area);
            Vec::new()
        }
        found = look => found,
    }
}

/// An area gets ten times what one question gets.
async fn within(area: Area, timeout: Duration, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let limit = timeout * 10;
    let late = |_| {
        let reachable = rules().into_iter().find(|rule| rule.area == area && rule.id.ends_with(".reachable"));
        reachable.map(|rule| rule.unknown(format!("no end within {} s", limit.as_secs_f64()))).into_iter().collect()
    };
    tokio::time::timeout(limit, look).await.unwrap_or_else(late)
}

impl Targets {
    /// What must not be shown of them.
    fn secrets(&self) -> Mask {
        let db = self.db.as_ref().and_then(|target| target.address.password());
        let cache = self.cache.as_ref().and_then(Address::password);
        let status = self.proxy.as_ref().and_then(|target| target.status.as_ref()?.password());
        let token = self.app.as_ref().and_then(|target| target.token.clone());
        let metrics = self.app.as_ref().and_then(|target| target.metrics.as_ref()?.password());
        Mask::new([db, cache, status, token, metrics].into_iter().flatten())
    }

    /// Where it is looked, and what is missing for the rest.
    #[expect(clippy::type_complexity, reason = "two lists of pairs")]
    fn places(&self) -> (Vec<(Area, String)>, Vec<(Area, &'static str)>) {
        let mut places = Vec::new();
        let mut missing = Vec::new();
        match &self.app {
            Some(target) => places.push((Area::App, target.host.to_string())),
            None => missing.push((Area::App, "name the service with --host URL")),
        }
        match &self.db {
            Some(target) => places.push((Area::Db, target.address.to_string())),
            None => missing.push((Area::Db, "name a database with --postgres URL")),
        }
        match &self.cache {
            Some(address) => places.push((Area::Cache, address.to_string())),
            None => missing.push((Area::Cache, "name a Redis with --redis URL")),
        }
        match &self.proxy {
            Some(target) => {
                let config = target.config.as_ref().map(|path| path.display().to_string());
                let status = target.status.as_ref().map(ToString::to_string);
                let said: Vec<String> = config.into_iter().chain(status).collect();
                places.push((Area::Proxy, said.join(", ")));
            }
            None => missing.push((
                Area::Proxy,
                "name its configuration with --nginx-config FILE, or its status page with --nginx URL",
            )),
        }
        match &self.containers {
            Some(target) => {
                let compose = target.compose.as_ref().map(|path| path.display().to_string());
                let said: Vec<String> = compose.into_iter().chain(target.names.clone()).collect();
                places.push((Area::Containers, said.join(", ")));
            }
            None => missing.push((
                Area::Containers,
                "name a compose file with --compose FILE, or containers with --container NAME",
            )),
        }
        match &self.system {
            Some(_) => places.push((Area::System, "this machine".to_owned())),
            None => missing.push((
                Area::System,
                "ask for it with check system or check all, or name a load with --planned-load USERS",
            )),
        }
        (places, missing)
    }

    /// The areas that can be looked at.
    pub fn areas(&self) -> Vec<Area> {
        self.places().0.into_iter().map(|(area, _)| area).collect()
    }

    /// What it takes to look at an area that cannot be; `None` where it can.
    pub fn missing(&self, area: Area) -> Option<&'static str> {
        self.places().1.into_iter().find(|(missing, _)| *missing == area).map(|(_, how)| how)
    }
}
