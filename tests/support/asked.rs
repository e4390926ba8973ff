//! What a run that only exists for its figures was asked: the benches and the proofs name what matters to them.

use std::collections::BTreeMap;

use agenthub_perf::record::{Asked, AskedConnections, Environment, LoadPlan};

/// A closed load of `users`, started 50 a second, for `run_time_s`.
pub(crate) fn asked(name: &str, users: u32, run_time_s: f64) -> Asked {
    Asked {
        schema: 1,
        id: format!("20261123T081000Z-{name}-0000"),
        label: None,
        started: "2026-11-23T08:10:00Z".into(),
        host: "http://127.0.0.1:8000".into(),
        reference_service: false,
        connections: AskedConnections::default(),
        seed: 1,
        stop_timeout_s: 10.0,
        allow_unproven: false,
        judge_machine: false,
        users: Some(users),
        spawn_rate: None,
        rate: None,
        arrivals: None,
        max_users: None,
        mean_wait_s: None,
        mean_pauses_s: Some(0.0),
        mean_requests_per_task: 1.0,
        wait: "none".into(),
        scenario_name: name.into(),
        scenario_hash: "0".into(),
        baseline: None,
        horizon_s: None,
        search: None,
        plan: LoadPlan::users(users, 50.0, run_time_s),
        targets: BTreeMap::new(),
        environment: Environment {
            commit: None,
            hostname: "here".into(),
            os: "any".into(),
            cpus: 2,
            cpu_quota: None,
            version: "0.1.0".into(),
        },
        scenarios: Vec::new(),
    }
}
