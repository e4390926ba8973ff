//! Statements: which are slow, whether the server says so, whether it reads from memory, and when it writes.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Checkpoints, Database, Seen, Statement};
use super::settings::{After, change, number};
use super::{Basis, but_more, one_line};
use crate::observe::Numbers;
use crate::units::{format_count, format_ms};

static COUNTED: Rule = Rule {
    id: "db.statements_counted",
    area: Area::Db,
    lines: &[6, 10],
    section: "Query Optimization",
    holds: "pg_stat_statements counts statements; warns where it does, and this database cannot see it",
    source: "the guide reads it",
    applies: "",
};
static SLOW: Rule = Rule {
    id: "db.slow_statements",
    area: Area::Db,
    lines: &[6, 10],
    section: "Query Optimization",
    holds: "no statement of 100 calls takes 20 ms on average; fails at 500 ms and 10 calls",
    source: "the guide's target for a statement (500 ms); pghero's slow query (20 ms, 100 calls); 10 calls: own choice, that one report is no alarm",
    applies: "pg_stat_statements, pg_read_all_stats",
};
static LOG: Rule = Rule {
    id: "db.slow_query_log",
    area: Area::Db,
    lines: &[3],
    section: "Query Optimization",
    holds: "statements of 1 s or more are logged",
    source: "the guide: log_min_duration_statement = 1000",
    applies: "",
};
static HIT: Rule = Rule {
    id: "db.cache_hit",
    area: Area::Db,
    lines: &[10],
    section: "High Database CPU Usage",
    holds: "99 % of the blocks are found in shared_buffers; fails below 90 %",
    source: "pghero's hit rate (99 %); 90 %: own choice, ten times as much from disk",
    applies: "100,000 blocks, statistics of some hours (--evidence-age)",
};
static CHECKPOINTS: Rule = Rule {
    id: "db.checkpoints",
    area: Area::Db,
    lines: &[],
    section: "PostgreSQL Configuration",
    holds: "fewer than half of the checkpoints are asked for before their time",
    source: "PostgreSQL, WAL Configuration: raise max_wal_size where a full WAL asks for them; half, 20: own choice, that a few by hand are no alarm",
    applies: "20 checkpoints; not a standby",
};

pub(super) static RULES: [&Rule; 5] = [&COUNTED, &SLOW, &LOG, &HIT, &CHECKPOINTS];

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    let mut found = Vec::new();
    match &seen.statements {
        Ok(Some(_)) if is_off(seen) => {
            let fix = change(seen, TRACK, "'top'", After::Reload);
            found.push(
                COUNTED.fail("nobody counts statements here: pg_stat_statements.track = none").fix(FixKind::Sql, fix),
            );
            found.push(SLOW.unknown("statements are not counted: see db.statements_counted"));
        }
        Ok(Some(statements)) => {
            found.push(COUNTED.pass("it does"));
            found.push(slow(statements, seen));
        }
        Ok(None) if is_loaded(seen) && !is_off(seen) => {
            let line = "statements are counted, but not visible from this database: it lacks the extension";
            found.push(COUNTED.warn(line).fix(FixKind::Sql, CREATE));
            found.push(SLOW.unknown("statements are not visible from this database: see db.statements_counted"));
        }
        Ok(None) => {
            found.push(not_counted(seen));
            found.push(SLOW.unknown("statements are not counted: see db.statements_counted"));
        }
        // The extension is there, and the server was not started with it.
        Err(why) if why.contains("shared_preload_libraries") => {
            found.push(not_counted(seen).seen([why]));
            found.push(SLOW.unknown("statements are not counted: see db.statements_counted"));
        }
        Err(why) => found.extend([COUNTED.unknown(why), SLOW.unknown(why)]),
    }
    found.push(log(seen));
    found.push(seen.database.as_ref().map_or_else(|why| HIT.unknown(why), |database| hit(database, basis)));
    found.push(match &seen.checkpoints {
        Ok(_) if seen.server.in_recovery => CHECKPOINTS.not_applicable(super::ON_A_STANDBY),
        Ok(checkpoints) => asked_for(checkpoints, seen),
        Err(why) => CHECKPOINTS.unknown(why),
    });
    found
}

