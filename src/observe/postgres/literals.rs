//! Statements as they may be shown: on one line, and without the values in them, which may be anybody's secrets.

use std::iter::Peekable;
use std::str::CharIndices;

/// Characters of a statement that are kept.
const LONGEST: usize = 1000;
/// What stands in place of a value.
const VALUE: char = '?';

/// Whether numbers are values too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// As in a statement that somebody sent.
    Hide,
    /// In one that the server has normalised: what numbers are left belong to it.
    Keep,
}

/// `text` with `?` in place of its values, without comments, its blanks and line ends one blank each, at most 1,000 characters.
pub(crate) fn shown(text: &str, numbers: Numbers) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text.char_indices().peekable();
    // Of the word before: its last character, which tells whether a digit begins a number.
    let mut before = ' ';
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map_or(' ', |&(_, next)| next);
        match c {
            '\'' => {
                if text[at..].contains("\\'") {
                    // Where a string ends hangs on settings of that session: what follows may be inside or outside.
                    shown.push_str("? …");
                    break;
                }
                // What says which kind of string it is belongs to it: E'…', B'…', U&'…'.
                drop_prefix(&mut shown);
                skip_string(&mut rest, c);
                shown.push(VALUE);
            }
            '"' => {
                let end = quoted_end(&text[at..]);
                shown.push_str(&text[at..at + end]);
                while rest.next_if(|(next, _)| *next < at + end).is_some() {}
            }
            '$' if !is_word(before) && !next.is_ascii_digit() => match dollar_tag(&text[at..]) {
                Some(tag) => {
                    let body = at + tag.len();
                    let end = text[body..].find(tag).map_or(text.len(), |end| body + end + tag.len());
                    while rest.next_if(|(next, _)| *next < end).is_some() {}
                    shown.push(VALUE);
                }
                None => shown.push(c),
            },
            '-' if next == '-' => {
                while rest.next_if(|(_, c)| *c != '\n').is_some() {}
                shown.push(' ');
            }
            '/' if next == '*' => {
                skip_comment(&mut rest);
                shown.push(' ');
            }
            '0'..='9' if numbers == Numbers::Hide && !is_word(before) && before != '$' => {
                while let Some((_, c)) = rest.next_if(|(_, c)| is_word(*c) || *c == '.') {
                    // 1e-5
                    if matches!(c, 'e' | 'E') {
                        let _ = rest.next_if(|(_, sign)| matches!(sign, '-' | '+'));
                    }
                }
                shown.push(VALUE);
            }
            c => shown.push(c),
        }
        before = if c == '$' && next.is_ascii_digit() { '$' } else { shown.chars().next_back().unwrap_or(' ') };
        // `$12`: its second digit follows a word.
        if before == '$' {
            while let Some((_, digit)) = rest.next_if(|(_, c)| c.is_ascii_digit()) {
                shown.push(digit);
            }
            before = '0';
        }
    }
    one_line(&shown)
}

/// On one line, and not too long.
pub(super) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some(_) => line.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn drop_prefix(shown: &mut String) {
    for prefix in ["U&", "u&", "E", "e", "B", "b", "X", "x", "N", "n"] {
        if let Some(stem) = shown.strip_suffix(prefix)
            && !stem.chars().next_back().is_some_and(is_word)
        {
            shown.truncate(stem.len());
            return;
        }
    }
}

/// To the end of a string in which two quotes stand for one; one that has no end goes to the end of the text.
fn skip_string(rest: &mut Peekable<CharIndices<'_>>, quote: char) {
    while let Some((_, c)) = rest.next() {
        if c == quote && rest.next_if(|(_, next)| *next == quote).is_none() {
            return;
        }
    }
}

/// The length of the quoted name that begins here.
fn quoted_end(text: &str) -> usize {
    text[1..].find('"').map_or(text.len(), |end| end + 2)
}

/// The tag of a dollar-quoted string that begins here: `$$`, `$body$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 2;
    text[1..end - 1].chars().all(is_word).then(|| &text[..end])
}

/// Comments nest.
fn skip_comment(rest: &mut Peekable<CharIndices<'_>>) {
    let mut depth = 0;
    let mut before = '/';
    for (_, c) in rest {
        match (before, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                before = c;
                continue;
            }
        }
        if depth == 0 {
            return;
        }
        before = ' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> String {
        shown(text, Numbers::Hide)
    }

    #[test]
    fn values_are_hidden_and_what_is_no_value_stays() {
        for (text, expected) in [
            (
                "SELECT * FROM tasks WHERE id = 4711 AND title = 'geheim'",
                "SELECT * FROM tasks WHERE id = ? AND title = ?",
            ),
            ("UPDATE t1 SET a2 = -1.5e-7, b = 0x1F, c = .5", "UPDATE t1 SET a2 = -?, b = ?, c = .?"),
            ("SELECT 'it''s ''geheim''', E'x', U&'\\0041', B'1' , name'x'", "SELECT ?, ?, ?, ? , name?"),
            ("SELECT $1, $23::int, \"Col 7\", x.\"it\"\"s\"", "SELECT $1, $23::int, \"Col 7\", x.\"it\"\"s\""),
            ("DO $$ BEGIN PERFORM 'a'; END $$; SELECT $x$ge$heim$x$, 5", "DO ?; SELECT ?, ?"),
            ("SELECT a -- geheim '\n  , b /* ge /* he */ im */ FROM t", "SELECT a , b FROM t"),
            ("SELECT a\n\t  FROM   t", "SELECT a FROM t"),
            ("INSERT INTO t VALUES (1,2,'x'),(3,4,'y')", "INSERT INTO t VALUES (?,?,?),(?,?,?)"),
        ] {
            assert_eq!(sent(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_cut_off_within_a_value_or_cannot_be_told_shows_nothing_of_it() {
        for text in [
            "SELECT 'geheim",
            "SELECT $$geheim",
            "SELECT $q$geheim $q",
            "SELECT 1 /* geheim",
            "SELECT E'it\\'s geheim', 'geheim'",
            "SELECT 'a\\', 'geheim'",
            "SELECT 'x', E'a\\' geheim '",
            "SELECT 'ge''heim' || 'geheim",
        ] {
            assert!(!sent(text).contains("geheim") && !sent(text).contains("heim"), "{text}: {}", sent(text));
        }
    }

    #[test]
    fn a_normalised_statement_keeps_its_numbers_and_still_shows_no_password() {
        assert_eq!(shown("ALTER ROLE x PASSWORD 'geheim'", Numbers::Keep), "ALTER ROLE x PASSWORD ?");
        assert_eq!(shown("SELECT numeric(10,2), $1", Numbers::Keep), "SELECT numeric(10,2), $1");
    }

    #[test]
    fn a_long_one_is_cut() {
        let long = shown(&"ä, ".repeat(1000), Numbers::Keep);
        assert_eq!(long.chars().count(), 1000);
        assert!(long.ends_with('…'));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_stumble_and_no_plain_string_is_shown(before in "[ -~\n]{0,20}", value in "[a-z]{8}") {
            let _ = shown(&before, Numbers::Hide);
            let statement = format!("SELECT a FROM t WHERE b = 1 AND c = '{value}' AND d = '{value}'");
            proptest::prop_assert!(!sent(&statement).contains(&value));
        }
    }
}
