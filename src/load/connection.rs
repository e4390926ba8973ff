//! A user's connection to one origin, in whichever version of HTTP the two agreed upon.

use super::client::{Keep, Message, Seen, Unanswered};
use super::connect::Stream;
use super::http1::Http1;
use super::http2::Http2;
use super::problem::Problem;

/// An open connection.
pub(super) enum Connection {
    /// HTTP/1.1, or 1.0 where the host answers so.
    One(Box<Http1>),
    /// HTTP/2.
    Two(Box<Http2>),
}

impl Connection {
    /// Over a stream that nothing has been sent on.
    pub(super) async fn open(stream: Stream) -> Result<Self, Problem> {
        if stream.is_http2() {
            return Ok(Self::Two(Box::new(Http2::open(stream).await?)));
        }
        Ok(Self::One(Box::new(Http1::open(stream).await?)))
    }

    /// Whether another request can be sent: the host has not closed the connection meanwhile.
    pub(super) async fn ready(&mut self) -> bool {
        match self {
            Self::One(connection) => connection.ready().await,
            Self::Two(connection) => connection.ready().await,
        }
    }

    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(&mut self, message: &Message<'_>, seen: &mut Seen) -> Result<(), Unanswered> {
        match self {
            Self::One(connection) => connection.send(message, seen).await,
            Self::Two(connection) => connection.send(message, seen).await,
        }
    }

    /// Reads the body of the response whose head was seen, to its end.
    pub(super) async fn body(&mut self, keep: Keep, seen: &mut Seen) -> Result<(), Problem> {
        match self {
            Self::One(connection) => connection.body(keep, seen).await,
            Self::Two(connection) => connection.body(keep, seen).await,
        }
    }
}
