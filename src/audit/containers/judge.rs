//! A container against the guide's limits.

use super::super::rule::{Area, Finding, FixKind, Outcome, Rule};
use super::super::size::format_size;
use super::Unit;

const fn rule(
    id: &'static str,
    lines: &'static [u8],
    holds: &'static str,
    source: &'static str,
    applies: &'static str,
) -> Rule {
    Rule { id, area: Area::Containers, lines, section: "Resource Limits", holds, source, applies }
}

const THE_GUIDE: &str = "the guide's docker-compose";

static MEMORY: Rule =
    rule("containers.memory_limit", &[14, 15], "memory is limited; 2G or more for backend and postgres", THE_GUIDE, "");
static CPU: Rule =
    rule("containers.cpu_limit", &[14, 15], "CPU is limited; 2.0 or more for backend and postgres", THE_GUIDE, "");
static RESERVED: Rule = rule(
    "containers.reservations",
    &[15],
    "memory and CPU are reserved; 512M and 0.5 or more for backend, 1G and 1.0 for postgres",
    THE_GUIDE,
    "the engine tells no reservation of CPU",
);
static RESTART: Rule = rule(
    "containers.restart_policy",
    &[15],
    "it comes back: always, unless-stopped or on-failure",
    "Docker, restart policies",
    "",
);
static HEALTH: Rule = rule(
    "containers.health_check",
    &[21],
    "there is a health check, at least once a minute, that gives up before the next; and it finds nothing",
    "Docker, HEALTHCHECK",
    "",
);
static OOM: Rule = rule(
    "containers.out_of_memory",
    &[15],
    "it was not killed for want of memory",
    "State.OOMKilled",
    "--container NAME",
);
static RESTARTS: Rule =
    rule("containers.restarts", &[15], "it did not have to be started again", "RestartCount", "--container NAME");
static THROTTLED: Rule = rule(
    "containers.throttling",
    &[15],
    "it waits for its CPU limit in fewer than 5 % of the periods; fails at 25 %",
    "cgroups: nr_throttled / nr_periods",
    "--container NAME with a CPU limit",
);

pub(super) static RULES: [&Rule; 8] = [&MEMORY, &CPU, &RESERVED, &RESTART, &HEALTH, &OOM, &RESTARTS, &THROTTLED];

/// The guide's limits and reservations of what bears such a name.
struct Guide {
    word: &'static str,
    memory: u64,
    cpus: f64,
    reserved_memory: u64,
    reserved_cpus: f64,
}

const GUIDE: [Guide; 2] = [
    Guide { word: "backend", memory: 2 << 30, cpus: 2.0, reserved_memory: 512 << 20, reserved_cpus: 0.5 },
    Guide { word: "postgres", memory: 2 << 30, cpus: 2.0, reserved_memory: 1 << 30, reserved_cpus: 1.0 },
];

fn guide(unit: &Unit) -> Option<&'static Guide> {
    GUIDE.iter().find(|guide| unit.name.to_lowercase().contains(guide.word))
}

pub(super) fn judge(unit: &Unit) -> Vec<Finding> {
    let mut found = vec![memory(unit), cpu(unit), reserved(unit), restart(unit), health(unit)];
    if let Some(running) = &unit.running {
        found.push(if running.oom_killed {
            let more = unit.memory_limit.map_or(4 << 30, |limit| limit * 2);
            OOM.fail("it was killed for want of memory").fix(FixKind::Shell, update(unit, &format!("--memory {more}b")))
        } else {
            OOM.pass("it was not")
        });
        found.push(match running.restarts {
            0 => RESTARTS.pass("none"),
            count => RESTARTS
                .warn(format!("it was started again {count} times"))
                .fix(FixKind::Shell, format!("docker logs --tail 100 {}", unit.name)),
        });
        found.push(throttled(unit, running.throttled));
    }
    found.into_iter().map(|finding| finding.of(&unit.name)).collect()
}

/// Ready for a compose file, in the guide's form.
fn resources(unit: &Unit) -> String {
    let (memory, cpus, reserved_memory, reserved_cpus) = guide(unit).map_or(("2G", "2.0", "512M", "0.5"), |guide| {
        if guide.word == "postgres" { ("2G", "2.0", "1G", "1.0") } else { ("2G", "2.0", "512M", "0.5") }
    });
    format!(
        "services:\n  {}:\n    deploy:\n      resources:\n        limits:\n          memory: {memory}\n          cpus: '{cpus}'\n        \
         reservations:\n          memory: {reserved_memory}\n          cpus: '{reserved_cpus}'",
        unit.name
    )
}

