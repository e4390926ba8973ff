//! `check`: the guide's quick checks and its checklist, without load.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::ExitCode;
use super::probes::{Given, addresses, parse_container};
use super::report::page_width;
use super::settings::{Layer, Settings, parse_any_time, parse_arrival_rate, parse_time, parse_users, settle};
use super::{Failure, print, say};
use crate::audit::{
    self, Acceptance, AppTarget, Area, Audit, ContainersTarget, DbTarget, Options, Outcome, Planned, ProxyTarget,
    Selection, SystemTarget, Targets,
};
use crate::document::Table;
use crate::load::{AllowedHosts, Host};
use crate::observe::Address;
use crate::report;

/// The guide's processes have 20 + 30 connections each.
const POOLS: u32 = 50;

/// Check the system against the guide's quick checks and checklist, without load.
#[derive(Debug, Args)]
#[command(
    after_help = "It only looks: nothing is written to what is checked. Where things are can also be said by [observe] of \
    agenthub-perf.toml; [check] accept = [{ rule = \"db.unused_index\", reason = \"…\", until = \"2027-01-31\" }] accepts \
    findings. Exit codes: 0 nothing failed; 1 nothing could be looked at; 2 wrong usage; 98 something could not be told; \
    99 a rule failed."
)]
#[expect(clippy::doc_markdown, reason = "it is the help text, shown as it stands")]
pub(super) struct CheckArgs {
    /// What to look at [default: all that is named]
    #[arg(value_name = "AREA", value_enum)]
    areas: Vec<AreaArg>,
    /// PostgreSQL: a role with pg_monitor is enough, e.g. postgres://monitor:…@127.0.0.1:5432/agenthub
    #[arg(long, value_name = "URL", value_parser = Given::postgres)]
    postgres: Option<Given>,
    /// Redis, e.g. redis://127.0.0.1:6379
    #[arg(long, value_name = "URL", value_parser = Given::redis)]
    redis: Option<Given>,
    /// nginx: its status page (stub_status)
    #[arg(long, value_name = "URL", value_parser = Given::nginx)]
    nginx: Option<Given>,
    /// nginx: the output of `nginx -T`, or nginx.conf with the files that it includes
    #[arg(long, value_name = "FILE")]
    nginx_config: Option<PathBuf>,
    /// The system under test, e.g. http://localhost:8000
    #[arg(short = 'H', long, value_name = "URL")]
    host: Option<String>,
    /// Sent as `Authorization: Bearer …`, for answers that need a login
    #[arg(long, value_name = "TOKEN", env = "AGENTHUB_PERF_CHECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A GET that takes its time, to see whether it holds up others
    #[arg(long, value_name = "PATH")]
    slow_path: Option<String>,
    /// The service's metrics, where they are not at /metrics of the host
    #[arg(long, value_name = "URL", value_parser = Given::metrics)]
    metrics: Option<Given>,
    /// Take any TLS certificate of the host
    #[arg(long)]
    insecure: bool,
    /// docker-compose.yml: limits, reservations, restart policies, health checks
    #[arg(long, value_name = "FILE")]
    compose: Option<PathBuf>,
    /// A container that Docker knows by this name or id; repeatable
    #[arg(long = "container", value_name = "NAME", value_parser = parse_container)]
    containers: Vec<String>,
    /// Whether this machine can make a load of so many users, or arrivals: 250, or 50/s
    #[arg(long, value_name = "USERS|RATE", value_parser = parse_planned)]
    planned_load: Option<Planned>,
    /// Memory of the database server or its container, e.g. 2G [default: this machine's, where it is here]
    #[arg(long, value_name = "SIZE", value_parser = audit::parse_size)]
    db_memory: Option<u64>,
    /// Connections that all pools in front of the database may open together
    #[arg(long, value_name = "N", default_value_t = POOLS)]
    pool: u32,
    /// Statistics of the database that are younger prove nothing
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = parse_any_time)]
    evidence_age: Duration,
    /// Say in words how the database would run a statement, and what of it costs most
    #[arg(long, value_name = "STATEMENT")]
    explain: Option<String>,
    /// Run that statement for it (a SELECT), in a transaction that cannot write and is rolled back
    #[arg(long, requires = "explain")]
    analyze: bool,
    /// Only these rules: ids, their beginnings, or patterns with *; repeatable
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these rules; repeatable
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    skip: Vec<String>,
    /// List the rules, with their thresholds and sources, and look at nothing
    #[arg(long)]
    rules: bool,
    /// How long one question may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    timeout: Duration,
    /// Also write it as a page that needs no network
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Configuration file [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AreaArg {
    /// The service, over HTTP.
    App,
    /// PostgreSQL.
    Db,
    /// Redis.
    Cache,
    /// nginx.
    Proxy,
    /// Containers.
    Containers,
    /// This machine.
    System,
}

impl AreaArg {
    fn area(self) -> Area {
        match self {
            Self::App => Area::App,
            Self::Db => Area::Db,
            Self::Cache => Area::Cache,
            Self::Proxy => Area::Proxy,
            Self::Containers => Area::Containers,
            Self::System => Area::System,
        }
    }
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// For a job summary.
    Md,
    /// For a CI's list of tests.
    Junit,
    /// A page of its own.
    Html,
}

/// Looks, and tells.
pub(super) async fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let rules = audit::rules();
    let selection = Selection::new(args.only.clone(), args.skip.clone(), &rules).map_err(Failure::usage)?;
    if args.rules {
        print(&list(&selection))?;
        return Ok(ExitCode::Passed);
    }
    let (watch, refused) =
        addresses(args.postgres.clone(), args.redis.clone(), args.nginx.clone(), args.metrics.clone());
    let settings = settle(
        Layer { watch, refused, host: args.host.clone(), insecure: args.insecure.then_some(true), ..Layer::default() },
        None,
        args.config.as_deref(),
    )?;
    settings.warnings.iter().for_each(|line| say(&format!("warning: {line}")));
    let areas: Vec<Area> = args.areas.iter().map(|area| area.area()).collect();
    let targets = targets(&args, &settings)?;
    for area in &areas {
        if let Some(how) = targets.missing(*area) {
            return Err(Failure::usage(format!("nothing to look at for {area}: {how}")));
        }
    }
    if targets.areas().is_empty() {
        return Err(Failure::usage(
            "nothing is named to look at: --host URL, --postgres URL, --redis URL, --nginx-config FILE, --compose FILE, \
             [observe] in agenthub-perf.toml, or `check system` for this machine",
        ));
    }
    let options = Options {
        selection,
        accepted: settings.accept.clone(),
        today: jiff::Zoned::now().date(),
        timeout: args.timeout,
        areas,
    };
    let found = audit::check(&targets, &options).await;
    if let Some(path) = &args.report {
        let page = report::check_html(&found).map_err(Failure::cannot)?;
        report::write_page(path, &page).map_err(Failure::cannot)?;
        say(&format!("report  {}", path.display()));
    }
    print(&shown(&found, args.format)?)?;
    Ok(code(&found))
}

