//! What a person at a terminal or a CI job sees.

use crate::support::harness::Workbench;

#[test]
fn without_any_flag_the_guides_user_runs_on_the_reference_service() {
    let bench = Workbench::new();
    // Shorter than the default, which is the same with nothing given.
    let outcome = bench.run(&["run", "-u", "30", "-r", "30", "-t", "6s", "--allow-unproven"]);
    outcome.assert_code(0);
    assert!(outcome.stderr.contains("no --host given: reference agenthub service on http://127.0.0.1:"), "{outcome}");
    for word in ["p95 response time", "error rate", "throughput", "agenthub user", "not measured", "report.html"] {
        assert!(outcome.stdout.contains(word), "{word:?} is not in\n{outcome}");
    }
    let result = bench.result();
    assert_eq!(result["totals"]["failures"], 0);
    assert_eq!(result["load"]["users"], 30);
    let folder = bench.newest_result();
    for file in ["run.toml", "latency.hlog", "samples.ndjson", "result.json", "report.html", "report.md", "junit.xml"] {
        assert!(folder.join(file).is_file(), "{file} is missing");
    }
    // Its service is gone with it.
    let host = result["environment"]["host"].as_str().unwrap().trim_start_matches("http://").to_owned();
    assert!(std::net::TcpStream::connect(host).is_err(), "the reference service still listens");
}

#[test]
fn the_default_load_is_the_quick_profile() {
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "[profiles.quick]\nrun_time = \"3s\"\n");
    bench.run(&["run", "--profile", "quick", "--allow-unproven"]).assert_code(0);
    let load = &bench.result()["load"];
    assert_eq!((&load["users"], &load["spawn_rate"], &load["run_time_s"]), (&150.into(), &50.0.into(), &3.0.into()));
}

#[test]
fn json_is_alone_on_standard_output_and_quiet_is_quiet() {
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-u", "3", "-r", "3", "-t", "2s", "--format", "json", "--quiet"]);
    outcome.assert_code(98);
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.json(), bench.result());
}

#[test]
fn progress_goes_to_standard_error_in_plain_lines_where_there_is_no_terminal() {
    let bench = Workbench::new();
    let outcome = bench.run(&["run", "-u", "3", "-r", "3", "-t", "12s", "--allow-unproven"]);
    outcome.assert_code(0);
    let lines: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("req/s")).collect();
    assert_eq!(lines.len(), 1, "{outcome}");
    assert!(lines[0].contains("3 users") && lines[0].contains("0 failed"), "{outcome}");
    assert!(!outcome.stderr.contains('\u{1b}') && !outcome.stdout.contains('\u{1b}'), "{outcome}");
}

#[test]
fn flag_beats_environment_beats_profile_beats_file() {
    let bench = Workbench::new().with_env("AGENTHUB_PERF_RUN_TIME", "2s");
    let config = "users = 2\nrun_time = \"50s\"\nlabel = \"from the file\"\n\n[profiles.small]\nusers = 3\nspawn_rate = 7\nrun_time = \"60s\"\n";
    bench.write("agenthub-perf.toml", config);
    bench.run(&["run", "--profile", "small", "-u", "4", "--allow-unproven"]).assert_code(0);
    let result = bench.result();
    let load = &result["load"];
    assert_eq!((&load["users"], &load["spawn_rate"], &load["run_time_s"]), (&4.into(), &7.0.into(), &2.0.into()));
    assert_eq!(result["label"], "from the file");
}

#[test]
fn the_scenarios_that_come_with_the_project_are_right() {
    let bench = Workbench::new();
    for name in ["agenthub", "browse", "write-heavy"] {
        let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        bench.run(&["scenario", "check", &path]).assert_code(0);
        let shown = bench.run(&["scenario", "show", &path]);
        shown.assert_code(0);
        assert!(shown.stdout.contains("POST /api/v2/auth/login"), "{shown}");
        let tried = bench.run(&["scenario", "try", &path]);
        tried.assert_code(0);
        assert!(tried.stdout.contains("< 200"), "{tried}");
    }
}

#[test]
fn the_guides_load_test_script_runs_the_three_scenarios() {
    let program =
        std::path::Path::new(env!("CARGO_BIN_EXE_agenthub-perf")).parent().unwrap().to_str().unwrap().to_owned();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let bench = Workbench::new();
    let script = format!("{}/scripts/performance/run-load-tests.sh", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("bash")
        .args([&script, "--users", "12", "--spawn-rate", "20", "--duration", "6", "--allow-unproven"])
        .current_dir(bench.path())
        .env("PATH", path)
        .env_remove("AGENTHUB_PERF_HOST")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result = bench.result();
    assert_eq!(result["load"]["users"], 12);
    assert_eq!(result["load"]["run_time_s"], 6.0);
    let names: std::collections::BTreeSet<&str> =
        result["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint["scenario"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(result["totals"]["failures"], 0);
}

#[test]
fn the_kept_example_result_reads() {
    let bench = Workbench::new();
    let example = format!("{}/results/example", env!("CARGO_MANIFEST_DIR"));
    // A copy: reading writes the reports anew.
    let copied = std::process::Command::new("cp").args(["-r", &example, "kept"]).current_dir(bench.path()).status();
    assert!(copied.unwrap().success());
    let report = bench.run(&["report", "kept"]);
    report.assert_code(0);
    assert!(report.stdout.starts_with("PASS"), "{report}");
}

#[test]
fn the_results_folder_of_the_configuration_is_where_report_looks_too() {
    let bench = Workbench::new();
    bench.write("agenthub-perf.toml", "results = \"elsewhere\"\n");
    bench.run(&["run", "-u", "2", "-r", "2", "-t", "2s", "--allow-unproven"]).assert_code(0);
    assert!(bench.path().join("elsewhere").is_dir());
    let report = bench.run(&["report"]);
    report.assert_code(0);
    assert!(report.stdout.contains("elsewhere"), "{report}");
}
