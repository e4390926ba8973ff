//! The configuration against the guide's, by what holds where it is not said, and what nginx tells while it runs.

use super::super::rule::{Area, Finding, FixKind, Rule};
use super::config::Directive;
use super::gather::Seen;
use super::passing::{CACHE, FAILURE, KEEPALIVE, cache, failure, keepalive};
use super::place::Lines;
use super::running::{DROPPED, HIT, REUSE, dropped, hit, reuse};
use super::scope::all;
use super::simple::SIMPLE;

pub(super) const NGINX: &str = "Nginx Optimization";

pub(super) const fn rule(
    id: &'static str,
    lines: &'static [u8],
    section: &'static str,
    holds: &'static str,
    source: &'static str,
) -> Rule {
    Rule { id, area: Area::Proxy, lines, section, holds, source, applies: "--nginx-config FILE" }
}

static FILES: Rule = rule(
    "proxy.worker_rlimit_nofile",
    &[16],
    NGINX,
    "two files for each connection of a worker: one to the client, one to the service",
    "the guide: 65535 for 4096 connections; nginx' core module: worker_connections counts both sides",
);

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    SIMPLE.iter().map(|simple| &simple.rule).chain([&FILES, &KEEPALIVE, &FAILURE, &CACHE, &HIT, &DROPPED, &REUSE])
}

/// What can be judged of what was seen.
pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    let config = seen.config.as_deref();
    if let Some(config) = config {
        found.extend(SIMPLE.iter().map(|simple| simple.judge(config)));
        found.push(files(config));
        found.push(keepalive(config, seen.version.as_deref()));
        found.push(failure(config));
        found.push(cache(config));
    }
    found.extend(seen.cache.as_ref().map(|said| hit(said, config)));
    found.extend(seen.status.iter().flat_map(|status| [dropped(*status, config), reuse(*status, config)]));
    found
}

fn files(config: &[Directive]) -> Finding {
    let said = |name: &str| all(config, name).into_iter().next();
    let number = |of: Option<&Directive>| of.and_then(|said| said.args.first()?.parse::<u64>().ok());
    let connections = number(said("worker_connections")).unwrap_or(512);
    let line = format!("worker_rlimit_nofile {};", (connections * 2).max(65_535));
    match (said("worker_rlimit_nofile"), number(said("worker_rlimit_nofile"))) {
        (_, Some(limit)) if limit >= 2 * connections => FILES.pass(format!("{limit} for {connections} connections")),
        (Some(said), Some(limit)) => FILES
            .fail(format!("{limit} for {connections} connections: too few"))
            .seen([format!("{}: {} {limit}", said.place, said.name)])
            .fix(FixKind::Nginx, Lines::default().instead(said, &line).text()),
        (Some(said), None) => FILES.unknown(format!("{}: worker_rlimit_nofile is no number", said.place)),
        (None, _) => FILES
            .fail(format!("not set: the system's limit, often 1024, holds for {connections} connections"))
            .fix(FixKind::Nginx, Lines::default().within("", &line).text()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rule::Outcome;
    use super::*;

    /// The project's own, which is the guide's.
    fn template() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/nginx/nginx.conf.template")).unwrap()
    }

    fn judged(text: &str, version: Option<&str>) -> Vec<Finding> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let config = Some(super::super::config::read(file.path()).unwrap());
        judge(&Seen { config, version: version.map(str::to_owned), ..Seen::default() })
    }

    fn failed(text: &str, version: Option<&str>) -> Vec<&'static str> {
        let mut ids: Vec<&str> = judged(text, version)
            .iter()
            .filter(|found| found.outcome == Outcome::Fail)
            .map(|found| found.rule.id)
            .collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn the_guide_s_own_configuration_passes() {
        for finding in judged(&template(), Some("1.22.1")) {
            assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
        }
    }

    #[test]
    fn each_line_of_it_that_is_taken_away_or_spoilt_is_missed_and_mended_as_printed() {
        for (line, rule) in [
            ("worker_processes auto;", "proxy.worker_processes"),
            ("worker_connections 4096;", "proxy.worker_connections"),
            ("multi_accept on;", "proxy.multi_accept"),
            ("gzip on;", "proxy.gzip"),
            ("gzip_vary on;", "proxy.gzip_vary"),
            ("gzip_min_length 1024;", "proxy.gzip_min_length"),
            ("sendfile on;", "proxy.sendfile"),
            ("tcp_nopush on;", "proxy.tcp_nopush"),
            ("client_body_buffer_size 128k;", "proxy.client_body_buffer_size"),
            ("proxy_connect_timeout 5s;", "proxy.connect_timeout"),
            ("proxy_send_timeout 30s;", "proxy.send_timeout"),
            ("proxy_read_timeout 30s;", "proxy.read_timeout"),
            ("worker_rlimit_nofile 65535;", "proxy.worker_rlimit_nofile"),
            ("keepalive 32;", "proxy.upstream_keepalive"),
            ("proxy_http_version 1.1;", "proxy.upstream_keepalive"),
            ("proxy_set_header Connection \"\";", "proxy.upstream_keepalive"),
            (" max_fails=3 fail_timeout=30s", "proxy.upstream_failure"),
            ("proxy_cache api_cache;", "proxy.static_cache"),
            ("proxy_cache_valid 200 30m;", "proxy.static_cache"),
            ("add_header X-Cache-Status $upstream_cache_status;", "proxy.static_cache"),
        ] {
            let text = template().replace(line, "");
            assert_ne!(text, template(), "{line}");
            assert_eq!(failed(&text, Some("1.22.1")), [rule], "without {line}");
        }
        for (from, to, rule) in [
            ("application/json ", "", "proxy.gzip_types"),
            ("keepalive_timeout 30;", "keepalive_timeout 0;", "proxy.keepalive_timeout"),
            ("keepalive_requests 100;", "keepalive_requests 1;", "proxy.keepalive_requests"),
            ("tcp_nodelay on;", "tcp_nodelay off;", "proxy.tcp_nodelay"),
            ("client_max_body_size 10m;", "client_max_body_size 0;", "proxy.client_max_body_size"),
            ("proxy_buffering on;", "proxy_buffering off;", "proxy.buffering"),
            ("proxy_buffer_size 4k;", "proxy_buffer_size 1k;", "proxy.buffer_size"),
        ] {
            let text = template().replace(from, to);
            assert_eq!(failed(&text, Some("1.22.1")), [rule], "{to}");
            let fix = judged(&text, None).into_iter().find(|found| found.rule.id == rule).unwrap().fix.unwrap().text;
            let mended = if to.is_empty() { text } else { text.replace(to, fix.lines().nth(1).unwrap()) };
            if !to.is_empty() {
                assert_eq!(failed(&mended, Some("1.22.1")), [""; 0], "after {fix}");
            }
        }
    }

    #[test]
    fn since_1_29_7_connections_to_the_service_are_kept_unasked() {
        let text = template().replace("proxy_http_version 1.1;", "").replace("keepalive 32;", "");
        assert_eq!(failed(&text, Some("1.29.6")), ["proxy.upstream_keepalive"]);
        assert_eq!(failed(&text, None), ["proxy.upstream_keepalive"]);
        assert_eq!(failed(&text, Some("1.29.7")), [""; 0]);
        assert_eq!(failed(&text, Some("1.30.0")), [""; 0]);
    }
}
