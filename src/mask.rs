//! What must not be written or shown: tokens, passwords, cookies.
//!
//! Two nets, one behind the other. A [`Mask`] knows the secret values of a run and takes them out of any text, in each form that a
//! request gives them (plain, JSON-escaped, percent-encoded). And it knows by name what is secret whatever its value: headers such
//! as `Authorization`, fields such as `password` in JSON, forms and queries, and the user part of a URL.

mod fields;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// What stands in place of a secret.
pub const MASKED: &str = "***";

/// Values shorter than this are not looked for: they would turn up everywhere by chance.
const SHORTEST: usize = 3;

/// Takes secrets out of what is written or shown.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// All forms of all values.
    forms: Vec<String>,
}

impl Mask {
    /// Knows some secret values. Those shorter than three characters are only masked where a name gives them away.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let mut mask = Self::default();
        for secret in secrets {
            mask.add(secret.as_ref());
        }
        mask
    }

    /// Knows one more secret value.
    pub fn add(&mut self, secret: &str) {
        if secret.chars().count() < SHORTEST {
            return;
        }
        let json = serde_json::Value::from(secret).to_string();
        let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let path = percent.replace('+', "%20");
        // As JSON writers have it that keep to ASCII.
        let ascii = json[1..json.len() - 1].chars().fold(String::new(), |mut text, c| {
            if c.is_ascii() {
                text.push(c);
            } else {
                let mut units = [0; 2];
                text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            text
        });
        for form in [secret.to_owned(), json[1..json.len() - 1].to_owned(), ascii, path, percent] {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
    }

    /// Masks a text of any kind: the known values, what follows `Bearer` or `Basic`, user parts of URLs, and the values of fields
    /// with a secret name, be they written as JSON (even when it is cut off) or as `name=value`.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut spans = fields::secret_spans(text);
        for form in &self.forms {
            spans.extend(occurrences(text, form));
        }
        replace(text, spans)
    }

    /// Masks the known values alone, where the words around them are our own.
    pub fn values<'t>(&self, text: &'t str) -> Cow<'t, str> {
        replace(text, self.forms.iter().flat_map(|form| occurrences(text, form)).collect())
    }

    /// Masks the value of a header.
    pub fn header<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        if is_secret_name(name) { Cow::Borrowed(MASKED) } else { self.text(value) }
    }

    /// Masks a body of any kind. JSON keeps its form.
    pub fn body<'t>(&self, body: &'t str) -> Cow<'t, str> {
        match serde_json::from_str::<serde_json::Value>(body) {
            Ok(mut json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => {
                if self.json(&mut json) {
                    Cow::Owned(json.to_string())
                } else {
                    self.text(body)
                }
            }
            _ => self.text(body),
        }
    }

    /// Masks JSON: the values of fields with a secret name whole, the known values wherever they stand. Returns whether there were any.
    pub fn json(&self, value: &mut serde_json::Value) -> bool {
        use serde_json::Value;
        match value {
            Value::Object(fields) => {
                let mut changed = false;
                for (name, field) in fields.iter_mut() {
                    if is_secret_name(name) && !field.is_null() {
                        *field = Value::from(MASKED);
                        changed = true;
                    } else {
                        changed |= self.json(field);
                    }
                }
                if fields.keys().any(|name| matches!(self.text(name), Cow::Owned(_))) {
                    *fields = std::mem::take(fields)
                        .into_iter()
                        .map(|(name, field)| (self.text(&name).into_owned(), field))
                        .collect();
                    changed = true;
                }
                changed
            }
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| self.json(item) | changed),
            Value::String(text) => {
                let Cow::Owned(masked) = self.text(text) else { return false };
                *text = masked;
                true
            }
            Value::Number(number) => {
                let number = number.to_string();
                let known = self.forms.contains(&number);
                if known {
                    *value = Value::from(MASKED);
                }
                known
            }
            Value::Bool(_) | Value::Null => false,
        }
    }

    /// Masks a URL or a path with its query: the user part, the query's fields with a secret name, the known values.
    pub fn url<'t>(&self, url: &'t str) -> Cow<'t, str> {
        self.text(url)
    }
}

/// Words that give a name away wherever they are in it.
const ANYWHERE: [&str; 6] = ["password", "passwd", "passphrase", "secret", "authorization", "credential"];

/// Words that do so at its end.
const AT_THE_END: [&str; 11] = [
    "token",
    "cookie",
    "cookies",
    "apikey",
    "accesskey",
    "privatekey",
    "authkey",
    "sessionid",
    "sessionkey",
    "pwd",
    "jwt",
];

/// Whether the value of a field, variable or header of this name is to be taken for a secret, e.g. `access_token`, `X-Api-Key`,
/// `newPassword`; not `token_type` or `max_tokens`.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ANYWHERE.iter().any(|word| plain.contains(word)) || AT_THE_END.iter().any(|word| plain.ends_with(word))
}

/// Where `form` occurs, overlapping occurrences included.
fn occurrences<'t>(text: &'t str, form: &'t str) -> impl Iterator<Item = (usize, usize)> + 't {
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text[from..].find(form)?;
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
        Some((at, at + form.len()))
    })
}

/// Replaces the union of the spans. Spans that overlap or touch become one mask, so that no rest of a secret is left between two.
fn replace(text: &str, mut spans: Vec<(usize, usize)>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_unstable();
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    let mut spans = spans.into_iter().peekable();
    while let Some((from, mut to)) = spans.next() {
        while let Some((_, next_to)) = spans.next_if(|(next, _)| *next <= to) {
            to = to.max(next_to);
        }
        masked.push_str(&text[done..from]);
        masked.push_str(MASKED);
        done = to;
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}
