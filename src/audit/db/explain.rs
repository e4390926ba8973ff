//! The plan of a statement in words, and the node that costs most.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::filter;
use super::session::{How, Session, Told};
use crate::observe::Numbers;
use crate::units::{format_count, format_ms};

static PLAN: Rule = Rule {
    id: "db.explain",
    area: Area::Db,
    lines: &[6],
    section: "Performance Profiling Tools",
    holds: "the node that costs most does not read 10,000 rows or more from end to end to keep a tenth of them",
    source: "pghero's missing index (10,000 rows); a tenth: own choice, of more an index saves little",
    applies: "--explain",
};

pub(super) static RULES: [&Rule; 1] = [&PLAN];

/// A node, with what it costs by itself.
struct Node<'p> {
    plan: &'p Value,
    depth: usize,
    /// Of the plan, 0 to 1.
    share: f64,
    /// Processes that share a parallel node, as the planner weighs them.
    processes: f64,
}

/// A plan, and what its tables are.
pub(super) struct Plan {
    root: Value,
    /// By schema and name.
    tables: BTreeMap<(String, String), Table>,
}

#[derive(Default, Deserialize)]
struct Table {
    schema: String,
    name: String,
    rows: f64,
    /// With its schema, quoted where it must be, as are the columns.
    shown: String,
    columns: Vec<String>,
    /// Those that an expression shows as text.
    varchars: Vec<String>,
}

/// Asks for both.
pub(super) async fn ask(session: &Session, statement: &str, analyze: bool) -> Told<Plan> {
    let mut root = read(&session.plan(statement, How::Planned).await?)?;
    refuse_writing(&root)?;
    if analyze {
        refuse_side_effects(session, &root).await?;
        root = read(&session.plan(statement, How::Run).await?)?;
    }
    let mut nodes = Vec::new();
    walk(&root, 0, 1.0, &mut nodes);
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let names: Vec<String> = nodes
        .iter()
        .filter(|node| !relation(node.plan).is_empty())
        .map(|node| format!("({}, {})", literal(text(node.plan, "Schema")), literal(relation(node.plan))))
        .collect();
    let mut tables = BTreeMap::new();
    if !names.is_empty() {
        let select = format!(
            "SELECT n.nspname AS schema, c.relname AS name,
                    -- As the planner counts them, whose rows are held against these.
                    (CASE WHEN c.reltuples > 0 AND c.relpages > 0
                     THEN c.reltuples * pg_relation_size(c.oid) / current_setting('block_size')::float8 / c.relpages
                     ELSE greatest(pg_stat_get_live_tuples(c.oid), 0) END)::float8 AS rows,
                    quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown,
                    coalesce((SELECT json_agg(quote_ident(attname)) FROM pg_attribute
                              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '[]') AS columns,
                    coalesce((SELECT json_agg(quote_ident(attname)) FROM pg_attribute
                              WHERE attrelid = c.oid AND attnum > 0 AND atttypid = 'varchar'::regtype), '[]') AS varchars
             FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
             WHERE (n.nspname, c.relname) IN ({})",
            names.join(", ")
        );
        let seen: Vec<Table> = session.rows(&select).await?;
        tables.extend(seen.into_iter().map(|table| ((table.schema.clone(), table.name.clone()), table)));
    }
    Ok(Plan { root, tables })
}

/// The plan of an INSERT, UPDATE, DELETE or MERGE, at its top or within a WITH.
fn refuse_writing(root: &Value) -> Told<()> {
    let mut nodes = Vec::new();
    walk(root, 0, 1.0, &mut nodes);
    let writes = nodes.iter().find(|node| text(node.plan, "Node Type") == "ModifyTable");
    match writes {
        Some(node) => {
            let does = text(node.plan, "Operation").to_uppercase();
            Err(format!("it writes ({does} of {}): only a SELECT is explained", relation(node.plan)))
        }
        None => Ok(()),
    }
}

/// Functions that may do more than compute, as far as the plan names them: a transaction that cannot write does not hold up all.
async fn refuse_side_effects(session: &Session, root: &Value) -> Told<()> {
    let mut called = BTreeSet::new();
    functions(root, &mut called);
    if called.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = called.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    let volatile = format!(
        "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v' AND proname IN ({}) AND proname <> ALL (ARRAY[
             'random', 'random_normal', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7', 'pg_sleep',
             'pg_sleep_for', 'pg_sleep_until', 'currval', 'lastval', 'generate_series', 'unnest']) ORDER BY 1",
        names.join(", ")
    );
    let found = session.lines(&volatile).await?;
    if found.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}() may do more than read, so it is not run: without --analyze its plan is shown",
        found.join("(), ")
    ))
}

