//! Responses in whatever pieces they come: what they amount to must not depend on the pieces.

use std::time::Instant;

use proptest::prelude::*;

use super::head::Asked;
use super::response::Response;
use crate::load::client::{Keep, Seen};
use crate::record::FailureKind;

/// What a response came to.
#[derive(Debug, PartialEq)]
struct Came {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    body_bytes: u64,
    whole: bool,
    leaves_connection: bool,
    problem: Option<(FailureKind, String)>,
}

const ALL: Asked = Asked { head_only: false, all_headers: true };

/// Feeds a response in pieces, then the connection's end.
fn come<'a>(asked: Asked, pieces: impl IntoIterator<Item = &'a [u8]>) -> Came {
    let (mut response, mut seen, now) = (Response::awaited(asked, Keep::All, true), Seen::default(), Instant::now());
    let mut fed = pieces.into_iter().map(|piece| response.take(piece, now, &mut seen)).find(Result::is_err);
    let (whole, leaves_connection) = (response.is_whole(), response.leaves_connection());
    if fed.is_none() {
        fed = Some(response.end(now, &mut seen));
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Came {
        status: seen.status,
        headers: seen.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: String::from_utf8_lossy(&seen.body).into_owned(),
        body_bytes: seen.body_bytes,
        whole,
        leaves_connection,
        problem: fed.and_then(Result::err).map(|problem| (problem.kind, problem.text)),
    }
}

fn at_once(text: &str) -> Came {
    come(ALL, [text.as_bytes()])
}

#[track_caller]
fn assert_body(text: &str, body: &str, leaves_connection: bool) {
    let came = at_once(text);
    assert_eq!((came.problem, came.body.as_str()), (None, body), "{text:?}");
    assert_eq!(came.leaves_connection, leaves_connection, "{text:?}");
}

#[track_caller]
fn assert_fails(text: &str, kind: FailureKind, words: &str) {
    let (seen, said) = at_once(text).problem.unwrap_or_else(|| panic!("{text:?} was taken"));
    assert_eq!((seen, said.as_str()), (kind, words), "{text:?}");
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn a_body_ends_where_its_framing_says() {
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true);
    assert_body("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", "", true);
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5, 5\r\n\r\nhello", "hello", true);
    assert_body("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", false);
    assert_body(&format!("{CHUNKED}5\r\nhello\r\n006 ;a=\"b\";c\r\n world\r\n0\r\n\r\n"), "hello world", true);
    assert_body(&format!("{CHUNKED}0;x\r\nA: 1\r\nB: 2\r\n\r\n"), "", true);
    assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x", true);
    assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n1\r\nx", "1\r\nx", false);
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    assert_body(both, "x", false);
    assert_body("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", true);
    assert_body("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "", true);
    let head_only = Asked { head_only: true, all_headers: false };
    let came = come(head_only, [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".as_slice()]);
    assert!(came.whole && came.leaves_connection && came.problem.is_none() && came.headers.is_empty());
}

#[test]
fn a_connection_is_kept_where_both_sides_want_it_and_nothing_else_came() {
    let with = |version: &str, connection: &str| {
        at_once(&format!("HTTP/{version} 200 OK\r\n{connection}Content-Length: 1\r\n\r\nx")).leaves_connection
    };
    assert!(with("1.1", ""));
    assert!(with("1.1", "Connection: keep-alive, Upgrade\r\n"));
    assert!(!with("1.1", "Connection: foo,Close\r\n"));
    assert!(!with("1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
    assert!(!with("1.0", ""));
    assert!(with("1.0", "connection: Keep-Alive\r\n"));
    assert!(!with("1.0", "connection: keep-alive\r\nTransfer-Encoding: chunked\r\n"));
    let more = at_once("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy");
    assert!(more.whole && !more.leaves_connection && more.body == "x" && more.problem.is_none());
}

#[test]
fn interim_responses_are_passed_over_and_a_switch_of_protocols_is_a_failure() {
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let came = at_once(&format!("{early}HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"));
    assert_eq!((came.status, came.body.as_str(), came.leaves_connection), (201, "ok", true));
    assert_eq!(came.headers, [("content-length".to_owned(), "2".to_owned())]);
    let words = "status 101: the host switched to another protocol unasked";
    assert_fails("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", FailureKind::Status, words);
    assert_fails(early, FailureKind::Reset, "connection closed before the response");
}

#[test]
fn what_is_no_response_is_told_apart_from_one_that_stops() {
    let body = FailureKind::Body;
    assert_fails("", FailureKind::Reset, "connection closed before the response");
    assert_fails("HTTP/1.1 200 OK\r\nX", FailureKind::Reset, "connection closed within the head of the response");
    assert_fails("220 mail ESMTP\r\n", body, "not an HTTP response: invalid HTTP version");
    assert_fails("HTTP/1.1 abc\r\n\r\n", body, "not an HTTP response: invalid response status");
    let length = |value: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\n");
    for value in ["", "-1", "+5", "0x5", "5 5", "5,", "99999999999999999999"] {
        assert_fails(&length(value), body, "not an HTTP response: its content-length is no number");
    }
    assert_fails(&length("5, 6"), body, "not an HTTP response: it names two lengths");
    assert_fails(&format!("{}1234", length("5")), body, "body: ended early");
    let lines = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert_eq!(at_once(&lines(256)).problem, None);
    assert_fails(&lines(257), body, "not an HTTP response: it has more than 256 header lines");
    let long = |bytes: usize| format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(bytes));
    assert_eq!(at_once(&long(65_000)).problem, None);
    assert_fails(&long(66_000), body, "not an HTTP response: its head is larger than 64 KiB");
}

#[test]
fn broken_chunks_are_failures_of_the_body() {
    for (chunks, words) in [
        ("xyz\r\n", "a chunk's size is no number"),
        ("\r\n", "a chunk's size is no number"),
        ("5\nhello", "a chunk's size is no number"),
        ("5\r\nhello!\r\n", "a chunk does not end where it should"),
        ("5\rhello", "a chunk does not end where it should"),
        ("11112222333344445\r\n", "a chunk's size is too large a number"),
        ("5\r\nhello\r\n", "ended early"),
        ("0\r\n", "ended early"),
        ("0\r\n\rx", "a chunk does not end where it should"),
        ("5;a\n", "what follows a chunk's size does not end"),
        (&format!("5;{}", "a".repeat(20_000)), "what follows a chunk's size does not end"),
        (&format!("0\r\n{}", "a: b\r\n".repeat(20_000)), "what follows the last chunk does not end"),
    ] {
        assert_fails(&format!("{CHUNKED}{chunks}"), FailureKind::Body, &format!("body: {words}"));
    }
    assert!(at_once(&format!("{CHUNKED}00000000000000000000003\r\nabc\r\n0\r\n\r\n")).whole);
}

#[test]
fn only_what_is_asked_for_is_kept_of_the_headers() {
    let head = "HTTP/1.1 302 Found\r\nServer: x\r\nLocation: /a\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\
                X-Folded: one\r\n  two\r\nContent-Length: 0\r\n\r\n";
    let names = |came: &Came| came.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let all = at_once(head);
    assert_eq!(names(&all), ["server", "location", "set-cookie", "set-cookie", "x-folded", "content-length"]);
    assert_eq!(all.headers[4].1.split_whitespace().collect::<Vec<_>>(), ["one", "two"]);
    let few = come(Asked::default(), [head.as_bytes()]);
    assert_eq!(names(&few), ["location", "set-cookie", "set-cookie"]);
}

#[test]
fn a_body_too_large_to_be_kept_is_counted_where_it_is_not_kept() {
    let (mut response, mut seen, now) = (Response::awaited(ALL, Keep::Nothing, true), Seen::default(), Instant::now());
    response.take(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n", now, &mut seen).unwrap();
    let megabyte = vec![b'x'; 1_000_000];
    (0..20).for_each(|_| response.take(&megabyte, now, &mut seen).unwrap());
    assert!(response.leaves_connection() && seen.body.is_empty() && seen.body_bytes == 20_000_000);
    let mut kept = Response::awaited(ALL, Keep::All, true);
    let mut seen = Seen::default();
    kept.take(b"HTTP/1.1 200 OK\r\n\r\n", now, &mut seen).unwrap();
    let problem = (0..20).find_map(|_| kept.take(&megabyte, now, &mut seen).err()).unwrap();
    assert_eq!(problem.kind, FailureKind::Check);
}

/// Responses and what is nearly one.
fn wire_bytes() -> impl Strategy<Value = Vec<u8>> {
    let connection =
        prop::sample::select(vec!["", "Connection: close\r\n", "connection: keep-alive\r\n", "A: b\r\n c\r\n"]);
    let framing = prop_oneof![
        (0_usize..80).prop_map(|length| (format!("Content-Length: {length}\r\n"), None)),
        prop::collection::vec((0_usize..30, prop::bool::ANY), 0..4).prop_map(|chunks| {
            let chunk = |(size, extended): &(usize, bool)| {
                let extension = if *extended { ";name=value" } else { "" };
                format!("{size:x}{extension}\r\n{}\r\n", "c".repeat(*size))
            };
            let chunks: String = chunks.iter().filter(|(size, _)| *size > 0).map(chunk).collect();
            ("Transfer-Encoding: chunked\r\n".to_owned(), Some(format!("{chunks}0\r\nT: railer\r\n\r\n")))
        }),
        Just((String::new(), None)),
    ];
    let interim =
        prop::sample::select(vec!["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"]);
    let status = prop::sample::select(vec!["1.1 200 OK", "1.0 200 OK", "1.1 204 None", "1.1 404 Not Found"]);
    let whole = (interim, status, connection, framing, "[a-z]{0,60}").prop_map(
        |(interim, status, connection, (framing, chunks), body)| {
            let body = chunks.unwrap_or(body);
            format!("{interim}HTTP/{status}\r\n{connection}{framing}\r\n{body}").into_bytes()
        },
    );
    let change = prop::option::of((any::<prop::sample::Index>(), prop::sample::select(b"\r\n 0a:;\0\x80".to_vec())));
    (whole, change, prop::option::of(any::<prop::sample::Index>())).prop_map(|(mut bytes, change, cut)| {
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_pieces_make_no_difference(
        bytes in wire_bytes(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        all_headers in prop::bool::ANY,
        head_only in prop::bool::weighted(0.1),
    ) {
        let asked = Asked { head_only, all_headers };
        let once = come(asked, [bytes.as_slice()]);
        prop_assert_eq!(&come(asked, bytes.chunks(1)), &once);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        prop_assert_eq!(&come(asked, cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]])), &once);
    }

    #[test]
    fn no_bytes_upset_it(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5)) {
        come(ALL, pieces.iter().map(Vec::as_slice));
    }
}
