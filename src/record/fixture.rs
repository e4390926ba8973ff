//! What this room's tests record.

use std::collections::BTreeMap;

use super::{
    Asked, AskedConnections, AskedScenario, EndpointId, EndpointName, Environment, LoadPlan, Outcome, Phases,
    RUN_SCHEMA, Sample,
};

/// A plain run of two users.
pub(crate) fn asked() -> Asked {
    Asked {
        schema: RUN_SCHEMA,
        id: "20261123T081000Z-agenthub-user-3f2a".into(),
        label: Some("main".into()),
        started: "2026-11-23T08:10:00Z".into(),
        host: "http://127.0.0.1:8000".into(),
        reference_service: true,
        connections: AskedConnections::default(),
        seed: 7,
        stop_timeout_s: 10.0,
        allow_unproven: false,
        judge_machine: false,
        users: Some(2),
        spawn_rate: None,
        rate: None,
        arrivals: None,
        max_users: None,
        mean_wait_s: Some(3.0),
        mean_pauses_s: Some(0.0),
        mean_requests_per_task: 1.0,
        wait: "1–5 s".into(),
        scenario_name: "agenthub user".into(),
        scenario_hash: "abc".into(),
        baseline: None,
        horizon_s: None,
        search: None,
        plan: LoadPlan::users(2, 1.0, 60.0),
        targets: BTreeMap::from([("p95_response_time".into(), "< 2s".into())]),
        environment: Environment {
            commit: None,
            hostname: "here".into(),
            os: "Linux".into(),
            cpus: 2,
            cpu_quota: None,
            version: "0.1.0".into(),
        },
        scenarios: vec![AskedScenario {
            name: "agenthub user".into(),
            file: "built in".into(),
            hash: "abc".into(),
            weight: 1,
        }],
    }
}

/// So many endpoints: `GET /0`, `GET /1`, …
pub(crate) fn endpoints(count: usize) -> Vec<EndpointName> {
    let name =
        |id| EndpointName { name: format!("GET /{id}"), scenario: "agenthub user".into(), tags: vec!["read".into()] };
    (0..count).map(name).collect()
}

/// A successful response.
pub(crate) fn sample(endpoint: u32, end_us: u64, response_us: u64) -> Sample {
    Sample {
        endpoint: EndpointId(endpoint),
        end_us,
        response_us,
        service_us: response_us,
        first_byte_us: response_us / 2,
        phases: Phases::default(),
        outcome: Outcome::Success,
        status: 200,
        redirects: 0,
        connected: 0,
        http2: false,
        body_bytes: 10,
    }
}
