//! What a run is asked to do: flag, environment, a profile named by either, file, default, in this order.

mod capacity;
mod env;
mod file;
mod plan;
mod profile;
mod shape;
mod source;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failure;
use super::check::CheckSettings;
use crate::judge::Targets;
use crate::load::{Connections, Proxies};
use crate::observe::Watch;
use crate::record::{Arrivals, AskedSearch, LoadModel, LoadPlan, Stage};
use crate::report::Export;
use crate::units::{parse_duration, parse_rate, parse_ratio};

pub(super) use capacity::{By, SearchLayer, parse_width};
pub(super) use env::from_env;
pub(super) use file::ConfigFile;
pub(super) use plan::{parse_arrival_rate, parse_arrivals, parse_stages};
pub(super) use shape::{Shape, parse_shape};
pub(super) use source::Source;

/// The configuration that is read where none is named.
const DEFAULT_CONFIG: &str = "agenthub-perf.toml";

/// Nothing is worth a soak that has to last for less.
const LEAST_HORIZON: Duration = Duration::from_mins(1);
const MOST_HORIZON: Duration = Duration::from_hours(3650 * 24);

/// How much worse than a baseline counts as the same, where nothing is said.
const TOLERANCE: f64 = 0.05;

/// What one source says; what it does not say, the next one may.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layer {
    pub(super) source: Source,
    pub(super) scenarios: Vec<ScenarioFile>,
    pub(super) host: Option<String>,
    pub(super) allow_hosts: Vec<String>,
    pub(super) users: Option<u32>,
    pub(super) spawn_rate: Option<f64>,
    pub(super) run_time: Option<Duration>,
    pub(super) rate: Option<f64>,
    pub(super) arrivals: Option<Arrivals>,
    pub(super) max_users: Option<u32>,
    pub(super) stages: Option<Stages>,
    pub(super) shape: Option<Shape>,
    /// A fraction.
    pub(super) abort_on: Option<f64>,
    pub(super) horizon: Option<Duration>,
    pub(super) targets: Vec<(String, String)>,
    pub(super) baseline: Option<String>,
    pub(super) tolerance: Option<f64>,
    pub(super) strict_baseline: Option<bool>,
    pub(super) label: Option<String>,
    pub(super) exports: Vec<Export>,
    pub(super) results: Option<PathBuf>,
    pub(super) stop_timeout: Option<Duration>,
    pub(super) seed: Option<u64>,
    pub(super) insecure: Option<bool>,
    pub(super) keep_alive: Option<bool>,
    pub(super) http2: Option<bool>,
    pub(super) allow_unproven: Option<bool>,
    pub(super) watch: Watch,
    /// What of it cannot be read, in words that repeat no secret.
    pub(super) refused: Vec<String>,
    /// How the edge is searched for, where it is.
    pub(super) search: SearchLayer,
    pub(super) check: CheckSettings,
}

/// Levels over time: users, or arrivals a second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stages {
    pub(super) model: LoadModel,
    pub(super) stages: Vec<Stage>,
}

/// A scenario file and its share of the users or arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScenarioFile {
    pub(super) path: PathBuf,
    pub(super) weight: u32,
}

/// What a run is asked to do, all of it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Settings {
    pub(super) scenarios: Vec<ScenarioFile>,
    pub(super) host: Option<String>,
    pub(super) allow_hosts: Vec<String>,
    pub(super) plan: LoadPlan,
    /// The load is given up where a larger share fails.
    pub(super) abort_on: Option<f64>,
    /// For how long what grows has to last; drift is not judged without.
    pub(super) horizon: Option<Duration>,
    /// The load is a search for the edge, within the plan.
    pub(super) search: Option<AskedSearch>,
    /// Where the load is not made of stages.
    pub(super) spawn_rate: Option<f64>,
    /// Open load.
    pub(super) arrivals: Arrivals,
    /// Open load: the most sessions.
    pub(super) max_users: u32,
    /// Whether somebody asked for that many; else fewer will do where this machine cannot connect them.
    pub(super) max_users_named: bool,
    pub(super) targets: Targets,
    pub(super) baseline: Option<String>,
    /// A fraction.
    pub(super) tolerance: f64,
    pub(super) strict_baseline: bool,
    /// Who said so, for a person; empty where nobody did.
    pub(super) strict_baseline_by: String,
    pub(super) label: Option<String>,
    pub(super) exports: Vec<Export>,
    pub(super) results: PathBuf,
    pub(super) stop_timeout: Duration,
    pub(super) seed: Option<u64>,
    pub(super) insecure: bool,
    pub(super) keep_alive: bool,
    pub(super) http2: bool,
    pub(super) allow_unproven: bool,
    /// What is watched beside the requests.
    pub(super) watch: Watch,
    /// What is said of checks beside where things are.
    pub(super) check: CheckSettings,
    /// What a person may have meant otherwise.
    pub(super) warnings: Vec<String>,
}

