//! Two searches for the edge, held against each other by what they proved: each edge lies between the highest level that passes
//! and the lowest that fails, so the ratio of both lies between the ratios of their ends.

use super::compare::Judged;
use crate::judge::{Bounds, Bracket, Changed, EdgeResult, Outcome};

/// Of a side: no search proves less than its bracket, so that of several the whole range counts.
struct Side {
    passes: Option<f64>,
    fails: Option<f64>,
    /// The best guess within it.
    value: Option<f64>,
    /// Each of them was confirmed.
    confirmed: bool,
}

impl Side {
    fn of(runs: &[Judged<'_>]) -> Self {
        let edges = || runs.iter().filter_map(|(_, result)| result.edge.as_ref());
        let all = |end: fn(&EdgeResult) -> Option<f64>| edges().map(end).collect::<Option<Vec<f64>>>();
        let passes = all(|edge| edge.passes).and_then(|ends| ends.into_iter().reduce(f64::min));
        let fails = all(|edge| edge.fails).and_then(|ends| ends.into_iter().reduce(f64::max));
        let middles: Vec<f64> = edges().filter_map(|edge| edge.passes).collect();
        let value = (!middles.is_empty()).then(|| middles.iter().sum::<f64>() / middles.len() as f64);
        Self { passes, fails, value, confirmed: edges().all(|edge| edge.confirmed) }
    }
}

impl From<&Side> for Bracket {
    fn from(side: &Side) -> Self {
        Self { passes: side.passes, fails: side.fails, confirmed: side.confirmed }
    }
}

/// The row of the edge.
pub(super) fn edge_row(a: &[Judged<'_>], b: &[Judged<'_>], tolerance: f64) -> Changed {
    let unit = b.iter().find_map(|(_, result)| result.edge.as_ref()).map_or("", |edge| edge.unit.as_str());
    let (a, b) = (Side::of(a), Side::of(b));
    let mut row = Changed {
        name: "edge".to_owned(),
        unit: unit.to_owned(),
        a: a.value,
        b: b.value,
        brackets: Some([Bracket::from(&a), Bracket::from(&b)]),
        ..Changed::default()
    };
    let at_least = a.fails.zip(b.passes).map(|(fails, passes)| passes / fails);
    let at_most = b.fails.zip(a.passes).map(|(fails, passes)| fails / passes);
    if let (Some(low), Some(high), Some(from), Some(to)) = (at_least, at_most, a.value, b.value) {
        row.ratio = Some(Bounds { value: to / from, low, high });
        row.difference = Some(Bounds { value: to - from, low: (low - 1.0) * from, high: (high - 1.0) * from });
    }
    // More is better: worse is less than one by more than the tolerance.
    let worse = 1.0 / (1.0 + tolerance);
    row.verdict = match (at_least, at_most) {
        (_, Some(high)) if high < worse => Outcome::Worse,
        (Some(low), _) if low > 1.0 + tolerance => Outcome::Better,
        (Some(low), _) if low > worse => Outcome::Same,
        _ => Outcome::Unproven,
    };
    if row.verdict == Outcome::Unproven {
        row.reason = undecided(&a, &b, unit == "users");
    }
    row
}

/// What kept two edges from being told apart, and what would do.
fn undecided(a: &Side, b: &Side, by_users: bool) -> String {
    let most = if by_users { "--max-users" } else { "--max-rate" };
    let open = |side: &Side| side.passes.is_some() && side.fails.is_none();
    let below = |side: &Side| side.passes.is_none();
    match (open(a), open(b)) {
        (true, true) => {
            format!("neither search came to a level that fails: search both with a higher {most}, and more --max-time")
        }
        (true, false) => {
            format!("the search of A came to no level that fails: search it with a higher {most}, and more --max-time")
        }
        (false, true) => {
            format!("the search of B came to no level that fails: search it with a higher {most}, and more --max-time")
        }
        (false, false) if below(a) || below(b) => {
            let which = if below(a) && below(b) {
                "no level of either"
            } else if below(a) {
                "no level of A"
            } else {
                "no level of B"
            };
            format!("{which} was proven to pass: search with a lower --start, and more --max-time")
        }
        (false, false) => {
            "the brackets do not tell the two edges apart: search both with a smaller --width, and more --max-time"
                .to_owned()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{USUAL, a_run, against};
    use super::*;
    use crate::judge::RunResult;
    use crate::record::{AskedSearch, LoadModel, Run};

    fn search(passes: Option<f64>, fails: Option<f64>) -> (Run, RunResult) {
        let (run, mut result) = a_run();
        let mut edge = EdgeResult::of(&[], LoadModel::Open, 0.05, 1000.0);
        (edge.passes, edge.fails) = (passes, fails);
        result.edge = Some(edge);
        (run, result)
    }

    fn outcome(a: (Option<f64>, Option<f64>), b: (Option<f64>, Option<f64>)) -> Outcome {
        let (a, b) = (search(a.0, a.1), search(b.0, b.1));
        edge_row(&[(&a.0, &a.1)], &[(&b.0, &b.1)], 0.05).verdict
    }

    #[test]
    fn edges_are_told_apart_by_the_ends_of_their_brackets() {
        let some = |passes, fails| (Some(passes), Some(fails));
        assert_eq!(outcome(some(400.0, 420.0), some(300.0, 320.0)), Outcome::Worse);
        assert_eq!(outcome(some(400.0, 420.0), some(450.0, 470.0)), Outcome::Better);
        assert_eq!(outcome(some(400.0, 410.0), some(400.0, 410.0)), Outcome::Same);
        assert_eq!(outcome(some(400.0, 500.0), some(400.0, 500.0)), Outcome::Unproven);
    }

    #[test]
    fn a_comparison_of_searches_is_of_their_edges_alone() {
        let a = [search(Some(400.0), Some(420.0))];
        let found = against(&a, &[search(Some(300.0), Some(320.0))], USUAL);
        assert_eq!((found.verdict, found.reasons.as_slice()), (Outcome::Worse, &["edge".to_owned()][..]));
        assert_eq!((found.targets.len(), found.endpoints.len()), (1, 0));
        let ratio = found.targets[0].ratio.unwrap();
        assert!((ratio.low - 300.0 / 420.0).abs() < 1e-9 && (ratio.high - 320.0 / 400.0).abs() < 1e-9);
        // One side alone is no search: its figures are compared as ever.
        assert!(against(&a, &[a_run()], USUAL).targets.iter().all(|row| row.name != "edge"));
    }

    #[test]
    fn a_bound_on_one_side_alone_can_prove_it() {
        assert_eq!(outcome((Some(400.0), None), (None, Some(300.0))), Outcome::Worse);
        assert_eq!(outcome((None, Some(300.0)), (Some(400.0), None)), Outcome::Better);
        assert_eq!(outcome((None, None), (Some(400.0), None)), Outcome::Unproven);
    }

    #[test]
    fn what_would_tell_two_edges_apart_is_that_which_is_missing() {
        let reason = |a: (Option<f64>, Option<f64>), b: (Option<f64>, Option<f64>)| {
            let (a, b) = (search(a.0, a.1), search(b.0, b.1));
            edge_row(&[(&a.0, &a.1)], &[(&b.0, &b.1)], 0.05).reason
        };
        let open = (Some(60.0), None);
        assert!(
            reason(open, (Some(80.0), None))
                .starts_with("neither search came to a level that fails: search both with a higher --max-rate")
        );
        assert!(reason((Some(60.0), Some(90.0)), (Some(80.0), None)).starts_with("the search of B came to no level"));
        assert!(reason((None, Some(90.0)), (Some(80.0), Some(95.0))).starts_with("no level of A was proven to pass"));
        assert!(reason((Some(60.0), Some(90.0)), (Some(80.0), Some(95.0))).contains("--width"));
    }

    #[test]
    fn what_two_searches_were_allowed_is_named_where_it_differs() {
        let (mut a, mut b) = (search(Some(60.0), None), search(Some(80.0), None));
        for (run, start, most) in [(&mut a.0, 30.0, 60.0), (&mut b.0, 30.0, 80.0)] {
            run.asked.search = Some(AskedSearch {
                start,
                most,
                max_time_s: 60.0,
                width: 0.05,
                abort_on: 0.2,
                looks_s: Vec::new(),
                confidences: Vec::new(),
                law: None,
            });
        }
        let differs = against(&[a], &[b], USUAL).differs;
        let searched: Vec<_> = differs.iter().map(|one| (one.what.as_str(), one.a.as_str(), one.b.as_str())).collect();
        assert_eq!(searched, [("searched", "from 30 to 60", "from 30 to 80")]);
    }

    #[test]
    fn of_several_searches_the_whole_range_counts() {
        let a = [search(Some(400.0), Some(420.0)), search(Some(300.0), Some(320.0))];
        let b = search(Some(310.0), Some(330.0));
        let a: Vec<_> = a.iter().map(|one| (&one.0, &one.1)).collect();
        assert_eq!(edge_row(&a, &[(&b.0, &b.1)], 0.05).verdict, Outcome::Unproven);
    }
}
