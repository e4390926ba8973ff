//! What is asked every second: the database's counters, the sessions, and the sum of all statements.

use tokio_postgres::SimpleQueryRow;

use super::about::About;
use super::connect::{MARK, number, text, yes};
use crate::observe::Look;

/// When a statement was done, by the server's clock: the difference of two is what the second one took.
pub(super) const AT: &str = "extract(epoch FROM clock_timestamp()) AS \"at\"";

const OF_THE_DATABASE: [(&str, &[&str]); 10] = [
    ("commits", &["xact_commit"]),
    ("rollbacks", &["xact_rollback"]),
    ("returned", &["tup_returned"]),
    ("fetched", &["tup_fetched"]),
    ("inserted", &["tup_inserted"]),
    ("updated", &["tup_updated"]),
    ("deleted", &["tup_deleted"]),
    ("temp_files", &["temp_files"]),
    ("temp_bytes", &["temp_bytes"]),
    ("deadlocks", &["deadlocks"]),
];
/// Where no statements are counted, which could leave the probe's own out.
const BLOCKS_OF_THE_DATABASE: [(&str, &[&str]); 2] = [("blocks_hit", &["blks_hit"]), ("blocks_read", &["blks_read"])];
const OF_THE_CHECKPOINTER: [(&str, &[&str]); 2] = [
    ("checkpoints_timed", &["num_timed", "checkpoints_timed"]),
    ("checkpoints_requested", &["num_requested", "checkpoints_req"]),
];
const OF_STATEMENTS: [(&str, &[&str]); 5] = [
    ("calls", &["calls"]),
    ("exec_ms", &["total_exec_time", "total_time"]),
    ("rows", &["rows"]),
    ("blocks_hit", &["shared_blks_hit"]),
    ("blocks_read", &["shared_blks_read"]),
];
/// All states that a client's session can have, but those of hardly any use; always told, so that a mean is one of all looks.
const STATES: [&str; 4] = ["active", "idle", "idle in transaction", "idle in transaction (aborted)"];
/// All kinds of waits, likewise.
const WAITS: [&str; 8] = ["BufferPin", "Client", "Extension", "IO", "IPC", "Lock", "LWLock", "Timeout"];

/// Asks for the counters of the database and of checkpoints; one row.
pub(super) fn database(about: &About) -> String {
    let columns = &about.columns;
    let checkpointer =
        if columns.has_view("pg_stat_checkpointer") { "pg_stat_checkpointer" } else { "pg_stat_bgwriter" };
    let mut asked = columns.select("pg_stat_database", "d.", &OF_THE_DATABASE);
    if about.statements.is_none() {
        asked.extend(columns.select("pg_stat_database", "d.", &BLOCKS_OF_THE_DATABASE));
    }
    asked.extend(columns.select(checkpointer, "c.", &OF_THE_CHECKPOINTER));
    asked.push("concat(d.stats_reset, ' ', c.stats_reset) AS \"since\"".to_owned());
    asked.extend(dropped(about, "dropped"));
    if !about.sees_all {
        asked.push(format!(
            "(SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datid = {})) AS \"locks_waiting\"",
            about.database_oid
        ));
    }
    format!(
        "SELECT {MARK} {}, {AT} FROM pg_stat_database d, {checkpointer} c WHERE d.datid = {}",
        asked.join(", "),
        about.database_oid
    )
}

/// Asks for the sessions, the probe's left out; a row for each sort of them.
pub(super) fn sessions(about: &About) -> String {
    format!(
        "SELECT {MARK} datid IS NOT DISTINCT FROM {} AS \"here\", \
         coalesce(backend_type = 'client backend', usesysid IS NOT NULL AND datid IS NOT NULL) AS \"client\", state, wait_event_type, \
         count(*) AS \"sessions\", max(extract(epoch FROM clock_timestamp() - xact_start)) AS \"oldest_s\" \
         FROM pg_stat_activity WHERE pid <> pg_backend_pid() GROUP BY 1, 2, 3, 4",
        about.database_oid
    )
}

/// Asks when it is: before the sum of all statements, so that it is known what that takes. Has the server count the probe's
/// own transactions as soon as they end, where it can, so that it is known which ones are among all.
pub(super) fn clock(about: &About) -> String {
    let flush = if about.counts_at_once { ", pg_stat_force_next_flush() AS \"at_once\"" } else { "" };
    format!("SELECT {MARK} {AT}{flush}")
}

/// Asks for the sum of all statements of the database but the probe's; one row.
pub(super) fn sum(about: &About) -> Option<String> {
    let counted = about.statements.as_ref()?;
    let parts = about.columns.select("pg_stat_statements", "", &OF_STATEMENTS);
    let ours = about.statements_of_the_database();
    let dropped = dropped(about, "dropped");
    // Where nobody tells how many were thrown out, it shows by how many there are, of all databases.
    let (each, among) = if dropped.is_some() {
        (String::new(), format!(" WHERE {ours}"))
    } else {
        (format!(" FILTER (WHERE {ours})"), String::new())
    };
    let sums = parts
        .iter()
        .filter_map(|part| part.split_once(" AS "))
        .map(|(column, name)| format!("sum({column}){each} AS {name}"));
    let told = dropped.unwrap_or_else(|| "count(*) AS \"entries\"".to_owned());
    let asked: Vec<String> = sums.chain([told]).collect();
    Some(format!("SELECT {MARK} {}, {AT} FROM {}{among}", asked.join(", "), counted.without_texts()))
}

