//! How throughput follows from concurrency: the Universal Scalability Law, fitted to measured levels.
//!
//! X(N) = λN / (1 + σ(N−1) + κN(N−1)): λ is the throughput of one request at a time, σ the share of the work that is done one
//! after the other (contention), κ what requests cost each other in pairs (coherency). With κ > 0 throughput has a highest point, the knee, at
//! N* = √((1−σ)/κ), and falls beyond it (N. J. Gunther, "Guerrilla Capacity Planning" (2007), chapters 4 to 6; the form with λ:
//! B. Schwartz, "Practical Scalability Analysis with the Universal Scalability Law" (2015)).
//!
//! **Fit.** N/X = a + b(N−1) + cN(N−1) is linear in its parameters: λ = 1/a, σ = b/a, κ = c/a. Least squares with the weights (X/N)², which is
//! a constant relative error, and b, c ≥ 0: of the four choices of parameters that are held at 0 the best that is allowed
//! (C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems" (1974), chapter 23; with two bounds all cases can be tried).
//!
//! **Intervals.** Residual bootstrap: relative residuals, freed of their mean and widened by √(n/(n−p)), are drawn onto the fitted
//! curve, so that every resample has all levels and none degenerates (B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993),
//! chapter 9). Percentiles at Φ(∓t) in place of 2.5 and 97.5 %, as a handful of residuals is drawn too narrow (T. Hesterberg, "What
//! teachers should know about the bootstrap", The American Statistician 69 (2015)).
//!
//! **No invented knee.** A queue before c servers rises in proportion and then stays where it is: the corner bends like the law's
//! curve, and a fit finds κ > 0 in it. So a knee needs an interval of κ above 0 *and* levels past it of which throughput falls. Where the
//! corner describes the levels better than the law does, the law is refused.

use super::student::{CONFIDENCE, normal_factor, t_factor};

/// Fewer levels carry no law.
pub const LEAST_LEVELS: usize = 6;
/// Fewer levels past a knee do not show that throughput falls.
pub const LEAST_PAST: usize = 3;
/// The highest concurrency is at least so many times the lowest.
const LEAST_SPREAD: f64 = 4.0;
/// A law whose deviations are larger than this (relative, root of their mean square) does not describe the levels.
const MOST_MISFIT: f64 = 0.1;
/// The corner of a queue describes levels better where it leaves less than this share of what the law leaves.
const CORNER: f64 = 0.5;
/// What deviates less than this from the law is described by it, whatever else does so too: one server is both a corner and σ = 1.
const LEAST_MISFIT: f64 = 0.01;
/// A knee farther off than this many times what was measured is not named at all.
const FARTHEST: f64 = 2.0;
const RESAMPLES: usize = 1000;

/// One level: what was in flight, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concurrency {
    /// Requests in flight, their mean over time.
    pub in_flight: f64,
    /// Successful responses a second.
    pub per_s: f64,
    /// How much it counts; 1 where all count the same.
    pub weight: f64,
}

impl Concurrency {
    /// A level that counts like any other.
    pub fn new(in_flight: f64, per_s: f64) -> Self {
        Self { in_flight, per_s, weight: 1.0 }
    }

    /// N/X: by Little's law the mean response time, seconds.
    fn response_s(self) -> f64 {
        self.in_flight / self.per_s
    }
}

/// The curve: N/X = a + b(N−1) + cN(N−1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve([f64; 3]);

impl Curve {
    /// Throughput of one request at a time, a second.
    pub fn lambda(self) -> f64 {
        1.0 / self.0[0]
    }

    /// The share that is done one after the other.
    pub fn sigma(self) -> f64 {
        self.0[1] / self.0[0]
    }

    /// What requests cost each other in pairs.
    pub fn kappa(self) -> f64 {
        self.0[2] / self.0[0]
    }

    /// Where throughput is highest; infinite without coherency.
    pub fn knee(self) -> f64 {
        let (sigma, kappa) = (self.sigma(), self.kappa());
        if kappa > 0.0 { ((1.0 - sigma).max(0.0) / kappa).sqrt().max(1.0) } else { f64::INFINITY }
    }

    /// The most throughput at any concurrency, a second: at the knee, without coherency λ/σ; infinite without either.
    pub fn most_per_s(self) -> f64 {
        let knee = self.knee();
        if knee.is_finite() { self.per_s(knee) } else { self.lambda() / self.sigma() }
    }

    /// Throughput at a concurrency, a second.
    pub fn per_s(self, in_flight: f64) -> f64 {
        in_flight / self.response_s(in_flight)
    }

