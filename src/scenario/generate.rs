//! Generators: values that are made anew for each request, `{{random_int(1, 1000)}}` and the like.

use std::fmt::Write as _;

use fastrand::Rng;

use super::encode::Encode;
use super::value::Value;
use crate::document::suggestion;

/// The names of all generators.
pub(super) const NAMES: [&str; 4] = ["random_int", "uuid", "now", "pick"];

/// Something that makes a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Generator {
    /// A whole number, both ends included.
    RandomInt(i64, i64),
    /// A random UUID (version 4).
    Uuid,
    /// The time as RFC 3339 in UTC, to the millisecond.
    Now,
    /// The time in whole seconds since 1970.
    NowUnix,
    /// The time in whole milliseconds since 1970.
    NowUnixMs,
    /// One of these, each as likely.
    Pick(Vec<Value>),
}

/// A call that cannot be: what is wrong, and what would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) message: String,
    pub(super) help: String,
}

impl CallError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

impl Generator {
    /// From `name(arguments)`.
    pub(super) fn parse(name: &str, arguments: &str) -> Result<Self, CallError> {
        let arguments = parse_arguments(arguments).map_err(|argument| {
            CallError::new(format!("`{argument}` is no argument"), "write whole numbers, or texts in double quotes")
        })?;
        let number = |value: &Value| value.is_json().then(|| value.as_str().parse::<i64>().ok()).flatten();
        match (name, arguments.as_slice()) {
            ("random_int", [low, high]) => match (number(low), number(high)) {
                (Some(low), Some(high)) if low <= high => Ok(Self::RandomInt(low, high)),
                (Some(low), Some(high)) => Err(CallError::new(
                    format!("random_int({low}, {high}) has no number to draw"),
                    format!("write `random_int({high}, {low})`"),
                )),
                _ => Err(CallError::new("`random_int` takes whole numbers", "write e.g. `random_int(1, 1000)`")),
            },
            ("random_int", _) => Err(CallError::new(
                "`random_int` takes the lowest and the highest number",
                "write e.g. `random_int(1, 1000)`",
            )),
            ("uuid", []) => Ok(Self::Uuid),
            ("uuid", _) => Err(CallError::new("`uuid` takes nothing", "write `uuid()`")),
            ("now", []) => Ok(Self::Now),
            ("now", [format]) if format.as_str() == "unix" => Ok(Self::NowUnix),
            ("now", [format]) if format.as_str() == "unix_ms" => Ok(Self::NowUnixMs),
            ("now", _) => Err(CallError::new(
                "`now` takes nothing or a format",
                "write `now()` for RFC 3339, `now(\"unix\")` or `now(\"unix_ms\")`",
            )),
            ("pick", []) => Err(CallError::new("`pick` has nothing to pick from", "write e.g. `pick(\"a\", \"b\")`")),
            ("pick", choices) => Ok(Self::Pick(choices.to_vec())),
            _ => Err(CallError::new(format!("unknown generator `{name}`"), suggestion(name, NAMES))),
        }
    }

    /// Writes a new value.
    pub(super) fn write(&self, random: &mut Rng, encode: Encode, into: &mut String) {
        let number = match self {
            Self::RandomInt(low, high) => random.i64(low..=high),
            Self::NowUnix => jiff::Timestamp::now().as_second(),
            Self::NowUnixMs => jiff::Timestamp::now().as_millisecond(),
            Self::Uuid => {
                let uuid = uuid::Builder::from_random_bytes(random.u128(..).to_ne_bytes()).into_uuid();
                let mut buffer = uuid::Uuid::encode_buffer();
                return encode.write(uuid.hyphenated().encode_lower(&mut buffer), false, into);
            }
            Self::Now => {
                let now = jiff::Timestamp::now();
                return encode.write(&format!("{now:.3}"), false, into);
            }
            Self::Pick(choices) => {
                let choice = &choices[random.usize(..choices.len())];
                return encode.write(choice.as_str(), choice.is_json(), into);
            }
        };
        // Digits and a sign are the same in every encoding; writing to a string does not fail.
        let _ = write!(into, "{number}");
    }
}

