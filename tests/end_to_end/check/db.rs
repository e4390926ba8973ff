//! The database.

use std::time::Duration;

use super::{apply, check, fix, is_fixed, of, outcome, psql_in_background, serve, sql_in, wait_for, with_outcome};
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

/// Takes something away, and expects the rule to fail; then runs its fix, and expects it to pass.
#[track_caller]
fn fails_and_is_fixed(bench: &Workbench, postgres: &mut Postgres, rule: &str, away: &[&str]) {
    for statement in away {
        postgres.sql(statement);
    }
    is_fixed(bench, postgres, rule, "fail");
}

#[test]
fn the_service_s_own_database_is_as_the_guide_wants_it_and_nothing_is_written_to_it() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("ALTER SYSTEM SET autovacuum = off");
    postgres.sql("SELECT pg_reload_conf()");
    let service = serve(&bench, &["--database", &postgres.url(), "--seed-rows", "2000"]);
    drop(service);
    let state = || {
        [
            // A transaction that writes takes a number, and these count every row that was.
            "SELECT txid_snapshot_xmax(txid_current_snapshot())",
            "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del), sum(vacuum_count), sum(analyze_count) FROM pg_stat_all_tables",
            "SELECT count(*), sum(relpages), md5(string_agg(relname || relfilenode || coalesce(reloptions::text, ''), ',' ORDER BY oid)) FROM pg_class",
            "SELECT count(*), md5(string_agg(rolname || coalesce(rolpassword, ''), ',' ORDER BY oid)) FROM pg_authid",
            "SELECT md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings WHERE name !~ 'application'",
        ]
        .map(|query| postgres.sql(query))
    };
    // Statistics of what went before may still be on their way.
    let mut before = state();
    loop {
        std::thread::sleep(Duration::from_millis(700));
        let now = state();
        if now == before {
            break;
        }
        before = now;
    }
    for url in [postgres.monitor_url(), postgres.url()] {
        let explain = ["--explain", "SELECT * FROM tasks WHERE status = 'todo'", "--analyze"];
        let arguments = ["db", "--postgres", &url, "--db-memory", "2G", "--skip", "db.autovacuum"];
        let (found, _) = check(&bench, &[&arguments[..], &explain].concat());
        // Its owner is no monitor, who sees the sessions of others.
        if url == postgres.monitor_url() {
            assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
            assert_eq!(with_outcome(&found, "unknown"), ["db.explain"], "a monitor reads no table: {found:#}");
        } else {
            assert_ne!(outcome(&found, "db.explain"), "unknown", "{found:#}");
        }
        assert!(!found.to_string().contains("only-for-tests"), "a password is shown");
    }
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(state(), before);
    // And it would have been seen.
    let marks = [
        "INSERT INTO contexts SELECT * FROM contexts WHERE false; SELECT pg_current_xact_id()",
        "ANALYZE tasks",
        "CREATE TABLE trace ()",
        "CREATE ROLE trace",
        "ALTER SYSTEM SET work_mem = '9MB'; SELECT pg_reload_conf()",
    ];
    for (at, mark) in marks.iter().enumerate() {
        let before = state();
        sql_in(&postgres, "agenthub", mark);
        std::thread::sleep(Duration::from_millis(700));
        assert_ne!(state()[at], before[at], "{mark}");
    }
}

#[test]
fn what_would_write_is_refused_by_the_session() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1); GRANT ALL ON t TO agenthub");
    let url = postgres.url();
    for statement in
        ["DELETE FROM t", "SELECT 1; DELETE FROM t", "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone"]
    {
        let arguments = ["db", "--postgres", &url, "--only", "db.explain", "--explain", statement, "--analyze"];
        let (found, _) = check(&bench, &arguments);
        assert_eq!(outcome(&found, "db.explain"), "unknown", "{found:#}");
    }
    assert_eq!(postgres.sql("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_plan_is_told_in_words_and_points_at_what_reads_a_whole_table() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    postgres.sql(
        "CREATE TABLE \"Größe\" (a int, b text); INSERT INTO \"Größe\" SELECT n, 'x' FROM generate_series(1, 20000) AS n",
    );
    postgres.sql("VACUUM ANALYZE \"Größe\"");
    postgres.sql("GRANT SELECT ON \"Größe\" TO agenthub_monitor");
    let url = postgres.monitor_url();
    let look = |more: &[&str]| {
        let select = "SELECT b FROM \"Größe\" WHERE a = 5";
        let arguments = ["db", "--postgres", &url, "--only", "db.explain", "--explain", select];
        check(&bench, &[&arguments[..], more].concat()).0
    };
    for more in [&[][..], &["--analyze"]] {
        let found = look(more);
        assert_eq!(outcome(&found, "db.explain"), "fail", "{found:#}");
        assert!(found.to_string().contains("reads all of Größe from end to end"), "{found:#}");
    }
    let told = fix(&look(&[]), "db.explain");
    assert_eq!(told, "CREATE INDEX CONCURRENTLY ON public.\"Größe\" (a);");
    apply(&mut postgres, &told);
    let found = look(&[]);
    assert_eq!(outcome(&found, "db.explain"), "pass", "{found:#}");
    assert!(found.to_string().contains("finds rows of Größe by the index"), "{found:#}");
}