/// What stands before a parenthesis in an expression of the plan.
fn functions(plan: &Value, called: &mut BTreeSet<String>) {
    match plan {
        Value::Object(fields) => fields.values().for_each(|value| functions(value, called)),
        Value::Array(values) => values.iter().for_each(|value| functions(value, called)),
        Value::String(text) => {
            let before = text.match_indices('(').map(|(at, _)| &text[..at]);
            called.extend(before.filter_map(|text| match text.strip_suffix('"') {
                Some(quoted) => quoted.rsplit_once('"').map(|(_, name)| name.to_owned()),
                None => Some(text.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned()),
            }));
            // A scan of a function names it alone.
            called.insert(text.clone());
            called.remove("");
        }
        _ => {}
    }
}

fn read(text: &str) -> Told<Value> {
    let plans: Value = serde_json::from_str(text).map_err(|error| format!("the plan cannot be understood: {error}"))?;
    Ok(plans[0]["Plan"].clone())
}

/// The plan, judged.
pub(super) fn judge(statement: &str, plan: &Told<Plan>) -> Finding {
    match plan {
        Ok(plan) => of_plan(plan),
        Err(why) => PLAN.unknown(format!("no plan of {}: {why}", super::one_line(statement, Numbers::Keep))),
    }
}

fn of_plan(Plan { root, tables }: &Plan) -> Finding {
    let measured = root.get("Actual Total Time").is_some();
    let mut nodes = Vec::new();
    walk(root, 0, 1.0, &mut nodes);
    let total: f64 = nodes.iter().map(|node| own_cost(node.plan, measured)).sum();
    for node in &mut nodes {
        node.share = own_cost(node.plan, measured) / total.max(f64::MIN_POSITIVE);
    }
    let Some(costliest) = nodes.iter().max_by(|a, b| a.share.total_cmp(&b.share)) else {
        return PLAN.unknown("the plan is empty");
    };
    let lines: Vec<String> = nodes
        .iter()
        .map(|node| {
            let mark = if std::ptr::eq(node.plan, costliest.plan) { "▶ " } else { "  " };
            format!("{mark}{}{}, {:.0} %", "· ".repeat(node.depth), words(node.plan), 100.0 * node.share)
        })
        .collect();
    let plan = costliest.plan;
    let summary = format!("most of its cost ({:.0} %) is: {}", 100.0 * costliest.share, words(plan));
    // Rows are told by process, and a process reads its part.
    let parts = match plan["Parallel Aware"].as_bool().unwrap_or(false) {
        true if measured => number(plan, "Actual Loops").max(1.0),
        true => costliest.processes,
        false => 1.0,
    };
    let seen = parts * (number(plan, "Actual Rows") + number(plan, "Rows Removed by Filter"));
    let table = tables.get(&(text(plan, "Schema").to_owned(), relation(plan).to_owned()));
    let read = if measured { seen } else { table.map_or(0.0, |table| table.rows) };
    let kept = parts * number(plan, if measured { "Actual Rows" } else { "Plan Rows" });
    let scans = text(plan, "Node Type") == "Seq Scan" && plan.get("Filter").is_some();
    if !(scans && read >= 10_000.0 && kept <= 0.1 * read) {
        return PLAN.pass(summary).seen(lines);
    }
    let filter = text(plan, "Filter");
    let found = PLAN.found(Outcome::Fail, summary).seen(lines);
    let columns = table.and_then(|table| {
        Some((table, filter::columns(filter, text(plan, "Alias"), &table.columns, &table.varchars)?))
    });
    match columns {
        Some((table, columns)) => {
            found.fix(FixKind::Sql, format!("CREATE INDEX CONCURRENTLY ON {} ({});", table.shown, columns.join(", ")))
        }
        None => found.fix(
            FixKind::Words,
            format!("an index of {} on the columns of {filter} saves reading the rest", relation(plan)),
        ),
    }
}

