use super::{Answer, asked, fast, holds, simulate, target, users};
use crate::judge::{Verdict, judge};
use crate::record::{End, LoadPlan};

#[test]
fn the_quick_profile_proves_every_outside_target_on_a_fast_host() {
    let run = simulate(users(250, 50.0, 60.0), fast);
    let result = judge(&run);
    assert_eq!(result.reasons, Vec::<String>::new());
    assert_eq!(result.verdict, Verdict::Pass);
    assert_eq!((result.steady.from_s, result.steady.to_s), (5.0, 60.0));

    let verdicts: Vec<Verdict> = result.targets.iter().map(|target| target.verdict).collect();
    let (pass, not_measured) = (Verdict::Pass, Verdict::NotMeasured);
    assert_eq!(verdicts, [pass, pass, pass, not_measured, not_measured, not_measured, not_measured]);

    // Exponential from 0.3 ms with mean 0.7 ms: p95 = 0.3 + 0.7·ln 20.
    let p95 = target(&result, "p95_response_time");
    let truth = 0.3 + 0.7 * 20.0_f64.ln();
    assert!(p95.low.unwrap() < truth && truth < p95.high.unwrap(), "{p95:?}");
    assert!(p95.high.unwrap() - p95.low.unwrap() < 0.35 * truth, "{p95:?}");

    let errors = target(&result, "error_rate");
    let [failures, requests] = errors.counts.unwrap();
    assert_eq!(failures, 0);
    assert!((4_400..4_800).contains(&requests), "{requests}");
    assert!((errors.high.unwrap() - (1.0 - 0.025_f64.powf(1.0 / requests as f64))).abs() < 1e-9);
    assert_eq!(errors.reason, "");

    // 250 users, 3 s of think time, 1 ms each: 83.3 a second.
    let throughput = target(&result, "throughput");
    let half = (throughput.high.unwrap() - throughput.low.unwrap()) / 2.0;
    assert!((throughput.value.unwrap() - 5_000.0).abs() < 100.0, "{throughput:?}");
    assert!((25.0..150.0).contains(&half), "{throughput:?}");
    assert_eq!(result.totals.requests_per_min, throughput.value.unwrap());
}

#[test]
fn totals_and_endpoints_count_every_request_once() {
    let mut asked = users(50, 10.0, 60.0);
    asked.stop_timeout_s = 1.0;
    let run = simulate(asked, |rng, _| match rng.u32(0..20) {
        0 => Answer::ok(60e6),
        1 | 2 => Answer { us: 9_000.0, failed: true },
        _ => Answer::ok(2_000.0),
    });
    let count = |f: fn(&crate::record::EndpointSecond) -> u64| -> u64 {
        run.seconds.iter().flat_map(|second| second.endpoints.values()).map(f).sum()
    };
    let result = judge(&run);
    let totals = &result.totals;
    assert_eq!(totals.requests, count(|endpoint| endpoint.requests));
    assert_eq!(totals.failures, count(|endpoint| endpoint.failures.values().sum()));
    assert_eq!(totals.cut_off, count(|endpoint| endpoint.cut_off));
    assert!(totals.cut_off > 10 && totals.failures > 10, "{totals:?}");
    assert_eq!(totals.failures_by_kind["status"], totals.failures);
    assert_eq!(result.endpoints.iter().map(|endpoint| endpoint.requests).sum::<u64>(), totals.requests);
    let first = &result.endpoints[0];
    assert_eq!(first.errors["status 500"], first.failures);
    assert_eq!(first.statuses["200"], first.requests - first.failures - first.cut_off);
    assert_eq!(first.response_time_ms.p50, Some(2.0));
    assert_eq!(first.service_time_ms, first.response_time_ms);
    assert_eq!(first.failed_time_ms.p99, Some(9.0));
}

