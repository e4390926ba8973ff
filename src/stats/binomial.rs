//! Intervals of a share: exact for independent requests, widened for dependent ones.
//!
//! Sources: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
//! binomial", Biometrika 26 (1934); for dependent samples E. L. Korn, B. I. Graubard, "Confidence intervals for
//! proportions with small expected number of positive counts", Survey Methodology 24 (1998): the same formula with an
//! effective number of requests. Ranks of order statistics: H. A. David, H. N. Nagaraja, "Order Statistics" (2003), 7.1.

use statrs::distribution::{Beta, ContinuousCDF};

use super::batches::Spread;
use super::student::{CONFIDENCE, normal_factor, t_factor};

/// The exact two-sided 95 % interval of a share of which `hits` of `of` were seen.
///
/// Both may be fractions (an effective number of requests). Without any request: 0 to 1.
pub fn clopper_pearson(hits: f64, of: f64) -> (f64, f64) {
    clopper_pearson_at(CONFIDENCE, hits, of)
}

/// The same at another confidence.
fn clopper_pearson_at(confidence: f64, hits: f64, of: f64) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    if of <= 0.0 {
        return (0.0, 1.0);
    }
    let misses = (of - hits).max(0.0);
    let beta = |a: f64, b: f64, p: f64| Beta::new(a, b).ok().map(|beta| beta.inverse_cdf(p));
    let low = if hits <= 0.0 { 0.0 } else { beta(hits, misses + 1.0, tail).unwrap_or(0.0) };
    let high = if misses <= 0.0 { 1.0 } else { beta(hits + 1.0, misses, 1.0 - tail).unwrap_or(1.0) };
    (low, high)
}

/// A share with its two-sided 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Hits by requests.
    pub value: f64,
    /// The lower end, a fraction.
    pub low: f64,
    /// The upper end, a fraction.
    pub high: f64,
    /// How many dependent requests are worth one independent request; at least 1.
    pub design_effect: f64,
}

/// The share of `hits` among `of` requests that need not be independent: failures come in bursts.
///
/// The interval is the wider of the exact one and of those by each spread's design effect, with
/// `n/deff · (z/t)²` requests (Korn and Graubard). Assumes batches long against a burst. `None` without requests.
pub fn share(hits: u64, of: u64, spreads: &[Spread]) -> Option<Share> {
    share_at(CONFIDENCE, hits, of, spreads)
}

/// The same with an interval of another confidence.
pub fn share_at(confidence: f64, hits: u64, of: u64, spreads: &[Spread]) -> Option<Share> {
    if of == 0 {
        return None;
    }
    let (k, n) = (hits as f64, of as f64);
    let value = k / n;
    let (mut low, mut high) = clopper_pearson_at(confidence, k, n);
    for (hits, of) in worth(confidence, k, n, spreads) {
        let (lower, upper) = clopper_pearson_at(confidence, hits, of);
        low = low.min(lower);
        high = high.max(upper);
    }
    let design_effect = spreads.iter().map(|spread| spread.design_effect(value, n)).fold(1.0, f64::max);
    Some(Share { value, low, high, design_effect })
}

/// Whether the whole interval of [`share`] lies below `limit`, from each span's (hits, of); without inverting it.
pub(super) fn share_is_below(confidence: f64, limit: f64, counts: &[(f64, f64)], spreads: &[Spread]) -> bool {
    let (hits, of) = sum(counts);
    let below = |k, n| lies_below_at(confidence, k, n, limit);
    of > 0.0 && below(hits, of) && worth(confidence, hits, of, spreads).all(|(k, n)| below(k, n))
}

/// Whether it lies above.
pub(super) fn share_is_above(confidence: f64, limit: f64, counts: &[(f64, f64)], spreads: &[Spread]) -> bool {
    let (hits, of) = sum(counts);
    let above = |k, n| lies_above_at(confidence, k, n, limit);
    of > 0.0 && above(hits, of) && worth(confidence, hits, of, spreads).all(|(k, n)| above(k, n))
}

/// Whether the upper end of the exact interval is below the limit: P(Beta(k+1, n−k) ≤ limit) > 1 − α/2.
pub(super) fn lies_below(hits: f64, of: f64, limit: f64) -> bool {
    lies_below_at(CONFIDENCE, hits, of, limit)
}

