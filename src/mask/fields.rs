//! Finds values that a name gives away, in a text of any kind: no parser, since bodies in messages are often cut off.

use super::is_secret_name;

type Span = (usize, usize);

/// The spans of the values of fields with a secret name, of credentials after `Bearer` and `Basic`, and of user parts in URLs.
pub(super) fn secret_spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b':' => {
                spans.extend(user_of_url(text, at));
                spans.extend(field(text, at, &[',', '}', ']', '\n', '\r']));
            }
            b'=' => spans.extend(field(text, at, &['&', ' ', '\t', ';', ',', '\n', '\r', '"', '\'', '#', ')', '>'])),
            b' ' => spans.extend(credentials(text, at)),
            _ => {}
        }
    }
    spans
}

/// `user:password` of `scheme://user:password@host`; `at` is the colon behind the scheme.
fn user_of_url(text: &str, at: usize) -> Option<Span> {
    let rest = text[at..].strip_prefix("://")?;
    let from = at + 3;
    let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(rest.len());
    let user = rest[..end].rfind('@')?;
    (user > 0).then_some((from, from + user))
}

/// The value behind the sign at `at` (`:` or `=`), where the name before it is a secret one. A quoted value ends at its quote, a
/// plain one at one of `ends`.
fn field(text: &str, at: usize, ends: &[char]) -> Option<Span> {
    let before = text[..at].trim_end_matches(' ');
    let before = before.strip_suffix("\\\"").or_else(|| before.strip_suffix(['"', '\''])).unwrap_or(before);
    let name_from = before
        .rfind(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .map_or(0, |index| index + before[index..].chars().next().map_or(1, char::len_utf8));
    let name = &before[name_from..];
    if name.is_empty() || !is_secret_name(name) {
        return None;
    }
    let rest = &text[at + 1..];
    let rest = rest.trim_start_matches(' ');
    let from = text.len() - rest.len();
    if let Some(quoted) = rest.strip_prefix("\\\"") {
        let end = quoted.find("\\\"").unwrap_or(quoted.len());
        return (end > 0).then_some((from + 2, from + 2 + end));
    }
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let end = end_of_string(&rest[1..], quote);
        return (end > 0).then_some((from + 1, from + 1 + end));
    }
    if rest.starts_with(['{', '[']) {
        return None;
    }
    let end = rest.find(ends).unwrap_or(rest.len());
    let value = rest[..end].trim_end();
    (!value.is_empty() && value != "null").then_some((from, from + value.len()))
}

/// Length of a quoted string up to its closing quote or the end of the text.
fn end_of_string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return index,
            _ => {}
        }
    }
    text.len()
}

/// What follows `Bearer ` or `Basic `; `at` is the blank. Short words are prose, e.g. "bearer of news".
fn credentials(text: &str, at: usize) -> Option<Span> {
    let before = text.as_bytes()[..at].rsplit(|byte| !byte.is_ascii_alphabetic()).next()?;
    let scheme = [&b"bearer"[..], b"basic"].iter().any(|scheme| before.eq_ignore_ascii_case(scheme));
    let rest = &text[at + 1..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c))).unwrap_or(rest.len());
    (scheme && end >= 8).then_some((at + 1, at + 1 + end))
}
