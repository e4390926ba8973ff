//! Databases that are not ours: no error, no false alarm.

use std::io::Write as _;
use std::time::Duration;

use super::{check, fix, outcome, psql, sql_in, version, with_outcome};
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

/// The same server, another role and database.
fn url(postgres: &Postgres, role: &str, database: &str) -> String {
    let url = postgres.monitor_url().replace("agenthub_monitor", role);
    format!("{}/{database}", url.rsplit_once('/').unwrap().0)
}

/// Of a monitor nothing is bad and nothing unknown.
#[track_caller]
fn all_is_well(bench: &Workbench, postgres: &Postgres, database: &str) {
    let url = url(postgres, "agenthub_monitor", database);
    if version(postgres) < 15 {
        // Its statistics are half a second behind.
        std::thread::sleep(Duration::from_millis(700));
    }
    // What was made just now was read from disk just now.
    let skipped = ["--skip", "db.cache_hit"];
    let arguments = ["db", "--postgres", &url, "--db-memory", "2G", "--evidence-age", "0s"];
    let (found, ended) = check(bench, &[&arguments[..], &skipped].concat());
    for bad in ["fail", "warn", "unknown"] {
        assert_eq!(with_outcome(&found, bad), [""; 0], "{database}: {found:#}");
    }
    ended.assert_code(0);
}

#[test]
fn databases_that_are_not_ours_raise_no_false_alarm() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    for name in ["empty", "bench", "odd", "many"] {
        postgres.sql(&format!("CREATE DATABASE {name}"));
        sql_in(&postgres, name, "CREATE EXTENSION pg_stat_statements");
    }
    let pgbench = |arguments: &[&str]| {
        let mut command = std::process::Command::new(Postgres::program("pgbench"));
        let ended = command.args(arguments).arg(url(&postgres, "postgres", "bench")).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    pgbench(&["-i", "-q", "-s", "1"]);
    pgbench(&["-c", "4", "-T", "2"]);
    sql_in(
        &postgres,
        "odd",
        r#"CREATE SCHEMA "Größe"; CREATE TABLE "Größe"."Tasks" (id int PRIMARY KEY, "User_Id" text, "sta""tus" text);
           CREATE TABLE "Größe"."日本 語; --" ("é'" int PRIMARY KEY); CREATE INDEX "Ein ""Index""" ON "Größe"."Tasks" ("User_Id")"#,
    );
    sql_in(
        &postgres,
        "many",
        "SELECT format('CREATE TABLE t%s (id int PRIMARY KEY, user_id int, status text, note text)', n) FROM generate_series(1, 2000) AS n \\gexec",
    );
    sql_in(
        &postgres,
        "agenthub",
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE nobody LOGIN PASSWORD 'only-for-tests'",
    );
    for name in ["empty", "bench", "odd", "many"] {
        for role in ["agenthub_monitor", "nobody"] {
            let url = url(&postgres, role, name);
            let outcome = bench.run(&["check", "db", "--postgres", &url, "--db-memory", "2G", "--format", "json"]);
            let found = outcome.json();
            for bad in ["fail", "warn"] {
                assert_eq!(with_outcome(&found, bad), [""; 0], "{name} {role}: {found:#}");
            }
            let unknown = with_outcome(&found, "unknown");
            if role == "nobody" {
                let hidden = ["db.idle_in_transaction", "db.lock_waits", "db.long_transactions", "db.slow_statements"];
                assert!(hidden.iter().all(|rule| unknown.contains(&(*rule).to_owned())), "{name}: {unknown:?}");
                outcome.assert_code(98);
            } else {
                assert_eq!(unknown, [""; 0], "{name}: {found:#}");
                outcome.assert_code(0);
            }
            // The machine may be busy: this is no measurement.
            assert!(outcome.took < Duration::from_secs(30), "{name} {role} took {:?}", outcome.took);
        }
    }
}

