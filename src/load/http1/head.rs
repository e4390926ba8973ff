//! The head of a response: its status, how long its body is, and whether the connection outlives it.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use httparse::{Header, ParserConfig, Status};

use super::body::Body;

/// The largest head, bytes, and the most header lines.
pub(super) const LARGEST: usize = 64 << 10;
const MOST_LINES: usize = 256;

/// What a head says.
#[derive(Debug)]
pub(super) struct Head {
    /// Its length, bytes.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) keep_alive: bool,
}

/// What of a head is wanted, and to what it answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// The request was a HEAD: whatever the answer says, it has no body.
    pub(super) head_only: bool,
    /// Else only the headers that the client itself reads are kept.
    pub(super) all_headers: bool,
}

/// Reads a head at the beginning of `bytes`; `None` where its end has not come yet. Headers that are kept go to `kept`; nothing
/// does for an interim response.
pub(super) fn parse(bytes: &[u8], asked: Asked, kept: &mut HeaderMap) -> Result<Option<Head>, String> {
    let mut lines = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_LINES];
    let mut response = httparse::Response::new(&mut []);
    let within = &bytes[..bytes.len().min(LARGEST)];
    let parsed = ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response_with_uninit_headers(&mut response, within, &mut lines);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= LARGEST => {
            return Err(format!("its head is larger than {} KiB", LARGEST >> 10));
        }
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(format!("it has more than {MOST_LINES} header lines")),
        Err(error) => return Err(error.to_string()),
    };
    // A complete head has both.
    let (status, version) = (response.code.unwrap_or_default(), response.version.unwrap_or_default());
    if status < 200 {
        return Ok(Some(Head { length, status, body: Body::none(), keep_alive: true }));
    }

    let mut content_length = None;
    let mut codings: Option<bool> = None;
    let (mut closes, mut stays) = (false, version == 1);
    for line in &*response.headers {
        if is(line, "content-length") {
            for value in line.value.split(|byte| *byte == b',') {
                let value = number(value)?;
                if content_length.is_some_and(|other| other != value) {
                    return Err("it names two lengths".to_owned());
                }
                content_length = Some(value);
            }
        } else if is(line, "transfer-encoding") {
            let last = line.value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            codings = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        } else if is(line, "connection") {
            for token in line.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                closes |= token.eq_ignore_ascii_case(b"close");
                stays |= token.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        if asked.all_headers || read_by_client(line, status) {
            keep(line, kept)?;
        }
    }
    let body = if asked.head_only || matches!(status, 204 | 304) {
        Body::none()
    } else {
        match (codings, content_length) {
            (Some(true), _) => Body::chunked(),
            (None, Some(length)) => Body::sized(length),
            (Some(false), _) | (None, None) => Body::to_the_end(),
        }
    };
    // Length and codings together, or codings in 1.0: sent by something that does not know what it sends.
    let clear = codings.is_none() || version == 1 && content_length.is_none();
    let keep_alive = stays && !closes && clear;
    Ok(Some(Head { length, status, body, keep_alive }))
}

fn is(line: &Header<'_>, name: &str) -> bool {
    line.name.len() == name.len() && line.name.eq_ignore_ascii_case(name)
}

/// Whether the client itself reads a header: to decompress, to follow, to hand a cookie back.
fn read_by_client(line: &Header<'_>, status: u16) -> bool {
    is(line, "content-encoding") || is(line, "set-cookie") || status / 100 == 3 && is(line, "location")
}

fn number(text: &[u8]) -> Result<u64, String> {
    let text = text.trim_ascii();
    let digits = if text.is_empty() || !text.iter().all(u8::is_ascii_digit) { None } else { str::from_utf8(text).ok() };
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| "its content-length is no number".to_owned())
}

fn keep(line: &Header<'_>, kept: &mut HeaderMap) -> Result<(), String> {
    let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|error| error.to_string())?;
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let value = if line.value.iter().any(is_break) {
        // A value that was folded onto several lines.
        Cow::Owned(line.value.iter().map(|byte| if is_break(byte) { b' ' } else { *byte }).collect())
    } else {
        Cow::Borrowed(line.value)
    };
    let mut value = HeaderValue::from_bytes(&value).map_err(|error| error.to_string())?;
    value.set_sensitive(name == header::SET_COOKIE);
    kept.append(name, value);
    Ok(())
}
