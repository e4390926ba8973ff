//! Which levels are held for the scaling law, as a state machine: it is told what each has shown, and says what to hold next.
//! Pure: no clock, no load, no journal.
//!
//! **Climb.** From one request in flight on, each level twice the one before, until the knee lies well behind: where the curve through the
//! levels so far has its highest point, or where throughput has stopped to grow.
//!
//! **Fill.** Then up to three times as far as the knee, or as far as there are six whole numbers, and no farther: in the widest gaps, in turn past the knee and below it, until
//! there are enough on both sides. As the levels move the knee, so do the gaps.
//!
//! A level that was given up is reached no more, nor is anything above it.

use crate::stats::{Concurrency, rough_curve};

/// From one level of the climb to the next.
const CLIMB: f64 = 2.0;
/// Levels past the knee, and below it.
const PAST: usize = 6;
const BELOW: usize = 5;
/// The knee lies behind once so many times as much was in flight; as far as this times it levels are held.
const BEHIND: f64 = 1.8;
const TOP: f64 = 3.0;
/// Throughput has stopped to grow where no level has more than the earlier ones by this share.
const GROWS: f64 = 0.05;
/// With twice the users at least so many times as much is in flight, or something else bounds it.
const LEAST_GAIN: f64 = 1.2;
/// The lowest level has no more than this in flight.
const LOWEST: f64 = 1.5;
/// So many levels are held at most.
const MOST_LEVELS: usize = 24;
/// So many levels that do not count end the climb.
const MOST_LOST: usize = 3;

/// The levels of the law.
#[derive(Debug, Clone)]
pub(super) struct Ladder {
    /// No level is higher: users, or tasks at a time.
    most: f64,
    /// Levels with what they have shown; `None` where they do not count.
    tried: Vec<(f64, Option<Concurrency>)>,
    /// Those that were held for the law.
    held: usize,
    lost: usize,
    /// No level from here on.
    bound: f64,
}

impl Ladder {
    /// One that has not begun. `known`: levels that count, and were held before.
    pub(super) fn new(most: f64, known: impl IntoIterator<Item = (f64, Option<Concurrency>)>) -> Self {
        Self { most, tried: known.into_iter().collect(), held: 0, lost: 0, bound: f64::INFINITY }
    }

    /// What a level has shown; `None` where it does not count. `given_up`: before its time.
    pub(super) fn told(&mut self, level: f64, shown: Option<Concurrency>, given_up: bool) {
        self.tried.push((level, shown));
        self.held += 1;
        self.lost += usize::from(shown.is_none());
        if given_up || shown.is_none() && self.lost >= MOST_LOST {
            self.bound = self.bound.min(level);
        }
    }

    /// The next level; `None` where there are enough.
    pub(super) fn next(&self) -> Option<f64> {
        if self.held >= MOST_LEVELS {
            return None;
        }
        let mut points: Vec<(f64, Concurrency)> =
            self.tried.iter().filter_map(|&(level, shown)| Some((level, shown?))).collect();
        points.sort_by(|a, b| a.1.in_flight.total_cmp(&b.1.in_flight));
        let highest = self.tried.iter().map(|tried| tried.0).filter(|level| *level < self.bound).fold(0.0, f64::max);
        let Some(&(lowest, least)) = points.first() else {
            return [(highest * CLIMB).max(1.0).min(self.most)].into_iter().find(|&level| self.is_free(level));
        };
        let lower = (lowest / least.in_flight).floor().max(1.0);
        if least.in_flight > LOWEST && lower < lowest && self.is_free(lower) {
            return Some(lower);
        }
        let Some(knee) = knee(&points) else {
            let higher = (highest * CLIMB).min(self.most).min((highest * self.bound).sqrt().floor());
            if higher > highest && self.is_free(higher) && !is_bounded(&points) {
                return Some(higher);
            }
            let levels: Vec<f64> = points.iter().map(|point| point.0).collect();
            return if levels.len() < PAST + BELOW { self.widest(&levels) } else { None };
        };
        let (at, top) =
            (level_at(&points, knee), level_at(&points, (TOP * knee).max(knee + PAST as f64)).round().min(self.most));
        let past: Vec<f64> = points.iter().filter(|point| point.1.in_flight > knee).map(|point| point.0).collect();
        let below: Vec<f64> = points.iter().filter(|point| point.1.in_flight <= knee).map(|point| point.0).collect();
        if past.len() < PAST && top > highest * 1.1 && self.is_free(top) && !is_bounded(&points) {
            return Some(top);
        }
        let ends = [at].into_iter();
        let fill_past = || {
            if past.len() < PAST {
                self.widest(&ends.clone().chain(past.iter().copied()).collect::<Vec<_>>())
            } else {
                None
            }
        };
        let fill_below = || {
            if below.len() < BELOW {
                self.widest(&below.iter().copied().chain(ends.clone()).collect::<Vec<_>>())
            } else {
                None
            }
        };
        if below.len() * PAST <= past.len() * BELOW {
            fill_below().or_else(fill_past)
        } else {
            fill_past().or_else(fill_below)
        }
    }

