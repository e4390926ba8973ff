//! Connections: how many, from which pools, and what they are doing.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Busy, Connections, Seen};
use super::settings::number;
use super::{Basis, but_more, one_line};
use crate::observe::Numbers;

static POOLING: Rule = Rule {
    id: "db.pooling",
    area: Area::Db,
    lines: &[1],
    section: "Connection Pool Configuration",
    holds: "a session serves 10 transactions or more; fails below 2",
    source: "the guide keeps a connection for an hour (DATABASE_POOL_RECYCLE = 3600)",
    applies: "PostgreSQL 14 or later, 1,000 sessions",
};
static CONNECTIONS: Rule = Rule {
    id: "db.connections",
    area: Area::Db,
    lines: &[7],
    section: "Performance Optimization Checklist",
    holds: "fewer than 90 % of the connections are taken; fails at 95 %",
    source: "check_postgres",
    applies: "",
};
static POOLS: Rule = Rule {
    id: "db.pools_fit",
    area: Area::Db,
    lines: &[1, 7],
    section: "Connection Pool Configuration",
    holds: "all pools in front, full, get their connections",
    source: "the guide: 20 + 30 connections of a process, max_connections = 200; --pool N where there are more",
    applies: "",
};
static IDLE: Rule = Rule {
    id: "db.idle_in_transaction",
    area: Area::Db,
    lines: &[7],
    section: "Database Monitoring",
    holds: "no session is idle within a transaction for 5 s or more; fails at 30 s",
    source: "the guide's DATABASE_POOL_TIMEOUT = 30: by then others wait in vain",
    applies: "pg_read_all_stats",
};
static LOCKS: Rule = Rule {
    id: "db.lock_waits",
    area: Area::Db,
    lines: &[6],
    section: "Database Monitoring",
    holds: "no session waits for a lock for 500 ms or more; fails at 2 s",
    source: "the guide's targets for a statement and for a response",
    applies: "pg_read_all_stats",
};
static LONG: Rule = Rule {
    id: "db.long_transactions",
    area: Area::Db,
    lines: &[6],
    section: "Database Monitoring",
    holds: "no transaction is older than 60 s; fails at 5 min",
    source: "pghero's long-running query",
    applies: "pg_read_all_stats",
};

pub(super) static RULES: [&Rule; 6] = [&POOLING, &CONNECTIONS, &POOLS, &IDLE, &LOCKS, &LONG];

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    let mut found = vec![pooling(seen)];
    match &seen.connections {
        Ok(connections) => found.extend([taken(connections, seen), pools(connections, seen, basis)]),
        Err(why) => found.extend([CONNECTIONS.unknown(why), POOLS.unknown(why)]),
    }
    match &seen.busy {
        Ok(_) if !seen.server.sees_all => {
            let why = format!("the role sees its own sessions only: GRANT pg_monitor TO {};", seen.server.role);
            found.extend([&IDLE, &LOCKS, &LONG].map(|rule| rule.unknown(&why)));
        }
        Ok(busy) => found.extend([idle(busy, seen), locks(busy), long(busy)]),
        Err(why) => found.extend([&IDLE, &LOCKS, &LONG].map(|rule| rule.unknown(why))),
    }
    found
}

fn pooling(seen: &Seen) -> Finding {
    let database = match &seen.database {
        Ok(database) => database,
        Err(why) => return POOLING.unknown(why),
    };
    let Some(sessions) = database.sessions else {
        return POOLING.not_applicable("PostgreSQL 13 and older do not count sessions");
    };
    let transactions = database.xact_commit + database.xact_rollback;
    let each = transactions / sessions.max(1.0);
    let line = format!("{sessions:.0} sessions have served {transactions:.0} transactions, {each:.1} each");
    if sessions < 1000.0 {
        return POOLING.not_applicable(format!("{line}: too few sessions to tell"));
    }
    let outcome = match each {
        each if each < 2.0 => Outcome::Fail,
        each if each < 10.0 => Outcome::Warn,
        _ => return POOLING.pass(line),
    };
    POOLING.found(outcome, format!("{line}: connections are opened for a handful of transactions")).fix(
        FixKind::Python,
        "create_async_engine(url, pool_size=20, max_overflow=30, pool_timeout=30, pool_recycle=3600)",
    )
}

/// What others than superusers may have.
fn allowed(seen: &Seen) -> Option<f64> {
    let reserved = number(seen, "superuser_reserved_connections").unwrap_or(3.0);
    // From 16 on.
    let more = number(seen, "reserved_connections").unwrap_or(0.0);
    Some(number(seen, "max_connections")? - reserved - more)
}

