//! The open model: were the arrivals made that were asked for, and what became of those that had to wait?
//!
//! An arrival that finds no free session waits for one, and its time runs from the planned instant: nothing is left out.
//! What lacks at the end is a load smaller than the one asked for, which nobody can pass a target with. A host that misses
//! a target under it, by the time that it took from the actual send on, would have missed it under the whole load too.
//!
//! **Unsent arrivals** count for latency like requests that were cut off. How long each had waited is not recorded; but as many
//! of the latest arrivals as there are unsent ones cannot have waited longer in sum or in any rank, whatever the order in which
//! sessions took them. So each counts as waiting since the end of the second in which one of those was due: a lower bound
//! for the lower end, and no bound at all for the upper one.

use super::window::Window;
use super::{ArrivalsResult, GeneratorResult, Target, TargetName};
use crate::record::{Arrivals, LoadModel, Run, Second};
use crate::stats::{Distribution, percentile};
use crate::units::{format_count, format_ms, format_ratio};

const LEAST_ACHIEVED: f64 = 0.99;
/// So few that lack are those that were due just before the window's end.
const LEAST_SHORT: u64 = 3;
/// Standard deviations that a Poisson count stays below its mean in all but one of 30,000 runs.
const CHANCE: f64 = 4.0;

/// The whole run's arrivals; `None` where the journal tells of none.
pub(super) fn arrivals(run: &Run) -> Option<ArrivalsResult> {
    let told = run.seconds.iter().filter_map(|second| second.arrivals);
    told.fold(None, |sum: Option<ArrivalsResult>, second| {
        let sum = sum.unwrap_or_default();
        Some(ArrivalsResult {
            planned: sum.planned + second.planned,
            started: sum.started + second.started,
            late: sum.late + second.late,
            unsent: sum.unsent + second.unsent,
        })
    })
}

/// (planned, started) of these seconds; `None` where the journal tells of no arrivals.
pub(super) fn planned_and_started(seconds: &[&Second]) -> Option<(u64, u64)> {
    let told = || seconds.iter().filter_map(|second| second.arrivals);
    let sum = (told().map(|second| second.planned).sum(), told().map(|second| second.started).sum());
    told().next().map(|_| sum)
}

/// Why the load is smaller than the one asked for, if it is. `length_s`: of the window.
pub(super) fn shortfall(run: &Run, seconds: &[&Second], length_s: f64, result: &GeneratorResult) -> Option<String> {
    if run.asked.plan.model != LoadModel::Open {
        return None;
    }
    let (offered, made) = match planned_and_started(seconds) {
        Some((planned, started)) => {
            let short = planned.saturating_sub(started);
            (planned as f64, if short < LEAST_SHORT { planned as f64 } else { started as f64 })
        }
        None => by_requests(run, length_s, result)?,
    };
    (offered > 0.0 && made < LEAST_ACHIEVED * offered).then(|| {
        format!(
            "{} of the arrivals asked for were made, at least 99 % needed; raise --max-users, ask for a lower --rate, or use a larger machine",
            format_ratio(made / offered)
        )
    })
}

/// Why the arrivals that were planned are fewer than the rate asked for, if they are: what is planned is the driver's own word.
///
/// Of each piece of the window but the first, whose beginning nobody tells. What the rate was within a piece that it changed
/// in is not known either: at least the lower of those at its ends.
pub(super) fn too_few_planned(run: &Run, seconds: &[&Second]) -> Option<String> {
    if run.asked.plan.model != LoadModel::Open || by_turns(run, seconds) {
        return None;
    }
    let (mut planned, _) = planned_and_started(seconds.get(1..)?)?;
    let expected: f64 =
        seconds.windows(2).map(|pair| pair[0].wanted.min(pair[1].wanted) * (pair[1].to_s - pair[1].from_s)).sum();
    // Those of the last moment may have been met, and so counted, after the end.
    let over_s = run.asked.plan.duration_s() - 0.05;
    let after = run.seconds.iter().filter(|second| second.from_s >= over_s).filter_map(|second| second.arrivals);
    planned += after.map(|arrivals| arrivals.planned).sum::<u64>();
    let chance = match run.asked.arrivals {
        Some(Arrivals::Constant) => LEAST_SHORT as f64,
        Some(Arrivals::Poisson) | None => CHANCE * expected.sqrt(),
    };
    let planned = planned as f64;
    (planned < LEAST_ACHIEVED * expected && expected - planned > chance).then(|| {
        format!(
            "the generator planned {} arrivals where the rate asked for makes {}, which chance does not explain: it did not keep its schedule, and the load was smaller than it says; run it again",
            format_count(planned as u64),
            format_count(expected.round() as u64)
        )
    })
}

