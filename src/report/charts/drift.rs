//! A figure that drifts: what was seen with the line through it, and the line drawn on to where it meets the limit.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Canvas, Ink};
use super::panel::{Panel, left_room_for};
use crate::judge::{Bounds, DriftResult, Verdict};
use crate::report::drift::title;
use crate::report::words;

/// A limit farther off than this many times what was seen would flatten it.
const NEAR: f64 = 2.0;

/// Lines that are worth a chart: those with a limit.
pub(super) fn is_drawn(drift: &DriftResult) -> bool {
    drift.limit.is_some() && drift.points.len() > 1
}

pub(super) fn caption(drift: &DriftResult) -> String {
    let runs_out = match drift.runs_out_in_words() {
        words if words.is_empty() => String::new(),
        words => format!(": runs out {words}"),
    };
    format!(
        "{}: what was seen, the line through what is not start-up with the ends of its interval, and both drawn on over {}{runs_out}.",
        title(drift),
        drift.horizon_in_words()
    )
}

pub(super) fn draw(canvas: &mut Canvas, drift: &DriftResult) -> Readout {
    let (top, foot, end) = (56.0, canvas.height - 48.0, canvas.width - 16.0);
    let in_words = |value: f64| drift.in_words(value);
    canvas.title((12.0, 16.0), &format!("Drift: {}", title(drift)));
    let highest = drift.points.iter().map(|point| point.1).fold(0.0, f64::max);
    let limit = drift.limit.unwrap_or(highest);
    let near = Some(limit).filter(|limit| *limit <= NEAR * highest);
    let axis = |most: f64, px| Axis::linear(0.0, most.max(f64::MIN_POSITIVE) * 1.15, px);
    let (seen, far) = (highest.max(near.unwrap_or(0.0)), highest.max(limit));

    // On a phone the two panels stand one above the other, else side by side.
    let narrow = canvas.narrow();
    let (bottom, upper) = if narrow {
        let middle = f64::midpoint(top, canvas.height);
        (middle - 36.0, middle + 20.0)
    } else {
        (foot, top)
    };
    let room = |canvas: &Canvas, most, px: (f64, f64)| left_room_for(canvas, &axis(most, px), px.0 - px.1, in_words);
    let left = room(canvas, seen, (bottom, top));
    let right = if narrow { end } else { f64::midpoint(left, end) - 14.0 };
    let last_s = drift.points.last().map_or(drift.to_s, |point| point.0).max(drift.to_s);
    let x = Axis::linear(0.0, last_s, (left, right));
    let panel = Panel { x, y: axis(seen, (bottom, top)), left, right, top, bottom };
    panel.grid(canvas, in_words);
    panel.time(canvas, last_s, !narrow);
    let points: Vec<(f64, f64)> = drift.points.iter().map(|&(at_s, value)| panel.at(at_s, value)).collect();
    for (at, (at_s, _)) in points.iter().zip(&drift.points) {
        canvas.dot(*at, 2.0, if *at_s < drift.from_s { Ink::Muted } else { Ink::Blue });
    }
    lines(canvas, &panel, drift, drift.to_s);
    if let Some(limit) = near {
        panel.target(canvas, limit, &format!("limit {}", in_words(limit)), &points);
    }

    let reach_s = reach_s(drift);
    let room = room(canvas, far, (foot, upper));
    let left = if narrow { room } else { right + room };
    let x = Axis::linear(0.0, reach_s, (left, end));
    let panel = Panel { x, y: axis(far, (foot, upper)), left, right: end, top: upper, bottom: foot };
    panel.grid(canvas, in_words);
    panel.time(canvas, reach_s, true);
    lines(canvas, &panel, drift, reach_s);
    panel.target(canvas, limit, &format!("limit {}", in_words(limit)), &[]);

    let reading = |(at, point): (&(f64, f64), &(f64, f64))| {
        (at.0, format!("{}: {}", words::seconds(point.0.round()), in_words(point.1)))
    };
    points.iter().zip(&drift.points).map(reading).collect()
}

/// How far the line is drawn on, seconds from the start of the load: to where it surely met the limit, or for the horizon.
fn reach_s(drift: &DriftResult) -> f64 {
    let met = drift.runs_out_s.and_then(|runs_out| runs_out.high).filter(|_| drift.verdict == Verdict::Fail);
    drift.from_s + met.map_or(drift.horizon_s, |met| (met * 1.2).min(drift.horizon_s))
}

/// The line and the ends of its interval, each until it leaves the panel.
fn lines(canvas: &mut Canvas, panel: &Panel, drift: &DriftResult, until_s: f64) {
    let (Some(level), Some(Bounds { value, low, high })) = (drift.level, drift.per_hour) else { return };
    let most = drift.limit.unwrap_or(f64::INFINITY).max(level) * 1.15;
    let line = |slope: f64| {
        let after = |level_there: f64| (level_there - level) / (slope / 3600.0);
        let over_s = match slope {
            slope if slope > 0.0 => after(most),
            slope if slope < 0.0 => after(0.0),
            _ => f64::INFINITY,
        };
        let to_s = until_s.min(drift.from_s + over_s);
        [panel.at(drift.from_s, level), panel.at(to_s, level + slope * (to_s - drift.from_s) / 3600.0)]
    };
    canvas.faint_line(&line(low), Ink::Vermilion);
    canvas.faint_line(&line(high), Ink::Vermilion);
    canvas.line(&line(value), Ink::Vermilion, 1.75);
}
