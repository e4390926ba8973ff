//! `run --check`: what it found is in every report, again after `report`, and its own traffic in none of the run's figures.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{fix, of, outcome, with_outcome};
use crate::support::harness::{Outcome, Running, Workbench};
use crate::support::whole::Stack;

/// That it came to its end with a verdict; on a busy machine it may be void.
#[track_caller]
fn assert_ran(outcome: &Outcome) {
    assert!(!outcome.timed_out && matches!(outcome.code, Some(0 | 98 | 99)), "{outcome}");
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every file of a result with what it holds.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()))
        .collect()
}

#[test]
fn what_was_found_is_in_every_report_and_again_in_those_built_from_the_journal() {
    let stack = Stack::start(&["--seed-rows", "20000", "--without", "indexes"]);
    let bench = Workbench::new().with_env("AGENTHUB_PERF_CHECK_TOKEN", "geheimes-wort");
    let configuration = stack.nginx.configuration().display().to_string();
    let text =
        format!("{}[check]\nnginx_config = \"{configuration}\"\nskip = [\"system.cpu\"]\n", stack.configuration());
    bench.write("agenthub-perf.toml", &text);
    let ended = bench.run(&["run", "--check", "-u", "30", "-r", "30", "-t", "8s", "--allow-unproven"]);
    assert_ran(&ended);
    for words in ["checking app, db, cache, proxy, system before the load", "checked in "] {
        assert!(ended.stderr.contains(words), "{words:?} is not in\n{ended}");
    }
    assert!(ended.stdout.contains("check before the load  "), "{ended}");
    let folder = bench.newest_result();
    let result = bench.result();
    let check = &result["check"];
    assert_eq!((check["outcome"].as_str(), check["schema"].as_u64()), (Some("fail"), Some(1)), "{check:#}");
    assert_eq!(outcome(check, "db.index.tasks_user_id_status"), "fail");
    assert_eq!(outcome(check, "system.planned_load"), "pass");
    assert_eq!(of(check, "proxy.gzip")[0]["outcome"], "pass");
    assert!(!with_outcome(check, "pass").contains(&"system.cpu".to_owned()));
    assert_ne!(result["verdict"], "fail", "a rule that fails is no target that is missed: {:#}", result["reasons"]);
    let sql = fix(check, "db.index.tasks_user_id_status");
    assert!(sql.starts_with("CREATE INDEX CONCURRENTLY"), "{sql}");

    let in_all = |folder: &Path| {
        let [page, summary, junit] = ["report.html", "report.md", "junit.xml"].map(|name| read(folder, name));
        assert!(page.contains("<h2>Check before the load</h2>") && page.contains(&sql), "report.html");
        assert!(summary.contains("### Check before the load") && summary.contains(&format!("    {sql}")), "{summary}");
        let suite = junit.split("<testsuite ").nth(2).unwrap_or_else(|| panic!("one suite in {junit}"));
        assert!(suite.starts_with("name=\"agenthub-perf check\""), "{suite}");
        let case = suite.split("<testcase ").find(|case| case.contains("\"db.index.tasks_user_id_status\""));
        assert!(case.is_some_and(|case| case.contains("<failure ")), "{suite}");
    };
    in_all(&folder);
    for (name, text) in files(&folder) {
        assert!(!text.contains("only-for-tests") && !text.contains("geheimes-wort"), "a secret is in {name}");
    }
    for name in ["report.html", "report.md", "junit.xml", "result.json"] {
        fs::remove_file(folder.join(name)).unwrap();
    }
    let again = bench.run(&["report"]);
    assert_eq!(again.code, ended.code, "{again}");
    assert_eq!(&bench.result()["check"], check);
    assert_eq!(again.stdout, ended.stdout);
    in_all(&folder);
}

