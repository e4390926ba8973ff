//! A TOML document that knows its lines: every error names the file, the line and the column, shows the line, and says what
//! would do. Unknown keys are errors, and name the nearest key that is known.
//!
//! A reader takes keys out of a [`Table`] one by one; whatever it asks for is thereby known. A wrong type, a value out of range or a
//! missing key is noted where it stands, and reading goes on, so that a person sees all that is wrong at once. The last two
//! calls are [`Table::close`], which notes the keys that nobody took, and [`Document::check`], which hands out what was noted.
//!
//! ```
//! use agenthub_perf::document::Document;
//!
//! let document = Document::parse("perf.toml", "[load]\nusers = 50\nspwan_rate = 10\n").unwrap();
//! let mut root = document.root("the configuration");
//! let mut load = root.take("load").and_then(|load| load.table("[load]")).unwrap();
//! assert_eq!(load.take("users").and_then(|users| users.integer(1..=10_000)), Some(50));
//! assert_eq!(load.take("spawn_rate").and_then(|rate| rate.number()), None);
//! load.close();
//! root.close();
//! assert_eq!(
//!     document.check().unwrap_err().to_string(),
//!     "perf.toml:3:1: unknown key `spwan_rate` in [load]\n  \
//!      3 | spwan_rate = 10\n    \
//!        | ^^^^^^^^^^ did you mean `spawn_rate`?"
//! );
//! ```

mod node;
mod problem;
mod tree;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ops::Range;

pub use node::Node;
pub use problem::{Problem, Problems, nearest, suggestion};
pub use tree::{Entry, Kind, Value};

/// A parsed document, and what readers found wrong with it.
#[derive(Debug)]
pub struct Document {
    name: String,
    text: String,
    root: Value,
    problems: RefCell<Vec<Problem>>,
}

impl Document {
    /// Parses TOML. `name` is how errors name the file.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        let (parsed, errors) = toml::de::DeTable::parse_recoverable(text);
        let mut problems: Vec<Problem> = Vec::new();
        for error in &errors {
            let problem = Problem::new(name, text, error.span().unwrap_or(0..0), error.message(), None);
            // One slip makes the parser stumble on: the first stumble of a line says it all.
            if problems.iter().all(|known| known.line() != problem.line()) {
                problems.push(problem);
            }
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let root = tree::table(parsed.get_ref(), 0..0);
        Ok(Self { name: name.to_owned(), text: text.to_owned(), root, problems: RefCell::default() })
    }

    /// The name that it was parsed under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its outermost table; `place` is how errors name it.
    pub fn root(&self, place: &str) -> Table<'_> {
        Table::new(self, &self.root, place.to_owned())
    }

    /// Its outermost table as it was parsed, for a look ahead.
    pub fn value(&self) -> &Value {
        &self.root
    }

    /// Notes that something is wrong at `span` (bytes of the text). `help` is shown behind the mark below the line.
    pub fn reject(&self, span: Range<usize>, message: impl AsRef<str>, help: Option<&str>) {
        self.note(Problem::new(&self.name, &self.text, span, message.as_ref(), help));
    }

    /// Notes a problem, possibly of another file that this one refers to. A problem that was noted before is the same one.
    pub fn note(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Whether nothing was noted so far.
    pub fn is_sound(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Everything that was noted, by position; `Ok` where nothing was.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = self.problems.take();
        problems.sort_by_key(Problem::order);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

/// A table that is being read.
#[derive(Debug)]
#[must_use = "close it, so that unknown keys are noted"]
pub struct Table<'d> {
    document: &'d Document,
    place: String,
    span: Range<usize>,
    entries: &'d [Entry],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'d> Table<'d> {
    fn new(document: &'d Document, value: &'d Value, place: String) -> Self {
        let entries: &[Entry] = if let Kind::Table(entries) = &value.kind { entries } else { &[] };
        Self {
            document,
            place,
            span: value.span.clone(),
            entries,
            taken: vec![false; entries.len()],
            known: Vec::new(),
        }
    }

    /// How errors name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Names it otherwise from now on, e.g. once its own name is known.
    pub fn set_place(&mut self, place: impl Into<String>) {
        self.place = place.into();
    }

    /// The document that it is part of.
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// Its keys, each with the line of its value, from 1; takes none.
    pub fn lines(&self) -> impl Iterator<Item = (&'d str, usize)> + use<'d> {
        let (document, entries) = (self.document, self.entries);
        entries.iter().map(move |entry| (entry.key.as_str(), Node::new(document, entry).line()))
    }

    /// Whether the key is there; does not take it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Takes a key, which is known from then on.
    pub fn take(&mut self, key: &'static str) -> Option<Node<'d>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        self.taken[index] = true;
        Some(Node::new(self.document, &self.entries[index]))
    }

    /// Takes a key, and notes it where it is missing. `example` shows how it is written.
    pub fn require(&mut self, key: &'static str, example: &str) -> Option<Node<'d>> {
        let node = self.take(key);
        if node.is_none() {
            self.reject(format!("{} has no `{key}`", self.place), Some(&format!("add `{example}`")));
        }
        node
    }

    /// Takes all keys that nobody took yet, in the order of the file: for tables whose keys are names that a person chooses.
    pub fn rest(&mut self) -> Vec<Node<'d>> {
        let mut rest = Vec::new();
        for (entry, taken) in self.entries.iter().zip(&mut self.taken) {
            if !std::mem::replace(taken, true) {
                rest.push(Node::new(self.document, entry));
            }
        }
        rest
    }

    /// Notes that something is wrong with the table as a whole.
    pub fn reject(&self, message: impl AsRef<str>, help: Option<&str>) {
        self.document.reject(self.span.clone(), message, help);
    }

    /// Ends the reading: notes every key that nobody took.
    pub fn close(self) {
        for (entry, taken) in self.entries.iter().zip(&self.taken) {
            if !taken {
                self.document.reject(
                    entry.key_span.clone(),
                    format!("unknown key `{}` in {}", entry.key, self.place),
                    Some(&suggestion(&entry.key, self.known.iter().copied())),
                );
            }
        }
    }
}
