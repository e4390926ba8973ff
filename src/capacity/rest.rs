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
/// Seconds that must be calm in a row; after a level that failed this share of all the time that there is, as some hosts take
/// theirs to recover.
const CALM_S: usize = 3;
const CALM_SHARE: f64 = 1.0 / 60.0;
const MOST_CALM_S: usize = 20;
/// As it was before: up to so many times as slow, and by so many ms.
const SLOWER: f64 = 2.0;
const SLOWER_MS: f64 = 5.0;

/// One pause.
#[derive(Debug)]
pub(super) struct Rest {
    /// What it is like at rest; `None` in the first pause.
    normal: Option<Normal>,
    /// So many requests may be under way at rest.
    few: u64,
    calm_s: usize,
    recent: VecDeque<Seen>,
    seconds: usize,
}

/// What a host is like under a low load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normal {
    /// Mean response time, ms; `None` where nothing was answered well.
    pub(super) mean_ms: Option<f64>,
    /// Some requests fail even then.
    pub(super) fails: bool,
}

/// How a pause has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rested {
    /// The host is at rest, and is like this.
    Yes(Normal),
    /// It is not as it was before.
    No,
    /// It was not by the end of the time, though there was enough of it.
    NotInTime,
}

/// How long a host must be calm; `failed`: the level before did.
pub(super) fn calm_s(failed: bool, max_time_s: f64) -> usize {
    if failed { ((max_time_s * CALM_SHARE) as usize).clamp(CALM_S, MOST_CALM_S) } else { CALM_S }
}

impl Rest {
    /// `low`: the load of the pause, arrivals a second or users.
    pub(super) fn new(normal: Option<Normal>, low: f64, calm_s: usize) -> Self {
        Self { normal, few: low.ceil().max(2.0) as u64, calm_s, recent: VecDeque::new(), seconds: 0 }
    }

    /// Another second is over.
    pub(super) fn second(&mut self, seen: Seen) -> Option<Rested> {
        if self.recent.len() == self.calm_s {
            self.recent.pop_front();
        }
        self.recent.push_back(seen);
        self.seconds += 1;
        let answered = |seen: &Seen| seen.mean_ms.map(|mean_ms| (mean_ms, (seen.requests - seen.failures) as f64));
        let (sum, count) =
            self.recent.iter().filter_map(answered).fold((0.0, 0.0), |(sum, all), (mean, n)| (sum + mean * n, all + n));
        let mean_ms = (count > 0.0).then(|| sum / count);
        let fails = self.recent.iter().any(|seen| seen.failures > 0);
        let few = self.recent.iter().all(|seen| seen.outstanding <= self.few);
        let calm = few && (!fails || self.normal.is_none_or(|normal| normal.fails));
        let normal_ms = self.normal.and_then(|normal| normal.mean_ms);
        let fast = mean_ms.zip(normal_ms).is_none_or(|(now, normal)| now <= SLOWER * normal + SLOWER_MS);
        // A low load may ask for nothing within a few seconds.
        let answered = mean_ms.is_some() || self.seconds >= FIRST_S && seen.outstanding == 0;
        if calm && fast && answered && self.seconds >= self.least_s() {
            return Some(Rested::Yes(Normal { mean_ms, fails }));
        }
        (self.seconds >= MOST_S).then_some(Rested::No)
    }

    /// What can be said where the time ends within the pause; `None` where it was too short to tell.
    pub(super) fn cut_short(&self) -> Option<Rested> {
        (self.seconds >= self.least_s()).then_some(Rested::NotInTime)
    }

    fn least_s(&self) -> usize {
        if self.normal.is_none() { FIRST_S } else { LEAST_S.max(self.calm_s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Normal = Normal { mean_ms: Some(7.0), fails: false };

    fn seen(outstanding: u64, mean_ms: Option<f64>, failures: u64) -> Seen {
        Seen { at_s: 0.0, outstanding, requests: 5, failures, mean_ms }
    }

    #[test]
    fn the_first_pause_learns_what_is_normal() {
        let mut rest = Rest::new(None, 5.0, 3);
        assert!((0..4).all(|_| rest.second(seen(1, Some(7.0), 0)).is_none()));
        assert_eq!(rest.second(seen(1, Some(7.0), 0)), Some(Rested::Yes(NORMAL)));
    }

    #[test]
    fn one_that_fails_at_rest_does_not_have_to_recover_from_that() {
        let failing = seen(1, None, 3);
        let mut first = Rest::new(None, 5.0, 3);
        let ended: Vec<_> = (0..20).filter_map(|_| first.second(seen(0, None, 3))).collect();
        assert_eq!(ended[0], Rested::Yes(Normal { mean_ms: None, fails: true }));
        let mut later = Rest::new(Some(Normal { mean_ms: None, fails: true }), 5.0, 3);
        assert!((0..20).any(|_| later.second(seen(0, None, 3)).is_some()));
        let mut other = Rest::new(Some(NORMAL), 5.0, 3);
        assert!((0..20).all(|_| other.second(failing).is_none()));
    }

    #[test]
    fn a_backlog_slow_answers_and_failures_make_it_longer() {
        for disturbed in [seen(400, Some(7.0), 0), seen(1, Some(300.0), 0), seen(1, Some(7.0), 1)] {
            let mut rest = Rest::new(Some(NORMAL), 5.0, 3);
            assert!((0..20).all(|_| rest.second(disturbed).is_none()), "{disturbed:?}");
            let calm: Vec<_> = (0..4).map(|_| rest.second(seen(1, Some(7.0), 0))).collect();
            assert!(calm.contains(&Some(Rested::Yes(NORMAL))), "{disturbed:?}: {calm:?}");
        }
    }

    #[test]
    fn after_a_failure_it_must_be_calm_for_longer_where_there_is_time() {
        assert_eq!([60.0, 600.0, 1800.0].map(|max_s| calm_s(true, max_s)), [3, 10, 20]);
        assert_eq!(calm_s(false, 1800.0), 3);
        let mut rest = Rest::new(Some(NORMAL), 5.0, 20);
        assert!((0..19).all(|_| rest.second(seen(1, Some(7.0), 0)).is_none()));
        assert!(rest.second(seen(1, Some(7.0), 0)).is_some());
    }

    #[test]
    fn where_the_time_ends_first_a_host_that_had_enough_of_it_did_not_come_to_rest() {
        let mut rest = Rest::new(Some(NORMAL), 5.0, 3);
        let told: Vec<_> = (0..3)
            .map(|_| {
                assert_eq!(rest.second(seen(0, None, 5)), None);
                rest.cut_short()
            })
            .collect();
        assert_eq!(told, [None, None, Some(Rested::NotInTime)]);
    }

    #[test]
    fn it_is_bounded() {
        let mut rest = Rest::new(Some(NORMAL), 5.0, 3);
        let ended: Vec<_> = (0..MOST_S).filter_map(|_| rest.second(seen(400, None, 0))).collect();
        assert_eq!(ended, [Rested::No]);
    }
}
