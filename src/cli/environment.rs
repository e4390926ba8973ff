//! Where and by what a load is made.

use std::process::{Command, Stdio};

use super::Failure;
use crate::judge::Outlook;
use crate::load::{self, AllowedHosts, Connections, Host, Limits, Needs};
use crate::observe;
use crate::record::{Asked, Environment};

/// Of this process, now.
pub(super) fn here() -> Environment {
    Environment {
        commit: commit(),
        hostname: sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned()),
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        cpu_quota: observe::cpu_quota(),
        cpus: std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Whether this machine lets the load have its connections; what may become tight, a line each.
pub(super) fn check_limits(
    limits: &Limits,
    asked: &Asked,
    host: &Host,
    connections: &Connections,
    outlook: &Outlook,
) -> Result<Vec<String>, Failure> {
    let needs = Needs {
        connections: u64::from(asked.users.unwrap_or(0)) + u64::from(asked.max_users.unwrap_or(0)),
        loopback: AllowedHosts::new([]).permits(&host.origin.name),
        keep_alive: connections.keep_alive,
        requests_per_s: outlook.most_per_min.map(|per_min| per_min / 60.0),
    };
    let mut lines = load::check_limits(&needs, limits).map_err(Failure::cannot)?;
    if let Some(quota) = asked.environment.cpu_quota {
        lines.push(format!("a limit on this container leaves the generator {quota} CPUs' worth of time"));
    }
    Ok(lines)
}

/// The commit under test: as told, as the CI tells, else the work tree's.
fn commit() -> Option<String> {
    let told = ["AGENTHUB_PERF_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.trim().is_empty());
    told.or_else(|| {
        let git =
            Command::new("git").args(["rev-parse", "HEAD"]).stderr(Stdio::null()).stdin(Stdio::null()).output().ok()?;
        git.status.success().then(|| String::from_utf8_lossy(&git.stdout).trim().to_owned())
    })
}
