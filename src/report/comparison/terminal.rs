//! A comparison for the terminal.

use unicode_width::UnicodeWidthStr;

use super::words as said;
use crate::judge::{Changed, Comparison, Outcome};
use crate::report::columns::{Columns, wrap};
use crate::report::page::Page;
use crate::report::words;

/// The column of the names of sides.
const SIDE: usize = 9;
/// Runs of a side that are listed.
const MOST_RUNS: usize = 10;

/// The whole of it, ending with a newline.
pub(super) fn terminal(of: &Comparison, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    let word = said::shout(of.verdict);
    let indent = word.width() + 3;
    let mut lines = wrap(&said::sentence(of), page.width - indent);
    for reason in said::circumstances(of) {
        lines.extend(wrap(reason, page.width - indent));
    }
    for (n, line) in lines.iter().enumerate() {
        let head = if n == 0 { page.paint(&format!("1;{}", hue(of.verdict)), &word) } else { " ".repeat(word.width()) };
        page.line(&format!("{head}   {line}"));
    }
    page.body(of);
    page.text
}

/// The part of a run's report that tells of its baseline.
pub(super) fn section(of: &Comparison, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    page.line("");
    let word = page.paint(&format!("1;{}", hue(of.verdict)), &said::shout(of.verdict));
    let lines = wrap(&said::sentence(of), page.width - 30);
    for (n, line) in lines.iter().enumerate() {
        page.line(&if n == 0 { format!("   against the baseline: {word}   {line}") } else { format!("     {line}") });
    }
    for reason in said::circumstances(of) {
        page.wrapped(reason, 5);
    }
    page.body(of);
    page.text
}

impl Page {
    fn body(&mut self, of: &Comparison) {
        self.line("");
        for (name, side) in [("A", &of.a), ("B", &of.b)] {
            for (n, run) in side.iter().take(MOST_RUNS).enumerate() {
                self.field(if n == 0 { name } else { "" }, SIDE, &said::run(run));
            }
            if side.len() > MOST_RUNS {
                self.field("", SIDE, &format!("and {} more", side.len() - MOST_RUNS));
            }
        }
        self.field("differs", SIDE, &said::differs(of));
        self.rows(of, "target", &of.targets, |row| words::target_name(&row.name));
        self.rows(of, "endpoint, p95", &of.endpoints, said::endpoint);
        self.shift(of);
        self.line("");
        self.wrapped(&said::method(of), 3);
        for note in said::notes(of) {
            self.wrapped(&format!("note: {note}"), 3);
        }
    }

    fn rows(&mut self, of: &Comparison, title: &str, rows: &[Changed], name: fn(&Changed) -> String) {
        if rows.is_empty() {
            return;
        }
        let with_p = rows.iter().any(|row| !said::p_value(of, row).is_empty());
        let room = self.width - 3;
        let build = |narrow: bool, named: bool| {
            let mut titles = vec![title, "A", "B", "change", "95 % interval", "verdict"];
            titles.extend(with_p.then_some("p"));
            let mut cells_of = vec![titles.into_iter().map(str::to_owned).collect::<Vec<String>>()];
            for row in rows {
                let change = said::change(row);
                let change = if narrow { brief(&change) } else { change };
                let mut cells = vec![name(row), said::side(row, false), said::side(row, true), change];
                cells.extend([said::interval(row), said::say(row.verdict).to_owned()]);
                cells.extend(with_p.then(|| said::p_value(of, row)));
                cells_of.push(cells);
            }
            let from = usize::from(!named);
            let mut cells_of = cells_of.into_iter().map(|mut cells| cells.split_off(from));
            let titles = cells_of.next().unwrap_or_default();
            let mut columns = Columns::new(&titles.iter().map(String::as_str).collect::<Vec<&str>>(), &[]);
            cells_of.for_each(|cells| columns.row(cells));
            // A figure that lost its middle is another figure.
            columns.keep_whole(&(1 - from..titles.len()).collect::<Vec<usize>>());
            columns.fit(room);
            columns
        };
        let mut columns = build(false, true);
        if columns.width() > room {
            columns = build(true, true);
        }
        // On a narrow terminal the name has a line of its own.
        let own_line = columns.width() > room;
        if own_line {
            columns = build(true, false);
            self.heading_of(title);
        } else {
            self.line("");
        }
        self.heading(&columns, if own_line { 5 } else { 3 });
        for (row, line) in rows.iter().zip(columns.rows()) {
            let sign = self.paint(hue(row.verdict), &said::sign(row.verdict).to_string());
            if own_line {
                self.line(&format!(" {sign} {}", name(row)));
                self.line(&format!("     {line}"));
            } else {
                self.line(&format!(" {sign} {line}"));
            }
            let reason = said::reason(of, row);
            if !reason.is_empty() {
                self.wrapped(reason, 5);
            }
        }
    }

    fn shift(&mut self, of: &Comparison) {
        if of.shift.is_empty() {
            return;
        }
        let build = |narrow: bool| {
            let mut columns = Columns::new(&["response time", "A", "B", "change", "95 % interval"], &[]);
            for point in &of.shift {
                let [percentile, a, b, change, interval] = said::shifted(point);
                let change = if narrow { brief(&change) } else { change };
                columns.row([percentile, a, b, change, interval]);
            }
            columns
        };
        let mut columns = build(false);
        if columns.width() > self.width - 3 {
            columns = build(true);
        }
        self.line("");
        self.heading(&columns, 3);
        for line in columns.rows() {
            self.line(&format!("   {line}"));
        }
    }

    fn heading_of(&mut self, title: &str) {
        let painted = self.paint("2", title);
        self.line("");
        self.line(&format!("   {painted}"));
    }
}

/// `+23 % (+0.5 ms)` without what stands in brackets.
fn brief(change: &str) -> String {
    change.split(" (").next().unwrap_or_default().to_owned()
}

/// The ANSI colour of an outcome.
fn hue(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Better | Outcome::Same | Outcome::NotWorse => "32",
        Outcome::Worse => "31",
        Outcome::Unproven => "33",
    }
}
