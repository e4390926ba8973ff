//! `check` against real servers: what is tuned passes; with a tuning taken away the right rule fails, and its printed fix,
//! run as printed, makes it pass.

mod app;
mod cache;
mod containers;
mod db;
mod db_explain;
mod db_indexes;
mod db_sessions;
mod db_strangers;
mod db_upkeep;
mod doors;
mod doors_of_others;
mod proxy;
mod run;
mod small;
mod stack;
mod system;

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::harness::{Outcome, Running, Workbench};
use crate::support::stack::Postgres;

/// The reference service on these parts.
struct Service {
    _running: Running,
    url: String,
}

fn serve(bench: &Workbench, args: &[&str]) -> Service {
    let mut running = bench.start(&[&["serve", "--port", "0"], args].concat());
    let url = running.first_line().rsplit(' ').next().unwrap_or_default().to_owned();
    Service { _running: running, url }
}

/// Runs `check` with these arguments, for its JSON.
fn check(bench: &Workbench, args: &[&str]) -> (Value, Outcome) {
    let outcome = bench.run(&[&["check", "--format", "json", "--timeout", "20s"], args].concat());
    let found = outcome.json();
    let schema: Value = serde_json::from_str(agenthub_perf::judge::CHECK_SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&found).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(problems, [""; 0]);
    (found, outcome)
}

/// The findings of a rule.
#[track_caller]
fn of<'a>(found: &'a Value, rule: &str) -> Vec<&'a Value> {
    let findings = found["findings"].as_array().unwrap();
    let ours: Vec<&Value> = findings.iter().filter(|finding| finding["rule"] == rule).collect();
    assert!(!ours.is_empty(), "nothing of {rule} in {findings:#?}");
    ours
}

/// The outcome of a rule with one finding.
#[track_caller]
fn outcome(found: &Value, rule: &str) -> String {
    let ours = of(found, rule);
    assert_eq!(ours.len(), 1, "{ours:#?}");
    ours[0]["outcome"].as_str().unwrap().to_owned()
}

/// The rules with an outcome.
fn with_outcome(found: &Value, outcome: &str) -> Vec<String> {
    let findings = found["findings"].as_array().unwrap();
    let ours = findings.iter().filter(|finding| finding["outcome"] == outcome);
    ours.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

/// The fix of a rule's only finding, as it is printed.
#[track_caller]
fn fix(found: &Value, rule: &str) -> String {
    let ours = of(found, rule);
    ours[0]["fix"]["text"].as_str().unwrap_or_else(|| panic!("no fix in {ours:#?}")).to_owned()
}

/// What was seen, of a rule's only finding.
#[track_caller]
fn evidence(found: &Value, rule: &str) -> Vec<String> {
    let lines = of(found, rule)[0]["evidence"].as_array().cloned().unwrap_or_default();
    lines.iter().filter_map(|line| line.as_str().map(str::to_owned)).collect()
}

/// psql as the superuser, in any database.
fn psql(postgres: &Postgres, database: &str) -> Command {
    let url =
        postgres.monitor_url().replace("agenthub_monitor", "postgres").replace("/agenthub", &format!("/{database}"));
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", &url]).stdin(Stdio::piped());
    command
}

/// Runs a script, with psql's own commands.
fn sql_in(postgres: &Postgres, database: &str, script: &str) {
    let mut child = psql(postgres, database).stdout(Stdio::null()).spawn().expect("psql runs");
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{script}");
}

/// Runs a fix as it is printed; starts the server anew where it says so.
fn apply(postgres: &mut Postgres, fix: &str) {
    let anew = "start the server anew";
    match fix.split_once(anew) {
        None => sql_in(postgres, "agenthub", fix),
        Some((before, after)) => {
            sql_in(postgres, "agenthub", before);
            postgres.stop();
            postgres.start_again();
            apply(postgres, after.split_once('\n').map_or("", |(_, after)| after));
        }
    }
}

/// What `check` says of one rule of this database, whatever the age of its statistics.
fn look(bench: &Workbench, url: &str, rule: &str) -> (Value, Outcome) {
    check(bench, &["db", "--postgres", url, "--only", rule, "--evidence-age", "0s", "--db-memory", "2G"])
}

/// Until a rule comes to this. Up to PostgreSQL 14 statistics are half a second behind.
#[track_caller]
fn until(bench: &Workbench, url: &str, rule: &str, wanted: &str) -> (Value, Outcome) {
    let began = Instant::now();
    loop {
        let (found, ended) = look(bench, url, rule);
        if outcome(&found, rule) == wanted {
            return (found, ended);
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{rule} is not {wanted}: {found:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Expects a rule to come to this; then runs its fix as it is printed, and expects it to pass.
#[track_caller]
fn is_fixed(bench: &Workbench, postgres: &mut Postgres, rule: &str, wanted: &str) -> Value {
    let url = postgres.monitor_url();
    let (found, ended) = until(bench, &url, rule, wanted);
    ended.assert_code(if wanted == "fail" { 99 } else { 0 });
    apply(postgres, &fix(&found, rule));
    until(bench, &url, rule, "pass").1.assert_code(0);
    found
}

/// The major version of the server.
fn version(postgres: &Postgres) -> u32 {
    postgres.sql("SHOW server_version_num").parse::<u32>().unwrap() / 10_000
}

/// A session that goes on; ended when dropped.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn psql_in_background(postgres: &Postgres, script: &str) -> Session {
    let mut child = psql(postgres, "agenthub").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql runs");
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Session(child)
}

/// Until a query has this answer.
#[track_caller]
fn wait_for(postgres: &Postgres, query: &str, answer: &str) {
    let began = Instant::now();
    while postgres.sql(query) != answer {
        assert!(began.elapsed() < Duration::from_mins(1), "{query} is not {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
