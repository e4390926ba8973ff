//! Each rule by what Redis may tell.

use std::collections::BTreeMap;

use super::super::rule::Outcome;
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
    let keys = vec![(Some("user_sessions".to_owned()), 1700), (Some("project_data".to_owned()), 300)];
    Seen {
        info,
        slow: Ok(Vec::new()),
        stalls: Ok(Vec::new()),
        monitor: Some(50),
        save: Some(String::new()),
        lifetimes: Ok(keys),
        cli: "redis-cli -h 127.0.0.1 -p 6379".to_owned(),
    }
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
        (&PERSISTENCE, &[("rdb_last_bgsave_status", "err")], Outcome::Pass),
        (&PERSISTENCE, &[("aof_enabled", "1"), ("aof_last_write_status", "err")], Outcome::Fail),
        (&POLICY, &[("maxmemory_policy", "volatile-lru"), ("db0", "keys=4,expires=2")], Outcome::Warn),
        (&POLICY, &[("maxmemory_policy", "volatile-lru"), ("db0", "keys=4,expires=3")], Outcome::Pass),
        (&LIMIT, &[("maxmemory", "0"), ("role", "slave")], Outcome::NotApplicable),
        (&REACHABLE, &[("role", "slave"), ("master_link_status", "down")], Outcome::Warn),
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
    let slow = |micros, ago| outcome(&SLOW, &Seen { slow: Ok(vec![(micros, ago, "KEYS".to_owned())]), ..seen(&[]) });
    assert_eq!((slow(9_999, 1), slow(10_000, 1), slow(100_000, 1)), (Outcome::Pass, Outcome::Warn, Outcome::Fail));
    assert_eq!(slow(100_000, 3601), Outcome::Pass);
    let stall = |most, ago| outcome(&STALLS, &Seen { stalls: Ok(vec![("fork".to_owned(), ago, most)]), ..seen(&[]) });
    assert_eq!((stall(99, 1), stall(100, 1), stall(100, 3601)), (Outcome::Pass, Outcome::Warn, Outcome::Pass));
    assert_eq!(outcome(&STALLS, &Seen { monitor: Some(0), ..seen(&[]) }), Outcome::NotApplicable);
    assert_eq!(outcome(&STALLS, &Seen { monitor: None, ..seen(&[]) }), Outcome::Unknown);
    let on = Seen { save: Some("3600 1".to_owned()), ..seen(&[("rdb_last_bgsave_status", "err")]) };
    assert_eq!(outcome(&PERSISTENCE, &on), Outcome::Fail);
    let refused = Seen { slow: Err("NOPERM".to_owned()), stalls: Err("NOPERM".to_owned()), ..seen(&[]) };
    assert_eq!((outcome(&SLOW, &refused), outcome(&STALLS, &refused)), (Outcome::Unknown, Outcome::Unknown));
}

#[test]
fn keys_live_as_long_as_the_guide_says() {
    let of = |kind: &str, seconds| {
        outcome(&LIFETIME, &Seen { lifetimes: Ok(vec![(Some(kind.to_owned()), seconds)]), ..seen(&[]) })
    };
    assert_eq!((of("user_sessions", 1800), of("user_sessions", 1801)), (Outcome::Pass, Outcome::Fail));
    assert_eq!(of("project_data", -1), Outcome::Fail);
    assert_eq!((of("other", -1), of("other", 9)), (Outcome::Warn, Outcome::NotApplicable));
    assert_eq!(outcome(&LIFETIME, &Seen { lifetimes: Ok(Vec::new()), ..seen(&[]) }), Outcome::NotApplicable);
}

#[test]
fn those_that_came_from_redis_are_called_by_their_names() {
    for (told, wanted) in [
        (&[][..], "Redis 7.0.15"),
        (&[("valkey_version", "8.1.0"), ("redis_version", "7.2.4")], "Valkey 8.1.0"),
        (&[("redis_version", "6.3.4"), ("executable", "/usr/bin/keydb-server")], "KeyDB 6.3.4"),
        (&[("cluster_enabled", "1")], "Redis 7.0.15, one node of a cluster: all this is of it alone"),
        (
            &[("role", "slave"), ("master_host", "10.0.0.1"), ("master_port", "6379")],
            "Redis 7.0.15, a replica of 10.0.0.1:6379",
        ),
    ] {
        assert_eq!(judge(&seen(told))[0].summary, wanted);
    }
}

#[test]
fn a_key_without_a_prefix_is_never_shown_and_no_kind_gets_out_of_its_quotes() {
    let of = |kind: Option<&str>| {
        let lifetimes = Ok(vec![(kind.map(str::to_owned), -1)]);
        judge(&Seen { lifetimes, ..seen(&[]) }).pop().unwrap()
    };
    assert_eq!(of(None).evidence, ["1 keys without a prefix live for ever"]);
    assert!(of(Some("a'; rm -rf")).fix.unwrap().text.starts_with("and where they are written"));
    assert!(of(Some("other")).fix.unwrap().text.contains("--pattern 'other:*'"));
}
