//! Open load: arrivals at a rate, whatever the host does, each served by a free session.
//!
//! The pacer gives every arrival, at the instant it is due, to a session of the [pool](super::pool); one that finds none free
//! waits, and its time runs all the same. Where so many tasks are to be kept under way in place of a rate, the end of one makes
//! the next due. Sessions are tasks that live as long as the load, each with its user's values and
//! connection.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::LoadError;
use super::act::Actor;
use super::arrivals::Schedule;
use super::control::{AtWork, start_order};
use super::drive::{Ground, told, unanswered};
use super::pacer::Pacer;
use super::pool::{Due, Met, Place, Pool, openings};
use super::slot::{Command, Slot};
use crate::record::{Arrival, Arrivals, End, LoadPlan, State};
use crate::stats::mixed;

/// How often the driver looks whether the load can go on.
const TICK: Duration = Duration::from_millis(100);
/// Sessions that have not started by then come while arrivals do.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// After a failed start no session is added for so long.
const START_PAUSE: Duration = Duration::from_millis(1500);
/// Tasks that follow each other may catch up with so much of the highest rate.
const CATCH_UP: Duration = Duration::from_millis(100);
/// What sessions get to begin with the last arrivals.
const HAND_OVER: Duration = Duration::from_secs(1);

/// An open load that runs.
struct Open {
    ground: Ground,
    pool: Pool,
    mailboxes: Box<[Mailbox]>,
    /// Arrivals given to sessions that have not begun with them.
    handed: AtomicUsize,
    /// Tasks under way that are followed by others.
    in_turn: AtomicU32,
    /// Sessions that could not start.
    failed_starts: AtomicU64,
}

/// Drives arrivals through the plan.
pub(super) async fn drive(
    ground: Ground,
    plan: &LoadPlan,
    process: Arrivals,
    sessions: u32,
    stop_timeout: Duration,
    stop: &mut watch::Receiver<bool>,
) -> Result<End, LoadError> {
    let pool = Pool::new(ground.kinds.len(), sessions, openings(plan.peak()));
    let mailboxes = (0..sessions).map(|_| Mailbox::default()).collect();
    let schedule = Schedule::new(plan, process, ground.seed);
    let failed_starts = AtomicU64::new(0);
    let open = Arc::new(Open {
        ground,
        pool,
        mailboxes,
        handed: AtomicUsize::new(0),
        in_turn: AtomicU32::new(0),
        failed_starts,
    });

    let patience = START_PATIENCE.max(Duration::from_secs_f64(plan.duration_s()));
    let first = first_sessions(open.ground.control.rate(), sessions);
    let ended = match open.start_first(first, patience, stop).await {
        Ok(true) => open.follow(plan, schedule, stop).await,
        Ok(false) => Ok(End::Interrupted),
        Err(error) => Err(error),
    };
    open.wind_up(stop_timeout).await;
    ended
}

/// How many sessions start before anybody arrives: a tenth of all, which the plan's peak may want. Where a rate was set before, the
/// peak is a bound that may never be reached: then only those that two seconds at that rate want; others log in as arrivals find none free.
fn first_sessions(set_rate: Option<f64>, sessions: u32) -> u32 {
    let tenth = sessions.div_ceil(10);
    set_rate.map_or(tenth, |rate| ((2.0 * rate).ceil() as u32).clamp(1, tenth.max(1)))
}

