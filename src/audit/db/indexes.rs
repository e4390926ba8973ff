//! Indexes that are too many, broken, or missing behind a foreign key.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::guide_indexes::{self, Planned};
use super::seen::{Duplicate, ForeignKey, Invalid, Mend, Seen, Unused};
use super::{Basis, but_more, rows};
use crate::units::format_count;

static UNUSED: Rule = Rule {
    id: "db.unused_index",
    area: Area::Db,
    lines: &[5],
    section: "Database Monitoring",
    holds: "no index of 10 MB or more has been scanned 50 times or fewer",
    source: "pghero's unused index (50 scans, 10 MB)",
    applies: "statistics of some hours (--evidence-age), not a standby; unique indexes, constraints and foreign keys are left out",
};
static DUPLICATE: Rule = Rule {
    id: "db.duplicate_index",
    area: Area::Db,
    lines: &[5],
    section: "Database Monitoring",
    holds: "no index is the beginning of another one of the same method, classes, expressions and predicate",
    source: "pghero's duplicate indexes; PostgreSQL, Multicolumn Indexes: the first columns are searched as an index of their own is",
    applies: "",
};
static INVALID: Rule = Rule {
    id: "db.invalid_index",
    area: Area::Db,
    lines: &[2],
    section: "Indexing Strategy",
    holds: "every index is valid",
    source: "PostgreSQL, CREATE INDEX CONCURRENTLY: one that failed is kept up to date and never used",
    applies: "",
};
static FOREIGN_KEY: Rule = Rule {
    id: "db.foreign_key_index",
    area: Area::Db,
    lines: &[2],
    section: "Indexing Strategy",
    holds: "a foreign key of a table of 1,000 rows or more has an index that begins with its columns; fails from 10,000 on",
    source: "PostgreSQL, Foreign Keys: an index on the referencing columns; pghero's missing index (10,000 rows); 1,000: own choice, less is read in a millisecond",
    applies: "",
};

pub(super) static RULES: [&Rule; 4] = [&UNUSED, &DUPLICATE, &INVALID, &FOREIGN_KEY];

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    vec![
        match &seen.unused {
            Ok(_) if seen.server.in_recovery => UNUSED.not_applicable(super::ON_A_STANDBY),
            Ok(list) => unused(list, seen, basis),
            Err(why) => UNUSED.unknown(why),
        },
        seen.duplicates.as_ref().map_or_else(|why| DUPLICATE.unknown(why), |list| duplicate(list)),
        seen.invalid.as_ref().map_or_else(|why| INVALID.unknown(why), |list| invalid(list)),
        seen.foreign_keys
            .as_ref()
            .map_or_else(|why| FOREIGN_KEY.unknown(why), |list| foreign_key(list, &guide_indexes::planned(seen))),
    ]
}

fn unused(list: &[Unused], seen: &Seen, basis: &Basis) -> Finding {
    let wanted = |index: &&Unused| {
        // One that the guide asks for is not called useless by it.
        let of_the_guide = guide_indexes::is_one(&index.table_name, &index.columns);
        index.bytes >= 10.0 * MIB && index.scans <= 50.0 && !index.supports_key && !of_the_guide
    };
    let unused: Vec<&Unused> = list.iter().filter(wanted).collect();
    if unused.is_empty() {
        return UNUSED.pass("every index of 10 MB or more is used, or there for a key");
    }
    match &seen.database {
        Err(why) => return UNUSED.unknown(why),
        Ok(database) if database.age_s < basis.evidence_age_s => {
            return UNUSED.not_applicable(basis.too_young(database.age_s));
        }
        Ok(_) => {}
    }
    let bytes: f64 = unused.iter().map(|index| index.bytes).sum();
    let drops: Vec<String> = unused
        .iter()
        .map(|index| format!("DROP INDEX CONCURRENTLY {};  -- {}", index.shown, index.definition))
        .collect();
    UNUSED
        .fail(format!("{} hardly used index{} take {}", unused.len(), es(unused.len()), mib(bytes)))
        .seen(but_more(unused.iter().map(|index| {
            format!(
                "{} of {}: {} scans, {}",
                index.shown,
                index.table,
                format_count(index.scans as u64),
                mib(index.bytes)
            )
        })))
        .fix(FixKind::Sql, drops.join("\n"))
}

fn duplicate(list: &[Duplicate]) -> Finding {
    // Of three that are the same, one stays; each that goes is named once.
    let mut going: Vec<&Duplicate> = Vec::new();
    for one in list {
        if going.iter().all(|known| known.shown != one.shown) {
            going.push(one);
        }
    }
    if going.is_empty() {
        return DUPLICATE.pass("no index is the beginning of another");
    }
    let drop = |one: &&Duplicate| {
        let concurrently = if one.partitioned { "" } else { " CONCURRENTLY" };
        format!("DROP INDEX{concurrently} {};", one.shown)
    };
    let drops: Vec<String> = going.iter().map(drop).collect();
    DUPLICATE
        .fail(format!(
            "{} index{} can go: another one begins with the same columns ({})",
            going.len(),
            es(going.len()),
            mib(going.iter().map(|one| one.bytes).sum())
        ))
        .seen(but_more(going.iter().map(|one| {
            format!("{} of {}: covered by {}: {}", one.shown, one.table, one.covered_by, one.covering_definition)
        })))
        .fix(FixKind::Sql, drops.join("\n"))
}

