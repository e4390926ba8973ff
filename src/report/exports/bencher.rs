//! `bencher.json`: Bencher Metric Format, a benchmark for each target that has a figure, with its 95 % interval, and for the edge
//! that a search has found, with its bracket.
//!
//! Times are the measure `latency` in ns, throughput is `throughput` in requests a second; other targets are measures by their
//! own name (`error-rate`, `memory`), as fractions.

use serde_json::{Map, Value, json};

use super::{edge, figures};
use crate::judge::{RunResult, TargetResult};
use crate::report::words;

pub(super) fn bencher(result: &RunResult) -> Option<Value> {
    let mut benchmarks = Map::new();
    for (target, value) in figures(result) {
        let (measure, scale) = measure(target);
        let mut metric = Map::new();
        let ends = [("value", Some(value)), ("lower_value", target.low), ("upper_value", target.high)];
        for (name, value) in ends {
            metric.extend(value.map(|value| (name.to_owned(), json!(value * scale))));
        }
        let name = format!("{} · {}", result.scenario.name, words::target_name(&target.name));
        benchmarks.insert(name, json!({ measure: metric }));
    }
    if let Some((_, passes, fails)) = edge(result) {
        let metric = json!({ "value": passes, "lower_value": passes, "upper_value": fails });
        benchmarks.insert(format!("{} · edge", result.scenario.name), json!({ "edge": metric }));
    }
    (!benchmarks.is_empty()).then_some(Value::Object(benchmarks))
}

/// The measure, and what takes the figure to its unit.
fn measure(target: &TargetResult) -> (String, f64) {
    match target.unit.as_str() {
        "ms" => ("latency".to_owned(), 1e6),
        "requests/min" => ("throughput".to_owned(), 1.0 / 60.0),
        _ => (target.name.split('[').next().unwrap_or_default().replace('_', "-"), 1.0),
    }
}
