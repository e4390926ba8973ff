//! Where and by what a load is made.

use std::process::{Command, Stdio};

use crate::record::Environment;

/// Of this process, now.
pub(super) fn here() -> Environment {
    Environment {
        commit: commit(),
        hostname: sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned()),
        os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        cpus: std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
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
