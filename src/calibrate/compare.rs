//! What was measured against what the server wrote down, and against theory. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::schedule::Answer;
use super::server::Record;
use super::shape::{FIGURES, Shape};
use crate::judge::RunResult;
use crate::record::{FailureKind, Run};
use crate::stats::Distribution;
use crate::units::{format_count, format_ms, format_ratio};

/// How far a figure may be off what the server wrote down: this share of it, or this many ms.
const WITHIN: f64 = 0.01;
const WITHIN_MS: f64 = 0.3;

/// A closed loop has missed what arrivals meet where it sees less than this share of it.
const MISSED: f64 = 0.5;

/// How many patterns are named whose counts differ.
const MOST_NAMED: usize = 3;

/// Whether something measured is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is.
    True,
    /// It could not be told.
    Unproven,
    /// It is not.
    Wrong,
}

/// One percentile of one shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `p95`.
    pub figure: &'static str,
    /// By the server's own record, ms.
    pub true_ms: f64,
    /// By the journal, ms.
    pub measured_ms: f64,
    /// Measured less true, ms.
    pub off_ms: f64,
    /// What theory says of arrivals at such a server, ms.
    pub theory_ms: f64,
    /// The lower end of the printed 95 % interval, ms; `None` where it is not bounded.
    pub low_ms: Option<f64>,
    /// The upper end.
    pub high_ms: Option<f64>,
    /// A closed loop's figure that leaves out what arrivals would have met, as it must.
    pub missed: bool,
    /// Whether it holds.
    pub verdict: Truth,
    /// Why it does not; empty where it does.
    pub reason: String,
}

/// Requests with an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// By the server's own record.
    pub served: u64,
    /// By the journal.
    pub counted: u64,
    /// Cut off at the end: nobody knows their outcome.
    pub cut_off: u64,
}

/// Injected errors, pattern by pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Patterns that were asked for at all.
    pub patterns: usize,
    /// Those of which every count by kind is the server's.
    pub exact: usize,
    /// Failures by kind: by the server's own record.
    pub injected: BTreeMap<FailureKind, u64>,
    /// Failures by kind: by the journal.
    pub counted: BTreeMap<FailureKind, u64>,
    /// The first patterns that differ, in words.
    pub differing: Vec<String>,
}

/// How late the server was by its own record, p99, ms.
pub(super) fn server_late_ms(record: &Record) -> f64 {
    let late = Distribution::from_pairs(record.served.iter().map(|served| (served.late_ns / 1000, 1)));
    late.quantile(0.99).unwrap_or(0) as f64 / 1000.0
}

fn tolerance_ms(true_ms: f64) -> f64 {
    (WITHIN * true_ms).max(WITHIN_MS)
}

/// Every percentile of a shape; none where the server answered nothing rightly or the run has no such figure.
pub(super) fn times(shape: &Shape, record: &Record, result: &RunResult) -> Vec<Row> {
    let right = record.served.iter().filter(|served| served.answer == Answer::Right);
    let truth = Distribution::from_pairs(right.map(|served| ((served.took_ns + 500) / 1000, 1)));
    let late_ms = server_late_ms(record);
    let times = &result.totals.response_time_ms;
    let measured = [times.p50, times.p95, times.p99];
    let mut rows = Vec::new();
    for ((figure, q), measured) in FIGURES.into_iter().zip(measured) {
        let (Some(truly), Some(measured_ms), Some(theory_ms)) = (truth.quantile(q), measured, shape.analytic_ms(q))
        else {
            continue;
        };
        let true_ms = truly as f64 / 1000.0;
        let target = result.targets.iter().find(|target| target.name == format!("{figure}_response_time"));
        let mut row = Row {
            figure,
            true_ms,
            measured_ms,
            off_ms: measured_ms - true_ms,
            theory_ms,
            low_ms: target.and_then(|target| target.low),
            high_ms: target.and_then(|target| target.high),
            missed: false,
            verdict: Truth::True,
            reason: String::new(),
        };
        judge(&mut row, shape, late_ms);
        rows.push(row);
    }
    rows
}

fn judge(row: &mut Row, shape: &Shape, late_ms: f64) {
    let (figure, most_ms) = (row.figure, tolerance_ms(row.true_ms));
    if row.off_ms.abs() > most_ms {
        row.verdict = Truth::Wrong;
        row.reason = format!(
            "{figure} is {} off what the server wrote down ({}), at most {} allowed",
            format_ms(row.off_ms),
            format_ms(row.true_ms),
            format_ms(most_ms)
        );
        return;
    }
    if shape.must_miss {
        // Where theory says the same of both, there is nothing to miss.
        let stalled = row.theory_ms > 2.0 * shape.analytic_ms(0.0).unwrap_or(row.theory_ms);
        row.missed = stalled && row.measured_ms < MISSED * row.theory_ms;
        if stalled && !row.missed {
            row.verdict = Truth::Unproven;
            row.reason =
                format!("{figure} of the closed loop shows the stall: the server had too few requests between them");
        }
        return;
    }
    // An interval tells of chance, not of the way between two clocks, which is what the tolerance is for, nor of a server that is
    // a little later than theory has it, which it wrote down.
    let inside = row.low_ms.is_none_or(|low| low - most_ms - late_ms.min(WITHIN_MS) <= row.theory_ms)
        && row.high_ms.is_none_or(|high| row.theory_ms <= high + most_ms);
    let near = match shape.p99_within {
        Some(within) if figure == "p99" => (row.measured_ms / row.theory_ms - 1.0).abs() <= within,
        _ => true,
    };
    if inside && near {
        // An open end holds whatever there is.
        if row.low_ms.is_none() || row.high_ms.is_none() {
            row.verdict = Truth::Unproven;
            row.reason = format!("{figure}: the printed interval has an open end, and holds any theory");
        }
        return;
    }
    let theory = format_ms(row.theory_ms);
    row.reason = if inside {
        format!(
            "{figure} is {} off theory ({theory}), at most {} allowed",
            format_ratio(row.measured_ms / row.theory_ms - 1.0),
            format_ratio(shape.p99_within.unwrap_or_default())
        )
    } else {
        format!("{figure}: theory ({theory}) lies outside the printed interval, as chance alone does in one of twenty")
    };
    row.verdict = Truth::Wrong;
    if late_ms > WITHIN_MS {
        row.verdict = Truth::Unproven;
        row.reason = format!("{}; but the server itself was late (p99 {})", row.reason, format_ms(late_ms));
    }
}

