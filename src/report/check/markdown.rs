//! A check for a job summary or a comment.

use std::fmt::Write as _;

use super::{asides, counts, headline, is_trouble, name, sign, sign_of, threshold};
use crate::audit::{Audit, Outcome};
use crate::report::markdown::{escape, row, table};

/// The whole of it.
pub(super) fn markdown(of: &Audit) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "## {} {} · check\n\n{}", sign_of(of.outcome()), headline(of), counts(of));
    if !of.looked_at.is_empty() {
        page.push('\n');
    }
    for (area, place) in &of.looked_at {
        let _ = writeln!(page, "- {area}: {}", escape(place));
    }
    for finding in of.findings.iter().filter(|finding| is_trouble(finding)) {
        let _ = writeln!(page, "\n### {} {}\n\n{}", sign(finding), escape(&name(finding)), escape(&finding.summary));
        for aside in asides(finding) {
            let _ = writeln!(page, "\n_{}_", escape(&aside));
        }
        if !finding.evidence.is_empty() {
            page.push('\n');
        }
        for line in &finding.evidence {
            let _ = writeln!(page, "- {}", escape(line));
        }
        if finding.outcome != Outcome::Pass {
            let _ = writeln!(page, "\nMust hold: {}", escape(&threshold(finding)));
        }
        if let Some(fix) = &finding.fix {
            // Indented, so that no fence in it can end the block.
            page.push('\n');
            for line in fix.text.lines() {
                let _ = writeln!(page, "    {}", line.replace(char::is_control, " "));
            }
        }
    }
    page.push_str("\n<details><summary>What holds, does not apply, or is to be asked</summary>\n\n");
    table(&mut page, &["", "rule", ""], &[]);
    for finding in of.findings.iter().filter(|finding| !is_trouble(finding)) {
        row(&mut page, &[sign(finding).to_string(), name(finding), finding.summary.clone()]);
    }
    page.push_str("\n</details>\n\n### The guide's checklist\n\n");
    table(&mut page, &["", "", "line"], &[]);
    for line in of.checklist() {
        let sign = line.outcome.map_or_else(String::new, |outcome| sign_of(outcome).to_string());
        row(&mut page, &[sign, line.section.to_owned(), line.line.to_owned()]);
    }
    for (area, how) in &of.not_looked_at {
        let _ = writeln!(page, "\nNot looked at: {area}: {}", escape(how));
    }
    page
}
