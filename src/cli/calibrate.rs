//! `calibrate`: prove the generator against known service times.

use std::io::{IsTerminal as _, Read as _};

use clap::Args;
use tokio::sync::watch;

use super::environment;
use super::exit::ExitCode;
use super::run::Format;
use super::{Failure, print, say};
use crate::calibrate::{self, Behaviour, CalibrateError, Options, Server, Truth};

/// Columns where the terminal does not tell.
const WIDTH: usize = 110;

/// Prove the generator on this machine against a server of known service times.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 this machine measures truly; 99 it does not; 98 it could not be told, as where another \
    program used the CPUs; 130 interrupted; 1 could not run."
)]
pub(super) struct CalibrateArgs {
    /// Shorter runs: half a minute in place of a whole one
    #[arg(long)]
    quick: bool,
    /// Of every random choice [default: random, and reported]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// No progress on standard error
    #[arg(short, long)]
    quiet: bool,
}

/// What `calibrate` starts for itself: a server that ends with standard input and then prints what it wrote down.
#[derive(Debug, Args)]
pub(super) struct SyntheticServerArgs {
    /// What it does, as JSON
    #[arg(long, value_name = "JSON", value_parser = |text: &str| serde_json::from_str::<Behaviour>(text))]
    behaviour: Behaviour,
    /// Of every random choice
    #[arg(long, value_name = "NUMBER")]
    seed: u64,
}

/// Calibrates.
pub(super) async fn calibrate(args: CalibrateArgs, stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    let options = Options {
        quick: args.quick,
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..1 << 53)),
        program: std::env::current_exe().map_err(Failure::cannot)?,
        environment: environment::here(),
    };
    let tell = |line: &str| {
        if !args.quiet {
            say(line);
        }
    };
    let found = match calibrate::calibrate(&options, &tell, stop).await {
        Ok(found) => found,
        Err(error @ CalibrateError::Interrupted) => {
            say(&error.to_string());
            return Ok(ExitCode::Interrupted);
        }
        Err(error) => return Err(Failure::cannot(error)),
    };
    match args.format {
        Format::Json => print(&(serde_json::to_string_pretty(&found).map_err(Failure::cannot)? + "\n"))?,
        Format::Text => {
            let (_, columns) = console::Term::stdout().size_checked().unwrap_or((0, WIDTH as u16));
            let width = if std::io::stdout().is_terminal() { usize::from(columns) } else { WIDTH };
            print(&calibrate::text(&found, width))?;
        }
    }
    Ok(match found.verdict {
        Truth::True => ExitCode::Passed,
        Truth::Unproven => ExitCode::Unproven,
        Truth::Wrong => ExitCode::Failed,
    })
}

/// Serves until the end of standard input.
pub(super) async fn synthetic_server(args: SyntheticServerArgs) -> Result<ExitCode, Failure> {
    let server = Server::start(args.behaviour, args.seed).map_err(Failure::cannot)?;
    print(&format!("{}\n", server.url()))?;
    let ended = tokio::task::spawn_blocking(move || {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(1..)) {}
        server.stop()
    });
    let record = ended.await.map_err(Failure::cannot)?;
    print(&(serde_json::to_string(&record).map_err(Failure::cannot)? + "\n"))?;
    Ok(ExitCode::Passed)
}
