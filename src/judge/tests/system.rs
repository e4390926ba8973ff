//! Targets of what probes watch.

use super::suspects::World;
use super::{Answer, asked, holds, simulate, target};
use crate::judge::{TargetResult, Verdict, judge};
use crate::record::{Gap, ProbeKind::*, Statements};

/// One target of a healthy run that was changed.
fn judged(name: &str, change: impl FnOnce(&mut World)) -> TargetResult {
    judged_against(name, "", change)
}

fn judged_against(name: &str, limit: &str, change: impl FnOnce(&mut World)) -> TargetResult {
    let mut world = World::healthy();
    if !limit.is_empty() {
        world.run.asked.targets.insert(name.to_owned(), limit.to_owned());
    }
    change(&mut world);
    target(&world.judge(), name).clone()
}

/// To nine digits: the rest is what summing leaves.
fn value(target: &TargetResult) -> f64 {
    (target.value.unwrap() * 1e9).round() / 1e9
}

fn verdict_and_reason(target: &TargetResult) -> (Verdict, &str) {
    (target.verdict, target.reason.as_str())
}

#[test]
fn all_four_are_measured_where_probes_are_there() {
    let result = World::healthy().judge();
    for (name, subject) in [
        ("db_query_time", "postgres"),
        ("memory", "process postgres"),
        ("cpu_average", "process api"),
        ("cpu_peak", "process api"),
    ] {
        let found = target(&result, name);
        assert_eq!(verdict_and_reason(found), (Verdict::Pass, ""), "{name}");
        assert_eq!(found.subject.as_deref(), Some(subject));
    }
    assert_eq!(value(target(&result, "memory")), 0.2 / 8.0);
    assert_eq!(value(target(&result, "cpu_average")), 0.1);
    let time = target(&result, "db_query_time");
    assert!((time.value.unwrap() - 25.0 / 56.0).abs() < 1e-9, "{time:?}");
    assert!(time.high.unwrap() - time.low.unwrap() < 1e-9, "{time:?}");
}

#[test]
fn query_time_is_time_by_calls_and_its_interval_decides() {
    let found = judged("db_query_time", |world| {
        // 10 calls of 900 ms and 30 of 300 ms in turn: 450 ms, not the 600 ms of the seconds' means.
        world.count(Postgres, "", "calls", |at_s| if at_s % 2.0 == 0.0 { 10.0 } else { 30.0 });
        world.count(Postgres, "", "exec_ms", |_| 9_000.0);
    });
    assert!((found.value.unwrap() - 450.0).abs() < 10.0, "{found:?}");
    assert!(found.low.unwrap() < 450.0 && found.high.unwrap() > 450.0, "{found:?}");
    let slow = judged("db_query_time", |world| {
        world.count(Postgres, "", "exec_ms", |at_s| 56.0 * (650.0 + 20.0 * (at_s * 1.7).sin()));
    });
    assert_eq!(slow.verdict, Verdict::Fail);
    assert!(slow.reason.starts_with("postgres: 650 ms (") && slow.reason.ends_with("is not < 500 ms"), "{slow:?}");
    // The level of a second is that of the one before, more or less: nobody can tell on which side of 500 ms it stays.
    let wanders = judged("db_query_time", |world| {
        world.count(Postgres, "", "exec_ms", |at_s| 56.0 * (490.0 + 150.0 * (at_s / 9.0).sin()));
    });
    assert_eq!(wanders.verdict, Verdict::Unproven);
    assert!(wanders.reason.starts_with("postgres: the limit lies within the interval"), "{wanders:?}");
}

#[test]
fn a_database_that_counts_nothing_says_how_to_make_it() {
    let no_extension = |world: &mut World| {
        for seen in &mut world.probe(Postgres, "").seen {
            seen.counts.retain(|name, _| name != "calls" && name != "exec_ms");
        }
    };
    let found = judged("db_query_time", |world| {
        no_extension(world);
        let facts = &mut world.probe(Postgres, "").name.facts;
        facts.insert("pg_stat_statements".into(), "not installed: CREATE EXTENSION pg_stat_statements".into());
    });
    let says = "the database does not count its statements: not installed: CREATE EXTENSION pg_stat_statements";
    assert_eq!(verdict_and_reason(&found), (Verdict::NotMeasured, says));
    let found = judged("db_query_time", no_extension);
    assert_eq!(found.verdict, Verdict::NotMeasured);
    assert!(found.reason.contains("shared_preload_libraries"), "{found:?}");
}

