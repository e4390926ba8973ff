//! The whole machine: on Linux by `/proc`, which has steal, disks at work and pressure; elsewhere by `sysinfo`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};

#[cfg(target_os = "linux")]
use linux::Machine;
#[cfg(not(target_os = "linux"))]
use portable::Machine;

/// What a fact says in place of figures that this system does not tell.
const NOT_AVAILABLE: &str = "not available";

/// See the module.
#[derive(Debug)]
pub(super) struct HostProbe {
    machine: Machine,
    facts: BTreeMap<String, String>,
}

impl HostProbe {
    /// One that has not looked yet.
    pub(super) fn new() -> Self {
        Self { machine: Machine::new(), facts: BTreeMap::new() }
    }
}

impl Probe for HostProbe {
    fn name(&self) -> ProbeName {
        ProbeName { kind: ProbeKind::Host, name: String::new(), facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        // Some short files: reading them takes less than handing them to another thread would.
        ready(self.machine.look(&mut self.facts)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[tokio::test]
    async fn work_shows_as_cpus_and_the_machine_is_described() {
        let mut probe = HostProbe::new();
        let before = probe.look(Depth::Whole).await.unwrap();
        let began = Instant::now();
        let mut sum = 0_u64;
        let mut after = before.clone();
        // However busy the machine is, our own work is part of what is seen.
        while after.totals["cpu_s"] - before.totals["cpu_s"] < 0.3 && began.elapsed() < Duration::from_secs(20) {
            sum = (0..5_000_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
            after = probe.look(Depth::Quick).await.unwrap();
        }
        let used_s = after.totals["cpu_s"] - before.totals["cpu_s"];
        let most = after.gauges["cpus"] * began.elapsed().as_secs_f64() + 0.1;
        assert!(used_s >= 0.3 && used_s <= most, "{used_s} s of CPU, at most {most}");
        assert_eq!(after.gauges["cpus"], std::thread::available_parallelism().unwrap().get() as f64);
        assert!(after.gauges["memory_bytes"] > 0.0);
        assert!(after.gauges["memory_bytes"] < after.gauges["memory_limit_bytes"]);
        let facts = probe.name().facts;
        assert!(["system", "cpus", "memory"].iter().all(|fact| facts.contains_key(*fact)), "{facts:?}");
    }
}
