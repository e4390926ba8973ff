//! Endpoints that are only asked for a moment, and percentiles of a handful of requests: nothing is made of them.

use std::collections::BTreeMap;

use super::synthetic::{PLAIN, Service};
use super::{USUAL, against};
use crate::judge::{Changed, Outcome, RunResult, judge};
use crate::record::{EndpointId, EndpointName, Interval, IntervalKind, Run};
use crate::stats::Distribution;

const LOG_IN: &str = "POST /api/v2/auth/login";

/// A run whose sessions also log in, so many in each of its first seconds, each taking about so long.
fn with_log_ins(service: Service, seed: u64, each_second: &[u64], ms: u64) -> (Run, RunResult) {
    let mut run = service.run(seed);
    let id = run.endpoints.len() as u32;
    run.endpoints.push(EndpointName { name: LOG_IN.into(), scenario: "agenthub user".into(), tags: Vec::new() });
    let mut rng = fastrand::Rng::with_seed(seed);
    // Whatever else a second has on, all that begin within it share: which no second of the same run tells.
    let from = service.seconds / 4;
    for (second, &count) in (from..).zip(each_second) {
        let level = ms * 1000 * rng.u64(90..=110) / 100;
        let values = Distribution::from_pairs((0..count).map(|_| (level + rng.u64(..level / 20), 1)));
        let at = &mut run.seconds[second];
        at.endpoints.insert(id, crate::record::EndpointSecond { requests: count, ..Default::default() });
        let (from_s, to_s) = (at.from_s, at.to_s);
        run.intervals.push(Interval { from_s, to_s, kind: IntervalKind::Response, endpoint: EndpointId(id), values });
    }
    let result = judge(&run);
    (run, result)
}

fn log_ins(a: (u64, &[u64], u64), b: (u64, &[u64], u64), service: Service) -> Changed {
    let side = |(seed, each_second, ms): (u64, &[u64], u64)| with_log_ins(service, seed, each_second, ms);
    let found = against(&[side(a)], &[side(b)], USUAL);
    let wanted = |row: &&Changed| row.name.contains(LOG_IN);
    found.endpoints.iter().find(wanted).cloned().unwrap()
}

#[test]
fn an_endpoint_that_is_asked_for_a_moment_is_unproven_whatever_its_times() {
    for (seconds, each_second) in [(60, &[12][..]), (60, &[9, 3]), (60, &[100, 40]), (300, &[200, 200])] {
        let service = Service { seconds, rate: 20, ..PLAIN };
        for (seed, a_ms, b_ms) in [(1, 20, 20), (2, 20, 30), (3, 30, 20), (4, 20, 90)] {
            let row = log_ins((seed, each_second, a_ms), (seed + 10, each_second, b_ms), service);
            assert_eq!(row.verdict, Outcome::Unproven, "{each_second:?}, {a_ms} and {b_ms} ms: {row:#?}");
            assert!(row.reason.contains("compare several runs a side"), "{}", row.reason);
            assert!(row.a.is_some() && row.b.is_some() && row.ratio.is_none() && row.p_worse.is_none(), "{row:#?}");
        }
    }
}

#[test]
fn the_same_endpoint_asked_all_the_time_is_told_apart() {
    let service = Service { seconds: 60, rate: 20, ..PLAIN };
    let all_the_time = [12; 45];
    let row = log_ins((1, &all_the_time, 20), (2, &all_the_time, 30), service);
    assert_eq!(row.verdict, Outcome::Worse, "{row:#?}");
}

#[test]
fn a_percentile_of_too_few_requests_says_how_many_it_takes() {
    let service = Service { seconds: 60, rate: 20, ..PLAIN };
    let now_and_then: Vec<u64> = (0..40).map(|second| u64::from(second % 4 == 0)).collect();
    let row = log_ins((1, &now_and_then, 20), (2, &now_and_then, 90), service);
    assert_eq!(row.verdict, Outcome::Unproven, "{row:#?}");
    assert_eq!(
        row.reason,
        "A has 10 requests, too few to bound a p95 (72 do): it takes about 8 min of steady load a side, there are 60 s"
    );
}

#[test]
fn only_percentiles_that_the_requests_bound_are_in_the_shift_function() {
    let few = Service { seconds: 30, rate: 10, ..PLAIN };
    let found = against(&[few.judged(1)], &[few.judged(2)], USUAL);
    let percentiles: Vec<f64> = found.shift.iter().map(|point| point.percentile).collect();
    // 300 requests: p98 takes 183, p99 368.
    assert_eq!(percentiles.last(), Some(&98.0), "{percentiles:?}");
    assert_eq!(percentiles.len(), 11);
}

#[test]
fn log_ins_of_the_same_service_are_never_worse_or_better() {
    let service = Service { seconds: 40, rate: 20, ..PLAIN };
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..40 {
        let row = log_ins((2 * seed, &[40, 30, 20, 10], 20), (2 * seed + 1, &[40, 30, 20, 10], 20), service);
        *counts.entry(format!("{:?}", row.verdict)).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([("Unproven".to_owned(), 40)]));
}