impl Settings {
    /// How connections are made and kept; proxies are the environment's.
    pub(super) fn connections(&self) -> Connections {
        Connections {
            check_certificates: !self.insecure,
            keep_alive: self.keep_alive,
            http2: self.http2,
            proxies: Proxies::from_env(),
        }
    }
}

/// Puts the sources together: the flags, the environment, the profile and file that either of them names.
pub(super) fn settle(
    flags: Layer,
    profile_flag: Option<&str>,
    config_flag: Option<&Path>,
) -> Result<Settings, Failure> {
    Sources::read(profile_flag, config_flag)?.settle(flags)
}

/// What is said beside the flags.
#[derive(Debug)]
pub(super) struct Sources {
    /// The nearest first.
    layers: Vec<Layer>,
}

impl Sources {
    /// Reads the environment, and the profile and file that it or a flag names.
    pub(super) fn read(profile_flag: Option<&str>, config_flag: Option<&Path>) -> Result<Self, Failure> {
        let environment = from_env(&|name| std::env::var(name).ok()).map_err(Failure::usage)?;
        let config = match config_flag.or(environment.config.as_deref()) {
            Some(path) => Some(ConfigFile::read(path)?),
            None if Path::new(DEFAULT_CONFIG).exists() => Some(ConfigFile::read(Path::new(DEFAULT_CONFIG))?),
            None => None,
        };
        let named = profile_flag.or(environment.profile.as_deref());
        let mut layers = vec![environment.layer];
        if let Some(name) = named {
            layers.extend(profile::find(name, config.as_ref()).map_err(Failure::usage)?);
        }
        layers.extend(config.map(|config| config.layer));
        Ok(Self { layers })
    }

    /// How they have the edge searched for, the nearest first.
    pub(super) fn searches(&self) -> impl Iterator<Item = &SearchLayer> {
        self.layers.iter().map(|layer| &layer.search)
    }

    /// With the flags before them, and the program's own profile behind.
    pub(super) fn settle(self, flags: Layer) -> Result<Settings, Failure> {
        if let Some(problem) = flags.refused.first() {
            return Err(Failure::usage(problem));
        }
        let layers: Vec<Layer> = [flags].into_iter().chain(self.layers).chain([profile::quick()]).collect();
        let mut settings = merge(&layers).map_err(Failure::usage)?;
        if let Some(problem) = settings.watch.ambiguous() {
            return Err(Failure::usage(problem));
        }
        let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        settings.warnings = variables.filter_map(|name| env::unknown(&name)).collect();
        Ok(settings)
    }
}

