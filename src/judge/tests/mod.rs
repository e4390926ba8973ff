//! Judging whole runs: a small simulation of users makes the journal, its truth is known.

mod arrivals;
mod generator;
mod latency;
mod machine;
mod outlook;
mod rates;
mod samples;
mod schema;
mod suspects;
mod system;
mod whole;

use std::collections::BTreeMap;

use super::{RunResult, TargetResult, Targets};
use crate::record::{
    Asked, AskedConnections, AskedScenario, End, EndpointId, EndpointName, Environment, FailureKind, GeneratorSecond,
    Interval, IntervalKind, LoadModel, LoadPlan, Run, Second, Stage,
};
use crate::stats::Distribution;

/// How the simulated host answers.
pub(super) struct Answer {
    pub(super) us: f64,
    pub(super) failed: bool,
}

impl Answer {
    pub(super) fn ok(us: f64) -> Self {
        Self { us, failed: false }
    }
}

/// A fast host: exponential around 1 ms.
pub(super) fn fast(rng: &mut fastrand::Rng, _at_s: f64) -> Answer {
    Answer::ok(300.0 - 700.0 * (1.0 - rng.f64()).ln())
}

pub(super) fn asked(plan: LoadPlan, mean_wait_s: Option<f64>) -> Asked {
    let closed = plan.model == LoadModel::Closed;
    Asked {
        schema: 1,
        id: "20261123T081000Z-agenthub-user-3f2a".to_owned(),
        label: None,
        started: "2026-11-23T08:10:00Z".to_owned(),
        host: "http://127.0.0.1:8000".to_owned(),
        reference_service: true,
        connections: AskedConnections::default(),
        seed: 1,
        stop_timeout_s: 10.0,
        allow_unproven: false,
        judge_machine: false,
        users: closed.then(|| plan.peak() as u32),
        spawn_rate: closed.then_some(50.0),
        rate: None,
        arrivals: None,
        max_users: None,
        mean_wait_s,
        mean_pauses_s: Some(0.0),
        mean_requests_per_task: 1.0,
        wait: "1–5 s".to_owned(),
        scenario_name: "agenthub user".to_owned(),
        scenario_hash: "9f2c".to_owned(),
        baseline: None,
        horizon_s: None,
        search: None,
        plan,
        targets: Targets::guide().to_words(),
        environment: Environment {
            commit: None,
            hostname: "builder".to_owned(),
            os: "Linux 6.1".to_owned(),
            cpus: 2,
            cpu_quota: None,
            version: "0.1.0".to_owned(),
        },
        scenarios: vec![AskedScenario {
            name: "agenthub user".to_owned(),
            file: "built in".to_owned(),
            hash: "9f2c".to_owned(),
            weight: 1,
        }],
    }
}

/// The profile `quick`, and others by the same rule.
pub(super) fn users(count: u32, spawn_rate: f64, run_time_s: f64) -> Asked {
    let mut asked = asked(LoadPlan::users(count, spawn_rate, run_time_s), Some(3.0));
    asked.spawn_rate = Some(spawn_rate);
    asked
}

/// Three holds of so many users, each reached at once.
pub(super) fn holds(levels: &[(f64, f64)]) -> LoadPlan {
    let stages =
        levels.iter().flat_map(|&(level, duration_s)| [Stage { level, duration_s: 0.0 }, Stage { level, duration_s }]);
    LoadPlan { model: LoadModel::Closed, stages: stages.collect() }
}

/// Adds a span of time to the seconds that it touches.
fn spread_over(seconds: &mut [Second], from_s: f64, to_s: f64, field: fn(&mut Second) -> &mut f64) {
    for second in seconds {
        let part = to_s.min(second.to_s) - from_s.max(second.from_s);
        if part > 0.0 {
            *field(second) += part;
        }
    }
}

/// Simulates users that think 1 to 5 s between requests to two endpoints; the run ends by itself.
pub(super) fn simulate(asked: Asked, mut answer: impl FnMut(&mut fastrand::Rng, f64) -> Answer) -> Run {
    let mut rng = fastrand::Rng::with_seed(asked.seed);
    let over_s = asked.plan.duration_s();
    let latest_s = over_s + asked.stop_timeout_s;
    let length = latest_s as usize;
    let mut seconds: Vec<Second> =
        (0..length).map(|s| Second { from_s: s as f64, to_s: s as f64 + 1.0, ..Second::default() }).collect();
    let mut values: BTreeMap<(usize, IntervalKind, u32), Vec<(u64, u64)>> = BTreeMap::new();
    for user in 0..asked.plan.peak() as u32 {
        let level = f64::from(user) + 0.5;
        // A user works while the plan asks for more users than came before.
        let mut now = rng.f64() / 1000.0;
        while now < over_s {
            if asked.plan.level_at(now) <= level {
                now += 0.02;
                continue;
            }
            let Answer { us, failed } = answer(&mut rng, now);
            let endpoint = u32::from(rng.f64() < 0.4);
            let done_s = (now + us / 1e6).min(latest_s - 1e-6);
            let cut_off = now + us / 1e6 > done_s;
            let place = done_s as usize;
            let counts = seconds[place].endpoints.entry(endpoint).or_default();
            counts.requests += 1;
            counts.phases_us[3] += us as u64;
            let kind = if cut_off {
                counts.cut_off += 1;
                IntervalKind::CutOff
            } else if failed {
                *counts.failures.entry(FailureKind::Status).or_default() += 1;
                *counts.errors.entry("status 500".to_owned()).or_default() += 1;
                *counts.statuses.entry(500).or_default() += 1;
                IntervalKind::Failed
            } else {
                *counts.statuses.entry(200).or_default() += 1;
                IntervalKind::Response
            };
            values.entry((place, kind, endpoint)).or_default().push((((done_s - now) * 1e6) as u64, 1));
            values.entry((place, IntervalKind::Lag, 0)).or_default().push((rng.u64(50..300), 1));
            let think = done_s + 1.0 + 4.0 * rng.f64();
            spread_over(&mut seconds, now, done_s, |second| &mut second.in_flight_s);
            spread_over(&mut seconds, done_s, think.min(over_s), |second| &mut second.thinking_s);
            spread_over(&mut seconds, now, done_s.max(think.min(over_s)), |second| &mut second.user_s);
            now = think;
        }
    }
    let last = seconds.iter().rposition(|second| !second.endpoints.is_empty()).unwrap_or(0);
    seconds.truncate((last + 1).max(over_s as usize));
    for second in &mut seconds {
        second.wanted = asked.plan.level_at(second.to_s - 0.5);
        second.generator = GeneratorSecond { cpu_s: 0.12, memory_bytes: 60_000_000, ..GeneratorSecond::default() };
    }
    let intervals = values.into_iter().map(|((place, kind, endpoint), pairs)| Interval {
        from_s: place as f64,
        to_s: place as f64 + 1.0,
        kind,
        endpoint: EndpointId(endpoint),
        values: Distribution::from_pairs(pairs),
    });
    let endpoint =
        |name: &str| EndpointName { name: name.to_owned(), scenario: "agenthub user".to_owned(), tags: Vec::new() };
    Run {
        intervals: intervals.collect(),
        seconds,
        endpoints: vec![endpoint("GET /api/v2/projects"), endpoint("GET /api/v2/tasks")],
        watched: Vec::new(),
        levels: Vec::new(),
        check: None,
        end: Some(End::Finished),
        warnings: Vec::new(),
        asked,
    }
}

pub(super) fn target<'a>(result: &'a RunResult, name: &str) -> &'a TargetResult {
    result.targets.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}"))
}
