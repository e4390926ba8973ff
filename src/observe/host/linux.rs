//! The machine as Linux' `/proc` has it: proc(5), Documentation/admin-guide/iostats.rst, Documentation/accounting/psi.rst.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use procfs::net::InterfaceDeviceStatus;
use procfs::{DiskStats, FromRead as _, FromReadSI as _, KernelStats, LoadAverage, Meminfo, current_system_info};

use super::super::bytes;
use super::{Look, NOT_AVAILABLE};

/// In which `/proc/diskstats` counts, whatever the disk's own are.
const SECTOR_BYTES: f64 = 512.0;

/// Where to read.
#[derive(Debug)]
pub(super) struct Machine {
    proc: PathBuf,
    sys: PathBuf,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into() }
    }

    pub(super) fn look(&self, facts: &mut BTreeMap<String, String>) -> Result<Look, String> {
        let mut look = Look::default();
        let cpus = self.cpu(&mut look)?;
        let memory = self.memory(&mut look)?;
        if let Ok(load) = LoadAverage::from_file(self.proc.join("loadavg")) {
            look.gauge("load1", f64::from(load.one));
        }
        let disks = self.disks(&mut look);
        let networks = self.networks(&mut look);
        let pressure = self.pressure(&mut look);
        facts.insert("system".into(), system(&self.proc));
        facts.insert("cpus".into(), cpus.to_string());
        facts.insert("memory".into(), bytes(memory));
        let list = |names: Vec<String>| if names.is_empty() { NOT_AVAILABLE.into() } else { names.join(", ") };
        facts.insert("disks".into(), list(disks));
        facts.insert("network".into(), list(networks));
        if !pressure {
            facts.insert("pressure".into(), NOT_AVAILABLE.into());
        }
        Ok(look)
    }

    /// All but idle and waiting for a disk. Time of guests is within user time already; stolen time nobody here had.
    fn cpu(&self, look: &mut Look) -> Result<usize, String> {
        let path = self.proc.join("stat");
        let stat = KernelStats::from_file(&path, current_system_info()).map_err(|error| cannot(&path, &error))?;
        let ticks = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        let total = &stat.total;
        let at_work = [total.user, total.nice, total.system, total.irq.unwrap_or(0), total.softirq.unwrap_or(0)];
        look.total("cpu_s", ticks(at_work.iter().sum()));
        if let Some(steal) = total.steal {
            look.total("steal_s", ticks(steal));
        }
        look.gauge("cpus", stat.cpu_time.len() as f64);
        Ok(stat.cpu_time.len())
    }

    fn memory(&self, look: &mut Look) -> Result<f64, String> {
        let path = self.proc.join("meminfo");
        let memory = Meminfo::from_file(&path).map_err(|error| cannot(&path, &error))?;
        if let Some(available) = memory.mem_available {
            look.gauge("memory_bytes", memory.mem_total.saturating_sub(available) as f64);
        }
        look.gauge("memory_limit_bytes", memory.mem_total as f64);
        look.gauge("swap_bytes", memory.swap_total.saturating_sub(memory.swap_free) as f64);
        Ok(memory.mem_total as f64)
    }

    /// Of real disks: partitions, loops and what is stacked upon disks would count the same bytes again. Their names.
    fn disks(&self, look: &mut Look) -> Vec<String> {
        let all = DiskStats::from_file(self.proc.join("diskstats")).map_or_else(|_| Vec::new(), |disks| disks.0);
        let real: Vec<_> =
            all.into_iter().filter(|disk| self.sys.join("block").join(&disk.name).join("device").exists()).collect();
        if !real.is_empty() {
            look.total("disk_read_bytes", real.iter().map(|disk| disk.sectors_read as f64 * SECTOR_BYTES).sum());
            look.total("disk_written_bytes", real.iter().map(|disk| disk.sectors_written as f64 * SECTOR_BYTES).sum());
            // Of several that of the one that has worked most: a sum would call ten at a tenth one that is always at work.
            let busiest = real.iter().map(|disk| disk.time_in_progress).max().unwrap_or(0);
            look.total("disk_busy_s", busiest as f64 / 1000.0);
        }
        real.into_iter().map(|disk| disk.name).collect()
    }

    /// Of the interfaces that have a device: bridges and virtual ones would count the same bytes again. Where none has, as
    /// within a container, all but the loopback. Their names.
    fn networks(&self, look: &mut Look) -> Vec<String> {
        let Ok(all) = InterfaceDeviceStatus::from_file(self.proc.join("net/dev")) else { return Vec::new() };
        let mut all: Vec<_> = all.0.into_values().filter(|interface| interface.name != "lo").collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let real = |name: &str| self.sys.join("class/net").join(name).join("device").exists();
        if all.iter().any(|interface| real(&interface.name)) {
            all.retain(|interface| real(&interface.name));
        }
        if !all.is_empty() {
            look.total("net_received_bytes", all.iter().map(|interface| interface.recv_bytes as f64).sum());
            look.total("net_sent_bytes", all.iter().map(|interface| interface.sent_bytes as f64).sum());
        }
        all.into_iter().map(|interface| interface.name).collect()
    }

    /// Whether this kernel tells any of it.
    fn pressure(&self, look: &mut Look) -> bool {
        let mut any = false;
        for (figure, file) in [("psi_cpu_s", "cpu"), ("psi_memory_s", "memory"), ("psi_io_s", "io")] {
            let text = std::fs::read_to_string(self.proc.join("pressure").join(file));
            if let Some(waited_s) = text.ok().and_then(|text| waited_s(&text)) {
                look.total(figure, waited_s);
                any = true;
            }
        }
        any
    }
}