#[test]
fn tables_indexes_and_settings_of_every_kind_raise_no_false_alarm() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE only_a_key (id int PRIMARY KEY); INSERT INTO only_a_key SELECT generate_series(1, 30000);
         CREATE TABLE parts (id int, region text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
         CREATE TABLE part_a PARTITION OF parts FOR VALUES IN ('a') PARTITION BY RANGE (id);
         CREATE TABLE part_a_1 PARTITION OF part_a FOR VALUES FROM (0) TO (100000);
         CREATE TABLE part_rest PARTITION OF parts DEFAULT;
         CREATE INDEX parts_note ON parts (note);
         INSERT INTO parts SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END, n || repeat('x', 700) FROM generate_series(1, 30000) AS n;
         CREATE TABLE held (a text UNIQUE, b text, during int4range, lowered text, EXCLUDE USING gist (during WITH &&));
         INSERT INTO held SELECT n || repeat('x', 700), 'b', int4range(n, n + 1), 'L' || n FROM generate_series(1, 20000) AS n;
         CREATE UNIQUE INDEX held_lowered ON held (lower(lowered)); CREATE INDEX held_part ON held (b) WHERE lowered = 'L1';
         CREATE INDEX held_expression ON held ((a || b) text_pattern_ops) WHERE lowered = 'L2';
         CREATE INDEX held_brin ON held USING brin (b);
         CREATE MATERIALIZED VIEW summed AS SELECT id, note FROM parts; CREATE UNIQUE INDEX ON summed (id);
         ALTER TABLE held ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON held USING (false);
         ALTER TABLE held FORCE ROW LEVEL SECURITY;
         CREATE UNLOGGED TABLE unlogged (a int); CREATE VIEW seen AS SELECT * FROM held;
         CREATE TABLE heir () INHERITS (only_a_key); CREATE TYPE pair AS (a int, b int); CREATE TABLE typed OF pair;
         CREATE TABLE columnless (); CREATE SCHEMA catalogue; CREATE TABLE catalogue.pg_class (relname text);
         GRANT USAGE ON SCHEMA catalogue TO agenthub_monitor; VACUUM ANALYZE;",
    );
    sql_in(
        &postgres,
        "agenthub",
        "CREATE EXTENSION postgres_fdw;
         CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
         CREATE FOREIGN TABLE projects (id int, user_id text, created_at timestamp) SERVER nowhere;",
    );
    // A temporary table of somebody who is there.
    let temporary =
        "CREATE TEMP TABLE tasks AS SELECT n AS id, n AS user_id, n AS status FROM generate_series(1, 20000) AS n";
    let _held = postgres.holding(&format!("{temporary}; COMMIT"));
    all_is_well(&bench, &postgres, "agenthub");
    // Shadows of what the server calls its own, and what a session may find itself set to.
    for oddity in [
        "ALTER ROLE agenthub_monitor SET search_path = catalogue, public, pg_catalog",
        "ALTER ROLE agenthub_monitor SET default_transaction_isolation = 'serializable'",
        "ALTER ROLE agenthub_monitor SET default_transaction_deferrable = on",
        "ALTER ROLE agenthub_monitor SET row_security = off",
        "ALTER ROLE agenthub_monitor SET bytea_output = 'escape'",
        "ALTER ROLE agenthub_monitor SET datestyle = 'German, DMY'",
        "ALTER ROLE agenthub_monitor SET quote_all_identifiers = on",
        "ALTER DATABASE agenthub SET track_io_timing = off",
    ] {
        postgres.sql(oddity);
    }
    all_is_well(&bench, &postgres, "agenthub");
}

#[test]
fn databases_in_other_encodings_are_read() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    for (name, encoding) in [("raw", "SQL_ASCII"), ("latin", "LATIN1")] {
        let of = format!("ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        postgres.sql(&format!("CREATE DATABASE {name} TEMPLATE template0 {of}"));
        sql_in(&postgres, name, "CREATE EXTENSION pg_stat_statements");
    }
    // 0xE4 is an ä there, and no UTF-8.
    let bytes = |name: &str, script: &[u8]| {
        let encoding = if name == "raw" { "SQL_ASCII" } else { "LATIN1" };
        let mut child = psql(&postgres, name).env("PGCLIENTENCODING", encoding).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script).unwrap();
        assert!(child.wait().unwrap().success());
    };
    for name in ["raw", "latin"] {
        bytes(
            name,
            b"CREATE TABLE \"Gr\xe4\xdfe\" (id int PRIMARY KEY, \"Sp\xe4t\" text);
              INSERT INTO \"Gr\xe4\xdfe\" SELECT generate_series(1, 20000), 'x'; CREATE TABLE tasks (id int PRIMARY KEY);\n",
        );
        sql_in(&postgres, name, "VACUUM ANALYZE");
        bytes(name, &b"SELECT \"Sp\xe4t\" FROM \"Gr\xe4\xdfe\" WHERE id = 1 \\g /dev/null\n".repeat(12));
        all_is_well(&bench, &postgres, name);
    }
    bytes("raw", &b"CREATE INDEX ON \"Gr\xe4\xdfe\" (\"Sp\xe4t\");\n".repeat(2));
    let raw = url(&postgres, "agenthub_monitor", "raw");
    let (found, _) = check(&bench, &["db", "--postgres", &raw, "--only", "db.duplicate_index"]);
    assert_eq!(outcome(&found, "db.duplicate_index"), "fail", "{found:#}");
}

#[test]
fn a_standby_is_not_judged_by_what_only_its_primary_counts() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    sql_in(
        &postgres,
        "agenthub",
        "CREATE TABLE t (a int, b text); INSERT INTO t SELECT n, n || repeat('x', 900) FROM generate_series(1, 20000) AS n;
         CREATE INDEX large ON t (b); VACUUM ANALYZE t; CREATE INDEX twice ON t (a); CREATE INDEX thrice ON t (a);
         ALTER ROLE agenthub_monitor SET default_transaction_isolation = 'serializable'",
    );
    postgres.become_standby();
    let url = postgres.monitor_url();
    let (found, _) = check(&bench, &["db", "--postgres", &url, "--db-memory", "2G", "--evidence-age", "0s"]);
    assert_eq!(with_outcome(&found, "fail"), ["db.duplicate_index"], "{found:#}");
    assert_eq!(with_outcome(&found, "warn"), [""; 0], "{found:#}");
    assert_eq!(with_outcome(&found, "unknown"), [""; 0], "{found:#}");
    for rule in ["db.unused_index", "db.dead_rows", "db.stale_statistics", "db.checkpoints"] {
        assert_eq!(outcome(&found, rule), "not_applicable", "{found:#}");
    }
    let told = fix(&found, "db.duplicate_index");
    assert_eq!(told, "-- this is a standby: on its primary\nDROP INDEX CONCURRENTLY public.thrice;");
}
