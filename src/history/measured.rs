//! A result read back: its run, and what the run is judged to be.

use std::path::{Path, PathBuf};

use crate::judge::{self, RunResult};
use crate::record::{self, ReadError, Run};

/// A result, built from its journal alone: also of a killed run, and of one that another version wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its folder.
    pub folder: PathBuf,
    /// The journal.
    pub run: Run,
    /// Judged by the targets it was asked to meet.
    pub result: RunResult,
}

/// Reads a result folder.
pub fn measure(folder: &Path) -> Result<Measured, ReadError> {
    let run = record::read(folder)?;
    let result = judge::judge(&run);
    Ok(Measured { folder: folder.to_owned(), run, result })
}

/// One figure of a run, over its steady window.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// As a target: `p95_response_time`.
    pub name: String,
    /// `ms`, `ratio`, `requests/min`.
    pub unit: String,
    /// More of it is better (throughput).
    pub more_is_better: bool,
    /// The figure.
    pub value: f64,
    /// The lower end of its 95 % interval, where it is known.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// The figures of a run: the edge of a search, and each of its targets that has a value.
pub fn figures(result: &RunResult) -> Vec<Figure> {
    let figure = |target: &judge::TargetResult| {
        Some(Figure {
            name: target.name.clone(),
            unit: target.unit.clone(),
            more_is_better: target.op == ">",
            value: target.value?,
            low: target.low,
            high: target.high,
        })
    };
    let edge = result.edge.as_ref().and_then(|edge| {
        Some(Figure {
            name: "edge".to_owned(),
            unit: edge.unit.clone(),
            more_is_better: true,
            value: edge.passes?,
            low: edge.passes,
            high: edge.fails,
        })
    });
    edge.into_iter().chain(result.targets.iter().filter_map(figure)).collect()
}
