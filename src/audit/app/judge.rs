//! What the service answered against the guide.

use std::time::Duration;

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::beside::{Beside, NOTICED};
use super::gather::{Answer, COMPRESSED_FROM, Health, Large, Seen};
use crate::units::format_ms;

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    section: &'static str,
    holds: &'static str,
    source: &'static str,
    applies: &'static str,
) -> Rule {
    Rule { id, area: Area::App, lines, section, holds, source, applies }
}

static HEALTH: Rule = rule(
    "app.health",
    &[21],
    "High Response Times",
    "the health endpoint answers 200 within 500 ms; fails at 2 s",
    "the guide's target for a response: 2 s; own choice: a quarter of it, a health check asks for nothing else",
    "",
);
static KEPT: Rule = rule(
    "app.keep_alive",
    &[16],
    "Connection Pooling",
    "three requests go over one connection",
    "the guide: keepalive_timeout 30, keepalive_requests 100",
    "",
);
static VERSION: Rule = rule(
    "app.http_version",
    &[16],
    "Network Performance",
    "over TLS the host speaks HTTP/2",
    "RFC 9113: one connection for all requests of a page",
    "https",
);
static COMPRESSION: Rule = rule(
    "app.compression",
    &[9],
    "Response Optimization",
    "answers of 1000 bytes or more are compressed, and become smaller",
    "the guide: GZipMiddleware, minimum_size=1000",
    "an answer of 1000 bytes: --token TOKEN where they need a login",
);
static REDIRECTS: Rule = rule(
    "app.redirects",
    &[16],
    "High Response Times",
    "what the guide's users ask for is answered, and not sent on to another path",
    "RFC 9110, 15.4: a redirect is one more round trip for each request",
    "",
);
static DOCS: Rule = rule(
    "app.docs",
    &[],
    "Async Configuration",
    "/docs, /redoc and /openapi.json are not there in production; a warning where the host is this machine",
    "the guide: docs_url=None in production",
    "",
);
static ERRORS: Rule = rule(
    "app.errors",
    &[],
    "Response Optimization",
    "an unknown path is answered by 404 with JSON that has a `detail`, and no trace of the source",
    "FastAPI's form of errors",
    "",
);
static METRICS: Rule = rule(
    "app.metrics",
    &[19],
    "Application Metrics",
    "metrics are there: http_requests_total, http_request_duration_seconds, active_connections",
    "the guide's three metrics",
    "",
);
static BESIDE: Rule = rule(
    "app.event_loop",
    &[8],
    "Async Configuration",
    "beside the slowest known GET (as many at once as make 200 ms, 2 to 16), health requests do not wait for it",
    "asyncio, developing: blocking calls delay all others; own choice: 50 ms is noticed, in each of three rounds",
    "a GET of 4 ms or more: --slow-path PATH, --token TOKEN",
);

pub(super) static RULES: [&Rule; 9] =
    [&HEALTH, &KEPT, &VERSION, &COMPRESSION, &REDIRECTS, &DOCS, &ERRORS, &METRICS, &BESIDE];

pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    vec![
        health(&seen.health),
        if seen.health.kept { KEPT.pass("three requests went over one connection") } else { not_kept(&seen.server) },
        match seen.http2 {
            None => VERSION.not_applicable("HTTP/1.1, without TLS"),
            Some(true) => VERSION.pass("HTTP/2"),
            Some(false) => not_http2(seen),
        },
        compression(seen.large.as_ref()),
        redirects(&seen.redirects),
        docs(seen),
        errors(&seen.error),
        metrics(&seen.metrics),
        beside(&seen.beside),
    ]
}

fn not_kept(server: &str) -> Finding {
    let found = KEPT.fail("the connection is closed after a request");
    if server.starts_with("uvicorn") {
        return found.fix(FixKind::Shell, "uvicorn main:app --timeout-keep-alive 30  # with its other flags");
    }
    found.fix(
        FixKind::Nginx,
        "# in place of keepalive_timeout and keepalive_requests: check proxy --nginx-config FILE names their lines\n\
         keepalive_timeout 30;\nkeepalive_requests 100;",
    )
}

fn not_http2(seen: &Seen) -> Finding {
    let port = seen.port;
    let version: Option<Vec<u32>> = seen
        .server
        .strip_prefix("nginx/")
        .map(|version| version.split('.').map_while(|part| part.parse().ok()).collect());
    let before = format!("# in place of listen {port} ssl, in its server block\nlisten {port} ssl http2;");
    let since = "# in the server block that listens with TLS (nginx 1.25.1 and later)\nhttp2 on;";
    let text = match version {
        Some(version) if version.as_slice() >= [1, 25, 1].as_slice() => since.to_owned(),
        Some(_) => before,
        None => format!("{since}\n# before 1.25.1: listen {port} ssl http2;"),
    };
    VERSION.warn("HTTP/1.1 over TLS").fix(FixKind::Nginx, text)
}

