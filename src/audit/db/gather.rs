//! Asks the server. Every statement reads catalogues and statistics alone, is bounded in rows, and stands on columns that
//! PostgreSQL 13 to 18 have; where they differ, the columns are asked for first.

use serde::Deserialize;

use super::seen::{
    Busy, Candidate, Checkpoints, Connections, Database, Duplicate, ForeignKey, Invalid, Oldest, Prepared, Seen,
    Server, Setting, Statement, Table, Unused,
};
use super::session::{APPLICATION, Session, Told};

/// Rows of any one kind.
const MOST: usize = 200;

/// What a schema of the server's own is.
const OURS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

const SERVER: &str = "
SELECT current_setting('server_version') AS version, current_database() AS name, quote_ident(current_database()) AS quoted, quote_ident(current_user) AS role, pg_is_in_recovery() AS in_recovery,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees_all";

const SETTINGS: &str = "
SELECT name, setting, unit, pending_restart, source FROM pg_settings WHERE name = ANY (ARRAY[
    'shared_buffers', 'effective_cache_size', 'work_mem', 'maintenance_work_mem', 'checkpoint_completion_target',
    'checkpoint_timeout', 'max_wal_size', 'min_wal_size', 'random_page_cost', 'effective_io_concurrency',
    'default_statistics_target', 'max_connections', 'superuser_reserved_connections', 'reserved_connections',
    'log_min_duration_statement', 'log_min_duration_sample', 'autovacuum', 'track_counts', 'track_activities',
    'autovacuum_vacuum_threshold', 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_max_threshold',
    'autovacuum_analyze_threshold', 'autovacuum_analyze_scale_factor', 'autovacuum_freeze_max_age',
    'max_worker_processes', 'shared_preload_libraries', 'idle_in_transaction_session_timeout', 'data_directory',
    'pg_stat_statements.track'])";

const DATABASE: &str = "
SELECT extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time()))::float8 AS age_s,
       blks_hit, blks_read, xact_commit, xact_rollback, (to_jsonb(d) ->> 'sessions')::float8 AS sessions
FROM pg_stat_database AS d WHERE datname = current_database()";

/// Of the table `c`; of a partitioned one, of its partitions.
fn row_count() -> String {
    format!(
        "(CASE WHEN c.relkind = 'p' THEN (
           WITH RECURSIVE part (oid) AS (
               SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid
               UNION ALL SELECT h.inhrelid FROM pg_inherits AS h JOIN part ON h.inhparent = part.oid)
           SELECT coalesce(sum({}), 0) FROM part JOIN pg_class AS leaf ON leaf.oid = part.oid WHERE leaf.relkind <> 'p')
       ELSE {} END)::float8",
        estimate("leaf"),
        estimate("c")
    )
}

/// Of one relation, as the planner counts: by its pages. Live tuples are counted twice where the session that wrote them
/// analyzed them. To look at the size waits for whoever locks the table; then the last estimate must do.
fn estimate(of: &str) -> String {
    format!(
        "CASE WHEN {of}.reltuples > 0 AND {of}.relpages > 0 THEN {of}.reltuples * coalesce(
                 CASE WHEN {of}.oid <> ALL (ARRAY(SELECT relation FROM pg_locks WHERE relation IS NOT NULL AND mode = 'AccessExclusiveLock'))
                 THEN pg_relation_size({of}.oid) / current_setting('block_size')::float8 / {of}.relpages END, 1)
             ELSE greatest(pg_stat_get_live_tuples({of}.oid), 0) END"
    )
}

