//! What a GitHub job shows: annotations on the run, and the job summary.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use super::{ReportError, check, comparison, drift, junit, watched, words};
use crate::judge::{Comparison, Outcome, RunResult, Verdict};
use crate::record::{CheckOutcome, Run};

/// GitHub shows no more than ten of a step.
const MOST_ANNOTATIONS: usize = 10;
/// A step's summary that is larger is refused as a whole.
const MOST_SUMMARY: usize = 1024 * 1024;
/// Stands where a summary was cut off.
const CUT: &str = "\n\n**The rest does not fit into a job summary: it is in the result folder.**\n";

/// How grave an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
}

/// The annotations of a run, a line each, errors first: what failed or voids it is an error, what is unproven a warning.
pub(super) fn of_run(run: &Run, result: &RunResult) -> Vec<String> {
    let mut found = Vec::new();
    let word = words::shout(result.verdict);
    if result.verdict == Verdict::Void {
        // Its targets say nothing.
        found.push((Level::Error, word.to_owned(), result.reasons.join("; ")));
        return lines(found);
    }
    if let Some(how) = words::cut_short(run, result) {
        found.push((Level::Error, "partial".to_owned(), how));
    }
    if result.totals.requests == 0 {
        found.push((Level::Error, word.to_owned(), "no request was made".to_owned()));
    }
    for target in &result.targets {
        let level = match target.verdict {
            Verdict::Fail => Level::Error,
            Verdict::Unproven => Level::Warning,
            _ => continue,
        };
        let title = format!("{} · {}", words::shout(target.verdict), words::target_name(&target.name));
        found.push((level, title, junit::message(target)));
    }
    for drift in &result.drift {
        let level = match drift.verdict {
            Verdict::Fail => Level::Error,
            _ if drift.is_open() => Level::Warning,
            _ => continue,
        };
        let title = format!("{} · drift of {}", words::shout(drift.verdict), drift::title(drift));
        found.push((level, title, drift::message(drift)));
    }
    if let (Verdict::Fail, Some(suspect)) = (result.verdict, result.suspects.first()) {
        let (evidence, advice) = (suspect.evidence.join("; "), watched::sentence(&suspect.advice));
        let message = format!("{}: {evidence}. {advice}", suspect.says);
        found.push((Level::Error, format!("what moved · {}", suspect.subject), message));
    }
    found.extend(result.baseline.as_deref().and_then(|baseline| of_one(baseline, "against the baseline")));
    // A warning: the verdict is of the targets.
    if let Some(check) = result.check.as_deref().filter(|check| check.outcome == CheckOutcome::Fail) {
        let failed = check.findings.iter().filter(|finding| finding.counts_as() == CheckOutcome::Fail);
        let names: Vec<String> = failed.map(check::name).collect();
        found.push((
            Level::Warning,
            "check before the load".to_owned(),
            format!("{}: {}", check.counts.words(), names.join(", ")),
        ));
    }
    lines(found)
}

/// The annotations of a comparison.
pub(super) fn of_comparison(of: &Comparison) -> Vec<String> {
    lines(of_one(of, "B against A").into_iter().collect())
}

fn of_one(of: &Comparison, what: &str) -> Option<(Level, String, String)> {
    let (level, word) = match of.verdict {
        Outcome::Worse => (Level::Error, "WORSE"),
        Outcome::Unproven => (Level::Warning, "UNPROVEN"),
        Outcome::Better | Outcome::Same | Outcome::NotWorse => return None,
    };
    let mut message = comparison::sentence(of);
    if of.verdict == Outcome::Unproven && !of.reasons.is_empty() {
        message = format!("{message} {}", of.reasons.join("; "));
    }
    Some((level, format!("{word} · {what}"), message))
}

fn lines(mut found: Vec<(Level, String, String)>) -> Vec<String> {
    found.sort_by_key(|(level, ..)| *level);
    if found.len() > MOST_ANNOTATIONS {
        let rest = &found[MOST_ANNOTATIONS - 1..];
        let names: Vec<&str> = rest.iter().map(|(_, title, _)| title.as_str()).collect();
        let last = (rest[0].0, format!("{} more", rest.len()), names.join(", "));
        found.truncate(MOST_ANNOTATIONS - 1);
        found.push(last);
    }
    let line = |(level, title, message): (Level, String, String)| {
        let level = if level == Level::Error { "error" } else { "warning" };
        let title = escape(&format!("agenthub-perf: {title}")).replace(':', "%3A").replace(',', "%2C");
        format!("::{level} title={title}::{}", escape(&message))
    };
    found.into_iter().map(line).collect()
}