#[test]
fn each_index_of_the_guide_is_missed_and_made_again_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    drop(serve(&bench, &["--database", &postgres.url(), "--seed-rows", "200"]));
    for index in [
        "tasks_user_id_status",
        "projects_user_id_created_at",
        "git_branches_project_id",
        "contexts_level_context_id",
        "tasks_complex",
    ] {
        let drop = format!("DROP INDEX idx_{index}");
        fails_and_is_fixed(&bench, &mut postgres, &format!("db.index.{index}"), &[&drop]);
    }
    // A partial one of the same name is none.
    let away = [
        "DROP INDEX idx_tasks_complex",
        "CREATE INDEX idx_tasks_complex ON tasks (project_id, status, priority, created_at) WHERE status = 'todo'",
    ];
    fails_and_is_fixed(&bench, &mut postgres, "db.index.tasks_complex", &away);
}

#[test]
fn indexes_that_are_too_many_or_too_few_are_mended_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    postgres.sql(
        "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent SELECT generate_series(1, 10);
         CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent, note text);
         INSERT INTO child SELECT n, 1 + n % 10, repeat('x', 400) || n FROM generate_series(1, 30000) AS n",
    );
    postgres.sql("VACUUM ANALYZE parent, child");
    fails_and_is_fixed(&bench, &mut postgres, "db.foreign_key_index", &[]);
    fails_and_is_fixed(&bench, &mut postgres, "db.duplicate_index", &["CREATE INDEX twice ON child (parent_id)"]);
    fails_and_is_fixed(&bench, &mut postgres, "db.unused_index", &["CREATE INDEX large ON child (note)"]);
    let broken = [
        "CREATE INDEX broken ON child (note)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    ];
    fails_and_is_fixed(&bench, &mut postgres, "db.invalid_index", &broken);
}

#[test]
fn dead_rows_stale_statistics_and_autovacuum_are_mended_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let table =
        ["CREATE TABLE t (a int) WITH (autovacuum_enabled = false)", "INSERT INTO t SELECT generate_series(1, 20000)"];
    fails_and_is_fixed(&bench, &mut postgres, "db.stale_statistics", &table);
    fails_and_is_fixed(&bench, &mut postgres, "db.dead_rows", &["UPDATE t SET a = a + 1"]);
    fails_and_is_fixed(&bench, &mut postgres, "db.autovacuum", &[]);
}

#[test]
fn each_setting_of_the_guide_is_missed_and_set_again_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    let defaults = [
        ("setting.effective_cache_size", "effective_cache_size = '512MB'"),
        ("setting.work_mem", "work_mem = '4MB'"),
        ("setting.maintenance_work_mem", "maintenance_work_mem = '64MB'"),
        ("setting.checkpoint_completion_target", "checkpoint_completion_target = 0.5"),
        ("setting.checkpoint_timeout", "checkpoint_timeout = '5min'"),
        ("setting.max_wal_size", "max_wal_size = '1GB'"),
        ("setting.min_wal_size", "min_wal_size = '80MB'"),
        ("setting.random_page_cost", "random_page_cost = 4"),
        ("setting.effective_io_concurrency", "effective_io_concurrency = 1"),
        ("setting.default_statistics_target", "default_statistics_target = 10"),
        ("slow_query_log", "log_min_duration_statement = -1"),
    ];
    // All at once, and each of them is named.
    for (_, set) in defaults {
        postgres.sql(&format!("ALTER SYSTEM SET {set}"));
    }
    postgres.sql("SELECT pg_reload_conf()");
    let url = postgres.monitor_url();
    let look = || {
        check(
            &bench,
            &["db", "--postgres", &url, "--db-memory", "2G", "--only", "db.setting,db.slow_query_log,db.pools_fit"],
        )
    };
    let (found, ended) = look();
    let mut failed = with_outcome(&found, "fail");
    let mut wanted: Vec<String> = defaults.iter().map(|(rule, _)| format!("db.{rule}")).collect();
    failed.sort();
    wanted.sort();
    assert_eq!(failed, wanted);
    ended.assert_code(99);
    for rule in &failed {
        sql_in(&postgres, "agenthub", &fix(&found, rule));
    }
    // These take a new start.
    postgres.sql("ALTER SYSTEM SET shared_buffers = '128MB'");
    // With fewer connections each is to have more memory, so others may fail beside these.
    postgres.sql("ALTER SYSTEM SET max_connections = 40");
    postgres.stop();
    postgres.start_again();
    let (found, _) = look();
    let failed = with_outcome(&found, "fail");
    for rule in ["db.pools_fit", "db.setting.shared_buffers"] {
        assert!(failed.contains(&rule.to_owned()), "{found:#}");
        sql_in(&postgres, "agenthub", &fix(&found, rule));
    }
    assert_eq!(outcome(&look().0, "db.setting.pending_restart"), "pass", "nobody has told the server yet");
    postgres.stop();
    postgres.start_again();
    let (found, ended) = look();
    assert_eq!(with_outcome(&found, "pass").len(), found["findings"].as_array().unwrap().len(), "{found:#}");
    ended.assert_code(0);
}

