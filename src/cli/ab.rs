//! `ab`: two hosts in turns, and what B is against A.

use clap::Args;
use tokio::sync::watch;

use super::compare::exit_code;
use super::exit::ExitCode;
use super::report::page_width;
use super::run::{Attempt, Format, RunArgs, attempt, conclude};
use super::settings::Settings;
use super::{Failure, ci, host, print, say};
use crate::history::{self, Options};
use crate::judge::{Comparison, RunResult, Verdict};
use crate::load::AllowedHosts;
use crate::record::{End, Run};
use crate::report;

/// Fewer rounds say little of how much rounds differ anyway.
const LEAST_ROUNDS: u32 = 4;
/// More than anybody waits for.
const MOST_ROUNDS: u32 = 200;

/// Put the same load on two hosts in turns (A B A B …) and tell whether B is worse.
#[derive(Debug, Args)]
#[command(
    after_help = "Each round is a run of A, then the same run of B with the same seed; the differences within the rounds decide, so \
    that what changes slowly around both does not. Every other flag is that of `run`, and describes a single run: choose a \
    short one. A round of which a run is void does not count, and another is made. Exit codes: 0 better, same or not worse; 98 unproven; 99 worse.",
    mut_args(|flag| {
        let hidden = ["host", "baseline", "strict_baseline", "check"].contains(&flag.get_id().as_str());
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
        (args.run.asks_for_a_check(), "--check", "look at both hosts with `agenthub-perf check` first"),
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
    settings.check.before_run = None;
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
        report::words::seconds(each.as_secs_f64()),
        report::words::seconds(whole.as_secs_f64())
    ));

    let allow_unproven = settings.allow_unproven;
    let options = Options { gate_endpoints: args.gate_endpoints, ..Options::new(settings.tolerance) };
    let mut turns = Turns { settings, label, quiet, stop };
    let (mut rounds, mut void): (Vec<Round>, Vec<Round>) = (Vec::new(), Vec::new());
    // A machine that voids as many as were asked for will not get better.
    while rounds.len() < args.rounds as usize && void.len() < args.rounds as usize {
        let number = rounds.len() + void.len() + 1;
        let a = match turns.one('a', number, &hosts[0]).await? {
            Ended::Judged(a) => a,
            Ended::Stopped(code) => return Ok(code),
        };
        let b = match turns.one('b', number, &hosts[1]).await? {
            Ended::Judged(b) => b,
            Ended::Stopped(code) => return Ok(code),
        };
        let round = [*a, *b];
        if let Some(why) = why_void(&round) {
            tell(&format!("round {number} is void and does not count: {why}"));
            void.push(round);
        } else {
            rounds.push(round);
        }
    }
    let out = void.len();
    if rounds.len() < LEAST_ROUNDS as usize {
        // Too few are left to decide by: what came out is void as a whole, and says so.
        rounds.append(&mut void);
    }
    let found = held_against(&rounds, out, options);
    show(&found, format)?;
    ci::tell_of_comparison(&found, format)?;
    Ok(exit_code(&found, allow_unproven))
}

/// What is the same in all runs.
struct Turns {
    settings: Settings,
    label: String,
    quiet: bool,
    stop: watch::Receiver<bool>,
}

/// How a run of a round ended.
enum Ended {
    Judged(Box<(Run, RunResult)>),
    /// It did not come to its end, and neither does the command.
    Stopped(ExitCode),
}

impl Turns {
    async fn one(&mut self, side: char, number: usize, host: &str) -> Result<Ended, Failure> {
        self.settings.host = Some(host.to_owned());
        self.settings.label = Some(format!("{}-{side}{number}", self.label));
        let loud = !self.quiet;
        if loud {
            say(&format!("round {number}, {}", side.to_ascii_uppercase()));
        }
        // What a load can prove is the same every time.
        let first = loud && number == 1 && side == 'a';
        let tell = |line: &str| {
            if first {
                say(line);
            }
        };
        let Attempt { folder, failed } = attempt(&self.settings, &tell, loud, self.stop.clone()).await?;
        let (run, result) = conclude(&folder, &self.settings)?;
        if let Some(failure) = failed {
            return Ok(Ended::Stopped(failure.code));
        }
        if run.end == Some(End::Interrupted) {
            say(&format!("interrupted in round {number}: what was run is kept, labelled {}-a1 and on", self.label));
            return Ok(Ended::Stopped(ExitCode::Interrupted));
        }
        Ok(Ended::Judged(Box::new((run, result))))
    }
}

fn held_against(rounds: &[Round], void: usize, options: Options) -> Comparison {
    let side = |n: usize| rounds.iter().map(|round| (&round[n].0, &round[n].1)).collect::<Vec<_>>();
    let mut found = history::compare_rounds(&side(0), &side(1), options);
    let count = rounds.iter().filter(|round| why_void(round).is_none()).count();
    if void > 0 {
        found.notes.push(format!(
            "{void} of {} rounds are void, as their generator was past its limits, and do not count",
            count + void
        ));
    }
    found
}

/// Why a round says nothing of the hosts; `None` where it does.
fn why_void(round: &Round) -> Option<String> {
    let void = round.iter().filter(|(_, result)| result.verdict == Verdict::Void);
    let reasons: Vec<String> = void.map(|(_, result)| result.reasons.join("; ")).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
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
