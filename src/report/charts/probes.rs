//! What each kind of probe is drawn as: a table of charts, each with the figures it shows.

use super::canvas::Ink;
use super::seen::{self, Bins};
use super::timeline::{Line, Mark, Scale, Strip, Timeline};
use super::{Chart, panel, timed};
use crate::judge::RunResult;
use crate::record::{ProbeKind, Run, Watched, figure_name};
use crate::report::amounts::{self, Say};
use crate::report::watched as told;

/// What a line shows.
#[derive(Clone, Copy)]
enum Show {
    /// A figure, and its name.
    Figure(&'static str, &'static str),
    /// A figure's parts, each by its own name.
    Parts(&'static str),
    /// A count for each of another, times a scale.
    Per(&'static str, &'static str, f64, &'static str),
    /// The first count's share of both.
    Share(&'static str, &'static str, &'static str),
}

/// One chart.
#[derive(Clone, Copy)]
struct Shape {
    kind: ProbeKind,
    slug: &'static str,
    title: &'static str,
    shows: &'static [Show],
    /// A gauge that is a capacity.
    limit: Option<&'static str>,
    /// `None`: the first figure's unit.
    say: Option<Say>,
}

use ProbeKind::{Container, Host, Metrics, Nginx, Postgres, Process, Redis};
use Show::{Figure, Parts, Per, Share};

const fn of(kind: ProbeKind, slug: &'static str, title: &'static str, shows: &'static [Show]) -> Shape {
    Shape { kind, slug, title, shows, limit: None, say: None }
}

const fn limited(shape: Shape, limit: &'static str) -> Shape {
    Shape { limit: Some(limit), ..shape }
}

const fn said(shape: Shape, say: Say) -> Shape {
    Shape { say: Some(say), ..shape }
}

const READ: Show = Figure("disk_read_bytes", "read");
const WRITTEN: Show = Figure("disk_written_bytes", "written");
const RECEIVED: Show = Figure("net_received_bytes", "received");
const SENT: Show = Figure("net_sent_bytes", "sent");
const CPU: Show = Figure("cpu_s", "CPUs at work");
const MEMORY: Show = Figure("memory_bytes", "memory");

/// All of them, in the order in which they are shown.
static SHAPES: &[Shape] = &[
    of(Postgres, "statements", "Statements a second", &[Figure("calls", "statements")]),
    said(
        of(Postgres, "statement-time", "Time of a statement, mean", &[Per("exec_ms", "calls", 1.0, "mean")]),
        amounts::ms,
    ),
    limited(
        of(Postgres, "connections", "Connections by state", &[Figure("connections", "all"), Parts("connections")]),
        "connections_limit",
    ),
    of(
        Postgres,
        "waits",
        "Sessions that wait, and locks",
        &[Parts("waits"), Figure("locks_waiting", "locks waited for"), Figure("blocked", "blocked by others")],
    ),
    of(
        Postgres,
        "transactions",
        "Transactions a second",
        &[Figure("commits", "commits"), Figure("rollbacks", "rollbacks")],
    ),
    of(Postgres, "rows-read", "Rows read a second", &[Figure("returned", "scanned"), Figure("fetched", "by index")]),
    of(
        Postgres,
        "rows-changed",
        "Rows changed a second",
        &[Figure("inserted", "inserted"), Figure("updated", "updated"), Figure("deleted", "deleted")],
    ),
    of(Postgres, "blocks", "Blocks a second", &[Figure("blocks_hit", "found in cache"), Figure("blocks_read", "read")]),
    of(Postgres, "temporary", "Temporary files written", &[Figure("temp_bytes", "written")]),
    of(
        Postgres,
        "checkpoints",
        "Checkpoints a second",
        &[Figure("checkpoints_timed", "by time"), Figure("checkpoints_requested", "by demand")],
    ),
    of(Postgres, "transaction-age", "Oldest transaction", &[Figure("longest_transaction_s", "oldest")]),
    of(Postgres, "deadlocks", "Deadlocks a second", &[Figure("deadlocks", "deadlocks")]),
    of(Redis, "commands", "Commands a second", &[Figure("commands", "commands")]),
    of(Redis, "keys-found", "Keys looked up a second", &[Figure("hits", "found"), Figure("misses", "not found")]),
    limited(of(Redis, "memory", "Memory", &[MEMORY]), "memory_limit_bytes"),
    of(Redis, "clients", "Clients", &[Figure("clients", "clients"), Figure("blocked_clients", "blocked")]),
    of(
        Redis,
        "keys-lost",
        "Keys lost, clients rejected a second",
        &[Figure("evicted", "evicted"), Figure("expired", "expired"), Figure("rejected", "rejected")],
    ),
    of(Redis, "cpu", "CPUs at work", &[CPU]),
    of(Redis, "network", "Network", &[Figure("received_bytes", "received"), Figure("sent_bytes", "sent")]),
    of(
        Nginx,
        "requests",
        "Requests and connections a second",
        &[Figure("requests", "requests"), Figure("accepted", "accepted"), Figure("dropped", "dropped")],
    ),
    of(
        Nginx,
        "connections",
        "Connections",
        &[
            Figure("active", "all"),
            Figure("reading", "reading"),
            Figure("writing", "writing"),
            Figure("waiting", "waiting"),
        ],
    ),
    of(Metrics, "requests", "Requests a second, by its own count", &[Figure("requests", "requests")]),
    said(
        of(Metrics, "request-time", "Time of a request, by its own clock", &[Per("timed_s", "timed", 1000.0, "mean")]),
        amounts::ms,
    ),
    limited(
        of(
            Metrics,
            "pool",
            "Its pool of database connections",
            &[Figure("connections", "in use"), Figure("pool_idle", "idle"), Figure("pool_waiting", "requests waiting")],
        ),
        "pool_size",
    ),
    said(of(Metrics, "cache", "Found in its cache", &[Share("cache_hits", "cache_misses", "found")]), amounts::ratio),
    of(Metrics, "cpu", "CPUs at work", &[CPU]),
    of(Metrics, "memory", "Memory", &[MEMORY]),
    of(Metrics, "files", "Open files", &[Figure("files", "open files")]),
    limited(of(Host, "cpu", "CPUs at work", &[CPU, Figure("steal_s", "taken by others")]), "cpus"),
    limited(of(Host, "memory", "Memory", &[MEMORY, Figure("swap_bytes", "swap")]), "memory_limit_bytes"),
    of(Host, "load", "Load average over a minute", &[Figure("load1", "load")]),
    of(Host, "disk", "Disk", &[READ, WRITTEN]),
    said(of(Host, "disk-busy", "Disks at work, of the time", &[Figure("disk_busy_s", "at work")]), amounts::ratio),
    of(Host, "network", "Network", &[RECEIVED, SENT]),
    said(
        of(
            Host,
            "pressure",
            "Time in which something waited",
            &[Figure("psi_cpu_s", "for a CPU"), Figure("psi_memory_s", "for memory"), Figure("psi_io_s", "for a disk")],
        ),
        amounts::ratio,
    ),
    limited(of(Container, "cpu", "CPUs at work", &[CPU]), "cpus"),
    limited(of(Container, "memory", "Memory", &[MEMORY]), "memory_limit_bytes"),
    said(
        of(
            Container,
            "throttling",
            "Held up by its CPU limit",
            &[Per("throttled_periods", "periods", 1.0, "of its periods"), Figure("throttled_s", "time throttled")],
        ),
        amounts::ratio,
    ),
    of(Container, "disk", "Disk", &[READ, WRITTEN]),
    of(Container, "network", "Network", &[RECEIVED, SENT]),
    of(Container, "processes", "Processes and threads", &[Figure("processes", "processes")]),
    of(Container, "killed", "Killed for want of memory, a second", &[Figure("oom_kills", "killed")]),
    limited(of(Process, "cpu", "CPUs at work", &[CPU]), "cpus"),
    limited(of(Process, "memory", "Memory", &[MEMORY]), "memory_limit_bytes"),
    of(
        Process,
        "threads",
        "Processes, threads, open files",
        &[Figure("processes", "processes"), Figure("threads", "threads"), Figure("files", "open files")],
    ),
    of(Process, "disk", "Disk", &[READ, WRITTEN]),
];

/// The charts of a probe, and the titles of those that are not drawn because all is zero in them.
pub(super) fn charts(run: &Run, result: &RunResult, watched: &Watched) -> (Vec<Chart>, Vec<&'static str>) {
    let bins = Bins::new(watched, panel::length_s(run));
    let (mut charts, mut zero) = (Vec::new(), Vec::new());
    for shape in SHAPES.iter().filter(|shape| shape.kind == watched.name.kind) {
        let Some(strip) = strip(shape, watched, &bins) else { continue };
        if strip.zero() {
            zero.push(shape.title);
            continue;
        }
        let gaps: Vec<String> = told::gaps(watched).iter().map(|gap| told::sentence(gap)).collect();
        let caption = [format!("{}: {}.", watched.name, told::within(strip.title.as_str()))].into_iter().chain(gaps);
        let caption = caption.collect::<Vec<_>>().join(" ");
        let slug = format!("probe-{}-{}", told::slug(&watched.name), shape.slug);
        charts.push(timed(&slug, &caption, run, result, &Timeline { title: String::new(), strips: vec![strip] }));
    }
    (charts, zero)
}

/// `None` where the probe tells of none of its figures.
fn strip(shape: &Shape, watched: &Watched, bins: &Bins<'_>) -> Option<Strip> {
    let mut lines: Vec<Line> = Vec::new();
    let mut say = shape.say;
    for show in shape.shows {
        let ink = |n: usize| Ink::LINES[n % Ink::LINES.len()];
        let (figure, line) = match show {
            Figure(figure, name) => (*figure, bins.line(name, ink(lines.len()), &seen::figure(figure))),
            Per(figure, each, scale, name) => {
                (*figure, bins.line(name, ink(lines.len()), &seen::per(figure, each, *scale)))
            }
            Share(figure, other, name) => (*figure, bins.line(name, ink(lines.len()), &seen::share(figure, other))),
            Parts(whole) => {
                for part in seen::parts(watched, whole) {
                    let figure = seen::figure_of(whole, part);
                    lines.extend(bins.line(&part.replace('_', " "), ink(lines.len()), &seen::figure(&figure)));
                }
                (*whole, None)
            }
        };
        lines.extend(line);
        say = say.or_else(|| figure_name(shape.kind, figure).map(|figure| amounts::say(figure.unit)));
    }
    // Lines of nothing but zeros only take room beside others.
    let zero = |line: &Line| line.points.iter().all(|point| point.value == 0.0 && point.peak.is_none());
    if lines.iter().any(|line| !zero(line)) && lines.len() > 4 {
        lines.retain(|line| !zero(line));
    }
    let limit = shape.limit.and_then(|limit| seen::last(watched, limit));
    let say = say.unwrap_or(amounts::number);
    let mark = |at: f64| Mark { words: format!("{} at most", say(at)), at, target: false };
    let of = limit.map_or(String::new(), |limit| format!(", of {}", say(limit)));
    (!lines.is_empty()).then(|| Strip {
        title: format!("{}{of}", shape.title),
        lines,
        marks: limit.map(mark).into_iter().collect(),
        gaps: seen::blind(watched),
        scale: Scale::Zero,
        say,
        instead: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chart_shows_figures_that_there_are() {
        for shape in SHAPES {
            let names = shape.shows.iter().flat_map(|show| match show {
                Figure(name, _) | Parts(name) => vec![*name],
                Per(name, other, ..) | Share(name, other, _) => vec![*name, *other],
            });
            for name in names.chain(shape.limit) {
                assert!(figure_name(shape.kind, name).is_some(), "{} {name}", shape.slug);
            }
        }
        for (n, shape) in SHAPES.iter().enumerate() {
            let same = |other: &Shape| (other.kind, other.slug) == (shape.kind, shape.slug);
            assert!(!SHAPES[..n].iter().any(same), "{}", shape.slug);
            // With its limit it must have room on a phone.
            assert!(shape.title.len() <= if shape.limit.is_some() { 33 } else { 38 }, "{}", shape.title);
        }
    }
}