fn invalid(list: &[Invalid]) -> Finding {
    let broken: Vec<&Invalid> = list.iter().filter(|index| !index.building).collect();
    let building = list.len() - broken.len();
    if broken.is_empty() {
        return INVALID.pass(match building {
            0 => "every index is valid".to_owned(),
            count => format!("{count} not valid yet: being built now"),
        });
    }
    let fixes: Vec<String> = broken.iter().map(|index| mended(index)).collect();
    INVALID
        .fail(format!("{} index{} not valid: kept up to date, and never used", broken.len(), es(broken.len())))
        .seen(but_more(broken.iter().map(|index| format!("{} of {}: {}", index.shown, index.table, index.definition))))
        .fix(FixKind::Sql, fixes.join("\n"))
}

fn mended(index: &Invalid) -> String {
    let Invalid { shown, definition, .. } = index;
    match index.mend {
        Mend::Whole => {
            // This takes the indexes of the partitions that are there, and makes those that are not.
            let whole = definition.replacen(" ON ONLY ", " ON ", 1);
            format!("BEGIN;\nDROP INDEX {shown};\n{whole};\nCOMMIT;")
        }
        Mend::Drop => format!("DROP INDEX CONCURRENTLY {shown};"),
        Mend::Again => {
            // It has most likely met the same values twice, and would again.
            let again = definition.replacen("CREATE UNIQUE INDEX ", "CREATE UNIQUE INDEX CONCURRENTLY ", 1);
            format!("DROP INDEX CONCURRENTLY {shown};\n-- mend the rows that are there twice, then:\n-- {again};")
        }
        Mend::Reindex => format!("REINDEX INDEX CONCURRENTLY {shown};"),
    }
}

fn foreign_key(list: &[ForeignKey], planned: &[Planned]) -> Finding {
    let large: Vec<&ForeignKey> = list.iter().filter(|key| key.rows >= 1000.0).collect();
    if large.is_empty() {
        let small = list.len();
        return FOREIGN_KEY.pass(match small {
            0 => "each has an index that begins with its columns".to_owned(),
            1 => "one has no index, of a table of fewer than 1,000 rows".to_owned(),
            small => format!("{small} have no index, all of tables of fewer than 1,000 rows"),
        });
    }
    let outcome = if large.iter().any(|key| key.rows >= 10_000.0) { Outcome::Fail } else { Outcome::Warn };
    let summary = match large.len() {
        1 => "a foreign key has no index: each DELETE in the table it refers to reads the whole of this one".to_owned(),
        many => format!("{many} foreign keys have no index: each DELETE in a table they refer to reads a whole one"),
    };
    FOREIGN_KEY
        .found(outcome, summary)
        .seen(but_more(large.iter().map(|key| {
            format!(
                "{} ({}) → {}: {}, constraint {}",
                key.table,
                key.columns.join(", "),
                key.references,
                rows(key.rows),
                key.name
            )
        })))
        .fix(FixKind::Sql, served(&large, planned).join("\n"))
}

/// The indexes that serve them: as few as can be, and those first that the guide asks for anyway.
fn served(keys: &[&ForeignKey], planned: &[Planned]) -> Vec<String> {
    // Longer ones first: they serve those that they begin with, in whatever order.
    let mut keys = keys.to_vec();
    keys.sort_by(|a, b| b.columns.len().cmp(&a.columns.len()).then_with(|| a.columns.cmp(&b.columns)));
    let mut made: Vec<(&str, &[String])> = Vec::new();
    let mut statements = Vec::new();
    for key in keys {
        let serves = |table: &str, columns: &[String]| {
            let first = columns.get(..key.columns.len());
            table == key.table && first.is_some_and(|first| key.columns.iter().all(|column| first.contains(column)))
        };
        if made.iter().any(|(table, columns)| serves(table, columns)) {
            continue;
        }
        if let Some(index) = planned.iter().find(|index| serves(&index.table, &index.columns)) {
            made.push((&index.table, &index.columns));
            statements.push(format!("{}  -- as {} has it", index.statement, index.rule));
        } else {
            let concurrently = if key.partitioned { "" } else { " CONCURRENTLY" };
            made.push((&key.table, &key.columns));
            statements.push(format!("CREATE INDEX{concurrently} ON {} ({});", key.table, key.columns.join(", ")));
        }
    }
    statements.sort();
    statements
}

