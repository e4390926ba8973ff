//! A check as a page that needs no network.

use askama::Template;

use super::{asides, counts, headline, is_trouble, name, sign, sign_of, threshold};
use crate::audit::{Audit, Finding, Outcome};

#[derive(Template)]
#[template(path = "check.html")]
struct Page {
    kind: &'static str,
    headline: &'static str,
    counts: String,
    places: Vec<(&'static str, String)>,
    troubles: Vec<Trouble>,
    rest: Vec<(char, String, String, &'static str)>,
    checklist: Vec<(char, &'static str, &'static str, &'static str)>,
    not_looked_at: Vec<String>,
}

struct Trouble {
    kind: &'static str,
    title: String,
    summary: String,
    asides: Vec<String>,
    evidence: Vec<String>,
    threshold: String,
    guide: &'static str,
    fix: Option<(&'static str, String)>,
}

/// A file without scripts.
pub(super) fn page(of: &Audit) -> Result<String, askama::Error> {
    let (troubles, rest): (Vec<&Finding>, Vec<&Finding>) = of.findings.iter().partition(|finding| is_trouble(finding));
    let line = |line: crate::audit::ChecklistLine| match line.outcome {
        Some(outcome) => (sign_of(outcome), line.section, line.line, outcome.word()),
        None => (' ', line.section, line.line, "not looked at"),
    };
    Page {
        kind: kind(of.outcome()),
        headline: headline(of),
        counts: counts(of),
        places: of.looked_at.iter().map(|(area, place)| (area.name(), place.clone())).collect(),
        troubles: troubles.into_iter().map(trouble).collect(),
        rest: rest
            .into_iter()
            .map(|finding| (sign(finding), name(finding), finding.summary.clone(), finding.outcome.word()))
            .collect(),
        checklist: of.checklist().into_iter().map(line).collect(),
        not_looked_at: of.not_looked_at.iter().map(|(area, how)| format!("{area}: {how}")).collect(),
    }
    .render()
}

fn trouble(finding: &Finding) -> Trouble {
    Trouble {
        kind: kind(finding.counts_as()),
        title: format!("{} {}", sign(finding), name(finding)),
        summary: finding.summary.clone(),
        asides: asides(finding),
        evidence: finding.evidence.clone(),
        threshold: threshold(finding),
        guide: finding.rule.section,
        fix: finding.fix.as_ref().map(|fix| (fix.kind.name(), fix.text.clone())),
    }
}

/// As the style sheet names it.
fn kind(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fail => "fail",
        Outcome::Warn | Outcome::Unknown => "unproven",
        Outcome::Pass => "pass",
        _ => "none",
    }
}
