//! The whole: every shape in its turn, then the intervals by simulation, then what it comes to.

use std::path::PathBuf;

use serde::Serialize;
use tokio::sync::watch;

use super::compare::{Counts, Requests, Row, Truth, counts, miscounts, requests, server_late_ms, times, unsent};
use super::drive::{CalibrateError, drive};
use super::machine;
use super::process::Process;
use super::server::Record;
use super::shape::{Shape, shapes};
use crate::judge::{self, GeneratorResult};
use crate::load;
use crate::record::{Environment, Run};
use crate::stats;
use crate::units::{format_count, format_ms, format_ratio};

/// A shape that is not proven is tried again, at most so many times: chance puts one of twenty intervals beside the truth,
/// and somebody else may have used the machine just then.
const TRIES: u32 = 3;

/// How many further tries there are for all shapes together: where everything fails, trying does not help.
const FURTHER_TRIES: u32 = 4;

/// What others may use of the machine's CPU time before a figure that is off is no longer the generator's fault.
const MOST_OTHERS: f64 = 0.05;

/// How long the generator's threads may have waited for a CPU, as a share of the run.
const MOST_RUN_DELAY: f64 = 0.05;

/// The simulated queue is as busy as the real one, and its runs as long.
const UTILISATION: f64 = 0.5;
const SIMULATED_REQUESTS: usize = 5000;

/// Intervals that promise 95 % hold the truth in at least so many of some hundred runs: four standard errors below.
const LEAST_HELD: f64 = 0.9;

/// An interval without an upper end holds any truth: only so many may be such.
const MOST_UNBOUNDED: f64 = 0.03;

/// How to calibrate.
#[derive(Debug, Clone)]
pub struct Options {
    /// Shorter runs.
    pub quick: bool,
    /// Of every random choice.
    pub seed: u64,
    /// The program that knows the command `synthetic-server`: this one.
    pub program: PathBuf,
    /// Where and by what.
    pub environment: Environment,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Calibration {
    /// Of this shape: 1.
    pub schema: u32,
    /// Of everything together.
    pub verdict: Truth,
    /// That in a sentence, and what to do.
    pub sentence: String,
    /// Of every random choice.
    pub seed: u64,
    /// Where and by what.
    pub environment: Environment,
    /// Each shape.
    pub shapes: Vec<ShapeResult>,
    /// How often the intervals hold the truth.
    pub coverage: CoverageResult,
}

/// What came out for one shape: of its last try.
#[derive(Debug, Clone, Serialize)]
pub struct ShapeResult {
    /// Its name.
    pub name: &'static str,
    /// What the server does.
    pub server: String,
    /// What is asked of it.
    pub load: String,
    /// Whether it holds.
    pub verdict: Truth,
    /// Why it does not.
    pub reasons: Vec<String>,
    /// A count is wrong, which no further try and no crowd excuses.
    pub miscounted: bool,
    /// Percentiles; none for errors.
    pub figures: Vec<Row>,
    /// Requests by both.
    pub requests: Requests,
    /// Errors by both; only where some were injected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Counts>,
    /// The generator's own checks.
    pub generator: Option<GeneratorResult>,
    /// How late the server was by its own record, p99, ms.
    pub server_late_ms: f64,
    /// The share of the CPU time that neither generator nor server used; `None` where the system does not tell.
    pub others: Option<f64>,
    /// How often it was tried, this one included.
    pub tries: u32,
}

/// How often the intervals hold the truth, by simulation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CoverageResult {
    /// Simulated runs.
    pub runs: usize,
    /// Requests in each.
    pub requests: usize,
    /// The share of intervals of p95 that held the true one.
    pub held: f64,
    /// The share whose upper end was open: these hold any truth.
    pub unbounded: f64,
    /// The share whose upper end was not open and that did not.
    pub bounded_misses: f64,
    /// Whether that is what they promise.
    pub verdict: Truth,
}

