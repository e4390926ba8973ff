//! The most that a load can offer, whatever the host does.

use crate::record::{Asked, LoadModel};
use crate::units::{counted, format_count, format_rate};

/// How far above the limit an idle host must be offered, so that a host which takes up to 0.3 of the think time still
/// gets enough, and the interval of the measured throughput lies clear of the limit.
const HEADROOM: f64 = 1.3;

/// How far above the limit the offered load must be where the host's own time is known.
const MARGIN: f64 = 1.05;

/// The most requests a minute that a level can make, were every response instant; `None` where nothing bounds it.
pub(super) fn most_per_min(asked: &Asked, level: f64) -> Option<f64> {
    match asked.plan.model {
        LoadModel::Closed => {
            let wait_s = asked.mean_wait_s.filter(|wait_s| *wait_s > 0.0)?;
            Some(level * 60.0 * asked.mean_requests_per_task / wait_s)
        }
        LoadModel::Open => Some(level * asked.mean_requests_per_task * 60.0),
    }
}

/// The smallest level that would do for `limit` requests a minute, with the host's mean response time; `None` where the
/// load is not bounded by think time.
///
/// Closed: a user does k requests in W + k·R seconds, so n = ⌈limit/60 · max(1.3·W, 1.05·(W + k·R)) / k⌉. With the guide's
/// 1,000 a minute, one request a task and 3 s of think time: 65.
pub(super) fn level_needed(asked: &Asked, limit_per_min: f64, response_s: f64) -> Option<u64> {
    let requests = asked.mean_requests_per_task;
    let tasks_per_s = limit_per_min / 60.0 / requests;
    let level = match asked.plan.model {
        LoadModel::Closed => {
            let wait_s = asked.mean_wait_s.filter(|wait_s| *wait_s > 0.0)?;
            tasks_per_s * (HEADROOM * wait_s).max(MARGIN * (wait_s + requests * response_s))
        }
        LoadModel::Open => tasks_per_s * MARGIN,
    };
    // What floating point adds to a whole number does not make a user.
    (level.is_finite() && level > 0.0).then(|| (level * (1.0 - 1e-9)).ceil() as u64)
}

/// "65 users would do".
pub(super) fn would_do(asked: &Asked, level: u64) -> String {
    match asked.plan.model {
        LoadModel::Closed => format!("{} would do", counted(level, "user")),
        LoadModel::Open => format!("{} arrivals/s would do", format_count(level)),
    }
}

/// "50 users waiting 3 s on average", "16 arrivals/s".
pub(super) fn load_in_words(asked: &Asked, level: f64) -> String {
    match (asked.plan.model, asked.mean_wait_s) {
        (LoadModel::Closed, Some(wait_s)) => {
            let wait = crate::units::format_ms(wait_s * 1000.0);
            format!("{} waiting {wait} on average", counted(level.round() as u64, "user"))
        }
        (LoadModel::Closed, None) => counted(level.round() as u64, "user"),
        (LoadModel::Open, _) => arrivals_in_words(level),
    }
}

/// "50 arrivals/s", "30 arrivals/min".
pub(super) fn arrivals_in_words(per_s: f64) -> String {
    format_rate(per_s).replacen('/', " arrivals/", 1)
}
