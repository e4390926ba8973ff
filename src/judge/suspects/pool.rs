//! Connections that run out.

use super::view::{View, number, past};
use super::{Found, Rule};
use crate::judge::looks::{figure, peak};
use crate::record::{ProbeKind, Seen};
use crate::units::format_ratio;

/// Looks in which requests wait for a connection: one look a second meets only what lasts.
const WAITING: f64 = 0.05;
const WAITING_S: f64 = 2.5;
/// Requests that had to wait, where the service counts them: of all its requests, and so many.
const WAITED: f64 = 0.02;
const LEAST_WAITS: f64 = 50.0;
/// All connections in use, where nobody tells who waits.
const ALL_IN_USE: f64 = 0.2;
/// Of the connections that the database takes: `check_postgres` warns there.
const MOST_CONNECTIONS: f64 = 0.9;

pub(super) const POOL_EXHAUSTED: Rule = Rule {
    id: "pool_exhausted",
    threshold: "at least 2 % of the requests, and 50, had to wait for a database connection, or some wait in 5 % of the looks and in 3 of them, or, where the service does not tell, all its connections are in use in 20 % (our own)",
    find: pool_exhausted,
};

pub(super) const CONNECTIONS_LIMIT: Rule = Rule {
    id: "connections_limit",
    threshold: "at least 90 % of the connections that the database takes are in use (check_postgres: warning at 90 %, critical at 95 %)",
    find: connections_limit,
};

pub(super) const CONNECTIONS_REFUSED: Rule = Rule {
    id: "connections_refused",
    threshold: "nginx drops or Redis rejects a connection (nginx's documentation: accepts and handled are the same unless a limit is reached)",
    find: connections_refused,
};

fn pool_exhausted(view: &View<'_>) -> Option<Found> {
    let service = view.one(ProbeKind::Metrics)?;
    let full = |seen: &Seen| {
        let size = figure(seen, "pool_size").filter(|size| *size > 0.0)?;
        Some((figure(seen, "connections")? / size, peak(seen, "connections")? / size))
    };
    let full = service.share_from(1.0, full);
    let waits = service.total("pool_waits").filter(|waits| *waits >= LEAST_WAITS);
    let waited = waits.and_then(|waits| {
        let share = waits / service.total("requests").filter(|requests| *requests > 0.0)?;
        (share >= WAITED).then_some((waits, share))
    });
    let (waiting, share) = match service.share_of_any("pool_waiting") {
        Some(waiting) if waiting.share >= WAITING && waiting.seconds >= WAITING_S => (Some(waiting), waiting.share),
        Some(_) if waited.is_some() => (None, waited.map_or(0.0, |(_, share)| share)),
        Some(_) => return None,
        None => (None, full.filter(|full| full.share >= ALL_IN_USE)?.share),
    };
    let size = service.peak("pool_size");
    let mut evidence = Vec::new();
    if let Some((waits, share)) = waited {
        evidence.push(format!(
            "{} requests had to wait for a connection, {} of all",
            number(waits),
            format_ratio(share)
        ));
    }
    if let Some(waiting) = waiting {
        evidence.push(format!(
            "requests waited for a connection in {} of the steady time: {} on average, up to {} at once",
            format_ratio(waiting.share),
            number(service.mean("pool_waiting").unwrap_or(0.0)),
            number(service.peak("pool_waiting").unwrap_or(0.0))
        ));
    }
    if let Some(full) = full {
        evidence.push(format!("all its connections were in use in {} of the steady time", format_ratio(full.share)));
    }
    if let (Some(size), Some(used)) = (size, service.mean("connections")) {
        evidence.push(format!("{} of {} connections in use on average", number(used), number(size)));
    }
    // Statements at work at once, on average: time in them each second.
    let busy = view.one(ProbeKind::Postgres).and_then(|database| database.mean("exec_ms")).map(|ms| ms / 1000.0);
    if let Some(busy) = busy {
        evidence.push(format!("statements at work at once, on average: {}", number(busy)));
    }
    let advice = match (busy, size) {
        (Some(busy), Some(size)) if busy >= 0.5 * size => {
            "the connections are busy with statements: make those faster first, then look at the pool's size"
        }
        _ => {
            "give the pool more connections (the guide: 20, and 30 more when busy), and hand each back as soon as its statement is done"
        }
    };
    Some(Found {
        subject: service.watched.name.to_string(),
        says: match size {
            Some(size) => format!("requests wait for one of the pool's {} database connections", number(size)),
            None => "requests wait for a database connection".to_owned(),
        },
        evidence,
        advice: advice.to_owned(),
        weight: 0.57,
        severity: past(share, WAITING, 1.0),
    })
}

fn connections_limit(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let (used, limit) = (database.peak("connections")?, database.peak("connections_limit")?);
    let share = used / limit;
    (limit > 0.0 && share >= MOST_CONNECTIONS).then(|| Found {
        subject: database.watched.name.to_string(),
        says: "the database is about to run out of connections".to_owned(),
        evidence: vec![format!(
            "up to {} connections of the {} that it takes, {} on average",
            number(used),
            number(limit),
            number(database.mean("connections").unwrap_or(used))
        )],
        advice: "let services share connections (a pool in each, PgBouncer in front) before raising max_connections"
            .to_owned(),
        weight: 0.54,
        severity: past(share, MOST_CONNECTIONS, 1.0),
    })
}

fn connections_refused(view: &View<'_>) -> Option<Found> {
    let refused = [(ProbeKind::Nginx, "dropped", "accepted"), (ProbeKind::Redis, "rejected", "commands")];
    let found = refused.into_iter().filter_map(|(kind, refused, of)| {
        let probe = view.one(kind)?;
        let count = probe.total(refused).filter(|count| *count >= 1.0)?;
        Some((probe, count, probe.total(of)))
    });
    let (probe, count, accepted) = found.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let nginx = probe.watched.name.kind == ProbeKind::Nginx;
    let mut evidence = vec![format!("{} connections refused in the steady time", number(count))];
    if let Some(accepted) = accepted.filter(|_| nginx) {
        evidence.push(format!("{} accepted in the same time", number(accepted)));
    }
    Some(Found {
        subject: probe.watched.name.to_string(),
        says: format!("{} refuses connections", probe.watched.name),
        evidence,
        advice: if nginx {
            "raise worker_connections, with worker_rlimit_nofile above it"
        } else {
            "raise maxclients, or let clients share connections"
        }
        .to_owned(),
        weight: 0.55,
        severity: past(count, 1.0, 100.0),
    })
}
