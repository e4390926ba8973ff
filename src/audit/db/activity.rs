//! Connections: how many, from which pools, and what they are doing.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Busy, Connections, Prepared, RoleLimit, Seen};
use super::settings::{After, change, number};
use super::{Basis, but_more, one_line};
use crate::observe::Numbers;

static POOLING: Rule = Rule {
    id: "db.pooling",
    area: Area::Db,
    lines: &[1],
    section: "Connection Pool Configuration",
    holds: "a session serves 10 transactions or more; fails below 2",
    source: "the guide keeps a connection for an hour (DATABASE_POOL_RECYCLE = 3600); 10, 2 and 1,000: own choice, far below what a pool does",
    applies: "PostgreSQL 14 or later, 1,000 sessions",
};
static CONNECTIONS: Rule = Rule {
    id: "db.connections",
    area: Area::Db,
    lines: &[7],
    section: "Performance Optimization Checklist",
    holds: "fewer than 90 % of the connections are taken; fails at 95 %",
    source: "check_postgres, backends (90 and 95 %)",
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
    source: "the guide's DATABASE_POOL_TIMEOUT = 30: by then others wait in vain; 5 s: own choice, longer than a request",
    applies: "pg_read_all_stats",
};
static LOCKS: Rule = Rule {
    id: "db.lock_waits",
    area: Area::Db,
    lines: &[6],
    section: "Database Monitoring",
    holds: "no session waits for a lock for 500 ms or more; fails at 2 s",
    source: "the guide's targets for a statement (500 ms) and for a response (2 s)",
    applies: "pg_read_all_stats",
};
static LONG: Rule = Rule {
    id: "db.long_transactions",
    area: Area::Db,
    lines: &[6],
    section: "Database Monitoring",
    holds: "no transaction is older than 60 s; fails at 5 min",
    source: "pghero's long-running query (60 s); 5 min: own choice, as long as VACUUM can remove nothing newer",
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
        Ok(busy) => {
            let prepared = seen.prepared.as_deref().unwrap_or_default();
            found.extend([idle(busy, seen), locks(busy, prepared), long(busy, prepared)]);
        }
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
    // To let a session in is a transaction, too.
    let transactions = (database.xact_commit + database.xact_rollback - sessions).max(0.0);
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
    let of = |whose: String, used: f64, limit: f64, fix: String| Taken { whose, used, limit, fix };
    // With room for a quarter more.
    let wanted = |used: f64| (used / 0.8).ceil();
    let reserved = number(seen, "max_connections").unwrap_or(allowed) - allowed;
    let server = ((wanted(connections.used) + reserved) / 10.0).ceil() * 10.0;
    let mut limits = vec![of(
        "the server".to_owned(),
        connections.used,
        allowed,
        change(seen, "max_connections", &format!("{:.0}", server.max(200.0)), After::Restart),
    )];
    if connections.database_limit >= 0.0 {
        let wanted = wanted(connections.here + 1.0);
        let fix = format!("ALTER DATABASE {} CONNECTION LIMIT {wanted:.0};", connections.database);
        limits.push(of("this database".to_owned(), connections.here, connections.database_limit, fix));
    }
    limits.extend(connections.roles.iter().map(|RoleLimit { role, used, limit }| {
        let fix = format!("ALTER ROLE {role} CONNECTION LIMIT {:.0};", wanted(*used));
        of(format!("the role {role}"), *used, *limit, fix)
    }));
    let words = |one: &Taken| format!("{:.0} of {:.0} connections of {} are taken", one.used, one.limit, one.whose);
    limits.sort_by(|a, b| b.share().total_cmp(&a.share()));
    let over: Vec<&Taken> = limits.iter().filter(|limit| limit.share() >= 0.9).collect();
    let Some(worst) = over.first() else { return CONNECTIONS.pass(words(&limits[0])) };
    let outcome = if worst.share() >= 0.95 { Outcome::Fail } else { Outcome::Warn };
    CONNECTIONS
        .found(outcome, words(worst))
        .seen(over.iter().skip(1).map(|limit| words(limit)))
        .seen(&connections.by_whom)
        .fix(FixKind::Sql, over.iter().map(|limit| limit.fix.as_str()).collect::<Vec<_>>().join("\n"))
}

