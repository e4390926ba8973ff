use std::collections::BTreeMap;

use super::*;
use crate::judge::judge;
use crate::judge::tests::asked;
use crate::record::{
    ArrivalSecond, AskedLaw, End, EndpointId, EndpointName, EndpointSecond, FailureKind, Interval, IntervalKind,
    LoadPlan, Second,
};
use crate::stats::Distribution;

const HOLD_S: f64 = 8.0;
const AT: [u32; 13] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48, 64];

/// A run that held these levels of the law one after the other, of which so many succeed and fail a second.
fn run(levels: &[u32], answers: impl Fn(f64) -> (f64, f64)) -> Run {
    let mut asked = asked(LoadPlan::rate(1000.0, 600.0), None);
    asked.search = Some(AskedSearch {
        start: 10.0,
        most: 1000.0,
        max_time_s: 100.0,
        width: 0.05,
        abort_on: 0.2,
        looks_s: vec![15.0],
        confidences: vec![0.99],
        law: Some(AskedLaw { until_s: 600.0, hold_s: HOLD_S }),
    });
    let (mut seconds, mut intervals, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for &level in levels {
        let hold_from_s = seconds.len() as f64;
        for at in 0..HOLD_S as u64 {
            let (from_s, to_s) = (seconds.len() as f64, seconds.len() as f64 + 1.0);
            // The first second of a hold is start-up.
            let (good, bad) = if at == 0 { (1.0, 0.0) } else { answers(f64::from(level)) };
            let (good, bad) = (good.round() as u64, bad.round() as u64);
            let failures = BTreeMap::from([(FailureKind::Status, bad)]);
            let endpoint = EndpointSecond { requests: good + bad, failures, ..EndpointSecond::default() };
            seconds.push(Second {
                from_s,
                to_s,
                wanted: f64::from(level),
                in_flight: level,
                in_flight_s: f64::from(level),
                endpoints: BTreeMap::from([(0, endpoint)]),
                arrivals: Some(ArrivalSecond { planned: good, started: good, ..ArrivalSecond::default() }),
                ..Second::default()
            });
            let values = Distribution::from_pairs([(10_000, good)]);
            intervals.push(Interval { from_s, to_s, kind: IntervalKind::Response, endpoint: EndpointId(0), values });
        }
        held.push(HeldLevel {
            from_s: hold_from_s,
            to_s: hold_from_s + HOLD_S,
            level: f64::from(level),
            looks: 1,
            confirms: false,
            given_up: None,
            unrecovered: false,
            law: true,
        });
    }
    Run {
        asked,
        endpoints: vec![EndpointName { name: "GET /".to_owned(), scenario: "user".to_owned(), tags: Vec::new() }],
        seconds,
        intervals,
        watched: Vec::new(),
        check: None,
        levels: held,
        end: Some(End::Finished),
        warnings: Vec::new(),
    }
}

fn law(n: f64) -> f64 {
    10_000.0 * n / (1.0 + 0.03 * (n - 1.0) + 0.002 * n * (n - 1.0))
}

#[test]
fn levels_give_the_law_and_move_no_end_of_the_bracket() {
    let run = run(&AT, |n| (law(n), 0.0));
    let result = judge(&run);
    assert!(result.levels.is_empty() && result.edge.unwrap().passes.is_none());
    let reasons: Vec<&str> = result.targets.iter().map(|target| target.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("levels were judged one by one")), "{reasons:?}");
    assert!(!reasons.iter().any(|reason| reason.starts_with("no second")), "{reasons:?}");
    let found = result.law.unwrap();
    assert_eq!((found.refused.as_deref(), found.no_knee.as_deref()), (None, None));
    let [lambda, sigma, kappa, knee] = [found.lambda, found.sigma, found.kappa, found.knee].map(Option::unwrap);
    assert!(
        (lambda.value / 10_000.0 - 1.0).abs() < 0.001 && (sigma.value / 0.03 - 1.0).abs() < 0.01,
        "{lambda:?} {sigma:?}"
    );
    assert!((kappa.value / 0.002 - 1.0).abs() < 0.01 && (knee.value - 22.02).abs() < 0.1, "{kappa:?} {knee:?}");
    assert_eq!(found.knee_level, Some(22.0));
    assert_eq!(found.limits, Some(Limits::Coherency));
    assert!((found.max_requests_per_s.unwrap() / law(22.02) - 1.0).abs() < 0.001);
    let level = &found.levels[4];
    assert_eq!((level.level, level.in_flight, level.judged_s), (6.0, 6.0, 6.0));
    assert!((level.requests_per_s - law(6.0)).abs() <= 0.5, "its start-up is left out: {level:?}");
    let highest = found.curve.iter().map(|point| point.requests_per_s).fold(0.0, f64::max);
    assert!((highest / law(22.0) - 1.0).abs() < 0.01 && found.curve.iter().all(|point| point.low <= point.high));
}

