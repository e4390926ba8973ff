//! A control group of Linux, by its files: version 2 (Documentation/admin-guide/cgroup-v2.rst) and 1
//! (Documentation/admin-guide/cgroup-v1/, scheduler/sched-bwc.rst).
//!
//! A group is in a larger one, and that in another: of their limits the tightest holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Look;

/// Where groups are mounted.
pub(crate) const MOUNTED: &str = "/sys/fs/cgroup";

/// Controllers of version 1 whose files are read here, each with the names that its mount may have.
const CONTROLLERS: &[(&str, &[&str])] = &[
    ("cpu", &["cpu", "cpu,cpuacct", "cpuacct,cpu"]),
    ("cpuacct", &["cpuacct", "cpu,cpuacct", "cpuacct,cpu"]),
    ("cpuset", &["cpuset"]),
    ("memory", &["memory"]),
    ("blkio", &["blkio"]),
    ("pids", &["pids"]),
];

/// A group: its folder in the one tree of version 2, or in each of version 1's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    v2: Option<Folder>,
    v1: BTreeMap<&'static str, Folder>,
}

/// A folder within the tree of a mount.
#[derive(Debug, Clone, PartialEq)]
struct Folder {
    root: PathBuf,
    path: PathBuf,
}

/// What the machine has, where no group has less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Machine {
    pub(crate) cpus: f64,
    pub(crate) memory_bytes: f64,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Option<Self> {
        let kind = sysinfo::RefreshKind::nothing()
            .with_cpu(sysinfo::CpuRefreshKind::nothing())
            .with_memory(sysinfo::MemoryRefreshKind::nothing().with_ram());
        let system = sysinfo::System::new_with_specifics(kind).ok()?;
        Some(Self { cpus: system.cpus().len() as f64, memory_bytes: system.total_memory() as f64 })
            .filter(|machine| machine.cpus > 0.0 && machine.memory_bytes > 0.0)
    }
}

/// How much a group, or several together, may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    pub(crate) cpus: f64,
    pub(crate) memory_bytes: f64,
    /// Whether some group limits it, or it is the machine's.
    pub(crate) own_cpus: bool,
    pub(crate) own_memory: bool,
}

/// What processes may use together, each given with its group (`None` where it is in none) and what it may use by itself: those
/// of one group share what it has, others have theirs beside it, and the group around all of them holds for all.
pub(super) fn together(each: impl Iterator<Item = (Option<Group>, Limits)>, machine: Machine) -> Option<Limits> {
    let mut groups: Vec<(Option<Group>, Limits)> = Vec::new();
    for (group, limits) in each {
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, known)) if limits.cpus > known.cpus => *known = limits,
            Some(_) => {}
            None => groups.push((group, limits)),
        }
    }
    if groups.len() < 2 {
        return groups.pop().map(|(_, limits)| limits);
    }
    let around = groups.iter().map(|(group, _)| group.clone());
    let around = around.reduce(|one, other| Some(one?.around_both(&other?))).flatten();
    let most = around.map_or((machine.cpus, machine.memory_bytes), |group| {
        let limits = group.limits(machine);
        (limits.cpus, limits.memory_bytes)
    });
    let sum = |of: fn(&Limits) -> f64| groups.iter().map(|(_, limits)| of(limits)).sum::<f64>();
    let (cpus, memory_bytes) = (sum(|of| of.cpus).min(most.0), sum(|of| of.memory_bytes).min(most.1));
    Some(Limits { cpus, memory_bytes, own_cpus: cpus < machine.cpus, own_memory: memory_bytes < machine.memory_bytes })
}

/// CPUs' worth of time that a group leaves this process, where that is less than the CPUs that it may run on.
pub fn cpu_quota() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let quota = Group::around_process(Path::new(MOUNTED), &text)?.quota()?;
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

