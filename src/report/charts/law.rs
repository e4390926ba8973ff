//! Throughput against what is in flight: the levels of the scaling law, the fitted curve with its band, and the knee.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, left_room_for};
use crate::judge::{LawLevel, LawResult};
use crate::report::capacity::law_level;
use crate::report::words::plain;

pub(super) fn caption(law: &LawResult) -> String {
    let curve = if law.curve.is_empty() {
        "there is no law for them"
    } else {
        "the line is the scaling law fitted to them, shaded with its 95 % interval"
    };
    let knee = if law.knee.is_some() { "; the dashed line is the knee, past which more makes less" } else { "" };
    format!("Successful requests a second of each level against the requests in flight; {curve}{knee}.")
}

pub(super) fn draw(canvas: &mut Canvas, law: &LawResult) -> Readout {
    let (right, top, bottom) = (canvas.width - 16.0, 44.0, canvas.height - 48.0);
    let mut levels: Vec<&LawLevel> = law.levels.iter().collect();
    levels.sort_by(|a, b| a.in_flight.total_cmp(&b.in_flight));
    let far = levels.iter().map(|level| level.in_flight).chain(law.curve.iter().map(|point| point.in_flight));
    let far = far.fold(1.0, f64::max);
    let most =
        levels.iter().map(|level| level.requests_per_s).chain(law.curve.iter().map(|point| point.requests_per_s));
    let y = Axis::linear(0.0, most.fold(f64::MIN_POSITIVE, f64::max) * 1.15, (bottom, top));
    let left = left_room_for(canvas, &y, bottom - top, plain);
    let panel = Panel { x: Axis::linear(0.0, far * 1.02, (left, right)), y, left, right, top, bottom };
    canvas.title(
        (12.0, 16.0),
        if canvas.narrow() { "Scaling law" } else { "Scaling law: requests/s by requests in flight" },
    );
    panel.grid(canvas, plain);
    for pair in law.curve.windows(2) {
        // A band of slices: the canvas knows rectangles alone.
        let (a, b) = (&pair[0], &pair[1]);
        canvas.area(
            panel.at(a.in_flight, f64::midpoint(a.low, b.low)),
            panel.at(b.in_flight, f64::midpoint(a.high, b.high)),
            Ink::Shade,
        );
    }
    for end in [|point: &crate::judge::LawPoint| point.low, |point: &crate::judge::LawPoint| point.high] {
        let edge: Vec<(f64, f64)> = law.curve.iter().map(|point| panel.at(point.in_flight, end(point))).collect();
        canvas.faint_line(&edge, Ink::Blue);
    }
    let curve: Vec<(f64, f64)> =
        law.curve.iter().map(|point| panel.at(point.in_flight, point.requests_per_s)).collect();
    if !curve.is_empty() {
        canvas.line(&curve, Ink::Blue, 2.0);
    }
    if let Some(knee) = law.knee {
        canvas.area((panel.x.at(knee.low), top), (panel.x.at(knee.high.min(far)), bottom), Ink::Shade);
        let at = panel.x.at(knee.value);
        canvas.line(&[(at, top), (at, bottom)], Ink::Limit, 1.5);
        let (anchor, beside) = if at > f64::midpoint(left, right) { (Anchor::End, -6.0) } else { (Anchor::Start, 6.0) };
        canvas.text((at + beside, bottom - 12.0), &format!("knee {:.0}", knee.value), Ink::Muted, anchor);
    }
    for level in &levels {
        let ink = if level.left_out.is_some() { Ink::Muted } else { Ink::Green };
        canvas.dot(panel.at(level.in_flight, level.requests_per_s), 3.5, ink);
    }
    for tick in panel.x.ticks(if canvas.narrow() { 4 } else { 9 }) {
        let x = panel.x.at(tick);
        canvas.line(&[(x, bottom), (x, bottom + 4.0)], Ink::Muted, 1.0);
        canvas.text((x, bottom + 15.0), &plain(tick), Ink::Muted, Anchor::Middle);
    }
    canvas.text((f64::midpoint(left, right), bottom + 34.0), "requests in flight", Ink::Muted, Anchor::Middle);
    let reading = |level: &LawLevel| {
        let left_out = level.left_out.as_deref().map(|why| format!(", left out: {why}")).unwrap_or_default();
        let (in_flight, a_second) = (level.in_flight * 10.0, level.requests_per_s * 10.0);
        let (in_flight, a_second) = (plain(in_flight.round() / 10.0), plain(a_second.round() / 10.0));
        format!("{}: {in_flight} in flight, {a_second} requests/s{left_out}", law_level(level, &law.unit))
    };
    levels.iter().map(|level| (panel.x.at(level.in_flight), reading(level))).collect()
}
