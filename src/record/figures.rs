//! What the figures of probes are called, and what they are in.
//!
//! Probes tell gauges and counts by these names; verdicts, charts and tables find them by the same. A name may have parts
//! behind a dot (`connections.idle`, `waits.Lock`): those are the figure's, broken down.

use super::{ProbeKind, Seen};

/// What a figure is in, once a count has become a rate a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureUnit {
    /// Of something, just so many.
    Number,
    /// So many a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Seconds.
    Seconds,
    /// Seconds a second: of CPU time, CPUs at work.
    SecondsPerSecond,
    /// Milliseconds a second.
    MsPerSecond,
}

/// A figure that probes of a kind tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureName {
    /// Whose.
    pub kind: ProbeKind,
    /// As the journal has it.
    pub name: &'static str,
    /// As a person reads it.
    pub title: &'static str,
    /// What it is in.
    pub unit: FigureUnit,
}

use FigureUnit::{Bytes, BytesPerSecond, MsPerSecond, Number, PerSecond, Seconds, SecondsPerSecond};
use ProbeKind::{Container, Host, Metrics, Nginx, Postgres, Process, Redis};

const fn f(kind: ProbeKind, name: &'static str, title: &'static str, unit: FigureUnit) -> FigureName {
    FigureName { kind, name, title, unit }
}

/// All of them.
pub const FIGURES: &[FigureName] = &[
    f(Host, "cpu_s", "CPUs at work", SecondsPerSecond),
    f(Host, "cpus", "CPUs", Number),
    f(Host, "steal_s", "CPUs taken by other machines", SecondsPerSecond),
    f(Host, "memory_bytes", "memory in use", Bytes),
    f(Host, "memory_limit_bytes", "memory", Bytes),
    f(Host, "swap_bytes", "swap in use", Bytes),
    f(Host, "load1", "load average over a minute", Number),
    f(Host, "disk_read_bytes", "disk read", BytesPerSecond),
    f(Host, "disk_written_bytes", "disk written", BytesPerSecond),
    f(Host, "disk_busy_s", "the disk with the most work, at work", SecondsPerSecond),
    f(Host, "net_received_bytes", "network received", BytesPerSecond),
    f(Host, "net_sent_bytes", "network sent", BytesPerSecond),
    f(Host, "psi_cpu_s", "time in which something waited for a CPU", SecondsPerSecond),
    f(Host, "psi_memory_s", "time in which something waited for memory", SecondsPerSecond),
    f(Host, "psi_io_s", "time in which something waited for a disk", SecondsPerSecond),
    f(Process, "cpu_s", "CPUs at work", SecondsPerSecond),
    f(Process, "cpus", "CPUs it may use", Number),
    f(Process, "memory_bytes", "memory", Bytes),
    f(Process, "memory_limit_bytes", "memory it may use", Bytes),
    f(Process, "processes", "processes", Number),
    f(Process, "threads", "threads", Number),
    f(Process, "files", "open files", Number),
    f(Process, "disk_read_bytes", "disk read", BytesPerSecond),
    f(Process, "disk_written_bytes", "disk written", BytesPerSecond),
    f(Container, "cpu_s", "CPUs at work", SecondsPerSecond),
    f(Container, "cpus", "CPUs it may use", Number),
    f(Container, "memory_bytes", "memory", Bytes),
    f(Container, "memory_limit_bytes", "memory it may use", Bytes),
    f(Container, "periods", "periods of its CPU limit", PerSecond),
    f(Container, "throttled_periods", "periods in which it was throttled", PerSecond),
    f(Container, "throttled_s", "time throttled", SecondsPerSecond),
    f(Container, "oom_kills", "processes killed for want of memory", PerSecond),
    f(Container, "processes", "processes and threads", Number),
    f(Container, "disk_read_bytes", "disk read", BytesPerSecond),
    f(Container, "disk_written_bytes", "disk written", BytesPerSecond),
    f(Container, "net_received_bytes", "network received", BytesPerSecond),
    f(Container, "net_sent_bytes", "network sent", BytesPerSecond),
    f(Postgres, "calls", "statements", PerSecond),
    f(Postgres, "exec_ms", "time in statements", MsPerSecond),
    f(Postgres, "rows", "rows returned or changed", PerSecond),
    f(Postgres, "blocks_hit", "blocks found in cache", PerSecond),
    f(Postgres, "blocks_read", "blocks read", PerSecond),
    f(Postgres, "commits", "commits", PerSecond),
    f(Postgres, "rollbacks", "rollbacks", PerSecond),
    f(Postgres, "returned", "rows scanned", PerSecond),
    f(Postgres, "fetched", "rows fetched by index", PerSecond),
    f(Postgres, "inserted", "rows inserted", PerSecond),
    f(Postgres, "updated", "rows updated", PerSecond),
    f(Postgres, "deleted", "rows deleted", PerSecond),
    f(Postgres, "temp_files", "temporary files", PerSecond),
    f(Postgres, "temp_bytes", "temporary files written", BytesPerSecond),
    f(Postgres, "deadlocks", "deadlocks", PerSecond),
    f(Postgres, "checkpoints_timed", "checkpoints by time", PerSecond),
    f(Postgres, "checkpoints_requested", "checkpoints by demand", PerSecond),
    f(Postgres, "connections", "connections, the probe's left out", Number),
    f(Postgres, "connections_limit", "connections it takes", Number),
    f(Postgres, "waits", "sessions at work that wait", Number),
    f(Postgres, "locks_waiting", "locks waited for", Number),
    f(Postgres, "blocked", "sessions blocked by others", Number),
    f(Postgres, "longest_transaction_s", "oldest transaction", Seconds),
    f(Postgres, "database_bytes", "size of the database", Bytes),
    f(Redis, "hits", "keys found", PerSecond),
    f(Redis, "misses", "keys not found", PerSecond),
    f(Redis, "evicted", "keys evicted", PerSecond),
    f(Redis, "expired", "keys expired", PerSecond),
    f(Redis, "commands", "commands", PerSecond),
    f(Redis, "rejected", "connections rejected", PerSecond),
    f(Redis, "received_bytes", "network received", BytesPerSecond),
    f(Redis, "sent_bytes", "network sent", BytesPerSecond),
    f(Redis, "cpu_s", "CPUs at work", SecondsPerSecond),
    f(Redis, "memory_bytes", "memory", Bytes),
    f(Redis, "memory_limit_bytes", "memory it may use (maxmemory)", Bytes),
    f(Redis, "fragmentation", "memory of the system over memory used", Number),
    f(Redis, "clients", "clients", Number),
    f(Redis, "clients_limit", "clients it takes", Number),
    f(Redis, "blocked_clients", "clients blocked", Number),
    f(Redis, "keys", "keys", Number),
    f(Nginx, "accepted", "connections accepted", PerSecond),
    f(Nginx, "dropped", "connections dropped", PerSecond),
    f(Nginx, "requests", "requests", PerSecond),
    f(Nginx, "active", "connections", Number),
    f(Nginx, "reading", "connections reading a request", Number),
    f(Nginx, "writing", "connections writing a response", Number),
    f(Nginx, "waiting", "connections waiting for a request", Number),
    f(Metrics, "requests", "requests, as the service counts them", PerSecond),
    f(Metrics, "timed", "requests timed by the service", PerSecond),
    f(Metrics, "timed_s", "time in requests, as the service counts it", SecondsPerSecond),
    f(Metrics, "connections", "database connections in use", Number),
    f(Metrics, "pool_size", "database connections its pool may hold", Number),
    f(Metrics, "pool_idle", "database connections idle", Number),
    f(Metrics, "pool_waiting", "requests waiting for a database connection", Number),
    f(Metrics, "pool_waits", "requests that had to wait for a database connection", PerSecond),
    f(Metrics, "cache_hits", "found in the service's cache", PerSecond),
    f(Metrics, "cache_misses", "not found in the service's cache", PerSecond),
    f(Metrics, "cpu_s", "CPUs at work", SecondsPerSecond),
    f(Metrics, "memory_bytes", "memory", Bytes),
    f(Metrics, "files", "open files", Number),
];

