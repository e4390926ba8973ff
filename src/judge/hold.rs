//! One held level of a search for the edge, judged by the targets that can worsen with load, at the confidence of one look.
//!
//! **Requests without an answer.** A hold is looked at while it goes on, so requests are in flight at its end, as others were
//! at its beginning: as long as there are as many, leaving out the ones and counting the others is no error. Where there are
//! more than chance makes, the host falls behind, and those too many count as having waited for at least as long as they
//! surely had. How long that is follows from the counts alone: of `n` that were outstanding at an instant and `m` that ended
//! since, `n − m` are outstanding still.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::generator::generator;
use super::steady::{Part, Steady, steady_hold};
use super::targets::judge_target;
use super::verdict::{targets_of, with_shortfall};
use super::window::Window;
use super::words::figure;
use super::{TargetName, TargetResult, Targets, Verdict};
use crate::record::{HeldLevel, Hold, Run, Second};
use crate::stats::Distribution;

/// So much of the beginning of every hold is left out, seconds, whatever MSER-5 says.
const LEAST_START_S: f64 = 3.0;
/// Standard deviations that the number of outstanding requests may grow by chance.
const CHANCE: f64 = 3.0;

/// A level of a search, as `result.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelResult {
    /// Users, or arrivals a second.
    pub level: f64,
    /// Of its hold, seconds since the start of the load.
    pub from_s: f64,
    /// Of its last look.
    pub to_s: f64,
    /// Seconds of it that are judged.
    pub judged_s: f64,
    /// How often it was looked at.
    pub looks: u32,
    /// It was held again, as it had passed before.
    pub confirms: bool,
    /// The host did not come to rest after it.
    pub unrecovered: bool,
    /// It was given up before its next look; its figures are of the whole hold then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// The host stopped answering in it and did not come back: what became of the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// Successful responses a second.
    pub requests_per_s: f64,
    /// Mean of successful responses, ms.
    #[serde(default)]
    pub mean_ms: Option<f64>,
    /// Of successful responses, ms.
    pub p50_ms: Option<f64>,
    /// Of successful responses, ms.
    pub p95_ms: Option<f64>,
    /// Of successful responses, ms.
    pub p99_ms: Option<f64>,
    /// A fraction; `None` without a request.
    pub error_rate: Option<f64>,
    /// Of the level.
    pub verdict: Verdict,
    /// Why; empty for a pass.
    pub reason: String,
    /// The targets that can worsen with load, at the confidence of one look.
    pub targets: Vec<TargetResult>,
}

/// A level, and what an undecided one looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The level.
    pub level: LevelResult,
    /// Every figure lies on the good side of its limit, proven or not.
    pub looks_good: bool,
    /// How much longer it would have to be held to be told, seconds, were everything to stay as it is; where that can be said.
    pub needs_s: Option<f64>,
}

impl LevelResult {
    /// Every figure that counts lies on the good side of its limit, proven or not.
    pub fn looks_good(&self) -> bool {
        let is_good = |target: &TargetResult| {
            target.value.is_some_and(|value| if target.op == ">" { value > target.limit } else { value < target.limit })
        };
        let mut counted = self.targets.iter().filter(|target| target.verdict != Verdict::NotMeasured).peekable();
        self.verdict != Verdict::Fail && counted.peek().is_some() && counted.all(is_good)
    }

    /// How much longer it would have to be held to be told, seconds, were everything to stay as it is; where that can be said.
    pub fn needs_s(&self) -> Option<f64> {
        self.targets.iter().filter_map(|target| target.longer_s).reduce(f64::max)
    }

    /// The targets that it misses, the farthest from its limit first.
    pub fn missed(&self) -> Vec<&TargetResult> {
        let mut missed: Vec<&TargetResult> =
            self.targets.iter().filter(|target| target.verdict == Verdict::Fail).collect();
        let by = |target: &TargetResult| target.value.unwrap_or(0.0) / target.limit;
        missed.sort_by(|a, b| by(b).total_cmp(&by(a)));
        missed
    }
}

/// Judges a held level by the targets that a run was asked to meet but for throughput, which is what a search is for. Its
/// intervals are two-sided, of this confidence.
pub fn judge_hold(run: &Run, held: &HeldLevel, confidence: f64) -> Judged {
    let Steady { parts, never_settled, .. } = steady_of(run, held);
    let mut window = Window::at(confidence, run, &parts);
    window.unanswered = unanswered(run, &window);
    let (Targets(mut targets), _) = targets_of(run);
    targets.retain(|target| target.name != TargetName::Throughput);
    let results: Vec<TargetResult> =
        targets.iter().map(|target| judge_target(run, &window, target, never_settled)).collect();

    let mut notes = Vec::new();
    let checked = generator(run, &window, &mut notes);
    let generator = with_shortfall(checked, run, &window, &Targets(targets), &mut notes);
    // What it was given up for may lie in seconds that are not judged.
    let to_the_end = held.given_up.as_ref().map(|_| {
        let all = Part { from_s: held.from_s, to_s: held.to_s, level: held.level, ends_the_load: false };
        Window::at(confidence, run, &[all])
    });
    let figures = to_the_end.as_ref().unwrap_or(&window).whole();
    let (failures, requests) = figures.counts();
    let (seconds, judged_s) = (figures.seconds(), window.whole().seconds());
    let times = Distribution::merged(&figures.values);
    let ms = |q| times.quantile(q).map(|us| us as f64 / 1000.0);
    let gone = gone(run, held);
    let (verdict, reason) = if let Some(why) = &held.given_up {
        let more = gone.as_ref().map(|how| format!("; the host stopped answering ({how}) and did not come back"));
        (Verdict::Fail, format!("{why}{}", more.unwrap_or_default()))
    } else if generator.void {
        (Verdict::Void, generator.reasons.join("; "))
    } else {
        verdict(&results)
    };
    let level = LevelResult {
        level: held.level,
        from_s: held.from_s,
        to_s: held.to_s,
        judged_s,
        looks: held.looks,
        confirms: held.confirms,
        unrecovered: held.unrecovered,
        given_up: held.given_up.is_some(),
        gone,
        requests_per_s: if seconds > 0.0 { figures.successes.iter().sum::<u64>() as f64 / seconds } else { 0.0 },
        mean_ms: times.mean().map(|us| us / 1000.0),
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        error_rate: (requests > 0).then(|| failures as f64 / requests as f64),
        verdict,
        reason,
        targets: results,
    };
    Judged { looks_good: level.looks_good(), needs_s: level.needs_s(), level }
}

