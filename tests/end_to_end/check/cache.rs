//! Redis: each rule by what a real one was made to do, and mended as printed.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{check, evidence, fix, of, outcome, with_outcome};
use crate::support::harness::Workbench;
use crate::support::stack::Redis;

/// Some tenths of a second in which nobody else is answered.
const BUSY: &str = "local n = 0; while n < 3e7 do n = n + 1 end return 'geheim'";

/// Runs what is printed, in redis-cli or a shell.
#[track_caller]
fn apply(redis: &Redis, fix: &str) {
    for line in fix.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with("redis-cli ") {
            let ran = Command::new("sh").args(["-c", line]).output().unwrap();
            assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
            continue;
        }
        let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('"')).collect();
        let said = redis.cli(&words);
        assert!(said.lines().all(|said| !said.starts_with("ERR")), "{line}: {said}");
    }
}

fn look(bench: &Workbench, redis: &Redis) -> Value {
    check(bench, &["cache", "--redis", &redis.url()]).0
}

/// A rule is as wanted, says why, and after its printed fix, and whatever comes then, it passes.
#[track_caller]
fn mended(bench: &Workbench, redis: &Redis, rule: &str, wanted: &[&str], then: impl Fn()) -> Value {
    let found = look(bench, redis);
    assert!(wanted.contains(&&*outcome(&found, rule)), "{rule}: {found:#}");
    assert!(of(&found, rule)[0]["summary"].as_str().unwrap().len() > 3, "{found:#}");
    let fix = fix(&found, rule);
    apply(redis, &fix);
    then();
    let again = look(bench, redis);
    assert_eq!(outcome(&again, rule), "pass", "{rule} after\n{fix}\n{again:#}");
    found
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn hits(redis: &Redis) {
    redis.cli(&["SET", "project_data:1", "x", "EX", "300"]);
    for _ in 0..3 {
        redis.cli(&["EVAL", "for i = 1, 1000 do redis.call('GET', 'project_data:1') end", "0"]);
    }
}

#[test]
fn a_redis_that_is_no_cache_fails_and_is_mended_as_printed() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    let (found, ended) = check(&bench, &["cache", "--redis", &redis.url()]);
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
    ended.assert_code(0);
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    for _ in 0..3 {
        redis.cli(&["EVAL", "for i = 1, 400 do redis.call('GET', 'none' .. i) end", "0"]);
    }
    let found = look(&bench, &redis);
    assert_eq!(
        with_outcome(&found, "fail"),
        ["cache.memory_limit", "cache.eviction_policy", "cache.hit_rate"],
        "{found:#}"
    );
    mended(&bench, &redis, "cache.memory_limit", &["fail"], || ());
    mended(&bench, &redis, "cache.eviction_policy", &["fail"], || ());
    // What is asked for again is found.
    (0..3).for_each(|_| hits(&redis));
    let found = look(&bench, &redis);
    assert_eq!(outcome(&found, "cache.hit_rate"), "pass");
    // It evicts only what expires, and most keys do not.
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    redis.cli(&["MSET", "a:1", "x", "a:2", "x", "a:3", "x"]);
    mended(&bench, &redis, "cache.eviction_policy", &["warn"], || ());
    // Full, and nothing may go.
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let used: u64 = info(&redis, "used_memory").parse().unwrap();
    redis.cli(&["CONFIG", "SET", "maxmemory", &(used + used / 20).to_string()]);
    mended(&bench, &redis, "cache.memory_limit", &["fail"], || ());
}