/// The first that says something wins; targets and allowed hosts are added up.
fn merge(layers: &[Layer]) -> Result<Settings, String> {
    let (plan, spawn_rate) = plan::plan(layers)?;
    // Two seconds of arrivals: as many as wait for a host that stands still for that long.
    let enough = (2.0 * plan.peak()).ceil().clamp(100.0, f64::from(MOST_USERS)) as u32;
    let mut targets = Targets::guide();
    for (name, limit) in layers.iter().rev().flat_map(|layer| &layer.targets) {
        targets.set(name, limit).map_err(|error| error.to_string())?;
    }
    let first = |pick: fn(&Layer) -> Option<bool>| layers.iter().find_map(pick);
    let strict = layers.iter().find(|layer| layer.strict_baseline.is_some());
    Ok(Settings {
        scenarios: layers
            .iter()
            .map(|layer| &layer.scenarios)
            .find(|list| !list.is_empty())
            .cloned()
            .unwrap_or_default(),
        host: layers.iter().find_map(|layer| layer.host.clone()),
        allow_hosts: layers.iter().flat_map(|layer| layer.allow_hosts.clone()).collect(),
        plan,
        abort_on: layers.iter().find_map(|layer| layer.abort_on),
        horizon: layers.iter().find_map(|layer| layer.horizon),
        search: None,
        spawn_rate,
        arrivals: layers.iter().find_map(|layer| layer.arrivals).unwrap_or_default(),
        max_users: layers.iter().find_map(|layer| layer.max_users).unwrap_or(enough),
        max_users_named: layers.iter().any(|layer| layer.max_users.is_some()),
        targets,
        baseline: layers.iter().find_map(|layer| layer.baseline.clone()),
        tolerance: layers.iter().find_map(|layer| layer.tolerance).unwrap_or(TOLERANCE),
        strict_baseline: strict.and_then(|layer| layer.strict_baseline).unwrap_or(false),
        strict_baseline_by: strict.map(|layer| layer.source.place("strict_baseline")).unwrap_or_default(),
        label: layers.iter().find_map(|layer| layer.label.clone()),
        exports: layers.iter().map(|layer| &layer.exports).find(|list| !list.is_empty()).cloned().unwrap_or_default(),
        results: layers.iter().find_map(|layer| layer.results.clone()).unwrap_or_else(|| "results".into()),
        stop_timeout: layers.iter().find_map(|layer| layer.stop_timeout).unwrap_or(Duration::from_secs(10)),
        seed: layers.iter().find_map(|layer| layer.seed),
        insecure: first(|layer| layer.insecure).unwrap_or(false),
        keep_alive: first(|layer| layer.keep_alive).unwrap_or(true),
        http2: first(|layer| layer.http2).unwrap_or(true),
        allow_unproven: first(|layer| layer.allow_unproven).unwrap_or(false),
        watch: layers.iter().fold(Watch::default(), |watch, layer| watch.or(&layer.watch)),
        check: layers.iter().fold(CheckSettings::default(), |check, layer| check.or(&layer.check)),
        warnings: Vec::new(),
    })
}

/// The most users that one run takes: each needs a connection, so a port.
const MOST_USERS: u32 = 1_000_000;

/// A number of users; the text names what is wrong with it.
pub(super) fn parse_users(text: &str) -> Result<u32, String> {
    match text.trim().parse::<i64>() {
        Ok(users) if users < 1 => Err("there must be at least 1 user".to_owned()),
        Ok(users) if users > i64::from(MOST_USERS) => Err(format!("at most {MOST_USERS} users")),
        Ok(users) => Ok(users as u32),
        Err(_) => Err("not a whole number of users, e.g. 50".to_owned()),
    }
}

/// Users started a second.
pub(super) fn parse_spawn_rate(text: &str) -> Result<f64, String> {
    if text.trim().starts_with('-') {
        return Err("the rate must be above 0 users a second, e.g. 10 or 0.5".to_owned());
    }
    let rate = parse_rate(text.trim()).map_err(|error| error.to_string())?;
    if rate > 0.0 { Ok(rate) } else { Err("the rate must be above 0 users a second, e.g. 10 or 0.5".to_owned()) }
}

/// A time above 0.
pub(super) fn parse_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("the time must be above 0, e.g. 300s or 5m".to_owned()) } else { Ok(time) }
}

/// How long what grows has to last.
pub(super) fn parse_horizon(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text.trim()).map_err(|error| error.to_string())?;
    if (LEAST_HORIZON..=MOST_HORIZON).contains(&time) {
        return Ok(time);
    }
    Err("the horizon must be from 1m to 3650d, e.g. 12h or 7d".to_owned())
}