/// A workflow command is one line.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Appends to the file of a job summary as much of a text as it may hold; `false` where that is not all of it.
pub(super) fn append_summary(path: &Path, text: &str) -> Result<bool, ReportError> {
    let failed = |source| ReportError { path: path.to_owned(), source };
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    let there = file.metadata().map_err(failed)?.len() as usize;
    let text = format!("{text}\n");
    let fits = within(&text, MOST_SUMMARY.saturating_sub(there));
    file.write_all(fits.as_bytes()).map_err(failed)?;
    Ok(fits == text)
}

/// The text, or its first whole lines with a word on the rest, in at most `room` bytes.
fn within(text: &str, room: usize) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    let Some(room) = room.checked_sub(CUT.len()) else { return String::new() };
    let end = text.as_bytes()[..room].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    if end == 0 { String::new() } else { format!("{}{CUT}", &text[..end]) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn what_failed_is_an_error_and_what_is_unproven_a_warning_after_it() {
        let (run, result) = example::fail();
        let lines = of_run(&run, &result);
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert_eq!(
            lines[0],
            "::error title=agenthub-perf%3A FAIL · p95 response time::p95 response time 3.12 s, limit < 2 s, 95 %25 interval \
             2.89 – 3.34 s: 3.12 s is 56 %25 above the limit"
        );
        assert!(lines[..3].iter().all(|line| line.starts_with("::error ")), "{lines:#?}");
        assert!(lines[3].starts_with("::warning title=agenthub-perf%3A UNPROVEN · throughput::"), "{lines:#?}");
        let (run, result) = example::pass();
        assert_eq!(of_run(&run, &result), Vec::<String>::new());
    }

    #[test]
    fn a_failed_run_names_its_first_suspect() {
        let (run, mut result) = example::locked();
        let told =
            |lines: &[String]| lines.iter().filter(|line| line.contains("what moved")).cloned().collect::<Vec<_>>();
        let lines = told(&of_run(&run, &result));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with(
                "::error title=agenthub-perf%3A what moved · postgres::Sessions wait for each other's locks on one row of projects: in 71 %25"
            ) && lines[0].ends_with(". Keep the transaction that updates projects short: no work between its UPDATE and its COMMIT."),
            "{lines:?}"
        );
        result.verdict = Verdict::Unproven;
        assert!(told(&of_run(&run, &result)).is_empty());
    }

    #[test]
    fn a_void_run_is_one_error_and_an_empty_one_says_so() {
        let (run, result) = example::void();
        let lines = of_run(&run, &result);
        assert_eq!(lines, ["::error title=agenthub-perf%3A VOID::schedule lag p99 84 ms is above 10 ms"]);
        let (run, result) = example::empty();
        assert!(of_run(&run, &result).iter().any(|line| line.ends_with("::no request was made")));
    }

    #[test]
    fn a_baseline_that_it_is_worse_than_is_an_error() {
        let (run, mut result) = example::pass();
        result.baseline = Some(Box::new(comparison::example::worse()));
        let lines = of_run(&run, &result);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with("::error title=agenthub-perf%3A WORSE · against the baseline::B is worse"),
            "{lines:?}"
        );
        assert_eq!(of_comparison(&comparison::example::worse()).len(), 1);
        assert_eq!(of_comparison(&comparison::example::same()), Vec::<String>::new());
    }

    #[test]
    fn there_are_ten_at_most_a_line_each_and_none_ends_another() {
        let (run, mut result) = example::fail();
        let one = result.targets[0].clone();
        for n in 0..20 {
            let reason = "evil\r\n::error::x".to_owned();
            result.targets.push(crate::judge::TargetResult {
                name: format!("p95_response_time[GET /{n}, a:b]"),
                reason,
                ..one.clone()
            });
        }
        let lines = of_run(&run, &result);
        assert_eq!(lines.len(), 10);
        assert!(lines.iter().all(|line| !line.contains(['\r', '\n'])), "{lines:#?}");
        assert!(lines[8].contains("%2C a%3Ab") && lines[8].ends_with("evil%0D%0A::error::x"), "{}", lines[8]);
        assert!(lines[9].starts_with("::error title=agenthub-perf%3A 15 more::FAIL · "), "{}", lines[9]);
    }

    #[test]
    fn a_summary_keeps_to_its_size_in_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        assert!(append_summary(&path, "# one").unwrap());
        let long = "| ä | row of a table |\n".repeat(60_000);
        assert!(!append_summary(&path, &long).unwrap());
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.len() <= MOST_SUMMARY && written.len() > MOST_SUMMARY - 200, "{}", written.len());
        assert!(written.starts_with("# one\n| ä |") && written.ends_with(CUT));
        assert!(written.trim_end_matches(CUT).ends_with("row of a table |"));
        assert!(!append_summary(&path, &long).unwrap(), "nothing more fits");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
        assert!(append_summary(folder.path(), "x").unwrap_err().to_string().starts_with("cannot write "));
    }
}
