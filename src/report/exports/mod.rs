//! What CI systems and dashboards read: one file a format, from the run and its result alone.
//!
//! Tools that keep figures and hold later ones against them get none of a run whose figures do not speak of the service:
//! they would keep it all the same.

mod bencher;
mod github_benchmark;
mod gitlab;
mod openmetrics;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::path::Path;

use super::{ReportError, write};
use crate::document::suggestion;
use crate::judge::{EdgeResult, RunResult, TargetResult, Verdict};
use crate::record::Run;

/// A format that another system reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// `gitlab-load-performance.json`: GitLab's `artifacts:reports:load_performance`.
    Gitlab,
    /// `openmetrics.txt`: `OpenMetrics` 1.0 text, also GitLab's `artifacts:reports:metrics`.
    OpenMetrics,
    /// `bencher.json`: Bencher Metric Format.
    Bencher,
    /// `github-benchmark-smaller.json` and `github-benchmark-bigger.json`: the custom tools of github-action-benchmark.
    GithubBenchmark,
}

/// A file of an export; without a text where there is nothing that it could hold.
struct ExportFile {
    name: &'static str,
    text: Option<String>,
}

impl Export {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Gitlab, Self::OpenMetrics, Self::Bencher, Self::GithubBenchmark];

    /// As `--export` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gitlab => "gitlab",
            Self::OpenMetrics => "openmetrics",
            Self::Bencher => "bencher",
            Self::GithubBenchmark => "github-benchmark",
        }
    }

    /// By its name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let known = || Self::ALL.iter().map(|export| export.name());
        let found = Self::ALL.into_iter().find(|export| export.name() == text);
        found.ok_or_else(|| format!("no such export; {}", suggestion(text, known())))
    }

    fn files(self, run: &Run, result: &RunResult) -> Result<Vec<ExportFile>, serde_json::Error> {
        let told = does_not_speak(result).is_none();
        let file = |name, text| ExportFile { name, text };
        let lines = |value: serde_json::Value| serde_json::to_string_pretty(&value).map(|text| text + "\n");
        let optional = |value: Option<serde_json::Value>| value.filter(|_| told).map(lines).transpose();
        Ok(match self {
            Self::Gitlab => vec![file("gitlab-load-performance.json", optional(Some(gitlab::gitlab(run, result)))?)],
            Self::OpenMetrics => vec![file("openmetrics.txt", Some(openmetrics::openmetrics(result)))],
            Self::Bencher => vec![file("bencher.json", optional(bencher::bencher(result))?)],
            Self::GithubBenchmark => {
                let (smaller, bigger) = github_benchmark::github_benchmark(result);
                vec![
                    file("github-benchmark-smaller.json", optional(smaller)?),
                    file("github-benchmark-bigger.json", optional(bigger)?),
                ]
            }
        })
    }
}

/// Writes these exports into a result folder; hands out what a person should know of those that could not be made. A file that
/// an earlier report left, and that would not be written now, is taken away.
pub(super) fn write_exports(
    folder: &Path,
    exports: &[Export],
    run: &Run,
    result: &RunResult,
) -> Result<Vec<String>, ReportError> {
    let mut told = Vec::new();
    for export in exports {
        let files = export
            .files(run, result)
            .map_err(|error| ReportError { path: folder.join(export.name()), source: error.into() })?;
        let nothing = files.iter().all(|file| file.text.is_none());
        for file in files {
            let path = folder.join(file.name);
            match file.text {
                Some(text) => write(&path, &text)?,
                None => match std::fs::remove_file(&path) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(ReportError { path, source });
                    }
                    _ => {}
                },
            }
        }
        if nothing {
            let why = does_not_speak(result).unwrap_or("no target has a figure");
            told.push(format!("--export {}: nothing is written, as {why}", export.name()));
        }
    }
    Ok(told)
}

/// Why the figures of a run must not be held against those of others; `None` where they may.
fn does_not_speak(result: &RunResult) -> Option<&'static str> {
    if result.verdict == Verdict::Void {
        Some("the run is void: its figures do not speak of the service")
    } else if result.totals.requests == 0 {
        Some("no request was made")
    } else if result.partial {
        Some("the run did not reach its end")
    } else if result.totals.failed_starts > 0 {
        Some("users could not start: the load was not the one asked for")
    } else {
        None
    }
}

/// The edge that a search has found, the level that passes and the one that fails. A bound is none, nor what was not confirmed:
/// whoever keeps figures would hold later ones against it.
fn edge(result: &RunResult) -> Option<(&EdgeResult, f64, f64)> {
    let edge = result.edge.as_ref().filter(|edge| edge.confirmed)?;
    Some((edge, edge.passes?, edge.fails?))
}

/// The targets that have a figure, with it.
fn figures(result: &RunResult) -> impl Iterator<Item = (&TargetResult, f64)> {
    result.targets.iter().filter_map(|target| Some((target, target.value?)))
}
