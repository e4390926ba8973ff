//! Searches for the edge of a service with a known limit.

use std::time::Duration;

use serde_json::Value;

use super::support::counting::CountingServer;
use super::support::harness::{Outcome, Running, Workbench};

/// A search and all that comes with it, for this long at most.
const PATIENCE: Duration = Duration::from_mins(4);

const LOOK: &str =
    "name = \"look\"\nwait = { constant = \"500ms\" }\n\n[[task]]\nname = \"look\"\nget = \"/api/v2/health\"\n";

/// The reference service with a queue before its health path.
fn serve(bench: &Workbench, trouble: &str) -> (Running, String) {
    let trouble = format!("GET /api/v2/health: {trouble}");
    let mut serving = bench.start(&["serve", "--port", "0", "--trouble", &trouble]);
    let line = serving.first_line();
    let url = line.rsplit(' ').next().unwrap().to_owned();
    (serving, url)
}

fn search(bench: &Workbench, url: &str, flags: &str) -> Outcome {
    bench.write("look.toml", LOOK);
    let fixed = ["capacity", "-H", url, "-f", "look.toml", "--format", "json"];
    let args: Vec<&str> = fixed.into_iter().chain(flags.split(' ')).collect();
    bench.run_for(&args, PATIENCE)
}

fn levels<'a>(result: &'a Value, verdict: &str) -> Vec<&'a Value> {
    let all = result["levels"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(|level| level["verdict"] == verdict).collect()
}

/// Whether another program on this machine kept the generator from a level: nothing can be asserted of the edge then.
fn was_disturbed(result: &Value) -> bool {
    !levels(result, "void").is_empty()
}

/// What is known of the edge must be true whatever the machine did.
fn assert_true(result: &Value, surely_passes: f64, surely_fails: f64) {
    let passes = result["edge"]["passes"].as_f64();
    let fails = result["edge"]["fails"].as_f64();
    assert!(passes.is_none_or(|passes| passes < surely_fails), "{}", result["edge"]);
    assert!(was_disturbed(result) || fails.is_none_or(|fails| fails > surely_passes), "{}", result["edge"]);
}

#[test]
fn the_edge_of_two_servers_is_bracketed_and_confirmed() {
    let bench = Workbench::new();
    // At most 100/s; 113/s cannot be served, and at 80/s the queue is short.
    let (_serving, url) = serve(&bench, "servers=2, delay=fixed(20ms)");
    let targets = "--target p95_response_time=200ms --target error_rate=2%";
    let outcome = search(&bench, &url, &format!("--start 80/s --max-rate 400/s --max-time 200s --width 40% {targets}"));
    let result: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    assert_true(&result, 80.0, 100.0);
    let edge = &result["edge"];
    assert_eq!(edge["unit"], "arrivals/s");
    if was_disturbed(&result) {
        return;
    }
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!((edge["confirmed"].as_bool(), result["verdict"].as_str()), (Some(true), Some("pass")), "{outcome}");
    assert_eq!(edge["first_to_break"], "p95_response_time");
    let a_second = edge["requests_per_s_passes"].as_f64().unwrap();
    assert!((a_second / edge["passes"].as_f64().unwrap() - 1.0).abs() < 0.15, "{edge}");
    assert!(levels(&result, "pass").iter().any(|level| level["confirms"] == true));

    // From the journal alone the same comes out.
    let rebuilt = bench.run(&["report", "--format", "json"]);
    let again: Value = serde_json::from_str(&rebuilt.stdout).unwrap();
    assert_eq!((&again["edge"], &again["levels"], rebuilt.code), (edge, &result["levels"], Some(0)));
    let folder = bench.newest_result();
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("The edge is between") && folder.join("charts/edge.svg").exists());
    let cases = std::fs::read_to_string(folder.join("junit.xml")).unwrap();
    assert!(cases.contains("name=\"edge\""), "{cases}");
}

