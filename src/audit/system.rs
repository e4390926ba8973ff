//! This machine: CPU, memory, disk, network, pressure, and the limits that a planned load needs.

use std::path::Path;
use std::time::Duration;

use super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::size::{format_size, memory_here};
use crate::load::{LimitError, Limits, Needs, check_limits};

/// Over which CPU and network are counted.
const WHILE: Duration = Duration::from_secs(1);

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
    "the guide's targets",
    "Linux",
);
static MEMORY: Rule =
    rule("system.memory", &[], "less than 80 % of the memory is used; fails at 95 %", "the guide's target", "");
static SWAP: Rule = rule(
    "system.swap",
    &[],
    "less than a tenth of the swap is used",
    "what is swapped out is read from disk again",
    "",
);
static DISK: Rule = rule(
    "system.disk_space",
    &[],
    "every disk has 15 % free; fails below 5 %",
    "PostgreSQL stops when its disk is full",
    "",
);
static PRESSURE: Rule = rule(
    "system.pressure",
    &[],
    "over the last minute nobody waited for CPU 20 %, for memory 5 % or for disks 20 % of the time; fails at twice as much",
    "PSI, Documentation/accounting/psi.rst",
    "Linux 4.20 with PSI",
);
static NETWORK: Rule = rule(
    "system.network",
    &[16],
    "fewer than one packet in 10,000 is dropped or broken, and no connection was turned away by a full queue within a second",
    "/proc/net",
    "Linux",
);
static FILES: Rule = rule(
    "system.open_files",
    &[16],
    "a process may open 65,535 files, or as many as the planned load needs",
    "the guide: worker_rlimit_nofile 65535",
    "",
);
static QUEUE: Rule =
    rule("system.listen_queue", &[16], "somaxconn is 1024 or more", "a burst of connections waits there", "Linux");
static LOAD: Rule = rule(
    "system.planned_load",
    &[16],
    "files, ports and memory of this machine are enough for the load",
    "each user has a connection: a file and a port",
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

/// What was seen; `None` for what this machine does not tell.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Shares of the CPU time of a second.
    cpu: Option<f64>,
    cpus: usize,
    /// Used and all, bytes.
    memory: Option<(u64, u64)>,
    swap: Option<(u64, u64)>,
    /// Mount point, free and all bytes.
    disks: Vec<(String, u64, u64)>,
    /// What is waited for, and the share of the last minute.
    pressure: Vec<(&'static str, f64)>,
    /// Packets, those dropped or broken, and connections turned away, within a second.
    network: Option<(u64, u64, u64)>,
    limits: Limits,
    queue: Option<u64>,
}

/// Looks for a second, and judges.
pub(super) async fn look(target: &SystemTarget) -> Vec<Finding> {
    let seen = gather().await;
    judge(&seen, target)
}

async fn gather() -> Seen {
    let counters = || (cpu_times(), network());
    let before = counters();
    tokio::time::sleep(WHILE).await;
    let after = counters();
    let cpu = before.0.zip(after.0).and_then(|(before, after)| {
        let (busy, all) = (after.0.checked_sub(before.0)?, after.1.checked_sub(before.1)?);
        (all > 0).then(|| busy as f64 / all as f64)
    });
    let network = before.1.zip(after.1).map(|(before, after)| {
        (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1), after.2.saturating_sub(before.2))
    });
    let system = sysinfo::System::new().ok().map(|mut system| {
        system.refresh_memory();
        system
    });
    let memory = system.as_ref().and_then(|system| {
        let all = memory_here()?;
        let free = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory).min(system.available_memory());
        Some((all.saturating_sub(free), all))
    });
    Seen {
        cpu,
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        memory,
        swap: system.as_ref().map(|system| (system.used_swap(), system.total_swap())),
        disks: disks(),
        pressure: [("cpu", "some"), ("memory", "some"), ("io", "some")]
            .into_iter()
            .filter_map(|(name, line)| Some((name, pressure(&read(&format!("/proc/pressure/{name}"))?, line)?)))
            .collect(),
        network,
        limits: Limits::here(),
        queue: read("/proc/sys/net/core/somaxconn").and_then(|text| text.trim().parse().ok()),
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(path)).ok()
}

fn cpu_times() -> Option<(u64, u64)> {
    busy_and_all(read("/proc/stat")?.lines().next()?)
}

