//! For a job summary.

use std::fmt::Write as _;

use super::words::{TITLES, heading, rows};
use crate::judge::RunResult;
use crate::report::markdown::{escape, row, table};

/// What grows; empty where drift was not judged.
pub(in crate::report) fn section(result: &RunResult) -> String {
    let Some(heading) = heading(result) else { return String::new() };
    let mut page = String::from("\n### Drift\n\n");
    let _ = writeln!(page, "{}.\n", escape(&heading));
    let titles: Vec<&str> = [""].into_iter().chain(TITLES).chain(["why"]).collect();
    table(&mut page, &titles, &[]);
    for drift in rows(result) {
        let mut cells = vec![drift.sign.to_string()];
        cells.extend(drift.cells);
        cells.push(drift.why);
        row(&mut page, &cells);
    }
    page
}
