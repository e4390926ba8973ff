//! Tables: how they are read, what lies dead in them, what the planner knows of them, how old their transactions are.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Oldest, Seen, Table};
use super::settings::{After, change, number};
use super::{Basis, ON_A_STANDBY, but_more};
use crate::units::format_count;

static SEQUENTIAL: Rule = Rule {
    id: "db.sequential_scans",
    area: Area::Db,
    lines: &[2, 6],
    section: "Database Monitoring",
    holds: "tables of 10,000 rows or more are read by an index in 95 % of the scans",
    source: "pghero's missing index (95 %, 10,000 rows); 100 scans of 1,000 rows: own choice, that a few by hand or with a LIMIT are no alarm",
    applies: "100 sequential scans that read 1,000 rows or more each, statistics of some hours (--evidence-age)",
};
static DEAD: Rule = Rule {
    id: "db.dead_rows",
    area: Area::Db,
    lines: &[4],
    section: "Database Monitoring",
    holds: "fewer dead rows than autovacuum waits for; fails at twice as many",
    source: "PostgreSQL, the autovacuum daemon: threshold + scale factor × rows, the table's own where it has them; twice, 1,000 rows: own choice, as autovacuum comes once a minute",
    applies: "1,000 dead rows; not a standby",
};
static STALE: Rule = Rule {
    id: "db.stale_statistics",
    area: Area::Db,
    lines: &[4],
    section: "Performance Optimization Checklist",
    holds: "where 1,000 rows or more have changed since the last ANALYZE, fewer than autovacuum waits for; fails at twice as many",
    source: "PostgreSQL, the autovacuum daemon: its formula for ANALYZE; twice, 1,000 rows: own choice, as autovacuum comes once a minute",
    applies: "not a standby",
};
static AUTOVACUUM: Rule = Rule {
    id: "db.autovacuum",
    area: Area::Db,
    lines: &[4],
    section: "Performance Optimization Checklist",
    holds: "autovacuum and track_counts are on, for the server and for every table",
    source: "PostgreSQL, routine vacuuming: without it tables bloat and plans grow old",
    applies: "",
};
static WRAPAROUND: Rule = Rule {
    id: "db.wraparound",
    area: Area::Db,
    lines: &[],
    section: "Database Monitoring",
    holds: "the oldest transaction is younger than twice autovacuum_freeze_max_age and than 1,300 million; fails at five times and at 1,400 million",
    source: "check_postgres (1,300 and 1,400 million); PostgreSQL begins to freeze at autovacuum_freeze_max_age; twice and five times it: own choice, that autovacuum has had its time",
    applies: "",
};

pub(super) static RULES: [&Rule; 5] = [&SEQUENTIAL, &DEAD, &STALE, &AUTOVACUUM, &WRAPAROUND];

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    let mut found = Vec::new();
    match &seen.tables {
        Ok(tables) if seen.server.in_recovery => {
            found.push(sequential(tables, seen, basis));
            found.extend([&DEAD, &STALE].map(|rule| rule.not_applicable(ON_A_STANDBY)));
        }
        Ok(tables) => {
            found.push(sequential(tables, seen, basis));
            found.push(dead(tables, seen));
            found.push(stale(tables, seen));
        }
        Err(why) => found.extend([&SEQUENTIAL, &DEAD, &STALE].map(|rule| rule.unknown(why))),
    }
    found.push(autovacuum(seen));
    found.push(seen.oldest.as_ref().map_or_else(|why| WRAPAROUND.unknown(why), |list| wraparound(list, seen)));
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
        .seen(held_back(seen))
        .fix(FixKind::Sql, lines(over.iter().map(|(table, _)| format!("VACUUM (ANALYZE) {};", table.shown))))
}

/// What an open transaction may still see is not removed.
fn held_back(seen: &Seen) -> Option<String> {
    let open = |seconds: &Option<f64>| seconds.is_some_and(|seconds| seconds >= 60.0);
    let busy = seen.busy.iter().flatten().any(|one| open(&one.transaction_s));
    let prepared = seen.prepared.iter().flatten().any(|one| one.age_s >= 60.0);
    (busy || prepared).then(|| "an open transaction keeps what it may still see: db.long_transactions first".to_owned())
}

