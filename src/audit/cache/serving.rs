//! How it answers: what is found there, what holds it up, whom it turns away.

use super::super::rule::{Finding, FixKind, Outcome};
use super::gather::Seen;
use super::memory::BEGIN_ANEW;
use super::{HIT, PERSISTENCE, REFUSED, SLOW, STALLS};

pub(super) fn hit(seen: &Seen) -> Finding {
    let (Some(hits), Some(misses)) = (seen.number("keyspace_hits"), seen.number("keyspace_misses")) else {
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

pub(super) fn slow(seen: &Seen) -> Finding {
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
            FixKind::Redis,
            "# KEYS, SMEMBERS, HGETALL, SORT and large values hold everybody up: SCAN and smaller values do not; then\nSLOWLOG RESET",
        )
}

pub(super) fn stalls(seen: &Seen) -> Finding {
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
            Some(_) => STALLS.pass("none in the last hour"),
            None => STALLS.unknown("none are told, and whether they are measured may not be asked: +config|get"),
        };
    }
    let why = |event: &str| match event {
        "command" | "fast-command" => "a command that takes long holds everybody up: SLOWLOG GET names it",
        "eviction-cycle" | "eviction-del" | "expire-cycle" | "expire-del" => {
            "large values: smaller ones, and CONFIG SET lazyfree-lazy-eviction yes, lazyfree-lazy-expire yes"
        }
        _ => "a cache needs no persistence: CONFIG SET save \"\", appendonly no; and transparent huge pages off",
    };
    let mut fix: Vec<String> = recent.iter().map(|(event, ..)| format!("# {event}: {}", why(event))).collect();
    fix.push("LATENCY RESET".to_owned());
    STALLS
        .warn("Redis stood still")
        .seen(recent.iter().map(|(event, ago, most)| format!("{event}: up to {most} ms, the last {ago} s ago")))
        .fix(FixKind::Redis, fix.join("\n"))
}

pub(super) fn persistence(seen: &Seen) -> Finding {
    let (Some(_), aof) = (seen.text("rdb_last_bgsave_status"), seen.is_on("aof_enabled")) else {
        return PERSISTENCE.unknown("INFO does not tell");
    };
    // What is off may have failed long ago.
    let snapshots = seen.save.as_deref() != Some("");
    let told = [
        ("rdb_last_bgsave_status", snapshots, "CONFIG SET save \"\""),
        ("aof_last_bgrewrite_status", aof, "CONFIG SET appendonly no"),
        ("aof_last_write_status", aof, "CONFIG SET appendonly no"),
    ];
    let is_bad = |name: &str| seen.text(name).is_some_and(|status| status != "ok");
    let bad: Vec<_> = told.iter().filter(|(name, on, _)| *on && is_bad(name)).collect();
    if bad.is_empty() {
        return PERSISTENCE.pass(if snapshots || aof { "ok" } else { "off" });
    }
    let mut fixes: Vec<&str> = bad.iter().map(|(.., fix)| *fix).collect();
    fixes.dedup();
    PERSISTENCE
        .fail(
            bad.iter()
                .map(|(name, ..)| format!("{name}: {}", seen.text(name).unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(", "),
        )
        .fix(FixKind::Redis, fixes.join("\n"))
}

pub(super) fn refused(seen: &Seen) -> Finding {
    match seen.number("rejected_connections") {
        None => REFUSED.unknown("INFO does not tell rejected_connections"),
        Some(0.0) => REFUSED.pass("none"),
        Some(count) => {
            let most = seen.number("maxclients").map_or(10_000, |now| (2.0 * now) as u64).max(10_000);
            REFUSED
                .fail(format!("{count:.0} connections were refused since Redis started: maxclients is reached"))
                .fix(FixKind::Redis, format!("CONFIG SET maxclients {most}\n{BEGIN_ANEW}"))
        }
    }
}
