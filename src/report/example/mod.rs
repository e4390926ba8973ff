//! Synthetic runs for the tests of this room: what a journal would tell, and what the judge would say of it.

mod journal;

use std::collections::BTreeMap;

use journal::Shape;

use crate::judge::{
    EndpointResult, EnvironmentResult, GeneratorResult, Lag, LoadResult, Milliseconds, RunResult, ScenarioResult,
    StageResult, SteadyResult, TargetResult, Totals, Verdict,
};
use crate::record::{End, EndpointId, EndpointSecond, FailureKind, IntervalKind, LoadModel, LoadPlan, Run, Stage};
use crate::stats::Distribution;

/// A run that meets every target it measures.
pub(super) fn pass() -> (Run, RunResult) {
    let run = Shape::new().run();
    let mut result = result_of(&run);
    result.targets = vec![
        latency("p95_response_time", [2.1, 2.0, 2.3], Verdict::Pass, ""),
        errors_of(&result, Verdict::Pass, [0.0, 0.0008], ""),
        throughput([4968.0, 4890.0, 5030.0], Verdict::Pass, ""),
        not_measured("db_query_time", 500.0, "ms", "the database is not watched yet"),
        not_measured("memory", 0.8, "ratio", "name containers with --containers NAME,…"),
    ];
    (run, result)
}

/// Slow, and with failures of four kinds.
pub(super) fn fail() -> (Run, RunResult) {
    let failing = vec![
        (FailureKind::Status, "status 500", 0.03),
        (FailureKind::Status, "status 503", 0.004),
        (FailureKind::Timeout, "no response within 10 s", 0.006),
        (FailureKind::Reset, "connection reset by peer", 0.003),
        (FailureKind::Check, "$.tasks is missing", 0.002),
    ];
    let run = Shape { slow: 900.0, failing, ..Shape::new() }.run();
    let mut result = result_of(&run);
    result.verdict = Verdict::Fail;
    result.reasons = vec!["p95 response time 3.1 s is above 2 s".to_owned(), "error rate is above 0.1 %".to_owned()];
    result.targets = vec![
        latency("p95_response_time", [3120.0, 2890.0, 3340.0], Verdict::Fail, "3.12 s is 56 % above the limit"),
        latency(
            "p95_response_time[POST /api/v2/tasks]",
            [4210.0, 3900.0, 4600.0],
            Verdict::Fail,
            "4.21 s is more than twice the limit",
        ),
        errors_of(&result, Verdict::Fail, [0.038, 0.052], "the whole interval lies above the limit"),
        throughput([1012.0, 940.0, 1090.0], Verdict::Unproven, "the interval holds the limit: run 4m longer"),
        not_measured("db_query_time", 500.0, "ms", "the database is not watched yet"),
    ];
    result.endpoints[1].redirected = 120;
    (run, result)
}

/// Too short to prove its error rate.
pub(super) fn unproven() -> (Run, RunResult) {
    let shape = Shape { plan: LoadPlan::users(50, 10.0, 60.0), ..Shape::new() };
    let run = shape.run();
    let mut result = result_of(&run);
    result.verdict = Verdict::Unproven;
    result.reasons = vec!["error rate and throughput could not be proven".to_owned()];
    result.targets = vec![
        latency("p95_response_time", [2.1, 1.9, 2.6], Verdict::Pass, ""),
        errors_of(&result, Verdict::Unproven, [0.0, 0.0043], "needs 3,688 requests, has 1,010: run 2m40s longer"),
        throughput([994.0, 951.0, 1031.0], Verdict::Unproven, "load too small, 65 users would do"),
    ];
    (run, result)
}

/// The generator was the bottleneck.
pub(super) fn void() -> (Run, RunResult) {
    let (run, mut result) = pass();
    result.verdict = Verdict::Void;
    result.reasons = vec!["schedule lag p99 84 ms is above 10 ms".to_owned()];
    result.generators[0].void = true;
    result.generators[0].cpu_percent = 97.4;
    result.generators[0].schedule_lag_ms = Lag { p50: 12.0, p99: 84.0, max: 412.0 };
    result.generators[0].reasons = vec!["CPU 97 % is above 80 %: use fewer users or a larger machine".to_owned()];
    for target in &mut result.targets {
        if target.verdict == Verdict::Pass {
            target.verdict = Verdict::Unproven;
            target.reason = "the generator was past its limits".to_owned();
        }
    }
    (run, result)
}

