use proptest::prelude::*;

use super::*;
use crate::capacity::ground::Response;
use crate::judge::{self, EdgeResult, LevelResult, PlannedFrom, Suspect, Verdict, When};
use crate::record::fixture::asked;
use crate::record::{Asked, AskedSearch, LoadModel, LoadPlan};

/// An edge between 410/s and 440/s; a task is one request, answered in 12 ms at 10/s and in 300 ms at 410/s; 3 s between tasks.
fn arrivals() -> Ground {
    Ground {
        from: PlannedFrom {
            id: "20261123T081000Z-agenthub-user-3f2a".into(),
            label: None,
            started: "2026-11-23T08:10:00Z".into(),
            host: "http://127.0.0.1:8000".into(),
            scenario: "agenthub user".into(),
            unit: "arrivals/s".into(),
            passes: Some(410.0),
            fails: Some(440.0),
            confirmed: true,
        },
        users: false,
        passes: Some(End { level: 410.0, requests_per_s: 410.0 }),
        fails: Some(End { level: 440.0, requests_per_s: 430.0 }),
        doubts: Vec::new(),
        think_s: Some(3.0),
        pauses_s: Some(0.0),
        requests_per_task: 1.0,
        response: Some(Response {
            mean_s: Between::of(0.012, 0.3),
            at: Between::of(10.0, 410.0),
            requests_per_level: Between::of(1.0, 1.0),
        }),
        shared: Vec::new(),
        law: None,
        reference_service: false,
    }
}

/// An edge between 120 and 130 users who think 3 s and are answered in 0.1 to 0.2 s.
fn users() -> Ground {
    Ground {
        users: true,
        passes: Some(End { level: 120.0, requests_per_s: 38.0 }),
        fails: Some(End { level: 130.0, requests_per_s: 39.0 }),
        response: Some(Response {
            mean_s: Between::of(0.1, 0.2),
            at: Between::of(10.0, 120.0),
            requests_per_level: Between::of(38.0 / 120.0, 0.32),
        }),
        ..arrivals()
    }
}

fn question(users: u64) -> Question {
    let today = jiff::civil::date(2026, 11, 23);
    Question { users, wait_s: None, headroom: None, growth: None, instances: None, today }
}

fn near(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() < 0.005 * wanted.abs().max(0.01)
}

fn needed(of: &Planned) -> (Option<u64>, Option<u64>) {
    (of.instances.low, of.instances.high)
}

#[test]
fn users_become_arrivals_by_littles_law_and_arrivals_instances() {
    let found = reckon(arrivals(), &question(10_000)).unwrap();
    // 10,000 / 3.3 s and 10,000 / 3.012 s; 410/s and 440/s less 30 %.
    assert!(near(found.demand.low, 3030.3) && near(found.demand.high, 3320.1), "{found:?}");
    assert!(near(found.instance.low.unwrap(), 287.0) && near(found.instance.high.unwrap(), 308.0));
    // 3030.3 / 308 = 9.84 and 3320.1 / 287 = 11.57.
    assert_eq!(needed(&found), (Some(10), Some(12)));
    assert_eq!((found.proven, found.schema, found.today.is_none(), found.growth.is_none()), (true, 1, true, true));
}

#[test]
fn a_task_of_several_requests_takes_all_their_times_and_makes_all_their_requests() {
    let found = reckon(Ground { requests_per_task: 2.5, ..arrivals() }, &question(10_000)).unwrap();
    // 2.5 · 12 ms and 2.5 · 300 ms.
    assert_eq!(found.response_s, Some(Between::of(0.03, 0.75)));
    assert!(near(found.demand.low, 10_000.0 / 3.75) && near(found.demand.high, 10_000.0 / 3.03));
    assert!(near(found.requests_per_s.low, 25_000.0 / 3.75) && near(found.requests_per_s.high, 25_000.0 / 3.03));
}

