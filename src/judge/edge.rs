//! The edge: between the highest level that passes and the lowest that fails.
//!
//! One that has passed twice counts before a higher one that has passed once: of many levels tried the highest that passed is also
//! the luckiest.

use serde::{Deserialize, Serialize};

use super::words::how_long;
use super::{LevelResult, Verdict};
use crate::record::LoadModel;
use crate::units::format_rate;

/// What levels prove of the edge, whatever the order in which they were held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bracket {
    /// The highest level that passed twice, below all that fail; where none did, the highest that passed.
    pub passes: Option<f64>,
    /// The lowest level that fails.
    pub fails: Option<f64>,
    /// The level that passes did so twice.
    pub confirmed: bool,
}

impl Bracket {
    /// Of levels and their verdicts. One that is unproven or void moves no end.
    pub fn of(levels: impl IntoIterator<Item = (f64, Verdict)>) -> Self {
        let levels: Vec<(f64, Verdict)> = levels.into_iter().collect();
        let of =
            |wanted: Verdict| levels.iter().filter(move |(_, verdict)| *verdict == wanted).map(|(level, _)| *level);
        let fails = of(Verdict::Fail).reduce(f64::min);
        let below = || of(Verdict::Pass).filter(|level| fails.is_none_or(|fails| *level < fails));
        let twice = below().filter(|level| of(Verdict::Pass).filter(|other| other == level).count() > 1);
        let confirmed = twice.reduce(f64::max);
        Self { passes: confirmed.or_else(|| below().reduce(f64::max)), fails, confirmed: confirmed.is_some() }
    }

    /// How wide it is, a fraction of its upper end; `None` where an end is missing.
    pub fn width(&self) -> Option<f64> {
        self.passes.zip(self.fails).map(|(passes, fails)| 1.0 - passes / fails)
    }
}

/// What a search for the edge found, as `result.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgeResult {
    /// The highest level at which every target passes; `None` where none was proven to.
    pub passes: Option<f64>,
    /// The lowest level at which one fails; `None` where none was proven to.
    pub fails: Option<f64>,
    /// Of both: `arrivals/s` or `users`.
    pub unit: String,
    /// The level that passes did so in a second hold as well.
    pub confirmed: bool,
    /// Nothing failed: the edge is at least where the highest level passes.
    pub at_least: bool,
    /// Successful responses a second at the level that passes.
    pub requests_per_s_passes: Option<f64>,
    /// Successful responses a second at the level that fails.
    pub requests_per_s_fails: Option<f64>,
    /// The target that breaks first: of the lowest level that fails the one farthest from its limit.
    pub first_to_break: Option<String>,
    /// How wide the bracket is, a fraction of its upper end.
    pub width: Option<f64>,
    /// Why the search ended there, and what would narrow it.
    pub reason: String,
}

impl EdgeResult {
    /// Of the levels that a search held. `width` is that asked for, `most` the highest level allowed.
    pub fn of(levels: &[LevelResult], model: LoadModel, width: f64, most: f64) -> Self {
        let bracket = Bracket::of(levels.iter().enumerate().map(|(n, level)| {
            // A host that ended at a level that it had borne tells nothing of how much it bears.
            let borne = || levels[..n].iter().any(|b| b.level >= level.level && b.verdict == Verdict::Pass);
            let of_itself = level.gone.is_none() || !borne();
            (level.level, if of_itself { level.verdict } else { Verdict::Unproven })
        }));
        let Bracket { passes, fails, confirmed } = bracket;
        let at = |wanted: Option<f64>, verdict: Verdict| {
            levels.iter().rfind(|level| Some(level.level) == wanted && level.verdict == verdict)
        };
        let failing = at(fails, Verdict::Fail);
        let breaks = failing.and_then(|level| level.missed().first().map(|target| target.name.clone()));
        Self {
            passes,
            fails,
            unit: if model == LoadModel::Open { "arrivals/s" } else { "users" }.to_owned(),
            confirmed,
            at_least: passes.is_some() && fails.is_none(),
            requests_per_s_passes: at(passes, Verdict::Pass).map(|level| level.requests_per_s),
            requests_per_s_fails: failing.map(|level| level.requests_per_s),
            first_to_break: breaks,
            width: bracket.width(),
            reason: reason(levels, model, &bracket, width, most),
        }
    }

    /// Whether it is an answer: a bracket whose lower end is confirmed, or the highest level allowed, confirmed.
    pub fn is_proven(&self, most: f64) -> bool {
        self.confirmed && (self.fails.is_some() || self.passes >= Some(most))
    }
}

/// The highest level below those that fail of which every figure is good, where none was proven to pass.
pub(crate) fn looks_good(levels: &[LevelResult], fails: f64) -> Option<&LevelResult> {
    let good = levels.iter().filter(|level| level.verdict == Verdict::Unproven && level.level < fails);
    good.filter(|level| level.looks_good()).max_by(|a, b| a.level.total_cmp(&b.level))
}

fn amount_of(level: f64, model: LoadModel) -> String {
    if model == LoadModel::Open { format_rate(level) } else { format!("{level} users") }
}

