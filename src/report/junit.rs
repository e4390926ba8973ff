//! `junit.xml`: one test case for the run itself, one a target; and a suite of its own for the check that was made before it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{watched, words};
use crate::judge::{Comparison, DriftResult, Outcome, RunResult, TargetResult, Verdict};
use crate::record::Run;

/// The whole file.
///
/// `unproven` is a failure of that type, or skipped where the run was asked to allow it; `not measured` is skipped; a
/// void run makes every case an error. The case `run` fails where nothing was measured or the run did not reach its end.
pub(super) fn junit(run: &Run, result: &RunResult) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new("agenthub-perf");
    suite.set_time(words::duration(result));
    suite.extra.insert("timestamp".into(), result.started.as_str().into());
    let mut names = BTreeSet::new();
    let suspects: Vec<String> = result.suspects.iter().map(watched::suspect_text).collect();
    let suspects = (!suspects.is_empty()).then(|| suspects.join("\n\n"));
    let mut add = |name: &str, status: TestCaseStatus| {
        let mut unique = name.to_owned();
        let mut n = 1;
        while !names.insert(unique.clone()) {
            n += 1;
            unique = format!("{name} ({n})");
        }
        let mut case = TestCase::new(unique, status);
        case.set_classname(format!("agenthub-perf.{}", result.scenario.name));
        case.set_time(words::duration(result));
        if let (Some(suspects), TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. }) =
            (&suspects, &case.status)
        {
            case.set_system_out(suspects);
        }
        suite.add_test_case(case);
    };
    add("run", run_status(run, result));
    if let Some(status) = edge_status(run, result) {
        add("edge", status);
    }
    for target in &result.targets {
        add(&target.name, target_status(run, result, target));
    }
    for drift in &result.drift {
        add(&format!("drift {}", drift.title()), drift_status(run, result, drift));
    }
    if let Some(baseline) = &result.baseline {
        add("baseline", baseline_status(run, baseline));
    }
    let mut report = Report::new("agenthub-perf");
    report.set_time(words::duration(result));
    report.add_test_suite(suite);
    if let Some(check) = &result.check {
        report.add_test_suite(super::check::junit_suite(check));
    }
    report.to_string()
}

/// GitLab once showed the text alone, others show the message alone: both say the same.
fn not_good(kind: NonSuccessKind, type_name: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(type_name).set_message(message).set_description(message);
    status
}

fn void(result: &RunResult) -> TestCaseStatus {
    let message = format!("void: {}", result.reasons.join("; "));
    not_good(NonSuccessKind::Error, "void", &message)
}

fn run_status(run: &Run, result: &RunResult) -> TestCaseStatus {
    if result.verdict == Verdict::Void {
        return void(result);
    }
    if result.totals.requests == 0 {
        return not_good(NonSuccessKind::Error, "empty", "no request was made");
    }
    match words::cut_short(run, result) {
        Some(how) => not_good(NonSuccessKind::Error, "partial", &how),
        None => TestCaseStatus::success(),
    }
}

/// Whether a search has found its edge; `None` where none was made.
fn edge_status(run: &Run, result: &RunResult) -> Option<TestCaseStatus> {
    let sentence = super::capacity::sentence(result)?;
    let message = [sentence].into_iter().chain(result.reasons.clone()).collect::<Vec<_>>().join(" ");
    Some(match result.verdict {
        Verdict::Pass => {
            let mut status = TestCaseStatus::success();
            status.set_message(&message);
            status
        }
        Verdict::Void => void(result),
        _ if run.asked.allow_unproven => skipped(&format!("unproven: {message}")),
        _ => not_good(NonSuccessKind::Failure, "unproven", &format!("unproven: {message}")),
    })
}

fn target_status(run: &Run, result: &RunResult, target: &TargetResult) -> TestCaseStatus {
    if result.verdict == Verdict::Void {
        return void(result);
    }
    let message = message(target);
    match target.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => not_good(NonSuccessKind::Failure, "fail", &message),
        Verdict::Unproven if !run.asked.allow_unproven => {
            not_good(NonSuccessKind::Failure, "unproven", &format!("unproven: {message}"))
        }
        Verdict::Unproven => skipped(&format!("unproven: {message}")),
        Verdict::NotMeasured => skipped(&words::reason(target)),
        Verdict::Void => void(result),
    }
}

