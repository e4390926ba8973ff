//! Which rules are looked at, and which findings somebody lives with.

use jiff::civil::Date;

use super::rule::{Acceptance, Finding, Outcome, Rule};
use crate::document::suggestion;

/// `--only` and `--skip`.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// Refuses names that are no rule's.
    pub fn new(only: Vec<String>, skip: Vec<String>, rules: &[&'static Rule]) -> Result<Self, String> {
        for (flag, names) in [("--only", &only), ("--skip", &skip)] {
            for name in names {
                known(name, rules).map_err(|problem| format!("{flag} {name}: {problem}"))?;
            }
        }
        Ok(Self { only, skip })
    }

    /// Whether nothing was chosen.
    pub fn takes_all(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// Whether a rule is looked at.
    pub fn takes(&self, rule: &Rule) -> bool {
        let named = |names: &[String]| names.iter().any(|name| matches(name, rule.id));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

/// That a name is a rule's, or the beginning of some, or a pattern that some follow.
pub fn known(name: &str, rules: &[&'static Rule]) -> Result<(), String> {
    if rules.iter().any(|rule| matches(name, rule.id)) {
        return Ok(());
    }
    let ids = rules.iter().map(|rule| rule.id);
    match crate::document::nearest(name, ids) {
        Some(_) => Err(format!("there is no such rule: {}", suggestion(name, rules.iter().map(|rule| rule.id)))),
        None => Err(
            "there is no such rule: `check --rules` lists them all, e.g. db.unused_index, db.index, app, *.reachable"
                .to_owned(),
        ),
    }
}

/// `db.index` matches itself and whatever goes on with a dot; `*` stands for any characters.
fn matches(name: &str, id: &str) -> bool {
    if name.contains('*') {
        return glob(name.as_bytes(), id.as_bytes());
    }
    id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|from| glob(rest, &text[from..])),
        Some((first, rest)) => text.first() == Some(first) && glob(rest, &text[1..]),
    }
}

/// Marks what is accepted today, and says of what no longer is.
pub(super) fn accept(findings: &mut [Finding], accepted: &[Acceptance], today: Date) {
    for finding in findings {
        if !matches!(finding.outcome, Outcome::Fail | Outcome::Warn | Outcome::Unknown) {
            continue;
        }
        let mut ours = accepted.iter().filter(|accepted| matches(&accepted.rule, finding.rule.id));
        if let Some(holds) = ours.clone().find(|accepted| accepted.until.is_none_or(|until| today <= until)) {
            finding.accepted = Some(holds.clone());
        } else if let Some(Acceptance { until: Some(until), reason, .. }) = ours.next() {
            finding.note = Some(format!("was accepted until {until} ({reason}): counts again"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Area;
    use super::*;

    static INDEX: Rule = rule("db.index.tasks_complex");
    static UNUSED: Rule = rule("db.unused_index");

    const fn rule(id: &'static str) -> Rule {
        Rule { id, area: Area::Db, lines: &[], section: "", holds: "", source: "", applies: "" }
    }

    #[test]
    fn a_name_is_an_id_a_beginning_or_a_pattern() {
        let takes = |only: &[&str], skip: &[&str]| {
            let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            let selection = Selection::new(texts(only), texts(skip), &[&INDEX, &UNUSED]).unwrap();
            (selection.takes(&INDEX), selection.takes(&UNUSED))
        };
        assert_eq!(takes(&[], &[]), (true, true));
        assert_eq!(takes(&["db"], &["db.index"]), (false, true));
        assert_eq!(takes(&["db.unused_index"], &[]), (false, true));
        assert_eq!(takes(&["*index*"], &["*unused*"]), (true, false));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let refused = |name: &str| Selection::new(vec![name.to_owned()], Vec::new(), &[&INDEX, &UNUSED]).unwrap_err();
        assert!(refused("db.unusd_index").contains("did you mean `db.unused_index`?"));
        assert!(refused("db.inde").contains("there is no such rule"), "half a word is no beginning");
        assert!(refused("*.nothing").contains("--rules"));
    }

    #[test]
    fn an_acceptance_ends_with_its_day() {
        let today = jiff::civil::date(2026, 11, 23);
        let accepted = |until: Option<Date>| {
            let mut findings = [UNUSED.fail("x"), UNUSED.pass("x"), INDEX.fail("x")];
            let of = Acceptance { rule: "db.unused_index".to_owned(), reason: "kept for January".to_owned(), until };
            accept(&mut findings, &[of], today);
            findings.map(|finding| (finding.counts_as(), finding.note.is_some()))
        };
        let (good, bad) = (Outcome::Pass, Outcome::Fail);
        assert_eq!(accepted(None), [(good, false), (good, false), (bad, false)]);
        assert_eq!(accepted(Some(today)), [(good, false), (good, false), (bad, false)]);
        assert_eq!(accepted(today.yesterday().ok()), [(bad, true), (good, false), (bad, false)]);
    }
}
