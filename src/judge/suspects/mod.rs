//! What stands out of what probes saw: rules with thresholds and their sources, no guesses.
//!
//! A rule is a pure function from a [`View`] of the run to what it found, and [`RULES`] is the list of them.
//!
//! **Is there anything to explain?** Structure is named however fast requests still are, since that is what load tests are
//! for: a large table scanned over and over, a statement repeated within a request, memory that grows, a cache that nobody
//! asks. Saturation is named by its own threshold: CPU, memory, the pool, connections, locks. What only matters where
//! requests are slow or fail (a statement's share, reads from disk, busy disks) is named where a target of the requests is
//! missed, or past a second, higher threshold.
//!
//! **Weights** order causes before their symptoms: a lock fills the pool and a missing index the CPU, never the other way
//! round, so what was gone comes first, then locks, before scans, those before repeated statements, growing memory, what is short of CPU, the pool, the
//! cache, and what merely goes along with them. How far past its threshold a rule is, orders only those of one weight.
//!
//! Without probes there are no suspects, and nothing is claimed.

mod absent;
mod cache;
mod cpu;
mod drift;
mod locks;
mod memory;
mod pool;
mod scans;
mod statements;
mod storage;
mod view;

use self::view::View;
pub(super) use self::view::{bytes, number};
use super::steady::Part;
use super::{DriftResult, Suspect, TargetResult};
use crate::record::Run;

/// How much a finding far past its threshold weighs more than one just past it.
const SEVERITY: f64 = 0.03;

/// A rule.
struct Rule {
    id: &'static str,
    /// What it takes, and where that comes from.
    threshold: &'static str,
    find: fn(&View<'_>) -> Option<Found>,
}

/// What a rule found.
struct Found {
    subject: String,
    says: String,
    evidence: Vec<String>,
    advice: String,
    /// Of the rule, from 0 to 1.
    weight: f64,
    /// How far it is past its threshold, from 0 to 1.
    severity: f64,
}

/// All of them; of equal weight the first stays first.
const RULES: &[Rule] = &[
    absent::NOT_THERE,
    locks::LOCK_WAITS,
    locks::DEADLOCKS,
    scans::SEQUENTIAL_SCAN,
    statements::N_PLUS_ONE,
    memory::MEMORY_GROWTH,
    memory::MEMORY_LIMIT,
    statements::DOMINANT_STATEMENT,
    cpu::THROTTLED,
    cpu::CPU_LIMIT,
    locks::IDLE_IN_TRANSACTION,
    pool::POOL_EXHAUSTED,
    pool::CONNECTIONS_LIMIT,
    pool::CONNECTIONS_REFUSED,
    cache::CACHE_UNUSED,
    cache::CACHE_FALLING,
    cache::CACHE_TOO_SMALL,
    cache::CACHE_MISSES,
    drift::LATENCY_DRIFT,
    storage::DISK_BUSY,
    storage::TEMP_FILES,
    storage::DATABASE_READS,
    storage::CHECKPOINTS,
];

/// What stands out, the heaviest first. `parts`: those that are judged, the whole run where there are none; `drift`: what was
/// found of it, where a horizon was asked for.
pub(super) fn suspects(run: &Run, parts: &[Part], targets: &[TargetResult], drift: &[DriftResult]) -> Vec<Suspect> {
    let view = View::new(run, parts, targets, drift);
    let mut found: Vec<Suspect> =
        RULES.iter().filter_map(|rule| (rule.find)(&view).map(|found| suspect(rule, found))).collect();
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    found
}

fn suspect(rule: &Rule, found: Found) -> Suspect {
    let Found { subject, says, evidence, advice, weight, severity } = found;
    let severity = if severity.is_finite() { severity.clamp(0.0, 1.0) } else { 1.0 };
    let weight = (weight + SEVERITY * severity).clamp(0.0, 1.0);
    let (rule, threshold) = (rule.id.to_owned(), rule.threshold.to_owned());
    Suspect { rule, subject, says, evidence, threshold, advice, weight: (weight * 1e4).round() / 1e4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_rule_with_its_threshold() {
        let text = include_str!("../../../docs/watching.md");
        for rule in RULES {
            let row = format!("| `{}` | {} |", rule.id, rule.threshold);
            assert!(text.contains(&row), "docs/watching.md has no row {row}");
        }
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_threshold_with_its_source() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(RULES[..at].iter().all(|other| other.id != rule.id), "{}", rule.id);
            let sources = ["our own", "pghero", "check_postgres", "documentation", "Kubernetes", "the guide", "Sentry"];
            assert!(sources.iter().any(|source| rule.threshold.contains(source)), "{}", rule.id);
        }
    }
}
