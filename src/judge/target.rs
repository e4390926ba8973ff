//! The figures to meet: the guide's by default, a project's own where it names them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::document::suggestion;
use crate::units::{format_duration, parse_duration, parse_rate, parse_ratio};

/// A target that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("target {name:?}: {message}")]
pub struct TargetError {
    /// Its name as written.
    pub name: String,
    /// What is wrong and what would do.
    pub message: String,
}

/// What a target is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetName {
    /// `p50_response_time` … `p99.9_response_time`, in thousandths: 950 for p95. Unit ms.
    ResponseTime(u16),
    /// `error_rate`, a ratio.
    ErrorRate,
    /// `throughput`, successful responses a minute.
    Throughput,
    /// `db_query_time`, ms on average.
    DbQueryTime,
    /// `memory`, a ratio.
    Memory,
    /// `cpu_average`, a ratio.
    CpuAverage,
    /// `cpu_peak`, a ratio.
    CpuPeak,
    /// `edge`, what a search finds: a figure of histories, no target to set.
    Edge,
}

/// One figure to meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What it is about.
    pub name: TargetName,
    /// The endpoint or subject in brackets; `None` for the whole run or the worst subject.
    pub of: Option<String>,
    /// `true`: the figure must be above the limit (throughput); `false`: below.
    pub above: bool,
    /// In the target's unit.
    pub limit: f64,
}

/// The figures that a run must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets(pub Vec<Target>);

/// The names of which the nearest is offered where one is unknown.
const KNOWN: [&str; 11] = [
    "p95_response_time",
    "p50_response_time",
    "p90_response_time",
    "p99_response_time",
    "p99.9_response_time",
    "error_rate",
    "throughput",
    "db_query_time",
    "memory",
    "cpu_average",
    "cpu_peak",
];

impl TargetName {
    /// Whether brackets behind it name an endpoint, not a subject that a probe watches.
    pub fn is_of_endpoints(self) -> bool {
        matches!(self, Self::ResponseTime(_) | Self::ErrorRate | Self::Throughput)
    }

    /// The unit of its figures.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ResponseTime(_) | Self::DbQueryTime => "ms",
            Self::ErrorRate | Self::Memory | Self::CpuAverage | Self::CpuPeak => "ratio",
            Self::Throughput => "requests/min",
            Self::Edge => "arrivals/s",
        }
    }

    /// Reads a whole name, with what its brackets hold: `p95_response_time[GET /x]`.
    pub fn read(name: &str) -> Result<(Self, Option<String>), TargetError> {
        let error = |message| TargetError { name: name.to_owned(), message };
        let (base, of) = split_name(name).map_err(error)?;
        Ok((Self::parse(base).map_err(error)?, of))
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "error_rate" => return Ok(Self::ErrorRate),
            "throughput" => return Ok(Self::Throughput),
            "db_query_time" => return Ok(Self::DbQueryTime),
            "memory" => return Ok(Self::Memory),
            "cpu_average" => return Ok(Self::CpuAverage),
            "cpu_peak" => return Ok(Self::CpuPeak),
            "edge" => return Ok(Self::Edge),
            _ => {}
        }
        if let Some(percentile) = text.strip_suffix("_response_time").and_then(|text| text.strip_prefix('p')) {
            return thousandths(percentile).map(Self::ResponseTime).ok_or_else(|| {
                format!("p{percentile} is no percentile: write one from p0.1 to p99.9 with at most one decimal")
            });
        }
        Err(format!("no such target; {}", suggestion(text, KNOWN)))
    }
}

/// `95` → 950, `99.9` → 999; `None` outside 1 to 999.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
        return None;
    }
    let value = whole.parse::<u16>().ok()?.checked_mul(10)? + tenth.parse::<u16>().ok()?;
    (1..=999).contains(&value).then_some(value)
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResponseTime(thousandths) if thousandths % 10 == 0 => {
                write!(f, "p{}_response_time", thousandths / 10)
            }
            Self::ResponseTime(thousandths) => write!(f, "p{}.{}_response_time", thousandths / 10, thousandths % 10),
            Self::ErrorRate => f.write_str("error_rate"),
            Self::Throughput => f.write_str("throughput"),
            Self::DbQueryTime => f.write_str("db_query_time"),
            Self::Memory => f.write_str("memory"),
            Self::CpuAverage => f.write_str("cpu_average"),
            Self::CpuPeak => f.write_str("cpu_peak"),
            Self::Edge => f.write_str("edge"),
        }
    }
}

impl Target {
    /// `p95_response_time[GET /x]`.
    pub fn full_name(&self) -> String {
        self.of.as_ref().map_or_else(|| self.name.to_string(), |of| format!("{}[{of}]", self.name))
    }

