//! The search as a state machine: it is told what each look at a level has shown, and says what to hold next. Pure: no clock,
//! no load, no journal.
//!
//! **Climb.** Each level is twice the one before, until one fails. A level that looks good is left after its first look, proven
//! or not: what is proven in the end are the two ends of the bracket.
//!
//! **Bracket.** From then on the next level lies in the (geometric) middle between the highest that looks good and the lowest that
//! fails. A level that looks good is left after [`GOOD_LOOKS`]; one that looks bad is held until it is proven, as it would
//! be an end. Where the two are close enough the lower one is held until it is proven. One that is unproven after the last look
//! lies so near to the edge that nobody could tell; it moves no end, and what is left to narrow are the gaps on both sides of it.
//!
//! **Looks.** A level is looked at after fixed times, and its looks share α: looking until a level passes is optional stopping,
//! and passes falsely (P. Armitage and others, "Repeated significance tests on accumulating data", Journal
//! of the Royal Statistical Society A 132 (1969)). The first looks get least of it (P. C. O'Brien, T. R. Fleming, "A multiple
//! testing procedure for clinical trials", Biometrics 35 (1979)): what is clear is clear all the same, and an interval of a few
//! seconds of a busy queue holds the truth less often than it promises. With even shares one of 20 searches of a simulated pair of slow
//! servers passed a level twice that lies 5 % above their edge.
//!
//! **Confirmation.** The level that passes is held a second time: of many levels tried the highest that passed is also the
//! luckiest. Where that fails, it is the new upper end, and the search goes on; where it is unproven, the level is one of which
//! nobody can tell.
//!
//! **Void.** A level that the generator could not drive is held once more, as another program may have been the cause; then
//! nothing above it is tried.

use crate::judge::{Bracket, Verdict};
use crate::record::AskedSearch;

/// When a level is looked at, seconds from the beginning of its hold.
pub const LOOKS_S: [f64; 5] = [15.0, 30.0, 60.0, 120.0, 240.0];
/// The two-sided confidence of each look: they share 5 %.
pub const CONFIDENCES: [f64; 5] = [1.0 - 0.000_5, 1.0 - 0.002, 1.0 - 0.007_5, 1.0 - 0.015, 1.0 - 0.025];

/// From one level of the climb to the next.
const CLIMB: f64 = 2.0;
/// Within the bracket a level that looks good, and is not proven, is left after so many looks.
const GOOD_LOOKS: usize = 2;
/// How often the first level is halved where it fails.
const MOST_HALVINGS: i32 = 10;
/// Where time is short, a level so far below the highest that looks good is proven.
const SURER: f64 = 0.75;
/// What is reckoned for the pause before a hold, seconds.
const PAUSE_S: f64 = 5.0;
/// From this look on a level is given up that would take so many times as long as it may.
const HOPELESS_FROM: usize = 3;
const HOPELESS: f64 = 3.0;
/// Nearer to a level of which nobody can tell than this share of the width asked for no other is tried.
const NEAR: f64 = 0.75;
/// So often a level that the generator could not drive is tried.
const TRIES: usize = 2;

/// What one look has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Every target passes.
    Pass,
    /// One fails.
    Fail,
    /// It cannot be told yet.
    Unproven {
        /// Every figure lies on the good side of its limit.
        looks_good: bool,
        /// How much longer it would have to be held to be told, seconds, where that can be said.
        needs_s: Option<f64>,
    },
    /// The generator could not drive it.
    Void,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Let the host come to rest, then say [`Search::rested`].
    Rest,
    /// Hold a level, until so long after the beginning of its hold; then say [`Search::told`].
    Hold {
        /// Arrivals a second, or users.
        level: f64,
        /// When to look, seconds from the beginning of the hold.
        until_s: f64,
        /// Which look that is, from 1.
        look: u32,
        /// It has passed before.
        confirms: bool,
    },
    /// The search is over.
    Done,
}

/// A hold that is over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    level: f64,
    outcome: Outcome,
    /// It was held as long as it may be, or could be of use, and is still unproven.
    to_the_end: bool,
    confirms: bool,
    for_s: f64,
}

