//! What was seen of a database, as the server told it; nothing here is judged.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::session::Told;

/// All of it. Each part may be missing for a reason of its own.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) server: Server,
    /// By name.
    pub(super) settings: Told<BTreeMap<String, Setting>>,
    pub(super) database: Told<Database>,
    /// Tables that may carry the guide's indexes.
    pub(super) candidates: Told<Vec<Candidate>>,
    pub(super) unused: Told<Vec<Unused>>,
    pub(super) duplicates: Told<Vec<Duplicate>>,
    pub(super) invalid: Told<Vec<Invalid>>,
    pub(super) foreign_keys: Told<Vec<ForeignKey>>,
    pub(super) tables: Told<Vec<Table>>,
    pub(super) oldest: Told<Vec<Oldest>>,
    pub(super) connections: Told<Connections>,
    pub(super) prepared: Told<Vec<Prepared>>,
    pub(super) busy: Told<Vec<Busy>>,
    /// `None`: the extension is not there.
    pub(super) statements: Told<Option<Vec<Statement>>>,
    pub(super) checkpoints: Told<Checkpoints>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Server {
    pub(super) version: String,
    pub(super) name: String,
    /// Its name, and the role's, quoted where they must be.
    pub(super) quoted: String,
    pub(super) role: String,
    /// Sees what other roles' sessions do.
    pub(super) sees_all: bool,
    pub(super) in_recovery: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Setting {
    pub(super) name: String,
    #[serde(rename = "setting")]
    pub(super) value: String,
    pub(super) unit: Option<String>,
    #[serde(default)]
    pub(super) pending_restart: bool,
    /// `configuration file`, `command line`, `database`, …
    #[serde(default)]
    pub(super) source: String,
}

/// `pg_stat_database`: columns of later versions are options.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Database {
    /// Of its statistics, as far as it is known.
    pub(super) age_s: f64,
    pub(super) blks_hit: f64,
    pub(super) blks_read: f64,
    pub(super) xact_commit: f64,
    pub(super) xact_rollback: f64,
    /// From 14 on.
    pub(super) sessions: Option<f64>,
}

/// A table that an index of the guide may be for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// Quoted where it must be.
    pub(super) shown: String,
    pub(super) partitioned: bool,
    pub(super) rows: f64,
    pub(super) columns: Vec<Column>,
    pub(super) indexes: Vec<Index>,
    /// All relations of its schema whose name begins with `idx_`.
    pub(super) taken: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) quoted: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Index {
    pub(super) name: String,
    /// With its schema, quoted where it must be.
    pub(super) shown: String,
    pub(super) method: String,
    pub(super) valid: bool,
    pub(super) partial: bool,
    /// In order; `None` is an expression.
    pub(super) columns: Vec<Option<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Unused {
    pub(super) shown: String,
    pub(super) table: String,
    pub(super) table_name: String,
    pub(super) scans: f64,
    pub(super) bytes: f64,
    /// A foreign key needs it.
    pub(super) supports_key: bool,
    pub(super) columns: Vec<Option<String>>,
    pub(super) definition: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Duplicate {
    /// The one that can go.
    pub(super) shown: String,
    pub(super) covered_by: String,
    pub(super) table: String,
    pub(super) bytes: f64,
    pub(super) partitioned: bool,
    pub(super) covering_definition: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Invalid {
    pub(super) shown: String,
    pub(super) table: String,
    /// Somebody is making it right now.
    pub(super) building: bool,
    pub(super) mend: Mend,
    pub(super) definition: String,
}

/// What makes an index valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mend {
    /// Of a partitioned table: one on each of its partitions.
    Whole,
    /// It was left behind by a REINDEX CONCURRENTLY that failed.
    Drop,
    /// A unique one, on which nothing stands.
    Again,
    #[default]
    Reindex,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) references: String,
    /// Quoted where they must be.
    pub(super) columns: Vec<String>,
    pub(super) rows: f64,
    pub(super) partitioned: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Table {
    pub(super) shown: String,
    pub(super) rows: f64,
    pub(super) live: f64,
    pub(super) dead: f64,
    pub(super) changed: f64,
    pub(super) seq_scans: f64,
    pub(super) seq_rows: f64,
    pub(super) index_scans: f64,
    /// Seconds ago, by hand or not.
    pub(super) vacuumed_s: Option<f64>,
    pub(super) analyzed_s: Option<f64>,
    /// `autovacuum_vacuum_scale_factor=0.01`
    #[serde(default)]
    pub(super) options: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Oldest {
    pub(super) database: String,
    pub(super) age: f64,
    pub(super) multixact_age: f64,
    pub(super) quoted: String,
    /// Whether it is the one that we look at.
    pub(super) here: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Connections {
    pub(super) used: f64,
    /// To this database, ours left out.
    pub(super) here: f64,
    /// Negative where there is none.
    pub(super) database_limit: f64,
    pub(super) database: String,
    /// Of the database: the service's role.
    pub(super) owner: String,
    pub(super) owner_limit: f64,
    /// Roles with a limit of ten or more.
    pub(super) roles: Vec<RoleLimit>,
    /// Who has most of them, a line each.
    pub(super) by_whom: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RoleLimit {
    pub(super) role: String,
    pub(super) used: f64,
    pub(super) limit: f64,
}

/// A transaction that waits for its COMMIT PREPARED.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Prepared {
    /// As a literal.
    pub(super) gid: String,
    pub(super) owner: String,
    pub(super) database: String,
    pub(super) here: bool,
    pub(super) age_s: f64,
}

/// A session that is within a transaction, or waits.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Busy {
    pub(super) pid: i64,
    pub(super) role: Option<String>,
    pub(super) application: Option<String>,
    pub(super) state: Option<String>,
    pub(super) transaction_s: Option<f64>,
    pub(super) state_s: Option<f64>,
    /// For a lock.
    pub(super) waits_s: Option<f64>,
    pub(super) blocked_by: Vec<i64>,
    pub(super) query: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Statement {
    pub(super) query: String,
    pub(super) calls: f64,
    pub(super) mean_ms: f64,
    pub(super) rows: f64,
    pub(super) hit: f64,
    pub(super) read: f64,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Checkpoints {
    pub(super) timed: f64,
    pub(super) requested: f64,
    /// As `pg_stat_reset_shared` calls it.
    pub(super) counted_in: String,
    /// At most so much has been written between them.
    pub(super) wal_bytes: Option<f64>,
}
