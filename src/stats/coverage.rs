//! How often the interval of p95 holds the truth: queues of known response times, simulated and judged as a run is.
//!
//! One server, Poisson arrivals, exponential service: response times are exponential with mean 1/(μ − λ) (L. Kleinrock,
//! "Queueing Systems" I (1975), 5.12), and the busier the server, the more they depend on each other.

use super::batches::Span;
use super::{Distribution, percentile, quantile_ranks};

/// How many requests arrive in a second of the simulated queue.
pub const ARRIVALS_A_SECOND: f64 = 90.0;

/// The percentile that is looked for.
const Q: f64 = 0.95;

/// How many requests are left out at the beginning of every run, as the queue begins empty: ten times its relaxation, which
/// takes λ/(μ(1 − √ρ)²) arrivals, about 4/(1 − ρ)² (J. W. Cohen, "The Single Server Queue" (1982), II.2).
fn start_up(utilisation: f64) -> usize {
    (40.0 / (1.0 - utilisation).powi(2)) as usize
}

/// A value lies up to this share above the one that the journal keeps of it.
const RESOLUTION: f64 = 0.001;

/// How many simulated runs had an interval that holds the truth, as shares of all of them.
///
/// An open end holds whatever lies beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// How many runs there were.
    pub runs: usize,
    /// The true p95, µs.
    pub truth_us: f64,
    /// The interval holds the truth; 0.95 is what it promises.
    pub held: f64,
    /// The interval would hold it, were requests taken as independent: what dependence costs those who leave it out.
    pub held_if_independent: f64,
    /// The upper end is open: nothing can be proven to be below a limit.
    pub unbounded: f64,
    /// The upper end is not open, and the interval does not hold the truth: what would be told wrongly.
    pub bounded_misses: f64,
    /// The upper end lies below the truth.
    pub too_low: f64,
    /// The lower end lies above the truth.
    pub too_high: f64,
    /// The batches were seen to depend on each other.
    pub dependent: f64,
    /// How wide the bounded intervals are on average, by the truth; `None` where all were open.
    pub width: Option<f64>,
}

/// Judges `runs` runs of `requests` requests each, of a queue that is busy for the share `utilisation` of the time.
///
/// The same seed gives the same figures. A run of 4,600 requests costs some milliseconds.
///
/// # Panics
/// Where `utilisation` is not above 0 and below 1: such a queue has no p95.
pub fn coverage(seed: u64, utilisation: f64, runs: usize, requests: usize) -> Coverage {
    assert!(utilisation > 0.0 && utilisation < 1.0, "a utilisation of {utilisation} is not between 0 and 1");
    let mut rng = fastrand::Rng::with_seed(seed);
    let service_rate = ARRIVALS_A_SECOND / utilisation;
    let truth_us = -(1.0 - Q).ln() / (service_rate - ARRIVALS_A_SECOND) * 1e6;
    cover(truth_us, runs, || {
        queue(&mut rng, ARRIVALS_A_SECOND, start_up(utilisation), requests, |rng| exponential(rng, service_rate))
    })
}

