//! Two hosts in turns, also on a machine on which something else comes and goes.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::harness::{Running, Workbench, guide_user};

/// Something else on the machine: a process that takes a CPU for a while, and then none.
struct Burner(Child);

impl Burner {
    fn start() -> Self {
        let script = "while :; do n=0; while [ $n -lt 400000 ]; do n=$((n+1)); done; sleep 1.1; done";
        Self(Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        // Fails only where it has just ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A reference service that takes so long over each request; its URL.
fn service(bench: &Workbench, ms: u32) -> (Running, String) {
    let trouble = format!("*: delay=fixed({ms}ms)");
    let mut running = bench.start(&["serve", "--port", "0", "--trouble", &trouble]);
    let url = running.first_line().rsplit(' ').next().unwrap().to_owned();
    (running, url)
}

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"100ms\" }"));
    bench
}

const LOAD: &[&str] = &[
    "-f",
    "user.toml",
    "-u",
    "20",
    "-r",
    "100",
    "-t",
    "3s",
    "--target",
    "p50_response_time=1s",
    "--target",
    "p95_response_time=off",
    "--target",
    "error_rate=5%",
    "--target",
    "throughput=10/min",
    "--quiet",
];

#[test]
fn ten_per_cent_are_told_from_none_while_something_else_comes_and_goes() {
    let bench = bench();
    let (_first, a) = service(&bench, 20);
    let (_second, same) = service(&bench, 20);
    let (_third, slower) = service(&bench, 22);
    let _burner = Burner::start();
    let ab = |b: &str, more: &[&str]| {
        bench.run_for(&[&["ab", "--a", &a, "--b", b], LOAD, more].concat(), Duration::from_mins(3))
    };

    let outcome = ab(&slower, &["--label", "slower", "--format", "json"]);
    outcome.assert_code(99);
    let found = outcome.json();
    assert_eq!((&found["verdict"], &found["method"]["unit"]), (&"worse".into(), &"rounds".into()));
    assert_eq!(found["reasons"], serde_json::json!(["p50_response_time"]));
    let ratio =
        &found["targets"].as_array().unwrap().iter().find(|row| row["name"] == "p50_response_time").unwrap()["ratio"];
    let (low, high) = (ratio["low"].as_f64().unwrap(), ratio["high"].as_f64().unwrap());
    assert!(low > 1.05 && high < 1.2, "{ratio}");

    // Each round is an ordinary result, and they are held against each other again by their labels.
    // One that was void has a later one in its place.
    let labels: std::collections::BTreeSet<&str> =
        found["a"].as_array().unwrap().iter().map(|run| run["label"].as_str().unwrap()).collect();
    assert!(labels.len() == 6 && labels.iter().all(|label| label.starts_with("slower-a")), "{labels:?}");
    let seeds: std::collections::BTreeSet<String> = bench
        .results()
        .iter()
        .map(|folder| {
            assert!(folder.join("report.html").is_file(), "{}", folder.display());
            let asked = std::fs::read_to_string(folder.join("run.toml")).unwrap();
            asked.lines().find(|line| line.starts_with("seed")).unwrap().to_owned()
        })
        .collect();
    assert_eq!(seeds.len(), 1, "{seeds:?}");
    let again = bench.run(&["compare", "slower-a1,slower-a2,slower-a3", "slower-b1,slower-b2,slower-b3"]);
    assert!(again.stdout.contains("host "), "{again}");

    let outcome = ab(&same, &[]);
    outcome.assert_code(0);
    assert!(outcome.stdout.contains("over the differences within 6 rounds"), "{outcome}");
}

#[test]
fn what_ab_cannot_do_is_refused_before_a_request_is_sent() {
    let bench = bench();
    let (_service, url) = service(&bench, 0);
    for (args, why) in [
        (&["ab"][..], "--a <URL>"),
        (&["ab", "--a", &url], "--b <URL>"),
        (&["ab", "--a", &url, "--b", "ftp://x"], "--b: "),
        (&["ab", "--a", &url, "--b", "http://example.com"], "--b: "),
        (&["ab", "--a", &url, "--b", &url, "--rounds", "3"], "from 4 to 200 rounds"),
        (&["ab", "--a", &url, "--b", &url, "--host", &url], "--host is for run; ab has two of them"),
        (&["ab", "--a", &url, "--b", &url, "--baseline", "latest"], "--baseline is for run"),
        (&["ab", "--a", &url, "--b", &url, "--target", "p95=1s"], "--target"),
    ] {
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(why), "{why:?} is not in\n{outcome}");
    }
    assert!(bench.results().is_empty());
    let help = bench.run(&["ab", "--help"]);
    assert!(!help.stdout.contains("--host") && help.stdout.contains("--spawn-rate"), "{help}");
}

#[test]
fn an_interrupted_ab_keeps_what_it_has() {
    let bench = bench();
    let (_service, url) = service(&bench, 5);
    let running = bench.start(&["ab", "--a", &url, "--b", &url, "-u", "5", "-r", "50", "-t", "2s", "-f", "user.toml"]);
    running.wait_for_error("round 1, B");
    running.signal("INT");
    let outcome = running.finish(Duration::from_mins(1));
    outcome.assert_code(130);
    assert!(outcome.stderr.contains("interrupted in round 1") && outcome.stdout.is_empty(), "{outcome}");
    assert!(bench.results()[0].join("result.json").is_file());
}
