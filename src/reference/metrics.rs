//! What the service counts of itself, written in Prometheus' text format.
//!
//! | metric | what it is | there |
//! |---|---|---|
//! | `http_requests_total{method,endpoint}` | requests that arrived | always |
//! | `http_request_duration_seconds` | from a request's arrival to its answer | always |
//! | `active_connections` | the guide's "Active database connections": those in use | always; 0 without a database |
//! | `http_connections` | open client connections | always |
//! | `db_pool_size` | the most connections that the pool may hold, overflow included | with a database |
//! | `db_pool_idle` | connections open and not in use | with a database |
//! | `db_pool_waiting` | requests that wait for a connection | with a database |
//! | `db_pool_waits_total` | requests that had to wait for a connection | with a database |
//! | `cache_hits_total`, `cache_misses_total` | look-ups in Redis that found something, or did not | with a cache |

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::Endpoint;
use super::cache::CacheFigures;
use super::pool::PoolFigures;

/// The upper bounds of the histogram's buckets in seconds, as `prometheus_client` has them by default.
const BOUNDS_S: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// What the service counts of itself.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    requests: [AtomicU64; Endpoint::COUNT],
    /// Not cumulative; the last holds all above the highest bound.
    buckets: [AtomicU64; BOUNDS_S.len() + 1],
    sum_ns: AtomicU64,
    connections: AtomicI64,
}

/// What others count; `None` where there is no such part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) pool: Option<PoolFigures>,
    pub(super) cache: Option<CacheFigures>,
}

/// An open connection; counted until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<Metrics>);

impl Metrics {
    /// A request has arrived.
    pub(super) fn received(&self, endpoint: Endpoint) {
        self.requests[endpoint.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// A request has its answer, `took` after it arrived.
    pub(super) fn answered(&self, took: Duration) {
        let bucket = BOUNDS_S.partition_point(|&bound| bound < took.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// A client has connected.
    pub(super) fn connected(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// All of them as Prometheus' text format 0.0.4.
    pub(super) fn render(&self, figures: &Figures) -> String {
        let mut text = String::with_capacity(2048);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, figures);
        text
    }

    fn write(&self, text: &mut String, figures: &Figures) -> std::fmt::Result {
        writeln!(text, "# HELP http_requests_total Total HTTP requests")?;
        writeln!(text, "# TYPE http_requests_total counter")?;
        for endpoint in Endpoint::ALL {
            let requests = self.requests[endpoint.index()].load(Ordering::Relaxed);
            let (method, path) = (endpoint.method(), endpoint.path());
            writeln!(text, "http_requests_total{{method=\"{method}\",endpoint=\"{path}\"}} {requests}")?;
        }
        writeln!(text, "# HELP http_request_duration_seconds HTTP request latency")?;
        writeln!(text, "# TYPE http_request_duration_seconds histogram")?;
        let mut below = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_S.into_iter().map(Some).chain([None])) {
            below += bucket.load(Ordering::Relaxed);
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |seconds| format!("{seconds:?}"));
            writeln!(text, "http_request_duration_seconds_bucket{{le=\"{bound}\"}} {below}")?;
        }
        let sum_s = Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(text, "http_request_duration_seconds_sum {sum_s}")?;
        writeln!(text, "http_request_duration_seconds_count {below}")?;
        let mut one = |kind: &str, name: &str, help: &str, value: u64| {
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}")
        };
        let in_use = figures.pool.map_or(0, |pool| pool.active as u64);
        one("gauge", "active_connections", "Active database connections", in_use)?;
        if let Some(pool) = figures.pool
            && let Some(most) = pool.most
        {
            one("gauge", "db_pool_size", "Most database connections that the pool may hold", most as u64)?;
            one("gauge", "db_pool_idle", "Open database connections that are not in use", pool.idle as u64)?;
            one("gauge", "db_pool_waiting", "Requests that wait for a database connection", pool.waiting as u64)?;
            one("counter", "db_pool_waits_total", "Requests that had to wait for a database connection", pool.waits)?;
        }
        if let Some(cache) = figures.cache {
            one("counter", "cache_hits_total", "Look-ups that the cache answered", cache.hits)?;
            one("counter", "cache_misses_total", "Look-ups that the cache could not answer", cache.misses)?;
        }
        let open = self.connections.load(Ordering::Relaxed).max(0) as u64;
        one("gauge", "http_connections", "Open client connections", open)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_a_bound_belongs_to_its_bucket() {
        let metrics = Metrics::default();
        for ms in [5, 6, 20_000] {
            metrics.answered(Duration::from_millis(ms));
        }
        let text = metrics.render(&Figures::default());
        for line in [
            "http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "http_request_duration_seconds_bucket{le=\"0.01\"} 2",
            "http_request_duration_seconds_bucket{le=\"10.0\"} 2",
            "http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "http_request_duration_seconds_sum 20.011",
            "http_request_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn a_connection_counts_until_it_is_dropped() {
        let metrics = Arc::new(Metrics::default());
        let (one, two) = (metrics.connected(), metrics.connected());
        drop(one);
        assert!(metrics.render(&Figures::default()).ends_with("\nhttp_connections 1\n"));
        drop(two);
        assert!(metrics.render(&Figures::default()).ends_with("\nhttp_connections 0\n"));
    }

    #[test]
    fn what_is_not_there_is_not_counted() {
        let text = Metrics::default().render(&Figures::default());
        assert!(text.contains("\nactive_connections 0\n"), "{text}");
        assert!(!text.contains("db_pool") && !text.contains("cache_"), "{text}");
        let pool = PoolFigures { most: Some(50), active: 3, idle: 2, waiting: 1, waits: 7 };
        let text =
            Metrics::default().render(&Figures { pool: Some(pool), cache: Some(CacheFigures { hits: 7, misses: 4 }) });
        for line in [
            "active_connections 3",
            "db_pool_size 50",
            "db_pool_idle 2",
            "db_pool_waiting 1",
            "db_pool_waits_total 7",
            "cache_hits_total 7",
            "cache_misses_total 4",
            "http_connections 0",
        ] {
            assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
        }
    }
}
