//! Drives scenarios: users on Goose behind a gate, or arrivals at a rate served by sessions; each with an HTTP client of
//! its own. Tells everything to the recorder, judges nothing.
//!
//! Goose launches the users, keeps them, and ends them; what it fixes beforehand (how many, how fast, for how long) is
//! decided here while the load runs: its users wait at a [gate](control), and [`LoadControl`] lets them through. Arrivals have
//! no need of Goose: a [pacer](pacer) starts them when they are due, on a [pool](pool) of sessions.

mod act;
mod arrivals;
mod client;
mod closed;
mod connect;
mod control;
mod deadline;
mod drive;
mod host;
mod http1;
mod open;
mod pacer;
mod pool;
mod problem;
mod rehearse;
mod slot;
mod tls;

pub use act::StartFailure;
pub use client::Connections;
pub use control::LoadControl;
pub use drive::{Load, drive};
pub use host::{AllowedHosts, Host, HostError, Origin};
pub use pacer::Pacer;
pub use rehearse::{Rehearsal, rehearse};

/// Why a load could not go on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// Something on this machine: no TLS roots, Goose would not start.
    #[error("{0}")]
    Setup(String),
    /// A scenario's `setup` did not work.
    #[error("setup of scenario {scenario:?} failed: {failure}")]
    SetUpFailed {
        /// The scenario's name.
        scenario: String,
        /// What happened.
        failure: StartFailure,
    },
    /// Nobody could start.
    #[error("none of {users} users could start: {failure}")]
    NobodyStarted {
        /// Users that were let through.
        users: u64,
        /// What happened to the last of them.
        failure: StartFailure,
    },
    /// The journal could not be written any longer.
    #[error("stopped after {after_s:.0} s: {problem}")]
    Journal {
        /// Seconds of load.
        after_s: f64,
        /// The file and why.
        problem: String,
    },
}
