//! A Redis server, by `INFO` over one connection. Nothing else is ever asked of it: no CONFIG, nothing that writes.
//!
//! The probe leaves itself out of what it tells: its connection, and of commands and bytes those of its own INFOs, whose
//! number and length it knows. Commands with which a new connection introduces itself are not among those, but they come
//! before the load.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, InfoDict, RedisError, ServerErrorKind};

use super::{Address, Depth, Look, Probe, bytes};
use crate::mask::Mask;
use crate::record::{ProbeKind, ProbeName};

/// For a connection, and for an answer.
const WITHIN: Duration = Duration::from_millis(900);

/// Figures that only grow, by their name in `INFO`.
const TOTALS: &[(&str, &[&str])] = &[
    ("hits", &["keyspace_hits"]),
    ("misses", &["keyspace_misses"]),
    ("evicted", &["evicted_keys"]),
    ("expired", &["expired_keys"]),
    ("commands", &["total_commands_processed"]),
    ("rejected", &["rejected_connections"]),
    ("received_bytes", &["total_net_input_bytes"]),
    ("sent_bytes", &["total_net_output_bytes"]),
    ("cpu_s", &["used_cpu_user", "used_cpu_sys"]),
];

const GAUGES: &[(&str, &str)] = &[
    ("memory_bytes", "used_memory"),
    ("fragmentation", "mem_fragmentation_ratio"),
    ("clients", "connected_clients"),
    ("blocked_clients", "blocked_clients"),
];

/// See the module.
#[derive(Debug)]
pub(super) struct RedisProbe {
    address: Address,
    mask: Mask,
    facts: BTreeMap<String, String>,
    connection: Option<Connection>,
    own: Own,
    /// Of the server that answered last: another one has counters of its own.
    run_id: Option<String>,
}

/// An open connection.
struct Connection(MultiplexedConnection);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// What the server has counted of this probe's INFOs.
#[derive(Debug, Clone, Copy, Default)]
struct Own {
    commands: f64,
    received_bytes: f64,
    sent_bytes: f64,
}

impl RedisProbe {
    /// One that has not looked yet.
    pub(super) fn new(address: &Address) -> Self {
        Self {
            address: address.clone(),
            mask: Mask::new(address.password()),
            facts: BTreeMap::from([("address".to_owned(), address.to_string())]),
            connection: None,
            own: Own::default(),
            run_id: None,
        }
    }

    async fn see(&mut self) -> Result<Look, String> {
        // Taken out: a look that is dropped on the way leaves none with half an answer.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let asked = redis::cmd("INFO");
        let sent_bytes = asked.get_packed_command().len() as f64;
        let text: String = asked.query_async(&mut connection.0).await.map_err(|error| self.why(&error))?;
        self.connection = Some(connection);
        let info = InfoDict::new(&text);
        // It counts what it has read before it answers, and what it has answered afterwards.
        self.own.received_bytes += sent_bytes;
        let look = self.look_at(&info);
        self.own.commands += 1.0;
        self.own.sent_bytes += text.len() as f64 + format!("${}\r\n\r\n", text.len()).len() as f64;
        look
    }

