//! `gitlab-load-performance.json`: what GitLab's load performance report reads, in the shape of k6's old summary.
//!
//! Over the whole run, as k6 counts: `http_reqs` all requests, `http_req_waiting` the time to the first byte of successful
//! responses in ms, `checks` requests that succeeded and that failed.

use serde_json::{Value, json};

use crate::judge::RunResult;
use crate::record::{IntervalKind, Run};

pub(super) fn gitlab(run: &Run, result: &RunResult) -> Value {
    let first_byte = run.values(IntervalKind::FirstByte, None, f64::NEG_INFINITY, f64::INFINITY);
    let ms = |us: Option<u64>| us.map(|us| us as f64 / 1000.0);
    let quantile = |q: f64| ms(first_byte.quantile(q));
    let totals = &result.totals;
    let passed = totals.requests.saturating_sub(totals.failures + totals.cut_off);
    let told = passed + totals.failures;
    let per_second = |count: u64| if result.duration_s > 0.0 { count as f64 / result.duration_s } else { 0.0 };
    let waiting = [
        ("avg", first_byte.mean().map(|us| us / 1000.0)),
        ("min", ms(first_byte.pairs().first().map(|pair| pair.0))),
        ("med", quantile(0.5)),
        ("p(90)", quantile(0.9)),
        ("p(95)", quantile(0.95)),
        ("max", ms(first_byte.max())),
    ];
    // A figure that is not there must not read as 0.
    let waiting: serde_json::Map<String, Value> =
        waiting.into_iter().filter_map(|(name, ms)| Some((name.to_owned(), json!(ms?)))).collect();
    json!({
        "metrics": {
            "http_reqs": { "count": totals.requests, "rate": per_second(totals.requests) },
            "http_req_waiting": waiting,
            "checks": {
                "passes": passed,
                "fails": totals.failures,
                "value": if told == 0 { 0.0 } else { passed as f64 / told as f64 },
            },
        }
    })
}
