//! Results held against each other, and runs against their baseline.

use std::time::Duration;

use crate::support::counting::{Behaviour, CountingServer, ServiceTime};
use crate::support::harness::{Outcome, Workbench, guide_user};

/// Answers take so long that a busy machine's lateness is small beside them.
const USER: &[&str] =
    &["run", "-f", "user.toml", "-u", "40", "-r", "40", "--target", "error_rate=20%", "--target", "throughput=10/min"];

fn taking(ms: u64) -> CountingServer {
    CountingServer::with(Behaviour { time: ServiceTime::Fixed(Duration::from_millis(ms)), ..Behaviour::default() })
}

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ between = [\"100ms\", \"1900ms\"] }"));
    bench
}

fn load(bench: &Workbench, server: &CountingServer, more: &[&str]) -> Outcome {
    let url = server.url();
    bench.run(&[USER, &["-H", &url], more].concat())
}

fn id(bench: &Workbench) -> String {
    bench.newest_result().file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_host_that_got_slower_is_worse_than_its_baseline_in_every_report() {
    let bench = bench();
    load(&bench, &taking(500), &["-t", "15s", "--label", "main"]).assert_code(0);
    let first = id(&bench);
    let outcome = load(&bench, &taking(1500), &["-t", "15s", "--baseline", "latest", "--format", "json"]);
    outcome.assert_code(99);
    let result = bench.result();
    assert_eq!(result["verdict"], "fail");
    let baseline = &result["baseline"];
    assert_eq!((&baseline["verdict"], &baseline["a"][0]["id"]), (&"worse".into(), &first.as_str().into()));
    let p95 = &baseline["targets"].as_array().unwrap().iter().find(|row| row["name"] == "p95_response_time").unwrap();
    assert_eq!(p95["verdict"], "worse");
    let ratio = p95["ratio"]["value"].as_f64().unwrap();
    assert!((2.0..4.0).contains(&ratio) && p95["ratio"]["low"].as_f64().unwrap() > 1.05, "{p95}");
    // p99 takes 368 requests a side, which a slow machine may not make.
    assert!(baseline["shift"].as_array().unwrap().len() >= 11);

    let folder = bench.newest_result();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("report.html").contains("Against the baseline"));
    assert!(read("report.md").contains("Against the baseline: ✗ WORSE"));
    assert!(read("junit.xml").contains("type=\"worse\""));
    assert!(read("charts/shift.svg").contains("Change of response time"));
    assert!(read("run.toml").contains(&first), "what `latest` was then is written down");

    // Built again the same comes out.
    let again = bench.run(&["report", "latest"]);
    again.assert_code(99);
    assert_eq!(bench.result(), result);
    assert!(again.stdout.contains("against the baseline: WORSE"), "{again}");

    let worse = bench.run(&["compare", "main", "latest"]);
    worse.assert_code(99);
    assert!(worse.stdout.starts_with("WORSE   B is worse than A: "), "{worse}");
    assert!(worse.stdout.contains("p95 response time"), "{worse}");
    let better = bench.run(&["compare", "latest", "main", "--format", "json"]);
    better.assert_code(0);
    assert_eq!(better.json()["verdict"], "better");
    let page = bench.run(&["compare", "main", "latest", "--format", "html"]);
    assert!(page.stdout.starts_with("<!DOCTYPE html>") && page.stdout.contains("id=\"shift\""), "{page}");
    assert!(bench.run(&["compare", "main", "latest", "--format", "md"]).stdout.starts_with("## ✗ WORSE"));
    // Had it been allowed to be ten times slower: it is not.
    let wide = bench.run(&["compare", "main", "latest", "--tolerance", "99%"]);
    assert_ne!(wide.code, Some(2), "{wide}");
}

