//! The reference agenthub service: what a load meets where no host is named, with knobs to rehearse trouble.
//!
//! A request takes this way: `service` accepts its connection, `connection` gives it to hyper, `endpoint` names it,
//! `rehearsal` draws its fate from the rules that were asked for (`trouble`, written as `rule` reads them), `api`
//! answers it from the `store`, `alarm` holds the answer until the moment it is due, and `metrics` counts it.

mod alarm;
mod api;
mod connection;
mod endpoint;
mod fields;
mod metrics;
mod refusal;
mod rehearsal;
mod rule;
mod service;
mod store;
mod trouble;

#[cfg(test)]
mod tests;

pub use endpoint::Endpoint;
pub use rule::{Rule, RuleError};
pub use service::{Account, Config, ReferenceError, Service};
pub use trouble::{Delay, Share, Stall, Trouble};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex guards, also after a thread panicked with it: nothing here is left half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
