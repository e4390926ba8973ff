//! The journal's files: `latency.hlog` and `samples.ndjson`.

use std::path::PathBuf;

/// The journal could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// The two files of one source of load, open for appending.
#[derive(Debug)]
pub struct Journal {}
