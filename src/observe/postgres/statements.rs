//! Which statements took the time, since the first whole look.

use std::collections::{HashMap, HashSet};

use tokio_postgres::SimpleQueryRow;

use super::about::About;
use super::connect::{MARK, number, text};
use super::literals::{Numbers, shown};
use super::since::{Against, Amiss, Counters, Since};
use crate::observe::SinceFirst;
use crate::record::StatementRow;

/// The dearest that are told one by one.
const DEAREST: usize = 50;
/// Those that ran most often, beside them.
const MOST_OFTEN: usize = 20;

const FIGURES: [(&str, &[&str]); 6] = [
    ("calls", &["calls"]),
    ("total_ms", &["total_exec_time", "total_time"]),
    ("rows", &["rows"]),
    ("blocks_hit", &["shared_blks_hit"]),
    ("blocks_read", &["shared_blks_read"]),
    ("temp_blocks", &["temp_blks_written"]),
];
const CALLS: usize = 0;
const TOTAL_MS: usize = 1;

/// A role, and what the server calls the statement: nothing, where the role of the probe may not know.
type Key = (u32, Option<i64>);
type Sums = [f64; FIGURES.len()];

/// The statements of a run.
#[derive(Debug, Default)]
pub(super) struct Statements {
    since: Since<Key, { FIGURES.len() }>,
    texts: HashMap<i64, String>,
    hidden: bool,
    anew: usize,
    thrown_out: f64,
    resets: usize,
    last_dropped: Option<Dropped>,
    room: Option<f64>,
}

/// How often entries were thrown out to make room, and since when.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dropped {
    times: f64,
    since: String,
}

impl Dropped {
    #[cfg(test)]
    pub(super) fn of(times: f64, since: &str) -> Self {
        Self { times, since: since.to_owned() }
    }

    /// Reads the column that both the database's and the sum's row have.
    pub(super) fn read(row: &SimpleQueryRow) -> Option<Self> {
        let (times, since) = text(row, "dropped")?.split_once(' ')?;
        Some(Self { times: times.parse().ok()?, since: since.to_owned() })
    }
}

/// How many entries there are, of all databases. Before 1.9 nothing else tells that some were thrown out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entries {
    pub(super) count: f64,
    pub(super) room: f64,
}

impl Entries {
    /// Reads the column that the sum's row then has.
    pub(super) fn read(row: &SimpleQueryRow, about: &About) -> Option<Self> {
        Some(Self { count: number(row, "entries")?, room: about.statements.as_ref()?.room? })
    }

    /// Whether there may have been no room a moment ago. A twentieth is thrown out then, ten at least; as many again may
    /// be there without being listed, as they have not run yet.
    fn were_full(self) -> bool {
        self.count > self.room - 2.0 * (self.room / 20.0).max(10.0)
    }

    /// Whether some of those before may be gone. That as many came as were thrown out is not seen.
    pub(super) fn may_lack(self, before: Self) -> bool {
        self.count < before.count || (self.count > before.count && self.were_full())
    }
}

/// Asks for all of them; a row each.
pub(super) fn question(about: &About) -> Option<String> {
    let counted = about.statements.as_ref()?;
    let mut asked = about.columns.select("pg_stat_statements", "", &FIGURES);
    if about.columns.has("pg_stat_statements", "stats_since") {
        asked.push("extract(epoch FROM stats_since) AS \"since_s\"".to_owned());
    }
    Some(format!(
        "SELECT {MARK} userid AS \"role\", queryid AS \"id\", {} FROM {} WHERE {}",
        asked.join(", "),
        counted.without_texts(),
        about.statements_of_the_database()
    ))
}

/// Asks for the texts of some.
pub(super) fn texts_question(about: &About, ids: &[i64]) -> Option<String> {
    let counted = about.statements.as_ref()?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    Some(format!(
        "SELECT {MARK} queryid AS \"id\", left(min(query), 4000) AS \"text\" FROM {} \
         WHERE dbid = {} AND queryid = ANY ('{{{}}}'::bigint[]) GROUP BY queryid",
        counted.with_texts(),
        about.database_oid,
        ids.join(",")
    ))
}

