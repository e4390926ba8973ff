//! The live snapshot: one small value a second for whoever watches a run.

use std::collections::BTreeMap;

use super::{ArrivalSecond, FailureKind, ProbeName, Seen};

/// What a watcher sees of a running load, published once a second on a `tokio::sync::watch` channel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Seconds since the load began.
    pub at_s: f64,
    /// Users asked for at this moment.
    pub users_wanted: u32,
    /// Users that are at work (logged in or logging in, not held at the gate).
    pub users: u32,
    /// Requests in flight.
    pub in_flight: u32,
    /// What became of the arrivals since the start, and how many wait now; open load.
    pub arrivals: Option<ArrivalSecond>,
    /// Users whose start failed.
    pub failed_starts: u64,
    /// Requests that ended in the last second.
    pub requests_per_s: f64,
    /// 50th and 95th percentile of the successful responses of the last ten seconds, ms; `None` without any.
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p95_ms: Option<f64>,
    /// Mean response time of the successes of the last second, ms; `None` without any.
    pub mean_ms: Option<f64>,
    /// Requests since the start.
    pub requests: u64,
    /// Failures since the start.
    pub failures: u64,
    /// Failures since the start by kind.
    pub failures_by_kind: BTreeMap<FailureKind, u64>,
    /// A row for each endpoint, in the recorder's order.
    pub endpoints: Vec<EndpointRow>,
    /// The last look of each probe.
    pub probes: Vec<ProbeRow>,
    /// Why the journal could no longer be written: the driver stops on it.
    pub journal_error: Option<String>,
}

/// What one probe saw last.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRow {
    /// Its number in the journal.
    pub id: u32,
    /// Who it is.
    pub name: ProbeName,
    /// The last look that saw something.
    pub seen: Option<Seen>,
    /// Why the last look saw nothing, if so.
    pub gap: Option<String>,
}

/// One endpoint's figures since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointRow {
    /// E.g. `GET /api/v2/projects`.
    pub name: String,
    /// Requests that ended.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
}
