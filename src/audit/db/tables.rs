//! Tables: how they are read, what lies dead in them, what the planner knows of them, how old their transactions are.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Oldest, Seen, Table};
use super::settings::number;
use super::{Basis, but_more};
use crate::units::format_count;

static SEQUENTIAL: Rule = Rule {
    id: "db.sequential_scans",
    area: Area::Db,
    lines: &[2, 6],
    section: "Database Monitoring",
    holds: "tables of 10,000 rows or more are read by an index in 95 % of the scans",
    source: "pghero's missing index",
    applies: "100 sequential scans that read 1,000 rows or more each",
};
static DEAD: Rule = Rule {
    id: "db.dead_rows",
    area: Area::Db,
    lines: &[4],
    section: "Database Monitoring",
    holds: "fewer dead rows than autovacuum waits for; fails at twice as many",
    source: "autovacuum's formula: threshold + scale factor × rows, the table's own where it has them",
    applies: "",
};
static STALE: Rule = Rule {
    id: "db.stale_statistics",
    area: Area::Db,
    lines: &[4],
    section: "Performance Optimization Checklist",
    holds: "tables of 1,000 rows or more were analyzed, and fewer rows have changed since than autovacuum waits for; fails at twice as many",
    source: "autovacuum's formula for ANALYZE",
    applies: "",
};
static AUTOVACUUM: Rule = Rule {
    id: "db.autovacuum",
    area: Area::Db,
    lines: &[4],
    section: "Performance Optimization Checklist",
    holds: "autovacuum and track_counts are on, for the server and for every table",
    source: "PostgreSQL, routine vacuuming",
    applies: "",
};
static WRAPAROUND: Rule = Rule {
    id: "db.wraparound",
    area: Area::Db,
    lines: &[],
    section: "Database Monitoring",
    holds: "the oldest transaction is younger than 500 million; fails at 1,000 million",
    source: "PostgreSQL stops writing at 2,147 million; autovacuum begins at 200 million",
    applies: "",
};

pub(super) static RULES: [&Rule; 5] = [&SEQUENTIAL, &DEAD, &STALE, &AUTOVACUUM, &WRAPAROUND];

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    let mut found = Vec::new();
    match &seen.tables {
        Ok(tables) => {
            found.push(sequential(tables, seen, basis));
            found.push(dead(tables, seen));
            found.push(stale(tables, seen));
        }
        Err(why) => found.extend([&SEQUENTIAL, &DEAD, &STALE].map(|rule| rule.unknown(why))),
    }
    found.push(autovacuum(seen));
    found.push(seen.oldest.as_ref().map_or_else(|why| WRAPAROUND.unknown(why), |list| wraparound(list)));
    found
}

fn sequential(tables: &[Table], seen: &Seen, basis: &Basis) -> Finding {
    let by_index = |table: &Table| table.index_scans / (table.index_scans + table.seq_scans).max(1.0);
    let wanting: Vec<&Table> = tables
        .iter()
        .filter(|table| {
            table.live.max(table.rows) >= 10_000.0
                && table.seq_scans >= 100.0
                && table.seq_rows / table.seq_scans >= 1000.0
                && by_index(table) < 0.95
        })
        .collect();
    if wanting.is_empty() {
        return SEQUENTIAL.pass("no large table is read from end to end again and again");
    }
    match &seen.database {
        Ok(database) if database.age_s < basis.evidence_age_s => {
            return SEQUENTIAL.not_applicable(basis.too_young(database.age_s));
        }
        _ => {}
    }
    let count = wanting.len();
    SEQUENTIAL
        .fail(format!("{count} large table{} mostly read from end to end", if count == 1 { " is" } else { "s are" }))
        .seen(but_more(wanting.iter().map(|table| {
            format!(
                "{}: {} sequential scans of {} rows each, {:.0} % of its scans by an index",
                table.shown,
                format_count(table.seq_scans as u64),
                format_count((table.seq_rows / table.seq_scans) as u64),
                100.0 * by_index(table)
            )
        })))
        .fix(
            FixKind::Words,
            "find the statement in db.slow_statements, look at its plan with `check db --explain \"SELECT …\"`, and index \
             the columns of its WHERE",
        )
}

