//! What happens to it, and what it may not do.

use super::*;

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

/// Where something listens that refuses to be told options at connecting, as `PgBouncer` does, and passes on all else.
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
    let recorder = Arc::new(Recorder::create(folder, &crate::asked::asked("observed", 1, 60.0), Vec::new()).unwrap());
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
