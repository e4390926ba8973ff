//! A Prometheus endpoint: mostly the service's own `/metrics`.
//!
//! Requests to the page itself are left out wherever the page labels its requests with a path; where it does not, the probe's
//! own request a second is among them, and a fact says so.

mod page;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::header::ACCEPT;

use super::http::{Fetched, Page};
use super::{Address, Depth, Look, Probe};
use crate::record::{ProbeKind, ProbeName};
use page::{Sample, samples};

/// Counters of requests, by the usual instrumentators for `FastAPI` and Starlette. Of several the first that is there.
const REQUESTS: &[&str] =
    &["http_requests_total", "starlette_requests_total", "fastapi_requests_total", "flask_http_request_total"];

/// Histograms or summaries of how long requests take, likewise.
const TIMES: &[&str] = &[
    "http_request_duration_seconds",
    "http_requests_duration_seconds",
    "starlette_request_duration_seconds",
    "starlette_requests_processing_time_seconds",
    "fastapi_requests_duration_seconds",
    "http_request_duration_highr_seconds",
];

/// What is one family each: the figure, the family, and whether it only grows.
const FAMILIES: &[(&str, &str, bool)] = &[
    ("connections", "active_connections", false),
    ("pool_size", "db_pool_size", false),
    ("pool_idle", "db_pool_idle", false),
    ("pool_waiting", "db_pool_waiting", false),
    ("pool_waits", "db_pool_waits_total", true),
    ("cache_hits", "cache_hits_total", true),
    ("cache_misses", "cache_misses_total", true),
    ("cpu_s", "process_cpu_seconds_total", true),
    ("memory_bytes", "process_resident_memory_bytes", false),
    ("files", "process_open_fds", false),
];

/// Tells one process of the service from the next.
const STARTED: &str = "process_start_time_seconds";

/// Labels that hold the path of a request.
const PATHS: &[&str] = &["endpoint", "handler", "path", "path_template", "route", "url", "url_rule"];

/// See the module.
#[derive(Debug)]
pub(super) struct MetricsProbe {
    page: Page,
    facts: BTreeMap<String, String>,
    /// When the processes began that answered so far, the last one last.
    starts: Vec<f64>,
}

impl MetricsProbe {
    /// One that has not looked yet.
    pub(super) fn new(address: &Address) -> Self {
        let facts = BTreeMap::from([("address".to_owned(), address.to_string())]);
        let accepted = "text/plain;version=0.0.4;q=1,*/*;q=0.1";
        Self { page: Page::new(address).with(ACCEPT, accepted), facts, starts: Vec::new() }
    }

    async fn see(&mut self) -> Result<Look, String> {
        let fetched = self.page.fetch().await;
        let address = self.page.address();
        let Fetched { text, .. } = fetched.map_err(|why| format!("no metrics at {address}: {why}"))?;
        let seen = Families::read(&text, address.url().path())
            .map_err(|why| format!("{address} is no page of Prometheus metrics: {why}"))?;
        if seen.names.is_empty() {
            return Err(format!("{address} has none of the metrics that are looked for: {}", looked_for()));
        }
        self.facts.insert("reads".into(), seen.names.join(", "));
        if seen.counts_itself {
            self.facts.insert("own requests".into(), "among the requests: one a second, they have no path".into());
        }
        let mut look = seen.look;
        if let Some(start) = seen.started {
            self.began(start, &mut look)?;
        }
        Ok(look)
    }

    /// Counters of another process are not those of the one before.
    fn began(&mut self, start: f64, look: &mut Look) -> Result<(), String> {
        if self.starts.last() == Some(&start) {
            return Ok(());
        }
        let known = self.starts.contains(&start);
        let first = self.starts.is_empty();
        self.starts.retain(|other| *other != start);
        self.starts.push(start);
        if known {
            return Err(format!(
                "{} is answered by several processes in turn, each with counters of its own: have the service gather them \
                 (PROMETHEUS_MULTIPROC_DIR), or run it with one worker",
                self.page.address()
            ));
        }
        look.anew = !first;
        Ok(())
    }
}

impl Probe for MetricsProbe {
    fn name(&self) -> ProbeName {
        ProbeName { kind: ProbeKind::Metrics, name: String::new(), facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        self.see().boxed()
    }

    /// A large page of a busy service takes its time.
    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }
}

fn looked_for() -> String {
    let one = FAMILIES.iter().map(|(_, family, _)| *family);
    let names: Vec<&str> = REQUESTS[..1].iter().chain(&TIMES[..1]).copied().chain(one).collect();
    names.join(", ")
}

