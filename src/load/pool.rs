//! The sessions of an open load: who is free, which arrivals wait, and when another session may be added.
//!
//! **The session that became free last serves next**: there are as many connections as there are requests at one time, and
//! those that a burst has added stay idle after it. In turn, each would be used ever more rarely, until the host's keep-alive
//! closed it before every use.
//!
//! **Connections are opened a few at a time.** After a moment in which nothing could be sent, by the host's doing or the
//! machine's, all due arrivals together would open connections, and the handshakes (and the sockets that they leave behind)
//! would be what is measured from then on. So a session is added only with leave to open its connection, and there are
//! [`openings`] of these. Arrivals wait meanwhile, and are served by whichever session is free first, old or new.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most arrivals that may wait. Each takes some 40 bytes, so that many are far from the end of the memory; but nobody
/// learns anything from a host that is so far behind.
pub(super) const MOST_WAITING: usize = 1_000_000;

/// An arrival: when it is due and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) planned: Instant,
    /// When the pacer got round to it: from `planned` to then the generator was late.
    pub(super) given: Instant,
    /// Of its scenario's tasks.
    pub(super) task: usize,
    /// Another follows when it has ended.
    pub(super) in_turn: bool,
}

/// How many connections may be in the making at one time: 50 ms of arrivals at the peak rate, so that a network on which a
/// handshake takes less than that never holds up a pool that grows by one session with every arrival; never fewer than 16, and
/// never more than 256, which the queues of listening sockets hold.
pub(super) fn openings(peak_rate: f64) -> usize {
    (peak_rate / 20.0).clamp(16.0, 256.0) as usize
}

/// A place in the pool for a session that is to be added.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) at: u32,
    /// How many sessions of its scenario were added before it.
    pub(super) number: u64,
    /// To open its connection.
    pub(super) leave: OwnedSemaphorePermit,
}

/// What an arrival meets.
#[derive(Debug)]
pub(super) enum Met {
    /// A free session: its place.
    Free(u32),
    /// None is free, but one can be added that needs no start.
    New(Place),
    /// It waits.
    Queue,
    /// It waits, and is one more than may.
    TooMany,
}

/// The sessions of all scenarios.
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<State>,
    leaves: Arc<Semaphore>,
    most: u32,
}

#[derive(Debug)]
struct State {
    crews: Vec<Crew>,
    /// Places that were never taken begin here.
    untouched: u32,
    /// Places of sessions that are gone.
    vacant: Vec<u32>,
    /// After a failed start nothing is added until then.
    pause_until: Option<Instant>,
}

/// The sessions of one scenario.
#[derive(Debug, Default)]
struct Crew {
    free: Vec<u32>,
    waiting: VecDeque<Due>,
    /// Sessions added and not yet ready.
    coming: usize,
    sessions: u32,
    added: u64,
}

impl Pool {
    /// At most so many sessions, of so many scenarios.
    pub(super) fn new(scenarios: usize, most: u32, openings: usize) -> Self {
        let state = State {
            crews: std::iter::repeat_with(Crew::default).take(scenarios).collect(),
            untouched: 0,
            vacant: Vec::new(),
            pause_until: None,
        };
        Self { state: Mutex::new(state), leaves: Arc::new(Semaphore::new(openings)), most }
    }

    /// Where an arrival goes. `at_once`: a session of this scenario has nothing to do before its first task.
    pub(super) fn meet(&self, scenario: usize, due: Due, at_once: bool) -> Met {
        let mut state = self.lock();
        if let Some(place) = state.crews[scenario].free.pop() {
            return Met::Free(place);
        }
        if at_once && let Some(place) = self.add(&mut state, scenario) {
            return Met::New(place);
        }
        state.crews[scenario].waiting.push_back(due);
        let waiting: usize = state.crews.iter().map(|crew| crew.waiting.len()).sum();
        if waiting > MOST_WAITING { Met::TooMany } else { Met::Queue }
    }

    /// The place for one more session, where one is wanted by arrivals that wait, and may be added.
    pub(super) fn grow(&self, scenario: usize, now: Instant) -> Option<Place> {
        let mut state = self.lock();
        let crew = &state.crews[scenario];
        if crew.waiting.len() <= crew.coming || state.pause_until.is_some_and(|until| now < until) {
            return None;
        }
        self.come(&mut state, scenario)
    }

    /// The place for one more session that has to start, wanted or not.
    pub(super) fn prepare(&self, scenario: usize) -> Option<Place> {
        self.come(&mut self.lock(), scenario)
    }

    fn come(&self, state: &mut State, scenario: usize) -> Option<Place> {
        let place = self.add(state, scenario)?;
        state.crews[scenario].coming += 1;
        Some(place)
    }

    fn add(&self, state: &mut State, scenario: usize) -> Option<Place> {
        // Every scenario gets at least one.
        let kept =
            state.crews.iter().enumerate().filter(|(other, crew)| *other != scenario && crew.sessions == 0).count();
        if state.crews.iter().map(|crew| crew.sessions).sum::<u32>() + kept as u32 >= self.most {
            return None;
        }
        let leave = Arc::clone(&self.leaves).try_acquire_owned().ok()?;
        let place = state.vacant.pop().unwrap_or_else(|| {
            state.untouched += 1;
            state.untouched - 1
        });
        let crew = &mut state.crews[scenario];
        crew.sessions += 1;
        crew.added += 1;
        Some(Place { at: place, number: crew.added - 1, leave })
    }

