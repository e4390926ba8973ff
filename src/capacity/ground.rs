//! What a result carries for a plan: the ends of its edge, how long a task takes, how far it is proven; or why it carries none.

use crate::judge::{Between, LawResult, LevelResult, Limits, PlannedFrom, RunResult, Verdict};
use crate::record::{IntervalKind, LoadModel, Run};
use crate::units::{counted, format_rate, format_ratio};

/// Why no plan can be made from a result. The texts name the result and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A search that has proved nothing.
    #[error("{id} does not tell where the edge is: {why}")]
    NoEdge {
        /// The result.
        id: String,
        /// Why, and what would tell it.
        why: String,
    },
    /// A run, and not one that shows a level to pass.
    #[error("{id} is no search for the edge, and {why}: search with `agenthub-perf capacity`, and plan from that")]
    NoSearch {
        /// The result.
        id: String,
        /// Why it does not even show a level to pass.
        why: String,
    },
    /// It does not say how long users think, and nobody else did.
    #[error("{id} {why}: say how long users wait between their tasks, e.g. --wait 3s")]
    NoThinkTime {
        /// The result.
        id: String,
        /// Why it does not.
        why: &'static str,
    },
    /// Nothing was answered.
    #[error("{id} has no response time at a level that passes: search again, beginning lower (--start)")]
    NoResponseTime {
        /// The result.
        id: String,
    },
}

/// An end of the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// Arrivals a second, or users.
    pub(super) level: f64,
    /// Successful responses a second there.
    pub(super) requests_per_s: f64,
}

/// What a plan is reckoned from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ground {
    pub(super) from: PlannedFrom,
    /// Levels are users, not arrivals.
    pub(super) users: bool,
    /// The highest level that is sure to pass.
    pub(super) passes: Option<End>,
    /// The lowest that is sure to fail.
    pub(super) fails: Option<End>,
    /// Why the edge is not proven; empty where it is.
    pub(super) doubts: Vec<String>,
    /// The seconds that users think between two tasks, pauses within a task included.
    pub(super) think_s: Option<f64>,
    /// Those of them that are pauses within a task; `None` where the result does not tell.
    pub(super) pauses_s: Option<f64>,
    pub(super) requests_per_task: f64,
    /// Mean response times, and the levels that they were measured at.
    pub(super) response: Option<Response>,
    /// Suspects at the edge that more instances do not help: what each says.
    pub(super) shared: Vec<String>,
    /// What the scaling law of one instance says of several.
    pub(super) law: Option<String>,
    /// The reference service was under load.
    pub(super) reference_service: bool,
}

/// Mean response times of levels up to the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Response {
    /// Seconds.
    pub(super) mean_s: Between,
    /// The lowest level and the highest of them.
    pub(super) at: Between,
    /// Requests a second of one user, or of one arrival a second.
    pub(super) requests_per_level: Between,
}

/// Suspects in what all instances share: the database, and the connections to it.
const SHARED: [&str; 12] = [
    "lock_waits",
    "deadlocks",
    "sequential_scan",
    "n_plus_one",
    "dominant_statement",
    "idle_in_transaction",
    "pool_exhausted",
    "connections_limit",
    "connections_refused",
    "temp_files",
    "database_reads",
    "checkpoints_requested",
];

