//! The recorder: what drivers call for every request.

use std::path::Path;
use std::time::Instant;

use tokio::sync::watch;

use super::{Asked, End, EndpointName, ErrorId, FailureKind, JournalError, Sample, Snapshot};

/// What a user is doing; the three are counted independently (a user in flight is also at work).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Past the gate.
    AtWork,
    /// With a request in flight.
    InFlight,
    /// In planned think time.
    Thinking,
}

/// Records what users do. One a run, shared by all users.
#[derive(Debug)]
pub struct Recorder {}

impl Recorder {
    /// Writes `run.toml`, opens the journal in `folder` (made by the caller) and starts the thread that writes once a second.
    pub fn create(folder: &Path, asked: &Asked, endpoints: Vec<EndpointName>) -> Result<Self, JournalError> {
        let _ = (folder, asked, endpoints);
        Ok(Self {})
    }

    /// Sets the zero of the run's time: now. What is recorded before counts in the first second.
    pub fn begin(&self) {}

    /// µs since `begin`; 0 before it.
    pub fn now_us(&self) -> u64 {
        0
    }

    /// µs since `begin` of an instant; 0 before it.
    pub fn at_us(&self, instant: Instant) -> u64 {
        let _ = instant;
        0
    }

    /// A finished request. Costs some tens of nanoseconds; never waits for another user.
    pub fn record(&self, sample: &Sample) {
        let _ = sample;
    }

    /// A user enters a state at an instant.
    pub fn enter(&self, state: State, at_us: u64) {
        let _ = (state, at_us);
    }

    /// A user leaves a state at an instant.
    pub fn leave(&self, state: State, at_us: u64) {
        let _ = (state, at_us);
    }

    /// How much later than planned a request was sent.
    pub fn lag(&self, lag_us: u64) {
        let _ = lag_us;
    }

    /// A user could not start.
    pub fn failed_start(&self) {}

    /// The level that the driver is asking for from now on.
    pub fn wanted(&self, level: f64) {
        let _ = level;
    }

    /// The id of an error's text; the texts of a run are kept distinct and bounded in number (then `other`).
    pub fn error_id(&self, kind: FailureKind, text: &str) -> ErrorId {
        let _ = (kind, text);
        ErrorId(0)
    }

    /// What is seen of the run, a new value once a second.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        watch::channel(Snapshot::default()).1
    }

    /// Writes what is left and how the run ended, and closes the journal.
    pub fn finish(self, end: End) -> Result<(), JournalError> {
        let _ = end;
        Ok(())
    }
}
