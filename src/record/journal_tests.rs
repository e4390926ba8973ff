//! What the journal must keep, whatever happens to it.

use std::collections::BTreeMap;

use super::*;
use crate::record::accountant::Closed;
use crate::record::fixture::{asked, endpoints};
use crate::record::{
    EndpointId, EndpointSecond, FailureKind, Gap, GeneratorSecond, Interval, IntervalKind, ProbeKind, ProbeName, Run,
    Seen, read,
};
use crate::stats::Distribution;

fn started() -> jiff::Timestamp {
    "2026-11-23T08:10:00Z".parse().unwrap()
}

/// Second `at` of a run: two endpoints, figures that differ from second to second.
fn closed(at: u64) -> Closed {
    let (from_s, to_s) = (at as f64, at as f64 + 1.0);
    let counters = |requests| EndpointSecond {
        requests,
        failures: BTreeMap::from([(FailureKind::Reset, at % 2)]),
        errors: BTreeMap::from([(format!("text {}", at % 3), at % 2)]),
        statuses: BTreeMap::from([(200 + (at % 2) as u16, requests)]),
        body_bytes: at,
        phases_us: [1, 2, 3, 4, at],
        ..EndpointSecond::default()
    };
    let interval = |kind, endpoint, us| Interval {
        from_s,
        to_s,
        kind,
        endpoint: EndpointId(endpoint),
        values: Distribution::from_pairs([(us, 1), (us + 1, 2)]),
    };
    Closed {
        second: Second {
            from_s,
            to_s,
            wanted: at as f64,
            users: at as u32 % 50,
            in_flight: 1,
            thinking: 2,
            failed_starts: at % 7,
            user_s: 0.25,
            in_flight_s: 0.5,
            thinking_s: 0.125,
            endpoints: BTreeMap::from([(0, counters(3)), (1, counters(6))]),
            generator: GeneratorSecond { cpu_s: 0.5, memory_bytes: at, ..GeneratorSecond::default() },
            ..Second::default()
        },
        intervals: vec![
            interval(IntervalKind::Response, 0, at % 500),
            interval(IntervalKind::Response, 1, 1000 + at % 500),
            interval(IntervalKind::FirstByte, 1, at % 300),
        ],
    }
}

fn append(journal: &mut Journal, at: u64) {
    let Closed { second, intervals } = closed(at);
    journal.append(&second, &intervals).unwrap();
}

fn write(folder: &Path, seconds: std::ops::Range<u64>) -> Journal {
    asked().write(folder).unwrap();
    let mut journal = Journal::create(folder).unwrap();
    journal.begin(started(), &endpoints(2)).unwrap();
    for at in seconds {
        append(&mut journal, at);
    }
    journal
}

/// The figures that merging must not change: all counts, and all values.
fn totals(run: &Run) -> (Second, Vec<(IntervalKind, EndpointId, Distribution)>) {
    let mut seconds = run.seconds.iter();
    let mut sum = seconds.next().unwrap().clone();
    seconds.for_each(|second| sum.absorb(second));
    // Only minutes tell of each of their seconds.
    (sum.each_cpu_ms, sum.each_run_delay_ms) = (Vec::new(), Vec::new());
    let mut values = Vec::new();
    for kind in IntervalKind::ALL {
        for id in 0..2 {
            values.push((kind, EndpointId(id), run.values(kind, Some(EndpointId(id)), 0.0, f64::INFINITY)));
        }
    }
    (sum, values)
}

/// The figures of `seconds` by hand.
fn expected(seconds: u64) -> Run {
    let (seconds, intervals): (Vec<_>, Vec<_>) = (0..seconds).map(closed).map(|c| (c.second, c.intervals)).unzip();
    let intervals = intervals.into_iter().flatten().collect();
    Run {
        asked: asked(),
        endpoints: endpoints(2),
        seconds,
        intervals,
        watched: Vec::new(),
        levels: Vec::new(),
        check: None,
        end: None,
        warnings: Vec::new(),
    }
}

