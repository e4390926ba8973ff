//! Sends a few dozen GETs, and notes what comes back.

use std::time::Duration;

use super::AppTarget;
use super::beside::{Beside, Known, beside};
use super::talk::{Reply, Talk};
use crate::load::Host;
use crate::record::Phases;

pub(super) const HEALTH: &str = "/api/v2/health";
const METRICS: &str = "/metrics";
/// Bodies of these may be large enough to be compressed.
const LARGE: [&str; 5] = ["/api/v2/projects", "/api/v2/tasks", METRICS, "/openapi.json", "/"];
/// As the guide's users ask for them.
const ASKED: [&str; 3] = ["/api/v2/projects", "/api/v2/tasks", HEALTH];
const DOCS: [&str; 3] = ["/docs", "/redoc", "/openapi.json"];
/// Nobody has this.
const NOTHING: &str = "/api/v2/agenthub-perf-check-of-an-unknown-path";
/// Compressed from here on.
pub(super) const COMPRESSED_FROM: usize = 1000;
/// What was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) health: Health,
    /// HTTP/2 over TLS; `None` where there is no TLS.
    pub(super) http2: Option<bool>,
    pub(super) local: bool,
    pub(super) large: Option<Large>,
    /// Path, status and where it leads.
    pub(super) redirects: Vec<(String, u16, String)>,
    /// Path and status.
    pub(super) docs: Vec<(String, u16)>,
    pub(super) error: Result<Answer, String>,
    pub(super) metrics: Result<Answer, String>,
    pub(super) beside: Result<Beside, String>,
    /// The `Server` header.
    pub(super) server: String,
    pub(super) port: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Health {
    pub(super) opened: Phases,
    pub(super) status: u16,
    pub(super) first_byte: Duration,
    pub(super) rest: Duration,
    /// Two more requests went over the same connection.
    pub(super) kept: bool,
}

/// An answer with a body worth compressing.
#[derive(Debug, Clone)]
pub(super) struct Large {
    pub(super) path: String,
    pub(super) plain: usize,
    /// What came when compression was offered: its bytes on the way, and how they were encoded.
    pub(super) offered: Result<(usize, String), String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) body: String,
}

pub(super) async fn gather(target: &AppTarget, timeout: Duration) -> Result<Seen, String> {
    let host = &target.host;
    let open = || Talk::open(host, target.token.as_deref(), !target.insecure, timeout);
    let mut talk = open().await.map_err(|why| no_tls(why, host))?;
    let opened = talk.opened;
    let first = talk.get(HEALTH, &[]).await.map_err(|why| not_http(&why, host))?;
    let server = first.header("server").to_owned();
    let mut kept = true;
    for _ in 0..2 {
        kept = kept && talk.is_open() && talk.get(HEALTH, &[]).await.is_ok();
    }
    let health = Health { opened, status: first.status, first_byte: first.first_byte, rest: first.rest, kept };
    let mut once = Once { target, timeout, talk: None };
    let mut redirects = Vec::new();
    let mut known = Vec::new();
    for path in ASKED.iter().copied().chain(target.slow_path.as_deref()) {
        let Ok(reply) = once.get(path, &[]).await else { continue };
        if (300..400).contains(&reply.status) {
            redirects.push((path.to_owned(), reply.status, reply.header("location").to_owned()));
        }
        if path != HEALTH {
            let named = target.slow_path.as_deref() == Some(path);
            known.push(Known { path: path.to_owned(), took: reply.took(), status: reply.status, named });
        }
    }
    let mut docs = Vec::new();
    for path in DOCS {
        if let Ok(reply) = once.get(path, &[]).await {
            docs.push((path.to_owned(), reply.status));
        }
    }
    let large = large(&mut once).await;
    let error = once.get(NOTHING, &[]).await.map(|reply| answer(&reply));
    let metrics = match &target.metrics {
        None => once.get(METRICS, &[]).await.map(|reply| answer(&reply)),
        Some(address) => elsewhere(address, target, timeout).await,
    };
    let http2 = if host.origin.tls { Talk::chooses_http2(host, !target.insecure, timeout).await } else { None };
    let beside = beside(&known, &open).await;
    let local = crate::load::AllowedHosts::new([]).permits(&host.origin.name);
    Ok(Seen { health, http2, local, large, redirects, docs, error, metrics, beside, server, port: host.origin.port })
}

/// A connection that is opened again where the other side has closed it.
struct Once<'t> {
    target: &'t AppTarget,
    timeout: Duration,
    talk: Option<Talk>,
}

impl Once<'_> {
    async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Reply, String> {
        let mut talk = if let Some(talk) = self.talk.take().filter(Talk::is_open) {
            talk
        } else {
            let AppTarget { host, token, insecure, .. } = self.target;
            Talk::open(host, token.as_deref(), !insecure, self.timeout).await?
        };
        let reply = talk.get(path, headers).await;
        if reply.is_ok() {
            self.talk = Some(talk);
        }
        reply
    }
}

async fn large(once: &mut Once<'_>) -> Option<Large> {
    for path in LARGE {
        let Ok(plain) = once.get(path, &[("accept-encoding", "identity")]).await else { continue };
        if plain.body.len() < COMPRESSED_FROM || plain.status >= 400 {
            continue;
        }
        let offered = once.get(path, &[("accept-encoding", "gzip")]).await;
        let offered = offered.map(|reply| (reply.body.len(), reply.header("content-encoding").to_owned()));
        return Some(Large { path: path.to_owned(), plain: plain.body.len(), offered });
    }
    None
}

async fn elsewhere(address: &crate::observe::Address, target: &AppTarget, timeout: Duration) -> Result<Answer, String> {
    let mut origin = address.url().clone();
    origin.set_path("");
    origin.set_query(None);
    let host = Host::parse(origin.as_str()).map_err(|error| error.to_string())?;
    let mut talk = Talk::open(&host, None, !target.insecure, timeout).await?;
    talk.get(address.url().path(), &[]).await.map(|reply| answer(&reply))
}

fn answer(reply: &Reply) -> Answer {
    let kind = reply.header("content-type").split(';').next().unwrap_or_default().to_owned();
    Answer { status: reply.status, kind, body: String::from_utf8_lossy(&reply.body).into_owned() }
}

/// With a word on TLS where what came is none.
fn no_tls(why: String, host: &Host) -> String {
    let broken = ["corrupt message", "InvalidContentType", "eof"].iter().any(|word| why.contains(word));
    if broken && host.origin.tls { format!("{why}: does the host speak TLS there? Else http://") } else { why }
}

/// With a word on TLS where what came is no HTTP.
fn not_http(why: &str, host: &Host) -> String {
    let broken = ["invalid", "closed", "incomplete", "reset"].iter().any(|word| why.contains(word));
    let hint = if broken && !host.origin.tls { ": does the host want https:// there?" } else { "" };
    format!("{host}: {why}{hint}")
}