fn walk<'p>(plan: &'p Value, depth: usize, processes: f64, nodes: &mut Vec<Node<'p>>) {
    if plan.is_object() {
        nodes.push(Node { plan, depth, share: 0.0, processes });
    }
    let processes = match plan["Workers Planned"].as_f64() {
        // The leader helps, the less the more workers there are: get_parallel_divisor() of PostgreSQL.
        Some(workers) => workers + (1.0 - 0.3 * workers).max(0.0),
        None => processes,
    };
    for child in plan["Plans"].as_array().into_iter().flatten() {
        walk(child, depth + 1, processes, nodes);
    }
}

/// Without that of the nodes below.
fn own_cost(plan: &Value, measured: bool) -> f64 {
    let whole = |plan: &Value| {
        if measured {
            number(plan, "Actual Total Time") * number(plan, "Actual Loops").max(1.0)
        } else {
            number(plan, "Total Cost")
        }
    };
    let below: f64 = plan["Plans"].as_array().into_iter().flatten().map(whole).sum();
    (whole(plan) - below).max(0.0)
}

fn words(plan: &Value) -> String {
    let kind = text(plan, "Node Type");
    let (table, index) = (relation(plan), text(plan, "Index Name"));
    let mut said = match kind {
        "Seq Scan" => format!("reads all of {table} from end to end"),
        "Index Scan" => format!("finds rows of {table} by the index {index}"),
        "Index Only Scan" => format!("answers from the index {index} alone"),
        "Bitmap Index Scan" => format!("collects places in the index {index}"),
        "Bitmap Heap Scan" => format!("fetches the collected rows of {table}"),
        "Sort" | "Incremental Sort" => format!("sorts by {}", list(plan, "Sort Key")),
        "Hash Join" => format!("joins by a hash table {}", text(plan, "Hash Cond")),
        "Nested Loop" => "looks up the right side for each row of the left".to_owned(),
        "Merge Join" => format!("joins two sorted sides {}", text(plan, "Merge Cond")),
        "Hash" => "builds a hash table".to_owned(),
        "Aggregate" if plan.get("Group Key").is_some() => format!("groups by {}", list(plan, "Group Key")),
        "Aggregate" => "counts or adds up".to_owned(),
        "WindowAgg" => "computes over a window of rows".to_owned(),
        "Limit" => "stops after as many rows as were asked for".to_owned(),
        "Gather" | "Gather Merge" => "collects from parallel workers".to_owned(),
        "Materialize" | "Memoize" => "keeps rows for later".to_owned(),
        "Append" | "Merge Append" => "puts several together".to_owned(),
        other => format!("does {other}"),
    };
    for (key, word) in [("Index Cond", "where"), ("Filter", "keeping only")] {
        let condition = text(plan, key);
        if !condition.is_empty() {
            let _ = write!(said, " {word} {condition}");
        }
    }
    let rows = |count: f64| format!("{} row{}", format_count(count as u64), if count as u64 == 1 { "" } else { "s" });
    let _ = write!(said, ": about {}", rows(number(plan, "Plan Rows")));
    if plan.get("Actual Rows").is_some() {
        let loops = number(plan, "Actual Loops");
        let times = if loops > 1.0 { format!(" × {}", format_count(loops as u64)) } else { String::new() };
        let _ = write!(
            said,
            " planned, {} seen in {}{times}",
            rows(number(plan, "Actual Rows")),
            format_ms(number(plan, "Actual Total Time"))
        );
    }
    said
}

fn relation(plan: &Value) -> &str {
    text(plan, "Relation Name")
}

fn text<'p>(plan: &'p Value, key: &str) -> &'p str {
    plan[key].as_str().unwrap_or_default()
}

