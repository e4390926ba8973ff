//! One finished request, as a driver hands it to the recorder.

use serde::{Deserialize, Serialize};

/// Which endpoint of the run: an index into the list of endpoints the recorder was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointId(pub u32);

/// Which error text: an index into the recorder's table of distinct error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorId(pub u32);

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The status was not the expected one (400 and above unless the scenario says otherwise), or redirects did not end.
    Status,
    /// No complete response within the request's timeout.
    Timeout,
    /// No connection: refused, name not resolved, TLS handshake failed.
    Connect,
    /// The connection was closed or reset before the response's headers were complete.
    Reset,
    /// The headers came, the body did not come whole: closed early, wrong length, broken chunks or compression.
    Body,
    /// A complete response that failed the scenario's `expect` or `capture`.
    Check,
}

impl FailureKind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::Status, Self::Timeout, Self::Connect, Self::Reset, Self::Body, Self::Check];

    /// The word for it in every file and report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Body => "body",
            Self::Check => "check",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A whole response that passed every check.
    Success,
    /// Anything else that ended by itself.
    Failure {
        /// Why.
        kind: FailureKind,
        /// The text for it, from [`super::Recorder::error_id`].
        error: ErrorId,
    },
    /// Still in flight when the run's stop timeout ended: it took longer than `response_us`.
    CutOff,
}

/// Where a request's time went, µs. The phases that a kept connection does not need are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name look-up.
    pub dns_us: u32,
    /// TCP connect.
    pub connect_us: u32,
    /// TLS handshake.
    pub tls_us: u32,
    /// From the request's first byte sent to the response's headers.
    pub first_byte_us: u32,
    /// From the headers to the end of the body.
    pub body_us: u32,
}

/// One request, redirects included. Times are µs since the recorder's start or spans in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What was asked.
    pub endpoint: EndpointId,
    /// The instant of the response's last byte, or of the failure, or of the cut.
    pub end_us: u64,
    /// From the planned send to `end_us`.
    pub response_us: u64,
    /// From the actual send to `end_us`.
    pub service_us: u64,
    /// From the actual send to the response's headers; 0 where none came.
    pub first_byte_us: u64,
    /// Where the time went.
    pub phases: Phases,
    /// How it ended.
    pub outcome: Outcome,
    /// The response's status; 0 where none came.
    pub status: u16,
    /// How many redirects were followed.
    pub redirects: u8,
    /// Connections that were opened for it.
    pub connected: u8,
    /// Whether its response came over HTTP/2.
    pub http2: bool,
    /// Bytes of the response's body.
    pub body_bytes: u64,
}