const TRACK: &str = "pg_stat_statements.track";

fn is_off(seen: &Seen) -> bool {
    seen.settings.as_ref().is_ok_and(|settings| settings.get(TRACK).is_some_and(|track| track.value == "none"))
}

// An extension that is there already does no harm.
const CREATE: &str = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;";

/// Whether the server has the library: its setting is there for all, the list of libraries for some.
fn is_loaded(seen: &Seen) -> bool {
    seen.settings.as_ref().is_ok_and(|settings| {
        let named = settings.get("shared_preload_libraries");
        settings.contains_key(TRACK) || named.is_some_and(|loaded| loaded.value.contains("pg_stat_statements"))
    })
}

fn not_counted(seen: &Seen) -> Finding {
    let loaded = seen.settings.as_ref().ok().and_then(|settings| settings.get("shared_preload_libraries"));
    let before = match loaded {
        _ if is_off(seen) => change(seen, TRACK, "'top'", After::Reload) + "\n",
        _ if is_loaded(seen) => String::new(),
        Some(loaded) => {
            let named =
                loaded.value.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
            let libraries: Vec<String> =
                named.chain(["pg_stat_statements"]).map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
            change(seen, "shared_preload_libraries", &libraries.join(", "), After::Restart) + "\n"
        }
        None => {
            "-- where a superuser's SHOW shared_preload_libraries does not name pg_stat_statements: add it there, and \
                 start the server anew\n"
                .to_owned()
        }
    };
    COUNTED.fail("nobody counts statements here").fix(FixKind::Sql, before + CREATE)
}

fn slow(statements: &[Statement], seen: &Seen) -> Finding {
    if !seen.server.sees_all {
        return SLOW
            .unknown(format!("the role sees its own statements only: GRANT pg_monitor TO {};", seen.server.role));
    }
    let word = |statement: &Statement| {
        statement.query.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_uppercase()
    };
    // Others, such as VACUUM, take as long as there is to do.
    let ours = |statement: &&Statement| {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "EXECUTE", "CALL"]
            .contains(&word(statement).as_str())
    };
    let fails = |statement: &Statement| statement.mean_ms >= 500.0 && statement.calls >= 10.0;
    let warns = |statement: &Statement| statement.mean_ms >= 20.0 && statement.calls >= 100.0;
    let over: Vec<&Statement> =
        statements.iter().filter(ours).filter(|statement| fails(statement) || warns(statement)).collect();
    if over.is_empty() {
        return SLOW.pass("none is slow");
    }
    let outcome = if over.iter().any(|statement| fails(statement)) { Outcome::Fail } else { Outcome::Warn };
    let count = over.len();
    SLOW.found(outcome, format!("{count} slow statement{}", if count == 1 { "" } else { "s" }))
        .seen(but_more(over.iter().map(|statement| {
            format!(
                "{} on average, {} calls of {} rows, {:.0} % from memory: {}",
                format_ms(statement.mean_ms),
                format_count(statement.calls as u64),
                format_count((statement.rows / statement.calls.max(1.0)) as u64),
                100.0 * statement.hit / (statement.hit + statement.read).max(1.0),
                one_line(&statement.query, Numbers::Keep)
            )
        })))
        .fix(
            FixKind::Words,
            "look at its plan with `check db --explain \"SELECT …\"`, and add the index that its WHERE wants; then \
             SELECT pg_stat_statements_reset(); so that it is counted anew",
        )
}

