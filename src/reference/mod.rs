//! The reference agenthub service: what a load meets where no host is named, with knobs to rehearse trouble.
//!
//! A request takes this way: `service` accepts its connection, `connection` gives it to hyper, `endpoint` names it,
//! `rehearsal` draws its fate from the rules that were asked for (`trouble`, written as `rule` reads them), `api`
//! answers it from the `store`, `alarm` holds the answer until the moment it is due, and `metrics` counts it.
//!
//! The `store` is the one seam behind the endpoints: `memory`, or `database` with its connection `pool`, every statement in
//! `sql`, its tables and rows made by `schema`; in front of either, `cache` where there is a Redis. Their `urls` are checked
//! when they are read.

mod alarm;
mod api;
mod cache;
mod connection;
mod database;
mod endpoint;
mod fields;
mod memory;
mod metrics;
mod pool;
mod refusal;
mod rehearsal;
mod rule;
mod schema;
mod service;
mod sql;
mod store;
mod trouble;
mod urls;

#[cfg(test)]
mod tests;

pub use database::DatabaseConfig;
pub use endpoint::Endpoint;
pub use pool::PoolSize;
pub use rule::{Rule, RuleError};
pub use service::{Account, Config, ReferenceError, Service};
pub use trouble::{Delay, Share, Stall, Trouble};
pub use urls::{DatabaseUrl, RedisUrl, UrlError};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex guards, also after a thread panicked with it: nothing here is left half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