/// How many requests each side counted.
pub(super) fn requests(record: &Record, result: &RunResult) -> Requests {
    let cut_off = result.totals.cut_off;
    Requests { served: record.served.len() as u64, counted: result.totals.requests - cut_off, cut_off }
}

/// Every count that is not what it must be, in words. Of what was cut off nobody knows whether the server answered it.
pub(super) fn miscounts(shape: &Shape, result: &RunResult, requests: Requests, errors: Option<&Counts>) -> Vec<String> {
    let mut found = Vec::new();
    let Requests { served, counted, cut_off } = requests;
    if !(counted..=counted + cut_off).contains(&served) {
        let (served, counted) = (format_count(served), format_count(counted));
        found.push(format!("the server answered {served} requests, and {counted} were counted"));
    }
    let made = counted + cut_off + unsent(result);
    if let Some(asked) = shape.known_arrivals().filter(|asked| *asked != made) {
        let (asked, made) = (format_count(asked), format_count(made));
        found.push(format!("{asked} arrivals were asked for, and {made} were made"));
    }
    match errors {
        Some(errors) if cut_off == 0 && errors.exact < errors.patterns => {
            let (exact, patterns) = (errors.exact, errors.patterns);
            found.push(format!("only {exact} of {patterns} patterns of errors were counted exactly"));
            found.extend(errors.differing.iter().cloned());
        }
        None if result.totals.failures > 0 => {
            let failures = format_count(result.totals.failures);
            found.push(format!("counted as failed: {failures}, and the server made none fail"));
        }
        _ => {}
    }
    found
}

/// Arrivals that were due and never begun.
pub(super) fn unsent(result: &RunResult) -> u64 {
    result.generators.iter().filter_map(|generator| generator.arrivals).map(|arrivals| arrivals.unsent).sum()
}

/// Failures by kind and all requests, of each path `/known/N`.
type ByPattern = BTreeMap<u32, (u64, BTreeMap<FailureKind, u64>)>;

/// Every count of every pattern, by both.
pub(super) fn counts(record: &Record, run: &Run) -> Counts {
    let (theirs, ours) = (injected(record), counted(run));
    let all: std::collections::BTreeSet<u32> = theirs.keys().chain(ours.keys()).copied().collect();
    let mut differing: Vec<String> = Vec::new();
    for number in &all {
        let (theirs, ours) = (theirs.get(number), ours.get(number));
        if theirs != ours {
            let words = |side: Option<&(u64, BTreeMap<FailureKind, u64>)>| match side {
                Some((requests, failures)) => format!("{} requests, {}", format_count(*requests), by_kind(failures)),
                None => "nothing".to_owned(),
            };
            differing.push(format!("/known/{number}: the server {}; counted {}", words(theirs), words(ours)));
        }
    }
    let exact = all.len() - differing.len();
    differing.truncate(MOST_NAMED);
    Counts { patterns: all.len(), exact, injected: sum(&theirs), counted: sum(&ours), differing }
}

/// `status 3, reset 1`, or `no failure`.
pub(super) fn by_kind(failures: &BTreeMap<FailureKind, u64>) -> String {
    if failures.is_empty() {
        return "no failure".to_owned();
    }
    let words = failures.iter().map(|(kind, count)| format!("{} {}", kind.as_str(), format_count(*count)));
    words.collect::<Vec<_>>().join(", ")
}

fn injected(record: &Record) -> ByPattern {
    let mut all = ByPattern::new();
    for served in &record.served {
        let Some(number) = served.pattern else { continue };
        let (requests, failures) = all.entry(number).or_default();
        *requests += 1;
        if let Some(kind) = served.answer.failure() {
            *failures.entry(kind).or_default() += 1;
        }
    }
    all
}

fn counted(run: &Run) -> ByPattern {
    let mut all = ByPattern::new();
    for (id, endpoint) in run.seconds.iter().flat_map(|second| &second.endpoints) {
        let name = run.endpoints.get(*id as usize).and_then(|endpoint| endpoint.name.rsplit_once('/'));
        let Some(number) = name.and_then(|(_, number)| number.parse().ok()) else { continue };
        let (requests, failures) = all.entry(number).or_default();
        *requests += endpoint.requests - endpoint.cut_off;
        for (kind, count) in &endpoint.failures {
            *failures.entry(*kind).or_default() += count;
        }
    }
    all.retain(|_, (requests, _)| *requests > 0);
    all
}

fn sum(all: &ByPattern) -> BTreeMap<FailureKind, u64> {
    let mut sum = BTreeMap::new();
    for (kind, count) in all.values().flat_map(|(_, failures)| failures) {
        *sum.entry(*kind).or_default() += count;
    }
    sum
}
