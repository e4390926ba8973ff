//! Was it the generator? Lag, CPU and Little's law of the source of load.
//!
//! Residual of Little's law: J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9 (1961), as a sum
//! over users: whoever is at work either waits for a response or thinks, so what is left over is the generator's own doing.

use super::ceiling::most_per_min;
use super::window::Window;
use super::words::how_long;
use super::{GeneratorResult, Lag};
use crate::record::{IntervalKind, LoadModel, Run, Second};
use crate::stats::Distribution;
use crate::units::{format_ms, format_ratio};

const MOST_RESIDUAL: f64 = 0.05;
const MOST_LAG_MS: f64 = 10.0;
const MOST_LAG_OF_P95: f64 = 0.1;
/// One late send of a handful is an accident, not a generator that cannot keep up.
const LEAST_LATE: u64 = 3;
const LEAST_ACHIEVED: f64 = 0.99;
const MOST_CPU: f64 = 0.9;
const MOST_CPU_FOR_S: f64 = 5.0;

/// Checks the generator; its notes are warnings that do not void.
pub(super) fn generator(run: &Run, window: &Window<'_>, notes: &mut Vec<String>) -> GeneratorResult {
    let judged = !window.seconds.is_empty();
    let seconds: Vec<&Second> =
        if judged { window.seconds.iter().map(|(second, _)| *second).collect() } else { run.seconds.iter().collect() };
    let length_s: f64 = seconds.iter().map(|second| second.to_s - second.from_s).sum();
    let requests: u64 = seconds.iter().flat_map(|second| second.endpoints.values()).map(|e| e.requests).sum();
    let lag =
        if judged { window.values(IntervalKind::Lag) } else { run.values(IntervalKind::Lag, None, 0.0, f64::MAX) };
    let used_s: f64 = run.seconds.iter().map(|second| second.generator.cpu_s).sum();
    let cpus = f64::from(run.asked.environment.cpus.max(1));
    let offered = offered(run, window);
    let mut result = GeneratorResult {
        source: "local".to_owned(),
        cpu_percent: if run.duration_s() > 0.0 { used_s / (run.duration_s() * cpus) * 100.0 } else { 0.0 },
        schedule_lag_ms: lag_ms(&lag),
        little_residual: if judged { little_residual(run, &seconds) } else { None },
        offered,
        achieved: if length_s > 0.0 { requests as f64 / length_s } else { 0.0 },
        arrivals: None,
        void: false,
        reasons: Vec::new(),
        memory_bytes: run.seconds.iter().map(|second| second.generator.memory_bytes).max().unwrap_or(0),
    };
    if judged {
        check_lag(window, &lag, &mut result);
        check_residual(&mut result);
        check_cpu(run, &seconds, cpus, &mut result, notes);
        check_rate(run, length_s, &mut result);
    }
    result.void = !result.reasons.is_empty();
    result
}

fn lag_ms(lag: &Distribution) -> Lag {
    let ms = |us: Option<u64>| us.unwrap_or(0) as f64 / 1000.0;
    Lag { p50: ms(lag.quantile(0.5)), p99: ms(lag.quantile(0.99)), max: ms(lag.max()) }
}

/// 1 − Σ(in flight + planned think time)/Σ(user time); `None` without user time, and for arrivals, whose idle sessions
/// neither wait nor think.
fn little_residual(run: &Run, seconds: &[&Second]) -> Option<f64> {
    let users_s: f64 = seconds.iter().map(|second| second.user_s).sum();
    let busy_s: f64 = seconds.iter().map(|second| second.in_flight_s + second.thinking_s).sum();
    (run.asked.plan.model == LoadModel::Closed && users_s > 0.0).then(|| 1.0 - busy_s / users_s)
}

