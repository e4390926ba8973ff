//! The probe of PostgreSQL against a real server: what it sees is what psql sees, and nothing that happens to the server
//! or its role does more to it than a gap with a reason.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agenthub_perf::observe::{Address, Depth, Look, Observer, Probe, Watch};
use agenthub_perf::record::{End, FIGURES, ProbeKind, Recorder, StatementRow, Watched, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls};

use crate::support::stack::Postgres;

#[path = "../support/asked.rs"]
mod asked;

fn probe(url: &str) -> Box<dyn Probe> {
    let watch = Watch { postgres: Some(Address::postgres(url).unwrap()), ..Watch::default() };
    watch.probes().pop().unwrap()
}

fn fact(probe: &dyn Probe, name: &str) -> String {
    probe.name().facts.get(name).cloned().unwrap_or_default()
}

async fn whole(probe: &mut Box<dyn Probe>) -> Look {
    probe.look(Depth::Whole).await.unwrap()
}

async fn quick(probe: &mut Box<dyn Probe>) -> Look {
    probe.look(Depth::Quick).await.unwrap()
}

/// The error of a look, which comes within the probe's patience.
async fn refused(url: &str) -> String {
    let mut probe = probe(url);
    let patience = probe.patience();
    let error = tokio::time::timeout(patience, probe.look(Depth::Whole)).await.expect("in time").unwrap_err();
    assert!(!error.contains("only-for-tests") && !error.contains("geheim") && !error.contains('\n'), "{error}");
    error
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn between(before: &Look, after: &Look, name: &str) -> f64 {
    after.totals[name] - before.totals[name]
}

/// A role without any privilege but to connect.
fn role_without_privileges(postgres: &Postgres) -> String {
    postgres.sql("CREATE ROLE plain LOGIN PASSWORD 'only-for-tests'; GRANT CONNECT ON DATABASE agenthub TO plain");
    postgres.url().replace("agenthub:", "plain:")
}

/// Calls and ms of the application's statements, as psql sees them.
fn psql_reads(postgres: &Postgres) -> (f64, f64) {
    let sums = postgres.sql(
        "SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements \
         WHERE toplevel AND userid = 'agenthub'::regrole",
    );
    let (calls, ms) = sums.split_once('|').unwrap();
    (calls.parse().unwrap(), ms.parse().unwrap())
}

fn assert_within_one_percent(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= theirs * 0.01, "{what}: {ours} here, {theirs} by psql");
}

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
    while postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'agenthub'") != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
    assert_eq!(fact(&*probe, "pg_stat_statements"), "1.10, track = top");
    assert!(fact(&*probe, "server").starts_with("PostgreSQL 15"));
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
    assert!(look.totals["blocks_hit"] > 0.0 && look.gauges.contains_key("connections.active"));
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
async fn what_keeps_it_out_is_one_line_that_names_the_fix() {
    let mut postgres = Postgres::start();
    let url = postgres.monitor_url();
    let plain = role_without_privileges(&postgres);
    postgres.sql("REVOKE CONNECT ON DATABASE agenthub FROM plain; ALTER ROLE agenthub CONNECTION LIMIT 0");
    for (url, says) in [
        (url.replace("only-for-tests", "geheim"), "wrong password for the role agenthub_monitor"),
        (url.replace("/agenthub", "/nothing").replace("//nothing", "//agenthub"), "there is no database nothing"),
        (url.replace("127.0.0.1", "no-such-host.invalid"), "no such host: no-such-host.invalid"),
        (url.replace(":only-for-tests", ""), "wants a password"),
        (format!("{url}?sslmode=require"), "has no TLS"),
        (plain, "GRANT CONNECT ON DATABASE agenthub TO plain"),
        (postgres.url(), "has no connection left"),
    ] {
        let error = refused(&url).await;
        assert!(error.contains(says), "{error}");
    }
    postgres.stop();
    let error = refused(&url).await;
    assert!(error.contains("nothing listens at 127.0.0.1:"), "{error}");
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
    assert_eq!(last.statements.unwrap().counted.0, []);
}

/// What the probe calls writes, if its session lets it: to a table of the service's role, which may.
fn set_a_trap(postgres: &Postgres) {
    postgres.sql("CREATE TABLE trap (n int); ALTER TABLE trap OWNER TO agenthub");
    postgres.sql(
        "DO $$ BEGIN EXECUTE format('CREATE OR REPLACE FUNCTION pg_stat_statements(%s) RETURNS SETOF record \
         LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.trap VALUES (1); END $f$', \
         pg_get_function_arguments('pg_stat_statements(boolean)'::regprocedure)); END $$",
    );
}