    /// `<` or `>`.
    pub fn op(&self) -> &'static str {
        if self.above { ">" } else { "<" }
    }

    /// `< 500ms`, `< 0.1%`, `> 1000/min`.
    pub fn limit_in_words(&self) -> String {
        let limit = match self.name.unit() {
            "ms" => format_duration(Duration::from_secs_f64(self.limit / 1000.0)),
            // Rounded to what a person wrote: 0.07 · 100 is 7.000000000000001.
            "ratio" => format!("{}%", (self.limit * 1e14).round() / 1e12),
            _ => format!("{}/min", (self.limit * 1e9).round() / 1e9),
        };
        format!("{} {limit}", self.op())
    }
}

impl Targets {
    /// The guide's: p95 < 2 s, errors < 0.1 %, > 1000 requests/min, queries < 500 ms, memory < 80 %, CPU < 70 % on average and < 90 % at its peak.
    pub fn guide() -> Self {
        let target = |name, above, limit| Target { name, of: None, above, limit };
        Self(vec![
            target(TargetName::ResponseTime(950), false, 2000.0),
            target(TargetName::ErrorRate, false, 0.001),
            target(TargetName::Throughput, true, 1000.0),
            target(TargetName::DbQueryTime, false, 500.0),
            target(TargetName::Memory, false, 0.8),
            target(TargetName::CpuAverage, false, 0.7),
            target(TargetName::CpuPeak, false, 0.9),
        ])
    }

    /// Adds a target or takes the place of the one of the same name: name `p95_response_time[GET /x]`, limit `500ms`, `< 0.1%`, `> 1000/min`, or `off`.
    ///
    /// A time and a throughput need a unit: nobody can tell what 500 was meant to be.
    pub fn set(&mut self, name: &str, limit: &str) -> Result<(), TargetError> {
        let error = |message| TargetError { name: name.to_owned(), message };
        let (base, of) = split_name(name).map_err(error)?;
        let kind = TargetName::parse(base).map_err(error)?;
        if kind == TargetName::Edge {
            return Err(error("the edge is what `capacity` finds, no target: set those that it goes by".to_owned()));
        }
        let limit = limit.trim();
        let target = if limit.eq_ignore_ascii_case("off") {
            None
        } else {
            let (above, limit) = parse_limit(kind, limit).map_err(error)?;
            Some(Target { name: kind, of: of.clone(), above, limit })
        };
        self.0.retain(|other| other.name != kind || other.of != of);
        self.0.extend(target);
        self.0.sort_by(|a, b| (a.name, &a.of).cmp(&(b.name, &b.of)));
        Ok(())
    }

    /// The same in words, as `run.toml` keeps them; `set` reads them back.
    pub fn to_words(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|target| (target.full_name(), target.limit_in_words())).collect()
    }
}

fn split_name(name: &str) -> Result<(&str, Option<String>), String> {
    let name = name.trim();
    let Some((base, of)) = name.split_once('[') else { return Ok((name, None)) };
    match of.strip_suffix(']').map(str::trim) {
        Some("") => Err("nothing between the brackets: name an endpoint, e.g. [GET /api/v2/projects]".to_owned()),
        Some(of) => Ok((base.trim_end(), Some(of.to_owned()))),
        None => Err("the bracket is not closed: write ] at the end".to_owned()),
    }
}

