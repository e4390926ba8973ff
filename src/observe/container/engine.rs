//! The Docker engine, or one with the same API, such as Podman.
//!
//! It takes a second or two to figure a container's use, so that asking it each time would mean waiting each time. It is
//! asked once, for a stream: a task takes what comes, and a look takes the newest of it, with the time at which the engine
//! saw it.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerState, ContainerStatsResponse};
use bollard::query_parameters::{InspectContainerOptions, StatsOptionsBuilder};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::cgroup::Group;
use super::super::{Look, bytes};
use super::stats::{Given, look};

/// What was told so long ago is no longer so.
const FRESH: Duration = Duration::from_millis(3500);

/// Why nothing was seen.
#[derive(Debug, PartialEq)]
pub(super) enum EngineError {
    /// There is no engine that answers.
    NoEngine(String),
    /// It answers, and the container cannot be seen.
    Container(String),
}

/// One container of an engine.
#[derive(Debug)]
pub(super) struct Engine {
    container: String,
    host: String,
    mounted: PathBuf,
    following: Option<Following>,
    /// CPU time at the look before: less of it is another life of the container.
    cpu_s: f64,
    /// It has begun another life since the look before.
    anew: bool,
}

/// The stream.
#[derive(Debug)]
struct Following {
    docker: Docker,
    newest: watch::Receiver<Newest>,
    task: JoinHandle<()>,
    given: Given,
    times: Times,
    /// Its control group, where it is on this machine: the engine does not count what was killed for want of memory.
    group: Option<Group>,
}

/// What the stream has brought.
#[derive(Debug, Clone)]
enum Newest {
    Nothing,
    Told(Box<ContainerStatsResponse>, Instant),
    Ended(String),
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Engine {
    /// Not asked yet.
    pub(super) fn new(container: &str, host: &str, mounted: PathBuf) -> Self {
        Self {
            container: container.to_owned(),
            host: host.to_owned(),
            mounted,
            following: None,
            cpu_s: 0.0,
            anew: false,
        }
    }

    /// Where it is.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The newest of what it has told.
    pub(super) async fn look(&mut self, facts: &mut BTreeMap<String, String>) -> Result<Look, EngineError> {
        let following = if let Some(following) = &mut self.following {
            following
        } else {
            let (following, learned) = follow(&self.container, &self.host, &self.mounted).await?;
            facts.extend(learned);
            self.following.insert(following)
        };
        let newest = match following.newest.wait_for(|newest| !matches!(newest, Newest::Nothing)).await {
            Ok(newest) => newest.clone(),
            Err(_) => Newest::Ended("it told nothing more".to_owned()),
        };
        let told = match newest {
            Newest::Told(stats, came) => following.see(&stats, came).map(|look| (look, came)),
            Newest::Nothing => None,
            Newest::Ended(why) => {
                let state = following.state(&self.container).await;
                self.following = None;
                return Err(EngineError::Container(format!("{}: {}", self.container, state.unwrap_or(why))));
            }
        };
        let Some((mut look, came)) = told else {
            let state = following.state(&self.container).await;
            self.following = None;
            let state = state.unwrap_or_else(|| "it does not run".to_owned());
            return Err(EngineError::Container(format!("{}: {state}", self.container)));
        };
        if came.elapsed() > FRESH {
            let seconds = came.elapsed().as_secs();
            self.following = None;
            return Err(EngineError::Container(format!(
                "the engine at {} has told nothing for {seconds} s",
                self.host
            )));
        }
        let cpu_s = look.totals.get("cpu_s").copied().unwrap_or(0.0);
        if cpu_s < std::mem::replace(&mut self.cpu_s, cpu_s) {
            self.following = None;
            self.anew = true;
            return Err(EngineError::Container(format!("{} was restarted", self.container)));
        }
        look.anew = std::mem::take(&mut self.anew);
        if let Some(kills) = following.group.as_ref().and_then(Group::oom_kills) {
            look.total("oom_kills", kills);
        }
        Ok(look)
    }
}

/// Finds the container and begins to follow it; what is to be known of it.
async fn follow(
    container: &str,
    host: &str,
    mounted: &std::path::Path,
) -> Result<(Following, BTreeMap<String, String>), EngineError> {
    let docker = Docker::connect_with_host(host).map_err(|error| EngineError::NoEngine(words(&error)))?;
    // An engine that answers nothing else is none.
    let version = docker.version().await.map_err(|error| EngineError::NoEngine(words(&error)))?;
    let inspected = match docker.inspect_container(container, None::<InspectContainerOptions>).await {
        Ok(inspected) => inspected,
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            let why = format!("the engine at {host} knows no container {container}: `docker ps` lists them");
            return Err(EngineError::Container(why));
        }
        Err(error) => return Err(EngineError::Container(format!("the engine at {host}: {}", words(&error)))),
    };
    let state = inspected.state.unwrap_or_default();
    if state.running == Some(false) {
        return Err(EngineError::Container(format!("{container}: {}", in_words(&state))));
    }
    let id = inspected.id.unwrap_or_else(|| container.to_owned());
    let given = inspected.host_config.as_ref().map(Given::of).unwrap_or_default();
    let machine = || "the machine's".to_owned();
    let mut facts = BTreeMap::from([
        ("engine".to_owned(), format!("{} at {host}", version.version.as_deref().unwrap_or("unknown version"))),
        ("id".to_owned(), id.chars().take(12).collect()),
        ("cpus".to_owned(), given.cpus.map_or_else(machine, |cpus| cpus.to_string())),
        ("memory limit".to_owned(), given.memory_bytes.map_or_else(machine, bytes)),
    ]);
    if let Some(image) = inspected.config.and_then(|config| config.image) {
        facts.insert("image".into(), image);
    }
    let (told, newest) = watch::channel(Newest::Nothing);
    let (streamed, of) = (docker.clone(), id.clone());
    let task = tokio::spawn(async move {
        let options = StatsOptionsBuilder::default().stream(true).one_shot(false).build();
        let mut stream = std::pin::pin!(streamed.stats(&of, Some(options)));
        while let Some(next) = stream.next().await {
            let ends = next.is_err();
            let told_now = match next {
                Ok(reply) => Newest::Told(Box::new(reply), Instant::now()),
                Err(error) => Newest::Ended(words(&error)),
            };
            told.send_replace(told_now);
            if ends {
                return;
            }
        }
        told.send_replace(Newest::Ended("its figures have ended".to_owned()));
    });
    let group = state.pid.filter(|&pid| pid > 0).and_then(|pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        // Another machine's process, or one of another name space, may have the same number here.
        text.contains(&id).then(|| Group::of_process(mounted, &text))?
    });
    Ok((Following { docker, newest, task, given, times: Times::default(), group }, facts))
}

