//! Checks: what a response must be like to count as a success.

use std::fmt;
use std::time::Duration;

use serde_json::Value as Json;

use super::capture::Path;
use super::template::Template;
use super::user::{Rejection, Reply, User};

/// All checks of a request.
#[derive(Debug, Default)]
pub(super) struct Expect {
    /// Without one, 400 and above is a failure.
    pub(super) status: Option<StatusRule>,
    pub(super) json: Vec<JsonCheck>,
    pub(super) text: Vec<TextCheck>,
    pub(super) time: Option<Duration>,
}

/// Statuses that are fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusRule(pub(super) Vec<Statuses>);

/// One status, or a class of them such as `2xx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statuses {
    One(u16),
    Class(u8),
}

/// One of the values at a path must equal a value.
#[derive(Debug)]
pub(super) struct JsonCheck {
    pub(super) path: Path,
    pub(super) wanted: Wanted,
    /// The value as it was written.
    pub(super) shown: String,
}

/// The value that a check compares with.
#[derive(Debug)]
pub(super) enum Wanted {
    Constant(Json),
    Template(Template),
}

/// A text must be in the body.
#[derive(Debug)]
pub(super) struct TextCheck {
    pub(super) wanted: Template,
    /// The text as it was written.
    pub(super) shown: String,
}

impl StatusRule {
    /// Whether a status is fine.
    pub(super) fn allows(&self, status: u16) -> bool {
        self.0.iter().any(|statuses| match *statuses {
            Statuses::One(one) => one == status,
            Statuses::Class(class) => u16::from(class) == status / 100,
        })
    }
}

impl fmt::Display for StatusRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, statuses) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match statuses {
                Statuses::One(status) => write!(f, "{status}")?,
                Statuses::Class(class) => write!(f, "{class}xx")?,
            }
        }
        Ok(())
    }
}

fn reject(message: String) -> Result<(), Rejection> {
    Err(Rejection { status: false, message })
}

impl Expect {
    /// Whether any check reads the body.
    pub(super) fn reads_body(&self) -> bool {
        !self.json.is_empty() || !self.text.is_empty()
    }

    /// Checks the status alone.
    pub(super) fn check_status(&self, status: u16) -> Result<(), Rejection> {
        match &self.status {
            None if status < 400 => Ok(()),
            None => Err(Rejection { status: true, message: format!("status {status}") }),
            Some(rule) if rule.allows(status) => Ok(()),
            Some(rule) => Err(Rejection { status: true, message: format!("status {status}, expected {rule}") }),
        }
    }

    /// Checks everything else; `json` is the body, where it is JSON.
    pub(super) fn check(&self, user: &mut User, reply: &Reply<'_>, json: Option<&Json>) -> Result<(), Rejection> {
        if let Some(limit) = self.time.filter(|limit| reply.time > *limit) {
            return reject(format!("expect time: slower than {limit:?}"));
        }
        for check in &self.text {
            check.check(user, reply.body)?;
        }
        for check in &self.json {
            check.check(user, json)?;
        }
        Ok(())
    }
}

impl TextCheck {
    fn check(&self, user: &mut User, body: &[u8]) -> Result<(), Rejection> {
        let found = if let Some(text) = self.wanted.constant() {
            contains(body, text.as_bytes())
        } else {
            let mut text = String::new();
            self.wanted.render(user, &mut text).is_ok() && contains(body, text.as_bytes())
        };
        if found { Ok(()) } else { reject(format!("expect text {:?}: not in the body", self.shown)) }
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

impl JsonCheck {
    fn check(&self, user: &mut User, json: Option<&Json>) -> Result<(), Rejection> {
        let path = &self.path.text;
        let Some(json) = json else {
            return reject(format!("expect {path}: the body is not JSON"));
        };
        let matches = self.path.path.query(json);
        if matches.is_empty() {
            return reject(format!("expect {path}: matches nothing"));
        }
        let found = match &self.wanted {
            Wanted::Constant(wanted) => matches.iter().any(|found| equal(found, wanted)),
            Wanted::Template(template) => {
                let mut text = String::new();
                let wanted = template.render(user, &mut text).ok().and_then(|()| serde_json::from_str(&text).ok());
                wanted.is_some_and(|wanted: Json| matches.iter().any(|found| equal(found, &wanted)))
            }
        };
        if found { Ok(()) } else { reject(format!("expect {path}: not {}", self.shown)) }
    }
}

/// Like `==`, but 1 equals 1.0, as in JSON itself.
fn equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_a_rule_400_is_the_first_failure() {
        let expect = Expect::default();
        assert_eq!(expect.check_status(200), Ok(()));
        assert_eq!(expect.check_status(302), Ok(()));
        assert_eq!(expect.check_status(399), Ok(()));
        assert_eq!(expect.check_status(400), Err(Rejection { status: true, message: "status 400".into() }));
    }

    #[test]
    fn a_rule_decides_alone() {
        let rule = StatusRule(vec![Statuses::One(404), Statuses::Class(2)]);
        let expect = Expect { status: Some(rule), ..Expect::default() };
        assert_eq!(expect.check_status(404), Ok(()));
        assert_eq!(expect.check_status(299), Ok(()));
        assert_eq!(expect.check_status(300).unwrap_err().message, "status 300, expected 404 or 2xx");
    }

    #[test]
    fn numbers_are_equal_by_value() {
        assert!(equal(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(!equal(&json!(1), &json!("1")));
        assert!(!equal(&json!([1]), &json!([1, 1])));
        assert!(!equal(&json!({"a": 1}), &json!({"b": 1})));
        assert!(!equal(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_995_u64)));
    }

    #[test]
    fn a_text_is_found_at_both_ends() {
        assert!(contains(b"healthy", b"healthy"));
        assert!(contains(b"un-healthy", b"healthy"));
        assert!(!contains(b"health", b"healthy"));
        assert!(contains(b"", b""));
    }
}
