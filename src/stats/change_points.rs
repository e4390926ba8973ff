//! Where the level of a history changed: E-divisive with Student's t test in place of permutations.
//!
//! Sources: D. S. Matteson, N. A. James, "A nonparametric approach for multiple change point analysis of multivariate data"
//! (arXiv 1306.4933): the divergence of a split. M. Fleming et al., "Hunter: using change point detection to hunt for performance
//! regressions" (arXiv 2301.03034): the t test, so that the same history always gives the same answer; windows, so that a long history
//! does not bury a short change; a weak pass first, as a change is easily missed while its neighbours are still undivided.
//!
//! Beyond them: a segment has at least two values, and a change must outlive the loss of any one value. One far value is an
//! outlier, of which every history of load tests has some.

use std::ops::Range;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::student::{CONFIDENCE, t_factor};

/// Values that are looked at together.
pub const WINDOW: usize = 50;
/// A change has a p-value below this.
pub const MOST_P: f64 = 0.001;
/// In the weak pass.
const WEAK_P: f64 = 10.0 * MOST_P;
/// Values of a segment.
const LEAST_VALUES: usize = 2;

/// What is too little to be a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LeastChange {
    /// The larger mean is less than this above the smaller, as a fraction of it.
    Ratio(f64),
    /// The means are less than this apart.
    Difference(f64),
}

/// The level is another from `index` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first value of the new level.
    pub index: usize,
    /// The mean from the change before (or the beginning).
    pub before: f64,
    /// The mean up to the next change (or the end).
    pub after: f64,
    /// The 95 % interval of `after` − `before`, had the place been known.
    pub difference: (f64, f64),
    /// Of Student's t test between the two, had the place been known.
    pub p: f64,
}

/// The change points of a history, in order.
pub fn change_points(history: &[f64], least: LeastChange) -> Vec<ChangePoint> {
    let mut found = weak_points(history);
    loop {
        let segments = segments(&found, history.len());
        let points: Vec<ChangePoint> = segments.windows(2).map(|pair| point(history, &pair[0], &pair[1])).collect();
        let without_one = |n: usize| weakest_p(&history[segments[n].clone()], &history[segments[n + 1].clone()]);
        // The worst first: what it leaves behind is looked at anew.
        let by_p = (0..points.len()).max_by(|&a, &b| points[a].p.total_cmp(&points[b].p));
        let by_size = (0..points.len()).min_by(|&a, &b| size(&points[a], least).total_cmp(&size(&points[b], least)));
        let dropped = by_p
            .filter(|&n| points[n].p >= MOST_P)
            .or_else(|| by_size.filter(|&n| size(&points[n], least) < 1.0))
            .or_else(|| (0..points.len()).find(|&n| without_one(n) >= MOST_P));
        match dropped {
            Some(n) => found.remove(n),
            None => return points,
        };
    }
}

/// The weak pass: windows that slide by half, or to the last change within.
fn weak_points(history: &[f64]) -> Vec<usize> {
    let (mut found, mut from) = (Vec::new(), 0);
    while from < history.len() {
        let window = &history[from..history.len().min(from + WINDOW)];
        let mut within = Vec::new();
        divide(window, 0..window.len(), &mut within);
        let last = within.last().copied().unwrap_or(0);
        found.extend(within.iter().map(|index| from + index));
        from += last.max(WINDOW / 2);
    }
    found
}

/// Divides a part of a window for as long as its halves differ; the places in order.
fn divide(window: &[f64], part: Range<usize>, found: &mut Vec<usize>) {
    let Some((split, _)) = best_split(&window[part.clone()]) else { return };
    let at = part.start + split;
    let (_, p) = t_test(&window[part.start..at], &window[at..part.end]);
    if p < WEAK_P {
        divide(window, part.start..at, found);
        found.push(at);
        divide(window, at..part.end, found);
    }
}

