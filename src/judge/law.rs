//! The scaling law: how successful responses a second follow from the requests in flight, over levels that were held for it.
//!
//! **Levels.** Of a search by rate those held after it, at so many tasks at one time: what an open load has in flight varies at random
//! around its mean, and the same host answers another number a second at the same mean (M/M/1: μN/(1+N) and not μ). Of a search
//! by users its own levels count as well: they are users who think, as those held for the law are.
//!
//! A level that does not count is kept, with the reason.

use serde::{Deserialize, Serialize};

use super::Bounds;
use super::generator::generator;
use super::hold::steady_of;
use super::steady::{Steady, steady_hold};
use super::window::Window;
use crate::record::{AskedSearch, HeldLevel, Hold, LoadModel, Run};
use crate::stats::{Bounded, Concurrency, LEAST_LEVELS, LEAST_PAST, Law, NoKnee, NoLaw, usl};
use crate::units::{counted, format_count, format_ratio};

/// Of the beginning of a level's hold so much is left out.
const START_SHARE: f64 = 0.25;
/// With less than this in flight nothing is in the way of anything.
const LEAST_IN_FLIGHT: f64 = 0.5;
/// Where more fail, what comes back is not the service's work.
const MOST_ERRORS: f64 = 0.05;
/// Points of the curve, and how far beyond the highest level it is drawn.
const POINTS: u32 = 48;
const BEYOND: f64 = 1.1;
/// A limit that is farther off than this many times what was measured is not named.
const FARTHEST: f64 = 2.0;

/// What limits throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// Nothing that was seen.
    None,
    /// Work that is done one after the other.
    Contention,
    /// What requests cost each other: throughput falls past the knee.
    Coherency,
}

/// A level, measured for the law.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawLevel {
    /// Tasks at a time, or users.
    pub level: f64,
    /// Of its hold, seconds since the start of the load.
    pub from_s: f64,
    /// Seconds since the start of the load.
    pub to_s: f64,
    /// Seconds of it that are measured.
    pub judged_s: f64,
    /// Requests in flight, their mean over time.
    pub in_flight: f64,
    /// Successful responses a second.
    pub requests_per_s: f64,
    /// A fraction; `None` without a request.
    pub error_rate: Option<f64>,
    /// The search held it.
    pub searched: bool,
    /// Why it does not count.
    pub left_out: Option<String>,
}

