//! What is to be watched, as flags, environment and configuration say it.

use super::{Address, Probe, ProcessSpec};
use super::{container, host, metrics, nginx, postgres, process, redis};

/// What is to be watched; what one source does not say, the next one may.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    /// `--postgres URL`
    pub postgres: Option<Address>,
    /// `--redis URL`
    pub redis: Option<Address>,
    /// `--nginx URL`: of its status page.
    pub nginx: Option<Address>,
    /// `--metrics URL`
    pub metrics: Option<Address>,
    /// `--container NAME`
    pub containers: Vec<String>,
    /// `--process PID|NAME`
    pub processes: Vec<ProcessSpec>,
    /// This machine: watched where the load goes to it.
    pub machine: bool,
}

impl Watch {
    /// Takes from `next` what this one does not say.
    #[must_use]
    pub fn or(self, next: &Self) -> Self {
        let list = |ours: Vec<String>, next: &[String]| if ours.is_empty() { next.to_vec() } else { ours };
        Self {
            postgres: self.postgres.or_else(|| next.postgres.clone()),
            redis: self.redis.or_else(|| next.redis.clone()),
            nginx: self.nginx.or_else(|| next.nginx.clone()),
            metrics: self.metrics.or_else(|| next.metrics.clone()),
            containers: list(self.containers, &next.containers),
            processes: if self.processes.is_empty() { next.processes.clone() } else { self.processes },
            machine: self.machine || next.machine,
        }
    }

    /// A probe for each, in the order in which they are shown.
    pub fn probes(&self) -> Vec<Box<dyn Probe>> {
        let mut probes: Vec<Box<dyn Probe>> = Vec::new();
        if self.machine {
            probes.push(Box::new(host::HostProbe::new()));
        }
        probes.extend(
            self.containers.iter().map(|name| Box::new(container::ContainerProbe::new(name)) as Box<dyn Probe>),
        );
        probes.extend(self.processes.iter().map(|spec| Box::new(process::ProcessProbe::new(spec)) as Box<dyn Probe>));
        probes.extend(self.postgres.iter().map(|url| Box::new(postgres::PostgresProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.redis.iter().map(|url| Box::new(redis::RedisProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.nginx.iter().map(|url| Box::new(nginx::NginxProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.metrics.iter().map(|url| Box::new(metrics::MetricsProbe::new(url)) as Box<dyn Probe>));
        probes
    }
}
