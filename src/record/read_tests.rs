//! What reading must stand.

use super::*;
use crate::record::fixture::{asked, endpoints, sample};
use crate::record::{IntervalKind, Recorder};

const HLOG: &str = "latency.hlog";
const SAMPLES: &str = "samples.ndjson";

/// A journal of a few seconds, written as the recorder writes it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(folder.path(), &asked(), endpoints(2)).unwrap();
    recorder.begin();
    for second in 0..3 {
        recorder.record(&sample(0, second * 1_000_000, 100 + second));
        recorder.record(&sample(1, second * 1_000_000 + 5, 5000 + second));
    }
    recorder.finish(End::Finished).unwrap();
    folder
}

fn count(run: &Run) -> u64 {
    run.seconds.iter().flat_map(|second| second.endpoints.values()).map(|e| e.requests).sum()
}

#[test]
fn a_journal_cut_at_any_byte_loses_what_was_cut_and_nothing_else() {
    for name in [HLOG, SAMPLES] {
        let folder = folder();
        let whole = read(folder.path()).unwrap();
        let bytes = fs::read(folder.path().join(name)).unwrap();
        for cut in 0..=bytes.len() {
            fs::write(folder.path().join(name), &bytes[..cut]).unwrap();
            let run = read(folder.path()).unwrap_or_else(|error| panic!("{name} cut at {cut}: {error}"));
            assert_eq!(run.warnings, Vec::<String>::new(), "{name} cut at {cut}");
            // Lines that are whole but for their line end count too.
            let text = String::from_utf8_lossy(&bytes[..cut]).into_owned()
                + if cut < bytes.len() && bytes[cut] == b'\n' { "\n" } else { "" };
            let whole_lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if name == HLOG {
                let intervals = whole_lines.filter(|line| line.starts_with("Tag=")).count();
                assert_eq!(run.intervals, whole.intervals[..intervals], "cut at {cut}");
                assert_eq!(run.seconds, whole.seconds);
            } else {
                let seconds = whole_lines.filter(|line| line.contains(r#""type":"second""#)).count();
                assert_eq!(run.seconds, whole.seconds[..seconds], "cut at {cut}");
                assert_eq!(run.intervals, whole.intervals);
                assert_eq!(run.partial(), !text.contains(r#"{"type":"end","how":"finished"}"#), "cut at {cut}");
                assert_eq!(run.endpoints.len(), 2, "names that are lost are numbers");
            }
        }
    }
}

#[test]
fn lines_broken_in_the_middle_are_skipped_with_a_warning() {
    let folder = folder();
    let whole = read(folder.path()).unwrap();
    let damage = |name: &str, at: usize| {
        let path = folder.path().join(name);
        let mut lines: Vec<Vec<u8>> = fs::read(&path).unwrap().split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        let half = lines[at].len() / 2;
        lines[at].truncate(half);
        lines[at].push(0xff);
        fs::write(&path, lines.join(&b'\n')).unwrap();
    };
    damage(HLOG, 5);
    damage(SAMPLES, 4);
    let run = read(folder.path()).unwrap();
    assert_eq!(
        run.warnings,
        ["latency.hlog line 6: it is no text; skipped", "samples.ndjson line 5: it is no text; skipped"]
    );
    assert_eq!(run.intervals, whole.intervals[1..]);
    assert_eq!(run.seconds.len(), whole.seconds.len());
    let generator = GeneratorSecond { missing: true, ..GeneratorSecond::default() };
    let nothing = Second { from_s: 1.0, to_s: 2.0, generator, ..Second::default() };
    assert_eq!(run.seconds[1], nothing, "a hole is filled with nothing");
    assert_eq!((run.seconds[0].clone(), &run.seconds[2..]), (whole.seconds[0].clone(), &whole.seconds[2..]));
    assert_eq!(run.end, Some(End::Finished));
}

#[test]
fn many_broken_lines_make_few_warnings() {
    let folder = folder();
    fs::write(folder.path().join(SAMPLES), "nonsense\n".repeat(1000)).unwrap();
    let warnings = read(folder.path()).unwrap().warnings;
    assert_eq!(warnings.len(), 6);
    assert_eq!(warnings[0], "samples.ndjson line 1: it is no JSON object with a type; skipped");
    assert_eq!(warnings[5], "samples.ndjson: 995 more lines skipped");
}

#[test]
fn lines_of_later_versions_are_passed_over() {
    let folder = folder();
    let whole = read(folder.path()).unwrap();
    let path = folder.path().join(SAMPLES);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(r#"{"type":"second","#, r#"{"new":[1,2],"type":"second","#);
    fs::write(&path, format!("{{\"probe\":\"host\",\"type\":\"novelty\",\"at_s\":1.5}}\n\n{text}")).unwrap();
    let path = folder.path().join(HLOG);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}Tag=x.0,0.000,1.000,1.000,whatever\n")).unwrap();
    assert_eq!(read(folder.path()).unwrap(), whole);
}

#[test]
fn a_folder_with_run_toml_alone_is_a_run_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    asked().write(folder.path()).unwrap();
    let run = read(folder.path()).unwrap();
    assert_eq!((run.seconds.len(), run.intervals.len(), run.end.clone(), run.duration_s()), (0, 0, None, 0.0));
}

#[test]
fn a_folder_without_run_toml_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("run.toml"), "{error}");
}

#[test]
fn other_sources_are_added_on_their_own_clock_and_by_the_names_of_endpoints() {
    let folder = folder();
    let whole = read(folder.path()).unwrap();
    let hlog = fs::read_to_string(folder.path().join(HLOG)).unwrap();
    let text = fs::read_to_string(folder.path().join(SAMPLES)).unwrap();
    let started: jiff::Timestamp = {
        let (_, rest) = text.split_once(r#""started":""#).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    // The other began 2 s later by a clock that is 10 s ahead, and knows the two endpoints the other way round.
    let theirs = started + jiff::SignedDuration::from_secs(12);
    let text = text
        .replace(&started.to_string(), &theirs.to_string())
        .replace(r#""clock_offset_us":0"#, r#""clock_offset_us":10000000"#)
        .replace("GET /0", "GET /new")
        .replace("GET /1", "GET /0");
    fs::write(folder.path().join("latency.w1.hlog"), hlog).unwrap();
    fs::write(folder.path().join("samples.w1.ndjson"), text).unwrap();

    let run = read(folder.path()).unwrap();
    let names: Vec<&str> = run.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
    assert_eq!(names, ["GET /0", "GET /1", "GET /new"]);
    assert_eq!(count(&run), 2 * count(&whole));
    let requests = |second: usize| run.seconds[second].endpoints.iter().map(|(&id, e)| (id, e.requests)).collect();
    let first: Vec<(u32, u64)> = requests(0);
    let third: Vec<(u32, u64)> = requests(2);
    assert_eq!((first, third), (vec![(0, 1), (1, 1)], vec![(0, 2), (1, 1), (2, 1)]));
    assert!(run.seconds.windows(2).all(|pair| pair[0].to_s == pair[1].from_s), "no holes");
    let new = run.values(IntervalKind::Response, Some(EndpointId(2)), 0.0, f64::INFINITY);
    let old = whole.values(IntervalKind::Response, Some(EndpointId(0)), 0.0, f64::INFINITY);
    assert_eq!(new, old);
}
