use super::{Answer, fast, simulate, target, users};
use crate::judge::{Verdict, judge};

#[test]
fn three_seconds_are_a_fail() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |_, _| Answer::ok(3e6)));
    let p95 = target(&result, "p95_response_time");
    assert_eq!((p95.value, p95.low, p95.high), (Some(3_000.0), Some(3_000.0), Some(3_000.0)));
    assert_eq!(p95.verdict, Verdict::Fail);
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(result.reasons, ["p95_response_time: 3 s (3 s – 3 s) is not < 2 s"]);
}

#[test]
fn what_never_answers_is_a_fail_by_what_it_had_waited() {
    let result =
        judge(&simulate(users(100, 50.0, 60.0), |_, at_s| Answer::ok(if at_s < 10.0 { 2_000.0 } else { 1e9 })));
    let p95 = target(&result, "p95_response_time");
    assert_eq!((p95.verdict, p95.high), (Verdict::Unproven, None));
    let result = judge(&simulate(users(100, 50.0, 60.0), |_, _| Answer::ok(1e9)));
    let p95 = target(&result, "p95_response_time");
    assert_eq!((p95.verdict, p95.high), (Verdict::Fail, None));
    assert!(p95.low.unwrap() > 60_000.0, "{p95:?}");
    assert_eq!(target(&result, "error_rate").reason, "no request ended in the steady window");
}

#[test]
fn a_few_that_never_answer_open_no_end_below_the_quantile() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |rng, at_s| {
        Answer::ok(if at_s > 55.0 && rng.f64() < 0.05 { 1e9 } else { 2_000.0 })
    }));
    let p95 = target(&result, "p95_response_time");
    assert!(result.totals.cut_off > 5);
    assert_eq!((p95.value, p95.verdict), (Some(2.0), Verdict::Pass));
    let mut asked = users(250, 50.0, 60.0);
    asked.targets.insert("p99.9_response_time".to_owned(), "2s".to_owned());
    let result =
        judge(&simulate(asked, |rng, at_s| Answer::ok(if at_s > 50.0 && rng.f64() < 0.05 { 1e9 } else { 2_000.0 })));
    let p999 = target(&result, "p99.9_response_time");
    assert_eq!((p999.verdict, p999.high), (Verdict::Unproven, None));
    assert_eq!(
        p999.reason,
        format!(
            "{} requests were cut off at the end: nobody knows how long they would have taken; allow them more time with --stop-timeout",
            result.totals.cut_off
        )
    );
}

#[test]
fn what_was_in_flight_at_the_end_counts_when_it_comes_late() {
    // The host stops answering at 58 s until 64 s: nothing of it ends within the window.
    let result = judge(&simulate(users(250, 50.0, 60.0), |_, at_s| {
        Answer::ok(if at_s > 58.0 { (64.5 - at_s) * 1e6 } else { 2_000.0 })
    }));
    let errors = target(&result, "error_rate");
    let late = result.totals.requests - judge(&simulate(users(250, 50.0, 58.0), fast)).totals.requests;
    assert!(late > 100, "{late}");
    let mut asked = users(250, 50.0, 60.0);
    asked.targets.insert("p99_response_time".to_owned(), "2s".to_owned());
    let result = judge(&simulate(asked, |_, at_s| Answer::ok(if at_s > 58.0 { (64.5 - at_s) * 1e6 } else { 2_000.0 })));
    assert!(target(&result, "p99_response_time").value.unwrap() > 4_000.0);
    assert_eq!(errors.counts.unwrap()[0], 0);
}

#[test]
fn with_more_than_one_failure_in_a_hundred_it_cannot_pass_but_it_can_fail() {
    let refuse = |us: f64| move |rng: &mut fastrand::Rng, _| Answer { us, failed: rng.f64() < 0.03 };
    let result = judge(&simulate(users(250, 50.0, 60.0), refuse(2_000.0)));
    let p95 = target(&result, "p95_response_time");
    assert_eq!(p95.verdict, Verdict::Unproven);
    let [failures, requests] = target(&result, "error_rate").counts.unwrap();
    let share = crate::units::format_ratio(failures as f64 / requests as f64);
    assert_eq!(
        p95.reason,
        format!("{share} of its requests failed, and a failure can be fast: below 1 % of failures it can pass")
    );
    let result = judge(&simulate(users(250, 50.0, 60.0), refuse(3e6)));
    assert_eq!(target(&result, "p95_response_time").verdict, Verdict::Fail);
    let result = judge(&simulate(users(250, 50.0, 60.0), |_, _| Answer { us: 2_000.0, failed: true }));
    let p95 = target(&result, "p95_response_time");
    assert_eq!((p95.value, p95.verdict), (None, Verdict::Unproven));
    assert!(p95.reason.starts_with("no request succeeded: all 4,"), "{}", p95.reason);
}

#[test]
fn an_endpoint_is_judged_by_its_own_requests() {
    let mut asked = users(250, 50.0, 60.0);
    asked.targets.insert("p95_response_time[GET /api/v2/projects]".to_owned(), "5ms".to_owned());
    asked.targets.insert("p95_response_time[GET /api/v2/project]".to_owned(), "5ms".to_owned());
    let result = judge(&simulate(asked, fast));
    assert_eq!(target(&result, "p95_response_time[GET /api/v2/projects]").verdict, Verdict::Pass);
    let unknown = target(&result, "p95_response_time[GET /api/v2/project]");
    assert_eq!(unknown.verdict, Verdict::Unproven);
    assert_eq!(unknown.reason, "no endpoint is named \"GET /api/v2/project\"; did you mean `GET /api/v2/projects`?");
}

#[test]
fn a_tail_beyond_the_sample_says_how_many_requests_it_needs() {
    let mut asked = users(20, 20.0, 60.0);
    asked.targets.insert("p99.9_response_time".to_owned(), "2s".to_owned());
    let result = judge(&simulate(asked, |_, _| Answer::ok(2_000.0)));
    let p999 = target(&result, "p99.9_response_time");
    let [_, has] = target(&result, "error_rate").counts.unwrap();
    // ln 0.025 / ln 0.999 = 3,687.04…
    let more_s = ((3_688.0 / has as f64 - 1.0) * 59.0).ceil();
    let run_longer = format!("{:.0} min", (more_s / 60.0_f64).ceil());
    assert_eq!(
        p999.reason,
        format!(
            "the upper end is beyond what was seen: needs about 3,688 requests, has {has}: run {run_longer} longer"
        )
    );
}

#[test]
fn seconds_too_few_to_tell_dependence_prove_nothing() {
    let result = judge(&simulate(users(250, 250.0, 4.0), fast));
    let p95 = target(&result, "p95_response_time");
    assert_eq!((p95.verdict, p95.design_effect), (Verdict::Unproven, None));
    assert_eq!(
        p95.reason,
        "too short to tell how far requests depend on each other: needs 5 s of steady load, has 3 s: run 2 s longer"
    );
}

#[test]
fn a_drift_across_the_limit_is_not_decided() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |_, at_s| Answer::ok(1.4e6 + at_s * 1.05e4)));
    let p95 = target(&result, "p95_response_time");
    assert_eq!(p95.verdict, Verdict::Unproven);
    assert!(p95.low.unwrap() < 2_000.0 && p95.high.is_none_or(|high| high > 2_000.0), "{p95:?}");
    assert!(result.notes.iter().any(|note| note.starts_with("the response time never settled")), "{:?}", result.notes);
}
