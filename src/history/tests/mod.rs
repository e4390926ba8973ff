//! Comparisons of runs whose truth is known.

mod bunched;
pub(super) mod folders;
mod recorded;
mod rounds;
mod shares;
mod synthetic;

use synthetic::{PLAIN, Service};

use super::{Options, compare_runs};
use crate::judge::{Comparison, Outcome, RunResult, Unit};
use crate::record::{End, Run};

/// Fewer resamples than usual, for the sake of time.
pub(super) const USUAL: Options = Options { tolerance: 0.05, gate_endpoints: false, resamples: 300 };

/// Any run, and what it is judged to be.
pub(super) fn a_run() -> (Run, RunResult) {
    Service { seconds: 10, ..PLAIN }.judged(1)
}

pub(super) fn against(a: &[(Run, RunResult)], b: &[(Run, RunResult)], options: Options) -> Comparison {
    let refs_a: Vec<(&Run, &RunResult)> = a.iter().map(|(run, result)| (run, result)).collect();
    let refs_b: Vec<(&Run, &RunResult)> = b.iter().map(|(run, result)| (run, result)).collect();
    compare_runs(&refs_a, &refs_b, options)
}

fn pair(a: Service, b: Service) -> Comparison {
    against(&[a.judged(1)], &[b.judged(2)], USUAL)
}

fn outcome(of: &Comparison, name: &str) -> Outcome {
    of.targets.iter().find(|row| row.name == name).map_or_else(|| panic!("no {name}"), |row| row.verdict)
}

#[test]
fn the_same_service_twice_is_the_same() {
    let long = Service { seconds: 200, ..PLAIN };
    let found = pair(long, long);
    assert_eq!(found.verdict, Outcome::Same, "{:#?}", found.targets);
    assert_eq!(found.targets.len(), 3);
    assert_eq!((found.endpoints.len(), found.shift.len()), (2, 12));
    assert_eq!(found.method.unit, Unit::Pair);
    assert!(!found.other_workload && found.differs.is_empty());
}

#[test]
fn a_fifth_slower_is_worse_and_a_fifth_faster_better() {
    let slower = pair(PLAIN, PLAIN.slower(1.2));
    assert_eq!(slower.verdict, Outcome::Worse);
    assert_eq!(slower.reasons, ["p95_response_time"]);
    let p95 = slower.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    let ratio = p95.ratio.unwrap();
    assert!(ratio.low > 1.05 && ratio.low < 1.2 && 1.2 < ratio.high + 0.03, "{ratio:?}");
    assert!(p95.p_worse.unwrap() < 0.05);
    let difference = p95.difference.unwrap();
    assert!((difference.value - (p95.b.unwrap() - p95.a.unwrap())).abs() < 1e-9, "ms on ms");
    assert_eq!(outcome(&slower, "throughput"), Outcome::Same);
    assert_eq!(pair(PLAIN.slower(1.2), PLAIN).verdict, Outcome::Better);
}

#[test]
fn the_shift_function_shows_where() {
    let found = pair(Service { seconds: 100, ..PLAIN }, Service { seconds: 100, ..PLAIN.slower(1.3) });
    let percentiles: Vec<f64> = found.shift.iter().map(|point| point.percentile).collect();
    assert_eq!(percentiles, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0]);
    for point in &found.shift {
        assert!(point.ratio.low < 1.3 && 1.3 < point.ratio.high, "p{}: {:?}", point.percentile, point.ratio);
        assert!(point.ratio.low > 1.1, "p{}: {:?}", point.percentile, point.ratio);
    }
}

#[test]
fn what_cannot_be_told_says_how_long_it_would_take() {
    let short = Service { seconds: 20, rate: 20, ..PLAIN };
    let found = pair(short, short.slower(1.15));
    assert_eq!(found.verdict, Outcome::Unproven);
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert_eq!(p95.verdict, Outcome::Unproven);
    let needed = p95.steady_s.unwrap();
    assert!(needed > 20.0 && p95.reason.contains("of steady load a side"), "{p95:?}");
    // What it asks for decides, with some to spare for the next run being another.
    let long = Service { seconds: (needed * 2.0) as usize, rate: 20, ..PLAIN };
    assert_eq!(outcome(&pair(long, long.slower(1.15)), "p95_response_time"), Outcome::Worse);
}