fn reason(levels: &[LevelResult], model: LoadModel, bracket: &Bracket, width: f64, most: f64) -> String {
    if let Some(how) = levels.iter().find_map(|level| level.gone.as_deref()) {
        return format!("the host stopped answering ({how}) and did not come back: see what ended it");
    }
    let void = levels.iter().filter(|level| level.verdict == Verdict::Void);
    let void = void.filter(|level| bracket.passes.is_none_or(|passes| level.level > passes));
    let lowest_void = void.reduce(|low, other| if other.level < low.level { other } else { low });
    let not_confirmed = if bracket.passes.is_some() && !bracket.confirmed {
        "; the level that passes was not confirmed by a second hold: allow more time with --max-time"
    } else {
        ""
    };
    let told = match (bracket.passes, bracket.fails, lowest_void) {
        (Some(passes), None, _) if passes >= most => "the highest level allowed passes: allow more to find the edge".to_owned(),
        (_, None, Some(void)) => format!("the generator could not drive more: {}", void.reason),
        (Some(_), None, None) => "no level was shown to fail: allow more time with --max-time".to_owned(),
        (_, Some(_), _) if levels.iter().any(|level| level.unrecovered) => "the host did not come to rest again under a low load: the search could not go on".to_owned(),
        (Some(_), Some(_), _) if bracket.width().is_some_and(|found| found > width + 1e-9) => {
            "wider than asked for: the levels between could not be told apart from the edge in time; allow more with --max-time"
                .to_owned()
        }
        (Some(_), Some(_), _) => String::new(),
        (None, Some(fails), _) if let Some(good) = looks_good(levels, fails) => {
            let longer = good.needs_s().map(|needs_s| format!("; it would take {} more of it", how_long(needs_s)));
            format!(
                "{} looks good and was not proven in {:.0} s: {}{}: begin there with --start and allow more with --max-time, or a laxer target",
                amount_of(good.level, model),
                good.judged_s,
                good.reason,
                longer.unwrap_or_default()
            )
        }
        (None, Some(_), _) => "no level was proven to pass: see whether a lower --start does".to_owned(),
        (None, None, None) if levels.is_empty() => "no level was held long enough to be looked at".to_owned(),
        (None, None, None) => {
            let last = levels.last().map(|level| level.reason.as_str()).unwrap_or_default();
            format!("no level was proven to pass or to fail: {last}")
        }
    };
    (told + not_confirmed).trim_start_matches("; ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unproven_and_void_levels_move_no_end() {
        use Verdict::{Fail, Pass, Unproven, Void};
        let bracket = Bracket::of([(10.0, Pass), (20.0, Pass), (40.0, Fail), (30.0, Unproven), (25.0, Void)]);
        assert_eq!(bracket, Bracket { passes: Some(20.0), fails: Some(40.0), confirmed: false });
        assert_eq!(bracket.width(), Some(0.5));
    }

    #[test]
    fn what_has_passed_twice_counts_before_what_has_passed_once() {
        use Verdict::{Fail, Pass};
        let levels = [(10.0, Pass), (20.0, Pass), (40.0, Fail), (10.0, Pass)];
        assert_eq!(Bracket::of(levels), Bracket { passes: Some(10.0), fails: Some(40.0), confirmed: true });
    }

    fn level(level: f64, verdict: Verdict, gone: Option<&str>) -> LevelResult {
        LevelResult {
            level,
            from_s: 0.0,
            to_s: 15.0,
            judged_s: 12.0,
            looks: 1,
            confirms: false,
            unrecovered: gone.is_some(),
            given_up: gone.is_some(),
            gone: gone.map(str::to_owned),
            requests_per_s: level,
            mean_ms: None,
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
            error_rate: Some(0.0),
            verdict,
            reason: String::new(),
            targets: Vec::new(),
        }
    }

    #[test]
    fn a_host_that_ends_at_a_level_that_it_bore_has_no_edge_there() {
        use Verdict::{Fail, Pass};
        let refused = Some("connection refused");
        let why = "the host stopped answering (connection refused) and did not come back: see what ended it";
        let edge = |levels: &[LevelResult]| EdgeResult::of(levels, LoadModel::Open, 0.05, 200.0);
        let died = edge(&[level(50.0, Pass, None), level(50.0, Fail, refused)]);
        assert_eq!((died.passes, died.fails, died.confirmed, died.reason.as_str()), (Some(50.0), None, false, why));
        let fell = edge(&[level(50.0, Pass, None), level(100.0, Fail, refused)]);
        assert_eq!((fell.passes, fell.fails, fell.reason.as_str()), (Some(50.0), Some(100.0), why));
        let failed = edge(&[level(50.0, Pass, None), level(50.0, Fail, None)]);
        assert_eq!((failed.passes, failed.fails), (None, Some(50.0)));
    }

    #[test]
    fn a_confirmation_that_fails_moves_the_upper_end() {
        use Verdict::{Fail, Pass};
        let levels = [(10.0, Pass), (20.0, Pass), (40.0, Fail), (20.0, Pass)];
        assert!(Bracket::of(levels).confirmed);
        let bracket = Bracket::of([(10.0, Pass), (20.0, Pass), (40.0, Fail), (20.0, Fail)]);
        assert_eq!(bracket, Bracket { passes: Some(10.0), fails: Some(20.0), confirmed: false });
    }
}
