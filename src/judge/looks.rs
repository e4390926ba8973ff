//! What a probe saw within the parts of a run that are judged.

use super::steady::Part;
use crate::record::{Seen, Watched};

/// A look that is no longer than this tells of its second; a longer one spans a gap, unless it keeps peaks of its own.
const A_SECOND_S: f64 = 2.5;

/// The looks of a probe within some parts of the run, in order.
pub(super) struct Looks<'a> {
    pub(super) watched: &'a Watched,
    parts: &'a [Part],
    /// Each with the part that it lies in.
    pub(super) seen: Vec<(&'a Seen, usize)>,
}

impl<'a> Looks<'a> {
    pub(super) fn new(watched: &'a Watched, parts: &'a [Part]) -> Self {
        let within =
            |(hold, part): (usize, &'a Part)| watched.within(part.from_s, part.to_s).map(move |seen| (seen, hold));
        Self { watched, parts, seen: parts.iter().enumerate().flat_map(within).collect() }
    }

    /// Where the first of the parts begins, seconds since the start of the load.
    pub(super) fn begin_s(&self) -> Option<f64> {
        self.parts.first().map(|part| part.from_s)
    }

    /// Where the last of them ends.
    pub(super) fn end_s(&self) -> Option<f64> {
        self.parts.last().map(|part| part.to_s)
    }

    /// The length of the parts, seconds.
    pub(super) fn window_s(&self) -> f64 {
        self.parts.iter().map(|part| part.to_s - part.from_s).sum()
    }

    /// Seconds of the parts that looks tell of. `each_second`: only looks that miss no second's peak count.
    pub(super) fn told_s(&self, each_second: bool, tells: impl Fn(&Seen) -> bool) -> f64 {
        let overlap = |(seen, hold): &(&Seen, usize)| {
            let part = &self.parts[*hold];
            (seen.to_s.min(part.to_s) - seen.from_s.max(part.from_s)).max(0.0)
        };
        let fine = |seen: &Seen| !each_second || seen.length_s() <= A_SECOND_S || !seen.peaks.is_empty();
        self.seen.iter().filter(|(seen, _)| fine(seen) && tells(seen)).map(overlap).sum()
    }

    /// The mean over time of a gauge, or of a count's rate a second; `None` where no look tells.
    pub(super) fn mean(&self, name: &str) -> Option<f64> {
        self.mean_of(|seen| figure(seen, name))
    }

    /// The mean over time of what each look tells.
    pub(super) fn mean_of(&self, of: impl Fn(&Seen) -> Option<f64>) -> Option<f64> {
        let (sum, weights) = self.seen.iter().fold((0.0, 0.0), |(sum, weights), (seen, _)| {
            // Looks of no length, as the first is, count a little: better than not at all.
            let weight = seen.length_s().max(1e-3);
            of(seen).filter(|value| value.is_finite()).map_or((sum, weights), |v| (sum + v * weight, weights + weight))
        });
        (weights > 0.0).then(|| sum / weights).filter(|mean| mean.is_finite())
    }

    /// The highest of a second; `None` where no look tells.
    pub(super) fn peak(&self, name: &str) -> Option<f64> {
        self.seen.iter().filter_map(|(seen, _)| peak(seen, name)).filter(|peak| peak.is_finite()).reduce(f64::max)
    }

    /// The sum of a count; `None` where no look tells.
    pub(super) fn total(&self, name: &str) -> Option<f64> {
        let counts: Vec<f64> = self.seen.iter().filter_map(|(seen, _)| seen.counts.get(name).copied()).collect();
        (!counts.is_empty()).then(|| counts.iter().sum()).filter(|total: &f64| total.is_finite())
    }

    /// Of the time told of, the share in which a figure was at `least` or above, and how many seconds that is.
    ///
    /// `of`: a look's mean and its highest second. Of a merged minute only these are known: a share of at least
    /// (mean − least)/(peak − least) of its seconds were.
    pub(super) fn share_from(&self, least: f64, of: impl Fn(&Seen) -> Option<(f64, f64)>) -> Option<TimeShare> {
        let mut share = TimeShare { share: 0.0, seconds: 0.0 };
        let mut told_s = 0.0;
        for (seen, _) in &self.seen {
            let Some((mean, peak)) = of(seen) else { continue };
            let length_s = seen.length_s();
            let part = match (mean >= least, peak > mean && !seen.peaks.is_empty()) {
                (_, true) if peak > least => ((mean - least) / (peak - least)).clamp(0.0, 1.0),
                (true, _) => 1.0,
                (false, _) => 0.0,
            };
            told_s += length_s;
            share.seconds += part * length_s;
        }
        share.share = share.seconds / told_s;
        (told_s > 0.0 && share.share.is_finite()).then_some(share)
    }

    /// The same of a figure that is there at all: above 0.
    pub(super) fn share_of_any(&self, name: &str) -> Option<TimeShare> {
        self.share_from(f64::MIN_POSITIVE, |seen| Some((figure(seen, name)?, peak(seen, name)?)))
    }

    /// Why the parts were not all seen: of the gap that covers most of them.
    pub(super) fn gap(&self) -> Option<&'a str> {
        let overlap = |gap: &crate::record::Gap| -> f64 {
            self.parts.iter().map(|part| (gap.to_s.min(part.to_s) - gap.from_s.max(part.from_s)).max(0.0)).sum()
        };
        let worst = self.watched.gaps.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)))?;
        Some(worst.why.as_str())
    }
}

