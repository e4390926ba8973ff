//! What was there, and then was not.

use super::view::{View, number};
use super::{Found, Rule};
use crate::record::{Gap, ProbeKind, Second, Watched};
use crate::units::format_count;

/// A look or two that are missed are the probe's own trouble.
const LEAST_S: f64 = 2.0;

pub(super) const NOT_THERE: Rule = Rule {
    id: "not_there",
    threshold: "something that had been seen was not for at least 2 s in a row, two looks (our own)",
    find: not_there,
};

fn not_there(view: &View<'_>) -> Option<Found> {
    let end_s = view.run.duration_s();
    let told = view.run.watched.iter().filter(|watched| watched.name.kind != ProbeKind::Host);
    let gaps = told.flat_map(|watched| watched.gaps.iter().filter_map(move |gap| span(watched, gap, end_s)));
    let (watched, gap, length_s) = gaps.max_by(|a, b| a.2.total_cmp(&b.2))?;
    let to_s = gap.to_s.min(end_s);
    let within = |second: &&Second| second.from_s < to_s && second.to_s > gap.from_s;
    let (inside, outside): (Vec<&Second>, Vec<&Second>) = view.run.seconds.iter().partition(within);
    let (failed, requests) = failures(&inside);
    let (failed_else, _) = failures(&outside);
    // A page that does not answer is often kept waiting by what keeps the requests waiting; a server that is gone is not.
    let asked = matches!(watched.name.kind, ProbeKind::Metrics | ProbeKind::Nginx);
    let matters = failed > 0 && failed >= failed_else || view.missed.is_some();
    Some(Found {
        subject: watched.name.to_string(),
        says: format!("{} was not there for {} s: {}", watched.name, number(length_s), gap.why),
        evidence: vec![
            format!("nothing was seen of it from {:.0} to {to_s:.0} s", gap.from_s),
            format!(
                "{} of {} requests failed in that time, {} in all the rest",
                format_count(failed),
                format_count(requests),
                format_count(failed_else)
            ),
        ],
        advice: "find out why it ended, restarted or stood still (its log at that time), and whether the service must bear that"
            .to_owned(),
        weight: if matters && !asked { 0.95 } else { 0.3 },
        severity: length_s / view.run.duration_s().max(1.0),
    })
}

/// A gap within the load, after something had been seen, that is long enough.
fn span<'a>(watched: &'a Watched, gap: &'a Gap, end_s: f64) -> Option<(&'a Watched, &'a Gap, f64)> {
    let seen_before = watched.seen.iter().any(|seen| seen.to_s <= gap.from_s + 0.1);
    let length_s = gap.to_s.min(end_s) - gap.from_s;
    (seen_before && length_s >= LEAST_S).then_some((watched, gap, length_s))
}

/// Failures and requests of some seconds.
fn failures(seconds: &[&Second]) -> (u64, u64) {
    let endpoints = seconds.iter().flat_map(|second| second.endpoints.values());
    endpoints.fold((0, 0), |(failed, requests), endpoint| {
        (failed + endpoint.failures.values().sum::<u64>(), requests + endpoint.requests)
    })
}
