//! What was seen of this machine against what a load needs.

use super::super::rule::{Finding, FixKind, Outcome, Rule};
use super::super::size::format_size;
use super::seen::Seen;
use super::{CPU, DISK, FILES, LOAD, MEMORY, NETWORK, PRESSURE, Planned, QUEUE, SWAP, SystemTarget};
use crate::load::{LimitError, Needs, check_limits};

/// The guide's `worker_rlimit_nofile`.
const GUIDE_FILES: u64 = 65_535;

pub(super) fn judge(seen: &Seen, target: &SystemTarget) -> Vec<Finding> {
    vec![
        share(
            &CPU,
            seen.cpu,
            (0.7, 0.9),
            |used| format!("{:.0} % of {} CPUs used", 100.0 * used, seen.cpus),
            "ps -eo pid,pcpu,pmem,comm --sort=-pcpu | head  # who uses it",
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
            "ps -eo pid,pmem,rss,comm --sort=-rss | head  # who uses it",
        ),
        swap(seen),
        disk(seen),
        waiting(seen),
        packets_lost(seen),
        files(seen, target),
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
    DISK.found(outcome, line)
        .fix(FixKind::Shell, format!("du -xh --max-depth=2 {} | sort -h | tail", quoted(&tightest.0)))
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
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
    PRESSURE.found(outcome, line).fix(FixKind::Shell, "ps -eo pid,stat,pcpu,pmem,comm --sort=-pcpu | head  # who uses CPU and memory; who is in state D waits for a disk")
}

fn packets_lost(seen: &Seen) -> Finding {
    let Some((packets, bad, turned_away)) = seen.network else {
        return NETWORK.not_applicable("this machine does not tell");
    };
    let line = format!("within a second {bad} of {packets} packets lost, {turned_away} connections turned away");
    if turned_away == 0 && bad as f64 <= 1e-4 * packets as f64 {
        return NETWORK.pass(line);
    }
    NETWORK.warn(line).fix(FixKind::Shell, "sysctl -w net.core.somaxconn=4096 net.core.netdev_max_backlog=5000  # and in the service: listen(2) with as much")
}

fn files(seen: &Seen, target: &SystemTarget) -> Finding {
    // The program has raised its own as far as allowed: what it may open is the hard limit.
    let Some(limit) = seen.limits.open_files else { return FILES.pass("no limit") };
    let planned = target.planned.map(|planned| check_limits(&needs(planned, target), &seen.limits));
    let wanted = match planned {
        _ if limit >= GUIDE_FILES => return FILES.pass(format!("{limit} files")),
        Some(Err(LimitError::OpenFiles { needed, .. })) => needed.max(GUIDE_FILES),
        Some(_) => return FILES.pass(format!("{limit} files: enough for the planned load")),
        None => GUIDE_FILES,
    };
    FILES
        .warn(format!("{limit} files: the hard limit, beyond which only root can lift it"))
        .fix(FixKind::Shell, lift(wanted))
}

/// Beyond the hard limit `ulimit` is refused.
fn lift(files: u64) -> String {
    format!(
        "prlimit --pid $$ --nofile={files}\n\
         # as root, and for this shell only. For good: `* - nofile {files}` in /etc/security/limits.conf; in a container\n\
         # --ulimit nofile={files}, under systemd LimitNOFILE={files}"
    )
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
    let needs = needs(planned, target);
    let connections = needs.connections;
    match check_limits(&needs, &seen.limits) {
        Ok(tight) if tight.is_empty() => LOAD.pass(format!("{connections} connections can be had")),
        Ok(tight) => LOAD.warn("it may become tight").seen(tight),
        Err(error) => {
            let fix = match &error {
                LimitError::OpenFiles { needed, .. } => lift(*needed),
                LimitError::Ports { .. } => "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"".to_owned(),
            };
            LOAD.fail(error.to_string()).fix(FixKind::Shell, fix)
        }
    }
}

fn needs(planned: Planned, target: &SystemTarget) -> Needs {
    let (connections, requests_per_s) = match planned {
        Planned::Users(users) => (users, None),
        // As many sessions as arrive within two seconds.
        Planned::Rate(rate) => (((2.0 * rate).ceil() as u64).max(100), Some(rate)),
    };
    Needs { connections, loopback: target.loopback, keep_alive: true, requests_per_s }
}

#[cfg(test)]
mod tests {
    use super::super::RULES;
    use super::*;
    use crate::load::Limits;

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
    fn files_are_enough_where_the_planned_load_has_its_own() {
        let mut small = seen();
        small.limits.open_files = Some(20_000);
        let found = |users| files(&small, &SystemTarget { planned: users, loopback: true });
        assert_eq!(found(Some(Planned::Users(250))).outcome, Outcome::Pass);
        assert_eq!(found(None).outcome, Outcome::Warn);
        let many = found(Some(Planned::Users(100_000)));
        assert!(many.outcome == Outcome::Warn && many.summary.contains("hard limit"), "{many:?}");
        assert!(many.fix.unwrap().text.starts_with("prlimit --pid $$ --nofile=100074\n"));
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
}
