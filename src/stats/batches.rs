//! Batches of a window: how much dependent samples really vary.
//!
//! Sources: W. G. Cochran, "Sampling Techniques" (1977), 6.4 and 9A (ratio estimator, clusters of unequal size); L. Kish,
//! "Survey Sampling" (1965), 8.2 (design effect); A. M. Law, "Simulation Modeling and Analysis" (2015), 9.5.3 (batch means).

/// How many batches an interval is formed from: each is tried, the wider interval counts. Many see much, few are
/// longer than the dependence.
pub const BATCHES: [usize; 2] = [30, 10];

/// Fewer batches than this tell nothing of dependence.
pub const LEAST_BATCHES: usize = 5;

/// A piece of the window, the finest that there is: a second of the journal, or a minute of a long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Its length, seconds.
    pub seconds: f64,
    /// Which hold it lies in: batches never reach across holds, and each hold has a mean of its own.
    pub hold: usize,
}

/// Of one batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Batch {
    /// What is counted, e.g. failures.
    pub hits: f64,
    /// What it is counted by: requests, or seconds.
    pub of: f64,
    /// Its hold.
    pub hold: usize,
}

/// How a ratio varies between batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// All hits by all that they are counted by.
    pub ratio: f64,
    /// The variance of `ratio`, by the ratio estimator, each hold about its own mean.
    pub variance: f64,
    /// Degrees of freedom: batches less holds.
    pub dof: f64,
    /// Lag-1 autocorrelation of the batches about their hold's mean.
    pub lag1: f64,
    /// Batches in which there is a hit.
    pub hit: f64,
}

impl Spread {
    /// The variance by that of as many independent samples of the share `share`; at least 1.
    pub fn design_effect(&self, share: f64, samples: f64) -> f64 {
        let independent = share * (1.0 - share) / samples;
        if independent > 0.0 { (self.variance / independent).max(1.0) } else { 1.0 }
    }
}

/// The batch (from 0) of every span where `count` batches of about equal time are made, and how many there came to be.
///
/// A hold gets batches by its share of the time, at least two where it has two spans.
pub fn assign(spans: &[Span], count: usize) -> (Vec<usize>, usize) {
    let total: f64 = spans.iter().map(|span| span.seconds).sum();
    let mut batch_of = Vec::with_capacity(spans.len());
    let mut first = 0;
    for hold in spans.chunk_by(|a, b| a.hold == b.hold) {
        let seconds: f64 = hold.iter().map(|span| span.seconds).sum();
        let wanted = (count as f64 * seconds / total).round() as usize;
        let batches = wanted.max(2).min(hold.len());
        let (mut before, mut used, mut last) = (0.0, 0, None);
        for span in hold {
            let middle = before + span.seconds / 2.0;
            before += span.seconds;
            let place = ((middle / seconds * batches as f64) as usize).min(batches - 1);
            if last != Some(place) {
                last = Some(place);
                used += 1;
            }
            batch_of.push(first + used - 1);
        }
        first += used;
    }
    (batch_of, first)
}

/// Adds up each span's (hits, of) into about `count` batches.
pub fn gather(spans: &[Span], counts: &[(f64, f64)], count: usize) -> Vec<Batch> {
    let (batch_of, made) = assign(spans, count);
    let mut batches = vec![Batch::default(); made];
    for ((span, &(hits, of)), &place) in spans.iter().zip(counts).zip(&batch_of) {
        let batch = &mut batches[place];
        batch.hits += hits;
        batch.of += of;
        batch.hold = span.hold;
    }
    batches
}

/// How the ratio varies over these batches; `None` below [`LEAST_BATCHES`] that are not empty.
pub fn spread(batches: &[Batch]) -> Option<Spread> {
    let batches: Vec<Batch> = batches.iter().copied().filter(|batch| batch.of > 0.0).collect();
    if batches.len() < LEAST_BATCHES {
        return None;
    }
    let (hits, of) = batches.iter().fold((0.0, 0.0), |(hits, of), batch| (hits + batch.hits, of + batch.of));
    let (mut squares, mut dof) = (0.0, 0.0);
    let mut residuals = Vec::with_capacity(batches.len());
    for hold in batches.chunk_by(|a, b| a.hold == b.hold) {
        let count = hold.len() as f64;
        let mean = hold.iter().map(|batch| batch.hits).sum::<f64>() / hold.iter().map(|batch| batch.of).sum::<f64>();
        if hold.len() > 1 {
            let sum: f64 = hold.iter().map(|batch| (batch.hits - mean * batch.of).powi(2)).sum();
            squares += sum * count / (count - 1.0);
            dof += count - 1.0;
        }
        residuals.extend(hold.iter().map(|batch| batch.hits / batch.of - mean));
    }
    let hit = batches.iter().filter(|batch| batch.hits > 0.0).count() as f64;
    Some(Spread { ratio: hits / of, variance: squares / (of * of), dof, lag1: lag1(&residuals), hit })
}

