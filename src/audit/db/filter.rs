//! The columns that a filter of a plan compares with constants, as an index wants them.

/// Those of a filter that is nothing but `column op constant`, or several with AND; equal ones first, then one that is
/// compared otherwise. `None` of any other filter.
pub(super) fn columns(filter: &str, alias: &str, known: &[String], varchars: &[String]) -> Option<Vec<String>> {
    let mut equal = Vec::new();
    let mut ranges = Vec::new();
    for part in split(bare(filter), " AND ") {
        let (column, equals) = compared(bare(part), alias, known, varchars)?;
        let among = if equals { &mut equal } else { &mut ranges };
        if !among.contains(&column) {
            among.push(column);
        }
    }
    // Behind a range a further column narrows nothing.
    let range = ranges.into_iter().find(|column| !equal.contains(column));
    equal.extend(range);
    Some(equal)
}

/// The column of a comparison with a constant, and whether it is for equality.
fn compared(part: &str, alias: &str, known: &[String], varchars: &[String]) -> Option<(String, bool)> {
    let (left, right, operator) =
        [" = ", " >= ", " <= ", " > ", " < "].into_iter().find_map(|operator| match split(part, operator)[..] {
            [left, right] => Some((left, right, operator)),
            _ => None,
        })?;
    if !is_constant(right) {
        return None;
    }
    // A varchar is compared as text, which its index serves; any other cast is an expression.
    let cast = left.strip_suffix("::text").map(bare);
    let named = cast.unwrap_or(left);
    let quoted = format!("\"{}\"", alias.replace('"', "\"\""));
    let column =
        [alias, &quoted].iter().find_map(|alias| named.strip_prefix(*alias)?.strip_prefix('.')).unwrap_or(named);
    let among = if cast.is_some() { varchars } else { known };
    among.iter().any(|known| known == column).then(|| (column.to_owned(), operator == " = "))
}

/// A literal or a parameter, with its type: `'2026-01-01'::timestamp without time zone`.
fn is_constant(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c == '\'' || c == '$' || c == '-' || c.is_ascii_digit());
    let mut others = outside(text).skip_while(|(at, _)| *at == 0);
    begins
        && !text.contains(" COLLATE ")
        && others.all(|(at, _)| text[at..].starts_with(|c: char| c.is_alphanumeric() || "\'\" :_.,()[]".contains(c)))
}

/// Without the parentheses around all of it.
fn bare(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return text };
    let closes_early = outside(inner).any(|(_, depth)| depth < 0);
    if closes_early { text } else { bare(inner) }
}

/// At a separator outside of quotes and parentheses.
fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, depth) in outside(text) {
        if depth == 0 && at >= from && text[at..].starts_with(separator) {
            parts.push(&text[from..at]);
            from = at + separator.len();
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Where each character outside of quotes is, and within how many parentheses, itself counted.
fn outside(text: &str) -> impl Iterator<Item = (usize, i32)> {
    let (mut quote, mut depth) = (None, 0);
    text.char_indices().filter_map(move |(at, c)| {
        match (quote, c) {
            (Some(open), c) => {
                if c == open {
                    quote = None;
                }
                return None;
            }
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
        Some((at, depth))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(filter: &str) -> Option<String> {
        let known = ["a", "title", "\"Größe (m) AND = \""].map(str::to_owned);
        Some(columns(filter, "t", &known, &["title".to_owned()])?.join(", "))
    }

    #[test]
    fn columns_that_are_compared_with_constants_are_found_in_the_order_an_index_wants() {
        for (filter, wanted) in [
            ("(a = 5)", "a"),
            ("(t.a = $1)", "a"),
            ("(\"t\".a >= '-5'::integer)", "a"),
            ("((title)::text = 'it''s (x AND a = 1'::text)", "title"),
            ("((t.title)::text = 'x y'::text)", "title"),
            ("((a > 5) AND ((title)::text = 'x'::text))", "title, a"),
            ("((a > 5) AND (a < 9))", "a"),
            ("(a >= '2026-01-01 00:00:00'::timestamp without time zone)", "a"),
            ("((a > 5) AND (\"Größe (m) AND = \" < 7) AND (title = 'x'::text))", "title, a"),
        ] {
            assert_eq!(of(filter).as_deref(), Some(wanted), "{filter}");
        }
    }

    #[test]
    fn whatever_else_a_filter_does_is_no_ready_index() {
        for filter in [
            "(lower(title) = 'x'::text)",
            "((a)::text = 'x'::text)",
            "((a)::numeric = 1.5)",
            "((a = 1) OR (a = 2))",
            "((a = 1) AND (lower(title) = 'x'::text))",
            "(a = ANY ('{1,2}'::integer[]))",
            "(a = title)",
            "(title = ('x'::text || a))",
            "(title = 'x'::text || a)",
            "(title = 'x'::text COLLATE \"C\")",
            "(a <> 5)",
            "(title ~~ '%x'::text)",
            "(unknown = 5)",
            "(a IS NULL)",
            "a",
            "",
        ] {
            assert_eq!(of(filter), None, "{filter}");
        }
    }
}
