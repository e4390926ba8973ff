//! Drift: what grows while the load stays the same, and whether it runs out within the horizon that a run was asked to last for.
//!
//! Each figure that has an end gets a [`Line`]: response times and errors by their targets, memory by what its subject may use,
//! connections by how many are taken. **Headroom** is the limit less the level at the start of the line. It **fails** where
//! growth is shown, does not slow down, and the lower end of its slope, kept up for the horizon, is more than the headroom. It
//! **passes** where the upper end is not. Else it is unproven. A figure without a known limit has none to run out of: its
//! slope is told, and nothing is judged.
//!
//! Many lines are drawn, and each might be steep by chance: those that can fail share the 5 % that their intervals may
//! be wrong (Bonferroni), so that all of them hold together in 95 % of runs.
//!
//! A run of two hours seldom proves that a small container lasts for a week, and nobody wants each soak to end as unproven for it:
//! an unproven line leaves the run as it is where no growth is shown, and makes it unproven where growth is, or where a
//! limit is known and nothing could be seen of what it limits ([`DriftResult::is_open`]).

use super::line::{Growth, LEAST_S, Line, PAGE_BYTES, Point, Points, fills_up, held_from_s, place};
use super::looks::Looks;
use super::steady::Part;
use super::targets::endpoints_named;
use super::thirds::Counted;
use super::window::{Figures, Window};
use super::words::{amount, run_longer, span_of};
use super::{Bounds, DriftGrowth, DriftResult, RunsOut, Target, TargetName, Targets, Verdict};
use crate::record::{ProbeKind, Run, Watched};
use crate::stats::{CONFIDENCE, Distribution};

/// A window holds at least so many requests, else it is joined with the next: of fewer the highest is the 95th percentile.
const LEAST_REQUESTS: u64 = 60;
/// The same for an error rate, to be drawn: its line goes by counting.
const LEAST_OUTCOMES: u64 = 20;
const HOUR_S: f64 = 3600.0;

/// A figure that may drift.
struct Figure {
    name: String,
    subject: Option<String>,
    unit: &'static str,
    points: Points,
    draw: Draw,
    limit: Limit,
}

/// How the line of a figure is drawn.
enum Draw {
    /// Through its points, of what is counted in whole steps of so much.
    Points(f64),
    /// By counting.
    Failures(Counted),
}

/// What a figure may not reach.
enum Limit {
    Known(f64),
    /// None is, and why.
    Unknown(String),
    /// Nothing was ever seen of what has one, and why.
    Unseen(String),
}

/// The figures that drift, or do not, within the longest of the parts; none where no horizon was asked for.
pub(super) fn drift(run: &Run, parts: &[Part], targets: &Targets) -> Vec<DriftResult> {
    let length_s = |part: &Part| part.to_s - part.from_s;
    let longest = parts.iter().copied().reduce(|a, b| if length_s(&b) > length_s(&a) { b } else { a });
    let (Some(horizon_s), Some(part)) = (run.asked.horizon_s, longest) else { return Vec::new() };
    let part = [part];
    let mut figures = of_requests(run, &part, targets);
    figures.extend(of_probes(run, &part, targets));
    let judged = figures.iter().filter(|figure| matches!(figure.limit, Limit::Known(_))).count();
    // All of them together are wrong as often as one alone would be.
    let confidence = 1.0 - (1.0 - CONFIDENCE) / judged.max(1) as f64;
    figures.into_iter().map(|figure| result(figure, part[0], confidence, horizon_s)).collect()
}

