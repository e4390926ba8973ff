//! What recording costs a user, what a second costs the recorder's thread, and what reading a journal costs a report.
//!
//! `cargo bench --bench record`. Response times are seeded exponential ones; journals are read from a warm page cache.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

#[path = "../tests/support/asked.rs"]
mod asked;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use agenthub_perf::record::{
    Asked, End, EndpointId, EndpointName, EndpointSecond, Interval, IntervalKind, Journal, Outcome, Phases, Recorder,
    Sample, Second, State, read,
};
use agenthub_perf::stats::Distribution;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn asked() -> Asked {
    asked::asked("bench", 50, 60.0)
}

fn names(endpoints: u32) -> Vec<EndpointName> {
    let name =
        |id| EndpointName { name: format!("GET /api/v2/things/{id}"), scenario: "bench".into(), tags: Vec::new() };
    (0..endpoints).map(name).collect()
}

fn sample(endpoint: u32, end_us: u64, response_us: u64) -> Sample {
    Sample {
        endpoint: EndpointId(endpoint),
        end_us,
        response_us,
        service_us: response_us,
        first_byte_us: response_us / 2,
        phases: Phases { first_byte_us: response_us as u32 / 2, ..Phases::default() },
        outcome: Outcome::Success,
        status: 200,
        redirects: 0,
        connected: 0,
        http2: false,
        body_bytes: 300,
    }
}

/// Exponential response times with a mean of 2 ms, µs.
fn response_us(random: &mut fastrand::Rng) -> u64 {
    (-2000.0 * (1.0 - random.f64()).ln()) as u64
}

/// A journal of `seconds` with `per_second` requests of each of `endpoints`.
fn journal(folder: &Path, seconds: u32, per_second: u64, endpoints: u32) {
    let mut random = fastrand::Rng::with_seed(7);
    asked().write(folder).unwrap();
    let mut journal = Journal::create(folder).unwrap();
    journal.begin("2026-11-23T08:10:00Z".parse().unwrap(), &names(endpoints)).unwrap();
    for second in 0..seconds {
        let (from_s, to_s) = (f64::from(second), f64::from(second) + 1.0);
        let mut intervals = Vec::new();
        for kind in [IntervalKind::Response, IntervalKind::FirstByte] {
            for endpoint in (0..endpoints).map(EndpointId) {
                let values = Distribution::from_pairs((0..per_second).map(|_| (response_us(&mut random), 1)));
                intervals.push(Interval { from_s, to_s, kind, endpoint, values });
            }
        }
        let counters = EndpointSecond {
            requests: per_second,
            statuses: BTreeMap::from([(200, per_second)]),
            body_bytes: 300 * per_second,
            phases_us: [0, 0, 0, 1000 * per_second, 1000 * per_second],
            ..EndpointSecond::default()
        };
        let endpoints = (0..endpoints).map(|id| (id, counters.clone())).collect();
        journal.append(&Second { from_s, to_s, users: 50, endpoints, ..Second::default() }, &intervals).unwrap();
    }
    journal.end(&End::Finished).unwrap();
}

/// Times `one`, done by each of `threads` at the pace of 100,000 a second altogether, which the journal's thread
/// fetches every second; only the doing is timed, not the pauses.
fn paced(iterations: u64, threads: u64, one: impl Fn() + Sync) -> Duration {
    const A_SECOND: u64 = 100_000;
    let mut timed = Duration::ZERO;
    let mut left = iterations;
    while left > 0 {
        let now = left.min(A_SECOND);
        let began = Instant::now();
        if threads == 1 {
            (0..now).for_each(|_| one());
        } else {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| (0..now.div_ceil(threads)).for_each(|_| one()));
                }
            });
        }
        timed += began.elapsed();
        left -= now;
        if left > 0 {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    timed
}

fn recording(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(folder.path(), &asked(), names(4)).unwrap();
    recorder.begin();
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    group.sample_size(10).warm_up_time(Duration::from_millis(10)).measurement_time(Duration::from_millis(50));
    let one = sample(1, 5, 1234);
    group.bench_function("a sample", |b| b.iter_custom(|n| paced(n, 1, || recorder.record(&one))));
    group.bench_function("a sample, 8 threads at once", |b| b.iter_custom(|n| paced(n, 8, || recorder.record(&one))));
    group.bench_function("a state entered and left", |b| {
        b.iter_custom(|n| {
            paced(n, 1, || {
                recorder.enter(State::InFlight, 5);
                recorder.leave(State::InFlight, 6);
            })
        });
    });
    for (name, threads) in [("all of a request", 1), ("all of a request, 8 threads at once", 8)] {
        group.bench_function(name, |b| {
            b.iter_custom(|n| {
                paced(n, threads, || {
                    recorder.enter(State::InFlight, 5);
                    recorder.ended(&one);
                })
            });
        });
    }
    group.bench_function("the time", |b| b.iter(|| recorder.now_us()));
    group.finish();
}

/// From the order to stop until a second's 40,000 samples are counted, sorted and on disk.
fn drain_a_second(random: &mut fastrand::Rng) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(folder.path(), &asked(), names(4)).unwrap();
    for n in 0..40_000 {
        recorder.record(&sample(n % 4, 0, response_us(random)));
    }
    let finishing = Instant::now();
    recorder.finish(End::Finished).unwrap();
    finishing.elapsed()
}

fn draining(c: &mut Criterion) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut group = c.benchmark_group("drain");
    group.sample_size(10);
    group.throughput(Throughput::Elements(40_000));
    group.bench_function("a second of 10,000 samples of each of 4 endpoints", |b| {
        b.iter_custom(|iterations| (0..iterations).map(|_| drain_a_second(&mut random)).sum());
    });
    group.finish();
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.sample_size(10);
    // A minute less than an hour: a whole one would be merged.
    for (name, seconds, per_second, endpoints) in [
        ("60 s of 4 endpoints", 60, 20, 4),
        ("59 min of 20 endpoints, 5,000 requests/s", 3540, 250, 20),
        ("one hour of 20 endpoints, 5,000 requests/s", 3600, 250, 20),
    ] {
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path(), seconds, per_second, endpoints);
        let bytes = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
        group.throughput(Throughput::Bytes(bytes("latency.hlog") + bytes("samples.ndjson")));
        group.bench_function(name, |b| b.iter_with_large_drop(|| read(folder.path()).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, recording, draining, reading);
criterion_main!(benches);
