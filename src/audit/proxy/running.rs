//! What nginx tells while it runs: its status page, and whether something static comes from its cache.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::config::Directive;
use super::gather::Status;
use super::judge::NGINX;
use super::passing;
use super::place::Lines;
use super::scope::all;
use super::simple::named;

pub(super) static HIT: Rule = Rule {
    id: "proxy.cache_hits",
    area: Area::Proxy,
    lines: &[12],
    section: "HTTP Response Cache",
    holds: "of five requests for the same thing under /api/v2/static/, the last comes from the cache",
    source: "the guide: X-Cache-Status; own choice: five, for a cache that waits for a second request",
    applies: "--host, which answers /api/v2/static/version",
};
pub(super) static DROPPED: Rule = Rule {
    id: "proxy.dropped_connections",
    area: Area::Proxy,
    lines: &[16],
    section: NGINX,
    holds: "nginx has handled every connection that it accepted",
    source: "nginx' ngx_http_stub_status_module: handled is less than accepts where a limit was reached",
    applies: "--nginx URL",
};
pub(super) static REUSE: Rule = Rule {
    id: "proxy.client_reuse",
    area: Area::Proxy,
    lines: &[16],
    section: NGINX,
    holds: "a client's connection carries two requests or more",
    source: "stub_status: requests / handled; own choice: with fewer than two, keeping connections saves nothing",
    applies: "--nginx URL, 1,000 connections",
};

pub(super) fn hit(said: &Result<Vec<Option<String>>, String>, config: Option<&[Directive]>) -> Finding {
    let said = match said {
        Ok(said) => said,
        Err(why) => return HIT.unknown(why),
    };
    let words: Vec<&str> = said.iter().map(|word| word.as_deref().unwrap_or("nothing")).collect();
    let line = format!("X-Cache-Status: {}", words.join(", "));
    match said.last().and_then(|word| word.as_deref()) {
        Some("HIT" | "STALE" | "UPDATING" | "REVALIDATED") => HIT.pass(line),
        Some(_) => HIT.fail(format!("the cache does not keep it: {line}")).fix(
            FixKind::Words,
            "a Set-Cookie, a Cache-Control: no-store or private, or a Vary: * of the service keeps nginx from caching",
        ),
        None => {
            let fix = passing::cache(config.unwrap_or_default()).fix;
            let found = HIT.fail("nobody says whether it came from a cache");
            match fix {
                Some(fix) => found.fix(fix.kind, fix.text),
                None => found.fix(
                    FixKind::Words,
                    "the configuration caches it: is this nginx in front of the host, and reloaded?",
                ),
            }
        }
    }
}

pub(super) fn dropped(status: Status, config: Option<&[Directive]>) -> Finding {
    let dropped = status.accepts.saturating_sub(status.handled);
    let line = format!("{dropped} of {} connections were dropped since it started", status.accepts);
    if dropped == 0 {
        return DROPPED.pass(line);
    }
    DROPPED.fail(line).fix(FixKind::Nginx, more_connections(config.unwrap_or_default()))
}

/// The guide's connections, or twice those that were too few.
fn more_connections(config: &[Directive]) -> String {
    let said = all(config, "worker_connections").into_iter().next();
    let now: u64 = said.and_then(|said| said.args.first()?.parse().ok()).unwrap_or(512);
    let connections = (2 * now).max(4096);
    let files = all(config, "worker_rlimit_nofile").into_iter().next();
    let enough = files.and_then(|said| said.args.first()?.parse::<u64>().ok()).is_some_and(|n| n >= 2 * connections);
    let mut lines = Lines::default();
    if !enough {
        let line = format!("worker_rlimit_nofile {};", (2 * connections).max(65_535));
        lines = match files {
            Some(said) => lines.instead(said, &line),
            None => lines.within("", &line),
        };
    }
    let line = format!("worker_connections {connections};");
    lines = match said {
        Some(said) => lines.instead(said, &line),
        None => lines.within("events", &line),
    };
    lines.note("and start nginx anew: it goes on counting over a reload").text()
}

pub(super) fn reuse(status: Status, config: Option<&[Directive]>) -> Finding {
    let each = status.requests as f64 / status.handled.max(1) as f64;
    let line = format!("{each:.1} requests for each of {} connections", status.handled);
    match (status.handled, each) {
        (0..1000, _) => REUSE.not_applicable(format!("{line}: too few to tell")),
        (_, each) if each >= 2.0 => REUSE.pass(line),
        _ => {
            let found = REUSE.found(Outcome::Warn, format!("{line}: clients connect anew for each"));
            let lines: Vec<String> = ["keepalive_timeout", "keepalive_requests"]
                .into_iter()
                .filter_map(named)
                .filter(|simple| config.is_none_or(|config| simple.judge(config).outcome != Outcome::Pass))
                .map(|simple| simple.lines(config.unwrap_or_default()))
                .collect();
            match lines[..] {
                [] => found.fix(
                    FixKind::Words,
                    "nginx keeps connections: it is the clients that close them, or ask only once",
                ),
                _ => found.fix(FixKind::Nginx, lines.join("\n")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nginx_tells_while_it_runs_is_judged() {
        let said = |words: &[Option<&str>]| {
            let words = words.iter().map(|word| word.map(str::to_owned)).collect();
            hit(&Ok(words), None).outcome
        };
        assert_eq!(said(&[Some("MISS"), Some("HIT")]), Outcome::Pass);
        assert_eq!(said(&[Some("MISS"), Some("MISS")]), Outcome::Fail);
        assert_eq!(said(&[None]), Outcome::Fail);
        assert_eq!(hit(&Err("502".to_owned()), None).outcome, Outcome::Unknown);
        let status = |accepts, handled, requests| Status { accepts, handled, requests, active: 1 };
        assert_eq!(dropped(status(10, 10, 10), None).outcome, Outcome::Pass);
        assert_eq!(dropped(status(11, 10, 10), None).outcome, Outcome::Fail);
        assert_eq!(reuse(status(999, 999, 999), None).outcome, Outcome::NotApplicable);
        assert_eq!(reuse(status(1000, 1000, 1999), None).outcome, Outcome::Warn);
        assert_eq!(reuse(status(1000, 1000, 2000), None).outcome, Outcome::Pass);
    }
}
