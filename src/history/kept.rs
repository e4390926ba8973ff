//! What a results folder says of its runs without their journals: `run.toml` and `result.json` alone, read in parallel.
//!
//! There is no index that could go stale: folders may be copied, deleted, and brought in from other machines.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use super::find::FindError;
use super::workload::{Workload, workload};
use crate::judge::{EdgeResult, LeftOut, Milliseconds, TargetResult, Totals, Verdict};
use crate::record::{Asked, RUN_SCHEMA};

/// A file larger than this is none of ours; it would only fill the memory.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// The shape of `result.json` that this version writes.
const RESULT_SCHEMA: u32 = 1;

/// A run in the results folder.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The folder's name.
    pub(super) id: String,
    pub(super) folder: PathBuf,
    pub(super) asked: Asked,
    pub(super) workload: Workload,
    started: Timestamp,
    /// Written by another version in another shape.
    pub(super) schema: Option<u32>,
}

/// The parts of `result.json` that a history needs.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) schema: u32,
    #[serde(default)]
    pub(super) partial: bool,
    pub(super) verdict: Verdict,
    pub(super) totals: Totals,
    pub(super) endpoints: Vec<SaidEndpoint>,
    pub(super) targets: Vec<TargetResult>,
    #[serde(default)]
    pub(super) edge: Option<EdgeResult>,
}

/// The same of an endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct SaidEndpoint {
    pub(super) name: String,
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) response_time_ms: Milliseconds,
}

/// All runs of a results folder, the oldest first, and the folders that are none or cannot be read.
pub(super) fn runs(results: &Path) -> Result<(Vec<Kept>, Vec<LeftOut>), FindError> {
    let unreadable = |error: io::Error| FindError::Unreadable { results: results.to_owned(), why: error.to_string() };
    let entries = match fs::read_dir(results) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        // Hidden ones are other tools' own, or on their way out.
        if !name.as_encoded_bytes().starts_with(b".") && results.join(&name).is_dir() {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    let read = in_parallel(&names, |name| read_run(results, name));
    let (mut kept, mut skipped) = (Vec::new(), Vec::new());
    for (id, run) in names.into_iter().zip(read) {
        match run {
            Ok(run) => kept.push(run),
            Err(why) => skipped.push(LeftOut { id, why }),
        }
    }
    drop_copies(&mut kept, &mut skipped);
    kept.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    Ok((kept, skipped))
}

fn read_run(results: &Path, id: &str) -> Result<Kept, String> {
    let folder = results.join(id);
    let text = read_text(&Asked::path(&folder))
        .map_err(|error| if error == ABSENT { "no result: it has no run.toml".to_owned() } else { error })?;
    let asked: Asked = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        format!("run.toml, line {line}: {}", error.message())
    })?;
    let started = asked.started.parse().map_err(|_| format!("run.toml: started {:?} is no time", asked.started))?;
    let schema = (asked.schema != RUN_SCHEMA).then_some(asked.schema);
    Ok(Kept { id: id.to_owned(), workload: workload(&asked), folder, asked, started, schema })
}

/// A copied folder is still one run: the one that has its own name stays.
fn drop_copies(kept: &mut Vec<Kept>, skipped: &mut Vec<LeftOut>) {
    let mut first: HashMap<String, String> = HashMap::new();
    for run in kept.iter() {
        let shown = first.entry(run.asked.id.clone()).or_insert_with(|| run.id.clone());
        if run.id == run.asked.id {
            shown.clone_from(&run.id);
        }
    }
    kept.retain(|run| {
        let shown = &first[&run.asked.id];
        if *shown != run.id {
            skipped.push(LeftOut { id: run.id.clone(), why: format!("a copy of {shown}") });
        }
        *shown == run.id
    });
}

const ABSENT: &str = "is not there";

fn read_text(path: &Path) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = match fs::metadata(path) {
        // A pipe would be waited for.
        Ok(metadata) if !metadata.is_file() => return Err(format!("{name} is no file")),
        Ok(metadata) if metadata.len() > MOST_BYTES => {
            return Err(format!("{name} has {} MiB, more than any of ours", metadata.len() >> 20));
        }
        Ok(_) => fs::File::open(path),
        Err(error) => Err(error),
    };
    let mut text = String::new();
    match file.and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text)) {
        Ok(_) => Ok(text),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(ABSENT.to_owned())
        }
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
}

impl Kept {
    /// Reads `result.json`.
    pub(super) fn said(&self) -> Result<Said, String> {
        let text = read_text(&self.folder.join("result.json")).map_err(|error| {
            if error == ABSENT {
                format!("no result.json: it still runs or was killed, and `report {}` builds it", self.id)
            } else {
                error
            }
        })?;
        serde_json::from_str(&text).map_err(|error| {
            format!("result.json is damaged or of another version ({error}): `report {}` builds it again", self.id)
        })
    }

    /// What stands against its figures; usually nothing.
    pub(super) fn marks(&self, said: &Said) -> Vec<String> {
        let mut marks = Vec::new();
        let mut mark = |so: bool, words: &str| {
            if so {
                marks.push(words.to_owned());
            }
        };
        mark(said.partial, "partial: it did not run to its end");
        mark(said.verdict == Verdict::Void, "void: its generator was past its limits");
        mark(said.totals.failed_starts > 0, "users could not start");
        let other = self.schema.or((said.schema != RESULT_SCHEMA).then_some(said.schema));
        mark(other.is_some(), &format!("schema {}: written by another version", other.unwrap_or_default()));
        marks
    }
}

/// Does something to all items, in order, on as many threads as there are CPUs.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let chunk = items.len().div_ceil(threads).max(1);
    let work = |part: &[T]| part.iter().map(&each).collect::<Vec<R>>();
    std::thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = items.chunks(chunk).map(|part| scope.spawn(move || work(part))).collect();
        let joined = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        // A thread that panicked has a defect to show, not a result to hide.
        joined.flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
