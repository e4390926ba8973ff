//! Several runs a side: each run gives one figure, whatever happened within it. Taken in turns, a run of each side is a round.

use super::decide::{rounds_needed, runs_needed, turned};
use super::figure::{Compared, Found, Kind};
use super::pair::{PERCENTILES, shifted};
use crate::judge::{Changed, Outcome, Series, Shifted, SteadyWindow, Unit};
use crate::record::Run;
use crate::stats::{
    BetweenRuns, Distribution, Estimate, between_rounds, between_runs, clopper_pearson, log_time, share_difference,
};

/// How figures of both sides are compared.
type Between = fn(&[f64], &[f64]) -> Option<BetweenRuns>;

/// All runs of both sides.
pub(super) struct Several<'a> {
    rounds: bool,
    between: Between,
    a: Vec<SteadyWindow<'a>>,
    b: Vec<SteadyWindow<'a>>,
    tolerance: f64,
}

impl<'a> Several<'a> {
    pub(super) fn new(unit: Unit, a: &[&'a Run], b: &[&'a Run], tolerance: f64) -> Self {
        let windows = |runs: &[&'a Run]| runs.iter().map(|run| SteadyWindow::new(run)).collect();
        let rounds = unit == Unit::Rounds;
        let between: Between = if rounds { between_rounds } else { between_runs };
        Self { rounds, between, a: windows(a), b: windows(b), tolerance }
    }

    /// All figures of one subject, in order.
    pub(super) fn changes(&self, of: Option<&str>, wanted: &[Compared]) -> Vec<Changed> {
        let series = |runs: &[SteadyWindow<'_>]| runs.iter().map(|run| run.series(of)).collect::<Vec<Series>>();
        let (a, b) = (series(&self.a), series(&self.b));
        wanted.iter().map(|wanted| self.change(wanted, &a, &b)).collect()
    }

    /// The shift function of the whole runs; empty where a run has no response.
    pub(super) fn shift(&self) -> Vec<Shifted> {
        let all = |runs: &[SteadyWindow<'_>]| runs.iter().map(|run| run.series(None).all()).collect::<Vec<_>>();
        let (a, b) = (all(&self.a), all(&self.b));
        let logs = |runs: &[Distribution], q: f64| -> Option<Vec<f64>> {
            runs.iter().map(|run| run.quantile(q).map(|us| log_time(us as f64))).collect()
        };
        let shifted = |&q: &f64| {
            let (a, b) = (logs(&a, q)?, logs(&b, q)?);
            let found = (self.between)(&a, &b)?;
            Some(shifted(q, geometric(&a) / 1000.0, geometric(&b) / 1000.0, &estimate(&found)))
        };
        PERCENTILES.iter().filter_map(shifted).collect()
    }

    fn change(&self, wanted: &Compared, a: &[Series], b: &[Series]) -> Changed {
        let mut row = wanted.row();
        let values = |side: &[Series]| side.iter().map(|run| wanted.value(run)).collect::<Option<Vec<f64>>>();
        let (Some(of_a), Some(of_b)) = (values(a), values(b)) else {
            "a run has no request of it in its steady window".clone_into(&mut row.reason);
            return row;
        };
        let Some((found, p)) = find(wanted, self.between, [a, b], [&of_a, &of_b]) else {
            "a figure is 0: there is no ratio to form".clone_into(&mut row.reason);
            return row;
        };
        wanted.fill(&mut row, &found, self.tolerance);
        row.permutation_p = Some(p);
        if row.verdict == Outcome::Unproven {
            let turned = turned(found.change, wanted.more_is_better());
            let edges = wanted.edges(self.tolerance);
            row.runs = if let Some([[0, _], [0, _]]) = found.counts {
                // Without a failure the width goes with one over the requests.
                Some((1.1 * found.change.high / edges.worse * a.len() as f64).ceil() as u32)
            } else if self.rounds {
                rounds_needed(&turned, edges, a.len())
            } else {
                runs_needed(&turned, edges, a.len(), b.len())
            };
            row.reason = match row.runs {
                Some(rounds) if self.rounds => format!(
                    "the interval holds the edge of the tolerance: it takes about {rounds} rounds, there are {}",
                    a.len()
                ),
                Some(runs) => format!(
                    "the interval holds the edge of the tolerance: it takes about {runs} runs a side, there are {} and {}",
                    a.len(),
                    b.len()
                ),
                None => "the change lies too near the edge of the tolerance to tell".to_owned(),
            };
        }
        let pairs = || a.iter().map(|a| [a, &b[0]]).chain(b.iter().map(|b| [&a[0], b]));
        let doubt = pairs().map(|pair| wanted.doubt(pair)).find(|doubt| !doubt.is_empty());
        if let Some(doubt) = doubt.filter(|_| row.verdict.is_good()) {
            row.verdict = Outcome::Unproven;
            row.reason = doubt;
        }
        let unsettled = self.a.iter().chain(&self.b).any(SteadyWindow::never_settled);
        if matches!(wanted.kind, Kind::Time(_)) && unsettled {
            row.verdict = Outcome::Unproven;
            "the response time of a run never settled: let it run longer".clone_into(&mut row.reason);
        }
        row
    }
}

fn find(wanted: &Compared, between: Between, sides: [&[Series]; 2], values: [&[f64]; 2]) -> Option<(Found, f64)> {
    let [of_a, of_b] = values;
    if let Kind::Share(_) = wanted.kind {
        let found = between(of_a, of_b)?;
        let counts = sides.map(|side| {
            let (failures, requests) = side.iter().fold((0, 0), |(k, n), run| {
                let (failures, requests) = run.counts();
                (k + failures, n + requests)
            });
            [failures, requests]
        });
        // Runs without a failure do not vary at all, which proves little: so much at least is open by their counts alone.
        let exact = counts.map(|[failures, requests]| {
            let (low, high) = clopper_pearson(failures as f64, requests as f64);
            (failures as f64 / requests.max(1) as f64, low, high)
        });
        let counted = share_difference(exact[0], exact[1]);
        let mut change = estimate(&found);
        change.low = change.low.min(counted.low);
        change.high = change.high.max(counted.high);
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        return Some((Found { a: mean(of_a), b: mean(of_b), counts: Some(counts), change }, found.p));
    }
    if of_a.iter().chain(of_b).any(|&value| value <= 0.0) {
        return None;
    }
    let logs = |of: &[f64]| of.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let (a, b) = (logs(of_a), logs(of_b));
    let found = between(&a, &b)?;
    Some((Found { a: geometric(&a), b: geometric(&b), counts: None, change: estimate(&found) }, found.p))
}

fn estimate(of: &BetweenRuns) -> Estimate {
    Estimate { value: of.value, low: of.low, high: of.high, dof: of.dof }
}

/// The geometric mean, from logarithms.
fn geometric(logs: &[f64]) -> f64 {
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}
