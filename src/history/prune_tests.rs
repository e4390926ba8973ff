#![allow(clippy::unwrap_used)]

use super::super::tests::folders::{history, id, nth, said, write};
use super::*;
use crate::record::{AskedBaseline, LoadPlan};

fn ids(going: &[Prunable]) -> Vec<String> {
    going.iter().map(|one| one.id.clone()).collect()
}

#[test]
fn the_newest_whole_runs_of_each_workload_stay() {
    let results = history(&[100.0; 6]);
    for n in 6..9 {
        let asked = Asked { plan: LoadPlan::users(9, 1.0, 60.0), ..nth(n) };
        write(results.path(), &asked, &said(&asked, 50.0));
    }
    let mut partial = said(&nth(9), 100.0);
    partial["partial"] = true.into();
    write(results.path(), &nth(9), &partial);
    let found = prune(results.path(), 2).unwrap();
    assert_eq!(ids(&found.going), [id(0), id(1), id(2), id(3), id(6)], "the partial one takes nobody's place");
    assert_eq!((found.newest, found.staying.len()), (5, 0));
    assert!(found.going.iter().all(|one| one.bytes > 500));
    for one in &found.going {
        remove(&one.folder).unwrap();
    }
    let again = prune(results.path(), 2).unwrap();
    assert_eq!((again.going.len(), again.newest, again.leftovers.len()), (0, 5, 0));
    assert_eq!(fs::read_dir(results.path()).unwrap().count(), 5);
}

#[test]
fn labels_baselines_and_what_may_still_run_stay() {
    let results = tempfile::tempdir().unwrap();
    for n in 0..6 {
        let mut asked = nth(n);
        asked.label = (n == 1).then(|| "release 1".to_owned());
        let baseline =
            AskedBaseline { reference: "latest".into(), results: vec![id(2)], tolerance: 0.05, strict: false };
        asked.baseline = (n == 5).then_some(baseline);
        let folder = write(results.path(), &asked, &said(&asked, 100.0));
        if n == 3 {
            fs::remove_file(folder.join("result.json")).unwrap();
            fs::write(folder.join("samples.ndjson"), "{\"type\":\"second\"}\n").unwrap();
        }
    }
    let found = prune(results.path(), 1).unwrap();
    assert_eq!(ids(&found.going), [id(0), id(4)]);
    let why: Vec<(&str, &str)> = found.staying.iter().map(|one| (&*one.id, &*one.why)).collect();
    let expected = [
        (id(1), "it is the newest whole run labelled release 1"),
        (id(2), "a run that stays has it as its baseline"),
        (id(3), "it may still run"),
    ];
    assert_eq!(why, expected.each_ref().map(|(id, why)| (id.as_str(), *why)));
    // Killed long ago, it goes like any other.
    let journal = fs::File::options().write(true).open(results.path().join(id(3)).join("samples.ndjson")).unwrap();
    journal.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
    assert_eq!(ids(&prune(results.path(), 1).unwrap().going), [id(0), id(3), id(4)]);
}

#[test]
fn a_label_keeps_the_run_that_it_names_and_no_older_one() {
    let results = tempfile::tempdir().unwrap();
    for n in 0..9 {
        let label = match n {
            0 | 2 | 4 => "main",
            5 => "release 1",
            6 => "ab-20261101T080000Z-b3",
            _ => "feature",
        };
        let asked = Asked { label: Some(label.to_owned()), ..nth(n) };
        let mut said = said(&asked, 100.0);
        said["partial"] = (n == 4).into();
        write(results.path(), &asked, &said);
    }
    let found = prune(results.path(), 1).unwrap();
    // The fourth is labelled main too, but not whole: main is the second.
    assert_eq!(ids(&found.going), [0, 1, 3, 4, 6, 7].map(id));
    assert_eq!(found.staying.iter().map(|one| one.id.clone()).collect::<Vec<_>>(), [2, 5].map(id));
    assert!(is_round("ab-20261101T080000Z-a12"));
    assert!(!["ab-main-a1", "ab-20261101T080000Z-c1", "ab-20261101T080000Z-a", "ab"].into_iter().any(is_round));
}

#[cfg(unix)]
#[test]
fn only_what_is_surely_ours_goes() {
    use std::os::unix::fs::symlink;

    let results = history(&[100.0; 8]);
    let elsewhere = tempfile::tempdir().unwrap();
    let at = |n: usize| results.path().join(id(n));
    // A folder elsewhere that is linked in under its own name, one with a link in it, one renamed, one with nothing of ours.
    fs::rename(at(0), elsewhere.path().join(id(0))).unwrap();
    symlink(elsewhere.path().join(id(0)), at(0)).unwrap();
    fs::create_dir(at(1).join("charts")).unwrap();
    symlink(elsewhere.path(), at(1).join("charts/out")).unwrap();
    fs::rename(at(2), results.path().join("kept-by-hand")).unwrap();
    fs::create_dir(results.path().join("20261101T000000Z-notes-0000")).unwrap();
    fs::rename(at(3), elsewhere.path().join("run")).unwrap();
    fs::create_dir(at(3)).unwrap();
    fs::copy(elsewhere.path().join("run/result.json"), at(3).join("result.json")).unwrap();
    symlink(elsewhere.path().join("run/run.toml"), at(3).join("run.toml")).unwrap();
    let found = prune(results.path(), 1).unwrap();
    assert_eq!(ids(&found.going), [id(4), id(5), id(6)]);
    let staying: Vec<&str> = found.staying.iter().map(|one| &*one.id).collect();
    assert_eq!(staying, [&*id(0), &*id(1), "kept-by-hand", &*id(3)]);
    assert_eq!(found.staying[1].why, "charts/out in it is a link to somewhere else");
    assert_eq!(found.skipped.len(), 1);
    for one in &found.going {
        remove(&one.folder).unwrap();
    }
    assert!(elsewhere.path().join(id(0)).join("run.toml").is_file());
}

#[test]
fn what_an_earlier_pruning_left_behind_is_found() {
    let results = history(&[100.0; 2]);
    fs::rename(results.path().join(id(0)), results.path().join(format!(".pruned-{}", id(0)))).unwrap();
    fs::create_dir(results.path().join(".pruned-by-hand")).unwrap();
    let found = prune(results.path(), 5).unwrap();
    assert_eq!((found.newest, found.skipped.len(), found.leftovers.len()), (1, 0, 1));
    remove(&found.leftovers[0]).unwrap();
    assert_eq!(fs::read_dir(results.path()).unwrap().count(), 2);
}

#[test]
fn an_id_is_told_from_other_names() {
    for good in [id(0), "20261123T081000Z-run-3f2a".to_owned()] {
        assert!(is_id(&good), "{good}");
    }
    for bad in ["example", "20261123-a-3f2a", "20261123T081000Z-a-3f2", "20261123T081000Z-A-3f2a", "../x", "a-b-3f2a"] {
        assert!(!is_id(bad), "{bad}");
    }
}
