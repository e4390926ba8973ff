//! Real children, judged by `/proc`, `ps` and what they were told to do.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// A shell that does a line at a time what it is told; ends, with what it started, when dropped.
struct Shell(Child);

impl Shell {
    fn start() -> Self {
        Self(Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// A copy of the shell under another name, which is its program's.
    fn named(folder: &std::path::Path, name: &str) -> Self {
        let program = folder.join(name);
        if !program.exists() {
            std::fs::copy("/bin/sh", &program).unwrap();
        }
        // Another test's fork may hold the new file open for writing for a moment.
        for _ in 0..100 {
            match Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::null()).spawn() {
                Ok(child) => return Self(child),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        panic!("{} does not start", program.display());
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.end();
    }
}

fn probe(spec: &str) -> ProcessProbe {
    ProcessProbe::new(&ProcessSpec::parse(spec).unwrap(), false)
}

fn look_until(probe: &mut ProcessProbe, enough: impl Fn(&Look) -> bool) -> Look {
    let began = Instant::now();
    loop {
        let look = probe.see().unwrap();
        if enough(&look) {
            return look;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{look:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ps(pid: u32, column: &str) -> f64 {
    let output = Command::new("ps").args(["-o", &format!("{column}="), "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn one_process_agrees_with_ps_and_proc() {
    let mut shell = Shell::start();
    let mut probe = probe(&format!("{}", shell.pid()));
    let look = probe.see().unwrap();
    assert_eq!(look.totals["cpu_s"], 0.0, "counting begins with the first look");
    assert_eq!(probe.name().to_string(), "process sh", "by its program's name");
    shell.tell("i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; read wait </dev/null; exec sleep 100");
    let slept = |look: &Look| look.totals["cpu_s"] > 0.05;
    look_until(&mut probe, slept);
    let began = Instant::now();
    while std::fs::read_to_string(format!("/proc/{}/comm", shell.pid())).unwrap().trim() != "sleep" {
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(50));
    let look = probe.see().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", shell.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    assert!(
        (look.totals["cpu_s"] - ticks / 100.0).abs() < 0.025,
        "{} s, by /proc {} s",
        look.totals["cpu_s"],
        ticks / 100.0
    );
    assert_eq!(look.gauges["memory_bytes"], ps(shell.pid(), "rss") * 1024.0, "of a single process its RSS");
    assert_eq!((look.gauges["threads"], look.gauges["processes"]), (ps(shell.pid(), "nlwp"), 1.0));
    let files = std::fs::read_dir(format!("/proc/{}/fd", shell.pid())).unwrap().count();
    assert_eq!(look.gauges["files"], files as f64);
    let machine = Machine::here().unwrap();
    assert!(look.gauges["cpus"] > 0.0 && look.gauges["cpus"] <= machine.cpus);
    assert!(look.gauges["memory_limit_bytes"] <= machine.memory_bytes);
    for name in look.totals.keys().chain(look.gauges.keys()) {
        assert!(crate::record::figure_name(ProbeKind::Process, name).is_some(), "{name} has no title");
    }
}

#[test]
fn children_that_come_and_go_are_counted_in_full_and_never_twice() {
    let mut shell = Shell::start();
    let mut probe = probe(&shell.pid().to_string());
    probe.see().unwrap();
    // Some live long enough to be seen, most do not.
    let work = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done";
    let line = format!("n=0; while [ $n -lt 12 ]; do ( {work} ) ; ( {work} ) & wait; n=$((n+1)); done; exec sleep 100");
    shell.tell(&line);
    let mut last = 0.0;
    let began = Instant::now();
    while std::fs::read_to_string(format!("/proc/{}/comm", shell.pid())).unwrap().trim() != "sleep" {
        let cpu_s = probe.see().unwrap().totals["cpu_s"];
        assert!(cpu_s >= last, "it only grows: {last} → {cpu_s}");
        last = cpu_s;
        assert!(began.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(7));
    }
    let told = probe.see().unwrap().totals["cpu_s"];
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", shell.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    let ticks: f64 = fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum();
    // The kernel rounds each child's time when it adds it.
    assert!((told - ticks / 100.0).abs() <= 0.1 * ticks / 100.0 + 0.05, "{told} s, by /proc {} s", ticks / 100.0);
}

#[test]
fn descendants_are_watched_together_and_what_they_share_counts_once() {
    let mut shell = Shell::start();
    let mut probe = probe(&format!("family={}", shell.pid()));
    let alone = probe.see().unwrap();
    shell.tell("sleep 100 & sleep 100 & ( sleep 100; true ) & wait");
    let look = look_until(&mut probe, |look| look.gauges["processes"] == 5.0);
    assert_eq!(look.gauges["threads"], 5.0);
    let status = |pid: u32, name: &str| -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() * 1024.0
    };
    let members: Vec<u32> = probe.family.gather(&probe.system.all().unwrap(), &[]).iter().map(|one| one.id.0).collect();
    let look = probe.see().unwrap();
    let rss: f64 = members.iter().map(|&pid| status(pid, "VmRSS")).sum();
    let private: f64 = members.iter().map(|&pid| status(pid, "RssAnon")).sum();
    let largest = |name: &str| members.iter().map(|&pid| status(pid, name)).fold(0.0, f64::max);
    assert_eq!(look.gauges["memory_bytes"], private + largest("RssFile") + largest("RssShmem"));
    assert!(look.gauges["memory_bytes"] < rss && look.gauges["memory_bytes"] > alone.gauges["memory_bytes"]);
    assert_eq!(probe.name().to_string(), "process family");
    // What it started ends with it.
    let children: Vec<String> = members.iter().filter(|pid| **pid != shell.pid()).map(ToString::to_string).collect();
    Command::new("kill").args(&children).status().unwrap();
}

#[test]
fn by_a_name_all_roots_are_found_and_found_again_when_they_come_back() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than what the kernel keeps of a name.
    let name = format!("agenthub-perf-test-program-{}", std::process::id());
    let mut probe = probe(&name);
    let error = probe.see().unwrap_err();
    assert!(error.starts_with(&format!("no process named {name} on this machine")), "{error}");
    let (mut one, mut two) = (Shell::named(folder.path(), &name), Shell::named(folder.path(), &name));
    look_until(&mut probe, |look| look.gauges["processes"] == 2.0);
    assert_eq!(probe.name().facts["found"], format!("2 named {name}, taken together"));
    // A child of the same name belongs to its parent.
    one.tell("( while :; do sleep 0.05; done ) &");
    let look = look_until(&mut probe, |look| look.gauges["processes"] >= 3.0);
    assert!(probe.name().facts["found"].starts_with("2 named"));
    let before = look.totals["cpu_s"];
    two.end();
    let look = look_until(&mut probe, |look| look.gauges["processes"] <= 3.0);
    assert!(look.totals["cpu_s"] >= before && !probe.name().facts.contains_key("found"));
    one.tell("kill $!; wait");
    look_until(&mut probe, |look| look.gauges["processes"] == 1.0);
    one.end();
    let began = Instant::now();
    let gone = loop {
        match probe.see() {
            Err(why) => break why,
            // The child may live a little longer than its parent.
            Ok(_) => assert!(began.elapsed() < Duration::from_secs(20)),
        }
    };
    assert_eq!(gone, format!("{name} has ended; it is looked for again every second"));
    let _three = Shell::named(folder.path(), &name);
    let began = Instant::now();
    let look = loop {
        match probe.see() {
            Ok(look) => break look,
            Err(why) => assert!(began.elapsed() < Duration::from_secs(20), "{why}"),
        }
    };
    assert!(look.totals["cpu_s"] >= before);
    assert_eq!(probe.name().to_string(), format!("process {name}"));
}

fn ended(pid: u32) -> String {
    format!("process {pid} (sh) has ended; what is started in its place is found by a name, as in --process sh")
}

#[test]
fn an_id_that_ended_stays_ended_whoever_has_it_now() {
    let mut shell = Shell::start();
    let pid = shell.pid();
    let mut probe = probe(&pid.to_string());
    probe.see().unwrap();
    shell.end();
    assert_eq!(probe.see().unwrap_err(), ended(pid));
    let other = Listed { id: (pid, u64::MAX), parent: 1, zombie: false, usage: Usage::default() };
    assert_eq!(probe.roots(&[other]).unwrap_err(), format!("process {pid} has ended; another one has its id now"));
    let mut never = self::probe("4194999");
    assert_eq!(never.see().unwrap_err(), "there is no process 4194999 on this machine");
    assert_eq!(never.name().to_string(), "process 4194999");
}

#[test]
fn one_that_ended_and_was_not_waited_for_is_gone() {
    let mut shell = Shell::start();
    let mut probe = probe(&shell.pid().to_string());
    probe.see().unwrap();
    // Still there as a zombie: this test, its parent, has not waited for it.
    shell.0.kill().unwrap();
    let began = Instant::now();
    while probe.see().is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(probe.see().unwrap_err(), ended(shell.pid()));
}

#[test]
fn the_program_that_watches_is_never_found_by_a_name() {
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    if let Ok(look) = probe(own.trim()).see() {
        // Tests of this very program that run beside it.
        let others = probe(own.trim());
        assert!(look.gauges["processes"] >= 1.0);
        assert_ne!(others.family.first_root(), Some((std::process::id(), 0)));
    }
    let mut probe = probe(own.trim());
    let all = probe.system.all().unwrap();
    let roots = probe.roots(&all).unwrap_or_default();
    assert!(roots.iter().all(|root| root.0 != std::process::id()));
    // By its id it is meant.
    let look = self::probe(&std::process::id().to_string()).see().unwrap();
    assert!(look.gauges["threads"] >= 1.0);
}