/// Proves the generator on this machine. `tell` hears what is being done.
pub async fn calibrate(
    options: &Options,
    tell: &(dyn Fn(&str) + Sync),
    stop: watch::Receiver<bool>,
) -> Result<Calibration, CalibrateError> {
    let shapes = shapes(options.quick);
    let (mut results, mut left) = (Vec::new(), FURTHER_TRIES);
    for (number, shape) in (1..).zip(&shapes) {
        let (mut tries, mut wrong) = (0, 0);
        loop {
            tries += 1;
            let again = if tries > 1 { format!(", try {tries}") } else { String::new() };
            tell(&format!("{number}/{} {}: {}; {}{again}", shapes.len(), shape.name, shape.server(), shape.load()));
            let seed = options.seed.wrapping_add(u64::from(tries - 1));
            let mut result = attempt(shape, options, seed, stop.clone()).await?;
            result.tries = tries;
            wrong += u32::from(result.verdict == Truth::Wrong);
            let last = is_last(&result, left);
            if last {
                not_by_chance(&mut result, wrong);
            }
            for reason in result.reasons.iter().filter(|_| !last) {
                tell(&format!("    {reason}"));
            }
            if last {
                results.push(result);
                break;
            }
            left -= 1;
        }
    }
    let coverage = cover(options, stop).await?;
    let (verdict, sentence) = conclude(&results, &coverage);
    Ok(Calibration {
        schema: 1,
        verdict,
        sentence,
        seed: options.seed,
        environment: options.environment.clone(),
        shapes: results,
        coverage,
    })
}

/// Whether a shape is not tried again, where there are so many further tries left.
pub(super) fn is_last(result: &ShapeResult, left: u32) -> bool {
    result.verdict == Truth::True || result.miscounted || result.tries == TRIES || left == 0
}

/// Times are only called wrong that were so in every try, with nobody in the way: a p99 hangs on some tens of requests.
pub(super) fn not_by_chance(result: &mut ShapeResult, wrong: u32) {
    if result.verdict == Truth::Wrong && !result.miscounted && wrong < TRIES {
        result.verdict = Truth::Unproven;
        result.reasons.push(format!(
            "{wrong} of {} tries came out so with nobody in the way: it takes {TRIES} of {TRIES} to tell",
            result.tries
        ));
    }
}

/// One run of one shape on a server of its own.
async fn attempt(
    shape: &Shape,
    options: &Options,
    seed: u64,
    stop: watch::Receiver<bool>,
) -> Result<ShapeResult, CalibrateError> {
    let folder = tempfile::Builder::new()
        .prefix("agenthub-perf-calibrate-")
        .tempdir()
        .map_err(|source| CalibrateError::Folder { folder: std::env::temp_dir(), source })?;
    let server = Process::start(&options.program, &shape.behaviour, seed).await?;
    let before = machine::read();
    let run = drive(shape, &server.url, folder.path(), options.environment.clone(), seed, stop).await?;
    let after = machine::read();
    let record = server.stop().await?;
    let others = after.others_since(&before, record.cpu_s);
    Ok(assess(shape, &record, &run, others))
}

/// What one run proves. Pure.
pub(super) fn assess(shape: &Shape, record: &Record, run: &Run, others: Option<f64>) -> ShapeResult {
    let judged = judge::judge(run);
    let requests = requests(record, &judged);
    let figures = if shape.counts() { Vec::new() } else { times(shape, record, &judged) };
    let errors = shape.counts().then(|| counts(record, run));
    let mut reasons = miscounts(shape, &judged, requests, errors.as_ref());
    let miscounted = !reasons.is_empty();
    let mut verdict = figures.iter().map(|row| row.verdict).max().unwrap_or(Truth::True);
    reasons.extend(figures.iter().filter(|row| row.verdict != Truth::True).map(|row| row.reason.clone()));
    let mut unproven = |reason: String| {
        verdict = verdict.max(Truth::Unproven);
        reasons.push(reason);
    };
    if requests.cut_off > 0 {
        unproven(format!("{} requests were cut off at the end", format_count(requests.cut_off)));
    }
    if unsent(&judged) > 0 {
        unproven(format!("{} arrivals were never begun", format_count(unsent(&judged))));
    }
    if !shape.counts() && figures.is_empty() {
        unproven("no request was answered".to_owned());
    }
    let generator = judged.generators.into_iter().next();
    let void: Vec<String> = generator.iter().flat_map(|generator| generator.reasons.clone()).collect();
    let disturbed = disturbance(run, others);
    if !shape.counts() && (!void.is_empty() || verdict == Truth::Wrong && !disturbed.is_empty()) {
        // A run that would be void tells nothing of the machine, whatever its figures; nor does one in a crowd that is off.
        verdict = Truth::Unproven;
        reasons.extend(void.into_iter().chain(disturbed));
    }
    // No crowd is an excuse for a wrong count.
    if miscounted {
        verdict = Truth::Wrong;
    }
    ShapeResult {
        name: shape.name,
        server: shape.server(),
        load: shape.load(),
        verdict,
        reasons,
        miscounted,
        figures,
        requests,
        errors,
        generator,
        server_late_ms: server_late_ms(record),
        others,
        tries: 1,
    }
}

