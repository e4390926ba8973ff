//! Merges what probes saw in an hour to minutes, beside the load's own seconds.

use std::collections::BTreeMap;

use super::probe::push_gap;
use super::{Gap, ProbeLine, Seen};

/// Sessions waiting for locks that are kept of an hour, the longest waits.
const MOST_BLOCKED: usize = 100;

/// The gauge whose lowest second a minute keeps: what a collector gives back is seen there, and growth that stays.
const KEEPS_ITS_LOWEST: &str = "memory_bytes";

/// The hour that is being filled.
#[derive(Debug, Default)]
pub(super) struct ProbeHour {
    /// What is known of each probe, by its id.
    probes: BTreeMap<u32, Probe>,
}

#[derive(Debug, Default)]
struct Probe {
    minute: Option<Seen>,
    gaps: Vec<Gap>,
    /// Of each kind of line that counts only as the last of its kind, the last: by its place among them.
    last: [Option<ProbeLine>; 3],
    blocked: Vec<super::Blocked>,
}

impl ProbeHour {
    /// Adds a line of the journal.
    pub(super) fn add(&mut self, line: &ProbeLine) {
        let probe = self.probes.entry(line.probe()).or_default();
        match line {
            ProbeLine::Probe { .. } => probe.last[0] = Some(line.clone()),
            ProbeLine::Statements { .. } => probe.last[1] = Some(line.clone()),
            ProbeLine::Tables { .. } => probe.last[2] = Some(line.clone()),
            ProbeLine::Seen { seen, .. } => probe.see(seen),
            ProbeLine::Gap { gap, .. } => push_gap(&mut probe.gaps, gap.clone()),
            ProbeLine::Blocked { sessions, .. } => {
                probe.blocked.extend(sessions.iter().cloned());
                if probe.blocked.len() > MOST_BLOCKED {
                    probe.blocked.sort_by(|a, b| b.waited_s.total_cmp(&a.waited_s));
                    probe.blocked.truncate(MOST_BLOCKED);
                }
            }
        }
    }

    /// The lines of the minute that has just ended. Who a probe is comes first: readers need it for all the others.
    pub(super) fn minute(&mut self) -> Vec<ProbeLine> {
        let take = |(&id, probe): (&u32, &mut Probe)| {
            let seen = probe.minute.take().map(|seen| ProbeLine::Seen { probe: id, seen: seen.rounded() });
            probe.last[0].take().into_iter().chain(seen)
        };
        self.probes.iter_mut().flat_map(take).collect()
    }

    /// The lines that stand once for the whole hour, and a new hour.
    pub(super) fn hour(&mut self) -> Vec<ProbeLine> {
        let mut lines = Vec::new();
        for (id, probe) in std::mem::take(&mut self.probes) {
            lines.extend(probe.last.into_iter().flatten());
            lines.extend(probe.gaps.into_iter().map(|gap| ProbeLine::Gap { probe: id, gap }));
            let mut sessions = probe.blocked;
            sessions.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
            if !sessions.is_empty() {
                lines.push(ProbeLine::Blocked { probe: id, sessions });
            }
            if let Some(seen) = probe.minute {
                self.probes.entry(id).or_default().minute = Some(seen);
            }
        }
        lines
    }
}

impl Probe {
    fn see(&mut self, later: &Seen) {
        let Some(minute) = &mut self.minute else {
            let mut first = later.clone();
            let names: Vec<String> = later.gauges.keys().chain(later.counts.keys()).cloned().collect();
            first.peaks = names.into_iter().filter_map(|name| later.peak(&name).map(|peak| (name, peak))).collect();
            first.lows =
                later.low(KEEPS_ITS_LOWEST).map(|low| (KEEPS_ITS_LOWEST.to_owned(), low)).into_iter().collect();
            self.minute = Some(first);
            return;
        };
        let (before, after) = (minute.length_s(), later.length_s());
        // Looks of no length, as the first is, count a little: better than not at all.
        let share = after.max(1e-3) / (before + after).max(2e-3);
        for (name, &value) in &later.gauges {
            let mean = minute.gauges.entry(name.clone()).or_insert(value);
            *mean += (value - *mean) * share;
        }
        if let Some(low) = later.low(KEEPS_ITS_LOWEST) {
            let lowest = minute.lows.entry(KEEPS_ITS_LOWEST.to_owned()).or_insert(low);
            *lowest = lowest.min(low);
        }
        for (name, &count) in &later.counts {
            *minute.counts.entry(name.clone()).or_default() += count;
        }
        for name in later.gauges.keys().chain(later.counts.keys()) {
            if let Some(peak) = later.peak(name) {
                let highest = minute.peaks.entry(name.clone()).or_insert(peak);
                *highest = highest.max(peak);
            }
        }
        minute.to_s = later.to_s;
    }
}

