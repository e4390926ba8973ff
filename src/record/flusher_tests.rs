//! What the recorder's thread does, by a clock that the test holds.

use super::*;
use crate::record::fixture::{asked, endpoints, sample};
use crate::record::shard::Mark;
use crate::record::{EndpointId, IntervalKind, Outcome, Phases, Run, Sample, Second, State, read};

const S: u64 = SECOND_US;

struct Bench {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    watcher: watch::Receiver<Snapshot>,
    flusher: Flusher,
}

fn bench(endpoint_count: usize) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    asked().write(folder.path()).unwrap();
    let journal = Journal::create(folder.path()).unwrap();
    let shared = Arc::new(Shared::new());
    let (watchers, watcher) = watch::channel(Snapshot::default());
    let mut flusher = Flusher::new(Arc::clone(&shared), endpoints(endpoint_count), journal, watchers);
    flusher.begin("2026-11-23T08:10:00Z".parse().unwrap());
    Bench { folder, shared, watcher, flusher }
}

impl Bench {
    fn record(&self, sample: Sample) {
        self.shared.shards.own().samples.push(sample);
    }

    fn read(&self) -> Run {
        read(self.folder.path()).unwrap()
    }
}

fn requests(run: &Run) -> Vec<u64> {
    run.seconds.iter().map(|second| second.endpoints.values().map(|e| e.requests).sum()).collect()
}

#[test]
fn a_second_is_on_disk_once_its_grace_is_over() {
    let mut b = bench(1);
    b.record(sample(0, S - 1, 500));
    b.flusher.tick(S + GRACE_US - 1);
    assert_eq!(requests(&b.read()), Vec::<u64>::new());
    b.flusher.tick(S + GRACE_US);
    assert_eq!(requests(&b.read()), [1]);
    assert_eq!(b.watcher.borrow().requests, 1);
}

#[test]
fn what_is_after_the_boundary_waits_for_its_own_second() {
    let mut b = bench(1);
    b.record(sample(0, S - 1, 500));
    b.record(sample(0, S, 500));
    b.flusher.tick(S + GRACE_US);
    assert_eq!(requests(&b.read()), [1]);
    b.flusher.tick(2 * S + GRACE_US);
    assert_eq!(requests(&b.read()), [1, 1]);
}

#[test]
fn a_stall_of_the_thread_leaves_every_sample_in_its_second() {
    let mut b = bench(1);
    for at in 0..10 {
        for _ in 0..=at {
            b.record(sample(0, at * S + 7, 500));
        }
    }
    b.flusher.tick(10 * S + GRACE_US);
    assert_eq!(requests(&b.read()), (1..=10).collect::<Vec<_>>());
}

#[test]
fn the_last_second_is_as_long_as_it_was() {
    let mut b = bench(1);
    b.shared.set_wanted(5.0);
    b.record(sample(0, S + 1, 500));
    b.shared.shards.own().marks.push(Mark { at_us: 0, state: State::AtWork, entered: true });
    b.flusher.tick(S + GRACE_US);
    let Bench { folder, flusher, .. } = b;
    flusher.finish(2 * S + S / 4, Some(&End::Finished)).unwrap();
    let run = read(folder.path()).unwrap();
    let spans: Vec<_> = run.seconds.iter().map(|s| (s.from_s, s.to_s, s.user_s, s.wanted)).collect();
    assert_eq!(spans, [(0.0, 1.0, 1.0, 5.0), (1.0, 2.0, 1.0, 5.0), (2.0, 2.25, 0.25, 5.0)]);
    assert_eq!(requests(&run), [0, 1, 0]);
    assert_eq!((run.end.clone(), run.partial(), run.duration_s()), (Some(End::Finished), false, 2.25));
}

#[test]
fn nothing_is_lost_that_is_stamped_at_or_after_the_end() {
    let b = bench(1);
    b.record(sample(0, 3 * S, 500));
    b.record(sample(0, 3 * S + 5, 500));
    let Bench { folder, flusher, .. } = b;
    flusher.finish(3 * S, Some(&End::Interrupted)).unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!(requests(&run), [0, 0, 0, 2]);
    assert_eq!(run.end, Some(End::Interrupted));
}