    /// A session that was coming is ready.
    pub(super) fn came(&self, scenario: usize) {
        self.lock().crews[scenario].coming -= 1;
    }

    /// A session that was coming could not start: its place is free again, and nothing is added for a while.
    pub(super) fn stayed_away(&self, scenario: usize, place: u32, pause_until: Instant) {
        let mut state = self.lock();
        state.crews[scenario].coming -= 1;
        state.crews[scenario].sessions -= 1;
        state.vacant.push(place);
        state.pause_until = Some(pause_until);
    }

    /// The arrival that has waited longest; without any the session is free from now on.
    pub(super) fn next(&self, scenario: usize, place: u32) -> Option<Due> {
        let mut state = self.lock();
        let crew = &mut state.crews[scenario];
        let due = crew.waiting.pop_front();
        if due.is_none() {
            crew.free.push(place);
        }
        due
    }

    /// Sends all home who wait; how many.
    pub(super) fn give_up(&self) -> u64 {
        let mut state = self.lock();
        state.crews.iter_mut().map(|crew| std::mem::take(&mut crew.waiting).len() as u64).sum()
    }

    /// A thread that panics between two changes is the end of its session, not of the pool.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn due(task: usize) -> Due {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        Due { planned: *START, given: *START, task, in_turn: false }
    }

    fn new(met: Met) -> Place {
        match met {
            Met::New(place) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_session_that_was_used_last_is_used_next() {
        let pool = Pool::new(1, 10, 16);
        let (one, two) = (new(pool.meet(0, due(1), true)), new(pool.meet(0, due(2), true)));
        assert_eq!((one.at, two.at, two.number), (0, 1, 1));
        assert_eq!((pool.next(0, two.at), pool.next(0, one.at)), (None, None));
        for _ in 0..3 {
            assert!(matches!(pool.meet(0, due(3), true), Met::Free(0)));
            assert_eq!(pool.next(0, 0), None);
        }
    }

    #[test]
    fn arrivals_that_find_nobody_wait_in_order() {
        let pool = Pool::new(1, 1, 16);
        let only = new(pool.meet(0, due(1), true));
        assert!(matches!(pool.meet(0, due(2), true), Met::Queue));
        assert!(matches!(pool.meet(0, due(3), true), Met::Queue));
        assert!(pool.grow(0, Instant::now()).is_none(), "the pool is full");
        assert_eq!(pool.next(0, only.at), Some(due(2)));
        assert_eq!(pool.give_up(), 1);
        assert_eq!(pool.next(0, only.at), None);
    }

    #[test]
    fn a_million_arrivals_may_wait_in_all_scenarios_together_and_no_more() {
        let pool = Pool::new(2, 2, 16);
        for scenario in [0, 1] {
            new(pool.meet(scenario, due(0), true));
        }
        for n in 0..1_000_000 {
            assert!(matches!(pool.meet(n % 2, due(n), true), Met::Queue), "{n}");
        }
        assert!(matches!(pool.meet(0, due(1_000_000), true), Met::TooMany));
        assert_eq!(pool.give_up(), 1_000_001, "it is counted with those that waited in vain");
    }

    #[test]
    fn no_more_connections_are_in_the_making_than_there_is_leave_for() {
        let pool = Pool::new(1, 100, 2);
        let mut coming = vec![new(pool.meet(0, due(1), true)), new(pool.meet(0, due(2), true))];
        assert!(matches!(pool.meet(0, due(3), true), Met::Queue));
        assert!(pool.grow(0, Instant::now()).is_none());
        drop(coming.pop().map(|place| place.leave));
        assert!(pool.grow(0, Instant::now()).is_some());
        assert!(pool.grow(0, Instant::now()).is_none(), "who waits has a session that is coming");
    }

    #[test]
    fn every_scenario_can_have_a_session() {
        let pool = Pool::new(3, 4, 16);
        let first = [new(pool.meet(0, due(1), true)), new(pool.meet(0, due(2), true))];
        assert_eq!(first.map(|place| place.at), [0, 1]);
        assert!(matches!(pool.meet(0, due(3), true), Met::Queue), "two places are kept for the others");
        assert_eq!([1, 2].map(|scenario| new(pool.meet(scenario, due(4), true)).at), [2, 3]);
    }

    #[test]
    fn after_a_failed_start_nothing_is_added_for_a_while() {
        let pool = Pool::new(1, 10, 16);
        let now = Instant::now();
        assert!(matches!(pool.meet(0, due(1), false), Met::Queue));
        let place = pool.grow(0, now).unwrap();
        pool.stayed_away(0, place.at, now + Duration::from_secs(1));
        assert!(pool.grow(0, now).is_none());
        let again = pool.grow(0, now + Duration::from_secs(1)).unwrap();
        assert_eq!((again.at, again.number), (0, 1), "the place of another user");
        pool.came(0);
        assert_eq!(pool.next(0, again.at), Some(due(1)));
    }

    #[test]
    fn handshakes_at_one_time_follow_the_rate_within_limits() {
        assert_eq!([1.0, 320.0, 2000.0, 10_000.0].map(openings), [16, 16, 100, 256]);
    }
}
