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
use super::control::LoadControl;
use super::drive::{Ground, told, unanswered};
use super::host::Host;
use super::slot::{Command, Slot};
use crate::record::{End, LoadPlan, State};

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

struct Shared {
    ground: Ground,
    /// The gates are shut for good: users that Goose sends again are turned away.
    over: AtomicBool,
}

/// Drives users through the plan.
pub(super) async fn drive(
    ground: Ground,
    plan: &LoadPlan,
    order: &[usize],
    counts: &[u32],
    host: &Host,
    stop_timeout: Duration,
    stop: &mut watch::Receiver<bool>,
) -> Result<End, LoadError> {
    let shared = Arc::new(Shared { ground, over: AtomicBool::new(false) });
    let mut goose = launch(&shared, counts, host)?;
    let ended = match gathered(&shared.ground.control, &mut goose, stop).await {
        Ok(true) => follow(plan, order, &shared.ground, &mut goose, stop).await,
        Ok(false) => Ok(End::Interrupted),
        Err(error) => Err(error),
    };
    shared.ground.recorder.wanted(0.0);
    shared.over.store(true, Ordering::Release);
    goose::trigger_killswitch("the load is over");
    shared.ground.send_home(stop_timeout).await;
    // A task that has ended unasked was heard already, and must not be heard twice.
    if !goose.task.is_finished() {
        let _ = tokio::time::timeout(GOOSE_PATIENCE, &mut goose.task).await;
    }
    ended
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
    for (number, kind) in shared.ground.kinds.iter().enumerate().filter(|(number, _)| counts[*number] > 0) {
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
            match shared.ground.control.arrive(kind) {
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
    ground: &Ground,
    goose: &mut Running,
    stop: &mut watch::Receiver<bool>,
) -> Result<End, LoadError> {
    let (control, recorder) = (&ground.control, &ground.recorder);
    let mut level = Level { order, users: vec![0; ground.kinds.len()], total: 0 };
    let mut begun = VecDeque::new();
    recorder.begin();
    let start = Instant::now();
    let length = Duration::from_secs_f64(plan.duration_s());
    loop {
        let at = start.elapsed();
        if at >= length {
            return if control.starts().nobody_works() {
                Err(nobody_started(control, 0).unwrap_or_else(|| unanswered(control)))
            } else {
                Ok(End::Finished)
            };
        }
        let wanted = control.all_users().unwrap_or_else(|| plan.level_at(at.as_secs_f64()));
        level.set(wanted.ceil() as usize, control);
        recorder.wanted(f64::from(level.total as u32));

        let starts = control.starts();
        begun.push_back((at, starts.begun.load(Ordering::Acquire)));
        while begun.front().is_some_and(|(then, _)| *then + START_DUE < at) {
            begun.pop_front();
        }
        let due = begun.front().map_or(0, |(_, count)| *count);
        if at >= START_PATIENCE
            && let Some(error) = nobody_started(control, due)
        {
            return Err(error);
        }
        if let Some(error) = ground.journal_error(at) {
            return Err(error);
        }
        if control.stopped() {
            return Ok(End::Interrupted);
        }
        let follows = control.all_users().is_none();
        let moving = follows && (plan.level_at((at + HOLD_TICK).as_secs_f64()) - wanted).abs() > f64::EPSILON;
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
fn nobody_started(control: &LoadControl, due: u64) -> Option<LoadError> {
    let starts = control.starts();
    let begun = starts.begun.load(Ordering::Acquire);
    let stumbled = starts.stumbled.load(Ordering::Acquire);
    if starts.worked.load(Ordering::Acquire) > 0 || stumbled == 0 || stumbled < due.min(begun) {
        return None;
    }
    starts.last_failure().map(|failure| LoadError::NobodyStarted { users: begun, failure })
}

fn unasked(ended: Result<Result<(), String>, tokio::task::JoinError>) -> LoadError {
    LoadError::Setup(match ended {
        Ok(Ok(())) => "goose ended before it was told to".to_owned(),
        Ok(Err(error)) => error,
        Err(error) => format!("goose: {error}"),
    })
}

impl Shared {
    /// The life of one user: at the gate, at work, at the gate again, until the load is over.
    async fn live(&self, kind: usize, place: usize) {
        let slot = self.ground.control.slot(kind, place);
        let mut life = 0;
        while slot.wait(|command| command != Command::Hold).await == Command::Work {
            let _at_work = self.ground.control.at_work();
            self.ground.recorder.enter(State::AtWork, self.ground.recorder.now_us());
            let failed = self.work(kind, place, life, slot).await;
            self.ground.recorder.leave(State::AtWork, self.ground.recorder.now_us());
            life += 1;
            if failed {
                // It stays out until it is called back and called again.
                slot.wait(|command| command != Command::Work).await;
            }
        }
    }

    /// `true` where the user could not start.
    async fn work(&self, kind: usize, place: usize, life: u64, slot: &Slot) -> bool {
        let kind = &self.ground.kinds[kind];
        // A user that comes back is somebody else: other random choices, the same row of a feeder.
        let user = kind.user(kind.first_user + place as u64, self.ground.seed.wrapping_add(life));
        let mut actor = kind.actor(user, &self.ground.network, &self.ground.recorder);
        let starts = self.ground.control.starts();
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
                self.ground.recorder.failed_start();
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
