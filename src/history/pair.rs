//! One run a side: each window is resampled within itself. What that cannot see, how much runs differ anyway, is added.

use super::decide::{steady_needed, turned};
use super::figure::{Compared, Found, Kind};
use crate::judge::{Bounds, Changed, Outcome, Series, Shifted, SteadyWindow};
use crate::record::Run;
use crate::stats::{
    Distribution, Estimate, Resampled, Sampled, fewest_blocks, fewest_of_quantiles, log_ratio, parts,
    requests_to_bound, resample, share_difference, widen, widen_to_parts,
};
use crate::units::{counted, format_count, format_ms};

/// The standard deviation by which a figure is taken to vary from run to run beside all that one run knows of. Together with a
/// tolerance of 5 % it covers runs that really vary by up to 2.8 %; see `docs/decisions/006`.
pub(super) const BETWEEN_RUNS: f64 = 0.01;

/// Percentiles of the shift function.
pub(super) const PERCENTILES: [f64; 12] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

/// Of the resampling, A's; B's is the next.
pub(super) const SEED: u64 = 1;

/// Two runs.
pub(super) struct Pair<'a> {
    a: SteadyWindow<'a>,
    b: SteadyWindow<'a>,
    lag: [Distribution; 2],
    tolerance: f64,
    resamples: usize,
}

/// The whole run's, or one endpoint's.
struct Drawn {
    a: Series,
    b: Series,
    quantiles: Vec<f64>,
    resampled: Option<(Resampled, Resampled)>,
}

impl<'a> Pair<'a> {
    pub(super) fn new(a: &'a Run, b: &'a Run, tolerance: f64, resamples: usize) -> Self {
        let (a, b) = (SteadyWindow::new(a), SteadyWindow::new(b));
        let lag = [a.lag(), b.lag()];
        Self { a, b, lag, tolerance, resamples }
    }

    /// All of one subject, in order: (its figures, the longer block in seconds).
    pub(super) fn changes(&self, of: Option<&str>, wanted: &[Compared]) -> (Vec<Changed>, Option<f64>) {
        let quantiles = wanted.iter().filter_map(|w| if let Kind::Time(q) = w.kind { Some(q) } else { None }).collect();
        let drawn = self.draw(of, quantiles);
        let block_s = drawn.resampled.as_ref().map(|(a, b)| a.block_s.max(b.block_s));
        (wanted.iter().map(|wanted| self.change(&drawn, wanted)).collect(), block_s)
    }

    /// The shift function of the whole run; empty where the windows are too short.
    pub(super) fn shift(&self) -> Vec<Shifted> {
        let drawn = self.draw(None, PERCENTILES.to_vec());
        let shifted = |&q: &f64| {
            let (_, whole) = self.time(&drawn, q)?;
            let [a, b] = [&drawn.a, &drawn.b].map(|series| series.all().quantile(q).unwrap_or(0) as f64 / 1000.0);
            Some(shifted(q, a, b, &whole))
        };
        PERCENTILES.iter().filter_map(shifted).collect()
    }

    fn draw(&self, of: Option<&str>, quantiles: Vec<f64>) -> Drawn {
        let (a, b) = (self.a.series(of), self.b.series(of));
        let draw = |series: &Series, seed| {
            let of = Sampled { spans: &series.spans, values: &series.values, events: &series.successes };
            resample(of, &quantiles, self.resamples, seed)
        };
        let resampled = draw(&a, SEED).zip(draw(&b, SEED + 1));
        Drawn { a, b, quantiles, resampled }
    }

    /// The change of a quantile as one run knows it, and with all that is added to it.
    fn time(&self, drawn: &Drawn, q: f64) -> Option<(Estimate, Estimate)> {
        let (of_a, of_b) = drawn.resampled.as_ref()?;
        let place = drawn.quantiles.iter().position(|&known| known == q)?;
        if too_few(drawn, q).is_some() {
            return None;
        }
        let [a, b] = [drawn.a.all().quantile(q)? as f64, drawn.b.all().quantile(q)? as f64];
        let resamples = (&of_a.quantiles[place][..], &of_b.quantiles[place][..]);
        let within = log_ratio(a, b, resamples, fewest_of_quantiles(of_a, of_b));
        let of = |series: &Series| parts(q, &series.spans, &series.values);
        let within = widen_to_parts(within, (a, of(&drawn.a)), (b, of(&drawn.b)));
        let whole = widen(within, BETWEEN_RUNS);
        Some((within, later_by(whole, a, self.lag_us(q))))
    }

