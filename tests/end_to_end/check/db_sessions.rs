//! Sessions: those that hold others up, and too many of them.

use std::process::{Command, Stdio};

use super::{
    Session, apply, check, fix, is_fixed, look, of, outcome, psql_in_background, sql_in, until, version, wait_for,
};
use crate::support::harness::Workbench;
use crate::support::stack::{Held, Postgres};

/// Moves the clock of a view of sessions by ten minutes.
fn ten_minutes_later(postgres: &Postgres, view: &str, column: &str) {
    let select = format!("pg_get_viewdef('pg_catalog.{view}'::regclass)");
    let moved =
        format!("regexp_replace({select}, '(\\m[a-z]+\\.{column}),', '\\1 - interval ''10 min'' AS {column},')");
    let create = format!("SELECT 'CREATE OR REPLACE VIEW pg_catalog.{view} AS ' || {moved} \\gexec\n");
    sql_in(postgres, "agenthub", &format!("SET allow_system_table_mods = on;\n{create}"));
}

fn hold(postgres: &Postgres, count: usize) -> Vec<Held> {
    (0..count).map(|_| postgres.holding("SET LOCAL lock_timeout = 0")).collect()
}

#[test]
fn sessions_that_are_idle_within_a_transaction_are_ended_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let held = hold(&postgres, 2);
    wait_for(
        &postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND now() - state_change > interval '5.1 s'",
        "2",
    );
    let found = is_fixed(&bench, &mut postgres, "db.idle_in_transaction", "warn");
    let told = of(&found, "db.idle_in_transaction")[0]["fix"]["text"].as_str().unwrap().to_owned();
    assert!(told.contains("idle_in_transaction_session_timeout = '60s'"), "{told}");
    assert_eq!(postgres.sql("SHOW idle_in_transaction_session_timeout"), "1min");
    drop(held);
    // The same, and as long as is fatal.
    let _held = hold(&postgres, 1);
    ten_minutes_later(&postgres, "pg_stat_activity", "state_change");
    is_fixed(&bench, &mut postgres, "db.idle_in_transaction", "fail");
}

#[test]
fn long_transactions_are_ended_as_printed_those_that_were_prepared_and_forgotten_too() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    apply(&mut postgres, "ALTER SYSTEM SET max_prepared_transactions = 5;\n-- start the server anew\n");
    let url = postgres.monitor_url();
    assert_eq!(outcome(&look(&bench, &url, "db.long_transactions").0, "db.long_transactions"), "pass");
    let _held = hold(&postgres, 2);
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'it''s'",
    );
    // Who waits for one that is nobody's session any more.
    let waiting = psql_in_background(&postgres, "BEGIN; LOCK TABLE t;");
    wait_for(
        &postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND now() - query_start > interval '0.6 s'",
        "1",
    );
    let (found, _) = look(&bench, &url, "db.lock_waits");
    assert_ne!(outcome(&found, "db.lock_waits"), "pass", "{found:#}");
    assert_eq!(fix(&found, "db.lock_waits"), "ROLLBACK PREPARED 'it''s';");
    ten_minutes_later(&postgres, "pg_stat_activity", "xact_start");
    ten_minutes_later(&postgres, "pg_prepared_xacts", "prepared");
    let found = is_fixed(&bench, &mut postgres, "db.long_transactions", "fail");
    assert!(found.to_string().contains("the prepared transaction 'it''s' of postgres in agenthub"), "{found:#}");
    until(&bench, &url, "db.lock_waits", "pass");
    drop(waiting);
}