#[test]
fn only_holds_are_judged_each_by_itself_and_together() {
    let plan = holds(&[(100.0, 60.0), (200.0, 60.0)]);
    let result = judge(&simulate(asked(plan, Some(3.0)), fast));
    let spans: Vec<(f64, f64, Option<u32>)> = result.stages.iter().map(|s| (s.from_s, s.to_s, s.users)).collect();
    assert_eq!(spans, [(0.0, 60.0, Some(100)), (60.0, 120.0, Some(200))]);
    let throughput = |stage: usize| result.stages[stage].targets.iter().find(|t| t.name == "throughput").unwrap();
    assert!((throughput(0).value.unwrap() - 2_000.0).abs() < 100.0, "{:?}", throughput(0));
    assert!((throughput(1).value.unwrap() - 4_000.0).abs() < 200.0, "{:?}", throughput(1));
    let together = target(&result, "throughput");
    assert!((together.value.unwrap() - 3_000.0).abs() < 100.0);
    // The holds differ by design: that is no variation of a hold.
    assert!(together.high.unwrap() - together.low.unwrap() < 250.0, "{together:?}");
}

#[test]
fn a_hold_that_misses_its_target_fails_the_run_that_passes_together() {
    let plan = holds(&[(250.0, 290.0), (250.5, 12.0)]);
    let result =
        judge(&simulate(asked(plan, Some(3.0)), |_, at_s| Answer::ok(if at_s > 289.0 { 3e6 } else { 2_000.0 })));
    assert_eq!(target(&result, "p95_response_time").verdict, Verdict::Pass);
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(result.reasons, ["p95_response_time in the hold from 290 to 302 s: 3 s (3 s – 3 s) is not < 2 s"]);
}

#[test]
fn a_load_that_never_holds_proves_nothing() {
    let mut run = simulate(users(50, 1.0, 20.0), fast);
    run.asked.plan = LoadPlan::users(50, 1.0, 20.0);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Unproven);
    assert_eq!((result.steady.from_s, result.steady.to_s), (0.0, 0.0));
    assert_eq!(
        result.reasons,
        [
            "no level was held for a whole second, and only holds are judged: run longer than 20 s, or add a stage that holds"
        ]
    );
    assert!(result.totals.requests > 50);
}

#[test]
fn a_run_cut_short_keeps_its_verdicts_but_cannot_pass() {
    for (end, reason) in [
        (Some(End::Interrupted), "interrupted after 60 s of 100 s"),
        (Some(End::Aborted("the disk is full".to_owned())), "ended early (the disk is full) after 60 s of 100 s"),
        (None, "its journal stops (killed, or still running) after 60 s of 100 s"),
    ] {
        let mut run = simulate(users(250, 50.0, 100.0), fast);
        run.seconds.truncate(60);
        run.intervals.retain(|interval| interval.from_s < 60.0);
        run.end = end;
        let result = judge(&run);
        assert_eq!(target(&result, "p95_response_time").verdict, Verdict::Pass);
        assert_eq!((result.verdict, result.partial), (Verdict::Unproven, true));
        assert_eq!(result.reasons, [reason]);
        assert_eq!(result.steady.to_s, 60.0);
    }
}

#[test]
fn an_interrupted_run_is_not_judged_on_its_last_requests() {
    let mut run = simulate(users(250, 50.0, 100.0), fast);
    run.seconds.truncate(63);
    for second in &mut run.seconds[60..] {
        second.wanted = 0.0;
        second.endpoints.clear();
    }
    run.intervals.retain(|interval| interval.from_s < 60.0);
    run.end = Some(End::Interrupted);
    let result = judge(&run);
    assert_eq!(result.steady.to_s, 60.0);
    assert_eq!(target(&result, "throughput").verdict, Verdict::Pass);
}

#[test]
fn users_that_could_not_start_leave_it_unproven() {
    let mut run = simulate(users(250, 50.0, 60.0), fast);
    run.seconds[1].failed_starts = 3;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Unproven);
    assert_eq!(result.reasons, ["3 of 250 users could not start: the load was not the one asked for"]);
}

