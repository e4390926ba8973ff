//! `agenthub-perf.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::{Failure, check, probes};
use super::capacity::{self, checked, plain};
use super::{
    Layer, Source, parse_abort_on, parse_arrival_rate, parse_arrivals, parse_horizon, parse_scenario, parse_shape,
    parse_spawn_rate, parse_stages, parse_tolerance, parse_users,
};
use crate::document::{Document, Node, Problems, Table};
use crate::judge::Targets;
use crate::report::Export;

/// A configuration file.
#[derive(Debug)]
pub(in crate::cli) struct ConfigFile {
    pub(super) layer: Layer,
    pub(super) profiles: BTreeMap<String, Layer>,
}

impl ConfigFile {
    /// Reads it. Paths in it are relative to its folder.
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read the configuration {}: {error}", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&path.display().to_string(), &text, folder).map_err(Failure::usage)
    }

    fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Problems> {
        let document = Document::parse(name, text)?;
        let mut root = document.root("the configuration");
        let mut profiles = BTreeMap::new();
        if let Some(mut table) = root.take("profiles").and_then(|node| node.table("[profiles]")) {
            for node in table.rest() {
                let place = format!("[profiles.{}]", node.key());
                if let Some(table) = node.table(&place) {
                    profiles.insert(node.key().to_owned(), layer(table, folder));
                }
            }
            table.close();
        }
        let layer = layer(root, folder);
        document.check()?;
        Ok(Self { layer, profiles })
    }
}

fn layer(mut table: Table<'_>, folder: &Path) -> Layer {
    let mut scenarios = Vec::new();
    for node in table.take("scenarios").and_then(|node| node.items()).unwrap_or_default() {
        if let Some(mut file) = node.text().and_then(|text| checked(&node, parse_scenario(text))) {
            file.path = folder.join(file.path);
            scenarios.push(file);
        }
    }
    let texts = |node: Option<Node<'_>>| -> Vec<String> {
        node.and_then(|node| node.texts()).unwrap_or_default().into_iter().map(str::to_owned).collect()
    };
    let layer = Layer {
        source: Source::of(&table),
        scenarios,
        host: table.take("host").and_then(|node| node.filled_text().map(str::to_owned)),
        allow_hosts: texts(table.take("allow_hosts")),
        users: table.take("users").and_then(|node| checked(&node, parse_users(&plain(&node)?))),
        spawn_rate: table.take("spawn_rate").and_then(|node| checked(&node, parse_spawn_rate(&plain(&node)?))),
        run_time: table.take("run_time").and_then(|node| {
            let time = node.duration()?;
            checked(&node, if time.is_zero() { Err("must be above 0".to_owned()) } else { Ok(time) })
        }),
        rate: table.take("rate").and_then(|node| checked(&node, parse_arrival_rate(&plain(&node)?))),
        arrivals: table.take("arrivals").and_then(|node| checked(&node, parse_arrivals(node.text()?))),
        max_users: table.take("max_users").and_then(|node| checked(&node, parse_users(&plain(&node)?))),
        stages: table.take("stages").and_then(|node| checked(&node, parse_stages(node.text()?))),
        shape: table.take("shape").and_then(|node| checked(&node, parse_shape(node.text()?))),
        abort_on: table.take("abort_on").and_then(|node| checked(&node, parse_abort_on(&plain(&node)?))),
        horizon: table.take("horizon").and_then(|node| checked(&node, parse_horizon(&plain(&node)?))),
        targets: table.take("targets").map(|node| targets(&node)).unwrap_or_default(),
        baseline: table.take("baseline").and_then(|node| node.filled_text().map(str::to_owned)),
        tolerance: table.take("tolerance").and_then(|node| checked(&node, parse_tolerance(&plain(&node)?))),
        strict_baseline: table.take("strict_baseline").and_then(|node| node.boolean()),
        label: table.take("label").and_then(|node| node.filled_text().map(str::to_owned)),
        exports: table.take("export").map(|node| exports(&node)).unwrap_or_default(),
        results: table.take("results").and_then(|node| node.filled_text().map(|path| folder.join(path))),
        stop_timeout: table.take("stop_timeout").and_then(|node| node.duration()),
        seed: table.take("seed").and_then(|node| node.integer(0..=i64::MAX)).map(|seed| seed as u64),
        insecure: table.take("insecure").and_then(|node| node.boolean()),
        keep_alive: table.take("keep_alive").and_then(|node| node.boolean()),
        http2: table.take("http2").and_then(|node| node.boolean()),
        allow_unproven: table.take("allow_unproven").and_then(|node| node.boolean()),
        watch: table
            .take("observe")
            .and_then(|node| node.table("[observe]"))
            .map(probes::read_table)
            .unwrap_or_default(),
        refused: Vec::new(),
        search: table
            .take("capacity")
            .and_then(|node| node.table("[capacity]"))
            .map(capacity::read_table)
            .unwrap_or_default(),
        check: table
            .take("check")
            .and_then(|node| node.table("[check]"))
            .map(|table| check::read_table(table, folder))
            .unwrap_or_default(),
    };
    table.close();
    layer
}

