//! The part of a run that is judged: whole seconds of the holds, and what was still in flight at their end.

use std::cell::OnceCell;

use super::arrivals::unsent_waits;
use super::steady::Part;
use crate::record::{Interval, IntervalKind, Run, Second};
use crate::stats::{CONFIDENCE, Distribution, Span};

/// A piece of the journal counts as inside where it sticks out by less than this share of its length, and of a second.
const SLACK: f64 = 0.1;

/// Whether a piece of the journal lies within a span of time.
pub(super) fn within(piece: (f64, f64), from_s: f64, to_s: f64) -> bool {
    let slack = SLACK * (piece.1 - piece.0).clamp(0.0, 1.0);
    piece.0 >= from_s - slack && piece.1 <= to_s + slack
}

/// The seconds that are judged, in order, each with its hold.
pub(super) struct Window<'a> {
    pub(super) run: &'a Run,
    pub(super) parts: Vec<Part>,
    pub(super) seconds: Vec<(&'a Second, usize)>,
    /// The end of the load, where the window reaches up to it: what was in flight then belongs to the window.
    drains_from_s: Option<f64>,
    /// Requests of a hold that goes on that had no answer at its end: when they were begun, seconds, what they had waited by
    /// then, µs, and how many.
    pub(super) unanswered: Vec<(f64, u64, u64)>,
    /// The two-sided confidence of its intervals.
    pub(super) confidence: f64,
    /// Of all endpoints: asked for by nearly every target.
    whole: OnceCell<Figures>,
}

/// What a window holds of some endpoints.
pub(super) struct Figures {
    /// The two-sided confidence of intervals that are made of it.
    pub(super) confidence: f64,
    /// One each second.
    pub(super) spans: Vec<Span>,
    /// Response times of successes, µs, one distribution a span.
    pub(super) values: Vec<Distribution>,
    /// How long those had waited that never ended, µs, one distribution a span: the one in which they began.
    pub(super) cut_off: Vec<Distribution>,
    /// Those of them that were never sent: arrivals that found no free session.
    pub(super) unsent: u64,
    /// (failures, requests with an outcome) of each span.
    pub(super) outcomes: Vec<(u64, u64)>,
    /// Successes that ended within each span; what ended after the load is not among them.
    pub(super) successes: Vec<u64>,
}

impl Figures {
    /// Seconds of load.
    pub(super) fn seconds(&self) -> f64 {
        self.spans.iter().map(|span| span.seconds).sum()
    }

    /// (failures, requests with an outcome).
    pub(super) fn counts(&self) -> (u64, u64) {
        self.outcomes.iter().fold((0, 0), |(k, n), &(failed, all)| (k + failed, n + all))
    }

    /// How many never ended.
    pub(super) fn cut_off_count(&self) -> u64 {
        self.cut_off.iter().map(Distribution::count).sum()
    }

    /// Mean response time of successes, seconds; 0 without any.
    pub(super) fn mean_response_s(&self) -> f64 {
        Distribution::merged(&self.values).mean().unwrap_or(0.0) / 1e6
    }
}

impl<'a> Window<'a> {
    pub(super) fn new(run: &'a Run, parts: &[Part]) -> Self {
        Self::at(CONFIDENCE, run, parts)
    }

    /// The same with intervals of another confidence.
    pub(super) fn at(confidence: f64, run: &'a Run, parts: &[Part]) -> Self {
        let mut seconds = Vec::new();
        for (hold, part) in parts.iter().enumerate() {
            let inside = run.seconds.iter().filter(|s| s.from_s >= part.from_s && s.to_s <= part.to_s);
            seconds.extend(inside.map(|second| (second, hold)));
        }
        let drains_from_s = parts.last().filter(|part| part.ends_the_load).map(|part| part.to_s);
        let (parts, unanswered) = (parts.to_vec(), Vec::new());
        Self { run, parts, seconds, drains_from_s, unanswered, confidence, whole: OnceCell::new() }
    }

    /// What it holds of all endpoints.
    pub(super) fn whole(&self) -> &Figures {
        self.whole.get_or_init(|| self.figures_by(IntervalKind::Response, None))
    }

    /// What it holds of these endpoints.
    pub(super) fn figures(&self, endpoints: &[u32]) -> Figures {
        self.figures_by(IntervalKind::Response, Some(endpoints))
    }

    /// The same of these endpoints (`None`: of all) with service times in place of response times.
    pub(super) fn service_figures(&self, endpoints: Option<&[u32]>) -> Figures {
        self.figures_by(IntervalKind::Service, endpoints)
    }

