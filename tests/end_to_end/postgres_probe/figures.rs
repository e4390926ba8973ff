//! What it sees.

use super::*;

#[tokio::test]
async fn calls_and_time_are_what_psql_reads() {
    let postgres = Postgres::start();
    let app = client(&postgres.url()).await;
    app.batch_execute("CREATE TABLE tasks (id int PRIMARY KEY, title text)").await.unwrap();
    app.batch_execute("INSERT INTO tasks SELECT n, 'task ' || n FROM generate_series(1, 5000) AS n").await.unwrap();
    let theirs_before = psql_reads(&postgres);
    let mut probe = probe(&postgres.monitor_url());
    let before = whole(&mut probe).await;
    let mut last = before.clone();
    for round in 0..3 {
        for id in 0..200 {
            app.query("SELECT title FROM tasks WHERE id = $1", &[&id]).await.unwrap();
        }
        app.query("SELECT count(*) FROM tasks WHERE title LIKE 'task 1%'", &[]).await.unwrap();
        let now = quick(&mut probe).await;
        assert_eq!(between(&last, &now, "calls"), 201.0, "in round {round}: the probe's own are not among them");
        last = now;
    }
    let theirs = psql_reads(&postgres);
    let (calls, ms) = (theirs.0 - theirs_before.0, theirs.1 - theirs_before.1);
    assert_within_one_percent(between(&before, &last, "calls"), calls, "calls");
    assert_within_one_percent(between(&before, &last, "exec_ms"), ms, "ms");

    // A session tells its work on tables when it has time, or ends.
    drop(app);
    until(&postgres, "count(*) = 0 FROM pg_stat_activity WHERE usename = 'agenthub'").await;
    // The server may tell it a moment later still.
    until(&postgres, "sum(idx_scan) >= 597 AND sum(seq_scan) >= 3 FROM pg_stat_user_tables").await;
    let after = whole(&mut probe).await;
    let (top, others) = after.statements.clone().unwrap().counted;
    let tasks: Vec<_> = top.iter().filter(|row| row.text.contains("FROM tasks")).collect();
    assert_eq!(tasks.len(), 2, "{top:#?}");
    assert_within_one_percent(tasks.iter().map(|row| row.calls).sum(), calls, "calls");
    assert_within_one_percent(tasks.iter().map(|row| row.total_ms).sum(), ms, "ms");
    let sum = |of: fn(&StatementRow) -> f64| top.iter().chain([&others]).map(of).sum::<f64>();
    assert_within_one_percent(sum(|row| row.calls), between(&before, &after, "calls"), "calls of all statements");
    assert_within_one_percent(sum(|row| row.total_ms), between(&before, &after, "exec_ms"), "ms of all statements");
    let by_id = tasks.iter().find(|row| row.text == "SELECT title FROM tasks WHERE id = $1").unwrap();
    assert_eq!((by_id.calls, by_id.rows), (600.0, 597.0));
    assert!(by_id.blocks_hit > 600.0 && !by_id.id.is_empty());
    assert!(top.iter().all(|row| !row.text.contains("pg_stat_database")), "{top:#?}");

    let tables = after.tables.unwrap().counted;
    assert_eq!((&*tables[0].name, tables.len()), ("tasks", 1));
    assert!(tables[0].idx_scans >= 597.0 && tables[0].seq_scans >= 3.0 && tables[0].bytes.unwrap() > 8192.0);
}

