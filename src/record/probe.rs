//! What is watched beside the load: who watches, what was seen each second, and where nothing could be seen.
//!
//! A [`ProbeLine`] is a line of the journal. Read back they become one [`Watched`] a probe.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of thing a probe watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// The whole machine.
    Host,
    /// A process with its descendants.
    Process,
    /// A container.
    Container,
    /// A PostgreSQL database.
    Postgres,
    /// A Redis server.
    Redis,
    /// An nginx, by its status page.
    Nginx,
    /// A Prometheus endpoint, mostly the service's own `/metrics`.
    Metrics,
}

impl ProbeKind {
    /// The word for it in every file and report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Process => "process",
            Self::Container => "container",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Nginx => "nginx",
            Self::Metrics => "metrics",
        }
    }
}

/// Who is watched, and what does not change while it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeName {
    /// What kind of thing.
    pub kind: ProbeKind,
    /// Which of several of that kind: `db`, `nginx`; empty where there can only be one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is, in words: its address without credentials, its version, its limits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

impl fmt::Display for ProbeName {
    /// `postgres`, `container db`: as results and the brackets of targets name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, " {}", self.name) }
    }
}

/// What was seen over one span of time: a second, of a merged hour a minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Seconds since the start of the load: the look before.
    pub from_s: f64,
    /// This look. Equal to `from_s` for the very first, which has nothing to count from.
    pub to_s: f64,
    /// What is so at its end; of a minute the mean.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, f64>,
    /// What happened within it: differences of counters that only grow.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, f64>,
    /// Of a minute: the highest gauge of its seconds, and the highest rate a second of its counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peaks: BTreeMap<String, f64>,
    /// Of a minute: the lowest of its seconds, of the memory in use alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lows: BTreeMap<String, f64>,
}

/// When nothing could be seen, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Seconds since the start of the load: the last look that saw something, or the failed look before.
    pub from_s: f64,
    /// The failed look.
    pub to_s: f64,
    /// In words, with what would help; secrets are masked.
    pub why: String,
}

/// The statements of a database since the load began, the dearest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Statements {
    /// Counted from here, seconds since the start of the load; above 0 after the counters were lost on the way.
    pub from_s: f64,
    /// To here.
    pub to_s: f64,
    /// Those that took most of the time; the rest are summed up in `others`.
    pub top: Vec<StatementRow>,
    /// All the others together.
    #[serde(default)]
    pub others: StatementRow,
    /// Why some may be missing, where they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

/// One statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementRow {
    /// `queryid`, as text: it does not fit a JSON number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Normalised: constants are `$1`. One line, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How often it ran.
    pub calls: f64,
    /// Execution time, ms.
    pub total_ms: f64,
    /// Rows returned or affected.
    pub rows: f64,
    /// Blocks found in the database's own cache.
    #[serde(default)]
    pub blocks_hit: f64,
    /// Blocks that were not.
    #[serde(default)]
    pub blocks_read: f64,
    /// Blocks written to temporary files.
    #[serde(default)]
    pub temp_blocks: f64,
}

/// The tables of a database, those with the most work first. Scans and changes are since the load began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    /// Counted from here, seconds since the start of the load.
    pub from_s: f64,
    /// To here.
    pub to_s: f64,
    /// A bounded number of them.
    pub top: Vec<TableRow>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// `schema.table`; without the schema where it is `public`.
    pub name: String,
    /// Live rows, estimated, now.
    pub live_rows: f64,
    /// Dead rows, estimated, now.
    pub dead_rows: f64,
    /// Its size with indexes, bytes, now; `None` where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// Sequential scans.
    pub seq_scans: f64,
    /// Rows that they read.
    pub seq_rows: f64,
    /// Index scans.
    pub idx_scans: f64,
    /// Rows inserted.
    pub inserted: f64,
    /// Rows updated.
    pub updated: f64,
    /// Rows deleted.
    pub deleted: f64,
}

/// A session that waited for another's lock, as one look saw it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// When it was seen, seconds since the start of the load.
    pub at_s: f64,
    /// How long its statement had been running, seconds.
    pub waited_s: f64,
    /// What it waits for: `transactionid`, `tuple`, `relation tasks`.
    pub lock: String,
    /// The statement that waits.
    pub statement: String,
    /// The statement that holds the lock, or the last one of the session that does.
    pub by: String,
    /// What that session does: `active`, `idle in transaction`.
    pub by_state: String,
}

