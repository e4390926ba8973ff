//! The line of an error rate: by counting, as most windows of time see no failure at all, and a line through zeros proves nothing.
//!
//! What is left of a hold after its first quarter is cut into thirds. Each has a rate with its exact interval (Clopper and Pearson,
//! wider where failures come in bursts: [`share_at`]). The slope goes from the first to the last third: at least from the upper end of
//! the first to the lower end of the last, at most the other way about. Each end is wrong half as often as the line may
//! be, so both hold together. Growth goes on where each third has a higher rate than the one before it, and
//! the last step is at least 60 % of an even one.

use super::line::{Growth, LEAST_S, Line, START, STILL};
use super::window::{Figures, Window};
use crate::stats::{Share, Slope, Span, share_at, spreads};

/// A third of the line.
struct Third {
    middle_s: f64,
    rate: Share,
}

/// What was counted, second by second.
pub(super) struct Counted {
    seconds: Vec<Piece>,
    held_from_s: f64,
}

/// A second of the journal, or a minute.
struct Piece {
    from_s: f64,
    to_s: f64,
    span: Span,
    /// (failures, requests with an outcome).
    outcomes: (u64, u64),
}

impl Piece {
    fn middle_s(&self) -> f64 {
        f64::midpoint(self.from_s, self.to_s)
    }
}

impl Counted {
    /// Within a window, of a hold that began at an instant.
    pub(super) fn new(window: &Window<'_>, figures: &Figures, held_from_s: f64) -> Self {
        let pieces = window.seconds.iter().zip(&figures.spans).zip(&figures.outcomes);
        let seconds = pieces
            .map(|(((second, _), &span), &outcomes)| Piece { from_s: second.from_s, to_s: second.to_s, span, outcomes })
            .collect();
        Self { seconds, held_from_s }
    }

    /// The line of failures; `None` where the time is too short, or a third of it has no request.
    pub(super) fn line(&self, confidence: f64) -> Option<Line> {
        let (begin_s, to_s) = (self.seconds.first()?.from_s, self.seconds.last()?.to_s);
        let from_s = (self.held_from_s + START * (to_s - self.held_from_s)).max(begin_s);
        let seconds = to_s - from_s;
        if seconds < 0.6 * LEAST_S {
            return None;
        }
        let third = |n: f64| self.rate(from_s + n / 3.0 * seconds, from_s + (n + 1.0) / 3.0 * seconds, confidence);
        let (first, middle, last) = (third(0.0)?, third(1.0)?, third(2.0)?);
        let (slope, early, late) = (between(&first, &last)?, between(&first, &middle)?, between(&middle, &last)?);
        let growth = if slope.low <= 0.0 {
            Growth::None
        } else if early.value <= 0.0 {
            Growth::Sudden
        } else if late.value < STILL * slope.value {
            Growth::Slowing
        } else {
            Growth::Steady
        };
        let at_start = |rate: f64| (rate - slope.value * (first.middle_s - from_s)).clamp(0.0, 1.0);
        let (level, level_low) = (at_start(first.rate.value), at_start(first.rate.low));
        Some(Line { slope, late_low: late.low, growth, level, level_low, seconds, from_s })
    }

    fn rate(&self, from_s: f64, to_s: f64, confidence: f64) -> Option<Third> {
        let pieces = || self.seconds.iter().filter(|piece| from_s <= piece.middle_s() && piece.middle_s() < to_s);
        let spans: Vec<Span> = pieces().map(|piece| piece.span).collect();
        let counts: Vec<(f64, f64)> =
            pieces().map(|piece| (piece.outcomes.0 as f64, piece.outcomes.1 as f64)).collect();
        let (failed, all) = pieces().fold((0, 0), |(k, n), piece| (k + piece.outcomes.0, n + piece.outcomes.1));
        let rate = share_at(f64::midpoint(1.0, confidence), failed, all, &spreads(&spans, &counts))?;
        // Where its requests lie, which need not be evenly.
        let weighed: f64 = pieces().map(|piece| piece.middle_s() * piece.outcomes.1 as f64).sum();
        Some(Third { middle_s: weighed / all as f64, rate })
    }
}

fn between(from: &Third, to: &Third) -> Option<Slope> {
    let apart_s = to.middle_s - from.middle_s;
    (apart_s > 0.0).then(|| Slope {
        value: (to.rate.value - from.rate.value) / apart_s,
        low: (to.rate.low - from.rate.high) / apart_s,
        high: (to.rate.high - from.rate.low) / apart_s,
        start: from.rate.value,
    })
}
