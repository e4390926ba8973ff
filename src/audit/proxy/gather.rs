//! Reads the configuration and asks nginx.

use std::time::Duration;

use super::ProxyTarget;
use super::config::{self, Directive};
use crate::observe::Address;

/// What the service keeps as static, and nginx may cache.
const STATIC: &str = "/api/v2/static/version";
/// Of a page that is read.
const MOST_BYTES: usize = 1 << 20;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) config: Option<Vec<Directive>>,
    pub(super) config_problem: Option<String>,
    /// `1.22.1`, as the `Server` header tells it.
    pub(super) version: Option<String>,
    pub(super) status: Option<Status>,
    pub(super) status_problem: Option<String>,
    /// Why the host does not answer.
    pub(super) host_problem: Option<String>,
    /// `X-Cache-Status` of requests for something static, one after the other, or why there is none; `None` where the host
    /// has nothing of that kind.
    pub(super) cache: Option<Result<Vec<Option<String>>, String>>,
}

/// The page of `stub_status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) accepts: u64,
    pub(super) handled: u64,
    pub(super) requests: u64,
    pub(super) active: u64,
}

pub(super) async fn gather(target: &ProxyTarget, timeout: Duration) -> Seen {
    let mut seen = Seen::default();
    if let Some(path) = &target.config {
        match config::read(path) {
            Ok(config) => seen.config = Some(config),
            Err(why) => seen.config_problem = Some(why),
        }
    }
    let client =
        reqwest::Client::builder().no_proxy().timeout(timeout).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else {
        seen.status_problem = Some("no HTTP client can be made here".to_owned());
        return seen;
    };
    if let Some(address) = &target.status {
        match client.get(address.url().clone()).send().await {
            Ok(answer) => {
                seen.version = version(&answer);
                let status = answer.status();
                match beginning(answer).await.as_deref().and_then(read_status) {
                    Some(read) => seen.status = Some(read),
                    None => seen.status_problem = Some(no_page(address, status)),
                }
            }
            Err(error) => seen.status_problem = Some(format!("{address}: {}", words(&error, timeout))),
        }
    }
    if let Some(host) = &target.host {
        let url = format!("{}{STATIC}", host.trim_end_matches('/'));
        match cached(&client, &url, timeout).await {
            Ok((cache, version)) => {
                seen.cache = cache;
                seen.version = seen.version.take().or(version);
            }
            Err(why) => seen.host_problem = Some(format!("{host}: {why}")),
        }
    }
    seen
}

fn no_page(address: &Address, status: reqwest::StatusCode) -> String {
    let hint = match status.as_u16() {
        401 | 403 => "let this machine see it: allow, in its location",
        502..=504 => {
            "nginx passes it on to a service that does not answer: give it a location of its own with stub_status"
        }
        _ => "is the URL right?",
    };
    format!("{address} answers {status}, and is no page of stub_status: {hint}")
}

/// What nginx says of its cache, or why that cannot be told; `None`: the host has nothing of that kind.
type Cached = Option<Result<Vec<Option<String>>, String>>;

/// What nginx says of its cache, five times, and its version; why there is no answer at all.
async fn cached(client: &reqwest::Client, url: &str, timeout: Duration) -> Result<(Cached, Option<String>), String> {
    let (mut said, mut told) = (Vec::new(), None);
    for _ in 0..5 {
        let answer = match client.get(url).send().await {
            Ok(answer) => answer,
            Err(error) if said.is_empty() => return Err(words(&error, timeout)),
            Err(error) => return Ok((Some(Err(format!("GET {STATIC}: {}", words(&error, timeout)))), told)),
        };
        told = told.or_else(|| version(&answer));
        let status = answer.status();
        if status.is_server_error() {
            let hint = if status == 502 { ": nginx cannot reach the service" } else { "" };
            return Ok((Some(Err(format!("GET {STATIC} answers {status}{hint}"))), told));
        }
        if !status.is_success() {
            return Ok((None, told));
        }
        let header = answer.headers().get("x-cache-status").and_then(|value| value.to_str().ok());
        said.push(header.map(str::to_owned));
        // To its end, so that it can be kept.
        let _ = beginning(answer).await;
    }
    Ok((Some(Ok(said)), told))
}

/// As much of a body as a status page may have.
async fn beginning(mut answer: reqwest::Response) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}

fn version(answer: &reqwest::Response) -> Option<String> {
    let server = answer.headers().get("server")?.to_str().ok()?;
    server.strip_prefix("nginx/").map(|version| version.split(' ').next().unwrap_or_default().to_owned())
}

/// The words for a request that got no answer.
fn words(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", timeout.as_secs_f64());
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let said = innermost.to_string().split(" (os error").next().unwrap_or_default().to_lowercase();
    let tls = error.url().is_some_and(|url| url.scheme() == "https");
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match tls {
        true if has(&["corrupt message", "invalidcontenttype", "eof"]) => format!("{said}: does it speak TLS there?"),
        false if has(&["invalid http", "closed", "incomplete", "reset"]) => {
            format!("{said}: does it want https:// there?")
        }
        _ => said,
    }
}

fn read_status(page: &str) -> Option<Status> {
    let mut lines = page.lines();
    let active = lines.next()?.strip_prefix("Active connections:")?.trim().parse().ok()?;
    let mut numbers = lines.nth(1)?.split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    Some(Status { active, accepts: next()?, handled: next()?, requests: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_page_is_read() {
        let page =
            "Active connections: 2 \nserver accepts handled requests\n 16 15 31 \nReading: 0 Writing: 1 Waiting: 1 \n";
        assert_eq!(read_status(page), Some(Status { accepts: 16, handled: 15, requests: 31, active: 2 }));
        assert_eq!(read_status("<html>"), None);
    }
}
