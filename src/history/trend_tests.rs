#![allow(clippy::unwrap_used)]

use std::fs;

use super::super::tests::folders::{history, id, nth, said, write};
use super::*;
use crate::record::{Environment, LoadPlan};

fn plain() -> TrendOptions {
    TrendOptions { workload: None, scenario: None, figures: Vec::new(), all: false, least_change: 0.05 }
}

fn of(figures: &[&str]) -> TrendOptions {
    TrendOptions { figures: figures.iter().map(|&name| name.to_owned()).collect(), ..plain() }
}

/// Ten runs of 100 ms, ten of 120 ms, each a little off.
fn step() -> Vec<f64> {
    (0..20).map(|n| if n < 10 { 100.0 } else { 120.0 } + f64::from(n % 3)).collect()
}

#[test]
fn a_step_is_found_with_its_run_commit_size_and_confidence() {
    let results = history(&step());
    let found = trend(results.path(), &plain()).unwrap();
    assert_eq!(found.runs.len(), 20);
    let names: Vec<&str> = found.figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["p95_response_time", "throughput"], "the newest run's targets that have a value");
    let p95 = &found.figures[0];
    assert_eq!((p95.limit, p95.source, p95.changes.len()), (Some(2000.0), Source::Steady, 1));
    assert_eq!((p95.points[0].run, p95.points[0].value, p95.points[0].low), (0, 100.0, Some(90.0)));
    let change = &p95.changes[0];
    assert_eq!((&change.run.id, &change.last_before.id), (&id(10), &id(9)));
    assert_eq!(change.run.commit.as_deref(), Some("000ac0ffee"));
    assert_eq!((change.outcome, change.runs_before, change.runs_after), (Outcome::Worse, 10, 10));
    let ratio = change.ratio.unwrap();
    assert!((ratio.value - 1.2).abs() < 0.01 && ratio.low > 1.18 && ratio.high < 1.22, "{ratio:?}");
    assert!(change.confidence > 0.9999 && (change.p + change.confidence - 1.0).abs() < 1e-12);
    assert_eq!(change.differs.len(), 1);
    assert_eq!((&*change.differs[0].what, &*change.differs[0].b), ("commit", "000ac0ffee"));
    // Throughput fell with it: that is worse too.
    assert_eq!(found.figures[1].changes[0].outcome, Outcome::Worse);
    assert_eq!(found.figures[1].changes[0].run.id, id(10));
    assert_eq!(trend(results.path(), &TrendOptions { least_change: 0.3, ..plain() }).unwrap().figures[0].changes, []);
}

#[test]
fn a_change_of_machine_is_named_beside_it() {
    let results = tempfile::tempdir().unwrap();
    for (n, p95) in step().into_iter().enumerate() {
        let mut asked = nth(n);
        if n >= 10 {
            asked.environment = Environment { hostname: "other".into(), cpus: 8, ..asked.environment };
        }
        asked.host = format!("http://127.0.0.1:{}", 4000 + n);
        asked.reference_service = true;
        write(results.path(), &asked, &said(&asked, p95));
    }
    let found = trend(results.path(), &plain()).unwrap();
    let differs: Vec<&str> = found.figures[0].changes[0].differs.iter().map(|differs| &*differs.what).collect();
    assert_eq!(differs, ["commit", "machine", "CPUs"], "the port of the reference service is none");
}

#[test]
fn runs_that_prove_nothing_are_left_out_named_and_taken_in_when_asked() {
    let results = tempfile::tempdir().unwrap();
    for n in 0..12 {
        let mut said = said(&nth(n), 100.0);
        match n {
            2 => said["partial"] = true.into(),
            4 => said["verdict"] = "void".into(),
            6 => said["totals"]["failed_starts"] = 3.into(),
            8 => said["schema"] = 7.into(),
            10 => said["verdict"] = "fail".into(),
            _ => {}
        }
        write(results.path(), &nth(n), &said);
    }
    let found = trend(results.path(), &plain()).unwrap();
    assert_eq!(found.runs.len(), 8);
    let left: Vec<(&str, &str)> = found.left_out.iter().map(|one| (&*one.id, &one.why[..4])).collect();
    let ids = [id(2), id(4), id(6), id(8)];
    assert_eq!(left, [(&*ids[0], "part"), (&*ids[1], "void"), (&*ids[2], "user"), (&*ids[3], "sche")]);
    let found = trend(results.path(), &TrendOptions { all: true, ..plain() }).unwrap();
    assert_eq!((found.runs.len(), found.left_out.len()), (12, 0));
    assert_eq!(found.runs[8].marks, ["schema 7: written by another version"]);
}