impl Seen {
    /// Means to six digits: the rest is noise that only takes space.
    fn rounded(mut self) -> Self {
        for value in self.gauges.values_mut().chain(self.peaks.values_mut()).chain(self.lows.values_mut()) {
            *value = six_digits(*value);
        }
        self
    }
}

fn six_digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powi(5 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::{Blocked, ProbeKind, ProbeName, Statements};
    use super::*;

    fn seen(second: u32, cpus: f64, calls: f64) -> ProbeLine {
        let at = f64::from(second);
        let seen = Seen {
            from_s: at,
            to_s: at + 1.0,
            gauges: [("cpus".to_owned(), cpus)].into(),
            counts: [("calls".to_owned(), calls)].into(),
            ..Seen::default()
        };
        ProbeLine::Seen { probe: 3, seen }
    }

    #[test]
    fn a_minute_keeps_means_sums_and_peaks() {
        let mut hour = ProbeHour::default();
        for second in 0..60 {
            hour.add(&seen(second, if second < 30 { 1.0 } else { 3.0 }, if second == 7 { 500.0 } else { 10.0 }));
        }
        let lines = hour.minute();
        let [ProbeLine::Seen { probe: 3, seen }] = &*lines else { panic!("{lines:?}") };
        assert_eq!((seen.from_s, seen.to_s), (0.0, 60.0));
        assert_eq!((seen.gauges["cpus"], seen.counts["calls"]), (2.0, 1090.0));
        assert_eq!((seen.peak("cpus"), seen.peak("calls")), (Some(3.0), Some(500.0)));
        assert!(hour.minute().is_empty(), "the next minute is a new one");
    }

    #[test]
    fn a_minute_keeps_the_lowest_of_its_memory_and_of_nothing_else() {
        let mut hour = ProbeHour::default();
        for second in 0..60_u32 {
            let ProbeLine::Seen { probe, mut seen } = seen(second, 1.0, 1.0) else { panic!() };
            seen.gauges.insert("memory_bytes".to_owned(), 5e6 + 1e6 * f64::from(second % 20));
            hour.add(&ProbeLine::Seen { probe, seen });
        }
        let lines = hour.minute();
        let [ProbeLine::Seen { seen, .. }] = &*lines else { panic!("{lines:?}") };
        assert_eq!((seen.low("memory_bytes"), seen.gauges["memory_bytes"]), (Some(5e6), 14.5e6));
        assert_eq!((seen.lows.len(), seen.low("cpus")), (1, Some(1.0)));
    }

    #[test]
    fn an_hour_keeps_the_last_statements_every_gap_and_who_it_was() {
        let mut hour = ProbeHour::default();
        let name = ProbeName { kind: ProbeKind::Postgres, name: String::new(), facts: BTreeMap::new() };
        hour.add(&ProbeLine::Probe { id: 3, name });
        for to_s in [30.0, 60.0] {
            hour.add(&ProbeLine::Statements { probe: 3, statements: Statements { to_s, ..Statements::default() } });
        }
        let gap =
            |from_s, why: &str| ProbeLine::Gap { probe: 3, gap: Gap { from_s, to_s: from_s + 1.0, why: why.into() } };
        for line in [gap(5.0, "gone"), gap(6.0, "gone"), gap(9.0, "gone"), gap(10.0, "no")] {
            hour.add(&line);
        }
        let blocked = |at_s| Blocked { at_s, waited_s: at_s, ..Blocked::default() };
        hour.add(&ProbeLine::Blocked { probe: 3, sessions: (0..150).map(|n| blocked(f64::from(n))).collect() });
        let lines = hour.hour();
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert!(matches!(&lines[1], ProbeLine::Statements { statements, .. } if statements.to_s == 60.0));
        let spans: Vec<(f64, f64)> = lines
            .iter()
            .filter_map(|line| if let ProbeLine::Gap { gap, .. } = line { Some((gap.from_s, gap.to_s)) } else { None })
            .collect();
        assert_eq!(spans, [(5.0, 7.0), (9.0, 10.0), (10.0, 11.0)]);
        let ProbeLine::Blocked { sessions, .. } = &lines[5] else { panic!("{lines:?}") };
        assert_eq!((sessions.len(), sessions[0].at_s), (MOST_BLOCKED, 50.0), "the longest waits, in order of time");
        assert!(hour.hour().is_empty());
    }

    #[test]
    fn digits_beyond_the_sixth_go() {
        assert_eq!(six_digits(0.123_456_789), 0.123_457);
        assert_eq!(six_digits(123_456_789.0), 123_457_000.0);
        assert_eq!(six_digits(0.0), 0.0);
    }
}