fn lies_below_at(confidence: f64, hits: f64, of: f64, limit: f64) -> bool {
    hits < of && Beta::new(hits + 1.0, of - hits).is_ok_and(|beta| beta.cdf(limit) > f64::midpoint(1.0, confidence))
}

/// Whether the lower end is above it: P(Beta(k, n−k+1) ≤ limit) < α/2.
pub(super) fn lies_above(hits: f64, of: f64, limit: f64) -> bool {
    lies_above_at(CONFIDENCE, hits, of, limit)
}

fn lies_above_at(confidence: f64, hits: f64, of: f64, limit: f64) -> bool {
    Beta::new(hits, of - hits + 1.0).is_ok_and(|beta| beta.cdf(limit) < f64::midpoint(1.0, -confidence))
}

/// Hits and requests in worth of independent ones, by each spread that sees more than chance.
///
/// A variance that rests on few batches with a hit has as few degrees of freedom: theirs, and one for all the others. (With
/// the batches' own, one in ten windows that had seen few bursts put the upper end below the truth: `005` has the table.)
fn worth(confidence: f64, hits: f64, of: f64, spreads: &[Spread]) -> impl Iterator<Item = (f64, f64)> {
    spreads.iter().filter_map(move |spread| {
        let effect = spread.design_effect(hits / of, of);
        let dof = spread.dof.min(spread.hit + 1.0);
        let worth = (effect > 1.0).then(|| effect * (t_factor(confidence, dof) / normal_factor(confidence)).powi(2))?;
        Some((hits / worth, of / worth))
    })
}

fn sum(counts: &[(f64, f64)]) -> (f64, f64) {
    counts.iter().fold((0.0, 0.0), |(k, n), &(hits, of)| (k + hits, n + of))
}

/// The ranks (from 1) whose values hold the quantile `q` of `n` independent samples between them with 95 %:
/// `B⁻¹(α/2; n, q)` and `B⁻¹(1−α/2; n, q) + 1`. A rank of 0 or above `n` is outside the sample.
pub fn quantile_ranks(n: u64, q: f64) -> (u64, u64) {
    quantile_ranks_at(CONFIDENCE, n, q)
}

/// The same with another confidence.
pub(super) fn quantile_ranks_at(confidence: f64, n: u64, q: f64) -> (u64, u64) {
    let tail = (1.0 - confidence) / 2.0;
    (binomial_quantile(n, q, tail), binomial_quantile(n, q, 1.0 - tail) + 1)
}

