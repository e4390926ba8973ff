//! What is on disk: while a run goes on, side by side with another, when the disk is full, and for other tools.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::counting::CountingServer;
use crate::support::harness::{Workbench, guide_user};

const SHORT: [&str; 8] = ["-f", "user.toml", "-u", "10", "-r", "100", "-t", "5s"];

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    bench
}

#[test]
fn two_runs_at_once_in_one_folder_both_end_well() {
    let (one, two) = (CountingServer::start(), CountingServer::start());
    let bench = bench();
    let start = |server: &CountingServer| {
        let url = server.url();
        bench.start(&[&["run", "-H", &url, "--allow-unproven", "--format", "json"], &SHORT[..]].concat())
    };
    let (first, second) = (start(&one), start(&two));
    for (running, server) in [(first, &one), (second, &two)] {
        let outcome = running.finish(Duration::from_mins(1));
        outcome.assert_code(0);
        let result = outcome.json();
        assert_eq!(result["totals"]["requests"], server.total() - 1);
        assert_eq!(result["environment"]["host"], server.url());
    }
    assert_eq!(bench.results().len(), 2);
}

#[test]
fn a_report_is_built_again_from_the_journal_alone() {
    let server = CountingServer::start();
    let bench = bench();
    let outcome = bench.run(&[&["run", "-H", &server.url(), "--label", "mine"], &SHORT[..]].concat());
    let folder = bench.newest_result();
    let first: Value = bench.result();
    for file in ["result.json", "report.html", "report.md", "junit.xml"] {
        std::fs::remove_file(folder.join(file)).unwrap();
    }
    let charts = || -> std::collections::BTreeSet<std::path::PathBuf> {
        std::fs::read_dir(folder.join("charts")).unwrap().map(|chart| chart.unwrap().path()).collect()
    };
    let drawn = charts();
    assert!(drawn.contains(&folder.join("charts/response-times.svg")), "{drawn:?}");
    std::fs::remove_dir_all(folder.join("charts")).unwrap();
    for reference in ["latest", "mine", folder.to_str().unwrap(), first["id"].as_str().unwrap()] {
        let again = bench.run(&["report", reference]);
        assert_eq!(again.code, outcome.code);
        assert_eq!(again.stdout.lines().next(), outcome.stdout.lines().next());
        assert_eq!(bench.result(), first);
    }
    assert_eq!(charts(), drawn);
    for chart in drawn {
        let svg = std::fs::read_to_string(chart).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("<svg") && !html.contains("<script src") && !html.contains("<link"));
}

#[test]
fn the_journal_is_on_disk_while_the_run_goes_on() {
    let server = CountingServer::start();
    let bench = bench();
    let url = server.url();
    let running = bench.start(&["run", "-H", &url, "-f", "user.toml", "-u", "10", "-r", "100", "-t", "60s"]);
    while server.total() < 1200 {
        std::thread::yield_now();
    }
    let report = bench.run(&["report", "latest", "--format", "json"]);
    let result = report.json();
    assert_eq!(result["partial"], true);
    assert!(result["totals"]["requests"].as_u64().unwrap() >= 600, "{}", result["totals"]);
    running.signal("INT");
    running.finish(Duration::from_secs(30)).assert_code(130);
}

#[test]
fn a_full_disk_stops_the_run_with_a_clear_error_and_keeps_what_was_written() {
    let server = CountingServer::start();
    let bench = bench();
    // The shell's file size limit stands in for a full disk: writing fails in the same place.
    let script = format!(
        "trap '' XFSZ; ulimit -f 32; exec '{}' run -H {} -f user.toml -u 10 -r 100 -t 120s",
        env!("CARGO_BIN_EXE_agenthub-perf"),
        server.url()
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(bench.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write") && (said.contains(".hlog") || said.contains(".ndjson")), "{said}");
    let report = bench.run(&["report", "latest", "--format", "json"]);
    let result = report.json();
    assert_eq!(result["partial"], true);
    assert!(result["totals"]["requests"].as_u64().unwrap() > 100, "{}", result["totals"]);
}

#[test]
fn another_hdr_histogram_reader_reads_the_log() {
    let Some(python) = std::env::var_os("AGENTHUB_PERF_TEST_PYTHON") else {
        eprintln!("not run: scripts/test.sh provides the other reader");
        return;
    };
    let server = CountingServer::start();
    let bench = bench();
    bench.run(&[&["run", "-H", &server.url(), "--allow-unproven"], &SHORT[..]].concat()).assert_code(0);
    let program = "
import sys, json
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
total = HdrHistogram(1, 3600000000, 3)
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 3600000000, 3))
count = 0
while True:
    interval = reader.get_next_interval_histogram()
    if interval is None:
        break
    if interval.get_tag().startswith('r.'):
        count += interval.get_total_count()
        total.add(interval)
print(json.dumps({'count': count, 'p50': total.get_value_at_percentile(50), 'max': total.get_max_value()}))
";
    let log = bench.newest_result().join("latency.hlog");
    let output = Command::new(python).args(["-c", program]).arg(log).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = bench.result();
    assert_eq!(read["count"], result["totals"]["requests"]);
    let close = |theirs: &Value, ours: &Value| {
        let (theirs, ours) = (theirs.as_f64().unwrap() / 1000.0, ours.as_f64().unwrap());
        assert!((theirs - ours).abs() <= ours * 0.002 + 0.001, "{theirs} ms read, {ours} ms reported");
    };
    close(&read["p50"], &result["totals"]["response_time_ms"]["p50"]);
    close(&read["max"], &result["totals"]["response_time_ms"]["max"]);
}

#[test]
fn no_secret_is_written_or_printed() {
    let bench =
        Workbench::new().with_env("AGENTHUB_EMAIL", "me@example.com").with_env("AGENTHUB_PASSWORD", "hunter2-hunter2");
    let outcome = bench.run(&["run", "-u", "5", "-r", "5", "-t", "4s", "--allow-unproven"]);
    outcome.assert_code(0);
    let tried = bench.run(&["scenario", "try"]);
    tried.assert_code(0);
    assert!(tried.stdout.contains("POST /api/v2/auth/login") && tried.stdout.contains("***"), "{tried}");
    let mut texts = vec![outcome.to_string(), tried.to_string()];
    for entry in std::fs::read_dir(bench.newest_result()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    assert!(texts.len() >= 8);
    for text in texts {
        assert!(!text.contains("hunter2-hunter2"), "the password is in\n{text}");
        assert!(!text.contains("Bearer ") || text.contains("Bearer ***"), "a token is in\n{text}");
    }
}