    fn response_s(self, n: f64) -> f64 {
        let [a, b, c] = self.0;
        a + b * (n - 1.0) + c * n * (n - 1.0)
    }
}

/// A figure with its two-sided 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Why there is no knee.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoKnee {
    /// The interval of κ touches 0.
    NoCoherency,
    /// No level, or too few, lie past where it would be.
    NotReached {
        /// Where it would be; `None` where that is farther off than twice what was measured.
        at: Option<f64>,
        /// Levels past it.
        past: usize,
    },
    /// Past where it would be throughput is not seen to fall.
    DoesNotFall {
        /// Where it would be.
        at: f64,
    },
}

/// A law that describes the levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// Throughput of one request at a time, a second.
    pub lambda: Bounded,
    /// Contention.
    pub sigma: Bounded,
    /// Coherency.
    pub kappa: Bounded,
    /// The concurrency at which throughput is highest, or why none is named.
    pub knee: Result<Bounded, NoKnee>,
    /// The curve.
    pub curve: Curve,
    /// Relative deviation of the levels from it, root of the mean square.
    pub misfit: f64,
    drawn: Vec<Curve>,
    level: f64,
}

/// Why levels carry no law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoLaw {
    /// Too few levels.
    TooFew {
        /// So many.
        levels: usize,
    },
    /// They lie too close to each other.
    TooNarrow {
        /// The lowest concurrency.
        from: f64,
        /// The highest.
        to: f64,
    },
    /// The law does not describe them.
    Misfit {
        /// Relative deviation, root of the mean square.
        by: f64,
    },
    /// Throughput rises in proportion and then stays: the corner of a queue describes them better.
    Corner {
        /// The concurrency from which on it stays.
        at: f64,
        /// Where it stays, a second.
        per_s: f64,
    },
}

impl Law {
    /// Throughput at a concurrency with its interval, a second.
    pub fn per_s(&self, in_flight: f64) -> Bounded {
        self.bounded(|curve| curve.per_s(in_flight))
    }

    /// The most throughput of the curve with its interval, a second.
    pub fn most_per_s(&self) -> Bounded {
        self.bounded(Curve::most_per_s)
    }

    /// Whether the curve rises where the levels do not: none past its highest point comes near to it, or both of the highest
    /// lie below the curve, by more than half of what levels deviate by.
    pub fn overshoots(&self, levels: &[Concurrency]) -> bool {
        let below = |level: &Concurrency, per_s: f64| level.per_s < per_s * (1.0 - self.misfit / 2.0);
        let mut levels = levels.to_vec();
        levels.sort_by(|a, b| b.in_flight.total_cmp(&a.in_flight));
        let past = levels.iter().take_while(|level| level.in_flight >= self.curve.knee()).count();
        let falls_short = match past {
            0 => levels.iter().take(2).all(|level| below(level, self.curve.per_s(level.in_flight))),
            _ => levels[..past].iter().all(|level| below(level, self.curve.most_per_s())),
        };
        self.misfit > LEAST_MISFIT && falls_short
    }

    fn bounded(&self, of: impl Fn(Curve) -> f64) -> Bounded {
        let mut values: Vec<f64> = self.drawn.iter().map(|&curve| of(curve)).collect();
        values.sort_by(f64::total_cmp);
        let value = of(self.curve);
        let rank = (values.len() as f64 * self.level) as usize;
        let end = |place: Option<usize>| place.and_then(|place| values.get(place)).copied().unwrap_or(value);
        let (low, high) = (end(Some(rank)), end(values.len().checked_sub(rank + 1)));
        Bounded { value, low: low.min(value), high: high.max(value) }
    }
}

