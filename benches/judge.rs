//! How long judging takes: a run of a minute and one of an hour, both of four endpoints and about 83 requests a second.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

#[path = "../tests/support/asked.rs"]
mod asked;

use std::collections::BTreeMap;
use std::hint::black_box;

use agenthub_perf::judge::{Targets, judge};
use agenthub_perf::record::{
    Asked, End, EndpointId, EndpointName, EndpointSecond, GeneratorSecond, Interval, IntervalKind, Run, Second,
};
use agenthub_perf::stats::Distribution;
use criterion::{Criterion, criterion_group, criterion_main};

const USERS: u32 = 250;
const ENDPOINTS: u32 = 4;
const REQUESTS: u64 = 21;

fn asked(run_time_s: f64) -> Asked {
    Asked {
        spawn_rate: Some(50.0),
        mean_wait_s: Some(3.0),
        wait: "1–5 s".to_owned(),
        targets: Targets::guide().to_words(),
        ..asked::asked("bench", USERS, run_time_s)
    }
}

fn run(length_s: u32) -> Run {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut intervals = Vec::new();
    let mut seconds = Vec::new();
    for at in 0..length_s {
        let (from_s, to_s) = (f64::from(at), f64::from(at) + 1.0);
        let mut endpoints = BTreeMap::new();
        for id in 0..ENDPOINTS {
            endpoints.insert(id, EndpointSecond { requests: REQUESTS, ..EndpointSecond::default() });
            for kind in [IntervalKind::Response, IntervalKind::FirstByte] {
                let values = Distribution::from_pairs(
                    (0..REQUESTS).map(|_| (500 - (700.0 * rng.f64().max(1e-9).ln()) as u64, 1)),
                );
                intervals.push(Interval { from_s, to_s, kind, endpoint: EndpointId(id), values });
            }
        }
        let lag = Distribution::from_pairs((0..REQUESTS).map(|_| (rng.u64(50..300), 1)));
        intervals.push(Interval { from_s, to_s, kind: IntervalKind::Lag, endpoint: EndpointId(0), values: lag });
        seconds.push(Second {
            from_s,
            to_s,
            wanted: f64::from(USERS),
            users: USERS,
            user_s: f64::from(USERS),
            in_flight_s: 0.1,
            thinking_s: f64::from(USERS) - 0.1,
            endpoints,
            generator: GeneratorSecond { cpu_s: 0.1, memory_bytes: 60_000_000, ..GeneratorSecond::default() },
            ..Second::default()
        });
    }
    let endpoint =
        |id| EndpointName { name: format!("GET /{id}"), scenario: "agenthub user".to_owned(), tags: Vec::new() };
    Run {
        asked: asked(f64::from(length_s)),
        endpoints: (0..ENDPOINTS).map(endpoint).collect(),
        seconds,
        intervals,
        watched: Vec::new(),
        levels: Vec::new(),
        check: None,
        end: Some(End::Finished),
        warnings: Vec::new(),
    }
}

fn judging(criterion: &mut Criterion) {
    let minute = run(60);
    criterion.bench_function("judge 60 s, 4 endpoints", |bencher| bencher.iter(|| judge(black_box(&minute))));
    let hour = run(3600);
    let mut group = criterion.benchmark_group("long");
    group.sample_size(10);
    group.bench_function("judge 1 h, 4 endpoints", |bencher| bencher.iter(|| judge(black_box(&hour))));
    group.finish();
}

criterion_group!(benches, judging);
criterion_main!(benches);
