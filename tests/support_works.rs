//! The servers that the end-to-end tests load count right, and misbehave as they say; shown with raw sockets. The private
//! servers start, end, and start again.
#![allow(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::counting::{Behaviour, CountingServer, ServiceTime};
use support::faults::{Fault, FaultServer, HUGE, refusing};
use support::stack::{Nginx, Postgres, Redis};

mod support;

/// One connection on which requests are sent one after the other.
struct Client {
    stream: TcpStream,
}

impl Client {
    fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream.set_nodelay(true).expect("a socket");
        Self { stream }
    }

    fn ask(&mut self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        let bearer = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{bearer}Content-Length: {length}\r\n\r\n");
        self.stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("the headers");
            answer.push(byte[0]);
        }
        let head = String::from_utf8(answer).expect("ASCII");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        let mut body = vec![0; length.parse().expect("a number")];
        self.stream.read_exact(&mut body).expect("the body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a status");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    fn log_in(&mut self) -> String {
        let (status, body) = self.ask("POST", "/api/v2/auth/login", None, "{}");
        assert_eq!(status, 200);
        body["access_token"].as_str().expect("a token").to_owned()
    }
}

#[test]
fn requests_of_many_connections_are_counted_exactly() {
    let server = CountingServer::start();
    let addr = server.addr();
    let users: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(addr);
                let token = client.log_in();
                for number in 0..50 {
                    let path = format!("/api/v2/tasks?offset={number}");
                    assert_eq!(client.ask("GET", &path, Some(&token), "").0, 200);
                }
                let task = r#"{"title":"counted"}"#;
                assert_eq!(client.ask("POST", "/api/v2/tasks", Some(&token), task).0, 201);
            })
        })
        .collect();
    for user in users {
        user.join().expect("every request was answered");
    }
    assert_eq!(server.count("GET", "/api/v2/tasks"), 400);
    assert_eq!(server.count("POST", "/api/v2/tasks"), 8);
    assert_eq!(server.count("POST", "/api/v2/auth/login"), 8);
    assert_eq!((server.total(), server.connections(), server.unauthorized()), (416, 8, 0));
    let seen = server.seen();
    assert_eq!(seen.len(), 416);
    let created: Vec<_> = seen.iter().filter(|seen| seen.status == 201).collect();
    assert!(created.iter().all(|seen| seen.authorized && seen.request.body == br#"{"title":"counted"}"#));
    assert_eq!(created.len(), 8);
    let queries: BTreeSet<_> = seen.iter().map(|seen| seen.request.query.as_str()).collect();
    assert_eq!(queries.len(), 51, "fifty offsets, and none");
}

#[test]
fn requests_without_a_token_of_ours_are_noticed() {
    let server = CountingServer::start();
    let mut client = Client::connect(server.addr());
    let token = client.log_in();
    assert_eq!(client.ask("GET", "/api/v2/projects", Some("forged"), "").0, 401);
    assert_eq!(client.ask("GET", "/api/v2/projects", None, "").0, 401);
    assert_eq!(client.ask("GET", "/api/v2/projects", Some(&token), "").0, 200);
    assert_eq!(client.ask("POST", "/api/v2/tasks", Some(&token), "{}").0, 422);
    assert_eq!(server.unauthorized(), 2);
}

#[test]
fn exactly_every_nth_request_fails_and_no_login_does() {
    let server = CountingServer::with(Behaviour { fail: Some((4, 503)), ..Behaviour::default() });
    let mut client = Client::connect(server.addr());
    let token = client.log_in();
    let statuses: Vec<u16> = (0..8).map(|_| client.ask("GET", "/api/v2/tasks", Some(&token), "").0).collect();
    assert_eq!(statuses, [200, 200, 200, 503, 200, 200, 200, 503]);
    client.log_in();
    assert_eq!(server.failed(), 2);
}

#[test]
fn a_login_is_answered_as_told() {
    let login = Some((401, r#"{"detail":"no"}"#.to_owned()));
    let server = CountingServer::with(Behaviour { login, ..Behaviour::default() });
    let (status, body) = Client::connect(server.addr()).ask("POST", "/api/v2/auth/login", None, "{}");
    assert_eq!((status, body["detail"].as_str()), (401, Some("no")));
}

#[test]
fn service_times_are_those_asked_for_and_recorded_as_they_were() {
    let (fast, slow) = (Duration::from_millis(2), Duration::from_millis(30));
    let time = ServiceTime::Bimodal { fast, slow, slow_share: 0.25 };
    let endpoint = "GET /api/v2/health";
    let times = [(endpoint.to_owned(), time)].into();
    let server = CountingServer::with(Behaviour { times, seed: 3, ..Behaviour::default() });
    let mut client = Client::connect(server.addr());
    for _ in 0..200 {
        assert_eq!(client.ask("GET", "/api/v2/health", None, "").0, 200);
    }
    // The last time is written down after its answer has left.
    while server.times_us(endpoint).len() < 200 {
        std::thread::yield_now();
    }
    let inside_us = server.times_us(endpoint);
    assert!(inside_us.iter().all(|&us| us >= 2000), "{inside_us:?}");
    let slow = inside_us.iter().filter(|&&us| us >= 30_000).count();
    // 50 ± 6; five sigmas.
    assert!((20..=80).contains(&slow), "{slow}");
    assert!(server.quantile_ms(endpoint, 0.99) >= 30.0);
}

#[test]
fn a_host_that_goes_down_refuses_and_ends_what_is_open() {
    let server = CountingServer::start();
    let mut client = Client::connect(server.addr());
    client.log_in();
    server.go_down();
    let mut rest = Vec::new();
    assert!(matches!(client.stream.read_to_end(&mut rest), Ok(0) | Err(_)), "{rest:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(server.addr()).is_ok() {
        assert!(Instant::now() < deadline, "the port is still open");
    }
    assert_eq!(server.total(), 1, "the connection that wakes the server is not a request");
}

/// Sends a GET, and reads at most `limit` bytes: what came, and how it ended.
fn fault(server: &FaultServer, fault: Fault, limit: u64) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(server.addr()).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_millis(1500))).expect("a timeout");
    let request = format!("GET {} HTTP/1.1\r\nHost: test\r\n\r\n", fault.path());
    stream.write_all(request.as_bytes()).expect("sent");
    let mut seen = Vec::new();
    let ended = stream.take(limit).read_to_end(&mut seen);
    (seen, ended.err().map(|error| error.kind()))
}