#[tokio::test]
async fn a_role_with_pg_monitor_alone_sees_every_figure() {
    let postgres = Postgres::start();
    let mut probe = probe(&postgres.monitor_url());
    let look = whole(&mut probe).await;
    let told: BTreeSet<&str> = look.gauges.keys().chain(look.totals.keys()).map(|name| &**name).collect();
    let promised = FIGURES.iter().filter(|figure| figure.kind == ProbeKind::Postgres);
    let missing: Vec<&str> = promised.map(|figure| figure.name).filter(|name| !told.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert_eq!(look.gauges["connections_limit"], 197.0);
    assert!(look.gauges["database_bytes"] > 1e6);
    assert!(fact(&*probe, "role").contains("may read all statistics"), "{:?}", probe.name());
    let extension = postgres.sql("SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'");
    assert_eq!(fact(&*probe, "pg_stat_statements"), format!("{extension}, track = top"));
    assert_eq!(fact(&*probe, "server"), format!("PostgreSQL {}", postgres.sql("SHOW server_version")));
    assert_eq!(fact(&*probe, "track_io_timing"), "on");
    assert!(fact(&*probe, "address").starts_with("postgres://agenthub_monitor:***@127.0.0.1:"));
    assert_eq!(probe.name().to_string(), "postgres");
}

#[tokio::test]
async fn a_role_with_no_privileges_sees_what_it_may_and_is_told_the_rest() {
    let postgres = Postgres::start();
    let app = client(&postgres.url()).await;
    let mut probe = probe(&role_without_privileges(&postgres));
    let before = whole(&mut probe).await;
    for _ in 0..50 {
        app.query("SELECT 1 + 1", &[]).await.unwrap();
    }
    let after = whole(&mut probe).await;
    assert_eq!(between(&before, &after, "calls"), 50.0);
    assert_eq!((after.gauges["connections"], after.gauges["connections.unknown"]), (1.0, 1.0));
    assert!(!after.gauges.contains_key("waits") && after.gauges["locks_waiting"] == 0.0);
    let statements = after.statements.unwrap();
    assert!(statements.incomplete.unwrap().contains("GRANT pg_monitor"));
    assert_eq!((statements.counted.0.len(), statements.counted.1.calls), (0, 50.0));
    assert!(fact(&*probe, "role").contains("GRANT pg_monitor TO plain"));
}

#[tokio::test]
async fn without_the_extension_all_else_is_seen_and_it_is_said_how_to_turn_it_on() {
    let mut postgres = Postgres::start();
    postgres.sql("DROP EXTENSION pg_stat_statements");
    let mut without = probe(&postgres.monitor_url());
    let look = whole(&mut without).await;
    assert!(look.statements.is_none() && !look.totals.contains_key("calls"));
    assert!(look.totals.contains_key("blocks_hit") && look.gauges.contains_key("connections.active"));
    let says = fact(&*without, "pg_stat_statements");
    assert!(says.contains("run CREATE EXTENSION pg_stat_statements") && says.contains("agenthub"), "{says}");
    assert!(!says.contains("restart"), "the library is there: {says}");

    postgres.sql("CREATE EXTENSION pg_stat_statements");
    // One statement a transaction: ALTER SYSTEM wants it so.
    postgres.sql("ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'");
    postgres.stop();
    postgres.start_again();
    let mut not_loaded = probe(&postgres.monitor_url());
    assert!(whole(&mut not_loaded).await.statements.is_none());
    let says = fact(&*not_loaded, "pg_stat_statements");
    assert!(says.contains("shared_preload_libraries") && says.contains("restart"), "{says}");
}

#[tokio::test]
async fn it_leaves_itself_out() {
    let postgres = Postgres::start();
    // Its workers commit as well.
    postgres.sql("ALTER SYSTEM SET autovacuum = off");
    postgres.sql("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let mut probe = probe(&postgres.monitor_url());
    let first = whole(&mut probe).await;
    let mut last = first.clone();
    for _ in 0..4 {
        // The server tells a session's counters no more than once a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let look = quick(&mut probe).await;
        assert_eq!(look.gauges["connections"], 0.0);
        assert!(look.totals["commits"] >= last.totals["commits"], "it never seems to be lost");
        last = look;
    }
    let last = whole(&mut probe).await;
    for name in ["calls", "exec_ms", "rows", "blocks_hit", "blocks_read", "rollbacks", "inserted", "updated", "deleted"]
    {
        assert_eq!(between(&first, &last, name), 0.0, "{name}");
    }
    assert!(between(&first, &last, "commits") <= 1.0, "{}", between(&first, &last, "commits"));

    // To connect anew is its own doing as well; what psql does is not.
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agenthub-perf'";
    let mut commits = Vec::new();
    for statement in ["SELECT true", ended] {
        let before = quick(&mut probe).await;
        assert_eq!(postgres.sql(statement), "t");
        // psql has told what it did when it is gone.
        until_told(&postgres).await;
        commits.push(between(&before, &quick(&mut probe).await, "commits"));
    }
    assert!((commits[0] - commits[1]).abs() <= 1.0, "{commits:?}");
    assert_eq!(last.statements.unwrap().counted.0, []);
}

#[tokio::test]
async fn who_waits_for_whom_is_told_without_their_values() {
    let postgres = Postgres::start();
    let (holder, waiter) = (client(&postgres.url()).await, client(&postgres.url()).await);
    holder
        .batch_execute("CREATE TABLE tasks (id int PRIMARY KEY, title text); INSERT INTO tasks VALUES (4711, 'a')")
        .await
        .unwrap();
    let mut probe = probe(&postgres.monitor_url());
    let free = whole(&mut probe).await;
    assert_eq!((free.gauges["blocked"], free.gauges["locks_waiting"], free.blocked.len()), (0.0, 0.0, 0));
    holder.batch_execute("BEGIN; UPDATE tasks SET title = 'holder geheim' WHERE id = 4711").await.unwrap();
    let waiting = tokio::spawn(async move {
        waiter.batch_execute("UPDATE tasks SET title = 'waiter geheim'\n  WHERE id = 4711").await
    });
    let look = loop {
        let look = quick(&mut probe).await;
        if look.gauges["locks_waiting"] > 0.0 {
            break look;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let names = ["blocked", "locks_waiting", "waits", "waits.Lock", "connections", "connections.active"];
    assert_eq!(names.map(|name| look.gauges[name]), [1.0, 1.0, 1.0, 1.0, 2.0, 1.0]);
    assert_eq!(look.gauges["connections.idle_in_transaction"], 1.0);
    assert!(look.gauges["longest_transaction_s"] > 0.0);
    let [blocked] = &*look.blocked else { panic!("{:?}", look.blocked) };
    assert_eq!(blocked.statement, "UPDATE tasks SET title = ? WHERE id = ?");
    assert!(blocked.by.ends_with("UPDATE tasks SET title = ? WHERE id = ?"), "{blocked:?}");
    assert_eq!((&*blocked.lock, &*blocked.by_state), ("transactionid", "idle in transaction"));

    holder.batch_execute("ROLLBACK").await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(quick(&mut probe).await.gauges["blocked"], 0.0);
}

#[tokio::test]
async fn statements_that_were_thrown_out_or_reset_are_said_to_be_missing() {
    let mut postgres = Postgres::start();
    postgres.sql("ALTER SYSTEM SET pg_stat_statements.max = 100");
    postgres.stop();
    postgres.start_again();
    let app = client(&postgres.url()).await;
    let mut watching = probe(&postgres.monitor_url());
    let first = whole(&mut watching).await;
    for columns in 1..150 {
        let list = vec!["1"; columns].join(", ");
        app.query(&format!("SELECT {list}"), &[]).await.unwrap();
    }
    let anew = quick(&mut watching).await;
    assert!(anew.totals["calls"] < first.totals["calls"], "counting begins anew: what happened is not known");
    // Until the entries of what follows are there: as long as one is new, it can throw out others again.
    let mut second = whole(&mut watching).await;
    for round in 1.. {
        assert!(round < 20, "the same statements keep throwing each other out");
        app.query("SELECT 1, 2", &[]).await.unwrap();
        let before = std::mem::replace(&mut second, whole(&mut watching).await);
        if between(&before, &second, "calls") == 1.0 {
            break;
        }
    }
    let incomplete = second.statements.clone().unwrap().incomplete.unwrap();
    assert!(incomplete.contains("raise pg_stat_statements.max above 100"), "{incomplete}");
    app.query("SELECT 1, 2", &[]).await.unwrap();
    assert_eq!(between(&second, &quick(&mut watching).await, "calls"), 1.0);

    postgres.sql("SELECT pg_stat_statements_reset()");
    let incomplete = whole(&mut watching).await.statements.unwrap().incomplete.unwrap();
    assert!(incomplete.contains("was reset"), "{incomplete}");
}
