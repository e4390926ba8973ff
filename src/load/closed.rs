//! Closed load: users that wait for the response and then think, launched and kept by Goose.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use goose::client::{CookiesDisabled, GooseClientBuilder};
use goose::goose::{Scenario as GooseScenario, Transaction, TransactionFunction};
use goose::{GooseAttack, config::GooseConfiguration};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::LoadError;
use super::act::Actor;
use super::act::StartFailure;
use super::client::{Connections, Network};
use super::control::{LoadControl, start_order};
use super::host::{AllowedHosts, Host};
use super::slot::{Command, Slot};
use crate::record::{Arrivals, End, LoadPlan, Recorder, State};
use crate::scenario::{Feeds, Scenario, User};

/// Users launched a second by Goose, before the load begins.
const LAUNCH_RATE: &str = "50000";
/// How often the level follows the plan while it moves, and while it holds.
const RAMP_TICK: Duration = Duration::from_millis(5);
const HOLD_TICK: Duration = Duration::from_millis(100);
/// Nobody started by then: there is no load to speak of.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// A user that was let through less than this ago may still be starting.
const START_DUE: Duration = Duration::from_secs(1);
/// Goose looks for its end twice a second.
const GOOSE_PATIENCE: Duration = Duration::from_secs(5);

/// What to drive.
pub struct Load {
    /// Scenarios with their share of the users.
    pub scenarios: Vec<(Arc<Scenario>, u32)>,
    /// Users over time.
    pub plan: LoadPlan,
    /// The system under test.
    pub host: Host,
    /// Where redirects and absolute URLs may lead besides the host.
    pub allowed: AllowedHosts,
    /// How connections are made and kept.
    pub connections: Connections,
    /// Open model: when arrivals come.
    pub arrivals: Arrivals,
    /// Open model: the most sessions that serve them.
    pub max_users: u32,
    /// Of every random choice.
    pub seed: u64,
    /// What requests in flight get at the end.
    pub stop_timeout: Duration,
}

impl Load {
    /// The handle on this load, to be handed to [`drive`].
    pub fn control(&self) -> LoadControl {
        LoadControl::new(&self.users(&self.start_order()))
    }

    /// The scenario of each user, in the order in which they start.
    fn start_order(&self) -> Vec<usize> {
        let weights: Vec<u32> = self.scenarios.iter().map(|(_, weight)| *weight).collect();
        start_order(&weights, self.plan.peak().ceil() as u32)
    }

    /// The most users of each scenario.
    fn users(&self, order: &[usize]) -> Vec<u32> {
        let of = |kind| order.iter().filter(|&&k| k == kind).count() as u32;
        (0..self.scenarios.len()).map(of).collect()
    }
}

/// One scenario's share of a run.
struct Kind {
    scenario: Arc<Scenario>,
    feeds: Arc<Feeds>,
    first_endpoint: u32,
    /// Users of the scenarios before it: numbers are unique in a run.
    first_user: u64,
    after_setup: Option<User>,
}

struct Shared {
    kinds: Vec<Kind>,
    control: LoadControl,
    network: Arc<Network>,
    recorder: Arc<Recorder>,
    seed: u64,
    /// The gates are shut for good: users that Goose sends again are turned away.
    over: AtomicBool,
}

