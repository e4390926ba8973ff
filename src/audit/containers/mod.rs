//! Containers: what they may use, whether they come back, and how somebody notices that they do not work. From a compose
//! file, and from the engine for those that are named.

mod compose;
mod engine;
mod judge;

use std::path::PathBuf;
use std::time::Duration;

use super::rule::{Area, Finding, Rule};

static REACHABLE: Rule = Rule {
    id: "containers.reachable",
    area: Area::Containers,
    lines: &[],
    section: "Container Optimization",
    holds: "the compose file can be read, and the engine knows the containers",
    source: "",
    applies: "",
};

/// What to look at; at least one of these.
#[derive(Debug, Clone, Default)]
pub struct ContainersTarget {
    /// docker-compose.yml
    pub compose: Option<PathBuf>,
    /// Names or ids that the engine knows.
    pub names: Vec<String>,
}

/// A service of a compose file, or a container.
#[derive(Debug, Clone, Default, PartialEq)]
struct Unit {
    name: String,
    memory_limit: Option<u64>,
    cpu_limit: Option<f64>,
    memory_reservation: Option<u64>,
    /// Of a compose file: the engine does not tell.
    cpu_reservation: Option<f64>,
    /// `always`, `unless-stopped`, `on-failure`, `no`.
    restart: Option<String>,
    health: Option<Health>,
    running: Option<Running>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Health {
    interval_s: f64,
    timeout_s: f64,
}

/// What only the engine knows.
#[derive(Debug, Clone, Default, PartialEq)]
struct Running {
    oom_killed: bool,
    restarts: i64,
    /// Periods, and those in which it had to wait.
    throttled: Option<(u64, u64)>,
    /// `healthy`, `unhealthy`, `starting`.
    health: Option<String>,
}

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules = vec![&REACHABLE];
    rules.extend(judge::RULES);
    rules
}

/// Looks and judges.
pub(super) async fn look(target: &ContainersTarget, timeout: Duration) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut units = Vec::new();
    let mut problems = Vec::new();
    if let Some(path) = &target.compose {
        match compose::read(path) {
            Ok(services) => units.extend(services),
            Err(why) => problems.push(why),
        }
    }
    for name in &target.names {
        match engine::inspect(name, timeout).await {
            Ok(unit) => units.push(unit),
            Err(why) => problems.push(why),
        }
    }
    found.extend(problems.iter().map(|why| REACHABLE.unknown(format!("cannot look at containers: {why}"))));
    if problems.is_empty() {
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        found.push(REACHABLE.pass(names.join(", ")));
    }
    found.extend(units.iter().flat_map(judge::judge));
    found
}