fn log(seen: &Seen) -> Finding {
    let Some(limit) = number(seen, "log_min_duration_statement") else {
        return LOG.unknown("log_min_duration_statement cannot be seen");
    };
    let fix = change(seen, "log_min_duration_statement", "1000", After::Reload);
    match limit {
        limit if limit < 0.0 => LOG.fail("slow statements are not logged").fix(FixKind::Sql, fix),
        limit if limit > 1000.0 => {
            LOG.warn(format!("only statements of {limit} ms or more are logged")).fix(FixKind::Sql, fix)
        }
        limit => LOG.pass(format!("statements of {limit} ms or more are logged")),
    }
}

fn hit(database: &Database, basis: &Basis) -> Finding {
    let blocks = database.blks_hit + database.blks_read;
    if blocks < 100_000.0 {
        return HIT.not_applicable(format!("{} blocks so far: too few to tell", format_count(blocks as u64)));
    }
    let share = database.blks_hit / blocks;
    let line = format!("{:.1} % of {} blocks were found in shared_buffers", 100.0 * share, format_count(blocks as u64));
    let outcome = match share {
        share if share < 0.90 => Outcome::Fail,
        share if share < 0.99 => Outcome::Warn,
        _ => return HIT.pass(line),
    };
    // Whoever has just started reads from disk.
    if database.age_s < basis.evidence_age_s {
        return HIT.not_applicable(basis.too_young(database.age_s));
    }
    HIT.found(outcome, line).fix(
        FixKind::Words,
        "see db.setting.shared_buffers, db.sequential_scans and db.index: more memory for the server, or fewer blocks read",
    )
}

fn asked_for(of: &Checkpoints, seen: &Seen) -> Finding {
    let all = of.timed + of.requested;
    let line = format!("{:.0} of {all:.0} checkpoints were asked for", of.requested);
    if all < 20.0 {
        return CHECKPOINTS.not_applicable(format!("{line}: too few to tell"));
    }
    if of.requested / all < 0.5 {
        return CHECKPOINTS.pass(line);
    }
    // Megabytes.
    let now = number(seen, "max_wal_size").unwrap_or(0.0);
    let each = of.wal_bytes.map_or(f64::INFINITY, |bytes| bytes / all / 1024.0 / 1024.0);
    if each < now / 4.0 {
        // CHECKPOINT, backups and, before 15, CREATE DATABASE ask for one, however little was written.
        return CHECKPOINTS
            .pass(format!("{line}, by somebody: {each:.0} MB of WAL or less between them do not fill max_wal_size"));
    }
    let larger =
        change(seen, "max_wal_size", &format!("'{:.0}GB'", (2.0 * now / 1024.0).max(8.0).ceil()), After::Reload);
    CHECKPOINTS
        .warn(format!("{line}: the WAL fills up before its time"))
        .seen([format!("max_wal_size = {now:.0} MB")])
        .fix(FixKind::Sql, format!("{larger}\n-- and count anew:\nSELECT pg_stat_reset_shared('{}');", of.counted_in))
}

#[cfg(test)]
mod tests {
    use super::super::seen::Setting;
    use super::super::tests::{basis, seen, set};
    use super::*;

    fn statement(query: &str, mean_ms: f64, calls: f64) -> Statement {
        Statement { query: query.to_owned(), mean_ms, calls, ..Statement::default() }
    }

    #[test]
    fn a_slow_statement_is_one_of_the_service_and_comes_often() {
        let outcome = |query, mean_ms, calls| slow(&[statement(query, mean_ms, calls)], &seen()).outcome;
        assert_eq!(outcome("SELECT 1", 19.0, 1000.0), Outcome::Pass);
        assert_eq!(outcome("\n  SELECT 1", 20.0, 100.0), Outcome::Warn);
        assert_eq!(outcome("select 1", 500.0, 10.0), Outcome::Fail);
        assert_eq!(outcome("SELECT 1", 5000.0, 9.0), Outcome::Pass, "too rare");
        assert_eq!(outcome("VACUUM ANALYZE tasks", 5000.0, 100.0), Outcome::Pass);
        let mut blind = seen();
        blind.server.sees_all = false;
        assert_eq!(slow(&[], &blind).outcome, Outcome::Unknown);
    }

