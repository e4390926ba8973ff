//! Figures over the time of the run: one strip under another, all on the same axis of time, so that the eye can go straight
//! down; lines with their names beside them, limits and targets dashed, bands where nothing was seen.

use std::fmt::Write as _;

use super::Readout;
use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Ink};
use super::panel::{Panel, judged_windows, left_room, length_s};
use crate::judge::RunResult;
use crate::record::Run;
use crate::report::amounts::Say;
use crate::report::columns::cut_middle;
use crate::report::words;

/// Room left of the strips on a phone: `800 kB/s` fits.
const LEFT_NARROW: f64 = 60.0;
/// Room right of the strips for names of lines, on a screen.
const LABELS: f64 = 168.0;
/// So many characters have room there.
const LABEL_CHARS: usize = 24;
/// A row of names above a strip, on a phone.
const LEGEND_ROW: f64 = 15.0;

/// Strips one under another.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Its name; empty where the first strip's is enough.
    pub(super) title: String,
    /// From the top.
    pub(super) strips: Vec<Strip>,
}

/// Lines that share an axis.
#[derive(Debug)]
pub(super) struct Strip {
    /// What is drawn, with its unit.
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) marks: Vec<Mark>,
    pub(super) gaps: Vec<Blind>,
    pub(super) scale: Scale,
    pub(super) say: Say,
    /// Stands in its middle where there is no line.
    pub(super) instead: String,
}

/// What the vertical axis covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Zero,
    /// Times: logarithmic where they are far apart.
    Times,
    /// Shares that mostly are near 1: from 0, or as near to 1 as they all are.
    Share,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) ink: Ink,
    /// In order of time.
    pub(super) points: Vec<Point>,
    /// So much time a point stands for.
    pub(super) width_s: f64,
}

/// One point of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) at_s: f64,
    pub(super) value: f64,
    /// The highest within what the point stands for, where it is another.
    pub(super) peak: Option<f64>,
    /// A line leads to it from the point before.
    pub(super) joined: bool,
}

/// A dashed line across.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) words: String,
    pub(super) at: f64,
    /// To be met; else a capacity.
    pub(super) target: bool,
}

/// A time in which nothing was seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blind {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// Who saw nothing.
    pub(super) who: String,
    pub(super) why: String,
}

impl Strip {
    /// The highest value or peak of its lines.
    pub(super) fn most(&self) -> f64 {
        let highest = |point: &Point| point.peak.map_or(point.value, |peak| peak.max(point.value));
        self.lines.iter().flat_map(|line| &line.points).map(highest).fold(0.0, f64::max)
    }

    fn least(&self) -> f64 {
        self.lines.iter().flat_map(|line| &line.points).map(|point| point.value).fold(f64::INFINITY, f64::min)
    }

    /// Nothing but zeros.
    pub(super) fn zero(&self) -> bool {
        self.most() == 0.0
    }

    fn axis(&self, px: (f64, f64)) -> Axis {
        let most = self.most();
        // A capacity far above the lines would flatten them: it is then only named.
        let marks = self.marks.iter().filter(|mark| mark.target || near(mark.at, most)).map(|mark| mark.at);
        let most = marks.fold(most, f64::max);
        match self.scale {
            Scale::Times => {
                let lowest = self.lines.iter().flat_map(|line| &line.points).map(|point| point.value);
                let lowest = lowest.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
                Axis::for_times(lowest, most, px)
            }
            Scale::Zero => Axis::linear(0.0, most * 1.12, px),
            Scale::Share => {
                let floor = [0.99, 0.9, 0.5].into_iter().find(|floor| self.least() > *floor).unwrap_or(0.0);
                Axis::linear(floor, 1.0 + (1.0 - floor) * 0.04, px)
            }
        }
    }
}

/// Whether a capacity has a place on the axis of lines that reach so high.
fn near(limit: f64, most: f64) -> bool {
    limit <= most * 4.0
}

