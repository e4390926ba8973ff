//! Reports: one file a format, each from the run and its result alone. Knows no driver; prints nothing.

mod amounts;
mod capacity;
mod charts;
mod check;
pub(crate) mod columns;
mod comparison;
mod drift;
mod endpoints;
#[cfg(test)]
mod example;
mod exports;
mod github;
mod html;
mod json;
mod junit;
mod listing;
mod markdown;
mod next;
mod page;
mod split;
mod system;
mod terminal;
mod trend;
mod watched;
pub(crate) mod words;

use std::io::Write;
use std::path::Path;

use crate::history::Listing;
use crate::judge::{Comparison, Planned, RunResult, Trend};
use crate::record::{Checked, Run};

pub use exports::Export;

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct ReportError {
    /// The file.
    pub path: std::path::PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// The terminal's report. `folder`: the result's, which it names; `width` in columns; `colour`: with ANSI colours.
pub fn terminal(folder: &Path, run: &Run, result: &RunResult, width: usize, colour: bool) -> String {
    terminal::terminal(folder, run, result, width, colour)
}

/// `result.json` as a text, for `--format json`.
pub fn json(result: &RunResult) -> Result<String, serde_json::Error> {
    json::json(result)
}

/// `report.md` as a text, for a job summary.
pub fn markdown(run: &Run, result: &RunResult) -> String {
    markdown::markdown(run, result)
}

/// The terminal's report of a comparison.
pub fn comparison_text(of: &Comparison, width: usize, colour: bool) -> String {
    comparison::text(of, width, colour)
}

/// A comparison as JSON, ending with a newline.
pub fn comparison_json(of: &Comparison) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(of).map(|text| text + "\n")
}

/// A comparison as Markdown, for a job summary.
pub fn comparison_markdown(of: &Comparison) -> String {
    comparison::markdown(of, 2)
}

/// A comparison as a page that needs no network.
pub fn comparison_html(of: &Comparison) -> Result<String, askama::Error> {
    comparison::page(of)
}

/// The terminal's report of a history.
pub fn trend_text(of: &Trend, width: usize, colour: bool) -> String {
    trend::text(of, width, colour)
}

/// A history as JSON, ending with a newline.
pub fn trend_json(of: &Trend) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(of).map(|text| text + "\n")
}

/// A history as Markdown, for a job summary.
pub fn trend_markdown(of: &Trend) -> String {
    trend::markdown(of)
}

/// A history as a page that needs no network.
pub fn trend_html(of: &Trend) -> Result<String, askama::Error> {
    trend::page(of)
}

/// The terminal's report of a plan.
pub fn plan_text(of: &Planned, width: usize, colour: bool) -> String {
    capacity::plan_text(of, width, colour)
}

/// A plan as JSON, ending with a newline.
pub fn plan_json(of: &Planned) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(of).map(|text| text + "\n")
}

/// A plan as Markdown, for a planning document.
pub fn plan_markdown(of: &Planned) -> String {
    capacity::plan_markdown(of)
}

/// The terminal's report of a check.
pub fn check_text(of: &Checked, width: usize, colour: bool) -> String {
    check::text(of, width, colour)
}

/// A check as JSON, ending with a newline.
pub fn check_json(of: &Checked) -> Result<String, serde_json::Error> {
    check::json(of)
}

/// A check as Markdown, for a job summary.
pub fn check_markdown(of: &Checked) -> String {
    check::markdown(of)
}

/// A check as `JUnit`'s XML.
pub fn check_junit(of: &Checked) -> Result<String, quick_junit::SerializeError> {
    check::junit(of)
}

/// A check as a page that needs no network.
pub fn check_html(of: &Checked) -> Result<String, askama::Error> {
    check::page(of)
}

/// Writes a page, whole or not at all.
pub fn write_page(path: &Path, page: &str) -> Result<(), ReportError> {
    write(path, page)
}

/// Writes a chart of each figure of a history into a folder, `trend-<figure>.svg` and `.png`, and hands out their paths.
pub fn write_trend_charts(folder: &Path, of: &Trend) -> Result<Vec<std::path::PathBuf>, ReportError> {
    std::fs::create_dir_all(folder).map_err(|source| ReportError { path: folder.to_owned(), source })?;
    let mut written = Vec::new();
    for (figure, chart) in of.figures.iter().zip(charts::trend(of)) {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
        let name: String = figure.name.chars().map(plain).collect();
        let path = |extension| folder.join(format!("trend-{}.{extension}", name.trim_end_matches('-')));
        write(&path("svg"), &chart.standalone())?;
        let png = path("png");
        let drawn = chart.png().map_err(|why| ReportError { path: png.clone(), source: std::io::Error::other(why) })?;
        write_bytes(&png, &drawn)?;
        written.extend([path("svg"), png]);
    }
    Ok(written)
}

