//! One HTTP/1.1 connection: requests one after the other, each response read to its end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::client::{Keep, LARGEST_KEPT_BODY, Message, Seen, Unanswered, too_large};
use super::connect::{Stream, micros};
use super::problem::{Problem, before_headers, within_body};
use crate::mask::is_secret_name;
use crate::record::FailureKind;

/// The most that is read ahead of a connection, and the largest head of a response, bytes.
const READ_AHEAD: usize = 64 << 10;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("agenthub-perf/", env!("CARGO_PKG_VERSION")));
const ANY: HeaderValue = HeaderValue::from_static("*/*");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// An open connection, driven from the task of the user that owns it: no second wake-up a request, and the instant of
/// the last byte is taken where the byte is read.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    body: Option<Incoming>,
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

impl Http1 {
    /// Over a stream that nothing has been sent on.
    pub(super) async fn open(stream: Stream) -> Result<Self, Problem> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Problem { kind: FailureKind::Connect, text: error.to_string() })?;
        Ok(Self { sender, driver: Driver(Some(connection)), body: None })
    }

    /// Whether another request can be sent: the host has not closed the connection meanwhile.
    pub(super) async fn ready(&mut self) -> bool {
        self.driver.along(self.sender.ready()).await.is_ok() && self.driver.0.is_some()
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(&mut self, message: &Message<'_>, seen: &mut Seen) -> Result<(), Unanswered> {
        let request = build(message).map_err(Unanswered::Failed)?;
        let sent = Instant::now();
        let answer = self.driver.along(self.sender.try_send_request(request)).await;
        match answer {
            Ok(response) => {
                let now = Instant::now();
                seen.first_byte = Some(now);
                seen.phases.first_byte_us += micros(now - sent);
                seen.status = response.status().as_u16();
                let (head, body) = response.into_parts();
                seen.headers = head.headers;
                self.body = Some(body);
                Ok(())
            }
            Err(mut failed) => {
                let unsent = failed.take_message().is_some();
                let problem = before_headers(&failed.into_error());
                Err(if unsent { Unanswered::Unsent(problem) } else { Unanswered::Failed(problem) })
            }
        }
    }

    /// Reads the body of the response whose head was seen, to its end.
    pub(super) async fn body(&mut self, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
        let Some(mut body) = self.body.take() else { return Ok(()) };
        while let Some(frame) = self.driver.along(body.frame()).await {
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
}

fn build(message: &Message<'_>) -> Result<Request<Full<Bytes>>, Problem> {
    let unusable = |what: &str| Problem { kind: FailureKind::Check, text: format!("not sent: {what}") };
    let mut request = Request::new(message.body.cloned().map_or_else(Full::default, Full::new));
    *request.method_mut() = message.method.clone();
    *request.uri_mut() = Uri::try_from(message.target).map_err(|error| unusable(&error.to_string()))?;
    let mut headers = message.headers.clone();
    if !message.at_home {
        // What belongs to the host is not shown to another one.
        let secret: Vec<HeaderName> = headers.keys().filter(|name| is_secret_name(name.as_str())).cloned().collect();
        for name in secret {
            headers.remove(name);
        }
    }
    if message.body.is_none() {
        headers.remove(header::CONTENT_TYPE);
    }
    let own = [
        (header::HOST, message.authority.clone()),
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
