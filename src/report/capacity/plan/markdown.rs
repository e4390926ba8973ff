//! A plan for a planning document.

use std::fmt::Write as _;

use super::words::{COLUMNS, doubts, headline, origin, rows, sentence};
use crate::judge::Planned;
use crate::report::markdown::{escape, row, table};

/// The whole of it.
pub(in crate::report) fn markdown(of: &Planned) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "## {}\n\n{}", escape(&sentence(of)), escape(&headline(of)));
    if let Some(doubts) = doubts(of) {
        let _ = writeln!(page, "\n**{}**", escape(&doubts));
    }
    page.push('\n');
    table(&mut page, &["", "range"], &[]);
    for (title, figure) in rows(of) {
        row(&mut page, &[title.to_owned(), figure]);
    }
    page.push_str("\n### Assumed\n\n");
    table(&mut page, &COLUMNS, &[]);
    for one in &of.assumptions {
        row(&mut page, &[one.what.clone(), one.says.clone(), origin(one).to_owned()]);
    }
    for warning in &of.warnings {
        let _ = writeln!(page, "\n**Warning:** {}", escape(warning));
    }
    page
}
