//! How long keys live, of a sample of them.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;

use super::super::rule::{Finding, FixKind, Outcome};
use super::LIFETIME;
use super::gather::Seen;

/// Keys whose lifetime is looked at.
const MOST_KEYS: usize = 1000;
/// The guide's lifetimes, seconds.
const LIFETIMES: [(&str, i64); 4] =
    [("user_sessions", 1800), ("user_permissions", 900), ("project_data", 300), ("static_data", 3600)];

/// Of some keys: their first part, and how long they live.
pub(super) async fn lifetimes(
    redis: &mut MultiplexedConnection,
) -> Result<Vec<(Option<String>, i64)>, redis::RedisError> {
    let (mut cursor, mut keys) = (0_u64, Vec::new());
    // Bounded in keys and in questions: a large keyspace is looked at in part.
    for _ in 0..20 {
        let (next, some): (u64, Vec<Vec<u8>>) =
            redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(200).query_async(redis).await?;
        keys.extend(some);
        cursor = next;
        if cursor == 0 || keys.len() >= MOST_KEYS {
            break;
        }
    }
    keys.truncate(MOST_KEYS);
    let mut pipe = redis::pipe();
    for key in &keys {
        pipe.cmd("TTL").arg(key);
    }
    let seconds: Vec<i64> = if keys.is_empty() { Vec::new() } else { pipe.query_async(redis).await? };
    Ok(keys.iter().map(|key| kind(key)).zip(seconds).collect())
}

/// What stands before the first colon: the rest, or a key without one, may be anybody's secret.
fn kind(key: &[u8]) -> Option<String> {
    let key = String::from_utf8_lossy(key);
    key.split_once(':').map(|(kind, _)| kind.chars().take(40).collect())
}

pub(super) fn lifetime(seen: &Seen) -> Finding {
    let keys = match &seen.lifetimes {
        Ok(keys) => keys,
        Err(why) => return LIFETIME.unknown(format!("keys cannot be looked at: {why}")),
    };
    if keys.is_empty() {
        return LIFETIME.not_applicable("there is no key");
    }
    let guide = |kind: &str| LIFETIMES.iter().find(|(name, _)| *name == kind).map(|(_, seconds)| *seconds);
    let of = |kind: &Option<String>| kind.as_deref().and_then(guide);
    let ours = keys.iter().filter(|(kind, _)| of(kind).is_some()).count();
    // −2: gone meanwhile.
    let mut wrong: BTreeMap<(Option<String>, &str), usize> = BTreeMap::new();
    for (kind, seconds) in keys {
        let what = match (seconds, of(kind)) {
            (-1, _) => "live for ever",
            (seconds, Some(most)) if *seconds > most => "live longer than the guide says",
            _ => continue,
        };
        *wrong.entry((kind.clone(), what)).or_default() += 1;
    }
    if wrong.is_empty() {
        return match ours {
            0 => LIFETIME.not_applicable(format!("{} keys, none of a kind that the guide names", keys.len())),
            ours => LIFETIME.pass(format!("{ours} keys of the guide's kinds live no longer than it says")),
        };
    }
    let of_the_guide = wrong.keys().any(|(kind, _)| of(kind).is_some());
    let outcome = if of_the_guide { Outcome::Fail } else { Outcome::Warn };
    let lines = wrong.iter().take(10).map(|((kind, what), count)| {
        let limit = of(kind).map_or_else(String::new, |seconds| format!(" ({seconds} s)"));
        let name = kind.as_ref().map_or_else(|| "without a prefix".to_owned(), |kind| format!("{kind}:…"));
        format!("{count} keys {name} {what}{limit}")
    });
    let mut kinds: Vec<&str> =
        wrong.keys().filter_map(|(kind, _)| kind.as_deref()).filter(|kind| plain(kind)).collect();
    kinds.dedup();
    let found = LIFETIME.found(outcome, "some keys live too long").seen(lines);
    let setex = "# and where they are written, SETEX key seconds value in place of SET key value";
    if kinds.is_empty() {
        return found.fix(FixKind::Words, &setex[2..]);
    }
    // Those that live shorter stay as they are; before 7.0 there is no word for that.
    let only_less = if seen.major() >= 7 { " LT" } else { "" };
    let fixes = kinds.into_iter().take(10).map(|kind| {
        let (cli, seconds) = (&seen.cli, guide(kind).unwrap_or(300));
        let quoted = r#"s/["\\]/\\&/g"#;
        format!("{cli} --scan --pattern '{kind}:*' | sed '{quoted}; s/.*/EXPIRE \"&\" {seconds}{only_less}/' | {cli}")
    });
    found.fix(FixKind::Shell, fixes.collect::<Vec<_>>().join("\n") + "\n" + setex)
}

/// That it can stand in a shell's quotes, and in a pattern.
fn plain(kind: &str) -> bool {
    !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
