use super::*;

fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}

fn x(lambda: f64, sigma: f64, kappa: f64, n: f64) -> f64 {
    lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

/// Levels at these concurrencies, their throughput off by `noise`.
fn levels(at: &[f64], noise: f64, seed: u64, of: impl Fn(f64) -> f64) -> Vec<Concurrency> {
    let mut random = fastrand::Rng::with_seed(crate::stats::mixed(seed));
    at.iter().map(|&n| Concurrency::new(n, of(n) * (1.0 + noise * normal(&mut random)))).collect()
}

/// From 1 on, doubled, up to eight times `knee`, and some between.
const AT: [f64; 14] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 40.0, 48.0, 64.0, 80.0, 96.0, 128.0];

#[test]
fn levels_without_noise_give_the_law_back() {
    for (lambda, sigma, kappa) in [(995.6, 0.026_71, 0.000_769), (40.0, 0.3, 0.002), (7.0, 0.0, 0.01)] {
        let law = usl(&levels(&AT, 0.0, 1, |n| x(lambda, sigma, kappa, n)), 1).unwrap();
        assert!((law.lambda.value / lambda - 1.0).abs() < 1e-6, "{law:?}");
        assert!((law.sigma.value - sigma).abs() < 1e-6 && (law.kappa.value / kappa - 1.0).abs() < 1e-6);
        let knee = law.knee.unwrap();
        assert!((knee.value - ((1.0 - sigma) / kappa).sqrt()).abs() < 1e-3, "{knee:?}");
        assert!(law.misfit < 1e-6);
    }
}

/// Of so many seeds: how often the interval of λ, σ, κ and the knee holds the truth, and how often a knee was named.
fn held(law: [f64; 3], noise: f64, seeds: u64) -> ([f64; 4], f64) {
    let [lambda, sigma, kappa] = law;
    let knee = ((1.0 - sigma) / kappa).sqrt();
    let mut held = [0; 4];
    let mut named = 0;
    for seed in 0..seeds {
        let found = usl(&levels(&AT, noise, seed, |n| x(lambda, sigma, kappa, n)), seed).unwrap();
        let within = |bounded: Bounded, truth: f64| usize::from(bounded.low <= truth && truth <= bounded.high);
        held[0] += within(found.lambda, lambda);
        held[1] += within(found.sigma, sigma);
        held[2] += within(found.kappa, kappa);
        if let Ok(bounded) = found.knee {
            held[3] += within(bounded, knee);
            named += 1;
        }
    }
    let share = |count: usize| count as f64 / seeds as f64;
    let of_knee = held[3] as f64 / f64::max(1.0, f64::from(named));
    ([share(held[0]), share(held[1]), share(held[2]), of_knee], f64::from(named) / seeds as f64)
}

#[test]
fn noisy_levels_give_the_law_back_within_its_intervals() {
    for law in [[995.6, 0.026_71, 0.000_769], [40.0, 0.1, 0.002], [200.0, 0.02, 0.005]] {
        for noise in [0.02, 0.05] {
            let (held, named) = held(law, noise, 150);
            println!("{law:?} noise {noise}: {held:?}, knee named {named}");
            // 95 %, give or take three standard errors of 1.8 %.
            assert!(held.iter().all(|share| *share >= 0.89), "{law:?} {noise}: {held:?}");
            assert!(named >= 0.9, "{law:?} {noise}: {named}");
        }
    }
}

#[test]
fn the_intervals_are_not_wider_than_they_need_to_be() {
    let (mut widths, seeds) = (0.0, 50);
    for seed in 0..seeds {
        let law = usl(&levels(&AT, 0.02, seed, |n| x(100.0, 0.05, 0.001, n)), seed).unwrap();
        let knee = law.knee.unwrap();
        widths += (knee.high - knee.low) / knee.value / seeds as f64;
    }
    // 2 % of noise in fourteen levels places the knee to some per cent.
    assert!(widths < 0.15, "{widths}");
}

/// The share of seeds in which a knee is named.
fn knees(noise: f64, at: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let named = (0..100).filter(|&seed| usl(&levels(at, noise, seed, &of), seed).is_ok_and(|law| law.knee.is_ok()));
    named.count() as f64 / 100.0
}

#[test]
fn linear_levels_have_no_knee() {
    for noise in [0.02, 0.05] {
        let share = knees(noise, &AT, |n| 50.0 * n);
        assert!(share <= 0.05, "noise {noise}: {share}");
        for seed in 0..20 {
            let law = usl(&levels(&AT, noise, seed, |n| 50.0 * n), seed).unwrap();
            assert!(
                law.lambda.low <= 50.0 * 1.000_001 && law.lambda.high >= 50.0 * 0.999_999 || noise > 0.0,
                "{law:?}"
            );
        }
    }
}

