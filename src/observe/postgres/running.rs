//! Totals that must not mislead: sums from which entries can vanish, counts that lag behind, and how often to add up.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use tokio_postgres::SimpleQueryRow;

use super::about::About;
use super::quick;
use super::statements::{Dropped, Entries};
use crate::observe::Look;

/// Of one CPU: what adding up all statements may take.
const SHARE_OF_A_CPU: f64 = 0.005;
/// How many times of adding up are kept.
const MEASURED: usize = 5;
/// Every how many looks it may be done, so that what is said of it does not change all the time.
const PACES: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// By how much commits may lie back: the server tells a session's own up to a second later, some of the probe's are
/// subtracted before it knows of them.
const COMMITS_LATE: f64 = 10.0;

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// Since when the server counts: another moment after a reset or a crash.
    since: Option<String>,
    dropped: Option<Dropped>,
    entries: Option<Entries>,
    /// By how much less each total is told.
    offsets: BTreeMap<Cow<'static, str>, f64>,
    begun_anew: f64,
    commits: Option<f64>,
}

impl Running {
    /// Takes note of since when the server counts; whether that has changed: all totals then begin anew.
    pub(super) fn begun(&mut self, since: Option<&str>) -> bool {
        let is_anew = self.since.is_some() && self.since.as_deref() != since;
        if is_anew {
            self.begun_anew += 1.0;
            self.offsets.clear();
            self.commits = None;
        }
        self.since = since.map(str::to_owned);
        is_anew
    }

    /// Tells the sum of all statements. Where entries may have vanished from it since the sum before, it begins anew.
    pub(super) fn sum(
        &mut self,
        row: &SimpleQueryRow,
        dropped_before: Option<Dropped>,
        about: &About,
        look: &mut Look,
    ) {
        let names = quick::tell_sum(row, look);
        self.compare(&names, [dropped_before, Dropped::read(row)], Entries::read(row, about));
    }

    /// Entries at the sum last made, where they are all that tells of what has vanished.
    pub(super) fn entries(&self) -> Option<Entries> {
        self.entries
    }

    fn compare(&mut self, names: &[&'static str], [before, after]: [Option<Dropped>; 2], entries: Option<Entries>) {
        let lacks = self.entries.zip(entries).is_some_and(|(before, now)| now.may_lack(before));
        self.entries = entries;
        if self.dropped != before || before != after || lacks {
            self.begun_anew += 1.0;
            for name in names {
                self.offsets.remove(*name);
            }
        }
        self.dropped = after;
    }

    /// Has totals that begin anew begin at less than they have ever been: what happened in between is not known.
    pub(super) fn offset(&mut self, look: &mut Look) {
        self.hold_commits(look);
        for (name, value) in &mut look.totals {
            *value -= *self.offsets.entry(name.clone()).or_insert(*value + self.begun_anew);
        }
    }

    /// Commits without the probe's own never go back for a moment, as a total that does is taken for lost.
    fn hold_commits(&mut self, look: &mut Look) {
        let Some(commits) = look.totals.get_mut("commits") else { return };
        if let Some(before) = self.commits
            && *commits < before
            && before - *commits < COMMITS_LATE
        {
            *commits = before;
        }
        self.commits = Some(*commits);
    }
}

/// How often all statements are added up: every second, unless there are so many that it would be felt.
#[derive(Debug, Default)]
pub(super) struct SumPace {
    /// The last ones: the shortest of them counts, as the others may have waited for a CPU.
    took_s: VecDeque<f64>,
    looks: u64,
    /// The least often that it was so far.
    slowest: u64,
}

impl SumPace {
    /// A look begins: whether it is to add up.
    pub(super) fn is_due(&mut self) -> bool {
        self.looks += 1;
        self.looks >= self.every()
    }

    /// What it took.
    pub(super) fn took(&mut self, took_s: f64) {
        self.took_s.push_back(took_s);
        if self.took_s.len() > MEASURED {
            self.took_s.pop_front();
        }
        self.looks = 0;
        if self.took_s.len() == MEASURED {
            self.slowest = self.slowest.max(self.every());
        }
    }

    /// Every how many looks.
    fn every(&self) -> u64 {
        let needed = self.took_s.iter().copied().reduce(f64::min).unwrap_or_default() / SHARE_OF_A_CPU;
        PACES.into_iter().find(|pace| *pace as f64 >= needed).unwrap_or(PACES[PACES.len() - 1])
    }

