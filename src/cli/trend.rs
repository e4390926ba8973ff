//! `trend`: the history of a workload.

use std::path::PathBuf;

use clap::Args;

use super::exit::ExitCode;
use super::report::page_width;
use super::settings::{Layer, parse_tolerance, settle};
use super::{Failure, Format, print, say};
use crate::history::{self, FindError, TrendError, TrendOptions};
use crate::report;

/// The history of a workload: its figures run by run, and where they changed.
#[derive(Debug, Args)]
#[command(
    after_help = "Partial, void and other runs that prove nothing are left out and named. A change shows from its second run \
    on: one far run is an outlier. Exit codes: 0 the history is shown; 1 there is none; 2 no such workload or figure."
)]
pub(super) struct TrendArgs {
    /// A workload's hash or its beginning, or a REF to one of its runs [default: the newest run's]
    #[arg(long, value_name = "HASH|REF")]
    workload: Option<String>,
    /// The workload of the newest run of this scenario
    #[arg(long, value_name = "NAME", conflicts_with = "workload")]
    scenario: Option<String>,
    /// A figure, named as a target, e.g. `p95_response_time` or `p99_response_time[GET /x]` (repeatable) [default: the newest run's targets]
    #[arg(long, value_name = "FIGURE")]
    figure: Vec<String>,
    /// So much is a change; of an error rate its own target is
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = parse_change, allow_hyphen_values = true)]
    least_change: f64,
    /// Runs too that prove nothing: partial, void, of another schema
    #[arg(long)]
    all: bool,
    /// Write the charts there, an SVG and a PNG of each figure
    #[arg(long, value_name = "DIR")]
    charts: Option<PathBuf>,
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

fn parse_change(text: &str) -> Result<f64, String> {
    parse_tolerance(text).map_err(|error| error.replace("the tolerance", "the least change"))
}

/// Shows it.
pub(super) fn trend(args: &TrendArgs) -> Result<ExitCode, Failure> {
    let flags = Layer { results: args.results.clone(), ..Layer::default() };
    let settings = settle(flags, None, args.config.as_deref())?;
    let options = TrendOptions {
        workload: args.workload.clone(),
        scenario: args.scenario.clone(),
        figures: args.figure.clone(),
        all: args.all,
        least_change: args.least_change,
    };
    let found = history::trend(&settings.results, &options).map_err(|error| match error {
        TrendError::Find(unknown @ FindError::Unknown { .. }) if args.workload.is_some() => {
            Failure::usage(format!("--workload: {unknown}"))
        }
        TrendError::Nothing(_) | TrendError::Find(FindError::Unreadable { .. }) => Failure::cannot(error),
        _ => Failure::usage(error),
    })?;
    if let Some(folder) = &args.charts {
        for path in report::write_trend_charts(folder, &found).map_err(Failure::cannot)? {
            say(&format!("chart  {}", path.display()));
        }
    }
    let text = match args.format {
        Format::Text => {
            let (width, colour) = page_width();
            report::trend_text(&found, width, colour)
        }
        Format::Json => report::trend_json(&found).map_err(Failure::cannot)?,
        Format::Md => report::trend_markdown(&found),
        Format::Html => report::trend_html(&found).map_err(Failure::cannot)?,
    };
    print(&text)?;
    Ok(ExitCode::Passed)
}
