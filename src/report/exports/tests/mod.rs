//! Every export of every run, read as those read it that it is for.

mod grammar;

use grammar::{Family, read};
use serde_json::{Value, json};

use super::super::example;
use super::*;

/// The texts of an export, by file.
fn texts(export: Export, of: &(Run, RunResult)) -> Vec<(&'static str, Option<String>)> {
    export.files(&of.0, &of.1).unwrap().into_iter().map(|file| (file.name, file.text)).collect()
}

fn only(export: Export, of: &(Run, RunResult)) -> Option<Value> {
    let texts = texts(export, of);
    assert_eq!(texts.len(), 1);
    texts[0].1.as_ref().map(|text| serde_json::from_str(text).unwrap())
}

fn assert_valid(schema: &Value, value: &Value) {
    let errors: Vec<String> =
        jsonschema::validator_for(schema).unwrap().iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

fn value(families: &[Family], family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.iter().find(|one| one.name == family)?;
    let has = |sample: &&grammar::Sample| {
        labels.iter().all(|(name, value)| sample.labels.iter().any(|(n, v)| n == name && v == value))
    };
    let mut found = family.samples.iter().filter(has);
    let first = found.next()?;
    assert!(found.next().is_none(), "{labels:?} names several of {}", family.name);
    Some(first.value)
}

#[test]
fn names_are_read_back_and_a_wrong_one_is_told_the_nearest() {
    for export in Export::ALL {
        assert_eq!(Export::parse(export.name()), Ok(export));
    }
    assert_eq!(Export::parse("open-metrics"), Err("no such export; did you mean `openmetrics`?".to_owned()));
}

#[test]
fn openmetrics_of_every_run_keeps_to_the_grammar_and_tells_its_verdict() {
    for (name, of) in example::all() {
        let text = texts(Export::OpenMetrics, &of).remove(0).1.unwrap();
        let families = read(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let set: Vec<String> = families
            .iter()
            .find(|family| family.name == "agenthub_perf_verdict")
            .map(|family| family.samples.iter().filter(|sample| sample.value == 1.0).map(|s| s.labels[0].1.clone()))
            .unwrap()
            .collect();
        assert_eq!(set, [super::super::words::say(of.1.verdict)], "{name}");
        let told = value(&families, "agenthub_perf_requests", &[("endpoint", "GET /api/v2/projects")]);
        assert_eq!(told, Some(of.1.endpoints[1].requests as f64), "{name}");
    }
}

#[test]
fn openmetrics_tell_what_probes_saw_and_what_stands_out() {
    for (name, of) in example::watched() {
        let text = texts(Export::OpenMetrics, &of).remove(0).1.unwrap();
        read(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
    let of = example::locked();
    let families = read(&texts(Export::OpenMetrics, &of).remove(0).1.unwrap()).unwrap();
    let figure = |family: &str, figure: &str| {
        value(&families, family, &[("probe", "postgres"), ("figure", figure), ("of", "peak")])
    };
    let sample = &of.1.samples["postgres"].figures;
    assert_eq!(figure("agenthub_perf_probe", "connections.idle"), Some(sample["connections.idle"].peak));
    assert_eq!(figure("agenthub_perf_probe_per_second", "calls"), Some(sample["calls"].peak));
    let seconds = figure("agenthub_perf_probe_seconds_per_second", "exec_ms").unwrap();
    assert!((seconds * 1000.0 - sample["exec_ms"].peak).abs() < 1e-9);
    let weight = value(&families, "agenthub_perf_suspect", &[("rule", "lock_waits"), ("subject", "postgres")]);
    assert_eq!(weight, Some(0.9));
    let (run, mut result) = example::healthy();
    result.verdict = Verdict::Void;
    assert!(!texts(Export::OpenMetrics, &(run, result)).remove(0).1.unwrap().contains("_probe"));
}

#[test]
fn openmetrics_are_in_base_units() {
    let of = example::pass();
    let families = read(&texts(Export::OpenMetrics, &of).remove(0).1.unwrap()).unwrap();
    let target =
        |family: &str, target: &str, figure: &str| value(&families, family, &[("target", target), ("figure", figure)]);
    let seconds = |figure| target("agenthub_perf_target_seconds", "p95_response_time", figure).unwrap();
    assert!((seconds("measured") - 0.0021).abs() < 1e-12 && (seconds("limit") - 2.0).abs() < 1e-12);
    assert!((seconds("low") - 0.002).abs() < 1e-12 && (seconds("high") - 0.0023).abs() < 1e-12);
    assert_eq!(target("agenthub_perf_target_ratio", "error_rate", "high"), Some(0.0008));
    assert_eq!(target("agenthub_perf_target_ratio", "memory", "measured"), None, "it was not measured");
    let rate = target("agenthub_perf_target_requests_per_second", "throughput", "measured").unwrap();
    assert!((rate - 4968.0 / 60.0).abs() < 1e-9);
    let p95 = value(&families, "agenthub_perf_response_time_seconds", &[("quantile", "0.95")]).unwrap();
    assert!((p95 * 1000.0 - of.1.totals.response_time_ms.p95.unwrap()).abs() < 1e-9);
}

#[test]
fn the_same_file_twice_does_not_make_the_same_series_twice() {
    let mut of = example::pass();
    of.1.endpoints.push(of.1.endpoints[1].clone());
    of.1.scenario.name = "a \"quoted\\\n\" name".to_owned();
    let families = read(&texts(Export::OpenMetrics, &of).remove(0).1.unwrap()).unwrap();
    assert!(value(&families, "agenthub_perf_requests", &[("endpoint", "GET /api/v2/projects (2)")]).is_some());
    assert_eq!(value(&families, "agenthub_perf_run", &[("scenario", &of.1.scenario.name)]), Some(1.0));
}

#[test]
fn a_void_run_gives_no_figure_to_whoever_keeps_them() {
    let of = example::void();
    for export in [Export::Gitlab, Export::Bencher, Export::GithubBenchmark] {
        assert!(texts(export, &of).iter().all(|(_, text)| text.is_none()), "{export:?}");
    }
    let families = read(&texts(Export::OpenMetrics, &of).remove(0).1.unwrap()).unwrap();
    assert!(families.iter().all(|family| !family.name.contains("response_time")));
    let labels = [("target", "p95_response_time"), ("figure", "measured")];
    assert_eq!(value(&families, "agenthub_perf_target_seconds", &labels), None);
    assert!(value(&families, "agenthub_perf_generator_cpu_ratio", &[]).unwrap() > 0.9);
}

#[test]
fn gitlab_reads_what_it_shows() {
    let schema = json!({
        "type": "object",
        "required": ["metrics"],
        "properties": { "metrics": {
            "type": "object",
            "required": ["http_reqs", "http_req_waiting", "checks"],
            "properties": {
                "http_reqs": { "type": "object", "required": ["rate", "count"],
                    "additionalProperties": { "type": "number", "minimum": 0 } },
                "http_req_waiting": { "type": "object", "additionalProperties": { "type": "number", "minimum": 0 } },
                "checks": { "type": "object", "required": ["passes", "fails"], "properties": {
                    "passes": { "type": "integer", "minimum": 0 }, "fails": { "type": "integer", "minimum": 0 } } },
            }
        }}
    });
    for (name, of) in example::all() {
        let Some(found) = only(Export::Gitlab, &of) else {
            assert!(does_not_speak(&of.1).is_some(), "{name}");
            continue;
        };
        assert_valid(&schema, &found);
        let metrics = &found["metrics"];
        let (passes, fails) = (metrics["checks"]["passes"].as_u64().unwrap(), of.1.totals.failures);
        assert_eq!(metrics["checks"]["fails"], fails);
        assert_eq!(passes + fails + of.1.totals.cut_off, of.1.totals.requests, "{name}");
        let rate = metrics["http_reqs"]["rate"].as_f64().unwrap();
        assert!((rate * of.1.duration_s - of.1.totals.requests as f64).abs() < 1e-6, "{name}");
    }
    // The examples know no first byte: their responses are taken for it.
    let mut of = example::pass();
    for interval in &mut of.0.intervals {
        interval.kind = crate::record::IntervalKind::FirstByte;
    }
    let waiting = &only(Export::Gitlab, &of).unwrap()["metrics"]["http_req_waiting"];
    assert_eq!(waiting["p(95)"], json!(of.1.totals.response_time_ms.p95));
    assert_eq!(waiting["p(90)"], json!(of.1.totals.response_time_ms.p90));
}

#[test]
fn bencher_has_latency_in_nanoseconds_with_its_interval() {
    let schema = json!({
        "type": "object",
        "minProperties": 1,
        "additionalProperties": { "type": "object", "minProperties": 1, "additionalProperties": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": false,
            "properties": { "value": { "type": "number" }, "lower_value": { "type": "number" }, "upper_value": { "type": "number" } },
        }}
    });
    for of in [example::pass(), example::fail(), example::unproven(), example::staged()] {
        assert_valid(&schema, &only(Export::Bencher, &of).unwrap());
    }
    let found = only(Export::Bencher, &example::pass()).unwrap();
    assert_eq!(found.as_object().unwrap().len(), 3, "what was not measured is not there: {found:#}");
    let near = |value: &Value, wanted: f64| assert!((value.as_f64().unwrap() / wanted - 1.0).abs() < 1e-9, "{value}");
    let latency = &found["agenthub user · p95 response time"]["latency"];
    near(&latency["value"], 2_100_000.0);
    near(&latency["lower_value"], 2_000_000.0);
    near(&latency["upper_value"], 2_300_000.0);
    near(&found["agenthub user · throughput"]["throughput"]["value"], 82.8);
    near(&found["agenthub user · error rate"]["error-rate"]["upper_value"], 0.0008);
    // Without a figure there is nothing to send.
    let mut of = example::pass();
    of.1.targets.retain(|target| target.value.is_none());
    assert_eq!(only(Export::Bencher, &of), None);
}

#[test]
fn github_benchmark_has_what_should_be_small_and_what_should_be_big() {
    let schema = json!({
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["name", "unit", "value"],
            "additionalProperties": false,
            "properties": {
                "name": { "type": "string", "minLength": 1 }, "unit": { "type": "string" }, "value": { "type": "number" },
                "range": { "type": "string" }, "extra": { "type": "string" },
            }
        }
    });
    let of = example::pass();
    let files = texts(Export::GithubBenchmark, &of);
    let read = |n: usize| serde_json::from_str::<Value>(files[n].1.as_ref().unwrap()).unwrap();
    assert_eq!((files[0].0, files[1].0), ("github-benchmark-smaller.json", "github-benchmark-bigger.json"));
    let (smaller, bigger) = (read(0), read(1));
    assert_valid(&schema, &smaller);
    assert_valid(&schema, &bigger);
    assert_eq!((smaller.as_array().unwrap().len(), bigger.as_array().unwrap().len()), (2, 1));
    assert_eq!(
        smaller[0],
        json!({
            "name": "agenthub user · p95 response time", "unit": "ms", "value": 2.1, "range": "2 – 2.3 ms",
            "extra": "limit < 2 s: pass\n20261123T081000Z-agenthub-user-3f2a",
        })
    );
    assert_eq!(bigger[0]["name"], "agenthub user · throughput");
}

#[test]
fn a_file_that_would_not_be_written_now_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let (run, result) = example::pass();
    let written = |result: &RunResult| write_exports(folder.path(), &Export::ALL, &run, result).unwrap();
    let files = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(written(&result), Vec::<String>::new());
    assert_eq!(
        files(),
        [
            "bencher.json",
            "github-benchmark-bigger.json",
            "github-benchmark-smaller.json",
            "gitlab-load-performance.json",
            "openmetrics.txt"
        ]
    );
    let told = written(&RunResult { verdict: Verdict::Void, ..result });
    assert_eq!(files(), ["openmetrics.txt"]);
    assert_eq!(told.len(), 3);
    assert_eq!(
        told[0],
        "--export gitlab: nothing is written, as the run is void: its figures do not speak of the service"
    );
}