fn stale(tables: &[Table], seen: &Seen) -> Finding {
    let over: Vec<(&Table, f64)> = tables
        .iter()
        .map(|table| (table, table.changed / trigger(table, seen, "analyze").max(1.0)))
        .filter(|(table, share)| table.changed >= 1000.0 && *share > 1.0 && is_past(table.analyzed_s))
        .collect();
    if over.is_empty() {
        return STALE.pass("no table has changed by more than autovacuum waits for");
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
        let sets = off.iter().map(|name| change(seen, name, "on", After::Reload));
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

fn wraparound(list: &[Oldest], seen: &Seen) -> Finding {
    let age = |of: &Oldest| of.age.max(of.multixact_age);
    let Some(oldest) = list.iter().max_by(|a, b| age(a).total_cmp(&age(b))) else {
        return WRAPAROUND.unknown("no database was told");
    };
    let told = |of: &Oldest| {
        format!("the oldest transaction of {} is {} transactions old", of.database, format_count(age(of) as u64))
    };
    let begins = number(seen, "autovacuum_freeze_max_age").unwrap_or(2e8);
    let (warn, fail) = ((2.0 * begins).min(1.3e9), (5.0 * begins).min(1.4e9));
    let outcome = match age(oldest) {
        age if age >= fail => Outcome::Fail,
        age if age >= warn => Outcome::Warn,
        _ => return WRAPAROUND.pass(told(oldest)),
    };
    // Ours first: psql is there already.
    let mut over: Vec<&Oldest> = list.iter().filter(|of| age(of) >= warn).collect();
    over.sort_by_key(|of| !of.here);
    let freeze = |of: &&Oldest| {
        if of.here { "VACUUM (FREEZE);".to_owned() } else { format!("\\connect {}\nVACUUM (FREEZE);", of.quoted) }
    };
    WRAPAROUND
        .found(outcome, told(oldest))
        .seen(but_more(over.iter().map(|of| told(of))))
        .seen([format!("autovacuum_freeze_max_age = {}", format_count(begins as u64))])
        .seen(held_back(seen))
        .fix(FixKind::Sql, lines(over.iter().map(freeze)))
}

/// Autovacuum comes by every minute, and what a session has changed is counted a while after: what was done just now stands.
fn is_past(seconds: Option<f64>) -> bool {
    seconds.is_none_or(|seconds| seconds >= 300.0)
}

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
    use super::super::tests::{basis, seen, set};
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
    fn a_large_table_that_has_changed_since_it_was_analyzed_fails() {
        let outcome = |table: Table| stale(&[table], &seen()).outcome;
        assert_eq!(outcome(table()), Outcome::Pass);
        let loaded = Table { analyzed_s: None, changed: 100_000.0, rows: 0.0, ..table() };
        assert_eq!(outcome(loaded), Outcome::Fail);
        let counted_anew = Table { analyzed_s: None, ..table() };
        assert_eq!(outcome(counted_anew), Outcome::Pass, "nothing has changed since pg_stat_reset()");
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
        let of = |age, multixact_age| Oldest { quoted: "\"X\"".to_owned(), age, multixact_age, ..Oldest::default() };
        let mut state = seen();
        let outcome = |list: &[Oldest], state: &Seen| wraparound(list, state).outcome;
        assert_eq!(outcome(&[of(3e8, 0.0)], &state), Outcome::Pass);
        assert_eq!(outcome(&[of(2e8, 0.0), of(4e8, 0.0)], &state), Outcome::Warn);
        assert_eq!(outcome(&[of(2e8, 1e9)], &state), Outcome::Fail);
        assert_eq!(outcome(&[], &state), Outcome::Unknown);
        let ours = Oldest { here: true, ..of(5e8, 0.0) };
        let fix = wraparound(&[of(6e8, 0.0), of(1e8, 0.0), ours], &state).fix.unwrap().text;
        assert_eq!(fix, "VACUUM (FREEZE);\n\\connect \"X\"\nVACUUM (FREEZE);");
        set(&mut state, "autovacuum_freeze_max_age", "1000000000");
        assert_eq!(outcome(&[of(1.2e9, 0.0)], &state), Outcome::Pass, "asked to wait so long");
        assert_eq!(outcome(&[of(1.3e9, 0.0)], &state), Outcome::Warn);
        assert_eq!(outcome(&[of(1.4e9, 0.0)], &state), Outcome::Fail);
    }
}
