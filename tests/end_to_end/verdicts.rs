//! The verdict, the exit code and the reason for what a host was made to do.

use std::time::Duration;

use crate::support::counting::{Behaviour, CountingServer, ServiceTime};
use crate::support::harness::{Outcome, Workbench, guide_user};
use crate::target;

/// 20 users that come back every 50 ms: about 400 requests a second.
fn run_on(server: &CountingServer, more: &[&str]) -> (Workbench, Outcome) {
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    let url = server.url();
    let args = ["run", "-H", &url, "-f", "user.toml", "-u", "20", "-r", "100"];
    let outcome = bench.run(&[&args[..], more].concat());
    (bench, outcome)
}

fn failing_every(nth: u64) -> CountingServer {
    CountingServer::with(Behaviour { fail: Some((nth, 500)), ..Behaviour::default() })
}

#[test]
fn one_per_cent_of_errors_is_a_missed_target() {
    // A little less than one per cent: beyond it a latency cannot pass either.
    let server = failing_every(110);
    let (bench, outcome) = run_on(&server, &["-t", "7s"]);
    outcome.assert_code(99);
    let result = bench.result();
    assert_eq!(result["verdict"], "fail");
    assert_eq!(target(&result, "error_rate")["verdict"], "fail");
    assert_eq!(target(&result, "p95_response_time")["verdict"], "pass");
    assert_eq!(result["totals"]["failures"], server.failed());
    assert_eq!(result["totals"]["failures_by_kind"]["status"], server.failed());
    assert!(outcome.stdout.starts_with("FAIL"), "{outcome}");
    assert!(outcome.stdout.contains("status 500"), "{outcome}");
}

#[test]
fn a_few_errors_in_a_short_run_prove_nothing() {
    let server = failing_every(2000);
    let (bench, outcome) = run_on(&server, &["-t", "6s"]);
    outcome.assert_code(98);
    let result = bench.result();
    let errors = target(&result, "error_rate");
    assert_eq!(errors["verdict"], "unproven");
    assert_eq!(result["verdict"], "unproven");
    assert!(errors["low"].as_f64().unwrap() < 0.001 && errors["high"].as_f64().unwrap() > 0.001);
    assert!(errors["reason"].as_str().unwrap().contains("longer"), "{errors}");
    let (_, outcome) = run_on(&failing_every(2000), &["-t", "6s", "--allow-unproven"]);
    outcome.assert_code(0);
}

#[test]
fn a_slow_host_misses_the_response_time_target() {
    let slow = ServiceTime::Fixed(Duration::from_secs(3));
    let mut behaviour = Behaviour { time: slow, ..Behaviour::default() };
    behaviour.times.insert("POST /api/v2/auth/login".to_owned(), ServiceTime::None);
    let server = CountingServer::with(behaviour);
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("\"none\""));
    let outcome = bench.run(&["run", "-H", &server.url(), "-f", "user.toml", "-u", "60", "-r", "60", "-t", "13s"]);
    outcome.assert_code(99);
    let result = bench.result();
    let p95 = target(&result, "p95_response_time");
    assert_eq!(p95["verdict"], "fail", "{outcome}");
    assert_eq!(p95["limit"], 2000.0);
    assert!(p95["low"].as_f64().unwrap() > 2000.0 && p95["value"].as_f64().unwrap() >= 3000.0);
}

#[test]
fn fifty_users_of_the_guide_cannot_miss_a_throughput_that_they_cannot_offer() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &server.url(), "-u", "50", "-r", "25", "-t", "12s"]);
    outcome.assert_code(98);
    let result = bench.result();
    let throughput = target(&result, "throughput");
    assert_eq!(throughput["verdict"], "unproven", "{throughput}");
    assert!(throughput["reason"].as_str().unwrap().contains("65 users would do"), "{throughput}");
    assert!(outcome.stderr.contains("65 users"), "it is said at the start: {outcome}");
}

#[test]
fn targets_of_ones_own_decide_also_for_one_endpoint() {
    let mut behaviour = Behaviour::default();
    let slow = ServiceTime::Fixed(Duration::from_millis(60));
    behaviour.times.insert("GET /api/v2/tasks".to_owned(), slow);
    let server = CountingServer::with(behaviour);
    let on_tasks = "p95_response_time[GET /api/v2/tasks]=30ms";
    let on_projects = "p95_response_time[GET /api/v2/projects]=1s";
    let (bench, outcome) = run_on(&server, &["-t", "6s", "--target", on_tasks, "--target", on_projects]);
    outcome.assert_code(99);
    let result = bench.result();
    assert_eq!(target(&result, "p95_response_time[GET /api/v2/tasks]")["verdict"], "fail");
    assert_eq!(target(&result, "p95_response_time[GET /api/v2/projects]")["verdict"], "pass");
    assert_eq!(target(&result, "p95_response_time")["verdict"], "pass");
}

#[test]
fn each_hold_of_a_staged_load_is_judged_by_itself() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    let args = ["run", "-H", &server.url(), "-f", "user.toml", "--stages", "5:1s,5:4s,20:1s,20:4s,0:1s"];
    let outcome = bench.run(&[&args[..], &["--allow-unproven"]].concat());
    outcome.assert_code(0);
    let result = bench.result();
    let stages = result["stages"].as_array().unwrap();
    assert_eq!(stages.iter().map(|stage| stage["users"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 20], "{outcome}");
    let rate = |stage: usize| {
        let targets = stages[stage]["targets"].as_array().unwrap();
        targets.iter().find(|target| target["name"] == "throughput").unwrap()["value"].as_f64().unwrap()
    };
    let ratio = rate(1) / rate(0);
    assert!((3.0..5.0).contains(&ratio), "4 times the users made {ratio:.2} times the requests");
}

#[test]
fn a_host_that_goes_down_in_the_middle_is_a_failure_not_a_hang() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    let url = server.url();
    let running = bench.start(&["run", "-H", &url, "-f", "user.toml", "-u", "20", "-r", "100", "-t", "6s"]);
    while server.total() < 500 {
        std::thread::yield_now();
    }
    server.go_down();
    let outcome = running.finish(Duration::from_mins(1));
    outcome.assert_code(99);
    let result = bench.result();
    assert_eq!(result["verdict"], "fail");
    let kinds = &result["totals"]["failures_by_kind"];
    assert!(kinds["connect"].as_u64().unwrap() > 0, "{kinds}");
    assert!(outcome.stdout.contains("connection refused"), "{outcome}");
}

#[test]
fn what_a_load_cannot_offer_is_unproven_also_with_pacing_and_for_one_endpoint() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("paced.toml", &guide_user("{ pacing = \"1s\" }"));
    let outcome = bench.run(&["run", "-H", &server.url(), "-f", "paced.toml", "-u", "10", "-r", "100", "-t", "6s"]);
    outcome.assert_code(98);
    // 10 users, a task a second each: 600 a minute.
    let result = bench.result();
    assert_eq!(target(&result, "throughput")["verdict"], "unproven", "{outcome}");
    assert!(target(&result, "throughput")["reason"].as_str().unwrap().contains("at most 600/min"), "{outcome}");

    // A sixth of 20 users that come back every 50 ms: 4,000 of 24,000 a minute.
    let (bench, outcome) = run_on(&server, &["-t", "6s", "--target", "throughput[POST /api/v2/tasks]=9000/min"]);
    outcome.assert_code(98);
    let result = bench.result();
    assert_eq!(target(&result, "throughput[POST /api/v2/tasks]")["verdict"], "unproven", "{outcome}");
    assert_eq!(target(&result, "throughput")["verdict"], "pass", "{outcome}");
}
