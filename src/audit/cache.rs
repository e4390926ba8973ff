//! Redis as a cache: what it may hold, what it lets go, whether it is found there, what stalls it, how long keys live.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::size::format_size;
use crate::observe::Address;

/// Keys whose lifetime is looked at.
const MOST_KEYS: usize = 1000;
/// The guide's lifetimes, seconds.
const LIFETIMES: [(&str, i64); 4] =
    [("user_sessions", 1800), ("user_permissions", 900), ("project_data", 300), ("static_data", 3600)];

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    holds: &'static str,
    source: &'static str,
    applies: &'static str,
) -> Rule {
    Rule { id, area: Area::Cache, lines, section: "Caching Strategy", holds, source, applies }
}

static REACHABLE: Rule = rule("cache.reachable", &[], "Redis lets us in", "", "");
static LIMIT: Rule = rule(
    "cache.memory_limit",
    &[14],
    "maxmemory is set, and 90 % of it at most are used where nothing may be evicted",
    "Redis, key eviction: without a limit a cache takes all memory there is",
    "",
);
static POLICY: Rule = rule(
    "cache.eviction_policy",
    &[12],
    "a full cache evicts: not noeviction",
    "Redis, key eviction: with noeviction writes fail once it is full",
    "",
);
static HIT: Rule = rule(
    "cache.hit_rate",
    &[12],
    "80 % of the look-ups find something; fails below 50 %",
    "at less than half, most requests pay for the cache and the database",
    "1,000 look-ups",
);
static EVICTIONS: Rule = rule(
    "cache.evictions",
    &[12],
    "fewer keys are evicted than a tenth of those that are looked up in vain",
    "what is evicted early is looked up in vain",
    "1,000 look-ups",
);
static FRAGMENTATION: Rule = rule(
    "cache.fragmentation",
    &[],
    "memory taken is at most 1.5 times memory used; fails below 0.9, where some of it was swapped out",
    "Redis, memory optimization",
    "64 MB in use",
);
static SLOW: Rule = rule(
    "cache.slow_log",
    &[],
    "no command of the last hour took 10 ms or more; fails at 100 ms",
    "Redis' slowlog-log-slower-than: everybody else waits meanwhile",
    "the slow log may be read",
);
static STALLS: Rule = rule(
    "cache.stalls",
    &[],
    "no event of the last hour (fork, fsync, eviction) held Redis up for 100 ms or more",
    "LATENCY LATEST",
    "latency-monitor-threshold above 0",
);
static PERSISTENCE: Rule = rule(
    "cache.persistence",
    &[],
    "the last snapshot and the last write to the append-only file went well",
    "Redis refuses writes after a failed snapshot (stop-writes-on-bgsave-error)",
    "",
);
static REFUSED: Rule =
    rule("cache.refused_connections", &[], "no connection was refused for maxclients", "INFO stats", "");
static LIFETIME: Rule = rule(
    "cache.key_lifetimes",
    &[12],
    "the guide's kinds of keys live no longer than it says, and every key lives for some time only",
    "the guide's CACHE_CONFIG",
    "keys of user_sessions, user_permissions, project_data, static_data",
);

static RULES: [&Rule; 11] =
    [&REACHABLE, &LIMIT, &POLICY, &HIT, &EVICTIONS, &FRAGMENTATION, &SLOW, &STALLS, &PERSISTENCE, &REFUSED, &LIFETIME];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.into_iter()
}

/// What was seen.
#[derive(Debug, Clone)]
struct Seen {
    info: BTreeMap<String, String>,
    /// Microseconds, seconds ago, and the command's name. Its arguments may be anybody's secrets.
    slow: Result<Vec<(u64, i64, String)>, String>,
    /// Event, seconds ago, milliseconds at most.
    stalls: Result<Vec<(String, i64, u64)>, String>,
    /// `latency-monitor-threshold`; `None` where it may not be asked for.
    monitor: Option<u64>,
    /// Seconds to live, by the key's first part; −1: for ever.
    lifetimes: Result<Vec<(String, i64)>, String>,
}

