//! What the machine kept from the generator: CPU, its clocks, the time in which it did not run at all.
//!
//! **Effects void, causes are notes.** Waiting for a CPU shows as schedule lag wherever a send is planned: the same threads that
//! begin a planned send too late read a response too late. So lag decides, and the wait is named as its cause. Users who do
//! not think plan no send; for them the wait itself decides.
//!
//! **How much waiting matters.** In a wait of a busy thread all responses that arrive are held, so a thread must wait 5 % of
//! the time to hold the 5 % of them that make the p95: below [`MOST_WAITED`] of a second a second, over the two threads that a
//! load has at least, no p95 can have moved far. Above it, how far hangs on how long each wait is, which is the waiting by the
//! turns that the threads were given: [`TAIL`] times that, held against what is allowed of lag. Measured on 2 CPUs that 25
//! threads of other programs wanted: 0.8 to 1.7 s a second, 6 to 17 ms each time, while 16 users without think time saw a p50
//! of 27 to 62 ms.
//!
//! **Clocks.** All times of a run are differences of the monotonic clock, which nobody sets; a step of the wall clock only
//! makes the stamps of the journal disagree with those of other programs. A process that did not run is another matter:
//! requests in flight looked slow and planned ones were not sent.

use super::GeneratorResult;
use super::words::how_long;
use crate::record::{LoadModel, Run, Second};
use crate::units::{format_count, format_ms, format_ratio};

const MOST_CPU: f64 = 0.9;
/// Ready threads without a CPU, seconds a second.
const MOST_WAITED: f64 = 0.1;
/// Of waits that come at random one in twenty is three times their mean or longer, −ln 0.05: those make the p95.
const TAIL: f64 = 3.0;
/// How long it takes in a row before CPU or waiting is more than a moment.
const FOR_S: f64 = 5.0;

/// The longest stretch of seconds in which `amount` a second stayed above `most`: its length, and the amount a second in it.
/// `None` where none was [`FOR_S`] long.
fn stretch(pieces: impl Iterator<Item = Piece>, most: f64) -> Option<(f64, f64)> {
    let (mut run_s, mut sum, mut end_s) = (0.0, 0.0, f64::NEG_INFINITY);
    let mut longest = (0.0, 0.0);
    for Piece { from_s, to_s, amount } in pieces {
        let length_s = to_s - from_s;
        if amount > most * length_s {
            if from_s - end_s > 0.5 {
                (run_s, sum) = (0.0, 0.0);
            }
            run_s += length_s;
            sum += amount;
            end_s = to_s;
            if run_s > longest.0 {
                longest = (run_s, sum / run_s);
            }
        }
    }
    // Seconds of the journal are not exact to the microsecond.
    (longest.0 >= FOR_S - 0.05).then_some(longest)
}

/// An amount of seconds within a span of time.
struct Piece {
    from_s: f64,
    to_s: f64,
    amount: f64,
}

/// Each second's amount; of a minute those of its seconds, where the journal tells them.
fn by_second(
    seconds: &[&Second],
    whole: impl Fn(&Second) -> f64,
    each_ms: impl Fn(&Second) -> &[u32],
) -> impl Iterator<Item = Piece> {
    let pieces = move |second: &&Second| {
        let (from_s, each) = (second.from_s, each_ms(second));
        if each.is_empty() {
            return vec![Piece { from_s, to_s: second.to_s, amount: whole(second) }];
        }
        let at = |n: usize| from_s + (second.to_s - from_s) * n as f64 / each.len() as f64;
        let piece = |(n, &ms): (usize, &u32)| Piece { from_s: at(n), to_s: at(n + 1), amount: f64::from(ms) / 1000.0 };
        each.iter().enumerate().map(piece).collect()
    };
    seconds.iter().flat_map(pieces)
}

/// CPUs' worth of time that the generator may use.
pub(super) fn cpus(run: &Run) -> f64 {
    let environment = &run.asked.environment;
    environment.cpu_quota.unwrap_or_else(|| f64::from(environment.cpus.max(1)))
}

/// Whether the generator had CPU to spare.
pub(super) fn check_cpu(run: &Run, seconds: &[&Second], result: &mut GeneratorResult, notes: &mut Vec<String>) {
    let cpus = cpus(run);
    let used = by_second(seconds, |second| second.generator.cpu_s, |second| &second.each_cpu_ms);
    let Some((for_s, used)) = stretch(used, MOST_CPU * cpus) else { return };
    let reason = format!(
        "the generator used {} of its {cpus} CPUs for {} in a row, at most 90 % allowed; use a larger machine, or ask for less load",
        format_ratio(used / cpus),
        how_long(for_s)
    );
    if thinks(run) {
        result.reasons.push(reason);
    } else {
        notes.push(format!("{reason} (only a warning for users who do not think)"));
    }
}

fn thinks(run: &Run) -> bool {
    run.asked.plan.model == LoadModel::Open || run.asked.mean_wait_s != Some(0.0)
}

