//! What a check saw before the load and what stood out under it may be the same thing: each then names the other.

use super::Suspect;
use crate::record::{CheckFinding, CheckOutcome};

/// Findings that one suspect names.
const MOST: usize = 3;

/// Which rules of a check speak of the same as a suspect's, by the suspect's rule; a name matches what begins with it.
const SAME: [(&str, &[&str]); 13] = [
    ("sequential_scan", &["db.index.", "db.foreign_key_index", "db.sequential_scans"]),
    ("lock_waits", &["db.lock_waits"]),
    ("idle_in_transaction", &["db.idle_in_transaction"]),
    ("dominant_statement", &["db.slow_statements"]),
    ("pool_exhausted", &["db.pools_fit"]),
    ("connections_limit", &["db.connections", "db.pools_fit"]),
    ("checkpoints_requested", &["db.checkpoints", "db.setting.max_wal_size"]),
    ("database_reads", &["db.cache_hit", "db.setting.shared_buffers"]),
    ("cache_misses", &["cache.hit_rate"]),
    ("cache_too_small", &["cache.evictions", "cache.memory_limit"]),
    ("throttled", &["containers.throttling", "containers.cpu_limit"]),
    ("cpu_limit", &["containers.cpu_limit"]),
    ("memory_limit", &["containers.memory_limit", "containers.out_of_memory"]),
];

/// Has each name the other.
pub(super) fn agree(suspects: &mut [Suspect], findings: &mut [CheckFinding]) {
    for suspect in suspects {
        let ours = findings.iter_mut().filter(|finding| is_same(suspect, finding));
        let mut names = Vec::new();
        for finding in ours {
            finding.under_load.push(suspect.says.clone());
            names.push(match &finding.subject {
                Some(subject) => format!("{} ({subject})", finding.rule),
                None => finding.rule.clone(),
            });
        }
        if !names.is_empty() {
            names.truncate(MOST);
            suspect.evidence.push(format!("the check before the load found it too: {}", names.join(", ")));
        }
    }
}

fn is_same(suspect: &Suspect, finding: &CheckFinding) -> bool {
    let bad = matches!(finding.outcome, CheckOutcome::Fail | CheckOutcome::Warn);
    let rules = SAME.iter().find(|(rule, _)| *rule == suspect.rule).map_or(&[][..], |(_, rules)| rules);
    bad && rules.iter().any(|rule| finding.rule.starts_with(rule)) && is_of_same(suspect, finding)
}

/// A suspect that speaks of a table or a container, and a finding of another one, are not the same.
fn is_of_same(suspect: &Suspect, finding: &CheckFinding) -> bool {
    let named = ["table ", "container "].iter().find_map(|kind| suspect.subject.strip_prefix(kind));
    match (named, &finding.subject) {
        (Some(name), Some(subject)) => last_part(subject) == last_part(name),
        // A rule that tells of all tables in one finding names them in its evidence.
        (Some(name), None) => {
            let tells =
                |line: &String| line.split([' ', ':', ',', '(', ')']).any(|word| last_part(word) == last_part(name));
            finding.evidence.iter().any(tells)
        }
        (None, _) => true,
    }
}

/// `public."Tasks"` and `Tasks` are the same table here: a suspect's has no schema where there is only one of that name.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspect(rule: &str, subject: &str) -> Suspect {
        Suspect {
            rule: rule.to_owned(),
            subject: subject.to_owned(),
            says: "requests read the whole table tasks over and over".to_owned(),
            evidence: Vec::new(),
            threshold: String::new(),
            advice: String::new(),
            weight: 0.5,
        }
    }

    fn index(subject: &str, outcome: CheckOutcome) -> CheckFinding {
        let subject = Some(subject.to_owned());
        CheckFinding { subject, ..CheckFinding::example("db.index.tasks_complex", outcome, "") }
    }

    #[test]
    fn a_missing_index_that_the_check_saw_and_the_load_felt_is_told_in_both() {
        let mut suspects = [suspect("sequential_scan", "table tasks"), suspect("lock_waits", "postgres")];
        let mut findings = [
            index("public.tasks", CheckOutcome::Fail),
            index("public.projects", CheckOutcome::Fail),
            index("public.tasks", CheckOutcome::Pass),
        ];
        agree(&mut suspects, &mut findings);
        assert_eq!(
            suspects[0].evidence,
            ["the check before the load found it too: db.index.tasks_complex (public.tasks)"]
        );
        assert_eq!(suspects[1].evidence, [""; 0]);
        assert_eq!(findings[0].under_load, ["requests read the whole table tasks over and over"]);
        assert!(findings[1..].iter().all(|finding| finding.under_load.is_empty()), "{findings:#?}");
    }

    #[test]
    fn a_finding_of_several_tables_is_known_by_what_it_names() {
        let mut scans = CheckFinding::example("db.sequential_scans", CheckOutcome::Warn, "");
        scans.evidence = vec!["public.\"Tasks\": 400 scans".to_owned()];
        let same = |table: &str| is_same(&suspect("sequential_scan", table), &scans);
        assert!(same("table Tasks") && !same("table Task"));
    }
}
