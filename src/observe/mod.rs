//! Probes on the system under test: what it does while the load runs, once a second, on the load's own time.
//!
//! One file a probe. A [`Probe`] looks and tells what it saw: gauges, and totals of counters that only grow. All the rest is
//! the [`Observer`]'s, once for all of them: when to look, how long to wait, the differences, the gaps, the journal. It has a
//! thread of its own, so that a probe that hangs holds up nobody. No probe writes to what it watches.

mod address;
mod cgroup;
mod container;
mod host;
mod http;
mod metrics;
mod nginx;
mod observer;
mod postgres;
mod process;
mod redis;
mod watch;

pub use address::Address;
pub use cgroup::cpu_quota;
pub(crate) use cgroup::{Group, MOUNTED, Machine};
pub use observer::{FirstLook, Observer};
pub(crate) use postgres::{Numbers, settings as postgres_settings, shown as statement_shown};
pub use process::{ProcessOf, ProcessSpec};
pub use watch::Watch;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::record::{Blocked, ProbeName, StatementRow, TableRow};

/// Something that can be looked at.
pub trait Probe: Send {
    /// Who it is. May know more after the first look: facts are asked for after each.
    fn name(&self) -> ProbeName;

    /// Looks once. The error says in one line why nothing could be seen and what would help; secrets are masked.
    ///
    /// The future may be dropped before it is done, when it takes longer than [`Probe::patience`]: the next look must then
    /// begin anew, with a new connection where the old one may hold half an answer.
    fn look(&mut self, depth: Depth) -> BoxFuture<'_, Result<Look, String>>;

    /// How long a look may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// As every second.
    Quick,
    /// With what is dear to ask for: at the start, every 30 s, and at the end.
    Whole,
}

/// What a look saw. Names of figures are those that the probe's file lists, in snake case; parts of a figure follow a dot:
/// `connections.idle`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// When the figures were read, where that is not the moment at which the look ended. What is no newer than the look before
    /// is not told again.
    pub at: Option<Instant>,
    /// Totals are those of another life of what is watched: counting begins anew with this look.
    pub anew: bool,
    /// What is so now.
    pub gauges: BTreeMap<Cow<'static, str>, f64>,
    /// What has happened since some beginning. One that is lower than at the look before has begun anew: what happened in
    /// between is not known, and not told. One that a look leaves out is counted from the last one that told it.
    pub totals: BTreeMap<Cow<'static, str>, f64>,
    /// The statements since the first whole look of this connection, where this one was whole.
    pub statements: Option<SinceFirst<(Vec<StatementRow>, StatementRow)>>,
    /// The tables since the first whole look, where this one was whole.
    pub tables: Option<SinceFirst<Vec<TableRow>>>,
    /// Sessions that wait for locks; `at_s` is filled in by the observer.
    pub blocked: Vec<Blocked>,
}

/// Differences from the first whole look, or from the one that had to begin anew.
#[derive(Debug, Clone, PartialEq)]
pub struct SinceFirst<T> {
    /// What was counted.
    pub counted: T,
    /// This look is where counting begins: the differences are nothing yet.
    pub begins: bool,
    /// Why some may be missing, where they may.
    pub incomplete: Option<String>,
}

impl Look {
    /// Adds a gauge.
    pub fn gauge(&mut self, name: impl Into<Cow<'static, str>>, value: f64) {
        self.gauges.insert(name.into(), value);
    }

    /// Adds a total.
    pub fn total(&mut self, name: impl Into<Cow<'static, str>>, value: f64) {
        self.totals.insert(name.into(), value);
    }
}

/// `512 MiB`, `23.5 GiB`: for facts.
fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = if value >= 1024.0 { (value.log2() / 10.0).floor().min(4.0) } else { 0.0 };
    let shown = format!("{:.1}", value / 1024_f64.powf(power));
    format!("{} {}", shown.trim_end_matches(".0"), units[power as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_by_people() {
        let shown: Vec<String> = [0.0, 1023.0, 1024.0, 536_870_912.0, 25_276_514_304.0, 1e20].map(bytes).to_vec();
        assert_eq!(shown, ["0 B", "1023 B", "1 KiB", "512 MiB", "23.5 GiB", "90949470.2 TiB"]);
    }
}
