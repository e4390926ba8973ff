//! How the edge is searched for: what the flags of `capacity`, `AGENTHUB_PERF_CAPACITY_…` and `[capacity]` say.

use std::time::Duration;

use clap::ValueEnum;

use super::{Source, parse_abort_on, parse_arrival_rate, parse_time, parse_tolerance, parse_users};
use crate::document::{Kind, Node, Table};

/// What one source says; what it does not say, the next one may.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::cli) struct SearchLayer {
    pub(in crate::cli) source: Source,
    pub(in crate::cli) by: Option<By>,
    /// As it was written: which unit it has hangs on what is searched for.
    pub(in crate::cli) start: Option<String>,
    pub(in crate::cli) max_rate: Option<f64>,
    pub(in crate::cli) max_users: Option<u32>,
    pub(in crate::cli) max_time: Option<Duration>,
    pub(in crate::cli) width: Option<f64>,
    pub(in crate::cli) abort_on: Option<f64>,
}

/// What a level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum By {
    /// Arrivals a second.
    Rate,
    /// Users.
    Users,
}

/// `rate` or `users`.
pub(super) fn parse_by(text: &str) -> Result<By, String> {
    let wrong =
        |_| format!("{text:?} is neither rate (arrivals a second, whatever the host does) nor users (who think)");
    By::from_str(text.trim(), false).map_err(wrong)
}

impl By {
    /// A level of it.
    pub(in crate::cli) fn level(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Rate => parse_arrival_rate(text),
            Self::Users => parse_users(text).map(f64::from),
        }
    }
}

/// A first level: 50/s, or 20 users. Which of both it has to be is known once everybody has spoken.
pub(super) fn parse_start(text: &str) -> Result<String, String> {
    let text = text.trim();
    if By::Users.level(text).is_ok() || By::Rate.level(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is no first level: write a rate, e.g. 50/s, or a number of users, e.g. 20"))
}

/// How narrow the bracket shall be.
pub(in crate::cli) fn parse_width(text: &str) -> Result<f64, String> {
    parse_tolerance(text).map_err(|problem| problem.replace("the tolerance", "the width"))
}

impl SearchLayer {
    /// Where a key was said: `--max-rate`, `AGENTHUB_PERF_CAPACITY_MAX_RATE`, `` `max_rate` (agenthub-perf.toml:3) ``.
    pub(in crate::cli) fn place(&self, key: &str) -> String {
        match &self.source {
            Source::Environment => format!("AGENTHUB_PERF_CAPACITY_{}", key.to_ascii_uppercase()),
            source => source.place(key),
        }
    }
}

/// Reads `[capacity]`.
pub(super) fn read_table(mut table: Table<'_>) -> SearchLayer {
    let read = SearchLayer {
        source: Source::of(&table),
        by: table.take("by").and_then(|node| checked(&node, parse_by(node.text()?))),
        start: table.take("start").and_then(|node| checked(&node, parse_start(&plain(&node)?))),
        max_rate: table.take("max_rate").and_then(|node| checked(&node, parse_arrival_rate(&plain(&node)?))),
        max_users: table.take("max_users").and_then(|node| checked(&node, parse_users(&plain(&node)?))),
        max_time: table.take("max_time").and_then(|node| checked(&node, parse_time(&plain(&node)?))),
        width: table.take("width").and_then(|node| checked(&node, parse_width(&plain(&node)?))),
        abort_on: table.take("abort_on").and_then(|node| checked(&node, parse_abort_on(&plain(&node)?))),
    };
    table.close();
    read
}

/// A string, or a number as it would be written in one.
pub(super) fn plain(node: &Node<'_>) -> Option<String> {
    match &node.value().kind {
        Kind::Integer(Some(number)) => Some(number.to_string()),
        Kind::Float(number) => Some(number.to_string()),
        _ => node.text().map(str::to_owned),
    }
}

/// What was parsed; a problem is noted at its line.
pub(super) fn checked<T>(node: &Node<'_>, parsed: Result<T, String>) -> Option<T> {
    parsed.map_err(|problem| node.reject(format!("`{}`: {problem}", node.key()), None)).ok()
}
