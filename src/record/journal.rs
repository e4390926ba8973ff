//! The journal's files: `latency.hlog` and `samples.ndjson`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::hlog::{self, Encoder};
use super::hour::{HOUR_MINUTES, Minute};
use super::probe_hour::ProbeHour;
use super::{End, EndpointName, HeldLevel, Interval, ProbeLine, Second};

/// The journal could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl JournalError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// The file of the histograms of a source of load.
pub(super) fn hlog_name(source: &str) -> String {
    if source == LOCAL { "latency.hlog".into() } else { format!("latency.{source}.hlog") }
}

/// The file of the counters of a source of load.
pub(super) fn samples_name(source: &str) -> String {
    if source == LOCAL { "samples.ndjson".into() } else { format!("samples.{source}.ndjson") }
}

/// The source of load that is this process.
pub(super) const LOCAL: &str = "local";

/// The lines of `samples.ndjson`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    /// Who wrote this, when its zero was, and how far its clock is ahead.
    Source { source: &'a str, started: String, clock_offset_us: i64 },
    /// What an id stands for.
    Endpoint {
        id: usize,
        #[serde(flatten)]
        name: &'a EndpointName,
    },
    /// The counters of a span of time.
    Second(&'a Second),
    /// A level that a search held.
    Level(&'a HeldLevel),
    /// How it ended.
    End { how: &'a End },
    /// What a probe tells.
    #[serde(untagged)]
    Probe(&'a ProbeLine),
}

/// The two files of one source of load, open for appending.
///
/// Every second is one write to each, the histograms first: a line of counters vouches for the histograms before it.
/// Once a whole hour is written, its 3,600 seconds are replaced by 60 minutes: the file's older part and the
/// minutes go to a new file that then takes the old one's name, so that one of the two is whole at any time.
#[derive(Debug)]
pub struct Journal {
    hlog: Appender,
    samples: Appender,
    encoder: Encoder,
    minute: Minute,
    probes: ProbeHour,
    /// The minutes so far of the hour that is being written, as lines of either file.
    minutes: u32,
    /// Whole hours become minutes.
    merges: bool,
    /// 60; a test may make its hours shorter.
    hour_minutes: u32,
    hour_hlog: Vec<u8>,
    hour_samples: Vec<u8>,
    text: Vec<u8>,
}

impl Journal {
    /// Makes the files of this process's load in a result folder that has none yet.
    pub fn create(folder: &Path) -> Result<Self, JournalError> {
        Ok(Self::of(
            Appender::create(folder.join(hlog_name(LOCAL)))?,
            Appender::create(folder.join(samples_name(LOCAL)))?,
        ))
    }

    fn of(hlog: Appender, samples: Appender) -> Self {
        Self {
            hlog,
            samples,
            encoder: Encoder::new(),
            minute: Minute::default(),
            probes: ProbeHour::default(),
            minutes: 0,
            merges: true,
            hour_minutes: HOUR_MINUTES,
            hour_hlog: Vec::new(),
            hour_samples: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Keeps every second as it is, however long it gets: for a search, whose levels are held for seconds.
    pub fn keep_seconds(&mut self) {
        self.merges = false;
    }

    /// Writes what comes before the first second: when the zero of all times was, and what the endpoints' ids stand for.
    pub fn begin(&mut self, started: jiff::Timestamp, endpoints: &[EndpointName]) -> Result<(), JournalError> {
        self.hlog.append(hlog::header(started).as_bytes())?;
        self.text.clear();
        let source = Line::Source { source: LOCAL, started: started.to_string(), clock_offset_us: 0 };
        let endpoints = endpoints.iter().enumerate().map(|(id, name)| Line::Endpoint { id, name });
        for line in std::iter::once(source).chain(endpoints) {
            self.samples.line(&line, &mut self.text)?;
        }
        self.samples.append(&self.text)?;
        self.hlog.hour_at = self.hlog.length;
        self.samples.hour_at = self.samples.length;
        Ok(())
    }

    /// Appends a second, and merges the hour that it ends, if it does.
    pub fn append(&mut self, second: &Second, intervals: &[Interval]) -> Result<(), JournalError> {
        self.text.clear();
        Self::encode(&mut self.encoder, intervals, &mut self.text, &self.hlog)?;
        self.hlog.append(&self.text)?;
        self.text.clear();
        self.samples.line(&Line::Second(second), &mut self.text)?;
        self.samples.append(&self.text)?;

        if !self.merges {
            return Ok(());
        }
        let Some((second, intervals)) = self.minute.add(second, intervals) else { return Ok(()) };
        Self::encode(&mut self.encoder, &intervals, &mut self.hour_hlog, &self.hlog)?;
        self.samples.line(&Line::Second(&second), &mut self.hour_samples)?;
        for line in self.probes.minute() {
            self.samples.line(&Line::Probe(&line), &mut self.hour_samples)?;
        }
        self.minutes += 1;
        if self.minutes == self.hour_minutes {
            self.minutes = 0;
            for line in self.probes.hour() {
                self.samples.line(&Line::Probe(&line), &mut self.hour_samples)?;
            }
            // An hour that cannot be merged, because the disk has no room for both, just stays as it is. The counters go first:
            // whoever reads between the two, or after a kill between them, finds histograms of seconds within minutes, which
            // is as good; minutes within seconds would belong to none of them.
            if self.samples.replace_hour(&self.hour_samples).is_ok() {
                let _ = self.hlog.replace_hour(&self.hour_hlog);
            } else {
                self.hlog.hour_at = self.hlog.length;
            }
            // Not only emptied: the next hour shall hold no more than this one did at its start.
            (self.hour_hlog, self.hour_samples) = (Vec::new(), Vec::new());
        }
        Ok(())
    }

    /// Appends what probes have told since the last time.
    pub fn watch(&mut self, lines: &[ProbeLine]) -> Result<(), JournalError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.text.clear();
        for line in lines {
            if self.merges {
                self.probes.add(line);
            }
            self.samples.line(&Line::Probe(line), &mut self.text)?;
        }
        self.samples.append(&self.text)
    }

    /// Appends levels that a search has held.
    pub fn levels(&mut self, levels: &[HeldLevel]) -> Result<(), JournalError> {
        if levels.is_empty() {
            return Ok(());
        }
        self.text.clear();
        for level in levels {
            self.samples.line(&Line::Level(level), &mut self.text)?;
        }
        self.samples.append(&self.text)
    }

    /// Writes how it ended.
    pub fn end(&mut self, how: &End) -> Result<(), JournalError> {
        self.text.clear();
        self.samples.line(&Line::End { how }, &mut self.text)?;
        self.samples.append(&self.text)
    }

    /// Appends the histograms' lines to `text`, which is for `file`.
    fn encode(
        encoder: &mut Encoder,
        intervals: &[Interval],
        text: &mut Vec<u8>,
        file: &Appender,
    ) -> Result<(), JournalError> {
        let done = intervals.iter().try_for_each(|interval| encoder.line(interval, text));
        done.map_err(|error| JournalError::new(&file.path, error))
    }
}

/// A file that grows at its end, but for its last hour, which can be replaced.
#[derive(Debug)]
struct Appender {
    path: PathBuf,
    file: File,
    length: u64,
    /// Where the hour begins that is being written.
    hour_at: u64,
}

impl Appender {
    fn create(path: PathBuf) -> Result<Self, JournalError> {
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self { path, file, length: 0, hour_at: 0 }),
            Err(error) => Err(JournalError::new(&path, error)),
        }
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        self.file.write_all(lines).map_err(|error| JournalError::new(&self.path, error))?;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Appends a line to `text`, which is for this file.
    fn line(&self, line: &Line<'_>, text: &mut Vec<u8>) -> Result<(), JournalError> {
        serde_json::to_writer(&mut *text, line).map_err(|error| JournalError::new(&self.path, error.into()))?;
        text.push(b'\n');
        Ok(())
    }

    /// Puts `lines` in the place of everything since the hour began, whole or not at all.
    fn replace_hour(&mut self, lines: &[u8]) -> io::Result<()> {
        let hour_at = std::mem::replace(&mut self.hour_at, self.length);
        let new_path = new_path(&self.path);
        let replaced = self.write_new(&new_path, hour_at, lines).and_then(|file| {
            fs::rename(&new_path, &self.path)?;
            Ok(file)
        });
        match replaced {
            Ok(file) => {
                self.file = file;
                self.length = hour_at + lines.len() as u64;
                self.hour_at = self.length;
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&new_path);
                Err(error)
            }
        }
    }

    /// The file as it shall be, written to disk under another name.
    fn write_new(&self, new_path: &Path, hour_at: u64, lines: &[u8]) -> io::Result<File> {
        let mut new = File::options().read(true).write(true).create(true).truncate(true).open(new_path)?;
        let old = File::open(&self.path)?;
        let copied = io::copy(&mut old.take(hour_at), &mut new)?;
        if copied != hour_at {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the journal was cut by someone else"));
        }
        new.write_all(lines)?;
        new.sync_data()?;
        Ok(new)
    }
}

/// Where a file's successor is written. A leading dot: readers pass it over.
fn new_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
