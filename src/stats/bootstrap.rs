//! Block bootstrap over the per-second distributions of a window: how far its quantiles and its rate would vary, were the same
//! window measured again within the same run.
//!
//! Circular blocks of one length, drawn within each hold (D. N. Politis, J. P. Romano, "A circular block-resampling procedure
//! for stationary data", 1992), so that what depends on its neighbours stays beside them. The length is chosen from the data by
//! D. N. Politis, H. White, "Automatic block-length selection for the dependent bootstrap", Econometric Reviews 23 (2004), with
//! the correction of A. Patton, D. N. Politis, H. White, Econometric Reviews 28 (2009).
//!
//! Assumes a level that does not drift. Says nothing of how one run differs from another.
//!
//! A quantile is only known to the seconds that hold values: of an endpoint that is asked in one second of sixty it is one, and not
//! sixty. They are counted by how many values they hold, (Σn)²/Σn² (L. Kish, "Survey Sampling" (1965), 11.7).

use super::Distribution;
use super::batches::{LEAST_BATCHES, Span, assign};

/// How often a window is drawn again.
pub const RESAMPLES: usize = 2000;

/// More pieces than this are joined: a long window has enough of them, and each costs time.
const MOST_PIECES: f64 = 600.0;

/// What a window holds, by span.
#[derive(Debug, Clone, Copy)]
pub struct Sampled<'a> {
    /// The spans.
    pub spans: &'a [Span],
    /// The values of each span.
    pub values: &'a [Distribution],
    /// What is counted in each span to make a rate, e.g. successful responses.
    pub events: &'a [u64],
}

/// A window, drawn again many times.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// For each quantile asked for, its value in every resample.
    pub quantiles: Vec<Vec<f64>>,
    /// Events a second in every resample.
    pub rates: Vec<f64>,
    /// How long a block was, seconds.
    pub block_s: f64,
    /// How many such blocks the window holds: what is independent in it.
    pub blocks: f64,
    /// Of how many pieces the window is made: seconds, or what was joined.
    pub pieces: usize,
    /// In how many of them the values lie, those with few counted as less than one.
    pub holding: f64,
}

impl Resampled {
    /// How many blocks tell of the quantiles: no more than there are pieces that hold values.
    pub fn of_quantiles(&self) -> f64 {
        self.blocks * (self.holding / self.pieces as f64)
    }

    /// Whether the values lie in so few pieces of the window that these cannot tell how they vary: in fewer than five and in less than
    /// half.
    pub fn is_bunched(&self) -> bool {
        self.holding < (LEAST_BATCHES as f64).min(self.pieces as f64 / 2.0)
    }
}

