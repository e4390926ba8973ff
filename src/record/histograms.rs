//! Reads a `latency.hlog`: several threads, each a part of it, line by line, so that an hour is read in a moment and never
//! lies in memory as text.
//!
//! Of a large journal the times to first byte are added up by the minute: they are only ever told for the whole run, and would
//! take as much memory as the response times, which are needed by the second.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use super::hdr::{HIGHEST_US, Layout};
use super::hlog::Decoder;
use super::{EndpointId, Interval, IntervalKind};
use crate::stats::Distribution;

/// A journal of fewer bytes is not worth a second thread.
const A_PART: u64 = 1 << 20;
/// More threads than this only wait for memory.
const MOST_PARTS: u64 = 4;
/// From so many bytes on a journal is large: some minutes of many requests, or hours of few.
const LARGE: u64 = 16 << 20;
/// Seconds over which the times to first byte are added up.
const COARSE_S: f64 = 60.0;

/// What a file, or a part of it, holds.
#[derive(Debug, Default)]
pub(super) struct Histograms {
    pub(super) intervals: Vec<Interval>,
    /// Lines that could not be read, by number from 1, and why.
    pub(super) broken: Vec<(usize, &'static str)>,
    lines: usize,
}

/// Reads a file but for what was over before `from_s`; one that is not there holds nothing.
pub(super) fn histograms(path: &Path, from_s: f64) -> io::Result<Histograms> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Histograms::default()),
        Err(error) => return Err(error),
    };
    in_parts(path, length, (length / A_PART).clamp(1, most_parts()), length >= LARGE, from_s)
}

fn most_parts() -> u64 {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64).min(MOST_PARTS)
}

fn in_parts(path: &Path, length: u64, parts: u64, coarse: bool, from_s: f64) -> io::Result<Histograms> {
    let bounds = |part: u64| (length * part / parts, length * (part + 1) / parts);
    let read: Vec<io::Result<Histograms>> = std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..parts).map(|part| scope.spawn(move || read_part(path, bounds(part), coarse, from_s))).collect();
        let first = read_part(path, bounds(0), coarse, from_s);
        let panicked = |_| Err(io::Error::other("a thread that read it panicked"));
        std::iter::once(first).chain(others.into_iter().map(|other| other.join().unwrap_or_else(panicked))).collect()
    });
    let mut whole = Histograms::default();
    for part in read {
        let Histograms { intervals, broken, lines } = part?;
        whole.intervals.extend(intervals);
        whole.broken.extend(broken.into_iter().map(|(line, why)| (whole.lines + line, why)));
        whole.lines += lines;
    }
    Ok(whole)
}

/// The lines that begin within these bytes.
fn read_part(path: &Path, (from, to): (u64, u64), coarse: bool, from_s: f64) -> io::Result<Histograms> {
    let mut file = BufReader::with_capacity((to - from).clamp(8 << 10, 256 << 10) as usize, File::open(path)?);
    let mut at = from;
    if from > 0 {
        // The line that the byte before belongs to is another's.
        file.seek(SeekFrom::Start(from - 1))?;
        at = from - 1 + file.skip_until(b'\n')? as u64;
    }
    let mut found = Histograms::default();
    let mut decoder = Decoder::new();
    let mut first_bytes = FirstBytes::default();
    let mut line = Vec::new();
    while at < to {
        line.clear();
        let length = file.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        at += length as u64;
        found.lines += 1;
        if ends_before(&line, from_s) {
            continue;
        }
        match std::str::from_utf8(&line).map_err(|_| "it is no text").and_then(|line| decoder.line(line)) {
            Ok(Some(interval)) if coarse && interval.kind == IntervalKind::FirstByte => {
                if first_bytes.is_over_at(interval.from_s) {
                    first_bytes.take(&mut found.intervals);
                }
                first_bytes.add(&interval);
            }
            Ok(interval) => found.intervals.extend(interval),
            // A torn last line is expected.
            Err(why) if line.ends_with(b"\n") => found.broken.push((found.lines, why)),
            Err(_) => {}
        }
    }
    first_bytes.take(&mut found.intervals);
    Ok(found)
}

/// Whether a line is of an interval that was over by then; told without decoding it.
fn ends_before(line: &[u8], from_s: f64) -> bool {
    let mut fields = line.splitn(4, |&byte| byte == b',').skip(1);
    let mut seconds = || std::str::from_utf8(fields.next()?).ok()?.parse::<f64>().ok();
    line.starts_with(b"Tag=") && seconds().zip(seconds()).is_some_and(|(from, length)| from + length <= from_s)
}

/// The times to first byte of a minute that is being read.
#[derive(Default)]
struct FirstBytes {
    from_s: f64,
    to_s: f64,
    /// How many values are in each bucket of the journal's layout.
    counts: BTreeMap<EndpointId, Vec<u64>>,
}