#[test]
fn counting_statements_is_asked_for_and_a_slow_one_is_named_without_its_values() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    // It still counts what is done here, for other databases to see.
    postgres.sql("DROP EXTENSION pg_stat_statements");
    is_fixed(&bench, &mut postgres, "db.statements_counted", "warn");
    for _ in 0..10 {
        postgres.sql("SELECT pg_sleep(0.5), 'geheim' AS secret");
    }
    let (found, _) = check(&bench, &["db", "--postgres", &postgres.monitor_url(), "--only", "db.slow_statements"]);
    assert_eq!(outcome(&found, "db.slow_statements"), "fail", "{found:#}");
    assert!(found.to_string().contains("pg_sleep") && !found.to_string().contains("geheim"), "{found:#}");
}

#[test]
fn who_holds_a_lock_is_named_and_ended_as_printed() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let holder = psql_in_background(&postgres, "BEGIN; UPDATE t SET a = 2; SELECT pg_sleep(60);");
    wait_for(
        &postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()",
        "1",
    );
    let waiting = psql_in_background(&postgres, "UPDATE t SET a = 3;");
    wait_for(
        &postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND now() - query_start > interval '2.1 s'",
        "1",
    );
    fails_and_is_fixed(&bench, &mut postgres, "db.lock_waits", &[]);
    drop((holder, waiting));
}

#[test]
fn names_of_any_kind_are_quoted_in_the_fix() {
    let (bench, mut postgres) = (Workbench::new(), Postgres::start());
    postgres.sql(
        r#"CREATE SCHEMA "Größe; --"; CREATE TABLE "Größe; --"."Tasks" (id int PRIMARY KEY, "User_Id" text, "Status" text);
           GRANT USAGE ON SCHEMA "Größe; --" TO agenthub_monitor"#,
    );
    fails_and_is_fixed(&bench, &mut postgres, "db.index.tasks_user_id_status", &[]);
    let (found, _) = check(&bench, &["db", "--postgres", &postgres.monitor_url(), "--only", "db.index"]);
    let missing = of(&found, "db.index.tasks_complex");
    assert_eq!(missing[0]["outcome"], "cannot_exist");
    assert_eq!(missing[0]["summary"], r#""Größe; --"."Tasks" has no columns project_id, priority, created_at"#);
}

#[test]
fn a_finding_is_accepted_until_its_day() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("ALTER SYSTEM SET log_min_duration_statement = -1");
    postgres.sql("SELECT pg_reload_conf()");
    let url = postgres.monitor_url();
    let with_until = |until: &str| {
        let accept =
            format!("[check]\naccept = [{{ rule = \"db.slow_query_log\", reason = \"logged elsewhere\"{until} }}]\n");
        bench.write("agenthub-perf.toml", &accept);
        check(&bench, &["db", "--postgres", &url, "--only", "db.slow_query_log"])
    };
    for (until, code) in [("", 0), (", until = \"2999-12-31\"", 0), (", until = \"2020-01-31\"", 99)] {
        let (found, ended) = with_until(until);
        ended.assert_code(code);
        assert_eq!(of(&found, "db.slow_query_log")[0]["note"].is_string(), code == 99, "{found:#}");
    }
    bench.write("agenthub-perf.toml", "[check]\naccept = [{ rule = \"db.slow_query_lag\", reason = \"x\" }]\n");
    let refused = bench.run(&["check", "db", "--postgres", &url]);
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("agenthub-perf.toml:2:") && refused.stderr.contains("db.slow_query_log"),
        "{refused}"
    );
}