/// Of a search for the edge, or of a run that passed.
pub(super) fn ground(run: &Run, result: &RunResult) -> Result<Ground, PlanError> {
    let (asked, id) = (&run.asked, || run.asked.id.clone());
    let users = asked.plan.model == LoadModel::Closed;
    let (passes, fails, confirmed, mut doubts) = match &result.edge {
        Some(_) => of_search(run, result)?,
        None => of_run(run, result)?,
    };
    let response = match &result.edge {
        Some(_) => of_levels(result, passes, fails),
        None => of_window(run, result, passes),
    };
    let response = response.filter(|response| response.mean_s.low.is_finite() && response.mean_s.high.is_finite());
    if passes.is_none() && fails.is_none() {
        return Err(PlanError::NoEdge { id: id(), why: result.reasons.join("; ") });
    }
    doubts.retain(|doubt| !doubt.is_empty());
    let unit = if users { "users" } else { "arrivals/s" }.to_owned();
    let shared = result.suspects.iter().filter(|suspect| SHARED.contains(&suspect.rule.as_str()));
    Ok(Ground {
        from: PlannedFrom {
            id: id(),
            label: asked.label.clone(),
            started: asked.started.clone(),
            host: asked.host.clone(),
            scenario: asked.scenario_name.clone(),
            unit,
            passes: passes.map(|end| end.level),
            fails: fails.map(|end| end.level),
            confirmed,
        },
        users,
        passes,
        fails,
        doubts,
        think_s: asked.mean_wait_s,
        pauses_s: asked.mean_pauses_s,
        requests_per_task: asked.mean_requests_per_task,
        response,
        shared: shared.map(|suspect| format!("{}: {}", suspect.subject, suspect.says)).collect(),
        law: result.law.as_ref().and_then(law),
        reference_service: asked.reference_service,
    })
}

type Ends = (Option<End>, Option<End>, bool, Vec<String>);

/// The ends that a search has proved. One that passed but once may have been lucky: where a lower one passed too, that counts.
fn of_search(run: &Run, result: &RunResult) -> Result<Ends, PlanError> {
    let Some(edge) = &result.edge else { return Ok((None, None, false, Vec::new())) };
    let end = |level: Option<f64>, a_second: Option<f64>| {
        level.zip(a_second).map(|(level, requests_per_s)| End { level, requests_per_s })
    };
    let mut passes = end(edge.passes, edge.requests_per_s_passes);
    let fails = end(edge.fails, edge.requests_per_s_fails);
    let mut doubts = Vec::new();
    if result.verdict != Verdict::Pass {
        doubts.clone_from(&result.reasons);
    }
    if let Some(lucky) = passes.filter(|_| !edge.confirmed) {
        let lower = result.levels.iter().filter(|level| level.verdict == Verdict::Pass && level.level < lucky.level);
        if let Some(lower) = lower.max_by(|a, b| a.level.total_cmp(&b.level)) {
            passes = Some(End { level: lower.level, requests_per_s: lower.requests_per_s });
            let users = run.asked.plan.model == LoadModel::Closed;
            doubts.push(format!(
                "{} passed but once, so the lower end is the level below it that passed, {}",
                level(lucky.level, users),
                level(lower.level, users)
            ));
        } else if doubts.is_empty() {
            doubts.push("the level that passes was not confirmed by a second hold".to_owned());
        }
    }
    // Of a host that has ended not even an upper bound is known for what it will do once it runs again.
    let gone = result.levels.iter().any(|level| level.gone.is_some());
    if passes.is_none() && (fails.is_none() || gone) {
        let why = if result.reasons.is_empty() { "no level was held".to_owned() } else { result.reasons.join("; ") };
        return Err(PlanError::NoEdge { id: run.asked.id.clone(), why });
    }
    Ok((passes, fails, edge.confirmed, doubts))
}

/// A run that passed shows that its level does, and not where the edge is.
fn of_run(run: &Run, result: &RunResult) -> Result<Ends, PlanError> {
    let refused = |why: &str| PlanError::NoSearch { id: run.asked.id.clone(), why: why.to_owned() };
    let holds = run.asked.plan.holds();
    let [hold] = holds.as_slice() else {
        return Err(refused("it holds several levels, or none"));
    };
    if result.partial {
        return Err(refused("it did not run to its end"));
    }
    match result.verdict {
        Verdict::Pass => {}
        Verdict::Void => return Err(refused("it is void: its generator was past its limits")),
        Verdict::Fail => return Err(refused("it missed a target, so its level is none that passes")),
        Verdict::Unproven | Verdict::NotMeasured => return Err(refused("it is unproven that its level passes")),
    }
    let passes = End { level: hold.level, requests_per_s: result.totals.requests_per_min / 60.0 };
    let doubt = "it is a run and no search: it shows that its level passes, and not where the edge is".to_owned();
    Ok((Some(passes), None, false, vec![doubt]))
}

