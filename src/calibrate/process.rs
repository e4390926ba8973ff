//! The synthetic server as a process of its own: it shares neither the generator's runtime nor its CPU account.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::drive::CalibrateError;
use super::schedule::Behaviour;
use super::server::Record;

const READY_WITHIN: Duration = Duration::from_secs(10);
const DONE_WITHIN: Duration = Duration::from_secs(30);

/// A server's process. It ends with us, however we end: it watches the pipe that we hold.
pub(super) struct Process {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(super) url: String,
}

impl Process {
    /// Starts it: `program` must know the command `synthetic-server`.
    pub(super) async fn start(program: &Path, behaviour: &Behaviour, seed: u64) -> Result<Self, CalibrateError> {
        let cannot = |problem: String| CalibrateError::Server(format!("cannot start the synthetic server: {problem}"));
        let behaviour = serde_json::to_string(behaviour).map_err(|error| cannot(error.to_string()))?;
        let mut child = Command::new(program)
            .args(["synthetic-server", "--behaviour", &behaviour, "--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for us: the server must still answer what is in flight.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let Some(stdout) = child.stdout.take() else { return Err(cannot("it has no output".to_owned())) };
        let mut output = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(READY_WITHIN, output.next_line()).await;
        let url = ready.ok().and_then(Result::ok).flatten().filter(|url| url.starts_with("http://"));
        match url {
            Some(url) => Ok(Self { child, output, url }),
            None => Err(cannot(format!("it did not say where it listens within {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// Ends it, and reads what it wrote down.
    pub(super) async fn stop(mut self) -> Result<Record, CalibrateError> {
        let cannot = |problem: String| CalibrateError::Server(format!("no record of the synthetic server: {problem}"));
        drop(self.child.stdin.take());
        let mut text = String::new();
        let mut rest = self.output.into_inner();
        match tokio::time::timeout(DONE_WITHIN, rest.read_to_string(&mut text)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(cannot(error.to_string())),
            Err(_) => return Err(cannot(format!("it did not end within {} s", DONE_WITHIN.as_secs()))),
        }
        let _ = self.child.wait().await;
        serde_json::from_str(&text).map_err(|error| cannot(error.to_string()))
    }
}
