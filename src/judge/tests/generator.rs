use super::{fast, simulate, users};
use crate::judge::{Verdict, judge};
use crate::record::{EndpointId, Interval, IntervalKind, LoadModel, LoadPlan, Run, Stage};
use crate::stats::Distribution;

fn quick() -> Run {
    simulate(users(250, 50.0, 60.0), fast)
}

#[test]
fn a_generator_that_keeps_up_is_fine() {
    let result = judge(&quick());
    let generator = &result.generators[0];
    assert!(!generator.void && generator.reasons.is_empty());
    // 0.12 CPU seconds a second on two CPUs.
    assert!((generator.cpu_percent - 6.0).abs() < 1e-9, "{}", generator.cpu_percent);
    assert!((generator.schedule_lag_ms.p50 - 0.175).abs() < 0.01);
    assert!((0.295..0.3).contains(&generator.schedule_lag_ms.p99));
    assert!(generator.little_residual.unwrap().abs() < 1e-9, "{:?}", generator.little_residual);
    assert!((generator.offered.unwrap() - 250.0 / 3.0).abs() < 1e-9);
    assert!((generator.achieved - 83.3).abs() < 2.0);
    assert_eq!(generator.memory_bytes, 60_000_000);
}

#[test]
fn sending_late_voids_whatever_the_targets_say() {
    let mut run = quick();
    run.intervals.push(Interval {
        from_s: 30.0,
        to_s: 31.0,
        kind: IntervalKind::Lag,
        endpoint: EndpointId(0),
        values: Distribution::from_pairs([(12_000, 200)]),
    });
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert_eq!(
        result.reasons,
        [
            "the generator sent late: lag p99 12 ms, at most 10 ms allowed; free its CPUs, ask for less load, or use a larger machine"
        ]
    );
    // Outside the steady window it says nothing.
    run.intervals.last_mut().unwrap().from_s = 1.0;
    run.intervals.last_mut().unwrap().to_s = 2.0;
    assert_eq!(judge(&run).verdict, Verdict::Pass);
}

#[test]
fn time_that_users_lose_voids() {
    let mut run = quick();
    for second in &mut run.seconds {
        second.user_s *= 1.1;
    }
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!((result.generators[0].little_residual.unwrap() - (1.0 - 1.0 / 1.1)).abs() < 1e-9);
    assert!(result.reasons[0].starts_with("users spent 9.1 % of their time"), "{}", result.reasons[0]);
    for second in &mut run.seconds {
        second.user_s *= 0.7;
    }
    assert!(judge(&run).reasons[0].contains("cannot be trusted"));
}

#[test]
fn a_busy_generator_voids_after_five_seconds_in_a_row() {
    let mut run = quick();
    for second in &mut run.seconds[20..24] {
        second.generator.cpu_s = 1.9;
    }
    for second in &mut run.seconds[30..34] {
        second.generator.cpu_s = 1.9;
    }
    assert_eq!(judge(&run).verdict, Verdict::Pass);
    run.seconds[24].generator.cpu_s = 1.9;
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    let reason = "the generator used 95 % of its 2 CPUs for 5 s in a row, at most 90 % allowed; use a larger machine, or ask for less load";
    assert_eq!(result.reasons, [reason]);
    // Users who do not think take whatever there is.
    run.asked.mean_wait_s = Some(0.0);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Pass);
    assert_eq!(result.notes, [format!("{reason} (only a warning for users who do not think)")]);
}

#[test]
fn arrivals_that_were_not_made_void_beyond_chance() {
    let mut run = quick();
    let open = |rate: f64| LoadPlan {
        model: LoadModel::Open,
        stages: vec![Stage { level: rate, duration_s: 5.0 }, Stage { level: rate, duration_s: 55.0 }],
    };
    run.asked.users = None;
    run.asked.plan = open(84.0);
    let result = judge(&run);
    assert!(!result.generators[0].void, "{:?}", result.generators[0]);
    assert_eq!((result.generators[0].offered, result.generators[0].little_residual), (Some(84.0), None));
    assert_eq!((result.load.rate, result.stages[0].rate, result.stages[0].users), (Some(84.0), Some(84.0), None));
    run.asked.plan = open(100.0);
    let result = judge(&run);
    assert_eq!(result.verdict, Verdict::Void);
    assert!(result.reasons[0].contains("of the arrivals asked for were made, at least 99 % needed"));
}

#[test]
fn service_times_are_the_written_ones_where_there_are_any() {
    let mut run = quick();
    let first = run.intervals.iter().find(|i| i.kind == IntervalKind::Response && i.endpoint.0 == 0).unwrap().clone();
    let longest = judge(&run).endpoints[0].response_time_ms.max;
    run.intervals.push(Interval {
        kind: IntervalKind::Service,
        values: Distribution::from_pairs([(1, first.values.count())]),
        ..first
    });
    let endpoint = &judge(&run).endpoints[0];
    assert_eq!(endpoint.response_time_ms.max, longest);
    assert!(endpoint.service_time_ms.mean.unwrap() < endpoint.response_time_ms.mean.unwrap());
    assert!(endpoint.service_time_ms.p50.unwrap() > 0.1);
}
