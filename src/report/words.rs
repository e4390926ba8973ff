//! The words that all reports share: names of targets, signs, figures, the headline, the plain sentence.

use std::time::Duration;

use crate::judge::{EndpointResult, GeneratorResult, Outcome, RunResult, TargetResult, Verdict};
use crate::record::{ArrivalSecond, End, LoadModel, ProbeKind, Run};
use crate::units::{counted, format_count, format_duration, format_ms, format_rate, format_ratio};

/// `p95_response_time[GET /x]` as a person says it: `p95 response time of GET /x`.
pub(super) fn target_name(name: &str) -> String {
    let (plain, of) = match name.split_once('[') {
        Some((plain, of)) => (plain, Some(of.trim_end_matches(']'))),
        None => (name, None),
    };
    let words = match plain {
        "db_query_time" => "database query time".to_owned(),
        "cpu_average" => "CPU average".to_owned(),
        "cpu_peak" => "CPU peak".to_owned(),
        other => other.replace('_', " "),
    };
    match of {
        Some(of) => format!("{words} of {of}"),
        None => words,
    }
}

/// A target's name as its row has it: with whom its figure is of, where its name does not say so: `memory (container db)`.
pub(super) fn target_title(target: &TargetResult) -> String {
    let name = target_name(&target.name);
    match &target.subject {
        Some(subject) if !target.name.contains('[') && *subject != ProbeKind::Postgres.as_str() => {
            format!("{name} ({subject})")
        }
        _ => name,
    }
}

/// One character for a verdict.
pub(super) fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✓',
        Verdict::Fail => '✗',
        Verdict::Unproven => '?',
        Verdict::NotMeasured => '–',
        Verdict::Void => '!',
    }
}

/// The verdict as reports shout it.
pub(super) fn shout(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Unproven => "UNPROVEN",
        Verdict::NotMeasured => "NOT MEASURED",
        Verdict::Void => "VOID",
    }
}

/// The verdict in running text.
pub(super) fn say(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unproven => "unproven",
        Verdict::NotMeasured => "not measured",
        Verdict::Void => "void",
    }
}

/// A figure in its unit: `2.1 ms`, `0.1 %`, `4,968/min`.
pub(super) fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ms" => format_ms(value),
        "ratio" => format_ratio(value),
        "requests/min" if value < 10.0 => format!("{value:.1}/min"),
        "requests/min" => format!("{}/min", format_count(value.round() as u64)),
        other => format!("{value} {other}"),
    }
}

/// The limit as a person reads it: `< 2 s`.
pub(super) fn limit(target: &TargetResult) -> String {
    format!("{} {}", target.op, figure(target.limit, &target.unit))
}

/// The figure measured; a ratio with the counts behind it. Empty where there is none.
pub(super) fn measured(target: &TargetResult) -> String {
    let value = target.value.map(|value| figure(value, &target.unit));
    match (value, target.counts) {
        (_, Some([0, of])) => format!("0 / {}", format_count(of)),
        (Some(value), Some([some, of])) => format!("{value} ({} / {})", format_count(some), format_count(of)),
        (Some(value), None) => value,
        (None, _) => String::new(),
    }
}

/// The 95 % interval: `2.0 – 2.3 ms`, `at least 4.2 ms`; empty where neither end is known.
pub(super) fn interval(target: &TargetResult) -> String {
    // A highest second is what it is.
    if target.low.is_some() && target.low == target.high {
        return String::new();
    }
    between(target.low, target.high, &target.unit)
}

/// An interval of two figures in their unit.
pub(crate) fn between(low: Option<f64>, high: Option<f64>, unit: &str) -> String {
    let end = |value: Option<f64>| value.map(|value| figure(value, unit));
    match (end(low), end(high)) {
        (Some(low), Some(high)) => {
            let unit = |text: &str| text.find([' ', '/']).map(|at| text[at..].to_owned());
            match unit(&low) {
                Some(same) if unit(&high).as_ref() == Some(&same) => {
                    format!("{} – {high}", &low[..low.len() - same.len()])
                }
                _ => format!("{low} – {high}"),
            }
        }
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => String::new(),
    }
}

/// Why a target has its verdict, beginning with "not measured" where it was not.
pub(super) fn reason(target: &TargetResult) -> String {
    match target.verdict {
        Verdict::NotMeasured if target.reason.is_empty() => "not measured".to_owned(),
        Verdict::NotMeasured if !target.reason.starts_with("not measured") => {
            format!("not measured: {}", target.reason)
        }
        _ => target.reason.clone(),
    }
}

/// A time in ms, or a dash where there is none.
pub(super) fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), format_ms)
}

