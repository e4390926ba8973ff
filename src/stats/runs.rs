//! Several runs a side: the run is the unit, whatever happens within it.
//!
//! The difference of two means with Student's t (B. L. Welch, "The generalization of Student's problem when several different
//! population variances are involved", Biometrika 34 (1947)); where one side has a single run, the variance is the other
//! side's, as for a single future observation. Assumes that the figures of runs are normal: give logarithms for times and
//! rates. Beside it the exact permutation test (R. A. Fisher, "The Design of Experiments", 1935), which assumes only that the
//! runs could have come in any order, and so has a least p-value.

use super::student::{CONFIDENCE, t_factor};

/// More arrangements than this are not counted one by one: so many are drawn.
const MOST_ARRANGEMENTS: f64 = 200_000.0;

/// The difference of the means of two sides, b − a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetweenRuns {
    /// Of the means.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Degrees of freedom of the interval.
    pub dof: f64,
    /// Two-sided p-value of the permutation test against no difference at all.
    pub p: f64,
}

/// Compares the runs' figures; `None` where there are fewer than three runs, or a side has none.
pub fn between_runs(a: &[f64], b: &[f64]) -> Option<BetweenRuns> {
    if a.is_empty() || b.is_empty() || a.len() + b.len() < 3 {
        return None;
    }
    let value = mean(b) - mean(a);
    let (of_a, of_b) = (variance(a), variance(b));
    let (count_a, count_b) = (a.len() as f64, b.len() as f64);
    let (error, dof) = match (of_a, of_b) {
        (Some(of_a), Some(of_b)) => {
            let (part_a, part_b) = (of_a / count_a, of_b / count_b);
            let whole = part_a + part_b;
            let dof = if whole > 0.0 {
                whole.powi(2) / (part_a.powi(2) / (count_a - 1.0) + part_b.powi(2) / (count_b - 1.0))
            } else {
                count_a + count_b - 2.0
            };
            (whole.sqrt(), dof)
        }
        (one, other) => {
            let variance = one.or(other)?;
            ((variance * (1.0 / count_a + 1.0 / count_b)).sqrt(), count_a + count_b - 2.0)
        }
    };
    let half = t_factor(CONFIDENCE, dof) * error;
    Some(BetweenRuns { value, low: value - half, high: value + half, dof, p: permutation_p(a, b) })
}

/// The least p-value that the permutation test can give for so many runs: 0.1 for 3 against 3.
pub fn least_p(a: usize, b: usize) -> f64 {
    let both_ways = if a == b { 2.0 } else { 1.0 };
    (both_ways / arrangements(a, b)).min(1.0)
}

/// In how many ways so many runs can be dealt to the two sides.
fn arrangements(a: usize, b: usize) -> f64 {
    (1..=a.min(b)).fold(1.0, |ways, k| ways * (a + b - a.min(b) + k) as f64 / k as f64)
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

/// With n − 1; `None` for a single run.
fn variance(of: &[f64]) -> Option<f64> {
    let mean = mean(of);
    (of.len() > 1).then(|| of.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (of.len() - 1) as f64)
}

fn permutation_p(a: &[f64], b: &[f64]) -> f64 {
    let all = [a, b].concat();
    let total: f64 = all.iter().sum();
    let (count_a, count_b) = (a.len() as f64, b.len() as f64);
    let distance = |sum_a: f64| ((total - sum_a) / count_b - sum_a / count_a).abs();
    // What rounding adds must not make an equal arrangement a smaller one.
    let seen = distance(a.iter().sum()) * (1.0 - 1e-9) - 1e-12;
    let ways = arrangements(a.len(), b.len());
    if ways <= MOST_ARRANGEMENTS {
        let mut as_far = 0.0;
        each_sum(&all, a.len(), 0.0, &mut |sum| as_far += f64::from(u8::from(distance(sum) >= seen)));
        return as_far / ways;
    }
    let mut rng = fastrand::Rng::with_seed(1);
    let mut dealt = all;
    let draws = MOST_ARRANGEMENTS as usize / 10;
    let as_far = (0..draws)
        .filter(|_| {
            rng.shuffle(&mut dealt);
            distance(dealt[..a.len()].iter().sum()) >= seen
        })
        .count();
    (as_far + 1) as f64 / (draws + 1) as f64
}

/// Hands out the sum of every choice of `count` of these.
fn each_sum(of: &[f64], count: usize, sum: f64, take: &mut dyn FnMut(f64)) {
    if count == 0 {
        take(sum);
    } else if let Some((first, rest)) = of.split_first()
        && of.len() >= count
    {
        each_sum(rest, count - 1, sum + first, take);
        each_sum(rest, count, sum, take);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_welch_s() {
        // Means 2 and 5, variances 1 and 1: error √(⅔), 4 degrees of freedom, t 2.776.
        let found = between_runs(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        assert_eq!((found.value, found.dof), (3.0, 4.0));
        assert!((found.high - 3.0 - 2.776_445 * (2.0_f64 / 3.0).sqrt()).abs() < 1e-5);
        // 2 of the 20 arrangements are as far apart.
        assert!((found.p - 0.1).abs() < 1e-12);
        assert!((least_p(3, 3) - 0.1).abs() < 1e-12 && (least_p(5, 5) - 2.0 / 252.0).abs() < 1e-12);
        assert!((least_p(4, 1) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_single_run_is_judged_by_the_other_side_s_spread() {
        let found = between_runs(&[1.0, 2.0, 3.0], &[9.0]).unwrap();
        // Standard deviation 1: error √(1 + ⅓), two degrees of freedom, t 4.303.
        assert_eq!((found.value, found.dof), (7.0, 2.0));
        assert!((found.high - 7.0 - 4.302_653 * (4.0_f64 / 3.0).sqrt()).abs() < 1e-5);
        assert_eq!(between_runs(&[1.0], &[2.0]), None);
        assert_eq!(between_runs(&[], &[2.0, 3.0, 4.0]), None);
    }

    #[test]
    fn many_runs_are_drawn_instead_of_counted() {
        let a: Vec<f64> = (0..15).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|x| x + 20.0).collect();
        assert!(between_runs(&a, &b).unwrap().p < 0.001);
        assert!(between_runs(&a, &a).unwrap().p > 0.9);
    }

    #[test]
    fn equal_runs_differ_by_nothing() {
        let found = between_runs(&[0.0, 0.0], &[0.0, 0.0]).unwrap();
        assert_eq!((found.value, found.low, found.high, found.p), (0.0, 0.0, 0.0, 1.0));
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut draw =
            |count: usize| -> Vec<f64> { (0..count).map(|_| (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0).collect() };
        for (a, b) in [(3, 3), (5, 5), (6, 1)] {
            let holds = (0..2000)
                .filter(|_| between_runs(&draw(a), &draw(b)).is_some_and(|found| found.low <= 0.0 && 0.0 <= found.high))
                .count();
            assert!((1860..=1970).contains(&holds), "{a} against {b}: {holds} of 2000");
        }
    }
}
