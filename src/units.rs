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

/// Nanoseconds in each unit of time, the largest first.
const TIME_UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
];

/// Reads `300`, `300s`, `1.5s`, `500ms`, `5m`, `1h30m`; a plain number is in seconds. Also knows `d` and `us`.
///
/// Exact to the nanosecond; the longest is 584 years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let error = || UnitError {
        text: text.to_owned(),
        wanted: "duration",
        example: "a number of seconds or e.g. 500ms, 90s, 5m, 1h30m",
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(error());
    }
    if let Some(nanos) = decimal_times(rest, 1_000_000_000) {
        return Ok(Duration::from_nanos(nanos));
    }
    let (mut total, mut smaller_than) = (0_u64, u64::MAX);
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let (number, after) = rest.split_at(number_ends);
        let after = after.trim_start();
        let unit_ends = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_ends);
        let nanos = TIME_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?.1;
        if nanos >= smaller_than {
            return Err(error());
        }
        smaller_than = nanos;
        total = decimal_times(number, nanos).and_then(|part| total.checked_add(part)).ok_or_else(error)?;
        rest = after.trim_start();
    }
    Ok(Duration::from_nanos(total))
}

/// Reads `50/s`, `3000/min`, `100/h` as events a second; a plain number is a second's.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let error = || UnitError { text: text.to_owned(), wanted: "rate", example: "e.g. 50/s, 3000/min, 100/h" };
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1.0,
        "m" | "min" | "minute" => 60.0,
        "h" | "hour" => 3600.0,
        _ => return Err(error()),
    };
    parse_decimal(number.trim()).map(|number| number / seconds).ok_or_else(error)
}

/// `50/s`, `30/min`, `2.5/h`, from events a second: the largest unit of time in which there is at least one. Read back by
/// [`parse_rate`] to three decimals.
pub fn format_rate(per_s: f64) -> String {
    let (count, unit) = match per_s {
        some if some >= 1.0 || some <= 0.0 => (some, "s"),
        some if some * 60.0 >= 1.0 => (some * 60.0, "min"),
        few => (few * 3600.0, "h"),
    };
    let text = format!("{count:.3}");
    format!("{}/{unit}", trim_zeros(&text))
}

/// Reads `0.1%` or `0.001` as a fraction, from 0 to 1.
pub fn parse_ratio(text: &str) -> Result<f64, UnitError> {
    let error = || UnitError {
        text: text.to_owned(),
        wanted: "ratio",
        example: "a percentage such as 0.1%, or a fraction from 0 to 1 such as 0.001",
    };
    let trimmed = text.trim();
    let ratio = match trimmed.strip_suffix('%') {
        Some(percent) => parse_decimal(percent.trim_end()).map(|percent| percent / 100.0),
        None => parse_decimal(trimmed),
    };
    ratio.filter(|ratio| *ratio <= 1.0).ok_or_else(error)
}

/// Digits with at most one point between them: no sign, no exponent, no `inf`.
fn parse_decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = split_decimal(text)?;
    format!("{whole}.{fraction}").parse().ok().filter(|number: &f64| number.is_finite())
}

fn split_decimal(text: &str) -> Option<(&str, &str)> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => (digits(whole) && digits(fraction)).then_some((whole, fraction)),
        None => digits(text).then_some((text, "0")),
    }
}

/// A decimal times a count of nanoseconds, exactly (what is below a nanosecond is dropped); `None` where it does not fit.
fn decimal_times(text: &str, nanos: u64) -> Option<u64> {
    let (whole, fraction) = split_decimal(text)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(nanos)?;
    let fraction = &fraction[..fraction.len().min(18)];
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(nanos) / 10_u128.pow(fraction.len() as u32);
    whole.checked_add(u64::try_from(part).ok()?)
}

