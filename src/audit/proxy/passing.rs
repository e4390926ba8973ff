//! How requests are passed on: connections that are kept, servers that count as failed, what is cached on the way.

use super::super::rule::{Finding, FixKind, Rule};
use super::config::Directive;
use super::judge::{NGINX, rule};
use super::place::Lines;
use super::scope::{Scope, all};

pub(super) static KEEPALIVE: Rule = rule(
    "proxy.upstream_keepalive",
    &[16, 17],
    NGINX,
    "every upstream keeps connections to the service, over HTTP/1.1, with an empty Connection header",
    "the guide: keepalive 32; nginx' ngx_http_upstream_module: before 1.29.7 proxy_http_version 1.1 and Connection \"\" must be said",
);
pub(super) static FAILURE: Rule = rule(
    "proxy.upstream_failure",
    &[17],
    NGINX,
    "requests go to an upstream whose servers say when they count as failed (max_fails, fail_timeout)",
    "the guide: max_fails=3 fail_timeout=30s",
);
pub(super) static CACHE: Rule = rule(
    "proxy.static_cache",
    &[12],
    "HTTP Response Cache",
    "/api/v2/static/ is cached (proxy_cache, proxy_cache_valid) and says so (X-Cache-Status)",
    "the guide's location",
);

const STATIC: &str = "/api/v2/static";
const SPOKEN: &str = "proxy_http_version 1.1;";
const EMPTY: &str = "proxy_set_header Connection \"\";";

/// `backend` of `http://backend/x`, with the scheme; `None` where a variable decides.
fn goes_to(pass: &Directive) -> Option<(&str, &str)> {
    let (scheme, rest) = pass.args.first()?.split_once("://")?;
    let name = if rest.starts_with("unix:") { rest } else { rest.split('/').next().unwrap_or_default() };
    (!name.contains('$')).then_some((scheme, name))
}

/// Upstreams that requests go to, once each.
fn upstreams(config: &[Directive]) -> Vec<&Directive> {
    let passed: Vec<&str> = all(config, "proxy_pass").into_iter().filter_map(|pass| Some(goes_to(pass)?.1)).collect();
    let named = |upstream: &&Directive| upstream.args.first().is_some_and(|name| passed.contains(&name.as_str()));
    all(config, "upstream").into_iter().filter(named).collect()
}

/// Places that pass requests to an address, and to no upstream.
fn straight(config: &[Directive]) -> Vec<&Directive> {
    let named: Vec<&str> =
        all(config, "upstream").iter().filter_map(|up| up.args.first()).map(String::as_str).collect();
    let is_one = |pass: &&Directive| goes_to(pass).is_some_and(|(_, name)| !named.contains(&name));
    all(config, "proxy_pass").into_iter().filter(is_one).collect()
}

/// An upstream in front of each address.
fn with_upstreams(config: &[Directive], straight: &[&Directive]) -> Lines {
    let mut lines = Lines::default();
    let mut names: Vec<(&str, String)> = Vec::new();
    let taken =
        |name: &str| all(config, "upstream").iter().any(|up| up.args.first().is_some_and(|taken| taken == name));
    for pass in straight {
        let Some((scheme, address)) = goes_to(pass) else { continue };
        let known = names.iter().find(|(known, _)| *known == address).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = (1..).map(|n| if n == 1 { "backend".to_owned() } else { format!("backend{n}") });
            let is_free = |name: &String| !taken(name) && names.iter().all(|(_, used)| used != name);
            let name = name.into_iter().find(is_free).unwrap_or_default();
            let port = if address.contains(':') || scheme != "https" { "" } else { ":443" };
            let server = format!("{}{port}", address.trim_end_matches(':'));
            let upstream =
                format!("upstream {name} {{\n    server {server} max_fails=3 fail_timeout=30s;\n    keepalive 32;\n}}");
            lines = std::mem::take(&mut lines).within("http", &upstream);
            names.push((address, name.clone()));
            name
        });
        let whole = pass.args.first().map_or("", String::as_str);
        let to = whole.replacen(address, &name, 1);
        lines = lines.instead(pass, &format!("proxy_pass {to};"));
    }
    lines
}