/// Draws all strips; the canvas becomes as high as they need.
pub(super) fn draw(canvas: &mut Canvas, run: &Run, result: &RunResult, of: &Timeline) -> Readout {
    let length = length_s(run);
    let narrow = canvas.narrow();
    let (left, right) =
        if narrow { (LEFT_NARROW, canvas.width - 20.0) } else { (left_room(canvas), canvas.width - LABELS) };
    let x = Axis::linear(0.0, length, (left, right));
    let mut top = if of.title.is_empty() { 0.0 } else { 26.0 };
    if !of.title.is_empty() {
        canvas.title((12.0, 16.0), &of.title);
    }
    let windows = judged_windows(result);
    for (n, strip) in of.strips.iter().enumerate() {
        let last = n + 1 == of.strips.len();
        let height = height(narrow, of.strips.len(), strip);
        let scale = if strip.axis((1.0, 0.0)).is_log() { ", log scale" } else { "" };
        let title = format!("{}{scale}", strip.title);
        if of.title.is_empty() && n == 0 {
            canvas.title((12.0, top + 16.0), &title);
        } else {
            canvas.text((12.0, top + 14.0), &title, Ink::Text, Anchor::Start);
        }
        top += 28.0;
        if narrow {
            top += legend(canvas, strip, top);
        }
        let bottom = top + height;
        let panel = Panel { x, y: strip.axis((bottom, top)), left, right, top, bottom };
        one(canvas, &panel, strip, &windows);
        panel.time_ticks(canvas, length, last);
        top = bottom + if last { 26.0 } else { 10.0 };
    }
    canvas.height = top;
    readout(of, length).into_iter().map(|(at_s, words)| (x.at(at_s), words)).collect()
}

fn height(narrow: bool, strips: usize, strip: &Strip) -> f64 {
    match (strip.lines.is_empty(), narrow, strips) {
        (true, ..) => 40.0,
        (_, true, _) => 120.0,
        (_, _, 1) => 140.0,
        _ => 112.0,
    }
}

fn one(canvas: &mut Canvas, panel: &Panel, strip: &Strip, windows: &[(f64, f64)]) {
    panel.judged(canvas, windows, false);
    let gaps: Vec<(f64, f64, &str)> = strip.gaps.iter().map(|gap| (gap.from_s, gap.to_s, &*gap.who)).collect();
    if strip.lines.is_empty() {
        panel.gaps(canvas, &gaps);
        canvas.line(&[(panel.left, panel.bottom), (panel.right, panel.bottom)], Ink::Muted, 1.0);
        panel.instead(canvas, &strip.instead);
        return;
    }
    panel.grid(canvas, strip.say);
    panel.gaps(canvas, &gaps);
    let mut drawn = Vec::new();
    for line in strip.lines.iter().rev() {
        for part in line.points.chunk_by(|_, next| next.joined) {
            let at = |value: fn(&Point) -> f64| -> Vec<(f64, f64)> {
                part.iter().map(|point| panel.at(point.at_s, value(point))).collect()
            };
            if part.iter().any(|point| point.peak.is_some()) {
                canvas.faint_line(&at(|point| point.peak.unwrap_or(point.value)), line.ink);
            }
            let points = at(|point| point.value);
            canvas.line(&points, line.ink, 1.75);
            drawn.extend(points);
        }
    }
    let most = strip.most();
    for mark in &strip.marks {
        if mark.target {
            if !canvas.narrow() {
                panel.target_line(canvas, mark.at);
            }
        } else if near(mark.at, most) {
            let y = panel.y.at(mark.at);
            canvas.line(&[(panel.left, y), (panel.right, y)], Ink::Limit, 1.25);
            canvas.text((panel.left + 4.0, y - 8.0), &mark.words, Ink::Muted, Anchor::Start);
        }
    }
    if canvas.narrow() {
        let targets = strip.marks.iter().filter(|mark| mark.target);
        panel.targets(canvas, &targets.map(|mark| (mark.at, &*mark.words)).collect::<Vec<_>>(), &drawn);
    } else {
        let end = |line: &Line| line.points.last().map_or(panel.bottom, |point| panel.y.at(point.value));
        let lines = strip.lines.iter().map(|line| (cut_middle(&line.name, LABEL_CHARS), end(line), line.ink));
        let targets = strip.marks.iter().filter(|mark| mark.target);
        let targets = targets.map(|mark| (mark.words.clone(), panel.y.at(mark.at), Ink::Target));
        let labels: Vec<(String, f64, Ink)> = lines.chain(targets).collect();
        panel.labels(canvas, &labels);
    }
}

