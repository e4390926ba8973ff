//! Each target against what the window holds.

use super::ceiling::{level_needed, load_in_words, most_per_min, would_do};
use super::system::judge_watched;
use super::window::{Figures, Window};
use super::words::{NONE_STEADY, figure, how_long, run_longer};
use super::{Target, TargetName, TargetResult, Verdict};
use crate::document::suggestion;
use crate::record::Run;
use crate::stats::{
    LEAST_BATCHES, percentile_at, rate, requests_to_decide, requests_to_prove_below, share_at, spreads,
};
use crate::units::{format_count, format_ratio};

/// With more failures than this a latency target cannot pass: a refusal is fast.
const MOST_FAILURES: f64 = 0.01;

/// Judges one target over a window.
pub(super) fn judge_target(run: &Run, window: &Window<'_>, target: &Target, never_settled: bool) -> TargetResult {
    let mut result = TargetResult {
        name: target.full_name(),
        op: target.op().to_owned(),
        limit: target.limit,
        unit: target.name.unit().to_owned(),
        value: None,
        low: None,
        high: None,
        design_effect: None,
        verdict: Verdict::Unproven,
        reason: String::new(),
        counts: None,
        longer_s: None,
        level: None,
        subject: None,
    };
    if !target.name.is_of_endpoints() {
        judge_watched(run, window, target, &mut result);
        return result;
    }
    if window.seconds.is_empty() {
        NONE_STEADY.clone_into(&mut result.reason);
        return result;
    }
    let endpoints = match &target.of {
        None => None,
        Some(name) => match endpoints_named(run, name) {
            Ok(ids) => Some(ids),
            Err(reason) => {
                result.reason = reason;
                return result;
            }
        },
    };
    let of_some = endpoints.as_deref().map(|ids| window.figures(ids));
    let figures = of_some.as_ref().unwrap_or_else(|| window.whole());
    if let Some(ids) = &endpoints
        && figures.counts().1 == 0
        && figures.cut_off_count() == 0
        && run.seconds.iter().any(|second| ids.iter().any(|id| second.endpoints.contains_key(id)))
    {
        "all its requests came outside the steady window, as those of a log-in do: a target for it cannot be judged"
            .clone_into(&mut result.reason);
        return result;
    }
    match target.name {
        TargetName::ResponseTime(thousandths) => {
            response_time(f64::from(thousandths) / 1000.0, figures, never_settled, &mut result);
        }
        TargetName::ErrorRate => error_rate(figures, &mut result),
        TargetName::Edge => {}
        _ => throughput(run, window, figures, &mut result),
    }
    result
}

/// The ids of the endpoints of a name, or why there are none.
pub(super) fn endpoints_named(run: &Run, name: &str) -> Result<Vec<u32>, String> {
    let ids: Vec<u32> = (0..).zip(&run.endpoints).filter(|(_, e)| e.name == name).map(|(id, _)| id).collect();
    if !ids.is_empty() {
        return Ok(ids);
    }
    Err(format!("no endpoint is named {name:?}; {}", suggestion(name, run.endpoints.iter().map(|e| e.name.as_str()))))
}

/// The interval decides; what lies on the limit is on its bad side.
pub(super) fn by_interval(result: &TargetResult) -> Verdict {
    let (good, bad) = if result.op == ">" {
        (result.low.is_some_and(|low| low > result.limit), result.high.is_some_and(|high| high <= result.limit))
    } else {
        (result.high.is_some_and(|high| high < result.limit), result.low.is_some_and(|low| low >= result.limit))
    };
    match (good, bad) {
        (true, _) => Verdict::Pass,
        (_, true) => Verdict::Fail,
        _ => Verdict::Unproven,
    }
}

