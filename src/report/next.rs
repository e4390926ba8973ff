//! What to do next: one step, named, that follows from the verdict.

use super::columns::cut_middle;
use super::words::{errors, flag_duration, is_open, plain, target_name};
use crate::judge::{RunResult, Verdict};
use crate::record::{End, LoadModel, ProbeKind, Run};
use crate::units::format_rate;

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// What to do, as a sentence without its full stop.
    pub(super) words: String,
    /// The command that does it.
    pub(super) command: Option<String>,
}

impl Next {
    /// The words as a sentence, ending so that the command can follow.
    pub(super) fn sentence(&self) -> String {
        let mut chars = self.words.chars();
        let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}{}", chars.as_str(), if self.command.is_some() { ':' } else { '.' })
    }
}

/// Endpoints' names are cut to this many columns.
const NAME: usize = 44;

fn step(words: &str, command: Option<String>) -> Next {
    Next { words: words.to_owned(), command }
}

/// The next step after a run.
pub(super) fn next_step(run: &Run, result: &RunResult) -> Next {
    if result.totals.requests == 0 {
        let words = format!("see whether {} answers at all, then run again", result.environment.host);
        return step(&words, None);
    }
    if let Some(End::Aborted(_)) = &run.end {
        return step("mend what stopped it, then run again", None);
    }
    if let Some((words, command)) = super::capacity::next(run, result) {
        return Next { words, command };
    }
    match result.verdict {
        Verdict::Void => step(
            if is_open(result) {
                "give the generator what it lacked (more sessions with --max-users, more CPU, or a lower rate) and run again"
            } else {
                "give the generator what it lacked (more CPU, fewer users, or a machine of its own) and run again"
            },
            None,
        ),
        Verdict::Fail => step(&with_suspect(result, after_failure(run, result)), None),
        _ if result.partial => step("run it to its end", None),
        Verdict::Unproven => after_unproven(run, result),
        Verdict::Pass | Verdict::NotMeasured if run.asked.reference_service => {
            step("put the same load on your own service", Some("agenthub-perf run -H http://localhost:8000".to_owned()))
        }
        Verdict::Pass | Verdict::NotMeasured if let Some(flags) = flags(run, result) => step(
            "watch the system too: some targets are not measured without it",
            Some(format!("agenthub-perf run … {flags}")),
        ),
        Verdict::Pass | Verdict::NotMeasured => {
            step("look for the edge with twice the load", Some(command(run, result, 2.0, 1.0)))
        }
    }
}

/// As much more load and time as the targets ask for; where they do not say, twice the load, and four times the time, which
/// halves intervals.
fn after_unproven(run: &Run, result: &RunResult) -> Next {
    let unproven = || result.targets.iter().filter(|t| t.verdict == Verdict::Unproven);
    if unproven().next().is_none() && super::drift::open(result).is_some() {
        return step("run longer: the line of what grows is too short to tell", Some(command(run, result, 1.0, 4.0)));
    }
    if unproven().next().is_none()
        && let Some(baseline) = &result.baseline
    {
        // Of the run's length the baseline speaks too: both must be longer.
        return match baseline.targets.iter().filter_map(|row| row.steady_s).reduce(f64::max) {
            Some(steady_s) => step(
                "the comparison with the baseline is unproven; make both runs this long",
                Some(command(run, result, 1.0, ((steady_s + result.steady.from_s) / result.load.run_time_s).max(1.0))),
            ),
            None => step("compare several runs a side: agenthub-perf compare A1,A2,A3,A4 B1,B2,B3,B4", None),
        };
    }
    let wants_load = unproven().any(|t| t.name == "throughput" && t.longer_s.is_none());
    let wants_time = unproven().any(|t| t.name != "throughput" || t.longer_s.is_some());
    let now = result.load.users.map(f64::from).or(result.load.rate);
    let level = unproven().filter_map(|t| t.level).reduce(f64::max);
    let load = match (wants_load, level, now) {
        (true, Some(level), Some(now)) if now > 0.0 => (level / now).max(1.0),
        (true, ..) => 2.0,
        (false, ..) => 1.0,
    };
    let time = match unproven().filter_map(|t| t.longer_s).reduce(f64::max) {
        _ if !wants_time => 1.0,
        // A tenth to spare: the next run is not this one. More load brings as many requests sooner.
        Some(longer_s) => {
            let run_time_s = result.load.run_time_s;
            let needed_s = (run_time_s + 1.1 * longer_s) / load;
            (needed_s / 10.0).ceil() * 10.0 / run_time_s
        }
        None => 4.0,
    };
    let words = match (wants_load, wants_time) {
        (true, true) => "the load is too small and the run too short to tell; as much as it takes",
        (true, false) => "the load is too small to tell; as much as it takes",
        (false, _) => "the run is too short to tell; as long as it takes",
    };
    step(words, Some(command(run, result, load, time.max(1.0))))
}

