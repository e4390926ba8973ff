//! The handle on a running load: stages drive it, and so can whatever else changes its mind.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::StartFailure;
use super::slot::{Command, Slot};

/// The users of one scenario, all launched, those below `wanted` at work.
#[derive(Debug)]
struct Gate {
    slots: Vec<Slot>,
    arrived: AtomicUsize,
    wanted: AtomicU32,
}

/// A handle on a running load. Cheap to clone; every clone is the same load.
#[derive(Debug, Clone)]
pub struct LoadControl(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Closed load.
    gates: Vec<Gate>,
    /// Open load: its sessions.
    sessions: Box<[Slot]>,
    /// Open load: the rate that was set; NaN as long as the plan's holds.
    rate: AtomicU64,
    /// Open load: so many tasks are kept under way, whatever the rate; 0 where arrivals come at a rate.
    turns: AtomicU32,
    /// Closed load: how many users in all were set; NaN as long as the plan's number holds.
    level: AtomicU64,
    /// Something was set that the pacer has not seen.
    changed: AtomicBool,
    pacer: AtomicWaker,
    stopped: AtomicBool,
    at_work: AtomicUsize,
    nobody_at_work: Notify,
    starts: Starts,
}

/// How the users' starts went.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// Users let through the gate.
    pub(super) begun: AtomicU64,
    /// Users that started.
    pub(super) worked: AtomicU64,
    /// Users of whom at least one try has failed.
    pub(super) stumbled: AtomicU64,
    last_failure: Mutex<Option<StartFailure>>,
}

impl Starts {
    /// Whether users were let through and not one of them has started.
    pub(super) fn nobody_works(&self) -> bool {
        self.begun.load(Ordering::Acquire) > 0 && self.worked.load(Ordering::Acquire) == 0
    }