impl Statements {
    /// Takes a whole look.
    pub(super) fn see(
        &mut self,
        rows: &[SimpleQueryRow],
        dropped: Option<Dropped>,
        entries: Option<Entries>,
        about: &About,
    ) -> bool {
        let begins = self.since.is_empty();
        self.room = about.statements.as_ref().and_then(|counted| counted.room);
        let mut now: HashMap<Key, Counters<{ FIGURES.len() }>> = HashMap::with_capacity(rows.len());
        for row in rows {
            let id = text(row, "id").and_then(|id| id.parse().ok());
            self.hidden |= id.is_none();
            let role = text(row, "role").and_then(|role| role.parse().ok()).unwrap_or_default();
            let values = FIGURES.map(|(name, _)| number(row, name).unwrap_or_default());
            let counters = now.entry((role, id)).or_insert(Counters { values: [0.0; FIGURES.len()], since_s: None });
            counters.values.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            // Of those without a name, which are all one here, no begin is known.
            counters.since_s = number(row, "since_s").filter(|_| id.is_some());
        }
        let was_reset = self.is_reset(dropped.as_ref());
        let amiss = self.since.see(now, if was_reset { Against::Nothing } else { Against::TheLast });
        self.note(amiss, dropped, entries);
        begins
    }

    fn is_reset(&self, dropped: Option<&Dropped>) -> bool {
        self.last_dropped.as_ref().zip(dropped).is_some_and(|(before, now)| before.since != now.since)
    }

    fn note(&mut self, amiss: Amiss, dropped: Option<Dropped>, entries: Option<Entries>) {
        self.anew += amiss.anew;
        match (&self.last_dropped, &dropped) {
            _ if self.is_reset(dropped.as_ref()) => self.resets += 1,
            (Some(before), Some(now)) => self.thrown_out += now.times - before.times,
            // Before 1.9 nobody tells but the gap that they leave.
            (None, None) if amiss.gone > 0 => match entries {
                Some(entries) if entries.were_full() => self.thrown_out += amiss.gone as f64,
                Some(_) => self.resets += 1,
                None => self.anew += amiss.gone,
            },
            _ => {}
        }
        self.last_dropped = dropped;
    }

    /// Those of the top whose texts are not known yet.
    pub(super) fn unknown(&self) -> Vec<i64> {
        self.top().0.iter().map(|(id, _)| *id).filter(|id| !self.texts.contains_key(id)).collect()
    }

    pub(super) fn learn_texts(&mut self, rows: &[SimpleQueryRow]) {
        for row in rows {
            if let (Some(Ok(id)), Some(text)) = (text(row, "id").map(str::parse), text(row, "text")) {
                // What the server does not normalise, e.g. ALTER ROLE, may hold a password.
                self.texts.insert(id, shown(text, Numbers::Keep));
            }
        }
    }

    /// All of them, the dearest first.
    pub(super) fn told(&self, begins: bool) -> SinceFirst<(Vec<StatementRow>, StatementRow)> {
        let (top, others) = self.top();
        let row = |id: Option<i64>, sums: &Sums| {
            let [calls, total_ms, rows, blocks_hit, blocks_read, temp_blocks] = *sums;
            let text = id.map(|id| self.texts.get(&id).cloned().unwrap_or_else(|| "its text is lost".to_owned()));
            StatementRow {
                id: id.map(|id| id.to_string()).unwrap_or_default(),
                text: text.unwrap_or_default(),
                calls,
                total_ms,
                rows,
                blocks_hit,
                blocks_read,
                temp_blocks,
            }
        };
        let top = top.iter().map(|(id, sums)| row(Some(*id), sums)).collect();
        SinceFirst { counted: (top, row(None, &others)), begins, incomplete: self.incomplete() }
    }

