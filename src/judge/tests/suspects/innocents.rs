//! Runs in which nothing must be named.

use super::*;
use crate::record::{Gap, ProbeKind::*};

fn busy_but_fine() -> World {
    let mut world = World::answering(|rng, _| Answer::ok(60_000.0 * (1.0 + rng.f64())));
    world
        .count(Process, SERVICE, "cpu_s", |at_s| 1.4 + 0.1 * (at_s % 3.0))
        .count(Process, "postgres", "cpu_s", |_| 1.2)
        .gauge(Metrics, "", "connections", |at_s| 25.0 + at_s % 20.0)
        .gauge(Metrics, "", "pool_waiting", |at_s| if at_s == 31.0 { 2.0 } else { 0.0 })
        .count(Metrics, "", "pool_waits", |at_s| if at_s == 31.0 { 30.0 } else { 1.0 })
        .gauge(Postgres, "", "connections.active", |_| 30.0)
        .gauge(Postgres, "", "connections", |_| 50.0)
        .gauge(Postgres, "", "blocked", |at_s| if at_s == 31.0 { 1.0 } else { 0.0 })
        .count(Host, "", "cpu_s", |_| 2.0)
        .count(Host, "", "disk_busy_s", |_| 0.95)
        .statement(statement(TASKS, 0.333, 15.0, 50.0, 400.0))
        .count(Postgres, "", "exec_ms", |_| 450.0)
        .count(Redis, "", "hits", |_| 75.0)
        .count(Redis, "", "misses", |_| 50.0);
    world
}

/// Caches, buffers and the service's own memory fill up, as they do after a start.
fn cold_at_the_start() -> World {
    let mut world =
        World::answering(|rng, at_s| Answer::ok(1_000.0 + 30_000.0 * (-at_s / 3.0).exp() + 700.0 * rng.f64()));
    let fills = |most: f64| move |at_s: f64| 0.05 * GB + most * (1.0 - (-at_s / 15.0).exp());
    world
        .count(Redis, "", "hits", |at_s| 111.0 * (1.0 - (-at_s / 5.0).exp()))
        .count(Redis, "", "misses", |at_s| 14.0 + 111.0 * (-at_s / 5.0).exp())
        .gauge(Redis, "", "memory_bytes", |at_s| 2e6 + 1e6 * at_s)
        .gauge(Process, SERVICE, "memory_bytes", fills(0.12 * GB))
        .gauge(Metrics, "", "memory_bytes", fills(0.12 * GB))
        .gauge(Process, "postgres", "memory_bytes", |at_s| 0.2 * GB + 6e6 * at_s)
        .count(Postgres, "", "blocks_read", |at_s| 4_000.0 * (-at_s / 5.0).exp());
    world
}

fn idle_database() -> World {
    let mut world = World::healthy();
    for figure in ["calls", "exec_ms", "rows", "blocks_hit", "blocks_read", "commits"] {
        world.count(Postgres, "", figure, |_| 0.0);
    }
    for figure in ["hits", "misses", "commands"] {
        world.count(Redis, "", figure, |_| 0.0);
    }
    let database = world.probe(Postgres, "");
    database.statements = Some(Statements { to_s: 60.0, ..Statements::default() });
    database.tables = Some(Tables { to_s: 60.0, ..Tables::default() });
    world
}

fn huge_but_unused_table() -> World {
    let mut world = World::healthy();
    // Two reports of a nightly job, and an index for everybody else.
    world.table(table("events", 50e6, 2.0, 40.0));
    world
}

fn no_cache_there() -> World {
    let mut world = World::healthy();
    world
        .without(Redis)
        .without(Metrics)
        .statement(statement(PROJECTS, 0.5, 0.9, 10.0, 90.0))
        .statement(statement(USER_OF_TOKEN, 1.0, 0.05, 1.0, 4.0))
        .statement(statement("SELECT permissions FROM users WHERE id = $1", 1.0, 0.05, 1.0, 4.0));
    world
}

/// A list of two rows for half of the requests, and a look-up once for each request: as often, and no N+1.
fn as_often_by_chance() -> World {
    let mut world = no_cache_there();
    world.statement(statement("SELECT id FROM teams WHERE user_id = $1", 0.5, 0.1, 2.0, 4.0));
    world.statement(statement("SELECT id FROM labels WHERE user_id = $1", 0.25, 0.1, 4.0, 4.0));
    world
}

