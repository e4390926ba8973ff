//! The text form of troubles: `GET /api/v2/projects: delay=exp(20ms), errors=1%`.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::{Delay, Endpoint, Share, Stall, Trouble};
use crate::units;

/// What goes wrong, and where.
///
/// Its text is `ENDPOINT: KEY=VALUE, …`. `ENDPOINT` is a method and a path, or `*` for every endpoint, each of which
/// then counts its requests for itself. The keys:
///
/// | key | values |
/// |---|---|
/// | `delay` | `fixed(20ms)`, `exp(20ms)` (its mean), `bimodal(5ms,200ms,10%)` (fast, slow, share of slow) |
/// | `servers` | so many requests are served at a time, each for its delay; the others wait in order |
/// | `errors` | a share, answered with status 500 |
/// | `reset` | a share, answered by resetting the connection |
/// | `stall` | `1s/10s`: every 10 s all answers are held for 1 s |
///
/// A share is `1%` or `0.01`, drawn by chance, or `1in100`: exactly every hundredth request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Where; `None` is everywhere.
    pub endpoint: Option<Endpoint>,
    /// What.
    pub trouble: Trouble,
}

/// A rule that cannot be read: names the part and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no endpoint before the troubles.
    #[error("{0:?} does not say where: write an endpoint or *, a colon, and the trouble, e.g. \"*: errors=1%\"")]
    NoEndpoint(String),
    /// The service has no such endpoint.
    #[error("{named:?} is not an endpoint: use * for all, or one of {known}")]
    UnknownEndpoint {
        /// What was written.
        named: String,
        /// All there are.
        known: String,
    },
    /// There is no trouble behind the colon.
    #[error("{0:?} names no trouble: add delay=…, servers=…, errors=…, stall=… or reset=… behind the colon")]
    NoTrouble(String),
    /// A part without an equals sign.
    #[error("{0:?} is not KEY=VALUE: write delay=…, servers=…, errors=…, stall=… or reset=…")]
    NoValue(String),
    /// A key that does not exist.
    #[error("there is no trouble {0:?}: use delay, servers, errors, stall or reset")]
    UnknownKey(String),
    /// A key named twice.
    #[error("{0} is there twice: keep one")]
    Twice(String),
    /// Servers that take no time.
    #[error("servers=… needs the time that each takes for a request: add delay=…, e.g. \"servers=2, delay=exp(4ms)\"")]
    ServersOfNoTime,
    /// A value that does not fit its key.
    #[error("{key}={value} cannot be read: {fix}")]
    Value {
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What would do.
        fix: String,
    },
}

/// The longest time that a delay or a stall may take.
const LONGEST: Duration = Duration::from_hours(1);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (place, troubles) = text.split_once(':').ok_or_else(|| RuleError::NoEndpoint(text.to_owned()))?;
        let endpoint = match place.trim() {
            "*" => None,
            "" => return Err(RuleError::NoEndpoint(text.to_owned())),
            named => Some(endpoint(named)?),
        };
        if troubles.trim().is_empty() {
            return Err(RuleError::NoTrouble(text.to_owned()));
        }
        let mut trouble = Trouble::default();
        for part in parts(troubles) {
            let (key, value) = part.split_once('=').ok_or_else(|| RuleError::NoValue(part.to_owned()))?;
            let (key, value) = (key.trim(), value.trim());
            let bad = |fix| RuleError::Value { key: key.to_owned(), value: value.to_owned(), fix };
            let twice = match key {
                "delay" => trouble.delay.replace(delay(value).map_err(bad)?).is_some(),
                "servers" => trouble.servers.replace(servers(value).map_err(bad)?).is_some(),
                "errors" => trouble.errors.replace(share(value).map_err(bad)?).is_some(),
                "reset" => trouble.reset.replace(share(value).map_err(bad)?).is_some(),
                "stall" => trouble.stall.replace(stall(value).map_err(bad)?).is_some(),
                _ => return Err(RuleError::UnknownKey(key.to_owned())),
            };
            if twice {
                return Err(RuleError::Twice(key.to_owned()));
            }
        }
        if trouble.servers.is_some() && trouble.delay.is_none() {
            return Err(RuleError::ServersOfNoTime);
        }
        Ok(Self { endpoint, trouble })
    }
}

fn endpoint(named: &str) -> Result<Endpoint, RuleError> {
    let served = || Endpoint::ALL.into_iter().filter(|&endpoint| endpoint != Endpoint::Other);
    let name = |endpoint: Endpoint| format!("{} {}", endpoint.method(), endpoint.path());
    let wanted = named.split_whitespace().collect::<Vec<_>>().join(" ");
    served().find(|&endpoint| name(endpoint) == wanted).ok_or_else(|| RuleError::UnknownEndpoint {
        named: named.to_owned(),
        known: served().map(name).collect::<Vec<_>>().join(", "),
    })
}

