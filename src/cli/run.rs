//! `run`: drive load, judge it, write a result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};
use tokio::sync::watch::Receiver;

use super::baseline;
use super::beside;
use super::check;
use super::ci;
use super::common::CommonArgs;
use super::environment;
use super::exit::ExitCode;
use super::probes;
use super::report::{show, write_reports};
use super::service::Service;
use super::settings::{
    Layer, ScenarioFile, Settings, Shape, Source, Stages, parse_abort_on, parse_arrival_rate, parse_arrivals,
    parse_horizon, parse_shape, parse_spawn_rate, parse_stages, parse_time, parse_tolerance, parse_users, settle,
};
use super::{Failure, host, progress, say, soak};
use crate::document::suggestion;
use crate::history;
use crate::judge::{self, RunResult};
use crate::load::{self, AllowedHosts, Host, Limits, Load, LoadError};
use crate::observe::{Observer, Watch};
use crate::record::{self, Arrivals, Asked, AskedConnections, AskedScenario, End, LoadModel, Recorder, Run};
use crate::scenario::{self, Scenario, Wait};

/// Drive load on a host, judge it, write a result.
#[derive(Debug, Args)]
#[command(
    after_help = "What is to be run can also be set by the environment (AGENTHUB_PERF_USERS=50), by a profile and by \
    agenthub-perf.toml; the flag wins, then the environment, the profile, the file. Before the load the host gets one GET \
    of /api/v2/health, which is not counted. --check sends some dozens of GETs more, and looks at what is named with it, before \
    the load and before anything is counted; each area takes 50 s at most. A rule that fails is told in every report, and is a failed test of the second suite in junit.xml, but does not \
    change the verdict or the exit code, which are the targets'."
)]
pub(super) struct RunArgs {
    /// Users at the peak
    #[arg(short, long, value_name = "N", value_parser = parse_users, allow_hyphen_values = true)]
    users: Option<u32>,
    /// Users started a second
    #[arg(short = 'r', long, value_name = "RATE", value_parser = parse_spawn_rate, allow_hyphen_values = true)]
    spawn_rate: Option<f64>,
    /// How long, e.g. 300s, 5m, 1h30m; a plain number is in seconds
    #[arg(short = 't', long, visible_alias = "duration", value_name = "TIME", value_parser = parse_time,
          allow_hyphen_values = true)]
    run_time: Option<Duration>,
    /// Open model: arrivals at a rate, whatever the host does, e.g. 50/s, 3000/min; in place of -u, -r
    #[arg(long, value_name = "RATE", value_parser = parse_arrival_rate, allow_hyphen_values = true)]
    rate: Option<f64>,
    /// Open model: when arrivals come, poisson (at random) or constant [default: poisson]
    #[arg(long, value_name = "WHEN", value_parser = parse_arrivals)]
    arrivals: Option<Arrivals>,
    /// Open model: the most sessions that serve arrivals [default: two seconds of arrivals, at least 100]
    #[arg(long, value_name = "N", value_parser = parse_users, allow_hyphen_values = true)]
    max_users: Option<u32>,
    /// Ramps and holds in place of -u, -r, -t: USERS:TIME,… e.g. 50:1m,50:5m,0:30s; or of --rate: 50/s:1m,50/s:5m
    #[arg(long, value_name = "STAGES", value_parser = parse_stages)]
    stages: Option<Stages>,
    /// Stages ready made of -u or --rate, and -t: spike, ramp or steps; each hold of them is judged
    #[arg(long, value_name = "NAME", value_parser = parse_shape, conflicts_with = "stages")]
    shape: Option<Shape>,
    /// Give up when more than this share of the requests of the last 10 s failed, e.g. '20% errors'
    #[arg(long, value_name = "SHARE", value_parser = parse_abort_on)]
    abort_on: Option<f64>,
    /// How long what grows has to last: drift of response times, errors, memory and connections is judged [default of soak: 7d]
    #[arg(long, value_name = "TIME", value_parser = parse_horizon, allow_hyphen_values = true)]
    horizon: Option<Duration>,
    /// A named load: quick (default), guide, stress, ci, soak, or one of the configuration's own
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Hold the result against another, or several apart by commas: a path, id, label, latest; worse ends with 99
    #[arg(long, value_name = "REF")]
    baseline: Option<String>,
    /// How much worse than the baseline counts as the same [default: 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_tolerance, allow_hyphen_values = true)]
    tolerance: Option<f64>,
    /// An unproven comparison with the baseline makes the run unproven
    #[arg(long)]
    strict_baseline: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// What is printed to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A report for a person.
    Text,
    /// The result JSON alone.
    Json,
}

impl RunArgs {
    /// With what the environment, the profile and the configuration say; the flags are taken out.
    pub(super) fn settle(&mut self) -> Result<Settings, Failure> {
        settle(self.layer(), self.profile.as_deref(), self.common.config.as_deref())
    }