/// Whole seconds as a person says them: `60 s`, `2 h`, `1 h 30 min`.
pub(crate) fn seconds(s: f64) -> String {
    if s < 120.0 {
        let text = format!("{s:.1}");
        return format!("{} s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let whole = s.round() as u64;
    let parts = [(whole / 3600, "h"), (whole % 3600 / 60, "min"), (whole % 60, "s")];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    parts.join(" ")
}

/// A stretch of the run: `5–60 s`, `15 min – 10 h`.
pub(super) fn span(from_s: f64, to_s: f64) -> String {
    let (from, to) = (seconds(from_s), seconds(to_s));
    match (from.strip_suffix(" s"), to.strip_suffix(" s")) {
        (Some(plain), Some(_)) if from_s < 120.0 && to_s < 120.0 => format!("{plain}–{to}"),
        _ => format!("{from} – {to}"),
    }
}

/// The load in words: `closed model, 250 users, think time 1–5 s`.
pub(super) fn load(run: &Run, result: &RunResult) -> String {
    if let Some(search) = super::capacity::asked(run) {
        return search;
    }
    let asked = &result.load;
    let staged = run.asked.plan.holds().len() > 1;
    let level = |text: String| if staged { format!("up to {text} in stages") } else { text };
    let mut words = Vec::new();
    match asked.model {
        LoadModel::Closed => {
            words.push("closed model".to_owned());
            let users = u64::from(asked.users.unwrap_or(0));
            words.push(level(counted(users, "user")));
            match asked.wait.as_str() {
                "" => {}
                "none" => words.push("no think time".to_owned()),
                wait if wait.starts_with("pacing") => words.push(wait.to_owned()),
                wait => words.push(format!("think time {wait}")),
            }
        }
        LoadModel::Open => {
            words.push("open model".to_owned());
            let process = run.asked.arrivals.map(|arrivals| format!(" ({})", arrivals.as_str())).unwrap_or_default();
            words.push(level(format!("{}{process}", arrivals_in_words(asked.rate.unwrap_or(0.0)))));
        }
    }
    words.join(", ")
}

/// `50 arrivals/s`, `30 arrivals/min`.
pub(super) fn arrivals_in_words(per_s: f64) -> String {
    format_rate(per_s).replacen('/', " arrivals/", 1)
}

/// Whether response and service time differ: they are then shown side by side.
pub(super) fn is_open(result: &RunResult) -> bool {
    result.load.model == LoadModel::Open
}

/// A number without needless zeros, three decimals at most.
pub(super) fn plain(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whether there is a window that was judged.
pub(super) fn has_steady(result: &RunResult) -> bool {
    result.steady.to_s > result.steady.from_s
}

/// `agenthub user`, `closed model, 250 users, think time 1–5 s`, `steady 5–60 s`.
pub(super) fn headline(run: &Run, result: &RunResult) -> [String; 3] {
    let steady = if has_steady(result) {
        format!("steady {}", span(result.steady.from_s, result.steady.to_s))
    } else {
        "no steady window".to_owned()
    };
    [result.scenario.name.clone(), load(run, result), steady]
}

/// For a run that did not come to its end: how far it came and why.
pub(super) fn cut_short(run: &Run, result: &RunResult) -> Option<String> {
    let why = match &run.end {
        Some(End::Finished) if !result.partial => return None,
        Some(End::Finished) => "ended early".to_owned(),
        Some(End::Interrupted) => "interrupted".to_owned(),
        Some(End::GivenUp(why)) => format!("given up ({why})"),
        Some(End::Aborted(why)) => format!("stopped ({why})"),
        None => "killed, or still running: its journal ends".to_owned(),
    };
    Some(format!("{why} after {} of {}", seconds(result.duration_s), seconds(result.load.run_time_s)))
}

/// An endpoint's name; with its scenario's where another scenario has one of the same name.
pub(super) fn endpoint_name(result: &RunResult, endpoint: &EndpointResult) -> String {
    let same = result.endpoints.iter().filter(|other| other.name == endpoint.name).count();
    if same > 1 { format!("{} ({})", endpoint.name, endpoint.scenario) } else { endpoint.name.clone() }
}

/// The names of the targets with a verdict.
fn names(result: &RunResult, verdict: Verdict) -> Vec<String> {
    result.targets.iter().filter(|t| t.verdict == verdict).map(|t| target_name(&t.name)).collect()
}

/// The first few, and how many more there are.
fn listed(names: &[String]) -> String {
    match names.len() {
        0..=4 => names.join(", "),
        n => format!("{} and {} more", names[..3].join(", "), n - 3),
    }
}

/// One plain sentence that says what came out.
pub(super) fn sentence(result: &RunResult) -> String {
    if let Some(edge) = super::capacity::sentence(result).filter(|_| result.totals.requests > 0) {
        return edge;
    }
    let [passed, failed, unproven] = [Verdict::Pass, Verdict::Fail, Verdict::Unproven].map(|v| names(result, v));
    let measured = passed.len() + failed.len() + unproven.len();
    match result.verdict {
        _ if result.totals.requests == 0 => "No request was made, so there is nothing to judge.".to_owned(),
        Verdict::Void => {
            "The load generator did not do what it was asked to: these figures do not speak of the host.".to_owned()
        }
        Verdict::Fail if failed.is_empty() && super::drift::failing(result).is_some() => {
            format!("No target was missed, but {}.", super::drift::failing(result).unwrap_or_default())
        }
        Verdict::Fail if failed.is_empty() => match &result.baseline {
            Some(baseline) if baseline.verdict == Outcome::Worse => {
                format!("No target was missed, but against the baseline (A): {}", super::comparison::sentence(baseline))
            }
            _ => "The run failed.".to_owned(),
        },
        Verdict::Fail if failed.len() == measured => {
            format!("Every measured target was missed: {}.", listed(&failed))
        }
        Verdict::Fail => format!("{} of {measured} measured targets were missed: {}.", failed.len(), listed(&failed)),
        Verdict::Unproven if unproven.is_empty() && result.baseline.is_some() => {
            "No target was missed, but whether the run is worse than its baseline cannot be told.".to_owned()
        }
        Verdict::Unproven if unproven.is_empty() && super::drift::open(result).is_some() => {
            let open = super::drift::open(result).unwrap_or_default();
            format!("No target was missed, but whether what there is lasts cannot be told of: {open}.")
        }
        Verdict::Unproven if unproven.is_empty() => "Nothing was proven.".to_owned(),
        Verdict::Unproven => format!("No target was missed, but this run cannot prove: {}.", listed(&unproven)),
        Verdict::Pass if measured == 1 => "The one measured target was met.".to_owned(),
        Verdict::Pass => format!("All {measured} measured targets were met."),
        Verdict::NotMeasured => "No target was measured.".to_owned(),
    }
}

/// What the sentence leaves open; may be empty.
pub(super) fn rest(result: &RunResult) -> String {
    if result.totals.requests == 0 {
        return String::new();
    }
    let mut parts = Vec::new();
    if let Some(drift) = super::drift::failing(result).filter(|_| !names(result, Verdict::Fail).is_empty()) {
        parts.push(format!("And {drift}."));
    }
    let unproven = names(result, Verdict::Unproven);
    if result.verdict == Verdict::Fail && !unproven.is_empty() {
        parts.push(format!("Unproven: {}.", listed(&unproven)));
    }
    let open = names(result, Verdict::NotMeasured);
    if !open.is_empty() {
        parts.push(format!("Not measured: {}.", listed(&open)));
    }
    parts.join(" ")
}

/// One text of failure over all endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorRow {
    /// E.g. `status 500`.
    pub(super) text: String,
    /// How often.
    pub(super) count: u64,
    /// Where, the most first, each with its count.
    pub(super) endpoints: Vec<(String, u64)>,
}

/// Failures by text over all endpoints, the most first.
pub(super) fn errors(result: &RunResult) -> Vec<ErrorRow> {
    let mut rows: Vec<ErrorRow> = Vec::new();
    for endpoint in &result.endpoints {
        for (text, &count) in &endpoint.errors {
            let at = (endpoint.name.clone(), count);
            match rows.iter_mut().find(|row| row.text == *text) {
                Some(row) => {
                    row.count += count;
                    row.endpoints.push(at);
                }
                None => rows.push(ErrorRow { text: text.clone(), count, endpoints: vec![at] }),
            }
        }
    }
    for row in &mut rows {
        row.endpoints.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    }
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.text.cmp(&b.text)));
    rows
}

