//! Each trouble as the real stack would show it, and who must be named first.

use super::*;
use crate::judge::Suspect;
use crate::record::{Blocked, Gap, ProbeKind::*};

/// Every 20th second or so.
fn now_and_then(at_s: f64, every: u32, value: f64) -> f64 {
    if (at_s as u32).is_multiple_of(every) { value } else { 0.0 }
}

fn slow(us: f64) -> impl FnMut(&mut fastrand::Rng, f64) -> Answer {
    move |rng, _| Answer::ok(us * (0.5 - (1.0 - rng.f64()).ln()))
}

fn no_index() -> World {
    let mut world = World::answering(slow(700_000.0));
    world
        .statement(statement(TASKS, 0.333, 90.0, 50.0, 5_000.0))
        .statement(statement(PROJECTS, 0.126, 70.0, 10.0, 5_100.0))
        .statement(statement(ADD_TASK, 0.167, 4.0, 1.0, 60.0))
        .table(table("tasks", 200_840.0, 2_300.0, 900.0))
        .table(table("git_branches", 10_000.0, 620.0, 0.0))
        .count(Postgres, "", "exec_ms", |_| 3_400.0)
        .count(Postgres, "", "blocks_hit", |_| 200_000.0)
        .count(Process, "postgres", "cpu_s", |_| 1.85)
        // What it leads to: connections are busy, and requests wait for them.
        .gauge(Metrics, "", "connections", |_| 50.0)
        .gauge(Metrics, "", "pool_waiting", |_| 12.0)
        .gauge(Postgres, "", "connections.active", |_| 45.0);
    world
}

fn no_index_with_parallel_scans_and_no_statistics() -> World {
    let mut world = no_index();
    let mut tasks = table("tasks", 200_840.0, 6_900.0, 900.0);
    // The leader and two workers each count a scan of a third of the rows; nobody has analyzed the table.
    (tasks.seq_rows, tasks.live_rows) = (2_300.0 * 200_840.0, 0.0);
    world.table(tasks);
    world
}

fn no_index_but_fast() -> World {
    let mut world = World::healthy();
    world.statement(statement(TASKS, 0.333, 3.0, 50.0, 500.0)).table(table("tasks", 20_840.0, 2_300.0, 900.0)).count(
        Postgres,
        "",
        "exec_ms",
        |_| 110.0,
    );
    world
}

/// The one that follows for each project, with the cache in front: projects are asked for again only after each new task.
fn n_plus_one() -> World {
    let mut world = World::healthy();
    let statements = &mut world.probe(Postgres, "").statements.as_mut().unwrap().top;
    statements.retain(|row| row.text != PROJECTS);
    world
        .statement(statement("SELECT id, name FROM projects WHERE user_id = $1 ORDER BY created_at, id", 0.126, 0.1, 5.0, 4.0))
        .statement(statement("SELECT git_branches.id AS branch_id, count(tasks.id) FROM git_branches LEFT JOIN tasks ON tasks.git_branch_id = git_branches.id WHERE git_branches.project_id = $1 GROUP BY git_branches.id", 0.63, 0.3, 2.0, 30.0))
        .count(Postgres, "", "calls", |_| 110.0);
    world
}

fn n_plus_one_without_cache_or_list() -> World {
    let mut world = World::answering(slow(150_000.0));
    world
        .statement(statement("SELECT count(*) FROM tasks WHERE project_id = $1", 12.0, 0.3, 1.0, 30.0))
        .count(Postgres, "", "calls", |_| 1_050.0)
        .count(Postgres, "", "exec_ms", |_| 310.0)
        .count(Process, SERVICE, "cpu_s", |_| 1.9);
    world
}

fn pool_of_two() -> World {
    let mut world = World::answering(slow(3_000_000.0));
    world
        .gauge(Metrics, "", "pool_size", |_| 2.0)
        .gauge(Metrics, "", "connections", |_| 2.0)
        .gauge(Metrics, "", "pool_idle", |_| 0.0)
        .gauge(Metrics, "", "pool_waiting", |at_s| 40.0 + at_s % 7.0)
        .gauge(Postgres, "", "connections", |_| 2.0)
        .gauge(Postgres, "", "connections.idle_in_transaction", |_| 1.2);
    world
}

