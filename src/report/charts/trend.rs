//! A figure run by run: values with their intervals, the levels between changes, the target.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, left_room_for};
use crate::judge::{Outcome, Source, Trend, TrendFigure, TrendPoint};
use crate::report::trend::words as said;
use crate::report::words;

/// Values drawn one by one on a screen; of more, neighbours are drawn together.
const MOST: usize = 240;
/// And on a phone.
const MOST_NARROW: usize = 90;
/// A target farther off than this many times the values would flatten them.
const NEAR: f64 = 3.0;
/// An interval is followed so many times beyond the values.
const FURTHEST: f64 = 3.0;

/// Neighbouring values that are drawn as one.
struct Drawn {
    /// The first and last of the points.
    from: usize,
    to: usize,
    value: f64,
    low: f64,
    high: f64,
    marked: bool,
}

pub(super) fn caption(of: &TrendFigure) -> String {
    let name = words::target_name(&of.name);
    let intervals = match of.source {
        Source::Steady => ", each with its 95 % interval",
        Source::WholeRun => " over whole runs",
    };
    let changes = match of.changes.len() {
        0 => "no change point".to_owned(),
        1 => "1 change point".to_owned(),
        n => format!("{n} change points"),
    };
    let together = if of.points.len() > MOST { "; neighbours drawn together, with their range" } else { "" };
    format!("{name} run by run{intervals}{together}; the line is the level between changes: {changes}.")
}

pub(super) fn draw(canvas: &mut Canvas, of: &Trend, figure: &TrendFigure) -> Readout {
    let right = canvas.width - 16.0;
    let (top, bottom) = (56.0, canvas.height - 48.0);
    let drawn = together(of, figure, if canvas.narrow() { MOST_NARROW } else { MOST });
    let values = || figure.points.iter().map(|point| point.value);
    let (least, most) = values().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
    let y = y_axis(figure, &drawn, (least, most), (bottom, top));
    let in_words = |value: f64| words::figure(value, &figure.unit);
    let left = left_room_for(canvas, &y, bottom - top, in_words);
    let count = figure.points.len().max(1) as f64;
    let panel = Panel { x: Axis::linear(-0.5, count - 0.5, (left, right)), y, left, right, top, bottom };
    canvas.title((12.0, 16.0), &words::target_name(&figure.name));
    if figure.points.is_empty() {
        panel.instead(canvas, "no run has a value");
        return Vec::new();
    }
    panel.grid(canvas, in_words);
    ticks(canvas, &panel, of, figure);
    let mut points = Vec::new();
    for one in &drawn {
        let x = f64::midpoint(panel.x.at(one.from as f64), panel.x.at(one.to as f64));
        if one.high > one.low {
            canvas.line(&[(x, panel.y.at(one.low)), (x, panel.y.at(one.high))], Ink::Sky, 2.0);
        }
        points.push((x, panel.y.at(one.value)));
    }
    for (one, at) in drawn.iter().zip(&points) {
        canvas.dot(*at, 2.5, if one.marked { Ink::Orange } else { Ink::Blue });
    }
    for (from, to, mean) in figure.levels() {
        let ends = [panel.at(from as f64 - 0.5, mean), panel.at(to as f64 - 0.5, mean)];
        canvas.line(&ends, Ink::Text, 1.75);
    }
    changes(canvas, &panel, figure);
    target(canvas, &panel, figure, (least, most), &points);
    let read = |(one, at): (&Drawn, &(f64, f64))| (at.0, reading(of, figure, one));
    drawn.iter().zip(&points).map(read).collect()
}

/// Whether the target lies where the values are.
fn near(limit: f64, (least, most): (f64, f64)) -> bool {
    most == 0.0 || (limit <= most * NEAR && limit >= least / NEAR)
}

fn y_axis(figure: &TrendFigure, drawn: &[Drawn], (least, most): (f64, f64), px: (f64, f64)) -> Axis {
    if figure.unit == "ms" && least > 0.0 && most / least > 15.0 {
        return Axis::for_times(least, most, px);
    }
    // Without a single failure there is only the target to give the scale.
    let reach = if most > 0.0 { (most - least).max(0.1 * most) } else { figure.limit.unwrap_or(0.0) / FURTHEST };
    let inside = |end: f64| end.clamp((least - FURTHEST * reach).max(0.0), most + FURTHEST * reach);
    let limit = figure.limit.filter(|limit| near(*limit, (least, most)));
    let ends = drawn.iter().flat_map(|one| [inside(one.low), inside(one.high)]).chain(limit);
    let (low, high) = ends.fold((least, most), |(low, high), end| (low.min(end), high.max(end)));
    let room = 0.1 * (high - low).max(0.2 * high);
    Axis::linear((low - room).max(0.0), high + room, px)
}

