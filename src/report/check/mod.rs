//! Reports of a check: one file a format, from what it has found alone.

mod html;
mod json;
mod junit;
mod markdown;
mod terminal;

#[cfg(test)]
mod tests;

use crate::audit::{Audit, Finding, Outcome};

/// The terminal's report. `width` in columns; `colour`: with ANSI colours.
pub(super) fn text(of: &Audit, width: usize, colour: bool) -> String {
    terminal::terminal(of, width, colour)
}

/// For a program.
pub(super) fn json(of: &Audit) -> Result<String, serde_json::Error> {
    json::json(of)
}

/// For a job summary.
pub(super) fn markdown(of: &Audit) -> String {
    markdown::markdown(of)
}

/// For a CI's list of tests.
pub(super) fn junit(of: &Audit) -> Result<String, quick_junit::SerializeError> {
    junit::junit(of)
}

/// A page of its own.
pub(super) fn page(of: &Audit) -> Result<String, askama::Error> {
    html::page(of)
}

fn sign(finding: &Finding) -> char {
    if finding.accepted.is_some() { '○' } else { sign_of(finding.outcome) }
}

fn sign_of(outcome: Outcome) -> char {
    match outcome {
        Outcome::Fail => '✗',
        Outcome::Warn => '!',
        Outcome::Unknown => '?',
        Outcome::Manual => '☐',
        Outcome::CannotExist | Outcome::NotApplicable => '–',
        Outcome::Pass => '✓',
    }
}

/// `db.index.tasks_complex (public.tasks)`
fn name(finding: &Finding) -> String {
    match &finding.subject {
        Some(subject) => format!("{} ({subject})", finding.rule.id),
        None => finding.rule.id.to_owned(),
    }
}

fn headline(of: &Audit) -> &'static str {
    match of.outcome() {
        Outcome::Fail => "FAIL",
        Outcome::Unknown => "UNKNOWN",
        _ => "PASS",
    }
}

/// `2 fail, 1 warn, 40 pass, 1 accepted`
fn counts(of: &Audit) -> String {
    let mut parts: Vec<String> = Outcome::ALL
        .into_iter()
        .filter(|outcome| of.count(*outcome) > 0)
        .map(|outcome| format!("{} {}", of.count(outcome), outcome.word()))
        .collect();
    if of.accepted() > 0 {
        parts.push(format!("{} accepted", of.accepted()));
    }
    parts.join(", ")
}

/// What is said behind the summary: that it was accepted, or no longer is.
fn asides(finding: &Finding) -> Vec<String> {
    let accepted = finding.accepted.as_ref().map(|accepted| {
        let until = accepted.until.map_or_else(String::new, |until| format!(" until {until}"));
        format!("accepted{until}: {}", accepted.reason)
    });
    accepted.into_iter().chain(finding.note.clone()).collect()
}

/// What must hold, and who says so.
fn threshold(finding: &Finding) -> String {
    match finding.rule.source {
        "" => finding.rule.holds.to_owned(),
        source => format!("{} ({source})", finding.rule.holds),
    }
}

/// Whether more than its name and summary is shown.
fn is_trouble(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Fail | Outcome::Warn | Outcome::Unknown) || finding.rule.id == "db.explain"
}