fn shown(found: &Audit, format: CheckFormat) -> Result<String, Failure> {
    match format {
        CheckFormat::Text => {
            let (width, colour) = page_width();
            Ok(report::check_text(found, width, colour))
        }
        CheckFormat::Json => report::check_json(found).map_err(Failure::cannot),
        CheckFormat::Md => Ok(report::check_markdown(found)),
        CheckFormat::Junit => report::check_junit(found).map_err(Failure::cannot),
        CheckFormat::Html => report::check_html(found).map_err(Failure::cannot),
    }
}

fn code(found: &Audit) -> ExitCode {
    match found.outcome() {
        Outcome::Fail => ExitCode::Failed,
        _ if !found.saw_something() => ExitCode::CannotRun,
        Outcome::Unknown => ExitCode::Unproven,
        _ => ExitCode::Passed,
    }
}

fn targets(args: &CheckArgs, settings: &Settings) -> Result<Targets, Failure> {
    let db = settings.watch.postgres.as_ref().map(|address| DbTarget {
        address: address.clone(),
        memory: db_memory(args, address),
        pools: args.pool,
        evidence_age: args.evidence_age,
        explain: args.explain.clone(),
        analyze: args.analyze,
    });
    if args.explain.is_some() && db.is_none() {
        return Err(Failure::usage("--explain needs --postgres URL"));
    }
    let status = settings.watch.nginx.clone();
    let proxy = (args.nginx_config.is_some() || status.is_some()).then(|| ProxyTarget {
        config: args.nginx_config.clone(),
        status,
        host: settings.host.clone(),
    });
    let host = settings.host.as_deref().map(Host::parse).transpose().map_err(Failure::usage)?;
    let named = if args.containers.is_empty() { &settings.watch.containers } else { &args.containers };
    let containers = (args.compose.is_some() || !named.is_empty())
        .then(|| ContainersTarget { compose: args.compose.clone(), names: named.clone() });
    let loopback = host.as_ref().is_none_or(|host| AllowedHosts::new([]).permits(&host.origin.name));
    let system = (args.planned_load.is_some() || args.areas.contains(&AreaArg::System))
        .then_some(SystemTarget { planned: args.planned_load, loopback });
    let app = host.map(|host| AppTarget {
        host,
        token: args.token.clone(),
        slow_path: args.slow_path.clone(),
        metrics: settings.watch.metrics.clone(),
        insecure: settings.insecure,
    });
    Ok(Targets { db, cache: settings.watch.redis.clone(), proxy, app, containers, system })
}

