//! When arrivals are due: the plan's rate over time, turned into instants. Pure: it is told the time and reads no clock.
//!
//! With Λ(t) = ∫ rate, the expected number of arrivals up to t, the instants are Λ⁻¹ of the points of a process of rate 1: of
//! 0, 1, 2, … for constant arrivals, of a Poisson process of rate 1 for Poisson ones, whatever the rate does (E. Çinlar,
//! "Introduction to Stochastic Processes", 1975, section 4.7). Λ is piecewise quadratic, as the rate is piecewise linear, so its
//! inverse is exact, and counting in Λ lets no rounding add up.

use fastrand::Rng;

use crate::record::{Arrivals, LoadPlan};
use crate::stats::mixed;

/// Of Λ: what rounding may add to a whole number.
const ROUNDING: f64 = 1e-9;

/// A part of the plan in which the rate is linear.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    from_s: f64,
    to_s: f64,
    /// Arrivals a second at its start.
    rate: f64,
    /// Change of the rate a second.
    slope: f64,
    /// Λ at its start.
    before: f64,
}

impl Piece {
    /// Λ at an instant of it.
    fn expected(&self, at_s: f64) -> f64 {
        let in_s = (at_s - self.from_s).clamp(0.0, self.to_s - self.from_s);
        self.before + in_s * (self.rate + self.slope * in_s / 2.0)
    }

    /// The instant at which Λ reaches a point of it: the smaller root of `slope/2·x² + rate·x = Λ`, in the form that is exact
    /// for a slope of 0 too.
    fn instant_of(&self, point: f64) -> f64 {
        let ahead = (point - self.before).max(0.0);
        let root = (self.rate * self.rate + 2.0 * self.slope * ahead).max(0.0).sqrt();
        let in_s = if ahead > 0.0 { 2.0 * ahead / (self.rate + root) } else { 0.0 };
        (self.from_s + in_s).min(self.to_s)
    }
}

/// The instants at which arrivals are due, one after the other.
#[derive(Debug)]
pub(super) struct Schedule {
    /// From the current one on.
    pieces: std::collections::VecDeque<Piece>,
    end_s: f64,
    process: Arrivals,
    random: Rng,
    /// Λ of the next arrival.
    point: f64,
    next_s: Option<f64>,
}

impl Schedule {
    /// The same plan, process and seed give the same instants.
    pub(super) fn new(plan: &LoadPlan, process: Arrivals, seed: u64) -> Self {
        let (mut from_s, mut rate, mut before) = (0.0, 0.0, 0.0);
        let mut pieces = std::collections::VecDeque::new();
        for stage in &plan.stages {
            let to_s = from_s + stage.duration_s;
            if stage.duration_s > 0.0 {
                let slope = (stage.level - rate) / stage.duration_s;
                pieces.push_back(Piece { from_s, to_s, rate, slope, before });
                before += f64::midpoint(rate, stage.level) * stage.duration_s;
            }
            (from_s, rate) = (to_s, stage.level);
        }
        let mut schedule =
            Self { pieces, end_s: from_s, process, random: Rng::with_seed(mixed(seed)), point: 0.0, next_s: None };
        if process == Arrivals::Poisson {
            schedule.point = schedule.gap();
        }
        schedule.place();
        schedule
    }

    /// When the next arrival is due, seconds from the start of the load; `None` where the plan has no more.
    pub(super) fn next_s(&self) -> Option<f64> {
        self.next_s
    }

    /// Goes on to the arrival after the next.
    pub(super) fn advance(&mut self) {
        self.point += self.gap();
        self.place();
    }

    /// From `at_s` to the end of the plan the rate is this, whatever the plan says.
    pub(super) fn hold(&mut self, at_s: f64, rate: f64) {
        let at_s = at_s.min(self.end_s);
        while self.pieces.len() > 1 && self.pieces[0].to_s <= at_s {
            self.pieces.pop_front();
        }
        let before = self.pieces.front().map_or(self.point, |piece| piece.expected(at_s));
        self.pieces.clear();
        self.pieces.push_back(Piece { from_s: at_s, to_s: self.end_s, rate: rate.max(0.0), slope: 0.0, before });
        // What was due before stays due.
        self.point = self.point.max(before);
        self.place();
    }

