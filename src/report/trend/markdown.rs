//! A history for a job summary or a comment.

use std::fmt::Write as _;

use super::words as said;
use crate::judge::Trend;
use crate::report::markdown::{escape, row, table};

/// Values drawn in a line of text.
const LINE: usize = 60;

/// The whole of it.
pub(super) fn markdown(of: &Trend) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "## Trend: {}\n\n{}", escape(&said::headline(of)), escape(&said::extent(of)));
    for figure in &of.figures {
        let _ = writeln!(page, "\n### {}\n", escape(&said::title(figure)));
        let _ = writeln!(page, "`{}`\n\n{}", said::line(figure, LINE), escape(&said::now(figure)));
        for aside in said::asides(figure) {
            let _ = writeln!(page, "\n{}", escape(&aside));
        }
        if figure.changes.is_empty() {
            continue;
        }
        page.push('\n');
        let titles: Vec<&str> = [""].into_iter().chain(said::COLUMNS).chain(["what lies between"]).collect();
        table(&mut page, &titles, &[]);
        for change in &figure.changes {
            let mut cells = vec![said::sign(change).to_string()];
            cells.extend(said::change(figure, change));
            cells.push(said::between(change));
            row(&mut page, &cells);
        }
    }
    for (title, lines) in said::rest(of) {
        let _ = writeln!(page, "\n<details><summary>{}</summary>\n", escape(&title));
        for line in lines {
            let _ = writeln!(page, "- {}", escape(&line));
        }
        page.push_str("\n</details>\n");
    }
    let _ = writeln!(page, "\n{}", escape(&said::method(of)));
    page
}