fn exports(node: &Node<'_>) -> Vec<Export> {
    let read = |node: &Node<'_>| checked(node, Export::parse(node.text()?));
    node.items().unwrap_or_default().iter().filter_map(read).collect()
}

fn targets(node: &Node<'_>) -> Vec<(String, String)> {
    let Some(mut table) = node.table("[targets]") else { return Vec::new() };
    let mut read = Vec::new();
    for node in table.rest() {
        let Some(limit) = plain(&node) else { continue };
        match Targets::guide().set(node.key(), &limit) {
            Ok(()) => read.push((node.key().to_owned(), limit)),
            Err(error) => node.reject_key(error.to_string(), None),
        }
    }
    table.close();
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Arrivals;
    use std::time::Duration;

    #[test]
    fn a_configuration_is_read_with_its_profiles_and_targets() {
        let text = r#"
host = "http://localhost:8000"
allow_hosts = ["perf.example.com"]
scenarios = ["user.toml:3", "admin.toml"]
run_time = "2m"
keep_alive = false

[targets]
p95_response_time = "500ms"
"error_rate[GET /api/v2/projects]" = "1%"

[observe]
postgres = "postgres://monitor:geheim@127.0.0.1:5432/agenthub"
process = ["api=4711", "nginx"]
container = "db"

[profiles.nightly]
stages = "50:1m,50:10m"
http2 = false

[profiles.open]
rate = "30/min"
arrivals = "constant"
max_users = 7
"#;
        let config = ConfigFile::parse("agenthub-perf.toml", text, Path::new("conf")).unwrap();
        assert_eq!(config.layer.host.as_deref(), Some("http://localhost:8000"));
        assert_eq!(config.layer.run_time, Some(Duration::from_mins(2)));
        assert_eq!((config.layer.keep_alive, config.layer.http2), (Some(false), None));
        assert_eq!(config.profiles["nightly"].http2, Some(false));
        assert_eq!(config.layer.scenarios[0].path, Path::new("conf/user.toml"));
        assert_eq!((config.layer.scenarios[0].weight, config.layer.targets.len()), (3, 2));
        assert_eq!(config.profiles["nightly"].stages.as_ref().map(|read| read.stages.len()), Some(2));
        let watch = &config.layer.watch;
        assert_eq!((watch.containers.len(), watch.processes.len(), watch.redis.is_none()), (1, 2, true));
        assert_eq!(watch.postgres.as_ref().and_then(crate::observe::Address::password).as_deref(), Some("geheim"));
        let open = &config.profiles["open"];
        assert_eq!((open.rate, open.arrivals, open.max_users), (Some(0.5), Some(Arrivals::Constant), Some(7)));
    }

    #[test]
    fn a_load_that_contradicts_itself_is_told_by_its_lines() {
        let read = |text: &str| ConfigFile::parse("agenthub-perf.toml", text, Path::new("")).unwrap();
        let config = read("users = 5\nrate = \"5/s\"\n");
        assert_eq!(
            super::super::merge(&[config.layer]).unwrap_err(),
            "`rate` (agenthub-perf.toml:2) says how many arrivals there are, whatever users do: \
             leave out `users` (agenthub-perf.toml:1), or it"
        );
        let config = read("host = \"http://localhost\"\n\n[profiles.x]\nrun_time = \"5s\"\nstages = \"5:1s\"\n");
        let error = super::super::merge(&[config.profiles["x"].clone()]).unwrap_err();
        assert!(error.starts_with("`stages` (agenthub-perf.toml:5)"), "{error}");
        assert!(error.contains("leave out `run_time` (agenthub-perf.toml:4)"), "{error}");
    }

    #[test]
    fn every_mistake_is_shown_at_its_line() {
        let text = "usres = 5\nusers = 0\nspawn_rate = -1\n\n[targets]\np95_respons_time = \"1s\"\n\n[profiles.x]\nrun_time = \"soon\"\n\n[observe]\npostgres = \"mysql://me:geheim@db/x\"\npg = 1\n";
        let error = ConfigFile::parse("agenthub-perf.toml", text, Path::new("")).unwrap_err().to_string();
        for wanted in [
            "agenthub-perf.toml:1:1: unknown key `usres`",
            "did you mean `users`?",
            "agenthub-perf.toml:2:9: `users`",
            "agenthub-perf.toml:3:14: `spawn_rate`",
            "agenthub-perf.toml:6:1:",
            "agenthub-perf.toml:9:12:",
            "agenthub-perf.toml:12:12: `postgres`",
            "agenthub-perf.toml:13:1: unknown key `pg`",
        ] {
            assert!(error.contains(wanted), "{wanted} is not in\n{error}");
        }
    }
}