#[test]
fn a_baseline_that_cannot_be_compared_with_is_told_before_a_request_is_sent() {
    let bench = bench();
    let server = taking(0);
    for reference in ["latest", "main", "20261101T080000Z-a-0001"] {
        let outcome = load(&bench, &server, &["--baseline", reference]);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains("--baseline: no result"), "{outcome}");
    }
    assert_eq!(server.total(), 0);
    assert!(bench.results().is_empty(), "no folder is left behind");
    let url = server.url();
    bench
        .run(&["run", "-H", &url, "-f", "user.toml", "-u", "2", "-r", "10", "-t", "2s", "--allow-unproven"])
        .assert_code(0);
    let before = server.total();
    let outcome = load(&bench, &server, &["--baseline", "latest"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("has another workload: users 2 and 40"), "{outcome}");
    assert_eq!((server.total(), bench.results().len()), (before, 1));
}

#[test]
fn a_strict_baseline_without_one_is_refused_wherever_it_was_said() {
    let bench = bench();
    let server = taking(0);
    let url = server.url();
    let refused = |outcome: &Outcome, place: &str| {
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(place) && outcome.stderr.contains("--baseline main"), "{outcome}");
    };
    refused(&load(&bench, &server, &["--strict-baseline"]), "--strict-baseline asks for");
    let by_variable = Workbench::new().with_env("AGENTHUB_PERF_STRICT_BASELINE", "yes");
    refused(&by_variable.run(&["run", "-H", &url]), "AGENTHUB_PERF_STRICT_BASELINE asks for");
    bench.write("agenthub-perf.toml", "label = \"x\"\nstrict_baseline = true\n");
    refused(&load(&bench, &server, &[]), "`strict_baseline` (agenthub-perf.toml:2) asks for");
    // What only reads results has no use for one.
    bench.run(&["history", "list"]).assert_code(0);
    assert_eq!((server.total(), bench.results().len()), (0, 0));
}

#[test]
fn an_unproven_baseline_is_heeded_only_where_it_is_strict() {
    let bench = bench();
    let server = taking(500);
    let easy = ["--target", "p95_response_time=20s", "-t", "6s"];
    let short = |more: &[&str]| load(&bench, &server, &[&easy, more].concat());
    short(&[]).assert_code(0);
    // A thousandth is less than any two runs are apart for certain.
    let fine = ["--tolerance", "0.1%", "--baseline", "latest"];
    let outcome = short(&fine);
    outcome.assert_code(0);
    assert_eq!(bench.result()["baseline"]["verdict"], "unproven", "{:#}", bench.result()["baseline"]);
    assert!(outcome.stdout.contains("against the baseline: UNPROVEN"), "{outcome}");
    short(&[&fine[..], &["--strict-baseline"]].concat()).assert_code(98);
    assert_eq!(bench.result()["verdict"], "unproven");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let bench = bench();
    let server = taking(0);
    let url = server.url();
    for users in ["2", "3"] {
        let args = ["run", "-H", &url, "-f", "user.toml", "-u", users, "-r", "10", "-t", "2s", "--allow-unproven"];
        bench.run(&args).assert_code(0);
    }
    for (args, why) in [
        (&["compare", "latest", "latest~0"][..], "is named twice"),
        (&["compare", "latest~1", "latest"], "different workloads: users 2 and 3"),
        (&["compare", "latest", "nowhere"], "no result \"nowhere\""),
        (&["compare", "latest,latest~1", "latest~1"], "is named twice"),
        (&["compare", "latest~1", "latest", "--tolerance", "0"], "above 0"),
        (&["compare", "latest"], "required"),
    ] {
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(why), "{why:?} is not in\n{outcome}");
    }
    let outcome = bench.run(&["compare", "latest~1", "latest", "--any-workload"]);
    assert!(matches!(outcome.code, Some(98 | 99)), "{outcome}");
    assert!(outcome.stdout.contains("differs  users 2 → 3"), "{outcome}");
    assert!(outcome.stdout.contains("the workloads differ"), "{outcome}");
}
