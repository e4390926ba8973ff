//! Reads a result folder's journal back into a `Run`.
//!
//! A journal may end anywhere: its last line is torn when it has no line end and cannot be read, and is passed over.
//! A line that is broken elsewhere is passed over with a warning; one of an unknown type without.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::histograms::{Histograms, histograms};
use super::journal::{LOCAL, hlog_name, samples_name};
use super::{
    Asked, Checked, End, EndpointId, EndpointName, GeneratorSecond, HeldLevel, Interval, LoadPlan, ProbeLine, Run,
    Second, Watched,
};

/// A result folder that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that must be there is not, or cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `run.toml` is no such file.
    #[error("{}: {message}", path.display())]
    NotAResult {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// Warnings that are kept of one file; more are only counted.
const MOST_WARNINGS: usize = 5;

/// Ids above this are no endpoints of ours but a broken line.
const MOST_ENDPOINTS: usize = 100_000;

/// Reads the run of a result folder: all sources' journals, torn last lines skipped.
pub fn read(folder: &Path) -> Result<Run, ReadError> {
    read_from(folder, f64::NEG_INFINITY)
}

/// The same without the histograms of what was over before `from_s`: decoding them is most of the work.
pub fn read_from(folder: &Path, from_s: f64) -> Result<Run, ReadError> {
    let mut asked = Asked::read(folder)?;
    let mut warnings = Vec::new();
    let mut local = read_source(folder, LOCAL, from_s, &mut warnings)?;
    for source in other_sources(folder)? {
        let other = read_source(folder, &source, f64::NEG_INFINITY, &mut warnings)?;
        local.join(other);
    }
    let Source { started: _, endpoints, seconds, mut intervals, watched, mut levels, end } = local;
    intervals
        .sort_by(|a, b| a.from_s.total_cmp(&b.from_s).then_with(|| (a.kind, a.endpoint).cmp(&(b.kind, b.endpoint))));
    let endpoints = named(endpoints, &seconds, &intervals);
    let mut watched: Vec<Watched> = watched.into_values().collect();
    // The last look comes after the load: what it did not see is no part of the run.
    let end_s = seconds.last().map_or(0.0, |second| second.to_s);
    for gap in watched.iter_mut().flat_map(|watched| &mut watched.gaps) {
        gap.to_s = gap.to_s.min(end_s).max(gap.from_s);
    }
    levels.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    if asked.search.is_some() {
        let until_s = seconds.last().map_or(0.0, |second| second.to_s);
        asked.plan = LoadPlan::of_levels(asked.plan.model, &levels, until_s);
    }
    let check = Checked::read(folder, &mut warnings);
    Ok(Run { asked, endpoints, seconds, intervals, watched, levels, check, end, warnings })
}

/// One source's journal.
#[derive(Debug, Default)]
struct Source {
    /// The zero of its times by a clock that all sources share.
    started: Option<jiff::Timestamp>,
    endpoints: BTreeMap<u32, EndpointName>,
    /// In order, without holes.
    seconds: Vec<Second>,
    intervals: Vec<Interval>,
    /// By the id of the probe.
    watched: BTreeMap<u32, Watched>,
    levels: Vec<HeldLevel>,
    end: Option<End>,
}

/// The names of the sources beside `local`, by the files that are there.
fn other_sources(folder: &Path) -> Result<Vec<String>, ReadError> {
    let unreadable = |source| ReadError::Io { path: folder.to_owned(), source };
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        if let Some(source) = name.strip_prefix("latency.").and_then(|rest| rest.strip_suffix(".hlog")) {
            sources.push(source.to_owned());
        }
    }
    sources.sort();
    Ok(sources)
}

fn read_source(folder: &Path, name: &str, from_s: f64, warnings: &mut Vec<String>) -> Result<Source, ReadError> {
    let mut source = Source::default();
    let file = hlog_name(name);
    let path = folder.join(&file);
    let Histograms { intervals, broken, .. } =
        histograms(&path, from_s).map_err(|source| ReadError::Io { path: path.clone(), source })?;
    source.intervals = intervals;
    warn(&file, &broken, warnings);
    each_line(folder, &samples_name(name), warnings, |line| source.sample_line(line))?;
    source.seconds.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    source.seconds = without_holes(source.seconds);
    Ok(source)
}

/// Hands every line of a file to `take`, which says what is wrong with it. A file that is not there has no lines.
fn each_line(
    folder: &Path,
    name: &str,
    warnings: &mut Vec<String>,
    mut take: impl FnMut(&str) -> Result<(), &'static str>,
) -> Result<(), ReadError> {
    let path = folder.join(name);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ReadError::Io { path, source }),
    };
    let mut broken = Vec::new();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let taken = std::str::from_utf8(line).map_err(|_| "it is no text").and_then(&mut take);
        if let Err(why) = taken
            && line.ends_with(b"\n")
        {
            broken.push((at + 1, why));
        }
    }
    warn(name, &broken, warnings);
    Ok(())
}

