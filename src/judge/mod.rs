//! Targets and verdicts: from a [`Run`](crate::record::Run) to a [`RunResult`]. Pure: opens no file, reads no clock.

mod agree;
mod arrivals;
mod ceiling;
mod comparison;
mod drift;
mod drifted;
mod edge;
mod generator;
mod hold;
mod law;
mod line;
mod looks;
mod machine;
mod outlook;
mod planned;
mod result;
mod samples;
mod series;
mod steady;
mod suspects;
mod system;
mod target;
mod targets;
mod thirds;
mod totals;
mod trend;
mod verdict;
mod watched;
mod window;
mod words;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use comparison::{Bounds, Changed, ComparedRun, Comparison, Differs, Method, Outcome, Shifted, Unit};
pub use drifted::{DriftGrowth, DriftResult, RunsOut};
pub(crate) use edge::looks_good;
pub use edge::{Bracket, EdgeResult};
pub use hold::{Judged, LevelResult, judge_hold};
pub use law::{LawLevel, LawPoint, LawResult, Limits, measure_law_level};
pub use outlook::{Outlook, outlook};
pub use planned::{Assumption, Bears, Between, Needed, Origin, Outgrown, Planned, PlannedFrom, Today, When};
pub use result::{
    ArrivalsResult, EndpointResult, EnvironmentResult, GeneratorResult, Lag, LoadResult, Milliseconds, RunResult,
    ScenarioResult, StageResult, SteadyResult, TargetResult, Totals, Verdict,
};
pub use series::{Series, SteadyWindow};
pub use target::{Target, TargetError, TargetName, Targets};
pub use trend::{LeftOut, RunsOf, Source, Trend, TrendChange, TrendFigure, TrendPoint, TrendRun};
pub use verdict::judge;
pub use watched::{FigureResult, GapResult, ProbeResult, StatementResult, Suspect};

/// The JSON schema (2020-12) of `result.json`.
pub const RESULT_SCHEMA: &str = include_str!("result.schema.json");

/// The JSON schema (2020-12) of `check --format json`, of `check.json`, and of `check` in `result.json`.
pub const CHECK_SCHEMA: &str = include_str!("check.schema.json");
