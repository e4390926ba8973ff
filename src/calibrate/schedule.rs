//! What the synthetic server does with each request, known beforehand: pure, reads no clock.
//!
//! Times are ns since the server's start. A service time is added to the planned end of the one before, never to the
//! instant at which that was really done: what the timers add to one request does not pile up.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::record::FailureKind;
use crate::stats::mixed;

const NS_A_US: u64 = 1000;

/// The largest share of requests that a pattern of errors makes fail.
const MOST_FAILING: f64 = 0.4;

/// How a synthetic server serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Every request takes the same time, however many there are.
    Fixed {
        /// µs.
        delay_us: u64,
    },
    /// One request after the other, in the order of their coming; exponential service times.
    Queue {
        /// Their mean, µs.
        mean_us: u64,
    },
    /// Every request takes the same time, but what comes within a stall is begun at its end.
    ///
    /// Stalls come in the middle of each period; periods count from the first request.
    Stall {
        /// µs.
        delay_us: u64,
        /// How long a stall is, µs.
        length_us: u64,
        /// One in each period of so many µs.
        every_us: u64,
    },
    /// At once; each path `/known/N` with N below `patterns` fails by a pattern of its own.
    Faults {
        /// How many paths there are.
        patterns: u32,
    },
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Status 200 and the right body.
    Right,
    /// Status 503.
    Status,
    /// The connection is reset, without a byte.
    Reset,
    /// The body ends in its middle.
    CutBody,
    /// Status 200 and another body.
    WrongBody,
}

impl Answer {
    /// The failures that can be injected.
    pub(super) const FAILURES: [Self; 4] = [Self::Status, Self::Reset, Self::CutBody, Self::WrongBody];

    /// What a generator must count it as; `None`: a success.
    pub fn failure(self) -> Option<FailureKind> {
        match self {
            Self::Right => None,
            Self::Status => Some(FailureKind::Status),
            Self::Reset => Some(FailureKind::Reset),
            Self::CutBody => Some(FailureKind::Body),
            Self::WrongBody => Some(FailureKind::Check),
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// When it is to be answered.
    pub(super) due_ns: u64,
    pub(super) answer: Answer,
}

/// Plans requests in the order of their coming.
#[derive(Debug)]
pub(super) struct Schedule {
    behaviour: Behaviour,
    rng: Rng,
    first_ns: Option<u64>,
    free_at_ns: u64,
    patterns: Vec<Pattern>,
}

/// Which requests of a path fail: the n-th always in the same way.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    rng: Rng,
    failing: f64,
}

impl Pattern {
    pub(super) fn new(seed: u64, number: u32) -> Self {
        let mut rng = stream(seed, u64::from(number) + 1);
        let failing = rng.f64() * MOST_FAILING;
        Self { rng, failing }
    }

    pub(super) fn next(&mut self) -> Answer {
        if self.rng.f64() < self.failing { Answer::FAILURES[self.rng.usize(..4)] } else { Answer::Right }
    }
}

/// A stream of random numbers of its own for each number of each seed: a queue whose service times go with its arrivals, drawn
/// from the same seed, is not the one that theory speaks of.
fn stream(seed: u64, number: u64) -> Rng {
    Rng::with_seed(mixed(seed ^ mixed(number ^ 0x63a1_1b8a_7e00_0000)))
}

impl Schedule {
    pub(super) fn new(behaviour: Behaviour, seed: u64) -> Self {
        let patterns = match behaviour {
            Behaviour::Faults { patterns } => (0..patterns).map(|number| Pattern::new(seed, number)).collect(),
            _ => Vec::new(),
        };
        Self { behaviour, rng: stream(seed, 0), first_ns: None, free_at_ns: 0, patterns }
    }

