//! Opens connections: name look-up, TCP, TLS, each timed by itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::host::Origin;
use super::problem::tls_words;
use super::proxy::Proxy;
use super::tls;
use crate::record::Phases;

/// How long a looked-up name is used for new connections, and how long it is not asked for again where that failed.
const NAME_KEPT: Duration = Duration::from_secs(30);
const FAILURE_KEPT: Duration = Duration::from_secs(1);
/// The most that an address gets to answer while there are others to try: long enough for one lost packet.
const ADDRESS_SHARE: Duration = Duration::from_secs(3);
/// Source addresses on loopback: 127.0.0.1 and those behind it. Each has some 28,000 ports to one destination.
const SOURCES: u8 = 64;

/// A stream to a host.
pub(crate) enum Stream {
    /// http.
    Plain(TcpStream),
    /// https.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Where a connection is to go, and by when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) origin: &'a Origin,
    /// What stands between.
    pub(crate) proxy: Option<&'a Proxy>,
    /// The end of the request's time.
    pub(crate) by: Instant,
}

/// Opens connections; shared by all users.
pub(crate) struct Connector {
    check_certificates: bool,
    http2: bool,
    /// Made for the first https connection: plain http must not need a store of certificates.
    tls: OnceLock<Result<TlsConnector, String>>,
    names: Mutex<Vec<LookedUp>>,
    /// One look-up at a time: users that need the same name wait for one answer.
    looking: tokio::sync::Mutex<()>,
    /// The source of the next connection to loopback: 127.0.0.1 and so many on.
    source: AtomicU8,
}

/// A name that was looked up.
struct LookedUp {
    name: String,
    at: Instant,
    /// The one that last took a connection comes first.
    found: Result<Vec<IpAddr>, String>,
}

impl Connector {
    /// `check_certificates` is off only where the user asked for it.
    pub(crate) fn new(check_certificates: bool, http2: bool) -> Self {
        Self {
            check_certificates,
            http2,
            tls: OnceLock::new(),
            names: Mutex::new(Vec::new()),
            looking: tokio::sync::Mutex::new(()),
            source: AtomicU8::new(0),
        }
    }