/// `cpu user nice system idle iowait irq softirq steal …`: guests are counted within user.
fn busy_and_all(line: &str) -> Option<(u64, u64)> {
    let times: Vec<u64> = line.split_ascii_whitespace().skip(1).take(8).map_while(|text| text.parse().ok()).collect();
    let all: u64 = times.iter().sum();
    Some((all.checked_sub(times.get(3)? + times.get(4)?)?, all))
}

fn pressure(text: &str, line: &str) -> Option<f64> {
    let line = text.lines().find(|found| found.starts_with(line))?;
    let minute = line.split(' ').find_map(|part| part.strip_prefix("avg60="))?;
    minute.parse::<f64>().ok().map(|percent| percent / 100.0)
}

fn network() -> Option<(u64, u64, u64)> {
    let (packets, bad) = packets(&read("/proc/net/dev")?);
    Some((packets, bad, overflows(&read("/proc/net/netstat").unwrap_or_default())))
}

/// All packets, and those that were broken or dropped, of every interface but loopback.
fn packets(text: &str) -> (u64, u64) {
    let mut sums = (0, 0);
    for line in text.lines().skip(2) {
        let Some((name, numbers)) = line.split_once(':') else { continue };
        let numbers: Vec<u64> = numbers.split_ascii_whitespace().map_while(|text| text.parse().ok()).collect();
        if name.trim() == "lo" || numbers.len() < 12 {
            continue;
        }
        sums.0 += numbers[1] + numbers[9];
        sums.1 += numbers[2] + numbers[3] + numbers[10] + numbers[11];
    }
    sums
}

/// `ListenOverflows` and `ListenDrops`: names in one line, numbers in the next.
fn overflows(text: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
    let pairs = names.split(' ').zip(numbers.split(' '));
    pairs.filter(|(name, _)| *name == "ListenOverflows").filter_map(|(_, number)| number.parse::<u64>().ok()).sum()
}

fn disks() -> Vec<(String, u64, u64)> {
    let mut seen: Vec<(String, u64, u64)> = Vec::new();
    let Ok(disks) = sysinfo::Disks::new_with_refreshed_list() else { return seen };
    for disk in &disks {
        let one = (disk.mount_point().display().to_string(), disk.available_space(), disk.total_space());
        // A container has the same disk under many names.
        if one.2 > 0 && !disk.is_read_only() && seen.iter().all(|known| (known.1, known.2) != (one.1, one.2)) {
            seen.push(one);
        }
    }
    seen
}

fn judge(seen: &Seen, target: &SystemTarget) -> Vec<Finding> {
    vec![
        share(
            &CPU,
            seen.cpu,
            (0.7, 0.9),
            |used| format!("{:.0} % of {} CPUs used", 100.0 * used, seen.cpus),
            "who uses it: top -o %CPU",
        ),
        share(
            &MEMORY,
            seen.memory.map(|(used, all)| used as f64 / all.max(1) as f64),
            (0.8, 0.95),
            |_| {
                seen.memory.map_or_else(String::new, |(used, all)| {
                    format!("{} of {} used", format_size(used), format_size(all))
                })
            },
            "who uses it: top -o %MEM",
        ),
        swap(seen),
        disk(seen),
        waiting(seen),
        packets_lost(seen),
        files(seen),
        queue(seen),
        load(seen, target),
    ]
}

fn share(
    rule: &'static Rule,
    used: Option<f64>,
    (warn, fail): (f64, f64),
    line: impl Fn(f64) -> String,
    fix: &str,
) -> Finding {
    let Some(used) = used else { return rule.not_applicable("this machine does not tell") };
    let outcome = match used {
        used if used >= fail => Outcome::Fail,
        used if used >= warn => Outcome::Warn,
        used => return rule.pass(line(used)),
    };
    rule.found(outcome, line(used)).fix(FixKind::Shell, fix)
}

fn swap(seen: &Seen) -> Finding {
    match seen.swap {
        Some((used, all)) if all > 0 && used * 10 >= all => SWAP
            .warn(format!("{} of {} swap used", format_size(used), format_size(all)))
            .fix(FixKind::Shell, "sysctl -w vm.swappiness=10  # and more memory, or less to hold"),
        Some(_) => SWAP.pass("none worth a word"),
        None => SWAP.not_applicable("this machine does not tell"),
    }
}

