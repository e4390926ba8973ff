use serde_json::{Value, json};

use super::suspects::World;
use super::{Answer, asked, fast, holds, simulate, users};
use crate::judge::{RunResult, judge};
use crate::record::{Blocked, CheckFinding, CheckOutcome, Checked, Gap, ProbeKind};

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(crate::judge::RESULT_SCHEMA).unwrap();
    jsonschema::draft202012::options().should_validate_formats(false).build(&schema).unwrap()
}

fn errors(result: &Value) -> Vec<String> {
    validator().iter_errors(result).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// All that a probe can have told.
fn watched_with_a_suspect() -> RunResult {
    let mut world = World::healthy();
    world.gauge(ProbeKind::Postgres, "", "blocked", |_| 2.0);
    let watched = world.probe(ProbeKind::Postgres, "");
    watched.name.facts.insert("version".into(), "15.4".into());
    watched.blocked = vec![Blocked { at_s: 3.0, ..Blocked::default() }];
    watched.gaps = vec![Gap { from_s: 1.0, to_s: 2.0, why: "hung".into() }];
    watched.statements.as_mut().unwrap().incomplete = Some("some were dropped".into());
    let result = world.judge();
    assert_eq!(result.suspects.len(), 1);
    result
}

/// A minute of a service that leaks, and of whose nginx no limit is known.
fn soak() -> RunResult {
    let mut world = World::healthy();
    world.run.asked.horizon_s = Some(3600.0);
    world.gauge(ProbeKind::Process, "api", "memory_bytes", |at_s| 6e7 + 5e6 * at_s);
    let result = world.judge();
    assert!(result.drift.len() > 6, "{:#?}", result.drift);
    result
}

/// One that a check was made before.
fn checked() -> RunResult {
    let mut run = simulate(users(250, 50.0, 60.0), fast);
    let found = CheckFinding::example("db.lock_waits", CheckOutcome::Warn, "one session waits");
    run.check = Some(Checked::of(vec![found]));
    judge(&run)
}

fn results() -> Vec<RunResult> {
    let mut empty = simulate(users(250, 50.0, 60.0), fast);
    empty.seconds.clear();
    empty.intervals.clear();
    vec![
        judge(&simulate(users(250, 50.0, 60.0), fast)),
        judge(&simulate(asked(holds(&[(20.0, 20.0), (40.0, 20.0)]), Some(3.0)), |rng, _| Answer {
            us: 2e6,
            failed: rng.f64() < 0.1,
        })),
        judge(&empty),
        World::healthy().judge(),
        watched_with_a_suspect(),
        soak(),
        checked(),
    ]
}

#[test]
fn every_judged_result_is_as_the_schema_says_and_reads_back() {
    for result in results() {
        let written = serde_json::to_value(&result).unwrap();
        assert_eq!(errors(&written), Vec::<String>::new());
        assert_eq!(serde_json::from_value::<RunResult>(written).unwrap(), result);
    }
}

#[test]
fn a_broken_result_is_not() {
    let good = serde_json::to_value(&results()[0]).unwrap();
    for (pointer, value) in [
        ("/verdict", json!("maybe")),
        ("/schema", json!(2)),
        ("/totals/requests", json!(-1)),
        ("/targets/0/limit", json!("2s")),
        ("/targets/0/op", json!("=")),
        ("/targets/0/verdict", json!("void")),
        ("/endpoints/0/response_time_ms/p95", json!("fast")),
        ("/generators", json!([])),
        ("/load/model", json!("ajar")),
        ("/steady/from_s", json!(null)),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!errors(&broken).is_empty(), "{pointer}");
    }
    for name in
        ["id", "verdict", "reasons", "steady", "stages", "totals", "endpoints", "targets", "generators", "samples"]
    {
        let mut broken = good.clone();
        broken.as_object_mut().unwrap().remove(name);
        assert!(!errors(&broken).is_empty(), "without {name}");
    }
    let mut broken = good;
    broken["verdit"] = json!("pass");
    assert!(!errors(&broken).is_empty());
}

#[test]
fn a_broken_drift_is_not_either() {
    let good = serde_json::to_value(soak()).unwrap();
    for (pointer, value) in [
        ("/drift/0/verdict", json!("void")),
        ("/drift/0/name", json!(null)),
        ("/drift/0/unit", json!("MB")),
        ("/drift/0/per_hour", json!({"value": 1})),
        ("/drift/0/growth", json!("fast")),
        ("/drift/0/horizon_s", json!(0)),
        ("/drift/0/points/0", json!([1])),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!errors(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn broken_samples_and_suspects_are_not_either() {
    let good = serde_json::to_value(watched_with_a_suspect()).unwrap();
    for (pointer, value) in [
        ("/samples/postgres/figures/calls", json!(3)),
        ("/samples/postgres/figures/calls/mean", json!(null)),
        ("/samples/postgres/statements/0/share", json!(1.5)),
        ("/samples/postgres/gaps/0/why", json!(null)),
        ("/samples/postgres/blocked/0", json!({})),
        ("/samples/postgres/tables/0/name", json!(null)),
        ("/suspects/0/evidence", json!([])),
        ("/suspects/0/weight", json!(1.2)),
        ("/targets/0/subject", json!("")),
    ] {
        let mut broken = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match broken.pointer_mut(parent).unwrap() {
            serde_json::Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            object => object[key] = value,
        }
        assert!(!errors(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn the_check_of_a_result_is_the_check_by_itself() {
    let of_result: Value = serde_json::from_str(crate::judge::RESULT_SCHEMA).unwrap();
    let of_check: Value = serde_json::from_str(crate::judge::CHECK_SCHEMA).unwrap();
    for (name, definition) in of_check["$defs"].as_object().unwrap() {
        assert_eq!(&of_result["$defs"][name], definition, "{name}");
    }
    assert_eq!(of_check["$ref"], of_result["properties"]["check"]["$ref"]);
    let good = serde_json::to_value(checked()).unwrap();
    for (pointer, value) in [
        ("/check/schema", json!(2)),
        ("/check/outcome", json!("warn")),
        ("/check/counts/fail", json!(-1)),
        ("/check/findings/0/rule", json!("lock waits")),
        ("/check/findings/0/outcome", json!("bad")),
        ("/check/findings/0/fix", json!({"language": "cobol", "text": "x"})),
        ("/check/findings/0/accepted", json!({"reason": "x", "until": "soon"})),
        ("/check/looked_at", json!([{"area": "attic", "place": "x"}])),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!errors(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn a_check_does_not_change_the_verdict() {
    let mut run = simulate(users(250, 50.0, 60.0), fast);
    let without = judge(&run);
    run.check = Some(Checked::of(vec![CheckFinding::example("db.lock_waits", CheckOutcome::Fail, "x")]));
    let with = judge(&run);
    assert_eq!((with.verdict, &with.reasons, &with.targets), (without.verdict, &without.reasons, &without.targets));
}
