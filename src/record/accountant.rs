//! Turns what drivers left behind into the figures of one second: counters, user-seconds and distributions.
//!
//! Pure: it is told where a second ends and reads no clock.
//!
//! **User-seconds.** The integral of "users in a state" from the start to an instant T is
//! `Σ leave instants − Σ enter instants + n(T) · T` over all marks up to T, where n(T) = enters − leaves. It is kept in
//! whole µs, so a second's user-seconds, the difference of two such integrals, are exact. A mark stamped before a
//! boundary but fetched only after it moves time from its own second to the next; the sum over both stays exact.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::errors::ErrorTexts;
use super::hdr::Sorter;
use super::shard::{Batch, Mark};
use super::{
    Arrival, ArrivalSecond, EndpointId, EndpointSecond, ErrorId, FailureKind, GeneratorSecond, Interval, IntervalKind,
    Outcome, Sample, Second, State,
};

/// What happened within one span of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closed {
    pub(super) second: Second,
    /// By kind, then endpoint; none is empty.
    pub(super) intervals: Vec<Interval>,
}

/// Collects, and closes one second after the other.
#[derive(Debug)]
pub(super) struct Accountant {
    errors: Arc<ErrorTexts>,
    sorter: Sorter,
    endpoints: Vec<Endpoint>,
    states: [Occupancy; 3],
    /// Arrivals that were planned and are neither begun nor given up; below 0 for a moment where a beginning is told before its
    /// arrival. `None` in a closed load.
    waiting: Option<i64>,
    /// Not yet in a closed second, in no order.
    pending: Batch,
    closed_us: u64,
}

impl Accountant {
    pub(super) fn new(endpoints: usize, errors: Arc<ErrorTexts>) -> Self {
        Self {
            errors,
            sorter: Sorter::new(),
            endpoints: std::iter::repeat_with(Endpoint::default).take(endpoints).collect(),
            states: [Occupancy::default(); 3],
            waiting: None,
            pending: Batch::default(),
            closed_us: 0,
        }
    }

    /// From now on every second tells what became of the arrivals.
    pub(super) fn count_arrivals(&mut self) {
        self.waiting = Some(0);
    }

    /// Takes over what a thread left behind.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        self.pending.samples.append(&mut batch.samples);
        self.pending.marks.append(&mut batch.marks);
        self.pending.lags_us.append(&mut batch.lags_us);
        self.pending.arrivals.append(&mut batch.arrivals);
        self.pending.failed_starts += std::mem::take(&mut batch.failed_starts);
    }

    /// The end of the last closed second, µs.
    pub(super) fn closed_us(&self) -> u64 {
        self.closed_us
    }

    /// The latest instant that was taken over and is in no closed second, µs.
    pub(super) fn latest_us(&self) -> Option<u64> {
        let samples = self.pending.samples.iter().map(|sample| sample.end_us).max();
        let marks = self.pending.marks.iter().map(|mark| mark.at_us).max();
        let arrivals = self.pending.arrivals.iter().map(|(at_us, _)| *at_us).max();
        let untimed = !self.pending.lags_us.is_empty() || self.pending.failed_starts > 0;
        samples.max(marks).max(arrivals).max(untimed.then_some(0))
    }

    /// Closes the time up to `to_us`: everything taken over that is stamped before it, late ones too.
    pub(super) fn close(&mut self, to_us: u64, wanted: f64, generator: GeneratorSecond) -> Closed {
        let (endpoints, states) = (&mut self.endpoints, &mut self.states);
        self.pending.samples.retain(|sample| {
            let later = sample.end_us >= to_us;
            // Ids come from the list that the recorder was made with, so there is one.
            if !later && let Some(endpoint) = endpoints.get_mut(sample.endpoint.0 as usize) {
                endpoint.count(sample);
            }
            later
        });
        self.pending.marks.retain(|mark| {
            let later = mark.at_us >= to_us;
            if !later {
                states[mark.state as usize].apply(mark);
            }
            later
        });

        let arrivals = self.close_arrivals(to_us);

        let in_s = |us: u64| us as f64 / 1e6;
        let (begins, ends) = (in_s(self.closed_us), in_s(to_us));
        let mut second = Second {
            from_s: begins,
            to_s: ends,
            wanted,
            users: self.states[State::AtWork as usize].users(),
            in_flight: self.states[State::InFlight as usize].users(),
            thinking: self.states[State::Thinking as usize].users(),
            failed_starts: std::mem::take(&mut self.pending.failed_starts),
            user_s: self.states[State::AtWork as usize].close(to_us),
            in_flight_s: self.states[State::InFlight as usize].close(to_us),
            thinking_s: self.states[State::Thinking as usize].close(to_us),
            endpoints: BTreeMap::new(),
            generator,
            arrivals,
            each_cpu_ms: Vec::new(),
            each_run_delay_ms: Vec::new(),
        };
        let mut intervals = Vec::new();
        let sorter = &mut self.sorter;
        let mut interval = |kind, endpoint, values: &mut Vec<u64>| {
            if !values.is_empty() {
                intervals.push(Interval {
                    from_s: begins,
                    to_s: ends,
                    kind,
                    endpoint: EndpointId(endpoint),
                    values: sorter.sort(values),
                });
                values.clear();
            }
        };
        for kind in IntervalKind::ALL {
            for (id, endpoint) in self.endpoints.iter_mut().enumerate() {
                if let Some(values) = endpoint.values(kind) {
                    interval(kind, id as u32, values);
                }
            }
        }
        interval(IntervalKind::Lag, 0, &mut self.pending.lags_us);
        for (id, endpoint) in self.endpoints.iter_mut().enumerate() {
            if let Some(counters) = endpoint.close(&self.errors) {
                second.endpoints.insert(id as u32, counters);
            }
        }
        self.closed_us = to_us;
        Closed { second, intervals }
    }

    fn close_arrivals(&mut self, to_us: u64) -> Option<ArrivalSecond> {
        let waiting = self.waiting.as_mut()?;
        let mut second = ArrivalSecond::default();
        self.pending.arrivals.retain(|&(at_us, what)| {
            let later = at_us >= to_us;
            if !later {
                match what {
                    Arrival::Planned => second.planned += 1,
                    Arrival::Started => second.started += 1,
                    Arrival::StartedLate => {
                        second.started += 1;
                        second.late += 1;
                    }
                    Arrival::Unsent => second.unsent += 1,
                }
            }
            later
        });
        *waiting += second.planned.cast_signed() - (second.started + second.unsent).cast_signed();
        second.queued = (*waiting).max(0).cast_unsigned();
        Some(second)
    }
}

