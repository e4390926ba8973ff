//! What N users need, reckoned from a result: the shape of what a plan finds, as `capacity plan --format json` shows it.

use serde::{Serialize, Serializer};

/// A plan. Every figure is a range: the edge lies between a level that passes and one that fails, and users ask for less the
/// longer they wait for their answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// Of this shape: 1.
    pub schema: u32,
    /// What it is reckoned from.
    pub result: PlannedFrom,
    /// The result proves its edge.
    pub proven: bool,
    /// Why it does not.
    pub doubts: Vec<String>,
    /// Users at the same time.
    pub users: u64,
    /// Mean seconds between a user's tasks; `None` where nothing hung on it: the result has users who wait as these do.
    pub think_s: Option<f64>,
    /// Mean seconds of pauses within a task, beside these; `None` as above, and where the result does not tell them apart.
    pub pauses_s: Option<f64>,
    /// Seconds that a task's requests take together; `None` as above.
    pub response_s: Option<Between>,
    /// What these users ask for, in the unit of `instance`.
    pub demand: Between,
    /// The requests a second that go with it.
    pub requests_per_s: Between,
    /// The share of the edge that is kept free, a fraction.
    pub headroom: f64,
    /// What one instance bears with that much kept free.
    pub instance: Bears,
    /// How many it takes.
    pub instances: Needed,
    /// Whether those of today do; `None` where nobody asked.
    pub today: Option<Today>,
    /// When those of today will not do any more; `None` where nothing is said to grow.
    pub growth: Option<Outgrown>,
    /// Everything that was assumed, and where it comes from.
    pub assumptions: Vec<Assumption>,
    /// What speaks against the plan.
    pub warnings: Vec<String>,
}

/// The result that a plan is reckoned from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedFrom {
    /// Its folder's name.
    pub id: String,
    /// `--label`.
    pub label: Option<String>,
    /// RFC 3339.
    pub started: String,
    /// The system under test, without credentials.
    pub host: String,
    /// What users did.
    pub scenario: String,
    /// `arrivals/s` or `users`.
    pub unit: String,
    /// The level that is taken to pass: of an edge that is not confirmed the one below it that passed too, where there is one.
    pub passes: Option<f64>,
    /// The level that fails.
    pub fails: Option<f64>,
    /// The level that passes did so twice.
    pub confirmed: bool,
}

/// A range whose ends are known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Between {
    /// Its lower end.
    pub low: f64,
    /// Its upper end, not below the lower.
    pub high: f64,
}

impl Between {
    /// Between these, whichever is the lower.
    pub fn of(one: f64, other: f64) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// Both ends times the same, which is not negative.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }
}

/// What one instance bears.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bears {
    /// `arrivals/s`, `users` or `requests/s`.
    pub unit: String,
    /// It surely bears this; `None` where no level was proven to pass.
    pub low: Option<f64>,
    /// It surely does not bear more; `None` where no level was proven to fail.
    pub high: Option<f64>,
}

/// How many instances it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// Fewer do not do; `None` where no level was proven to fail.
    pub low: Option<u64>,
    /// So many do; `None` where no level was proven to pass.
    pub high: Option<u64>,
}

/// Whether today's instances do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Today {
    /// How many there are.
    pub instances: u64,
    /// `None`: it lies within the range, and could not be told.
    pub enough: Option<bool>,
}

/// When today's instances will not do any more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outgrown {
    /// A fraction in each period.
    pub share: f64,
    /// `week`, `month` or `year`.
    pub per: String,
    /// The day from which it is reckoned, `2026-11-23`.
    pub from: String,
    /// Not before; `None` where no level was proven to pass.
    pub earliest: Option<When>,
    /// Not after; `None` where no level was proven to fail.
    pub latest: Option<When>,
}

/// A month to come. In JSON `already`, `2027-08`, or `later`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Before today.
    Already,
    /// In this month of this year.
    In(i16, i8),
    /// Not within a hundred years.
    Later,
}

impl std::fmt::Display for When {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Already => f.write_str("already"),
            Self::In(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Later => f.write_str("later"),
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Something that a plan takes for granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// In a word or two: `think time`.
    pub what: String,
    /// What is taken for granted.
    pub says: String,
    /// Where it comes from.
    pub from: Origin,
}

/// Where an assumption comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The result measured it.
    Measured,
    /// The result was asked for it: its scenario, its host.
    Asked,
    /// A flag says so.
    Flag,
    /// Nobody said anything else.
    Default,
    /// Nobody measured it.
    Unmeasured,
}