impl Group {
    /// The group at a path below `mounted`, whole or from there on: `/sys/fs/cgroup/docker/3f2a`, `docker/3f2a`,
    /// `/sys/fs/cgroup/memory/docker/3f2a`. `None` where there is none.
    pub(crate) fn at(mounted: &Path, path: &str) -> Option<Self> {
        let path = Path::new(path.trim_end_matches('/'));
        let path = path.strip_prefix(mounted).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
        let inside = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
        if path.as_os_str().is_empty() || !path.components().all(inside) {
            return None;
        }
        // With the folder of a controller in front, as one finds it by looking around.
        let first = path.components().next().and_then(|first| first.as_os_str().to_str()).unwrap_or_default();
        let is_mount = first == "unified" || CONTROLLERS.iter().any(|(_, names)| names.contains(&first));
        let below = path.strip_prefix(first).ok().filter(|below| is_mount && !below.as_os_str().is_empty());
        [below, Some(path)].into_iter().flatten().find_map(|path| Self::existing(mounted, |_| Some(path.to_owned())))
    }

    /// The group of a container by its id, or the first twelve or more digits of it: where Docker and Podman put them, with
    /// systemd and without.
    pub(crate) fn of_container(mounted: &Path, id: &str) -> Option<Self> {
        if id.len() < 12 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let is_it = |name: &str| {
            let name = name.strip_suffix(".scope").unwrap_or(name);
            let prefixes = ["docker-", "libpod-", "crio-"].iter();
            prefixes.filter_map(|prefix| name.strip_prefix(prefix)).chain([name]).any(|rest| rest.starts_with(id))
        };
        let trees = ["", "cpuacct", "cpu,cpuacct", "memory"].map(|tree| mounted.join(tree));
        let places = ["docker", "system.slice", "machine.slice", "libpod_parent"];
        let groups = trees.iter().flat_map(|tree| places.map(|place| (tree.join(place), place)));
        let names = groups.filter_map(|(folder, place)| Some((fs::read_dir(folder).ok()?, place)));
        let mut paths = names.flat_map(|(entries, place)| {
            entries.flatten().filter_map(move |entry| Some(format!("{place}/{}", entry.file_name().to_str()?)))
        });
        paths.find(|path| path.rsplit('/').next().is_some_and(is_it)).and_then(|path| Self::at(mounted, &path))
    }

    /// The groups that a process is in, by what `/proc/<pid>/cgroup` says.
    pub(super) fn of_process(mounted: &Path, text: &str) -> Option<Self> {
        let paths = paths_of_process(text)?;
        Self::existing(mounted, |controller| paths.get(controller).cloned())
    }

    /// The same, or the nearest that are seen from here: in a container its own group is often mounted as the root, while the
    /// process tells the longer path that it has outside.
    pub(super) fn around_process(mounted: &Path, text: &str) -> Option<Self> {
        let paths = paths_of_process(text)?;
        let seen = |controller: &str, root: &Path| {
            let mut nearest = paths.get(controller)?.ancestors();
            nearest.find(|path| is_group(&root.join(path))).map(Path::to_owned)
        };
        Self::found(mounted, seen)
    }

    /// The group that both are in.
    pub(super) fn around_both(&self, other: &Self) -> Self {
        let around = |one: &Folder, other: &Folder| {
            let shared = one.path.components().zip(other.path.components()).take_while(|(one, other)| one == other);
            Folder { root: one.root.clone(), path: shared.map(|(part, _)| part).collect() }
        };
        let v1 = self.v1.iter().filter_map(|(name, one)| Some((*name, around(one, other.v1.get(name)?))));
        let v2 = self.v2.as_ref().zip(other.v2.as_ref()).map(|(one, other)| around(one, other));
        Self { v1: v1.collect(), v2 }
    }

    /// `path` is that of a controller's tree, by its name; of version 2 by none.
    fn existing(mounted: &Path, path: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        Self::found(mounted, |controller, root| path(controller).filter(|path| is_group(&root.join(path))))
    }