#[test]
fn contention_alone_is_named_and_its_limit_where_it_is_near() {
    let found = judge(&run(&AT, |n| (10_000.0 * n / (1.0 + 0.2 * (n - 1.0)), 0.0))).law.unwrap();
    assert_eq!((found.limits, found.knee, found.refused), (Some(Limits::Contention), None, None));
    assert!((found.max_requests_per_s.unwrap() / 50_000.0 - 1.0).abs() < 0.01);
    assert!(found.no_knee.unwrap().starts_with("coherency may be 0"));
    let free = judge(&run(&AT, |n| (1000.0 * n, 0.0))).law.unwrap();
    assert_eq!((free.limits, free.max_requests_per_s), (Some(Limits::None), None));
}

#[test]
fn a_limit_that_the_highest_levels_contradict_is_not_named() {
    // Users who think, before two servers: what was in flight, and what came of it.
    const MEASURED: [(f64, f64); 10] = [
        (1.4, 78.3),
        (1.4, 66.0),
        (2.2, 96.7),
        (2.8, 114.7),
        (3.2, 111.3),
        (3.3, 128.7),
        (5.3, 157.0),
        (5.9, 182.7),
        (68.0, 189.0),
        (151.6, 206.7),
    ];
    let counted: Vec<Concurrency> = MEASURED.map(|(n, per_s)| Concurrency::new(n, per_s)).to_vec();
    let law = usl(&counted, 1).unwrap();
    assert!(law.overshoots(&counted), "{:?}, {}", law.curve, law.misfit);
    let mut found = judge(&run(&AT, |n| (law.curve.per_s(n), 0.0))).law.unwrap();
    (found.max_requests_per_s, found.max_requests_per_s_interval) = (None, None);
    found.tell(&law, &counted, 206.7);
    assert_eq!((found.limits, found.max_requests_per_s), (Some(Limits::Contention), None));
    // Levels on the curve say where it ends, and no farther than the curve itself.
    let on_it: Vec<Concurrency> =
        counted.iter().map(|level| Concurrency::new(level.in_flight, law.curve.per_s(level.in_flight))).collect();
    found.tell(&usl(&on_it, 1).unwrap(), &on_it, 206.7);
    let (most, highest) = (found.max_requests_per_s_interval.unwrap(), law.curve.most_per_s());
    assert!((most.value / highest - 1.0).abs() < 1e-3 && highest < 230.0, "{most:?} {highest}");
    assert!(most.low <= most.value && most.value <= most.high);
}

#[test]
fn a_queue_before_some_servers_is_a_corner() {
    let found = judge(&run(&AT, |n| (1000.0 * n.min(6.0), 0.0))).law.unwrap();
    assert!(
        found
            .refused
            .unwrap()
            .starts_with("throughput rises in proportion up to about 6.0 in flight and then stays at 6,000/s")
    );
    assert_eq!((found.limits, found.max_requests_per_s.map(f64::round)), (Some(Limits::Contention), Some(6000.0)));
    assert!(found.lambda.is_none() && found.curve.is_empty());
}

#[test]
fn levels_that_do_not_count_are_kept_with_the_reason() {
    let mut run = run(&AT, |n| if n > 48.0 { (law(n), law(n)) } else { (law(n), 0.0) });
    run.levels[0].given_up = Some("half of it failed".to_owned());
    let found = judge(&run).law.unwrap();
    let left_out: Vec<(f64, &str)> =
        found.levels.iter().filter_map(|level| Some((level.level, level.left_out.as_deref()?))).collect();
    let failed = "50 % of its requests failed";
    assert_eq!(left_out, [(1.0, "half of it failed"), (64.0, failed)]);
    assert!(found.knee.is_some());
}

#[test]
fn too_few_levels_and_none_at_all_are_refused() {
    let few = judge(&run(&AT[..5], |n| (law(n), 0.0))).law.unwrap();
    assert!(few.refused.unwrap().starts_with("5 levels count, and it takes 6"));
    let none = judge(&run(&[], |_| (0.0, 0.0))).law.unwrap();
    assert!(none.refused.unwrap().starts_with("no level was held for it"));
    let mut unasked = run(&AT, |n| (law(n), 0.0));
    unasked.asked.search.as_mut().unwrap().law = None;
    assert_eq!(judge(&unasked).law, None);
}