#[test]
fn another_wait_and_another_headroom_are_taken_from_the_flags() {
    let asked = Question { wait_s: Some(0.7), headroom: Some(0.0), ..question(1000) };
    let found = reckon(arrivals(), &asked).unwrap();
    // 1000 / 1.0 s and 1000 / 0.712 s over 440/s and 410/s: 2.27 and 3.43.
    assert_eq!(needed(&found), (Some(3), Some(4)));
    let from = |what: &str| found.assumptions.iter().find(|one| one.what == what).unwrap().from;
    assert_eq!((from("think time"), from("headroom"), from("edge")), (Origin::Flag, Origin::Flag, Origin::Measured));
    let found = reckon(arrivals(), &question(1000)).unwrap();
    let from = |what: &str| found.assumptions.iter().find(|one| one.what == what).unwrap().from;
    assert_eq!(
        (from("think time"), from("headroom"), from("scaling")),
        (Origin::Asked, Origin::Default, Origin::Unmeasured)
    );
}

#[test]
fn pauses_within_a_task_stay_whatever_the_wait_between_them() {
    let at_once = Response { mean_s: Between::of(0.0, 0.0), ..arrivals().response.unwrap() };
    let says =
        |found: &Planned, what: &str| found.assumptions.iter().find(|one| one.what == what).unwrap().says.clone();
    // Tasks that pause for 4 s, and 2 s between them: 1,000 users do 200 a second where they wait 1 s, and 166.7 as they were.
    for ground in [arrivals(), users()] {
        let ground = Ground { think_s: Some(6.0), pauses_s: Some(4.0), response: Some(at_once), ..ground };
        let found = reckon(ground.clone(), &Question { wait_s: Some(1.0), ..question(1000) }).unwrap();
        assert!(near(found.requests_per_s.low, 200.0) && near(found.requests_per_s.high, 200.0), "{found:#?}");
        assert_eq!((found.think_s, found.pauses_s), (Some(1.0), Some(4.0)));
        assert!(says(&found, "think time").starts_with("1 s on average"), "{:#?}", found.assumptions);
        assert!(says(&found, "pauses").starts_with("4 s on average within a task"), "{:#?}", found.assumptions);
        assert!(found.warnings.iter().all(|warning| !warning.contains("pauses")), "{:?}", found.warnings);
        let own = reckon(ground.clone(), &Question { wait_s: Some(2.0), ..question(1000) }).unwrap();
        assert_eq!(own.instance.unit, if ground.users { "users" } else { "arrivals/s" });
        if !ground.users {
            let as_it_was = reckon(ground, &question(1000)).unwrap();
            assert!(near(as_it_was.demand.low, 166.7), "{as_it_was:#?}");
            assert_eq!(own.demand, as_it_was.demand);
        }
    }
    // A result that does not tell them apart.
    let old = Ground { think_s: Some(6.0), pauses_s: None, response: Some(at_once), ..arrivals() };
    let found = reckon(old.clone(), &Question { wait_s: Some(1.0), ..question(1000) }).unwrap();
    assert!(found.warnings.iter().any(|warning| warning.contains("does not tell how long tasks pause")), "{found:#?}");
    let found = reckon(old, &question(1000)).unwrap();
    assert!(near(found.demand.low, 166.7) && says(&found, "think time").ends_with("pauses within tasks included"));
}

#[test]
fn users_who_think_as_long_are_counted_as_they_are() {
    for wait_s in [None, Some(3.0)] {
        let found = reckon(users(), &Question { wait_s, ..question(1000) }).unwrap();
        // 1000 / (130 · 0.7) = 10.99 and 1000 / (120 · 0.7) = 11.90.
        assert_eq!((found.instance.unit.as_str(), needed(&found)), ("users", (Some(11), Some(12))));
        assert!(near(found.requests_per_s.low, 316.7) && near(found.requests_per_s.high, 320.0));
        assert_eq!((found.think_s, found.response_s), (None, None));
    }
}

#[test]
fn users_who_think_longer_go_by_their_requests() {
    let found = reckon(users(), &Question { wait_s: Some(9.0), ..question(1000) }).unwrap();
    // 1000 / 9.2 s = 108.7 over 39 · 0.7 = 27.3, and 1000 / 9.1 s = 109.9 over 38 · 0.7 = 26.6.
    assert_eq!((found.instance.unit.as_str(), needed(&found)), ("requests/s", (Some(4), Some(5))));
    assert!(found.assumptions.iter().any(|one| one.what == "other users" && one.from == Origin::Unmeasured));
    // A host that answers fewer past its edge bears no fewer for that.
    let fails = Some(End { level: 130.0, requests_per_s: 20.0 });
    let found = reckon(Ground { fails, ..users() }, &Question { wait_s: Some(9.0), ..question(1000) }).unwrap();
    assert!(near(found.instance.high.unwrap(), 26.6), "{:?}", found.instance);
}

