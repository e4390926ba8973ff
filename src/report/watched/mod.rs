//! What was watched beside the load, in the words that all reports share: a line a probe, gaps, suspects.

mod line;
mod table;

pub(super) use line::{line, parts};
pub(super) use table::{Row, rows};

use super::words;
use crate::judge::{RunResult, Suspect};
use crate::record::{Gap, ProbeName, Run, Watched};

/// Gaps that are told one by one.
const MOST_GAPS: usize = 3;

/// How to have something watched.
pub(super) const HOW: &str =
    "--postgres URL, --redis URL, --nginx URL, --metrics URL, --container NAME, --process PID|NAME";

/// What came of watching.
pub(super) enum Moved<'a> {
    /// Nobody was asked to watch.
    Unwatched,
    /// Those who were saw nothing.
    Blind,
    /// Nothing stands out, of what these saw; the others saw nothing.
    Nothing(Vec<String>, Vec<String>),
    /// The heaviest first.
    Suspects(&'a [Suspect]),
}

/// What came of watching in this run.
pub(super) fn moved<'a>(run: &Run, result: &'a RunResult) -> Moved<'a> {
    if !result.suspects.is_empty() {
        return Moved::Suspects(&result.suspects);
    }
    if run.watched.is_empty() {
        return Moved::Unwatched;
    }
    let names: Vec<String> = run.watched.iter().filter(|watched| saw(watched)).map(|w| w.name.to_string()).collect();
    let unseen: Vec<String> = run.watched.iter().filter(|watched| !saw(watched)).map(|w| w.name.to_string()).collect();
    if names.is_empty() { Moved::Blind } else { Moved::Nothing(names, unseen) }
}

/// One sentence where there is no suspect; `None` where there is, or nobody watched.
pub(super) fn nothing(moved: &Moved<'_>) -> Option<String> {
    match moved {
        Moved::Nothing(names, unseen) => {
            let told = format!("Nothing stands out in what was watched: {}.", names.join(", "));
            Some(match &**unseen {
                [] => told,
                unseen => format!("{told} Not seen at all: {}.", unseen.join(", ")),
            })
        }
        Moved::Blind => {
            Some("What was to be watched could not be seen: whether something stands out is not known.".into())
        }
        Moved::Unwatched | Moved::Suspects(_) => None,
    }
}

/// Whether it saw anything at all.
pub(super) fn saw(watched: &Watched) -> bool {
    watched.seen.iter().any(|seen| !seen.gauges.is_empty() || !seen.counts.is_empty())
}

/// A name that fits into a file's.
pub(super) fn slug(name: &ProbeName) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    let text: String = name.to_string().chars().map(plain).take(80).collect();
    // Two names that differ only in what a file cannot bear.
    let lost = name.name.chars().any(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
    if lost { format!("{text}-{:08x}", hash(&name.name)) } else { text }
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// When a probe saw nothing and why, in words.
pub(super) fn gaps(watched: &Watched) -> Vec<String> {
    let one = |gap: &Gap| {
        let when = if gap.to_s > gap.from_s {
            words::span(gap.from_s.round(), gap.to_s.round().max(gap.from_s.round() + 1.0))
        } else {
            "before the load".to_owned()
        };
        format!("nothing seen {when}: {}", gap.why)
    };
    // What failed before the load and went on to fail is told once.
    let again = |n: usize, gap: &Gap| {
        let next = watched.gaps.get(n + 1);
        gap.to_s <= gap.from_s && next.is_some_and(|next| next.why == gap.why && next.from_s <= gap.to_s + 0.1)
    };
    let gaps: Vec<&Gap> =
        watched.gaps.iter().enumerate().filter(|(n, gap)| !again(*n, gap)).map(|(_, gap)| gap).collect();
    let mut told: Vec<String> = gaps.iter().take(MOST_GAPS).map(|gap| one(gap)).collect();
    if let Some(rest) = gaps.len().checked_sub(MOST_GAPS).filter(|rest| *rest > 0) {
        told.push(format!("and {rest} more gaps"));
    }
    told
}

/// A chart's caption with the gaps of those that it shows.
pub(super) fn caption(text: &str, of: &[&Watched]) -> String {
    let one = |watched: &&Watched| {
        let told = gaps(watched).join("; ");
        (!told.is_empty()).then(|| sentence(&format!("{}: {told}", watched.name)))
    };
    let gaps: Vec<String> = of.iter().filter_map(one).collect();
    [text.to_owned()].into_iter().chain(gaps).collect::<Vec<_>>().join(" ")
}

/// With a capital and a full stop, where it has no stop of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// A title as it stands within a sentence: CPU stays as it is.
pub(super) fn within(title: &str) -> String {
    let mut chars = title.chars();
    let first = chars.next();
    if chars.clone().next().is_some_and(char::is_uppercase) {
        return title.to_owned();
    }
    first.into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

/// A suspect as plain text: its sentence, and beneath it what speaks for it and what to do.
pub(super) fn suspect_text(suspect: &Suspect) -> String {
    let lines = suspect.evidence.iter().map(|line| format!("  {line}"));
    let lines = [format!("what moved: {}", suspect.says)].into_iter().chain(lines);
    lines
        .chain([format!("  threshold: {}", suspect.threshold), format!("  {}", suspect.advice)])
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;
    use crate::record::ProbeKind;

    #[test]
    fn names_of_files_are_plain_and_told_apart() {
        let of = |name: &str| slug(&ProbeName { kind: ProbeKind::Container, name: name.into(), facts: [].into() });
        assert_eq!(of("db-1"), "container-db-1");
        assert!(of("../../etc").starts_with("container-..-..-etc-"), "{}", of("../../etc"));
        assert!(!of("a/b").contains('/') && of("a/b") != of("a:b"));
    }

    #[test]
    fn nothing_stands_out_only_where_something_was_seen() {
        let (run, result) = example::healthy();
        assert!(nothing(&moved(&run, &result)).unwrap().starts_with("Nothing stands out in what was watched: host, "));
        let (run, result) = example::blind();
        assert!(nothing(&moved(&run, &result)).unwrap().contains("could not be seen"));
        let (run, result) = example::pass();
        assert_eq!(nothing(&moved(&run, &result)), None);
        let (run, result) = example::locked();
        assert!(matches!(moved(&run, &result), Moved::Suspects([_, ..])));
    }

    #[test]
    fn gaps_are_told_with_their_time_and_reason() {
        let (run, _) = example::locked();
        let told: Vec<String> = run.watched.iter().flat_map(gaps).collect();
        assert_eq!(told, ["nothing seen 34–41 s: connection refused: is PostgreSQL running?"]);
    }
}
