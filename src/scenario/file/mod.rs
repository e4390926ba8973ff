//! Reads a scenario file. `docs/scenarios.md` is the reference of the format.

mod body;
mod checks;
mod feeders;
mod request;
mod settings;
mod steps;
mod variables;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use http::HeaderName;
use sha2::{Digest, Sha256};

use super::Scenario;
use super::model::{Endpoint, Redirects, Slot, Step, Task, Wait};
use super::template::{Names, Part};
use crate::document::{Document, Kind, Node, Problems, Table};

/// The file that is compiled in.
const BUILT_IN: &str = include_str!("../../../scenarios/agenthub.toml");

/// How errors name it.
const BUILT_IN_NAME: &str = "scenarios/agenthub.toml (built in)";

/// A scenario file that cannot be used: names the file, the line and the fix.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(pub String);

impl From<Problems> for ScenarioError {
    fn from(problems: Problems) -> Self {
        Self(problems.to_string())
    }
}

/// Looks an environment variable up.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads and checks a scenario file, and everything it refers to.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    load_with(path, &environment)
}

/// Like [`load`], with another environment.
pub(super) fn load_with(path: &Path, environment: Environment<'_>) -> Result<Scenario, ScenarioError> {
    let name = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| ScenarioError(format!("{name}: scenario file cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        ScenarioError(format!("{name}:{line}: not UTF-8: save the file as UTF-8"))
    })?;
    read(&text, &name, Some(path), environment)
}

/// The guide's user: `scenarios/agenthub.toml`, compiled in.
///
/// # Panics
/// Never: a test reads the text that is compiled in.
#[expect(
    clippy::expect_used,
    reason = "the text is compiled in, refers to no file, and all its variables have defaults; a test reads it"
)]
pub fn built_in() -> Scenario {
    read(BUILT_IN, BUILT_IN_NAME, None, &environment).expect("the built-in scenario is sound")
}

/// Reads a scenario from its text.
pub(super) fn read(
    text: &str,
    name: &str,
    file: Option<&Path>,
    environment: Environment<'_>,
) -> Result<Scenario, ScenarioError> {
    let document = Document::parse(name, text)?;
    let mut hash = Sha256::new();
    hash.update(text);
    let mut root = document.root("the scenario");
    let mut reader = Reader {
        document: &document,
        folder: file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default(),
        names: Names::default(),
        endpoints: Vec::new(),
        headers: Vec::new(),
        timeout: settings::DEFAULT_TIMEOUT,
        redirects: settings::DEFAULT_REDIRECTS,
    };

    let stem = file.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let own_name = root.take("name").and_then(|name| name.filled_text()).map(str::to_owned);
    let host = root.take("host").and_then(|host| settings::host(&host));
    let wait = root.take("wait").and_then(|wait| settings::wait(&wait)).unwrap_or(Wait::None);
    reader.timeout = root.take("timeout").and_then(|time| settings::timeout(&time)).unwrap_or(reader.timeout);
    reader.redirects = root.take("redirects").and_then(|it| settings::redirects(&it)).unwrap_or(reader.redirects);
    let cookies = root.take("cookies").and_then(|cookies| cookies.boolean()).unwrap_or(true);
    let mut slots = reader.variables(&mut root, environment);
    reader.capture_names(&mut slots);
    let feeders = reader.feeders(&mut root, &mut hash);
    reader.headers = root.take("headers").map(|headers| reader.header_parts(&headers)).unwrap_or_default();
    let setup = reader.phase(&mut root, "setup");
    let on_start = reader.phase(&mut root, "on_start");
    let tasks = reader.tasks(&mut root);
    let on_stop = reader.phase(&mut root, "on_stop");
    root.close();
    let endpoints = reader.endpoints;
    document.check()?;

    let cumulative_weights = tasks
        .iter()
        .scan(0, |sum, task| {
            *sum += u64::from(task.weight);
            Some(*sum)
        })
        .collect();
    Ok(Scenario {
        name: own_name.or(stem).unwrap_or_else(|| "scenario".to_owned()),
        file: file.map(Path::to_owned),
        hash: format!("{:x}", hash.finalize())[..16].to_owned(),
        host,
        wait,
        cookies,
        setup,
        on_start,
        tasks,
        on_stop,
        endpoints,
        slots,
        feeders,
        cumulative_weights,
    })
}