/// Tables with a column of the guide's indexes, those first that are named as the guide names them.
fn candidates() -> String {
    let row_count = row_count();
    format!(
        "
WITH wanted AS MATERIALIZED (
    SELECT attrelid, array_agg(attname::text) AS names FROM pg_attribute
    WHERE lower(attname) = ANY (ARRAY['user_id', 'status', 'created_at', 'project_id', 'level', 'context_id', 'priority'])
      AND attnum > 0 AND NOT attisdropped
    GROUP BY attrelid
)
SELECT c.relname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown,
       c.relkind = 'p' AS partitioned, {row_count} AS rows,
       coalesce((SELECT json_agg(json_build_object('name', w, 'quoted', quote_ident(w))) FROM unnest(wanted.names) AS w), '[]') AS columns,
       coalesce((SELECT json_agg(json_build_object('name', ic.relname, 'method', am.amname,
               'shown', quote_ident(n.nspname) || '.' || quote_ident(ic.relname),
               'valid', i.indisvalid AND i.indisready, 'partial', i.indpred IS NOT NULL,
               'columns', (SELECT json_agg(a.attname ORDER BY key.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key (num, at)
                           LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = key.num AND key.num > 0
                           WHERE key.at <= i.indnkeyatts)))
           FROM pg_index AS i JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_am AS am ON am.oid = ic.relam
           WHERE i.indrelid = c.oid), '[]') AS indexes,
       coalesce((SELECT json_agg(t.relname) FROM pg_class AS t WHERE t.relnamespace = n.oid AND t.relname = ANY (ARRAY[
           'idx_tasks_user_id_status', 'idx_projects_user_id_created_at', 'idx_git_branches_project_id',
           'idx_contexts_level_context_id', 'idx_tasks_complex'])), '[]') AS taken
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN wanted ON wanted.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND {OURS}
  AND (cardinality(wanted.names) >= 2 OR lower(c.relname) ~ '(task|project|branch|context)')
ORDER BY lower(c.relname) = ANY (ARRAY['tasks', 'projects', 'git_branches', 'contexts']) DESC, c.reltuples DESC, 1, 2
LIMIT {MOST}"
    )
}

/// Large, hardly ever scanned, and neither unique nor held by a constraint.
fn unused() -> String {
    format!(
        "
SELECT quote_ident(n.nspname) || '.' || quote_ident(ic.relname) AS shown,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table, c.relname AS table_name,
       coalesce(pg_stat_get_numscans(ic.oid), 0) AS scans, pg_relation_size(ic.oid) AS bytes,
       EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f'
               AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey) AS supports_key,
       (SELECT json_agg(a.attname ORDER BY key.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key (num, at)
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = key.num AND key.num > 0
        WHERE key.at <= i.indnkeyatts) AS columns,
       pg_get_indexdef(ic.oid) AS definition
FROM pg_index AS i JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisunique AND NOT i.indisexclusion AND i.indisvalid AND NOT i.indisreplident AND ic.relkind = 'i'
  AND NOT ic.relispartition AND ic.relpages >= 640 AND {OURS} AND coalesce(pg_stat_get_numscans(ic.oid), 0) <= 50
  AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = ic.oid)
ORDER BY bytes DESC LIMIT {MOST}"
    )
}

