//! Mathematics, pure: no I/O, no clock. Every file names the source of what it implements.

mod batches;
mod binomial;
mod bootstrap;
mod change;
mod change_points;
mod coverage;
mod distribution;
mod holm;
mod mser;
mod paired;
mod percentile;
mod random;
mod rate;
mod ratio;
mod runs;
mod sample_size;
mod slope;
mod student;
mod usl;

pub use batches::{BATCHES, Batch, LEAST_BATCHES, Span, Spread, assign, gather, spread, spreads};
pub use binomial::{Share, clopper_pearson, quantile_ranks, share, share_at};
pub use bootstrap::{RESAMPLES, Resampled, Sampled, block_length, resample};
pub use change::{
    Estimate, fewest_blocks, fewest_of_quantiles, log_ratio, log_time, parts, share_difference, widen, widen_to_parts,
};
pub use change_points::{ChangePoint, LeastChange, MOST_P, WINDOW, best_split, change_points};
pub use coverage::{ARRIVALS_A_SECOND, Coverage, coverage};
pub use distribution::Distribution;
pub use holm::holm;
pub use mser::{LEAST_MSER_BATCHES, Settling, settling};
pub use paired::{between_rounds, least_p_of_rounds};
pub use percentile::{Percentile, percentile, percentile_at};
pub use random::mixed;
pub use rate::{Rate, rate};
pub use ratio::{Ratio, ratio, ratio_at};
pub use runs::{BetweenRuns, between_runs, least_p};
pub use sample_size::{requests_to_bound, requests_to_decide, requests_to_prove_below};
pub use slope::{LEAST_POINTS, Slope, slope, slope_at};
pub use student::{CONFIDENCE, normal_factor, t_factor};
pub use usl::{Bounded, Concurrency, Curve, LEAST_LEVELS, LEAST_PAST, Law, NoKnee, NoLaw, rough_curve, usl};