#[test]
fn every_figure_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write(folder.path(), 0..100);
    assert_eq!(read(folder.path()).unwrap(), expected(100), "it is on disk before the journal is closed");
    journal.end(&End::Aborted("the disk was full".into())).unwrap();
    let end = Some(End::Aborted("the disk was full".into()));
    assert_eq!(read(folder.path()).unwrap(), Run { end, ..expected(100) });
}

#[test]
fn a_whole_hour_becomes_sixty_minutes_with_the_same_totals() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write(folder.path(), 0..3599);
    let sizes =
        |folder: &Path| ["latency.hlog", "samples.ndjson"].map(|name| fs::metadata(folder.join(name)).unwrap().len());
    let before = sizes(folder.path());
    assert_eq!(read(folder.path()).unwrap().seconds.len(), 3599);
    append(&mut journal, 3599);
    let after = sizes(folder.path());
    assert!(after[0] * 20 < before[0] && after[1] * 20 < before[1], "{before:?} {after:?}");

    let run = read(folder.path()).unwrap();
    assert_eq!(totals(&run), totals(&expected(3600)));
    let spans: Vec<(f64, f64)> = run.seconds.iter().map(|s| (s.from_s, s.to_s)).collect();
    assert_eq!(spans, (0..60).map(|m| (f64::from(m) * 60.0, f64::from(m) * 60.0 + 60.0)).collect::<Vec<_>>());
    assert_eq!(run.intervals.len(), 60 * 3);
    assert_eq!((run.seconds[3].users, run.seconds[3].generator.memory_bytes), (239 % 50, 239), "as at its end");
    assert_eq!((run.endpoints, run.warnings), (endpoints(2), Vec::new()));

    // The next hour goes on behind, second by second, and is merged in its turn.
    for at in 3600..7300 {
        append(&mut journal, at);
    }
    let run = read(folder.path()).unwrap();
    assert_eq!(run.seconds.len(), 120 + 100);
    assert_eq!(totals(&run), totals(&expected(7300)));
    let names: std::collections::BTreeSet<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["latency.hlog", "run.toml", "samples.ndjson"]);
}

/// A journal whose hours have two minutes.
fn write_short(folder: &Path, seconds: std::ops::Range<u64>) -> Journal {
    let mut journal = write(folder, 0..0);
    journal.hour_minutes = 2;
    for at in seconds {
        append(&mut journal, at);
    }
    journal
}

#[test]
fn an_hour_merged_in_one_file_only_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write_short(folder.path(), 0..119);
    let unmerged = fs::read(folder.path().join("latency.hlog")).unwrap();
    append(&mut journal, 119);
    // As if the process was killed between the two renames, while it wrote the second file.
    let mut last = Vec::new();
    for interval in closed(119).intervals {
        journal.encoder.line(&interval, &mut last).unwrap();
    }
    fs::write(folder.path().join("latency.hlog"), [unmerged, last].concat()).unwrap();
    fs::write(folder.path().join(".latency.hlog.new"), "Tag=r.0,0.000,").unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!((run.seconds.len(), run.intervals.len()), (2, 120 * 3));
    assert_eq!(totals(&run), totals(&expected(120)));
    // Every histogram lies within the piece of time that counts its requests.
    for interval in &run.intervals {
        let around = |second: &&Second| second.from_s <= interval.from_s && interval.to_s <= second.to_s;
        assert_eq!(run.seconds.iter().filter(around).count(), 1, "{interval:?}");
    }
}

#[test]
fn an_hour_whose_counters_cannot_be_merged_keeps_its_histograms_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write_short(folder.path(), 0..119);
    let in_the_way = folder.path().join(".samples.ndjson.new");
    fs::create_dir(&in_the_way).unwrap();
    append(&mut journal, 119);
    fs::remove_dir(&in_the_way).unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!((run.seconds.len(), run.intervals.len()), (120, 120 * 3));
    for at in 120..240 {
        append(&mut journal, at);
    }
    let run = read(folder.path()).unwrap();
    assert_eq!(
        (run.seconds.len(), run.intervals.len()),
        (120 + 2, 120 * 3 + 2 * 3),
        "the next hour is merged by itself"
    );
    assert_eq!(totals(&run), totals(&expected(240)));
}

