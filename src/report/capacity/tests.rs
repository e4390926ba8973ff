use super::super::example;
use super::super::{junit, markdown, terminal};
use crate::judge::{EdgeResult, LevelResult, RunResult, Verdict};
use crate::record::{AskedSearch, LoadModel, Run};

fn held(level: f64, from_s: f64, seconds: f64, p95_ms: f64, verdict: Verdict) -> LevelResult {
    let targets = vec![example::latency("p95_response_time", [p95_ms, p95_ms * 0.9, p95_ms * 1.1], verdict, "")];
    LevelResult {
        level,
        from_s,
        to_s: from_s + seconds,
        judged_s: seconds - 3.0,
        looks: 1,
        confirms: false,
        unrecovered: false,
        requests_per_s: level.min(430.0),
        mean_ms: Some(p95_ms / 3.0),
        p50_ms: Some(p95_ms / 4.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.5),
        error_rate: Some(if verdict == Verdict::Fail { 0.012 } else { 0.0 }),
        verdict,
        reason: if verdict == Verdict::Fail { "p95_response_time: 3 s is not < 2 s".to_owned() } else { String::new() },
        targets,
    }
}

/// A search that has found its edge between 410 and 440.
fn found() -> (Run, RunResult) {
    let (mut run, mut result) = example::pass();
    run.asked.search = Some(AskedSearch {
        start: 50.0,
        most: 1000.0,
        max_time_s: 1800.0,
        width: 0.08,
        abort_on: 0.2,
        looks_s: vec![15.0],
        confidences: vec![0.99],
        law: None,
    });
    run.asked.plan.model = LoadModel::Open;
    result.levels = vec![
        held(100.0, 8.0, 15.0, 40.0, Verdict::Unproven),
        held(410.0, 30.0, 60.0, 1400.0, Verdict::Pass),
        held(800.0, 95.0, 15.0, 9000.0, Verdict::Fail),
        held(440.0, 130.0, 120.0, 3000.0, Verdict::Fail),
        LevelResult { confirms: true, ..held(410.0, 260.0, 60.0, 1380.0, Verdict::Pass) },
    ];
    result.edge = Some(EdgeResult::of(&result.levels, LoadModel::Open, 0.08, 1000.0));
    (run, result)
}

#[test]
fn the_answer_comes_first_in_every_format() {
    let (run, result) = found();
    let answer = "The edge is between 410/s (passes, confirmed) and 440/s (p95 response time fails).";
    let folder = std::path::Path::new("results/x");
    let text = terminal::terminal(folder, &run, &result, 100, false);
    assert!(text.contains(answer) && text.contains("410 requests/s at 410/s, 430 requests/s at 440/s"), "{text}");
    assert!(text.contains("open model, search for the edge from 50/s to 1000/s"), "{text}");
    let page = markdown::markdown(&run, &result);
    assert!(page.find(answer).unwrap() < page.find("### Levels").unwrap(), "{page}");
    let html = super::super::html::html(&run, &result).unwrap();
    assert!(html.contains(answer) && html.contains("<h2>Levels</h2>") && html.contains("id=\"edge\""));
    let cases = junit::junit(&run, &result).unwrap();
    assert!(cases.contains("name=\"edge\""), "{cases}");
}

#[test]
fn the_levels_of_a_terminal() {
    let (_, result) = found();
    insta::assert_snapshot!(super::text_section(&result, 100, false));
}

#[test]
fn a_bound_without_a_failure_is_at_least() {
    let (_, mut result) = found();
    result.levels.retain(|level| level.verdict != Verdict::Fail);
    result.edge = Some(EdgeResult::of(&result.levels, LoadModel::Closed, 0.08, 410.0));
    assert_eq!(super::sentence(&result).unwrap(), "The edge is at least 410 users (passes, confirmed).");
    let edge = result.edge.unwrap();
    assert!(edge.at_least && edge.is_proven(410.0) && !edge.is_proven(1000.0));
}

#[test]
fn a_search_without_a_level_says_so() {
    let (run, mut result) = found();
    result.levels.clear();
    result.edge = Some(EdgeResult::of(&[], LoadModel::Open, 0.08, 1000.0));
    result.verdict = Verdict::Unproven;
    let text = terminal::terminal(std::path::Path::new("results/x"), &run, &result, 80, false);
    assert!(text.contains("Where the edge is could not be told."), "{text}");
    assert!(text.contains("no level was held long enough to be looked at"), "{text}");
    assert!(super::super::html::html(&run, &result).is_ok());
}

#[test]
fn the_edge_is_exported() {
    let (run, result) = found();
    let folder = tempfile::tempdir().unwrap();
    let exports = ["openmetrics", "bencher", "github-benchmark"].map(|name| super::super::Export::parse(name).unwrap());
    super::super::write_exports(folder.path(), &exports, &run, &result).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let metrics = read("openmetrics.txt");
    assert!(metrics.contains("agenthub_perf_edge{end=\"passes\",by=\"arrivals/s\"} 410"), "{metrics}");
    assert!(metrics.contains("agenthub_perf_edge{end=\"fails\",by=\"arrivals/s\"} 440"), "{metrics}");
    assert!(read("bencher.json").contains("\"edge\""));
    assert!(read("github-benchmark-bigger.json").contains("· edge"));
}
