//! What the steady window of a run holds, second by second: what a comparison with another run is made of.

use super::steady::{Steady, steady};
use super::window::{Figures, Window};
use crate::record::{IntervalKind, Run};
use crate::stats::{Distribution, Share, Span, share, spreads};

/// The steady window of a run.
pub struct SteadyWindow<'a> {
    run: &'a Run,
    window: Window<'a>,
    never_settled: bool,
}

/// What the steady window holds of the whole run, or of one endpoint; every list has one entry a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Seconds of the journal; minutes of a long run.
    pub spans: Vec<Span>,
    /// Response times of successes, µs; what was cut off counts as long as it had waited.
    pub values: Vec<Distribution>,
    /// (failures, requests with an outcome).
    pub outcomes: Vec<(u64, u64)>,
    /// Successes that ended within.
    pub successes: Vec<u64>,
    /// How many of all values were cut off.
    pub cut_off: u64,
}

impl<'a> SteadyWindow<'a> {
    /// Of a run, by the rule by which it is judged.
    pub fn new(run: &'a Run) -> Self {
        let Steady { parts, never_settled, .. } = steady(run);
        Self { run, window: Window::new(run, &parts), never_settled }
    }

    /// The response time still changed in the second half of a hold.
    pub fn never_settled(&self) -> bool {
        self.never_settled
    }

    /// What it holds of all requests, or of the endpoints of this name.
    pub fn series(&self, endpoint: Option<&str>) -> Series {
        let ids = endpoint.map(|name| -> Vec<u32> {
            (0..).zip(&self.run.endpoints).filter(|(_, known)| known.name == name).map(|(id, _)| id).collect()
        });
        let of_these;
        let figures = match ids {
            Some(ids) => {
                of_these = self.window.figures(&ids);
                &of_these
            }
            None => self.window.whole(),
        };
        let cut_off = figures.cut_off_count();
        let Figures { spans, values, cut_off: waited, outcomes, successes, unsent: _, confidence: _ } = figures;
        let values = values.iter().zip(waited).map(|(seen, waited)| Distribution::merged([seen, waited])).collect();
        Series { spans: spans.clone(), values, outcomes: outcomes.clone(), successes: successes.clone(), cut_off }
    }

    /// How much later than planned the generator began what it did, µs.
    pub fn lag(&self) -> Distribution {
        self.window.values(IntervalKind::Lag)
    }
}

impl Series {
    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.spans.iter().map(|span| span.seconds).sum()
    }

    /// All its response times, µs.
    pub fn all(&self) -> Distribution {
        Distribution::merged(&self.values)
    }

    /// (failures, requests with an outcome).
    pub fn counts(&self) -> (u64, u64) {
        self.outcomes.iter().fold((0, 0), |(k, n), &(failed, all)| (k + failed, n + all))
    }

    /// The share of failures with the interval by which a target is judged; `None` without a request.
    pub fn failed(&self) -> Option<Share> {
        let (failures, requests) = self.counts();
        let counts: Vec<(f64, f64)> = self.outcomes.iter().map(|&(k, n)| (k as f64, n as f64)).collect();
        share(failures, requests, &spreads(&self.spans, &counts))
    }

    /// Successful responses a second; `None` without a second.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.seconds();
        (seconds > 0.0).then(|| self.successes.iter().sum::<u64>() as f64 / seconds)
    }
}
