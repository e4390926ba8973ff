//! What rules look at.

use crate::judge::looks::Looks;
use crate::judge::samples::requests_between;
use crate::judge::steady::{Part, means_by_second};
use crate::judge::{DriftResult, TargetName, TargetResult, Verdict};
use crate::record::{ProbeKind, Run, Second, Statements};
use crate::units::{format_count, format_ms};

/// Fewer requests than this tell nothing of what is usual.
pub(super) const LEAST_REQUESTS: f64 = 100.0;

/// A run as rules see it.
pub(super) struct View<'a> {
    pub(super) run: &'a Run,
    /// Of each probe what it saw within the parts that are judged.
    looks: Vec<Looks<'a>>,
    /// The same within the longest of them: the load is constant there.
    held: Vec<Looks<'a>>,
    /// That longest part.
    pub(super) hold: Option<Part>,
    /// Requests that ended within the parts.
    pub(super) requests: f64,
    /// The target of the requests that is missed, where one is.
    pub(super) missed: Option<String>,
    /// What was found of drift, where a horizon was asked for.
    pub(super) drift: &'a [DriftResult],
}

impl<'a> View<'a> {
    pub(super) fn new(run: &'a Run, parts: &'a [Part], targets: &[TargetResult], drift: &'a [DriftResult]) -> Self {
        let length = |part: &&Part| part.to_s - part.from_s;
        let longest = parts.iter().reduce(|a, b| if length(&b) > length(&a) { b } else { a });
        let of_requests = |target: &&TargetResult| {
            target.verdict == Verdict::Fail
                && TargetName::read(&target.name).is_ok_and(|(name, _)| name.is_of_endpoints())
        };
        Self {
            run,
            looks: run.watched.iter().map(|watched| Looks::new(watched, parts)).collect(),
            held: run
                .watched
                .iter()
                .map(|watched| Looks::new(watched, longest.map_or(&[], std::slice::from_ref)))
                .collect(),
            hold: longest.copied(),
            requests: parts.iter().map(|part| requests_between(run, part.from_s, part.to_s)).sum(),
            missed: targets.iter().find(of_requests).map(|target| format!("{}: {}", target.name, target.reason)),
            drift,
        }
    }

    /// The probe of a kind of which there is one.
    pub(super) fn one(&self, kind: ProbeKind) -> Option<&Looks<'a>> {
        self.looks.iter().find(|looks| looks.watched.name.kind == kind)
    }

    /// Those of some kinds.
    pub(super) fn of(&self, kinds: &'static [ProbeKind]) -> impl Iterator<Item = &Looks<'a>> {
        self.looks.iter().filter(|looks| kinds.contains(&looks.watched.name.kind))
    }

    /// The same within the hold of constant load.
    pub(super) fn held(&self, kinds: &'static [ProbeKind]) -> impl Iterator<Item = &Looks<'a>> {
        self.held.iter().filter(|looks| kinds.contains(&looks.watched.name.kind))
    }

    /// Those whose CPU and memory are looked at: as targets judge them, but processes beside containers too.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &Looks<'a>> {
        let machine = self.run.asked.judge_machine;
        self.looks.iter().filter(move |looks| match looks.watched.name.kind {
            ProbeKind::Container | ProbeKind::Process => true,
            ProbeKind::Host => machine,
            _ => false,
        })
    }

    /// The database's statements, and the requests of the same time, where there are enough of them.
    pub(super) fn statements(&self) -> Option<(&'a Statements, f64)> {
        let statements = self.one(ProbeKind::Postgres)?.watched.statements.as_ref()?;
        let requests = requests_between(self.run, statements.from_s, statements.to_s);
        (requests >= LEAST_REQUESTS).then_some((statements, requests))
    }

    /// Requests that ended between two instants.
    pub(super) fn requests_within(&self, from_s: f64, to_s: f64) -> f64 {
        requests_between(self.run, from_s, to_s)
    }

    /// Seconds that requests were in flight between two instants, summed over them.
    pub(super) fn in_flight_s(&self, from_s: f64, to_s: f64) -> f64 {
        let of = |second: &Second| {
            let overlap = (second.to_s.min(to_s) - second.from_s.max(from_s)).max(0.0);
            let length_s = second.to_s - second.from_s;
            if length_s > 0.0 { second.in_flight_s * overlap / length_s } else { 0.0 }
        };
        self.run.seconds.iter().map(of).sum()
    }

    /// The mean response time of each second of the hold: (when, ms).
    pub(super) fn response_times(&self) -> Vec<(f64, f64)> {
        let Some(hold) = self.hold else { return Vec::new() };
        let inside = |second: &&Second| second.from_s >= hold.from_s && second.to_s <= hold.to_s;
        let seconds: Vec<&Second> = self.run.seconds.iter().filter(inside).collect();
        let means = means_by_second(self.run, &seconds);
        seconds
            .iter()
            .zip(means)
            .filter(|(_, (_, count))| *count > 0.0)
            .map(|(second, (sum, count))| (f64::midpoint(second.from_s, second.to_s), sum / count / 1000.0))
            .collect()
    }
}

/// A statement, or another long text, as evidence quotes it.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line,
    }
}

/// `4,612`, `3.4`, `0.12`: a number of which a fraction may matter.
pub(in crate::judge) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format_count(value.abs().round() as u64),
        size if size >= 10.0 || size.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `512 MB`: of 10⁶ bytes.
pub(in crate::judge) fn bytes(value: f64) -> String {
    match value.abs() {
        size if size >= 9.95e9 => format!("{:.0} GB", value / 1e9),
        size if size >= 9.995e8 => format!("{:.1} GB", value / 1e9),
        size if size >= 9.95e6 => format!("{:.0} MB", value / 1e6),
        size if size >= 1e6 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.0} kB", value / 1e3),
    }
}

/// "called 1,200 times, 3.4 ms on average".
pub(super) fn calls_in_words(row: &crate::record::StatementRow) -> String {
    let mean_ms = if row.calls > 0.0 { row.total_ms / row.calls } else { 0.0 };
    format!("called {} times, {} on average", number(row.calls), format_ms(mean_ms))
}

/// How far a value lies past a threshold: 0 at it, 1 at `far` and beyond.
pub(super) fn past(value: f64, threshold: f64, far: f64) -> f64 {
    ((value - threshold) / (far - threshold)).clamp(0.0, 1.0)
}
