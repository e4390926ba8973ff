//! What probes saw, summed up for `result.json`, and what stands out of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What one probe saw over the steady window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// What it is: address without credentials, version, limits.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// Its figures by their names; counts as rates a second.
    pub figures: BTreeMap<String, FigureResult>,
    /// When nothing could be seen, over the whole run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapResult>,
    /// A database's statements over the run, the dearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementResult>,
    /// Why some statements may be missing, where they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements_incomplete: Option<String>,
    /// A database's tables over the run, those with the most work first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<crate::record::TableRow>,
    /// Sessions that waited for locks: those seen to wait longest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<crate::record::Blocked>,
}

/// A figure over the steady window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct FigureResult {
    /// The mean over time: of a gauge, or of a count's rate a second.
    pub mean: f64,
    /// The highest of a second.
    pub peak: f64,
    /// Of a count: how many in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
}

/// A time in which a probe saw nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapResult {
    /// Seconds since the start of the load.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
    /// Why.
    pub why: String,
}

/// A statement over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementResult {
    /// Normalised.
    pub text: String,
    /// How often it ran.
    pub calls: f64,
    /// Execution time, ms.
    pub total_ms: f64,
    /// Of one call.
    pub mean_ms: f64,
    /// Of the time of all statements, a fraction.
    pub share: f64,
    /// Calls for each HTTP request of the load.
    pub calls_per_request: f64,
    /// Rows of one call.
    pub rows_per_call: f64,
    /// Of its blocks, the share found in the database's cache; `None` where it touched none.
    pub hit_ratio: Option<f64>,
}

/// Something that stands out beside slow or failing requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The rule's id, e.g. `n_plus_one`.
    pub rule: String,
    /// What it speaks of: `postgres`, `container db`, `table tasks`.
    pub subject: String,
    /// One sentence that names it.
    pub says: String,
    /// The figures that it rests on, a line each.
    pub evidence: Vec<String>,
    /// The rule's threshold, and where it comes from.
    pub threshold: String,
    /// What to do about it, or where to look next.
    pub advice: String,
    /// How much it weighs: suspects are listed by it, the heaviest first. From 0 to 1.
    pub weight: f64,
}
