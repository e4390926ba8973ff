//! PostgreSQL: looked at in a session that cannot write, then judged.

mod activity;
mod explain;
mod filter;
mod gather;
mod guide_indexes;
mod indexes;
mod seen;
mod session;
mod settings;
mod statements;
mod tables;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::rule::{Area, Finding, FixKind, Rule};
use crate::observe::{Address, Numbers, statement_shown};
use crate::units::format_count;
use session::Session;

static REACHABLE: Rule = Rule {
    id: "db.reachable",
    area: Area::Db,
    lines: &[],
    section: "Database Monitoring",
    holds: "the server lets us in",
    source: "",
    applies: "",
};

/// What to look at, and by what it is judged.
#[derive(Debug, Clone)]
pub struct DbTarget {
    /// Where it is.
    pub address: Address,
    /// Of the server or its container, bytes, and how that is known.
    pub memory: Option<(u64, String)>,
    /// Connections of all pools in front, full.
    pub pools: u32,
    /// Statistics younger than this prove nothing.
    pub evidence_age: Duration,
    /// A statement whose plan is wanted.
    pub explain: Option<String>,
    /// Whether it is run for that.
    pub analyze: bool,
}

/// By what is judged what was seen.
#[derive(Debug, Clone)]
struct Basis {
    memory: Option<(f64, String)>,
    pools: u32,
    evidence_age_s: f64,
}

impl Basis {
    fn too_young(&self, age_s: f64) -> String {
        let hours = |seconds: f64| {
            if seconds < 7200.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{:.0} h", seconds / 3600.0) }
        };
        format!(
            "the statistics are {} old, and prove something from {} on (--evidence-age)",
            hours(age_s),
            hours(self.evidence_age_s)
        )
    }
}

/// Its rules.
pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules = vec![&REACHABLE];
    rules.extend(guide_indexes::rules());
    rules.extend(indexes::RULES);
    rules.extend(tables::RULES);
    rules.extend(activity::RULES);
    rules.extend(statements::RULES);
    rules.extend(settings::rules());
    rules.extend(explain::RULES);
    rules
}

/// Looks, within `timeout` for each thing that is asked, and ten times that in all.
pub(super) async fn look(target: &DbTarget, timeout: Duration) -> Vec<Finding> {
    let looking = async {
        let session = Session::open(&target.address, timeout).await?;
        let seen = gather::gather(&session).await?;
        let plan = match &target.explain {
            Some(statement) => Some((statement, explain::ask(&session, statement, target.analyze).await)),
            None => None,
        };
        let basis = Basis {
            memory: target.memory.as_ref().map(|(bytes, whose)| (*bytes as f64, whose.clone())),
            pools: target.pools,
            evidence_age_s: target.evidence_age.as_secs_f64(),
        };
        let server = &seen.server;
        let reached = format!("PostgreSQL {}, database {}, role {}", server.version, server.name, server.role);
        let mut found = vec![REACHABLE.pass(reached)];
        found.extend(guide_indexes::judge(&seen));
        found.extend(indexes::judge(&seen, &basis));
        found.extend(tables::judge(&seen, &basis));
        found.extend(activity::judge(&seen, &basis));
        found.extend(statements::judge(&seen, &basis));
        found.extend(settings::judge(&seen, &basis));
        found.extend(plan.map(|(statement, plan)| explain::judge(statement, &plan)));
        if seen.server.in_recovery {
            found = found.into_iter().map(for_the_primary).collect();
        }
        Ok(found)
    };
    let looked = tokio::time::timeout(timeout * 10, looking).await;
    let looked = looked.unwrap_or_else(|_| Err(format!("no end within {} s", (timeout * 10).as_secs_f64())));
    looked.unwrap_or_else(|why: String| vec![REACHABLE.unknown(format!("cannot look at PostgreSQL: {why}"))])
}

/// Where a primary's counters would be.
const ON_A_STANDBY: &str = "this is a standby, which does not count it: ask the primary";

/// What a standby cannot do itself, its primary can.
fn for_the_primary(mut finding: Finding) -> Finding {
    if let Some(fix) = finding.fix.as_mut().filter(|fix| fix.kind == FixKind::Sql && !is_of_a_server(&fix.text)) {
        fix.text = format!("-- this is a standby: on its primary\n{}", fix.text);
    }
    finding
}

/// Settings and sessions are each server's own.
fn is_of_a_server(statements: &str) -> bool {
    let own = ["ALTER SYSTEM", "SELECT ", "--"];
    statements.lines().all(|line| own.iter().any(|word| line.starts_with(word)))
}

/// The first ten lines, and how many more there are.
fn but_more(lines: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let count = lines.len();
    let more = (count > 10).then(|| format!("and {} more", count - 10));
    lines.take(10).chain(more).collect()
}

/// A statement on one line, its values hidden, at most 200 characters. Of one that the server has normalised, numbers belong
/// to it.
fn one_line(statement: &str, numbers: Numbers) -> String {
    let line = crate::mask::Mask::default().text(&statement_shown(statement, numbers)).into_owned();
    match line.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn rows(count: f64) -> String {
    format!("{} row{}", format_count(count as u64), if count == 1.0 { "" } else { "s" })
}
