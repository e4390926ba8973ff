//! Bad input ends with 2 (1 where the machine is at fault), names the place and the fix, and sends nothing.

use std::time::Duration;

use crate::support::counting::CountingServer;
use crate::support::harness::{Workbench, guide_user, only_get};

/// Runs it, expects the code, each of the words on standard error, and nothing written.
#[track_caller]
fn refused(bench: &Workbench, args: &[&str], code: i32, words: &[&str]) {
    let outcome = bench.run_for(args, Duration::from_secs(20));
    outcome.assert_code(code);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word:?} is not in\n{outcome}");
    }
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert!(bench.results().is_empty(), "a result was made");
}

#[test]
fn an_address_that_is_refused_is_not_repeated_with_its_password() {
    let bench = Workbench::new();
    for (flag, url) in [
        ("--postgres", "mysql://me:geheim@db/x"),
        ("--redis", "http://me:geheim@cache"),
        ("--nginx", "ftp://me:geheim@proxy"),
        ("--metrics", "me:geheim@api/metrics"),
    ] {
        for command in ["run", "capacity", "check"] {
            let outcome = bench.run_for(&[command, flag, url], Duration::from_secs(20));
            outcome.assert_code(2);
            assert!(outcome.stderr.contains(flag) && outcome.stderr.contains("e.g. "), "{outcome}");
            assert!(!outcome.to_string().contains("geheim"), "{outcome}");
        }
    }
}

#[test]
fn flags_out_of_range_name_the_flag_and_the_fix() {
    let bench = Workbench::new();
    for (args, words) in [
        (&["-u", "0"][..], &["--users", "at least 1"][..]),
        (&["-u", "many"], &["--users", "whole number"]),
        (&["-r", "-1"], &["--spawn-rate", "above 0"]),
        (&["-r", "0"], &["--spawn-rate", "above 0"]),
        (&["-t", "soon"], &["--run-time", "soon"]),
        (&["-t", "0"], &["--run-time", "above 0"]),
        (&["--duration", "-5s"], &["--run-time"]),
        (&["--stages", "50"], &["--stages", "USERS:TIME"]),
        (&["--stages", "5:1s", "-u", "3", "-t", "9s"], &["--stages says", "leave out -u and -t, or it"]),
        (&["--seed", "x"], &["--seed", "e.g. 42"]),
        (&["--seed", "-1"], &["--seed", "e.g. 42"]),
        (&["--tolerance", "-5%"], &["--tolerance", "5%"]),
        (&["--strict-baseline"], &["--strict-baseline asks", "--baseline main"]),
        (&["--target", "p95=1s"], &["--target", "p95_response_time"]),
        (&["--target", "p95_response_time=fast"], &["--target", "fast"]),
        (
            &["--target", "error_rate[GET /api/v2/projcts]=1%"],
            &["GET /api/v2/projcts", "did you mean `GET /api/v2/projects`?"],
        ),
        (&["--profile", "gide"], &["--profile gide", "guide"]),
        (&["-f", "a.toml:0"], &["--scenario", "weight"]),
        (&["--hots", "x"], &["--hots", "--host"]),
        (&["--config", "none.toml"], &["none.toml"]),
        (&["-H", "http://"], &["http://NAME:PORT"]),
        (&["-H", "ftp://localhost"], &["ftp://localhost", "http"]),
        (&["-H", "http://example.com"], &["example.com", "--allow-host example.com"]),
    ] {
        refused(&bench, &[&["run"], args].concat(), 2, words);
    }
}

#[test]
fn a_load_that_contradicts_itself_names_who_said_so() {
    let bench = Workbench::new().with_env("AGENTHUB_PERF_USERS", "5").with_env("AGENTHUB_PERF_RATE", "5/s");
    refused(&bench, &["run"], 2, &["AGENTHUB_PERF_RATE says", "leave out AGENTHUB_PERF_USERS, or it"]);
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "[profiles.x]\nstages = \"5:9s\"\nrun_time = \"9s\"\n");
    refused(
        &bench,
        &["run", "--profile", "x"],
        2,
        &["`stages` (agenthub-perf.toml:2) says", "leave out `run_time` (agenthub-perf.toml:3)"],
    );
}