fn ms(time: Duration) -> String {
    format_ms(time.as_secs_f64() * 1000.0)
}

fn health(of: &Health) -> Finding {
    let phase = |micros: u32| format_ms(f64::from(micros) / 1000.0);
    let split = format!(
        "DNS {}, connect {}, TLS {}, first byte {}, body {}",
        phase(of.opened.dns_us),
        phase(of.opened.connect_us),
        phase(of.opened.tls_us),
        ms(of.first_byte),
        ms(of.rest)
    );
    let opening = Duration::from_micros(
        u64::from(of.opened.dns_us) + u64::from(of.opened.connect_us) + u64::from(of.opened.tls_us),
    );
    let whole = opening + of.first_byte + of.rest;
    let line = format!("{} in {}: {split}", of.status, ms(whole));
    let outcome = match whole {
        _ if of.status != 200 => Outcome::Fail,
        whole if whole >= Duration::from_secs(2) => Outcome::Fail,
        whole if whole >= Duration::from_millis(500) => Outcome::Warn,
        _ => return HEALTH.pass(line),
    };
    HEALTH.found(outcome, line).fix(
        FixKind::Python,
        "@app.get(\"/api/v2/health\")\nasync def health():\n    return {\"status\": \"healthy\"}  # asks nobody else",
    )
}

fn compression(of: Option<&Large>) -> Finding {
    let fix = "app.add_middleware(GZipMiddleware, minimum_size=1000)";
    let Some(Large { path, plain, offered }) = of else {
        return COMPRESSION
            .unknown(format!("no answer of {COMPRESSED_FROM} bytes was found without a login: --token TOKEN"));
    };
    match offered {
        Err(why) => COMPRESSION.unknown(why),
        Ok((bytes, encoding)) if encoding.is_empty() || encoding == "identity" => COMPRESSION
            .fail(format!("GET {path} sends {bytes} bytes as they are, though gzip is taken"))
            .fix(FixKind::Python, fix),
        Ok((bytes, encoding)) if bytes >= plain => COMPRESSION
            .warn(format!("GET {path}: {encoding} makes {bytes} bytes of {plain}"))
            .fix(FixKind::Words, "what is compressed already (images, archives) need not be once more"),
        Ok((bytes, encoding)) => {
            let saved = 100.0 * (1.0 - *bytes as f64 / *plain as f64);
            COMPRESSION.pass(format!("GET {path}: {encoding} makes {bytes} bytes of {plain}, {saved:.0} % less"))
        }
    }
}

fn redirects(of: &[(String, u16, String)]) -> Finding {
    if of.is_empty() {
        return REDIRECTS.pass("no path that the guide's users ask for is sent on");
    }
    let slash = of.iter().all(|(path, _, to)| to.split('?').next().is_some_and(|to| to.ends_with(&format!("{path}/"))));
    let fix = if slash {
        "@router.get(\"\")  # without a slash: or let clients ask with one"
    } else {
        "let clients ask where they are sent to"
    };
    REDIRECTS
        .fail("each of these requests is made twice")
        .seen(of.iter().map(|(path, status, to)| format!("GET {path}: {status} to {to}")))
        .fix(if slash { FixKind::Python } else { FixKind::Words }, fix)
}

fn docs(seen: &Seen) -> Finding {
    let open: Vec<&str> =
        seen.docs.iter().filter(|(_, status)| (200..400).contains(status)).map(|(path, _)| path.as_str()).collect();
    if open.is_empty() {
        return DOCS.pass("not there");
    }
    let outcome = if seen.local { Outcome::Warn } else { Outcome::Fail };
    DOCS.found(outcome, format!("{} can be read by anybody", open.join(", ")))
        .fix(FixKind::Python, "app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)")
}

fn errors(of: &Result<Answer, String>) -> Finding {
    let answer = match of {
        Ok(answer) => answer,
        Err(why) => return ERRORS.unknown(why),
    };
    let line = format!("an unknown path is answered by {} with {}", answer.status, answer.kind);
    let fix = "@app.exception_handler(HTTPException)\nasync def error(request, exc):\n    return JSONResponse({\"detail\": exc.detail}, exc.status_code)";
    if ["Traceback (most recent call last)", "File \"/"].iter().any(|trace| answer.body.contains(trace)) {
        return ERRORS.fail(format!("{line} that shows the source")).fix(FixKind::Python, "app = FastAPI(debug=False)");
    }
    let detail = serde_json::from_str::<serde_json::Value>(&answer.body).is_ok_and(|json| json.get("detail").is_some());
    match (answer.status, detail) {
        // Behind a login nobody learns what there is.
        (404 | 401 | 403, true) => ERRORS.pass(line),
        (404, false) => ERRORS.warn(format!("{line} without a `detail`")).fix(FixKind::Python, fix),
        _ => ERRORS.fail(line).fix(FixKind::Python, fix),
    }
}