/// The law of levels, in any order. The same seed gives the same intervals.
pub fn usl(levels: &[Concurrency], seed: u64) -> Result<Law, NoLaw> {
    let sound = |level: &&Concurrency| level.in_flight > 0.0 && level.per_s > 0.0 && level.response_s().is_finite();
    let mut levels: Vec<Concurrency> = levels.iter().filter(sound).copied().collect();
    levels.sort_by(|a, b| a.in_flight.total_cmp(&b.in_flight));
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else { return Err(NoLaw::TooFew { levels: 0 }) };
    if levels.len() < LEAST_LEVELS {
        return Err(NoLaw::TooFew { levels: levels.len() });
    }
    let (from, to) = (first.in_flight, last.in_flight);
    if to < LEAST_SPREAD * from {
        return Err(NoLaw::TooNarrow { from, to });
    }
    let law = fitted(&levels, true, seed)?;
    let described = law.misfit <= MOST_MISFIT;
    let (corner_at, corner_per_s, left) = corner(&levels);
    // What neither describes is not told by the better of two.
    let corner_misfit = (left / (levels.len() - 2) as f64).sqrt();
    let bends = law.misfit > LEAST_MISFIT && left < CORNER * squares(&levels, law.curve);
    if bends && corner_misfit <= MOST_MISFIT && to > 1.5 * corner_at {
        return Err(NoLaw::Corner { at: corner_at, per_s: corner_per_s });
    }
    if !described {
        return Err(NoLaw::Misfit { by: law.misfit });
    }
    let at = law.curve.knee();
    let past: Vec<Concurrency> = levels.iter().filter(|level| level.in_flight >= at).copied().collect();
    if law.kappa.low <= 0.0 {
        return Ok(Law { knee: Err(NoKnee::NoCoherency), ..law });
    }
    if past.len() < LEAST_PAST {
        let near = Some(at).filter(|at| *at <= FARTHEST * to);
        return Ok(Law { knee: Err(NoKnee::NotReached { at: near, past: past.len() }), ..law });
    }
    if falls(&past) {
        let knee = law.bounded(Curve::knee);
        return Ok(Law { knee: Ok(knee), ..law });
    }
    // Coherency that is not seen is not claimed.
    let law = fitted(&levels, false, seed)?;
    if law.misfit > MOST_MISFIT {
        return Err(NoLaw::Misfit { by: law.misfit });
    }
    Ok(Law { knee: Err(NoKnee::DoesNotFall { at }), ..law })
}

/// A curve through levels, for whoever has to decide where to measure next; `None` where there are fewer than three.
pub fn rough_curve(levels: &[Concurrency]) -> Option<Curve> {
    (levels.len() >= 3).then(|| fit(levels, true)).flatten()
}

/// The fit with its intervals. Without `coherency` κ is 0.
fn fitted(levels: &[Concurrency], coherency: bool, seed: u64) -> Result<Law, NoLaw> {
    let nothing = NoLaw::Misfit { by: f64::INFINITY };
    let curve = fit(levels, coherency).ok_or(nothing)?;
    let n = levels.len() as f64;
    let free = n - if coherency { 3.0 } else { 2.0 };
    let misfit = (squares(levels, curve) / free).sqrt();
    let residuals: Vec<f64> =
        levels.iter().map(|level| level.response_s() / curve.response_s(level.in_flight) - 1.0).collect();
    let mean = residuals.iter().sum::<f64>() / n;
    let wider = (n / free).sqrt();
    let mut random = fastrand::Rng::with_seed(super::mixed(seed));
    let mut again = levels.to_vec();
    let mut drawn = Vec::with_capacity(RESAMPLES);
    while drawn.len() < RESAMPLES {
        for (level, again) in levels.iter().zip(&mut again) {
            let off = (residuals[random.usize(..residuals.len())] - mean) * wider;
            again.per_s = level.in_flight / (curve.response_s(level.in_flight) * (1.0 + off).max(0.01));
        }
        drawn.push(fit(&again, coherency).unwrap_or(curve));
    }
    let level = below_normal(t_factor(CONFIDENCE, free));
    let none = Bounded { value: 0.0, low: 0.0, high: 0.0 };
    let knee = Err(NoKnee::NoCoherency);
    let mut law = Law { lambda: none, sigma: none, kappa: none, knee, curve, misfit, drawn, level };
    (law.lambda, law.sigma, law.kappa) =
        (law.bounded(Curve::lambda), law.bounded(Curve::sigma), law.bounded(Curve::kappa));
    Ok(law)
}

/// Φ(−z): the share of the normal distribution below −z, by bisection of its inverse.
fn below_normal(z: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let confidence = f64::midpoint(low, high);
        if normal_factor(confidence) < z { low = confidence } else { high = confidence }
    }
    (1.0 - low) / 2.0
}

/// Sum of the squares of relative deviations.
fn squares(levels: &[Concurrency], curve: Curve) -> f64 {
    let off = |level: &Concurrency| 1.0 - curve.response_s(level.in_flight) / level.response_s();
    levels.iter().map(|level| level.weight * off(level).powi(2)).sum()
}

