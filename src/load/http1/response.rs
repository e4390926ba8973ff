//! A response as it comes in, in whatever pieces: told what was read, it says what that amounts to. Reads nothing itself.

use std::io;
use std::time::Instant;

use super::body::Body;
use super::head::{self, Asked, Head, LARGEST};
use crate::load::client::{Keep, LARGEST_KEPT_BODY, Seen, too_large};
use crate::load::connect::io_text;
use crate::load::problem::Problem;
use crate::record::FailureKind;

/// How far a response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Body(Body),
    Whole,
}

/// One response.
#[derive(Debug)]
pub(super) struct Response {
    asked: Asked,
    keep: Keep,
    stage: Stage,
    /// The beginning of a head that did not come at once.
    begun: Vec<u8>,
    first_byte: Option<Instant>,
    keep_alive: bool,
}

impl Response {
    /// Nothing is awaited.
    pub(super) fn none() -> Self {
        Self { stage: Stage::Whole, ..Self::awaited(Asked::default(), Keep::Nothing, true) }
    }

    /// `keep_alive`: whether the connection is to be used again, as far as we are concerned.
    pub(super) fn awaited(asked: Asked, keep: Keep, keep_alive: bool) -> Self {
        Self { asked, keep, stage: Stage::Head, begun: Vec::new(), first_byte: None, keep_alive }
    }

    /// Of what is still to come.
    pub(super) fn keep_at_most(&mut self, keep: Keep) {
        if keep == Keep::Nothing {
            self.keep = keep;
        }
    }

    /// Something else has made the connection useless.
    pub(super) fn spoil_connection(&mut self) {
        self.keep_alive = false;
    }

    /// Whether its head was seen.
    pub(super) fn has_head(&self) -> bool {
        self.stage != Stage::Head
    }

    pub(super) fn is_whole(&self) -> bool {
        self.stage == Stage::Whole
    }

    /// Whether the connection can serve another request after it.
    pub(super) fn leaves_connection(&self) -> bool {
        self.is_whole() && self.keep_alive
    }

    /// Takes what was read at an instant.
    pub(super) fn take(&mut self, mut bytes: &[u8], now: Instant, seen: &mut Seen) -> Result<(), Problem> {
        while !bytes.is_empty() {
            match &mut self.stage {
                Stage::Head => {
                    let length = self.take_head(bytes, now, seen)?;
                    bytes = &bytes[length..];
                }
                Stage::Body(body) => {
                    let piece = body.next(&mut bytes).map_err(broken_body)?;
                    if body.is_whole() {
                        self.stage = Stage::Whole;
                    }
                    seen.body_bytes += piece.len() as u64;
                    if self.keep == Keep::All {
                        if seen.body.len() + piece.len() > LARGEST_KEPT_BODY {
                            return Err(too_large());
                        }
                        seen.body.extend_from_slice(piece);
                    }
                }
                Stage::Whole => {
                    // More than was announced: what it is nobody knows.
                    self.keep_alive = false;
                    break;
                }
            }
        }
        if self.is_whole() {
            seen.ended = Some(now);
        }
        Ok(())
    }

    /// Returns how many of the bytes belong to the head.
    fn take_head(&mut self, bytes: &[u8], now: Instant, seen: &mut Seen) -> Result<usize, Problem> {
        let first_byte = *self.first_byte.get_or_insert(now);
        let not_http =
            |what: String| Problem { kind: FailureKind::Body, text: format!("not an HTTP response: {what}") };
        let earlier = self.begun.len();
        let parsed = if earlier == 0 {
            head::parse(bytes, self.asked, &mut seen.headers)
        } else {
            let room = LARGEST - earlier;
            self.begun.extend_from_slice(&bytes[..bytes.len().min(room)]);
            // Only the end of a line can be the end of a head.
            if bytes.contains(&b'\n') || self.begun.len() == LARGEST {
                head::parse(&self.begun, self.asked, &mut seen.headers)
            } else {
                Ok(None)
            }
        };
        let Some(Head { length, status, body, keep_alive }) = parsed.map_err(not_http)? else {
            if earlier == 0 {
                self.begun.extend_from_slice(bytes);
            }
            return Ok(bytes.len());
        };
        self.begun = Vec::new();
        if status == 101 {
            seen.status = status;
            let text = "status 101: the host switched to another protocol unasked".to_owned();
            return Err(Problem { kind: FailureKind::Status, text });
        }
        if status < 200 {
            // An interim response: the one that counts is still to come.
            self.first_byte = None;
        } else {
            seen.status = status;
            seen.first_byte = Some(first_byte);
            self.keep_alive &= keep_alive;
            self.stage = if body.is_whole() { Stage::Whole } else { Stage::Body(body) };
            if self.keep == Keep::All {
                seen.body.reserve(body.expected().min(LARGEST as u64) as usize);
            }
        }
        Ok(length - earlier)
    }

    /// The host has closed its side.
    pub(super) fn end(&mut self, now: Instant, seen: &mut Seen) -> Result<(), Problem> {
        self.keep_alive = false;
        match self.stage {
            Stage::Whole => Ok(()),
            Stage::Body(body) if body.ends_with_connection() => {
                self.stage = Stage::Whole;
                seen.ended = Some(now);
                Ok(())
            }
            Stage::Body(_) => Err(broken_body("ended early")),
            Stage::Head => {
                // What was not looked at because its line had not ended may be wrong already.
                if let Err(what) = head::parse(&self.begun, self.asked, &mut seen.headers) {
                    let text = format!("not an HTTP response: {what}");
                    return Err(Problem { kind: FailureKind::Body, text });
                }
                let place = if self.begun.is_empty() { "before" } else { "within the head of" };
                Err(Problem { kind: FailureKind::Reset, text: format!("connection closed {place} the response") })
            }
        }
    }

    /// What an error of the connection comes to.
    pub(super) fn broken(&mut self, error: &io::Error, now: Instant, seen: &mut Seen) -> Result<(), Problem> {
        match self.stage {
            // TLS that ends without saying so: for a body without a length that may be its middle.
            Stage::Head if error.kind() == io::ErrorKind::UnexpectedEof => self.end(now, seen),
            Stage::Head => Err(Problem { kind: FailureKind::Reset, text: io_text(error) }),
            Stage::Body(_) if error.kind() == io::ErrorKind::UnexpectedEof => Err(broken_body("ended early")),
            Stage::Body(_) => Err(broken_body(&io_text(error))),
            Stage::Whole => Ok(()),
        }
    }
}

fn broken_body(what: &str) -> Problem {
    Problem { kind: FailureKind::Body, text: format!("body: {what}") }
}
