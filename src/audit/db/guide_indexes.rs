//! The guide's five indexes, by their columns, on whatever table carries them.

use std::fmt::Write as _;

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::seen::{Candidate, Column, Index, Seen};
use super::{but_more, rows};

/// An index of the guide.
pub(super) struct GuideIndex {
    pub(super) rule: Rule,
    name: &'static str,
    table: &'static str,
    /// By which tables of other names are recognised.
    stem: &'static str,
    columns: &'static [&'static str],
}

const fn index(
    id: &'static str,
    name: &'static str,
    table: &'static str,
    stem: &'static str,
    columns: &'static [&'static str],
) -> GuideIndex {
    let rule = Rule {
        id,
        area: Area::Db,
        lines: &[2],
        section: "Indexing Strategy",
        holds: "a valid, whole btree index begins with these columns in this order",
        source: "the guide's CREATE INDEX",
        applies: "the table has these columns",
    };
    GuideIndex { rule, name, table, stem, columns }
}

pub(super) static GUIDE: [GuideIndex; 5] = [
    index("db.index.tasks_user_id_status", "idx_tasks_user_id_status", "tasks", "task", &["user_id", "status"]),
    index(
        "db.index.projects_user_id_created_at",
        "idx_projects_user_id_created_at",
        "projects",
        "project",
        &["user_id", "created_at"],
    ),
    index("db.index.git_branches_project_id", "idx_git_branches_project_id", "git_branches", "branch", &["project_id"]),
    index(
        "db.index.contexts_level_context_id",
        "idx_contexts_level_context_id",
        "contexts",
        "context",
        &["level", "context_id"],
    ),
    index(
        "db.index.tasks_complex",
        "idx_tasks_complex",
        "tasks",
        "task",
        &["project_id", "status", "priority", "created_at"],
    ),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    GUIDE.iter().map(|index| &index.rule)
}

/// All of them.
pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let of = |guide: &'static GuideIndex| match &seen.candidates {
        Ok(candidates) => of_the_guide(guide, candidates),
        Err(why) => vec![guide.rule.unknown(why)],
    };
    GUIDE.iter().flat_map(of).collect()
}

/// Whether it is one of them, of a table that is named as theirs are.
pub(super) fn is_one(table: &str, columns: &[Option<String>]) -> bool {
    GUIDE.iter().any(|guide| {
        guide.columns.len() == columns.len()
            && table.to_lowercase().contains(guide.stem)
            && guide.columns.iter().zip(columns).all(|(wanted, has)| has.as_deref() == Some(*wanted))
    })
}

/// An index that a fix of these rules makes, or makes valid.
pub(super) struct Planned {
    /// Of which rule.
    pub(super) rule: &'static str,
    /// As its rule shows it.
    pub(super) table: String,
    /// In order, quoted where they must be.
    pub(super) columns: Vec<String>,
    /// The fix: to be run once or more often.
    pub(super) statement: String,
}

/// All that their fixes make.
pub(super) fn planned(seen: &Seen) -> Vec<Planned> {
    let candidates = seen.candidates.as_deref().unwrap_or_default();
    let of = |guide: &'static GuideIndex| {
        let tables = chosen(guide, candidates).map_or_else(|_| Vec::new(), |(tables, _)| tables);
        tables.into_iter().filter_map(move |table| {
            let statement = remedy(guide, table)?;
            let columns = quoted(guide, table).map(str::to_owned).collect();
            Some(Planned { rule: guide.rule.id, table: table.shown.clone(), columns, statement })
        })
    };
    GUIDE.iter().flat_map(of).collect()
}

/// One finding for each table that carries the columns.
fn of_the_guide(guide: &'static GuideIndex, candidates: &[Candidate]) -> Vec<Finding> {
    match chosen(guide, candidates) {
        Ok((tables, missing)) => at_tables(guide, &tables, missing),
        Err(why) => vec![guide.rule.found(Outcome::CannotExist, why)],
    }
}

