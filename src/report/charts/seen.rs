//! What a probe saw, as lines over time: in bins as wide as the chart needs them, broken where nothing was seen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::canvas::Ink;
use super::series::WIDTHS;
use super::timeline::{Blind, Line, Point};
use crate::record::{Gap, Seen, Watched};

/// At most this many points on a line.
const MOST: f64 = 150.0;
/// A peak that is higher by less is not drawn.
const HIGHER: f64 = 1.02;
/// Looks that are farther apart than so many bins are not joined.
const FAR: f64 = 3.5;

/// What a probe saw, in bins.
#[derive(Debug)]
pub(super) struct Bins<'a> {
    width_s: f64,
    looks: Vec<Vec<Cow<'a, Seen>>>,
    gaps: &'a [Gap],
}

/// What a line shows of the looks of one bin: mean and peak.
pub(super) type Of<'a> = &'a dyn Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)>;

impl<'a> Bins<'a> {
    /// Of a run that took so long.
    pub(super) fn new(watched: &'a Watched, length_s: f64) -> Self {
        let mut spans: Vec<f64> = watched.seen.iter().map(Seen::length_s).filter(|span| *span > 0.0).collect();
        spans.sort_by(f64::total_cmp);
        let usual = spans.get(spans.len() / 2).copied().unwrap_or(1.0);
        let fits = |width: &f64| length_s / width <= MOST && *width >= usual - 0.5;
        let width_s = WIDTHS.into_iter().find(fits).unwrap_or((length_s / MOST).max(usual));
        let mut bins: BTreeMap<usize, Vec<Cow<'a, Seen>>> = BTreeMap::new();
        for seen in watched.seen.iter().filter(|seen| seen.to_s >= 0.0) {
            let seen = after_gaps(seen, &watched.gaps);
            bins.entry((seen.middle_s().max(0.0) / width_s) as usize).or_default().push(seen);
        }
        Self { width_s, looks: bins.into_values().collect(), gaps: &watched.gaps }
    }

    /// A line; `None` where no look tells of it.
    pub(super) fn line(&self, name: &str, ink: Ink, of: Of<'_>) -> Option<Line> {
        let mut points: Vec<Point> = Vec::new();
        for looks in &self.looks {
            let Some((value, peak)) = of(looks) else { continue };
            if !value.is_finite() {
                continue;
            }
            let at_s = looks.iter().map(|look| look.middle_s()).sum::<f64>() / looks.len() as f64;
            let peak = (peak.is_finite() && peak > value * HIGHER).then_some(peak);
            let joined = points.last().is_some_and(|before| self.joined(before.at_s, at_s));
            points.push(Point { at_s, value, peak, joined });
        }
        let (name, width_s) = (name.to_owned(), self.width_s);
        (!points.is_empty()).then_some(Line { name, ink, points, width_s })
    }

    fn joined(&self, from_s: f64, to_s: f64) -> bool {
        to_s - from_s <= FAR * self.width_s && !self.gaps.iter().any(|gap| gap.from_s < to_s && gap.to_s > from_s)
    }
}

/// A look after a gap stands for the time since the gap; what was counted meanwhile has no place on the axis of time.
fn after_gaps<'a>(seen: &'a Seen, gaps: &[Gap]) -> Cow<'a, Seen> {
    let within = |gap: &&Gap| gap.from_s < seen.to_s && gap.to_s > seen.from_s;
    let blind: f64 = gaps.iter().filter(within).map(|gap| gap.to_s.min(seen.to_s) - gap.from_s.max(seen.from_s)).sum();
    if blind <= seen.length_s() / 2.0 {
        return Cow::Borrowed(seen);
    }
    let from_s = gaps.iter().filter(within).map(|gap| gap.to_s).fold(seen.from_s, f64::max).min(seen.to_s);
    Cow::Owned(Seen { from_s, counts: BTreeMap::new(), ..seen.clone() })
}