/// Who or what kept the generator from its CPUs.
fn disturbance(run: &Run, others: Option<f64>) -> Vec<String> {
    let mut reasons = Vec::new();
    if cfg!(debug_assertions) {
        reasons.push(
            "this is an unoptimised build, which is slower than what it measures: use a release build".to_owned(),
        );
    }
    if let Some(others) = others.filter(|others| *others > MOST_OTHERS) {
        reasons.push(format!("other programs used {} of this machine's CPU time meanwhile", format_ratio(others)));
    }
    let waited_s: f64 = run.seconds.iter().filter_map(|second| second.generator.run_delay_s).sum();
    let share = waited_s / run.duration_s().max(f64::MIN_POSITIVE);
    if share > MOST_RUN_DELAY {
        reasons.push(format!("the generator's threads waited for a CPU for {} of the run", format_ratio(share)));
    }
    reasons
}

/// Simulates queues, away from the threads that must stay able to hear a signal.
async fn cover(options: &Options, mut stop: watch::Receiver<bool>) -> Result<CoverageResult, CalibrateError> {
    let (seed, runs) = (options.seed, if options.quick { 100 } else { 300 });
    let simulated = tokio::task::spawn_blocking(move || stats::coverage(seed, UTILISATION, runs, SIMULATED_REQUESTS));
    let found = tokio::select! {
        found = simulated => found.map_err(|error| CalibrateError::Simulation(error.to_string()))?,
        () = load::told(&mut stop) => return Err(CalibrateError::Interrupted),
    };
    Ok(covered(&found))
}

/// What simulated intervals prove. Pure.
pub(super) fn covered(found: &stats::Coverage) -> CoverageResult {
    let &stats::Coverage { runs, held, unbounded, bounded_misses, .. } = found;
    let verdict = if held < LEAST_HELD {
        Truth::Wrong
    } else if unbounded > MOST_UNBOUNDED {
        Truth::Unproven
    } else {
        Truth::True
    };
    CoverageResult { runs, requests: SIMULATED_REQUESTS, held, unbounded, bounded_misses, verdict }
}

/// What it comes to, and what to do.
pub(super) fn conclude(shapes: &[ShapeResult], coverage: &CoverageResult) -> (Truth, String) {
    let of = |truth| shapes.iter().filter(move |shape| shape.verdict == truth);
    let first = |shape: &ShapeResult| {
        let reason = shape.reasons.first().map_or("no reason is known", String::as_str);
        format!("{}: {reason}", shape.name)
    };
    if let Some(miscounted) = shapes.iter().find(|shape| shape.miscounted) {
        let sentence = format!(
            "What happened was not counted truly: {}. Neither chance nor other programs explain that. Do not trust any figure of this machine, and report it as a defect of agenthub-perf, with the seed.",
            first(miscounted)
        );
        return (Truth::Wrong, sentence);
    }
    if let Some(wrong) = of(Truth::Wrong).next() {
        let sentence = format!(
            "This machine does not measure truly, and nobody else used its CPUs: {}. Do not trust its figures below a hundred times that error; take a machine with more or faster CPUs, or fewer layers of virtualisation.",
            first(wrong)
        );
        return (Truth::Wrong, sentence);
    }
    if coverage.verdict == Truth::Wrong {
        let held = format_ratio(coverage.held);
        return (Truth::Wrong, format!("The intervals hold the truth in {held} of simulated runs: they promise 95 %."));
    }
    if let Some(unproven) = of(Truth::Unproven).next() {
        let why =
            unproven.reasons.last().map_or_else(|| first(unproven), |reason| format!("{}: {reason}", unproven.name));
        return (
            Truth::Unproven,
            format!(
                "It could not be told whether this machine measures truly: {why}. Stop what else runs here, and calibrate again."
            ),
        );
    }
    if coverage.verdict == Truth::Unproven {
        let sentence = format!(
            "It could not be told whether the intervals hold the truth: {} of simulated runs had one without an upper end, at most {} allowed. Report it as a defect of agenthub-perf, with the seed.",
            format_ratio(coverage.unbounded),
            format_ratio(MOST_UNBOUNDED)
        );
        return (Truth::Unproven, sentence);
    }
    let worst_ms = shapes.iter().flat_map(|shape| &shape.figures).map(|row| row.off_ms.abs()).fold(0.0, f64::max);
    let sentence = format!(
        "This machine measures truly: no figure is further than {} from what the server wrote down, and every request and error was counted.",
        format_ms(worst_ms)
    );
    (Truth::True, sentence)
}
