//! The interval of a percentile of response times, which depend on each other.
//!
//! Indicator batches: split the window into b batches, let fᵢ be the share of batch i above the whole window's quantile q̂;
//! how much more than chance fᵢ varies is the design effect; the half-width in probability is
//! `t·√(q(1−q)·deff/n)`, and both ends are read off the merged distribution. Sources: P. Heidelberger, P. A. W. Lewis,
//! "Quantile estimation in dependent sequences", Operations Research 32 (1984); A. F. Seila, "A batching approach to
//! quantile estimation in regenerative simulations", Management Science 28 (1982); the ratio estimator as in `batches`.
//!
//! Assumes a level that does not drift, and batches longer than the dependence. Where they are seen not to be
//! (autocorrelation above [`MOST_LAG1`]) the interval is widened to what each tenth of the window says by itself. Where
//! the upper end would lie outside the sample although there are requests enough, a far, safe one is given instead.

use super::Distribution;
use super::batches::{BATCHES, Span, assign, gather, spread, spreads};
use super::binomial::{quantile_ranks, share};
use super::student::{CONFIDENCE, t_factor};

/// Lag-1 autocorrelation of the batches above which they are too short to tell the interval.
pub const MOST_LAG1: f64 = 0.3;

/// How far beyond the tested value the upper end is put. The test alone trusts a sample that has seen only a few bursts: in
/// a simulated queue 90 % used, a quarter of the runs of 4,600 requests had an end on the wrong side of the truth. Four
/// times as far, no more of them have than without this rule (`coverage`, the printed table).
const BEYOND: f64 = 4.0;

/// Into how many parts the window is cut where its batches depend on each other.
const PARTS: usize = 10;

/// A percentile with its two-sided 95 % interval, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// The figure; where it lies among values that were cut off, the least that it can be.
    pub value: f64,
    /// The lower end; `None` where it lies below the sample.
    pub low: Option<f64>,
    /// The upper end, beyond the largest value where slowness comes in bursts; `None` where there are too few requests to
    /// bound it, or too many were cut off.
    pub high: Option<f64>,
    /// How many dependent samples are worth one independent sample; `None` where the window is too short to tell.
    pub design_effect: Option<f64>,
    /// The batches depend on each other: the interval is the widest that a tenth of the window asks for, not by formula.
    pub dependent: bool,
}

/// The quantile `q` (0.95 for p95) of the values of all spans together.
///
/// `values` holds one distribution a span; `cut_off` likewise (or nothing at all) what was begun in it and never seen to end,
/// by how long it had waited: for the lower end it counts as that long, for the upper end as without end. `None` without
/// any value.
pub fn percentile(q: f64, spans: &[Span], values: &[Distribution], cut_off: &[Distribution]) -> Option<Percentile> {
    let seen = Distribution::merged(values);
    let at_least = Distribution::merged(cut_off.iter().chain([&seen]));
    let n = at_least.count();
    let found = at_least.quantile(q)?;
    let of_rank = |part: &Distribution, rank: u64| part.at_rank(rank).map(|value| value as f64);

    let (mut low_rank, mut high_rank) = quantile_ranks(n, q);
    let counts = exceedances(found, values, cut_off);
    let (mut design_effect, mut lag1) = (None::<f64>, None);
    for count in BATCHES {
        let Some(spread) = spread(&gather(spans, &counts, count)) else { continue };
        let effect = spread.design_effect(q, n as f64);
        let half = t_factor(CONFIDENCE, spread.dof) * (q * (1.0 - q) * effect / n as f64).sqrt();
        low_rank = low_rank.min(((q - half) * n as f64).floor().max(0.0) as u64);
        high_rank = high_rank.max(((q + half) * n as f64).ceil() as u64);
        design_effect = Some(design_effect.map_or(effect, |other| other.max(effect)));
        lag1.get_or_insert(spread.lag1);
    }
    let mut result = Percentile {
        value: found as f64,
        low: of_rank(&at_least, low_rank),
        high: of_rank(&seen, high_rank),
        design_effect,
        dependent: lag1.is_some_and(|lag1| lag1 > MOST_LAG1),
    };
    if result.high.is_none() && design_effect.is_some() {
        result.high = upper_end_by_test(q, spans, values, cut_off, &seen, found);
    }
    if result.dependent {
        widen_to_parts(&mut result, q, spans, values, cut_off);
    }
    Some(result)
}