/// Looks and judges.
pub(super) async fn look(address: &Address, timeout: Duration) -> Vec<Finding> {
    match tokio::time::timeout(timeout * 10, gather(address, timeout)).await {
        Ok(Ok(seen)) => judge(&seen),
        Ok(Err(why)) => vec![REACHABLE.unknown(format!("cannot look at Redis: {why}"))],
        Err(_) => vec![REACHABLE.unknown("cannot look at Redis: it answers too slowly")],
    }
}

async fn gather(address: &Address, timeout: Duration) -> Result<Seen, String> {
    let url = address.url();
    let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(6379));
    let late = || format!("{place}: no answer within {} s: is it Redis that listens there?", timeout.as_secs_f64());
    let client = redis::Client::open(url.as_str()).map_err(|error| format!("{place}: {}", words(&error)))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let connected = tokio::time::timeout(timeout, connecting).await.map_err(|_| late())?;
    let failed =
        |error: redis::RedisError| if error.is_timeout() { late() } else { format!("{place}: {}", words(&error)) };
    let mut redis = connected.map_err(failed)?;
    let info: String = redis::cmd("INFO").arg("default").query_async(&mut redis).await.map_err(failed)?;
    let info: BTreeMap<String, String> = info
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect();
    let now: i64 = info
        .get("server_time_usec")
        .and_then(|text| text.parse::<i64>().ok())
        .map_or_else(|| jiff::Timestamp::now().as_second(), |micros| micros / 1_000_000);
    let slow: Result<Vec<SlowEntry>, _> = redis::cmd("SLOWLOG")
        .arg("GET")
        .arg(32)
        .query_async::<Vec<redis::Value>>(&mut redis)
        .await
        .map(|entries| entries.iter().filter_map(longer).collect());
    let stalls: Result<Vec<(String, i64, u64, u64)>, _> = redis::cmd("LATENCY")
        .arg("LATEST")
        .query_async::<Vec<redis::Value>>(&mut redis)
        .await
        .map(|events| events.iter().filter_map(latency).collect());
    let monitor: Option<BTreeMap<String, String>> =
        redis::cmd("CONFIG").arg("GET").arg("latency-monitor-threshold").query_async(&mut redis).await.ok();
    Ok(Seen {
        info,
        slow: slow
            .map(|list| list.into_iter().map(|(_, at, micros, words)| (micros, now - at, command(&words))).collect())
            .map_err(|error| words(&error)),
        stalls: stalls
            .map(|list| list.into_iter().map(|(event, at, _, most)| (event, now - at, most)).collect())
            .map_err(|error| words(&error)),
        monitor: monitor.and_then(|config| config.get("latency-monitor-threshold")?.parse().ok()),
        lifetimes: lifetimes(&mut redis).await.map_err(|error| words(&error)),
    })
}

/// Number, time, microseconds, the command's words.
type SlowEntry = (i64, i64, u64, Vec<Vec<u8>>);

/// An entry of the slow log has a client's address and name behind the command since 4.0.
fn longer(entry: &redis::Value) -> Option<SlowEntry> {
    let redis::Value::Array(parts) = entry else { return None };
    let one = |n: usize| redis::from_redis_value_ref::<i64>(parts.get(n)?).ok();
    Some((one(0)?, one(1)?, one(2)? as u64, redis::from_redis_value_ref(parts.get(3)?).ok()?))
}

/// Later versions tell more about an event than its name, its time, its last and its worst.
fn latency(event: &redis::Value) -> Option<(String, i64, u64, u64)> {
    let redis::Value::Array(parts) = event else { return None };
    let number = |n: usize| redis::from_redis_value_ref::<i64>(parts.get(n)?).ok();
    let name: String = redis::from_redis_value_ref(parts.first()?).ok()?;
    Some((name, number(1)?, number(2)? as u64, number(3)? as u64))
}

fn command(words: &[Vec<u8>]) -> String {
    let name = words.first().map(|word| String::from_utf8_lossy(word).to_uppercase()).unwrap_or_default();
    name.chars().filter(char::is_ascii_alphanumeric).take(20).collect()
}

