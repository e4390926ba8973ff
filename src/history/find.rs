//! Finds a result by what a person calls it.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use crate::record::Asked;

/// No result answers to a reference.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The results folder cannot be read.
    #[error("cannot read the results in {}: {why}; name another folder with --results", results.display())]
    Unreadable {
        /// The results folder.
        results: PathBuf,
        /// Why.
        why: String,
    },
    /// There is nothing to find yet.
    #[error("no result {reference:?}: {} holds none yet; make one with `run`, or name another folder with --results", results.display())]
    Empty {
        /// What was asked for.
        reference: String,
        /// The results folder.
        results: PathBuf,
    },
    /// There are results, but not this one.
    #[error("no result {reference:?} in {}: {hint}", results.display())]
    Unknown {
        /// What was asked for.
        reference: String,
        /// The results folder.
        results: PathBuf,
        /// What is there, or nearest.
        hint: String,
    },
}

/// Results that an error lists.
const MOST_LISTED: usize = 5;

/// The folder of a result by a path, an id, `latest`, `latest~N` (N results before it), or a label: its newest whole run.
///
/// The newest is the one with the latest time in its id. `latest` may be a run that did not end; a label's may not.
pub fn find(results: &Path, reference: &str) -> Result<PathBuf, FindError> {
    let path = Path::new(reference);
    // A name alone is an id or a label first, and a path only when it is neither.
    let is_path = path.components().count() > 1 || path.is_absolute() || matches!(reference, "." | "..");
    if is_path && is_result(path) {
        return Ok(path.to_owned());
    }
    let all = newest_first(results)?;
    let back = match reference.strip_prefix("latest") {
        Some("") => Some(0),
        Some(rest) => rest.strip_prefix('~').and_then(|back| back.parse::<usize>().ok()),
        None => None,
    };
    let at = |result: &Listed| results.join(&result.id);
    let found = match back {
        Some(back) => all.get(back).map(at),
        None => all.iter().find(|result| result.id == reference).map(at).or_else(|| {
            all.iter().map(at).find(|folder| label(folder).as_deref() == Some(reference) && is_whole(folder))
        }),
    };
    if let Some(folder) = found {
        return Ok(folder);
    }
    if is_result(path) {
        return Ok(path.to_owned());
    }
    let (reference, results) = (reference.to_owned(), results.to_owned());
    if all.is_empty() {
        return Err(FindError::Empty { reference, results });
    }
    let hint = if back.is_some() {
        let oldest = all.len() - 1;
        format!("there are {}, the oldest is latest~{oldest}", all.len())
    } else {
        hint(&results, &reference, &all)
    };
    Err(FindError::Unknown { reference, results, hint })
}

/// A result in the results folder.
#[derive(Debug)]
struct Listed {
    id: String,
    /// Of `run.toml`, which is written once, at the start: tells results of the same second apart.
    written: SystemTime,
}

fn newest_first(results: &Path) -> Result<Vec<Listed>, FindError> {
    let unreadable = |error: io::Error| FindError::Unreadable { results: results.to_owned(), why: error.to_string() };
    let entries = match fs::read_dir(results) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        // A folder without run.toml is none of ours.
        if let Ok(written) = fs::metadata(Asked::path(&entry.path())).and_then(|file| file.modified()) {
            all.push(Listed { id: entry.file_name().to_string_lossy().into_owned(), written });
        }
    }
    all.sort_by(|a, b| {
        let by_time = started(&b.id).cmp(&started(&a.id));
        by_time.then_with(|| b.written.cmp(&a.written)).then_with(|| b.id.cmp(&a.id))
    });
    Ok(all)
}

/// The time that an id begins with; `None` (the oldest) for a folder that someone named otherwise.
fn started(id: &str) -> Option<&str> {
    let (time, _) = id.split_once('-')?;
    let digits = time.bytes().filter(u8::is_ascii_digit).count();
    (time.len() == 16 && digits == 14 && time.ends_with('Z')).then_some(time)
}

fn is_result(folder: &Path) -> bool {
    Asked::path(folder).is_file()
}

/// The label in a result's `run.toml`, whatever else is in there.
fn label(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Labelled {
        label: Option<String>,
    }
    let text = fs::read_to_string(Asked::path(folder)).ok()?;
    // Most runs have no label: not worth a parser's time.
    let line = text.lines().find(|line| line.starts_with("label"))?;
    toml::from_str::<Labelled>(line).ok()?.label
}

