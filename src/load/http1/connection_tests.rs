//! Connections over pipes in memory: what goes out, what is read while writing, and when a connection is over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

use super::Http1;
use super::request::Outgoing;
use crate::load::client::{Keep, Message, Seen, Unanswered};
use crate::load::problem::Problem;
use crate::record::FailureKind;

/// A request's parts, to be changed before they are put together.
struct Parts {
    method: Method,
    target: &'static str,
    headers: HeaderMap,
    authority: HeaderValue,
    body: Option<Bytes>,
    at_home: bool,
    keep_alive: bool,
}

impl Parts {
    fn new(method: Method, target: &'static str) -> Self {
        let authority = HeaderValue::from_static("localhost:8000");
        Self { method, target, headers: HeaderMap::new(), authority, body: None, at_home: true, keep_alive: true }
    }

    fn message(&self) -> Message<'_> {
        Message {
            method: &self.method,
            authority: &self.authority,
            target: self.target,
            headers: &self.headers,
            at_home: self.at_home,
            body: self.body.as_ref(),
            keep: Keep::All,
            all_headers: false,
            keep_alive: self.keep_alive,
        }
    }
}

fn get() -> Parts {
    Parts::new(Method::GET, "/api/v2/tasks?limit=5")
}

/// What goes over the wire.
fn written(parts: &Parts) -> Result<String, Problem> {
    let mut into = WriteOnly(Vec::new());
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let written = Outgoing::new(&parts.message())?.poll_write(&mut cx, &mut into);
    assert!(matches!(written, Poll::Ready(Ok(()))));
    Ok(String::from_utf8(into.0).unwrap())
}

struct WriteOnly(Vec<u8>);

