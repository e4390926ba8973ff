//! A page for a terminal: lines of at most its width, painted where colours are wanted. No text that it is given can speak to the terminal.

use super::columns::{Columns, wrap};

/// Narrower than this nothing is readable.
const LEAST_WIDTH: usize = 60;

/// What is written so far, and how.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) width: usize,
    pub(super) colour: bool,
}

impl Page {
    /// An empty one.
    pub(super) fn new(width: usize, colour: bool) -> Self {
        Self { text: String::new(), width: width.max(LEAST_WIDTH), colour }
    }

    /// Adds a line, which may be painted.
    pub(super) fn line(&mut self, line: &str) {
        let painted = |rest: &str| self.colour && paints(rest);
        let spoken = |(at, c): (usize, char)| c.is_control() && !(c == '\x1b' && painted(&line[at + 1..]));
        let silent: String = line.char_indices().map(|(at, c)| if spoken((at, c)) { ' ' } else { c }).collect();
        self.text.push_str(silent.trim_end());
        self.text.push('\n');
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

    /// The titles of columns.
    pub(super) fn heading(&mut self, columns: &Columns, indent: usize) {
        let painted = self.paint("2", columns.heading().trim_end());
        self.line(&format!("{:indent$}{painted}", ""));
    }

    /// A name in a column of its own of so many places, and what there is to say.
    pub(super) fn field(&mut self, name: &str, column: usize, text: &str) {
        for (n, line) in wrap(text, self.width - column - 3).iter().enumerate() {
            self.line(&format!("   {:column$}{line}", if n == 0 { name } else { "" }));
        }
    }
}

/// Whether what follows an escape is a colour: `[1;31m`.
fn paints(rest: &str) -> bool {
    let codes = rest.strip_prefix('[').and_then(|rest| rest.split_once('m'));
    codes.is_some_and(|(codes, _)| codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_paints_and_says_nothing_else_to_the_terminal() {
        let said = |colour: bool| {
            let mut page = Page::new(80, colour);
            let painted = page.paint("1;31", "FAIL\u{1b}[2J");
            page.line(&format!("{painted} \u{1b}[2J\u{1b}]0;x\u{7}\r\u{9b}m\u{1b}"));
            page.text
        };
        assert_eq!(said(true), "\u{1b}[1;31mFAIL [2J\u{1b}[0m  [2J ]0;x   m\n");
        assert_eq!(said(false), "FAIL [2J  [2J ]0;x   m\n");
    }
}
