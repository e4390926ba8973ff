//! Processes as `sysinfo` knows them, on any system.

use std::collections::BTreeMap;

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, RefreshKind, UpdateKind};

use super::super::cgroup::{Limits, Machine};
use super::{Disk, Id, Listed, Now, Usage};

/// What is kept between looks.
#[derive(Debug, Default)]
pub(super) struct System {
    /// From the first look on.
    system: Option<sysinfo::System>,
}

impl System {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Every process there is. What ended children used is not told apart.
    pub(super) fn all(&mut self) -> Result<Vec<Listed>, String> {
        let system = match &mut self.system {
            Some(system) => system,
            none => {
                let system = sysinfo::System::new_with_specifics(RefreshKind::nothing());
                none.insert(system.map_err(|error| format!("this system tells nothing of its processes: {error}"))?)
            }
        };
        let kind =
            ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage().with_exe(UpdateKind::OnlyIfNotSet);
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let listed = |process: &Process| Listed {
            id: (process.pid().as_u32(), process.start_time()),
            parent: process.parent().map_or(0, Pid::as_u32),
            zombie: matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead),
            usage: Usage { cpu_s: process.accumulated_cpu_time() as f64 / 1000.0, reaped_cpu_s: 0.0 },
        };
        // Threads are listed among processes on some systems.
        let processes = system.processes().values().filter(|process| process.thread_kind().is_none());
        let all: BTreeMap<Id, Listed> = processes.map(listed).map(|one| (one.id, one)).collect();
        Ok(all.into_values().collect())
    }

    pub(super) fn is_named(&mut self, id: Id, name: &str) -> bool {
        let Some(process) = self.process(id.0).filter(|_| id.0 != std::process::id()) else { return false };
        let program = process.exe().and_then(|path| path.file_name());
        process.name() == name || program.is_some_and(|program| program == name)
    }

    pub(super) fn program(&self, pid: u32) -> Option<String> {
        Some(self.process(pid)?.name().to_string_lossy().into_owned())
    }

    /// What it has now; `None` once it has ended.
    pub(super) fn now(&self, id: Id) -> Option<Now> {
        let process = self.process(id.0)?;
        let disk = process.disk_usage();
        Some(Now {
            private_bytes: process.memory() as f64,
            threads: process.tasks().map_or(1.0, |tasks| tasks.len().max(1) as f64),
            files: process.open_files().map(|files| files as f64),
            disk: Some(Disk { read: disk.total_read_bytes as f64, written: disk.total_written_bytes as f64 }),
            ..Now::default()
        })
    }

    /// Groups are Linux' own.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "Linux may have less for a process, or not tell")]
    pub(super) fn limits(&self, _pids: impl Iterator<Item = u32>, machine: Machine) -> Option<Limits> {
        Some(Limits { cpus: machine.cpus, memory_bytes: machine.memory_bytes, own_cpus: false, own_memory: false })
    }

    fn process(&self, pid: u32) -> Option<&Process> {
        self.system.as_ref()?.process(Pid::from_u32(pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_with_what_it_has() {
        let mut system = System::new();
        let all = system.all().unwrap();
        let me = all.iter().find(|one| one.id.0 == std::process::id()).unwrap();
        assert!(all.iter().any(|one| one.id.0 == me.parent) || me.parent <= 1, "{me:?}");
        let now = system.now(me.id).unwrap();
        assert!(now.private_bytes > 1e6 && now.threads >= 1.0, "{now:?}");
        let machine = Machine::here().unwrap();
        let limits = system.limits(std::iter::once(me.id.0), machine).unwrap();
        assert_eq!((limits.cpus, limits.memory_bytes), (machine.cpus, machine.memory_bytes));
        let program = system.program(me.id.0).unwrap();
        assert!(!program.is_empty() && !system.is_named(me.id, &program), "not by a name: it is the one that watches");
    }
}
