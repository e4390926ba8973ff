//! The history of a workload: the shape of what `trend` finds.

use serde::{Deserialize, Serialize};

use super::{Bounds, Differs, Outcome, Verdict};

/// The runs of one workload, the oldest first, with the changes of their figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Of this shape: 1.
    pub schema: u32,
    /// The workload's hash.
    pub workload: String,
    /// What it is made of: name and value.
    pub parts: Vec<(String, String)>,
    /// A change is at least so large, a fraction (of an error rate: its own target's limit).
    pub least_change: f64,
    /// A change has a p-value below this.
    pub most_p: f64,
    /// Runs that are looked at together in the first pass.
    pub window: usize,
    /// Those whose figures are shown.
    pub runs: Vec<TrendRun>,
    /// The figures, in the order asked for.
    pub figures: Vec<TrendFigure>,
    /// Runs of this workload whose figures are not shown.
    pub left_out: Vec<LeftOut>,
    /// Folders that could not be read, of whichever workload.
    pub skipped: Vec<LeftOut>,
    /// What else is in the results folder, the largest first.
    pub other_workloads: Vec<RunsOf>,
}

/// A run of a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendRun {
    /// Its folder's name.
    pub id: String,
    /// `--label`.
    pub label: Option<String>,
    /// RFC 3339.
    pub started: String,
    /// The code under test.
    pub commit: Option<String>,
    /// Its own verdict.
    pub verdict: Verdict,
    /// What stands against its figures: `partial`, `void`; usually nothing.
    pub marks: Vec<String>,
}

/// Where the values of a figure come from: one place for a whole history, else a change of place would look like a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The steady window, with intervals: the runs' own targets.
    Steady,
    /// The whole run, with its start-up and without intervals.
    WholeRun,
}

/// One figure over a history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendFigure {
    /// As a target.
    pub name: String,
    /// `ms`, `ratio`, `requests/min`.
    pub unit: String,
    /// More of it is better (throughput).
    pub more_is_better: bool,
    /// The newest run's target, where it has one.
    pub limit: Option<f64>,
    /// Where its values come from.
    pub source: Source,
    /// Its values; runs without one are not among them.
    pub points: Vec<TrendPoint>,
    /// The ids of those runs.
    pub without: Vec<String>,
    /// Where it changed.
    pub changes: Vec<TrendChange>,
}

/// The value of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// Which of the runs, from 0.
    pub run: usize,
    /// In the figure's unit.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A change point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendChange {
    /// The first value of the new level: which of the points, from 0.
    pub point: usize,
    /// The first run of the new level.
    pub run: TrendRun,
    /// The last run of the level before.
    pub last_before: TrendRun,
    /// Better or worse.
    pub outcome: Outcome,
    /// The mean of the level before.
    pub before: f64,
    /// The mean of the new level.
    pub after: f64,
    /// Runs of the level before.
    pub runs_before: usize,
    /// Runs of the new level.
    pub runs_after: usize,
    /// The new level by the one before; `None` for an error rate and where that was 0.
    pub ratio: Option<Bounds>,
    /// The new level less the one before, in the figure's unit.
    pub difference: Bounds,
    /// Of the t test, had the place been known beforehand.
    pub p: f64,
    /// 1 − p.
    pub confidence: f64,
    /// In what else both runs differ: commit, machine, host.
    pub differs: Vec<Differs>,
}

/// A run or folder that does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// The folder's name.
    pub id: String,
    /// Why.
    pub why: String,
}

/// How many runs there are of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsOf {
    /// The workload's hash.
    pub workload: String,
    /// Its scenario.
    pub scenario: String,
    /// The number of runs.
    pub runs: usize,
}

impl TrendFigure {
    /// The levels between the changes: from and to (exclusive) among the points, and their mean.
    pub fn levels(&self) -> Vec<(usize, usize, f64)> {
        let starts = [0].into_iter().chain(self.changes.iter().map(|change| change.point));
        let ends = self.changes.iter().map(|change| change.point).chain([self.points.len()]);
        let mean = |from: usize, to: usize| {
            self.points[from..to].iter().map(|point| point.value).sum::<f64>() / (to - from) as f64
        };
        starts.zip(ends).filter(|(from, to)| to > from).map(|(from, to)| (from, to, mean(from, to))).collect()
    }
}
