//! What the database does on disk.

use super::view::{LEAST_REQUESTS, View, bytes, number, past};
use super::{Found, Rule};
use crate::record::{ProbeKind, Seen};
use crate::units::format_ratio;

const BUSY: f64 = 0.9;
const BUSY_SHARE: f64 = 0.2;
const TEMP_PER_REQUEST: f64 = 0.01;
const LEAST_TEMP: f64 = 10.0;
const HITS: f64 = 0.99;
const READS_PER_S: f64 = 100.0;
const REQUESTED: f64 = 0.5;
const LEAST_REQUESTED: f64 = 3.0;

pub(super) const DISK_BUSY: Rule = Rule {
    id: "disk_busy",
    threshold: "a disk is at work at least 90 % of a second in 20 % of the steady time while requests miss a target (our own: a fast disk that is always at work may still be fine)",
    find: disk_busy,
};

pub(super) const TEMP_FILES: Rule = Rule {
    id: "temp_files",
    threshold: "at least 10 temporary files, and 1 for 100 requests (our own: sorts and joins that leave memory)",
    find: temp_files,
};

pub(super) const DATABASE_READS: Rule = Rule {
    id: "database_reads",
    threshold: "fewer than 99 % of blocks are found in the database's cache (pghero) and 100 a second are read, while requests miss a target (our own)",
    find: database_reads,
};

pub(super) const CHECKPOINTS: Rule = Rule {
    id: "checkpoints_requested",
    threshold: "at least 3 checkpoints in the run, most of them on demand and not by time (PostgreSQL's documentation, 30.5: max_wal_size is too small)",
    find: checkpoints,
};

fn disk_busy(view: &View<'_>) -> Option<Found> {
    let missed = view.missed.as_ref()?;
    let machine = view.one(ProbeKind::Host)?;
    let busy =
        machine.share_from(BUSY, |seen: &Seen| Some((seen.figure("disk_busy_s")?, seen.peak("disk_busy_s")?)))?;
    (busy.share >= BUSY_SHARE).then(|| Found {
        subject: machine.watched.name.to_string(),
        says: "the machine's disks are always at work".to_owned(),
        evidence: vec![
            format!("at work 90 % of a second or more in {} of the steady time", format_ratio(busy.share)),
            format!(
                "{} read and {} written a second on average",
                bytes(machine.mean("disk_read_bytes").unwrap_or(0.0)),
                bytes(machine.mean("disk_written_bytes").unwrap_or(0.0))
            ),
            missed.clone(),
        ],
        advice: "see who reads or writes (iotop, pg_stat_io), and whether it must".to_owned(),
        weight: 0.4,
        severity: past(busy.share, BUSY_SHARE, 1.0),
    })
}

fn temp_files(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let files = database.total("temp_files")?;
    if view.requests < LEAST_REQUESTS || files < LEAST_TEMP || files < TEMP_PER_REQUEST * view.requests {
        return None;
    }
    Some(Found {
        subject: database.watched.name.to_string(),
        says: "statements sort or join in temporary files".to_owned(),
        evidence: vec![format!(
            "{} temporary files, {} in all, beside {} requests",
            number(files),
            bytes(database.total("temp_bytes").unwrap_or(0.0)),
            number(view.requests)
        )],
        advice: "raise work_mem (the guide: RAM / max_connections / 2), or let the statement sort fewer rows"
            .to_owned(),
        weight: 0.34,
        severity: past(files / view.requests, TEMP_PER_REQUEST, 1.0),
    })
}

fn database_reads(view: &View<'_>) -> Option<Found> {
    view.missed.as_ref()?;
    let database = view.one(ProbeKind::Postgres)?;
    let (hit, read) = (database.total("blocks_hit")?, database.total("blocks_read")?);
    let (rate, a_second) = (hit / (hit + read), database.mean("blocks_read")?);
    (hit + read > 0.0 && rate < HITS && a_second >= READS_PER_S).then(|| Found {
        subject: database.watched.name.to_string(),
        says: "the database reads much of what it needs from disk".to_owned(),
        evidence: vec![format!(
            "{} of blocks found in its cache, {} blocks (8 kB each) read a second",
            format_ratio(rate),
            number(a_second)
        )],
        advice: "see whether shared_buffers fits the data in use (the guide: 25 % of RAM), and which statements read so much".to_owned(),
        weight: 0.3,
        severity: past(-rate, -HITS, -0.5),
    })
}

fn checkpoints(view: &View<'_>) -> Option<Found> {
    let database = view.one(ProbeKind::Postgres)?;
    let count = |name| database.watched.total(name, f64::NEG_INFINITY, f64::INFINITY);
    let (requested, timed) = (count("checkpoints_requested")?, count("checkpoints_timed").unwrap_or(0.0));
    let share = requested / (requested + timed);
    (requested >= LEAST_REQUESTED && share > REQUESTED).then(|| Found {
        subject: database.watched.name.to_string(),
        says: "checkpoints come on demand, not by time".to_owned(),
        evidence: vec![format!("{} on demand, {} by time in the run", number(requested), number(timed))],
        advice: "raise max_wal_size (the guide: 8GB)".to_owned(),
        weight: 0.28,
        severity: past(share, REQUESTED, 1.0),
    })
}
