//! A scenario run once, with every request and response shown: what its author looks at before it drives load.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::LoadError;
use super::client::{Ask, Client, Connections, Keep, Network, Seen};
use super::host::{AllowedHosts, Host};
use crate::mask::Mask;
use crate::scenario::{Feeds, Prepared, Reply, Request, Scenario, Step, User};
use crate::units::{format_duration, format_ms};

/// How much of a body is shown, characters.
const SHOWN: usize = 2000;

/// What to rehearse, and on what.
pub struct Rehearsal {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// The system under test.
    pub host: Host,
    /// Where redirects and absolute URLs may lead besides the host.
    pub allowed: AllowedHosts,
    /// How connections are made and kept.
    pub connections: Connections,
    /// Of every random choice.
    pub seed: u64,
}

/// Runs `setup`, `on_start`, each task once in the file's order, and `on_stop`; hands each piece of text to `show`.
/// Waits are named, not waited. Returns how many requests failed.
pub async fn rehearse(
    rehearsal: Rehearsal,
    mut stop: watch::Receiver<bool>,
    show: &mut (dyn FnMut(&str) + Send),
) -> Result<u32, LoadError> {
    let Rehearsal { scenario, host, allowed, connections, seed } = rehearsal;
    let network = Arc::new(Network::new(host, allowed, connections)?);
    let feeds = Arc::new(Feeds::new(&scenario));
    let client = Client::new(network, scenario.cookies);
    let user = User::new(Arc::clone(&scenario), feeds, 0, seed, None);
    let mut stage = Stage { user, client, show, failed: 0 };
    let everything = async {
        stage.part("setup", &scenario.setup).await;
        stage.part("on_start", &scenario.on_start).await;
        for task in &scenario.tasks {
            stage.user.begin_iteration();
            stage.part(&format!("task {:?}", task.name), &task.steps).await;
        }
        stage.part("on_stop", &scenario.on_stop).await;
    };
    tokio::select! {
        () = everything => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    Ok(stage.failed)
}

struct Stage<'a> {
    user: User,
    client: Client,
    show: &'a mut (dyn FnMut(&str) + Send),
    failed: u32,
}

impl Stage<'_> {
    async fn part(&mut self, title: &str, steps: &[Step]) {
        if !steps.is_empty() {
            (self.show)(&format!("── {title}\n\n"));
            self.walk(steps).await;
        }
    }

    async fn walk(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Request(request) => self.request(request).await,
                Step::Wait(wait) => (self.show)(&format!("wait {wait}\n\n")),
                Step::Steps(steps) => Box::pin(self.walk(steps)).await,
                Step::Pick(choices) => {
                    let drawn = self.user.draw(choices.iter().map(|(weight, _)| *weight));
                    (self.show)(&format!("pick: {} of {}\n\n", drawn + 1, choices.len()));
                    Box::pin(self.walk(std::slice::from_ref(&choices[drawn].1))).await;
                }
                Step::Repeat(times, steps) => {
                    for _ in 0..*times {
                        Box::pin(self.walk(steps)).await;
                    }
                }
                Step::When(condition, then, otherwise) => {
                    let holds = self.user.holds(condition);
                    (self.show)(if holds { "when: yes\n\n" } else { "when: no\n\n" });
                    Box::pin(self.walk(if holds { then } else { otherwise })).await;
                }
            }
        }
    }

    fn mask(&self) -> Mask {
        let mut mask = Mask::new(self.user.secrets());
        self.client.cookie_values().for_each(|value| mask.add(value));
        mask
    }

    async fn request(&mut self, request: &Request) {
        let mut prepared = Prepared::default();
        let mut text = String::new();
        if let Err(error) = self.user.prepare(request, &mut prepared) {
            self.failed += 1;
            (self.show)(&format!("> {} not sent: {error}\n\n", request.method));
            return;
        }
        let mask = self.mask();
        let _ = writeln!(text, "> {} {}", request.method, mask.text(&mask.url(&prepared.target)));
        headers(&mut text, '>', &prepared.headers, &mask);
        if let Some(cookies) = self.client.cookies_for(&prepared) {
            headers(&mut text, '>', &[(http::header::COOKIE, cookies)].into_iter().collect(), &mask);
        }
        if let Some(body) = &prepared.body {
            body_text(&mut text, body, &mask);
        }
        let mut seen = Seen::default();
        let began = Instant::now();
        let by = began + request.timeout;
        let ask = Ask { method: &request.method, redirects: request.redirects, keep: Keep::All, all_headers: true, by };
        let answer = tokio::time::timeout(request.timeout, self.client.exchange(ask, &prepared, &mut seen)).await;
        let time = began.elapsed();
        let problem = match answer {
            Err(_) => Some(format!("no whole response within {}", format_duration(request.timeout))),
            Ok(Err(problem)) => Some(problem.text),
            Ok(Ok(())) => {
                let reply = Reply { status: seen.status, headers: &seen.headers, body: &seen.body, time };
                let rejected = self.user.accept(request, &reply).err();
                rejected.map(|rejection| rejection.message)
            }
        };
        // A token that was captured just now is a secret as well, and so is a cookie.
        let mask = self.mask();
        if seen.status > 0 {
            let redirects =
                if seen.redirects > 0 { format!(" after {} redirect(s)", seen.redirects) } else { String::new() };
            let _ = writeln!(text, "< {} in {}{redirects}", seen.status, format_ms(millis(time)));
            headers(&mut text, '<', &seen.headers, &mask);
            body_text(&mut text, &seen.body, &mask);
        }
        if let Some(problem) = problem {
            self.failed += 1;
            self.client.disconnect();
            let _ = writeln!(text, "✗ {}", mask.text(&problem));
        }
        text.push('\n');
        (self.show)(&text);
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn headers(text: &mut String, direction: char, headers: &http::HeaderMap, mask: &Mask) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(text, "{direction} {name}: {}", mask.header(name.as_str(), &value));
    }
}

fn body_text(text: &mut String, body: &[u8], mask: &Mask) {
    if body.is_empty() {
        return;
    }
    let masked = String::from_utf8_lossy(body);
    let masked = mask.body(&masked);
    let shown: String = masked.chars().take(SHOWN).collect();
    let _ = writeln!(text, "\n{shown}");
    let rest = masked.chars().count().saturating_sub(SHOWN);
    if rest > 0 {
        let _ = writeln!(text, "… and {rest} more characters");
    }
    text.push('\n');
}
