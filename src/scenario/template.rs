//! Templates: texts with placeholders, parsed once. Rendering concatenates.

use std::ops::Range;

use super::encode::Encode;
use super::generate::{self, Generator};
use super::user::{RenderError, User};
use super::value::Value;
use crate::document::suggestion;

/// A part of a text, before it is known where it goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// As it is.
    Text(String),
    /// A variable or capture: an index into the scenario's slots.
    Slot(usize),
    /// A column of a feeder's current row.
    Column { feeder: usize, column: usize },
    /// Made anew each time.
    Call(Generator),
}

/// Everything that a placeholder can name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Variables and captures, by slot.
    pub(super) slots: Vec<String>,
    /// Feeders with their columns.
    pub(super) feeders: Vec<(String, Vec<String>)>,
    /// Feeders that could not be read, which is an error already: nothing is said about their columns.
    pub(super) unread_feeders: Vec<String>,
}

/// A placeholder that means nothing; `at` is its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateError {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

impl Names {
    /// The slot of a name; a new one where it is new.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        self.slots.iter().position(|slot| slot == name).unwrap_or_else(|| {
            self.slots.push(name.to_owned());
            self.slots.len() - 1
        })
    }

    fn resolve(&self, inner: &str) -> Result<Part, (String, String)> {
        if let Some(text) = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            return Ok(Part::Text(text.to_owned()));
        }
        if let Some((name, arguments)) = inner.split_once('(') {
            let Some(arguments) = arguments.strip_suffix(')') else {
                return Err((format!("the call `{inner}` is not closed"), format!("write `{inner})`")));
            };
            return Generator::parse(name.trim(), arguments)
                .map(Part::Call)
                .map_err(|error| (error.message, error.help));
        }
        if let Some(slot) = self.slots.iter().position(|slot| slot == inner) {
            return Ok(Part::Slot(slot));
        }
        let feeder_name = inner.split('.').next().unwrap_or_default();
        if self.unread_feeders.iter().any(|name| name == feeder_name) {
            return Ok(Part::Text(String::new()));
        }
        if let Some((feeder_name, column_name)) = inner.split_once('.')
            && let Some(feeder) = self.feeders.iter().position(|(name, _)| name == feeder_name)
        {
            let columns = &self.feeders[feeder].1;
            return match columns.iter().position(|column| column == column_name) {
                Some(column) => Ok(Part::Column { feeder, column }),
                None => Err((
                    format!("feeder `{feeder_name}` has no column `{column_name}`"),
                    suggestion(column_name, columns.iter().map(String::as_str)),
                )),
            };
        }
        if generate::NAMES.contains(&inner) {
            return Err((format!("`{inner}` is a generator"), format!("write `{{{{{inner}(…)}}}}`")));
        }
        if inner.is_empty() {
            return Err(("the placeholder is empty".to_owned(), "write `{{name}}`".to_owned()));
        }
        let columns = self
            .feeders
            .iter()
            .flat_map(|(name, columns)| columns.iter().map(move |column| format!("{name}.{column}")));
        let known: Vec<String> = self.slots.iter().cloned().chain(columns).collect();
        let help = if known.is_empty() {
            "no variable, capture or feeder has a name yet".to_owned()
        } else {
            suggestion(inner, known.iter().map(String::as_str))
        };
        Err((format!("unknown name `{inner}`"), help))
    }

    /// Splits a text into its parts.
    pub(super) fn parts(&self, text: &str) -> Result<Vec<Part>, TemplateError> {
        let mut parts = Vec::new();
        let mut from = 0;
        while let Some(open) = text[from..].find("{{").map(|index| from + index) {
            if open > from {
                parts.push(Part::Text(text[from..open].to_owned()));
            }
            let Some(close) = closing(&text[open + 2..]).map(|index| open + 2 + index) else {
                return Err(TemplateError {
                    at: open..text.len(),
                    message: "the placeholder is not closed".to_owned(),
                    help: "close it with `}}`; for a plain `{{` write `{{\"{{\"}}`".to_owned(),
                });
            };
            let part = self.resolve(text[open + 2..close].trim()).map_err(|(message, help)| TemplateError {
                at: open..close + 2,
                message,
                help,
            })?;
            parts.push(part);
            from = close + 2;
        }
        if from < text.len() {
            parts.push(Part::Text(text[from..].to_owned()));
        }
        Ok(parts)
    }
}

/// Where the `}}` is that closes a placeholder: not within quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&index| {
        quoted ^= bytes[index] == b'"';
        !quoted && bytes[index] == b'}' && bytes.get(index + 1) == Some(&b'}')
    })
}

/// Whether a path has a query, be it empty.
pub(super) fn path_has_query(path: &str) -> bool {
    let mut rest = path;
    while let Some((text, placeholder)) = rest.split_once("{{")
        && let Some(close) = closing(placeholder)
    {
        if text.contains('?') {
            return true;
        }
        rest = &placeholder[close + 2..];
    }
    rest.contains('?')
}

/// A path as an endpoint's name shows it: `/api/v2/tasks/{{ task_id }}?limit=5` is `/api/v2/tasks/{task_id}`.
pub(super) fn path_name(path: &str) -> String {
    let mut name = String::new();
    let mut rest = path;
    while let Some((text, placeholder)) = rest.split_once("{{")
        && let Some(close) = closing(placeholder)
    {
        if let Some((text, _)) = text.split_once('?') {
            return name + text;
        }
        name.push_str(text);
        name.extend(["{", placeholder[..close].trim(), "}"]);
        rest = &placeholder[close + 2..];
    }
    name + rest.split('?').next().unwrap_or_default()
}

/// Parts, each with the form that it takes where it goes.
#[derive(Debug, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Slot(usize, Encode),
    Column { feeder: usize, column: usize, encode: Encode },
    Call(Generator, Encode),
}

