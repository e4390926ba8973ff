//! One line a probe: the figures of it that matter.

use super::{gaps, saw};
use crate::judge::{FigureResult, ProbeResult};
use crate::record::{ProbeKind, Watched};
use crate::report::amounts::{bytes, bytes_per_s, ms, number, ratio};

/// A peak is told where it is so much higher than the mean.
const WORTH_TELLING: f64 = 1.15;

/// Figures by their names.
struct Told<'a>(&'a ProbeResult);

impl Told<'_> {
    fn get(&self, name: &str) -> Option<FigureResult> {
        self.0.figures.get(name).copied()
    }

    fn mean(&self, name: &str) -> Option<f64> {
        self.get(name).map(|figure| figure.mean)
    }

    fn above_zero(&self, name: &str) -> Option<f64> {
        self.mean(name).filter(|mean| *mean > 0.0)
    }

    /// How often it happened, where it did.
    fn happened(&self, name: &str) -> Option<f64> {
        self.get(name)?.total.filter(|total| *total > 0.0)
    }

    fn rate(&self, name: &str, what: &str) -> Option<String> {
        Some(format!("{} {what}/s", number(self.mean(name)?)))
    }

    /// `12 (peak 30)`
    fn with_peak(figure: FigureResult, say: fn(f64) -> String) -> String {
        let mean = say(figure.mean);
        let peak = say(figure.peak);
        if figure.peak > figure.mean * WORTH_TELLING && peak != mean { format!("{mean} (peak {peak})") } else { mean }
    }

    fn cpu(&self) -> Option<String> {
        let cpu = self.get("cpu_s")?;
        let Some(cpus) = self.above_zero("cpus") else {
            return Some(format!("{} CPUs at work", Self::with_peak(cpu, number)));
        };
        let of = FigureResult { mean: (cpu.mean / cpus).min(1.0), peak: (cpu.peak / cpus).min(1.0), total: None };
        Some(format!("CPU {}", Self::with_peak(of, ratio)))
    }

    fn memory(&self) -> Option<String> {
        let memory = self.get("memory_bytes")?;
        let of = self.above_zero("memory_limit_bytes").map(|limit| format!(" ({})", ratio(memory.peak / limit)));
        Some(format!("memory {}{}", bytes(memory.peak), of.unwrap_or_default()))
    }

    fn pair(&self, what: &str, names: [&str; 2]) -> Option<String> {
        let parts: Vec<f64> = names.iter().filter_map(|name| self.mean(name)).collect();
        (!parts.is_empty()).then(|| format!("{what} {}", bytes_per_s(parts.iter().sum())))
    }

    fn share(&self, what: &str, name: &str, other: &str) -> Option<String> {
        let (some, others) = (self.mean(name)?, self.mean(other).unwrap_or(0.0));
        (some + others > 0.0).then(|| format!("{what} {}", ratio(some / (some + others))))
    }

    fn each(&self, sum: &str, count: &str, scale: f64) -> Option<String> {
        Some(format!("{} on average", ms(self.mean(sum)? / self.above_zero(count)? * scale)))
    }

    /// `12 of 200 connections`
    fn of(&self, name: &str, limit: &str, what: &str) -> Option<String> {
        let some = Self::with_peak(self.get(name)?, number);
        let of = self.above_zero(limit).map_or(String::new(), |limit| format!(" of {}", number(limit)));
        Some(format!("{some}{of} {what}"))
    }

    /// `12 deadlocks`
    fn times(&self, name: &str, what: &str) -> Option<String> {
        Some(format!("{} {what}", number(self.happened(name)?)))
    }

    /// `up to 12 sessions blocked`
    fn at_most(&self, name: &str, what: &str) -> Option<String> {
        let peak = self.get(name)?.peak;
        (peak > 0.0).then(|| format!("up to {} {what}", number(peak)))
    }
}

