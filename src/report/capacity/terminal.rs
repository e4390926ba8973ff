//! For a terminal.

use std::fmt::Write as _;

use super::law;
use super::words::{TITLES, rows, sentence, throughput};
use crate::judge::{LawResult, RunResult, Verdict};
use crate::report::columns::{Columns, wrap};

/// The answer and the levels; empty where no search was made.
pub(in crate::report) fn section(result: &RunResult, width: usize, colour: bool) -> String {
    let (Some(edge), Some(sentence)) = (&result.edge, sentence(result)) else { return String::new() };
    let paint = |codes: &str, text: &str| if colour { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() };
    let mut text = String::from("\n");
    let mut add = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for line in wrap(&sentence, width - 3) {
        add(&format!("   {}", paint("1", &line)));
    }
    for told in [throughput(edge), edge.reason.clone()].iter().filter(|told| !told.is_empty()) {
        for line in wrap(told, width - 3) {
            add(&format!("   {line}"));
        }
    }
    let rows = rows(result);
    if rows.is_empty() {
        return text + &of_law(result.law.as_ref(), width, &paint);
    }
    let mut columns = Columns::new(&TITLES, &[1, 2, 3, 4, 5, 6]);
    for row in &rows {
        columns.row(row.cells.clone());
    }
    columns.fit(width - 3);
    add("");
    add(&format!("   {}", paint("2", columns.heading().trim_end())));
    for (row, line) in rows.iter().zip(columns.rows()) {
        let hue = match row.verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "31",
            Verdict::Unproven => "33",
            Verdict::Void | Verdict::NotMeasured => "35",
        };
        add(&format!(" {} {}", paint(hue, &row.sign.to_string()), line.trim_end()));
        if row.wants_words && !row.why.is_empty() {
            for line in wrap(&row.why, width - 5) {
                add(&format!("     {line}"));
            }
        }
    }
    text + &of_law(result.law.as_ref(), width, &paint)
}

/// The scaling law and its levels; empty where none was asked for.
fn of_law(law: Option<&LawResult>, width: usize, paint: &dyn Fn(&str, &str) -> String) -> String {
    let Some(law) = law else { return String::new() };
    let mut text = String::from("\n");
    for sentence in law::sentences(law) {
        for line in wrap(&sentence, width - 3) {
            let _ = writeln!(text, "   {line}");
        }
    }
    let rows = law::rows(law);
    if rows.is_empty() {
        return text;
    }
    let mut columns = Columns::new(&law::TITLES, &[2, 3]);
    for row in rows {
        columns.row(row.to_vec());
    }
    columns.fit(width - 3);
    let _ = writeln!(text, "\n   {}", paint("2", columns.heading().trim_end()));
    for line in columns.rows() {
        let _ = writeln!(text, "   {}", line.trim_end());
    }
    text
}