/// The tables that it is for, and how bad it is where one lacks it; or why there are none.
fn chosen<'c>(guide: &GuideIndex, candidates: &'c [Candidate]) -> Result<(Vec<&'c Candidate>, Outcome), String> {
    let named: Vec<&Candidate> = candidates.iter().filter(|table| table.name.to_lowercase() == guide.table).collect();
    let (whole, partly): (Vec<&Candidate>, Vec<&Candidate>) =
        named.into_iter().partition(|table| missing(guide, table).is_empty());
    if !whole.is_empty() {
        return Ok((whole, Outcome::Fail));
    }
    let carrying: Vec<&Candidate> = candidates.iter().filter(|table| missing(guide, table).is_empty()).collect();
    let alike: Vec<&Candidate> =
        carrying.iter().copied().filter(|table| table.name.to_lowercase().contains(guide.stem)).collect();
    // Tables of another name: by their columns the index fits, and whether it is needed is for a person to say. A single
    // column is too little to know a table by.
    let others = if !alike.is_empty() {
        alike
    } else if guide.columns.len() > 1 {
        carrying
    } else {
        Vec::new()
    };
    let large: Vec<&Candidate> = others.iter().copied().filter(|table| table.rows >= 1000.0).collect();
    if !large.is_empty() {
        return Ok((large, Outcome::Warn));
    }
    if !others.is_empty() && partly.is_empty() {
        return Err(format!(
            "no table is named {}; {} with its columns, of fewer than 1,000 rows",
            guide.table,
            match others.len() {
                1 => format!("there is {}", others[0].shown),
                count => format!("there are {count}"),
            }
        ));
    }
    Err(match partly.first() {
        Some(table) => {
            let missing = missing(guide, table);
            let plural = if missing.len() == 1 { "" } else { "s" };
            format!("{} has no column{plural} {}", table.shown, missing.join(", "))
        }
        None if guide.columns.len() == 1 => format!("no table is named {} or alike", guide.table),
        None => format!("no table is named {}, and none carries {}", guide.table, guide.columns.join(", ")),
    })
}

fn at_tables(guide: &'static GuideIndex, tables: &[&Candidate], missing: Outcome) -> Vec<Finding> {
    let mut found: Vec<Finding> = tables.iter().map(|table| at(guide, table, missing)).collect();
    if let [only] = &mut found[..] {
        only.subject = None;
    }
    if found.len() <= 3 {
        return found;
    }
    // Many tenants have many schemas: they are told at once.
    let count = found.len();
    let wanting: Vec<Finding> = found.into_iter().filter(|finding| finding.outcome != Outcome::Pass).collect();
    if wanting.is_empty() {
        return vec![guide.rule.pass(format!("all {count} tables have it"))];
    }
    let (columns, without) = (guide.columns.join(", "), wanting.len());
    let fixes: Vec<&str> = wanting.iter().filter_map(|finding| Some(finding.fix.as_ref()?.text.as_str())).collect();
    let summary = format!("{without} of {count} tables have no valid, whole btree index that begins with ({columns})");
    let each = wanting.iter().map(|finding| finding.evidence.join("; "));
    vec![guide.rule.found(missing, summary).seen(but_more(each)).fix(FixKind::Sql, fixes.join("\n"))]
}

fn at(guide: &'static GuideIndex, table: &Candidate, missing: Outcome) -> Finding {
    let columns = guide.columns.join(", ");
    let covers = |index: &&Index| covers(guide, index);
    if let Some(index) = table.indexes.iter().filter(covers).find(|index| index.valid && !index.partial) {
        let summary = format!("{} begins with ({columns})", index.shown);
        return guide.rule.pass(summary).of(&table.shown);
    }
    let near = table.indexes.iter().find(covers);
    let mut seen = vec![format!("{}: {}", table.shown, rows(table.rows))];
    seen.extend(near.map(|index| {
        format!("{} is {}", index.shown, if index.valid { "partial" } else { "not valid, and never used" })
    }));
    let named = |index: &&Index| {
        let has: Vec<String> = index.columns.iter().flatten().map(|name| name.to_lowercase()).collect();
        guide.columns.iter().filter(|wanted| has.iter().any(|has| has == *wanted)).count() > 0
    };
    seen.extend(table.indexes.iter().filter(|index| !covers(index)).filter(named).take(5).map(|index| {
        let columns: Vec<&str> = index.columns.iter().map(|name| name.as_deref().unwrap_or("an expression")).collect();
        format!("there is {} {} ({})", index.method, index.shown, columns.join(", "))
    }));
    let mut summary = format!("no valid, whole btree index of {} begins with ({columns})", table.shown);
    if missing == Outcome::Warn {
        let _ = write!(summary, "; the guide has it for a table named {}", guide.table);
    }
    let found = guide.rule.found(missing, summary).seen(seen).of(&table.shown);
    match remedy(guide, table) {
        Some(fix) => found.fix(FixKind::Sql, fix),
        None => found,
    }
}