fn update(unit: &Unit, what: &str) -> String {
    format!("docker update {what} {}", unit.name)
}

fn memory(unit: &Unit) -> Finding {
    let Some(limit) = unit.memory_limit else {
        return MEMORY
            .fail("its memory is not limited: it may take all there is")
            .fix(FixKind::Compose, resources(unit));
    };
    let line = format!("{} of memory", format_size(limit));
    match guide(unit) {
        Some(guide) if limit < guide.memory => {
            let summary = format!("{line}: less than the guide's {}", format_size(guide.memory));
            MEMORY.warn(summary).fix(FixKind::Compose, resources(unit))
        }
        _ => MEMORY.pass(line),
    }
}

fn cpu(unit: &Unit) -> Finding {
    let Some(limit) = unit.cpu_limit else {
        return CPU.fail("its CPU is not limited: it may take all there is").fix(FixKind::Compose, resources(unit));
    };
    let line = format!("{limit} CPUs");
    match guide(unit) {
        Some(guide) if limit < guide.cpus => {
            CPU.warn(format!("{line}: less than the guide's {}", guide.cpus)).fix(FixKind::Compose, resources(unit))
        }
        _ => CPU.pass(line),
    }
}

fn reserved(unit: &Unit) -> Finding {
    let mut missing: Vec<&str> = Vec::new();
    let (memory, cpus) =
        guide(unit).map_or((1, f64::MIN_POSITIVE), |guide| (guide.reserved_memory, guide.reserved_cpus));
    if unit.memory_reservation.is_none_or(|reserved| reserved < memory) {
        missing.push("memory");
    }
    if unit.running.is_none() && unit.cpu_reservation.is_none_or(|reserved| reserved < cpus) {
        missing.push("CPU");
    }
    if missing.is_empty() {
        return RESERVED.pass("what the guide says is reserved");
    }
    let summary = format!("too little {} is reserved: others may take it first", missing.join(" and "));
    RESERVED.fail(summary).fix(FixKind::Compose, resources(unit))
}

fn restart(unit: &Unit) -> Finding {
    match unit.restart.as_deref() {
        Some(policy @ ("always" | "unless-stopped")) => RESTART.pass(policy),
        Some(policy) if policy.starts_with("on-failure") => RESTART.pass(policy),
        _ => {
            let fix = format!("services:\n  {}:\n    restart: unless-stopped", unit.name);
            RESTART.fail("once it ends it stays away").fix(FixKind::Compose, fix)
        }
    }
}

fn health(unit: &Unit) -> Finding {
    let fix = format!(
        "services:\n  {}:\n    healthcheck:\n      test: [\"CMD\", \"curl\", \"-fsS\", \"http://localhost:8000/api/v2/health\"]\n      \
         interval: 10s\n      timeout: 5s\n      retries: 3\n      start_period: 30s",
        unit.name
    );
    if let Some("unhealthy") = unit.running.as_ref().and_then(|running| running.health.as_deref()) {
        let logs = format!("docker inspect --format '{{{{json .State.Health}}}}' {}", unit.name);
        return HEALTH.fail("its health check fails now").fix(FixKind::Shell, logs);
    }
    let Some(check) = unit.health else {
        return HEALTH.fail("nobody notices when it no longer works").fix(FixKind::Compose, fix);
    };
    let line = format!("every {} s, for at most {} s", check.interval_s, check.timeout_s);
    if check.interval_s > 60.0 || check.timeout_s > check.interval_s {
        return HEALTH.found(Outcome::Warn, line).fix(FixKind::Compose, fix);
    }
    HEALTH.pass(line)
}

fn throttled(unit: &Unit, counted: Option<(u64, u64)>) -> Finding {
    let Some((periods, waited)) = counted.filter(|(periods, _)| *periods > 0) else {
        return THROTTLED.not_applicable("no periods are counted: it has no CPU limit");
    };
    let share = waited as f64 / periods as f64;
    let line = format!("it waited in {:.1} % of {periods} periods", 100.0 * share);
    let outcome = match share {
        share if share >= 0.25 => Outcome::Fail,
        share if share >= 0.05 => Outcome::Warn,
        _ => return THROTTLED.pass(line),
    };
    let more = unit.cpu_limit.unwrap_or(1.0) * 2.0;
    THROTTLED.found(outcome, line).fix(FixKind::Shell, update(unit, &format!("--cpus {more}")))
}

