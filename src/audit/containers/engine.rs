//! Asks the Docker engine (`DOCKER_HOST`, else its socket) about a container.

use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerStatsResponse};
use bollard::query_parameters::StatsOptions;
use futures_util::StreamExt as _;

use super::{Health, Running, Told, Unit};

/// Why it says nothing.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) why: String,
    /// Nobody answers: a control group may tell.
    pub(super) no_engine: bool,
}

/// What it says.
pub(super) async fn inspect(name: &str, timeout: Duration) -> Result<Unit, Problem> {
    let docker = Docker::connect_with_defaults().map_err(|error| words(name, &error))?;
    let late = |_| Problem {
        why: format!("container {name}: the engine does not answer within {} s", timeout.as_secs_f64()),
        no_engine: true,
    };
    let told = tokio::time::timeout(timeout, docker.inspect_container(name, None)).await.map_err(late)?;
    let told = told.map_err(|error| words(name, &error))?;
    // Only the counters are wanted, and not what lies between two of them.
    let options = StatsOptions { stream: false, one_shot: true };
    let mut stats = Box::pin(docker.stats(name, Some(options)));
    let stats = tokio::time::timeout(timeout, stats.next()).await.ok().flatten().and_then(Result::ok);
    Ok(unit(name, told, stats))
}

fn words(name: &str, error: &bollard::errors::Error) -> Problem {
    use bollard::errors::Error;
    let (why, no_engine) = match error {
        Error::DockerResponseServerError { status_code: 404, .. } => {
            (format!("container {name}: the engine knows none of this name: docker ps --all lists them"), false)
        }
        Error::DockerResponseServerError { message, .. } => {
            (format!("container {name}: the engine says: {message}"), false)
        }
        other => {
            let hint = "is DOCKER_HOST right? Without one name its control group, e.g. system.slice/docker-<id>.scope";
            (format!("container {name}: no Docker engine answers ({other}): {hint}"), true)
        }
    };
    Problem { why, no_engine }
}

fn unit(name: &str, told: ContainerInspectResponse, stats: Option<ContainerStatsResponse>) -> Unit {
    let host = told.host_config.unwrap_or_default();
    let bytes = |value: Option<i64>| value.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
    let nanos = host.nano_cpus.filter(|nanos| *nanos > 0).map(|nanos| nanos as f64 / 1e9);
    let quota = host.cpu_quota.filter(|quota| *quota > 0).map(|quota| {
        let period = host.cpu_period.filter(|period| *period > 0).unwrap_or(100_000);
        quota as f64 / period as f64
    });
    let now = told.state.unwrap_or_default();
    let config = told.config.unwrap_or_default();
    let service = config.labels.and_then(|labels| labels.get("com.docker.compose.service").cloned());
    let check = config.healthcheck;
    let seconds = |nanos: Option<i64>| nanos.filter(|nanos| *nanos > 0).map_or(30.0, |nanos| nanos as f64 / 1e9);
    let health = check
        .filter(|check| check.test.as_ref().is_some_and(|test| !test.is_empty() && test[0] != "NONE"))
        .map(|check| Health { interval_s: seconds(check.interval), timeout_s: seconds(check.timeout) });
    let throttled = stats
        .and_then(|stats| stats.cpu_stats?.throttling_data)
        .map(|counted| (counted.periods.unwrap_or(0), counted.throttled_periods.unwrap_or(0)));
    Unit {
        told: Told::Engine,
        service,
        image: config.image,
        name: told.name.map_or_else(|| name.to_owned(), |name| name.trim_start_matches('/').to_owned()),
        memory_limit: bytes(host.memory),
        cpu_limit: nanos.or(quota),
        memory_reservation: bytes(host.memory_reservation),
        cpu_reservation: None,
        restart: host.restart_policy.and_then(|policy| policy.name).map(|name| name.to_string()),
        health,
        running: Some(Running {
            oom_kills: u64::from(now.oom_killed.unwrap_or(false)),
            restarts: told.restart_count.unwrap_or(0),
            throttled,
            health: now.health.and_then(|health| health.status).map(|status| status.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_replies_is_read() {
        let told = r#"{"Name": "/agenthub-postgres-1", "RestartCount": 2,
            "State": {"Status": "running", "OOMKilled": true, "Health": {"Status": "unhealthy", "FailingStreak": 3}},
            "HostConfig": {"Memory": 2147483648, "MemoryReservation": 1073741824, "NanoCpus": 1500000000,
                "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}},
            "Config": {"Image": "postgres:15", "Labels": {"com.docker.compose.service": "postgres"},
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10000000000, "Timeout": 5000000000}}}"#;
        let stats =
            r#"{"cpu_stats": {"throttling_data": {"periods": 1000, "throttled_periods": 300, "throttled_time": 9}}}"#;
        let read = unit("x", serde_json::from_str(told).unwrap(), serde_json::from_str(stats).unwrap());
        assert_eq!(
            read,
            Unit {
                name: "agenthub-postgres-1".to_owned(),
                told: Told::Engine,
                service: Some("postgres".to_owned()),
                image: Some("postgres:15".to_owned()),
                memory_limit: Some(2 << 30),
                cpu_limit: Some(1.5),
                memory_reservation: Some(1 << 30),
                cpu_reservation: None,
                restart: Some("unless-stopped".to_owned()),
                health: Some(Health { interval_s: 10.0, timeout_s: 5.0 }),
                running: Some(Running {
                    oom_kills: 1,
                    restarts: 2,
                    throttled: Some((1000, 300)),
                    health: Some("unhealthy".to_owned()),
                }),
            }
        );
        let bare = r#"{"HostConfig": {"Memory": 0, "NanoCpus": 0, "CpuQuota": 50000, "CpuPeriod": 100000}, "Config": {"Healthcheck": {"Test": ["NONE"]}}}"#;
        let read = unit("x", serde_json::from_str(bare).unwrap(), None);
        assert_eq!((read.name.as_str(), read.memory_limit, read.cpu_limit, read.health), ("x", None, Some(0.5), None));
    }
}