async fn lifetimes(redis: &mut MultiplexedConnection) -> Result<Vec<(String, i64)>, redis::RedisError> {
    let (mut cursor, mut keys) = (0_u64, Vec::new());
    // Bounded in keys and in questions: a large keyspace is looked at in part.
    for _ in 0..20 {
        let (next, some): (u64, Vec<Vec<u8>>) =
            redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(200).query_async(redis).await?;
        keys.extend(some);
        cursor = next;
        if cursor == 0 || keys.len() >= MOST_KEYS {
            break;
        }
    }
    keys.truncate(MOST_KEYS);
    let mut pipe = redis::pipe();
    for key in &keys {
        pipe.cmd("TTL").arg(key);
    }
    let seconds: Vec<i64> = if keys.is_empty() { Vec::new() } else { pipe.query_async(redis).await? };
    let kind = |key: &Vec<u8>| {
        let key = String::from_utf8_lossy(key).into_owned();
        key.split(':').next().unwrap_or_default().chars().take(40).collect::<String>()
    };
    Ok(keys.iter().map(kind).zip(seconds).collect())
}

fn words(error: &redis::RedisError) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    match error.code() {
        Some("NOAUTH" | "WRONGPASS") => format!("{text}: is the password of the URL right?"),
        Some("NOPERM") => format!("{text}: the user needs +@read +info +slowlog +latency"),
        _ => text,
    }
}

fn judge(seen: &Seen) -> Vec<Finding> {
    let version = seen.info.get("redis_version").map_or("of unknown version", String::as_str);
    vec![
        REACHABLE.pass(format!("Redis {version}")),
        limit(seen),
        policy(seen),
        hit(seen),
        evictions(seen),
        fragmentation(seen),
        slow(seen),
        stalls(seen),
        persistence(seen),
        refused(seen),
        lifetime(seen),
    ]
}

fn number(seen: &Seen, name: &str) -> Option<f64> {
    seen.info.get(name)?.parse().ok()
}

