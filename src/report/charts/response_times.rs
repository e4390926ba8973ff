//! `response-times.svg`: percentiles over time, the target drawn in.

use super::axis::Axis;
use super::canvas::{Canvas, Ink};
use super::panel::{Panel, judged_windows, left_room, length_s};
use super::series::{self, TimesBin};
use super::{Readout, response_targets};
use crate::judge::RunResult;
use crate::record::Run;
use crate::report::words;
use crate::units::format_ms;

const LINES: [(&str, f64, Ink); 3] = [("p99", 0.99, Ink::Pink), ("p95", 0.95, Ink::Blue), ("p50", 0.5, Ink::Green)];
/// At most this many points on a line.
const MOST: f64 = 300.0;

pub(super) fn caption(run: &Run) -> String {
    format!(
        "Response times of successful requests over time. Each point covers {}; a line breaks where nothing was measured.",
        words::seconds(series::width_s(run, MOST))
    )
}

fn at(bin: &TimesBin, q: f64) -> f64 {
    bin.values.quantile(q).map_or(0.0, |us| us as f64 / 1000.0)
}

pub(super) fn draw(canvas: &mut Canvas, run: &Run, result: &RunResult) -> Readout {
    let length = length_s(run);
    let bins = series::times(run, series::width_s(run, MOST));
    let targets = response_targets(result);
    let (left, right, top, bottom) = (left_room(canvas), canvas.width - 40.0, 44.0, canvas.height - 48.0);
    let lowest = bins.iter().map(|bin| at(bin, 0.5)).filter(|ms| *ms > 0.0).fold(f64::INFINITY, f64::min);
    let limits = targets.iter().map(|target| target.1);
    let highest = bins.iter().map(|bin| at(bin, 0.99)).chain(limits).fold(0.0, f64::max);
    let panel = Panel {
        x: Axis::linear(0.0, length, (left, right)),
        y: Axis::for_times(lowest, highest, (bottom, top)),
        left,
        right,
        top,
        bottom,
    };
    let scale = if panel.y.is_log() { ", log scale" } else { "" };
    canvas.title((12.0, 16.0), &format!("Response time{scale}"));
    panel.judged(canvas, &judged_windows(result), true);
    panel.grid(canvas, format_ms);
    panel.time(canvas, length, true);
    let draw_targets = |canvas: &mut Canvas, drawn: &[(f64, f64)]| {
        for (words, limit) in &targets {
            panel.target(canvas, *limit, words, drawn);
        }
    };
    let Some(last) = bins.last() else {
        draw_targets(canvas, &[]);
        panel.instead(canvas, if result.totals.requests == 0 { "no request was made" } else { "no request succeeded" });
        return Vec::new();
    };
    let (mut labels, mut drawn) = (Vec::new(), Vec::new());
    for (name, q, ink) in LINES {
        for part in bins.chunk_by(|a, b| b.index == a.index + 1) {
            let points: Vec<(f64, f64)> = part.iter().map(|bin| panel.at(bin.middle_s, at(bin, q))).collect();
            canvas.line(&points, ink, 2.0);
            drawn.extend(points);
        }
        labels.push((name.to_owned(), panel.y.at(at(last, q)), ink));
    }
    draw_targets(canvas, &drawn);
    panel.labels(canvas, &labels);
    let read = |bin: &TimesBin| {
        let [p99, p95, p50] = LINES.map(|(name, q, _)| format!("{name} {}", format_ms(at(bin, q))));
        (panel.x.at(bin.middle_s), format!("{}: {p50} · {p95} · {p99}", words::seconds(bin.middle_s)))
    };
    bins.iter().map(read).collect()
}
