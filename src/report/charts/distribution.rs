//! `distribution.svg`: the whole distribution, by percentile on an axis that gives every nine the same room.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, left_room};
use super::{Readout, response_targets};
use crate::judge::RunResult;
use crate::record::{EndpointId, IntervalKind, Run};
use crate::report::columns::cut_middle;
use crate::report::words;
use crate::stats::Distribution;
use crate::units::{format_count, format_ms};

/// Points on a line.
const POINTS: usize = 160;
/// Endpoints that get a line of their own.
const MOST_ENDPOINTS: usize = Ink::LINES.len();

pub(super) fn caption(run: &Run, result: &RunResult) -> String {
    let (_, window) = window(result);
    let mut text = format!(
        "The whole distribution of response times, {window}: so many per cent of successful requests took no longer than the line."
    );
    if run.endpoints.len() > MOST_ENDPOINTS {
        let _ = write!(text, " The {MOST_ENDPOINTS} endpoints with most requests have lines of their own.");
    }
    if result.totals.cut_off > 0 {
        let _ = write!(text, " {} requests that were cut off are not in it.", format_count(result.totals.cut_off));
    }
    text
}

fn window(result: &RunResult) -> ((f64, f64), &'static str) {
    if words::has_steady(result) {
        ((result.steady.from_s, result.steady.to_s), "steady window")
    } else {
        ((0.0, f64::INFINITY), "whole run")
    }
}

struct Line {
    name: String,
    ink: Ink,
    values: Distribution,
}

/// All requests together, then the endpoints with most of them.
fn lines(run: &Run, result: &RunResult) -> Vec<Line> {
    let ((from_s, to_s), _) = window(result);
    let judged = run.intervals.iter().filter(|i| i.kind == IntervalKind::Response);
    let mut parts: BTreeMap<EndpointId, Vec<&Distribution>> = BTreeMap::new();
    for interval in judged.filter(|i| i.from_s >= from_s && i.from_s < to_s && !i.values.is_empty()) {
        parts.entry(interval.endpoint).or_default().push(&interval.values);
    }
    let mut endpoints: Vec<(String, Distribution)> = parts
        .into_iter()
        .filter_map(|(id, parts)| {
            let endpoint = result.endpoints.get(id.0 as usize)?;
            Some((words::endpoint_name(result, endpoint), Distribution::merged(parts)))
        })
        .collect();
    let all = Distribution::merged(endpoints.iter().map(|(_, values)| values));
    endpoints.sort_by_key(|(_, values)| std::cmp::Reverse(values.count()));
    endpoints.truncate(MOST_ENDPOINTS);
    let all = Line { name: "all requests".to_owned(), ink: Ink::Text, values: all };
    let mut lines = vec![all];
    // A single endpoint is the whole.
    if endpoints.len() > 1 {
        let inks = Ink::LINES.into_iter();
        lines.extend(endpoints.into_iter().zip(inks).map(|((name, values), ink)| Line { name, ink, values }));
    }
    lines.retain(|line| !line.values.is_empty());
    lines
}

/// Where a share stands: one unit for every nine.
fn nines(q: f64) -> f64 {
    -(1.0 - q).log10()
}

/// `nines` from 0 up to what so many samples can tell.
fn reach(count: u64) -> f64 {
    (count.max(2) as f64).log10()
}

/// The response time at `nines`, ms.
fn at(values: &Distribution, nines: f64) -> f64 {
    let last = nines >= reach(values.count());
    let us = if last { values.max() } else { values.quantile(1.0 - 10f64.powf(-nines)) };
    us.map_or(0.0, |us| us as f64 / 1000.0)
}

