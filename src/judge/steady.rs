//! Which part of each hold is steady.

use super::window::within;
use crate::record::{Hold, IntervalKind, Run, Second};
use crate::stats::{Distribution, LEAST_MSER_BATCHES, Settling, settling};
use crate::units::format_duration;

/// Batches of the steady-state test last a second; in longer holds, so long that there are no more than this many.
const MOST_BATCHES: f64 = 300.0;

/// A start-up whose mean response time differs by less than this from the rest is left in, µs: it is as little as the timers of
/// generator and host tell apart, and leaving it out would cost samples for nothing.
const TOLD_APART_US: f64 = 1000.0;

/// The judged part of a hold: whole pieces of the journal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    /// Seconds from the start of the load.
    pub(super) from_s: f64,
    /// Seconds from the start of the load.
    pub(super) to_s: f64,
    /// Users, or arrivals a second.
    pub(super) level: f64,
    /// Nothing of the load comes after it.
    pub(super) ends_the_load: bool,
}

/// The steady parts of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Steady {
    pub(super) parts: Vec<Part>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
    /// The response time still changed in the second half of a hold.
    pub(super) never_settled: bool,
}

/// By the rule: from the later of the spawn's end (the start of the hold) and what MSER-5 says, to the end of the hold.
pub(super) fn steady(run: &Run) -> Steady {
    let mut steady = Steady::default();
    let plan_s = run.asked.plan.duration_s();
    for hold in run.asked.plan.holds() {
        let mut seconds = seconds_of(run, &hold);
        let left_out = leave_start_out(run, &seconds, &mut steady);
        seconds.drain(..left_out);
        let (Some(first), Some(last)) = (seconds.first(), seconds.last()) else {
            if hold.from_s < run.duration_s() {
                steady.notes.push(format!(
                    "the hold from {:.0} to {:.0} s is not judged: no whole piece of the journal lies in it (a second; after an hour, a minute)",
                    hold.from_s, hold.to_s
                ));
            }
            continue;
        };
        let ends_the_load = plan_s - last.to_s < 1.0 || run.partial() && last.to_s < hold.to_s - 1.0;
        steady.parts.push(Part { from_s: first.from_s, to_s: last.to_s, level: hold.level, ends_the_load });
    }
    steady
}

/// The steady part of one hold that may still go on: whole seconds from `least_s` after its beginning on, less what MSER-5
/// says is start-up.
pub(super) fn steady_hold(run: &Run, hold: &Hold, least_s: f64) -> Steady {
    let mut steady = Steady::default();
    let mut seconds = seconds_of(run, hold);
    seconds.retain(|second| second.from_s >= hold.from_s + least_s - 0.1);
    let left_out = leave_start_out(run, &seconds, &mut steady);
    seconds.drain(..left_out);
    if let (Some(first), Some(last)) = (seconds.first(), seconds.last()) {
        let part = Part { from_s: first.from_s, to_s: last.to_s, level: hold.level, ends_the_load: false };
        steady.parts.push(part);
    }
    steady
}

fn seconds_of<'a>(run: &'a Run, hold: &Hold) -> Vec<&'a Second> {
    let mut seconds: Vec<&Second> =
        run.seconds.iter().filter(|second| within((second.from_s, second.to_s), hold.from_s, hold.to_s)).collect();
    if run.partial() {
        // After a signal nothing is asked for while requests in flight end.
        while seconds.last().is_some_and(|second| second.wanted <= 0.0) {
            seconds.pop();
        }
    }
    seconds
}

/// How many of these seconds are start-up.
fn leave_start_out(run: &Run, seconds: &[&Second], steady: &mut Steady) -> usize {
    let (Some(first), Some(last)) = (seconds.first(), seconds.last()) else { return 0 };
    let length_s = last.to_s - first.from_s;
    let piece_s = (length_s / MOST_BATCHES).ceil().max(1.0);
    // Of each batch: its first second, and the sum and count of its response times.
    let mut batches: Vec<(usize, f64, f64)> = Vec::new();
    let means = means_by_second(run, seconds);
    let mut begun_s = f64::NEG_INFINITY;
    for (place, (second, (sum, count))) in seconds.iter().zip(means).enumerate() {
        if second.from_s - begun_s >= piece_s - 0.5 {
            begun_s = second.from_s;
            batches.push((place, 0.0, 0.0));
        }
        if let Some(batch) = batches.last_mut() {
            batch.1 += sum;
            batch.2 += count;
        }
    }
    batches.retain(|batch| batch.2 >= 5.0);
    let series: Vec<f64> = batches.iter().map(|(_, sum, count)| sum / count).collect();
    let hold = format!("{:.0}–{:.0} s", first.from_s, last.to_s);
    let settling = settling(&series);
    let start = match settling {
        Settling::Untested => 0,
        Settling::After(count) => count,
        Settling::Never => series.len() / 2,
    };
    match settling {
        Settling::Untested => {
            steady.notes.push(format!(
                "steady state not tested in {hold}: it has {} batches of response times, the test needs {LEAST_MSER_BATCHES}; judged from the end of the spawn on",
                series.len()
            ));
            0
        }
        _ if difference_us(&batches[..start], &batches[start..]) < TOLD_APART_US => 0,
        Settling::After(count) => {
            let place = batches[count].0;
            let cut = std::time::Duration::from_secs_f64((seconds[place].from_s - first.from_s).round());
            steady.notes.push(format!("the first {} of {hold} are start-up and not judged", format_duration(cut)));
            place
        }
        Settling::Never => {
            steady.never_settled = true;
            steady.notes.push(format!(
                "the response time never settled in {hold}: it still changes in the second half; run longer"
            ));
            0
        }
    }
}

/// How far the mean response times of two parts lie apart, µs; 0 where one is empty.
fn difference_us(one: &[(usize, f64, f64)], other: &[(usize, f64, f64)]) -> f64 {
    let mean = |part: &[(usize, f64, f64)]| {
        part.iter().map(|batch| batch.1).sum::<f64>() / part.iter().map(|batch| batch.2).sum::<f64>()
    };
    if one.is_empty() || other.is_empty() { 0.0 } else { (mean(one) - mean(other)).abs() }
}

/// (sum, count) of the response times that ended in each of these seconds, µs.
pub(super) fn means_by_second(run: &Run, seconds: &[&Second]) -> Vec<(f64, f64)> {
    let mut sums = vec![(0.0, 0.0); seconds.len()];
    for interval in run.intervals.iter().filter(|interval| interval.kind == IntervalKind::Response) {
        let middle = f64::midpoint(interval.from_s, interval.to_s);
        let place = seconds.partition_point(|second| second.to_s <= middle);
        if let Some(sum) = sums.get_mut(place).filter(|_| seconds[place].from_s <= middle) {
            let count = Distribution::count(&interval.values) as f64;
            sum.0 += interval.values.mean().unwrap_or(0.0) * count;
            sum.1 += count;
        }
    }
    sums
}