#[test]
fn an_hour_that_cannot_be_merged_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write_short(folder.path(), 0..119);
    // Directories in the way of the new files.
    let in_the_way = ["latency.hlog", "samples.ndjson"].map(|name| folder.path().join(format!(".{name}.new")));
    for path in &in_the_way {
        fs::create_dir(path).unwrap();
    }
    for at in 119..130 {
        append(&mut journal, at);
    }
    let run = read(folder.path()).unwrap();
    assert_eq!(run.seconds.len(), 130);
    assert_eq!(totals(&run), totals(&expected(130)));
    for path in &in_the_way {
        fs::remove_dir(path).unwrap();
    }
    for at in 130..240 {
        append(&mut journal, at);
    }
    let run = read(folder.path()).unwrap();
    assert_eq!(run.seconds.len(), 120 + 2, "the next hour is merged by itself");
    assert_eq!(totals(&run), totals(&expected(240)));
}

#[test]
fn another_run_s_journal_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0..2);
    let error = Journal::create(folder.path()).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("latency.hlog"), "{error}");
    assert_eq!(read(folder.path()).unwrap().seconds.len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for name in ["latency.hlog", "samples.ndjson"] {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        let appender = if name == "latency.hlog" { &mut journal.hlog } else { &mut journal.samples };
        appender.file = full();
        let error = journal.begin(started(), &endpoints(1)).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        let path = folder.path().join(name);
        assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
    }
}

impl Journal {
    /// Makes the disk full for the counters' file, from now on.
    #[cfg(target_os = "linux")]
    pub(in crate::record) fn fill_disk(&mut self) {
        self.samples.file = File::options().write(true).open("/dev/full").unwrap();
    }
}

#[test]
fn what_probes_tell_is_read_back_and_merged_with_the_hour() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = write_short(folder.path(), 0..0);
    let name = ProbeName { kind: ProbeKind::Process, name: "api".into(), facts: BTreeMap::new() };
    journal.watch(&[ProbeLine::Probe { id: 0, name: name.clone() }]).unwrap();
    let seen = |at: u64| Seen {
        from_s: at as f64,
        to_s: at as f64 + 1.0,
        gauges: [("memory_bytes".to_owned(), 100.0)].into(),
        counts: [("cpu_s".to_owned(), if at == 7 { 1.5 } else { 0.5 })].into(),
        ..Seen::default()
    };
    let gap = Gap { from_s: 9.0, to_s: 10.0, why: "it has ended".into() };
    for at in 0..121 {
        let line = match at {
            9 => ProbeLine::Gap { probe: 0, gap: gap.clone() },
            _ => ProbeLine::Seen { probe: 0, seen: seen(at) },
        };
        journal.watch(&[line]).unwrap();
        if at == 118 {
            let run = read(folder.path()).unwrap();
            assert_eq!(
                (run.watched.len(), run.watched[0].seen.len()),
                (1, 118),
                "each second, before the hour is over"
            );
        }
        append(&mut journal, at);
    }
    let run = read(folder.path()).unwrap();
    assert_eq!(run.warnings, Vec::<String>::new());
    let [watched] = &*run.watched else { panic!("{:?}", run.watched) };
    assert_eq!((&watched.name, &*watched.gaps), (&name, &[gap][..]));
    let spans: Vec<(f64, f64)> = watched.seen.iter().map(|seen| (seen.from_s, seen.to_s)).collect();
    assert_eq!(spans, [(0.0, 60.0), (60.0, 120.0), (120.0, 121.0)]);
    assert_eq!(watched.total("cpu_s", 0.0, 200.0), Some(59.0 * 0.5 + 1.0 + 61.0 * 0.5));
    assert_eq!((watched.seen[0].peak("cpu_s"), watched.seen[1].peak("cpu_s")), (Some(1.5), Some(0.5)));
}
