//! The results of a folder as a table.

use std::fmt::Write as _;

use super::columns::{Columns, wrap};
use super::markdown::{escape, row, table};
use super::{capacity, words};
use crate::history::{ListedRun, Listing};

/// A search has its edge in the place of p95, which would be that of a level of its own.
const TITLES: [&str; 7] = ["id", "label", "scenario", "workload", "verdict", "p95", "commit"];
/// Prose is never wider.
const MOST_WIDTH: usize = 120;
/// Letters of a commit that tell it apart.
const COMMIT: usize = 10;

fn cells(of: &ListedRun) -> [String; 7] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let mark = |mark: &String| mark.split(':').next().unwrap_or_default().to_owned();
    let verdict = match of.verdict {
        None if of.marks.iter().any(|mark| mark.contains("damaged")) => "damaged".to_owned(),
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
        of.edge.as_ref().map_or_else(
            || words::ms(of.p95_ms),
            |edge| format!("edge {}", capacity::bracket(edge.passes, edge.fails, &edge.unit)),
        ),
        or_dash(of.commit.as_ref().map(|commit| commit.chars().take(COMMIT).collect())),
    ]
}

/// For a terminal.
pub(super) fn text(of: &Listing, width: usize) -> String {
    let mut columns = Columns::new(&TITLES, &[]);
    for run in &of.runs {
        columns.row(cells(run));
    }
    // Each is a REF; off a terminal nothing is cut.
    columns.keep_whole(&[0, 1]);
    columns.fit(width);
    let mut text = format!("{}\n", columns.heading().trim_end());
    for line in columns.rows() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for skipped in &of.skipped {
        for line in wrap(&format!("skipped {}: {}", skipped.id, skipped.why), width.min(MOST_WIDTH)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{LeftOut, Verdict};

    fn listing() -> Listing {
        let run = |id: &str, verdict, marks: &[&str]| ListedRun {
            id: id.to_owned(),
            label: (id == "b").then(|| "main".to_owned()),
            scenario: "agenthub user".to_owned(),
            workload: "3f2a3f2a3f2a3f2a".to_owned(),
            started: "2026-11-01T08:00:00Z".to_owned(),
            verdict,
            p95_ms: verdict.map(|_| 2.125),
            edge: None,
            commit: Some("0123456789abcdef".to_owned()),
            marks: marks.iter().map(|&mark| mark.to_owned()).collect(),
        };
        Listing {
            runs: vec![
                run("a", None, &["no result.json: it still runs or was killed"]),
                run("b", Some(Verdict::Void), &["void: its generator was past its limits"]),
                run("c", Some(Verdict::Unproven), &["partial: it did not run to its end"]),
            ],
            skipped: vec![LeftOut { id: "notes".to_owned(), why: "no result: it has no run.toml".to_owned() }],
        }
    }

    #[test]
    fn a_table_for_a_terminal() {
        assert_eq!(
            text(&listing(), 110),
            "id  label  scenario       workload          verdict            p95      commit\n\
             a   –      agenthub user  3f2a3f2a3f2a3f2a  no result          –        0123456789\n\
             b   main   agenthub user  3f2a3f2a3f2a3f2a  void               2.12 ms  0123456789\n\
             c   –      agenthub user  3f2a3f2a3f2a3f2a  unproven, partial  2.12 ms  0123456789\n\
             skipped notes: no result: it has no run.toml\n"
        );
    }

    #[test]
    fn an_id_and_a_label_can_be_copied_however_narrow_it_is() {
        let mut listing = listing();
        let (id, label) = ("20261123T173921Z-agenthub-user-e9bf", "ab-20261123T174322Z-a1");
        listing.runs[1].id = id.to_owned();
        listing.runs[1].label = Some(label.to_owned());
        listing.runs[0].marks = vec!["result.json is damaged or of another version (EOF)".to_owned()];
        for width in [20, 80, usize::MAX] {
            let text = text(&listing, width);
            assert!(text.contains(&format!("{id}  {label}")) && text.contains("damaged"), "{text}");
        }
        assert!(!text(&listing, usize::MAX).contains('…'));
    }

    #[test]
    fn a_table_for_a_job_summary() {
        let page = markdown(&listing());
        assert!(
            page.contains("| b | main | agenthub user | 3f2a3f2a3f2a3f2a | void | 2.12 ms | 0123456789 |"),
            "{page}"
        );
        assert!(page.ends_with("- skipped notes: no result: it has no run.toml\n"), "{page}");
    }
}