/// Names of lines in rows; how high they are.
fn legend(canvas: &mut Canvas, strip: &Strip, top: f64) -> f64 {
    let (mut x, mut y) = (14.0, top + 2.0);
    if strip.lines.is_empty() {
        return 0.0;
    }
    for line in &strip.lines {
        let name = cut_middle(&line.name, 34);
        let width = 34.0 + 6.0 * name.chars().count() as f64;
        if x > 14.0 && x + width > canvas.width - 6.0 {
            (x, y) = (14.0, y + LEGEND_ROW);
        }
        canvas.line(&[(x, y), (x + 14.0, y)], line.ink, 2.5);
        canvas.text((x + 19.0, y), &name, Ink::Text, Anchor::Start);
        x += width;
    }
    y - top + 14.0
}

/// Time and words, wherever a line has a point, and in the middle of every gap.
fn readout(of: &Timeline, length_s: f64) -> Vec<(f64, String)> {
    let lines = || of.strips.iter().flat_map(|strip| strip.lines.iter().map(move |line| (line, strip)));
    // A name that stands in several strips is told with its strip's.
    let twice = |name: &str| lines().filter(|(line, _)| line.name == name).count() > 1;
    let gaps = || of.strips.iter().flat_map(|strip| &strip.gaps);
    let apart = lines().map(|(line, _)| line.width_s).fold(f64::INFINITY, f64::min).min(length_s) * 0.6;
    let mut times: Vec<f64> = lines().flat_map(|(line, _)| line.points.iter().map(|point| point.at_s)).collect();
    times.extend(gaps().map(|gap| f64::midpoint(gap.from_s, gap.to_s).min(length_s)));
    times.sort_by(f64::total_cmp);
    let mut last = f64::NEG_INFINITY;
    times.retain(|at| {
        let kept = *at - last >= apart;
        if kept {
            last = *at;
        }
        kept
    });
    let words = |at_s: f64| {
        let mut text = format!("{}: ", words::seconds(at_s));
        let mut parts: Vec<String> = Vec::new();
        for (line, strip) in lines() {
            let nearest = nearest(&line.points, at_s).filter(|point| (point.at_s - at_s).abs() <= line.width_s);
            if let Some(point) = nearest {
                let of = if twice(&line.name) { format!("{} of ", strip.title) } else { String::new() };
                let mut part = format!("{of}{} {}", line.name, (strip.say)(point.value));
                if let Some(peak) = point.peak {
                    let _ = write!(part, " (peak {})", (strip.say)(peak));
                }
                parts.push(part);
            }
        }
        for gap in gaps().filter(|gap| (gap.from_s..=gap.to_s).contains(&at_s)) {
            let blind = format!("{} saw nothing: {}", gap.who, gap.why);
            if !parts.contains(&blind) {
                parts.push(blind);
            }
        }
        text.push_str(&parts.join(" · "));
        text
    };
    times.into_iter().map(|at_s| (at_s, words(at_s))).collect()
}

fn nearest(points: &[Point], at_s: f64) -> Option<&Point> {
    let after = points.partition_point(|point| point.at_s < at_s);
    let around = points[after.saturating_sub(1)..].iter().take(2);
    around.min_by(|a, b| (a.at_s - at_s).abs().total_cmp(&(b.at_s - at_s).abs()))
}