    /// Distance to the next point of the process of rate 1.
    fn gap(&mut self) -> f64 {
        match self.process {
            Arrivals::Constant => 1.0,
            Arrivals::Poisson => -(1.0 - self.random.f64()).ln(),
        }
    }

    /// Finds the instant of the next arrival.
    fn place(&mut self) {
        while let Some(piece) = self.pieces.front() {
            if self.point < piece.expected(piece.to_s) - ROUNDING {
                self.next_s = Some(piece.instant_of(self.point));
                return;
            }
            if self.pieces.len() == 1 {
                break;
            }
            self.pieces.pop_front();
        }
        self.next_s = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{LoadModel, Stage};

    fn plan(stages: &[(f64, f64)]) -> LoadPlan {
        let stages = stages.iter().map(|&(level, duration_s)| Stage { level, duration_s }).collect();
        LoadPlan { model: LoadModel::Open, stages }
    }

    fn all(mut schedule: Schedule) -> Vec<f64> {
        let mut instants = Vec::new();
        while let Some(at_s) = schedule.next_s() {
            instants.push(at_s);
            schedule.advance();
        }
        instants
    }

    fn constant(plan: &LoadPlan) -> Vec<f64> {
        all(Schedule::new(plan, Arrivals::Constant, 1))
    }

    fn poisson(plan: &LoadPlan, seed: u64) -> Vec<f64> {
        all(Schedule::new(plan, Arrivals::Poisson, seed))
    }

    #[test]
    fn constant_arrivals_are_the_rates_multiples_to_the_last() {
        for (rate, seconds) in [(50.0, 60.0), (10_000.0, 60.0), (1.0 / 3.0, 90.0), (0.5, 10.0), (7.3, 1000.0)] {
            let instants = constant(&LoadPlan::rate(rate, seconds));
            assert_eq!(instants.len(), (rate * seconds).round() as usize, "{rate}/s for {seconds} s");
            for (n, at_s) in instants.iter().enumerate() {
                assert!((at_s - n as f64 / rate).abs() < 1e-9, "arrival {n} of {rate}/s at {at_s}");
            }
        }
        assert_eq!(constant(&LoadPlan::rate(0.25, 3.0)), [0.0], "less than one: the first comes all the same");
    }

    #[test]
    fn constant_arrivals_of_a_ramp_lie_where_the_integral_is_whole() {
        // Λ(t) = 5·t² on the way up from 0 to 100/s in 10 s, 500 in all; then 10 s of 100/s; then down again.
        let instants = constant(&plan(&[(100.0, 10.0), (100.0, 10.0), (0.0, 10.0)]));
        assert_eq!(instants.len(), 2000);
        for (n, at_s) in instants.iter().take(500).enumerate() {
            assert!((at_s - (n as f64 / 5.0).sqrt()).abs() < 1e-9);
        }
        assert!((instants[500] - 10.0).abs() < 1e-9 && (instants[1500] - 20.0).abs() < 1e-9);
        // The way down mirrors the way up.
        for n in 1..500 {
            assert!((instants[2000 - n] - (30.0 - instants[n])).abs() < 1e-6, "{n}");
        }
        assert!(instants.is_sorted());
    }

    #[test]
    fn a_pause_has_no_arrivals_and_what_follows_begins_at_its_end() {
        let instants = constant(&plan(&[(10.0, 0.0), (10.0, 1.0), (0.0, 0.0), (0.0, 5.0), (10.0, 0.0), (10.0, 1.0)]));
        assert_eq!(instants.len(), 20);
        assert!((instants[9] - 0.9).abs() < 1e-9 && (instants[10] - 6.0).abs() < 1e-9, "{instants:?}");
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let rate = 200.0;
        let instants = poisson(&LoadPlan::rate(rate, 500.0), 42);
        let n = instants.len() as f64;
        assert!((n - 100_000.0).abs() < 4.0 * 100_000_f64.sqrt(), "{n} arrivals");
        let mut gaps: Vec<f64> = instants.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        // Kolmogorov and Smirnov: the largest distance to 1 − e^(−λx) stays below 1.95/√n in all but 1 of 1000 samples.
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(k, gap)| (1.0 - (-rate * gap).exp() - (k as f64 + 0.5) / gaps.len() as f64).abs())
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / n.sqrt(), "distance {distance}");
        // Independent of each other: no correlation from one gap to the next.
        let gaps: Vec<f64> = instants.windows(2).map(|pair| (pair[1] - pair[0]) * rate - 1.0).collect();
        let correlation = gaps.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / n;
        assert!(correlation.abs() < 4.0 / n.sqrt(), "correlation {correlation}");
    }

    #[test]
    fn poisson_counts_follow_a_changing_rate() {
        // Expected and squared deviation of the count in each second of a ramp from 0 to 100/s and back, over 400 seeds.
        let ramp = plan(&[(100.0, 5.0), (20.0, 5.0)]);
        let runs = 400.0;
        let mut counts = vec![Vec::new(); 10];
        for seed in 0..400 {
            let instants = poisson(&ramp, seed);
            for (second, counts) in counts.iter_mut().enumerate() {
                counts.push(instants.iter().filter(|at_s| at_s.floor() as usize == second).count() as f64);
            }
        }
        for (second, counts) in counts.iter().enumerate() {
            let middle_s = second as f64 + 0.5;
            let expected = if second < 5 { 20.0 * middle_s } else { 100.0 - 16.0 * (middle_s - 5.0) };
            let mean = counts.iter().sum::<f64>() / runs;
            let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (runs - 1.0);
            assert!((mean - expected).abs() < 4.5 * (expected / runs).sqrt(), "second {second}: {mean} for {expected}");
            let dispersion = variance / mean;
            assert!((dispersion - 1.0).abs() < 4.5 * (2.0 / runs).sqrt(), "second {second}: dispersion {dispersion}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_instants() {
        let plan = LoadPlan::rate(100.0, 10.0);
        assert_eq!(poisson(&plan, 7), poisson(&plan, 7));
        assert_ne!(poisson(&plan, 7), poisson(&plan, 8));
    }

    #[test]
    fn a_rate_that_is_set_holds_from_then_on() {
        let mut schedule = Schedule::new(&LoadPlan::rate(10.0, 10.0), Arrivals::Constant, 1);
        while schedule.next_s().is_some_and(|at_s| at_s < 2.05) {
            schedule.advance();
        }
        // Half of the way to the next arrival is done: the rest takes as long at the new rate.
        schedule.hold(2.05, 100.0);
        let instants = all(schedule);
        assert!((instants[0] - 2.055).abs() < 1e-9, "{}", instants[0]);
        assert!((instants[1] - 2.065).abs() < 1e-9);
        assert_eq!(instants.len(), 795);

        let mut schedule = Schedule::new(&LoadPlan::rate(10.0, 10.0), Arrivals::Poisson, 1);
        schedule.hold(3.0, 0.0);
        assert_eq!(schedule.next_s(), None, "a rate of 0 is a pause");
        schedule.hold(4.0, 50.0);
        let instants = all(schedule);
        assert!(instants[0] >= 4.0 && (200..400).contains(&instants.len()), "{}", instants.len());
    }

    #[test]
    fn a_rate_set_at_the_plans_end_changes_nothing() {
        let mut schedule = Schedule::new(&LoadPlan::rate(10.0, 1.0), Arrivals::Constant, 1);
        while schedule.next_s().is_some() {
            schedule.advance();
        }
        schedule.hold(5.0, 1000.0);
        assert_eq!(schedule.next_s(), None);
    }
}