/// How many rows autovacuum waits for.
fn trigger(table: &Table, seen: &Seen, kind: &str) -> f64 {
    let of = |name: &str, fallback: f64| {
        let own = table.options.iter().find_map(|option| option.strip_prefix(&format!("{name}="))?.parse().ok());
        own.or_else(|| number(seen, name)).unwrap_or(fallback)
    };
    let threshold = of(&format!("autovacuum_{kind}_threshold"), 50.0);
    let factor = of(&format!("autovacuum_{kind}_scale_factor"), if kind == "vacuum" { 0.2 } else { 0.1 });
    let wanted = threshold.max(0.0) + factor.max(0.0) * table.rows.max(0.0);
    // From 18 on there is a limit for large tables.
    match of(&format!("autovacuum_{kind}_max_threshold"), -1.0) {
        most if most > 0.0 => wanted.min(most),
        _ => wanted,
    }
}

fn dead(tables: &[Table], seen: &Seen) -> Finding {
    let over: Vec<(&Table, f64)> = tables
        .iter()
        .map(|table| (table, table.dead / trigger(table, seen, "vacuum").max(1.0)))
        .filter(|(table, share)| table.dead >= 1000.0 && *share > 1.0 && is_past(table.vacuumed_s))
        .collect();
    if over.is_empty() {
        return DEAD.pass("autovacuum keeps up");
    }
    let outcome = if over.iter().any(|(_, share)| *share >= 2.0) { Outcome::Fail } else { Outcome::Warn };
    let count = over.len();
    DEAD.found(outcome, format!("{count} table{} more dead rows than autovacuum waits for", has(count)))
        .seen(but_more(over.iter().map(|(table, share)| {
            format!(
                "{}: {} dead beside {} live rows, {share:.1} times what autovacuum waits for; last vacuumed {}",
                table.shown,
                format_count(table.dead as u64),
                format_count(table.live as u64),
                ago(table.vacuumed_s)
            )
        })))
        .fix(FixKind::Sql, lines(over.iter().map(|(table, _)| format!("VACUUM (ANALYZE) {};", table.shown))))
}

fn stale(tables: &[Table], seen: &Seen) -> Finding {
    let share = |table: &Table| {
        if table.analyzed_s.is_none() && table.live >= 1000.0 {
            f64::INFINITY
        } else {
            table.changed / trigger(table, seen, "analyze").max(1.0)
        }
    };
    let over: Vec<(&Table, f64)> = tables
        .iter()
        .map(|table| (table, share(table)))
        .filter(|(table, share)| {
            share.is_infinite() || table.changed >= 1000.0 && *share > 1.0 && is_past(table.analyzed_s)
        })
        .collect();
    if over.is_empty() {
        return STALE.pass("the planner knows every table of 1,000 rows or more as it is");
    }
    let outcome = if over.iter().any(|(_, share)| *share >= 2.0) { Outcome::Fail } else { Outcome::Warn };
    let count = over.len();
    let summary =
        format!("{count} table{} changed more than the planner knows", if count == 1 { " has" } else { "s have" });
    STALE
        .found(outcome, summary)
        .seen(but_more(over.iter().map(|(table, _)| {
            format!(
                "{}: {} rows, {} changed since the last ANALYZE ({})",
                table.shown,
                format_count(table.live as u64),
                format_count(table.changed as u64),
                ago(table.analyzed_s)
            )
        })))
        .fix(FixKind::Sql, lines(over.iter().map(|(table, _)| format!("ANALYZE {};", table.shown))))
}