/// The smallest k with P(X ≤ k) ≥ p for X binomial, by bisection over P(X ≤ k) = I(1−q; n−k, k+1).
fn binomial_quantile(n: u64, q: f64, p: f64) -> u64 {
    let at_most = |k: u64| {
        if k >= n {
            return 1.0;
        }
        Beta::new((n - k) as f64, k as f64 + 1.0).map_or(1.0, |beta| beta.cdf(1.0 - q))
    };
    let (mut below, mut reached) = (0, n);
    while below < reached {
        let middle = below + (reached - below) / 2;
        if at_most(middle) >= p {
            reached = middle;
        } else {
            below = middle + 1;
        }
    }
    reached
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(figure: f64, known: f64) {
        assert!((figure - known).abs() < 5e-7, "{figure} is not {known}");
    }

    #[test]
    fn exact_intervals_are_the_known_ones() {
        // 0 of n: 1 − (α/2)^(1/n). 5 of 100 and 10 of 20: R's binom.test.
        near(clopper_pearson(0.0, 1000.0).1, 1.0 - 0.025_f64.powf(1e-3));
        near(clopper_pearson(0.0, 1000.0).1, 0.003_682_084);
        assert_eq!(clopper_pearson(0.0, 1000.0).0, 0.0);
        assert_eq!(clopper_pearson(20.0, 20.0).1, 1.0);
        near(clopper_pearson(20.0, 20.0).0, 0.025_f64.powf(0.05));
        let (low, high) = clopper_pearson(5.0, 100.0);
        near(low, 0.016_431_9);
        near(high, 0.112_834_9);
        let (low, high) = clopper_pearson(10.0, 20.0);
        near(low, 0.271_957_8);
        near(high, 0.728_042_2);
        assert_eq!(clopper_pearson(0.0, 0.0), (0.0, 1.0));
    }

    #[test]
    fn dependent_failures_widen_the_interval() {
        let spread = Spread { ratio: 0.01, variance: 4.0 * 0.01 * 0.99 / 4000.0, dof: 29.0, lag1: 0.0, hit: 30.0 };
        let plain = share(40, 4000, &[]).unwrap();
        let wide = share(40, 4000, &[spread]).unwrap();
        near(plain.design_effect, 1.0);
        near(wide.design_effect, 4.0);
        // n/deff · (z/t)² = 1000 · (1.959964/2.045230)²
        let n = 1000.0 * (1.959_963_985_f64 / 2.045_229_642).powi(2);
        let (low, high) = clopper_pearson(n / 100.0, n);
        near(wide.low, low);
        near(wide.high, high);
        assert!(wide.low < plain.low && wide.high > plain.high);
        assert_eq!(share(0, 0, &[]), None);
    }

    #[test]
    fn a_single_burst_tells_little_of_how_many_there_are() {
        let effect = 4.0 * 0.01 * 0.99 / 4000.0;
        let of = |hit| share(40, 4000, &[Spread { ratio: 0.01, variance: effect, dof: 29.0, lag1: 0.0, hit }]).unwrap();
        // Two degrees of freedom: n/deff · (1.959964/4.302653)²
        let n = 1000.0 * (1.959_963_985_f64 / 4.302_652_73).powi(2);
        near(of(1.0).high, clopper_pearson(n / 100.0, n).1);
        assert!(of(1.0).high > of(5.0).high && of(5.0).high > of(28.0).high);
        assert_eq!(of(28.0), of(30.0));
    }

    #[test]
    fn a_spread_below_chance_does_not_narrow_it() {
        let spread = Spread { ratio: 0.01, variance: 0.0, dof: 29.0, lag1: 0.0, hit: 30.0 };
        assert_eq!(share(40, 4000, &[spread]), share(40, 4000, &[]));
    }

    #[test]
    fn ranks_of_the_95th_percentile_are_the_tables() {
        // 0.95^59 < 5 %: one-sided. Two-sided the upper rank is inside from 72 on: 0.95^72 < 2.5 %.
        assert_eq!(quantile_ranks(71, 0.95).1, 72);
        assert_eq!(quantile_ranks(72, 0.95).1, 72);
        // Binomial(10, 0.5): P(X≤1) = 0.0107, P(X≤2) = 0.0547, so ranks 2 and 9.
        assert_eq!(quantile_ranks(10, 0.5), (2, 9));
        assert_eq!(quantile_ranks(1, 0.5), (0, 2));
    }

    proptest! {
        #[test]
        fn a_share_lies_where_its_interval_does(
            hits in prop::collection::vec(0_u32..9, 12),
            more in 1_u32..40,
            limit in 0.01_f64..0.99,
        ) {
            let counts: Vec<(f64, f64)> = hits.iter().map(|&k| (f64::from(k), f64::from(k + more))).collect();
            let spans = vec![crate::stats::Span { seconds: 1.0, hold: 0 }; 12];
            let spreads = crate::stats::spreads(&spans, &counts);
            let (k, n) = sum(&counts);
            let found = share(k as u64, n as u64, &spreads).unwrap();
            prop_assert_eq!(share_is_below(CONFIDENCE, limit, &counts, &spreads), found.high < limit);
            prop_assert_eq!(share_is_above(CONFIDENCE, limit, &counts, &spreads), found.low > limit);
        }

        #[test]
        fn an_interval_holds_its_share_and_shrinks_with_more(k in 0_u32..50, extra in 1_u32..5000) {
            let n = f64::from(k + extra);
            let (low, high) = clopper_pearson(f64::from(k), n);
            let share = f64::from(k) / n;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
            let (_, later) = clopper_pearson(f64::from(k), n + 1.0);
            prop_assert!(later < high);
        }

        #[test]
        fn ranks_hold_the_quantile_and_move_with_n(n in 1_u64..20_000, q in 0.01_f64..0.999) {
            let (low, high) = quantile_ranks(n, q);
            let rank = q * n as f64;
            prop_assert!(low as f64 <= rank.ceil() && high as f64 >= rank.floor());
            let (next_low, next_high) = quantile_ranks(n + 1, q);
            prop_assert!(next_low >= low && next_high >= high);
        }
    }
}