/// How often the server has thrown statements out to make room, and when it was told to forget all: both end what can
/// be compared.
fn dropped(about: &About, name: &str) -> Option<String> {
    let schema = &about.statements.as_ref()?.schema;
    about.columns.has("pg_stat_statements_info", "dealloc").then(|| {
        format!("(SELECT concat(dealloc, ' ', stats_reset) FROM {schema}.pg_stat_statements_info) AS \"{name}\"")
    })
}

/// Tells the counters of the database and of checkpoints.
pub(super) fn tell_database(row: &SimpleQueryRow, own_transactions: f64, look: &mut Look) {
    for (name, _) in OF_THE_DATABASE.iter().chain(&BLOCKS_OF_THE_DATABASE).chain(&OF_THE_CHECKPOINTER) {
        if let Some(value) = number(row, name) {
            look.total(*name, if *name == "commits" { value - own_transactions } else { value });
        }
    }
    if let Some(waiting) = number(row, "locks_waiting") {
        look.gauge("locks_waiting", waiting);
    }
}

/// Tells the sum of all statements; an empty sum is none. Which totals these are.
pub(super) fn tell_sum(row: &SimpleQueryRow, look: &mut Look) -> [&'static str; OF_STATEMENTS.len()] {
    OF_STATEMENTS.map(|(name, _)| {
        look.total(name, number(row, name).unwrap_or(0.0));
        name
    })
}

/// Tells the sessions. Connections are those of the whole server, as its limit is; all else is of the database.
pub(super) fn tell_sessions(rows: &[SimpleQueryRow], about: &About, look: &mut Look) {
    let (mut connections, mut waits, mut locks, mut oldest_s) = (0.0, 0.0, 0.0, 0.0_f64);
    if about.sees_all {
        for state in STATES {
            look.gauge(state_name(state), 0.0);
        }
        for wait in WAITS {
            look.gauge(format!("waits.{wait}"), 0.0);
        }
    }
    for row in rows {
        let sessions = number(row, "sessions").unwrap_or_default();
        let (client, here) = (yes(row, "client"), yes(row, "here"));
        let (state, wait) = (text(row, "state"), text(row, "wait_event_type"));
        if client {
            connections += sessions;
            *look.gauges.entry(state_name(state.unwrap_or("unknown")).into()).or_default() += sessions;
        }
        if here && wait == Some("Lock") {
            locks += sessions;
        }
        if client && here {
            oldest_s = oldest_s.max(number(row, "oldest_s").unwrap_or_default());
            if let (Some("active"), Some(wait)) = (state, wait) {
                waits += sessions;
                *look.gauges.entry(format!("waits.{wait}").into()).or_default() += sessions;
            }
        }
    }
    look.gauge("connections", connections);
    look.gauge("connections_limit", about.connections_limit);
    if about.sees_all {
        look.gauge("waits", waits);
        look.gauge("locks_waiting", locks);
        look.gauge("longest_transaction_s", oldest_s);
    } else {
        // Those of its own role alone would not be all.
        look.gauges.retain(|name, _| !name.starts_with("waits"));
    }
}

/// `connections.idle_in_transaction`
fn state_name(state: &str) -> String {
    let words = state.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    format!("connections.{}", words.collect::<Vec<_>>().join("_"))
}

#[cfg(test)]
mod tests {
    use super::super::columns::recorded;
    use super::*;

    #[test]
    fn every_version_is_asked_by_its_own_columns_for_the_same_figures() {
        let names =
            |statement: &str| -> Vec<String> { statement.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
        for version in recorded::VERSIONS {
            let about = About::recorded(recorded::of(version));
            let (database, sum) = (database(&about), sum(&about).unwrap());
            for statement in [&database, &sum] {
                assert_eq!(recorded::strangers(version, statement), Vec::<String>::new(), "{version}: {statement}");
            }
            let told = names(&database);
            for (name, _) in OF_THE_DATABASE.iter().chain(&OF_THE_CHECKPOINTER) {
                assert!(told.iter().any(|told| told == name), "{version}: {name}");
            }
            for (name, _) in OF_STATEMENTS {
                assert!(names(&sum).iter().any(|told| told == name), "{version}: {name}");
            }
            assert_eq!(sum.contains("toplevel"), version >= 14, "{version}");
            assert_eq!(sum.contains("dealloc"), version >= 14, "{version}");
            assert_eq!(sum.contains("\"entries\""), version < 14, "{version}");
        }
    }

    #[test]
    fn a_stranger_among_columns_is_found() {
        assert_eq!(recorded::strangers(17, "SELECT checkpoints_timed FROM pg_stat_bgwriter"), ["checkpoints_timed"]);
        assert_eq!(recorded::strangers(16, "SELECT 1 FROM pg_stat_checkpointer"), ["pg_stat_checkpointer"]);
        assert!(recorded::strangers(17, "SELECT num_timed AS \"checkpoints_timed\"").is_empty());
    }

    #[test]
    fn without_the_extension_blocks_are_the_databases() {
        let about = About::recorded(recorded::without_the_extension(15));
        assert!(database(&about).contains("d.blks_hit AS \"blocks_hit\"") && sum(&about).is_none());
        assert!(!database(&About::recorded(recorded::of(15))).contains("blks_hit"));
    }

    #[test]
    fn states_are_parts_of_connections() {
        assert_eq!(state_name("idle in transaction (aborted)"), "connections.idle_in_transaction_aborted");
    }
}
