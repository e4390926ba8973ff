//! What a server keeps up by itself, or should: tables, checkpoints, memory, settings, statistics.

use super::{apply, check, fix, is_fixed, look, of, outcome, sql_in, until, version, wait_for};
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

#[test]
fn transactions_that_grow_too_old_are_frozen_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    apply(
        &mut postgres,
        "ALTER SYSTEM SET autovacuum_freeze_max_age = 100000; ALTER SYSTEM SET autovacuum = off;
         ALTER SYSTEM SET synchronous_commit = off;\n-- start the server anew\n",
    );
    postgres.sql("CREATE DATABASE \"Größe\"");
    // While somebody looks at what was, nothing can be frozen.
    let held = postgres.holding("CREATE TEMP TABLE held ()");
    postgres.sql("DO $$BEGIN FOR i IN 1..210000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END$$");
    let (found, _) = look(&bench, &postgres.monitor_url(), "db.wraparound");
    assert_eq!(outcome(&found, "db.wraparound"), "warn", "{found:#}");
    let told = fix(&found, "db.wraparound");
    assert!(told.starts_with("VACUUM (FREEZE);\n") && told.contains("\\connect \"Größe\"\nVACUUM (FREEZE);"), "{told}");
    drop(held);
    // The server may begin by itself now.
    apply(&mut postgres, &told);
    until(&bench, &postgres.monitor_url(), "db.wraparound", "pass");
}

#[test]
fn checkpoints_that_a_full_wal_asks_for_are_told_and_those_by_hand_are_not() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let (rule, url) = ("db.checkpoints", postgres.monitor_url());
    for _ in 0..21 {
        postgres.sql("CHECKPOINT");
    }
    let (found, _) = until(&bench, &url, rule, "pass");
    assert!(found.to_string().contains("asked for, by somebody"), "{found:#}");
    sql_in(
        &postgres,
        "agenthub",
        "ALTER SYSTEM SET min_wal_size = '32MB'; ALTER SYSTEM SET max_wal_size = '32MB';
         ALTER SYSTEM SET checkpoint_completion_target = 0.1; SELECT pg_reload_conf();",
    );
    let (counted_in, counted) = if version(&postgres) < 17 {
        ("bgwriter", "SELECT checkpoints_req FROM pg_stat_bgwriter")
    } else {
        ("checkpointer", "SELECT num_requested FROM pg_stat_checkpointer")
    };
    postgres.sql(&format!("SELECT pg_stat_reset_shared('{counted_in}')"));
    wait_for(&postgres, counted, "0");
    let began = std::time::Instant::now();
    while postgres.sql(counted).parse::<u32>().unwrap() < 21 {
        let write =
            "SELECT count(pg_logical_emit_message(false, 'x', repeat('x', 1000000))) FROM generate_series(1, 20)";
        postgres.sql(write);
        assert!(began.elapsed().as_secs() < 60, "{} checkpoints", postgres.sql(counted));
    }
    let (found, ended) = until(&bench, &url, rule, "warn");
    ended.assert_code(0);
    apply(&mut postgres, &fix(&found, rule));
    let (found, _) = until(&bench, &url, rule, "not_applicable");
    assert!(found.to_string().contains("checkpoints were asked for: too few to tell"), "{found:#}");
    assert_eq!(postgres.sql("SHOW max_wal_size"), "8GB");
}

#[test]
fn blocks_that_come_from_disk_are_told_until_there_is_memory_for_them() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let (rule, url) = ("db.cache_hit", postgres.monitor_url());
    apply(&mut postgres, "ALTER SYSTEM SET shared_buffers = '1MB';\n-- start the server anew\n");
    let read = "DO $$BEGIN FOR i IN 1..40 LOOP PERFORM count(*) FROM t; END LOOP; END$$";
    sql_in(
        &postgres,
        "agenthub",
        &format!(
            "CREATE TABLE t (a text); ALTER TABLE t ALTER a SET STORAGE PLAIN;
             INSERT INTO t SELECT repeat('x', 2000) FROM generate_series(1, 16000); VACUUM ANALYZE t;
             SELECT pg_stat_reset(); {read}"
        ),
    );
    let (found, ended) = until(&bench, &url, rule, "fail");
    ended.assert_code(99);
    let told = fix(&found, rule);
    assert!(told.contains("db.setting.shared_buffers"), "{told}");
    is_fixed(&bench, &mut postgres, "db.setting.shared_buffers", "fail");
    postgres.sql("SELECT count(*) FROM t");
    sql_in(&postgres, "agenthub", &format!("SELECT pg_stat_reset(); {read}"));
    until(&bench, &url, rule, "pass");
}

