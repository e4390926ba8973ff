//! A comparison as a page of its own, or as a section of a run's.

use askama::Template;

use super::words as said;
use crate::judge::{Changed, Comparison, Outcome};
use crate::report::charts;
use crate::report::html::{Figure, figure};
use crate::report::words;

#[derive(Template)]
#[template(path = "comparison.html")]
struct Section {
    /// A run's report begins it with a heading of its own.
    in_report: bool,
    kind: &'static str,
    word: String,
    sentence: String,
    circumstances: Vec<String>,
    sides: Vec<(&'static str, String)>,
    differs: String,
    tables: Vec<Table>,
    shift: Vec<[String; 5]>,
    chart: Option<Figure>,
    method: String,
    notes: Vec<String>,
}

struct Table {
    title: &'static str,
    with_p: bool,
    rows: Vec<Row>,
}

struct Row {
    kind: &'static str,
    sign: char,
    name: String,
    cells: Vec<String>,
    reason: String,
}

#[derive(Template)]
#[template(path = "comparison_page.html")]
struct Page {
    title: String,
    dark: String,
    section: String,
}

/// A file that needs no network and no script.
pub(super) fn page(of: &Comparison) -> Result<String, askama::Error> {
    let title = format!("{} · comparison", said::shout(of.verdict));
    Page { title, dark: charts::dark_css(), section: build(of, false)? }.render()
}

/// The part of a run's page that tells of its baseline.
pub(in crate::report) fn section(of: &Comparison) -> Result<String, askama::Error> {
    build(of, true)
}

fn build(of: &Comparison, in_report: bool) -> Result<String, askama::Error> {
    let sides = of.a.iter().map(|run| ("A", said::run(run))).chain(of.b.iter().map(|run| ("B", said::run(run))));
    let tables = [
        table(of, "target", &of.targets, |row| words::target_name(&row.name)),
        table(of, "endpoint, p95 response time", &of.endpoints, said::endpoint),
    ];
    Section {
        in_report,
        kind: kind(of.verdict),
        word: said::shout(of.verdict),
        sentence: said::sentence(of),
        circumstances: said::circumstances(of).into_iter().map(str::to_owned).collect(),
        sides: sides.collect(),
        differs: said::differs(of),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        shift: of.shift.iter().map(said::shifted).collect(),
        chart: charts::shift(of).map(figure),
        method: said::method(of),
        notes: said::notes(of),
    }
    .render()
}

fn table(of: &Comparison, title: &'static str, rows: &[Changed], name: fn(&Changed) -> String) -> Table {
    let with_p = rows.iter().any(|row| !said::p_value(of, row).is_empty());
    let row = |row: &Changed| {
        let mut cells = vec![said::side(row, false), said::side(row, true), said::change(row), said::interval(row)];
        cells.push(said::say(row.verdict).to_owned());
        if with_p {
            cells.push(said::p_value(of, row));
        }
        Row {
            kind: kind(row.verdict),
            sign: said::sign(row.verdict),
            name: name(row),
            cells,
            reason: said::reason(of, row).to_owned(),
        }
    };
    Table { title, with_p, rows: rows.iter().map(row).collect() }
}

/// The class of an outcome, which gives it its colour.
fn kind(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Better | Outcome::Same | Outcome::NotWorse => "pass",
        Outcome::Worse => "fail",
        Outcome::Unproven => "unproven",
    }
}
