//! The whole run counted: every request once, log-in and set-up included.

use std::collections::BTreeMap;

use super::{EndpointResult, Milliseconds, Totals};
use crate::record::{EndpointId, EndpointSecond, IntervalKind, Run};
use crate::stats::Distribution;

const PHASES: [&str; 5] = ["dns", "connect", "tls", "first_byte", "body"];

/// Times in ms of values in µs.
pub(super) fn milliseconds(values: &Distribution) -> Milliseconds {
    let quantile = |q| values.quantile(q).map(|us| us as f64 / 1000.0);
    Milliseconds {
        mean: values.mean().map(|us| us / 1000.0),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p95: quantile(0.95),
        p99: quantile(0.99),
        p99_9: quantile(0.999),
        max: values.max().map(|us| us as f64 / 1000.0),
    }
}

/// Every endpoint over the whole run, in the run's order, and each one's response times.
pub(super) fn endpoints(run: &Run) -> (Vec<EndpointResult>, Distribution) {
    let mut all = Vec::new();
    let mut results = Vec::new();
    let is_service = run.holds(IntervalKind::Service);
    for (id, endpoint) in (0..).zip(&run.endpoints) {
        let responses = values(run, IntervalKind::Response, id);
        let ours = run.intervals.iter().filter(|interval| interval.endpoint == EndpointId(id));
        let service =
            Distribution::merged(ours.filter(|&interval| is_service(interval)).map(|interval| &interval.values));
        let mut result = EndpointResult {
            name: endpoint.name.clone(),
            scenario: endpoint.scenario.clone(),
            tags: endpoint.tags.clone(),
            requests: 0,
            failures: 0,
            cut_off: 0,
            redirected: 0,
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            response_time_ms: milliseconds(&responses),
            service_time_ms: milliseconds(&service),
            first_byte_ms: milliseconds(&values(run, IntervalKind::FirstByte, id)),
            failed_time_ms: milliseconds(&values(run, IntervalKind::Failed, id)),
            connections: 0,
            phases_ms: BTreeMap::new(),
        };
        let mut phases_us = [0_u64; 5];
        for second in seconds_of(run, id) {
            result.requests += second.requests;
            result.failures += second.failures.values().sum::<u64>();
            result.cut_off += second.cut_off;
            result.redirected += second.redirected;
            result.connections += second.connected;
            for (status, count) in &second.statuses {
                *result.statuses.entry(status.to_string()).or_default() += count;
            }
            for (error, count) in &second.errors {
                *result.errors.entry(error.clone()).or_default() += count;
            }
            for (sum, part) in phases_us.iter_mut().zip(second.phases_us) {
                *sum += part;
            }
        }
        if result.requests > 0 {
            let mean_ms = |us: u64| us as f64 / 1000.0 / result.requests as f64;
            result.phases_ms =
                PHASES.iter().zip(phases_us).map(|(name, us)| ((*name).to_owned(), mean_ms(us))).collect();
        }
        all.push(responses);
        results.push(result);
    }
    (results, Distribution::merged(&all))
}

/// The sums over all endpoints; `requests_per_min` is of the steady window.
pub(super) fn totals(
    run: &Run,
    endpoints: &[EndpointResult],
    responses: &Distribution,
    requests_per_min: f64,
) -> Totals {
    let mut totals = Totals { requests_per_min, response_time_ms: milliseconds(responses), ..Totals::default() };
    for endpoint in endpoints {
        totals.requests += endpoint.requests;
        totals.failures += endpoint.failures;
        totals.cut_off += endpoint.cut_off;
    }
    for second in &run.seconds {
        totals.failed_starts += second.failed_starts;
        for endpoint in second.endpoints.values() {
            let responses: u64 = endpoint.statuses.values().sum();
            let newer = endpoint.http2.min(responses);
            for (version, count) in [("1", responses - newer), ("2", newer)] {
                if count > 0 {
                    *totals.http_versions.entry(version.to_owned()).or_default() += count;
                }
            }
            totals.connections += endpoint.connected;
            totals.body_bytes += endpoint.body_bytes;
            for (kind, count) in &endpoint.failures {
                *totals.failures_by_kind.entry(kind.as_str().to_owned()).or_default() += count;
            }
        }
    }
    totals
}

fn seconds_of(run: &Run, id: u32) -> impl Iterator<Item = &EndpointSecond> {
    run.seconds.iter().filter_map(move |second| second.endpoints.get(&id))
}

fn values(run: &Run, kind: IntervalKind, id: u32) -> Distribution {
    run.values(kind, Some(EndpointId(id)), f64::NEG_INFINITY, f64::INFINITY)
}