#[test]
fn a_large_table_that_is_read_from_end_to_end_is_told_until_there_is_an_index() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    let (rule, url) = ("db.sequential_scans", postgres.monitor_url());
    let select = |count: u32| {
        format!(
            "DO $$DECLARE x int; BEGIN FOR i IN 1..{count} LOOP
                 EXECUTE 'SELECT b FROM \"Größe\" WHERE a = ' || i INTO x;
             END LOOP; END$$;"
        )
    };
    sql_in(
        &postgres,
        "agenthub",
        &format!(
            "CREATE TABLE \"Größe\" (a int, b int); INSERT INTO \"Größe\" SELECT n, n FROM generate_series(1, 12000) AS n;
             VACUUM ANALYZE \"Größe\"; {}",
            select(120)
        ),
    );
    let (found, _) = until(&bench, &url, rule, "fail");
    let seen = of(&found, rule)[0]["evidence"][0].as_str().unwrap();
    assert!(seen.starts_with("public.\"Größe\": 12") && seen.contains("of 12,000 rows each"), "{seen}");
    assert!(fix(&found, rule).contains("check db --explain"), "{found:#}");
    // What that says: an index on the column of the filter.
    postgres.sql("GRANT SELECT ON \"Größe\" TO agenthub_monitor");
    let arguments = ["db", "--postgres", &url, "--only", "db.explain"];
    let explain = ["--explain", "SELECT b FROM \"Größe\" WHERE a = 5"];
    let (plan, _) = check(&bench, &[&arguments[..], &explain].concat());
    let index = fix(&plan, "db.explain");
    assert_eq!(index, "CREATE INDEX CONCURRENTLY ON public.\"Größe\" (a);", "{plan:#}");
    sql_in(&postgres, "agenthub", &format!("{index} {}", select(2500)));
    until(&bench, &url, rule, "pass");
}

#[test]
fn dead_rows_are_removed_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();
         CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5000);",
    );
    sql_in(&postgres, "agenthub", "DELETE FROM t WHERE a > 2500");
    is_fixed(&bench, &mut postgres, "db.dead_rows", "fail");
}

#[test]
fn what_waits_for_a_new_start_and_what_a_database_sets_itself_is_mended_there() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let url = postgres.monitor_url();
    postgres.sql("ALTER SYSTEM SET max_connections = 150");
    postgres.sql("SELECT pg_reload_conf()");
    let (found, _) = until(&bench, &url, "db.setting.pending_restart", "warn");
    let told = fix(&found, "db.setting.pending_restart");
    let folder = postgres.sql("SHOW data_directory");
    assert!(told.starts_with(&format!("pg_ctl -D '{folder}' -l '{folder}/restart.log' restart")), "{told}");
    // The test's own way to start it anew.
    postgres.stop();
    postgres.start_again();
    until(&bench, &url, "db.setting.pending_restart", "pass");

    postgres.sql("ALTER DATABASE agenthub SET log_min_duration_statement = -1");
    is_fixed(&bench, &mut postgres, "db.slow_query_log", "fail");
    sql_in(&postgres, "agenthub", "ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();");
    is_fixed(&bench, &mut postgres, "db.autovacuum", "fail");
}

#[test]
fn statements_are_counted_after_what_is_printed_wherever_it_begins() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let (rule, url) = ("db.statements_counted", postgres.monitor_url());
    sql_in(&postgres, "agenthub", "ALTER SYSTEM SET pg_stat_statements.track = 'none'; SELECT pg_reload_conf();");
    is_fixed(&bench, &mut postgres, rule, "fail");
    // The extension is there, and its library is not loaded; another one is.
    apply(&mut postgres, "ALTER SYSTEM SET shared_preload_libraries = auto_explain;\n-- start the server anew\n");
    let found = is_fixed(&bench, &mut postgres, rule, "fail");
    assert!(fix(&found, rule).contains("= 'auto_explain', 'pg_stat_statements';"), "{found:#}");
    // Neither is there.
    apply(
        &mut postgres,
        "DROP EXTENSION pg_stat_statements; ALTER SYSTEM SET shared_preload_libraries = auto_explain;\n-- start the server anew\n",
    );
    is_fixed(&bench, &mut postgres, rule, "fail");
    // In a schema that somebody keeps to himself.
    for statement in [
        "DROP EXTENSION pg_stat_statements",
        "CREATE SCHEMA \"Größe\"",
        "CREATE EXTENSION pg_stat_statements SCHEMA \"Größe\"",
    ] {
        postgres.sql(statement);
    }
    let (found, ended) = look(&bench, &url, rule);
    assert_eq!(outcome(&found, rule), "unknown", "{found:#}");
    ended.assert_code(98);
    let said = of(&found, rule)[0]["summary"].as_str().unwrap();
    let grant = said.split_once(": ").unwrap().1;
    assert_eq!(grant, "GRANT USAGE ON SCHEMA \"Größe\" TO agenthub_monitor;");
    postgres.sql(grant);
    until(&bench, &url, rule, "pass");
}