/// Where a level was given up, and from then on up to the next one, or the end, no request had any answer: what became of most.
fn gone(run: &Run, held: &HeldLevel) -> Option<String> {
    if held.given_up.is_none() || !held.unrecovered {
        return None;
    }
    let next_s = run.levels.iter().map(|level| level.from_s).filter(|from_s| *from_s > held.from_s);
    let next_s = next_s.reduce(f64::min).unwrap_or(f64::INFINITY);
    let after = run.seconds.iter().filter(|second| second.from_s >= held.to_s - 0.05 && second.to_s <= next_s);
    let mut errors: BTreeMap<&str, u64> = BTreeMap::new();
    let mut asked = false;
    for second in after {
        asked |= second.in_flight > 0;
        for endpoint in second.endpoints.values() {
            if !endpoint.statuses.is_empty()
                || endpoint.requests > endpoint.failures.values().sum::<u64>() + endpoint.cut_off
            {
                return None;
            }
            asked |= endpoint.requests > 0;
            for (error, count) in &endpoint.errors {
                *errors.entry(error).or_default() += count;
            }
        }
    }
    let most = errors.into_iter().max_by_key(|(_, count)| *count);
    asked.then(|| most.map_or("no answer", |(error, _)| error.rsplit(": ").next().unwrap_or(error)).to_owned())
}

/// What of a held level is judged.
pub(super) fn steady_of(run: &Run, held: &HeldLevel) -> Steady {
    let HeldLevel { from_s, to_s, level, .. } = *held;
    steady_hold(run, &Hold { from_s, to_s, level }, LEAST_START_S)
}

fn verdict(targets: &[TargetResult]) -> (Verdict, String) {
    let of = |verdict| targets.iter().filter(move |target| target.verdict == verdict);
    let told = |targets: &mut dyn Iterator<Item = &TargetResult>| {
        targets.map(|target| format!("{}: {}", target.name, target.reason)).collect::<Vec<_>>().join("; ")
    };
    if of(Verdict::Fail).next().is_some() {
        return (Verdict::Fail, told(&mut of(Verdict::Fail)));
    }
    if of(Verdict::Unproven).next().is_some() {
        let open = of(Verdict::Unproven).map(undecided).collect::<Vec<_>>().join("; ");
        return (Verdict::Unproven, open);
    }
    match of(Verdict::Pass).next() {
        Some(_) => (Verdict::Pass, String::new()),
        None => (Verdict::Unproven, "no target that can worsen with load could be measured".to_owned()),
    }
}

/// `p95_response_time: 420 ms (310 ms – 640 ms) may or may not be < 500 ms`.
fn undecided(target: &TargetResult) -> String {
    let show = |value: f64| figure(value, &target.unit);
    let Some(value) = target.value else { return format!("{}: {}", target.name, target.reason) };
    let end = |end: Option<f64>, open: &str| end.map_or_else(|| open.to_owned(), show);
    format!(
        "{}: {} ({} – {}) may or may not be {} {}",
        target.name,
        show(value),
        end(target.low, "0"),
        end(target.high, "not bounded"),
        target.op,
        show(target.limit)
    )
}

/// Requests outstanding at the end of a window beyond those at its beginning: when each was begun at the latest, what it had
/// waited at least, µs, and how many, the newest.
fn unanswered(run: &Run, window: &Window<'_>) -> Vec<(f64, u64, u64)> {
    let Some((first, last)) = window.seconds.first().zip(window.seconds.last()) else { return Vec::new() };
    let outstanding =
        |second: &Second| u64::from(second.in_flight) + second.arrivals.map_or(0, |arrivals| arrivals.queued);
    let ended = |second: &Second| second.endpoints.values().map(|endpoint| endpoint.requests).sum::<u64>();
    let before = run.seconds.partition_point(|second| second.to_s <= first.0.from_s + 0.001);
    let at_start = before.checked_sub(1).map_or(0, |before| outstanding(&run.seconds[before]));
    let (at_end, end_s) = (outstanding(last.0), last.0.to_s);
    let mut excess = at_end.saturating_sub(at_start);
    if excess as f64 <= CHANCE * ((at_start + at_end) as f64).sqrt() {
        return Vec::new();
    }
    // From the end back: how many of those outstanding then had begun by the end of each second.
    let (mut waits, mut ended_since, mut of_later) = (Vec::new(), 0, at_end);
    let mut later = (end_s, 0_u64);
    for (second, _) in window.seconds.iter().rev() {
        let begun_by = outstanding(second).saturating_sub(ended_since).min(of_later);
        let newer = (of_later - begun_by).min(excess);
        waits.push((later.0, later.1, newer));
        excess -= newer;
        of_later = begun_by;
        later = (second.from_s, ((end_s - second.to_s) * 1e6) as u64);
        ended_since += ended(second);
    }
    waits.push((later.0, later.1, excess.min(of_later)));
    waits.retain(|wait| wait.2 > 0);
    waits
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "tests/hold.rs"]
mod tests;
