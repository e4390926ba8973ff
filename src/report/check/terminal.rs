//! A check for a terminal: the worst first, with evidence and fix.

use super::{asides, counts, headline, is_trouble, name, sign, sign_of, threshold};
use crate::audit::{Audit, Finding, Outcome};
use crate::report::columns::{Columns, wrap};
use crate::report::page::Page;

/// Narrower than this nothing reads well.
const LEAST_WIDTH: usize = 60;

/// The whole of it, ending with a newline.
pub(super) fn terminal(of: &Audit, width: usize, colour: bool) -> String {
    let mut page = Page { text: String::new(), width: width.max(LEAST_WIDTH), colour };
    let verdict = page.paint(&format!("1;{}", hue(of.outcome())), headline(of));
    page.line(&format!("{verdict}   {}", counts(of)));
    for (area, place) in &of.looked_at {
        page.line(&format!("       {:<10} {place}", area.name()));
    }
    page.line("");
    for finding in of.findings.iter().filter(|finding| is_trouble(finding)) {
        page.trouble(finding);
    }
    page.rest(of);
    page.checklist(of);
    for (area, how) in &of.not_looked_at {
        page.wrapped(&format!("not looked at: {area}: {how}"), 3);
    }
    page.text
}

impl Page {
    fn trouble(&mut self, finding: &Finding) {
        let mark = self.paint(hue(finding.counts_as()), &sign(finding).to_string());
        let title = self.paint("1", &name(finding));
        self.line(&format!(" {mark} {title}"));
        self.wrapped(&finding.summary, 5);
        for aside in asides(finding) {
            self.wrapped(&aside, 5);
        }
        for line in &finding.evidence {
            // A plan's lines keep their indentation.
            if finding.rule.id == "db.explain" {
                let line = self.paint("2", line);
                self.line(&format!("       {line}"));
            } else {
                self.wrapped(&format!("· {line}"), 7);
            }
        }
        if finding.outcome != Outcome::Pass && !finding.rule.holds.is_empty() {
            self.wrapped(&format!("must hold: {}", threshold(finding)), 5);
        }
        if let Some(fix) = &finding.fix {
            self.line(&format!("     fix ({}):", fix.kind.name()));
            // As it is, so that it can be copied.
            for line in fix.text.lines() {
                let line = self.paint("36", line);
                self.line(&format!("       {line}"));
            }
        }
        self.line("");
    }

    /// What holds, does not apply, or is to be asked: a line each.
    fn rest(&mut self, of: &Audit) {
        let rest: Vec<&Finding> = of.findings.iter().filter(|finding| !is_trouble(finding)).collect();
        let mut columns = Columns::new(&["rule", ""], &[]);
        for finding in &rest {
            columns.row([name(finding), finding.summary.clone()]);
        }
        let start = columns.start_of(1).min(self.width / 2);
        for finding in rest {
            let mark = self.paint(hue(finding.counts_as()), &sign(finding).to_string());
            let name = name(finding);
            for (n, line) in wrap(&finding.summary, self.width.saturating_sub(start + 3)).iter().enumerate() {
                let width = start;
                match n {
                    0 => self.line(&format!(" {mark} {name:<width$}{line}")),
                    _ => self.line(&format!("   {:<width$}{line}", "")),
                }
            }
        }
    }

    fn checklist(&mut self, of: &Audit) {
        if of.selected {
            return;
        }
        self.line("");
        let title = self.paint("1", "the guide's checklist");
        self.line(&format!("   {title}"));
        for line in of.checklist() {
            let (mark, aside) = match line.outcome {
                Some(outcome) => (self.paint(hue(outcome), &sign_of(outcome).to_string()), ""),
                None => (" ".to_owned(), " (not looked at)"),
            };
            self.line(&format!(" {mark} {:<15} {}{aside}", line.section, line.line));
        }
        self.line("");
    }
}

fn hue(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fail => "31",
        Outcome::Warn | Outcome::Unknown => "33",
        Outcome::Manual => "36",
        Outcome::CannotExist | Outcome::NotApplicable => "2",
        Outcome::Pass => "32",
    }
}
