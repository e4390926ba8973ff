//! `report`: build a result's report again, from its journal alone.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;

use super::baseline;
use super::exit::ExitCode;
use super::run::Format;
use super::settings::{Layer, settle};
use super::{Failure, print, say};
use crate::history::{self, FindError};
use crate::judge::{self, RunResult};
use crate::record::{self, Run};
use crate::report::{self, Export};

/// Columns where the terminal does not tell.
const WIDTH: usize = 100;
/// Narrower than this nothing reads well.
const LEAST_WIDTH: usize = 60;

/// Build a result's report again from its journal, also that of a killed or running one.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// A path, an id, a label, `latest` or `latest~N`
    #[arg(value_name = "RESULT", default_value = "latest")]
    result: String,
    /// Also write what another system reads: gitlab, openmetrics, bencher or github-benchmark; repeatable
    #[arg(long = "export", value_name = "NAME", value_parser = Export::parse)]
    exports: Vec<Export>,
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

/// Builds it, and ends as the run would have.
pub(super) fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let flags = Layer { results: args.results.clone(), exports: args.exports.clone(), ..Layer::default() };
    let settings = settle(flags, None, args.config.as_deref())?;
    let folder = find(&settings.results, &args.result)?;
    let run = record::read(&folder).map_err(Failure::cannot)?;
    let mut result = judge::judge(&run);
    // Its baseline lay beside it.
    baseline::attach(folder.parent().unwrap_or(&settings.results), &run, &mut result);
    write_reports(&folder, &settings.exports, &run, &result);
    show(&folder, &run, &result, args.format)?;
    Ok(ExitCode::of(run.end.as_ref(), result.verdict, run.asked.allow_unproven))
}

/// The folder of a REF. One that names nothing is wrong usage; a results folder that cannot be read is not.
pub(super) fn find(results: &Path, reference: &str) -> Result<PathBuf, Failure> {
    history::find(results, reference).map_err(|error| match error {
        FindError::Unreadable { .. } => Failure::cannot(error),
        _ => Failure::usage(error),
    })
}

/// Writes the report's files into the result's folder. Where they cannot be written the report can still be read here and
/// now, and built again from the journal.
pub(super) fn write_reports(folder: &Path, exports: &[Export], run: &Run, result: &RunResult) {
    if let Err(error) = report::write_all(folder, run, result) {
        say(&format!("warning: {error}"));
    }
    match report::write_exports(folder, exports, run, result) {
        Ok(told) => told.iter().for_each(|line| say(&format!("warning: {line}"))),
        Err(error) => say(&format!("warning: {error}")),
    }
}

/// Prints the report.
pub(super) fn show(folder: &Path, run: &Run, result: &RunResult, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print(&report::json(result).map_err(Failure::cannot)?),
        Format::Text => {
            let (width, colour) = page_width();
            print(&report::terminal(folder, run, result, width, colour))
        }
    }
}

/// Columns of standard output, and whether it takes colours.
pub(super) fn page_width() -> (usize, bool) {
    let terminal = std::io::stdout().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let of_terminal = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let said = std::env::var("COLUMNS").ok();
    (width(of_terminal.filter(|_| terminal), said.as_deref()), colour)
}

/// The terminal's, where it tells; else `COLUMNS`.
fn width(of_terminal: Option<usize>, columns: Option<&str>) -> usize {
    let said = || columns.and_then(|text| text.trim().parse().ok());
    of_terminal.filter(|columns| *columns > 0).or_else(said).unwrap_or(WIDTH).max(LEAST_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_s_width_comes_before_columns_and_neither_is_too_narrow() {
        assert_eq!(width(Some(72), Some("90")), 72);
        assert_eq!(width(Some(0), Some("90")), 90);
        assert_eq!(width(None, Some("90")), 90);
        assert_eq!(width(None, Some("wide")), WIDTH);
        assert_eq!(width(None, None), WIDTH);
        assert_eq!((width(Some(20), None), width(None, Some("7"))), (LEAST_WIDTH, LEAST_WIDTH));
    }
}
