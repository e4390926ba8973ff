//! The parts of a report that tell of a search for the edge: the answer in a sentence, the levels that were held, the chart, the
//! scaling law. And what a plan makes of it.

mod html;
mod law;
mod markdown;
mod plan;
mod terminal;
mod words;

pub(super) use html::section as html_section;
pub(super) use law::name as law_level;
pub(super) use markdown::section as markdown_section;
pub(super) use plan::{markdown as plan_markdown, text as plan_text};
pub(super) use terminal::section as text_section;
pub(super) use words::{asked, bracket, next, sentence};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
