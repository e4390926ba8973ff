//! Totals that must not mislead: sums from which entries can vanish, counts that lag behind, and how often to add up.

use std::time::Duration;

use tokio_postgres::SimpleQueryRow;

use super::quick;
use super::statements::Dropped;
use crate::observe::Look;

/// Of one CPU: what adding up all statements may take.
const SHARE_OF_A_CPU: f64 = 0.005;
/// Every how many looks it may be done, so that what is said of it does not change all the time.
const PACES: [u64; 6] = [1, 2, 5, 10, 20, 30];
/// By how much commits may lie back: the server tells a session's own up to a second later, some of the probe's are
/// subtracted before it knows of them.
const COMMITS_LATE: f64 = 10.0;

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Running {
    dropped: Option<Dropped>,
    offsets: Vec<(&'static str, f64)>,
    begun_anew: f64,
    commits: Option<f64>,
}

impl Running {
    /// Tells the sum of all statements. Where entries may have vanished from it since the sum before, it begins anew, at
    /// less than it has ever been: what happened in between is not known.
    pub(super) fn sum(&mut self, row: &SimpleQueryRow, dropped: [Option<Dropped>; 2], look: &mut Look) {
        let mut sums = Vec::new();
        quick::tell_sum(row, |name, value| sums.push((name, value)));
        self.tell(sums, dropped, look);
    }

    fn tell(&mut self, sums: Vec<(&'static str, f64)>, [before, after]: [Option<Dropped>; 2], look: &mut Look) {
        let comparable = !self.offsets.is_empty() && self.dropped == before && before == after;
        if !comparable {
            self.begun_anew += 1.0;
            self.offsets = sums.iter().map(|(name, value)| (*name, value + self.begun_anew)).collect();
        }
        self.dropped = after;
        for ((name, value), (_, offset)) in sums.into_iter().zip(&self.offsets) {
            look.total(name, value - offset);
        }
    }

    /// Commits without the probe's own never go back for a moment, as a total that does is taken for lost.
    pub(super) fn hold_commits(&mut self, look: &mut Look) {
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
    /// Of the last two, the shorter: the other one may have been interrupted.
    took_s: Option<f64>,
    last_s: Option<f64>,
    looks: u64,
}

impl SumPace {
    /// A look begins: whether it is to add up.
    pub(super) fn is_due(&mut self) -> bool {
        self.looks += 1;
        self.looks >= self.every()
    }

    /// What it took.
    pub(super) fn took(&mut self, took_s: f64) {
        self.took_s = Some(self.last_s.map_or(took_s, |last_s| last_s.min(took_s)));
        self.last_s = Some(took_s);
        self.looks = 0;
    }

    /// Every how many looks.
    fn every(&self) -> u64 {
        let needed = self.took_s.unwrap_or_default() / SHARE_OF_A_CPU;
        PACES.into_iter().find(|pace| *pace as f64 >= needed).unwrap_or(PACES[PACES.len() - 1])
    }

    /// What a report has to know of it.
    pub(super) fn says(&self) -> Option<String> {
        let every = Duration::from_secs(self.every());
        (self.every() > 1).then(|| {
            format!(
                "added up every {} s only, as there are so many that it would take the server noticeable time",
                every.as_secs()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(times: f64) -> Option<Dropped> {
        Some(Dropped::of(times, "then"))
    }

    fn told(running: &mut Running, calls: f64, dropped: [Option<Dropped>; 2]) -> f64 {
        let mut look = Look::default();
        running.tell(vec![("calls", calls)], dropped, &mut look);
        look.totals["calls"]
    }

    #[test]
    fn sums_go_on_while_nothing_vanishes_and_begin_anew_below_all_before_when_something_may_have() {
        let mut running = Running::default();
        let first = told(&mut running, 1000.0, [dropped(0.0), dropped(0.0)]);
        let second = told(&mut running, 1010.0, [dropped(0.0), dropped(0.0)]);
        assert_eq!(second - first, 10.0);
        let third = told(&mut running, 1500.0, [dropped(1.0), dropped(1.0)]);
        assert!(third < first, "not known, though the sum has grown");
        let fourth = told(&mut running, 1501.0, [dropped(1.0), dropped(2.0)]);
        assert!(fourth < third, "while it was being added up");
        let fifth = told(&mut running, 1504.0, [dropped(2.0), dropped(2.0)]);
        assert_eq!(fifth - fourth, 3.0);
        assert_eq!(told(&mut running, 1505.0, [dropped(2.0), dropped(2.0)]) - fifth, 1.0);
    }

    #[test]
    fn a_sum_that_shrinks_is_told_as_it_is() {
        let mut running = Running::default();
        let first = told(&mut running, 1000.0, [None, None]);
        assert!(told(&mut running, 10.0, [None, None]) < first);
    }

    #[test]
    fn commits_wait_for_the_server_to_tell_of_the_probes_own_but_not_for_lost_ones() {
        let mut running = Running::default();
        let mut held = |commits: f64| {
            let mut look = Look::default();
            look.total("commits", commits);
            running.hold_commits(&mut look);
            look.totals["commits"]
        };
        assert_eq!([50.0, 48.0, 51.0, 3.0].map(&mut held), [50.0, 50.0, 51.0, 3.0]);
    }

    #[test]
    fn a_dear_sum_is_added_up_less_often() {
        let mut pace = SumPace::default();
        assert!(pace.is_due());
        pace.took(0.002);
        assert!(pace.is_due() && pace.says().is_none());
        pace.took(0.022);
        assert!(pace.is_due(), "once may be chance");
        pace.took(0.021);
        let due: Vec<bool> = (0..5).map(|_| pace.is_due()).collect();
        assert_eq!(due, [false, false, false, false, true]);
        assert!(pace.says().unwrap().contains("every 5 s"));
        pace.took(9.0);
        pace.took(9.0);
        assert!(pace.says().unwrap().contains("every 30 s"));
    }
}