/// A point of the fitted curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LawPoint {
    /// Requests in flight.
    pub in_flight: f64,
    /// Successful responses a second.
    pub requests_per_s: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The scaling law, as `result.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawResult {
    /// Requests a second of one at a time.
    pub lambda: Option<Bounds>,
    /// The share of the work that is done one after the other.
    pub sigma: Option<Bounds>,
    /// What requests cost each other in pairs.
    pub kappa: Option<Bounds>,
    /// Requests in flight at which throughput is highest; `None` where no knee is proven.
    pub knee: Option<Bounds>,
    /// About how many users (by rate: tasks at a time) make as many.
    pub knee_level: Option<f64>,
    /// The most successful responses a second, where a limit was seen.
    pub max_requests_per_s: Option<f64>,
    /// Its 95 % interval; `None` where it is that of a corner.
    #[serde(default)]
    pub max_requests_per_s_interval: Option<Bounds>,
    /// What limits throughput; `None` where that cannot be told.
    pub limits: Option<Limits>,
    /// Relative deviation of the levels from the curve, root of the mean square.
    pub misfit: Option<f64>,
    /// Why there is no knee, where there is a law.
    pub no_knee: Option<String>,
    /// Why there is no law.
    pub refused: Option<String>,
    /// Of levels: `at a time` or `users`.
    pub unit: String,
    /// The levels, in the order in which they were held.
    pub levels: Vec<LawLevel>,
    /// The fitted curve with its band.
    pub curve: Vec<LawPoint>,
}

impl LawLevel {
    /// What the law is fitted to; `None` where it does not count.
    pub fn concurrency(&self) -> Option<Concurrency> {
        self.left_out.is_none().then(|| Concurrency::new(self.in_flight, self.requests_per_s))
    }
}

/// The law of a search that was asked for it.
pub(super) fn law_of(run: &Run, search: &AskedSearch) -> Option<LawResult> {
    search.law?;
    let closed = run.asked.plan.model == LoadModel::Closed;
    let held = run.levels.iter().filter(|held| held.law || closed);
    let levels: Vec<LawLevel> = held.map(|held| measure_law_level(run, held)).collect();
    let counted: Vec<Concurrency> = levels.iter().filter_map(LawLevel::concurrency).collect();
    let most_per_s = counted.iter().map(|level| level.per_s).fold(0.0, f64::max);
    let unit = if closed { "users" } else { "at a time" };
    let mut result = LawResult {
        lambda: None,
        sigma: None,
        kappa: None,
        knee: None,
        knee_level: None,
        max_requests_per_s: None,
        max_requests_per_s_interval: None,
        limits: None,
        misfit: None,
        no_knee: None,
        refused: None,
        unit: unit.to_owned(),
        levels,
        curve: Vec::new(),
    };
    match usl(&counted, run.asked.seed) {
        Ok(law) => result.tell(&law, &counted, most_per_s),
        Err(refused) => {
            if let NoLaw::Corner { per_s, .. } = refused {
                (result.limits, result.max_requests_per_s) = (Some(Limits::Contention), Some(per_s));
            }
            if let NoLaw::Misfit { by } = refused {
                result.misfit = Some(by).filter(|by| by.is_finite());
            }
            let unheld = run.levels.iter().all(|held| !held.law);
            result.refused = Some(if unheld {
                "no level was held for it: the search left no time, or the host did not come to rest".to_owned()
            } else {
                why_not(refused, &result.levels)
            });
        }
    }
    Some(result)
}

impl LawResult {
    fn tell(&mut self, law: &Law, counted: &[Concurrency], most_per_s: f64) {
        let bounds = |Bounded { value, low, high }| Bounds { value, low, high };
        self.lambda = Some(bounds(law.lambda));
        self.sigma = Some(bounds(law.sigma));
        self.kappa = Some(bounds(law.kappa));
        self.misfit = Some(law.misfit);
        let to = BEYOND * counted.iter().map(|level| level.in_flight).fold(1.0, f64::max);
        self.curve = (0..=POINTS)
            .map(|n| {
                let in_flight = to.powf(f64::from(n) / f64::from(POINTS));
                let Bounded { value: requests_per_s, low, high } = law.per_s(in_flight);
                LawPoint { in_flight, requests_per_s, low, high }
            })
            .collect();
        match law.knee {
            Ok(knee) => {
                self.knee = Some(bounds(knee));
                self.knee_level = level_at(&self.levels, knee.value);
                self.limit(law.most_per_s());
                self.limits = Some(Limits::Coherency);
            }
            Err(why) => {
                let contention = law.sigma.low > 0.0;
                let most = law.most_per_s();
                if contention && most.high <= FARTHEST * most_per_s && !law.overshoots(counted) {
                    self.limit(most);
                }
                self.limits = Some(if contention { Limits::Contention } else { Limits::None });
                self.no_knee = Some(no_knee(why, law));
            }
        }
    }

    fn limit(&mut self, Bounded { value, low, high }: Bounded) {
        self.max_requests_per_s = Some(value);
        self.max_requests_per_s_interval = Some(Bounds { value, low, high });
    }
}

/// The level that makes so many in flight, between those measured on both sides.
fn level_at(levels: &[LawLevel], in_flight: f64) -> Option<f64> {
    let mut counted: Vec<&LawLevel> = levels.iter().filter(|level| level.left_out.is_none()).collect();
    counted.sort_by(|a, b| a.in_flight.total_cmp(&b.in_flight));
    let above = counted.iter().position(|level| level.in_flight >= in_flight)?;
    let (low, high) = (counted.get(above.checked_sub(1)?)?, counted.get(above)?);
    let share = (in_flight - low.in_flight) / (high.in_flight - low.in_flight).max(1e-9);
    Some((low.level + share * (high.level - low.level)).round())
}

/// Measures a level that was held for the law, or for a search by users.
pub fn measure_law_level(run: &Run, held: &HeldLevel) -> LawLevel {
    let HeldLevel { from_s, to_s, level, .. } = *held;
    let Steady { parts, .. } = if held.law {
        steady_hold(run, &Hold { from_s, to_s, level }, START_SHARE * (to_s - from_s))
    } else {
        steady_of(run, held)
    };
    let window = Window::new(run, &parts);
    let figures = window.whole();
    let seconds = figures.seconds();
    let (failures, requests) = figures.counts();
    let a_second = |sum: f64| if seconds > 0.0 { sum / seconds } else { 0.0 };
    let in_flight = a_second(window.seconds.iter().map(|(second, _)| second.in_flight_s).sum());
    let requests_per_s = a_second(figures.successes.iter().sum::<u64>() as f64);
    let error_rate = (requests > 0).then(|| failures as f64 / requests as f64);
    let generator = generator(run, &window, &mut Vec::new()).result;
    let left_out = if let Some(why) = &held.given_up {
        Some(why.clone())
    } else if held.unrecovered {
        Some("the host did not come to rest after it".to_owned())
    } else if requests_per_s <= 0.0 {
        Some("no request succeeded".to_owned())
    } else if generator.void {
        Some(generator.reasons.join("; "))
    } else if let Some(rate) = error_rate.filter(|rate| *rate > MOST_ERRORS) {
        Some(format!("{} of its requests failed", format_ratio(rate)))
    } else if in_flight < LEAST_IN_FLIGHT {
        Some("less than half a request was in flight".to_owned())
    } else {
        None
    };
    LawLevel {
        level,
        from_s,
        to_s,
        judged_s: seconds,
        in_flight,
        requests_per_s,
        error_rate,
        searched: !held.law,
        left_out,
    }
}

fn why_not(refused: NoLaw, levels: &[LawLevel]) -> String {
    match refused {
        NoLaw::TooFew { levels: counting } => {
            let left_out = levels.iter().find_map(|level| level.left_out.as_deref());
            let why = left_out.map_or_else(String::new, |why| format!("; left out: {why}"));
            format!(
                "{} count, and it takes {LEAST_LEVELS}: allow more with --max-time or --max-users{why}",
                counted(counting as u64, "level")
            )
        }
        NoLaw::TooNarrow { from, to } => format!(
            "the levels lie between {from:.1} and {to:.1} in flight, too close to each other: it takes four times as many as the fewest; allow more with --max-users"
        ),
        NoLaw::Misfit { by } => format!(
            "the levels deviate from the law's curve by {}, at most 10 % allowed: it does not describe this service, or something else disturbed it",
            format_ratio(by)
        ),
        NoLaw::Corner { at, per_s } => format!(
            "throughput rises in proportion up to about {at:.1} in flight and then stays at {}/s: a queue before a fixed number of servers or connections, of which the law's curve is no description",
            format_count(per_s.round() as u64)
        ),
    }
}

fn no_knee(why: NoKnee, law: &Law) -> String {
    match why {
        NoKnee::NoCoherency => {
            format!("coherency may be 0 (at most {:.2e}): throughput is not seen to fall", law.kappa.high)
        }
        NoKnee::NotReached { at: Some(at), past } => format!(
            "it would lie at about {at:.0} in flight, and {} past that, of {LEAST_PAST} that it takes: allow more with --max-users",
            if past == 1 { "1 level lies".to_owned() } else { format!("{past} levels lie") }
        ),
        NoKnee::NotReached { at: None, .. } => {
            "it would lie at more than twice what was measured: allow more with --max-users".to_owned()
        }
        NoKnee::DoesNotFall { at } => {
            format!("throughput levels off, and is not seen to fall past {at:.0} in flight")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "tests/law.rs"]
mod tests;
