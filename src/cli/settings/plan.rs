//! Which load the sources ask for: users or arrivals, in stages or at one level.

use std::time::Duration;

use super::source::listed;
use super::{Layer, MOST_USERS, Stages, parse_time, parse_users};
use crate::record::{Arrivals, LoadModel, LoadPlan, Stage};
use crate::units::parse_rate;

/// The most arrivals a second that one run takes.
const MOST_RATE: f64 = 1_000_000.0;

/// Stages, or users or a rate for a time: whichever the first source that speaks of a load says. With it goes the spawn rate, where
/// there is one.
pub(super) fn plan(layers: &[Layer]) -> Result<(LoadPlan, Option<f64>), String> {
    let users = |layer: &Layer| layer.users.is_some() || layer.spawn_rate.is_some();
    let plain = |layer: &Layer| users(layer) || layer.rate.is_some() || layer.run_time.is_some();
    let shape = layers.iter().position(|layer| layer.shape.is_some() || layer.stages.is_some());
    let shape = shape.and_then(|first| layers[first].shape);
    let speaks = layers.iter().position(|layer| layer.stages.is_some() || plain(layer)).unwrap_or(0);
    if let Some(Stages { model, stages }) = &layers[speaks].stages {
        if plain(&layers[speaks]) {
            return Err(format!(
                "{} says how many users or arrivals there are and for how long: leave out {}, or it",
                layers[speaks].source.place("stages"),
                said(&layers[speaks], &["users", "spawn_rate", "rate", "run_time"])
            ));
        }
        arrivals_go_with_a_rate(&layers[..=speaks], *model)?;
        return Ok((LoadPlan { model: *model, stages: stages.clone() }, None));
    }
    if let Some(shape) = shape {
        return Ok((shape.plan(layers)?, None));
    }
    // A run time goes with both models, so what speaks of a level decides.
    let decides = layers.iter().position(|layer| users(layer) || layer.rate.is_some()).unwrap_or(speaks);
    let run_time = layers.iter().find_map(|layer| layer.run_time).unwrap_or(Duration::from_mins(1)).as_secs_f64();
    if let Some(rate) = layers[decides].rate {
        if users(&layers[decides]) {
            return Err(format!(
                "{} says how many arrivals there are, whatever users do: leave out {}, or it",
                layers[decides].source.place("rate"),
                said(&layers[decides], &["users", "spawn_rate"])
            ));
        }
        return Ok((LoadPlan::rate(rate, run_time), None));
    }
    arrivals_go_with_a_rate(&layers[..=decides], LoadModel::Closed)?;
    let users = layers.iter().find_map(|layer| layer.users).unwrap_or(1);
    let spawn_rate = layers.iter().find_map(|layer| layer.spawn_rate).unwrap_or(1.0);
    Ok((LoadPlan::users(users, spawn_rate, run_time), Some(spawn_rate)))
}

/// Where a layer says which of these.
fn said(layer: &Layer, keys: &[&str]) -> String {
    let says = |key: &&&str| match **key {
        "users" => layer.users.is_some(),
        "spawn_rate" => layer.spawn_rate.is_some(),
        "rate" => layer.rate.is_some(),
        _ => layer.run_time.is_some(),
    };
    listed(&keys.iter().filter(says).map(|key| layer.source.place(key)).collect::<Vec<_>>())
}

/// What only arrivals have, asked for by whoever asks for users (or by nobody who asks for a rate), was meant otherwise.
fn arrivals_go_with_a_rate(layers: &[Layer], model: LoadModel) -> Result<(), String> {
    let place =
        |is: fn(&Layer) -> bool, key| layers.iter().find(|layer| is(layer)).map(|layer| layer.source.place(key));
    let named = place(|layer| layer.arrivals.is_some(), "arrivals");
    match named.or_else(|| place(|layer| layer.max_users.is_some(), "max_users")) {
        Some(name) if model == LoadModel::Closed => Err(format!(
            "{name} belongs to a load of arrivals, and this one is of users: leave it out, or ask for a rate, e.g. --rate 50/s"
        )),
        _ => Ok(()),
    }
}

