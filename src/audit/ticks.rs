//! Which lines of the guide's checklist may be ticked: those that somebody has looked at, in every area that they are about.

use super::checklist::CHECKLIST;
use super::rule::{Area, Finding, Outcome};
use super::rules;
use crate::record::ChecklistLine;

/// Lines that stay open until one of these rules holds, whatever else does: the others look at what lies beside it.
const DECIDING: [(u8, &[&str]); 10] = [
    (1, &["db.pooling"]),
    (4, &["db.stale_statistics"]),
    (5, &["db.unused_index"]),
    (6, &["db.slow_statements", "db.explain"]),
    (7, &["db.connections"]),
    (8, &["app.event_loop"]),
    (9, &["app.compression"]),
    (10, &["db.slow_statements"]),
    (12, &["cache.hit_rate", "cache.key_lifetimes"]),
    (21, &["app.health", "containers.health_check"]),
];

/// The guide's checklist, each line with what became of its rules.
pub(super) fn checklist(findings: &[Finding]) -> Vec<ChecklistLine> {
    let line = |(number, (section, line)): (u8, &(&str, &str))| {
        let (outcome, partly) = tick(number, findings);
        ChecklistLine { number, section: (*section).to_owned(), line: (*line).to_owned(), outcome, partly }
    };
    (1..).zip(&CHECKLIST).map(line).collect()
}

/// A line is as good as the worst of its rules. It is ticked where one of them holds and nothing of it is open: no question,
/// no area that was not looked at, no deciding rule without a word. Else what is open is told.
fn tick(number: u8, findings: &[Finding]) -> (Option<Outcome>, Option<String>) {
    let ours = || findings.iter().filter(|finding| finding.rule.lines.contains(&number));
    let has = |outcome| ours().any(|finding| finding.counts_as() == outcome);
    if let Some(bad) = [Outcome::Fail, Outcome::Warn, Outcome::Unknown].into_iter().find(|bad| has(*bad)) {
        return (Some(bad), None);
    }
    if !has(Outcome::Pass) {
        let silent = [Outcome::Manual, Outcome::CannotExist, Outcome::NotApplicable];
        return (silent.into_iter().find(|outcome| has(*outcome)), None);
    }
    let open = open(number, findings);
    if open.is_empty() { (Some(Outcome::Pass), None) } else { (Some(Outcome::Manual), Some(open.join("; "))) }
}

fn open(number: u8, findings: &[Finding]) -> Vec<String> {
    let ours = || findings.iter().filter(|finding| finding.rule.lines.contains(&number));
    let questions = ours().filter(|finding| finding.counts_as() == Outcome::Manual);
    let mut open: Vec<String> = questions.map(|finding| format!("{} is a question", finding.rule.id)).collect();
    let deciding = DECIDING.iter().find(|(of, _)| *of == number).map_or(&[][..], |(_, ids)| *ids);
    let holds = |id: &&str| ours().any(|finding| finding.rule.id == *id && finding.counts_as() == Outcome::Pass);
    if !deciding.is_empty() && !deciding.iter().any(holds) {
        open.push(format!("{} cannot tell yet", deciding.join(" or ")));
    }
    let rules = rules();
    let about = |area: &Area| rules.iter().any(|rule| rule.area == *area && rule.lines.contains(&number));
    let unseen = Area::ALL.into_iter().filter(about).filter(|area| !was_looked_at(*area, findings));
    open.extend(unseen.map(|area| format!("{area} was not looked at")));
    open
}

/// A question is asked whether anybody looks or not, and a closed door shows nothing.
fn was_looked_at(area: Area, findings: &[Finding]) -> bool {
    let closed = |finding: &Finding| finding.outcome == Outcome::Unknown && finding.rule.id.ends_with(".reachable");
    findings.iter().any(|finding| finding.rule.area == area && finding.outcome != Outcome::Manual && !closed(finding))
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rule;
    use super::*;

    fn rule(id: &str) -> &'static Rule {
        rules().into_iter().find(|rule| rule.id == id).unwrap()
    }

    fn told(number: u8, findings: &[Finding]) -> (Option<Outcome>, String) {
        let line = checklist(findings).into_iter().find(|line| line.number == number).unwrap();
        (line.outcome, line.partly.unwrap_or_default())
    }

    #[test]
    fn a_line_is_as_good_as_the_worst_of_its_rules() {
        let unused = rule("db.unused_index");
        assert_eq!(told(5, &[]), (None, String::new()));
        assert_eq!(told(5, &[unused.pass(""), unused.not_applicable("")]).0, Some(Outcome::Pass));
        assert_eq!(told(5, &[unused.not_applicable("")]).0, Some(Outcome::NotApplicable));
        assert_eq!(told(5, &[unused.pass(""), unused.fail(""), unused.unknown("")]).0, Some(Outcome::Fail));
        assert_eq!(checklist(&[]).len(), 21);
    }

    #[test]
    fn a_question_keeps_its_line_open_whatever_else_holds() {
        let alerting = rule("app.alerting").found(Outcome::Manual, "");
        let found = [rule("app.metrics").pass(""), alerting.clone()];
        assert_eq!(told(19, &found), (Some(Outcome::Manual), "app.alerting is a question".to_owned()));
        assert_eq!(told(19, &[rule("app.metrics").fail(""), alerting]).0, Some(Outcome::Fail));
    }

    #[test]
    fn a_cache_of_the_proxy_is_no_cdn() {
        let cdn = rule("app.cdn").found(Outcome::Manual, "");
        for cached in [rule("proxy.static_cache").pass(""), rule("proxy.static_cache").fail("")] {
            assert_eq!(told(18, &[cached, cdn.clone()]), (Some(Outcome::Manual), String::new()));
        }
    }

    #[test]
    fn a_line_waits_for_the_rule_that_decides_it() {
        let fits = rule("db.pools_fit").pass("");
        let open = "db.pooling cannot tell yet".to_owned();
        assert_eq!(told(1, &[fits.clone(), rule("db.pooling").not_applicable("")]), (Some(Outcome::Manual), open));
        assert_eq!(told(1, &[fits, rule("db.pooling").pass("")]), (Some(Outcome::Pass), String::new()));
        for (number, ids) in DECIDING {
            for id in ids {
                assert!(rule(id).lines.contains(&number), "{id} is not of line {number}");
            }
        }
    }

    #[test]
    fn a_line_of_several_areas_waits_for_all_of_them() {
        let (health, check) = (rule("app.health").pass(""), rule("containers.health_check").pass(""));
        let door = rule("containers.reachable").unknown("");
        let open = (Some(Outcome::Manual), "containers was not looked at".to_owned());
        assert_eq!(told(21, std::slice::from_ref(&health)), open);
        assert_eq!(told(21, &[health.clone(), door]), open, "a closed door shows nothing");
        assert_eq!(told(21, &[health, check]), (Some(Outcome::Pass), String::new()));
    }
}
