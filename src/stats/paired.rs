//! Rounds: each has a figure of both sides, taken one after the other, so that what changes slowly around them is in both.
//!
//! Student's t on the differences within the rounds ("Student", "The probable error of a mean", Biometrika 6 (1908)), which
//! assumes that the differences are normal: give logarithms for times and rates. Beside it the exact test by flipping signs
//! (R. A. Fisher, "The Design of Experiments", 1935, chapter III), which assumes only that a difference could as well have had
//! the other sign, and so has a least p-value.

use super::runs::BetweenRuns;
use super::student::{CONFIDENCE, t_factor};

/// Of more rounds than this not every flip is counted: some are drawn.
const MOST_COUNTED: usize = 16;
/// So many.
const DRAWS: usize = 20_000;

/// Compares the sides round by round; `None` where there are fewer than two rounds, or a side has more than the other.
pub fn between_rounds(a: &[f64], b: &[f64]) -> Option<BetweenRuns> {
    if a.len() != b.len() || a.len() < 2 {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    let count = differences.len() as f64;
    let value = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|x| (x - value).powi(2)).sum::<f64>() / (count - 1.0);
    let half = t_factor(CONFIDENCE, count - 1.0) * (variance / count).sqrt();
    Some(BetweenRuns { value, low: value - half, high: value + half, dof: count - 1.0, p: flipped_p(&differences) })
}

/// The least p-value that so many rounds can give: 0.031 for 6.
pub fn least_p_of_rounds(rounds: usize) -> f64 {
    (2.0 * 0.5_f64.powf(rounds as f64)).min(1.0)
}

/// Two-sided.
fn flipped_p(differences: &[f64]) -> f64 {
    let sum: f64 = differences.iter().sum();
    let size: f64 = differences.iter().map(|x| x.abs()).sum();
    // What rounding adds must not make an equal arrangement a smaller one.
    let seen = sum.abs() - 1e-9 * size;
    let as_far = |flips: u64| {
        let sign = |n: usize| if flips >> n & 1 == 1 { -1.0 } else { 1.0 };
        differences.iter().enumerate().map(|(n, x)| sign(n) * x).sum::<f64>().abs() >= seen
    };
    if differences.len() <= MOST_COUNTED {
        let ways = 1_u64 << differences.len();
        return (0..ways).filter(|&flips| as_far(flips)).count() as f64 / ways as f64;
    }
    let mut rng = fastrand::Rng::with_seed(1);
    let far = (0..DRAWS)
        .filter(|_| {
            let flipped: f64 = differences.iter().map(|x| if rng.bool() { *x } else { -x }).sum();
            flipped.abs() >= seen
        })
        .count();
    (far + 1) as f64 / (DRAWS + 1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_student_s_over_the_differences() {
        // Differences 1, 2, 3: standard deviation 1, error 1/√3, two degrees of freedom, t 4.303.
        let found = between_rounds(&[10.0, 20.0, 30.0], &[11.0, 22.0, 33.0]).unwrap();
        assert_eq!((found.value, found.dof), (2.0, 2.0));
        assert!((found.high - 2.0 - 4.302_653 / 3.0_f64.sqrt()).abs() < 1e-5);
        // All three of one sign: 2 of the 8 flips are as far.
        assert!((found.p - 0.25).abs() < 1e-12 && (least_p_of_rounds(3) - 0.25).abs() < 1e-12);
        assert_eq!(between_rounds(&[1.0], &[2.0]), None);
        assert_eq!(between_rounds(&[1.0, 2.0], &[2.0]), None);
    }

    #[test]
    fn what_both_sides_of_a_round_share_is_no_matter() {
        let drift = [0.0, 5.0, -3.0, 8.0, 1.0, -9.0];
        let b: Vec<f64> = drift.iter().map(|x| x + 0.1).collect();
        let found = between_rounds(&drift, &b).unwrap();
        assert!((found.value - 0.1).abs() < 1e-12 && found.high - found.low < 1e-9, "{found:?}");
        assert!((found.p - least_p_of_rounds(6)).abs() < 1e-12, "{found:?}");
        // As runs of two sides they show nothing.
        let apart = super::super::between_runs(&drift, &b).unwrap();
        assert!(apart.low < -5.0 && apart.high > 5.0);
    }

    #[test]
    fn many_rounds_are_drawn_instead_of_counted() {
        let a: Vec<f64> = (0..30).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|x| x + 1.0 + 0.1 * (x % 3.0)).collect();
        assert!(between_rounds(&a, &b).unwrap().p < 0.001);
        assert_eq!(between_rounds(&a, &a).unwrap().p, 1.0);
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut normal = || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
        for rounds in [4, 6, 10] {
            let holds = (0..2000)
                .filter(|_| {
                    let a: Vec<f64> = (0..rounds).map(|_| 5.0 * normal()).collect();
                    let b: Vec<f64> = a.iter().map(|x| x + normal()).collect();
                    between_rounds(&a, &b).is_some_and(|found| found.low <= 0.0 && 0.0 <= found.high)
                })
                .count();
            assert!((1860..=1940).contains(&holds), "{rounds} rounds: {holds} of 2000");
        }
    }
}
