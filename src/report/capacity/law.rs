//! The words for the scaling law.

use super::words::level;
use crate::judge::{Bounds, LawLevel, LawResult, Limits};
use crate::report::words::plain;
use crate::units::{format_count, format_ratio};

/// The law in sentences: what one request at a time makes, what is serialised, what coherency costs, where the knee is, and what
/// more would do; or why there is none.
pub(in crate::report) fn sentences(law: &LawResult) -> Vec<String> {
    if let Some(why) = &law.refused {
        return vec![format!("No scaling law: {why}.")];
    }
    let (Some(lambda), Some(sigma), Some(kappa)) = (law.lambda, law.sigma, law.kappa) else { return Vec::new() };
    let one = format!("One request at a time makes {}/s ({})", a_second(lambda.value), range(lambda, a_second));
    let contention = if sigma.low > 0.0 {
        format!("{} of the work is done one after the other ({}: contention)", share(sigma.value), range(sigma, share))
    } else {
        format!("nothing shows that work is done one after the other (at most {}: contention)", share(sigma.high))
    };
    let mut told = vec![format!("{one}; {contention}.")];
    told.push(match (law.knee, law.max_requests_per_s) {
        (Some(knee), Some(most)) => with_knee(law, kappa, knee, most),
        (_, most) => {
            let why = law.no_knee.as_deref().unwrap_or_default();
            let more = match (law.limits, most) {
                (Some(Limits::Contention), Some(most)) => {
                    let interval = law
                        .max_requests_per_s_interval
                        .map_or_else(String::new, |most| format!(" ({})", range(most, a_second)));
                    format!("more at a time brings throughput to {}/s at most{interval}", a_second(most))
                }
                (Some(Limits::Contention), None) => {
                    "more at a time brings ever less, and where that ends these levels do not tell".to_owned()
                }
                _ => "as far as was measured more at a time makes as much more".to_owned(),
            };
            format!("No knee: {why}. So {more}.")
        }
    });
    if let Some(misfit) = law.misfit {
        told.push(format!("The levels deviate from its curve by {} (root of the mean square).", share(misfit)));
    }
    told
}

fn with_knee(law: &LawResult, kappa: Bounds, knee: Bounds, most: f64) -> String {
    let users = law.knee_level.filter(|_| law.unit == "users");
    let users = users.map_or_else(String::new, |users| format!(", by about {}", level(users, "users")));
    let highest = law.curve.last().map_or(knee.value, |point| point.in_flight);
    let twice = (2.0 * knee.value).min(highest);
    let less = at(law, twice).map_or(0.0, |there| 1.0 - there / most);
    let how_far = if twice < 2.0 * knee.value { format!("{twice:.0}") } else { "twice as many".to_owned() };
    format!(
        "Each pair of requests costs {} more ({}: coherency), so that throughput is highest, {}/s, with {:.0} in flight ({}){users}; more makes less: {how_far} in flight make {} less.",
        share(kappa.value),
        range(kappa, share),
        a_second(most),
        knee.value,
        range(knee, |n| format!("{n:.0}")),
        share(less)
    )
}

/// Of the curve, between its points.
fn at(law: &LawResult, in_flight: f64) -> Option<f64> {
    let pair = law.curve.windows(2).find(|pair| pair[0].in_flight <= in_flight && in_flight <= pair[1].in_flight)?;
    let share = (in_flight - pair[0].in_flight) / (pair[1].in_flight - pair[0].in_flight).max(1e-9);
    Some(pair[0].requests_per_s + share * (pair[1].requests_per_s - pair[0].requests_per_s))
}

/// `995`, `12.3`.
fn a_second(value: f64) -> String {
    if value >= 100.0 { format_count(value.round() as u64) } else { plain((value * 10.0).round() / 10.0) }
}

/// Two digits.
fn share(value: f64) -> String {
    format_ratio(format!("{value:.1e}").parse().unwrap_or(value))
}

fn range(bounds: Bounds, show: impl Fn(f64) -> String) -> String {
    format!("{} – {}", show(bounds.low), show(bounds.high))
}

pub(super) const TITLES: [&str; 5] = ["level", "held", "in flight", "requests/s", "left out"];

/// The levels by what is in flight.
pub(super) fn rows(law: &LawResult) -> Vec<[String; 5]> {
    let mut levels: Vec<&LawLevel> = law.levels.iter().collect();
    levels.sort_by(|a, b| a.in_flight.total_cmp(&b.in_flight));
    let row = |of: &LawLevel| {
        [
            name(of, &law.unit),
            format!("{:.0} s{}", of.to_s - of.from_s, if of.searched { ", searched" } else { "" }),
            plain((of.in_flight * 10.0).round() / 10.0),
            plain((of.requests_per_s * 10.0).round() / 10.0),
            of.left_out.clone().unwrap_or_default(),
        ]
    };
    levels.into_iter().map(row).collect()
}

/// `12 at a time`, `120 users`.
pub(in crate::report) fn name(of: &LawLevel, unit: &str) -> String {
    if unit == "users" { level(of.level, unit) } else { format!("{} {unit}", format_count(of.level.round() as u64)) }
}
