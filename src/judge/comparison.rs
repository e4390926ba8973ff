//! How one side of runs compares with another: the shape of what `compare` and a baseline find. B is the newer, the changed,
//! the one in question; A is what it is measured against.

use serde::{Deserialize, Serialize};

use super::Bracket;

/// What can be said of B against A.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole interval is better by more than the tolerance.
    Better,
    /// The whole interval lies within the tolerance.
    Same,
    /// The whole interval is no worse than the tolerance allows; whether it is the same or better is open.
    NotWorse,
    /// The whole interval is worse by more than the tolerance.
    Worse,
    /// It could not be told.
    #[default]
    Unproven,
}

/// A comparison of two sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Of the whole: the targets decide, and the endpoints where they were asked to.
    pub verdict: Outcome,
    /// What speaks for it.
    pub reasons: Vec<String>,
    /// How much worse counts as the same, a fraction.
    pub tolerance: f64,
    /// How the intervals came about.
    pub method: Method,
    /// What it is measured against.
    pub a: Vec<ComparedRun>,
    /// What is in question.
    pub b: Vec<ComparedRun>,
    /// What else differs between them.
    pub differs: Vec<Differs>,
    /// The workloads differ: what was measured may speak of the load, not of the service.
    pub other_workload: bool,
    /// The run's own targets.
    pub targets: Vec<Changed>,
    /// The p95 response time of each endpoint.
    pub endpoints: Vec<Changed>,
    /// Endpoints decide too.
    pub gate_endpoints: bool,
    /// Response times by percentile: the shift function.
    pub shift: Vec<Shifted>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// How the intervals came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// `pair`: one run a side, resampled; `runs`: the run is the unit; `rounds`: a run of each side, taken in turns.
    pub unit: Unit,
    /// How often each window was resampled.
    pub resamples: Option<usize>,
    /// The seed of the resampling.
    pub seed: Option<u64>,
    /// The longer of both sides' blocks, seconds.
    pub block_s: Option<f64>,
    /// The standard deviation, as a fraction, by which figures are taken to vary from run to run beside all that one run knows of.
    pub between_runs: Option<f64>,
    /// The least p-value that so many runs can give.
    pub least_p: Option<f64>,
}

/// What is counted as one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Blocks of seconds within one run a side.
    Pair,
    /// A run.
    Runs,
    /// A round: a run of A, then one of B.
    Rounds,
}

/// A run that was compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedRun {
    /// Its id.
    pub id: String,
    /// `--label`.
    pub label: Option<String>,
    /// RFC 3339.
    pub started: String,
    /// The code under test.
    pub commit: Option<String>,
    /// Its own verdict.
    pub verdict: super::Verdict,
    /// It did not run to its end.
    pub partial: bool,
    /// Seconds that were judged.
    pub steady_s: f64,
}

/// Something in which the sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differs {
    /// What: `commit`, `users`, `host`.
    pub what: String,
    /// Of A; several runs' apart by commas.
    pub a: String,
    /// Of B.
    pub b: String,
}

/// A figure with its two-sided 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A figure of both sides; by default one of which nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// As a target: `p95_response_time`, `error_rate`, `p95_response_time[GET /x]`.
    pub name: String,
    /// Of `a`, `b` and `difference`.
    pub unit: String,
    /// A's; of several runs the mean (of times and rates: the geometric one).
    pub a: Option<f64>,
    /// B's.
    pub b: Option<f64>,
    /// (failures, requests) of A and of B, where the figure is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<[[u64; 2]; 2]>,
    /// B by A; `None` for a share, and where it could not be formed.
    pub ratio: Option<Bounds>,
    /// B less A.
    pub difference: Option<Bounds>,
    /// Of an edge: what of A and of B passes, and what fails. `a` and `b` are what passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brackets: Option<[Bracket; 2]>,
    /// So large a difference of a share counts as none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Two-sided p-value against the edge of the tolerance on the bad side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_worse: Option<f64>,
    /// The same, adjusted for all endpoints that decide (Holm).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjusted_p: Option<f64>,
    /// Two-sided p-value of the permutation test against no change at all; several runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permutation_p: Option<f64>,
    /// Of this figure.
    pub verdict: Outcome,
    /// Why it is unproven, and what would prove it.
    pub reason: String,
    /// So many seconds of steady load a side would prove it; where it is unproven and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady_s: Option<f64>,
    /// So many runs a side would prove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<u32>,
}

/// The response times of both sides at one percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shifted {
    /// 50 for the median.
    pub percentile: f64,
    /// A's, ms.
    pub a: f64,
    /// B's, ms.
    pub b: f64,
    /// B by A.
    pub ratio: Bounds,
    /// B less A, ms.
    pub difference: Bounds,
}

impl Outcome {
    /// B may be taken for A: better, the same, or at least not worse.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Better | Self::Same | Self::NotWorse)
    }
}
