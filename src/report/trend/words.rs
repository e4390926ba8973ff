//! The words of a history that all formats share.

use crate::judge::{LeftOut, Outcome, Source, Trend, TrendChange, TrendFigure, TrendRun};
use crate::report::comparison;
use crate::report::words;
use crate::units::{counted, format_ratio};

/// Letters of a commit that tell it apart.
const COMMIT: usize = 10;
/// Of what is left out or skipped so many are named.
pub(super) const MOST_NAMED: usize = 20;
/// The heights of a line drawn in text.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The columns of the table of changes.
pub(super) const COLUMNS: [&str; 8] =
    ["since", "label", "commit", "before", "after", "change", "95 % interval", "confidence"];

/// `agenthub user · closed · 250 users`.
pub(super) fn headline(of: &Trend) -> String {
    let said = |(name, value): &(String, String)| match name.as_str() {
        "scenario" => value.split(" (").next().unwrap_or(value).to_owned(),
        "load model" => format!("{value} model"),
        "users" | "arrivals a second" if value.starts_with("searched ") => {
            format!("{name} {value}")
        }
        "users" => value.parse().map_or_else(|_| format!("{value} users"), |users| counted(users, "user")),
        "arrivals a second" => format!("{value} arrivals/s"),
        name => format!("{name} {value}"),
    };
    of.parts.iter().map(said).collect::<Vec<_>>().join(" · ")
}

/// `48 runs from 2026-11-01 to 2026-11-23 · workload 3f2a…`.
pub(super) fn extent(of: &Trend) -> String {
    let day = |run: Option<&TrendRun>| {
        run.map_or_else(String::new, |run| run.started.split('T').next().unwrap_or_default().to_owned())
    };
    let (first, last) = (day(of.runs.first()), day(of.runs.last()));
    let when = if first == last { format!("of {first}") } else { format!("from {first} to {last}") };
    format!("{} {when} · workload {}", counted(of.runs.len() as u64, "run"), of.workload)
}

/// `p95 response time, target < 2 s`.
pub(super) fn title(of: &TrendFigure) -> String {
    let target = limit(of).map_or_else(String::new, |limit| format!(", target {limit}"));
    format!("{}{target}", words::target_name(&of.name))
}

/// `< 2 s`.
pub(in crate::report) fn limit(of: &TrendFigure) -> Option<String> {
    let sign = if of.more_is_better { '>' } else { '<' };
    of.limit.map(|limit| format!("{sign} {}", words::figure(limit, &of.unit)))
}

/// What can be said of its level now.
pub(super) fn now(of: &TrendFigure) -> String {
    let levels = of.levels();
    let Some((from, to, mean)) = levels.last().copied() else { return "no value".to_owned() };
    let mean = words::figure(mean, &of.unit);
    match of.changes.last() {
        Some(change) => {
            format!("{mean} on average since {} ({})", change.run.id, counted((to - from) as u64, "run"))
        }
        None => format!("{mean} on average, no change in {}", counted((to - from) as u64, "run")),
    }
}

/// A word on where the values come from, where that is not the steady window; and on runs without one.
pub(super) fn asides(of: &TrendFigure) -> Vec<String> {
    let mut asides = Vec::new();
    if of.source == Source::WholeRun {
        asides
            .push("values of whole runs, start-up included, without intervals: not all have it as a target".to_owned());
    }
    if !of.without.is_empty() {
        asides.push(format!("without a value: {}", some(&of.without)));
    }
    asides
}

fn some(names: &[String]) -> String {
    let rest = names.len().saturating_sub(MOST_NAMED);
    let first = names[..names.len() - rest].join(", ");
    if rest == 0 { first } else { format!("{first} and {rest} more") }
}

/// The latest values as a line of blocks, at most `most` of them.
pub(super) fn line(of: &TrendFigure, most: usize) -> String {
    let points = &of.points[of.points.len().saturating_sub(most)..];
    let ends = |pick: fn(f64, f64) -> f64| points.iter().map(|point| point.value).reduce(pick).unwrap_or(0.0);
    let (least, highest) = (ends(f64::min), ends(f64::max));
    // A history that hardly moves is no mountain range.
    let extent = (highest - least).max(0.2 * highest.abs());
    let base = f64::midpoint(least, highest) - extent / 2.0;
    let block = |value: f64| {
        let share = if extent > 0.0 { (value - base) / extent } else { 0.0 };
        BLOCKS[((share * 7.0).round().max(0.0) as usize).min(7)]
    };
    points.iter().map(|point| block(point.value)).collect()
}

