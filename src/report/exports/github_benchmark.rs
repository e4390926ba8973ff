//! `github-benchmark-smaller.json` and `github-benchmark-bigger.json`: the targets that have a figure, as github-action-benchmark
//! takes them with `tool: customSmallerIsBetter` and `tool: customBiggerIsBetter`.

use serde_json::{Value, json};

use super::{edge, figures};
use crate::judge::RunResult;
use crate::report::words;

/// Smaller is better, bigger is better; `None` where there is nothing, as the action refuses an empty list.
pub(super) fn github_benchmark(result: &RunResult) -> (Option<Value>, Option<Value>) {
    let of = |op: &str| {
        let entries: Vec<Value> = figures(result)
            .filter(|(target, _)| target.op == op)
            .map(|(target, value)| {
                let mut entry = json!({
                    "name": format!("{} · {}", result.scenario.name, words::target_name(&target.name)),
                    "unit": target.unit,
                    "value": value,
                });
                let interval = words::interval(target);
                if !interval.is_empty() {
                    entry["range"] = json!(interval);
                }
                let verdict = words::say(target.verdict);
                entry["extra"] = json!(format!("limit {}: {verdict}\n{}", words::limit(target), result.id));
                entry
            })
            .collect();
        (!entries.is_empty()).then_some(Value::Array(entries))
    };
    let mut bigger = of(">");
    if let Some((edge, passes, fails)) = edge(result) {
        let entry = json!({
            "name": format!("{} · edge", result.scenario.name),
            "unit": edge.unit,
            "value": passes,
            "range": format!("{passes} – {fails}"),
            "extra": result.id,
        });
        if let Value::Array(entries) = bigger.get_or_insert_with(|| Value::Array(Vec::new())) {
            entries.push(entry);
        }
    }
    (of("<"), bigger)
}