fn autovacuum(seen: &Seen) -> Finding {
    let settings = match &seen.settings {
        Ok(settings) => settings,
        Err(why) => return AUTOVACUUM.unknown(why),
    };
    let off: Vec<&str> = ["autovacuum", "track_counts"]
        .into_iter()
        .filter(|name| settings.get(*name).is_some_and(|setting| setting.value == "off"))
        .collect();
    if !off.is_empty() {
        let sets = off.iter().map(|name| format!("ALTER SYSTEM SET {name} = on;")).chain([RELOAD.to_owned()]);
        return AUTOVACUUM.fail(format!("{} off", off.join(" and "))).fix(FixKind::Sql, lines(sets));
    }
    let disabled = |table: &&Table| {
        table
            .options
            .iter()
            .any(|option| ["autovacuum_enabled=false", "autovacuum_enabled=off"].contains(&option.as_str()))
    };
    let tables: Vec<&Table> = seen.tables.iter().flatten().filter(disabled).collect();
    if tables.is_empty() {
        return AUTOVACUUM.pass("it is on");
    }
    AUTOVACUUM
        .fail(format!("it is off for {} table{}", tables.len(), if tables.len() == 1 { "" } else { "s" }))
        .seen(but_more(tables.iter().map(|table| table.shown.clone())))
        .fix(FixKind::Sql, lines(tables.iter().map(|t| format!("ALTER TABLE {} RESET (autovacuum_enabled);", t.shown))))
}

fn wraparound(list: &[Oldest]) -> Finding {
    let worst = list.iter().max_by(|a, b| a.age.max(a.multixact_age).total_cmp(&b.age.max(b.multixact_age)));
    let Some(oldest) = worst else { return WRAPAROUND.unknown("no database was told") };
    let age = oldest.age.max(oldest.multixact_age);
    let what =
        format!("the oldest transaction of {} is {} million old", oldest.database, format_count((age / 1e6) as u64));
    let outcome = match age {
        age if age >= 1e9 => Outcome::Fail,
        age if age >= 5e8 => Outcome::Warn,
        _ => return WRAPAROUND.pass(what),
    };
    let fix = match &oldest.table {
        Some(table) => format!("VACUUM (FREEZE, VERBOSE) {table};"),
        None => format!("-- connected to the database {}:\nVACUUM (FREEZE);", oldest.database),
    };
    WRAPAROUND.found(outcome, what).fix(FixKind::Sql, fix)
}

/// Autovacuum comes by every minute, and what a session has changed is counted a while after: what was done just now stands.
fn is_past(seconds: Option<f64>) -> bool {
    seconds.is_none_or(|seconds| seconds >= 300.0)
}

/// After ALTER SYSTEM.
pub(super) const RELOAD: &str = "SELECT pg_reload_conf();";

fn lines(of: impl Iterator<Item = String>) -> String {
    of.collect::<Vec<_>>().join("\n")
}

fn has(count: usize) -> &'static str {
    if count == 1 { " has" } else { "s have" }
}

