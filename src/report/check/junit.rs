//! A check as `JUnit`'s XML: a test case a finding.

use std::collections::BTreeSet;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{asides, name, threshold};
use crate::record::{CheckFinding, CheckOutcome, Checked};

/// Of the file, and of the suite in it.
const NAME: &str = "agenthub-perf check";

/// The whole file.
pub(in crate::report) fn junit(of: &Checked) -> Result<String, SerializeError> {
    let mut report = Report::new(NAME);
    report.add_test_suite(suite(of));
    report.to_string()
}

/// What fails is a failure, what could not be told an error; the rest that does not hold is skipped, and says why: warnings,
/// what is accepted, questions.
pub(in crate::report) fn suite(of: &Checked) -> TestSuite {
    let mut suite = TestSuite::new(NAME);
    let mut names = BTreeSet::new();
    for finding in &of.findings {
        let mut unique = name(finding);
        let mut n = 1;
        while !names.insert(unique.clone()) {
            n += 1;
            unique = format!("{} ({n})", name(finding));
        }
        let mut case = TestCase::new(unique, status(finding));
        case.set_classname(format!("agenthub-perf.check.{}", finding.area));
        // Of one that does not hold, its status tells.
        if finding.outcome == CheckOutcome::Pass {
            let seen: Vec<&str> = [&finding.summary].into_iter().chain(&finding.evidence).map(String::as_str).collect();
            case.set_system_out(seen.join("\n"));
        }
        suite.add_test_case(case);
    }
    suite
}

fn status(finding: &CheckFinding) -> TestCaseStatus {
    let mut message = finding.summary.clone();
    for aside in asides(finding) {
        message.push_str("; ");
        message.push_str(&aside);
    }
    let skipped = |message: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(message);
        status
    };
    let not_good = |kind| {
        let mut lines = vec![message.clone()];
        lines.extend(finding.evidence.iter().cloned());
        lines.push(format!("must hold: {}", threshold(finding)));
        lines.extend(finding.fix.iter().map(|fix| format!("fix ({}):\n{}", fix.language, fix.text)));
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(finding.outcome.name()).set_message(message.clone()).set_description(lines.join("\n"));
        status
    };
    match finding.outcome {
        CheckOutcome::Pass => TestCaseStatus::success(),
        _ if finding.accepted.is_some() => skipped(&message),
        CheckOutcome::Fail => not_good(NonSuccessKind::Failure),
        CheckOutcome::Unknown => not_good(NonSuccessKind::Error),
        other => skipped(&format!("{}: {message}", other.word())),
    }
}
