//! The part of a run's page that tells of the system: what moved, the guide's dashboard, and each probe by itself.

use askama::Template;

use super::html::{Cell, Endpoint, Figure, figure};
use super::watched::{self as told, Moved, Row};
use super::{amounts, charts, words};
use crate::judge::{ProbeResult, RunResult, StatementResult, Suspect};
use crate::record::{ProbeKind, Run, TableRow, Watched};
use crate::units::{format_count, format_ms, format_ratio};

/// Statements that are listed.
const MOST_STATEMENTS: usize = 30;
/// Tables that are listed.
const MOST_TABLES: usize = 30;

#[derive(Template)]
#[template(path = "system.html")]
struct Section<'a> {
    nothing: Option<String>,
    suspects: &'a [Suspect],
    how: &'static str,
    views: Vec<View>,
    probes: Vec<Probe>,
}

struct View {
    title: &'static str,
    chart: Option<Figure>,
    /// Where there is no chart.
    words: String,
}

struct Probe {
    id: String,
    name: String,
    open: bool,
    line: String,
    facts: Vec<(String, String)>,
    gaps: Vec<String>,
    charts: Vec<Figure>,
    zero: Option<String>,
    figures: Vec<Row>,
    incomplete: Option<String>,
    statements: Vec<Endpoint>,
    tables: Vec<Endpoint>,
    blocked: Vec<Blocked>,
}

struct Blocked {
    at: String,
    waited: String,
    lock: String,
    statement: String,
    by: String,
    by_state: String,
}

/// The section, as HTML.
pub(super) fn section(run: &Run, result: &RunResult) -> Result<String, askama::Error> {
    let moved = told::moved(run, result);
    let watched = !run.watched.is_empty();
    let view = |view: charts::View| match view.shown {
        Ok(chart) => View { title: view.title, chart: Some(figure(chart)), words: String::new() },
        Err(words) => View { title: view.title, chart: None, words },
    };
    Section {
        nothing: told::nothing(&moved),
        suspects: if let Moved::Suspects(suspects) = moved { suspects } else { &[] },
        how: told::HOW,
        views: if watched { charts::dashboard(run, result).into_iter().map(view).collect() } else { Vec::new() },
        probes: run.watched.iter().map(|watched| probe(run, result, watched)).collect(),
    }
    .render()
}

fn probe(run: &Run, result: &RunResult, watched: &Watched) -> Probe {
    let name = watched.name.to_string();
    let nothing = ProbeResult::default();
    let sample = result.samples.get(&name).unwrap_or(&nothing);
    let (charts, zero) = charts::probe(run, result, watched);
    // A suspect may speak of a part of what is watched: of a table.
    let of_it = |subject: &str| watched.name.kind == ProbeKind::Postgres && subject.starts_with("table ");
    let suspected = result.suspects.iter().any(|suspect| suspect.subject == name || of_it(&suspect.subject));
    Probe {
        id: format!("probe-{}", told::slug(&watched.name)),
        open: suspected || !watched.gaps.is_empty(),
        line: told::parts(watched, result.samples.get(&name)).join(", "),
        facts: watched.name.facts.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        gaps: told::gaps(watched).into_iter().map(|gap| told::sentence(&gap)).collect(),
        charts: charts.into_iter().map(figure).collect(),
        zero: (!zero.is_empty()).then(|| {
            format!(
                "Zero throughout, and not drawn: {}.",
                zero.iter().map(|title| told::within(title)).collect::<Vec<_>>().join(", ")
            )
        }),
        figures: told::rows(watched.name.kind, sample),
        incomplete: sample.statements_incomplete.as_ref().map(|why| why.trim_end_matches('.').to_owned()),
        statements: sample.statements.iter().take(MOST_STATEMENTS).map(statement).collect(),
        tables: sample.tables.iter().take(MOST_TABLES).map(table).collect(),
        blocked: sample.blocked.iter().map(blocked).collect(),
        name,
    }
}

fn cell(value: f64, say: amounts::Say) -> Cell {
    Cell { text: say(value), sort: value.to_string() }
}

fn whole(value: f64) -> String {
    format_count(value.max(0.0).round() as u64)
}

fn statement(of: &StatementResult) -> Endpoint {
    let hit =
        of.hit_ratio.map_or(Cell { text: "–".to_owned(), sort: "-1".to_owned() }, |ratio| cell(ratio, format_ratio));
    let cells = vec![
        cell(of.share, format_ratio),
        cell(of.calls, whole),
        cell(of.calls_per_request, amounts::number),
        cell(of.mean_ms, format_ms),
        cell(of.rows_per_call, amounts::number),
        hit,
    ];
    Endpoint { name: of.text.clone(), failing: false, cells }
}

fn table(of: &TableRow) -> Endpoint {
    let size =
        of.bytes.map_or(Cell { text: "–".to_owned(), sort: "-1".to_owned() }, |bytes| cell(bytes, amounts::bytes));
    let mut cells = vec![cell(of.live_rows, whole), cell(of.dead_rows, whole), size];
    let counts = [of.seq_scans, of.seq_rows, of.idx_scans, of.inserted, of.updated, of.deleted];
    cells.extend(counts.map(|count| cell(count, whole)));
    Endpoint { name: of.name.clone(), failing: false, cells }
}

fn blocked(of: &crate::record::Blocked) -> Blocked {
    Blocked {
        at: words::seconds(of.at_s.round()),
        waited: format_ms(of.waited_s * 1000.0),
        lock: of.lock.clone(),
        statement: of.statement.clone(),
        by: of.by.clone(),
        by_state: of.by_state.clone(),
    }
}
