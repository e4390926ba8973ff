//! Where a server is, with the credentials that must not be shown.

use std::fmt;

use url::Url;

use crate::mask::{MASKED, is_secret_name};

/// A URL whose password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads `postgres://user:password@host:5432/name`.
    pub fn postgres(text: &str) -> Result<Self, String> {
        let example = "postgres://user:password@127.0.0.1:5432/agenthub";
        // SQLAlchemy names the driver in the scheme: postgresql+asyncpg://.
        let text = text.trim();
        let named = text.split_once("://").and_then(|(scheme, rest)| Some((scheme.split_once('+')?.0, rest)));
        let plain = named.map(|(scheme, rest)| format!("{scheme}://{rest}"));
        let address = Self::parse(plain.as_deref().unwrap_or(text), &["postgres", "postgresql"], example)?;
        super::postgres::settings(&address.0).map_err(|why| format!("{address}: {why}, e.g. {example}"))?;
        Ok(address)
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

    /// The password, or what else is secret in the query, decoded, for masking.
    pub fn password(&self) -> Option<String> {
        let raw = self.0.password().or_else(|| self.lone_user());
        raw.map(percent_decoded)
            .or_else(|| self.0.query_pairs().find(|(key, _)| is_secret_name(key)).map(|(_, value)| value.into_owned()))
    }
}

fn percent_decoded(raw: &str) -> String {
    // `+` is itself in the user part of a URL.
    let pair = format!("x={}", raw.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

impl Address {
    /// A user without a password: of a database somebody's name, elsewhere mostly the secret itself.
    fn lone_user(&self) -> Option<&str> {
        let names_somebody = self.0.scheme().starts_with("postgres");
        (!names_somebody && self.0.password().is_none()).then(|| self.0.username()).filter(|user| !user.is_empty())
    }
}

impl fmt::Display for Address {
    /// With `***` in place of the password, and of what is secret in the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if self.lone_user().is_some() {
            let _ = shown.set_username(MASKED);
        }
        if shown.password().is_some() {
            // Fails only for URLs without a host, which cannot have a password.
            let _ = shown.set_password(Some(MASKED));
        }
        if shown.query_pairs().any(|(key, _)| is_secret_name(&key)) {
            let pairs: Vec<(String, String)> = shown
                .query_pairs()
                .map(|(key, value)| {
                    let value = if is_secret_name(&key) { MASKED.to_owned() } else { value.into_owned() };
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
    fn a_user_that_stands_alone_is_a_secret_but_in_a_database_s_address() {
        for (address, shown) in [
            (Address::redis("redis://geheim@cache:6379").unwrap(), "redis://***@cache:6379"),
            (Address::http("http://geheim@api/metrics", "").unwrap(), "http://***@api/metrics"),
        ] {
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.password().as_deref(), Some("geheim"));
        }
        let somebody = Address::postgres("postgres://monitor@db/agenthub").unwrap();
        assert_eq!((somebody.to_string().as_str(), somebody.password()), ("postgres://monitor@db/agenthub", None));
    }

    #[test]
    fn the_driver_in_a_scheme_is_passed_over() {
        let address = Address::postgres("postgresql+asyncpg://me:geheim@db/agenthub").unwrap();
        assert_eq!(address.to_string(), "postgresql://me:***@db/agenthub");
    }

    #[test]
    fn what_is_no_such_address_is_refused_without_repeating_it() {
        for bad in ["postgres", "mysql://me:geheim@db/x", "http://me:geheim@db", ""] {
            let error = Address::postgres(bad).unwrap_err();
            assert!(error.contains("e.g. postgres://") && !error.contains("geheim"), "{error}");
        }
        assert!(Address::redis("redis://").unwrap_err().contains("names no host"));
        for (bad, says) in [
            ("postgres://me:geheim@db/x?sslmode=on", "verify-full"),
            ("postgres://me:geheim@db/x?colour=geheim", "colour"),
            ("postgres://me:geheim@db/x?sslmode=verify-ca&sslrootcert=/nowhere.pem", "sslrootcert /nowhere.pem"),
        ] {
            let error = Address::postgres(bad).unwrap_err();
            assert!(error.contains(says) && !error.contains("me:geheim"), "{error}");
        }
    }
    #[test]
    fn what_is_secret_in_a_query_is_masked_by_its_name() {
        let address = Address::http("https://api/metrics?token=geheim&format=text", "").unwrap();
        assert_eq!(address.to_string(), "https://api/metrics?token=***&format=text");
        assert_eq!(address.password().as_deref(), Some("geheim"));
        assert_eq!(address.url().query(), Some("token=geheim&format=text"), "it is asked for as it was given");
    }

    #[test]
    fn addresses_of_any_kind_are_taken_as_they_are() {
        for text in [
            "redis://127.0.0.1:6379/3",
            "rediss://cache.example.com:6380",
            "redis://[::1]:6379",
            "http://[fe80::1]:8080/nginx_status",
            "https://api.example.com/metrics?format=text",
            "postgres:///agenthub?host=/var/run/postgresql",
        ] {
            let address = match text.split(':').next().unwrap() {
                "redis" | "rediss" => Address::redis(text),
                "postgres" => Address::postgres(text),
                _ => Address::http(text, "http://127.0.0.1/"),
            };
            let address = address.unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((address.to_string().as_str(), address.password()), (text, None));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_password_is_ever_shown(
            text in "(?s).{0,80}",
            password in "[a-z%:@/?#&=+ ]{0,12}[A-Z]{8}",
        ) {
            let _ = (Address::postgres(&text), Address::redis(&text), Address::http(&text, ""));
            let encoded: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
            let secret = &password[password.len() - 8..];
            for url in [
                format!("redis://me:{password}@host/1"),
                format!("redis://me:{}@host/1", encoded.replace('+', "%20")),
                format!("redis://host/1?password={encoded}"),
            ] {
                match Address::redis(&url) {
                    // What follows a slash, a question mark or a number sign is no part of a password.
                    Ok(address) if address.password().is_some_and(|known| known.contains(secret)) => {
                        proptest::prop_assert!(!address.to_string().contains(secret), "{address}");
                    }
                    Ok(_) => {}
                    Err(error) => proptest::prop_assert!(!error.contains(secret), "{error}"),
                }
            }
            let address = Address::redis(&format!("redis://me:{}@host/1", encoded.replace('+', "%20"))).unwrap();
            proptest::prop_assert_eq!(address.password(), Some(password));
        }
    }
}