fn info(redis: &Redis, name: &str) -> String {
    let told = redis.cli(&["INFO", "everything"]);
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn keys_that_live_too_long_are_named_by_kind_only_and_the_printed_line_shortens_them() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    for (key, life) in
        [("user_sessions:geheim", "99999"), ("user_sessions:\"odd\\ name", "99999"), ("project_data:1", "50")]
    {
        redis.cli(&["SET", key, "x", "EX", life]);
    }
    redis.cli(&["SET", "project_data:2", "x"]);
    redis.cli(&["SET", "expired:1", "x", "PX", "1"]);
    let found = mended(&bench, &redis, "cache.key_lifetimes", &["fail"], || ());
    let lines = evidence(&found, "cache.key_lifetimes");
    assert_eq!(
        lines,
        [
            "1 keys project_data:… live for ever (300 s)",
            "2 keys user_sessions:… live longer than the guide says (1800 s)"
        ]
    );
    assert!(!found.to_string().contains("geheim") && !found.to_string().contains("odd"), "a key is shown: {found:#}");
    let left: i64 = redis.cli(&["TTL", "project_data:1"]).parse().unwrap();
    assert!(left <= 50, "what lives shorter stays so: {left}");
    // No kind of the guide's, and one without a prefix, which is not shown.
    redis.cli(&["SET", "geheim", "x"]);
    let found = look(&bench, &redis);
    assert_eq!(outcome(&found, "cache.key_lifetimes"), "warn");
    assert_eq!(evidence(&found, "cache.key_lifetimes"), ["1 keys without a prefix live for ever"]);
}

#[test]
fn a_command_that_holds_redis_up_is_named_without_its_words() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    redis.cli(&["EVAL", BUSY, "0"]);
    let found = mended(&bench, &redis, "cache.slow_log", &["warn", "fail"], || ());
    assert!(found.to_string().contains("EVAL") && !found.to_string().contains("geheim"), "{found:#}");
    let found = mended(&bench, &redis, "cache.stalls", &["warn"], || ());
    assert!(evidence(&found, "cache.stalls")[0].starts_with("command: up to "), "{found:#}");
    redis.cli(&["CONFIG", "SET", "latency-monitor-threshold", "0"]);
    mended(&bench, &redis, "cache.stalls", &["not_applicable"], || ());
}

#[test]
fn evictions_refused_clients_and_failed_snapshots_of_a_real_redis_are_noticed() {
    let bench = Workbench::new();
    let redis = Redis::with(&["--maxmemory", "3mb"]);
    for batch in 0..12 {
        let fill =
            format!("for i = 1, 1000 do redis.call('SET', 'k:{batch}:' .. i, string.rep('x', 200), 'EX', 300) end");
        redis.cli(&["EVAL", &fill, "0"]);
    }
    redis.cli(&["EVAL", "for i = 1, 1200 do redis.call('GET', 'none' .. i) end", "0"]);
    mended(&bench, &redis, "cache.evictions", &["warn"], || hits(&redis));

    let redis = Redis::with(&["--maxclients", "3"]);
    let crowd: Vec<TcpStream> = (0..6).map(|_| TcpStream::connect(("127.0.0.1", redis.port())).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(200));
    drop(crowd);
    until("they are gone", || {
        Command::new("redis-cli")
            .args(["-p", &redis.port().to_string(), "PING"])
            .output()
            .is_ok_and(|said| said.stdout.starts_with(b"PONG"))
    });
    mended(&bench, &redis, "cache.refused_connections", &["fail"], || ());

    let redis = Redis::with(&["--save", "3600 1"]);
    // It has read its snapshot, of which there is none, once it answers; and the next cannot take the place of a folder.
    redis.cli(&["PING"]);
    std::fs::create_dir(redis.folder().join("dump.rdb")).unwrap();
    redis.cli(&["SET", "project_data:1", "x", "EX", "100"]);
    redis.cli(&["BGSAVE"]);
    until("the snapshot fails", || info(&redis, "rdb_last_bgsave_status") == "err");
    mended(&bench, &redis, "cache.persistence", &["fail"], || ());
}

