//! The load that was asked for, as a level over time. The driver follows it; the judge reads the holds off it.

use serde::{Deserialize, Serialize};

/// How load is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// Users that wait for the response and then think: a slow host is asked less.
    Closed,
    /// Arrivals at a rate, whatever the host does.
    Open,
}

/// When the arrivals of the open model come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At random, independently of each other, as those of many users do.
    #[default]
    Poisson,
    /// At even distances.
    Constant,
}

impl Arrivals {
    /// The word for it in flags and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
        }
    }
}

/// One stage: the level moves linearly from the stage before (0 at first) to `level` within `duration_s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Users (closed) or arrivals a second (open) at its end.
    pub level: f64,
    /// Seconds.
    pub duration_s: f64,
}

/// A piecewise linear level over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// How load is offered.
    pub model: LoadModel,
    /// The stages, one after the other.
    pub stages: Vec<Stage>,
}

/// A part of the plan in which the level stays the same: only holds are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hold {
    /// Seconds from the start of the load.
    pub from_s: f64,
    /// Seconds from the start of the load.
    pub to_s: f64,
    /// The level held.
    pub level: f64,
}

impl LoadPlan {
    /// `users` at `spawn_rate` a second, then held until `run_time_s` is over.
    pub fn users(users: u32, spawn_rate: f64, run_time_s: f64) -> Self {
        let users = f64::from(users);
        let whole_s = users / spawn_rate;
        let spawn_s = whole_s.min(run_time_s);
        let reached = if whole_s <= run_time_s { users } else { (run_time_s * spawn_rate).ceil().min(users) };
        Self {
            model: LoadModel::Closed,
            stages: vec![
                Stage { level: reached, duration_s: spawn_s },
                Stage { level: reached, duration_s: run_time_s - spawn_s },
            ],
        }
    }

    /// `rate` arrivals a second from the first moment on, for `run_time_s`.
    pub fn rate(rate: f64, run_time_s: f64) -> Self {
        let stages = vec![Stage { level: rate, duration_s: 0.0 }, Stage { level: rate, duration_s: run_time_s }];
        Self { model: LoadModel::Open, stages }
    }

    /// How long the plan takes, seconds.
    pub fn duration_s(&self) -> f64 {
        self.stages.iter().map(|stage| stage.duration_s).sum()
    }

    /// The most it asks for at any time.
    pub fn peak(&self) -> f64 {
        self.stages.iter().map(|stage| stage.level).fold(0.0, f64::max)
    }

    /// The level `at_s` seconds after the start; 0 once the plan is over.
    pub fn level_at(&self, at_s: f64) -> f64 {
        let (mut begins, mut before) = (0.0, 0.0);
        for stage in &self.stages {
            if at_s < begins + stage.duration_s {
                return before + (stage.level - before) * ((at_s - begins) / stage.duration_s).max(0.0);
            }
            begins += stage.duration_s;
            before = stage.level;
        }
        0.0
    }

    /// The parts where the level above 0 stays the same, neighbours of the same level joined.
    pub fn holds(&self) -> Vec<Hold> {
        let (mut begins, mut before) = (0.0, 0.0);
        let mut holds: Vec<Hold> = Vec::new();
        for stage in &self.stages {
            let ends = begins + stage.duration_s;
            if stage.level == before && stage.level > 0.0 && stage.duration_s > 0.0 {
                match holds.last_mut() {
                    Some(last) if last.to_s == begins && last.level == stage.level => last.to_s = ends,
                    _ => holds.push(Hold { from_s: begins, to_s: ends, level: stage.level }),
                }
            }
            begins = ends;
            before = stage.level;
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(stages: &[(f64, f64)]) -> LoadPlan {
        let stages = stages.iter().map(|&(level, duration_s)| Stage { level, duration_s }).collect();
        LoadPlan { model: LoadModel::Closed, stages }
    }

    #[test]
    fn users_are_spawned_and_then_held() {
        let plan = LoadPlan::users(50, 10.0, 300.0);
        assert_eq!((plan.duration_s(), plan.peak()), (300.0, 50.0));
        assert_eq!([0.0, 2.5, 5.0, 299.9, 300.0].map(|at_s| plan.level_at(at_s)), [0.0, 25.0, 50.0, 50.0, 0.0]);
        assert_eq!(plan.holds(), [Hold { from_s: 5.0, to_s: 300.0, level: 50.0 }]);
    }

    #[test]
    fn a_rate_is_held_from_the_first_moment() {
        let plan = LoadPlan::rate(50.0, 60.0);
        assert_eq!((plan.duration_s(), plan.peak(), plan.level_at(0.0)), (60.0, 50.0, 50.0));
        assert_eq!(plan.holds(), [Hold { from_s: 0.0, to_s: 60.0, level: 50.0 }]);
    }

    #[test]
    fn a_run_too_short_to_spawn_all_holds_nothing() {
        let plan = LoadPlan::users(100, 10.0, 4.0);
        assert_eq!((plan.duration_s(), plan.peak(), plan.holds()), (4.0, 40.0, Vec::new()));
    }

    #[test]
    fn neighbours_of_one_level_are_one_hold_and_pauses_none() {
        let plan =
            plan(&[(50.0, 60.0), (50.0, 60.0), (50.0, 30.0), (0.0, 10.0), (0.0, 10.0), (20.0, 0.0), (20.0, 5.0)]);
        let hold = |from_s, to_s, level| Hold { from_s, to_s, level };
        assert_eq!(plan.holds(), [hold(60.0, 150.0, 50.0), hold(170.0, 175.0, 20.0)]);
        assert_eq!([155.0, 165.0, 170.0].map(|at_s| plan.level_at(at_s)), [25.0, 0.0, 20.0]);
    }
}