/// Whether the figure must be above it, and the limit in the target's unit.
fn parse_limit(name: TargetName, text: &str) -> Result<(bool, f64), String> {
    let above = name == TargetName::Throughput;
    let number = match text.strip_prefix(['<', '>']) {
        Some(_) if text.starts_with('>') != above => {
            let (op, side) = if above { (">", "above") } else { ("<", "below") };
            return Err(format!("{text:?} asks for the wrong side, it must stay {side} its limit: write {op}"));
        }
        Some(number) => number.trim_start(),
        None => text,
    };
    let examples = match name.unit() {
        "ms" => "500ms or 2s",
        "ratio" => "0.1%",
        _ => "1000/min or 50/s",
    };
    if number.is_empty() {
        return Err(format!("no limit given: write e.g. {examples}"));
    }
    let without_unit = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if without_unit && name.unit() != "ratio" {
        return Err(format!("{number} has no unit: write e.g. {examples}"));
    }
    let limit = match name.unit() {
        "ms" => parse_duration(number).map(|duration| duration.as_secs_f64() * 1000.0),
        "ratio" => parse_ratio(number),
        // 1000/min comes back as 1000.0000000000001.
        _ => parse_rate(number).map(|a_second| (a_second * 60.0 * 1e9).round() / 1e9),
    }
    .map_err(|error| error.to_string())?;
    if limit <= 0.0 {
        return Err(format!("{number:?} is no limit, it must be above 0: write e.g. {examples}"));
    }
    Ok((above, limit))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(name: &str, limit: &str) -> Result<Target, String> {
        let mut targets = Targets(Vec::new());
        targets.set(name, limit).map_err(|error| error.message)?;
        Ok(targets.0.remove(0))
    }

    #[test]
    fn the_guide_s_targets_in_words() {
        let words: Vec<(String, String)> = Targets::guide().to_words().into_iter().collect();
        let expected = [
            ("cpu_average", "< 70%"),
            ("cpu_peak", "< 90%"),
            ("db_query_time", "< 500ms"),
            ("error_rate", "< 0.1%"),
            ("memory", "< 80%"),
            ("p95_response_time", "< 2s"),
            ("throughput", "> 1000/min"),
        ];
        assert_eq!(words, expected.map(|(name, limit)| (name.to_owned(), limit.to_owned())));
    }

    #[test]
    fn words_are_read_back_in_the_guide_s_order() {
        let mut back = Targets(Vec::new());
        for (name, limit) in Targets::guide().to_words() {
            back.set(&name, &limit).unwrap();
        }
        assert_eq!(back, Targets::guide());
    }

    #[test]
    fn limits_are_read_in_the_target_s_unit() {
        let limit = |name, text| set(name, text).unwrap().limit;
        assert_eq!(limit("p95_response_time", "500ms"), 500.0);
        assert_eq!(limit("p50_response_time", "< 2s"), 2000.0);
        assert_eq!(limit("error_rate", "0.1%"), 0.001);
        assert_eq!(limit("error_rate", "0.01"), 0.01);
        assert_eq!(limit("throughput", "> 1000/min"), 1000.0);
        assert_eq!(limit("throughput", "50/s"), 3000.0);
        let target = set(" p99.9_response_time[GET /api/v2/projects] ", "<1.5s").unwrap();
        assert_eq!(target.name, TargetName::ResponseTime(999));
        assert_eq!(target.of.as_deref(), Some("GET /api/v2/projects"));
        assert_eq!(target.full_name(), "p99.9_response_time[GET /api/v2/projects]");
        assert_eq!(set("p95.0_response_time", "1s").unwrap().full_name(), "p95_response_time");
    }

    #[test]
    fn a_target_is_replaced_or_switched_off_by_its_name() {
        let mut targets = Targets::guide();
        targets.set("p95_response_time", "1s").unwrap();
        targets.set("p95_response_time[GET /]", "2s").unwrap();
        targets.set("memory", "off").unwrap();
        assert_eq!(targets.0.len(), 7);
        assert_eq!((targets.0[0].limit, targets.0[1].of.as_deref()), (1000.0, Some("GET /")));
        targets.set("p95_response_time", "off").unwrap();
        assert_eq!(targets.0[0].full_name(), "p95_response_time[GET /]");
    }

    #[test]
    fn what_cannot_be_a_target_says_what_would_do() {
        for (name, limit, message) in [
            ("p95_respnse_time", "1s", "no such target; did you mean `p95_response_time`?"),
            ("eror_rate", "1%", "no such target; did you mean `error_rate`?"),
            ("cpu_peek", "1%", "no such target; did you mean `cpu_peak`?"),
            (
                "p100_response_time",
                "1s",
                "p100 is no percentile: write one from p0.1 to p99.9 with at most one decimal",
            ),
            ("error_rate", "", "no limit given: write e.g. 0.1%"),
            ("throughput", ">", "no limit given: write e.g. 1000/min or 50/s"),
            ("throughput", "< 5/s", "\"< 5/s\" asks for the wrong side, it must stay above its limit: write >"),
            ("error_rate", "> 1%", "\"> 1%\" asks for the wrong side, it must stay below its limit: write <"),
            ("p95_response_time", "500", "500 has no unit: write e.g. 500ms or 2s"),
            ("throughput", "1000", "1000 has no unit: write e.g. 1000/min or 50/s"),
            (
                "p95_response_time",
                "-5s",
                "\"-5s\" is not a duration: write a number of seconds or e.g. 500ms, 90s, 5m, 1h30m",
            ),
            ("error_rate", "0%", "\"0%\" is no limit, it must be above 0: write e.g. 0.1%"),
            ("memory[", "1%", "the bracket is not closed: write ] at the end"),
            ("memory[]", "1%", "nothing between the brackets: name an endpoint, e.g. [GET /api/v2/projects]"),
        ] {
            assert_eq!(set(name, limit).unwrap_err(), message, "{name} {limit}");
        }
    }

    proptest! {
        #[test]
        fn a_target_survives_its_words(kind in 0_u8..3, number in 1_u32..1_000_000, per_mille in 1_u16..1000) {
            let (name, limit) = match kind {
                0 => (TargetName::ResponseTime(per_mille).to_string(), format!("{number}us")),
                1 => ("error_rate".to_owned(), format!("{}%", f64::from(number % 100_000 + 1) / 1000.0)),
                _ => ("throughput".to_owned(), format!("{number}/min")),
            };
            let target = set(&name, &limit).unwrap();
            let back = set(&target.full_name(), &target.limit_in_words()).unwrap();
            prop_assert_eq!(&back.full_name(), &target.full_name());
            prop_assert!((back.limit / target.limit - 1.0).abs() < 1e-12);
        }
    }
}