fn list(plan: &Value, key: &str) -> String {
    plan[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn number(plan: &Value, key: &str) -> f64 {
    plan[key].as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(scan: &str, rows: f64) -> Plan {
        let text = format!(
            r#"[{{"Plan": {{"Node Type": "Sort", "Sort Key": ["created_at"], "Total Cost": 2100.0, "Plan Rows": 90,
                "Plans": [{scan}]}}}}]"#
        );
        let key = ("public".to_owned(), "tasks".to_owned());
        let columns = vec!["user_id".to_owned()];
        let table = Table { rows, shown: "public.tasks".to_owned(), columns, ..Table::default() };
        Plan { root: read(&text).unwrap(), tables: BTreeMap::from([(key, table)]) }
    }

    const SCAN: &str = r#"{"Node Type": "Seq Scan", "Relation Name": "tasks", "Schema": "public",
        "Filter": "(user_id = 'x'::text)", "Total Cost": 2000.0, "Plan Rows": 90}"#;

    #[test]
    fn a_filter_over_a_whole_table_fails_and_is_pointed_at() {
        let found = judge("SELECT 1", &Ok(plan(SCAN, 20_000.0)));
        assert_eq!(found.outcome, Outcome::Fail);
        assert_eq!(
            found.evidence,
            [
                "  sorts by created_at: about 90 rows, 5 %",
                "▶ · reads all of tasks from end to end keeping only (user_id = 'x'::text): about 90 rows, 95 %",
            ]
        );
        assert_eq!(found.fix.unwrap().text, "CREATE INDEX CONCURRENTLY ON public.tasks (user_id);");
        let computed = SCAN.replace("(user_id =", "(lower(user_id) =");
        let fix = judge("SELECT 1", &Ok(plan(&computed, 20_000.0))).fix.unwrap();
        assert_eq!(fix.kind, FixKind::Words);
        assert!(fix.text.contains("(lower(user_id) = 'x'::text)"), "{}", fix.text);
    }

    #[test]
    fn an_index_a_small_table_or_a_whole_read_passes() {
        let of = |scan: &str, rows| judge("SELECT 1", &Ok(plan(scan, rows))).outcome;
        assert_eq!(of(SCAN, 9_999.0), Outcome::Pass);
        let many = SCAN.replace("\"Plan Rows\": 90", "\"Plan Rows\": 3000");
        assert_eq!(of(&many, 20_000.0), Outcome::Pass, "a seventh is kept");
        assert_eq!(of(&SCAN.replace("Filter", "Output"), 20_000.0), Outcome::Pass);
        assert_eq!(of(&SCAN.replace("Seq Scan", "Index Scan"), 20_000.0), Outcome::Pass);
    }

    #[test]
    fn a_measured_plan_counts_time_and_what_was_thrown_away() {
        let text = r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Filter": "(a = 1)", "Total Cost": 9.0, "Plan Rows": 1,
            "Actual Total Time": 12.0, "Actual Rows": 5, "Actual Loops": 1, "Rows Removed by Filter": 99995}}]"#;
        let found = judge("SELECT 1", &Ok(Plan { root: read(text).unwrap(), tables: BTreeMap::new() }));
        assert_eq!(found.outcome, Outcome::Fail);
        assert!(found.evidence[0].contains("1 row planned, 5 rows seen in 12 ms"), "{:?}", found.evidence);
    }

    #[test]
    fn the_rows_of_parallel_workers_are_added_up() {
        let gather = |rows: u32| {
            let scan = SCAN.replace("\"Plan Rows\": 90", &format!("\"Parallel Aware\": true, \"Plan Rows\": {rows}"));
            let plan = plan(&scan.replace("2000.0", "2100.0"), 100_000.0);
            let mut root = plan.root;
            root["Node Type"] = "Gather".into();
            root["Workers Planned"] = 2.into();
            of_plan(&Plan { root, tables: plan.tables }).outcome
        };
        assert_eq!(
            (gather(4100), gather(4300)),
            (Outcome::Fail, Outcome::Pass),
            "2.4 processes: 9,840 and 10,320 rows"
        );
        let text = r#"[{"Plan": {"Node Type": "Seq Scan", "Parallel Aware": true, "Filter": "(a = 1)", "Plan Rows": 1,
            "Actual Total Time": 12.0, "Actual Rows": 5, "Actual Loops": 3, "Rows Removed by Filter": 3995}}]"#;
        let found = judge("SELECT 1", &Ok(Plan { root: read(text).unwrap(), tables: BTreeMap::new() }));
        assert_eq!(found.outcome, Outcome::Fail, "three times 4,000");
    }

    #[test]
    fn functions_are_found_wherever_a_plan_names_them() {
        let text = r#"[{"Plan": {"Node Type": "Function Scan", "Function Name": "writes", "Output": ["lower((a.b)::text)"],
            "Plans": [{"Filter": "(\"Odd name\"(1) > s.next_one(2))"}]}}]"#;
        let mut called = BTreeSet::new();
        functions(&read(text).unwrap(), &mut called);
        for name in ["writes", "lower", "Odd name", "next_one"] {
            assert!(called.contains(name), "{name} of {called:?}");
        }
    }

    #[test]
    fn no_plan_is_unknown() {
        assert_eq!(judge("SELEC", &Err("syntax error".to_owned())).outcome, Outcome::Unknown);
        assert!(read("{").is_err());
    }
}