impl AsyncWrite for WriteOnly {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let few = &bytes[..bytes.len().min(1000)];
        self.0.extend_from_slice(few);
        Poll::Ready(Ok(few.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn without_version(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION").replace("\r\n", "\n")
}

#[test]
fn a_request_has_the_scenarios_headers_and_those_that_every_client_sends() {
    let mut post = Parts::new(Method::POST, "/api/v2/tasks");
    post.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    post.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
    post.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    post.body = Some(Bytes::from_static(b"{\"title\":1}"));
    insta::assert_snapshot!(without_version(&written(&post).unwrap()), @r#"
    POST /api/v2/tasks HTTP/1.1
    host: localhost:8000
    content-type: application/json
    authorization: Bearer abc
    accept: application/json
    user-agent: agenthub-perf/VERSION
    accept-encoding: gzip
    content-length: 11

    {"title":1}
    "#);
    // Sent elsewhere, and without a body: nothing secret, nothing about the body; then the connection ends.
    (post.at_home, post.body, post.keep_alive) = (false, None, false);
    insta::assert_snapshot!(without_version(&written(&post).unwrap()).trim_end(), @"
    POST /api/v2/tasks HTTP/1.1
    host: localhost:8000
    accept: application/json
    user-agent: agenthub-perf/VERSION
    accept-encoding: gzip
    connection: close
    content-length: 0
    ");
    assert!(!written(&get()).unwrap().contains("content-length"));
}

#[test]
fn a_large_body_goes_out_whole_behind_its_head() {
    let mut post = Parts::new(Method::PUT, "/upload");
    post.body = Some(Bytes::from("0123456789".repeat(5000)));
    let text = written(&post).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with("content-length: 50000") && body == "0123456789".repeat(5000));
}

#[test]
fn a_target_that_would_end_its_line_is_refused() {
    for target in ["", "/a b", "/a\r\nx: y", "/a\n", "/a#b", "/\t", "/\u{7f}"] {
        let problem = written(&Parts::new(Method::GET, target)).unwrap_err();
        assert_eq!(problem.kind, FailureKind::Check, "{target:?}");
        assert!(problem.text.starts_with("not sent: the path holds"), "{}", problem.text);
    }
}

/// A host at the other end of a pipe: hears a request's head, answers.
async fn answer(host: &mut DuplexStream, answer: &str) {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        heard.push(host.read_u8().await.unwrap());
    }
    host.write_all(answer.as_bytes()).await.unwrap();
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Http1<S>,
    parts: &Parts,
) -> Result<Seen, Unanswered> {
    let mut seen = Seen::default();
    connection.send(&parts.message(), &mut seen).await?;
    connection.body(Keep::All, &mut seen).await.map_err(Unanswered::Failed)?;
    Ok(seen)
}

fn failed(outcome: Result<Seen, Unanswered>) -> Problem {
    match outcome {
        Err(Unanswered::Failed(problem)) => problem,
        Err(Unanswered::Unsent(problem)) => panic!("unsent: {}", problem.text),
        Ok(seen) => panic!("answered with {}", seen.status),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let (ours, mut host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    for _ in 0..3 {
        assert!(connection.ready().await);
        let (seen, ()) =
            tokio::join!(async { exchange(&mut connection, &get()).await.ok().unwrap() }, answer(&mut host, OK));
        assert_eq!((seen.status, seen.body.as_slice()), (200, b"ok".as_slice()));
        assert!(seen.first_byte.unwrap() <= seen.ended.unwrap());
    }
}

#[tokio::test]
async fn what_came_unasked_or_an_end_makes_an_idle_connection_useless() {
    let (ours, mut host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    host.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
    assert!(!connection.ready().await);

    let (ours, host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    drop(host);
    assert!(!connection.ready().await);
}

#[tokio::test]
async fn a_connection_is_given_up_where_either_side_says_so() {
    let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    for (parts, said) in [(get(), close), (Parts { keep_alive: false, ..get() }, OK)] {
        let (ours, mut host) = duplex(1 << 16);
        let mut connection = Http1::open(ours).await.unwrap();
        let (seen, ()) = tokio::join!(exchange(&mut connection, &parts), answer(&mut host, said));
        assert_eq!(seen.ok().unwrap().body, b"ok");
        assert!(!connection.ready().await);
        // Closed already: the host reads its end.
        assert_eq!(host.read(&mut [0; 8]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_cannot_have_been_seen_is_unsent_and_the_rest_is_a_reset() {
    let (ours, host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    drop(host);
    assert!(matches!(exchange(&mut connection, &get()).await, Err(Unanswered::Unsent(_))));

    let (ours, mut host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    let get = get();
    let (outcome, ()) = tokio::join!(exchange(&mut connection, &get), async move { answer(&mut host, "").await });
    let problem = failed(outcome);
    assert_eq!((problem.kind, problem.text.as_str()), (FailureKind::Reset, "connection closed before the response"));
}

#[tokio::test]
async fn an_answer_is_read_while_a_large_body_is_still_being_sent() {
    let (ours, mut host) = duplex(1 << 10);
    let mut connection = Http1::open(ours).await.unwrap();
    let mut post = Parts::new(Method::POST, "/upload");
    post.body = Some(vec![b'x'; 1 << 20].into());
    let too_large = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
    let (seen, ()) = tokio::join!(exchange(&mut connection, &post), answer(&mut host, too_large));
    assert_eq!(seen.ok().unwrap().status, 413);
    // Half a request is on it.
    assert!(!connection.ready().await);
}

#[tokio::test]
async fn a_host_that_answers_as_it_reads_gets_the_whole_body() {
    let (ours, host) = duplex(1 << 10);
    let mut connection = Http1::open(ours).await.unwrap();
    let mut post = Parts::new(Method::POST, "/echo");
    post.body = Some(vec![b'x'; 200_000].into());
    let echo = async move {
        let (mut reading, mut writing) = tokio::io::split(host);
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(reading.read_u8().await.unwrap());
        }
        writing.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n").await.unwrap();
        tokio::io::copy(&mut (&mut reading).take(200_000), &mut writing).await.unwrap();
        (reading, writing)
    };
    let (seen, _open) = tokio::join!(exchange(&mut connection, &post), echo);
    let seen = seen.ok().unwrap();
    assert_eq!(seen.body_bytes, 200_000);
    assert!(connection.ready().await);
}

#[tokio::test]
async fn an_exchange_that_was_broken_off_leaves_no_connection() {
    let (ours, mut host) = duplex(1 << 16);
    let mut connection = Http1::open(ours).await.unwrap();
    let get = get();
    tokio::select! {
        biased;
        _ = exchange(&mut connection, &get) => unreachable!(),
        () = answer(&mut host, "HTTP/1.1 200 OK\r\n") => {}
    }
    assert!(!connection.ready().await);
}

/// Counts what would be system calls.
struct Counted {
    pipe: DuplexStream,
    reads: usize,
    writes: usize,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.pipe).poll_read(cx, buf);
        self.reads += usize::from(read.is_ready());
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn an_ordinary_exchange_is_one_write_and_one_read() {
    let (ours, mut host) = duplex(1 << 16);
    let mut connection = Http1::open(Counted { pipe: ours, reads: 0, writes: 0 }).await.unwrap();
    let mut post = Parts::new(Method::POST, "/api/v2/tasks");
    post.body = Some(Bytes::from_static(b"\r\n\r\n"));
    assert!(connection.ready().await);
    let (outcome, ()) = tokio::join!(exchange(&mut connection, &post), answer(&mut host, OK));
    assert!(outcome.is_ok());
    let stream = connection.stream.as_ref().unwrap();
    assert_eq!((stream.writes, stream.reads), (1, 1));
}
