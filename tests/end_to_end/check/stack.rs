//! Redis, nginx, the service, containers, this machine.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::{check, fix, of, outcome, serve, with_outcome};
use crate::support::harness::Workbench;
use crate::support::stack::{Nginx, Postgres, Redis};

/// Runs what is printed for redis-cli.
fn apply(redis: &Redis, fix: &str) {
    for line in fix.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('"')).collect();
        redis.cli(&words);
    }
}

#[test]
fn the_whole_stack_is_green_but_for_what_only_a_person_knows() {
    let (bench, postgres, redis) = (Workbench::new(), Postgres::start(), Redis::start());
    let service = serve(&bench, &["--database", &postgres.url(), "--redis", &redis.url(), "--seed-rows", "2000"]);
    let nginx = Nginx::in_front_of(service.url.trim_start_matches("http://"));
    let configuration = nginx.configuration().display().to_string();
    let toml = format!(
        "host = \"{}\"\n[observe]\npostgres = \"{}\"\nredis = \"{}\"\nnginx = \"{}\"\nmetrics = \"{}/metrics\"\n",
        nginx.url(),
        postgres.monitor_url(),
        redis.url(),
        nginx.status_url(),
        service.url
    );
    bench.write("agenthub-perf.toml", &toml);
    let (found, ended) =
        check(&bench, &["--nginx-config", &configuration, "--db-memory", "2G", "--report", "all.html"]);
    for bad in ["fail", "warn", "unknown"] {
        assert_eq!(with_outcome(&found, bad), [""; 0], "{bad}: {found:#}");
    }
    ended.assert_code(0);
    assert_eq!(with_outcome(&found, "manual").len(), 5);
    assert_eq!(with_outcome(&found, "cannot_exist"), [""; 0]);
    let page = std::fs::read_to_string(bench.path().join("all.html")).unwrap();
    assert!(page.contains("db.index.tasks_complex") && !page.contains("only-for-tests"));
    // Without the cache's header nobody knows; without compression, in front and behind, the rule fails.
    let text = std::fs::read_to_string(&configuration).unwrap();
    let spoilt = bench.write("spoilt.conf", &text.replace("gzip on;", "").replace("proxy_cache api_cache;", ""));
    let (found, ended) = check(&bench, &["proxy", "--nginx-config", &spoilt.display().to_string()]);
    ended.assert_code(99);
    assert_eq!(with_outcome(&found, "fail"), ["proxy.gzip", "proxy.static_cache"]);
}

#[test]
fn a_redis_that_is_no_cache_fails_and_is_mended_as_printed() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    let url = redis.url();
    let look = || check(&bench, &["cache", "--redis", &url]);
    let (found, ended) = look();
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
    ended.assert_code(0);
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    redis.cli(&["SET", "user_sessions:geheim", "x", "EX", "99999"]);
    redis.cli(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    redis.cli(&["GET", "user_sessions:geheim"]);
    for _ in 0..3 {
        redis.cli(&["EVAL", "for i = 1, 400 do redis.call('GET', 'none' .. i) end", "0"]);
    }
    let (found, ended) = look();
    ended.assert_code(99);
    assert_eq!(
        with_outcome(&found, "fail"),
        ["cache.memory_limit", "cache.eviction_policy", "cache.hit_rate", "cache.key_lifetimes"],
        "{found:#}"
    );
    assert!(!found.to_string().contains("geheim"), "a key is shown: {found:#}");
    for rule in ["cache.memory_limit", "cache.eviction_policy"] {
        apply(&redis, &fix(&found, rule));
    }
    redis.cli(&["EXPIRE", "user_sessions:geheim", "1800"]);
    for _ in 0..10 {
        redis.cli(&["EVAL", "for i = 1, 1000 do redis.call('GET', 'user_sessions:geheim') end", "0"]);
    }
    let (found, _) = look();
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
}

#[test]
fn a_command_that_holds_redis_up_is_named_without_its_words() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    redis.cli(&["EVAL", "local t = redis.call('TIME')[1] * 1e6 + redis.call('TIME')[2]; local n = 0; while n < 3e7 do n = n + 1 end return 'geheim'", "0"]);
    let (found, _) = check(&bench, &["cache", "--redis", &redis.url(), "--only", "cache.slow_log"]);
    let ours = of(&found, "cache.slow_log");
    assert!(["warn", "fail"].contains(&ours[0]["outcome"].as_str().unwrap()), "{found:#}");
    assert!(found.to_string().contains("EVAL") && !found.to_string().contains("geheim"), "{found:#}");
}

#[test]
fn without_compression_the_rule_fails_and_with_it_it_passes() {
    let bench = Workbench::new();
    for (args, wanted) in [(&["--without", "compression"][..], "fail"), (&[], "pass")] {
        let service = serve(&bench, args);
        let (found, _) = check(&bench, &["app", "-H", &service.url]);
        assert_eq!(outcome(&found, "app.compression"), wanted, "{found:#}");
        for rule in ["app.health", "app.keep_alive", "app.redirects", "app.docs", "app.errors", "app.metrics"] {
            assert_eq!(outcome(&found, rule), "pass", "{rule}: {found:#}");
        }
    }
}

#[test]
fn a_slow_request_that_holds_up_others_is_told_from_one_that_does_not() {
    let bench = Workbench::new();
    let service = serve(&bench, &["--trouble", "GET /api/v2/tasks: delay=fixed(400ms)"]);
    let look = |url: &str| check(&bench, &["app", "-H", url, "--only", "app.event_loop"]).0;
    assert_eq!(outcome(&look(&service.url), "app.event_loop"), "pass");

    // One thread for everything, as an event loop that is blocked.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || blocked(&listener));
    let found = look(&url);
    assert_eq!(outcome(&found, "app.event_loop"), "fail", "{found:#}");
}

