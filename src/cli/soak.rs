//! What is said at the start of a run that judges drift: how long it takes, what is watched for it, and what is not.

use std::path::Path;
use std::time::Duration;

use crate::judge::{TargetName, Targets};
use crate::observe::Watch;
use crate::record::Asked;
use crate::units::{counted, format_duration};

/// Nothing where no horizon was asked for.
pub(super) fn lines(asked: &Asked, targets: &Targets, watched: &Watch, folder: &Path) -> Vec<String> {
    let Some(horizon_s) = asked.horizon_s else { return Vec::new() };
    let duration = |seconds: f64| format_duration(Duration::from_secs_f64(seconds));
    let has = |of: fn(TargetName) -> bool| targets.0.iter().any(|target| of(target.name));
    let mut judged = Vec::new();
    judged.extend(has(|name| matches!(name, TargetName::ResponseTime(_))).then(|| "response times".to_owned()));
    judged.extend(has(|name| name == TargetName::ErrorRate).then(|| "errors".to_owned()));
    let subjects = [(watched.containers.len(), "container"), (watched.processes.len(), "process")];
    let mut memory: Vec<String> =
        subjects.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| several(count, what)).collect();
    memory.extend(asked.judge_machine.then(|| "this machine".to_owned()));
    judged.extend((!memory.is_empty()).then(|| format!("memory of {}", memory.join(", "))));
    let counted_by = [
        (watched.postgres.is_some(), "PostgreSQL"),
        (watched.redis.is_some(), "Redis"),
        (watched.metrics.is_some(), "the service's pool"),
    ];
    let counted_by: Vec<&str> = counted_by.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    judged.extend((!counted_by.is_empty()).then(|| format!("connections of {}", counted_by.join(", "))));
    let mut lines = vec![format!(
        "it takes {}, and judges whether what grows lasts for {}: {}; see how it stands meanwhile with `agenthub-perf report {}`",
        duration(asked.plan.duration_s()),
        in_days(horizon_s),
        if judged.is_empty() { "nothing that is watched has a limit".to_owned() } else { judged.join(", ") },
        folder.display()
    )];
    if memory.is_empty() {
        lines.push(
            "memory is not watched for drift: name --process PID|NAME, --container NAME, or --machine".to_owned(),
        );
    }
    if counted_by.is_empty() {
        lines.push(
            "connections are not watched for drift: name --postgres URL, --redis URL, or --metrics URL".to_owned(),
        );
    }
    lines
}

fn several(count: usize, what: &str) -> String {
    match (count, what) {
        (1, _) | (_, "container") => counted(count as u64, what),
        _ => format!("{count} processes"),
    }
}

/// `7 days`, `12h`.
fn in_days(seconds: f64) -> String {
    let days = seconds / 86_400.0;
    if days >= 1.0 && days.fract() == 0.0 {
        return counted(days as u64, "day");
    }
    format_duration(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::LoadPlan;
    use crate::record::fixture::asked;

    #[test]
    fn a_soak_says_what_it_judges_and_which_flags_would_show_more() {
        let soak = Asked { horizon_s: Some(604_800.0), plan: LoadPlan::users(50, 10.0, 7200.0), ..asked() };
        // Where it lies, and not its id alone: that is looked for in the default folder.
        let folder = Path::new("elsewhere/20261123T081000Z-agenthub-user-3f2a");
        let of_requests = lines(&soak, &Targets::guide(), &Watch::default(), folder);
        assert_eq!(of_requests.len(), 3, "{of_requests:#?}");
        assert!(
            of_requests[0]
                .starts_with("it takes 2h, and judges whether what grows lasts for 7 days: response times, errors;")
        );
        assert!(
            of_requests[0].ends_with("`agenthub-perf report elsewhere/20261123T081000Z-agenthub-user-3f2a`"),
            "{}",
            of_requests[0]
        );
        assert!(of_requests[1].contains("--process PID|NAME") && of_requests[2].contains("--postgres URL"));
        let watched = Watch { containers: vec!["a".into(), "b".into()], ..Watch::default() };
        let with_containers = lines(&soak, &Targets::guide(), &watched, folder);
        assert!(with_containers[0].contains("errors, memory of 2 containers;"), "{}", with_containers[0]);
        assert_eq!(with_containers.len(), 2);
        assert_eq!(lines(&asked(), &Targets::guide(), &Watch::default(), folder), Vec::<String>::new());
    }
}
