//! How a figure drifts, as `result.json` holds it, and in words.

use serde::{Deserialize, Serialize};

use super::words::{amount, span_of};
use super::{Bounds, Verdict};

/// How one figure drifts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftResult {
    /// `p95_response_time`, `error_rate`, `memory`, `connections`; of an endpoint `p95_response_time[GET /x]`.
    pub name: String,
    /// Of what is watched: `process api`, `postgres`.
    pub subject: Option<String>,
    /// `ms`, `ratio`, `bytes`, `connections`.
    pub unit: String,
    /// Where its line begins, seconds since the start of the load.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
    /// How much it grows an hour, with its interval; `None` where too little was seen.
    pub per_hour: Option<Bounds>,
    /// Whether growth is shown, and goes on.
    pub growth: Option<DriftGrowth>,
    /// What it is where the line begins.
    pub level: Option<f64>,
    /// What it may not reach; `None` where none is known.
    pub limit: Option<f64>,
    /// The limit less the level.
    pub headroom: Option<f64>,
    /// For how long it has to last.
    pub horizon_s: f64,
    /// When the headroom is used up, from the start of the line on.
    pub runs_out_s: Option<RunsOut>,
    /// Whether it lasts.
    pub verdict: Verdict,
    /// Why; empty for a pass.
    pub reason: String,
    /// What the line was drawn through, and the start that is left out: seconds since the start of the load, level.
    pub points: Vec<(f64, f64)>,
}

/// Whether a figure grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftGrowth {
    /// None is shown, or there was some and it is over.
    None,
    /// It grows ever slower, or has grown all at once: whether it goes on is not told.
    Slowing,
    /// It grows, and does not stop.
    Steady,
}

/// When headroom is used up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunsOut {
    /// At the earliest, by the upper end of the slope; `None`: never.
    pub low: Option<f64>,
    /// At the latest, by the lower end; `None`: perhaps never.
    pub high: Option<f64>,
}

impl DriftResult {
    /// Unproven in a way that leaves the run unproven: growth is shown, or nothing could be seen where a limit is known.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Unproven && self.growth != Some(DriftGrowth::None)
    }

    /// `6.3 GB`: what it is where the line begins; a dash where that is not known.
    pub fn level_in_words(&self) -> String {
        self.amount(self.level)
    }

    /// `8.0 GB`: what it may not reach; a dash where that is not known.
    pub fn limit_in_words(&self) -> String {
        self.amount(self.limit)
    }

    /// `1.2 MB/h`: how much it grows; a dash where that is not known.
    pub fn per_hour_in_words(&self) -> String {
        self.per_hour.map_or_else(|| "–".to_owned(), |slope| format!("{}/h", amount(slope.value, &self.unit)))
    }

    /// `1.1 MB – 1.3 MB`: its interval, an hour.
    pub fn interval_in_words(&self) -> String {
        let both = |slope: Bounds| format!("{} – {}", amount(slope.low, &self.unit), amount(slope.high, &self.unit));
        self.per_hour.map(both).unwrap_or_default()
    }

    /// `in 3 h – 9 h`: when it runs out; empty where no limit is known.
    pub fn runs_out_in_words(&self) -> String {
        self.runs_out_s.map(RunsOut::in_words).unwrap_or_default()
    }

    /// `7 days`: for how long it has to last.
    pub fn horizon_in_words(&self) -> String {
        span_of(self.horizon_s)
    }

    /// So much of it: `6.3 GB`.
    pub fn in_words(&self, value: f64) -> String {
        amount(value, &self.unit)
    }

    fn amount(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "–".to_owned(), |value| self.in_words(value))
    }

    /// `memory (process api)`: as reasons name it.
    pub fn title(&self) -> String {
        match &self.subject {
            Some(subject) => format!("{} ({subject})", self.name),
            None => self.name.clone(),
        }
    }
}

impl RunsOut {
    /// `in 3 h – 9 h`, `not within 31 h`, `never`.
    pub(super) fn in_words(self) -> String {
        match (self.low.map(span_of), self.high.map(span_of)) {
            (Some(low), Some(high)) if low == high => format!("in {low}"),
            (Some(low), Some(high)) => format!("in {low} – {high}"),
            (Some(low), None) => format!("not within {low}"),
            (None, _) => "never".to_owned(),
        }
    }
}
