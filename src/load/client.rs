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
use super::buffers;
use super::connect::{Connector, Way, io_text, micros};
use super::connection::Connection;
use super::cookies::Jar;
use super::host::{AllowedHosts, Host, Origin};
use super::problem::Problem;
use super::proxy::{Proxies, Proxy, refusal};
use crate::mask::is_secret_name;
use crate::record::{EndpointId, FailureKind, Outcome, Phases, Recorder, Sample};
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
    /// Whether HTTP/2 is offered to https hosts.
    pub http2: bool,
    /// What requests to other machines go through.
    pub proxies: Proxies,
}

impl Default for Connections {
    fn default() -> Self {
        Self { check_certificates: true, keep_alive: true, http2: true, proxies: Proxies::default() }
    }
}

/// What all clients of a run share.
pub(super) struct Network {
    pub(super) host: Host,
    pub(super) allowed: AllowedHosts,
    pub(super) connector: Connector,
    keep_alive: bool,
    proxies: Proxies,
    origin: Arc<Origin>,
    authority: HeaderValue,
    /// On the way to the host.
    proxy: Option<Arc<Proxy>>,
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
    /// Connections opened for it: more than one where it was redirected or a kept connection was lost.
    pub(super) connected: u8,
    /// Whether its last response came over HTTP/2.
    pub(super) http2: bool,
}

impl Seen {
    /// Forgets everything.
    fn clear(&mut self) {
        self.put_away();
        *self = Self::default();
    }

    /// Forgets what is large: a body is kept in a buffer that others use as well.
    pub(super) fn put_away(&mut self) {
        buffers::give(std::mem::take(&mut self.body));
        if self.headers.capacity() > 0 {
            self.headers = HeaderMap::new();
        }
    }

    /// What the recorder is told of an exchange that was planned, begun and ended at these instants.
    pub(super) fn sample(
        &self,
        recorder: &Recorder,
        endpoint: EndpointId,
        (planned, began, end): (Instant, Instant, Instant),
        outcome: Outcome,
    ) -> Sample {
        Sample {
            endpoint,
            end_us: recorder.at_us(end),
            response_us: (end - planned).as_micros() as u64,
            service_us: (end - began).as_micros() as u64,
            first_byte_us: self.first_byte.map_or(0, |at| (at - began).as_micros() as u64),
            phases: self.phases,
            outcome,
            status: self.status,
            redirects: self.redirects,
            connected: self.connected,
            http2: self.http2,
            body_bytes: self.body_bytes,
        }
    }
}

/// What to send, apart from the values in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) method: &'a Method,
    pub(super) redirects: Redirects,
    pub(super) keep: Keep,
    /// Whether all headers of the response are wanted; else those that the client itself reads.
    pub(super) all_headers: bool,
    /// When its time is up: the caller ends it then, connecting shares it out among a name's addresses.
    pub(super) by: Instant,
}

/// One user's client.
pub(super) struct Client {
    network: Arc<Network>,
    /// The host's first; others only where a redirect or an absolute URL led there.
    connections: Vec<(Arc<Origin>, Connection)>,
    /// `None` where the scenario wants none.
    jar: Option<Jar>,
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
    /// How much of the response's body is kept.
    pub(super) keep: Keep,
    /// Whether all of its headers are; else `location`, `content-encoding` and `set-cookie`.
    pub(super) all_headers: bool,
    /// Whether the connection is to be used again.
    pub(super) keep_alive: bool,
}

/// Why no head of a response came.
pub(super) enum Unanswered {
    /// Not a byte of the request went out: it may be sent again on another connection.
    Unsent(Problem),
    /// The host may have seen it.
    Failed(Problem),
}

impl Client {
    /// `cookies`: whether they are kept and sent back.
    pub(super) fn new(network: Arc<Network>, cookies: bool) -> Self {
        Self { network, connections: Vec::new(), jar: cookies.then(Jar::default), opening: None }
    }

    /// The values of the user's cookies: they are secrets.
    pub(super) fn cookie_values(&self) -> impl Iterator<Item = &str> {
        self.jar.iter().flat_map(Jar::values)
    }

    /// The `cookie` header that a request will have of the jar.
    pub(super) fn cookies_for(&self, prepared: &Prepared) -> Option<HeaderValue> {
        let (origin, path) = self.network.place(&prepared.target).ok()?;
        self.cookies(&prepared.headers, &origin, &path)
    }

    fn cookies(&self, own: &HeaderMap, origin: &Origin, path: &str) -> Option<HeaderValue> {
        let jar = self.jar.as_ref().filter(|jar| !jar.is_empty())?;
        // Who writes the header out means it.
        if own.contains_key(header::COOKIE) { None } else { jar.header(&url(origin, path)?) }
    }

    /// Closes what is open: after an exchange that was broken off nothing on the connection can be trusted.
    pub(super) fn disconnect(&mut self) {
        self.connections.clear();
    }

