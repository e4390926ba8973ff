//! What a GitHub job is told beside the report: its summary, and annotations where standard output is for people.

use std::path::Path;

use super::run::Format;
use super::{Failure, print, say};
use crate::judge::{Comparison, RunResult};
use crate::record::Run;
use crate::report;

/// Of a run.
pub(super) fn tell_of_run(run: &Run, result: &RunResult, format: Format) -> Result<(), Failure> {
    add_to_summary(|| report::markdown(run, result));
    annotate(format, || report::github_annotations(run, result))
}

/// Of a comparison.
pub(super) fn tell_of_comparison(of: &Comparison, format: Format) -> Result<(), Failure> {
    add_to_summary(|| report::comparison_markdown(of));
    annotate(format, || report::github_comparison_annotations(of))
}

/// A summary that cannot be written is no reason to fail: everything in it is in the result folder too.
fn add_to_summary(text: impl FnOnce() -> String) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) else { return };
    match report::append_github_summary(Path::new(&path), &text()) {
        Ok(true) => {}
        Ok(false) => say("warning: not all of the report fits into the job summary, which may have 1024 KiB a step"),
        Err(error) => say(&format!("warning: {error}")),
    }
}

fn annotate(format: Format, lines: impl FnOnce() -> Vec<String>) -> Result<(), Failure> {
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if on_github && format == Format::Text {
        print(&lines().iter().fold(String::new(), |text, line| text + line + "\n"))?;
    }
    Ok(())
}
