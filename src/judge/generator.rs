//! Was it the generator? Lag and Little's law of the source of load; what the machine and the arrivals say is beside.
//!
//! Residual of Little's law: J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9 (1961), as a sum
//! over users: whoever is at work either waits for a response or thinks, so what is left over is the generator's own doing.

use super::ceiling::most_per_min;
use super::window::Window;
use super::{GeneratorResult, Lag, arrivals, machine};
use crate::record::{IntervalKind, LoadModel, Run, Second};
use crate::stats::Distribution;
use crate::units::{format_ms, format_ratio};

const MOST_RESIDUAL: f64 = 0.05;
const MOST_LAG_MS: f64 = 10.0;
const MOST_LAG_OF_P95: f64 = 0.1;
/// One late send of a handful is an accident, not a generator that cannot keep up.
const LEAST_LATE: u64 = 3;

/// The generator, checked.
pub(super) struct Checked {
    pub(super) result: GeneratorResult,
    /// Why the load was smaller than the one asked for (open model). Whether that voids hangs on the host: not in `result`.
    pub(super) shortfall: Option<String>,
}

/// Checks the generator; its notes are warnings that do not void.
pub(super) fn generator(run: &Run, window: &Window<'_>, notes: &mut Vec<String>) -> Checked {
    let judged = !window.seconds.is_empty();
    let seconds: Vec<&Second> =
        if judged { window.seconds.iter().map(|(second, _)| *second).collect() } else { run.seconds.iter().collect() };
    let length_s: f64 = seconds.iter().map(|second| second.to_s - second.from_s).sum();
    let a_second = |count: u64| if length_s > 0.0 { count as f64 / length_s } else { 0.0 };
    let requests: u64 = seconds.iter().flat_map(|second| second.endpoints.values()).map(|e| e.requests).sum();
    let lag =
        if judged { window.values(IntervalKind::Lag) } else { run.values(IntervalKind::Lag, None, 0.0, f64::MAX) };
    let planned = arrivals::planned_and_started(&seconds);
    let mut result = GeneratorResult {
        source: "local".to_owned(),
        cpu_percent: machine::cpu_percent(run),
        schedule_lag_ms: lag_ms(&lag),
        little_residual: if judged { little_residual(run, &seconds) } else { None },
        offered: planned.map(|(planned, _)| a_second(planned)).or_else(|| offered(run, window)),
        achieved: a_second(planned.map_or(requests, |(_, started)| started)),
        arrivals: arrivals::arrivals(run),
        void: false,
        reasons: Vec::new(),
        memory_bytes: run.seconds.iter().map(|second| second.generator.memory_bytes).max().unwrap_or(0),
        run_delay_percent: machine::run_delay_percent(&seconds),
        clock_jumps: machine::clock_jumps(run),
        stopped_s: machine::stopped_s(run),
    };
    let mut shortfall = None;
    if judged {
        let most_ms = most_lag_ms(window);
        check_lag(&lag, most_ms, &mut result);
        check_residual(&mut result);
        machine::check_cpu(run, &seconds, &mut result, notes);
        machine::check_run_delay(&seconds, lag.count() >= LEAST_LATE, most_ms, &mut result, notes);
        machine::check_clocks(run, &seconds, &mut result, notes);
        result.reasons.extend(arrivals::too_few_planned(run, &seconds));
        shortfall = arrivals::shortfall(run, &seconds, length_s, &result);
    }
    if let Some(arrivals) = &result.arrivals {
        notes.extend(arrivals::notes(run, arrivals));
    }
    result.void = !result.reasons.is_empty();
    Checked { result, shortfall }
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

/// Requests (closed) or arrivals (open) a second asked for over the window, by the plan.
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

/// Lag that moves p95 by no more than a tenth, or by so little that nobody asks.
fn most_lag_ms(window: &Window<'_>) -> f64 {
    let all = Distribution::merged(&window.whole().values);
    let p95_ms = all.quantile(0.95).unwrap_or(0) as f64 / 1000.0;
    MOST_LAG_MS.max(MOST_LAG_OF_P95 * p95_ms)
}

fn check_lag(lag: &Distribution, most_ms: f64, result: &mut GeneratorResult) {
    let p99_ms = result.schedule_lag_ms.p99;
    if p99_ms > most_ms && lag.count_above((most_ms * 1000.0) as u64) >= LEAST_LATE {
        let cause = machine::cause_of_lag(result);
        result.reasons.push(format!(
            "the generator sent late: lag p99 {}, at most {} allowed{cause}; free its CPUs, ask for less load, or use a larger machine",
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
