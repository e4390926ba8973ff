//! One user's HTTP client: a connection of its own, kept as a browser session keeps it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap, HeaderValue};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use super::LoadError;
use super::connect::{Connector, io_text, micros};
use super::host::{AllowedHosts, Host, Origin};
use super::http1::Http1;
use super::problem::Problem;
use crate::record::{FailureKind, Phases};
use crate::scenario::{Prepared, Redirects};

/// The largest body that is kept for captures and checks, bytes; more is a failed request, not a full memory.
pub(super) const LARGEST_KEPT_BODY: usize = 16 << 20;

/// How connections are made and kept.
#[derive(Debug, Clone)]
pub struct Connections {
    /// Off only where the user asked for it.
    pub check_certificates: bool,
    /// Whether a user keeps its connection from one request to the next, as a browser does.
    pub keep_alive: bool,
}

impl Default for Connections {
    fn default() -> Self {
        Self { check_certificates: true, keep_alive: true }
    }
}

/// What all clients of a run share.
pub(super) struct Network {
    pub(super) host: Host,
    pub(super) allowed: AllowedHosts,
    pub(super) connector: Connector,
    origin: Arc<Origin>,
    authority: HeaderValue,
}

/// How much of a response's body is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Nothing: it is dropped as it comes.
    Nothing,
    /// All, decompressed.
    All,
}

/// What has been seen of an exchange so far; stays readable when the exchange is broken off. Reused between requests.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) body_bytes: u64,
    pub(super) phases: Phases,
    pub(super) first_byte: Option<Instant>,
    /// When the body's last byte was read.
    pub(super) ended: Option<Instant>,
    pub(super) redirects: u8,
    pub(super) connected: bool,
}

impl Seen {
    fn clear(&mut self) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        // One large response must not stay in the memory of every user that saw it.
        body.shrink_to(64 << 10);
        *self = Self { body, ..Self::default() };
    }
}

/// What to send, apart from the values in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) method: &'a Method,
    pub(super) redirects: Redirects,
    pub(super) keep: Keep,
}

/// One user's client.
pub(super) struct Client {
    network: Arc<Network>,
    /// The host's first; others only where a redirect or an absolute URL led there.
    connections: Vec<(Arc<Origin>, Http1)>,
    /// Leave to open the first connection; given back once it is open, or refused.
    pub(super) opening: Option<OwnedSemaphorePermit>,
}

/// One request as it goes out; everything in it belongs to the user that sends it.
pub(super) struct Message<'a> {
    pub(super) method: &'a Method,
    /// What the `host` header says.
    pub(super) authority: &'a HeaderValue,
    /// Path and query.
    pub(super) target: &'a str,
    /// The scenario's own headers.
    pub(super) headers: &'a HeaderMap,
    /// Whether it goes to the host: nobody else gets to see the headers that hold secrets.
    pub(super) at_home: bool,
    pub(super) body: Option<&'a Bytes>,
}

/// Why no head of a response came.
pub(super) enum Unanswered {
    /// Not a byte of the request went out: it may be sent again on another connection.
    Unsent(Problem),
    /// The host may have seen it.
    Failed(Problem),
}

impl Client {
    pub(super) fn new(network: Arc<Network>) -> Self {
        Self { network, connections: Vec::new(), opening: None }
    }

    /// Closes what is open: after an exchange that was broken off nothing on the connection can be trusted.
    pub(super) fn disconnect(&mut self) {
        self.connections.clear();
    }

    /// Sends a request, follows its redirects, reads the response to the end of its body.
    pub(super) async fn exchange(&mut self, ask: Ask<'_>, prepared: &Prepared, seen: &mut Seen) -> Result<(), Problem> {
        seen.clear();
        let network = Arc::clone(&self.network);
        let (mut origin, mut path) = network.place(&prepared.target)?;
        let mut method = ask.method.clone();
        let mut body = prepared.body.as_ref();
        let mut at_home = true;
        loop {
            let authority = network.authority(&origin)?;
            let message = Message {
                method: &method,
                authority: &authority,
                target: &path,
                headers: &prepared.headers,
                at_home,
                body,
            };
            self.send(&origin, &message, seen).await?;
            let Some(location) = redirect_target(seen, ask.redirects) else {
                return self.finish(&origin, ask.keep, seen).await;
            };
            if let Redirects::Follow(most) = ask.redirects
                && seen.redirects >= most
            {
                self.disconnect();
                return Err(Problem {
                    kind: FailureKind::Status,
                    text: format!("status {} after {most} redirects", seen.status),
                });
            }
            self.finish(&origin, Keep::Nothing, seen).await?;
            seen.redirects += 1;
            seen.ended = None;
            let (next_origin, next_path) = network.follow(&origin, &path, &location)?;
            // A browser, and Python's requests, ask again with GET: always for 303, after a POST also for 301 and 302.
            if seen.status == 303 && method != Method::HEAD
                || matches!(seen.status, 301 | 302) && method == Method::POST
            {
                method = Method::GET;
                body = None;
            }
            at_home &= next_origin == origin;
            (origin, path) = (next_origin, next_path);
        }
    }

    /// Sends on the kept connection, or on a new one where there is none or the host has closed it meanwhile.
    async fn send(&mut self, origin: &Arc<Origin>, message: &Message<'_>, seen: &mut Seen) -> Result<(), Problem> {
        loop {
            let (connection, new) = self.connection(origin, seen).await?;
            match connection.send(message, seen).await {
                Ok(()) => return Ok(()),
                // The host closed the kept connection in this very moment.
                Err(Unanswered::Unsent(_)) if !new => self.disconnect(),
                Err(Unanswered::Unsent(problem) | Unanswered::Failed(problem)) => {
                    self.disconnect();
                    return Err(problem);
                }
            }
        }
    }

