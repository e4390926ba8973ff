//! A value as variables, captures and feeders hold it.

use std::sync::Arc;

/// A text, or something that JSON writes otherwise than as a text. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    text: Arc<str>,
    json: bool,
}

impl Value {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self { text: text.into(), json: false }
    }

    /// A number.
    pub(super) fn number(number: &impl ToString) -> Self {
        Self { text: number.to_string().into(), json: true }
    }

    /// A JSON value: its text, where it is a string; else its JSON.
    pub(super) fn json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::String(text) => Self::text(text),
            other => Self { text: other.to_string().into(), json: true },
        }
    }

    /// What stands in a text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text is JSON as it is: a number, `true`, `null`, an array, an object.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether there is something in it: neither the empty text nor `null`.
    pub(super) fn is_something(&self) -> bool {
        !(self.text.is_empty() || self.json && &*self.text == "null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_its_text_and_the_rest_is_json() {
        assert_eq!(Value::json(&serde_json::json!("a\"b")), Value::text("a\"b"));
        assert_eq!(Value::json(&serde_json::json!(12)), Value::number(&12));
        assert_eq!(Value::json(&serde_json::json!({"a": [1, null]})).as_str(), r#"{"a":[1,null]}"#);
        assert!(!Value::text("12").is_json());
    }

    #[test]
    fn nothing_is_the_empty_text_or_null() {
        assert!(!Value::text("").is_something());
        assert!(!Value::json(&serde_json::Value::Null).is_something());
        assert!(Value::text("null").is_something());
        assert!(Value::number(&0).is_something());
        assert!(Value::json(&serde_json::json!(false)).is_something());
    }
}
