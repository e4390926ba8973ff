//! A journal of known times against a record of the same requests: what is right passes, and what is wrong does not.

use super::compare::Truth;
use super::prove::{Calibration, CoverageResult, ShapeResult, assess, conclude, covered, is_last, not_by_chance};
use super::schedule::{Answer, Behaviour};
use super::server::{Record, Served};
use super::shape::{PATTERNS, Shape, shapes};
use crate::record::fixture::{asked, sample};
use crate::record::{self, Asked, End, EndpointName, LoadModel, Outcome, Recorder, Run, Sample, State};
use crate::stats;

mod counts;

fn shape(name: &str) -> Shape {
    shapes(false).into_iter().find(|shape| shape.name == name).unwrap()
}

/// What a server of that shape writes down of arrivals at its rate that it answers in time.
fn record(shape: &Shape, seed: u64) -> Record {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut schedule = super::schedule::Schedule::new(shape.behaviour.clone(), seed);
    let rate = if shape.plan.model == LoadModel::Open { shape.plan.peak() } else { 200.0 };
    let (mut at_s, mut served) = (0.0, Vec::new());
    while at_s < shape.plan.duration_s() {
        let pattern = shape.counts().then(|| rng.u32(..PATTERNS));
        let arrived_ns = (at_s * 1e9) as u64;
        let plan = schedule.plan(arrived_ns, pattern);
        let took_ns = plan.due_ns - arrived_ns + 20_000;
        served.push(Served { at_us: arrived_ns / 1000, took_ns, late_ns: 20_000, answer: plan.answer, pattern });
        at_s += match shape.behaviour {
            Behaviour::Queue { .. } => -(1.0 - rng.f64()).ln() / rate,
            _ => 1.0 / rate,
        };
    }
    Record { served, cpu_s: 0.1 }
}

fn outcome(recorder: &Recorder, answer: Answer) -> Outcome {
    answer
        .failure()
        .map_or(Outcome::Success, |kind| Outcome::Failure { kind, error: recorder.error_id(kind, kind.as_str()) })
}

/// A journal of the same requests, each as `change` makes it of what the server wrote down, read back.
fn journal(shape: &Shape, record: &Record, change: impl Fn(usize, &mut Sample, &Recorder)) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let targets = ["p50", "p95", "p99"].map(|figure| (format!("{figure}_response_time"), "< 1h".to_owned()));
    let asked = Asked { plan: shape.plan.clone(), targets: targets.into(), mean_wait_s: Some(0.0), ..asked() };
    let name =
        |number| EndpointName { name: format!("GET /known/{number}"), scenario: String::new(), tags: Vec::new() };
    let recorder = Recorder::create(folder.path(), &asked, (0..PATTERNS).map(name).collect()).unwrap();
    recorder.begin();
    for (number, served) in record.served.iter().enumerate() {
        let took_us = (served.took_ns + 500) / 1000;
        let mut one = sample(served.pattern.unwrap_or(0), served.at_us + took_us, took_us);
        one.outcome = outcome(&recorder, served.answer);
        change(number, &mut one, &recorder);
        recorder.record(&one);
        // Somebody waits for each: no user is idle.
        for state in [State::AtWork, State::InFlight] {
            recorder.enter(state, one.end_us.saturating_sub(one.response_us));
            recorder.leave(state, one.end_us);
        }
    }
    recorder.finish(End::Finished).unwrap();
    record::read(folder.path()).unwrap()
}

fn assessed(name: &str, record: &Record, change: impl Fn(usize, &mut Sample, &Recorder)) -> ShapeResult {
    assessed_beside(0.0, name, record, change)
}

/// The same, where others used that share of the CPU time.
fn assessed_beside(
    others: f64,
    name: &str,
    record: &Record,
    change: impl Fn(usize, &mut Sample, &Recorder),
) -> ShapeResult {
    let shape = shape(name);
    let mut result = assess(&shape, record, &journal(&shape, record, change), Some(others));
    // Tests are no release builds; nor is this about the build.
    result.reasons.retain(|reason| !reason.contains("unoptimised"));
    result
}