/// The hold that goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Holding {
    level: f64,
    /// Looks so far.
    looks: usize,
    confirms: bool,
    /// It is to be an end of the bracket: it is not left because it looks good.
    to_the_end: bool,
    phase: Phase,
}

/// How far a hold has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The host is to come to rest before it.
    Rests,
    /// It has, or will not.
    Rested,
    /// The load is at the level: the time up to the next look is being spent.
    Holds,
}

/// A search for the edge.
#[derive(Debug, Clone)]
pub struct Search {
    asked: AskedSearch,
    /// Users are whole.
    whole: bool,
    held: Vec<Held>,
    holding: Option<Holding>,
    over_for_good: bool,
}

impl Search {
    /// One that has not begun. `whole`: levels are whole numbers, as users are.
    pub fn new(asked: AskedSearch, whole: bool) -> Self {
        Self { asked, whole, held: Vec::new(), holding: None, over_for_good: false }
    }

    /// What to do next, `spent_s` seconds after the search began.
    pub fn next(&mut self, spent_s: f64) -> Next {
        if self.holding.is_none() && !self.over_for_good {
            self.holding = self.choose(spent_s);
        }
        // A pause may have taken longer than was reckoned.
        let over = |holding: &Holding| {
            holding.phase == Phase::Rested && spent_s + self.asked.looks_s[0] > self.asked.max_time_s
        };
        if self.over_for_good || self.holding.as_ref().is_some_and(over) {
            self.over_for_good = true;
            self.holding = None;
        }
        let Some(holding) = &mut self.holding else { return Next::Done };
        if holding.phase == Phase::Rests {
            return Next::Rest;
        }
        holding.phase = Phase::Holds;
        let Holding { level, looks, confirms, .. } = *holding;
        Next::Hold { level, until_s: self.asked.looks_s[looks], look: looks as u32 + 1, confirms }
    }

    /// The host has come to rest, or will not.
    pub fn rested(&mut self) {
        if let Some(holding) = &mut self.holding {
            holding.phase = Phase::Rested;
        }
    }

    /// The host does not come to rest any more: what it would show of another level would not be of that level.
    pub fn ends(&mut self) {
        self.over_for_good = true;
        self.holding = None;
    }

    /// What the look has shown, `spent_s` seconds after the search began.
    pub fn told(&mut self, outcome: Outcome, spent_s: f64) {
        let Some(mut holding) = self.holding.take() else { return };
        let looked_s = self.asked.looks_s[holding.looks.min(self.asked.looks_s.len() - 1)];
        holding.looks += 1;
        let Some(&next_s) = self.asked.looks_s.get(holding.looks) else {
            return self.over(holding, outcome, looked_s, matches!(outcome, Outcome::Unproven { .. }));
        };
        if let Outcome::Unproven { looks_good, needs_s } = outcome {
            let left = looks_good && !holding.to_the_end && self.leaves(&holding, spent_s);
            let in_time = spent_s + (next_s - looked_s) + self.reserve_s(&holding) <= self.asked.max_time_s;
            let longest_s = self.asked.looks_s.last().copied().unwrap_or(looked_s);
            let hopeless = holding.looks >= HOPELESS_FROM
                && needs_s.is_some_and(|needs_s| looked_s + needs_s > HOPELESS * longest_s);
            if !left && in_time && !hopeless {
                self.holding = Some(holding);
                return;
            }
            return self.over(holding, outcome, looked_s, !left);
        }
        self.over(holding, outcome, looked_s, false);
    }

    /// What the last hold has come to.
    pub fn last(&self) -> Option<Outcome> {
        self.held.last().map(|held| held.outcome)
    }

    /// What is known of the edge.
    pub fn bracket(&self) -> Bracket {
        Bracket::of(self.held.iter().map(|held| (held.level, held.outcome.into())))
    }

    fn over(&mut self, holding: Holding, outcome: Outcome, for_s: f64, to_the_end: bool) {
        let Holding { level, confirms, .. } = holding;
        self.held.push(Held { level, outcome, to_the_end, confirms, for_s });
    }

