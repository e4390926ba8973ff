//! `capacity plan`: from N users to what they need.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::super::exit::ExitCode;
use super::super::report::{find, page_width};
use super::super::settings::{Layer, parse_any_time, settle};
use super::super::{Failure, print};
use crate::capacity::{self, Growth, PlanError, Question};
use crate::history;
use crate::report;
use crate::units::parse_ratio;

/// More users than there are people are a slip of the hand.
const MOST_USERS: u64 = 10_000_000_000;

/// Reckon from a result what so many users need: requests, instances, and when today's run out.
#[derive(Debug, Args)]
#[command(
    after_help = "Users become requests by Little's law, requests instances by the edge that the result has proved; every figure \
    is a range, and everything assumed is shown with where it comes from. Exit codes: 0 planned; 98 the result does not prove its \
    edge; 1 it cannot be read; 2 wrong usage, or a result that carries no plan."
)]
pub(super) struct PlanArgs {
    /// A path, an id, a label, `latest` or `latest~N`: a search for the edge, or a run that passed
    #[arg(value_name = "RESULT")]
    result: String,
    /// Users at the same time
    #[arg(short, long, value_name = "N", value_parser = parse_planned_users, allow_hyphen_values = true)]
    users: u64,
    /// How long a user waits between two tasks, on average [default: as long as the result's users]
    #[arg(long, value_name = "TIME", value_parser = parse_any_time, allow_hyphen_values = true)]
    wait: Option<Duration>,
    /// The share of the edge that is kept free [default: 30%]
    #[arg(long, value_name = "SHARE", value_parser = parse_headroom, allow_hyphen_values = true)]
    headroom: Option<f64>,
    /// How fast users become more, e.g. 8%/month; also /week, /year
    #[arg(long, value_name = "SHARE", value_parser = Growth::parse, allow_hyphen_values = true)]
    growth: Option<Growth>,
    /// Instances that there are today, each as large as what the result was measured on [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_instances, allow_hyphen_values = true)]
    instances: Option<u64>,
    /// End with 0 also where the result does not prove its edge
    #[arg(long)]
    allow_unproven: bool,
    /// Folder that results are in [default: the configuration's, else results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Configuration file [default: agenthub-perf.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is printed to standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is printed to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person.
    Text,
    /// For a program.
    Json,
    /// For a planning document.
    Md,
}

/// Makes it.
pub(super) fn plan(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let allow_unproven = args.allow_unproven.then_some(true);
    let flags = Layer { results: args.results.clone(), allow_unproven, ..Layer::default() };
    let settings = settle(flags, None, args.config.as_deref())?;
    let folder = find(&settings.results, &args.result)?;
    let measured = history::measure(&folder).map_err(Failure::cannot)?;
    let question = Question {
        users: args.users,
        wait_s: args.wait.map(|wait| wait.as_secs_f64()),
        headroom: args.headroom,
        growth: args.growth,
        instances: args.instances,
        today: jiff::Zoned::now().date(),
    };
    let planned = capacity::plan(&measured.run, &measured.result, &question).map_err(refused)?;
    let text = match args.format {
        Format::Text => {
            let (width, colour) = page_width();
            report::plan_text(&planned, width, colour)
        }
        Format::Json => report::plan_json(&planned).map_err(Failure::cannot)?,
        Format::Md => report::plan_markdown(&planned),
    };
    print(&text)?;
    Ok(if planned.proven || settings.allow_unproven { ExitCode::Passed } else { ExitCode::Unproven })
}

/// A search that proved nothing is unproven, however much a plan is wanted; another result is the wrong one.
#[expect(clippy::needless_pass_by_value, reason = "fits behind map_err")]
fn refused(error: PlanError) -> Failure {
    let code = match error {
        PlanError::NoEdge { .. } | PlanError::NoResponseTime { .. } => ExitCode::Unproven,
        PlanError::NoSearch { .. } | PlanError::NoThinkTime { .. } => ExitCode::Usage,
    };
    Failure { code, message: error.to_string() }
}

fn parse_planned_users(text: &str) -> Result<u64, String> {
    match text.trim().replace([',', '_'], "").parse::<i128>() {
        Ok(users) if users < 1 => Err("there must be at least 1 user".to_owned()),
        Ok(users) if users > i128::from(MOST_USERS) => Err(format!("at most {MOST_USERS} users")),
        Ok(users) => Ok(users as u64),
        Err(_) => Err("not a whole number of users, e.g. 10000".to_owned()),
    }
}

fn parse_instances(text: &str) -> Result<u64, String> {
    let instances = text.trim().parse::<u32>().ok().filter(|&instances| instances > 0);
    instances.map(u64::from).ok_or_else(|| "not a whole number of instances from 1 on, e.g. 3".to_owned())
}

fn parse_headroom(text: &str) -> Result<f64, String> {
    match parse_ratio(text.trim()) {
        Ok(share) if share < 1.0 => Ok(share),
        Ok(_) => Err("the headroom must be below 100 %, e.g. 30%".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_with_is_read_or_refused_with_what_would_do() {
        assert_eq!([parse_planned_users("10000"), parse_planned_users("10,000")], [Ok(10_000), Ok(10_000)]);
        assert_eq!((parse_headroom("30%"), parse_headroom("0")), (Ok(0.3), Ok(0.0)));
        assert_eq!(parse_instances("3"), Ok(3));
        for bad in ["0", "-3"] {
            assert!(parse_planned_users(bad).unwrap_err().contains("at least 1 user"), "{bad}");
        }
        assert!(parse_planned_users("many").unwrap_err().contains("e.g. 10000"));
        assert!(parse_planned_users("99999999999").unwrap_err().contains("at most"));
        assert!(parse_headroom("100%").unwrap_err().contains("below 100 %"));
        assert!(parse_headroom("-5%").is_err() && parse_instances("0").is_err() && parse_instances("1.5").is_err());
    }
}
