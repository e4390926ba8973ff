//! One user's values: what it renders requests from and captures into.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderMap, HeaderValue};

use super::Scenario;
use super::feeder::{Order, Per};
use super::model::{Body, Condition, Request, Test, Wait};
use super::value::Value;
use crate::stats::mixed;

pub use super::feeder::Feeds;

/// The most memory that a user keeps for headers and bodies between two requests, bytes.
const LARGEST_SCRATCH: usize = 1 << 10;

/// One user's variables, random numbers and place in the feeders.
#[derive(Debug)]
pub struct User {
    scenario: Arc<Scenario>,
    feeds: Arc<Feeds>,
    number: u64,
    random: Rng,
    /// By slot.
    values: Vec<Option<Value>>,
    /// The current row of each feeder; `None` until it is first used.
    rows: Vec<Option<usize>>,
    last_status: Option<u16>,
    /// Reused for headers and bodies.
    scratch: String,
    /// The header that was made last: a token stays the same from request to request.
    last_header: Option<HeaderValue>,
}

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
        let start = |(index, slot): (usize, &super::model::Slot)| {
            shared.and_then(|shared| shared.values.get(index).cloned().flatten()).or_else(|| slot.start.clone())
        };
        Self {
            values: scenario.slots.iter().enumerate().map(start).collect(),
            rows: vec![None; scenario.feeders.len()],
            random: Rng::with_seed(mixed(seed ^ mixed(number))),
            scenario,
            feeds,
            number,
            last_status: None,
            scratch: String::new(),
            last_header: None,
        }
    }

    /// To be called before each task: the feeders that give a row an iteration give the next one at their next use.
    pub fn begin_iteration(&mut self) {
        for (row, feeder) in self.rows.iter_mut().zip(&self.scenario.feeders) {
            if feeder.per == Per::Iteration {
                *row = None;
            }
        }
    }

    /// Draws a task by weight: an index into the scenario's tasks.
    pub fn draw_task(&mut self) -> usize {
        self.scenario.draw_task(&mut self.random)
    }

    /// Draws one of some weighted things: its index.
    pub fn draw(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        if total == 0 {
            return 0;
        }
        let mut drawn = self.random.u64(..total);
        for (index, weight) in weights.map(u64::from).enumerate() {
            if drawn < weight {
                return index;
            }
            drawn -= weight;
        }
        0
    }

    /// Draws a time to wait; for pacing, the whole period.
    pub fn draw_wait(&mut self, wait: Wait) -> Duration {
        match wait {
            Wait::Between(low, high) => {
                let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                let (low, high) = (nanos(low), nanos(high));
                Duration::from_nanos(self.random.u64(low..=high.max(low)))
            }
            Wait::Constant(time) | Wait::Pacing(time) => time,
            Wait::None => Duration::ZERO,
        }
    }

    /// Whether a condition holds now.
    pub fn holds(&self, condition: &Condition) -> bool {
        let equals = |slot: &usize, wanted: &super::template::Template| {
            let value = self.values[*slot].as_ref();
            value.is_some_and(|value| wanted.text_of_slots(self).is_some_and(|wanted| wanted == value.as_str()))
        };
        match &condition.test {
            Test::Captured(slot) => self.values[*slot].as_ref().is_some_and(Value::is_something),
            Test::Equals(slot, wanted) => equals(slot, wanted),
            Test::NotEquals(slot, wanted) => !equals(slot, wanted),
            Test::Status(rule) => self.last_status.is_some_and(|status| rule.allows(status)),
        }
    }

    /// Puts the values into a request. `into` is reused from request to request.
    pub fn prepare(&mut self, request: &Request, into: &mut Prepared) -> Result<(), RenderError> {
        into.target.clear();
        into.headers.clear();
        request.target.render(self, &mut into.target)?;
        if request.checks_target {
            check_target(&into.target)?;
        }
        for (name, value) in &request.constant_headers {
            into.headers.insert(name, value.clone());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let rendered = self.render_headers(request, &mut scratch, &mut into.headers);
        let body = rendered.and_then(|()| self.render_body(request, &mut scratch));
        // One large body must not stay with every user that sent it.
        scratch.clear();
        scratch.shrink_to(LARGEST_SCRATCH);
        self.scratch = scratch;
        into.body = body?;
        Ok(())
    }

    fn render_headers(
        &mut self,
        request: &Request,
        scratch: &mut String,
        into: &mut HeaderMap,
    ) -> Result<(), RenderError> {
        for (name, template) in &request.headers {
            scratch.clear();
            template.render(self, scratch)?;
            let known = self.last_header.take().filter(|last| last.as_bytes() == scratch.as_bytes());
            let Some(mut value) = known.or_else(|| HeaderValue::from_bytes(scratch.as_bytes()).ok()) else {
                return Err(RenderError(format!(
                    "header {name}: a value holds a line break or another control character"
                )));
            };
            value.set_sensitive(*name == http::header::AUTHORIZATION);
            self.last_header = Some(value.clone());
            into.insert(name, value);
        }
        Ok(())
    }

    fn render_body(&mut self, request: &Request, scratch: &mut String) -> Result<Option<Bytes>, RenderError> {
        match &request.body {
            Body::None => Ok(None),
            Body::Constant(bytes) => Ok(Some(bytes.clone())),
            Body::Template(template) => {
                scratch.clear();
                template.render(self, scratch)?;
                Ok(Some(Bytes::copy_from_slice(scratch.as_bytes())))
            }
        }
    }

    /// Checks a reply and captures from it; remembers its status for `when`.
    pub fn accept(&mut self, request: &Request, reply: &Reply<'_>) -> Result<(), Rejection> {
        self.last_status = Some(reply.status);
        request.expect.check_status(reply.status)?;
        let reads_json =
            !request.expect.json.is_empty() || request.captures.iter().any(super::capture::Capture::reads_body);
        let json = if reads_json { serde_json::from_slice(reply.body).ok() } else { None };
        request.expect.check(self, reply, json.as_ref())?;
        for capture in &request.captures {
            self.values[capture.slot] = Some(capture.take(json.as_ref(), reply.headers, &mut self.random)?);
        }
        Ok(())
    }

    /// The values that must never be shown or written, as they are now.
    pub fn secrets(&self) -> Vec<String> {
        let slots = self.scenario.slots.iter().zip(&self.values).filter(|(slot, _)| slot.secret);
        let mut secrets: Vec<String> =
            slots.filter_map(|(_, value)| value.as_ref()).map(|value| value.as_str().to_owned()).collect();
        for (feeder, row) in self.scenario.feeders.iter().zip(&self.rows) {
            let Some(row) = row else { continue };
            let columns = (0..feeder.columns.len()).filter(|column| feeder.secret[*column]);
            secrets.extend(columns.map(|column| feeder.cell(*row, column).as_str().to_owned()));
        }
        secrets
    }

    /// The value in a slot.
    pub(super) fn value(&self, slot: usize) -> Result<&Value, RenderError> {
        self.values[slot].as_ref().ok_or_else(|| {
            RenderError(format!(
                "`{}` has no value yet: no step that captures it has succeeded",
                self.scenario.slots[slot].name
            ))
        })
    }

    /// The value in a column of a feeder's current row.
    pub(super) fn column(&mut self, feeder: usize, column: usize) -> &Value {
        let it = &self.scenario.feeders[feeder];
        let row = *self.rows[feeder].get_or_insert_with(|| match (it.order, it.per) {
            (Order::Random, _) => self.random.usize(..it.rows()),
            (Order::Sequential, Per::User) => (self.number % it.rows() as u64) as usize,
            (Order::Sequential, Per::Iteration) => self.feeds.next_row(feeder, it.rows()),
        });
        it.cell(row, column)
    }

    /// Its random numbers.
    pub(super) fn random(&mut self) -> &mut Rng {
        &mut self.random
    }
}

/// A target with values as they are must still be a path or a URL.
fn check_target(target: &str) -> Result<(), RenderError> {
    let starts = ["/", "http://", "https://"].iter().any(|start| target.starts_with(start));
    if starts && !target.contains('#') && target.parse::<http::Uri>().is_ok() {
        return Ok(());
    }
    Err(RenderError("the path with its values in place is neither a path that starts with / nor a URL".to_owned()))
}