/// Response times and errors, over the steady window.
fn of_requests(run: &Run, part: &[Part; 1], targets: &Targets) -> Vec<Figure> {
    let window = Window::new(run, part);
    let figure = |target: &Target| -> Option<Figure> {
        let of_some;
        let figures = match &target.of {
            Some(name) => {
                of_some = window.figures(&endpoints_named(run, name).ok()?);
                &of_some
            }
            None => window.whole(),
        };
        let (points, draw) = match target.name {
            TargetName::ResponseTime(thousandths) => {
                (quantiles(&window, figures, f64::from(thousandths) / 1000.0), Draw::Points(0.0))
            }
            TargetName::ErrorRate => {
                let counted = Counted::new(&window, figures, held_from_s(run, part[0]));
                (failures(&window, figures), Draw::Failures(counted))
            }
            _ => return None,
        };
        let (name, unit) = (target.full_name(), target.name.unit());
        Some(Figure { name, subject: None, unit, points, draw, limit: Limit::Known(target.limit) })
    };
    targets.0.iter().filter_map(figure).collect()
}

fn quantiles(window: &Window<'_>, figures: &Figures, q: f64) -> Points {
    joined(window, figures, LEAST_REQUESTS, |places| {
        let values = Distribution::merged(places.iter().flat_map(|&n| [&figures.values[n], &figures.cut_off[n]]));
        values.quantile(q).map(|us| us as f64 / 1000.0)
    })
}

fn failures(window: &Window<'_>, figures: &Figures) -> Points {
    joined(window, figures, LEAST_OUTCOMES, |places| {
        let (failed, all) =
            places.iter().map(|&n| figures.outcomes[n]).fold((0, 0), |(k, n), (failed, all)| (k + failed, n + all));
        (all > 0).then(|| failed as f64 / all as f64)
    })
}

/// A point a window of time, of windows that hold fewer requests than `fewest` one for several; `of` its spans.
fn joined(window: &Window<'_>, figures: &Figures, fewest: u64, of: impl Fn(&[usize]) -> Option<f64>) -> Points {
    let (Some(first), Some(last)) = (window.seconds.first(), window.seconds.last()) else { return Points::default() };
    let (from_s, to_s) = (first.0.from_s, last.0.to_s);
    let middle_s = |n: usize| f64::midpoint(window.seconds[n].0.from_s, window.seconds[n].0.to_s);
    let (mut points, mut places, mut requests) = (Vec::new(), Vec::new(), 0);
    for n in 0..window.seconds.len() {
        places.push(n);
        requests += figures.outcomes[n].1;
        let is_last = n + 1 == window.seconds.len();
        let ends = is_last || place(middle_s(n), from_s, to_s) != place(middle_s(n + 1), from_s, to_s);
        if ends && requests >= fewest {
            let at_s = f64::midpoint(window.seconds[places[0]].0.from_s, window.seconds[n].0.to_s);
            points.extend(of(&places).map(|value| Point { at_s, value, mean: value }));
            places.clear();
            requests = 0;
        }
    }
    let part = window.parts[0];
    Points::within(points, held_from_s(window.run, part), to_s)
}

/// Memory and connections of what is watched.
fn of_probes(run: &Run, part: &[Part; 1], targets: &Targets) -> Vec<Figure> {
    let of_kinds = |kinds: &[ProbeKind]| run.watched.iter().any(|watched| kinds.contains(&watched.name.kind));
    let named_subject = of_kinds(&[ProbeKind::Container, ProbeKind::Process]);
    let held_s = held_from_s(run, part[0]);
    let mut figures = Vec::new();
    for watched in &run.watched {
        let looks = Looks::new(watched, part);
        let is_subject = match watched.name.kind {
            ProbeKind::Container | ProbeKind::Process => true,
            ProbeKind::Host => run.asked.judge_machine,
            // What the service tells of itself is also a process's or a container's.
            ProbeKind::Metrics => !named_subject && watched.tells("memory_bytes"),
            _ => false,
        };
        if is_subject {
            figures.push(memory(watched, &looks, held_s, targets));
        }
        figures.extend(connections(watched, &looks, held_s));
    }
    figures
}

