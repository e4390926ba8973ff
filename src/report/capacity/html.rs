//! For the page.

use askama::Template;

use super::law;
use super::words::{Row, TITLES, rows, throughput};
use crate::judge::{RunResult, Verdict};
use crate::report::html::Figure;

#[derive(Template)]
#[template(path = "capacity.html")]
struct Section {
    throughput: String,
    reason: String,
    titles: [&'static str; 7],
    rows: Vec<Row>,
    chart: Option<Figure>,
    law: Option<LawSection>,
}

struct LawSection {
    sentences: Vec<String>,
    titles: [&'static str; 5],
    rows: Vec<[String; 5]>,
    chart: Option<Figure>,
}

impl Row {
    fn titled(&self) -> impl Iterator<Item = (&'static str, &String)> {
        TITLES.into_iter().zip(&self.cells)
    }
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

/// The levels; `None` where no search was made. The answer is the page's heading. Takes its charts from those of the page.
pub(in crate::report) fn section(
    result: &RunResult,
    charts: &mut Vec<Figure>,
) -> Result<Option<String>, askama::Error> {
    let Some(edge) = &result.edge else { return Ok(None) };
    let mut taken = |slug: &str| charts.iter().position(|chart| chart.slug == slug).map(|at| charts.remove(at));
    let chart = taken("edge");
    let law = result.law.as_ref().map(|law| LawSection {
        sentences: law::sentences(law),
        titles: law::TITLES,
        rows: law::rows(law),
        chart: taken("law"),
    });
    let section = Section {
        throughput: throughput(edge),
        reason: edge.reason.clone(),
        titles: TITLES,
        rows: rows(result),
        chart,
        law,
    };
    section.render().map(Some)
}
