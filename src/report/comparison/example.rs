//! Comparisons for the tests of this room.

use crate::judge::{Bounds, Changed, ComparedRun, Comparison, Differs, Method, Outcome, Shifted, Unit, Verdict};

pub(in crate::report) fn bounds(value: f64, low: f64, high: f64) -> Bounds {
    Bounds { value, low, high }
}

fn run(id: &str, label: Option<&str>, commit: &str) -> ComparedRun {
    ComparedRun {
        id: id.to_owned(),
        label: label.map(str::to_owned),
        started: "2026-11-23T08:10:00Z".to_owned(),
        commit: Some(commit.to_owned()),
        verdict: Verdict::Pass,
        partial: false,
        steady_s: 55.0,
    }
}

fn time(name: &str, a: f64, ratio: Bounds, verdict: Outcome, reason: &str) -> Changed {
    let by = |ratio: f64| (ratio - 1.0) * a;
    Changed {
        name: name.to_owned(),
        unit: "ms".to_owned(),
        a: Some(a),
        b: Some(a * ratio.value),
        brackets: None,
        counts: None,
        ratio: Some(ratio),
        difference: Some(bounds(by(ratio.value), by(ratio.low), by(ratio.high))),
        margin: None,
        p_worse: Some(0.001),
        adjusted_p: None,
        permutation_p: None,
        verdict,
        reason: reason.to_owned(),
        steady_s: None,
        runs: None,
    }
}

/// Slower, with few errors more.
pub(in crate::report) fn worse() -> Comparison {
    let throughput = Changed {
        unit: "requests/min".to_owned(),
        ..time("throughput", 4968.0, bounds(0.998, 0.961, 1.031), Outcome::Same, "")
    };
    let errors = Changed {
        name: "error_rate".to_owned(),
        unit: "ratio".to_owned(),
        a: Some(0.0),
        b: Some(0.000_65),
        counts: Some([[0, 4612], [3, 4598]]),
        ratio: None,
        difference: Some(bounds(0.000_65, -0.000_4, 0.001_9)),
        margin: Some(0.001),
        ..time(
            "error_rate",
            1.0,
            bounds(1.0, 1.0, 1.0),
            Outcome::Unproven,
            "the interval holds the edge of the tolerance: it takes about 4 min of steady load a side, there are 55 s",
        )
    };
    let shifted = |(n, percentile): (usize, f64)| Shifted {
        percentile,
        a: 1.0 + n as f64,
        b: (1.0 + n as f64) * 1.2,
        ratio: bounds(1.2, 1.1, 1.3),
        difference: bounds(0.2, 0.1, 0.3),
    };
    Comparison {
        verdict: Outcome::Worse,
        reasons: vec!["p95_response_time".to_owned()],
        tolerance: 0.05,
        method: Method {
            unit: Unit::Pair,
            resamples: Some(2000),
            seed: Some(1),
            block_s: Some(3.4),
            between_runs: Some(0.01),
            least_p: None,
        },
        a: vec![run("20261122T081000Z-agenthub-user-1a2b", Some("main"), "3f2a1b9c0d1e2f3a")],
        b: vec![run("20261123T081000Z-agenthub-user-3f2a", None, "99aab1")],
        differs: vec![Differs { what: "commit".to_owned(), a: "3f2a1b9c0d1e2f3a".to_owned(), b: "99aab1".to_owned() }],
        other_workload: false,
        targets: vec![time("p95_response_time", 2.1, bounds(1.23, 1.17, 1.29), Outcome::Worse, ""), errors, throughput],
        endpoints: vec![
            time("p95_response_time[GET /api/v2/projects]", 1.9, bounds(1.25, 1.16, 1.34), Outcome::Worse, ""),
            time("p95_response_time[GET /api/v2/tasks]", 2.4, bounds(0.97, 0.94, 1.02), Outcome::NotWorse, ""),
        ],
        gate_endpoints: false,
        shift: [10.0, 50.0, 90.0, 95.0, 99.0].into_iter().enumerate().map(shifted).collect(),
        notes: vec!["one run a side tells that these two runs differ".to_owned()],
    }
}

/// Three runs a side, one of them void.
pub(in crate::report) fn void() -> Comparison {
    let why = "B (20261123T081000Z-agenthub-user-3f2a) is void: its generator was past its limits, so its figures do not speak of the service";
    let mut of = worse();
    of.verdict = Outcome::Unproven;
    of.reasons = vec![why.to_owned()];
    of.method =
        Method { unit: Unit::Runs, resamples: None, seed: None, block_s: None, between_runs: None, least_p: Some(0.1) };
    of.a = vec![of.a[0].clone(), of.a[0].clone(), of.a[0].clone()];
    of.b = vec![of.b[0].clone(), of.b[0].clone(), of.b[0].clone()];
    of.b[0].verdict = Verdict::Void;
    for row in of.targets.iter_mut().chain(&mut of.endpoints) {
        row.verdict = Outcome::Unproven;
        why.clone_into(&mut row.reason);
        row.permutation_p = Some(0.1);
    }
    of.other_workload = true;
    of.shift.clear();
    of
}

/// Nothing changed.
pub(in crate::report) fn same() -> Comparison {
    let mut of = worse();
    of.verdict = Outcome::Same;
    of.reasons.clear();
    of.differs.clear();
    for row in of.targets.iter_mut().chain(&mut of.endpoints) {
        row.verdict = Outcome::Same;
        row.reason.clear();
        row.ratio = row.ratio.map(|_| bounds(1.0, 0.97, 1.03));
    }
    of
}