    /// By how much the generator's own lateness at a percentile differs between the runs, µs: so much of a difference may be
    /// the generator's.
    fn lag_us(&self, q: f64) -> f64 {
        let [a, b] = [&self.lag[0], &self.lag[1]].map(|lag| lag.quantile(q).unwrap_or(0));
        a.abs_diff(b) as f64
    }

    fn find(&self, drawn: &Drawn, wanted: &Compared) -> Option<(Estimate, Found)> {
        let [a, b] = [wanted.value(&drawn.a)?, wanted.value(&drawn.b)?];
        let (within, change, counts) = match wanted.kind {
            Kind::Time(q) => {
                let (within, whole) = self.time(drawn, q)?;
                (within, whole, None)
            }
            Kind::Rate => {
                let (of_a, of_b) = drawn.resampled.as_ref()?;
                if a <= 0.0 || b <= 0.0 {
                    return None;
                }
                // In requests a minute: far above what the logarithm takes for nothing.
                let a_minute = |rates: &[f64]| rates.iter().map(|rate| rate * 60.0).collect::<Vec<f64>>();
                let rates = (a_minute(&of_a.rates), a_minute(&of_b.rates));
                let within = log_ratio(a, b, (&rates.0, &rates.1), fewest_blocks(of_a, of_b));
                (within, widen(within, BETWEEN_RUNS), None)
            }
            Kind::Share(_) => {
                let [of_a, of_b] = [drawn.a.failed()?, drawn.b.failed()?].map(|s| (s.value, s.low, s.high));
                let change = share_difference(of_a, of_b);
                let counts = [drawn.a.counts(), drawn.b.counts()].map(|(k, n)| [k, n]);
                (change, change, Some(counts))
            }
        };
        Some((within, Found { a, b, counts, change }))
    }

    fn change(&self, drawn: &Drawn, wanted: &Compared) -> Changed {
        let mut row = wanted.row();
        row.a = wanted.value(&drawn.a);
        row.b = wanted.value(&drawn.b);
        let Some((within, found)) = self.find(drawn, wanted) else {
            row.reason = nothing_found(&row, drawn, wanted.kind);
            return row;
        };
        wanted.fill(&mut row, &found, self.tolerance);
        let seconds = drawn.a.seconds().min(drawn.b.seconds());
        if row.verdict == Outcome::Unproven {
            self.what_would_tell(&mut row, wanted, &within, &found, seconds);
        }
        let doubt = wanted.doubt([&drawn.a, &drawn.b]);
        if row.verdict.is_good() && !doubt.is_empty() {
            row.verdict = Outcome::Unproven;
            row.reason = doubt;
        }
        if matches!(wanted.kind, Kind::Time(_)) && (self.a.never_settled() || self.b.never_settled()) {
            row.verdict = Outcome::Unproven;
            let side = if self.b.never_settled() { "B" } else { "A" };
            row.reason = format!("the response time of {side} never settled: let it run longer");
        }
        row
    }

    fn what_would_tell(&self, row: &mut Changed, wanted: &Compared, within: &Estimate, found: &Found, seconds: f64) {
        let edges = wanted.edges(self.tolerance);
        let turn = |of: &Estimate| turned(*of, wanted.more_is_better());
        row.steady_s = if found.counts.is_some_and(|counts| counts.iter().all(|side| side[0] == 0)) {
            // Without a failure the width goes with one over the requests.
            Some(1.1 * found.change.high / edges.worse * seconds)
        } else {
            steady_needed(&turn(within), &turn(&found.change), edges, seconds)
        };
        row.reason = match (row.steady_s, wanted.kind) {
            (Some(needed), _) => format!("the interval holds the edge of the tolerance: {}", both_run(needed, seconds)),
            (None, Kind::Time(q)) if self.lag_us(q) / 1000.0 > self.tolerance / 2.0 * found.a => format!(
                "the generator itself was later by {} in one run than in the other, and so much of a change may be its own: compare on a quieter machine, or several runs a side",
                format_ms(self.lag_us(q) / 1000.0)
            ),
            _ => "the change lies too near the edge of the tolerance for one run a side: compare several".to_owned(),
        };
    }
}

