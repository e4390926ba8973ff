//! From a run to its verdict.

use super::agree::agree;
use super::arrivals::host_at_fault;
use super::drift::drift;
use super::generator::{Checked, generator};
use super::hold::steady_of;
use super::law;
use super::samples::samples;
use super::steady::{Part, Steady, steady};
use super::suspects::suspects;
use super::targets::{endpoints_named, judge_target};
use super::totals::{endpoints, totals};
use super::window::Window;
use super::words::NONE_STEADY;
use super::{
    DriftResult, EdgeResult, EnvironmentResult, GeneratorResult, LevelResult, LoadResult, RunResult, ScenarioResult,
    StageResult, SteadyResult, Target, TargetResult, Targets, Verdict, judge_hold,
};
use crate::record::{AskedSearch, End, HeldLevel, LoadModel, Run};
use crate::units::format_count;

/// Judges a run by the targets it was asked to meet.
pub fn judge(run: &Run) -> RunResult {
    let mut result = match &run.asked.search {
        Some(search) => search_result(run, search),
        None => judge_parts(run, steady(run)),
    };
    if let Some(check) = &run.check {
        let mut check = check.clone();
        agree(&mut result.suspects, &mut check.findings);
        result.check = Some(Box::new(check));
    }
    result
}

/// A search: its levels each by itself, and the level that passes as the window of everything else.
fn search_result(run: &Run, search: &AskedSearch) -> RunResult {
    let searched = run.levels.iter().filter(|held| !held.law);
    let judged = searched.map(|held| (held, judge_hold(run, held, search.confidence(held.looks)).level));
    let (held, levels): (Vec<&HeldLevel>, Vec<LevelResult>) = judged.unzip();
    let model = run.asked.plan.model;
    let edge = EdgeResult::of(&levels, model, search.width, search.most);
    let mut steady = Steady::default();
    for (held, level) in held.iter().zip(&levels) {
        if level.verdict == Verdict::Pass && Some(level.level) == edge.passes {
            let part = steady_of(run, held);
            steady.parts.extend(part.parts);
            steady.never_settled |= part.never_settled;
        }
    }
    let mut result = judge_parts(run, steady);
    // What stands out where it breaks, not where it still holds.
    let breaks =
        held.iter().zip(&levels).find(|(_, level)| level.verdict == Verdict::Fail && Some(level.level) == edge.fails);
    if let Some((held, level)) = breaks {
        result.suspects = suspects(run, &steady_of(run, held).parts, &level.targets, &[]);
    }
    result.targets.retain(|target| !target.name.starts_with("throughput"));
    for target in result.targets.iter_mut().filter(|target| target.reason == NONE_STEADY) {
        "levels were judged one by one, and none was proven to pass: see the levels".clone_into(&mut target.reason);
    }
    result.notes.extend(levels.iter().filter(|level| level.verdict == Verdict::Void).map(|level| {
        format!(
            "{} {} from {:.0} to {:.0} s is void: {}",
            level.level, edge.unit, level.from_s, level.to_s, level.reason
        )
    }));
    let circumstances = circumstances(run, 0);
    let all_void = !levels.is_empty() && levels.iter().all(|level| level.verdict == Verdict::Void);
    result.verdict = match (edge.is_proven(search.most) && circumstances.is_empty(), all_void) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Void,
        (false, false) => Verdict::Unproven,
    };
    result.reasons = [edge.reason.clone()].into_iter().filter(|reason| !reason.is_empty()).collect();
    result.reasons.extend(circumstances);
    result.law = law::law_of(run, search);
    (result.edge, result.levels) = (Some(edge), levels);
    result
}

