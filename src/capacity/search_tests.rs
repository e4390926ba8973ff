use super::*;

fn asked(start: f64, most: f64, max_time_s: f64) -> AskedSearch {
    AskedSearch {
        start,
        most,
        max_time_s,
        width: 0.05,
        abort_on: 0.2,
        looks_s: LOOKS_S.to_vec(),
        confidences: CONFIDENCES.to_vec(),
        law: None,
    }
}

/// Runs a search against a host that answers a look (level, seconds held, hold number) so; gives the search, the holds in
/// order, and the time that it took.
fn run(asked: AskedSearch, mut host: impl FnMut(f64, f64, usize) -> Outcome) -> (Search, Vec<f64>, f64) {
    let mut search = Search::new(asked, false);
    let (mut spent_s, mut hold_from_s, mut holds) = (0.0, 0.0, Vec::new());
    for _ in 0..1000 {
        match search.next(spent_s) {
            Next::Rest => {
                spent_s += 3.0;
                hold_from_s = spent_s;
                search.rested();
            }
            Next::Hold { level, until_s, look, .. } => {
                if look == 1 {
                    holds.push(level);
                }
                spent_s = hold_from_s + until_s;
                search.told(host(level, until_s, holds.len()), spent_s);
            }
            Next::Done => return (search, holds, spent_s),
        }
    }
    panic!("it never ends: {holds:?}");
}

const GOOD: Outcome = Outcome::Unproven { looks_good: true, needs_s: None };
const BAD: Outcome = Outcome::Unproven { looks_good: false, needs_s: None };

/// Passes below the edge and fails above it, the sooner the farther from it.
fn clear(edge: f64) -> impl FnMut(f64, f64, usize) -> Outcome {
    move |level, held_s, _| {
        let seconds = 0.02 / (level / edge - 1.0).powi(2);
        match (held_s >= seconds, level < edge) {
            (true, true) => Outcome::Pass,
            (true, false) => Outcome::Fail,
            (false, looks_good) => Outcome::Unproven { looks_good, needs_s: Some(seconds - held_s) },
        }
    }
}

#[test]
fn the_edge_is_bracketed_confirmed_and_no_wider_than_asked_for() {
    for edge in [3.0, 17.0, 431.0, 1855.0, 9999.0] {
        let (search, holds, spent_s) = run(asked(10.0, 100_000.0, 1800.0), clear(edge));
        let bracket = search.bracket();
        assert!(bracket.passes.unwrap() < edge && edge < bracket.fails.unwrap(), "{edge}: {bracket:?}");
        assert!(bracket.confirmed && bracket.width().unwrap() <= 0.05, "{edge}: {bracket:?} {holds:?}");
        assert!(spent_s < 1800.0);
    }
}

#[test]
fn levels_that_look_good_are_climbed_over_after_one_look() {
    let (_, holds, _) = run(asked(10.0, 1000.0, 1800.0), clear(300.0));
    assert_eq!(holds[..6], [10.0, 20.0, 40.0, 80.0, 160.0, 320.0]);
}

#[test]
fn a_confirmation_that_fails_moves_the_upper_end_and_the_search_goes_on() {
    let mut lucky = true;
    let (search, holds, _) = run(asked(100.0, 400.0, 3600.0), |level, held_s, _| {
        // 200 passes once, by luck.
        if level == 200.0 && std::mem::take(&mut lucky) { Outcome::Pass } else { clear(190.0)(level, held_s, 0) }
    });
    let bracket = search.bracket();
    assert!(bracket.confirmed && bracket.passes.unwrap() < 190.0, "{bracket:?} {holds:?}");
    assert!(bracket.fails.unwrap() <= 200.0);
}

#[test]
fn a_level_that_cannot_be_told_moves_no_end() {
    let (search, holds, spent_s) = run(asked(100.0, 1000.0, 7200.0), |level, _, _| match level {
        level if level < 180.0 => Outcome::Pass,
        level if level > 220.0 => Outcome::Fail,
        _ => BAD,
    });
    let bracket = search.bracket();
    assert!((160.0..180.0).contains(&bracket.passes.unwrap()), "{bracket:?} {holds:?}");
    assert!((220.0..240.0).contains(&bracket.fails.unwrap()), "{bracket:?} {holds:?}");
    assert!(bracket.confirmed && spent_s < 7200.0);
}

#[test]
fn the_highest_level_allowed_bounds_the_search() {
    let (search, holds, _) = run(asked(10.0, 55.0, 1800.0), |_, _, _| Outcome::Pass);
    assert_eq!(holds, [10.0, 20.0, 40.0, 55.0, 55.0]);
    assert_eq!(search.bracket(), Bracket { passes: Some(55.0), fails: None, confirmed: true });
}

