//! Closed doors of Redis, nginx, the service and containers: a clear line within the timeout, and the others are looked at.

use std::net::TcpListener;
use std::time::Duration;

use super::{check, of, outcome};
use crate::support::faults::refusing;
use crate::support::harness::Workbench;
use crate::support::secure::{Authority, Shown, Speaks};
use crate::support::stack::{Nginx, Redis};

#[test]
fn a_wrong_address_a_server_that_hangs_and_one_that_wants_tls_are_one_clear_line_each() {
    let (bench, redis) = (Workbench::new(), Redis::start());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let secure = Authority::new().serve(Shown::Good, Speaks::Http1);
    let (hangs, closed) = (silent.local_addr().unwrap().to_string(), refusing().to_string());
    let wants_tls = format!("127.0.0.1:{}", secure.port());
    let nginx = Nginx::with_directives("");
    let plain = nginx.url().replace("http://", "");
    let redis_at = format!("127.0.0.1:{}", redis.port());
    for (area, flag, scheme, address, words) in [
        ("app", "-H", "http", &closed, "connection refused"),
        ("app", "-H", "http", &hangs, "no answer within 1 s"),
        ("app", "-H", "http", &wants_tls, "does the host want https:// there?"),
        ("app", "-H", "https", &plain, "TLS with 127.0.0.1"),
        ("cache", "--redis", "redis", &closed, "connection refused"),
        ("cache", "--redis", "redis", &hangs, "no answer within 1 s"),
        ("cache", "--redis", "redis", &wants_tls, "does it want TLS (rediss://)?"),
        ("cache", "--redis", "rediss", &redis_at, "does it speak TLS there?"),
        ("cache", "--redis", "redis", &plain, "is it Redis that listens there"),
        ("proxy", "--nginx", "http", &closed, "connection refused"),
        ("proxy", "--nginx", "http", &hangs, "no answer within 1 s"),
        ("proxy", "--nginx", "http", &wants_tls, "does it want https:// there?"),
        ("proxy", "--nginx", "https", &plain, "does it speak TLS there?"),
        ("proxy", "--nginx", "http", &plain, "is no page of stub_status"),
    ] {
        let url = format!("{scheme}://{address}");
        let (flag_of_other, url_of_other) =
            if area == "cache" { ("-H", format!("http://{plain}")) } else { ("--redis", redis.url()) };
        let both = [flag, &url, flag_of_other, &url_of_other];
        let found = bench.run(&[&["check", "--format", "json", "--timeout", "1s"], &both[..]].concat());
        let json = found.json();
        let rule = format!("{area}.reachable");
        let line = of(&json, &rule)[0]["summary"].as_str().unwrap();
        assert_eq!(of(&json, &rule)[0]["outcome"], "unknown", "{line}");
        assert!(line.contains(words), "{url}: {words:?} is not in {line:?}");
        assert!(line.len() < 300 && !line.contains('\n'), "{line}");
        let others = if area == "cache" { "app.reachable" } else { "cache.reachable" };
        assert_eq!(outcome(&json, others), "pass", "{json:#}");
        assert!(found.took < Duration::from_secs(30), "{:?}", found.took);
    }
    drop(silent);
}

#[test]
fn an_engine_that_hangs_and_a_file_that_is_not_there_are_one_clear_line() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = Workbench::new().with_env("DOCKER_HOST", &format!("tcp://{}", silent.local_addr().unwrap()));
    let hangs = bench.run(&["check", "containers", "--container", "db", "--timeout", "1s"]);
    hangs.assert_code(1);
    assert!(hangs.stdout.contains("does not answer within 1 s"), "{hangs}");
    for (flag, area) in [("--compose", "containers"), ("--nginx-config", "proxy")] {
        let (found, ended) = check(&bench, &[area, flag, "nowhere.file"]);
        let rule = format!("{area}.reachable");
        assert!(of(&found, &rule)[0]["summary"].as_str().unwrap().contains("cannot read nowhere.file"), "{found:#}");
        ended.assert_code(1);
    }
}