    async fn connect(&self) -> Result<Connection, String> {
        let client = Client::open(self.address.url().clone()).map_err(|error| self.why(&error))?;
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(WITHIN)).set_response_timeout(Some(WITHIN));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        connection.map(Connection).map_err(|error| self.why(&error))
    }

    fn look_at(&mut self, info: &InfoDict) -> Result<Look, String> {
        if info.get::<String>("loading").as_deref() == Some("1") {
            let done = info.get::<String>("loading_loaded_perc").unwrap_or_else(|| "?".to_owned());
            return Err(format!("{} is loading its data from disk ({done} % so far): wait until it has", self.address));
        }
        let number = |name: &str| info.get::<f64>(name).filter(|number| number.is_finite());
        if number("total_commands_processed").is_none() {
            return Err(format!("{} answers INFO without what Redis tells there: is it one?", self.address));
        }
        self.learn(info);
        let mut look = Look::default();
        let run_id = info.get::<String>("run_id");
        let same_server = self.run_id.is_none() || self.run_id == run_id;
        if !same_server {
            look.anew = true;
            self.own = Own::default();
        }
        self.run_id = run_id;
        for &(figure, parts) in TOTALS {
            let own = match figure {
                "commands" => self.own.commands,
                "received_bytes" => self.own.received_bytes,
                "sent_bytes" => self.own.sent_bytes,
                _ => 0.0,
            };
            if let Some(sum) = parts.iter().map(|part| number(part)).sum::<Option<f64>>() {
                look.total(figure, sum - own);
            }
        }
        for &(figure, name) in GAUGES {
            if let Some(value) = number(name) {
                look.gauge(figure, if figure == "clients" { (value - 1.0).max(0.0) } else { value });
            }
        }
        if let Some(limit) = number("maxmemory").filter(|&limit| limit > 0.0) {
            look.gauge("memory_limit_bytes", limit);
        }
        if let Some(limit) = number("maxclients").filter(|&limit| limit > 0.0) {
            look.gauge("clients_limit", limit);
        }
        look.gauge("keys", keys(info));
        Ok(look)
    }

    fn learn(&mut self, info: &InfoDict) {
        let text = |name: &str| info.get::<String>(name).map(|text| text.trim().to_owned());
        let limit = match info.get::<f64>("maxmemory") {
            Some(limit) if limit > 0.0 => Some(bytes(limit)),
            Some(_) => Some("unlimited".to_owned()),
            None => None,
        };
        let facts = [
            ("version", text("redis_version")),
            ("maxmemory", limit),
            ("maxmemory_policy", text("maxmemory_policy")),
            ("role", text("role")),
        ];
        self.facts.extend(facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))));
    }

    /// In one line, with what would help.
    fn why(&self, error: &RedisError) -> String {
        let mut said = error.detail().map_or_else(|| error.to_string(), str::to_owned);
        let mut source = error.source();
        while let Some(inner) = source {
            said = inner.to_string();
            source = inner.source();
        }
        let said = self.mask.text(said.lines().next().unwrap_or_default()).into_owned();
        let all = format!("{error} {said}");
        let address = &self.address;
        let denied = |word: &str| error.code() == Some(word) || all.contains(word);
        match error.kind() {
            _ if denied("DENIED") => format!(
                "{address} is in protected mode and takes connections from its own machine only: set a password there, or run \
                 the load there"
            ),
            _ if denied("NOAUTH") => {
                format!("{address} wants a password: redis://:password@host:6379, or redis://user:password@…")
            }
            _ if denied("WRONGPASS") || denied("invalid password") => {
                format!("{address} does not take this user and password")
            }
            ErrorKind::AuthenticationFailed => format!("{address} does not take this user and password"),
            ErrorKind::Server(ServerErrorKind::NoPerm) => {
                format!("this user may not ask {address} for INFO: ACL SETUSER <user> +info")
            }
            ErrorKind::Server(ServerErrorKind::BusyLoading) => {
                format!("{address} is loading its data from disk: wait until it has")
            }
            _ if error.is_timeout() => format!("no answer from {address} within {} s", WITHIN.as_secs_f64()),
            _ if error.is_connection_refusal() => format!("connection refused by {address}: does Redis listen there?"),
            _ => format!("cannot look at {address}: {said}"),
        }
    }
}

impl Probe for RedisProbe {
    fn name(&self) -> ProbeName {
        ProbeName { kind: ProbeKind::Redis, name: String::new(), facts: self.facts.clone() }
    }

    fn look(&mut self, _depth: Depth) -> BoxFuture<'_, Result<Look, String>> {
        self.see().boxed()
    }

    /// A connection and an answer.
    fn patience(&self) -> Duration {
        2 * WITHIN + Duration::from_millis(200)
    }
}

/// Of all databases: `db0:keys=5,expires=0,avg_ttl=0`.
fn keys(info: &InfoDict) -> f64 {
    let of = |(name, _): (&String, _)| {
        let number = name.strip_prefix("db")?;
        number.parse::<u32>().ok()?;
        let text = info.get::<String>(name)?;
        text.split(',').find_map(|field| field.strip_prefix("keys="))?.parse::<u64>().ok()
    };
    info.iter().filter_map(of).map(|keys| keys as f64).sum()
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
