//! Targets of what probes watch: the database's time, memory and CPU.
//!
//! CPU and memory are ratios to what their subject may use. Subjects are the containers that are watched, without any the
//! processes, without any the machine, where it was asked to be judged: it mostly carries the generator too. The worst
//! subject decides. A limit is hit or it is not, so of the highest second there is no interval; means have one that
//! accounts for seconds that depend on each other.

use super::looks::Looks;
use super::targets::{by_interval, missed, undecided};
use super::window::Window;
use super::words::{NONE_STEADY, how_long};
use super::{Target, TargetName, TargetResult, Verdict};
use crate::document::suggestion;
use crate::record::{ProbeKind, Run, Seen, Watched};
use crate::stats::{LEAST_BATCHES, Ratio, Span, ratio_at};

/// A figure of which more than this share of the window was not seen, and more than [`MOST_UNSEEN_S`], cannot pass.
const MOST_UNSEEN: f64 = 0.1;
/// The looks at both ends of the window stick out of it, or leave a second open.
const MOST_UNSEEN_S: f64 = 2.0;

/// Judges a target that a probe measures; `result` is filled in.
pub(super) fn judge_watched(run: &Run, window: &Window<'_>, target: &Target, result: &mut TargetResult) {
    let subjects = match subjects(run, target) {
        Ok(subjects) => subjects,
        Err((verdict, reason)) => {
            (result.verdict, result.reason) = (verdict, reason);
            return;
        }
    };
    if window.seconds.is_empty() {
        NONE_STEADY.clone_into(&mut result.reason);
        return;
    }
    let judged = subjects.into_iter().map(|subject| of_subject(subject, window, target.name, result.clone()));
    if let Some(worst) = judged.reduce(worse) {
        *result = worst;
    }
}

/// Whom the target speaks of; else the verdict without any, and why.
fn subjects<'a>(run: &'a Run, target: &Target) -> Result<Vec<&'a Watched>, (Verdict, String)> {
    let of_kind = |kind| run.watched.iter().filter(move |watched| watched.name.kind == kind).collect::<Vec<_>>();
    if target.name == TargetName::DbQueryTime {
        let databases = of_kind(ProbeKind::Postgres);
        if databases.is_empty() {
            return Err((Verdict::NotMeasured, "name a database with --postgres URL".to_owned()));
        }
        return named(databases, target);
    }
    let (containers, processes, machine) =
        (of_kind(ProbeKind::Container), of_kind(ProbeKind::Process), of_kind(ProbeKind::Host));
    if target.of.is_some() {
        let all: Vec<&Watched> = [containers, processes, machine].concat();
        if !all.is_empty() {
            return named(all, target);
        }
    } else if let Some(subjects) = [containers, processes].into_iter().find(|subjects| !subjects.is_empty()) {
        return Ok(subjects);
    } else if run.asked.judge_machine && !machine.is_empty() {
        return Ok(machine);
    } else if !machine.is_empty() {
        let reason = "name what to watch: --container NAME, --process PID|NAME, or --machine (the machine carries the generator too, so it is only judged when asked for)";
        return Err((Verdict::NotMeasured, reason.to_owned()));
    }
    let reason = "name what to watch: --container NAME, --process PID|NAME, or --machine";
    Err((Verdict::NotMeasured, reason.to_owned()))
}

/// Those that the target's brackets name; all without any.
fn named<'a>(all: Vec<&'a Watched>, target: &Target) -> Result<Vec<&'a Watched>, (Verdict, String)> {
    let Some(name) = &target.of else { return Ok(all) };
    let names: Vec<String> = all.iter().map(|watched| watched.name.to_string()).collect();
    let found: Vec<&Watched> = all.into_iter().filter(|watched| watched.name.to_string() == *name).collect();
    if found.is_empty() {
        let nearest = suggestion(name, names.iter().map(String::as_str));
        return Err((Verdict::Unproven, format!("nothing that is watched is named {name:?}; {nearest}")));
    }
    Ok(found)
}

/// The worse of two subjects: a miss, then what cannot be told, then the higher figure.
fn worse(one: TargetResult, other: TargetResult) -> TargetResult {
    let rank = |result: &TargetResult| match result.verdict {
        Verdict::Fail => 3,
        Verdict::Unproven => 2,
        // Of several subjects all must be measured.
        Verdict::NotMeasured => 1,
        _ => 0,
    };
    let mut both = [one, other];
    both.sort_by(|a, b| {
        let size = |result: &TargetResult| result.value.unwrap_or(f64::INFINITY);
        rank(a).cmp(&rank(b)).then(size(a).total_cmp(&size(b)))
    });
    let [other, mut worst] = both;
    if worst.verdict == Verdict::NotMeasured && other.verdict == Verdict::Pass {
        worst.verdict = Verdict::Unproven;
    }
    worst
}

fn of_subject(subject: &Watched, window: &Window<'_>, name: TargetName, mut result: TargetResult) -> TargetResult {
    result.subject = Some(subject.name.to_string());
    let looks = Looks::new(subject, &window.parts);
    let not_seen = || {
        let why = looks.gap().unwrap_or("it never looked");
        format!("nothing was seen of {} in the steady window: {why}", subject.name)
    };
    if looks.seen.is_empty() {
        result.reason = not_seen();
        return result;
    }
    match name {
        TargetName::DbQueryTime => query_time(&looks, window.confidence, &mut result),
        TargetName::CpuAverage => average(&looks, window.confidence, &mut result),
        TargetName::CpuPeak => highest(&looks, &mut result, "CPU", Seen::cpu_peak),
        _ => highest(&looks, &mut result, "memory", Seen::memory_peak),
    }
    result
}

