//! The results folder over time: what an earlier version wrote, a history with a step in it, and letting old results go.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::support::harness::Workbench;

/// A result as a version wrote it whose `result.json` had fewer keys.
const EARLIER: &str = "20261123T125304Z-agenthub-user-0823";

fn earlier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier").join(EARLIER)
}

/// The id of the nth run of a history, a minute after each other.
fn id(n: usize) -> String {
    format!("202611{:02}T{:02}{:02}00Z-agenthub-user-{n:04x}", 1 + n / 1440, n / 60 % 24, n % 60)
}

/// Copies the earlier result under another id, with the files named.
fn copy(results: &Path, n: usize, files: &[&str]) -> PathBuf {
    let (id, folder) = (id(n), results.join(id(n)));
    fs::create_dir_all(&folder).unwrap();
    for name in files {
        fs::copy(earlier().join(name), folder.join(name)).unwrap();
    }
    let started = format!("{}-{}-{}T{}:{}:00Z", &id[..4], &id[4..6], &id[6..8], &id[9..11], &id[11..13]);
    let run = fs::read_to_string(earlier().join("run.toml")).unwrap();
    let run = run.replace(EARLIER, &id).replace("2026-11-23T12:53:04.973Z", &started);
    fs::write(folder.join("run.toml"), run).unwrap();
    folder
}

/// A history of these p95s, ms.
fn history(bench: &Workbench, p95s: impl Iterator<Item = f64>) {
    let said = fs::read_to_string(earlier().join("result.json")).unwrap();
    let mut said: Value = serde_json::from_str(&said).unwrap();
    for (n, p95) in p95s.enumerate() {
        let folder = copy(&bench.path().join("results"), n, &[]);
        said["id"] = id(n).into();
        for (key, share) in [("value", 1.0), ("low", 0.95), ("high", 1.06)] {
            said["targets"][0][key] = (p95 * share).into();
        }
        fs::write(folder.join("result.json"), serde_json::to_string_pretty(&said).unwrap()).unwrap();
    }
}

/// 2 ms, then 2.5 ms from the twentieth run on, each a little off.
fn step(n: usize) -> f64 {
    let level = if n < 20 { 2.0 } else { 2.5 };
    level + 0.01 * (n % 4) as f64
}

#[test]
fn a_result_of_an_earlier_version_still_reads_everywhere() {
    let bench = Workbench::new();
    let results = bench.path().join("results");
    let said = fs::read_to_string(earlier().join("result.json")).unwrap();
    assert!(!said.contains("http_versions") && !said.contains("clock_jumps"), "it is no earlier one any more");
    for n in 0..2 {
        let folder = copy(&results, n, &["latency.hlog", "samples.ndjson", "result.json"]);
        fs::write(folder.join("result.json"), said.replace(EARLIER, &id(n))).unwrap();
    }
    let trend = bench.run(&["trend", "--format", "json"]);
    trend.assert_code(0);
    let trend = trend.json();
    assert_eq!((trend["runs"].as_array().unwrap().len(), &trend["skipped"]), (2, &Value::Array(Vec::new())));
    assert_eq!(trend["figures"][0]["points"][0]["value"], 0.617);
    let list = bench.run(&["history", "list"]);
    list.assert_code(0);
    assert!(list.stdout.contains("617 µs") && list.stdout.contains("pass"), "{list}");
    let compare = bench.run(&["compare", &id(0), &id(1), "--format", "json"]);
    // The same figures twice: no change, with whatever interval a minute has.
    assert!(matches!(compare.code, Some(0 | 98)), "{compare}");
    let compare = compare.json();
    assert_eq!((&compare["targets"][0]["ratio"]["value"], &compare["other_workload"]), (&1.0.into(), &false.into()));
    let report = bench.run(&["report", &id(1), "--format", "json"]);
    report.assert_code(0);
    assert_eq!(report.json()["totals"]["requests"], 5200);
    assert!(results.join(id(1)).join("report.html").is_file());
    // Built again by this version, it is still part of the same history.
    let again = bench.run(&["trend", "--format", "json"]).json();
    assert_eq!(again["runs"].as_array().unwrap().len(), 2);
    assert_eq!(again["figures"][0]["points"][1]["run"], 1);
}