#[test]
fn memory_that_is_taken_and_not_used_is_given_back_as_printed() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    redis.cli(&["CONFIG", "SET", "maxmemory", "400mb"]);
    for batch in 0..12 {
        let fill =
            format!("for i = 1, 1000 do redis.call('SET', 'k:{batch}:' .. i, string.rep('x', 16000), 'EX', 300) end");
        redis.cli(&["EVAL", &fill, "0"]);
    }
    for batch in 0..7 {
        redis.cli(&["EVAL", &format!("for i = 1, 1000 do redis.call('DEL', 'k:{batch}:' .. i) end"), "0"]);
    }
    let wait = || std::thread::sleep(Duration::from_millis(400));
    wait();
    let found = mended(&bench, &redis, "cache.fragmentation", &["warn"], wait);
    assert!(of(&found, "cache.fragmentation")[0]["summary"].as_str().unwrap().contains(" MB taken for "), "{found:#}");
}

#[test]
fn a_user_with_few_rights_learns_what_it_may_and_what_it_lacks() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    let url = |user: &str| redis.url().replace("redis://", &format!("redis://{user}:geheim@"));
    redis.cli(&["ACL", "SETUSER", "looker", "on", ">geheim", "+@connection", "+info"]);
    redis.cli(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">geheim",
        "~*",
        "+@connection",
        "+@read",
        "+info",
        "+slowlog",
        "+latency",
        "+config|get",
    ]);
    redis.cli(&["ACL", "SETUSER", "nobody", "on", ">geheim", "+@connection"]);
    let (found, ended) = check(&bench, &["cache", "--redis", &url("looker")]);
    assert_eq!(with_outcome(&found, "unknown"), ["cache.slow_log", "cache.stalls", "cache.key_lifetimes"], "{found:#}");
    assert_eq!(outcome(&found, "cache.memory_limit"), "pass");
    assert!(found.to_string().contains("the user needs ~* +@read"), "{found:#}");
    ended.assert_code(98);
    let (found, ended) = check(&bench, &["cache", "--redis", &url("reader")]);
    assert_eq!(with_outcome(&found, "unknown"), [""; 0], "{found:#}");
    ended.assert_code(0);
    for (user, words) in [("nobody", "the user needs"), ("stranger", "are user and password of the URL right?")] {
        let (found, ended) = check(&bench, &["cache", "--redis", &url(user)]);
        let line = of(&found, "cache.reachable")[0]["summary"].as_str().unwrap();
        assert!(line.contains(words) && !format!("{ended}").contains("geheim"), "{line}");
        ended.assert_code(1);
    }
    redis.cli(&["CONFIG", "SET", "requirepass", "geheim"]);
    let (found, _) = check(&bench, &["cache", "--redis", &redis.url()]);
    let line = of(&found, "cache.reachable")[0]["summary"].as_str().unwrap();
    assert!(line.contains("are user and password of the URL right?"), "{line}");
    let (found, ended) = check(&bench, &["cache", "--redis", &redis.url().replace("redis://", "redis://:geheim@")]);
    assert_eq!(outcome(&found, "cache.reachable"), "pass");
    ended.assert_code(0);
}

#[test]
fn a_replica_and_a_node_of_a_cluster_say_what_they_are() {
    let (bench, mut primary) = (Workbench::new(), Redis::start());
    let port = primary.port().to_string();
    let replica = Redis::with(&["--replicaof", &format!("127.0.0.1 {port}"), "--maxmemory", "0"]);
    until("it follows", || info(&replica, "master_link_status") == "up");
    let found = look(&bench, &replica);
    assert_eq!(outcome(&found, "cache.memory_limit"), "not_applicable", "{found:#}");
    let line = of(&found, "cache.reachable")[0]["summary"].as_str().unwrap();
    assert!(line.ends_with(&format!("a replica of 127.0.0.1:{port}")), "{line}");
    primary.stop();
    until("it has lost it", || info(&replica, "master_link_status") == "down");
    assert_eq!(outcome(&look(&bench, &replica), "cache.reachable"), "warn");

    let node = Redis::with(&["--cluster-enabled", "yes"]);
    let found = look(&bench, &node);
    assert!(of(&found, "cache.reachable")[0]["summary"].as_str().unwrap().contains("one node of a cluster"));
    assert_eq!(with_outcome(&found, "unknown"), [""; 0], "{found:#}");
}
