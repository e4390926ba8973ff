//! Targets and verdicts: from a [`Run`](crate::record::Run) to a [`RunResult`]. Pure: opens no file, reads no clock.

mod outlook;
mod result;
mod target;
mod verdict;

pub use outlook::{Outlook, outlook};
pub use result::{
    EndpointResult, EnvironmentResult, GeneratorResult, Lag, LoadResult, Milliseconds, RunResult, ScenarioResult,
    StageResult, SteadyResult, TargetResult, Totals, Verdict,
};
pub use target::{Target, TargetError, TargetName, Targets};
pub use verdict::judge;
