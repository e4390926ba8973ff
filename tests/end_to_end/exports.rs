//! What CI systems are given: exports, and what a GitHub job shows.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::counting::{Behaviour, CountingServer, ServiceTime};
use crate::support::harness::{Outcome, Workbench, guide_user};
use crate::target;

const EXPORTS: [&str; 8] =
    ["--export", "gitlab", "--export", "openmetrics", "--export", "bencher", "--export", "github-benchmark"];
const FILES: [&str; 5] = [
    "gitlab-load-performance.json",
    "openmetrics.txt",
    "bencher.json",
    "github-benchmark-smaller.json",
    "github-benchmark-bigger.json",
];

fn load(bench: &Workbench, server: &CountingServer, more: &[&str]) -> Outcome {
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    let url = server.url();
    let args = ["run", "-H", &url, "-f", "user.toml", "-u", "10", "-r", "50", "-t", "6s", "--allow-unproven"];
    bench.run(&[&args[..], more].concat())
}

fn read(bench: &Workbench, name: &str) -> String {
    let path = bench.newest_result().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn near(found: &Value, wanted: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - wanted).abs() <= wanted.abs() * 1e-9, "{found} is not {wanted}");
}

#[test]
fn every_export_has_the_figures_of_the_result_and_report_makes_them_again() {
    let (bench, server) = (Workbench::new(), CountingServer::start());
    load(&bench, &server, &EXPORTS).assert_code(0);
    let result = bench.result();
    assert!(result["verdict"] != "void", "try again on a quieter machine: {}", result["reasons"]);
    let p95 = target(&result, "p95_response_time");
    let of = |figure: &str| p95[figure].as_f64().unwrap();
    let json = |name: &str| serde_json::from_str::<Value>(&read(&bench, name)).unwrap();

    let latency = &json("bencher.json")["agenthub user · p95 response time"]["latency"];
    near(&latency["value"], of("value") * 1e6);
    near(&latency["upper_value"], of("high") * 1e6);
    let smaller = json("github-benchmark-smaller.json");
    assert_eq!((&smaller[0]["unit"], &smaller[0]["value"]), (&"ms".into(), &p95["value"]));
    assert_eq!(json("github-benchmark-bigger.json")[0]["value"], target(&result, "throughput")["value"]);
    let gitlab = &json("gitlab-load-performance.json")["metrics"];
    assert_eq!(gitlab["http_reqs"]["count"], result["totals"]["requests"]);
    assert_eq!(gitlab["checks"]["fails"], 0);
    let waiting = gitlab["http_req_waiting"]["p(95)"].as_f64().unwrap();
    let of_endpoints =
        result["endpoints"].as_array().unwrap().iter().map(|one| one["first_byte_ms"]["p95"].as_f64().unwrap());
    let (least, most) = (of_endpoints.clone().fold(f64::MAX, f64::min), of_endpoints.fold(0.0, f64::max));
    assert!((least..=most).contains(&waiting), "{waiting} ms is not within {least} and {most}");
    let projects = &crate::endpoint(&result, "GET /api/v2/projects")["requests"];
    let sample = "agenthub_perf_requests_total{scenario=\"agenthub user\",endpoint=\"GET /api/v2/projects\"}";
    assert!(read(&bench, "openmetrics.txt").contains(&format!("{sample} {projects}\n")));

    let texts = FILES.map(|name| read(&bench, name));
    for name in FILES {
        std::fs::remove_file(bench.newest_result().join(name)).unwrap();
    }
    bench.run(&[&["report", "latest"], &EXPORTS[..]].concat()).assert_code(0);
    assert_eq!(FILES.map(|name| read(&bench, name)), texts);
}

#[test]
fn another_openmetrics_reader_reads_the_export() {
    let Some(python) = std::env::var_os("AGENTHUB_PERF_TEST_PYTHON") else {
        eprintln!("not run: scripts/test.sh provides the other reader");
        return;
    };
    let (bench, server) = (Workbench::new(), CountingServer::start());
    load(&bench, &server, &["--export", "openmetrics"]).assert_code(0);
    let program = "
import sys, json
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
print(json.dumps({f.name: [[s.name, s.labels, s.value] for s in f.samples] for f in families}))
";
    let output =
        Command::new(python).args(["-c", program]).arg(bench.newest_result().join("openmetrics.txt")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let samples = read["agenthub_perf_requests"].as_array().unwrap();
    let requests: f64 = samples.iter().map(|sample| sample[2].as_f64().unwrap()).sum();
    assert_eq!(Some(requests), bench.result()["totals"]["requests"].as_f64());
    assert_eq!(read["agenthub_perf_verdict"].as_array().unwrap().len(), 5);
}

#[test]
fn what_a_configuration_or_the_environment_exports_is_exported() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "export = [\"openmetrics\"]\n");
    load(&bench, &server, &["--quiet"]).assert_code(0);
    assert!(bench.newest_result().join("openmetrics.txt").is_file());
    let bench = bench.with_env("AGENTHUB_PERF_EXPORT", "openmetrix");
    let outcome = bench.run(&["run", "-t", "2s"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("AGENTHUB_PERF_EXPORT: no such export; did you mean `openmetrics`?"), "{outcome}");
    let outcome = bench.run(&["report", "--export", "junit"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("no such export") && outcome.stderr.contains("`gitlab`"), "{outcome}");
}

#[test]
fn a_github_job_gets_its_summary_and_its_annotations_unless_the_output_is_for_programs() {
    let time = ServiceTime::Fixed(Duration::from_millis(20));
    let server = CountingServer::with(Behaviour { time, ..Behaviour::default() });
    let bench = Workbench::new();
    let summary = bench.write("summary.md", "# what was there\n");
    let bench = bench.with_env("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()).with_env("GITHUB_ACTIONS", "true");
    let missed = ["--target", "p95_response_time=2ms"];
    let outcome = load(&bench, &server, &missed);
    crate::assert_missed(&outcome);
    let lines: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert!(lines[0].starts_with("::error title=agenthub-perf%3A "), "{outcome}");
    assert!(lines.len() <= 10 && !outcome.stdout.starts_with("::"), "{outcome}");
    let written = std::fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("# what was there\n## "), "{written}");
    assert!(written.contains("&lt; 2 ms"), "{written}");
    assert_eq!(written.matches("### Targets").count(), 1);

    let json = load(&bench, &server, &["--format", "json"]);
    assert!(json.json()["verdict"].is_string(), "{json}");
    assert_eq!(std::fs::read_to_string(&summary).unwrap().matches("### Targets").count(), 2);
    // A report that is read again is no second run.
    let again = bench.run(&["report", "latest"]);
    assert!(!again.stdout.contains("\n::"), "{again}");
    assert_eq!(std::fs::read_to_string(&summary).unwrap().matches("### Targets").count(), 2);
}