pub(super) fn keepalive(config: &[Directive], version: Option<&str>) -> Finding {
    let passing = Scope::passing(config);
    if passing.is_empty() {
        return KEEPALIVE.not_applicable("it passes nothing on (no proxy_pass)");
    }
    // From 1.29.7 on upstreams keep connections, over HTTP/1.1, without a word.
    let modern = version.is_some_and(is_modern);
    let straight = if modern { Vec::new() } else { straight(config) };
    let kept = |upstream: &&Directive| {
        let said = all(upstream.block.as_deref().unwrap_or_default(), "keepalive");
        said.first().and_then(|directive| directive.args.first()?.parse::<u64>().ok()).map_or(modern, |count| count > 0)
    };
    let cold: Vec<&Directive> = upstreams(config).into_iter().filter(|one| !kept(one)).collect();
    let closing: Vec<&(Scope<'_>, &Directive)> =
        passing.iter().filter(|(scope, _)| !(modern || speaks(scope) && leaves_open(scope, config))).collect();
    let mut lines = with_upstreams(config, &straight);
    let mut seen: Vec<String> = straight.iter().map(|pass| format!("{}: an upstream is missing", pass.place)).collect();
    for upstream in &cold {
        let said = all(upstream.block.as_deref().unwrap_or_default(), "keepalive");
        lines = match said.first() {
            Some(said) => lines.instead(said, "keepalive 32;"),
            None => lines.inside(upstream, "keepalive 32;"),
        };
        seen.push(format!("{}: upstream {} keeps none", upstream.place, upstream.args.join(" ")));
    }
    lines = spoken(lines, closing.iter().map(|(scope, _)| scope), config);
    seen.extend(closing.iter().map(|(_, pass)| format!("{}: closed after each request", pass.place)));
    let which =
        version.map_or("its version is not known: before 1.29.7".to_owned(), |version| format!("nginx {version}"));
    let summary = match (straight.is_empty(), cold.is_empty(), closing.is_empty()) {
        (true, true, true) => return KEEPALIVE.pass("connections to the service are kept"),
        (false, ..) => "requests go to no upstream, and each opens a connection of its own".to_owned(),
        (_, false, _) => "an upstream keeps no connections".to_owned(),
        _ => format!("{which} closes each connection to the service unless it is told not to"),
    };
    seen.truncate(10);
    KEEPALIVE.fail(summary).seen(seen).fix(FixKind::Nginx, lines.text())
}

fn speaks(scope: &Scope<'_>) -> bool {
    scope.value("proxy_http_version").and_then(|said| said.args.first()).is_some_and(|version| version != "1.0")
}

fn is_connection(header: &Directive) -> bool {
    header.args.first().is_some_and(|name| name.eq_ignore_ascii_case("connection"))
}

/// Whether the Connection header that is sent keeps the connection: it is empty, or a variable that is so without an upgrade.
fn leaves_open(scope: &Scope<'_>, config: &[Directive]) -> bool {
    let header = scope.holds("proxy_set_header").into_iter().find(|header| is_connection(header));
    match header.and_then(|header| header.args.get(1)).map(String::as_str) {
        Some("") => true,
        Some(variable) if variable.starts_with('$') => {
            let map = all(config, "map").into_iter().find(|map| map.args.get(1).is_some_and(|name| name == variable));
            let entries = map.and_then(|map| map.block.as_deref()).unwrap_or_default();
            // Of a request that asks for no upgrade.
            let value = entries.iter().find(|entry| entry.name.is_empty()).and_then(|entry| entry.args.first());
            value.is_none_or(String::is_empty)
        }
        _ => false,
    }
}

/// HTTP/1.1 and an empty Connection header for places that want them: once in `http`, and again where headers of a place's own
/// hide that.
fn spoken<'s, 'c: 's>(
    mut lines: Lines,
    closing: impl Iterator<Item = &'s Scope<'c>>,
    config: &'c [Directive],
) -> Lines {
    let (mut version, mut header) = (Vec::new(), Vec::new());
    let (mut version_in_http, mut header_in_http) = (false, false);
    for scope in closing {
        match scope.value("proxy_http_version") {
            Some(_) if speaks(scope) => {}
            Some(said) if version.contains(&said) => {}
            Some(said) => version.push(said),
            None => version_in_http = true,
        }
        if leaves_open(scope, config) {
            continue;
        }
        let headers = scope.holds("proxy_set_header");
        match headers.iter().find(|header| is_connection(header)).or(headers.first()) {
            Some(said) if header.contains(said) => {}
            Some(said) => header.push(*said),
            None => header_in_http = true,
        }
    }
    for said in version {
        lines = lines.instead(said, SPOKEN);
    }
    for said in header {
        let own = if is_connection(said) { String::new() } else { format!("{};\n", written(said)) };
        lines = lines.instead(said, &format!("{own}{EMPTY}"));
    }
    let both = [(version_in_http, SPOKEN), (header_in_http, EMPTY)];
    let both: Vec<&str> = both.into_iter().filter(|(wanted, _)| *wanted).map(|(_, line)| line).collect();
    if both.is_empty() { lines } else { lines.within("http", &both.join("\n")) }
}

