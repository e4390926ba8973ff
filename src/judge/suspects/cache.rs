//! Caches that do not help.

use super::view::{LEAST_REQUESTS, View, number, past};
use super::{Found, Rule};
use crate::judge::looks::{Looks, figure};
use crate::record::{ProbeKind, Seen};
use crate::stats::slope;
use crate::units::format_ratio;

/// Fewer look-ups for each request than this are none: the cache's own, or somebody else's.
const UNUSED: f64 = 0.01;
/// A Redis that does more than this a second is used for something else.
const OTHER_COMMANDS: f64 = 3.0;
/// Statements for each request that a cache could have spared.
const ASKS_DATABASE: f64 = 0.5;
const LEAST_LOOKUPS: f64 = 100.0;
const LOOKUPS_PER_REQUEST: f64 = 0.1;
/// A cache that misses more often than it hits costs more than it spares.
const LOW: f64 = 0.5;
const FALLS_BY: f64 = 0.1;
const EVICTED: f64 = 0.01;
const EVICTING_HITS: f64 = 0.9;

pub(super) const CACHE_UNUSED: Rule = Rule {
    id: "cache_unused",
    threshold: "fewer than 1 look-up in 100 requests, while requests ask the database at least every other time and Redis does nothing else (our own)",
    find: cache_unused,
};

pub(super) const CACHE_MISSES: Rule = Rule {
    id: "cache_misses",
    threshold: "at least 1 look-up in 10 requests, and fewer than 50 % of them hit in the second half of the steady time (our own: what fills up at the start is given that long)",
    find: cache_misses,
};

pub(super) const CACHE_FALLING: Rule = Rule {
    id: "cache_falling",
    threshold: "the hit rate falls by at least 10 percentage points under constant load (upper end of the slope of Theil and Sen; our own)",
    find: cache_falling,
};

pub(super) const CACHE_TOO_SMALL: Rule = Rule {
    id: "cache_too_small",
    threshold: "keys are evicted, 1 for 100 look-ups or more, and fewer than 90 % of look-ups hit (our own)",
    find: cache_too_small,
};

/// Hits and misses, of a look or summed.
#[derive(Clone, Copy)]
struct Lookups {
    hits: f64,
    misses: f64,
}

impl Lookups {
    fn of(seen: &Seen, kind: ProbeKind) -> Option<Self> {
        let (hits, misses) = if kind == ProbeKind::Redis { ("hits", "misses") } else { ("cache_hits", "cache_misses") };
        Some(Self { hits: *seen.counts.get(hits)?, misses: *seen.counts.get(misses)? })
    }

    fn sum(looks: &Looks<'_>) -> Option<Self> {
        Self::sum_of(looks, 0)
    }

    fn sum_of(looks: &Looks<'_>, from: usize) -> Option<Self> {
        let each = looks.seen.iter().skip(from).filter_map(|(seen, _)| Self::of(seen, looks.watched.name.kind));
        each.reduce(|a, b| Self { hits: a.hits + b.hits, misses: a.misses + b.misses })
    }

    fn all(self) -> f64 {
        self.hits + self.misses
    }

    /// The share that hits; `None` where too few were made to tell.
    fn rate(self, requests: f64) -> Option<f64> {
        let enough = self.all() >= LEAST_LOOKUPS && self.all() >= LOOKUPS_PER_REQUEST * requests;
        enough.then(|| self.hits / self.all())
    }
}

const CACHES: &[ProbeKind] = &[ProbeKind::Redis, ProbeKind::Metrics];

fn cache_unused(view: &View<'_>) -> Option<Found> {
    let asked = view.one(ProbeKind::Postgres)?.total("calls")? / view.requests;
    if view.requests < LEAST_REQUESTS || asked < ASKS_DATABASE {
        return None;
    }
    let unused = |looks: &&Looks<'_>| {
        let few = Lookups::sum(looks).is_some_and(|lookups| lookups.all() < UNUSED * view.requests);
        let idle = looks.watched.name.kind != ProbeKind::Redis
            || looks.mean("commands").is_none_or(|commands| commands <= OTHER_COMMANDS);
        few && idle
    };
    // Redis tells it best; where it is used, whatever the service counts of its own is not the cache that matters.
    let redis = view.one(ProbeKind::Redis).filter(|looks| Lookups::sum(looks).is_some());
    let cache = redis.or_else(|| view.one(ProbeKind::Metrics)).filter(unused)?;
    let lookups = Lookups::sum(cache).map_or(0.0, Lookups::all);
    Some(Found {
        subject: cache.watched.name.to_string(),
        says: "the cache is there, but requests do not ask it".to_owned(),
        evidence: vec![
            format!("{} look-ups beside {} requests in the steady time", number(lookups), number(view.requests)),
            format!("{} statements for each request", number(asked)),
        ],
        advice: "see whether the cache is switched on and reached by the service: its settings, its log at the start"
            .to_owned(),
        weight: 0.5,
        severity: past(asked, ASKS_DATABASE, 10.0),
    })
}

