//! `compare`: hold one side of results against another.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::ExitCode;
use super::report::{find, page_width};
use super::settings::{Layer, parse_tolerance, settle};
use super::{Failure, Format, print};
use crate::history::{self, Measured, Options};
use crate::judge::{Comparison, Differs, Outcome};
use crate::report;

/// Compare two results, or several a side: better, worse, the same or unproven, with the size of the change.
#[derive(Debug, Args)]
#[command(
    after_help = "A REF is a path, an id, a label (its newest whole run), latest, or latest~N. Several runs a side, apart by \
    commas, are compared as runs: taken in turns (A B A B) they also tell how much runs differ anyway, which one pair cannot. \
    The targets of B decide. Exit codes: 0 better, same or not worse; 98 unproven; 99 worse; 2 another workload."
)]
pub(super) struct CompareArgs {
    /// What is compared with: one REF, or several apart by commas
    #[arg(value_name = "A")]
    a: String,
    /// What is in question
    #[arg(value_name = "B")]
    b: String,
    /// How much worse counts as the same [default: the configuration's, else 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_tolerance, allow_hyphen_values = true)]
    tolerance: Option<f64>,
    /// Compare other workloads too: what differs is named
    #[arg(long)]
    any_workload: bool,
    /// A worse endpoint decides too (p95, adjusted for the number of endpoints)
    #[arg(long)]
    gate_endpoints: bool,
    /// Folder that results are in [default: the configuration's, else results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Configuration file [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Compares them.
pub(super) fn compare(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let flags = Layer { results: args.results.clone(), ..Layer::default() };
    let settings = settle(flags, None, args.config.as_deref())?;
    let (a, b) = (side(&settings.results, &args.a)?, side(&settings.results, &args.b)?);
    refuse_twice(a.iter().chain(&b))?;
    let measure = |folders: &[PathBuf]| -> Result<Vec<Measured>, Failure> {
        folders.iter().map(|folder| history::measure(folder).map_err(Failure::cannot)).collect()
    };
    let (a, b) = (measure(&a)?, measure(&b)?);
    let differs = history::workload_differences(&a, &b);
    if !args.any_workload && !differs.is_empty() {
        return Err(Failure::usage(format!(
            "these are different workloads: {}; compare runs of one workload, or say --any-workload",
            in_words(&differs)
        )));
    }
    let tolerance = args.tolerance.unwrap_or(settings.tolerance);
    let found = history::compare(&a, &b, Options { gate_endpoints: args.gate_endpoints, ..Options::new(tolerance) });
    let text = match args.format {
        Format::Text => {
            let (width, colour) = page_width();
            report::comparison_text(&found, width, colour)
        }
        Format::Json => report::comparison_json(&found).map_err(Failure::cannot)?,
        Format::Md => report::comparison_markdown(&found),
        Format::Html => report::comparison_html(&found).map_err(Failure::cannot)?,
    };
    print(&text)?;
    Ok(exit_code(&found, false))
}

/// What a comparison ends with.
pub(super) fn exit_code(found: &Comparison, allow_unproven: bool) -> ExitCode {
    match found.verdict {
        Outcome::Worse => ExitCode::Failed,
        Outcome::Unproven if !allow_unproven => ExitCode::Unproven,
        _ => ExitCode::Passed,
    }
}

/// The folders of one REF, or of several apart by commas.
pub(super) fn side(results: &Path, references: &str) -> Result<Vec<PathBuf>, Failure> {
    // A label may hold a comma.
    if let Ok(found) = history::find(results, references) {
        return Ok(vec![found]);
    }
    references.split(',').map(|reference| find(results, reference.trim())).collect()
}

/// A run that is compared with itself would only seem to say something.
fn refuse_twice<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    for folder in folders {
        let same = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if !seen.insert(same) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            return Err(Failure::usage(format!("{name} is named twice: a run can only be compared with others")));
        }
    }
    Ok(())
}

/// `users 50 and 60; think time 1–5 s and none`.
pub(super) fn in_words(differs: &[Differs]) -> String {
    let one = |differs: &Differs| format!("{} {} and {}", differs.what, differs.a, differs.b);
    differs.iter().map(one).collect::<Vec<_>>().join("; ")
}