#[test]
fn the_figures_of_a_run_hold_nothing_of_its_check() {
    // Without a cache every GET is a statement; with a token the check's are too.
    let stack = Stack::start(&["--seed-rows", "2000", "--without", "cache"]);
    let token = stack.service.token("somebody@example.com");
    let bench = Workbench::new()
        .with_env("AGENTHUB_PERF_CHECK_TOKEN", token.trim_start_matches("Authorization: Bearer "))
        .with_env("AGENTHUB_PERF_CHECK", "true");
    bench.write("agenthub-perf.toml", &stack.configuration());
    let counted = |text: &str| -> u64 {
        let query = format!("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '{text}%'");
        stack.postgres.sql(&query).parse().unwrap()
    };
    let tasks = "SELECT id, title, description, status,";
    let before = counted(tasks);
    assert_ran(&bench.run(&["run", "-u", "20", "-r", "20", "-t", "8s", "--allow-unproven"]));
    let result = bench.result();
    assert!(result["check"]["findings"].as_array().is_some_and(|list| list.len() > 50), "{:#}", result["check"]);
    let requests = |name: &str| crate::endpoint(&result, name)["requests"].as_u64().unwrap();
    let statements = result["samples"]["postgres"]["statements"].as_array().unwrap();
    let calls = |text: &str| -> u64 {
        let ours = statements.iter().filter(|row| row["text"].as_str().unwrap().starts_with(text));
        ours.map(|row| row["calls"].as_f64().unwrap() as u64).sum()
    };
    assert_eq!(result["totals"]["cut_off"], 0);
    assert_eq!(calls(tasks), requests("GET /api/v2/tasks"), "{statements:#?}");
    assert_eq!(calls("INSERT INTO tasks"), requests("POST /api/v2/tasks"), "{statements:#?}");
    assert!(counted(tasks) - before > requests("GET /api/v2/tasks"), "the check has asked the database nothing");
    let foreign = statements.iter().find(|row| row["text"].as_str().unwrap().contains("pg_"));
    assert_eq!(foreign, None, "the check's own statements are counted");
    let whole: u64 = result["endpoints"].as_array().unwrap().iter().map(|row| row["requests"].as_u64().unwrap()).sum();
    assert_eq!(result["totals"]["requests"], whole);
    let names: Vec<&Value> = result["endpoints"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert!(!names.iter().any(|name| name.as_str().unwrap().contains("health")), "{names:?}");
}

#[test]
fn the_configuration_chooses_what_is_checked_before_every_run() {
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "[check]\nbefore_run = true\nonly = [\"app.health\", \"system.planned_load\"]\n");
    let run = ["run", "-u", "2", "-r", "2", "-t", "2s", "--allow-unproven"];
    assert_ran(&bench.run(&run));
    let findings = bench.result()["check"]["findings"].as_array().unwrap().clone();
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["app.health", "system.planned_load"]);
    // The environment is nearer than the file.
    let bench = bench.with_env("AGENTHUB_PERF_CHECK", "false");
    assert_ran(&bench.run(&run));
    assert_eq!(bench.result().get("check"), None);
    let refused = bench.run(&["ab", "--a", "http://127.0.0.1:1", "--b", "http://127.0.0.1:1", "--check"]);
    refused.assert_code(2);
    assert!(refused.stderr.contains("--check is for run"), "{refused}");
}

#[test]
fn a_check_that_hangs_is_ended_by_the_run_s_own_end_and_by_its_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = format!("postgres://me:geheim@{}/x", silent.local_addr().unwrap());
    let run = ["run", "--check", "-u", "2", "-r", "2", "-t", "2s", "--allow-unproven", "--postgres", &hangs];
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "[check]\ntimeout = \"90s\"\nonly = [\"db\"]\n");
    let running: Running = bench.start(&run);
    running.wait_for_error("checking ");
    running.signal("INT");
    let ended = running.finish(Duration::from_mins(1));
    ended.assert_code(130);
    let result = bench.result();
    assert_eq!((result["partial"].as_bool(), result.get("check")), (Some(true), None));
    bench.write("agenthub-perf.toml", "[check]\ntimeout = \"1s\"\nonly = [\"db\"]\n");
    let ended = bench.run(&run);
    assert_ran(&ended);
    let check = bench.result()["check"].clone();
    assert_eq!((check["outcome"].as_str(), outcome(&check, "db.reachable").as_str()), (Some("unknown"), "unknown"));
    assert!(bench.result()["totals"]["requests"].as_u64() > Some(0), "the load goes on");
    assert!(!format!("{ended}").contains("geheim"), "{ended}");
}