#[test]
fn too_few_seconds_are_not_resampled() {
    let short = Service { seconds: 4, ..PLAIN };
    let found = pair(short, short);
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert!(p95.reason.starts_with("too short to resample"), "{p95:?}");
    assert!(p95.a.is_some() && p95.ratio.is_none() && found.shift.is_empty());
    assert_eq!(found.verdict, Outcome::Unproven);
}

#[test]
fn errors_are_a_difference_by_the_target_s_own_limit() {
    let none = Service { seconds: 100, ..PLAIN };
    assert_eq!(outcome(&pair(none, none), "error_rate"), Outcome::Same, "0 of 10,000 on either side");
    let some = Service { failing: 0.005, ..none };
    assert_eq!(outcome(&pair(none, some), "error_rate"), Outcome::Worse);
    assert_eq!(outcome(&pair(some, none), "error_rate"), Outcome::Better);
    let few = Service { seconds: 10, ..none };
    let row = pair(few, few).targets.into_iter().find(|row| row.name == "error_rate").unwrap();
    assert_eq!((row.verdict, row.counts), (Outcome::Unproven, Some([[0, 1000], [0, 1000]])));
    assert_eq!(row.margin, Some(0.001));
    assert!(row.ratio.is_none() && row.difference.unwrap().high > 0.001);
    // A difference of shares shrinks with the requests where none fails: 3,700 a side would do.
    assert!((30.0..60.0).contains(&row.steady_s.unwrap()), "{row:?}");
}

#[test]
fn fast_failures_make_nothing_better() {
    let failing = Service { failing: 0.05, median_us: 15_000.0, ..PLAIN };
    let found = pair(PLAIN, failing);
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert_eq!(p95.verdict, Outcome::Unproven);
    assert!(p95.reason.contains("of B failed"), "{}", p95.reason);
    assert_eq!(found.verdict, Outcome::Worse, "the errors are");
}

#[test]
fn a_partial_side_proves_nothing_whatever_its_figures() {
    let mut cut = PLAIN.judged(2);
    cut.0.end = Some(End::Interrupted);
    cut.1 = crate::judge::judge(&cut.0);
    let found = against(&[PLAIN.slower(0.5).judged(1)], &[cut], USUAL);
    assert_eq!(found.verdict, Outcome::Unproven);
    assert!(found.reasons[0].starts_with("B (") && found.reasons[0].contains("did not run to its end"));
    assert!(found.targets.iter().all(|row| row.verdict == Outcome::Unproven && row.a.is_some()));
    assert!(found.b[0].partial);
}

#[test]
fn a_void_side_proves_nothing() {
    let mut void = PLAIN.judged(1);
    void.1.verdict = crate::judge::Verdict::Void;
    let found = against(&[void], &[PLAIN.slower(2.0).judged(2)], USUAL);
    assert_eq!(found.verdict, Outcome::Unproven);
    assert!(found.reasons[0].contains("is void"), "{:?}", found.reasons);
}

#[test]
fn a_later_generator_may_be_the_reason_itself() {
    let late = |mut of: (Run, RunResult), us: u64| {
        for second in 0..60 {
            of.0.intervals.push(crate::record::Interval {
                from_s: f64::from(second),
                to_s: f64::from(second) + 1.0,
                kind: crate::record::IntervalKind::Lag,
                endpoint: crate::record::EndpointId(0),
                values: crate::stats::Distribution::from_pairs([(us, 100)]),
            });
        }
        of
    };
    let of = |a_us, b_us| {
        let (a, b) = (late(PLAIN.judged(1), a_us), late(PLAIN.slower(1.2).judged(2), b_us));
        outcome(&against(&[a], &[b], USUAL), "p95_response_time")
    };
    assert_eq!(of(1000, 1000), Outcome::Worse);
    assert_eq!(of(1000, 9000), Outcome::Unproven, "8 ms of a change of 9 may be the generator's");
}