#[test]
fn exactly_as_much_as_two_bear_takes_two() {
    let ground = Ground {
        response: Some(Response { mean_s: Between::of(0.0, 0.0), ..arrivals().response.unwrap() }),
        ..arrivals()
    };
    let asked = Question { wait_s: Some(1.0), ..question(574) };
    assert_eq!(needed(&reckon(ground, &asked).unwrap()), (Some(2), Some(2)));
}

#[test]
fn an_edge_with_one_end_bounds_the_instances_on_one_side() {
    let asked =
        Question { growth: Some(Growth { share: 0.08, per: "month" }), instances: Some(20), ..question(10_000) };
    let at_least = reckon(Ground { fails: None, ..arrivals() }, &asked).unwrap();
    assert_eq!(needed(&at_least), (None, Some(12)));
    assert!(at_least.warnings[0].contains("nothing was shown to fail above 410/s"), "{:?}", at_least.warnings);
    let growth = at_least.growth.unwrap();
    assert_eq!((growth.earliest, growth.latest), (Some(When::In(2027, 6)), None));
    let at_most = reckon(Ground { passes: None, ..arrivals() }, &asked).unwrap();
    assert_eq!(needed(&at_most), (Some(10), None));
    assert_eq!(at_most.today, Some(Today { instances: 20, enough: None }));
    assert!(at_most.warnings[0].contains("nothing was shown to pass below 440/s"), "{:?}", at_most.warnings);
    assert_eq!(at_most.growth.unwrap().latest, Some(When::In(2027, 8)));
}

#[test]
fn todays_instances_run_out_in_a_range_of_months() {
    let growth = Some(Growth { share: 0.08, per: "month" });
    let found = |instances| reckon(arrivals(), &Question { growth, instances, ..question(10_000) }).unwrap();
    // 20 · 287 / 3320.1 = 1.729 in 7.11 months, 20 · 308 / 3030.3 = 2.033 in 9.22: 216 and 280 days on.
    let twenty = found(Some(20));
    let grown = twenty.growth.unwrap();
    assert_eq!((grown.earliest, grown.latest), (Some(When::In(2027, 6)), Some(When::In(2027, 8))));
    assert_eq!((grown.from.as_str(), twenty.today.unwrap().enough), ("2026-11-23", Some(true)));
    // One that is there by default is too few already; eleven may do.
    let one = found(None);
    assert_eq!(one.today, Some(Today { instances: 1, enough: Some(false) }));
    assert_eq!(
        one.growth.map(|grown| (grown.earliest, grown.latest)),
        Some((Some(When::Already), Some(When::Already)))
    );
    let eleven = found(Some(11));
    assert_eq!((eleven.today.unwrap().enough, eleven.growth.unwrap().earliest), (None, Some(When::Already)));
}

#[test]
fn without_a_think_time_users_are_no_requests() {
    let none = Ground { think_s: None, ..arrivals() };
    let error = reckon(none.clone(), &question(10)).unwrap_err().to_string();
    assert!(error.ends_with("say how long users wait between their tasks, e.g. --wait 3s"), "{error}");
    assert!(reckon(none, &Question { wait_s: Some(3.0), ..question(10) }).is_ok());
    let never = Ground { think_s: Some(0.0), ..arrivals() };
    let error = reckon(never.clone(), &question(10)).unwrap_err().to_string();
    assert!(error.contains("users who never wait"), "{error}");
    // Said so it is meant so; and by users it is one for one.
    let found = reckon(never, &Question { wait_s: Some(0.0), ..question(10) }).unwrap();
    assert!(near(found.demand.high, 10.0 / 0.012));
    assert!(reckon(Ground { think_s: None, ..users() }, &question(10)).is_ok());
    let silent = Ground { response: None, ..arrivals() };
    assert!(matches!(reckon(silent, &question(10)), Err(PlanError::NoResponseTime { .. })));
}

