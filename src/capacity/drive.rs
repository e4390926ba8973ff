//! Drives a search over a stage: moves the load, counts the seconds, and has each level looked at when it is time.

use std::collections::VecDeque;

use super::rest::{Rest, Rested, calm_s};
use super::search::{Next, Outcome, Search};
use crate::judge::{Judged, Verdict};
use crate::load::Patience;
use crate::record::{AskedSearch, HeldLevel};
use crate::units::format_count;

/// Nobody should wait for an answer so many seconds; where targets allow slower answers, so many times as long as they do.
const HANGS_S: f64 = 10.0;
const HANGS: f64 = 2.0;
const LEAST_HANGING: u64 = 20;
/// Of the first level: the load of a pause.
const LOW: f64 = 0.1;

/// A second of load that is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Its end, seconds since the load began.
    pub at_s: f64,
    /// Requests in flight at its end, and arrivals waiting for a session.
    pub outstanding: u64,
    /// Requests that ended in it.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Mean response time of those that did not, ms.
    pub mean_ms: Option<f64>,
}

/// What a search does its work on: a running load, or a simulated one.
pub trait Stage {
    /// From now on so many arrivals a second, or users.
    fn set(&mut self, level: f64);
    /// Waits for the next second to be over; `None` where the load has ended.
    fn second(&mut self) -> impl Future<Output = Option<Seen>>;
    /// Writes down that a level was held so long, and judges it; `None` where it cannot be judged any more.
    fn look(&mut self, held: HeldLevel) -> impl Future<Output = Option<Judged>>;
    /// Writes down more of a level that was held.
    fn note(&mut self, held: HeldLevel);
    /// Tells a person how it goes on.
    fn tell(&mut self, step: &Step<'_>);
}

/// What a person is told.
#[derive(Debug)]
pub enum Step<'a> {
    /// A hold begins.
    Holds {
        /// Arrivals a second, or users.
        level: f64,
        /// It has passed before.
        confirms: bool,
    },
    /// A level was looked at.
    Looked(&'a Judged),
    /// The host did not come to rest in the time of a pause: the search is over.
    NotAtRest,
}

/// How a search is driven.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Levels are whole numbers of users.
    pub users: bool,
    /// How fast the load grows towards a level, a second; none is reached in less than two seconds.
    pub growth: f64,
    /// The slowest answers that a target allows, seconds.
    pub slowest_s: f64,
}

/// Whether a host is plainly down: more wait for an answer than were answered in as long as nobody should wait, so that by Little's
/// law a request takes longer than that.
struct Unanswered {
    patience_s: usize,
    /// Requests that ended in each of the last seconds.
    ended: VecDeque<u64>,
}

impl Unanswered {
    fn new(pace: Pace) -> Self {
        Self { patience_s: HANGS_S.max(HANGS * pace.slowest_s).ceil() as usize, ended: VecDeque::new() }
    }

    /// Another second is over; why the level is to be given up, if it is.
    fn second(&mut self, seen: Seen) -> Option<String> {
        if self.ended.len() == self.patience_s {
            self.ended.pop_front();
        }
        self.ended.push_back(seen.requests);
        let ended: u64 = self.ended.iter().sum();
        let down = self.ended.len() == self.patience_s && seen.outstanding >= LEAST_HANGING && seen.outstanding > ended;
        down.then(|| {
            format!(
                "{} requests wait for an answer, and {} were answered in the last {} s: the host is down",
                format_count(seen.outstanding),
                format_count(ended),
                self.patience_s
            )
        })
    }
}

