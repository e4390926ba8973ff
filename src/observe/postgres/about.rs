//! What a server is: its columns, what the role may see there, and what is said of it in a report.

use std::collections::BTreeMap;

use super::columns::Columns;
use super::connect::{MARK, Session, number, text, yes};
use super::own::Own;
use super::trouble::Trouble;
use super::{locks, quick, statements, tables};

/// Marks the statement that looks for the marks.
const FINDER_MARK: &str = "/* agenthub-perf own */";

/// What is known after connecting.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct About {
    pub(super) columns: Columns,
    pub(super) database_oid: u32,
    /// The role may see the sessions and statements of all others.
    pub(super) sees_all: bool,
    /// A session can have its counters told at once; otherwise that is up to a second later.
    pub(super) counts_at_once: bool,
    /// Connections that it takes from roles without privileges.
    pub(super) connections_limit: f64,
    /// Where statements are counted.
    pub(super) statements: Option<Counted>,
    /// What the server calls the probe's own statements, as an array's literal.
    own_ids: String,
    /// What a report says of it.
    pub(super) facts: BTreeMap<String, String>,
}

/// `pg_stat_statements`, where it is and works.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counted {
    /// Quoted where it has to be.
    pub(super) schema: String,
    /// Entries that it has room for.
    pub(super) room: Option<f64>,
}

impl Counted {
    /// To select from, without reading the file of texts.
    pub(super) fn without_texts(&self) -> String {
        format!("{}.pg_stat_statements(false)", self.schema)
    }

    pub(super) fn with_texts(&self) -> String {
        format!("{}.pg_stat_statements(true)", self.schema)
    }
}

impl About {
    /// Asks everything.
    pub(super) async fn learn(session: &Session, own: &mut Own) -> Result<Self, Trouble> {
        let answers = own.ask(session, &[server_question(), Columns::question()]).await?;
        let [server, columns] = &*answers else { return Err(Trouble::new("the server did not say what it is")) };
        let Some(server) = server.first() else { return Err(Trouble::new("the server did not say what it is")) };
        let setting = |name: &str| text(server, name).filter(|setting| !setting.is_empty());
        let mut about = Self {
            columns: Columns::read(columns),
            database_oid: setting("database_oid").and_then(|oid| oid.parse().ok()).unwrap_or_default(),
            sees_all: yes(server, "sees_all"),
            counts_at_once: yes(server, "counts_at_once"),
            connections_limit: number(server, "connections_limit").unwrap_or_default(),
            statements: setting("schema")
                .filter(|_| yes(server, "loaded"))
                .map(|schema| Counted { schema: schema.to_owned(), room: number(server, "room") }),
            own_ids: "{}".to_owned(),
            facts: BTreeMap::new(),
        };
        let (role, database) = (setting("role").unwrap_or("?"), setting("database").unwrap_or("?"));
        let mut fact = |name: &str, says: String| about.facts.insert(name.to_owned(), says);
        fact("server", format!("PostgreSQL {}", setting("version").unwrap_or("of an unknown version")));
        fact("track_io_timing", setting("track_io_timing").unwrap_or("not known").to_owned());
        fact("role", role_fact(role, about.sees_all));
        let counts = match (setting("extension"), yes(server, "loaded")) {
            (Some(version), true) => counting_fact(version, setting("track"), setting("compute_query_id")),
            (Some(_), false) => NOT_LOADED.to_owned(),
            (None, loaded) => not_installed_fact(database, loaded),
        };
        fact("pg_stat_statements", counts);
        if session.is_pooled() {
            fact("connection", "through a pooler: connections are the server's, not the pooler's clients".to_owned());
        }
        about.try_out(session, own).await?;
        Ok(about)
    }

    /// Runs each statement once, so that the server knows them, and looks up what it calls them.
    async fn try_out(&mut self, session: &Session, own: &mut Own) -> Result<(), Trouble> {
        let mut asked = vec![quick::database(self), quick::sessions(self), quick::clock(self), locks::question(self)];
        asked.extend([tables::question(self), tables::sizes_question(&[]), tables::database_size_question()]);
        own.ask(session, &asked).await?;
        let Some(counted) = self.statements.clone() else { return Ok(()) };
        let counts = [quick::sum(self), statements::question(self), statements::texts_question(self, &[])];
        match own.ask(session, &counts.into_iter().flatten().collect::<Vec<_>>()).await {
            Ok(_) => {}
            Err(trouble) if trouble.code.is_some() => {
                self.statements = None;
                let says = format!("cannot be read: {}", trouble.line);
                self.facts.insert("pg_stat_statements".to_owned(), says);
                return Ok(());
            }
            Err(trouble) => return Err(trouble),
        }
        let finder = format!(
            "SELECT {FINDER_MARK} DISTINCT queryid, strpos(query, '{FINDER_MARK}') > 0 AS \"finder\" FROM {} \
             WHERE queryid IS NOT NULL AND dbid = {} AND strpos(query, '/* agenthub-perf') > 0",
            counted.with_texts(),
            self.database_oid,
        );
        for _ in 0..2 {
            let found = own.ask(session, &[finder.clone(), quick::clock(self)]).await?.swap_remove(0);
            let ids: Vec<&str> = found.iter().filter_map(|row| text(row, "queryid")).collect();
            self.own_ids = format!("{{{}}}", ids.join(","));
            // The very first time it does not find itself.
            if found.iter().any(|row| yes(row, "finder")) {
                break;
            }
        }
        Ok(())
    }

