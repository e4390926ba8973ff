//! What is reported is what the host saw.

use std::time::Duration;

use serde_json::Value;

use crate::support::counting::{Behaviour, CountingServer, ServiceTime};
use crate::support::harness::{Workbench, guide_user};
use crate::{endpoint, without_health};

const LOGIN: &str = "POST /api/v2/auth/login";
const PROJECTS: &str = "GET /api/v2/projects";
const TASKS: &str = "GET /api/v2/tasks";
const CREATE: &str = "POST /api/v2/tasks";

#[test]
fn requests_reported_are_requests_received_and_all_but_the_login_carry_the_token() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"40ms\" }"));
    let args = ["run", "-H", &server.url(), "-f", "user.toml", "-u", "30", "-r", "30", "-t", "4s", "--seed", "7"];
    let outcome = bench.run(&[&args[..], &["--allow-unproven"]].concat());
    outcome.assert_code(0);

    let result = bench.result();
    for (name, method, path) in [
        (LOGIN, "POST", "/api/v2/auth/login"),
        (PROJECTS, "GET", "/api/v2/projects"),
        (TASKS, "GET", "/api/v2/tasks"),
        (CREATE, "POST", "/api/v2/tasks"),
    ] {
        assert_eq!(endpoint(&result, name)["requests"], server.count(method, path), "{name}\n{outcome}");
    }
    assert_eq!(result["totals"]["requests"], without_health(&server));
    assert_eq!(result["totals"]["failures"], 0);
    assert_eq!(endpoint(&result, LOGIN)["requests"], 30);
    assert_eq!(endpoint(&result, PROJECTS)["statuses"]["200"], server.count("GET", "/api/v2/projects"));
    assert_eq!(server.unauthorized() - server.count("GET", "/api/v2/health"), 0, "a request came without its token");
    assert_eq!(server.malformed(), 0);
    // One connection a user, and one for the health request.
    assert_eq!(server.connections(), 31);

    let drawn = [
        server.count("GET", "/api/v2/projects"),
        server.count("GET", "/api/v2/tasks"),
        server.count("POST", "/api/v2/tasks"),
    ];
    let all: u64 = drawn.iter().sum();
    assert!(all > 1000, "only {all} tasks: too few to see their weights");
    for (count, share) in drawn.iter().zip([3.0 / 6.0, 2.0 / 6.0, 1.0 / 6.0]) {
        let deviation = (all as f64 * share * (1.0 - share)).sqrt();
        let off = (*count as f64 - all as f64 * share).abs() / deviation;
        assert!(off < 4.5, "{count} of {all} drawn for a share of {share:.3}: {off:.1} standard deviations off");
    }
}

#[test]
fn the_built_in_user_sends_what_the_guides_locust_user_sends() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.run(&["run", "-H", &server.url(), "-u", "40", "-r", "40", "-t", "5s", "--allow-unproven"]).assert_code(0);
    let seen = server.seen();
    let body = |request: &crate::support::wire::Request| -> Value { serde_json::from_slice(&request.body).unwrap() };
    let logins: Vec<_> = seen.iter().filter(|seen| seen.request.path == "/api/v2/auth/login").collect();
    assert_eq!(logins.len(), 40);
    for login in logins {
        let sent = body(&login.request);
        assert_eq!(sent, serde_json::json!({"email": "test@example.com", "password": "testpassword"}));
    }
    let created: Vec<_> =
        seen.iter().filter(|seen| seen.request.method == "POST" && seen.request.path == "/api/v2/tasks").collect();
    assert!(!created.is_empty());
    for seen in created {
        let sent = body(&seen.request);
        assert_eq!(sent.as_object().unwrap().len(), 2);
        assert_eq!(sent["description"], "Automated load test task");
        let number = sent["title"].as_str().unwrap().strip_prefix("Load test task ").unwrap().parse::<u32>().unwrap();
        assert!((1..=1000).contains(&number), "{number}");
        assert!(seen.authorized);
    }
    // Between 1 and 5 s after its log-in and first task a user comes back once or a few times in 5 s.
    let tasks = without_health(&server) - 40;
    assert!((40..=40 * 5).contains(&tasks), "{tasks} tasks of 40 users in 5 s");
}