fn disk(seen: &Seen) -> Finding {
    let free = |disk: &(String, u64, u64)| disk.1 as f64 / disk.2.max(1) as f64;
    let Some(tightest) = seen.disks.iter().min_by(|a, b| free(a).total_cmp(&free(b))) else {
        return DISK.not_applicable("this machine does not tell");
    };
    let line = format!("{}: {} of {} free", tightest.0, format_size(tightest.1), format_size(tightest.2));
    let outcome = match free(tightest) {
        free if free < 0.05 => Outcome::Fail,
        free if free < 0.15 => Outcome::Warn,
        _ => return DISK.pass(line),
    };
    DISK.found(outcome, line).fix(FixKind::Shell, format!("du -xh --max-depth=2 '{}' | sort -h | tail", tightest.0))
}

fn waiting(seen: &Seen) -> Finding {
    if seen.pressure.is_empty() {
        return PRESSURE.not_applicable("not available on this kernel");
    }
    let limit = |name: &str| if name == "memory" { 0.05 } else { 0.2 };
    let worst = seen.pressure.iter().map(|(name, share)| share / limit(name)).fold(0.0, f64::max);
    let lines: Vec<String> =
        seen.pressure.iter().map(|(name, share)| format!("{name} {:.1} %", 100.0 * share)).collect();
    let line = format!("waited for within the last minute: {}", lines.join(", "));
    let outcome = match worst {
        worst if worst >= 2.0 => Outcome::Fail,
        worst if worst >= 1.0 => Outcome::Warn,
        _ => return PRESSURE.pass(line),
    };
    PRESSURE.found(outcome, line).fix(FixKind::Shell, "who waits: top -o %CPU; iotop -oP; who uses memory: top -o %MEM")
}

fn packets_lost(seen: &Seen) -> Finding {
    let Some((packets, bad, turned_away)) = seen.network else {
        return NETWORK.not_applicable("this machine does not tell");
    };
    let line = format!("within a second {bad} of {packets} packets lost, {turned_away} connections turned away");
    if turned_away == 0 && bad as f64 <= 1e-4 * packets as f64 {
        return NETWORK.pass(line);
    }
    NETWORK.warn(line).fix(FixKind::Shell, "sysctl -w net.core.somaxconn=4096 net.core.netdev_max_backlog=5000")
}

fn files(seen: &Seen) -> Finding {
    match seen.limits.open_files {
        None => FILES.pass("no limit"),
        Some(limit) if limit >= 65_535 => FILES.pass(format!("{limit} files")),
        Some(limit) => FILES.warn(format!("{limit} files")).fix(
            FixKind::Shell,
            "ulimit -n 65535  # in a container --ulimit nofile=65535, under systemd LimitNOFILE=65535",
        ),
    }
}

fn queue(seen: &Seen) -> Finding {
    match seen.queue {
        None => QUEUE.not_applicable("this machine does not tell"),
        Some(length) if length >= 1024 => QUEUE.pass(format!("somaxconn = {length}")),
        Some(length) => {
            QUEUE.warn(format!("somaxconn = {length}")).fix(FixKind::Shell, "sysctl -w net.core.somaxconn=4096")
        }
    }
}

