use std::collections::BTreeMap;

use super::*;
use crate::judge::tests::asked;
use crate::record::{
    ArrivalSecond, End, EndpointId, EndpointName, EndpointSecond, FailureKind, Interval, IntervalKind, LoadPlan,
};

/// What a second of a synthetic hold holds: response times, failures, requests outstanding at its end.
struct Told {
    us: Vec<u64>,
    failed: u64,
    outstanding: u32,
}

fn run(seconds: Vec<Told>) -> Run {
    let mut asked = asked(LoadPlan::rate(50.0, 600.0), None);
    asked.targets = BTreeMap::from([
        ("p95_response_time".to_owned(), "< 100ms".to_owned()),
        ("error_rate".to_owned(), "< 1%".to_owned()),
        ("throughput".to_owned(), "> 1000000/min".to_owned()),
    ]);
    let (mut intervals, mut counted) = (Vec::new(), Vec::new());
    for (at, told) in seconds.into_iter().enumerate() {
        let (from_s, to_s) = (at as f64, at as f64 + 1.0);
        let requests = told.us.len() as u64 + told.failed;
        let failures = BTreeMap::from([(FailureKind::Status, told.failed)]);
        let endpoint = EndpointSecond { requests, failures, ..EndpointSecond::default() };
        counted.push(Second {
            from_s,
            to_s,
            wanted: 50.0,
            in_flight: told.outstanding,
            endpoints: BTreeMap::from([(0, endpoint)]),
            arrivals: Some(ArrivalSecond { planned: 50, started: 50, ..ArrivalSecond::default() }),
            ..Second::default()
        });
        let values = Distribution::from_pairs(told.us.into_iter().map(|us| (us, 1)));
        if !values.is_empty() {
            intervals.push(Interval { from_s, to_s, kind: IntervalKind::Response, endpoint: EndpointId(0), values });
        }
    }
    Run {
        asked,
        endpoints: vec![EndpointName { name: "GET /".to_owned(), scenario: "user".to_owned(), tags: Vec::new() }],
        seconds: counted,
        intervals,
        watched: Vec::new(),
        levels: Vec::new(),
        check: None,
        end: Some(End::Finished),
        warnings: Vec::new(),
    }
}

fn held(to_s: f64) -> HeldLevel {
    HeldLevel {
        from_s: 0.0,
        to_s,
        level: 50.0,
        looks: 1,
        confirms: false,
        given_up: None,
        unrecovered: false,
        law: false,
    }
}

fn steady(us: u64, seconds: usize) -> Vec<Told> {
    (0..seconds).map(|_| Told { us: vec![us; 50], failed: 0, outstanding: 2 }).collect()
}

#[test]
fn throughput_is_the_result_and_no_target_of_a_level() {
    let judged = judge_hold(&run(steady(10_000, 30)), &held(30.0), 0.99);
    assert_eq!((judged.level.verdict, judged.looks_good), (Verdict::Pass, true));
    assert_eq!(judged.level.targets.len(), 2);
    assert_eq!((judged.level.requests_per_s, judged.level.judged_s), (50.0, 27.0));
}

#[test]
fn each_look_asks_for_more_than_a_run_does() {
    // 0 of 368 failures prove < 1 % at 95 % in a run; at 99 % it takes 528.
    let seconds = 8 + 3;
    let judged = |confidence| judge_hold(&run(steady(10_000, seconds)), &held(seconds as f64), confidence).level;
    assert_eq!(judged(0.95).verdict, Verdict::Pass);
    let at_99 = judged(0.99);
    assert_eq!(at_99.verdict, Verdict::Unproven);
    assert!(at_99.reason.starts_with("error_rate: 0 % (0 % – 1.3"), "{}", at_99.reason);
}

#[test]
fn only_what_was_seen_by_the_look_counts() {
    let mut seconds = steady(10_000, 20);
    seconds.extend(steady(900_000, 20));
    let judged = judge_hold(&run(seconds), &held(20.0), 0.99);
    assert_eq!((judged.level.verdict, judged.level.p95_ms), (Verdict::Pass, Some(10.0)));
}