/// As it can stand in a file again.
fn written(said: &Directive) -> String {
    let quoted = |arg: &String| {
        let plain = !arg.is_empty() && !arg.contains(|c: char| c.is_whitespace() || "\"';{}#\\".contains(c));
        if plain { arg.clone() } else { format!("\"{}\"", arg.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    let args: Vec<String> = said.args.iter().map(quoted).collect();
    format!("{} {}", said.name, args.join(" "))
}

fn is_modern(version: &str) -> bool {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    numbers.as_slice() >= [1, 29, 7].as_slice()
}

pub(super) fn failure(config: &[Directive]) -> Finding {
    if all(config, "proxy_pass").is_empty() {
        return FAILURE.not_applicable("it passes nothing on (no proxy_pass)");
    }
    let straight = straight(config);
    let says = |server: &Directive, word: &str| server.args.iter().any(|arg| arg.starts_with(word));
    let silent: Vec<&Directive> = upstreams(config)
        .into_iter()
        .flat_map(|upstream| all(upstream.block.as_deref().unwrap_or_default(), "server"))
        .filter(|server| !says(server, "max_fails=") || !says(server, "fail_timeout=") || says(server, "max_fails=0"))
        .collect();
    let mut lines = with_upstreams(config, &straight);
    for server in &silent {
        let others =
            server.args.iter().filter(|arg| !arg.starts_with("max_fails=") && !arg.starts_with("fail_timeout="));
        let others: Vec<&str> = others.map(String::as_str).collect();
        lines = lines.instead(server, &format!("server {} max_fails=3 fail_timeout=30s;", others.join(" ")));
    }
    let summary = match (straight.is_empty(), silent.is_empty()) {
        (true, true) => return FAILURE.pass("each server says when it counts as failed"),
        (false, _) => "requests go to no upstream",
        _ => "a server does not say when it counts as failed",
    };
    let seen = straight.iter().chain(&silent).take(10);
    let seen = seen.map(|said| format!("{}: {} {}", said.place, said.name, said.args.join(" ")));
    FAILURE.fail(summary).seen(seen).fix(FixKind::Nginx, lines.text())
}

pub(super) fn cache(config: &[Directive]) -> Finding {
    if !config.is_empty() && all(config, "proxy_pass").is_empty() {
        return CACHE.not_applicable("it passes nothing on (no proxy_pass)");
    }
    let zones = all(config, "proxy_cache_path");
    let zone = zones.iter().flat_map(|path| &path.args).find_map(|arg| arg.strip_prefix("keys_zone="));
    let zone = zone.and_then(|zone| zone.split(':').next()).unwrap_or("api_cache");
    let mut lines = Lines::default();
    if zones.is_empty() {
        let path = "proxy_cache_path /var/cache/nginx levels=1:2 keys_zone=api_cache:10m max_size=1g inactive=60m;";
        lines = lines.within("http", path);
    }
    let valid = "proxy_cache_valid 200 30m;";
    let said_by = "add_header X-Cache-Status $upstream_cache_status;";
    let is_ours = |scope: &Scope<'_>| {
        let path = scope.opens().filter(|opens| opens.name == "location").and_then(|opens| opens.args.last());
        path.is_some_and(|path| path.trim_start_matches('^').starts_with(STATIC))
    };
    let Some(scope) = Scope::all(config).into_iter().find(is_ours) else {
        let passing = Scope::passing(config);
        let to = passing.first().map_or("http://backend", |(_, pass)| pass.args.first().map_or("", String::as_str));
        let location = format!(
            "location {STATIC}/ {{\n    proxy_pass {to};\n    proxy_cache {zone};\n    {valid}\n    \
             proxy_cache_key \"$scheme$request_method$host$request_uri\";\n    {said_by}\n}}"
        );
        // In the server that passes requests on.
        let servers = Scope::all(config).into_iter().filter(|scope| scope.name() == "server");
        let passes = |scope: &Scope<'_>| !all(scope.own(), "proxy_pass").is_empty();
        let server = servers.clone().find(passes).or_else(|| servers.clone().next());
        lines = match server.and_then(|server| server.opens()) {
            Some(opens) => lines.inside(opens, &location),
            None => lines.within("server", &location),
        };
        let summary = format!("there is no location {STATIC}/ with a cache");
        return CACHE.fail(summary).fix(FixKind::Nginx, lines.text());
    };
    let Some(opens) = scope.opens() else { return CACHE.unknown("the location cannot be read") };
    let mut missing: Vec<&str> = Vec::new();
    let cached = scope.value("proxy_cache");
    if cached.is_none_or(|said| said.args.first().is_none_or(|arg| arg == "off")) {
        missing.push("proxy_cache");
        let line = format!("proxy_cache {zone};");
        let own = cached.filter(|said| scope.own().contains(said));
        lines = own.map_or_else(|| lines.clone().inside(opens, &line), |said| lines.clone().instead(said, &line));
    }
    if scope.value("proxy_cache_valid").is_none() {
        missing.push("proxy_cache_valid");
        lines = lines.inside(opens, valid);
    }
    let tells = |header: &&Directive| header.args.get(1).is_some_and(|value| value.contains("upstream_cache_status"));
    if !scope.holds("add_header").iter().any(tells) {
        missing.push("add_header X-Cache-Status");
        lines = lines.inside(opens, said_by);
    }
    if zones.is_empty() {
        missing.push("proxy_cache_path");
    }
    match missing[..] {
        [] => CACHE.pass(format!("{} is cached", opens.args.join(" "))),
        _ => CACHE.fail(format!("{}: no {}", opens.place, missing.join(", no "))).fix(FixKind::Nginx, lines.text()),
    }
}