/// Of each span: how many values lie above `limit`, and how many there are.
fn exceedances(limit: u64, values: &[Distribution], cut_off: &[Distribution]) -> Vec<(f64, f64)> {
    let unseen = |span: usize| cut_off.get(span).map_or(0, Distribution::count);
    let counts = |(span, part): (usize, &Distribution)| {
        ((part.count_above(limit) + unseen(span)) as f64, (part.count() + unseen(span)) as f64)
    };
    values.iter().enumerate().map(counts).collect()
}

/// An upper end where the formula has none, because what is slow comes in a few bursts: [`BEYOND`] times the smallest value
/// of which the share above it is shown to be less than `1 − q`, with the design effect AT that value (test inversion:
/// C. A. Francisco, W. A. Fuller, "Quantile estimation with a complex survey design", Annals of Statistics 19 (1991)).
/// `None` where even the largest value is not shown to be: too few requests, or too many cut off.
fn upper_end_by_test(
    q: f64,
    spans: &[Span],
    values: &[Distribution],
    cut_off: &[Distribution],
    seen: &Distribution,
    found: u64,
) -> Option<f64> {
    let candidates: Vec<u64> = seen.pairs().iter().map(|&(value, _)| value).filter(|&value| value >= found).collect();
    let shown = |limit: u64| {
        let counts = exceedances(limit, values, cut_off);
        let (hits, of) = counts.iter().fold((0.0, 0.0), |(k, n), &(hits, of)| (k + hits, n + of));
        share(hits as u64, of as u64, &spreads(spans, &counts)).is_some_and(|share| share.high < 1.0 - q)
    };
    // The higher the value, the smaller the share above it.
    let first = candidates.partition_point(|&value| !shown(value));
    candidates.get(first).map(|&value| value as f64 * BEYOND)
}

