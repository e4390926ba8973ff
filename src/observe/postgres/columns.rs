//! What the server has, by its columns: its version alone does not tell, as an extension can be older than its server.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::SimpleQueryRow;

use super::connect::{MARK, text};

/// The views that are looked at.
const OF_THE_SERVER: [&str; 4] =
    ["pg_stat_database", "pg_stat_bgwriter", "pg_stat_checkpointer", "pg_stat_user_tables"];
const OF_THE_EXTENSION: [&str; 2] = ["pg_stat_statements", "pg_stat_statements_info"];

/// The columns of the views that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns(BTreeMap<String, BTreeSet<String>>);

impl Columns {
    /// Asks for them.
    pub(super) fn question() -> String {
        let list = |names: &[&str]| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        format!(
            "SELECT {MARK} c.relname AS view, a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND (c.relname IN ({}) AND c.relnamespace = \
             (SELECT oid FROM pg_namespace WHERE nspname = 'pg_catalog') OR c.relname IN ({}) AND c.relnamespace = \
             (SELECT extnamespace FROM pg_extension WHERE extname = 'pg_stat_statements'))",
            list(&OF_THE_SERVER),
            list(&OF_THE_EXTENSION),
        )
    }

    /// Reads the answer.
    pub(super) fn read(rows: &[SimpleQueryRow]) -> Self {
        let mut columns = Self::default();
        for row in rows {
            if let (Some(view), Some(name)) = (text(row, "view"), text(row, "name")) {
                columns.0.entry(view.to_owned()).or_default().insert(name.to_owned());
            }
        }
        columns
    }

    pub(super) fn has_view(&self, view: &str) -> bool {
        self.0.contains_key(view)
    }

    pub(super) fn has(&self, view: &str, column: &str) -> bool {
        self.0.get(view).is_some_and(|columns| columns.contains(column))
    }

    /// `prefix.column AS "name"` for each figure by the first of its columns that there is; figures without any are left out.
    pub(super) fn select(&self, view: &str, prefix: &str, figures: &[(&str, &[&str])]) -> Vec<String> {
        let found = figures.iter().filter_map(|(name, columns)| {
            let column = columns.iter().find(|column| self.has(view, column))?;
            Some(format!("{prefix}{column} AS \"{name}\""))
        });
        found.collect()
    }
}

#[cfg(test)]
pub(super) mod recorded {
    //! The columns of each version's views, as its documentation lists them.

    use super::*;

    const DATABASE_13: &str = "datid datname numbackends xact_commit xact_rollback blks_read blks_hit tup_returned \
        tup_fetched tup_inserted tup_updated tup_deleted conflicts temp_files temp_bytes deadlocks checksum_failures \
        checksum_last_failure blk_read_time blk_write_time stats_reset";
    const DATABASE_14: &str = "session_time active_time idle_in_transaction_time sessions sessions_abandoned \
        sessions_fatal sessions_killed";
    const DATABASE_18: &str = "parallel_workers_to_launch parallel_workers_launched";
    const BGWRITER_13: &str = "checkpoints_timed checkpoints_req checkpoint_write_time checkpoint_sync_time \
        buffers_checkpoint buffers_clean maxwritten_clean buffers_backend buffers_backend_fsync buffers_alloc stats_reset";
    const BGWRITER_17: &str = "buffers_clean maxwritten_clean buffers_alloc stats_reset";
    const CHECKPOINTER_17: &str = "num_timed num_requested restartpoints_timed restartpoints_req restartpoints_done \
        write_time sync_time buffers_written stats_reset";
    const CHECKPOINTER_18: &str = "num_done slru_written";
    const TABLES_13: &str = "relid schemaname relname seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins n_tup_upd \
        n_tup_del n_tup_hot_upd n_live_tup n_dead_tup n_mod_since_analyze n_ins_since_vacuum last_vacuum \
        last_autovacuum last_analyze last_autoanalyze vacuum_count autovacuum_count analyze_count autoanalyze_count";
    const TABLES_16: &str = "last_seq_scan last_idx_scan n_tup_newpage_upd";
    const TABLES_18: &str = "total_vacuum_time total_autovacuum_time total_analyze_time total_autoanalyze_time";
    const STATEMENTS_1_8: &str = "userid dbid queryid query plans total_plan_time min_plan_time max_plan_time \
        mean_plan_time stddev_plan_time calls total_exec_time min_exec_time max_exec_time mean_exec_time \
        stddev_exec_time rows shared_blks_hit shared_blks_read shared_blks_dirtied shared_blks_written local_blks_hit \
        local_blks_read local_blks_dirtied local_blks_written temp_blks_read temp_blks_written wal_records wal_fpi \
        wal_bytes";
    const BLOCK_TIMES_1_8: &str = "blk_read_time blk_write_time";
    const STATEMENTS_1_10: &str = "temp_blk_read_time temp_blk_write_time jit_functions jit_generation_time \
        jit_inlining_count jit_inlining_time jit_optimization_count jit_optimization_time jit_emission_count \
        jit_emission_time";
    const STATEMENTS_1_11: &str = "shared_blk_read_time shared_blk_write_time local_blk_read_time local_blk_write_time \
        jit_deform_count jit_deform_time stats_since minmax_stats_since";
    const STATEMENTS_1_12: &str = "wal_buffers_full parallel_workers_to_launch parallel_workers_launched";
    const INFO: &str = "dealloc stats_reset";

