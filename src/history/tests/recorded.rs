//! How often a comparison of recorded runs is wrong: pairs are drawn from the journal of one real run, so that both sides are the same
//! service on the same machine, with all that came and went on it; then one side takes a tenth longer.

use std::path::{Path, PathBuf};

use crate::history::figure::{Compared, Kind};
use crate::history::pair::Pair;
use crate::judge::Outcome;
use crate::record::{Asked, Interval, IntervalKind, LoadPlan, Run, Second, read};
use crate::stats::Distribution;

const PAIRS: u64 = 100;
/// Fewer than `compare` draws, for the sake of time.
const RESAMPLES: usize = 200;
/// Of a hundred pairs so many must be right.
const RIGHT: usize = 95;
/// Seconds that stay beside each other, with what they have to do with each other.
const BLOCK: usize = 5;

/// A journal that was kept, of a run on the reference service.
fn recorded(name: &str) -> Run {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journals").join(name);
    let run = read(&folder).unwrap();
    assert!(run.warnings.is_empty() && run.end.is_some(), "{:?}", run.warnings);
    run
}

/// Another run of the same service, so long: blocks of the whole seconds of this one, in any order and as often as they come.
fn another(of: &Run, length: usize, seed: u64) -> Run {
    let seconds: Vec<&Second> = of.seconds.iter().filter(|second| second.to_s - second.from_s > 0.99).collect();
    // Sessions log in within the first.
    let steady = &seconds[1..];
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut drawn = Vec::new();
    while drawn.len() < length {
        let first = rng.usize(..steady.len());
        drawn.extend((first..first + BLOCK).map(|place| steady[place % steady.len()]));
    }
    drawn.truncate(length);
    let (mut seconds, mut intervals) = (Vec::new(), Vec::new());
    for (at, second) in drawn.into_iter().enumerate() {
        let (from_s, to_s) = (at as f64, at as f64 + 1.0);
        let within = of.intervals.iter().filter(|interval| (interval.from_s - second.from_s).abs() < 0.5);
        intervals.extend(within.map(|interval| Interval { from_s, to_s, ..interval.clone() }));
        seconds.push(Second { from_s, to_s, ..second.clone() });
    }
    let Asked { users, spawn_rate, .. } = of.asked;
    let plan = LoadPlan::users(users.unwrap(), spawn_rate.unwrap(), length as f64);
    Run { seconds, intervals, asked: Asked { plan, ..of.asked.clone() }, ..of.clone() }
}

/// A tenth is added to every response time.
fn slower(mut run: Run) -> Run {
    for interval in run.intervals.iter_mut().filter(|interval| interval.kind == IntervalKind::Response) {
        let longer = interval.values.pairs().iter().map(|&(us, n)| (us * 11 / 10, n));
        interval.values = Distribution::from_pairs(longer.collect::<Vec<_>>());
    }
    run
}

/// The targets that decide.
fn targets() -> [Compared; 3] {
    let of = |name: &str, kind| Compared { name: name.to_owned(), kind, of: None };
    [of("p95_response_time", Kind::Time(0.95)), of("throughput", Kind::Rate), of("error_rate", Kind::Share(0.001))]
}

/// What B is against A as a whole: worse or better where a target is; and what its p95 is.
fn held(a: &Run, b: &Run) -> (Outcome, Outcome) {
    let (rows, _) = Pair::new(a, b, 0.05, RESAMPLES).changes(None, &targets());
    let found: Vec<Outcome> = rows.iter().map(|row| row.verdict).collect();
    let whole = [Outcome::Worse, Outcome::Better].into_iter().find(|wanted| found.contains(wanted));
    (whole.unwrap_or(found[0]), found[0])
}

/// What a pair is: of the same service, and where B takes a tenth longer.
type Found = [(Outcome, Outcome); 2];

fn pairs(name: &str, length: usize) -> Vec<Found> {
    let of = recorded(name);
    let pair = |n: u64| {
        let (a, b) = (another(&of, length, 2 * n + 1), another(&of, length, 2 * n + 2));
        [held(&a, &b), held(&a, &slower(b.clone()))]
    };
    (0..PAIRS).map(pair).collect()
}

fn count(of: &[Found], place: usize, is: impl Fn(Outcome) -> bool) -> usize {
    of.iter().filter(|found| is(found[place].0)).count()
}

fn is_open(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Same | Outcome::NotWorse | Outcome::Unproven)
}

#[test]
fn pairs_of_an_even_service_are_the_same_and_a_tenth_slower_is_worse() {
    let found = pairs("fixed-20ms", 150);
    let same = count(&found, 0, is_open);
    let proven = found.iter().filter(|pair| pair[0].1 == Outcome::Same).count();
    let (worse, better) = (count(&found, 1, |o| o == Outcome::Worse), count(&found, 1, |o| o == Outcome::Better));
    assert!(same >= RIGHT, "{same} of {PAIRS} pairs of one service are the same, not worse, or unproven");
    assert!(proven >= RIGHT, "the p95 of {proven} of {PAIRS} is proven the same: to say nothing is no proof");
    assert!(worse >= RIGHT && better == 0, "a tenth slower: {worse} worse, {better} better of {PAIRS}");
}

#[test]
fn pairs_of_an_uneven_service_are_seldom_told_apart_and_a_tenth_slower_is_never_better() {
    let found = pairs("exponential-20ms", 10);
    let same = count(&found, 0, is_open);
    let (better, good) = (count(&found, 1, |o| o == Outcome::Better), count(&found, 1, Outcome::is_good));
    assert!(same >= RIGHT, "{same} of {PAIRS} pairs of one service are the same, not worse, or unproven");
    assert!(better == 0 && good <= PAIRS as usize - RIGHT, "a tenth slower: {better} better, {good} good of {PAIRS}");
}
