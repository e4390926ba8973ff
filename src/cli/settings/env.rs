//! What the environment says: `AGENTHUB_PERF_…`, an empty value says nothing.

use std::path::PathBuf;

use crate::document::nearest;
use crate::observe::{Address, ProcessSpec, Watch};
use crate::report::Export;

use super::super::check::CheckSettings;
use super::super::probes;
use super::capacity::{SearchLayer, parse_by, parse_start, parse_width};
use super::{
    Layer, Source, parse_abort_on, parse_any_time, parse_arrival_rate, parse_arrivals, parse_horizon, parse_scenario,
    parse_seed, parse_shape, parse_spawn_rate, parse_stages, parse_target, parse_time, parse_tolerance, parse_users,
};

/// What the environment says.
#[derive(Debug, Default)]
pub(in crate::cli) struct FromEnv {
    pub(super) layer: Layer,
    pub(super) profile: Option<String>,
    pub(super) config: Option<PathBuf>,
}

/// Reads the environment through `get`. Errors name the variable.
pub(in crate::cli) fn from_env(get: &dyn Fn(&str) -> Option<String>) -> Result<FromEnv, String> {
    let env = Env { get };
    Ok(FromEnv {
        layer: Layer {
            source: Source::Environment,
            scenarios: env.list("SCENARIO", parse_scenario)?,
            host: env.text("HOST"),
            allow_hosts: env.list("ALLOW_HOST", |name| Ok(name.to_owned()))?,
            users: env.one("USERS", parse_users)?,
            spawn_rate: env.one("SPAWN_RATE", parse_spawn_rate)?,
            run_time: env.one("RUN_TIME", parse_time)?,
            rate: env.one("RATE", parse_arrival_rate)?,
            arrivals: env.one("ARRIVALS", parse_arrivals)?,
            max_users: env.one("MAX_USERS", parse_users)?,
            stages: env.one("STAGES", parse_stages)?,
            shape: env.one("SHAPE", parse_shape)?,
            abort_on: env.one("ABORT_ON", parse_abort_on)?,
            horizon: env.one("HORIZON", parse_horizon)?,
            targets: env.list("TARGET", parse_target)?,
            baseline: env.text("BASELINE"),
            tolerance: env.one("TOLERANCE", parse_tolerance)?,
            strict_baseline: env.one("STRICT_BASELINE", parse_flag)?,
            label: env.text("LABEL"),
            exports: env.list("EXPORT", Export::parse)?,
            results: env.text("RESULTS").map(PathBuf::from),
            stop_timeout: env.one("STOP_TIMEOUT", parse_any_time)?,
            seed: env.one("SEED", parse_seed)?,
            insecure: env.one("INSECURE", parse_flag)?,
            keep_alive: env.one("KEEP_ALIVE", parse_flag)?,
            http2: env.one("HTTP2", parse_flag)?,
            allow_unproven: env.one("ALLOW_UNPROVEN", parse_flag)?,
            search: SearchLayer {
                source: Source::Environment,
                by: env.one("CAPACITY_BY", parse_by)?,
                start: env.one("CAPACITY_START", parse_start)?,
                max_rate: env.one("CAPACITY_MAX_RATE", parse_arrival_rate)?,
                max_users: env.one("CAPACITY_MAX_USERS", parse_users)?,
                max_time: env.one("CAPACITY_MAX_TIME", parse_time)?,
                width: env.one("CAPACITY_WIDTH", parse_width)?,
                abort_on: env.one("CAPACITY_ABORT_ON", parse_abort_on)?,
                law: env.one("CAPACITY_LAW", parse_flag)?,
            },
            check: CheckSettings { before_run: env.one("CHECK", parse_flag)?, ..CheckSettings::default() },
            refused: Vec::new(),
            watch: Watch {
                postgres: env.one("POSTGRES", Address::postgres)?,
                redis: env.one("REDIS", Address::redis)?,
                nginx: env.one("NGINX", probes::parse_nginx)?,
                metrics: env.one("METRICS", probes::parse_metrics)?,
                containers: env.list("CONTAINER", probes::parse_container)?,
                processes: env.list("PROCESS", ProcessSpec::parse)?,
                machine: env.one("MACHINE", parse_flag)?.unwrap_or(false),
            },
        },
        profile: env.text("PROFILE"),
        config: env.text("CONFIG").map(PathBuf::from),
    })
}

