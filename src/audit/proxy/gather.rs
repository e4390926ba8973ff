//! Reads the configuration and asks nginx.

use std::time::Duration;

use super::ProxyTarget;
use super::config::{self, Directive};

/// What the service keeps as static, and nginx may cache.
const STATIC: &str = "/api/v2/static/version";

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) config: Option<Vec<Directive>>,
    pub(super) config_problem: Option<String>,
    /// `1.22.1`, as the `Server` header tells it.
    pub(super) version: Option<String>,
    pub(super) status: Option<Status>,
    pub(super) status_problem: Option<String>,
    /// `X-Cache-Status` of requests for something static, one after the other; `None` where there was none.
    pub(super) cache: Option<Vec<Option<String>>>,
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
                match answer.text().await.ok().as_deref().and_then(read_status) {
                    Some(read) => seen.status = Some(read),
                    None => {
                        seen.status_problem = Some(format!(
                            "{address} answers {status}, and is no page of stub_status: is the URL right?"
                        ));
                    }
                }
            }
            Err(error) => seen.status_problem = Some(format!("{address}: {}", words(&error, timeout))),
        }
    }
    if let Some(host) = &target.host {
        let url = format!("{}{STATIC}", host.trim_end_matches('/'));
        let mut said = Vec::new();
        for _ in 0..5 {
            match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => {
                    seen.version = seen.version.take().or_else(|| version(&answer));
                    let header = answer.headers().get("x-cache-status").and_then(|value| value.to_str().ok());
                    said.push(header.map(str::to_owned));
                }
                _ => break,
            }
        }
        seen.cache = (!said.is_empty()).then_some(said);
    }
    seen
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
    innermost.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
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