#[test]
fn every_fault_is_what_its_name_says() {
    let server = FaultServer::start();
    // All at once: most of the time is spent waiting for silence.
    std::thread::scope(|scope| {
        for each in Fault::ALL {
            let server = &server;
            scope.spawn(move || check(server, each));
        }
    });
    assert_eq!(server.requests(), Fault::ALL.len() as u64);
}

fn check(server: &FaultServer, each: Fault) {
    // A slow body would last for a minute and a half.
    let limit = if matches!(each, Fault::SlowBody | Fault::SlowHeaders) { 60 } else { 100_000 };
    let (seen, error) = fault(server, each, limit);
    let text = String::from_utf8_lossy(&seen).into_owned();
    let ends = |wanted: Option<ErrorKind>| assert_eq!(error, wanted, "{each:?}: {text:.200}");
    // A read that times out: the connection is open and silent.
    let open = Some(ErrorKind::WouldBlock);
    let reset = Some(ErrorKind::ConnectionReset);
    match each {
        Fault::NeverAnswer => {
            assert_eq!(text, "");
            ends(open);
        }
        Fault::SlowBody => {
            assert!(text.contains("Content-Length: 1000\r\n\r\nx"), "{text}");
        }
        Fault::EndlessBody => assert!(seen.len() == 100_000 && text.contains("\r\n\r\nxxx")),
        Fault::EndlessHeaders | Fault::HugeHeader => assert!(seen.len() == 100_000 && !text.contains("\r\n\r\n")),
        Fault::HugeBody => assert!(seen.len() == 100_000 && text.contains(&format!("Content-Length: {HUGE}"))),
        Fault::ResetBefore | Fault::ResetInHeaders | Fault::ResetInBody => {
            assert_eq!(text.is_empty(), each == Fault::ResetBefore);
            assert_eq!(text.contains("\r\n\r\n"), each == Fault::ResetInBody);
            ends(reset);
        }
        Fault::ResetAfter => {
            assert!(text.ends_with("\r\n\r\n{\"ok\": true}"), "{text}");
            ends(reset);
        }
        Fault::SlowHeaders => assert!(text.starts_with("HTTP/1.1 200 OK\r\nX-Filler: x") && seen.len() <= 60, "{text}"),
        Fault::EmptyReply | Fault::HalfCloseBefore => {
            assert_eq!(text, "");
            ends(None);
        }
        Fault::Http10 | Fault::HalfClose => {
            assert!(text.ends_with("\r\n\r\n{\"ok\": true}") && !text.contains("Content-Length"), "{text}");
            ends(None);
        }
        Fault::LengthTooLong => {
            assert!(text.contains("Content-Length: 100\r\n\r\n") && text.ends_with("\r\n\r\n0123456789"), "{text}");
            ends(None);
        }
        Fault::LengthTooShort => {
            assert!(text.contains("Content-Length: 5\r\n\r\n") && text.ends_with(&"x".repeat(50)), "{text}");
            ends(None);
        }
        Fault::ChunkedWithoutEnd | Fault::BrokenChunkSize => {
            assert!(text.contains("chunked\r\n\r\n5\r\nhello\r\n"), "{text}");
            assert_eq!(text.contains("\r\nxyz\r\n"), each == Fault::BrokenChunkSize);
            ends(None);
        }
        Fault::NotHttp => assert!(text.starts_with("220 "), "{text}"),
        Fault::RedirectLoop => assert!(text.contains("302 Found") && text.contains("Location: /RedirectLoop\r\n")),
        Fault::RedirectToFine => assert!(text.contains("302 Found") && text.contains("Location: /Fine\r\n")),
        Fault::RedirectNowhere => assert!(text.contains("302 Found") && !text.contains("Location")),
        Fault::ContinueFirst => {
            assert!(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
        }
        Fault::HintsFirst => {
            assert!(text.starts_with("HTTP/1.1 103 Early Hints\r\n") && text.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"));
        }
        Fault::SwitchesProtocols => {
            assert!(text.starts_with("HTTP/1.1 101 ") && text.ends_with("\r\n\r\n"), "{text}");
            ends(None);
        }
        Fault::TwoLengths => assert_eq!(text.matches("Content-Length: ").count(), 2, "{text}"),
        Fault::CorruptGzip => assert!(text.contains("Content-Encoding: gzip\r\n") && text.contains(" not gzip")),
        Fault::InvalidJson => assert!(text.ends_with("{\"access_token\": \"abc"), "{text}"),
        Fault::Fine => {
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("{\"ok\": true}"), "{text}");
            ends(open);
        }
    }
}

#[test]
fn a_huge_body_is_as_long_as_it_says() {
    let server = FaultServer::start();
    let (seen, _) = fault(&server, Fault::HugeBody, u64::MAX);
    let head = seen.windows(4).position(|four| four == b"\r\n\r\n").expect("headers") + 4;
    assert_eq!(seen.len() - head, HUGE);
}

#[test]
fn a_fault_server_ends_at_once_with_clients_still_waiting() {
    let server = FaultServer::start();
    let mut waiting = TcpStream::connect(server.addr()).expect("the server listens");
    waiting.write_all(b"GET /NeverAnswer HTTP/1.1\r\n\r\n").expect("sent");
    let asked = Instant::now();
    drop(server);
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_refusing_address_refuses() {
    let error = TcpStream::connect(refusing()).expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_private_postgres_has_its_roles_and_keeps_its_rows_over_a_restart() {
    let mut postgres = Postgres::start();
    assert_eq!(postgres.sql("show shared_buffers"), "512MB", "it runs with the project's file");
    assert_eq!(postgres.sql("select count(*) > 0 from pg_stat_statements"), "t");
    let roles = "select rolname, rolsuper, pg_has_role(rolname, 'pg_monitor', 'member') from pg_roles \
                 where rolname like 'agenthub%' order by 1";
    assert_eq!(postgres.sql(roles), "agenthub|f|f\nagenthub_monitor|f|t");
    postgres.sql("create table kept as select 7 as seven");
    let (url, pid) = (postgres.url(), postgres.pid());
    postgres.stop();
    postgres.start_again();
    assert_eq!((postgres.sql("select seven from kept"), postgres.url()), ("7".to_owned(), url));
    assert_ne!(postgres.pid(), pid);
}

#[test]
fn a_private_redis_is_a_bounded_cache_and_forgets_over_a_restart() {
    let mut redis = Redis::start();
    assert_eq!(redis.cli(&["config", "get", "maxmemory-policy"]), "maxmemory-policy\nallkeys-lru");
    assert_eq!(redis.cli(&["set", "key", "value"]), "OK");
    redis.stop();
    redis.start_again();
    assert_eq!(redis.cli(&["dbsize"]), "0");
}

#[test]
fn a_private_nginx_shows_its_status_and_stands_before_a_service() {
    let service = CountingServer::start();
    let nginx = Nginx::in_front_of(&service.addr().to_string());
    let at = nginx.url();
    let addr = at.strip_prefix("http://").expect("a URL").parse().expect("an address");
    let mut client = Client::connect(addr);
    assert_eq!(client.ask("GET", "/api/v2/health", None, "").0, 200);
    assert_eq!(service.count("GET", "/api/v2/health"), 1);
    let configuration = std::fs::read_to_string(nginx.configuration()).expect("a file");
    assert!(nginx.status_url().ends_with("/nginx_status") && configuration.contains("stub_status"));
}
