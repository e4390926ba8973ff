//! What a person reads of a check.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::audit::{Acceptance, Area, Fix, FixKind, Rule};

static INDEX: Rule = Rule::example("db.index.tasks_complex", &[2]);
static UNUSED: Rule = Rule::example("db.unused_index", &[5]);
static LOG: Rule = Rule::example("db.slow_query_log", &[3]);
static LOCKS: Rule = Rule::example("db.lock_waits", &[6]);
static CDN: Rule = Rule::example("app.cdn", &[18]);

fn example() -> Audit {
    let mut failed =
        INDEX.example_finding(Outcome::Fail, "no valid, whole btree index of public.tasks begins with (a, b)");
    failed.subject = Some("public.tasks".to_owned());
    failed.evidence = vec!["public.tasks: 20,000 rows".to_owned(), "a <b> & \u{1b}[31m|c|".to_owned()];
    failed.fix = Some(Fix {
        kind: FixKind::Sql,
        text: "CREATE INDEX CONCURRENTLY i ON public.tasks (a, b);\nSELECT 1;".to_owned(),
    });
    failed.note = Some("was accepted until 2026-01-31 (later): counts again".to_owned());
    let mut accepted = UNUSED.example_finding(Outcome::Fail, "2 hardly used indexes take 30.0 MB");
    let until = Some(jiff::civil::date(2027, 1, 31));
    accepted.accepted =
        Some(Acceptance { rule: "db.unused_index".to_owned(), reason: "for the report of January".to_owned(), until });
    Audit {
        findings: vec![
            failed,
            LOCKS.example_finding(Outcome::Unknown, "the role sees its own sessions only"),
            CDN.example_finding(Outcome::Manual, "Which host name do browsers load images from?"),
            accepted,
            LOG.example_finding(Outcome::Pass, "statements of 1000 ms or more are logged"),
        ],
        looked_at: vec![(Area::Db, "postgres://monitor:***@db/agenthub".to_owned())],
        not_looked_at: vec![(Area::Cache, "name a Redis with --redis URL")],
        selected: false,
    }
}

#[test]
fn for_a_person() {
    let audit = example();
    insta::assert_snapshot!("text_80", text(&audit, 80, false));
    insta::assert_snapshot!("markdown", markdown(&audit));
    let coloured = text(&audit, 120, true);
    assert!(coloured.contains("\x1b[1;31mFAIL\x1b[0m"));
    assert!(!coloured.contains("\x1b[31m|c|"), "what was seen does not speak to the terminal");
}

#[test]
fn for_a_program() {
    let audit = example();
    insta::assert_snapshot!("json", json(&audit).unwrap());
    insta::assert_snapshot!("junit", junit(&audit).unwrap());
}

#[test]
fn a_page_has_everything_and_needs_nothing() {
    let page = page(&example()).unwrap();
    for wanted in [
        "<h2>✗ db.index.tasks_complex (public.tasks)</h2>",
        "a &#60;b&#62; &#38;",
        "CREATE INDEX CONCURRENTLY i ON public.tasks (a, b);",
        "accepted until 2027-01-31: for the report of January",
        "counts again",
        "Proper indexes created for common queries",
        "not looked at",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in\n{page}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
}

#[test]
fn what_is_accepted_does_not_count_and_what_fails_does() {
    let mut audit = example();
    assert_eq!((audit.outcome(), audit.count(Outcome::Fail), audit.accepted()), (Outcome::Fail, 1, 1));
    audit.findings.remove(0);
    assert_eq!(audit.outcome(), Outcome::Unknown);
    audit.findings.remove(0);
    assert_eq!(audit.outcome(), Outcome::Pass);
    assert!(audit.saw_something());
    audit.findings.retain(|finding| finding.outcome == Outcome::Manual);
    assert!(!audit.saw_something());
}
