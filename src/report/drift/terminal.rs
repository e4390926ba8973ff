//! For a terminal.

use super::words::{TITLES, heading, rows};
use crate::judge::{RunResult, Verdict};
use crate::report::columns::{Columns, wrap};

/// What grows; empty where drift was not judged.
pub(in crate::report) fn section(result: &RunResult, width: usize, colour: bool) -> String {
    let Some(heading) = heading(result) else { return String::new() };
    let paint = |codes: &str, text: &str| if colour { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() };
    let mut text = String::from("\n");
    let mut add = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let rows = rows(result);
    // Where there is little room the interval goes: it is in the reason of whatever did not pass.
    let table = |without: Option<usize>| {
        let kept = |n: usize| Some(n) != without;
        let titles: Vec<&str> = (0..TITLES.len()).filter(|&n| kept(n)).map(|n| TITLES[n]).collect();
        let mut columns = Columns::new(&titles, &[]);
        for row in &rows {
            columns.row((0..TITLES.len()).filter(|&n| kept(n)).map(|n| row.cells[n].clone()));
        }
        columns
    };
    let mut columns = table(None);
    if columns.width() > width - 3 {
        columns = table(Some(3));
        columns.fit(width - 3);
    }
    for line in wrap(&heading, width - 3) {
        add(&format!("   {line}"));
    }
    add("");
    add(&format!("   {}", paint("2", columns.heading().trim_end())));
    for (row, line) in rows.iter().zip(columns.rows()) {
        let hue = match row.verdict {
            Verdict::Pass => "32",
            Verdict::Fail => "31",
            Verdict::Unproven => "33",
            Verdict::Void | Verdict::NotMeasured => "2",
        };
        add(&format!(" {} {}", paint(hue, &row.sign.to_string()), line.trim_end()));
        for line in wrap(&row.why, width - 5).iter().filter(|line| !line.is_empty()) {
            add(&format!("     {line}"));
        }
    }
    text
}