/// Of connections.
struct Taken {
    whose: String,
    used: f64,
    limit: f64,
    fix: String,
}

impl Taken {
    fn share(&self) -> f64 {
        self.used / self.limit.max(1.0)
    }
}

fn pools(connections: &Connections, seen: &Seen, basis: &Basis) -> Finding {
    let Some(allowed) = allowed(seen) else { return POOLS.unknown("max_connections cannot be seen") };
    let pools = f64::from(basis.pools);
    let reserved = number(seen, "max_connections").unwrap_or(allowed) - allowed;
    let server = format!("{:.0}", (pools + reserved).max(200.0));
    let limits = [
        ("the server", allowed, change(seen, "max_connections", &server, After::Restart)),
        (
            "this database",
            connections.database_limit,
            // One more, for whoever looks.
            format!("ALTER DATABASE {} CONNECTION LIMIT {:.0};", connections.database, pools + 1.0),
        ),
        (
            "its owner's role",
            connections.owner_limit,
            format!("ALTER ROLE {} CONNECTION LIMIT {:.0};", connections.owner, pools + 1.0),
        ),
    ];
    let held = || limits.iter().filter(|(_, limit, _)| *limit >= 0.0);
    let (whose, limit, _) = held().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(&limits[0]);
    let line = format!("pools of {pools:.0} connections, and {limit:.0} that {whose} may have");
    if pools > *limit {
        let fixes: Vec<&str> = held().filter(|(_, limit, _)| pools > *limit).map(|(_, _, fix)| fix.as_str()).collect();
        return POOLS
            .fail(format!("{line}: a full pool meets \"too many clients\""))
            .fix(FixKind::Sql, fixes.join("\n"));
    }
    if connections.here > pools {
        return POOLS
            .warn(format!(
                "{:.0} connections to this database, and the pools are said to have {pools:.0}",
                connections.here
            ))
            .seen(&connections.by_whom)
            .fix(FixKind::Words, "name the size of all pools together with --pool N");
    }
    POOLS.pass(line)
}

fn idle(busy: &[Busy], seen: &Seen) -> Finding {
    let idle =
        busy.iter().filter(|one| one.state.as_deref().is_some_and(|state| state.starts_with("idle in transaction")));
    let found =
        longest(&IDLE, idle.filter_map(|one| Over::of(one, one.state_s?, "is idle within a transaction")), (5.0, 30.0));
    let unlimited = number(seen, "idle_in_transaction_session_timeout") == Some(0.0);
    if found.outcome == Outcome::Pass || !unlimited {
        return found;
    }
    let more = change(seen, "idle_in_transaction_session_timeout", "'60s'", After::Reload);
    let text = found.fix.as_ref().map_or_else(String::new, |fix| format!("{}\n{more}", fix.text));
    found.fix(FixKind::Sql, text)
}

fn locks(busy: &[Busy], prepared: &[Prepared]) -> Finding {
    let waiting: Vec<&Busy> = busy.iter().filter(|one| !one.blocked_by.is_empty()).collect();
    let over = waiting.iter().filter_map(|one| Over::of(one, one.waits_s?, "waits for a lock"));
    let mut found = longest(&LOCKS, over, (0.5, 2.0));
    if found.outcome == Outcome::Pass {
        return found;
    }
    // Who waits is no help: who holds the lock, and waits for nobody, is.
    let mut roots: Vec<i64> = waiting.iter().flat_map(|one| one.blocked_by.clone()).collect();
    roots.retain(|pid| waiting.iter().all(|one| one.pid != *pid));
    roots.sort_unstable();
    roots.dedup();
    let mut ends = Vec::new();
    for root in &roots {
        if *root == 0 {
            // Nobody's session any more: a transaction that was prepared.
            found.evidence.extend(prepared.iter().map(|one| format!("perhaps held by {}", one.words())));
            ends.extend(prepared.iter().map(Prepared::rollback));
            continue;
        }
        found.evidence.push(match busy.iter().find(|one| one.pid == *root) {
            Some(holder) => format!("held by {}", session(holder)),
            None => format!("held by pid {root}"),
        });
        ends.push(format!("SELECT pg_terminate_backend({root});"));
    }
    found.fix(FixKind::Sql, ends.join("\n"))
}

