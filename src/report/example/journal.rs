//! What the journal of a synthetic run tells.

use std::collections::BTreeMap;

use crate::record::{
    Asked, AskedConnections, AskedScenario, End, EndpointId, EndpointName, EndpointSecond, Environment, FailureKind,
    GeneratorSecond, Interval, IntervalKind, LoadPlan, Run, Second,
};
use crate::stats::Distribution;

/// What a synthetic run is made of.
pub(super) struct Shape {
    pub(super) seed: u64,
    /// The load.
    pub(super) plan: LoadPlan,
    /// Seconds that the journal covers.
    pub(super) covers_s: usize,
    /// Length of one interval, seconds.
    pub(super) step_s: usize,
    /// Multiplies every response time.
    pub(super) slow: f64,
    /// Share of requests that fail, by kind and text.
    pub(super) failing: Vec<(FailureKind, &'static str, f64)>,
    pub(super) think_s: f64,
}

/// Name, share of requests, median ms, tail: how much longer the slow ones take.
const ENDPOINTS: [(&str, f64, f64, f64); 4] = [
    ("POST /api/v2/auth/login", 0.0, 6.0, 1.3),
    ("GET /api/v2/projects", 0.5, 1.1, 1.6),
    ("GET /api/v2/tasks", 0.333, 1.4, 1.7),
    ("POST /api/v2/tasks", 0.167, 2.2, 2.0),
];

impl Shape {
    pub(super) fn new() -> Self {
        Self {
            seed: 7,
            plan: LoadPlan::users(250, 50.0, 60.0),
            covers_s: 60,
            step_s: 1,
            slow: 1.0,
            failing: Vec::new(),
            think_s: 3.0,
        }
    }

    pub(super) fn run(&self) -> Run {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let (mut seconds, mut intervals) = (Vec::new(), Vec::new());
        for from in (0..self.covers_s).step_by(self.step_s) {
            let (from_s, to_s) = (from as f64, (from + self.step_s) as f64);
            let users = self.plan.level_at(to_s - 0.001);
            let logins = (users - self.plan.level_at(from_s)).max(0.0);
            let asks = users * self.step_s as f64 / (self.think_s + 0.003 * self.slow);
            let mut second = Second {
                from_s,
                to_s,
                wanted: users,
                users: users as u32,
                user_s: users * self.step_s as f64,
                thinking_s: users * self.step_s as f64 * 0.98,
                generator: GeneratorSecond { cpu_s: 0.12, memory_bytes: 64 << 20, ..GeneratorSecond::default() },
                ..Second::default()
            };
            for (id, (_, share, median, tail)) in ENDPOINTS.iter().enumerate() {
                let mean = if id == 0 { logins } else { asks * share };
                let count = (mean + (random.f64() - 0.5) * mean.sqrt() * 2.0).round().max(0.0) as u64;
                let row = self.row(&mut random, count);
                let good = count - row.failures.values().sum::<u64>();
                let scale = median * self.slow * if self.slow > 10.0 && id == 3 { 1.4 } else { 1.0 };
                // A minute's requests are drawn as 100 different times, so that ten hours stay quick.
                let different = good.min(100);
                let values = (0..different).map(|n| {
                    let normal: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
                    let ms = scale * (normal * 0.35 * tail / 1.5).exp();
                    (three_digits(ms * 1000.0), good / different + u64::from(n < good % different))
                });
                let values = Distribution::from_pairs(values.collect::<Vec<_>>());
                if !values.is_empty() {
                    let endpoint = EndpointId(id as u32);
                    intervals.push(Interval { from_s, to_s, kind: IntervalKind::Response, endpoint, values });
                }
                if count > 0 {
                    second.endpoints.insert(id as u32, row);
                }
            }
            seconds.push(second);
        }
        Run {
            asked: asked(&self.plan),
            endpoints: names(),
            seconds,
            intervals,
            watched: Vec::new(),
            levels: Vec::new(),
            check: None,
            end: Some(End::Finished),
            warnings: vec![],
        }
    }

    fn row(&self, random: &mut fastrand::Rng, count: u64) -> EndpointSecond {
        let mut row = EndpointSecond { requests: count, connected: 0, ..EndpointSecond::default() };
        for &(kind, text, share) in &self.failing {
            let failed = (0..count).filter(|_| random.f64() < share).count() as u64;
            let failed = failed.min(count - row.failures.values().sum::<u64>());
            if failed > 0 {
                *row.failures.entry(kind).or_default() += failed;
                *row.errors.entry(text.to_owned()).or_default() += failed;
            }
        }
        row.statuses.insert(200, count - row.failures.values().sum::<u64>());
        row
    }
}

/// Rounded to three significant digits, as an HDR histogram keeps them.
fn three_digits(value: f64) -> u64 {
    let scale = 10f64.powf((value.max(1.0).log10().floor() - 2.0).max(0.0));
    ((value / scale).round() * scale) as u64
}

fn names() -> Vec<EndpointName> {
    let name = |&(name, ..): &(&str, f64, f64, f64)| EndpointName {
        name: name.to_owned(),
        scenario: "agenthub user".to_owned(),
        tags: vec![],
    };
    ENDPOINTS.iter().map(name).collect()
}

fn asked(plan: &LoadPlan) -> Asked {
    let scenario = AskedScenario {
        name: "agenthub user".to_owned(),
        file: "built in".to_owned(),
        hash: "9f2c".to_owned(),
        weight: 1,
    };
    Asked {
        schema: 1,
        id: "20261123T081000Z-agenthub-user-3f2a".to_owned(),
        label: None,
        started: "2026-11-23T08:10:00Z".to_owned(),
        host: "http://127.0.0.1:41873".to_owned(),
        reference_service: true,
        connections: AskedConnections::default(),
        seed: 42,
        stop_timeout_s: 10.0,
        allow_unproven: false,
        judge_machine: false,
        users: Some(plan.peak() as u32),
        spawn_rate: Some(50.0),
        rate: None,
        arrivals: None,
        max_users: None,
        mean_wait_s: Some(3.0),
        mean_pauses_s: Some(0.0),
        mean_requests_per_task: 1.0,
        wait: "1–5 s".to_owned(),
        scenario_name: "agenthub user".to_owned(),
        scenario_hash: "9f2c41d07b".to_owned(),
        baseline: None,
        horizon_s: None,
        search: None,
        plan: plan.clone(),
        targets: BTreeMap::from([("p95_response_time".to_owned(), "< 2s".to_owned())]),
        environment: Environment {
            commit: Some("4be1c9d".to_owned()),
            hostname: "build-7".to_owned(),
            os: "Linux 6.12".to_owned(),
            cpus: 4,
            cpu_quota: None,
            version: "0.1.0".to_owned(),
        },
        scenarios: vec![scenario],
    }
}
