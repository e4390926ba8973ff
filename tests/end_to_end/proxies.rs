//! Proxies that the environment names, seen from the proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::counting::CountingServer;
use crate::support::faults::refusing;
use crate::support::harness::{Workbench, only_get};
use crate::support::secure::{Authority, Shown, Speaks};
use crate::{assert_missed, endpoint};

/// First lines and `proxy-authorization` of requests.
type Asked = Vec<(String, Option<String>)>;

/// A proxy that answers plain requests itself and opens tunnels to a port of this machine, whatever the name.
struct Proxy {
    addr: SocketAddr,
    asked: Arc<Mutex<Asked>>,
}

impl Proxy {
    /// `tunnel_to`: where CONNECT leads; `None` where all is refused with 407.
    fn start(tunnel_to: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&asked);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = Arc::clone(&theirs);
                std::thread::spawn(move || serve(stream, tunnel_to, &asked));
            }
        });
        Self { addr, asked }
    }

    fn asked(&self) -> Asked {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, tunnel_to: Option<u16>, asked: &Mutex<Asked>) {
    let mut read = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut first, mut credentials) = (String::new(), None);
        if read.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            if read.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("proxy-authorization")
            {
                credentials = Some(value.trim().to_owned());
            }
        }
        asked.lock().unwrap().push((first.trim().to_owned(), credentials));
        let answer: &[u8] = match (tunnel_to, first.starts_with("CONNECT ")) {
            (None, _) => b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            (Some(_), false) => b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"ok\": true}",
            (Some(_), true) => b"HTTP/1.1 200 Connection established\r\n\r\n",
        };
        if stream.write_all(answer).is_err() {
            return;
        }
        if let Some(port) = tunnel_to.filter(|_| first.starts_with("CONNECT ")) {
            let mut host = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut from_host = host.try_clone().unwrap();
            let mut to_client = stream.try_clone().unwrap();
            std::thread::spawn(move || copy(&mut from_host, &mut to_client));
            copy(&mut read, &mut host);
            return;
        }
    }
}

fn copy(from: &mut impl Read, to: &mut TcpStream) {
    let _ = std::io::copy(from, to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

const LOAD: [&str; 6] = ["-u", "2", "-r", "100", "-t", "2s"];

fn get() -> String {
    only_get("/look", "{ constant = \"20ms\" }", "")
}

#[test]
fn plain_requests_name_the_whole_url_and_the_credentials_are_sent_and_not_shown() {
    let proxy = Proxy::start(Some(0));
    let bench = Workbench::new().with_env("HTTP_PROXY", &format!("http://me:hunter2@{}", proxy.addr));
    bench.write("s.toml", &get());
    let args = ["run", "-H", "http://perf.test:81", "--allow-host", "perf.test", "-f", "s.toml", "--allow-unproven"];
    let outcome = bench.run(&[&args[..], &LOAD].concat());
    let result = bench.result();
    assert_eq!(result["totals"]["failures"], 0, "{outcome}");
    assert_eq!(result["totals"]["connections"], 2, "a kept connection to the proxy for each user");
    let said = format!("requests to perf.test go through the proxy http://***@{}", proxy.addr);
    assert!(outcome.stderr.contains(&said), "{outcome}");
    let written = std::fs::read_to_string(bench.newest_result().join("result.json")).unwrap();
    assert!(!format!("{outcome}{written}").contains("hunter2"), "{outcome}");
    let asked = proxy.asked();
    assert_eq!(asked.len() as u64, result["totals"]["requests"].as_u64().unwrap() + 1, "the health request, too");
    for (line, credentials) in asked {
        assert!(line.starts_with("GET http://perf.test:81/"), "{line}");
        assert_eq!(credentials.as_deref(), Some("Basic bWU6aHVudGVyMg=="), "{line}");
    }
}

#[test]
fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let server = authority.serve(Shown::Good, Speaks::Http2);
    let proxy = Proxy::start(Some(server.port()));
    let file = tempfile::NamedTempFile::new().unwrap();
    authority.write(file.path());
    let bench = Workbench::new()
        .with_env("https_proxy", &proxy.addr.to_string())
        .with_env("SSL_CERT_FILE", &file.path().display().to_string());
    bench.write("s.toml", &get());
    let args = ["run", "-H", "https://perf.test", "--allow-host", "perf.test", "-f", "s.toml", "--allow-unproven"];
    let outcome = bench.run(&[&args[..], &LOAD].concat());
    let result = bench.result();
    assert_eq!(result["totals"]["failures"], 0, "{outcome}");
    let requests = result["totals"]["requests"].as_u64().unwrap();
    assert_eq!(result["totals"]["http_versions"], serde_json::json!({ "2": requests }), "{outcome}");
    assert!(proxy.asked().iter().all(|(line, _)| line == "CONNECT perf.test:443 HTTP/1.1"), "{:?}", proxy.asked());
    assert_eq!(proxy.asked().len(), 3, "two users and the health request");
}

#[test]
fn a_proxy_that_refuses_is_a_failure_to_connect_that_names_it() {
    let proxy = Proxy::start(None);
    let closed = refusing();
    let home = CountingServer::start();
    let bench = Workbench::new()
        .with_env("HTTP_PROXY", &format!("http://{}", proxy.addr))
        .with_env("HTTPS_PROXY", &format!("http://{closed}"));
    let task = |name: &str, url: &str| format!("\n[[task]]\nname = \"{name}\"\nget = \"{url}\"\nas = \"{name}\"\n");
    let tasks =
        [task("plain", "http://perf.test/"), task("secure", "https://perf.test/"), task("home", "/api/v2/health")];
    bench.write("s.toml", &format!("name = \"refused\"\nwait = {{ constant = \"20ms\" }}\n{}", tasks.concat()));
    let url = home.url();
    let args = ["run", "-H", &url, "--allow-host", "perf.test", "-f", "s.toml", "--seed", "3"];
    assert_missed(&bench.run(&[&args[..], &LOAD].concat()));
    let result = bench.result();
    let plain = format!("proxy http://{} refuses perf.test: 407 Proxy Authentication Required", proxy.addr);
    let secure = format!("proxy http://{closed}: connect to {closed}: connection refused");
    for (name, words) in [("plain", plain), ("secure", secure)] {
        let errors = endpoint(&result, name)["errors"].as_object().unwrap();
        assert!(!errors.is_empty() && errors.keys().all(|error| error.starts_with(&words)), "{name}: {errors:#?}");
    }
    let kinds = result["totals"]["failures_by_kind"].as_object().unwrap();
    assert!(kinds["connect"].as_u64() > Some(0), "{kinds:?}");
    assert!(home.count("GET", "/api/v2/health") > 1, "this machine is reached without a proxy");
    // Where the host itself is behind it, the run ends before it begins.
    let args = ["run", "-H", "https://perf.test", "--allow-host", "perf.test"];
    let outcome = bench.run(&[&args[..], &LOAD].concat());
    outcome.assert_code(1);
    assert!(outcome.stderr.contains(&format!("through the proxy http://{closed}")), "{outcome}");
}