fn long(busy: &[Busy], prepared: &[Prepared]) -> Finding {
    let sessions = busy.iter().filter_map(|one| Over::of(one, one.transaction_s?, "has been in one transaction"));
    let forgotten = prepared.iter().filter(|one| one.here).map(|one| Over {
        seconds: one.age_s,
        summary: format!("the transaction {} has been prepared and not ended", one.gid),
        words: one.words(),
        end: one.rollback(),
    });
    longest(&LONG, sessions.chain(forgotten), (60.0, 300.0))
}

impl Prepared {
    fn words(&self) -> String {
        format!("the prepared transaction {} of {} in {}", self.gid, self.owner, self.database)
    }

    fn rollback(&self) -> String {
        let there = if self.here { String::new() } else { format!("\\connect {}\n", self.database) };
        format!("{there}ROLLBACK PREPARED {};", self.gid)
    }
}

/// What has taken its time.
struct Over {
    seconds: f64,
    summary: String,
    words: String,
    end: String,
}

impl Over {
    #[expect(clippy::unnecessary_wraps, reason = "for filter_map, beside the seconds that may be missing")]
    fn of(one: &Busy, seconds: f64, does: &str) -> Option<Self> {
        Some(Self {
            seconds,
            summary: format!("pid {} {does}", one.pid),
            words: session(one),
            end: format!("SELECT pg_terminate_backend({});", one.pid),
        })
    }
}

