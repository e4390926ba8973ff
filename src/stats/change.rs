//! The change from one window to another: of quantiles, of rates, of shares.
//!
//! Ratios: the percentile interval of the bootstrap distribution of the log-ratio, expanded for small samples by
//! `t/z·√(k/(k−1))` with k the blocks of the shorter side, of a quantile those that hold values (T. C. Hesterberg, "What teachers should know about the bootstrap",
//! The American Statistician 69 (2015), 4.5), then widened by what runs differ by anyway ([`widen`]). All quantiles from p10 to
//! p99 together are the shift function (K. Doksum, "Empirical probability plots and statistical inference for nonlinear
//! models in the two-sample case", Annals of Statistics 2 (1974); G. A. Rousselet, C. R. Pernet, R. R. Wilcox, "Beyond
//! differences in means", European Journal of Neuroscience 46 (2017)).
//!
//! Where the seconds of a window depend on each other for longer than the window can tell, a bootstrap trusts them too much:
//! then what each tenth of the window says by itself widens the interval ([`parts`]), as it does that of a single percentile.
//!
//! Shares: the square-and-add interval (R. G. Newcombe, "Interval estimation for the difference between independent
//! proportions", Statistics in Medicine 17 (1998), method 10; G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008)).

use super::Distribution;
use super::batches::{BATCHES, Span, assign, gather, spread};
use super::bootstrap::Resampled;
use super::student::{CONFIDENCE, normal_factor, t_factor};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Below this a time is not told apart from none, µs.
const LEAST: f64 = 0.5;

/// How much successive batches may follow each other before the tenths of a window are asked: with 30 independent batches a
/// lag-1 autocorrelation above this is chance in 1 of 20 windows (standard error 1/√30).
const MOST_LAG1: f64 = 0.3;

/// A value with its two-sided 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Degrees of freedom of the interval.
    pub dof: f64,
}

/// The logarithm of a time, µs: ratios of times are differences of it.
pub fn log_time(us: f64) -> f64 {
    us.max(LEAST).ln()
}

/// The logarithm of b over a, from their figures and the figures of their resamples; `blocks`: those of the shorter side.
pub fn log_ratio(a: f64, b: f64, resampled: (&[f64], &[f64]), blocks: f64) -> Estimate {
    let draws: Vec<f64> = resampled.0.iter().zip(resampled.1).map(|(&a, &b)| log_time(b) - log_time(a)).collect();
    expanded(log_time(b) - log_time(a), draws, blocks)
}

/// How many blocks the shorter of two windows has.
pub fn fewest_blocks(a: &Resampled, b: &Resampled) -> f64 {
    a.blocks.min(b.blocks)
}

/// How many blocks tell of the quantiles of the window that has fewer of them.
pub fn fewest_of_quantiles(a: &Resampled, b: &Resampled) -> f64 {
    a.of_quantiles().min(b.of_quantiles())
}

fn expanded(value: f64, mut draws: Vec<f64>, blocks: f64) -> Estimate {
    draws.sort_by(f64::total_cmp);
    let at =
        |share: f64| draws.get(((share * draws.len() as f64) as usize).min(draws.len().saturating_sub(1))).copied();
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let dof = (blocks - 1.0).max(1.0);
    let factor = t_factor(CONFIDENCE, dof) / normal_factor(CONFIDENCE) * (blocks / dof).sqrt();
    let below = (value - at(tail).unwrap_or(value)).max(0.0);
    let above = (at(1.0 - tail).unwrap_or(value) - value).max(0.0);
    Estimate { value, low: value - factor * below, high: value + factor * above, dof }
}

/// The same estimate, where beside what its interval knows of, the figure of each side varies by the standard deviation
/// `between` from run to run (both independent: widths add in squares).
#[must_use]
pub fn widen(estimate: Estimate, between: f64) -> Estimate {
    let more = normal_factor(CONFIDENCE) * std::f64::consts::SQRT_2 * between;
    Estimate {
        low: estimate.value - (estimate.value - estimate.low).hypot(more),
        high: estimate.value + (estimate.high - estimate.value).hypot(more),
        ..estimate
    }
}

/// Into how many parts a window is cut where its seconds depend on each other.
const PARTS: usize = 10;

/// The lowest and the highest quantile of the tenths of a window whose batches depend on each other; `None` where they do not.
pub fn parts(q: f64, spans: &[Span], values: &[Distribution]) -> Option<(f64, f64)> {
    let limit = Distribution::merged(values).quantile(q)?;
    let above: Vec<(f64, f64)> =
        values.iter().map(|second| (second.count_above(limit) as f64, second.count() as f64)).collect();
    spread(&gather(spans, &above, BATCHES[0])).filter(|spread| spread.lag1 > MOST_LAG1)?;
    let (part_of, count) = assign(spans, PARTS);
    let of_part = |part: usize| {
        let inside = values.iter().zip(&part_of).filter(|(_, of)| **of == part).map(|(one, _)| one);
        Distribution::merged(inside).quantile(q).map(|value| value as f64)
    };
    let found = (0..count).filter_map(of_part);
    Some(found.fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high))))
}

