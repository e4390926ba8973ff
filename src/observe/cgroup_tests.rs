//! Folders of files as the kernel writes them, and where it lets us the kernel's own.

use super::*;

const MACHINE: Machine = Machine { cpus: 8.0, memory_bytes: 16e9 };

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn figures(look: &Look) -> Vec<(&str, f64)> {
    look.totals.iter().chain(&look.gauges).map(|(name, value)| (&**name, *value)).collect()
}

#[test]
fn version_2_is_read_with_the_tightest_limit_up_the_tree() {
    let tree = tree(&[
        ("docker/3f2a/cgroup.procs", "1\n"),
        (
            "docker/3f2a/cpu.stat",
            "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 750000\nnr_bursts 0\n",
        ),
        ("docker/3f2a/cpu.max", "200000 100000\n"),
        ("docker/cpu.max", "max 100000\n"),
        ("docker/3f2a/cpuset.cpus.effective", "0-3\n"),
        ("docker/3f2a/memory.current", "300000000\n"),
        ("docker/3f2a/memory.stat", "anon 1\nfile 2\ninactive_anon 7\ninactive_file 100000000\nactive_file 5\n"),
        ("docker/3f2a/memory.max", "max\n"),
        ("docker/memory.max", "500000000\n"),
        ("docker/3f2a/memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n"),
        ("docker/3f2a/pids.current", "12\n"),
        (
            "docker/3f2a/io.stat",
            "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:16 rbytes=1000 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
        ),
    ]);
    let whole = tree.path().join("docker/3f2a").display().to_string();
    for path in ["docker/3f2a", "/docker/3f2a/", whole.as_str()] {
        let (look, limits) = Group::at(tree.path(), path).unwrap().look(MACHINE).unwrap();
        assert_eq!(
            figures(&look),
            [
                ("cpu_s", 2.5),
                ("disk_read_bytes", 5096.0),
                ("disk_written_bytes", 8192.0),
                ("oom_kills", 1.0),
                ("periods", 40.0),
                ("throttled_periods", 10.0),
                ("throttled_s", 0.75),
                ("cpus", 2.0),
                ("memory_bytes", 2e8),
                ("memory_limit_bytes", 5e8),
                ("processes", 12.0),
            ]
        );
        assert!(limits.own_cpus && limits.own_memory);
    }
    for name in Group::at(tree.path(), "docker/3f2a").unwrap().look(MACHINE).unwrap().0.totals.keys() {
        assert!(crate::record::figure_name(crate::record::ProbeKind::Container, name).is_some(), "{name}");
    }
}

