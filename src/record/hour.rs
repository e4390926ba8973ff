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
        for interval in intervals {
            let values = self.values.entry((interval.kind, interval.endpoint)).or_default();
            *values = Distribution::merged([&*values, &interval.values]);
        }
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
        let GeneratorSecond { cpu_s, memory_bytes: _, run_delay_s, clock_jump_s } = other.generator;
        self.generator.cpu_s += cpu_s;
        if let Some(delay_s) = run_delay_s {
            *self.generator.run_delay_s.get_or_insert(0.0) += delay_s;
        }
        self.generator.clock_jump_s += clock_jump_s;
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

impl EndpointSecond {
    fn add(&mut self, other: &Self) {
        let Self { requests, failures, errors, cut_off, statuses, redirected, connected, body_bytes, phases_us } =
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
        self.body_bytes += body_bytes;
        for (sum, us) in self.phases_us.iter_mut().zip(phases_us) {
            *sum += us;
        }
    }
}
