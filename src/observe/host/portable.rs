//! The machine as `sysinfo` knows it, on any system.

use std::collections::BTreeMap;
use std::time::Instant;

use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, Networks, RefreshKind, System};

use super::super::bytes;
use super::{Look, NOT_AVAILABLE};

/// What is kept between looks.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// From the first look on.
    sources: Option<Sources>,
    /// There is no counter of CPU time that is the same everywhere: it is summed up from how busy the CPUs were since the
    /// look before.
    cpu_s: f64,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Sources {
    system: System,
    networks: Networks,
    disks: Disks,
}

impl Sources {
    fn open() -> Result<Self, sysinfo::Error> {
        let system = System::new_with_specifics(RefreshKind::nothing())?;
        Ok(Self { system, networks: Networks::new()?, disks: Disks::new()? })
    }
}

impl Machine {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn look(&mut self, facts: &mut BTreeMap<String, String>) -> Result<Look, String> {
        let sources = match &mut self.sources {
            Some(sources) => sources,
            none => {
                none.insert(Sources::open().map_err(|error| format!("this system tells nothing of itself: {error}"))?)
            }
        };
        let Sources { system, networks, disks } = sources;
        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        networks.refresh(true);
        disks.refresh(true);
        let cpus = system.cpus().len() as f64;
        let now = Instant::now();
        if let Some(before) = self.looked.replace(now) {
            let busy = f64::from(system.global_cpu_usage()) / 100.0;
            self.cpu_s += busy * cpus * now.duration_since(before).as_secs_f64();
        }
        if facts.is_empty() {
            facts
                .insert("system".into(), System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()));
            facts.insert("cpus".into(), cpus.to_string());
            facts.insert("memory".into(), bytes(system.total_memory() as f64));
            facts.insert("pressure".into(), NOT_AVAILABLE.into());
        }
        let mut look = Look::default();
        look.total("cpu_s", self.cpu_s);
        look.gauge("cpus", cpus);
        let total = system.total_memory();
        look.gauge("memory_bytes", total.saturating_sub(system.available_memory()) as f64);
        look.gauge("memory_limit_bytes", total as f64);
        look.gauge("swap_bytes", system.used_swap() as f64);
        if let Ok(load) = System::load_average() {
            look.gauge("load1", load.one);
        }
        // Several volumes may lie on one disk, and then each tells the whole disk's figures.
        let mut volumes = BTreeMap::new();
        for disk in disks.iter() {
            let usage = disk.usage();
            volumes.insert(disk.name().to_owned(), (usage.total_read_bytes, usage.total_written_bytes));
        }
        if !volumes.is_empty() {
            look.total("disk_read_bytes", volumes.values().map(|(read, _)| *read as f64).sum());
            look.total("disk_written_bytes", volumes.values().map(|(_, written)| *written as f64).sum());
        }
        let outside = || networks.iter().filter(|(name, _)| *name != "lo" && *name != "lo0");
        if outside().next().is_some() {
            look.total("net_received_bytes", outside().map(|(_, network)| network.total_received() as f64).sum());
            look.total("net_sent_bytes", outside().map(|(_, network)| network.total_transmitted() as f64).sum());
        }
        Ok(look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figures_as_on_linux_in_the_same_units() {
        let (mut machine, mut facts) = (Machine::new(), BTreeMap::new());
        machine.look(&mut facts).unwrap();
        let before = machine.cpu_s;
        let began = Instant::now();
        let mut sum = 0_u64;
        while machine.cpu_s - before < 0.2 && began.elapsed().as_secs() < 20 {
            let slice = Instant::now();
            while slice.elapsed().as_millis() < 250 {
                sum = (0..1_000_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
            }
            machine.look(&mut facts).unwrap();
        }
        let look = machine.look(&mut facts).unwrap();
        let used_s = machine.cpu_s - before;
        assert!(used_s >= 0.2 && used_s <= look.gauges["cpus"] * began.elapsed().as_secs_f64() * 1.1 + 0.1, "{used_s}");
        assert!(look.gauges["memory_bytes"] > 1e6 && look.gauges["memory_bytes"] < look.gauges["memory_limit_bytes"]);
        #[cfg(target_os = "linux")]
        {
            let text = std::fs::read_to_string("/proc/meminfo").unwrap();
            let kib = |name: &str| -> f64 {
                let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().unwrap()
            };
            assert_eq!(look.gauges["memory_limit_bytes"], kib("MemTotal") * 1024.0);
        }
    }
}
