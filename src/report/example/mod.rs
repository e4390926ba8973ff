//! Synthetic runs for the tests of this room: what a journal would tell, and what the judge would say of it.

mod journal;
mod watched;

use std::collections::BTreeMap;

use journal::Shape;

use crate::judge::{
    EndpointResult, EnvironmentResult, GeneratorResult, Lag, LoadResult, Milliseconds, RunResult, ScenarioResult,
    StageResult, SteadyResult, TargetResult, Totals, Verdict,
};
use crate::record::{
    Accepted, CheckArea, CheckFinding, CheckFix, CheckOutcome as Outcome, Checked, CheckedPlace, ChecklistLine, End,
    EndpointId, EndpointSecond, FailureKind, IntervalKind, LoadModel, LoadPlan, ProbeKind, Run, Stage, UncheckedArea,
    Watched,
};
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

/// One that a check was made before.
pub(super) fn checked() -> (Run, RunResult) {
    let (run, mut result) = pass();
    result.check = Some(Box::new(check()));
    (run, result)
}

/// What a check can have found.
pub(super) fn check() -> Checked {
    let index = CheckFinding {
        subject: Some("public.tasks".to_owned()),
        evidence: vec!["public.tasks: 20,000 rows".to_owned(), "a <b> & \u{1b}[31m|c|".to_owned()],
        fix: Some(CheckFix {
            language: "sql".to_owned(),
            text: "CREATE INDEX CONCURRENTLY i ON public.tasks (a, b);\nSELECT 1;".to_owned(),
        }),
        note: Some("was accepted until 2026-01-31 (later): counts again".to_owned()),
        under_load: vec!["requests read the whole table tasks over and over".to_owned()],
        checklist: vec![2],
        ..finding(
            "db.index.tasks_complex",
            Outcome::Fail,
            "no valid, whole btree index of public.tasks begins with (a, b)",
        )
    };
    let accepted = CheckFinding {
        accepted: Some(Accepted {
            reason: "for the report of January".to_owned(),
            until: Some("2027-01-31".to_owned()),
        }),
        ..finding("db.unused_index", Outcome::Fail, "2 hardly used indexes take 30.0 MB")
    };
    let mut checked = Checked::of(vec![
        index,
        finding("db.lock_waits", Outcome::Unknown, "the role sees its own sessions only"),
        finding("app.cdn", Outcome::Manual, "Which host name do browsers load images from?"),
        accepted,
        finding("db.slow_query_log", Outcome::Pass, "statements of 1000 ms or more are logged"),
    ]);
    let place = "postgres://monitor:***@db/agenthub".to_owned();
    checked.looked_at = vec![CheckedPlace { area: CheckArea::Db, place }];
    let how = "name a Redis with --redis URL".to_owned();
    checked.not_looked_at = vec![UncheckedArea { area: CheckArea::Cache, how }];
    let line = |number, line: &str, outcome| ChecklistLine {
        number,
        section: "Database".to_owned(),
        line: line.to_owned(),
        outcome,
        partly: None,
    };
    let pooling = ChecklistLine {
        partly: Some("db.pooling cannot tell yet".to_owned()),
        ..line(1, "Connection pooling configured", Some(Outcome::Manual))
    };
    checked.checklist = vec![
        pooling,
        line(2, "Proper indexes created for common queries", Some(Outcome::Fail)),
        line(7, "Connection limits appropriate", None),
    ];
    checked.notes =
        vec!["the acceptance of db.dead_rows (old) does nothing: there is nothing to accept, so it can go".to_owned()];
    checked
}

