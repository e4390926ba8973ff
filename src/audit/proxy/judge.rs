//! The configuration against the guide's, by what holds where it is not said.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::config::Directive;
use super::gather::{Seen, Status};

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    section: &'static str,
    holds: &'static str,
    source: &'static str,
) -> Rule {
    Rule { id, area: Area::Proxy, lines, section, holds, source, applies: "--nginx-config FILE" }
}

/// A directive that takes one value, and what it must be.
struct Simple {
    rule: Rule,
    name: &'static str,
    /// What holds where it is not said.
    default: &'static str,
    wanted: Wanted,
    /// As the guide writes it.
    fix: &'static str,
}

enum Wanted {
    Is(&'static str),
    Has(&'static str),
    /// A number, size or time (seconds) between these.
    Between(f64, f64),
}

const NGINX: &str = "Nginx Optimization";
const THE_GUIDE: &str = "the guide's nginx.conf";

const fn simple(
    id: &'static str,
    name: &'static str,
    holds: &'static str,
    default: &'static str,
    wanted: Wanted,
    fix: &'static str,
) -> Simple {
    Simple { rule: rule(id, &[16], NGINX, holds, THE_GUIDE), name, default, wanted, fix }
}

const MANY: f64 = f64::INFINITY;

static SIMPLE: [Simple; 19] = [
    simple(
        "proxy.worker_processes",
        "worker_processes",
        "auto, or 2 or more",
        "1",
        Wanted::Between(2.0, MANY),
        "worker_processes auto;",
    ),
    simple(
        "proxy.worker_connections",
        "worker_connections",
        "1024 or more (the guide: 4096)",
        "512",
        Wanted::Between(1024.0, MANY),
        "events { worker_connections 4096; }",
    ),
    simple("proxy.multi_accept", "multi_accept", "on", "off", Wanted::Is("on"), "events { multi_accept on; }"),
    simple("proxy.gzip", "gzip", "on", "off", Wanted::Is("on"), "gzip on;"),
    simple(
        "proxy.gzip_vary",
        "gzip_vary",
        "on: else caches hand out what a client cannot read",
        "off",
        Wanted::Is("on"),
        "gzip_vary on;",
    ),
    simple(
        "proxy.gzip_min_length",
        "gzip_min_length",
        "256 to 4096 bytes (the guide: 1024)",
        "20",
        Wanted::Between(256.0, 4096.0),
        "gzip_min_length 1024;",
    ),
    simple(
        "proxy.gzip_types",
        "gzip_types",
        "application/json is among them",
        "text/html",
        Wanted::Has("application/json"),
        "gzip_types text/plain text/css application/json application/javascript text/xml application/xml application/xml+rss text/javascript;",
    ),
    simple(
        "proxy.keepalive_timeout",
        "keepalive_timeout",
        "5 to 120 s (the guide: 30)",
        "75",
        Wanted::Between(5.0, 120.0),
        "keepalive_timeout 30;",
    ),
    simple(
        "proxy.keepalive_requests",
        "keepalive_requests",
        "100 or more",
        "1000",
        Wanted::Between(100.0, MANY),
        "keepalive_requests 100;",
    ),
    simple("proxy.sendfile", "sendfile", "on", "off", Wanted::Is("on"), "sendfile on;"),
    simple("proxy.tcp_nopush", "tcp_nopush", "on", "off", Wanted::Is("on"), "tcp_nopush on;"),
    simple("proxy.tcp_nodelay", "tcp_nodelay", "on", "on", Wanted::Is("on"), "tcp_nodelay on;"),
    simple(
        "proxy.client_body_buffer_size",
        "client_body_buffer_size",
        "64k or more (the guide: 128k)",
        "16k",
        Wanted::Between(65_536.0, MANY),
        "client_body_buffer_size 128k;",
    ),
    simple(
        "proxy.client_max_body_size",
        "client_max_body_size",
        "1m to 100m (the guide: 10m)",
        "1m",
        Wanted::Between(1_048_576.0, 104_857_600.0),
        "client_max_body_size 10m;",
    ),
    simple(
        "proxy.connect_timeout",
        "proxy_connect_timeout",
        "10 s or less (the guide: 5 s)",
        "60",
        Wanted::Between(0.001, 10.0),
        "proxy_connect_timeout 5s;",
    ),
    simple(
        "proxy.send_timeout",
        "proxy_send_timeout",
        "30 s or less",
        "60",
        Wanted::Between(0.001, 30.0),
        "proxy_send_timeout 30s;",
    ),
    simple(
        "proxy.read_timeout",
        "proxy_read_timeout",
        "30 s or less",
        "60",
        Wanted::Between(0.001, 30.0),
        "proxy_read_timeout 30s;",
    ),
    simple("proxy.buffering", "proxy_buffering", "on", "on", Wanted::Is("on"), "proxy_buffering on;"),
    simple(
        "proxy.buffer_size",
        "proxy_buffer_size",
        "4k or more",
        "4k",
        Wanted::Between(4096.0, MANY),
        "proxy_buffer_size 4k;\nproxy_buffers 8 4k;",
    ),
];

static FILES: Rule = rule(
    "proxy.worker_rlimit_nofile",
    &[16],
    NGINX,
    "two files for each connection of a worker: one to the client, one to the service",
    "the guide: 65535 for 4096 connections",
);
static KEEPALIVE: Rule = rule(
    "proxy.upstream_keepalive",
    &[16, 17],
    NGINX,
    "every upstream keeps connections to the service, over HTTP/1.1, with an empty Connection header",
    "the guide: keepalive 32; before nginx 1.29.7 proxy_http_version 1.1 and Connection \"\" must be said",
);
static FAILURE: Rule = rule(
    "proxy.upstream_failure",
    &[17],
    NGINX,
    "requests go to an upstream whose servers say when they count as failed (max_fails, fail_timeout)",
    "the guide: max_fails=3 fail_timeout=30s",
);
static CACHE: Rule = rule(
    "proxy.static_cache",
    &[12, 18],
    "HTTP Response Cache",
    "/api/v2/static/ is cached (proxy_cache, proxy_cache_valid) and says so (X-Cache-Status)",
    "the guide's location",
);
static HIT: Rule = Rule {
    id: "proxy.cache_hits",
    area: Area::Proxy,
    lines: &[12],
    section: "HTTP Response Cache",
    holds: "of five requests for the same thing under /api/v2/static/, the last comes from the cache",
    source: "X-Cache-Status",
    applies: "--host, which answers /api/v2/static/version",
};
static DROPPED: Rule = Rule {
    id: "proxy.dropped_connections",
    area: Area::Proxy,
    lines: &[16],
    section: NGINX,
    holds: "nginx has handled every connection that it accepted",
    source: "stub_status: accepts − handled",
    applies: "--nginx URL",
};
static REUSE: Rule = Rule {
    id: "proxy.client_reuse",
    area: Area::Proxy,
    lines: &[16],
    section: NGINX,
    holds: "a client's connection carries two requests or more",
    source: "stub_status: requests / handled",
    applies: "--nginx URL, 1,000 connections",
};

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    SIMPLE.iter().map(|simple| &simple.rule).chain([&FILES, &KEEPALIVE, &FAILURE, &CACHE, &HIT, &DROPPED, &REUSE])
}

/// What can be judged of what was seen.
pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(config) = &seen.config {
        found.extend(SIMPLE.iter().map(|simple| of_one(simple, config)));
        found.push(files(config));
        found.push(keepalive(config, seen.version.as_deref()));
        found.push(failure(config));
        found.push(cache(config));
    }
    found.extend(seen.cache.as_ref().map(|said| hit(said)));
    found.extend(seen.status.iter().flat_map(|status| [dropped(status), reuse(status)]));
    found
}

