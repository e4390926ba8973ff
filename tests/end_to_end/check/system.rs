//! This machine, as it is and with limits lowered for the child.

use std::process::Command;

use super::{Session, check, fix, of, outcome};
use crate::support::harness::Workbench;

#[test]
fn this_machine_is_looked_at_and_a_load_beyond_its_limits_is_refused() {
    let bench = Workbench::new();
    let (found, _) = check(&bench, &["system", "--planned-load", "10"]);
    assert_eq!(of(&found, "system.cpu").len(), 1);
    assert_eq!(outcome(&found, "system.planned_load"), "pass", "{found:#}");
    let arguments = ["system", "-H", "http://192.0.2.1", "--planned-load", "1000000", "--only", "system.planned_load"];
    let (found, ended) = check(&bench, &arguments);
    assert_eq!(outcome(&found, "system.planned_load"), "fail", "{found:#}");
    ended.assert_code(99);
}

/// `check` in a shell, after its words.
fn in_shell(words: &str, args: &str) -> serde_json::Value {
    let binary = env!("CARGO_BIN_EXE_agenthub-perf");
    let script = format!("{words}\nexec '{binary}' check system --format json {args}");
    let ran = Command::new("bash").args(["-c", &script]).current_dir(std::env::temp_dir()).output().unwrap();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_limit_of_files_is_noticed_and_the_printed_command_lifts_it() {
    // The hard limit: the program raises the other by itself.
    for (low, args, rule) in [
        ("ulimit -n 1024", "--only system.open_files", "system.open_files"),
        ("ulimit -n 128", "--only system.planned_load --planned-load 500", "system.planned_load"),
    ] {
        let found = in_shell(low, args);
        assert!(["warn", "fail"].contains(&&*outcome(&found, rule)), "{found:#}");
        let printed = fix(&found, rule);
        let lifted = Command::new("bash").args(["-c", &printed]).status().unwrap();
        if !lifted.success() {
            eprintln!("skipped: `{printed}` may not be run here");
            continue;
        }
        let found = in_shell(&printed, args);
        assert_eq!(outcome(&found, rule), "pass", "after {printed}: {found:#}");
    }
}

#[test]
fn a_machine_whose_cpus_are_all_busy_is_noticed_and_the_printed_command_shows_by_whom() {
    let cpus = std::thread::available_parallelism().unwrap().get();
    let spin = || Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
    let busy: Vec<Session> = (0..cpus * 2).map(|_| Session(spin())).collect();
    let bench = Workbench::new();
    let (found, ended) = check(&bench, &["system", "--only", "system.cpu"]);
    drop(busy);
    assert!(["warn", "fail"].contains(&&*outcome(&found, "system.cpu")), "{found:#}");
    assert!(matches!(ended.code, Some(0 | 99)));
    let ran = Command::new("sh").args(["-c", &fix(&found, "system.cpu")]).output().unwrap();
    assert!(ran.status.success() && String::from_utf8_lossy(&ran.stdout).trim_start().starts_with("PID"), "{ran:?}");
}