impl Following {
    fn see(&mut self, stats: &ContainerStatsResponse, came: Instant) -> Option<Look> {
        let mut look = look(stats, self.given)?;
        let read: Option<Timestamp> = stats.read.as_ref().and_then(|read| read.parse().ok());
        look.at = Some(read.map_or(came, |read| self.times.at(read, came)));
        Some(look)
    }

    /// Why there are no figures; `None` where it runs, or the engine is gone too.
    async fn state(&self, container: &str) -> Option<String> {
        let inspected = self.docker.inspect_container(container, None::<InspectContainerOptions>).await;
        match inspected {
            Ok(inspected) => inspected.state.filter(|state| state.running != Some(true)).map(|state| in_words(&state)),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Some("it was removed".to_owned()),
            Err(error) => Some(words(&error)),
        }
    }
}

/// What has become of a container that does not run.
fn in_words(state: &ContainerState) -> String {
    if state.oom_killed == Some(true) {
        return "it was killed for want of memory".to_owned();
    }
    if state.restarting == Some(true) {
        return "it is being restarted".to_owned();
    }
    match state.exit_code {
        Some(code) => format!("it does not run, exit code {code}"),
        None => "it does not run".to_owned(),
    }
}

/// The engine's clock on ours: a reply cannot have come before it was read, and the one that came quickest is the measure.
#[derive(Debug, Default)]
struct Times {
    measure: Option<(Timestamp, Instant)>,
}

impl Times {
    fn at(&mut self, read: Timestamp, came: Instant) -> Instant {
        let by_measure = self.measure.and_then(|(measured, at)| {
            let since = Duration::try_from(read.duration_since(measured)).ok()?;
            at.checked_add(since)
        });
        match by_measure {
            // Later than that its clock was set, or ours.
            Some(at) if at <= came && came.duration_since(at) < Duration::from_secs(2) => at,
            _ => {
                self.measure = Some((read, came));
                came
            }
        }
    }
}

/// In one line; of nested errors the innermost, which says what happened.
fn words(error: &Error) -> String {
    let mut said = match error {
        Error::DockerResponseServerError { status_code, message } => format!("it answers {status_code}: {message}"),
        Error::UnsupportedURISchemeError { .. } => {
            "only unix://, npipe://, tcp:// and http:// are spoken: forward another one to one of these".to_owned()
        }
        error => error.to_string(),
    };
    let mut source = error.source();
    while let Some(inner) = source {
        said = inner.to_string();
        source = inner.source();
    }
    said.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::{STOPPED, V1, V2};