/// Whether tasks followed each other in place of arriving at a rate: then no number of them was asked for.
fn by_turns(run: &Run, seconds: &[&Second]) -> bool {
    let law = |at_s: f64| run.levels.iter().any(|held| held.law && held.from_s <= at_s && at_s < held.to_s);
    seconds.first().is_some_and(|first| law(f64::midpoint(first.from_s, first.to_s)))
}

/// A journal that tells of no arrivals: by its requests. Arrivals are random, so only a shortfall counts that chance cannot
/// explain (three standard deviations of a Poisson count).
fn by_requests(run: &Run, length_s: f64, result: &GeneratorResult) -> Option<(f64, f64)> {
    let expected = result.offered? * length_s;
    let done = result.achieved * length_s / run.asked.mean_requests_per_task;
    Some((expected, if expected - done > 3.0 * expected.sqrt() { done } else { expected }))
}

/// What a reader should know of arrivals that waited, and of those that waited in vain.
pub(super) fn notes(run: &Run, arrivals: &ArrivalsResult) -> Vec<String> {
    let sessions = run
        .asked
        .max_users
        .map_or_else(|| "all sessions".to_owned(), |most| format!("all {} sessions", format_count(most.into())));
    let share = |count: u64| format_ratio(count as f64 / arrivals.planned.max(1) as f64);
    let mut notes = Vec::new();
    if arrivals.late > 0 {
        notes.push(format!(
            "{} of {} arrivals ({}) waited for a session: {sessions} were taken, or one more was still to start or to connect; the wait is part of their response times; raise --max-users where more users than that would come at once",
            format_count(arrivals.late),
            format_count(arrivals.planned),
            share(arrivals.late)
        ));
    }
    if arrivals.unsent > 0 {
        notes.push(format!(
            "{} of {} arrivals ({}) were never begun: to the end {sessions} were taken, or one more was still to start or to connect; latency counts each as longer than it had waited; raise --max-users, or ask for a lower --rate",
            format_count(arrivals.unsent),
            format_count(arrivals.planned),
            share(arrivals.unsent)
        ));
    }
    notes
}

/// The least that unsent arrivals had waited when the load ended: when each was due, seconds, and its wait, µs.
pub(super) fn unsent_waits(run: &Run) -> Vec<(f64, u64, u64)> {
    let mut left: u64 = run.seconds.iter().filter_map(|second| second.arrivals).map(|arrivals| arrivals.unsent).sum();
    let planned = |second: &Second| second.arrivals.map_or(0, |arrivals| arrivals.planned);
    let Some(last) = run.seconds.iter().rposition(|second| planned(second) > 0) else { return Vec::new() };
    // They were given up when the load ended, if not later; where it was broken off, no sooner than the last one was due.
    let last_s = &run.seconds[last];
    let ended_s = if run.partial() { last_s.from_s } else { last_s.to_s.min(run.asked.plan.duration_s()) };
    let mut waits = Vec::new();
    for second in run.seconds[..=last].iter().rev() {
        let of_it = planned(second).min(left);
        if of_it > 0 {
            waits.push((second.from_s, ((ended_s - second.to_s).max(0.0) * 1e6) as u64, of_it));
            left -= of_it;
        }
        if left == 0 {
            break;
        }
    }
    waits
}

/// The target that the host is shown to miss by service times alone, in words; `None` where it is not shown.
///
/// Requests that were cut off count as having taken no time, so the lower end is surely one.
pub(super) fn host_at_fault(
    window: &Window<'_>,
    targets: &[Target],
    ids_of: impl Fn(&Target) -> Option<Vec<u32>>,
) -> Option<String> {
    targets.iter().find_map(|target| {
        let TargetName::ResponseTime(thousandths) = target.name else { return None };
        let endpoints = match &target.of {
            Some(_) => Some(ids_of(target)?),
            None => None,
        };
        let figures = window.service_figures(endpoints.as_deref());
        let at_once: Vec<Distribution> =
            figures.cut_off.iter().map(|cut| Distribution::from_pairs([(0, cut.count())])).collect();
        let found = percentile(f64::from(thousandths) / 1000.0, &figures.spans, &figures.values, &at_once)?;
        // Without batches nobody knows how far requests depend on each other.
        found.design_effect?;
        let low_ms = found.low? / 1000.0;
        (low_ms >= target.limit).then(|| {
            format!(
                "{}: from the actual send on it is at least {}, and not < {}",
                target.full_name(),
                format_ms(low_ms),
                format_ms(target.limit)
            )
        })
    })
}
