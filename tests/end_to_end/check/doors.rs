//! Doors that are closed: a wrong address, a server that hangs, one that wants TLS, wrong usage.

use std::net::TcpListener;
use std::time::Duration;

use super::wait_for;
use crate::support::harness::Workbench;
use crate::support::stack::Postgres;

#[test]
fn a_server_that_does_not_answer_is_one_clear_line_within_the_timeout() {
    let bench = Workbench::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (hangs, closed) = (silent.local_addr().unwrap().port(), 1);
    for (port, words) in [(hangs, "no answer within 1 s"), (closed, "connection refused")] {
        let url = format!("postgres://me:geheim@127.0.0.1:{port}/x");
        let outcome = bench.run(&["check", "--postgres", &url, "--timeout", "1s"]);
        outcome.assert_code(1);
        assert!(outcome.stdout.to_lowercase().contains(words), "{words:?} is not in\n{outcome}");
        assert!(!format!("{outcome}").contains("geheim"), "{outcome}");
        assert!(outcome.took < Duration::from_secs(20), "{:?}", outcome.took);
    }
}

#[test]
fn tls_that_one_side_wants_and_the_other_has_not_is_told_with_what_to_do() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    let wants = bench.run(&["check", "db", "--postgres", &format!("{}?sslmode=require", postgres.monitor_url())]);
    wants.assert_code(1);
    assert!(wants.stdout.contains("does not speak TLS"), "{wants}");
    std::fs::write(
        postgres.sql("SHOW hba_file"),
        "hostssl all agenthub_monitor all scram-sha-256\nhost all postgres all scram-sha-256\n",
    )
    .unwrap();
    postgres.sql("SELECT pg_reload_conf()");
    wait_for(&postgres, "SELECT count(*) FROM pg_hba_file_rules", "2");
    let refused = bench.run(&["check", "db", "--postgres", &postgres.monitor_url()]);
    refused.assert_code(1);
    assert!(refused.stdout.contains("sslmode=require"), "{refused}");
}

#[test]
fn a_wrong_password_or_name_is_told_and_not_shown() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    for (from, to, words) in
        [("only-for-tests", "geheim", "are role and password"), ("/agenthub", "/nothing", "is the name at")]
    {
        let monitor = postgres.monitor_url();
        let (head, tail) = monitor.rsplit_once(from).unwrap();
        let url = format!("{head}{to}{tail}");
        let outcome = bench.run(&["check", "db", "--postgres", &url]);
        outcome.assert_code(1);
        assert!(outcome.stdout.contains(words) && !format!("{outcome}").contains("geheim"), "{outcome}");
    }
}

#[test]
fn wrong_usage_names_the_flag_and_the_fix() {
    let bench = Workbench::new();
    let url = "postgres://me@127.0.0.1:1/x";
    for (args, words) in [
        (&["check"][..], "--postgres URL"),
        (&["check", "db"], "--postgres URL"),
        (&["check", "--postgres", url, "--only", "db.unusd_index"], "did you mean `db.unused_index`?"),
        (&["check", "--postgres", url, "--skip", "nothing.like.it"], "--rules"),
        (&["check", "--postgres", "mysql://x/y"], "postgres://"),
        (&["check", "--postgres", url, "--db-memory", "much"], "512M"),
        (&["check", "--explain", "SELECT 1"], "--postgres URL"),
    ] {
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(words), "{words:?} is not in\n{outcome}");
    }
    let listed = bench.run(&["check", "--rules"]);
    listed.assert_code(0);
    assert!(listed.stdout.contains("db.index.tasks_user_id_status\n    holds"), "{listed}");
}

#[test]
fn the_guide_s_scripts_run_the_program_that_is_installed() {
    let bench = Workbench::new();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_agenthub-perf")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/performance");
    let url = "postgres://me:geheim@127.0.0.1:1/x";
    for (script, args, code, words) in [
        ("check-db-performance.sh", &["--postgres", url][..], 1, "db.reachable"),
        ("check-app-performance.sh", &["-H", "http://127.0.0.1:1"], 1, "app.reachable"),
        (
            "check-system-resources.sh",
            &["--only", "system.planned_load", "--planned-load", "10"],
            0,
            "system.planned_load",
        ),
        ("generate-performance-report.sh", &["--postgres", url], 1, "db.reachable"),
    ] {
        let mut command = std::process::Command::new(format!("{scripts}/{script}"));
        let ended = command.args(args).env("PATH", &path).current_dir(bench.path()).output().unwrap();
        let stdout = String::from_utf8_lossy(&ended.stdout);
        assert_eq!(ended.status.code(), Some(code), "{script}: {ended:?}");
        assert!(stdout.contains(words), "{script}: {stdout}");
    }
    let page = std::fs::read_to_string(bench.path().join("performance-report.html")).unwrap();
    assert!(page.contains("db.reachable") && !page.contains("geheim"));
}