fn lock_contention() -> World {
    let mut world = World::answering(slow(400_000.0));
    world
        .statement(statement("UPDATE counters SET value = value + $1 WHERE name = $2", 0.167, 240.0, 1.0, 3.0))
        .count(Postgres, "", "exec_ms", |_| 3_300.0)
        .gauge(Postgres, "", "blocked", |at_s| 3.0 + at_s % 4.0)
        .gauge(Postgres, "", "locks_waiting", |at_s| 3.0 + at_s % 4.0)
        .gauge(Postgres, "", "waits.Lock", |at_s| 3.0 + at_s % 4.0)
        .gauge(Postgres, "", "waits", |at_s| 3.0 + at_s % 4.0)
        .gauge(Postgres, "", "connections.idle_in_transaction", |_| 1.0)
        // What it leads to.
        .gauge(Metrics, "", "connections", |_| 50.0)
        .gauge(Metrics, "", "pool_waiting", |_| 5.0);
    let blocked = |at_s: u32| Blocked {
        at_s: at_s.into(),
        waited_s: 0.2,
        lock: "transactionid".into(),
        statement: "UPDATE counters SET value = value + ? WHERE name = ?".into(),
        by: "INSERT INTO tasks (id, user_id) VALUES (?, ?)".into(),
        by_state: "idle in transaction".into(),
    };
    world.probe(Postgres, "").blocked = (1..60).map(blocked).collect();
    world
}

/// One transaction a second or so waits, and no target is missed.
fn some_lock_waits() -> World {
    let mut world = World::healthy();
    world.gauge(Postgres, "", "blocked", |at_s| now_and_then(at_s, 8, 1.0));
    world
}

fn leak() -> World {
    let mut world = World::healthy();
    // 64 KiB a request.
    let grows = |at_s: f64| 0.06 * GB + 65_536.0 * REQUESTS_PER_S * at_s;
    world.gauge(Process, SERVICE, "memory_bytes", grows).gauge(Metrics, "", "memory_bytes", grows);
    world
}

/// 8 KiB a request, in steps of an allocator, and the database beside it fills its buffers.
fn leak_in_a_container() -> World {
    let mut world = World::healthy();
    let memory = [("cpus", 2.0), ("memory_limit_bytes", 2.0 * GB)];
    world.add(Container, SERVICE, &memory, &[("cpu_s", 0.3)]).add(Container, "db", &memory, &[("cpu_s", 0.3)]);
    world.probe(Container, "db").name.facts.insert("image".into(), "postgres:15".into());
    world
        .gauge(Container, SERVICE, "memory_bytes", |at_s| 60e6 + (at_s * 8_192.0 * REQUESTS_PER_S / 4e6).floor() * 4e6)
        .gauge(Container, "db", "memory_bytes", |at_s| 0.2 * GB + 8e6 * at_s);
    world
}

fn no_cache() -> World {
    let mut world = World::healthy();
    world
        .count(Redis, "", "hits", |_| 0.0)
        .count(Redis, "", "misses", |_| 0.0)
        .count(Redis, "", "commands", |_| 1.0)
        .count(Metrics, "", "cache_hits", |_| 0.0)
        .count(Metrics, "", "cache_misses", |_| 0.0)
        .statement(statement(PROJECTS, 0.5, 0.9, 10.0, 90.0))
        .statement(statement(USER_OF_TOKEN, 1.0, 0.05, 1.0, 4.0))
        .count(Postgres, "", "calls", |_| 170.0);
    world
}

fn cpu_limit() -> World {
    let mut world = World::answering(slow(1_200_000.0));
    world.gauge(Process, SERVICE, "cpus", |_| 0.2).count(Process, SERVICE, "cpu_s", |at_s| 0.19 + 0.01 * (at_s % 2.0));
    // Requests hold their connections for longer.
    world.gauge(Metrics, "", "pool_waiting", |at_s| now_and_then(at_s, 3, 4.0));
    world
}

fn throttled_container() -> World {
    let mut world = World::answering(slow(800_000.0));
    world.add(
        Container,
        "api",
        &[("cpus", 0.5), ("memory_bytes", 0.1 * GB), ("memory_limit_bytes", 2.0 * GB)],
        &[("cpu_s", 0.49), ("periods", 10.0), ("throttled_periods", 8.0), ("throttled_s", 0.5)],
    );
    world
}

