//! Tasks' trees of steps.

use super::{Reader, request, settings};
use crate::document::{Kind, Node, Table};
use crate::scenario::encode::Encode;
use crate::scenario::model::{Condition, Step, Test, Wait};
use crate::scenario::template::{Part, Template};

const KINDS: [&str; 5] = ["steps", "pick", "repeat", "when", "wait"];

impl Reader<'_> {
    /// What a task does: a request of its own, or `steps`.
    pub(super) fn task_steps(&mut self, mut table: Table<'_>) -> Option<Vec<Step>> {
        if table.has("steps") && !request::METHODS.iter().any(|(key, _)| table.has(key)) {
            let tags = table.take("tags").map(|tags| settings::tags(&tags)).unwrap_or_default();
            let steps = self.steps(&mut table, "steps", &tags);
            table.close();
            return steps;
        }
        if let Some(kind) = KINDS[1..].iter().find(|kind| table.has(kind)) {
            table.reject(format!("`{kind}` is a step, not a task"), Some("write it into `steps = [ … ]`"));
            return None;
        }
        let mut step = self.request_step(table, &[])?;
        if let Step::Request(request) = &mut step {
            // The name is the task's own.
            request.name = None;
        }
        Some(vec![step])
    }

    /// One step, from its table.
    pub(super) fn step(&mut self, mut table: Table<'_>, tags: &[String]) -> Option<Step> {
        let has_request = request::METHODS.iter().any(|(key, _)| table.has(key));
        let kinds: Vec<&str> = KINDS.iter().copied().filter(|kind| table.has(kind)).collect();
        let step = match (has_request, kinds.as_slice()) {
            (_, []) => return self.request_step(table, tags),
            (false, ["steps"]) => self.steps(&mut table, "steps", tags).map(Step::Steps),
            (false, ["pick"]) => self.pick(&mut table, tags),
            (false, ["steps", "repeat"]) => {
                let times = table.take("repeat").and_then(|times| times.integer(1..=1_000_000));
                let steps = self.steps(&mut table, "steps", tags);
                times.zip(steps).map(|(times, steps)| Step::Repeat(times as u32, steps))
            }
            (false, ["steps", "when"]) => self.when(&mut table, tags),
            (false, ["wait"]) => table.take("wait").and_then(|wait| step_wait(&wait)),
            (false, [kind]) => {
                table.reject(format!("`{kind}` has no `steps`"), Some("add `steps = [ … ]`"));
                return None;
            }
            (true, [kind, ..]) => {
                table.reject(format!("a step is a request or `{kind}`, not both"), Some("write two steps"));
                return None;
            }
            (false, [one, other, ..]) => {
                table.reject(
                    format!("a step is `{one}` or `{other}`, not both"),
                    Some("write one into the other's `steps`"),
                );
                return None;
            }
        };
        table.take("name").and_then(|name| name.filled_text());
        table.close();
        step
    }

    fn steps(&mut self, table: &mut Table<'_>, key: &'static str, tags: &[String]) -> Option<Vec<Step>> {
        let node = table.take(key)?;
        let items = node.items()?;
        if items.is_empty() {
            node.reject(format!("`{key}` is empty"), Some("add a step, e.g. `{ get = \"/…\" }`"));
            return None;
        }
        let count = items.len();
        let steps: Vec<Step> = items.iter().filter_map(|item| self.step(item.table("a step")?, tags)).collect();
        (steps.len() == count).then_some(steps)
    }

    fn pick(&mut self, table: &mut Table<'_>, tags: &[String]) -> Option<Step> {
        let node = table.take("pick")?;
        let items = node.items()?;
        if items.is_empty() {
            node.reject("`pick` is empty", Some("add e.g. `{ weight = 1, get = \"/…\" }`"));
            return None;
        }
        let mut choices = Vec::new();
        for item in &items {
            let Some(mut table) = item.table("a step of `pick`") else { continue };
            let weight = table.take("weight").map_or(Some(1), |weight| settings::weight(&weight));
            choices.extend(weight.zip(self.step(table, tags)));
        }
        Some(Step::Pick(choices))
    }

    fn when(&mut self, table: &mut Table<'_>, tags: &[String]) -> Option<Step> {
        let condition = table.take("when").and_then(|when| self.condition(&when));
        let then = self.steps(table, "steps", tags);
        let otherwise = if table.has("else") { self.steps(table, "else", tags) } else { Some(Vec::new()) };
        Some(Step::When(condition?, then?, otherwise?))
    }

    fn condition(&self, node: &Node<'_>) -> Option<Condition> {
        let mut table = node.table("`when`")?;
        let [captured, equals, not_equals, status] =
            ["captured", "equals", "not_equals", "status"].map(|key| table.take(key));
        table.close();
        let example =
            "write e.g. `{ captured = \"id\" }`, `{ captured = \"kind\", equals = \"x\" }` or `{ status = 404 }`";
        match (captured, equals, not_equals, status) {
            (Some(name), equals, not_equals, None) => {
                let shown = name.filled_text()?;
                let Some(slot) = self.names.slots.iter().position(|slot| slot == shown) else {
                    let known = self.names.slots.iter().map(String::as_str);
                    name.reject(
                        format!("nothing captures `{shown}`"),
                        Some(&crate::document::suggestion(shown, known)),
                    );
                    return None;
                };
                let (test, shown) = match (equals, not_equals) {
                    (None, None) => (Test::Captured(slot), shown.to_owned()),
                    (Some(value), None) => {
                        (Test::Equals(slot, self.compared(&value)?), format!("{shown} = {}", value.written()))
                    }
                    (None, Some(value)) => {
                        (Test::NotEquals(slot, self.compared(&value)?), format!("{shown} ≠ {}", value.written()))
                    }
                    (Some(_), Some(other)) => {
                        other.reject_key("`when` has `equals` or `not_equals`, not both", None);
                        return None;
                    }
                };
                Some(Condition { test, shown })
            }
            (None, None, None, Some(status)) => {
                let rule = settings::statuses(&status)?;
                let shown = format!("status {rule}");
                Some(Condition { test: Test::Status(rule), shown })
            }
            _ => {
                node.reject("`when` asks for one thing: a captured value or the last status", Some(example));
                None
            }
        }
    }

    /// What a captured value is compared with: a text with variables and captures.
    fn compared(&self, node: &Node<'_>) -> Option<Template> {
        let parts = self.parts(node)?;
        if parts.iter().any(|part| matches!(part, Part::Column { .. } | Part::Call(_))) {
            node.reject("a comparison holds variables and captures alone", Some("leave feeders and generators out"));
            return None;
        }
        Some(Template::of(parts, Encode::Plain))
    }
}

fn step_wait(node: &Node<'_>) -> Option<Step> {
    let wait = settings::wait(node)?;
    if matches!(wait, Wait::Pacing(_)) && matches!(node.value().kind, Kind::Table(_)) {
        node.reject("`pacing` is for the whole scenario", Some("a step waits `constant` or `between`"));
        return None;
    }
    Some(Step::Wait(wait))
}
