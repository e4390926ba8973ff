//! Reads a scenario file.

use std::path::Path;

use super::Scenario;

/// A scenario file that cannot be used: names the file, the line and the fix.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(pub String);

/// Reads and checks a scenario file, and everything it refers to.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    Err(ScenarioError(path.display().to_string()))
}

/// The guide's user: `scenarios/agenthub.toml`, compiled in.
pub fn built_in() -> Scenario {
    unreachable!()
}