/// Drives the load to its end: the plan's, or the first word on `stop`. `control` is the load's own; the plan moves it, and so
/// can whoever holds a clone.
///
/// The recorder's endpoints are those of the scenarios, one after the other. Requests in flight at the end get the stop
/// timeout; whatever the host does, this returns within it and some seconds.
pub async fn drive(
    load: Load,
    control: LoadControl,
    recorder: Arc<Recorder>,
    mut stop: watch::Receiver<bool>,
) -> Result<End, LoadError> {
    let order = load.start_order();
    let counts = load.users(&order);
    let network = Arc::new(Network::new(load.host.clone(), load.allowed, load.connections)?);

    let mut kinds: Vec<Kind> = Vec::new();
    let (mut first_endpoint, mut first_user) = (0, 0);
    for ((scenario, _), users) in load.scenarios.into_iter().zip(&counts) {
        let endpoints = scenario.endpoints.len() as u32;
        let feeds = Arc::new(Feeds::new(&scenario));
        let mut kind = Kind { scenario, feeds, first_endpoint, first_user, after_setup: None };
        if !kind.scenario.setup.is_empty() {
            let user = kind.user(first_user, load.seed);
            let mut actor = kind.actor(user, &network, &recorder);
            kind.after_setup =
                Some(set_up(&mut actor, &kind.scenario.name, &mut stop).await.map(|()| actor.into_user())?);
        }
        kinds.push(kind);
        first_endpoint += endpoints;
        first_user += u64::from(*users);
    }
    let shared = Arc::new(Shared {
        kinds,
        control: control.clone(),
        network,
        recorder,
        seed: load.seed,
        over: AtomicBool::new(false),
    });

    let mut goose = launch(&shared, &counts, &load.host)?;
    let ended = match gathered(&control, &mut goose, &mut stop).await {
        Ok(true) => follow(&load.plan, &order, &shared, &mut goose, &mut stop).await,
        Ok(false) => Ok(End::Interrupted),
        Err(error) => Err(error),
    };
    shared.recorder.wanted(0.0);
    shared.over.store(true, Ordering::Release);
    control.stop();
    goose::trigger_killswitch("the load is over");
    if tokio::time::timeout(load.stop_timeout, control.all_gone()).await.is_err() {
        control.cut();
        let _ = tokio::time::timeout(GOOSE_PATIENCE, control.all_gone()).await;
    }
    // A task that has ended unasked was heard already, and must not be heard twice.
    if !goose.task.is_finished() {
        let _ = tokio::time::timeout(GOOSE_PATIENCE, &mut goose.task).await;
    }
    ended
}

async fn set_up(actor: &mut Actor, scenario: &str, stop: &mut watch::Receiver<bool>) -> Result<(), LoadError> {
    let slot = Slot::new();
    slot.tell(Command::Work);
    let done = {
        let mut work = std::pin::pin!(actor.set_up(&slot));
        tokio::select! {
            done = &mut work => done,
            () = told(stop) => {
                slot.tell(Command::Cut);
                work.await
            }
        }
    };
    done.map_err(|failure| LoadError::SetUpFailed { scenario: scenario.to_owned(), failure: actor.masked(failure) })
}

/// Goose, running. Its killswitch is the process's, so there is one at a time.
struct Running {
    task: JoinHandle<Result<(), String>>,
    _alone: tokio::sync::OwnedMutexGuard<()>,
}

fn launch(shared: &Arc<Shared>, counts: &[u32], host: &Host) -> Result<Running, LoadError> {
    static ALONE: std::sync::OnceLock<Arc<tokio::sync::Mutex<()>>> = std::sync::OnceLock::new();
    let alone = Arc::clone(ALONE.get_or_init(Arc::default))
        .try_lock_owned()
        .map_err(|_| LoadError::Setup("another load is running in this process".to_owned()))?;
    // Goose installs a logger that writes to stdout unless there is one.
    let _ = log::set_logger(&Silence);

    let failed = |error: goose::GooseError| LoadError::Setup(format!("goose: {error}"));
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(host.to_string());
    configuration.users = Some(counts.iter().sum::<u32>() as usize);
    configuration.increase_rate = Some(LAUNCH_RATE.to_owned());
    configuration.quiet = 2;
    configuration.no_metrics = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    let mut attack = GooseAttack::initialize_with_config(configuration)
        .and_then(|attack| attack.set_client_builder_without_cookies(idle_client()))
        .map_err(failed)?;
    for (number, kind) in shared.kinds.iter().enumerate().filter(|(number, _)| counts[*number] > 0) {
        let transaction = Transaction::new(transaction(Arc::clone(shared), number)).set_name(&kind.scenario.name);
        let scenario = GooseScenario::new(&kind.scenario.name)
            .register_transaction(transaction)
            .set_weight(counts[number] as usize)
            .map_err(failed)?;
        attack = attack.register_scenario(scenario);
    }
    let task =
        tokio::spawn(
            async move { Box::pin(attack.execute()).await.map(|_| ()).map_err(|error| format!("goose: {error}")) },
        );
    Ok(Running { task, _alone: alone })
}