#[test]
fn the_edge_of_users_who_think_is_bracketed() {
    let bench = Workbench::new();
    // At most 40/s: 40 users who think half a second wait about as long again, and 10 hardly at all.
    let (_serving, url) = serve(&bench, "servers=1, delay=fixed(25ms)");
    let targets = "--target p95_response_time=300ms --target error_rate=3%";
    let flags = format!("--by users --start 10 --max-users 80 --max-time 120s --width 60% {targets}");
    let outcome = search(&bench, &url, &flags);
    let result: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    assert_true(&result, 10.0, 40.0);
    assert_eq!(result["edge"]["unit"], "users");
    if was_disturbed(&result) {
        return;
    }
    let edge = &result["edge"];
    assert!(edge["fails"].as_f64().is_some_and(|fails| fails <= 40.0), "{outcome}");
    assert!(edge["passes"].as_f64().is_some_and(|passes| passes >= 10.0), "{outcome}");
    assert_eq!(outcome.code, Some(if edge["confirmed"] == true { 0 } else { 98 }), "{outcome}");
}

#[test]
fn the_law_of_one_server_is_that_everything_is_done_one_after_the_other() {
    let bench = Workbench::new();
    let (_serving, url) = serve(&bench, "servers=1, delay=fixed(20ms)");
    let targets = "--target p95_response_time=100ms --target error_rate=2%";
    let flags = format!("--law --start 100/s --max-rate 100/s --max-users 8 --max-time 92s --width 60% {targets}");
    let outcome = search(&bench, &url, &flags);
    let result: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    let law = &result["law"];
    assert_eq!(law["unit"], "at a time", "{outcome}");
    let levels = law["levels"].as_array().unwrap();
    assert!(levels.len() >= 6 && levels.iter().all(|level| level["searched"] == false), "{outcome}");
    assert!(levels.iter().all(|level| level["level"].as_f64().unwrap() <= 8.0), "{outcome}");
    // None of them is a level of the search.
    let searched = result["levels"].as_array().unwrap_or_else(|| panic!("{outcome}"));
    let last_s = searched.iter().map(|level| level["to_s"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(levels.iter().all(|level| level["from_s"].as_f64().unwrap() >= last_s), "{outcome}");
    // No knee is invented, whatever the machine did.
    assert_eq!((&law["knee"], law["limits"] == "coherency"), (&Value::Null, false), "{law}");
    assert!(law["refused"].is_string() || law["no_knee"].is_string(), "{law}");
    if law["refused"].is_null() {
        // 50/s one at a time, and never more.
        let lambda = law["lambda"]["value"].as_f64().unwrap();
        assert!((30.0..60.0).contains(&lambda), "{law}");
        assert!(law["sigma"]["high"].as_f64().unwrap() >= 0.8, "{law}");
    }
    let again = bench.run(&["report", "--format", "json"]);
    assert_eq!(&serde_json::from_str::<Value>(&again.stdout).unwrap()["law"], law);
    let folder = bench.newest_result();
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("<h2>Scaling law</h2>") && folder.join("charts/law.svg").exists());
}

#[test]
fn an_interrupted_search_tells_what_it_knows_and_can_be_read_again() {
    let bench = Workbench::new();
    bench.write("look.toml", LOOK);
    let (_serving, url) = serve(&bench, "servers=2, delay=fixed(5ms)");
    let args = ["capacity", "-H", &url, "-f", "look.toml", "--start", "40/s", "--max-rate", "80/s", "--format", "json"];
    let running = bench.start(&args);
    running.wait_for_error("after 15s");
    running.signal("INT");
    let outcome = running.finish(PATIENCE);
    assert_eq!(outcome.code, Some(130), "{outcome}");
    let result: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((result["partial"].as_bool(), result["levels"][0]["level"].as_f64()), (Some(true), Some(40.0)));
    assert_ne!(result["verdict"], "pass");
    let again = bench.run(&["report", "--format", "json"]);
    assert_eq!(again.code, Some(130), "{again}");
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap()["levels"], result["levels"]);
}

