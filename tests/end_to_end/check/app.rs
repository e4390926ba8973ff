//! The service: each flaw by a small one that has it, and the reference service without.

use std::time::Duration;

use super::small::{Answer, good, small};
use super::{check, fix, of, outcome, serve, with_outcome};
use crate::support::asking::ask;
use crate::support::harness::Workbench;
use crate::support::secure::{Authority, Shown, Speaks};
use crate::support::stack::Nginx;

/// What a service with it answers: by path, and whether gzip is taken.
type Flaw = fn(&str, bool) -> Answer;

#[test]
fn each_flaw_of_a_service_is_missed_by_its_rule_alone_with_evidence_and_a_fix() {
    let bench = Workbench::new();
    let (found, ended) = check(&bench, &["app", "-H", &small(false, good)]);
    for bad in ["fail", "warn", "unknown"] {
        assert_eq!(with_outcome(&found, bad), [""; 0], "{bad}: {found:#}");
    }
    ended.assert_code(0);
    let flaws: [(&str, &[&str], &str, &str, Flaw); 11] = [
        ("app.health", &["fail"], "503 in ", "@app.get", |path, gzip| match path {
            "/api/v2/health" => Answer::json(503, "{}"),
            _ => good(path, gzip),
        }),
        // A busy machine makes it worse, and never better.
        ("app.health", &["warn", "fail"], "first byte ", "@app.get", |path, gzip| Answer {
            after: Duration::from_millis(if path == "/api/v2/health" { 600 } else { 0 }),
            ..good(path, gzip)
        }),
        ("app.keep_alive", &["fail"], "closed", "keepalive_timeout 30;", |path, gzip| Answer {
            closes: true,
            ..good(path, gzip)
        }),
        ("app.compression", &["fail"], "bytes as they are", "minimum_size=1000", |path, _| good(path, false)),
        ("app.compression", &["warn"], "gzip makes ", "compressed already", |path, gzip| {
            let mut answer = good(path, gzip);
            if gzip {
                answer.body.extend([0; 5000]);
            }
            answer
        }),
        ("app.redirects", &["fail"], "made twice", "@router.get(\"\")", |path, gzip| match path {
            "/api/v2/tasks" => Answer { headers: "Location: /api/v2/tasks/\r\n".to_owned(), ..Answer::json(307, "") },
            _ => good(path, gzip),
        }),
        ("app.docs", &["warn"], "/docs, /openapi.json", "openapi_url=None", |path, gzip| match path {
            "/docs" | "/openapi.json" => Answer::json(200, "{}"),
            _ => good(path, gzip),
        }),
        ("app.errors", &["warn"], "without a `detail`", "exception_handler", |path, gzip| match good(path, gzip) {
            Answer { status: 404, .. } => Answer::json(404, "<html>"),
            other => other,
        }),
        ("app.errors", &["fail"], "shows the source", "debug=False", |path, gzip| match good(path, gzip) {
            Answer { status: 404, .. } => Answer::json(404, r#"{"detail": "Traceback (most recent call last): x"}"#),
            other => other,
        }),
        ("app.metrics", &["fail"], "answers 404", "prometheus_client", |path, gzip| match path {
            "/metrics" => good("/none", gzip),
            _ => good(path, gzip),
        }),
        ("app.metrics", &["warn"], "no active_connections", "Gauge", |path, gzip| match path {
            "/metrics" => Answer::json(
                200,
                "# TYPE http_requests_total counter\nhttp_requests_total 1\nhttp_request_duration_seconds_count 1\n",
            ),
            _ => good(path, gzip),
        }),
    ];
    for (rule, wanted, words, mended, flaw) in flaws {
        let (found, _) = check(&bench, &["app", "-H", &small(false, flaw)]);
        let bad =
            [with_outcome(&found, "fail"), with_outcome(&found, "warn"), with_outcome(&found, "unknown")].concat();
        assert!(wanted.contains(&&*outcome(&found, rule)), "{rule}: {found:#}");
        assert!(bad.iter().all(|bad| bad == rule || bad == "app.health"), "{rule}: {bad:?}");
        assert!(of(&found, rule)[0]["summary"].as_str().unwrap().contains(words), "{words:?}: {found:#}");
        assert!(fix(&found, rule).contains(mended), "{found:#}");
    }
}

#[test]
fn the_reference_service_passes_and_misses_what_is_taken_from_it() {
    let bench = Workbench::new();
    for (args, wanted) in [(&["--without", "compression"][..], "fail"), (&[], "pass")] {
        let service = serve(&bench, args);
        let (found, _) = check(&bench, &["app", "-H", &service.url]);
        assert_eq!(outcome(&found, "app.compression"), wanted, "{found:#}");
        for rule in ["app.health", "app.keep_alive", "app.redirects", "app.docs", "app.errors", "app.metrics"] {
            assert_eq!(outcome(&found, rule), "pass", "{rule}: {found:#}");
        }
        let split = of(&found, "app.health")[0]["summary"].as_str().unwrap().to_owned();
        for part in ["200 in ", "DNS ", "connect ", "TLS ", "first byte ", "body "] {
            assert!(split.contains(part), "{split}");
        }
    }
    let nginx = Nginx::with_directives("");
    let (found, _) = check(&bench, &["app", "-H", &nginx.url(), "--only", "app.redirects", "--slow-path", "/moved"]);
    assert_eq!(outcome(&found, "app.redirects"), "fail", "{found:#}");
    assert!(found.to_string().contains("GET /moved: 301"), "{found:#}");
    // One that closes each connection, with the printed lines in place of what stands there.
    let nginx = Nginx::with_directives("keepalive_timeout 0;");
    let (found, _) = check(&bench, &["app", "-H", &nginx.url(), "--only", "app.keep_alive"]);
    assert_eq!(outcome(&found, "app.keep_alive"), "fail", "{found:#}");
    let lines = fix(&found, "app.keep_alive").lines().skip(1).collect::<Vec<_>>().join(" ");
    let text = std::fs::read_to_string(nginx.configuration()).unwrap();
    std::fs::write(nginx.configuration(), text.replace("keepalive_timeout 0;", &lines)).unwrap();
    let nginx = nginx.restart();
    let (found, _) = check(&bench, &["app", "-H", &nginx.url(), "--only", "app.keep_alive"]);
    assert_eq!(outcome(&found, "app.keep_alive"), "pass", "{found:#}");
}

#[test]
fn requests_that_hold_up_others_are_told_from_those_that_do_not() {
    let bench = Workbench::new();
    let look = |url: &str| {
        let (found, _) = check(&bench, &["app", "-H", url, "--only", "app.event_loop"]);
        (outcome(&found, "app.event_loop"), found)
    };
    let slow = |millis: u64| {
        move |path: &str, gzip: bool| Answer {
            after: Duration::from_millis(if path == "/api/v2/tasks" { millis } else { 0 }),
            ..good(path, gzip)
        }
    };
    // One long request, and short ones of which none alone would show.
    for (in_a_row, millis, wanted) in
        [(true, 300, "fail"), (false, 300, "pass"), (true, 15, "fail"), (false, 60, "pass")]
    {
        let (told, found) = look(&small(in_a_row, slow(millis)));
        assert_eq!(told, wanted, "{in_a_row} {millis} ms: {found:#}");
    }
    let service = serve(&bench, &["--trouble", "GET /api/v2/tasks: delay=fixed(300ms)"]);
    let body = r#"{"email": "test@example.com", "password": "x"}"#;
    let login = ask(&service.url, "POST", "/api/v2/auth/login", &[], body).json();
    let token = login["access_token"].as_str().unwrap();
    let (found, _) = check(&bench, &["app", "-H", &service.url, "--only", "app.event_loop", "--token", token]);
    assert_eq!(outcome(&found, "app.event_loop"), "pass", "{found:#}");
    assert!(found.to_string().contains("GET /api/v2/tasks takes 30"), "{found:#}");
    // Without a login it is refused at once, and it is said what is missing.
    let (told, found) = look(&service.url);
    assert_eq!(told, "not_applicable", "{found:#}");
    assert!(found.to_string().contains("--token TOKEN"), "{found:#}");
    let quick = look(&small(false, good));
    assert_eq!(quick.0, "not_applicable", "{:#}", quick.1);
    assert!(quick.1.to_string().contains("--slow-path PATH"), "{:#}", quick.1);
}

#[test]
fn over_tls_certificate_and_version_are_told() {
    let authority = Authority::new();
    let bench = Workbench::new();
    authority.write(&bench.path().join("authority.pem"));
    let certificate = bench.path().join("authority.pem").display().to_string();
    let bench = bench.with_env("SSL_CERT_FILE", &certificate);
    for (speaks, wanted) in [(Speaks::Http2, "pass"), (Speaks::Http1, "warn")] {
        let server = authority.serve(Shown::Good, speaks);
        let (found, _) = check(&bench, &["app", "-H", &server.url()]);
        assert_eq!(outcome(&found, "app.http_version"), wanted, "{found:#}");
        let split = of(&found, "app.health")[0]["summary"].as_str().unwrap();
        assert!(split.contains("TLS ") && !split.contains("TLS 0 ms"), "{split}");
    }
    let server = authority.serve(Shown::SelfSigned, Speaks::Http2);
    let (found, ended) = check(&bench, &["app", "-H", &server.url()]);
    assert!(found.to_string().contains("certificate not trusted: self-signed"), "{found:#}");
    ended.assert_code(1);
    let (found, _) = check(&bench, &["app", "-H", &server.url(), "--insecure"]);
    assert_eq!(outcome(&found, "app.reachable"), "pass", "{found:#}");

    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    bench.write("cert.pem", &made.cert.pem());
    bench.write("key.pem", &made.signing_key.serialize_pem());
    let (cert, key) = (bench.path().join("cert.pem"), bench.path().join("key.pem"));
    let mut listen = String::new();
    let nginx = Nginx::with(|folder, port| {
        listen = format!("listen 127.0.0.1:{port} ssl;");
        let at = folder.display();
        format!(
            "pid {at}/pid; error_log {at}/error.log;\nevents {{ }}\nhttp {{ access_log off;\nserver {{ {listen}\n\
             ssl_certificate {}; ssl_certificate_key {}; return 200 fine; }} }}\n",
            cert.display(),
            key.display()
        )
    });
    let url = nginx.url().replace("http://", "https://");
    let look = || check(&bench, &["app", "-H", &url, "--insecure", "--only", "app.http_version"]).0;
    let found = look();
    assert_eq!(outcome(&found, "app.http_version"), "warn", "{found:#}");
    let line = fix(&found, "app.http_version").lines().last().unwrap().replace("listen ", "listen 127.0.0.1:");
    let text = std::fs::read_to_string(nginx.configuration()).unwrap();
    nginx.reconfigure(&text.replace(&listen, &line));
    for _ in 0..50 {
        if outcome(&look(), "app.http_version") == "pass" {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{:#}", look());
}
