//! The comparison with other tools, as far as any machine can: its command line, and its tables of recorded figures.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const SCRIPT: &str = "scripts/compare-peers.sh";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.current_dir(root()).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn python() -> Command {
    let mut python = Command::new("python3");
    // No compiled files beside the sources.
    python.arg("-B");
    python
}

fn table(args: &[&str]) -> (Option<i32>, String, String) {
    output(python().arg("scripts/compare-peers/table.py").args(args))
}

/// What a run cost, as measure.py writes it; `steady` is a tenth more thrifty than the whole.
fn run(part: &str, tool: &str, round: u32, us_a_request: f64) -> Value {
    let requests = 1_000_000;
    serde_json::json!({
        "part": part, "tool": tool, "round": round, "exit": 0, "wall_s": 10.2, "first_s": 0.1,
        "cpu_s": us_a_request, "requests": requests, "rejected": 0, "connections": 64, "own_requests": requests,
        "peak_bytes": 20_000_000, "server_cpu_s": 8.0,
        "steady": { "seconds": 6.5, "cpu_s": us_a_request * 0.9 * 0.65, "requests": 650_000, "server_cpu_s": 5.2 },
    })
}

fn users(part: &str, round: u32, users: u64, peak_bytes: u64) -> Value {
    serde_json::json!({
        "part": part, "tool": "agenthub-perf", "round": round, "exit": 130, "wall_s": 8.0, "first_s": 0.2,
        "cpu_s": 0.5, "requests": users, "rejected": 0, "connections": users, "own_requests": users,
        "peak_bytes": peak_bytes, "server_cpu_s": 0.5, "users": users, "started": users, "open": users, "all_s": 2.01,
    })
}

/// Three rounds in which the second was slow for everyone.
fn recorded(folder: &Path) -> (PathBuf, PathBuf) {
    let mut runs = Vec::new();
    for (round, slow) in [(1, 1.0), (2, 3.0), (3, 1.1)] {
        for (part, tool, cost) in [
            ("plain", "wrk", 8.0),
            ("plain", "oha", 11.0),
            ("guide", "agenthub-perf", 10.0),
            ("guide", "goose", 20.0),
            ("guide", "locust-fast", 100.0),
        ] {
            runs.push(run(part, tool, round, cost * slow).to_string());
        }
        runs.push(users("few", round, 100, 20_000_000).to_string());
        runs.push(users("thinking", round, 10_000, 20_000_000 + 9_900 * 23_000).to_string());
    }
    runs.push(r#"{"part": "plain", "tool": "hey", "round": 1, "failed": "not installed (Debian: hey)"}"#.to_owned());
    let about = "started 2025-09-11T08:00:00Z\nrounds 3\nseconds 10\nconnections 64\nthinking_users 10000\n\
                 spawn_rate 5000\npinned client on core 0, server on core 1\ntool wrk\ntool agenthub-perf\ntool oha\n\
                 tool hey\ntool goose\ntool locust-fast\nrate 2000\nversion wrk 4.1.0\nnote as recorded\n";
    let paths = (folder.join("runs"), folder.join("about"));
    std::fs::write(&paths.0, runs.join("\n")).unwrap();
    std::fs::write(&paths.1, about).unwrap();
    paths
}

#[test]
fn the_script_parses_and_its_help_names_every_option() {
    assert_eq!(output(Command::new("bash").args(["-n", SCRIPT])), (Some(0), String::new(), String::new()));
    let (code, help, _) = output(Command::new("bash").args([SCRIPT, "--help"]));
    assert_eq!(code, Some(0));
    let script = std::fs::read_to_string(root().join(SCRIPT)).unwrap();
    let cases = script.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split_once(')'));
    let named = |names: &&str| names.chars().all(|c| c.is_ascii_lowercase() || " |-".contains(c));
    let options: Vec<&str> =
        cases.map(|(names, _)| names).filter(named).filter_map(|names| names.split(" | ").next()).collect();
    assert!(options.len() >= 8, "{options:?}");
    for option in options {
        assert!(help.contains(&format!("--{option}")), "--{option} is not in:\n{help}");
    }
}

