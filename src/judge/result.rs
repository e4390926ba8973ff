//! `result.json`: everything that is known of a run, figures and verdicts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{Checked, Environment};

/// The verdict on a target or a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies wholly on the good side of the limit.
    Pass,
    /// The interval lies wholly on the bad side.
    Fail,
    /// It could not be told.
    Unproven,
    /// Nothing was there to measure it (targets only).
    NotMeasured,
    /// The generator did not do what it was asked to (runs only).
    Void,
}

/// A run's result, as `result.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Of this shape: 1.
    pub schema: u32,
    /// The result folder's name.
    pub id: String,
    /// `--label`.
    pub label: Option<String>,
    /// It did not run to its end.
    pub partial: bool,
    /// Of the whole run.
    pub verdict: Verdict,
    /// Why that verdict; for a pass, empty.
    pub reasons: Vec<String>,
    /// What users did.
    pub scenario: ScenarioResult,
    /// What was asked.
    pub load: LoadResult,
    /// RFC 3339, UTC.
    pub started: String,
    /// Seconds of load.
    pub duration_s: f64,
    /// The window that is judged; from = to where there is none.
    pub steady: SteadyResult,
    /// Each hold by itself.
    pub stages: Vec<StageResult>,
    /// Where and by what.
    pub environment: EnvironmentResult,
    /// The whole run.
    pub totals: Totals,
    /// The whole run by endpoint, in the scenario's order.
    pub endpoints: Vec<EndpointResult>,
    /// Judged over the steady window.
    pub targets: Vec<TargetResult>,
    /// Those that made the load.
    pub generators: Vec<GeneratorResult>,
    /// What probes saw, by probe.
    pub samples: BTreeMap<String, super::ProbeResult>,
    /// What stands out of it, the heaviest first.
    #[serde(default)]
    pub suspects: Vec<super::Suspect>,
    /// What grows while the load stays the same, and whether it lasts for the horizon that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<super::DriftResult>,
    /// What a search for the edge found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<super::EdgeResult>,
    /// The levels that it held, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<super::LevelResult>,
    /// The scaling law over levels held after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<super::LawResult>,
    /// What the check found that was made before the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<Checked>>,
    /// How it compares with the baseline it was asked to be held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<super::Comparison>>,
    /// What a reader should know: steady state not tested, lines of the journal skipped.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What users did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// Of the scenario or the mix.
    pub name: String,
    /// Over all files and weights.
    pub hash: String,
}

/// What load was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    /// `closed` or `open`.
    pub model: crate::record::LoadModel,
    /// The most users, closed model.
    pub users: Option<u32>,
    /// Users started a second.
    pub spawn_rate: Option<f64>,
    /// The plan's length, seconds.
    pub run_time_s: f64,
    /// The highest arrival rate a second, open model.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Think time in words.
    #[serde(default)]
    pub wait: String,
}

/// The window that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SteadyResult {
    /// Seconds since the start of the load.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageResult {
    /// Of its steady part.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
    /// Closed model.
    pub users: Option<u32>,
    /// Open model, arrivals a second.
    pub rate: Option<f64>,
    /// Its own.
    pub targets: Vec<TargetResult>,
}

/// Where and by what the run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentResult {
    /// The system under test, without credentials.
    pub host: String,
    /// The generator's side.
    #[serde(flatten)]
    pub generator: Environment,
}

/// The whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// All that ended or were cut off.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those still in flight at the end.
    pub cut_off: u64,
    /// Successful responses a minute over the steady window.
    pub requests_per_min: f64,
    /// Users whose start failed.
    #[serde(default)]
    pub failed_starts: u64,
    /// Failures by kind.
    #[serde(default)]
    pub failures_by_kind: BTreeMap<String, u64>,
    /// Connections opened.
    #[serde(default)]
    pub connections: u64,
    /// Responses by the version of HTTP they came over: `1` (1.1, or 1.0) and `2`.
    #[serde(default)]
    pub http_versions: BTreeMap<String, u64>,
    /// Bytes of response bodies.
    #[serde(default)]
    pub body_bytes: u64,
    /// The whole run's response times.
    #[serde(default)]
    pub response_time_ms: Milliseconds,
}