#[test]
fn damaged_foreign_and_copied_folders_are_named_and_skipped() {
    let results = history(&[100.0; 9]);
    let at = |n: usize| results.path().join(id(n));
    let text = fs::read_to_string(at(1).join("result.json")).unwrap();
    fs::write(at(1).join("result.json"), &text[..text.len() / 2]).unwrap();
    fs::remove_file(at(2).join("result.json")).unwrap();
    fs::write(at(3).join("run.toml"), "schema = 1\nid = 3\n").unwrap();
    fs::write(at(4).join("run.toml"), [0xff, 0xfe]).unwrap();
    fs::write(at(5).join("result.json"), "[]").unwrap();
    fs::remove_file(at(6).join("result.json")).unwrap();
    fs::create_dir(at(6).join("result.json")).unwrap();
    fs::create_dir(results.path().join("notes")).unwrap();
    fs::create_dir(results.path().join(".git")).unwrap();
    fs::write(results.path().join("a-file"), "").unwrap();
    let copy = results.path().join("a-copy");
    fs::create_dir(&copy).unwrap();
    for name in ["run.toml", "result.json"] {
        fs::copy(at(0).join(name), copy.join(name)).unwrap();
    }
    let found = trend(results.path(), &plain()).unwrap();
    let shown: Vec<&str> = found.runs.iter().map(|run| &*run.id).collect();
    assert_eq!(shown, [id(0), id(7), id(8)]);
    let why: Vec<String> = found.skipped.iter().map(|one| format!("{} {}", one.id, one.why)).collect();
    let expected = [
        format!("{} result.json is damaged", id(1)),
        format!("{} no result.json: it still runs or was killed, and `report {}` builds it", id(2), id(2)),
        format!("{} run.toml, line 2: ", id(3)),
        format!("{} cannot read run.toml: ", id(4)),
        format!("{} result.json is damaged", id(5)),
        format!("{} result.json is no file", id(6)),
        format!("a-copy a copy of {}", id(0)),
        "notes no result: it has no run.toml".to_owned(),
    ];
    assert_eq!(why.len(), expected.len(), "{why:#?}");
    for (why, expected) in why.iter().zip(expected) {
        assert!(why.starts_with(&expected), "{why:?} is not {expected:?}");
    }
}

#[test]
fn the_workload_is_the_newest_run_s_unless_another_is_named() {
    let results = history(&[100.0; 3]);
    for n in 3..5 {
        let asked = crate::record::Asked { plan: LoadPlan::users(9, 1.0, 60.0), label: Some("nine".into()), ..nth(n) };
        write(results.path(), &asked, &said(&asked, 50.0));
    }
    let asked = crate::record::Asked { scenario_name: "browse".into(), scenario_hash: "def".into(), ..nth(1) };
    let asked = crate::record::Asked { id: "20261001T000000Z-browse-0000".into(), ..asked };
    write(results.path(), &asked, &said(&asked, 50.0));
    let count = |options: &TrendOptions| trend(results.path(), options).map(|found| found.runs.len()).unwrap();
    assert_eq!(count(&plain()), 2);
    let named = |workload: &str| TrendOptions { workload: Some(workload.to_owned()), ..plain() };
    assert_eq!(count(&named(&id(0))), 3);
    assert_eq!(count(&named("nine")), 2);
    let first = trend(results.path(), &named(&id(0))).unwrap();
    assert_eq!(count(&named(&first.workload[..8])), 3);
    assert_eq!(first.other_workloads.iter().map(|of| of.runs).collect::<Vec<_>>(), [2, 1]);
    let of = |name: &str| TrendOptions { scenario: Some(name.to_owned()), ..plain() };
    assert_eq!(count(&of("browse")), 1);
    assert_eq!(count(&of("agenthub user")), 2, "the newest of them");
    let error = trend(results.path(), &of("brows")).unwrap_err().to_string();
    assert_eq!(error, "--scenario: no run of \"brows\"; there are runs of agenthub user, browse");
    assert!(trend(results.path(), &named("nowhere")).unwrap_err().to_string().starts_with("no result \"nowhere\""));
}

