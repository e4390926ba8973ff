//! Suspects over synthetic runs of the reference service: 250 users, about 83 requests a second, a database behind a pool of
//! 20 and 30 more, a Redis cache, nginx in front.

mod innocents;
mod missing;
mod troubles;

use std::collections::BTreeMap;

use super::{Answer, fast, simulate, users};
use crate::judge::{RunResult, judge};
use crate::record::{ProbeKind, ProbeName, Run, Seen, StatementRow, Statements, TableRow, Tables, Watched};

const REQUESTS_PER_S: f64 = 83.0;
const GB: f64 = 1e9;

/// Makes a run.
type Make = fn() -> World;

/// A run with its probes.
pub(super) struct World {
    pub(super) run: Run,
}

pub(super) fn statement(text: &str, per_request: f64, mean_ms: f64, rows: f64, blocks: f64) -> StatementRow {
    let calls = (REQUESTS_PER_S * 60.0 * per_request).round();
    StatementRow {
        id: text.len().to_string(),
        text: text.to_owned(),
        calls,
        total_ms: calls * mean_ms,
        rows: calls * rows,
        blocks_hit: calls * blocks,
        blocks_read: 0.0,
        temp_blocks: 0.0,
    }
}

pub(super) fn table(name: &str, live_rows: f64, seq_scans: f64, idx_scans: f64) -> TableRow {
    TableRow {
        name: name.to_owned(),
        live_rows,
        seq_scans,
        seq_rows: seq_scans * live_rows,
        idx_scans,
        ..TableRow::default()
    }
}

pub(super) const TASKS: &str = "SELECT id, title, count(*) OVER () AS total FROM tasks WHERE user_id = $1 ORDER BY created_at DESC LIMIT $2 OFFSET $3";
pub(super) const PROJECTS: &str = "SELECT projects.id, git_branches.id AS branch_id, count(tasks.id) AS tasks FROM projects LEFT JOIN git_branches ON git_branches.project_id = projects.id LEFT JOIN tasks ON tasks.project_id = projects.id WHERE projects.user_id = $1 GROUP BY projects.id, git_branches.id";
pub(super) const ADD_TASK: &str =
    "INSERT INTO tasks (id, user_id, project_id, title) SELECT $1, $2, first.id, $3 FROM (VALUES ($4)) AS always";
pub(super) const USER_OF_TOKEN: &str = "SELECT user_id FROM user_sessions WHERE token = $1";
pub(super) const SERVICE: &str = "api";

fn watched(kind: ProbeKind, name: &str, gauges: &[(&str, f64)], counts: &[(&str, f64)]) -> Watched {
    let named = |figures: &[(&str, f64)]| -> BTreeMap<String, f64> {
        figures.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    };
    let mut watched = Watched::new(ProbeName { kind, name: name.to_owned(), facts: BTreeMap::new() });
    watched.seen = (0..=60)
        .map(|second| Seen {
            from_s: f64::from((second - 1).max(0)),
            to_s: f64::from(second),
            gauges: named(gauges),
            // The first look has nothing to count from.
            counts: if second == 0 { BTreeMap::new() } else { named(counts) },
            ..Seen::default()
        })
        .collect();
    watched
}

impl World {
    /// Nothing is wrong.
    pub(super) fn healthy() -> Self {
        Self::answering(fast)
    }

