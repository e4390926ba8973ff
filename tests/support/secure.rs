//! A server that speaks TLS with a certificate of any kind, and HTTP/2 or HTTP/1.1 behind it, one way to misbehave a path.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::faults::LONGEST;

/// What a server shows for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By the authority, for 127.0.0.1, localhost and perf.test.
    Good,
    /// By the authority, and past its end.
    Expired,
    /// By the authority, and not begun.
    NotYet,
    /// By the authority, for another name.
    OtherName,
    /// By itself.
    SelfSigned,
}

/// What a server speaks behind TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/2, or HTTP/1.1 where the client offers nothing else.
    Http2,
    /// HTTP/1.1 only.
    Http1,
    /// Nothing: it takes the connection and never answers the handshake.
    Nothing,
}

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The running server. Ends when dropped.
pub struct SecureServer {
    addr: SocketAddr,
    connections: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "agenthub-perf test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// Writes its own certificate, for `SSL_CERT_FILE`.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, &self.pem).expect("a file");
    }

    fn config(&self, shown: Shown, speaks: Speaks) -> ServerConfig {
        let names = match shown {
            Shown::OtherName => vec!["other.test".to_owned()],
            _ => ["127.0.0.1", "localhost", "perf.test"].map(str::to_owned).to_vec(),
        };
        let mut params = CertificateParams::new(names).expect("good names");
        (params.not_before, params.not_after) = match shown {
            Shown::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 2, 3)),
            Shown::NotYet => (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1)),
            _ => (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1)),
        };
        let key = KeyPair::generate().expect("a key");
        let certificate = match shown {
            Shown::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let certificate = certificate.expect("a certificate").der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a certificate with its key");
        if speaks == Speaks::Http2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        config
    }

    /// A server with a certificate of this authority's, or of its own.
    pub fn serve(&self, shown: Shown, speaks: Speaks) -> SecureServer {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("the address of a bound port");
        listener.set_nonblocking(true).expect("a socket");
        let tls = (speaks != Speaks::Nothing).then(|| TlsAcceptor::from(Arc::new(self.config(shown, speaks))));
        let (end, ended) = oneshot::channel::<()>();
        let (connections, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = (Arc::clone(&connections), Arc::clone(&requests));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a socket");
                tokio::select! {
                    () = accept(listener, tls, counted) => {}
                    _ = ended => {}
                }
            });
        });
        SecureServer { addr, connections, requests, end: Some(end), thread: Some(thread) }
    }
}

impl SecureServer {
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// `https://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("https://{}", self.addr)
    }

    /// Connections whose handshake was done.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// Requests whose headers were read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, counted: (Arc<AtomicU64>, Arc<AtomicU64>)) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (tls, (connections, requests)) = (tls.clone(), counted.clone());
        tokio::spawn(async move {
            let served = tokio::time::timeout(LONGEST, async {
                let Some(tls) = tls else { return hang(stream).await };
                let Ok(stream) = tls.accept(stream).await else { return };
                connections.fetch_add(1, Ordering::SeqCst);
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    two(stream, &requests).await;
                } else {
                    one(stream, &requests).await;
                }
            });
            let _ = served.await;
        });
    }
}

async fn hang(mut stream: TcpStream) {
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// HTTP/1.1: every request without a body is answered well.
async fn one(mut stream: TlsStream<TcpStream>, requests: &AtomicU64) {
    let mut read = Vec::new();
    while let Ok(1..) = stream.read_buf(&mut read).await {
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            requests.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"ok\": true}";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

/// HTTP/2: misbehaves by path.
async fn two(stream: TlsStream<TcpStream>, requests: &AtomicU64) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut taken = 0;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        requests.fetch_add(1, Ordering::SeqCst);
        taken += 1;
        match request.uri().path() {
            // Refuses all but the first request of a connection.
            "/RefusedLater" if taken > 1 => answer.send_reset(Reason::REFUSED_STREAM),
            "/RefusedAlways" => answer.send_reset(Reason::REFUSED_STREAM),
            "/ResetBefore" => answer.send_reset(Reason::INTERNAL_ERROR),
            // Hangs up with an error, the request being looked at.
            "/AwayBefore" => connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM),
            // The connection ends in the middle of a request.
            "/Gone" => return,
            // Answers, and says that it is going: the next request needs another connection.
            "/AwayAfter" => {
                connection.graceful_shutdown();
                tokio::spawn(fine(request, answer));
            }
            "/NeverAnswer" => {
                tokio::spawn(async move {
                    tokio::time::sleep(LONGEST).await;
                    drop(answer);
                });
            }
            "/ResetInBody" => {
                let Ok(mut body) = answer.send_response(Response::new(()), false) else { return };
                let _ = body.send_data(Bytes::from_static(b"0123456789"), false);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    body.send_reset(Reason::INTERNAL_ERROR);
                });
            }
            "/WrongLength" => {
                let head = Response::builder().header("content-length", 100).body(()).expect("a head");
                let Ok(mut body) = answer.send_response(head, false) else { return };
                let _ = body.send_data(Bytes::from_static(b"0123456789"), true);
            }
            "/HugeHead" => {
                let head = Response::builder().header("x-filler", "x".repeat(200 << 10)).body(()).expect("a head");
                let _ = answer.send_response(head, true);
            }
            _ => drop(tokio::spawn(fine(request, answer))),
        }
    }
}

/// Reads the request's body; answers with it, or with `{"ok": true}` where there was none.
async fn fine(request: Request<RecvStream>, mut answer: SendResponse<Bytes>) {
    let mut body = request.into_body();
    let mut all = Vec::new();
    while let Some(Ok(bytes)) = body.data().await {
        let _ = body.flow_control().release_capacity(bytes.len());
        all.extend_from_slice(&bytes);
    }
    if all.is_empty() {
        all = b"{\"ok\": true}".to_vec();
    }
    if let Ok(mut body) = answer.send_response(Response::new(()), false) {
        let _ = body.send_data(all.into(), true);
    }
}