fn finding(rule: &str, outcome: Outcome, summary: &str) -> CheckFinding {
    CheckFinding::example(rule, outcome, summary)
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

/// A run with all that a stack on this machine has to watch, and nothing wrong with it.
pub(super) fn healthy() -> (Run, RunResult) {
    let (mut run, result) = pass();
    run.asked.reference_service = false;
    run.watched = stack((60, 1), watched::steadily);
    seen(run, result)
}

/// Sessions block each other from the twentieth second on, and the database is restarted on the way.
pub(super) fn locked() -> (Run, RunResult) {
    let course: watched::Course = |name, at_s| match (name, at_s >= 20.0) {
        ("connections" | "connections.active" | "waits.Lock" | "pool_waiting", true) => 5.0,
        ("exec_ms", true) => 30.0,
        ("pool_idle", true) => 0.0,
        _ => 1.0,
    };
    let (mut run, mut result) = fail();
    run.asked.reference_service = false;
    run.watched = stack((60, 1), course);
    let at = run.watched.iter().position(|watched| watched.name.kind == ProbeKind::Postgres).unwrap();
    for seen in run.watched[at].seen.iter_mut().filter(|seen| seen.from_s >= 20.0) {
        seen.gauges.insert("blocked".to_owned(), 4.0 + (seen.from_s % 7.0));
        seen.gauges.insert("locks_waiting".to_owned(), 5.0 + (seen.from_s % 7.0));
    }
    watched::gap(&mut run.watched[at], 34.0, 41.0, "connection refused: is PostgreSQL running?");
    result.suspects = watched::suspects();
    let (run, mut result) = seen(run, result);
    let postgres = result.samples.get_mut("postgres").unwrap();
    postgres.statements = watched::statements();
    postgres.statements_incomplete = Some("PostgreSQL was restarted on the way: counted from 41 s on".to_owned());
    postgres.tables = watched::tables();
    postgres.blocked = watched::blocked();
    (run, result)
}

/// Containers of another machine, one of them held up by its CPU limit.
pub(super) fn containers() -> (Run, RunResult) {
    let (mut run, result) = pass();
    run.asked.reference_service = false;
    let facts = [("image", "agenthub/backend:2.4.1"), ("limits", "2 CPUs, 2 GiB")];
    let names = ["mcp-backend", "postgres", "a-name-that-is-rather-longer-than-others_1", "redis/cache"];
    let one =
        |name| watched::watched(ProbeKind::Container, name, &facts, (60, 1), watched::CONTAINER, watched::steadily);
    run.watched = names.into_iter().map(one).collect();
    // Nobody knows the limits of the last.
    for seen in &mut run.watched[3].seen {
        seen.gauges.retain(|name, _| name != "cpus" && name != "memory_limit_bytes");
    }
    seen(run, result)
}

/// Ten hours in minutes, their highest seconds kept.
pub(super) fn merged() -> (Run, RunResult) {
    let course: watched::Course = |name, at_s| match name {
        "memory_bytes" => 1.0 + at_s / 20_000.0,
        "temp_bytes" | "temp_files" if at_s > 18_000.0 => 1.0,
        _ => 1.0 + 0.2 * (at_s / 4000.0).sin(),
    };
    let (mut run, result) = ten_hours();
    run.asked.reference_service = false;
    run.watched = stack((36_000, 60), course);
    watched::gap(&mut run.watched[2], 14_000.0, 17_000.0, "no answer within 1 s");
    seen(run, result)
}

/// A database that was never reached.
pub(super) fn blind() -> (Run, RunResult) {
    let (mut run, result) = pass();
    run.asked.reference_service = false;
    let mut one = watched::watched(ProbeKind::Postgres, "", &[], (0, 1), &[], watched::steadily);
    let why = "password authentication failed for user \"watcher\": give the right one in --postgres URL";
    watched::gap(&mut one, 0.0, 0.0, why);
    watched::gap(&mut one, 0.0, 60.0, why);
    run.watched = vec![one];
    seen(run, result)
}

/// Ten minutes, eight probes.
pub(super) fn ten_minutes() -> (Run, RunResult) {
    let plan = LoadPlan::users(250, 50.0, 600.0);
    let mut run = Shape { plan, covers_s: 600, ..Shape::new() }.run();
    run.asked.reference_service = false;
    run.watched = stack((600, 1), watched::steadily);
    for name in ["backend", "db"] {
        let one = watched::watched(ProbeKind::Container, name, &[], (600, 1), watched::CONTAINER, watched::steadily);
        run.watched.push(one);
    }
    let mut result = result_of(&run);
    result.targets = pass().1.targets;
    seen(run, result)
}

/// Host, process, database, Redis, nginx and the service's own figures.
fn stack(length: (usize, usize), course: watched::Course) -> Vec<Watched> {
    let host = [("memory", "16.7 GB"), ("pressure (PSI)", "not available on this kernel")];
    let api = [("pid", "4711, with 4 descendants"), ("limit", "2 CPUs, 2.15 GB (its cgroup's)")];
    let postgres = [
        ("address", "postgres://watcher:***@127.0.0.1:5432/agenthub"),
        ("server", "PostgreSQL 15.14"),
        ("pg_stat_statements", "1.10"),
    ];
    let redis = [("address", "redis://127.0.0.1:6379"), ("maxmemory_policy", "allkeys-lru"), ("version", "7.0.15")];
    let nginx = [("address", "http://127.0.0.1:8080/nginx_status"), ("server", "nginx/1.22.1")];
    let metrics = [("address", "http://127.0.0.1:8000/metrics")];
    let one =
        |kind, name, facts: &[(&str, &str)], figures| watched::watched(kind, name, facts, length, figures, course);
    vec![
        one(ProbeKind::Host, "", &host, watched::HOST),
        one(ProbeKind::Process, "api", &api, watched::PROCESS),
        one(ProbeKind::Postgres, "", &postgres, watched::POSTGRES),
        one(ProbeKind::Redis, "", &redis, watched::REDIS),
        one(ProbeKind::Nginx, "", &nginx, watched::NGINX),
        one(ProbeKind::Metrics, "", &metrics, watched::METRICS),
    ]
}

/// With what the judge would make of what was watched.
fn seen(run: Run, mut result: RunResult) -> (Run, RunResult) {
    let (from_s, to_s) = (result.steady.from_s, result.steady.to_s);
    let sum = |watched: &Watched| (watched.name.to_string(), watched::result_of(watched, from_s, to_s));
    result.samples = run.watched.iter().map(sum).collect();
    let limits = [
        ("db_query_time", 500.0, "ms", 1.13),
        ("memory", 0.8, "ratio", 0.41),
        ("cpu_average", 0.7, "ratio", 0.4),
        ("cpu_peak", 0.9, "ratio", 0.5),
    ];
    if result.samples.values().any(|sample| !sample.figures.is_empty()) {
        result.targets.retain(|target| target.verdict != Verdict::NotMeasured);
        let kinds = [ProbeKind::Container, ProbeKind::Process];
        let worst = run.watched.iter().find(|watched| kinds.contains(&watched.name.kind)).map(|w| w.name.to_string());
        let subject = |name: &str| if name == "db_query_time" { Some("postgres".to_owned()) } else { worst.clone() };
        result.targets.extend(limits.map(|(name, limit, unit, value)| TargetResult {
            subject: subject(name),
            value: Some(value),
            low: Some(value * 0.9),
            high: Some(value * 1.1),
            ..target(name, "<", limit, unit, Verdict::Pass, "")
        }));
    }
    (run, result)
}

/// Those that were watched, by their names.
pub(super) fn watched() -> Vec<(&'static str, (Run, RunResult))> {
    vec![
        ("healthy", healthy()),
        ("locked", locked()),
        ("containers", containers()),
        ("merged", merged()),
        ("blind", blind()),
    ]
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
        drift: Vec::new(),
        edge: None,
        levels: Vec::new(),
        law: None,
        check: None,
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
        subject: None,
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
