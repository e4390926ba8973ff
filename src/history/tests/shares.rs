//! How often a comparison is wrong: shares over many pairs of runs whose truth is known.

use super::synthetic::{PLAIN, Service};
use crate::history::figure::{Compared, Kind};
use crate::history::pair::Pair;
use crate::judge::Outcome;

/// Fewer than `compare` draws, for the sake of time.
const RESAMPLES: usize = 300;

/// Of so many pairs: how many are worse, better, the same or not worse, unproven.
fn outcomes(pairs: u64, a: Service, b: Service) -> [u64; 4] {
    let p95 = [Compared { name: "p95_response_time".to_owned(), kind: Kind::Time(0.95), of: None }];
    let mut counts = [0; 4];
    for n in 0..pairs {
        let (a, b) = (a.run(2 * n + 1), b.run(2 * n + 2));
        let (rows, _) = Pair::new(&a, &b, 0.05, RESAMPLES).changes(None, &p95);
        counts[match rows[0].verdict {
            Outcome::Worse => 0,
            Outcome::Better => 1,
            Outcome::Same | Outcome::NotWorse => 2,
            Outcome::Unproven => 3,
        }] += 1;
    }
    counts
}

#[test]
fn the_same_service_is_hardly_ever_worse_or_better() {
    let [worse, better, ..] =
        outcomes(40, Service { seconds: 40, rate: 40, ..PLAIN }, Service { seconds: 40, rate: 40, ..PLAIN });
    assert!(worse + better <= 2, "{worse} worse, {better} better of 40");
    let correlated = Service { seconds: 60, rate: 40, rho: 0.6, level: 0.1, ..PLAIN };
    let [worse, better, ..] = outcomes(40, correlated, correlated);
    assert!(worse + better <= 2, "{worse} worse, {better} better of 40");
}

#[test]
fn a_tenth_slower_is_worse_given_enough_and_never_better() {
    let enough = Service { seconds: 240, rate: 100, ..PLAIN };
    let [worse, better, same, _] = outcomes(8, enough, enough.slower(1.1));
    assert!(worse >= 6 && better == 0 && same == 0, "{worse} worse, {better} better, {same} same of 8");
    let little = Service { seconds: 30, rate: 20, ..PLAIN };
    let [_, better, same, _] = outcomes(20, little, little.slower(1.1));
    assert!(better == 0 && same <= 1, "{better} better, {same} same of 20");
}

#[test]
#[ignore = "prints the table of the decision record, some minutes long"]
fn table_of_wrong_comparisons() {
    println!("| seconds | a second | rho | between runs | effect | worse | better | same or not worse | unproven |");
    for (seconds, rate, pairs) in [(60, 30, 300), (60, 80, 100), (300, 80, 60)] {
        for (rho, level, between) in
            [(0.0, 0.0, 0.0), (0.5, 0.1, 0.0), (0.9, 0.1, 0.0), (0.5, 0.1, 0.02), (0.5, 0.1, 0.05)]
        {
            for effect in [1.0, 1.05, 1.1, 1.2] {
                let a = Service { seconds, rate, rho, level, between, ..PLAIN };
                let [worse, better, same, unproven] = outcomes(pairs, a, a.slower(effect));
                println!(
                    "| {seconds} | {rate} | {rho} | {between} | {effect} | {worse} | {better} | {same} | {unproven} |"
                );
            }
        }
    }
}
