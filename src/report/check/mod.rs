//! Reports of a check: one file a format, from what it has found alone. Each stands by itself, or as a part of the report of
//! the run that the check was made for.

mod html;
mod junit;
mod markdown;
mod terminal;

#[cfg(test)]
mod tests;

pub(super) use html::{page, section as html_section};
pub(super) use junit::{junit, suite as junit_suite};
pub(super) use markdown::{markdown, section as markdown_section};
pub(super) use terminal::{section as text_section, terminal as text};

use crate::record::{CheckFinding, CheckOutcome, Checked, ChecklistLine};

/// For a program, ending with a newline.
pub(super) fn json(of: &Checked) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(of).map(|text| text + "\n")
}

fn sign(finding: &CheckFinding) -> char {
    if finding.accepted.is_some() { '○' } else { sign_of(finding.outcome) }
}

fn sign_of(outcome: CheckOutcome) -> char {
    match outcome {
        CheckOutcome::Fail => '✗',
        CheckOutcome::Warn => '!',
        CheckOutcome::Unknown => '?',
        CheckOutcome::Manual => '☐',
        CheckOutcome::CannotExist | CheckOutcome::NotApplicable => '–',
        CheckOutcome::Pass => '✓',
    }
}

/// `db.index.tasks_complex (public.tasks)`
pub(super) fn name(finding: &CheckFinding) -> String {
    match &finding.subject {
        Some(subject) => format!("{} ({subject})", finding.rule),
        None => finding.rule.clone(),
    }
}

/// What is said of a line of the checklist behind it.
fn aside_of(line: &ChecklistLine) -> String {
    match (&line.partly, line.outcome) {
        (Some(open), _) => format!(" (partly: {open})"),
        (None, None) => " (not looked at)".to_owned(),
        (None, Some(_)) => String::new(),
    }
}

fn headline(of: &Checked) -> &'static str {
    match of.outcome {
        CheckOutcome::Fail if of.partial => "FAIL (partial)",
        _ if of.partial => "PARTIAL",
        CheckOutcome::Fail => "FAIL",
        CheckOutcome::Unknown => "UNKNOWN",
        _ => "PASS",
    }
}

/// What is said behind the summary: that it was accepted, or no longer is, and what the load has shown of it.
fn asides(finding: &CheckFinding) -> Vec<String> {
    let accepted = finding.accepted.as_ref().map(|accepted| {
        let until = accepted.until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        format!("accepted{until}: {}", accepted.reason)
    });
    let under_load = finding.under_load.iter().map(|says| format!("under load: {says}"));
    accepted.into_iter().chain(finding.note.clone()).chain(under_load).collect()
}

/// What must hold, and who says so.
fn threshold(finding: &CheckFinding) -> String {
    match &*finding.source {
        "" => finding.holds.clone(),
        source => format!("{} ({source})", finding.holds),
    }
}

/// Whether more than its name and summary is shown.
fn is_trouble(finding: &CheckFinding) -> bool {
    let bad = matches!(finding.outcome, CheckOutcome::Fail | CheckOutcome::Warn | CheckOutcome::Unknown);
    bad || finding.rule == "db.explain"
}

/// Those of which more is shown, and the rest.
fn parted(of: &Checked) -> (Vec<&CheckFinding>, Vec<&CheckFinding>) {
    of.findings.iter().partition(|finding| is_trouble(finding))
}

/// What nobody named, and what a reader should know.
fn remarks(of: &Checked) -> Vec<String> {
    let missing = of.not_looked_at.iter().map(|one| format!("not looked at: {}: {}", one.area, one.how));
    of.notes.iter().map(|note| format!("note: {note}")).chain(missing).collect()
}