fn response_time(q: f64, figures: &Figures, never_settled: bool, result: &mut TargetResult) {
    let (failures, requests) = figures.counts();
    let Some(found) = percentile_at(figures.confidence, q, &figures.spans, &figures.values, &figures.cut_off) else {
        result.reason = match requests {
            0 => "no request ended in the steady window".to_owned(),
            _ => format!("no request succeeded: all {} failed", format_count(requests)),
        };
        return;
    };
    result.value = Some(found.value / 1000.0);
    result.low = found.low.map(|us| us / 1000.0);
    result.high = found.high.map(|us| us / 1000.0);
    result.design_effect = found.design_effect;
    result.verdict = by_interval(result);
    if result.verdict == Verdict::Fail {
        result.reason = missed(result);
        return;
    }
    let seen = figures.values.iter().map(crate::stats::Distribution::count).sum::<u64>();
    let unproven = if requests > 0 && failures as f64 / requests as f64 > MOST_FAILURES {
        Some(format!(
            "{} of its requests failed, and a failure can be fast: below 1 % of failures it can pass",
            format_ratio(failures as f64 / requests as f64)
        ))
    } else if found.design_effect.is_none() {
        let more_s = LEAST_BATCHES as f64 - figures.spans.len() as f64;
        result.longer_s = (more_s > 0.0).then_some(more_s);
        Some(if more_s > 0.0 {
            format!(
                "too short to tell how far requests depend on each other: needs {LEAST_BATCHES} s of steady load, has {}: run {} longer",
                how_long(figures.seconds()),
                how_long(more_s)
            )
        } else {
            "too few of its seconds have a request to tell how far they depend on each other: run longer".to_owned()
        })
    } else if result.verdict == Verdict::Pass {
        None
    } else if found.high.is_none() && figures.unsent > 0 {
        Some(format!(
            "{} arrivals were never begun: nobody knows how long they would have taken; raise --max-users, or ask for a lower --rate",
            format_count(figures.unsent)
        ))
    } else if found.high.is_none() && figures.cut_off_count() > 0 {
        Some(format!(
            "{} requests were cut off at the end: nobody knows how long they would have taken; allow them more time with --stop-timeout",
            format_count(figures.cut_off_count())
        ))
    } else if found.high.is_none() {
        // Were all below it, the share 1 − q of so many independent requests would be missed with α/2.
        let needed = (0.025_f64.ln() / q.ln()).ceil() * found.design_effect.unwrap_or(1.0);
        let more_s = (needed / seen.max(1) as f64 - 1.0).max(0.1) * figures.seconds();
        Some(format!(
            "the upper end is beyond what was seen: needs about {} requests, has {}: {}",
            format_count(needed.ceil().max(seen as f64 + 1.0) as u64),
            format_count(seen),
            longer(more_s, result).unwrap_or_else(|| "use more users".to_owned())
        ))
    } else if found.dependent || never_settled {
        Some(
            "it drifts within the steady window, too far to tell on which side of the limit it stays: run longer"
                .to_owned(),
        )
    } else {
        Some(undecided(result, figures.seconds()))
    };
    if let Some(reason) = unproven {
        result.verdict = Verdict::Unproven;
        result.reason = reason;
    }
}

fn error_rate(figures: &Figures, result: &mut TargetResult) {
    let (failures, requests) = figures.counts();
    let counts: Vec<(f64, f64)> = figures.outcomes.iter().map(|&(k, n)| (k as f64, n as f64)).collect();
    let Some(found) = share_at(figures.confidence, failures, requests, &spreads(&figures.spans, &counts)) else {
        "no request ended in the steady window".clone_into(&mut result.reason);
        return;
    };
    result.counts = Some([failures, requests]);
    result.value = Some(found.value);
    result.low = Some(found.low);
    result.high = Some(found.high);
    result.design_effect = Some(found.design_effect);
    result.verdict = by_interval(result);
    let unanswered = figures.cut_off_count().saturating_sub(figures.unsent);
    if unanswered > 0 && result.verdict != Verdict::Fail {
        // Nobody knows how they would have ended: the upper end is where all of them had failed.
        let worst: Vec<(f64, f64)> = counts
            .iter()
            .zip(&figures.cut_off)
            .map(|(&(k, n), cut_off)| (k + cut_off.count() as f64, n + cut_off.count() as f64))
            .collect();
        let all_failed = share_at(
            figures.confidence,
            failures + unanswered,
            requests + unanswered,
            &spreads(&figures.spans, &worst),
        );
        result.high = all_failed.map(|worst| worst.high.max(found.high));
        if result.verdict == Verdict::Pass && by_interval(result) != Verdict::Pass {
            result.verdict = Verdict::Unproven;
            result.reason = format!(
                "{} requests had no answer when they were cut off, and may all have failed: see why they hang, or give them longer with --stop-timeout",
                format_count(unanswered)
            );
            return;
        }
    }
    match result.verdict {
        Verdict::Fail => result.reason = missed(result),
        Verdict::Unproven => result.reason = what_would_prove(&found, failures, requests, figures.seconds(), result),
        _ => {}
    }
}

