//! From N users to what they need: pure arithmetic on what a result has proved.
//!
//! **Demand.** By Little's law N users who think Z seconds between tasks, and whose task takes R seconds to be answered, do
//! X = N/(R + P + Z) tasks a second, P being the pauses within a task (J. D. C. Little, "A Proof for the Queuing Formula: L = λW",
//! Operations Research 9 (1961); with think time: the interactive response time law of E. D. Lazowska and others, "Quantitative System Performance", 1984, ch. 3). R was measured
//! between a low load and the edge, so X is a range. Where the edge is in users who think as long, nothing is converted: one instance
//! bears so many of them.
//!
//! **Instances.** One bears what lies between the level that passes and the one that fails, less the headroom. The fewest that may do
//! are the least demand over the most that one bears; the number that is sure to do, the most demand over the least.

use jiff::civil::Date;

use super::Growth;
use super::ground::{End, Ground, PlanError, Response, ground, level};
use crate::judge::{Assumption, Bears, Between, Needed, Origin, Outgrown, Planned, RunResult, Today};
use crate::record::Run;
use crate::units::{counted, format_ms, format_ratio};

/// Kept free where nothing else is said, a fraction.
const HEADROOM: f64 = 0.3;
/// What floating point adds to a whole number makes no instance.
const ROUNDING: f64 = 1e-9;

/// What a plan is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// At the same time.
    pub users: u64,
    /// Mean seconds between a user's tasks; `None`: the result's own.
    pub wait_s: Option<f64>,
    /// The share of the edge that is kept free, below 1; `None`: 30 %.
    pub headroom: Option<f64>,
    /// How fast users become more.
    pub growth: Option<Growth>,
    /// How many instances there are today; `None`: one, where it matters.
    pub instances: Option<u64>,
    /// The day from which growth is reckoned.
    pub today: Date,
}

/// Reckons a plan from a result.
pub fn plan(run: &Run, result: &RunResult, question: &Question) -> Result<Planned, PlanError> {
    reckon(ground(run, result)?, question)
}

/// What users ask for, and what one instance bears of it, in the same unit.
struct Balance {
    unit: &'static str,
    demand: Between,
    requests_per_s: Between,
    bears: (Option<f64>, Option<f64>),
    think_s: Option<f64>,
    pauses_s: Option<f64>,
    response_s: Option<Between>,
}

fn reckon(ground: Ground, question: &Question) -> Result<Planned, PlanError> {
    let balance = balance(&ground, question)?;
    let headroom = question.headroom.unwrap_or(HEADROOM);
    let free = |bears: Option<f64>| bears.map(|bears| bears * (1.0 - headroom));
    let (least, most) = (free(balance.bears.0), free(balance.bears.1));
    let demand = balance.demand;
    let instances =
        Needed { low: most.map(|most| whole(demand.low / most)), high: least.map(|least| whole(demand.high / least)) };
    let have = question.instances.unwrap_or(1);
    let is_asked = question.instances.is_some() || question.growth.is_some();
    let enough = match instances {
        Needed { high: Some(high), .. } if high <= have => Some(true),
        Needed { low: Some(low), .. } if low > have => Some(false),
        _ => None,
    };
    let growth = question.growth.map(|growth| Outgrown {
        share: growth.share,
        per: growth.per.to_owned(),
        from: question.today.to_string(),
        earliest: least.map(|least| growth.reaches(room(least, have, demand.high), question.today)),
        latest: most.map(|most| growth.reaches(room(most, have, demand.low), question.today)),
    });
    Ok(Planned {
        schema: 1,
        proven: ground.doubts.is_empty(),
        users: question.users,
        think_s: balance.think_s,
        pauses_s: balance.pauses_s,
        response_s: balance.response_s,
        demand,
        requests_per_s: balance.requests_per_s,
        headroom,
        instance: Bears { unit: balance.unit.to_owned(), low: least, high: most },
        instances,
        today: is_asked.then_some(Today { instances: have, enough }),
        growth,
        assumptions: assumptions(&ground, question, &balance, headroom, is_asked.then_some(have)),
        warnings: warnings(&ground, question),
        doubts: ground.doubts,
        result: ground.from,
    })
}

/// How many times as much as is asked for so many instances bear.
fn room(bears: f64, instances: u64, demand: f64) -> f64 {
    bears * instances as f64 / demand * (1.0 + ROUNDING)
}

