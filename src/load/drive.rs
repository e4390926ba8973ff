//! What is driven, and what both drivers begin and end with: the set-up before the load, the way home after it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::act::{Actor, StartFailure};
use super::client::{Connections, Network};
use super::control::{LoadControl, start_order};
use super::host::{AllowedHosts, Host};
use super::slot::{Command, Slot};
use super::{LoadError, closed, open};
use crate::record::{Arrivals, End, EndpointName, LoadModel, LoadPlan, Recorder};
use crate::scenario::{Feeds, Scenario, User};

/// What those who were cut off get to notice it.
const CUT_PATIENCE: Duration = Duration::from_secs(5);

/// What to drive.
pub struct Load {
    /// Scenarios with their share of the users or arrivals.
    pub scenarios: Vec<(Arc<Scenario>, u32)>,
    /// Users or arrivals a second over time.
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

/// The endpoints that the recorder of a load must know: those of its scenarios, one after the other.
pub fn endpoints<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> Vec<EndpointName> {
    let of = |scenario: &'a Scenario| {
        scenario.endpoints.iter().map(|endpoint| EndpointName {
            name: endpoint.name.clone(),
            scenario: scenario.name.clone(),
            tags: endpoint.tags.clone(),
        })
    };
    scenarios.into_iter().flat_map(of).collect()
}

impl Load {
    /// The handle on this load, to be handed to [`drive`].
    pub fn control(&self) -> LoadControl {
        match self.plan.model {
            LoadModel::Closed => LoadControl::of_users(&self.users(&self.start_order())),
            LoadModel::Open => LoadControl::of_sessions(self.sessions()),
        }
    }

    /// The most sessions of an open load: at least one for each scenario.
    fn sessions(&self) -> u32 {
        self.max_users.max(self.scenarios.len() as u32)
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
pub(super) struct Kind {
    pub(super) scenario: Arc<Scenario>,
    pub(super) weight: u32,
    feeds: Arc<Feeds>,
    first_endpoint: u32,
    /// Numbers of users are unique in a run.
    pub(super) first_user: u64,
    after_setup: Option<User>,
}

/// What every user of a load shares.
pub(super) struct Ground {
    pub(super) kinds: Vec<Kind>,
    pub(super) control: LoadControl,
    pub(super) network: Arc<Network>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) seed: u64,
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
    let sessions = load.sessions();
    let Load { scenarios, plan, host, allowed, connections, arrivals, max_users: _, seed, stop_timeout } = load;
    let network = Arc::new(Network::new(host.clone(), allowed, connections)?);

    let mut kinds: Vec<Kind> = Vec::new();
    let (mut first_endpoint, mut first_user) = (0, 0);
    for ((scenario, weight), users) in scenarios.into_iter().zip(&counts) {
        let endpoints = scenario.endpoints.len() as u32;
        let mut kind = Kind::new(scenario, weight, first_endpoint, first_user);
        if !kind.scenario.setup.is_empty() {
            let user = kind.user(first_user, seed);
            let mut actor = kind.actor(user, &network, &recorder);
            kind.after_setup =
                Some(set_up(&mut actor, &kind.scenario.name, &mut stop).await.map(|()| actor.into_user())?);
        }
        kinds.push(kind);
        first_endpoint += endpoints;
        first_user += match plan.model {
            LoadModel::Closed => u64::from(*users),
            // Sessions that could not start are followed by others: how many there will be is not known.
            LoadModel::Open => 1 << 40,
        };
    }
    let ground = Ground { kinds, control, network, recorder, seed };
    match plan.model {
        LoadModel::Closed => closed::drive(ground, &plan, &order, &counts, &host, stop_timeout, &mut stop).await,
        LoadModel::Open => open::drive(ground, &plan, arrivals, sessions, stop_timeout, &mut stop).await,
    }
}

impl Ground {
    /// Ends the load and waits for all to go: within the stop timeout by themselves, then cut off.
    pub(super) async fn send_home(&self, stop_timeout: Duration) {
        self.control.stop();
        if tokio::time::timeout(stop_timeout, self.control.all_gone()).await.is_err() {
            self.control.cut();
            let _ = tokio::time::timeout(CUT_PATIENCE, self.control.all_gone()).await;
        }
    }

    /// The error where the journal can no longer be written.
    pub(super) fn journal_error(&self, after: Duration) -> Option<LoadError> {
        let problem = self.recorder.snapshots().borrow().journal_error.clone()?;
        Some(LoadError::Journal { after_s: after.as_secs_f64(), problem })
    }
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

/// Ready once the load is told to stop.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The error where all users are still waiting for an answer to their start.
pub(super) fn unanswered(control: &LoadControl) -> LoadError {
    let users = control.starts().begun.load(Ordering::Acquire);
    let failure = StartFailure {
        endpoint: "on_start".to_owned(),
        problem: "no answer by the end of the run".to_owned(),
        answer: String::new(),
        status: 0,
    };
    LoadError::NobodyStarted { users, failure }
}

impl Kind {
    /// One without a set-up, or with one that is still to be done.
    pub(super) fn new(scenario: Arc<Scenario>, weight: u32, first_endpoint: u32, first_user: u64) -> Self {
        let feeds = Arc::new(Feeds::new(&scenario));
        Self { scenario, weight, feeds, first_endpoint, first_user, after_setup: None }
    }

    pub(super) fn user(&self, number: u64, seed: u64) -> User {
        User::new(Arc::clone(&self.scenario), Arc::clone(&self.feeds), number, seed, self.after_setup.as_ref())
    }

    pub(super) fn actor(&self, user: User, network: &Arc<Network>, recorder: &Arc<Recorder>) -> Actor {
        Actor::new(Arc::clone(&self.scenario), self.first_endpoint, user, Arc::clone(network), Arc::clone(recorder))
    }
}