    /// All that are known.
    pub(in crate::observe::postgres) const VERSIONS: [u32; 6] = [13, 14, 15, 16, 17, 18];

    /// Of a version with the extension that comes with it.
    pub(in crate::observe::postgres) fn of(version: u32) -> Columns {
        let from = |first: u32, names: &'static str| if version >= first { names } else { "" };
        let until = |last: u32, names: &'static str| if version <= last { names } else { "" };
        let all = [
            ("pg_stat_database", vec![DATABASE_13, from(14, DATABASE_14), from(18, DATABASE_18)]),
            ("pg_stat_bgwriter", vec![until(16, BGWRITER_13), from(17, BGWRITER_17)]),
            ("pg_stat_checkpointer", vec![from(17, CHECKPOINTER_17), from(18, CHECKPOINTER_18)]),
            ("pg_stat_user_tables", vec![TABLES_13, from(16, TABLES_16), from(18, TABLES_18)]),
            (
                "pg_stat_statements",
                vec![
                    STATEMENTS_1_8,
                    until(16, BLOCK_TIMES_1_8),
                    from(14, "toplevel"),
                    from(15, STATEMENTS_1_10),
                    from(17, STATEMENTS_1_11),
                    from(18, STATEMENTS_1_12),
                ],
            ),
            ("pg_stat_statements_info", vec![from(14, INFO)]),
        ];
        let mut columns = Columns::default();
        for (view, names) in all {
            let names: BTreeSet<String> =
                names.iter().flat_map(|names| names.split_whitespace()).map(str::to_owned).collect();
            if !names.is_empty() {
                columns.0.insert(view.to_owned(), names);
            }
        }
        columns
    }

    /// The same without the extension.
    pub(in crate::observe::postgres) fn without_the_extension(version: u32) -> Columns {
        let mut columns = of(version);
        for view in OF_THE_EXTENSION {
            columns.0.remove(view);
        }
        columns
    }

    /// Words of a statement that are columns or views elsewhere, but not of this version. What stands in quotes is a name
    /// of our own.
    pub(in crate::observe::postgres) fn strangers(version: u32, statement: &str) -> Vec<String> {
        let known: BTreeSet<String> =
            VERSIONS.iter().flat_map(|&version| of(version).0.into_values().flatten()).collect();
        let views: BTreeSet<String> = VERSIONS.iter().flat_map(|&version| of(version).0.into_keys()).collect();
        let here = of(version);
        let unquoted = statement.split('"').step_by(2);
        let words = unquoted.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        words
            .filter(|word| {
                let column_elsewhere = known.contains(*word) && !here.0.values().any(|columns| columns.contains(*word));
                let view_elsewhere = views.contains(*word) && !here.has_view(word);
                column_elsewhere || view_elsewhere
            })
            .map(str::to_owned)
            .collect()
    }
}