fn load(seen: &Seen, target: &SystemTarget) -> Finding {
    let Some(planned) = target.planned else {
        return LOAD.not_applicable("no load is planned: --planned-load 250, or 50/s");
    };
    let (connections, requests_per_s) = match planned {
        Planned::Users(users) => (users, None),
        // As many sessions as arrive within two seconds.
        Planned::Rate(rate) => (((2.0 * rate).ceil() as u64).max(100), Some(rate)),
    };
    let needs = Needs { connections, loopback: target.loopback, keep_alive: true, requests_per_s };
    match check_limits(&needs, &seen.limits) {
        Ok(tight) if tight.is_empty() => LOAD.pass(format!("{connections} connections can be had")),
        Ok(tight) => LOAD.warn("it may become tight").seen(tight),
        Err(error) => {
            let fix = match &error {
                LimitError::OpenFiles { needed, .. } => format!("ulimit -n {needed}"),
                LimitError::Ports { .. } => "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"".to_owned(),
            };
            LOAD.fail(error.to_string()).fix(FixKind::Shell, fix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    fn seen() -> Seen {
        Seen {
            cpu: Some(0.2),
            cpus: 4,
            memory: Some((GB, 4 * GB)),
            swap: Some((0, GB)),
            disks: vec![("/".to_owned(), 50 * GB, 100 * GB)],
            pressure: vec![("cpu", 0.1), ("memory", 0.0), ("io", 0.01)],
            network: Some((10_000, 1, 0)),
            limits: Limits {
                open_files: Some(65_535),
                files_now: 10,
                ports: Some((28_232, false)),
                memory: Some(4 * GB),
            },
            queue: Some(4096),
        }
    }

    fn outcome(rule: &Rule, seen: &Seen) -> Outcome {
        let target = SystemTarget { planned: Some(Planned::Users(1000)), loopback: false };
        judge(seen, &target).into_iter().find(|finding| finding.rule.id == rule.id).unwrap().outcome
    }

    #[test]
    fn a_machine_at_rest_passes_and_each_limit_is_noticed() {
        for rule in RULES {
            assert_eq!(outcome(rule, &seen()), Outcome::Pass, "{}", rule.id);
        }
        let with = |rule: &Rule, change: fn(&mut Seen)| {
            let mut seen = seen();
            change(&mut seen);
            outcome(rule, &seen)
        };
        assert_eq!(with(&CPU, |seen| seen.cpu = Some(0.7)), Outcome::Warn);
        assert_eq!(with(&CPU, |seen| seen.cpu = Some(0.9)), Outcome::Fail);
        assert_eq!(with(&CPU, |seen| seen.cpu = None), Outcome::NotApplicable);
        assert_eq!(with(&MEMORY, |seen| seen.memory = Some((80, 100))), Outcome::Warn);
        assert_eq!(with(&MEMORY, |seen| seen.memory = Some((95, 100))), Outcome::Fail);
        assert_eq!(with(&SWAP, |seen| seen.swap = Some((10, 100))), Outcome::Warn);
        assert_eq!(with(&SWAP, |seen| seen.swap = Some((0, 0))), Outcome::Pass);
        assert_eq!(with(&DISK, |seen| seen.disks.push(("/var".to_owned(), 14, 100))), Outcome::Warn);
        assert_eq!(with(&DISK, |seen| seen.disks.push(("/var".to_owned(), 4, 100))), Outcome::Fail);
        assert_eq!(with(&PRESSURE, |seen| seen.pressure[1].1 = 0.05), Outcome::Warn);
        assert_eq!(with(&PRESSURE, |seen| seen.pressure[0].1 = 0.4), Outcome::Fail);
        assert_eq!(with(&PRESSURE, |seen| seen.pressure.clear()), Outcome::NotApplicable);
        assert_eq!(with(&NETWORK, |seen| seen.network = Some((10_000, 2, 0))), Outcome::Warn);
        assert_eq!(with(&NETWORK, |seen| seen.network = Some((10_000, 0, 1))), Outcome::Warn);
        assert_eq!(with(&FILES, |seen| seen.limits.open_files = Some(1024)), Outcome::Warn);
        assert_eq!(with(&LOAD, |seen| seen.limits.open_files = Some(1024)), Outcome::Fail);
        assert_eq!(with(&LOAD, |seen| seen.limits.ports = Some((900, false))), Outcome::Fail);
        assert_eq!(with(&LOAD, |seen| seen.limits.memory = Some(1 << 20)), Outcome::Warn);
        assert_eq!(with(&QUEUE, |seen| seen.queue = Some(128)), Outcome::Warn);
    }

    #[test]
    fn a_rate_needs_two_seconds_of_sessions() {
        let mut small = seen();
        small.limits.open_files = Some(1024);
        let target = |rate| SystemTarget { planned: Some(Planned::Rate(rate)), loopback: true };
        assert_eq!(load(&small, &target(400.0)).outcome, Outcome::Pass);
        assert_eq!(load(&small, &target(600.0)).outcome, Outcome::Fail);
        assert_eq!(load(&small, &SystemTarget::default()).outcome, Outcome::NotApplicable);
    }

    #[test]
    fn what_the_kernel_prints_is_read() {
        assert_eq!(busy_and_all("cpu  10 0 20 60 10 0 0 0 5 0"), Some((30, 100)));
        assert_eq!(
            pressure("some avg10=1.00 avg60=14.36 avg300=46.04 total=9\nfull avg10=0.00 avg60=0.00\n", "some"),
            Some(0.1436)
        );
        let dev =
            "Inter-|\n face |\n    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n  eth0: 100 7 1 2 0 0 0 0 100 8 3 4 0 0 0 0\n";
        assert_eq!(packets(dev), (15, 10));
        assert_eq!(overflows("TcpExt: A ListenOverflows B\nTcpExt: 1 7 3\nIpExt: X\n"), 7);
    }
}
