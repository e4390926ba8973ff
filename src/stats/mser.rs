//! Where the start-up of a run ends: MSER-5.
//!
//! Sources: K. P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69 (1997);
//! its weakness against single extreme values: K. Hoad, S. Robinson, R. Davies, "Automating warm-up length estimation",
//! JORS 61 (2010). Hence the last step here: what is cut off must differ from the rest as a whole.

/// Below this many batches the rule cries wolf.
pub const LEAST_MSER_BATCHES: usize = 40;

/// A change by less than this share of the mean is none.
const RESOLUTION: f64 = 0.001;

/// What the rule says of a series of batch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settling {
    /// There are too few batches to tell.
    Untested,
    /// Steady once so many batches are left out; usually 0.
    After(usize),
    /// It still changes in its second half.
    Never,
}

/// Finds `d* = argmin_{d ≤ m/2} Σ_{j>d}(Yⱼ−Ȳ_d)²/(m−d)²` over batch means of at least five samples each.
///
/// A prefix whose median lies within the middle 80 % of the rest is no start-up (a stall in the middle of the run would
/// else cut off everything before it): then nothing is left out.
pub fn settling(means: &[f64]) -> Settling {
    let m = means.len();
    if m < LEAST_MSER_BATCHES {
        return Settling::Untested;
    }
    // From the back, so that each sum of squares (Welford) needs one step.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (d, &y) in means.iter().enumerate().rev() {
        count += 1.0;
        let step = y - mean;
        mean += step / count;
        squares += step * (y - mean);
        // Values carry three significant digits: without this a series would be split over its last one.
        let resolution = (RESOLUTION * mean).powi(2) * count;
        let score = (squares + resolution) / (count * count);
        // An equal score with fewer left out is the better one.
        if d <= m / 2 && score <= best.0 {
            best = (score, d);
        }
    }
    let (_, left_out) = best;
    if left_out == 0 || !starts_apart(&means[..left_out], &means[left_out..]) {
        return Settling::After(0);
    }
    if left_out == m / 2 { Settling::Never } else { Settling::After(left_out) }
}

fn starts_apart(start: &[f64], rest: &[f64]) -> bool {
    let (start, rest) = (sorted(start), sorted(rest));
    let median = start[start.len() / 2];
    median < rest[rest.len() / 10] || median > rest[rest.len() * 9 / 10]
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rng: &mut fastrand::Rng) -> f64 {
        (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
    }

    #[test]
    fn a_slow_start_is_left_out_exactly() {
        let means: Vec<f64> = (0..60).map(|i| if i < 12 { 100.0 } else { 10.0 } + 0.1 * f64::from(i % 2)).collect();
        assert_eq!(settling(&means), Settling::After(12));
    }

    #[test]
    fn a_steady_series_loses_little_and_never_cries_wolf() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut losses = 0;
        for _ in 0..500 {
            let means: Vec<f64> = (0..55).map(|_| 10.0 + noise(&mut rng)).collect();
            match settling(&means) {
                Settling::After(left_out) => losses += usize::from(left_out > 5),
                other => panic!("{other:?}"),
            }
        }
        // Without the last step it is one in twelve.
        assert!(losses <= 10, "{losses} of 500 lost more than a tenth");
    }

    #[test]
    fn a_stall_in_the_middle_is_no_start_up() {
        let mut rng = fastrand::Rng::with_seed(3);
        let means: Vec<f64> =
            (0..60).map(|i| if (18..24).contains(&i) { 300.0 } else { 10.0 } + noise(&mut rng)).collect();
        assert_eq!(settling(&means), Settling::After(0));
    }

    #[test]
    fn a_trend_never_settles() {
        let means: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(settling(&means), Settling::Never);
    }

    #[test]
    fn a_step_in_the_last_digit_is_none() {
        let means: Vec<f64> = (0..60).map(|i| if i < 30 { 1999.0 } else { 2000.0 }).collect();
        assert_eq!(settling(&means), Settling::After(0));
    }

    #[test]
    fn a_constant_series_is_steady_from_the_start_and_a_short_one_is_not_tested() {
        assert_eq!(settling(&[3.0; 40]), Settling::After(0));
        assert_eq!(settling(&[3.0; 39]), Settling::Untested);
    }
}
