//! Counts are exact, or wrong without an excuse.

use super::super::compare::counts;
use super::super::schedule::Pattern;
use super::*;
use crate::record::FailureKind;

#[test]
fn every_pattern_of_errors_is_compared_by_kind() {
    let errors = shape("errors");
    let written = record(&errors, 3);
    let right = assessed("errors", &written, as_it_was);
    let found = right.errors.unwrap();
    assert_eq!((found.patterns, found.exact, right.verdict), (100, 100, Truth::True));
    assert_eq!(found.injected, found.counted);
    assert_eq!(found.injected.len(), 4);
    assert!(right.figures.is_empty());
}

#[test]
fn one_error_more_or_of_another_kind_is_wrong_and_has_no_excuse() {
    let errors = shape("errors");
    let written = record(&errors, 3);
    let a_right_one = written.served.iter().position(|served| served.answer == Answer::Right).unwrap();
    let a_status = written.served.iter().position(|served| served.answer == Answer::Status).unwrap();
    for (changed, to) in [(a_right_one, Answer::Status), (a_status, Answer::Reset), (a_status, Answer::Right)] {
        let change = move |number: usize, sample: &mut Sample, recorder: &Recorder| {
            if number == changed {
                sample.outcome = outcome(recorder, to);
            }
        };
        let run = journal(&errors, &written, change);
        let found = counts(&written, &run);
        assert_eq!((found.patterns, found.exact), (100, 99), "{found:#?}");
        let number = written.served[changed].pattern.unwrap();
        assert!(found.differing[0].starts_with(&format!("/known/{number}: the server ")), "{found:#?}");
        // Even where others used the whole machine.
        let result = assess(&errors, &written, &run, Some(0.9));
        assert_eq!((result.verdict, is_last(&result, 4)), (Truth::Wrong, true));
    }
}

#[test]
fn a_request_that_nobody_counted_is_missed() {
    for name in ["fixed delay", "queue", "errors"] {
        let shape = shape(name);
        let mut written = record(&shape, 2);
        let run = journal(&shape, &written, as_it_was);
        let last = *written.served.last().unwrap();
        written.served.push(last);
        // Even where others used the whole machine.
        let mut result = assess(&shape, &written, &run, Some(0.9));
        let reason = result.reasons.iter().find(|reason| reason.starts_with("the server answered ")).unwrap();
        assert!(reason.ends_with(" were counted"), "{reason}");
        assert_eq!(result.requests.served, result.requests.counted + 1);
        assert_eq!((result.verdict, is_last(&result, 4)), (Truth::Wrong, true), "{name}");
        not_by_chance(&mut result, 1);
        assert_eq!(result.verdict, Truth::Wrong, "{name}");
        let fine = covered(&stats::coverage(1, 0.5, 10, 1000));
        let (_, sentence) = conclude(&[result], &fine);
        assert!(
            sentence.starts_with(&format!("What happened was not counted truly: {name}: the server")),
            "{sentence}"
        );
    }
}

#[test]
fn a_failure_that_the_server_did_not_make_is_a_wrong_count() {
    let change = |number: usize, sample: &mut Sample, recorder: &Recorder| {
        if number == 100 {
            sample.outcome = outcome(recorder, Answer::Status);
        }
    };
    let result = assessed_beside(0.9, "fixed delay", &record(&shape("fixed delay"), 1), change);
    assert_eq!((result.verdict, result.miscounted), (Truth::Wrong, true), "{result:#?}");
    assert_eq!(result.reasons[0], "counted as failed: 1, and the server made none fail");
}

#[test]
fn what_was_cut_off_may_have_been_answered_or_not() {
    let errors = shape("errors");
    let mut written = record(&errors, 3);
    let change = |number: usize, sample: &mut Sample, _: &Recorder| {
        if number < 2 {
            sample.outcome = Outcome::CutOff;
        }
    };
    let run = journal(&errors, &written, change);
    let first = written.served[0];
    for (served, verdict) in [(0, Truth::Unproven), (1, Truth::Unproven), (2, Truth::Unproven), (3, Truth::Wrong)] {
        let mut seen = Record { served: written.served[2..].to_vec(), cpu_s: 0.1 };
        seen.served.extend(std::iter::repeat_n(first, served));
        let result = assess(&errors, &seen, &run, Some(0.0));
        assert_eq!((result.verdict, result.miscounted), (verdict, verdict == Truth::Wrong), "{served}: {result:#?}");
    }
    written.served.truncate(10);
    assert!(assess(&errors, &written, &run, Some(0.0)).miscounted);
}

#[test]
fn constant_arrivals_are_as_many_as_were_asked_for() {
    let stall = shape("stall, open");
    let mut written = record(&stall, 2);
    // Neither made nor served: both sides agree.
    written.served.pop();
    let result = assessed("stall, open", &written, as_it_was);
    assert_eq!((result.verdict, result.miscounted), (Truth::Wrong, true), "{result:#?}");
    assert_eq!(result.reasons[0], "4,000 arrivals were asked for, and 3,999 were made");
}

#[test]
fn known_patterns_are_the_same_for_everybody() {
    // 100 patterns by their seeds alone: what is injected can be told beforehand, and none is without a failure.
    let failures = |seed: u64, number: u32| {
        let mut pattern = Pattern::new(seed, number);
        (0..200).filter_map(|_| pattern.next().failure()).collect::<Vec<FailureKind>>()
    };
    for number in 0..PATTERNS {
        assert_eq!(failures(1, number), failures(1, number));
    }
    assert_ne!(failures(1, 0), failures(1, 1));
    assert_ne!(failures(1, 0), failures(2, 0));
    let with_failures = (0..PATTERNS).filter(|&number| !failures(1, number).is_empty()).count();
    assert!(with_failures > 95, "{with_failures}");
}
