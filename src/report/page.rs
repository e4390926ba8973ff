//! A page for a terminal: lines of at most its width, painted where colours are wanted. No text that it is given can speak to the terminal.

use std::fmt::Write as _;

use super::columns::wrap;

/// What is written so far, and how.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) width: usize,
    pub(super) colour: bool,
}

impl Page {
    /// Adds a line, which may be painted.
    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", line.replace(|c: char| c.is_control() && c != '\x1b', " ").trim_end());
    }

    /// The text between ANSI codes, where colours are wanted.
    pub(super) fn paint(&self, codes: &str, text: &str) -> String {
        let text = text.replace(char::is_control, " ");
        if self.colour { format!("\x1b[{codes}m{text}\x1b[0m") } else { text }
    }

    /// Text wrapped at the width, every line indented.
    pub(super) fn wrapped(&mut self, text: &str, indent: usize) {
        for line in wrap(text, self.width - indent) {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }
}
