//! Holds one side of runs against another: better, the same, worse or unproven, with the size of the change.
//!
//! One run a side: seconds are resampled within each run, and what runs differ by anyway is added. More: the run is the unit.
//! The targets of B decide; endpoints are shown, and decide only where they are asked to.

use std::collections::HashSet;

use super::edges::edge_row;
use super::figure::Compared;
use super::measured::Measured;
use super::pair::{BETWEEN_RUNS, Pair, SEED};
use super::several::Several;
use super::workload::workload;
use crate::judge::{
    Changed, ComparedRun, Comparison, Differs, Method, Outcome, RunResult, SteadyWindow, Targets, Unit, Verdict,
};
use crate::record::{EndpointSecond, IntervalKind, LoadModel, Run};
use crate::stats::{CONFIDENCE, RESAMPLES, holm, least_p, least_p_of_rounds};
use crate::units::counted;

/// The last second may be torn: of so many requests a part may be missing.
const MOST_LOST: f64 = 0.01;

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How much worse counts as the same, a fraction: 0.05.
    pub tolerance: f64,
    /// Endpoints decide too, adjusted for their number.
    pub gate_endpoints: bool,
    /// How often the windows of a pair are resampled.
    pub resamples: usize,
}

impl Options {
    /// With this tolerance; only targets decide.
    pub fn new(tolerance: f64) -> Self {
        Self { tolerance, gate_endpoints: false, resamples: RESAMPLES }
    }
}

/// In what the workloads of all these runs differ from the first of A; empty where all are the same.
pub fn workload_differences(a: &[Measured], b: &[Measured]) -> Vec<Differs> {
    let Some(first) = a.first() else { return Vec::new() };
    let first = workload(&first.run.asked);
    let others = a.iter().chain(b).map(|other| first.differences(&workload(&other.run.asked)));
    others.into_iter().find(|differs| !differs.is_empty()).unwrap_or_default()
}

/// Compares B with A; each side has at least one run.
pub fn compare(a: &[Measured], b: &[Measured], options: Options) -> Comparison {
    compare_runs(&judged(a), &judged(b), options)
}

/// A run and what it is judged to be.
pub(super) type Judged<'a> = (&'a Run, &'a RunResult);

fn judged(side: &[Measured]) -> Vec<Judged<'_>> {
    side.iter().map(|one| (&one.run, &one.result)).collect()
}

/// The same, of runs and results wherever they are.
pub fn compare_runs(a: &[Judged<'_>], b: &[Judged<'_>], options: Options) -> Comparison {
    let unit = if a.len() == 1 && b.len() == 1 { Unit::Pair } else { Unit::Runs };
    compare_by(unit, a, b, options)
}

/// The same, of runs that were taken in turns: the first of A with the first of B, and so on.
pub fn compare_rounds(a: &[Judged<'_>], b: &[Judged<'_>], options: Options) -> Comparison {
    compare_by(Unit::Rounds, a, b, options)
}

fn compare_by(unit: Unit, a: &[Judged<'_>], b: &[Judged<'_>], options: Options) -> Comparison {
    let tolerance = options.tolerance;
    let mut notes = Vec::new();
    let searches = a.iter().chain(b).all(|(_, result)| result.edge.is_some());
    // Each has its figures at a level of its own.
    let (targets, endpoints) =
        if searches { (Vec::new(), Vec::new()) } else { (targets(b, &mut notes), endpoints(a, b, &mut notes)) };
    let (mut targets, mut endpoints, mut shift, mut method) = match (unit, a, b) {
        (Unit::Pair, [(a, _)], [(b, _)]) => pair(a, b, &targets, &endpoints, options),
        _ => several(unit, a, b, &targets, &endpoints, tolerance),
    };
    if searches {
        targets.push(edge_row(a, b, tolerance));
        // Nor is anything resampled: what levels a search held is its own doing.
        shift.clear();
        method = Method { resamples: None, seed: None, block_s: None, between_runs: None, least_p: None, ..method };
    }
    adjust(&mut endpoints);
    let broken = broken(a, b);
    if !broken.is_empty() {
        for row in targets.iter_mut().chain(&mut endpoints) {
            row.verdict = Outcome::Unproven;
            row.steady_s = None;
            row.runs = None;
            broken[0].clone_into(&mut row.reason);
        }
    }
    notes.extend(skipped("A", a).into_iter().chain(skipped("B", b)));
    if searches {
        notes.push(
            "each edge lies between what passes and what fails; searches of the same code differ too, which only several of them can tell"
                .to_owned(),
        );
    } else {
        notes.extend(what_it_can_tell(a.len(), b.len(), &method));
    }
    let first = workload(&a[0].0.asked).hash;
    let other_workload = a.iter().chain(b).any(|(run, _)| workload(&run.asked).hash != first);
    let mut comparison = Comparison {
        verdict: Outcome::Unproven,
        reasons: Vec::new(),
        tolerance,
        method,
        a: a.iter().map(compared).collect(),
        b: b.iter().map(compared).collect(),
        differs: differs(a, b),
        other_workload,
        targets,
        endpoints,
        gate_endpoints: options.gate_endpoints,
        shift,
        notes,
    };
    (comparison.verdict, comparison.reasons) = verdict(&comparison, &broken);
    comparison
}

