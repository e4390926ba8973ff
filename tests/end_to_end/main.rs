//! The built binary against real servers on 127.0.0.1, judged from outside: by what the servers saw, what was printed, and
//! what was written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

#[path = "../support/asked.rs"]
mod asked;
#[path = "../support/mod.rs"]
mod support;

mod ab;
mod bad_input;
mod calibrate;
mod capacity;
mod check;
mod ci_files;
mod command_line;
mod compare;
mod cookies;
mod counting;
mod exports;
mod journal;
mod many_users;
mod nginx;
mod open;
mod plan;
mod postgres_probe;
mod probes;
mod proxies;
mod real_parts;
mod secure;
mod self_check;
mod soak;
mod stack_script;
mod starting;
mod stopping;
mod trend;
mod trouble;
mod verdicts;
mod watching;

use serde_json::Value;

/// An endpoint of a result.
#[track_caller]
fn endpoint<'a>(result: &'a Value, name: &str) -> &'a Value {
    let endpoints = result["endpoints"].as_array().unwrap();
    endpoints.iter().find(|endpoint| endpoint["name"] == name).unwrap_or_else(|| panic!("no {name} in {endpoints:#?}"))
}

/// A target of a result.
#[track_caller]
fn target<'a>(result: &'a Value, name: &str) -> &'a Value {
    let targets = result["targets"].as_array().unwrap();
    targets.iter().find(|target| target["name"] == name).unwrap_or_else(|| panic!("no {name} in {targets:#?}"))
}

/// That a run with failures came to its end and missed a target; on a busy machine it may be void instead.
#[track_caller]
fn assert_missed(outcome: &support::harness::Outcome) {
    assert!(
        !outcome.timed_out && matches!(outcome.code, Some(98 | 99)),
        "{:?} after {:?}\n{outcome}",
        outcome.code,
        outcome.took
    );
}

/// The run's own health request is not part of the load.
fn without_health(server: &support::counting::CountingServer) -> u64 {
    server.total() - server.count("GET", "/api/v2/health")
}
