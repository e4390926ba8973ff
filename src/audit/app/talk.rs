//! One HTTP/1.1 connection, with every phase of what goes over it timed by itself.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use crate::load::{Connector, Host, Way};
use crate::record::Phases;

/// The most of a body that is read.
const LONGEST: usize = 4 << 20;

/// A connection to the host.
pub(super) struct Talk {
    sender: SendRequest<Empty<Bytes>>,
    host: Host,
    token: Option<String>,
    timeout: Duration,
    /// The other side has said that it closes it.
    closes: bool,
    /// How it was opened.
    pub(super) opened: Phases,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) first_byte: Duration,
    pub(super) rest: Duration,
}

impl Reply {
    /// A header's text; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// To the last byte.
    pub(super) fn took(&self) -> Duration {
        self.first_byte + self.rest
    }
}

impl Talk {
    /// Connects, looking names up anew.
    pub(super) async fn open(
        host: &Host,
        token: Option<&str>,
        check_certificates: bool,
        timeout: Duration,
    ) -> Result<Self, String> {
        let connector = Connector::new(check_certificates, false);
        let mut opened = Phases::default();
        let way = Way { origin: &host.origin, proxy: None, by: Instant::now() + timeout };
        let late = |_| format!("{host}: no answer within {} s", timeout.as_secs_f64());
        let stream = tokio::time::timeout(timeout, connector.open(way, &mut opened)).await.map_err(late)??;
        let shaking = tokio::time::timeout(timeout, handshake(TokioIo::new(stream))).await.map_err(late)?;
        let (sender, connection) = shaking.map_err(|error| format!("{host}: {error}"))?;
        tokio::spawn(connection);
        Ok(Self { sender, host: host.clone(), token: token.map(str::to_owned), timeout, closes: false, opened })
    }

    /// Whether TLS would choose HTTP/2.
    pub(super) async fn chooses_http2(host: &Host, check_certificates: bool, timeout: Duration) -> Option<bool> {
        let connector = Connector::new(check_certificates, true);
        let mut phases = Phases::default();
        let way = Way { origin: &host.origin, proxy: None, by: Instant::now() + timeout };
        let opened = tokio::time::timeout(timeout, connector.open(way, &mut phases)).await;
        opened.ok()?.ok().map(|stream| stream.is_http2())
    }

    /// Whether the other side has left it open.
    pub(super) fn is_open(&self) -> bool {
        !self.closes && !self.sender.is_closed()
    }

    /// GETs a path below the host's.
    pub(super) async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, String> {
        let problem = |why: String| format!("GET {path}: {why}");
        let late = || problem(format!("no answer within {} s", self.timeout.as_secs_f64()));
        let mut request = Request::get(format!("{}{path}", self.host.base_path))
            .header(HOST, self.host.origin.authority())
            .header(USER_AGENT, concat!("agenthub-perf/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*");
        if let Some(token) = &self.token {
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).map_err(|error| problem(error.to_string()))?;
        let began = Instant::now();
        let talking = async {
            self.sender.ready().await.map_err(|error| error.to_string())?;
            let answer = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
            let first_byte = began.elapsed();
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
            let rest = began.elapsed().saturating_sub(first_byte);
            Ok::<Reply, String>(Reply { status: head.status.as_u16(), headers: head.headers, body, first_byte, rest })
        };
        let reply = tokio::time::timeout(self.timeout, talking).await.map_err(|_| late())?.map_err(problem)?;
        let connection = reply.header("connection").to_ascii_lowercase();
        self.closes = connection.split(',').any(|word| word.trim() == "close");
        Ok(reply)
    }
}