/// Of the line for "some", which had its total, in µs, from the beginning; the one for "full" of CPUs came later.
fn waited_s(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.split_ascii_whitespace().find_map(|field| field.strip_prefix("total="))?;
    Some(total.parse::<u64>().ok()? as f64 / 1e6)
}

fn system(proc: &Path) -> String {
    let release = std::fs::read_to_string(proc.join("sys/kernel/osrelease")).unwrap_or_default();
    format!("Linux {}", release.trim()).trim_end().to_owned()
}

fn cannot(path: &Path, error: &procfs::ProcError) -> String {
    format!("cannot read {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  1000 200 300 5000 600 10 20 70 400 50\ncpu0 500 100 150 2500 300 5 10 35 200 25\n\
                        cpu1 500 100 150 2500 300 5 10 35 200 25\nintr 0\nctxt 5\nbtime 1700000000\nprocesses 9\n";
    const DISKS: &str = "   7       0 loop0 9 0 900 9 0 0 0 0 0 9 9\n 259       0 nvme0n1 100 0 2000 50 200 0 4000 70 0 1500 120\n\
                         259       1 nvme0n1p1 100 0 2000 50 200 0 4000 70 0 1500 120\n 253       0 dm-0 100 0 2000 50 200 0 4000 70 0 1500 120\n";
    const NET: &str = "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
         lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n  eth0: 5000 1 0 0 0 0 0 0 700 1 0 0 0 0 0 0\n docker0: 300 1 0 0 0 0 0 0 40 1 0 0 0 0 0 0\n";

    fn machine(folder: &Path, files: &[(&str, &str)]) -> Machine {
        for (path, text) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Machine { proc: folder.join("proc"), sys: folder.join("sys") }
    }

    fn files() -> Vec<(&'static str, &'static str)> {
        let meminfo = "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 1 kB\nCached: 1 kB\nSwapCached: 0 kB\n\
                       Active: 1 kB\nInactive: 1 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\nDirty: 0 kB\nWriteback: 0 kB\nMapped: 0 kB\n\
                       Slab: 0 kB\nCommitted_AS: 0 kB\nVmallocTotal: 0 kB\nVmallocUsed: 0 kB\nVmallocChunk: 0 kB\n";
        vec![
            ("proc/stat", STAT),
            ("proc/meminfo", meminfo),
            ("proc/loadavg", "0.75 0.5 0.25 1/200 4711\n"),
            ("proc/diskstats", DISKS),
            ("proc/net/dev", NET),
            ("sys/block/loop0/size", "0"),
            ("sys/block/nvme0n1/device/model", "x"),
            ("sys/block/dm-0/size", "0"),
        ]
    }

    #[test]
    fn guests_count_once_steal_apart_and_disks_and_bridges_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = files();
        all.push(("sys/class/net/eth0/device/vendor", "x"));
        all.push(("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n"));
        let machine = machine(folder.path(), &all);
        let mut facts = BTreeMap::new();
        let look = machine.look(&mut facts).unwrap();
        let ticks = procfs::ticks_per_second() as f64;
        let totals: Vec<(&str, f64)> = look.totals.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(
            totals,
            [
                ("cpu_s", 1530.0 / ticks),
                ("disk_busy_s", 1.5),
                ("disk_read_bytes", 1_024_000.0),
                ("disk_written_bytes", 2_048_000.0),
                ("net_received_bytes", 5000.0),
                ("net_sent_bytes", 700.0),
                ("psi_cpu_s", 2.5),
                ("steal_s", 70.0 / ticks),
            ]
        );
        let gauges: Vec<(&str, f64)> = look.gauges.iter().map(|(name, value)| (&**name, *value)).collect();
        let kib = 1024.0;
        assert_eq!(
            gauges,
            [
                ("cpus", 2.0),
                ("load1", 0.75),
                ("memory_bytes", 600.0 * kib),
                ("memory_limit_bytes", 1000.0 * kib),
                ("swap_bytes", 30.0 * kib),
            ]
        );
        assert_eq!((&*facts["disks"], &*facts["network"]), ("nvme0n1", "eth0"));
        assert!(!facts.contains_key("pressure"));
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_said_and_never_nought() {
        let folder = tempfile::tempdir().unwrap();
        let kept = ["proc/stat", "proc/meminfo", "proc/net/dev"];
        let some: Vec<_> = files().into_iter().filter(|(path, _)| kept.contains(path)).collect();
        let machine = machine(folder.path(), &some);
        let mut facts = BTreeMap::new();
        let look = machine.look(&mut facts).unwrap();
        assert!(!look.totals.keys().any(|name| name.starts_with("psi") || name.starts_with("disk")), "{look:?}");
        assert_eq!((&*facts["pressure"], &*facts["disks"]), (NOT_AVAILABLE, NOT_AVAILABLE));
        assert_eq!(&*facts["network"], "docker0, eth0", "where no interface has a device, as in a container");
        assert_eq!(look.totals["net_received_bytes"], 5300.0);
        std::fs::remove_file(folder.path().join("proc/stat")).unwrap();
        assert!(machine.look(&mut facts).unwrap_err().starts_with("cannot read "));
    }

    #[test]
    fn figures_agree_with_the_files_themselves() {
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        let busy = || -> f64 {
            let text = read("/proc/stat");
            let fields: Vec<f64> =
                text.lines().next().unwrap().split_ascii_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
            // user, nice, system, irq, softirq; of 1/100 s.
            [0, 1, 2, 5, 6].iter().map(|&n: &usize| fields[n]).sum::<f64>() / 100.0
        };
        let mut facts = BTreeMap::new();
        let before = busy();
        let look = Machine::new().look(&mut facts).unwrap();
        let after = busy();
        assert!((before..=after).contains(&look.totals["cpu_s"]), "{before} {look:?} {after}");
        if std::fs::exists("/proc/pressure/io").unwrap() && read("/proc/pressure/io").starts_with("some") {
            assert!(look.totals.contains_key("psi_io_s"));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,400}", lines in "((some|cpu0?|lo|vda)[ :=]?[0-9a-z =.:\n-]{0,80}\n){0,6}") {
            let folder = tempfile::tempdir().unwrap();
            for text in [&text, &lines] {
                let names = ["proc/stat", "proc/meminfo", "proc/loadavg", "proc/diskstats", "proc/net/dev", "proc/pressure/cpu"];
                let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, text.as_str())).collect();
                let _ = machine(folder.path(), &files).look(&mut BTreeMap::new());
                // With a CPU line that can be read, the others are reached.
                let mut files = files;
                files[0].1 = STAT;
                let _ = machine(folder.path(), &files).look(&mut BTreeMap::new());
                let _ = waited_s(text);
            }
        }
    }
}
