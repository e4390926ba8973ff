//! What charts show over time: the run in bins that are wide enough to mean something.

use std::collections::BTreeMap;

use crate::record::{FailureKind, IntervalKind, Run};
use crate::stats::Distribution;

/// Widths that a reader can divide a clock by, seconds.
pub(super) const WIDTHS: [f64; 14] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
/// A bin's percentiles need about this many samples to mean anything.
const ENOUGH: f64 = 50.0;
/// Bins are not widened for the sake of samples below this many.
const FEWEST: f64 = 24.0;

/// Successful responses that ended in one bin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimesBin {
    /// Which bin: bins without samples are not there.
    pub(super) index: usize,
    /// Seconds since the start.
    pub(super) middle_s: f64,
    /// Their response times, µs.
    pub(super) values: Distribution,
}

/// What was counted in one bin.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CountsBin {
    /// Seconds since the start.
    pub(super) from_s: f64,
    /// Seconds since the start.
    pub(super) to_s: f64,
    /// Successful responses.
    pub(super) good: u64,
    /// Failures by kind.
    pub(super) failures: BTreeMap<FailureKind, u64>,
    /// Users at work at its end.
    pub(super) users: u32,
    /// Users or arrivals a second asked for at its end.
    pub(super) wanted: f64,
}

/// The width of bins, seconds: at most `most` of them, none finer than the journal, each with enough samples if possible.
pub(super) fn width_s(run: &Run, most: f64) -> f64 {
    let length = run.duration_s();
    let finest = run.seconds.iter().map(|s| s.to_s - s.from_s).fold(1.0, f64::max);
    let requests: u64 = run.seconds.iter().flat_map(|s| s.endpoints.values()).map(|e| e.requests).sum();
    let per_s = if length > 0.0 { requests as f64 / length } else { 0.0 };
    let mut width = 1.0;
    for next in WIDTHS {
        let needed = length / width > most || width < finest - 0.5;
        let wanted = per_s * width < ENOUGH && length / next >= FEWEST;
        if needed || wanted {
            width = next;
        }
    }
    // A run longer than the table reaches.
    if length / width > most { length / most } else { width }
}

/// Response times by bin; bins without samples are left out.
pub(super) fn times(run: &Run, width_s: f64) -> Vec<TimesBin> {
    let mut bins: BTreeMap<usize, Vec<&Distribution>> = BTreeMap::new();
    for interval in run.intervals.iter().filter(|i| i.kind == IntervalKind::Response && !i.values.is_empty()) {
        bins.entry(index(interval.from_s, interval.to_s, width_s)).or_default().push(&interval.values);
    }
    let bin = |(index, parts): (usize, Vec<&Distribution>)| TimesBin {
        index,
        middle_s: (index as f64 + 0.5) * width_s,
        values: Distribution::merged(parts),
    };
    bins.into_iter().map(bin).collect()
}

/// Counters by bin.
pub(super) fn counts(run: &Run, width_s: f64) -> Vec<CountsBin> {
    let mut bins: BTreeMap<usize, CountsBin> = BTreeMap::new();
    for second in &run.seconds {
        let bin = bins
            .entry(index(second.from_s, second.to_s, width_s))
            .or_insert_with(|| CountsBin { from_s: second.from_s, ..CountsBin::default() });
        bin.to_s = second.to_s;
        bin.users = second.users;
        bin.wanted = second.wanted;
        for endpoint in second.endpoints.values() {
            let failed: u64 = endpoint.failures.values().sum();
            bin.good += endpoint.requests.saturating_sub(failed + endpoint.cut_off);
            for (kind, n) in &endpoint.failures {
                *bin.failures.entry(*kind).or_default() += n;
            }
        }
    }
    bins.into_values().filter(|bin| bin.to_s > bin.from_s).collect()
}

fn index(from_s: f64, to_s: f64, width_s: f64) -> usize {
    (f64::midpoint(from_s, to_s) / width_s).max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::super::super::example;
    use super::*;

    #[test]
    fn a_minute_is_shown_by_the_second_and_ten_hours_by_two_minutes() {
        assert_eq!(width_s(&example::pass().0, 300.0), 1.0);
        assert_eq!(width_s(&example::ten_hours().0, 300.0), 120.0);
        assert_eq!(width_s(&example::empty().0, 300.0), 1.0);
    }

    #[test]
    fn a_light_load_is_shown_in_wider_bins() {
        assert_eq!(width_s(&example::unproven().0, 300.0), 2.0);
    }

    #[test]
    fn nothing_is_lost_between_bins_and_nothing_invented() {
        let (mut run, result) = example::fail();
        let good = result.totals.requests - result.totals.failures;
        let total = |run: &Run, width| counts(run, width).iter().map(|bin| bin.good).sum::<u64>();
        for width in [1.0, 5.0, 7.0, 60.0] {
            assert_eq!(total(&run, width), good);
            assert_eq!(times(&run, width).iter().map(|bin| bin.values.count()).sum::<u64>(), good);
        }
        run.intervals.retain(|i| !(20.0..30.0).contains(&i.from_s));
        assert!(times(&run, 5.0).iter().all(|bin| bin.index != 4 && bin.index != 5));
    }
}
