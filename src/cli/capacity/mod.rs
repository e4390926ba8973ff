//! `capacity`: the highest load at which every target still passes; and what N users need by it.

mod law;
mod live;
mod plan;

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::sync::watch::Receiver;

pub(super) use live::Live;

use super::ci;
use super::common::CommonArgs;
use super::exit::ExitCode;
use super::report::show;
use super::run::{Attempt, attempt, conclude};
use super::settings::{
    By, Layer, SearchLayer, Source, Sources, parse_abort_on, parse_arrival_rate, parse_arrivals, parse_spawn_rate,
    parse_time, parse_users, parse_width,
};
use super::{Failure, say};
use crate::capacity::{CONFIDENCES, LOOKS_S};
use crate::record::{Arrivals, AskedSearch, LoadModel};

/// Where nothing is said.
const MAX_TIME: Duration = Duration::from_mins(30);
const WIDTH: f64 = 0.05;
const ABORT_ON: f64 = 0.2;
const START: f64 = 10.0;
const MAX_RATE: f64 = 1000.0;
const MAX_USERS: u32 = 1000;
/// Users started a second while the load grows.
const SPAWN_RATE: f64 = 50.0;
/// What the plan lasts beyond the time of the search, which ends the load itself.
const BEYOND: Duration = Duration::from_secs(5);

/// Find the highest load at which every target still passes; `capacity plan` goes from there to what N users need.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_help_heading = "Instead of a search",
    disable_help_subcommand = true,
    after_help = "The load climbs until a target fails, then narrows the bracket; each level is looked at after 15, 30, \
    60, 120 and 240 s at most, and the one that passes is held a second time. How to search can also be set by the \
    environment (AGENTHUB_PERF_CAPACITY_MAX_RATE=2000/s) and by [capacity] of agenthub-perf.toml: by, start, max_rate, \
    max_users, max_time, width, abort_on. Exit codes: 0 the edge is bracketed and its \
    lower end confirmed, or the highest level allowed passes; 98 not proven; 1 could not run; 2 wrong usage; 130 interrupted, \
    with what is known so far."
)]
pub(super) struct CapacityArgs {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// What is searched for: arrivals a second, whatever the host does, or users who think [default: rate]
    #[arg(long, value_name = "WHAT", value_enum)]
    by: Option<By>,
    /// The first level, e.g. 50/s, or 20 users [default: 10/s, 10 users]
    #[arg(long, value_name = "LEVEL", allow_hyphen_values = true)]
    start: Option<String>,
    /// By rate: no level is higher [default: 1000/s]
    #[arg(long, value_name = "RATE", value_parser = parse_arrival_rate)]
    max_rate: Option<f64>,
    /// By users: no level is higher [default: 1000]; by rate: the most sessions that serve arrivals, as in `run`
    #[arg(long, value_name = "N", value_parser = parse_users)]
    max_users: Option<u32>,
    /// The most time that the search takes [default: 30m]
    #[arg(short = 't', long, value_name = "TIME", value_parser = parse_time)]
    max_time: Option<Duration>,
    /// How narrow the bracket shall be [default: 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_width)]
    width: Option<f64>,
    /// Give a level up when more than this share of the requests of the last 10 s failed [default: '20% errors']
    #[arg(long, value_name = "SHARE", value_parser = parse_abort_on)]
    abort_on: Option<f64>,
    /// By rate: when arrivals come, poisson (at random) or constant [default: poisson]
    #[arg(long, value_name = "WHEN", value_parser = parse_arrivals)]
    arrivals: Option<Arrivals>,
    /// By users: how many start a second while the load grows [default: 50]
    #[arg(short = 'r', long, value_name = "RATE", value_parser = parse_spawn_rate)]
    spawn_rate: Option<f64>,
    /// When the edge is found, go on past it for the scaling law: where contention and coherency begin to cost, and where more
    /// users make less. A third of --max-time is kept for it, and at least what 16 short levels take: 128 s
    #[arg(long)]
    law: bool,
    /// What `run` calls its load, of which a search knows only the first level.
    #[arg(short = 'u', long, hide = true, value_parser = first_users)]
    users: Option<String>,
    /// The same for arrivals.
    #[arg(long, hide = true, value_parser = first_rate)]
    rate: Option<String>,
    #[command(flatten)]
    common: CommonArgs,
}