/// Time in statements by statements, over the window: a mean, never a percentile. A difference that spans a gap is right where
/// the counters outlived it; where they did not, nothing is told of it.
fn query_time(looks: &Looks<'_>, confidence: f64, result: &mut TargetResult) {
    let database = looks.watched;
    let told = |seen: &Seen| Some((*seen.counts.get("exec_ms")?, *seen.counts.get("calls")?));
    if !looks.seen.iter().any(|(seen, _)| told(seen).is_some()) {
        if database.tells("calls") && database.tells("exec_ms") {
            result.reason = format!(
                "no time of statements was seen in the steady window: {}",
                looks.gap().unwrap_or("their counters began anew")
            );
            return;
        }
        result.verdict = Verdict::NotMeasured;
        let facts = &database.name.facts;
        let how = facts.iter().find(|(name, _)| name.contains("pg_stat_statements")).map(|(_, fact)| fact.as_str());
        result.reason = format!(
            "the database does not count its statements: {}",
            how.unwrap_or(
                "add pg_stat_statements to shared_preload_libraries, restart PostgreSQL, then CREATE EXTENSION pg_stat_statements"
            )
        );
        return;
    }
    let (spans, counts) = series(looks, told);
    let Some(Ratio { value, low, high }) = ratio_at(confidence, &spans, &counts) else {
        "no statement ended in the steady window: the database was not asked, or not the one that was named"
            .clone_into(&mut result.reason);
        return;
    };
    (result.value, result.low, result.high) = (Some(value), low, high);
    decide(looks, result, false, &|seen| told(seen).is_some());
    if let Some(why) = database.statements.as_ref().and_then(|statements| statements.incomplete.as_ref()) {
        let before = if result.reason.is_empty() { String::new() } else { format!("{}; ", result.reason) };
        result.reason = format!("{before}not all statements were counted: {why}");
    }
}

/// The mean of the CPU ratio over time.
fn average(looks: &Looks<'_>, confidence: f64, result: &mut TargetResult) {
    // Of a look the ratio, times its length, by its length.
    let told = |seen: &Seen| Some((seen.cpu()? * seen.length_s(), seen.length_s()));
    let (spans, counts) = series(looks, told);
    let Some(Ratio { value, low, high }) = ratio_at(confidence, &spans, &counts) else {
        no_ratio(looks, result, "CPU");
        return;
    };
    (result.value, result.low, result.high) = (Some(value), low, high);
    decide(looks, result, false, &|seen| seen.cpu().is_some());
}

/// The highest second of a ratio.
fn highest(looks: &Looks<'_>, result: &mut TargetResult, what: &str, of: impl Fn(&Seen) -> Option<f64>) {
    let Some(value) = looks.seen.iter().filter_map(|(seen, _)| of(seen)).reduce(f64::max) else {
        no_ratio(looks, result, what);
        return;
    };
    (result.value, result.low, result.high) = (Some(value), Some(value), Some(value));
    decide(looks, result, true, &|seen| of(seen).is_some());
}

fn no_ratio(looks: &Looks<'_>, result: &mut TargetResult, what: &str) {
    let name = &looks.watched.name;
    let (used, limit) = if what == "CPU" { ("cpu_s", "cpus") } else { ("memory_bytes", "memory_limit_bytes") };
    if !looks.watched.tells(used) {
        result.reason = format!("{name} does not tell its {what}");
    } else if looks.watched.tells(limit) {
        result.reason =
            format!("too little was seen of the {what} of {name} in the steady window: run longer than a few seconds");
        return;
    } else {
        result.reason = format!("the {what} that {name} may use is not known, so its share cannot be told");
    }
    result.verdict = Verdict::NotMeasured;
}

/// Each look that tells, as a span with its pair of sums.
fn series(looks: &Looks<'_>, told: impl Fn(&Seen) -> Option<(f64, f64)>) -> (Vec<Span>, Vec<(f64, f64)>) {
    let pieces = looks.seen.iter().filter(|(seen, _)| seen.length_s() > 0.0).filter_map(|(seen, hold)| {
        let counts = told(seen).filter(|(hits, of)| hits.is_finite() && of.is_finite())?;
        Some((Span { seconds: seen.length_s(), hold: *hold }, counts))
    });
    pieces.unzip()
}

/// Verdict and reason by the interval, and by how much of the window was seen.
fn decide(looks: &Looks<'_>, result: &mut TargetResult, each_second: bool, tells: &dyn Fn(&Seen) -> bool) {
    result.verdict = by_interval(result);
    let (window_s, told_s) = (looks.window_s(), looks.told_s(each_second, tells));
    let unseen_s = (window_s - told_s).max(0.0);
    let name = &looks.watched.name;
    result.reason = match result.verdict {
        Verdict::Fail => missed(result),
        _ if unseen_s > MOST_UNSEEN_S.max(MOST_UNSEEN * window_s) => {
            result.verdict = Verdict::Unproven;
            let why = looks.gap().unwrap_or("its looks came late");
            format!("{} of the {} were not seen: {why}", how_long(unseen_s), how_long(window_s))
        }
        Verdict::Pass => return,
        _ if result.low.is_none() => format!(
            "too short to tell how much it varies: needs {LEAST_BATCHES} s of steady load with something to count, has {}",
            how_long(told_s)
        ),
        _ => undecided(result, told_s),
    };
    result.reason = format!("{name}: {}", result.reason);
}
