//! The results of a folder as a table.

use std::fmt::Write as _;

use super::columns::{Columns, wrap};
use super::markdown::{escape, row, table};
use super::words;
use crate::history::{ListedRun, Listing};

const TITLES: [&str; 7] = ["id", "label", "scenario", "workload", "verdict", "p95", "commit"];
/// Letters of a commit that tell it apart.
const COMMIT: usize = 10;

fn cells(of: &ListedRun) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let mark = |mark: &String| mark.split(':').next().unwrap_or_default().to_owned();
    let verdict = match of.verdict {
        None => "no result".to_owned(),
        // `void` need not be said twice.
        Some(verdict) => {
            let mut words = vec![words::say(verdict).to_owned()];
            words.extend(of.marks.iter().map(mark).filter(|mark| *mark != "void"));
            words.join(", ")
        }
    };
    [
        of.id.clone(),
        or_dash(of.label.clone()),
        of.scenario.clone(),
        of.workload.clone(),
        verdict,
        words::ms(of.p95_ms),
        or_dash(of.commit.as_ref().map(|commit| commit.chars().take(COMMIT).collect())),
    ]
}

/// For a terminal.
pub(super) fn text(of: &Listing, width: usize) -> String {
    let mut columns = Columns::new(&TITLES, &[]);
    for run in &of.runs {
        columns.row(cells(run));
    }
    columns.fit(width);
    let mut text = format!("{}\n", columns.heading().trim_end());
    for line in columns.rows() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for skipped in &of.skipped {
        for line in wrap(&format!("skipped {}: {}", skipped.id, skipped.why), width) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// For a job summary.
pub(super) fn markdown(of: &Listing) -> String {
    let mut page = String::new();
    table(&mut page, &TITLES, &[]);
    for run in &of.runs {
        row(&mut page, &cells(run));
    }
    for skipped in &of.skipped {
        let _ = writeln!(page, "\n- skipped {}: {}", escape(&skipped.id), escape(&skipped.why));
    }
    page
}
