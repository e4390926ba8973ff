//! Reports of a history: one file a format, from the trend alone.

mod html;
mod markdown;
mod terminal;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
pub(super) mod words;

use crate::judge::Trend;

/// The terminal's report. `width` in columns; `colour`: with ANSI colours.
pub(super) fn text(of: &Trend, width: usize, colour: bool) -> String {
    terminal::terminal(of, width, colour)
}

/// For a job summary.
pub(super) fn markdown(of: &Trend) -> String {
    markdown::markdown(of)
}

/// A page of its own.
pub(super) fn page(of: &Trend) -> Result<String, askama::Error> {
    html::page(of)
}
