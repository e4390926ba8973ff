//! The words for drift.

use std::fmt::Write as _;

use crate::judge::{DriftResult, RunResult, Verdict};
use crate::report::words::{sign, span, target_name};

pub(super) const TITLES: [&str; 6] = ["drift", "at first", "grows by", "interval an hour", "limit", "runs out"];

/// `memory (process api)`.
pub(in crate::report) fn title(drift: &DriftResult) -> String {
    let name = target_name(&drift.name);
    drift.subject.as_ref().map_or_else(|| name.clone(), |subject| format!("{name} ({subject})"))
}

/// What it rests on: `Over 7 days; lines from 225 to 900 s; …`. `None` where drift was not judged.
pub(super) fn heading(result: &RunResult) -> Option<String> {
    let first = result.drift.first()?;
    let lines = || result.drift.iter().filter(|drift| drift.per_hour.is_some());
    let (from_s, to_s) = lines().fold((f64::INFINITY, 0.0), |(from_s, to_s): (f64, f64), drift| {
        (from_s.min(drift.from_s), to_s.max(drift.to_s))
    });
    let drawn = if to_s > from_s {
        format!(", by lines through {}", span(from_s.round(), to_s.round()))
    } else {
        String::new()
    };
    Some(format!(
        "What grows has to last for {}{drawn}; all intervals hold together in 95 % of runs",
        first.horizon_in_words()
    ))
}

/// Of what runs out: `memory (process api) runs out in 3 h – 9 h`.
pub(in crate::report) fn failing(result: &RunResult) -> Option<String> {
    let told = |drift: &DriftResult| format!("{} runs out {}", title(drift), drift.runs_out_in_words());
    listed(&result.drift.iter().filter(|drift| drift.verdict == Verdict::Fail).map(told).collect::<Vec<_>>())
}

/// Of what leaves the run unproven.
pub(in crate::report) fn open(result: &RunResult) -> Option<String> {
    listed(&result.drift.iter().filter(|drift| drift.is_open()).map(title).collect::<Vec<_>>())
}

fn listed(of: &[String]) -> Option<String> {
    match of.len() {
        0 => None,
        1..=3 => Some(of.join(", ")),
        n => Some(format!("{} and {} more", of[..2].join(", "), n - 2)),
    }
}

/// What to do about what runs out.
pub(in crate::report) fn next(result: &RunResult) -> Option<String> {
    let first = result.drift.iter().find(|drift| drift.verdict == Verdict::Fail)?;
    Some(format!("begin with what makes {} grow: see its line in report.html", title(first)))
}

/// `memory (process api) 260 MB, grows by 60 MB/h (55 MB – 65 MB), limit 3.2 GB: …`.
pub(in crate::report) fn message(drift: &DriftResult) -> String {
    let mut message = format!("{} {}", title(drift), drift.level_in_words());
    if drift.per_hour.is_some() {
        let _ = write!(message, ", grows by {} ({})", drift.per_hour_in_words(), drift.interval_in_words());
    }
    let _ = write!(message, ", limit {}", drift.limit_in_words());
    if !drift.reason.is_empty() {
        let _ = write!(message, ": {}", drift.reason);
    }
    message
}

/// A row of the table.
pub(super) struct Row {
    pub(super) sign: char,
    pub(super) verdict: Verdict,
    /// As [`TITLES`] name them.
    pub(super) cells: [String; 6],
    pub(super) why: String,
}

pub(super) fn rows(result: &RunResult) -> Vec<Row> {
    let row = |drift: &DriftResult| Row {
        sign: sign(drift.verdict),
        verdict: drift.verdict,
        cells: [
            title(drift),
            drift.level_in_words(),
            drift.per_hour_in_words(),
            drift.interval_in_words(),
            drift.limit_in_words(),
            drift.runs_out_in_words(),
        ],
        why: drift.reason.clone(),
    };
    result.drift.iter().map(row).collect()
}
