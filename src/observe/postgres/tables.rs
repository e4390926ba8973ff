//! Which tables had the work, since the first whole look.

use std::collections::HashMap;

use tokio_postgres::SimpleQueryRow;

use super::about::About;
use super::connect::{MARK, number, text};
use super::since::{Against, Counters, Since};
use crate::observe::SinceFirst;
use crate::record::TableRow;

/// Tables that are told.
const MOST: usize = 50;
/// Tables and indexes up to which the size of the database is asked.
const MOST_RELATIONS: u32 = 3000;

const FIGURES: [(&str, &[&str]); 7] = [
    ("seq_scans", &["seq_scan"]),
    ("seq_rows", &["seq_tup_read"]),
    ("idx_scans", &["idx_scan"]),
    ("idx_rows", &["idx_tup_fetch"]),
    ("inserted", &["n_tup_ins"]),
    ("updated", &["n_tup_upd"]),
    ("deleted", &["n_tup_del"]),
];
type Sums = [f64; FIGURES.len()];

/// The tables of a run.
#[derive(Debug, Default)]
pub(super) struct Tables {
    since: Since<u32, { FIGURES.len() }>,
    /// As they are now.
    now: HashMap<u32, Now>,
    bytes: HashMap<u32, f64>,
}

#[derive(Debug)]
struct Now {
    name: String,
    live_rows: f64,
    dead_rows: f64,
}

/// Asks for all that were ever used; a row each.
pub(super) fn question(about: &About) -> String {
    let asked = about.columns.select("pg_stat_user_tables", "", &FIGURES).join(", ");
    format!(
        "SELECT {MARK} relid AS \"id\", schemaname AS \"schema\", relname AS \"table\", n_live_tup AS \"live\", \
         n_dead_tup AS \"dead\", {asked} FROM pg_stat_user_tables \
         WHERE coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del > 0"
    )
}

/// Asks for the sizes of some, with their indexes.
pub(super) fn sizes_question(ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!(
        "SELECT {MARK} id AS \"id\", pg_total_relation_size(id) AS \"bytes\" FROM unnest('{{{}}}'::oid[]) AS of(id)",
        ids.join(",")
    )
}

/// Asks how large the database is, unless that is too much work: the server looks at each of its files, some 8 µs a file.
pub(super) fn database_size_question() -> String {
    format!(
        "SELECT {MARK} relations AS \"relations\", CASE WHEN relations <= {MOST_RELATIONS} \
         THEN pg_database_size(current_database()) END AS \"bytes\" FROM (SELECT count(*) AS relations FROM pg_class) AS of"
    )
}

/// What is said where the database's size is not.
pub(super) fn size_fact() -> String {
    format!("not told: it has more than {MOST_RELATIONS} tables and indexes, and the server would look at every file")
}

impl Tables {
    /// Whether the first whole look is still to come.
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// Takes a whole look; whether counting begins with it.
    pub(super) fn see(&mut self, rows: &[SimpleQueryRow], against: Against) -> bool {
        let begins = self.since.is_empty();
        let mut now = HashMap::with_capacity(rows.len());
        self.now.clear();
        for row in rows {
            let Some(Ok(id)) = text(row, "id").map(str::parse) else { continue };
            let values = FIGURES.map(|(name, _)| number(row, name).unwrap_or_default());
            now.insert(id, Counters { values, since_s: None });
            let name = named(text(row, "schema").unwrap_or_default(), text(row, "table").unwrap_or_default());
            let (live_rows, dead_rows) = (number(row, "live").unwrap_or(0.0), number(row, "dead").unwrap_or(0.0));
            self.now.insert(id, Now { name, live_rows, dead_rows });
        }
        self.since.see(now, against);
        begins
    }

    /// Those that are told.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.top().into_iter().map(|(id, _)| id).collect()
    }

    pub(super) fn learn_sizes(&mut self, rows: &[SimpleQueryRow]) {
        let size = |row| Some((text(row, "id")?.parse().ok()?, number(row, "bytes")?));
        self.bytes = rows.iter().filter_map(size).collect();
    }

    /// Those with the most work first.
    pub(super) fn told(&self, begins: bool) -> SinceFirst<Vec<TableRow>> {
        let row = |(id, sums): (u32, Sums)| {
            let [seq_scans, seq_rows, idx_scans, _, inserted, updated, deleted] = sums;
            let now = self.now.get(&id)?;
            Some(TableRow {
                name: now.name.clone(),
                live_rows: now.live_rows,
                dead_rows: now.dead_rows,
                bytes: self.bytes.get(&id).copied(),
                seq_scans,
                seq_rows,
                idx_scans,
                inserted,
                updated,
                deleted,
            })
        };
        SinceFirst { counted: self.top().into_iter().filter_map(row).collect(), begins, incomplete: None }
    }

    /// By the rows that were read and changed. A table that is gone is not told.
    fn top(&self) -> Vec<(u32, Sums)> {
        let work = |sums: &Sums| sums[1] + sums[3] + sums[4] + sums[5] + sums[6];
        let used = |sums: &Sums| sums.iter().any(|sum| *sum > 0.0);
        let there = self.since.sums().filter(|(id, sums)| used(sums) && self.now.contains_key(id));
        let mut all: Vec<(u32, Sums)> = there.map(|(id, sums)| (*id, *sums)).collect();
        all.sort_by(|a, b| work(&b.1).total_cmp(&work(&a.1)).then(a.0.cmp(&b.0)));
        all.truncate(MOST);
        all
    }
}

/// `schema.table`, without the schema that everybody uses.
pub(super) fn named(schema: &str, table: &str) -> String {
    if schema == "public" { table.to_owned() } else { format!("{schema}.{table}") }
}

#[cfg(test)]
mod tests {
    use super::super::columns::recorded;
    use super::*;

    #[test]
    fn every_version_is_asked_by_its_own_columns() {
        for version in recorded::VERSIONS {
            let statement = question(&About::recorded(recorded::of(version)));
            assert_eq!(recorded::strangers(version, &statement), Vec::<String>::new(), "{version}: {statement}");
            assert!(FIGURES.iter().all(|(name, _)| statement.contains(&format!("\"{name}\""))), "{version}");
        }
    }

    #[test]
    fn tables_are_told_by_their_work_and_idle_ones_are_not() {
        let mut tables = Tables::default();
        let look = |factor: f64| -> HashMap<u32, Counters<7>> {
            let values = |id: u32| [1.0, f64::from(id), 0.0, 0.0, 0.0, 0.0, 0.0].map(|value| value * factor);
            let mut all: HashMap<u32, Counters<7>> =
                (1..=60).map(|id| (id, Counters { values: values(id), since_s: None })).collect();
            all.insert(99, Counters { values: [7.0; 7], since_s: None });
            all
        };
        tables.since.see(look(1.0), Against::TheLast);
        tables.since.see(look(3.0), Against::TheLast);
        for id in (1..=59).chain([99]) {
            let name = named("public", &format!("t{id}"));
            tables.now.insert(id, Now { name, live_rows: 5.0, dead_rows: 1.0 });
        }
        tables.bytes.insert(59, 8192.0);
        let told = tables.told(false).counted;
        assert_eq!(told.len(), MOST);
        assert_eq!((&*told[0].name, told[0].seq_rows, told[0].bytes), ("t59", 118.0, Some(8192.0)), "t60 is gone");
        assert_eq!((&*told[49].name, told[49].seq_scans), ("t10", 2.0));
        assert_eq!(named("audit", "log"), "audit.log");
    }
}