    pub(super) fn failed(&self, failure: StartFailure) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub(super) fn last_failure(&self) -> Option<StartFailure> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LoadControl {
    /// Of a closed load: a gate for each scenario with room for so many users.
    pub(super) fn of_users(users: &[u32]) -> Self {
        Self::new(users, 0)
    }

    /// Of an open load with so many sessions at most.
    pub(super) fn of_sessions(most: u32) -> Self {
        Self::new(&[], most)
    }

    fn new(users: &[u32], sessions: u32) -> Self {
        let gate = |&users: &u32| Gate {
            slots: (0..users).map(|_| Slot::new()).collect(),
            arrived: AtomicUsize::new(0),
            wanted: AtomicU32::new(0),
        };
        Self(Arc::new(Inner {
            gates: users.iter().map(gate).collect(),
            sessions: (0..sessions).map(|_| Slot::new()).collect(),
            rate: AtomicU64::new(f64::NAN.to_bits()),
            turns: AtomicU32::new(0),
            level: AtomicU64::new(f64::NAN.to_bits()),
            changed: AtomicBool::new(false),
            pacer: AtomicWaker::new(),
            stopped: AtomicBool::new(false),
            at_work: AtomicUsize::new(0),
            nobody_at_work: Notify::new(),
            starts: Starts::default(),
        }))
    }

    /// Of an open load: from now on so many arrivals a second, whatever the plan says; its end stays. The number of sessions
    /// stays as well, so a rate above the plan's peak may want a larger `max_users`. Anything but a number from 0 on, and a
    /// closed load, changes nothing.
    pub fn set_rate(&self, arrivals_per_s: f64) {
        if arrivals_per_s.is_finite() && arrivals_per_s >= 0.0 && !self.0.sessions.is_empty() {
            self.0.turns.store(0, Ordering::Release);
            self.0.rate.store(arrivals_per_s.to_bits(), Ordering::Release);
            self.tell_pacer();
        }
    }

    /// Of an open load: from now on nobody arrives by the clock; so many tasks are kept under way, each followed by another as
    /// soon as it ends, though never more than the plan's peak a second. At most as many as there are sessions;
    /// [`LoadControl::set_rate`] ends it. A closed load changes nothing.
    pub fn set_turns(&self, tasks: u32) {
        let tasks = tasks.min(self.most_sessions());
        if tasks > 0 {
            self.0.rate.store(0.0_f64.to_bits(), Ordering::Release);
            self.0.turns.store(tasks, Ordering::Release);
            self.tell_pacer();
        }
    }

    /// How many tasks are kept under way; 0 where arrivals come at a rate.
    pub fn turns(&self) -> u32 {
        self.0.turns.load(Ordering::Acquire)
    }

    /// Of an open load: the most sessions; 0 of a closed one.
    pub fn most_sessions(&self) -> u32 {
        self.0.sessions.len() as u32
    }

    /// The arrivals a second that were set; `None` as long as the plan says how many there are.
    pub fn rate(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.rate.load(Ordering::Acquire))).filter(|rate| !rate.is_nan())
    }

    /// Of a closed load: from now on so many users in all, shared by weight, whatever the plan says; its end stays. At most as many
    /// as the load was prepared for: the plan's peak. An open load changes nothing.
    pub fn set_all_users(&self, users: u32) {
        self.0.level.store(f64::from(users).to_bits(), Ordering::Release);
    }

    /// The users in all that were set; `None` as long as the plan says how many there are.
    pub fn all_users(&self) -> Option<f64> {
        Some(f64::from_bits(self.0.level.load(Ordering::Acquire))).filter(|users| !users.is_nan())
    }

    /// Has the pacer look at what it is to do.
    pub(super) fn tell_pacer(&self) {
        self.0.changed.store(true, Ordering::Release);
        self.0.pacer.wake();
    }

    /// Ready once something was set, or the load was stopped, that the pacer has not seen.
    pub(super) fn poll_changed(&self, cx: &Context<'_>) -> Poll<()> {
        // Registering costs more than looking, but whoever looks first may sleep through a change.
        self.0.pacer.register(cx.waker());
        if self.0.changed.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Lets so many users of a scenario work, from now on; at most as many as the load was prepared for. Users above that
    /// number finish their request, run `on_stop`, and wait at the gate again. An open load has no gates: nothing changes.
    pub fn set_users(&self, scenario: usize, users: u32) {
        let Some(gate) = self.0.gates.get(scenario) else { return };
        let users = users.min(gate.slots.len() as u32);
        let before = gate.wanted.swap(users, Ordering::AcqRel);
        for slot in &gate.slots[before.min(users) as usize..before.max(users) as usize] {
            slot.tell(if users > before { Command::Work } else { Command::Hold });
        }
    }

    /// How many users of a scenario are let through.
    pub fn users(&self, scenario: usize) -> u32 {
        self.0.gates.get(scenario).map_or(0, |gate| gate.wanted.load(Ordering::Acquire))
    }

    /// Ends the load: requests in flight are finished, `on_stop` is run, nobody starts any more.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.tell_pacer();
        self.tell_all(Command::Leave);
    }

    /// Whether the load was stopped.
    pub(super) fn stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Drops what is still in flight.
    pub(super) fn cut(&self) {
        self.tell_all(Command::Cut);
    }

    fn tell_all(&self, command: Command) {
        for slot in self.0.gates.iter().flat_map(|gate| &gate.slots).chain(&self.0.sessions) {
            slot.tell(command);
        }
    }

    pub(super) fn starts(&self) -> &Starts {
        &self.0.starts
    }

    /// A user arrives at its scenario's gate: its place, where there is one left.
    pub(super) fn arrive(&self, scenario: usize) -> Option<usize> {
        let gate = self.0.gates.get(scenario)?;
        let place = gate.arrived.fetch_add(1, Ordering::AcqRel);
        (place < gate.slots.len()).then_some(place)
    }

    /// Users that have not arrived yet.
    pub(super) fn missing(&self) -> usize {
        let missing = |gate: &Gate| gate.slots.len().saturating_sub(gate.arrived.load(Ordering::Acquire));
        self.0.gates.iter().map(missing).sum()
    }

    pub(super) fn slot(&self, scenario: usize, place: usize) -> &Slot {
        &self.0.gates[scenario].slots[place]
    }

    /// An open load's session.
    pub(super) fn session(&self, place: u32) -> &Slot {
        &self.0.sessions[place as usize]
    }

    /// Counts a user as at work until the guard is dropped.
    pub(super) fn at_work(&self) -> AtWork {
        self.0.at_work.fetch_add(1, Ordering::AcqRel);
        AtWork(self.clone())
    }

    /// Waits until nobody is at work.
    pub(super) async fn all_gone(&self) {
        loop {
            let gone = self.0.nobody_at_work.notified();
            if self.0.at_work.load(Ordering::Acquire) == 0 {
                return;
            }
            gone.await;
        }
    }
}

