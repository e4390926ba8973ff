//! What went wrong with a request, in few distinct words.

use super::connect::io_text;
use crate::record::FailureKind;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}

/// Why no headers came.
pub(super) fn before_headers(error: &hyper::Error) -> Problem {
    if error.is_parse() {
        return Problem { kind: FailureKind::Body, text: format!("not an HTTP response: {}", innermost(error)) };
    }
    let text = io_cause(error).unwrap_or_else(|| "connection closed before the response".to_owned());
    Problem { kind: FailureKind::Reset, text }
}

/// Why the body did not come whole.
pub(super) fn within_body(error: &hyper::Error) -> Problem {
    let cause = io_cause(error).unwrap_or_else(|| {
        if error.is_incomplete_message() || error.is_closed() { "ended early".to_owned() } else { innermost(error) }
    });
    Problem { kind: FailureKind::Body, text: format!("body: {cause}") }
}

fn io_cause(error: &hyper::Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            // hyper's way to say that the connection ended before the body did.
            let ended = io.kind() == std::io::ErrorKind::UnexpectedEof;
            return Some(if ended { "ended early".to_owned() } else { io_text(io) });
        }
        source = cause.source();
    }
    None
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