    fn tls(&self) -> Result<&TlsConnector, String> {
        let make = || {
            let config =
                tls::client_config(self.check_certificates, self.http2).map_err(|error| format!("TLS: {error}"))?;
            Ok(TlsConnector::from(Arc::new(config)))
        };
        self.tls.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// Opens a connection. What went wrong is told in words that name the place, and what to do where there is something.
    pub(crate) async fn open(&self, way: Way<'_>, phases: &mut Phases) -> Result<Stream, String> {
        let Way { origin, proxy, by } = way;
        let named = |problem: String| proxy.map_or(problem.clone(), |proxy| format!("proxy {proxy}: {problem}"));
        // What stands between is what is looked up and connected to.
        let next = proxy.map_or(origin, |proxy| &proxy.origin);
        let began = Instant::now();
        let addresses = self.look_up(&next.name).await.map_err(named)?;
        let looked_up = Instant::now();
        phases.dns_us += micros(looked_up - began);

        let mut stream = self.connect(next, &addresses, by).await.map_err(named)?;
        // A request must not wait for Nagle's algorithm; where the option cannot be set the connection still works.
        let _ = stream.set_nodelay(true);
        if let Some(proxy) = proxy.filter(|_| origin.tls) {
            proxy.tunnel(&mut stream, origin).await?;
        }
        let tcp_done = Instant::now();
        phases.connect_us += micros(tcp_done - looked_up);
        if !origin.tls {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(origin.name.clone())
            .map_err(|_| format!("TLS with {}: not a name that a certificate can have", origin.name))?;
        let stream = self.tls()?.connect(name, stream).await.map_err(|error| {
            let words = tls_words(&error).unwrap_or_else(|| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    "connection closed within the handshake: does it speak TLS there?".to_owned()
                }
                _ => io_text(&error),
            });
            format!("TLS with {}: {words}", origin.authority())
        })?;
        phases.tls_us += micros(tcp_done.elapsed());
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Tries one address after the other. None of them gets all the time while there are others.
    async fn connect(&self, origin: &Origin, addresses: &[IpAddr], by: Instant) -> Result<TcpStream, String> {
        let mut last = format!("no address for {}", origin.name);
        for (at, &address) in addresses.iter().enumerate() {
            let left = by.saturating_duration_since(Instant::now());
            let others = (addresses.len() - at - 1) as u32;
            let share = if others == 0 { left } else { (left / (others + 1)).min(ADDRESS_SHARE) };
            let failed = match tokio::time::timeout(share, self.reach(SocketAddr::new(address, origin.port))).await {
                Ok(Ok(stream)) => {
                    if at > 0 {
                        self.prefer(&origin.name, address);
                    }
                    return Ok(stream);
                }
                Ok(Err(error)) => io_text(&error),
                Err(_) => "no answer".to_owned(),
            };
            last = format!("connect to {}: {failed}", origin.authority());
            if addresses.len() > 1 {
                last = format!("connect to {} at {address}: {failed}", origin.authority());
            }
        }
        Err(last)
    }

    /// Connects to one address; from further addresses of this machine where it is on loopback and the ports run out.
    async fn reach(&self, address: SocketAddr) -> io::Result<TcpStream> {
        if !(address.is_ipv4() && address.ip().is_loopback()) {
            return TcpStream::connect(address).await;
        }
        let mut tried = 0;
        loop {
            let source = self.source.load(Ordering::Relaxed);
            let opened = if source == 0 { TcpStream::connect(address).await } else { from(source, address).await };
            tried += 1;
            match opened {
                Err(error) if no_free_port(&error) && tried < SOURCES => {
                    // Another user may have moved on already.
                    let next = (source + 1) % SOURCES;
                    let _ = self.source.compare_exchange(source, next, Ordering::Relaxed, Ordering::Relaxed);
                }
                other => return other,
            }
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        if is_under_localhost(name) {
            return Ok(LOOPBACK.to_vec());
        }
        if let Some(known) = self.known(name) {
            return known;
        }
        let _turn = self.looking.lock().await;
        if let Some(known) = self.known(name) {
            return known;
        }
        let found = match tokio::net::lookup_host((name, 0)).await {
            Ok(found) => {
                let mut addresses: Vec<IpAddr> = Vec::new();
                for address in found.map(|found| found.ip()) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                Ok(addresses)
            }
            Err(error) => Err(format!("look up {name}: {}", look_up_text(&error))),
        };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|known| known.name != name);
        names.push(LookedUp { name: name.to_owned(), at: Instant::now(), found: found.clone() });
        found
    }

    fn known(&self, name: &str) -> Option<Result<Vec<IpAddr>, String>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter().find(|known| known.name == name)?;
        let kept = if known.found.is_ok() { NAME_KEPT } else { FAILURE_KEPT };
        (known.at.elapsed() < kept).then(|| known.found.clone())
    }

    /// The next connection tries this address first.
    fn prefer(&self, name: &str, address: IpAddr) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.iter_mut().find(|known| known.name == name).and_then(|known| known.found.as_mut().ok());
        if let Some(addresses) = known
            && let Some(at) = addresses.iter().position(|known| *known == address)
        {
            addresses[..=at].rotate_right(1);
        }
    }
}

/// Where the names under `localhost` are (RFC 6761), without asking anybody.
pub(crate) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Whether a name is one under `localhost`. That one itself is left to the system, which knows it.
pub(crate) fn is_under_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.len() > ".localhost".len() && name.to_ascii_lowercase().ends_with(".localhost")
}

/// Connects from 127.0.0.1 plus `source`.
async fn from(source: u8, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1 + source), 0)))?;
    socket.connect(address).await
}

/// Connecting says so in one way, binding in the other.
fn no_free_port(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse)
}

/// The resolver's words alone.
fn look_up_text(error: &io::Error) -> String {
    let text = io_text(error);
    text.strip_prefix("failed to lookup address information: ").map_or(text.clone(), str::to_owned)
}

/// The words for an I/O error, without the number that differs between systems.
pub(super) fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ if no_free_port(error) => "no free port on this machine: fewer users, or a wider \
                                     net.ipv4.ip_local_port_range"
            .to_owned(),
        _ if matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) => {
            "no more open files allowed on this machine, and each connection is one: raise the limit (ulimit -n)"
                .to_owned()
        }
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// A span in µs, as a phase holds it: at most an hour and some.
pub(super) fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

impl Stream {
    /// Whether the two sides agreed upon HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