/// A user at work.
pub(super) struct AtWork(LoadControl);

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.0.0.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.nobody_at_work.notify_waiters();
        }
    }
}

/// The scenario of each user, in the order in which users start: after any number of them every scenario has as near its
/// weight's share as whole users allow, and before it those named first.
pub(super) fn start_order(weights: &[u32], users: u32) -> Vec<usize> {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let mut given = vec![0.0; weights.len()];
    (1..=users)
        .map(|n| {
            let behind = |scenario: usize| f64::from(weights[scenario]) / total * f64::from(n) - given[scenario];
            let next = (0..weights.len())
                .reduce(|best, other| if behind(other) > behind(best) + 1e-9 { other } else { best })
                .unwrap_or(0);
            given[next] += 1.0;
            next
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_shared_by_weight_at_every_moment() {
        let order = start_order(&[3, 1], 8);
        assert_eq!(order, [0, 0, 1, 0, 0, 0, 1, 0]);
        let many = start_order(&[5, 3, 2], 1000);
        let count = |kind| many.iter().filter(|&&k| k == kind).count();
        assert_eq!((count(0), count(1), count(2)), (500, 300, 200));
    }

    #[test]
    fn only_the_users_wanted_are_let_through() {
        let control = LoadControl::of_users(&[3, 2]);
        control.set_users(0, 2);
        control.set_users(1, 9);
        let command = |scenario, place| control.slot(scenario, place).command();
        assert_eq!([command(0, 0), command(0, 1), command(0, 2)], [Command::Work, Command::Work, Command::Hold]);
        assert_eq!((control.users(0), control.users(1)), (2, 2));
        control.set_users(0, 1);
        assert_eq!([command(0, 0), command(0, 1)], [Command::Work, Command::Hold]);
        control.stop();
        assert_eq!([command(0, 0), command(0, 2), command(1, 1)], [Command::Leave; 3]);
    }

    #[test]
    fn every_launched_user_gets_a_place_of_its_own_and_no_more_than_there_are() {
        let control = LoadControl::of_users(&[2]);
        assert_eq!(control.missing(), 2);
        assert_eq!([control.arrive(0), control.arrive(0), control.arrive(0)], [Some(0), Some(1), None]);
        assert_eq!(control.missing(), 0);
        assert_eq!(control.arrive(7), None);
    }

    #[test]
    fn a_rate_is_set_on_an_open_load_alone_and_users_on_a_closed_one_alone() {
        let open = LoadControl::of_sessions(2);
        assert_eq!(open.rate(), None);
        for nonsense in [-1.0, f64::NAN, f64::INFINITY] {
            open.set_rate(nonsense);
            assert_eq!(open.rate(), None);
        }
        open.set_rate(12.5);
        open.set_users(0, 7);
        assert_eq!((open.rate(), open.users(0)), (Some(12.5), 0));
        assert_eq!(open.session(0).command(), Command::Hold, "a session hears nothing of it");
        let cx = Context::from_waker(std::task::Waker::noop());
        assert!(open.poll_changed(&cx).is_ready() && open.poll_changed(&cx).is_pending());

        open.set_turns(7);
        assert_eq!((open.turns(), open.rate(), open.most_sessions()), (2, Some(0.0), 2), "no more than there are");
        open.set_rate(3.0);
        assert_eq!((open.turns(), open.rate()), (0, Some(3.0)));

        let closed = LoadControl::of_users(&[3]);
        closed.set_turns(2);
        assert_eq!((closed.turns(), closed.most_sessions()), (0, 0));
        assert_eq!(closed.all_users(), None);
        closed.set_all_users(2);
        assert_eq!(closed.all_users(), Some(2.0));
        closed.set_rate(5.0);
        assert_eq!((closed.rate(), closed.users(0)), (None, 0));
    }

    #[tokio::test]
    async fn the_last_user_to_go_home_ends_the_wait() {
        let control = LoadControl::of_users(&[2]);
        let (one, two) = (control.at_work(), control.at_work());
        let waiting = tokio::spawn({
            let control = control.clone();
            async move { control.all_gone().await }
        });
        drop(one);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(two);
        waiting.await.unwrap();
    }
}
