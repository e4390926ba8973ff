//! What probes saw, summed up for `result.json`.

use std::collections::{BTreeMap, BTreeSet};

use super::looks::Looks;
use super::steady::Part;
use super::{FigureResult, GapResult, ProbeResult, StatementResult};
use crate::record::{Run, StatementRow, Statements, Watched};

/// Sessions that waited for locks are kept up to so many, those seen to wait longest.
const MOST_BLOCKED: usize = 20;

/// What each probe saw over the parts that are judged, by its name.
pub(super) fn samples(run: &Run, parts: &[Part]) -> BTreeMap<String, ProbeResult> {
    run.watched.iter().map(|watched| (watched.name.to_string(), sample(run, watched, parts))).collect()
}

fn sample(run: &Run, watched: &Watched, parts: &[Part]) -> ProbeResult {
    let mut blocked = watched.blocked.clone();
    blocked.sort_by(|a, b| b.waited_s.total_cmp(&a.waited_s));
    blocked.truncate(MOST_BLOCKED);
    let statements = watched.statements.as_ref();
    let gap = |gap: &crate::record::Gap| GapResult { from_s: gap.from_s, to_s: gap.to_s, why: gap.why.clone() };
    ProbeResult {
        facts: watched.name.facts.clone(),
        figures: figures(&Looks::new(watched, parts)),
        gaps: watched.gaps.iter().map(gap).collect(),
        statements: statements.map(|statements| statement_results(run, statements)).unwrap_or_default(),
        statements_incomplete: statements.and_then(|statements| statements.incomplete.clone()),
        tables: watched.tables.as_ref().map(|tables| tables.top.clone()).unwrap_or_default(),
        blocked,
    }
}

fn figures(looks: &Looks<'_>) -> BTreeMap<String, FigureResult> {
    let names: BTreeSet<&String> =
        looks.seen.iter().flat_map(|(seen, _)| seen.gauges.keys().chain(seen.counts.keys())).collect();
    let of = |name: &str| {
        let (mean, peak) = (looks.mean(name)?, looks.peak(name)?);
        Some(FigureResult { mean, peak, total: looks.total(name) })
    };
    names.into_iter().filter_map(|name| Some((name.clone(), of(name)?))).collect()
}

fn statement_results(run: &Run, statements: &Statements) -> Vec<StatementResult> {
    let (total_ms, requests) = (total_ms(statements), requests_between(run, statements.from_s, statements.to_s));
    let by = |sum: f64, count: f64| if count > 0.0 { (sum / count).min(f64::MAX) } else { 0.0 };
    let result = |row: &StatementRow| StatementResult {
        text: row.text.clone(),
        calls: row.calls,
        total_ms: row.total_ms,
        mean_ms: by(row.total_ms, row.calls),
        share: by(row.total_ms, total_ms),
        calls_per_request: by(row.calls, requests),
        rows_per_call: by(row.rows, row.calls),
        hit_ratio: (row.blocks_hit + row.blocks_read > 0.0)
            .then(|| row.blocks_hit / (row.blocks_hit + row.blocks_read)),
    };
    statements.top.iter().filter(|row| row.calls > 0.0).map(result).collect()
}

/// Execution time of all statements, ms.
pub(super) fn total_ms(statements: &Statements) -> f64 {
    statements.top.iter().map(|row| row.total_ms).sum::<f64>() + statements.others.total_ms
}

/// Requests that ended within a span of time; of a piece of the journal that sticks out, its share.
pub(super) fn requests_between(run: &Run, from_s: f64, to_s: f64) -> f64 {
    let of = |second: &crate::record::Second| {
        let overlap = (second.to_s.min(to_s) - second.from_s.max(from_s)).max(0.0);
        let requests: u64 = second.endpoints.values().map(|endpoint| endpoint.requests).sum();
        if second.to_s > second.from_s { requests as f64 * overlap / (second.to_s - second.from_s) } else { 0.0 }
    };
    run.seconds.iter().map(of).sum()
}
