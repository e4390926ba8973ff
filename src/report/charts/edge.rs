//! Throughput, p95 and errors against load, with the edge.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, left_room};
use crate::judge::{EdgeResult, LevelResult, RunResult, TargetResult, Verdict};
use crate::report::words;
use crate::units::{format_ms, format_ratio};

/// A target farther off than this many times the values would flatten them.
const NEAR: f64 = 4.0;
/// Times that differ by more than this many times are far apart.
const FAR: f64 = 15.0;

pub(super) fn caption(edge: &EdgeResult) -> String {
    let ends = match (edge.passes, edge.fails) {
        (Some(_), Some(_)) => "the shaded band is the edge: its left side passes, its right side fails",
        (Some(_), None) => "what lies right of the line was not shown to fail",
        _ => "no level was proven to pass",
    };
    format!("Throughput, p95 and errors of each level held, against the load in {}; {ends}.", edge.unit)
}

/// One figure of the levels in a panel of its own.
struct Figure {
    title: &'static str,
    of: fn(&LevelResult) -> Option<f64>,
    words: fn(f64) -> String,
    limit: Option<f64>,
    /// Of values that lie far apart the logarithm is drawn.
    spans_magnitudes: bool,
}

pub(super) fn draw(canvas: &mut Canvas, result: &RunResult, edge: &EdgeResult) -> Readout {
    let (left, right) = (left_room(canvas), canvas.width - 16.0);
    let mut levels: Vec<&LevelResult> = result.levels.iter().collect();
    levels.sort_by(|a, b| a.level.total_cmp(&b.level));
    let most = levels.last().map_or(1.0, |level| level.level);
    let x = Axis::linear(0.0, most * 1.05, (left, right));
    let limit = |name: &str| {
        let target = |target: &&TargetResult| target.name == name;
        levels.first().and_then(|level| level.targets.iter().find(target)).map(|target| target.limit)
    };
    let figures = [
        Figure {
            title: "requests/s",
            // A level in which nothing was answered has no throughput to draw a line to.
            of: |level| level.p95_ms.map(|_| level.requests_per_s),
            words: words::plain,
            limit: None,
            spans_magnitudes: false,
        },
        Figure {
            title: "p95",
            of: |level| level.p95_ms,
            words: format_ms,
            limit: limit("p95_response_time"),
            spans_magnitudes: true,
        },
        Figure {
            title: "errors",
            of: |level| level.error_rate,
            words: format_ratio,
            limit: limit("error_rate"),
            spans_magnitudes: false,
        },
    ];
    let (from, to) = (30.0, canvas.height - 44.0);
    let each = (to - from) / figures.len() as f64;
    for (n, figure) in figures.iter().enumerate() {
        let top = from + each * n as f64 + 16.0;
        let bottom = from + each * (n + 1) as f64 - 6.0;
        let panel = one(canvas, figure, &levels, edge, Panel { x, y: x, left, right, top, bottom });
        if n + 1 == figures.len() {
            ticks(canvas, &panel, &edge.unit);
        }
    }
    canvas.title((12.0, 14.0), "What the host bears");
    let reading = |level: &LevelResult| {
        let p95 = words::ms(level.p95_ms);
        let errors = level.error_rate.map_or_else(|| "–".to_owned(), format_ratio);
        let a_second = words::plain((level.requests_per_s * 10.0).round() / 10.0);
        format!(
            "{} {}: {}, {a_second} requests/s, p95 {p95}, errors {errors}",
            words::plain(level.level),
            edge.unit,
            words::say(level.verdict)
        )
    };
    levels.iter().map(|level| (x.at(level.level), reading(level))).collect()
}

fn one(canvas: &mut Canvas, figure: &Figure, levels: &[&LevelResult], edge: &EdgeResult, place: Panel) -> Panel {
    let values: Vec<(f64, f64, Verdict)> =
        levels.iter().filter_map(|level| Some((level.level, (figure.of)(level)?, level.verdict))).collect();
    let highest = values.iter().map(|value| value.1).fold(0.0, f64::max);
    let limit = figure.limit.filter(|limit| *limit <= NEAR * highest || highest == 0.0);
    let reach = highest.max(limit.unwrap_or(0.0)).max(f64::MIN_POSITIVE);
    let lowest = values.iter().map(|value| value.1).chain(limit).filter(|value| *value > 0.0).fold(reach, f64::min);
    let px = (place.bottom, place.top);
    let far = figure.spans_magnitudes && reach / lowest > FAR;
    let y = if far { Axis::for_times(lowest, reach, px) } else { Axis::linear(0.0, reach * 1.1, px) };
    let panel = Panel { y, ..place };
    if let (Some(passes), Some(fails)) = (edge.passes, edge.fails) {
        canvas.area((panel.x.at(passes), panel.top), (panel.x.at(fails), panel.bottom), Ink::Shade);
    }
    canvas.text((panel.left, panel.top - 8.0), figure.title, Ink::Muted, Anchor::Start);
    panel.grid(canvas, figure.words);
    for (end, ink) in [(edge.passes, Ink::Green), (edge.fails, Ink::Vermilion)] {
        if let Some(level) = end {
            let at = panel.x.at(level);
            canvas.line(&[(at, panel.top), (at, panel.bottom)], ink, 1.5);
        }
    }
    let points: Vec<(f64, f64)> = values.iter().map(|&(level, value, _)| panel.at(level, value)).collect();
    canvas.line(&points, Ink::Blue, 1.5);
    for (at, (_, _, verdict)) in points.iter().zip(&values) {
        let ink = match verdict {
            Verdict::Pass => Ink::Green,
            Verdict::Fail => Ink::Vermilion,
            _ => Ink::Muted,
        };
        canvas.dot(*at, 3.0, ink);
    }
    if let Some(limit) = limit {
        panel.target(canvas, limit, &format!("target {}", (figure.words)(limit)), &points);
    }
    panel
}

fn ticks(canvas: &mut Canvas, panel: &Panel, unit: &str) {
    for tick in panel.x.ticks(if canvas.narrow() { 4 } else { 9 }) {
        let x = panel.x.at(tick);
        canvas.line(&[(x, panel.bottom), (x, panel.bottom + 4.0)], Ink::Muted, 1.0);
        canvas.text((x, panel.bottom + 14.0), &words::plain(tick), Ink::Muted, Anchor::Middle);
    }
    let middle = f64::midpoint(panel.left, panel.right);
    canvas.text((middle, panel.bottom + 32.0), unit, Ink::Muted, Anchor::Middle);
}