/// `GET /x was redirected 12 times of 40`, a line for each endpoint that was.
pub(super) fn redirects(result: &RunResult) -> Vec<String> {
    let redirected = result.endpoints.iter().filter(|e| e.redirected > 0);
    redirected
        .map(|e| {
            let (some, of) = (format_count(e.redirected), format_count(e.requests));
            format!("{} was redirected: {some} of {of} requests; its times include the redirects", e.name)
        })
        .collect()
}

/// The same for where there is little room: `p95 of GET /x`.
pub(super) fn short_target_title(target: &TargetResult) -> String {
    match target.name.split_once("_response_time[") {
        Some((quantile, of)) => format!("{quantile} of {}", of.trim_end_matches(']')),
        None => target_title(target),
    }
}

/// One source of load in one line: `generator fine: lag p99 0.4 ms, CPU 6 %`.
pub(super) fn generator(source: &GeneratorResult) -> String {
    let name = if source.source == "local" { "generator".to_owned() } else { format!("generator {}", source.source) };
    let state = if source.void { "void" } else { "fine" };
    let lag = format_ms(source.schedule_lag_ms.p99);
    let cpu = format_ratio(source.cpu_percent / 100.0);
    // Where all is well the wait for a CPU is no news.
    let waited = source.run_delay_percent.filter(|_| source.void);
    let waited =
        waited.map_or_else(String::new, |of_time| format!(", waited for a CPU {}", format_ratio(of_time / 100.0)));
    format!("{name} {state}: lag p99 {lag}, CPU {cpu}{waited}")
}

