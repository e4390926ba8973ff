//! No rule stumbles over what was not told.

use proptest::prelude::*;

use super::*;
use crate::record::{FIGURES, Gap};

/// A figure that may be odd.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..1e3, 0.0..1e12, Just(f64::MAX), Just(f64::MIN_POSITIVE)]
}

/// Figures by their place in the list of all.
type Figures = Vec<(usize, f64)>;

/// A length, gauges and counts.
fn look() -> impl Strategy<Value = (f64, Figures, Figures)> {
    let figures = || proptest::collection::vec((0..FIGURES.len(), value()), 0..40);
    (prop_oneof![Just(0.0), Just(1.0), 0.1..30.0], figures(), figures())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_figures_and_none_are_judged(
        looks in proptest::collection::vec(look(), 0..30),
        rows in proptest::collection::vec((value(), value(), value(), value()), 0..6),
        held in 0_u32..3,
    ) {
        let mut world = World { run: bare(held) };
        for kind in [ProbeKind::Host, ProbeKind::Process, ProbeKind::Container, ProbeKind::Postgres, ProbeKind::Redis, ProbeKind::Nginx, ProbeKind::Metrics] {
            let mut watched = Watched::new(ProbeName { kind, name: String::new(), facts: BTreeMap::new() });
            let mut at_s = 0.0;
            for (length_s, gauges, counts) in &looks {
                let named = |figures: &[(usize, f64)]| -> BTreeMap<String, f64> {
                    figures.iter().map(|&(at, value)| (FIGURES[at].name.to_owned(), value)).collect()
                };
                watched.seen.push(Seen { from_s: at_s, to_s: at_s + length_s, gauges: named(gauges), counts: named(counts), peaks: named(counts), ..Seen::default() });
                at_s += length_s;
            }
            watched.gaps = vec![Gap { from_s: at_s, to_s: at_s, why: "gone".into() }];
            let statement = |&(calls, total_ms, rows, blocks): &(f64, f64, f64, f64)| StatementRow { text: TASKS.into(), calls, total_ms, rows, blocks_hit: blocks, ..StatementRow::default() };
            watched.statements = Some(Statements { to_s: 60.0, top: rows.iter().map(statement).collect(), ..Statements::default() });
            let table = |&(live_rows, seq_scans, seq_rows, inserted): &(f64, f64, f64, f64)| TableRow { name: "tasks".into(), live_rows, seq_scans, seq_rows, inserted, ..TableRow::default() };
            watched.tables = Some(Tables { to_s: 60.0, top: rows.iter().map(table).collect(), ..Tables::default() });
            world.run.watched.push(watched);
        }
        let result = world.judge();
        for suspect in &result.suspects {
            prop_assert!((0.0..=1.0).contains(&suspect.weight), "{suspect:?}");
            prop_assert!(!suspect.evidence.is_empty() && !suspect.advice.is_empty(), "{suspect:?}");
        }
        let written = serde_json::to_string(&result).unwrap();
        prop_assert!(serde_json::from_str::<RunResult>(&written).is_ok(), "what is written is read back");
    }
}

/// A run without probes: of the usual load, of a second, of nothing at all.
fn bare(held: u32) -> Run {
    match held {
        0 => simulate(users(20, 20.0, 60.0), |_, _| Answer::ok(3e6)),
        1 => simulate(users(2, 20.0, 1.0), fast),
        _ => {
            let mut run = simulate(users(2, 20.0, 1.0), fast);
            run.seconds.clear();
            run.intervals.clear();
            run
        }
    }
}

#[test]
fn without_any_one_figure_or_probe_nobody_else_is_named() {
    let healthy = World::healthy();
    let left_out = |what: &str, change: &dyn Fn(&mut Run)| {
        let mut world = World { run: healthy.run.clone() };
        change(&mut world.run);
        assert_eq!(world.rules(), [""; 0], "without {what}");
    };
    for figure in FIGURES {
        if !healthy.run.watched.iter().any(|watched| watched.tells(figure.name)) {
            continue;
        }
        left_out(figure.name, &|run| {
            for seen in run.watched.iter_mut().flat_map(|watched| &mut watched.seen) {
                seen.gauges.remove(figure.name);
                seen.counts.remove(figure.name);
            }
        });
    }
    for at in 0..healthy.run.watched.len() {
        left_out(&healthy.run.watched[at].name.to_string(), &|run| {
            run.watched.remove(at);
        });
    }
}