    /// What a report has to know of it.
    pub(super) fn says(&self) -> Option<String> {
        let every = self.slowest;
        (every > 1).then(|| {
            format!(
                "at times added up every {every} s only: there are so many that the server would feel it each second"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thrown out so often before the sum, and after it.
    fn dropped(before: f64, after: f64) -> [Option<Dropped>; 2] {
        [before, after].map(|times| Some(Dropped::of(times, "then")))
    }

    fn told(running: &mut Running, name: &'static str, value: f64) -> f64 {
        let mut look = Look::default();
        look.total(name, value);
        running.offset(&mut look);
        look.totals[name]
    }

    fn calls(running: &mut Running, calls: f64, dropped: [Option<Dropped>; 2]) -> f64 {
        running.compare(&["calls"], dropped, None);
        told(running, "calls", calls)
    }

    #[test]
    fn sums_go_on_while_nothing_vanishes_and_begin_anew_below_all_before_when_something_may_have() {
        let mut running = Running::default();
        let first = calls(&mut running, 1000.0, dropped(0.0, 0.0));
        let second = calls(&mut running, 1010.0, dropped(0.0, 0.0));
        assert_eq!(second - first, 10.0);
        let third = calls(&mut running, 1500.0, dropped(1.0, 1.0));
        assert!(third < first, "not known, though the sum has grown");
        let fourth = calls(&mut running, 1501.0, dropped(1.0, 2.0));
        assert!(fourth < third, "while it was being added up");
        let fifth = calls(&mut running, 1504.0, dropped(2.0, 2.0));
        assert_eq!(fifth - fourth, 3.0);
        assert_eq!(calls(&mut running, 1505.0, dropped(2.0, 2.0)) - fifth, 1.0);
    }

    #[test]
    fn a_sum_that_shrinks_is_told_as_it_is() {
        let mut running = Running::default();
        let first = calls(&mut running, 1000.0, [None, None]);
        assert!(calls(&mut running, 10.0, [None, None]) < first);
    }

    #[test]
    fn before_1_9_sums_begin_anew_when_the_entries_give_away_that_some_may_have_vanished() {
        let mut running = Running::default();
        let told =
            [(1000.0, 20.0), (1010.0, 21.0), (1500.0, 97.0), (1503.0, 97.0), (1504.0, 3.0)].map(|(calls, count)| {
                running.compare(&["calls"], [None, None], Some(Entries { count, room: 100.0 }));
                told(&mut running, "calls", calls)
            });
        assert_eq!(told, [0.0, 10.0, -1.0, 2.0, -2.0]);
    }

    #[test]
    fn after_a_reset_or_a_crash_no_total_is_held_against_the_one_before() {
        let mut running = Running::default();
        assert!(!running.begun(Some("monday")));
        let first = told(&mut running, "inserted", 10.0);
        assert!(!running.begun(Some("monday")));
        assert_eq!(told(&mut running, "inserted", 15.0) - first, 5.0);
        assert!(running.begun(Some("tuesday")));
        assert!(told(&mut running, "inserted", 900.0) < first, "however much it is by now");
    }

    #[test]
    fn commits_wait_for_the_server_to_tell_of_the_probes_own_but_not_for_lost_ones() {
        let mut running = Running::default();
        let told = [50.0, 48.0, 51.0, 3.0].map(|commits| told(&mut running, "commits", commits));
        assert_eq!(told, [0.0, 0.0, 1.0, -47.0]);
    }

    #[test]
    fn a_dear_sum_is_added_up_less_often() {
        let mut pace = SumPace::default();
        assert!(pace.is_due());
        pace.took(0.002);
        for _ in 0..4 {
            pace.took(0.022);
            assert!(pace.is_due() && pace.says().is_none(), "it may have waited for a CPU");
        }
        pace.took(0.021);
        let due: Vec<bool> = (0..5).map(|_| pace.is_due()).collect();
        assert_eq!(due, [false, false, false, false, true]);
        assert!(pace.says().unwrap().contains("every 5 s"));
        for _ in 0..5 {
            pace.took(9.0);
        }
        assert!(pace.says().unwrap().contains("every 30 s"));
    }
}
