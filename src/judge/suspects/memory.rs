//! Memory that grows, and memory that ends.

use super::view::{View, bytes, number, past};
use super::{Found, Rule};
use crate::judge::looks::Looks;
use crate::record::{ProbeKind, Seen};
use crate::stats::{Slope, slope};
use crate::units::format_ratio;

/// A shorter hold tells no growth from a start.
const LEAST_S: f64 = 30.0;
/// What it grew by within the hold, of what it was, and at least.
const GROWN: f64 = 0.1;
const LEAST_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// The last third of the hold grows as fast as this share of the whole: what fills up grows ever slower.
const STILL: f64 = 0.6;
const A_DAY_S: f64 = 86_400.0;
/// Programs that fill the memory they were given, on purpose.
const FILLS_UP: [&str; 7] = ["postgres", "redis", "valkey", "memcached", "mysql", "mariadb", "mongo"];

/// Near its end: the guide's limit is 80 %.
const NEAR: f64 = 0.9;
const NEAR_SHARE: f64 = 0.2;

pub(super) const MEMORY_GROWTH: Rule = Rule {
    id: "memory_growth",
    threshold: "under constant load for at least 30 s memory grows by at least 10 % and 16 MiB (lower end of the slope of Theil and Sen), no slower in its last third than at 60 % of that, and would be at its limit within a day (our own; databases and caches fill what they were given and are left out)",
    find: memory_growth,
};

pub(super) const MEMORY_LIMIT: Rule = Rule {
    id: "memory_limit",
    threshold: "at least 90 % of the memory it may use for 20 % of the steady time (our own; the guide's target is 80 %), or a process killed for want of memory",
    find: memory_limit,
};

/// A subject whose memory grows and grows.
pub(super) struct Growth {
    pub(super) subject: String,
    slope: Slope,
    seconds: f64,
    limit: Option<f64>,
}

/// The one that grows most.
pub(super) fn growth(view: &View<'_>) -> Option<Growth> {
    let watched = view.held(&[ProbeKind::Container, ProbeKind::Process, ProbeKind::Metrics]);
    // What the service tells of itself is also a process's or a container's: that one comes first and stays.
    watched.filter_map(grows).reduce(|a, b| if b.slope.low > 1.1 * a.slope.low { b } else { a })
}

fn grows(looks: &Looks<'_>) -> Option<Growth> {
    let name = &looks.watched.name;
    let told = name.facts.iter().filter(|(key, _)| ["image", "program"].contains(&key.as_str())).map(|(_, fact)| fact);
    let fills_up = told.chain([&name.name]).any(|told| {
        let told = told.to_lowercase();
        FILLS_UP.iter().any(|program| told.contains(program))
    });
    if fills_up || looks.window_s() < LEAST_S {
        return None;
    }
    let point = |(seen, _): &(&Seen, usize)| {
        seen.gauges.get("memory_bytes").filter(|bytes| bytes.is_finite()).map(|bytes| (seen.to_s, *bytes))
    };
    let points: Vec<(f64, f64)> = looks.seen.iter().filter_map(point).collect();
    let (first, last) = (points.first()?, points.last()?);
    let seconds = last.0 - first.0;
    let whole = slope(&points)?;
    let grown = whole.low * seconds;
    if seconds < LEAST_S || grown < LEAST_BYTES.max(GROWN * whole.start) {
        return None;
    }
    let last_third: Vec<(f64, f64)> = points.iter().copied().filter(|(at, _)| *at >= last.0 - seconds / 3.0).collect();
    let still = slope(&last_third).is_none_or(|last| last.value >= STILL * whole.value);
    let limit = looks.seen.iter().filter_map(|(seen, _)| seen.gauges.get("memory_limit_bytes").copied()).next_back();
    let within_a_day = limit.filter(|limit| *limit > 0.0).is_none_or(|limit| whole.low * A_DAY_S >= limit - last.1);
    (still && within_a_day).then(|| Growth { subject: name.to_string(), slope: whole, seconds, limit })
}

impl Growth {
    /// "process api grows by 5.2 MB a second".
    pub(super) fn in_words(&self) -> String {
        format!("the memory of {} grows by {} a second", self.subject, bytes(self.slope.value))
    }
}

fn memory_growth(view: &View<'_>) -> Option<Found> {
    let growth = growth(view)?;
    let Growth { subject, slope, seconds, limit } = &growth;
    let mut evidence = vec![format!(
        "{} at first, {} more within {} s of constant load: {} a second (95 %: {} – {})",
        bytes(slope.start),
        bytes(slope.value * seconds),
        number(*seconds),
        bytes(slope.value),
        bytes(slope.low),
        bytes(slope.high)
    )];
    let requests = view.hold.map_or(0.0, |hold| view.requests_within(hold.from_s, hold.to_s));
    if requests > 0.0 {
        evidence.push(format!("that is {} for each HTTP request", bytes(slope.value * seconds / requests)));
    }
    if let Some(limit) = limit {
        let left_s = (limit - slope.start) / slope.value - seconds;
        evidence.push(format!("at this rate its limit of {} is reached in {:.1} h", bytes(*limit), left_s / 3600.0));
    }
    Some(Found {
        subject: subject.clone(),
        says: format!("{} and does not stop", growth.in_words()),
        evidence,
        advice: "see what keeps objects alive after their request (a heap profile at the start and at the end of the load); confirm with a soak run".to_owned(),
        weight: 0.76,
        severity: past(slope.low * seconds / slope.start.max(1.0), GROWN, 2.0),
    })
}

fn memory_limit(view: &View<'_>) -> Option<Found> {
    let near = |looks: &&Looks<'_>| looks.share_from(NEAR, |seen| Some((seen.memory()?, seen.memory_peak()?)));
    let killed = |looks: &&Looks<'_>| {
        looks.watched.total("oom_kills", f64::NEG_INFINITY, f64::INFINITY).filter(|kills| *kills >= 1.0)
    };
    let of = |looks: &&Looks<'_>| (killed(looks).unwrap_or(0.0), near(looks).map_or(0.0, |near| near.share));
    let worst = view.subjects().max_by(|a, b| {
        let (a, b) = (of(a), of(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    let (kills, share) = of(&worst);
    if kills < 1.0 && share < NEAR_SHARE {
        return None;
    }
    let name = worst.watched.name.to_string();
    let mut evidence = Vec::new();
    if kills >= 1.0 {
        evidence.push(format!("{} processes killed for want of memory", number(kills)));
    }
    if let Some(near) = near(&worst) {
        evidence.push(format!("90 % or more of its memory for {} of the steady time", format_ratio(near.share)));
    }
    if let (Some(used), Some(limit)) = (worst.mean_of(Seen::memory), worst.peak("memory_limit_bytes")) {
        evidence.push(format!("{} of {} on average", format_ratio(used), bytes(limit)));
    }
    let says = if kills >= 1.0 {
        format!("{name} ran out of memory")
    } else {
        format!("the memory of {name} is at its limit")
    };
    let weight = if kills >= 1.0 { 0.72 } else { 0.64 };
    Some(Found {
        subject: name,
        says,
        evidence,
        advice: "see what takes it, then lower that or raise the limit".to_owned(),
        weight,
        severity: past(share, NEAR_SHARE, 1.0),
    })
}
