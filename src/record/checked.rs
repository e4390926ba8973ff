//! What a check of the system has found: the one value that all its reports are made of. A run that was preceded by a check
//! keeps it in its result folder as `check.json`, beside the journal, and reads it back from there.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::JournalError;

/// The file in a result folder.
const NAME: &str = "check.json";
/// The shape that is written.
const SCHEMA: u32 = 1;

/// A part of the system under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckArea {
    /// The service, over HTTP.
    App,
    /// PostgreSQL.
    Db,
    /// Redis.
    Cache,
    /// nginx.
    Proxy,
    /// Containers.
    Containers,
    /// This machine.
    System,
}

impl CheckArea {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [Self::App, Self::Db, Self::Cache, Self::Proxy, Self::Containers, Self::System];

    /// As it stands before a rule's first dot.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Db => "db",
            Self::Cache => "cache",
            Self::Proxy => "proxy",
            Self::Containers => "containers",
            Self::System => "system",
        }
    }
}

impl fmt::Display for CheckArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a rule, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It does not hold.
    Fail,
    /// It holds barely, or what is wrong may be meant so.
    Warn,
    /// It could not be told, for want of a right or an answer.
    Unknown,
    /// It cannot be seen from outside: a question for a person.
    Manual,
    /// An index of the guide for which there is no column here.
    CannotExist,
    /// There is nothing here, or not enough of it yet, for the rule to speak of.
    NotApplicable,
    /// It holds.
    Pass,
}

impl CheckOutcome {
    /// All of them, the worst first.
    pub const ALL: [Self; 7] =
        [Self::Fail, Self::Warn, Self::Unknown, Self::Manual, Self::CannotExist, Self::NotApplicable, Self::Pass];

    /// For programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Manual => "manual",
            Self::CannotExist => "cannot_exist",
            Self::NotApplicable => "not_applicable",
            Self::Pass => "pass",
        }
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::CannotExist => "cannot be here",
            Self::NotApplicable => "not applicable",
            other => other.name(),
        }
    }
}

/// What a check has found, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Of this shape: 1.
    pub schema: u32,
    /// It was asked to stop before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// `fail`, `unknown` or `pass`: the worst of what counts.
    pub outcome: CheckOutcome,
    /// How many findings have which outcome.
    pub counts: CheckCounts,
    /// Where it was looked, passwords masked.
    pub looked_at: Vec<CheckedPlace>,
    /// Areas that nobody named.
    pub not_looked_at: Vec<UncheckedArea>,
    /// Of every rule that was looked at, the worst first.
    pub findings: Vec<CheckFinding>,
    /// The guide's checklist; empty where some rules or areas were chosen: it would say little.
    pub checklist: Vec<ChecklistLine>,
    /// What a reader should know: acceptances that nothing was found for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How many findings have which outcome; those that are accepted count on their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the outcome of its name")]
pub struct CheckCounts {
    pub fail: usize,
    pub warn: usize,
    pub unknown: usize,
    pub manual: usize,
    pub cannot_exist: usize,
    pub not_applicable: usize,
    pub pass: usize,
    pub accepted: usize,
}

/// Where it was looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedPlace {
    /// What was looked at.
    pub area: CheckArea,
    /// Its address or file, without secrets.
    pub place: String,
}

/// An area that nobody named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncheckedArea {
    /// What was not looked at.
    pub area: CheckArea,
    /// How to have it looked at.
    pub how: String,
}

/// What a rule has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFinding {
    /// The rule's id: `db.index.tasks_complex`.
    pub rule: String,
    /// Where it looks.
    pub area: CheckArea,
    /// Which of several: a table, a container.
    pub subject: Option<String>,
    /// What became of it.
    pub outcome: CheckOutcome,
    /// In one sentence.
    pub summary: String,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// What to do, ready to be run or copied.
    pub fix: Option<CheckFix>,
    /// What must hold.
    pub holds: String,
    /// Where the threshold comes from.
    pub source: String,
    /// What it takes to tell; empty where nothing is.
    pub applies: String,
    /// The guide's section.
    pub guide: String,
    /// The lines of the guide's checklist that it stands for, from 1.
    pub checklist: Vec<u8>,
    /// That somebody lives with it.
    pub accepted: Option<Accepted>,
    /// A word about an acceptance that has ended.
    pub note: Option<String>,
    /// What a load that followed has shown of the same thing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_load: Vec<String>,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFix {
    /// `sql`, `redis`, `nginx`, `yaml`, `sh`, `python` or `text`.
    pub language: String,
    /// The statement or the lines.
    pub text: String,
}

