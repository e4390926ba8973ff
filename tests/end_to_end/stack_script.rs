//! `scripts/stack.sh`: brings the whole stack up, says what it is, and leaves nothing behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::asking::ask;
use crate::support::harness::Workbench;

/// A stack in a folder of its own. Taken down when dropped.
struct Stack {
    folder: tempfile::TempDir,
}

impl Stack {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let permissions = std::fs::Permissions::from_mode(0o755);
        Self { folder: tempfile::Builder::new().permissions(permissions).tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("stack")
    }

    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/stack.sh");
        let mut command = Command::new("bash");
        command.arg(script).args(args).env("AGENTHUB_PERF_STACK", self.path()).current_dir(self.folder.path());
        command.env("AGENTHUB_PERF_BIN", env!("CARGO_BIN_EXE_agenthub-perf")).output().unwrap()
    }

    fn pid(&self, part: &str) -> u32 {
        let text = std::fs::read_to_string(self.path().join(format!("{part}.pid"))).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}

#[track_caller]
fn succeeded(output: &Output) -> (String, String) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    (stdout.into_owned(), stderr.into_owned())
}

/// A process of ours that has ended stays in the list until somebody asks: that is no life.
fn lives(pid: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn the_stack_comes_up_answers_through_nginx_and_leaves_nothing_behind() {
    let stack = Stack::new();
    let (stdout, _) = succeeded(&stack.script(&["up", "--seed-rows", "400", "--", "--pool-size", "7"]));
    assert_eq!(stdout, "agenthub-perf run --config stack/agenthub-perf.toml\n");
    let file = std::fs::read_to_string(stack.path().join("agenthub-perf.toml")).unwrap();
    let told: toml::Table = file.parse().unwrap();
    let (host, observe) = (told["host"].as_str().unwrap(), told["observe"].as_table().unwrap());
    assert!(observe["postgres"].as_str().unwrap().starts_with("postgres://agenthub_monitor:"));

    let login = ask(host, "POST", "/api/v2/auth/login", &[], r#"{"email": "test@example.com", "password": "x"}"#);
    let token = format!("Authorization: Bearer {}", login.json()["access_token"].as_str().unwrap());
    assert_eq!(ask(host, "GET", "/api/v2/tasks", &[&token], "").json()["total"], 200);
    let cached = |_| {
        let answer = ask(host, "GET", "/api/v2/static/version", &[], "");
        answer.head.lines().find_map(|line| line.strip_prefix("x-cache-status: ").map(str::to_owned)).unwrap()
    };
    assert_eq!([0, 1].map(cached), ["miss", "hit"]);
    let status = observe["nginx"].as_str().unwrap().strip_prefix(host).unwrap();
    assert!(ask(host, "GET", status, &[], "").text().starts_with("Active connections: "));
    let service = observe["metrics"].as_str().unwrap().strip_suffix("/metrics").unwrap();
    let metrics = ask(service, "GET", "/metrics", &[], "").text();
    assert!(metrics.contains("\ndb_pool_size 37\n"), "the flags behind -- are the service's\n{metrics}");
    assert!(metrics.contains("\nhttp_connections "), "{metrics}");

    let processes: BTreeSet<String> =
        observe["process"].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap().to_owned()).collect();
    let parts = ["service", "postgres", "redis", "nginx"];
    let pids = parts.map(|part| stack.pid(part));
    let named = ["agenthub-perf", "postgres", "redis", "nginx"];
    assert_eq!(processes, named.iter().zip(pids).map(|(name, pid)| format!("{name}={pid}")).collect());

    assert_checked(&stack);
    assert_superuser(&stack);
    let (_, again) = succeeded(&stack.script(&["up"]));
    assert!(again.contains("it is up already"), "{again}");
    assert_eq!(parts.map(|part| stack.pid(part)), pids);
    succeeded(&stack.script(&["status"]));
    succeeded(&stack.script(&["down"]));
    assert!(!stack.path().exists());
    assert_eq!(pids.map(lives), [false; 4]);
    assert!(!stack.script(&["status"]).status.success());
    succeeded(&stack.script(&["down"]));
}

/// Settings can be changed by the words that are printed, and the password is in a file of one's own.
fn assert_superuser(stack: &Stack) {
    use std::os::unix::fs::PermissionsExt;
    let (_, said) = succeeded(&stack.script(&["up"]));
    let words = said.lines().find_map(|line| line.strip_prefix("superuser: ")).unwrap();
    let file = stack.path().join("superuser.url");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!said.contains("postgres://"), "{said}");
    let mut asked = Command::new("bash");
    asked.args(["-c", &format!("{words} -Atc 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user'")]);
    let (told, _) = succeeded(&asked.current_dir(stack.folder.path()).output().unwrap());
    assert_eq!(told, "t\n");
}

/// With everything named, nothing is left but what only a person can answer.
fn assert_checked(stack: &Stack) {
    let bench = Workbench::new();
    let toml = stack.path().join("agenthub-perf.toml");
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/compose.yml");
    let path = |path: &Path| path.display().to_string();
    let found = bench.run(&[
        "check",
        "--format",
        "json",
        "--timeout",
        "20s",
        "--config",
        &path(&toml),
        "--compose",
        &path(&compose),
        "--db-memory",
        "2G",
    ]);
    found.assert_code(0);
    let json = found.json();
    let findings = json["findings"].as_array().unwrap();
    let with = |outcome: &str| -> Vec<&str> {
        let ours = findings.iter().filter(|finding| finding["outcome"] == outcome);
        ours.map(|finding| finding["rule"].as_str().unwrap()).collect()
    };
    for bad in ["fail", "warn", "unknown", "cannot_exist"] {
        assert_eq!(with(bad), [""; 0], "{bad}: {json:#}");
    }
    let manual = ["app.n_plus_one", "app.background_tasks", "app.cdn", "app.alerting", "containers.auto_scaling"];
    assert_eq!(with("manual"), manual);
    for area in ["app", "db", "cache", "proxy", "containers"] {
        assert!(with("pass").iter().any(|rule| rule.starts_with(&format!("{area}."))), "{area}: {json:#}");
    }
    assert!(with("pass").contains(&"proxy.cache_hits") && with("pass").len() > 50, "{json:#}");
}

#[test]
fn a_part_that_does_not_start_is_named_with_its_log_and_the_others_are_stopped() {
    let stack = Stack::new();
    let output = stack.script(&["up", "--", "--without", "tea"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("service did not start") && said.contains("invalid value 'tea'"), "{said}");
    assert_eq!(["postgres", "redis"].map(|part| lives(stack.pid(part))), [false; 2]);
    for bad in [&["up", "--rows", "5"][..], &["up", "--seed-rows", "many"], &["sideways"], &[]] {
        assert_eq!(stack.script(bad).status.code(), Some(2), "{bad:?}");
    }
}

#[test]
fn a_folder_that_is_not_its_own_is_left_alone() {
    let bench = Workbench::new();
    let kept = bench.write("mine/letter", "kept");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/stack.sh");
    for command in ["up", "down"] {
        let mut asked = Command::new("bash");
        asked.arg(&script).arg(command).env("AGENTHUB_PERF_STACK", bench.path().join("mine"));
        let output = asked.env("AGENTHUB_PERF_BIN", env!("CARGO_BIN_EXE_agenthub-perf")).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}");
    }
    assert!(kept.exists());
}