/// Ready threads without a CPU, per cent of these seconds; `None` where the system does not tell.
pub(super) fn run_delay_percent(seconds: &[&Second]) -> Option<f64> {
    let told = || seconds.iter().filter_map(|second| second.generator.run_delay_s.map(|waited_s| (second, waited_s)));
    let length_s: f64 = told().map(|(second, _)| second.to_s - second.from_s).sum();
    (length_s > 0.0).then(|| told().map(|(_, waited_s)| waited_s).sum::<f64>() / length_s * 100.0)
}

/// Whether it waited for a CPU. `planned`: lag was measured; `most_ms`: what is allowed of it.
pub(super) fn check_run_delay(
    seconds: &[&Second],
    planned: bool,
    most_ms: f64,
    result: &mut GeneratorResult,
    notes: &mut Vec<String>,
) {
    let waited = |second: &Second| second.generator.run_delay_s.unwrap_or(0.0);
    let waits = by_second(seconds, waited, |second| &second.each_run_delay_ms);
    let Some((for_s, a_second)) = stretch(waits, MOST_WAITED) else { return };
    let turns: u64 = seconds.iter().map(|second| second.generator.run_turns).sum();
    let waited_s: f64 = seconds.iter().map(|second| waited(second)).sum();
    let a_turn_ms = waited_s / turns.max(1) as f64 * 1000.0;
    let told = format!(
        "other programs on this machine, or a limit on its CPU time, kept the generator waiting: for {} in a row its threads were ready to run and had no CPU for {} of each second, {} each time",
        how_long(for_s),
        format_ms(a_second * 1000.0),
        format_ms(a_turn_ms)
    );
    let fix = "stop them, or use a machine of its own";
    if result.reasons.is_empty() && !planned && TAIL * a_turn_ms > most_ms {
        result.reasons.push(format!(
            "{told}: response times hold waits of {} and more, and {} are allowed; {fix}",
            format_ms(TAIL * a_turn_ms),
            format_ms(most_ms)
        ));
    } else {
        notes.push(format!("{told}; {fix}"));
    }
}

/// How often the wall clock was set.
pub(super) fn clock_jumps(run: &Run) -> u64 {
    run.seconds.iter().filter(|second| second.generator.clock_jump_s != 0.0).count() as u64
}

/// What the clocks did, and whether it ran throughout; `seconds` are those that are judged.
pub(super) fn check_clocks(run: &Run, seconds: &[&Second], result: &mut GeneratorResult, notes: &mut Vec<String>) {
    let set = || run.seconds.iter().filter(|second| second.generator.clock_jump_s != 0.0);
    let largest = set().max_by(|a, b| a.generator.clock_jump_s.abs().total_cmp(&b.generator.clock_jump_s.abs()));
    if let Some(second) = largest {
        let jump_s = second.generator.clock_jump_s;
        let (times, most) = match set().count() {
            1 => (String::new(), ""),
            count => (format!(" {} times", format_count(count as u64)), "by up to "),
        };
        notes.push(format!(
            "the wall clock was set{times}: {most}{} {} at {:.0} s; response times are measured by another clock and are not touched, but the journal's times of day differ from those of other programs",
            format_ms(jump_s.abs() * 1000.0),
            if jump_s > 0.0 { "forward" } else { "back" },
            second.from_s
        ));
    }
    let stopped = |second: &&&Second| second.generator.stopped_s > 0.0;
    if let Some(first) = seconds.iter().find(stopped) {
        let stopped_s: f64 = seconds.iter().map(|second| second.generator.stopped_s).sum();
        result.reasons.push(format!(
            "the generator did not run for {}, first at {:.0} s: it was stopped, its machine was suspended or paused, or other programs took every CPU; run it again undisturbed",
            format_ms(stopped_s * 1000.0),
            first.from_s
        ));
    }
    let missing: Vec<&&Second> = seconds.iter().filter(|second| second.generator.missing).collect();
    if let Some(first) = missing.first() {
        let missing_s: f64 = missing.iter().map(|second| second.to_s - second.from_s).sum();
        result.reasons.push(format!(
            "{} of the journal are missing, first at {:.0} s: what happened then is not known; run it again",
            how_long(missing_s),
            first.from_s
        ));
    }
}

/// For a reason that the lag gives: whether waiting for a CPU explains it.
pub(super) fn cause_of_lag(result: &GeneratorResult) -> String {
    match result.run_delay_percent {
        Some(percent) if percent > MOST_WAITED * 100.0 => format!(
            " (its threads were ready to run and had no CPU for {} of each second: other programs, its own load, or a limit on its CPU time took it)",
            format_ms(percent * 10.0)
        ),
        _ => String::new(),
    }
}

/// Of seconds that are judged or not.
pub(super) fn stopped_s(run: &Run) -> f64 {
    run.seconds.iter().map(|second| second.generator.stopped_s).sum()
}

/// Share of time in a CPU, per cent of what it may use.
pub(super) fn cpu_percent(run: &Run) -> f64 {
    let used_s: f64 = run.seconds.iter().map(|second| second.generator.cpu_s).sum();
    if run.duration_s() > 0.0 { used_s / (run.duration_s() * cpus(run)) * 100.0 } else { 0.0 }
}