    #[test]
    fn the_extension_is_asked_for_as_it_is_missing() {
        let mut state = seen();
        state.statements = Ok(None);
        let fix = |state: &Seen| judge(state, &basis())[0].fix.clone().unwrap().text;
        assert_eq!(fix(&state), "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;");
        let found = judge(&state, &basis());
        assert_eq!((found[0].outcome, found[1].outcome), (Outcome::Warn, Outcome::Unknown));
        assert!(found[0].summary.contains("counted, but not visible from this database"), "{}", found[0].summary);
        let off = Setting { name: TRACK.to_owned(), value: "none".to_owned(), ..Setting::default() };
        state.settings.as_mut().unwrap().insert(TRACK.to_owned(), off);
        assert_eq!(judge(&state, &basis())[0].outcome, Outcome::Fail);
        assert!(fix(&state).starts_with("ALTER SYSTEM SET pg_stat_statements.track = 'top';"), "{}", fix(&state));
        state.settings.as_mut().unwrap().remove(TRACK);
        set(&mut state, "shared_preload_libraries", "timescaledb");
        let both = "ALTER SYSTEM SET shared_preload_libraries = 'timescaledb', 'pg_stat_statements';";
        assert!(fix(&state).starts_with(both), "{}", fix(&state));
        state.statements = Err("pg_stat_statements must be loaded via shared_preload_libraries".to_owned());
        assert_eq!(judge(&state, &basis())[0].outcome, Outcome::Fail);
        state.statements = Err("lost".to_owned());
        assert_eq!(judge(&state, &basis())[0].outcome, Outcome::Unknown);
    }

    #[test]
    fn slow_statements_are_to_be_logged_from_a_second_on() {
        let outcome = |value: &str| {
            let mut state = seen();
            set(&mut state, "log_min_duration_statement", value);
            log(&state).outcome
        };
        assert_eq!((outcome("1000"), outcome("0"), outcome("-1")), (Outcome::Pass, Outcome::Pass, Outcome::Fail));
        assert_eq!(outcome("5000"), Outcome::Warn);
    }

    #[test]
    fn blocks_come_from_memory() {
        let outcome = |blks_hit, blks_read, age_s| {
            hit(&Database { age_s, blks_hit, blks_read, ..Database::default() }, &basis()).outcome
        };
        assert_eq!(outcome(990_000.0, 10_000.0, 1e6), Outcome::Pass);
        assert_eq!(outcome(980_000.0, 20_000.0, 1e6), Outcome::Warn);
        assert_eq!(outcome(890_000.0, 110_000.0, 1e6), Outcome::Fail);
        assert_eq!(outcome(890_000.0, 110_000.0, 60.0), Outcome::NotApplicable);
        assert_eq!(outcome(1.0, 99_998.0, 1e6), Outcome::NotApplicable);
    }

    #[test]
    fn checkpoints_come_in_time() {
        let of = |timed, requested| {
            asked_for(
                &Checkpoints { timed, requested, counted_in: "bgwriter".to_owned(), ..Checkpoints::default() },
                &seen(),
            )
        };
        let outcome = |timed, requested| of(timed, requested).outcome;
        assert_eq!((outcome(15.0, 5.0), outcome(10.0, 10.0)), (Outcome::Pass, Outcome::Warn));
        assert_eq!(outcome(1.0, 5.0), Outcome::NotApplicable);
        let little = Checkpoints { requested: 20.0, wal_bytes: Some(20.0 * 2e9), ..Checkpoints::default() };
        assert_eq!(asked_for(&little, &seen()).outcome, Outcome::Pass, "by hand");
        let much = Checkpoints { wal_bytes: Some(20.0 * 4e9), ..little };
        assert_eq!(asked_for(&much, &seen()).outcome, Outcome::Warn);
        let fix = of(10.0, 10.0).fix.unwrap().text;
        assert!(fix.starts_with("ALTER SYSTEM SET max_wal_size = '16GB';"), "more than there is: {fix}");
    }
}
