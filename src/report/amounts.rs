//! How figures of probes are written: numbers, bytes, rates, in three significant digits.

use crate::record::FigureUnit;
use crate::units::{format_count, format_ms, format_ratio};

/// Writes a figure down.
pub(super) type Say = fn(f64) -> String;

/// Decimal, so that ticks of an axis are round.
const BYTES: [(f64, &str); 5] = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
const LARGE: [(f64, &str); 3] = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
/// What is smaller is written out.
const WRITTEN_OUT: f64 = 9_999.5;

/// How a figure of this unit is written.
pub(super) fn say(unit: FigureUnit) -> Say {
    match unit {
        FigureUnit::Number | FigureUnit::SecondsPerSecond => number,
        FigureUnit::PerSecond => per_s,
        FigureUnit::Bytes => bytes,
        FigureUnit::BytesPerSecond => bytes_per_s,
        FigureUnit::Seconds => seconds,
        FigureUnit::MsPerSecond => ms_per_s,
    }
}

/// `0.25`, `3.4`, `12.3`, `1,234`, `12.3 k`, `1.2 M`.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let size = value.abs();
    let fits = |(scale, _): &(f64, &str)| size >= WRITTEN_OUT.max(scale * 0.9995);
    if let Some((scale, unit)) = LARGE.into_iter().find(fits) {
        return format!("{} {unit}", digits(value / scale));
    }
    if size >= 999.5 {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", format_count(size.round() as u64));
    }
    digits(value)
}

/// Three significant digits, no needless zeros.
fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let before_point = value.abs().log10().floor() as i32 + 1;
    let decimals = (3 - before_point).clamp(0, 6) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `83.3/s`
pub(super) fn per_s(value: f64) -> String {
    format!("{}/s", number(value))
}

/// `112 MB`
pub(super) fn bytes(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    // 999.7 kB would be written as 1000.
    let fits = |(scale, _): &(f64, &str)| value.abs() >= scale * 0.9995;
    let (scale, unit) = BYTES.into_iter().find(fits).unwrap_or((1.0, "B"));
    format!("{} {unit}", digits(if unit == "B" { value.round() } else { value / scale }))
}

/// `1.2 MB/s`
pub(super) fn bytes_per_s(value: f64) -> String {
    format!("{}/s", bytes(value))
}

/// `34 %`, from a fraction.
pub(super) fn ratio(value: f64) -> String {
    format_ratio(value)
}

/// `12 ms`
pub(super) fn ms(value: f64) -> String {
    format_ms(value)
}

/// `1.2 s`, from seconds.
pub(super) fn seconds(value: f64) -> String {
    format_ms(value * 1000.0)
}

/// `50 ms/s`
pub(super) fn ms_per_s(value: f64) -> String {
    format!("{}/s", format_ms(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_tell_enough() {
        let numbers = [0.0, 0.012_34, 0.25, 3.456, 12.34, 999.4, 1234.4, 9999.7, 12_345.0, 999_700.0, 1_234_567.0, 2e9];
        let said = ["0", "0.0123", "0.25", "3.46", "12.3", "999", "1,234", "10 k", "12.3 k", "1 M", "1.23 M", "2 G"];
        assert_eq!(numbers.map(number), said);
        let sizes = [0.0, 512.4, 1000.0, 999_700.0, 112_400_000.0, 2_147_483_648.0];
        assert_eq!(sizes.map(bytes), ["0 B", "512 B", "1 kB", "1 MB", "112 MB", "2.15 GB"]);
        assert_eq!((number(f64::NAN).as_str(), bytes(f64::INFINITY).as_str()), ("unknown", "unknown"));
        assert_eq!(
            (bytes_per_s(1.5e6), per_s(0.5), seconds(0.25)),
            ("1.5 MB/s".into(), "0.5/s".into(), "250 ms".into())
        );
    }
}