/// That somebody lives with a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// The last day on which it holds, `2027-01-31`; `None`: always.
    pub until: Option<String>,
}

/// A line of the guide's checklist, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistLine {
    /// From 1.
    pub number: u8,
    /// Database, Application or Infrastructure.
    pub section: String,
    /// What is to be ticked off.
    pub line: String,
    /// The worst of its rules that had something to say, `manual` while a part of it is open; `None`: none was looked at.
    pub outcome: Option<CheckOutcome>,
    /// What is open of a line of which the rest holds: `app.alerting is a question`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partly: Option<String>,
}

impl CheckFinding {
    /// What counts: an accepted finding counts as if it held.
    pub fn counts_as(&self) -> CheckOutcome {
        if self.accepted.is_some() { CheckOutcome::Pass } else { self.outcome }
    }

    /// Whether nothing could be looked at for want of an answer.
    fn is_closed_door(&self) -> bool {
        self.outcome == CheckOutcome::Unknown && self.rule.ends_with(".reachable")
    }
}

impl CheckCounts {
    fn of(findings: &[CheckFinding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *counts.place(finding) += 1;
        }
        counts
    }

    fn place(&mut self, finding: &CheckFinding) -> &mut usize {
        match finding.outcome {
            _ if finding.accepted.is_some() => &mut self.accepted,
            CheckOutcome::Fail => &mut self.fail,
            CheckOutcome::Warn => &mut self.warn,
            CheckOutcome::Unknown => &mut self.unknown,
            CheckOutcome::Manual => &mut self.manual,
            CheckOutcome::CannotExist => &mut self.cannot_exist,
            CheckOutcome::NotApplicable => &mut self.not_applicable,
            CheckOutcome::Pass => &mut self.pass,
        }
    }

    /// Of an outcome.
    pub fn get(&self, outcome: CheckOutcome) -> usize {
        match outcome {
            CheckOutcome::Fail => self.fail,
            CheckOutcome::Warn => self.warn,
            CheckOutcome::Unknown => self.unknown,
            CheckOutcome::Manual => self.manual,
            CheckOutcome::CannotExist => self.cannot_exist,
            CheckOutcome::NotApplicable => self.not_applicable,
            CheckOutcome::Pass => self.pass,
        }
    }