/// A search that held these levels.
fn searched(levels: &[(f64, Verdict)], verdict: Verdict) -> (Run, RunResult) {
    let search: AskedSearch = serde_json::from_value(serde_json::json!({
        "start": 50.0, "most": 1000.0, "max_time_s": 600.0, "width": 0.1, "abort_on": 0.2, "looks_s": [15.0], "confidences": [0.99],
    }))
    .unwrap();
    let asked =
        Asked { search: Some(search), reference_service: false, plan: LoadPlan::rate(1000.0, 605.0), ..asked() };
    let (run, mut result) = judged(asked);
    result.levels = levels
        .iter()
        .map(|&(level, verdict)| LevelResult {
            level,
            from_s: 0.0,
            to_s: 15.0,
            judged_s: 12.0,
            looks: 1,
            confirms: false,
            unrecovered: false,
            given_up: false,
            gone: None,
            requests_per_s: level * 0.99,
            mean_ms: Some(level / 10.0),
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
            error_rate: Some(0.0),
            verdict,
            reason: String::new(),
            targets: Vec::new(),
        })
        .collect();
    result.edge = Some(EdgeResult::of(&result.levels, LoadModel::Open, 0.1, 1000.0));
    (result.verdict, result.reasons) = (verdict, vec!["leave more time".to_owned()]);
    (run, result)
}

fn judged(asked: Asked) -> (Run, RunResult) {
    let nothing = Run {
        asked,
        endpoints: Vec::new(),
        seconds: Vec::new(),
        intervals: Vec::new(),
        watched: Vec::new(),
        check: None,
        levels: Vec::new(),
        end: Some(crate::record::End::Finished),
        warnings: Vec::new(),
    };
    let result = judge::judge(&nothing);
    (nothing, result)
}

#[test]
fn a_search_gives_its_ends_and_the_response_times_between_the_lowest_level_and_the_edge() {
    use Verdict::{Fail, Pass, Unproven, Void};
    let levels =
        [(50.0, Unproven), (25.0, Void), (200.0, Pass), (400.0, Fail), (100.0, Fail), (90.0, Pass), (90.0, Pass)];
    let (run, mut result) = searched(&levels, Pass);
    result.suspects = ["pool_exhausted", "cpu_limit"]
        .map(|rule| Suspect {
            rule: rule.into(),
            subject: "app".into(),
            says: format!("{rule} stands out"),
            evidence: Vec::new(),
            threshold: String::new(),
            advice: String::new(),
            weight: 0.5,
        })
        .to_vec();
    let found = plan(&run, &result, &question(300)).unwrap();
    assert_eq!((found.result.passes, found.result.fails, found.result.confirmed), (Some(90.0), Some(100.0), true));
    // 5 ms at 50/s and 9 ms at 90/s; what failed or was void does not count.
    assert!(near(found.response_s.unwrap().low, 0.005) && near(found.response_s.unwrap().high, 0.009));
    assert!(found.proven && found.warnings.len() == 1, "{:?}", found.warnings);
    assert!(found.warnings[0].ends_with("app: pool_exhausted stands out"), "{:?}", found.warnings);
}

#[test]
fn an_edge_that_is_not_confirmed_counts_from_the_level_below_it_that_passed() {
    use Verdict::{Fail, Pass, Unproven};
    let (run, result) = searched(&[(50.0, Pass), (100.0, Pass), (200.0, Fail)], Unproven);
    let found = plan(&run, &result, &question(300)).unwrap();
    assert_eq!((found.result.passes, found.proven), (Some(50.0), false));
    assert_eq!(
        found.doubts,
        ["leave more time", "100/s passed but once, so the lower end is the level below it that passed, 50/s"]
    );
    let (run, result) = searched(&[(100.0, Pass), (200.0, Fail)], Unproven);
    let found = plan(&run, &result, &question(300)).unwrap();
    assert_eq!((found.result.passes, found.doubts), (Some(100.0), vec!["leave more time".to_owned()]));
}

#[test]
fn a_search_that_proved_nothing_is_refused_and_one_that_only_failed_is_not() {
    use Verdict::{Fail, Unproven};
    let (run, result) = searched(&[(50.0, Unproven)], Unproven);
    let error = plan(&run, &result, &question(300)).unwrap_err().to_string();
    assert_eq!(error, format!("{} does not tell where the edge is: leave more time", run.asked.id));
    let (run, result) = searched(&[(50.0, Fail), (25.0, Unproven)], Unproven);
    let found = plan(&run, &result, &question(300)).unwrap();
    assert_eq!((found.instances.high, found.result.fails), (None, Some(50.0)));
    // 2.5 ms at 25/s, 5 ms at 50/s: it may break as late as there.
    assert!(near(found.response_s.unwrap().low, 0.0025) && near(found.response_s.unwrap().high, 0.005));
}