/// `2.1 ms`, `1.25 s`, `180 µs`, `2.5 min` (from two minutes on): three significant digits at most.
pub fn format_ms(ms: f64) -> String {
    if !ms.is_finite() {
        return "unknown".to_owned();
    }
    if ms == 0.0 {
        return "0 ms".to_owned();
    }
    let rounded = round_to_3(ms);
    let (value, unit) = match rounded.abs() {
        size if size < 1.0 => (rounded * 1000.0, "µs"),
        size if size < 1000.0 => (rounded, "ms"),
        size if size < 120_000.0 => (rounded / 1000.0, "s"),
        _ => (round_to_3(ms / 60_000.0), "min"),
    };
    format!("{} {unit}", trim_zeros(&format!("{value:.*}", decimals_for(value, 3))))
}

fn round_to_3(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Decimals that give a number so many significant digits.
fn decimals_for(value: f64, digits: u8) -> usize {
    let before_point = value.abs().log10().floor() + 1.0;
    (f64::from(digits) - before_point).clamp(0.0, 9.0) as usize
}

fn trim_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// `4,612`.
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something that is counted: `1 user`, `1,200 users`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", format_count(count), if count == 1 { "" } else { "s" })
}

/// `0.080 %`, `0.1 %`, `12.3 %`, from a fraction: two significant digits below 10 %, three above.
pub fn format_ratio(ratio: f64) -> String {
    if !ratio.is_finite() {
        return "unknown".to_owned();
    }
    if ratio == 0.0 {
        return "0 %".to_owned();
    }
    let percent = ratio * 100.0;
    let digits = if percent.abs() >= 9.95 { 3_u8 } else { 2 };
    let rounded: f64 = format!("{percent:.*e}", usize::from(digits) - 1).parse().unwrap_or(percent);
    let text = format!("{rounded:.*}", decimals_for(rounded, digits));
    if rounded.abs() >= 0.1 { format!("{} %", trim_zeros(&text)) } else { format!("{text} %") }
}