/// Tells of the lines of a file that were skipped: a few by number, the rest by how many.
fn warn(name: &str, broken: &[(usize, &'static str)], warnings: &mut Vec<String>) {
    let told = broken.iter().take(MOST_WARNINGS);
    warnings.extend(told.map(|(line, why)| format!("{name} line {line}: {why}; skipped")));
    if broken.len() > MOST_WARNINGS {
        warnings.push(format!("{name}: {} more lines skipped", broken.len() - MOST_WARNINGS));
    }
}

impl Source {
    fn sample_line(&mut self, line: &str) -> Result<(), &'static str> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(rename = "type", borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        #[derive(Deserialize)]
        struct SourceLine {
            started: String,
            #[serde(default)]
            clock_offset_us: i64,
        }
        #[derive(Deserialize)]
        struct EndpointLine {
            id: u32,
            #[serde(flatten)]
            name: EndpointName,
        }
        #[derive(Deserialize)]
        struct EndLine {
            how: End,
        }
        fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, &'static str> {
            serde_json::from_str(line).map_err(|_| "its fields are not those of its type")
        }

        if line.trim().is_empty() {
            return Ok(());
        }
        // Nearly all lines are seconds: they are not worth a look for their type first.
        let kind = if line.starts_with(r#"{"type":"second","#) {
            "second".into()
        } else {
            serde_json::from_str::<Typed<'_>>(line).map_err(|_| "it is no JSON object with a type")?.kind
        };
        match &*kind {
            "second" => {
                let second: Second = parse(line)?;
                if !(second.from_s >= 0.0 && second.to_s > second.from_s) {
                    return Err("it covers no time");
                }
                self.seconds.push(second);
            }
            "endpoint" => {
                let EndpointLine { id, name } = parse(line)?;
                if id as usize >= MOST_ENDPOINTS {
                    return Err("its id is too large");
                }
                self.endpoints.insert(id, name);
            }
            "source" => {
                let SourceLine { started, clock_offset_us } = parse(line)?;
                let offset = jiff::SignedDuration::from_micros(clock_offset_us);
                let started: jiff::Timestamp = started.parse().map_err(|_| "its start is no time")?;
                self.started = started.checked_sub(offset).ok();
            }
            "level" => parse::<HeldLevel>(line)?.join(&mut self.levels)?,
            "end" => self.end = Some(parse::<EndLine>(line)?.how),
            "probe" | "seen" | "gap" | "statements" | "tables" | "blocked" => {
                let line: ProbeLine = parse(line)?;
                match (self.watched.get_mut(&line.probe()), &line) {
                    (Some(watched), _) => watched.add(line),
                    (None, ProbeLine::Probe { id, name }) => {
                        self.watched.insert(*id, Watched::new(name.clone()));
                    }
                    (None, _) => return Err("it tells of a probe that has no name"),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds another source's journal: on this one's time, in whole seconds, and with this one's endpoint ids.
    fn join(&mut self, other: Self) {
        let shift_s = match (self.started, other.started) {
            (Some(ours), Some(theirs)) => theirs.duration_since(ours).as_secs_f64().round(),
            _ => 0.0,
        };
        let mut ids = BTreeMap::new();
        for (id, name) in other.endpoints {
            let known =
                self.endpoints.iter().find(|(_, ours)| ours.name == name.name && ours.scenario == name.scenario);
            let ours = known.map_or_else(|| self.endpoints.keys().last().map_or(0, |last| last + 1), |(&id, _)| id);
            self.endpoints.entry(ours).or_insert(name);
            ids.insert(id, ours);
        }
        let ours = |id: u32| ids.get(&id).copied().unwrap_or(id);
        self.intervals.extend(other.intervals.into_iter().map(|interval| Interval {
            // What it did before our zero counts in the first second, as it does with our own.
            from_s: (interval.from_s + shift_s).max(0.0),
            to_s: (interval.to_s + shift_s).max(1.0),
            endpoint: EndpointId(ours(interval.endpoint.0)),
            ..interval
        }));
        for mut second in other.seconds {
            second.from_s = (second.from_s + shift_s).max(0.0);
            second.to_s = (second.to_s + shift_s).max(1.0);
            second.endpoints = std::mem::take(&mut second.endpoints).into_iter().map(|(id, e)| (ours(id), e)).collect();
            match self.seconds.iter_mut().find(|s| s.from_s <= second.from_s && second.from_s < s.to_s) {
                Some(same) => same.add_source(&second),
                None => self.seconds.push(second),
            }
        }
        self.seconds.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
        self.seconds = without_holes(std::mem::take(&mut self.seconds));
    }
}

/// Puts seconds of nothing where lines are missing, and drops what is there twice.
fn without_holes(seconds: Vec<Second>) -> Vec<Second> {
    let mut whole: Vec<Second> = Vec::with_capacity(seconds.len());
    let mut reached_s = 0.0;
    for second in seconds {
        if second.from_s < reached_s - 0.0005 {
            continue;
        }
        // A hole of more than a day is a broken line, not a pause: it becomes one piece.
        let step_s = if second.from_s - reached_s > 86_400.0 { f64::INFINITY } else { 1.0 };
        while second.from_s > reached_s + 0.0005 {
            let to_s = f64::min(reached_s + step_s, second.from_s);
            let generator = GeneratorSecond { missing: true, ..GeneratorSecond::default() };
            whole.push(Second { from_s: reached_s, to_s, generator, ..Second::default() });
            reached_s = to_s;
        }
        reached_s = second.to_s;
        whole.push(second);
    }
    whole
}

/// The endpoints as a list by id; those whose line is lost go by their number.
fn named(mut known: BTreeMap<u32, EndpointName>, seconds: &[Second], intervals: &[Interval]) -> Vec<EndpointName> {
    let counted = seconds.iter().filter_map(|second| second.endpoints.keys().last().copied());
    let measured = intervals.iter().map(|interval| interval.endpoint.0);
    let last = known.keys().last().copied().into_iter().chain(counted).chain(measured).max();
    let count = last.map_or(0, |last| (last as usize + 1).min(MOST_ENDPOINTS));
    let name = |id| {
        known.remove(&id).unwrap_or_else(|| EndpointName {
            name: format!("endpoint {id}"),
            scenario: String::new(),
            tags: Vec::new(),
        })
    };
    (0..count as u32).map(name).collect()
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
