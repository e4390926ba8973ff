//! Reports: one file a format, each from the run and its result alone. Knows no driver; prints nothing.

use std::path::Path;

use crate::judge::RunResult;
use crate::record::Run;

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct ReportError {
    /// The file.
    pub path: std::path::PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// The terminal's report. `width` in columns; `colour`: with ANSI colours.
pub fn terminal(run: &Run, result: &RunResult, width: usize, colour: bool) -> String {
    let _ = (run, result, width, colour);
    String::new()
}

/// Writes `result.json`, `report.html`, `report.md`, `junit.xml` and `charts/*.svg` into a result folder, each whole or not at all.
pub fn write_all(folder: &Path, run: &Run, result: &RunResult) -> Result<(), ReportError> {
    let _ = (folder, run, result);
    Ok(())
}
