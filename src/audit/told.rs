//! What was found, as the value that reports are made of.

use super::rule::{Acceptance, Finding, Fix, FixKind};
use super::ticks::checklist;
use crate::mask::Mask;
use crate::record::{Accepted, CheckFinding, CheckFix, Checked};

/// Of findings in their order. Known secrets, and what stands in a secret place of a text, are masked wherever they were seen;
/// but not in a fix that is there to be run.
pub(super) fn told(findings: &[Finding], mask: &Mask) -> Checked {
    let mut checked = Checked::of(findings.iter().map(|finding| one(finding, mask)).collect());
    checked.checklist = checklist(findings);
    checked
}

fn one(of: &Finding, mask: &Mask) -> CheckFinding {
    let shown = |text: &str| mask.text(text).into_owned();
    let fix = |Fix { kind, text }: &Fix| CheckFix {
        language: kind.name().to_owned(),
        text: if *kind == FixKind::Words { shown(text) } else { mask.values(text).into_owned() },
    };
    CheckFinding {
        rule: of.rule.id.to_owned(),
        area: of.rule.area,
        subject: of.subject.clone(),
        outcome: of.outcome,
        summary: shown(&of.summary),
        evidence: of.evidence.iter().map(|line| shown(line)).collect(),
        fix: of.fix.as_ref().map(fix),
        holds: of.rule.holds.to_owned(),
        source: of.rule.source.to_owned(),
        applies: of.rule.applies.to_owned(),
        guide: of.rule.section.to_owned(),
        checklist: of.rule.lines.to_vec(),
        accepted: of.accepted.as_ref().map(|Acceptance { reason, until, .. }| Accepted {
            reason: reason.clone(),
            until: until.map(|until| until.to_string()),
        }),
        note: of.note.clone(),
        under_load: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Area, Rule};
    use super::*;

    static UNUSED: Rule =
        Rule { id: "db.unused_index", area: Area::Db, lines: &[5], section: "", holds: "", source: "", applies: "" };

    #[test]
    fn a_secret_that_was_seen_is_masked_and_a_fix_is_left_as_it_is() {
        let fix = "SELECT 'password=geheim'";
        let found = UNUSED.fail("the role has password=geheim").seen(["keeping only (password = 'geheim'::text)"]);
        let found = found.seen(["the body was: opensesame"]).fix(FixKind::Sql, fix);
        let checked = told(&[found], &Mask::new(["opensesame"]));
        let finding = &checked.findings[0];
        let shown = format!("{} {:?}", finding.summary, finding.evidence);
        assert!(!shown.contains("geheim") && !shown.contains("opensesame"), "{shown}");
        assert_eq!(finding.fix.as_ref().unwrap().text, fix);
    }
}