#[test]
fn a_run_that_passed_is_at_least_its_level_and_another_is_refused() {
    let (run, mut result) = judged(Asked { plan: LoadPlan::users(50, 10.0, 60.0), ..asked() });
    let refused = |result: &RunResult| plan(&run, result, &question(300)).unwrap_err().to_string();
    for (verdict, why) in
        [(Verdict::Fail, "missed a target"), (Verdict::Void, "is void"), (Verdict::Unproven, "is unproven")]
    {
        result.verdict = verdict;
        assert!(refused(&result).contains(why) && refused(&result).contains("agenthub-perf capacity"), "{why}");
    }
    (result.verdict, result.partial) = (Verdict::Pass, true);
    assert!(refused(&result).contains("did not run to its end"));
    result.partial = false;
    result.totals.requests_per_min = 990.0;
    let found = plan(&run, &result, &question(300)).unwrap();
    // 300 / (50 · 0.7) = 8.57, and 990/min of 50 users are 99/s of 300.
    assert_eq!((needed(&found), found.proven), ((None, Some(9)), false));
    assert!(near(found.requests_per_s.low, 99.0) && found.doubts[0].contains("a run and no search"), "{found:?}");
    assert!(found.warnings[0].contains("the reference service"), "{:?}", found.warnings);
    let stages = [(10.0, 0.0), (10.0, 60.0), (20.0, 1.0), (20.0, 60.0)];
    let stages = stages.iter().map(|&(level, duration_s)| crate::record::Stage { level, duration_s }).collect();
    let (run, result) = judged(Asked { plan: LoadPlan { model: LoadModel::Closed, stages }, ..asked() });
    assert!(plan(&run, &result, &question(1)).unwrap_err().to_string().contains("several levels"));
}

proptest! {
    #[test]
    fn more_users_or_more_headroom_never_need_fewer_instances_and_longer_waits_never_more(
        users in 1_u64..1_000_000_000, more in 0_u64..1_000_000_000, headroom in 0.0_f64..0.9, kept in 0.0_f64..0.09,
        wait_s in 0.01_f64..1000.0, longer_s in 0.0_f64..1000.0, by_users: bool,
    ) {
        let ground = || if by_users { super::tests::users() } else { arrivals() };
        let need = |users, wait_s, headroom| {
            let asked = Question { wait_s: Some(wait_s), headroom: Some(headroom), ..question(users) };
            let found = reckon(ground(), &asked).unwrap();
            (found.instances.low.unwrap(), found.instances.high.unwrap())
        };
        let base = need(users, wait_s, headroom);
        prop_assert!(1 <= base.0 && base.0 <= base.1);
        for (few, many) in [
            (base, need(users + more, wait_s, headroom)),
            (base, need(users, wait_s, headroom + kept)),
            (need(users, wait_s + longer_s, headroom), base),
        ] {
            prop_assert!(few.0 <= many.0 && few.1 <= many.1, "{few:?} {many:?}");
        }
    }

    #[test]
    fn instances_are_enough_exactly_until_they_run_out(users in 1_u64..100_000_000, instances in 1_u64..10_000) {
        let growth = Some(Growth { share: 0.05, per: "month" });
        let found = reckon(arrivals(), &Question { growth, instances: Some(instances), ..question(users) }).unwrap();
        let grown = found.growth.unwrap();
        prop_assert!(grown.earliest <= grown.latest);
        let out = (grown.earliest == Some(When::Already), grown.latest == Some(When::Already));
        prop_assert_eq!(found.today.unwrap().enough, match out {
            (false, false) => Some(true),
            (true, true) => Some(false),
            _ => None,
        });
    }
}

#[test]
fn a_host_that_ended_is_not_asked_for_less() {
    let (run, mut result) = searched(&[(50.0, Verdict::Fail)], Verdict::Unproven);
    result.levels[0].gone = Some("connection refused".to_owned());
    result.edge = Some(EdgeResult::of(&result.levels, LoadModel::Open, 0.1, 1000.0));
    result.reasons = vec![result.edge.as_ref().unwrap().reason.clone()];
    let told = plan(&run, &result, &question(10)).unwrap_err().to_string();
    assert!(told.contains("stopped answering (connection refused)") && !told.contains("lower"), "{told}");
}
