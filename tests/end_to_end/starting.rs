//! Users that cannot start.

use std::time::Duration;

use crate::endpoint;
use crate::support::counting::{Behaviour, CountingServer};
use crate::support::harness::{Workbench, guide_user, user_of_two_accounts};

const LOGIN: &str = "POST /api/v2/auth/login";

#[test]
fn a_refused_login_ends_the_run_within_seconds_and_the_answer_is_quoted() {
    let refused = (401, r#"{"detail":"Incorrect email or password"}"#.to_owned());
    let server = CountingServer::with(Behaviour { login: Some(refused), ..Behaviour::default() });
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &server.url(), "-u", "20", "-r", "10", "-t", "300s"]);
    outcome.assert_code(1);
    assert!(outcome.took < Duration::from_secs(30), "took {:?}", outcome.took);
    assert!(outcome.stderr.contains("status 401"), "{outcome}");
    assert!(outcome.stderr.contains("Incorrect email or password"), "{outcome}");
    assert!(!outcome.stderr.contains("testpassword"), "{outcome}");
    // A 4xx is final: each user asked once, and nobody went on without a token.
    let asked = server.count("POST", "/api/v2/auth/login");
    assert_eq!(server.total() - server.count("GET", "/api/v2/health"), asked);
    assert!(asked <= 20);
    let result = bench.result();
    assert_eq!(result["partial"], true);
    assert_eq!(result["totals"]["failed_starts"], asked);
    assert_eq!(endpoint(&result, LOGIN)["failures"], asked);
}

#[test]
fn a_login_that_fails_otherwise_is_tried_three_times() {
    let broken = (503, "try later".to_owned());
    let server = CountingServer::with(Behaviour { login: Some(broken), ..Behaviour::default() });
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &server.url(), "-u", "5", "-r", "100", "-t", "60s"]);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("status 503") && outcome.stderr.contains("try later"), "{outcome}");
    assert_eq!(server.count("POST", "/api/v2/auth/login"), 15);
    assert_eq!(bench.result()["totals"]["failed_starts"], 5);
}

#[test]
fn a_login_without_a_token_in_its_answer_is_a_failed_start() {
    let empty = (200, "{}".to_owned());
    let server = CountingServer::with(Behaviour { login: Some(empty), ..Behaviour::default() });
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &server.url(), "-u", "3", "-r", "100", "-t", "60s"]);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("access_token"), "{outcome}");
    assert_eq!(server.count("GET", "/api/v2/projects"), 0);
}

#[test]
fn a_host_that_is_down_is_told_at_once() {
    let server = CountingServer::start();
    let url = server.url();
    drop(server);
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-H", &url, "-t", "60s"]);
    outcome.assert_code(1);
    assert!(outcome.took < Duration::from_secs(20), "took {:?}", outcome.took);
    assert!(outcome.stderr.contains(&url) && outcome.stderr.contains("refused"), "{outcome}");
    assert_eq!(bench.results(), Vec::<std::path::PathBuf>::new(), "nothing was run, so there is no result");
}

#[test]
fn a_setup_that_fails_ends_the_run_before_any_user() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let setup = "[[setup]]\nget = \"/api/v2/nothing\"\n\n[[on_start]]";
    bench.write("user.toml", &guide_user("\"none\"").replacen("[[on_start]]", setup, 1));
    let outcome = bench.run(&["run", "-H", &server.url(), "-f", "user.toml", "-u", "2", "-r", "2", "-t", "10s"]);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("setup") && outcome.stderr.contains("GET /api/v2/nothing"), "{outcome}");
    assert_eq!(server.count("POST", "/api/v2/auth/login"), 0);
}

#[test]
fn users_that_cannot_start_do_not_let_a_run_pass() {
    // The first account works, the others do not: the service knows one pair only.
    let bench = Workbench::new();
    bench.write("user.toml", &user_of_two_accounts(&bench, "{ constant = \"20ms\" }"));
    let mut service = bench.start(&["serve", "--port", "0", "--email", "test@example.com", "--password", "right"]);
    let url = service.first_line().rsplit(' ').next().unwrap().to_owned();
    let outcome = bench.run(&["run", "-H", &url, "-f", "user.toml", "-u", "10", "-r", "100", "-t", "5s"]);
    outcome.assert_code(98);
    let result = bench.result();
    assert_eq!(result["totals"]["failed_starts"], 5);
    assert!(result["reasons"].to_string().contains("5 of 10 users"), "{}", result["reasons"]);
}

#[test]
fn a_host_that_never_answers_the_login_is_no_load() {
    let server = crate::support::faults::FaultServer::start();
    let bench = Workbench::new();
    let hanging =
        guide_user("\"none\"").replace("/api/v2/auth/login", &crate::support::faults::Fault::NeverAnswer.path());
    bench.write("hang.toml", &hanging);
    let args =
        ["run", "-H", &server.url(), "-f", "hang.toml", "-u", "3", "-r", "100", "-t", "4s", "--stop-timeout", "1s"];
    let outcome = bench.run(&args);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("none of 3 users could start"), "{outcome}");
}

#[test]
fn plain_http_needs_no_store_of_certificates() {
    let bench = Workbench::new().with_env("SSL_CERT_FILE", "/nonexistent").with_env("SSL_CERT_DIR", "/nonexistent");
    bench.run(&["run", "-u", "3", "-r", "3", "-t", "2s", "--allow-unproven"]).assert_code(0);
}
