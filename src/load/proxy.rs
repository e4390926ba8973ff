//! Proxies as the environment names them: which one a request goes through, and how an https connection gets past it.

use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connect::io_text;
use super::host::{AllowedHosts, Origin};

/// The variables that name a proxy, each in both of its spellings.
const VARIABLES: [&str; 6] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// The largest answer of a proxy to CONNECT, bytes.
const LARGEST_ANSWER: usize = 16 << 10;

/// The proxies that requests go through. Those to this machine never go through one.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    matcher: Option<Arc<Matcher>>,
    /// What is wrong with a variable that names one.
    broken: Option<String>,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens.
    pub(super) origin: Origin,
    /// What `proxy-authorization` says.
    pub(super) credentials: Option<HeaderValue>,
}

impl Proxies {
    /// Those of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
    pub fn from_env() -> Self {
        let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let Some(_) = VARIABLES.iter().find(|name| set(name)) else { return Self::default() };
        let usable = |name: &str| std::env::var(name).is_ok_and(|value| usable(&value));
        let broken = VARIABLES
            .iter()
            .find(|name| set(name) && !usable(name))
            .map(|name| format!("{name} is not the address of a proxy: write http://NAME:PORT, or unset it"));
        Self { matcher: Some(Arc::new(Matcher::from_env())), broken }
    }

    /// Always the same proxy, but for this machine's own names.
    #[cfg(test)]
    pub(super) fn all(url: &str) -> Self {
        Self { matcher: Some(Arc::new(Matcher::builder().all(url).build())), broken: None }
    }

    /// The proxy on the way to an origin. The error says which one cannot be used, and what to do.
    pub fn on_the_way_to(&self, origin: &Origin) -> Result<Option<Proxy>, String> {
        let Some(matcher) = &self.matcher else { return Ok(None) };
        // Loopback names are the only ones that are allowed without being named.
        if AllowedHosts::default().permits(&origin.name) {
            return Ok(None);
        }
        let scheme = if origin.tls { "https" } else { "http" };
        let Ok(place) = Uri::try_from(format!("{scheme}://{}", origin.authority())) else { return Ok(None) };
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let Some(found) = matcher.intercept(&place) else { return Ok(None) };
        let uri = found.uri();
        let name = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if uri.scheme_str() != Some("http") {
            let scheme = uri.scheme_str().unwrap_or_default();
            return Err(format!("proxy {scheme}://{name} is no http proxy: name one as http://NAME:PORT, or unset it"));
        }
        let origin = Origin { tls: false, name, port: uri.port_u16().unwrap_or(80) };
        Ok(Some(Proxy { origin, credentials: found.basic_auth().cloned() }))
    }
}

/// Whether the matcher would take a variable's value: it drops others without a word.
fn usable(value: &str) -> bool {
    value.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some_and(|authority| !authority.host().is_empty()))
}

impl std::fmt::Display for Proxy {
    /// Without its credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let user = if self.credentials.is_some() { "***@" } else { "" };
        write!(f, "http://{user}{}", self.origin.authority())
    }
}

impl Proxy {
    /// Its URL, and what it wants to hear in `proxy-authorization`, which is not to be shown.
    pub(crate) fn parts(&self) -> (String, Option<&HeaderValue>) {
        (format!("http://{}", self.origin.authority()), self.credentials.as_ref())
    }

    /// Asks the proxy at the other end of `stream` for a connection to `origin`; afterwards the stream is that connection.
    pub(super) async fn tunnel(&self, stream: &mut TcpStream, origin: &Origin) -> Result<(), String> {
        let name = if origin.name.contains(':') { format!("[{}]", origin.name) } else { origin.name.clone() };
        let place = format!("{name}:{}", origin.port);
        let mut ask = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some(credentials) = &self.credentials {
            ask.extend_from_slice(b"Proxy-Authorization: ");
            ask.extend_from_slice(credentials.as_bytes());
            ask.extend_from_slice(b"\r\n");
        }
        ask.extend_from_slice(b"\r\n");
        let lost = |error: std::io::Error| format!("proxy {self}: {}", io_text(&error));
        stream.write_all(&ask).await.map_err(lost)?;
        let mut answer = Vec::with_capacity(512);
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            if answer.len() > LARGEST_ANSWER {
                return Err(format!("proxy {self}: its answer to CONNECT has no end"));
            }
            if stream.read_buf(&mut answer).await.map_err(lost)? == 0 {
                return Err(format!("proxy {self}: connection closed before the answer to CONNECT"));
            }
        }
        let line = answer.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        match line.split_once(' ') {
            Some((version, status)) if version.starts_with("HTTP/1.") => match status.get(..3) {
                Some(code) if code.starts_with('2') => {
                    // Behind TLS the client speaks first: whatever came now is not the host's.
                    if answer.ends_with(b"\r\n\r\n") {
                        return Ok(());
                    }
                    Err(format!("proxy {self}: sent more than an answer to CONNECT"))
                }
                _ => Err(refusal(self, &place, status)),
            },
            _ => Err(format!("proxy {self}: its answer to CONNECT is not HTTP")),
        }
    }
}

/// The text for a proxy that says no.
pub(super) fn refusal(proxy: &Proxy, place: &str, status: &str) -> String {
    let plain: String = status.chars().filter(|c| !c.is_control()).take(60).collect();
    let hint = match (plain.get(..3), &proxy.credentials) {
        (Some("407"), None) => "; it asks for credentials: http://USER:PASSWORD@…",
        (Some("407"), Some(_)) => "; it does not take the credentials of its URL",
        _ => "",
    };
    format!("proxy {proxy} refuses {place}: {}{hint}", plain.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&url::Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let proxies = Proxies::all("http://proxy.example.com:3128");
        for host in ["http://localhost:8000", "https://127.0.0.1", "http://[::1]:9", "http://app.localhost"] {
            assert_eq!(proxies.on_the_way_to(&origin(host)), Ok(None), "{host}");
        }
        let proxy = proxies.on_the_way_to(&origin("https://perf.example.com")).unwrap().unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.example.com:3128");
        assert_eq!(Proxies::default().on_the_way_to(&origin("https://perf.example.com")), Ok(None));
    }

    #[test]
    fn credentials_are_sent_and_not_shown() {
        let proxy =
            Proxies::all("http://me:hunter2@proxy:3128").on_the_way_to(&origin("http://x.test")).unwrap().unwrap();
        assert_eq!(proxy.to_string(), "http://***@proxy:3128");
        assert_eq!(proxy.credentials.as_ref().unwrap(), "Basic bWU6aHVudGVyMg==");
        assert!(!format!("{proxy:?}").contains("bWU6"), "{proxy:?}");
        assert!(!refusal(&proxy, "x.test:443", "407 Proxy Authentication Required").contains("hunter2"));
    }

    #[test]
    fn a_proxy_that_cannot_be_spoken_to_is_named() {
        let error = Proxies::all("socks5://proxy:1080").on_the_way_to(&origin("http://x.test")).unwrap_err();
        assert!(error.contains("socks5://proxy") && error.contains("http://NAME:PORT"), "{error}");
        assert!(usable("proxy:3128") && usable("http://me:x@proxy") && !usable("http:///x") && !usable("a b"));
    }
}