/// Groups neighbours so that at most `most` remain.
fn together(of: &Trend, figure: &TrendFigure, most: usize) -> Vec<Drawn> {
    let size = figure.points.len().div_ceil(most).max(1);
    let group = |(n, points): (usize, &[TrendPoint])| {
        let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = match points {
            [only] => (only.low.unwrap_or(only.value), only.high.unwrap_or(only.value)),
            _ => (values[0], values[values.len() - 1]),
        };
        Drawn {
            from: n * size,
            to: n * size + points.len() - 1,
            value: values[values.len() / 2],
            low,
            high,
            marked: points.iter().any(|point| !of.runs[point.run].marks.is_empty()),
        }
    };
    figure.points.chunks(size).enumerate().map(group).collect()
}

/// Days along the horizontal axis, which counts runs; times where all are of one day.
fn ticks(canvas: &mut Canvas, panel: &Panel, of: &Trend, figure: &TrendFigure) {
    let wanted = if canvas.narrow() { 3 } else { 7 };
    let last = figure.points.len() - 1;
    let step = last.div_ceil(wanted).max(1);
    let started = |n: usize| of.runs[figure.points[n].run].started.split_once('T').unwrap_or_default();
    let one_day = last > 0 && started(0).0 == started(last).0;
    let mut taken = f64::NEG_INFINITY;
    for n in (0..=last).step_by(step) {
        let x = panel.x.at(n as f64);
        canvas.line(&[(x, panel.bottom), (x, panel.bottom + 4.0)], Ink::Muted, 1.0);
        let (day, time) = started(n);
        let words = if one_day && n > 0 { time.get(..5).unwrap_or(time) } else { day };
        let anchor = if n == 0 { Anchor::Start } else { Anchor::Middle };
        let width = 6.2 * words.chars().count() as f64;
        let from = if n == 0 { panel.left } else { x - width / 2.0 };
        if n == 0 || (panel.right - x > 30.0 && from > taken + 6.0) {
            canvas.text((if n == 0 { panel.left } else { x }, panel.bottom + 15.0), words, Ink::Muted, anchor);
            taken = from + width;
        }
    }
    let middle = f64::midpoint(panel.left, panel.right);
    canvas.text((middle, panel.bottom + 34.0), "runs, the oldest first", Ink::Muted, Anchor::Middle);
}

/// A line where the level changes, with the size and the commit where there is room.
fn changes(canvas: &mut Canvas, panel: &Panel, figure: &TrendFigure) {
    let mut taken = f64::NEG_INFINITY;
    for change in &figure.changes {
        let x = panel.x.at(change.point as f64 - 0.5);
        let ink = if change.outcome == Outcome::Worse { Ink::Vermilion } else { Ink::Green };
        canvas.line(&[(x, panel.top), (x, panel.bottom)], ink, 1.5);
        let size = said::size(figure, change).0;
        let size = size.split(" (").next().unwrap_or_default();
        let commit = change.run.commit.as_deref().unwrap_or_default();
        let label = format!("{size} {}", commit.chars().take(7).collect::<String>());
        let width = 6.8 * label.trim().chars().count() as f64;
        let from = (x - width / 2.0).clamp(4.0, canvas.width - width - 4.0);
        if from > taken {
            canvas.text((from + width / 2.0, panel.top - 12.0), label.trim(), ink, Anchor::Middle);
            taken = from + width + 8.0;
        }
    }
}

fn target(canvas: &mut Canvas, panel: &Panel, figure: &TrendFigure, ends: (f64, f64), points: &[(f64, f64)]) {
    let (Some(limit), Some(words)) = (figure.limit, said::limit(figure)) else { return };
    if near(limit, ends) {
        panel.target(canvas, limit, &format!("target {words}"), points);
    } else {
        let at = (canvas.width - 16.0, 16.0);
        canvas.text(at, &format!("target {words}: beyond the chart"), Ink::Target, Anchor::End);
    }
}

fn reading(of: &Trend, figure: &TrendFigure, one: &Drawn) -> String {
    let run = &of.runs[figure.points[one.from].run];
    let value = words::figure(one.value, &figure.unit);
    if one.to > one.from {
        let range = words::between(Some(one.low), Some(one.high), &figure.unit);
        return format!("{} and {} more: {value} in the middle, {range}", run.id, one.to - one.from);
    }
    let point = &figure.points[one.from];
    let mut parts = vec![format!("{}: {value}", run.id)];
    if point.low.is_some() || point.high.is_some() {
        parts.push(words::between(point.low, point.high, &figure.unit));
    }
    parts.extend(run.label.clone());
    parts.extend(run.commit.as_ref().map(|commit| commit.chars().take(10).collect()));
    parts.extend(run.marks.iter().cloned());
    parts.join(" · ")
}