/// Answers one request at a time, whatever connection it comes over; `/api/v2/tasks` takes 400 ms.
fn blocked(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let mut streams = Vec::new();
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            streams.push(stream);
        }
        for stream in &mut streams {
            let mut bytes = [0; 4096];
            let Ok(read @ 1..) = stream.read(&mut bytes) else { continue };
            if bytes[..read].starts_with(b"GET /api/v2/tasks ") {
                std::thread::sleep(Duration::from_millis(400));
            }
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}");
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn redirects_and_a_closed_door_are_told() {
    let bench = Workbench::new();
    let nginx = Nginx::with_directives("");
    let (found, _) = check(&bench, &["app", "-H", &nginx.url(), "--only", "app.redirects", "--slow-path", "/moved"]);
    assert_eq!(outcome(&found, "app.redirects"), "fail", "{found:#}");
    assert!(found.to_string().contains("GET /moved: 301"), "{found:#}");
    // The others still look.
    let redis = Redis::start();
    let (found, ended) = check(&bench, &["-H", "http://127.0.0.1:1", "--redis", &redis.url()]);
    assert_eq!(
        (outcome(&found, "app.reachable"), outcome(&found, "cache.reachable")),
        ("unknown".to_owned(), "pass".to_owned())
    );
    ended.assert_code(98);
}

#[test]
fn a_compose_file_is_held_against_the_guide_and_its_mistakes_are_named() {
    let bench = Workbench::new();
    bench.write(
        "docker-compose.yml",
        "services:\n  mcp-backend:\n    image: x\n    restart: always\n    healthcheck: { test: [CMD, true], interval: 10s, timeout: 5s }\n    deploy: { resources: { limits: { memory: 2G, cpus: '2.0' }, reservations: { memory: 512M, cpus: '0.5' } } }\n",
    );
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert_eq!(with_outcome(&found, "fail"), [""; 0], "{found:#}");
    ended.assert_code(0);
    bench.write("docker-compose.yml", "services:\n  mcp-backend:\n    image: x\n");
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert_eq!(with_outcome(&found, "fail").len(), 5, "{found:#}");
    ended.assert_code(99);
    bench.write("docker-compose.yml", "services:\n  a: [\n");
    let (found, ended) = check(&bench, &["containers", "--compose", "docker-compose.yml"]);
    assert!(
        of(&found, "containers.reachable")[0]["summary"].as_str().unwrap().contains("docker-compose.yml: line "),
        "{found:#}"
    );
    ended.assert_code(1);
}

#[test]
fn this_machine_is_looked_at_and_a_load_beyond_its_limits_is_refused() {
    let bench = Workbench::new();
    let (found, _) = check(&bench, &["system", "--planned-load", "10"]);
    assert_eq!(of(&found, "system.cpu").len(), 1);
    assert_eq!(outcome(&found, "system.planned_load"), "pass", "{found:#}");
    let arguments = ["system", "-H", "http://192.0.2.1", "--planned-load", "1000000", "--only", "system.planned_load"];
    let (found, ended) = check(&bench, &arguments);
    assert_eq!(outcome(&found, "system.planned_load"), "fail", "{found:#}");
    ended.assert_code(99);
}

/// Speaks for a Docker engine that knows one container, `db`.
fn engine() -> String {
    let told = r#"{"Id": "3f2a", "Name": "/db", "RestartCount": 0, "State": {"Status": "running", "OOMKilled": true},
        "HostConfig": {"Memory": 2147483648, "MemoryReservation": 1073741824, "NanoCpus": 2000000000, "RestartPolicy": {"Name": "always"}},
        "Config": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 10000000000, "Timeout": 5000000000}}}"#;
    let stats =
        r#"{"cpu_stats": {"throttling_data": {"periods": 1000, "throttled_periods": 300, "throttled_time": 9}}}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let line = String::from_utf8_lossy(&bytes[..read]).lines().next().unwrap_or_default().to_owned();
            let (code, body) = match line {
                line if line.contains("/containers/db/json") => ("200 OK", told),
                line if line.contains("/containers/db/stats") => ("200 OK", stats),
                _ => ("404 Not Found", r#"{"message": "No such container"}"#),
            };
            let head = format!("HTTP/1.1 {code}\r\nContent-Type: application/json\r\nConnection: close\r\n");
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    host
}

#[test]
fn a_running_container_is_asked_of_the_engine_and_one_that_it_does_not_know_is_named() {
    let bench = Workbench::new().with_env("DOCKER_HOST", &engine());
    let (found, ended) = check(&bench, &["containers", "--container", "db"]);
    assert_eq!(with_outcome(&found, "fail"), ["containers.out_of_memory", "containers.throttling"], "{found:#}");
    assert_eq!(outcome(&found, "containers.memory_limit"), "pass");
    assert_eq!(fix(&found, "containers.throttling"), "docker update --cpus 4 db");
    ended.assert_code(99);
    let (found, ended) = check(&bench, &["containers", "--container", "nobody"]);
    let line = of(&found, "containers.reachable")[0]["summary"].as_str().unwrap();
    assert!(line.contains("container nobody") && line.contains("docker ps"), "{line}");
    ended.assert_code(1);
    let bench = Workbench::new().with_env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let (found, ended) = check(&bench, &["containers", "--container", "db"]);
    assert!(of(&found, "containers.reachable")[0]["summary"].as_str().unwrap().contains("no Docker engine answers"));
    ended.assert_code(1);
}