#[test]
fn a_host_that_answers_nothing_any_more_fails() {
    let mut seconds = steady(10_000, 2);
    seconds.extend((1..=28).map(|n| Told { us: Vec::new(), failed: 0, outstanding: 2 + 50 * n }));
    let judged = judge_hold(&run(seconds), &held(30.0), 0.99);
    assert_eq!(judged.level.verdict, Verdict::Fail, "{}", judged.level.reason);
    assert!(!judged.looks_good);
}

#[test]
fn as_many_in_flight_as_before_take_nothing_from_a_pass() {
    let mut seconds = steady(10_000, 30);
    for (at, told) in seconds.iter_mut().enumerate() {
        told.outstanding = 40 + at as u32 % 3;
    }
    assert_eq!(judge_hold(&run(seconds), &held(30.0), 0.99).level.verdict, Verdict::Pass);
}

#[test]
fn waits_follow_from_the_counts() {
    // 10 s at 50/s of which none ends in the last four: 2 outstanding, then 52, 102, 152, 202.
    let mut seconds = steady(10_000, 6);
    seconds.extend((1..=4).map(|n| Told { us: Vec::new(), failed: 0, outstanding: 2 + 50 * n }));
    let run = run(seconds);
    let Steady { parts, .. } = steady_hold(&run, &Hold { from_s: 0.0, to_s: 10.0, level: 50.0 }, 3.0);
    let window = Window::new(&run, &parts);
    let waits: Vec<(u64, u64)> = unanswered(&run, &window).iter().map(|wait| (wait.1, wait.2)).collect();
    assert_eq!(waits, [(0, 50), (1_000_000, 50), (2_000_000, 50), (3_000_000, 50)]);
}

#[test]
fn a_level_that_was_given_up_fails_for_that_reason() {
    let given_up = Some("34 % of 200 requests failed".to_owned());
    let judged = judge_hold(&run(steady(10_000, 9)), &HeldLevel { given_up, ..held(9.0) }, 0.99);
    assert_eq!((judged.level.verdict, judged.level.reason.as_str()), (Verdict::Fail, "34 % of 200 requests failed"));
}

#[test]
fn of_a_level_that_was_given_up_the_whole_hold_is_told() {
    let mut seconds = steady(10_000, 2);
    seconds.push(Told { us: Vec::new(), failed: 50, outstanding: 2 });
    let given_up = Some("33 % of 150 requests failed".to_owned());
    let level = judge_hold(&run(seconds), &HeldLevel { given_up, ..held(3.0) }, 0.99).level;
    assert_eq!((level.judged_s, level.given_up), (0.0, true));
    assert_eq!((level.p95_ms.is_some(), level.error_rate), (true, Some(1.0 / 3.0)));
    assert!((level.requests_per_s - 100.0 / 3.0).abs() < 1e-9);
}

#[test]
fn a_host_that_answers_nothing_after_a_level_was_given_up_is_gone() {
    let dead = |_| Told { us: Vec::new(), failed: 50, outstanding: 0 };
    let mut seconds = steady(10_000, 5);
    seconds.extend((0..8).map(dead));
    let mut run = run(seconds);
    for second in &mut run.seconds[5..] {
        let endpoint = second.endpoints.get_mut(&0).unwrap();
        endpoint.errors = BTreeMap::from([("connect to 127.0.0.1:1: connection refused".to_owned(), 50)]);
    }
    let given_up = Some("34 % failed".to_owned());
    let held = HeldLevel { given_up, unrecovered: true, ..held(8.0) };
    let level = judge_hold(&run, &held, 0.99).level;
    assert_eq!(level.gone.as_deref(), Some("connection refused"));
    assert_eq!(level.reason, "34 % failed; the host stopped answering (connection refused) and did not come back");
    let rested = HeldLevel { unrecovered: false, ..held.clone() };
    assert_eq!(judge_hold(&run, &rested, 0.99).level.gone, None);
    // It answers, if badly.
    run.seconds[11].endpoints.get_mut(&0).unwrap().statuses = BTreeMap::from([(503, 50)]);
    assert_eq!(judge_hold(&run, &held, 0.99).level.gone, None);
}
