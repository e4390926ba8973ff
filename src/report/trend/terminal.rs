//! A history for a terminal.

use super::words as said;
use crate::judge::{Outcome, Trend, TrendFigure};
use crate::report::columns::Columns;
use crate::report::page::Page;

/// The whole of it, ending with a newline.
pub(super) fn terminal(of: &Trend, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    let headline = page.paint("1", &said::headline(of));
    page.line(&headline);
    page.line(&said::extent(of));
    for figure in &of.figures {
        page.figure(figure);
    }
    for (title, lines) in said::rest(of) {
        page.line("");
        page.wrapped(&title, 3);
        for line in lines {
            page.wrapped(&line, 5);
        }
    }
    page.line("");
    page.wrapped(&said::method(of), 3);
    page.text
}

/// The columns of figures in the table of changes, and that of the size.
const FIGURES: [usize; 5] = [3, 4, 5, 6, 7];
const SIZE: usize = 5;

impl Page {
    fn figure(&mut self, of: &TrendFigure) {
        self.line("");
        let title = self.paint("1", &said::title(of));
        self.line(&format!("   {title}"));
        self.line(&format!("   {}", said::line(of, self.width - 6)));
        self.wrapped(&said::now(of), 3);
        for aside in said::asides(of) {
            self.wrapped(&aside, 3);
        }
        if of.changes.is_empty() {
            return;
        }
        let room = self.width - 3;
        let build = |narrow: bool| {
            let mut columns = Columns::new(&said::COLUMNS, &[]);
            for change in &of.changes {
                let mut cells = said::change(of, change);
                if narrow {
                    let brief = cells[SIZE].find(" (").unwrap_or(cells[SIZE].len());
                    cells[SIZE].truncate(brief);
                }
                columns.row(cells);
            }
            // A figure that lost its middle is another figure.
            columns.keep_whole(&FIGURES);
            columns.fit(room);
            columns
        };
        let mut columns = build(false);
        if columns.width() > room {
            columns = build(true);
        }
        self.heading(&columns, 3);
        for (change, line) in of.changes.iter().zip(columns.rows()) {
            let hue = if change.outcome == Outcome::Worse { "31" } else { "32" };
            let sign = self.paint(hue, &said::sign(change).to_string());
            self.line(&format!(" {sign} {line}"));
            self.wrapped(&said::between(change), 5);
        }
    }
}