    /// The condition for statements of the database, each counted once, without the probe's own.
    pub(super) fn statements_of_the_database(&self) -> String {
        let once = if self.columns.has("pg_stat_statements", "toplevel") { " AND toplevel" } else { "" };
        format!(
            "dbid = {}{once} AND (queryid IS NULL OR queryid <> ALL ('{}'::bigint[]))",
            self.database_oid, self.own_ids
        )
    }
}

fn server_question() -> String {
    let setting = |name: &str| format!("current_setting('{name}', true)");
    let reserved = ["superuser_reserved_connections", "reserved_connections"]
        .map(|name| format!("coalesce(nullif({}, '')::int, 0)", setting(name)));
    format!(
        "SELECT {MARK} current_setting('server_version') AS \"version\", current_database() AS \"database\", \
         (SELECT oid FROM pg_database WHERE datname = current_database()) AS \"database_oid\", \
         current_user AS \"role\", pg_has_role('pg_read_all_stats', 'USAGE') AS \"sees_all\", \
         to_regproc('pg_catalog.pg_stat_force_next_flush') IS NOT NULL AS \"counts_at_once\", \
         current_setting('max_connections')::int - {} AS \"connections_limit\", \
         {} AS \"track_io_timing\", {} AS \"compute_query_id\", {} AS \"track\", e.extversion AS \"extension\", \
         quote_ident(n.nspname) AS \"schema\", s.setting IS NOT NULL AS \"loaded\", s.setting AS \"room\" \
         FROM (SELECT 1) AS one LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements' \
         LEFT JOIN pg_namespace n ON n.oid = e.extnamespace \
         LEFT JOIN pg_settings s ON s.name = 'pg_stat_statements.max' AND s.context = 'postmaster'",
        reserved.join(" - "),
        setting("track_io_timing"),
        setting("compute_query_id"),
        setting("pg_stat_statements.track"),
    )
}

const NOT_LOADED: &str = "not loaded, so no statements are counted: add pg_stat_statements to shared_preload_libraries \
    in postgresql.conf and restart the server";

fn not_installed_fact(database: &str, loaded: bool) -> String {
    let load = "add pg_stat_statements to shared_preload_libraries in postgresql.conf, restart the server, then run ";
    let load = if loaded { "run " } else { load };
    format!(
        "not installed in the database {database}, so statements, their time and their number cannot be told: \
         {load}CREATE EXTENSION pg_stat_statements in this database as a superuser"
    )
}

fn counting_fact(version: &str, track: Option<&str>, compute_query_id: Option<&str>) -> String {
    let trouble = match (track, compute_query_id) {
        (_, Some("off")) => "; compute_query_id = off, so it counts nothing: set it to auto",
        (Some("none"), _) => "; it counts nothing: set pg_stat_statements.track to top",
        _ => "",
    };
    let track = track.map(|track| format!(", track = {track}")).unwrap_or_default();
    format!("{version}{track}{trouble}")
}

fn role_fact(role: &str, sees_all: bool) -> String {
    if sees_all {
        format!("{role}, which may read all statistics")
    } else {
        format!(
            "{role}, which may not read all statistics, so states and waits of other roles' sessions and the texts of \
             their statements cannot be told: GRANT pg_monitor TO {role}"
        )
    }
}

#[cfg(test)]
impl About {
    /// Of a server with these columns.
    pub(super) fn recorded(columns: Columns) -> Self {
        let statements =
            columns.has_view("pg_stat_statements").then(|| Counted { schema: "public".to_owned(), room: Some(5000.0) });
        Self { columns, database_oid: 5, sees_all: true, statements, own_ids: "{1,2}".to_owned(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_how_to_turn_it_on() {
        let says = not_installed_fact("agenthub", false);
        for words in ["agenthub", "shared_preload_libraries", "restart", "CREATE EXTENSION pg_stat_statements"] {
            assert!(says.contains(words), "{says}");
        }
        assert!(!not_installed_fact("agenthub", true).contains("restart"), "it is loaded");
        assert_eq!(counting_fact("1.10", Some("top"), Some("auto")), "1.10, track = top");
        assert!(counting_fact("1.10", Some("none"), None).contains("set pg_stat_statements.track to top"));
        assert!(counting_fact("1.10", None, Some("off")).contains("compute_query_id"));
        assert!(role_fact("app", false).contains("GRANT pg_monitor TO app"));
    }
}