#[test]
fn any_figure_can_be_asked_for_from_one_source_alone() {
    let results = history(&[100.0; 4]);
    let asked = ["p99_response_time[GET /x]", "error_rate", "p50_response_time", "p95_response_time"];
    let found = trend(results.path(), &of(&asked)).unwrap();
    let values: Vec<(Source, f64)> =
        found.figures.iter().map(|figure| (figure.source, (figure.points[3].value * 1e6).round() / 1e6)).collect();
    let whole = Source::WholeRun;
    assert_eq!(values, [(whole, 55.0), (whole, 0.001), (whole, 50.0), (Source::Steady, 100.0)]);
    // Half of the runs have the target: all are shown by their whole run, not each as it can.
    for n in 4..8 {
        let mut said = said(&nth(n), 100.0);
        said["targets"][0]["name"] = "p90_response_time".into();
        write(results.path(), &nth(n), &said);
    }
    let found = trend(results.path(), &of(&["p95_response_time"])).unwrap();
    assert_eq!((found.figures[0].source, found.figures[0].points.len()), (Source::WholeRun, 8));
    assert!(found.figures[0].points.iter().all(|point| point.value == 50.0));
    for (name, why) in [
        ("p95_respnse_time", "did you mean `p95_response_time`?"),
        ("p97_response_time", "`run` needs the target: --target p97_response_time=…"),
        ("p95_response_time[GET /y]", "the newest has the endpoints GET /x"),
        ("memory", "none of these runs has it"),
    ] {
        let error = trend(results.path(), &of(&[name])).unwrap_err().to_string();
        assert!(error.starts_with("--figure") && error.contains(why), "{error}");
    }
}

#[test]
fn an_error_rate_changes_by_its_target_not_by_a_share_of_nothing() {
    let results = tempfile::tempdir().unwrap();
    for n in 0..20 {
        let mut said = said(&nth(n), 100.0);
        said["totals"]["failures"] = if n < 10 { 0 } else { 20 }.into();
        write(results.path(), &nth(n), &said);
    }
    let found = trend(results.path(), &of(&["error_rate"])).unwrap();
    let change = &found.figures[0].changes[0];
    assert_eq!((change.point, change.ratio, change.outcome), (10, None, Outcome::Worse));
    assert!((change.difference.value - 0.02).abs() < 1e-12);
}

#[test]
fn without_a_run_that_counts_it_says_so() {
    let empty = tempfile::tempdir().unwrap();
    for results in [empty.path().to_owned(), empty.path().join("none")] {
        let error = trend(&results, &plain()).unwrap_err().to_string();
        assert!(error.contains("holds no result yet"), "{error}");
    }
    let mut void = said(&nth(0), 1.0);
    void["verdict"] = "void".into();
    write(empty.path(), &nth(0), &void);
    let error = trend(empty.path(), &plain()).unwrap_err().to_string();
    assert!(error.contains("none of 1 folders counts") && error.ends_with("--all shows them"), "{error}");
}

#[test]
fn two_thousand_results_are_all_read_and_keep_little() {
    let p95s: Vec<f64> = (0..2000).map(|n| if n < 1500 { 100.0 } else { 130.0 } + f64::from(n % 7)).collect();
    let results = history(&p95s);
    let found = trend(results.path(), &plain()).unwrap();
    assert_eq!((found.runs.len(), found.skipped.len(), found.left_out.len()), (2000, 0, 0));
    assert!(found.runs.iter().enumerate().all(|(n, run)| run.id == id(n)));
    let at: Vec<usize> = found.figures[0].changes.iter().map(|change| change.point).collect();
    assert_eq!(at, [1500]);
    let written = serde_json::to_string(&found).unwrap().len();
    assert!(written < 2_000_000, "{written} bytes for 2,000 runs");
}

#[test]
fn where_no_run_has_an_edge_the_way_to_one_is_a_search() {
    let results = history(&step());
    let told = trend(results.path(), &of(&["edge"])).unwrap_err().to_string();
    assert!(told.contains("`capacity` results") && !told.contains("--target edge"), "{told}");
}