#[cfg(test)]
mod tests {
    use super::super::{Health, Running};
    use super::*;

    fn tuned() -> Unit {
        Unit {
            name: "agenthub-postgres-1".to_owned(),
            memory_limit: Some(2 << 30),
            cpu_limit: Some(2.0),
            memory_reservation: Some(1 << 30),
            cpu_reservation: Some(1.0),
            restart: Some("unless-stopped".to_owned()),
            health: Some(Health { interval_s: 10.0, timeout_s: 5.0 }),
            running: Some(Running {
                throttled: Some((1000, 10)),
                health: Some("healthy".to_owned()),
                ..Running::default()
            }),
        }
    }

    fn outcome(rule: &Rule, change: impl Fn(&mut Unit)) -> Outcome {
        let mut unit = tuned();
        change(&mut unit);
        judge(&unit).into_iter().find(|finding| finding.rule.id == rule.id).unwrap().outcome
    }

    #[test]
    fn the_guide_s_limits_pass_and_without_each_its_rule_fails() {
        for rule in RULES {
            assert_eq!(outcome(rule, |_| {}), Outcome::Pass, "{}", rule.id);
        }
        assert_eq!(outcome(&MEMORY, |unit| unit.memory_limit = None), Outcome::Fail);
        assert_eq!(outcome(&MEMORY, |unit| unit.memory_limit = Some(1 << 30)), Outcome::Warn);
        assert_eq!(outcome(&CPU, |unit| unit.cpu_limit = None), Outcome::Fail);
        assert_eq!(outcome(&CPU, |unit| unit.cpu_limit = Some(1.0)), Outcome::Warn);
        assert_eq!(outcome(&RESERVED, |unit| unit.memory_reservation = Some(512 << 20)), Outcome::Fail);
        let of_a_file = |reserved| move |unit: &mut Unit| (unit.running, unit.cpu_reservation) = (None, reserved);
        assert_eq!(outcome(&RESERVED, of_a_file(None)), Outcome::Fail);
        assert_eq!(outcome(&RESERVED, of_a_file(Some(1.0))), Outcome::Pass);
        assert_eq!(outcome(&RESTART, |unit| unit.restart = None), Outcome::Fail);
        assert_eq!(outcome(&RESTART, |unit| unit.restart = Some("no".to_owned())), Outcome::Fail);
        assert_eq!(outcome(&HEALTH, |unit| unit.health = None), Outcome::Fail);
        assert_eq!(
            outcome(&HEALTH, |unit| unit.health = Some(Health { interval_s: 90.0, timeout_s: 5.0 })),
            Outcome::Warn
        );
        let running = |change: fn(&mut Running)| move |unit: &mut Unit| change(unit.running.as_mut().unwrap());
        assert_eq!(outcome(&HEALTH, running(|now| now.health = Some("unhealthy".to_owned()))), Outcome::Fail);
        assert_eq!(outcome(&OOM, running(|now| now.oom_killed = true)), Outcome::Fail);
        assert_eq!(outcome(&RESTARTS, running(|now| now.restarts = 2)), Outcome::Warn);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = Some((1000, 50)))), Outcome::Warn);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = Some((1000, 250)))), Outcome::Fail);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = None)), Outcome::NotApplicable);
    }

    #[test]
    fn a_fix_is_a_compose_file_that_passes() {
        let bare = Unit { name: "postgres".to_owned(), ..Unit::default() };
        for rule in [
            "containers.memory_limit",
            "containers.cpu_limit",
            "containers.reservations",
            "containers.restart_policy",
            "containers.health_check",
        ] {
            let failed = judge(&bare).into_iter().find(|finding| finding.rule.id == rule).unwrap();
            assert_eq!(failed.outcome, Outcome::Fail, "{rule}");
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), failed.fix.unwrap().text).unwrap();
            let mended = super::super::compose::read(file.path()).unwrap().remove(0);
            let again = judge(&mended).into_iter().find(|finding| finding.rule.id == rule).unwrap();
            assert_eq!(again.outcome, Outcome::Pass, "{rule}: {again:?}");
        }
    }
}