fn metrics(of: &Result<Answer, String>) -> Finding {
    let fix = "from prometheus_client import make_asgi_app\napp.mount(\"/metrics\", make_asgi_app())";
    let answer = match of {
        Ok(answer) => answer,
        Err(why) => return METRICS.unknown(why),
    };
    if answer.status != 200 || !answer.body.lines().any(|line| line.starts_with("# TYPE ")) {
        return METRICS
            .fail(format!("GET /metrics answers {}, and no metrics", answer.status))
            .fix(FixKind::Python, fix);
    }
    let missing: Vec<&str> = ["http_requests_total", "http_request_duration_seconds", "active_connections"]
        .into_iter()
        .filter(|name| !answer.body.lines().any(|line| line.starts_with(name)))
        .collect();
    if missing.is_empty() {
        return METRICS.pass("the guide's metrics are there");
    }
    METRICS.warn(format!("there is no {}", missing.join(", no "))).fix(
        FixKind::Python,
        "REQUEST_COUNT = Counter('http_requests_total', 'Total HTTP requests', ['method', 'endpoint'])\n\
         REQUEST_LATENCY = Histogram('http_request_duration_seconds', 'HTTP request latency')\n\
         ACTIVE_CONNECTIONS = Gauge('active_connections', 'Active database connections')",
    )
}

fn beside(of: &Result<Beside, String>) -> Finding {
    let found = match of {
        Ok(found) => found,
        Err(why) => return BESIDE.unknown(why),
    };
    if found.path.is_empty() {
        return BESIDE.not_applicable(
            "no GET is known that is answered without a login and does some work: --token TOKEN, --slow-path PATH",
        );
    }
    let longest = |of: fn(&super::beside::Round) -> Duration| found.rounds.iter().map(of).min().unwrap_or_default();
    let line = format!(
        "GET {} takes {}, {} at once {}; health requests take up to {} alone, and {} beside them",
        found.path,
        ms(found.slow),
        found.copies,
        ms(longest(|round| round.burst)),
        ms(longest(|round| round.alone)),
        ms(longest(|round| round.beside)),
    );
    if found.held_up() {
        return BESIDE.fail(format!("{line}: they hold the others up")).fix(
            FixKind::Python,
            "result = await asyncio.to_thread(slow_work)  # or an async client, or a worker's queue",
        );
    }
    if !found.tells() {
        let least = ms(NOTICED);
        return BESIDE
            .not_applicable(format!("{line}: less than {least} tells nothing, name a slow one with --slow-path PATH"));
    }
    BESIDE.pass(line)
}

#[cfg(test)]
mod tests {
    use super::super::beside::Round;
    use super::*;
    use crate::record::Phases;

    const MS: Duration = Duration::from_millis(1);

    fn held(beside_ms: u32) -> Beside {
        let round = Round { alone: 2 * MS, beside: beside_ms * MS, burst: 600 * MS };
        Beside { path: "/slow".to_owned(), slow: 300 * MS, copies: 2, rounds: vec![round; 3] }
    }

    fn seen() -> Seen {
        let metrics = "# TYPE http_requests_total counter\nhttp_requests_total 1\nhttp_request_duration_seconds_sum 1\nactive_connections 0\n";
        let health = Health { opened: Phases::default(), status: 200, first_byte: MS, rest: MS, kept: true };
        Seen {
            health,
            http2: Some(true),
            local: false,
            large: Some(Large { path: "/x".to_owned(), plain: 5000, offered: Ok((800, "gzip".to_owned())) }),
            redirects: Vec::new(),
            docs: vec![("/docs".to_owned(), 404)],
            error: Ok(Answer {
                status: 404,
                kind: "application/json".to_owned(),
                body: "{\"detail\":\"Not Found\"}".to_owned(),
            }),
            metrics: Ok(Answer { status: 200, kind: "text/plain".to_owned(), body: metrics.to_owned() }),
            beside: Ok(held(2)),
            server: "nginx/1.22.1".to_owned(),
            port: 443,
        }
    }