/// All directives of a name, wherever they stand.
fn all<'c>(config: &'c [Directive], name: &str) -> Vec<&'c Directive> {
    let mut found = Vec::new();
    for directive in config {
        if directive.name == name {
            found.push(directive);
        }
        found.extend(all(directive.block.as_deref().unwrap_or_default(), name));
    }
    found
}

fn of_one(simple: &'static Simple, config: &[Directive]) -> Finding {
    let Simple { rule, name, default, wanted, fix } = simple;
    let said = all(config, name);
    let holds = |args: &[String]| match wanted {
        Wanted::Is(word) => args.first().is_some_and(|arg| arg == word),
        Wanted::Has(word) => args.iter().any(|arg| arg == word || arg == "*"),
        Wanted::Between(least, most) => args
            .first()
            .is_some_and(|arg| arg == "auto" || amount(arg).is_some_and(|amount| (*least..=*most).contains(&amount))),
    };
    if said.is_empty() {
        let default = [(*default).to_owned()];
        return if holds(&default) {
            rule.pass(format!("{name} {}: the default", default[0]))
        } else {
            rule.fail(format!("{name} is not set, and is {} by default", default[0])).fix(FixKind::Nginx, *fix)
        };
    }
    let wrong: Vec<&&Directive> = said.iter().filter(|directive| !holds(&directive.args)).collect();
    let shown = |directive: &Directive| format!("{}: {name} {}", directive.place, directive.args.join(" "));
    if wrong.is_empty() {
        return rule.pass(format!("{name} {}", said[0].args.join(" ")));
    }
    // An exception for one place may be meant so.
    let outcome = if wrong.len() == said.len() { Outcome::Fail } else { Outcome::Warn };
    let summary = match wrong.len() {
        1 => format!("{name} {}", wrong[0].args.join(" ")),
        count => format!("{name} is set otherwise in {count} places"),
    };
    rule.found(outcome, summary).seen(wrong.into_iter().take(10).map(|d| shown(d))).fix(FixKind::Nginx, *fix)
}