/// What is read back carries three digits, and is a little later for the way between the clocks.
fn as_it_was(_: usize, sample: &mut Sample, _: &Recorder) {
    sample.response_us += 60;
}

fn times_wrong_by(factor: f64) -> impl Fn(usize, &mut Sample, &Recorder) {
    move |_, sample, _| sample.response_us = (sample.response_us as f64 * factor) as u64
}

fn figures(result: &ShapeResult) -> Vec<(&'static str, Truth)> {
    result.figures.iter().map(|row| (row.figure, row.verdict)).collect()
}

#[test]
fn what_the_server_wrote_down_is_true() {
    for name in ["fixed delay", "stall, open", "queue"] {
        let shape = shape(name);
        // Chance puts one of twenty intervals of the queue beside theory: this seed's are not among them.
        let result = assessed(name, &record(&shape, 2), as_it_was);
        assert_eq!(figures(&result), ["p50", "p95", "p99"].map(|figure| (figure, Truth::True)), "{result:#?}");
        assert_eq!((result.verdict, result.reasons.len()), (Truth::True, 0), "{result:#?}");
        assert_eq!(result.requests.served, result.requests.counted);
    }
}

#[test]
fn times_five_per_cent_off_are_wrong_in_every_figure_that_is_above_the_tolerance() {
    for factor in [1.05, 0.95] {
        let result = assessed("stall, open", &record(&shape("stall, open"), 2), times_wrong_by(factor));
        // 5 % of 5 ms is less than the 0.3 ms that are allowed.
        assert_eq!(
            figures(&result),
            [("p50", Truth::True), ("p95", Truth::Wrong), ("p99", Truth::Wrong)],
            "{factor}: {result:#?}"
        );
        let result = assessed("queue", &record(&shape("queue"), 2), times_wrong_by(factor));
        assert_eq!(figures(&result)[1..], [("p95", Truth::Wrong), ("p99", Truth::Wrong)], "{factor}: {result:#?}");
        let off = result.figures[1].off_ms / result.figures[1].true_ms;
        assert!((off - (factor - 1.0)).abs() < 0.002, "{off}");
    }
}

#[test]
fn four_tenths_of_a_millisecond_are_seen() {
    let late = |_: usize, sample: &mut Sample, _: &Recorder| sample.response_us += 400;
    let result = assessed("fixed delay", &record(&shape("fixed delay"), 1), late);
    assert_eq!(figures(&result), ["p50", "p95", "p99"].map(|figure| (figure, Truth::Wrong)));
    // The journal's third digit is 4 µs there.
    assert!(result.reasons[0].starts_with("p50 is 402 µs off what the server wrote down (5.02 ms)"), "{result:#?}");
}

#[test]
fn a_generator_that_leaves_the_stall_out_is_wrong() {
    // What a tool does that counts from the actual send, and sends late.
    let short = |_: usize, sample: &mut Sample, _: &Recorder| sample.response_us = sample.response_us.min(5020);
    let result = assessed("stall, open", &record(&shape("stall, open"), 1), short);
    assert_eq!(figures(&result), [("p50", Truth::True), ("p95", Truth::Wrong), ("p99", Truth::Wrong)]);
}

#[test]
fn a_server_that_is_not_what_theory_speaks_of_is_told_from_a_generator_that_is_wrong() {
    let shape = shape("fixed delay");
    let mut late = record(&shape, 1);
    late.served.iter_mut().for_each(|served| {
        served.took_ns += 900_000;
        served.late_ns += 900_000;
    });
    let result = assessed("fixed delay", &late, as_it_was);
    assert_eq!(figures(&result), ["p50", "p95", "p99"].map(|figure| (figure, Truth::Unproven)), "{result:#?}");
    assert!(result.reasons[0].contains("the server itself was late"), "{result:#?}");
}

