//! A history as a page of its own.

use askama::Template;

use super::words as said;
use crate::judge::{Outcome, Trend, TrendFigure};
use crate::report::charts;
use crate::report::html::{Figure, figure};
use crate::report::words;

/// Runs that the page lists.
const MOST_RUNS: usize = 200;

#[derive(Template)]
#[template(path = "trend.html")]
struct Page {
    dark: String,
    headline: String,
    extent: String,
    figures: Vec<Section>,
    names: Vec<String>,
    runs: Vec<Run>,
    more_runs: usize,
    rest: Vec<(String, Vec<String>)>,
    method: String,
}

struct Section {
    title: String,
    now: String,
    asides: Vec<String>,
    chart: Figure,
    columns: [&'static str; 8],
    changes: Vec<Change>,
}

struct Change {
    kind: &'static str,
    sign: char,
    cells: Vec<String>,
    between: String,
}

struct Run {
    id: String,
    cells: Vec<String>,
}

fn sections(of: &Trend) -> Vec<Section> {
    let numbered = |(n, chart): (usize, charts::Chart)| {
        let chart = figure(chart);
        Figure { slug: format!("{}-{n}", chart.slug), ..chart }
    };
    let charts = (1..).zip(charts::trend(of)).map(numbered);
    of.figures.iter().zip(charts).map(|(one, chart)| section(one, chart)).collect()
}

/// A file that needs no network and no script.
pub(super) fn page(of: &Trend) -> Result<String, askama::Error> {
    let more_runs = of.runs.len().saturating_sub(MOST_RUNS);
    Page {
        dark: charts::dark_css(),
        headline: said::headline(of),
        extent: said::extent(of),
        figures: sections(of),
        names: of.figures.iter().map(|figure| words::target_name(&figure.name)).collect(),
        runs: (more_runs..of.runs.len()).rev().map(|n| run(of, n)).collect(),
        more_runs,
        rest: said::rest(of),
        method: said::method(of),
    }
    .render()
}

fn section(of: &TrendFigure, chart: Figure) -> Section {
    let change = |change: &crate::judge::TrendChange| Change {
        kind: if change.outcome == Outcome::Worse { "fail" } else { "pass" },
        sign: said::sign(change),
        cells: said::change(of, change).into_iter().collect(),
        between: said::between(change),
    };
    Section {
        title: said::title(of),
        now: said::now(of),
        asides: said::asides(of),
        chart,
        columns: said::COLUMNS,
        changes: of.changes.iter().map(change).collect(),
    }
}

fn run(of: &Trend, n: usize) -> Run {
    let run = &of.runs[n];
    let value = |figure: &TrendFigure| {
        let at = figure.points.binary_search_by_key(&n, |point| point.run);
        at.map_or_else(|_| "–".to_owned(), |at| words::figure(figure.points[at].value, &figure.unit))
    };
    let mut cells = vec![run.label.clone().unwrap_or_else(|| "–".to_owned()), said::commit(run)];
    cells.push(words::say(run.verdict).to_owned());
    cells.extend(of.figures.iter().map(value));
    Run { id: run.id.clone(), cells }
}
