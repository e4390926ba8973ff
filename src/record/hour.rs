//! Merges the seconds of a whole hour to minutes, so that a day's journal stays small.
//!
//! The minutes are built up as the seconds come: what is kept is one minute's figures and the lines of at most 60 minutes.

use std::collections::BTreeMap;

use super::{ArrivalSecond, EndpointId, EndpointSecond, GeneratorSecond, Interval, IntervalKind, Second};
use crate::stats::Distribution;

/// Seconds that are merged to one.
pub(super) const MINUTE_S: u32 = 60;
/// Minutes of a journal's hour.
pub(super) const HOUR_MINUTES: u32 = 60;

/// The minute that is being filled.
#[derive(Debug, Default)]
pub(super) struct Minute {
    seconds: u32,
    second: Second,
    values: BTreeMap<(IntervalKind, EndpointId), Distribution>,
}

impl Minute {
    /// Adds a second; hands out the minute when it was the last one of it.
    pub(super) fn add(&mut self, second: &Second, intervals: &[Interval]) -> Option<(Second, Vec<Interval>)> {
        if self.seconds == 0 {
            self.second = second.clone();
        } else {
            self.second.absorb(second);
        }
        self.second.each_cpu_ms.push(whole_ms(second.generator.cpu_s));
        self.second.each_run_delay_ms.push(whole_ms(second.generator.run_delay_s.unwrap_or(0.0)));
        self.add_values(intervals);
        self.seconds += 1;
        if self.seconds < MINUTE_S {
            return None;
        }
        let minute = std::mem::take(self);
        let (from_s, to_s) = (minute.second.from_s, minute.second.to_s);
        let intervals = minute.values.into_iter();
        let intervals = intervals.map(|((kind, endpoint), values)| Interval { from_s, to_s, kind, endpoint, values });
        Some((minute.second, intervals.collect()))
    }

    /// Service times are written only where they differ from response times: in the other seconds of such a minute these
    /// are the service times too.
    fn add_values(&mut self, intervals: &[Interval]) {
        let differ: Vec<EndpointId> =
            intervals.iter().filter(|one| one.kind == IntervalKind::Service).map(|one| one.endpoint).collect();
        for &endpoint in &differ {
            if !self.values.contains_key(&(IntervalKind::Service, endpoint))
                && let Some(so_far) = self.values.get(&(IntervalKind::Response, endpoint)).cloned()
            {
                self.values.insert((IntervalKind::Service, endpoint), so_far);
            }
        }
        for Interval { kind, endpoint, values, .. } in intervals {
            let service = (IntervalKind::Service, *endpoint);
            if *kind == IntervalKind::Response && !differ.contains(endpoint) && self.values.contains_key(&service) {
                self.merge(service, values);
            }
            self.merge((*kind, *endpoint), values);
        }
    }

    fn merge(&mut self, of: (IntervalKind, EndpointId), values: &Distribution) {
        let all = self.values.entry(of).or_default();
        *all = Distribution::merged([&*all, values]);
    }
}

fn whole_ms(seconds: f64) -> u32 {
    (seconds * 1000.0).round() as u32
}

impl Second {
    /// Appends the span that follows: sums are added, figures "at its end" are the later's.
    pub(super) fn absorb(&mut self, later: &Self) {
        self.to_s = later.to_s;
        self.wanted = later.wanted;
        self.users = later.users;
        self.in_flight = later.in_flight;
        self.thinking = later.thinking;
        self.add_flows(later);
        self.generator.memory_bytes = later.generator.memory_bytes;
        if let Some(later) = later.arrivals {
            self.arrivals.get_or_insert_default().queued = later.queued;
        }
    }

    /// Puts the same span of another source of load beside: everything is added.
    pub(super) fn add_source(&mut self, other: &Self) {
        self.wanted += other.wanted;
        self.users += other.users;
        self.in_flight += other.in_flight;
        self.thinking += other.thinking;
        self.add_flows(other);
        self.generator.memory_bytes += other.generator.memory_bytes;
        add_each(&mut self.each_cpu_ms, &other.each_cpu_ms);
        add_each(&mut self.each_run_delay_ms, &other.each_run_delay_ms);
        if let Some(other) = other.arrivals {
            self.arrivals.get_or_insert_default().queued += other.queued;
        }
    }