/// Judges so many runs, each given as the response times (µs) of every second.
fn cover(truth_us: f64, runs: usize, mut run: impl FnMut() -> Vec<Distribution>) -> Coverage {
    let below = |end: Option<f64>| end.is_some_and(|end| end * (1.0 + RESOLUTION) < truth_us);
    let above = |end: Option<f64>| end.is_some_and(|end| end > truth_us * (1.0 + RESOLUTION));
    let (mut too_low, mut too_high, mut open, mut wrong, mut dependent, mut independent) = (0, 0, 0, 0, 0, 0);
    let mut width = 0.0;
    for _ in 0..runs {
        let seconds = run();
        let spans = vec![Span { seconds: 1.0, hold: 0 }; seconds.len()];
        let Some(p95) = percentile(Q, &spans, &seconds, &[]) else { continue };
        too_low += usize::from(below(p95.high));
        too_high += usize::from(above(p95.low));
        open += usize::from(p95.high.is_none());
        wrong += usize::from(p95.high.is_some() && (below(p95.high) || above(p95.low)));
        dependent += usize::from(p95.dependent);
        width += p95.high.map_or(0.0, |high| (high - p95.low.unwrap_or(0.0)) / truth_us);
        let all = Distribution::merged(&seconds);
        let (low, high) = quantile_ranks(all.count(), Q);
        let at = |rank| all.at_rank(rank).map(|value| value as f64);
        independent += usize::from(!above(at(low)) && !below(at(high)));
    }
    let share = |count: usize| count as f64 / runs.max(1) as f64;
    Coverage {
        runs,
        truth_us,
        held: 1.0 - share(too_low) - share(too_high),
        held_if_independent: share(independent),
        unbounded: share(open),
        bounded_misses: share(wrong),
        too_low: share(too_low),
        too_high: share(too_high),
        dependent: share(dependent),
        width: (runs > open).then(|| width / (runs - open) as f64),
    }
}

/// Response times, µs, by the second in which they ended: one server, Poisson arrivals, service times (seconds) as given.
fn queue(
    rng: &mut fastrand::Rng,
    arrivals_a_second: f64,
    start_up: usize,
    requests: usize,
    mut service: impl FnMut(&mut fastrand::Rng) -> f64,
) -> Vec<Distribution> {
    let (mut now, mut free_at) = (0.0_f64, 0.0_f64);
    let mut seconds: Vec<Vec<(u64, u64)>> = Vec::new();
    for request in 0..requests + start_up {
        now += exponential(rng, arrivals_a_second);
        free_at = free_at.max(now) + service(rng);
        if request >= start_up {
            let second = free_at as usize;
            seconds.resize_with((second + 1).max(seconds.len()), Vec::new);
            seconds[second].push((coarse((free_at - now) * 1e6), 1));
        }
    }
    seconds.into_iter().skip_while(Vec::is_empty).map(Distribution::from_pairs).collect()
}

/// An exponential time of so many a second.
fn exponential(rng: &mut fastrand::Rng, a_second: f64) -> f64 {
    -(1.0 - rng.f64()).ln() / a_second
}

