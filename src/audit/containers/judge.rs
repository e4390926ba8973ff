//! A container against the guide's limits.

use super::super::rule::{Area, Finding, Outcome, Rule};
use super::super::size::format_size;
use super::fix::{Wanted, apply, health_check, look_at, restart_policy, throttle};
use super::{Told, Unit};

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
    "the engine tells no reservation of CPU, a control group none",
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
    "Docker, HEALTHCHECK; own choice: a minute, within which somebody should notice",
    "",
);
static OOM: Rule = rule(
    "containers.out_of_memory",
    &[15],
    "it was not killed for want of memory",
    "Docker: State.OOMKilled; the kernel's cgroups: oom_kill",
    "--container NAME",
);
static RESTARTS: Rule = rule(
    "containers.restarts",
    &[15],
    "it did not have to be started again",
    "Docker: RestartCount",
    "--container NAME that the engine knows",
);
static THROTTLED: Rule = rule(
    "containers.throttling",
    &[15],
    "it waits for its CPU limit in fewer than 5 % of the periods; fails at 25 %",
    "the kernel's sched-bwc: nr_throttled / nr_periods; own choice: one period in twenty shows in the 95th percentile",
    "--container NAME with a CPU limit",
);

pub(super) static RULES: [&Rule; 8] = [&MEMORY, &CPU, &RESERVED, &RESTART, &HEALTH, &OOM, &RESTARTS, &THROTTLED];

/// The guide's limits and reservations of what bears such a name.
#[derive(Debug)]
pub(super) struct Guide {
    word: &'static str,
    pub(super) memory: u64,
    pub(super) cpus: f64,
    pub(super) reserved_memory: u64,
    pub(super) reserved_cpus: f64,
}

const GUIDE: [Guide; 2] = [
    Guide { word: "backend", memory: 2 << 30, cpus: 2.0, reserved_memory: 512 << 20, reserved_cpus: 0.5 },
    Guide { word: "postgres", memory: 2 << 30, cpus: 2.0, reserved_memory: 1 << 30, reserved_cpus: 1.0 },
];

pub(super) fn guide(unit: &Unit) -> Option<&'static Guide> {
    GUIDE.iter().find(|guide| unit.service.as_ref().unwrap_or(&unit.name).to_lowercase().contains(guide.word))
}

pub(super) fn judge(unit: &Unit) -> Vec<Finding> {
    let mut found = vec![memory(unit), cpu(unit), reserved(unit), restart(unit), health(unit)];
    if let Some(running) = &unit.running {
        found.push(match running.oom_kills {
            0 => OOM.pass("it was not"),
            count => {
                let more = unit.memory_limit.map_or(4 << 30, |limit| limit * 2);
                let times = if unit.told == Told::Engine { String::new() } else { format!(" {count} times") };
                apply(OOM.fail(format!("it was killed for want of memory{times}")), unit, Wanted::Killed(more))
            }
        });
        if unit.told == Told::Engine {
            found.push(match running.restarts {
                0 => RESTARTS.pass("none"),
                count => look_at(RESTARTS.warn(format!("it was started again {count} times")), unit),
            });
        }
        found.push(throttled(unit, running.throttled));
    }
    found.into_iter().map(|finding| finding.of(&unit.name)).collect()
}

fn is_group(unit: &Unit) -> bool {
    matches!(unit.told, Told::Group { .. })
}

/// Of what only an engine or a compose file tells.
fn untold(rule: &'static Rule) -> Finding {
    rule.not_applicable("a control group does not tell")
}

fn memory(unit: &Unit) -> Finding {
    let wanted = guide(unit).map_or(2 << 30, |guide| guide.memory);
    let Some(limit) = unit.memory_limit else {
        let found = MEMORY.fail("its memory is not limited: it may take all there is");
        return apply(found, unit, Wanted::Memory(wanted));
    };
    let line = format!("{} of memory", format_size(limit));
    match guide(unit) {
        Some(guide) if limit < guide.memory => {
            let summary = format!("{line}: less than the guide's {}", format_size(guide.memory));
            apply(MEMORY.warn(summary), unit, Wanted::Memory(wanted))
        }
        _ => MEMORY.pass(line),
    }
}

