//! Says where the lines of a fix belong, in one form: a comment for each place, and under it the lines.

use super::config::Directive;

/// Lines for nginx' configuration, each with its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Vec<String>);

impl Lines {
    /// In a block of which there is one: `http`, `events`; at the top of the file where there is none.
    #[must_use]
    pub(super) fn within(mut self, block: &str, lines: &str) -> Self {
        let place = match block {
            "" => "at the top of nginx.conf".to_owned(),
            block => format!("in the block {block}"),
        };
        self.0.push(format!("# {place}\n{lines}"));
        self
    }

    /// In the block that begins at a directive.
    #[must_use]
    pub(super) fn inside(mut self, opens: &Directive, lines: &str) -> Self {
        self.0.push(format!("# in the block at {}\n{lines}", opens.place));
        self
    }

    /// In place of what is there.
    #[must_use]
    pub(super) fn instead(mut self, of: &Directive, lines: &str) -> Self {
        self.0.push(format!("# in place of {} at {}\n{lines}", of.name, of.place));
        self
    }

    /// Something to be said.
    #[must_use]
    pub(super) fn note(mut self, text: &str) -> Self {
        self.0.push(format!("# {text}"));
        self
    }

    pub(super) fn text(&self) -> String {
        self.0.join("\n")
    }
}
