//! This machine: CPU, memory, disk, network, pressure, and the limits that a planned load needs.

mod judge;
mod seen;

use super::rule::{Area, Finding, Rule};

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    holds: &'static str,
    source: &'static str,
    applies: &'static str,
) -> Rule {
    Rule { id, area: Area::System, lines, section: "Target Metrics", holds, source, applies }
}

static CPU: Rule = rule(
    "system.cpu",
    &[],
    "less than 70 % of the CPU time of a second is used; fails at 90 %",
    "the guide's targets: CPU < 70 % average, < 90 % peak",
    "Linux",
);
static MEMORY: Rule = rule(
    "system.memory",
    &[],
    "less than 80 % of the memory is used; fails at 95 %",
    "the guide's target: 80 %; own choice: at 95 % the kernel is about to kill",
    "",
);
static SWAP: Rule = rule(
    "system.swap",
    &[],
    "less than a tenth of the swap is used",
    "own choice: what is swapped out is read from disk again, and a tenth is more than what nobody ever asks for",
    "",
);
static DISK: Rule = rule(
    "system.disk_space",
    &[],
    "every disk has 15 % free; fails below 5 %",
    "PostgreSQL, disk full failure: it may stop; own choice: 15 % leaves a day to act, 5 % is what ext4 keeps for root",
    "",
);
static PRESSURE: Rule = rule(
    "system.pressure",
    &[],
    "over the last minute nobody waited for CPU 20 %, for memory 5 % or for disks 20 % of the time; fails at twice as much",
    "the kernel's PSI; own choice: 20 % is a fifth of all time, 5 % for memory, where waiting means reading again from disk",
    "Linux 4.20 with PSI",
);
static NETWORK: Rule = rule(
    "system.network",
    &[16],
    "fewer than one packet in 10,000 is dropped or broken, and no connection was turned away by a full queue within a second",
    "the kernel's /proc/net/dev and netstat; own choice: one in 10,000 costs TCP nothing that shows",
    "Linux",
);
static FILES: Rule = rule(
    "system.open_files",
    &[16],
    "a process may open 65,535 files, or as many as the planned load needs",
    "the guide: worker_rlimit_nofile 65535",
    "",
);
static QUEUE: Rule = rule(
    "system.listen_queue",
    &[16],
    "somaxconn is 1024 or more",
    "own choice: twice nginx' backlog of 511; the kernel's default is 4096 since 5.4, a burst of connections waits there",
    "Linux",
);
static LOAD: Rule = rule(
    "system.planned_load",
    &[16],
    "files, ports and memory of this machine are enough for the load",
    "each user has a connection: a file and a port (proc(5), ip(7): ip_local_port_range)",
    "--planned-load USERS or RATE/s",
);

static RULES: [&Rule; 9] = [&CPU, &MEMORY, &SWAP, &DISK, &PRESSURE, &NETWORK, &FILES, &QUEUE, &LOAD];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.into_iter()
}

/// What is planned for this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SystemTarget {
    /// The load that it is to make.
    pub planned: Option<Planned>,
    /// Whether that load goes to this machine.
    pub loopback: bool,
}

/// A load that is planned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Planned {
    /// Users, each with a connection.
    Users(u64),
    /// Arrivals a second.
    Rate(f64),
}

/// Looks for a second, and judges.
pub(super) async fn look(target: &SystemTarget) -> Vec<Finding> {
    let seen = seen::gather().await;
    judge::judge(&seen, target)
}