/// What the law of a search says of the assumption that instances scale linearly: it was measured within one.
fn law(law: &LawResult) -> Option<String> {
    let share = || law.sigma.map(|sigma| format!(" ({} of it)", format_ratio(sigma.value)));
    let knee = || law.knee.map(|knee| format!(" past {:.0} requests at a time", knee.value));
    let within = match law.limits? {
        Limits::Contention => format!("work is done one after the other{}", share().unwrap_or_default()),
        Limits::Coherency => format!("requests cost each other, and throughput falls{}", knee().unwrap_or_default()),
        Limits::None => return Some("within one instance nothing was seen that keeps it from scaling".to_owned()),
    };
    Some(format!(
        "within one instance {within}: where that lies in what instances share, they do not scale linearly; search with two of them to know"
    ))
}

/// `410/s`, `120 users`.
pub(super) fn level(of: f64, users: bool) -> String {
    if users { counted(of.round() as u64, "user") } else { format_rate(of) }
}

/// Of all levels of a search below the one that fails: the edge may lie at any of them that is not proven to pass. Where none is, that
/// of the one that fails as well.
fn of_levels(result: &RunResult, passes: Option<End>, fails: Option<End>) -> Option<Response> {
    let counts = |level: &&LevelResult| match fails {
        Some(fails) if passes.is_none() && level.level == fails.level => level.verdict == Verdict::Fail,
        _ => {
            matches!(level.verdict, Verdict::Pass | Verdict::Unproven)
                && fails.is_none_or(|fails| level.level < fails.level)
        }
    };
    let all = |of: fn(&LevelResult) -> Option<f64>| {
        let values = result.levels.iter().filter(counts).filter(|level| level.mean_ms.is_some()).filter_map(of);
        values.map(|value| Between::of(value, value)).reduce(|a, b| Between::of(a.low.min(b.low), a.high.max(b.high)))
    };
    Some(Response {
        mean_s: all(|level| level.mean_ms)?.times(0.001),
        at: all(|level| Some(level.level))?,
        requests_per_level: all(|level| Some(level.requests_per_s / level.level))?,
    })
}

/// Of the steady window of a run.
fn of_window(run: &Run, result: &RunResult, passes: Option<End>) -> Option<Response> {
    let (passes, window) = (passes?, result.steady);
    let times = run.values(IntervalKind::Response, None, window.from_s, window.to_s);
    let mean_s = times.mean()? / 1e6;
    let same = |value| Between::of(value, value);
    Some(Response {
        mean_s: same(mean_s),
        at: same(passes.level),
        requests_per_level: same(passes.requests_per_s / passes.level),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::Bounds;

    fn limited(limits: Option<Limits>, sigma: Option<f64>, knee: Option<f64>) -> LawResult {
        let around = |value: f64| Bounds { value, low: 0.9 * value, high: 1.1 * value };
        LawResult {
            lambda: None,
            sigma: sigma.map(around),
            kappa: None,
            knee: knee.map(around),
            knee_level: None,
            max_requests_per_s: None,
            max_requests_per_s_interval: None,
            limits,
            misfit: None,
            no_knee: None,
            refused: None,
            unit: "at a time".to_owned(),
            levels: Vec::new(),
            curve: Vec::new(),
        }
    }

    #[test]
    fn a_law_of_one_instance_says_what_it_means_for_several() {
        let contention = law(&limited(Some(Limits::Contention), Some(0.05), None)).unwrap();
        assert!(contention.contains("one after the other (5 % of it): where that lies"), "{contention}");
        let coherency = law(&limited(Some(Limits::Coherency), None, Some(41.7))).unwrap();
        assert!(coherency.contains("throughput falls past 42 requests at a time:"), "{coherency}");
        assert!(law(&limited(Some(Limits::None), None, None)).unwrap().contains("nothing was seen"));
        // What limits it could not be told.
        assert_eq!(law(&limited(None, None, None)), None);
    }
}
