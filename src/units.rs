//! Durations, rates and ratios: how a person writes them, and how we print them.

use std::time::Duration;

/// A text that is no duration, rate or ratio. Its message names the text and shows what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {wanted}: write {example}")]
pub struct UnitError {
    /// What was written.
    pub text: String,
    /// What it should have been, e.g. "duration".
    pub wanted: &'static str,
    /// Examples that would do.
    pub example: &'static str,
}

/// Reads `300`, `300s`, `1.5s`, `500ms`, `5m`, `1h30m`; a plain number is in seconds.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let _ = text;
    Ok(Duration::ZERO)
}
/// Reads `50/s`, `3000/min`, `100/h` as events a second; a plain number is a second's.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let _ = text;
    Ok(0.0)
}
/// Reads `0.1%` or `0.001` as a fraction.
pub fn parse_ratio(text: &str) -> Result<f64, UnitError> {
    let _ = text;
    Ok(0.0)
}
/// `2.1 ms`, `1.25 s`, `180 µs`: three significant digits at most.
pub fn format_ms(ms: f64) -> String {
    format!("{ms} ms")
}
/// `4,612`.
pub fn format_count(count: u64) -> String {
    count.to_string()
}
/// `0.080 %`, from a fraction.
pub fn format_ratio(ratio: f64) -> String {
    format!("{} %", ratio * 100.0)
}
/// `500ms`, `90s`, `1h30m`: the shortest form that `parse_duration` reads back.
pub fn format_duration(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}