/// The variables that say something, here or elsewhere in the program.
const KNOWN: [&str; 50] = [
    "CAPACITY_BY",
    "CAPACITY_START",
    "CAPACITY_MAX_RATE",
    "CAPACITY_MAX_USERS",
    "CAPACITY_MAX_TIME",
    "CAPACITY_WIDTH",
    "CAPACITY_ABORT_ON",
    "CAPACITY_LAW",
    "CHECK",
    "CHECK_TOKEN",
    "POSTGRES",
    "REDIS",
    "NGINX",
    "METRICS",
    "CONTAINER",
    "PROCESS",
    "MACHINE",
    "SCENARIO",
    "HOST",
    "ALLOW_HOST",
    "USERS",
    "SPAWN_RATE",
    "RUN_TIME",
    "RATE",
    "ARRIVALS",
    "MAX_USERS",
    "STAGES",
    "SHAPE",
    "ABORT_ON",
    "HORIZON",
    "TARGET",
    "BASELINE",
    "TOLERANCE",
    "STRICT_BASELINE",
    "LABEL",
    "EXPORT",
    "RESULTS",
    "STOP_TIMEOUT",
    "SEED",
    "INSECURE",
    "KEEP_ALIVE",
    "HTTP2",
    "ALLOW_UNPROVEN",
    "PROFILE",
    "CONFIG",
    "COMMIT",
    "SERVE_EMAIL",
    "SERVE_PASSWORD",
    "BIN",
    "STACK",
];

/// A word on a variable that has our prefix and says nothing to us.
pub(super) fn unknown(name: &str) -> Option<String> {
    // TEST_…: what the tests are told.
    let name =
        name.strip_prefix("AGENTHUB_PERF_").filter(|name| !KNOWN.contains(name) && !name.starts_with("TEST_"))?;
    let near = nearest(name, KNOWN).map(|near| format!("; did you mean AGENTHUB_PERF_{near}?")).unwrap_or_default();
    Some(format!("AGENTHUB_PERF_{name} is set and means nothing here{near}"))
}

struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(&format!("AGENTHUB_PERF_{name}")).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn one<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
        let named = |problem| format!("AGENTHUB_PERF_{name}: {problem}");
        self.text(name).map(|text| parse(&text).map_err(named)).transpose()
    }

    /// A list, its items apart by commas.
    fn list<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        let all = |text: &str| text.split(',').map(|item| parse(item.trim())).collect();
        Ok(self.one(name, all)?.unwrap_or_default())
    }
}

fn parse_flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<FromEnv, String> {
        from_env(&|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_is_read_and_an_empty_value_says_nothing() {
        let said = read(&[
            ("AGENTHUB_PERF_USERS", "7"),
            ("AGENTHUB_PERF_HOST", ""),
            ("AGENTHUB_PERF_PROFILE", "ci"),
            ("AGENTHUB_PERF_SCENARIO", "a.toml:3, b.toml"),
        ])
        .unwrap();
        assert_eq!((said.layer.users, said.layer.host), (Some(7), None));
        assert_eq!(said.profile.as_deref(), Some("ci"));
        assert_eq!(said.layer.scenarios.iter().map(|file| file.weight).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_variable_that_means_nothing_is_told_with_the_nearest_that_does() {
        assert_eq!(unknown("AGENTHUB_PERF_USERS"), None);
        assert_eq!(unknown("AGENTHUB_EMAIL"), None);
        for of_scripts in ["AGENTHUB_PERF_BIN", "AGENTHUB_PERF_STACK", "AGENTHUB_PERF_TEST_POSTGRES"] {
            assert_eq!(unknown(of_scripts), None);
        }
        let told = unknown("AGENTHUB_PERF_USRS").unwrap();
        assert!(told.ends_with("did you mean AGENTHUB_PERF_USERS?"), "{told}");
    }

    #[test]
    fn an_error_names_the_variable() {
        let error = read(&[("AGENTHUB_PERF_USERS", "0")]).unwrap_err();
        assert!(error.starts_with("AGENTHUB_PERF_USERS: ") && error.contains("at least 1"), "{error}");
    }
}
