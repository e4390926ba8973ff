//! `check`: the guide's quick checks and its checklist, without load.

mod before;
mod settings;
mod targets;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::watch::Receiver;

use super::exit::ExitCode;
use super::probes::{Given, addresses, parse_container};
use super::report::page_width;
use super::settings::{Layer, parse_any_time, parse_arrival_rate, parse_time, parse_users, settle};
use super::{Failure, print, say};
use crate::audit::{self, Area, Checked, Outcome, Planned, Selection, Targets};
use crate::load::Host;
use crate::report;

use before::asked_to_stop;
pub(super) use before::before_load;
pub(super) use settings::{CheckSettings, read_table};
use targets::{More, options, targets};

/// Check the system against the guide's quick checks and checklist, without load.
#[derive(Debug, Args)]
#[command(
    after_help = "It only looks: nothing is written to what is checked. Where things are can also be said by [observe] of \
    agenthub-perf.toml, and by [check], which takes the long flags by their names (nginx_config, compose, db_memory, …); [check] \
    accept = [{ rule = \"db.index\", subject = \"public.tasks\", reason = \"…\", until = \"2027-01-31\" }] accepts findings. \
    What this machine is doing right now is looked at when asked for: by check system, check all or --planned-load. \
    `run --check` looks before a load. Exit codes: 0 nothing failed; 1 nothing could be looked at; 2 wrong usage; 98 something could not be told; \
    99 a rule failed; 130 interrupted, with what was found by then."
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
    /// Connections that all pools in front of the database may open together [default: 50]
    #[arg(long, value_name = "N")]
    pool: Option<u32>,
    /// Statistics of the database that are younger prove nothing [default: 4h]
    #[arg(long, value_name = "TIME", value_parser = parse_any_time)]
    evidence_age: Option<Duration>,
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
    /// How long one question may take, and an area ten times as long [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
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
    /// All that is named, and this machine.
    All,
}

impl AreaArg {
    /// `None`: all of them.
    fn area(self) -> Option<Area> {
        Some(match self {
            Self::App => Area::App,
            Self::Db => Area::Db,
            Self::Cache => Area::Cache,
            Self::Proxy => Area::Proxy,
            Self::Containers => Area::Containers,
            Self::System => Area::System,
            Self::All => return None,
        })
    }
}

impl CheckArgs {
    /// What they say of where things are and by what they are judged.
    fn layer(&self) -> Layer {
        let (watch, refused) =
            addresses(self.postgres.clone(), self.redis.clone(), self.nginx.clone(), self.metrics.clone());
        Layer {
            watch: crate::observe::Watch { containers: self.containers.clone(), ..watch },
            refused,
            host: self.host.clone(),
            insecure: self.insecure.then_some(true),
            check: CheckSettings {
                nginx_config: self.nginx_config.clone(),
                compose: self.compose.clone(),
                slow_path: self.slow_path.clone(),
                db_memory: self.db_memory,
                pool: self.pool,
                evidence_age: self.evidence_age,
                timeout: self.timeout,
                only: self.only.clone(),
                skip: self.skip.clone(),
                ..CheckSettings::default()
            },
            ..Layer::default()
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
pub(super) async fn check(args: CheckArgs, mut stop: Receiver<bool>) -> Result<ExitCode, Failure> {
    let selection = Selection::new(args.only.clone(), args.skip.clone(), &audit::rules()).map_err(Failure::usage)?;
    if args.rules {
        print(&list(&selection))?;
        return Ok(ExitCode::Passed);
    }
    let settings = settle(args.layer(), None, args.config.as_deref())?;
    settings.warnings.iter().for_each(|line| say(&format!("warning: {line}")));
    let host = settings.host.as_deref().map(Host::parse).transpose().map_err(Failure::usage)?;
    let all = args.areas.contains(&AreaArg::All);
    let areas: Vec<Area> = if all { Vec::new() } else { args.areas.iter().filter_map(|area| area.area()).collect() };
    let more = More {
        token: args.token.clone(),
        explain: args.explain.clone(),
        analyze: args.analyze,
        planned: args.planned_load,
        system: all || areas.contains(&Area::System),
    };
    let targets = targets(&settings, host, more);
    if args.explain.is_some() && targets.db.is_none() {
        return Err(Failure::usage("--explain needs --postgres URL"));
    }
    for area in &areas {
        if let Some(how) = targets.missing(*area) {
            return Err(Failure::usage(format!("nothing to look at for {area}: {how}")));
        }
    }
    if targets.areas().is_empty() {
        return Err(Failure::usage(nothing_named(&targets)));
    }
    let options = options(&settings, areas)?;
    if options.leave_nothing(&targets) {
        return Err(Failure::usage(
            "--only and --skip, or those of [check], leave nothing to look at in what is named: `check --rules` lists the rules",
        ));
    }
    let found = Box::pin(audit::check(&targets, &options, asked_to_stop(&mut stop))).await;
    if let Some(path) = &args.report {
        let page = report::check_html(&found).map_err(Failure::cannot)?;
        report::write_page(path, &page).map_err(Failure::cannot)?;
        say(&format!("report  {}", path.display()));
    }
    print(&shown(&found, args.format)?)?;
    Ok(code(&found))
}

/// What a person sees who has named nothing.
fn nothing_named(targets: &Targets) -> String {
    let mut text = "nothing is named to look at. Name what there is, e.g.\n  \
        agenthub-perf check --host http://localhost:8000 --postgres postgres://monitor:…@127.0.0.1:5432/agenthub\n\
        or under [observe] of agenthub-perf.toml:"
        .to_owned();
    for area in Area::ALL {
        let _ = write!(text, "\n  {:<10} {}", area.name(), targets.missing(area).unwrap_or_default());
    }
    text.push_str("\n`agenthub-perf check --rules` lists what is looked at");
    text
}

fn shown(found: &Checked, format: CheckFormat) -> Result<String, Failure> {
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

fn code(found: &Checked) -> ExitCode {
    match found.outcome {
        _ if found.partial => ExitCode::Interrupted,
        Outcome::Fail => ExitCode::Failed,
        _ if !found.saw_something() => ExitCode::CannotRun,
        Outcome::Unknown => ExitCode::Unproven,
        _ => ExitCode::Passed,
    }
}

/// `250` users, or `50/s` arrivals.
fn parse_planned(text: &str) -> Result<Planned, String> {
    if text.contains('/') {
        return parse_arrival_rate(text).map(Planned::Rate);
    }
    parse_users(text).map(|users| Planned::Users(u64::from(users)))
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
