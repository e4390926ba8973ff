//! The history of one workload: its figures run by run, and where they changed.

use std::collections::BTreeMap;
use std::path::Path;

use super::find::{FindError, find};
use super::kept::{Kept, Said, in_parallel, runs};
use crate::judge::{
    Bounds, Differs, LeftOut, Outcome, RunsOf, Source, TargetError, TargetName, Trend, TrendChange, TrendFigure,
    TrendPoint, TrendRun,
};
use crate::record::{Asked, LoadModel};
use crate::stats::{ChangePoint, LeastChange, MOST_P, WINDOW, change_points};

/// Of the runs that have a figure at all, so many may lack it in their steady window: the rest is shown without them.
const MOST_WITHOUT: f64 = 0.1;
/// So large a change of an error rate counts where the runs have no target for it: the guide's limit.
const LEAST_SHARE: f64 = 0.001;

/// Which history.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendOptions {
    /// A workload's hash or its beginning, or a REF to one of its runs; else the newest run's.
    pub workload: Option<String>,
    /// The workload of the newest run of this scenario.
    pub scenario: Option<String>,
    /// As targets; empty: those of the newest run.
    pub figures: Vec<String>,
    /// Partial, void and other runs too that do not count.
    pub all: bool,
    /// A change is at least so large, a fraction.
    pub least_change: f64,
}

/// No history to show.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    /// The results folder, or a REF into it.
    #[error(transparent)]
    Find(#[from] FindError),
    /// No run is left.
    #[error("no history: {0}")]
    Nothing(String),
    /// No run of this scenario, or with this workload.
    #[error("{0}")]
    Unknown(String),
    /// No such figure.
    #[error("--figure: {}", .0.message)]
    Figure(TargetError),
    /// No run has it.
    #[error("--figure {name}: none of these runs has it; {hint}")]
    NoFigure {
        /// As written.
        name: String,
        /// What would do.
        hint: String,
    },
}

/// Reads the history of a workload.
pub fn trend(results: &Path, options: &TrendOptions) -> Result<Trend, TrendError> {
    let asked_for: Vec<Wanted> =
        options.figures.iter().map(|name| Wanted::read(name)).collect::<Result<_, _>>().map_err(TrendError::Figure)?;
    let (all, mut skipped) = runs(results)?;
    let chosen = choose(results, &all, options)?;
    let (runs, others): (Vec<Kept>, Vec<Kept>) = all.into_iter().partition(|run| run.workload.hash == chosen.hash);
    let wanted = if asked_for.is_empty() { of_newest(&runs) } else { asked_for };
    let read = in_parallel(&runs, |run| run.said().map(|said| Read::new(run, &said, &wanted)));
    let (mut shown, mut left_out) = (Vec::new(), Vec::new());
    for (run, read) in runs.iter().zip(read) {
        match read {
            Ok(read) if options.all || read.run.marks.is_empty() => shown.push((read, &run.asked)),
            Ok(read) => left_out.push(LeftOut { id: run.id.clone(), why: read.run.marks.join("; ") }),
            Err(why) => skipped.push(LeftOut { id: run.id.clone(), why }),
        }
    }
    if shown.is_empty() {
        let why = match left_out.len() + skipped.len() {
            0 => "there is no result yet; make one with `run`".to_owned(),
            _ => first_of(&left_out, &skipped),
        };
        return Err(TrendError::Nothing(why));
    }
    skipped.sort();
    let figures = wanted.iter().enumerate().map(|(n, one)| figure(one, n, &shown, options.least_change));
    let figures: Vec<TrendFigure> = figures.collect();
    if let Some(none) = figures.iter().find(|figure| figure.points.is_empty()) {
        let hint = no_figure(&none.name, runs.last());
        return Err(TrendError::NoFigure { name: none.name.clone(), hint });
    }
    Ok(Trend {
        schema: 1,
        workload: chosen.hash,
        parts: chosen.parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        least_change: options.least_change,
        most_p: MOST_P,
        window: WINDOW,
        runs: shown.into_iter().map(|(read, _)| read.run).collect(),
        figures,
        left_out,
        skipped,
        other_workloads: counted(&others),
    })
}

