//! The model of a scenario, its templates already parsed.

use std::path::PathBuf;
use std::time::Duration;

use crate::units::format_duration;

use http::{HeaderName, HeaderValue};

use super::capture::Capture;
use super::expect::{Expect, StatusRule};
use super::feeder::Feeder;
use super::template::Template;
use super::value::Value;

/// One kind of user.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its file; `None` for the one that is built in.
    pub file: Option<PathBuf>,
    /// SHA-256 of its content in hex, first 16 digits.
    pub hash: String,
    /// The host it names itself; the command line's takes precedence.
    pub host: Option<String>,
    /// Think time between tasks.
    pub wait: Wait,
    /// Once a run, before any user starts; what it captures every user has.
    pub setup: Vec<Step>,
    /// Once a user, first: a user that fails here has not started.
    pub on_start: Vec<Step>,
    /// Drawn at random by weight, with replacement.
    pub tasks: Vec<Task>,
    /// Once a user, last.
    pub on_stop: Vec<Step>,
    /// Every endpoint that a request can go to, without doubles; requests hold indexes into it.
    pub endpoints: Vec<Endpoint>,
    /// Variables and captures; templates hold indexes into it.
    pub(super) slots: Vec<Slot>,
    /// Rows for users or iterations; templates hold indexes into it.
    pub(super) feeders: Vec<Feeder>,
    /// Running sums of the tasks' weights.
    pub(super) cumulative_weights: Vec<u64>,
}

impl Scenario {
    /// Draws a task by weight: an index into `tasks`.
    pub fn draw_task(&self, random: &mut fastrand::Rng) -> usize {
        let Some(&total) = self.cumulative_weights.last() else { return 0 };
        let drawn = random.u64(..total);
        self.cumulative_weights.partition_point(|sum| *sum <= drawn)
    }
}

/// A place for a value that each user has.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// What it holds before anything was captured into it.
    pub(super) start: Option<Value>,
    /// The environment variable that the start value may come from.
    pub(super) env: Option<String>,
    /// Whether it must not be shown.
    pub(super) secret: bool,
}

/// An endpoint as reports name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Method and template path, or the request's `as`.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
}

/// Something that a user does.
#[derive(Debug)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// Its share of the draws; at least 1.
    pub weight: u32,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

/// A node of the tree that a task is.
#[derive(Debug)]
pub enum Step {
    /// One request.
    Request(Box<Request>),
    /// These in order.
    Steps(Vec<Step>),
    /// One of these, drawn by weight.
    Pick(Vec<(u32, Step)>),
    /// These in order, so many times.
    Repeat(u32, Vec<Step>),
    /// The first where the condition holds, else the second.
    When(Condition, Vec<Step>, Vec<Step>),
    /// A pause.
    Wait(Wait),
}

/// What `when` asks; a helper of [`super::User::holds`].
#[derive(Debug)]
pub struct Condition {
    pub(super) test: Test,
    /// As a person reads it.
    pub(super) shown: String,
}

/// The kinds of conditions.
#[derive(Debug)]
pub(super) enum Test {
    /// The slot has something in it.
    Captured(usize),
    /// The slot's text is this one.
    Equals(usize, Template),
    /// The slot's text is another one, or it has none.
    NotEquals(usize, Template),
    /// The status of the last response.
    Status(StatusRule),
}

/// Time that a user lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Drawn evenly from the span, both ends included.
    Between(Duration, Duration),
    /// Always the same.
    Constant(Duration),
    /// So long that tasks begin this far apart.
    Pacing(Duration),
    /// None.
    None,
}

/// Whether redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// At most so many; one more is a failure.
    Follow(u8),
    /// The redirect is the response.
    Keep,
}

/// One request, ready to be rendered.
#[derive(Debug)]
pub struct Request {
    /// Index into the scenario's endpoints.
    pub endpoint: usize,
    /// Its method.
    pub method: http::Method,
    /// From the planned send to the last byte.
    pub timeout: Duration,
    /// Whether redirects are followed.
    pub redirects: Redirects,
    /// Whether a capture or check reads the response's body: else it is dropped as it comes.
    pub reads_body: bool,
    /// What the step is called, where it has a name.
    pub name: Option<String>,
    /// Path and query.
    pub(super) target: Template,
    /// Whether values go into the target as they are, so that it must be checked once they are in place.
    pub(super) checks_target: bool,
    /// Headers without placeholders.
    pub(super) constant_headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers with placeholders.
    pub(super) headers: Vec<(HeaderName, Template)>,
    /// What is sent.
    pub(super) body: Body,
    /// What must come back.
    pub(super) expect: Expect,
    /// What is kept of it.
    pub(super) captures: Vec<Capture>,
}

/// The body of a request.
#[derive(Debug)]
pub(super) enum Body {
    /// None.
    None,
    /// Always the same.
    Constant(bytes::Bytes),
    /// With placeholders.
    Template(Template),
}

impl Wait {
    /// Its mean, seconds; `None` for pacing, which depends on the host.
    pub fn mean_s(&self) -> Option<f64> {
        match self {
            Self::Between(low, high) => Some(f64::midpoint(low.as_secs_f64(), high.as_secs_f64())),
            Self::Constant(time) => Some(time.as_secs_f64()),
            Self::Pacing(_) => None,
            Self::None => Some(0.0),
        }
    }
}

impl std::fmt::Display for Wait {
    /// As a person reads it: `1–5 s`, `500ms–2s`, `10s`, `a task every 10s`, `none`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let second = Duration::from_secs(1);
        match self {
            Self::Between(low, high) if *low >= second && *high < 60 * second => {
                write!(f, "{}–{} s", low.as_secs_f64(), high.as_secs_f64())
            }
            Self::Between(low, high) => write!(f, "{}–{}", format_duration(*low), format_duration(*high)),
            Self::Constant(time) => f.write_str(&format_duration(*time)),
            Self::Pacing(period) => write!(f, "a task every {}", format_duration(*period)),
            Self::None => f.write_str("none"),
        }
    }
}
