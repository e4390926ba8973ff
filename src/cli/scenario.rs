//! `scenario check|show|try`: is a scenario right, what does it do, what does the host answer.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio::sync::watch;

use super::exit::ExitCode;
use super::settings::{Layer, settle};
use super::{Failure, host, print, say};
use crate::load::{self, AllowedHosts};
use crate::scenario::{self, Scenario};

/// Check, show or try a scenario file.
#[derive(Debug, Subcommand)]
pub(super) enum ScenarioCommand {
    /// Check a scenario file and everything it refers to
    Check(FileArgs),
    /// Show what its users do: tasks with their shares, steps, endpoints
    Show(FileArgs),
    /// Run its start, each task once and its stop, with every request and response shown, secrets masked
    Try(TryArgs),
}

/// Which file.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// Scenario file [default: the guide's user, built in]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What to try, and on what.
#[derive(Debug, Args)]
pub(super) struct TryArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The system under test [default: the scenario's, else the reference service]
    #[arg(short = 'H', long, value_name = "URL")]
    host: Option<String>,
    /// Allow requests to a host that is not this machine; repeatable
    #[arg(long = "allow-host", value_name = "NAME")]
    allow_hosts: Vec<String>,
    /// Configuration file, for its host and allowed hosts [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take any TLS certificate
    #[arg(long)]
    insecure: bool,
    /// Open a new connection for every request
    #[arg(long)]
    no_keep_alive: bool,
    /// Speak HTTP/1.1 only; otherwise https hosts may choose HTTP/2
    #[arg(long = "http1.1", visible_alias = "http1")]
    http1: bool,
    /// Of every random choice
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

impl FileArgs {
    fn load(&self) -> Result<Scenario, Failure> {
        match &self.file {
            Some(path) => scenario::load(path).map_err(Failure::usage),
            None => Ok(scenario::built_in()),
        }
    }

    fn name(&self) -> String {
        self.file.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string())
    }
}

/// Runs one of them.
pub(super) async fn scenario(command: ScenarioCommand, stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    match command {
        ScenarioCommand::Check(file) => {
            let scenario = file.load()?;
            let (tasks, endpoints) = (scenario.tasks.len(), scenario.endpoints.len());
            print(&format!(
                "{}: ok: {:?}, {tasks} task{}, {endpoints} endpoint{}\n",
                file.name(),
                scenario.name,
                if tasks == 1 { "" } else { "s" },
                if endpoints == 1 { "" } else { "s" },
            ))?;
            Ok(ExitCode::Passed)
        }
        ScenarioCommand::Show(file) => {
            print(&file.load()?.plan_text())?;
            Ok(ExitCode::Passed)
        }
        ScenarioCommand::Try(args) => try_once(args, stop).await,
    }
}

async fn try_once(args: TryArgs, stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    let scenario = Arc::new(args.file.load()?);
    let insecure = args.insecure.then_some(true);
    let flags = Layer {
        host: args.host,
        allow_hosts: args.allow_hosts,
        insecure,
        keep_alive: args.no_keep_alive.then_some(false),
        http2: args.http1.then_some(false),
        ..Layer::default()
    };
    let settings = settle(flags, None, args.config.as_deref())?;
    let connections = settings.connections();
    let allowed = AllowedHosts::new(settings.allow_hosts);
    let (host, service) = match settings.host.or_else(|| scenario.host.clone()) {
        Some(text) => {
            let host = host::checked(&text, &allowed)?;
            host::proxy_to(&host, &say)?;
            (host, None)
        }
        None => host::reference(&say).await?,
    };
    let rehearsal = load::Rehearsal { scenario, host, allowed, connections, seed: args.seed };
    let mut shown = Ok(());
    let failed = load::rehearse(rehearsal, stop, &mut |text| {
        if shown.is_ok() {
            shown = print(text);
        }
    })
    .await;
    if let Some(service) = service {
        service.stop().await;
    }
    shown?;
    match failed.map_err(Failure::cannot)? {
        0 => Ok(ExitCode::Passed),
        failed => {
            say(&format!("{failed} request{} failed", if failed == 1 { "" } else { "s" }));
            Ok(ExitCode::Failed)
        }
    }
}