fn memory(watched: &Watched, looks: &Looks<'_>, held_s: f64, targets: &Targets) -> Figure {
    let subject = watched.name.to_string();
    let of = |of: Option<&str>| {
        targets.0.iter().find(|target| target.name == TargetName::Memory && target.of.as_deref() == of)
    };
    let share = of(Some(&subject)).or_else(|| of(None)).map_or(1.0, |target| target.limit);
    let limit = match last(looks, "memory_limit_bytes") {
        None if never_seen(watched, "memory_bytes") => unseen(looks),
        _ if fills_up(watched) => Limit::Unknown("it fills the memory that it was given, on purpose".to_owned()),
        Some(limit) => Limit::Known(share * limit),
        None => Limit::Unknown("how much memory it may use is not known: --process or --container tells".to_owned()),
    };
    let points = Points::of_gauge(looks, "memory_bytes", held_s, true);
    let draw = Draw::Points(PAGE_BYTES);
    Figure { name: "memory".to_owned(), subject: Some(subject), unit: "bytes", points, draw, limit }
}

/// Of those that count them: the gauge, and that of its limit.
fn connections(watched: &Watched, looks: &Looks<'_>, held_s: f64) -> Option<Figure> {
    let (gauge, limit, why) = match watched.name.kind {
        ProbeKind::Postgres => ("connections", "connections_limit", "PostgreSQL does not tell its max_connections"),
        ProbeKind::Redis => ("clients", "clients_limit", "Redis does not tell its maxclients (it does from 7.0 on)"),
        ProbeKind::Nginx => ("active", "", "nginx's status page does not tell its worker_connections"),
        ProbeKind::Metrics if watched.tells("pool_size") => ("connections", "pool_size", "the pool has no size"),
        _ => return None,
    };
    let limit = match last(looks, limit) {
        Some(limit) => Limit::Known(limit),
        // Nginx tells no limit, whatever is seen of it.
        None if !limit.is_empty() && never_seen(watched, gauge) => unseen(looks),
        None => Limit::Unknown(why.to_owned()),
    };
    let points = Points::of_gauge(looks, gauge, held_s, false);
    let subject = Some(watched.name.to_string());
    let draw = Draw::Points(1.0);
    Some(Figure { name: "connections".to_owned(), subject, unit: "connections", points, draw, limit })
}

fn never_seen(watched: &Watched, gauge: &str) -> bool {
    !watched.seen.iter().any(|seen| seen.gauges.get(gauge).is_some_and(|value| value.is_finite()))
}

fn unseen(looks: &Looks<'_>) -> Limit {
    let why = looks.gap().unwrap_or("it never looked");
    Limit::Unseen(format!("nothing was seen of {}: {why}", looks.watched.name))
}

/// The last that was told of a limit; none is 0.
fn last(looks: &Looks<'_>, gauge: &str) -> Option<f64> {
    let told = |seen: &crate::record::Seen| seen.gauges.get(gauge).copied().filter(|v| v.is_finite() && *v > 0.0);
    looks.seen.iter().rev().find_map(|(seen, _)| told(seen)).or_else(|| looks.watched.seen.iter().rev().find_map(told))
}

fn result(figure: Figure, part: Part, confidence: f64, horizon_s: f64) -> DriftResult {
    let Figure { name, subject, unit, points, draw, limit } = figure;
    let line = match &draw {
        Draw::Points(unit) => points.line(confidence, *unit),
        Draw::Failures(counted) => counted.line(confidence),
    };
    let mut result = DriftResult {
        name,
        subject,
        unit: unit.to_owned(),
        from_s: line.map_or(points.from_s, |line| line.from_s),
        to_s: line.map_or(part.to_s, |line| line.from_s + line.seconds),
        per_hour: line.map(|Line { slope, .. }| Bounds {
            value: slope.value * HOUR_S,
            low: slope.low * HOUR_S,
            high: slope.high * HOUR_S,
        }),
        growth: line.map(|line| match line.growth {
            Growth::None => DriftGrowth::None,
            Growth::Slowing | Growth::Sudden => DriftGrowth::Slowing,
            Growth::Steady => DriftGrowth::Steady,
        }),
        level: line.map(|line| line.level),
        limit: None,
        headroom: None,
        horizon_s,
        runs_out_s: None,
        verdict: Verdict::NotMeasured,
        reason: String::new(),
        points: points.points.iter().map(|point| (point.at_s, point.mean)).collect(),
    };
    match limit {
        Limit::Unknown(why) => result.reason = format!("no limit is known, so there is none to run out of: {why}"),
        Limit::Unseen(why) => (result.verdict, result.reason) = (Verdict::Unproven, why),
        Limit::Known(limit) => {
            result.limit = Some(limit);
            if let Some(line) = line {
                decide(&mut result, &line, limit);
            } else {
                result.verdict = Verdict::Unproven;
                result.reason = too_little(&points, part);
            }
        }
    }
    result
}