    /// `path` is where a group is in the tree of a controller, which has this root.
    fn found(mounted: &Path, path: impl Fn(&str, &Path) -> Option<PathBuf>) -> Option<Self> {
        let found = |root: PathBuf, controller: &str| path(controller, &root).map(|path| Folder { root, path });
        let mut v1 = BTreeMap::new();
        for &(controller, names) in CONTROLLERS {
            let found = names.iter().find_map(|name| found(mounted.join(name), controller));
            v1.extend(found.map(|folder| (controller, folder)));
        }
        // Beside version 1 its tree has no figures, and the name of a version 1 folder is that of a group in it.
        let v2 = if v1.is_empty() { found(mounted.to_owned(), "") } else { None };
        (v2.is_some() || !v1.is_empty()).then_some(Self { v2, v1 })
    }

    /// Tells what the group has used, and what it may use. The error says what cannot be read.
    pub(crate) fn look(&self, machine: Machine) -> Result<(Look, Limits), String> {
        let mut look = Look::default();
        let limits = self.limits(machine);
        let gone = || format!("the group {} is gone: it has ended", self.shown());
        look.total("cpu_s", self.cpu_s().ok_or_else(gone)?);
        look.gauge("cpus", limits.cpus);
        if let Some(memory) = self.memory_bytes() {
            look.gauge("memory_bytes", memory);
            look.gauge("memory_limit_bytes", limits.memory_bytes);
        }
        self.throttled(&mut look);
        if let Some(kills) = self.oom_kills() {
            look.total("oom_kills", kills);
        }
        if let Some(processes) = self.number("pids", "pids.current") {
            look.gauge("processes", processes);
        }
        if let Some((read, written)) = self.disk_bytes() {
            look.total("disk_read_bytes", read);
            look.total("disk_written_bytes", written);
        }
        Ok((look, limits))
    }

    /// The tightest of its limits and of those of the groups that it is in.
    pub(crate) fn limits(&self, machine: Machine) -> Limits {
        let quota = self.quota();
        let set = ["cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"];
        let set = self.up("cpuset", |folder| set.iter().find_map(|name| cpus_of_list(&read(folder, name)?)));
        let cpus = [quota, set].into_iter().flatten().fold(machine.cpus, f64::min);
        let limit = if self.v2.is_some() { "memory.max" } else { "memory.limit_in_bytes" };
        let memory = self.up("memory", |folder| read(folder, limit)?.parse().ok());
        let memory = memory.unwrap_or(f64::INFINITY).min(machine.memory_bytes);
        Limits { cpus, memory_bytes: memory, own_cpus: cpus < machine.cpus, own_memory: memory < machine.memory_bytes }
    }

    /// CPUs' worth of time that the tightest quota leaves it.
    fn quota(&self) -> Option<f64> {
        self.up("cpu", |folder| match self.v2 {
            Some(_) => share(read(folder, "cpu.max")?.split_once(' ')?),
            None => share((&*read(folder, "cpu.cfs_quota_us")?, &*read(folder, "cpu.cfs_period_us")?)),
        })
    }

    /// The file that holds a limit of its own: of memory, else of CPU.
    pub(crate) fn limit_file(&self, memory: bool) -> Option<PathBuf> {
        let (controller, v1, v2) = if memory {
            ("memory", "memory.limit_in_bytes", "memory.max")
        } else {
            ("cpu", "cpu.cfs_quota_us", "cpu.max")
        };
        Some(self.folder(controller)?.whole().join(if self.v2.is_some() { v2 } else { v1 }))
    }

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> String {
        let folder = self.v2.as_ref().or_else(|| self.v1.values().next());
        folder.map_or_else(String::new, |folder| folder.path.display().to_string())
    }

    fn cpu_s(&self) -> Option<f64> {
        if self.v2.is_some() {
            return Some(field(&self.text("", "cpu.stat")?, "usage_usec")? / 1e6);
        }
        Some(self.number("cpuacct", "cpuacct.usage")? / 1e9)
    }

