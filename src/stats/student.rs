//! Quantiles of Student's t and of the normal distribution.
//!
//! Source: `statrs`, which inverts the regularised incomplete beta function.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The two-sided confidence of every interval in this house.
pub const CONFIDENCE: f64 = 0.95;

/// The half-width factor of a two-sided interval by Student's t with `dof` degrees of freedom; infinite below one.
pub fn t_factor(confidence: f64, dof: f64) -> f64 {
    if dof < 1.0 {
        return f64::INFINITY;
    }
    StudentsT::new(0.0, 1.0, dof).map_or(f64::INFINITY, |t| t.inverse_cdf(f64::midpoint(1.0, confidence)))
}

/// The same for the normal distribution: 1.96 at 95 %.
pub fn normal_factor(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(f64::midpoint(1.0, confidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factors_are_those_of_the_tables() {
        for (dof, factor) in [(1.0, 12.706_205), (4.0, 2.776_445), (9.0, 2.262_157), (29.0, 2.045_230)] {
            assert!((t_factor(0.95, dof) - factor).abs() < 1e-6, "{dof}");
        }
        assert!((normal_factor(0.95) - 1.959_964).abs() < 1e-6);
        assert_eq!(t_factor(0.95, 0.0), f64::INFINITY);
    }
}
