//! The line through what was seen of a figure while the load stayed the same: whether it grows, how fast, and whether it goes on.
//!
//! The steady time is cut into windows, each of them one point. The first quarter of the hold is left out: what fills up at the
//! start (caches, pools, a heap) is no growth that goes on. Through the rest goes the line of Theil and Sen with its interval
//! ([`slope_at`]). Growth is shown where the lower end of that interval lies above 0 and the later half of the points,
//! looked at by itself, grows too. It is slowing down where that half grows at less than 60 % of the speed of the whole, or
//! surely slower than the half before it.
//!
//! Of memory a window counts by its lowest look, not by its mean: what a collector will give back is no growth, and the floor
//! between two collections moves far less than the teeth above it.

use super::looks::Looks;
use super::steady::Part;
use crate::record::{Run, Watched};
use crate::stats::{Slope, slope_at};

/// The time is cut into so many windows: enough for both halves of what is left to have a slope of their own.
pub(super) const WINDOWS: usize = 32;
/// Memory is given in whole pages.
pub(super) const PAGE_BYTES: f64 = 4096.0;
/// Less time than this tells no growth from a start.
pub(super) const LEAST_S: f64 = 30.0;
/// The part of a hold that is left out at its start.
pub(super) const START: f64 = 0.25;
/// The later half grows at this share of the whole's speed, or is slowing down.
pub(super) const STILL: f64 = 0.6;
/// Of the halves: 95 % on the side that matters.
const OF_HALVES: f64 = 0.9;

/// Programs that fill the memory they were given, on purpose.
const FILLS_UP: [&str; 7] = ["postgres", "redis", "valkey", "memcached", "mysql", "mariadb", "mongo"];

/// Whether a figure grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// None is shown; or there was some, and it is over.
    None,
    /// It grows, ever slower: where it ends is not told.
    Slowing,
    /// It has grown all at once: whether it goes on is not told.
    Sudden,
    /// It grows, and does not stop.
    Steady,
}

/// A window of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// When, seconds since the start of the load.
    pub(super) at_s: f64,
    /// By what it counts.
    pub(super) value: f64,
    /// The mean over it; where that is not what counts, a little higher.
    pub(super) mean: f64,
}

/// What the looks of a window tell.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    count: f64,
    /// The sum of when.
    at_s: f64,
    /// The sum of means.
    mean: f64,
    /// The lowest, and when.
    low: (f64, f64),
}

/// The points of a figure, from its first to its last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points {
    pub(super) points: Vec<Point>,
    /// Where the line begins, seconds since the start of the load.
    pub(super) from_s: f64,
}

/// The line through the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// A second.
    pub(super) slope: Slope,
    /// The lower end of the later half's slope, a second.
    pub(super) late_low: f64,
    pub(super) growth: Growth,
    /// What the figure is where the line begins: its mean.
    pub(super) level: f64,
    /// What it is there at least, where few were counted.
    pub(super) level_low: f64,
    /// From its first point to its last, seconds.
    pub(super) seconds: f64,
    /// Where it begins: its first point.
    pub(super) from_s: f64,
}

/// In which of the windows between two instants another lies.
pub(super) fn place(at_s: f64, from_s: f64, to_s: f64) -> usize {
    let share = (at_s - from_s) / (to_s - from_s).max(f64::MIN_POSITIVE);
    ((share * WINDOWS as f64).max(0.0) as usize).min(WINDOWS - 1)
}

/// Where the hold began that a part lies in; of a part that lies in none, where that begins.
pub(super) fn held_from_s(run: &Run, part: Part) -> f64 {
    let holds = run.asked.plan.holds();
    let around = holds.iter().find(|hold| hold.from_s <= part.from_s + 1.0 && part.to_s <= hold.to_s + 1.0);
    around.map_or(part.from_s, |hold| hold.from_s.min(part.from_s))
}

