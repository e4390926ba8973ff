//! How a value is written where it goes: JSON, a path, a query, a form, or as it is.

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encode {
    /// Nothing is changed.
    Plain,
    /// Inside a JSON string.
    JsonText,
    /// A whole JSON value: a text gets quotes, anything else keeps its type.
    JsonValue,
    /// A segment of a path, or a value in a query: all but the unreserved characters of RFC 3986 are percent-encoded, `/` too.
    Url,
    /// A value of a form: like [`Encode::Url`], with `+` for a blank.
    Form,
}

impl Encode {
    /// Writes a value; `json` says that its text is JSON as it is.
    pub(super) fn write(self, text: &str, json: bool, into: &mut String) {
        match self {
            Self::Plain => into.push_str(text),
            Self::JsonValue if json => into.push_str(text),
            Self::JsonValue => {
                into.push('"');
                escape_json(text, into);
                into.push('"');
            }
            Self::JsonText => escape_json(text, into),
            Self::Url => percent_encode(text, "%20", into),
            Self::Form => percent_encode(text, "+", into),
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push_hex(byte: u8, into: &mut String) {
    into.push(char::from(HEX[usize::from(byte >> 4)]));
    into.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Escapes what RFC 8259 wants escaped in a string: quotes, backslashes and control characters.
fn escape_json(text: &str, into: &mut String) {
    let mut plain_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        into.push_str(&text[plain_from..index]);
        plain_from = index + 1;
        match byte {
            b'"' => into.push_str("\\\""),
            b'\\' => into.push_str("\\\\"),
            b'\n' => into.push_str("\\n"),
            b'\r' => into.push_str("\\r"),
            b'\t' => into.push_str("\\t"),
            _ => {
                into.push_str("\\u00");
                push_hex(byte, into);
            }
        }
    }
    into.push_str(&text[plain_from..]);
}

fn percent_encode(text: &str, blank: &str, into: &mut String) {
    let mut plain_from = 0;
    for (index, byte) in text.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            continue;
        }
        // Each byte of a letter beyond ASCII comes here, so what is plain begins and ends between letters.
        if plain_from < index {
            into.push_str(&text[plain_from..index]);
        }
        plain_from = index + 1;
        if byte == b' ' {
            into.push_str(blank);
        } else {
            into.push('%');
            push_hex(byte, into);
        }
    }
    into.push_str(&text[plain_from..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(encode: Encode, text: &str, json: bool) -> String {
        let mut into = String::new();
        encode.write(text, json, &mut into);
        into
    }

    #[test]
    fn each_place_has_its_own_form() {
        let text = "a/b ä\"\n&=+%";
        assert_eq!(written(Encode::Plain, text, false), text);
        assert_eq!(written(Encode::JsonText, text, false), "a/b ä\\\"\\n&=+%");
        assert_eq!(written(Encode::JsonValue, text, false), "\"a/b ä\\\"\\n&=+%\"");
        assert_eq!(written(Encode::Url, text, false), "a%2Fb%20%C3%A4%22%0A%26%3D%2B%25");
        assert_eq!(written(Encode::Form, text, false), "a%2Fb+%C3%A4%22%0A%26%3D%2B%25");
        assert_eq!(written(Encode::JsonValue, "[1,2]", true), "[1,2]");
        assert_eq!(written(Encode::JsonText, "[\"a\"]", true), "[\\\"a\\\"]");
    }

    proptest! {
        #[test]
        fn json_reads_back_what_was_written(text in any::<String>()) {
            let read: String = serde_json::from_str(&written(Encode::JsonValue, &text, false)).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn a_query_reads_back_what_was_written(text in any::<String>()) {
            for encode in [Encode::Url, Encode::Form] {
                let query = format!("a={}&b=1", written(encode, &text, false));
                let read: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                prop_assert_eq!(&read, &[("a".to_owned(), text.clone()), ("b".to_owned(), "1".to_owned())]);
            }
        }
    }
}
