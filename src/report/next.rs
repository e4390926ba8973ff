//! What to do next: one step, named, that follows from the verdict.

use super::words::{errors, flag_duration, plain, target_name};
use crate::judge::{RunResult, Verdict};
use crate::record::{LoadModel, Run};

/// The next step after a run.
pub(super) fn next_step(run: &Run, result: &RunResult) -> String {
    if result.totals.requests == 0 {
        return format!("see whether {} answers at all, then run again", result.environment.host);
    }
    match result.verdict {
        Verdict::Void => {
            "give the generator what it lacked (more CPU, fewer users, or a machine of its own) and run again"
                .to_owned()
        }
        Verdict::Fail => after_failure(run, result),
        _ if result.partial => format!("run it to its end: {}", again(run, result, 1.0)),
        Verdict::Unproven => format!(
            "do what the reason asks for; or run four times as long, which halves the intervals: {}",
            again(run, result, 4.0)
        ),
        Verdict::Pass | Verdict::NotMeasured if run.asked.reference_service => {
            "the same load on your own service: agenthub-perf run -H http://localhost:8000".to_owned()
        }
        Verdict::Pass | Verdict::NotMeasured => {
            format!("look for the edge with more load: {}", more(run, result))
        }
    }
}

fn after_failure(run: &Run, result: &RunResult) -> String {
    let missed: Vec<&str> =
        result.targets.iter().filter(|t| t.verdict == Verdict::Fail).map(|t| t.name.as_str()).collect();
    if missed.iter().any(|name| name.starts_with("error_rate"))
        && let Some(first) = errors(result).first()
        && let Some((endpoint, _)) = first.endpoints.first()
    {
        return format!(
            "look up \"{}\" of {endpoint} in the host's log from {} on: it is the most frequent failure",
            first.text, run.asked.started
        );
    }
    let slowest = result
        .endpoints
        .iter()
        .filter_map(|e| e.response_time_ms.p95.map(|p95| (p95 * e.requests as f64, e)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let (true, Some((_, endpoint))) = (missed.iter().any(|name| name.contains("response_time")), slowest) {
        return format!("begin with {}: most of the waiting is there", endpoint.name);
    }
    match missed.first() {
        Some(name) => format!("begin with {}: see its chart in report.html", target_name(name)),
        None => "see report.html".to_owned(),
    }
}

fn again(run: &Run, result: &RunResult, times: f64) -> String {
    let time = flag_duration(result.load.run_time_s * times);
    command(run, result, 1.0, Some(time))
}

fn more(run: &Run, result: &RunResult) -> String {
    command(run, result, 2.0, Some(flag_duration(result.load.run_time_s)))
}

/// The command line that asks for this load, scaled.
fn command(run: &Run, result: &RunResult, load: f64, time: Option<String>) -> String {
    let mut line = "agenthub-perf run".to_owned();
    if !run.asked.reference_service {
        line.push_str(&format!(" -H {}", result.environment.host));
    }
    if run.asked.scenarios.iter().any(|s| s.file != "built in") {
        for scenario in run.asked.scenarios.iter().filter(|s| s.file != "built in") {
            line.push_str(&format!(" -f {}", scenario.file));
            if run.asked.scenarios.len() > 1 {
                line.push_str(&format!(":{}", scenario.weight));
            }
        }
    }
    match (result.load.model, result.load.users) {
        (LoadModel::Closed, Some(users)) => line.push_str(&format!(" -u {}", plain(f64::from(users) * load))),
        (LoadModel::Closed, None) => {}
        (LoadModel::Open, _) => line.push_str(&format!(" --rate {}/s", plain(result.load.rate.unwrap_or(1.0) * load))),
    }
    if let Some(rate) = result.load.spawn_rate {
        line.push_str(&format!(" -r {}", plain(rate)));
    }
    if let Some(time) = time {
        line.push_str(&format!(" -t {time}"));
    }
    line
}