/// The gaps of a probe for a chart.
pub(super) fn blind(watched: &Watched) -> Vec<Blind> {
    watched
        .gaps
        .iter()
        .filter(|gap| gap.to_s > gap.from_s)
        .map(|gap| Blind { from_s: gap.from_s, to_s: gap.to_s, who: watched.name.to_string(), why: gap.why.clone() })
        .collect()
}

/// A gauge's mean, or a count's rate a second.
pub(super) fn figure(name: &str) -> impl Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)> {
    move |looks| {
        let peak = looks.iter().filter_map(|look| look.peak(name)).fold(f64::NEG_INFINITY, f64::max);
        mean(looks, |look| look.gauges.get(name).copied()).or_else(|| rate(looks, name)).map(|value| (value, peak))
    }
}

/// What looks tell, each weighted by its length.
fn mean(looks: &[Cow<'_, Seen>], of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
    let told = looks.iter().filter_map(|look| Some((of(look)?, look.length_s().max(1e-3))));
    let (sum, length) = told.fold((0.0, 0.0), |(sum, all), (value, length)| (sum + value * length, all + length));
    (length > 0.0).then(|| sum / length)
}

fn rate(looks: &[Cow<'_, Seen>], name: &str) -> Option<f64> {
    let told = looks.iter().filter_map(|look| Some((look.counts.get(name)?, look.length_s())));
    let (sum, length) = told.fold((0.0, 0.0), |(sum, all), (count, length)| (sum + count, all + length));
    (length > 0.0).then(|| sum / length)
}

fn sum(looks: &[Cow<'_, Seen>], name: &str) -> Option<f64> {
    looks.iter().filter_map(|look| look.counts.get(name)).copied().reduce(|a, b| a + b)
}

/// One count for each of another, in another unit.
pub(super) fn per(name: &str, each: &str, scale: f64) -> impl Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)> {
    move |looks| {
        let each = sum(looks, each).filter(|each| *each > 0.0)?;
        let value = sum(looks, name)? / each * scale;
        Some((value, value))
    }
}

/// Of two counts together, the share of the first.
pub(super) fn share(name: &str, other: &str) -> impl Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)> {
    move |looks| {
        let (some, others) = (sum(looks, name)?, sum(looks, other).unwrap_or(0.0));
        let value = (some + others > 0.0).then(|| some / (some + others))?;
        Some((value, value))
    }
}

/// What a subject uses of what it may use.
pub(super) fn of_limit(
    of: fn(&Seen) -> Option<f64>,
    peak: fn(&Seen) -> Option<f64>,
) -> impl Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)> {
    move |looks| {
        let highest = looks.iter().filter_map(|look| peak(look)).fold(f64::NEG_INFINITY, f64::max);
        mean(looks, of).map(|value| (value, highest))
    }
}

/// Several counts together, a second.
pub(super) fn together(names: [&'static str; 2]) -> impl Fn(&[Cow<'_, Seen>]) -> Option<(f64, f64)> {
    move |looks| {
        let parts: Vec<f64> = names.iter().filter_map(|name| rate(looks, name)).collect();
        let value: f64 = parts.iter().sum();
        (!parts.is_empty()).then_some((value, value))
    }
}

/// The parts of a figure that a probe tells of: `idle`, `active`.
pub(super) fn parts<'a>(watched: &'a Watched, whole: &str) -> BTreeSet<&'a str> {
    let names = watched.seen.iter().flat_map(|seen| seen.gauges.keys().chain(seen.counts.keys()));
    names.filter_map(|name| name.strip_prefix(whole)?.strip_prefix('.')).collect()
}

/// The name of a part of a figure.
pub(super) fn figure_of(whole: &str, part: &str) -> String {
    format!("{whole}.{part}")
}

