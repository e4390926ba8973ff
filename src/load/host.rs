//! The system under test: where it is, and whether it may be loaded.

use std::net::IpAddr;

use url::Url;

/// A host that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The text is no URL of a host.
    #[error("{text:?} is not a host: {problem}; write http://NAME:PORT or https://NAME")]
    Invalid {
        /// As written, without credentials.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It is outside this machine and nobody allowed it.
    #[error(
        "host {name:?} is not on this machine: allow load on it with --allow-host {name}, or `allow_hosts = [{name:?}]` in agenthub-perf.toml"
    )]
    NotAllowed {
        /// The name or address.
        name: String,
    },
}

/// The names that load may go to besides this machine's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    /// These names or addresses, and the loopback ones, which are always allowed.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let plain = |name: String| name.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        Self(names.into_iter().map(plain).collect())
    }

    /// Whether load may go to a name or address. Looks nothing up.
    pub fn permits(&self, name: &str) -> bool {
        let name = name.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let loopback = name.parse::<IpAddr>().map_or_else(
            |_| name == "localhost" || name.ends_with(".localhost"),
            |address| address.is_loopback() || address.to_canonical().is_loopback(),
        );
        loopback || self.0.contains(&name)
    }
}

/// Scheme, name and port: what one connection serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address, without brackets.
    pub name: String,
    /// Port.
    pub port: u16,
}

impl Origin {
    /// Of a URL; `None` where it is neither http nor https or has no host.
    pub fn of(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let name = url.host_str()?.trim_matches(['[', ']']).to_owned();
        (!name.is_empty()).then_some(Self { tls, name, port: url.port_or_known_default()? })
    }

    /// What the `host` header says: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let name = if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() };
        if self.port == if self.tls { 443 } else { 80 } { name } else { format!("{name}:{}", self.port) }
    }
}

/// The system under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where it listens.
    pub origin: Origin,
    /// What comes before every path, without a slash at its end: mostly empty.
    pub base_path: String,
}

impl Host {
    /// Reads `http://localhost:8000` or `https://perf.example.com/agenthub`; a name without a scheme is http.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let invalid =
            |problem: &str| HostError::Invalid { text: without_credentials(text), problem: problem.to_owned() };
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).map_err(|error| invalid(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("credentials do not belong into it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a query or a fragment"));
        }
        let origin =
            Origin::of(&url).ok_or_else(|| invalid("its scheme is neither http nor https, or it has no name"))?;
        if url.port() == Some(0) {
            return Err(invalid("port 0 cannot be connected to"));
        }
        Ok(Self { origin, base_path: url.path().trim_end_matches('/').to_owned() })
    }

    /// Refuses a host that is neither on this machine nor allowed. Looks nothing up.
    pub fn check_allowed(&self, allowed: &AllowedHosts) -> Result<(), HostError> {
        if allowed.permits(&self.origin.name) {
            Ok(())
        } else {
            Err(HostError::NotAllowed { name: self.origin.name.clone() })
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.origin.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.origin.authority(), self.base_path)
    }
}

fn without_credentials(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}***{}", &text[..scheme + 3], &text[at..]),
        (None, Some(at)) => format!("***{}", &text[at..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_its_port_and_base_path() {
        let host = Host::parse("https://perf.example.com/agenthub/").unwrap();
        assert_eq!(host.origin, Origin { tls: true, name: "perf.example.com".into(), port: 443 });
        assert_eq!(host.base_path, "/agenthub");
        assert_eq!(host.to_string(), "https://perf.example.com/agenthub");
        assert_eq!(Host::parse("localhost:8000").unwrap().to_string(), "http://localhost:8000");
        assert_eq!(Host::parse("http://[::1]:9").unwrap().origin.authority(), "[::1]:9");
    }

    #[test]
    fn what_is_no_host_is_refused_and_its_credentials_are_not_shown() {
        for text in ["", "http://", "ftp://x", "http://a b", "http://h:99999", "http://h?x=1", "http://h:0"] {
            assert!(matches!(Host::parse(text), Err(HostError::Invalid { .. })), "{text:?} was taken");
        }
        let error = Host::parse("http://me:hunter2@localhost").unwrap_err().to_string();
        assert!(error.contains("credentials") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn only_this_machine_is_allowed_unless_a_name_is_given() {
        let none = AllowedHosts::default();
        for name in ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "app.localhost", "::ffff:127.0.0.1"] {
            assert!(none.permits(name), "{name}");
        }
        for name in ["10.0.0.1", "0.0.0.0", "example.com", "localhost.example.com", "192.168.1.1"] {
            assert!(!none.permits(name), "{name}");
        }
        let some = AllowedHosts::new(["Perf.example.com".to_owned()]);
        assert!(some.permits("perf.EXAMPLE.com.") && !some.permits("example.com"));
        let error = Host::parse("http://example.com").unwrap().check_allowed(&none).unwrap_err();
        assert!(error.to_string().contains("--allow-host example.com"));
    }
}
