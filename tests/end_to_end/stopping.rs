//! However a run is stopped, it ends in bounded time and keeps what it has.

use std::time::Duration;

use crate::support::counting::CountingServer;
use crate::support::faults::FaultServer;
use crate::support::harness::{Running, Workbench, guide_user, only_get};

fn long_run(bench: &Workbench, url: &str) -> Running {
    bench.write("user.toml", &guide_user("{ constant = \"50ms\" }"));
    bench.start(&["run", "-H", url, "-f", "user.toml", "-u", "10", "-r", "100", "-t", "300s"])
}

fn wait_for(server: &CountingServer, requests: u64) {
    while server.total() < requests {
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupted_run_keeps_a_partial_result() {
    for signal in ["INT", "TERM"] {
        let server = CountingServer::start();
        let bench = Workbench::new();
        let running = long_run(&bench, &server.url());
        wait_for(&server, 600);
        running.signal(signal);
        let outcome = running.finish(Duration::from_secs(30));
        outcome.assert_code(130);
        let result = bench.result();
        assert_eq!(result["partial"], true);
        assert_ne!(result["verdict"], "pass");
        assert_eq!(result["totals"]["requests"], server.total() - 1, "SIG{signal} lost requests");
        bench.run(&["report", "latest"]).assert_code(130);
    }
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let server = FaultServer::start();
    let bench = Workbench::new();
    bench.write("hang.toml", &only_get("/NeverAnswer", "\"none\"", ""));
    let args =
        ["run", "-H", &server.url(), "-f", "hang.toml", "-u", "5", "-r", "100", "-t", "300s", "--stop-timeout", "120s"];
    let running = bench.start(&args);
    bench.wait_for_journal();
    running.signal("INT");
    running.wait_for_error("once more");
    running.signal("INT");
    let outcome = running.finish(Duration::from_mins(1));
    outcome.assert_code(130);
    assert!(outcome.took < Duration::from_mins(1), "took {:?}", outcome.took);
    assert!(outcome.stderr.trim_end().ends_with("builds its report"), "{outcome}");
    // What was written stays, and reads.
    bench.run(&["report", "latest"]).assert_code(98);
}

#[test]
fn requests_in_flight_at_the_end_are_cut_off_and_counted() {
    let server = FaultServer::start();
    let bench = Workbench::new();
    bench.write("hang.toml", &only_get("/NeverAnswer", "\"none\"", "timeout = \"100s\""));
    let args =
        ["run", "-H", &server.url(), "-f", "hang.toml", "-u", "7", "-r", "100", "-t", "3s", "--stop-timeout", "1s"];
    let outcome = bench.run(&args);
    assert!(outcome.took < Duration::from_secs(40), "took {:?}", outcome.took);
    // None was answered, and all had waited for longer than the 2 s that 95 % must be below.
    outcome.assert_code(99);
    let totals = &bench.result()["totals"];
    assert_eq!((&totals["requests"], &totals["cut_off"], &totals["failures"]), (&7.into(), &7.into(), &0.into()));
}

#[test]
fn a_killed_run_still_reads() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let running = long_run(&bench, &server.url());
    wait_for(&server, 1500);
    let seen = server.total();
    running.signal("KILL");
    let outcome = running.finish(Duration::from_secs(10));
    assert_eq!(outcome.code, None);
    let report = bench.run(&["report", "latest", "--format", "json"]);
    report.assert_code(98);
    let result = report.json();
    assert_eq!(result["partial"], true);
    // Ten users, 50 ms apart: 200 requests a second at most, and the last two seconds may be missing.
    let kept = result["totals"]["requests"].as_u64().unwrap();
    assert!(kept + 450 >= seen && kept <= server.total(), "{kept} of {seen} requests kept");
}

#[test]
fn users_that_have_nothing_to_wait_for_do_not_hold_up_the_end() {
    let server = CountingServer::start();
    let bench = Workbench::new();
    let nothing = "{ when = { status = 599 }, steps = [{ get = \"/api/v2/health\" }] }";
    let unsent = "{ when = { status = 598 }, steps = [{ get = \"/x\", capture = { never = \"$.id\" } }] }, { get = \"/x/{{never}}\" }";
    for (name, steps) in [("nothing.toml", nothing), ("unsent.toml", unsent)] {
        bench.write(
            name,
            &format!("name = \"idle\"\nwait = \"none\"\n\n[[task]]\nname = \"idle\"\nsteps = [{steps}]\n"),
        );
        let args = ["run", "-H", &server.url(), "-f", name, "-u", "8", "-r", "100", "-t", "3s"];
        let outcome = bench.run_for(&args, Duration::from_secs(40));
        assert!(!outcome.timed_out, "{name} did not end\n{outcome}");
        let memory = bench.result()["generators"][0]["memory_bytes"].as_u64().unwrap();
        assert!(memory < 200 << 20, "{name}: {memory} bytes");
    }
}
