//! Where a server is, with the credentials that must not be shown.

use std::fmt;

use url::Url;

use crate::mask::MASKED;

/// A URL whose password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads `postgres://user:password@host:5432/name`.
    pub fn postgres(text: &str) -> Result<Self, String> {
        Self::parse(text, &["postgres", "postgresql"], "postgres://user:password@127.0.0.1:5432/agenthub")
    }

    /// Reads `redis://127.0.0.1:6379/0`.
    pub fn redis(text: &str) -> Result<Self, String> {
        Self::parse(text, &["redis", "rediss"], "redis://127.0.0.1:6379")
    }

    /// Reads the address of a page.
    pub fn http(text: &str, example: &str) -> Result<Self, String> {
        Self::parse(text, &["http", "https"], example)
    }

    fn parse(text: &str, schemes: &[&str], example: &str) -> Result<Self, String> {
        // The text itself may hold a password: it is not repeated.
        let url = Url::parse(text.trim()).map_err(|error| format!("not a URL ({error}), e.g. {example}"))?;
        if !schemes.contains(&url.scheme()) {
            return Err(format!("a URL that begins with {}:// is needed, e.g. {example}", schemes[0]));
        }
        if url.host_str().is_none_or(str::is_empty) && !url.query_pairs().any(|(key, _)| key == "host") {
            return Err(format!("the URL names no host, e.g. {example}"));
        }
        Ok(Self(url))
    }

    /// With its credentials: to connect by.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The password, decoded, for masking.
    pub fn password(&self) -> Option<String> {
        let raw = self.0.password().map(percent_decoded);
        raw.or_else(|| self.0.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned()))
    }
}

fn percent_decoded(raw: &str) -> String {
    // `+` is itself in the user part of a URL.
    let pair = format!("x={}", raw.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

impl fmt::Display for Address {
    /// With `***` in place of the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if shown.password().is_some() {
            // Fails only for URLs without a host, which cannot have a password.
            let _ = shown.set_password(Some(MASKED));
        }
        if shown.query_pairs().any(|(key, _)| key == "password") {
            let pairs: Vec<(String, String)> = shown
                .query_pairs()
                .map(|(key, value)| {
                    let value = if key == "password" { MASKED.to_owned() } else { value.into_owned() };
                    (key.into_owned(), value)
                })
                .collect();
            shown.query_pairs_mut().clear().extend_pairs(pairs);
        }
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_and_never_shown() {
        let address = Address::postgres("postgres://me:s%40fe+1@db.example.com:5433/agenthub?sslmode=require").unwrap();
        assert_eq!(address.password().as_deref(), Some("s@fe+1"));
        assert_eq!(address.to_string(), "postgres://me:***@db.example.com:5433/agenthub?sslmode=require");
        assert_eq!(format!("{address:?}"), format!("Address({address})"));
        let address = Address::postgres("postgres://db/x?password=geheim").unwrap();
        assert_eq!(address.password().as_deref(), Some("geheim"));
        assert!(!address.to_string().contains("geheim"));
    }

    #[test]
    fn what_is_no_such_address_is_refused_without_repeating_it() {
        for bad in ["postgres", "mysql://me:geheim@db/x", "http://me:geheim@db", ""] {
            let error = Address::postgres(bad).unwrap_err();
            assert!(error.contains("e.g. postgres://") && !error.contains("geheim"), "{error}");
        }
        assert!(Address::redis("redis://").unwrap_err().contains("names no host"));
    }
}
