//! One file a subcommand. Wires the rooms together; the only room that prints: reports to standard output, everything
//! else to standard error.

mod ab;
mod baseline;
mod beside;
mod calibrate;
mod capacity;
mod check;
mod ci;
mod common;
mod compare;
mod environment;
mod exit;
mod history;
mod host;
mod probes;
mod progress;
mod report;
mod run;
mod scenario;
mod serve;
mod service;
mod settings;
mod soak;
mod trend;

use clap::{Parser, Subcommand, ValueEnum};
use tokio::sync::watch;

pub use exit::ExitCode;

/// Load-tests an agenthub service, judges it against its performance targets, and shows the proof.
#[derive(Debug, Parser)]
#[command(name = "agenthub-perf", version, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 every target passed; 1 could not run; 2 wrong usage; 98 unproven or void; \
    99 a target missed, or worse than the baseline; 130 interrupted.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

impl Cli {
    /// What is said when the process is asked a second time to end, and does so at once.
    pub fn stopped_at_once(&self) -> &'static str {
        match self.command {
            Command::Run(_) | Command::Capacity(_) | Command::Ab(_) => {
                "stopped at once; where a run had begun its journal is kept, and `report FOLDER` builds its report"
            }
            _ => "stopped at once",
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive load on a host, judge it, write a result (without --host: on the reference service)
    Run(Box<run::RunArgs>),
    /// Find the highest load at which every target still passes
    Capacity(Box<capacity::CapacityArgs>),
    /// Build a result's report again from its journal, also that of a killed or running one
    Report(report::ReportArgs),
    /// Check the system against the guide's quick checks and checklist, without load
    Check(Box<check::CheckArgs>),
    /// Compare two results, or several a side: better, worse, the same or unproven
    Compare(compare::CompareArgs),
    /// Put the same load on two hosts in turns and tell whether one is worse
    Ab(Box<ab::AbArgs>),
    /// Show the history of a workload: change points, charts
    Trend(trend::TrendArgs),
    /// List the results, or let old ones go
    #[command(subcommand)]
    History(history::HistoryCommand),
    /// Check, show or try a scenario file
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// Run the reference agenthub service alone
    Serve(serve::ServeArgs),
    /// Prove on a server of known service times that this machine measures truly
    Calibrate(calibrate::CalibrateArgs),
    #[command(hide = true)]
    SyntheticServer(calibrate::SyntheticServerArgs),
}

/// What is printed of results to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// For a job summary.
    Md,
    /// A page of its own, with charts.
    Html,
}

/// Runs a command. `stop` becomes true when the process is asked to end.
pub async fn execute(cli: Cli, stop: watch::Receiver<bool>) -> ExitCode {
    let outcome = match cli.command {
        Command::Run(args) => run::run(*args, stop).await,
        Command::Capacity(args) => Box::pin(capacity::capacity(*args, stop)).await,
        Command::Report(args) => report::report(&args),
        Command::Check(args) => Box::pin(check::check(*args, stop)).await,
        Command::Compare(args) => compare::compare(&args),
        Command::Ab(args) => Box::pin(ab::ab(*args, stop)).await,
        Command::Trend(args) => trend::trend(&args),
        Command::History(command) => history::history(&command),
        Command::Scenario(command) => scenario::scenario(command, stop).await,
        Command::Serve(args) => serve::serve(args, stop).await,
        Command::Calibrate(args) => calibrate::calibrate(args, stop).await,
        Command::SyntheticServer(args) => calibrate::synthetic_server(args).await,
    };
    outcome.unwrap_or_else(|failure| {
        say(&format!("error: {}", failure.message));
        failure.code
    })
}

/// Why a command did not get to its end.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    message: String,
}

impl Failure {
    /// Something on this machine, or the host, is in the way.
    #[expect(clippy::needless_pass_by_value, reason = "fits behind map_err")]
    pub(crate) fn cannot(message: impl ToString) -> Self {
        Self { code: ExitCode::CannotRun, message: message.to_string() }
    }

    /// What was asked for makes no sense.
    #[expect(clippy::needless_pass_by_value, reason = "fits behind map_err")]
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self { code: ExitCode::Usage, message: message.to_string() }
    }
}

/// A line for the person at the terminal, on standard error.
fn say(line: &str) {
    use std::io::Write;
    // Nobody listens any more: nothing is lost by not telling them.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A report, on standard output. A reader that has gone away (`| head`) is not an error.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::cannot(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
