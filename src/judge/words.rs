//! Sentences that several verdicts share.

use crate::units::{format_count, format_ms, format_ratio};

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

/// `run 75 s longer` where more of the same would shrink an interval by enough; `None` where it would take over a day.
pub(super) fn run_longer(seconds: f64) -> Option<String> {
    (seconds <= 86_400.0).then(|| format!("run {} longer", how_long(seconds)))
}
