//! A comparison for a job summary or a comment.

use std::fmt::Write as _;

use super::words as said;
use crate::judge::{Changed, Comparison};
use crate::report::markdown::{escape, row, table};
use crate::report::words;

/// How many endpoints are listed: a job summary may have 1024 KiB.
const MOST_ENDPOINTS: usize = 200;

/// The whole of it, under a heading of this level.
pub(super) fn markdown(of: &Comparison, level: usize) -> String {
    let mut page = String::new();
    let marks = "#".repeat(level);
    let (sign, word) = (said::sign(of.verdict), said::shout(of.verdict));
    let title = if level > 2 { "Against the baseline: " } else { "" };
    let _ = writeln!(page, "{marks} {title}{sign} {word}\n\n{}", escape(&said::sentence(of)));
    for reason in said::circumstances(of) {
        let _ = writeln!(page, "\n- {}", escape(reason));
    }
    page.push('\n');
    for (name, side) in [("A", &of.a), ("B", &of.b)] {
        for run in side {
            let _ = writeln!(page, "- {name}: {}", escape(&said::run(run)));
        }
    }
    let _ = writeln!(page, "- Differs: {}", escape(&said::differs(of)));
    rows(&mut page, of, "target", &of.targets, |row| words::target_name(&row.name));
    rows(&mut page, of, "endpoint, p95", &of.endpoints, said::endpoint);
    if !of.shift.is_empty() {
        page.push_str("\n<details><summary>Response times by percentile</summary>\n\n");
        table(&mut page, &["percentile", "A", "B", "change", "95 % interval"], &[1, 2]);
        for point in &of.shift {
            row(&mut page, &said::shifted(point));
        }
        page.push_str("\n</details>\n");
    }
    let _ = writeln!(page, "\n{}", escape(&said::method(of)));
    for note in said::notes(of) {
        let _ = writeln!(page, "\n- {}", escape(&note));
    }
    page
}

fn rows(page: &mut String, of: &Comparison, title: &str, rows: &[Changed], name: fn(&Changed) -> String) {
    if rows.is_empty() {
        return;
    }
    page.push('\n');
    table(page, &["", title, "A", "B", "change", "95 % interval", "verdict", "p", "why"], &[]);
    for one in rows.iter().take(MOST_ENDPOINTS) {
        row(
            page,
            &[
                said::sign(one.verdict).to_string(),
                name(one),
                said::side(one, false),
                said::side(one, true),
                said::change(one),
                said::interval(one),
                said::say(one.verdict).to_owned(),
                said::p_value(of, one),
                said::reason(of, one).to_owned(),
            ],
        );
    }
    if rows.len() > MOST_ENDPOINTS {
        let _ = writeln!(page, "\nand {} more in the JSON", rows.len() - MOST_ENDPOINTS);
    }
}