const MIB: f64 = 1024.0 * 1024.0;

fn mib(bytes: f64) -> String {
    format!("{:.1} MB", bytes / MIB)
}

fn es(count: usize) -> &'static str {
    if count == 1 { "" } else { "es" }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{basis, seen};
    use super::*;

    #[test]
    fn an_unused_index_needs_size_and_evidence() {
        let index = |bytes: f64, scans: f64| Unused {
            shown: "public.x".to_owned(),
            table: "public.t".to_owned(),
            bytes,
            scans,
            columns: vec![Some("a".to_owned())],
            ..Unused::default()
        };
        let mut state = seen();
        let outcome = |index: Unused, state: &Seen| unused(&[index], state, &basis()).outcome;
        assert_eq!(outcome(index(20.0 * MIB, 3.0), &state), Outcome::Fail);
        assert_eq!(outcome(index(9.0 * MIB, 3.0), &state), Outcome::Pass);
        assert_eq!(outcome(index(20.0 * MIB, 51.0), &state), Outcome::Pass);
        assert_eq!(outcome(Unused { supports_key: true, ..index(20.0 * MIB, 0.0) }, &state), Outcome::Pass);
        let columns = ["user_id", "status"].map(|name| Some(name.to_owned())).to_vec();
        let guides = Unused { table_name: "tasks".to_owned(), columns, ..index(20.0 * MIB, 0.0) };
        assert_eq!(outcome(guides, &state), Outcome::Pass);
        state.database.as_mut().unwrap().age_s = 60.0;
        assert_eq!(outcome(index(20.0 * MIB, 3.0), &state), Outcome::NotApplicable);
        state.database = Err("no".to_owned());
        assert_eq!(outcome(index(20.0 * MIB, 3.0), &state), Outcome::Unknown);
    }

    #[test]
    fn of_duplicates_each_that_goes_is_named_once() {
        let one = |shown: &str, by: &str| Duplicate {
            shown: shown.to_owned(),
            covered_by: by.to_owned(),
            ..Duplicate::default()
        };
        assert_eq!(duplicate(&[]).outcome, Outcome::Pass);
        let found = duplicate(&[one("a", "b"), one("a", "c"), one("b", "c")]);
        assert_eq!(found.outcome, Outcome::Fail);
        assert_eq!(found.fix.unwrap().text, "DROP INDEX CONCURRENTLY a;\nDROP INDEX CONCURRENTLY b;");
    }

    #[test]
    fn an_index_that_is_being_built_is_not_broken() {
        let index = |building| Invalid { shown: "public.x".to_owned(), building, ..Invalid::default() };
        assert_eq!(invalid(&[]).outcome, Outcome::Pass);
        assert_eq!(invalid(&[index(true)]).outcome, Outcome::Pass);
        assert_eq!(invalid(&[index(true), index(false)]).outcome, Outcome::Fail);
    }

    fn key(columns: &[&str], rows: f64) -> ForeignKey {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        ForeignKey { table: "public.t".to_owned(), columns, rows, ..ForeignKey::default() }
    }

    #[test]
    fn a_foreign_key_weighs_as_much_as_its_table() {
        let outcome = |rows| foreign_key(&[key(&["a"], rows)], &[]).outcome;
        assert_eq!((outcome(999.0), outcome(1000.0), outcome(10_000.0)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        assert_eq!(foreign_key(&[], &[]).outcome, Outcome::Pass);
        let fix = foreign_key(&[key(&["a"], 1e6)], &[]).fix.unwrap().text;
        assert_eq!(fix, "CREATE INDEX CONCURRENTLY ON public.t (a);");
    }

    #[test]
    fn no_index_for_a_foreign_key_is_the_beginning_of_another_that_is_made() {
        let fix = |keys: &[ForeignKey], planned: &[Planned]| foreign_key(keys, planned).fix.unwrap().text;
        let keys = [key(&["a"], 1e6), key(&["c"], 1e6), key(&["b", "a"], 1e6), key(&["a", "b"], 1e6)];
        let (a_b, c) = ("CREATE INDEX CONCURRENTLY ON public.t (a, b);", "CREATE INDEX CONCURRENTLY ON public.t (c);");
        assert_eq!(fix(&keys, &[]), format!("{a_b}\n{c}"));
        let planned = |table: &str| Planned {
            rule: "db.index.x",
            table: table.to_owned(),
            columns: ["c", "d"].map(str::to_owned).to_vec(),
            statement: "CREATE x;".to_owned(),
        };
        assert_eq!(fix(&keys, &[planned("public.t")]), format!("{a_b}\nCREATE x;  -- as db.index.x has it"));
        assert_eq!(fix(&keys, &[planned("public.u")]), format!("{a_b}\n{c}"), "of another table");
        assert_eq!(fix(&[key(&["d"], 1e6)], &[planned("public.t")]), "CREATE INDEX CONCURRENTLY ON public.t (d);");
    }
}
