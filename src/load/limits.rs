//! What this machine lets a load have, looked at before the first request: open files, ports, memory.
//!
//! A user has a connection of its own: a file and a port for each. [`Limits`] is what the machine allows, [`check`] what that
//! means for a load; only the reading of the limits touches the machine.

use crate::units::format_count;

/// Files that are open besides users' connections: the journal's, the runtime's, probes', name look-ups.
const OTHER_FILES: u64 = 64;
/// What a user costs, bytes: its connection, its buffers, its task.
const BYTES_A_USER: u64 = 24 << 10;
/// What costs as much however many users there are, bytes.
const BYTES_ANYHOW: u64 = 64 << 20;
/// How long a closed connection keeps its port (Linux, `TCP_TIMEWAIT_LEN`), seconds.
const TIME_WAIT_S: f64 = 60.0;

/// What a load needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Connections that can be open at once: users, or sessions of the open model.
    pub connections: u64,
    /// Whether all go to this machine, which has many addresses to come from.
    pub loopback: bool,
    /// Whether a user keeps its connection.
    pub keep_alive: bool,
    /// The most requests a second, where that is known.
    pub requests_per_s: Option<f64>,
}

/// What this machine allows; `None` for what it does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Files that this process may have open, after raising it as far as allowed.
    pub open_files: Option<u64>,
    /// Those it has open now.
    pub files_now: u64,
    /// Ports of connections to another machine: how many, and whether a closed one can be used again after a second.
    pub ports: Option<(u64, bool)>,
    /// Memory that can still be had, bytes: of the machine, or of the container.
    pub memory: Option<u64>,
}

/// A load that cannot get its connections here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Too few files.
    #[error(
        "{} connections need {needed} open files, and this process may have {allowed}: raise its limit (ulimit -n {needed}; \
         in a container --ulimit nofile={needed}; under systemd LimitNOFILE={needed}), or ask for fewer users",
        format_count(*connections)
    )]
    OpenFiles {
        /// That are asked for.
        connections: u64,
        /// Files.
        needed: u64,
        /// Files.
        allowed: u64,
    },
    /// Too few ports.
    #[error(
        "{} connections to one address need as many ports, and this machine gives {}: widen the range \
         (sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"), ask for fewer users, or share them among several machines",
        format_count(*connections),
        format_count(*ports)
    )]
    Ports {
        /// That are asked for.
        connections: u64,
        /// That there are.
        ports: u64,
    },
}

/// Whether a load can get what it needs; what may become tight, a line each.
pub fn check(needs: &Needs, limits: &Limits) -> Result<Vec<String>, LimitError> {
    let connections = needs.connections;
    if let Some(allowed) = limits.open_files {
        let needed = connections + limits.files_now + OTHER_FILES;
        if needed > allowed {
            return Err(LimitError::OpenFiles { connections, needed, allowed });
        }
    }
    let mut tight = Vec::new();
    if let Some((ports, used_again)) = limits.ports.filter(|_| !needs.loopback) {
        if connections > ports {
            return Err(LimitError::Ports { connections, ports });
        }
        let closed = needs.requests_per_s.unwrap_or(0.0) * TIME_WAIT_S;
        if !needs.keep_alive && !used_again && closed > ports as f64 {
            tight.push(format!(
                "without keep-alive up to {} connections a minute are closed, and each keeps one of {} ports for {TIME_WAIT_S:.0} s where this side closes first: keep connections, or sysctl -w net.ipv4.tcp_tw_reuse=1",
                format_count(closed.round() as u64),
                format_count(ports)
            ));
        }
    }
    let bytes = connections * BYTES_A_USER + BYTES_ANYHOW;
    if let Some(memory) = limits.memory.filter(|memory| bytes > *memory) {
        tight.push(format!(
            "{} users take about {} MiB, and {} MiB of memory are free: the run may be slow, or be killed",
            format_count(connections),
            format_count(bytes >> 20),
            format_count(memory >> 20)
        ));
    }
    Ok(tight)
}

impl Limits {
    /// As many connections as there are files for.
    pub fn most_connections(&self) -> u64 {
        self.open_files.map_or(u64::MAX, |allowed| allowed.saturating_sub(self.files_now + OTHER_FILES))
    }

