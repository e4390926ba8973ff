//! Containers: a compose file, an engine that replies as recorded, and control groups of this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use yaml_rust2::{Yaml, YamlEmitter, YamlLoader};

use super::{check, fix, of, outcome, with_outcome};
use crate::support::harness::Workbench;

/// One text of YAML with another merged into it, as compose does with two files.
fn merged(base: &str, over: &str) -> String {
    fn merge(base: &mut Yaml, over: Yaml) {
        match (base, over) {
            (Yaml::Hash(base), Yaml::Hash(over)) => {
                for (key, value) in over {
                    match base.get_mut(&key) {
                        Some(known) => merge(known, value),
                        None => drop(base.insert(key, value)),
                    }
                }
            }
            (base, over) => *base = over,
        }
    }
    let load = |text: &str| YamlLoader::load_from_str(text).unwrap().remove(0);
    let mut whole = load(base);
    merge(&mut whole, load(over));
    let mut text = String::new();
    YamlEmitter::new(&mut text).dump(&whole).unwrap();
    text
}

/// Of the project's own.
const TUNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/compose.yml");

#[test]
fn each_line_taken_from_the_project_s_compose_file_is_missed_and_the_printed_lines_bring_it_back() {
    let bench = Workbench::new();
    let tuned = std::fs::read_to_string(TUNED).unwrap();
    let look = |text: &str| {
        let file = bench.write("compose.yml", text).display().to_string();
        check(&bench, &["containers", "--compose", &file]).0
    };
    let bad = |found: &serde_json::Value| [with_outcome(found, "fail"), with_outcome(found, "warn")].concat();
    let found = look(&tuned);
    assert_eq!(bad(&found), [""; 0], "{found:#}");
    for (from, to, rule) in [
        ("        limits:\n          memory: 2G\n", "        limits:\n", "containers.memory_limit"),
        (
            "        limits:\n          memory: 2G\n",
            "        limits:\n          memory: 1G\n",
            "containers.memory_limit",
        ),
        ("          memory: 2G\n          cpus: '2.0'\n", "          memory: 2G\n", "containers.cpu_limit"),
        (
            "          memory: 2G\n          cpus: '2.0'\n",
            "          memory: 2G\n          cpus: '1.0'\n",
            "containers.cpu_limit",
        ),
        ("          memory: 1G\n", "", "containers.reservations"),
        ("          cpus: '1.0'\n", "", "containers.reservations"),
        ("    restart: unless-stopped\n", "", "containers.restart_policy"),
        ("    restart: unless-stopped\n", "    restart: \"no\"\n", "containers.restart_policy"),
        (
            "      interval: 10s\n      timeout: 5s\n",
            "      interval: 5m\n      timeout: 5s\n",
            "containers.health_check",
        ),
        (
            "      interval: 10s\n      timeout: 5s\n",
            "      disable: true\n      interval: 10s\n",
            "containers.health_check",
        ),
    ] {
        let text = tuned.replacen(from, to, 1);
        assert_ne!(text, tuned, "{from}");
        let found = look(&text);
        assert_eq!(bad(&found), [rule], "{from:?} is {to:?}");
        let broken =
            of(&found, rule).into_iter().find(|one| one["outcome"] == "fail" || one["outcome"] == "warn").unwrap();
        let lines = broken["fix"]["text"].as_str().unwrap();
        // A health check that is off stays so until that line goes.
        let text = text.replace("      disable: true\n", "");
        let again = look(&merged(&text, lines));
        assert_eq!(bad(&again), [""; 0], "{from:?} is {to:?}, with\n{lines}");
    }
}

#[test]
fn a_compose_file_is_held_against_the_guide_and_its_mistakes_are_named() {
    let bench = Workbench::new();
    bench.write(
        "docker-compose.yml",
        "services:\n  mcp-backend:\n    image: x\n    restart: always\n    healthcheck: { test: [CMD, true], interval: 10s, timeout: 5s }\n    deploy: { resources: { limits: { memory: 2G, cpus: '2.0' }, reservations: { memory: 512M, cpus: '0.5' } } }\n",
    );
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
    ended.assert_code(0);
    bench.write("docker-compose.yml", "services:\n  mcp-backend:\n    image: x\n");
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert_eq!(with_outcome(&found, "fail").len(), 5, "{found:#}");
    ended.assert_code(99);
    bench.write("docker-compose.yml", "services:\n  a: [\n");
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert!(
        of(&found, "containers.reachable")[0]["summary"].as_str().unwrap().contains("docker-compose.yml: line "),
        "{found:#}"
    );
    ended.assert_code(1);
}

/// Speaks for a Docker engine that knows two containers: `db`, and `web` without any of what the guide gives it.
fn engine() -> String {
    let told = r#"{"Id": "3f2a", "Name": "/db", "RestartCount": 0, "State": {"Status": "running", "OOMKilled": true},
        "HostConfig": {"Memory": 2147483648, "MemoryReservation": 1073741824, "NanoCpus": 2000000000, "RestartPolicy": {"Name": "always"}},
        "Config": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 10000000000, "Timeout": 5000000000}}}"#;
    let bare = r#"{"Id": "9c1d", "Name": "/web", "RestartCount": 3, "State": {"Status": "running", "Health": {"Status": "unhealthy"}},
        "HostConfig": {"Memory": 0, "NanoCpus": 0, "RestartPolicy": {"Name": ""}}, "Config": {}}"#;
    let stats =
        r#"{"cpu_stats": {"throttling_data": {"periods": 1000, "throttled_periods": 300, "throttled_time": 9}}}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let line = String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned();
            let (code, body) = match line {
                line if line.contains("/containers/db/json") => ("200 OK", told),
                line if line.contains("/containers/web/json") => ("200 OK", bare),
                line if line.contains("/containers/db/stats") => ("200 OK", stats),
                _ => ("404 Not Found", r#"{"message": "No such container"}"#),
            };
            let head = format!("HTTP/1.1 {code}\r\nContent-Type: application/json\r\nConnection: close\r\n");
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    host
}