    pub(super) fn names_a_host(&self) -> bool {
        self.common.names_a_host()
    }

    pub(super) fn names_a_baseline(&self) -> bool {
        self.baseline.is_some() || self.strict_baseline
    }

    pub(super) fn asks_for_a_check(&self) -> bool {
        self.common.asks_for_a_check()
    }

    pub(super) fn format(&self) -> Format {
        self.common.format
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.common.quiet
    }

    fn layer(&mut self) -> Layer {
        Layer {
            source: Source::Flags,
            users: self.users,
            spawn_rate: self.spawn_rate,
            run_time: self.run_time,
            rate: self.rate,
            arrivals: self.arrivals,
            max_users: self.max_users,
            stages: self.stages.take(),
            shape: self.shape,
            abort_on: self.abort_on,
            horizon: self.horizon,
            baseline: self.baseline.take(),
            tolerance: self.tolerance,
            strict_baseline: self.strict_baseline.then_some(true),
            ..self.common.layer()
        }
    }
}

/// Runs it.
pub(super) async fn run(mut args: RunArgs, stop: Receiver<bool>) -> Result<ExitCode, Failure> {
    let settings = args.settle()?;
    let tell = |line: &str| {
        if !args.common.quiet {
            say(line);
        }
    };
    for warning in &settings.warnings {
        tell(&format!("warning: {warning}"));
    }
    let Attempt { folder, failed } = attempt(&settings, &tell, !args.common.quiet, stop).await?;
    let (run, result) = conclude(&folder, &settings)?;
    show(&folder, &run, &result, args.common.format)?;
    ci::tell_of_run(&run, &result, args.common.format)?;
    Ok(match failed {
        Some(failure) => failure.code,
        None => ExitCode::of(run.end.as_ref(), result.verdict, settings.allow_unproven),
    })
}

/// A load that was driven, whatever it ended with.
pub(super) struct Attempt {
    /// Its result folder; the journal is in it.
    pub(super) folder: PathBuf,
    /// What it could not go on for.
    pub(super) failed: Option<Failure>,
}

/// Drives one load into a result folder of its own.
pub(super) async fn attempt(
    settings: &Settings,
    tell: &dyn Fn(&str),
    progress: bool,
    stop: Receiver<bool>,
) -> Result<Attempt, Failure> {
    let scenarios = load_scenarios(&settings.scenarios)?;
    check_targets(settings, &scenarios)?;

    let named = settings.host.clone().or_else(|| scenarios.iter().find_map(|(scenario, _)| scenario.host.clone()));
    let allowed = AllowedHosts::new(settings.allow_hosts.clone());
    let host = named.as_deref().map(|text| host::checked(text, &allowed)).transpose()?;
    // Before the folder is made, or `latest` would be this run; before the host is asked, or a mistake would cost it a request.
    let baseline = baseline::resolve(settings, &asked(settings, &scenarios, "", false, String::new()))?;
    let folder = ResultFolder::create(&settings.results, &scenario_name(&scenarios))?;

    // Before the reference service starts: it inherits what is raised.
    let limits = Limits::here();
    let ready = host::ready(host, settings.insecure, tell).await;
    let (host, service) = match ready {
        Ok(ready) => ready,
        Err(failure) => {
            folder.remove();
            return Err(failure);
        }
    };
    let connections = settings.connections();
    let watched = watched(settings, &host, service.as_ref());
    let mut asked =
        Asked { baseline, ..asked(settings, &scenarios, &host.to_string(), service.is_some(), folder.id.clone()) };
    // One that cannot be used was refused when the host was reached through it.
    let proxy = connections.proxies.on_the_way_to(&host.origin).ok().flatten();
    asked.connections.proxy = proxy.map(|proxy| proxy.parts().0);
    if let Some(sessions) = asked.max_users.as_mut().filter(|_| !settings.max_users_named) {
        let most = u32::try_from(limits.most_connections()).unwrap_or(u32::MAX);
        if *sessions > most {
            tell(&format!(
                "at most {most} sessions, as there are files for, in place of {sessions}: raise the limit (ulimit -n) for more"
            ));
            *sessions = most;
        }
    }
    let outlook = judge::outlook(&asked, &settings.targets);
    for line in &outlook.lines {
        tell(line);
    }
    for line in soak::lines(&asked, &settings.targets, &watched, &folder.path) {
        tell(&line);
    }
    match environment::check_limits(&limits, &asked, &host, &connections, &outlook) {
        Ok(lines) => lines.iter().for_each(|line| tell(&format!("warning: {line}"))),
        Err(failure) => {
            folder.remove();
            return Err(failure);
        }
    }
    let checked = match check::before_load(settings, &host, stop.clone(), tell).await {
        Ok(checked) => checked,
        Err(failure) => {
            folder.remove();
            return Err(failure);
        }
    };
    asked.started = now();
    let recorder =
        Recorder::create(&folder.path, &asked, load::endpoints(scenarios.iter().map(|(scenario, _)| &**scenario)));
    if let (Ok(_), Some(checked)) = (&recorder, &checked) {
        checked.write(&folder.path).map_err(Failure::cannot)?;
    }
    let recorder = match recorder {
        Ok(recorder) => Arc::new(recorder),
        Err(error) => {
            folder.remove();
            return Err(Failure::cannot(error));
        }
    };
    let load = Load {
        scenarios,
        plan: settings.plan.clone(),
        host,
        allowed,
        connections,
        arrivals: asked.arrivals.unwrap_or_default(),
        max_users: asked.max_users.unwrap_or(0),
        seed: asked.seed,
        stop_timeout: settings.stop_timeout,
    };
    let ended = match probes::start(&watched, &recorder, tell).await {
        Ok(observer) => {
            let beside = beside::Beside::new(settings, &folder.path, tell);
            drive(load, recorder, observer, stop, progress, beside).await
        }
        Err(failure) => Err(failure),
    };
    if let Some(service) = service {
        service.stop().await;
    }
    let failed = ended.err();
    if let Some(failure) = &failed {
        say(&format!("error: {}", failure.message));
    }
    Ok(Attempt { folder: folder.path, failed })
}