    /// All is well but for how the service answers.
    pub(super) fn answering(answer: impl FnMut(&mut fastrand::Rng, f64) -> Answer) -> Self {
        let mut run = simulate(users(250, 50.0, 60.0), answer);
        let process = |name, cpu_s, memory| -> Watched {
            let gauges = [("cpus", 2.0), ("memory_bytes", memory), ("memory_limit_bytes", 8.0 * GB), ("threads", 4.0)];
            watched(ProbeKind::Process, name, &gauges, &[("cpu_s", cpu_s)])
        };
        let mut postgres = watched(
            ProbeKind::Postgres,
            "",
            &[
                ("connections", 21.0),
                ("connections.active", 1.0),
                ("connections.idle", 20.0),
                ("connections_limit", 197.0),
                ("waits", 0.1),
                ("locks_waiting", 0.0),
                ("blocked", 0.0),
                ("longest_transaction_s", 0.01),
                ("database_bytes", 0.1 * GB),
            ],
            &[
                ("calls", 56.0),
                ("exec_ms", 25.0),
                ("rows", 1_500.0),
                ("blocks_hit", 5_000.0),
                ("blocks_read", 2.0),
                ("commits", 40.0),
                ("temp_files", 0.0),
                ("temp_bytes", 0.0),
                ("deadlocks", 0.0),
                ("checkpoints_timed", 0.0),
                ("checkpoints_requested", 0.0),
            ],
        );
        postgres.statements = Some(Statements {
            from_s: 0.0,
            to_s: 60.0,
            top: vec![
                statement(TASKS, 0.333, 0.6, 50.0, 120.0),
                statement(PROJECTS, 0.126, 0.9, 10.0, 90.0),
                statement(ADD_TASK, 0.167, 0.3, 1.0, 20.0),
                statement("COMMIT", 0.5, 0.01, 0.0, 0.0),
                statement(USER_OF_TOKEN, 0.05, 0.05, 1.0, 4.0),
            ],
            others: statement("", 0.01, 0.1, 1.0, 1.0),
            incomplete: None,
        });
        let mut tasks = table("tasks", 200_840.0, 0.0, 2_500.0);
        tasks.inserted = 840.0;
        postgres.tables = Some(Tables {
            from_s: 0.0,
            to_s: 60.0,
            top: vec![tasks, table("git_branches", 10_000.0, 0.0, 700.0), table("counters", 1.0, 900.0, 0.0)],
        });
        run.watched = vec![
            watched(
                ProbeKind::Host,
                "",
                &[("cpus", 2.0), ("memory_bytes", 3.0 * GB), ("memory_limit_bytes", 8.0 * GB)],
                &[("cpu_s", 0.9), ("disk_busy_s", 0.05), ("disk_read_bytes", 1e4), ("disk_written_bytes", 1e6)],
            ),
            process(SERVICE, 0.2, 0.06 * GB),
            process("postgres", 0.1, 0.2 * GB),
            postgres,
            watched(
                ProbeKind::Redis,
                "",
                &[("memory_bytes", 2e6), ("memory_limit_bytes", 256e6), ("clients", 3.0), ("keys", 300.0)],
                &[
                    ("hits", 111.0),
                    ("misses", 14.0),
                    ("evicted", 0.0),
                    ("expired", 0.0),
                    ("commands", 160.0),
                    ("rejected", 0.0),
                    ("cpu_s", 0.02),
                ],
            ),
            watched(
                ProbeKind::Nginx,
                "",
                &[("active", 250.0), ("waiting", 249.0)],
                &[("accepted", 0.5), ("dropped", 0.0), ("requests", 83.0)],
            ),
            watched(
                ProbeKind::Metrics,
                "",
                &[
                    ("connections", 0.1),
                    ("pool_size", 50.0),
                    ("pool_idle", 20.0),
                    ("pool_waiting", 0.0),
                    ("memory_bytes", 0.06 * GB),
                ],
                &[("requests", 83.0), ("cache_hits", 111.0), ("cache_misses", 14.0)],
            ),
        ];
        Self { run }
    }

    pub(super) fn probe(&mut self, kind: ProbeKind, name: &str) -> &mut Watched {
        self.run.watched.iter_mut().find(|watched| watched.name.kind == kind && watched.name.name == name).unwrap()
    }

    /// Sets a gauge over time.
    pub(super) fn gauge(&mut self, kind: ProbeKind, name: &str, figure: &str, of: impl Fn(f64) -> f64) -> &mut Self {
        for seen in &mut self.probe(kind, name).seen {
            seen.gauges.insert(figure.to_owned(), of(seen.to_s));
        }
        self
    }

    /// Sets a count over time, a second.
    pub(super) fn count(&mut self, kind: ProbeKind, name: &str, figure: &str, of: impl Fn(f64) -> f64) -> &mut Self {
        for seen in self.probe(kind, name).seen.iter_mut().filter(|seen| seen.to_s > 0.0) {
            seen.counts.insert(figure.to_owned(), of(seen.to_s));
        }
        self
    }

    /// Puts a statement in the place of the one that has the same beginning.
    pub(super) fn statement(&mut self, row: StatementRow) -> &mut Self {
        let statements = &mut self.probe(ProbeKind::Postgres, "").statements.as_mut().unwrap().top;
        statements.retain(|other| other.text != row.text);
        statements.push(row);
        statements.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        self
    }

    pub(super) fn table(&mut self, row: TableRow) -> &mut Self {
        let tables = &mut self.probe(ProbeKind::Postgres, "").tables.as_mut().unwrap().top;
        tables.retain(|other| other.name != row.name);
        tables.insert(0, row);
        self
    }

    /// Another probe, as the others are made.
    pub(super) fn add(
        &mut self,
        kind: ProbeKind,
        name: &str,
        gauges: &[(&str, f64)],
        counts: &[(&str, f64)],
    ) -> &mut Self {
        self.run.watched.push(watched(kind, name, gauges, counts));
        self
    }

    pub(super) fn without(&mut self, kind: ProbeKind) -> &mut Self {
        self.run.watched.retain(|watched| watched.name.kind != kind);
        self
    }

    pub(super) fn judge(&self) -> RunResult {
        judge(&self.run)
    }

    /// The rules that found something, the heaviest first.
    pub(super) fn rules(&self) -> Vec<String> {
        self.judge().suspects.into_iter().map(|suspect| suspect.rule).collect()
    }
}
