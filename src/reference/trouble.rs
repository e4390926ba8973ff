//! The troubles that the service can rehearse, as values.

use std::num::NonZeroU32;
use std::time::Duration;

/// What goes wrong at an endpoint. Nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Trouble {
    /// Service time: an answer leaves this long after its request arrived, or when it is ready if that is later.
    pub delay: Option<Delay>,
    /// So many requests are served at a time, each for its delay; the others wait in order. Of servers of service time s the limit is
    /// servers / s requests a second.
    pub servers: Option<NonZeroU32>,
    /// The share of requests that are answered with status 500.
    pub errors: Option<Share>,
    /// Times in which answers are held back.
    pub stall: Option<Stall>,
    /// The share of requests that are answered by resetting the connection. A request that is drawn for both an error
    /// and a reset is reset.
    pub reset: Option<Share>,
}

/// A distribution of service times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// One of two.
    Bimodal {
        /// Most requests take this long,
        fast: Duration,
        /// some this long:
        slow: Duration,
        /// this share.
        slow_share: Share,
    },
}

/// A share of an endpoint's requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    /// Each request by chance: a fraction from 0 to 1. The draws follow from the seed and the request's number.
    Random(f64),
    /// Exactly every n-th request of the endpoint, counted from 1.
    EveryNth(u64),
}

/// Periodic stalls: from `every`, 2 × `every`, … after the service's start, answers are held until `hold` has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// How long answers are held.
    pub hold: Duration,
    /// The time from one stall's beginning to the next one's; more than `hold`.
    pub every: Duration,
}

impl Trouble {
    /// This trouble, with what `later` names in place of its own.
    #[must_use]
    pub fn overridden_by(self, later: Self) -> Self {
        Self {
            delay: later.delay.or(self.delay),
            servers: later.servers.or(self.servers),
            errors: later.errors.or(self.errors),
            stall: later.stall.or(self.stall),
            reset: later.reset.or(self.reset),
        }
    }
}

impl Delay {
    /// The delay of the `number`-th request, `chance` being drawn evenly from [0, 1).
    pub(super) fn of(self, number: u64, chance: f64) -> Duration {
        match self {
            Self::Fixed(time) => time,
            // The inverse of the distribution function 1 - exp(-t / mean).
            Self::Exponential(mean) => mean.mul_f64(-(1.0 - chance).ln()),
            Self::Bimodal { fast, slow, slow_share } => {
                if slow_share.takes(number, chance) {
                    slow
                } else {
                    fast
                }
            }
        }
    }
}

impl Share {
    /// Whether the `number`-th request (from 1) is one of them, `chance` being drawn evenly from [0, 1).
    pub(super) fn takes(self, number: u64, chance: f64) -> bool {
        match self {
            Self::Random(share) => chance < share,
            Self::EveryNth(n) => n > 0 && number.is_multiple_of(n),
        }
    }
}

impl Stall {
    /// How long an answer that is ready `elapsed` after the service's start is held.
    pub(super) fn hold_at(self, elapsed: Duration) -> Duration {
        let (every, elapsed) = (self.every.as_nanos(), elapsed.as_nanos());
        if every == 0 || elapsed < every {
            return Duration::ZERO;
        }
        let into = Duration::from_nanos((elapsed % every) as u64);
        self.hold.saturating_sub(into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_answer_is_held_to_the_end_of_the_stall_it_is_ready_in() {
        let stall = Stall { hold: 100 * MS, every: 1000 * MS };
        assert_eq!(stall.hold_at(50 * MS), Duration::ZERO, "the first stall is one period after the start");
        assert_eq!(stall.hold_at(1000 * MS), 100 * MS);
        assert_eq!(stall.hold_at(3030 * MS), 70 * MS);
        assert_eq!(stall.hold_at(3100 * MS), Duration::ZERO);
        assert_eq!(stall.hold_at(3999 * MS), Duration::ZERO);
    }

    #[test]
    fn exponential_delays_have_their_quantiles() {
        let delay = Delay::Exponential(20 * MS);
        assert_eq!(delay.of(1, 0.0), Duration::ZERO);
        let median_ms = delay.of(1, 0.5).as_secs_f64() * 1e3;
        assert!((median_ms - 20.0 * std::f64::consts::LN_2).abs() < 1e-5, "{median_ms}");
    }

    #[test]
    fn every_nth_is_exact_and_a_random_share_follows_the_chance() {
        let taken: Vec<u64> = (1..=10).filter(|&n| Share::EveryNth(4).takes(n, 0.0)).collect();
        assert_eq!(taken, [4, 8]);
        assert!(Share::Random(0.25).takes(1, 0.249));
        assert!(!Share::Random(0.25).takes(1, 0.25));
    }

    #[test]
    fn a_bimodal_delay_is_slow_for_its_share() {
        let delay = Delay::Bimodal { fast: MS, slow: 9 * MS, slow_share: Share::EveryNth(3) };
        let drawn: Vec<Duration> = (1..=4).map(|n| delay.of(n, 0.5)).collect();
        assert_eq!(drawn, [MS, MS, 9 * MS, MS]);
    }
}
