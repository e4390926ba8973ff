//! The URLs of the database and the cache: checked when they are read, masked when they are shown.

use std::fmt;
use std::str::FromStr;

use tokio_postgres::config::SslMode;

use crate::mask::Mask;

/// The name under which the service's connections are listed.
const APPLICATION: &str = "agenthub";

/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
#[derive(Clone)]
pub struct DatabaseUrl {
    masked: String,
    config: tokio_postgres::Config,
}

/// `redis://HOST:PORT/NUMBER`, with `USER:PASSWORD@` where it needs one.
#[derive(Clone)]
pub struct RedisUrl {
    text: String,
    masked: String,
}

/// A URL that cannot be used. Its text shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not the URL of such a server: not shown, since a password may be anywhere in it.
    #[error("not a URL of {server}: write {shape}")]
    Scheme {
        /// Of what it should be.
        server: &'static str,
        /// What would do.
        shape: &'static str,
    },
    /// A part of it is wrong.
    #[error("{masked} cannot be used: {problem}")]
    Part {
        /// The URL.
        masked: String,
        /// What is wrong, and what would do.
        problem: String,
    },
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            let shape = "postgres://USER:PASSWORD@HOST:PORT/DATABASE";
            return Err(UrlError::Scheme { server: "a PostgreSQL database", shape });
        }
        let masked = Mask::default().url(text).into_owned();
        let wrong = |problem: String| Err(UrlError::Part { masked: masked.clone(), problem });
        let mut config: tokio_postgres::Config = match text.parse() {
            Ok(config) => config,
            Err(error) => return wrong(super::database::reason(&error)),
        };
        if config.get_hosts().is_empty() {
            return wrong("it names no host".to_owned());
        }
        if config.get_ssl_mode() == SslMode::Require {
            return wrong("the reference service speaks no TLS to its database: take sslmode=require out".to_owned());
        }
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        Ok(Self { masked, config })
    }
}

impl DatabaseUrl {
    pub(super) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }
}

impl FromStr for RedisUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if !text.starts_with("redis://") {
            return Err(UrlError::Scheme { server: "a Redis", shape: "redis://HOST:PORT" });
        }
        let masked = Mask::default().url(text).into_owned();
        match redis::Client::open(text) {
            Ok(_) => Ok(Self { text: text.to_owned(), masked }),
            Err(error) => Err(UrlError::Part { masked, problem: error.to_string() }),
        }
    }
}

impl RedisUrl {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let database: DatabaseUrl = "postgres://me:hunter22@127.0.0.1:5432/agenthub".parse().expect("a URL");
        let redis: RedisUrl = "redis://:hunter22@127.0.0.1:6379".parse().expect("a URL");
        assert_eq!(database.to_string(), "postgres://***@127.0.0.1:5432/agenthub");
        for shown in [format!("{database:?} {:?}", database.config()), format!("{redis} {redis:?}")] {
            assert!(!shown.contains("hunter22"), "{shown}");
        }
        for text in ["me:hunter22@127.0.0.1/db", "host=127.0.0.1 password=hunter22", "postgres://me:hunter22@h:port/x"]
        {
            let refused = text.parse::<DatabaseUrl>().expect_err(text).to_string();
            assert!(!refused.contains("hunter22"), "{refused}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_with_what_would_do() {
        for (text, said) in [
            ("http://127.0.0.1:5432", "write postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
            ("postgres://", "names no host"),
            ("postgres://me@127.0.0.1:many/x", "port"),
            ("postgres://me@127.0.0.1/x?sslmode=require", "take sslmode=require out"),
            ("postgres://me@127.0.0.1/x?pool=3", "pool"),
        ] {
            let refused = text.parse::<DatabaseUrl>().expect_err(text).to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
        for (text, said) in
            [("127.0.0.1:6379", "write redis://HOST:PORT"), ("redis://127.0.0.1:6379/first", "database")]
        {
            let refused = text.parse::<RedisUrl>().expect_err(text).to_string();
            assert!(refused.to_lowercase().contains(&said.to_lowercase()), "{text}: {refused}");
        }
    }
}