#[test]
fn no_more_log_in_at_first_than_the_first_level_wants() {
    let bench = Workbench::new();
    let server = CountingServer::start();
    let url = server.url();
    let running = bench.start(&["capacity", "-H", &url, "--start", "20/s", "--max-rate", "5000/s"]);
    running.wait_for_error("20/s:");
    let logins = server.count("POST", "/api/v2/auth/login");
    running.signal("INT");
    let outcome = running.finish(PATIENCE);
    // The pool may hold 10,000, a tenth of which used to come at once. An arrival that finds nobody free brings one more.
    let tasks = server.total() - server.count("POST", "/api/v2/auth/login");
    assert!((1..=tasks).contains(&logins) && logins < 200, "{logins} of {tasks}: {outcome}");
}

#[test]
fn a_level_that_fails_plainly_is_given_up_early() {
    let bench = Workbench::new();
    let (_serving, url) = serve(&bench, "errors=90%");
    let outcome = search(&bench, &url, "--start 30/s --max-time 45s");
    let result: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(outcome.code, Some(98), "{outcome}");
    assert_eq!(result["edge"]["passes"], Value::Null);
    let failed = levels(&result, "fail");
    assert!(failed.iter().any(|level| level["reason"].as_str().unwrap().contains("--abort-on bears")), "{outcome}");
}

#[test]
fn a_run_is_given_up_when_more_fails_than_is_borne() {
    let bench = Workbench::new();
    bench.write("look.toml", LOOK);
    let (_serving, url) = serve(&bench, "errors=90%");
    let args = ["run", "-H", &url, "-f", "look.toml", "--rate", "60/s", "-t", "60s", "--abort-on", "20% errors", "-q"];
    let outcome = bench.run(&args);
    assert!(outcome.took < Duration::from_secs(40), "{outcome}");
    super::assert_missed(&outcome);
    let result = bench.result();
    let reasons = result["reasons"].to_string();
    assert!(reasons.contains("given up (") && reasons.contains("that --abort-on bears"), "{reasons}");
    assert_eq!(result["partial"], true);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let bench = Workbench::new();
    for (flags, told) in [
        (vec!["--by", "users", "--max-rate", "50/s"], "--max-rate belongs to a search by rate"),
        (vec!["--start", "500/s", "--max-rate", "50/s"], "raise --max-rate"),
        (vec!["--max-time", "5s"], "--max-time is too short"),
        (vec!["--start", "many"], "--start:"),
        (vec!["--start", "-5/s"], "--start: the rate must be above 0"),
        (vec!["-u", "100"], "--by users --start 100"),
        (vec!["--rate", "50/s"], "--start 50/s"),
        (vec!["--law", "--max-time", "60s"], "--max-time is too short for --law"),
        (vec!["--law", "--max-users", "3"], "--law needs levels of at least 6 different numbers"),
    ] {
        let outcome = bench.run(&[vec!["capacity"], flags].concat());
        assert_eq!(outcome.code, Some(2), "{outcome}");
        assert!(outcome.stderr.contains(told), "{told}: {outcome}");
    }
    assert!(bench.results().is_empty());
}

#[test]
fn how_to_search_is_also_said_by_the_environment_and_the_file() {
    let bench = Workbench::new().with_env("AGENTHUB_PERF_CAPACITY_MAX_RATE", "40/s");
    bench.write("agenthub-perf.toml", "[capacity]\nstart = \"50/s\"\nmax_rate = \"400/s\"\n");
    let outcome = bench.run(&["capacity"]);
    outcome.assert_code(2);
    let told = "`start` (agenthub-perf.toml:2) 50 is above the highest level allowed, 40: raise AGENTHUB_PERF_CAPACITY_MAX_RATE";
    assert!(outcome.stderr.contains(told), "{outcome}");
    let outcome = bench.run(&["capacity", "--by", "users"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("`start` (agenthub-perf.toml:2): not a whole number of users"), "{outcome}");
    bench.write("agenthub-perf.toml", "[capacity]\nmax_rat = \"400/s\"\n");
    let outcome = bench.run(&["capacity", "--start", "5/s"]);
    outcome.assert_code(2);
    let wrong = ["agenthub-perf.toml:2:1: unknown key `max_rat` in [capacity]", "did you mean `max_rate`?"];
    assert!(wrong.iter().all(|told| outcome.stderr.contains(told)), "{outcome}");
    assert!(bench.results().is_empty());
}