    fn figures_by(&self, times: IntervalKind, endpoints: Option<&[u32]>) -> Figures {
        let of_ours = |id: u32| endpoints.is_none_or(|ids| ids.contains(&id));
        let is_time = self.run.holds(times);
        let mut values: Vec<Vec<&Distribution>> = vec![Vec::new(); self.seconds.len()];
        let mut drained = Distribution::default();
        let mut cut_off: Vec<Vec<(u64, u64)>> = vec![Vec::new(); self.seconds.len()];
        let mut cut = |at_s: f64, waited: &Distribution| {
            for &(us, count) in waited.pairs() {
                if let Some(began_in) = cut_off.get_mut(self.second_of(at_s - us as f64 / 1e6)) {
                    began_in.push((us, count));
                }
            }
        };
        let mut late_failures = 0;
        for interval in self.run.intervals.iter().filter(|interval| of_ours(interval.endpoint.0)) {
            let Some(place) = self.place(interval) else {
                if let Some(end) = self.drains_from_s.filter(|end| interval.to_s > *end) {
                    // In flight at the end of the load is only what took longer than since then; the rest is log-outs.
                    let surely = ((interval.to_s - end) * 1e6) as u64;
                    let maybe = ((interval.from_s - end - SLACK).max(0.0) * 1e6) as u64;
                    match interval.kind {
                        _ if is_time(interval) => {
                            drained = Distribution::merged([&drained, &interval.values.from(surely)]);
                        }
                        IntervalKind::Failed => late_failures += interval.values.count_from(surely),
                        IntervalKind::CutOff => cut(interval.to_s, &interval.values.from(maybe)),
                        _ => {}
                    }
                }
                continue;
            };
            match interval.kind {
                _ if is_time(interval) => values[place].push(&interval.values),
                IntervalKind::CutOff => cut(interval.to_s, &interval.values),
                _ => {}
            }
        }
        for (began_s, waited_us, count) in self.of_share(endpoints, &self.unanswered) {
            if let Some(began_in) = cut_off.get_mut(self.second_of(began_s)) {
                began_in.push((waited_us, count));
            }
        }
        // What was never sent has no service time.
        let unsent = if times == IntervalKind::Response { self.add_unsent(endpoints, &mut cut_off) } else { 0 };
        let mut values: Vec<Distribution> = values.into_iter().map(Distribution::merged).collect();
        let (mut outcomes, mut successes) = (Vec::new(), Vec::new());
        for (second, _) in &self.seconds {
            let (mut failed, mut all) = (0, 0);
            for (_, endpoint) in second.endpoints.iter().filter(|(id, _)| of_ours(**id)) {
                failed += endpoint.failures.values().sum::<u64>();
                all += endpoint.requests.saturating_sub(endpoint.cut_off);
            }
            outcomes.push((failed, all));
            successes.push(all.saturating_sub(failed));
        }
        if let (Some(last), Some(counts)) = (values.last_mut(), outcomes.last_mut()) {
            counts.0 += late_failures;
            counts.1 += late_failures + drained.count();
            *last = Distribution::merged([&*last, &drained]);
        }
        let spans =
            self.seconds.iter().map(|(second, hold)| Span { seconds: second.to_s - second.from_s, hold: *hold });
        let cut_off = cut_off.into_iter().map(Distribution::from_pairs).collect();
        Figures { confidence: self.confidence, spans: spans.collect(), values, cut_off, unsent, outcomes, successes }
    }

    /// Adds the arrivals that were never begun, and says how many; of some endpoints their share of all requests.
    fn add_unsent(&self, endpoints: Option<&[u32]>, cut_off: &mut [Vec<(u64, u64)>]) -> u64 {
        if self.drains_from_s.is_none() {
            return 0;
        }
        let mut added = 0;
        for (due_s, waited_us, count) in self.of_share(endpoints, &unsent_waits(self.run)) {
            if let Some(began_in) = cut_off.get_mut(self.second_of(due_s)) {
                began_in.push((waited_us, count));
                added += count;
            }
        }
        added
    }

    /// Of counts of all endpoints those of some: their share of all requests.
    fn of_share(&self, endpoints: Option<&[u32]>, waits: &[(f64, u64, u64)]) -> Vec<(f64, u64, u64)> {
        let requests = |of: &dyn Fn(u32) -> bool| -> u64 {
            let counted = self.seconds.iter().flat_map(|(second, _)| &second.endpoints);
            counted.filter(|(id, _)| of(**id)).map(|(_, endpoint)| endpoint.requests).sum()
        };
        let share =
            endpoints.map_or(1.0, |ids| requests(&|id| ids.contains(&id)) as f64 / requests(&|_| true).max(1) as f64);
        waits.iter().map(|&(at_s, waited_us, count)| (at_s, waited_us, (count as f64 * share).ceil() as u64)).collect()
    }

    /// All values of a kind that has no endpoint.
    pub(super) fn values(&self, kind: IntervalKind) -> Distribution {
        Distribution::merged(
            self.run
                .intervals
                .iter()
                .filter(|interval| interval.kind == kind && self.place(interval).is_some())
                .map(|interval| &interval.values),
        )
    }

    /// The second of an instant: the first for what is earlier, the last for what is later.
    fn second_of(&self, at_s: f64) -> usize {
        self.seconds.partition_point(|(second, _)| second.to_s <= at_s).min(self.seconds.len().saturating_sub(1))
    }

    /// Which of its seconds an interval belongs to.
    fn place(&self, interval: &Interval) -> Option<usize> {
        let middle = f64::midpoint(interval.from_s, interval.to_s);
        let place = self.seconds.partition_point(|(second, _)| second.to_s <= middle);
        let (second, _) = self.seconds.get(place)?;
        within((interval.from_s, interval.to_s), second.from_s, second.to_s).then_some(place)
    }
}