#[test]
fn connections_near_a_limit_are_told_and_each_limit_is_raised_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let rule = "db.connections";
    for limit in ["ALTER DATABASE agenthub CONNECTION LIMIT 16", "ALTER ROLE agenthub CONNECTION LIMIT 12"] {
        postgres.sql(limit);
    }
    let url = postgres.url();
    let sleeps = || {
        let mut command = Command::new("psql");
        let quiet = command.args(["-X", "-c", "SELECT pg_sleep(60)", &url]).stdout(Stdio::null()).stderr(Stdio::null());
        Session(quiet.spawn().unwrap())
    };
    let held: Vec<Session> = (0..12).map(|_| sleeps()).collect();
    let more = hold(&postgres, 3);
    wait_for(&postgres, "SELECT numbackends - 1 FROM pg_stat_database WHERE datname = 'agenthub'", "15");
    let found = is_fixed(&bench, &mut postgres, rule, "fail");
    let told = fix(&found, rule);
    assert_eq!(told, "ALTER ROLE agenthub CONNECTION LIMIT 15;\nALTER DATABASE agenthub CONNECTION LIMIT 20;");
    drop((held, more));
    // Of the server as a whole.
    apply(&mut postgres, "ALTER SYSTEM SET max_connections = 20;\n-- start the server anew\n");
    postgres.sql("ALTER DATABASE agenthub CONNECTION LIMIT -1");
    let held = hold(&postgres, 16);
    let (found, _) = look(&bench, &postgres.monitor_url(), rule);
    assert_eq!(outcome(&found, rule), "fail", "{found:#}");
    drop(held);
    apply(&mut postgres, &fix(&found, rule));
    let _held = hold(&postgres, 16);
    assert_eq!(outcome(&look(&bench, &postgres.monitor_url(), rule).0, rule), "pass");
}

#[test]
fn pools_that_do_not_fit_are_given_room_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    // The role that looks may have as few as it wants.
    for limit in [
        "DATABASE agenthub CONNECTION LIMIT 40",
        "ROLE agenthub CONNECTION LIMIT 45",
        "ROLE agenthub_monitor CONNECTION LIMIT 2",
    ] {
        postgres.sql(&format!("ALTER {limit}"));
    }
    let found = is_fixed(&bench, &mut postgres, "db.pools_fit", "fail");
    let told = fix(&found, "db.pools_fit");
    assert_eq!(told, "ALTER DATABASE agenthub CONNECTION LIMIT 51;\nALTER ROLE agenthub CONNECTION LIMIT 51;");
    let _held = hold(&postgres, 6);
    let url = postgres.monitor_url();
    let with = |pool| check(&bench, &["db", "--postgres", &url, "--only", "db.pools_fit", "--pool", pool]).0;
    assert_eq!(outcome(&with("5"), "db.pools_fit"), "warn");
    assert_eq!(outcome(&with("6"), "db.pools_fit"), "pass");
}

#[test]
fn connections_that_are_opened_for_each_transaction_are_told_until_a_pool_keeps_them() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    let rule = "db.pooling";
    let pgbench = |each: &[&str], transactions: &str| {
        let url = postgres.url();
        let script = bench.write("one.sql", "SELECT 1;\n");
        let mut command = Command::new(Postgres::program("pgbench"));
        command.args(["-n", "-f"]).arg(script).args(["-c", "4", "-t", transactions]).args(each).arg(&url);
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    // Passwords are hashed 4096 times on either side: that is not what is to be seen here.
    let trusted = format!(
        "COPY (VALUES ('host all agenthub 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 scram-sha-256')) TO '{}'",
        postgres.sql("SHOW hba_file")
    );
    postgres.sql(&trusted);
    postgres.sql("SELECT pg_reload_conf()");
    pgbench(&["-C"], "260");
    let url = postgres.monitor_url();
    if version(&postgres) < 14 {
        assert_eq!(outcome(&look(&bench, &url, rule).0, rule), "not_applicable");
        return;
    }
    let (found, _) = until(&bench, &url, rule, "fail");
    assert!(fix(&found, rule).starts_with("create_async_engine(url, pool_size=20"));
    // As SQLAlchemy's pool does.
    pgbench(&[], "4000");
    until(&bench, &url, rule, "pass");
}
