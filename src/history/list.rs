//! The results of a folder as a table.

use std::path::Path;

use serde::Serialize;

use super::find::FindError;
use super::kept::{Kept, in_parallel, runs};
use crate::judge::{EdgeResult, LeftOut, Verdict};

/// All results of a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listing {
    /// The newest first.
    pub runs: Vec<ListedRun>,
    /// Folders that could not be read.
    pub skipped: Vec<LeftOut>,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedRun {
    /// Its folder's name.
    pub id: String,
    /// `--label`.
    pub label: Option<String>,
    /// What users did.
    pub scenario: String,
    /// The hash of its workload.
    pub workload: String,
    /// RFC 3339.
    pub started: String,
    /// Its verdict; `None` where it has no result yet.
    pub verdict: Option<Verdict>,
    /// Of the steady window where it has that target, else of the whole run.
    pub p95_ms: Option<f64>,
    /// What a search for the edge found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<EdgeResult>,
    /// The code under test.
    pub commit: Option<String>,
    /// What stands against its figures; usually nothing.
    pub marks: Vec<String>,
}

/// Lists them.
pub fn list(results: &Path) -> Result<Listing, FindError> {
    let (mut all, skipped) = runs(results)?;
    all.reverse();
    Ok(Listing { runs: in_parallel(&all, row), skipped })
}

fn row(run: &Kept) -> ListedRun {
    let (verdict, p95_ms, edge, marks) = match run.said() {
        Ok(said) => {
            let steady = said.targets.iter().find(|target| target.name == "p95_response_time");
            let p95 = steady.and_then(|target| target.value).or(said.totals.response_time_ms.p95);
            (Some(said.verdict), p95, said.edge.clone(), run.marks(&said))
        }
        Err(why) => (None, None, None, vec![why]),
    };
    ListedRun {
        id: run.id.clone(),
        label: run.asked.label.clone(),
        scenario: run.asked.scenario_name.clone(),
        workload: run.workload.hash.clone(),
        started: run.asked.started.clone(),
        verdict,
        p95_ms,
        edge,
        commit: run.asked.environment.commit.clone(),
        marks,
    }
}
