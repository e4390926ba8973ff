//! Whoever is short of CPU.

use super::view::{View, number, past};
use super::{Found, Rule};
use crate::judge::looks::Looks;
use crate::record::{ProbeKind, Seen};
use crate::units::format_ratio;

/// At its limit: the guide's limit for a peak.
const NEAR: f64 = 0.9;
const NEAR_SHARE: f64 = 0.2;
/// Periods in which it was throttled, of all; and where requests miss a target.
const THROTTLED_SHARE: f64 = 0.25;
const THROTTLED_MISSED: f64 = 0.05;
/// Fewer periods (mostly of 100 ms) tell nothing.
const LEAST_PERIODS: f64 = 50.0;

pub(super) const CPU_LIMIT: Rule = Rule {
    id: "cpu_limit",
    threshold: "at least 90 % of the CPU it may use (the guide's peak) for 20 % of the steady time (our own); Redis by one CPU, as one thread runs its commands",
    find: cpu_limit,
};

pub(super) const THROTTLED: Rule = Rule {
    id: "throttled",
    threshold: "throttled in at least 25 % of its CPU periods (CPUThrottlingHigh of the Kubernetes mixin), or 5 % where requests miss a target (our own)",
    find: throttled,
};

fn cpu_limit(view: &View<'_>) -> Option<Found> {
    let of_limit = |looks: &Looks<'_>| looks.share_from(NEAR, |seen| Some((seen.cpu()?, seen.cpu_peak()?)));
    let of_one = |looks: &Looks<'_>| looks.share_from(NEAR, |seen| Some((seen.figure("cpu_s")?, seen.peak("cpu_s")?)));
    let subjects = view.subjects().map(|looks| (looks, of_limit(looks)));
    let redis = view.of(&[ProbeKind::Redis]).map(|looks| (looks, of_one(looks)));
    let told = subjects.chain(redis).filter_map(|(looks, share)| Some((looks, share?.share)));
    let (worst, share) = told.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share >= NEAR_SHARE)?;
    let name = worst.watched.name.to_string();
    let used = worst.mean("cpu_s").unwrap_or(0.0);
    let (limit, advice) = if worst.watched.name.kind == ProbeKind::Redis {
        (1.0, "look for slow commands (SLOWLOG GET), ask for less at once, or spread the keys over several instances")
    } else {
        let limit = worst.mean("cpus").unwrap_or(0.0);
        (limit, "profile what it spends its time on (py-spy, perf), then do less of it, or give it more CPU")
    };
    Some(Found {
        says: format!("the CPU of {name} is at its limit"),
        subject: name,
        evidence: vec![
            format!("{} CPUs at work on average, it may use {}", number(used), number(limit)),
            format!("90 % or more of that for {} of the steady time", format_ratio(share)),
        ],
        advice: advice.to_owned(),
        weight: 0.62,
        severity: past(share, NEAR_SHARE, 1.0),
    })
}

fn throttled(view: &View<'_>) -> Option<Found> {
    let least = if view.missed.is_some() { THROTTLED_MISSED } else { THROTTLED_SHARE };
    let of = |looks: &Looks<'_>| {
        let periods = looks.total("periods").filter(|periods| *periods >= LEAST_PERIODS)?;
        Some(looks.total("throttled_periods")? / periods)
    };
    let told = view.subjects().filter_map(|looks| Some((looks, of(looks)?)));
    let (worst, share) = told.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share >= least)?;
    let name = worst.watched.name.to_string();
    let mut evidence = vec![format!("throttled in {} of its CPU periods", format_ratio(share))];
    if let Some(cpu) = worst.mean_of(Seen::cpu) {
        evidence.push(format!(
            "{} of the {} CPUs it may use at work on average",
            format_ratio(cpu),
            number(worst.mean("cpus").unwrap_or(0.0))
        ));
    }
    Some(Found {
        says: format!("{name} is throttled by its CPU limit"),
        subject: name,
        evidence,
        advice: "raise its CPU limit, or let it do its work on fewer threads at once".to_owned(),
        weight: 0.66,
        severity: past(share, least, 1.0),
    })
}
