//! How much CPU time a container leaves this process: the kernel's control groups, version 2 (`cpu.max`) and 1
//! (`cpu.cfs_quota_us`), Documentation/admin-guide/cgroup-v2.rst and Documentation/scheduler/sched-bwc.rst.
//!
//! A process is in a group, that in a larger one: the tightest of all holds.

use std::path::{Path, PathBuf};

/// CPUs' worth of time, where a group limits it to less than the CPUs that this process may run on.
pub fn cpu_quota() -> Option<f64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let quota = tightest(Path::new("/sys/fs/cgroup"), &groups)?;
    (quota < f64::from(usable_cpus())).then_some(quota)
}

#[cfg(target_os = "linux")]
fn usable_cpus() -> u32 {
    rustix::thread::sched_getaffinity(None).map_or(u32::MAX, |cpus| cpus.count())
}

#[cfg(not(target_os = "linux"))]
fn usable_cpus() -> u32 {
    u32::MAX
}

/// `groups` is the content of `/proc/self/cgroup`: `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1.
fn tightest(mounted: &Path, groups: &str) -> Option<f64> {
    let quotas = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let relative = Path::new(path.trim_start_matches('/'));
        if controllers.is_empty() {
            return up_the_tree(mounted, relative, v2);
        }
        // Version 1 has a tree for each set of controllers, mounted under the set's name, or one of its names.
        let names = controllers.split(',').filter(|name| *name == "cpu").map(|_| controllers).chain(["cpu"]);
        let has_cpu = controllers.split(',').any(|name| name == "cpu");
        has_cpu.then(|| names.filter_map(|name| up_the_tree(&mounted.join(name), relative, v1)).reduce(f64::min))?
    });
    quotas.reduce(f64::min)
}

/// The tightest quota of a group and of those that it is in. In a container its own group is often mounted as the root: what
/// is not found there is looked for further up.
fn up_the_tree(root: &Path, group: &Path, quota: fn(&Path) -> Option<f64>) -> Option<f64> {
    group.ancestors().filter_map(|group| quota(&root.join(group))).reduce(f64::min)
}

/// `cpu.max`: "max 100000", or how many µs of each period.
fn v2(group: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(group.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    share(quota, period)
}

/// −1 is no limit.
fn v1(group: &Path) -> Option<f64> {
    let read = |name: &str| -> Option<String> {
        let path: PathBuf = group.join(name);
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
    };
    share(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?)
}

fn share(quota: &str, period: &str) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn version_2_is_read_up_the_tree() {
        let tree = tree(&[("a/b/cpu.max", "max 100000\n"), ("a/cpu.max", "150000 100000\n")]);
        assert_eq!(tightest(tree.path(), "0::/a/b\n"), Some(1.5));
        assert_eq!(tightest(tree.path(), "0::/c\n"), None);
    }

    #[test]
    fn a_container_s_own_group_is_its_root() {
        let tree = tree(&[("cpu.max", "50000 100000\n")]);
        assert_eq!(tightest(tree.path(), "0::/\n"), Some(0.5));
        // Seen from outside its name space it has a longer path, which is not mounted.
        assert_eq!(tightest(tree.path(), "0::/docker/3f2a\n"), Some(0.5));
    }

    #[test]
    fn version_1_is_read_under_the_controllers_name() {
        let limit = |folder: &str| {
            let (quota, period) = (format!("{folder}/x/cpu.cfs_quota_us"), format!("{folder}/x/cpu.cfs_period_us"));
            tree(&[(quota.as_str(), "25000\n"), (period.as_str(), "50000\n")])
        };
        let groups = "5:memory:/x\n4:cpu,cpuacct:/x\n1:name=systemd:/x\n";
        assert_eq!(tightest(limit("cpu,cpuacct").path(), groups), Some(0.5));
        assert_eq!(tightest(limit("cpu").path(), groups), Some(0.5));
        assert_eq!(tightest(limit("memory").path(), groups), None);
        let none = tree(&[("cpu/x/cpu.cfs_quota_us", "-1\n"), ("cpu/x/cpu.cfs_period_us", "100000\n")]);
        assert_eq!(tightest(none.path(), groups), None);
    }
}
