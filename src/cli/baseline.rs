//! `run --baseline`: found before the load, compared with after it.

use std::path::{Path, PathBuf};

use super::Failure;
use super::compare::{in_words, side};
use super::settings::Settings;
use crate::history::{self, Measured, Options};
use crate::judge::{Outcome, RunResult, Verdict};
use crate::record::{Asked, AskedBaseline, Run};

/// Finds the baseline of a run that is about to begin. A missing one, or one of another workload, is found out here: before
/// anything is sent.
pub(super) fn resolve(settings: &Settings, asked: &Asked) -> Result<Option<AskedBaseline>, Failure> {
    let Some(reference) = &settings.baseline else {
        if settings.strict_baseline {
            return Err(Failure::usage(format!(
                "{} asks for a comparison that proves something, and there is no baseline to compare with: name one, e.g. --baseline main, or leave it out",
                settings.strict_baseline_by
            )));
        }
        return Ok(None);
    };
    let named = |failure: Failure| Failure { message: format!("--baseline: {}", failure.message), ..failure };
    let folders = side(&settings.results, reference).map_err(named)?;
    for folder in &folders {
        let other = Asked::read(folder).map_err(Failure::cannot)?;
        let differs = history::workload(&other).differences(&history::workload(asked));
        if !differs.is_empty() {
            return Err(Failure::usage(format!(
                "--baseline {reference}: {} has another workload: {}; make a baseline of this one first",
                other.id,
                in_words(&differs)
            )));
        }
    }
    Ok(Some(AskedBaseline {
        reference: reference.clone(),
        results: folders.iter().map(|folder| name_of(&settings.results, folder)).collect(),
        tolerance: settings.tolerance,
        strict: settings.strict_baseline,
    }))
}

/// By what the same result is found again: its id, or the path of one that lies elsewhere.
fn name_of(results: &Path, folder: &Path) -> String {
    let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match folder.file_name() {
        Some(id) if absolute(&results.join(id)) == absolute(folder) => id.to_string_lossy().into_owned(),
        _ => absolute(folder).display().to_string(),
    }
}

/// Compares a run with the baseline that it was asked to be held against; its verdict takes what comes out into account. A
/// baseline that is not there any more is noted.
pub(super) fn attach(results: &Path, run: &Run, result: &mut RunResult) {
    let Some(asked) = &run.asked.baseline else { return };
    let baseline: Result<Vec<Measured>, String> = asked.results.iter().map(|name| measured(results, name)).collect();
    let baseline = match baseline {
        Ok(baseline) if !baseline.is_empty() => baseline,
        Ok(_) => return,
        Err(why) => {
            result.notes.push(format!("not compared with the baseline {}: {why}", asked.reference));
            if asked.strict && result.verdict == Verdict::Pass {
                result.verdict = Verdict::Unproven;
                result.reasons.push(format!("the baseline {} could not be compared with", asked.reference));
            }
            return;
        }
    };
    let baseline: Vec<(&Run, &RunResult)> = baseline.iter().map(|one| (&one.run, &one.result)).collect();
    let found = history::compare_runs(&baseline, &[(run, result)], Options::new(asked.tolerance));
    match found.verdict {
        Outcome::Worse if result.verdict != Verdict::Void => {
            result.verdict = Verdict::Fail;
            result.reasons.push(format!("worse than the baseline {}: {}", asked.reference, found.reasons.join(", ")));
        }
        Outcome::Unproven if asked.strict && result.verdict == Verdict::Pass => {
            result.verdict = Verdict::Unproven;
            let why = found.reasons.iter().map(|reason| format!("against the baseline {}: {reason}", asked.reference));
            result.reasons.extend(why);
        }
        _ => {}
    }
    result.baseline = Some(Box::new(found));
}

fn measured(results: &Path, name: &str) -> Result<Measured, String> {
    let folder: PathBuf = history::find(results, name).map_err(|error| error.to_string())?;
    history::measure(&folder).map_err(|error| error.to_string())
}
