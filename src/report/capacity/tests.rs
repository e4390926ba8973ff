use super::super::example;
use super::super::{junit, markdown, terminal};
use crate::judge::{Bounds, EdgeResult, LawLevel, LawPoint, LawResult, LevelResult, Limits, RunResult, Verdict};
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
        given_up: false,
        gone: None,
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
    let places = ["<h2>Levels</h2>", "What the host bears", "<h2>The system</h2>", "<h2>Charts</h2>"];
    let places: Vec<usize> = places.iter().map(|text| html.find(text).unwrap_or_else(|| panic!("{text}"))).collect();
    assert!(places.is_sorted() && html.matches("id=\"edge\"").count() == 1, "{places:?}");
    assert!(html.contains("<td class=\"words\">"), "what is told in words wraps");
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

/// The next step after these levels.
fn next_of(levels: Vec<LevelResult>) -> (String, Option<String>) {
    let (run, mut result) = found();
    result.edge = Some(EdgeResult::of(&levels, LoadModel::Open, 0.08, 1000.0));
    (result.levels, result.verdict) = (levels, Verdict::Unproven);
    super::next(&run, &result).unwrap()
}

#[test]
fn what_is_suggested_keeps_all_that_was_said_and_fits_what_was_in_the_way() {
    let good = LevelResult {
        reason: "error_rate: 0 % may or may not be < 0.1 %".to_owned(),
        ..held(100.0, 8.0, 15.0, 40.0, Verdict::Unproven)
    };
    let bad = || held(200.0, 30.0, 15.0, 9000.0, Verdict::Fail);
    let (words, command) = next_of(vec![good.clone(), bad()]);
    assert_eq!(words, "begin where it looks good, and leave more time");
    assert_eq!(command.unwrap(), "agenthub-perf capacity … --start 100/s --max-time 1h");
    let (words, command) = next_of(vec![bad()]);
    assert_eq!(words, "begin lower, and leave more time");
    assert!(command.unwrap().starts_with("agenthub-perf capacity … --start 1.56"));
    let void = LevelResult { verdict: Verdict::Void, reason: "lag".to_owned(), ..bad() };
    let (words, command) = next_of(vec![held(100.0, 8.0, 15.0, 40.0, Verdict::Pass), void]);
    assert!(words.contains("give the generator more CPU") && command.is_none(), "{words}");
    let gone = LevelResult { given_up: true, gone: Some("connection refused".to_owned()), ..bad() };
    let (words, command) = next_of(vec![gone]);
    assert!(words.contains("what ended the host") && command.is_none(), "{words}");
    // The answer and the table say so too.
    let (_, mut result) = found();
    result.levels = vec![good, bad()];
    result.edge = Some(EdgeResult::of(&result.levels, LoadModel::Open, 0.08, 1000.0));
    let text = super::text_section(&result, 200, false);
    assert!(text.contains("100/s looks good and was not proven in 12 s: error_rate: 0 % may"), "{text}");
    assert!(text.contains("     error_rate: 0 % may or may not be < 0.1 %"), "{text}");
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
    assert!(metrics.contains("agenthub_perf_edge_state{agenthub_perf_edge_state=\"confirmed\"} 1"), "{metrics}");
}

#[test]
fn an_edge_that_is_a_bound_or_was_not_confirmed_is_no_figure_to_keep() {
    let exports = ["openmetrics", "bencher", "github-benchmark"].map(|name| super::super::Export::parse(name).unwrap());
    let change: [fn(&mut EdgeResult); 2] =
        [|edge| (edge.fails, edge.at_least) = (None, true), |edge| edge.confirmed = false];
    for (change, marks) in change.into_iter().zip([[1, 1], [0, 0]]) {
        let (run, mut result) = found();
        change(result.edge.as_mut().unwrap());
        let folder = tempfile::tempdir().unwrap();
        super::super::write_exports(folder.path(), &exports, &run, &result).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert!(!read("bencher.json").contains("edge") && !read("github-benchmark-bigger.json").contains("edge"));
        for (state, mark) in ["confirmed", "at_least"].into_iter().zip(marks) {
            let line = format!("agenthub_perf_edge_state{{agenthub_perf_edge_state=\"{state}\"}} {mark}");
            assert!(read("openmetrics.txt").contains(&line), "{line}");
        }
    }
}