    /// As the Docker CLI has it: without files that could be given up at once.
    fn memory_bytes(&self) -> Option<f64> {
        let (usage, inactive) = match self.v2 {
            Some(_) => ("memory.current", "inactive_file"),
            None => ("memory.usage_in_bytes", "total_inactive_file"),
        };
        let used = self.number("memory", usage)?;
        let inactive = self.text("memory", "memory.stat").and_then(|stat| field(&stat, inactive)).unwrap_or(0.0);
        Some(if inactive < used { used - inactive } else { used })
    }

    fn throttled(&self, look: &mut Look) {
        let Some(stat) = self.text("cpu", "cpu.stat") else { return };
        let time = match self.v2 {
            Some(_) => field(&stat, "throttled_usec").map(|us| us / 1e6),
            None => field(&stat, "throttled_time").map(|ns| ns / 1e9),
        };
        let figures = [
            ("periods", field(&stat, "nr_periods")),
            ("throttled_periods", field(&stat, "nr_throttled")),
            ("throttled_s", time),
        ];
        for (name, value) in figures {
            if let Some(value) = value {
                look.total(name, value);
            }
        }
    }

    /// Processes of it that were killed for want of memory.
    pub(super) fn oom_kills(&self) -> Option<f64> {
        let file = if self.v2.is_some() { "memory.events" } else { "memory.oom_control" };
        field(&self.text("memory", file)?, "oom_kill")
    }

    /// Read and written, of all devices.
    fn disk_bytes(&self) -> Option<(f64, f64)> {
        if self.v2.is_some() {
            let text = self.text("", "io.stat")?;
            let sum = |key: &str| -> f64 {
                let fields = text.split_ascii_whitespace().filter_map(|field| field.strip_prefix(key));
                fields.filter_map(|value| value.parse::<u64>().ok()).map(|bytes| bytes as f64).sum()
            };
            return Some((sum("rbytes="), sum("wbytes=")));
        }
        let files = ["blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"];
        let text = files.iter().find_map(|file| self.text("blkio", file))?;
        let sum = |operation: &str| -> f64 {
            let lines = text.lines().filter_map(|line| line.split_once(' ')?.1.strip_prefix(operation));
            lines.filter_map(|value| value.trim().parse::<u64>().ok()).map(|bytes| bytes as f64).sum()
        };
        Some((sum("Read "), sum("Write ")))
    }

    fn folder(&self, controller: &str) -> Option<&Folder> {
        self.v2.as_ref().or_else(|| self.v1.get(controller))
    }

    fn text(&self, controller: &str, file: &str) -> Option<String> {
        read(&self.folder(controller)?.whole(), file)
    }

    fn number(&self, controller: &str, file: &str) -> Option<f64> {
        Some(self.text(controller, file)?.parse::<u64>().ok()? as f64)
    }

    /// The lowest of a limit on the way up; "max" and the like are none.
    fn up(&self, controller: &str, limit: impl Fn(&Path) -> Option<f64>) -> Option<f64> {
        let folder = self.folder(controller)?;
        folder.path.ancestors().filter_map(|path| limit(&folder.root.join(path))).reduce(f64::min)
    }
}

impl Folder {
    fn whole(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}

/// By the controller the path of the group that a process is in; that of version 2 has no name.
fn paths_of_process(text: &str) -> Option<BTreeMap<String, PathBuf>> {
    let mut paths = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        for controller in controllers.split(',') {
            paths.insert(controller.to_owned(), PathBuf::from(path.trim_start_matches('/')));
        }
    }
    Some(paths)
}

fn is_group(folder: &Path) -> bool {
    folder.join("cgroup.procs").exists()
}

fn read(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned())
}

/// Quota and period; "max" and −1 are no limit.
fn share((quota, period): (&str, &str)) -> Option<f64> {
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

/// How many `0-3,8` are.
pub(super) fn cpus_of_list(text: &str) -> Option<f64> {
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some(f64::from(last.checked_sub(first)?) + 1.0)
    };
    text.split(',').map(range).sum()
}

/// The value behind a key in a file of lines of `key value`.
fn field(text: &str, key: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    Some(value.trim().parse::<u64>().ok()? as f64)
}

#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
