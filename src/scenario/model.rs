//! The model of a scenario, its templates already parsed.

use std::path::PathBuf;
use std::time::Duration;

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
pub struct Condition {}

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
}

impl Wait {
    /// Its mean, seconds; `None` for pacing, which depends on the host.
    pub fn mean_s(&self) -> Option<f64> {
        match self {
            Self::Between(low, high) => Some((low.as_secs_f64() + high.as_secs_f64()) / 2.0),
            Self::Constant(time) => Some(time.as_secs_f64()),
            Self::Pacing(_) => None,
            Self::None => Some(0.0),
        }
    }
}
