//! The guide's checklist, and those of its lines that only a person can answer.

use super::rule::{Area, Finding, Outcome, Rule};

/// Its lines, in its order: the section and what is to be ticked off.
pub const CHECKLIST: [(&str, &str); 21] = [
    ("Database", "Connection pooling configured"),
    ("Database", "Proper indexes created for common queries"),
    ("Database", "Slow query logging enabled"),
    ("Database", "Database statistics updated"),
    ("Database", "Unnecessary indexes removed"),
    ("Database", "Query plans optimized"),
    ("Database", "Connection limits appropriate"),
    ("Application", "Async operations implemented"),
    ("Application", "Response compression enabled"),
    ("Application", "Database queries optimized"),
    ("Application", "N+1 query problems resolved"),
    ("Application", "Caching strategy implemented"),
    ("Application", "Background tasks for heavy operations"),
    ("Application", "Resource limits configured"),
    ("Infrastructure", "Container resources optimized"),
    ("Infrastructure", "Network configuration tuned"),
    ("Infrastructure", "Load balancer configured"),
    ("Infrastructure", "CDN implemented for static assets"),
    ("Infrastructure", "Monitoring and alerting active"),
    ("Infrastructure", "Auto-scaling configured"),
    ("Infrastructure", "Health checks optimized"),
];

/// A rule that no look can decide, and the question to ask.
struct Question {
    rule: Rule,
    ask: &'static str,
}

const fn question(
    id: &'static str,
    area: Area,
    lines: &'static [u8],
    holds: &'static str,
    ask: &'static str,
) -> Question {
    let section = "Performance Optimization Checklist";
    Question { rule: Rule { id, area, lines, section, holds, source: "the guide's checklist", applies: "" }, ask }
}

static QUESTIONS: [Question; 5] = [
    question(
        "app.n_plus_one",
        Area::App,
        &[11],
        "no request makes a statement for each row of another",
        "Does the number of statements a request stay the same when there are ten times as many rows? \
         `agenthub-perf run --postgres URL` counts them.",
    ),
    question(
        "app.background_tasks",
        Area::App,
        &[13],
        "heavy work does not keep a request waiting",
        "Which requests send mail, import, export or call other services, and do they hand that to a queue?",
    ),
    question(
        "app.cdn",
        Area::App,
        &[18],
        "static assets come from near the user",
        "Which host name do browsers load scripts, styles and images from, and is it a CDN's?",
    ),
    question(
        "app.alerting",
        Area::App,
        &[19],
        "somebody is told when a target of the guide is missed",
        "Who was paged last, by which alert, and is there one for each of the guide's six targets?",
    ),
    question(
        "containers.auto_scaling",
        Area::Containers,
        &[20],
        "more load brings more instances",
        "Which figure adds an instance, from how many to how many, and when did it last do so?",
    ),
];

/// The rules behind the questions.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    QUESTIONS.iter().map(|question| &question.rule)
}

/// The questions.
pub(super) fn findings() -> Vec<Finding> {
    QUESTIONS.iter().map(|question| question.rule.found(Outcome::Manual, question.ask)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_guide_s_checklist_has_its_rule() {
        for (number, (section, line)) in (1_u8..).zip(&CHECKLIST) {
            let rules = super::super::rules();
            assert!(rules.iter().any(|rule| rule.lines.contains(&number)), "{section}: {line}");
        }
        assert!(super::super::rules().iter().all(|rule| rule.lines.iter().all(|line| (1..=21).contains(line))));
    }

    #[test]
    fn every_rule_has_an_id_of_its_own_under_its_area() {
        let mut ids: Vec<&str> = super::super::rules().iter().map(|rule| rule.id).collect();
        for rule in super::super::rules() {
            assert!(rule.id.starts_with(&format!("{}.", rule.area)), "{}", rule.id);
            assert!(!rule.holds.is_empty() && !rule.section.is_empty(), "{}", rule.id);
            assert!(!rule.source.is_empty() || rule.id.ends_with(".reachable"), "{} names no source", rule.id);
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