#[test]
fn a_running_container_is_asked_of_the_engine_and_one_that_it_does_not_know_is_named() {
    let bench = Workbench::new().with_env("DOCKER_HOST", &engine());
    let (found, ended) = check(&bench, &["containers", "--container", "db"]);
    assert_eq!(with_outcome(&found, "fail"), ["containers.out_of_memory", "containers.throttling"], "{found:#}");
    assert_eq!(outcome(&found, "containers.memory_limit"), "pass");
    assert_eq!(fix(&found, "containers.throttling"), "docker update --cpus 4 db");
    ended.assert_code(99);
    let (found, _) = check(&bench, &["containers", "--container", "web"]);
    for (rule, wanted, line) in [
        ("memory_limit", "fail", "docker update --memory 2147483648b --memory-swap 4294967296b web"),
        ("cpu_limit", "fail", "docker update --cpus 2 web"),
        ("reservations", "fail", "docker update --memory-reservation 67108864b web"),
        ("restart_policy", "fail", "docker update --restart unless-stopped web"),
        ("health_check", "fail", "docker inspect --format '{{json .State}}' web; docker logs --tail 100 web"),
        ("restarts", "warn", "docker inspect --format '{{json .State}}' web; docker logs --tail 100 web"),
    ] {
        let rule = format!("containers.{rule}");
        assert_eq!((outcome(&found, &rule).as_str(), fix(&found, &rule).as_str()), (wanted, line), "{found:#}");
    }
    let (found, ended) = check(&bench, &["containers", "--container", "nobody"]);
    let line = of(&found, "containers.reachable")[0]["summary"].as_str().unwrap();
    assert!(line.contains("container nobody") && line.contains("docker ps"), "{line}");
    ended.assert_code(1);
    let bench = Workbench::new().with_env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let (found, ended) = check(&bench, &["containers", "--container", "db"]);
    assert!(of(&found, "containers.reachable")[0]["summary"].as_str().unwrap().contains("no Docker engine answers"));
    ended.assert_code(1);
}

/// A control group of this machine. Gone when dropped.
struct Group {
    folders: Vec<PathBuf>,
}

impl Group {
    /// `None` where they cannot be made, or are of version 2, whose files are read in a recorded tree.
    fn make() -> Option<Self> {
        let name = format!("agenthub-perf-test-{}", std::process::id());
        let mut made = Self { folders: Vec::new() };
        for controller in ["memory", "cpu", "cpuacct"] {
            let folder = Path::new("/sys/fs/cgroup").join(controller).join(&name);
            std::fs::create_dir(&folder).ok()?;
            made.folders.push(folder);
        }
        Some(made)
    }

    /// Its name below each controller.
    fn name(&self) -> String {
        format!("/{}", self.folders[0].file_name().unwrap().display())
    }

    fn write(&self, file: &str, text: &str) {
        let folder = self.folders.iter().find(|folder| folder.join(file).exists()).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
    }

    /// Runs a shell's words in it.
    fn run(&self, script: &str) {
        let into: Vec<String> =
            self.folders.iter().map(|folder| format!("echo $$ > {}/cgroup.procs", folder.display())).collect();
        let _ = Command::new("sh").args(["-c", &format!("{}; {script}", into.join("; "))]).status().unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

#[test]
fn a_control_group_of_this_machine_is_read_without_an_engine() {
    let Some(group) = Group::make() else {
        eprintln!("skipped: no control group of version 1 can be made here");
        return;
    };
    let bench = Workbench::new();
    let look = || check(&bench, &["containers", "--container", &group.name()]).0;
    let found = look();
    assert_eq!(with_outcome(&found, "fail"), ["containers.memory_limit", "containers.cpu_limit"], "{found:#}");
    assert_eq!(outcome(&found, "containers.restart_policy"), "not_applicable");
    group.write("memory.limit_in_bytes", "33554432");
    group.write("cpu.cfs_quota_us", "5000");
    // Waits for its share, and wants more memory than it may have.
    group.run("timeout 1 sh -c 'while :; do :; done'");
    group.run("x=1234567890123456; while :; do x=$x$x; done");
    let found = look();
    assert_eq!(with_outcome(&found, "fail"), ["containers.out_of_memory", "containers.throttling"], "{found:#}");
    for rule in ["containers.out_of_memory", "containers.throttling"] {
        let line = fix(&found, rule);
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    }
    let read = |file: &str| {
        let folder = group.folders.iter().find(|folder| folder.join(file).exists()).unwrap();
        std::fs::read_to_string(folder.join(file)).unwrap().trim().to_owned()
    };
    assert_eq!((read("memory.limit_in_bytes"), read("cpu.cfs_quota_us")), ("67108864".to_owned(), "10000".to_owned()));
    // A new one with no limit is mended as printed.
    drop(group);
    let group = Group::make().unwrap();
    let look = || check(&bench, &["containers", "--container", &group.name()]).0;
    let found = look();
    for rule in ["containers.memory_limit", "containers.cpu_limit"] {
        let line = fix(&found, rule).replace("echo 200000 >", "echo 100000 >");
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    }
    let found = look();
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
    let (found, ended) = check(&bench, &["containers", "--container", "/agenthub-perf/nothing"]);
    assert!(found.to_string().contains("there is no control group /agenthub-perf/nothing"), "{found:#}");
    ended.assert_code(1);
}