#[test]
fn wrong_options_are_named_and_nothing_runs() {
    for (args, said) in [
        (&["--only", "wrk,siege"][..], "--only siege: not one of"),
        (&["--rounds", "0"], "--rounds 0: not a number"),
        (&["--seconds"], "--seconds needs a value"),
        (&["--parts", "tls"], "--parts tls: not one of"),
        (&["--fast"], "--fast: no such option"),
    ] {
        let (code, stdout, stderr) = output(Command::new("bash").arg(SCRIPT).args(args));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[test]
fn the_examples_in_the_arithmetic_hold() {
    for (file, least) in [("measure.py", 4), ("figures.py", 15), ("table.py", 8)] {
        let path = format!("scripts/compare-peers/{file}");
        let (code, stdout, stderr) = output(python().args(["-m", "doctest", "-v", &path]));
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        assert!(stdout.matches("\nok\n").count() >= least, "{file}: {stdout}");
    }
}

#[test]
fn recorded_figures_become_medians_of_ratios_within_a_round() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, about) = recorded(folder.path());
    let made = folder.path().join("made");
    let args = ["tables", "--check", runs.to_str().unwrap(), about.to_str().unwrap(), made.to_str().unwrap()];
    let (code, page, stderr) = table(&args);
    // Locust FastHttpUser's is ten times ours, not twelve.
    assert_eq!(code, Some(99), "{stderr}");
    for row in [
        // A slow round tells as much of a ratio as a quiet one; of the others the median counts.
        "| **agenthub-perf**, guide's user | 100,000 | 11.0 | 1.25 (1.25–1.25) | 1.25 (1.25–1.25) | 20.0 |",
        "| hey, GET | – | – | – | – | – | – | – | not installed (Debian: hey) |",
        "CPU a request over wrk's plain GET | ≤ 1.35 | 1.250 | 1.250 | met |",
        "CPU a request over oha's plain GET | < 1 | 0.909 | 0.909 | met |",
        "CPU a request over stock Goose's | ≤ 0.65 | 0.500 | 0.500 | met |",
        "CPU a request over Locust FastHttpUser's | ≤ 1/12 = 0.083 | 0.100 | 0.100 | **not met** |",
        "memory of each of 10,000 users who think for a minute | ≤ 24 KB | 23.0 KB | – | met |",
        "| **agenthub-perf** | 10,000 | 10,000 | 23.0 | 248 | 0.2 | 2.01 |",
    ] {
        assert!(page.contains(row), "no {row:?} in:\n{page}");
    }
    assert_eq!(std::fs::read_to_string(made.with_extension("md")).unwrap().trim_end(), page.trim_end());
    let json: Value = serde_json::from_slice(&std::fs::read(made.with_extension("json")).unwrap()).unwrap();
    assert_eq!(json["requirements"].as_array().unwrap().len(), 5);
    assert_eq!(json["runs"].as_array().unwrap().len(), 22);
}

#[test]
fn the_readme_has_a_place_for_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, about) = recorded(folder.path());
    let made = folder.path().join("made");
    table(&["tables", runs.to_str().unwrap(), about.to_str().unwrap(), made.to_str().unwrap()]);
    let (before, copy) = (std::fs::read_to_string(root().join("README.md")).unwrap(), folder.path().join("README.md"));
    std::fs::write(&copy, &before).unwrap();
    let json = made.with_extension("json");
    for _ in 0..2 {
        let (code, _, stderr) = table(&["readme", json.to_str().unwrap(), copy.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{stderr}");
        let after = std::fs::read_to_string(&copy).unwrap();
        assert_eq!(after.matches("| wrk, GET |").count(), 1, "{after}");
        assert!(after.contains("4 of the 5 requirements measured are met"), "{after}");
        let (head, tail) =
            (before.split("<!-- compare-peers: begin").next(), before.split("compare-peers: end").last());
        assert!(after.starts_with(head.unwrap()) && after.ends_with(tail.unwrap()), "{after}");
    }
}
