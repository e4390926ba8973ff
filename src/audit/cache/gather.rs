//! Asks Redis, by commands that read.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use super::keys;
use crate::observe::Address;

/// What was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) info: BTreeMap<String, String>,
    /// Microseconds, seconds ago, and the command's name. Its arguments may be anybody's secrets.
    pub(super) slow: Result<Vec<(u64, i64, String)>, String>,
    /// Event, seconds ago, milliseconds at most.
    pub(super) stalls: Result<Vec<(String, i64, u64)>, String>,
    /// `latency-monitor-threshold`; `None` where it may not be asked for.
    pub(super) monitor: Option<u64>,
    /// When snapshots are written; empty: never; `None` where it may not be asked for.
    pub(super) save: Option<String>,
    /// Seconds to live, by the key's first part, `None` where it has but one; −1: for ever.
    pub(super) lifetimes: Result<Vec<(Option<String>, i64)>, String>,
    /// How redis-cli is called for this server.
    pub(super) cli: String,
}

impl Seen {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.info.get(name).map(String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    /// What it is a replica of.
    pub(super) fn primary(&self) -> Option<String> {
        let of = |name| self.text(name).unwrap_or("?");
        (self.text("role") == Some("slave")).then(|| format!("{}:{}", of("master_host"), of("master_port")))
    }

    /// `Redis 7.0.15`, `Valkey 8.1.0`: those that came from Redis tell the version that they follow, and their own.
    pub(super) fn product(&self) -> String {
        let own = [("valkey_version", "Valkey"), ("keydb_version", "KeyDB"), ("dragonfly_version", "Dragonfly")];
        if let Some((version, name)) = own.iter().find_map(|(key, name)| Some((self.text(key)?, name))) {
            return format!("{name} {version}");
        }
        let by_program = self.text("executable").is_some_and(|path| path.contains("keydb"));
        let name = if by_program { "KeyDB" } else { "Redis" };
        format!("{name} {}", self.text("redis_version").unwrap_or("of unknown version"))
    }

    /// Of the commands that it knows.
    pub(super) fn major(&self) -> u32 {
        self.text("redis_version").and_then(|version| version.split('.').next()?.parse().ok()).unwrap_or(0)
    }
}

pub(super) async fn gather(address: &Address, timeout: Duration) -> Result<Seen, String> {
    let url = address.url();
    let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(6379));
    let tls = url.scheme() == "rediss";
    let no_tls = "does it speak TLS there? Else redis:// in place of rediss://";
    let late = || {
        let hint = if tls { no_tls } else { "is it Redis that listens there?" };
        format!("{place}: no answer within {} s: {hint}", timeout.as_secs_f64())
    };
    let client = redis::Client::open(url.as_str()).map_err(|error| format!("{place}: {}", words(&error)))?;
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let connected = tokio::time::timeout(timeout, connecting).await.map_err(|_| late())?;
    let failed = |error: redis::RedisError| {
        if error.is_timeout() {
            return late();
        }
        let said = words(&error);
        let broken = ["corrupt message", "parse error", "broken pipe", "reset", "closed", "end of file"];
        let broken = broken.iter().any(|word| said.to_lowercase().contains(word)) && error.code().is_none();
        let hint = match (broken, tls) {
            (false, _) => String::new(),
            (true, true) => format!(": {no_tls}"),
            (true, false) => ": is it Redis that listens there, and does it want TLS (rediss://)?".to_owned(),
        };
        format!("{place}: {said}{hint}")
    };
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
    let monitor = setting(&mut redis, "latency-monitor-threshold").await;
    let save = setting(&mut redis, "save").await;
    Ok(Seen {
        info,
        slow: slow
            .map(|list| list.into_iter().map(|(_, at, micros, words)| (micros, now - at, command(&words))).collect())
            .map_err(|error| words(&error)),
        stalls: stalls
            .map(|list| list.into_iter().map(|(event, at, _, most)| (event, now - at, most)).collect())
            .map_err(|error| words(&error)),
        monitor: monitor.and_then(|text| text.parse().ok()),
        save,
        lifetimes: keys::lifetimes(&mut redis).await.map_err(|error| words(&error)),
        cli: cli(address),
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

/// Of CONFIG GET; `None` where that may not be asked.
async fn setting(redis: &mut MultiplexedConnection, name: &str) -> Option<String> {
    let told: Option<BTreeMap<String, String>> =
        redis::cmd("CONFIG").arg("GET").arg(name).query_async(redis).await.ok();
    told?.remove(name)
}

/// redis-cli for the same database, without the password: that is in `REDISCLI_AUTH`.
fn cli(address: &Address) -> String {
    let url = address.url();
    let mut words = format!("redis-cli -h {} -p {}", url.host_str().unwrap_or_default(), url.port().unwrap_or(6379));
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if let Some(database) = url.path().strip_prefix('/').filter(|text| plain(text)) {
        words += " -n ";
        words += database;
    }
    if url.password().is_some() && plain(url.username()) {
        words += " --user ";
        words += url.username();
    }
    if url.scheme() == "rediss" {
        words.push_str(" --tls");
    }
    words
}

pub(super) fn words(error: &redis::RedisError) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default().split(" (os error").next().unwrap_or_default();
    let mut rest = text.chars();
    // As the other lines begin.
    let text: String = rest.next().into_iter().flat_map(char::to_lowercase).chain(rest).collect();
    match error.code() {
        _ if error.kind() == redis::ErrorKind::AuthenticationFailed => {
            format!("{text}: are user and password of the URL right?")
        }
        Some("NOAUTH" | "WRONGPASS") => format!("{text}: are user and password of the URL right?"),
        Some("NOPERM") => format!("{text}: the user needs ~* +@read +info +slowlog +latency +config|get"),
        _ => text,
    }
}
