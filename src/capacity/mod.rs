//! The search for the edge: the highest load at which every target still passes.

mod drive;
mod rest;
mod search;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod simulated;

pub use drive::{Pace, Seen, Stage, Step, drive};
pub use search::{CONFIDENCES, LOOKS_S, Next, Outcome, Search};