#[test]
fn the_closed_loop_misses_the_stall_or_proves_nothing() {
    let closed = shape("stall, closed");
    // Six users meet the stall once each: six slow requests among some two thousand.
    let mut seen = record(&closed, 1);
    let slow: Vec<usize> = (0..seen.served.len()).filter(|&n| seen.served[n].took_ns > 6_000_000).skip(6).collect();
    for n in slow.into_iter().rev() {
        seen.served.remove(n);
    }
    let result = assessed("stall, closed", &seen, as_it_was);
    let missed: Vec<bool> = result.figures.iter().map(|row| row.missed).collect();
    assert_eq!((missed, result.verdict), (vec![false, true, true], Truth::True), "{result:#?}");
    let all = assessed("stall, closed", &record(&closed, 1), as_it_was);
    assert_eq!(figures(&all)[1..], [("p95", Truth::Unproven), ("p99", Truth::Unproven)], "{all:#?}");
}

#[test]
fn times_that_are_off_are_tried_again() {
    let mut result = assessed("queue", &record(&shape("queue"), 2), times_wrong_by(1.2));
    result.verdict = Truth::Wrong;
    assert!(!is_last(&result, 4));
    assert!(is_last(&result, 0));
    result.tries = 3;
    assert!(is_last(&result, 4));
}

#[test]
fn an_interval_with_an_open_end_proves_nothing() {
    // So few requests bound no p99.
    let fixed = shape("fixed delay");
    let mut written = record(&fixed, 1);
    written.served.truncate(100);
    let result = assessed("fixed delay", &written, as_it_was);
    let p99 = &result.figures[2];
    assert_eq!((p99.high_ms, p99.verdict), (None, Truth::Unproven), "{result:#?}");
    assert_eq!(result.verdict, Truth::Unproven);
    assert!(p99.reason.starts_with("p99: the printed interval has an open end"), "{}", p99.reason);
}

#[test]
fn every_interval_of_the_quick_shapes_is_bounded_too() {
    for seed in 0..10 {
        for shape in shapes(true).into_iter().filter(|shape| !shape.counts()) {
            let written = record(&shape, seed);
            let result = assess(&shape, &written, &journal(&shape, &written, as_it_was), Some(0.0));
            assert_eq!(result.figures.len(), 3);
            assert!(result.figures.iter().all(|row| row.low_ms.is_some() && row.high_ms.is_some()), "{result:#?}");
        }
    }
}

#[test]
fn intervals_that_are_open_hold_nothing() {
    let found = stats::coverage(1, 0.5, 10, 1000);
    let of = |held, unbounded| covered(&stats::Coverage { held, unbounded, ..found }).verdict;
    assert_eq!([of(0.95, 0.0), of(0.95, 0.02), of(0.85, 0.0)], [Truth::True, Truth::True, Truth::Wrong]);
    assert_eq!([of(1.0, 0.05), of(1.0, 1.0)], [Truth::Unproven; 2]);
    let (truth, sentence) = conclude(&[], &covered(&stats::Coverage { held: 1.0, unbounded: 0.05, ..found }));
    assert_eq!(truth, Truth::Unproven);
    assert!(sentence.contains("5 % of simulated runs had one without an upper end"), "{sentence}");
}

#[test]
fn a_crowd_excuses_times_that_are_off_and_is_named() {
    let shape = shape("fixed delay");
    let written = record(&shape, 1);
    let run = journal(&shape, &written, times_wrong_by(1.2));
    let result = assess(&shape, &written, &run, Some(0.4));
    assert_eq!(result.verdict, Truth::Unproven);
    assert!(result.reasons.last().unwrap().starts_with("other programs used 40 % of"), "{result:#?}");
}

