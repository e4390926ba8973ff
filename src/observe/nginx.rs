//! An nginx, by its status page: `ngx_http_stub_status_module`.
//!
//! The probe leaves itself out of what it tells. Each look is one request by a connection of its own, so that it is known
//! what of the page is the probe's: one connection accepted, one handled and one request for every look so far, and now one
//! active connection that is writing.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::http::{Fetched, Page};
use super::{Address, Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

/// What to do where there is no such page.
const HOW: &str = "turn it on in nginx with `location /nginx_status { stub_status; allow 127.0.0.1; deny all; }` and name \
                   its address, e.g. --nginx http://127.0.0.1/nginx_status";

/// See the module.
#[derive(Debug)]
pub(super) struct NginxProbe {
    page: Page,
    facts: BTreeMap<String, String>,
    /// Looks so far that nginx has answered.
    own: f64,
}

impl NginxProbe {
    /// One that has not looked yet.
    pub(super) fn new(address: &Address) -> Self {
        let facts = BTreeMap::from([("address".to_owned(), address.to_string())]);
        Self { page: Page::new(address).closing(), facts, own: 0.0 }
    }

    async fn see(&mut self) -> Result<Look, String> {
        let fetched = self.page.fetch().await;
        let Fetched { text, server } =
            fetched.map_err(|why| format!("no status page of nginx at {}: {why}; {HOW}", self.page.address()))?;
        let status = Status::parse(&text).ok_or_else(|| {
            format!("{} is no status page of nginx (it begins {:?}); {HOW}", self.page.address(), beginning(&text))
        })?;
        if let Some(server) = server {
            self.facts.insert("version".into(), server);
        }
        self.own += 1.0;
        Ok(status.look(self.own))
    }
}

impl Probe for NginxProbe {
    fn name(&self) -> ProbeName {
        ProbeName { kind: ProbeKind::Nginx, name: String::new(), facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        self.see().boxed()
    }
}

/// The page.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Status {
    active: f64,
    accepts: f64,
    handled: f64,
    requests: f64,
    reading: f64,
    writing: f64,
    waiting: f64,
}

impl Status {
    /// Only what is such a page to the last word.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let expect = |words: &mut std::str::SplitAsciiWhitespace<'_>, wanted: &str| {
            wanted.split(' ').all(|wanted| words.next() == Some(wanted)).then_some(())
        };
        let number = |words: &mut std::str::SplitAsciiWhitespace<'_>| Some(words.next()?.parse::<u64>().ok()? as f64);
        expect(&mut words, "Active connections:")?;
        let active = number(&mut words)?;
        expect(&mut words, "server accepts handled requests")?;
        let (accepts, handled, requests) = (number(&mut words)?, number(&mut words)?, number(&mut words)?);
        expect(&mut words, "Reading:")?;
        let reading = number(&mut words)?;
        expect(&mut words, "Writing:")?;
        let writing = number(&mut words)?;
        expect(&mut words, "Waiting:")?;
        let idle = number(&mut words)?;
        let status = Self { active, accepts, handled, requests, reading, writing, waiting: idle };
        words.next().is_none().then_some(status)
    }

    /// Without the probe's `own` looks, this one the last of them.
    fn look(&self, own: f64) -> Look {
        let mut look = Look::default();
        look.total("accepted", self.accepts - own);
        look.total("dropped", self.accepts - self.handled);
        look.total("requests", self.requests - own);
        look.gauge("active", (self.active - 1.0).max(0.0));
        look.gauge("reading", self.reading);
        look.gauge("writing", (self.writing - 1.0).max(0.0));
        look.gauge("waiting", self.waiting);
        look
    }
}

fn beginning(text: &str) -> String {
    text.trim_start().lines().next().unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::super::http::server::{Server, ok};
    use super::*;

    const PAGE: &str = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630940 31070465 \n\
                        Reading: 6 Writing: 179 Waiting: 106 \n";

    #[test]
    fn the_page_is_read_without_the_probe_s_own_part() {
        let look = Status::parse(PAGE).unwrap().look(48.0);
        let totals: Vec<(&str, f64)> = look.totals.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(totals, [("accepted", 16_630_900.0), ("dropped", 8.0), ("requests", 31_070_417.0)]);
        let gauges: Vec<(&str, f64)> = look.gauges.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(gauges, [("active", 290.0), ("reading", 6.0), ("waiting", 106.0), ("writing", 178.0)]);
    }

    #[test]
    fn what_is_not_wholly_such_a_page_is_none() {
        for page in [
            "",
            "<html>Welcome to nginx!</html>",
            "Active connections: x\nserver accepts handled requests\n 1 1 1\nReading: 0 Writing: 1 Waiting: 0",
            "Active connections: 1\nserver accepts handled requests\n 1 1\nReading: 0 Writing: 1 Waiting: 0",
            "Active connections: 1\nserver accepts handled requests\n 1 1 -1\nReading: 0 Writing: 1 Waiting: 0",
            "Active connections: 1\nserver accepts handled requests request_time\n 1 1 1 9\nReading: 0 Writing: 1 Waiting: 0",
            "Active connections: 1\nserver accepts handled requests\n 1 1 1\nReading: 0 Writing: 1 Waiting: 0 more",
        ] {
            assert_eq!(Status::parse(page), None, "{page}");
        }
    }

    #[tokio::test]
    async fn no_status_page_is_an_error_that_shows_how_to_turn_it_on() {
        let server = Server::start(|_| ok("<html>Welcome to nginx!</html>")).await;
        let url = format!("http://me:geheim@127.0.0.1:{}/nginx_status", server.port);
        let mut probe = NginxProbe::new(&Address::http(&url, "").unwrap());
        let error = probe.look(Depth::Whole).await.unwrap_err();
        let shown = format!("http://me:***@127.0.0.1:{}/nginx_status", server.port);
        assert!(
            error.starts_with(&format!("{shown} is no status page of nginx (it begins \"<html>Welcome")),
            "{error}"
        );
        assert!(error.contains("stub_status; allow 127.0.0.1; deny all;"), "{error}");
        assert_eq!(probe.name().facts["address"], shown);
    }

    #[tokio::test]
    async fn an_idle_nginx_shows_nothing_of_the_probe() {
        // As nginx counts: the connection and the request of the probe itself are there already.
        let server = Server::start(|number| {
            let own = number + 1;
            ok(&PAGE.replace("16630948 16630940 31070465", &format!("{} {} {}", 100 + own, 100 + own, 500 + own)))
        })
        .await;
        let mut probe = NginxProbe::new(&server.address("/nginx_status"));
        for _ in 0..3 {
            let look = probe.look(Depth::Quick).await.unwrap();
            let told = |name| look.totals[name];
            assert_eq!((told("accepted"), told("dropped"), told("requests")), (100.0, 0.0, 500.0));
        }
        assert_eq!(probe.name().facts["version"], "nginx/1.22.1");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}", like in "(Active|connections:|server|accepts| |[0-9]{1,30}|\n){0,20}") {
            let _ = Status::parse(&text);
            let _ = Status::parse(&like);
            let _ = beginning(&text);
        }
    }
}