/// Ended by the user after 23 of 60 seconds.
pub(super) fn partial() -> (Run, RunResult) {
    let mut run = Shape { covers_s: 23, ..Shape::new() }.run();
    run.end = Some(End::Interrupted);
    let mut result = result_of(&run);
    result.verdict = Verdict::Unproven;
    result.reasons = vec!["interrupted after 23 s of 60 s".to_owned()];
    result.targets = vec![
        latency("p95_response_time", [2.1, 1.9, 2.6], Verdict::Pass, ""),
        errors_of(&result, Verdict::Unproven, [0.0, 0.0025], "needs 3,688 requests, has 2,009: run it whole"),
    ];
    (run, result)
}

/// Killed before the first request ended.
pub(super) fn empty() -> (Run, RunResult) {
    let mut run = Shape { covers_s: 0, ..Shape::new() }.run();
    run.end = None;
    let mut result = result_of(&run);
    result.verdict = Verdict::Unproven;
    result.reasons = vec!["no request was made".to_owned()];
    let none = |name: &str, limit, unit: &str, op: &str| TargetResult {
        op: op.to_owned(),
        verdict: Verdict::Unproven,
        reason: "no sample".to_owned(),
        ..not_measured(name, limit, unit, "")
    };
    result.targets = vec![
        none("p95_response_time", 2000.0, "ms", "<"),
        none("error_rate", 0.001, "ratio", "<"),
        none("throughput", 1000.0, "requests/min", ">"),
    ];
    (run, result)
}

/// Two holds, judged each by itself.
pub(super) fn staged() -> (Run, RunResult) {
    let levels = [(100.0, 10.0), (100.0, 50.0), (250.0, 15.0), (250.0, 60.0), (0.0, 10.0)];
    let stages = levels.iter().map(|&(level, duration_s)| Stage { level, duration_s }).collect();
    let plan = LoadPlan { model: LoadModel::Closed, stages };
    let mut run = Shape { plan, covers_s: 145, ..Shape::new() }.run();
    run.asked.users = Some(250);
    run.asked.spawn_rate = None;
    let mut result = result_of(&run);
    result.verdict = Verdict::Fail;
    result.targets = fail().1.targets;
    result.load.spawn_rate = None;
    result.load.users = Some(250);
    result.stages = vec![
        StageResult { from_s: 10.0, to_s: 60.0, users: Some(100), rate: None, targets: pass().1.targets },
        StageResult { from_s: 75.0, to_s: 135.0, users: Some(250), rate: None, targets: fail().1.targets },
    ];
    (run, result)
}

/// Ten hours, merged to 60 s intervals.
pub(super) fn ten_hours() -> (Run, RunResult) {
    let plan = LoadPlan::users(50, 10.0, 36_000.0);
    let run = Shape { plan, covers_s: 36_000, step_s: 60, ..Shape::new() }.run();
    let mut result = result_of(&run);
    result.targets = pass().1.targets;
    (run, result)
}

/// Every variant by its name.
pub(super) fn all() -> Vec<(&'static str, (Run, RunResult))> {
    vec![
        ("pass", pass()),
        ("fail", fail()),
        ("unproven", unproven()),
        ("void", void()),
        ("partial", partial()),
        ("empty", empty()),
        ("staged", staged()),
        ("ten_hours", ten_hours()),
    ]
}

fn milliseconds(values: &Distribution) -> Milliseconds {
    let at = |q| values.quantile(q).map(|us| us as f64 / 1000.0);
    Milliseconds {
        mean: values.mean().map(|us| us / 1000.0),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p99_9: at(0.999),
        max: at(1.0),
    }
}

