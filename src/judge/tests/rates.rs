use super::{Answer, fast, simulate, target, users};
use crate::judge::{Verdict, judge};

#[test]
fn one_failure_in_a_hundred_is_a_fail() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |rng, _| Answer { us: 2_000.0, failed: rng.f64() < 0.01 }));
    let errors = target(&result, "error_rate");
    assert_eq!(errors.verdict, Verdict::Fail);
    assert!(errors.low.unwrap() < 0.01 && 0.01 < errors.high.unwrap(), "{errors:?}");
    assert_eq!(result.verdict, Verdict::Fail);
}

#[test]
fn half_the_limit_in_a_short_run_is_unproven_and_says_what_would_prove_it() {
    let mut requests = 0;
    let run = simulate(users(250, 50.0, 60.0), |_, _| {
        requests += 1;
        Answer { us: 2_000.0, failed: requests % 2_000 == 1_000 }
    });
    let errors = judge(&run);
    let errors = target(&errors, "error_rate");
    let [failures, has] = errors.counts.unwrap();
    assert_eq!((failures, errors.verdict), (2, Verdict::Unproven));
    assert_eq!(errors.design_effect, Some(1.0));
    let needed = crate::stats::requests_to_prove_below(2.0, 0.001).unwrap();
    let more_s = ((needed - has) as f64 / has as f64 * 55.0).ceil();
    assert_eq!(
        errors.reason,
        format!(
            "needs {} requests with no further failure, has {} of which 2 failed: run {more_s} s longer",
            crate::units::format_count(needed),
            crate::units::format_count(has)
        )
    );
}

#[test]
fn too_few_requests_without_a_failure_say_how_much_longer() {
    let result = judge(&simulate(users(115, 115.0, 22.0), fast));
    let errors = target(&result, "error_rate");
    let [_, has] = errors.counts.unwrap();
    let more_s = ((3_688 - has) as f64 / has as f64 * 21.0).ceil();
    assert_eq!(errors.reason, format!("needs 3,688 requests, has {has}: run {more_s} s longer"));
    assert_eq!(result.verdict, Verdict::Unproven);
}

#[test]
fn a_host_that_goes_down_in_the_middle_is_a_fail() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |_, at_s| Answer { us: 500.0, failed: at_s > 30.0 }));
    let errors = target(&result, "error_rate");
    assert_eq!(errors.verdict, Verdict::Fail);
    assert!(errors.design_effect.unwrap() > 100.0, "{errors:?}");
}

#[test]
fn requests_that_never_ended_are_no_proof_of_a_rate() {
    let hangs = |us| {
        judge(&simulate(users(250, 50.0, 60.0), move |rng, _| Answer {
            us: if rng.f64() < 0.01 { us } else { 500.0 },
            failed: false,
        }))
    };
    let result = hangs(1e9);
    let errors = target(&result, "error_rate");
    assert_eq!((errors.value, errors.verdict), (Some(0.0), Verdict::Unproven));
    assert!(
        errors.high.unwrap() > 0.005 && errors.reason.contains("had no answer when they were cut off"),
        "{errors:?}"
    );
    assert_eq!(target(&hangs(5_000.0), "error_rate").verdict, Verdict::Pass);
}

#[test]
fn a_single_burst_is_no_proof_of_a_rate() {
    let result =
        judge(&simulate(users(250, 50.0, 60.0), |_, at_s| Answer { us: 500.0, failed: (30.0..30.5).contains(&at_s) }));
    let errors = target(&result, "error_rate");
    assert_eq!(errors.verdict, Verdict::Unproven);
    assert!(errors.design_effect.unwrap() > 10.0, "{errors:?}");
    assert!(errors.reason.contains("which chance alone could explain"), "{}", errors.reason);
}

#[test]
fn the_guide_s_own_load_is_too_small_for_its_throughput() {
    let result = judge(&simulate(users(50, 10.0, 120.0), fast));
    let throughput = target(&result, "throughput");
    assert_eq!(throughput.verdict, Verdict::Unproven);
    assert_eq!(
        throughput.reason,
        "load too small: 50 users waiting 3 s on average offer at most 1,000/min, 65 users would do"
    );
    assert_eq!(result.verdict, Verdict::Unproven);
}

#[test]
fn what_would_do_does() {
    let result = judge(&simulate(users(65, 10.0, 120.0), fast));
    assert_eq!(target(&result, "throughput").verdict, Verdict::Pass);
    // And with a host that takes 0.5 s of it.
    let result = judge(&simulate(users(65, 10.0, 120.0), |_, _| Answer::ok(0.5e6)));
    assert_eq!(target(&result, "throughput").verdict, Verdict::Pass);
}

#[test]
fn a_slow_host_under_enough_load_misses_its_throughput() {
    // 100 users offer 2,000 a minute; with 6 s a request it is 100/9·60 = 667.
    let result = judge(&simulate(users(100, 50.0, 120.0), |_, _| Answer::ok(6e6)));
    let throughput = target(&result, "throughput");
    assert_eq!(throughput.verdict, Verdict::Fail);
    assert!((throughput.value.unwrap() - 667.0).abs() < 40.0, "{throughput:?}");
}

#[test]
fn throughput_counts_successes_only() {
    let result = judge(&simulate(users(250, 50.0, 60.0), |rng, _| Answer { us: 2_000.0, failed: rng.f64() < 0.9 }));
    let throughput = target(&result, "throughput");
    assert!((throughput.value.unwrap() - 500.0).abs() < 80.0, "{throughput:?}");
    assert_eq!(throughput.verdict, Verdict::Fail);
}

#[test]
fn what_needs_a_probe_says_which_flag() {
    let result = judge(&simulate(users(50, 10.0, 30.0), fast));
    let reason = |name| (target(&result, name).verdict, target(&result, name).reason.clone());
    let not = Verdict::NotMeasured;
    assert_eq!(reason("db_query_time"), (not, "name a database with --postgres URL".to_owned()));
    for name in ["memory", "cpu_average", "cpu_peak"] {
        let flags = "name what to watch: --container NAME, --process PID|NAME, or --machine";
        assert_eq!(reason(name), (not, flags.to_owned()));
    }
}
