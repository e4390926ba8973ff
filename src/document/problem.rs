//! What is wrong, where, and what would do.

use crate::mask::is_secret_name;
use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    file: String,
    line: usize,
    column: usize,
    message: String,
    shown: Option<Shown>,
    help: Option<String>,
}

/// The line as it is shown, and the part of it that is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    text: String,
    from: usize,
    width: usize,
}

/// All that is wrong; shown one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// Something at `span` (bytes) of `text`.
    pub fn new(file: &str, text: &str, span: Range<usize>, message: &str, help: Option<&str>) -> Self {
        let start = floor_boundary(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let end = floor_boundary(text, span.end).clamp(start, line_end);
        let from = text[line_start..start].chars().count();
        Self {
            file: file.to_owned(),
            line: text[..line_start].matches('\n').count() + 1,
            column: from + 1,
            message: message.to_owned(),
            shown: Some(Shown {
                text: blanked(text[line_start..line_end].trim_end_matches('\r')).replace('\t', " "),
                from,
                width: text[start..end].trim_end().chars().count().max(1),
            }),
            help: help.map(str::to_owned),
        }
    }

    /// Something in a line (from 1) of a file whose lines are not to be shown, e.g. because it holds passwords.
    pub fn of_line(file: &str, line: usize, message: &str, help: Option<&str>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column: 1,
            message: message.to_owned(),
            shown: None,
            help: help.map(str::to_owned),
        }
    }

    /// Its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Its column in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn order(&self) -> (bool, usize, usize) {
        (self.shown.is_none(), self.line, self.column)
    }
}

/// The last character boundary up to `index`.
fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, shown, help } = self;
        let Some(Shown { text, from, width }) = shown else {
            write!(f, "{file}:{line}: {message}")?;
            return help.iter().try_for_each(|help| write!(f, ": {help}"));
        };
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let (blank, mark) = (" ".repeat(*from), "^".repeat(*width));
        write!(f, "{file}:{line}:{column}: {message}\n  {number} | {text}\n  {gutter} | {blank}{mark}")?;
        help.iter().try_for_each(|help| write!(f, " {help}"))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
impl std::error::Error for Problems {}

/// A line with the literals behind secret names, and the credentials of URLs, made stars: as many, so that a mark below it
/// stays in its place. Placeholders are no secrets.
fn blanked(line: &str) -> String {
    let mut blank = String::with_capacity(line.len());
    // The key `secret` marks others as secret and holds none itself.
    let hides = |name: &str| name != "secret" && is_secret_name(name);
    let all = line.split('=').next().is_some_and(|key| hides(key.trim().trim_matches(['"', '\''])));
    let mut rest = line;
    while let Some(open) = rest.find(['"', '\'']) {
        let (before, literal) = (&rest[..open], &rest[open + 1..]);
        let close = literal.find(&rest[open..=open]).unwrap_or(literal.len());
        let name = before.trim_end().strip_suffix('=').unwrap_or_default().rsplit([',', '{', '[']).next();
        let secret = all || name.is_some_and(|name| hides(name.trim()));
        let (from, to) = match literal[..close].find("://").zip(literal[..close].rfind('@')) {
            _ if literal[..close].contains("{{") => (0, 0),
            _ if secret => (0, close),
            Some((scheme, at)) if scheme + 3 < at => (scheme + 3, at),
            _ => (0, 0),
        };
        blank.push_str(&rest[..=open]);
        blank.push_str(&literal[..from]);
        blank.extend(literal[from..to].chars().map(|_| '*'));
        let end = (close + 1).min(literal.len());
        blank.push_str(&literal[to..end]);
        rest = &literal[end..];
    }
    blank.push_str(rest);
    blank
}

/// The known name that is so near to `name` that it may be a slip for it: at most a third of its letters differ (optimal string
/// alignment distance; case, `-` and `_` make no difference).
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let name = plain(name);
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `weight`?``, or, where nothing is near, all that is known.
pub fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None => format!("known here: {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}