fn first_users(text: &str) -> Result<String, String> {
    Err(format!("a search finds the number of users itself: say where it begins, --by users --start {text}"))
}

fn first_rate(text: &str) -> Result<String, String> {
    Err(format!("a search finds the rate itself: say where it begins, --start {text}, and where it ends, --max-rate"))
}

/// What is done instead of a search.
#[derive(Debug, Subcommand)]
enum Instead {
    /// Reckon from a result what so many users need: requests, instances, and when today's run out
    Plan(plan::PlanArgs),
}

impl CapacityArgs {
    /// How the flags have it searched; they are taken out.
    fn search(&mut self) -> SearchLayer {
        SearchLayer {
            source: Source::Flags,
            by: self.by,
            start: self.start.take(),
            max_rate: self.max_rate,
            max_users: self.max_users,
            max_time: self.max_time,
            width: self.width,
            abort_on: self.abort_on,
            law: self.law.then_some(true),
        }
    }

    /// The load that bounds the search, and the search.
    fn settle(&mut self, sources: &Sources) -> Result<(Layer, AskedSearch), String> {
        let flags = self.search();
        let layers: Vec<&SearchLayer> = [&flags].into_iter().chain(sources.searches()).collect();
        let by = first(&layers, |layer| layer.by).unwrap_or(By::Rate);
        let only = |given: bool, flag: &str, by: &str| {
            if given {
                Err(format!("{flag} belongs to a search by {by}: leave it out, or search --by {by}"))
            } else {
                Ok(())
            }
        };
        match by {
            By::Rate => only(self.spawn_rate.is_some(), "--spawn-rate", "users")?,
            By::Users => {
                only(flags.max_rate.is_some(), "--max-rate", "rate")?;
                only(self.arrivals.is_some(), "--arrivals", "rate")?;
            }
        }
        let search = search(&layers, by)?;
        let common = self.common.layer();
        let run_time = Some(Duration::from_secs_f64(search.max_time_s) + BEYOND);
        let layer = match by {
            By::Rate => {
                let max_users = first(&layers, |layer| layer.max_users);
                Layer { rate: Some(search.most), run_time, arrivals: self.arrivals, max_users, ..common }
            }
            By::Users => {
                let spawn_rate = self.spawn_rate.or(Some(SPAWN_RATE));
                Layer { users: Some(search.most as u32), spawn_rate, run_time, ..common }
            }
        };
        Ok((layer, search))
    }
}

/// The first that says something wins.
fn first<T>(layers: &[&SearchLayer], pick: impl Fn(&SearchLayer) -> Option<T>) -> Option<T> {
    layers.iter().find_map(|layer| pick(layer))
}

/// What the sources ask for together.
fn search(layers: &[&SearchLayer], by: By) -> Result<AskedSearch, String> {
    let place = |said: fn(&SearchLayer) -> bool, key: &str| {
        let said = layers.iter().find(|layer| said(layer));
        said.map_or_else(|| Source::Flags.place(key), |layer| layer.place(key))
    };
    let most = match by {
        By::Rate => first(layers, |layer| layer.max_rate).unwrap_or(MAX_RATE),
        By::Users => f64::from(first(layers, |layer| layer.max_users).unwrap_or(MAX_USERS)),
    };
    let start_is = || place(|layer| layer.start.is_some(), "start");
    let start = first(layers, |layer| layer.start.as_deref().map(|text| by.level(text))).transpose();
    let start = start.map_err(|problem| format!("{}: {problem}", start_is()))?;
    let max_time_s = first(layers, |layer| layer.max_time).unwrap_or(MAX_TIME).as_secs_f64();
    let search = AskedSearch {
        start: start.unwrap_or(START.min(most)),
        most,
        max_time_s,
        width: first(layers, |layer| layer.width).unwrap_or(WIDTH),
        abort_on: first(layers, |layer| layer.abort_on).unwrap_or(ABORT_ON),
        looks_s: LOOKS_S.to_vec(),
        confidences: CONFIDENCES.to_vec(),
        law: None,
    };
    if search.start > most {
        let raise = match by {
            By::Rate => place(|layer| layer.max_rate.is_some(), "max_rate"),
            By::Users => place(|layer| layer.max_users.is_some(), "max_users"),
        };
        let start = search.start;
        return Err(format!("{} {start} is above the highest level allowed, {most}: raise {raise}", start_is()));
    }
    if search.max_time_s < LOOKS_S[0] + 10.0 {
        return Err(format!(
            "{} is too short to look at one level: give it at least {} s",
            place(|layer| layer.max_time.is_some(), "max_time"),
            LOOKS_S[0] + 10.0
        ));
    }
    Ok(search)
}