#[test]
fn a_journal_that_lost_a_part_proves_nothing_and_says_so() {
    let mut torn = PLAIN.judged(2);
    torn.0.intervals.retain(|interval| interval.from_s < 50.0);
    torn.0.warnings = vec!["latency.hlog line 120: it is no interval; skipped".to_owned()];
    let found = against(&[PLAIN.slower(2.0).judged(1)], &[torn], USUAL);
    assert_eq!(found.verdict, Outcome::Unproven);
    let reason = &found.reasons[0];
    assert!(reason.contains("of 6,000 successful requests but 5,000 response times: run it again"), "{reason}");
    assert!(found.notes[0].contains("latency.hlog line 120"), "{:?}", found.notes);
}

#[test]
fn of_several_runs_the_run_is_the_unit() {
    let noisy = Service { seconds: 30, between: 0.02, ..PLAIN };
    let side = |service: Service, from: u64| (from..from + 5).map(|seed| service.judged(seed)).collect::<Vec<_>>();
    let found = against(&side(noisy, 1), &side(noisy.slower(1.2), 10), USUAL);
    assert_eq!((found.verdict, found.method.unit), (Outcome::Worse, Unit::Runs));
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert!((p95.permutation_p.unwrap() - 2.0 / 252.0).abs() < 1e-9);
    assert_eq!(found.method.least_p, Some(2.0 / 252.0));
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    let same = against(&side(noisy, 1), &side(noisy, 10), USUAL);
    assert!(!matches!(same.verdict, Outcome::Worse | Outcome::Better), "{:#?}", same.targets);
}

#[test]
fn few_runs_say_how_little_they_can_tell() {
    let noisy = Service { seconds: 20, between: 0.03, ..PLAIN };
    let side = |from: u64, count: u64| (from..from + count).map(|seed| noisy.judged(seed)).collect::<Vec<_>>();
    let found = against(&side(1, 3), &side(10, 3), USUAL);
    assert!(found.notes[0].contains("can never go below p = 0.10"), "{:?}", found.notes);
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert_eq!(p95.verdict, Outcome::Unproven);
    assert!(p95.reason.contains("runs a side"), "{}", p95.reason);
    let one = against(&side(1, 4), &side(10, 1), USUAL);
    assert!(one.notes.iter().any(|note| note.starts_with("B is a single run")), "{:?}", one.notes);
}

#[test]
fn endpoints_decide_only_where_they_are_asked_to() {
    let a = Service { seconds: 120, ..PLAIN }.judged(1);
    let mut b = Service { seconds: 120, ..PLAIN }.judged(2);
    // One endpoint in two gets slower, below the p95 of the whole.
    for interval in b.0.intervals.iter_mut().filter(|interval| interval.endpoint.0 == 1) {
        interval.values =
            crate::stats::Distribution::from_pairs(interval.values.pairs().iter().map(|&(us, n)| (us * 13 / 10, n)));
    }
    let mut both = (a, b);
    // The whole must not decide here: only errors and throughput are targets.
    both.1.0.asked.targets.retain(|name, _| name != "p95_response_time");
    let open = against(std::slice::from_ref(&both.0), std::slice::from_ref(&both.1), USUAL);
    assert!(open.verdict.is_good(), "{:?}", open.reasons);
    assert_eq!(open.endpoints[1].verdict, Outcome::Worse);
    let gated = against(&[both.0], &[both.1], Options { gate_endpoints: true, ..USUAL });
    assert_eq!(gated.verdict, Outcome::Worse);
    assert_eq!(gated.reasons, ["p95_response_time[GET /api/v2/tasks]"]);
}

#[test]
fn what_else_differs_is_named() {
    let a = PLAIN.judged(1);
    let mut b = PLAIN.judged(2);
    b.0.asked.environment.commit = Some("99aab1".into());
    b.0.asked.plan = crate::record::LoadPlan::users(2, 1000.0, 61.0);
    b.0.asked.wait = "none".into();
    b.0.asked.host = "http://127.0.0.1:9".into();
    let found = against(&[a], &[b], USUAL);
    let differs: Vec<&str> = found.differs.iter().map(|differs| differs.what.as_str()).collect();
    assert_eq!(differs, ["think time", "commit", "run time"], "the reference service takes another port each time");
    assert!(found.other_workload);
}

#[test]
fn the_same_runs_compare_the_same_again() {
    let short = Service { seconds: 20, ..PLAIN };
    assert_eq!(pair(short, short), pair(short, short));
}
