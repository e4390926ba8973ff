//! One user at work: starts, draws tasks, walks their steps, thinks, goes home.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::client::{Ask, Client, Keep, Network, Seen};
use super::control::Starts;
use super::deadline::Deadline;
use super::problem::Problem;
use super::slot::{Command, Slot};
use crate::mask::Mask;
use crate::record::{EndpointId, FailureKind, Outcome, Recorder, Sample, State};
use crate::scenario::{Prepared, Reply, Request, Scenario, Step, User, Wait};

/// Tries of a start that failed for another reason than a 4xx, and the time within which they begin.
const START_TRIES: u32 = 3;
const START_WITHIN: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_millis(1500);
/// What follows a request that could not even be sent.
const UNSENT_PAUSE: Duration = Duration::from_millis(10);
/// How much of an answer is quoted where a start fails, characters, and how much of it is looked at, bytes.
const QUOTED: usize = 300;
const LOOKED_AT: usize = 64 << 10;

/// Why a user did not start, or a set-up did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// The request that failed, e.g. `POST /api/v2/auth/login`.
    pub endpoint: String,
    /// E.g. `status 401`.
    pub problem: String,
    /// The beginning of what the host answered, secrets not yet masked; empty where it answered nothing.
    pub answer: String,
    /// The response's status; 0 without one.
    pub status: u16,
}

impl std::fmt::Display for StartFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.problem)?;
        if self.answer.is_empty() { Ok(()) } else { write!(f, ": {}", self.answer) }
    }
}

/// Why a walk through steps ended before its end.
#[derive(Debug)]
enum Broken {
    /// The user was told to do something else.
    Told,
    /// A request failed, where a failed request ends it.
    Failed(StartFailure),
}

/// What is done when a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    /// The next step follows, as in Locust.
    GoOn,
    /// The walk ends and quotes the answer.
    End,
}

/// Whether a walk ends when the user is told to leave. A cut ends every walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It does.
    Heeded,
    /// The user is leaving already: this is its `on_stop`.
    Leaving,
}

/// One user at work.
pub(super) struct Actor {
    scenario: Arc<Scenario>,
    /// The run's id of this scenario's first endpoint.
    first_endpoint: u32,
    user: User,
    client: Client,
    recorder: Arc<Recorder>,
    deadline: Deadline,
    prepared: Prepared,
    seen: Seen,
    /// When the next request should have been sent, where a wait came before it.
    due: Option<Instant>,
    /// What the next request's response time runs from; `None`: from its send.
    planned: Option<Instant>,
    /// It serves an arrival: nothing in its task is counted from a send that the generator was late with.
    serves: bool,
    /// When the last task began: pacing counts from it.
    task_began: Instant,
}

impl Actor {
    pub(super) fn new(
        scenario: Arc<Scenario>,
        first_endpoint: u32,
        user: User,
        network: Arc<Network>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let client = Client::new(network, scenario.cookies);
        Self {
            scenario,
            first_endpoint,
            user,
            client,
            recorder,
            deadline: Deadline::new(),
            prepared: Prepared::default(),
            seen: Seen::default(),
            due: None,
            planned: None,
            serves: false,
            task_began: Instant::now(),
        }
    }

    /// A failure with the user's secrets masked.
    pub(super) fn masked(&self, mut failure: StartFailure) -> StartFailure {
        let mut mask = Mask::new(self.user.secrets());
        self.client.cookie_values().for_each(|value| mask.add(value));
        failure.problem = mask.values(&failure.problem).into_owned();
        // Masked whole before it is cut, or half a secret might be left.
        let masked = mask.body(&failure.answer);
        let words = masked.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        failure.answer = words.collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect();
        failure
    }

    /// The user's values, as they are now.
    pub(super) fn into_user(self) -> User {
        self.user
    }

    /// Runs the scenario's `setup` once.
    pub(super) async fn set_up(&mut self, slot: &Slot) -> Result<(), StartFailure> {
        let scenario = Arc::clone(&self.scenario);
        match self.walk(&scenario.setup, OnFailure::End, Told::Heeded, slot).await {
            Err(Broken::Failed(failure)) => Err(failure),
            Ok(()) | Err(Broken::Told) => Ok(()),
        }
    }

