//! Certificates of every kind, HTTP/2 and what can go wrong in it: each is counted as what it is, and none stops the run.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use crate::support::counting::CountingServer;
use crate::support::faults::refusing;
use crate::support::harness::Workbench;
use crate::support::secure::{Authority, Shown, Speaks};
use crate::{assert_missed, endpoint};

/// The kind that a failure must be counted as and words of its text; or a success.
type Expected = Option<(&'static str, &'static str)>;

/// What the host shows for itself, what it speaks, what a request counts as, and what it counts as with `--insecure`.
const CERTIFICATES: [(Shown, Speaks, Expected, Expected); 7] = [
    (Shown::Good, Speaks::Http2, None, None),
    (Shown::Good, Speaks::Http1, None, None),
    (Shown::Expired, Speaks::Http2, Some(("connect", "certificate expired on 2021-02-03")), None),
    (Shown::NotYet, Speaks::Http2, Some(("connect", "certificate not valid before 2090-01-01")), None),
    (Shown::OtherName, Speaks::Http1, Some(("connect", "certificate is for other.test, not for 127.0.0.1")), None),
    (Shown::SelfSigned, Speaks::Http1, Some(("connect", "certificate not trusted: self-signed")), None),
    (
        Shown::Good,
        Speaks::Nothing,
        Some(("timeout", "no whole response within 1s")),
        Some(("timeout", "no whole response within 1s")),
    ),
];

/// What an HTTP/2 host does, by path, and what a request counts as.
const HTTP2: [(&str, Expected); 11] = [
    ("/Fine", None),
    // The host has not looked at it: it is sent again on another connection.
    ("/RefusedLater", None),
    // Refused there, too.
    ("/RefusedAlways", Some(("reset", "stream reset by the host: RST_STREAM REFUSED_STREAM"))),
    ("/ResetBefore", Some(("reset", "stream reset by the host: RST_STREAM INTERNAL_ERROR"))),
    ("/AwayBefore", Some(("reset", "connection closed"))),
    ("/AwayAfter", None),
    // Closed or reset: as the system puts it that closes a connection with something unread.
    ("/Gone", Some(("reset", "connection "))),
    ("/ResetInBody", Some(("body", "body: stream reset by the host: RST_STREAM INTERNAL_ERROR"))),
    ("/WrongLength", Some(("body", ": HTTP/2 PROTOCOL_ERROR"))),
    ("/HugeHead", Some(("body", "not an HTTP response: HTTP/2"))),
    ("/NeverAnswer", Some(("timeout", "no whole response within 1s"))),
];

/// A scenario with a GET of each URL, each an endpoint of its own.
fn gets(requests: impl IntoIterator<Item = (String, String)>) -> String {
    let mut scenario = "name = \"secure\"\nwait = { constant = \"20ms\" }\ntimeout = \"1s\"\n".to_owned();
    for (name, url) in requests {
        write!(scenario, "\n[[task]]\nname = \"{name}\"\nget = \"{url}\"\nas = \"{name}\"\n").unwrap();
    }
    scenario
}

/// That an endpoint was met, and counted as expected every time.
#[track_caller]
fn check(result: &Value, name: &str, expected: Expected) {
    let seen = endpoint(result, name);
    let number = |key: &str| seen[key].as_u64().unwrap();
    assert!(number("requests") > number("cut_off"), "{name} was not met: {seen:#}");
    match expected {
        None => assert_eq!(number("failures"), 0, "{name}: {seen:#}"),
        Some((kind, text)) => {
            assert_eq!(number("failures"), number("requests") - number("cut_off"), "{name}: {seen:#}");
            let errors = seen["errors"].as_object().unwrap();
            assert!(errors.keys().all(|error| error.contains(text)), "{name}: {errors:#?}");
            assert!(result["totals"]["failures_by_kind"][kind].as_u64() >= Some(number("failures")), "{name}: {kind}");
        }
    }
}

#[test]
fn a_certificate_that_is_not_good_names_its_cause_and_insecure_takes_them_all() {
    let authority = Authority::new();
    let home = CountingServer::start();
    let servers: Vec<_> = CERTIFICATES.iter().map(|(shown, speaks, ..)| authority.serve(*shown, *speaks)).collect();
    let name = |at: usize| format!("{:?} {:?}", CERTIFICATES[at].0, CERTIFICATES[at].1);
    let file = tempfile::NamedTempFile::new().unwrap();
    authority.write(file.path());
    let bench = Workbench::new().with_env("SSL_CERT_FILE", &file.path().display().to_string());
    bench.write("s.toml", &gets(servers.iter().enumerate().map(|(at, server)| (name(at), server.url()))));
    let home = home.url();
    let args = ["run", "-H", &home, "-f", "s.toml", "-u", "6", "-r", "100", "-t", "6s", "--seed", "3"];
    for insecure in [false, true] {
        let args: Vec<&str> = args.into_iter().chain(insecure.then_some("--insecure")).collect();
        assert_missed(&bench.run_for(&args, Duration::from_secs(90)));
        let result = bench.result();
        for (at, (_, _, trusted, taken)) in CERTIFICATES.into_iter().enumerate() {
            check(&result, &name(at), if insecure { taken } else { trusted });
        }
    }
}

