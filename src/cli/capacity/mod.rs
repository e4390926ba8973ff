//! `capacity`: the highest load at which every target still passes.

mod law;
mod live;

use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::sync::watch::Receiver;

pub(super) use live::Live;

use super::ci;
use super::common::CommonArgs;
use super::exit::ExitCode;
use super::report::show;
use super::run::{Attempt, attempt, conclude};
use super::settings::{
    Layer, parse_abort_on, parse_arrival_rate, parse_arrivals, parse_spawn_rate, parse_time, parse_tolerance,
    parse_users, settle,
};
use super::{Failure, say};
use crate::capacity::{CONFIDENCES, LOOKS_S};
use crate::record::{Arrivals, AskedSearch};

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

/// Find the highest load at which every target still passes.
#[derive(Debug, Args)]
#[command(
    after_help = "The load climbs until a target fails, then narrows the bracket; each level is looked at after 15, 30, \
    60, 120 and 240 s at most, and the one that passes is held a second time. Exit codes: 0 the edge is bracketed and its \
    lower end confirmed, or the highest level allowed passes; 98 not proven; 1 could not run; 2 wrong usage; 130 interrupted, \
    with what is known so far."
)]
pub(super) struct CapacityArgs {
    /// What is searched for: arrivals a second, whatever the host does, or users who think
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = By::Rate)]
    by: By,
    /// The first level, e.g. 50/s, or 20 users [default: 10/s, 10 users]
    #[arg(long, value_name = "LEVEL")]
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
    #[arg(long, value_name = "SHARE", value_parser = parse_tolerance)]
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
    /// users make less. A third of --max-time is kept for it
    #[arg(long)]
    law: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// What a level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Arrivals a second.
    Rate,
    /// Users.
    Users,
}

impl CapacityArgs {
    /// The load that bounds the search, and the search.
    fn settle(&mut self) -> Result<(Layer, AskedSearch), String> {
        let max_time = self.max_time.unwrap_or(MAX_TIME);
        let run_time = Some(max_time + BEYOND);
        let common = self.common.layer();
        let only = |given: bool, flag: &str, by: &str| {
            if given {
                Err(format!("{flag} belongs to a search by {by}: leave it out, or search --by {by}"))
            } else {
                Ok(())
            }
        };
        let (layer, start, most) = match self.by {
            By::Rate => {
                only(self.spawn_rate.is_some(), "--spawn-rate", "users")?;
                let most = self.max_rate.unwrap_or(MAX_RATE);
                let start = self.start.as_deref().map(parse_arrival_rate).transpose().map_err(start_error)?;
                let (arrivals, max_users) = (self.arrivals, self.max_users);
                (Layer { rate: Some(most), run_time, arrivals, max_users, ..common }, start, most)
            }
            By::Users => {
                only(self.max_rate.is_some(), "--max-rate", "rate")?;
                only(self.arrivals.is_some(), "--arrivals", "rate")?;
                let most = self.max_users.unwrap_or(MAX_USERS);
                let start = self.start.as_deref().map(parse_users).transpose().map_err(start_error)?.map(f64::from);
                let spawn_rate = self.spawn_rate.or(Some(SPAWN_RATE));
                (Layer { users: Some(most), spawn_rate, run_time, ..common }, start, f64::from(most))
            }
        };
        let search = AskedSearch {
            start: start.unwrap_or(START.min(most)),
            most,
            max_time_s: max_time.as_secs_f64(),
            width: self.width.unwrap_or(WIDTH),
            abort_on: self.abort_on.unwrap_or(ABORT_ON),
            looks_s: LOOKS_S.to_vec(),
            confidences: CONFIDENCES.to_vec(),
            law: None,
        };
        if search.start > most {
            return Err(format!(
                "--start {} is above the highest level allowed, {most}: raise {}",
                search.start,
                if self.by == By::Rate { "--max-rate" } else { "--max-users" }
            ));
        }
        if search.max_time_s < LOOKS_S[0] + 10.0 {
            return Err(format!(
                "--max-time is too short to look at one level: give it at least {} s",
                LOOKS_S[0] + 10.0
            ));
        }
        Ok((layer, search))
    }
}

/// Names the flag.
#[expect(clippy::needless_pass_by_value, reason = "fits behind map_err")]
fn start_error(problem: String) -> String {
    format!("--start: {problem}")
}

/// Searches.
pub(super) async fn capacity(mut args: CapacityArgs, stop: Receiver<bool>) -> Result<ExitCode, Failure> {
    let (layer, mut search) = args.settle().map_err(Failure::usage)?;
    let mut settings = settle(layer, None, args.common.config.as_deref())?;
    if args.law {
        let most = if args.by == By::Users { search.most as u32 } else { settings.max_users };
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
