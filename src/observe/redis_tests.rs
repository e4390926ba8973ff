//! A real redis-server, and texts that are none of its.

use std::process::{Child, Command, Stdio};

use super::*;

/// A private server on a free port; ends when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(folder.path())
            .args(args)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: scripts/test.sh installs it");
        for _ in 0..1000 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, port, folder }
    }

    fn probe(&self, user: &str) -> RedisProbe {
        RedisProbe::new(&Address::redis(&format!("redis://{user}127.0.0.1:{}", self.port)).unwrap())
    }

    /// Independent of the probe.
    fn cli(&self, args: &[&str]) -> String {
        let output =
            Command::new("redis-cli").args(["-p", &self.port.to_string(), "--no-auth-warning"]).args(args).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    fn info(&self, name: &str) -> f64 {
        let text = self.cli(&["info", "everything"]);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        value.trim().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn figures_agree_with_redis_cli() {
    let server = Server::start(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let mut probe = server.probe("");
    let before = probe.look(Depth::Whole).await.unwrap();
    for n in 0..20 {
        server.cli(&["set", &format!("key:{n}"), "value"]);
    }
    server.cli(&["-n", "3", "set", "other", "x"]);
    for n in 0..30 {
        server.cli(&["get", &format!("key:{n}")]);
    }
    let (hits, misses) = (server.info("keyspace_hits"), server.info("keyspace_misses"));
    let after = probe.look(Depth::Quick).await.unwrap();
    let counted = |name: &str| after.totals[name] - before.totals[name];
    assert_eq!((counted("hits"), counted("misses")), (20.0, 10.0));
    assert_eq!((after.totals["hits"], after.totals["misses"]), (hits, misses));
    assert_eq!((after.gauges["keys"], after.gauges["clients"]), (21.0, 0.0), "of all databases; without the probe");
    assert_eq!(after.gauges["memory_limit_bytes"], 64.0 * 1024.0 * 1024.0);
    let memory = server.info("used_memory");
    assert!((after.gauges["memory_bytes"] / memory - 1.0).abs() < 0.2, "{} of {memory}", after.gauges["memory_bytes"]);
    let facts = probe.name().facts;
    assert_eq!(
        (&*facts["maxmemory"], &*facts["maxmemory_policy"], &*facts["role"]),
        ("64 MiB", "allkeys-lru", "master")
    );
    assert!(server.cli(&["info", "server"]).contains(&format!("redis_version:{}", facts["version"])), "{facts:?}");
    for name in after.totals.keys().chain(after.gauges.keys()) {
        assert!(crate::record::figure_name(ProbeKind::Redis, name).is_some(), "{name} has no title");
    }
}

#[tokio::test]
async fn an_idle_server_shows_nothing_of_the_probe() {
    let server = Server::start(&[]);
    let mut probe = server.probe("");
    let before = probe.look(Depth::Whole).await.unwrap();
    for _ in 0..20 {
        probe.look(Depth::Quick).await.unwrap();
    }
    let after = probe.look(Depth::Quick).await.unwrap();
    let counted = |name: &str| after.totals[name] - before.totals[name];
    assert_eq!((counted("commands"), counted("received_bytes"), counted("sent_bytes")), (0.0, 0.0, 0.0));
    assert!(!after.gauges.contains_key("memory_limit_bytes"), "without maxmemory there is no limit");
    assert_eq!(probe.name().facts["maxmemory"], "unlimited");
}

#[tokio::test]
async fn whatever_is_asked_of_the_server_is_info_and_who_the_probe_is() {
    let server = Server::start(&[]);
    let mut probe = server.probe("");
    for _ in 0..3 {
        probe.look(Depth::Whole).await.unwrap();
    }
    let text = server.cli(&["info", "commandstats"]);
    let mut asked: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next()).collect();
    asked.sort_unstable();
    asked.retain(|command| !["client|setinfo", "command|docs", "hello"].contains(command));
    assert_eq!(asked, ["info"]);
}

#[tokio::test]
async fn passwords_users_and_a_server_that_is_not_there_have_a_line_each() {
    let server = Server::start(&["--requirepass", "geheim"]);
    server.cli(&["-a", "geheim", "acl", "setuser", "watch", "on", ">auch-geheim", "-@all", "+info"]);
    for user in [":geheim@", "default:geheim@", "watch:auch-geheim@"] {
        server.probe(user).look(Depth::Whole).await.unwrap();
    }
    let shown = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port);
    let mut met = Vec::new();
    for user in ["", ":falsch-geheim@", "nobody:falsch-geheim@"] {
        met.push(server.probe(user).look(Depth::Whole).await.unwrap_err());
    }
    assert_eq!(
        met[0],
        format!("{} wants a password: redis://:password@host:6379, or redis://user:password@…", shown(""))
    );
    assert_eq!(met[1], format!("{} does not take this user and password", shown(":***@")));
    assert_eq!(met[2], format!("{} does not take this user and password", shown("nobody:***@")));
    server.cli(&["-a", "geheim", "acl", "setuser", "watch", "-info"]);
    let error = server.probe("watch:auch-geheim@").look(Depth::Whole).await.unwrap_err();
    assert_eq!(error, format!("this user may not ask {} for INFO: ACL SETUSER <user> +info", shown("watch:***@")));
    met.push(error);
    let mut probe = server.probe(":geheim@");
    assert_eq!(probe.name().facts["address"], shown(":***@"));
    probe.look(Depth::Whole).await.unwrap();
    drop(server);
    for _ in 0..2 {
        met.push(probe.look(Depth::Quick).await.unwrap_err());
    }
    assert!(met[5].contains("connection refused by redis://:***@127.0.0.1"), "{met:?}");
    assert!(met.iter().all(|why| !why.contains("geheim") && !why.contains('\n')), "{met:?}");
}

#[tokio::test]
async fn a_server_that_came_back_is_counted_anew() {
    let server = Server::start(&[]);
    let mut probe = server.probe("");
    probe.look(Depth::Whole).await.unwrap();
    // Counters of another server that happen to be higher are no difference.
    probe.run_id = Some("another".to_owned());
    let look = probe.look(Depth::Quick).await.unwrap();
    assert!(look.anew, "{look:?}");
    assert!(!probe.look(Depth::Quick).await.unwrap().anew);
}

#[tokio::test]
async fn tls_is_spoken_and_a_certificate_that_nobody_vouches_for_refused() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, private) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, key.cert.pem()).unwrap();
    std::fs::write(&private, key.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let [certificate, private] = [certificate, private].map(|path| path.display().to_string());
    let tls =
        ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &private, "--tls-auth-clients", "no"];
    let server = Server::start(&[&tls[..], &["--tls-ca-cert-file", &certificate]].concat());
    let mut probe = RedisProbe::new(&Address::redis(&format!("rediss://localhost:{port}")).unwrap());
    let error = probe.look(Depth::Whole).await.unwrap_err();
    assert!(error.contains("certificate") || error.contains("UnknownIssuer"), "{error}");
    assert!(server.folder.path().exists());
}

#[test]
fn a_server_that_loads_or_is_no_redis_is_said() {
    let mut probe = RedisProbe::new(&Address::redis("redis://127.0.0.1:6379").unwrap());
    let info = InfoDict::new("loading:1\r\nloading_loaded_perc:12.50\r\ntotal_commands_processed:1\r\n");
    let error = probe.look_at(&info).unwrap_err();
    assert_eq!(error, "redis://127.0.0.1:6379 is loading its data from disk (12.50 % so far): wait until it has");
    assert!(probe.look_at(&InfoDict::new("hello")).unwrap_err().contains("is it one?"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", like in "((db[0-9]{0,12}|maxmemory|loading|used_memory):[keys=,0-9.naN-]{0,20}\r\n){0,6}") {
        for text in [text, format!("total_commands_processed:1\r\n{like}")] {
            let mut probe = RedisProbe::new(&Address::redis("redis://127.0.0.1:6379").unwrap());
            let _ = probe.look_at(&InfoDict::new(&text));
        }
    }
}
