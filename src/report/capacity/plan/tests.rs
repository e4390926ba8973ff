//! What a person reads of a plan.

use super::*;
use crate::judge::{Assumption, Bears, Between, Needed, Origin, Outgrown, Planned, PlannedFrom, Today, When};

fn assumption(what: &str, says: &str, from: Origin) -> Assumption {
    Assumption { what: what.into(), says: says.into(), from }
}

fn planned() -> Planned {
    Planned {
        schema: 1,
        result: PlannedFrom {
            id: "20261123T081000Z-agenthub-user-3f2a".into(),
            label: Some("v2 <b>|".into()),
            started: "2026-11-23T08:10:00Z".into(),
            host: "http://127.0.0.1:8000".into(),
            scenario: "agenthub user".into(),
            unit: "arrivals/s".into(),
            passes: Some(410.0),
            fails: Some(440.0),
            confirmed: true,
        },
        proven: true,
        doubts: Vec::new(),
        users: 10_000,
        think_s: Some(3.0),
        pauses_s: Some(0.0),
        response_s: Some(Between::of(0.012, 0.3)),
        demand: Between::of(3030.3, 3320.1),
        requests_per_s: Between::of(3030.3, 3320.1),
        headroom: 0.3,
        instance: Bears { unit: "arrivals/s".into(), low: Some(287.0), high: Some(308.0) },
        instances: Needed { low: Some(10), high: Some(12) },
        today: Some(Today { instances: 20, enough: Some(true) }),
        growth: Some(Outgrown {
            share: 0.08,
            per: "month".into(),
            from: "2026-11-23".into(),
            earliest: Some(When::In(2027, 6)),
            latest: Some(When::In(2027, 8)),
        }),
        assumptions: vec![
            assumption("users", "10,000 users at the same time", Origin::Flag),
            assumption("think time", "3 s on average between two tasks of a user", Origin::Asked),
            assumption("edge", "between 410/s (passes, confirmed) and 440/s (fails)", Origin::Measured),
            assumption("headroom", "30 % of the edge are kept free", Origin::Default),
            assumption(
                "scaling",
                "instances scale linearly: a load balancer shares evenly, and the database is not the limit",
                Origin::Unmeasured,
            ),
        ],
        warnings: Vec::new(),
    }
}

fn doubtful() -> Planned {
    Planned {
        proven: false,
        doubts: vec!["no level was shown to fail: allow more time with --max-time".into()],
        instance: Bears { unit: "users".into(), low: Some(84.0), high: None },
        instances: Needed { low: None, high: Some(12) },
        today: None,
        growth: None,
        warnings: vec!["nothing was shown to fail above 120 users, so that fewer instances may do as well".into()],
        ..planned()
    }
}

#[test]
fn a_plan_for_the_terminal() {
    insta::assert_snapshot!("proven_text", text(&planned(), 100, false));
    insta::assert_snapshot!("doubtful_text", text(&doubtful(), 80, false));
}

#[test]
fn a_plan_as_markdown() {
    insta::assert_snapshot!("proven_md", markdown(&planned()));
    insta::assert_snapshot!("doubtful_md", markdown(&doubtful()));
}

#[test]
fn a_plan_for_programs() {
    insta::assert_snapshot!("proven_json", crate::report::plan_json(&planned()).unwrap());
}

#[test]
fn no_line_is_wider_than_asked_and_colours_stay_off_unless_asked_for() {
    use unicode_width::UnicodeWidthStr;
    for of in [planned(), doubtful()] {
        for width in [60, 80, 100] {
            let text = text(&of, width, false);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
        }
        assert!(!text(&of, 100, false).contains('\u{1b}') && text(&of, 100, true).contains('\u{1b}'));
    }
}

#[test]
fn when_they_run_out_is_said_in_words() {
    use When::{Already, In, Later};
    let said = |earliest, latest| {
        let growth = planned().growth.map(|growth| Outgrown { earliest, latest, ..growth });
        let page = text(&Planned { growth, ..planned() }, 100, false);
        page.lines().find_map(|line| line.strip_prefix("   run out")).unwrap().trim().to_owned()
    };
    let (june, august) = (In(2027, 6), In(2027, 8));
    for (earliest, latest, words) in [
        (Some(june), Some(august), "between 2027-06 and 2027-08"),
        (Some(june), Some(june), "in 2027-06"),
        (Some(Already), Some(Already), "they have run out already"),
        (Some(Already), Some(june), "already, or by 2027-06"),
        (Some(june), Some(Later), "not before 2027-06, if at all"),
        (Some(Later), Some(Later), "not within a hundred years"),
        (Some(june), None, "not before 2027-06"),
        (Some(Already), None, "already, where one bears no more than is proven"),
        (None, Some(june), "by 2027-06 at the latest"),
        (None, Some(Already), "they have run out already"),
    ] {
        assert_eq!(said(earliest, latest), words);
    }
}