/// Whether it begins with the columns.
fn covers(guide: &GuideIndex, index: &Index) -> bool {
    let named = |(wanted, has): (&&str, &Option<String>)| has.as_ref().is_some_and(|has| has.to_lowercase() == *wanted);
    index.method == "btree"
        && index.columns.len() >= guide.columns.len()
        && guide.columns.iter().zip(&index.columns).all(named)
}

/// What gives the table the index; `None` where it has it.
fn remedy(guide: &GuideIndex, table: &Candidate) -> Option<String> {
    let whole: Vec<&Index> = table.indexes.iter().filter(|index| covers(guide, index) && !index.partial).collect();
    match whole.first() {
        _ if whole.iter().any(|index| index.valid) => None,
        Some(broken) => Some(format!("REINDEX INDEX CONCURRENTLY {};", broken.shown)),
        None => Some(create(guide, table)),
    }
}

fn create(guide: &GuideIndex, table: &Candidate) -> String {
    let free = |name: &String| !table.taken.contains(name) && table.indexes.iter().all(|index| index.name != *name);
    let numbered = (2..100).map(|number| format!("{}_{number}", guide.name));
    let name = std::iter::once(guide.name.to_owned()).chain(numbered).find(free).unwrap_or_default();
    let columns: Vec<&str> = quoted(guide, table).collect();
    let concurrently = if table.partitioned { "" } else { " CONCURRENTLY" };
    // A foreign key that it serves prints it, too.
    format!("CREATE INDEX{concurrently} IF NOT EXISTS {name} ON {} ({});", table.shown, columns.join(", "))
}

/// Its columns, as the table has them.
fn quoted<'t>(guide: &GuideIndex, table: &'t Candidate) -> impl Iterator<Item = &'t str> {
    guide.columns.iter().filter_map(|wanted| Some(column(table, wanted)?.quoted.as_str()))
}

fn column<'t>(table: &'t Candidate, wanted: &str) -> Option<&'t Column> {
    let columns = table.columns.iter();
    columns
        .clone()
        .find(|column| column.name == wanted)
        .or_else(|| columns.clone().find(|column| column.name.to_lowercase() == wanted))
}