    /// Plans a request whose last byte came at `at_ns`, of the path `/known/N` where it is one of those.
    pub(super) fn plan(&mut self, at_ns: u64, pattern: Option<u32>) -> Plan {
        let first_ns = *self.first_ns.get_or_insert(at_ns);
        let mut answer = Answer::Right;
        let due_ns = match self.behaviour {
            Behaviour::Fixed { delay_us } => at_ns + delay_us * NS_A_US,
            Behaviour::Queue { mean_us } => {
                let service_ns = -(1.0 - self.rng.f64()).ln() * (mean_us * NS_A_US) as f64;
                self.free_at_ns = self.free_at_ns.max(at_ns) + service_ns as u64;
                self.free_at_ns
            }
            Behaviour::Stall { delay_us, length_us, every_us } => {
                let [length, every] = [length_us, every_us].map(|us| us * NS_A_US);
                let (within, from) = (at_ns.saturating_sub(first_ns) % every, (every - length) / 2);
                let left = if (from..from + length).contains(&within) { from + length - within } else { 0 };
                at_ns + left + delay_us * NS_A_US
            }
            Behaviour::Faults { .. } => {
                let pattern = pattern.and_then(|number| self.patterns.get_mut(number as usize));
                answer = pattern.map_or(Answer::Right, Pattern::next);
                at_ns
            }
        };
        Plan { due_ns, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn due_ms(schedule: &mut Schedule, at_ms: u64) -> u64 {
        let due_ns = schedule.plan(at_ms * MS, None).due_ns;
        assert_eq!(due_ns % MS, 0);
        due_ns / MS
    }

    #[test]
    fn a_fixed_delay_is_the_same_for_all_however_many_there_are() {
        let mut schedule = Schedule::new(Behaviour::Fixed { delay_us: 5000 }, 1);
        assert_eq!([7, 7, 8].map(|at| due_ms(&mut schedule, at)), [12, 12, 13]);
    }

    #[test]
    fn what_comes_within_a_stall_is_begun_at_its_end() {
        let stall = Behaviour::Stall { delay_us: 5000, length_us: 1_000_000, every_us: 10_000_000 };
        let mut schedule = Schedule::new(stall, 1);
        // The first request, at 300 ms, is where periods begin: stalls are 4.8 to 5.8 and 14.8 to 15.8 s.
        assert_eq!(due_ms(&mut schedule, 300), 305);
        assert_eq!([4799, 4800, 5300, 5799, 5800].map(|at| due_ms(&mut schedule, at)), [4804, 5805, 5805, 5805, 5805]);
        assert_eq!([14_799, 14_800, 15_800].map(|at| due_ms(&mut schedule, at)), [14_804, 15_805, 15_805]);
    }

    #[test]
    fn the_queue_serves_one_after_the_other_and_as_theory_says() {
        for seed in [3, 4] {
            queue_is_as_theory_says(seed);
        }
    }

    fn queue_is_as_theory_says(seed: u64) {
        let mut schedule = Schedule::new(Behaviour::Queue { mean_us: 2000 }, seed);
        // As the driver does it, also with the server's own seed.
        let mut arrivals = Rng::with_seed(4);
        let (mut at_ns, mut before_ns, mut responses) = (0.0, 0, Vec::new());
        for _ in 0..200_000 {
            at_ns += -(1.0 - arrivals.f64()).ln() * 4e6;
            let due_ns = schedule.plan(at_ns as u64, None).due_ns;
            assert!(due_ns >= before_ns, "nobody overtakes");
            before_ns = due_ns;
            responses.push(due_ns - at_ns as u64);
        }
        responses.sort_unstable();
        // −ln 0.05/(500 − 250) s; 200,000 dependent requests are within some per cent of it.
        let p95_ms = responses[190_000] as f64 / 1e6;
        assert!((p95_ms / 11.983 - 1.0).abs() < 0.04, "{p95_ms}");
    }

    #[test]
    fn the_nth_request_of_a_pattern_fails_in_the_same_way_whatever_comes_between() {
        let behaviour = Behaviour::Faults { patterns: 3 };
        let mut alone = Schedule::new(behaviour.clone(), 9);
        let mut mixed = Schedule::new(behaviour, 9);
        let known: Vec<Answer> = (0..500).map(|_| alone.plan(0, Some(1)).answer).collect();
        let seen: Vec<Answer> = (0..500)
            .map(|n| {
                mixed.plan(0, Some(n % 2 * 2));
                mixed.plan(0, Some(1)).answer
            })
            .collect();
        assert_eq!(seen, known);
        assert!(Answer::FAILURES.iter().all(|failure| known.contains(failure)), "{known:?}");
        assert!(known.contains(&Answer::Right));
        assert_eq!(alone.plan(5, None), Plan { due_ns: 5, answer: Answer::Right });
        assert_eq!(alone.plan(5, Some(3)).answer, Answer::Right);
    }

    #[test]
    fn a_behaviour_survives_the_command_line() {
        let all = [
            Behaviour::Fixed { delay_us: 1 },
            Behaviour::Queue { mean_us: 2 },
            Behaviour::Stall { delay_us: 1, length_us: 2, every_us: 3 },
            Behaviour::Faults { patterns: 4 },
        ];
        for behaviour in all {
            let text = serde_json::to_string(&behaviour).unwrap();
            assert_eq!(serde_json::from_str::<Behaviour>(&text).unwrap(), behaviour, "{text}");
        }
    }
}
