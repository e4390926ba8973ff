use serde_json::{Value, json};

use super::{Answer, asked, fast, holds, simulate, users};
use crate::judge::{RunResult, judge};

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(crate::judge::RESULT_SCHEMA).unwrap();
    jsonschema::draft202012::options().should_validate_formats(false).build(&schema).unwrap()
}

fn errors(result: &Value) -> Vec<String> {
    validator().iter_errors(result).map(|error| format!("{}: {error}", error.instance_path())).collect()
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
