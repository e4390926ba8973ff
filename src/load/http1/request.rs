//! A request as it goes over the wire.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use tokio::io::AsyncWrite;

use crate::load::buffers;
use crate::load::client::Message;
use crate::load::problem::Problem;
use crate::mask::is_secret_name;
use crate::record::FailureKind;

/// Bodies up to this size are copied behind the head, bytes: cheaper than to hand over two pieces.
const JOINED: usize = 8 << 10;
/// What TLS sends as one record, bytes: a host sees all of it or nothing.
const ONE_RECORD: usize = 16 << 10;

const OUR_AGENT: &[u8] = concat!("user-agent: agenthub-perf/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();
const ANYTHING: &[u8] = b"accept: */*\r\n";
const GZIP: &[u8] = b"accept-encoding: gzip\r\n";

/// A request on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The head, and a small body behind it.
    head: Vec<u8>,
    /// A large body.
    body: Bytes,
    written: usize,
}

impl Outgoing {
    pub(super) fn new(message: &Message<'_>) -> Result<Self, Problem> {
        let mut head = buffers::take();
        if let Err(problem) = write_head(message, &mut head) {
            buffers::give(head);
            return Err(problem);
        }
        let mut body = message.body.cloned().unwrap_or_default();
        if body.len() <= JOINED {
            head.extend_from_slice(&body);
            body = Bytes::new();
        }
        Ok(Self { head, body, written: 0 })
    }

    /// Whether the host cannot have seen any of it, though writing it has failed.
    pub(super) fn is_unseen(&self) -> bool {
        self.written == 0 && self.head.len() + self.body.len() <= ONE_RECORD
    }

    /// The buffer is needed no longer.
    pub(super) fn put_away(self) {
        buffers::give(self.head);
    }

    /// Writes as much as can be written now; ready once all is.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        loop {
            let stream = Pin::new(&mut *stream);
            let head = self.head.get(self.written..).unwrap_or_default();
            let wrote = if !head.is_empty() && self.body.is_empty() {
                ready!(stream.poll_write(cx, head))?
            } else if !head.is_empty() {
                let both = [io::IoSlice::new(head), io::IoSlice::new(&self.body)];
                ready!(stream.poll_write_vectored(cx, &both))?
            } else if self.written < self.head.len() + self.body.len() {
                ready!(stream.poll_write(cx, &self.body[self.written - self.head.len()..]))?
            } else {
                return stream.poll_flush(cx);
            };
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += wrote;
        }
    }
}

/// Types see to it that no name, value or method holds what would end its line; a target is looked at here.
fn write_head(message: &Message<'_>, into: &mut Vec<u8>) -> Result<(), Problem> {
    let target = message.target.as_bytes();
    if target.is_empty() || target.iter().any(|byte| *byte <= b' ' || matches!(byte, b'#' | 0x7f)) {
        let text = "not sent: the path holds a blank, a `#` or a control character".to_owned();
        return Err(Problem { kind: FailureKind::Check, text });
    }
    into.extend_from_slice(message.method.as_str().as_bytes());
    into.push(b' ');
    into.extend_from_slice(target);
    into.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    into.extend_from_slice(message.authority.as_bytes());
    into.extend_from_slice(b"\r\n");
    let (mut agent, mut accept, mut encoding) = (OUR_AGENT, ANYTHING, GZIP);
    for (name, value) in message.headers {
        // What belongs to the host is not shown to another one.
        if !message.at_home && is_secret_name(name.as_str()) || message.body.is_none() && *name == CONTENT_TYPE {
            continue;
        }
        match *name {
            USER_AGENT => agent = b"",
            ACCEPT => accept = b"",
            ACCEPT_ENCODING => encoding = b"",
            _ => {}
        }
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(agent);
    into.extend_from_slice(accept);
    into.extend_from_slice(encoding);
    if !message.keep_alive {
        into.extend_from_slice(b"connection: close\r\n");
    }
    let expects_body = matches!(*message.method, Method::POST | Method::PUT | Method::PATCH);
    if message.body.is_some() || expects_body {
        use io::Write;
        // Writing to memory does not fail.
        let _ = write!(into, "content-length: {}\r\n", message.body.map_or(0, Bytes::len));
    }
    into.extend_from_slice(b"\r\n");
    Ok(())
}
