//! What a reply of the engine's `/containers/<id>/stats` says, figured as its own CLI does.

use bollard::models::{ContainerBlkioStats, ContainerMemoryStats, ContainerStatsResponse, HostConfig};

use super::super::Look;

/// What the container was given; `None` where it has what the machine has.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Given {
    pub(super) cpus: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
}

impl Given {
    /// `--cpus`, or quota and period, or a set of CPUs: the least of them.
    pub(super) fn of(config: &HostConfig) -> Self {
        let positive = |value: Option<i64>| value.filter(|&value| value > 0).map(|value| value as f64);
        let nano = positive(config.nano_cpus).map(|nano| nano / 1e9);
        // The kernel's period where none is given.
        let quota = positive(config.cpu_quota).map(|quota| quota / positive(config.cpu_period).unwrap_or(100_000.0));
        let set = config.cpuset_cpus.as_deref().and_then(super::super::cgroup::cpus_of_list);
        Self { cpus: [nano, quota, set].into_iter().flatten().reduce(f64::min), memory_bytes: positive(config.memory) }
    }
}

/// What a reply tells; `None` of a container that does not run: its reply is empty.
pub(super) fn look(stats: &ContainerStatsResponse, given: Given) -> Option<Look> {
    let mut look = Look::default();
    let cpu = stats.cpu_stats.as_ref()?;
    let usage = cpu.cpu_usage.as_ref()?;
    let used_ns = usage.total_usage.filter(|&ns| ns > 0)?;
    look.total("cpu_s", used_ns as f64 / 1e9);
    let online = cpu.online_cpus.filter(|&cpus| cpus > 0).map(f64::from);
    let online = online.or_else(|| Some(usage.percpu_usage.as_ref()?.len() as f64).filter(|&cpus| cpus > 0.0));
    if let Some(cpus) = [online, given.cpus].into_iter().flatten().reduce(f64::min) {
        look.gauge("cpus", cpus);
    }
    if let Some(throttling) = &cpu.throttling_data {
        let figures = [
            ("periods", throttling.periods, 1.0),
            ("throttled_periods", throttling.throttled_periods, 1.0),
            ("throttled_s", throttling.throttled_time, 1e9),
        ];
        for (name, value, unit) in figures {
            if let Some(value) = value {
                look.total(name, value as f64 / unit);
            }
        }
    }
    if let Some(memory) = &stats.memory_stats {
        if let Some(used) = memory_bytes(memory) {
            look.gauge("memory_bytes", used);
        }
        // Of a container without a limit it is the machine's.
        let limits = [memory.limit.filter(|&limit| limit > 0).map(|limit| limit as f64), given.memory_bytes];
        if let Some(limit) = limits.into_iter().flatten().reduce(f64::min) {
            look.gauge("memory_limit_bytes", limit);
        }
    }
    if let Some(processes) = stats.pids_stats.as_ref().and_then(|pids| pids.current) {
        look.gauge("processes", processes as f64);
    }
    if let Some(networks) = stats.networks.as_ref().filter(|networks| !networks.is_empty()) {
        look.total("net_received_bytes", networks.values().filter_map(|one| one.rx_bytes).sum::<u64>() as f64);
        look.total("net_sent_bytes", networks.values().filter_map(|one| one.tx_bytes).sum::<u64>() as f64);
    }
    if let Some((read, written)) = stats.blkio_stats.as_ref().and_then(disk_bytes) {
        look.total("disk_read_bytes", read);
        look.total("disk_written_bytes", written);
    }
    Some(look)
}

/// Without inactive files: `total_inactive_file` of control groups of version 1, `inactive_file` of version 2.
fn memory_bytes(memory: &ContainerMemoryStats) -> Option<f64> {
    let used = memory.usage?;
    let stats = memory.stats.as_ref();
    let inactive = |name: &str| stats.and_then(|stats| stats.get(name)).copied().filter(|&inactive| inactive < used);
    let inactive = inactive("total_inactive_file").or_else(|| inactive("inactive_file")).unwrap_or(0);
    Some((used - inactive) as f64)
}

