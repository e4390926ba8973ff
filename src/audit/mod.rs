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

use std::time::Duration;

pub use app::AppTarget;
pub use checklist::CHECKLIST;
pub use containers::ContainersTarget;
pub use db::DbTarget;
use jiff::civil::Date;
pub use proxy::ProxyTarget;
pub use rule::{Acceptance, Area, Finding, Fix, FixKind, Outcome, Rule};
pub use select::{Selection, known};
pub use size::{memory_here, parse_size};
pub use system::{Planned, SystemTarget};

use crate::observe::Address;

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

/// What a check has found, the worst first.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Of every rule that was looked at.
    pub findings: Vec<Finding>,
    /// Where it was looked, passwords masked.
    pub looked_at: Vec<(Area, String)>,
    /// Areas that nobody named, with the flag that names them.
    pub not_looked_at: Vec<(Area, &'static str)>,
    /// Whether some rules or areas were chosen: the checklist then says little.
    pub selected: bool,
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

/// Looks at all of it.
pub async fn check(targets: &Targets, options: &Options) -> Audit {
    let Options { selection, timeout, areas, .. } = options;
    let asked = |area: Area| {
        (areas.is_empty() || areas.contains(&area))
            && rules().iter().any(|rule| rule.area == area && selection.takes(rule))
    };
    let db = async {
        match targets.db.as_ref().filter(|_| asked(Area::Db)) {
            Some(target) => db::look(target, *timeout).await,
            None => Vec::new(),
        }
    };
    let cache = async {
        match targets.cache.as_ref().filter(|_| asked(Area::Cache)) {
            Some(address) => cache::look(address, *timeout).await,
            None => Vec::new(),
        }
    };
    let proxy = async {
        match targets.proxy.as_ref().filter(|_| asked(Area::Proxy)) {
            Some(target) => proxy::look(target, *timeout).await,
            None => Vec::new(),
        }
    };
    let containers = async {
        match targets.containers.as_ref().filter(|_| asked(Area::Containers)) {
            Some(target) => containers::look(target, *timeout).await,
            None => Vec::new(),
        }
    };
    // Not beside the others: their work would be taken for the service's, or for this machine's.
    let mut findings = Vec::new();
    if let Some(target) = targets.system.as_ref().filter(|_| asked(Area::System)) {
        findings.extend(system::look(target).await);
    }
    if let Some(target) = targets.app.as_ref().filter(|_| asked(Area::App)) {
        findings.extend(Box::pin(app::look(target, *timeout)).await);
    }
    let (db, cache, proxy, containers) =
        tokio::join!(Box::pin(db), Box::pin(cache), Box::pin(proxy), Box::pin(containers));
    findings.extend([db, cache, proxy, containers].concat());
    findings.extend(checklist::findings().into_iter().filter(|finding| asked(finding.rule.area)));
    // Where nothing could be looked at, that is said whatever was chosen: no finding would look like none that is bad.
    let closed = |finding: &Finding| finding.outcome == Outcome::Unknown && finding.rule.id.ends_with(".reachable");
    findings.retain(|finding| selection.takes(finding.rule) || closed(finding));
    select::accept(&mut findings, &options.accepted, options.today);
    findings.sort_by_key(|finding| (finding.counts_as(), finding.accepted.is_none(), finding.rule.area));
    let (looked_at, not_looked_at) = targets.places();
    Audit {
        findings,
        looked_at: looked_at.into_iter().filter(|(area, _)| asked(*area)).collect(),
        not_looked_at: not_looked_at.into_iter().filter(|(area, _)| asked(*area)).collect(),
        selected: !areas.is_empty() || !selection.takes_all(),
    }
}

impl Targets {
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
            None => missing.push((Area::System, "ask for it: check system, or --planned-load USERS")),
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

impl Audit {
    /// `fail`, `unknown` or `pass`: what counts of all findings.
    pub fn outcome(&self) -> Outcome {
        let has = |outcome| self.findings.iter().any(|finding| finding.counts_as() == outcome);
        [Outcome::Fail, Outcome::Unknown].into_iter().find(|outcome| has(*outcome)).unwrap_or(Outcome::Pass)
    }

    /// Whether anything at all could be looked at.
    pub fn saw_something(&self) -> bool {
        let told = |finding: &Finding| {
            let closed_door = finding.outcome == Outcome::Unknown && finding.rule.id.ends_with(".reachable");
            finding.outcome != Outcome::Manual && !closed_door
        };
        self.findings.iter().any(told)
    }

    /// How many findings have an outcome; those that are accepted count on their own.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|finding| finding.accepted.is_none() && finding.outcome == outcome).count()
    }

    /// How many are accepted.
    pub fn accepted(&self) -> usize {
        self.findings.iter().filter(|finding| finding.accepted.is_some()).count()
    }
}

/// A line of the guide's checklist, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecklistLine {
    /// From 1.
    pub number: u8,
    /// Database, Application or Infrastructure.
    pub section: &'static str,
    /// What is to be ticked off.
    pub line: &'static str,
    /// The worst of its rules that had something to say; `None`: none was looked at.
    pub outcome: Option<Outcome>,
}

impl Audit {
    /// The guide's checklist.
    pub fn checklist(&self) -> Vec<ChecklistLine> {
        let line = |(number, (section, line)): (u8, &(&'static str, &'static str))| {
            let ours = self.findings.iter().filter(|finding| finding.rule.lines.contains(&number));
            ChecklistLine {
                number,
                section,
                line,
                outcome: ours.map(Finding::counts_as).min_by_key(|o| tick_order(*o)),
            }
        };
        (1..).zip(&CHECKLIST).map(line).collect()
    }
}

/// A line is as good as the worst of its rules; a question, or what says nothing, does not hide one that holds.
fn tick_order(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 0,
        Outcome::Warn => 1,
        Outcome::Unknown => 2,
        Outcome::Pass => 3,
        Outcome::Manual => 4,
        Outcome::CannotExist | Outcome::NotApplicable => 5,
    }
}
