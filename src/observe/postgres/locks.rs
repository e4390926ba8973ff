//! Who waits for whose lock: asked only while somebody waits, as the answer takes a look at all locks.

use tokio_postgres::SimpleQueryRow;

use super::about::About;
use super::connect::{MARK, number, text};
use super::literals::{Numbers, shown};
use super::tables::named;
use crate::record::Blocked;

/// Sessions that are told of one look, those that wait longest.
const MOST: usize = 10;

/// Asks for the sessions that wait; a row each, the longest wait first.
pub(super) fn question(about: &About) -> String {
    let database = about.database_oid;
    format!(
        "WITH sessions AS MATERIALIZED (SELECT pid, datid, state, wait_event_type, query_start, query FROM pg_stat_activity), \
         waiting AS MATERIALIZED (SELECT l.pid, l.locktype, l.database, l.relation, s.query_start, s.query, \
         count(*) OVER () AS everybody FROM pg_locks l JOIN sessions s ON s.pid = l.pid \
         WHERE NOT l.granted AND s.datid = {database} AND l.pid <> pg_backend_pid() ORDER BY s.query_start LIMIT {MOST}) \
         SELECT {MARK} w.everybody AS \"everybody\", w.locktype AS \"lock\", n.nspname AS \"schema\", \
         c.relname AS \"table\", extract(epoch FROM clock_timestamp() - w.query_start) AS \"waited_s\", \
         left(w.query, 4000) AS \"statement\", b.pid AS \"by_pid\", left(b.query, 4000) AS \"by\", b.state AS \"by_state\" \
         FROM waiting w LEFT JOIN pg_class c ON c.oid = w.relation AND w.database = {database} \
         LEFT JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN LATERAL (SELECT by.pid, s.query, s.state FROM unnest(pg_blocking_pids(w.pid)) AS by(pid) \
         LEFT JOIN sessions s ON s.pid = by.pid \
         ORDER BY s.wait_event_type IS NOT DISTINCT FROM 'Lock', by.pid LIMIT 1) AS b ON true \
         ORDER BY w.query_start"
    )
}

/// Reads the answer: how many wait, and those that wait longest.
pub(super) fn read(rows: &[SimpleQueryRow]) -> (f64, Vec<Blocked>) {
    let everybody = rows.first().and_then(|row| number(row, "everybody")).unwrap_or_default();
    (everybody, rows.iter().map(blocked).collect())
}

fn blocked(row: &SimpleQueryRow) -> Blocked {
    let lock = text(row, "lock").unwrap_or("unknown");
    let lock = match (text(row, "schema"), text(row, "table")) {
        (Some(schema), Some(table)) => format!("{lock} {}", named(schema, table)),
        _ => lock.to_owned(),
    };
    let by = match (text(row, "by_pid"), text(row, "by")) {
        (None, _) => "nobody any more".to_owned(),
        (Some("0"), _) => "a prepared transaction".to_owned(),
        (Some(_), text) => shown(text.unwrap_or("a session that is gone"), Numbers::Hide),
    };
    Blocked {
        at_s: 0.0,
        waited_s: number(row, "waited_s").unwrap_or_default().max(0.0),
        lock,
        statement: shown(text(row, "statement").unwrap_or_default(), Numbers::Hide),
        by,
        by_state: text(row, "by_state").unwrap_or_default().to_owned(),
    }
}
