//! Feeders: rows of a CSV or NDJSON file, one for each user or each iteration.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Scenario;
use super::value::Value;

/// The rows of a file.
#[derive(Debug)]
pub(super) struct Feeder {
    pub(super) name: String,
    /// As the scenario writes it.
    pub(super) file: String,
    pub(super) columns: Vec<String>,
    /// Row after row.
    pub(super) cells: Vec<Value>,
    pub(super) per: Per,
    pub(super) order: Order,
    /// By column: whether its values must not be shown.
    pub(super) secret: Vec<bool>,
}

/// What gets a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Per {
    /// Each user one, for good.
    User,
    /// Each task that a user begins one.
    Iteration,
}

/// Which row is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// One after the other; the first again after the last.
    Sequential,
    /// Any.
    Random,
}

impl Feeder {
    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.cells.len() / self.columns.len().max(1)
    }

    /// One value.
    pub(super) fn cell(&self, row: usize, column: usize) -> &Value {
        &self.cells[row * self.columns.len() + column]
    }
}

/// What all users of a scenario share while a run goes on: the feeders' cursors.
#[derive(Debug)]
pub struct Feeds {
    cursors: Vec<AtomicU64>,
}

impl Feeds {
    /// At the first row of everything.
    pub fn new(scenario: &Scenario) -> Self {
        Self { cursors: scenario.feeders.iter().map(|_| AtomicU64::new(0)).collect() }
    }

    /// The next row of a feeder that users share.
    pub(super) fn next_row(&self, feeder: usize, rows: usize) -> usize {
        (self.cursors[feeder].fetch_add(1, Ordering::Relaxed) % rows as u64) as usize
    }
}
