//! Rounds on a machine that is not the same all the time: what changes is in both runs of a round.

use super::super::{compare_rounds, compare_runs};
use super::synthetic::{PLAIN, Service};
use super::{USUAL, outcome};
use crate::judge::{Comparison, Outcome, RunResult, Unit};
use crate::record::Run;

/// How much slower everything is around each round.
const AROUND: [f64; 6] = [1.0, 1.3, 0.8, 1.6, 1.1, 2.0];

type Judged = (Run, RunResult);

fn sides(b_slower: f64, seed: u64) -> [Vec<Judged>; 2] {
    let service = Service { seconds: 30, rate: 200, between: 0.01, ..PLAIN };
    let side = |slower: f64, seed: u64| {
        (0..).zip(AROUND).map(|(n, around)| service.slower(around * slower).judged(seed + n)).collect()
    };
    [side(1.0, seed), side(b_slower, seed + 100)]
}

fn refs(side: &[Judged]) -> Vec<(&Run, &RunResult)> {
    side.iter().map(|(run, result)| (run, result)).collect()
}

fn held(by: impl Fn(&[(&Run, &RunResult)], &[(&Run, &RunResult)]) -> Comparison, of: &[Vec<Judged>; 2]) -> Comparison {
    let [a, b] = of;
    by(&refs(a), &refs(b))
}

#[test]
fn what_changes_around_the_rounds_hides_nothing_and_makes_nothing_up() {
    for (slower, wanted) in [(1.0, Outcome::Same), (1.1, Outcome::Worse), (0.9, Outcome::Better)] {
        let found = held(|a, b| compare_rounds(a, b, USUAL), &sides(slower, 1));
        assert_eq!(outcome(&found, "p95_response_time"), wanted, "{slower}: {:#?}", found.targets[0]);
        assert_eq!((found.method.unit, found.shift.len()), (Unit::Rounds, 12));
        // As runs in any order they can tell none of it.
        let apart = held(|a, b| compare_runs(a, b, USUAL), &sides(slower, 1));
        assert_eq!(outcome(&apart, "p95_response_time"), Outcome::Unproven, "{slower}: {:#?}", apart.targets[0]);
    }
}

#[test]
fn the_same_service_is_seldom_called_worse_and_a_slower_one_seldom_not() {
    let verdict = |slower: f64, seed: u64| {
        let found = held(|a, b| compare_rounds(a, b, USUAL), &sides(slower, 1000 * seed));
        outcome(&found, "p95_response_time")
    };
    let count = |slower: f64, wanted: Outcome| (1..=20).filter(|&seed| verdict(slower, seed) == wanted).count();
    assert!(count(1.0, Outcome::Worse) <= 1);
    assert!(count(1.15, Outcome::Worse) >= 18);
}

#[test]
fn an_unproven_figure_says_how_many_rounds_would_do() {
    let service = Service { seconds: 10, rate: 20, ..PLAIN };
    let side = |seed: u64| (0..4).map(|n| service.judged(seed + n)).collect::<Vec<_>>();
    let found = held(|a, b| compare_rounds(a, b, USUAL), &[side(1), side(50)]);
    let p95 = found.targets.iter().find(|row| row.name == "p95_response_time").unwrap();
    assert_eq!(p95.verdict, Outcome::Unproven, "{p95:#?}");
    assert!(p95.reason.contains("rounds, there are 4") && p95.runs.unwrap() > 4, "{p95:#?}");
    // Without a failure the requests decide: of 3,689 a side none may fail.
    let errors = found.targets.iter().find(|row| row.name == "error_rate").unwrap();
    let enough = f64::from(errors.runs.unwrap()) * 200.0;
    assert!((3_689.0..4_300.0).contains(&enough), "{errors:#?}");
    assert!((found.method.least_p.unwrap() - 0.125).abs() < 1e-12);
    assert!(
        found.notes.iter().any(|note| note.starts_with("4 rounds: a test that assumes nothing")),
        "{:?}",
        found.notes
    );
}
