//! One user's HTTP client: a connection of its own, kept as a browser session keeps it.
//!
//! The connection is driven from the user's own task, not from a task of its own: no second wake-up a request, and the
//! instant of the last byte is taken where the byte is read.

use std::borrow::Cow;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use url::Url;

use super::LoadError;
use super::connect::{Connector, Stream, io_text, micros};
use super::host::{AllowedHosts, Host, Origin};
use super::problem::{Problem, before_headers, within_body};
use crate::mask::is_secret_name;
use crate::record::{FailureKind, Phases};
use crate::scenario::{Prepared, Redirects};

/// The largest body that is kept for captures and checks, bytes; more is a failed request, not a full memory.
const LARGEST_KEPT_BODY: usize = 16 << 20;

/// The most that is read ahead of a connection, and the largest head of a response, bytes.
const READ_AHEAD: usize = 64 << 10;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("agenthub-perf/", env!("CARGO_PKG_VERSION")));
const ANY: HeaderValue = HeaderValue::from_static("*/*");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

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
    connections: Vec<(Arc<Origin>, Connection)>,
}

struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// `None` once the connection is over: it must be dropped then, or its sender would wait for it for ever.
struct Driver(Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>);

impl Driver {
    /// Drives the connection while `work` waits for it.
    async fn along<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            if self.0.as_mut().is_some_and(|connection| Pin::new(connection).poll(cx).is_ready()) {
                self.0 = None;
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl Client {
    pub(super) fn new(network: Arc<Network>) -> Self {
        Self { network, connections: Vec::new() }
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
        let mut body = prepared.body.clone();
        let mut at_home = true;
        loop {
            let request = build(network.authority(&origin)?, &path, &method, prepared, body.as_ref(), at_home)?;
            let response = self.send(&origin, request, seen).await?;
            let Some(location) = redirect_target(&response, ask.redirects) else {
                return self.finish(&origin, response, ask.keep, seen).await;
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
            self.finish(&origin, response, Keep::Nothing, seen).await?;
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
    async fn send(
        &mut self,
        origin: &Arc<Origin>,
        mut request: Request<Full<Bytes>>,
        seen: &mut Seen,
    ) -> Result<http::Response<Incoming>, Problem> {
        loop {
            let (connection, new) = self.connection(origin, seen).await?;
            let sent = Instant::now();
            let answer = connection.driver.along(connection.sender.try_send_request(request)).await;
            match answer {
                Ok(response) => {
                    let now = Instant::now();
                    seen.first_byte = Some(now);
                    seen.phases.first_byte_us += micros(now - sent);
                    seen.status = response.status().as_u16();
                    return Ok(response);
                }
                Err(mut failed) => {
                    let unsent = failed.take_message();
                    self.disconnect();
                    match unsent {
                        // Not a byte of it went out: the host closed the kept connection in this very moment.
                        Some(message) if !new => request = message,
                        _ => return Err(before_headers(&failed.into_error())),
                    }
                }
            }
        }
    }

    async fn connection(&mut self, origin: &Arc<Origin>, seen: &mut Seen) -> Result<(&mut Connection, bool), Problem> {
        if let Some(at) = self.connections.iter().position(|(known, _)| same(known, origin)) {
            let kept = &mut self.connections[at].1;
            if kept.driver.along(kept.sender.ready()).await.is_ok() && kept.driver.0.is_some() {
                return Ok((&mut self.connections[at].1, false));
            }
            self.connections.swap_remove(at);
        }
        seen.connected = true;
        let refused = |text| Problem { kind: FailureKind::Connect, text };
        let stream = self.network.connector.open(origin, &mut seen.phases).await.map_err(refused)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| refused(error.to_string()))?;
        let connection = Connection { sender, driver: Driver(Some(connection)) };
        self.connections.push((Arc::clone(origin), connection));
        let last = self.connections.len() - 1;
        Ok((&mut self.connections[last].1, true))
    }

    /// Reads the body to its end.
    async fn finish(
        &mut self,
        origin: &Arc<Origin>,
        response: http::Response<Incoming>,
        keep: Keep,
        seen: &mut Seen,
    ) -> Result<(), Problem> {
        let (head, mut body) = response.into_parts();
        let began = seen.first_byte.unwrap_or_else(Instant::now);
        let read = match self.connections.iter_mut().find(|(known, _)| same(known, origin)) {
            Some((_, connection)) => read_body(&mut connection.driver, &mut body, keep, seen).await,
            None => Err(Problem { kind: FailureKind::Body, text: "connection closed".to_owned() }),
        };
        let ended = Instant::now();
        seen.ended = Some(ended);
        seen.phases.body_us += micros(ended - began);
        seen.headers = head.headers;
        if read.is_err() {
            drop(body);
            self.disconnect();
        }
        read?;
        if keep == Keep::All {
            decompress(seen)?;
        }
        Ok(())
    }
}

async fn read_body(driver: &mut Driver, body: &mut Incoming, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
    while let Some(frame) = driver.along(body.frame()).await {
        let frame = frame.map_err(|error| within_body(&error))?;
        let Ok(bytes) = frame.into_data() else { continue };
        seen.body_bytes += bytes.len() as u64;
        if keep == Keep::All {
            if seen.body.len() + bytes.len() > LARGEST_KEPT_BODY {
                return Err(too_large());
            }
            seen.body.extend_from_slice(&bytes);
        }
    }
    Ok(())
}

fn too_large() -> Problem {
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

fn build(
    authority: HeaderValue,
    path: &str,
    method: &Method,
    prepared: &Prepared,
    body: Option<&Bytes>,
    at_home: bool,
) -> Result<Request<Full<Bytes>>, Problem> {
    let unusable = |what: &str| Problem { kind: FailureKind::Check, text: format!("not sent: {what}") };
    let mut request = Request::new(body.cloned().map_or_else(Full::default, Full::new));
    *request.method_mut() = method.clone();
    *request.uri_mut() = Uri::try_from(path).map_err(|error| unusable(&error.to_string()))?;
    let mut headers = prepared.headers.clone();
    if !at_home {
        // What belongs to the host is not shown to another one.
        let secret: Vec<HeaderName> = headers.keys().filter(|name| is_secret_name(name.as_str())).cloned().collect();
        for name in secret {
            headers.remove(name);
        }
    }
    if body.is_none() {
        headers.remove(header::CONTENT_TYPE);
    }
    let own = [
        (header::HOST, authority),
        (header::USER_AGENT, USER_AGENT),
        (header::ACCEPT, ANY),
        (header::ACCEPT_ENCODING, GZIP),
    ];
    for (name, value) in own {
        headers.entry(name).or_insert(value);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

fn redirect_target(response: &http::Response<Incoming>, redirects: Redirects) -> Option<String> {
    if redirects == Redirects::Keep || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    Some(String::from_utf8_lossy(response.headers().get(header::LOCATION)?.as_bytes()).into_owned())
}

fn same(one: &Arc<Origin>, other: &Arc<Origin>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

impl Network {
    /// `check_certificates` is off only where the user asked for it.
    pub(super) fn new(host: Host, allowed: AllowedHosts, check_certificates: bool) -> Result<Self, LoadError> {
        let authority = HeaderValue::try_from(host.origin.authority())
            .map_err(|error| LoadError::Setup(format!("host {host}: {error}")))?;
        let connector = Connector::new(check_certificates);
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