/// One value of three significant digits, as the journal keeps it.
fn coarse(us: f64) -> u64 {
    let us = us as u64;
    let bucket = 1 << (64 - us.leading_zeros()).saturating_sub(11);
    us / bucket * bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_p95_holds_the_truth_in_a_half_used_queue() {
        let found = coverage(20_261_123, 0.5, 120, 4_600);
        // 95 % of 300 runs, give or take four standard errors (1.26 % each).
        assert!((0.90..=0.995).contains(&found.held), "{found:?}");
        // Were requests taken as independent, about every other interval would miss.
        assert!(found.held_if_independent < 0.65, "{found:?}");
    }

    #[test]
    fn a_busy_queue_is_seldom_judged_wrongly() {
        // At most 10 % of all runs, and what 80 of them may add by chance: three standard errors of 3.4 %.
        for (utilisation, requests) in [(0.8, 2_000), (0.9, 1_000), (0.9, 4_600)] {
            let found = coverage(7, utilisation, 80, requests);
            assert!(found.bounded_misses <= 0.2, "{utilisation} {requests}: {found:?}");
            assert!(found.dependent > 0.6, "{utilisation} {requests}: {found:?}");
            assert!(found.unbounded < 0.1, "{utilisation} {requests}: {found:?}");
            assert!(found.held_if_independent < 0.45, "{utilisation} {requests}: {found:?}");
        }
    }

    #[test]
    fn independent_requests_keep_a_narrow_interval() {
        let mut rng = fastrand::Rng::with_seed(5);
        let truth_us = -0.05_f64.ln() * 2_000.0;
        let found = cover(truth_us, 60, || {
            let mut second =
                || Distribution::from_pairs((0..80).map(|_| (coarse(exponential(&mut rng, 1.0) * 2_000.0), 1)));
            (0..55).map(|_| second()).collect()
        });
        assert!(found.held >= 0.9 && found.unbounded == 0.0 && found.dependent < 0.1, "{found:?}");
        assert!(found.width.is_some_and(|width| width < 0.2), "{found:?}");
    }

    #[test]
    fn the_shares_belong_together() {
        let found = coverage(3, 0.9, 40, 1_000);
        assert!((found.held + found.too_low + found.too_high - 1.0).abs() < 1e-12, "{found:?}");
        assert!(found.bounded_misses <= found.too_low + found.too_high, "{found:?}");
        assert!(found.too_low + found.unbounded <= 1.0, "{found:?}");
        assert_eq!(found, coverage(3, 0.9, 40, 1_000));
        assert_ne!(found, coverage(4, 0.9, 40, 1_000));
    }

    fn line(name: &str, requests: usize, found: &Coverage) -> String {
        let width = found.width.map_or("–".to_owned(), |width| format!("{width:.2}"));
        format!(
            "| {name} | {requests} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {width} |",
            found.held, found.bounded_misses, found.too_low, found.too_high, found.unbounded, found.dependent
        )
    }

    const HEAD: &str =
        "| case | requests | held | bounded misses | too low | too high | unbounded | dependent | width |";

    #[test]
    #[ignore = "1,000 runs a cell: cargo test --release --lib -- --ignored coverage --nocapture"]
    #[allow(clippy::print_stdout)]
    fn the_table_of_coverage() {
        println!("{HEAD}");
        for utilisation in [0.3, 0.5, 0.6, 0.7, 0.8, 0.9] {
            for requests in [1_000, 4_600, 20_000] {
                let found = coverage(1, utilisation, 1_000, requests);
                println!("{}", line(&utilisation.to_string(), requests, &found));
                if requests == 20_000 && [0.3, 0.5, 0.7].contains(&utilisation) {
                    assert!((0.93..=0.985).contains(&found.held), "{found:?}");
                }
                assert!(found.bounded_misses <= 0.1, "{found:?}");
            }
        }
    }

    #[test]
    #[ignore = "1,000 runs a cell: cargo test --release --lib -- --ignored coverage --nocapture"]
    #[allow(clippy::print_stdout)]
    fn the_table_of_coverage_of_other_queues() {
        type Service<'a> = &'a dyn Fn(&mut fastrand::Rng, f64) -> f64;
        // Nine tenths of the hyperexponential service times are short, half of all work is in the others.
        let hyper = |rng: &mut fastrand::Rng, mean: f64| {
            let share = if rng.f64() < 0.9 { 0.9 } else { 0.1 };
            exponential(rng, 2.0 * share / mean)
        };
        let cases: [(&str, f64, Service<'_>); 3] = [
            ("constant", ARRIVALS_A_SECOND, &|_, mean| mean),
            ("hyperexponential", ARRIVALS_A_SECOND, &hyper),
            ("1,000/s", 1_000.0, &|rng, mean| exponential(rng, 1.0 / mean)),
        ];
        println!("{HEAD}");
        for (name, arrivals, service) in cases {
            for utilisation in [0.5, 0.8] {
                let mut rng = fastrand::Rng::with_seed(1);
                let mean = utilisation / arrivals;
                let mut run =
                    |requests| queue(&mut rng, arrivals, 3 * start_up(utilisation), requests, |rng| service(rng, mean));
                let Some(truth_us) = Distribution::merged(&run(5_000_000)).quantile(Q) else { continue };
                for seconds in [50.0, 220.0] {
                    let requests = (seconds * arrivals) as usize;
                    let found = cover(truth_us as f64, 1_000, || run(requests));
                    println!("{}", line(&format!("{name} {utilisation}"), requests, &found));
                    assert!(found.bounded_misses <= 0.1, "{name} {utilisation}: {found:?}");
                }
            }
        }
    }
}
