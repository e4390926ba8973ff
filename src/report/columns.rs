//! Plain columns for a terminal, by display width, and the wrapping and cutting of text.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;
/// Columns that can give way keep at least this.
const LEAST: usize = 12;

/// A table without borders.
pub(crate) struct Columns {
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    right: Vec<usize>,
    whole: Vec<usize>,
}

impl Columns {
    /// `right`: the columns that are aligned right.
    pub(crate) fn new(titles: &[&str], right: &[usize]) -> Self {
        let titles: Vec<String> = titles.iter().map(|&title| title.to_owned()).collect();
        let widths = titles.iter().map(|title| title.width()).collect();
        Self { rows: vec![titles], widths, right: right.to_vec(), whole: Vec::new() }
    }

    /// These columns give no way: what stands in them is copied.
    pub(super) fn keep_whole(&mut self, columns: &[usize]) {
        self.whole = columns.to_vec();
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A control character would break the line, or worse, speak to the terminal.
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.replace(char::is_control, " ")).collect();
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.width());
        }
        self.rows.push(cells);
    }

    /// Narrows the columns of text, the widest first, until a row has at most `width` columns.
    pub(super) fn fit(&mut self, width: usize) {
        while self.width() > width {
            let text = (0..self.widths.len()).filter(|n| !self.right.contains(n) && !self.whole.contains(n));
            match text.max_by_key(|&n| self.widths[n]) {
                Some(n) if self.widths[n] > LEAST => self.widths[n] -= 1,
                _ => return,
            }
        }
    }

    /// Columns of a terminal that a row takes.
    pub(super) fn width(&self) -> usize {
        self.widths.iter().sum::<usize>() + GAP * self.widths.len().saturating_sub(1)
    }

    /// Where a column starts.
    pub(super) fn start_of(&self, column: usize) -> usize {
        self.widths[..column].iter().map(|width| width + GAP).sum()
    }

    /// The titles.
    pub(crate) fn heading(&self) -> String {
        self.layout(&self.rows[0])
    }

    /// The rows, without the titles.
    pub(crate) fn rows(&self) -> impl Iterator<Item = String> {
        self.rows[1..].iter().map(|row| self.layout(row))
    }

    fn layout(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (n, (cell, &width)) in row.iter().zip(&self.widths).enumerate() {
            let cell = cut_middle(cell, width);
            let blank = " ".repeat(width - cell.width().min(width));
            if n > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            if self.right.contains(&n) {
                line.push_str(&blank);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&blank);
            }
        }
        line
    }
}

/// Text that is wider than `width` loses its middle to a `…`: both ends of a path tell it apart.
pub(super) fn cut_middle(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let kept: Vec<char> = chars
            .take_while(|c| {
                used += c.width().unwrap_or(0);
                used <= room
            })
            .collect();
        kept
    };
    let room = width.saturating_sub(1);
    let front: String = take(&mut text.chars(), room - room / 2).into_iter().collect();
    let back: String = take(&mut text.chars().rev(), room / 2).into_iter().rev().collect();
    format!("{front}…{back}")
}

/// Lines of at most `width` columns, broken at blanks; a longer word stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let word = word.replace(char::is_control, "");
        let line = lines.len() - 1;
        if lines[line].is_empty() {
            lines[line] = word;
        } else if lines[line].width() + 1 + word.width() <= width {
            lines[line].push(' ');
            lines[line].push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Lines of at most `width` columns, broken between parts where that is possible.
pub(super) fn wrap_parts(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let part = part.replace(char::is_control, "") + if n + 1 < parts.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.width() + 1 + part.width() <= width => {
                line.push(' ');
                line.push_str(&part);
            }
            _ => lines.extend(wrap(&part, width)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(cut_middle("GET /api/v2/projects", 20), "GET /api/v2/projects");
        assert_eq!(cut_middle("GET /api/v2/projects", 11), "GET /…jects");
        assert_eq!(cut_middle("日本語日本語", 6), "日…語");
    }

    #[test]
    fn text_breaks_at_blanks_only() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("unbreakable x", 4), ["unbreakable", "x"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn parts_stay_whole_where_they_can() {
        let parts = ["CPU 34 %", "memory 112 MB", "x"].map(str::to_owned);
        assert_eq!(wrap_parts(&parts, 20), ["CPU 34 %,", "memory 112 MB, x"]);
        assert_eq!(wrap_parts(&parts, 24), ["CPU 34 %, memory 112 MB,", "x"]);
        assert_eq!(wrap_parts(&parts, 8), ["CPU 34", "%,", "memory", "112 MB,", "x"]);
        assert_eq!(wrap_parts(&[], 8), [""; 0]);
    }

    #[test]
    fn numbers_stand_right_and_names_give_way() {
        let mut columns = Columns::new(&["endpoint", "n"], &[1]);
        columns.row(["GET /api/v2/projects/of/many".to_owned(), "12".to_owned()]);
        columns.row(["x".to_owned(), "3".to_owned()]);
        columns.fit(20);
        let rows: Vec<String> = columns.rows().collect();
        assert_eq!(rows, ["GET /api…of/many  12", "x                  3"]);
    }
}