fn widen_to_parts(result: &mut Percentile, q: f64, spans: &[Span], values: &[Distribution], cut_off: &[Distribution]) {
    let (part_of, made) = assign(spans, PARTS);
    for part in 0..made {
        let of_part = |all: &[Distribution]| {
            Distribution::merged(all.iter().zip(&part_of).filter(|(_, of)| **of == part).map(|(one, _)| one))
        };
        let seen = of_part(values);
        let at_least = Distribution::merged([&seen, &of_part(cut_off)]);
        let Some(lowest) = at_least.quantile(q) else { continue };
        result.low = result.low.map(|low| low.min(lowest as f64));
        let highest = seen.at_rank(at_least.rank_of(q)).map(|value| value as f64);
        result.high = result.high.zip(highest).map(|(high, part)| high.max(part));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: usize) -> Vec<Span> {
        vec![Span { seconds: 1.0, hold: 0 }; count]
    }

    /// All of it in the last of so many spans.
    fn at_end(cut_off: Distribution, spans: usize) -> Vec<Distribution> {
        let mut parts = vec![none(); spans];
        *parts.last_mut().unwrap() = cut_off;
        parts
    }

    fn none() -> Distribution {
        Distribution::default()
    }

    /// Every second holds 1 ..= 100 once.
    fn hundreds(count: usize) -> Vec<Distribution> {
        vec![Distribution::from_pairs((1..=100).map(|v| (v, 1))); count]
    }

    #[test]
    fn identical_seconds_give_the_order_statistics_interval() {
        let p95 = percentile(0.95, &seconds(40), &hundreds(40), &[]).unwrap();
        assert_eq!((p95.value, p95.design_effect, p95.dependent), (95.0, Some(1.0), false));
        // n = 4000: half = t(9)·√(.0475/4000) = 2.262·.003446 = .0078: ranks 3768 and 3832, values 95 and 96.
        assert_eq!((p95.low, p95.high), (Some(95.0), Some(96.0)));
    }

    #[test]
    fn an_end_outside_the_sample_is_open() {
        let few = vec![Distribution::from_pairs([(5, 1)]); 20];
        let p95 = percentile(0.95, &seconds(20), &few, &[]).unwrap();
        assert_eq!((p95.low, p95.value, p95.high), (Some(5.0), 5.0, None));
        let one = [Distribution::from_pairs([(5, 1)])];
        let p50 = percentile(0.5, &seconds(1), &one, &[]).unwrap();
        assert_eq!((p50.low, p50.value, p50.high, p50.design_effect), (None, 5.0, None, None));
        assert_eq!(percentile(0.5, &seconds(1), &[none()], &[]), None);
    }

    #[test]
    fn what_was_cut_off_opens_the_upper_end_only() {
        let cut_off = Distribution::from_pairs([(10_000, 400)]);
        let p95 = percentile(0.95, &seconds(40), &hundreds(40), &at_end(cut_off, 40)).unwrap();
        assert_eq!((p95.value, p95.low, p95.high), (10_000.0, Some(84.0), None));
        let few = Distribution::from_pairs([(10_000, 4)]);
        let p95 = percentile(0.95, &seconds(40), &hundreds(40), &at_end(few, 40)).unwrap();
        assert_eq!((p95.value, p95.high), (96.0, Some(96.0)));
    }

    #[test]
    fn only_cut_off_requests_still_tell_the_least_that_it_is() {
        let cut_off = Distribution::from_pairs([(10_000, 100)]);
        let p95 = percentile(0.95, &seconds(40), &vec![none(); 40], &at_end(cut_off, 40)).unwrap();
        assert_eq!((p95.value, p95.low, p95.high), (10_000.0, Some(10_000.0), None));
    }

    #[test]
    fn a_drift_is_told_and_widened_to_its_tenths() {
        let drift: Vec<Distribution> =
            (0..40).map(|i| Distribution::from_pairs((1..=400).map(|v| (v + i, 1)))).collect();
        let p95 = percentile(0.95, &seconds(40), &drift, &[]).unwrap();
        assert!(p95.dependent);
        // The first tenth is seconds 0–3, its p95 the 1,520th of 1,600; the last reaches 36–39.
        let first = Distribution::merged(&drift[..4]).quantile(0.95).unwrap() as f64;
        let last = Distribution::merged(&drift[36..]).quantile(0.95).unwrap() as f64;
        assert_eq!((p95.low, p95.high), (Some(first), Some(last)));
    }

    #[test]
    fn bursts_cost_samples() {
        // Every fourth second is slow throughout: 25 % above, in whole seconds.
        let bursts: Vec<Distribution> =
            (0..60).map(|i| Distribution::from_pairs([(if i % 4 == 0 { 100 } else { 1 }, 50)])).collect();
        let p50 = percentile(0.5, &seconds(60), &bursts, &[]).unwrap();
        // b = 30: fᵢ is ½ (one of its two seconds) or 0 by turns, p = ¼: Σr² = 30·(25)², ·30/29 /3000² over ¼/3000.
        let expected = 30.0 * 625.0 * 30.0 / 29.0 / 9e6 / (0.25 / 3000.0);
        assert!((p50.design_effect.unwrap() - expected).abs() < 1e-9, "{p50:?}");
    }

    #[test]
    fn a_burst_puts_the_upper_end_far_but_does_not_lose_it() {
        // Two of 60 seconds are slow: more than 95 of 100 are fast, but nobody knows how often such seconds come.
        let burst: Vec<Distribution> =
            (0..60).map(|i| Distribution::from_pairs([(if i == 30 || i == 31 { 10 } else { 1 }, 80)])).collect();
        let p95 = percentile(0.95, &seconds(60), &burst, &[]).unwrap();
        assert_eq!((p95.low, p95.value, p95.high), (Some(1.0), 1.0, Some(40.0)));
        let cut_off = Distribution::from_pairs([(10, 400)]);
        assert_eq!(percentile(0.95, &seconds(60), &burst, &at_end(cut_off, 60)).unwrap().high, None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_figure(
            spans in 1_usize..80,
            seed: u64,
            q in 0.05_f64..0.999,
            cut in 0_u64..20,
        ) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let values: Vec<Distribution> =
                (0..spans).map(|_| Distribution::from_pairs((0..20).map(|_| (rng.u64(1..1000), 1)))).collect();
            let cut_off = Distribution::from_pairs([(500, cut)]);
            let p = percentile(q, &seconds(spans), &values, &at_end(cut_off, spans)).unwrap();
            prop_assert!(p.low.is_none_or(|low| low <= p.value));
            prop_assert!(p.high.is_none_or(|high| p.value <= high));
            prop_assert!(p.design_effect.is_none_or(|effect| effect >= 1.0));
        }
    }
}
