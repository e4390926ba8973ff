//! The recording of more than an hour, by a clock that runs fast: what it holds in memory stays what it was.
//!
//! The same at full scale, and timed, is `cargo bench --bench hour`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "support/hour.rs"]
mod hour;

use agenthub_perf::judge::judge;
use agenthub_perf::record::{IntervalKind, read};
use hour::Hour;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[test]
fn an_hour_s_recording_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let shape = Hour { seconds: 3720, endpoints: 2, per_second: 5, probes: 0 };
    let mut held = Vec::new();
    let mut unmerged = 0;
    shape.record(folder.path(), |second| {
        if second == 3600 - 1 {
            unmerged = hour::bytes_on_disk(folder.path());
        }
        if [600, 3599, 3660].contains(&second) {
            held.push(MEMORY.current_usage());
        }
    });
    let [minute_10, minute_60, hour_2] = held[..] else { panic!("{held:?}") };
    // Until the hour is whole its minutes are kept, as lines: 60 of 5 histograms.
    assert!(minute_60 < minute_10 + (1 << 20), "{minute_10} bytes held after 10 minutes, {minute_60} after 60");
    assert!(hour_2 < minute_10 + (128 << 10), "{minute_10} bytes held after 10 minutes, {hour_2} in the second hour");
    // 3600 s of 5 histograms, and then a 60th of them.
    let merged = hour::bytes_on_disk(folder.path());
    assert!(
        unmerged < 12 << 20 && merged * 8 < unmerged,
        "{unmerged} bytes before the hour was merged, {merged} after"
    );

    let run = read(folder.path()).unwrap();
    assert_eq!((run.duration_s(), run.seconds.len()), (3720.0, 60 + 120));
    let counted: u64 = run.seconds.iter().flat_map(|second| second.endpoints.values()).map(|e| e.requests).sum();
    assert_eq!(counted, 3720 * 2 * 5);
    let measured = run.values(IntervalKind::Response, None, 0.0, f64::INFINITY).count();
    assert_eq!(measured, counted);
}

/// A soak that is watched, of so many hours: what is held in memory after each of them but the last, what lies on the disk after
/// each, and what reading and judging it take; bytes.
fn soak(hours: u64) -> (Vec<usize>, Vec<u64>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let shape = Hour { seconds: hours * 3600, endpoints: 1, per_second: 1, probes: 2 };
    let (mut held, mut disk) = (Vec::new(), Vec::new());
    shape.record(folder.path(), |second| {
        // A minute into the next: by then the hour is merged.
        if second % 3600 == 60 && second > 60 {
            held.push(MEMORY.current_usage());
            disk.push(hour::bytes_on_disk(folder.path()));
        }
    });
    disk.push(hour::bytes_on_disk(folder.path()));
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let run = read(folder.path()).unwrap();
    let result = judge(&run);
    assert_eq!(run.seconds.len() as u64, hours * 60, "all of it is minutes");
    let memory = result.drift.iter().filter(|drift| drift.name == "memory");
    assert!(memory.clone().count() == 2 && memory.clone().all(|drift| drift.points.len() == 32), "{:#?}", result.drift);
    (held, disk, MEMORY.peak_usage() - before)
}

#[test]
fn hour_after_hour_a_soak_holds_no_more_and_writes_the_same() {
    let (held, disk, _) = soak(3);
    let [after_1, after_2] = held[..] else { panic!("{held:?}") };
    assert!(after_2 < after_1 + (64 << 10), "held after each hour: {held:?}");
    // Of an hour 60 minutes of everything: a day is 24 times that. At the end there is no minute more that is not merged yet.
    let an_hour = disk[1] - disk[0];
    assert!(an_hour < 256 << 10, "on disk after each hour: {disk:?}");
    assert!(disk[2] - disk[1] < an_hour + (32 << 10), "on disk after each hour: {disk:?}");
}

/// For the documentation.
#[test]
#[ignore = "takes a while, and prints"]
fn a_day() {
    let (held, disk, reading) = soak(24);
    eprintln!("held after each hour: {held:?}\non disk: {disk:?}\npeak of reading and judging: {reading}");
}