    /// Whether a level that looks good is left for a higher one: where there is one to try, and time to prove it.
    fn leaves(&self, holding: &Holding, spent_s: f64) -> bool {
        match self.upper() {
            None => holding.level < self.asked.most,
            Some(upper) => {
                let needed_s = PAUSE_S + self.asked.looks_s[0] + 2.0 * self.proof_s();
                // Near the edge what is held is to be proven.
                holding.looks >= GOOD_LOOKS
                    && self.untold().next().is_none()
                    && spent_s + needed_s <= self.asked.max_time_s
                    && self.between(holding.level, upper).is_some()
            }
        }
    }

    /// What the proof of a level is reckoned to take.
    fn proof_s(&self) -> f64 {
        PAUSE_S + self.asked.looks_s[self.asked.looks_s.len() / 2]
    }

    /// The lowest level that is known not to do.
    fn upper(&self) -> Option<f64> {
        [self.bracket().fails, self.bound()].into_iter().flatten().reduce(f64::min)
    }

    /// What must be left of the time after a hold: for the confirmation of the level that passes.
    fn reserve_s(&self, holding: &Holding) -> f64 {
        if holding.confirms || holding.to_the_end {
            return 0.0;
        }
        self.passes().filter(|level| !self.is_confirmed(*level)).map_or(0.0, |level| self.cost_s(level))
    }

    /// The highest level that passes, below all that do not do, and was not left unproven when it was held again.
    fn passes(&self) -> Option<f64> {
        let upper = self.upper();
        let passed = self.held.iter().filter(|held| held.outcome == Outcome::Pass);
        let doubtful =
            |level: f64| self.held.iter().any(|held| held.level == level && held.confirms && held.to_the_end);
        let sound = |level: &f64| upper.is_none_or(|upper| *level < upper) && !doubtful(*level);
        passed.map(|held| held.level).filter(sound).reduce(f64::max)
    }

    /// What another hold of a level may take.
    fn cost_s(&self, level: f64) -> f64 {
        let passed = self.held.iter().filter(|held| held.level == level && held.outcome == Outcome::Pass);
        PAUSE_S + passed.map(|held| held.for_s).fold(self.asked.looks_s[0], f64::max)
    }

    /// The lowest level that the generator could not drive, tried often enough.
    fn bound(&self) -> Option<f64> {
        let void = self.held.iter().filter(|held| held.outcome == Outcome::Void);
        let often = void.filter(|held| self.times(held.level, |outcome| outcome == Outcome::Void) >= TRIES);
        often.map(|held| held.level).reduce(f64::min)
    }

    fn times(&self, level: f64, is: impl Fn(Outcome) -> bool) -> usize {
        self.held.iter().filter(|held| held.level == level && is(held.outcome)).count()
    }

    /// The next hold; `None` where the search is over.
    fn choose(&self, spent_s: f64) -> Option<Holding> {
        let (level, confirms, to_the_end) = self.choose_level(spent_s)?;
        let needed_s = PAUSE_S + self.asked.looks_s[0];
        (spent_s + needed_s <= self.asked.max_time_s).then_some(Holding {
            level,
            looks: 0,
            confirms,
            to_the_end,
            phase: Phase::Rests,
        })
    }