fn ago(seconds: Option<f64>) -> String {
    match seconds {
        None => "never".to_owned(),
        Some(s) if s < 120.0 => format!("{s:.0} s ago"),
        Some(s) if s < 7200.0 => format!("{:.0} min ago", s / 60.0),
        Some(s) if s < 172_800.0 => format!("{:.0} h ago", s / 3600.0),
        Some(s) => format!("{:.0} days ago", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{basis, seen};
    use super::*;

    fn table() -> Table {
        Table {
            shown: "public.t".to_owned(),
            rows: 100_000.0,
            live: 100_000.0,
            analyzed_s: Some(3600.0),
            ..Table::default()
        }
    }

    #[test]
    fn many_long_scans_of_a_large_table_fail() {
        let outcome = |table: Table| sequential(&[table], &seen(), &basis()).outcome;
        let scanned = || Table { seq_scans: 100.0, seq_rows: 1e7, ..table() };
        assert_eq!(outcome(scanned()), Outcome::Fail);
        assert_eq!(outcome(Table { index_scans: 1e5, ..scanned() }), Outcome::Pass);
        assert_eq!(outcome(Table { seq_scans: 99.0, ..scanned() }), Outcome::Pass);
        assert_eq!(outcome(Table { seq_rows: 1000.0, ..scanned() }), Outcome::Pass, "they end after a few rows");
        assert_eq!(outcome(Table { live: 9000.0, rows: 9000.0, ..scanned() }), Outcome::Pass);
        let mut young = seen();
        young.database.as_mut().unwrap().age_s = 1.0;
        assert_eq!(sequential(&[scanned()], &young, &basis()).outcome, Outcome::NotApplicable);
    }

    #[test]
    fn dead_rows_are_held_against_the_table_s_own_limits() {
        let dead_of = |table: Table| dead(&[table], &seen()).outcome;
        let outcome = |dead: f64, options: &[&str]| {
            let options = options.iter().map(|&option| option.to_owned()).collect();
            dead_of(Table { dead, options, ..table() })
        };
        // 50 + 0.2 × 100,000
        assert_eq!((outcome(20_050.0, &[]), outcome(20_051.0, &[])), (Outcome::Pass, Outcome::Warn));
        assert_eq!(outcome(40_100.0, &[]), Outcome::Fail);
        assert_eq!(outcome(3000.0, &["autovacuum_vacuum_scale_factor=0.01"]), Outcome::Fail);
        assert_eq!(dead_of(Table { rows: 0.0, dead: 900.0, ..table() }), Outcome::Pass, "too few to matter");
    }

    #[test]
    fn a_large_table_that_was_never_analyzed_fails() {
        let outcome = |table: Table| stale(&[table], &seen()).outcome;
        assert_eq!(outcome(table()), Outcome::Pass);
        assert_eq!(outcome(Table { analyzed_s: None, ..table() }), Outcome::Fail);
        assert_eq!(outcome(Table { analyzed_s: None, live: 999.0, ..table() }), Outcome::Pass);
        assert_eq!(outcome(Table { changed: 10_051.0, ..table() }), Outcome::Warn);
        assert_eq!(outcome(Table { changed: 20_100.0, ..table() }), Outcome::Fail);
        assert_eq!(outcome(Table { changed: 20_100.0, analyzed_s: Some(9.0), ..table() }), Outcome::Pass, "just now");
    }

    #[test]
    fn autovacuum_must_be_on_everywhere() {
        let mut state = seen();
        assert_eq!(autovacuum(&state).outcome, Outcome::Pass);
        state.tables = Ok(vec![Table { options: vec!["autovacuum_enabled=false".to_owned()], ..table() }]);
        let found = autovacuum(&state);
        assert_eq!(
            (found.outcome, found.fix.unwrap().text.as_str()),
            (Outcome::Fail, "ALTER TABLE public.t RESET (autovacuum_enabled);")
        );
        state.settings.as_mut().unwrap().get_mut("autovacuum").unwrap().value = "off".to_owned();
        assert!(autovacuum(&state).fix.unwrap().text.starts_with("ALTER SYSTEM SET autovacuum = on;"));
        state.settings = Err("no".to_owned());
        assert_eq!(autovacuum(&state).outcome, Outcome::Unknown);
    }

    #[test]
    fn the_oldest_database_is_named_before_the_server_stops() {
        let of = |age, multixact_age| Oldest { database: "x".to_owned(), age, multixact_age, table: None };
        let outcome = |list: &[Oldest]| wraparound(list).outcome;
        assert_eq!(outcome(&[of(2e8, 0.0)]), Outcome::Pass);
        assert_eq!(outcome(&[of(2e8, 0.0), of(6e8, 0.0)]), Outcome::Warn);
        assert_eq!(outcome(&[of(2e8, 1.1e9)]), Outcome::Fail);
        assert_eq!(outcome(&[]), Outcome::Unknown);
    }
}
