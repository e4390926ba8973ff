//! Drives scenarios: users on Goose behind a gate, or arrivals at a rate served by sessions; each with an HTTP client of
//! its own. Tells everything to the recorder, judges nothing.
//!
//! Goose launches the users, keeps them, and ends them; what it fixes beforehand (how many, how fast, for how long) is
//! decided here while the load runs: its users wait at a [gate](control), and [`LoadControl`] lets them through. Arrivals have
//! no need of Goose: a [pacer](pacer) starts them when they are due, on a [pool](pool) of sessions.

mod act;
mod arrivals;
#[doc(hidden)]
pub mod bench;
mod buffers;
mod client;
mod closed;
mod connect;
mod connection;
mod control;
mod cookies;
mod deadline;
mod drive;
mod host;
mod http1;
mod http2;
mod limits;
mod open;
mod pacer;
mod patience;
mod pool;
mod problem;
mod proxy;
mod rehearse;
mod slot;
mod tls;

pub use act::StartFailure;
pub use client::Connections;
pub(crate) use connect::{Connector, LOOPBACK, Way, is_under_localhost};
pub use control::LoadControl;
pub(crate) use drive::told;
pub use drive::{Load, drive, endpoints};
pub use host::{AllowedHosts, Host, HostError, Origin};
pub use limits::{LimitError, Limits, Needs, check as check_limits};
pub use pacer::Pacer;
pub use patience::Patience;
pub(crate) use problem::tls_words;
pub use proxy::{Proxies, Proxy};
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
    /// Open load: more arrivals wait for a session than may.
    #[error(
        "stopped after {after_s:.0} s: more than {most} arrivals wait for a session: the host does not keep up with the rate; ask for a lower --rate, or raise --max-users where it can serve more requests at a time",
        most = crate::units::format_count(pool::MOST_WAITING as u64)
    )]
    FarBehind {
        /// Seconds of load.
        after_s: f64,
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
