//! A container by the files of its control group, where no engine tells of it.

use std::path::Path;

use super::{Running, Told, Unit};
use crate::observe::{Group, Machine};

/// By its path below `mounted`; `None` where there is none.
pub(super) fn at(mounted: &Path, path: &str) -> Option<Result<Unit, String>> {
    Some(unit(&Group::at(mounted, path)?))
}

/// By its id; `None` where there is none.
pub(super) fn of_container(mounted: &Path, id: &str) -> Option<Result<Unit, String>> {
    Some(unit(&Group::of_container(mounted, id)?))
}

fn unit(group: &Group) -> Result<Unit, String> {
    let machine = Machine::here().ok_or("this system does not tell how many CPUs and how much memory it has")?;
    let (look, limits) = group.look(machine)?;
    let total = |name: &str| look.totals.get(name).map(|count| *count as u64);
    let path = group.shown();
    let end = path.rsplit('/').next().unwrap_or(&path);
    let name = end.strip_suffix(".scope").unwrap_or(end).to_owned();
    let file = |memory| group.limit_file(memory).map(|path| path.display().to_string());
    Ok(Unit {
        name,
        told: Told::Group { memory_file: file(true), cpu_file: file(false) },
        memory_limit: limits.own_memory.then_some(limits.memory_bytes as u64),
        cpu_limit: limits.own_cpus.then_some(limits.cpus),
        running: Some(Running {
            oom_kills: total("oom_kills").unwrap_or(0),
            throttled: total("periods").zip(total("throttled_periods")),
            ..Running::default()
        }),
        ..Unit::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::judge::judge;
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

    fn outcomes(unit: &Unit) -> Vec<(&'static str, &'static str)> {
        let told = judge(unit).into_iter().filter(|found| found.outcome.name() != "not_applicable");
        told.map(|found| (found.rule.id, found.outcome.name())).collect()
    }

    #[test]
    fn version_2_tells_limits_throttling_and_kills() {
        let id = "3f2a9c".repeat(11)[..64].to_owned();
        let at_path = format!("system.slice/docker-{id}.scope");
        let whole = |name: &str| format!("{at_path}/{name}");
        let tree = tree(&[
            (&whole("cgroup.procs"), "1\n"),
            (&whole("cpu.stat"), "usage_usec 2500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 750000\n"),
            (&whole("cpu.max"), "50000 100000\n"),
            (&whole("memory.current"), "300000000\n"),
            (&whole("memory.max"), "536870912\n"),
            (&whole("memory.events"), "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n"),
        ]);
        let by_path = at(tree.path(), &at_path).unwrap().unwrap();
        assert_eq!(by_path, of_container(tree.path(), &id[..12]).unwrap().unwrap());
        assert_eq!((by_path.memory_limit, by_path.cpu_limit), (Some(512 << 20), Some(0.5)));
        assert_eq!(
            outcomes(&by_path),
            [
                ("containers.memory_limit", "pass"),
                ("containers.cpu_limit", "pass"),
                ("containers.out_of_memory", "fail"),
                ("containers.throttling", "fail"),
            ]
        );
        assert!(at(tree.path(), "system.slice/none.scope").is_none());
    }

    #[test]
    fn version_1_without_limits_is_told_with_the_files_to_write_them_to() {
        let tree = tree(&[
            ("cpu,cpuacct/docker/3f2a/cgroup.procs", ""),
            ("cpu,cpuacct/docker/3f2a/cpuacct.usage", "1500000000\n"),
            ("cpu,cpuacct/docker/3f2a/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"),
            ("cpu,cpuacct/docker/3f2a/cpu.cfs_quota_us", "-1\n"),
            ("cpu,cpuacct/docker/3f2a/cpu.cfs_period_us", "100000\n"),
            ("memory/docker/3f2a/cgroup.procs", ""),
            ("memory/docker/3f2a/memory.usage_in_bytes", "5000\n"),
            ("memory/docker/3f2a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/3f2a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"),
        ]);
        let unit = at(tree.path(), "docker/3f2a").unwrap().unwrap();
        let found = judge(&unit);
        assert_eq!((found[0].outcome.name(), found[1].outcome.name()), ("fail", "fail"));
        let file = tree.path().join("memory/docker/3f2a/memory.limit_in_bytes");
        assert_eq!(found[0].fix.as_ref().unwrap().text, format!("echo 2147483648 > '{}'", file.display()));
        let ends = "echo 200000 > ";
        assert!(found[1].fix.as_ref().unwrap().text.starts_with(ends), "{:?}", found[1].fix);
    }
}