/// The spreads over each of [`BATCHES`]; empty where the window is too short for any.
pub fn spreads(spans: &[Span], counts: &[(f64, f64)]) -> Vec<Spread> {
    BATCHES.iter().filter_map(|&count| spread(&gather(spans, counts, count))).collect()
}

/// Lag-1 autocorrelation of deviations from a mean; 0 where nothing deviates.
fn lag1(deviations: &[f64]) -> f64 {
    let squares: f64 = deviations.iter().map(|d| d * d).sum();
    let products: f64 = deviations.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seconds(count: usize) -> Vec<Span> {
        vec![Span { seconds: 1.0, hold: 0 }; count]
    }

    fn batch(hits: f64, of: f64) -> Batch {
        Batch { hits, of, hold: 0 }
    }

    #[test]
    fn seconds_are_dealt_evenly_and_in_order() {
        let (of, made) = assign(&seconds(20), 10);
        assert_eq!(made, 10);
        assert_eq!(of, (0..20).map(|i| i / 2).collect::<Vec<_>>());
        assert_eq!(assign(&seconds(7), 30), ((0..7).collect(), 7));
        let (of, made) = assign(&seconds(55), 30);
        assert_eq!((made, of[54]), (30, 29));
    }

    #[test]
    fn long_and_short_spans_are_dealt_by_time() {
        // Three minutes in one piece each, then 60 single seconds: four minutes in four batches.
        let mut spans = vec![Span { seconds: 60.0, hold: 0 }; 3];
        spans.extend(seconds(60));
        let (of, made) = assign(&spans, 4);
        assert_eq!(made, 4);
        assert_eq!(of[..4], [0, 1, 2, 3]);
        assert!(of[3..].iter().all(|&place| place == 3));
    }

    #[test]
    fn batches_never_reach_across_holds() {
        let mut spans = seconds(15);
        spans.extend(vec![Span { seconds: 1.0, hold: 1 }; 5]);
        let (of, made) = assign(&spans, 10);
        assert_eq!(made, 8 + 3);
        assert_eq!((of[14], of[15]), (7, 8));
    }

    #[test]
    fn the_spread_is_the_ratio_estimator_s() {
        // x = 2 4 6 8 10, m = 10 each: p = 0.6, Σ(x − p·m)² = 16+4+0+4+16 = 40, ·5/4 = 50, by 50² = 0.02.
        let batches = [2.0, 4.0, 6.0, 8.0, 10.0].map(|x| batch(x, 10.0));
        let spread = spread(&batches).unwrap();
        assert!((spread.ratio - 0.6).abs() < 1e-12);
        assert!((spread.variance - 0.02).abs() < 1e-12);
        assert_eq!(spread.dof, 4.0);
        // Deviations −.4 −.2 0 .2 .4: products .08+0+0+.08, squares .4.
        assert!((spread.lag1 - 0.4).abs() < 1e-12);
        // 50 requests: 0.02 / (0.24/50)
        assert!((spread.design_effect(0.6, 50.0) - 4.166_666_7).abs() < 1e-6);
    }

    #[test]
    fn batches_of_unequal_size_and_equal_share_do_not_vary() {
        let batches = [10.0, 20.0, 30.0, 40.0, 50.0].map(|m| batch(m * 0.1, m));
        let spread = spread(&batches).unwrap();
        assert!(spread.variance < 1e-30);
        assert_eq!(spread.design_effect(0.1, 150.0), 1.0);
    }

    #[test]
    fn holds_of_different_levels_do_not_count_as_variation() {
        let mut batches = vec![batch(1.0, 10.0); 4];
        batches.extend(vec![Batch { hits: 9.0, of: 10.0, hold: 1 }; 4]);
        let spread = spread(&batches).unwrap();
        assert_eq!((spread.variance, spread.dof, spread.lag1), (0.0, 6.0, 0.0));
        assert_eq!(spread.ratio, 0.5);
    }

    #[test]
    fn too_few_batches_tell_nothing() {
        assert_eq!(spread(&[batch(1.0, 10.0); 4]), None);
        let mut batches = vec![batch(1.0, 10.0); 4];
        batches.push(batch(0.0, 0.0));
        assert_eq!(spread(&batches), None);
        assert!(spreads(&seconds(4), &[(1.0, 10.0); 4]).is_empty());
        assert_eq!(spreads(&seconds(40), &[(1.0, 10.0); 40]).len(), 2);
    }
}
