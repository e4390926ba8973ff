//! `run.toml`: what was asked of a run, written before the first request.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Arrivals, AskedSearch, JournalError, LoadPlan, ReadError};

/// The shape of `run.toml` that this version writes, and the latest that it reads.
pub const RUN_SCHEMA: u32 = 1;

/// The file's name in a result folder.
const NAME: &str = "run.toml";

/// What was asked. Written once, first; secrets are masked before they get here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The version of this file's shape.
    pub schema: u32,
    /// The result folder's name.
    pub id: String,
    /// `--label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When the load began, RFC 3339, UTC.
    pub started: String,
    /// The system under test, e.g. `http://127.0.0.1:8000`, without credentials.
    pub host: String,
    /// Whether that is the reference service started for this run.
    pub reference_service: bool,
    /// How connections to it were made.
    #[serde(default, skip_serializing_if = "AskedConnections::are_default")]
    pub connections: AskedConnections,
    /// The seed of every random choice.
    #[serde(with = "any_u64")]
    pub seed: u64,
    /// Seconds that requests in flight get at the end.
    pub stop_timeout_s: f64,
    /// `--allow-unproven`: an unproven or void verdict ends with 0.
    pub allow_unproven: bool,
    /// `--machine`: the machine that made the load is judged too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub judge_machine: bool,
    /// `closed` load: users. The most that are asked for at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Users started a second, where `--stages` was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawn_rate: Option<f64>,
    /// `open` load: arrivals a second. The most that are asked for at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// `open` load: when arrivals come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// `open` load: the most sessions that serve the arrivals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_users: Option<u32>,
    /// Mean seconds between the starts of two tasks of a user on a host that answers at once: think time, pauses, pacing;
    /// over several scenarios the harmonic mean, as a user that waits less does more tasks. 0 where users never wait. `open` load:
    /// nobody waits; what users would who do as many tasks of each scenario, `None` where one of them has a pace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_wait_s: Option<f64>,
    /// Those of them that are pauses within a task, over several scenarios by how often their tasks are done; `None` where a version
    /// wrote it that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_pauses_s: Option<f64>,
    /// Mean requests in a task, weighted by how often it is done, branches counted as taken evenly.
    pub mean_requests_per_task: f64,
    /// Think time as a person reads it: "1–5 s".
    pub wait: String,
    /// The name of the scenario, or of the mix: `agenthub user`, `agenthub user + browse`.
    pub scenario_name: String,
    /// Over all scenario files and their weights.
    pub scenario_hash: String,
    /// `--baseline`: what the run is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<AskedBaseline>,
    /// `--horizon`: for how long, seconds, what grows has to last; without it drift is not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_s: Option<f64>,
    /// The load is a search for the edge: the plan is no more than its bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<AskedSearch>,
    /// The load.
    pub plan: LoadPlan,
    /// Targets in the words of the configuration: `p95_response_time` → `< 2s`.
    pub targets: BTreeMap<String, String>,
    /// Where and by what it ran.
    pub environment: Environment,
    /// The scenarios that share the load.
    pub scenarios: Vec<AskedScenario>,
}

/// How connections were made and kept; what is left out of the file is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedConnections {
    /// Connections serve more than one request; `--no-keep-alive`: each request opens its own.
    pub keep_alive: bool,
    /// HTTP/2 is offered where the host is asked over TLS; `--http1`: it is not.
    pub http2: bool,
    /// Certificates are checked; `--insecure`: they are not.
    pub check_certificates: bool,
    /// The proxy on the way to the host, as a URL without credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}

impl Default for AskedConnections {
    fn default() -> Self {
        Self { keep_alive: true, http2: true, check_certificates: true, proxy: None }
    }
}

impl AskedConnections {
    fn are_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run is held against, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedBaseline {
    /// As it was written: `main`, `latest`.
    pub reference: String,
    /// The ids of the results that it named before the load; of those that lie elsewhere, the paths.
    pub results: Vec<String>,
    /// How much worse counts as the same, a fraction.
    pub tolerance: f64,
    /// What is unproven against it ends the run as unproven.
    pub strict: bool,
}

/// One of the scenarios that share the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedScenario {
    /// Its name.
    pub name: String,
    /// Its file, or `built in`.
    pub file: String,
    /// Of its content.
    pub hash: String,
    /// Its share of the users.
    pub weight: u32,
}