/// Judges the steady parts of a run.
fn judge_parts(run: &Run, steady: Steady) -> RunResult {
    let asked = &run.asked;
    let Steady { parts, mut notes, never_settled } = steady;
    let window = Window::new(run, &parts);
    let (targets, unread) = targets_of(run);
    notes.extend(unread);
    let results: Vec<TargetResult> =
        targets.0.iter().map(|target| judge_target(run, &window, target, never_settled)).collect();
    let stages: Vec<StageResult> =
        parts.iter().map(|part| stage(run, part, &parts, &targets, &results, never_settled)).collect();
    let checked = generator(run, &window, &mut notes);
    let generator = with_shortfall(checked, run, &window, &targets, &mut notes);
    notes.extend(run.warnings.iter().cloned());

    let (endpoints, responses) = endpoints(run);
    let figures = window.whole();
    let a_minute = match figures.seconds() {
        seconds if seconds > 0.0 => figures.successes.iter().sum::<u64>() as f64 / seconds * 60.0,
        _ => 0.0,
    };
    let totals = totals(run, &endpoints, &responses, a_minute);
    let drift = drift(run, &parts, &targets);
    let (verdict, reasons) =
        verdict(run, &results, &stages, &drift, &generator, totals.failed_starts, parts.is_empty());
    let open = asked.plan.model == LoadModel::Open;
    let looked_at = whole_if_none(run, &parts);
    // What all holds together forgive, one of them may not: its misses are there to be explained too.
    let every_target: Vec<TargetResult> =
        results.iter().chain(stages.iter().flat_map(|stage| &stage.targets)).cloned().collect();
    let suspects = suspects(run, &looked_at, &every_target, &drift);
    RunResult {
        schema: 1,
        id: asked.id.clone(),
        label: asked.label.clone(),
        partial: run.partial(),
        verdict,
        reasons,
        scenario: ScenarioResult { name: asked.scenario_name.clone(), hash: asked.scenario_hash.clone() },
        load: LoadResult {
            model: asked.plan.model,
            users: asked.users,
            spawn_rate: asked.spawn_rate,
            run_time_s: asked.plan.duration_s(),
            rate: open.then(|| asked.plan.peak()),
            wait: asked.wait.clone(),
        },
        started: asked.started.clone(),
        duration_s: run.duration_s(),
        steady: SteadyResult {
            from_s: parts.first().map_or(0.0, |part| part.from_s),
            to_s: parts.last().map_or(0.0, |part| part.to_s),
        },
        stages,
        environment: EnvironmentResult { host: asked.host.clone(), generator: asked.environment.clone() },
        totals,
        endpoints,
        targets: results,
        generators: vec![generator],
        samples: samples(run, &looked_at),
        suspects,
        drift,
        edge: None,
        levels: Vec::new(),
        law: None,
        check: None,
        baseline: None,
        notes,
    }
}

/// The parts that are judged; the whole run where there is none.
fn whole_if_none(run: &Run, parts: &[Part]) -> Vec<Part> {
    if parts.is_empty() {
        let whole = Part { from_s: 0.0, to_s: run.duration_s(), level: run.asked.plan.peak(), ends_the_load: true };
        return vec![whole];
    }
    parts.to_vec()
}

/// Less load than asked voids, but where the host failed even that, and nothing else speaks against the generator.
pub(super) fn with_shortfall(
    checked: Checked,
    run: &Run,
    window: &Window<'_>,
    targets: &Targets,
    notes: &mut Vec<String>,
) -> GeneratorResult {
    let Checked { mut result, shortfall } = checked;
    let Some(shortfall) = shortfall else { return result };
    let ids_of = |target: &Target| target.of.as_deref().and_then(|name| endpoints_named(run, name).ok());
    let at_fault = if result.void { None } else { host_at_fault(window, &targets.0, ids_of) };
    if let Some(missed) = at_fault {
        notes.push(format!(
            "the host failed under less load than asked: {shortfall} ({missed}, so the wait for a session is not to blame)"
        ));
    } else {
        result.reasons.push(shortfall);
        result.void = true;
    }
    result
}

/// The targets as they were asked for, and what of them could not be read.
pub(super) fn targets_of(run: &Run) -> (Targets, Vec<String>) {
    let mut targets = Targets(Vec::new());
    let errors = run.asked.targets.iter().filter_map(|(name, limit)| targets.set(name, limit).err());
    let notes = errors.map(|error| format!("{error}; it is not judged")).collect();
    (targets, notes)
}

