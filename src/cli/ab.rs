//! `ab`: two hosts in turns, and what B is against A.

use clap::Args;
use tokio::sync::watch;

use super::compare::exit_code;
use super::exit::ExitCode;
use super::report::page_width;
use super::run::{Attempt, Format, RunArgs, attempt, conclude};
use super::{Failure, ci, host, print, say};
use crate::history::{self, Options};
use crate::judge::{Comparison, RunResult, Verdict};
use crate::load::AllowedHosts;
use crate::record::{End, Run};
use crate::report;
use crate::units::format_duration;

/// Fewer rounds say little of how much rounds differ anyway.
const LEAST_ROUNDS: u32 = 4;
/// More than anybody waits for.
const MOST_ROUNDS: u32 = 200;

/// Put the same load on two hosts in turns (A B A B …) and tell whether B is worse.
#[derive(Debug, Args)]
#[command(
    after_help = "Each round is a run of A, then the same run of B with the same seed; the differences within the rounds decide, so \
    that what changes slowly around both does not. Every other flag is that of `run`, and describes a single run: choose a \
    short one. A round of which a run is void is made again. Exit codes: 0 better, same or not worse; 98 unproven; 99 worse.",
    mut_args(|flag| {
        let hidden = ["host", "baseline", "strict_baseline"].contains(&flag.get_id().as_str());
        flag.hide(hidden)
    })
)]
#[expect(clippy::doc_markdown, reason = "it is the help text, shown as it stands")]
pub(super) struct AbArgs {
    /// What B is held against, e.g. http://localhost:8000
    #[arg(long, value_name = "URL", display_order = 0)]
    a: String,
    /// The host in question, e.g. http://localhost:8001
    #[arg(long, value_name = "URL", display_order = 0)]
    b: String,
    /// How many rounds, at least 4
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = parse_rounds, allow_hyphen_values = true,
          display_order = 0)]
    rounds: u32,
    /// A worse endpoint decides too (p95, adjusted for the number of endpoints)
    #[arg(long, display_order = 0)]
    gate_endpoints: bool,
    #[command(flatten)]
    run: RunArgs,
}

fn parse_rounds(text: &str) -> Result<u32, String> {
    match text.trim().parse::<i64>() {
        Ok(rounds) if (i64::from(LEAST_ROUNDS)..=i64::from(MOST_ROUNDS)).contains(&rounds) => Ok(rounds as u32),
        Ok(_) => Err(format!("from {LEAST_ROUNDS} to {MOST_ROUNDS} rounds")),
        Err(_) => Err("not a whole number of rounds, e.g. 6".to_owned()),
    }
}

/// A run of A and the run of B that followed it.
type Round = [(Run, RunResult); 2];

/// Runs them.
pub(super) async fn ab(mut args: AbArgs, stop: watch::Receiver<bool>) -> Result<ExitCode, Failure> {
    for (given, flag, instead) in [
        (args.run.names_a_host(), "--host", "ab has two of them: --a and --b"),
        (args.run.names_a_baseline(), "--baseline", "in ab it is --a"),
    ] {
        if given {
            return Err(Failure::usage(format!("{flag} is for run; {instead}")));
        }
    }
    let (format, quiet) = (args.run.format(), args.run.is_quiet());
    let mut settings = args.run.settle()?;
    let allowed = AllowedHosts::new(settings.allow_hosts.clone());
    let mut hosts = Vec::new();
    for (flag, url) in [("--a", &args.a), ("--b", &args.b)] {
        let named = |failure: Failure| Failure { message: format!("{flag}: {}", failure.message), ..failure };
        hosts.push(host::checked(url, &allowed).map_err(named)?.to_string());
    }
    settings.baseline = None;
    settings.strict_baseline = false;
    settings.seed.get_or_insert_with(|| fastrand::u64(..1 << 53));
    let label =
        settings.label.take().unwrap_or_else(|| format!("ab-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")));
    let tell = |line: &str| {
        if !quiet {
            say(line);
        }
    };
    settings.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
    let each = std::time::Duration::from_secs_f64(settings.plan.duration_s());
    let whole = each * 2 * args.rounds;
    tell(&format!(
        "A {} and B {} in turns: {} rounds of two runs of {}, {} of load",
        hosts[0],
        hosts[1],
        args.rounds,
        format_duration(each),
        format_duration(whole)
    ));

    let mut rounds: Vec<Round> = Vec::new();
    let mut void = 0;
    while rounds.len() < args.rounds as usize && void <= args.rounds {
        let made = rounds.len() as u32 + void + 1;
        let mut sides = Vec::new();
        for (side, host) in ["a", "b"].iter().zip(&hosts) {
            settings.host = Some(host.clone());
            settings.label = Some(format!("{label}-{side}{made}"));
            tell(&format!("round {made}, {}", side.to_uppercase()));
            // What a load can prove is the same every time.
            let first = made == 1 && *side == "a";
            let Attempt { folder, failed } = attempt(
                &settings,
                &|line| {
                    if first {
                        tell(line);
                    }
                },
                !quiet,
                stop.clone(),
            )
            .await?;
            let one = conclude(&folder, &settings)?;
            if let Some(failure) = failed {
                return Ok(failure.code);
            }
            if one.0.end == Some(End::Interrupted) {
                say(&format!(
                    "interrupted in round {made}: its runs and those before it are kept, labelled {label}-a1, …"
                ));
                return Ok(ExitCode::Interrupted);
            }
            sides.push(one);
        }
        let Ok(round) = Round::try_from(sides) else { break };
        if round.iter().any(|(_, result)| result.verdict == Verdict::Void) {
            void += 1;
            tell(&format!("round {made} is void, and made again: {}", why_void(&round)));
            if void > args.rounds {
                // It will not get better: they are told as they are.
                rounds.push(round);
            }
        } else {
            rounds.push(round);
        }
    }
    let options = Options { gate_endpoints: args.gate_endpoints, ..Options::new(settings.tolerance) };
    let found = held_against(&rounds, void, options);
    show(&found, format)?;
    ci::tell_of_comparison(&found, format)?;
    Ok(exit_code(&found, settings.allow_unproven))
}

fn held_against(rounds: &[Round], void: u32, options: Options) -> Comparison {
    let side = |n: usize| rounds.iter().map(|round| (&round[n].0, &round[n].1)).collect::<Vec<_>>();
    let mut found = history::compare_rounds(&side(0), &side(1), options);
    if void > 0 {
        found.notes.push(format!(
            "{void} of {} rounds were void, as their generator was past its limits; they were made again and do not count",
            rounds.len() as u32 + void
        ));
    }
    found
}

fn why_void(round: &Round) -> String {
    let reasons = round.iter().filter(|(_, result)| result.verdict == Verdict::Void).map(|(_, r)| r.reasons.join("; "));
    reasons.collect::<Vec<_>>().join("; ")
}

fn show(found: &Comparison, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print(&report::comparison_json(found).map_err(Failure::cannot)?),
        Format::Text => {
            let (width, colour) = page_width();
            print(&report::comparison_text(found, width, colour))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_at_least_four_rounds() {
        assert_eq!(parse_rounds("4"), Ok(4));
        for bad in ["3", "0", "-1", "201", "x", "4.5"] {
            assert!(parse_rounds(bad).is_err(), "{bad:?} was taken");
        }
    }
}