#[test]
fn a_start_that_differs_by_less_than_a_millisecond_is_left_in() {
    let run = simulate(users(250, 50.0, 60.0), |_, at_s| Answer::ok(if at_s < 15.0 { 1_200.0 } else { 400.0 }));
    let result = judge(&run);
    assert_eq!((result.steady.from_s, result.steady.to_s, result.notes.len()), (5.0, 60.0, 0));
}

#[test]
fn a_slow_start_is_left_out_and_said() {
    let run = simulate(users(250, 50.0, 60.0), |_, at_s| Answer::ok(if at_s < 15.0 { 200_000.0 } else { 2_000.0 }));
    let result = judge(&run);
    assert_eq!((result.steady.from_s, result.steady.to_s), (16.0, 60.0));
    assert_eq!(result.notes, ["the first 11s of 5–60 s are start-up and not judged"]);
    let short = judge(&simulate(users(250, 50.0, 30.0), fast));
    assert_eq!(
        short.notes,
        [
            "steady state not tested in 5–30 s: it has 25 batches of response times, the test needs 40; judged from the end of the spawn on"
        ]
    );
}

#[test]
fn an_empty_run_is_judged_without_a_panic() {
    let mut run = simulate(users(250, 50.0, 60.0), fast);
    run.seconds.clear();
    run.intervals.clear();
    run.endpoints.clear();
    run.end = None;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Unproven);
    assert_eq!((result.totals.requests, result.duration_s), (0, 0.0));
}

#[test]
fn minutes_and_seconds_are_judged_alike() {
    let whole = simulate(users(250, 50.0, 185.0), fast);
    let mut merged = whole.clone();
    // The first two minutes as a long run keeps them.
    let mut seconds = Vec::new();
    for minute in whole.seconds[..120].chunks(60) {
        let mut sum = minute[0].clone();
        sum.to_s = minute[59].to_s;
        for second in &minute[1..] {
            sum.user_s += second.user_s;
            sum.in_flight_s += second.in_flight_s;
            sum.thinking_s += second.thinking_s;
            sum.generator.cpu_s += second.generator.cpu_s;
            for (id, endpoint) in &second.endpoints {
                sum.endpoints.entry(*id).or_default().requests += endpoint.requests;
            }
        }
        seconds.push(sum);
    }
    seconds.extend_from_slice(&whole.seconds[120..]);
    merged.seconds = seconds;
    for interval in merged.intervals.iter_mut().filter(|interval| interval.from_s < 120.0) {
        interval.from_s = (interval.from_s / 60.0).floor() * 60.0;
        interval.to_s = interval.from_s + 60.0;
    }
    let (fine, coarse) = (judge(&whole), judge(&merged));
    assert_eq!((coarse.steady.from_s, coarse.steady.to_s), (60.0, 185.0));
    let figure = |result: &crate::judge::RunResult, name| target(result, name).value.unwrap();
    for name in ["p95_response_time", "throughput"] {
        let (fine, coarse) = (figure(&fine, name), figure(&coarse, name));
        assert!((coarse / fine - 1.0).abs() < 0.05, "{name}: {fine} and {coarse}");
    }
    assert_eq!(coarse.verdict, Verdict::Pass);
}

#[test]
fn a_hiccup_far_from_the_limit_does_not_hide_that_it_is_met() {
    for length_s in [1.0, 2.0, 5.0, 10.0] {
        let result = judge(&simulate(users(250, 50.0, 60.0), |rng, at_s| {
            let answer = fast(rng, at_s);
            Answer::ok(if (30.0..30.0 + length_s).contains(&at_s) { 5_000.0 + 5.0 * answer.us } else { answer.us })
        }));
        assert_eq!(result.verdict, Verdict::Pass, "{length_s} s: {:?}", result.reasons);
        let p95 = target(&result, "p95_response_time");
        let longest = result.totals.response_time_ms.max.unwrap();
        assert!(p95.high.unwrap() <= 4.0 * longest, "{p95:?}");
    }
}
