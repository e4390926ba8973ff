//! Large tables that are read whole.

use super::view::{View, calls_in_words, number, past, short};
use super::{Found, Rule};
use crate::judge::samples::requests_between;
use crate::record::{ProbeKind, StatementRow, TableRow};
use crate::units::format_ratio;

/// Smaller tables are read whole as fast as by an index.
const LARGE_ROWS: f64 = 10_000.0;
/// Rows that a scan reads, of the table's: workers of a parallel scan count as scans of their own, each of a part.
const READ_WHOLE: f64 = 0.15;
const LEAST_SCANS: f64 = 10.0;
const SCANS_PER_REQUEST: f64 = 0.01;
/// Of a statement that reads a table whole, at least so many blocks (of 8 kB) a call.
const LEAST_BLOCKS: f64 = 50.0;

pub(super) const SEQUENTIAL_SCAN: Rule = Rule {
    id: "sequential_scan",
    threshold: "a table of at least 10,000 rows (pghero's missing index) read whole at least 10 times in the run and once in 100 requests (our own: reports and maintenance scan less often)",
    find: sequential_scan,
};

struct Scanned<'a> {
    table: &'a TableRow,
    rows: f64,
    per_request: f64,
}

fn sequential_scan(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let tables = database.watched.tables.as_ref()?;
    let requests = requests_between(view.run, tables.from_s, tables.to_s);
    let scanned = |table| scanned(table, requests);
    let worst = tables.top.iter().filter_map(scanned).max_by(|a, b| a.table.seq_rows.total_cmp(&b.table.seq_rows))?;
    let Scanned { table, rows, per_request } = worst;
    let mut evidence = vec![
        format!(
            "{} sequential scans of about {} rows each: {} of the {} rows that the table has",
            number(table.seq_scans),
            number(table.seq_rows / table.seq_scans),
            format_ratio((table.seq_rows / table.seq_scans / rows).min(1.0)),
            number(rows)
        ),
        format!(
            "{} scans and {} rows read for each HTTP request; {} scans by an index",
            number(per_request),
            number(table.seq_rows / requests),
            number(table.idx_scans)
        ),
    ];
    let statement = view.statements().and_then(|(statements, _)| statement_of(&statements.top, table));
    let advice = match statement {
        Some(row) => {
            evidence.push(format!("“{}”: {}", short(&row.text), calls_in_words(row)));
            format!("EXPLAIN this statement, and create an index on what its WHERE asks of {}", table.name)
        }
        None => format!(
            "find the statements that read {} without an index (EXPLAIN), and create the index that they need",
            table.name
        ),
    };
    Some(Found {
        subject: format!("table {}", table.name),
        says: format!("requests read the whole table {} ({} rows) over and over", table.name, number(rows)),
        evidence,
        advice,
        weight: 0.86,
        severity: past(per_request, SCANS_PER_REQUEST, 1.0),
    })
}

fn scanned(table: &TableRow, requests: f64) -> Option<Scanned<'_>> {
    if requests <= 0.0 || table.seq_scans < LEAST_SCANS.max(SCANS_PER_REQUEST * requests) {
        return None;
    }
    let each = table.seq_rows / table.seq_scans;
    // Without statistics a table that was never analyzed has no rows: its scans know better.
    let rows = table.live_rows.max(each);
    let whole = rows >= LARGE_ROWS && each >= READ_WHOLE * rows;
    whole.then_some(Scanned { table, rows, per_request: table.seq_scans / requests })
}

/// The statement that took most of the time of those that name the table and touch many blocks.
fn statement_of<'a>(statements: &'a [StatementRow], table: &TableRow) -> Option<&'a StatementRow> {
    let name = table.name.rsplit('.').next().unwrap_or(&table.name);
    let names = |row: &&StatementRow| {
        row.text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word.eq_ignore_ascii_case(name))
    };
    let blocks =
        |row: &&StatementRow| row.calls > 0.0 && (row.blocks_hit + row.blocks_read) / row.calls >= LEAST_BLOCKS;
    statements.iter().filter(names).filter(blocks).max_by(|a, b| a.total_ms.total_cmp(&b.total_ms))
}