    /// Adds what happens within a span.
    fn add_flows(&mut self, other: &Self) {
        self.failed_starts += other.failed_starts;
        self.user_s += other.user_s;
        self.in_flight_s += other.in_flight_s;
        self.thinking_s += other.thinking_s;
        self.generator.add_flows(&other.generator);
        if let Some(ArrivalSecond { planned, started, late, unsent, queued: _ }) = other.arrivals {
            let arrivals = self.arrivals.get_or_insert_default();
            arrivals.planned += planned;
            arrivals.started += started;
            arrivals.late += late;
            arrivals.unsent += unsent;
        }
        for (&id, counters) in &other.endpoints {
            self.endpoints.entry(id).or_default().add(counters);
        }
    }
}

/// Seconds of two sources side by side; where one does not tell of each, only the sum over the span is known.
fn add_each(ours: &mut Vec<u32>, theirs: &[u32]) {
    if ours.len() == theirs.len() {
        ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours += theirs);
    } else {
        ours.clear();
    }
}

impl GeneratorSecond {
    fn add_flows(&mut self, other: &Self) {
        let Self { cpu_s, memory_bytes: _, run_delay_s, run_turns, clock_jump_s, stopped_s, missing } = *other;
        self.cpu_s += cpu_s;
        if let Some(delay_s) = run_delay_s {
            *self.run_delay_s.get_or_insert(0.0) += delay_s;
        }
        self.run_turns += run_turns;
        if clock_jump_s.abs() > self.clock_jump_s.abs() {
            self.clock_jump_s = clock_jump_s;
        }
        self.stopped_s += stopped_s;
        self.missing |= missing;
    }
}

impl EndpointSecond {
    fn add(&mut self, other: &Self) {
        let Self { requests, failures, errors, cut_off, statuses, redirected, connected, http2, body_bytes, phases_us } =
            other;
        self.requests += requests;
        for (&kind, count) in failures {
            *self.failures.entry(kind).or_default() += count;
        }
        for (text, count) in errors {
            *self.errors.entry(text.clone()).or_default() += count;
        }
        self.cut_off += cut_off;
        for (&status, count) in statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.redirected += redirected;
        self.connected += connected;
        self.http2 += http2;
        self.body_bytes += body_bytes;
        for (sum, us) in self.phases_us.iter_mut().zip(phases_us) {
            *sum += us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: EndpointId = EndpointId(0);

    /// A minute of these seconds: CPU time, and what was measured.
    fn minute(of: impl Fn(u32) -> (f64, Vec<(IntervalKind, u64)>)) -> (Second, Vec<Interval>) {
        let mut minute = Minute::default();
        let mut whole = None;
        for at in 0..MINUTE_S {
            let (cpu_s, values) = of(at);
            let (from_s, to_s) = (f64::from(at), f64::from(at + 1));
            let generator = GeneratorSecond { cpu_s, run_delay_s: Some(cpu_s / 10.0), ..GeneratorSecond::default() };
            let interval = |(kind, us)| {
                let values = Distribution::from_pairs([(us, 1)]);
                Interval { from_s, to_s, kind, endpoint: ID, values }
            };
            let intervals: Vec<Interval> = values.into_iter().map(interval).collect();
            assert!(whole.is_none());
            whole = minute.add(&Second { from_s, to_s, generator, ..Second::default() }, &intervals);
        }
        whole.unwrap()
    }

    fn values(intervals: &[Interval], kind: IntervalKind) -> Option<Vec<(u64, u64)>> {
        intervals.iter().find(|one| one.kind == kind).map(|one| one.values.pairs().to_vec())
    }

    #[test]
    fn a_minute_tells_what_each_of_its_seconds_used_and_waited() {
        let (second, _) = minute(|at| (if at < 30 { 2.0 } else { 0.01 }, Vec::new()));
        let each = |busy: u32, idle: u32| [vec![busy; 30], vec![idle; 30]].concat();
        assert_eq!((second.each_cpu_ms, second.each_run_delay_ms), (each(2000, 10), each(200, 1)));
    }

    #[test]
    fn service_times_of_a_minute_are_those_of_all_its_seconds() {
        use IntervalKind::{Response, Service};
        let (_, intervals) = minute(|at| match at {
            20 | 40 => (0.0, vec![(Response, 900), (Service, 100)]),
            _ => (0.0, vec![(Response, 50)]),
        });
        assert_eq!(values(&intervals, Response), Some(vec![(50, 58), (900, 2)]));
        assert_eq!(values(&intervals, Service), Some(vec![(50, 58), (100, 2)]));
        let (_, intervals) = minute(|_| (0.0, vec![(Response, 50)]));
        assert_eq!(values(&intervals, Service), None, "where they never differ they are not written");
    }
}
