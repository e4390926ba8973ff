//! Loads of a ready shape: stages made of the users or the rate, and the run time, that are asked for anyway.
//!
//! | shape | of a level L and a time T |
//! |---|---|
//! | `spike` | a third of L for 2/5 of T, at once L for 1/5, at once a third again for 2/5: does it bear a rush, and recover? |
//! | `ramp` | from 0 to L in half of T, then L: where does it begin to slow down? |
//! | `steps` | a quarter, a half, three quarters and all of L, for a quarter of T each |
//!
//! Moves from one level to another take a twentieth of a hold, or a second in a spike. Every hold is judged by itself.

use super::Layer;
use super::plan;
use crate::record::{LoadModel, LoadPlan, Stage};

/// The shape of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Shape {
    /// A rush, and what comes after it.
    Spike,
    /// Ever more, then all of it.
    Ramp,
    /// A quarter more at a time.
    Steps,
}

/// `spike`, `ramp` or `steps`.
pub(in crate::cli) fn parse_shape(text: &str) -> Result<Shape, String> {
    match text.trim() {
        "spike" => Ok(Shape::Spike),
        "ramp" => Ok(Shape::Ramp),
        "steps" => Ok(Shape::Steps),
        _ => Err(format!(
            "{text:?} is no shape: spike (a rush, and what comes after), ramp (ever more, then all of it) or steps (a quarter more at a time)"
        )),
    }
}

impl Shape {
    /// Of the level and time that the sources ask for beside it.
    pub(super) fn plan(self, layers: &[Layer]) -> Result<LoadPlan, String> {
        let plain: Vec<Layer> =
            layers.iter().map(|layer| Layer { shape: None, stages: None, ..layer.clone() }).collect();
        let (asked, _) = plan::plan(&plain)?;
        let (level, time_s) = (asked.peak(), asked.duration_s());
        let part = |share: f64| match asked.model {
            LoadModel::Closed => (level * share).round().max(1.0),
            LoadModel::Open => level * share,
        };
        let mut stages = Vec::new();
        // A move within the time, then the hold.
        let mut hold = |level: f64, time_s: f64, move_s: f64| {
            let move_s = move_s.min(time_s / 2.0);
            stages.push(Stage { level, duration_s: move_s });
            stages.push(Stage { level, duration_s: time_s - move_s });
        };
        match self {
            Self::Spike => {
                hold(part(1.0 / 3.0), time_s * 0.4, time_s * 0.02);
                hold(part(1.0), time_s * 0.2, 1.0);
                hold(part(1.0 / 3.0), time_s * 0.4, 1.0);
            }
            Self::Ramp => hold(part(1.0), time_s, time_s / 2.0),
            Self::Steps => (1..=4).for_each(|n| hold(part(f64::from(n) / 4.0), time_s / 4.0, time_s / 80.0)),
        }
        Ok(LoadPlan { model: asked.model, stages })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::profile;
    use super::*;

    fn holds(shape: Shape, layer: Layer) -> Vec<(f64, f64, f64)> {
        let layer = Layer { shape: Some(shape), run_time: Some(Duration::from_secs(100)), ..layer };
        let (plan, _) = plan::plan(&[layer, profile::quick()]).unwrap();
        assert!((plan.duration_s() - 100.0).abs() < 1e-9);
        let round = |seconds: f64| (seconds * 1e6).round() / 1e6;
        plan.holds().iter().map(|hold| (round(hold.from_s), round(hold.to_s), hold.level)).collect()
    }

    #[test]
    fn every_shape_is_made_of_the_level_and_the_time_of_either_model() {
        let users = || Layer { users: Some(30), ..Layer::default() };
        let rate = || Layer { rate: Some(50.0), ..Layer::default() };
        assert_eq!(holds(Shape::Spike, users()), [(2.0, 40.0, 10.0), (41.0, 60.0, 30.0), (61.0, 100.0, 10.0)]);
        assert_eq!(holds(Shape::Ramp, rate()), [(50.0, 100.0, 50.0)]);
        let steps = [(1.25, 25.0, 12.5), (26.25, 50.0, 25.0), (51.25, 75.0, 37.5), (76.25, 100.0, 50.0)];
        assert_eq!(holds(Shape::Steps, rate()), steps);
    }

    #[test]
    fn a_shape_is_named_in_words_where_there_is_none_of_the_name() {
        assert_eq!(parse_shape("spike"), Ok(Shape::Spike));
        assert!(parse_shape("spiky").unwrap_err().contains("spike (a rush"));
    }

    #[test]
    fn stages_of_a_nearer_source_win_over_a_shape() {
        let staged = super::super::parse_stages("5:1s,5:9s").unwrap();
        let layers = [
            Layer { stages: Some(staged), ..Layer::default() },
            Layer { shape: Some(Shape::Ramp), ..Layer::default() },
        ];
        assert_eq!(plan::plan(&layers).unwrap().0.duration_s(), 10.0);
    }
}
