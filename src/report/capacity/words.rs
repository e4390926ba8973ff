//! The words for an edge and its levels.

use crate::judge::{EdgeResult, LevelResult, RunResult, Verdict, looks_good};
use crate::record::{LoadModel, Run};
use crate::report::words::{flag_duration, ms, plain, say, sign, target_name};
use crate::units::{format_count, format_rate, format_ratio};

/// `410/s`, `120 users`.
pub(super) fn level(value: f64, unit: &str) -> String {
    if unit == "users" { format!("{} users", format_count(value.round() as u64)) } else { format_rate(value) }
}

/// `410/s – 440/s`, `at least 120 users`.
pub(in crate::report) fn bracket(passes: Option<f64>, fails: Option<f64>, unit: &str) -> String {
    let show = |value| level(value, unit);
    match (passes, fails) {
        (Some(passes), Some(fails)) => format!("{} – {}", show(passes), show(fails)),
        (Some(passes), None) => format!("at least {}", show(passes)),
        (None, Some(fails)) => format!("below {}", show(fails)),
        (None, None) => "not known".to_owned(),
    }
}

/// The answer: `The edge is between 410/s (passes, confirmed) and 440/s (p95 response time fails).`
pub(in crate::report) fn sentence(result: &RunResult) -> Option<String> {
    let edge = result.edge.as_ref()?;
    let show = |value| level(value, &edge.unit);
    let confirmed = if edge.confirmed { "passes, confirmed" } else { "passes, not confirmed" };
    let breaks = edge.first_to_break.as_deref().map_or_else(|| "given up".to_owned(), target_name);
    let verb = if edge.first_to_break.is_some() { " fails" } else { "" };
    Some(match (edge.passes, edge.fails) {
        (Some(passes), Some(fails)) => {
            format!("The edge is between {} ({confirmed}) and {} ({breaks}{verb}).", show(passes), show(fails))
        }
        (Some(passes), None) => format!("The edge is at least {} ({confirmed}).", show(passes)),
        (None, Some(fails)) => {
            format!("The edge is below {} ({breaks}{verb}); no level was proven to pass.", show(fails))
        }
        (None, None) => "Where the edge is could not be told.".to_owned(),
    })
}

/// What throughput there was at both ends; empty where there is none.
pub(super) fn throughput(edge: &EdgeResult) -> String {
    let of = |value: Option<f64>, unit: Option<f64>| {
        value.zip(unit).map(|(a_second, at)| {
            format!("{} requests/s at {}", plain((a_second * 10.0).round() / 10.0), level(at, &edge.unit))
        })
    };
    let both = [of(edge.requests_per_s_passes, edge.passes), of(edge.requests_per_s_fails, edge.fails)];
    both.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was asked for, for the headline.
pub(in crate::report) fn asked(run: &Run) -> Option<String> {
    let search = run.asked.search.as_ref()?;
    let unit = if run.asked.plan.model == LoadModel::Open { "arrivals/s" } else { "users" };
    let process = run.asked.arrivals.map(|arrivals| format!(" ({})", arrivals.as_str())).unwrap_or_default();
    let model = if unit == "users" { "closed model" } else { "open model" };
    Some(format!(
        "{model}, search for the edge from {} to {}{process}",
        level(search.start, unit),
        level(search.most, unit)
    ))
}

/// What to do next, and the command.
pub(in crate::report) fn next(run: &Run, result: &RunResult) -> Option<(String, Option<String>)> {
    let (edge, search) = (result.edge.as_ref()?, run.asked.search.as_ref()?);
    let by = if edge.unit == "users" { "users" } else { "rate" };
    let flag = if edge.unit == "users" { "--max-users" } else { "--max-rate" };
    // All that was said besides holds as before: nothing is hit harder than was allowed.
    let command = |rest: &str| Some(format!("agenthub-perf capacity … {rest}"));
    let more_s = flag_duration(search.whole_s() * 2.0);
    let void_above = |low: Option<f64>| {
        result.levels.iter().any(|level| level.verdict == Verdict::Void && low.is_none_or(|low| level.level > low))
    };
    let unit = if by == "users" { "" } else { "/s" };
    Some(match (edge.passes, edge.fails) {
        _ if result.partial => ("run it to its end".to_owned(), None),
        _ if result.levels.iter().any(|level| level.gone.is_some()) => {
            ("find out what ended the host (its log, its memory), then search again".to_owned(), None)
        }
        (Some(passes), None) if passes >= search.most => (
            "the highest level allowed passes: allow more".to_owned(),
            command(&format!("--start {}{unit} {flag} {}{unit}", plain(passes), plain(search.most * 4.0))),
        ),
        (Some(_), Some(_)) if result.verdict == Verdict::Pass => (
            format!(
                "find out why {} breaks first: watch the database, cache and machine while it does (--postgres, --redis, --process)",
                edge.first_to_break.as_deref().map_or_else(|| "it".to_owned(), target_name)
            ),
            None,
        ),
        (passes, None) if void_above(passes) => {
            ("give the generator more CPU, or a machine of its own: it could not drive more".to_owned(), None)
        }
        (None, Some(fails)) if let Some(good) = looks_good(&result.levels, fails) => (
            "begin where it looks good, and leave more time".to_owned(),
            command(&format!("--start {}{unit} --max-time {more_s}", plain(good.level))),
        ),
        (None, Some(fails)) => {
            let lower = fails.min(search.start) / 32.0;
            let lower = if by == "users" { lower.floor().max(1.0) } else { lower };
            (
                "begin lower, and leave more time".to_owned(),
                command(&format!("--start {}{unit} --max-time {more_s}", plain(lower))),
            )
        }
        _ => ("leave more time".to_owned(), command(&format!("--max-time {more_s}"))),
    })
}

/// A row of the table of levels.
pub(super) struct Row {
    pub(super) sign: char,
    pub(super) verdict: Verdict,
    pub(super) said: &'static str,
    /// Level, held, requests/s, p50, p95, p99, errors.
    pub(super) cells: [String; 7],
    pub(super) why: String,
    /// The figures do not say why: it is told beneath them.
    pub(super) wants_words: bool,
}

pub(super) const TITLES: [&str; 7] = ["level", "held", "requests/s", "p50", "p95", "p99", "errors"];

/// The levels in the order in which they were held.
pub(super) fn rows(result: &RunResult) -> Vec<Row> {
    let unit = result.edge.as_ref().map_or("", |edge| edge.unit.as_str());
    result.levels.iter().map(|level| row(level, unit)).collect()
}

fn row(of: &LevelResult, unit: &str) -> Row {
    let again = if of.confirms { " again" } else { "" };
    Row {
        sign: sign(of.verdict),
        verdict: of.verdict,
        said: say(of.verdict),
        cells: [
            level(of.level, unit),
            format!("{:.0} s{again}", of.to_s - of.from_s),
            plain((of.requests_per_s * 10.0).round() / 10.0),
            ms(of.p50_ms),
            ms(of.p95_ms),
            ms(of.p99_ms),
            of.error_rate.map_or_else(|| "–".to_owned(), format_ratio),
        ],
        why: of.reason.clone(),
        wants_words: of.given_up || matches!(of.verdict, Verdict::Void | Verdict::Unproven),
    }
}
