//! Requests that become slower while the load stays the same, and what grows beside them.

use super::memory::growth;
use super::view::{View, number, past};
use super::{Found, Rule};
use crate::record::{ProbeKind, TableRow};
use crate::stats::slope;
use crate::units::{format_ms, format_ratio};

const SLOWER_BY: f64 = 0.25;
const LEAST_MS: f64 = 1.0;
const TABLE_GROWN: f64 = 0.1;
const LEAST_ROWS: f64 = 1_000.0;

pub(super) const LATENCY_DRIFT: Rule = Rule {
    id: "latency_drift",
    threshold: "under constant load the mean response time grows by at least 25 % and 1 ms (lower end of the slope of Theil and Sen), while a table grows by 10 % and 1,000 rows, or memory does not stop growing (our own)",
    find: latency_drift,
};

fn latency_drift(view: &View<'_>) -> Option<Found> {
    let points = view.response_times();
    let found = slope(&points)?;
    let seconds = points.last()?.0 - points.first()?.0;
    let slower_ms = found.low * seconds;
    if slower_ms < LEAST_MS.max(SLOWER_BY * found.start) {
        return None;
    }
    let table = view
        .one(ProbeKind::Postgres)
        .and_then(|database| database.watched.tables.as_ref())
        .and_then(|tables| tables.top.iter().filter_map(grown).max_by(|a, b| a.1.total_cmp(&b.1)));
    let memory = growth(view);
    let mut evidence = vec![format!(
        "the mean response time goes from {} to {} within {} s of constant load",
        format_ms(found.start.max(0.0)),
        format_ms((found.start + found.value * seconds).max(0.0)),
        number(seconds)
    )];
    let subject = match (&table, &memory) {
        (Some((table, _)), _) => format!("table {}", table.name),
        (None, Some(memory)) => memory.subject.clone(),
        (None, None) => return None,
    };
    if let Some((table, share)) = table {
        evidence.push(format!(
            "table {} grew by {} rows, {}",
            table.name,
            number(table.inserted - table.deleted),
            format_ratio(share)
        ));
    }
    evidence.extend(memory.map(|memory| memory.in_words()));
    Some(Found {
        says: format!("requests become slower while the load stays the same, and {subject} grows beside them"),
        subject,
        evidence,
        advice: "see which statements read more rows the larger it is; run longer to see where it ends".to_owned(),
        weight: 0.44,
        severity: past(slower_ms / found.start.max(LEAST_MS), SLOWER_BY, 3.0),
    })
}

/// A table that grew, and by which share of what it was.
fn grown(table: &TableRow) -> Option<(&TableRow, f64)> {
    let more = table.inserted - table.deleted;
    let before = (table.live_rows - more).max(0.0);
    (more >= LEAST_ROWS.max(TABLE_GROWN * before)).then(|| (table, more / before.max(1.0)))
}