#[test]
fn a_late_sample_after_a_whole_last_second_gets_a_place() {
    let mut b = bench(1);
    b.flusher.tick(S + GRACE_US);
    b.record(sample(0, S - 1, 500));
    let Bench { folder, flusher, .. } = b;
    flusher.finish(S, Some(&End::Finished)).unwrap();
    assert_eq!(requests(&read(folder.path()).unwrap()), [0, 1]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_published_and_what_was_written_stays() {
    let mut b = bench(1);
    b.record(sample(0, 1, 500));
    b.flusher.tick(S + GRACE_US);
    b.flusher.journal.fill_disk();
    b.record(sample(0, S + 1, 500));
    b.flusher.tick(2 * S + GRACE_US);
    let published = b.watcher.borrow().journal_error.clone().unwrap();
    assert!(published.contains("samples.ndjson"), "{published}");
    b.record(sample(0, 2 * S + 1, 500));
    b.flusher.tick(3 * S + GRACE_US);
    assert_eq!(b.watcher.borrow().requests, 3, "it counts on");
    assert_eq!(requests(&b.read()), [1]);
    let Bench { folder, flusher, .. } = b;
    let error = flusher.finish(4 * S, Some(&End::Finished)).unwrap_err();
    assert_eq!(error.to_string(), published);
    assert!(read(folder.path()).unwrap().partial());
}

/// One hour of five requests a second over four endpoints, all outcomes among them; counts and user-seconds by hand.
#[test]
fn an_hour_by_a_fast_clock_keeps_every_count() {
    let mut b = bench(4);
    let error = b.shared.errors.id(crate::record::FailureKind::Timeout, "no answer within 30 s");
    let timeout = Outcome::Failure { kind: crate::record::FailureKind::Timeout, error };
    let mut given = 0_u64;
    for at in 0..3700 {
        for n in 0..5 {
            let outcome = if n == 4 { timeout } else { Outcome::Success };
            let phases = Phases { body_us: 3, ..Phases::default() };
            b.record(Sample { phases, outcome, ..sample((n % 4) as u32, at * S + n * 199_999, 1000 + at * n) });
            b.shared.shards.own().marks.extend([
                Mark { at_us: at * S + n * 199_999, state: State::InFlight, entered: true },
                Mark { at_us: at * S + n * 199_999 + 150_000, state: State::InFlight, entered: false },
            ]);
            given += 1;
        }
        b.flusher.tick((at + 1) * S + GRACE_US);
    }
    let run = b.read();
    assert_eq!(run.seconds.len(), 60 + 100);
    assert_eq!(requests(&run).iter().sum::<u64>(), given);
    assert_eq!(run.values(IntervalKind::Response, None, 0.0, 1e9).count(), 3700 * 4);
    assert_eq!(run.values(IntervalKind::Failed, Some(EndpointId(0)), 0.0, 1e9).count(), 3700);
    let in_flight_s: f64 = run.seconds.iter().map(|s| s.in_flight_s).sum();
    assert!((in_flight_s - 3700.0 * 5.0 * 0.15).abs() < 1e-6, "{in_flight_s}");
    assert_eq!(b.watcher.borrow().requests, given);
    assert_eq!(b.watcher.borrow().failures, 3700);
}

#[test]
fn a_time_in_which_the_process_did_not_run_is_told_in_the_seconds_it_covers() {
    let mut b = bench(1);
    b.flusher.woke(300_000, 799_999);
    b.flusher.woke(1_600_000, 4_200_000);
    b.flusher.tick(5 * S + GRACE_US);
    let stopped: Vec<f64> = b.read().seconds.iter().map(|second| second.generator.stopped_s).collect();
    assert_eq!(stopped, [0.0, 0.4, 1.0, 1.0, 0.2]);
}

#[test]
fn a_minute_keeps_the_largest_step_of_the_clock_and_all_else_added_up() {
    let second = |clock_jump_s, run_delay_s| Second {
        generator: crate::record::GeneratorSecond {
            run_delay_s,
            run_turns: 10,
            clock_jump_s,
            stopped_s: 0.5,
            ..crate::record::GeneratorSecond::default()
        },
        ..Second::default()
    };
    let mut minute = second(2.0, Some(0.25));
    minute.absorb(&second(-2.5, None));
    minute.absorb(&second(0.0, Some(0.5)));
    let told = minute.generator;
    assert_eq!((told.clock_jump_s, told.run_delay_s, told.run_turns), (-2.5, Some(0.75), 30));
    assert!((told.stopped_s - 1.5).abs() < 1e-12 && !told.missing);
}
