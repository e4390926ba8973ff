//! Parses the command line, runs the command, turns its outcome into an exit code.

use std::process::ExitCode;

use agenthub_perf::cli::{self, Cli};
use clap::Parser;
use tokio::sync::watch;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let last_words = cli.stopped_at_once();
    let (ask_to_stop, stop) = watch::channel(false);
    // Here before Goose, which installs its own where there is none: the first signal ends the load, the second the process.
    let handler = ctrlc::set_handler(move || {
        if ask_to_stop.send_replace(true) {
            // Asked twice: at once, whatever still runs.
            tell(last_words);
            std::process::exit(i32::from(cli::ExitCode::Interrupted as u8));
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match (handler, runtime) {
        (Ok(()), Ok(runtime)) => {
            let code = runtime.block_on(cli::execute(cli, stop));
            // What is left belongs to nobody: a look-up of a name that does not answer must not hold up the end.
            runtime.shutdown_background();
            code.into()
        }
        (Err(error), _) => cannot_start(&error),
        (_, Err(error)) => cannot_start(&error),
    }
}

fn cannot_start(error: &dyn std::error::Error) -> ExitCode {
    tell(&format!("error: cannot start: {error}"));
    cli::ExitCode::CannotRun.into()
}

fn tell(line: &str) {
    use std::io::Write;
    // Nobody listens any more: nothing is lost by not telling them.
    let _ = writeln!(std::io::stderr(), "{line}");
}
