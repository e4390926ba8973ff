//! How often the intervals hold the truth: a queue of known response times, simulated (one server, Poisson arrivals,
//! exponential service; response times are exponential with mean 1/(μ−λ): L. Kleinrock, "Queueing Systems" I (1975), 5.12).

use super::batches::Span;
use super::{Distribution, percentile, quantile_ranks};

const ARRIVALS_A_SECOND: f64 = 90.0;

/// One value of three significant digits, as the journal keeps it.
fn coarse(us: f64) -> u64 {
    let us = us as u64;
    let bucket = 1 << (64 - us.leading_zeros()).saturating_sub(11);
    us / bucket * bucket
}

/// Response times, µs, by the second in which they ended.
fn queue(rng: &mut fastrand::Rng, utilisation: f64, requests: usize) -> Vec<Distribution> {
    let service_rate = ARRIVALS_A_SECOND / utilisation;
    let mut exponential = |rate: f64| -(1.0 - rng.f64()).ln() / rate;
    let (mut now, mut free_at) = (0.0_f64, 0.0_f64);
    let mut seconds: Vec<Vec<(u64, u64)>> = Vec::new();
    // A start-up of 1,000 requests is left out: the queue begins empty.
    for request in 0..requests + 1000 {
        now += exponential(ARRIVALS_A_SECOND);
        free_at = free_at.max(now) + exponential(service_rate);
        if request >= 1000 {
            let second = free_at as usize;
            seconds.resize_with((second + 1).max(seconds.len()), Vec::new);
            seconds[second].push((coarse((free_at - now) * 1e6), 1));
        }
    }
    seconds.into_iter().skip_while(Vec::is_empty).map(Distribution::from_pairs).collect()
}

struct Coverage {
    batches: f64,
    independent: f64,
    wrong_and_bounded: f64,
    below_truth: f64,
    dependent: f64,
}

fn coverage(seed: u64, utilisation: f64, runs: usize, requests: usize) -> Coverage {
    let mut rng = fastrand::Rng::with_seed(seed);
    let truth = -(0.05_f64.ln()) / (ARRIVALS_A_SECOND / utilisation - ARRIVALS_A_SECOND) * 1e6;
    // A bucket is up to a thousandth wide.
    let holds = |low: Option<f64>, high: Option<f64>| {
        low.is_none_or(|low| low <= truth * 1.001) && high.is_none_or(|high| high * 1.001 >= truth)
    };
    let (mut held, mut independent, mut wrong, mut below, mut dependent) = (0, 0, 0, 0, 0);
    for _ in 0..runs {
        let seconds = queue(&mut rng, utilisation, requests);
        let spans = vec![Span { seconds: 1.0, hold: 0 }; seconds.len()];
        let Some(p95) = percentile(0.95, &spans, &seconds, &[]) else { continue };
        let all = Distribution::merged(&seconds);
        let (low, high) = quantile_ranks(all.count(), 0.95);
        let read = |rank| all.at_rank(rank).map(|value| value as f64);
        held += usize::from(holds(p95.low, p95.high));
        independent += usize::from(holds(read(low), read(high)));
        wrong += usize::from(p95.high.is_some() && !holds(p95.low, p95.high));
        below += usize::from(p95.high.is_some_and(|high| high * 1.001 < truth));
        dependent += usize::from(p95.dependent);
    }
    let share = |count: usize| count as f64 / runs as f64;
    Coverage {
        batches: share(held),
        independent: share(independent),
        wrong_and_bounded: share(wrong),
        below_truth: share(below),
        dependent: share(dependent),
    }
}

#[test]
fn the_interval_of_p95_holds_the_truth_in_a_half_used_queue() {
    let found = coverage(20_261_123, 0.5, 300, 5_000);
    // 95 % of 300 runs, give or take four standard errors (1.26 % each).
    assert!((0.90..=0.995).contains(&found.batches), "{}", found.batches);
    // Were requests taken as independent, about every other interval would miss.
    assert!(found.independent < 0.65, "{}", found.independent);
}

#[test]
fn a_busy_queue_is_seldom_judged_wrongly() {
    let found = coverage(7, 0.8, 150, 4_600);
    assert!(found.wrong_and_bounded <= 0.12, "{}", found.wrong_and_bounded);
    assert!(found.below_truth <= 0.09, "{}", found.below_truth);
    assert!(found.dependent > 0.02, "{}", found.dependent);
    assert!(found.independent < 0.35, "{}", found.independent);
}

#[test]
#[ignore = "prints the table of coverage, takes minutes in debug"]
#[allow(clippy::print_stdout)]
fn the_table_of_coverage() {
    for utilisation in [0.1, 0.5, 0.7, 0.8, 0.9] {
        for requests in [1_000, 4_600, 20_000] {
            let found = coverage(1, utilisation, 400, requests);
            println!(
                "{utilisation} {requests:6} batches {:.3} independent {:.3} wrong {:.3} below {:.3} dependent {:.3}",
                found.batches, found.independent, found.wrong_and_bounded, found.below_truth, found.dependent
            );
        }
    }
}