/// Times in ms. Without samples all are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Milliseconds {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p99_9: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
}

/// One endpoint over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointResult {
    /// Its name.
    pub name: String,
    /// Its scenario.
    #[serde(default)]
    pub scenario: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// All that ended or were cut off.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those still in flight at the end.
    pub cut_off: u64,
    /// Those that were redirected.
    #[serde(default)]
    pub redirected: u64,
    /// Connections opened.
    #[serde(default)]
    pub connections: u64,
    /// Responses by status.
    pub statuses: BTreeMap<String, u64>,
    /// Failures by text, e.g. `status 500`.
    pub errors: BTreeMap<String, u64>,
    /// Of successful responses.
    pub response_time_ms: Milliseconds,
    /// Of successful responses.
    pub service_time_ms: Milliseconds,
    /// Of successful responses.
    #[serde(default)]
    pub first_byte_ms: Milliseconds,
    /// Of failures.
    pub failed_time_ms: Milliseconds,
    /// Mean ms of a request in DNS, connect, TLS, first byte, body.
    #[serde(default)]
    pub phases_ms: BTreeMap<String, f64>,
}

/// One target's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetResult {
    /// `p95_response_time`, `p95_response_time[GET /x]`, …
    pub name: String,
    /// `<` or `>`.
    pub op: String,
    /// In `unit`.
    pub limit: f64,
    /// `ms`, `ratio` or `requests/min`.
    pub unit: String,
    /// The figure; `None` where there is none.
    pub value: Option<f64>,
    /// The lower end of its 95 % interval; `None` where it is not bounded.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How many dependent samples are worth one independent sample; `None` where it was not estimated.
    pub design_effect: Option<f64>,
    /// Of this target.
    pub verdict: Verdict,
    /// Why, and what would prove it; empty for a plain pass.
    pub reason: String,
    /// E.g. "0 / 4,612": the counts behind a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<[u64; 2]>,
    /// So many seconds more of the same load would prove it; only where it is unproven and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longer_s: Option<f64>,
    /// So many users (open model: arrivals a second) would be enough load; only where it is unproven for want of load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Whom the figure is of, where a probe measures it: of several the worst, `container db`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// One source of load, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorResult {
    /// `local`.
    pub source: String,
    /// Of the CPUs it may use, over the run, in per cent.
    pub cpu_percent: f64,
    /// Actual minus planned send, ms.
    pub schedule_lag_ms: Lag,
    /// 1 − (in flight + planned think)/(user time), over the steady window; `None` without one.
    pub little_residual: Option<f64>,
    /// Requests (closed: tasks' requests that the plan allows at most; open: arrivals) a second asked for; `None` where it is not bounded.
    pub offered: Option<f64>,
    /// Requests (open: arrivals begun) a second, over the steady window.
    pub achieved: f64,
    /// What became of the arrivals, over the whole run; open model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalsResult>,
    /// Past a limit.
    pub void: bool,
    /// Which limit, and what to do.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Its largest resident memory, bytes.
    #[serde(default)]
    pub memory_bytes: u64,
    /// How long its threads were ready to run and had no CPU, over the steady window, in per cent of its length (several
    /// threads can wait at once); `None` where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_delay_percent: Option<f64>,
    /// How often the wall clock was set within the run.
    #[serde(default)]
    pub clock_jumps: u64,
    /// Seconds of the run in which it did not run at all: stopped, or its machine suspended or paused.
    #[serde(default)]
    pub stopped_s: f64,
}

/// What became of the arrivals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalsResult {
    /// Those that were due.
    pub planned: u64,
    /// Tasks begun.
    pub started: u64,
    /// Those of them that had waited for a free session.
    pub late: u64,
    /// Those never begun: still waiting for a session at the end.
    pub unsent: u64,
}

/// Schedule lag, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}
