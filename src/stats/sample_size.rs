//! How many requests a proof needs, from the interval of [`clopper_pearson`](super::clopper_pearson) turned around.

use super::binomial::{lies_above, lies_below};
use super::student::CONFIDENCE;

/// More requests than this are not worth naming.
const MOST: f64 = 1e8;

/// The fewest requests of which `failures` may have failed for the 95 % interval of the error rate to lie below `limit`.
///
/// `None` where no number would do (a limit of 0). With no failure at 0.1 %: 3,688.
pub fn requests_to_prove_below(failures: f64, limit: f64) -> Option<u64> {
    smallest(|n| lies_below(failures.min(n), n, limit))
}

/// The fewest requests that would tell an error rate of `share` apart from `limit`, were it to stay what it is.
///
/// `None` where the two are too close for any number.
pub fn requests_to_decide(share: f64, limit: f64) -> Option<u64> {
    smallest(|n| if share < limit { lies_below(share * n, n, limit) } else { lies_above(share * n, n, limit) })
}

/// The fewest requests among which the two-sided 95 % interval of the quantile `q` lies: with fewer the true one may well be
/// beyond the fastest or the slowest of them. For p95: 72.
pub fn requests_to_bound(q: f64) -> Option<u64> {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let beyond = q.max(1.0 - q);
    smallest(|n| beyond.powf(n) <= tail)
}

fn smallest(enough: impl Fn(f64) -> bool) -> Option<u64> {
    let mut reached = 1.0;
    while !enough(reached) {
        reached *= 2.0;
        if reached > MOST {
            return None;
        }
    }
    let (mut below, mut reached) = ((reached / 2.0) as u64, reached as u64);
    while below + 1 < reached {
        let middle = below + (reached - below) / 2;
        if enough(middle as f64) {
            reached = middle;
        } else {
            below = middle;
        }
    }
    Some(reached)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::binomial::clopper_pearson;
    use super::*;

    #[test]
    fn no_failure_at_a_tenth_of_a_percent_needs_3688_requests() {
        assert_eq!(requests_to_prove_below(0.0, 0.001), Some(3_688));
        assert!(clopper_pearson(0.0, 3_688.0).1 < 0.001);
        assert!(clopper_pearson(0.0, 3_687.0).1 >= 0.001);
        assert_eq!(requests_to_prove_below(0.0, 0.01), Some(368));
    }

    #[test]
    fn a_percentile_needs_requests_beyond_it() {
        // 0.95^72 = 0.0249, and 0.95^71 = 0.0262.
        assert_eq!([0.5, 0.95, 0.05, 0.99, 0.999].map(requests_to_bound), [6, 72, 72, 368, 3_688].map(Some));
        assert_eq!(requests_to_bound(1.0), None);
    }

    #[test]
    fn each_failure_needs_more() {
        let needed: Vec<u64> = (0..4).map(|k| requests_to_prove_below(f64::from(k), 0.001).unwrap()).collect();
        assert!(needed.is_sorted() && needed[1] > needed[0] + 1000, "{needed:?}");
        for (k, &n) in needed.iter().enumerate() {
            assert!(clopper_pearson(k as f64, n as f64).1 < 0.001);
            assert!(clopper_pearson(k as f64, n as f64 - 1.0).1 >= 0.001);
        }
    }

    #[test]
    fn what_is_on_the_limit_is_never_decided() {
        assert_eq!(requests_to_decide(0.001, 0.001), None);
        assert_eq!(requests_to_prove_below(0.0, 0.0), None);
    }

    #[test]
    fn twice_the_limit_is_told_sooner_than_a_tenth_above() {
        let far = requests_to_decide(0.002, 0.001).unwrap();
        let near = requests_to_decide(0.001_1, 0.001).unwrap();
        assert!(clopper_pearson(0.002 * far as f64, far as f64).0 > 0.001);
        assert!(near > 50 * far, "{near} against {far}");
    }
}
