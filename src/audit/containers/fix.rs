//! What to do about a container: lines for its compose file, or for the engine or its control group where it has none.

use super::super::rule::{Finding, FixKind};
use super::judge::guide;
use super::{Told, Unit};

/// What it must be given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// Bytes at most.
    Memory(u64),
    Cpus(f64),
    /// The guide's reservations, of these.
    Reserved {
        memory: bool,
        cpus: bool,
    },
    /// Bytes at most, and a new start, after it was killed.
    Killed(u64),
}

/// With the lines that give it that.
pub(super) fn apply(found: Finding, unit: &Unit, wanted: Wanted) -> Finding {
    if let Told::Group { memory_file, cpu_file } = &unit.told {
        let write = |file: &Option<String>, value: String| {
            file.as_ref().map_or_else(String::new, |file| format!("echo {value} > '{file}'"))
        };
        return match wanted {
            Wanted::Memory(bytes) | Wanted::Killed(bytes) => {
                found.fix(FixKind::Shell, write(memory_file, bytes.to_string()))
            }
            Wanted::Cpus(cpus) => found.fix(FixKind::Shell, write(cpu_file, quota(cpus, cpu_file.as_deref()))),
            Wanted::Reserved { .. } => found,
        };
    }
    let (reserved_memory, reserved_cpus) = reservations(unit);
    if let Wanted::Killed(bytes) = wanted {
        // Docker keeps twice as much with swap, and refuses memory above that.
        let line = format!(
            "docker update --memory {bytes}b --memory-swap {}b {name} && docker restart {name}",
            2 * bytes,
            name = unit.name
        );
        return found.fix(FixKind::Shell, line);
    }
    let Some(service) = &unit.service else {
        let name = &unit.name;
        let line = match wanted {
            Wanted::Memory(bytes) | Wanted::Killed(bytes) => {
                format!("docker update --memory {bytes}b --memory-swap {}b {name}", 2 * bytes)
            }
            Wanted::Cpus(cpus) => format!("docker update --cpus {cpus} {name}"),
            Wanted::Reserved { .. } => format!("docker update --memory-reservation {reserved_memory}b {name}"),
        };
        return found.fix(FixKind::Shell, line);
    };
    let mebibytes = |bytes: u64| format!("{}M", bytes >> 20);
    let (part, lines) = match wanted {
        Wanted::Memory(bytes) | Wanted::Killed(bytes) => ("limits", vec![format!("memory: {}", mebibytes(bytes))]),
        Wanted::Cpus(cpus) => ("limits", vec![format!("cpus: '{cpus:.1}'")]),
        Wanted::Reserved { memory, cpus } => {
            let memory = memory.then(|| format!("memory: {}", mebibytes(reserved_memory)));
            let cpus = cpus.then(|| format!("cpus: '{reserved_cpus}'"));
            ("reservations", memory.into_iter().chain(cpus).collect())
        }
    };
    let lines: Vec<String> = lines.iter().map(|line| format!("          {line}")).collect();
    let text = format!("    deploy:\n      resources:\n        {part}:\n{}", lines.join("\n"));
    found.fix(FixKind::Compose, of_service(service, &text))
}

/// The guide's, within its limits: more than those an engine refuses.
fn reservations(unit: &Unit) -> (u64, f64) {
    let (memory, cpus) = guide(unit).map_or((64 << 20, 0.1), |guide| (guide.reserved_memory, guide.reserved_cpus));
    (memory.min(unit.memory_limit.unwrap_or(u64::MAX)), cpus.min(unit.cpu_limit.unwrap_or(f64::INFINITY)))
}

/// As version 1 or 2 writes it.
fn quota(cpus: f64, file: Option<&str>) -> String {
    let micros = (cpus * 100_000.0).round() as u64;
    if file.is_some_and(|file| file.ends_with("cpu.max")) { format!("'{micros} 100000'") } else { micros.to_string() }
}

fn of_service(service: &str, text: &str) -> String {
    format!(
        "# merge it into the compose file, or give it as a second one: docker compose -f … -f …\nservices:\n  {service}:\n{text}"
    )
}

/// With the lines of a restart policy.
pub(super) fn restart_policy(found: Finding, unit: &Unit) -> Finding {
    match &unit.service {
        Some(service) => found.fix(FixKind::Compose, of_service(service, "    restart: unless-stopped")),
        None => found.fix(FixKind::Shell, format!("docker update --restart unless-stopped {}", unit.name)),
    }
}

/// With a health check that fits what it is.
pub(super) fn health_check(found: Finding, unit: &Unit) -> Finding {
    let name = format!("{} {}", unit.name, unit.image.as_deref().unwrap_or_default()).to_lowercase();
    let tests = [
        (&["postgres"][..], "[\"CMD\", \"pg_isready\", \"-h\", \"127.0.0.1\"]"),
        (&["valkey"], "[\"CMD\", \"valkey-cli\", \"ping\"]"),
        (&["redis"], "[\"CMD\", \"redis-cli\", \"ping\"]"),
        (&["nginx"], "[\"CMD\", \"curl\", \"-fsS\", \"-o\", \"/dev/null\", \"http://127.0.0.1/api/v2/health\"]"),
    ];
    let known =
        tests.iter().find(|(words, _)| words.iter().any(|word| name.contains(word))).map(|(_, command)| *command);
    // The guide's image is Python's slim one, which has no curl.
    let python = "[\"CMD\", \"python\", \"-c\", \"import urllib.request as r; \
                  r.urlopen('http://127.0.0.1:8000/api/v2/health', timeout=4)\"]";
    let command = known.unwrap_or(python);
    let service = unit.service.as_ref().unwrap_or(&unit.name);
    let lines = format!(
        "    healthcheck:\n      test: {command}\n      interval: 10s\n      timeout: 5s\n      retries: 3\n      start_period: 30s"
    );
    found.fix(FixKind::Compose, of_service(service, &lines))
}

/// With where to look for why.
pub(super) fn look_at(found: Finding, unit: &Unit) -> Finding {
    let name = &unit.name;
    let line = format!("docker inspect --format '{{{{json .State}}}}' {name}; docker logs --tail 100 {name}");
    found.fix(FixKind::Shell, line)
}

/// With twice its CPUs.
pub(super) fn throttle(found: Finding, unit: &Unit) -> Finding {
    let more = unit.cpu_limit.unwrap_or(1.0) * 2.0;
    match unit.told {
        Told::Group { .. } => apply(found, unit, Wanted::Cpus(more)),
        _ => found.fix(FixKind::Shell, format!("docker update --cpus {more} {}", unit.name)),
    }
}