    fn is_free(&self, level: f64) -> bool {
        level >= 1.0 && level <= self.most && level < self.bound && self.tried.iter().all(|tried| tried.0 != level)
    }

    /// The middle of the widest gap between levels, by their ratio, where a whole number is left.
    fn widest(&self, levels: &[f64]) -> Option<f64> {
        let mut levels = levels.to_vec();
        levels.sort_by(f64::total_cmp);
        let middles = levels.windows(2).filter_map(|pair| {
            let (low, high) = (pair[0], pair[1]);
            let middle = (low * high).sqrt();
            [middle.round(), middle.floor(), middle.ceil()]
                .into_iter()
                .find(|&level| level > low && level < high && self.is_free(level))
                .map(|level| (high / low, level))
        });
        middles.max_by(|a, b| a.0.total_cmp(&b.0)).map(|widest| widest.1)
    }
}

/// How much is in flight at the knee, where it lies well behind; in order of what is in flight.
fn knee(points: &[(f64, Concurrency)]) -> Option<f64> {
    let levels: Vec<Concurrency> = points.iter().map(|point| point.1).collect();
    let end = levels.last()?;
    let behind = |knee: f64| (knee * BEHIND <= end.in_flight).then_some(knee);
    let best = levels.iter().map(|level| level.per_s).fold(0.0, f64::max);
    let least = best * (1.0 - GROWS);
    let fitted = rough_curve(&levels)?.knee();
    // Where throughput stays the curve has its highest point the farther off, the farther one looks.
    if fitted <= end.in_flight && end.per_s < least {
        return behind(fitted);
    }
    behind(levels.iter().find(|level| level.per_s >= least)?.in_flight)
}

/// Whether more users put no more in flight.
fn is_bounded(points: &[(f64, Concurrency)]) -> bool {
    let mut by_level = points.to_vec();
    by_level.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(&(highest, most)) = by_level.last() else { return false };
    let before = by_level.iter().rfind(|point| point.0 * 1.9 <= highest);
    before.is_some_and(|before| most.in_flight < LEAST_GAIN * before.1.in_flight)
}

