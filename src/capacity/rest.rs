//! The pause between two levels: under a low load, until what the host had taken on is done and it answers as it did before the
//! first level. Pure: it is told of seconds.

use std::collections::VecDeque;

use super::drive::Seen;

/// No pause is shorter, seconds: what was planned just before is under way by then.
const LEAST_S: usize = 2;
/// The first one, in which the host is seen at rest.
const FIRST_S: usize = 5;
/// No pause is longer: a host that has not recovered by then is searched no more.
const MOST_S: usize = 300;
/// Seconds that must be calm in a row.
const CALM_S: usize = 3;
/// As it was before: up to so many times as slow, and by so many ms.
const SLOWER: f64 = 2.0;
const SLOWER_MS: f64 = 5.0;

/// One pause.
#[derive(Debug)]
pub(super) struct Rest {
    /// Mean response time at rest, ms; `None` in the first pause.
    normal_ms: Option<f64>,
    /// So many requests may be under way at rest.
    few: u64,
    recent: VecDeque<Seen>,
    seconds: usize,
}

/// How a pause has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rested {
    /// The host is at rest, and answers so fast, ms, where anything was asked.
    Yes(Option<f64>),
    /// It is not as it was before.
    No,
}

impl Rest {
    /// `low`: the load of the pause, arrivals a second or users.
    pub(super) fn new(normal_ms: Option<f64>, low: f64) -> Self {
        Self { normal_ms, few: low.ceil().max(2.0) as u64, recent: VecDeque::new(), seconds: 0 }
    }

    /// Another second is over.
    pub(super) fn second(&mut self, seen: Seen) -> Option<Rested> {
        if self.recent.len() == CALM_S {
            self.recent.pop_front();
        }
        self.recent.push_back(seen);
        self.seconds += 1;
        let mut means: Vec<f64> = self.recent.iter().filter_map(|seen| seen.mean_ms).collect();
        means.sort_by(f64::total_cmp);
        let mean_ms = means.get(means.len() / 2).copied();
        let first = self.normal_ms.is_none();
        let calm = seen.outstanding <= self.few && self.recent.iter().all(|seen| seen.failures == 0);
        let fast = mean_ms.zip(self.normal_ms).is_none_or(|(now, normal)| now <= SLOWER * normal + SLOWER_MS);
        // A low load may ask for nothing within a few seconds.
        let answered = mean_ms.is_some() || self.seconds >= FIRST_S && seen.outstanding == 0;
        if calm && fast && answered && self.seconds >= if first { FIRST_S } else { LEAST_S } {
            return Some(Rested::Yes(mean_ms));
        }
        (self.seconds >= MOST_S).then_some(Rested::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(outstanding: u64, mean_ms: Option<f64>, failures: u64) -> Seen {
        Seen { at_s: 0.0, outstanding, requests: 5, failures, mean_ms }
    }

    #[test]
    fn the_first_pause_learns_what_is_normal() {
        let mut rest = Rest::new(None, 5.0);
        assert!((0..4).all(|_| rest.second(seen(1, Some(7.0), 0)).is_none()));
        assert_eq!(rest.second(seen(1, Some(7.0), 0)), Some(Rested::Yes(Some(7.0))));
    }

    #[test]
    fn a_backlog_slow_answers_and_failures_make_it_longer() {
        for disturbed in [seen(400, Some(7.0), 0), seen(1, Some(300.0), 0), seen(1, Some(7.0), 1)] {
            let mut rest = Rest::new(Some(7.0), 5.0);
            assert!((0..20).all(|_| rest.second(disturbed).is_none()), "{disturbed:?}");
            let calm: Vec<_> = (0..4).map(|_| rest.second(seen(1, Some(7.0), 0))).collect();
            assert!(calm.contains(&Some(Rested::Yes(Some(7.0)))), "{disturbed:?}: {calm:?}");
        }
    }

    #[test]
    fn it_is_bounded() {
        let mut rest = Rest::new(Some(7.0), 5.0);
        let ended: Vec<_> = (0..MOST_S).filter_map(|_| rest.second(seen(400, None, 0))).collect();
        assert_eq!(ended, [Rested::No]);
    }
}