/// What drivers and transactions say besides.
fn chatty_driver() -> World {
    let mut world = World::healthy();
    for text in ["BEGIN", "COMMIT", "SELECT $1", "SET search_path TO public", "SELECT t.oid FROM pg_catalog.pg_type t"]
    {
        world.statement(statement(text, 6.0, 0.01, 0.0, 0.0));
    }
    world
}

fn gaps_only() -> World {
    let mut world = World::healthy();
    for watched in &mut world.run.watched {
        watched.seen.clear();
        watched.statements = None;
        watched.tables = None;
        watched.gaps = vec![Gap { from_s: 0.0, to_s: 60.0, why: "connection refused".into() }];
    }
    world
}

/// Seconds merged to minutes, each with a second in it that touches every limit.
fn merged() -> World {
    let mut world = World::healthy();
    for watched in &mut world.run.watched {
        let mut minute = watched.seen[1].clone();
        (minute.from_s, minute.to_s) = (0.0, 60.0);
        for (name, count) in &mut minute.counts {
            minute.peaks.insert(name.clone(), *count * 3.0);
            *count *= 60.0;
        }
        for (name, gauge) in &minute.gauges {
            minute.peaks.insert(name.clone(), *gauge);
        }
        for (name, peak) in [("cpu_s", 2.0), ("connections", 50.0), ("pool_waiting", 1.0), ("blocked", 1.0)] {
            if minute.peaks.contains_key(name) {
                minute.peaks.insert(name.to_owned(), peak);
            }
        }
        for (name, mean) in [("pool_waiting", 1.0 / 60.0), ("blocked", 1.0 / 60.0)] {
            if let Some(gauge) = minute.gauges.get_mut(name) {
                *gauge = mean;
            }
        }
        watched.seen = vec![minute];
    }
    world
}

/// Slow for a reason that no probe shows.
fn slow_for_reasons_of_its_own() -> World {
    World::answering(|_, _| Answer::ok(3e6))
}

const INNOCENTS: &[(&str, Make)] = &[
    ("healthy", World::healthy),
    ("busy but fine", busy_but_fine),
    ("cold at the start", cold_at_the_start),
    ("an idle database", idle_database),
    ("a huge table that nobody reads", huge_but_unused_table),
    ("no cache there", no_cache_there),
    ("as often by chance", as_often_by_chance),
    ("a chatty driver", chatty_driver),
    ("gaps only", gaps_only),
    ("merged", merged),
    ("slow for reasons of its own", slow_for_reasons_of_its_own),
];

#[test]
fn where_nothing_is_wrong_nothing_is_named() {
    let named: Vec<(&str, Vec<String>)> = INNOCENTS.iter().map(|(name, world)| (*name, world().rules())).collect();
    let expected: Vec<(&str, Vec<String>)> = INNOCENTS.iter().map(|(name, _)| (*name, Vec::new())).collect();
    assert_eq!(named, expected);
}

#[test]
fn a_short_run_names_nothing() {
    let mut world = World::healthy();
    world.run = simulate(users(5, 50.0, 4.0), fast);
    let watched = World::healthy().run.watched;
    world.run.watched = watched
        .into_iter()
        .map(|mut watched| {
            watched.seen.retain(|seen| seen.to_s <= 4.0);
            watched
        })
        .collect();
    assert_eq!(world.rules(), [""; 0]);
}

#[test]
fn without_probes_nothing_is_claimed() {
    let mut world = World::answering(|_, _| Answer::ok(3e6));
    world.run.watched.clear();
    let result = world.judge();
    assert!(result.suspects.is_empty() && result.samples.is_empty());
}

#[test]
fn the_machine_is_a_suspect_only_when_it_is_judged() {
    let mut world = World::healthy();
    world.count(Host, "", "cpu_s", |_| 1.95);
    assert_eq!(world.rules(), [""; 0]);
    world.run.asked.judge_machine = true;
    assert_eq!(world.rules(), ["cpu_limit"]);
}