/// `128k`, `30s`, `5m` of a size or a time: which of them the directive takes tells itself, and `m` alone is both.
fn amount(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "k" | "K" => 1024.0,
        "m" | "M" => 1_048_576.0,
        "g" | "G" => 1_073_741_824.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number * unit)
}

fn first<'c>(config: &'c [Directive], name: &str) -> Option<&'c str> {
    all(config, name).first().and_then(|directive| directive.args.first()).map(String::as_str)
}

fn files(config: &[Directive]) -> Finding {
    let connections: u64 = first(config, "worker_connections").and_then(|text| text.parse().ok()).unwrap_or(512);
    let fix = format!("worker_rlimit_nofile {};", (connections * 2).max(65_535));
    match first(config, "worker_rlimit_nofile").map(str::parse::<u64>) {
        Some(Ok(limit)) if limit >= 2 * connections => FILES.pass(format!("{limit} for {connections} connections")),
        Some(Ok(limit)) => {
            FILES.fail(format!("{limit} for {connections} connections: too few")).fix(FixKind::Nginx, fix)
        }
        Some(Err(_)) => FILES.unknown("worker_rlimit_nofile is no number"),
        None => FILES
            .fail(format!("not set: the system's limit, often 1024, holds for {connections} connections"))
            .fix(FixKind::Nginx, fix),
    }
}

/// Upstreams that requests go to.
fn upstreams(config: &[Directive]) -> Vec<&Directive> {
    let passed: Vec<&str> = all(config, "proxy_pass")
        .into_iter()
        .filter_map(|directive| directive.args.first()?.split_once("://"))
        .map(|(_, rest)| rest.split('/').next().unwrap_or_default())
        .collect();
    all(config, "upstream")
        .into_iter()
        .filter(|upstream| upstream.args.first().is_some_and(|name| passed.contains(&name.as_str())))
        .collect()
}

const UPSTREAM: &str = "upstream backend {\n    server mcp-backend:8000 max_fails=3 fail_timeout=30s;\n    keepalive 32;\n}\n# and proxy_pass http://backend;";