/// Percentiles that are reported against those that the server truly took. A machine that stalls for a moment between
/// the two clocks is no fault of either: three tries.
fn percentiles_agree(time: ServiceTime) {
    let mut told = String::new();
    for _ in 0..3 {
        let mut behaviour = Behaviour { seed: 5, ..Behaviour::default() };
        behaviour.times.insert(PROJECTS.to_owned(), time);
        let server = CountingServer::with(behaviour);
        let bench = Workbench::new();
        bench.write("user.toml", &guide_user("{ constant = \"20ms\" }"));
        let args =
            ["run", "-H", &server.url(), "-f", "user.toml", "-u", "16", "-r", "100", "-t", "4s", "--allow-unproven"];
        bench.run(&args).assert_code(0);
        let result = bench.result();
        let reported = &endpoint(&result, PROJECTS)["response_time_ms"];
        assert_eq!(endpoint(&result, PROJECTS)["requests"], server.times_us(PROJECTS).len());
        let differs: Vec<String> = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
            .iter()
            .filter_map(|(name, q)| {
                let (ours, truth) = (reported[name].as_f64().unwrap(), server.quantile_ms(PROJECTS, *q));
                let off = (ours - truth).abs();
                (off > (truth * 0.01).max(1.0)).then(|| format!("{name}: {ours:.3} ms reported, {truth:.3} ms true"))
            })
            .collect();
        if differs.is_empty() {
            return;
        }
        told = differs.join("; ");
    }
    panic!("{time:?}: {told}");
}

#[test]
fn percentiles_of_a_fixed_service_time_are_the_true_ones() {
    percentiles_agree(ServiceTime::Fixed(Duration::from_millis(20)));
}

#[test]
fn percentiles_of_an_exponential_service_time_are_the_true_ones() {
    percentiles_agree(ServiceTime::Exponential(Duration::from_millis(20)));
}

#[test]
fn percentiles_of_a_bimodal_service_time_are_the_true_ones() {
    let (fast, slow) = (Duration::from_millis(5), Duration::from_millis(150));
    percentiles_agree(ServiceTime::Bimodal { fast, slow, slow_share: 0.1 });
}

#[test]
fn two_scenarios_share_the_users_by_weight() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }").replace("agenthub user", "members"));
    let visitor = "name = \"visitors\"\nwait = { constant = \"50ms\" }\n[[on_start]]\nget = \"/api/v2/health\"\n\n\
                   [[task]]\nname = \"look\"\nget = \"/api/v2/health\"\n";
    bench.write("visitor.toml", visitor);
    let args =
        ["run", "-H", &server.url(), "-f", "user.toml:3", "-f", "visitor.toml:1", "-u", "20", "-r", "50", "-t", "4s"];
    bench.run(&[&args[..], &["--allow-unproven", "--target", "error_rate=off"]].concat()).assert_code(0);
    let result = bench.result();
    assert_eq!(result["scenario"]["name"], "members + visitors");
    assert_eq!(endpoint(&result, LOGIN)["requests"], 15);
    assert_eq!(endpoint(&result, LOGIN)["scenario"], "members");
    let health = endpoint(&result, "GET /api/v2/health");
    assert_eq!(health["scenario"], "visitors");
    assert_eq!(health["requests"].as_u64().unwrap() + 1, server.count("GET", "/api/v2/health"));
}

#[test]
fn the_same_seed_draws_the_same_tasks() {
    let counts = |seed: &str| {
        let server = CountingServer::start();
        let bench = Workbench::new();
        // Three iterations for each user, far apart from the end: the same in every run.
        bench.write("user.toml", &guide_user("{ constant = \"1500ms\" }"));
        let args =
            ["run", "-H", &server.url(), "-f", "user.toml", "-u", "40", "-r", "1000", "-t", "4s", "--seed", seed];
        bench.run(&[&args[..], &["--allow-unproven", "-q"]].concat()).assert_code(0);
        server.counts()
    };
    let (one, again, other) = (counts("1"), counts("1"), counts("2"));
    assert_eq!(one, again);
    assert_ne!(one, other);
}