/// What a page tells.
#[derive(Debug, Default)]
struct Families {
    look: Look,
    /// Of the families that were there.
    names: Vec<&'static str>,
    /// Requests to the page itself cannot be told from others.
    counts_itself: bool,
    started: Option<f64>,
}

impl Families {
    /// `own` is the path of the page itself.
    fn read(text: &str, own: &str) -> Result<Self, String> {
        let wanted = |name: &str| {
            let times = |base: &str| name.strip_prefix(base).is_some_and(|rest| rest == "_count" || rest == "_sum");
            name == STARTED
                || REQUESTS.contains(&name)
                || FAMILIES.iter().any(|(_, family, _)| *family == name)
                || TIMES.iter().any(|base| times(base))
        };
        let samples = samples(text, wanted)?;
        let mut families = Self::default();
        let (look, names) = (&mut families.look, &mut families.names);
        if let Some((family, requests)) = REQUESTS.iter().find_map(|family| Some((*family, of(&samples, family, own)?)))
        {
            look.total("requests", requests);
            names.push(family);
            families.counts_itself = !samples.iter().any(|sample| sample.name == family && path(sample).is_some());
        }
        let times = TIMES.iter().find_map(|family| {
            let part = |part: &str| of(&samples, &format!("{family}{part}"), own);
            Some((*family, part("_count")?, part("_sum")?))
        });
        if let Some((family, timed, timed_s)) = times {
            look.total("timed", timed);
            look.total("timed_s", timed_s);
            names.push(family);
        }
        for &(figure, family, grows) in FAMILIES {
            let Some(value) = of(&samples, family, own) else { continue };
            if grows {
                look.total(figure, value);
            } else {
                look.gauge(figure, value);
            }
            names.push(family);
        }
        families.started = of(&samples, STARTED, own);
        Ok(families)
    }
}