/// The figure of this name, or of the one whose part it is.
pub fn figure_name(kind: ProbeKind, name: &str) -> Option<&'static FigureName> {
    let whole = name.split_once('.').map_or(name, |(whole, _)| whole);
    FIGURES.iter().find(|figure| figure.kind == kind && figure.name == whole)
}

impl Seen {
    /// CPU used as a ratio of what it may use. No more than 1: the time of a child is told when it ends, so that a second may seem
    /// to hold more than there was.
    pub fn cpu(&self) -> Option<f64> {
        Some((self.figure("cpu_s")? / self.limit("cpus")?).min(1.0))
    }

    /// The highest CPU ratio of its seconds.
    pub fn cpu_peak(&self) -> Option<f64> {
        Some((self.peak("cpu_s")? / self.limit("cpus")?).min(1.0))
    }

    /// Memory used as a ratio of what it may use.
    pub fn memory(&self) -> Option<f64> {
        Some(self.gauges.get("memory_bytes")? / self.limit("memory_limit_bytes")?)
    }

    /// The highest memory ratio of its seconds.
    pub fn memory_peak(&self) -> Option<f64> {
        Some(self.peak("memory_bytes")? / self.limit("memory_limit_bytes")?)
    }

    fn limit(&self, name: &str) -> Option<f64> {
        self.gauges.get(name).copied().filter(|&limit| limit > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_parts_belong_to_their_whole() {
        for (at, one) in FIGURES.iter().enumerate() {
            assert!(!one.name.contains('.'), "{}", one.name);
            assert!(FIGURES[..at].iter().all(|other| (other.kind, other.name) != (one.kind, one.name)), "{}", one.name);
        }
        assert_eq!(figure_name(Postgres, "connections.idle").unwrap().name, "connections");
        assert_eq!(figure_name(Redis, "connections"), None);
    }

    #[test]
    fn ratios_are_of_what_it_may_use() {
        let mut seen = Seen { from_s: 1.0, to_s: 3.0, ..Seen::default() };
        assert_eq!((seen.cpu(), seen.memory()), (None, None));
        seen.counts.insert("cpu_s".into(), 3.0);
        for (name, value) in [("cpus", 2.0), ("memory_bytes", 1e9), ("memory_limit_bytes", 4e9)] {
            seen.gauges.insert(name.into(), value);
        }
        assert_eq!((seen.cpu(), seen.cpu_peak(), seen.memory()), (Some(0.75), Some(0.75), Some(0.25)));
        seen.peaks.insert("cpu_s".into(), 2.0);
        assert_eq!(seen.cpu_peak(), Some(1.0), "of a merged minute");
        seen.gauges.insert("cpus".into(), 0.0);
        assert_eq!(seen.cpu(), None);
    }
}
