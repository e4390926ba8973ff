//! Redis as a cache: what it may hold, what it lets go, whether it is found there, what stalls it, how long keys live. Valkey
//! and others that speak as it does are looked at in the same way.

mod gather;
mod keys;
mod memory;
mod serving;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::rule::{Area, Finding, Rule};
use crate::observe::Address;
use gather::Seen;

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    holds: &'static str,
    source: &'static str,
    applies: &'static str,
) -> Rule {
    Rule { id, area: Area::Cache, lines, section: "Caching Strategy", holds, source, applies }
}

static REACHABLE: Rule =
    rule("cache.reachable", &[], "Redis lets us in", "own choice: without it nothing can be told", "");
static LIMIT: Rule = rule(
    "cache.memory_limit",
    &[14],
    "maxmemory is set, and 90 % of it at most are used where nothing may be evicted",
    "Redis, key eviction: without a limit a cache takes all memory there is; own choice: a tenth of room",
    "",
);
static POLICY: Rule = rule(
    "cache.eviction_policy",
    &[12],
    "a full cache evicts: not noeviction, and no volatile-… where half of the keys or more live for ever",
    "Redis, key eviction: with noeviction writes fail once it is full, and volatile-… takes only keys that expire",
    "",
);
static HIT: Rule = rule(
    "cache.hit_rate",
    &[12],
    "80 % of the look-ups find something; fails below 50 %",
    "Netdata's guide to Redis: below 80 % a cache costs more than it saves; own choice: at half it certainly does",
    "1,000 look-ups",
);
static EVICTIONS: Rule = rule(
    "cache.evictions",
    &[12],
    "fewer keys are evicted than a tenth of those that are looked up in vain",
    "own choice: what is evicted early is looked up in vain, and a tenth of that is worth more memory",
    "1,000 look-ups",
);
static FRAGMENTATION: Rule = rule(
    "cache.fragmentation",
    &[],
    "memory taken is at most 1.4 times memory used; fails below 0.9, where some of it was swapped out",
    "Redis, MEMORY DOCTOR: more than 1.4 is high; INFO memory: less than memory used was swapped out",
    "64 MB in use: own choice, less says nothing",
);
static SLOW: Rule = rule(
    "cache.slow_log",
    &[],
    "no command of the last hour took 10 ms or more; fails at 100 ms",
    "Redis, slowlog-log-slower-than: 10 ms by default; own choice: ten times that fails, everybody else waits meanwhile",
    "the slow log may be read",
);
static STALLS: Rule = rule(
    "cache.stalls",
    &[],
    "no event of the last hour (fork, fsync, eviction) held Redis up for 100 ms or more",
    "Redis, latency monitoring: its own example of a threshold is 100 ms",
    "latency-monitor-threshold above 0, and the right to read it",
);
static PERSISTENCE: Rule = rule(
    "cache.persistence",
    &[],
    "the last snapshot and the last write to the append-only file went well, where they are on",
    "Redis refuses writes after a failed snapshot (stop-writes-on-bgsave-error)",
    "",
);
static REFUSED: Rule = rule(
    "cache.refused_connections",
    &[],
    "no connection was refused for maxclients",
    "Redis, INFO: rejected_connections",
    "",
);
static LIFETIME: Rule = rule(
    "cache.key_lifetimes",
    &[12],
    "of 1,000 keys, the guide's kinds live no longer than it says, and every key lives for some time only",
    "the guide's CACHE_CONFIG",
    "keys of user_sessions, user_permissions, project_data, static_data",
);

static RULES: [&Rule; 11] =
    [&REACHABLE, &LIMIT, &POLICY, &HIT, &EVICTIONS, &FRAGMENTATION, &SLOW, &STALLS, &PERSISTENCE, &REFUSED, &LIFETIME];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.into_iter()
}

/// Looks and judges.
pub(super) async fn look(address: &Address, timeout: Duration) -> Vec<Finding> {
    match tokio::time::timeout(timeout * 10, gather::gather(address, timeout)).await {
        Ok(Ok(seen)) => judge(&seen),
        Ok(Err(why)) => vec![REACHABLE.unknown(format!("cannot look at Redis: {why}"))],
        Err(_) => vec![REACHABLE.unknown("cannot look at Redis: it answers too slowly")],
    }
}

fn judge(seen: &Seen) -> Vec<Finding> {
    vec![
        reachable(seen),
        memory::limit(seen),
        memory::policy(seen),
        serving::hit(seen),
        memory::evictions(seen),
        memory::fragmentation(seen),
        serving::slow(seen),
        serving::stalls(seen),
        serving::persistence(seen),
        serving::refused(seen),
        keys::lifetime(seen),
    ]
}

fn reachable(seen: &Seen) -> Finding {
    let mut line = seen.product();
    if seen.is_on("cluster_enabled") {
        line.push_str(", one node of a cluster: all this is of it alone");
    }
    let Some(primary) = seen.primary() else { return REACHABLE.pass(line) };
    line = format!("{line}, a replica of {primary}");
    if seen.text("master_link_status") == Some("down") {
        return REACHABLE.warn(format!("{line}, which it has lost: what it tells is old"));
    }
    REACHABLE.pass(line)
}