fn stage(
    run: &Run,
    part: &Part,
    parts: &[Part],
    targets: &Targets,
    together: &[TargetResult],
    never_settled: bool,
) -> StageResult {
    let open = run.asked.plan.model == LoadModel::Open;
    let judged = if parts.len() == 1 {
        together.to_vec()
    } else {
        let window = Window::new(run, &[*part]);
        targets.0.iter().map(|target| judge_target(run, &window, target, never_settled)).collect()
    };
    StageResult {
        from_s: part.from_s,
        to_s: part.to_s,
        users: (!open).then(|| part.level.round() as u32),
        rate: open.then_some(part.level),
        targets: judged,
    }
}

/// The first that applies: void, fail, unproven, pass; what speaks for it, and how the run went beside its targets.
fn verdict(
    run: &Run,
    targets: &[TargetResult],
    stages: &[StageResult],
    drift: &[DriftResult],
    generator: &GeneratorResult,
    failed_starts: u64,
    no_hold: bool,
) -> (Verdict, Vec<String>) {
    let missed = |target: &&TargetResult| target.verdict == Verdict::Fail;
    let mut fails: Vec<String> = targets.iter().filter(missed).map(|t| format!("{}: {}", t.name, t.reason)).collect();
    if stages.len() > 1 {
        // What all holds together forgive, one of them may not.
        for stage in stages {
            let (from_s, to_s) = (stage.from_s, stage.to_s);
            let its_own = stage.targets.iter().filter(missed);
            fails.extend(
                its_own.map(|t| format!("{} in the hold from {from_s:.0} to {to_s:.0} s: {}", t.name, t.reason)),
            );
        }
    }
    let told = |drift: &DriftResult| format!("drift of {}: {}", drift.title(), drift.reason);
    fails.extend(drift.iter().filter(|drift| drift.verdict == Verdict::Fail).map(told));
    let circumstances = circumstances(run, failed_starts);
    let mut unproven: Vec<String> = Vec::new();
    if no_hold {
        unproven.push(format!(
            "no level was held for a whole second, and only holds are judged: run longer than {:.0} s, or add a stage that holds",
            run.asked.plan.duration_s()
        ));
    } else {
        let open = targets.iter().filter(|target| target.verdict == Verdict::Unproven);
        unproven.extend(open.map(|t| format!("{}: {}", t.name, t.reason)));
        unproven.extend(drift.iter().filter(|drift| drift.is_open()).map(told));
    }
    let (verdict, mut reasons) = if generator.void {
        (Verdict::Void, generator.reasons.clone())
    } else if !fails.is_empty() {
        (Verdict::Fail, fails)
    } else if !unproven.is_empty() || !circumstances.is_empty() {
        (Verdict::Unproven, unproven)
    } else {
        (Verdict::Pass, Vec::new())
    };
    reasons.extend(circumstances);
    (verdict, reasons)
}

/// What speaks against a run beside its targets: that it ended early, or was not the load asked for.
fn circumstances(run: &Run, failed_starts: u64) -> Vec<String> {
    let mut circumstances: Vec<String> = Vec::new();
    match &run.end {
        Some(End::Finished) => {}
        Some(End::Interrupted) => circumstances.push(cut_short(run, "interrupted")),
        Some(End::GivenUp(why)) => circumstances.push(cut_short(run, &format!("given up ({why})"))),
        Some(End::Aborted(why)) => circumstances.push(cut_short(run, &format!("ended early ({why})"))),
        None => circumstances.push(cut_short(run, "its journal stops (killed, or still running)")),
    }
    if failed_starts > 0 {
        let asked = run.asked.users.map_or_else(String::new, |users| format!(" of {}", format_count(users.into())));
        circumstances.push(format!(
            "{}{asked} users could not start: the load was not the one asked for",
            format_count(failed_starts)
        ));
    }
    circumstances
}

fn cut_short(run: &Run, how: &str) -> String {
    format!("{how} after {:.0} s of {:.0} s", run.duration_s(), run.asked.plan.duration_s())
}
