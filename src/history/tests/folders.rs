//! Results folders for tests: `run.toml`, `result.json` and an ended journal, as a run leaves them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::record::fixture::asked;
use crate::record::{Asked, Environment};

/// The id of the nth run.
pub(in crate::history) fn id(n: usize) -> String {
    format!("20261101T{:02}{:02}{:02}Z-agenthub-user-{n:04x}", n / 3600, n / 60 % 60, n % 60)
}

/// What was asked of the nth run.
pub(in crate::history) fn nth(n: usize) -> Asked {
    Asked {
        id: id(n),
        label: None,
        started: format!("2026-11-01T{:02}:{:02}:{:02}Z", n / 3600, n / 60 % 60, n % 60),
        environment: Environment { commit: Some(format!("{n:04x}c0ffee")), ..asked().environment },
        ..asked()
    }
}

/// A result with this p95 of its steady window; whole runs and endpoints take half as long and a tenth longer.
pub(in crate::history) fn said(asked: &Asked, p95: f64) -> Value {
    let times = |ms: f64| json!({"mean": ms, "p50": ms, "p90": ms, "p95": ms, "p99": ms * 1.1, "p99.9": ms, "max": ms});
    json!({
        "schema": 1, "id": asked.id, "label": asked.label, "partial": false, "verdict": "pass", "reasons": [],
        "totals": {"requests": 1000, "failures": 1, "cut_off": 0, "requests_per_min": 1000.0, "response_time_ms": times(p95 / 2.0)},
        "endpoints": [{"name": "GET /x", "requests": 500, "failures": 0, "response_time_ms": times(p95 / 2.0), "more": [1]}],
        "targets": [
            {"name": "p95_response_time", "op": "<", "limit": 2000.0, "unit": "ms", "value": p95, "low": p95 * 0.9,
             "high": p95 * 1.1, "design_effect": 1.0, "verdict": "pass", "reason": ""},
            {"name": "throughput", "op": ">", "limit": 500.0, "unit": "requests/min", "value": 1e5 / p95, "low": null,
             "high": null, "design_effect": null, "verdict": "pass", "reason": ""},
            {"name": "memory", "op": "<", "limit": 0.8, "unit": "ratio", "value": null, "low": null, "high": null,
             "design_effect": null, "verdict": "not_measured", "reason": ""}]
    })
}

/// Writes a result folder of its id.
pub(in crate::history) fn write(results: &Path, asked: &Asked, said: &Value) -> PathBuf {
    let folder = results.join(&asked.id);
    fs::create_dir(&folder).unwrap();
    asked.write(&folder).unwrap();
    fs::write(folder.join("result.json"), said.to_string()).unwrap();
    fs::write(folder.join("samples.ndjson"), "{\"type\":\"end\",\"how\":\"finished\"}\n").unwrap();
    folder
}

/// A history of these p95s.
pub(in crate::history) fn history(p95s: &[f64]) -> tempfile::TempDir {
    let results = tempfile::tempdir().unwrap();
    for (n, &p95) in p95s.iter().enumerate() {
        write(results.path(), &nth(n), &said(&nth(n), p95));
    }
    results
}
