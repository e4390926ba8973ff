//! A server on which every rule of the database passes, to be made worse.

use super::super::rule::Outcome;
use super::seen::{Checkpoints, Connections, Database, Oldest, Seen, Server, Setting};
use crate::observe::Numbers;

use super::{Basis, activity, guide_indexes, indexes, one_line, settings, statements, tables};

pub(super) fn basis() -> Basis {
    Basis {
        memory: Some((2.0 * 1024.0 * 1024.0 * 1024.0, "a test".to_owned())),
        pools: 50,
        evidence_age_s: 4.0 * 3600.0,
    }
}

/// Tuned as the guide wants it, and busy for ten days.
pub(super) fn seen() -> Seen {
    let settings = [
        ("shared_buffers", "65536", Some("8kB")),
        ("effective_cache_size", "262144", Some("8kB")),
        ("work_mem", "8192", Some("kB")),
        ("maintenance_work_mem", "131072", Some("kB")),
        ("checkpoint_completion_target", "0.9", None),
        ("checkpoint_timeout", "1800", Some("s")),
        ("max_wal_size", "8192", Some("MB")),
        ("min_wal_size", "2048", Some("MB")),
        ("random_page_cost", "1.1", None),
        ("effective_io_concurrency", "200", None),
        ("default_statistics_target", "100", None),
        ("max_connections", "200", None),
        ("superuser_reserved_connections", "3", None),
        ("log_min_duration_statement", "1000", Some("ms")),
        ("autovacuum", "on", None),
        ("autovacuum_freeze_max_age", "200000000", None),
        ("track_counts", "on", None),
        ("shared_preload_libraries", "pg_stat_statements", None),
        ("idle_in_transaction_session_timeout", "0", Some("ms")),
    ];
    let setting = |(name, setting, unit): (&str, &str, Option<&str>)| {
        let unit = unit.map(str::to_owned);
        (name.to_owned(), Setting { name: name.to_owned(), value: setting.to_owned(), unit, ..Setting::default() })
    };
    Seen {
        server: Server { sees_all: true, ..Server::default() },
        settings: Ok(settings.into_iter().map(setting).collect()),
        database: Ok(Database {
            age_s: 864_000.0,
            blks_hit: 1e9,
            blks_read: 1e6,
            xact_commit: 1e8,
            xact_rollback: 0.0,
            sessions: Some(1e5),
        }),
        candidates: Ok(Vec::new()),
        unused: Ok(Vec::new()),
        duplicates: Ok(Vec::new()),
        invalid: Ok(Vec::new()),
        foreign_keys: Ok(Vec::new()),
        tables: Ok(Vec::new()),
        oldest: Ok(vec![Oldest { age: 1e8, ..Oldest::default() }]),
        connections: Ok(Connections {
            used: 20.0,
            here: 10.0,
            owner_limit: -1.0,
            database_limit: -1.0,
            ..Connections::default()
        }),
        prepared: Ok(Vec::new()),
        busy: Ok(Vec::new()),
        statements: Ok(Some(Vec::new())),
        checkpoints: Ok(Checkpoints { timed: 100.0, requested: 5.0, ..Checkpoints::default() }),
    }
}

pub(super) fn set(seen: &mut Seen, name: &str, value: &str) {
    let settings = seen.settings.as_mut().unwrap();
    value.clone_into(&mut settings.get_mut(name).unwrap().value);
}

#[test]
fn all_is_well_where_all_is_well_and_every_rule_has_its_say() {
    let (seen, basis) = (seen(), basis());
    let found: Vec<_> = [indexes::judge, tables::judge, activity::judge, statements::judge, settings::judge]
        .into_iter()
        .flat_map(|judge| judge(&seen, &basis))
        .chain(guide_indexes::judge(&seen))
        .collect();
    for finding in &found {
        assert!(matches!(finding.outcome, Outcome::Pass | Outcome::CannotExist), "{finding:?}");
    }
    for rule in super::rules() {
        let alone = ["db.reachable", "db.explain"].contains(&rule.id);
        assert!(alone || found.iter().any(|finding| finding.rule.id == rule.id), "{} says nothing", rule.id);
    }
}

#[test]
fn values_in_statements_are_not_shown() {
    let shown = one_line("SELECT *\n FROM t WHERE a = 'geheim' AND b = 4711", Numbers::Hide);
    assert_eq!(shown, "SELECT * FROM t WHERE a = ? AND b = ?");
}
