//! For the page.

use askama::Template;

use super::words::{Row, TITLES, heading, rows};
use crate::judge::{RunResult, Verdict};
use crate::report::words::say;

#[derive(Template)]
#[template(path = "drift.html")]
struct Section {
    heading: String,
    titles: [&'static str; 6],
    rows: Vec<Row>,
}

impl Section {
    fn kind(row: &Row) -> &'static str {
        match row.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "failing",
            Verdict::Unproven => "unproven",
            Verdict::Void | Verdict::NotMeasured => "void",
        }
    }

    fn said(row: &Row) -> &'static str {
        say(row.verdict)
    }
}

/// What grows; `None` where drift was not judged.
pub(in crate::report) fn section(result: &RunResult) -> Result<Option<String>, askama::Error> {
    let Some(heading) = heading(result) else { return Ok(None) };
    Section { heading, titles: TITLES, rows: rows(result) }.render().map(Some)
}