/// Splits at the commas that are not inside brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn delay(text: &str) -> Result<Delay, String> {
    let fix = || "write fixed(20ms), exp(20ms) or bimodal(5ms,200ms,10%)".to_owned();
    let (shape, inside) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(fix)?;
    let values: Vec<&str> = inside.split(',').map(str::trim).collect();
    match (shape.trim(), values.as_slice()) {
        ("fixed", [value]) => Ok(Delay::Fixed(time(value)?)),
        ("exp", [mean]) => Ok(Delay::Exponential(time(mean)?)),
        ("bimodal", [fast, slow, slow_share]) => {
            Ok(Delay::Bimodal { fast: time(fast)?, slow: time(slow)?, slow_share: share(slow_share)? })
        }
        _ => Err(fix()),
    }
}

fn servers(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "write a whole number from 1 on".to_owned())
}

fn share(text: &str) -> Result<Share, String> {
    let fix = || format!("{text:?} is not a share: write 1% or 0.01, or 1in100 for exactly every hundredth");
    if let Some(n) = text.strip_prefix("1in") {
        return n.parse().ok().filter(|&n| n > 0).map(Share::EveryNth).ok_or_else(fix);
    }
    let ratio = units::parse_ratio(text).map_err(|_| fix())?;
    if (0.0..=1.0).contains(&ratio) { Ok(Share::Random(ratio)) } else { Err(fix()) }
}

fn stall(text: &str) -> Result<Stall, String> {
    let (hold, every) = text.split_once('/').ok_or("write how long and how often: 1s/10s")?;
    let stall = Stall { hold: time(hold.trim())?, every: time(every.trim())? };
    if stall.hold < stall.every {
        Ok(stall)
    } else {
        Err("a stall must be shorter than the time from one to the next, as in 1s/10s".to_owned())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = units::parse_duration(text).map_err(|error| error.to_string())?;
    if time <= LONGEST { Ok(time) } else { Err(format!("{text} is too long: an hour at most")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn read(text: &str) -> Rule {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> String {
        text.parse::<Rule>().expect_err(text).to_string()
    }

    #[test]
    fn every_key_and_shape_is_read() {
        let rule = read("GET /api/v2/projects: delay=exp(20ms), errors=1%, stall=1s/10s, reset=0.5%");
        let trouble = Trouble {
            delay: Some(Delay::Exponential(20 * MS)),
            servers: None,
            errors: Some(Share::Random(0.01)),
            stall: Some(Stall { hold: 1000 * MS, every: 10_000 * MS }),
            reset: Some(Share::Random(0.005)),
        };
        assert_eq!(rule, Rule { endpoint: Some(Endpoint::Projects), trouble });
        assert_eq!(read("*:delay=fixed(3s)").endpoint, None);
        assert_eq!(read("*: delay=fixed(3s)").trouble.delay, Some(Delay::Fixed(3000 * MS)));
        let slow_share = Share::EveryNth(10);
        assert_eq!(
            read("POST  /api/v2/tasks: delay=bimodal(5ms, 200ms, 1in10)").trouble.delay,
            Some(Delay::Bimodal { fast: 5 * MS, slow: 200 * MS, slow_share })
        );
        assert_eq!(read("*: errors=1in100").trouble.errors, Some(Share::EveryNth(100)));
        assert_eq!(read("*: servers=2, delay=exp(4ms)").trouble.servers.map(NonZeroU32::get), Some(2));
        assert_eq!(read("*: errors=0.25").trouble.errors, Some(Share::Random(0.25)));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_do() {
        for (text, part, fix) in [
            ("errors=1%", "errors=1%", "write an endpoint or *"),
            ("GET /projects: errors=1%", "GET /projects", "GET /api/v2/projects"),
            ("*:", "*:", "add delay="),
            ("*: errors", "errors", "KEY=VALUE"),
            ("*: error=1%", "\"error\"", "use delay, servers, errors, stall or reset"),
            ("*: errors=1%, errors=2%", "errors", "keep one"),
            ("*: errors=150%", "errors=150%", "1in100"),
            ("*: errors=1in0", "errors=1in0", "1in100"),
            ("*: delay=20ms", "delay=20ms", "fixed(20ms)"),
            ("*: delay=fixed(soon)", "soon", "duration"),
            ("*: delay=fixed(2h)", "2h", "an hour at most"),
            ("*: delay=bimodal(1ms,2ms)", "bimodal(1ms,2ms)", "bimodal(5ms,200ms,10%)"),
            ("*: servers=0, delay=exp(4ms)", "servers=0", "from 1 on"),
            ("*: servers=2", "servers", "add delay="),
            ("*: stall=1s", "stall=1s", "1s/10s"),
            ("*: stall=10s/1s", "stall=10s/1s", "shorter"),
        ] {
            let message = refused(text);
            assert!(message.contains(part) && message.contains(fix), "{text}: {message}");
        }
    }
}