/// Where and by what the load was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The commit of the code under test: `AGENTHUB_PERF_COMMIT`, the CI's variable, else the work tree's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The name of the machine that made the load.
    pub hostname: String,
    /// Its operating system and kernel.
    pub os: String,
    /// CPUs that the generator may use, in whole ones, at least 1.
    pub cpus: u32,
    /// CPUs' worth of time that a container's limit leaves it, where there is one: 0.5 is half of one CPU's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_quota: Option<f64>,
    /// The version of agenthub-perf.
    pub version: String,
}

impl Asked {
    /// Where a result folder keeps it.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Writes `run.toml` into a result folder, whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<(), JournalError> {
        let path = Self::path(folder);
        let new_path = folder.join(format!(".{NAME}.new"));
        let write = || {
            let text = toml::to_string(self).map_err(std::io::Error::other)?;
            let mut file = fs::File::create(&new_path)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(&new_path, &path)
        };
        write().map_err(|error| JournalError::new(&path, error))
    }

    /// Reads the `run.toml` of a result folder.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        /// What every version of the file has.
        #[derive(Deserialize)]
        struct Versioned {
            schema: u32,
        }
        let path = Self::path(folder);
        let text = fs::read_to_string(&path).map_err(|source| ReadError::Io { path: path.clone(), source })?;
        let wrong = |error: toml::de::Error| ReadError::NotAResult {
            path: path.clone(),
            message: error.to_string().trim_end().to_owned(),
        };
        let Versioned { schema } = toml::from_str(&text).map_err(wrong)?;
        if schema > RUN_SCHEMA {
            let message = format!(
                "has schema {schema}, and this version reads up to {RUN_SCHEMA}: read it with the agenthub-perf that wrote it, or a later one"
            );
            return Err(ReadError::NotAResult { path, message });
        }
        toml::from_str(&text).map_err(wrong)
    }
}

/// TOML's integers end at 2^63: a larger number is written as a text.
mod any_u64 {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*number) {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.collect_str(number),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(number),
            Either::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture::asked;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        for seed in [0, 7, i64::MAX as u64, u64::MAX] {
            let written = Asked { seed, ..asked() };
            written.write(folder.path()).unwrap();
            assert_eq!(Asked::read(folder.path()).unwrap(), written);
        }
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["run.toml"], "nothing half-written is left beside it");
    }

    #[test]
    fn how_connections_were_made_is_kept_where_it_is_not_the_default() {
        let folder = tempfile::tempdir().unwrap();
        asked().write(folder.path()).unwrap();
        let text = fs::read_to_string(Asked::path(folder.path())).unwrap();
        assert!(!text.contains("connections"), "{text}");
        let connections = AskedConnections {
            keep_alive: false,
            proxy: Some("http://proxy:3128".into()),
            ..AskedConnections::default()
        };
        let written = Asked { connections, ..asked() };
        written.write(folder.path()).unwrap();
        assert_eq!(Asked::read(folder.path()).unwrap(), written);
        // One that a later version leaves out is the default.
        fs::write(Asked::path(folder.path()), text.replace("[plan]", "[connections]\nhttp2 = false\n\n[plan]"))
            .unwrap();
        let connections = AskedConnections { http2: false, ..AskedConnections::default() };
        assert_eq!(Asked::read(folder.path()).unwrap(), Asked { connections, ..asked() });
    }

    #[test]
    fn a_later_schema_is_refused_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(Asked::path(folder.path()), "schema = 2\nnew_key = true\n").unwrap();
        let error = Asked::read(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("or a later one") && error.contains("has schema 2"), "{error}");
    }

    #[test]
    fn errors_name_the_file_and_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = Asked::path(folder.path());
        let error = Asked::read(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}: ", path.display())), "{error}");
        fs::write(&path, "schema = 1\nid = 3\n").unwrap();
        let error = Asked::read(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", path.display())) && error.contains("line 2"), "{error}");
        let error = asked().write(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.contains("none/run.toml"), "{error}");
    }
}
