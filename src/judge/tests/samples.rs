//! What probes saw, summed up.

use super::suspects::World;
use crate::judge::RunResult;
use crate::record::{Blocked, Gap, ProbeKind::*};

#[test]
fn figures_are_of_the_steady_window() {
    let mut world = World::healthy();
    world.gauge(Process, "api", "threads", |at_s| if at_s <= 5.0 { 99.0 } else { at_s % 2.0 });
    let result = world.judge();
    assert_eq!(result.steady.from_s, 5.0);
    let threads = result.samples["process api"].figures["threads"];
    assert!((threads.mean - 27.0 / 55.0).abs() < 1e-9 && threads.peak == 1.0 && threads.total.is_none(), "{threads:?}");
    let calls = result.samples["postgres"].figures["calls"];
    assert_eq!((calls.mean, calls.peak, calls.total), (56.0, 56.0, Some(55.0 * 56.0)));
}

#[test]
fn a_part_that_was_not_told_of_was_none() {
    let mut world = World::healthy();
    for seen in world.probe(Postgres, "").seen.iter_mut().filter(|seen| seen.to_s == 30.0) {
        seen.gauges.insert("waits.Lock".into(), 11.0);
    }
    let waits = world.judge().samples["postgres"].figures["waits.Lock"];
    assert!((waits.mean - 0.2).abs() < 1e-9 && waits.peak == 11.0, "{waits:?}");
}

#[test]
fn statements_have_their_share_and_calls_for_each_request() {
    let world = World::healthy();
    let result = world.judge();
    let database = &result.samples["postgres"];
    let rows = world.run.watched.iter().find_map(|watched| watched.statements.as_ref()).unwrap();
    let (all_ms, requests) =
        (rows.top.iter().map(|row| row.total_ms).sum::<f64>() + rows.others.total_ms, result.totals.requests as f64);
    let first = &database.statements[0];
    let (of, calls) = (&rows.top[0], rows.top[0].calls);
    assert_eq!((first.mean_ms, first.rows_per_call, first.hit_ratio), (of.total_ms / calls, 50.0, Some(1.0)));
    assert!((first.share - of.total_ms / all_ms).abs() < 1e-12, "{first:?}");
    assert!((first.calls_per_request - calls / requests).abs() < 1e-3, "{first:?}");
    assert_eq!(database.statements[3].hit_ratio, None, "it touched no block");
    assert_eq!(database.tables.len(), 3);
}

#[test]
fn the_longest_waits_and_every_gap_are_kept() {
    let mut world = World::healthy();
    let watched = world.probe(Postgres, "");
    watched.blocked = (0..50).map(|n| Blocked { waited_s: f64::from(n % 30), ..Blocked::default() }).collect();
    watched.gaps = vec![Gap { from_s: 1.0, to_s: 2.0, why: "hung".into() }];
    let result = world.judge();
    let database = &result.samples["postgres"];
    assert_eq!((database.blocked.len(), database.blocked[0].waited_s), (20, 29.0));
    assert!(database.blocked.iter().all(|blocked| blocked.waited_s >= 14.0));
    assert_eq!(database.gaps[0].why, "hung");
}

#[test]
fn older_results_are_read() {
    let mut written = serde_json::to_value(World::healthy().judge()).unwrap();
    written["samples"] = serde_json::json!({});
    written.as_object_mut().unwrap().remove("suspects");
    for target in written["targets"].as_array_mut().unwrap() {
        target.as_object_mut().unwrap().remove("subject");
    }
    let old: RunResult = serde_json::from_value(written).unwrap();
    assert!(old.samples.is_empty() && old.suspects.is_empty());
}