/// So many whole ones: at least one.
fn whole(instances: f64) -> u64 {
    ((instances * (1.0 - ROUNDING)).ceil() as u64).max(1)
}

fn balance(ground: &Ground, question: &Question) -> Result<Balance, PlanError> {
    let users = question.users as f64;
    let ends = |end: Option<End>| end.map(|end| end.level);
    let pauses_s = ground.pauses_s.unwrap_or(0.0);
    let own = |wait: f64| ground.think_s.is_some_and(|think| (think - pauses_s - wait).abs() < ROUNDING);
    if ground.users && question.wait_s.is_none_or(own) {
        let requests = ground.response.map(|response| response.requests_per_level);
        let at_edge = ground.passes.or(ground.fails).map(|end| end.requests_per_s / end.level);
        let requests = requests.or_else(|| at_edge.map(|each| Between::of(each, each)));
        return Ok(Balance {
            unit: "users",
            demand: Between::of(users, users),
            requests_per_s: requests.map_or(Between::of(0.0, 0.0), |each| each.times(users)),
            bears: (ends(ground.passes), ends(ground.fails)),
            think_s: None,
            pauses_s: None,
            response_s: None,
        });
    }
    let think_s = think_s(ground, question)?;
    let away_s = think_s + pauses_s;
    let Response { mean_s, .. } =
        ground.response.ok_or_else(|| PlanError::NoResponseTime { id: ground.from.id.clone() })?;
    let response_s = mean_s.times(ground.requests_per_task);
    let tasks = Between::of(users / (response_s.high + away_s), users / (response_s.low + away_s));
    let requests_per_s = tasks.times(ground.requests_per_task);
    let balance = Balance {
        unit: "arrivals/s",
        demand: tasks,
        requests_per_s,
        bears: (ends(ground.passes), ends(ground.fails)),
        think_s: Some(think_s),
        pauses_s: ground.pauses_s,
        response_s: Some(response_s),
    };
    if !ground.users {
        return Ok(balance);
    }
    // Other users than those of the result: what a host bears is requests. A host past its edge may answer fewer than below it.
    let requests = |end: Option<End>| end.map(|end| end.requests_per_s);
    let most = requests(ground.fails).map(|fails| fails.max(requests(ground.passes).unwrap_or(0.0)));
    Ok(Balance { unit: "requests/s", demand: requests_per_s, bears: (requests(ground.passes), most), ..balance })
}

/// Between tasks; of a result that does not tell pauses within tasks from that, both.
fn think_s(ground: &Ground, question: &Question) -> Result<f64, PlanError> {
    let missing = |why| PlanError::NoThinkTime { id: ground.from.id.clone(), why };
    match question.wait_s.or(ground.think_s) {
        Some(0.0) if question.wait_s.is_none() => {
            Err(missing("is of users who never wait, who ask as fast as they are answered"))
        }
        Some(think_s) if question.wait_s.is_some() => Ok(think_s),
        Some(think_s) => Ok((think_s - ground.pauses_s.unwrap_or(0.0)).max(0.0)),
        None => Err(missing("is of arrivals, and does not say how long users think between them")),
    }
}