#[test]
fn contention_alone_has_no_knee_and_is_named() {
    for sigma in [0.02, 0.1, 0.5, 1.0] {
        for noise in [0.02, 0.05] {
            let share = knees(noise, &AT, |n| x(50.0, sigma, 0.0, n));
            assert!(share <= 0.05, "σ {sigma}, noise {noise}: {share}");
            let contention = (0..30).filter(|&seed| {
                let found = usl(&levels(&AT, noise, seed, |n| x(50.0, sigma, 0.0, n)), seed);
                found.is_ok_and(|law| law.sigma.low > 0.0 && law.sigma.low <= sigma + 1e-9)
            });
            let contention = contention.count();
            println!("σ {sigma}, noise {noise}: contention in {contention} of 30, knees {share}");
            assert!(contention >= 26, "σ {sigma}, noise {noise}: {contention} of 30");
        }
    }
}

#[test]
fn the_corner_of_a_queue_is_no_knee() {
    // Closed M/M/c and fixed service: min(N, c)·μ.
    for servers in [1.0, 2.0, 4.0, 16.0] {
        for noise in [0.02, 0.05] {
            let share = knees(noise, &AT, |n| 50.0 * f64::min(n, servers));
            assert!(share <= 0.05, "{servers} servers, noise {noise}: {share}");
        }
    }
    let four = levels(&AT, 0.01, 3, |n| 50.0 * n.min(4.0));
    let Err(NoLaw::Corner { at, per_s }) = usl(&four, 3) else { panic!("{:?}", usl(&four, 3)) };
    assert!((at / 4.0 - 1.0).abs() < 0.05 && (per_s / 200.0 - 1.0).abs() < 0.05, "{at} {per_s}");
}

#[test]
fn what_carries_no_law_is_refused_with_the_reason() {
    let law = |n: f64| x(100.0, 0.05, 0.001, n);
    assert_eq!(usl(&[], 1), Err(NoLaw::TooFew { levels: 0 }));
    assert_eq!(usl(&levels(&AT[..5], 0.0, 1, law), 1), Err(NoLaw::TooFew { levels: 5 }));
    let close: Vec<f64> = (10..20).map(f64::from).collect();
    assert_eq!(usl(&levels(&close, 0.0, 1, law), 1), Err(NoLaw::TooNarrow { from: 10.0, to: 19.0 }));
    let wild = |n: f64| if (n as u64).is_multiple_of(8) { 300.0 } else { 100.0 };
    assert!(matches!(usl(&levels(&AT, 0.0, 1, wild), 1), Err(NoLaw::Misfit { by }) if by > 0.1));
    let broken = [Concurrency::new(f64::NAN, 1.0), Concurrency::new(1.0, 0.0), Concurrency::new(0.0, 1.0)];
    assert_eq!(usl(&broken, 1), Err(NoLaw::TooFew { levels: 0 }));
}

#[test]
fn a_knee_that_was_not_passed_is_not_named() {
    // It lies at 97: the levels end before, or just behind it.
    let law = |n: f64| x(100.0, 0.05, 0.000_1, n);
    let short = usl(&levels(&AT[..11], 0.0, 1, law), 1).unwrap();
    assert!(matches!(short.knee, Err(NoKnee::NotReached { at: Some(at), past: 0 }) if (at - 97.5).abs() < 1.0));
    let shorter = usl(&levels(&AT[..8], 0.0, 1, law), 1).unwrap();
    assert!(matches!(shorter.knee, Err(NoKnee::NotReached { at: None, past: 0 })), "{:?}", shorter.knee);
    let one_past = usl(&levels(&AT, 0.0, 1, law), 1).unwrap();
    assert!(matches!(one_past.knee, Err(NoKnee::NotReached { past: 1, .. })), "{:?}", one_past.knee);
}

#[test]
fn the_same_levels_and_seed_give_the_same_law_in_any_order() {
    let mut some = levels(&AT, 0.03, 5, |n| x(100.0, 0.05, 0.001, n));
    let law = usl(&some, 9).unwrap();
    some.reverse();
    assert_eq!(usl(&some, 9).unwrap(), law);
    let at_knee = law.per_s(law.knee.unwrap().value);
    assert!(at_knee.low <= at_knee.value && at_knee.value <= at_knee.high && at_knee.low > 0.9 * at_knee.value);
}

#[test]
fn the_percentiles_are_those_of_the_normal_distribution() {
    assert!((below_normal(1.959_964) - 0.025).abs() < 1e-6 && (below_normal(2.262_157) - 0.011_844).abs() < 1e-5);
}

#[test]
fn weights_count() {
    let mut some = levels(&AT, 0.0, 1, |n| x(100.0, 0.05, 0.001, n));
    some[3].per_s *= 0.5;
    some[3].weight = 0.0;
    let law = rough_curve(&some).unwrap();
    assert!((law.sigma() - 0.05).abs() < 1e-9 && (law.kappa() - 0.001).abs() < 1e-9);
    assert_eq!(rough_curve(&some[..2]), None);
}