impl FirstBytes {
    fn is_over_at(&self, at_s: f64) -> bool {
        self.to_s > 0.0 && (at_s / COARSE_S).floor() != (self.from_s / COARSE_S).floor()
    }

    fn add(&mut self, interval: &Interval) {
        if self.to_s == 0.0 {
            self.from_s = interval.from_s;
        }
        self.to_s = self.to_s.max(interval.to_s);
        let counts = self.counts.entry(interval.endpoint).or_default();
        for &(value, count) in interval.values.pairs() {
            let bucket = Layout::JOURNAL.bucket(value.min(HIGHEST_US));
            if bucket >= counts.len() {
                counts.resize(bucket + 1, 0);
            }
            counts[bucket] += count;
        }
    }

    /// Hands out an interval for each endpoint, and begins anew.
    fn take(&mut self, intervals: &mut Vec<Interval>) {
        let (from_s, to_s) = (self.from_s, self.to_s);
        for (&endpoint, counts) in &mut self.counts {
            let used = counts.iter_mut().enumerate().filter(|(_, count)| **count > 0);
            let pairs: Vec<(u64, u64)> =
                used.map(|(bucket, count)| (Layout::JOURNAL.middle(bucket), std::mem::take(count))).collect();
            if !pairs.is_empty() {
                let values = Distribution::from_pairs(pairs);
                intervals.push(Interval { from_s, to_s, kind: IntervalKind::FirstByte, endpoint, values });
            }
        }
        (self.from_s, self.to_s) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::hdr::Sorter;
    use crate::record::hlog::Encoder;

    fn interval(second: u32, kind: IntervalKind, endpoint: u32) -> Interval {
        let (from_s, second) = (f64::from(second), u64::from(second));
        let values: Vec<u64> = (0..20).map(|n| n * 37 + second % 11 + u64::from(endpoint)).collect();
        let values = Sorter::new().sort(&values);
        Interval { from_s, to_s: from_s + 1.0, kind, endpoint: EndpointId(endpoint), values }
    }

    /// 150 s of two endpoints, with a broken line in the middle and a torn one at the end.
    fn written() -> (tempfile::NamedTempFile, Vec<Interval>) {
        let mut text = super::super::hlog::header("2026-11-23T08:10:00Z".parse().unwrap()).into_bytes();
        let mut all = Vec::new();
        let mut encoder = Encoder::new();
        for second in 0..150 {
            for kind in [IntervalKind::Response, IntervalKind::FirstByte] {
                for endpoint in 0..2 {
                    let interval = interval(second, kind, endpoint);
                    encoder.line(&interval, &mut text).unwrap();
                    all.push(interval);
                }
            }
            if second == 99 {
                text.extend(b"Tag=r.0,99.000,1.000,1.0,HIST\n");
            }
        }
        text.extend(b"Tag=r.0,150.000,1.000,1.0,HIST");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        (file, all)
    }

    #[test]
    fn however_many_parts_it_is_read_in_it_is_the_same() {
        let (file, all) = written();
        let length = file.path().metadata().unwrap().len();
        for parts in [1, 2, 3, 7, 64] {
            let found = in_parts(file.path(), length, parts, false, f64::NEG_INFINITY).unwrap();
            assert_eq!(found.broken, [(5 + 400 + 1, "the histogram is cut short")], "{parts} parts");
            assert!(found.intervals == all, "{parts} parts");
        }
    }

    #[test]
    fn of_a_large_journal_the_first_bytes_are_added_up_and_nothing_is_lost() {
        let (file, all) = written();
        let length = file.path().metadata().unwrap().len();
        for parts in [1, 2, 5] {
            let found = in_parts(file.path(), length, parts, true, f64::NEG_INFINITY).unwrap().intervals;
            let (first_bytes, others): (Vec<&Interval>, Vec<&Interval>) =
                found.iter().partition(|interval| interval.kind == IntervalKind::FirstByte);
            assert!(others.into_iter().eq(all.iter().filter(|interval| interval.kind != IntervalKind::FirstByte)));
            assert!(first_bytes.len() <= 2 * (3 + parts as usize), "{}", first_bytes.len());
            assert!(first_bytes.iter().all(|interval| interval.to_s - interval.from_s <= 60.0));
            for endpoint in 0..2 {
                let of = |intervals: &mut dyn Iterator<Item = &Interval>| {
                    let ours = intervals.filter(|i| i.kind == IntervalKind::FirstByte && i.endpoint.0 == endpoint);
                    Distribution::merged(ours.map(|interval| &interval.values))
                };
                assert_eq!(of(&mut first_bytes.iter().copied()), of(&mut all.iter()));
            }
        }
    }
}