fn taken(connections: &Connections, seen: &Seen) -> Finding {
    let Some(allowed) = allowed(seen) else { return CONNECTIONS.unknown("max_connections cannot be seen") };
    let mut limits = vec![("the server", connections.used, allowed)];
    if connections.database_limit >= 0.0 {
        limits.push(("this database", connections.here, connections.database_limit));
    }
    let share = |limit: &(&str, f64, f64)| limit.1 / limit.2.max(1.0);
    let Some(tightest) = limits.iter().max_by(|a, b| share(a).total_cmp(&share(b))) else {
        return CONNECTIONS.unknown("no limit is known");
    };
    let line = format!("{:.0} of {:.0} connections of {} are taken", tightest.1, tightest.2, tightest.0);
    let outcome = match share(tightest) {
        share if share >= 0.95 => Outcome::Fail,
        share if share >= 0.9 => Outcome::Warn,
        _ => return CONNECTIONS.pass(line),
    };
    CONNECTIONS.found(outcome, line).fix(
        FixKind::Sql,
        "SELECT application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC;\n\
         ALTER SYSTEM SET max_connections = 200;\n-- then start the server anew",
    )
}

fn pools(connections: &Connections, seen: &Seen, basis: &Basis) -> Finding {
    let Some(allowed) = allowed(seen) else { return POOLS.unknown("max_connections cannot be seen") };
    let limit = [connections.database_limit, connections.role_limit]
        .into_iter()
        .filter(|limit| *limit >= 0.0)
        .fold(allowed, f64::min);
    let pools = f64::from(basis.pools);
    let line = format!("pools of {pools:.0} connections, and {limit:.0} that they may have");
    if pools > limit {
        let wanted = pools + (number(seen, "max_connections").unwrap_or(0.0) - allowed);
        return POOLS.fail(format!("{line}: a full pool meets \"too many clients\"")).fix(
            FixKind::Sql,
            format!("ALTER SYSTEM SET max_connections = {:.0};\n-- then start the server anew", wanted.max(200.0)),
        );
    }
    if connections.here > pools {
        return POOLS
            .warn(format!(
                "{:.0} connections to this database, and the pools are said to have {pools:.0}",
                connections.here
            ))
            .fix(FixKind::Words, "name the size of all pools together with --pool N");
    }
    POOLS.pass(line)
}

fn idle(busy: &[Busy], seen: &Seen) -> Finding {
    let idle =
        busy.iter().filter(|one| one.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction")));
    let found = longest(&IDLE, idle, |one| one.state_s, (5.0, 30.0), "is idle within a transaction");
    let unlimited = number(seen, "idle_in_transaction_session_timeout") == Some(0.0);
    if found.outcome == Outcome::Pass || !unlimited {
        return found;
    }
    let more = "ALTER SYSTEM SET idle_in_transaction_session_timeout = '60s';\nSELECT pg_reload_conf();";
    let text = found.fix.as_ref().map_or_else(String::new, |fix| format!("{}\n{more}", fix.text));
    found.fix(FixKind::Sql, text)
}

fn locks(busy: &[Busy]) -> Finding {
    let waiting: Vec<&Busy> = busy.iter().filter(|one| !one.blocked_by.is_empty()).collect();
    let mut found = longest(&LOCKS, waiting.iter().copied(), |one| one.statement_s, (0.5, 2.0), "waits for a lock");
    if found.outcome == Outcome::Pass {
        return found;
    }
    // Who waits is no help: who holds the lock, and waits for nobody, is.
    let mut roots: Vec<i64> = waiting.iter().flat_map(|one| one.blocked_by.clone()).filter(|pid| *pid > 0).collect();
    roots.retain(|pid| waiting.iter().all(|one| one.pid != *pid));
    roots.sort_unstable();
    roots.dedup();
    for root in &roots {
        let holder = busy.iter().find(|one| one.pid == *root);
        found.evidence.push(match holder {
            Some(holder) => format!("held by {}", session(holder)),
            None => format!("held by pid {root}"),
        });
    }
    let ends = roots.iter().map(|pid| format!("SELECT pg_terminate_backend({pid});"));
    found.fix(FixKind::Sql, ends.collect::<Vec<_>>().join("\n"))
}

fn long(busy: &[Busy]) -> Finding {
    longest(&LONG, busy.iter(), |one| one.transaction_s, (60.0, 300.0), "has been in one transaction")
}

fn longest<'b>(
    rule: &'static Rule,
    sessions: impl Iterator<Item = &'b Busy>,
    seconds: fn(&Busy) -> Option<f64>,
    (warn, fail): (f64, f64),
    does: &str,
) -> Finding {
    let mut over: Vec<(&Busy, f64)> =
        sessions.filter_map(|one| Some((one, seconds(one)?))).filter(|(_, seconds)| *seconds >= warn).collect();
    over.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some((worst, most)) = over.first() else { return rule.pass("none now") };
    let outcome = if *most >= fail { Outcome::Fail } else { Outcome::Warn };
    rule.found(outcome, format!("pid {} {does}, for {most:.1} s", worst.pid))
        .seen(but_more(over.iter().map(|(one, seconds)| format!("{seconds:.1} s: {}", session(one)))))
        .fix(FixKind::Sql, format!("SELECT pg_terminate_backend({});", worst.pid))
}