/// The last value of a gauge that does not change, or hardly: a limit.
pub(super) fn last(watched: &Watched, name: &str) -> Option<f64> {
    watched.seen.iter().rev().find_map(|seen| seen.gauges.get(name).copied()).filter(|limit| *limit > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ProbeKind, ProbeName};

    fn watched(seen: Vec<Seen>, gaps: Vec<Gap>) -> Watched {
        let name = ProbeName { kind: ProbeKind::Postgres, name: String::new(), facts: BTreeMap::new() };
        Watched { seen, gaps, ..Watched::new(name) }
    }

    fn look(from_s: f64, to_s: f64, calls: f64) -> Seen {
        let counts = BTreeMap::from([("calls".to_owned(), calls)]);
        let gauges = BTreeMap::from([("connections".to_owned(), 5.0)]);
        Seen { from_s, to_s, gauges, counts, ..Seen::default() }
    }

    #[test]
    fn no_line_leads_through_a_gap_and_what_was_counted_in_it_is_not_drawn() {
        let mut seen: Vec<Seen> = (0..10).map(|n| look(f64::from(n), f64::from(n + 1), 40.0)).collect();
        // Counters went on through the gap: 400 calls at once.
        seen.push(look(10.0, 20.5, 400.0));
        seen.extend((20..30).map(|n| look(f64::from(n) + 0.5, f64::from(n) + 1.5, 40.0)));
        let gap = Gap { from_s: 10.0, to_s: 20.0, why: "refused".to_owned() };
        let watched = watched(seen, vec![gap]);
        let bins = Bins::new(&watched, 31.0);
        let line = bins.line("calls", Ink::Blue, &figure("calls")).unwrap();
        let breaks: Vec<f64> = line.points.iter().filter(|point| !point.joined).map(|point| point.at_s).collect();
        assert_eq!(breaks, [0.5, 21.0]);
        assert!(line.points.iter().all(|point| point.value == 40.0 && !(10.0..20.0).contains(&point.at_s)));
        let gauge = bins.line("connections", Ink::Blue, &figure("connections")).unwrap();
        assert_eq!(gauge.points.iter().filter(|point| !point.joined).map(|p| p.at_s).collect::<Vec<_>>(), [0.5, 20.25]);
        assert!(bins.line("rows", Ink::Blue, &figure("rows")).is_none());
    }

    #[test]
    fn a_merged_minute_keeps_its_peak_though_a_short_gap_is_within() {
        let minute = |n: u32, peak: f64| Seen {
            peaks: BTreeMap::from([("calls".to_owned(), peak)]),
            ..look(f64::from(n) * 60.0, f64::from(n) * 60.0 + 60.0, 600.0)
        };
        let gap = Gap { from_s: 65.0, to_s: 70.0, why: "hung".to_owned() };
        let watched = watched((0..5).map(|n| minute(n, if n == 2 { 90.0 } else { 10.0 })).collect(), vec![gap]);
        let bins = Bins::new(&watched, 300.0);
        let line = bins.line("calls", Ink::Blue, &figure("calls")).unwrap();
        let joined: Vec<bool> = line.points.iter().map(|point| point.joined).collect();
        assert_eq!(joined, [false, false, true, true, true]);
        assert!(line.points.iter().all(|point| point.value == 10.0));
        assert_eq!(line.points.iter().filter_map(|point| point.peak).collect::<Vec<_>>(), [90.0]);
    }

    #[test]
    fn shares_are_of_sums_and_long_runs_are_thinned() {
        let mut looks: Vec<Seen> =
            (0..600).map(|n| look(f64::from(n), f64::from(n + 1), f64::from(n % 2) * 2.0)).collect();
        for look in &mut looks {
            look.counts.insert("misses".to_owned(), 1.0);
        }
        let watched = watched(looks, Vec::new());
        let bins = Bins::new(&watched, 600.0);
        let line = bins.line("x", Ink::Blue, &share("calls", "misses")).unwrap();
        assert_eq!((line.points.len(), line.width_s), (120, 5.0));
        assert!(line.points.iter().all(|point| (0.4..0.6).contains(&point.value) && point.peak.is_none()));
    }
}
