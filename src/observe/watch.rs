//! What is to be watched, as flags, environment and configuration say it.

use super::{Address, Probe, ProcessOf, ProcessSpec};
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

    /// What is to be watched twice under one name, if so: whatever looks for it by its name would find either.
    pub fn ambiguous(&self) -> Option<String> {
        let named = |one: &&ProcessSpec| one.label.is_some() || matches!(one.of, ProcessOf::Name(_));
        let name = |one: &ProcessSpec| match (&one.label, &one.of) {
            (Some(label), _) | (None, ProcessOf::Name(label)) => label.clone(),
            (None, ProcessOf::Pid(pid)) => pid.to_string(),
        };
        let processes = distinct(&self.processes);
        let mut named = processes.iter().filter(named);
        let (first, second) = std::iter::from_fn(|| named.next())
            .find_map(|one| Some((one, processes.iter().rfind(|other| name(other) == name(one) && *other != one)?)))?;
        Some(format!(
            "two processes are called {:?}: {first} and {second}; label them differently, e.g. db=4711",
            name(first)
        ))
    }

    /// A probe for each, in the order in which they are shown.
    pub fn probes(&self) -> Vec<Box<dyn Probe>> {
        let mut probes: Vec<Box<dyn Probe>> = Vec::new();
        let (containers, processes) = (distinct(&self.containers), distinct(&self.processes));
        let several = processes.len() > 1;
        if self.machine {
            probes.push(Box::new(host::HostProbe::new()));
        }
        probes.extend(containers.iter().map(|name| Box::new(container::ContainerProbe::new(name)) as Box<dyn Probe>));
        probes
            .extend(processes.iter().map(|spec| Box::new(process::ProcessProbe::new(spec, several)) as Box<dyn Probe>));
        probes.extend(self.postgres.iter().map(|url| Box::new(postgres::PostgresProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.redis.iter().map(|url| Box::new(redis::RedisProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.nginx.iter().map(|url| Box::new(nginx::NginxProbe::new(url)) as Box<dyn Probe>));
        probes.extend(self.metrics.iter().map(|url| Box::new(metrics::MetricsProbe::new(url)) as Box<dyn Probe>));
        probes
    }
}

/// Each once, in order.
fn distinct<T: Clone + PartialEq>(all: &[T]) -> Vec<T> {
    let mut distinct: Vec<T> = Vec::new();
    for one in all {
        if !distinct.contains(one) {
            distinct.push(one.clone());
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(watch: &Watch) -> Vec<String> {
        watch.probes().iter().map(|probe| probe.name().to_string()).collect()
    }

    fn specs(texts: &[&str]) -> Vec<ProcessSpec> {
        texts.iter().map(|text| ProcessSpec::parse(text).unwrap()).collect()
    }

    #[test]
    fn there_is_a_probe_for_each_in_one_order() {
        let watch = Watch {
            postgres: Some(Address::postgres("postgres://me:geheim@db/x").unwrap()),
            redis: Some(Address::redis("redis://cache").unwrap()),
            nginx: Some(Address::http("http://proxy/status", "").unwrap()),
            metrics: Some(Address::http("http://api/metrics", "").unwrap()),
            containers: ["api", "db", "api"].map(str::to_owned).to_vec(),
            processes: specs(&["web=gunicorn", "postgres", "4711", "postgres"]),
            machine: true,
        };
        let expected = [
            "host",
            "container api",
            "container db",
            "process web",
            "process postgres",
            "process 4711",
            "postgres",
            "redis",
            "nginx",
            "metrics",
        ];
        assert_eq!(names(&watch), expected);
        let shown = format!("{watch:?}{:?}", watch.probes().iter().map(|probe| probe.name()).collect::<Vec<_>>());
        assert!(!shown.contains("geheim"), "{shown}");
        assert_eq!(names(&Watch::default()), [""; 0]);
    }

    #[test]
    fn what_one_source_does_not_say_the_next_one_may() {
        let redis = |host: &str| Some(Address::redis(&format!("redis://{host}")).unwrap());
        let flags = Watch { redis: redis("flag"), processes: specs(&["nginx"]), ..Watch::default() };
        let file = Watch {
            redis: redis("file"),
            nginx: Some(Address::http("http://file/", "").unwrap()),
            processes: specs(&["postgres", "redis-server"]),
            containers: vec!["db".to_owned()],
            machine: true,
            ..Watch::default()
        };
        let both = flags.clone().or(&file);
        assert_eq!((both.redis, both.nginx), (redis("flag"), file.nginx.clone()));
        assert_eq!(both.processes, specs(&["nginx"]), "a list takes the place of the other");
        assert_eq!((both.containers, both.machine), (vec!["db".to_owned()], true));
        assert_eq!(Watch::default().or(&file), file);
        assert_eq!(flags.clone().or(&Watch::default()), flags);
    }

    #[test]
    fn two_under_one_name_are_noticed() {
        let of = |texts: &[&str]| Watch { processes: specs(texts), ..Watch::default() }.ambiguous();
        assert_eq!(of(&["db=1", "web=1", "postgres", "postgres", "7"]), None);
        let said = of(&["db=1", "x", "db=2"]).unwrap();
        assert_eq!(said, "two processes are called \"db\": db=1 and db=2; label them differently, e.g. db=4711");
        assert!(of(&["7", "7=postgres"]).is_some());
        assert!(of(&["nginx", "nginx=4711"]).is_some());
    }
}