#[test]
fn a_host_that_cannot_be_trusted_ends_the_run_before_it_begins_with_what_to_do() {
    let authority = Authority::new();
    let bench = Workbench::new();
    for (shown, words) in [
        (Shown::SelfSigned, "certificate not trusted: self-signed"),
        (Shown::Good, "name its file in SSL_CERT_FILE, or take any with --insecure"),
    ] {
        let server = authority.serve(shown, Speaks::Http2);
        let outcome = bench.run(&["run", "-H", &server.url(), "-u", "1", "-t", "1s"]);
        outcome.assert_code(1);
        assert!(outcome.stderr.contains(words), "{outcome}");
    }
    let plain = CountingServer::start();
    let outcome = bench.run(&["run", "-H", &plain.url().replace("http://", "https://"), "-u", "1", "-t", "1s"]);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("does it speak TLS there"), "{outcome}");
}

#[test]
fn every_fault_of_http2_is_counted_as_what_it_is_and_none_stops_the_run() {
    let server = Authority::new().serve(Shown::Good, Speaks::Http2);
    let bench = Workbench::new();
    bench.write("s.toml", &gets(HTTP2.iter().map(|(path, _)| ((*path).to_owned(), (*path).to_owned()))));
    let url = server.url();
    let args = ["run", "-H", &url, "-f", "s.toml", "--insecure", "-u", "8", "-r", "100", "-t", "8s", "--seed", "3"];
    assert_missed(&bench.run_for(&args, Duration::from_secs(90)));
    let result = bench.result();
    for (path, expected) in HTTP2 {
        check(&result, path, expected);
    }
    let versions = result["totals"]["http_versions"].as_object().unwrap();
    assert!(versions.contains_key("2") && !versions.contains_key("1"), "{versions:?}");
}

#[test]
fn http2_is_spoken_where_the_host_chooses_it_and_not_where_it_is_switched_off() {
    let server = Authority::new().serve(Shown::Good, Speaks::Http2);
    let bench = Workbench::new();
    let post = "name = \"post\"\nwait = { constant = \"10ms\" }\n\n[[task]]\nname = \"post\"\npost = \"/echo\"\n\
                json = { text = \"hello\" }\nexpect = { json = { \"$.text\" = \"hello\" } }\n";
    bench.write("post.toml", post);
    bench
        .write("get.toml", "name = \"get\"\nwait = { constant = \"10ms\" }\n\n[[task]]\nname = \"get\"\nget = \"/\"\n");
    let url = server.url();
    let run = |file: &str, more: &[&str]| {
        let args =
            ["run", "-H", &url, "-f", file, "--insecure", "-u", "3", "-r", "100", "-t", "2s", "--allow-unproven"];
        let before = server.requests();
        bench.run(&args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>());
        let result = bench.result();
        let totals = &result["totals"];
        let requests = totals["requests"].as_u64().unwrap();
        assert_eq!(totals["failures"], 0, "{result:#}");
        // The run's own health request is not part of the load.
        assert_eq!(server.requests() - before - 1, requests);
        (requests, totals["connections"].as_u64().unwrap(), totals["http_versions"].clone())
    };
    let (requests, connections, versions) = run("post.toml", &[]);
    assert_eq!((connections, versions), (3, serde_json::json!({ "2": requests })), "one connection a user");
    let (requests, connections, versions) = run("get.toml", &["--http1.1"]);
    assert_eq!((connections, versions), (3, serde_json::json!({ "1": requests })));
    let (requests, connections, versions) = run("get.toml", &["--no-keep-alive"]);
    assert_eq!((connections, versions), (requests, serde_json::json!({ "2": requests })));
}

#[test]
fn without_keep_alive_each_request_has_a_connection_of_its_own() {
    let server = CountingServer::start();
    let bench = Workbench::new().with_env("AGENTHUB_PERF_KEEP_ALIVE", "false");
    let outcome = bench.run(&["run", "-H", &server.url(), "-u", "5", "-r", "100", "-t", "5s", "--allow-unproven"]);
    let result = bench.result();
    let requests = result["totals"]["requests"].as_u64().unwrap();
    assert!(requests > 5, "{outcome}");
    assert_eq!(result["totals"]["connections"], requests, "{outcome}");
    assert_eq!(server.connections(), requests + 1, "and one for the run's own health request");
}

#[test]
fn places_that_cannot_be_reached_are_named() {
    let closed = refusing();
    let server = CountingServer::start();
    let bench = Workbench::new();
    let requests = [
        ("no name", "http://nowhere.invalid/".to_owned(), "look up nowhere.invalid: "),
        ("closed", format!("http://{closed}/"), "connection refused"),
        ("under localhost", format!("http://app.localhost:{}/", closed.port()), "connect to app.localhost:"),
    ];
    let scenario = gets(requests.iter().map(|(name, url, _)| ((*name).to_owned(), url.clone())));
    bench.write("s.toml", &scenario.replace("timeout = \"1s\"", "timeout = \"30s\""));
    let url = server.url();
    let args = ["run", "-H", &url, "-f", "s.toml", "-u", "3", "-r", "100", "-t", "3s", "--seed", "3"];
    let outcome = bench.run_for(&[&args[..], &["--allow-host", "nowhere.invalid"]].concat(), Duration::from_secs(90));
    assert_missed(&outcome);
    let result = bench.result();
    for (name, _, words) in requests {
        check(&result, name, Some(("connect", words)));
    }
}

#[test]
fn a_name_under_localhost_is_this_machine() {
    let server = CountingServer::start();
    let url = server.url().replace("127.0.0.1", "agenthub.localhost");
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &url, "-u", "2", "-r", "10", "-t", "3s", "--allow-unproven"]);
    let result = bench.result();
    assert!(result["totals"]["requests"].as_u64() > Some(0) && result["totals"]["failures"] == 0, "{outcome}");
}
