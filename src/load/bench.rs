//! The seam of the bench `request`: a request's whole way but for the network.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::FutureExt;
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::{Keep, Message, Seen};
use super::http1::Http1;
use crate::record::{EndpointId, Outcome, Recorder, State};
use crate::scenario::{Prepared, Reply, Request, User};

/// A host in memory: takes every request and gives the same answer to each.
struct Memory {
    answer: Vec<u8>,
    asked: bool,
}

impl AsyncRead for Memory {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !std::mem::take(&mut self.asked) {
            return Poll::Pending;
        }
        buf.put_slice(&self.answer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.asked = true;
        Poll::Ready(Ok(std::hint::black_box(bytes).len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// One user's connection to a host in memory.
pub struct InMemory {
    connection: Http1<Memory>,
    authority: HeaderValue,
    prepared: Prepared,
    seen: Seen,
}

impl InMemory {
    /// Its host answers each request with these bytes.
    pub fn new(answer: &[u8]) -> Option<Self> {
        let host = Memory { answer: answer.to_vec(), asked: false };
        Some(Self {
            connection: Http1::open(host).now_or_never()?.ok()?,
            authority: HeaderValue::from_static("127.0.0.1:8000"),
            prepared: Prepared::default(),
            seen: Seen::default(),
        })
    }

    /// Renders a request, sends it, reads the answer, checks it, captures from it and records it; whether it is a success.
    pub fn request(&mut self, user: &mut User, request: &Request, recorder: &Recorder) -> bool {
        if user.prepare(request, &mut self.prepared).is_err() {
            return false;
        }
        let began = Instant::now();
        recorder.enter(State::InFlight, recorder.at_us(began));
        let keep = if request.reads_body { Keep::All } else { Keep::Nothing };
        let message = Message {
            method: &request.method,
            authority: &self.authority,
            target: &self.prepared.target,
            headers: &self.prepared.headers,
            at_home: true,
            body: self.prepared.body.as_ref(),
            keep,
            all_headers: request.reads_headers,
            keep_alive: true,
        };
        let (connection, seen) = (&mut self.connection, &mut self.seen);
        let exchange = async {
            connection.ready().await
                && connection.send(&message, seen).await.is_ok()
                && connection.body(keep, seen).await.is_ok()
        };
        let answered = exchange.now_or_never() == Some(true);
        let end = self.seen.ended.unwrap_or(began);
        let reply = Reply {
            status: self.seen.status,
            headers: &self.seen.headers,
            body: &self.seen.body,
            time: end.saturating_duration_since(began),
        };
        let accepted = answered && user.accept(request, &reply).is_ok();
        let times = (began, began, end);
        recorder.ended(&self.seen.sample(recorder, EndpointId(request.endpoint as u32), times, Outcome::Success));
        self.seen.put_away();
        accepted
    }
}