fn missing(guide: &GuideIndex, table: &Candidate) -> Vec<&'static str> {
    guide.columns.iter().copied().filter(|wanted| column(table, wanted).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str], indexes: &[(&str, &[&str])]) -> Candidate {
        Candidate {
            name: name.to_owned(),
            shown: format!("public.{name}"),
            columns: columns.iter().map(|&name| Column { name: name.to_owned(), quoted: name.to_owned() }).collect(),
            indexes: indexes
                .iter()
                .map(|(name, columns)| Index {
                    name: (*name).to_owned(),
                    shown: format!("public.{name}"),
                    method: "btree".to_owned(),
                    valid: true,
                    partial: false,
                    columns: columns.iter().map(|&name| Some(name.to_owned())).collect(),
                })
                .collect(),
            ..Candidate::default()
        }
    }

    fn tasks(indexes: &[(&str, &[&str])]) -> Candidate {
        table("tasks", &["id", "user_id", "status"], indexes)
    }

    fn of(table: Candidate) -> Finding {
        of_the_guide(&GUIDE[0], &[table]).remove(0)
    }

    #[test]
    fn an_index_counts_by_the_order_of_its_first_columns() {
        assert_eq!(of(tasks(&[("x", &["user_id", "status"])])).outcome, Outcome::Pass);
        assert_eq!(of(tasks(&[("x", &["user_id", "status", "id"])])).outcome, Outcome::Pass);
        for wrong in [&["status", "user_id"][..], &["user_id"], &["id", "user_id", "status"]] {
            let found = of(tasks(&[("x", wrong)]));
            assert_eq!(found.outcome, Outcome::Fail, "{wrong:?}");
            assert_eq!(
                found.fix.unwrap().text,
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_tasks_user_id_status ON public.tasks (user_id, status);"
            );
        }
    }

    #[test]
    fn a_partial_hashed_or_invalid_index_does_not_count() {
        let with = |change: fn(&mut Index)| {
            let mut table = tasks(&[("idx_tasks_user_id_status", &["user_id", "status"])]);
            change(&mut table.indexes[0]);
            let found = of(table);
            (found.outcome, found.fix.unwrap().text)
        };
        let (partial, create) = with(|index| index.partial = true);
        assert_eq!(partial, Outcome::Fail);
        assert!(create.contains("idx_tasks_user_id_status_2 "), "the name is taken: {create}");
        assert_eq!(with(|index| index.method = "hash".to_owned()).0, Outcome::Fail);
        let (broken, reindex) = with(|index| index.valid = false);
        assert_eq!(
            (broken, reindex.as_str()),
            (Outcome::Fail, "REINDEX INDEX CONCURRENTLY public.idx_tasks_user_id_status;")
        );
    }

    #[test]
    fn what_has_no_column_cannot_exist() {
        let found = of(table("tasks", &["id", "status"], &[]));
        assert_eq!(
            (found.outcome, found.summary.as_str()),
            (Outcome::CannotExist, "public.tasks has no column user_id")
        );
        let found = of_the_guide(&GUIDE[2], &[table("tasks", &["project_id"], &[])]);
        assert_eq!(found[0].outcome, Outcome::CannotExist, "one column is too little to know a table by");
        assert_eq!(of_the_guide(&GUIDE[4], &[])[0].outcome, Outcome::CannotExist);
    }

    #[test]
    fn tables_of_other_names_are_known_by_their_columns_and_only_warned_of() {
        let large = |name, indexes: &[(&str, &[&str])]| Candidate {
            rows: 1000.0,
            ..table(name, &["user_id", "status"], indexes)
        };
        let found = of(large("agent_tasks", &[]));
        assert_eq!(found.outcome, Outcome::Warn);
        assert_eq!(of(table("agent_tasks", &["user_id", "status"], &[])).outcome, Outcome::CannotExist, "small");
        assert_eq!(of(large("agent_tasks", &[("x", &["user_id", "status"])])).outcome, Outcome::Pass);
        assert_eq!(of(large("arbeit", &[])).outcome, Outcome::Warn);
    }

    #[test]
    fn the_tables_of_many_tenants_are_one_finding() {
        let tenants: Vec<Candidate> = (0..20).map(|_| tasks(&[])).collect();
        let found = of_the_guide(&GUIDE[0], &tenants);
        assert_eq!((found.len(), found[0].outcome, found[0].evidence.len()), (1, Outcome::Fail, 11));
        let right: Vec<Candidate> = (0..20).map(|_| tasks(&[("x", &["user_id", "status"])])).collect();
        assert_eq!(of_the_guide(&GUIDE[0], &right)[0].outcome, Outcome::Pass);
    }

    #[test]
    fn names_are_quoted_as_the_server_quotes_them_and_partitions_take_no_concurrently() {
        let mut odd = table("Tasks", &[], &[]);
        odd.shown = "\"Größe\".\"Tasks\"".to_owned();
        odd.columns = [("User_Id", "\"User_Id\""), ("status", "status")]
            .map(|(name, quoted)| Column { name: name.to_owned(), quoted: quoted.to_owned() })
            .to_vec();
        odd.partitioned = true;
        let fix = of(odd).fix.unwrap().text;
        assert_eq!(
            fix,
            "CREATE INDEX IF NOT EXISTS idx_tasks_user_id_status ON \"Größe\".\"Tasks\" (\"User_Id\", status);"
        );
    }
}