/// Whether the journal says that the run ended when its time was over.
fn is_whole(folder: &Path) -> bool {
    let last_line = || -> io::Result<String> {
        let mut file = fs::File::open(folder.join("samples.ndjson"))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(200)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let end = String::from_utf8_lossy(&end);
        Ok(end.trim_end().lines().last().unwrap_or_default().to_owned())
    };
    last_line().is_ok_and(|line| line == r#"{"type":"end","how":"finished"}"#)
}

/// What is there that is like a reference, or else what is newest.
fn hint(results: &Path, reference: &str, all: &[Listed]) -> String {
    let mut labels: Vec<String> = all.iter().filter_map(|result| label(&results.join(&result.id))).collect();
    if labels.iter().any(|label| label == reference) {
        return "no run with this label ran to its end; name one by its id".into();
    }
    let mut seen = std::collections::HashSet::new();
    labels.retain(|label| seen.insert(label.clone()));
    let names = labels.iter().map(String::as_str).chain(all.iter().map(|result| &*result.id));
    let likeness = |name: &str| strsim::jaro_winkler(name, reference);
    let nearest = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let nearest = match nearest {
        Some(name) if likeness(name) > 0.85 => format!("did you mean {name:?}? "),
        _ => String::new(),
    };
    let list = |names: &mut dyn Iterator<Item = &str>| names.take(MOST_LISTED).collect::<Vec<_>>().join(", ");
    let ids = list(&mut all.iter().map(|result| &*result.id));
    let labels = match list(&mut labels.iter().map(String::as_str)) {
        labels if labels.is_empty() => labels,
        labels => format!("; labels are {labels}"),
    };
    format!("{nearest}newest are {ids}{labels}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture::asked;
    use crate::record::{End, Recorder};

    fn results() -> tempfile::TempDir {
        let results = tempfile::tempdir().unwrap();
        for (id, label, end) in [
            ("20261101T080000Z-a-0001", Some("main"), Some(End::Finished)),
            ("20261102T080000Z-a-0002", Some("main"), Some(End::Finished)),
            ("20261103T080000Z-b-0003", Some("main"), Some(End::Interrupted)),
            ("20261104T080000Z-b-0004", Some("main"), None),
            ("20261105T080000Z-a-0005", None, Some(End::Finished)),
            ("example", Some("slow \"one\""), Some(End::Aborted("how\":\"finished\"}".into()))),
        ] {
            let folder = results.path().join(id);
            fs::create_dir(&folder).unwrap();
            let asked = crate::record::Asked { id: id.into(), label: label.map(Into::into), ..asked() };
            let recorder = Recorder::create(&folder, &asked, Vec::new()).unwrap();
            recorder.begin();
            if let Some(end) = end {
                recorder.finish(end).unwrap();
            }
        }
        fs::create_dir(results.path().join("20261106T080000Z-no-result")).unwrap();
        fs::write(results.path().join("20261107T080000Z-a-file"), "").unwrap();
        results
    }

    fn id(results: &Path, reference: &str) -> String {
        let folder = find(results, reference).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(folder.parent(), Some(results));
        folder.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn latest_counts_back_from_the_newest_id() {
        let results = results();
        let by = |reference| id(results.path(), reference);
        assert_eq!(by("latest"), "20261105T080000Z-a-0005");
        assert_eq!(by("latest~0"), "20261105T080000Z-a-0005");
        assert_eq!(by("latest~1"), "20261104T080000Z-b-0004");
        assert_eq!(by("latest~5"), "example", "what has no time in its name is the oldest");
        let error = find(results.path(), "latest~6").unwrap_err().to_string();
        assert!(error.ends_with("there are 6, the oldest is latest~5"), "{error}");
    }

    #[test]
    fn a_label_is_its_newest_whole_run() {
        let results = results();
        assert_eq!(id(results.path(), "main"), "20261102T080000Z-a-0002");
        let error = find(results.path(), "slow \"one\"").unwrap_err().to_string();
        assert!(error.ends_with("no run with this label ran to its end; name one by its id"), "{error}");
    }

    #[test]
    fn an_id_and_a_path_are_taken_as_they_are() {
        let results = results();
        assert_eq!(id(results.path(), "20261103T080000Z-b-0003"), "20261103T080000Z-b-0003");
        assert_eq!(id(results.path(), "example"), "example");
        let path = results.path().join("example");
        assert_eq!(find(Path::new("/nowhere"), path.to_str().unwrap()), Ok(path));
    }

    #[test]
    fn of_the_same_second_the_later_written_is_the_newer() {
        let results = tempfile::tempdir().unwrap();
        let write = |id: &str, at_s| {
            let folder = results.path().join(id);
            fs::create_dir(&folder).unwrap();
            asked().write(&folder).unwrap();
            let file = fs::File::options().write(true).open(Asked::path(&folder)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(at_s)).unwrap();
        };
        write("20261101T080000Z-a-000f", 1000);
        write("20261101T080000Z-a-0001", 1001);
        assert_eq!(id(results.path(), "latest"), "20261101T080000Z-a-0001");
        assert_eq!(id(results.path(), "latest~1"), "20261101T080000Z-a-000f");
    }

    #[test]
    fn errors_say_what_is_there() {
        let results = results();
        let shown = results.path().display();
        let error = |reference| find(results.path(), reference).unwrap_err().to_string();
        assert_eq!(
            error("mian"),
            format!(
                "no result \"mian\" in {shown}: did you mean \"main\"? newest are 20261105T080000Z-a-0005, \
                 20261104T080000Z-b-0004, 20261103T080000Z-b-0003, 20261102T080000Z-a-0002, \
                 20261101T080000Z-a-0001; labels are main, slow \"one\""
            )
        );
        assert!(error("20261105T080000Z-a-0006").contains("did you mean \"20261105T080000Z-a-0005\"?"));
        assert!(!error("quite/different").contains("did you mean"));
        let empty = tempfile::tempdir().unwrap();
        for results in [empty.path().to_owned(), empty.path().join("none")] {
            let error = find(&results, "latest").unwrap_err().to_string();
            assert!(error.contains("holds none yet; make one with `run`"), "{error}");
        }
        let file = results.path().join("20261107T080000Z-a-file");
        let error = find(&file, "latest").unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read the results in {}: ", file.display())), "{error}");
    }
}