/// The advice on the first suspect, and what is to be done besides.
fn with_suspect(result: &RunResult, besides: String) -> String {
    match result.suspects.first() {
        Some(suspect) => format!("{}; then {besides}", suspect.advice.trim_end_matches('.')),
        None => besides,
    }
}

/// The flags by which targets that nobody measures would be, where nobody was asked to.
fn flags(run: &Run, result: &RunResult) -> Option<String> {
    let missing = |names: &[&str]| {
        let of = |name: &str| names.contains(&name.split('[').next().unwrap_or(name));
        result.targets.iter().any(|target| target.verdict == Verdict::NotMeasured && of(&target.name))
    };
    let watched = |kinds: &[ProbeKind]| run.watched.iter().any(|watched| kinds.contains(&watched.name.kind));
    let database = missing(&["db_query_time"]) && !watched(&[ProbeKind::Postgres]);
    let subject =
        missing(&["memory", "cpu_average", "cpu_peak"]) && !watched(&[ProbeKind::Container, ProbeKind::Process]);
    let flags = [database.then_some("--postgres URL"), subject.then_some("--container NAME")];
    let flags: Vec<&str> = flags.into_iter().flatten().collect();
    (!flags.is_empty()).then(|| flags.join(" "))
}

fn after_failure(run: &Run, result: &RunResult) -> String {
    let missed: Vec<&str> =
        result.targets.iter().filter(|t| t.verdict == Verdict::Fail).map(|t| t.name.as_str()).collect();
    if missed.iter().any(|name| name.starts_with("error_rate"))
        && let Some(first) = errors(result).first()
        && let Some((endpoint, _)) = first.endpoints.first()
    {
        let (text, endpoint) = (cut_middle(&first.text, NAME), cut_middle(endpoint, NAME));
        // Only what the host answered is in its log.
        return if first.text.starts_with("status ") {
            let since = &run.asked.started;
            format!(
                "look up \"{text}\" of {endpoint} in the host's log from {since} on: it is the most frequent failure"
            )
        } else {
            format!("begin with \"{text}\" of {endpoint}: it is the most frequent failure")
        };
    }
    let slowest = result
        .endpoints
        .iter()
        .filter_map(|e| e.response_time_ms.p95.map(|p95| (p95 * e.requests as f64, e)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let (true, Some((_, endpoint))) = (missed.iter().any(|name| name.contains("response_time")), slowest) {
        return format!("begin with {}: most of the waiting is there", cut_middle(&endpoint.name, NAME));
    }
    match missed.first() {
        Some(name) => format!("begin with {}: see its chart in report.html", target_name(name)),
        None if let Some(drift) = super::drift::next(result) => drift,
        None => match result.baseline.as_ref().and_then(|baseline| baseline.reasons.first()) {
            Some(worse) => {
                format!("begin with {}: see its change against the baseline in report.html", target_name(worse))
            }
            None => "see report.html".to_owned(),
        },
    }
}

/// The flags with which the same command has so many times its load and its time; whatever else was asked stays.
fn command(run: &Run, result: &RunResult, load: f64, time: f64) -> String {
    if run.asked.plan.holds().len() > 1 {
        let stages = run.asked.plan.stages.iter();
        // A ramp of no time cannot be asked for: it is where an open load at one rate begins.
        let stages = stages.filter(|s| s.duration_s > 0.0).map(|s| {
            let level = match result.load.model {
                LoadModel::Closed => plain(s.level * load),
                LoadModel::Open => format_rate(s.level * load),
            };
            format!("{level}:{}", flag_duration(s.duration_s * time))
        });
        return format!("agenthub-perf run … --stages {}", stages.collect::<Vec<_>>().join(","));
    }
    let level = match (result.load.model, result.load.users) {
        (LoadModel::Closed, Some(users)) => format!(" -u {}", plain(f64::from(users) * load)),
        (LoadModel::Closed, None) => String::new(),
        (LoadModel::Open, _) => format!(" --rate {}", format_rate(result.load.rate.unwrap_or(1.0) * load)),
    };
    format!("agenthub-perf run …{level} -t {}", flag_duration(result.load.run_time_s * time))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn command_of((run, result): (Run, RunResult)) -> Option<String> {
        next_step(&run, &result).command
    }

    #[test]
    fn the_command_asks_for_what_the_verdict_lacks() {
        assert_eq!(command_of(example::unproven()).unwrap(), "agenthub-perf run … -u 100 -t 4m");
        assert_eq!(command_of(example::partial()), None);
        assert_eq!(command_of(example::void()), None);
        let mut own = example::pass();
        own.0.asked.reference_service = false;
        assert_eq!(command_of(own).unwrap(), "agenthub-perf run … --postgres URL --container NAME");
        assert_eq!(command_of(example::healthy()).unwrap(), "agenthub-perf run … -u 500 -t 60s");
        assert_eq!(command_of(example::blind()).unwrap(), "agenthub-perf run … --container NAME");
    }

    #[test]
    fn the_advice_on_the_first_suspect_comes_first() {
        let (run, mut result) = example::locked();
        let words = next_step(&run, &result).words;
        assert!(words.starts_with("keep the transaction that updates projects short: "), "{words}");
        assert!(words.contains("its COMMIT; then look up \"status 500\" of "), "{words}");
        result.verdict = Verdict::Void;
        assert!(next_step(&run, &result).words.starts_with("give the generator"));
    }

    #[test]
    fn stages_are_asked_for_as_stages() {
        let (mut run, mut result) = example::staged();
        run.asked.reference_service = false;
        result.targets.retain(|target| target.verdict != Verdict::NotMeasured);
        result.verdict = Verdict::Pass;
        result.partial = false;
        assert_eq!(
            next_step(&run, &result).command.unwrap(),
            "agenthub-perf run … --stages 200:10s,200:50s,500:15s,500:60s,0:10s"
        );
    }

    #[test]
    fn arrivals_are_asked_for_with_their_unit() {
        let (mut run, mut result) = example::pass();
        run.asked.reference_service = false;
        result.targets.retain(|target| target.verdict != Verdict::NotMeasured);
        (result.load.model, result.load.users, result.load.rate) = (LoadModel::Open, None, Some(0.25));
        assert_eq!(next_step(&run, &result).command.unwrap(), "agenthub-perf run … --rate 30/min -t 60s");
        let (mut run, mut result) = example::staged();
        run.asked.reference_service = false;
        result.targets.retain(|target| target.verdict != Verdict::NotMeasured);
        (result.load.model, result.verdict, result.partial) = (LoadModel::Open, Verdict::Pass, false);
        let command = next_step(&run, &result).command.unwrap();
        assert_eq!(command, "agenthub-perf run … --stages 200/s:10s,200/s:50s,500/s:15s,500/s:60s,0/s:10s");
        result.verdict = Verdict::Void;
        assert!(next_step(&run, &result).words.contains("--max-users"));
    }

    #[test]
    fn a_failure_names_where_to_look() {
        let (run, mut result) = example::fail();
        assert!(next_step(&run, &result).words.starts_with("look up \"status 500\" of GET /api/v2/tasks "));
        result.targets.retain(|t| t.name != "error_rate");
        assert_eq!(next_step(&run, &result).words, "begin with POST /api/v2/tasks: most of the waiting is there");
    }
}
