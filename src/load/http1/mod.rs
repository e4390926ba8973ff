//! One HTTP/1.1 connection: requests one after the other, each response read to its end.
//!
//! An ordinary exchange is one write and one read. Both happen in the task of the user that owns the connection, into and out of
//! buffers that belong to the thread: a connection that waits, for its user or for the host, holds none.

mod body;
mod head;
mod request;
mod response;

#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod response_tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;

use self::head::Asked;
use self::request::Outgoing;
use self::response::Response;
use super::buffers;
use super::client::{Keep, Message, Seen, Unanswered};
use super::connect::{Stream, io_text, micros};
use super::problem::Problem;
use crate::record::FailureKind;

/// An open connection.
pub(super) struct Http1<S = Stream> {
    /// `None` once nothing more can be sent on it: it is closed by then.
    stream: Option<S>,
    /// What is still to be sent of the last request.
    outgoing: Option<Outgoing>,
    response: Response,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    /// Over a stream that nothing has been sent on.
    #[expect(clippy::unused_async, reason = "other kinds of connections have something to agree on first")]
    pub(super) async fn open(stream: S) -> Result<Self, Problem> {
        Ok(Self { stream: Some(stream), outgoing: None, response: Response::none() })
    }

    /// Whether another request can be sent: the last response is read to its end, and the host has neither closed the connection
    /// meanwhile nor said anything that nobody asked for.
    pub(super) async fn ready(&mut self) -> bool {
        let Some(stream) = self.stream.as_mut().filter(|_| self.response.leaves_connection()) else { return false };
        // A look, not a wait: nobody is to be woken by what comes later.
        let quiet = poll_fn(|_| {
            let (mut byte, mut cx) = ([0], Context::from_waker(Waker::noop()));
            Poll::Ready(Pin::new(&mut *stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending())
        });
        unconstrained(quiet).await
    }

    /// Sends a request and waits for the head of its response. What has come of the body by then is taken as well.
    pub(super) async fn send(&mut self, message: &Message<'_>, seen: &mut Seen) -> Result<(), Unanswered> {
        let asked = Asked { head_only: *message.method == Method::HEAD, all_headers: message.all_headers };
        self.response = Response::awaited(asked, message.keep, message.keep_alive);
        self.outgoing = Some(Outgoing::new(message).map_err(Unanswered::Failed)?);
        (seen.first_byte, seen.ended) = (None, None);
        let sent = Instant::now();
        let answered = poll_fn(|cx| self.poll_until(Response::has_head, cx, seen)).await;
        if let Some(first_byte) = seen.first_byte {
            seen.phases.first_byte_us += micros(first_byte - sent);
        }
        answered
    }

    /// Reads the body of the response whose head was seen, to its end; nothing more of it is kept where that is said here.
    pub(super) async fn body(&mut self, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
        self.response.keep_at_most(keep);
        let read = poll_fn(|cx| self.poll_until(Response::is_whole, cx, seen)).await;
        if self.outgoing.is_some() || !self.response.leaves_connection() {
            // Closed at once, and not when its user next looks at it.
            (self.stream, self.outgoing) = (None, None);
        }
        read.map_err(|(Unanswered::Unsent(problem) | Unanswered::Failed(problem))| problem)
    }

    /// Writes what is left of the request and reads what there is of the response, until it has come so far: a host may answer
    /// before it has read all of a large body.
    fn poll_until(
        &mut self,
        so_far: fn(&Response) -> bool,
        cx: &mut Context<'_>,
        seen: &mut Seen,
    ) -> Poll<Result<(), Unanswered>> {
        let Self { stream, outgoing, response } = self;
        while !so_far(response) {
            let Some(stream) = stream else {
                let text = "connection closed".to_owned();
                return Poll::Ready(Err(Unanswered::Unsent(Problem { kind: FailureKind::Reset, text })));
            };
            if let Some(mut request) = outgoing.take() {
                match request.poll_write(cx, stream) {
                    Poll::Pending => *outgoing = Some(request),
                    Poll::Ready(Ok(())) => request.put_away(),
                    Poll::Ready(Err(error)) if request.is_unseen() => {
                        let problem = Problem { kind: FailureKind::Reset, text: io_text(&error) };
                        return Poll::Ready(Err(Unanswered::Unsent(problem)));
                    }
                    // The host may have answered before it closed its side: what there is to be read tells.
                    Poll::Ready(Err(_)) => response.spoil_connection(),
                }
            }
            ready!(poll_read(stream, response, cx, seen)).map_err(Unanswered::Failed)?;
        }
        Poll::Ready(Ok(()))
    }
}

/// One read, and what it amounts to.
fn poll_read(
    stream: &mut (impl AsyncRead + Unpin),
    response: &mut Response,
    cx: &mut Context<'_>,
    seen: &mut Seen,
) -> Poll<Result<(), Problem>> {
    buffers::incoming(|buffer| {
        let mut read = ReadBuf::new(buffer);
        let outcome = ready!(Pin::new(stream).poll_read(cx, &mut read));
        let now = Instant::now();
        Poll::Ready(match outcome {
            Err(error) => response.broken(&error, now, seen),
            Ok(()) if read.filled().is_empty() => response.end(now, seen),
            Ok(()) => response.take(read.filled(), now, seen),
        })
    })
}
