//! What is to be watched: the flags for it, its table in the configuration, and probes at work beside a load.

use std::convert::Infallible;
use std::sync::Arc;

use clap::Args;

use super::Failure;
use crate::document::{Kind, Node, Table};
use crate::observe::{Address, Observer, ProcessSpec, Watch};
use crate::record::Recorder;

/// An example of the address of a status page, for errors.
const STATUS_PAGE: &str = "http://127.0.0.1:8080/nginx_status";
/// An example of the address of metrics, for errors.
const METRICS_PAGE: &str = "http://127.0.0.1:8000/metrics";

/// The flags.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What is watched beside the requests")]
#[expect(clippy::doc_markdown, reason = "it is the help text, shown as it stands")]
pub(super) struct WatchArgs {
    /// PostgreSQL: a role with pg_monitor is enough, e.g. postgres://monitor:…@127.0.0.1:5432/agenthub
    #[arg(long, value_name = "URL", value_parser = Given::postgres)]
    postgres: Option<Given>,
    /// Redis, e.g. redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", value_parser = Given::redis)]
    redis: Option<Given>,
    /// nginx: its status page (stub_status)
    #[arg(long, value_name = "URL", value_parser = Given::nginx)]
    nginx: Option<Given>,
    /// A Prometheus endpoint: the service's own metrics
    #[arg(long, value_name = "URL", value_parser = Given::metrics)]
    metrics: Option<Given>,
    /// A container, by its name, id or cgroup; repeatable
    #[arg(long = "container", value_name = "NAME", value_parser = parse_container)]
    containers: Vec<String>,
    /// A process with all it has started, by id or program name, or LABEL=…; repeatable
    #[arg(long = "process", value_name = "PID|NAME", value_parser = ProcessSpec::parse)]
    processes: Vec<ProcessSpec>,
    /// Judge the CPU and memory of this whole machine, the load generator's share included
    #[arg(long)]
    machine: bool,
}

impl WatchArgs {
    /// What they say, and what of it cannot be read; the flags are taken out.
    pub(super) fn take(&mut self) -> (Watch, Vec<String>) {
        let Self { postgres, redis, nginx, metrics, containers, processes, machine } = std::mem::take(self);
        let (watch, refused) = addresses(postgres, redis, nginx, metrics);
        (Watch { containers, processes, machine, ..watch }, refused)
    }
}

/// An address as a flag gives it. Whether it can be read is said later, by ourselves: clap would repeat it, with its password.
#[derive(Debug, Clone)]
pub(super) struct Given(Result<Address, String>);

#[expect(clippy::unnecessary_wraps, reason = "what clap asks of a parser")]
impl Given {
    pub(super) fn postgres(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Address::postgres(text)))
    }

    pub(super) fn redis(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Address::redis(text)))
    }

    pub(super) fn nginx(text: &str) -> Result<Self, Infallible> {
        Ok(Self(parse_nginx(text)))
    }

    pub(super) fn metrics(text: &str) -> Result<Self, Infallible> {
        Ok(Self(parse_metrics(text)))
    }
}

/// The addresses of the flags, and what cannot be read, with its flag.
pub(super) fn addresses(
    postgres: Option<Given>,
    redis: Option<Given>,
    nginx: Option<Given>,
    metrics: Option<Given>,
) -> (Watch, Vec<String>) {
    let mut refused = Vec::new();
    let mut read = |flag: &str, given: Option<Given>| match given?.0 {
        Ok(address) => Some(address),
        Err(problem) => {
            refused.push(format!("{flag}: {problem}"));
            None
        }
    };
    let watch = Watch {
        postgres: read("--postgres", postgres),
        redis: read("--redis", redis),
        nginx: read("--nginx", nginx),
        metrics: read("--metrics", metrics),
        ..Watch::default()
    };
    (watch, refused)
}

/// The address of nginx' status page.
pub(super) fn parse_nginx(text: &str) -> Result<Address, String> {
    Address::http(text, STATUS_PAGE)
}

/// The address of a page of metrics.
pub(super) fn parse_metrics(text: &str) -> Result<Address, String> {
    Address::http(text, METRICS_PAGE)
}

/// A container's name.
pub(super) fn parse_container(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("name a container, its id or its cgroup".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// The table `[observe]`.
pub(super) fn read_table(mut table: Table<'_>) -> Watch {
    let watch = Watch {
        postgres: one(table.take("postgres"), Address::postgres),
        redis: one(table.take("redis"), Address::redis),
        nginx: one(table.take("nginx"), parse_nginx),
        metrics: one(table.take("metrics"), parse_metrics),
        containers: several(table.take("container"), parse_container),
        processes: several(table.take("process"), ProcessSpec::parse),
        machine: table.take("machine").and_then(|node| node.boolean()).unwrap_or(false),
    };
    table.close();
    watch
}

fn one<T>(node: Option<Node<'_>>, parse: fn(&str) -> Result<T, String>) -> Option<T> {
    let node = node?;
    read(&node, parse)
}

/// One text, or a list of them.
fn several<T>(node: Option<Node<'_>>, parse: fn(&str) -> Result<T, String>) -> Vec<T> {
    let Some(node) = node else { return Vec::new() };
    if matches!(node.value().kind, Kind::Array(_)) {
        node.items().unwrap_or_default().iter().filter_map(|node| read(node, parse)).collect()
    } else {
        read(&node, parse).into_iter().collect()
    }
}

fn read<T>(node: &Node<'_>, parse: fn(&str) -> Result<T, String>) -> Option<T> {
    parse(node.text()?).map_err(|problem| node.reject(format!("`{}`: {problem}", node.key()), None)).ok()
}

/// Sets the probes to work, and tells what their first look has met. A probe that sees nothing does not hold up the load.
pub(super) async fn start(
    watch: &Watch,
    recorder: &Arc<Recorder>,
    tell: &dyn Fn(&str),
) -> Result<Option<Observer>, Failure> {
    let probes = watch.probes();
    if probes.is_empty() {
        return Ok(None);
    }
    let (observer, met) = Observer::start(probes, Arc::clone(recorder))
        .await
        .map_err(|error| Failure::cannot(format!("cannot start the probes: {error}")))?;
    let seen: Vec<String> =
        met.iter().filter(|first| first.problem.is_none()).map(|first| first.name.to_string()).collect();
    if !seen.is_empty() {
        tell(&format!("watching {}", seen.join(", ")));
    }
    for first in &met {
        // What a role may not read is told as a fact of the probe.
        for fact in first.name.facts.values().filter(|fact| fact.contains("GRANT pg_monitor")) {
            tell(&format!("warning: {}: {fact}", first.name));
        }
        if let Some(why) = &first.problem {
            tell(&format!("warning: cannot watch {}: {why}; going on, and trying again every second", first.name));
        }
    }
    Ok(Some(observer))
}
