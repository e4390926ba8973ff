//! Reads a compose file: limits, reservations, restart policy, health check of each service.

use std::path::Path;

use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

use super::super::size::parse_size;
use super::{Health, Told, Unit};
use crate::units::parse_duration;

/// The services, in the order of the file.
pub(super) fn read(path: &Path) -> Result<Vec<Unit>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    parse(&text, &|name| std::env::var(name).ok()).map_err(|why| format!("{shown}: {why}"))
}

fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Unit>, String> {
    let documents =
        YamlLoader::load_from_str(text).map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
    let root = documents.first().ok_or("it is empty")?;
    let services = root["services"].as_hash().ok_or("it has no `services`")?;
    services.iter().map(|(name, service)| unit(name.as_str().unwrap_or("?"), &merged(service), variable)).collect()
}

/// With what `<<` merges into it.
fn merged(of: &Yaml) -> Yaml {
    let Some(hash) = of.as_hash() else { return of.clone() };
    let mut whole = Hash::new();
    match hash.get(&Yaml::String("<<".to_owned())) {
        Some(Yaml::Array(several)) => {
            for one in several.iter().rev() {
                whole.extend(merged(one).into_hash().unwrap_or_default());
            }
        }
        Some(one) => whole.extend(merged(one).into_hash().unwrap_or_default()),
        None => {}
    }
    for (key, value) in hash {
        if key.as_str() != Some("<<") {
            whole.insert(key.clone(), merged(value));
        }
    }
    Yaml::Hash(whole)
}

fn unit(name: &str, service: &Yaml, variable: &dyn Fn(&str) -> Option<String>) -> Result<Unit, String> {
    let text = |value: &Yaml, key: &str| -> Result<Option<String>, String> {
        let plain = match value {
            Yaml::String(text) | Yaml::Real(text) => text.clone(),
            Yaml::Integer(number) => number.to_string(),
            Yaml::Boolean(flag) => flag.to_string(),
            _ => return Ok(None),
        };
        filled(&plain, variable).map(Some).map_err(|why| format!("service {name}: {key}: {why}"))
    };
    let size = |value: &Yaml, key: &str| -> Result<Option<u64>, String> {
        let text = text(value, key)?.filter(|text| text != "0");
        text.map(|text| parse_size(&text).map_err(|why| format!("service {name}: {key}: {why}"))).transpose()
    };
    let cpus = |value: &Yaml, key: &str| -> Result<Option<f64>, String> {
        let problem = |text: &str| format!("service {name}: {key}: {text:?} is no number of CPUs, e.g. '2.0'");
        let text = text(value, key)?;
        text.map(|text| text.parse::<f64>().map_err(|_| problem(&text))).transpose().map(|n| n.filter(|n| *n > 0.0))
    };
    let resources = &service["deploy"]["resources"];
    let (limits, reservations) = (&resources["limits"], &resources["reservations"]);
    let policy = &service["deploy"]["restart_policy"];
    let restart = match text(&service["restart"], "restart")? {
        Some(restart) => Some(restart),
        None if policy.is_badvalue() => None,
        None => Some(match text(&policy["condition"], "condition")?.as_deref() {
            None | Some("any") => "always".to_owned(),
            Some("none") => "no".to_owned(),
            Some(other) => other.to_owned(),
        }),
    };
    let check = &service["healthcheck"];
    let off = check["disable"].as_bool() == Some(true)
        || check["test"].as_vec().is_some_and(|test| test.first().and_then(Yaml::as_str) == Some("NONE"));
    let seconds = |key: &str, default: f64| -> Result<f64, String> {
        let problem = |why: String| format!("service {name}: healthcheck: {key}: {why}");
        match text(&check[key], key)? {
            None => Ok(default),
            Some(text) => {
                parse_duration(&text).map(|time| time.as_secs_f64()).map_err(|error| problem(error.to_string()))
            }
        }
    };
    let health = if check.is_badvalue() || off {
        None
    } else {
        Some(Health { interval_s: seconds("interval", 30.0)?, timeout_s: seconds("timeout", 30.0)? })
    };
    Ok(Unit {
        name: name.to_owned(),
        told: Told::Compose,
        service: Some(name.to_owned()),
        // Its name serves to tell what it is: a variable in it need not be filled in.
        image: service["image"].as_str().map(str::to_owned),
        memory_limit: size(&limits["memory"], "memory")?.or(size(&service["mem_limit"], "mem_limit")?),
        cpu_limit: cpus(&limits["cpus"], "cpus")?.or(cpus(&service["cpus"], "cpus")?),
        memory_reservation: size(&reservations["memory"], "memory")?
            .or(size(&service["mem_reservation"], "mem_reservation")?),
        cpu_reservation: cpus(&reservations["cpus"], "cpus")?,
        restart: restart.map(|word| if word == "false" { "no".to_owned() } else { word }),
        health,
        running: None,
    })
}