/// An index whose columns, in order and in every respect, are those with which another one begins.
fn duplicates() -> String {
    format!(
        "
SELECT quote_ident(n.nspname) || '.' || quote_ident(ac.relname) AS shown,
       quote_ident(n.nspname) || '.' || quote_ident(bc.relname) AS covered_by,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table, pg_relation_size(a.indexrelid) AS bytes,
       ac.relkind = 'I' AS partitioned, pg_get_indexdef(b.indexrelid) AS covering_definition
FROM pg_index AS a JOIN pg_index AS b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid
JOIN pg_class AS ac ON ac.oid = a.indexrelid JOIN pg_class AS bc ON bc.oid = b.indexrelid AND bc.relam = ac.relam
JOIN pg_am AS am ON am.oid = ac.relam JOIN pg_class AS c ON c.oid = a.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {OURS} AND a.indisvalid AND b.indisvalid AND NOT a.indisreplident AND NOT a.indisexclusion AND NOT ac.relispartition
  AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = a.indexrelid)
  AND ac.relkind = bc.relkind AND (a.indpred IS NULL) = (b.indpred IS NULL) AND (a.indexprs IS NULL) = (b.indexprs IS NULL)
  -- As text: the trees also say where in the statement a word stood.
  AND pg_get_expr(a.indpred, a.indrelid) IS NOT DISTINCT FROM pg_get_expr(b.indpred, b.indrelid)
  AND pg_get_expr(a.indexprs, a.indrelid) IS NOT DISTINCT FROM pg_get_expr(b.indexprs, b.indrelid)
  -- From 15 on; two unique indexes may differ in it.
  AND to_jsonb(a) -> 'indnullsnotdistinct' IS NOT DISTINCT FROM to_jsonb(b) -> 'indnullsnotdistinct'
  AND a.indnatts = a.indnkeyatts AND a.indnkeyatts <= b.indnkeyatts
  AND (b.indkey::int2[])[0:a.indnkeyatts - 1] = (a.indkey::int2[])[0:a.indnkeyatts - 1]
  AND (b.indclass::oid[])[0:a.indnkeyatts - 1] = (a.indclass::oid[])[0:a.indnkeyatts - 1]
  AND (b.indcollation::oid[])[0:a.indnkeyatts - 1] = (a.indcollation::oid[])[0:a.indnkeyatts - 1]
  AND (b.indoption::int2[])[0:a.indnkeyatts - 1] = (a.indoption::int2[])[0:a.indnkeyatts - 1]
  AND (CASE WHEN a.indnkeyatts < b.indnkeyatts THEN am.amname = 'btree' AND NOT a.indisunique
            ELSE (NOT a.indisunique OR b.indisunique)
                 -- Of two that are the same in everything, the later one goes.
                 AND (b.indisunique AND NOT a.indisunique OR b.indnatts > a.indnatts
                      OR EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = b.indexrelid)
                      OR a.indexrelid > b.indexrelid AND a.indisunique = b.indisunique AND a.indnatts = b.indnatts) END)
ORDER BY bytes DESC, 1 LIMIT {MOST}"
    )
}

fn invalid() -> String {
    format!(
        "
SELECT quote_ident(n.nspname) || '.' || quote_ident(ic.relname) AS shown,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table,
       -- Who may not see what others do sees that something is built, and not what.
       EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.datname = current_database()
               AND coalesce(p.index_relid, ic.oid) IN (ic.oid, 0)) AS building,
       CASE WHEN ic.relkind = 'I' THEN 'whole' WHEN ic.relname ~ '_cc(new|old)[0-9]*$' THEN 'drop'
            WHEN i.indisunique AND NOT ic.relispartition
                 AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = ic.oid) THEN 'again'
            ELSE 'reindex' END AS mend,
       pg_get_indexdef(ic.oid) AS definition
FROM pg_index AS i JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) AND {OURS} ORDER BY 1 LIMIT {MOST}"
    )
}

/// Foreign keys without a whole, valid btree or hash index that begins with their columns, in any order.
fn foreign_keys() -> String {
    let row_count = row_count();
    format!(
        "
SELECT k.conname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS table,
       quote_ident(fn.nspname) || '.' || quote_ident(f.relname) AS references, c.relkind = 'p' AS partitioned,
       (SELECT json_agg(quote_ident(a.attname) ORDER BY key.at) FROM unnest(k.conkey) WITH ORDINALITY AS key (num, at)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = key.num) AS columns,
       {row_count} AS rows
FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS f ON f.oid = k.confrelid JOIN pg_namespace AS fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND {OURS}
  AND NOT EXISTS (
    SELECT FROM pg_index AS i JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_am AS am ON am.oid = ic.relam
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts >= cardinality(k.conkey)
      AND (am.amname = 'btree' OR am.amname = 'hash' AND cardinality(k.conkey) = 1)
      AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
ORDER BY rows DESC, 2, 1 LIMIT {MOST}"
    )
}

/// Tables about which there may be something to say: with many rows that are read, dead or changed.
fn tables() -> String {
    format!(
        "
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown, greatest(c.reltuples, 0)::float8 AS rows,
       s.n_live_tup AS live, s.n_dead_tup AS dead, s.n_mod_since_analyze AS changed, s.seq_scan AS seq_scans,
       s.seq_tup_read AS seq_rows, coalesce(s.idx_scan, 0) AS index_scans,
       extract(epoch FROM now() - greatest(s.last_vacuum, s.last_autovacuum))::float8 AS vacuumed_s,
       extract(epoch FROM now() - greatest(s.last_analyze, s.last_autoanalyze))::float8 AS analyzed_s,
       coalesce(to_json(c.reloptions), '[]') AS options
FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND (s.n_dead_tup >= 1000 OR s.n_mod_since_analyze >= 1000 OR s.n_live_tup >= 1000)
ORDER BY greatest(s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze) DESC, 1 LIMIT {MOST}"
    )
}

const OLDEST: &str = "
SELECT d.datname AS database, age(d.datfrozenxid)::float8 AS age, mxid_age(d.datminmxid)::float8 AS multixact_age,
       quote_ident(d.datname) AS quoted, d.datname = current_database() AS here
FROM pg_database AS d WHERE d.datallowconn ORDER BY greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)) DESC LIMIT 20";

