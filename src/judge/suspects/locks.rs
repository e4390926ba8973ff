//! Sessions that wait for each other.

use std::collections::BTreeMap;

use super::view::{View, number, past, short};
use super::{Found, Rule};
use crate::judge::looks::{TimeShare, figure, peak};
use crate::record::{Blocked, ProbeKind};
use crate::units::format_ratio;

/// Of the looks, and how many of them, in which somebody waits for a lock.
const WAITING: f64 = 0.05;
const WAITING_S: f64 = 2.5;
/// Where requests miss a target, so many looks do.
const WAITING_MISSED_S: f64 = 1.5;
/// An open transaction as old as this holds locks, and a connection, for longer than any request should.
const OLD_S: f64 = 5.0;
const IDLE_SHARE: f64 = 0.2;

pub(super) const LOCK_WAITS: Rule = Rule {
    id: "lock_waits",
    threshold: "sessions wait for locks in at least 5 % of the looks and in 3 of them, or in 2 where requests miss a target (our own: a wait that one look a second meets so often lasts long)",
    find: lock_waits,
};

pub(super) const DEADLOCKS: Rule = Rule {
    id: "deadlocks",
    threshold: "at least one deadlock in the run (PostgreSQL's documentation, 13.3.4: each aborts a transaction)",
    find: deadlocks,
};

pub(super) const IDLE_IN_TRANSACTION: Rule = Rule {
    id: "idle_in_transaction",
    threshold: "half of the connections at work are idle in a transaction, and the oldest transaction is at least 5 s old in 20 % of the time (our own)",
    find: idle_in_transaction,
};

fn lock_waits(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let told = ["blocked", "locks_waiting", "waits.Lock"].map(|name| (name, database.share_of_any(name)));
    let (figure, waiting) = told
        .into_iter()
        .filter_map(|(name, share)| Some((name, share?)))
        .max_by(|a, b| a.1.share.total_cmp(&b.1.share))?;
    let TimeShare { share, seconds } = waiting;
    let often = share >= WAITING && seconds >= WAITING_S;
    if !(often || view.missed.is_some() && seconds >= WAITING_MISSED_S) {
        return None;
    }
    let mut evidence = vec![format!(
        "sessions waited for locks in {} of the steady time, up to {} at once",
        format_ratio(share),
        number(database.peak(figure).unwrap_or(0.0))
    )];
    let pairs = pairs(&database.watched.blocked);
    let mut says = "sessions wait for each other's locks".to_owned();
    if let Some((first, times, longest_s)) = pairs.first() {
        says = format!("sessions wait for a lock that others hold: {}", short(&first.statement));
        evidence.push(format!(
            "seen {times} times, the longest after {} s: “{}” waits ({}) for “{}” ({})",
            number(*longest_s),
            short(&first.statement),
            first.lock,
            short(&first.by),
            first.by_state
        ));
    }
    let advice = "shorten the transaction that holds the lock (no waiting for anything else inside it), touch the contended row last, or spread it over several rows".to_owned();
    let subject = database.watched.name.to_string();
    Some(Found { subject, says, evidence, advice, weight: 0.92, severity: past(share, WAITING, 1.0) })
}

/// Who waits for whom, the most often seen first: an example, how often, the longest wait.
fn pairs(blocked: &[Blocked]) -> Vec<(&Blocked, usize, f64)> {
    let mut pairs: BTreeMap<(&str, &str), (&Blocked, usize, f64)> = BTreeMap::new();
    for one in blocked {
        let pair = pairs.entry((one.statement.as_str(), one.by.as_str())).or_insert((one, 0, 0.0));
        pair.1 += 1;
        pair.2 = pair.2.max(one.waited_s);
    }
    let mut pairs: Vec<_> = pairs.into_values().collect();
    pairs.sort_by(|a, b| b.1.cmp(&a.1).then(b.2.total_cmp(&a.2)));
    pairs
}

fn deadlocks(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let count = database.watched.total("deadlocks", f64::NEG_INFINITY, f64::INFINITY).filter(|count| *count >= 1.0)?;
    Some(Found {
        subject: database.watched.name.to_string(),
        says: "transactions deadlock, and PostgreSQL aborts one of each pair".to_owned(),
        evidence: vec![format!("{} deadlocks in the run", number(count))],
        advice: "take locks in the same order everywhere; the server's log names the statements of each deadlock"
            .to_owned(),
        weight: 0.88,
        severity: past(count, 1.0, 100.0),
    })
}

fn idle_in_transaction(view: &View<'_>) -> Option<Found> {
    const IDLE: &str = "connections.idle_in_transaction";
    let database = view.one(ProbeKind::Postgres)?;
    let idle = database.mean(IDLE)?;
    let active = database.mean("connections.active").unwrap_or(0.0);
    let old = |seen: &_| Some((figure(seen, "longest_transaction_s")?, peak(seen, "longest_transaction_s")?));
    let old = database.share_from(OLD_S, old)?;
    if idle < 1.0 || idle < active || old.share < IDLE_SHARE {
        return None;
    }
    Some(Found {
        subject: database.watched.name.to_string(),
        says: "connections sit idle in open transactions".to_owned(),
        evidence: vec![
            format!("on average {} connections idle in a transaction, {} active", number(idle), number(active)),
            format!(
                "a transaction older than 5 s was open in {} of the steady time, the oldest for {} s",
                format_ratio(old.share),
                number(database.peak("longest_transaction_s").unwrap_or(0.0))
            ),
        ],
        advice: "commit before waiting for anything that is not the database; idle_in_transaction_session_timeout ends those that are forgotten".to_owned(),
        weight: 0.6,
        severity: past(old.share, IDLE_SHARE, 1.0),
    })
}
