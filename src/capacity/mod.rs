//! The search for the edge, the highest load at which every target still passes; and the levels of the scaling law after it.

mod drive;
mod law;
mod rest;
mod search;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulated;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulated_law;

pub use drive::{Pace, Seen, Stage, Step, drive};
pub use search::{CONFIDENCES, LOOKS_S, Next, Outcome, Search};
