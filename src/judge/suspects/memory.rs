//! Memory that grows, and memory that ends.

use super::view::{View, bytes, number, past};
use super::{Found, Rule};
use crate::judge::Verdict;
use crate::judge::line::{self, LEAST_S, Line, PAGE_BYTES, Points, fills_up, held_from_s};
use crate::judge::looks::Looks;
use crate::record::{ProbeKind, Seen};
use crate::stats::{CONFIDENCE, Slope};
use crate::units::format_ratio;

/// What it grew by within the hold, of what it was, and at least.
const GROWN: f64 = 0.1;
const LEAST_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
const A_DAY_S: f64 = 86_400.0;

/// Near its end: the guide's limit is 80 %.
const NEAR: f64 = 0.9;
const NEAR_SHARE: f64 = 0.2;

pub(super) const MEMORY_GROWTH: Rule = Rule {
    id: "memory_growth",
    threshold: "under constant load for at least 30 s memory grows by at least 10 % and 16 MiB (lower end of the slope of Theil and Sen, the first quarter left out), goes on in its later half at no less than 60 % of that, and would be at its limit within a day; with a horizon, where its drift fails (our own; databases and caches fill what they were given and are left out)",
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
    from_s: f64,
    seconds: f64,
    limit: Option<f64>,
    /// What the drift of a soak says of it, where that fails.
    drift: Option<String>,
}

/// The one that grows most.
pub(super) fn growth(view: &View<'_>) -> Option<Growth> {
    let watched = view.held(&[ProbeKind::Container, ProbeKind::Process, ProbeKind::Metrics]);
    // What the service tells of itself is also a process's or a container's: that one comes first and stays.
    let growing = watched.filter_map(|looks| grows(view, looks));
    growing.reduce(|a, b| if b.slope.low > 1.1 * a.slope.low { b } else { a })
}

/// Where a horizon was asked for and its drift is told, by that; else by the rule's own thresholds.
fn grows(view: &View<'_>, looks: &Looks<'_>) -> Option<Growth> {
    let subject = looks.watched.name.to_string();
    if fills_up(looks.watched) || looks.window_s() < LEAST_S {
        return None;
    }
    let held_s = view.hold.map_or(0.0, |part| held_from_s(view.run, part));
    let Line { slope, growth, seconds, level, from_s, .. } =
        Points::of_gauge(looks, "memory_bytes", held_s, true).line(CONFIDENCE, PAGE_BYTES)?;
    let limit = looks.seen.iter().filter_map(|(seen, _)| seen.gauges.get("memory_limit_bytes").copied()).next_back();
    let drift = view.drift.iter().find(|drift| drift.name == "memory" && drift.subject.as_ref() == Some(&subject));
    let stands_out = match drift.map(|drift| drift.verdict) {
        Some(Verdict::Fail) => true,
        Some(Verdict::Pass) => false,
        _ => {
            let left = limit.filter(|limit| *limit > 0.0).map(|limit| limit - level - slope.value * seconds);
            growth == line::Growth::Steady
                && slope.low * seconds >= LEAST_BYTES.max(GROWN * level)
                && left.is_none_or(|left| slope.low * A_DAY_S >= left)
        }
    };
    let drift = drift.filter(|drift| drift.verdict == Verdict::Fail).map(|drift| {
        format!("{} at first, of a limit of {}: {}", drift.level_in_words(), drift.limit_in_words(), drift.reason)
    });
    stands_out.then_some(Growth { subject, slope, from_s, seconds, limit, drift })
}

impl Growth {
    /// "process api grows by 5.2 MB a second".
    pub(super) fn in_words(&self) -> String {
        format!("the memory of {} grows by {} a second", self.subject, bytes(self.slope.value))
    }
}

fn memory_growth(view: &View<'_>) -> Option<Found> {
    let growth = growth(view)?;
    let Growth { subject, slope, from_s, seconds, limit, drift } = &growth;
    let mut evidence = vec![format!(
        "{} at first, {} more within {} s of constant load: {} a second (95 %: {} – {})",
        bytes(slope.start),
        bytes(slope.value * seconds),
        number(*seconds),
        bytes(slope.value),
        bytes(slope.low),
        bytes(slope.high)
    )];
    let requests = view.requests_within(*from_s, from_s + seconds);
    if requests > 0.0 {
        evidence.push(format!("that is {} for each HTTP request", bytes(slope.value * seconds / requests)));
    }
    if let Some(drift) = drift {
        evidence.push(drift.clone());
    } else if let Some(limit) = limit {
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
