//! One HTTP/2 connection of one user: a stream a request, one after the other, each response read to its end.

use std::future::Future;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::time::Instant;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::{Reason, RecvStream};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri};

use super::client::{Keep, LARGEST_KEPT_BODY, Message, Seen, Unanswered, too_large};
use super::connect::{Stream, io_text, micros};
use super::problem::Problem;
use crate::mask::is_secret_name;
use crate::record::FailureKind;

/// The largest head of a response, bytes.
const LARGEST_HEAD: u32 = 64 << 10;
/// What the host may send ahead of what was read: so much that a large body is not held up by the round trip.
const WINDOW: u32 = 2 << 20;

const CLOSED: &str = "connection closed before the response";

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("agenthub-perf/", env!("CARGO_PKG_VERSION")));
const ANY: HeaderValue = HeaderValue::from_static("*/*");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Headers that speak of one HTTP/1.1 connection: HTTP/2 has no place for them.
const OF_HTTP1: [HeaderName; 6] = [
    header::CONNECTION,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// An open connection, driven from the task of the user that owns it: no second wake-up a request, and the instant of
/// the last byte is taken where the byte is read.
pub(super) struct Http2 {
    sender: SendRequest<Bytes>,
    driver: Driver,
    body: Option<RecvStream>,
}

/// `None` once the connection is over.
struct Driver(Option<client::Connection<Stream, Bytes>>);

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

impl Http2 {
    /// Over a stream that nothing has been sent on.
    pub(super) async fn open(stream: Stream) -> Result<Self, Problem> {
        let (sender, connection) = client::Builder::new()
            .enable_push(false)
            .max_header_list_size(LARGEST_HEAD)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream)
            .await
            .map_err(|error| Problem {
                kind: FailureKind::Connect,
                text: format!("HTTP/2: {}", words(&error, CLOSED)),
            })?;
        Ok(Self { sender, driver: Driver(Some(connection)), body: None })
    }

    /// Whether another request can be sent: the host has neither closed the connection nor said that it will.
    pub(super) async fn ready(&mut self) -> bool {
        let Self { sender, driver, .. } = self;
        driver.along(std::future::poll_fn(|cx| sender.poll_ready(cx))).await.is_ok() && driver.0.is_some()
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(&mut self, message: &Message<'_>, seen: &mut Seen) -> Result<(), Unanswered> {
        let request = build(message).map_err(Unanswered::Failed)?;
        let sent = Instant::now();
        let (answer, mut upload) =
            self.sender.send_request(request, message.body.is_none()).map_err(|error| before_headers(&error))?;
        if let Some(body) = message.body {
            // The connection sends it as the host's windows allow: it is held in memory by the user anyway.
            upload.send_data(body.clone(), true).map_err(|error| before_headers(&error))?;
        }
        let response = self.driver.along(answer).await.map_err(|error| before_headers(&error))?;
        let now = Instant::now();
        seen.http2 = true;
        seen.first_byte = Some(now);
        seen.phases.first_byte_us += micros(now - sent);
        seen.status = response.status().as_u16();
        let (head, body) = response.into_parts();
        seen.headers = head.headers;
        self.body = Some(body);
        Ok(())
    }

    /// Reads the body of the response whose head was seen, to its end.
    pub(super) async fn body(&mut self, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
        let Some(mut body) = self.body.take() else { return Ok(()) };
        while let Some(bytes) = self.driver.along(body.data()).await {
            let bytes = bytes.map_err(|error| within_body(&error))?;
            // Fails only where the stream is over, and then there is nothing to make room for.
            let _ = body.flow_control().release_capacity(bytes.len());
            seen.body_bytes += bytes.len() as u64;
            if keep == Keep::All {
                if seen.body.len() + bytes.len() > LARGEST_KEPT_BODY {
                    return Err(too_large());
                }
                seen.body.extend_from_slice(&bytes);
            }
        }
        // Trailers may end the stream in place of a last frame of data.
        self.driver.along(body.trailers()).await.map_err(|error| within_body(&error))?;
        Ok(())
    }
}

/// Why no head came. The host has not looked at a stream that it refuses, nor at one that is newer than its last word.
fn before_headers(error: &h2::Error) -> Unanswered {
    let unseen = error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
    // Of our own making: no such request can be sent.
    if !error.is_remote() && !error.is_io() && error.reason().is_none() {
        return Unanswered::Failed(Problem { kind: FailureKind::Check, text: format!("not sent: {error}") });
    }
    let kind = if error.is_library() { FailureKind::Body } else { FailureKind::Reset };
    let text = words(error, CLOSED);
    let text = if error.is_library() { format!("not an HTTP response: {text}") } else { text };
    let problem = Problem { kind, text };
    if unseen { Unanswered::Unsent(problem) } else { Unanswered::Failed(problem) }
}

fn within_body(error: &h2::Error) -> Problem {
    Problem { kind: FailureKind::Body, text: format!("body: {}", words(error, "ended early")) }
}

/// `ended` is the text for a connection that just ended.
fn words(error: &h2::Error, ended: &str) -> String {
    if let Some(io) = error.get_io() {
        return match io.kind() {
            ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => ended.to_owned(),
            _ => io_text(io),
        };
    }
    let reason = error.reason().map_or_else(|| error.to_string(), |reason| format!("{reason:?}"));
    match (error.is_remote(), error.is_go_away()) {
        (true, true) => format!("connection closed by the host: GOAWAY {reason}"),
        (true, false) => format!("stream reset by the host: RST_STREAM {reason}"),
        (false, _) => format!("HTTP/2 {reason}"),
    }
}

fn build(message: &Message<'_>) -> Result<Request<()>, Problem> {
    let unusable = |what: String| Problem { kind: FailureKind::Check, text: format!("not sent: {what}") };
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
    let authority = headers.remove(header::HOST).unwrap_or_else(|| message.authority.clone());
    for name in OF_HTTP1 {
        headers.remove(name);
    }
    own_headers(&mut headers, message);
    let uri = Uri::builder()
        .scheme("https")
        .authority(authority.as_bytes())
        .path_and_query(PathAndQuery::try_from(message.target).map_err(|error| unusable(error.to_string()))?)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    let mut request = Request::new(());
    *request.method_mut() = message.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

fn own_headers(headers: &mut HeaderMap, message: &Message<'_>) {
    for (name, value) in [(header::USER_AGENT, USER_AGENT), (header::ACCEPT, ANY), (header::ACCEPT_ENCODING, GZIP)] {
        headers.entry(name).or_insert(value);
    }
    if let Some(body) = message.body {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(body.len()));
    }
}