/// Goose's own client sends nothing: it needs no certificates, and must not fail for want of them.
fn idle_client() -> GooseClientBuilder<CookiesDisabled> {
    GooseClientBuilder::new().without_cookies().accept_invalid_certs(true)
}

/// What Goose runs for each of its users: the whole life of one of ours.
fn transaction(shared: Arc<Shared>, kind: usize) -> TransactionFunction {
    Arc::new(move |_goose_user| {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            match shared.control.arrive(kind) {
                Some(place) if !shared.over.load(Ordering::Acquire) => shared.live(kind, place).await,
                // Goose calls again until it has heard of the end.
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
            Ok(())
        })
    })
}

/// Waits until every user is at the gate. `false`: stopped before.
async fn gathered(
    control: &LoadControl,
    goose: &mut Running,
    stop: &mut watch::Receiver<bool>,
) -> Result<bool, LoadError> {
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while control.missing() > 0 {
        tokio::select! {
            _ = tick.tick() => {}
            ended = &mut goose.task => return Err(unasked(ended)),
            () = told(stop) => return Ok(false),
        }
    }
    Ok(true)
}

/// Follows the plan until it is over or the load cannot go on.
async fn follow(
    plan: &LoadPlan,
    order: &[usize],
    shared: &Shared,
    goose: &mut Running,
    stop: &mut watch::Receiver<bool>,
) -> Result<End, LoadError> {
    let (control, recorder) = (&shared.control, &shared.recorder);
    let snapshots = recorder.snapshots();
    let mut level = Level { order, users: vec![0; shared.kinds.len()], total: 0 };
    let mut begun = VecDeque::new();
    recorder.begin();
    let start = Instant::now();
    let length = Duration::from_secs_f64(plan.duration_s());
    loop {
        let at = start.elapsed();
        if at >= length {
            return if shared.control.starts().nobody_works() {
                Err(nobody_started(shared, 0).unwrap_or_else(|| unanswered(shared)))
            } else {
                Ok(End::Finished)
            };
        }
        let wanted = plan.level_at(at.as_secs_f64());
        level.set(wanted.ceil() as usize, control);
        recorder.wanted(f64::from(level.total as u32));

        let starts = control.starts();
        begun.push_back((at, starts.begun.load(Ordering::Acquire)));
        while begun.front().is_some_and(|(then, _)| *then + START_DUE < at) {
            begun.pop_front();
        }
        let due = begun.front().map_or(0, |(_, count)| *count);
        if at >= START_PATIENCE
            && let Some(error) = nobody_started(shared, due)
        {
            return Err(error);
        }
        if let Some(problem) = snapshots.borrow().journal_error.clone() {
            return Err(LoadError::Journal { after_s: at.as_secs_f64(), problem });
        }
        let moving = (plan.level_at((at + HOLD_TICK).as_secs_f64()) - wanted).abs() > f64::EPSILON;
        let next = start + (at + if moving { RAMP_TICK } else { HOLD_TICK }).min(length);
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            ended = &mut goose.task => return Err(unasked(ended)),
            () = told(stop) => return Ok(End::Interrupted),
        }
    }
}

/// The users let through, scenario by scenario.
struct Level<'a> {
    order: &'a [usize],
    users: Vec<u32>,
    total: usize,
}

