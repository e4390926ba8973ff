use super::words as said;
use crate::judge::{
    Bounds, Differs, LeftOut, Outcome, RunsOf, Source, Trend, TrendChange, TrendFigure, TrendPoint, TrendRun, Verdict,
};
use crate::report::charts;

fn run(n: usize) -> TrendRun {
    TrendRun {
        id: format!("202611{:02}T080000Z-agenthub-user-{n:04x}", n + 1),
        label: (n == 6).then(|| "v2 <b>|".to_owned()),
        started: format!("2026-11-{:02}T08:00:00Z", n + 1),
        commit: Some(format!("{n:x}bcdef0123456789")),
        verdict: Verdict::Pass,
        marks: if n == 3 { vec!["void: its generator was past its limits".to_owned()] } else { Vec::new() },
    }
}

fn figure(name: &str, unit: &str, scale: f64, limit: Option<f64>) -> TrendFigure {
    let point = |run: usize| {
        let value = scale * if run < 6 { 2.0 } else { 2.5 } * (1.0 + 0.01 * (run % 3) as f64);
        TrendPoint { run, value, low: Some(0.95 * value), high: Some(1.06 * value) }
    };
    TrendFigure {
        name: name.to_owned(),
        unit: unit.to_owned(),
        more_is_better: unit == "requests/min",
        limit,
        source: Source::Steady,
        points: (0..12).map(point).collect(),
        without: Vec::new(),
        changes: Vec::new(),
    }
}

