//! `--law`: how the time of a search is shared with the levels of the scaling law.

use crate::capacity::LOOKS_S;
use crate::record::{AskedLaw, AskedSearch};
use crate::stats::LEAST_LEVELS;

/// Of the time.
const SHARE: f64 = 1.0 / 3.0;
/// Levels that are reckoned with, and the pause before each, seconds.
const LEVELS: u32 = 16;
const PAUSE_S: f64 = 4.0;
/// A level is held no shorter and no longer, seconds.
const SHORTEST_S: f64 = 4.0;
const LONGEST_S: f64 = 20.0;
/// What the search itself needs to look at one level.
const SEARCH_S: f64 = LOOKS_S[0] + 10.0;

/// Keeps time for the law; `most`: users, or tasks at a time.
pub(super) fn share_time(search: &mut AskedSearch, most: u32) -> Result<(), String> {
    if most < LEAST_LEVELS as u32 {
        return Err(format!(
            "--law needs levels of at least {LEAST_LEVELS} different numbers at one time, and --max-users allows {most}: raise --max-users"
        ));
    }
    let until_s = search.max_time_s;
    let levels = f64::from(LEVELS.min(most));
    let least_s = levels * (SHORTEST_S + PAUSE_S);
    if until_s < least_s + SEARCH_S {
        return Err(format!(
            "--max-time is too short for --law: its levels take {least_s} s at least, and the search before them {SEARCH_S} s; give it at least {} s",
            least_s + SEARCH_S
        ));
    }
    let law_s = least_s.max(SHARE * until_s);
    let hold_s = (law_s / levels - PAUSE_S).floor().clamp(SHORTEST_S, LONGEST_S);
    search.max_time_s = until_s - law_s;
    search.law = Some(AskedLaw { until_s, hold_s });
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn search(max_time_s: f64) -> AskedSearch {
        AskedSearch {
            start: 10.0,
            most: 1000.0,
            max_time_s,
            width: 0.05,
            abort_on: 0.2,
            looks_s: vec![15.0],
            confidences: vec![0.99],
            law: None,
        }
    }

    #[test]
    fn a_third_of_the_time_is_kept_or_what_the_levels_need() {
        let mut half_an_hour = search(1800.0);
        share_time(&mut half_an_hour, 2000).unwrap();
        assert_eq!((half_an_hour.max_time_s, half_an_hour.whole_s()), (1200.0, 1800.0));
        assert_eq!(half_an_hour.law, Some(AskedLaw { until_s: 1800.0, hold_s: 20.0 }));
        let mut short = search(153.0);
        share_time(&mut short, 2000).unwrap();
        assert_eq!((short.max_time_s, short.law.unwrap().hold_s), (25.0, 4.0));
        let mut few = search(100.0);
        share_time(&mut few, 8).unwrap();
        assert_eq!((few.max_time_s, few.law.unwrap().hold_s), (36.0, 4.0));
    }

    #[test]
    fn too_little_time_and_too_few_users_are_refused_with_what_is_needed() {
        let told = share_time(&mut search(152.0), 2000).unwrap_err();
        assert!(told.contains("give it at least 153 s"), "{told}");
        let told = share_time(&mut search(1800.0), 5).unwrap_err();
        assert!(told.contains("raise --max-users"), "{told}");
    }
}