/// `500ms`, `90s`, `5m`, `1h30m`: a short form that `parse_duration` reads back, exactly up to 584 years.
pub fn format_duration(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    if seconds == 0 && nanos > 0 {
        return format!("{}ms", decimal(u64::from(nanos), 6));
    }
    if seconds < 120 {
        return format!("{}s", decimal(seconds * 1_000_000_000 + u64::from(nanos), 9));
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let part = |count: u64, unit: &str| if count > 0 { format!("{count}{unit}") } else { String::new() };
    let text = part(hours, "h") + &part(minutes, "m");
    if seconds > 0 || nanos > 0 {
        return format!("{text}{}s", decimal(seconds * 1_000_000_000 + u64::from(nanos), 9));
    }
    text
}

/// A count of 10^−`places` as a decimal without trailing zeros.
fn decimal(count: u64, places: usize) -> String {
    let one = 10_u64.pow(places as u32);
    trim_zeros(&format!("{}.{:0places$}", count / one, count % one)).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        for (text, ms) in [
            ("300", 300_000),
            ("300s", 300_000),
            ("1.5s", 1_500),
            ("500ms", 500),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m 2s", 5_402_000),
            (" 2 s ", 2_000),
            ("0.25", 250),
            ("1d", 86_400_000),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse_duration("180us"), Ok(Duration::from_micros(180)));
        assert_eq!(parse_duration("1.000000001s"), Ok(Duration::from_nanos(1_000_000_001)));
    }

    #[test]
    fn what_is_no_duration_is_refused_by_name() {
        for text in [
            "",
            " ",
            "-1",
            "-5s",
            "5 apples",
            "NaN",
            "inf",
            "1e3",
            "s",
            "5m5",
            "1m1h",
            "1s1s",
            "1.2.3s",
            ".5s",
            "5.",
            "99999999999999999999s",
            "99999999999999999999",
            "1000000000000d",
            "5s!",
        ] {
            let message = parse_duration(text).unwrap_err().to_string();
            assert_eq!(
                message,
                format!("{text:?} is not a duration: write a number of seconds or e.g. 500ms, 90s, 5m, 1h30m")
            );
        }
    }

    #[test]
    fn rates_are_written_in_the_unit_that_counts_them() {
        for (per_s, text) in
            [(50.0, "50/s"), (10_000.0, "10000/s"), (2.5, "2.5/s"), (0.5, "30/min"), (0.005, "18/h"), (0.0, "0/s")]
        {
            assert_eq!(format_rate(per_s), text);
            assert!((parse_rate(text).unwrap() - per_s).abs() < 1e-9);
        }
    }

    #[test]
    fn rates_are_a_second_s() {
        assert_eq!(parse_rate("50/s"), Ok(50.0));
        assert_eq!(parse_rate("3000/min"), Ok(50.0));
        assert_eq!(parse_rate("900/h"), Ok(0.25));
        assert_eq!(parse_rate(" 2.5 "), Ok(2.5));
        for text in
            ["", "/s", "-1/s", "5/apple", "NaN/s", "5 apples", "inf", "1/s/s", &format!("{}/s", "9".repeat(400))]
        {
            assert_eq!(
                parse_rate(text).unwrap_err().to_string(),
                format!("{text:?} is not a rate: write e.g. 50/s, 3000/min, 100/h")
            );
        }
    }

    #[test]
    fn ratios_are_fractions_of_one() {
        assert_eq!(parse_ratio("0.1%"), Ok(0.001));
        assert_eq!(parse_ratio("0.1 %"), Ok(0.001));
        assert_eq!(parse_ratio("0.001"), Ok(0.001));
        assert_eq!(parse_ratio("100%"), Ok(1.0));
        for text in ["", "%", "-1%", "5", "101%", "NaN", "5 apples"] {
            assert_eq!(parse_ratio(text).unwrap_err().text, text);
        }
    }

    #[test]
    fn times_are_shown_in_the_unit_that_fits() {
        for (ms, text) in [
            (2.1, "2.1 ms"),
            (1250.0, "1.25 s"),
            (0.18, "180 µs"),
            (0.0005, "0.5 µs"),
            (0.9996, "1 ms"),
            (999.6, "1 s"),
            (12.345, "12.3 ms"),
            (123.456, "123 ms"),
            (2000.0, "2 s"),
            (90_000.0, "90 s"),
            (150_000.0, "2.5 min"),
            (0.0, "0 ms"),
            (-2.1, "-2.1 ms"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(format_ms(ms), text, "{ms}");
        }
    }

    #[test]
    fn counts_and_ratios_are_shown() {
        assert_eq!(format_count(0), "0");
        assert_eq!(format_count(812), "812");
        assert_eq!(format_count(4_612), "4,612");
        assert_eq!(format_count(1_234_567), "1,234,567");
        for (ratio, text) in [
            (0.0, "0 %"),
            (0.000_8, "0.080 %"),
            (0.001, "0.1 %"),
            (0.003_682, "0.37 %"),
            (0.05, "5 %"),
            (0.0123, "1.2 %"),
            (0.1234, "12.3 %"),
            (0.7, "70 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(format_ratio(ratio), text, "{ratio}");
        }
    }

    #[test]
    fn durations_are_written_short() {
        for (ms, text) in [
            (500, "500ms"),
            (90_000, "90s"),
            (1_500, "1.5s"),
            (300_000, "5m"),
            (5_400_000, "1h30m"),
            (0, "0s"),
            (3_661_500, "1h1m1.5s"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(ms)), text);
        }
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written(nanos in 0_u64..=u64::MAX) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn a_short_duration_survives_being_written(nanos in 0_u64..2_000_000_000) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn a_count_keeps_its_digits(count: u64) {
            prop_assert_eq!(format_count(count).replace(',', "").parse(), Ok(count));
        }

        #[test]
        fn a_rate_is_the_number_over_its_unit(number in 0_u32..1_000_000) {
            prop_assert_eq!(parse_rate(&format!("{number}/min")), Ok(f64::from(number) / 60.0));
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC*") {
            let _ = (parse_duration(&text), parse_rate(&text), parse_ratio(&text));
        }
    }
}
