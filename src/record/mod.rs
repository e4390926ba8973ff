//! What happened. Drivers only call [`Recorder`]; it appends to the journal every second; everything that is
//! reported is built from the [`Run`] that is read back from that journal, by one path, however the run ended.

mod accountant;
mod asked;
mod checked;
mod clocks;
mod errors;
mod figures;
#[cfg(test)]
pub(crate) mod fixture;
mod flusher;
mod generator;
mod hdr;
mod histograms;
mod hlog;
mod hour;
mod journal;
mod level;
mod live;
mod plan;
mod probe;
mod probe_hour;
mod read;
mod recorder;
mod run;
mod run_delay;
mod sample;
mod shard;
mod snapshot;

pub use asked::{Asked, AskedBaseline, AskedConnections, AskedScenario, Environment, RUN_SCHEMA};
pub use checked::{
    Accepted, CheckArea, CheckCounts, CheckFinding, CheckFix, CheckOutcome, Checked, CheckedPlace, ChecklistLine,
    UncheckedArea,
};
pub use figures::{FIGURES, FigureName, FigureUnit, figure_name};
pub use journal::{Journal, JournalError};
pub use level::{AskedLaw, AskedSearch, HeldLevel};
pub use plan::{Arrivals, Hold, LoadModel, LoadPlan, Stage};
pub use probe::{
    Blocked, Gap, ProbeKind, ProbeLine, ProbeName, Seen, StatementRow, Statements, TableRow, Tables, Watched,
};
pub use read::{ReadError, read, read_from};
pub use recorder::{ByHand, Recorder, State};
pub use run::{ArrivalSecond, End, EndpointName, EndpointSecond, GeneratorSecond, Interval, IntervalKind, Run, Second};
pub use sample::{EndpointId, ErrorId, FailureKind, Outcome, Phases, Sample};
pub use shard::Arrival;
pub use snapshot::{EndpointRow, ProbeRow, Snapshot};
