//! The wall clock and the time asleep against the monotonic clock that all times of a run are measured by.

use std::time::{Duration, Instant, SystemTime};

/// The clocks are read one after the other; a reading that took longer than this is read again.
const TOGETHER: Duration = Duration::from_micros(200);
const TRIES: u32 = 5;

/// Less than this is no step: two readings lie apart by as much, and a clock that is being set right runs up to 8 % fast.
const LEAST_STEP_S: f64 = 0.1;

/// What happened to the clocks between two looks at them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Drift {
    /// How far the wall clock moved more than time went by, seconds; 0 for less than [`LEAST_STEP_S`].
    pub(super) step_s: f64,
    /// How long the machine was suspended, seconds: the monotonic clock stands still then.
    pub(super) suspended_s: f64,
}

/// Compares the clocks from one look to the next.
#[derive(Debug)]
pub(super) struct Clocks(Reading);

impl Clocks {
    /// Compares from now on.
    pub(super) fn new() -> Self {
        Self(Reading::now())
    }

    /// What happened since the last look.
    pub(super) fn look(&mut self) -> Drift {
        let before = std::mem::replace(&mut self.0, Reading::now());
        self.0.since(&before)
    }
}

/// The clocks at one instant.
#[derive(Debug, Clone, Copy)]
struct Reading {
    monotonic: Instant,
    wall: SystemTime,
    /// Since the machine started, suspended or not; `None` where the system has no such clock.
    since_boot: Option<Duration>,
}

impl Reading {
    fn now() -> Self {
        let read = || {
            let monotonic = Instant::now();
            let reading = Self { monotonic, wall: SystemTime::now(), since_boot: since_boot() };
            (monotonic.elapsed(), reading)
        };
        let mut best = read();
        for _ in 1..TRIES {
            if best.0 <= TOGETHER {
                break;
            }
            let again = read();
            if again.0 < best.0 {
                best = again;
            }
        }
        best.1
    }

    fn since(&self, before: &Self) -> Drift {
        let awake_s = self.monotonic.saturating_duration_since(before.monotonic).as_secs_f64();
        let wall_s = match self.wall.duration_since(before.wall) {
            Ok(forward) => forward.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64(),
        };
        let passed_s = match (self.since_boot, before.since_boot) {
            (Some(now), Some(before)) => now.saturating_sub(before).as_secs_f64(),
            _ => awake_s,
        };
        let told = |seconds: f64| if seconds.abs() < LEAST_STEP_S { 0.0 } else { (seconds * 1000.0).round() / 1000.0 };
        Drift { step_s: told(wall_s - passed_s), suspended_s: told((passed_s - awake_s).max(0.0)) }
    }
}

/// Linux: the clock that goes on while the machine is suspended.
#[cfg(target_os = "linux")]
fn since_boot() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second later by the monotonic clock, and by the others so much more.
    fn drift(wall_s: f64, boot_s: f64) -> Drift {
        let before = Reading {
            monotonic: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
            since_boot: Some(Duration::from_secs(500)),
        };
        let after = Reading {
            monotonic: before.monotonic + Duration::from_secs(1),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs_f64(1_000_001.0 + wall_s),
            since_boot: Some(Duration::from_secs_f64(501.0 + boot_s)),
        };
        after.since(&before)
    }

    #[test]
    fn a_step_of_the_wall_clock_is_told_with_its_direction() {
        assert_eq!(drift(2.0, 0.0), Drift { step_s: 2.0, suspended_s: 0.0 });
        assert_eq!(drift(-3.5, 0.0), Drift { step_s: -3.5, suspended_s: 0.0 });
        assert_eq!(drift(0.08, 0.0), Drift::default(), "a clock that is slewed");
    }

    #[test]
    fn a_suspended_machine_is_no_step() {
        assert_eq!(drift(30.0, 30.0), Drift { step_s: 0.0, suspended_s: 30.0 });
        assert_eq!(drift(0.0, 30.0), Drift { step_s: -30.0, suspended_s: 30.0 }, "woken with a clock that stood still");
    }

    #[test]
    fn where_nothing_tells_of_suspension_it_shows_as_a_step() {
        let before = Reading { since_boot: None, ..Reading::now() };
        let after = Reading { wall: before.wall + Duration::from_secs(9), ..before };
        assert_eq!(after.since(&before), Drift { step_s: 9.0, suspended_s: 0.0 });
    }
}