    /// `2 fail, 1 warn, 40 pass, 1 accepted`
    pub fn words(&self) -> String {
        let outcomes = CheckOutcome::ALL.into_iter().map(|outcome| (self.get(outcome), outcome.word()));
        let all = outcomes.chain([(self.accepted, "accepted")]).filter(|(count, _)| *count > 0);
        all.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

impl Checked {
    /// Of findings, the worst first.
    pub fn of(findings: Vec<CheckFinding>) -> Self {
        let has = |outcome| findings.iter().any(|finding| finding.counts_as() == outcome);
        let worst = [CheckOutcome::Fail, CheckOutcome::Unknown].into_iter().find(|outcome| has(*outcome));
        Self {
            schema: SCHEMA,
            partial: false,
            outcome: worst.unwrap_or(CheckOutcome::Pass),
            counts: CheckCounts::of(&findings),
            looked_at: Vec::new(),
            not_looked_at: Vec::new(),
            findings,
            checklist: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether anything at all could be looked at.
    pub fn saw_something(&self) -> bool {
        self.findings.iter().any(|finding| finding.outcome != CheckOutcome::Manual && !finding.is_closed_door())
    }

    /// It was asked to stop before these areas were looked at to their end: nothing holds of what nobody saw.
    pub fn cut_short(&mut self, areas: &[CheckArea]) {
        self.partial = true;
        if self.outcome == CheckOutcome::Pass {
            self.outcome = CheckOutcome::Unknown;
        }
        let how = "stopped before its end".to_owned();
        self.not_looked_at.extend(areas.iter().map(|area| UncheckedArea { area: *area, how: how.clone() }));
    }

    /// Writes `check.json` into a result folder, whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<(), JournalError> {
        let path = folder.join(NAME);
        let new_path = folder.join(format!(".{NAME}.new"));
        let write = || {
            let mut text = serde_json::to_vec_pretty(self)?;
            text.push(b'\n');
            let mut file = fs::File::create(&new_path)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&new_path, &path)
        };
        write().map_err(|error| JournalError::new(&path, error))
    }

    /// Reads a result folder's; `None` where no check was made. One that cannot be read is warned of.
    pub(super) fn read(folder: &Path, warnings: &mut Vec<String>) -> Option<Self> {
        let text = match fs::read(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                warnings.push(format!("{NAME} cannot be read: {error}; skipped"));
                return None;
            }
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(checked) if checked.schema <= SCHEMA => return Some(checked),
            Ok(checked) => warnings
                .push(format!("{NAME} has schema {}, and this version reads up to {SCHEMA}; skipped", checked.schema)),
            Err(error) => warnings.push(format!("{NAME}: {error}; skipped")),
        }
        None
    }
}

#[cfg(test)]
impl CheckFinding {
    /// One of the database, for tests.
    pub(crate) fn example(rule: &str, outcome: CheckOutcome, summary: &str) -> Self {
        Self {
            rule: rule.to_owned(),
            area: CheckArea::Db,
            subject: None,
            outcome,
            summary: summary.to_owned(),
            evidence: Vec::new(),
            fix: None,
            holds: "it is as it must be".to_owned(),
            source: "the guide".to_owned(),
            applies: String::new(),
            guide: "Indexing Strategy".to_owned(),
            checklist: Vec::new(),
            accepted: None,
            note: None,
            under_load: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(outcome: CheckOutcome) -> CheckFinding {
        let reason = Accepted { reason: "x".to_owned(), until: None };
        CheckFinding { accepted: Some(reason), ..CheckFinding::example("db.unused_index", outcome, "") }
    }

    #[test]
    fn what_is_accepted_does_not_count_and_what_fails_does() {
        let of = |outcome| CheckFinding::example("db.lock_waits", outcome, "");
        let found = |list: &[CheckFinding]| Checked::of(list.to_vec());
        let all = [of(CheckOutcome::Fail), of(CheckOutcome::Unknown), accepted(CheckOutcome::Fail)];
        let checked = found(&all);
        assert_eq!(checked.outcome, CheckOutcome::Fail);
        assert_eq!((checked.counts.fail, checked.counts.unknown, checked.counts.accepted), (1, 1, 1));
        assert_eq!(checked.counts.words(), "1 fail, 1 unknown, 1 accepted");
        assert_eq!(found(&all[1..]).outcome, CheckOutcome::Unknown);
        assert_eq!(found(&all[2..]).outcome, CheckOutcome::Pass);
    }

    #[test]
    fn a_closed_door_and_a_question_are_nothing_seen() {
        let saw = |rule: &str, outcome| Checked::of(vec![CheckFinding::example(rule, outcome, "")]).saw_something();
        assert!(!saw("app.cdn", CheckOutcome::Manual) && !saw("db.reachable", CheckOutcome::Unknown));
        assert!(saw("db.reachable", CheckOutcome::Pass) && saw("db.lock_waits", CheckOutcome::Unknown));
    }

    #[test]
    fn what_was_cut_short_passes_nothing() {
        let short = |outcome| {
            let mut checked = Checked::of(vec![CheckFinding::example("db.lock_waits", outcome, "")]);
            checked.cut_short(&[CheckArea::App]);
            (checked.partial, checked.outcome, checked.not_looked_at.len())
        };
        assert_eq!(short(CheckOutcome::Pass), (true, CheckOutcome::Unknown, 1));
        assert_eq!(short(CheckOutcome::Fail), (true, CheckOutcome::Fail, 1));
    }

    #[test]
    fn it_is_read_back_as_it_was_written_and_what_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let read = || {
            let mut warnings = Vec::new();
            (Checked::read(folder.path(), &mut warnings), warnings)
        };
        assert_eq!(read(), (None, Vec::new()));
        let mut checked = Checked::of(vec![accepted(CheckOutcome::Warn)]);
        checked.looked_at = vec![CheckedPlace { area: CheckArea::Db, place: "postgres://***@db".to_owned() }];
        checked.write(folder.path()).unwrap();
        assert_eq!(read(), (Some(checked.clone()), Vec::new()));
        checked.schema = 2;
        checked.write(folder.path()).unwrap();
        assert!(read().1[0].contains("schema 2"));
        fs::write(folder.path().join(NAME), "{\"schema\": 1").unwrap();
        let (nothing, warnings) = read();
        assert!(nothing.is_none() && warnings[0].starts_with("check.json: "), "{warnings:?}");
    }
}
