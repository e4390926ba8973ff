//! A run that this machine did not let happen as asked says so: before it where that can be known, else in its verdict.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::counting::CountingServer;
use crate::support::harness::{Workbench, guide_user};

#[test]
fn a_process_that_was_stopped_is_void_and_says_so() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    let running =
        bench.start(&["run", "-H", &server.url(), "-f", "user.toml", "-u", "10", "-r", "100", "-t", "8s", "--quiet"]);
    bench.wait_for_journal();
    running.signal("STOP");
    std::thread::sleep(Duration::from_millis(1500));
    running.signal("CONT");
    let outcome = running.finish(Duration::from_mins(1));
    outcome.assert_code(98);
    let result = bench.result();
    assert_eq!(result["verdict"], "void", "{outcome}");
    let generator = &result["generators"][0];
    // The thread that notices wakes 20 times a second, and tells only what it is sure of.
    let stopped_s = generator["stopped_s"].as_f64().unwrap();
    assert!(stopped_s > 1.4, "{stopped_s}");
    let reasons: Vec<&str> =
        result["reasons"].as_array().unwrap().iter().filter_map(|reason| reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("the generator did not run for")), "{reasons:?}");
    assert!(outcome.stdout.contains("the generator did not run for"), "{outcome}");
    assert_eq!(generator["clock_jumps"], 0, "the wall clock went on as the other did");
}

#[test]
fn every_second_tells_how_long_threads_waited_for_a_cpu() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    bench
        .run(&["run", "-H", &server.url(), "-f", "user.toml", "-u", "10", "-r", "100", "-t", "3s", "--allow-unproven"])
        .assert_code(0);
    let told = bench.result()["generators"][0]["run_delay_percent"].as_f64();
    assert_eq!(told.is_some(), std::path::Path::new("/proc/self/schedstat").exists());
    assert!(told.is_none_or(|percent| percent >= 0.0));
}

/// Runs the binary with at most so many open files; what it said, and its exit code.
fn with_files(bench: &Workbench, files: u32, args: &[&str]) -> (String, Option<i32>) {
    let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_agenthub-perf")])
        .args(args)
        .current_dir(bench.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn a_load_that_cannot_get_its_connections_is_refused_before_its_first_request() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let args = ["run", "-H", &server.url(), "-u", "300", "-r", "300", "-t", "2s", "--allow-unproven"];
    let (said, code) = with_files(&bench, 256, &args);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("300 connections need ") && said.contains("ulimit -n ") && said.contains("LimitNOFILE="),
        "{said}"
    );
    assert_eq!(crate::without_health(&server), 0);
    assert!(bench.results().is_empty(), "nothing is left of it");
}

#[test]
fn the_default_number_of_sessions_is_what_this_machine_can_connect() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("\"none\""));
    let url = server.url();
    let args = ["run", "-H", &url, "-f", "user.toml", "--rate", "150/s", "-t", "2s", "--allow-unproven"];
    let (said, code) = with_files(&bench, 200, &args);
    assert!(said.contains("sessions, as there are files for, in place of 300"), "{said}");
    assert_ne!(code, Some(1), "{said}");
    let (said, code) = with_files(&bench, 200, &[&args[..], &["--max-users", "300"]].concat());
    assert!(said.contains("300 connections need ") && code == Some(1), "{said}");
}

#[test]
fn a_soft_limit_is_raised_as_far_as_allowed() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let script = "ulimit -S -n 64 && exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_agenthub-perf")])
        .args(["run", "-H", &server.url(), "-u", "200", "-r", "200", "-t", "3s", "--allow-unproven"])
        .current_dir(bench.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = bench.result();
    assert_eq!((&result["totals"]["failures"], &result["totals"]["failed_starts"]), (&0.into(), &0.into()));
}
