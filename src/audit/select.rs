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
                let some = rules.iter().any(|rule| begins(name, rule.id));
                // For the words of what is refused.
                let told = if some { Ok(()) } else { known(name, rules) };
                told.map_err(|problem| format!("{flag} {name}: {problem}"))?;
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
        let named = |names: &[String]| names.iter().any(|name| begins(name, rule.id));
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

/// What is chosen may also be half a word: `db.pools` takes `db.pools_fit`. What is accepted may not: that would be too easy.
fn begins(name: &str, id: &str) -> bool {
    matches(name, id) || (!name.is_empty() && id.starts_with(name))
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

/// Whether a finding is bad enough to be lived with.
fn is_trouble(finding: &Finding) -> bool {
    matches!(finding.outcome, Outcome::Fail | Outcome::Warn | Outcome::Unknown)
}

impl Acceptance {
    fn is_of(&self, finding: &Finding) -> bool {
        let subject = || finding.subject.as_deref();
        matches(&self.rule, finding.rule.id)
            && self.subject.as_ref().is_none_or(|of| subject().is_some_and(|is| glob(of.as_bytes(), is.as_bytes())))
    }

    /// Why it does nothing although its rules were looked at; `None` where it does something, or they were not.
    fn idle(&self, findings: &[Finding]) -> Option<String> {
        let named = || findings.iter().filter(|finding| matches(&self.rule, finding.rule.id));
        if named().next().is_none() || named().any(|finding| is_trouble(finding) && self.is_of(finding)) {
            return None;
        }
        let of = self.subject.as_ref().map_or_else(String::new, |subject| format!(" of {subject}"));
        let why = if named().any(|finding| is_trouble(finding) && finding.subject.is_none()) {
            "the rule tells of all in one finding, so leave out `subject`"
        } else {
            "there is nothing to accept, so it can go"
        };
        Some(format!("the acceptance of {}{of} ({}) does nothing: {why}", self.rule, self.reason))
    }
}

/// Marks what is accepted today, and says of what no longer is. Hands out what to know of acceptances that do nothing.
pub(super) fn accept(findings: &mut [Finding], accepted: &[Acceptance], today: Date) -> Vec<String> {
    for finding in findings.iter_mut().filter(|finding| is_trouble(finding)) {
        let mut ours = accepted.iter().filter(|accepted| accepted.is_of(finding));
        if let Some(holds) = ours.clone().find(|accepted| accepted.until.is_none_or(|until| today <= until)) {
            finding.accepted = Some(holds.clone());
        } else if let Some(Acceptance { until: Some(until), reason, .. }) = ours.next() {
            finding.note = Some(format!("was accepted until {until} ({reason}): counts again"));
        }
    }
    accepted.iter().filter_map(|accepted| accepted.idle(findings)).collect()
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
        assert_eq!(takes(&["db.inde"], &[]), (true, false), "half a word is a beginning");
        assert_eq!(takes(&["db"], &["db.un"]), (true, false));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let refused = |name: &str| Selection::new(vec![name.to_owned()], Vec::new(), &[&INDEX, &UNUSED]).unwrap_err();
        assert!(refused("db.unusd_index").contains("did you mean `db.unused_index`?"));
        let accepted = known("db.inde", &[&INDEX, &UNUSED]).unwrap_err();
        assert!(accepted.contains("there is no such rule"), "half a word accepts nothing");
        assert!(refused("*.nothing").contains("--rules"));
    }

    fn acceptance(subject: Option<&str>, until: Option<Date>) -> Acceptance {
        let (rule, reason) = ("db.unused_index".to_owned(), "kept for January".to_owned());
        Acceptance { rule, subject: subject.map(str::to_owned), reason, until }
    }

    #[test]
    fn an_acceptance_ends_with_its_day() {
        let today = jiff::civil::date(2026, 11, 23);
        let accepted = |until: Option<Date>| {
            let mut findings = [UNUSED.fail("x"), UNUSED.pass("x"), INDEX.fail("x")];
            assert_eq!(accept(&mut findings, &[acceptance(None, until)], today), [""; 0]);
            findings.map(|finding| (finding.counts_as(), finding.note.is_some()))
        };
        let (good, bad) = (Outcome::Pass, Outcome::Fail);
        assert_eq!(accepted(None), [(good, false), (good, false), (bad, false)]);
        assert_eq!(accepted(Some(today)), [(good, false), (good, false), (bad, false)]);
        assert_eq!(accepted(today.yesterday().ok()), [(bad, true), (good, false), (bad, false)]);
    }

    #[test]
    fn one_of_several_is_accepted_by_its_subject() {
        let accepted = |subject: &str| {
            let mut findings = [UNUSED.fail("x").of("public.old"), UNUSED.fail("x").of("public.older")];
            accept(&mut findings, &[acceptance(Some(subject), None)], jiff::civil::date(2026, 11, 23));
            findings.map(|finding| finding.accepted.is_some())
        };
        assert_eq!(accepted("public.old"), [true, false]);
        assert_eq!(accepted("public.*"), [true, true]);
        assert_eq!(accepted("public.ol"), [false, false]);
    }

    #[test]
    fn an_acceptance_that_does_nothing_is_told() {
        let told = |mut findings: Vec<Finding>, subject| {
            accept(&mut findings, &[acceptance(subject, None)], jiff::civil::date(2026, 11, 23))
        };
        assert_eq!(told(vec![INDEX.fail("x")], None), [""; 0], "its rule was not looked at");
        assert_eq!(told(vec![UNUSED.fail("x")], None), [""; 0]);
        assert!(
            told(vec![UNUSED.pass("x")], None)[0].contains("db.unused_index (kept for January) does nothing: there is")
        );
        assert!(told(vec![UNUSED.fail("x")], Some("public.old"))[0].ends_with("leave out `subject`"));
    }
}