/// The best curve with b, c ≥ 0.
fn fit(levels: &[Concurrency], coherency: bool) -> Option<Curve> {
    let normal = Normal::of(levels);
    let solve = |free: &[usize]| normal.solve(free).filter(|curve| curve.0[0] > 0.0);
    let allowed = |curve: &Curve| curve.0[1] >= 0.0 && curve.0[2] >= 0.0;
    // The best of all is the best of those allowed, where it is allowed itself.
    let whole = if coherency { solve(&[0, 1, 2]).filter(allowed) } else { None };
    whole.or_else(|| {
        let held: &[&[usize]] = if coherency { &[&[0, 1], &[0, 2], &[0]] } else { &[&[0, 1], &[0]] };
        let curves = held.iter().filter_map(|free| solve(free)).filter(allowed);
        curves.map(|curve| (squares(levels, curve), curve)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|best| best.1)
    })
}

/// The normal equations of all three parameters, their right side in the last column. Regressors are brought to one size, as
/// those of far levels are large.
struct Normal {
    rows: [[f64; 4]; 3],
    scale: [f64; 3],
}

impl Normal {
    fn of(levels: &[Concurrency]) -> Self {
        let far = levels.iter().map(|level| level.in_flight).fold(1.0, f64::max);
        let scale = [1.0, 1.0 / far, 1.0 / (far * far)];
        let mut rows = [[0.0; 4]; 3];
        for level in levels {
            let (n, y) = (level.in_flight, level.response_s());
            let x = [1.0, (n - 1.0) * scale[1], n * (n - 1.0) * scale[2], y];
            for (row, of) in rows.iter_mut().zip(x) {
                for (cell, by) in row.iter_mut().zip(x) {
                    *cell += level.weight * of * by / (y * y);
                }
            }
        }
        Self { rows, scale }
    }

    /// Least squares in these parameters, the others 0; `None` where the levels do not tell them apart.
    fn solve(&self, free: &[usize]) -> Option<Curve> {
        let mut rows = self.rows;
        // Gauss and Jordan, the largest pivot first.
        let mut left = [true; 3];
        let mut pivots = [0; 3];
        for &column in free {
            let open = free.iter().copied().filter(|&row| left[row]);
            let pivot = open.max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
            let top = rows[pivot];
            if top[column].abs() < 1e-300 {
                return None;
            }
            (left[pivot], pivots[column]) = (false, pivot);
            for &row in free.iter().filter(|&&row| row != pivot) {
                let times = rows[row][column] / top[column];
                rows[row].iter_mut().zip(top).for_each(|(cell, top)| *cell -= times * top);
            }
        }
        let mut found = [0.0; 3];
        for &column in free {
            let row = rows[pivots[column]];
            found[column] = row[3] / row[column] * self.scale[column];
        }
        found.iter().all(|value: &f64| value.is_finite()).then_some(Curve(found))
    }
}

/// The corner of a queue, N/X = max(a, N/X̂), where it describes the levels best: its place, X̂, and the squares that it leaves.
fn corner(levels: &[Concurrency]) -> (f64, f64, f64) {
    let mean = |levels: &[Concurrency], of: &dyn Fn(&Concurrency) -> f64| {
        let sum = |power: i32| levels.iter().map(|l| l.weight * (of(l) / l.response_s()).powi(power)).sum::<f64>();
        sum(1) / sum(2)
    };
    let cases = (1..levels.len()).map(|split| {
        let (low, high) = levels.split_at(split);
        let (a, step) = (mean(low, &|_| 1.0), mean(high, &|level| level.in_flight));
        let off = |l: &Concurrency| 1.0 - a.max(step * l.in_flight) / l.response_s();
        (a / step, 1.0 / step, levels.iter().map(|l| l.weight * off(l).powi(2)).sum::<f64>())
    });
    cases.min_by(|a, b| a.2.total_cmp(&b.2)).unwrap_or((f64::INFINITY, 0.0, f64::INFINITY))
}

/// Whether throughput is seen to fall over these levels: the 95 % interval of its slope (ln X by ln N, Student's t) lies below 0.
fn falls(levels: &[Concurrency]) -> bool {
    let n = levels.len() as f64;
    let points: Vec<(f64, f64)> = levels.iter().map(|level| (level.in_flight.ln(), level.per_s.ln())).collect();
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
    let of = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|point| of(point.0 - x, point.1 - y)).sum::<f64>();
    let wide = of(&|x, _| x * x);
    if wide <= 0.0 {
        return false;
    }
    let slope = of(&|x, y| x * y) / wide;
    let left = of(&|x, y| (y - slope * x).powi(2));
    slope + t_factor(CONFIDENCE, n - 2.0) * (left / (n - 2.0) / wide).sqrt() < 0.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "usl_tests.rs"]
mod tests;
