//! `history`: the results folder as a table, and letting old results go.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::exit::ExitCode;
use super::report::page_width;
use super::settings::{Layer, settle};
use super::{Failure, print, say};
use crate::{history, report};

/// The results folder.
#[derive(Debug, Subcommand)]
pub(super) enum HistoryCommand {
    /// List the results, the newest first
    List(ListArgs),
    /// Say which old results may go; with --yes let them go
    #[command(
        after_help = "Of each workload the newest whole runs stay; so do the newest whole run of each label, runs that a run that \
        stays has as its baseline, and those that may still run. Folders that are not surely results of ours are left alone."
    )]
    Prune(PruneArgs),
}

/// Which results folder.
#[derive(Debug, Args)]
struct Place {
    /// Folder that results are in [default: the configuration's, else results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Configuration file [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How they are listed.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What stays.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Whole runs of each workload that stay
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = parse_keep, allow_hyphen_values = true)]
    keep: u32,
    /// Remove them; without it nothing is touched
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

/// What is printed to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// For a job summary.
    Md,
}

fn parse_keep(text: &str) -> Result<u32, String> {
    let wrong = || "not a whole number of runs from 1 on, e.g. 50".to_owned();
    text.trim().parse().ok().filter(|&runs| runs > 0).ok_or_else(wrong)
}

/// Does it.
pub(super) fn history(command: &HistoryCommand) -> Result<ExitCode, Failure> {
    match command {
        HistoryCommand::List(args) => list(args),
        HistoryCommand::Prune(args) => prune(args),
    }
}

impl Place {
    fn results(&self) -> Result<PathBuf, Failure> {
        let flags = Layer { results: self.results.clone(), ..Layer::default() };
        settle(flags, None, self.config.as_deref()).map(|settings| settings.results)
    }
}

fn list(args: &ListArgs) -> Result<ExitCode, Failure> {
    let results = args.place.results()?;
    let listing = history::list(&results).map_err(Failure::cannot)?;
    if listing.runs.is_empty() && listing.skipped.is_empty() {
        say(&nothing_in(&results));
    }
    let text = match args.format {
        Format::Text if listing.runs.is_empty() && listing.skipped.is_empty() => String::new(),
        Format::Text => {
            report::listing_text(&listing, if std::io::stdout().is_terminal() { page_width().0 } else { usize::MAX })
        }
        Format::Json => serde_json::to_string_pretty(&listing).map(|text| text + "\n").map_err(Failure::cannot)?,
        Format::Md => report::listing_markdown(&listing),
    };
    print(&text)?;
    Ok(ExitCode::Passed)
}

fn nothing_in(results: &Path) -> String {
    let is = if results.is_dir() { "holds no results" } else { "is not there" };
    format!("{} {is}: make one with `run`, or name another folder with --results", results.display())
}

fn prune(args: &PruneArgs) -> Result<ExitCode, Failure> {
    let results = args.place.results()?;
    let found = history::prune(&results, args.keep as usize).map_err(Failure::cannot)?;
    if found == history::Pruning::default() {
        say(&nothing_in(&results));
        return Ok(ExitCode::Passed);
    }
    for skipped in &found.skipped {
        say(&format!("left alone  {}: {}", skipped.id, skipped.why));
    }
    for staying in &found.staying {
        say(&format!("stays       {}: {}", staying.id, staying.why));
    }
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let (mut gone, mut bytes, mut failed) = (0, 0, 0);
    for result in &found.going {
        let word = if args.yes { "removed" } else { "would go" };
        if args.yes
            && let Err(error) = history::remove(&result.folder)
        {
            say(&format!("error: cannot remove {}: {error}", result.folder.display()));
            failed += 1;
            continue;
        }
        gone += 1;
        bytes += result.bytes;
        print(&format!("{word}  {}  {}\n", result.id, mib(result.bytes)))?;
    }
    if args.yes {
        for leftover in &found.leftovers {
            if let Err(error) = history::remove(leftover) {
                say(&format!("error: cannot remove {}: {error}", leftover.display()));
                failed += 1;
            }
        }
    }
    let how = match (args.yes, gone) {
        (_, 0) => "nothing goes".to_owned(),
        (true, _) => format!("{gone} removed, {}", mib(bytes)),
        (false, _) => format!("{gone} would go, {}: --yes removes them", mib(bytes)),
    };
    say(&format!("{how}; {} stay", found.newest + found.staying.len()));
    Ok(if failed > 0 { ExitCode::CannotRun } else { ExitCode::Passed })
}