#[test]
fn a_host_that_is_not_allowed_is_refused_before_its_name_is_looked_up() {
    // A name that no resolver knows would end with 1 and the resolver's words.
    let bench = Workbench::new();
    refused(&bench, &["run", "-H", "http://nowhere.invalid"], 2, &["nowhere.invalid", "--allow-host"]);
    let args = ["run", "-H", "http://nowhere.invalid", "--allow-host", "nowhere.invalid"];
    refused(&bench, &args, 1, &["cannot reach http://nowhere.invalid"]);
}

#[test]
fn a_bad_scenario_names_file_line_and_fix() {
    let bench = Workbench::new();
    let good = guide_user("{ between = [\"1s\", \"5s\"] }");
    for (from, to, words) in [
        ("weight = 2", "wieght = 2", &["user.toml:18:", "`wieght`", "did you mean `weight`?"][..]),
        ("weight = 2", "weight = 0", &["user.toml:18:", "weight"]),
        ("weight = 2", "weight = \"two\"", &["user.toml:18:", "weight"]),
        ("{{token}}", "{{tokn}}", &["user.toml:14:", "tokn", "token"]),
        ("view tasks", "view projects", &["user.toml:17:", "view projects"]),
        ("[\"1s\", \"5s\"]", "[\"5s\", \"1s\"]", &["user.toml:2:"]),
        ("get = \"/api/v2/tasks\"", "gett = \"/api/v2/tasks\"", &["user.toml:", "`gett`"]),
        ("weight = 2", "weight = 2\nweight = 3", &["user.toml:19:", "weight"]),
        (
            "[[on_start]]",
            "[feeders.account]\nfile = \"no.csv\"\nper = \"user\"\n\n[[on_start]]",
            &["no.csv", "user.toml:5:"],
        ),
        (
            "[[on_start]]",
            "[variables]\nsecret = { env = \"AGENTHUB_NOT_SET\" }\n\n[[on_start]]",
            &["user.toml:5:", "AGENTHUB_NOT_SET"],
        ),
    ] {
        assert!(good.contains(from), "{from:?} is not in the scenario");
        bench.write("user.toml", &good.replacen(from, to, 1));
        refused(&bench, &["run", "-f", "user.toml"], 2, words);
        refused(&bench, &["scenario", "check", "user.toml"], 2, words);
    }
    refused(&bench, &["run", "-f", "none.toml"], 2, &["none.toml"]);
}

#[test]
fn a_bad_configuration_names_file_line_and_fix() {
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "usres = 5\n\n[targets]\nerror_rat = \"1%\"\n");
    let words = ["agenthub-perf.toml:1:1", "did you mean `users`?", "agenthub-perf.toml:4:1", "error_rate"];
    refused(&bench, &["run"], 2, &words);
    let bench = Workbench::new().with_env("AGENTHUB_PERF_USERS", "0");
    refused(&bench, &["run"], 2, &["AGENTHUB_PERF_USERS", "at least 1"]);
}

#[test]
fn a_results_folder_that_cannot_be_written_is_the_machines_fault() {
    let bench = Workbench::new();
    let file = bench.write("taken", "a file");
    let path = file.to_str().unwrap();
    let server = CountingServer::start();
    refused(&bench, &["run", "-H", &server.url(), "--results", path], 1, &["taken", "--results"]);
    assert_eq!(server.total(), 0);
}

#[test]
fn a_result_that_is_not_there_is_told() {
    let bench = Workbench::new();
    refused(&bench, &["report", "latest"], 2, &["results"]);
    bench.write("results/20260101T000000Z-x-1234/run.toml", "schema = \"none\"\n");
    let outcome = bench.run(&["report", "20260101T000000Z-x-1234"]);
    outcome.assert_code(1);
    assert!(outcome.stderr.contains("run.toml"), "{outcome}");
}

#[test]
fn redirects_do_not_lead_to_hosts_that_are_not_allowed() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    bench.write("away.toml", &only_get("http://example.com/x", "{ constant = \"100ms\" }", ""));
    let outcome = bench.run(&["run", "-H", &server.url(), "-f", "away.toml", "-u", "2", "-r", "2", "-t", "3s"]);
    assert!(outcome.code != Some(0), "{outcome}");
    let result = bench.result();
    assert!(result["endpoints"][0]["errors"].to_string().contains("example.com"), "{}", result["endpoints"]);
    assert_eq!(result["totals"]["failures"], result["totals"]["requests"]);
}
