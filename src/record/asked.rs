//! `run.toml`: what was asked of a run, written before the first request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LoadPlan;

/// What was asked. Written once, first; secrets are masked before they get here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The version of this file's shape.
    pub schema: u32,
    /// The result folder's name.
    pub id: String,
    /// `--label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When the load began, RFC 3339, UTC.
    pub started: String,
    /// The system under test, e.g. `http://127.0.0.1:8000`, without credentials.
    pub host: String,
    /// Whether that is the reference service started for this run.
    pub reference_service: bool,
    /// The seed of every random choice.
    pub seed: u64,
    /// Seconds that requests in flight get at the end.
    pub stop_timeout_s: f64,
    /// `--allow-unproven`: an unproven or void verdict ends with 0.
    pub allow_unproven: bool,
    /// `closed` load: users. The most that are asked for at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Users started a second, where `--stages` was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawn_rate: Option<f64>,
    /// Mean seconds that a user thinks between two tasks, weighted over the scenarios; `None` for pacing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_wait_s: Option<f64>,
    /// Mean requests in a task, weighted over tasks and scenarios, branches counted as taken evenly.
    pub mean_requests_per_task: f64,
    /// Think time as a person reads it: "1–5 s".
    pub wait: String,
    /// The name of the scenario, or of the mix: `agenthub user`, `agenthub user + browse`.
    pub scenario_name: String,
    /// Over all scenario files and their weights.
    pub scenario_hash: String,
    /// The load.
    pub plan: LoadPlan,
    /// Targets in the words of the configuration: `p95_response_time` → `< 2s`.
    pub targets: BTreeMap<String, String>,
    /// Where and by what it ran.
    pub environment: Environment,
    /// The scenarios that share the load.
    pub scenarios: Vec<AskedScenario>,
}

/// One of the scenarios that share the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedScenario {
    /// Its name.
    pub name: String,
    /// Its file, or `built in`.
    pub file: String,
    /// Of its content.
    pub hash: String,
    /// Its share of the users.
    pub weight: u32,
}

/// Where and by what the load was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The commit of the code under test: `AGENTHUB_PERF_COMMIT`, the CI's variable, else the work tree's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The name of the machine that made the load.
    pub hostname: String,
    /// Its operating system and kernel.
    pub os: String,
    /// CPUs that the generator may use.
    pub cpus: u32,
    /// The version of agenthub-perf.
    pub version: String,
}