/// Why there is no interval.
fn nothing_found(row: &Changed, drawn: &Drawn, kind: Kind) -> String {
    let few = if let Kind::Time(q) = kind { too_few(drawn, q) } else { None };
    match (row.a, row.b, few) {
        (None, None, _) => "neither side has a request of it in its steady window".to_owned(),
        (None, ..) => "A has no request of it in its steady window".to_owned(),
        (_, None, _) => "B has no request of it in its steady window".to_owned(),
        (.., Some(why)) if drawn.resampled.is_some() => why,
        _ => format!(
            "too short to resample: the journal has fewer than five pieces of the {:.0} s of steady load; let both run longer",
            drawn.a.seconds().min(drawn.b.seconds())
        ),
    }
}

/// Why no resampling can bound this quantile: what its requests would be another time was hardly seen.
fn too_few(drawn: &Drawn, q: f64) -> Option<String> {
    let (of_a, of_b) = drawn.resampled.as_ref()?;
    let sides = [("A", &drawn.a, of_a), ("B", &drawn.b, of_b)];
    if let Some((side, series, resampled)) = sides.into_iter().find(|(.., resampled)| resampled.is_bunched()) {
        return Some(format!(
            "most of its {} in {side} lie within {} of {:.0} s, which does not tell how they vary: compare several runs a side",
            counted(series.all().count(), "request"),
            words(resampled.holding.ceil() * series.seconds() / resampled.pieces as f64),
            series.seconds()
        ));
    }
    let (side, series, _) = sides.into_iter().min_by_key(|(_, series, _)| series.all().count())?;
    let (n, needed) = (series.all().count(), requests_to_bound(q)?);
    (n < needed).then(|| {
        let seconds = 1.1 * needed as f64 / n as f64 * series.seconds();
        format!(
            "{side} has {}, too few to bound a p{} ({} do): {}",
            counted(n, "request"),
            (q * 1000.0).round() / 10.0,
            format_count(needed),
            both_run(seconds, series.seconds())
        )
    })
}

/// The interval with so much more room on either side, µs.
fn later_by(of: Estimate, a_us: f64, lag_us: f64) -> Estimate {
    let moved = |log: f64, by: f64| ((log.exp() * a_us + by) / a_us).max(f64::MIN_POSITIVE).ln();
    if a_us <= 0.0 || lag_us <= 0.0 {
        return of;
    }
    Estimate { low: moved(of.low, -lag_us), high: moved(of.high, lag_us), ..of }
}

fn words(seconds: f64) -> String {
    if seconds < 180.0 { format!("{:.0} s", seconds.ceil()) } else { format!("{:.0} min", (seconds / 60.0).ceil()) }
}

/// "12 min of steady load a side instead of 55 s".
fn both_run(needed: f64, seconds: f64) -> String {
    format!("it takes about {} of steady load a side, there are {}", words(needed), words(seconds))
}

/// A point of the shift function from the logarithm of its ratio.
pub(super) fn shifted(q: f64, a_ms: f64, b_ms: f64, of: &Estimate) -> Shifted {
    let ratio = Bounds { value: of.value.exp(), low: of.low.exp(), high: of.high.exp() };
    let by = |ratio: f64| (ratio - 1.0) * a_ms;
    Shifted {
        percentile: (q * 1000.0).round() / 10.0,
        a: a_ms,
        b: b_ms,
        ratio,
        difference: Bounds { value: by(ratio.value), low: by(ratio.low), high: by(ratio.high) },
    }
}