/// A law with its knee at 31, over levels of which one does not count.
fn scaling() -> LawResult {
    let x = |n: f64| 100.0 * n / (1.0 + 0.04 * (n - 1.0) + 0.001 * n * (n - 1.0));
    let around = |value: f64| Some(Bounds { value, low: 0.9 * value, high: 1.1 * value });
    let level = |(place, &level): (usize, &f64)| LawLevel {
        level,
        from_s: 300.0 + 20.0 * place as f64,
        to_s: 312.0 + 20.0 * place as f64,
        judged_s: 9.0,
        in_flight: 0.99 * level,
        requests_per_s: x(level),
        error_rate: Some(0.0),
        searched: false,
        left_out: (level == 90.0).then(|| "12 % of its requests failed".to_owned()),
    };
    let point = |n: f64| LawPoint { in_flight: n, requests_per_s: x(n), low: 0.95 * x(n), high: 1.05 * x(n) };
    LawResult {
        lambda: around(100.0),
        sigma: around(0.04),
        kappa: around(0.001),
        knee: around(30.98),
        knee_level: Some(31.0),
        max_requests_per_s: Some(x(30.98)),
        max_requests_per_s_interval: around(x(30.98)),
        limits: Some(Limits::Coherency),
        misfit: Some(0.012),
        no_knee: None,
        refused: None,
        unit: "at a time".to_owned(),
        levels: [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 48.0, 90.0].iter().enumerate().map(level).collect(),
        curve: (0..=48).map(|n| point(70.0_f64.powf(f64::from(n) / 48.0))).collect(),
    }
}

#[test]
fn the_law_of_a_terminal() {
    let (_, mut result) = found();
    result.levels.clear();
    result.law = Some(scaling());
    insta::assert_snapshot!(super::text_section(&result, 100, false));
}

#[test]
fn the_law_is_told_in_every_format_and_drawn() {
    let (run, mut result) = found();
    result.law = Some(scaling());
    let told =
        "throughput is highest, 990/s, with 31 in flight (28 – 34); more makes less: twice as many in flight make";
    let page = markdown::markdown(&run, &result);
    assert!(page.contains(told) && page.contains("### Scaling law"), "{page}");
    let html = super::super::html::html(&run, &result).unwrap();
    assert!(html.contains(told) && html.contains("<h2>Scaling law</h2>") && html.contains("id=\"law\""));
    assert!(html.contains("12 % of its requests failed") && html.contains("knee 31"));
}

#[test]
fn a_law_without_a_knee_or_none_at_all_says_so() {
    let mut law = scaling();
    (law.knee, law.knee_level, law.limits) = (None, None, Some(Limits::Contention));
    law.no_knee = Some("coherency may be 0 (at most 1.00e-4): throughput is not seen to fall".to_owned());
    law.max_requests_per_s = Some(2500.0);
    law.max_requests_per_s_interval = Some(Bounds { value: 2500.0, low: 2400.0, high: 2700.0 });
    let told = super::law::sentences(&law);
    assert!(told[0].contains("4 % of the work is done one after the other (3.6 % – 4.4 %: contention)"), "{told:?}");
    assert!(
        told[1].starts_with("No knee: coherency may be 0") && told[1].contains("to 2,500/s at most (2,400 – 2,700)"),
        "{told:?}"
    );
    assert_eq!(told[2], "The levels deviate from its curve by 1.2 % (root of the mean square).");
    (law.max_requests_per_s, law.max_requests_per_s_interval) = (None, None);
    assert!(super::law::sentences(&law)[1].ends_with("where that ends these levels do not tell."));
    law.refused = Some("5 levels count, and it takes 6".to_owned());
    assert_eq!(super::law::sentences(&law), ["No scaling law: 5 levels count, and it takes 6."]);
    law.curve.clear();
    law.levels.truncate(1);
    let (run, mut result) = found();
    result.law = Some(law);
    assert!(super::super::html::html(&run, &result).unwrap().contains("No scaling law"));
}
