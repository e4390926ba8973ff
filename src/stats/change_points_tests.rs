//! The published answer by hand, and tables of synthetic histories.

use super::*;

const FIVE_PERCENT: LeastChange = LeastChange::Ratio(0.05);

/// Normal, mean 0, standard deviation 1.
fn noise(rng: &mut fastrand::Rng) -> f64 {
    let (u, v) = (rng.f64().max(f64::MIN_POSITIVE), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn indices(history: &[f64], least: LeastChange) -> Vec<usize> {
    change_points(history, least).iter().map(|point| point.index).collect()
}

#[test]
fn the_divergence_is_the_published_one() {
    // 1 2 | 6 8: between 5+7+4+6 = 22, within 1 and 2; 2·2/4 · (2/4·22 − 1 − 2) = 8.
    assert_eq!(best_split(&[1.0, 2.0, 6.0, 8.0]), Some((2, 8.0)));
    // 1 2 | 6 8 6: between 5+7+5+4+6+4 = 31, within 1 and (2+0+2)/3; 2·3/5 · (2/6·31 − 1 − 4/3) = 9.6; 8 up to the fourth;
    // 1 2 6 | 8 6: between 7+5+6+4+2+0 = 24, within (1+5+4)/3 and 2, 6/5 · (2/6·24 − 10/3 − 2) = 3.2.
    let (split, divergence) = best_split(&[1.0, 2.0, 6.0, 8.0, 6.0]).unwrap();
    assert_eq!(split, 2);
    assert!((divergence - 9.6).abs() < 1e-12, "{divergence}");
    // A pulse that ends again is found by its beginning alone: 1 1 | 9 9: 2·2/4 · 2·8 = 16; with what follows it, 1 1 | 9 9 1 1:
    // between 32, within 0 and 32/6; 2·4/6 · (2/8·32 − 32/6) = 32/9.
    assert_eq!(best_split(&[1.0, 1.0, 9.0, 9.0, 1.0, 1.0]), Some((2, 16.0)));
    assert_eq!(best_split(&[1.0, 2.0, 3.0]), None);
}

#[test]
fn the_t_test_is_that_of_the_tables() {
    // Means 2 and 6, squares 2 and 2, variance 4/4 = 1, error √(2/3), t = 4.899 with 4 degrees of freedom: p = 0.008050.
    let (error, p) = t_test(&[1.0, 2.0, 3.0], &[5.0, 6.0, 7.0]);
    assert!((error - (2.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert!((p - 0.008_050).abs() < 1e-6, "{p}");
    assert_eq!(t_test(&[5.0, 5.0], &[5.0, 5.0, 5.0]).1, 1.0);
    assert_eq!(t_test(&[5.0, 5.0], &[6.0, 6.0, 6.0]).1, 0.0);
    assert_eq!(t_test(&[5.0], &[6.0]).1, 1.0);
    assert_eq!(t_test(&[0.1; 30], &[0.1; 7]).1, 1.0, "the rounding of a sum is no change");
}

#[test]
fn a_small_history_by_hand() {
    // 10 11 10 11 10 | 20 21 20 21 20: squares 1.2 twice, variance 2.4/8 = 0.3, error √(0.3·2/5) = 0.3464, means 10.4 and 20.4,
    // t = 28.87 with 8 degrees of freedom; the interval is 10 ± 2.3060 · 0.3464.
    let history = [10.0, 11.0, 10.0, 11.0, 10.0, 20.0, 21.0, 20.0, 21.0, 20.0];
    let found = change_points(&history, FIVE_PERCENT);
    assert_eq!(found.len(), 1);
    let point = found[0];
    assert_eq!((point.index, point.before, point.after), (5, 10.4, 20.4));
    assert!((point.difference.0 - 9.2012).abs() < 1e-3 && (point.difference.1 - 10.7988).abs() < 1e-3, "{point:?}");
    assert!(point.p > 1e-10 && point.p < 1e-8, "{point:?}");
    // What is enough is enough, just above it is none.
    assert_eq!(indices(&history, LeastChange::Ratio(0.96)), [5]);
    assert_eq!(indices(&history, LeastChange::Ratio(0.97)), Vec::<usize>::new());
    assert_eq!(indices(&history, LeastChange::Difference(9.9)), [5]);
    assert_eq!(indices(&history, LeastChange::Difference(10.1)), Vec::<usize>::new());
}

#[test]
fn too_little_history_has_no_change() {
    for history in [&[][..], &[1.0], &[1.0, 9.0], &[1.0, 1.0, 9.0], &[0.0; 200]] {
        assert_eq!(indices(history, FIVE_PERCENT), Vec::<usize>::new(), "{history:?}");
    }
}

#[test]
fn one_far_value_is_no_change_wherever_it_is() {
    let mut rng = fastrand::Rng::with_seed(5);
    for far in 0..60 {
        let history: Vec<f64> = (0..60).map(|n| 100.0 + noise(&mut rng) + if n == far { 60.0 } else { 0.0 }).collect();
        assert_eq!(indices(&history, FIVE_PERCENT), Vec::<usize>::new(), "at {far}");
    }
}

#[test]
fn several_changes_are_all_found_also_in_a_long_history() {
    let mut rng = fastrand::Rng::with_seed(6);
    let levels = [(0, 100.0), (70, 120.0), (90, 100.0), (400, 90.0), (1000, 140.0), (1990, 100.0)];
    let level = |n: usize| levels.iter().rev().find(|(from, _)| *from <= n).unwrap().1;
    let history: Vec<f64> = (0..2000).map(|n| level(n) + noise(&mut rng)).collect();
    assert_eq!(indices(&history, FIVE_PERCENT), [70, 90, 400, 1000, 1990]);
}

#[test]
fn a_change_is_seen_as_soon_as_two_runs_show_it() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut seen = [0; 4];
    for _ in 0..100 {
        let history: Vec<f64> =
            (0..33).map(|n| 100.0 * if n < 30 { 1.0 } else { 1.2 } + 2.0 * noise(&mut rng)).collect();
        for (after, count) in seen.iter_mut().enumerate() {
            *count += usize::from(indices(&history[..30 + after], FIVE_PERCENT) == [30]);
        }
    }
    assert_eq!(seen[..2], [0, 0], "one run proves nothing");
    assert!(seen[2] >= 95 && seen[3] >= 95, "{seen:?}");
}

/// Step in per cent, noise in per cent (standard deviation), values before, values after, share of 200 histories in which
/// exactly one change was found and it lay within one value of the true one: at least.
const STEPS: [(f64, f64, usize, usize, f64); 10] = [
    (10.0, 1.0, 10, 10, 0.98),
    (10.0, 2.0, 20, 20, 0.98),
    (-10.0, 2.0, 20, 20, 0.98),
    (20.0, 3.0, 10, 5, 0.97),
    (20.0, 3.0, 200, 5, 0.97),
    (20.0, 5.0, 30, 30, 0.97),
    (50.0, 10.0, 40, 10, 0.97),
    (50.0, 10.0, 500, 500, 0.85),
    (10.0, 5.0, 40, 40, 0.75),
    (5.5, 1.0, 40, 40, 0.93),
];

#[test]
fn table_of_steps() {
    let mut rng = fastrand::Rng::with_seed(8);
    println!("step  noise  before  after  within one  found");
    for (step, spread, before, after, least) in STEPS {
        let (mut near, mut found) = (0, 0);
        for _ in 0..200 {
            let level = |n: usize| if n < before { 100.0 } else { 100.0 + step };
            let history: Vec<f64> = (0..before + after).map(|n| level(n) + spread * noise(&mut rng)).collect();
            let indices = indices(&history, FIVE_PERCENT);
            near += usize::from(indices.len() == 1 && indices[0].abs_diff(before) <= 1);
            found += usize::from(!indices.is_empty());
        }
        let (near, found) = (near as f64 / 200.0, found as f64 / 200.0);
        println!("{step:4} {spread:6} {before:7} {after:6} {near:11.3} {found:6.3}");
        assert!(near >= least, "{step} % at {spread} % noise, {before} + {after}: {near} of {found}");
    }
}

/// Noise in per cent, one in how many values is an outlier of +50 % (0: none), values, share of 200 histories
/// with a false alarm: at most.
const FALSE_ALARMS: [(f64, u32, usize, f64); 8] = [
    (1.0, 0, 50, 0.0),
    (1.0, 0, 1000, 0.0),
    (3.0, 0, 50, 0.01),
    (3.0, 0, 1000, 0.03),
    (10.0, 0, 50, 0.03),
    (10.0, 0, 200, 0.05),
    (3.0, 50, 100, 0.06),
    (3.0, 20, 100, 0.05),
];

#[test]
fn table_of_false_alarms() {
    let mut rng = fastrand::Rng::with_seed(9);
    println!("noise  outliers  values  false alarms");
    for (spread, one_in, length, most) in FALSE_ALARMS {
        let mut alarms = 0;
        for _ in 0..200 {
            let far = |rng: &mut fastrand::Rng| if one_in > 0 && rng.u32(..one_in) == 0 { 50.0 } else { 0.0 };
            let history: Vec<f64> = (0..length).map(|_| 100.0 + spread * noise(&mut rng) + far(&mut rng)).collect();
            alarms += usize::from(!indices(&history, FIVE_PERCENT).is_empty());
        }
        let share = alarms as f64 / 200.0;
        println!("{spread:5} {one_in:9} {length:7} {share:13.3}");
        assert!(share <= most, "{spread} % noise, one far in {one_in}, {length} values: {share}");
    }
}
