//! `[variables]`, and the names of all captures.

use super::{Environment, Reader, settings, slot_of};
use crate::document::{Kind, Node, Table, Value as Tree};
use crate::mask::is_secret_name;
use crate::scenario::model::Slot;
use crate::scenario::value::Value;

impl Reader<'_> {
    /// Reads the variables; each gets a slot, even where its value is wrong, so that its name is known.
    pub(super) fn variables(&mut self, root: &mut Table<'_>, environment: Environment<'_>) -> Vec<Slot> {
        let mut slots = Vec::new();
        let table = root.take("variables").and_then(|node| node.table("[variables]"));
        let Some(mut table) = table else { return slots };
        for node in table.rest() {
            if !settings::is_name(node.key()) {
                let message = format!("`{}` cannot be the name of a variable", node.key());
                node.reject_key(message, Some("use letters, digits, `_` and `-`"));
                continue;
            }
            let slot = slot_of(&mut self.names, &mut slots, node.key());
            read_variable(&node, environment, &mut slots[slot]);
        }
        table.close();
        slots
    }

    /// Gives every name that any step captures a slot, so that templates can name what a later part of the file captures.
    pub(super) fn capture_names(&mut self, slots: &mut Vec<Slot>) {
        for phase in ["setup", "on_start", "task", "on_stop"] {
            let steps = self.document.value().get(phase).map(Tree::items).unwrap_or_default();
            for step in steps {
                self.capture_names_of(step, slots);
            }
        }
    }

    fn capture_names_of(&mut self, step: &Tree, slots: &mut Vec<Slot>) {
        if let Some(Tree { kind: Kind::Table(captures), .. }) = step.get("capture") {
            for capture in captures {
                let slot = slot_of(&mut self.names, slots, &capture.key);
                slots[slot].secret |= is_secret_capture(&capture.key);
            }
        }
        for key in ["steps", "pick", "else"] {
            for child in step.get(key).map(Tree::items).unwrap_or_default() {
                self.capture_names_of(child, slots);
            }
        }
    }
}

/// Like any secret name, and what is called a key.
fn is_secret_capture(name: &str) -> bool {
    is_secret_name(name) || name.to_lowercase().ends_with("key")
}

fn read_variable(node: &Node<'_>, environment: Environment<'_>, slot: &mut Slot) {
    let name = node.key();
    slot.secret = is_secret_name(name);
    if !matches!(node.value().kind, Kind::Table(_)) {
        slot.start = literal(node);
        return;
    }
    let Some(mut table) = node.table(&format!("variable `{name}`")) else { return };
    let env = table.take("env");
    let value = table.take("value");
    let default = table.take("default");
    slot.secret = table.take("secret").and_then(|secret| secret.boolean()).unwrap_or(slot.secret);
    table.close();
    match (env, value) {
        (Some(env), None) => {
            let default = default.as_ref().and_then(literal);
            let Some(env_name) = env.filled_text() else { return };
            slot.env = Some(env_name.to_owned());
            let set = environment(env_name).filter(|value| !value.is_empty()).map(|value| Value::text(&value));
            slot.start = set.or(default);
            if slot.start.is_none() {
                env.reject(
                    format!("variable `{name}` has no value: environment variable {env_name} is not set"),
                    Some("set it, or give the variable a `default`"),
                );
            }
        }
        (None, Some(value)) => {
            slot.start = literal(&value);
            if let Some(default) = default {
                default.reject_key("`default` goes with `env`", Some("leave it out"));
            }
        }
        _ => node.reject(
            format!("variable `{name}` has one of `env` and `value`"),
            Some("write e.g. `{ env = \"NAME\", default = \"…\" }`"),
        ),
    }
}

/// A text, a number, `true` or `false`; without placeholders.
pub(super) fn literal(node: &Node<'_>) -> Option<Value> {
    match &node.value().kind {
        Kind::String(text) if text.contains("{{") => {
            node.reject(format!("`{}` cannot hold placeholders", node.key()), Some("write them into the requests"));
            None
        }
        Kind::String(text) => Some(Value::text(text)),
        Kind::Integer(Some(number)) => Some(Value::number(number)),
        Kind::Float(number) if number.is_finite() => Some(Value::number(number)),
        Kind::Boolean(flag) => Some(Value::json(&serde_json::Value::Bool(*flag))),
        _ => node.reject_type("a text, a number or `true`/`false`", None),
    }
}
