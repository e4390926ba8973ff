//! Named loads: those that come with the program, and the configuration's own.

use std::time::Duration;

use super::{ConfigFile, Layer, Source};
use crate::document::suggestion;

/// (name, users, users a second, seconds).
const BUILT_IN: [(&str, u32, f64, u64); 5] = [
    ("quick", 250, 50.0, 60),
    ("guide", 50, 10.0, 300),
    ("stress", 100, 20.0, 600),
    ("ci", 150, 50.0, 90),
    ("soak", 50, 10.0, 7200),
];

/// For how long what grows has to last, where a soak is not told otherwise: until the next release.
const HORIZON: Duration = Duration::from_hours(7 * 24);

fn built_in(name: &str) -> Option<Layer> {
    BUILT_IN.iter().find(|(known, ..)| *known == name).map(|&(_, users, rate, seconds)| Layer {
        source: Source::Program,
        users: Some(users),
        spawn_rate: Some(rate),
        run_time: Some(Duration::from_secs(seconds)),
        horizon: (name == "soak").then_some(HORIZON),
        ..Layer::default()
    })
}

/// The smallest load that proves every target that can be seen from outside within about a minute: the default.
pub(super) fn quick() -> Layer {
    built_in(BUILT_IN[0].0).unwrap_or_default()
}

/// The layers of a profile: the configuration's own first, then the one that comes with the program.
pub(super) fn find(name: &str, config: Option<&ConfigFile>) -> Result<Vec<Layer>, String> {
    let own = config.and_then(|config| config.profiles.get(name)).cloned();
    let layers: Vec<Layer> = own.into_iter().chain(built_in(name)).collect();
    if layers.is_empty() {
        let own = config.iter().flat_map(|config| config.profiles.keys().map(String::as_str));
        let known: Vec<&str> = BUILT_IN.iter().map(|(name, ..)| *name).chain(own).collect();
        return Err(format!("--profile {name}: no such profile; {}", suggestion(name, known)));
    }
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_are_the_documented_ones() {
        let load = |name| {
            let layer = built_in(name).unwrap();
            (layer.users.unwrap(), layer.spawn_rate.unwrap(), layer.run_time.unwrap().as_secs())
        };
        assert_eq!(load("quick"), (250, 50.0, 60));
        assert_eq!(load("guide"), (50, 10.0, 300));
        assert_eq!(load("stress"), (100, 20.0, 600));
        assert_eq!(load("ci"), (150, 50.0, 90));
        assert_eq!((load("soak").0, load("soak").2), (50, 7200));
        let with_horizon: Vec<&str> =
            BUILT_IN.iter().map(|(name, ..)| *name).filter(|name| built_in(name).unwrap().horizon.is_some()).collect();
        assert_eq!(with_horizon, ["soak"]);
        assert_eq!(built_in("soak").unwrap().horizon, Some(Duration::from_hours(168)));
        assert!(find("gide", None).unwrap_err().contains("guide"));
    }
}