/// The sum over a family's samples, but for those of requests to the page itself; `None` where it is not there or no number.
fn of(samples: &[Sample<'_>], name: &str, own: &str) -> Option<f64> {
    let mut of_family = samples.iter().filter(|sample| sample.name == name).peekable();
    of_family.peek()?;
    let sum: f64 = of_family.filter(|sample| path(sample) != Some(own)).map(|sample| sample.value).sum();
    sum.is_finite().then_some(sum)
}

fn path<'s>(sample: &'s Sample<'_>) -> Option<&'s str> {
    PATHS.iter().find_map(|label| sample.label(label))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::http::server::{Server, ok};
    use super::*;

    fn read(text: &str) -> Families {
        Families::read(text, "/metrics").unwrap()
    }

    fn told<'f>(figures: &'f BTreeMap<Cow<'static, str>, f64>) -> Vec<(&'f str, f64)> {
        figures.iter().map(|(name, value)| (&**name, *value)).collect()
    }

    #[test]
    fn what_the_guide_names_is_read_without_requests_to_the_page_itself() {
        let seen = read(
            "# TYPE http_requests_total counter\n\
             http_requests_total{method=\"GET\",endpoint=\"/api/v2/tasks/{task_id}\"} 40.0\n\
             http_requests_total{method=\"POST\",endpoint=\"/api/v2/tasks\"} 2.0\n\
             http_requests_total{method=\"GET\",endpoint=\"/metrics\"} 1000.0\n\
             http_request_duration_seconds_bucket{le=\"+Inf\"} 42\n\
             http_request_duration_seconds_count 42.0\nhttp_request_duration_seconds_sum 8.4\n\
             active_connections 3.0\ndb_pool_size 20\ndb_pool_idle 4\ndb_pool_waiting 0\ndb_pool_waits_total 3\n\
             cache_hits_total 9\ncache_misses_total 1\n\
             process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 5.24288e+07\nprocess_open_fds 12\n\
             process_start_time_seconds 1.7e9\n",
        );
        assert_eq!(
            told(&seen.look.totals),
            [
                ("cache_hits", 9.0),
                ("cache_misses", 1.0),
                ("cpu_s", 1.5),
                ("pool_waits", 3.0),
                ("requests", 42.0),
                ("timed", 42.0),
                ("timed_s", 8.4)
            ]
        );
        assert_eq!(
            told(&seen.look.gauges),
            [
                ("connections", 3.0),
                ("files", 12.0),
                ("memory_bytes", 52_428_800.0),
                ("pool_idle", 4.0),
                ("pool_size", 20.0),
                ("pool_waiting", 0.0)
            ]
        );
        assert!(!seen.counts_itself);
        let all = REQUESTS.len() + TIMES.len() + FAMILIES.len();
        assert_eq!(seen.names.len(), 2 + FAMILIES.len(), "of {all} names");
        let figures: Vec<&str> = crate::record::FIGURES
            .iter()
            .filter(|figure| figure.kind == ProbeKind::Metrics)
            .map(|figure| figure.name)
            .collect();
        for name in seen.look.totals.keys().chain(seen.look.gauges.keys()) {
            assert!(figures.contains(&&**name), "{name} has no title");
        }
    }

    #[test]
    fn the_usual_instrumentators_are_known() {
        // prometheus-fastapi-instrumentator
        let seen = read(
            "http_requests_total{handler=\"/items/{id}\",method=\"GET\",status=\"2xx\"} 7\n\
             http_requests_total{handler=\"/metrics\",method=\"GET\",status=\"2xx\"} 5\n\
             http_request_duration_seconds_count{handler=\"/items/{id}\",method=\"GET\"} 7\n\
             http_request_duration_seconds_sum{handler=\"/items/{id}\",method=\"GET\"} 0.7\n\
             http_request_duration_seconds_count{handler=\"/metrics\",method=\"GET\"} 5\n\
             http_request_duration_seconds_sum{handler=\"/metrics\",method=\"GET\"} 0.1\n\
             http_request_duration_highr_seconds_count 12\nhttp_request_duration_highr_seconds_sum 0.8\n",
        );
        assert_eq!(told(&seen.look.totals), [("requests", 7.0), ("timed", 7.0), ("timed_s", 0.7)]);
        // starlette_exporter
        let seen = read(
            "starlette_requests_total{app_name=\"a\",method=\"GET\",path=\"/x\",status_code=\"200\"} 3\n\
             starlette_request_duration_seconds_count{app_name=\"a\",path=\"/x\"} 3\n\
             starlette_request_duration_seconds_sum{app_name=\"a\",path=\"/x\"} 0.25\n",
        );
        assert_eq!(told(&seen.look.totals), [("requests", 3.0), ("timed", 3.0), ("timed_s", 0.25)]);
    }

    #[test]
    fn what_is_missing_or_no_number_is_not_told() {
        let seen = read("active_connections NaN\ncache_hits_total 1\nhttp_request_duration_seconds_count 5\n");
        assert_eq!((told(&seen.look.totals), told(&seen.look.gauges)), (vec![("cache_hits", 1.0)], vec![]));
        assert!(read("http_requests_total 5").counts_itself);
    }

    #[tokio::test]
    async fn a_page_without_any_of_them_lists_what_was_looked_for() {
        let pages = ["up 1\n", "{\"detail\":\"Not Found\"}"];
        let server = Server::start(move |number| ok(pages[number])).await;
        let mut probe = MetricsProbe::new(&server.address("/metrics"));
        let error = probe.look(Depth::Whole).await.unwrap_err();
        assert!(
            error.contains("has none of the metrics that are looked for: http_requests_total, http_req"),
            "{error}"
        );
        assert!(error.contains("active_connections") && error.contains("process_open_fds"), "{error}");
        let error = probe.look(Depth::Whole).await.unwrap_err();
        assert!(
            error.ends_with("is no page of Prometheus metrics: line 1 is no line of metrics: it begins with no name")
        );
    }

    #[tokio::test]
    async fn counters_of_another_process_are_not_taken_for_those_of_the_one_before() {
        let starts = [1.0, 1.0, 2.0, 2.0, 1.0, 2.0];
        let server = Server::start(move |number| {
            ok(&format!("cache_hits_total {}\n{STARTED} {}\n", 100 * number, starts[number]))
        })
        .await;
        let mut probe = MetricsProbe::new(&server.address("/metrics"));
        let mut met = Vec::new();
        for _ in starts {
            met.push(probe.look(Depth::Quick).await.map(|look| look.anew));
        }
        assert_eq!(met[..4], [Ok(false), Ok(false), Ok(true), Ok(false)], "after a restart counting begins anew");
        for alternating in &met[4..] {
            assert!(alternating.as_ref().unwrap_err().contains("PROMETHEUS_MULTIPROC_DIR"), "{met:?}");
        }
        assert_eq!(probe.name().facts["reads"], "cache_hits_total");
    }
}