fn assumptions(
    ground: &Ground,
    question: &Question,
    balance: &Balance,
    headroom: f64,
    have: Option<u64>,
) -> Vec<Assumption> {
    let flag = |given: bool, or: Origin| if given { Origin::Flag } else { or };
    let mut all = Vec::new();
    let mut add = |what: &str, says: String, from| all.push(Assumption { what: what.to_owned(), says, from });
    let scenario = &ground.from.scenario;
    add("users", format!("{} at the same time", counted(question.users, "user")), Origin::Flag);
    add("what they do", format!("as the scenario {scenario:?} has it, with the data that it met"), Origin::Asked);
    match (balance.think_s, balance.response_s) {
        (Some(think_s), Some(response_s)) => {
            let with = match ground.pauses_s {
                None if question.wait_s.is_none() => ", pauses within tasks included",
                _ => "",
            };
            let says = format!("{} on average between two tasks of a user{with}", format_ms(think_s * 1000.0));
            add("think time", says, flag(question.wait_s.is_some(), Origin::Asked));
            if let Some(pauses_s) = balance.pauses_s.filter(|pauses_s| *pauses_s > 0.0) {
                let says =
                    format!("{} on average within a task, whatever the think time", format_ms(pauses_s * 1000.0));
                add("pauses", says, Origin::Asked);
            }
            let each = ground.requests_per_task;
            let requests = format!("{} a task, log-ins not counted", two_decimals(each));
            add("requests", requests, Origin::Asked);
            add("response time", answered(ground, response_s, each), Origin::Measured);
        }
        _ => add(
            "think time",
            "as long as the result's users; so users are counted as they are".to_owned(),
            Origin::Asked,
        ),
    }
    add("edge", edge(ground), Origin::Measured);
    if balance.unit == "requests/s" {
        let says = "an instance bears as many requests a second, however many users make them".to_owned();
        add("other users", says, Origin::Unmeasured);
    }
    let kept = if headroom > 0.0 {
        format!("{} of the edge are kept free", format_ratio(headroom))
    } else {
        "none is kept free".to_owned()
    };
    add("headroom", kept, flag(question.headroom.is_some(), Origin::Default));
    add("an instance", format!("all that answered at {}, on machines like those", ground.from.host), Origin::Asked);
    add(
        "scaling",
        "instances scale linearly: a load balancer shares evenly, and the database is not the limit".to_owned(),
        Origin::Unmeasured,
    );
    if let Some(law) = &ground.law {
        add("scaling law", law.clone(), Origin::Measured);
    }
    if let Some(have) = have {
        let says = counted(have, "instance");
        add("today", says, flag(question.instances.is_some(), Origin::Default));
    }
    if let Some(growth) = question.growth {
        let says = format!("{} more users each {} from {} on", format_ratio(growth.share), growth.per, question.today);
        add("growth", says, Origin::Flag);
    }
    all
}

/// `12 ms at 10/s to 130 ms at 410/s, for all 2 requests of a task`.
fn answered(ground: &Ground, response_s: Between, each: f64) -> String {
    let Some(Response { at, .. }) = ground.response else { return String::new() };
    let (low, high) = (format_ms(response_s.low * 1000.0), format_ms(response_s.high * 1000.0));
    let of = if (each - 1.0).abs() < ROUNDING { String::new() } else { ", for all requests of a task".to_owned() };
    if at.low < at.high {
        let (from, to) = (level(at.low, ground.users), level(at.high, ground.users));
        format!("{low} to {high} on average, as between {from} and {to}{of}")
    } else {
        format!("{high} on average, as at {}{of}", level(at.high, ground.users))
    }
}

fn edge(ground: &Ground) -> String {
    let confirmed = if ground.from.confirmed { "passes, confirmed" } else { "passes, not confirmed" };
    let show = |end: End| level(end.level, ground.users);
    match (ground.passes, ground.fails) {
        (Some(passes), Some(fails)) => format!("between {} ({confirmed}) and {} (fails)", show(passes), show(fails)),
        (Some(passes), None) => format!("at least {} ({confirmed})", show(passes)),
        (None, Some(fails)) => format!("below {} (fails)", show(fails)),
        (None, None) => "not known".to_owned(),
    }
}

fn two_decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn warnings(ground: &Ground, question: &Question) -> Vec<String> {
    let mut all = Vec::new();
    if ground.pauses_s.is_none() && question.wait_s.is_some() {
        all.push(format!(
            "{} was written by a version that does not tell how long tasks pause within: with --wait they are taken not to; search again where the scenario has pauses, or add them to --wait",
            ground.from.id
        ));
    }
    if !ground.shared.is_empty() {
        all.push(format!(
            "more instances of the API do not move a limit that lies in what they share, and at the edge that stands out: {}",
            ground.shared.join("; ")
        ));
    }
    if ground.reference_service {
        all.push(
            "it was the reference service that was under load, not your own: search with --host to plan for yours"
                .to_owned(),
        );
    }
    if let (Some(passes), None) = (ground.passes, ground.fails) {
        all.push(format!(
            "nothing was shown to fail above {}, so that fewer instances may do as well: how many fewer is not known",
            level(passes.level, ground.users)
        ));
    }
    if let (None, Some(fails)) = (ground.passes, ground.fails) {
        all.push(format!(
            "nothing was shown to pass below {}, so that it may take more instances: how many more is not known",
            level(fails.level, ground.users)
        ));
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "plan_tests.rs"]
mod tests;