#[test]
fn what_the_generator_cannot_drive_is_tried_twice_and_bounds_the_search() {
    let (search, holds, _) = run(asked(10.0, 10_000.0, 1800.0), |level, _, _| match level {
        level if level >= 300.0 => Outcome::Void,
        _ => Outcome::Pass,
    });
    let bracket = search.bracket();
    assert_eq!(bracket.fails, None);
    assert!(bracket.confirmed && (285.0..300.0).contains(&bracket.passes.unwrap()), "{bracket:?} {holds:?}");
    assert_eq!(holds.iter().filter(|level| **level == 320.0).count(), 2);
    assert!(holds.iter().all(|level| *level <= 320.0));
}

#[test]
fn one_disturbed_look_does_not_bound_it() {
    let mut disturbed = true;
    let (search, _, _) = run(asked(100.0, 10_000.0, 1800.0), |level, held_s, _| {
        if level == 200.0 && std::mem::take(&mut disturbed) { Outcome::Void } else { clear(1000.0)(level, held_s, 0) }
    });
    assert!(search.bracket().confirmed && search.bracket().fails.unwrap() > 1000.0);
}

#[test]
fn time_is_kept_and_what_is_known_is_confirmed_before_it_is_over() {
    for max_time_s in [30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 400.0] {
        let (search, holds, spent_s) = run(asked(100.0, 10_000.0, max_time_s), clear(750.0));
        assert!(spent_s <= max_time_s, "{spent_s} of {max_time_s}: {holds:?}");
        if max_time_s >= 240.0 {
            let bracket = search.bracket();
            assert!(bracket.confirmed, "{max_time_s}: {bracket:?} {holds:?}");
        }
    }
}

#[test]
fn a_hold_that_has_begun_in_time_is_looked_at() {
    let mut search = Search::new(asked(100.0, 1000.0, 25.0), false);
    assert_eq!(search.next(0.0), Next::Rest);
    search.rested();
    // Asked each second, as the driver does.
    for spent_s in 6..=21 {
        assert!(matches!(search.next(f64::from(spent_s)), Next::Hold { look: 1, .. }), "{spent_s}");
    }
    search.told(Outcome::Fail, 21.0);
    assert_eq!((search.bracket().fails, search.next(21.0)), (Some(100.0), Next::Done));
    let mut late = Search::new(asked(100.0, 1000.0, 25.0), false);
    assert_eq!(late.next(0.0), Next::Rest);
    late.rested();
    assert_eq!(late.next(11.0), Next::Done, "its pause took too long");
}

#[test]
fn where_nothing_passes_the_search_ends_downwards() {
    let (search, holds, _) = run(asked(64.0, 1000.0, 3600.0), |_, _, _| Outcome::Fail);
    assert_eq!((search.bracket().passes, *holds.last().unwrap()), (None, 0.0625));
    assert!(holds.iter().all(|level| *level <= 64.0));
}

#[test]
fn where_nothing_can_be_told_it_ends() {
    let (search, _, spent_s) = run(asked(64.0, 1000.0, 1800.0), |_, _, _| GOOD);
    assert_eq!((search.bracket().passes, search.bracket().fails), (None, None));
    assert!(spent_s <= 1800.0);
    let (search, _, _) = run(asked(64.0, 1000.0, 1800.0), |_, _, _| BAD);
    assert_eq!((search.bracket().passes, search.bracket().fails), (None, None));
}

#[test]
fn users_are_whole() {
    let mut search = Search::new(asked(1.0, 100.0, 1800.0), true);
    let mut spent_s = 0.0;
    loop {
        match search.next(spent_s) {
            Next::Rest => search.rested(),
            Next::Hold { level, until_s, .. } => {
                assert_eq!(level, level.round());
                spent_s += until_s;
                search.told(if level < 7.5 { Outcome::Pass } else { Outcome::Fail }, spent_s);
            }
            Next::Done => break,
        }
    }
    assert_eq!((search.bracket().passes, search.bracket().fails), (Some(7.0), Some(8.0)));
}

#[test]
fn where_the_surer_level_cannot_be_proven_in_time_the_higher_one_is_tried() {
    let after_climb = |needs_s: f64| {
        let mut search = Search::new(asked(100.0, 10_000.0, 200.0), false);
        let looks_good = |needs_s| Outcome::Unproven { looks_good: true, needs_s: Some(needs_s) };
        for (level, outcome, spent_s) in
            [(100.0, looks_good(needs_s), 20.0), (200.0, looks_good(needs_s / 2.0), 40.0), (400.0, Outcome::Fail, 60.0)]
        {
            assert_eq!(search.next(spent_s - 20.0), Next::Rest);
            search.rested();
            assert!(matches!(search.next(spent_s - 15.0), Next::Hold { level: held, .. } if held == level));
            search.told(outcome, spent_s);
        }
        let _ = search.next(80.0);
        search.rested();
        match search.next(80.0) {
            Next::Hold { level, .. } => level,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([after_climb(30.0), after_climb(150.0)], [100.0, 200.0]);
}
