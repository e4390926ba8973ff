//! How long the threads of this process were ready to run and had no CPU: Linux, `/proc/self/task/*/schedstat`.
//!
//! The kernel's Documentation/scheduler/sched-stats.rst: a file has three numbers, ns on a CPU, ns waiting for one, and how
//! many times the thread was given one. A container whose CPU quota is used up waits as well, and it counts as waiting.

use std::collections::HashMap;
use std::path::Path;

/// What threads waited between two looks at them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RunDelay {
    /// Seconds, over all threads.
    pub(super) waited_s: f64,
    /// How many times one of them was given a CPU.
    pub(super) turns: u64,
}

/// Of one thread since it began: ns waiting, and turns.
type Waited = (u64, u64);

/// Follows the threads of this process, which come and go.
#[derive(Debug, Default)]
pub(super) struct RunDelayMeter {
    threads: HashMap<u32, Waited>,
}

impl RunDelayMeter {
    /// A meter whose first look counts from now.
    pub(super) fn new() -> Self {
        Self { threads: threads().unwrap_or_default() }
    }

    /// Since the last look; `None` where the system does not tell. What a thread waited in the second in which it ended is
    /// nowhere.
    pub(super) fn look(&mut self) -> Option<RunDelay> {
        let now = threads()?;
        let delay = between(&self.threads, &now);
        self.threads = now;
        Some(delay)
    }
}

fn between(before: &HashMap<u32, Waited>, now: &HashMap<u32, Waited>) -> RunDelay {
    let (mut waited_ns, mut turns) = (0, 0);
    for (thread, of_now) in now {
        // A number that is given again is another thread's: its figures begin at 0.
        let of_then = before.get(thread).filter(|then| then.0 <= of_now.0 && then.1 <= of_now.1);
        let (then_ns, then_turns) = of_then.copied().unwrap_or_default();
        waited_ns += of_now.0 - then_ns;
        turns += of_now.1 - then_turns;
    }
    RunDelay { waited_s: (waited_ns as f64 / 1e5).round() / 1e4, turns }
}

/// All threads; `None` where there is no such folder, as elsewhere than on Linux, or a kernel that does not count.
fn threads() -> Option<HashMap<u32, Waited>> {
    read_threads(Path::new("/proc/self/task"))
}

fn read_threads(tasks: &Path) -> Option<HashMap<u32, Waited>> {
    let mut threads = HashMap::new();
    let mut counted = false;
    for entry in std::fs::read_dir(tasks).ok()?.flatten() {
        let Some(thread) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended since.
        let Ok(text) = std::fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let mut numbers = text.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(ran_ns)), Some(Ok(waited_ns)), Some(Ok(turns))) = (numbers.next(), numbers.next(), numbers.next())
        else {
            continue;
        };
        counted |= ran_ns > 0 || waited_ns > 0;
        threads.insert(thread, (waited_ns, turns));
    }
    counted.then_some(threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(threads: &[(u32, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (thread, text) in threads {
            let thread = folder.path().join(thread.to_string());
            std::fs::create_dir(&thread).unwrap();
            std::fs::write(thread.join("schedstat"), text).unwrap();
        }
        folder
    }

    #[test]
    fn threads_that_come_and_go_are_added_up() {
        let before = folder(&[(7, "900 1000000 5\n"), (8, "900 77000000 9\n"), (9, "900 50000000 9\n")]);
        // 7 went on, 8 ended, 9 ended and its number was given to another, 10 is new.
        let after = folder(&[(7, "999 251000000 15\n"), (9, "1 30000000 2\n"), (10, "1 20000000 3\n")]);
        let (before, after) = (read_threads(before.path()).unwrap(), read_threads(after.path()).unwrap());
        assert_eq!(between(&before, &after), RunDelay { waited_s: 0.3, turns: 15 });
    }

    #[test]
    fn a_kernel_that_does_not_count_is_not_taken_for_an_idle_one() {
        assert_eq!(read_threads(folder(&[(7, "0 0 0\n")]).path()), None);
        assert_eq!(read_threads(folder(&[(7, "")]).path()), None);
        assert_eq!(read_threads(Path::new("/nowhere/at/all")), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn more_threads_than_cpus_wait_for_each_other() {
        let mut meter = RunDelayMeter::new();
        let cpus = std::thread::available_parallelism().unwrap().get();
        let Some(_) = meter.look() else { return };
        let stop = &std::sync::atomic::AtomicBool::new(false);
        let waited_s: f64 = std::thread::scope(|scope| {
            for _ in 0..cpus * 3 {
                scope.spawn(move || {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            // Two of three are waiting at any time; how soon that adds up is the machine's affair.
            let mut waited_s = 0.0;
            while waited_s < 0.05 {
                std::thread::sleep(std::time::Duration::from_millis(5));
                waited_s += meter.look().map_or(f64::INFINITY, |delay| delay.waited_s);
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            waited_s
        });
        assert!(waited_s.is_finite(), "it told once, and then no more");
    }
}
