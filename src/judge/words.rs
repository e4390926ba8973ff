//! Sentences that several verdicts share.

use super::suspects::{bytes, number};
use crate::units::{format_count, format_ms, format_ratio};

/// Why a figure has no value.
pub(super) const NONE_STEADY: &str = "no second of the run was steady: nothing is judged";

/// `75 s`, `12 min`, `3 h`: how long to run, rounded up.
pub(super) fn how_long(seconds: f64) -> String {
    let up = |count: f64| format_count((count * (1.0 - 1e-9)).ceil().max(1.0) as u64);
    match seconds {
        s if s < 180.0 => format!("{} s", up(s)),
        s if s < 7200.0 => format!("{} min", up(s / 60.0)),
        s => format!("{} h", up(s / 3600.0)),
    }
}

/// A figure in its unit as a person reads it.
pub(super) fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ms" => format_ms(value),
        "ratio" => format_ratio(value),
        _ => format!("{}/min", format_count(value.round() as u64)),
    }
}

/// `75 s`, `12 min`, `31 h`, `7 days`: a span of time, about.
pub(super) fn span_of(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        86_400.0 => "1 day".to_owned(),
        s if s < 36_000.0 => format!("{} h", plain(s / 3600.0)),
        s if s < 259_200.0 => format!("{:.0} h", s / 3600.0),
        s if s < 864_000.0 => format!("{} days", plain(s / 86_400.0)),
        s if s < 864_000_000.0 => format!("{} days", format_count((s / 86_400.0).round() as u64)),
        _ => "years".to_owned(),
    }
}

/// One decimal at most.
fn plain(value: f64) -> String {
    format!("{value:.1}").trim_end_matches(".0").to_owned()
}

/// What there is of something, in its unit, as a person reads it; it may be below 0.
pub(super) fn amount(value: f64, unit: &str) -> String {
    let size = value.abs();
    let text = match unit {
        "ms" => format_ms(size),
        "ratio" => format_ratio(size),
        "bytes" => bytes(size),
        _ => number(size),
    };
    if value < 0.0 && !text.starts_with("0 ") && text != "0" { format!("−{text}") } else { text }
}

/// `run 75 s longer` where more of the same would shrink an interval by enough; `None` where it would take over a day.
pub(super) fn run_longer(seconds: f64) -> Option<String> {
    (seconds <= 86_400.0).then(|| format!("run {} longer", how_long(seconds)))
}
