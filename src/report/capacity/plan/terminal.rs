//! A plan for a terminal.

use super::words::{COLUMNS, doubts, headline, origin, rows, sentence};
use crate::judge::Planned;
use crate::report::columns::wrap;
use crate::report::page::Page;

/// Narrower than this nothing reads well.
const LEAST_WIDTH: usize = 60;
/// Between two columns.
const GAP: usize = 2;

/// The whole of it, ending with a newline.
pub(in crate::report) fn text(of: &Planned, width: usize, colour: bool) -> String {
    let mut page = Page { text: String::new(), width: width.clamp(LEAST_WIDTH, 120), colour };
    for line in wrap(&sentence(of), page.width) {
        let line = page.paint("1", &line);
        page.line(&line);
    }
    page.wrapped(&headline(of), 0);
    if let Some(doubts) = doubts(of) {
        page.wrapped(&doubts, 0);
    }
    page.line("");
    let rows = rows(of);
    let title = rows.iter().map(|(title, _)| title.chars().count()).max().unwrap_or(0);
    for (name, figure) in &rows {
        for (n, figure) in wrap(figure, page.width - 3 - title - GAP).iter().enumerate() {
            let name = if n == 0 { name } else { "" };
            page.line(&format!("   {name:title$}{:GAP$}{figure}", ""));
        }
    }
    page.line("");
    let name = of.assumptions.iter().map(|one| one.what.chars().count()).chain([COLUMNS[0].len()]).max().unwrap_or(0);
    let from = of.assumptions.iter().map(|one| origin(one).chars().count()).max().unwrap_or(0);
    let room = page.width.saturating_sub(3 + name + from + 2 * GAP).max(20);
    let line =
        |what: &str, from_: &str, says: &str| format!("   {what:name$}{:GAP$}{from_:from$}{:GAP$}{says}", "", "");
    let heading = page.paint("2", line(COLUMNS[0], COLUMNS[2], COLUMNS[1]).trim_end());
    page.line(&heading);
    for one in &of.assumptions {
        for (n, says) in wrap(&one.says, room).iter().enumerate() {
            page.line(&if n == 0 { line(&one.what, origin(one), says) } else { line("", "", says) });
        }
    }
    for warning in &of.warnings {
        page.line("");
        page.wrapped(&format!("warning: {warning}"), 3);
    }
    page.text
}
