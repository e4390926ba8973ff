//! Bodies: `json`, `form` or `body`.

use bytes::Bytes;

use super::Reader;
use super::request::push_field;
use crate::document::{Kind, Node, Table, Value};
use crate::scenario::encode::Encode;
use crate::scenario::model::Body;
use crate::scenario::template::{Part, Template};

impl Reader<'_> {
    /// The body of a request, and its content type where it has one by nature.
    pub(super) fn body(&self, table: &mut Table<'_>) -> (Option<&'static str>, Body) {
        let [json, form, body] = ["json", "form", "body"].map(|key| table.take(key));
        let given: Vec<&Node<'_>> = [&json, &form, &body].into_iter().flatten().collect();
        if let [_, second, ..] = given.as_slice() {
            second.reject_key(
                format!("a request has one body, not `{}` as well", second.key()),
                Some("keep one of `json`, `form` and `body`"),
            );
        }
        if let Some(json) = json {
            if matches!(&json.value().kind, Kind::String(text) if !is_one_placeholder(text)) {
                json.reject(
                    "`json` is a table or an array",
                    Some("JSON that is written out goes into `body`, with `headers = { content-type = \"application/json\" }`"),
                );
            }
            return (Some("application/json"), finish(self.json_template(&json)));
        }
        if let Some(form) = form {
            return (Some("application/x-www-form-urlencoded"), finish(self.form(&form)));
        }
        let template = body.and_then(|body| {
            let text = body.text()?;
            self.parts_of(&body, text).map(|parts| Template::of(parts, Encode::Plain))
        });
        (None, template.map_or(Body::None, finish))
    }

    fn form(&self, form: &Node<'_>) -> Template {
        let mut template = Template::default();
        let Some(mut table) = form.table("`form`") else { return template };
        for field in table.rest() {
            let Some(parts) = self.parts(&field) else { continue };
            if !template.is_empty() {
                template.push_text("&");
            }
            push_field(&mut template, field.key(), parts, Encode::Form);
        }
        table.close();
        template
    }

    /// JSON with placeholders.
    pub(super) fn json_template(&self, node: &Node<'_>) -> Template {
        let mut template = Template::default();
        self.push_json(node, node.value(), &mut template);
        template
    }

    fn push_json<'d>(&self, node: &Node<'d>, value: &'d Value, into: &mut Template) {
        match &value.kind {
            Kind::String(text) => match self.parts_of(&node.at(value), text) {
                Some(parts) => push_string(parts, into),
                None => into.push_text("\"\""),
            },
            Kind::Integer(Some(number)) => into.push_text(&number.to_string()),
            Kind::Float(number) if number.is_finite() => into.push_text(&serde_json::Value::from(*number).to_string()),
            Kind::Integer(None) | Kind::Float(_) => {
                node.at(value).reject("JSON has no such number", Some("write it as a text"));
                into.push_text("0");
            }
            Kind::Boolean(flag) => into.push_text(if *flag { "true" } else { "false" }),
            Kind::Datetime(time) => into.push(Part::Text(time.clone()), Encode::JsonValue),
            Kind::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    into.push_text(if index == 0 { "[" } else { "," });
                    self.push_json(node, item, into);
                }
                into.push_text(if items.is_empty() { "[]" } else { "]" });
            }
            Kind::Table(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    into.push_text(if index == 0 { "{" } else { "," });
                    into.push(Part::Text(entry.key.clone()), Encode::JsonValue);
                    into.push_text(":");
                    self.push_json(node, &entry.value, into);
                }
                into.push_text(if entries.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// A string: exactly one placeholder takes the value with its type.
fn push_string(mut parts: Vec<Part>, into: &mut Template) {
    if parts.len() == 1 && !matches!(parts[0], Part::Text(_)) {
        into.push(parts.remove(0), Encode::JsonValue);
        return;
    }
    into.push_text("\"");
    for part in parts {
        into.push(part, Encode::JsonText);
    }
    into.push_text("\"");
}

fn is_one_placeholder(text: &str) -> bool {
    text.starts_with("{{") && text.ends_with("}}") && text.matches("{{").count() == 1
}

fn finish(template: Template) -> Body {
    match template.constant() {
        Some(text) => Body::Constant(Bytes::copy_from_slice(text.as_bytes())),
        None => Body::Template(template),
    }
}