/// Draws a window `resamples` times; `None` where it has fewer than five pieces, or no value.
pub fn resample(of: Sampled<'_>, quantiles: &[f64], resamples: usize, seed: u64) -> Option<Resampled> {
    let pieces = Pieces::new(of)?;
    let block = pieces.block(quantiles);
    let count = pieces.seconds.len();
    if count < LEAST_BATCHES {
        return None;
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut drawn = Resampled {
        quantiles: vec![Vec::with_capacity(resamples); quantiles.len()],
        rates: Vec::with_capacity(resamples),
        block_s: pieces.seconds.iter().sum::<f64>() / count as f64 * block as f64,
        blocks: count as f64 / block as f64,
        pieces: count,
        holding: pieces.holding(),
    };
    let mut ascending: Vec<(usize, f64)> = quantiles.iter().copied().enumerate().collect();
    ascending.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut counts = vec![0_u64; pieces.keys.len()];
    while drawn.rates.len() < resamples {
        counts.fill(0);
        let (mut events, mut seconds) = (0.0, 0.0);
        for piece in pieces.draw(block, &mut rng) {
            for &(key, n) in &pieces.values[piece] {
                counts[key as usize] += n;
            }
            events += pieces.events[piece];
            seconds += pieces.seconds[piece];
        }
        let total: u64 = counts.iter().sum();
        if total == 0 {
            // Nothing but empty seconds were drawn: says nothing of the quantiles of what is there.
            continue;
        }
        drawn.rates.push(events / seconds);
        for (place, value) in pieces.quantiles(&counts, total, &ascending) {
            drawn.quantiles[place].push(value);
        }
    }
    Some(drawn)
}

/// Spans joined to pieces of about one length.
struct Pieces {
    /// All values, each once.
    keys: Vec<u64>,
    /// Of each piece: (place among the keys, count).
    values: Vec<Vec<(u32, u64)>>,
    events: Vec<f64>,
    seconds: Vec<f64>,
    /// Where each hold begins, and the end of the last.
    bounds: Vec<usize>,
}

impl Pieces {
    fn new(of: Sampled<'_>) -> Option<Self> {
        let all = Distribution::merged(of.values);
        let keys: Vec<u64> = all.pairs().iter().map(|&(value, _)| value).collect();
        let longest = of.spans.iter().map(|span| span.seconds).fold(0.0, f64::max);
        if keys.is_empty() || longest <= 0.0 {
            return None;
        }
        let total: f64 = of.spans.iter().map(|span| span.seconds).sum();
        // A run of hours has minutes and seconds: only pieces of one length can change places.
        let (piece_of, count) = assign(of.spans, (total / longest).round().clamp(1.0, MOST_PIECES) as usize);
        let mut parts: Vec<Vec<&Distribution>> = vec![Vec::new(); count];
        let mut pieces =
            Self { keys, values: Vec::new(), events: vec![0.0; count], seconds: vec![0.0; count], bounds: vec![0] };
        let mut hold = of.spans[0].hold;
        for (n, span) in of.spans.iter().enumerate() {
            let piece = piece_of[n];
            if span.hold != hold {
                hold = span.hold;
                pieces.bounds.push(piece);
            }
            parts[piece].extend(of.values.get(n));
            pieces.events[piece] += of.events.get(n).copied().unwrap_or(0) as f64;
            pieces.seconds[piece] += span.seconds;
        }
        pieces.bounds.push(count);
        for part in parts {
            let part = Distribution::merged(part);
            // Every value is among the keys: they are the values of all parts.
            let place = |value: u64| pieces.keys.partition_point(|&key| key < value) as u32;
            pieces.values.push(part.pairs().iter().map(|&(value, n)| (place(value), n)).collect());
        }
        Some(pieces)
    }

    /// The longest block that any of the figures asks for, in pieces.
    fn block(&self, quantiles: &[f64]) -> usize {
        let mut totals = vec![0_u64; self.keys.len()];
        for &(key, n) in self.values.iter().flatten() {
            totals[key as usize] += n;
        }
        let total: u64 = totals.iter().sum();
        let above = |q: &f64| {
            let limit = self.quantiles(&totals, total, &[(0, *q)]).next().map_or(0.0, |found| found.1);
            let deviation = |piece: &Vec<(u32, u64)>| {
                let n: u64 = piece.iter().map(|pair| pair.1).sum();
                let hits: u64 =
                    piece.iter().filter(|pair| self.keys[pair.0 as usize] as f64 > limit).map(|pair| pair.1).sum();
                hits as f64 - (1.0 - q) * n as f64
            };
            self.values.iter().map(deviation).collect::<Vec<f64>>()
        };
        let rate = || self.events.iter().zip(&self.seconds).map(|(events, seconds)| events / seconds).collect();
        let series = quantiles.iter().map(above).chain([rate()]);
        let longest = series.map(|series| block_length(&self.about_hold_means(series))).fold(1.0, f64::max);
        // Fewer than five blocks tell nothing; what longer ones would have shown, the tenths of the window must (`change::parts`).
        (longest.round() as usize).min(self.seconds.len() / LEAST_BATCHES).max(1)
    }

    /// Kish's number of pieces that hold values.
    fn holding(&self) -> f64 {
        let of_piece = self.values.iter().map(|piece| piece.iter().map(|pair| pair.1).sum::<u64>() as f64);
        let (sum, squares) = of_piece.fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    fn about_hold_means(&self, mut series: Vec<f64>) -> Vec<f64> {
        for hold in self.bounds.windows(2) {
            let part = &mut series[hold[0]..hold[1]];
            let mean = part.iter().sum::<f64>() / part.len().max(1) as f64;
            for value in part {
                *value -= mean;
            }
        }
        series
    }

    /// As many pieces as there are, hold by hold, in circular blocks.
    fn draw(&self, block: usize, rng: &mut fastrand::Rng) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(self.seconds.len());
        for hold in self.bounds.windows(2) {
            let (from, length) = (hold[0], hold[1] - hold[0]);
            let mut left = length;
            while left > 0 {
                let first = rng.usize(..length);
                let take = block.min(left);
                drawn.extend((first..first + take).map(|place| from + place % length));
                left -= take;
            }
        }
        drawn
    }

    /// The value at each quantile, of (place, quantile) from the lowest to the highest.
    fn quantiles<'a>(
        &'a self,
        counts: &'a [u64],
        total: u64,
        ascending: &'a [(usize, f64)],
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        let mut keys = self.keys.iter().zip(counts);
        let (mut seen, mut value) = (0, 0.0);
        ascending.iter().map(move |&(place, q)| {
            let rank = ((q * total as f64 * (1.0 - 1e-12)).ceil() as u64).clamp(1, total.max(1));
            while seen < rank
                && let Some((&key, &n)) = keys.next()
            {
                seen += n;
                value = key as f64;
            }
            (place, value)
        })
    }
}