impl Open {
    /// Lets the first sessions of scenarios with an `on_start` start; none may take longer than `patience` where no other
    /// has. `false`: stopped before.
    async fn start_first(
        self: &Arc<Self>,
        first: u32,
        patience: Duration,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, LoadError> {
        let weights: Vec<u32> = self.ground.kinds.iter().map(|kind| kind.weight).collect();
        let order = start_order(&weights, first.max(weights.len() as u32));
        let mut left: Vec<usize> = order.into_iter().filter(|&kind| !self.starts_at_once(kind)).rev().collect();
        let starts = self.ground.control.starts();
        let began = Instant::now();
        let (mut asked, mut tick) = (0, tokio::time::interval(Duration::from_millis(1)));
        loop {
            // As long as nobody has started, a failure is not followed by more of the same.
            while (starts.worked.load(Ordering::Acquire) > 0 || self.failed_starts.load(Ordering::Acquire) == 0)
                && let Some(&kind) = left.last()
                && let Some(place) = self.pool.prepare(kind)
            {
                left.pop();
                asked += 1;
                self.spawn(kind, place, None);
            }
            let worked = starts.worked.load(Ordering::Acquire);
            let failed = self.failed_starts.load(Ordering::Acquire);
            if worked + failed == asked {
                if worked == 0 && asked > 0 {
                    let failure = starts.last_failure();
                    return failure
                        .map_or(Ok(false), |failure| Err(LoadError::NobodyStarted { users: asked, failure }));
                }
                if left.is_empty() {
                    return Ok(true);
                }
            }
            if worked > 0 && began.elapsed() >= START_PATIENCE {
                return Ok(true);
            }
            if worked == 0 && began.elapsed() >= patience {
                return Err(unanswered(&self.ground.control));
            }
            tokio::select! {
                _ = tick.tick() => {}
                () = told(stop) => return Ok(false),
            }
            if self.ground.control.stopped() {
                return Ok(false);
            }
        }
    }

    /// Lets arrivals come until the plan is over or the load cannot go on.
    async fn follow(
        self: &Arc<Self>,
        plan: &LoadPlan,
        schedule: Schedule,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<End, LoadError> {
        let (control, recorder) = (&self.ground.control, &self.ground.recorder);
        recorder.begin();
        let start = Instant::now();
        let end = start + Duration::from_secs_f64(plan.duration_s());
        let mut pacing = tokio::spawn(Arc::clone(self).pace(schedule, start, end, plan.peak()));
        let ended = loop {
            let at = start.elapsed();
            if let Some(error) = self.ground.journal_error(at) {
                break Err(error);
            }
            recorder.wanted(match control.turns() {
                0 => control.rate().unwrap_or_else(|| plan.level_at(at.as_secs_f64())),
                turns => f64::from(turns),
            });
            for kind in 0..self.ground.kinds.len() {
                self.grow(kind);
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                ended = &mut pacing => return match ended {
                    Ok(Err(error)) => Err(error),
                    Ok(Ok(())) if control.stopped() => Ok(End::Interrupted),
                    Ok(Ok(())) => Ok(End::Finished),
                    Err(error) => Err(LoadError::Setup(format!("the pacer: {error}"))),
                },
                () = told(stop) => break Ok(End::Interrupted),
            }
        };
        // Whoever counts what is left must know that nothing is added.
        pacing.abort();
        let _ = pacing.await;
        ended
    }

    /// Gives out every arrival when it is due; those that follow each other at most at the rate `peak`.
    async fn pace(
        self: Arc<Self>,
        mut schedule: Schedule,
        start: Instant,
        end: Instant,
        peak: f64,
    ) -> Result<(), LoadError> {
        let control = &self.ground.control;
        let mut random = fastrand::Rng::with_seed(mixed(self.ground.seed ^ 0x5eed_a881_7a15_0b5e));
        let total: u64 = self.ground.kinds.iter().map(|kind| u64::from(kind.weight)).sum();
        let mut pacer = Pacer::new();
        let mut held = None;
        let (apart, mut next_turn) = (Duration::from_secs_f64(1.0 / peak.max(1e-3)), start);
        while !control.stopped() {
            let now = Instant::now().min(end);
            let mut next = end;
            while let Some(at_s) = schedule.next_s() {
                let planned = start + Duration::from_secs_f64(at_s);
                if planned > now {
                    next = planned.min(end);
                    break;
                }
                self.draw_and_arrive(&mut random, total, (planned, false), start)?;
                schedule.advance();
            }
            while self.in_turn.load(Ordering::Acquire) < control.turns() && now < end {
                if next_turn > now {
                    next = next.min(next_turn);
                    break;
                }
                next_turn = next_turn.max(now.checked_sub(CATCH_UP).unwrap_or(now)) + apart;
                self.in_turn.fetch_add(1, Ordering::AcqRel);
                self.draw_and_arrive(&mut random, total, (Instant::now(), true), start)?;
            }
            if now == end {
                break;
            }
            // What was due before a rate was set has been given out by now.
            if control.rate() != held {
                held = control.rate();
                schedule.hold((now - start).as_secs_f64(), held.unwrap_or(0.0));
                continue;
            }
            let changed = |cx: &mut std::task::Context<'_>| match control.poll_changed(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => pacer.poll_until(cx, next),
            };
            std::future::poll_fn(changed).await;
        }
        Ok(())
    }

    /// An arrival of any scenario and task, by weight: when it is planned, and whether another follows when it has ended.
    fn draw_and_arrive(
        self: &Arc<Self>,
        random: &mut fastrand::Rng,
        weights: u64,
        (planned, in_turn): (Instant, bool),
        start: Instant,
    ) -> Result<(), LoadError> {
        let kind = self.draw(random.u64(..weights.max(1)));
        let task = self.ground.kinds[kind].scenario.draw_task(random);
        self.arrive(kind, Due { planned, given: Instant::now(), task, in_turn }, start)
    }

    /// The scenario that a number below the sum of weights stands for.
    fn draw(&self, mut drawn: u64) -> usize {
        for (kind, weight) in self.ground.kinds.iter().map(|kind| u64::from(kind.weight)).enumerate() {
            if drawn < weight {
                return kind;
            }
            drawn -= weight;
        }
        0
    }

    fn arrive(self: &Arc<Self>, kind: usize, due: Due, start: Instant) -> Result<(), LoadError> {
        let recorder = &self.ground.recorder;
        recorder.arrival(Arrival::Planned, recorder.at_us(due.planned));
        match self.pool.meet(kind, due, self.starts_at_once(kind)) {
            Met::Free(place) => {
                self.handed.fetch_add(1, Ordering::AcqRel);
                self.mailboxes[place as usize].put(due);
                self.ground.control.session(place).nudge();
            }
            Met::New(place) => {
                self.handed.fetch_add(1, Ordering::AcqRel);
                self.spawn(kind, place, Some(due));
            }
            Met::Queue => self.grow(kind),
            Met::TooMany => return Err(LoadError::FarBehind { after_s: start.elapsed().as_secs_f64() }),
        }
        Ok(())
    }

    /// After the last arrival: sends the sessions home, and counts the arrivals that nobody begins any more.
    async fn wind_up(&self, stop_timeout: Duration) {
        self.ground.recorder.wanted(0.0);
        self.unsent(self.pool.give_up());
        let last = Instant::now() + HAND_OVER;
        while self.handed.load(Ordering::Acquire) > 0 && Instant::now() < last && !self.ground.control.stopped() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.ground.send_home(stop_timeout).await;
        // Those given to a session that had just been told to leave.
        self.unsent(self.mailboxes.iter().filter_map(Mailbox::take).count() as u64);
    }

    /// So many arrivals are never begun.
    fn unsent(&self, count: u64) {
        let recorder = &self.ground.recorder;
        let now_us = recorder.now_us();
        for _ in 0..count {
            recorder.arrival(Arrival::Unsent, now_us);
        }
    }

    /// Adds the sessions that waiting arrivals want, as far as they may be added.
    fn grow(self: &Arc<Self>, kind: usize) {
        while !self.ground.control.stopped()
            && let Some(place) = self.pool.grow(kind, Instant::now())
        {
            self.spawn(kind, place, None);
        }
    }

    fn starts_at_once(&self, kind: usize) -> bool {
        self.ground.kinds[kind].scenario.on_start.is_empty()
    }

    fn spawn(self: &Arc<Self>, kind: usize, place: Place, first: Option<Due>) {
        let at_work = self.ground.control.at_work();
        tokio::spawn(Arc::clone(self).live(kind, place, first, at_work));
    }

    /// The life of a session. One that has an arrival to begin with was not announced as coming.
    async fn live(self: Arc<Self>, kind: usize, place: Place, first: Option<Due>, _at_work: AtWork) {
        let Place { at: place, number, leave } = place;
        let (ground, slot) = (&self.ground, self.ground.control.session(place));
        slot.tell(Command::Work);
        let share = &ground.kinds[kind];
        let user = share.user(share.first_user + number, ground.seed);
        let mut actor = share.actor(user, &ground.network, &ground.recorder);
        if self.starts_at_once(kind) {
            actor.opening(Some(leave));
        } else {
            let starts = ground.control.starts();
            starts.begun.fetch_add(1, Ordering::AcqRel);
            ground.recorder.enter(State::AtWork, ground.recorder.now_us());
            let started = actor.start(slot, starts).await;
            ground.recorder.leave(State::AtWork, ground.recorder.now_us());
            match started {
                Ok(true) => {
                    starts.worked.fetch_add(1, Ordering::AcqRel);
                    drop(leave);
                }
                Ok(false) => return,
                Err(failure) => {
                    // Told before the leave is given back: the next in line would otherwise fail as well.
                    starts.failed(actor.masked(failure));
                    ground.recorder.failed_start();
                    self.failed_starts.fetch_add(1, Ordering::AcqRel);
                    self.pool.stayed_away(kind, place, Instant::now() + START_PAUSE);
                    return;
                }
            }
        }
        if first.is_none() {
            self.pool.came(kind);
        }
        let (mut first, mut ended_turn) = (first, false);
        loop {
            let waiting = if first.is_some() { None } else { self.pool.next(kind, place) };
            if std::mem::take(&mut ended_turn) {
                // Not before this session is free: the next would be given to one more.
                self.in_turn.fetch_sub(1, Ordering::AcqRel);
                ground.control.tell_pacer();
            }
            let (due, late) = if let Some(due) = first.take() {
                (due, false)
            } else if let Some(due) = waiting {
                (due, true)
            } else {
                // One that found no arrival left opens nothing: others can.
                actor.opening(None);
                let Some(due) = self.mailboxes[place as usize].wait(slot).await else { break };
                (due, false)
            };
            if !late {
                self.handed.fetch_sub(1, Ordering::AcqRel);
            }
            if !self.serve(&mut actor, due, late, slot).await {
                break;
            }
            ended_turn = due.in_turn;
        }
        actor.leave(slot).await;
    }

    /// Serves an arrival. `false` where the session was told to go.
    async fn serve(&self, actor: &mut Actor, due: Due, late: bool, slot: &Slot) -> bool {
        let recorder = &self.ground.recorder;
        let now = Instant::now();
        if slot.command() != Command::Work {
            recorder.arrival(Arrival::Unsent, recorder.at_us(now));
            return false;
        }
        recorder.arrival(if late { Arrival::StartedLate } else { Arrival::Started }, recorder.at_us(now));
        recorder.enter(State::AtWork, recorder.at_us(now));
        // One that waited could not be sent meanwhile; what the pacer was late with before is the generator's doing.
        let sendable = if late { due.planned + (now - due.given) } else { due.planned };
        let done = actor.serve(due.task, due.planned, sendable, slot).await;
        recorder.leave(State::AtWork, recorder.now_us());
        done
    }
}

/// Where a free session finds its next arrival.
#[derive(Debug, Default)]
struct Mailbox(Mutex<Option<Due>>);

impl Mailbox {
    fn put(&self, due: Due) {
        *self.lock() = Some(due);
    }

    fn take(&self) -> Option<Due> {
        self.lock().take()
    }

    /// Waits for an arrival; `None` where the session is told to go and there is none.
    async fn wait(&self, slot: &Slot) -> Option<Due> {
        std::future::poll_fn(|cx| {
            // Whoever puts something in looks for a waker afterwards: it is registered before the last look.
            let told = slot.poll_until(cx, |command| command != Command::Work).is_ready();
            match self.take() {
                None if !told => Poll::Pending,
                due => Poll::Ready(due),
            }
        })
        .await
    }

    /// A lock that is held for a move alone is never poisoned.
    fn lock(&self) -> MutexGuard<'_, Option<Due>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