impl Template {
    /// All parts go to the same kind of place; texts between placeholders are encoded, too.
    pub(super) fn of(parts: Vec<Part>, encode: Encode) -> Self {
        let mut template = Self::default();
        for part in parts {
            template.push(part, encode);
        }
        template
    }

    /// Adds a text as it is.
    pub(super) fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Piece::Text(last)) = self.pieces.last_mut() {
            *last = format!("{last}{text}").into();
        } else {
            self.pieces.push(Piece::Text(text.into()));
        }
    }

    /// Adds a part in the form of its place.
    pub(super) fn push(&mut self, part: Part, encode: Encode) {
        match part {
            Part::Text(text) => {
                let mut encoded = String::new();
                encode.write(&text, false, &mut encoded);
                self.push_text(&encoded);
            }
            Part::Slot(slot) => self.pieces.push(Piece::Slot(slot, encode)),
            Part::Column { feeder, column } => self.pieces.push(Piece::Column { feeder, column, encode }),
            Part::Call(generator) => self.pieces.push(Piece::Call(generator, encode)),
        }
    }

    /// Whether it renders to nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Its text, where it has no placeholder.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends its text with all values in place.
    pub(super) fn render(&self, user: &mut User, into: &mut String) -> Result<(), RenderError> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => into.push_str(text),
                Piece::Slot(slot, encode) => write_value(user.value(*slot)?, *encode, into),
                Piece::Column { feeder, column, encode } => write_value(user.column(*feeder, *column), *encode, into),
                Piece::Call(generator, encode) => generator.write(user.random(), *encode, into),
            }
        }
        Ok(())
    }

    /// Its text, where it is made of texts and slots alone; `None` where a slot has no value.
    pub(super) fn text_of_slots(&self, user: &User) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Slot(slot, _) => text.push_str(user.value(*slot).ok()?.as_str()),
                Piece::Column { .. } | Piece::Call(..) => return None,
            }
        }
        Some(text)
    }
}

fn write_value(value: &Value, encode: Encode, into: &mut String) {
    encode.write(value.as_str(), value.is_json(), into);
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn names() -> Names {
        Names {
            slots: vec!["token".into(), "task_id".into()],
            feeders: vec![("account".into(), vec!["email".into(), "password".into()])],
            unread_feeders: vec![],
        }
    }

    #[test]
    fn a_text_splits_at_its_placeholders() {
        assert_eq!(names().parts("plain } }} { text"), Ok(vec![Part::Text("plain } }} { text".into())]));
        assert_eq!(names().parts(""), Ok(vec![]));
        assert_eq!(
            names().parts("a{{ token }}{{account.password}}/{{random_int(1, 2)}}z"),
            Ok(vec![
                Part::Text("a".into()),
                Part::Slot(0),
                Part::Column { feeder: 0, column: 1 },
                Part::Text("/".into()),
                Part::Call(Generator::RandomInt(1, 2)),
                Part::Text("z".into()),
            ])
        );
        assert_eq!(names().parts("{{\"{{\"}}"), Ok(vec![Part::Text("{{".into())]));
        assert_eq!(
            names().parts("{{pick(\"}}\", \"b\")}}"),
            Ok(vec![Part::Call(Generator::Pick(vec![Value::text("}}"), Value::text("b")]))])
        );
    }

    #[test]
    fn a_path_without_values_and_query_names_an_endpoint() {
        assert_eq!(path_name("/api/v2/tasks?limit=5"), "/api/v2/tasks");
        assert_eq!(path_name("/api/{{ a }}/x/{{account.email}}?q={{b}}"), "/api/{a}/x/{account.email}");
        assert_eq!(path_name("/a?q={{b}}/c"), "/a");
        assert_eq!(path_name("/{{random_int(1, 2)}}/{{pick(\"?\")}}"), "/{random_int(1, 2)}/{pick(\"?\")}");
    }

    #[test]
    fn texts_without_placeholders_are_encoded_once() {
        let template = Template::of(names().parts("a\"b{{\"c\"}}").unwrap(), Encode::JsonText);
        assert_eq!(template.constant(), Some("a\\\"bc"));
    }

    #[test]
    fn what_means_nothing_is_named_with_its_place() {
        let shown = |text: &str| {
            let TemplateError { at, message, help } = names().parts(text).unwrap_err();
            format!("{:?}: {message}: {help}", &text[at])
        };
        assert_snapshot!(
            [
                shown("x {{tokn}} y"),
                shown("{{account.pasword}}"),
                shown("{{acount.email}}"),
                shown("{{something}}"),
                shown("{{uuid}}"),
                shown("{{uuid(}}"),
                shown("{{}}"),
                shown("a {{token} b"),
                shown("{{rnd()}}"),
            ]
            .join("\n"),
            @r#"
        "{{tokn}}": unknown name `tokn`: did you mean `token`?
        "{{account.pasword}}": feeder `account` has no column `pasword`: did you mean `password`?
        "{{acount.email}}": unknown name `acount.email`: did you mean `account.email`?
        "{{something}}": unknown name `something`: known here: `token`, `task_id`, `account.email`, `account.password`
        "{{uuid}}": `uuid` is a generator: write `{{uuid(…)}}`
        "{{uuid(}}": the call `uuid(` is not closed: write `uuid()`
        "{{}}": the placeholder is empty: write `{{name}}`
        "{{token} b": the placeholder is not closed: close it with `}}`; for a plain `{{` write `{{"{{"}}`
        "{{rnd()}}": unknown generator `rnd`: known here: `random_int`, `uuid`, `now`, `pick`
        "#
        );
        assert_eq!(Names::default().parts("{{a}}").unwrap_err().help, "no variable, capture or feeder has a name yet");
    }
}