/// Why a run is void: what its generators say, how it ended is told beside it.
pub(super) fn void_reasons(result: &RunResult) -> Vec<&str> {
    let void = result.verdict == Verdict::Void;
    result.generators.iter().filter(|_| void).flat_map(|source| &source.reasons).map(String::as_str).collect()
}

/// A run's length for the machine-readable formats.
pub(super) fn duration(result: &RunResult) -> Duration {
    Duration::try_from_secs_f64(result.duration_s).unwrap_or_default()
}

/// A duration as the command line takes it, rounded up to whole seconds.
pub(super) fn flag_duration(s: f64) -> String {
    format_duration(Duration::from_secs(s.max(1.0).ceil() as u64))
}

/// What a reader should know beside the figures.
pub(super) fn notes(run: &Run, result: &RunResult) -> Vec<String> {
    let mut notes = result.notes.clone();
    if result.totals.failed_starts > 0 {
        let who = if is_open(result) { "sessions" } else { "users" };
        notes.push(format!("{} {who} could not start", format_count(result.totals.failed_starts)));
    }
    if result.totals.cut_off > 0 {
        let cut = format_count(result.totals.cut_off);
        notes.push(format!("{cut} requests were still in flight at the end and were cut off"));
    }
    if result.generators.iter().all(|generator| generator.arrivals.is_none()) {
        notes.extend(arrivals(run));
    }
    notes.extend(run.warnings.iter().filter(|warning| !result.notes.contains(warning)).cloned());
    notes
}

/// What became of the arrivals, where it was not what was planned.
fn arrivals(run: &Run) -> Vec<String> {
    let seconds = || run.seconds.iter().filter_map(|second| second.arrivals);
    let sum = |of: fn(ArrivalSecond) -> u64| seconds().map(of).sum::<u64>();
    let (planned, late, unsent) = (sum(|s| s.planned), sum(|s| s.late), sum(|s| s.unsent));
    let of = format_count(planned);
    let mut notes = Vec::new();
    if late > 0 {
        notes.push(format!(
            "{} of {of} arrivals had to wait for a free session; their response time runs from the planned instant, the service time from the send",
            format_count(late)
        ));
    }
    if unsent > 0 {
        notes.push(format!(
            "{} of {of} arrivals were never sent: no session was free for them to the end; raise --max-users, or ask for a lower --rate",
            format_count(unsent)
        ));
    }
    notes
}

/// Where and by what, and what was asked: name and value.
pub(super) fn environment(run: &Run, result: &RunResult) -> Vec<(&'static str, String)> {
    let asked = &run.asked;
    let by = &result.environment.generator;
    let mut host = result.environment.host.clone();
    if asked.reference_service {
        host.push_str(" (the reference service)");
    }
    let mut rows = vec![("host", host), ("scenario", format!("{} ({})", result.scenario.name, result.scenario.hash))];
    for scenario in &asked.scenarios {
        rows.push(("scenario file", format!("{} (weight {})", scenario.file, scenario.weight)));
    }
    rows.push(("load", load(run, result)));
    if let Some(rate) = result.load.spawn_rate {
        rows.push(("spawn rate", format!("{} users/s", plain(rate))));
    }
    if let Some(sessions) = asked.max_users {
        rows.push(("sessions", format!("at most {}", format_count(sessions.into()))));
    }
    rows.push(("run time", format!("{} of {}", seconds(result.duration_s), seconds(result.load.run_time_s))));
    let versions = &result.totals.http_versions;
    let counted = |(version, count): (&String, &u64)| match versions.len() {
        1 => format!("HTTP/{version}"),
        _ => format!("HTTP/{version} ({} responses)", format_count(*count)),
    };
    if !versions.is_empty() {
        rows.push(("protocol", versions.iter().map(counted).collect::<Vec<_>>().join(", ")));
    }
    rows.push(("started", result.started.clone()));
    if let Some(commit) = &by.commit {
        rows.push(("commit", commit.clone()));
    }
    if let Some(label) = &result.label {
        rows.push(("label", label.clone()));
    }
    let cpus = by.cpu_quota.map_or_else(|| by.cpus.to_string(), plain);
    rows.push(("generator", format!("{}, {}, {cpus} CPUs", by.hostname, by.os)));
    rows.push(("agenthub-perf", by.version.clone()));
    rows.push(("seed", asked.seed.to_string()));
    rows.push(("result", result.id.clone()));
    rows
}