fn cpu(unit: &Unit) -> Finding {
    let wanted = guide(unit).map_or(2.0, |guide| guide.cpus);
    let Some(limit) = unit.cpu_limit else {
        return apply(CPU.fail("its CPU is not limited: it may take all there is"), unit, Wanted::Cpus(wanted));
    };
    let line = format!("{limit} CPUs");
    match guide(unit) {
        Some(guide) if limit < guide.cpus => {
            apply(CPU.warn(format!("{line}: less than the guide's {}", guide.cpus)), unit, Wanted::Cpus(wanted))
        }
        _ => CPU.pass(line),
    }
}

fn reserved(unit: &Unit) -> Finding {
    if is_group(unit) {
        return untold(&RESERVED);
    }
    let (memory, cpus) =
        guide(unit).map_or((1, f64::MIN_POSITIVE), |guide| (guide.reserved_memory, guide.reserved_cpus));
    let memory_missing = unit.memory_reservation.is_none_or(|reserved| reserved < memory);
    let cpus_missing = unit.told == Told::Compose && unit.cpu_reservation.is_none_or(|reserved| reserved < cpus);
    let what = match (memory_missing, cpus_missing) {
        (false, false) => return RESERVED.pass("what the guide says is reserved"),
        (true, true) => "memory and CPU",
        (true, false) => "memory",
        (false, true) => "CPU",
    };
    let found = RESERVED.fail(format!("too little {what} is reserved: others may take it first"));
    apply(found, unit, Wanted::Reserved { memory: memory_missing, cpus: cpus_missing })
}

fn restart(unit: &Unit) -> Finding {
    if is_group(unit) {
        return untold(&RESTART);
    }
    match unit.restart.as_deref() {
        Some(policy @ ("always" | "unless-stopped")) => RESTART.pass(policy),
        Some(policy) if policy.starts_with("on-failure") => RESTART.pass(policy),
        _ => restart_policy(RESTART.fail("once it ends it stays away"), unit),
    }
}

fn health(unit: &Unit) -> Finding {
    if is_group(unit) {
        return untold(&HEALTH);
    }
    if let Some("unhealthy") = unit.running.as_ref().and_then(|running| running.health.as_deref()) {
        return look_at(HEALTH.fail("its health check fails now"), unit);
    }
    let Some(check) = unit.health else {
        return health_check(HEALTH.fail("nobody notices when it no longer works"), unit);
    };
    let line = format!("every {} s, for at most {} s", check.interval_s, check.timeout_s);
    if check.interval_s > 60.0 || check.timeout_s > check.interval_s {
        return health_check(HEALTH.found(Outcome::Warn, line), unit);
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
    throttle(THROTTLED.found(outcome, line), unit)
}

#[cfg(test)]
mod tests {
    use super::super::{Health, Running};
    use super::*;

    fn tuned() -> Unit {
        Unit {
            name: "agenthub-postgres-1".to_owned(),
            told: Told::Engine,
            service: Some("postgres".to_owned()),
            image: None,
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
        let of_a_file = |reserved| {
            move |unit: &mut Unit| {
                (unit.told, unit.running, unit.cpu_reservation) = (Told::Compose, None, reserved);
            }
        };
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
        assert_eq!(outcome(&OOM, running(|now| now.oom_kills = 1)), Outcome::Fail);
        assert_eq!(outcome(&RESTARTS, running(|now| now.restarts = 2)), Outcome::Warn);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = Some((1000, 50)))), Outcome::Warn);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = Some((1000, 250)))), Outcome::Fail);
        assert_eq!(outcome(&THROTTLED, running(|now| now.throttled = None)), Outcome::NotApplicable);
    }

    #[test]
    fn a_fix_is_a_compose_file_that_passes() {
        let name = "postgres".to_owned();
        let bare = Unit { service: Some(name.clone()), name, ..Unit::default() };
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
