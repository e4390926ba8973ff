//! What probes tell of real servers, judged by what those tell themselves; and a load that does not notice them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::counting::CountingServer;
use crate::support::harness::{Workbench, only_get};
use crate::support::stack::{Nginx, Redis};

/// A figure of `INFO`.
fn info(redis: &Redis, name: &str) -> f64 {
    let text = redis.cli(&["info"]);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    value.trim().parse().unwrap()
}

/// What one probe has in a journal.
#[derive(Debug, Default)]
struct Told {
    seen: Vec<Value>,
    gaps: Vec<String>,
    facts: Value,
}

impl Told {
    fn total(&self, name: &str) -> f64 {
        self.seen.iter().filter_map(|seen| seen["counts"][name].as_f64()).sum()
    }

    fn last(&self, name: &str) -> f64 {
        self.seen.last().unwrap()["gauges"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }
}

/// By kind and name.
fn told(result: &Path) -> BTreeMap<String, Told> {
    let text = std::fs::read_to_string(result.join("samples.ndjson")).unwrap();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = |id: &str| names.get(&line[id].as_u64()?).cloned();
        match line["type"].as_str().unwrap() {
            "probe" => {
                let (kind, which) = (line["kind"].as_str().unwrap(), line["name"].as_str().unwrap_or_default());
                let name = format!("{kind} {which}").trim().to_owned();
                told.entry(name.clone()).or_default().facts = line["facts"].clone();
                names.insert(line["id"].as_u64().unwrap(), name);
            }
            "seen" => told.entry(name("probe").unwrap()).or_default().seen.push(line.clone()),
            "gap" => {
                told.entry(name("probe").unwrap()).or_default().gaps.push(line["why"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
    told
}

/// CPU seconds by `/proc`, of processes and the children that they have waited for.
#[cfg(target_os = "linux")]
fn cpu_s(pids: &[u32]) -> f64 {
    let ticks = |pid: &u32| -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum()
    };
    pids.iter().map(ticks).sum::<f64>() / 100.0
}

#[cfg(target_os = "linux")]
fn with_children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let children = text.split_ascii_whitespace().map(|pid| pid.parse().unwrap());
    std::iter::once(pid).chain(children).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn figures_of_real_servers_agree_with_what_those_tell_themselves() {
    let (nginx, redis, bench) = (Nginx::with_status(), Redis::start(), Workbench::new());
    bench.write("page.toml", &only_get("/page", "{ constant = \"50ms\" }", ""));
    redis.cli(&["set", "here", "x"]);
    let pids = with_children(nginx.pid());
    assert_eq!(pids.len(), 3, "a master with two workers");
    let used_before = cpu_s(&pids);
    let (hits, misses) = (info(&redis, "keyspace_hits"), info(&redis, "keyspace_misses"));
    let url = nginx.url();
    let process = format!("web={}", nginx.pid());
    let (status, cache) = (nginx.status_url(), redis.url());
    let mut args = vec!["run", "-H", &url, "-f", "page.toml", "-u", "20", "-r", "100", "-t", "5s", "--allow-unproven"];
    args.extend(["--nginx", &status, "--redis", &cache, "--process", &process]);
    let running = bench.start(&args);
    bench.wait_for_journal();
    for _ in 0..25 {
        redis.cli(&["get", "here"]);
        redis.cli(&["get", "nowhere"]);
    }
    let outcome = running.finish(Duration::from_mins(2));
    let used_after = cpu_s(&pids);
    outcome.assert_code(0);
    let told = told(&bench.newest_result());
    let [web, cache, host, process] = ["nginx", "redis", "host", "process web"].map(|name| &told[name]);
    for one in [web, cache, host, process] {
        assert!(one.gaps.is_empty() && one.seen.len() >= 4, "{one:#?}\n{outcome}");
    }

    let requests = bench.result()["totals"]["requests"].as_f64().unwrap();
    assert!(requests > 500.0, "{requests}");
    // Users begin in the moment in which the first look counts.
    let by_nginx = web.total("requests");
    assert!(by_nginx <= requests && by_nginx >= requests - 25.0, "{by_nginx} by nginx, {requests} sent");
    assert!(web.total("accepted") <= 20.0 && web.total("dropped") == 0.0, "{web:#?}");
    assert!(web.facts["version"].as_str().unwrap().starts_with("nginx/"), "{:#?}", web.facts);

    assert_eq!((cache.total("hits"), cache.total("misses")), (25.0, 25.0));
    assert_eq!((info(&redis, "keyspace_hits") - hits, info(&redis, "keyspace_misses") - misses), (25.0, 25.0));
    assert_eq!(cache.last("keys"), 1.0);

    let (used, by_proc) = (process.total("cpu_s"), used_after - used_before);
    assert!(used <= by_proc + 0.01 && used >= 0.8 * by_proc - 0.1, "{used} s of CPU told, {by_proc} s by /proc");
    assert_eq!((process.last("processes"), process.last("threads")), (3.0, 3.0));
    let whole = host.total("cpu_s");
    assert!(whole >= used && whole <= host.last("cpus") * outcome.took.as_secs_f64() + 0.1, "{whole} s of all CPUs");
}

#[test]
fn probes_that_hang_change_neither_the_load_nor_its_self_check() {
    // Connections are taken, by the system, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let urls = [
        ("--metrics", format!("http://127.0.0.1:{port}/metrics")),
        ("--nginx", format!("http://127.0.0.1:{port}/nginx_status")),
        ("--redis", format!("redis://:geheim@127.0.0.1:{port}")),
    ];
    let server = Nginx::with_directives("");
    let (with, without) = (Workbench::new(), Workbench::new());
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..2 {
        for (which, bench) in [&with, &without].into_iter().enumerate() {
            bench.write("page.toml", &only_get("/page", "{ constant = \"50ms\" }", ""));
            let host = server.url();
            let mut args = vec!["run", "-H", &host, "-f", "page.toml", "-u", "20", "-r", "100", "-t", "3s"];
            args.extend(["--target", "error_rate=0.99", "--allow-unproven", "--quiet"]);
            if which == 0 {
                args.extend(urls.iter().flat_map(|(flag, url)| [*flag, url.as_str()]));
            }
            let outcome = bench.run(&args);
            assert!(!outcome.timed_out, "round {round}\n{outcome}");
            let result = bench.result();
            let endpoint = &result["endpoints"][0];
            let requests = result["totals"]["requests"].as_f64().unwrap();
            assert_eq!((result["totals"]["failures"].as_u64(), result["partial"].as_bool()), (Some(0), Some(false)));
            measured[which].push((
                requests,
                endpoint["response_time_ms"]["p50"].as_f64().unwrap(),
                result["generators"][0]["schedule_lag_ms"]["p50"].as_f64().unwrap_or(0.0),
                result["generators"][0]["cpu_percent"].as_f64().unwrap(),
                outcome.took.as_secs_f64(),
            ));
        }
    }
    let told = told(&with.newest_result());
    for (name, why) in [("metrics", "no answer within 2 s"), ("nginx", "no answer within 1 s"), ("redis", "no answer")]
    {
        let one = &told[name];
        assert!(one.seen.is_empty() && one.gaps.iter().any(|gap| gap.contains(why)), "{one:#?}");
    }
    // The better of two rounds each: what others do on this machine is in all of them.
    let best = |of: &[(f64, f64, f64, f64, f64)], figure: fn(&(f64, f64, f64, f64, f64)) -> f64| {
        of.iter().map(figure).fold(f64::INFINITY, f64::min)
    };
    let [hung, free] = &measured;
    let most = |of: &[(f64, f64, f64, f64, f64)]| of.iter().map(|one| one.0).fold(0.0, f64::max);
    assert!(most(hung) > 0.9 * most(free), "{measured:#?}");
    assert!(best(hung, |one| one.1) < 2.0 * best(free, |one| one.1) + 2.0, "response times: {measured:#?}");
    assert!(best(hung, |one| one.2) < 2.0 * best(free, |one| one.2) + 2.0, "schedule lag: {measured:#?}");
    assert!(best(hung, |one| one.3) < best(free, |one| one.3) + 10.0, "CPU of the generator: {measured:#?}");
    // The first looks before the load and the last ones after it, each as long as the most patient may take.
    assert!(best(hung, |one| one.4) < best(free, |one| one.4) + 12.0, "the whole run: {measured:#?}");
}

#[test]
fn passwords_of_what_is_watched_are_nowhere() {
    let (server, bench) = (CountingServer::start(), Workbench::new());
    bench.write("page.toml", &only_get("/api/v2/projects", "{ constant = \"50ms\" }", ""));
    let (redis, host) = (Redis::start(), server.url());
    // Nobody listens there any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let urls = [
        redis.url().replace("//", "//:streng-geheim@"),
        format!("http://me:streng-geheim@127.0.0.1:{port}/nginx_status"),
        format!("http://me:streng-geheim@127.0.0.1:{port}/metrics?password=streng-geheim"),
    ];
    let mut args = vec!["run", "-H", &host, "-f", "page.toml", "-u", "2", "-r", "100", "-t", "2s", "--allow-unproven"];
    args.extend(["--redis", &urls[0], "--nginx", &urls[1], "--metrics", &urls[2]]);
    let outcome = bench.run(&args);
    assert!(outcome.stderr.contains("cannot watch nginx: no status page of nginx at http://me:***@"), "{outcome}");
    assert!(outcome.stderr.contains("cannot watch redis: redis://:***@"), "{outcome}");
    assert!(!outcome.to_string().contains("geheim"), "{outcome}");
    let told = told(&bench.newest_result());
    assert!(["redis", "nginx", "metrics"].iter().all(|name| !told[*name].gaps.is_empty()), "{told:#?}");
    let mut folders = vec![bench.newest_result()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains("geheim"), "{}", path.display());
            }
        }
    }
}
