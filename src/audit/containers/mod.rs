//! Containers: what they may use, whether they come back, and how somebody notices that they do not work. From a compose
//! file; for those that are named from the engine, or from the files of their control groups where there is none.

mod compose;
mod engine;
mod fix;
mod group;
mod judge;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::rule::{Area, Finding, Rule};
use crate::observe::MOUNTED;

static REACHABLE: Rule = Rule {
    id: "containers.reachable",
    area: Area::Containers,
    lines: &[],
    section: "Container Optimization",
    holds: "the compose file can be read, and the engine knows the containers",
    source: "own choice: without them nothing can be told",
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
    told: Told,
    /// Of a compose file: it may be another than the container's name.
    service: Option<String>,
    image: Option<String>,
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

/// Who tells of it, and with that what is not told.
#[derive(Debug, Clone, Default, PartialEq)]
enum Told {
    #[default]
    Compose,
    Engine,
    /// With the files of its limits.
    Group {
        memory_file: Option<String>,
        cpu_file: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Health {
    interval_s: f64,
    timeout_s: f64,
}

/// What is known only while it runs.
#[derive(Debug, Clone, Default, PartialEq)]
struct Running {
    /// At least so many.
    oom_kills: u64,
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
        match inspect(name, Path::new(MOUNTED), timeout).await {
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

/// By its control group where it is named so, else by the engine, else by the group of its id.
async fn inspect(name: &str, mounted: &Path, timeout: Duration) -> Result<Unit, String> {
    let is_path = name.contains('/');
    if let Some(found) = is_path.then(|| group::at(mounted, name)).flatten() {
        return found.map_err(|why| format!("container {name}: {why}"));
    }
    if is_path {
        let shown = mounted.display();
        return Err(format!("there is no control group {name} below {shown}: `systemd-cgls` shows them"));
    }
    match engine::inspect(name, timeout).await {
        Err(engine::Problem { why, no_engine: true }) => group::of_container(mounted, name).unwrap_or(Err(why)),
        other => other.map_err(|problem| problem.why),
    }
}
