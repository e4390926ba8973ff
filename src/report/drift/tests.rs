use std::path::Path;

use super::super::example;
use super::super::{charts, github, html, junit, markdown, next, terminal, words};
use crate::judge::{Bounds, DriftGrowth, DriftResult, RunResult, RunsOut, Verdict};
use crate::record::Run;

const MB: f64 = 1e6;

/// The memory of a service that leaks 60 MB an hour, and has 3.2 GB.
fn memory() -> DriftResult {
    let points =
        (0..32).map(|n| (f64::from(n) * 28.0 + 14.0, 260.0 * MB + f64::from(n % 3) * MB + f64::from(n) * 0.47 * MB));
    DriftResult {
        name: "memory".to_owned(),
        subject: Some("process api".to_owned()),
        unit: "bytes".to_owned(),
        from_s: 238.0,
        to_s: 882.0,
        per_hour: Some(Bounds { value: 60.0 * MB, low: 52.0 * MB, high: 67.0 * MB }),
        growth: Some(DriftGrowth::Steady),
        level: Some(264.0 * MB),
        limit: Some(3200.0 * MB),
        headroom: Some(2936.0 * MB),
        horizon_s: 604_800.0,
        runs_out_s: Some(RunsOut { low: Some(157_750.0), high: Some(203_260.0) }),
        verdict: Verdict::Fail,
        reason: "it grows by 60 MB/h (52 MB – 67 MB) and runs out in 44 h – 56 h, within the horizon of 7 days"
            .to_owned(),
        points: points.collect(),
    }
}

/// A quarter of an hour that nothing else is wrong with.
fn leaking() -> (Run, RunResult) {
    let (run, mut result) = example::healthy();
    let level = DriftResult {
        name: "p95_response_time".to_owned(),
        subject: None,
        unit: "ms".to_owned(),
        per_hour: Some(Bounds { value: 0.0, low: -0.05, high: 0.06 }),
        growth: Some(DriftGrowth::None),
        level: Some(2.1),
        limit: Some(2000.0),
        headroom: Some(1997.9),
        runs_out_s: Some(RunsOut { low: Some(1.2e8), high: None }),
        verdict: Verdict::Pass,
        reason: String::new(),
        points: (0..32).map(|n| (f64::from(n) * 28.0 + 14.0, 2.1)).collect(),
        ..memory()
    };
    let unlimited = DriftResult {
        name: "connections".to_owned(),
        subject: Some("nginx".to_owned()),
        unit: "connections".to_owned(),
        per_hour: Some(Bounds { value: 0.0, low: -3.0, high: 2.0 }),
        growth: Some(DriftGrowth::None),
        level: Some(250.0),
        limit: None,
        headroom: None,
        runs_out_s: None,
        verdict: Verdict::NotMeasured,
        reason: "no limit is known, so there is none to run out of: nginx's status page does not tell its worker_connections".to_owned(),
        ..level.clone()
    };
    result.drift = vec![level, memory(), unlimited];
    result.verdict = Verdict::Fail;
    result.reasons = vec![format!("drift of memory (process api): {}", memory().reason)];
    (run, result)
}

#[test]
fn the_terminal_s_section() {
    let (_, result) = leaking();
    insta::assert_snapshot!(format!(
        "{}{}",
        super::text_section(&result, 100, false),
        super::text_section(&result, 80, false)
    ));
}

#[test]
fn every_format_tells_what_runs_out_and_when() {
    let (run, result) = leaking();
    let told = "No target was missed, but memory (process api) runs out in 44 h – 56 h.";
    assert_eq!(words::sentence(&result), told);
    let page = markdown::markdown(&run, &result);
    assert!(
        page.contains(told)
            && page.contains("### Drift")
            && page.contains("| 60 MB/h | 52 MB – 67 MB | 3.2 GB | in 44 h – 56 h |"),
        "{page}"
    );
    let page = html::html(&run, &result).unwrap();
    assert!(page.contains(told) && page.contains("<h2>Drift</h2>") && page.contains("id=\"drift-2-memory\""));
    let cases = junit::junit(&run, &result).unwrap();
    assert!(cases.contains("name=\"drift memory (process api)\"") && cases.matches("<failure").count() == 1, "{cases}");
    let annotations = github::of_run(&run, &result);
    assert!(annotations[0].contains("FAIL · drift of memory (process api)"), "{annotations:?}");
    assert!(
        terminal::terminal(Path::new("results/x"), &run, &result, 100, false)
            .contains(" ✗ memory (process api)  264 MB")
    );
    assert_eq!(
        next::next_step(&run, &result).words,
        "begin with what makes memory (process api) grow: see its line in report.html"
    );
    let (_, steady) = example::healthy();
    assert_eq!(super::text_section(&steady, 100, false), "");
}

#[test]
fn what_leaves_the_run_open_is_said_and_what_does_not_is_skipped() {
    let (run, mut result) = leaking();
    result.verdict = Verdict::Unproven;
    result.drift[1].verdict = Verdict::Unproven;
    let failures = |result: &RunResult| junit::junit(&run, result).unwrap().matches("<failure").count();
    assert!(
        words::sentence(&result).ends_with("cannot be told of: memory (process api)."),
        "{}",
        words::sentence(&result)
    );
    assert_eq!(failures(&result), 1);
    assert!(next::next_step(&run, &result).command.unwrap().ends_with("-t 4m"));
    result.drift[1].growth = Some(DriftGrowth::None);
    assert_eq!(failures(&result), 0);
}

#[test]
fn a_line_has_its_chart_whether_it_is_steep_level_or_short() {
    let (run, mut result) = leaking();
    let mut none = memory();
    (none.per_hour, none.level, none.runs_out_s) = (None, None, None);
    let mut falling = memory();
    falling.per_hour = Some(Bounds { value: -9e9, low: -1e10, high: 0.0 });
    falling.runs_out_s = Some(RunsOut { low: None, high: None });
    result.drift.extend([none, falling]);
    let charts: Vec<charts::Chart> =
        charts::all(&run, &result).into_iter().filter(|chart| chart.slug.starts_with("drift-")).collect();
    let slugs: Vec<&str> = charts.iter().map(|chart| chart.slug.as_str()).collect();
    assert_eq!(slugs, ["drift-1-p95-response-time", "drift-2-memory", "drift-3-memory", "drift-4-memory"]);
    for chart in &charts {
        let svg = chart.standalone();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", chart.slug);
        assert_eq!(chart.wide.readout.len(), 32, "{}", chart.slug);
    }
    let steep = &charts[1];
    assert!(
        steep.wide.svg.contains("limit 3.2 GB") && steep.caption.contains("runs out in 44 h – 56 h"),
        "{}",
        steep.caption
    );
}
