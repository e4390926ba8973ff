//! One user's values: what it renders requests from and captures into.

use std::sync::Arc;
use std::time::Duration;

use super::Scenario;
use super::model::{Condition, Request, Wait};

/// What all users of a scenario share while a run goes on: feeders' rows and their cursors.
#[derive(Debug)]
pub struct Feeds {}

impl Feeds {
    /// Opened from the rows that loading the scenario has read.
    pub fn new(scenario: &Scenario) -> Self {
        let _ = scenario;
        Self {}
    }
}

/// One user's variables, random numbers and place in the feeders.
#[derive(Debug)]
pub struct User {}

/// A request with all values in place.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Path and query, e.g. `/api/v2/tasks?limit=20`; or a whole URL where the scenario writes one.
    pub target: String,
    /// Every header but `host` and `content-length`.
    pub headers: http::HeaderMap,
    /// The body, where there is one.
    pub body: Option<bytes::Bytes>,
}

/// A request that cannot be rendered: a value is missing or is no legal header or URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub String);

/// What came back.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a http::HeaderMap,
    /// Its body, decompressed, where `Request::reads_body`.
    pub body: &'a [u8],
    /// From the planned send to the last byte.
    pub time: Duration,
}

/// A response that does not count as a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Whether the status is at fault; else a check or capture.
    pub status: bool,
    /// E.g. `status 500`, `capture token: $.access_token matches nothing`: few distinct texts, no values of users.
    pub message: String,
}

impl User {
    /// User `number` (from 0) of a scenario; the same seed and number draw the same. `shared`: what `setup` captured.
    pub fn new(scenario: Arc<Scenario>, feeds: Arc<Feeds>, number: u64, seed: u64, shared: Option<&User>) -> Self {
        let _ = (scenario, feeds, number, seed, shared);
        Self {}
    }

    /// To be called before each task: takes the next row of the feeders that give one an iteration.
    pub fn begin_iteration(&mut self) {}

    /// Draws a task by weight: an index into the scenario's tasks.
    pub fn draw_task(&mut self) -> usize {
        0
    }

    /// Draws one of some weighted things: its index.
    pub fn draw(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let _ = weights;
        0
    }

    /// Draws a time to wait; for pacing, the whole period.
    pub fn draw_wait(&mut self, wait: Wait) -> Duration {
        let _ = wait;
        Duration::ZERO
    }

    /// Whether a condition holds now.
    pub fn holds(&self, condition: &Condition) -> bool {
        let _ = condition;
        false
    }

    /// Puts the values into a request. `into` is reused from request to request.
    pub fn prepare(&mut self, request: &Request, into: &mut Prepared) -> Result<(), RenderError> {
        let _ = (request, into);
        Ok(())
    }

    /// Checks a reply and captures from it; remembers its status for `when`.
    pub fn accept(&mut self, request: &Request, reply: &Reply<'_>) -> Result<(), Rejection> {
        let _ = (request, reply);
        Ok(())
    }

    /// The values that must never be shown or written, as they are now.
    pub fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}
