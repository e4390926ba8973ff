//! A check for a terminal: the worst first, with evidence and fix.

use super::{aside_of, asides, headline, name, parted, remarks, sign, sign_of, threshold};
use crate::record::{CheckFinding, CheckOutcome, Checked};
use crate::report::columns::{Columns, wrap};
use crate::report::page::Page;

/// Narrower than this nothing reads well.
const LEAST_WIDTH: usize = 60;
/// Narrower than this a rule stands over what was seen.
const SIDE_BY_SIDE: usize = 80;
/// Findings that the report of a run tells.
const MOST_IN_RUN: usize = 5;

/// The whole of it, ending with a newline.
pub(in crate::report) fn terminal(of: &Checked, width: usize, colour: bool) -> String {
    let mut page = Page { text: String::new(), width: width.max(LEAST_WIDTH), colour };
    let verdict = page.paint(&format!("1;{}", hue(of.outcome)), headline(of));
    page.line(&format!("{verdict}   {}", of.counts.words()));
    for looked in &of.looked_at {
        page.line(&format!("       {:<10} {}", looked.area.name(), looked.place));
    }
    page.line("");
    let (troubles, rest) = parted(of);
    for finding in troubles {
        page.trouble(finding);
    }
    page.rest(&rest);
    page.checklist(of);
    for remark in remarks(of) {
        page.wrapped(&remark, 3);
    }
    page.text
}

/// The worst of it, for the report of a run: the rest is in its other reports.
pub(in crate::report) fn section(of: &Checked, width: usize, colour: bool) -> String {
    let mut page = Page { text: String::new(), width: width.max(LEAST_WIDTH), colour };
    let title = page.paint("2", "check before the load");
    page.line("");
    page.line(&format!("   {title}  {}", of.counts.words()));
    let bad: Vec<&CheckFinding> =
        parted(of).0.into_iter().filter(|finding| finding.counts_as() != CheckOutcome::Pass).collect();
    for finding in bad.iter().take(MOST_IN_RUN) {
        let mark = page.paint(hue(finding.outcome), &sign(finding).to_string());
        let said = format!("{}: {}", name(finding), finding.summary);
        for (n, line) in wrap(&said, page.width - 5).iter().enumerate() {
            page.line(&if n == 0 { format!(" {mark} {line}") } else { format!("     {line}") });
        }
    }
    if bad.len() > MOST_IN_RUN {
        page.line(&format!("   … {} more in the report", bad.len() - MOST_IN_RUN));
    }
    page.text
}

impl Page {
    fn trouble(&mut self, finding: &CheckFinding) {
        let mark = self.paint(hue(finding.counts_as()), &sign(finding).to_string());
        let title = self.paint("1", &name(finding));
        self.line(&format!(" {mark} {title}"));
        self.wrapped(&finding.summary, 5);
        for aside in asides(finding) {
            self.wrapped(&aside, 5);
        }
        for line in &finding.evidence {
            self.evidence(line, finding.rule == "db.explain");
        }
        if finding.outcome != CheckOutcome::Pass && !finding.holds.is_empty() {
            self.wrapped(&format!("must hold: {}", threshold(finding)), 5);
        }
        if let Some(fix) = &finding.fix {
            self.line(&format!("     fix ({}):", fix.language));
            // As it is, so that it can be copied; words are there to be read.
            for line in fix.text.lines() {
                let parts = if fix.language == "text" { wrap(line, self.width - 7) } else { vec![line.to_owned()] };
                for part in parts {
                    let part = self.paint("36", &part);
                    self.line(&format!("       {part}"));
                }
            }
        }
        self.line("");
    }

    /// Wrapped so that what goes on stands further in; a plan's lines keep their indentation.
    fn evidence(&mut self, text: &str, is_plan: bool) {
        let (lead, hang) = if is_plan {
            let words = text.trim_start_matches([' ', '▶', '·']);
            let lead = &text[..text.len() - words.len()];
            (lead.to_owned(), lead.chars().count() + 2)
        } else {
            ("· ".to_owned(), 2)
        };
        let room = self.width.saturating_sub(7 + hang).max(20);
        for (n, line) in wrap(&text[if is_plan { lead.len() } else { 0 }..], room).iter().enumerate() {
            let line = if is_plan { self.paint("2", line) } else { line.clone() };
            self.line(&if n == 0 { format!("       {lead}{line}") } else { format!("       {:hang$}{line}", "") });
        }
    }

    /// What holds, does not apply, or is to be asked: a line each.
    fn rest(&mut self, rest: &[&CheckFinding]) {
        let mut columns = Columns::new(&["rule", ""], &[]);
        for finding in rest {
            columns.row([name(finding), finding.summary.clone()]);
        }
        let start = columns.start_of(1).min(self.width / 2);
        for finding in rest {
            let mark = self.paint(hue(finding.counts_as()), &sign(finding).to_string());
            let name = name(finding);
            if self.width < SIDE_BY_SIDE {
                self.line(&format!(" {mark} {name}"));
                self.wrapped(&finding.summary, 5);
                continue;
            }
            for (n, line) in wrap(&finding.summary, self.width.saturating_sub(start + 3)).iter().enumerate() {
                let width = start;
                match n {
                    0 => self.line(&format!(" {mark} {name:<width$}{line}")),
                    _ => self.line(&format!("   {:<width$}{line}", "")),
                }
            }
        }
    }

    fn checklist(&mut self, of: &Checked) {
        if of.checklist.is_empty() {
            self.line("");
            return;
        }
        self.line("");
        let title = self.paint("1", "the guide's checklist");
        self.line(&format!("   {title}"));
        for line in &of.checklist {
            let paint = |outcome| self.paint(hue(outcome), &sign_of(outcome).to_string());
            let (mark, aside) = (line.outcome.map_or_else(|| " ".to_owned(), paint), aside_of(line));
            for (n, text) in wrap(&format!("{}{aside}", line.line), self.width - 19).iter().enumerate() {
                match n {
                    0 => self.line(&format!(" {mark} {:<15} {text}", line.section)),
                    _ => self.line(&format!("{:19}{text}", "")),
                }
            }
        }
        self.line("");
    }
}

fn hue(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Fail => "31",
        CheckOutcome::Warn | CheckOutcome::Unknown => "33",
        CheckOutcome::Manual => "36",
        CheckOutcome::CannotExist | CheckOutcome::NotApplicable => "2",
        CheckOutcome::Pass => "32",
    }
}
