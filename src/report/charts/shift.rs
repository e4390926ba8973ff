//! `shift.svg`: how much response times changed at each percentile, with the band of what is certain.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, left_room_for};
use crate::judge::{Comparison, Shifted};
use crate::report::comparison::percent;
use crate::units::{format_ms, format_ratio};

/// Of what is drawn: how far beyond the largest change an end of a band is followed.
const FURTHEST: f64 = 3.0;

/// Half the width of an arrowhead, pixels.
const ARROW: f64 = 6.0;

pub(super) fn caption(of: &Comparison) -> String {
    let (least, most) = reach(of);
    let cut = ends(of).any(|end| end < least || end > most);
    format!(
        "Change of response time from A to B by percentile, each with its 95 % interval{}; shaded: the tolerance of {}. Above the line B is slower.",
        if cut { ", with an arrowhead where it goes on beyond the chart" } else { "" },
        format_ratio(of.tolerance)
    )
}

fn change(ratio: f64) -> f64 {
    ratio - 1.0
}

/// All ends of intervals.
fn ends(of: &Comparison) -> impl Iterator<Item = f64> {
    of.shift.iter().flat_map(|point| [change(point.ratio.low), change(point.ratio.high)])
}

/// From where to where the chart goes: an interval that is far wider than any change would flatten it.
fn reach(of: &Comparison) -> (f64, f64) {
    let largest = of.shift.iter().map(|point| change(point.ratio.value).abs()).fold(of.tolerance, f64::max);
    let inside = |end: f64| end.clamp(-FURTHEST * largest, FURTHEST * largest);
    let least = (-1.5 * of.tolerance, 1.5 * of.tolerance);
    ends(of).map(inside).fold(least, |(low, high), end| (low.min(end), high.max(end)))
}

pub(super) fn draw(canvas: &mut Canvas, of: &Comparison) -> Readout {
    let right = canvas.width - 16.0;
    let (top, bottom) = (44.0, canvas.height - 48.0);
    canvas.title(
        (12.0, 16.0),
        if canvas.narrow() { "Change by percentile" } else { "Change of response time by percentile" },
    );
    let (least, most) = reach(of);
    let y = Axis::linear(least, most, (bottom, top));
    let left = left_room_for(canvas, &y, bottom - top, percent);
    let count = of.shift.len().max(1) as f64;
    let panel = Panel { x: Axis::linear(-0.5, count - 0.5, (left, right)), y, left, right, top, bottom };
    canvas.area(panel.at(-0.5, of.tolerance), panel.at(count - 0.5, -of.tolerance), Ink::Shade);
    panel.grid(canvas, percent);
    canvas.line(&[panel.at(-0.5, 0.0), panel.at(count - 0.5, 0.0)], Ink::Muted, 1.5);
    let points: Vec<(f64, f64)> =
        of.shift.iter().enumerate().map(|(n, point)| panel.at(n as f64, change(point.ratio.value))).collect();
    for (n, point) in of.shift.iter().enumerate() {
        let band = [panel.at(n as f64, change(point.ratio.low)), panel.at(n as f64, change(point.ratio.high))];
        canvas.line(&band, Ink::Sky, 5.0);
        for (beyond, at, back) in
            [(change(point.ratio.low) < least, band[0], -ARROW), (change(point.ratio.high) > most, band[1], ARROW)]
        {
            if beyond {
                let point = [(at.0 - ARROW, at.1 + back), at, (at.0 + ARROW, at.1 + back)];
                canvas.line(&point, Ink::Sky, 2.0);
            }
        }
    }
    canvas.line(&points, Ink::Blue, 1.75);
    for (n, (at, point)) in points.iter().zip(&of.shift).enumerate() {
        canvas.dot(*at, 3.0, Ink::Blue);
        canvas.line(&[(at.0, bottom), (at.0, bottom + 4.0)], Ink::Muted, 1.0);
        // On a phone every other one has room.
        if !canvas.narrow() || n % 2 == 0 {
            canvas.text((at.0, bottom + 15.0), &name(point), Ink::Muted, Anchor::Middle);
        }
    }
    canvas.text(
        (f64::midpoint(left, right), bottom + 34.0),
        "percentile of response times",
        Ink::Muted,
        Anchor::Middle,
    );
    let read = |(at, point): (&(f64, f64), &Shifted)| {
        let (low, high) = (percent(change(point.ratio.low)), percent(change(point.ratio.high)));
        let words = format!(
            "{}: {} → {}, {} ({low} to {high})",
            name(point),
            format_ms(point.a),
            format_ms(point.b),
            percent(change(point.ratio.value))
        );
        (at.0, words)
    };
    points.iter().zip(&of.shift).map(read).collect()
}

fn name(point: &Shifted) -> String {
    format!("p{}", point.percentile)
}
