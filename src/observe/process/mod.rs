//! A process with its descendants: postgres with its backends, nginx with its workers, a service with its children.
//!
//! | figure | what it is |
//! |---|---|
//! | `cpu_s` | of all of them since the first look; what those used that are gone stays counted, and what children used that came and went between two looks is counted once their parent has waited for them |
//! | `memory_bytes` | private pages of each (`RssAnon`), and the largest share of file and of shared pages that any of them has: what they all share counts once, where adding up their `RSS` would count a database's buffers once a backend. Of a single process it is its `RSS`. Pages that a parent and its children still have in common after a fork count for each |
//! | `cpus`, `memory_limit_bytes` | what its control group leaves it, or the machine has; of several groups, what they have together |
//! | `processes`, `threads`, `files` | of all of them |
//! | `disk_read_bytes`, `disk_written_bytes` | what they had read from and written to disks, by `/proc/<pid>/io` |
//!
//! By its id it is one process, told from a later one with the same id by when it began. By its program's name it is every
//! process of that name that no other one of them has started; one that ended is found again when it comes back.

mod family;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
mod spec;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::cgroup::Machine;
use super::{Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};
use family::Family;

#[cfg(target_os = "linux")]
use linux::System;
#[cfg(not(target_os = "linux"))]
use portable::System;

pub use spec::{ProcessOf, ProcessSpec};

/// A process's id, and when it began: that makes it out for good.
type Id = (u32, u64);

/// One process of the system, as a look at all of them has it.
#[derive(Debug, Clone, PartialEq)]
struct Listed {
    id: Id,
    parent: u32,
    /// It has ended, and its parent has not asked for it yet.
    zombie: bool,
    usage: Usage,
}

/// What a process has used since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Usage {
    /// By itself.
    cpu_s: f64,
    /// By children that ended and were waited for, and by theirs.
    reaped_cpu_s: f64,
}

/// Bytes that a process has had read and written, those of its children that were waited for included.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Disk {
    read: f64,
    written: f64,
}

/// What one process has now; `None` where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Now {
    private_bytes: f64,
    file_bytes: f64,
    shared_bytes: f64,
    threads: f64,
    files: Option<f64>,
    disk: Option<Disk>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct ProcessProbe {
    spec: ProcessSpec,
    system: System,
    machine: Option<Machine>,
    family: Family,
    /// The program's name of a process given by its id.
    program: Option<String>,
    /// Whether a name without a label must tell it from others.
    among_others: bool,
    facts: BTreeMap<String, String>,
}

impl ProcessProbe {
    /// One that has not looked yet.
    pub(super) fn new(spec: &ProcessSpec, among_others: bool) -> Self {
        Self {
            spec: spec.clone(),
            system: System::new(),
            machine: Machine::here(),
            family: Family::default(),
            program: None,
            among_others,
            facts: BTreeMap::new(),
        }
    }

    fn see(&mut self) -> Result<Look, String> {
        let all = self.system.all()?;
        let roots = self.roots(&all)?;
        let members = self.family.gather(&all, &roots);
        let mut now: BTreeMap<Id, Now> = BTreeMap::new();
        for member in members.iter().filter(|member| !member.zombie) {
            // It may have ended since.
            if let Some(of) = self.system.now(member.id) {
                now.insert(member.id, of);
            }
        }
        if now.is_empty() {
            return Err(self.ended());
        }
        self.family.count(&members, &now);
        let mut look = Look::default();
        look.total("cpu_s", self.family.cpu_s());
        look.gauge("memory_bytes", memory_bytes(&now));
        look.gauge("processes", now.len() as f64);
        look.gauge("threads", now.values().map(|now| now.threads).sum());
        let files: Option<f64> = now.values().map(|now| now.files).sum();
        if let Some(files) = files {
            look.gauge("files", files);
        }
        if let Some(disk) = self.family.disk() {
            look.total("disk_read_bytes", disk.read);
            look.total("disk_written_bytes", disk.written);
        }
        self.limits(&roots, &mut look);
        self.learn(&roots, files.is_some());
        Ok(look)
    }