#[test]
fn a_database_that_nobody_asks_proves_nothing() {
    let found = judged("db_query_time", |world| {
        world.count(Postgres, "", "calls", |_| 0.0).count(Postgres, "", "exec_ms", |_| 0.0);
    });
    assert_eq!(found.verdict, Verdict::Unproven);
    assert!(found.reason.starts_with("no statement ended in the steady window"), "{found:?}");
}

#[test]
fn a_difference_that_spans_a_gap_counts_and_a_lost_one_does_not() {
    let with_gap = |survived: bool| {
        judged("db_query_time", |world| {
            let watched = world.probe(Postgres, "");
            watched.seen.retain(|seen| !(20.5..40.0).contains(&seen.to_s));
            let after = watched.seen.iter_mut().find(|seen| seen.to_s == 40.0).unwrap();
            after.from_s = 20.0;
            if survived {
                after.counts.insert("calls".into(), 20.0 * 56.0);
                after.counts.insert("exec_ms".into(), 20.0 * 25.0);
            } else {
                after.counts.clear();
            }
            watched.gaps = vec![Gap { from_s: 20.0, to_s: 39.0, why: "connection refused".into() }];
        })
    };
    let survived = with_gap(true);
    assert_eq!(verdict_and_reason(&survived), (Verdict::Pass, ""));
    assert!((survived.value.unwrap() - 25.0 / 56.0).abs() < 1e-9, "{survived:?}");
    let lost = with_gap(false);
    let says = "postgres: 20 s of the 55 s were not seen: connection refused";
    assert_eq!(verdict_and_reason(&lost), (Verdict::Unproven, says));
}

#[test]
fn statements_that_were_not_all_counted_are_told_of() {
    let found = judged("db_query_time", |world| {
        world.probe(Postgres, "").statements =
            Some(Statements { incomplete: Some("120 were dropped".into()), ..Statements::default() });
    });
    assert_eq!(verdict_and_reason(&found), (Verdict::Pass, "not all statements were counted: 120 were dropped"));
}

#[test]
fn nothing_seen_at_all_is_unproven_with_the_gap_s_reason() {
    let gone = |kind, name: &'static str| {
        move |world: &mut World| {
            let watched = world.probe(kind, name);
            watched.seen.clear();
            watched.gaps = vec![Gap { from_s: 0.0, to_s: 60.0, why: "password authentication failed".into() }];
        }
    };
    let says = "nothing was seen of postgres in the steady window: password authentication failed";
    assert_eq!(verdict_and_reason(&judged("db_query_time", gone(Postgres, ""))), (Verdict::Unproven, says));
    let found = judged("memory", gone(Process, "api"));
    assert_eq!((found.verdict, found.subject.as_deref()), (Verdict::Unproven, Some("process api")), "the other passes");
}

#[test]
fn the_worst_subject_decides() {
    let found = judged("memory", |world| {
        world.gauge(Process, "api", "memory_bytes", |at_s| if at_s == 30.0 { 7e9 } else { 1e9 });
    });
    assert_eq!(found.subject.as_deref(), Some("process api"));
    assert_eq!(verdict_and_reason(&found), (Verdict::Fail, "process api: 87.5 % is not < 80 %"));
    assert_eq!((found.low, found.high), (Some(0.875), Some(0.875)));
    let found = judged("cpu_peak", |world| {
        world.count(Process, "postgres", "cpu_s", |at_s| if at_s == 30.0 { 1.9 } else { 0.1 });
    });
    assert_eq!(verdict_and_reason(&found), (Verdict::Fail, "process postgres: 95 % is not < 90 %"));
    let found = judged("cpu_average", |world| {
        world.count(Process, "postgres", "cpu_s", |at_s| 1.6 + 0.1 * (at_s * 1.3).sin());
    });
    assert_eq!((found.verdict, found.subject.as_deref()), (Verdict::Fail, Some("process postgres")));
    assert!(found.low.unwrap() > 0.7 && found.low < found.value, "{found:?}");
}

#[test]
fn what_happened_outside_the_steady_window_does_not_count() {
    let found = judged("memory", |world| {
        world.gauge(Process, "api", "memory_bytes", |at_s| if at_s < 4.0 { 7.9e9 } else { 1e9 });
    });
    assert_eq!((found.verdict, found.value), (Verdict::Pass, Some(0.125)));
}