/// A time that may be 0.
pub(super) fn parse_any_time(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// `5%`: above 0 and below 1.
pub(super) fn parse_tolerance(text: &str) -> Result<f64, String> {
    match parse_ratio(text.trim()) {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        Ok(_) => Err("the tolerance must be above 0 and below 100 %, e.g. 5%".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Of every random choice.
pub(super) fn parse_seed(text: &str) -> Result<u64, String> {
    let seed = text.trim().parse().ok().filter(|seed: &u64| i64::try_from(*seed).is_ok());
    seed.ok_or_else(|| format!("not a whole number from 0 to {}, e.g. 42", i64::MAX))
}

/// `20% errors`, or `20%`.
pub(super) fn parse_abort_on(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let share = ["errors", "failures"].iter().find_map(|word| text.strip_suffix(word)).unwrap_or(text);
    match parse_ratio(share.trim()) {
        Ok(share) if share > 0.0 => Ok(share),
        Ok(_) => Err("the share must be above 0, e.g. '20% errors'".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// `FILE[:WEIGHT]`.
pub(super) fn parse_scenario(text: &str) -> Result<ScenarioFile, String> {
    let (path, weight) = match text.rsplit_once(':') {
        // A drive letter or a name with a colon is no weight.
        Some((path, weight)) if !path.is_empty() && weight.chars().all(|c| c.is_ascii_digit() || "-.+".contains(c)) => {
            let problem = || format!("weight {weight:?} must be a whole number from 1 to 1000000, e.g. a.toml:3");
            let number = weight.parse::<u32>().ok().filter(|weight| (1..=1_000_000).contains(weight));
            (path, number.ok_or_else(problem)?)
        }
        _ => (text, 1),
    };
    if path.is_empty() {
        return Err("no file is named".to_owned());
    }
    Ok(ScenarioFile { path: path.into(), weight })
}

/// `NAME=LIMIT`; whether they make sense together is found out where all targets are put together.
pub(super) fn parse_target(text: &str) -> Result<(String, String), String> {
    // The name may hold `=` within brackets: the last one outside them counts.
    let from = text.rfind(']').unwrap_or(0);
    let at = text[from..].find('=').map(|at| at + from);
    let (name, limit) = at
        .map(|at| (text[..at].trim(), text[at + 1..].trim()))
        .ok_or_else(|| "not NAME=LIMIT, e.g. p95_response_time=500ms".to_owned())?;
    let mut probe = Targets::guide();
    probe.set(name, limit).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), limit.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_add_up_and_the_nearest_source_has_the_last_word() {
        let target = |limit: &str| Layer {
            targets: vec![("p95_response_time".to_owned(), limit.to_owned())],
            ..Layer::default()
        };
        let words = merge(&[target("100ms"), target("5s")]).unwrap().targets.to_words();
        assert!(words["p95_response_time"].contains("100"), "{words:?}");
        assert_eq!(words.len(), Targets::guide().0.len());
    }

    #[test]
    fn what_a_load_is_given_up_for_is_a_share_of_errors() {
        assert_eq!([parse_abort_on("20% errors"), parse_abort_on(" 0.5 ")], [Ok(0.2), Ok(0.5)]);
        assert!(parse_abort_on("0%").is_err() && parse_abort_on("many errors").is_err());
    }

    #[test]
    fn a_scenario_may_carry_its_weight() {
        let file = |path: &str, weight| Ok(ScenarioFile { path: path.into(), weight });
        assert_eq!(parse_scenario("a.toml:3"), file("a.toml", 3));
        assert_eq!(parse_scenario("a.toml"), file("a.toml", 1));
        assert_eq!(parse_scenario("c:/a.toml"), file("c:/a.toml", 1));
        for bad in ["a.toml:0", "a.toml:-1", "a.toml:1.5", "a.toml:", ""] {
            assert!(parse_scenario(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(parse_users("0").unwrap_err().contains("at least 1"));
        assert!(parse_users("-3").is_err() && parse_users("1.5").is_err());
        for bad in ["0", "-1", "x", "nan", "inf"] {
            assert!(parse_spawn_rate(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(parse_spawn_rate("0.5"), Ok(0.5));
        assert!(parse_time("0s").is_err());
        assert_eq!(parse_horizon("7d"), Ok(Duration::from_hours(168)));
        for bad in ["0", "59s", "-1d", "4000d", "soon"] {
            assert!(parse_horizon(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(parse_seed("42"), Ok(42));
        for bad in ["x", "-1", "1.5", "", "9223372036854775808"] {
            assert!(parse_seed(bad).unwrap_err().contains("e.g. 42"), "{bad:?}");
        }
    }
}
