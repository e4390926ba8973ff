//! A real nginx: connections that it closes after so many requests are opened again, and cost no failure.

use crate::endpoint;
use crate::support::harness::{Workbench, only_get};
use crate::support::stack::Nginx;

#[test]
fn a_connection_closed_after_its_requests_is_opened_again_without_a_failure() {
    let bench = Workbench::new();
    let nginx = Nginx::with_directives("keepalive_requests 10;");
    bench.write("page.toml", &only_get("/page", "{ constant = \"20ms\" }", ""));
    let args = ["run", "-H", &nginx.url(), "-f", "page.toml", "-u", "10", "-r", "100", "-t", "5s", "--allow-unproven"];
    bench.run(&args).assert_code(0);
    let result = bench.result();
    let (requests, connections) =
        (result["totals"]["requests"].as_u64().unwrap(), result["totals"]["connections"].as_u64().unwrap());
    assert_eq!(result["totals"]["failures"], 0);
    assert!(requests > 500, "{requests} requests");
    // Ten requests a connection, and for each of the ten users at most one that was not used up.
    assert!((requests.div_ceil(10)..=requests / 10 + 10).contains(&connections), "{connections} for {requests}");
}

#[test]
fn a_redirect_is_one_request_and_is_told() {
    let bench = Workbench::new();
    let nginx = Nginx::with_directives("");
    bench.write("page.toml", &only_get("/moved", "{ constant = \"20ms\" }", ""));
    let args = ["run", "-H", &nginx.url(), "-f", "page.toml", "-u", "5", "-r", "100", "-t", "3s", "--allow-unproven"];
    let outcome = bench.run(&args);
    outcome.assert_code(0);
    let result = bench.result();
    let moved = endpoint(&result, "GET /moved");
    assert_eq!(moved["redirected"], moved["requests"]);
    assert_eq!(moved["statuses"]["200"], moved["requests"]);
    assert!(outcome.stdout.contains("redirect"), "{outcome}");
}