/// `250` users, or `50/s` arrivals.
fn parse_planned(text: &str) -> Result<Planned, String> {
    if text.contains('/') {
        return parse_arrival_rate(text).map(Planned::Rate);
    }
    parse_users(text).map(|users| Planned::Users(u64::from(users)))
}

/// As told, else this machine's, where the database is here.
fn db_memory(args: &CheckArgs, address: &Address) -> Option<(u64, String)> {
    if let Some(bytes) = args.db_memory {
        return Some((bytes, "--db-memory".to_owned()));
    }
    let host = address.url().host_str().unwrap_or_default();
    let here = AllowedHosts::new([]).permits(host);
    let bytes = here.then(audit::memory_here).flatten()?;
    Some((bytes, "this machine's".to_owned()))
}

/// The rules, a paragraph each.
fn list(selection: &Selection) -> String {
    let mut text = String::new();
    for rule in audit::rules().into_iter().filter(|rule| selection.takes(rule)) {
        text.push_str(rule.id);
        text.push('\n');
        let line = |name: &str, what: &str| match what {
            "" => String::new(),
            what => format!("    {name:<10} {what}\n"),
        };
        text.push_str(&line("holds", rule.holds));
        text.push_str(&line("source", rule.source));
        text.push_str(&line("applies", rule.applies));
        let ticked: Vec<&str> = rule
            .lines
            .iter()
            .filter_map(|n| audit::CHECKLIST.get(usize::from(*n) - 1))
            .map(|(_, line)| *line)
            .collect();
        text.push_str(&line("checklist", &ticked.join("; ")));
    }
    text
}

/// The table `[check]`.
pub(super) fn read_table(mut table: Table<'_>) -> Vec<Acceptance> {
    let mut accepted = Vec::new();
    let rules = audit::rules();
    for node in table.take("accept").and_then(|node| node.items()).unwrap_or_default() {
        let Some(mut entry) = node.table("an entry of `accept`") else { continue };
        let rule = entry.require("rule", "rule = \"db.unused_index\"").and_then(|node| {
            let name = node.filled_text()?;
            audit::known(name, &rules).map_err(|problem| node.reject(format!("`rule`: {problem}"), None)).ok()?;
            Some(name.to_owned())
        });
        let reason = entry
            .require("reason", "reason = \"why it is right here\"")
            .and_then(|node| node.filled_text().map(str::to_owned));
        let until = entry.take("until").map(|node| {
            let text = node.text()?;
            let day = text.parse::<jiff::civil::Date>();
            day.map_err(|_| node.reject("`until` is no day", Some("write it as `until = \"2027-01-31\"`"))).ok()
        });
        entry.close();
        if let (Some(rule), Some(reason), Some(until)) = (rule, reason, until.map_or(Some(None), |day| day.map(Some))) {
            accepted.push(Acceptance { rule, reason, until });
        }
    }
    table.close();
    accepted
}