/// The block length for circular blocks, in elements of the series, from 1 to the lesser of 3√n and a third of n.
pub fn block_length(series: &[f64]) -> f64 {
    let n = series.len();
    let most = (3.0 * (n as f64).sqrt()).min(n as f64 / 3.0).max(1.0);
    let mean = series.iter().sum::<f64>() / n.max(1) as f64;
    let covariance = |lag: usize| -> f64 {
        let products = series.iter().zip(series.iter().skip(lag)).map(|(x, later)| (x - mean) * (later - mean));
        products.sum::<f64>() / n as f64
    };
    let variance = covariance(0);
    if n < 4 || variance <= 0.0 {
        return 1.0;
    }
    // The lag behind which a handful of correlations in a row are no more than chance.
    let run = 5.max((n as f64).log10().sqrt().ceil() as usize);
    let chance = 2.0 * ((n as f64).log10() / n as f64).sqrt();
    let furthest = (((n as f64).sqrt().ceil() as usize) + run).min(n - 1);
    let small: Vec<bool> = (1..=furthest).map(|lag| (covariance(lag) / variance).abs() < chance).collect();
    let quiet = small.windows(run.min(small.len())).position(|lags| lags.iter().all(|&small| small));
    let last = quiet.unwrap_or_else(|| small.iter().rposition(|&small| !small).map_or(0, |lag| lag + 1));
    let reach = (2 * last.max(1)).min(furthest);
    let flat_top = |lag: usize| {
        let share = lag as f64 / reach as f64;
        if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) }
    };
    let (mut bias, mut spectrum) = (0.0, variance);
    for lag in 1..=reach {
        let weighed = 2.0 * flat_top(lag) * covariance(lag);
        bias += weighed * lag as f64;
        spectrum += weighed;
    }
    if spectrum <= 0.0 {
        return 1.0;
    }
    let length = (2.0 * bias * bias / (4.0 / 3.0 * spectrum * spectrum) * n as f64).cbrt();
    length.clamp(1.0, most)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn autoregressive(n: usize, rho: f64, seed: u64) -> Vec<f64> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut last = 0.0;
        let mut next = |last: &mut f64| {
            *last = rho * *last + (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
            *last
        };
        (0..n).map(|_| next(&mut last)).collect()
    }

    fn seconds(count: usize) -> Vec<Span> {
        vec![Span { seconds: 1.0, hold: 0 }; count]
    }

    #[test]
    fn blocks_grow_with_the_dependence() {
        let mean = |rho| (0..20).map(|seed| block_length(&autoregressive(300, rho, seed))).sum::<f64>() / 20.0;
        let [none, some, much] = [0.0, 0.5, 0.9].map(mean);
        // The optimum of an AR(1) is (2·(2ρ/(1−ρ²))²·3/4)^⅓·n^⅓: 9.3 at 0.5, 34.2 at 0.9, for n = 300.
        assert!(none < 3.5, "{none}");
        assert!((6.0..13.0).contains(&some), "{some}");
        assert!((20.0..52.0).contains(&much), "{much}");
        assert_eq!(block_length(&[1.0; 50]), 1.0);
        assert_eq!(block_length(&[]), 1.0);
    }

    #[test]
    fn independent_seconds_vary_as_independent_samples_do() {
        let mut rng = fastrand::Rng::with_seed(5);
        let values: Vec<Distribution> =
            (0..200).map(|_| Distribution::from_pairs((0..50).map(|_| (rng.u64(1..=1000), 1)))).collect();
        let events = vec![50; 200];
        let found =
            resample(Sampled { spans: &seconds(200), values: &values, events: &events }, &[0.5], 2000, 1).unwrap();
        let mean = found.quantiles[0].iter().sum::<f64>() / 2000.0;
        let deviation = (found.quantiles[0].iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2000.0).sqrt();
        // The median of 10,000 uniform values on 0..1000 has the standard deviation 1000·√(¼/10,000) = 5.
        assert!((4.0..6.5).contains(&deviation), "{deviation}");
        assert!(found.rates.iter().all(|&rate| (rate - 50.0).abs() < 1e-9));
    }

    #[test]
    fn holds_are_drawn_each_by_itself() {
        let values: Vec<Distribution> =
            (0..40).map(|n| Distribution::from_pairs([(if n < 20 { 10 } else { 20 }, 1)])).collect();
        let spans: Vec<Span> = (0..40).map(|n| Span { seconds: 1.0, hold: n / 20 }).collect();
        let events: Vec<u64> = (0..40).map(|n| if n < 20 { 1 } else { 3 }).collect();
        let found = resample(Sampled { spans: &spans, values: &values, events: &events }, &[0.5, 0.6], 100, 1).unwrap();
        assert!(found.quantiles[0].iter().all(|&median| median == 10.0), "half of each draw is of the first hold");
        assert!(found.quantiles[1].iter().all(|&above| above == 20.0));
        assert!(found.rates.iter().all(|&rate| rate == 2.0));
    }

    #[test]
    fn only_seconds_with_values_tell_of_quantiles() {
        let draw = |of_second: &dyn Fn(u64) -> u64| {
            let counts: Vec<u64> = (0..60).map(of_second).collect();
            let values: Vec<Distribution> = counts.iter().map(|&n| Distribution::from_pairs([(7, n)])).collect();
            resample(Sampled { spans: &seconds(60), values: &values, events: &counts }, &[0.5], 20, 1).unwrap()
        };
        let even = draw(&|_| 30);
        assert_eq!((even.holding, even.of_quantiles(), even.is_bunched()), (60.0, 60.0, false));
        let first = draw(&|second| if second == 0 { 12 } else { 0 });
        assert_eq!((first.holding, first.blocks), (1.0, 60.0));
        assert!((first.of_quantiles() - 1.0).abs() < 1e-12 && first.is_bunched());
        // 11 and 1: 144 by 122.
        let two = draw(&|second| [11, 1].get(second as usize).copied().unwrap_or(0));
        assert!((two.holding - 144.0 / 122.0).abs() < 1e-12);
        let now_and_then = draw(&|second| u64::from(second % 3 == 0));
        assert_eq!((now_and_then.holding, now_and_then.is_bunched()), (20.0, false));
    }

    #[test]
    fn merged_minutes_and_seconds_become_pieces_of_one_length() {
        let mut spans = vec![Span { seconds: 60.0, hold: 0 }; 60];
        spans.extend(seconds(600));
        let mut values = vec![Distribution::from_pairs([(5, 60)]); 60];
        values.extend(vec![Distribution::from_pairs([(5, 1)]); 600]);
        let events: Vec<u64> = values.iter().map(Distribution::count).collect();
        let found = resample(Sampled { spans: &spans, values: &values, events: &events }, &[0.5], 50, 1).unwrap();
        assert_eq!((found.block_s, found.blocks), (60.0, 70.0));
        assert!(found.rates.iter().all(|rate| (rate - 1.0).abs() < 1e-9));
    }

    #[test]
    fn the_same_seed_draws_the_same_and_too_little_draws_nothing() {
        let values = vec![Distribution::from_pairs([(5, 1), (7, 1)]); 30];
        let spans = seconds(30);
        let draw = |count: usize, seed| {
            let of = Sampled { spans: &spans[..count], values: &values[..count], events: &[2; 30][..count] };
            resample(of, &[0.9], 20, seed)
        };
        assert_eq!(draw(30, 3), draw(30, 3));
        assert!(draw(5, 3).is_some() && draw(4, 3).is_none() && draw(0, 3).is_none());
        let empty = vec![Distribution::default(); 30];
        assert_eq!(resample(Sampled { spans: &spans, values: &empty, events: &[0; 30] }, &[0.5], 20, 1), None);
    }
}
