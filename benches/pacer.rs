//! How late the pacer of the open model wakes, beside a pacer that sleeps until each instant with tokio's timer.
//!
//! `cargo bench --bench pacer`, pinned to one core with `taskset -c 0`. Poisson arrivals; the two take turns, a second each, so that
//! whatever else the machine does meets both. Printed are µs from the planned instant to the moment it was noticed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that prints a table")]

use std::time::{Duration, Instant};

use agenthub_perf::load::Pacer;

const RATES: [f64; 2] = [2_000.0, 10_000.0];

/// Lags of a second of arrivals, ns.
async fn lags(mut pacer: Pacer, rate: f64, length: Duration, seed: u64) -> Vec<u128> {
    let mut random = fastrand::Rng::with_seed(seed);
    let start = Instant::now();
    let (mut due, mut lags) = (start, Vec::new());
    while due < start + length {
        pacer.until(due).await;
        let now = Instant::now();
        // All that are due by now, as the driver gives them out.
        while due <= now {
            lags.push((now - due).as_nanos());
            due += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
        }
        tokio::task::yield_now().await;
    }
    lags
}

fn quantiles(lags: &mut [u128]) -> [f64; 2] {
    lags.sort_unstable();
    [0.5, 0.99].map(|q| lags[(q * (lags.len() - 1) as f64) as usize] as f64 / 1e3)
}

fn main() {
    // Whoever only wants to see that it runs gets one short round.
    let measure = std::env::args().any(|arg| arg == "--bench");
    let (rounds, length) = if measure { (20, Duration::from_secs(1)) } else { (1, Duration::from_millis(50)) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!("{:>9}  {:>21}  {:>21}  {:>13}", "", "pacer", "sleep_until", "ratio");
    println!("{:>9}  {:>10} {:>10}  {:>10} {:>10}  {:>6} {:>6}", "arrivals", "p50", "p99", "p50", "p99", "p50", "p99");
    for rate in RATES {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            runtime.block_on(async {
                let pacer = async move { lags(Pacer::new(), rate, length, round).await };
                ours.extend(tokio::spawn(pacer).await.unwrap());
                let sleeper = async move { lags(Pacer::on_tokio(), rate, length, round).await };
                theirs.extend(tokio::spawn(sleeper).await.unwrap());
            });
        }
        let ([p50, p99], [their_p50, their_p99]) = (quantiles(&mut ours), quantiles(&mut theirs));
        println!(
            "{rate:>7}/s  {p50:>7.1} µs {p99:>7.1} µs  {their_p50:>7.1} µs {their_p99:>7.1} µs  {:>6.3} {:>6.3}",
            p50 / their_p50,
            p99 / their_p99
        );
    }
}
