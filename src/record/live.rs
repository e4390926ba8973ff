//! Keeps the figures of the live snapshot up to date, second by second.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use super::accountant::Closed;
use super::hdr::{DIGITS, HIGHEST_US};
use super::{EndpointName, EndpointRow, IntervalKind, ProbeLine, ProbeRow, Snapshot};
use crate::stats::Distribution;

/// Seconds that the snapshot's percentiles cover.
const RECENT_S: f64 = 10.0;

/// The running figures of one run.
#[derive(Debug)]
pub(super) struct Live {
    snapshot: Snapshot,
    /// Successful response times: the end of the second, and its values.
    recent: VecDeque<(f64, Distribution)>,
    /// All of `recent`, µs; refilled every second.
    window: Histogram<u64>,
}

impl Live {
    pub(super) fn new(endpoints: &[EndpointName]) -> Self {
        let rows = endpoints.iter().map(|e| EndpointRow { name: e.name.clone(), ..EndpointRow::default() });
        let snapshot = Snapshot { endpoints: rows.collect(), ..Snapshot::default() };
        Self { snapshot, recent: VecDeque::new(), window: histogram() }
    }

    /// What is known now.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The journal can no longer be written; the first reason stays.
    pub(super) fn broken(&mut self, reason: &str) {
        self.snapshot.journal_error.get_or_insert_with(|| reason.to_owned());
    }

    /// Takes what probes tell.
    pub(super) fn watch(&mut self, lines: &[ProbeLine]) {
        let probes = &mut self.snapshot.probes;
        for line in lines {
            let known = probes.iter_mut().find(|row| row.id == line.probe());
            match (known, line) {
                (Some(row), ProbeLine::Probe { name, .. }) => row.name = name.clone(),
                (None, ProbeLine::Probe { id, name }) => {
                    probes.push(ProbeRow { id: *id, name: name.clone(), seen: None, gap: None });
                }
                (Some(row), ProbeLine::Seen { seen, .. }) => (row.seen, row.gap) = (Some(seen.clone()), None),
                (Some(row), ProbeLine::Gap { gap, .. }) => row.gap = Some(gap.why.clone()),
                _ => {}
            }
        }
    }

    /// Adds a second.
    pub(super) fn add(&mut self, closed: &Closed) {
        let (live, second) = (&mut self.snapshot, &closed.second);
        live.at_s = second.to_s;
        live.users_wanted = second.wanted.round() as u32;
        live.users = second.users;
        live.in_flight = second.in_flight;
        live.failed_starts += second.failed_starts;
        if let Some(arrivals) = second.arrivals {
            let so_far = live.arrivals.get_or_insert_default();
            so_far.planned += arrivals.planned;
            so_far.started += arrivals.started;
            so_far.late += arrivals.late;
            so_far.unsent += arrivals.unsent;
            so_far.queued = arrivals.queued;
        }
        let mut requests = 0;
        for (&id, counters) in &second.endpoints {
            let failures: u64 = counters.failures.values().sum();
            requests += counters.requests;
            live.failures += failures;
            for (&kind, &count) in &counters.failures {
                *live.failures_by_kind.entry(kind).or_default() += count;
            }
            if let Some(row) = live.endpoints.get_mut(id as usize) {
                row.requests += counters.requests;
                row.failures += failures;
            }
        }
        live.requests += requests;
        live.requests_per_s = requests as f64 / (second.to_s - second.from_s);

        let responses = closed.intervals.iter().filter(|i| i.kind == IntervalKind::Response).map(|i| &i.values);
        let last = Distribution::merged(responses);
        live.mean_ms = last.mean().map(|us| us / 1000.0);
        self.recent.push_back((second.to_s, last));
        while self.recent.front().is_some_and(|&(to_s, _)| to_s <= second.to_s - RECENT_S) {
            self.recent.pop_front();
        }
        self.window.reset();
        for &(us, count) in self.recent.iter().flat_map(|(_, values)| values.pairs()) {
            self.window.saturating_record_n(us, count);
        }
        let ms = |q| (!self.window.is_empty()).then(|| self.window.value_at_quantile(q) as f64 / 1000.0);
        (live.p50_ms, live.p95_ms) = (ms(0.5), ms(0.95));
    }
}

/// Empty, of the journal's range and digits.
#[expect(clippy::expect_used, reason = "1 µs to an hour at three digits are bounds that it takes")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, DIGITS).expect("sound bounds")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{EndpointId, EndpointSecond, FailureKind, Interval, Second};
    use super::*;

    fn closed(at: u64, requests: u64, us: &[u64]) -> Closed {
        let (from_s, to_s) = (at as f64, at as f64 + 1.0);
        let counters = EndpointSecond {
            requests,
            failures: BTreeMap::from([(FailureKind::Timeout, requests - us.len() as u64)]),
            ..EndpointSecond::default()
        };
        let values = Distribution::from_pairs(us.iter().map(|&us| (us, 1)));
        Closed {
            second: Second {
                from_s,
                to_s,
                wanted: 4.0,
                users: 3,
                in_flight: 2,
                failed_starts: 1,
                endpoints: BTreeMap::from([(1, counters)]),
                ..Second::default()
            },
            intervals: vec![Interval { from_s, to_s, kind: IntervalKind::Response, endpoint: EndpointId(1), values }],
        }
    }

    #[test]
    fn percentiles_are_of_the_last_ten_seconds_and_counts_of_all() {
        let names = ["GET /a", "GET /b"].map(|name| EndpointName {
            name: name.into(),
            scenario: "mix".into(),
            tags: Vec::new(),
        });
        let mut live = Live::new(&names);
        assert_eq!(live.snapshot().endpoints[1].name, "GET /b");
        live.add(&closed(0, 3, &[900_000, 900_000]));
        assert_eq!(
            (live.snapshot().p50_ms, live.snapshot().p95_ms),
            (Some(900.095), Some(900.095)),
            "the top of its bucket"
        );
        for second in 1..=9 {
            live.add(&closed(second, 2, &[1000, 2000]));
        }
        assert_eq!((live.snapshot().p50_ms, live.snapshot().p95_ms), (Some(2.0), Some(900.095)));
        live.add(&closed(10, 2, &[1000, 2000]));
        let snapshot = live.snapshot();
        assert_eq!((snapshot.p50_ms, snapshot.p95_ms), (Some(1.0), Some(2.0)), "the first second is no longer recent");
        assert_eq!((snapshot.at_s, snapshot.requests_per_s), (11.0, 2.0));
        assert_eq!((snapshot.requests, snapshot.failures, snapshot.failed_starts), (23, 1, 11));
        assert_eq!(snapshot.failures_by_kind, BTreeMap::from([(FailureKind::Timeout, 1)]));
        let row = |name: &str, requests, failures| EndpointRow { name: name.into(), requests, failures };
        assert_eq!(snapshot.endpoints, [row("GET /a", 0, 0), row("GET /b", 23, 1)]);
    }

    #[test]
    fn without_successes_there_is_no_percentile_and_the_first_reason_stays() {
        let mut live = Live::new(&[]);
        live.add(&closed(0, 4, &[]));
        live.broken("the disk is full");
        live.broken("and again");
        assert_eq!(live.snapshot().p95_ms, None);
        assert_eq!(live.snapshot().journal_error.as_deref(), Some("the disk is full"));
    }
}
