//! Who else used the machine's CPUs meanwhile: a figure that is off tells nothing of a generator that was in a crowd.

use std::time::Instant;

use super::server::process_cpu_s;

/// The CPU time of the whole machine and of this process at an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    at: Instant,
    /// Of all processes, and what other virtual machines took; `None` where the system does not tell.
    machine: Option<Machine>,
    own_s: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Machine {
    busy_s: f64,
    stolen_s: f64,
    cpus: u32,
}

/// Takes a reading.
pub(super) fn read() -> Reading {
    let machine = std::fs::read_to_string("/proc/stat").ok().and_then(|text| parse(&text));
    Reading { at: Instant::now(), machine, own_s: process_cpu_s() }
}

impl Reading {
    /// The share of the machine's CPU time since `before` that neither this process used nor another one that used
    /// `servers_s` seconds; what other virtual machines took is a part of it. `None` where the system does not tell.
    pub(super) fn others_since(&self, before: &Self, servers_s: f64) -> Option<f64> {
        let (now, then) = (self.machine?, before.machine?);
        let length_s = (self.at - before.at).as_secs_f64() * f64::from(now.cpus);
        let all_s = now.busy_s - then.busy_s + now.stolen_s - then.stolen_s;
        Some(((all_s - (self.own_s - before.own_s) - servers_s) / length_s).clamp(0.0, 1.0))
    }
}

/// The first lines of `/proc/stat`, proc(5): user, nice, system, idle, iowait, irq, softirq, steal, in ticks of 1/100 s.
fn parse(text: &str) -> Option<Machine> {
    let mut lines = text.lines();
    let fields = lines.next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = fields.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _, _, irq, softirq, steal] = *ticks.get(..8)? else { return None };
    let cpus = lines.take_while(|line| line.starts_with("cpu")).count() as u32;
    Some(Machine { busy_s: (user + nice + system + irq + softirq) / 100.0, stolen_s: steal / 100.0, cpus })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STAT: &str =
        "cpu  1000 200 300 9999 50 0 100 25 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\nintr 5\n";

    #[test]
    fn the_system_s_words_are_read() {
        assert_eq!(parse(STAT), Some(Machine { busy_s: 16.0, stolen_s: 0.25, cpus: 2 }));
        assert_eq!(parse("cpu  1 2\n"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn others_are_what_is_left_of_all_of_it() {
        let at = Instant::now();
        let reading = |after_s, busy_s, stolen_s, own_s| Reading {
            at: at + Duration::from_secs(after_s),
            machine: Some(Machine { busy_s, stolen_s, cpus: 2 }),
            own_s,
        };
        // 20 CPU seconds in all: 6 used or taken away, 2 of them ours, 1 the server's.
        let others = reading(10, 105.0, 3.0, 7.0).others_since(&reading(0, 100.0, 2.0, 5.0), 1.0);
        assert!((others.unwrap() - 0.15).abs() < 1e-9);
        // Ticks are coarse: nobody used less than nothing.
        let others = reading(10, 101.0, 2.0, 7.0).others_since(&reading(0, 100.0, 2.0, 5.0), 1.0);
        assert_eq!(others, Some(0.0));
    }
}
