//! The tree of a document: owned, in the order of the file, each value with its place.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Value {
    /// Bytes of the text; of a `[table]`, its header.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A string.
    String(String),
    /// A whole number; `None` where it does not fit 64 bits.
    Integer(Option<i64>),
    /// A number with a fraction, an infinity, or not a number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date, a time or both, as it was written.
    Datetime(String),
    /// Several.
    Array(Vec<Value>),
    /// Named ones, in the order of the file.
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, without quotes.
    pub key: String,
    /// Where it stands.
    pub key_span: Range<usize>,
    /// Its value.
    pub value: Value,
}

impl Value {
    /// What it is, with its article.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::String(_) => "a string",
            Kind::Integer(_) => "a whole number",
            Kind::Float(_) => "a fractional number",
            Kind::Boolean(_) => "true or false",
            Kind::Datetime(_) => "a date or time",
            Kind::Array(_) => "an array",
            Kind::Table(_) => "a table",
        }
    }

    /// The value of a key, where this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.kind {
            Kind::Table(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Its items, where it is an array; else none.
    pub fn items(&self) -> &[Value] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }
}

pub(super) fn table(table: &DeTable<'_>, span: Range<usize>) -> Value {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, item)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            value: value(item.get_ref(), item.span()),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    Value { span, kind: Kind::Table(entries) }
}

fn value(parsed: &DeValue<'_>, span: Range<usize>) -> Value {
    let kind = match parsed {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => Kind::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Kind::Boolean(*flag),
        DeValue::Datetime(time) => Kind::Datetime(time.to_string()),
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| value(item.get_ref(), item.span())).collect()),
        DeValue::Table(entries) => return table(entries, span),
    };
    Value { span, kind }
}
