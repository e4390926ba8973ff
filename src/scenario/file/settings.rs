//! Small values of a scenario file: waits, times, redirects, weights, tags, statuses.

use std::time::Duration;

use crate::document::{Kind, Node, Value};
use crate::scenario::expect::{StatusRule, Statuses};
use crate::scenario::model::{Redirects, Wait};

/// From the planned send to the last byte, where a file says nothing else.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What happens to redirects, where a file says nothing else.
pub(super) const DEFAULT_REDIRECTS: Redirects = Redirects::Follow(10);

const WAITS: &str =
    "write `\"none\"`, `\"2s\"`, `{ between = [\"1s\", \"5s\"] }`, `{ constant = \"2s\" }` or `{ pacing = \"10s\" }`";

/// `"none"`, a time, or a table with one of `between`, `constant`, `pacing`.
pub(super) fn wait(node: &Node<'_>) -> Option<Wait> {
    match &node.value().kind {
        Kind::String(text) if text == "none" => return Some(Wait::None),
        Kind::String(text) if !text.starts_with(|c: char| c.is_ascii_digit()) => {
            node.reject(format!("`wait` cannot be {text:?}"), Some(WAITS));
            return None;
        }
        Kind::String(_) | Kind::Integer(_) | Kind::Float(_) => return node.duration().map(Wait::Constant),
        Kind::Table(_) => {}
        _ => return node.reject_type("a think time", Some(WAITS)),
    }
    let mut table = node.table("`wait`")?;
    let found = [table.take("between"), table.take("constant"), table.take("pacing")];
    table.close();
    match found {
        [Some(span), None, None] => between(&span),
        [None, Some(time), None] => time.duration().map(Wait::Constant),
        [None, None, Some(period)] => {
            let time = period.duration()?;
            if time.is_zero() {
                period.reject("`pacing` must be longer than 0", Some("write `wait = \"none\"` for no pause"));
                return None;
            }
            Some(Wait::Pacing(time))
        }
        _ => {
            node.reject("`wait` has one of `between`, `constant` and `pacing`", Some(WAITS));
            None
        }
    }
}

fn between(span: &Node<'_>) -> Option<Wait> {
    let ends = span.items()?;
    let [low, high] = ends.as_slice() else {
        span.reject("`between` has two times", Some("write `between = [\"1s\", \"5s\"]`"));
        return None;
    };
    let (from, to) = (low.duration()?, high.duration()?);
    if from > to {
        let help = format!("write `between = [{}, {}]`", high.written(), low.written());
        span.reject("`between` has its longer time first", Some(&help));
        return None;
    }
    Some(Wait::Between(from, to))
}

/// A time that is not 0.
pub(super) fn timeout(node: &Node<'_>) -> Option<Duration> {
    let time = node.duration()?;
    if time.is_zero() {
        node.reject(format!("`{}` must be longer than 0", node.key()), Some("write e.g. `\"30s\"`"));
        return None;
    }
    Some(time)
}

/// `true`, `false`, or how many are followed.
pub(super) fn redirects(node: &Node<'_>) -> Option<Redirects> {
    match node.value().kind {
        Kind::Boolean(true) => Some(DEFAULT_REDIRECTS),
        Kind::Boolean(false) => Some(Redirects::Keep),
        Kind::Integer(_) => node.integer(0..=255).and_then(|count| u8::try_from(count).ok()).map(Redirects::Follow),
        _ => node.reject_type("`true`, `false` or a whole number", None),
    }
}

/// `http://host[:port]` or `https://host[:port]`.
pub(super) fn host(node: &Node<'_>) -> Option<String> {
    let text = node.filled_text()?;
    let help = "write e.g. `http://localhost:8000`";
    match url::Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            node.reject("credentials do not belong into `host`", Some("take them out; a variable may hold them"));
            None
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(text.to_owned()),
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            node.reject(format!("{text:?} names no host"), Some(help));
            None
        }
        _ => {
            node.reject(format!("{text:?} is no URL of http or https"), Some(help));
            None
        }
    }
}

/// A whole number of at least 1.
pub(super) fn weight(node: &Node<'_>) -> Option<u32> {
    if let Kind::Integer(Some(weight)) = node.value().kind
        && let Ok(weight @ 1..) = u32::try_from(weight)
    {
        return Some(weight);
    }
    node.reject(
        format!("`weight` must be a whole number of at least 1, not {}", node.written()),
        Some("weights are shares, e.g. `weight = 3`; what is never to run is left out"),
    );
    None
}

/// Texts.
pub(super) fn tags(node: &Node<'_>) -> Vec<String> {
    node.texts().unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// `200`, `"2xx"`, or an array of these.
pub(super) fn statuses(node: &Node<'_>) -> Option<StatusRule> {
    let one = |value: &Value| match &value.kind {
        Kind::Integer(Some(status)) => {
            u16::try_from(*status).ok().filter(|s| (100..600).contains(s)).map(Statuses::One)
        }
        Kind::String(text) => {
            let class = text.to_lowercase().strip_suffix("xx").and_then(|class| class.parse().ok());
            class.filter(|class| (1..6).contains(class)).map(Statuses::Class)
        }
        _ => None,
    };
    let rule: Option<Vec<Statuses>> = match &node.value().kind {
        Kind::Array(items) => items.iter().map(one).collect(),
        _ => one(node.value()).map(|statuses| vec![statuses]),
    };
    let rule = rule.filter(|rule| !rule.is_empty()).map(StatusRule);
    if rule.is_none() {
        node.reject(format!("`status` cannot be {}", node.written()), Some("write `200`, `\"2xx\"` or `[200, 404]`"));
    }
    rule
}

/// A name that placeholders can have: letters, digits, `_` and `-`.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}