impl Level<'_> {
    fn set(&mut self, total: usize, control: &LoadControl) {
        let total = total.min(self.order.len());
        for &kind in &self.order[self.total.min(total)..total] {
            self.users[kind] += 1;
        }
        for &kind in &self.order[total..self.total.max(total)] {
            self.users[kind] -= 1;
        }
        if total != self.total {
            for (kind, &users) in self.users.iter().enumerate() {
                control.set_users(kind, users);
            }
        }
        self.total = total;
    }
}

/// The error where not one user has started though `due` of them should have.
fn nobody_started(shared: &Shared, due: u64) -> Option<LoadError> {
    let starts = shared.control.starts();
    let begun = starts.begun.load(Ordering::Acquire);
    let stumbled = starts.stumbled.load(Ordering::Acquire);
    if starts.worked.load(Ordering::Acquire) > 0 || stumbled == 0 || stumbled < due.min(begun) {
        return None;
    }
    starts.last_failure().map(|failure| LoadError::NobodyStarted { users: begun, failure })
}

/// The error where all users are still waiting for an answer to their start.
fn unanswered(shared: &Shared) -> LoadError {
    let users = shared.control.starts().begun.load(Ordering::Acquire);
    let failure = StartFailure {
        endpoint: "on_start".to_owned(),
        problem: "no answer by the end of the run".to_owned(),
        answer: String::new(),
        status: 0,
    };
    LoadError::NobodyStarted { users, failure }
}

/// Ready once the load is told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn unasked(ended: Result<Result<(), String>, tokio::task::JoinError>) -> LoadError {
    LoadError::Setup(match ended {
        Ok(Ok(())) => "goose ended before it was told to".to_owned(),
        Ok(Err(error)) => error,
        Err(error) => format!("goose: {error}"),
    })
}

impl Kind {
    fn user(&self, number: u64, seed: u64) -> User {
        User::new(Arc::clone(&self.scenario), Arc::clone(&self.feeds), number, seed, self.after_setup.as_ref())
    }

    fn actor(&self, user: User, network: &Arc<Network>, recorder: &Arc<Recorder>) -> Actor {
        Actor::new(Arc::clone(&self.scenario), self.first_endpoint, user, Arc::clone(network), Arc::clone(recorder))
    }
}

impl Shared {
    /// The life of one user: at the gate, at work, at the gate again, until the load is over.
    async fn live(&self, kind: usize, place: usize) {
        let slot = self.control.slot(kind, place);
        let mut life = 0;
        while slot.wait(|command| command != Command::Hold).await == Command::Work {
            let _at_work = self.control.at_work();
            self.recorder.enter(State::AtWork, self.recorder.now_us());
            let failed = self.work(kind, place, life, slot).await;
            self.recorder.leave(State::AtWork, self.recorder.now_us());
            life += 1;
            if failed {
                // It stays out until it is called back and called again.
                slot.wait(|command| command != Command::Work).await;
            }
        }
    }

    /// `true` where the user could not start.
    async fn work(&self, kind: usize, place: usize, life: u64, slot: &Slot) -> bool {
        let kind = &self.kinds[kind];
        // A user that comes back is somebody else: other random choices, the same row of a feeder.
        let user = kind.user(kind.first_user + place as u64, self.seed.wrapping_add(life));
        let mut actor = kind.actor(user, &self.network, &self.recorder);
        let starts = self.control.starts();
        starts.begun.fetch_add(1, Ordering::AcqRel);
        match actor.start(slot, starts).await {
            Ok(true) => {
                starts.worked.fetch_add(1, Ordering::AcqRel);
                actor.work(slot).await;
                false
            }
            Ok(false) => false,
            Err(failure) => {
                starts.failed(actor.masked(failure));
                self.recorder.failed_start();
                true
            }
        }
    }
}

/// A logger for those who would otherwise install one that talks.
struct Silence;

impl log::Log for Silence {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }
    fn log(&self, _: &log::Record<'_>) {}
    fn flush(&self) {}
}