    fn outcome(rule: &Rule, change: impl Fn(&mut Seen)) -> Outcome {
        let mut seen = seen();
        change(&mut seen);
        judge(&seen).into_iter().find(|finding| finding.rule.id == rule.id).unwrap().outcome
    }

    #[test]
    fn a_tuned_service_passes_and_each_flaw_is_noticed() {
        for rule in RULES {
            assert_eq!(outcome(rule, |_| {}), Outcome::Pass, "{}", rule.id);
        }
        assert_eq!(outcome(&HEALTH, |seen| seen.health.status = 503), Outcome::Fail);
        assert_eq!(outcome(&HEALTH, |seen| seen.health.first_byte = 600 * MS), Outcome::Warn);
        assert_eq!(outcome(&HEALTH, |seen| seen.health.opened.connect_us = 2_000_000), Outcome::Fail);
        assert_eq!(outcome(&KEPT, |seen| seen.health.kept = false), Outcome::Fail);
        assert_eq!(outcome(&VERSION, |seen| seen.http2 = Some(false)), Outcome::Warn);
        assert_eq!(outcome(&VERSION, |seen| seen.http2 = None), Outcome::NotApplicable);
        let large = |offered: Result<(usize, String), String>| {
            move |seen: &mut Seen| seen.large.as_mut().unwrap().offered = offered.clone()
        };
        assert_eq!(outcome(&COMPRESSION, large(Ok((5000, String::new())))), Outcome::Fail);
        assert_eq!(outcome(&COMPRESSION, large(Ok((5001, "gzip".to_owned())))), Outcome::Warn);
        assert_eq!(outcome(&COMPRESSION, large(Err("lost".to_owned()))), Outcome::Unknown);
        assert_eq!(outcome(&COMPRESSION, |seen| seen.large = None), Outcome::Unknown);
        let sent_on = |seen: &mut Seen| seen.redirects = vec![("/a".to_owned(), 307, "http://h/a/".to_owned())];
        assert_eq!(outcome(&REDIRECTS, sent_on), Outcome::Fail);
        assert_eq!(outcome(&DOCS, |seen| seen.docs[0].1 = 200), Outcome::Fail);
        assert_eq!(outcome(&DOCS, |seen| (seen.local, seen.docs[0].1) = (true, 200)), Outcome::Warn);
        let answer =
            |status: u16, body: &str| Ok(Answer { status, kind: "text/html".to_owned(), body: body.to_owned() });
        for (answer, wanted) in [
            (answer(404, "<html>"), Outcome::Warn),
            (answer(200, "{}"), Outcome::Fail),
            (answer(500, "{\"detail\": 1}"), Outcome::Fail),
            (answer(404, "{\"detail\": \"Traceback (most recent call last): …\"}"), Outcome::Fail),
            (answer(401, "{\"detail\": 1}"), Outcome::Pass),
            (Err("lost".to_owned()), Outcome::Unknown),
        ] {
            assert_eq!(outcome(&ERRORS, |seen| seen.error = answer.clone()), wanted, "{answer:?}");
        }
        for (answer, wanted) in [
            (answer(404, ""), Outcome::Fail),
            (answer(200, "<html>"), Outcome::Fail),
            (answer(200, "# TYPE x counter\nx 1\n"), Outcome::Warn),
            (Err("lost".to_owned()), Outcome::Unknown),
        ] {
            assert_eq!(outcome(&METRICS, |seen| seen.metrics = answer.clone()), wanted, "{answer:?}");
        }
    }

    #[test]
    fn a_blocked_event_loop_is_told_from_one_that_had_nothing_to_do() {
        let of = |beside: Result<Beside, String>| outcome(&BESIDE, |seen| seen.beside = beside.clone());
        assert_eq!(of(Ok(held(280))), Outcome::Fail);
        assert_eq!(of(Ok(Beside { slow: MS, rounds: vec![Round::default()], ..held(1) })), Outcome::NotApplicable);
        assert_eq!(of(Ok(Beside::default())), Outcome::NotApplicable);
        assert_eq!(of(Err("lost".to_owned())), Outcome::Unknown);
    }

    #[test]
    fn http2_is_turned_on_as_the_version_of_nginx_wants_it() {
        let fix = |server: &str| {
            let seen = Seen { http2: Some(false), server: server.to_owned(), port: 8443, ..seen() };
            not_http2(&seen).fix.unwrap().text
        };
        assert!(fix("nginx/1.22.1").ends_with("\nlisten 8443 ssl http2;"));
        assert!(fix("nginx/1.27.0").ends_with("\nhttp2 on;"));
        assert!(fix("nginx").contains("http2 on;") && fix("nginx").contains("before 1.25.1: listen 8443 ssl http2;"));
    }
}
