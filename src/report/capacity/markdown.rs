//! For a job summary.

use std::fmt::Write as _;

use super::law;
use super::words::{TITLES, rows, throughput};
use crate::judge::RunResult;
use crate::report::markdown::{row, table};

/// The levels; empty where no search was made. The answer is the report's first sentence.
pub(in crate::report) fn section(result: &RunResult) -> String {
    let Some(edge) = &result.edge else { return String::new() };
    let mut page = String::from("\n### Levels\n\n");
    for told in [throughput(edge), edge.reason.clone()].iter().filter(|told| !told.is_empty()) {
        let _ = writeln!(page, "{}\n", crate::report::markdown::escape(told));
    }
    let titles: Vec<&str> = [""].into_iter().chain(TITLES).chain(["why"]).collect();
    table(&mut page, &titles, &[2, 3, 4, 5, 6, 7]);
    for level in rows(result) {
        let mut cells = vec![level.sign.to_string()];
        cells.extend(level.cells);
        cells.push(level.why);
        row(&mut page, &cells);
    }
    if let Some(law) = &result.law {
        page.push_str("\n### Scaling law\n\n");
        for told in law::sentences(law) {
            let _ = writeln!(page, "{}\n", crate::report::markdown::escape(&told));
        }
        table(&mut page, &law::TITLES, &[2, 3]);
        for cells in law::rows(law) {
            row(&mut page, &cells);
        }
    }
    page
}