/// With `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `$NAME` filled in.
fn filled(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        whole.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            whole.push('$');
            rest = after;
            continue;
        }
        let (inside, after) = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or_else(|| format!("{text:?} has no `}}`"))?,
            None => rest.split_at(rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())),
        };
        let name_ends = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
        let (name, otherwise) = inside.split_at(name_ends);
        let value = variable(name).filter(|value| !(otherwise.starts_with(':') && value.is_empty()));
        let default = otherwise.strip_prefix(":-").or_else(|| otherwise.strip_prefix('-'));
        match (value, default) {
            (Some(value), _) => whole.push_str(&value),
            (None, Some(default)) => whole.push_str(default),
            (None, None) => return Err(format!("the variable {name} is not set: set it as for docker compose")),
        }
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Unit>, String> {
        parse(text, &|name| (name == "MEM").then(|| "3G".to_owned()))
    }

    #[test]
    fn the_guide_s_services_are_read() {
        let units = of("
services:
  mcp-backend:
    restart: unless-stopped
    healthcheck: { test: [CMD, true], interval: 10s, timeout: 1m30s }
    deploy: { resources: { limits: { memory: 2G, cpus: '2.0' }, reservations: { memory: 512M, cpus: 0.5 } } }
  postgres: { mem_limit: 1g, cpus: 1, healthcheck: { disable: true }, deploy: { restart_policy: { condition: any } } }
")
        .unwrap();
        assert_eq!(
            units[0],
            Unit {
                name: "mcp-backend".to_owned(),
                told: Told::Compose,
                service: Some("mcp-backend".to_owned()),
                image: None,
                memory_limit: Some(2 << 30),
                cpu_limit: Some(2.0),
                memory_reservation: Some(512 << 20),
                cpu_reservation: Some(0.5),
                restart: Some("unless-stopped".to_owned()),
                health: Some(Health { interval_s: 10.0, timeout_s: 90.0 }),
                running: None,
            }
        );
        let postgres = &units[1];
        assert_eq!((postgres.memory_limit, postgres.cpu_limit, postgres.health), (Some(1 << 30), Some(1.0), None));
        assert_eq!(postgres.restart.as_deref(), Some("always"));
    }

    #[test]
    fn variables_anchors_and_merges_are_followed() {
        let units = of("
x-limits: &limits
  deploy: { resources: { limits: { memory: '${MEM:-1G}', cpus: '${CPUS:-1.5}' } } }
services:
  a:
    <<: *limits
    restart: always
")
        .unwrap();
        assert_eq!((units[0].memory_limit, units[0].cpu_limit), (Some(3 << 30), Some(1.5)));
        let error = of("services: { a: { mem_limit: '${NOTHING}' } }").unwrap_err();
        assert!(error.contains("service a") && error.contains("NOTHING"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wanted) in [
            ("services:\n  a: [\n", "line "),
            ("", "empty"),
            ("version: '3'", "no `services`"),
            ("services: { a: { mem_limit: lots } }", "service a: mem_limit"),
            ("services: { a: { cpus: many } }", "service a: cpus"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