const CONNECTIONS: &str = "
SELECT (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database)::float8 AS used,
       (SELECT greatest(numbackends - 1, 0) FROM pg_stat_database WHERE datname = current_database())::float8 AS here,
       d.datconnlimit::float8 AS database_limit, quote_ident(d.datname) AS database, quote_ident(o.rolname) AS owner,
       -- A superuser has no limit.
       (CASE WHEN o.rolsuper THEN -1 ELSE o.rolconnlimit END)::float8 AS owner_limit,
       coalesce((SELECT json_agg(json_build_object('role', quote_ident(r.rolname), 'limit', r.rolconnlimit,
               'used', (SELECT count(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid AND a.pid <> pg_backend_pid())))
           FROM pg_roles AS r WHERE r.rolconnlimit >= 10 AND NOT r.rolsuper AND r.rolcanlogin), '[]') AS roles,
       coalesce((SELECT json_agg(used) FROM (
           SELECT count(*) || ' ' || coalesce(a.usename, '') || ', ' || coalesce(nullif(a.application_name, ''), 'no application_name')
               || ', ' || coalesce(a.state, 'state not seen') AS used
           FROM pg_stat_activity AS a WHERE a.datid IS NOT NULL AND a.pid <> pg_backend_pid()
           GROUP BY a.usename, a.application_name, a.state ORDER BY count(*) DESC LIMIT 5) AS groups), '[]') AS by_whom
FROM pg_database AS d JOIN pg_roles AS o ON o.oid = d.datdba WHERE d.datname = current_database()";

/// Transactions that were prepared and wait to be ended.
const PREPARED: &str = "
SELECT quote_literal(gid) AS gid, owner::text AS owner, quote_ident(database) AS database, database = current_database() AS here,
       extract(epoch FROM clock_timestamp() - prepared)::float8 AS age_s
FROM pg_prepared_xacts ORDER BY prepared LIMIT 20";

/// Sessions within a transaction, and those that wait for a lock.
fn busy() -> String {
    format!(
        "
SELECT pid, usename AS role, application_name AS application, state, left(query, 300) AS query,
       extract(epoch FROM clock_timestamp() - xact_start)::float8 AS transaction_s,
       extract(epoch FROM clock_timestamp() - state_change)::float8 AS state_s,
       -- From 14 on the server knows since when; before, the statement as a whole is all there is.
       CASE WHEN wait_event_type = 'Lock' THEN (
           SELECT extract(epoch FROM clock_timestamp() - CASE WHEN to_jsonb(l) ? 'waitstart'
                      THEN coalesce((to_jsonb(l) ->> 'waitstart')::timestamptz, clock_timestamp()) ELSE a.query_start END)
           FROM pg_locks AS l WHERE l.pid = a.pid AND NOT l.granted LIMIT 1)::float8 END AS waits_s,
       CASE WHEN wait_event_type = 'Lock' THEN to_json(pg_blocking_pids(pid)) ELSE '[]' END AS blocked_by
FROM pg_stat_activity AS a
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type IN ('client backend', 'parallel worker')
  AND application_name <> '{APPLICATION}'
ORDER BY xact_start LIMIT {MOST}"
    )
}

/// Where the extension is, and how its columns are named there.
#[derive(Deserialize)]
struct Extension {
    schema: String,
    view: String,
    columns: Vec<String>,
}

const EXTENSION: &str = "
SELECT quote_ident(n.nspname) AS schema, quote_ident(n.nspname) || '.pg_stat_statements' AS view,
       (SELECT json_agg(attname) FROM pg_attribute WHERE attnum > 0
        AND attrelid = (SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'pg_stat_statements')) AS columns
FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";

/// All of it, one part after the other.
pub(super) async fn gather(session: &Session) -> Told<Seen> {
    let server: Server = session.row(SERVER).await?;
    let settings: Told<Vec<Setting>> = session.rows(SETTINGS).await;
    let statements = statements(session, &server.role).await;
    Ok(Seen {
        server,
        settings: settings.map(|list| list.into_iter().map(|setting| (setting.name.clone(), setting)).collect()),
        database: session.row::<Database>(DATABASE).await,
        candidates: session.rows::<Candidate>(&candidates()).await,
        unused: session.rows::<Unused>(&unused()).await,
        duplicates: session.rows::<Duplicate>(&duplicates()).await,
        invalid: session.rows::<Invalid>(&invalid()).await,
        foreign_keys: session.rows::<ForeignKey>(&foreign_keys()).await,
        tables: session.rows::<Table>(&tables()).await,
        oldest: session.rows::<Oldest>(OLDEST).await,
        connections: session.row::<Connections>(CONNECTIONS).await,
        prepared: session.rows::<Prepared>(PREPARED).await,
        busy: session.rows::<Busy>(&busy()).await,
        statements,
        checkpoints: checkpoints(session).await,
    })
}

async fn statements(session: &Session, role: &str) -> Told<Option<Vec<Statement>>> {
    let Some(extension) = session.rows::<Extension>(EXTENSION).await?.into_iter().next() else { return Ok(None) };
    let has = |name: &str| extension.columns.iter().any(|column| column == name);
    // Up to 1.7 of the extension, which a server of today may still have after an upgrade.
    let mean = if has("mean_exec_time") { "mean_exec_time" } else { "mean_time" };
    let view = &extension.view;
    let select = format!(
        "SELECT query, calls, {mean} AS mean_ms, rows, shared_blks_hit AS hit, shared_blks_read AS read
         FROM (SELECT left(query, 400) AS query, calls, {mean}, rows, shared_blks_hit, shared_blks_read
               FROM {view} WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND calls >= 10 ORDER BY {mean} DESC LIMIT 100) AS top"
    );
    // Not the statistics, which pg_monitor may read, but the schema in which somebody has put them.
    let rows = session.rows(&select).await.map_err(|why| {
        if why.contains("permission denied for schema") {
            format!("the role may not look there: GRANT USAGE ON SCHEMA {} TO {role};", extension.schema)
        } else {
            why
        }
    });
    rows.map(Some)
}

/// They moved to a view of their own in 17.
async fn checkpoints(session: &Session) -> Told<Checkpoints> {
    let counters = match session.lines("SELECT to_regclass('pg_catalog.pg_stat_checkpointer')::text").await?.first() {
        Some(view) if !view.is_empty() => {
            "SELECT num_timed AS timed, num_requested AS requested, 'checkpointer' AS counted_in FROM pg_stat_checkpointer"
        }
        _ => {
            "SELECT checkpoints_timed AS timed, checkpoints_req AS requested, 'bgwriter' AS counted_in FROM pg_stat_bgwriter"
        }
    };
    // Of all that the server has ever written, or since it counts: more than what the checkpoints had to write.
    let wal = match session.lines("SELECT to_regclass('pg_catalog.pg_stat_wal')::text").await?.first() {
        Some(view) if !view.is_empty() => "(SELECT wal_bytes FROM pg_stat_wal)",
        _ => "NULL",
    };
    session
        .row(&format!(
            "SELECT counters.*, CASE WHEN NOT pg_is_in_recovery() THEN
                 least({wal}, pg_current_wal_lsn() - '0/0')::float8 END AS wal_bytes FROM ({counters}) AS counters"
        ))
        .await
}