/// Reads a run back from its journal, judges it and writes its reports.
pub(super) fn conclude(folder: &Path, settings: &Settings) -> Result<(Run, RunResult), Failure> {
    let run = record::read(folder).map_err(Failure::cannot)?;
    let mut result = judge::judge(&run);
    baseline::attach(&settings.results, &run, &mut result);
    write_reports(folder, &settings.exports, &run, &result);
    Ok((run, result))
}

type Weighted = (Arc<Scenario>, u32);

fn load_scenarios(files: &[ScenarioFile]) -> Result<Vec<Weighted>, Failure> {
    if files.is_empty() {
        return Ok(vec![(Arc::new(scenario::built_in()), 1)]);
    }
    files.iter().map(|file| Ok((Arc::new(scenario::load(&file.path).map_err(Failure::usage)?), file.weight))).collect()
}

/// A target for an endpoint that no scenario has would only be found out after the load.
fn check_targets(settings: &Settings, scenarios: &[Weighted]) -> Result<(), Failure> {
    let known =
        || scenarios.iter().flat_map(|(scenario, _)| &scenario.endpoints).map(|endpoint| endpoint.name.as_str());
    for target in settings.targets.0.iter().filter(|target| target.name.is_of_endpoints()) {
        if let Some(of) = target.of.as_deref().filter(|of| !known().any(|name| name == *of)) {
            let (name, help) = (target.full_name(), suggestion(of, known()));
            return Err(Failure::usage(format!("target {name:?}: no scenario has the endpoint {of:?}; {help}")));
        }
    }
    Ok(())
}

/// A new result's folder.
struct ResultFolder {
    id: String,
    path: PathBuf,
}

impl ResultFolder {
    fn create(results: &Path, scenario_name: &str) -> Result<Self, Failure> {
        let (id, path) =
            history::create_folder(results, jiff::Timestamp::now(), scenario_name).map_err(Failure::cannot)?;
        Ok(Self { id, path })
    }