/// What is known while a file is read.
struct Reader<'d> {
    document: &'d Document,
    /// Where feeders' files are looked for.
    folder: PathBuf,
    names: Names,
    endpoints: Vec<Endpoint>,
    /// The scenario's own headers, which every request has.
    headers: Vec<(HeaderName, Vec<Part>)>,
    timeout: std::time::Duration,
    redirects: Redirects,
}

impl Reader<'_> {
    /// A text with placeholders; numbers and `true` are texts, too.
    fn parts(&self, node: &Node<'_>) -> Option<Vec<Part>> {
        match &node.value().kind {
            Kind::String(text) => self.parts_of(node, text),
            Kind::Integer(Some(number)) => Some(vec![Part::Text(number.to_string())]),
            Kind::Float(number) => Some(vec![Part::Text(number.to_string())]),
            Kind::Boolean(flag) => Some(vec![Part::Text(flag.to_string())]),
            _ => node.reject_type("a text, a number or `true`/`false`", None),
        }
    }

    /// The parts of the text of a node; a placeholder that means nothing is pointed at.
    fn parts_of(&self, node: &Node<'_>, text: &str) -> Option<Vec<Part>> {
        self.names
            .parts(text)
            .map_err(|error| {
                let span = node.value().span.clone();
                // Where the text is written without escapes, the placeholder stands in it as it is.
                let start = node.written().find(&text[error.at.clone()]).map(|index| span.start + index);
                let span = start.map_or(span, |start| start..start + error.at.len());
                self.document.reject(span, error.message, Some(&error.help));
            })
            .ok()
    }

    /// `[[setup]]`, `[[on_start]]` or `[[on_stop]]`.
    fn phase(&mut self, root: &mut Table<'_>, key: &'static str) -> Vec<Step> {
        let items = root.take(key).map(|node| entries(&node)).unwrap_or_default();
        let place = format!("[[{key}]]");
        items.iter().filter_map(|item| self.step(item.table(&place)?, &[])).collect()
    }

    /// All `[[task]]`.
    fn tasks(&mut self, root: &mut Table<'_>) -> Vec<Task> {
        let Some(node) = root.take("task") else {
            root.reject("the scenario has no [[task]]", Some("add one: `[[task]]`, `name = \"…\"`, `get = \"/…\"`"));
            return Vec::new();
        };
        let items = entries(&node);
        let mut known: Vec<(&str, usize)> = Vec::new();
        let mut tasks = Vec::new();
        for item in &items {
            let Some(mut table) = item.table("[[task]]") else { continue };
            let name = table.require("name", "name = \"…\"");
            let text = name.as_ref().and_then(Node::filled_text);
            if let (Some(node), Some(text)) = (&name, text) {
                if let Some((_, line)) = known.iter().find(|(known, _)| *known == text) {
                    node.reject(
                        format!("two tasks are named {text:?}"),
                        Some(&format!("the first is in line {line}: name them differently")),
                    );
                }
                known.push((text, node.line()));
            }
            let weight = table.take("weight").map_or(Some(1), |weight| settings::weight(&weight));
            let steps = self.task_steps(table);
            if let (Some(name), Some(weight), Some(steps)) = (text, weight, steps) {
                tasks.push(Task { name: name.to_owned(), weight, steps });
            }
        }
        tasks
    }

    /// The index of an endpoint; a new one where it is new.
    fn endpoint(&mut self, name: String, tags: &[String]) -> usize {
        let index = self.endpoints.iter().position(|endpoint| endpoint.name == name).unwrap_or_else(|| {
            self.endpoints.push(Endpoint { name, tags: Vec::new() });
            self.endpoints.len() - 1
        });
        let known = &mut self.endpoints[index].tags;
        for tag in tags {
            if !known.contains(tag) {
                known.push(tag.clone());
            }
        }
        index
    }
}

/// The tables of `[[key]]`.
fn entries<'d>(node: &Node<'d>) -> Vec<Node<'d>> {
    if matches!(node.value().kind, Kind::Table(_)) {
        let key = node.key();
        node.reject(format!("`{key}` is a list of tables"), Some(&format!("write `[[{key}]]`")));
        return Vec::new();
    }
    node.items().unwrap_or_default()
}

/// The slot of a name; a new, empty one where it is new.
fn slot_of(names: &mut Names, slots: &mut Vec<Slot>, name: &str) -> usize {
    let index = names.slot(name);
    if index == slots.len() {
        slots.push(Slot { name: name.to_owned(), start: None, env: None, secret: false });
    }
    index
}