/// For how long something was so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeShare {
    /// Of the time that looks tell of.
    pub(super) share: f64,
    /// In seconds.
    pub(super) seconds: f64,
}

/// A look's figure. Parts that are not told of a whole that is, are 0: nobody is idle where `connections.idle` is missing.
pub(super) fn figure(seen: &Seen, name: &str) -> Option<f64> {
    seen.figure(name).or_else(|| missing_part(seen, name)).filter(|value| value.is_finite())
}

/// A look's highest second, by the same rule.
pub(super) fn peak(seen: &Seen, name: &str) -> Option<f64> {
    seen.peak(name).or_else(|| missing_part(seen, name)).filter(|value| value.is_finite())
}

fn missing_part(seen: &Seen, name: &str) -> Option<f64> {
    let (whole, _) = name.split_once('.')?;
    (seen.gauges.contains_key(whole) || seen.counts.contains_key(whole)).then_some(0.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::{ProbeKind, ProbeName};

    fn seen(from_s: f64, to_s: f64, value: f64, peak: Option<f64>) -> Seen {
        let named = |value| BTreeMap::from([("blocked".to_owned(), value)]);
        Seen { from_s, to_s, gauges: named(value), peaks: peak.map(named).unwrap_or_default(), ..Seen::default() }
    }

    fn watched(looks: Vec<Seen>) -> Watched {
        let name = ProbeName { kind: ProbeKind::Postgres, name: String::new(), facts: BTreeMap::new() };
        Watched { seen: looks, ..Watched::new(name) }
    }

    const PART: Part = Part { from_s: 0.0, to_s: 70.0, level: 1.0, ends_the_load: true };

    #[test]
    fn of_a_merged_minute_no_more_than_is_certain_counts_as_past_a_limit() {
        // Of 60 s with a mean of 0.5 and a peak of 2, at least a quarter had any; then 10 s by themselves, 4 of them with some.
        let mut looks = vec![seen(0.0, 60.0, 0.5, Some(2.0))];
        looks.extend((60..70).map(|s| seen(f64::from(s), f64::from(s) + 1.0, f64::from(u8::from(s < 64)), None)));
        let watched = watched(looks);
        let found = Looks::new(&watched, &[PART]).share_of_any("blocked").unwrap();
        assert!((found.seconds - 19.0).abs() < 1e-9 && (found.share - 19.0 / 70.0).abs() < 1e-9, "{found:?}");
        let past_one = Looks::new(&watched, &[PART])
            .share_from(1.0, |seen| Some((figure(seen, "blocked")?, peak(seen, "blocked")?)));
        assert_eq!(past_one.unwrap().seconds, 4.0, "the minute's mean lies below it: one of its seconds may be enough");
    }

    #[test]
    fn a_look_that_spans_a_gap_tells_of_no_single_second() {
        let watched =
            watched(vec![seen(0.0, 1.0, 0.0, None), seen(1.0, 31.0, 0.0, None), seen(31.0, 70.0, 0.0, Some(1.0))]);
        let parts = [Part { from_s: 0.0, to_s: 60.0, ..PART }];
        let looks = Looks::new(&watched, &parts);
        assert_eq!(looks.told_s(false, |_| true), 60.0, "what sticks out of the window is not of it");
        assert_eq!(looks.told_s(true, |_| true), 30.0);
    }

    #[test]
    fn means_are_over_time() {
        let watched = watched(vec![seen(0.0, 9.0, 1.0, None), seen(9.0, 10.0, 11.0, None)]);
        assert_eq!(Looks::new(&watched, &[PART]).mean("blocked"), Some(2.0));
        assert_eq!(Looks::new(&watched, &[PART]).peak("blocked"), Some(11.0));
        assert_eq!(Looks::new(&watched, &[PART]).mean("calls"), None);
    }
}