    /// The dearest and those that ran most often, the dearest first, and the sum of the others.
    fn top(&self) -> (Vec<(i64, Sums)>, Sums) {
        let mut by_id: HashMap<i64, Sums> = HashMap::new();
        let mut others = [0.0; FIGURES.len()];
        for ((_, id), sums) in self.since.sums().filter(|(_, sums)| sums[CALLS] > 0.0) {
            add(id.map_or(&mut others, |id| by_id.entry(id).or_insert([0.0; FIGURES.len()])), sums);
        }
        let mut all: Vec<(i64, Sums)> = by_id.into_iter().collect();
        let by = |figure: usize| {
            move |a: &(i64, Sums), b: &(i64, Sums)| b.1[figure].total_cmp(&a.1[figure]).then(a.0.cmp(&b.0))
        };
        all.sort_by(by(TOTAL_MS));
        let mut rest = all.split_off(DEAREST.min(all.len()));
        rest.sort_by(by(CALLS));
        all.extend(rest.drain(..MOST_OFTEN.min(rest.len())));
        all.sort_by(by(TOTAL_MS));
        for (_, sums) in &rest {
            add(&mut others, sums);
        }
        (all, others)
    }

    fn incomplete(&self) -> Option<String> {
        let mut why = Vec::new();
        if self.resets > 0 {
            why.push("pg_stat_statements was reset, or lost with the server, while the load ran".to_owned());
        }
        if self.thrown_out > 0.0 {
            let room = self.room.map(|room| format!(" above {room}")).unwrap_or_default();
            why.push(format!("rare statements were thrown out to make room: raise pg_stat_statements.max{room}"));
        }
        if self.anew > 0 && why.is_empty() {
            why.push("the counters of some statements began anew: they were reset, or lost with the server".to_owned());
        }
        if self.hidden {
            why.push(
                "texts of other roles' statements may not be read: GRANT pg_monitor to the probe's role".to_owned(),
            );
        }
        (!why.is_empty()).then(|| why.join("; "))
    }

    /// Forgets texts of statements that are no longer told, so that a long run holds no more than a short one.
    pub(super) fn tidy(&mut self) {
        let kept: HashSet<i64> = self.top().0.into_iter().map(|(id, _)| id).collect();
        self.texts.retain(|id, _| kept.contains(id));
    }
}

fn add(sum: &mut Sums, more: &Sums) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

#[cfg(test)]
mod tests {
    use super::super::columns::recorded;
    use super::*;

    fn entry(role: u32, id: i64, calls: f64, total_ms: f64) -> (Key, Counters<6>) {
        ((role, Some(id)), Counters { values: [calls, total_ms, calls, 0.0, 0.0, 0.0], since_s: None })
    }

    fn see(statements: &mut Statements, entries: Vec<(Key, Counters<6>)>, times: f64) {
        let amiss = statements.since.see(entries.into_iter().collect(), Against::TheLast);
        statements.note(amiss, Some(Dropped { times, since: "then".to_owned() }), None);
    }

    #[test]
    fn every_version_is_asked_by_its_own_columns() {
        for version in recorded::VERSIONS {
            let about = About::recorded(recorded::of(version));
            for statement in [question(&about).unwrap(), texts_question(&about, &[1, -2]).unwrap()] {
                assert_eq!(recorded::strangers(version, &statement), Vec::<String>::new(), "{version}: {statement}");
            }
            let statement = question(&about).unwrap();
            assert!(FIGURES.iter().all(|(name, _)| statement.contains(&format!("\"{name}\""))), "{version}");
            assert_eq!(statement.contains("since_s"), version >= 17);
        }
        assert_eq!(question(&About::recorded(recorded::without_the_extension(15))), None);
    }