fn cache_misses(view: &View<'_>) -> Option<Found> {
    let rate = |looks: &Looks<'_>| Lookups::sum_of(looks, looks.seen.len() / 2)?.rate(view.requests / 2.0);
    let told = view.of(CACHES).filter_map(|looks| Some((looks, rate(looks)?)));
    let (cache, rate) = told.min_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, rate)| *rate < LOW)?;
    let all = Lookups::sum(cache)?;
    Some(Found {
        subject: cache.watched.name.to_string(),
        says: "most look-ups miss the cache".to_owned(),
        evidence: vec![
            format!("{} of look-ups hit in the second half of the steady time", format_ratio(rate)),
            format!("{} hits, {} misses in all of it", number(all.hits), number(all.misses)),
        ],
        advice: "see whether entries live long enough, are thrown away by every write, or are kept under keys that never come again".to_owned(),
        weight: 0.46,
        severity: past(-rate, -LOW, 0.0),
    })
}

fn cache_falling(view: &View<'_>) -> Option<Found> {
    let falls = |looks: &Looks<'_>| {
        Lookups::sum(looks)?.rate(view.requests.min(LEAST_REQUESTS))?;
        let kind = looks.watched.name.kind;
        let point = |(seen, _): &(&Seen, usize)| {
            let lookups = Lookups::of(seen, kind).filter(|lookups| lookups.all() > 0.0)?;
            Some((seen.middle_s(), lookups.hits / lookups.all()))
        };
        let points: Vec<(f64, f64)> = looks.seen.iter().filter_map(point).collect();
        let found = slope(&points)?;
        let seconds = points.last()?.0 - points.first()?.0;
        (-found.high * seconds >= FALLS_BY).then_some((found, seconds))
    };
    let (cache, (found, seconds)) = view.held(CACHES).find_map(|looks| Some((looks, falls(looks)?)))?;
    Some(Found {
        subject: cache.watched.name.to_string(),
        says: "the cache's hit rate falls while the load stays the same".to_owned(),
        evidence: vec![format!(
            "{} at first, {} after {} s",
            format_ratio(found.start),
            format_ratio((found.start + found.value * seconds).max(0.0)),
            number(seconds)
        )],
        advice: "see whether keys are evicted or expire together, and whether the load asks for ever new ones"
            .to_owned(),
        weight: 0.48,
        severity: past(-found.value * seconds, FALLS_BY, 1.0),
    })
}

fn cache_too_small(view: &View<'_>) -> Option<Found> {
    let cache = view.one(ProbeKind::Redis)?;
    let lookups = Lookups::sum(cache)?;
    let evicted = cache.total("evicted")?;
    let rate = lookups.rate(0.0).filter(|rate| *rate < EVICTING_HITS)?;
    if evicted < 1.0 || evicted < EVICTED * lookups.all() {
        return None;
    }
    let mut evidence = vec![format!(
        "{} keys evicted beside {} look-ups, of which {} hit",
        number(evicted),
        number(lookups.all()),
        format_ratio(rate)
    )];
    if let Some(used) = cache.mean_of(|seen| Some(figure(seen, "memory_bytes")? / figure(seen, "memory_limit_bytes")?))
    {
        evidence.push(format!("{} of maxmemory in use", format_ratio(used)));
    }
    Some(Found {
        subject: cache.watched.name.to_string(),
        says: "the cache throws keys away that are asked for again".to_owned(),
        evidence,
        advice: "raise maxmemory, keep less of each entry, or give those that matter less a shorter life".to_owned(),
        weight: 0.47,
        severity: past(evicted / lookups.all(), EVICTED, 0.5),
    })
}
