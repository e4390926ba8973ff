//! The search for the edge, the highest load at which every target still passes; the levels of the scaling law after it; and from
//! there to what N users need.

mod drive;
mod ground;
mod growth;
mod law;
mod plan;
mod rest;
mod search;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulated;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulated_law;

pub use drive::{Pace, Seen, Stage, Step, drive};
pub use ground::PlanError;
pub use growth::Growth;
pub use plan::{Question, plan};
pub use search::{CONFIDENCES, LOOKS_S, Next, Outcome, Search};
