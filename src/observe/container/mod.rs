//! A container, relative to its own limits: by the Docker engine's API, or where there is none by the files of its control
//! group.
//!
//! | named | found |
//! |---|---|
//! | `db`, `3f2a9c…` | by the engine at `DOCKER_HOST`, or at its usual socket; an id without an engine by its group |
//! | `system.slice/docker-<id>.scope`, `/sys/fs/cgroup/docker/<id>` | by its group, without an engine |
//!
//! CPU is told as seconds used, beside how many CPUs it may use: its quota or set of CPUs, or the machine's. Memory is what
//! `docker stats` shows: without files in the page cache that could be given up at once.

mod engine;
mod stats;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::cgroup::{Group, MOUNTED, Machine};
use super::{Depth, Look, Probe, bytes};
use crate::record::{ProbeKind, ProbeName};
use engine::{Engine, EngineError};

/// Where an engine listens that nobody says otherwise of.
const USUAL_HOST: &str = if cfg!(windows) { "npipe:////./pipe/docker_engine" } else { "unix:///var/run/docker.sock" };

/// See the module.
#[derive(Debug)]
pub(super) struct ContainerProbe {
    name: String,
    engine: Engine,
    mounted: PathBuf,
    /// Found without an engine.
    group: Option<Group>,
    machine: Option<Machine>,
    facts: BTreeMap<String, String>,
}

impl ContainerProbe {
    /// One that has not looked yet.
    pub(super) fn new(name: &str) -> Self {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| USUAL_HOST.to_owned());
        Self::of(name, &host, MOUNTED.into())
    }

    fn of(name: &str, host: &str, mounted: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            engine: Engine::new(name, host, mounted.clone()),
            mounted,
            group: None,
            machine: Machine::here(),
            facts: BTreeMap::new(),
        }
    }

    async fn see(&mut self) -> Result<Look, String> {
        if let Some(group) = self.group.take().or_else(|| Group::at(&self.mounted, &self.name)) {
            return self.see_group(group);
        }
        if self.name.contains('/') {
            return Err(format!(
                "there is no control group {} below {}: `systemd-cgls` shows them",
                self.name,
                self.mounted.display()
            ));
        }
        if !self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            return Err(format!("{:?} is no container's name, which has letters, digits, _, . and - only", self.name));
        }
        let why = match self.engine.look(&mut self.facts).await {
            Ok(look) => return Ok(look),
            Err(EngineError::Container(why)) => return Err(why),
            Err(EngineError::NoEngine(why)) => why,
        };
        match Group::of_container(&self.mounted, &self.name) {
            Some(group) => self.see_group(group),
            None => Err(format!(
                "no Docker engine at {}: {why}; start it or set DOCKER_HOST, or name the container's control group, e.g. \
                 --container system.slice/docker-<id>.scope",
                self.engine.host()
            )),
        }
    }

    fn see_group(&mut self, group: Group) -> Result<Look, String> {
        let machine = self.machine.ok_or("this system does not tell how many CPUs and how much memory it has")?;
        let (look, limits) = group.look(machine)?;
        let own = |own: bool| if own { "its own" } else { "the machine's" };
        self.facts.insert("control group".into(), group.shown());
        self.facts.insert("cpus".into(), format!("{}, {}", limits.cpus, own(limits.own_cpus)));
        let memory = format!("{}, {}", bytes(limits.memory_bytes), own(limits.own_memory));
        self.facts.insert("memory limit".into(), memory);
        self.group = Some(group);
        Ok(look)
    }
}

impl Probe for ContainerProbe {
    fn name(&self) -> ProbeName {
        ProbeName { kind: ProbeKind::Container, name: shown(&self.name), facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        self.see().boxed()
    }

    /// The engine takes a second or two for its first word.
    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }
}

/// Of a group's path the end, of an id as much as `docker ps` shows.
fn shown(name: &str) -> String {
    let end = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    let end = end.strip_suffix(".scope").unwrap_or(end);
    let id = ["docker-", "libpod-", "crio-"].iter().find_map(|prefix| end.strip_prefix(prefix)).unwrap_or(end);
    if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) { id[..12].to_owned() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(tree: &std::path::Path, group: &str) {
        let folder = tree.join(group);
        std::fs::create_dir_all(&folder).unwrap();
        for (file, text) in [
            ("cgroup.procs", "1\n"),
            ("cpu.stat", "usage_usec 1500000\n"),
            ("cpu.max", "150000 100000\n"),
            ("memory.current", "1000\n"),
            ("memory.max", "4096\n"),
        ] {
            std::fs::write(folder.join(file), text).unwrap();
        }
    }

    #[tokio::test]
    async fn a_group_is_watched_without_an_engine() {
        let tree = tempfile::tempdir().unwrap();
        let id = "3f2a9c".repeat(11)[..64].to_owned();
        let path = format!("system.slice/docker-{id}.scope");
        files(tree.path(), &path);
        let nowhere = format!("unix://{}/none.sock", tree.path().display());
        // By its path, and where there is no engine by its id, whole or as `docker ps` shows it.
        for name in [&path, &id, &id[..12]] {
            let mut probe = ContainerProbe::of(name, &nowhere, tree.path().to_owned());
            assert_eq!(probe.name().to_string(), "container 3f2a9c3f2a9c");
            let look = probe.look(Depth::Whole).await.unwrap();
            assert_eq!((look.totals["cpu_s"], look.gauges["memory_limit_bytes"]), (1.5, 4096.0));
            let machine = Machine::here().unwrap();
            assert_eq!(look.gauges["cpus"], machine.cpus.min(1.5));
            let facts = probe.name().facts;
            assert_eq!((&*facts["control group"], &*facts["memory limit"]), (path.as_str(), "4 KiB, its own"));
        }
        let mut probe = ContainerProbe::of(&path, &nowhere, tree.path().to_owned());
        probe.look(Depth::Whole).await.unwrap();
        std::fs::remove_dir_all(tree.path().join(&path)).unwrap();
        let error = probe.look(Depth::Quick).await.unwrap_err();
        assert_eq!(error, format!("the group {path} is gone: it has ended"));
        let error = probe.look(Depth::Quick).await.unwrap_err();
        assert!(error.starts_with(&format!("there is no control group {path} below ")), "{error}");
        files(tree.path(), &path);
        assert!(probe.look(Depth::Quick).await.is_ok(), "it is found again");
    }

    #[tokio::test]
    async fn with_neither_an_engine_nor_a_group_a_line_says_what_to_do() {
        let tree = tempfile::tempdir().unwrap();
        let nowhere = format!("unix://{}/none.sock", tree.path().display());
        let mut probe = ContainerProbe::of("db", &nowhere, tree.path().to_owned());
        let error = probe.look(Depth::Whole).await.unwrap_err();
        assert!(error.starts_with(&format!("no Docker engine at {nowhere}: ")), "{error}");
        assert!(error.contains("start it or set DOCKER_HOST, or name the container's control group"), "{error}");
        assert!(!error.contains('\n'));
        let mut probe = ContainerProbe::of("db?all=1", &nowhere, tree.path().to_owned());
        assert!(probe.look(Depth::Whole).await.unwrap_err().starts_with("\"db?all=1\" is no container's name"));
        for host in ["tcp://127.0.0.1:1", "ssh://me@db", "nonsense"] {
            let mut probe = ContainerProbe::of("db", host, tree.path().to_owned());
            let error = probe.look(Depth::Whole).await.unwrap_err();
            assert!(error.starts_with(&format!("no Docker engine at {host}: ")), "{error}");
        }
    }
}
