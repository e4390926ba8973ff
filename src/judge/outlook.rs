//! What a load can offer and prove, said before it starts.

use super::ceiling::{arrivals_in_words, level_needed, load_in_words, most_per_min, would_do};
use super::words::how_long;
use super::{TargetName, Targets};
use crate::record::{Asked, AskedSearch, LoadModel};
use crate::stats::requests_to_prove_below;
use crate::units::{counted, format_count, format_duration, format_rate, format_ratio};

/// A search that has less is told so, seconds.
const SHORT_SEARCH_S: f64 = 120.0;

/// What can be said of a run before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The most requests a minute that the users can make, were every response instant; `None` where nothing bounds it.
    pub most_per_min: Option<f64>,
    /// About how many requests the steady window will see; `None` where it cannot be said.
    pub requests: Option<u64>,
    /// Lines for a person: what it offers, what it can prove, what is out of reach and what would bring it in.
    pub lines: Vec<String>,
}

/// What `asked` can offer and prove of `targets`.
pub fn outlook(asked: &Asked, targets: &Targets) -> Outlook {
    if let Some(search) = &asked.search {
        let most_per_min = most_per_min(asked, search.most);
        return Outlook { most_per_min, requests: None, lines: of_search(asked, search) };
    }
    let holds = asked.plan.holds();
    let held_s: f64 = holds.iter().map(|hold| hold.to_s - hold.from_s).sum();
    let most = most_per_min(asked, asked.plan.peak());
    let requests = holds
        .iter()
        .map(|hold| most_per_min(asked, hold.level).map(|per_min| per_min / 60.0 * (hold.to_s - hold.from_s)))
        .sum::<Option<f64>>();
    let error_limit = targets
        .0
        .iter()
        .find(|target| target.name == TargetName::ErrorRate && target.of.is_none())
        .map(|target| target.limit);

    let mut lines = vec![first_line(asked, most, requests.filter(|_| held_s > 0.0), error_limit)];
    if held_s <= 0.0 {
        lines.push("no level is held: nothing can be judged; run longer, or add a stage that holds".to_owned());
    } else if let (Some(requests), Some(limit)) = (requests, error_limit) {
        lines.extend(too_short(asked.plan.model, requests, held_s, limit));
    }
    let level = if held_s > 0.0 {
        holds.iter().map(|hold| hold.level * (hold.to_s - hold.from_s)).sum::<f64>() / held_s
    } else {
        asked.plan.peak()
    };
    lines.extend(out_of_reach(asked, targets, level));
    Outlook { most_per_min: most, requests: requests.map(|requests| requests.round() as u64), lines }
}

/// "search from 50/s to at most 1000/s (poisson), at most 150 s; each level 15–240 s"; how the time is shared with the law; and
/// where it is too short for much.
fn of_search(asked: &Asked, search: &AskedSearch) -> Vec<String> {
    let (level, process): (fn(f64) -> String, _) = match asked.plan.model {
        LoadModel::Open => {
            (format_rate, asked.arrivals.map(|arrivals| format!(" ({})", arrivals.as_str())).unwrap_or_default())
        }
        LoadModel::Closed => (|users| counted(users.round() as u64, "user"), String::new()),
    };
    let looks = match (search.looks_s.first(), search.looks_s.last()) {
        (Some(first), Some(last)) if first < last => format!("; each level {first}–{last} s"),
        (Some(only), _) => format!("; each level {only} s"),
        _ => String::new(),
    };
    let whole = run_time_in_words(search.whole_s().round());
    let law = search.law.map_or_else(String::new, |law| {
        let (for_search, for_law) = (search.max_time_s.round(), (law.until_s - search.max_time_s).round());
        format!(" · {} for the search, {} for the law", run_time_in_words(for_search), run_time_in_words(for_law))
    });
    let first = format!(
        "search from {} to at most {}{process}, at most {whole}{looks}{law}",
        level(search.start),
        level(search.most)
    );
    let short = (search.max_time_s < SHORT_SEARCH_S).then(|| {
        format!(
            "{} are little for a search: few levels can be looked at, and hardly one proven; give it more with --max-time",
            run_time_in_words(search.max_time_s.round())
        )
    });
    [first].into_iter().chain(short).collect()
}

