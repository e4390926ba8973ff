//! One shape through the real path: driver, recorder, journal on disk, read back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::shape::{FIGURES, Shape};
use crate::judge::Targets;
use crate::load::{self, AllowedHosts, Connections, Host, HostError, Load, LoadError};
use crate::record::{
    self, Asked, AskedConnections, AskedScenario, End, Environment, JournalError, LoadModel, RUN_SCHEMA, ReadError,
    Recorder, Run,
};
use crate::scenario::{self, Scenario, ScenarioError};

/// What requests in flight get at the end: longer than any stall.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a calibration could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// SIGINT or SIGTERM.
    #[error("interrupted: nothing is proven")]
    Interrupted,
    /// The synthetic server.
    #[error("{0}")]
    Server(String),
    /// A temporary folder.
    #[error("cannot write to the temporary folder {}: {source}; make room there, or set TMPDIR to another folder", folder.display())]
    Folder {
        /// Where.
        folder: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The driver.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The journal, writing.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal, reading.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A scenario of ours.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The server's own address.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A thread of ours.
    #[error("a simulation ended early: {0}")]
    Simulation(String),
}

/// Drives a shape on the server at `url`, with its journal in `folder`, and reads that back.
pub(super) async fn drive(
    shape: &Shape,
    url: &str,
    folder: &Path,
    environment: Environment,
    seed: u64,
    stop: watch::Receiver<bool>,
) -> Result<Run, CalibrateError> {
    let file = folder.join("scenario.toml");
    std::fs::write(&file, shape.scenario())
        .map_err(|source| CalibrateError::Folder { folder: folder.to_owned(), source })?;
    let scenario = Arc::new(scenario::load(&file)?);
    let host = Host::parse(url)?;
    let recorder =
        Recorder::create(folder, &asked(shape, &scenario, &host, environment, seed), load::endpoints([&*scenario]))?;
    let recorder = Arc::new(recorder);
    let load = Load {
        scenarios: vec![(scenario, 1)],
        plan: shape.plan.clone(),
        host,
        allowed: AllowedHosts::default(),
        connections: Connections::default(),
        arrivals: shape.arrivals,
        max_users: shape.max_users,
        seed,
        stop_timeout: STOP_TIMEOUT,
    };
    let control = load.control();
    let ended = load::drive(load, control, Arc::clone(&recorder), stop).await;
    let closed = recorder.finish(match &ended {
        Ok(end) => end.clone(),
        Err(error) => End::Aborted(error.to_string()),
    });
    if ended? == End::Interrupted {
        return Err(CalibrateError::Interrupted);
    }
    closed?;
    Ok(record::read(folder)?)
}

/// What a run of that shape is asked for. Its targets are there for their intervals: their limits decide nothing.
fn asked(shape: &Shape, scenario: &Scenario, host: &Host, environment: Environment, seed: u64) -> Asked {
    let open = shape.plan.model == LoadModel::Open;
    let mut targets = Targets(Vec::new());
    for (figure, _) in FIGURES {
        // Only a name or a limit that cannot be read is refused, and these can.
        let _ = targets.set(&format!("{figure}_response_time"), "1h");
    }
    let now = jiff::Timestamp::now();
    Asked {
        schema: RUN_SCHEMA,
        id: format!("{}-calibrate", now.strftime("%Y%m%dT%H%M%SZ")),
        label: None,
        started: now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        host: host.to_string(),
        reference_service: false,
        connections: AskedConnections::default(),
        seed,
        stop_timeout_s: STOP_TIMEOUT.as_secs_f64(),
        allow_unproven: false,
        judge_machine: false,
        users: (!open).then(|| shape.plan.peak().ceil() as u32),
        spawn_rate: None,
        rate: open.then(|| shape.plan.peak()),
        arrivals: open.then_some(shape.arrivals),
        max_users: open.then_some(shape.max_users),
        mean_wait_s: (!open).then(|| f64::from(shape.think_ms) / 1000.0),
        mean_pauses_s: Some(0.0),
        mean_requests_per_task: 1.0,
        wait: scenario.wait.to_string(),
        scenario_name: scenario.name.clone(),
        baseline: None,
        horizon_s: None,
        search: None,
        scenario_hash: scenario.hash.clone(),
        plan: shape.plan.clone(),
        targets: targets.to_words().into_iter().collect::<BTreeMap<_, _>>(),
        environment,
        scenarios: vec![AskedScenario {
            name: scenario.name.clone(),
            file: "built in".to_owned(),
            hash: scenario.hash.clone(),
            weight: 1,
        }],
    }
}