    /// Sends a request, follows its redirects, reads the response to the end of its body.
    pub(super) async fn exchange(&mut self, ask: Ask<'_>, prepared: &Prepared, seen: &mut Seen) -> Result<(), Problem> {
        seen.clear();
        if ask.keep == Keep::All {
            seen.body = buffers::take();
        }
        let network = Arc::clone(&self.network);
        let (mut origin, mut path) = network.place(&prepared.target)?;
        let mut method = ask.method.clone();
        let mut body = prepared.body.as_ref();
        let mut at_home = true;
        loop {
            let authority = network.authority(&origin)?;
            let proxy = network.proxy(&origin)?;
            let relay = proxy.as_deref().filter(|_| !origin.tls);
            let target = match relay {
                Some(_) => Cow::Owned(format!("http://{}{path}", origin.authority())),
                None => Cow::Borrowed(&*path),
            };
            let cookies = self.cookies(&prepared.headers, &origin, &path);
            let headers = Network::headers(&prepared.headers, at_home, cookies, relay);
            let message = Message {
                method: &method,
                authority: &authority,
                target: &target,
                headers: &headers,
                // What was put together here holds nothing that the other side may not see.
                at_home: at_home || matches!(headers, Cow::Owned(_)),
                body,
                keep: ask.keep,
                all_headers: ask.all_headers,
                keep_alive: network.keep_alive,
            };
            if !network.keep_alive {
                self.disconnect();
            }
            self.send(Way { origin: &origin, proxy: proxy.as_deref(), by: ask.by }, &origin, &message, seen).await?;
            if let Some(jar) = &mut self.jar
                && seen.headers.contains_key(header::SET_COOKIE)
                && let Some(url) = url(&origin, &path)
            {
                jar.take(&seen.headers, &url);
            }
            if let Some(proxy) = relay.filter(|_| seen.status == 407) {
                self.disconnect();
                let text = refusal(proxy, &origin.authority(), "407 Proxy Authentication Required");
                return Err(Problem { kind: FailureKind::Connect, text });
            }
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
            (seen.first_byte, seen.ended) = (None, None);
            seen.headers.clear();
            seen.body.clear();
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
        way: Way<'_>,
        origin: &Arc<Origin>,
        message: &Message<'_>,
        seen: &mut Seen,
    ) -> Result<(), Problem> {
        loop {
            let (connection, new) = self.connection(way, origin, seen).await?;
            match connection.send(message, seen).await {
                Ok(()) => return Ok(()),
                // The host closed the kept connection in this very moment, or, over HTTP/2, refused to look at the request.
                Err(Unanswered::Unsent(_)) if !new => self.disconnect(),
                Err(Unanswered::Unsent(problem) | Unanswered::Failed(problem)) => {
                    self.disconnect();
                    return Err(problem);
                }
            }
        }
    }

    async fn connection(
        &mut self,
        way: Way<'_>,
        origin: &Arc<Origin>,
        seen: &mut Seen,
    ) -> Result<(&mut Connection, bool), Problem> {
        if let Some(at) = self.connections.iter().position(|(known, _)| same(known, origin)) {
            if self.connections[at].1.ready().await {
                return Ok((&mut self.connections[at].1, false));
            }
            self.connections.swap_remove(at);
        }
        seen.connected = seen.connected.saturating_add(1);
        let refused = |text| Problem { kind: FailureKind::Connect, text };
        let opened = self.network.connector.open(way, &mut seen.phases).await.map_err(refused);
        self.opening = None;
        let stream = opened?;
        self.connections.push((Arc::clone(origin), Connection::open(stream).await?));
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
        let ended = *seen.ended.get_or_insert_with(Instant::now);
        seen.phases.body_us += micros(ended - began);
        if read.is_err() || !self.network.keep_alive {
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

/// Where a request goes, as the rules for cookies look at it.
fn url(origin: &Origin, path: &str) -> Option<Url> {
    let scheme = if origin.tls { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{}{path}", origin.authority())).ok()
}

fn same(one: &Arc<Origin>, other: &Arc<Origin>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

impl Network {
    pub(super) fn new(host: Host, allowed: AllowedHosts, connections: Connections) -> Result<Self, LoadError> {
        let authority = HeaderValue::try_from(host.origin.authority())
            .map_err(|error| LoadError::Setup(format!("host {host}: {error}")))?;
        let connector = Connector::new(connections.check_certificates, connections.http2);
        let Connections { keep_alive, proxies, .. } = connections;
        let proxy = proxies.on_the_way_to(&host.origin).map_err(LoadError::Setup)?.map(Arc::new);
        let origin = Arc::new(host.origin.clone());
        Ok(Self { host, allowed, connector, keep_alive, proxies, origin, authority, proxy })
    }

    /// What stands between here and an origin.
    fn proxy(&self, origin: &Arc<Origin>) -> Result<Option<Arc<Proxy>>, Problem> {
        if Arc::ptr_eq(origin, &self.origin) {
            return Ok(self.proxy.clone());
        }
        let proxy = self.proxies.on_the_way_to(origin);
        proxy.map(|proxy| proxy.map(Arc::new)).map_err(|text| Problem { kind: FailureKind::Connect, text })
    }

    /// The scenario's headers, with what the client itself has to say where it has something to say.
    fn headers<'a>(
        own: &'a HeaderMap,
        at_home: bool,
        cookies: Option<HeaderValue>,
        relay: Option<&Proxy>,
    ) -> Cow<'a, HeaderMap> {
        let credentials = relay.and_then(|proxy| proxy.credentials.clone());
        if cookies.is_none() && credentials.is_none() {
            return Cow::Borrowed(own);
        }
        let shown = own.iter().filter(|(name, _)| at_home || !is_secret_name(name.as_str()));
        let mut headers: HeaderMap = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(cookies) = cookies {
            headers.insert(header::COOKIE, cookies);
        }
        if let Some(credentials) = credentials {
            headers.insert(header::PROXY_AUTHORIZATION, credentials);
        }
        Cow::Owned(headers)
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