fn first_of(left_out: &[LeftOut], skipped: &[LeftOut]) -> String {
    let count = left_out.len() + skipped.len();
    let first = left_out.iter().chain(skipped).next();
    let first = first.map_or_else(String::new, |one| format!("{}: {}", one.id, one.why));
    let way_out = if left_out.is_empty() { "" } else { "; --all shows them" };
    format!("none of {count} folders counts ({first}){way_out}")
}

fn choose(results: &Path, all: &[Kept], options: &TrendOptions) -> Result<super::Workload, TrendError> {
    if let Some(name) = &options.scenario {
        let newest = all.iter().rev().find(|run| run.asked.scenario_name == *name);
        return newest.map(|run| run.workload.clone()).ok_or_else(|| {
            let mut names: Vec<&str> = all.iter().map(|run| run.asked.scenario_name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            TrendError::Unknown(format!("--scenario: no run of {name:?}; there are runs of {}", listed(&names)))
        });
    }
    let Some(named) = &options.workload else {
        return all.last().map(|run| run.workload.clone()).ok_or_else(|| {
            TrendError::Nothing(format!(
                "{} holds no result yet; make one with `run`, or name another folder with --results",
                results.display()
            ))
        });
    };
    if named.len() >= 4 {
        let mut hashes: Vec<&Kept> = all.iter().filter(|run| run.workload.hash.starts_with(named.as_str())).collect();
        hashes.dedup_by(|a, b| a.workload.hash == b.workload.hash);
        match hashes.first() {
            Some(first) if hashes.iter().all(|run| run.workload.hash == first.workload.hash) => {
                return Ok(first.workload.clone());
            }
            Some(_) => {
                return Err(TrendError::Unknown(format!(
                    "--workload: {named:?} is the beginning of several hashes: write more of it"
                )));
            }
            None => {}
        }
    }
    let folder = find(results, named)?;
    let asked = Asked::read(&folder).map_err(|error| TrendError::Unknown(format!("--workload: {error}")))?;
    Ok(super::workload::workload(&asked))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn counted(others: &[Kept]) -> Vec<RunsOf> {
    let mut counts: BTreeMap<&str, RunsOf> = BTreeMap::new();
    for run in others {
        let none = || RunsOf { workload: run.workload.hash.clone(), scenario: String::new(), runs: 0 };
        let of = counts.entry(&run.workload.hash).or_insert_with(none);
        of.runs += 1;
        of.scenario.clone_from(&run.asked.scenario_name);
    }
    let mut counts: Vec<RunsOf> = counts.into_values().collect();
    counts.sort_by_key(|of| std::cmp::Reverse(of.runs));
    counts
}

/// A figure that is asked for.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    name: TargetName,
    of: Option<String>,
}

/// A value and its interval.
type Value = (f64, Option<f64>, Option<f64>);

/// What is kept of a run, while its `result.json` is let go.
#[derive(Debug)]
struct Read {
    run: TrendRun,
    /// Of each wanted figure: of the steady window, of the whole run, the limit.
    values: Vec<(Option<Value>, Option<Value>, Option<f64>)>,
    /// The edge is at least this.
    at_least: Option<f64>,
}

impl Read {
    fn new(run: &Kept, said: &Said, wanted: &[Wanted]) -> Self {
        let asked = &run.asked;
        Self {
            run: TrendRun {
                id: run.id.clone(),
                label: asked.label.clone(),
                started: asked.started.clone(),
                commit: asked.environment.commit.clone(),
                verdict: said.verdict,
                marks: run.marks(said),
            },
            values: wanted.iter().map(|one| (one.steady(said), one.whole_run(said), one.limit(said))).collect(),
            at_least: said.edge.as_ref().filter(|edge| edge.fails.is_none()).and_then(|edge| edge.passes),
        }
    }
}

impl Wanted {
    fn read(name: &str) -> Result<Self, TargetError> {
        TargetName::read(name).map(|(name, of)| Self { name, of })
    }

    fn full_name(&self) -> String {
        self.of.as_ref().map_or_else(|| self.name.to_string(), |of| format!("{}[{of}]", self.name))
    }

    fn steady(&self, said: &Said) -> Option<Value> {
        if self.name == TargetName::Edge {
            // Without a level that fails it is a bound: a search that was allowed more would have come farther.
            let edge = said.edge.as_ref().filter(|edge| edge.fails.is_some())?;
            return edge.passes.map(|passes| (passes, edge.passes, edge.fails));
        }
        let name = self.full_name();
        let target = said.targets.iter().find(|target| target.name == name)?;
        target.value.filter(|value| value.is_finite()).map(|value| (value, target.low, target.high))
    }

    fn limit(&self, said: &Said) -> Option<f64> {
        let name = self.full_name();
        said.targets.iter().find(|target| target.name == name).map(|target| target.limit)
    }

    fn whole_run(&self, said: &Said) -> Option<Value> {
        let (requests, failures, times) = match &self.of {
            None => (said.totals.requests, said.totals.failures, said.totals.response_time_ms),
            Some(of) => {
                let endpoint = said.endpoints.iter().find(|endpoint| endpoint.name == *of)?;
                (endpoint.requests, endpoint.failures, endpoint.response_time_ms)
            }
        };
        let value = match self.name {
            TargetName::ResponseTime(500) => times.p50,
            TargetName::ResponseTime(900) => times.p90,
            TargetName::ResponseTime(950) => times.p95,
            TargetName::ResponseTime(990) => times.p99,
            TargetName::ResponseTime(999) => times.p99_9,
            TargetName::ErrorRate if requests > 0 => Some(failures as f64 / requests as f64),
            _ => None,
        };
        value.filter(|value| value.is_finite()).map(|value| (value, None, None))
    }
}

/// The targets of the newest run that counts and has values for them.
fn of_newest(runs: &[Kept]) -> Vec<Wanted> {
    let targets = |run: &Kept| {
        let said = run.said().ok().filter(|said| run.marks(said).is_empty())?;
        let edge = said.edge.as_ref().and_then(|edge| edge.passes);
        let edge = edge.map(|_| Wanted { name: TargetName::Edge, of: None });
        // Other figures of a search are of the level that it came to.
        if let Some(edge) = edge {
            return Some(vec![edge]);
        }
        let with_value = said.targets.iter().filter(|target| target.value.is_some());
        let targets = with_value.filter_map(|target| Wanted::read(&target.name).ok());
        let wanted: Vec<Wanted> = targets.collect();
        (!wanted.is_empty()).then_some(wanted)
    };
    let p95 = Wanted { name: TargetName::ResponseTime(950), of: None };
    runs.iter().rev().find_map(targets).unwrap_or_else(|| vec![p95])
}

fn no_figure(name: &str, newest: Option<&Kept>) -> String {
    let said = newest.and_then(|run| run.said().ok());
    let endpoints = said.map(|said| said.endpoints.iter().map(|one| one.name.clone()).collect::<Vec<_>>());
    if name.contains('[') {
        let endpoints = endpoints.unwrap_or_default();
        let endpoints: Vec<&str> = endpoints.iter().take(20).map(String::as_str).collect();
        return format!("the newest has the endpoints {}", listed(&endpoints));
    }
    if name == TargetName::Edge.to_string() {
        return "edge is a figure of `capacity` results that hold both a level that passes and one that fails: name their \
                workload with --workload HASH|REF, or search with a higher --max-rate or --max-users"
            .to_owned();
    }
    format!(
        "every run has p50, p90, p95, p99 and p99.9_response_time and error_rate, also of an endpoint; for others \
         `run` needs the target: --target {name}=…"
    )
}

fn figure(wanted: &Wanted, n: usize, shown: &[(Read, &Asked)], least_change: f64) -> TrendFigure {
    let values = || shown.iter().map(|(read, _)| read.values[n]);
    let steady = values().filter(|value| value.0.is_some()).count();
    let either = values().filter(|value| value.0.is_some() || value.1.is_some()).count();
    let source = if steady as f64 >= (1.0 - MOST_WITHOUT) * either as f64 { Source::Steady } else { Source::WholeRun };
    let limit = values().rev().find_map(|value| value.2);
    let (mut points, mut without) = (Vec::new(), Vec::new());
    for (run, (read, _)) in shown.iter().enumerate() {
        let value = if source == Source::Steady { read.values[n].0 } else { read.values[n].1 };
        match value {
            Some((value, low, high)) => points.push(TrendPoint { run, value, low, high }),
            None => without.push(match read.at_least.filter(|_| wanted.name == TargetName::Edge) {
                Some(passes) => format!("{} (≥ {passes})", read.run.id),
                None => read.run.id.clone(),
            }),
        }
    }
    let least = match wanted.name {
        TargetName::ErrorRate => LeastChange::Difference(limit.filter(|limit| *limit > 0.0).unwrap_or(LEAST_SHARE)),
        _ => LeastChange::Ratio(least_change),
    };
    let series: Vec<f64> = points.iter().map(|point| point.value).collect();
    let found = change_points(&series, least);
    let more_is_better = more_is_better(wanted.name);
    let by_users = shown.iter().any(|(_, asked)| asked.plan.model == LoadModel::Closed);
    let changes = (0..found.len()).map(|at| change(&found, at, &points, shown, wanted.name)).collect();
    TrendFigure {
        name: wanted.full_name(),
        unit: if wanted.name == TargetName::Edge && by_users { "users" } else { wanted.name.unit() }.to_owned(),
        more_is_better,
        limit,
        source,
        points,
        without,
        changes,
    }
}

fn more_is_better(name: TargetName) -> bool {
    matches!(name, TargetName::Throughput | TargetName::Edge)
}

fn change(
    found: &[ChangePoint],
    at: usize,
    points: &[TrendPoint],
    shown: &[(Read, &Asked)],
    name: TargetName,
) -> TrendChange {
    let point = &found[at];
    let from = if at == 0 { 0 } else { found[at - 1].index };
    let to = found.get(at + 1).map_or(points.len(), |next| next.index);
    let (last_before, first_after) = (&shown[points[point.index - 1].run], &shown[points[point.index].run]);
    let by = point.after - point.before;
    let (low, high) = point.difference;
    let ratio = (name != TargetName::ErrorRate && point.before > 0.0).then(|| {
        let by = |difference: f64| 1.0 + difference / point.before;
        Bounds { value: point.after / point.before, low: by(low), high: by(high) }
    });
    let better = (by > 0.0) == more_is_better(name);
    TrendChange {
        point: point.index,
        run: first_after.0.run.clone(),
        last_before: last_before.0.run.clone(),
        outcome: if better { Outcome::Better } else { Outcome::Worse },
        before: point.before,
        after: point.after,
        runs_before: point.index - from,
        runs_after: to - point.index,
        ratio,
        difference: Bounds { value: by, low, high },
        p: point.p,
        confidence: 1.0 - point.p,
        differs: differs(last_before.1, first_after.1),
    }
}

/// In what else two runs differ.
fn differs(a: &Asked, b: &Asked) -> Vec<Differs> {
    type Fact = (&'static str, fn(&Asked) -> String);
    const FACTS: [Fact; 6] = [
        ("commit", |asked| asked.environment.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        // Its port is another each time.
        ("host", |asked| if asked.reference_service { "the reference service".to_owned() } else { asked.host.clone() }),
        ("machine", |asked| asked.environment.hostname.clone()),
        ("operating system", |asked| asked.environment.os.clone()),
        ("CPUs", |asked| asked.environment.cpus.to_string()),
        ("agenthub-perf", |asked| asked.environment.version.clone()),
    ];
    let fact = |(what, of): &Fact| Differs { what: (*what).to_owned(), a: of(a), b: of(b) };
    FACTS.iter().map(fact).filter(|differs| differs.a != differs.b).collect()
}

#[cfg(test)]
#[path = "trend_tests.rs"]
mod tests;