/// Counts and times as the judge would sum them up; targets are set by the variants.
pub(super) fn result_of(run: &Run) -> RunResult {
    let mut totals = Totals::default();
    let mut endpoints = Vec::new();
    for (id, name) in run.endpoints.iter().enumerate() {
        let rows: Vec<&EndpointSecond> = run.seconds.iter().filter_map(|s| s.endpoints.get(&(id as u32))).collect();
        let mut endpoint = EndpointResult {
            name: name.name.clone(),
            scenario: name.scenario.clone(),
            tags: vec![],
            requests: rows.iter().map(|r| r.requests).sum(),
            failures: 0,
            cut_off: 0,
            redirected: 0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            response_time_ms: milliseconds(&run.values(
                IntervalKind::Response,
                Some(EndpointId(id as u32)),
                0.0,
                f64::MAX,
            )),
            service_time_ms: Milliseconds::default(),
            first_byte_ms: Milliseconds::default(),
            failed_time_ms: Milliseconds::default(),
            connections: 0,
            phases_ms: BTreeMap::new(),
        };
        for row in rows {
            for (kind, n) in &row.failures {
                endpoint.failures += n;
                *totals.failures_by_kind.entry(kind.as_str().to_owned()).or_default() += n;
            }
            for (text, n) in &row.errors {
                *endpoint.errors.entry(text.clone()).or_default() += n;
            }
        }
        totals.requests += endpoint.requests;
        totals.failures += endpoint.failures;
        endpoints.push(endpoint);
    }
    let good = totals.requests - totals.failures;
    let duration_s = run.duration_s();
    let from_s = duration_s.min(5.0);
    totals.requests_per_min = if duration_s > 0.0 { good as f64 * 60.0 / duration_s } else { 0.0 };
    totals.response_time_ms = milliseconds(&run.values(IntervalKind::Response, None, 0.0, f64::MAX));
    RunResult {
        schema: 1,
        id: run.asked.id.clone(),
        label: None,
        partial: run.partial(),
        verdict: Verdict::Pass,
        reasons: vec![],
        scenario: ScenarioResult { name: run.asked.scenario_name.clone(), hash: run.asked.scenario_hash.clone() },
        load: LoadResult {
            model: LoadModel::Closed,
            users: run.asked.users,
            spawn_rate: run.asked.spawn_rate,
            run_time_s: run.asked.plan.duration_s(),
            rate: None,
            wait: run.asked.wait.clone(),
        },
        started: run.asked.started.clone(),
        duration_s,
        steady: SteadyResult { from_s, to_s: duration_s },
        stages: vec![],
        environment: EnvironmentResult { host: run.asked.host.clone(), generator: run.asked.environment.clone() },
        totals,
        endpoints,
        targets: vec![],
        generators: vec![GeneratorResult {
            source: "local".to_owned(),
            cpu_percent: 6.0,
            schedule_lag_ms: Lag { p50: 0.1, p99: 0.4, max: 2.2 },
            little_residual: Some(0.004),
            offered: Some(83.3),
            achieved: 82.8,
            arrivals: None,
            void: false,
            reasons: vec![],
            memory_bytes: 64 << 20,
            run_delay_percent: Some(1.2),
            clock_jumps: 0,
            stopped_s: 0.0,
        }],
        suspects: Vec::new(),
        samples: BTreeMap::new(),
        edge: None,
        levels: Vec::new(),
        baseline: None,
        notes: vec![],
    }
}

fn target(name: &str, op: &str, limit: f64, unit: &str, verdict: Verdict, reason: &str) -> TargetResult {
    TargetResult {
        name: name.to_owned(),
        op: op.to_owned(),
        limit,
        unit: unit.to_owned(),
        value: None,
        low: None,
        high: None,
        design_effect: None,
        verdict,
        reason: reason.to_owned(),
        counts: None,
        longer_s: None,
        level: None,
    }
}

/// `figures`: value, low, high, ms.
pub(super) fn latency(name: &str, figures: [f64; 3], verdict: Verdict, reason: &str) -> TargetResult {
    let [value, low, high] = figures.map(Some);
    TargetResult { value, low, high, design_effect: Some(1.6), ..target(name, "<", 2000.0, "ms", verdict, reason) }
}

fn throughput(figures: [f64; 3], verdict: Verdict, reason: &str) -> TargetResult {
    let [value, low, high] = figures.map(Some);
    TargetResult { value, low, high, ..target("throughput", ">", 1000.0, "requests/min", verdict, reason) }
}

fn errors_of(result: &RunResult, verdict: Verdict, ends: [f64; 2], reason: &str) -> TargetResult {
    let (failures, requests) = (result.totals.failures, result.totals.requests);
    TargetResult {
        value: Some(failures as f64 / requests as f64),
        low: Some(ends[0]),
        high: Some(ends[1]),
        counts: Some([failures, requests]),
        ..target("error_rate", "<", 0.001, "ratio", verdict, reason)
    }
}

fn not_measured(name: &str, limit: f64, unit: &str, reason: &str) -> TargetResult {
    target(name, "<", limit, unit, Verdict::NotMeasured, reason)
}
