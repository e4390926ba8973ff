//! What probes would have seen in synthetic runs, and what the judge would sum it up to.

use std::collections::BTreeMap;

use crate::judge::{FigureResult, GapResult, ProbeResult, StatementResult, Suspect};
use crate::record::{Blocked, Gap, ProbeKind, ProbeName, Seen, TableRow, Watched};

/// A figure: its name, whether it is a count, its value or rate a second, how much it varies.
pub(super) type Figure = (&'static str, bool, f64, f64);

/// How a figure changes over time: a factor.
pub(super) type Course = fn(&str, f64) -> f64;

/// Gauges and counts.
const G: bool = false;
const C: bool = true;

pub(super) const HOST: &[Figure] = &[
    ("cpu_s", C, 1.6, 0.5),
    ("cpus", G, 4.0, 0.0),
    ("steal_s", C, 0.01, 1.0),
    ("memory_bytes", G, 6.4e9, 0.01),
    ("memory_limit_bytes", G, 16.7e9, 0.0),
    ("swap_bytes", G, 0.0, 0.0),
    ("load1", G, 1.9, 0.2),
    ("disk_read_bytes", C, 4e4, 1.8),
    ("disk_written_bytes", C, 2.4e6, 1.2),
    ("disk_busy_s", C, 0.06, 0.8),
    ("net_received_bytes", C, 3.1e5, 0.4),
    ("net_sent_bytes", C, 4.6e5, 0.4),
];
pub(super) const PROCESS: &[Figure] = &[
    ("cpu_s", C, 0.5, 0.4),
    ("cpus", G, 2.0, 0.0),
    ("memory_bytes", G, 1.12e8, 0.05),
    ("memory_limit_bytes", G, 2.147e9, 0.0),
    ("processes", G, 5.0, 0.0),
    ("threads", G, 24.0, 0.1),
    ("files", G, 180.0, 0.1),
    ("disk_read_bytes", C, 0.0, 0.0),
    ("disk_written_bytes", C, 8e3, 1.0),
];
pub(super) const CONTAINER: &[Figure] = &[
    ("cpu_s", C, 0.9, 0.3),
    ("cpus", G, 2.0, 0.0),
    ("memory_bytes", G, 6.2e8, 0.05),
    ("memory_limit_bytes", G, 2.147e9, 0.0),
    ("periods", C, 10.0, 0.0),
    ("throttled_periods", C, 1.2, 1.0),
    ("throttled_s", C, 0.05, 1.0),
    ("oom_kills", C, 0.0, 0.0),
    ("processes", G, 12.0, 0.0),
    ("disk_read_bytes", C, 2e4, 1.5),
    ("disk_written_bytes", C, 9e5, 1.0),
    ("net_received_bytes", C, 2.1e5, 0.4),
    ("net_sent_bytes", C, 2.6e5, 0.4),
];
pub(super) const POSTGRES: &[Figure] = &[
    ("calls", C, 168.0, 0.3),
    ("exec_ms", C, 190.0, 0.4),
    ("rows", C, 2100.0, 0.4),
    ("blocks_hit", C, 9000.0, 0.4),
    ("blocks_read", C, 18.0, 1.5),
    ("commits", C, 84.0, 0.3),
    ("rollbacks", C, 0.0, 0.0),
    ("returned", C, 5400.0, 0.4),
    ("fetched", C, 2000.0, 0.4),
    ("inserted", C, 14.0, 0.5),
    ("updated", C, 3.0, 0.8),
    ("deleted", C, 0.0, 0.0),
    ("temp_files", C, 0.0, 0.0),
    ("temp_bytes", C, 0.0, 0.0),
    ("deadlocks", C, 0.0, 0.0),
    ("checkpoints_timed", C, 0.0, 0.0),
    ("checkpoints_requested", C, 0.0, 0.0),
    ("connections", G, 12.0, 0.3),
    ("connections.active", G, 2.0, 1.0),
    ("connections.idle", G, 9.0, 0.4),
    ("connections.idle_in_transaction", G, 1.0, 1.0),
    ("connections_limit", G, 197.0, 0.0),
    ("waits", G, 0.4, 2.0),
    ("waits.IO", G, 0.2, 2.0),
    ("waits.Lock", G, 0.2, 2.0),
    ("locks_waiting", G, 0.0, 0.0),
    ("blocked", G, 0.0, 0.0),
    ("longest_transaction_s", G, 0.02, 1.0),
    ("database_bytes", G, 5.3e7, 0.0),
];
pub(super) const REDIS: &[Figure] = &[
    ("hits", C, 74.0, 0.3),
    ("misses", C, 6.0, 0.8),
    ("evicted", C, 0.0, 0.0),
    ("expired", C, 0.4, 2.0),
    ("commands", C, 96.0, 0.3),
    ("rejected", C, 0.0, 0.0),
    ("received_bytes", C, 1.4e4, 0.3),
    ("sent_bytes", C, 1.9e5, 0.3),
    ("cpu_s", C, 0.012, 0.5),
    ("memory_bytes", G, 9.6e6, 0.02),
    ("memory_limit_bytes", G, 6.7e7, 0.0),
    ("clients", G, 12.0, 0.2),
    ("blocked_clients", G, 0.0, 0.0),
    ("keys", G, 2200.0, 0.02),
];
pub(super) const NGINX: &[Figure] = &[
    ("accepted", C, 0.6, 2.0),
    ("dropped", C, 0.0, 0.0),
    ("requests", C, 83.0, 0.3),
    ("active", G, 251.0, 0.02),
    ("reading", G, 0.0, 0.0),
    ("writing", G, 1.4, 1.0),
    ("waiting", G, 249.0, 0.02),
];
pub(super) const METRICS: &[Figure] = &[
    ("requests", C, 83.0, 0.3),
    ("timed", C, 83.0, 0.3),
    ("timed_s", C, 0.12, 0.4),
    ("connections", G, 3.0, 1.0),
    ("pool_size", G, 20.0, 0.0),
    ("pool_idle", G, 17.0, 0.2),
    ("pool_waiting", G, 0.0, 0.0),
    ("cache_hits", C, 74.0, 0.3),
    ("cache_misses", C, 6.0, 0.8),
    ("cpu_s", C, 0.5, 0.4),
    ("memory_bytes", G, 1.12e8, 0.05),
    ("files", G, 180.0, 0.1),
];

/// Always the same.
pub(super) fn steadily(_: &str, _: f64) -> f64 {
    1.0
}

/// One probe that looked every `step_s` for so long.
pub(super) fn watched(
    kind: ProbeKind,
    name: &str,
    facts: &[(&str, &str)],
    (covers_s, step_s): (usize, usize),
    figures: &[Figure],
    course: Course,
) -> Watched {
    let mut random = fastrand::Rng::with_seed(kind as u64 + name.len() as u64 * 7);
    let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut watched = Watched::new(ProbeName { kind, name: name.to_owned(), facts });
    for from in (0..covers_s).step_by(step_s) {
        let (from_s, length_s) = (from as f64, step_s as f64);
        let mut seen = Seen { from_s, to_s: from_s + length_s, ..Seen::default() };
        for (figure, count, base, varies) in figures {
            let mean = base * course(figure, from_s);
            let around = |random: &mut fastrand::Rng| (mean * (1.0 + (random.f64() - 0.5) * varies)).max(0.0);
            let whole = |value: f64| if *base >= 1.0 && *base < 1000.0 && !count { value.round() } else { value };
            let value = whole(around(&mut random));
            let into = if *count { &mut seen.counts } else { &mut seen.gauges };
            into.insert((*figure).to_owned(), if *count { value * length_s } else { value });
            if step_s > 1 {
                let peak = (0..5).map(|_| around(&mut random)).fold(value, f64::max);
                seen.peaks.insert((*figure).to_owned(), peak * if *varies > 0.0 { 1.3 } else { 1.0 });
            }
        }
        watched.seen.push(seen);
    }
    watched
}

/// Takes what was seen in between away; counters go on.
pub(super) fn gap(watched: &mut Watched, from_s: f64, to_s: f64, why: &str) {
    watched.gaps.push(Gap { from_s, to_s, why: why.to_owned() });
    watched.seen.retain(|seen| seen.to_s <= from_s || seen.to_s > to_s);
    if let Some(first) = watched.seen.iter_mut().find(|seen| seen.to_s > to_s) {
        first.from_s = from_s;
    }
}

/// Figures over a window, as the judge would sum them up.
pub(super) fn result_of(watched: &Watched, from_s: f64, to_s: f64) -> ProbeResult {
    let mut figures: BTreeMap<String, FigureResult> = BTreeMap::new();
    let looks: Vec<&Seen> = watched.within(from_s, to_s).collect();
    let length: f64 = looks.iter().map(|seen| seen.length_s()).sum();
    for seen in &looks {
        for (name, value) in seen
            .gauges
            .iter()
            .map(|(name, value)| (name, value * seen.length_s()))
            .chain(seen.counts.iter().map(|(name, value)| (name, *value)))
        {
            let figure = figures.entry(name.clone()).or_default();
            figure.mean += value / length;
            figure.peak = figure.peak.max(seen.peak(name).unwrap_or(0.0));
            if seen.counts.contains_key(name) {
                *figure.total.get_or_insert(0.0) += value;
            }
        }
    }
    let gap = |gap: &Gap| GapResult { from_s: gap.from_s, to_s: gap.to_s, why: gap.why.clone() };
    ProbeResult {
        facts: watched.name.facts.clone(),
        figures,
        gaps: watched.gaps.iter().map(gap).collect(),
        ..ProbeResult::default()
    }
}

pub(super) fn statements() -> Vec<StatementResult> {
    let one =
        |text: &str, calls: f64, mean_ms: f64, share, calls_per_request, rows_per_call, hit_ratio| StatementResult {
            text: text.to_owned(),
            calls,
            total_ms: calls * mean_ms,
            mean_ms,
            share,
            calls_per_request,
            rows_per_call,
            hit_ratio,
        };
    vec![
        one(
            "UPDATE projects SET updated_at = now(), task_count = task_count + $1 WHERE id = $2",
            790.0,
            412.0,
            0.93,
            0.16,
            1.0,
            Some(0.9999),
        ),
        one(
            "SELECT id, title, description, status, priority, assignee_id, created_at, updated_at FROM tasks WHERE user_id = $1 AND status = ANY($2) ORDER BY created_at DESC LIMIT $3",
            1650.0,
            9.4,
            0.044,
            0.33,
            20.0,
            Some(0.981),
        ),
        one("SELECT id, name, created_at FROM projects WHERE user_id = $1", 2480.0, 1.1, 0.008, 0.5, 3.2, Some(1.0)),
        one("BEGIN", 4920.0, 0.002, 0.0001, 1.0, 0.0, None),
    ]
}

pub(super) fn tables() -> Vec<TableRow> {
    let one = |name: &str, live_rows, seq_scans, seq_rows, idx_scans, inserted, updated| TableRow {
        name: name.to_owned(),
        live_rows,
        dead_rows: updated / 2.0,
        bytes: Some(live_rows * 130.0),
        seq_scans,
        seq_rows,
        idx_scans,
        inserted,
        updated,
        deleted: 0.0,
    };
    vec![
        one("tasks", 200_431.0, 2.0, 400_862.0, 4130.0, 790.0, 0.0),
        one("projects", 750.0, 2480.0, 1.86e6, 790.0, 0.0, 790.0),
    ]
}

pub(super) fn blocked() -> Vec<Blocked> {
    let one = |at_s, waited_s, lock: &str| Blocked {
        at_s,
        waited_s,
        lock: lock.to_owned(),
        statement: "UPDATE projects SET updated_at = now(), task_count = task_count + ? WHERE id = ?".to_owned(),
        by: "UPDATE projects SET updated_at = now(), task_count = task_count + ? WHERE id = ?".to_owned(),
        by_state: "idle in transaction".to_owned(),
    };
    vec![one(28.0, 1.84, "transactionid"), one(29.0, 2.21, "tuple")]
}

pub(super) fn suspects() -> Vec<Suspect> {
    vec![
        Suspect {
            rule: "lock_waits".to_owned(),
            subject: "postgres".to_owned(),
            says: "Sessions wait for each other's locks on one row of projects".to_owned(),
            evidence: vec![
                "in 71 % of the seconds judged at least one session was blocked, up to 11 at once".to_owned(),
                "UPDATE projects SET updated_at = now(), task_count = task_count + ? WHERE id = ? waited up to 2.21 s for a session that was idle in transaction"
                    .to_owned(),
            ],
            threshold: "blocked sessions in 5 % of the seconds or more (our own: a healthy service has next to none)".to_owned(),
            advice: "keep the transaction that updates projects short: no work between its UPDATE and its COMMIT".to_owned(),
            weight: 0.9,
        },
        Suspect {
            rule: "pool_exhausted".to_owned(),
            subject: "metrics".to_owned(),
            says: "Requests wait for a database connection: the pool of 20 is used up".to_owned(),
            evidence: vec!["20 of 20 connections in use in 64 % of the seconds, up to 31 requests waiting".to_owned()],
            threshold: "all connections in use in 10 % of the seconds or more (the guide's pool of 20)".to_owned(),
            advice: "first see what holds the connections; then raise DATABASE_POOL_SIZE".to_owned(),
            weight: 0.6,
        },
    ]
}
