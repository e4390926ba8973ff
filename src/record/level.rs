//! What a search for the edge was asked for, and the levels that it held: lines of the journal, from which the plan that is
//! judged is read back.

use serde::{Deserialize, Serialize};

use super::{LoadModel, LoadPlan, Stage};
use crate::stats::CONFIDENCE;

/// What a search was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedSearch {
    /// The first level: arrivals a second, or users.
    pub start: f64,
    /// No level is higher.
    pub most: f64,
    /// Seconds that it may take in all.
    pub max_time_s: f64,
    /// How narrow the bracket shall be, a fraction of its upper end.
    pub width: f64,
    /// A level is given up when more than this share of its requests failed.
    pub abort_on: f64,
    /// When a level is looked at, seconds from the beginning of its hold.
    pub looks_s: Vec<f64>,
    /// The two-sided confidence of each of these looks.
    pub confidences: Vec<f64>,
    /// What is held for the scaling law when the search has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<AskedLaw>,
}

/// What levels of the scaling law are held.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AskedLaw {
    /// When all is over, the search and the levels of the law, seconds since the start of the load.
    pub until_s: f64,
    /// How long each of its levels is held, seconds.
    pub hold_s: f64,
}

impl AskedSearch {
    /// Seconds that it may take with all that follows.
    pub fn whole_s(&self) -> f64 {
        self.law.map_or(self.max_time_s, |law| law.until_s)
    }

    /// The confidence of a look, from 1.
    pub fn confidence(&self, look: u32) -> f64 {
        let last = self.confidences.last().copied().unwrap_or(CONFIDENCE);
        self.confidences.get(look.saturating_sub(1) as usize).copied().unwrap_or(last)
    }
}

/// A level that was held: a line of the journal. Each look writes another, which takes the place of the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldLevel {
    /// Seconds since the start of the load.
    pub from_s: f64,
    /// The last look, seconds since the start of the load.
    pub to_s: f64,
    /// Users, or arrivals a second; of a level of the law users, or tasks at one time.
    pub level: f64,
    /// How often it was looked at.
    pub looks: u32,
    /// It is held again, as it had passed before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirms: bool,
    /// Why it was given up before its next look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
    /// The host did not come to rest after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrecovered: bool,
    /// It is of the scaling law, and moves no end of the bracket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub law: bool,
}

impl HeldLevel {
    /// Takes its place among the levels: of the same hold the later line counts.
    pub(super) fn join(self, levels: &mut Vec<Self>) -> Result<(), &'static str> {
        if !(self.from_s >= 0.0 && self.to_s > self.from_s && self.level > 0.0) {
            return Err("it covers no time, or no load");
        }
        match levels.iter_mut().find(|known| known.from_s == self.from_s) {
            Some(known) => *known = self,
            None => levels.push(self),
        }
        Ok(())
    }
}

impl LoadPlan {
    /// The levels that a search held, and nothing between and after them, up to `until_s`.
    pub fn of_levels(model: LoadModel, levels: &[HeldLevel], until_s: f64) -> Self {
        let (mut stages, mut reached_s) = (Vec::new(), 0.0);
        let pause = |from_s: f64, to_s: f64, stages: &mut Vec<Stage>| {
            stages.push(Stage { level: 0.0, duration_s: 0.0 });
            stages.push(Stage { level: 0.0, duration_s: (to_s - from_s).max(0.0) });
        };
        for held in levels.iter().filter(|held| !held.law) {
            pause(reached_s, held.from_s, &mut stages);
            stages.push(Stage { level: held.level, duration_s: 0.0 });
            stages.push(Stage { level: held.level, duration_s: held.to_s - held.from_s });
            reached_s = held.to_s;
        }
        pause(reached_s, until_s, &mut stages);
        Self { model, stages }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::fixture::{asked, endpoints, sample};
    use crate::record::{Asked, End, Hold, Recorder, read, read_from};

    fn held(from_s: f64, to_s: f64, level: f64) -> HeldLevel {
        HeldLevel { from_s, to_s, level, looks: 1, confirms: false, given_up: None, unrecovered: false, law: false }
    }

    #[test]
    fn the_plan_read_back_holds_what_was_held() {
        let plan = LoadPlan::of_levels(LoadModel::Open, &[held(5.0, 20.0, 50.0), held(24.0, 39.0, 50.0)], 50.0);
        let hold = |from_s, to_s| Hold { from_s, to_s, level: 50.0 };
        assert_eq!(plan.holds(), [hold(5.0, 20.0), hold(24.0, 39.0)]);
        assert_eq!((plan.duration_s(), plan.level_at(22.0)), (50.0, 0.0));
        // A level of the law has another unit, and is nothing that was searched for.
        let law = HeldLevel { law: true, ..held(24.0, 39.0, 7.0) };
        let plan = LoadPlan::of_levels(LoadModel::Open, &[held(5.0, 20.0, 50.0), law], 50.0);
        assert_eq!((plan.holds(), plan.peak()), (vec![hold(5.0, 20.0)], 50.0));
    }

    #[test]
    fn levels_are_read_back_from_the_journal_and_its_seconds_stay_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let search = AskedSearch {
            start: 10.0,
            most: 100.0,
            max_time_s: 7200.0,
            width: 0.05,
            abort_on: 0.2,
            looks_s: vec![15.0, 30.0],
            confidences: vec![0.999, 0.99],
            law: None,
        };
        assert_eq!([1, 2, 9].map(|look| search.confidence(look)), [0.999, 0.99, 0.99]);
        let asked = Asked { search: Some(search), plan: LoadPlan::rate(100.0, 7200.0), ..asked() };
        let started = "2026-11-23T08:10:00Z".parse().unwrap();
        let (recorder, mut hand) = Recorder::by_hand(folder.path(), &asked, endpoints(1), started).unwrap();
        for second in 0..3700 {
            recorder.record(&sample(0, second * 1_000_000 + 500_000, 2000));
            if second == 20 || second == 35 {
                recorder.level(held(5.0, second as f64, 10.0));
            }
            hand.tick((second + 1) * 1_000_000 + 30_000);
        }
        hand.finish(3_700_000_000, &End::Finished).unwrap();
        let run = read(folder.path()).unwrap();
        assert_eq!(run.levels, [held(5.0, 35.0, 10.0)]);
        assert_eq!(run.asked.plan.holds(), [Hold { from_s: 5.0, to_s: 35.0, level: 10.0 }]);
        assert!(run.warnings.is_empty() && run.seconds.iter().all(|second| second.to_s - second.from_s < 1.01));
        // Only what a look needs is decoded.
        let late = read_from(folder.path(), 3690.0).unwrap();
        assert_eq!((late.seconds.len(), late.levels.len()), (run.seconds.len(), 1));
        assert!(late.intervals.iter().all(|interval| interval.to_s > 3690.0) && late.intervals.len() >= 10);
        assert!(late.intervals.iter().all(|interval| run.intervals.contains(interval)));
    }

    #[test]
    fn a_later_look_takes_the_place_of_the_one_before() {
        let mut levels = Vec::new();
        held(5.0, 20.0, 50.0).join(&mut levels).unwrap();
        held(5.0, 35.0, 50.0).join(&mut levels).unwrap();
        held(40.0, 55.0, 60.0).join(&mut levels).unwrap();
        assert_eq!(levels, [held(5.0, 35.0, 50.0), held(40.0, 55.0, 60.0)]);
        assert!(held(5.0, 5.0, 50.0).join(&mut levels).is_err());
    }
}