    #[test]
    fn the_dearest_and_the_most_frequent_are_told_and_all_add_up() {
        let mut statements = Statements::default();
        see(&mut statements, Vec::new(), 0.0);
        // The dearer, the rarer.
        let entries = (1..=200).map(|n| entry(1, n, 1000.0 - n as f64, n as f64 * 10.0)).collect();
        see(&mut statements, entries, 0.0);
        let SinceFirst { counted: (top, others), incomplete, .. } = statements.told(false);
        assert_eq!((top.len(), incomplete), (70, None));
        let ids: Vec<&str> = top.iter().map(|row| &*row.id).collect();
        assert_eq!((ids[0], ids[49], ids[50], ids[69]), ("200", "151", "20", "1"));
        let all_ms: f64 = (1..=200).map(|n| f64::from(n) * 10.0).sum();
        assert_eq!(top.iter().map(|row| row.total_ms).sum::<f64>() + others.total_ms, all_ms);
        assert_eq!(statements.unknown().len(), 70);
    }

    #[test]
    fn a_statement_of_two_roles_is_one_and_one_that_did_not_run_is_none() {
        let mut statements = Statements::default();
        see(&mut statements, vec![entry(1, 7, 5.0, 5.0), entry(1, 8, 5.0, 5.0)], 0.0);
        see(&mut statements, vec![entry(1, 7, 6.0, 7.0), entry(2, 7, 3.0, 4.0), entry(1, 8, 5.0, 5.0)], 0.0);
        let (top, _) = statements.told(false).counted;
        assert_eq!(top.len(), 1);
        assert_eq!((top[0].calls, top[0].total_ms), (4.0, 6.0));
    }

    #[test]
    fn what_may_be_missing_is_said() {
        let said = |change: &dyn Fn(&mut Statements)| {
            let mut statements = Statements::default();
            see(&mut statements, vec![entry(1, 7, 5.0, 5.0)], 3.0);
            change(&mut statements);
            statements.told(false).incomplete.unwrap_or_default()
        };
        assert_eq!(said(&|s| see(s, vec![entry(1, 7, 6.0, 6.0)], 3.0)), "");
        assert!(said(&|s| see(s, vec![entry(1, 7, 6.0, 6.0)], 4.0)).contains("pg_stat_statements.max"));
        assert!(said(&|s| see(s, vec![entry(1, 7, 2.0, 2.0)], 3.0)).contains("began anew"));
        let reset = Dropped { times: 0.0, since: "now".to_owned() };
        assert!(said(&|s| s.note(Amiss::default(), Some(reset.clone()), None)).contains("was reset"));
        assert!(said(&|s| s.hidden = true).contains("GRANT pg_monitor"));
    }

    #[test]
    fn before_1_9_entries_that_are_gone_give_it_away() {
        let mut statements = Statements::default();
        for gone in [0, 1] {
            statements.note(Amiss { anew: 0, gone }, None, None);
            assert_eq!(statements.incomplete().is_some(), gone == 1);
        }
    }

    #[test]
    fn before_1_9_entries_that_are_gone_were_thrown_out_where_there_was_no_room_and_reset_where_there_was() {
        for (count, says) in [(4750.0, "were thrown out to make room"), (4501.0, "thrown out"), (4500.0, "was reset")] {
            let mut statements = Statements::default();
            statements.note(Amiss { anew: 0, gone: 1 }, None, Some(Entries { count, room: 5000.0 }));
            let incomplete = statements.incomplete().unwrap();
            assert!(incomplete.contains(says), "{count}: {incomplete}");
        }
    }

    #[test]
    fn before_1_9_entries_may_lack_some_where_they_became_fewer_or_are_nearly_full_and_others() {
        let entries = |count| Entries { count, room: 100.0 };
        for (before, now, may_lack) in
            [(20.0, 80.0, false), (20.0, 81.0, true), (95.0, 96.0, true), (96.0, 96.0, false), (20.0, 19.0, true)]
        {
            assert_eq!(entries(now).may_lack(entries(before)), may_lack, "{before} {now}");
        }
    }
}