/// A line of the journal that tells of a probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProbeLine {
    /// What an id stands for; a later line takes the place of an earlier one.
    Probe {
        /// Its number in this journal.
        id: u32,
        /// Who it is.
        #[serde(flatten)]
        name: ProbeName,
    },
    /// A look.
    Seen {
        /// Whose.
        probe: u32,
        /// What it saw.
        #[serde(flatten)]
        seen: Seen,
    },
    /// A look that saw nothing.
    Gap {
        /// Whose.
        probe: u32,
        /// When and why.
        #[serde(flatten)]
        gap: Gap,
    },
    /// The statements so far; the last line counts.
    Statements {
        /// Whose.
        probe: u32,
        /// All of them.
        #[serde(flatten)]
        statements: Statements,
    },
    /// The tables so far; the last line counts.
    Tables {
        /// Whose.
        probe: u32,
        /// All of them.
        #[serde(flatten)]
        tables: Tables,
    },
    /// Sessions that waited for locks.
    Blocked {
        /// Whose.
        probe: u32,
        /// Each of them.
        sessions: Vec<Blocked>,
    },
}

/// Everything that one probe saw in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Who it is.
    pub name: ProbeName,
    /// Its looks, in order.
    pub seen: Vec<Seen>,
    /// When it saw nothing, in order; neighbours with the same reason are one.
    pub gaps: Vec<Gap>,
    /// PostgreSQL with `pg_stat_statements`.
    pub statements: Option<Statements>,
    /// PostgreSQL.
    pub tables: Option<Tables>,
    /// PostgreSQL: sessions that waited for locks, in order.
    pub blocked: Vec<Blocked>,
}

impl Seen {
    /// The middle of its span: what decides whether it belongs to a window.
    pub fn middle_s(&self) -> f64 {
        f64::midpoint(self.from_s, self.to_s)
    }

    /// The length of its span.
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// A gauge, or a count as a rate a second.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let rate = |count: &f64| (self.length_s() > 0.0).then(|| count / self.length_s());
        self.gauges.get(name).copied().or_else(|| self.counts.get(name).and_then(rate))
    }

    /// The lowest that a gauge was within the span; of a merged minute that of its seconds, where it is kept.
    pub fn low(&self, name: &str) -> Option<f64> {
        self.lows.get(name).or_else(|| self.gauges.get(name)).copied()
    }

    /// The highest that it was within the span: of a merged minute that of its seconds.
    pub fn peak(&self, name: &str) -> Option<f64> {
        self.peaks.get(name).copied().or_else(|| self.figure(name))
    }
}

impl Watched {
    /// One that has seen nothing yet.
    pub fn new(name: ProbeName) -> Self {
        Self { name, seen: Vec::new(), gaps: Vec::new(), statements: None, tables: None, blocked: Vec::new() }
    }

    /// The looks within a window of time.
    pub fn within(&self, from_s: f64, to_s: f64) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(move |seen| (from_s..to_s).contains(&seen.middle_s()))
    }

    /// The sum of a count within a window; `None` where no look in it tells.
    pub fn total(&self, name: &str, from_s: f64, to_s: f64) -> Option<f64> {
        let counts: Vec<f64> = self.within(from_s, to_s).filter_map(|seen| seen.counts.get(name).copied()).collect();
        (!counts.is_empty()).then(|| counts.iter().sum())
    }

    /// Whether any look tells of this gauge or count.
    pub fn tells(&self, name: &str) -> bool {
        self.seen.iter().any(|seen| seen.gauges.contains_key(name) || seen.counts.contains_key(name))
    }

    /// Adds what a line tells.
    pub(super) fn add(&mut self, line: ProbeLine) {
        match line {
            ProbeLine::Probe { name, .. } => self.name = name,
            ProbeLine::Seen { seen, .. } => self.seen.push(seen),
            ProbeLine::Gap { gap, .. } => push_gap(&mut self.gaps, gap),
            ProbeLine::Statements { statements, .. } => self.statements = Some(statements),
            ProbeLine::Tables { tables, .. } => self.tables = Some(tables),
            ProbeLine::Blocked { sessions, .. } => self.blocked.extend(sessions),
        }
    }
}

/// Appends a gap, to the one before where it goes on for the same reason.
pub(super) fn push_gap(gaps: &mut Vec<Gap>, gap: Gap) {
    match gaps.last_mut() {
        Some(last) if last.why == gap.why && gap.from_s <= last.to_s + 0.1 => last.to_s = gap.to_s,
        _ => gaps.push(gap),
    }
}

impl ProbeLine {
    /// Whose line it is.
    pub fn probe(&self) -> u32 {
        match self {
            Self::Probe { id: probe, .. }
            | Self::Seen { probe, .. }
            | Self::Gap { probe, .. }
            | Self::Statements { probe, .. }
            | Self::Tables { probe, .. }
            | Self::Blocked { probe, .. } => *probe,
        }
    }
}