fn session(one: &Busy) -> String {
    format!(
        "pid {} of {} ({}): {}",
        one.pid,
        one.role.as_deref().unwrap_or("nobody"),
        one.application.as_deref().filter(|name| !name.is_empty()).unwrap_or("no application_name"),
        one_line(one.query.as_deref().unwrap_or_default(), Numbers::Hide)
    )
}

#[cfg(test)]
mod tests {
    use super::super::seen::Database;
    use super::super::tests::{basis, seen, set};
    use super::*;

    #[test]
    fn sessions_of_few_transactions_are_no_pool() {
        let outcome = |sessions: Option<f64>, xact_commit: f64| {
            let mut state = seen();
            state.database = Ok(Database { xact_commit, sessions, ..Database::default() });
            pooling(&state).outcome
        };
        assert_eq!(outcome(Some(1000.0), 10_000.0), Outcome::Pass);
        assert_eq!(outcome(Some(1000.0), 9_000.0), Outcome::Warn);
        assert_eq!(outcome(Some(1000.0), 1_900.0), Outcome::Fail);
        assert_eq!(outcome(Some(900.0), 900.0), Outcome::NotApplicable);
        assert_eq!(outcome(None, 1e9), Outcome::NotApplicable);
    }

    fn connections(used: f64, here: f64, database_limit: f64) -> Connections {
        Connections { used, here, role_limit: -1.0, database_limit }
    }

    #[test]
    fn the_tightest_limit_of_connections_counts() {
        let outcome = |of: Connections| taken(&of, &seen()).outcome;
        // 200 − 3 that are kept for superusers.
        assert_eq!(outcome(connections(177.0, 0.0, -1.0)), Outcome::Pass);
        assert_eq!(outcome(connections(178.0, 0.0, -1.0)), Outcome::Warn);
        assert_eq!(outcome(connections(188.0, 0.0, -1.0)), Outcome::Fail);
        assert_eq!(outcome(connections(20.0, 10.0, 10.0)), Outcome::Fail);
        let mut blind = seen();
        blind.settings = Err("no".to_owned());
        assert_eq!(taken(&connections(1.0, 1.0, -1.0), &blind).outcome, Outcome::Unknown);
    }

    #[test]
    fn pools_must_fit_behind_the_limit() {
        let with = |count| Basis { pools: count, ..basis() };
        let of = |count, here| pools(&connections(here, here, -1.0), &seen(), &with(count)).outcome;
        assert_eq!((of(197, 0.0), of(198, 0.0)), (Outcome::Pass, Outcome::Fail));
        assert_eq!(of(50, 51.0), Outcome::Warn);
        let mut small = seen();
        set(&mut small, "max_connections", "40");
        let found = pools(&connections(1.0, 1.0, -1.0), &small, &with(50));
        assert!(found.fix.unwrap().text.starts_with("ALTER SYSTEM SET max_connections = 200;"));
    }

    fn one(pid: i64, state: &str, seconds: f64, blocked_by: &[i64]) -> Busy {
        let told = Some(seconds);
        Busy {
            pid,
            state: Some(state.to_owned()),
            transaction_s: told,
            state_s: told,
            statement_s: told,
            blocked_by: blocked_by.to_vec(),
            ..Busy::default()
        }
    }

    #[test]
    fn idle_waiting_and_long_sessions_are_named() {
        let idle_for = |seconds| idle(&[one(7, "idle in transaction", seconds, &[])], &seen()).outcome;
        assert_eq!((idle_for(4.0), idle_for(5.0), idle_for(30.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        assert_eq!(idle(&[one(7, "active", 99.0, &[])], &seen()).outcome, Outcome::Pass);
        let long_for = |seconds| long(&[one(7, "active", seconds, &[])]).outcome;
        assert_eq!((long_for(59.0), long_for(60.0), long_for(300.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        let wait_for = |seconds| locks(&[one(7, "active", seconds, &[8])]).outcome;
        assert_eq!((wait_for(0.4), wait_for(0.5), wait_for(2.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
    }

    #[test]
    fn the_one_who_holds_the_lock_is_ended_and_not_those_who_wait() {
        let chain = [one(1, "idle in transaction", 9.0, &[]), one(2, "active", 5.0, &[1]), one(3, "active", 4.0, &[2])];
        let found = locks(&chain);
        assert_eq!(found.fix.unwrap().text, "SELECT pg_terminate_backend(1);");
        assert!(found.evidence.iter().any(|line| line.starts_with("held by pid 1 ")), "{:?}", found.evidence);
    }

    #[test]
    fn a_role_that_sees_only_itself_says_so() {
        let mut state = seen();
        state.server.sees_all = false;
        let unknown = judge(&state, &basis()).into_iter().filter(|found| found.outcome == Outcome::Unknown).count();
        assert_eq!(unknown, 3);
    }
}
