//! The interval of a rate: successes a second, by batch means. It is the [`ratio`] of events and seconds.

use super::batches::Span;
use super::ratio::{Ratio, ratio};

/// A rate with its two-sided 95 % interval, in events a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Events by seconds.
    pub value: f64,
    /// The lower end, not below 0; `None` where the window is too short to tell.
    pub low: Option<f64>,
    /// The upper end; `None` where the window is too short to tell.
    pub high: Option<f64>,
}

/// The rate of `events` (one count a span). `None` without any time.
///
/// The wider interval of 30 and 10 batches; time-weighted, so that spans may differ in length. Assumes a level that does
/// not drift.
pub fn rate(spans: &[Span], events: &[u64]) -> Option<Rate> {
    let counts: Vec<(f64, f64)> = spans.iter().zip(events).map(|(span, &n)| (n as f64, span.seconds)).collect();
    ratio(spans, &counts).map(|Ratio { value, low, high }| Rate { value, low, high })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_rate_has_no_width() {
        let spans = [Span { seconds: 1.0, hold: 0 }; 40];
        assert_eq!(rate(&spans, &[7; 40]), Some(Rate { value: 7.0, low: Some(7.0), high: Some(7.0) }));
    }

    #[test]
    fn ten_seconds_give_the_t_interval_of_their_mean() {
        // 10 8 12 9 11 10 8 12 9 11: mean 10, squares 20, s²/n = 20/9/10; deviations 0 −2 2 −1 1 0 −2 2 −1 1: lag 1 < 0.
        let spans = [Span { seconds: 1.0, hold: 0 }; 10];
        let rate = rate(&spans, &[10, 8, 12, 9, 11, 10, 8, 12, 9, 11]).unwrap();
        let half = 2.262_157_163 * (20.0_f64 / 90.0).sqrt();
        assert!((rate.value - 10.0).abs() < 1e-12);
        assert!((rate.low.unwrap() - (10.0 - half)).abs() < 1e-6);
        assert!((rate.high.unwrap() - (10.0 + half)).abs() < 1e-6);
    }

    #[test]
    fn what_correlation_is_left_widens_it() {
        // The same figures in order: lag 1 of −2 −2 −1 −1 0 0 1 1 2 2 is (4+2+1+0+0+0+1+2+4)/20 = 0.7.
        let spans = [Span { seconds: 1.0, hold: 0 }; 10];
        let rate = rate(&spans, &[8, 8, 9, 9, 10, 10, 11, 11, 12, 12]).unwrap();
        let half = 2.262_157_163 * (20.0_f64 / 90.0 * 1.7 / 0.3).sqrt();
        assert!((rate.high.unwrap() - (10.0 + half)).abs() < 1e-6);
    }

    #[test]
    fn spans_are_weighted_by_their_time() {
        let mut spans = vec![Span { seconds: 60.0, hold: 0 }; 5];
        spans.extend([Span { seconds: 1.0, hold: 0 }; 60]);
        let mut events = vec![600; 5];
        events.extend([10; 60]);
        let rate = rate(&spans, &events).unwrap();
        assert!((rate.value - 10.0).abs() < 1e-12);
        assert!(rate.high.unwrap() - rate.low.unwrap() < 1e-9);
    }

    #[test]
    fn too_short_a_window_has_a_rate_but_no_interval() {
        let spans = [Span { seconds: 1.0, hold: 0 }; 4];
        assert_eq!(rate(&spans, &[1, 2, 3, 4]), Some(Rate { value: 2.5, low: None, high: None }));
        assert_eq!(rate(&[], &[]), None);
    }
}
