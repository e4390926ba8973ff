//! A check as a page that needs no network, and as a part of the page of a run.

use askama::Template;

use super::{asides, headline, name, parted, remarks, sign, sign_of, threshold};
use crate::record::{CheckFinding, CheckOutcome, Checked};

#[derive(Template)]
#[template(path = "check.html")]
struct Page {
    kind: &'static str,
    headline: &'static str,
    counts: String,
    findings: String,
}

/// What was found: on its own page all is open, on that of a run it waits to be opened.
#[derive(Template)]
#[template(path = "findings.html")]
struct Findings {
    /// Of the run's part, over which the page says nothing yet.
    title: Option<String>,
    kind: &'static str,
    places: Vec<(&'static str, String)>,
    troubles: Vec<Trouble>,
    rest: Vec<Row>,
    checklist: Vec<Row>,
    remarks: Vec<String>,
}

struct Trouble {
    kind: &'static str,
    sign: char,
    rule: String,
    place: String,
    summary: String,
    asides: Vec<String>,
    evidence: Vec<String>,
    is_plan: bool,
    threshold: String,
    guide: String,
    fix: Option<(String, String)>,
}

struct Row {
    kind: &'static str,
    sign: char,
    name: String,
    place: String,
    outcome: &'static str,
    seen: String,
}

/// A file without scripts.
pub(in crate::report) fn page(of: &Checked) -> Result<String, askama::Error> {
    let findings = findings(of, None).render()?;
    Page { kind: kind(of.outcome), headline: headline(of), counts: of.counts.words(), findings }.render()
}

/// A part of the page of a run.
pub(in crate::report) fn section(of: &Checked) -> Result<String, askama::Error> {
    findings(of, Some(format!("{} {}: {}", sign_of(of.outcome), headline(of), of.counts.words()))).render()
}

fn findings(of: &Checked, title: Option<String>) -> Findings {
    let (troubles, rest) = parted(of);
    let line = |line: &crate::record::ChecklistLine| Row {
        kind: line.outcome.map_or("none", kind),
        sign: line.outcome.map_or(' ', sign_of),
        name: line.line.clone(),
        place: match &line.partly {
            Some(open) => format!("{}: {open}", line.section),
            None => line.section.clone(),
        },
        outcome: match line.outcome {
            _ if line.partly.is_some() => "partly",
            outcome => outcome.map_or("not looked at", CheckOutcome::word),
        },
        seen: String::new(),
    };
    Findings {
        title,
        kind: kind(of.outcome),
        places: of.looked_at.iter().map(|looked| (looked.area.name(), looked.place.clone())).collect(),
        troubles: troubles.into_iter().map(trouble).collect(),
        rest: rest.into_iter().map(row).collect(),
        checklist: of.checklist.iter().map(line).collect(),
        remarks: remarks(of),
    }
}

fn trouble(finding: &CheckFinding) -> Trouble {
    Trouble {
        kind: kind(finding.counts_as()),
        sign: sign(finding),
        rule: finding.rule.clone(),
        place: finding.subject.clone().unwrap_or_default(),
        summary: finding.summary.clone(),
        asides: asides(finding),
        evidence: finding.evidence.clone(),
        is_plan: finding.rule == "db.explain",
        threshold: threshold(finding),
        guide: finding.guide.clone(),
        fix: finding.fix.as_ref().map(|fix| (fix.language.clone(), fix.text.clone())),
    }
}

fn row(finding: &CheckFinding) -> Row {
    Row {
        kind: kind(finding.counts_as()),
        sign: sign(finding),
        name: name(finding),
        place: String::new(),
        outcome: finding.outcome.word(),
        seen: finding.summary.clone(),
    }
}

/// As the style sheet names it.
fn kind(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Fail => "fail",
        CheckOutcome::Warn | CheckOutcome::Unknown => "unproven",
        CheckOutcome::Pass => "pass",
        _ => "none",
    }
}
