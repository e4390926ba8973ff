//! Statements that are repeated within a request, and the one that takes the database's time.

use super::view::{View, calls_in_words, number, past, short};
use super::{Found, Rule};
use crate::judge::samples::total_ms;
use crate::record::{ProbeKind, StatementRow};
use crate::units::{format_ms, format_ratio};

/// A statement that runs so often for each request of the load is repeated within them, whoever asks for it.
const REPEATED: f64 = 5.0;
/// Below that it must follow from the rows of another: so many a call at least, and as often as there are rows.
const ROWS_EACH: f64 = 3.0;
const ROWS_EACH_OFTEN: f64 = 2.0;
/// More often than once a request, the rows may differ by so much; rarer, only by what was in flight.
const OFTEN: f64 = 1.2;
const SAME_OFTEN: f64 = 0.15;
const SAME: f64 = 0.02;
const LEAST_PER_REQUEST: f64 = 0.2;
/// Within so much of it a statement just runs once for each request (of an endpoint).
const ONCE: f64 = 0.03;
/// Fewer calls tell nothing (pghero).
const LEAST_CALLS: f64 = 100.0;

pub(super) const N_PLUS_ONE: Rule = Rule {
    id: "n_plus_one",
    threshold: "a statement runs at least 5 times for each HTTP request of the load (Sentry's N+1 detector: 5 alike in one request), or once for each row of another that returns 3 rows or more (2 where it runs more than 1.2 times a request; our own), and at least 100 times (pghero)",
    find: n_plus_one,
};

pub(super) const DOMINANT_STATEMENT: Rule = Rule {
    id: "dominant_statement",
    threshold: "one statement takes at least half of the database's time, that is at least half of the time that requests are in flight (our own), and it takes 20 ms on average over 100 calls (pghero's slow statement), or 1 ms where requests miss a target",
    find: dominant_statement,
};

fn n_plus_one(view: &View<'_>) -> Option<Found> {
    let (statements, requests) = view.statements()?;
    let own: Vec<&StatementRow> = statements.top.iter().filter(|row| reads_tables(&row.text)).collect();
    let shares = endpoint_shares(view);
    let repeated = |row: &&StatementRow| -> Option<(f64, Option<&StatementRow>)> {
        let per_request = row.calls / requests;
        if row.calls < LEAST_CALLS || per_request < LEAST_PER_REQUEST {
            return None;
        }
        let parent = own.iter().copied().find(|parent| follows(row, parent, requests, &shares));
        (per_request >= REPEATED || parent.is_some()).then_some((per_request, parent))
    };
    let found = own.iter().filter_map(|row| repeated(row).map(|(per_request, parent)| (*row, per_request, parent)));
    let (row, per_request, parent) = found.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let mut evidence = vec![
        format!("{} calls for each HTTP request of the load", number(per_request)),
        format!("“{}”: {}", short(&row.text), calls_in_words(row)),
    ];
    if let Some(parent) = parent {
        evidence.insert(
            0,
            format!(
                "{} times for each call of “{}”, which returns {} rows a call: once for each row",
                number(row.calls / parent.calls),
                short(&parent.text),
                number(parent.rows / parent.calls)
            ),
        );
    }
    let database = view.one(ProbeKind::Postgres)?;
    Some(Found {
        subject: database.watched.name.to_string(),
        says: format!("a statement is repeated within requests (N+1): {}", short(&row.text)),
        evidence,
        advice:
            "ask once for all rows in place of once for each: a join, WHERE … = ANY($1), or the ORM's eager loading"
                .to_owned(),
        weight: 0.82,
        severity: past(per_request, 1.0, 50.0),
    })
}

/// Whether a statement runs once for each row that another one returns.
fn follows(row: &StatementRow, parent: &StatementRow, requests: f64, shares: &[f64]) -> bool {
    let (per_request, rows_each) = (row.calls / requests, parent.rows / parent.calls.max(1.0));
    let often = per_request >= OFTEN;
    let (least_rows, same) = if often { (ROWS_EACH_OFTEN, SAME_OFTEN) } else { (ROWS_EACH, SAME) };
    let once = |share: f64| (per_request / share - 1.0).abs() <= ONCE;
    parent.calls >= LEAST_CALLS / 10.0
        && rows_each >= least_rows
        && parent.rows > 0.0
        && (row.calls / parent.rows - 1.0).abs() <= same
        && (often || !shares.iter().any(|&share| once(share)))
}

/// Of all requests those of each endpoint, and all of them.
fn endpoint_shares(view: &View<'_>) -> Vec<f64> {
    let mut requests = vec![0_u64; view.run.endpoints.len()];
    for (&id, endpoint) in view.run.seconds.iter().flat_map(|second| &second.endpoints) {
        if let Some(count) = requests.get_mut(id as usize) {
            *count += endpoint.requests;
        }
    }
    let all = requests.iter().sum::<u64>().max(1) as f64;
    requests.into_iter().filter(|count| *count > 0).map(|count| count as f64 / all).chain([1.0]).collect()
}

/// Whether a statement asks or changes tables of its own: BEGIN, SET, a driver's `SELECT 1` and its look at the catalogue do not.
fn reads_tables(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').filter(|word| !word.is_empty());
    let catalogue = |word: &str| word.starts_with("pg_") || word.starts_with("information_schema");
    match words.next() {
        Some("select" | "with") => text.contains("from") && !words.any(catalogue),
        Some("insert" | "update" | "delete" | "merge") => true,
        _ => false,
    }
}

fn dominant_statement(view: &View<'_>) -> Option<Found> {
    const SLOW_MS: f64 = 20.0;
    const SLOW_MISSED_MS: f64 = 1.0;
    const HALF: f64 = 0.5;
    const BLOCKS_OF_WORK: f64 = 1_000.0;
    let (statements, _) = view.statements()?;
    let row = statements.top.iter().max_by(|a, b| a.total_ms.total_cmp(&b.total_ms))?;
    let all_ms = total_ms(statements);
    let share = row.total_ms / all_ms;
    let of_requests = all_ms / 1000.0 / view.in_flight_s(statements.from_s, statements.to_s);
    let mean_ms = row.total_ms / row.calls;
    let slow_ms = if view.missed.is_some() { SLOW_MISSED_MS } else { SLOW_MS };
    let dominates = share >= HALF && of_requests >= HALF && mean_ms >= slow_ms && row.calls >= LEAST_CALLS;
    if !dominates || !of_requests.is_finite() {
        return None;
    }
    let blocks = (row.blocks_hit + row.blocks_read) / row.calls;
    let mut evidence = vec![
        format!("“{}”: {}", short(&row.text), calls_in_words(row)),
        format!(
            "{} of the time of all statements; statements run for {} of the time that requests are in flight",
            format_ratio(share),
            format_ratio(of_requests)
        ),
    ];
    if blocks > 0.0 {
        evidence.push(format!("it touches {} blocks (8 kB each) a call", number(blocks)));
    }
    // One that does much work is itself the cause; one that does little may wait for a CPU.
    let works = blocks >= BLOCKS_OF_WORK || row.temp_blocks > 0.0;
    let database = view.one(ProbeKind::Postgres)?;
    Some(Found {
        subject: database.watched.name.to_string(),
        says: format!("one statement takes most of the database's time, {} a call: {}", format_ms(mean_ms), short(&row.text)),
        evidence,
        advice: "EXPLAIN (ANALYZE, BUFFERS) it with the values that the load uses: an index, fewer rows, or a cache in front of it".to_owned(),
        weight: if works { 0.7 } else { 0.59 },
        severity: past(share, HALF, 1.0),
    })
}