#[test]
fn version_1_is_read_from_the_tree_of_each_controller() {
    let tree = tree(&[
        ("cpu,cpuacct/docker/3f2a/cgroup.procs", ""),
        ("cpu,cpuacct/docker/3f2a/cpuacct.usage", "1500000000\n"),
        ("cpu,cpuacct/docker/3f2a/cpu.stat", "nr_periods 4\nnr_throttled 1\nthrottled_time 250000000\n"),
        ("cpu,cpuacct/docker/3f2a/cpu.cfs_quota_us", "50000\n"),
        ("cpu,cpuacct/docker/3f2a/cpu.cfs_period_us", "100000\n"),
        ("memory/docker/3f2a/cgroup.procs", ""),
        ("memory/docker/3f2a/memory.usage_in_bytes", "5000\n"),
        ("memory/docker/3f2a/memory.stat", "inactive_file 1\ntotal_inactive_file 2000\n"),
        ("memory/docker/3f2a/memory.limit_in_bytes", "9223372036854771712\n"),
        ("memory/docker/3f2a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        ("blkio/docker/3f2a/cgroup.procs", ""),
        (
            "blkio/docker/3f2a/blkio.throttle.io_service_bytes",
            "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 0\n8:0 Async 4608\n8:0 Discard 0\n8:0 Total 4608\n9:0 Read 4\nTotal 4612\n",
        ),
    ]);
    let whole = tree.path().join("memory/docker/3f2a").display().to_string();
    for path in ["docker/3f2a", "memory/docker/3f2a", whole.as_str()] {
        let (look, limits) = Group::at(tree.path(), path).unwrap().look(MACHINE).unwrap();
        assert_eq!(
            figures(&look),
            [
                ("cpu_s", 1.5),
                ("disk_read_bytes", 4100.0),
                ("disk_written_bytes", 512.0),
                ("oom_kills", 2.0),
                ("periods", 4.0),
                ("throttled_periods", 1.0),
                ("throttled_s", 0.25),
                ("cpus", 0.5),
                ("memory_bytes", 3000.0),
                ("memory_limit_bytes", 16e9),
            ]
        );
        assert_eq!((limits.own_cpus, limits.own_memory), (true, false));
    }
    let text = "9:memory:/docker/3f2a\n3:cpu,cpuacct:/docker/3f2a\n0::/\n";
    assert_eq!(Group::of_process(tree.path(), text).unwrap().limits(MACHINE).cpus, 0.5);
}

fn quota(tree: &tempfile::TempDir, process: &str) -> Option<f64> {
    Group::around_process(tree.path(), process)?.quota()
}

#[test]
fn a_quota_of_version_2_is_read_up_the_tree() {
    let tree = tree(&[
        ("cgroup.procs", ""),
        ("a/b/cgroup.procs", ""),
        ("a/b/cpu.max", "max 100000\n"),
        ("a/cpu.max", "150000 100000\n"),
    ]);
    assert_eq!(quota(&tree, "0::/a/b\n"), Some(1.5));
    assert_eq!(quota(&tree, "0::/c\n"), None);
}

#[test]
fn in_a_container_its_own_group_is_the_root() {
    let tree = tree(&[("cgroup.procs", ""), ("cpu.max", "50000 100000\n")]);
    assert_eq!(quota(&tree, "0::/\n"), Some(0.5));
    // Seen from outside its name space it has a longer path, which is not mounted.
    assert_eq!(quota(&tree, "0::/docker/3f2a\n"), Some(0.5));
    assert_eq!(Group::of_process(tree.path(), "0::/docker/3f2a\n"), None);
}

#[test]
fn a_quota_of_version_1_is_read_under_the_controllers_name() {
    let limit = |folder: &str, quota: &str| {
        let [procs, of, period] =
            ["cgroup.procs", "cpu.cfs_quota_us", "cpu.cfs_period_us"].map(|file| format!("{folder}/x/{file}"));
        tree(&[(procs.as_str(), ""), (of.as_str(), quota), (period.as_str(), "50000\n")])
    };
    let groups = "5:memory:/x\n4:cpu,cpuacct:/x\n1:name=systemd:/x\n";
    assert_eq!(quota(&limit("cpu,cpuacct", "25000\n"), groups), Some(0.5));
    assert_eq!(quota(&limit("cpu", "25000\n"), groups), Some(0.5));
    assert_eq!(quota(&limit("memory", "25000\n"), groups), None);
    assert_eq!(quota(&limit("cpu", "-1\n"), groups), None);
}

#[test]
fn of_groups_side_by_side_each_has_its_own_limit_and_the_one_around_them_holds_for_all() {
    let tree = tree(&[
        ("cgroup.procs", ""),
        ("pods/cpu.max", "150000 100000\n"),
        ("pods/memory.max", "1000000000\n"),
        ("pods/a/cgroup.procs", ""),
        ("pods/a/cpu.max", "50000 100000\n"),
        ("pods/b/cgroup.procs", ""),
        ("pods/b/cpu.max", "50000 100000\n"),
        ("pods/b/memory.max", "300000000\n"),
        ("pods/c/cgroup.procs", ""),
    ]);
    let of = |name: &str| {
        let group = Group::around_process(tree.path(), &format!("0::/pods/{name}\n"));
        let limits = group.as_ref().unwrap().limits(MACHINE);
        (group, limits)
    };
    let limits = |names: &[&str]| {
        let limits = together(names.iter().map(|name| of(name)), MACHINE).unwrap();
        (limits.cpus, limits.memory_bytes)
    };
    assert_eq!(limits(&["a"]), (0.5, 1e9));
    assert_eq!(limits(&["a", "a"]), (0.5, 1e9));
    assert_eq!(limits(&["b", "a", "b"]), (1.0, 1e9));
    assert_eq!(limits(&["b"]), (0.5, 3e8));
    assert_eq!(limits(&["a", "b", "c"]), (1.5, 1e9));
    let free = (None, Limits { cpus: 8.0, memory_bytes: 16e9, own_cpus: false, own_memory: false });
    let with_free = together([of("a"), free].into_iter(), MACHINE).unwrap();
    assert_eq!((with_free.cpus, with_free.own_cpus), (8.0, false));
    assert_eq!(together(std::iter::empty(), MACHINE), None);
}

#[test]
fn what_is_not_there_or_leads_elsewhere_is_none() {
    let tree = tree(&[("a/cgroup.procs", ""), ("cgroup.procs", "")]);
    for path in ["", "/", "b", "../a", "a/../a", "/sys/fs/cgroup", "cpu"] {
        assert_eq!(Group::at(tree.path(), path), None, "{path}");
    }
    let error = Group::at(tree.path(), "a").unwrap().look(MACHINE).unwrap_err();
    assert_eq!(error, "the group a is gone: it has ended");
}

#[test]
fn lists_of_cpus_are_counted() {
    for (text, cpus) in [("0-3,8", Some(5.0)), ("7", Some(1.0)), ("", None), ("3-1", None), ("0-x", None)] {
        assert_eq!(cpus_of_list(text), cpus, "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_in_a_group_with_a_quota_is_seen_to_be_throttled() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// Removes the folders of the group.
    struct Made(Vec<PathBuf>);
    impl Drop for Made {
        fn drop(&mut self) {
            for folder in &self.0 {
                let _ = fs::remove_dir(folder);
            }
        }
    }

    let name = format!("agenthub-perf-test-{}", std::process::id());
    let mounted = Path::new(MOUNTED);
    let mut made = Made(Vec::new());
    for controller in ["cpu", "cpuacct", "memory", "pids"] {
        let folder = mounted.join(controller).join(&name);
        if fs::create_dir(&folder).is_ok() {
            made.0.push(folder);
        }
    }
    let quota = mounted.join("cpu").join(&name).join("cpu.cfs_quota_us");
    if made.0.len() < 4 || fs::write(quota, "20000").is_err() {
        println!("not shown: this machine has no version 1 groups that one may make");
        return;
    }
    // Two fifths of a CPU wanted twice over, and a fifth of one given.
    let mut child =
        Command::new("sh").args(["-c", "read go; while :; do :; done"]).stdin(Stdio::piped()).spawn().unwrap();
    for folder in &made.0 {
        fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
    }
    let group = Group::at(mounted, &name).unwrap();
    let machine = Machine::here().unwrap();
    let (before, limits) = group.look(machine).unwrap();
    let began = Instant::now();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"go\n").unwrap();
    let counted = |after: &Look, name: &str| after.totals[name] - before.totals[name];
    let mut after = before.clone();
    while (counted(&after, "throttled_periods") < 3.0 || counted(&after, "cpu_s") < 0.1)
        && began.elapsed().as_secs() < 30
    {
        std::thread::sleep(Duration::from_millis(100));
        after = group.look(machine).unwrap().0;
    }
    let took_s = began.elapsed().as_secs_f64();
    let of_process = fs::read_to_string(format!("/proc/{}/cgroup", child.id())).unwrap();
    let same = Group::of_process(mounted, &of_process).map(|group| group.limits(machine).cpus);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!((limits.cpus, limits.own_cpus) == (0.2, true) && same == Some(0.2), "{limits:?} {same:?}");
    assert_eq!(limits.memory_bytes, machine.memory_bytes);
    assert_eq!(after.gauges["processes"], 1.0);
    // What it had before it was moved here counts where it was.
    assert!(after.gauges["memory_bytes"] < machine.memory_bytes);
    let (used_s, throttled) = (counted(&after, "cpu_s"), counted(&after, "throttled_periods"));
    assert!(throttled >= 3.0 && counted(&after, "throttled_s") > 0.0, "{after:?}");
    // Each period of 100 ms allows 20 ms, and a slice of some ms more on each CPU.
    assert!(used_s >= 0.1 && used_s <= 0.2 * took_s + 0.1, "{used_s} s of CPU in {took_s} s");
    for _ in 0..100 {
        if made.0.iter().all(|folder| fs::read_to_string(folder.join("cgroup.procs")).is_ok_and(|text| text.is_empty()))
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(made);
    assert!(group.look(machine).unwrap_err().contains("is gone"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,120}", like in "((usage_usec|nr_periods|oom_kill|max|8:0 Read|rbytes=)[ 0-9:=-]{0,24}\n?){0,5}") {
        for text in [&text, &like] {
            let (cpu, memory) = (format!("g/{}", "cpu.stat"), "g/memory.current");
            let names = [&*cpu, memory, "g/cpu.max", "g/memory.max", "g/io.stat", "g/cgroup.procs", "g/cpuset.cpus.effective"];
            let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, text.as_str())).collect();
            let tree = tree(&files);
            if let Some(group) = Group::at(tree.path(), "g") {
                let _ = group.look(MACHINE);
            }
            let _ = Group::of_process(tree.path(), text);
            let _ = Group::at(tree.path(), text.replace('\0', "").as_str());
        }
    }
}