fn slow_statement() -> World {
    let mut world = World::answering(slow(300_000.0));
    world.statement(statement(TASKS, 0.333, 850.0, 50.0, 9_000.0)).count(Postgres, "", "exec_ms", |_| 23_000.0);
    world
}

fn growing_table() -> World {
    let mut world = World::answering(|rng, at_s| Answer::ok(20_000.0 + 4_000.0 * at_s + 3_000.0 * rng.f64()));
    let mut events = table("events", 60_000.0, 0.0, 9_000.0);
    events.inserted = 50_000.0;
    world.table(events);
    world
}

fn database_restarted() -> World {
    let down = |at_s: f64| (30.0..36.0).contains(&at_s);
    let mut world = World::answering(move |rng, at_s| Answer { us: 2_000.0 + 500.0 * rng.f64(), failed: down(at_s) });
    let database = world.probe(Postgres, "");
    database.seen.retain(|seen| !down(seen.to_s));
    database.gaps = vec![Gap { from_s: 30.0, to_s: 36.0, why: "nothing listens there".into() }];
    world
}

const TROUBLES: &[(&str, Make, &str)] = &[
    ("a database that restarts", database_restarted, "not_there"),
    ("no index on 200,000 tasks", no_index, "sequential_scan"),
    ("no index, parallel scans", no_index_with_parallel_scans_and_no_statistics, "sequential_scan"),
    ("no index on 20,000 tasks, and still fast", no_index_but_fast, "sequential_scan"),
    ("N+1 behind a cache", n_plus_one, "n_plus_one"),
    ("N+1 of one statement", n_plus_one_without_cache_or_list, "n_plus_one"),
    ("a pool of 2", pool_of_two, "pool_exhausted"),
    ("lock contention", lock_contention, "lock_waits"),
    ("some lock waits", some_lock_waits, "lock_waits"),
    ("a leak", leak, "memory_growth"),
    ("a leak in a container", leak_in_a_container, "memory_growth"),
    ("no cache", no_cache, "cache_unused"),
    ("a CPU limit", cpu_limit, "cpu_limit"),
    ("a throttled container", throttled_container, "throttled"),
    ("a slow statement", slow_statement, "dominant_statement"),
    ("a growing table", growing_table, "latency_drift"),
];

#[test]
fn each_trouble_is_named_first() {
    let named: Vec<(&str, Option<String>)> =
        TROUBLES.iter().map(|(trouble, world, _)| (*trouble, world().rules().into_iter().next())).collect();
    let expected: Vec<(&str, Option<String>)> =
        TROUBLES.iter().map(|(trouble, _, rule)| (*trouble, Some((*rule).to_owned()))).collect();
    assert_eq!(named, expected);
}

fn first(world: &World) -> Suspect {
    world.judge().suspects.remove(0)
}

#[test]
fn a_suspect_comes_with_its_evidence() {
    let scan = first(&no_index());
    assert_eq!(scan.subject, "table tasks");
    assert_eq!(scan.says, "requests read the whole table tasks (200,840 rows) over and over");
    assert!(scan.evidence[0].starts_with("2,300 sequential scans of about 200,840 rows each"), "{scan:?}");
    assert!(scan.evidence[2].contains("FROM tasks WHERE user_id") && scan.evidence[2].contains("90 ms"), "{scan:?}");
    let repeated = first(&n_plus_one());
    assert_eq!(repeated.evidence[1], "0.63 calls for each HTTP request of the load");
    assert!(
        repeated.evidence[0].starts_with("5.0 times for each call of “SELECT id, name FROM projects"),
        "{repeated:?}"
    );
    let locks = first(&lock_contention());
    assert!(locks.says.ends_with("UPDATE counters SET value = value + ? WHERE name = ?"), "{locks:?}");
    assert!(locks.evidence[1].contains("(idle in transaction)"), "{locks:?}");
    let leak = first(&leak());
    assert_eq!(leak.subject, "process api");
    assert!(
        leak.evidence[0].contains("5.4 MB a second") && leak.evidence[1].ends_with(" kB for each HTTP request"),
        "{leak:?}"
    );
    let pool = first(&pool_of_two());
    assert_eq!(pool.says, "requests wait for one of the pool's 2 database connections");
}