fn limit(seen: &Seen) -> Finding {
    let (Some(limit), Some(used)) = (number(seen, "maxmemory"), number(seen, "used_memory")) else {
        return LIMIT.unknown("INFO does not tell maxmemory");
    };
    if limit <= 0.0 {
        let summary = format!("it may take all memory there is, and takes {} now", format_size(used as u64));
        return LIMIT.fail(summary).fix(FixKind::Redis, "CONFIG SET maxmemory 256mb");
    }
    let line = format!("{} of {} used", format_size(used as u64), format_size(limit as u64));
    let evicts = seen.info.get("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
    if used > 0.9 * limit && !evicts {
        let more = format!("CONFIG SET maxmemory {}", (limit * 1.5) as u64);
        return LIMIT.fail(format!("{line}, and nothing may be evicted")).fix(FixKind::Redis, more);
    }
    LIMIT.pass(line)
}

fn policy(seen: &Seen) -> Finding {
    match seen.info.get("maxmemory_policy").map(String::as_str) {
        None => POLICY.unknown("INFO does not tell maxmemory_policy"),
        Some("noeviction") => POLICY
            .fail("noeviction: once it is full, nothing new is cached, and writes fail")
            .fix(FixKind::Redis, "CONFIG SET maxmemory-policy allkeys-lru"),
        Some(policy) => POLICY.pass(policy),
    }
}

fn hit(seen: &Seen) -> Finding {
    let (Some(hits), Some(misses)) = (number(seen, "keyspace_hits"), number(seen, "keyspace_misses")) else {
        return HIT.unknown("INFO does not tell keyspace_hits");
    };
    let all = hits + misses;
    let line = format!("{:.1} % of {all:.0} look-ups found something", 100.0 * hits / all.max(1.0));
    if all < 1000.0 {
        return HIT.not_applicable(format!("{all:.0} look-ups so far: too few to tell"));
    }
    let outcome = match hits / all {
        share if share < 0.5 => Outcome::Fail,
        share if share < 0.8 => Outcome::Warn,
        _ => return HIT.pass(line),
    };
    HIT.found(outcome, line).fix(
        FixKind::Words,
        "cache what is asked for again: compare the keys that are looked up with those that are set, and their lifetimes",
    )
}

fn evictions(seen: &Seen) -> Finding {
    let (Some(evicted), Some(hits), Some(misses)) =
        (number(seen, "evicted_keys"), number(seen, "keyspace_hits"), number(seen, "keyspace_misses"))
    else {
        return EVICTIONS.unknown("INFO does not tell evicted_keys");
    };
    let line = format!("{evicted:.0} keys evicted, {misses:.0} look-ups in vain");
    if evicted > 0.0 && hits + misses < 1000.0 {
        return EVICTIONS.not_applicable(format!("{line}: too few look-ups to tell"));
    }
    if evicted > 0.1 * misses {
        let limit = number(seen, "maxmemory").unwrap_or(0.0);
        let more = format!("CONFIG SET maxmemory {}", (limit * 2.0) as u64);
        return EVICTIONS.warn(format!("{line}: it is too small")).fix(FixKind::Redis, more);
    }
    EVICTIONS.pass(line)
}

fn fragmentation(seen: &Seen) -> Finding {
    let (Some(used), Some(taken)) = (number(seen, "used_memory"), number(seen, "used_memory_rss")) else {
        return FRAGMENTATION.unknown("INFO does not tell used_memory_rss");
    };
    if used < 64.0 * 1024.0 * 1024.0 {
        return FRAGMENTATION.not_applicable(format!("{} in use: too little to tell", format_size(used as u64)));
    }
    let ratio = taken / used;
    let line = format!("{} taken for {}: {ratio:.2}", format_size(taken as u64), format_size(used as u64));
    match ratio {
        ratio if ratio < 0.9 => FRAGMENTATION
            .fail(format!("{line}: some of it was swapped out"))
            .fix(FixKind::Words, "give the machine more memory, or Redis a lower maxmemory"),
        ratio if ratio > 1.5 => FRAGMENTATION.warn(line).fix(FixKind::Redis, "CONFIG SET activedefrag yes"),
        _ => FRAGMENTATION.pass(line),
    }
}

fn slow(seen: &Seen) -> Finding {
    let list = match &seen.slow {
        Ok(list) => list,
        Err(why) => return SLOW.unknown(format!("the slow log cannot be read: {why}")),
    };
    let recent: Vec<_> = list.iter().filter(|(micros, ago, _)| *micros >= 10_000 && *ago <= 3600).collect();
    let Some(worst) = recent.iter().map(|(micros, ..)| *micros).max() else {
        return SLOW.pass("none in the last hour");
    };
    let outcome = if worst >= 100_000 { Outcome::Fail } else { Outcome::Warn };
    let ms = |micros: u64| micros as f64 / 1000.0;
    SLOW.found(outcome, format!("{} slow commands in the last hour, the slowest took {} ms", recent.len(), ms(worst)))
        .seen(recent.iter().take(10).map(|(micros, ago, name)| format!("{name}: {} ms, {ago} s ago", ms(*micros))))
        .fix(
            FixKind::Words,
            "KEYS, SMEMBERS, HGETALL, SORT and large values hold everybody up: SCAN and smaller values do not",
        )
}

fn stalls(seen: &Seen) -> Finding {
    let list = match &seen.stalls {
        Ok(list) => list,
        Err(why) => return STALLS.unknown(format!("LATENCY LATEST cannot be asked: {why}")),
    };
    let recent: Vec<_> = list.iter().filter(|(_, ago, most)| *ago <= 3600 && *most >= 100).collect();
    if recent.is_empty() {
        return match seen.monitor {
            Some(0) => STALLS
                .not_applicable("events are not measured (latency-monitor-threshold is 0)")
                .fix(FixKind::Redis, "CONFIG SET latency-monitor-threshold 50"),
            _ => STALLS.pass("none in the last hour"),
        };
    }
    STALLS
        .warn("Redis stood still")
        .seen(recent.iter().map(|(event, ago, most)| format!("{event}: up to {most} ms, the last {ago} s ago")))
        .fix(
            FixKind::Words,
            "a cache needs no persistence: `save \"\"` and `appendonly no`; and transparent huge pages off",
        )
}

fn persistence(seen: &Seen) -> Finding {
    let bad: Vec<String> = ["rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"]
        .into_iter()
        .filter_map(|name| Some((name, seen.info.get(name)?)))
        .filter(|(_, status)| *status != "ok")
        .map(|(name, status)| format!("{name}: {status}"))
        .collect();
    if !bad.is_empty() {
        return PERSISTENCE.fail(bad.join(", ")).fix(FixKind::Redis, "CONFIG SET save \"\"\nCONFIG SET appendonly no");
    }
    if seen.info.contains_key("rdb_last_bgsave_status") {
        PERSISTENCE.pass("ok")
    } else {
        PERSISTENCE.unknown("INFO does not tell")
    }
}

fn refused(seen: &Seen) -> Finding {
    match number(seen, "rejected_connections") {
        None => REFUSED.unknown("INFO does not tell rejected_connections"),
        Some(0.0) => REFUSED.pass("none"),
        Some(count) => REFUSED
            .fail(format!("{count:.0} connections were refused since Redis started: maxclients is reached"))
            .fix(FixKind::Redis, "CONFIG SET maxclients 10000"),
    }
}

fn lifetime(seen: &Seen) -> Finding {
    let keys = match &seen.lifetimes {
        Ok(keys) => keys,
        Err(why) => return LIFETIME.unknown(format!("keys cannot be looked at: {why}")),
    };
    if keys.is_empty() {
        return LIFETIME.not_applicable("there is no key");
    }
    let guide = |kind: &str| LIFETIMES.iter().find(|(name, _)| *name == kind).map(|(_, seconds)| *seconds);
    let ours = keys.iter().filter(|(kind, _)| guide(kind).is_some()).count();
    // −2: gone meanwhile.
    let mut wrong: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for (kind, seconds) in keys {
        let what = match (seconds, guide(kind)) {
            (-1, _) => "live for ever",
            (seconds, Some(most)) if *seconds > most => "live longer than the guide says",
            _ => continue,
        };
        *wrong.entry((kind.clone(), what)).or_default() += 1;
    }
    if wrong.is_empty() {
        return match ours {
            0 => LIFETIME.not_applicable(format!("{} keys, none of a kind that the guide names", keys.len())),
            ours => LIFETIME.pass(format!("{ours} keys of the guide's kinds live no longer than it says")),
        };
    }
    let of_the_guide = wrong.keys().any(|(kind, _)| guide(kind).is_some());
    let outcome = if of_the_guide { Outcome::Fail } else { Outcome::Warn };
    let lines = wrong.iter().take(10).map(|((kind, what), count)| {
        let limit = guide(kind).map_or_else(String::new, |seconds| format!(" ({seconds} s)"));
        format!("{count} keys {kind}:… {what}{limit}")
    });
    let fixes = wrong.keys().take(10).map(|(kind, _)| format!("EXPIRE {kind}:… {}", guide(kind).unwrap_or(300)));
    LIFETIME.found(outcome, "some keys live too long").seen(lines).fix(
        FixKind::Redis,
        fixes.collect::<Vec<_>>().join("\n") + "\n# and SETEX in place of SET where they are written",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(change: &[(&str, &str)]) -> Seen {
        let tuned = [
            ("redis_version", "7.0.15"),
            ("maxmemory", "268435456"),
            ("used_memory", "134217728"),
            ("used_memory_rss", "140000000"),
            ("maxmemory_policy", "allkeys-lru"),
            ("keyspace_hits", "9000"),
            ("keyspace_misses", "1000"),
            ("evicted_keys", "0"),
            ("rdb_last_bgsave_status", "ok"),
            ("rejected_connections", "0"),
        ];
        let info = tuned.iter().chain(change).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let keys = vec![("user_sessions".to_owned(), 1700), ("project_data".to_owned(), 300)];
        Seen { info, slow: Ok(Vec::new()), stalls: Ok(Vec::new()), monitor: Some(50), lifetimes: Ok(keys) }
    }

    fn outcome(rule: &Rule, seen: &Seen) -> Outcome {
        judge(seen).into_iter().find(|finding| finding.rule.id == rule.id).unwrap().outcome
    }

    #[test]
    fn a_tuned_cache_passes_and_every_rule_has_its_say() {
        let found = judge(&seen(&[]));
        assert_eq!(found.len(), RULES.len());
        for finding in found {
            assert_eq!(finding.outcome, Outcome::Pass, "{finding:?}");
        }
    }

    #[test]
    fn what_redis_tells_fails_or_passes() {
        for (rule, change, wanted) in [
            (&LIMIT, &[("maxmemory", "0")][..], Outcome::Fail),
            (&LIMIT, &[("used_memory", "260000000")], Outcome::Pass),
            (&LIMIT, &[("used_memory", "260000000"), ("maxmemory_policy", "noeviction")], Outcome::Fail),
            (&POLICY, &[("maxmemory_policy", "noeviction")], Outcome::Fail),
            (&HIT, &[("keyspace_misses", "3000")], Outcome::Warn),
            (&HIT, &[("keyspace_misses", "9001")], Outcome::Fail),
            (&HIT, &[("keyspace_hits", "0"), ("keyspace_misses", "999")], Outcome::NotApplicable),
            (&EVICTIONS, &[("evicted_keys", "101")], Outcome::Warn),
            (&EVICTIONS, &[("evicted_keys", "99")], Outcome::Pass),
            (&FRAGMENTATION, &[("used_memory_rss", "210000000")], Outcome::Warn),
            (&FRAGMENTATION, &[("used_memory_rss", "100000000")], Outcome::Fail),
            (&FRAGMENTATION, &[("used_memory", "1000000")], Outcome::NotApplicable),
            (&PERSISTENCE, &[("rdb_last_bgsave_status", "err")], Outcome::Fail),
            (&REFUSED, &[("rejected_connections", "3")], Outcome::Fail),
        ] {
            assert_eq!(outcome(rule, &seen(change)), wanted, "{} {change:?}", rule.id);
        }
        let blind = Seen { info: BTreeMap::new(), ..seen(&[]) };
        for rule in [&LIMIT, &POLICY, &HIT, &EVICTIONS, &FRAGMENTATION, &PERSISTENCE, &REFUSED] {
            assert_eq!(outcome(rule, &blind), Outcome::Unknown, "{}", rule.id);
        }
    }

    #[test]
    fn slow_commands_and_stalls_count_for_an_hour() {
        let slow =
            |micros, ago| outcome(&SLOW, &Seen { slow: Ok(vec![(micros, ago, "KEYS".to_owned())]), ..seen(&[]) });
        assert_eq!((slow(9_999, 1), slow(10_000, 1), slow(100_000, 1)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
        assert_eq!(slow(100_000, 3601), Outcome::Pass);
        let stall =
            |most, ago| outcome(&STALLS, &Seen { stalls: Ok(vec![("fork".to_owned(), ago, most)]), ..seen(&[]) });
        assert_eq!((stall(99, 1), stall(100, 1), stall(100, 3601)), (Outcome::Pass, Outcome::Warn, Outcome::Pass));
        assert_eq!(outcome(&STALLS, &Seen { monitor: Some(0), ..seen(&[]) }), Outcome::NotApplicable);
        let refused = Seen { slow: Err("NOPERM".to_owned()), stalls: Err("NOPERM".to_owned()), ..seen(&[]) };
        assert_eq!((outcome(&SLOW, &refused), outcome(&STALLS, &refused)), (Outcome::Unknown, Outcome::Unknown));
    }

    #[test]
    fn keys_live_as_long_as_the_guide_says() {
        let of = |kind: &str, seconds| {
            outcome(&LIFETIME, &Seen { lifetimes: Ok(vec![(kind.to_owned(), seconds)]), ..seen(&[]) })
        };
        assert_eq!((of("user_sessions", 1800), of("user_sessions", 1801)), (Outcome::Pass, Outcome::Fail));
        assert_eq!(of("project_data", -1), Outcome::Fail);
        assert_eq!((of("other", -1), of("other", 9)), (Outcome::Warn, Outcome::NotApplicable));
        assert_eq!(outcome(&LIFETIME, &Seen { lifetimes: Ok(Vec::new()), ..seen(&[]) }), Outcome::NotApplicable);
    }
}
