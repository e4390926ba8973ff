//! The run that is read back from a journal.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Asked, Checked, EndpointId, FailureKind, HeldLevel, Watched};
use crate::stats::Distribution;

/// Everything that a journal tells of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What was asked.
    pub asked: Asked,
    /// The endpoints, by id.
    pub endpoints: Vec<EndpointName>,
    /// One for each second (after an hour: each minute) from the start of the load, in order, no holes.
    pub seconds: Vec<Second>,
    /// The histograms, in order of time. Of a large journal those of [`IntervalKind::FirstByte`] cover up to a minute each.
    pub intervals: Vec<Interval>,
    /// What was watched beside the load, by the id of the probe.
    pub watched: Vec<Watched>,
    /// The levels that a search for the edge held, in order.
    pub levels: Vec<HeldLevel>,
    /// What the check found that was made before the load; `None` where none was.
    pub check: Option<Checked>,
    /// How it ended; `None` where the journal stops without saying so: killed, or still running.
    pub end: Option<End>,
    /// What was skipped while reading, and why.
    pub warnings: Vec<String>,
}

/// An endpoint: a method and a template path, or the name that the scenario gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointName {
    /// `GET /api/v2/projects`, or the request's `as`.
    pub name: String,
    /// Its scenario's name.
    pub scenario: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Counters over one span of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the start of the load.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
    /// Users (closed) or arrivals a second (open) asked for at its end.
    pub wanted: f64,
    /// Users at work at its end.
    pub users: u32,
    /// Requests in flight at its end.
    pub in_flight: u32,
    /// Users thinking at its end.
    pub thinking: u32,
    /// Users whose start failed within it.
    #[serde(default)]
    pub failed_starts: u64,
    /// User-seconds spent at work within it.
    pub user_s: f64,
    /// User-seconds with a request in flight.
    pub in_flight_s: f64,
    /// User-seconds of planned think time.
    pub thinking_s: f64,
    /// Per endpoint.
    #[serde(default)]
    pub endpoints: BTreeMap<u32, EndpointSecond>,
    /// The generator itself.
    #[serde(default)]
    pub generator: GeneratorSecond,
    /// Open load only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalSecond>,
    /// Of a minute: the CPU time of each of its seconds, ms, so that a peak within it is not averaged away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each_cpu_ms: Vec<u32>,
    /// Of a minute: what threads waited for a CPU in each of its seconds, ms; 0 where the system does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each_run_delay_ms: Vec<u32>,
}

/// What became of the arrivals of one span of time, open load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrivalSecond {
    /// Arrivals that were due within it.
    pub planned: u64,
    /// Tasks begun within it.
    pub started: u64,
    /// Those of them that had waited for a free session.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late: u64,
    /// Arrivals that were never begun: still waiting for a session at the end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsent: u64,
    /// Arrivals waiting for a session at its end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub queued: u64,
}

/// One endpoint's counters over one span of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointSecond {
    /// Requests that ended in it (failures and cut-off ones included).
    pub requests: u64,
    /// Failures by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<FailureKind, u64>,
    /// Failures by their text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// Cut off at the end of the run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut_off: u64,
    /// Responses by status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that were redirected at least once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redirected: u64,
    /// Connections opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connected: u64,
    /// Responses that came over HTTP/2.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub http2: u64,
    /// Bytes of response bodies.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub body_bytes: u64,
    /// Sums over its requests, µs: DNS, connect, TLS, first byte, body.
    #[serde(default)]
    pub phases_us: [u64; 5],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The generator's own use of the machine over one span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSecond {
    /// CPU seconds used by this process.
    pub cpu_s: f64,
    /// Resident memory at its end, bytes.
    pub memory_bytes: u64,
    /// Seconds that its threads were ready to run and had no CPU, summed over the threads; `None` where the system does
    /// not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_delay_s: Option<f64>,
    /// How many times one of its threads was given a CPU; 0 where the system does not tell.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub run_turns: u64,
    /// How far the wall clock was set forward (or, negative, back) within it, seconds: moved more than time went by. Of a
    /// minute the largest of its steps, so that one forward and one back do not cancel each other.
    #[serde(default, skip_serializing_if = "is_zero_f64")]
    pub clock_jump_s: f64,
    /// Seconds within it in which this process did not run at all, half a second at a time or longer: stopped by a signal or a
    /// debugger, its machine suspended or paused, or left without a CPU for as long.
    #[serde(default, skip_serializing_if = "is_zero_f64")]
    pub stopped_s: f64,
    /// Nothing is known of it: its line is missing in the journal.
    #[serde(skip)]
    pub missing: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero_f64(value: &f64) -> bool {
    *value == 0.0
}

/// What a histogram is of. Its letter starts the tag in `latency.hlog`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntervalKind {
    /// `r`: response time of successful requests.
    Response,
    /// `s`: service time of successful requests; written only where it differs from the response time (open model).
    Service,
    /// `b`: time to first byte of successful requests.
    FirstByte,
    /// `f`: time of failed requests.
    Failed,
    /// `c`: how long requests had waited that were cut off at the end.
    CutOff,
    /// `l`: schedule lag of the generator (actual minus planned send), endpoint id 0.
    Lag,
}

/// One histogram of the journal, µs.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Seconds since the start of the load.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
    /// What it is of.
    pub kind: IntervalKind,
    /// Whose.
    pub endpoint: EndpointId,
    /// The values, µs.
    pub values: Distribution,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Its time was over.
    Finished,
    /// SIGINT or SIGTERM.
    Interrupted,
    /// `--abort-on`: more failed than was asked to be borne. What is known by then is judged.
    GivenUp(String),
    /// It could not go on: nobody could log in, the disk was full.
    Aborted(String),
}

impl Run {
    /// Whether it ended before its time.
    pub fn partial(&self) -> bool {
        self.end != Some(End::Finished)
    }

    /// Seconds that the journal covers.
    pub fn duration_s(&self) -> f64 {
        self.seconds.last().map_or(0.0, |second| second.to_s)
    }

    /// Whether a histogram holds times of a kind. Service times are written only where they differ from response times: elsewhere
    /// the histogram of response times holds them as well.
    pub fn holds(&self, times: IntervalKind) -> impl Fn(&Interval) -> bool + use<> {
        let place = |interval: &Interval| (interval.from_s.to_bits(), interval.endpoint);
        let shared = times == IntervalKind::Service;
        let own = self.intervals.iter().filter(|interval| shared && interval.kind == times);
        let written: HashSet<(u64, EndpointId)> = own.map(place).collect();
        move |interval| {
            interval.kind == times
                || shared && interval.kind == IntervalKind::Response && !written.contains(&place(interval))
        }
    }

    /// All values of a kind within a window (intervals that begin in it), of one endpoint or of all.
    pub fn values(&self, kind: IntervalKind, endpoint: Option<EndpointId>, from_s: f64, to_s: f64) -> Distribution {
        Distribution::merged(
            self.intervals
                .iter()
                .filter(|i| i.kind == kind && endpoint.is_none_or(|id| i.endpoint == id))
                .filter(|i| i.from_s >= from_s && i.from_s < to_s)
                .map(|i| &i.values),
        )
    }
}
