//! Drives a search over a stage: moves the load, counts the seconds, and has each level looked at when it is time; then the levels of
//! the scaling law, where it is asked for and the host comes to rest.

use std::collections::VecDeque;

use super::law::Ladder;
use super::rest::{Normal, Rest, Rested, calm_s};
use super::search::{Next, Outcome, Search};
use crate::judge::{Judged, LawLevel, Verdict};
use crate::load::Patience;
use crate::record::{AskedLaw, AskedSearch, HeldLevel};
use crate::units::format_count;

/// Nobody should wait for an answer so many seconds; where targets allow slower answers, so many times as long as they do.
const HANGS_S: f64 = 10.0;
const HANGS: f64 = 2.0;
const LEAST_HANGING: u64 = 20;
/// Of the first level: the load of a pause.
const LOW: f64 = 0.1;
/// What is reckoned for the pause before a level of the law, seconds.
const PAUSE_S: f64 = 4.0;

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
    /// Arrivals: from now on so many tasks at a time in place of a rate.
    fn set_turns(&mut self, tasks: f64);
    /// Waits for the next second to be over; `None` where the load has ended.
    fn second(&mut self) -> impl Future<Output = Option<Seen>>;
    /// Writes down that a level was held so long, and judges it; `None` where it cannot be judged any more.
    fn look(&mut self, held: HeldLevel) -> impl Future<Output = Option<Judged>>;
    /// Writes down a level of the law, or knows it, and measures it; `None` where it cannot be measured any more.
    fn measure(&mut self, held: HeldLevel) -> impl Future<Output = Option<LawLevel>>;
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
    /// The levels of the scaling law begin.
    Law,
    /// A level of the law was measured.
    Measured(&'a LawLevel),
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
    /// Arrivals: the most tasks at a time.
    pub sessions: u32,
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

/// Searches to the end, and holds the levels of the law. Gives what the search has come to where the load went on for as long,
/// `None` where it ended before.
pub async fn drive(asked: &AskedSearch, pace: Pace, stage: &mut impl Stage) -> Option<Search> {
    let mut search = Search::new(asked.clone(), pace.users);
    let low = asked.start.min(asked.most) * LOW;
    let low = if pace.users { low.ceil().max(1.0) } else { low };
    let mut at_s = 0.0;
    let mut normal = None;
    let mut last: Option<HeldLevel> = None;
    let mut held = Vec::new();
    let mut at_rest = true;
    loop {
        match search.next(at_s) {
            Next::Rest => {
                held.extend(last.clone());
                let failed = search.last() == Some(Outcome::Fail);
                let calm_s = calm_s(failed, asked.max_time_s);
                let rested = rest(stage, (low, calm_s), &mut normal, &mut at_s, asked.max_time_s).await?;
                if let Some(Rested::No | Rested::NotInTime) = rested {
                    search.ends();
                    if let Some(last) = &mut last {
                        last.unrecovered = true;
                        stage.note(last.clone());
                    }
                    // The law has time of its own in which it may.
                    at_rest = rested == Some(Rested::NotInTime);
                    if !at_rest || asked.law.is_none() {
                        stage.tell(&Step::NotAtRest);
                    }
                }
                search.rested();
            }
            Next::Hold { level, confirms, .. } => {
                stage.tell(&Step::Holds { level, confirms });
                at_s = hold(asked, pace, level, at_s, low, &mut search, stage, &mut last).await?;
            }
            Next::Done => break,
        }
    }
    if let Some(law) = asked.law.filter(|_| at_rest) {
        held.extend(last);
        held.dedup_by(|a, b| a.from_s == b.from_s);
        follow_law((asked, law, pace), held, low, normal, at_s, stage).await?;
    }
    Some(search)
}

/// Lets the host come to rest; `None` in it where the time is over before it can be told.
async fn rest(
    stage: &mut impl Stage,
    (low, calm_s): (f64, usize),
    normal: &mut Option<Normal>,
    at_s: &mut f64,
    until_s: f64,
) -> Option<Option<Rested>> {
    stage.set(low);
    let mut rest = Rest::new(*normal, low, calm_s);
    loop {
        let seen = stage.second().await?;
        *at_s = seen.at_s;
        match rest.second(seen) {
            None if *at_s < until_s => {}
            None => return Some(rest.cut_short()),
            told => {
                if let Some(Rested::Yes(now)) = told {
                    *normal = normal.or(Some(now));
                }
                return Some(told);
            }
        }
    }
}

/// Holds the levels of the law, one after the other, each for as long, and after a rest.
async fn follow_law(
    (asked, law, pace): (&AskedSearch, AskedLaw, Pace),
    searched: Vec<HeldLevel>,
    low: f64,
    mut normal: Option<Normal>,
    mut at_s: f64,
    stage: &mut impl Stage,
) -> Option<()> {
    stage.tell(&Step::Law);
    let mut known = Vec::new();
    // Users are users: what the search held counts as well, and nothing is held above what it gave up.
    for held in searched.into_iter().filter(|_| pace.users) {
        let given_up = held.given_up.is_some();
        let level = stage.measure(held).await?;
        known.push((level.level, level.concurrency(), given_up));
    }
    let given_up = known.iter().filter(|known| known.2).map(|known| known.0).reduce(f64::min);
    let most = if pace.users { asked.most } else { f64::from(pace.sessions) };
    let most = given_up.map_or(most, |level| most.min(level - 1.0));
    let mut ladder = Ladder::new(most, known.into_iter().map(|(level, shown, _)| (level, shown)));
    while let Some(level) = ladder.next() {
        let calm_s = calm_s(false, asked.max_time_s);
        match rest(stage, (low, calm_s), &mut normal, &mut at_s, law.until_s).await? {
            Some(Rested::Yes(_)) if at_s + law.hold_s <= law.until_s => {}
            Some(Rested::No | Rested::NotInTime) => {
                stage.tell(&Step::NotAtRest);
                return Some(());
            }
            _ => return Some(()),
        }
        let held = hold_for_law((asked, law, pace), level, low, &mut at_s, stage).await?;
        let given_up = held.given_up.is_some();
        let measured = stage.measure(held).await?;
        ladder.told(level, measured.concurrency(), given_up);
        stage.tell(&Step::Measured(&measured));
        if at_s + PAUSE_S + law.hold_s > law.until_s {
            break;
        }
    }
    stage.set(low);
    Some(())
}

/// Holds a level of the law.
async fn hold_for_law(
    (asked, law, pace): (&AskedSearch, AskedLaw, Pace),
    level: f64,
    low: f64,
    at_s: &mut f64,
    stage: &mut impl Stage,
) -> Option<HeldLevel> {
    if pace.users {
        *at_s = reach(pace, level, *at_s, low, law.until_s, stage).await?;
    } else {
        stage.set_turns(level);
    }
    let from_s = *at_s;
    let mut patience = Patience::new(asked.abort_on);
    let mut unanswered = Unanswered::new(pace);
    loop {
        let seen = stage.second().await?;
        *at_s = seen.at_s;
        let given_up = patience.second(seen.requests, seen.failures).or_else(|| unanswered.second(seen));
        if given_up.is_some() || *at_s >= from_s + law.hold_s - 0.05 {
            let held = HeldLevel {
                from_s,
                to_s: *at_s,
                level,
                looks: 1,
                confirms: false,
                given_up,
                unrecovered: false,
                law: true,
            };
            return Some(held);
        }
    }
}

/// Moves the load up to a level; gives the time.
async fn reach(pace: Pace, level: f64, mut at_s: f64, low: f64, until_s: f64, stage: &mut impl Stage) -> Option<f64> {
    let growth = pace.growth.min(level / 2.0);
    let mut reached = low.min(level);
    while reached < level && at_s < until_s {
        reached = (reached + growth).min(level);
        stage.set(if pace.users { reached.ceil() } else { reached });
        if reached < level {
            at_s = stage.second().await?.at_s;
        }
    }
    Some(at_s)
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
    at_s = reach(pace, level, at_s, low, asked.max_time_s, stage).await?;
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
        let held =
            HeldLevel { from_s, to_s: at_s, level, looks: look, confirms, given_up, unrecovered: false, law: false };
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
        Unanswered::new(Pace { users: false, growth: 1.0, slowest_s, sessions: 100 })
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
