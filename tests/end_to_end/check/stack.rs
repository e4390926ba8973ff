//! The whole stack at once.

use super::{check, serve, with_outcome};
use crate::support::harness::Workbench;
use crate::support::stack::{Nginx, Postgres, Redis};

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