/// The results of a folder as a table, for a terminal.
pub fn listing_text(of: &Listing, width: usize) -> String {
    listing::text(of, width)
}

/// The same as Markdown.
pub fn listing_markdown(of: &Listing) -> String {
    listing::markdown(of)
}

/// Writes `result.json`, `report.html`, `report.md`, `junit.xml` and `charts/*.svg` into a result folder, each whole or not at all.
pub fn write_all(folder: &Path, run: &Run, result: &RunResult) -> Result<(), ReportError> {
    let charts = folder.join("charts");
    std::fs::create_dir_all(&charts).map_err(|source| ReportError { path: charts.clone(), source })?;
    let made = |path: &Path, text: Result<String, std::io::Error>| {
        text.map_err(|source| ReportError { path: path.to_owned(), source })
    };
    let shift = result.baseline.as_deref().and_then(charts::shift);
    let system = if run.watched.is_empty() { Vec::new() } else { charts::dashboard(run, result) };
    let system = system.into_iter().filter_map(|view| view.shown.ok());
    let probes = run.watched.iter().flat_map(|watched| charts::probe(run, result, watched).0);
    for chart in charts::all(run, result).into_iter().chain(shift).chain(system).chain(probes) {
        write(&charts.join(chart.file_name()), &chart.standalone())?;
    }
    let path = folder.join("report.html");
    write(&path, &made(&path, html::html(run, result).map_err(std::io::Error::other))?)?;
    write(&folder.join("report.md"), &markdown(run, result))?;
    let path = folder.join("junit.xml");
    write(&path, &made(&path, junit::junit(run, result).map_err(std::io::Error::other))?)?;
    // Last: whoever finds it finds the others too.
    let path = folder.join("result.json");
    write(&path, &made(&path, json::json(result).map_err(std::io::Error::other))?)
}

/// Writes these exports into a result folder, each file whole or not at all; hands out what a person should know of those that
/// could not be made.
pub fn write_exports(
    folder: &Path,
    exports: &[Export],
    run: &Run,
    result: &RunResult,
) -> Result<Vec<String>, ReportError> {
    exports::write_exports(folder, exports, run, result)
}

/// GitHub's annotations of a run, at most ten, a line each.
pub fn github_annotations(run: &Run, result: &RunResult) -> Vec<String> {
    github::of_run(run, result)
}

/// GitHub's annotations of a comparison, at most ten, a line each.
pub fn github_comparison_annotations(of: &Comparison) -> Vec<String> {
    github::of_comparison(of)
}

/// Appends Markdown to the file of a GitHub job summary; `false` where not all of it fits.
pub fn append_github_summary(path: &Path, text: &str) -> Result<bool, ReportError> {
    github::append_summary(path, text)
}

/// Writes a file under another name and renames it, so that it is never half there.
fn write(path: &Path, text: &str) -> Result<(), ReportError> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        // What is left of it would only puzzle; that it cannot be removed is no news beside the error itself.
        let _ = std::fs::remove_file(&temporary);
        ReportError { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn writes_every_file_of_every_run_and_leaves_nothing_else() {
        for (name, (run, result)) in example::all().into_iter().chain([("checked", example::checked())]) {
            let folder = tempfile::tempdir().unwrap();
            write_all(folder.path(), &run, &result).unwrap();
            write_all(folder.path(), &run, &result).unwrap();
            assert_eq!(
                files(folder.path()),
                ["charts", "junit.xml", "report.html", "report.md", "result.json"],
                "{name}"
            );
            assert_eq!(
                files(&folder.path().join("charts")),
                ["distribution.svg", "failures.svg", "response-times.svg", "throughput.svg"],
                "{name}"
            );
        }
    }

    #[test]
    fn what_was_watched_has_charts_in_files_of_their_own() {
        let (run, result) = example::containers();
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path(), &run, &result).unwrap();
        let charts = files(&folder.path().join("charts"));
        for name in ["system-requests.svg", "system-cpu-memory.svg", "probe-container-postgres-throttling.svg"] {
            assert!(charts.iter().any(|chart| chart == name), "{name}: {charts:?}");
        }
        assert!(
            charts.iter().any(|chart| chart.starts_with("probe-container-redis-cache-") && chart.ends_with("-cpu.svg"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let (run, result) = example::pass();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("report.md")).unwrap();
        let error = write_all(folder.path(), &run, &result).unwrap_err();
        assert_eq!(error.path, folder.path().join("report.md"));
        assert!(error.to_string().starts_with("cannot write "));
        assert!(!files(folder.path()).iter().any(|name| name.contains("tmp")));
    }
}
