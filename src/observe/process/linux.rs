//! Processes as Linux' `/proc` has them: proc(5).

use std::collections::HashMap;
use std::path::Path;

use procfs::process::{Process, Status, all_processes};

use super::super::cgroup::{Group, Limits, MOUNTED, Machine, together};
use super::{Disk, Id, Listed, Now, Usage};

/// The kernel keeps so many bytes of a program's name.
const MOST_COMM: usize = 15;

/// What is kept between looks.
#[derive(Debug, Default)]
pub(super) struct System {
    /// Of every process the name that the kernel has for it, and the other one once it was read.
    names: HashMap<Id, Names>,
}

#[derive(Debug)]
struct Names {
    comm: String,
    /// The last part of the path by which it was started.
    started_as: Option<String>,
}

impl System {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Every process there is.
    pub(super) fn all(&mut self) -> Result<Vec<Listed>, String> {
        let processes = all_processes().map_err(|error| format!("cannot read /proc: {error}"))?;
        // One that ends meanwhile is not there.
        let stats = processes.filter_map(|process| process.ok()?.stat().ok());
        let seconds = |ticks: f64| ticks / procfs::ticks_per_second() as f64;
        let (mut all, mut names) = (Vec::new(), HashMap::new());
        for stat in stats {
            let id = (stat.pid.unsigned_abs(), stat.starttime);
            all.push(Listed {
                id,
                parent: stat.ppid.unsigned_abs(),
                zombie: matches!(stat.state, 'Z' | 'X' | 'x'),
                usage: Usage {
                    cpu_s: seconds((stat.utime + stat.stime) as f64),
                    reaped_cpu_s: seconds((stat.cutime + stat.cstime) as f64),
                },
            });
            // Another name after an exec, and then it is another program.
            let known = self.names.remove(&id).filter(|known| known.comm == stat.comm);
            names.insert(id, known.unwrap_or(Names { comm: stat.comm, started_as: None }));
        }
        self.names = names;
        Ok(all)
    }

    /// By the name that the kernel has for it, as `ps -e` shows it, or by the program that was started. The program that
    /// watches is never meant by a name.
    pub(super) fn is_named(&mut self, id: Id, name: &str) -> bool {
        let Some(names) = self.names.get_mut(&id).filter(|_| id.0 != std::process::id()) else { return false };
        if names.comm == name {
            return true;
        }
        let started_as = names.started_as.get_or_insert_with(|| started_as(id.0).unwrap_or_default());
        // A title that a program gave itself, as "nginx: worker process", begins with its name.
        started_as == name && (names.comm.len() < MOST_COMM || name.starts_with(&names.comm))
    }

    /// The name that the kernel has for it.
    pub(super) fn program(&self, pid: u32) -> Option<String> {
        self.names.iter().find(|((other, _), _)| *other == pid).map(|(_, names)| names.comm.clone())
    }

    /// What it has now; `None` once it has ended.
    #[expect(clippy::unused_self, reason = "elsewhere the system keeps what it knows of processes")]
    pub(super) fn now(&self, id: Id) -> Option<Now> {
        let process = Process::new(i32::try_from(id.0).ok()?).ok()?;
        let status = process.status().ok()?;
        let kib = |kib: Option<u64>| kib.unwrap_or(0) as f64 * 1024.0;
        // Kernels before 4.5 tell the whole alone.
        let private = status.rssanon.or(status.vmrss);
        Some(Now {
            private_bytes: kib(private),
            file_bytes: kib(status.rssfile),
            shared_bytes: kib(status.rssshmem),
            threads: status.threads as f64,
            files: process.fd_count().ok().map(|count| count as f64),
            disk: process.io().ok().map(|io| Disk { read: io.read_bytes as f64, written: io.write_bytes as f64 }),
        })
    }

    /// What their groups and the CPUs that they may run on leave processes together.
    #[expect(clippy::unused_self, reason = "elsewhere the system keeps what it knows of processes")]
    pub(super) fn limits(&self, pids: impl Iterator<Item = u32>, machine: Machine) -> Option<Limits> {
        together(pids.filter_map(|pid| Self::limits_of(pid, machine)), machine)
    }

    fn limits_of(pid: u32, machine: Machine) -> Option<(Option<Group>, Limits)> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let status = Process::new(i32::try_from(pid).ok()?).ok()?.status().ok()?;
        let group = Group::around_process(Path::new(MOUNTED), &text);
        let mut limits = group.as_ref().map_or(
            Limits { cpus: machine.cpus, memory_bytes: machine.memory_bytes, own_cpus: false, own_memory: false },
            |group| group.limits(machine),
        );
        if let Some(allowed) = cpus_allowed(&status).filter(|&allowed| allowed < limits.cpus) {
            limits = Limits { cpus: allowed, own_cpus: true, ..limits };
        }
        Some((group, limits))
    }
}

/// The mask may have bits for CPUs that the machine has not.
fn cpus_allowed(status: &Status) -> Option<f64> {
    let ranges = status.cpus_allowed_list.as_ref()?;
    Some(ranges.iter().map(|(first, last)| f64::from(last.saturating_sub(*first)) + 1.0).sum())
}

fn started_as(pid: u32) -> Option<String> {
    let command = Process::new(i32::try_from(pid).ok()?).ok()?.cmdline().ok()?;
    let path = command.first()?.split([' ', ':']).next()?;
    Some(path.rsplit('/').next()?.to_owned())
}