/// The same estimate of a logarithm of b over a, no narrower than the parts of either side are apart.
#[must_use]
pub fn widen_to_parts(
    estimate: Estimate,
    (a, parts_of_a): (f64, Option<(f64, f64)>),
    (b, parts_of_b): (f64, Option<(f64, f64)>),
) -> Estimate {
    let apart = |value: f64, parts: Option<(f64, f64)>| {
        parts.map_or((0.0, 0.0), |(low, high)| {
            ((log_time(value) - log_time(low)).max(0.0), (log_time(high) - log_time(value)).max(0.0))
        })
    };
    let (of_a, of_b) = (apart(a, parts_of_a), apart(b, parts_of_b));
    Estimate {
        low: estimate.low.min(estimate.value - of_b.0.hypot(of_a.1)),
        high: estimate.high.max(estimate.value + of_b.1.hypot(of_a.0)),
        ..estimate
    }
}

/// b − a of two shares, each with its own interval, (value, low, high).
pub fn share_difference(a: (f64, f64, f64), b: (f64, f64, f64)) -> Estimate {
    let value = b.0 - a.0;
    let below = (b.0 - b.1).hypot(a.2 - a.0);
    let above = (b.2 - b.0).hypot(a.0 - a.1);
    Estimate { value, low: value - below, high: value + above, dof: f64::INFINITY }
}

impl Estimate {
    /// The two-sided p-value against the figure being `limit`: below 0.05 exactly where the interval lies beyond it.
    pub fn p_against(&self, limit: f64) -> f64 {
        let (gap, side) = if self.value >= limit {
            (self.value - limit, self.value - self.low)
        } else {
            (limit - self.value, self.high - self.value)
        };
        if gap <= 0.0 {
            return 1.0;
        }
        if side <= 0.0 {
            return 0.0;
        }
        let dof = self.dof.clamp(1.0, 1e6);
        let t = gap / side * t_factor(CONFIDENCE, dof);
        StudentsT::new(0.0, 1.0, dof).map_or(1.0, |student| 2.0 * (1.0 - student.cdf(t)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_its_bootstrap_interval_a_little_wider() {
        let draws: Vec<f64> = (0..1000).map(|n| 90.0 + f64::from(n) / 50.0).collect();
        let found = log_ratio(100.0, 100.0, (&[100.0; 1000], &draws), 1e6);
        assert_eq!(found.value, 0.0);
        assert!(
            (found.low - (90.5_f64 / 100.0).ln()).abs() < 1e-4 && (found.high - (109.5_f64 / 100.0).ln()).abs() < 1e-4
        );
        let few = log_ratio(100.0, 100.0, (&[100.0; 1000], &draws), 6.0);
        // t with 5 degrees of freedom is 2.571, by 1.96, times √(6/5).
        assert!((few.low / found.low - 2.570_582 / 1.959_964 * 1.2_f64.sqrt()).abs() < 1e-3);
    }

    #[test]
    fn what_runs_differ_by_is_added_in_squares() {
        let within = Estimate { value: 0.1, low: 0.07, high: 0.13, dof: 50.0 };
        let wide = widen(within, 0.04 / (1.959_964 * 2.0_f64.sqrt()));
        assert!((wide.low - 0.05).abs() < 1e-6 && (wide.high - 0.15).abs() < 1e-6);
        assert_eq!(widen(within, 0.0).low, 0.1 - (0.1 - 0.07));
    }

    #[test]
    fn a_drift_widens_to_its_tenths_and_independent_seconds_do_not() {
        let spans = vec![Span { seconds: 1.0, hold: 0 }; 40];
        let drift: Vec<Distribution> =
            (0..40).map(|n| Distribution::from_pairs((1..=100).map(|value| (value + 10 * n, 1)))).collect();
        // The first tenth reaches 130, the last 490; its p95 is the 380th of 400.
        let (low, high) = parts(0.95, &spans, &drift).unwrap();
        assert!((110.0..=130.0).contains(&low) && high - low == 360.0, "{low} {high}");
        let flat = vec![Distribution::from_pairs((1..=100).map(|value| (value, 1))); 40];
        assert_eq!(parts(0.95, &spans, &flat), None);
        let narrow = Estimate { value: 0.0, low: -0.01, high: 0.01, dof: 9.0 };
        let wide = widen_to_parts(narrow, (100.0, None), (100.0, Some((80.0, 110.0))));
        assert!((wide.low - 0.8_f64.ln()).abs() < 1e-12 && (wide.high - 1.1_f64.ln()).abs() < 1e-12);
        assert_eq!(widen_to_parts(narrow, (100.0, None), (100.0, None)), narrow);
    }

    #[test]
    fn shares_are_newcombe_s() {
        // Newcombe 1998, table II (a): 56/70 and 48/80, Wilson intervals .6918–.8777 and .4904–.7008: .0524 to .3339.
        let found = share_difference((0.6, 0.490_3, 0.700_8), (0.8, 0.691_9, 0.877_1));
        assert!((found.value - 0.2).abs() < 1e-12);
        assert!((found.low - 0.0524).abs() < 3e-4 && (found.high - 0.3339).abs() < 3e-4, "{found:?}");
        let none = share_difference((0.0, 0.0, 0.001), (0.0, 0.0, 0.002));
        assert_eq!((none.low, none.high), (-0.001, 0.002));
    }

    #[test]
    fn the_p_value_is_the_interval_s() {
        let found = Estimate { value: 0.2, low: 0.1, high: 0.4, dof: 10.0 };
        assert!((found.p_against(0.1) - 0.05).abs() < 1e-9 && (found.p_against(0.4) - 0.05).abs() < 1e-9);
        assert!(found.p_against(0.05) < 0.05 && found.p_against(0.15) > 0.05);
        assert_eq!(found.p_against(0.2), 1.0);
        assert_eq!(Estimate { low: 0.2, ..found }.p_against(0.1), 0.0);
    }
}
