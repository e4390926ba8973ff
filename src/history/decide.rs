//! From an interval to what can be said, and what would say more.

use crate::judge::Outcome;
use crate::stats::{CONFIDENCE, Estimate, t_factor};

/// A day: a run longer than that is no advice.
const LONGEST_S: f64 = 86_400.0;
/// More runs than this a side are no advice.
const MOST_RUNS: u32 = 50;

/// Where the tolerance ends, on the scale of an estimate that is turned so that more is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edges {
    /// Above 0.
    pub(super) worse: f64,
    /// Below 0.
    pub(super) better: f64,
}

impl Edges {
    /// Of the logarithm of a ratio; `more_is_better`: of one that is turned around.
    pub(super) fn of_ratio(tolerance: f64, more_is_better: bool) -> Self {
        let (more, less) = ((1.0 + tolerance).ln(), (1.0 - tolerance).ln());
        if more_is_better { Self { worse: -less, better: -more } } else { Self { worse: more, better: less } }
    }

    /// Of a difference.
    pub(super) fn of_difference(margin: f64) -> Self {
        Self { worse: margin, better: -margin }
    }

    /// What an interval proves.
    pub(super) fn outcome(self, of: &Estimate) -> Outcome {
        if of.low > self.worse {
            Outcome::Worse
        } else if of.high < self.better {
            Outcome::Better
        } else if of.high < self.worse {
            if of.low > self.better { Outcome::Same } else { Outcome::NotWorse }
        } else {
            Outcome::Unproven
        }
    }

    /// The side of an interval that holds the edge, and how far the edge is.
    fn gap(self, of: &Estimate) -> (f64, f64) {
        if of.value > self.worse {
            (of.value - of.low, of.value - self.worse)
        } else {
            (of.high - of.value, self.worse - of.value)
        }
    }
}

/// The same estimate, turned so that more of it is worse.
pub(super) fn turned(of: Estimate, more_is_better: bool) -> Estimate {
    if more_is_better { Estimate { value: -of.value, low: -of.high, high: -of.low, ..of } } else { of }
}

/// Seconds of steady load a side that would decide, were the figures to stay: `within` is what the time shrinks, the rest of the
/// whole interval stays. `None` where no time would do.
pub(super) fn steady_needed(within: &Estimate, whole: &Estimate, edges: Edges, seconds: f64) -> Option<f64> {
    let (side, gap) = edges.gap(whole);
    let (inner, _) = edges.gap(within);
    let stays = (side.powi(2) - inner.powi(2)).max(0.0).sqrt();
    let room = (gap.powi(2) - stays.powi(2)).max(0.0).sqrt();
    // Widths go with one over the root of the time; a tenth more, for the end must lie clear of the edge.
    let needed = 1.1 * (inner / room).powi(2) * seconds;
    (needed.is_finite() && needed <= LONGEST_S).then_some(needed.max(seconds * 1.1))
}

/// Runs a side that would decide, were the runs to vary as they do.
pub(super) fn runs_needed(of: &Estimate, edges: Edges, a: usize, b: usize) -> Option<u32> {
    let (side, gap) = edges.gap(of);
    let error = side / t_factor(CONFIDENCE, of.dof);
    let deviation = error / (1.0 / a as f64 + 1.0 / b as f64).sqrt();
    let enough = |&runs: &u32| {
        let runs = f64::from(runs);
        t_factor(CONFIDENCE, 2.0 * runs - 2.0) * deviation * (2.0 / runs).sqrt() < gap
    };
    (2..=MOST_RUNS).find(enough).map(|runs| runs.max(a.max(b) as u32 + 1))
}

/// Rounds that would decide, were their differences to vary as they do.
pub(super) fn rounds_needed(of: &Estimate, edges: Edges, rounds: usize) -> Option<u32> {
    let (side, gap) = edges.gap(of);
    let deviation = side / t_factor(CONFIDENCE, of.dof) * (rounds as f64).sqrt();
    let enough = |&rounds: &u32| {
        let rounds = f64::from(rounds);
        t_factor(CONFIDENCE, rounds - 1.0) * deviation / rounds.sqrt() < gap
    };
    (2..=MOST_RUNS).find(enough).map(|needed| needed.max(rounds as u32 + 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn between(low: f64, high: f64) -> Estimate {
        Estimate { value: f64::midpoint(low, high), low, high, dof: 20.0 }
    }

    /// An interval of ratios.
    fn ratio(low: f64, high: f64) -> Estimate {
        between(low.ln(), high.ln())
    }

    #[test]
    fn only_the_whole_interval_decides() {
        let latency = Edges::of_ratio(0.05, false);
        for (low, high, outcome) in [
            (1.06, 1.2, Outcome::Worse),
            (1.04, 1.2, Outcome::Unproven),
            (0.96, 1.04, Outcome::Same),
            (0.90, 1.04, Outcome::NotWorse),
            (0.90, 1.06, Outcome::Unproven),
            (0.80, 0.94, Outcome::Better),
            (0.96, 1.06, Outcome::Unproven),
        ] {
            assert_eq!(latency.outcome(&ratio(low, high)), outcome, "{low} to {high}");
        }
    }

    #[test]
    fn more_throughput_is_better() {
        let throughput = Edges::of_ratio(0.05, true);
        let outcome = |low, high| throughput.outcome(&turned(ratio(low, high), true));
        assert_eq!(outcome(1.06, 1.2), Outcome::Better);
        assert_eq!(outcome(0.80, 0.94), Outcome::Worse);
        assert_eq!(outcome(0.96, 1.04), Outcome::Same);
        assert_eq!(outcome(0.96, 1.2), Outcome::NotWorse);
        assert_eq!(outcome(0.90, 1.2), Outcome::Unproven);
    }

    #[test]
    fn four_times_the_time_halves_what_time_can_halve() {
        let edges = Edges::of_difference(1.0);
        let within = between(-2.0, 2.0);
        assert_eq!(steady_needed(&within, &within, edges, 60.0), Some(1.1 * 4.0 * 60.0));
        // ±1.5 of it stays however long: the edge at 1 is never reached.
        assert_eq!(steady_needed(&within, &between(-2.5, 2.5), edges, 60.0), None);
        assert_eq!(steady_needed(&between(0.0, 2.0), &between(0.0, 2.0), edges, 60.0), None, "on the edge");
    }

    #[test]
    fn the_runs_that_would_decide_decide() {
        let edges = Edges::of_difference(1.0);
        // Three a side: half 2, error 2/2.776; needs t·s·√(2/n) < 1 with s = .882.
        let of = Estimate { value: 0.0, low: -2.0, high: 2.0, dof: 4.0 };
        assert_eq!(runs_needed(&of, edges, 3, 3), Some(8));
        // Six rounds: half 2, standard deviation 2/2.571·√6 = 1.906; needs t·s/√n < 1: n = 17 gives 0.980.
        let of = Estimate { value: 0.0, low: -2.0, high: 2.0, dof: 5.0 };
        assert_eq!(rounds_needed(&of, edges, 6), Some(17));
        assert_eq!(runs_needed(&Estimate { value: 1.0, low: -1.0, high: 3.0, dof: 4.0 }, edges, 3, 3), None);
    }
}