fn too_little(points: &Points, part: Part) -> String {
    let held_s = part.to_s - part.from_s;
    if points.points.is_empty() {
        return "nothing was seen of it in the steady window".to_owned();
    }
    if held_s < LEAST_S {
        return format!("a steady window of {} s tells no growth from a start: it takes {LEAST_S} s", held_s.floor());
    }
    format!("seen in only {} windows of time, too few for a line: run longer, or with more load", points.points.len())
}

fn decide(result: &mut DriftResult, line: &Line, limit: f64) {
    let (horizon_s, unit) = (result.horizon_s, result.unit.clone());
    let headroom = limit - line.level;
    result.headroom = Some(headroom);
    if line.level_low >= limit {
        result.reason =
            format!("it is past its limit of {} already: that is its target's to judge", amount(limit, &unit));
        return;
    }
    if headroom <= 0.0 {
        result.verdict = Verdict::Unproven;
        result.reason =
            format!("whether it was below its limit of {} at first is open: run longer", amount(limit, &unit));
        return;
    }
    let after = |slope: f64| (slope > 0.0).then(|| headroom / slope);
    let runs_out = RunsOut { low: after(line.slope.high), high: after(line.slope.low) };
    result.runs_out_s = Some(runs_out);
    let (horizon, proven) = (span_of(horizon_s), runs_out.low.map(span_of));
    let grows = format!("it grows by {} ({})", result.per_hour_in_words(), result.interval_in_words());
    let fails = line.growth == Growth::Steady && line.slope.low * horizon_s > headroom;
    let passes = line.slope.high * horizon_s <= headroom && line.late_low * horizon_s <= headroom;
    (result.verdict, result.reason) = if fails {
        (Verdict::Fail, format!("{grows} and runs out {}, within the horizon of {horizon}", runs_out.in_words()))
    } else if passes {
        (Verdict::Pass, String::new())
    } else {
        let reason = match line.growth {
            Growth::Steady => format!(
                "{grows} and runs out {}: whether within the horizon of {horizon} is open{}",
                runs_out.in_words(),
                longer(line, headroom, horizon_s)
            ),
            Growth::Slowing => format!("{grows}, but ever slower: run longer to see where it ends"),
            Growth::Sudden => format!("{grows}, but all at once: run longer to see whether it goes on"),
            Growth::None => match proven.filter(|_| line.slope.high * horizon_s > headroom) {
                Some(proven) => format!(
                    "no growth that goes on is shown; that it lasts is proven for {proven} of {horizon}{}",
                    longer(line, headroom, horizon_s)
                ),
                None => "no growth is shown over the whole line, but its later half grows: run longer".to_owned(),
            },
        };
        (Verdict::Unproven, reason)
    };
}

/// ": run 5 h longer", where that would do: an interval of a slope shrinks with the time to the power of 1.5.
fn longer(line: &Line, headroom: f64, horizon_s: f64) -> String {
    let half = f64::max(line.slope.high - line.slope.value, line.slope.value - line.slope.low);
    let room = (headroom / horizon_s - line.slope.value.max(0.0)).abs();
    let times = (half / room.max(f64::MIN_POSITIVE)).powf(2.0 / 3.0);
    match run_longer((times - 1.0).max(0.1) * line.seconds / 0.75) {
        Some(words) => format!(": {words}, or ask for a nearer --horizon"),
        None => ": ask for a nearer --horizon".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "tests/drift.rs"]
mod tests;
