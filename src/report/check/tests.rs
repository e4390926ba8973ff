//! What a person reads of a check, by itself and with a run.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::super::example;
use super::*;
use crate::judge::CHECK_SCHEMA;

#[test]
fn for_a_person() {
    let checked = example::check();
    insta::assert_snapshot!("text_80", text(&checked, 80, false));
    insta::assert_snapshot!("markdown", markdown(&checked));
    let coloured = text(&checked, 120, true);
    assert!(coloured.contains("\x1b[1;31mFAIL\x1b[0m"));
    assert!(!coloured.contains("\x1b[31m|c|"), "what was seen does not speak to the terminal");
}

#[test]
fn for_a_program() {
    let checked = example::check();
    insta::assert_snapshot!("json", json(&checked).unwrap());
    insta::assert_snapshot!("junit", junit(&checked).unwrap());
    let schema: serde_json::Value = serde_json::from_str(CHECK_SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let written = serde_json::to_value(&checked).unwrap();
    assert!(
        validator.is_valid(&written),
        "{:?}",
        validator.iter_errors(&written).map(|e| e.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn a_page_has_everything_and_needs_nothing() {
    let page = page(&example::check()).unwrap();
    for wanted in [
        "db.index.tasks_complex</h3>",
        "public.tasks</span>",
        "a &#60;b&#62; &#38;",
        "CREATE INDEX CONCURRENTLY i ON public.tasks (a, b);",
        "accepted until 2027-01-31: for the report of January",
        "counts again",
        "under load: requests read the whole table tasks over and over",
        "Proper indexes created for common queries",
        "not looked at",
        "so it can go",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in\n{page}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
}

#[test]
fn with_a_run_it_is_short_and_the_verdict_stays_that_of_the_targets() {
    let (run, result) = example::checked();
    let shown = super::super::terminal(Path::new("results/x"), &run, &result, 80, false);
    assert!(shown.starts_with("PASS"), "{shown}");
    let check = result.check.as_deref().unwrap();
    insta::assert_snapshot!("section_text_80", text_section(check, 80, false));
    insta::assert_snapshot!("section_markdown", markdown_section(check));
    assert!(shown.contains(&text_section(check, 80, false)), "{shown}");
    assert!(super::super::markdown(&run, &result).contains(&markdown_section(check)));
    let page = super::super::html::html(&run, &result).unwrap();
    assert!(page.contains("<h2>Check before the load</h2>") && page.contains(&html_section(check).unwrap()));
    let junit = super::super::junit::junit(&run, &result).unwrap();
    assert!(
        junit
            .contains("<testsuite name=\"agenthub-perf check\" tests=\"5\" skipped=\"2\" errors=\"1\" failures=\"1\">"),
        "{junit}"
    );
    assert!(junit.contains("classname=\"agenthub-perf.check.db\""));
    let told = super::super::github_annotations(&run, &result);
    assert!(told[0].starts_with("::warning ") && told[0].contains("db.index.tasks_complex (public.tasks)"), "{told:?}");
}

#[test]
fn of_many_findings_a_run_tells_the_worst() {
    let mut checked = example::check();
    let one = checked.findings[0].clone();
    checked.findings.splice(0..0, vec![one; 9]);
    let shown = text_section(&checked, 100, false);
    assert_eq!(shown.matches(" ✗ ").count(), 5, "{shown}");
    assert!(shown.ends_with("   … 6 more in the report\n"), "{shown}");
}

#[test]
fn a_check_of_ten_thousand_tables_stays_under_what_a_job_summary_takes() {
    let mut checked = example::check();
    checked.findings =
        [checked.findings[0].clone(), checked.findings[4].clone()].into_iter().cycle().take(20_000).collect();
    let page = markdown(&checked);
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    assert_eq!(page.matches("and 9900 more in the page").count(), 2);
}

#[test]
fn in_a_narrow_window_a_rule_stands_over_what_was_seen() {
    let checked = example::check();
    assert!(
        text(&checked, 60, false).contains(" ✓ db.slow_query_log\n     statements of 1000 ms or more are logged\n")
    );
    assert!(!text(&checked, 80, false).contains(" ✓ db.slow_query_log\n"));
}

#[test]
fn no_line_is_wider_than_asked_but_for_what_is_copied() {
    use unicode_width::UnicodeWidthStr;
    let mut checked = example::check();
    checked.findings[0].evidence = vec!["a long line of evidence ".repeat(9)];
    checked.findings[1].rule = "db.explain".to_owned();
    checked.findings[1].evidence = vec![format!("▶ · · reads {}", "all of it ".repeat(19))];
    checked.findings[1].fix =
        Some(crate::record::CheckFix { language: "text".to_owned(), text: "an index ".repeat(19) });
    for width in [60, 80, 120] {
        for line in text(&checked, width, false).lines().filter(|line| !line.contains("CREATE INDEX")) {
            assert!(line.width() <= width, "{} columns of {width}: {line}", line.width());
        }
    }
}