pub(super) fn draw(canvas: &mut Canvas, run: &Run, result: &RunResult) -> Readout {
    let lines = lines(run, result);
    let targets = response_targets(result);
    let narrow = canvas.narrow();
    let legend_height = if narrow { 14.0 * lines.len().max(1) as f64 } else { 0.0 };
    let (left, top) = (left_room(canvas), 44.0 + legend_height);
    let right = canvas.width - if narrow { 16.0 } else { 190.0 };
    if narrow {
        canvas.height += legend_height;
    }
    let bottom = canvas.height - 48.0;
    let most_nines = lines.first().map_or(3.0, |line| reach(line.values.count())).max(1.35);
    let floor = |line: &Line| at(&line.values, 0.0);
    let least = lines.iter().map(floor).filter(|ms| *ms > 0.0).fold(f64::INFINITY, f64::min);
    let peaks = lines.iter().filter_map(|line| line.values.max()).map(|us| us as f64 / 1000.0);
    let most = peaks.chain(targets.iter().map(|target| target.1)).fold(0.0, f64::max);
    let panel = Panel {
        x: Axis::linear(0.0, most_nines, (left, right)),
        y: Axis::for_times(least, most, (bottom, top)),
        left,
        right,
        top,
        bottom,
    };
    let scale = if panel.y.is_log() { ", log scale" } else { "" };
    let name = if narrow { "By percentile" } else { "Response time by percentile" };
    canvas.title((12.0, 16.0), &format!("{name}{scale}"));
    panel.grid(canvas, format_ms);
    percentiles(canvas, &panel, most_nines);
    let draw_targets = |canvas: &mut Canvas, drawn: &[(f64, f64)]| {
        for (words, limit) in &targets {
            panel.target(canvas, *limit, words, drawn);
        }
    };
    if lines.is_empty() {
        draw_targets(canvas, &[]);
        panel.instead(canvas, if result.totals.requests == 0 { "no request was made" } else { "no request succeeded" });
        return Vec::new();
    }
    let steps = |line: &Line| {
        let end = reach(line.values.count());
        (0..=POINTS).map(move |n| n as f64 / POINTS as f64 * end).collect::<Vec<f64>>()
    };
    let (mut labels, mut drawn) = (Vec::new(), Vec::new());
    for line in lines.iter().rev() {
        let points: Vec<(f64, f64)> = steps(line).iter().map(|&x| panel.at(x, at(&line.values, x))).collect();
        canvas.line(&points, line.ink, if line.ink == Ink::Text { 2.5 } else { 1.75 });
        let end = points.last().map_or(bottom, |point| point.1);
        labels.push((cut_middle(&line.name, 27), end, line.ink));
        drawn.extend(points);
    }
    draw_targets(canvas, &drawn);
    if narrow {
        for (n, (name, _, ink)) in labels.iter().rev().enumerate() {
            let y = 36.0 + 14.0 * n as f64;
            canvas.line(&[(14.0, y), (30.0, y)], *ink, 2.5);
            canvas.text((36.0, y), name, Ink::Text, Anchor::Start);
        }
    } else {
        panel.labels(canvas, &labels);
    }
    let all = &lines[0];
    let read = |x: f64| {
        let (share, digits) = (100.0 * (1.0 - 10f64.powf(-x)), x as usize);
        (panel.x.at(x), format!("{share:.digits$} % of all requests took at most {}", format_ms(at(&all.values, x))))
    };
    steps(all).into_iter().map(read).collect()
}

/// The percentiles that the axis has room for.
fn percentiles(canvas: &mut Canvas, panel: &Panel, most_nines: f64) {
    let marks = [
        (0.0, "0 %"),
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.95, "95 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
        (0.99999, "99.999 %"),
        (0.999_999, "99.9999 %"),
    ];
    let mut free = f64::NEG_INFINITY;
    for (q, words) in marks {
        let x = panel.x.at(nines(q));
        // Fractions of a percent are rounded: a mark belongs to the axis if it lies on it.
        if nines(q) > most_nines + 1e-9 {
            break;
        }
        canvas.line(&[(x, panel.top), (x, panel.bottom + 4.0)], Ink::Grid, 1.0);
        let half = 3.4 * words.len() as f64;
        if x - half > free {
            canvas.text((x, panel.bottom + 15.0), words, Ink::Muted, Anchor::Middle);
            free = x + half + 6.0;
        }
    }
    let middle = f64::midpoint(panel.left, panel.right);
    canvas.text((middle, panel.bottom + 34.0), "percentile of successful requests", Ink::Muted, Anchor::Middle);
}
