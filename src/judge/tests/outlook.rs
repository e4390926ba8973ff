use super::{asked, users};
use crate::judge::{Targets, outlook};
use crate::record::{Arrivals, AskedLaw, AskedSearch, LoadModel, LoadPlan, Stage};

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

#[test]
fn a_search_is_no_load_at_its_highest_level() {
    let search = |max_time_s: f64, law| AskedSearch {
        start: 50.0,
        most: 1000.0,
        max_time_s,
        width: 0.05,
        abort_on: 0.2,
        looks_s: vec![15.0, 240.0],
        confidences: vec![0.99],
        law,
    };
    let mut open = asked(LoadPlan::rate(1000.0, 155.0), None);
    (open.arrivals, open.search) = (Some(Arrivals::Poisson), Some(search(150.0, None)));
    assert_eq!(
        outlook(&open, &Targets::guide()).lines,
        ["search from 50/s to at most 1000/s (poisson), at most 150 s; each level 15–240 s"]
    );
    open.search = Some(search(44.0, Some(AskedLaw { until_s: 172.0, hold_s: 4.0 })));
    assert_eq!(
        outlook(&open, &Targets::guide()).lines,
        [
            "search from 50/s to at most 1000/s (poisson), at most 172 s; each level 15–240 s · 44 s for the search, 128 s for the law",
            "44 s are little for a search: few levels can be looked at, and hardly one proven; give it more with --max-time",
        ]
    );
    let mut closed = users(400, 50.0, 605.0);
    closed.search = Some(search(600.0, None));
    let told = outlook(&closed, &Targets::guide());
    assert_eq!(told.lines, ["search from 50 users to at most 1,000 users, at most 10m; each level 15–240 s"]);
    assert!(told.most_per_min.is_some() && told.requests.is_none());
}
