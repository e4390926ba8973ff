use super::{asked, users};
use crate::judge::{Targets, outlook};
use crate::record::{LoadModel, LoadPlan, Stage};

#[test]
fn the_quick_profile_offers_and_proves_enough() {
    let outlook = outlook(&users(250, 50.0, 60.0), &Targets::guide());
    assert_eq!((outlook.most_per_min, outlook.requests), (Some(5_000.0), Some(4_583)));
    assert_eq!(
        outlook.lines,
        [
            "250 users, 50/s, 60 s · offers at most 5,000 requests/min · about 4,600 requests, enough to prove an error rate < 0.1 % (needs 3,688)"
        ]
    );
}

#[test]
fn the_guide_s_load_cannot_reach_its_throughput() {
    let outlook = outlook(&users(50, 10.0, 300.0), &Targets::guide());
    assert_eq!(outlook.lines.len(), 2);
    assert_eq!(
        outlook.lines[1],
        "throughput > 1,000/min is out of reach of 50 users waiting 3 s on average (at most 1,000/min): 65 users would do"
    );
}

#[test]
fn a_short_load_says_how_long_it_would_need() {
    let outlook = outlook(&users(100, 50.0, 62.0), &Targets::guide());
    assert_eq!(
        outlook.lines,
        [
            "100 users, 50/s, 62 s · offers at most 2,000 requests/min · about 2,000 requests, too few to prove an error rate < 0.1 % (needs 3,688)",
            "an error rate < 0.1 % cannot be proven by about 2,000 requests: run 51 s longer, or use more users",
        ]
    );
}

#[test]
fn users_who_do_not_think_are_not_bounded() {
    let mut asked = users(10, 10.0, 60.0);
    asked.mean_wait_s = Some(0.0);
    let outlook = outlook(&asked, &Targets::guide());
    assert_eq!((outlook.most_per_min, outlook.requests), (None, None));
    assert_eq!(outlook.lines, ["10 users, 10/s, 60 s"]);
}

#[test]
fn arrivals_offer_their_rate_and_a_ramp_alone_proves_nothing() {
    let plan = |first_s: f64| LoadPlan {
        model: LoadModel::Open,
        stages: vec![Stage { level: 10.0, duration_s: first_s }, Stage { level: 10.0, duration_s: 60.0 - first_s }],
    };
    let open = outlook(&asked(plan(0.0), None), &Targets::guide());
    assert_eq!(
        open.lines,
        [
            "10 arrivals/s, 60 s · offers about 600 requests/min · about 600 requests, too few to prove an error rate < 0.1 % (needs 3,688)",
            "an error rate < 0.1 % cannot be proven by about 600 requests: run 6 min longer, or ask for a higher rate",
            "throughput > 1,000/min is out of reach of 10 arrivals/s (at most 600/min): 18 arrivals/s would do",
        ]
    );
    let ramp = outlook(&asked(plan(60.0), None), &Targets::guide());
    assert!(ramp.lines[1].starts_with("no level is held"), "{:?}", ramp.lines);
    let mut named = asked(plan(60.0), None);
    named.arrivals = Some(crate::record::Arrivals::Poisson);
    let line = &outlook(&named, &Targets::guide()).lines[0];
    assert!(line.starts_with("up to 10 arrivals/s (poisson), 60 s · "), "{line}");
}