    /// Nothing has been written to it: it would only be in the way.
    fn remove(&self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

fn scenario_name(scenarios: &[Weighted]) -> String {
    scenarios.iter().map(|(scenario, _)| scenario.name.as_str()).collect::<Vec<_>>().join(" + ")
}

fn asked(settings: &Settings, scenarios: &[Weighted], host: &str, reference_service: bool, id: String) -> Asked {
    let total: f64 = scenarios.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mean = |of: &dyn Fn(&Scenario) -> f64| -> f64 {
        scenarios.iter().map(|(scenario, weight)| of(scenario) * f64::from(*weight) / total).sum()
    };
    // A user that waits less does more tasks: the mean over a mix is that of the rates, not that of the waits.
    let tasks_per_s = mean(&|scenario| 1.0 / scenario.mean_seconds_per_task());
    let requests_per_s = mean(&|scenario| scenario.mean_requests_per_task() / scenario.mean_seconds_per_task());
    let pauses_per_s = mean(&|scenario| scenario.mean_pauses_s() / scenario.mean_seconds_per_task());
    let thinks = scenarios.iter().all(|(scenario, _)| scenario.mean_seconds_per_task() > 0.0);
    let open = settings.plan.model == LoadModel::Open;
    let mut waits: Vec<String> = scenarios.iter().map(|(scenario, _)| scenario.wait.to_string()).collect();
    waits.dedup();
    let hash = match scenarios {
        [(only, _)] => only.hash.clone(),
        several => {
            let mut digest = Sha256::new();
            for (scenario, weight) in several {
                digest.update(format!("{}:{weight}\n", scenario.hash));
            }
            history::short_hash(digest)
        }
    };
    Asked {
        schema: 1,
        id,
        label: settings.label.clone(),
        started: now(),
        host: host.to_owned(),
        reference_service,
        connections: AskedConnections {
            keep_alive: settings.keep_alive,
            http2: settings.http2,
            check_certificates: !settings.insecure,
            proxy: None,
        },
        seed: settings.seed.unwrap_or_else(|| fastrand::u64(..1 << 53)),
        stop_timeout_s: settings.stop_timeout.as_secs_f64(),
        allow_unproven: settings.allow_unproven,
        judge_machine: settings.watch.machine,
        users: (!open).then(|| settings.plan.peak().ceil() as u32),
        spawn_rate: settings.spawn_rate,
        rate: open.then(|| settings.plan.peak()),
        arrivals: open.then_some(settings.arrivals),
        max_users: open.then_some(settings.max_users),
        mean_wait_s: if open { mean_think_s(scenarios) } else { Some(if thinks { 1.0 / tasks_per_s } else { 0.0 }) },
        mean_pauses_s: Some(if thinks && !open { pauses_per_s / tasks_per_s } else { mean(&Scenario::mean_pauses_s) }),
        mean_requests_per_task: if thinks && !open {
            requests_per_s / tasks_per_s
        } else {
            mean(&Scenario::mean_requests_per_task)
        },
        // Nobody waits between tasks where each task is an arrival of its own.
        wait: if open { String::new() } else { waits.join(", ") },
        scenario_name: scenario_name(scenarios),
        scenario_hash: hash,
        baseline: None,
        horizon_s: settings.horizon.filter(|_| settings.search.is_none()).map(|horizon| horizon.as_secs_f64()),
        search: settings.search.clone(),
        plan: settings.plan.clone(),
        targets: settings.targets.to_words().into_iter().collect::<BTreeMap<_, _>>(),
        environment: environment::here(),
        scenarios: scenarios
            .iter()
            .map(|(scenario, weight)| AskedScenario {
                name: scenario.name.clone(),
                file: scenario.file.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string()),
                hash: scenario.hash.clone(),
                weight: *weight,
            })
            .collect(),
    }
}

/// How long users would think between two tasks, were the arrivals users: what a plan goes from. `None` where a scenario does a task
/// every so often, whatever its requests take.
fn mean_think_s(scenarios: &[Weighted]) -> Option<f64> {
    let total: f64 = scenarios.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let paced = scenarios.iter().any(|(scenario, _)| matches!(scenario.wait, Wait::Pacing(_)));
    let think = |(scenario, weight): &Weighted| scenario.mean_seconds_per_task() * f64::from(*weight) / total;
    (!paced).then(|| scenarios.iter().map(think).sum())
}

/// RFC 3339, UTC.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// What is watched: as asked; this machine where the load goes to it, and the service that was started for the run.
fn watched(settings: &Settings, host: &Host, service: Option<&Service>) -> Watch {
    let mut watched = settings.watch.clone();
    watched.machine |= AllowedHosts::new([]).permits(&host.origin.name);
    watched.processes.extend(service.and_then(Service::process));
    watched
}

/// Drives the load and closes the journal, however it ends.
async fn drive(
    load: Load,
    recorder: Arc<Recorder>,
    observer: Option<Observer>,
    stop: Receiver<bool>,
    progress: bool,
    beside: beside::Beside<'_>,
) -> Result<(), Failure> {
    let shown = (progress && beside.wants_progress()).then(|| {
        let length = Duration::from_secs_f64(load.plan.duration_s());
        tokio::spawn(progress::show(recorder.snapshots(), stop.clone(), length))
    });
    let control = load.control();
    let ended = beside.drive(load, control, &recorder, stop).await;
    if let Some(observer) = observer {
        observer.stop().await;
    }
    let end = match &ended {
        Ok(end) => end.clone(),
        Err(error) => End::Aborted(error.to_string()),
    };
    let closed = recorder.finish(end);
    if let Some(shown) = shown {
        let _ = shown.await;
    }
    match ended {
        Err(error @ LoadError::NobodyStarted { .. }) => Err(Failure::cannot(format!(
            "{error}\n  check the credentials (AGENTHUB_EMAIL, AGENTHUB_PASSWORD) and the host, or run `agenthub-perf scenario try`"
        ))),
        Err(error) => Err(Failure::cannot(error)),
        Ok(_) => closed.map_err(Failure::cannot),
    }
}