type Parts = (Vec<Changed>, Vec<Changed>, Vec<crate::judge::Shifted>, Method);

fn pair(a: &Run, b: &Run, targets: &[Compared], endpoints: &[Compared], options: Options) -> Parts {
    let pair = Pair::new(a, b, options.tolerance, options.resamples);
    let mut block_s = None;
    let mut changes = |of: Option<&str>, wanted: &[Compared]| {
        let (rows, block) = pair.changes(of, wanted);
        block_s = [block_s, block].into_iter().flatten().reduce(f64::max);
        rows
    };
    let rows = by_subject(targets, &mut changes);
    let shown = by_subject(endpoints, &mut changes);
    let method = Method {
        unit: Unit::Pair,
        resamples: Some(options.resamples),
        seed: Some(SEED),
        block_s,
        between_runs: Some(BETWEEN_RUNS),
        least_p: None,
    };
    (rows, shown, pair.shift(), method)
}

fn several(
    unit: Unit,
    a: &[Judged<'_>],
    b: &[Judged<'_>],
    targets: &[Compared],
    endpoints: &[Compared],
    tolerance: f64,
) -> Parts {
    let runs_a: Vec<&Run> = a.iter().map(|one| one.0).collect();
    let runs_b: Vec<&Run> = b.iter().map(|one| one.0).collect();
    let several = Several::new(unit, &runs_a, &runs_b, tolerance);
    let changes = |of: Option<&str>, wanted: &[Compared]| several.changes(of, wanted);
    let rows = by_subject(targets, changes);
    let shown = by_subject(endpoints, changes);
    let paired = unit == Unit::Rounds;
    let method = Method {
        unit,
        resamples: None,
        seed: None,
        block_s: None,
        between_runs: None,
        least_p: Some(if paired { least_p_of_rounds(a.len()) } else { least_p(a.len(), b.len()) }),
    };
    (rows, shown, several.shift(), method)
}

/// Figures of one subject are found together, and handed back in the order asked for.
fn by_subject(wanted: &[Compared], mut changes: impl FnMut(Option<&str>, &[Compared]) -> Vec<Changed>) -> Vec<Changed> {
    let mut rows: Vec<Option<Changed>> = vec![None; wanted.len()];
    for first in 0..wanted.len() {
        if rows[first].is_some() {
            continue;
        }
        let of = &wanted[first].of;
        let same: Vec<usize> = (first..wanted.len()).filter(|&n| wanted[n].of == *of).collect();
        let together: Vec<Compared> = same.iter().map(|&n| wanted[n].clone()).collect();
        for (place, row) in same.into_iter().zip(changes(of.as_deref(), &together)) {
            rows[place] = Some(row);
        }
    }
    rows.into_iter().flatten().collect()
}

/// The targets of the last run of B that requests can meet.
fn targets(b: &[Judged<'_>], notes: &mut Vec<String>) -> Vec<Compared> {
    let Some((run, _)) = b.last() else { return Vec::new() };
    let mut targets = Targets(Vec::new());
    let mut unread = Vec::new();
    for (name, limit) in &run.asked.targets {
        if targets.set(name, limit).is_err() {
            unread.push(name.clone());
        }
    }
    let (compared, others): (Vec<_>, Vec<_>) =
        targets.0.iter().map(|target| (Compared::target(target), target)).partition(|(compared, _)| compared.is_some());
    let others = others.iter().map(|(_, target)| target.full_name()).chain(unread);
    let measured = |name: &String| {
        b.iter().any(|(_, result)| result.targets.iter().any(|target| target.name == *name && target.value.is_some()))
    };
    let left_out: Vec<String> = others.filter(measured).collect();
    if !left_out.is_empty() {
        notes.push(format!("not compared: {}; only figures of requests are", left_out.join(", ")));
    }
    compared.into_iter().filter_map(|(compared, _)| compared).collect()
}

/// The endpoints that every run has, in the order of B.
fn endpoints(a: &[Judged<'_>], b: &[Judged<'_>], notes: &mut Vec<String>) -> Vec<Compared> {
    let names = |run: &Run| run.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect::<Vec<String>>();
    let runs = || a.iter().chain(b).map(|one| one.0);
    let everywhere = |name: &str| runs().all(|run| run.endpoints.iter().any(|endpoint| endpoint.name == name));
    let (mut seen, mut shared, mut alone) = (HashSet::new(), Vec::new(), Vec::new());
    for name in b.iter().chain(a).flat_map(|one| names(one.0)) {
        if seen.insert(name.clone()) {
            if everywhere(&name) { shared.push(name) } else { alone.push(name) }
        }
    }
    if !alone.is_empty() {
        notes.push(format!("not in every run, so not compared: {}", alone.join(", ")));
    }
    // A log-in before the steady window is nothing to compare.
    let windows: Vec<SteadyWindow<'_>> = runs().map(SteadyWindow::new).collect();
    let in_window = |name: &String| windows.iter().any(|window| window.series(Some(name)).counts().1 > 0);
    shared.retain(in_window);
    shared.iter().map(|name| Compared::endpoint(name)).collect()
}

fn adjust(endpoints: &mut [Changed]) {
    let p_values: Vec<f64> = endpoints.iter().map(|row| row.p_worse.unwrap_or(1.0)).collect();
    for (row, adjusted) in endpoints.iter_mut().zip(holm(&p_values)) {
        row.adjusted_p = row.p_worse.map(|_| adjusted);
    }
}

/// Why nothing can be concluded, whatever the figures.
fn broken(a: &[Judged<'_>], b: &[Judged<'_>]) -> Vec<String> {
    let why = |side: &str, (run, result): &Judged<'_>| {
        let id = &run.asked.id;
        if result.verdict == Verdict::Void {
            Some(format!(
                "{side} ({id}) is void: its generator was past its limits, so its figures do not speak of the service"
            ))
        } else if result.partial {
            Some(format!("{side} ({id}) did not run to its end: run it again"))
        } else if let Some(lost) = lost(run) {
            Some(format!("{side} ({id}) {lost}"))
        } else if result.totals.failed_starts > 0 {
            Some(format!("users of {side} ({id}) could not start: its load was not the one asked for"))
        } else {
            None
        }
    };
    let of_b = b.iter().filter_map(|one| why("B", one));
    a.iter().filter_map(|one| why("A", one)).chain(of_b).collect()
}

/// That the two files of a journal do not tell of the same requests: a part of it is gone, and with it perhaps what differs.
fn lost(run: &Run) -> Option<String> {
    let endpoints = || run.seconds.iter().flat_map(|second| second.endpoints.values());
    let failed = |endpoint: &EndpointSecond| endpoint.failures.values().sum::<u64>();
    let successes: u64 = endpoints().map(|one| one.requests.saturating_sub(one.cut_off + failed(one))).sum();
    let times = run.intervals.iter().filter(|interval| interval.kind == IntervalKind::Response);
    let times: u64 = times.map(|interval| interval.values.count()).sum();
    (successes.abs_diff(times) as f64 > MOST_LOST * successes.max(times) as f64).then(|| {
        format!(
            "has a damaged journal, of {} but {}: run it again",
            counted(successes, "successful request"),
            counted(times, "response time")
        )
    })
}

/// What was skipped while a journal was read.
fn skipped(side: &str, of: &[Judged<'_>]) -> Vec<String> {
    let lines = of.iter().flat_map(|(run, _)| run.warnings.iter().map(|warning| (&run.asked.id, warning)));
    lines.map(|(id, warning)| format!("{side} ({id}): {warning}")).collect()
}

fn what_it_can_tell(a: usize, b: usize, method: &Method) -> Vec<String> {
    if method.unit == Unit::Pair {
        return vec![format!(
            "one run a side tells that these two runs differ; runs of the same code differ too, which one pair cannot see: it is taken as {:.0} % (standard deviation) here. Where a decision hangs on it, compare several runs a side, taken in turns",
            BETWEEN_RUNS * 100.0
        )];
    }
    let mut notes = Vec::new();
    if method.unit == Unit::Rounds {
        let least = least_p_of_rounds(a);
        if least > 1.0 - CONFIDENCE {
            notes.push(format!(
                "{a} rounds: a test that assumes nothing can never go below p = {least:.2}; the intervals rest on the differences of rounds being normal (their logarithms). 6 rounds can reach 0.03, 8 0.008"
            ));
        }
        return notes;
    }
    let least = least_p(a, b);
    if least > 1.0 - CONFIDENCE {
        notes.push(format!(
            "{a} against {b} runs: a test that assumes nothing can never go below p = {least:.2}; the intervals rest on the figures of runs being normal (their logarithms). 4 against 4 can reach 0.03, 5 against 5 0.008"
        ));
    }
    if a.min(b) == 1 {
        let single = if a == 1 { "A" } else { "B" };
        notes.push(format!("{single} is a single run: it is taken to vary as the other side's do"));
    }
    notes
}

fn compared((run, result): &Judged<'_>) -> ComparedRun {
    ComparedRun {
        id: run.asked.id.clone(),
        label: run.asked.label.clone(),
        started: run.asked.started.clone(),
        commit: run.asked.environment.commit.clone(),
        verdict: result.verdict,
        partial: result.partial,
        steady_s: result.steady.to_s - result.steady.from_s,
    }
}

/// What else differs: the workload first, then where, by what and on which code.
fn differs(a: &[Judged<'_>], b: &[Judged<'_>]) -> Vec<Differs> {
    type Fact = (&'static str, fn(&Run) -> String);
    const FACTS: [Fact; 13] = [
        ("commit", |run| run.asked.environment.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("host", |run| run.asked.host.clone()),
        ("service", |run| if run.asked.reference_service { "the reference service" } else { "your own" }.to_owned()),
        ("certificates", |run| {
            if run.asked.connections.check_certificates { "checked" } else { "not checked" }.to_owned()
        }),
        ("proxy", |run| run.asked.connections.proxy.clone().unwrap_or_else(|| "none".to_owned())),
        ("searched", |run| {
            let search = run.asked.search.as_ref();
            search.map_or_else(String::new, |search| format!("from {} to {}", search.start, search.most))
        }),
        ("run time", |run| format!("{} s", run.asked.plan.duration_s())),
        ("spawn rate", |run| match (run.asked.spawn_rate, run.asked.plan.model) {
            (Some(rate), _) => format!("{rate}/s"),
            (None, LoadModel::Open) => "none".to_owned(),
            (None, LoadModel::Closed) => "by stages".to_owned(),
        }),
        ("most sessions", |run| run.asked.max_users.map_or_else(|| "none".to_owned(), |users| users.to_string())),
        ("machine", |run| run.asked.environment.hostname.clone()),
        ("operating system", |run| run.asked.environment.os.clone()),
        ("CPUs", |run| run.asked.environment.cpus.to_string()),
        ("agenthub-perf", |run| run.asked.environment.version.clone()),
    ];
    let all = |side: &[Judged<'_>], fact: &dyn Fn(&Run) -> String| {
        let mut values: Vec<String> = side.iter().map(|one| fact(one.0)).collect();
        let mut seen = HashSet::new();
        values.retain(|value| seen.insert(value.clone()));
        values.join(", ")
    };
    let mut found = workload(&a[0].0.asked).differences(&workload(&b[0].0.asked));
    for (what, fact) in FACTS {
        let (of_a, of_b) = (all(a, &fact), all(b, &fact));
        // The reference service takes another port each time.
        let port_only = what == "host" && a.iter().chain(b).all(|one| one.0.asked.reference_service);
        // How long a search takes is up to what it finds.
        let searches = what == "run time" && a.iter().chain(b).all(|one| one.0.asked.search.is_some());
        // Of a search and a run the workload tells.
        let one_is_none = what == "searched" && (of_a.is_empty() || of_b.is_empty());
        if of_a != of_b && !port_only && !searches && !one_is_none {
            found.push(Differs { what: what.to_owned(), a: of_a, b: of_b });
        }
    }
    found
}

/// The first that applies: worse, unproven, and what all targets have in common of better, the same, not worse.
fn verdict(of: &Comparison, broken: &[String]) -> (Outcome, Vec<String>) {
    if !broken.is_empty() {
        return (Outcome::Unproven, broken.to_vec());
    }
    let named = |wanted: Outcome| -> Vec<String> {
        of.targets.iter().filter(|row| row.verdict == wanted).map(|row| row.name.clone()).collect()
    };
    let mut worse = named(Outcome::Worse);
    if of.gate_endpoints {
        let proven =
            |row: &&Changed| row.verdict == Outcome::Worse && row.adjusted_p.is_some_and(|p| p < 1.0 - CONFIDENCE);
        worse.extend(of.endpoints.iter().filter(proven).map(|row| row.name.clone()));
    }
    if !worse.is_empty() {
        return (Outcome::Worse, worse);
    }
    if of.targets.is_empty() {
        return (Outcome::Unproven, vec!["no target of B is of requests: there is nothing to decide by".to_owned()]);
    }
    let unproven = of.targets.iter().filter(|row| row.verdict == Outcome::Unproven);
    let unproven: Vec<String> = unproven.map(|row| format!("{}: {}", row.name, row.reason)).collect();
    if !unproven.is_empty() {
        return (Outcome::Unproven, unproven);
    }
    if of.targets.iter().all(|row| row.verdict == Outcome::Same) {
        return (Outcome::Same, Vec::new());
    }
    let better = named(Outcome::Better);
    if better.is_empty() { (Outcome::NotWorse, Vec::new()) } else { (Outcome::Better, better) }
}