/// Arrivals a second: `50/s`, `3000/min`.
pub(in crate::cli) fn parse_arrival_rate(text: &str) -> Result<f64, String> {
    let range = || "the rate must be above 0 and at most 1000000 arrivals a second, e.g. 50/s, 3000/min".to_owned();
    if text.trim().starts_with('-') {
        return Err(range());
    }
    let rate = parse_rate(text.trim()).map_err(|error| error.to_string())?;
    if rate > 0.0 && rate <= MOST_RATE { Ok(rate) } else { Err(range()) }
}

/// `poisson` or `constant`.
pub(in crate::cli) fn parse_arrivals(text: &str) -> Result<Arrivals, String> {
    let all = [Arrivals::Poisson, Arrivals::Constant];
    let found = all.into_iter().find(|arrivals| arrivals.as_str() == text.trim());
    found.ok_or_else(|| format!("{text:?} is neither poisson (at random) nor constant (at even distances)"))
}

/// `50:1m,50:5m,0:30s` are users, `50/s:1m,50/s:5m,0:30s` arrivals.
pub(in crate::cli) fn parse_stages(text: &str) -> Result<Stages, String> {
    let stage = |part: &str| {
        let (level, time) = part
            .trim()
            .rsplit_once(':')
            .ok_or_else(|| format!("stage {part:?} is not USERS:TIME or RATE:TIME, e.g. 50:1m or 50/s:1m"))?;
        let named = |problem: String| format!("stage {part:?}: {problem}");
        let (number, unit) = level.trim().split_once('/').map_or((level.trim(), false), |(number, _)| (number, true));
        // Nothing is nothing, of users and of arrivals.
        let (level, model) = match (number.trim(), unit) {
            ("0", false) => (0.0, None),
            ("0", true) => (0.0, Some(LoadModel::Open)),
            (_, true) => (parse_arrival_rate(level).map_err(named)?, Some(LoadModel::Open)),
            (users, false) => (f64::from(parse_users(users).map_err(named)?), Some(LoadModel::Closed)),
        };
        let time = parse_time(time.trim()).map_err(named)?;
        Ok((Stage { level, duration_s: time.as_secs_f64() }, model))
    };
    let read = text.split(',').map(stage).collect::<Result<Vec<_>, String>>()?;
    let models: Vec<LoadModel> = read.iter().filter_map(|(_, model)| *model).collect();
    let stages: Vec<Stage> = read.into_iter().map(|(stage, _)| stage).collect();
    match models.first() {
        Some(first) if models.iter().any(|model| model != first) => {
            Err("some stages are users and some are rates: give all of them a unit (50/s), or none".to_owned())
        }
        Some(model) if stages.iter().any(|stage| stage.level > 0.0) => Ok(Stages { model: *model, stages }),
        _ => Err(format!("no stage has a user or an arrival (at most {MOST_USERS} users, or e.g. 50/s)")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Source, merge, profile};
    use super::*;

    fn users(users: u32) -> Layer {
        Layer { users: Some(users), ..Layer::default() }
    }

    fn rate(rate: f64) -> Layer {
        Layer { rate: Some(rate), ..Layer::default() }
    }

    fn time(seconds: u64) -> Layer {
        Layer { run_time: Some(Duration::from_secs(seconds)), ..Layer::default() }
    }

    fn stages(text: &str) -> Layer {
        Layer { stages: Some(parse_stages(text).unwrap()), ..Layer::default() }
    }

    #[test]
    fn the_first_source_that_says_something_wins() {
        let staged = stages("10:5s,10:60s");
        let settings = merge(&[users(7), staged.clone(), profile::quick()]).unwrap();
        assert_eq!((settings.plan.peak(), settings.plan.duration_s()), (7.0, 60.0));
        let settings = merge(&[Layer::default(), staged.clone(), users(7)]).unwrap();
        assert_eq!((settings.plan.peak(), settings.plan.duration_s()), (10.0, 65.0));
        let both = Layer { users: Some(3), ..staged };
        assert_eq!(
            merge(&[both]).unwrap_err(),
            "--stages says how many users or arrivals there are and for how long: leave out -u, or it"
        );
    }

    #[test]
    fn whoever_speaks_first_of_a_level_decides_the_model() {
        let plan = |layers: &[Layer]| super::plan(layers).unwrap();
        let quick = profile::quick();
        assert_eq!(plan(&[rate(5.0), users(7), quick.clone()]), (LoadPlan::rate(5.0, 60.0), None));
        assert_eq!(plan(&[users(7), rate(5.0), quick.clone()]), (LoadPlan::users(7, 50.0, 60.0), Some(50.0)));
        assert_eq!(plan(&[time(9), rate(5.0), quick.clone()]), (LoadPlan::rate(5.0, 9.0), None));
        assert_eq!(plan(&[stages("5/s:1s,5/s:9s"), rate(1.0), quick.clone()]).0.model, LoadModel::Open);
        let both = Layer { rate: Some(5.0), ..users(3) };
        let all = Layer { spawn_rate: Some(1.0), source: Source::Environment, ..both.clone() };
        assert!(super::plan(&[both]).unwrap_err().ends_with("whatever users do: leave out -u, or it"));
        assert_eq!(
            super::plan(&[all]).unwrap_err(),
            "AGENTHUB_PERF_RATE says how many arrivals there are, whatever users do: \
             leave out AGENTHUB_PERF_USERS and AGENTHUB_PERF_SPAWN_RATE, or it"
        );
        let timed = Layer { run_time: Some(Duration::from_secs(9)), ..rate(5.0) };
        assert_eq!(plan(&[timed, quick]).0.duration_s(), 9.0);
    }

    #[test]
    fn what_only_arrivals_have_is_refused_where_users_are_asked_for() {
        let sessions = |layer: Layer| Layer { max_users: Some(9), arrivals: Some(Arrivals::Constant), ..layer };
        let error = plan(&[sessions(users(3))]).unwrap_err();
        assert!(error.contains("--arrivals") && error.contains("--rate 50/s"), "{error}");
        assert!(plan(&[sessions(Layer::default()), profile::quick()]).is_err());
        assert!(plan(&[sessions(stages("5:9s,5:9s"))]).is_err());
        assert!(plan(&[users(3), sessions(rate(5.0))]).is_ok(), "a farther source was not meant");
        let settings = merge(&[sessions(rate(5.0)), profile::quick()]).unwrap();
        assert_eq!((settings.max_users, settings.arrivals), (9, Arrivals::Constant));
    }

    #[test]
    fn two_seconds_of_arrivals_find_a_session_unless_told_otherwise() {
        let most = |layer: Layer| merge(&[layer, profile::quick()]).unwrap().max_users;
        assert_eq!([most(rate(0.5)), most(rate(50.0)), most(rate(2000.25))], [100, 100, 4001]);
        assert_eq!(most(stages("10/s:1s,300/s:1m,0:1s")), 600);
    }

    #[test]
    fn stages_ramp_and_hold() {
        let Stages { model, stages } = parse_stages("50:1m, 50:5m,0:30s").unwrap();
        let plan = LoadPlan { model, stages };
        assert_eq!((plan.model, plan.duration_s()), (LoadModel::Closed, 390.0));
        assert_eq!(plan.level_at(30.0), 25.0);
        let holds: Vec<_> = plan.holds().iter().map(|hold| (hold.from_s, hold.to_s, hold.level)).collect();
        assert_eq!(holds, [(60.0, 360.0, 50.0)]);
        for bad in ["", "50", "50:", ":1m", "x:1m", "-5:1m", "50:0", "0:1m"] {
            assert!(parse_stages(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn levels_with_a_unit_are_rates() {
        let read = parse_stages("30/min:1m, 2.5/s:5m,0/s:30s,0:10s").unwrap();
        assert_eq!(read.model, LoadModel::Open);
        assert_eq!(read.stages.iter().map(|stage| stage.level).collect::<Vec<_>>(), [0.5, 2.5, 0.0, 0.0]);
        assert!(parse_stages("50/s:1m,50:5m").unwrap_err().contains("give all of them a unit"));
        for bad in ["-5/s:1m", "5/fortnight:1m", "0/s:1m", "5/s", "2000000/s:1m", "/s:1m"] {
            assert!(parse_stages(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn rates_are_read_with_their_unit() {
        assert_eq!([parse_arrival_rate("50/s"), parse_arrival_rate("30/min")], [Ok(50.0), Ok(0.5)]);
        for bad in ["0", "-1/s", "x", "nan", "inf", "0/s", "5/", "2000000/s"] {
            assert!(parse_arrival_rate(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(parse_arrivals("constant"), Ok(Arrivals::Constant));
        assert!(parse_arrivals("even").unwrap_err().contains("poisson"));
    }
}
