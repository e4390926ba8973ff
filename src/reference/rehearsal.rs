//! Draws the fate of each request from the troubles that were asked for.

use crate::stats::mixed;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Endpoint, Rule, Share, Trouble};

/// The troubles of every endpoint, and how many requests each has had.
#[derive(Debug)]
pub(super) struct Rehearsal {
    seed: u64,
    started: Instant,
    parts: [Part; Endpoint::COUNT],
}

#[derive(Debug, Default)]
struct Part {
    trouble: Trouble,
    requests: AtomicU64,
    /// When each server is free; none where requests do not wait for each other.
    free: Mutex<BinaryHeap<Reverse<Instant>>>,
}

/// What is to become of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// How it is answered.
    pub(super) outcome: Outcome,
    /// The least time from its arrival to its answer.
    pub(super) delay: Duration,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// By its endpoint.
    Answer,
    /// With status 500.
    Error,
    /// By resetting the connection.
    Reset,
}

impl Rehearsal {
    /// Of these rules: of what several rules say to one endpoint, the last counts.
    pub(super) fn new(rules: &[Rule], seed: u64) -> Self {
        let parts = Endpoint::ALL.map(|endpoint| {
            let ours = rules.iter().filter(|rule| rule.endpoint.is_none_or(|named| named == endpoint));
            let trouble = ours.fold(Trouble::default(), |trouble, rule| trouble.overridden_by(rule.trouble));
            let servers = trouble.servers.map_or(0, NonZeroU32::get);
            let free = (0..servers).map(|_| Reverse(Instant::now())).collect();
            Part { trouble, requests: AtomicU64::new(0), free: Mutex::new(free) }
        });
        Self { seed, started: Instant::now(), parts }
    }

    /// The fate of the next request of an endpoint.
    pub(super) fn next(&self, endpoint: Endpoint) -> Fate {
        let Part { trouble, requests, .. } = &self.parts[endpoint.index()];
        let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
        let chance = |purpose: u64| {
            let stream = mixed(self.seed ^ mixed((endpoint.index() as u64) << 8 | purpose));
            // The upper 53 bits: as many as an f64 holds.
            (mixed(stream.wrapping_add(number)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let takes = |share: Option<Share>, purpose| share.is_some_and(|share| share.takes(number, chance(purpose)));
        let outcome = if takes(trouble.reset, 1) {
            Outcome::Reset
        } else if takes(trouble.errors, 2) {
            Outcome::Error
        } else {
            Outcome::Answer
        };
        Fate { outcome, delay: trouble.delay.map_or(Duration::ZERO, |delay| delay.of(number, chance(3))) }
    }

    /// When a request that has arrived is served: after its delay, and where there are so many servers, after those before it.
    pub(super) fn served(&self, endpoint: Endpoint, arrived: Instant, delay: Duration) -> Instant {
        let mut free = self.parts[endpoint.index()].free.lock().unwrap_or_else(PoisonError::into_inner);
        match free.pop() {
            None => arrived + delay,
            Some(Reverse(next)) => {
                let ends = next.max(arrived) + delay;
                free.push(Reverse(ends));
                ends
            }
        }
    }

    /// When an answer that is ready at `ready` may leave, stalls considered.
    pub(super) fn release(&self, endpoint: Endpoint, ready: Instant) -> Instant {
        match self.parts[endpoint.index()].trouble.stall {
            Some(stall) => ready + stall.hold_at(ready.saturating_duration_since(self.started)),
            None => ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Delay;
    use super::*;

    fn everywhere(trouble: Trouble) -> Rule {
        Rule { endpoint: None, trouble }
    }

    fn outcomes(rehearsal: &Rehearsal, count: usize) -> Vec<Outcome> {
        (0..count).map(|_| rehearsal.next(Endpoint::Tasks).outcome).collect()
    }

    #[test]
    fn a_random_share_is_kept_and_follows_the_seed() {
        let rules = [everywhere(Trouble { errors: Some(Share::Random(0.1)), ..Trouble::default() })];
        let drawn = outcomes(&Rehearsal::new(&rules, 7), 10_000);
        let errors = drawn.iter().filter(|&&outcome| outcome == Outcome::Error).count();
        // Binomial: 1,000 ± 30; five sigmas.
        assert!((850..=1150).contains(&errors), "{errors}");
        assert_eq!(drawn, outcomes(&Rehearsal::new(&rules, 7), 10_000));
        assert_ne!(drawn, outcomes(&Rehearsal::new(&rules, 8), 10_000));
    }

    #[test]
    fn exponential_delays_have_their_mean_and_spread() {
        let mean = Duration::from_millis(20);
        let rules = [everywhere(Trouble { delay: Some(Delay::Exponential(mean)), ..Trouble::default() })];
        let rehearsal = Rehearsal::new(&rules, 1);
        let drawn: Vec<f64> =
            (0..10_000).map(|_| rehearsal.next(Endpoint::Projects).delay.as_secs_f64() * 1e3).collect();
        let average = drawn.iter().sum::<f64>() / 1e4;
        let deviation = (drawn.iter().map(|ms| (ms - average).powi(2)).sum::<f64>() / 1e4).sqrt();
        // The mean of 10,000 has a standard error of 0.2 ms.
        assert!((average - 20.0).abs() < 1.0, "{average}");
        assert!((deviation - 20.0).abs() < 2.0, "{deviation}");
    }

    #[test]
    fn requests_beyond_the_servers_wait_in_order() {
        let delay = Some(Delay::Fixed(Duration::from_millis(10)));
        let rules = [everywhere(Trouble { delay, servers: NonZeroU32::new(2), ..Trouble::default() })];
        let rehearsal = Rehearsal::new(&rules, 0);
        let now = Instant::now() + Duration::from_secs(1);
        let ms = Duration::from_millis;
        let served = |at_ms| (rehearsal.served(Endpoint::Tasks, now + ms(at_ms), ms(10)) - now).as_millis();
        assert_eq!([0, 0, 0, 1, 2, 50].map(served), [10, 10, 20, 20, 30, 60]);
        let alone = Rehearsal::new(&[everywhere(Trouble { delay, ..Trouble::default() })], 0);
        let served = |at_ms| (alone.served(Endpoint::Tasks, now + ms(at_ms), ms(10)) - now).as_millis();
        assert_eq!([0, 0, 0].map(served), [10, 10, 10]);
    }

    #[test]
    fn each_endpoint_counts_for_itself_and_the_last_rule_wins() {
        let every = |n| Trouble { errors: Some(Share::EveryNth(n)), ..Trouble::default() };
        let rules = [everywhere(every(2)), Rule { endpoint: Some(Endpoint::Health), trouble: every(1) }];
        let rehearsal = Rehearsal::new(&rules, 0);
        assert_eq!(rehearsal.next(Endpoint::Health).outcome, Outcome::Error);
        assert_eq!(outcomes(&rehearsal, 3), [Outcome::Answer, Outcome::Error, Outcome::Answer]);
    }

    #[test]
    fn a_request_drawn_for_an_error_and_a_reset_is_reset() {
        let trouble =
            Trouble { errors: Some(Share::EveryNth(1)), reset: Some(Share::EveryNth(2)), ..Trouble::default() };
        assert_eq!(outcomes(&Rehearsal::new(&[everywhere(trouble)], 0), 2), [Outcome::Error, Outcome::Reset]);
    }
}