/// "250 users, 50/s, 60 s · offers at most 5,000 requests/min · about 4,600 requests, enough to …".
fn first_line(asked: &Asked, most: Option<f64>, requests: Option<f64>, error_limit: Option<f64>) -> String {
    let run_time = run_time_in_words(asked.plan.duration_s());
    let mut parts = vec![match (asked.plan.model, asked.users, asked.spawn_rate) {
        (LoadModel::Closed, Some(users), Some(rate)) => {
            format!("{}, {rate}/s, {run_time}", counted(users.into(), "user"))
        }
        (LoadModel::Closed, _, _) => {
            format!("up to {}, {run_time}", counted(asked.plan.peak().round() as u64, "user"))
        }
        (LoadModel::Open, _, _) => {
            let process = asked.arrivals.map(|arrivals| format!(" ({})", arrivals.as_str())).unwrap_or_default();
            let up_to = if one_level(asked) { "" } else { "up to " };
            format!("{up_to}{}{process}, {run_time}", arrivals_in_words(asked.plan.peak()))
        }
    }];
    if let Some(most) = most {
        let verb = if asked.plan.model == LoadModel::Open { "offers about" } else { "offers at most" };
        parts.push(format!("{verb} {} requests/min", format_count(most.round() as u64)));
    }
    if let Some(requests) = requests {
        let about = format!("about {} requests", format_count(two_digits(requests)));
        let needed = error_limit.and_then(|limit| requests_to_prove_below(0.0, limit).map(|needed| (limit, needed)));
        parts.push(match needed {
            Some((limit, needed)) => format!(
                "{about}, {} to prove an error rate < {} (needs {})",
                if requests >= needed as f64 { "enough" } else { "too few" },
                format_ratio(limit),
                format_count(needed)
            ),
            None => about,
        });
    }
    parts.join(" · ")
}

/// Whether the plan asks for the same from its first moment to its last.
fn one_level(asked: &Asked) -> bool {
    asked.plan.stages.iter().all(|stage| stage.level == asked.plan.peak())
        && asked.plan.stages.first().is_some_and(|stage| stage.duration_s == 0.0)
}

/// "60 s", as a flag would have it for longer ones.
fn run_time_in_words(seconds: f64) -> String {
    let duration = std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e9));
    if seconds < 600.0 { format!("{seconds} s") } else { format_duration(duration) }
}

/// 4,583 → 4,600: it is a forecast.
fn two_digits(value: f64) -> u64 {
    format!("{value:.1e}").parse::<f64>().unwrap_or(value) as u64
}

/// How much longer the load must be held to prove its error rate, where it is too short.
fn too_short(model: LoadModel, requests: f64, held_s: f64, limit: f64) -> Option<String> {
    let needed = requests_to_prove_below(0.0, limit)?;
    (requests > 0.0 && requests < needed as f64).then(|| {
        let more_s = (needed as f64 / requests - 1.0) * held_s;
        format!(
            "an error rate < {} cannot be proven by about {} requests: run {} longer, or {}",
            format_ratio(limit),
            format_count(two_digits(requests)),
            how_long(more_s),
            if model == LoadModel::Open { "ask for a higher rate" } else { "use more users" }
        )
    })
}

/// The throughput target, where the load cannot reach it.
fn out_of_reach(asked: &Asked, targets: &Targets, level: f64) -> Option<String> {
    let target = targets.0.iter().find(|target| target.name == TargetName::Throughput && target.of.is_none())?;
    let most = most_per_min(asked, level)?;
    let enough = level_needed(asked, target.limit, 0.0)?;
    (most <= target.limit).then(|| {
        format!(
            "throughput > {}/min is out of reach of {} (at most {}/min): {}",
            format_count(target.limit.round() as u64),
            load_in_words(asked, level),
            format_count(most.round() as u64),
            would_do(asked, enough)
        )
    })
}