/// Searches to the end. Gives what the search has come to where the load went on for as long, `None` where it ended before.
pub async fn drive(asked: &AskedSearch, pace: Pace, stage: &mut impl Stage) -> Option<Search> {
    let mut search = Search::new(asked.clone(), pace.users);
    let low = asked.start.min(asked.most) * LOW;
    let low = if pace.users { low.ceil().max(1.0) } else { low };
    let mut at_s = 0.0;
    let mut normal = None;
    let mut last: Option<HeldLevel> = None;
    loop {
        match search.next(at_s) {
            Next::Rest => {
                stage.set(low);
                let failed = search.last() == Some(Outcome::Fail);
                let mut rest = Rest::new(normal, low, calm_s(failed, asked.max_time_s));
                loop {
                    let seen = stage.second().await?;
                    at_s = seen.at_s;
                    match rest.second(seen) {
                        None if at_s < asked.max_time_s => {}
                        None => break,
                        Some(Rested::Yes(now)) => {
                            normal = normal.or(Some(now));
                            break;
                        }
                        Some(Rested::No) => {
                            search.ends();
                            if let Some(last) = &mut last {
                                last.unrecovered = true;
                                stage.note(last.clone());
                            }
                            stage.tell(&Step::NotAtRest);
                            break;
                        }
                    }
                }
                search.rested();
            }
            Next::Hold { level, confirms, .. } => {
                stage.tell(&Step::Holds { level, confirms });
                at_s = hold(asked, pace, level, at_s, low, &mut search, stage, &mut last).await?;
            }
            Next::Done => return Some(search),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "it is the body of a loop")]
/// Holds a level until the search has had enough of it; gives the time.
async fn hold(
    asked: &AskedSearch,
    pace: Pace,
    level: f64,
    mut at_s: f64,
    low: f64,
    search: &mut Search,
    stage: &mut impl Stage,
    last: &mut Option<HeldLevel>,
) -> Option<f64> {
    let growth = pace.growth.min(level / 2.0);
    let mut reached = low.min(level);
    while reached < level && at_s < asked.max_time_s {
        reached = (reached + growth).min(level);
        stage.set(if pace.users { reached.ceil() } else { reached });
        if reached < level {
            at_s = stage.second().await?.at_s;
        }
    }
    let from_s = at_s;
    let mut patience = Patience::new(asked.abort_on);
    let mut unanswered = Unanswered::new(pace);
    loop {
        let Next::Hold { level: held, until_s, look, confirms } = search.next(at_s) else { return Some(at_s) };
        if held != level {
            return Some(at_s);
        }
        let seen = stage.second().await?;
        at_s = seen.at_s;
        let given_up = patience.second(seen.requests, seen.failures).or_else(|| unanswered.second(seen));
        // A second may be a little longer than one.
        if given_up.is_none() && at_s < from_s + until_s - 0.05 {
            continue;
        }
        let is_down = given_up.is_some();
        let held = HeldLevel { from_s, to_s: at_s, level, looks: look, confirms, given_up, unrecovered: false };
        *last = Some(held.clone());
        let judged = stage.look(held).await?;
        search.told(outcome(&judged), at_s);
        stage.tell(&Step::Looked(&judged));
        if is_down {
            return Some(at_s);
        }
    }
}

/// What the search is told of a look.
fn outcome(judged: &Judged) -> Outcome {
    match judged.level.verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::Fail => Outcome::Fail,
        Verdict::Void => Outcome::Void,
        Verdict::Unproven | Verdict::NotMeasured => {
            Outcome::Unproven { looks_good: judged.looks_good, needs_s: judged.needs_s }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(requests: u64, outstanding: u64) -> Seen {
        Seen { at_s: 0.0, outstanding, requests, failures: 0, mean_ms: None }
    }

    fn unanswered(slowest_s: f64) -> Unanswered {
        Unanswered::new(Pace { users: false, growth: 1.0, slowest_s })
    }

    #[test]
    fn a_host_that_answers_nothing_is_down_and_a_slow_one_is_given_its_time() {
        let mut hangs = unanswered(2.0);
        let told: Vec<_> = (1..=10).map(|n| hangs.second(seen(0, 50 * n))).collect();
        assert!(told[..9].iter().all(Option::is_none));
        let why = "500 requests wait for an answer, and 0 were answered in the last 10 s: the host is down";
        assert_eq!(told[9].as_deref(), Some(why));
        let mut slow = unanswered(30.0);
        assert!((1..=40).all(|n| slow.second(seen(0, 50 * n)).is_none()));
    }

    #[test]
    fn a_host_that_falls_over_late_is_down_and_one_with_a_long_queue_is_measured() {
        let mut down = unanswered(0.1);
        assert!((0..200).all(|_| down.second(seen(400, 20)).is_none()));
        assert!((1..=15).any(|n| down.second(seen(40, 360 * n)).is_some()));
        let mut busy = unanswered(0.1);
        assert!((1..=200).all(|_| busy.second(seen(100, 900)).is_none()));
    }
}
