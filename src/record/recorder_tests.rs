//! The recorder as drivers use it: many threads, a real clock.

use super::*;
use crate::record::fixture::{asked, endpoints, sample};
use crate::record::{EndpointId, IntervalKind, Outcome, Run, read};
use crate::stats::Distribution;

fn recorder(folder: &Path, endpoint_count: usize) -> Recorder {
    Recorder::create(folder, &asked(), endpoints(endpoint_count)).unwrap()
}

fn requests(run: &Run, endpoint: u32) -> u64 {
    run.seconds.iter().filter_map(|second| second.endpoints.get(&endpoint)).map(|e| e.requests).sum()
}

#[test]
fn threads_that_record_at_once_lose_nothing() {
    const THREADS: u64 = 8;
    const EACH: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 3);
    recorder.begin();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let recorder = &recorder;
            scope.spawn(move || {
                for n in 0..EACH {
                    recorder.enter(State::InFlight, recorder.now_us());
                    let now_us = recorder.now_us();
                    let ended = sample((n % 2) as u32, now_us, thread * EACH + n);
                    let outcome = if n % 100 == 0 { Outcome::CutOff } else { Outcome::Success };
                    recorder.record(&Sample { outcome, ..ended });
                    recorder.lag(n);
                    recorder.leave(State::InFlight, now_us);
                }
                recorder.failed_start();
            });
        }
    });
    recorder.finish(End::Finished).unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!((requests(&run, 0), requests(&run, 1)), (THREADS * EACH / 2, THREADS * EACH / 2));
    let count = |kind, endpoint| run.values(kind, endpoint, 0.0, f64::INFINITY).count();
    assert_eq!(count(IntervalKind::Response, None), THREADS * EACH / 100 * 99);
    assert_eq!(count(IntervalKind::CutOff, Some(EndpointId(0))), THREADS * EACH / 100);
    assert_eq!(count(IntervalKind::Lag, None), THREADS * EACH);
    assert_eq!(count(IntervalKind::Service, None), 0);
    assert_eq!(run.seconds.iter().map(|s| s.failed_starts).sum::<u64>(), THREADS);
    let last = run.seconds.last().unwrap();
    assert_eq!((last.in_flight, last.users), (0, 0));
    assert_eq!(run.endpoints, endpoints(3), "one that was never asked has its name all the same");
}

#[test]
fn every_percentile_is_within_three_digits() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1);
    recorder.begin();
    let mut values: Vec<u64> = (0..20_000_u64).map(|n| (n * 7919 % 20_000).pow(2) / 3).collect();
    for &us in &values {
        recorder.record(&sample(0, recorder.now_us(), us));
    }
    recorder.finish(End::Finished).unwrap();
    values.sort_unstable();
    let true_values = Distribution::from_pairs(values.iter().map(|&us| (us, 1)));
    let measured = read(folder.path()).unwrap().values(IntervalKind::Response, None, 0.0, f64::INFINITY);
    for per_mille in 0..=1000 {
        let q = f64::from(per_mille) / 1000.0;
        let (truth, measured) = (true_values.quantile(q).unwrap(), measured.quantile(q).unwrap());
        assert!(truth.abs_diff(measured) * 2000 <= truth, "{q}: {truth} µs measured as {measured}");
    }
}

#[test]
fn without_an_end_the_run_is_partial_and_keeps_its_counts() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1);
    recorder.begin();
    recorder.record(&sample(0, 5, 100));
    drop(recorder);
    let run = read(folder.path()).unwrap();
    assert_eq!((run.end.clone(), run.partial(), requests(&run, 0)), (None, true, 1));
}

#[test]
fn what_is_recorded_before_the_start_is_told_even_if_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1);
    assert_eq!(recorder.now_us(), 0);
    recorder.record(&sample(0, recorder.now_us(), 100));
    let end = End::Aborted("nobody could log in".into());
    recorder.finish(end.clone()).unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!((requests(&run, 0), run.end), (1, Some(end)));
}

#[test]
fn nothing_is_written_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1);
    recorder.record(&sample(0, 0, 100));
    drop(recorder);
    let run = read(folder.path()).unwrap();
    assert_eq!((run.asked, run.seconds.len(), run.end), (asked(), 0, None));
}

#[test]
fn only_the_first_start_sets_the_zero() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 1);
    recorder.begin();
    let before = recorder.at_us(Instant::now());
    recorder.begin();
    assert!(recorder.now_us() >= before);
    let zero = *recorder.zero.get().unwrap();
    assert_eq!(recorder.at_us(zero + std::time::Duration::from_micros(3_000_123)), 3_000_123);
    recorder.finish(End::Finished).unwrap();
    assert_eq!(read(folder.path()).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn two_recorders_at_once_do_not_mix() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let recorders = folders.each_ref().map(|folder| recorder(folder.path(), 1));
    recorders.iter().for_each(Recorder::begin);
    for n in 0..300 {
        recorders[n % 3 / 2].record(&sample(0, 0, 100));
    }
    for recorder in recorders {
        recorder.finish(End::Finished).unwrap();
    }
    assert_eq!(folders.map(|folder| requests(&read(folder.path()).unwrap(), 0)), [200, 100]);
}

#[test]
fn watchers_see_the_endpoints_at_once_and_the_figures_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = recorder(folder.path(), 2);
    let watcher = recorder.snapshots();
    assert_eq!(watcher.borrow().endpoints.len(), 2);
    recorder.begin();
    recorder.wanted(7.0);
    recorder.record(&sample(1, 1, 4000));
    recorder.finish(End::Finished).unwrap();
    let snapshot = watcher.borrow().clone();
    assert_eq!((snapshot.requests, snapshot.endpoints[1].requests, snapshot.users_wanted), (1, 1, 7));
    assert_eq!(snapshot.p95_ms, Some(4.001), "the middle of the bucket of 4000 and 4001 µs");
}
