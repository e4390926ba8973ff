//! Looks at this machine, for a second.

use std::path::Path;
use std::time::Duration;

use super::super::size::memory_here;
use crate::load::Limits;

/// Over which CPU and network are counted.
const WHILE: Duration = Duration::from_secs(1);

/// What was seen; `None` for what this machine does not tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Shares of the CPU time of a second.
    pub(super) cpu: Option<f64>,
    pub(super) cpus: usize,
    /// Used and all, bytes.
    pub(super) memory: Option<(u64, u64)>,
    pub(super) swap: Option<(u64, u64)>,
    /// Mount point, free and all bytes.
    pub(super) disks: Vec<(String, u64, u64)>,
    /// What is waited for, and the share of the last minute.
    pub(super) pressure: Vec<(&'static str, f64)>,
    /// Packets, those dropped or broken, and connections turned away, within a second.
    pub(super) network: Option<(u64, u64, u64)>,
    pub(super) limits: Limits,
    pub(super) queue: Option<u64>,
}

pub(super) async fn gather() -> Seen {
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

#[cfg(test)]
mod tests {
    use super::*;

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
