//! For the page.

use askama::Template;

use super::law;
use super::words::{Row, TITLES, rows, throughput};
use crate::judge::{RunResult, Verdict};

#[derive(Template)]
#[template(path = "capacity.html")]
struct Section {
    throughput: String,
    reason: String,
    titles: [&'static str; 7],
    rows: Vec<Row>,
    law: Option<LawSection>,
}

struct LawSection {
    sentences: Vec<String>,
    titles: [&'static str; 5],
    rows: Vec<[String; 5]>,
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
}

/// The levels; `None` where no search was made. The answer is the page's heading.
pub(in crate::report) fn section(result: &RunResult) -> Result<Option<String>, askama::Error> {
    let Some(edge) = &result.edge else { return Ok(None) };
    let law = result.law.as_ref().map(|law| LawSection {
        sentences: law::sentences(law),
        titles: law::TITLES,
        rows: law::rows(law),
    });
    let section =
        Section { throughput: throughput(edge), reason: edge.reason.clone(), titles: TITLES, rows: rows(result), law };
    section.render().map(Some)
}
