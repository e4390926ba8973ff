//! The words of a plan that all formats share.

use crate::judge::{Assumption, Between, Needed, Origin, Planned, When};
use crate::units::{counted, format_count, format_ratio};

/// The columns of the table of assumptions.
pub(super) const COLUMNS: [&str; 3] = ["assumed", "", "from"];

/// The answer: `10,000 users need 9 to 11 instances.`
pub(super) fn sentence(of: &Planned) -> String {
    let users = counted(of.users, "user");
    let need = if of.users == 1 { "needs" } else { "need" };
    match of.instances {
        Needed { low: Some(low), high: Some(high) } if low == high => {
            format!("{users} {need} {}: both ends of the range come to it.", counted(high, "instance"))
        }
        Needed { low: Some(low), high: Some(high) } => {
            format!("{users} {need} {} to {}.", format_count(low), counted(high, "instance"))
        }
        Needed { low: None, high: Some(high) } => format!("{users} {need} at most {}.", counted(high, "instance")),
        Needed { low: Some(low), high: None } => format!("{users} {need} at least {}.", counted(low, "instance")),
        Needed { low: None, high: None } => format!("What {users} {need} could not be told."),
    }
}

/// `agenthub user · 20261123T081000Z-agenthub-user-3f2a (main) · measured 2026-11-23`.
pub(super) fn headline(of: &Planned) -> String {
    let label = of.result.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    let day = of.result.started.split('T').next().unwrap_or_default();
    format!("{} · {}{label} · measured {day}", of.result.scenario, of.result.id)
}

/// Title and figure of each row.
pub(super) fn rows(of: &Planned) -> Vec<(&'static str, String)> {
    let mut rows = vec![("users", format_count(of.users))];
    if of.instance.unit == "arrivals/s" {
        rows.push(("tasks", range(Some(of.demand.low), Some(of.demand.high), "/s")));
    }
    rows.push(("requests", between(of.requests_per_s)));
    let unit = match of.instance.unit.as_str() {
        "arrivals/s" => " tasks/s",
        "users" => " users",
        _ => " requests/s",
    };
    let free = if of.headroom > 0.0 {
        format!(" with {} of its edge kept free", format_ratio(of.headroom))
    } else {
        String::new()
    };
    rows.push(("one bears", range(of.instance.low, of.instance.high, unit) + &free));
    let Needed { low, high } = of.instances;
    rows.push(("instances", range(low.map(|low| low as f64), high.map(|high| high as f64), "")));
    if let Some(today) = of.today {
        let enough = match today.enough {
            Some(true) => "enough",
            Some(false) => "not enough",
            None => "may or may not be enough",
        };
        rows.push(("today", format!("{}: {enough}", counted(today.instances, "instance"))));
    }
    if let Some(growth) = &of.growth {
        rows.push(("run out", runs_out(growth.earliest, growth.latest)));
    }
    rows
}

/// When instances run out.
fn runs_out(earliest: Option<When>, latest: Option<When>) -> String {
    let at = |when: When| match when {
        When::Already => "already".to_owned(),
        When::In(..) => when.to_string(),
        When::Later => "a hundred years from now".to_owned(),
    };
    match (earliest, latest) {
        (_, Some(When::Already)) => "they have run out already".to_owned(),
        (Some(When::Later), _) => "not within a hundred years".to_owned(),
        (Some(When::Already), Some(latest)) => format!("already, or by {}", at(latest)),
        (Some(earliest), Some(latest)) if earliest == latest => format!("in {}", at(earliest)),
        (Some(earliest), Some(When::Later)) => format!("not before {}, if at all", at(earliest)),
        (Some(earliest), Some(latest)) => format!("between {} and {}", at(earliest), at(latest)),
        (Some(When::Already), None) => "already, where one bears no more than is proven".to_owned(),
        (Some(earliest), None) => format!("not before {}", at(earliest)),
        (None, Some(When::Later) | None) => "could not be told".to_owned(),
        (None, Some(latest)) => format!("by {} at the latest", at(latest)),
    }
}

fn between(of: Between) -> String {
    range(Some(of.low), Some(of.high), "/s")
}

/// `2,410 – 2,480/s`, `at least 287/s`.
fn range(low: Option<f64>, high: Option<f64>, unit: &str) -> String {
    match (low.map(amount), high.map(amount)) {
        (Some(low), Some(high)) if low == high => format!("{low}{unit}"),
        (Some(low), Some(high)) => format!("{low} – {high}{unit}"),
        (Some(low), None) => format!("at least {low}{unit}"),
        (None, Some(high)) => format!("at most {high}{unit}"),
        (None, None) => "not known".to_owned(),
    }
}

/// Whole from a hundred on, else with two decimals at most.
fn amount(value: f64) -> String {
    if value >= 100.0 {
        return format_count(value.round() as u64);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Where an assumption comes from.
pub(super) fn origin(of: &Assumption) -> &'static str {
    match of.from {
        Origin::Measured => "measured",
        Origin::Asked => "the result's own",
        Origin::Flag => "flag",
        Origin::Default => "default",
        Origin::Unmeasured => "not measured",
    }
}

/// That the edge is not proven, and why.
pub(super) fn doubts(of: &Planned) -> Option<String> {
    (!of.proven).then(|| format!("Not proven: {}.", of.doubts.join("; ")))
}