impl Points {
    /// Of windows that are cut elsewhere, of a hold between two instants.
    pub(super) fn within(points: Vec<Point>, held_from_s: f64, to_s: f64) -> Self {
        Self { points, from_s: held_from_s + START * (to_s - held_from_s) }
    }

    /// Of a gauge within the parts that are looked at, of a hold that began at an instant; `lowest`: a window counts by its
    /// lowest look, not by its mean.
    pub(super) fn of_gauge(looks: &Looks<'_>, name: &str, held_from_s: f64, lowest: bool) -> Self {
        let (Some(from_s), Some(to_s)) = (looks.begin_s(), looks.end_s()) else { return Self::default() };
        let mut windows = [Gathered { count: 0.0, at_s: 0.0, mean: 0.0, low: (f64::INFINITY, 0.0) }; WINDOWS];
        for (seen, _) in &looks.seen {
            let (Some(&mean), Some(low)) = (seen.gauges.get(name), seen.low(name)) else { continue };
            if mean.is_finite() && low.is_finite() {
                let at_s = seen.middle_s();
                let window = &mut windows[place(at_s, from_s, to_s)];
                window.count += 1.0;
                window.at_s += at_s;
                window.mean += mean;
                if low < window.low.0 {
                    window.low = (low, at_s);
                }
            }
        }
        let point = |window: Gathered| {
            let (mean, (low, lowest_s)) = (window.mean / window.count, window.low);
            let (value, at_s) = if lowest { (low, lowest_s) } else { (mean, window.at_s / window.count) };
            (window.count > 0.0).then_some(Point { at_s, value, mean })
        };
        Self::within(windows.into_iter().filter_map(point).collect(), held_from_s, to_s)
    }

    /// The line through what is not left out, with an interval of this confidence; `None` where that is too little. What is
    /// counted in whole steps of `unit` can have grown by one that was not seen: the interval is no narrower than one
    /// of them over the line to either side.
    pub(super) fn line(&self, confidence: f64, unit: f64) -> Option<Line> {
        let counted: Vec<Point> = self.points.iter().copied().filter(|point| point.at_s >= self.from_s).collect();
        let (first, last) = (counted.first()?, counted.last()?);
        let seconds = last.at_s - first.at_s;
        if seconds < 0.6 * LEAST_S {
            return None;
        }
        let half_s = f64::midpoint(first.at_s, last.at_s);
        let of = |confidence, within: &dyn Fn(&Point) -> bool| {
            let pairs: Vec<(f64, f64)> =
                counted.iter().filter(|point| within(point)).map(|point| (point.at_s, point.value)).collect();
            slope_at(confidence, &pairs)
        };
        let mut whole = of(confidence, &|_| true)?;
        whole.low = whole.low.min(whole.value - unit / seconds);
        whole.high = whole.high.max(whole.value + unit / seconds);
        let (early, late) =
            (of(OF_HALVES, &|point| point.at_s < half_s)?, of(OF_HALVES, &|point| point.at_s >= half_s)?);
        let growth = if whole.low <= 0.0 || late.low <= 0.0 {
            Growth::None
        } else if late.value < STILL * whole.value || late.high < early.low {
            Growth::Slowing
        } else {
            Growth::Steady
        };
        let mut above: Vec<f64> = counted.iter().map(|point| point.mean - point.value).collect();
        above.sort_by(f64::total_cmp);
        let level = whole.start + above[above.len() / 2];
        Some(Line { slope: whole, late_low: late.low, growth, level, level_low: level, seconds, from_s: first.at_s })
    }
}

/// Whether a program takes all the memory it was given, and is meant to.
pub(super) fn fills_up(watched: &Watched) -> bool {
    let name = &watched.name;
    let told = name.facts.iter().filter(|(key, _)| ["image", "program"].contains(&key.as_str())).map(|(_, fact)| fact);
    told.chain([&name.name]).any(|told| {
        let told = told.to_lowercase();
        FILLS_UP.iter().any(|program| told.contains(program))
    })
}
