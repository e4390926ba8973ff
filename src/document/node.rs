//! One value that is being read: hands it out as the type that is asked for, or notes what is wrong with it.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::{Document, Entry, Kind, Table, Value, suggestion};
use crate::units;

/// A value with its key.
#[derive(Debug, Clone)]
pub struct Node<'d> {
    document: &'d Document,
    key: &'d str,
    key_span: Range<usize>,
    value: &'d Value,
}

impl<'d> Node<'d> {
    pub(super) fn new(document: &'d Document, entry: &'d Entry) -> Self {
        Self { document, key: &entry.key, key_span: entry.key_span.clone(), value: &entry.value }
    }

    /// The key that it stands under; an item of an array has that of the array.
    pub fn key(&self) -> &'d str {
        self.key
    }

    /// The value itself.
    pub fn value(&self) -> &'d Value {
        self.value
    }

    /// A value within this one, under the same key.
    #[must_use]
    pub fn at(&self, value: &'d Value) -> Node<'d> {
        Node { value, ..self.clone() }
    }

    /// The document that it is part of.
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// The value as it was written.
    pub fn written(&self) -> &'d str {
        &self.document.text[self.value.span.clone()]
    }

    /// Its line, from 1.
    pub fn line(&self) -> usize {
        self.document.text[..self.value.span.start].matches('\n').count() + 1
    }

    /// Notes that the value is wrong.
    pub fn reject(&self, message: impl AsRef<str>, help: Option<&str>) {
        self.document.reject(self.value.span.clone(), message, help);
    }

    /// Notes that the key is wrong.
    pub fn reject_key(&self, message: impl AsRef<str>, help: Option<&str>) {
        self.document.reject(self.key_span.clone(), message, help);
    }

    /// Notes that it is not what it must be, e.g. "a string".
    pub fn reject_type<T>(&self, wanted: &str, help: Option<&str>) -> Option<T> {
        self.reject(format!("`{}` must be {wanted}, not {}", self.key, self.value.kind_name()), help);
        None
    }

    /// A string.
    pub fn text(&self) -> Option<&'d str> {
        match &self.value.kind {
            Kind::String(text) => Some(text),
            _ => self.reject_type("a string", None),
        }
    }

    /// A string that is not empty.
    pub fn filled_text(&self) -> Option<&'d str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.reject(format!("`{}` is empty", self.key), None);
            return None;
        }
        Some(text)
    }

    /// True or false.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.kind {
            Kind::Boolean(flag) => Some(flag),
            _ => self.reject_type("`true` or `false`", None),
        }
    }

    /// A whole number within limits.
    pub fn integer(&self, limits: RangeInclusive<i64>) -> Option<i64> {
        let wanted = if *limits.end() >= i64::from(u32::MAX) {
            format!("a whole number of at least {}", limits.start())
        } else {
            format!("a whole number from {} to {}", limits.start(), limits.end())
        };
        match self.value.kind {
            Kind::Integer(Some(number)) if limits.contains(&number) => Some(number),
            Kind::Integer(_) => {
                self.reject(format!("`{}` must be {wanted}, not {}", self.key, self.written()), None);
                None
            }
            _ => self.reject_type(&wanted, None),
        }
    }

    /// A finite number, whole or not.
    pub fn number(&self) -> Option<f64> {
        match self.value.kind {
            Kind::Integer(Some(number)) => Some(number as f64),
            Kind::Float(number) if number.is_finite() => Some(number),
            _ => self.reject_type("a number", None),
        }
    }

    /// A time such as `"500ms"`; a plain number is in seconds.
    pub fn duration(&self) -> Option<Duration> {
        let seconds = match &self.value.kind {
            Kind::String(text) => return self.unit(units::parse_duration(text)),
            Kind::Integer(Some(number)) => *number as f64,
            Kind::Float(number) => *number,
            _ => return self.reject_type("a time", Some("write it as `\"500ms\"`, `\"30s\"` or `\"5m\"`")),
        };
        let time = Duration::try_from_secs_f64(seconds).ok();
        if time.is_none() {
            self.reject(format!("`{}` must be a time of 0 or more", self.key), None);
        }
        time
    }

    /// A rate such as `"50/s"` as events a second; a plain number is a second's.
    pub fn rate(&self) -> Option<f64> {
        match &self.value.kind {
            Kind::String(text) => self.unit(units::parse_rate(text)),
            _ => self.number(),
        }
    }

    /// A ratio such as `"0.1%"` or `0.001` as a fraction.
    pub fn ratio(&self) -> Option<f64> {
        match &self.value.kind {
            Kind::String(text) => self.unit(units::parse_ratio(text)),
            _ => self.number(),
        }
    }

    fn unit<T>(&self, parsed: Result<T, units::UnitError>) -> Option<T> {
        parsed.map_err(|error| self.reject(format!("`{}`: {error}", self.key), None)).ok()
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let help = suggestion(text, words.iter().map(|(word, _)| *word));
            self.reject(format!("`{}` cannot be {text:?}", self.key), Some(&help));
        }
        found
    }

    /// The items of an array.
    pub fn items(&self) -> Option<Vec<Node<'d>>> {
        let Kind::Array(items) = &self.value.kind else {
            return self.reject_type("an array", None);
        };
        Some(items.iter().map(|value| self.at(value)).collect())
    }

    /// The strings of an array.
    pub fn texts(&self) -> Option<Vec<&'d str>> {
        self.items().map(|items| items.iter().filter_map(Node::text).collect())
    }

    /// A table; `place` is how errors name it.
    pub fn table(&self, place: &str) -> Option<Table<'d>> {
        match self.value.kind {
            Kind::Table(_) => Some(Table::new(self.document, self.value, place.to_owned())),
            _ => self.reject_type("a table", None),
        }
    }
}
