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
    pub(in crate::cli) law: Option<bool>,
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
        law: table.take("law").and_then(|node| node.boolean()),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ConfigFile, from_env};
    use super::*;

    fn file(text: &str) -> Result<SearchLayer, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agenthub-perf.toml");
        std::fs::write(&path, text).unwrap();
        ConfigFile::read(Path::new(&path)).map(|config| config.layer.search).map_err(|failure| failure.message)
    }

    #[test]
    fn a_table_says_how_to_search() {
        let text = "[capacity]\nby = \"rate\"\nstart = \"50/s\"\nmax_rate = \"2000/s\"\nmax_users = 500\nmax_time = \"10m\"\n\
            width = \"8%\"\nabort_on = \"30% errors\"\nlaw = true\n";
        let read = file(text).unwrap();
        assert_eq!((read.by, read.start.as_deref()), (Some(By::Rate), Some("50/s")));
        assert_eq!(
            (read.max_rate, read.max_users, read.max_time),
            (Some(2000.0), Some(500), Some(Duration::from_mins(10)))
        );
        assert_eq!((read.width, read.abort_on, read.law), (Some(0.08), Some(0.3), Some(true)));
        assert!(
            read.place("max_rate").starts_with("`max_rate` (")
                && read.place("max_rate").ends_with("agenthub-perf.toml:4)")
        );
        assert_eq!(file("users = 3\n").unwrap(), SearchLayer::default());
        // A number is a level too.
        assert_eq!(file("[capacity]\nstart = 20\n").unwrap().start.as_deref(), Some("20"));
    }

    #[test]
    fn every_mistake_in_the_table_is_shown_at_its_line() {
        let text = "[capacity]\nby = \"arrivals\"\nstart = \"soon\"\nmax_rat = \"5/s\"\nmax_users = 0\nmax_time = \"0s\"\n\
            width = \"100%\"\nabort_on = \"many\"\n";
        let error = file(text).unwrap_err();
        for wanted in [
            "agenthub-perf.toml:2:6: `by`: \"arrivals\" is neither rate",
            "agenthub-perf.toml:3:9: `start`: \"soon\" is no first level",
            "agenthub-perf.toml:4:1: unknown key `max_rat` in [capacity]",
            "did you mean `max_rate`?",
            "agenthub-perf.toml:5:13: `max_users`: there must be at least 1 user",
            "agenthub-perf.toml:6:12: `max_time`: the time must be above 0",
            "agenthub-perf.toml:7:9: `width`: the width must be above 0",
            "agenthub-perf.toml:8:12: `abort_on`",
        ] {
            assert!(error.contains(wanted), "{wanted} is not in\n{error}");
        }
    }

    #[test]
    fn the_environment_says_how_to_search() {
        let read = |pairs: &[(&str, &str)]| {
            let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            from_env(&get).map(|said| said.layer.search)
        };
        let said = read(&[
            ("AGENTHUB_PERF_CAPACITY_BY", "users"),
            ("AGENTHUB_PERF_CAPACITY_START", "20"),
            ("AGENTHUB_PERF_CAPACITY_MAX_RATE", "3000/min"),
            ("AGENTHUB_PERF_CAPACITY_MAX_USERS", "400"),
            ("AGENTHUB_PERF_CAPACITY_MAX_TIME", "90s"),
            ("AGENTHUB_PERF_CAPACITY_WIDTH", "10%"),
            ("AGENTHUB_PERF_CAPACITY_ABORT_ON", "0.5"),
            ("AGENTHUB_PERF_CAPACITY_LAW", "true"),
        ])
        .unwrap();
        assert_eq!((said.by, said.start.as_deref(), said.max_rate), (Some(By::Users), Some("20"), Some(50.0)));
        assert_eq!((said.max_users, said.max_time), (Some(400), Some(Duration::from_secs(90))));
        assert_eq!((said.width, said.abort_on, said.law), (Some(0.1), Some(0.5), Some(true)));
        assert_eq!(said.place("start"), "AGENTHUB_PERF_CAPACITY_START");
        for (name, value) in [("BY", "arrivals"), ("START", "x"), ("WIDTH", "0"), ("MAX_TIME", "0s")] {
            let name = format!("AGENTHUB_PERF_CAPACITY_{name}");
            let error = read(&[(&name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: ")), "{error}");
        }
    }
}
