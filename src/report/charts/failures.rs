//! `failures.svg`: failures over time by kind, or plainly that there were none.

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, judged_windows, left_room, length_s};
use super::series::{self, CountsBin};
use crate::judge::RunResult;
use crate::record::{FailureKind, Run};
use crate::report::words;
use crate::units::format_count;

/// At most this many bars on a screen.
const MOST: f64 = 120.0;
/// And on a phone.
const MOST_NARROW: f64 = 60.0;

pub(super) fn caption(result: &RunResult) -> String {
    match (result.totals.requests, result.totals.failures) {
        (0, _) => "Failures over time by kind: no request was made.".to_owned(),
        (requests, 0) => format!("Failures over time by kind: none in {} requests.", format_count(requests)),
        (requests, failures) => {
            format!("Failures over time by kind: {} in {} requests.", format_count(failures), format_count(requests))
        }
    }
}

fn ink(kind: FailureKind) -> Ink {
    match kind {
        FailureKind::Status => Ink::Vermilion,
        FailureKind::Timeout => Ink::Blue,
        FailureKind::Connect => Ink::Pink,
        FailureKind::Reset => Ink::Orange,
        FailureKind::Body => Ink::Green,
        FailureKind::Check => Ink::Muted,
    }
}

pub(super) fn draw(canvas: &mut Canvas, run: &Run, result: &RunResult) -> Readout {
    let length = length_s(run);
    let width_s = series::width_s(run, if canvas.narrow() { MOST_NARROW } else { MOST });
    let bins = series::counts(run, width_s);
    let most = bins.iter().map(|bin| bin.failures.values().sum::<u64>()).max().unwrap_or(0);
    if most == 0 {
        canvas.height = 150.0;
    }
    let (left, right, top, bottom) = (left_room(canvas), canvas.width - 16.0, 64.0, canvas.height - 48.0);
    let panel = Panel {
        x: Axis::linear(0.0, length, (left, right)),
        y: Axis::linear(0.0, (most as f64 * 1.1).max(4.0), (bottom, top)),
        left,
        right,
        top,
        bottom,
    };
    canvas.title((12.0, 16.0), &format!("Failures in each {}", words::seconds(width_s)));
    panel.judged(canvas, &judged_windows(result), true);
    if most > 0 {
        panel.grid(canvas, words::plain);
    }
    panel.time(canvas, length, true);
    if most == 0 {
        let words = match result.totals.requests {
            0 => "no request was made".to_owned(),
            n => format!("no failures in {} requests", format_count(n)),
        };
        panel.instead(canvas, &words);
        return Vec::new();
    }
    legend(canvas, &bins);
    for bin in &bins {
        let (from, to) = (panel.x.at(bin.from_s), panel.x.at(bin.to_s));
        let gap = ((to - from) * 0.15).min(2.0);
        let mut below = 0.0;
        for (kind, n) in &bin.failures {
            let above = below + *n as f64;
            canvas.area((from + gap, panel.y.at(below)), (to - gap, panel.y.at(above)), ink(*kind));
            below = above;
        }
    }
    let read = |bin: &CountsBin| {
        let kinds = bin.failures.iter().map(|(kind, n)| format!("{} {}", kind.as_str(), format_count(*n)));
        let kinds: Vec<String> = kinds.collect();
        let kinds = if kinds.is_empty() { "no failures".to_owned() } else { kinds.join(" · ") };
        let middle = f64::midpoint(bin.from_s, bin.to_s);
        (panel.x.at(middle), format!("{}: {kinds}", words::span(bin.from_s, bin.to_s)))
    };
    bins.iter().map(read).collect()
}

/// The kinds that occur, each with its colour.
fn legend(canvas: &mut Canvas, bins: &[CountsBin]) {
    let mut x = 14.0;
    for kind in FailureKind::ALL {
        if bins.iter().any(|bin| bin.failures.contains_key(&kind)) {
            canvas.area((x, 32.0), (x + 10.0, 42.0), ink(kind));
            canvas.text((x + 15.0, 37.0), kind.as_str(), Ink::Text, Anchor::Start);
            x += 28.0 + 6.6 * kind.as_str().len() as f64;
        }
    }
}