fn keepalive(config: &[Directive], version: Option<&str>) -> Finding {
    if all(config, "proxy_pass").is_empty() {
        return KEEPALIVE.not_applicable("it passes nothing on (no proxy_pass)");
    }
    // From 1.29.7 on upstreams keep connections, over HTTP/1.1, without a word.
    let modern = version.is_some_and(is_modern);
    let upstreams = upstreams(config);
    if upstreams.is_empty() && !modern {
        return KEEPALIVE
            .fail("requests go to no upstream, and each opens a connection of its own")
            .fix(FixKind::Nginx, format!("{UPSTREAM}\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";"));
    }
    let kept = |upstream: &&Directive| {
        let said = all(upstream.block.as_deref().unwrap_or_default(), "keepalive");
        said.first().and_then(|directive| directive.args.first()?.parse::<u64>().ok()).map_or(modern, |count| count > 0)
    };
    let cold: Vec<String> = upstreams.iter().filter(|one| !kept(one)).map(|one| one.place.clone()).collect();
    if !cold.is_empty() {
        return KEEPALIVE.fail("an upstream keeps no connections").seen(cold).fix(FixKind::Nginx, UPSTREAM);
    }
    if !modern {
        let spoken = all(config, "proxy_http_version").iter().any(|d| d.args.first().is_some_and(|arg| arg == "1.1"));
        let empty = all(config, "proxy_set_header").iter().any(|directive| {
            let mut args = directive.args.iter();
            args.next().is_some_and(|name| name.eq_ignore_ascii_case("connection"))
                && args.next().is_some_and(|value| value.is_empty() || value.starts_with('$'))
        });
        if !(spoken && empty) {
            let which = version
                .map_or("its version is not known: before 1.29.7".to_owned(), |version| format!("nginx {version}"));
            return KEEPALIVE
                .fail(format!("{which} closes each connection to the service unless it is told not to"))
                .fix(FixKind::Nginx, "proxy_http_version 1.1;\nproxy_set_header Connection \"\";");
        }
    }
    KEEPALIVE.pass("connections to the service are kept")
}

fn is_modern(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    numbers.as_slice() >= [1, 29, 7].as_slice()
}

fn failure(config: &[Directive]) -> Finding {
    if all(config, "proxy_pass").is_empty() {
        return FAILURE.not_applicable("it passes nothing on (no proxy_pass)");
    }
    let upstreams = upstreams(config);
    if upstreams.is_empty() {
        return FAILURE.fail("requests go to no upstream").fix(FixKind::Nginx, UPSTREAM);
    }
    let silent: Vec<String> = upstreams
        .iter()
        .flat_map(|upstream| all(upstream.block.as_deref().unwrap_or_default(), "server"))
        .filter(|server| {
            let says = |word: &str| server.args.iter().any(|arg| arg.starts_with(word));
            !says("max_fails=") || !says("fail_timeout=") || server.args.iter().any(|arg| arg == "max_fails=0")
        })
        .map(|server| format!("{}: server {}", server.place, server.args.join(" ")))
        .collect();
    if silent.is_empty() {
        return FAILURE.pass("each server says when it counts as failed");
    }
    FAILURE.fail("a server does not say when it counts as failed").seen(silent).fix(FixKind::Nginx, UPSTREAM)
}

fn cache(config: &[Directive]) -> Finding {
    let fix = "proxy_cache_path /var/cache/nginx levels=1:2 keys_zone=api_cache:10m max_size=1g inactive=60m;\n\
               location /api/v2/static/ {\n    proxy_cache api_cache;\n    proxy_cache_valid 200 30m;\n    \
               proxy_cache_key \"$scheme$request_method$host$request_uri\";\n    \
               add_header X-Cache-Status $upstream_cache_status;\n}";
    let location = all(config, "location")
        .into_iter()
        .find(|location| location.args.last().is_some_and(|path| path.starts_with("/api/v2/static")));
    let Some(location) = location else {
        return CACHE.fail("there is no location /api/v2/static/ with a cache").fix(FixKind::Nginx, fix);
    };
    let inside = location.block.as_deref().unwrap_or_default();
    let mut missing: Vec<&str> = Vec::new();
    for name in ["proxy_cache", "proxy_cache_valid"] {
        if all(inside, name).iter().all(|directive| directive.args.first().is_none_or(|arg| arg == "off")) {
            missing.push(name);
        }
    }
    if all(inside, "add_header")
        .iter()
        .all(|header| header.args.get(1).is_none_or(|arg| !arg.contains("upstream_cache_status")))
    {
        missing.push("add_header X-Cache-Status");
    }
    if all(config, "proxy_cache_path").is_empty() {
        missing.push("proxy_cache_path");
    }
    match missing[..] {
        [] => CACHE.pass(format!("{} is cached", location.args.join(" "))),
        _ => CACHE.fail(format!("{}: no {}", location.place, missing.join(", no "))).fix(FixKind::Nginx, fix),
    }
}

fn hit(said: &[Option<String>]) -> Finding {
    let words: Vec<&str> = said.iter().map(|word| word.as_deref().unwrap_or("nothing")).collect();
    let line = format!("X-Cache-Status: {}", words.join(", "));
    match said.last().and_then(|word| word.as_deref()) {
        Some("HIT" | "STALE" | "UPDATING" | "REVALIDATED") => HIT.pass(line),
        Some(_) => HIT.fail(format!("the cache does not keep it: {line}")).fix(
            FixKind::Words,
            "a Set-Cookie, a Cache-Control: no-store or private, or a Vary: * of the service keeps nginx from caching",
        ),
        None => HIT.fail("nobody says whether it came from a cache").fix(
            FixKind::Nginx,
            "proxy_cache api_cache;\nproxy_cache_valid 200 30m;\nadd_header X-Cache-Status $upstream_cache_status;",
        ),
    }
}

fn dropped(status: &Status) -> Finding {
    let dropped = status.accepts.saturating_sub(status.handled);
    let line = format!("{dropped} of {} connections were dropped", status.accepts);
    if dropped == 0 {
        return DROPPED.pass(line);
    }
    DROPPED.fail(line).fix(FixKind::Nginx, "worker_rlimit_nofile 65535;\nevents { worker_connections 4096; }")
}

fn reuse(status: &Status) -> Finding {
    let each = status.requests as f64 / status.handled.max(1) as f64;
    let line = format!("{each:.1} requests for each of {} connections", status.handled);
    match (status.handled, each) {
        (0..1000, _) => REUSE.not_applicable(format!("{line}: too few to tell")),
        (_, each) if each >= 2.0 => REUSE.pass(line),
        _ => REUSE.warn(format!("{line}: clients connect anew for each")).fix(FixKind::Nginx, "keepalive_timeout 30;"),
    }
}

#[cfg(test)]
mod tests {
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
            let mended = if to.is_empty() { text } else { text.replace(to, fix.lines().next().unwrap()) };
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

    #[test]
    fn an_exception_in_one_place_is_only_warned_of() {
        let text = template().replace("location / {", "location / {\n gzip off;");
        let found = judged(&text, None);
        let gzip = found.iter().find(|found| found.rule.id == "proxy.gzip").unwrap();
        assert_eq!(gzip.outcome, Outcome::Warn);
    }

    #[test]
    fn what_nginx_tells_while_it_runs_is_judged() {
        let said =
            |words: &[Option<&str>]| hit(&words.iter().map(|word| word.map(str::to_owned)).collect::<Vec<_>>()).outcome;
        assert_eq!(said(&[Some("MISS"), Some("HIT")]), Outcome::Pass);
        assert_eq!(said(&[Some("MISS"), Some("MISS")]), Outcome::Fail);
        assert_eq!(said(&[None]), Outcome::Fail);
        let status = |accepts, handled, requests| Status { accepts, handled, requests, active: 1 };
        assert_eq!(dropped(&status(10, 10, 10)).outcome, Outcome::Pass);
        assert_eq!(dropped(&status(11, 10, 10)).outcome, Outcome::Fail);
        assert_eq!(reuse(&status(999, 999, 999)).outcome, Outcome::NotApplicable);
        assert_eq!(reuse(&status(1000, 1000, 1999)).outcome, Outcome::Warn);
        assert_eq!(reuse(&status(1000, 1000, 2000)).outcome, Outcome::Pass);
    }
}