/// What matters of a probe's figures, part by part; without its gaps.
pub(in crate::report) fn parts(watched: &Watched, result: Option<&ProbeResult>) -> Vec<String> {
    let parts = result.map(|result| of(watched.name.kind, &Told(result))).unwrap_or_default();
    match (parts.is_empty(), saw(watched), watched.gaps.is_empty()) {
        (true, true, _) => vec!["no figure of the time that is judged".to_owned()],
        (true, false, true) => vec!["nothing seen".to_owned()],
        _ => parts,
    }
}

/// The same as one line, gaps at its end.
pub(in crate::report) fn line(watched: &Watched, result: Option<&ProbeResult>) -> String {
    let figures = parts(watched, result).join(", ");
    let gaps = gaps(watched).join("; ");
    [figures, gaps].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn of(kind: ProbeKind, told: &Told<'_>) -> Vec<String> {
    let disk = || told.pair("disk", ["disk_read_bytes", "disk_written_bytes"]);
    let network = || told.pair("network", ["net_received_bytes", "net_sent_bytes"]);
    let parts = match kind {
        ProbeKind::Host => vec![told.cpu(), told.memory(), disk(), network()],
        ProbeKind::Process => {
            // The most at once: a mean of what is whole is not.
            let files = told.get("files").map(|files| format!("{} open files", number(files.peak)));
            vec![told.cpu(), told.memory(), files, disk()]
        }
        ProbeKind::Container => {
            let throttled = told.mean("throttled_periods").zip(told.above_zero("periods"));
            let throttled = throttled.map(|(some, all)| some / all).filter(|share| *share > 0.0);
            let throttled = throttled.map(|share| format!("held up by its CPU limit in {} of periods", ratio(share)));
            let killed = told.times("oom_kills", "processes killed for want of memory");
            vec![told.cpu(), throttled, told.memory(), killed, disk(), network()]
        }
        ProbeKind::Postgres => vec![
            told.rate("calls", "statements").or_else(|| told.rate("commits", "commits")),
            told.each("exec_ms", "calls", 1.0),
            told.of("connections", "connections_limit", "connections"),
            told.share("cache", "blocks_hit", "blocks_read"),
            told.at_most("blocked", "sessions blocked"),
            told.times("deadlocks", "deadlocks"),
        ],
        ProbeKind::Redis => vec![
            told.rate("commands", "commands"),
            told.share("keys found", "hits", "misses"),
            told.memory(),
            told.times("evicted", "keys evicted"),
            told.times("rejected", "connections rejected"),
        ],
        ProbeKind::Nginx => vec![
            told.rate("requests", "requests"),
            told.get("active").map(|active| format!("{} connections", Told::with_peak(active, number))),
            told.times("dropped", "connections dropped"),
        ],
        ProbeKind::Metrics => vec![
            told.rate("requests", "requests"),
            told.each("timed_s", "timed", 1000.0),
            told.of("connections", "pool_size", "database connections in use"),
            told.at_most("pool_waiting", "requests waiting for one"),
            told.share("cache", "cache_hits", "cache_misses"),
        ],
    };
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::example;
    use super::*;

    fn lines(of: &(crate::record::Run, crate::judge::RunResult)) -> Vec<String> {
        let line = |watched: &Watched| {
            let name = watched.name.to_string();
            format!("{name}: {}", line(watched, of.1.samples.get(&name)))
        };
        of.0.watched.iter().map(line).collect()
    }

    #[test]
    fn each_probe_has_the_figures_that_matter() {
        insta::assert_snapshot!("lines_healthy", lines(&example::healthy()).join("\n"));
        insta::assert_snapshot!("lines_locked", lines(&example::locked()).join("\n"));
        insta::assert_snapshot!("lines_containers", lines(&example::containers()).join("\n"));
        insta::assert_snapshot!("lines_blind", lines(&example::blind()).join("\n"));
    }

    #[test]
    fn a_probe_without_figures_says_so() {
        let (run, _) = example::healthy();
        assert_eq!(line(&run.watched[0], Some(&ProbeResult::default())), "no figure of the time that is judged");
    }
}
