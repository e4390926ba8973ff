//! Reads the fields of a JSON body, and names all that are wrong at once.

use serde_json::{Map, Value};

use super::refusal::{Kind, Problem, Refusal};

/// The fields of a body, and what was wrong with those asked for so far.
#[derive(Debug)]
pub(super) struct Fields {
    values: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields {
    /// Of a body that is a JSON object.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Refusal> {
        let refuse = |kind| Err(Refusal::Invalid(vec![Problem::new("body", None, kind)]));
        if body.is_empty() {
            return refuse(Kind::Missing);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Self { values, problems: Vec::new() }),
            Ok(_) => refuse(Kind::NotObject),
            Err(_) => refuse(Kind::NotJson),
        }
    }

    /// A string that must be there and hold something; empty where it is not, and then [`Fields::check`] refuses.
    pub(super) fn required(&mut self, name: &'static str) -> String {
        match self.values.remove(name) {
            Some(Value::String(text)) if text.is_empty() => self.problem(name, Kind::Empty),
            Some(Value::String(text)) => text,
            Some(_) => self.problem(name, Kind::NotText),
            None => self.problem(name, Kind::Missing),
        }
    }

    /// A string that must be an e-mail address.
    pub(super) fn required_email(&mut self, name: &'static str) -> String {
        let email = self.required(name);
        let well_formed = email.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty());
        if email.is_empty() || well_formed { email } else { self.problem(name, Kind::NotEmail) }
    }

    /// A string that may be missing.
    pub(super) fn optional(&mut self, name: &'static str, default: &str) -> String {
        match self.values.remove(name) {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => default.to_owned(),
            Some(_) => self.problem(name, Kind::NotText),
        }
    }

    /// Refuses the body where a field was wrong.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.problems)) }
    }

    fn problem(&mut self, name: &'static str, kind: Kind) -> String {
        self.problems.push(Problem::new("body", Some(name), kind));
        String::new()
    }
}