#[test]
fn containers_are_judged_before_processes_and_those_before_the_machine() {
    let container = |world: &mut World| {
        let gauges = [("cpus", 2.0), ("memory_bytes", 1e9), ("memory_limit_bytes", 2e9)];
        world.add(Container, "db", &gauges, &[("cpu_s", 1.0)]);
    };
    let found = judged("memory", container);
    assert_eq!((found.value, found.subject.as_deref()), (Some(0.5), Some("container db")));
    let machine = |asked: bool| {
        judged("cpu_average", move |world: &mut World| {
            world.without(Process);
            world.run.asked.judge_machine = asked;
        })
    };
    let found = machine(true);
    assert_eq!((found.verdict, value(&found), found.subject.as_deref()), (Verdict::Pass, 0.45, Some("host")));
    let found = machine(false);
    assert_eq!(found.verdict, Verdict::NotMeasured);
    assert!(found.reason.contains("--machine (the machine carries the generator too"), "{found:?}");
}

#[test]
fn brackets_name_one_subject() {
    let name = "memory[process api]";
    let found = judged_against(name, "< 50%", |_| {});
    assert_eq!((found.verdict, found.subject.as_deref()), (Verdict::Pass, Some("process api")));
    let found = judged_against("cpu_average[process postgress]", "< 50%", |_| {});
    let says = "nothing that is watched is named \"process postgress\"; did you mean `process postgres`?";
    assert_eq!(verdict_and_reason(&found), (Verdict::Unproven, says));
    let found = judged_against("cpu_peak[host]", "< 50%", |_| {});
    assert_eq!((found.verdict, found.value), (Verdict::Pass, Some(0.45)), "named, so asked for");
    let found = judged_against("memory[container db]", "< 50%", |world| world.run.watched.clear());
    assert_eq!(found.verdict, Verdict::NotMeasured);
}

#[test]
fn a_peak_that_a_gap_may_hide_does_not_pass() {
    let found = judged("cpu_peak", |world| {
        let watched = world.probe(Process, "api");
        watched.seen.retain(|seen| !(20.5..40.0).contains(&seen.to_s));
        let after = watched.seen.iter_mut().find(|seen| seen.to_s == 40.0).unwrap();
        after.from_s = 20.0;
        after.counts.insert("cpu_s".into(), 4.0);
        watched.gaps = vec![Gap { from_s: 20.0, to_s: 39.0, why: "it ended".into() }];
    });
    let says = "process api: 20 s of the 55 s were not seen: it ended";
    assert_eq!(verdict_and_reason(&found), (Verdict::Unproven, says));
}

#[test]
fn a_merged_minute_has_its_peak() {
    let found = judged("cpu_peak", |world| {
        let watched = world.probe(Process, "api");
        for seen in &mut watched.seen {
            seen.peaks.insert("cpu_s".into(), 1.9);
        }
    });
    assert_eq!((found.verdict, found.value), (Verdict::Fail, Some(0.95)));
}

#[test]
fn a_subject_without_a_limit_has_no_share() {
    let no_limit = |world: &mut World| {
        for seen in &mut world.probe(Process, "api").seen {
            seen.gauges.remove("memory_limit_bytes");
        }
    };
    let found = judged("memory", no_limit);
    assert_eq!((found.verdict, found.subject.as_deref()), (Verdict::Unproven, Some("process api")));
    assert!(found.reason.contains("is not known"), "{found:?}");
    let found = judged_against("memory[process api]", "< 50%", no_limit);
    assert_eq!(found.verdict, Verdict::NotMeasured);
}

#[test]
fn each_stage_has_its_own_figures() {
    let mut run = simulate(asked(holds(&[(20.0, 30.0), (40.0, 30.0)]), Some(3.0)), |_, _| Answer::ok(900.0));
    let mut world = World::healthy();
    world.count(Process, "api", "cpu_s", |at_s| if at_s <= 30.0 { 0.4 } else { 1.9 });
    run.watched = world.run.watched;
    let result = judge(&run);
    let of = |stage: usize| result.stages[stage].targets.iter().find(|target| target.name == "cpu_average").unwrap();
    assert_eq!((of(0).verdict, value(of(0))), (Verdict::Pass, 0.2));
    assert_eq!((of(1).verdict, value(of(1))), (Verdict::Fail, 0.95));
    assert!(
        result.reasons.iter().any(|reason| reason.contains("cpu_average in the hold from 30 to 60 s")),
        "{result:?}"
    );
}