/// Requests (closed) or arrivals (open) a second asked for over the window.
fn offered(run: &Run, window: &Window<'_>) -> Option<f64> {
    let held_s: f64 = window.parts.iter().map(|part| part.to_s - part.from_s).sum();
    if held_s <= 0.0 {
        return None;
    }
    let level = window.parts.iter().map(|part| part.level * (part.to_s - part.from_s)).sum::<f64>() / held_s;
    match run.asked.plan.model {
        LoadModel::Closed => most_per_min(&run.asked, level).map(|per_min| per_min / 60.0),
        LoadModel::Open => Some(level),
    }
}

fn check_lag(window: &Window<'_>, lag: &Distribution, result: &mut GeneratorResult) {
    let all = Distribution::merged(&window.figures(None).values);
    let p95_ms = all.quantile(0.95).unwrap_or(0) as f64 / 1000.0;
    let most_ms = MOST_LAG_MS.max(MOST_LAG_OF_P95 * p95_ms);
    let p99_ms = result.schedule_lag_ms.p99;
    if p99_ms > most_ms && lag.count_above((most_ms * 1000.0) as u64) >= LEAST_LATE {
        result.reasons.push(format!(
            "the generator sent late: lag p99 {}, at most {} allowed; free its CPUs, ask for less load, or use a larger machine",
            format_ms(p99_ms),
            format_ms(most_ms)
        ));
    }
}

fn check_residual(result: &mut GeneratorResult) {
    let Some(residual) = result.little_residual.filter(|residual| residual.abs() > MOST_RESIDUAL) else { return };
    result.reasons.push(if residual > 0.0 {
        format!(
            "users spent {} of their time neither waiting for a response nor thinking, at most 5 % allowed: the generator held them up; free its CPUs, ask for less load, or use a larger machine",
            format_ratio(residual)
        )
    } else {
        format!(
            "users' time is over-counted by {}, at most 5 % allowed: the journal of this run cannot be trusted; run it again",
            format_ratio(-residual)
        )
    });
}

fn check_cpu(run: &Run, seconds: &[&Second], cpus: f64, result: &mut GeneratorResult, notes: &mut Vec<String>) {
    let (mut busy_s, mut used_s, mut end_s) = (0.0, 0.0, f64::NEG_INFINITY);
    let (mut longest_s, mut share) = (0.0, 0.0);
    for second in seconds {
        let length_s = second.to_s - second.from_s;
        if second.generator.cpu_s > MOST_CPU * cpus * length_s {
            if second.from_s - end_s > 0.5 {
                (busy_s, used_s) = (0.0, 0.0);
            }
            busy_s += length_s;
            used_s += second.generator.cpu_s;
            end_s = second.to_s;
            if busy_s > longest_s {
                (longest_s, share) = (busy_s, used_s / (busy_s * cpus));
            }
        }
    }
    // Seconds of the journal are not exact to the microsecond.
    if longest_s < MOST_CPU_FOR_S - 0.05 {
        return;
    }
    let reason = format!(
        "the generator used {} of its {cpus} CPUs for {} in a row, at most 90 % allowed; use a larger machine, or ask for less load",
        format_ratio(share),
        how_long(longest_s)
    );
    if run.asked.plan.model == LoadModel::Closed && run.asked.mean_wait_s == Some(0.0) {
        notes.push(format!("{reason} (only a warning for users who do not think)"));
    } else {
        result.reasons.push(reason);
    }
}

/// Arrivals are random: only a shortfall that chance cannot explain (three standard deviations of a Poisson count) voids.
fn check_rate(run: &Run, length_s: f64, result: &mut GeneratorResult) {
    let (LoadModel::Open, Some(offered)) = (run.asked.plan.model, result.offered) else { return };
    let expected = offered * length_s;
    let done = result.achieved * length_s / run.asked.mean_requests_per_task;
    if done < LEAST_ACHIEVED * expected && expected - done > 3.0 * expected.sqrt() {
        result.reasons.push(format!(
            "{} of the arrivals asked for were made, at least 99 % needed; raise --max-users, ask for a lower --rate, or use a larger machine",
            format_ratio(done / expected)
        ));
    }
}