fn longest(rule: &'static Rule, all: impl Iterator<Item = Over>, (warn, fail): (f64, f64)) -> Finding {
    let mut over: Vec<Over> = all.filter(|one| one.seconds >= warn).collect();
    over.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let Some(worst) = over.first() else { return rule.pass("none now") };
    let outcome = if worst.seconds >= fail { Outcome::Fail } else { Outcome::Warn };
    rule.found(outcome, format!("{}, for {:.1} s", worst.summary, worst.seconds))
        .seen(but_more(over.iter().map(|one| format!("{:.1} s: {}", one.seconds, one.words))))
        .fix(FixKind::Sql, over.iter().map(|one| one.end.as_str()).collect::<Vec<_>>().join("\n"))
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
        assert_eq!(outcome(Some(1000.0), 11_000.0), Outcome::Pass);
        assert_eq!(outcome(Some(1000.0), 10_000.0), Outcome::Warn);
        assert_eq!(outcome(Some(1000.0), 2_900.0), Outcome::Fail);
        assert_eq!(outcome(Some(900.0), 900.0), Outcome::NotApplicable);
        assert_eq!(outcome(None, 1e9), Outcome::NotApplicable);
    }

    fn connections(used: f64, here: f64, database_limit: f64) -> Connections {
        let database = "agenthub".to_owned();
        Connections { used, here, database_limit, database, owner_limit: -1.0, ..Connections::default() }
    }

    #[test]
    fn the_tightest_limit_of_connections_counts() {
        let outcome = |of: Connections| taken(&of, &seen()).outcome;
        // 200 − 3 that are kept for superusers.
        assert_eq!(outcome(connections(177.0, 0.0, -1.0)), Outcome::Pass);
        assert_eq!(outcome(connections(178.0, 0.0, -1.0)), Outcome::Warn);
        assert_eq!(outcome(connections(188.0, 0.0, -1.0)), Outcome::Fail);
        assert_eq!(outcome(connections(20.0, 10.0, 10.0)), Outcome::Fail);
        let role = |used| RoleLimit { role: "service".to_owned(), used, limit: 20.0 };
        let of_roles = |roles| Connections { roles, ..connections(20.0, 10.0, 10.0) };
        let found = taken(&of_roles(vec![role(18.0)]), &seen());
        assert_eq!(found.summary, "10 of 10 connections of this database are taken");
        let fix = "ALTER DATABASE agenthub CONNECTION LIMIT 14;\nALTER ROLE service CONNECTION LIMIT 23;";
        assert_eq!(found.fix.unwrap().text, fix, "each limit that is near is raised");
        let full = taken(&connections(197.0, 0.0, -1.0), &seen()).fix.unwrap().text;
        assert!(full.starts_with("ALTER SYSTEM SET max_connections = 250;"), "more than there are: {full}");
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
        let owned = Connections { owner: "service".to_owned(), owner_limit: 20.0, ..connections(1.0, 1.0, 40.0) };
        let found = pools(&owned, &seen(), &with(50));
        assert!(found.summary.starts_with("pools of 50 connections, and 20 that its owner's role may have"));
        let fix = "ALTER DATABASE agenthub CONNECTION LIMIT 51;\nALTER ROLE service CONNECTION LIMIT 51;";
        assert_eq!(found.fix.unwrap().text, fix);
    }

    fn one(pid: i64, state: &str, seconds: f64, blocked_by: &[i64]) -> Busy {
        let told = Some(seconds);
        Busy {
            pid,
            state: Some(state.to_owned()),
            transaction_s: told,
            state_s: told,
            waits_s: told,
            blocked_by: blocked_by.to_vec(),
            ..Busy::default()
        }
    }

    #[test]
    fn idle_waiting_and_long_sessions_are_named() {
        let idle_for = |seconds| idle(&[one(7, "idle in transaction", seconds, &[])], &seen()).outcome;
        assert_eq!((idle_for(4.0), idle_for(5.0), idle_for(30.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        assert_eq!(idle(&[one(7, "active", 99.0, &[])], &seen()).outcome, Outcome::Pass);
        let long_for = |seconds| long(&[one(7, "active", seconds, &[])], &[]).outcome;
        assert_eq!((long_for(59.0), long_for(60.0), long_for(300.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        let wait_for = |seconds| locks(&[one(7, "active", seconds, &[8])], &[]).outcome;
        assert_eq!((wait_for(0.4), wait_for(0.5), wait_for(2.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
    }

    #[test]
    fn the_one_who_holds_the_lock_is_ended_and_not_those_who_wait() {
        let chain = [one(1, "idle in transaction", 9.0, &[]), one(2, "active", 5.0, &[1]), one(3, "active", 4.0, &[2])];
        let found = locks(&chain, &[]);
        assert_eq!(found.fix.unwrap().text, "SELECT pg_terminate_backend(1);");
        assert!(found.evidence.iter().any(|line| line.starts_with("held by pid 1 ")), "{:?}", found.evidence);
    }

    #[test]
    fn a_transaction_that_was_prepared_and_forgotten_is_ended_by_its_name() {
        let forgotten = |here| Prepared {
            gid: "'x'".to_owned(),
            database: "d".to_owned(),
            here,
            age_s: 300.0,
            ..Prepared::default()
        };
        let found = long(&[], &[forgotten(true)]);
        assert_eq!((found.outcome, found.fix.unwrap().text.as_str()), (Outcome::Fail, "ROLLBACK PREPARED 'x';"));
        assert_eq!(long(&[], &[forgotten(false)]).outcome, Outcome::Pass, "another database's");
        let found = locks(&[one(7, "active", 9.0, &[0])], &[forgotten(false)]);
        assert_eq!(found.fix.unwrap().text, "\\connect d\nROLLBACK PREPARED 'x';");
    }

    #[test]
    fn a_role_that_sees_only_itself_says_so() {
        let mut state = seen();
        state.server.sees_all = false;
        let unknown = judge(&state, &basis()).into_iter().filter(|found| found.outcome == Outcome::Unknown).count();
        assert_eq!(unknown, 3);
    }
}