    /// Runs `on_start`: a 4xx is final, anything else is tried again. `Ok(false)` where the user was told to go.
    pub(super) async fn start(&mut self, slot: &Slot, starts: &Starts) -> Result<bool, StartFailure> {
        let scenario = Arc::clone(&self.scenario);
        let began = Instant::now();
        let mut tries = 1;
        loop {
            match self.walk(&scenario.on_start, OnFailure::End, Told::Heeded, slot).await {
                Ok(()) => return Ok(true),
                Err(Broken::Told) => return Ok(false),
                Err(Broken::Failed(failure)) => {
                    if tries == 1 {
                        starts.failed(self.masked(failure.clone()));
                        starts.stumbled.fetch_add(1, Ordering::AcqRel);
                    }
                    let again = Instant::now() + START_PAUSE;
                    let refused = (400..500).contains(&failure.status);
                    if refused || tries == START_TRIES || again > began + START_WITHIN {
                        return Err(failure);
                    }
                    tries += 1;
                    if self.think(again, slot).await.is_err() {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Draws tasks and does them until the user is told otherwise, then runs `on_stop`.
    pub(super) async fn work(&mut self, slot: &Slot) {
        let scenario = Arc::clone(&self.scenario);
        while slot.command() == Command::Work {
            // A task may hold nothing to wait for: others must get their turn all the same.
            tokio::task::coop::consume_budget().await;
            self.task_began = self.due.unwrap_or_else(Instant::now);
            self.user.begin_iteration();
            let task = &scenario.tasks[self.user.draw_task()];
            if self.walk(&task.steps, OnFailure::GoOn, Told::Heeded, slot).await.is_err() {
                break;
            }
            if self.pause(scenario.wait, slot).await.is_err() {
                break;
            }
        }
        self.leave(slot).await;
    }

    /// Serves an arrival: does a task, all its steps, counted from the planned instant. `due` is when it could be sent at the
    /// earliest: from there on the generator was late. `false` where the user was told to go.
    pub(super) async fn serve(&mut self, task: usize, planned: Instant, due: Instant, slot: &Slot) -> bool {
        let scenario = Arc::clone(&self.scenario);
        (self.planned, self.due, self.serves, self.task_began) = (Some(planned), Some(due), true, planned);
        self.user.begin_iteration();
        let done = self.walk(&scenario.tasks[task].steps, OnFailure::GoOn, Told::Heeded, slot).await;
        (self.planned, self.due, self.serves) = (None, None, false);
        done.is_ok()
    }

    /// Lends the user leave to open its first connection, or takes it back.
    pub(super) fn opening(&mut self, leave: Option<OwnedSemaphorePermit>) {
        self.client.opening = leave;
    }

    /// Runs `on_stop` and goes home.
    pub(super) async fn leave(&mut self, slot: &Slot) {
        let scenario = Arc::clone(&self.scenario);
        self.due = None;
        if slot.command() != Command::Cut {
            // Told to go: nothing in `on_stop` waits for a command to work.
            let _ = self.walk(&scenario.on_stop, OnFailure::GoOn, Told::Leaving, slot).await;
        }
        self.client.disconnect();
    }

    async fn pause(&mut self, wait: Wait, slot: &Slot) -> Result<(), Command> {
        let length = self.user.draw_wait(wait);
        // In an arrival's task a wait counts from what is planned, not from when a late session got round to it.
        let from = self.planned.unwrap_or_else(Instant::now);
        let until = match wait {
            Wait::None => {
                self.due = self.due.filter(|_| self.serves);
                return Ok(());
            }
            Wait::Pacing(_) => (self.task_began + length).max(from),
            Wait::Between(..) | Wait::Constant(_) => from + length,
        };
        // No session was free before an arrival's `due`, wait or no wait.
        let due = self.due.filter(|_| self.serves).map_or(until, |due| due.max(until));
        let slept = self.think(until, slot).await;
        self.due = slept.is_ok().then_some(due);
        self.planned = self.serves.then_some(until);
        slept
    }

    /// Lets time pass. What is counted is the planned time: waking up late is the generator's doing, not the user's.
    async fn think(&mut self, until: Instant, slot: &Slot) -> Result<(), Command> {
        // Others can open a connection meanwhile.
        self.opening(None);
        let began = Instant::now();
        self.recorder.enter(State::Thinking, self.recorder.at_us(began));
        let slept = slot.sleep_until(until).await;
        self.recorder.leave(State::Thinking, self.recorder.at_us(until.max(began).min(Instant::now())));
        slept
    }

    /// Does steps in order. A stack of its own in place of recursion: no allocation for a flat task.
    async fn walk(&mut self, steps: &[Step], on_failure: OnFailure, told: Told, slot: &Slot) -> Result<(), Broken> {
        let to_end = |command| command == Command::Cut || told == Told::Heeded && command != Command::Work;
        let mut nested: Vec<(std::slice::Iter<'_, Step>, &[Step], u32)> = Vec::new();
        let mut level = (steps.iter(), steps, 1);
        loop {
            tokio::task::coop::consume_budget().await;
            if to_end(slot.command()) {
                return Err(Broken::Told);
            }
            let Some(step) = level.0.next() else {
                if level.2 > 1 {
                    level = (level.1.iter(), level.1, level.2 - 1);
                } else if let Some(outer) = nested.pop() {
                    level = outer;
                } else {
                    return Ok(());
                }
                continue;
            };
            let (inner, times) = match step {
                Step::Request(request) => {
                    self.request(request, on_failure, slot).await?;
                    continue;
                }
                Step::Wait(wait) => {
                    if told == Told::Heeded && self.pause(*wait, slot).await.is_err() {
                        return Err(Broken::Told);
                    }
                    continue;
                }
                Step::Steps(steps) => (steps.as_slice(), 1),
                Step::Repeat(times, steps) => (steps.as_slice(), *times),
                Step::Pick(choices) => {
                    let drawn = self.user.draw(choices.iter().map(|(weight, _)| *weight));
                    (std::slice::from_ref(&choices[drawn].1), 1)
                }
                Step::When(condition, then, otherwise) => {
                    (if self.user.holds(condition) { then.as_slice() } else { otherwise.as_slice() }, 1)
                }
            };
            if times > 0 {
                nested.push(std::mem::replace(&mut level, (inner.iter(), inner, times)));
            }
        }
    }

    async fn request(&mut self, request: &Request, on_failure: OnFailure, slot: &Slot) -> Result<(), Broken> {
        let quote = on_failure == OnFailure::End;
        let endpoint = EndpointId(self.first_endpoint + request.endpoint as u32);
        if let Err(error) = self.user.prepare(request, &mut self.prepared) {
            let problem = Problem { kind: FailureKind::Check, text: format!("not sent: {error}") };
            (self.due, self.planned) = (None, None);
            self.seen = Seen::default();
            let now = Instant::now();
            self.recorder.record(&self.sample(endpoint, (now, now, now), self.outcome(Some(&problem))));
            // Nothing was waited for: without think time this would otherwise go round and round.
            let _ = slot.unless(tokio::time::sleep(UNSENT_PAUSE), |command| command == Command::Cut).await;
            return self.failed(request, problem, on_failure);
        }
        let keep = if request.reads_body || quote { Keep::All } else { Keep::Nothing };

        let began = Instant::now();
        let ask = Ask {
            method: &request.method,
            redirects: request.redirects,
            keep,
            all_headers: request.reads_headers,
            by: began + request.timeout,
        };
        if let Some(due) = self.due.take() {
            self.recorder.lag(began.saturating_duration_since(due).as_micros() as u64);
        }
        let planned = self.planned.take().unwrap_or(began);
        self.recorder.enter(State::InFlight, self.recorder.at_us(began));
        let ended = {
            let exchange = self.client.exchange(ask, &self.prepared, &mut self.seen);
            let in_time = self.deadline.within(began + request.timeout, exchange);
            slot.unless(in_time, |command| command == Command::Cut).await
        };
        // What was done with the body after its last byte is not the host's time.
        let end = self.seen.ended.filter(|_| matches!(ended, Ok(Some(_)))).unwrap_or_else(Instant::now);
        self.planned = self.serves.then_some(end);

        let problem = match ended {
            Err(_) => {
                self.client.disconnect();
                self.recorder.ended(&self.sample(endpoint, (planned, began, end), Outcome::CutOff));
                return Err(Broken::Told);
            }
            Ok(None) => {
                self.client.disconnect();
                let text = format!("no whole response within {}", crate::units::format_duration(request.timeout));
                Some(Problem { kind: FailureKind::Timeout, text })
            }
            Ok(Some(Err(problem))) => Some(problem),
            Ok(Some(Ok(()))) => self.judge(request, end - planned),
        };
        self.recorder.ended(&self.sample(endpoint, (planned, began, end), self.outcome(problem.as_ref())));
        let outcome = match problem {
            None => Ok(()),
            Some(problem) => self.failed(request, problem, on_failure),
        };
        // A user that thinks holds on to nothing large.
        self.prepared.body = None;
        self.seen.put_away();
        outcome
    }

    fn judge(&mut self, request: &Request, time: Duration) -> Option<Problem> {
        let reply = Reply { status: self.seen.status, headers: &self.seen.headers, body: &self.seen.body, time };
        self.user.accept(request, &reply).err().map(|rejection| Problem {
            kind: if rejection.status { FailureKind::Status } else { FailureKind::Check },
            text: rejection.message,
        })
    }

    fn failed(&self, request: &Request, problem: Problem, on_failure: OnFailure) -> Result<(), Broken> {
        if on_failure == OnFailure::GoOn {
            return Ok(());
        }
        let body = &self.seen.body[..self.seen.body.len().min(LOOKED_AT)];
        Err(Broken::Failed(StartFailure {
            endpoint: self.scenario.endpoints[request.endpoint].name.clone(),
            problem: problem.text,
            answer: String::from_utf8_lossy(body).into_owned(),
            status: self.seen.status,
        }))
    }

    fn outcome(&self, problem: Option<&Problem>) -> Outcome {
        match problem {
            None => Outcome::Success,
            Some(Problem { kind, text }) => {
                Outcome::Failure { kind: *kind, error: self.recorder.error_id(*kind, text) }
            }
        }
    }

    fn sample(&self, endpoint: EndpointId, times: (Instant, Instant, Instant), outcome: Outcome) -> Sample {
        self.seen.sample(&self.recorder, endpoint, times, outcome)
    }
}