#[tokio::test]
async fn it_writes_nothing_and_could_not() {
    let postgres = Postgres::start();
    let written = || {
        postgres.sql(
            "SELECT sum(tup_inserted + tup_updated + tup_deleted), (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) \
             FROM pg_stat_user_tables) FROM pg_stat_database WHERE datname = 'agenthub'",
        )
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = written();
    let mut watching = probe(&format!("{}?options=-c%20default_transaction_read_only%3Doff", postgres.url()));
    for _ in 0..3 {
        whole(&mut watching).await;
    }
    drop(watching);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(written(), before);

    set_a_trap(&postgres);
    let mut trapped = probe(&postgres.url());
    let look = whole(&mut trapped).await;
    assert!(look.statements.is_none());
    let says = fact(&*trapped, "pg_stat_statements");
    assert!(says.contains("cannot execute INSERT in a read-only transaction"), "{says}");
    assert_eq!(postgres.sql("SELECT count(*) FROM trap"), "0");
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
    let second = whole(&mut watching).await;
    assert!(second.totals["calls"] < first.totals["calls"], "counting begins anew: what happened is not known");
    let incomplete = second.statements.clone().unwrap().incomplete.unwrap();
    assert!(incomplete.contains("raise pg_stat_statements.max above 100"), "{incomplete}");
    app.query("SELECT 1, 2", &[]).await.unwrap();
    assert_eq!(between(&second, &quick(&mut watching).await, "calls"), 1.0);

    postgres.sql("SELECT pg_stat_statements_reset()");
    let incomplete = whole(&mut watching).await.statements.unwrap().incomplete.unwrap();
    assert!(incomplete.contains("was reset"), "{incomplete}");
}

/// Where something listens that refuses to be told options at connecting, as PgBouncer does, and passes on all else.
async fn pooler_before(postgres: &Postgres) -> u16 {
    let url = url::Url::parse(&postgres.url()).unwrap();
    let server = ("127.0.0.1", url.port().unwrap());
    let pooler = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = pooler.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = pooler.accept().await {
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap();
                let mut startup = vec![0; length as usize - 4];
                client.read_exact(&mut startup).await.unwrap();
                if startup.windows(9).any(|window| window == b"\0options\0") {
                    let says = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
                    client.write_u8(b'E').await.unwrap();
                    client.write_u32(says.len() as u32 + 4).await.unwrap();
                    return client.write_all(says).await.unwrap();
                }
                let mut server = TcpStream::connect(server).await.unwrap();
                server.write_u32(length).await.unwrap();
                server.write_all(&startup).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn through_a_pooler_it_sees_as_much_and_still_cannot_write() {
    let postgres = Postgres::start();
    let port = pooler_before(&postgres).await;
    let mut url = url::Url::parse(&postgres.url()).unwrap();
    url.set_port(Some(port)).unwrap();
    url.set_query(Some("sslmode=disable"));
    let app = client(url.as_str()).await;
    let mut watching = probe(url.as_str());
    let before = whole(&mut watching).await;
    app.query("SELECT 1 + 1", &[]).await.unwrap();
    assert_eq!(between(&before, &quick(&mut watching).await, "calls"), 1.0);
    assert!(fact(&*watching, "connection").contains("pooler"), "{:?}", watching.name());

    set_a_trap(&postgres);
    let mut trapped = probe(url.as_str());
    whole(&mut trapped).await;
    let says = fact(&*trapped, "pg_stat_statements");
    assert!(says.contains("cannot execute INSERT in a read-only transaction"), "{says}");
    assert_eq!(postgres.sql("SELECT count(*) FROM trap"), "0");
}

/// Observes a recording for as long as `during` takes, and reads it back.
async fn observed(folder: &Path, url: &str, during: impl AsyncFnOnce()) -> Watched {
    let watch = Watch { postgres: Some(Address::postgres(url).unwrap()), ..Watch::default() };
    let recorder = Arc::new(Recorder::create(folder, &asked::asked("observed", 1, 60.0), Vec::new()).unwrap());
    let (observer, first) = Observer::start(watch.probes(), Arc::clone(&recorder)).await.unwrap();
    assert_eq!(first[0].problem, None);
    recorder.begin();
    during().await;
    observer.stop().await;
    recorder.finish(End::Finished).unwrap();
    read(folder).unwrap().watched.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_and_comes_back_is_a_gap() {
    let mut postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.monitor_url();
    let watched = observed(folder.path(), &url, async || {
        let pause = async |seconds: f64| tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        let app = client(&postgres.url()).await;
        app.query("SELECT 'before'", &[]).await.unwrap();
        pause(2.5).await;
        tokio::task::block_in_place(|| postgres.stop());
        pause(2.5).await;
        tokio::task::block_in_place(|| postgres.start_again());
        let app = client(&postgres.url()).await;
        for _ in 0..7 {
            app.query("SELECT 'after', 1", &[]).await.unwrap();
        }
        pause(3.0).await;
    })
    .await;
    assert!(watched.gaps.iter().any(|gap| gap.why.contains("nothing listens at")), "{:?}", watched.gaps);
    let (gone_s, back_s) = (watched.gaps[0].from_s, watched.gaps.last().unwrap().to_s);
    assert!(watched.seen.iter().any(|seen| seen.to_s < gone_s), "{gone_s} {:?}", watched.seen);
    assert!(watched.seen.iter().any(|seen| seen.from_s >= gone_s && seen.to_s > back_s), "{:?}", watched.seen);
    let statements = watched.statements.unwrap();
    let after = statements.top.iter().find(|row| row.text == "SELECT $1, $2").unwrap();
    assert_eq!(after.calls, 7.0, "{statements:?}");
    assert!(statements.to_s > back_s);
}

/// A process that is stopped, and goes on when this goes out of scope.
struct Frozen(String);

impl Frozen {
    fn new(pid: &str) -> Self {
        assert!(Command::new("kill").args(["-STOP", pid]).status().unwrap().success());
        Self(pid.to_owned())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-CONT", &self.0]).status();
    }
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_probes_patience() {
    let postgres = Postgres::start();
    let mut watching = probe(&postgres.monitor_url());
    let before = whole(&mut watching).await;
    let backend = postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'agenthub-perf'");
    let frozen = Frozen::new(&backend);
    let began = Instant::now();
    let patience = watching.patience();
    let error = tokio::time::timeout(patience, watching.look(Depth::Quick)).await.expect("in time").unwrap_err();
    assert!(error.contains("did not answer"), "{error}");
    // Its own connection hangs; a new one does not.
    let after = quick(&mut watching).await;
    assert!(after.totals["commits"] >= before.totals["commits"]);
    drop(frozen);
    assert!(began.elapsed() >= Duration::from_secs(1), "attempts to connect are a second apart");

    let frozen = Frozen::new(&postgres.pid().to_string());
    let error = refused(&postgres.monitor_url()).await;
    assert!(error.contains("takes connections but did not answer"), "{error}");
    drop(frozen);

    // A look that is given up from outside leaves no half an answer behind.
    let _ = tokio::time::timeout(Duration::from_millis(1), watching.look(Depth::Whole)).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(quick(&mut watching).await.totals.contains_key("calls"));
}

#[tokio::test]
async fn tls_is_checked_as_far_as_the_url_asks() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let data = postgres.sql("SHOW data_directory");
    for (name, pem) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let own = folder.path().join(name);
        std::fs::write(&own, pem).unwrap();
        let theirs = format!("{data}/{name}");
        assert!(Command::new("cp").arg(&own).arg(&theirs).status().unwrap().success());
        assert!(Command::new("chmod").args(["600", &theirs]).status().unwrap().success());
        let owner = Command::new("chown").arg(format!("--reference={data}")).arg(&theirs).status().unwrap();
        assert!(owner.success());
    }
    postgres.sql("ALTER SYSTEM SET ssl = on");
    postgres.sql("SELECT pg_reload_conf()");
    let began = Instant::now();
    while postgres.sql("SHOW ssl") != "on" {
        assert!(began.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(20));
    }

    let url = postgres.monitor_url();
    let root = folder.path().join("server.crt").display().to_string();
    let encrypted = || {
        postgres.sql(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'agenthub-perf'",
        )
    };
    let by_name = url.replace("127.0.0.1", "localhost");
    for (url, is_encrypted) in [
        (format!("{url}?sslmode=require"), "t"),
        (url.clone(), "t"),
        (format!("{url}?sslmode=disable"), "f"),
        (format!("{url}?sslmode=verify-full&sslrootcert={root}"), "t"),
        (format!("{by_name}?sslmode=verify-ca&sslrootcert={root}"), "t"),
    ] {
        let mut probe = probe(&url);
        whole(&mut probe).await;
        assert_eq!(encrypted(), is_encrypted, "{url}");
        drop(probe);
        // The server notices that it has gone.
        while !encrypted().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for url in [format!("{url}?sslmode=verify-full"), format!("{by_name}?sslmode=verify-full&sslrootcert={root}")] {
        let error = refused(&url).await;
        assert!(error.contains("certificate") && error.contains("sslrootcert"), "{error}");
    }
}
