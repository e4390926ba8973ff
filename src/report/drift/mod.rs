//! The parts of a report that tell of drift: what grows while the load stays the same, and when it runs out.

mod html;
mod markdown;
mod terminal;
mod words;

pub(super) use html::section as html_section;
pub(super) use markdown::section as markdown_section;
pub(super) use terminal::section as text_section;
pub(super) use words::{failing, message, next, open, title};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