fn trend() -> Trend {
    let mut p95 = figure("p95_response_time", "ms", 1.0, Some(2000.0));
    p95.changes.push(TrendChange {
        point: 6,
        run: run(6),
        last_before: run(5),
        outcome: Outcome::Worse,
        before: 2.02,
        after: 2.525,
        runs_before: 6,
        runs_after: 6,
        ratio: Some(Bounds { value: 1.25, low: 1.22, high: 1.28 }),
        difference: Bounds { value: 0.505, low: 0.44, high: 0.57 },
        p: 1e-9,
        confidence: 1.0 - 1e-9,
        differs: vec![Differs { what: "commit".into(), a: "5bcdef0123456789".into(), b: "6bcdef0123456789".into() }],
    });
    let mut of_endpoint = figure("p99_response_time[GET /x]", "ms", 3.0, None);
    of_endpoint.source = Source::WholeRun;
    of_endpoint.points.pop();
    of_endpoint.without.push(run(11).id);
    Trend {
        schema: 1,
        workload: "3f2a3f2a3f2a3f2a".into(),
        parts: [
            ("scenario", "agenthub user (abc)"),
            ("load model", "closed"),
            ("users", "250"),
            ("think time", "1–5 s"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        least_change: 0.05,
        most_p: 0.001,
        window: 50,
        runs: (0..12).map(run).collect(),
        figures: vec![p95, figure("throughput", "requests/min", 2400.0, Some(4000.0)), of_endpoint],
        left_out: vec![LeftOut { id: "20261101T090000Z-agenthub-user-00aa".into(), why: "partial: x".into() }],
        skipped: vec![LeftOut { id: "notes".into(), why: "no result: it has no run.toml".into() }],
        other_workloads: vec![RunsOf { workload: "aaaa".into(), scenario: "browse".into(), runs: 3 }],
    }
}

#[test]
fn the_terminal_s_report() {
    insta::assert_snapshot!(super::text(&trend(), 110, false));
    let coloured = super::text(&trend(), 110, true);
    assert!(coloured.contains("\x1b[31m✗\x1b[0m"), "{coloured}");
    let narrow = super::text(&trend(), 40, false);
    assert!(narrow.lines().all(|line| line.chars().count() <= 122), "{narrow}");
}

#[test]
fn the_report_for_a_job_summary() {
    insta::assert_snapshot!(super::markdown(&trend()));
}

#[test]
fn the_page_has_a_chart_of_each_figure_and_escapes_what_people_wrote() {
    let page = super::page(&trend()).unwrap();
    assert!(page.contains("id=\"trend-1\"") && page.contains("id=\"trend-3\""));
    assert!(page.contains("v2 &#60;b&#62;|") || page.contains("v2 &lt;b&gt;|"), "labels are escaped");
    assert!(!page.contains("v2 <b>"));
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.contains("void: its generator was past its limits"), "a marked run is told");
}

#[test]
fn charts_show_values_intervals_changes_and_targets() {
    let trend = trend();
    let charts = charts::trend(&trend);
    let (p95, throughput) = (&charts[0].wide.svg, &charts[1].wide.svg);
    assert_eq!(p95.matches("<circle").count(), 12);
    assert_eq!(p95.matches("class=\"s-sky\"").count(), 12, "an interval each");
    assert_eq!(p95.matches("class=\"s-text\"").count(), 2, "a level before and one after");
    assert_eq!(p95.matches("class=\"s-vermilion\"").count(), 1, "the change");
    assert_eq!(p95.matches("f-orange").count(), 1, "the run that does not count otherwise");
    assert!(p95.contains("+25 % 6bcdef0") && p95.contains("target &lt; 2 s: beyond the chart"), "{p95}");
    assert!(throughput.contains("class=\"s-target\""), "its target lies among the values");
    assert_eq!(charts[0].wide.readout.len(), 12);
    assert!(charts[0].wide.readout[6].1.contains("2.5 ms · 2.38 – 2.65 ms · v2 <b>|"), "{:?}", charts[0].wide.readout);
}

#[test]
fn two_thousand_runs_make_a_chart_of_a_few_hundred_dots() {
    let mut trend = trend();
    trend.runs = (0..2000).map(|n| TrendRun { id: format!("run-{n}"), ..run(n % 9) }).collect();
    let points = (0..2000).map(|run| TrendPoint { run, value: 2.0 + (run % 7) as f64 / 100.0, low: None, high: None });
    trend.figures.truncate(1);
    trend.figures[0].points = points.collect();
    trend.figures[0].changes[0].point = 1000;
    let charts = charts::trend(&trend);
    assert!(charts[0].wide.readout.len() <= 240 && charts[0].narrow.readout.len() <= 90);
    assert!(charts[0].wide.svg.len() < 80_000, "{}", charts[0].wide.svg.len());
    assert!(charts[0].caption.contains("neighbours drawn together"), "{}", charts[0].caption);
    assert!(super::page(&trend).unwrap().contains("and 1800 older ones"));
}

#[test]
fn odd_histories_are_drawn_within_their_edges() {
    let awkward = [vec![], vec![0.0], vec![0.0, 0.0], vec![1.0], vec![1.0, 1e6], vec![5.0, 5.0, 5.0]];
    for values in awkward {
        let mut trend = trend();
        trend.figures.truncate(1);
        trend.figures[0].changes.clear();
        let point = |(run, &value): (usize, &f64)| TrendPoint { run, value, low: Some(0.0), high: Some(value * 1e3) };
        trend.figures[0].points = values.iter().enumerate().map(point).collect();
        for chart in charts::trend(&trend) {
            for svg in [chart.standalone(), chart.narrow.svg.clone()] {
                assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("=\"-"), "{values:?}: {svg}");
            }
        }
        super::text(&trend, 80, false);
    }
}

#[test]
fn the_line_of_blocks_shows_a_step_and_leaves_noise_flat() {
    let of = |values: &[f64]| {
        let mut of = figure("p95_response_time", "ms", 1.0, None);
        of.points =
            values.iter().enumerate().map(|(run, &value)| TrendPoint { run, value, low: None, high: None }).collect();
        said::line(&of, 5)
    };
    assert_eq!(of(&[1.0, 1.0, 2.0, 2.0]), "▁▁██");
    assert_eq!(of(&[100.0, 101.0, 100.0]), "▄▅▄");
    assert_eq!(of(&[0.0, 0.0]), "▁▁");
    assert_eq!(of(&[9.0, 1.0, 1.0, 1.0, 1.0, 1.0]).chars().count(), 5, "the latest");
}
