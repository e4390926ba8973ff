//! Soaks, as short as they can be: a leak is found, a steady service is not accused, and how it stands is told meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::harness::{Running, Workbench};
use crate::support::service::Service;

const LENGTH: &str = "48s";
const PATIENCE: Duration = Duration::from_mins(2);

/// Under so many requests a second that 64 KiB for each of them are more than a machine has within a day. Response times and
/// CPU are not what is looked at: a busy machine moves them.
fn soak(bench: &Workbench, service: &Service) -> Running {
    let process = format!("api={}", service.running.pid());
    let off = ["p95_response_time=off", "cpu_average=off", "cpu_peak=off", "error_rate=1%"];
    let mut args =
        vec!["run", "-H", &service.url, "--rate", "60/s", "-t", LENGTH, "--horizon", "1d", "--process", &process];
    args.extend(off.iter().flat_map(|target| ["--target", target]));
    bench.start(&args)
}

fn memory(result: &Value) -> &Value {
    let drift = result["drift"].as_array().unwrap();
    let of_the_service = |drift: &&Value| drift["name"] == "memory" && drift["subject"] == "process api";
    drift.iter().find(of_the_service).unwrap_or_else(|| panic!("no memory in {drift:#?}"))
}

/// The report of a run that goes on, from another shell: it is partial, and tells of the drift so far.
fn look(bench: &Workbench) -> (Option<i32>, Value) {
    let outcome = bench.run(&["report"]);
    assert!(outcome.stdout.contains("killed, or still running: its journal ends after "), "{outcome}");
    assert!(outcome.stdout.contains("What grows has to last for 1 day"), "{outcome}");
    let result = bench.result();
    assert_eq!(result["partial"], true);
    (outcome.code, result)
}

#[test]
fn a_leak_is_found_a_steady_service_is_not_accused_and_meanwhile_it_can_be_looked_at() {
    let (leaking, steady) = (Service::start(&["--leak"]), Service::start(&[]));
    let (bench, steady_bench) = (Workbench::new(), Workbench::new());
    let began = Instant::now();
    let mut runs = [soak(&bench, &leaking), soak(&steady_bench, &steady)];
    runs[0].wait_for_error("judges whether what grows lasts for 1 day: errors, memory of 1 process;");
    runs[0].wait_for_error("connections are not watched for drift: name --postgres URL, --redis URL, or --metrics URL");

    bench.wait_for_journal();
    let (code, early) = look(&bench);
    assert_eq!((code, &memory(&early)["verdict"]), (Some(98), &Value::from("unproven")), "{:#}", memory(&early));
    thread::sleep(Duration::from_secs(43).saturating_sub(began.elapsed()));
    if runs[0].is_running() {
        let (code, late) = look(&bench);
        assert!(late["duration_s"].as_f64() > early["duration_s"].as_f64());
        // A machine that is busy right now voids what there is so far.
        assert!(matches!(code, Some(98 | 99)), "{code:?}");
    }

    let [leak, fine] = runs.map(|run| run.finish(PATIENCE));
    let result = bench.result();
    // A machine that is busy voids the run; what drifts is told all the same.
    let void = result["verdict"] == "void";
    leak.assert_code(if void { 98 } else { 99 });
    let drift = memory(&result);
    assert_eq!((&drift["verdict"], &drift["growth"]), (&Value::from("fail"), &Value::from("steady")), "{drift:#}");
    // 64 KiB with each of 60 requests a second, log-ins beside them.
    let per_hour = drift["per_hour"]["value"].as_f64().unwrap() / (65_536.0 * 60.0 * 3600.0);
    assert!((0.8..1.3).contains(&per_hour), "{per_hour} of what is leaked: {drift:#}");
    assert_eq!(result["suspects"][0]["rule"], "memory_growth", "{:#}", result["suspects"]);
    assert!(leak.stdout.contains("\n ✗ memory (process api) "), "{leak}");
    let page = std::fs::read_to_string(bench.newest_result().join("report.md")).unwrap();
    assert!(void || page.contains("No target was missed, but memory (process api) runs out in "), "{page}");
    // Looking at it has not disturbed it.
    assert_eq!(result["partial"], false);
    assert!(result["duration_s"].as_f64().unwrap() >= 47.9, "{}", result["duration_s"]);
    assert!(bench.newest_result().join("charts/drift-2-memory.svg").exists());

    let result = steady_bench.result();
    assert_eq!(memory(&result)["verdict"], "pass", "{:#}", memory(&result));
    // So few requests without an error do not prove a day; nothing is seen to grow.
    let steady =
        |drift: &Value| drift["verdict"] == "pass" || (drift["name"] == "error_rate" && drift["growth"] == "none");
    assert!(result["drift"].as_array().unwrap().iter().all(steady), "{:#}", result["drift"]);
    assert!(fine.code != Some(99), "{fine}");
}

#[test]
fn a_horizon_that_cannot_be_meant_is_refused() {
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "--horizon", "5s"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("the horizon must be from 1m to 3650d, e.g. 12h or 7d"), "{outcome}");
    bench.write("agenthub-perf.toml", "horizon = \"soon\"\n");
    let outcome = bench.run(&["run"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("agenthub-perf.toml") && outcome.stderr.contains("horizon"), "{outcome}");
}