    /// Of this process, now. Raises the number of files it may open as far as that is allowed.
    pub fn here() -> Self {
        Self { open_files: raised_open_files(), files_now: files_now(), ports: ports(), memory: memory() }
    }
}

/// The soft limit is there for programs that cannot take more; this one can.
#[cfg(unix)]
fn raised_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raised_open_files() -> Option<u64> {
    None
}

fn files_now() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64)
}

/// Linux: the range that ports of outgoing connections come from.
fn ports() -> Option<(u64, bool)> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let used_again = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_tw_reuse").is_ok_and(|text| text.trim() == "1");
    Some((port_count(&range)?, used_again))
}

fn port_count(range: &str) -> Option<u64> {
    let mut ends = range.split_ascii_whitespace().map(str::parse::<u64>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some((last + 1).saturating_sub(first))
}

fn memory() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    let of_container = system.cgroup_limits().map(|limits| limits.free_memory);
    let of_machine = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    of_container.into_iter().chain(of_machine).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(connections: u64) -> Needs {
        Needs { connections, loopback: false, keep_alive: true, requests_per_s: Some(1000.0) }
    }

    const ROOMY: Limits =
        Limits { open_files: Some(1_000_000), files_now: 10, ports: Some((28_232, false)), memory: Some(8 << 30) };

    #[test]
    fn a_load_that_fits_says_nothing() {
        assert_eq!(check(&needs(20_000), &ROOMY), Ok(Vec::new()));
        assert_eq!(check(&needs(20_000), &Limits::default()), Ok(Vec::new()), "what is not told does not refuse");
    }

    #[test]
    fn files_are_counted_to_the_last() {
        let limits = Limits { open_files: Some(1024), ..ROOMY };
        assert_eq!(check(&needs(950), &limits), Ok(Vec::new()));
        let error = check(&needs(951), &limits).unwrap_err();
        assert_eq!(error, LimitError::OpenFiles { connections: 951, needed: 1025, allowed: 1024 });
        assert_eq!(
            error.to_string(),
            "951 connections need 1025 open files, and this process may have 1024: raise its limit (ulimit -n 1025; in a \
             container --ulimit nofile=1025; under systemd LimitNOFILE=1025), or ask for fewer users"
        );
    }

    #[test]
    fn ports_matter_only_towards_another_machine() {
        assert_eq!(check(&needs(28_232), &ROOMY), Ok(Vec::new()));
        let error = check(&needs(28_233), &ROOMY).unwrap_err();
        assert_eq!(error, LimitError::Ports { connections: 28_233, ports: 28_232 });
        assert!(
            error.to_string().contains("28,233 connections to one address") && error.to_string().contains("sysctl")
        );
        assert_eq!(check(&Needs { loopback: true, ..needs(28_233) }, &ROOMY), Ok(Vec::new()));
    }

    #[test]
    fn closing_each_connection_uses_ports_up() {
        let closing = Needs { keep_alive: false, ..needs(100) };
        let lines = check(&closing, &ROOMY).unwrap();
        assert!(lines[0].starts_with("without keep-alive up to 60,000 connections a minute are closed"), "{lines:?}");
        let reusing = Limits { ports: Some((28_232, true)), ..ROOMY };
        assert_eq!(check(&closing, &reusing), Ok(Vec::new()));
        assert_eq!(check(&Needs { requests_per_s: Some(400.0), ..closing }, &ROOMY), Ok(Vec::new()));
    }

    #[test]
    fn memory_that_is_not_there_is_told() {
        let lines = check(&needs(10_000), &Limits { memory: Some(200 << 20), ..ROOMY }).unwrap();
        let line = "10,000 users take about 298 MiB, and 200 MiB of memory are free: the run may be slow, or be killed";
        assert_eq!(lines, [line]);
    }

    #[test]
    fn a_range_of_ports_has_both_its_ends() {
        assert_eq!(port_count("32768\t60999\n"), Some(28_232));
        assert_eq!(port_count("x"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_may_open_as_many_files_as_its_hard_limit_says() {
        let limits = Limits::here();
        let text = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let hard = line.split_ascii_whitespace().nth(4).unwrap();
        assert_eq!(limits.open_files.map_or("unlimited".to_owned(), |files| files.to_string()), hard);
        assert!(limits.files_now >= 3 && limits.memory.is_some_and(|bytes| bytes > 0), "{limits:?}");
    }
}
