//! Who said something: what a person has to look at to say it otherwise.

use std::collections::BTreeMap;

use crate::document::Table;

/// Where a layer comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::cli) enum Source {
    /// The command line.
    #[default]
    Flags,
    /// `AGENTHUB_PERF_…`.
    Environment,
    /// A profile that comes with the program.
    Program,
    /// A configuration file, or a profile in it.
    File {
        /// As it was named.
        name: String,
        /// The line of each key, from 1.
        lines: BTreeMap<String, usize>,
    },
}

impl Source {
    /// Of a table of the configuration file.
    pub(super) fn of(table: &Table<'_>) -> Self {
        let lines = table.lines().map(|(key, line)| (key.to_owned(), line)).collect();
        Self::File { name: table.document().name().to_owned(), lines }
    }

    /// Where a key was said: `--rate`, `AGENTHUB_PERF_RATE`, `` `rate` (agenthub-perf.toml:3) ``.
    pub(in crate::cli) fn place(&self, key: &str) -> String {
        match (self, key) {
            (Self::Flags, "users") => "-u".to_owned(),
            (Self::Flags, "spawn_rate") => "-r".to_owned(),
            (Self::Flags, "run_time") => "-t".to_owned(),
            (Self::Flags, key) => format!("--{}", key.replace('_', "-")),
            (Self::Environment, key) => format!("AGENTHUB_PERF_{}", key.to_ascii_uppercase()),
            (Self::Program, key) => format!("`{key}`"),
            (Self::File { name, lines }, key) => match lines.get(key) {
                Some(line) => format!("`{key}` ({name}:{line})"),
                None => format!("`{key}` ({name})"),
            },
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(of: &[String]) -> String {
    match of {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