/// Whole numbers and texts in double quotes, separated by commas; `Err` is the argument that is neither.
fn parse_arguments(text: &str) -> Result<Vec<Value>, String> {
    let mut arguments = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.find('"').map(|index| index + 2)
        } else {
            Some(rest.find(',').unwrap_or(rest.len()))
        };
        let argument = end.map_or(rest, |end| &rest[..end]).trim_end();
        let value = match argument.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').map(Value::text),
            None => argument.parse::<i64>().ok().map(|number| Value::number(&number)),
        };
        arguments.push(value.ok_or_else(|| argument.to_owned())?);
        rest = end.map_or("", |end| rest[end..].trim_start());
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
            if rest.is_empty() {
                return Err(String::new());
            }
        } else if !rest.is_empty() {
            return Err(rest.to_owned());
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, arguments: &str, random: &mut Rng) -> String {
        let mut into = String::new();
        Generator::parse(name, arguments).unwrap().write(random, Encode::JsonValue, &mut into);
        into
    }

    #[test]
    fn random_int_draws_both_ends_and_nothing_else() {
        let mut random = Rng::with_seed(1);
        let drawn: Vec<i64> = (0..200).map(|_| made("random_int", "-1, 2", &mut random).parse().unwrap()).collect();
        for number in -1..=2 {
            assert!(drawn.contains(&number), "{number}");
        }
        assert!(drawn.iter().all(|number| (-1..=2).contains(number)));
        assert_eq!(made("random_int", "7,7", &mut random), "7");
    }

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let mut random = Rng::with_seed(1);
        let [one, other] = [made("uuid", "", &mut random), made("uuid", " ", &mut random)];
        assert_ne!(one, other);
        let uuid = uuid::Uuid::parse_str(one.trim_matches('"')).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn now_is_now_in_each_form() {
        let mut random = Rng::with_seed(1);
        let before = jiff::Timestamp::now().as_millisecond();
        let text: jiff::Timestamp = made("now", "", &mut random).trim_matches('"').parse().unwrap();
        let seconds: i64 = made("now", "\"unix\"", &mut random).parse().unwrap();
        let millis: i64 = made("now", "\"unix_ms\"", &mut random).parse().unwrap();
        let after = jiff::Timestamp::now().as_millisecond();
        assert!((before..=after).contains(&text.as_millisecond()));
        assert!((before / 1000..=after / 1000).contains(&seconds));
        assert!((before..=after).contains(&millis));
    }

    #[test]
    fn pick_keeps_types_and_draws_each() {
        let mut random = Rng::with_seed(1);
        let drawn: Vec<String> = (0..60).map(|_| made("pick", "\"a, b\", 3", &mut random)).collect();
        assert!(drawn.iter().any(|value| value == "\"a, b\""));
        assert!(drawn.iter().any(|value| value == "3"));
        assert!(drawn.iter().all(|value| value == "\"a, b\"" || value == "3"));
    }

    #[test]
    fn calls_that_cannot_be_say_what_would_do() {
        let error = |name: &str, arguments: &str| {
            let CallError { message, help } = Generator::parse(name, arguments).unwrap_err();
            format!("{message}: {help}")
        };
        insta::assert_snapshot!(
            [
                error("random_int", "5, 1"),
                error("random_int", "5"),
                error("random_int", "\"1\", 2"),
                error("random_int", "1.5, 2"),
                error("uuid", "4"),
                error("now", "\"iso\""),
                error("pick", ""),
                error("pick", "\"a\" \"b\""),
                error("pick", "\"a"),
                error("pick", "1,"),
                error("randomint", "1, 2"),
            ]
            .join("\n"),
            @r#"
        random_int(5, 1) has no number to draw: write `random_int(1, 5)`
        `random_int` takes the lowest and the highest number: write e.g. `random_int(1, 1000)`
        `random_int` takes whole numbers: write e.g. `random_int(1, 1000)`
        `1.5` is no argument: write whole numbers, or texts in double quotes
        `uuid` takes nothing: write `uuid()`
        `now` takes nothing or a format: write `now()` for RFC 3339, `now("unix")` or `now("unix_ms")`
        `pick` has nothing to pick from: write e.g. `pick("a", "b")`
        `"b"` is no argument: write whole numbers, or texts in double quotes
        `"a` is no argument: write whole numbers, or texts in double quotes
        `` is no argument: write whole numbers, or texts in double quotes
        unknown generator `randomint`: did you mean `random_int`?
        "#
        );
    }
}