fn what_would_prove(
    found: &crate::stats::Share,
    failures: u64,
    requests: u64,
    seconds: f64,
    result: &mut TargetResult,
) -> String {
    let effect = found.design_effect;
    let limit = result.limit;
    let mut longer = |needed: u64| {
        let more_s = needed.saturating_sub(requests).max(1) as f64 / requests as f64 * seconds;
        longer(more_s, result).unwrap_or_else(|| "more than a day at this rate: use more users".to_owned())
    };
    let times_effect = |needed: u64| (needed as f64 * effect).ceil() as u64;
    let has = format_count(requests);
    if found.value < limit {
        let Some(needed) = requests_to_prove_below(failures as f64 / effect, limit).map(times_effect) else {
            return "no number of requests would prove it".to_owned();
        };
        let needed = needed.max(requests + 1);
        return match failures {
            0 => format!("needs {} requests, has {has}: {}", format_count(needed), longer(needed)),
            _ => format!(
                "needs {} requests with no further failure, has {has} of which {} failed: {}",
                format_count(needed),
                format_count(failures),
                longer(needed)
            ),
        };
    }
    match requests_to_decide(found.value, limit).map(times_effect) {
        Some(needed) => {
            let needed = needed.max(requests + 1);
            format!(
                "{} of {has} failed, which chance alone could explain: to tell it from {} needs about {} requests, {} more: {}",
                format_count(failures),
                format_ratio(limit),
                format_count(needed),
                format_count(needed - requests),
                longer(needed)
            )
        }
        None => format!("{} is too close to the limit to tell them apart", format_ratio(found.value)),
    }
}

fn throughput(run: &Run, window: &Window<'_>, figures: &Figures, result: &mut TargetResult) {
    let Some(found) = rate(&figures.spans, &figures.successes) else { return };
    if figures.counts().1 == 0 && figures.cut_off_count() == 0 {
        "no request ended in the steady window".clone_into(&mut result.reason);
        return;
    }
    result.value = Some(found.value * 60.0);
    result.low = found.low.map(|low| low * 60.0);
    result.high = found.high.map(|high| high * 60.0);
    result.verdict = by_interval(result);
    if result.verdict == Verdict::Pass {
        return;
    }
    let asked = &run.asked;
    let held_s: f64 = window.parts.iter().map(|part| part.to_s - part.from_s).sum();
    let level = window.parts.iter().map(|part| part.level * (part.to_s - part.from_s)).sum::<f64>() / held_s;
    // Of one endpoint the load can offer no more than its share.
    let share = figures.counts().1 as f64 / window.whole().counts().1.max(1) as f64;
    let ceiling = most_per_min(asked, level).map(|most| most * share);
    let needed = level_needed(asked, result.limit / share.max(f64::MIN_POSITIVE), figures.mean_response_s());
    let enough = needed.map(|level| would_do(asked, level));
    match (ceiling, enough) {
        (Some(ceiling), Some(enough)) if ceiling <= result.limit => {
            result.verdict = Verdict::Unproven;
            result.level = needed.map(|level| level as f64);
            result.reason = format!(
                "load too small: {} offer at most {}, {enough}",
                load_in_words(asked, level),
                figure(ceiling, &result.unit)
            );
        }
        _ if result.verdict == Verdict::Fail => result.reason = missed(result),
        _ if result.low.is_none() => {
            result.reason = format!(
                "too short to tell how much it varies: needs {LEAST_BATCHES} s of steady load, has {}",
                how_long(figures.seconds())
            );
        }
        (Some(ceiling), Some(enough)) if ceiling <= 1.3 * result.limit => {
            result.level = needed.map(|level| level as f64);
            result.reason = format!(
                "the load is hardly larger than the limit: {} offer at most {}, {enough}",
                load_in_words(asked, level),
                figure(ceiling, &result.unit)
            );
        }
        _ => result.reason = undecided(result, figures.seconds()),
    }
}

/// "3 s (2.9 s – 3.1 s) is not < 2 s".
pub(super) fn missed(result: &TargetResult) -> String {
    let show = |value: f64| figure(value, &result.unit);
    let range = match (result.low, result.high) {
        // Of a highest second there is no interval.
        (Some(low), Some(high)) if low == high && result.subject.is_some() => String::new(),
        (Some(low), Some(high)) => format!(" ({} – {})", show(low), show(high)),
        (Some(low), None) => format!(" (at least {})", show(low)),
        _ => String::new(),
    };
    let value = result.value.map(show).unwrap_or_default();
    format!("{value}{range} is not {} {}", result.op, show(result.limit))
}

/// The limit lies within the interval: says how much longer would tell, were the figure to stay what it is.
pub(super) fn undecided(result: &mut TargetResult, seconds: f64) -> String {
    let mut more = || {
        let value = result.value?;
        let gap = (value - result.limit).abs();
        let side = if value < result.limit { result.high? - value } else { value - result.low? };
        // The width goes with one over the root of the time; a tenth more, for the end must lie clear of the limit.
        let times = 1.1 * (side / gap).powi(2);
        if times.is_finite() { longer(((times - 1.0) * seconds).max(1.0), result) } else { None }
    };
    match more() {
        Some(longer) => format!("the limit lies within the interval: {longer}"),
        None => "the limit lies within the interval, too close to tell".to_owned(),
    }
}

/// `run 75 s longer`, kept as a number too.
fn longer(more_s: f64, result: &mut TargetResult) -> Option<String> {
    let words = run_longer(more_s);
    result.longer_s = words.is_some().then_some(more_s);
    words
}