/// Engines write the operations with a capital letter, or without.
fn disk_bytes(disk: &ContainerBlkioStats) -> Option<(f64, f64)> {
    let entries = disk.io_service_bytes_recursive.as_ref()?;
    let sum = |operation: &str| -> f64 {
        let of =
            entries.iter().filter(|entry| entry.op.as_deref().is_some_and(|op| op.eq_ignore_ascii_case(operation)));
        of.filter_map(|entry| entry.value).map(|bytes| bytes as f64).sum()
    };
    Some((sum("read"), sum("write")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(json: &str, given: Given) -> Option<Vec<(String, f64)>> {
        let look = look(&serde_json::from_str(json).unwrap(), given)?;
        Some(look.totals.into_iter().chain(look.gauges).map(|(name, value)| (name.into_owned(), value)).collect())
    }

    #[test]
    fn replies_are_figured_as_the_cli_does_for_either_version_of_control_groups() {
        for (json, memory) in [(super::super::engine::V2, 52_428_800.0), (super::super::engine::V1, 41_943_040.0)] {
            let told = figures(json, Given { cpus: Some(1.5), memory_bytes: None }).unwrap();
            let told: Vec<(&str, f64)> = told.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            assert_eq!(
                told,
                [
                    ("cpu_s", 12.5),
                    ("disk_read_bytes", 8192.0),
                    ("disk_written_bytes", 4096.0),
                    ("net_received_bytes", 5338.0),
                    ("net_sent_bytes", 36.0),
                    ("periods", 100.0),
                    ("throttled_periods", 25.0),
                    ("throttled_s", 2.5),
                    ("cpus", 1.5),
                    ("memory_bytes", memory),
                    ("memory_limit_bytes", 536_870_912.0),
                    ("processes", 7.0),
                ]
            );
            let online = figures(json, Given::default()).unwrap().into_iter().find(|(name, _)| name == "cpus");
            assert_eq!(online, Some(("cpus".to_owned(), 4.0)), "without a limit of its own");
        }
    }

    #[test]
    fn what_is_missing_is_not_told_and_an_empty_reply_is_none() {
        assert_eq!(figures(super::super::engine::STOPPED, Given::default()), None);
        assert_eq!(figures("{}", Given::default()), None);
        let bare = r#"{"cpu_stats":{"cpu_usage":{"total_usage":2000000000}},"memory_stats":{},"blkio_stats":{"io_service_bytes_recursive":null}}"#;
        assert_eq!(figures(bare, Given::default()), Some(vec![("cpu_s".to_owned(), 2.0)]));
    }

    #[test]
    fn the_least_of_what_limits_its_cpus_holds() {
        let given = |json: &str| Given::of(&serde_json::from_str(json).unwrap());
        assert_eq!(
            given(r#"{"NanoCpus":2000000000,"Memory":1048576}"#),
            Given { cpus: Some(2.0), memory_bytes: Some(1_048_576.0) }
        );
        assert_eq!(given(r#"{"NanoCpus":0,"CpuQuota":50000,"CpuPeriod":100000,"Memory":0}"#).cpus, Some(0.5));
        assert_eq!(given(r#"{"CpuQuota":50000,"CpuPeriod":0}"#).cpus, Some(0.5));
        assert_eq!(given(r#"{"NanoCpus":3500000000,"CpusetCpus":"0-1,4"}"#).cpus, Some(3.0));
        assert_eq!(given(r#"{"NanoCpus":0,"CpuQuota":-1,"CpusetCpus":""}"#), Given::default());
    }

    proptest::proptest! {
        #[test]
        fn no_reply_makes_it_panic(text in "(?s).{0,80}", a in 0_u64.., b in 0_u64.., list in "[0-9,-]{0,12}") {
            if let Ok(stats) = serde_json::from_str(&text) {
                let _ = look(&stats, Given::default());
            }
            let json = format!(
                r#"{{"cpu_stats":{{"cpu_usage":{{"total_usage":{a}}},"throttling_data":{{"periods":{b}}}}},"memory_stats":{{"usage":{b},"stats":{{"inactive_file":{a}}}}},"networks":{{"eth0":{{"rx_bytes":1}}}}}}"#
            );
            let _ = look(&serde_json::from_str(&json).unwrap(), Given::default());
            let _ = Given::of(&HostConfig { cpuset_cpus: Some(list), ..HostConfig::default() });
        }
    }
}
