//! Opens connections: name look-up, TCP, TLS, each timed by itself.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::host::Origin;
use super::tls;
use crate::record::Phases;

/// How long a looked-up name is used for new connections.
const NAME_KEPT: Duration = Duration::from_secs(30);

/// A stream to a host.
pub(super) enum Stream {
    /// http.
    Plain(TcpStream),
    /// https.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens connections; shared by all users.
pub(super) struct Connector {
    check_certificates: bool,
    /// Made for the first https connection: plain http must not need a store of certificates.
    tls: OnceLock<Result<TlsConnector, String>>,
    names: Mutex<Vec<(String, Instant, Vec<IpAddr>)>>,
}

impl Connector {
    /// `check_certificates` is off only where the user asked for it.
    pub(super) fn new(check_certificates: bool) -> Self {
        Self { check_certificates, tls: OnceLock::new(), names: Mutex::new(Vec::new()) }
    }

    fn tls(&self) -> Result<&TlsConnector, String> {
        let make = || {
            let config = tls::client_config(self.check_certificates).map_err(|error| format!("TLS: {error}"))?;
            Ok(TlsConnector::from(Arc::new(config)))
        };
        self.tls.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    /// Opens a connection. What went wrong is told in words that name the place.
    pub(super) async fn open(&self, origin: &Origin, phases: &mut Phases) -> Result<Stream, String> {
        let began = Instant::now();
        let addresses = self.look_up(&origin.name).await?;
        let looked_up = Instant::now();
        phases.dns_us += micros(looked_up - began);

        let mut refused = None;
        let mut connected = None;
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, origin.port)).await {
                Ok(stream) => {
                    connected = Some(stream);
                    break;
                }
                Err(error) => refused = Some(error),
            }
        }
        let tcp_done = Instant::now();
        phases.connect_us += micros(tcp_done - looked_up);
        let Some(stream) = connected else {
            return Err(refused.map_or_else(
                || format!("no address for {}", origin.name),
                |error| format!("connect to {}: {}", origin.authority(), io_text(&error)),
            ));
        };
        // A request must not wait for Nagle's algorithm; where the option cannot be set the connection still works.
        let _ = stream.set_nodelay(true);
        if !origin.tls {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(origin.name.clone())
            .map_err(|_| format!("TLS with {}: not a name that a certificate can have", origin.name))?;
        let stream = self
            .tls()?
            .connect(name, stream)
            .await
            .map_err(|error| format!("TLS with {}: {}", origin.authority(), io_text(&error)))?;
        phases.tls_us += micros(tcp_done.elapsed());
        Ok(Stream::Tls(Box::new(stream)))
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        let fresh = |names: &Vec<(String, Instant, Vec<IpAddr>)>| {
            names
                .iter()
                .find(|(known, at, _)| known == name && at.elapsed() < NAME_KEPT)
                .map(|(_, _, found)| found.clone())
        };
        if let Some(found) = fresh(&self.names.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let found: Vec<IpAddr> = tokio::net::lookup_host((name, 0))
            .await
            .map_err(|error| format!("look up {name}: {}", io_text(&error)))?
            .map(|address| address.ip())
            .collect();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|(known, ..)| known != name);
        names.push((name.to_owned(), Instant::now(), found.clone()));
        Ok(found)
    }
}

/// The words for an I/O error, without the number that differs between systems.
pub(super) fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no free port on this machine".to_owned(),
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
