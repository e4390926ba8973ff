//! The reference service as a process of its own: what it uses is not counted as the generator's.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::Failure;
use crate::observe::{ProcessOf, ProcessSpec};

const READY_WITHIN: Duration = Duration::from_secs(10);
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A reference service started for one run. It ends with us, however we end: it watches the pipe that we hold.
pub(super) struct Service {
    child: Child,
    /// Where it listens.
    pub(super) url: String,
}

impl Service {
    /// Starts it on a free port of 127.0.0.1.
    pub(super) async fn start() -> Result<Self, Failure> {
        let cannot = |problem: String| Failure::cannot(format!("cannot start the reference service: {problem}"));
        let program = std::env::current_exe().map_err(|error| cannot(error.to_string()))?;
        let mut child = Command::new(program)
            .args(["serve", "--port", "0", "--parent-pipe"])
            // It takes any account and keeps everything in memory, whatever another service on this machine is told.
            .env_remove("AGENTHUB_PERF_SERVE_EMAIL")
            .env_remove("AGENTHUB_PERF_SERVE_PASSWORD")
            .env_remove("AGENTHUB_PERF_SERVE_DATABASE")
            .env_remove("AGENTHUB_PERF_SERVE_REDIS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for us: the service must still answer what is in flight.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let mut lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let ready = async {
            match &mut lines {
                Some(lines) => lines.next_line().await.ok().flatten(),
                None => None,
            }
        };
        let line = tokio::time::timeout(READY_WITHIN, ready).await.ok().flatten();
        let url = line.as_deref().and_then(|line| line.rsplit(' ').next()).filter(|url| url.starts_with("http://"));
        match url {
            Some(url) => Ok(Self { url: url.to_owned(), child }),
            None => Err(cannot(format!("it did not say where it listens within {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// Its process, to be watched.
    pub(super) fn process(&self) -> Option<ProcessSpec> {
        let of = ProcessOf::Pid(self.child.id()?);
        Some(ProcessSpec { label: Some("reference service".to_owned()), of })
    }

    /// Ends it.
    pub(super) async fn stop(mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(GONE_WITHIN, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