/// How many users are in a state, and the integral of that over time.
#[derive(Debug, Clone, Copy, Default)]
struct Occupancy {
    users: i64,
    /// Σ leave instants − Σ enter instants, µs.
    left_less_entered_us: i128,
    /// The integral at the end of the last closed second, user-µs.
    closed: i128,
}

impl Occupancy {
    fn apply(&mut self, mark: &Mark) {
        if mark.entered {
            self.users += 1;
            self.left_less_entered_us -= i128::from(mark.at_us);
        } else {
            self.users -= 1;
            self.left_less_entered_us += i128::from(mark.at_us);
        }
    }

    /// A leave may be fetched before its enter, from another thread: never below 0 to a reader.
    fn users(&self) -> u32 {
        self.users.max(0) as u32
    }

    /// User-seconds since the last call.
    fn close(&mut self, to_us: u64) -> f64 {
        let integral = self.left_less_entered_us + i128::from(self.users) * i128::from(to_us);
        let user_us = integral - self.closed;
        self.closed = integral;
        user_us as f64 / 1e6
    }
}

/// One endpoint's figures of the second that is being closed.
#[derive(Debug, Default)]
struct Endpoint {
    counters: EndpointSecond,
    failures: [u64; FailureKind::ALL.len()],
    errors: HashMap<ErrorId, u64>,
    response: Vec<u64>,
    service: Vec<u64>,
    first_byte: Vec<u64>,
    failed: Vec<u64>,
    cut_off: Vec<u64>,
    service_differs: bool,
    last_status: (u16, u64),
}

impl Endpoint {
    fn count(&mut self, sample: &Sample) {
        let counters = &mut self.counters;
        counters.requests += 1;
        counters.redirected += u64::from(sample.redirects > 0);
        counters.connected += u64::from(sample.connected);
        counters.http2 += u64::from(sample.http2);
        counters.body_bytes += sample.body_bytes;
        let phases = &sample.phases;
        let phases = [phases.dns_us, phases.connect_us, phases.tls_us, phases.first_byte_us, phases.body_us];
        for (sum, us) in counters.phases_us.iter_mut().zip(phases) {
            *sum += u64::from(us);
        }
        match sample.outcome {
            Outcome::Success => {
                self.response.push(sample.response_us);
                self.service.push(sample.service_us);
                self.first_byte.push(sample.first_byte_us);
                self.service_differs |= sample.service_us != sample.response_us;
            }
            Outcome::Failure { kind, error } => {
                self.failures[kind as usize] += 1;
                *self.errors.entry(error).or_default() += 1;
                self.failed.push(sample.response_us);
            }
            Outcome::CutOff => {
                counters.cut_off += 1;
                self.cut_off.push(sample.response_us);
            }
        }
        if sample.status != 0 {
            if self.last_status.0 != sample.status {
                self.settle_status();
                self.last_status.0 = sample.status;
            }
            self.last_status.1 += 1;
        }
    }

    /// Statuses come in runs: the map is touched once a run.
    fn settle_status(&mut self) {
        let (status, count) = std::mem::take(&mut self.last_status);
        if count > 0 {
            *self.counters.statuses.entry(status).or_default() += count;
        }
    }

    /// The values of a kind that is written for endpoints.
    fn values(&mut self, kind: IntervalKind) -> Option<&mut Vec<u64>> {
        match kind {
            IntervalKind::Response => Some(&mut self.response),
            IntervalKind::Service if self.service_differs => Some(&mut self.service),
            IntervalKind::FirstByte => Some(&mut self.first_byte),
            IntervalKind::Failed => Some(&mut self.failed),
            IntervalKind::CutOff => Some(&mut self.cut_off),
            IntervalKind::Service | IntervalKind::Lag => None,
        }
    }

    /// The counters, and an empty slate; `None` where nothing happened.
    fn close(&mut self, texts: &ErrorTexts) -> Option<EndpointSecond> {
        self.settle_status();
        self.service.clear();
        self.service_differs = false;
        let mut counters = std::mem::take(&mut self.counters);
        for (kind, count) in FailureKind::ALL.into_iter().zip(std::mem::take(&mut self.failures)) {
            if count > 0 {
                counters.failures.insert(kind, count);
            }
        }
        for (id, count) in self.errors.drain() {
            *counters.errors.entry(texts.text(id).to_string()).or_default() += count;
        }
        (counters.requests > 0).then_some(counters)
    }
}

#[cfg(test)]
#[path = "accountant_tests.rs"]
mod tests;