#[test]
fn a_step_in_a_history_is_shown_in_every_format() {
    let bench = Workbench::new();
    history(&bench, (0..40).map(step));
    let text = bench.run(&["trend"]);
    text.assert_code(0);
    assert!(
        text.stdout.starts_with("agenthub user · closed model · 250 users · think time 1–5 s\n40 runs of 2026-11-01"),
        "{text}"
    );
    assert!(text.stdout.contains(" ✗ ") && text.stdout.contains(&format!("since {} (20 runs)", id(20))), "{text}");
    assert!(text.stdout.contains("+25 % (+500 µs)") && text.stdout.contains("> 99.99 %"), "{text}");
    let json = bench.run(&["trend", "--figure", "p95_response_time", "--format", "json"]).json();
    let changes = json["figures"][0]["changes"].as_array().unwrap().clone();
    assert_eq!(changes.len(), 1);
    assert_eq!((&changes[0]["run"]["id"], &changes[0]["outcome"]), (&id(20).into(), &"worse".into()));
    assert_eq!(changes[0]["run"]["commit"], "f192ad6c35d98e09d621b33455992dd2f54464f7");
    assert!(bench.run(&["trend", "--format", "md"]).stdout.starts_with("## Trend: agenthub user"));
    let page = bench.run(&["trend", "--format", "html", "--charts", "charts"]);
    assert!(page.stdout.starts_with("<!DOCTYPE html>") && page.stdout.contains("id=\"trend-1\""), "{page}");
    let chart = fs::read_to_string(bench.path().join("charts/trend-p95_response_time.svg")).unwrap();
    assert!(chart.contains("prefers-color-scheme: dark") && chart.contains("+25 % f192ad6"), "{chart}");
    assert!(page.stderr.contains("trend-throughput.svg"), "{page}");
    let bitmap = fs::read(bench.path().join("charts/trend-throughput.png")).unwrap();
    assert!(bitmap.starts_with(b"\x89PNG") && bitmap.len() > 10_000, "{} bytes", bitmap.len());
    let other = bench.run(&["trend", "--figure", "p99_response_time[GET /api/v2/projects]", "--format", "json"]);
    assert_eq!(other.json()["figures"][0]["source"], "whole_run", "{other}");
}

#[test]
fn what_cannot_be_shown_says_why() {
    let bench = Workbench::new();
    let empty = bench.run(&["trend"]);
    empty.assert_code(1);
    assert!(empty.stderr.contains("holds no result yet; make one with `run`"), "{empty}");
    history(&bench, (0..3).map(step));
    for (args, why) in [
        (&["trend", "--figure", "p95_respnse_time"][..], "did you mean `p95_response_time`?"),
        (
            &["trend", "--figure", "p95_response_time[GET /nowhere]"],
            "the newest has the endpoints POST /api/v2/auth/login",
        ),
        (&["trend", "--scenario", "browse"], "there are runs of agenthub user"),
        (&["trend", "--workload", "nowhere"], "--workload: no result \"nowhere\""),
        (&["trend", "--least-change", "0"], "the least change must be above 0"),
        (&["history", "prune", "--keep", "0"], "from 1 on, e.g. 50"),
    ] {
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(why), "{why:?} is not in\n{outcome}");
    }
}

#[test]
fn old_results_go_only_when_told_so() {
    let bench = Workbench::new();
    history(&bench, (0..6).map(step));
    bench.write("results/notes/todo.md", "mine");
    let asked = bench.run(&["history", "prune", "--keep", "2"]);
    asked.assert_code(0);
    assert_eq!(asked.stdout.lines().filter(|line| line.starts_with("would go  2026")).count(), 4, "{asked}");
    assert!(
        asked.stderr.contains("--yes removes them; 2 stay") && asked.stderr.contains("left alone  notes"),
        "{asked}"
    );
    assert_eq!(bench.results().len(), 7);
    let done = bench.run(&["history", "prune", "--keep", "2", "--yes"]);
    done.assert_code(0);
    assert!(done.stdout.contains(&format!("removed  {}", id(3))), "{done}");
    let left: Vec<PathBuf> = bench.results();
    assert_eq!(left, [id(4), id(5), "notes".to_owned()].map(|name| bench.path().join("results").join(name)));
    let nothing = bench.run(&["history", "prune", "--keep", "2", "--yes"]);
    assert!(nothing.stdout.is_empty() && nothing.stderr.contains("nothing goes; 2 stay"), "{nothing}");
}

#[cfg(target_os = "linux")]
#[test]
fn two_thousand_results_fit_in_little_memory_while_others_come_and_go() {
    let bench = Workbench::new();
    history(&bench, (0..2000).map(step));
    let results = bench.path().join("results");
    let running = bench.start(&["trend", "--format", "json", "--figure", "p95_response_time"]);
    let status = format!("/proc/{}/status", running.pid());
    let mut most_kib = 0;
    // A run that begins beside it, and one that is written in halves.
    let beside = results.join(id(2001));
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("run.toml"), "schema = 1\nid = \"2026").unwrap();
    while let Ok(text) = fs::read_to_string(&status) {
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // Ended, but not yet waited for: it has no memory any more.
        let Some(peak) = peak else { break };
        most_kib = most_kib.max(peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        std::thread::sleep(Duration::from_millis(2));
    }
    let outcome = running.finish(Duration::from_mins(2));
    outcome.assert_code(0);
    let trend = outcome.json();
    assert_eq!(trend["runs"].as_array().unwrap().len(), 2000);
    let changes = trend["figures"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0]["run"]["id"], id(20));
    println!("{most_kib} KiB at most");
    assert!(most_kib > 1000, "it was seen to run");
    assert!(most_kib < 100 * 1024, "{most_kib} KiB");
}
