//! The flags of every command that drives a load: where to, what users do, what to meet, where the result goes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::check::CheckSettings;
use super::probes::WatchArgs;
use super::run::Format;
use super::settings::{Layer, ScenarioFile, Source, parse_any_time, parse_scenario, parse_seed, parse_target};
use crate::report::Export;

/// The flags.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "it is the help text, shown as it stands")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct CommonArgs {
    /// Scenario file and its share of the users or arrivals; repeatable [default: the guide's user, built in]
    #[arg(short = 'f', long = "scenario", value_name = "FILE[:WEIGHT]", value_parser = parse_scenario)]
    scenarios: Vec<ScenarioFile>,
    /// The system under test, e.g. http://localhost:8000 [default: the reference service, started for the run]
    #[arg(short = 'H', long, value_name = "URL")]
    host: Option<String>,
    /// A target, e.g. p95_response_time=500ms, error_rate=1%, 'p95_response_time[GET /api/v2/projects]=1s'; repeatable
    #[arg(long = "target", value_name = "NAME=LIMIT", value_parser = parse_target)]
    targets: Vec<(String, String)>,
    /// A name by which the result is found again
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Also write what another system reads: gitlab, openmetrics, bencher or github-benchmark; repeatable
    #[arg(long = "export", value_name = "NAME", value_parser = Export::parse)]
    exports: Vec<Export>,
    /// Configuration file [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Folder that results are written to [default: results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Allow load on a host that is not this machine; repeatable
    #[arg(long = "allow-host", value_name = "NAME")]
    allow_hosts: Vec<String>,
    /// Take any TLS certificate
    #[arg(long)]
    insecure: bool,
    /// Open a new connection for every request
    #[arg(long)]
    no_keep_alive: bool,
    /// Speak HTTP/1.1 only; otherwise https hosts may choose HTTP/2
    #[arg(long = "http1.1", visible_alias = "http1")]
    http1: bool,
    /// What requests in flight get at the end [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_any_time)]
    stop_timeout: Option<Duration>,
    /// Of every random choice: the same seed draws the same tasks [default: random, and recorded]
    #[arg(long, value_name = "NUMBER", value_parser = parse_seed, allow_hyphen_values = true)]
    seed: Option<u64>,
    /// End with 0 also where the verdict is unproven or void
    #[arg(long)]
    allow_unproven: bool,
    /// Before the load, check what is named as `check` does, and put the findings into the reports; the verdict stays that of
    /// the targets
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    watch: WatchArgs,
    /// No progress, no messages
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

impl CommonArgs {
    pub(super) fn names_a_host(&self) -> bool {
        self.host.is_some()
    }

    pub(super) fn asks_for_a_check(&self) -> bool {
        self.check
    }

    /// What they say; the flags are taken out.
    pub(super) fn layer(&mut self) -> Layer {
        let (watch, refused) = self.watch.take();
        Layer {
            source: Source::Flags,
            refused,
            scenarios: std::mem::take(&mut self.scenarios),
            host: self.host.take(),
            allow_hosts: std::mem::take(&mut self.allow_hosts),
            targets: std::mem::take(&mut self.targets),
            label: self.label.take(),
            exports: std::mem::take(&mut self.exports),
            results: self.results.take(),
            stop_timeout: self.stop_timeout,
            seed: self.seed,
            insecure: self.insecure.then_some(true),
            keep_alive: self.no_keep_alive.then_some(false),
            http2: self.http1.then_some(false),
            allow_unproven: self.allow_unproven.then_some(true),
            watch,
            check: CheckSettings { before_run: self.check.then_some(true), ..CheckSettings::default() },
            ..Layer::default()
        }
    }
}