    async fn connection(&mut self, origin: &Arc<Origin>, seen: &mut Seen) -> Result<(&mut Http1, bool), Problem> {
        if let Some(at) = self.connections.iter().position(|(known, _)| same(known, origin)) {
            if self.connections[at].1.ready().await {
                return Ok((&mut self.connections[at].1, false));
            }
            self.connections.swap_remove(at);
        }
        seen.connected = true;
        let refused = |text| Problem { kind: FailureKind::Connect, text };
        let opened = self.network.connector.open(origin, &mut seen.phases).await.map_err(refused);
        self.opening = None;
        let stream = opened?;
        self.connections.push((Arc::clone(origin), Http1::open(stream).await?));
        let last = self.connections.len() - 1;
        Ok((&mut self.connections[last].1, true))
    }

    /// Reads the body to its end.
    async fn finish(&mut self, origin: &Arc<Origin>, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
        let began = seen.first_byte.unwrap_or_else(Instant::now);
        let read = match self.connections.iter_mut().find(|(known, _)| same(known, origin)) {
            Some((_, connection)) => connection.body(keep, seen).await,
            None => Err(Problem { kind: FailureKind::Body, text: "connection closed".to_owned() }),
        };
        let ended = Instant::now();
        seen.ended = Some(ended);
        seen.phases.body_us += micros(ended - began);
        if read.is_err() {
            self.disconnect();
        }
        read?;
        if keep == Keep::All {
            decompress(seen)?;
        }
        Ok(())
    }
}

pub(super) fn too_large() -> Problem {
    Problem {
        kind: FailureKind::Check,
        text: format!("body larger than {} MiB: too large to capture from or to check", LARGEST_KEPT_BODY >> 20),
    }
}

/// Only gzip was asked for, unless the scenario's own headers ask for more: what else comes stays as it is.
fn decompress(seen: &mut Seen) -> Result<(), Problem> {
    use std::io::Read;
    let gzip = seen.headers.get(header::CONTENT_ENCODING).is_some_and(|value| value.as_bytes() == b"gzip");
    if !gzip || seen.body.is_empty() {
        return Ok(());
    }
    let mut plain = Vec::with_capacity(seen.body.len() * 4);
    let most = LARGEST_KEPT_BODY as u64 + 1;
    flate2::read::MultiGzDecoder::new(seen.body.as_slice())
        .take(most)
        .read_to_end(&mut plain)
        .map_err(|error| Problem { kind: FailureKind::Body, text: format!("gzip body: {}", io_text(&error)) })?;
    if plain.len() > LARGEST_KEPT_BODY {
        return Err(too_large());
    }
    seen.body = plain;
    Ok(())
}

fn redirect_target(seen: &Seen, redirects: Redirects) -> Option<String> {
    if redirects == Redirects::Keep || !matches!(seen.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    Some(String::from_utf8_lossy(seen.headers.get(header::LOCATION)?.as_bytes()).into_owned())
}

fn same(one: &Arc<Origin>, other: &Arc<Origin>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

impl Network {
    #[expect(clippy::needless_pass_by_value, reason = "it is the network's from here on")]
    pub(super) fn new(host: Host, allowed: AllowedHosts, connections: Connections) -> Result<Self, LoadError> {
        let authority = HeaderValue::try_from(host.origin.authority())
            .map_err(|error| LoadError::Setup(format!("host {host}: {error}")))?;
        let connector = Connector::new(connections.check_certificates);
        Ok(Self { origin: Arc::new(host.origin.clone()), host, allowed, connector, authority })
    }

    /// What the `host` header says.
    fn authority(&self, origin: &Arc<Origin>) -> Result<HeaderValue, Problem> {
        if Arc::ptr_eq(origin, &self.origin) {
            return Ok(self.authority.clone());
        }
        HeaderValue::try_from(origin.authority())
            .map_err(|error| Problem { kind: FailureKind::Status, text: format!("led to no usable host: {error}") })
    }

    /// Where a rendered target is: on the host, or where its absolute URL says.
    fn place<'a>(&self, target: &'a str) -> Result<(Arc<Origin>, Cow<'a, str>), Problem> {
        if target.starts_with('/') {
            let path = match self.host.base_path.as_str() {
                "" => Cow::Borrowed(target),
                base => Cow::Owned(format!("{base}{target}")),
            };
            return Ok((Arc::clone(&self.origin), path));
        }
        let url = Url::parse(target).map_err(|error| Problem {
            kind: FailureKind::Check,
            text: format!("not sent: the URL is not valid: {error}"),
        })?;
        self.permitted(&url)
    }

    fn follow(&self, origin: &Origin, path: &str, location: &str) -> Result<(Arc<Origin>, Cow<'static, str>), Problem> {
        let scheme = if origin.tls { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{}{path}", origin.authority()))
            .and_then(|from| from.join(location))
            .map_err(|error| Problem {
                kind: FailureKind::Status,
                text: format!("redirect to what is no URL: {error}"),
            })?;
        self.permitted(&url)
    }

    fn permitted(&self, url: &Url) -> Result<(Arc<Origin>, Cow<'static, str>), Problem> {
        let refuse = |text: String| Problem { kind: FailureKind::Status, text };
        let origin = Origin::of(url).ok_or_else(|| refuse("redirect to what is neither http nor https".to_owned()))?;
        if origin.name != self.host.origin.name && !self.allowed.permits(&origin.name) {
            return Err(refuse(format!("led to {}, a host that is not allowed (--allow-host)", origin.name)));
        }
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let origin = if origin == *self.origin { Arc::clone(&self.origin) } else { Arc::new(origin) };
        Ok((origin, Cow::Owned(format!("{}{query}", url.path()))))
    }
}
