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
fn a_check_that_is_asked_to_end_tells_what_it_has_and_passes_nothing() {
    let bench = Workbench::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let running = bench.start(&["check", "all", "-H", &url, "--timeout", "60s", "--format", "json"]);
    // This machine has been looked at once somebody asks the service.
    let _asked = silent.accept().unwrap();
    running.signal("INT");
    let ended = running.finish(Duration::from_secs(30));
    ended.assert_code(130);
    let found = ended.json();
    assert_eq!(found["partial"], true, "{found:#}");
    assert_ne!(found["outcome"], "pass");
    assert_eq!(super::of(&found, "system.open_files").len(), 1);
    assert!(found["not_looked_at"].to_string().contains("stopped before its end"), "{found:#}");
    assert!(!ended.stderr.contains("journal"), "{ended}");
}

#[test]
fn where_every_door_is_closed_nothing_could_be_looked_at() {
    let bench = Workbench::new();
    let closed = |scheme: &str| format!("{scheme}://127.0.0.1:1");
    let (db, cache, host) = (format!("{}/x", closed("postgres")), closed("redis"), closed("http"));
    let status = format!("{host}/nginx_status");
    let all = ["check", "--postgres", &db, "--redis", &cache, "--nginx", &status, "-H", &host, "--format", "json"];
    let ended = bench.run(&all);
    ended.assert_code(1);
    let unknown = super::with_outcome(&ended.json(), "unknown");
    assert!(unknown.iter().all(|rule| rule.ends_with(".reachable")), "{unknown:?}");
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
        (&["check"], "agenthub-perf check --host http://localhost:8000"),
        (&["check"], "check all"),
        (&["check", "db"], "--postgres URL"),
        (&["check", "--postgres", url, "--only", "db.unusd_index"], "did you mean `db.unused_index`?"),
        (&["check", "--postgres", url, "--skip", "nothing.like.it"], "--rules"),
        (&["check", "--postgres", "mysql://x/y"], "postgres://"),
        (&["check", "--postgres", url, "--db-memory", "much"], "512M"),
        (&["check", "--explain", "SELECT 1"], "--postgres URL"),
        (&["check", "--postgres", url, "--only", "cache"], "leave nothing to look at"),
        (&["check", "db", "--postgres", url, "--skip", "db"], "leave nothing to look at"),
    ] {
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(words), "{words:?} is not in\n{outcome}");
    }
    bench.write("agenthub-perf.toml", "[check]\naccept = [{ rule = \"db.unusd_index\", reason = \"x\" }]\n");
    let refused = bench.run(&["check", "--postgres", url]);
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("agenthub-perf.toml:2:") && refused.stderr.contains("db.unused_index"),
        "{refused}"
    );
    std::fs::remove_file(bench.path().join("agenthub-perf.toml")).unwrap();
    let listed = bench.run(&["check", "--rules"]);
    listed.assert_code(0);
    assert!(listed.stdout.contains("db.index.tasks_user_id_status\n    holds"), "{listed}");
}

#[test]
fn all_takes_this_machine_with_what_is_named() {
    let bench = Workbench::new();
    let found = bench
        .run(&["check", "all", "--only", "system,app.reachable", "-H", "http://127.0.0.1:1", "--format", "json"])
        .json();
    let areas: Vec<&str> =
        found["looked_at"].as_array().unwrap().iter().map(|place| place["area"].as_str().unwrap()).collect();
    assert_eq!(areas, ["app", "system"]);
    let alone = bench.run(&["check", "all", "--format", "json"]).json();
    assert!(alone["not_looked_at"].as_array().is_some_and(|list| list.len() == 5), "{alone:#}");
}

#[test]
fn an_acceptance_of_one_table_is_of_that_table() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("CREATE TABLE old_tasks (user_id int, status text)");
    postgres.sql("CREATE TABLE new_tasks (user_id int, status text)");
    for table in ["old_tasks", "new_tasks"] {
        postgres.sql(&format!("INSERT INTO {table} SELECT n, 'x' FROM generate_series(1, 2000) AS n; ANALYZE {table}"));
    }
    let of = "rule = \"db.index.tasks_user_id_status\"";
    bench.write(
        "agenthub-perf.toml",
        &format!("[check]\naccept = [{{ {of}, subject = \"public.old_tasks\", reason = \"goes in May\" }},\n{{ {of}, subject = \"public.none\", reason = \"gone\" }}]\n"),
    );
    let ended = bench.run(&["check", "--postgres", &postgres.monitor_url(), "--only", "db.index", "--format", "json"]);
    let found = ended.json();
    let ours = super::of(&found, "db.index.tasks_user_id_status");
    let accepted: Vec<(&str, bool)> =
        ours.iter().map(|one| (one["subject"].as_str().unwrap(), !one["accepted"].is_null())).collect();
    assert_eq!(accepted, [("public.new_tasks", false), ("public.old_tasks", true)], "{found:#}");
    assert!(found["notes"][0].as_str().unwrap().contains("public.none (gone) does nothing"), "{found:#}");
}

#[test]
fn no_format_shows_a_password_a_token_or_a_secret_in_a_plan() {
    let (bench, postgres) = (Workbench::new(), Postgres::start());
    postgres.sql("CREATE TABLE people (id int, password text)");
    postgres.sql("GRANT SELECT ON people TO agenthub_monitor");
    let service = super::serve(&bench, &[]);
    let (url, statement) = (postgres.monitor_url(), "SELECT id FROM people WHERE password = 'geheimes-wort'");
    for format in ["text", "json", "md", "junit", "html"] {
        let ended = bench.run(&[
            "check",
            "--format",
            format,
            "--report",
            "page.html",
            "--postgres",
            &url,
            "-H",
            &service.url,
            "--explain",
            statement,
            "--token",
            "geheimes-wort",
        ]);
        assert!(ended.stdout.contains("db.explain") && ended.stdout.contains("people"), "{ended}");
        let page = std::fs::read_to_string(bench.path().join("page.html")).unwrap();
        for text in [ended.to_string(), page] {
            assert!(!text.contains("geheimes-wort") && !text.contains("only-for-tests"), "{format}: {text}");
        }
    }
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
        ("generate-performance-report.sh", &["--postgres", url, "--skip", "system"], 1, "db.reachable"),
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