#[test]
fn causes_come_before_what_they_lead_to() {
    let rules = no_index().rules();
    let place =
        |rule: &str| rules.iter().position(|found| found == rule).unwrap_or_else(|| panic!("{rule}: {rules:?}"));
    assert!(place("sequential_scan") < place("cpu_limit") && place("cpu_limit") < place("pool_exhausted"), "{rules:?}");
    assert_eq!(lock_contention().rules()[..2], ["lock_waits", "pool_exhausted"]);
    for (trouble, world, _) in TROUBLES {
        let weights: Vec<f64> = world().judge().suspects.iter().map(|suspect| suspect.weight).collect();
        assert!(weights.is_sorted_by(|a, b| a >= b) && weights.iter().all(|w| (0.0..=1.0).contains(w)), "{trouble}");
    }
}

/// What takes one change of a figure: each rule that the table above does not name.
#[test]
fn every_other_rule_finds_what_it_is_for() {
    let found = |rule: &str, change: &dyn Fn(&mut World)| {
        let mut world = World::healthy();
        change(&mut world);
        assert_eq!(world.rules(), [rule]);
    };
    found("deadlocks", &|world| {
        world.count(Postgres, "", "deadlocks", |at_s| now_and_then(at_s, 30, 1.0));
    });
    found("connections_limit", &|world| {
        world.gauge(Postgres, "", "connections", |_| 190.0);
    });
    found("connections_refused", &|world| {
        world.count(Nginx, "", "dropped", |at_s| now_and_then(at_s, 20, 2.0));
    });
    found("memory_limit", &|world| {
        world.gauge(Process, "postgres", "memory_bytes", |_| 7.6 * GB);
    });
    found("temp_files", &|world| {
        world.count(Postgres, "", "temp_files", |_| 3.0);
    });
    found("checkpoints_requested", &|world| {
        world.count(Postgres, "", "checkpoints_requested", |at_s| now_and_then(at_s, 15, 1.0));
    });
    found("cache_misses", &|world| {
        world.count(Redis, "", "hits", |_| 20.0).count(Redis, "", "misses", |_| 60.0);
    });
    found("cache_falling", &|world| {
        world.count(Redis, "", "hits", |at_s| 120.0 - at_s).count(Redis, "", "misses", |at_s| 5.0 + at_s);
    });
    found("cache_too_small", &|world| {
        world.count(Redis, "", "evicted", |_| 12.0).count(Redis, "", "misses", |_| 25.0);
    });
    found("idle_in_transaction", &|world| {
        world.gauge(Postgres, "", "connections.idle_in_transaction", |_| 4.0).gauge(
            Postgres,
            "",
            "longest_transaction_s",
            |at_s| at_s,
        );
    });
    found("memory_limit", &|world| {
        world.add(Container, "job", &[("memory_bytes", 1e8), ("memory_limit_bytes", 1e9)], &[("oom_kills", 0.0)]);
        world.count(Container, "job", "oom_kills", |at_s| now_and_then(at_s, 40, 1.0));
    });
    found("cpu_limit", &|world| {
        world.count(Redis, "", "cpu_s", |_| 0.97);
    });
    found("connections_refused", &|world| {
        world.count(Redis, "", "rejected", |at_s| now_and_then(at_s, 20, 1.0));
    });
    found("pool_exhausted", &|world| {
        world.gauge(Metrics, "", "connections", |_| 50.0);
        for seen in &mut world.probe(Metrics, "").seen {
            seen.gauges.remove("pool_waiting");
        }
    });
    // Waits that end before anybody looks are only told by their counter.
    found("pool_exhausted", &|world| {
        world.count(Metrics, "", "pool_waits", |_| 9.0);
    });
    let missed = |change: &dyn Fn(&mut World)| {
        let mut world = World::answering(slow(3_000_000.0));
        change(&mut world);
        world.rules()
    };
    assert_eq!(missed(&|_| ()), [""; 0]);
    let disk = missed(&|world| {
        world.count(Host, "", "disk_busy_s", |_| 1.0);
    });
    assert_eq!(disk, ["disk_busy"]);
    let waits = missed(&|world| {
        world.gauge(Postgres, "", "blocked", |at_s| now_and_then(at_s, 25, 1.0));
    });
    assert_eq!(waits, ["lock_waits"], "two looks are enough where there is something to explain");
    let reads = missed(&|world| {
        world.count(Postgres, "", "blocks_read", |_| 4_000.0);
    });
    assert_eq!(reads, ["database_reads"]);
}