    /// A level, whether it has passed before, whether it is to be proven whatever it looks like.
    fn choose_level(&self, spent_s: f64) -> Option<(f64, bool, bool)> {
        let Some(last) = self.held.last() else { return Some((self.asked.start.min(self.asked.most), false, false)) };
        if last.outcome == Outcome::Void && self.bound() != Some(last.level) {
            return Some((last.level, last.confirms, true));
        }
        let upper = self.upper();
        let below = |level: f64| upper.is_none_or(|upper| level < upper);
        let passes = self.passes();
        let good = self.held.iter().filter(|held| {
            matches!(held.outcome, Outcome::Unproven { looks_good: true, .. })
                && below(held.level)
                && self.untold().all(|untold| untold != held.level)
        });
        let good: Vec<f64> = good.map(|held| held.level).collect();
        let base = good.iter().copied().chain(passes).reduce(f64::max);
        let confirm = passes.filter(|level| !self.is_confirmed(*level)).map(|level| (level, true, true));

        // With no time for a level more and the confirmation of what is known, that comes first.
        let left_s = self.asked.max_time_s - spent_s;
        let one_more_s = PAUSE_S + self.asked.looks_s[0];
        if let Some((level, ..)) = confirm
            && left_s < one_more_s + self.cost_s(level)
        {
            return confirm;
        }
        let Some(upper) = upper else {
            let base = base.unwrap_or(0.0);
            let reached = self.held.iter().map(|held| held.level).fold(base, f64::max);
            let next = self.rounded(reached * CLIMB).min(self.asked.most);
            if next > reached {
                return Some((next, false, next >= self.asked.most));
            }
            // The highest allowed: it is proven, or was held to the end and is not.
            return confirm
                .or_else(|| (base >= self.asked.most && passes != Some(base)).then_some((base, false, true)));
        };
        let Some(base) = base else {
            // Below everything that was tried, the unproven included.
            let lowest = self.held.iter().map(|held| held.level).fold(upper, f64::min);
            let next = self.rounded(lowest / CLIMB);
            let allowed = next >= self.asked.start * CLIMB.powi(-MOST_HALVINGS) && next > 0.0 && next < lowest;
            return allowed.then_some((next, false, false));
        };
        // Proven first where time is short: an end that only looks good is none.
        let prove = (passes != Some(base)).then_some((base, false, true));
        if prove.is_some() && left_s < one_more_s + 2.0 * self.proof_s() {
            // With nothing proven so far the surer level is worth more than the higher one, where there is time to prove it.
            let surer = good.iter().copied().filter(|level| {
                passes.is_none() && *level <= SURER * base && self.proof_needs_s(*level).is_none_or(|s| s <= left_s)
            });
            return surer.reduce(f64::max).map(|level| (level, false, true)).or(prove);
        }
        self.between(base, upper).map(|level| (level, false, false)).or(prove).or(confirm)
    }

    /// What proving a level takes that looked good before, where that was said.
    fn proof_needs_s(&self, level: f64) -> Option<f64> {
        let held = self.held.iter().rfind(|held| held.level == level)?;
        let Outcome::Unproven { needs_s: Some(needs_s), .. } = held.outcome else { return None };
        Some(PAUSE_S + held.for_s + needs_s)
    }

    fn is_confirmed(&self, level: f64) -> bool {
        self.times(level, |outcome| outcome == Outcome::Pass) > 1
    }

    /// The level that narrows the bracket most; `None` where it is as narrow as asked for, or as can be told.
    fn between(&self, base: f64, upper: f64) -> Option<f64> {
        if 1.0 - base / upper <= self.asked.width {
            return None;
        }
        let untold = || self.untold().filter(|level| *level > base && *level < upper);
        // The lower one first: without a lower end there is no answer.
        let gaps = match (untold().reduce(f64::min), untold().reduce(f64::max)) {
            (Some(lowest), Some(highest)) => vec![(base, lowest, NEAR), (highest, upper, NEAR)],
            _ => vec![(base, upper, 1.0)],
        };
        gaps.into_iter().find_map(|(low, high, near)| {
            let middle = self.rounded((low * high).sqrt());
            (1.0 - low / high > near * self.asked.width && middle > low && middle < high).then_some(middle)
        })
    }

    /// The levels of which nobody can tell.
    fn untold(&self) -> impl Iterator<Item = f64> {
        self.held.iter().filter(|held| held.to_the_end).map(|held| held.level)
    }

    /// Three digits, as a person would ask for it; users are whole.
    fn rounded(&self, level: f64) -> f64 {
        let three = format!("{level:.2e}").parse().unwrap_or(level);
        if self.whole { f64::round(three) } else { three }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Fail => Self::Fail,
            Outcome::Unproven { .. } => Self::Unproven,
            Outcome::Void => Self::Void,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "search_tests.rs"]
mod tests;
