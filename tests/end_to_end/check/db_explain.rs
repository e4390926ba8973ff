//! `check db --explain`: what is explained, and what is refused.

use super::{check, of, outcome, sql_in, version};
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

/// The outcome, and what is said.
fn explain(bench: &Workbench, url: &str, statement: &str, analyze: bool) -> (String, String) {
    let arguments = ["db", "--postgres", url, "--only", "db.explain", "--explain", statement];
    let more: &[&str] = if analyze { &["--analyze"] } else { &[] };
    let (found, _) = check(bench, &[&arguments[..], more].concat());
    let said = of(&found, "db.explain")[0];
    let evidence: Vec<&str> =
        said["evidence"].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect();
    (outcome(&found, "db.explain"), format!("{}\n{}", said["summary"].as_str().unwrap(), evidence.join("\n")))
}

#[test]
fn only_one_statement_that_reads_is_explained_and_what_is_wrong_is_said() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        r#"CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, 'x' FROM generate_series(1, 20000) AS n; ANALYZE t;
         GRANT ALL ON t TO agenthub; CREATE SEQUENCE s; GRANT ALL ON SEQUENCE s TO agenthub;
         CREATE FUNCTION "Does"(a int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$BEGIN PERFORM pg_notify('x', ''); RETURN a; END$$;
         CREATE FUNCTION doubled(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';"#,
    );
    let url = postgres.url();
    let refused = |statement: &str, analyze: bool, why: &str| {
        let (outcome, said) = explain(&bench, &url, statement, analyze);
        assert_eq!(outcome, "unknown", "{statement}: {said}");
        assert!(said.contains(why), "{statement}: {said}");
    };
    for (statement, why) in [
        ("DELETE FROM t", "it writes (DELETE of t): only a SELECT is explained"),
        ("INSERT INTO t VALUES (1)", "it writes (INSERT of t)"),
        ("UPDATE t SET a = 1 WHERE b = 'x'", "it writes (UPDATE of t)"),
        ("WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone", "it writes (DELETE of t)"),
        ("SELECT 1; DELETE FROM t", "only one is explained"),
        ("DROP TABLE t", "syntax error"),
        ("SELECT * FROM nothing", "spelled and quoted as there"),
        ("SELECT * FROM \"T\"", "spelled and quoted as there"),
        ("SELECT z FROM t", "column \"z\" does not exist"),
    ] {
        refused(statement, false, why);
    }
    // Not run; their plans are harmless.
    for (statement, why) in [
        ("WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone", "it writes (DELETE of t)"),
        ("SELECT rolpassword FROM pg_authid", "look as a role that may read it"),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "pg_terminate_backend() may do more than read"),
        ("SELECT * FROM t WHERE \"Does\"(a) = 1", "Does() may do more than read"),
        ("SELECT * FROM \"Does\"(1)", "Does() may do more than read"),
        ("SELECT set_config('work_mem', '1MB', false)", "set_config() may do more than read"),
        ("SELECT nextval('s')", "nextval() may do more than read"),
        ("SELECT pg_advisory_lock(a) FROM t", "pg_advisory_lock() may do more than read"),
        ("SELECT * FROM t WHERE a = 1 FOR UPDATE", "read-only transaction"),
        ("SELECT * FROM t WHERE a = $1", "write values for $1"),
    ] {
        refused(statement, true, why);
    }
    for statement in ["SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "SELECT nextval('s')"] {
        assert_eq!(explain(&bench, &url, statement, false).0, "pass", "{statement}");
    }
    for statement in ["SELECT lower(b), doubled(a), random() FROM t", "SELECT count(*) FROM t, generate_series(1, 2)"] {
        assert_eq!(explain(&bench, &url, statement, true).0, "pass", "{statement}");
    }
    assert_eq!(postgres.sql("SELECT count(*), sum(a) FROM t"), "20000|200010000");
    assert_eq!(postgres.sql("SELECT is_called FROM s"), "f");
    // Parameters are planned from 16 on.
    let (outcome, said) = explain(&bench, &url, "SELECT b FROM t WHERE a = $1", false);
    if version(&postgres) >= 16 {
        assert_eq!(outcome, "fail", "{said}");
        assert!(said.contains("reads all of t from end to end keeping only (t.a = $1)"), "{said}");
    } else {
        assert_eq!(outcome, "unknown", "{said}");
        assert!(said.contains("from PostgreSQL 16 on: write values for $1"), "{said}");
    }
}

#[test]
fn the_costliest_node_is_pointed_at_through_joins_and_parallel_workers() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE large (a int, b int, c text);
         INSERT INTO large SELECT n, n % 100, repeat('x', 200) FROM generate_series(1, 60000) AS n;
         CREATE TABLE small (b int PRIMARY KEY, d text); INSERT INTO small SELECT n, 'y' FROM generate_series(0, 99) AS n;
         VACUUM ANALYZE large, small; GRANT SELECT ON large, small TO agenthub;
         ALTER ROLE agenthub SET min_parallel_table_scan_size = 0; ALTER ROLE agenthub SET parallel_setup_cost = 0;
         ALTER ROLE agenthub SET parallel_tuple_cost = 0; ALTER ROLE agenthub SET max_parallel_workers_per_gather = 2;",
    );
    let url = postgres.url();
    let join = "SELECT l.c, s.d FROM large AS l JOIN small AS s USING (b) WHERE l.a = 4711";
    let look = |analyze: bool| {
        let (outcome, said) = explain(&bench, &url, join, analyze);
        assert_eq!(outcome, "fail", "{said}");
        let pointed = said.lines().find(|line| line.starts_with('▶')).unwrap();
        assert!(pointed.contains("reads all of large from end to end"), "{said}");
        said
    };
    let planned = look(false);
    assert!(planned.contains("collects from parallel workers"), "{planned}");
    let (outcome, said) = explain(&bench, &url, "SELECT * FROM large WHERE b < 15", false);
    assert_eq!(outcome, "pass", "a seventh, by however many it is read: {said}");
    // To start workers takes a busy machine longer than the reading.
    postgres.sql("ALTER ROLE agenthub SET max_parallel_workers_per_gather = 0");
    look(true);
}
