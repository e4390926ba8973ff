//! Makes the folder of a new result.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// A result's folder could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a result folder in {}: {source}; make it writable, or name another with --results", results.display())]
pub struct FolderError {
    /// The results folder.
    pub results: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// How many short ids are tried before the results folder is taken to be at fault.
const TRIES: u32 = 100;

/// Letters that are kept of a scenario's name.
const MOST_SLUG: usize = 40;

/// Makes a folder of its own for a run that starts now, and hands out its name, the run's id, and where it is.
///
/// The id is `<UTC time>-<scenario>-<short id>`, e.g. `20261123T081000Z-agenthub-user-3f2a`. The results folder is
/// made where there is none. Two runs never get the same folder, also when they start at once.
pub fn create_folder(
    results: &Path,
    started: Timestamp,
    scenario_name: &str,
) -> Result<(String, PathBuf), FolderError> {
    create_with(results, started, scenario_name, || fastrand::u16(..))
}

fn create_with(
    results: &Path,
    started: Timestamp,
    scenario_name: &str,
    mut short_id: impl FnMut() -> u16,
) -> Result<(String, PathBuf), FolderError> {
    let failed = |source| FolderError { results: results.to_owned(), source };
    fs::create_dir_all(results).map_err(failed)?;
    let mut tries = 0;
    loop {
        let id = format!("{}-{}-{:04x}", started.strftime("%Y%m%dT%H%M%SZ"), slug(scenario_name), short_id());
        let folder = results.join(&id);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => tries += 1,
            Err(error) => return Err(failed(error)),
        }
    }
}

/// A name as a part of a file name: lower-case letters and digits, everything else a single `-`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(MOST_SLUG);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "run".into() } else { slug.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Timestamp {
        "2026-11-23T09:10:00.987+01:00".parse().unwrap()
    }

    #[test]
    fn an_id_is_time_scenario_and_short_id() {
        let results = tempfile::tempdir().unwrap();
        let nested = results.path().join("a/b");
        let (id, folder) = create_with(&nested, started(), "agenthub user", || 0x3f2a).unwrap();
        assert_eq!(id, "20261123T081000Z-agenthub-user-3f2a");
        assert_eq!(folder, nested.join(&id));
        assert!(folder.is_dir());
    }

    #[test]
    fn slugs_are_safe_in_a_file_name() {
        assert_eq!(slug("agenthub user + browse"), "agenthub-user-browse");
        assert_eq!(slug("../../etc/Passwd"), "etc-passwd");
        assert_eq!(slug("  Ärger\u{0} "), "rger");
        assert_eq!(slug("日本"), "run");
        assert_eq!(slug(&"ab ".repeat(100)), "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-a");
    }

    #[test]
    fn a_taken_short_id_is_passed_over() {
        let results = tempfile::tempdir().unwrap();
        let mut short_ids = [7, 7, 7, 8].into_iter();
        let mut next = || short_ids.next().unwrap();
        let (first, _) = create_with(results.path(), started(), "a", &mut next).unwrap();
        let (second, _) = create_with(results.path(), started(), "a", &mut next).unwrap();
        assert_eq!((&*first, &*second), ("20261123T081000Z-a-0007", "20261123T081000Z-a-0008"));
    }

    #[test]
    fn runs_that_start_at_once_have_folders_of_their_own() {
        let results = tempfile::tempdir().unwrap();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let make = || (0..50).map(|_| create_folder(results.path(), started(), "a").unwrap().0).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (200, 200));
    }

    #[test]
    fn errors_name_the_folder_and_the_way_out() {
        let results = tempfile::tempdir().unwrap();
        let file = results.path().join("file");
        fs::write(&file, "").unwrap();
        let error = create_folder(&file, started(), "a").unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot make a result folder in {}: ", file.display())), "{error}");
        assert!(error.ends_with("make it writable, or name another with --results"), "{error}");
        let error =
            create_with(results.path(), started(), "a", || 1).and(create_with(results.path(), started(), "a", || 1));
        assert_eq!(error.unwrap_err().source.kind(), io::ErrorKind::AlreadyExists, "it gives up in the end");
    }
}