    /// Those that were meant, and are there.
    fn roots(&mut self, all: &[Listed]) -> Result<Vec<Id>, String> {
        match self.spec.of.clone() {
            ProcessOf::Pid(pid) => {
                let found = all.iter().find(|one| one.id.0 == pid && !one.zombie);
                let known = self.family.first_root();
                match found {
                    Some(found) if known.is_none_or(|known| known == found.id) => Ok(vec![found.id]),
                    Some(_) => Err(format!("process {pid} has ended; another one has its id now")),
                    None if known.is_some() => Err(self.ended()),
                    None => Err(format!("there is no process {pid} on this machine")),
                }
            }
            ProcessOf::Name(name) => {
                let named: Vec<&Listed> =
                    all.iter().filter(|one| !one.zombie && self.system.is_named(one.id, &name)).collect();
                let by_pid: BTreeMap<u32, &Listed> = all.iter().map(|one| (one.id.0, one)).collect();
                let is_named = |pid: u32| named.iter().any(|one| one.id.0 == pid);
                let mut roots = Vec::new();
                for one in &named {
                    let mut parents = std::iter::successors(Some(one.parent), |pid| Some(by_pid.get(pid)?.parent));
                    // Ids of a list that was not read in one moment may be in a circle.
                    if !parents.by_ref().take(1000).take_while(|&pid| pid != 0).any(is_named) {
                        roots.push(one.id);
                    }
                }
                roots.sort_unstable();
                match (roots.is_empty(), self.family.first_root()) {
                    (false, _) => Ok(roots),
                    (true, Some(_)) => Err(self.ended()),
                    (true, None) => {
                        Err(format!("no process named {name} on this machine: name it as `ps -e` does, or give its id"))
                    }
                }
            }
        }
    }

    fn limits(&mut self, roots: &[Id], look: &mut Look) {
        let Some(machine) = self.machine else { return };
        let limits = self.system.limits(roots.iter().map(|root| root.0), machine);
        let (cpus, memory_bytes) =
            limits.map_or((machine.cpus, machine.memory_bytes), |limits| (limits.cpus, limits.memory_bytes));
        look.gauge("cpus", cpus);
        look.gauge("memory_limit_bytes", memory_bytes);
        let own = |less: bool| if less { "its own" } else { "the machine's" };
        self.facts.insert("cpus".into(), format!("{cpus}, {}", own(cpus < machine.cpus)));
        let memory = format!("{}, {}", super::bytes(memory_bytes), own(memory_bytes < machine.memory_bytes));
        self.facts.insert("memory limit".into(), memory);
    }

    fn learn(&mut self, roots: &[Id], files: bool) {
        let pids: Vec<String> = roots.iter().take(10).map(|root| root.0.to_string()).collect();
        let more = if roots.len() > pids.len() { ", …" } else { "" };
        self.facts.insert("pid".into(), format!("{}{more}", pids.join(", ")));
        if let (ProcessOf::Name(name), count @ 2..) = (&self.spec.of, roots.len()) {
            self.facts.insert("found".into(), format!("{count} named {name}, taken together"));
        } else {
            self.facts.remove("found");
        }
        if files {
            self.facts.remove("files");
        } else {
            self.facts.insert("files".into(), "not available: they are another user's".into());
        }
        if let (None, [root, ..]) = (&self.program, roots) {
            self.program = self.system.program(root.0);
        }
        if let Some(program) = &self.program {
            self.facts.insert("program".into(), program.clone());
        }
    }

    /// What is told of it once it is gone.
    fn ended(&self) -> String {
        match (&self.spec.of, &self.program) {
            (ProcessOf::Name(name), _) => format!("{name} has ended; it is looked for again every second"),
            (ProcessOf::Pid(pid), Some(program)) => format!(
                "process {pid} ({program}) has ended; what is started in its place is found by a name, as in --process {program}"
            ),
            (ProcessOf::Pid(pid), None) => format!("process {pid} has ended"),
        }
    }
}

impl Probe for ProcessProbe {
    fn name(&self) -> ProbeName {
        let name = match (&self.spec.label, &self.spec.of, &self.program) {
            (Some(label), ..) => label.clone(),
            (None, ProcessOf::Name(name), _) => name.clone(),
            (None, ProcessOf::Pid(_), Some(program)) if !self.among_others => program.clone(),
            (None, ProcessOf::Pid(pid), _) => pid.to_string(),
        };
        ProbeName { kind: ProbeKind::Process, name, facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        // Short files: reading them takes less than handing them to another thread would.
        ready(self.see()).boxed()
    }
}

/// What is private of each, and once what they may share.
fn memory_bytes(processes: &BTreeMap<Id, Now>) -> f64 {
    let largest = |of: fn(&Now) -> f64| processes.values().map(of).fold(0.0, f64::max);
    let private: f64 = processes.values().map(|now| now.private_bytes).sum();
    private + largest(|now| now.file_bytes) + largest(|now| now.shared_bytes)
}

#[cfg(test)]
mod tests;
