//! What it may hold, and what it lets go.

use super::super::rule::{Finding, FixKind};
use super::super::size::format_size;
use super::gather::Seen;
use super::{EVICTIONS, FRAGMENTATION, LIMIT, POLICY};

const MEGABYTE: f64 = 1_048_576.0;
/// Behind a fix whose rule reads counters that only grow.
pub(super) const BEGIN_ANEW: &str = "CONFIG RESETSTAT\n# with that all counters begin anew, the hit rate's too";

/// Of what a replica does as its primary does.
fn follows(primary: &str) -> String {
    format!("a replica keeps and evicts what its primary does: look at {primary}")
}

pub(super) fn limit(seen: &Seen) -> Finding {
    if let Some(primary) = seen.primary() {
        return LIMIT.not_applicable(follows(&primary));
    }
    let (Some(limit), Some(used)) = (seen.number("maxmemory"), seen.number("used_memory")) else {
        return LIMIT.unknown("INFO does not tell maxmemory");
    };
    if limit <= 0.0 {
        let summary = format!("it may take all memory there is, and takes {} now", format_size(used as u64));
        // Room for what is in it.
        let enough = ((2.0 * used / MEGABYTE).ceil() as u64).max(256);
        return LIMIT.fail(summary).fix(FixKind::Redis, format!("CONFIG SET maxmemory {enough}mb"));
    }
    let line = format!("{} of {} used", format_size(used as u64), format_size(limit as u64));
    let evicts = seen.text("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
    if used > 0.9 * limit && !evicts {
        let more = format!("CONFIG SET maxmemory {}", (limit * 1.5) as u64);
        return LIMIT.fail(format!("{line}, and nothing may be evicted")).fix(FixKind::Redis, more);
    }
    LIMIT.pass(line)
}

pub(super) fn policy(seen: &Seen) -> Finding {
    if let Some(primary) = seen.primary() {
        return POLICY.not_applicable(follows(&primary));
    }
    let lru = "CONFIG SET maxmemory-policy allkeys-lru";
    match seen.text("maxmemory_policy") {
        None => POLICY.unknown("INFO does not tell maxmemory_policy"),
        Some("noeviction") => {
            POLICY.fail("noeviction: once it is full, nothing new is cached, and writes fail").fix(FixKind::Redis, lru)
        }
        Some(policy) if policy.starts_with("volatile-") => {
            let (keys, expire) = keyspace(seen);
            if keys == 0 || 2 * expire > keys {
                return POLICY.pass(policy);
            }
            let summary = format!("{policy}: only {expire} of {keys} keys expire, and may be evicted");
            POLICY.warn(summary).fix(FixKind::Redis, lru)
        }
        Some(policy) => POLICY.pass(policy),
    }
}

/// Keys of all databases, and those that expire: `db0:keys=5,expires=0,avg_ttl=0`.
fn keyspace(seen: &Seen) -> (u64, u64) {
    let of = |text: &str, name: &str| -> u64 {
        text.split(',').find_map(|field| field.strip_prefix(name)?.parse().ok()).unwrap_or(0)
    };
    let is_one = |name: &str| name.strip_prefix("db").is_some_and(|number| number.parse::<u32>().is_ok());
    let databases = seen.info.iter().filter(|(name, _)| is_one(name));
    databases.fold((0, 0), |sums, (_, text)| (sums.0 + of(text, "keys="), sums.1 + of(text, "expires=")))
}

pub(super) fn evictions(seen: &Seen) -> Finding {
    if let Some(primary) = seen.primary() {
        return EVICTIONS.not_applicable(follows(&primary));
    }
    let (Some(evicted), Some(hits), Some(misses)) =
        (seen.number("evicted_keys"), seen.number("keyspace_hits"), seen.number("keyspace_misses"))
    else {
        return EVICTIONS.unknown("INFO does not tell evicted_keys");
    };
    let line = format!("{evicted:.0} keys evicted, {misses:.0} look-ups in vain");
    if evicted > 0.0 && hits + misses < 1000.0 {
        return EVICTIONS.not_applicable(format!("{line}: too few look-ups to tell"));
    }
    if evicted > 0.1 * misses {
        let limit = seen.number("maxmemory").unwrap_or(0.0);
        let more = format!("CONFIG SET maxmemory {}\n{BEGIN_ANEW}", (limit * 2.0) as u64);
        return EVICTIONS.warn(format!("{line}: it is too small")).fix(FixKind::Redis, more);
    }
    EVICTIONS.pass(line)
}

pub(super) fn fragmentation(seen: &Seen) -> Finding {
    let (Some(used), Some(taken)) = (seen.number("used_memory"), seen.number("used_memory_rss")) else {
        return FRAGMENTATION.unknown("INFO does not tell used_memory_rss");
    };
    if used < 64.0 * MEGABYTE {
        return FRAGMENTATION.not_applicable(format!("{} in use: too little to tell", format_size(used as u64)));
    }
    let ratio = taken / used;
    let line = format!("{} taken for {}: {ratio:.2}", format_size(taken as u64), format_size(used as u64));
    match ratio {
        ratio if ratio < 0.9 => FRAGMENTATION
            .fail(format!("{line}: some of it was swapped out"))
            .fix(FixKind::Words, "give the machine more memory, or Redis a lower maxmemory"),
        ratio if ratio > 1.4 => FRAGMENTATION.warn(line).fix(
            FixKind::Redis,
            "MEMORY PURGE\n# where that is not enough: CONFIG SET activedefrag yes, of a Redis built with its own jemalloc \
             (Debian's is not); else a restart",
        ),
        _ => FRAGMENTATION.pass(line),
    }
}
