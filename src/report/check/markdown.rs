//! A check for a job summary or a comment: a row each, and behind it what was seen and what to do.

use std::fmt::Write as _;

use super::{aside_of, asides, headline, name, parted, remarks, sign, sign_of, threshold};
use crate::record::{CheckFinding, CheckOutcome, Checked};
use crate::report::markdown::{escape, row, table};

/// Findings that are told: a job summary may have 1024 KiB, and a database thousands of tables.
const MOST: usize = 100;

/// The whole of it.
pub(in crate::report) fn markdown(of: &Checked) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "## {} {} · check\n\n{}", sign_of(of.outcome), headline(of), of.counts.words());
    if !of.looked_at.is_empty() {
        page.push('\n');
    }
    for looked in &of.looked_at {
        let _ = writeln!(page, "- {}: {}", looked.area, escape(&looked.place));
    }
    troubles(&mut page, of);
    rest(&mut page, of);
    if !of.checklist.is_empty() {
        page.push_str("\n### The guide's checklist\n\n");
        table(&mut page, &["", "section", "line"], &[]);
    }
    for line in &of.checklist {
        let sign = line.outcome.map_or_else(String::new, |outcome| sign_of(outcome).to_string());
        row(&mut page, &[sign, line.section.clone(), format!("{}{}", line.line, aside_of(line))]);
    }
    for remark in remarks(of) {
        let _ = writeln!(page, "\n{}", escape(&remark));
    }
    page
}

/// A part of the report of a run.
pub(in crate::report) fn section(of: &Checked) -> String {
    let mut page =
        format!("\n### Check before the load\n\n{} {}: {}\n", sign_of(of.outcome), headline(of), of.counts.words());
    troubles(&mut page, of);
    rest(&mut page, of);
    page
}

fn troubles(page: &mut String, of: &Checked) {
    let (troubles, _) = parted(of);
    if troubles.is_empty() {
        return;
    }
    page.push('\n');
    table(page, &["", "rule", "where", "what was seen"], &[]);
    for finding in troubles.iter().take(MOST) {
        let place = finding.subject.clone().unwrap_or_default();
        row(page, &[sign(finding).to_string(), finding.rule.clone(), place, finding.summary.clone()]);
    }
    if troubles.len() > MOST {
        let _ = writeln!(page, "\nand {} more in the page", troubles.len() - MOST);
    }
    for finding in troubles.into_iter().take(MOST) {
        trouble(page, finding);
    }
}

fn trouble(page: &mut String, finding: &CheckFinding) {
    let behind = if finding.fix.is_some() { "evidence and fix" } else { "evidence" };
    let title = html_escape(&name(finding));
    let _ = writeln!(page, "\n<details><summary>{} {title}: {behind}</summary>", sign(finding));
    for aside in asides(finding) {
        let _ = writeln!(page, "\n_{}_", escape(&aside));
    }
    if !finding.evidence.is_empty() {
        page.push('\n');
    }
    for line in &finding.evidence {
        let _ = writeln!(page, "- {}", escape(line));
    }
    if finding.outcome != CheckOutcome::Pass {
        let _ = writeln!(page, "\nMust hold: {}", escape(&threshold(finding)));
    }
    if let Some(fix) = &finding.fix {
        // Indented, so that no fence in it can end the block; not beneath a list, which would take it in.
        let _ = writeln!(page, "\nFix ({}):\n", fix.language);
        for line in fix.text.lines() {
            let _ = writeln!(page, "    {}", line.replace(char::is_control, " "));
        }
    }
    page.push_str("\n</details>\n");
}

fn rest(page: &mut String, of: &Checked) {
    let (_, rest) = parted(of);
    if rest.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n<details><summary>What holds, does not apply, or is to be asked ({})</summary>\n",
        rest.len()
    );
    table(page, &["", "rule", "where", "what was seen"], &[]);
    for finding in rest.iter().take(MOST) {
        let place = finding.subject.clone().unwrap_or_default();
        row(page, &[sign(finding).to_string(), finding.rule.clone(), place, finding.summary.clone()]);
    }
    if rest.len() > MOST {
        let _ = writeln!(page, "\nand {} more in the page", rest.len() - MOST);
    }
    page.push_str("\n</details>\n");
}

/// For text between tags.
fn html_escape(text: &str) -> String {
    let plain = text.replace(char::is_control, " ");
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('@', "&#64;")
}