/// The place τ with the greatest divergence Q̂ of what is before it from what comes after it up to any κ, and that divergence;
/// `None` where there are too few values.
pub fn best_split(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    // sums[i·(n+1) + j]: distances of the first i values to the first j.
    let mut sums = vec![0.0; (n + 1) * (n + 1)];
    let at = |i: usize, j: usize| i * (n + 1) + j;
    for i in 0..n {
        let mut row = 0.0;
        for j in 0..n {
            row += (values[i] - values[j]).abs();
            sums[at(i + 1, j + 1)] = sums[at(i, j + 1)] + row;
        }
    }
    let mut best: Option<(usize, f64)> = None;
    for split in LEAST_VALUES..n {
        for end in split + LEAST_VALUES..=n {
            let (before, after) = (split as f64, (end - split) as f64);
            let between = sums[at(split, end)] - sums[at(split, split)];
            // Each pair is in there twice, as in 2·C(n, 2) = n(n − 1).
            let within_before = sums[at(split, split)] / (before * (before - 1.0));
            let within_after =
                (sums[at(end, end)] - 2.0 * sums[at(split, end)] + sums[at(split, split)]) / (after * (after - 1.0));
            let apart = 2.0 * between / (before * after) - within_before - within_after;
            let divergence = before * after / (before + after) * apart;
            if best.is_none_or(|(_, most)| divergence > most) {
                best = Some((split, divergence));
            }
        }
    }
    best
}

/// The parts between the points.
fn segments(points: &[usize], length: usize) -> Vec<Range<usize>> {
    let ends = points.iter().copied().chain([length]);
    let starts = [0].into_iter().chain(points.iter().copied());
    starts.zip(ends).map(|(from, to)| from..to).collect()
}

fn point(history: &[f64], before: &Range<usize>, after: &Range<usize>) -> ChangePoint {
    let (a, b) = (&history[before.clone()], &history[after.clone()]);
    let (error, p) = t_test(a, b);
    let (of_a, of_b) = (mean(a), mean(b));
    let dof = (a.len() + b.len()) as f64 - 2.0;
    let half = if error > 0.0 { t_factor(CONFIDENCE, dof) * error } else { 0.0 };
    let difference = of_b - of_a;
    ChangePoint { index: after.start, before: of_a, after: of_b, difference: (difference - half, difference + half), p }
}

/// How many times the least change it is.
fn size(point: &ChangePoint, least: LeastChange) -> f64 {
    let (low, high) = (point.before.min(point.after), point.before.max(point.after));
    let (size, least) = match least {
        LeastChange::Ratio(least) if low > 0.0 => (high / low - 1.0, least),
        LeastChange::Ratio(least) => (if high > low { f64::INFINITY } else { 0.0 }, least),
        LeastChange::Difference(least) => (high - low, least),
    };
    if least > 0.0 { size / least } else { f64::INFINITY }
}

/// The greatest p-value where one of the values that speak for the change most is missing.
fn weakest_p(before: &[f64], after: &[f64]) -> f64 {
    let up = mean(after) > mean(before);
    let p = |before: &[f64], after: &[f64]| t_test(before, after).1;
    p(&without_end(before, !up), after).max(p(before, &without_end(after, up)))
}

/// Without the greatest value, or the least.
fn without_end(values: &[f64], greatest: bool) -> Vec<f64> {
    let compare = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
    let end = if greatest { (0..values.len()).max_by(compare) } else { (0..values.len()).min_by(compare) };
    values.iter().enumerate().filter(|(n, _)| Some(*n) != end).map(|(_, value)| *value).collect()
}

/// Student's two-sided t test of equal means with a common variance (the sample's, by n − 1): the standard error of the difference,
/// and p.
fn t_test(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (of_a, of_b) = (mean(a), mean(b));
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let dof = n_a + n_b - 2.0;
    if dof < 1.0 {
        return (f64::INFINITY, 1.0);
    }
    let squares = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let variance = (squares(a, of_a) + squares(b, of_b)) / dof;
    let error = (variance * (1.0 / n_a + 1.0 / n_b)).sqrt();
    let apart = (of_b - of_a).abs();
    // Below this it is the rounding of the sums.
    if error <= f64::EPSILON * of_a.abs().max(of_b.abs()) {
        return (0.0, if apart <= 4.0 * f64::EPSILON * of_a.abs().max(of_b.abs()) { 1.0 } else { 0.0 });
    }
    let p = StudentsT::new(0.0, 1.0, dof).map_or(1.0, |t| 2.0 * t.cdf(-apart / error));
    (error, p.min(1.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
#[path = "change_points_tests.rs"]
mod tests;