/// The first letters of a commit, or a dash.
pub(super) fn commit(run: &TrendRun) -> String {
    run.commit.as_ref().map_or_else(|| "–".to_owned(), |commit| commit.chars().take(COMMIT).collect())
}

/// The cells of a change, by [`COLUMNS`].
pub(super) fn change(figure: &TrendFigure, of: &TrendChange) -> [String; 8] {
    let (size, interval) = size(figure, of);
    [
        of.run.id.clone(),
        of.run.label.clone().unwrap_or_else(|| "–".to_owned()),
        commit(&of.run),
        words::figure(of.before, &figure.unit),
        words::figure(of.after, &figure.unit),
        size,
        interval,
        confidence(of),
    ]
}

/// The size of a change and its interval: `+23 % (+0.5 ms)`, `+17 … +29 %`.
pub(in crate::report) fn size(figure: &TrendFigure, of: &TrendChange) -> (String, String) {
    comparison::change_in_words(of.ratio.as_ref(), &of.difference, &figure.unit)
}

fn confidence(of: &TrendChange) -> String {
    if of.p < 0.0001 { "> 99.99 %".to_owned() } else { format!("{:.2} %", of.confidence * 100.0) }
}

/// What lies between the last run before a change and the first after it.
pub(super) fn between(of: &TrendChange) -> String {
    let differs = |differs: &crate::judge::Differs| {
        let short = |text: &str| {
            if differs.what == "commit" { text.chars().take(COMMIT).collect() } else { text.to_owned() }
        };
        format!("{} {} → {}", differs.what, short(&differs.a), short(&differs.b))
    };
    let differs: Vec<String> = of.differs.iter().map(differs).collect();
    let differs = if differs.is_empty() { "nothing else differs".to_owned() } else { differs.join("; ") };
    format!("from {} to {}: {differs}", of.last_before.id, of.run.id)
}

/// One character for a change.
pub(super) fn sign(of: &TrendChange) -> char {
    if of.outcome == Outcome::Worse { '✗' } else { '✓' }
}

/// How changes were found.
pub(super) fn method(of: &Trend) -> String {
    format!(
        "change points by E-divisive and Student's t test: p < {}, at least {} (an error rate: its target), also without any \
         one run; a change shows from its second run on",
        of.most_p,
        format_ratio(of.least_change)
    )
}

/// What does not count and what else there is: a title and its lines.
pub(super) fn rest(of: &Trend) -> Vec<(String, Vec<String>)> {
    let lines = |all: &[LeftOut]| {
        let mut lines: Vec<String> =
            all.iter().rev().take(MOST_NAMED).map(|one| format!("{}: {}", one.id, one.why)).collect();
        if all.len() > MOST_NAMED {
            lines.push(format!("and {} more, all of them in the JSON", all.len() - MOST_NAMED));
        }
        lines
    };
    let marked: Vec<LeftOut> = of
        .runs
        .iter()
        .filter(|run| !run.marks.is_empty())
        .map(|run| LeftOut { id: run.id.clone(), why: run.marks.join("; ") })
        .collect();
    let of_others = |others: &crate::judge::RunsOf| {
        format!("{} {}: {}", others.workload, others.scenario, counted(others.runs as u64, "run"))
    };
    let mut others: Vec<String> = of.other_workloads.iter().take(MOST_NAMED).map(of_others).collect();
    if of.other_workloads.len() > MOST_NAMED {
        others.push(format!("and {} more", of.other_workloads.len() - MOST_NAMED));
    }
    let count = |n: usize, words: &str| format!("{n} {words}");
    vec![
        (count(marked.len(), "shown that do not count otherwise"), lines(&marked)),
        (count(of.left_out.len(), "left out (--all shows them)"), lines(&of.left_out)),
        (count(of.skipped.len(), "skipped"), lines(&of.skipped)),
        ("other workloads (--workload HASH)".to_owned(), others),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .collect()
}