#[test]
fn only_what_is_wrong_in_every_try_is_called_wrong() {
    let mut result = assessed("fixed delay", &record(&shape("fixed delay"), 1), times_wrong_by(1.2));
    result.verdict = Truth::Wrong;
    result.tries = 3;
    not_by_chance(&mut result, 3);
    assert_eq!(result.verdict, Truth::Wrong);
    not_by_chance(&mut result, 2);
    assert_eq!(result.verdict, Truth::Unproven);
    assert!(result.reasons.last().unwrap().starts_with("2 of 3 tries came out so"), "{result:#?}");
}

#[test]
fn the_sentence_says_what_is_wrong_and_what_to_do() {
    let fine = covered(&stats::Coverage { held: 0.95, unbounded: 0.0, ..stats::coverage(1, 0.5, 10, 1000) });
    let of = |truth| {
        let mut result = assessed("fixed delay", &record(&shape("fixed delay"), 1), as_it_was);
        result.verdict = truth;
        result.reasons = if truth == Truth::True { Vec::new() } else { vec!["p95 is off".to_owned()] };
        result
    };
    let (truth, sentence) = conclude(&[of(Truth::True)], &fine);
    assert_eq!(truth, Truth::True);
    assert!(sentence.starts_with("This machine measures truly: "), "{sentence}");
    let (truth, sentence) = conclude(&[of(Truth::True), of(Truth::Unproven)], &fine);
    assert_eq!(truth, Truth::Unproven);
    assert!(sentence.contains("fixed delay: p95 is off") && sentence.contains("calibrate again"), "{sentence}");
    let (truth, sentence) = conclude(&[of(Truth::Unproven), of(Truth::Wrong)], &fine);
    assert_eq!(truth, Truth::Wrong);
    assert!(sentence.starts_with("This machine does not measure truly"), "{sentence}");
    let bad = CoverageResult { held: 0.7, verdict: Truth::Wrong, ..fine };
    let (truth, sentence) = conclude(&[of(Truth::True)], &bad);
    assert_eq!(truth, Truth::Wrong);
    assert!(sentence.contains("70 %"), "{sentence}");
}

fn calibration() -> Calibration {
    let mut results: Vec<ShapeResult> = ["fixed delay", "queue", "stall, open", "errors"]
        .map(|name| assessed(name, &record(&shape(name), 2), as_it_was))
        .into();
    let late = |_: usize, sample: &mut Sample, _: &Recorder| sample.response_us += 1400;
    results.push(assessed_beside(0.4, "fixed delay", &record(&shape("fixed delay"), 1), late));
    for result in &mut results {
        // What this test's own process did.
        result.generator = None;
        result.others = Some(0.031);
    }
    let coverage = CoverageResult {
        runs: 300,
        requests: 5000,
        held: 0.953,
        unbounded: 0.0,
        bounded_misses: 0.027,
        verdict: Truth::True,
    };
    let (verdict, sentence) = conclude(&results, &coverage);
    Calibration { schema: 1, verdict, sentence, seed: 7, environment: asked().environment, shapes: results, coverage }
}

#[test]
fn the_report_reads() {
    insta::assert_snapshot!(super::text(&calibration(), 100));
}

#[test]
fn the_json_has_every_figure() {
    let json = serde_json::to_value(calibration()).unwrap();
    assert_eq!((&json["schema"], &json["verdict"]), (&1.into(), &"unproven".into()));
    let figure = &json["shapes"][1]["figures"][1];
    assert_eq!(figure["figure"], "p95");
    for key in ["true_ms", "measured_ms", "off_ms", "theory_ms", "low_ms", "high_ms"] {
        assert!(figure[key].is_number(), "{key}: {figure}");
    }
    assert_eq!(json["shapes"][3]["errors"]["exact"], 100);
    assert!(json["shapes"][3]["errors"]["injected"]["status"].is_number());
    assert_eq!(json["coverage"]["runs"], 300);
}