/// The level that makes so many in flight: between those that were held by interpolation; beyond, each more is in flight.
fn level_at(points: &[(f64, Concurrency)], in_flight: f64) -> f64 {
    let Some(above) = points.iter().position(|point| point.1.in_flight >= in_flight) else {
        return points.last().map_or(in_flight, |last| last.0 + in_flight - last.1.in_flight);
    };
    let (high, Some(low)) = (points[above], above.checked_sub(1).map(|below| points[below])) else {
        return points[above].0 * in_flight / points[above].1.in_flight;
    };
    let share = (in_flight - low.1.in_flight) / (high.1.in_flight - low.1.in_flight).max(1e-9);
    low.0 + share * (high.0 - low.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn x(sigma: f64, kappa: f64) -> impl Fn(f64) -> f64 {
        move |n| 100.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
    }

    /// Climbs a host that answers so; gives the levels in order.
    fn climb(ladder: &mut Ladder, of: impl Fn(f64) -> Option<Concurrency>) -> Vec<f64> {
        let mut held = Vec::new();
        while let Some(level) = ladder.next() {
            assert!(level == level.round() && level >= 1.0, "{level}");
            assert!(held.iter().all(|held| *held != level), "{level} again: {held:?}");
            ladder.told(level, of(level), of(level).is_none());
            held.push(level);
            assert!(held.len() <= MOST_LEVELS);
        }
        held
    }

    fn at_a_time(x: impl Fn(f64) -> f64) -> impl Fn(f64) -> Option<Concurrency> {
        move |level| Some(Concurrency::new(level, x(level)))
    }

    #[test]
    fn there_are_six_levels_past_the_knee_and_five_below_and_none_far_beyond() {
        for (sigma, kappa) in [(0.03_f64, 0.001_f64), (0.1, 0.01), (0.0, 0.000_1), (0.2, 0.002)] {
            let knee = ((1.0 - sigma) / kappa).sqrt();
            let mut ladder = Ladder::new(1000.0, []);
            let held = climb(&mut ladder, at_a_time(x(sigma, kappa)));
            let past = held.iter().filter(|level| **level > knee).count();
            let below = held.len() - past;
            assert_eq!(held[..3], [1.0, 2.0, 4.0]);
            assert!(past >= 6 && below >= 4, "knee {knee}: {held:?}");
            let highest = held.iter().copied().fold(0.0, f64::max);
            assert!(highest <= 4.1 * knee, "knee {knee}: {held:?}");
        }
    }

    #[test]
    fn a_queue_before_some_servers_is_held_past_where_it_stops_to_grow() {
        for servers in [1.0, 2.0, 8.0, 50.0] {
            let held = climb(&mut Ladder::new(1000.0, []), at_a_time(|n: f64| 10.0 * n.min(servers)));
            let past = held.iter().filter(|level| **level > servers).count();
            assert!(past >= 5 && held.iter().all(|level| *level <= 8.0 * servers), "{servers}: {held:?}");
        }
    }

    #[test]
    fn what_does_not_stop_to_grow_is_climbed_to_the_highest_level_allowed() {
        let held = climb(&mut Ladder::new(300.0, []), at_a_time(|n| 10.0 * n));
        assert!(held.contains(&300.0) && held.len() >= 11, "{held:?}");
        let few = climb(&mut Ladder::new(5.0, []), at_a_time(|n| 10.0 * n));
        assert_eq!(few.len(), 5, "{few:?}");
    }

    #[test]
    fn nothing_is_held_above_a_level_that_was_given_up() {
        let down = |level: f64| (level <= 20.0).then(|| Concurrency::new(level, 10.0 * level));
        let held = climb(&mut Ladder::new(1000.0, []), down);
        let first = held.iter().position(|level| *level > 20.0).unwrap();
        assert_eq!(held[first], 32.0);
        assert!(held[first + 1..].iter().all(|level| *level < 32.0), "{held:?}");
        let mut later = held.iter().filter(|level| **level > 20.0).copied().collect::<Vec<_>>();
        later.dedup();
        assert!(later.is_sorted_by(|a, b| a > b), "each that is given up lowers the bound: {held:?}");
    }

    #[test]
    fn where_something_else_bounds_what_is_in_flight_the_climb_ends() {
        let held = climb(&mut Ladder::new(1000.0, []), |level| {
            let n = level.min(10.0);
            Some(Concurrency::new(n, 10.0 * n))
        });
        assert!(held.iter().all(|level| *level <= 40.0), "{held:?}");
    }

    #[test]
    fn levels_of_users_who_think_go_down_to_one_in_flight_and_past_the_knee() {
        // N + X(N)·Z = users.
        let (x, wait_s) = (x(0.05, 0.002), 1.0);
        let of = |users: f64| {
            let (mut low, mut high) = (0.0, users);
            for _ in 0..80 {
                let n = f64::midpoint(low, high);
                if n + x(n.max(1e-9)) * wait_s < users { low = n } else { high = n }
            }
            Some(Concurrency::new(low, x(low)))
        };
        let known = [640.0, 500.0, 320.0].map(|users| (users, of(users)));
        let mut ladder = Ladder::new(2000.0, known);
        let held = climb(&mut ladder, of);
        let in_flight = |users: &f64| of(*users).unwrap().in_flight;
        let knee = (0.95_f64 / 0.002).sqrt();
        let all: Vec<f64> = held.iter().chain(&[640.0, 500.0, 320.0]).map(in_flight).collect();
        assert!(all.iter().copied().fold(f64::INFINITY, f64::min) <= 1.5, "{held:?} {all:?}");
        assert!(all.iter().filter(|n| **n > knee).count() >= 6, "{held:?} {all:?}");
    }
}
