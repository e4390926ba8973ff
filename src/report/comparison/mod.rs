//! Reports of a comparison: one file a format, from the comparison alone.

#[cfg(test)]
pub(super) mod example;
mod html;
mod markdown;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod words;

pub(super) use html::section as html_section;
pub(super) use words::{change_in_words, percent, sentence};

use crate::judge::Comparison;

/// The terminal's report. `width` in columns; `colour`: with ANSI colours.
pub(super) fn text(of: &Comparison, width: usize, colour: bool) -> String {
    terminal::terminal(of, width, colour)
}

/// The part of a run's terminal report that tells of its baseline.
pub(super) fn text_section(of: &Comparison, width: usize, colour: bool) -> String {
    terminal::section(of, width, colour)
}

/// Markdown under a heading of this level.
pub(super) fn markdown(of: &Comparison, level: usize) -> String {
    markdown::markdown(of, level)
}

/// A page of its own.
pub(super) fn page(of: &Comparison) -> Result<String, askama::Error> {
    html::page(of)
}