/// What is unproven is a failure only where it leaves the run unproven too.
fn drift_status(run: &Run, result: &RunResult, drift: &DriftResult) -> TestCaseStatus {
    if result.verdict == Verdict::Void {
        return void(result);
    }
    let message = super::drift::message(drift);
    match drift.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => not_good(NonSuccessKind::Failure, "fail", &message),
        Verdict::Unproven if drift.is_open() && !run.asked.allow_unproven => {
            not_good(NonSuccessKind::Failure, "unproven", &format!("unproven: {message}"))
        }
        Verdict::Unproven => skipped(&format!("unproven: {message}")),
        Verdict::NotMeasured | Verdict::Void => skipped(&message),
    }
}

/// What is unproven against a baseline fails only where it was asked to.
fn baseline_status(run: &Run, baseline: &Comparison) -> TestCaseStatus {
    let message = super::comparison::sentence(baseline);
    let strict = run.asked.baseline.as_ref().is_some_and(|asked| asked.strict);
    match baseline.verdict {
        Outcome::Worse => not_good(NonSuccessKind::Failure, "worse", &message),
        Outcome::Unproven if strict => not_good(NonSuccessKind::Failure, "unproven", &format!("unproven: {message}")),
        Outcome::Unproven => skipped(&format!("unproven: {message}")),
        _ => TestCaseStatus::success(),
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

/// `p95 response time 3.12 s, limit < 2 s, 95 % interval 2.89 – 3.34 s: 56 % above the limit`.
pub(super) fn message(target: &TargetResult) -> String {
    let mut message = words::target_title(target);
    let (measured, interval) = (words::measured(target), words::interval(target));
    if !measured.is_empty() {
        let _ = write!(message, " {measured}");
    }
    let _ = write!(message, ", limit {}", words::limit(target));
    if !interval.is_empty() {
        let _ = write!(message, ", 95 % interval {interval}");
    }
    if !target.reason.is_empty() {
        let _ = write!(message, ": {}", target.reason);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn xml(of: &(Run, RunResult)) -> String {
        junit(&of.0, &of.1).unwrap()
    }

    #[test]
    fn every_verdict() {
        for (name, of) in example::all() {
            insta::assert_snapshot!(name, xml(&of));
        }
    }

    #[test]
    fn what_failed_names_the_suspects() {
        let of = example::locked();
        let xml = xml(&of);
        let failures = xml.matches("<failure").count();
        assert!(
            failures >= 3 && xml.matches("<system-out>what moved: Sessions wait for each other").count() == failures
        );
        assert!(xml.contains("\n  20 of 20 connections in use in 64 % of the seconds"), "{xml}");
        assert!(!self::xml(&example::healthy()).contains("system-out"));
    }

    #[test]
    fn unproven_is_skipped_where_it_is_allowed() {
        let mut of = example::unproven();
        assert_eq!(xml(&of).matches("<failure").count(), 2);
        of.0.asked.allow_unproven = true;
        let allowed = xml(&of);
        assert_eq!((allowed.matches("<failure").count(), allowed.matches("<skipped").count()), (0, 2));
    }

    #[test]
    fn a_void_run_proves_no_case() {
        let xml = xml(&example::void());
        let cases = xml.matches("<testcase ").count();
        assert_eq!((cases, xml.matches("<error message=\"void:").count()), (6, 6));
    }

    #[test]
    fn names_are_unique() {
        let mut of = example::pass();
        let twice = of.1.targets[0].clone();
        of.1.targets.push(twice);
        let xml = xml(&of);
        assert_eq!(xml.matches("name=\"p95_response_time\"").count(), 1);
        assert_eq!(xml.matches("name=\"p95_response_time (2)\"").count(), 1);
    }
}
