//! Which results may go, and letting them go.
//!
//! Of each workload the newest whole runs stay; the newest whole run of each label, which is the one that the label names, a kept run's
//! baseline and what may still run stay too. The labels that `ab` makes up name rounds of one comparison and keep nothing. A folder is
//! only ever removed where it is surely one of ours, and whole or not at all for anyone who reads beside it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::find::FindError;
use super::kept::{Kept, in_parallel, runs};
use crate::judge::LeftOut;
use crate::record::Asked;

/// A journal that was written to within this time may still be.
const MAY_STILL_RUN: Duration = Duration::from_hours(1);
/// Of a folder that is on its way out.
const GOING: &str = ".pruned-";

/// What may go.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pruning {
    /// The oldest first.
    pub going: Vec<Prunable>,
    /// Old enough to go, but kept: a label, a baseline, or doubt whose it is.
    pub staying: Vec<LeftOut>,
    /// Runs that stay because they are new enough.
    pub newest: usize,
    /// Folders that are none of ours or cannot be read, so are left alone.
    pub skipped: Vec<LeftOut>,
    /// Left behind by an earlier pruning that was cut off.
    pub leftovers: Vec<PathBuf>,
}

/// A result that may go.
#[derive(Debug, Clone, PartialEq)]
pub struct Prunable {
    /// Its folder's name.
    pub id: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Finds what may go where the newest `keep` whole runs of each workload stay. Removes nothing.
pub fn prune(results: &Path, keep: usize) -> Result<Pruning, FindError> {
    let (all, skipped) = runs(results)?;
    let whole = in_parallel(&all, |run| run.said().is_ok_and(|said| run.marks(&said).is_empty()));
    let mut newer: HashMap<&str, usize> = HashMap::new();
    let (mut old, mut staying_ids) = (Vec::new(), HashSet::new());
    let (mut labels, mut named) = (HashSet::new(), HashSet::new());
    for (run, whole) in all.iter().zip(whole).rev() {
        if whole && run.asked.label.as_deref().is_some_and(|label| !is_round(label) && labels.insert(label)) {
            named.insert(run.id.as_str());
        }
        let count = newer.entry(&run.workload.hash).or_default();
        if *count >= keep {
            old.push(run);
        } else {
            *count += usize::from(whole);
            staying_ids.insert(run.id.as_str());
        }
    }
    let mut pruning = Pruning { newest: staying_ids.len(), skipped, ..Pruning::default() };
    let labelled = old.iter().filter(|run| named.contains(run.id.as_str()));
    let stays = labelled.copied().chain(all.iter().filter(|run| staying_ids.contains(run.id.as_str())));
    let baselines: HashSet<&str> = stays
        .filter_map(|run| run.asked.baseline.as_ref())
        .flat_map(|baseline| baseline.results.iter().map(String::as_str))
        .collect();
    for run in old.into_iter().rev() {
        let label = run.asked.label.as_deref().filter(|_| named.contains(run.id.as_str()));
        let why = if let Some(label) = label {
            Some(format!("it is the newest whole run labelled {label}"))
        } else if baselines.contains(run.id.as_str()) {
            Some("a run that stays has it as its baseline".to_owned())
        } else {
            not_surely_ours(run)
        };
        if let Some(why) = why {
            pruning.staying.push(LeftOut { id: run.id.clone(), why });
        } else {
            let bytes = size(&run.folder);
            pruning.going.push(Prunable { id: run.id.clone(), folder: run.folder.clone(), bytes });
        }
    }
    if let Ok(entries) = fs::read_dir(results) {
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        pruning.leftovers = paths.filter(|path| is_leftover(path)).collect();
    }
    Ok(pruning)
}

/// Whether `ab` made this label up, as `ab-20261123T080000Z-a1`.
fn is_round(label: &str) -> bool {
    let Some((time, round)) = label.strip_prefix("ab-").and_then(|rest| rest.split_once('-')) else { return false };
    let number = round.strip_prefix(['a', 'b']);
    is_time(time) && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `20261123T080000Z`.
fn is_time(text: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_suffix('Z').and_then(|time| time.split_once('T')).is_some_and(|(d, t)| digits(d, 8) && digits(t, 6))
}

/// Why a folder is not surely a result that nobody needs any more.
fn not_surely_ours(run: &Kept) -> Option<String> {
    let of_our_form = is_id(&run.id);
    let ours = |path: &Path| fs::symlink_metadata(path);
    let is_folder = ours(&run.folder).is_ok_and(|metadata| metadata.is_dir());
    if !of_our_form || run.asked.id != run.id {
        return Some("its name is not the id of its run.toml: someone named it".to_owned());
    }
    if !is_folder || !ours(&Asked::path(&run.folder)).is_ok_and(|metadata| metadata.is_file()) {
        return Some("it is a link to somewhere else".to_owned());
    }
    match holds_a_link(&run.folder) {
        Ok(Some(link)) => return Some(format!("{} in it is a link to somewhere else", link.display())),
        Ok(None) => {}
        Err(error) => return Some(format!("it cannot be looked through: {error}")),
    }
    let touched = fs::metadata(run.folder.join("samples.ndjson")).and_then(|file| file.modified());
    let lately = |at: SystemTime| at.elapsed().is_ok_and(|since| since < MAY_STILL_RUN) || at > SystemTime::now();
    if touched.is_ok_and(lately) && !ended(&run.folder) {
        return Some("it may still run".to_owned());
    }
    None
}

/// Whether its journal says how it ended.
fn ended(folder: &Path) -> bool {
    fs::read_to_string(folder.join("samples.ndjson"))
        .is_ok_and(|text| text.trim_end().lines().last().is_some_and(|line| line.starts_with(r#"{"type":"end""#)))
}

/// Whether a name is `<UTC time>-<scenario>-<short id>`.
fn is_id(name: &str) -> bool {
    let mut parts = name.splitn(2, '-');
    let (Some(time), Some(rest)) = (parts.next(), parts.next()) else { return false };
    let Some((slug, short)) = rest.rsplit_once('-') else { return false };
    let is_slug = !slug.is_empty() && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    is_time(time) && is_slug && short.len() == 4 && short.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    is_folder && name.strip_prefix(GOING).is_some_and(is_id)
}

/// The first link within a folder.
fn holds_a_link(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            return Ok(Some(entry.file_name().into()));
        }
        if kind.is_dir()
            && let Some(link) = holds_a_link(&entry.path())?
        {
            return Ok(Some(Path::new(&entry.file_name()).join(link)));
        }
    }
    Ok(None)
}

/// Bytes of all files below; what cannot be read counts as nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(of).sum()
}

/// Removes a result: first out of everyone's sight under another name, then for good.
pub fn remove(folder: &Path) -> io::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.starts_with(GOING) {
        return fs::remove_dir_all(folder);
    }
    let going = folder.with_file_name(format!("{GOING}{name}"));
    fs::rename(folder, &going)?;
    fs::remove_dir_all(&going)
}

#[cfg(test)]
#[path = "prune_tests.rs"]
mod tests;