/// Searches, or plans.
pub(super) async fn capacity(mut args: CapacityArgs, stop: Receiver<bool>) -> Result<ExitCode, Failure> {
    if let Some(Instead::Plan(args)) = args.instead {
        return plan::plan(&args);
    }
    let sources = Sources::read(None, args.common.config.as_deref())?;
    let (layer, mut search) = args.settle(&sources).map_err(Failure::usage)?;
    let searches: Vec<&SearchLayer> = sources.searches().collect();
    let with_law = args.law || first(&searches, |layer| layer.law) == Some(true);
    let mut settings = sources.settle(layer)?;
    if with_law {
        let most = if settings.plan.model == LoadModel::Closed { search.most as u32 } else { settings.max_users };
        law::share_time(&mut search, most).map_err(Failure::usage)?;
    }
    settings.search = Some(search);
    settings.baseline = None;
    settings.strict_baseline = false;
    let tell = |line: &str| {
        if !args.common.quiet {
            say(line);
        }
    };
    settings.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
    let Attempt { folder, failed } = attempt(&settings, &tell, !args.common.quiet, stop).await?;
    let (run, result) = conclude(&folder, &settings)?;
    show(&folder, &run, &result, args.common.format)?;
    ci::tell_of_run(&run, &result, args.common.format)?;
    Ok(match failed {
        Some(failure) => failure.code,
        None => ExitCode::of(run.end.as_ref(), result.verdict, settings.allow_unproven),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(source: Source) -> SearchLayer {
        SearchLayer { source, ..SearchLayer::default() }
    }

    fn file() -> SearchLayer {
        from(Source::File { name: "agenthub-perf.toml".into(), lines: [("start".to_owned(), 7)].into() })
    }

    #[test]
    fn the_nearest_source_that_says_something_wins() {
        let flags = SearchLayer { width: Some(0.1), ..from(Source::Flags) };
        let environment = SearchLayer { width: Some(0.2), max_rate: Some(300.0), ..from(Source::Environment) };
        let file = SearchLayer { max_rate: Some(400.0), abort_on: Some(0.5), start: Some("30/s".into()), ..file() };
        let found = search(&[&flags, &environment, &file], By::Rate).unwrap();
        assert_eq!((found.width, found.most, found.abort_on, found.start), (0.1, 300.0, 0.5, 30.0));
        assert_eq!(found.max_time_s, 1800.0);
        let found = search(&[&from(Source::Flags)], By::Users).unwrap();
        assert_eq!((found.most, found.start, found.width, found.abort_on), (1000.0, 10.0, 0.05, 0.2));
    }

    #[test]
    fn what_does_not_go_together_is_told_by_who_said_it() {
        let file = SearchLayer { start: Some("500/s".into()), ..file() };
        let environment =
            SearchLayer { max_rate: Some(50.0), max_time: Some(Duration::from_secs(5)), ..from(Source::Environment) };
        let error = search(&[&from(Source::Flags), &environment, &file], By::Rate).unwrap_err();
        assert_eq!(
            error,
            "`start` (agenthub-perf.toml:7) 500 is above the highest level allowed, 50: raise AGENTHUB_PERF_CAPACITY_MAX_RATE"
        );
        let error = search(&[&file], By::Users).unwrap_err();
        assert!(error.starts_with("`start` (agenthub-perf.toml:7): not a whole number of users"), "{error}");
        let error = search(&[&environment], By::Users).unwrap_err();
        assert!(error.starts_with("AGENTHUB_PERF_CAPACITY_MAX_TIME is too short"), "{error}");
    }
}
