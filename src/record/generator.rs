//! The generator's own use of the machine, and what the machine kept from it: CPU time, memory and waiting for a CPU of this
//! process, and its clocks.

use super::GeneratorSecond;
use super::clocks::{Clocks, Drift};
use super::run_delay::{RunDelay, RunDelayMeter};

/// Measures this process.
#[derive(Debug)]
pub(super) struct ProcessMeter {
    cpu_s: f64,
    run_delay: RunDelayMeter,
    clocks: Clocks,
}

impl ProcessMeter {
    /// A meter whose first measurement counts from now.
    pub(super) fn new() -> Self {
        Self { cpu_s: usage().map_or(0.0, |(cpu_s, _)| cpu_s), run_delay: RunDelayMeter::new(), clocks: Clocks::new() }
    }

    /// What was used and waited since the last call, and the memory that is resident now; zeros where the system does not
    /// tell.
    pub(super) fn measure(&mut self) -> GeneratorSecond {
        let Drift { step_s, suspended_s } = self.clocks.look();
        let delay = self.run_delay.look();
        let mut second = GeneratorSecond {
            run_delay_s: delay.map(|delay| delay.waited_s),
            run_turns: delay.map_or(0, |RunDelay { turns, .. }| turns),
            clock_jump_s: step_s,
            stopped_s: suspended_s,
            ..GeneratorSecond::default()
        };
        if let Some((cpu_s, memory_bytes)) = usage() {
            let used_s = cpu_s - self.cpu_s;
            self.cpu_s = cpu_s;
            // Whole milliseconds: what is below is noise of the subtraction.
            second.cpu_s = (used_s.max(0.0) * 1000.0).round() / 1000.0;
            second.memory_bytes = memory_bytes;
        }
        second
    }
}

/// CPU seconds since the process started (in steps of 10 ms), and resident bytes.
#[cfg(target_os = "linux")]
fn usage() -> Option<(f64, u64)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some((cpu_s(&stat)?, resident_bytes(&status)?))
}

/// User and system time of `/proc/self/stat`, seconds; proc(5): fields 14 and 15, in ticks of 1/100 s.
///
/// A tick is `USER_HZ`, which is 100 on every architecture that Linux has users on.
#[cfg(target_os = "linux")]
fn cpu_s(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / 100.0)
}

/// `VmRSS` of `/proc/self/status`, bytes.
#[cfg(target_os = "linux")]
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// CPU seconds since the process started, and resident bytes.
#[cfg(not(target_os = "linux"))]
fn usage() -> Option<(f64, u64)> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    let pid = sysinfo::get_current_pid().ok()?;
    let mut system = System::new().ok()?;
    let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
    let process = system.process(pid)?;
    Some((process.accumulated_cpu_time() as f64 / 1000.0, process.memory()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_program_name() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 4 0 1 2 3";
        assert_eq!(cpu_s(stat), Some(1.75));
        assert_eq!(cpu_s("42 (a"), None);
        assert_eq!(resident_bytes("Name:\ta\nVmRSS:\t   12 kB\n"), Some(12 * 1024));
        assert_eq!(resident_bytes("Name:\ta\n"), None);
    }

    #[test]
    fn work_shows_as_cpu_time_and_memory() {
        let mut meter = ProcessMeter::new();
        let mut used_s = 0.0;
        let mut sum = 0_u64;
        while used_s < 0.05 {
            sum = (0..1_000_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
            let second = meter.measure();
            used_s += second.cpu_s;
            assert!(second.memory_bytes > 1 << 20, "{second:?}");
        }
    }
}
