//! What is checked, and what was found.

use jiff::civil::Date;

pub use crate::record::{CheckArea as Area, CheckOutcome as Outcome};

/// Something that can be right or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `db.index.tasks_user_id_status`: the area comes first.
    pub id: &'static str,
    /// Where it looks.
    pub area: Area,
    /// The lines of the guide's checklist that it stands for, from 1.
    pub lines: &'static [u8],
    /// The guide's section.
    pub section: &'static str,
    /// What must hold.
    pub holds: &'static str,
    /// Where its threshold comes from.
    pub source: &'static str,
    /// What it takes to tell; empty where nothing is.
    pub applies: &'static str,
}

/// What to do about it, ready to be run or copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// In which language.
    pub kind: FixKind,
    /// The statement or the lines.
    pub text: String,
}

/// The language of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixKind {
    /// For psql.
    Sql,
    /// For redis-cli.
    Redis,
    /// For nginx.conf.
    Nginx,
    /// For docker-compose.yml.
    Compose,
    /// For a shell.
    Shell,
    /// The service's source.
    Python,
    /// Words.
    Words,
}

impl FixKind {
    /// For programs, and as the language of a Markdown block.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Redis => "redis",
            Self::Nginx => "nginx",
            Self::Compose => "yaml",
            Self::Shell => "sh",
            Self::Python => "python",
            Self::Words => "text",
        }
    }
}

/// That somebody lives with a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Which rules: an id, the beginning of ids up to a dot, or with `*`.
    pub rule: String,
    /// Which of its findings: the subject, or with `*`; `None`: all.
    pub subject: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds; `None`: always.
    pub until: Option<Date>,
}

/// What a rule has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Which of several, e.g. a container.
    pub subject: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// In one sentence.
    pub summary: String,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// What to do.
    pub fix: Option<Fix>,
    /// That it was accepted, and still is.
    pub accepted: Option<Acceptance>,
    /// A word about an acceptance that has ended.
    pub note: Option<String>,
}

impl Rule {
    /// It holds.
    pub(super) fn pass(&'static self, summary: impl Into<String>) -> Finding {
        self.found(Outcome::Pass, summary)
    }

    /// It holds barely.
    pub(super) fn warn(&'static self, summary: impl Into<String>) -> Finding {
        self.found(Outcome::Warn, summary)
    }

    /// It does not hold.
    pub(super) fn fail(&'static self, summary: impl Into<String>) -> Finding {
        self.found(Outcome::Fail, summary)
    }

    /// It could not be told.
    pub(super) fn unknown(&'static self, summary: impl Into<String>) -> Finding {
        self.found(Outcome::Unknown, summary)
    }

    /// It says nothing here.
    pub(super) fn not_applicable(&'static self, summary: impl Into<String>) -> Finding {
        self.found(Outcome::NotApplicable, summary)
    }

    /// With this outcome.
    pub(super) fn found(&'static self, outcome: Outcome, summary: impl Into<String>) -> Finding {
        Finding {
            rule: self,
            subject: None,
            outcome,
            summary: summary.into(),
            evidence: Vec::new(),
            fix: None,
            accepted: None,
            note: None,
        }
    }
}

impl Finding {
    /// Of one of several.
    #[must_use]
    pub(super) fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// With what was seen.
    #[must_use]
    pub(super) fn seen(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.evidence.extend(lines.into_iter().map(Into::into));
        self
    }

    /// With what to do.
    #[must_use]
    pub(super) fn fix(mut self, kind: FixKind, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { kind, text: text.into() });
        self
    }

    /// What counts: an accepted finding counts as if it held.
    pub(super) fn counts_as(&self) -> Outcome {
        if self.accepted.is_some() { Outcome::Pass } else { self.outcome }
    }
}
