//! The reference service on a real PostgreSQL and Redis: it answers as it does from memory, and each tuning that is taken
//! away shows where it should.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::asking::{Answer, ask};
use crate::support::harness::{Outcome, Workbench};
use crate::support::service::{Service, eventually};
use crate::support::stack::{Postgres, Redis};

const LOGIN: &str = "/api/v2/auth/login";
const PROJECTS: &str = "/api/v2/projects";
const TASKS: &str = "/api/v2/tasks";

/// A value with every leaf replaced by its kind, and ids by one word.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => "text".into(),
        Value::Number(_) => "number".into(),
        other => other.clone(),
    }
}

#[test]
fn the_same_requests_get_the_same_answers_from_memory_and_from_real_parts() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let services = [
        Service::start(&[]),
        Service::start(&["--redis", &redis.url()]),
        Service::start(&["--database", &postgres.url()]),
        Service::start(&["--database", &postgres.url(), "--redis", &redis.url()]),
    ];
    let answers: Vec<Vec<(String, u16, Value)>> = services
        .iter()
        .enumerate()
        .map(|(number, service)| {
            let token = service.token(&format!("somebody{number}@example.com"));
            let task = r#"{"title": "a", "description": "b"}"#;
            [
                ("POST", LOGIN, "", r#"{"email": "a@example.com", "password": "x"}"#),
                ("POST", LOGIN, "", r#"{"email": "a"}"#),
                ("GET", PROJECTS, "", ""),
                ("GET", PROJECTS, "Authorization: Bearer guessed", ""),
                ("GET", TASKS, &token, ""),
                ("POST", TASKS, &token, task),
                ("POST", TASKS, &token, r#"{"title": "c", "status": "done", "priority": "high"}"#),
                ("POST", TASKS, &token, r#"{"title": 7}"#),
                ("GET", TASKS, &token, ""),
                ("GET", "/api/v2/tasks?status=done", &token, ""),
                ("GET", "/api/v2/tasks?limit=1&offset=1", &token, ""),
                ("GET", "/api/v2/tasks?offset=9", &token, ""),
                ("GET", "/api/v2/tasks?limit=0", &token, ""),
                ("GET", "/api/v2/tasks?limit=many", &token, ""),
                ("GET", "/api/v2/static/version", "", ""),
                ("GET", "/api/v2/health", "", ""),
                ("GET", "/api/v2/nowhere", &token, ""),
                ("DELETE", TASKS, &token, ""),
            ]
            .into_iter()
            .map(|(method, path, token, body)| {
                let answer = service.ask(method, path, token, body);
                // How many there are is no matter of shape.
                let total = answer.json()["total"].clone();
                (format!("{method} {path} {body} {total}"), answer.status, shape(&answer.json()))
            })
            .collect()
        })
        .collect();
    for others in &answers[1..] {
        assert_eq!(&answers[0], others);
    }

    let projects = |service: &Service| {
        let answer = service.get(PROJECTS, &service.token("reader@example.com")).json();
        assert_eq!(answer["total"], answer["projects"].as_object().expect("by id").len());
        answer["projects"].as_object().expect("by id").values().cloned().collect::<Vec<_>>()
    };
    let from_memory = projects(&services[0]);
    for service in &services[2..] {
        let from_database = projects(service);
        assert_eq!(from_memory.len(), from_database.len());
        for (memory, database) in from_memory.iter().zip(&from_database) {
            for field in ["name", "description"] {
                assert_eq!(memory[field], database[field]);
            }
            for (field, value) in memory.as_object().expect("a project") {
                assert_eq!(shape(value), shape(&database[field]), "{field}");
            }
            assert_eq!(database["git_branches"].as_array().map(Vec::len), Some(2));
        }
    }
}

#[test]
fn tasks_tokens_and_projects_outlive_the_service() {
    let postgres = Postgres::start();
    let args = ["--database", &postgres.url()];
    let first = Service::start(&args);
    let token = first.token("me@example.com");
    let (task, projects) = (first.create(&token, "kept"), first.get(PROJECTS, &token).json());
    assert_eq!(projects["projects"].as_object().unwrap().values().next().unwrap()["task_count"], 1);
    drop(first);
    let second = Service::start(&args);
    assert_eq!(second.get(TASKS, &token).json(), json!({"tasks": [task], "total": 1}));
    assert_eq!(second.get(PROJECTS, &token).json(), projects);
    let again = second.token("me@example.com");
    assert_eq!(second.get(PROJECTS, &again).json(), projects, "the same user");
    assert_eq!(second.get(TASKS, &second.token("you@example.com")).json()["total"], 0, "another user");
}

#[test]
fn the_oldest_tasks_of_a_user_are_forgotten() {
    let postgres = Postgres::start();
    let service = Service::start(&["--database", &postgres.url()]);
    let token = service.token("me@example.com");
    postgres.sql(
        "insert into tasks select 'old ' || i, (select id from users), null, null, i, '', 'todo', 'low', \
         timestamptz '2020-01-01' + i * interval '1 s' from generate_series(1, 1100) i",
    );
    for number in 0..100 {
        service.create(&token, &number.to_string());
    }
    assert_eq!(service.get(TASKS, &token).json()["total"], 1000);
    assert_eq!(postgres.sql("select min(title::int) from tasks where description = '' and id like 'old %'"), "201");
}

/// The plan of the statement that lists tasks, as the service sent it.
fn plan_of_tasks(postgres: &Postgres, status: bool) -> String {
    let statement = postgres.sql(&format!(
        "select query from pg_stat_statements where query like '%OVER () AS total%' and query {} like '%status = %'",
        if status { "" } else { "not" }
    ));
    let user = postgres.sql("select id from users where email = 'test@example.com'");
    let more = if status { ", 'todo'" } else { "" };
    postgres.sql(&format!("PREPARE listed AS {statement}; EXPLAIN EXECUTE listed('{user}', 50, 0{more})"))
}

#[test]
fn with_the_guides_indexes_tasks_are_found_by_index_and_without_them_by_scanning_the_table() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let names = "select string_agg(indexname, ' ' order by indexname) from pg_indexes where indexname like 'idx_%'";
    let all = "idx_contexts_level_context_id idx_git_branches_project_id idx_projects_user_id_created_at \
               idx_tasks_complex idx_tasks_user_id_status";
    let list = |service: &Service| {
        let token = service.token("test@example.com");
        assert_eq!(service.get(TASKS, &token).json()["total"], 200);
        assert_eq!(service.get("/api/v2/tasks?status=todo", &token).status, 200);
    };

    let tuned = Service::start(&["--database", &url, "--seed-rows", "20000"]);
    list(&tuned);
    assert_eq!(postgres.sql(names), all);
    for status in [false, true] {
        let plan = plan_of_tasks(&postgres, status);
        assert!(plan.contains("idx_tasks_user_id_status") && !plan.contains("Seq Scan"), "{plan}");
    }
    let condition = plan_of_tasks(&postgres, true);
    assert!(condition.contains("(user_id = ") && condition.contains("(status = "), "both columns: {condition}");
    drop(tuned);

    let bare = Service::start(&["--database", &url, "--seed-rows", "20000", "--without", "indexes"]);
    list(&bare);
    assert_eq!(postgres.sql(names), "");
    for status in [false, true] {
        let plan = plan_of_tasks(&postgres, status);
        assert!(plan.contains("Seq Scan on tasks"), "{plan}");
    }
    drop(bare);

    let again = Service::start(&["--database", &url, "--seed-rows", "100"]);
    list(&again);
    assert_eq!((postgres.sql(names), postgres.sql("select count(*) from tasks")), (all.to_owned(), "20000".to_owned()));
}

#[test]
fn rows_are_seeded_evenly_and_two_services_that_start_together_do_not_race() {
    let postgres = Postgres::start();
    let url = postgres.url();
    let args = ["--database", &url, "--seed-rows", "5000"];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| Service::start(&args));
        }
    });
    assert_eq!(postgres.sql("select count(*), count(distinct id) from tasks"), "5000|5000");
    let spread = "select count(*), min(n), max(n) from (select count(*) n from tasks group by";
    assert_eq!(postgres.sql(&format!("{spread} user_id) g")), "25|200|200");
    assert_eq!(postgres.sql(&format!("{spread} git_branch_id) g")), "250|20|20");
    let first = postgres.sql("select md5(string_agg(t::text, ',' order by id)) from tasks t");
    let more = Service::start(&["--database", &url, "--seed-rows", "6000"]);
    assert_eq!(postgres.sql("select count(*) from tasks"), "6000");
    drop(more);
    let other = Postgres::start();
    drop(Service::start(&["--database", &other.url(), "--seed-rows", "5000"]));
    assert_eq!(other.sql("select md5(string_agg(t::text, ',' order by id)) from tasks t"), first, "the same rows");
}

/// Statements of the service so far.
fn statements(postgres: &Postgres) -> i64 {
    let sum = "select sum(calls) from pg_stat_statements where userid = 'agenthub'::regrole";
    postgres.sql(sum).parse().expect("a number")
}

#[test]
fn listing_projects_is_one_statement_and_with_n_plus_one_one_for_each_project_too() {
    let postgres = Postgres::start();
    // With the one that finds the user of the token.
    for (flags, each) in [(vec![], 2), (vec!["--n-plus-one"], 7)] {
        let service = Service::start(&[vec!["--database", &postgres.url()], flags].concat());
        let token = service.token("me@example.com");
        let before = statements(&postgres);
        let answers: Vec<Value> = (0..10).map(|_| service.get(PROJECTS, &token).json()).collect();
        assert_eq!(statements(&postgres) - before, 10 * each);
        assert_eq!(answers[0]["total"], 5);
        assert_eq!(
            answers[0]["projects"].as_object().unwrap().values().next().unwrap()["git_branches"][1]["name"],
            "main"
        );
    }
}

#[test]
fn what_was_asked_before_comes_from_the_cache_until_it_changes() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let (database, cache) = (postgres.url(), redis.url());
    let service = Service::start(&["--database", &database, "--redis", &cache]);
    let token = service.token("me@example.com");
    let first = |answer: &Answer| answer.json()["projects"].as_object().unwrap().values().next().unwrap().clone();
    let counts = || (service.metric("cache_hits_total"), service.metric("cache_misses_total"));
    assert_eq!(counts(), (Some(0.0), Some(0.0)));
    let before = statements(&postgres);
    for _ in 0..10 {
        assert_eq!(first(&service.get(PROJECTS, &token))["task_count"], 0);
    }
    // The token's user and the projects, each missed once.
    assert_eq!(counts(), (Some(18.0), Some(2.0)));
    assert_eq!(statements(&postgres) - before, 2);
    let lifetime = |pattern: &str| {
        let key = redis.cli(&["--raw", "keys", pattern]);
        redis.cli(&["ttl", &key]).parse::<i64>().expect("seconds")
    };
    assert!((1..=1800).contains(&lifetime("user_sessions:*")) && lifetime("user_sessions:*") > 900);
    assert!((1..=300).contains(&lifetime("project_data:*")));

    service.create(&token, "new");
    assert!((301..=900).contains(&lifetime("user_permissions:*")));
    assert_eq!(first(&service.get(PROJECTS, &token))["task_count"], 1, "the old answer is gone");

    let bare = Service::start(&["--database", &database, "--redis", &cache, "--without", "cache"]);
    let before = statements(&postgres);
    for _ in 0..10 {
        bare.get(PROJECTS, &token);
    }
    assert_eq!((statements(&postgres) - before, bare.metric("cache_hits_total")), (20, None));
}

#[test]
fn without_its_cache_the_service_goes_on() {
    let (postgres, mut redis) = (Postgres::start(), Redis::start());
    let service = Service::start(&["--database", &postgres.url(), "--redis", &redis.url()]);
    let token = service.token("me@example.com");
    let projects = service.get(PROJECTS, &token).json();
    redis.stop();
    assert_eq!(service.get(PROJECTS, &token).json(), projects);
    service.create(&token, "without");
    redis.start_again();
    eventually("it caches again", || {
        service.get(PROJECTS, &token);
        redis.cli(&["dbsize"]) != "0"
    });
}

#[test]
fn a_pool_of_two_makes_the_third_request_wait_and_fail_in_time() {
    let postgres = Postgres::start();
    let args = ["--database", &postgres.url(), "--pool-size", "2", "--pool-overflow", "0", "--pool-timeout", "3s"];
    let service = Service::start(&args);
    let token = service.token("me@example.com");
    assert_eq!((service.metric("db_pool_size"), service.metric("db_pool_idle")), (Some(2.0), Some(2.0)));
    assert_eq!(service.metric("active_connections"), Some(0.0));
    let held = postgres.holding("LOCK TABLE tasks");
    let mut answers: Vec<Answer> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..3).map(|_| scope.spawn(|| service.get(TASKS, &token))).collect();
        service.wait_for_metric("db_pool_waiting", 1.0);
        assert_eq!(service.metric("active_connections"), Some(2.0));
        // Until the one that waits has been told.
        service.wait_for_metric("db_pool_waiting", 0.0);
        drop(held);
        requests.into_iter().map(|request| request.join().expect("answered")).collect()
    });
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 503]);
    let detail = "database connection pool exhausted: none became free within 3 s";
    assert_eq!(answers[2].json(), json!({"detail": detail}));
    assert_eq!(service.metric("active_connections"), Some(0.0));
}

#[test]
fn connections_of_the_overflow_are_closed_when_they_come_back() {
    let postgres = Postgres::start();
    let service = Service::start(&["--database", &postgres.url(), "--pool-size", "2", "--pool-overflow", "3"]);
    let token = service.token("me@example.com");
    let held = postgres.holding("LOCK TABLE tasks");
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(service.get(TASKS, &token).status, 200));
        }
        service.wait_for_metric("active_connections", 5.0);
        drop(held);
    });
    assert_eq!((service.metric("db_pool_idle"), service.metric("db_pool_size")), (Some(2.0), Some(5.0)));
    let open = "select count(*) from pg_stat_activity where application_name = 'agenthub'";
    eventually("three are closed", || postgres.sql(open) == "2");

    drop(service);
    let bare = Service::start(&["--database", &postgres.url(), "--without", "pool"]);
    for _ in 0..5 {
        assert_eq!(bare.get(TASKS, &token).status, 200);
    }
    assert_eq!(bare.metric("db_pool_idle"), None, "there is no pool");
    eventually("none is kept", || postgres.sql(open) == "0");
}

#[test]
fn a_restart_of_the_database_is_survived() {
    let mut postgres = Postgres::start();
    let service = Service::start(&["--database", &postgres.url()]);
    let token = service.token("me@example.com");
    let task = service.create(&token, "kept");
    postgres.stop();
    let answer = service.get(TASKS, &token);
    assert_eq!(answer.status, 503);
    let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
    assert!(detail.starts_with("database unavailable: "), "{detail}");
    assert_eq!(service.get("/api/v2/health", "").status, 200);
    postgres.start_again();
    eventually("it answers again", || service.get(TASKS, &token).status == 200);
    assert_eq!(service.get(TASKS, &token).json()["tasks"], json!([task]));
}

#[test]
fn under_lock_contention_new_tasks_wait_for_each_other() {
    let postgres = Postgres::start();
    let service = Service::start(&["--database", &postgres.url(), "--lock-contention"]);
    let token = service.token("me@example.com");
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| service.create(&token, "one of eight"));
        }
    });
    // Each holds the row for 5 ms, and never are two at it.
    assert!(began.elapsed() >= Duration::from_millis(8 * 5), "{:?}", began.elapsed());
    assert_eq!(postgres.sql("select value from counters"), "8");
    assert_eq!(service.get(TASKS, &token).json()["total"], 8);
}

#[test]
fn who_may_not_write_creates_no_tasks() {
    let postgres = Postgres::start();
    let service = Service::start(&["--database", &postgres.url()]);
    let token = service.token("me@example.com");
    postgres.sql("update users set permissions = '{read}'");
    let refused = service.ask("POST", TASKS, &token, r#"{"title": "t"}"#);
    assert_eq!((refused.status, refused.json()), (403, json!({"detail": "Not enough permissions"})));
    assert_eq!(service.get(TASKS, &token).json()["total"], 0);
}

#[test]
fn without_compression_answers_are_sent_as_they_are() {
    let accept = "Accept-Encoding: gzip";
    for (flags, compressed) in [(vec![], true), (vec!["--without", "compression"], false)] {
        let service = Service::start(&flags);
        let token = service.token("me@example.com");
        let answer = ask(&service.url, "GET", PROJECTS, &[&token, accept], "");
        assert_eq!(answer.head.contains("content-encoding: gzip"), compressed, "{}", answer.head);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_leak_keeps_64_kib_of_every_request() {
    let service = Service::start(&["--leak"]);
    let resident_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.running.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    service.get("/api/v2/health", "");
    let before = resident_kib();
    for _ in 0..300 {
        service.get("/api/v2/health", "");
    }
    let grown = resident_kib() - before;
    // What else a service grows by in 300 requests is far less than what it keeps.
    assert!((300 * 60..300 * 96).contains(&grown), "{grown} KiB");
}

#[test]
fn parts_that_cannot_be_had_are_named_in_one_line_without_their_password() {
    let postgres = Postgres::start();
    let bench = Workbench::new();
    let serve = |args: &[&str]| bench.run(&[&["serve", "--port", "0"], args].concat());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = format!("postgres://agenthub:hunter22@127.0.0.1:{closed}/agenthub");
    let wrong = postgres.url().replace("only-for-tests", "hunter22");
    let missing = format!("{}/nowhere", postgres.url().strip_suffix("/agenthub").unwrap());
    let no_cache = format!("redis://:hunter22@127.0.0.1:{closed}");
    let said = |outcome: &Outcome, code, parts: &[&str]| {
        outcome.assert_code(code);
        for part in parts {
            assert!(outcome.stderr.contains(part), "no {part} in\n{outcome}");
        }
        assert!(!outcome.stderr.contains("hunter22"), "{outcome}");
        assert!(code != 1 || outcome.stderr.lines().count() == 1, "{outcome}");
    };
    said(&serve(&["--database", &refused]), 1, &["database postgres://***@127.0.0.1", "refused"]);
    said(&serve(&["--database", &wrong]), 1, &["postgres://***@127.0.0.1", "password authentication failed"]);
    said(&serve(&["--database", &missing]), 1, &["\"nowhere\"", "does not exist"]);
    said(&serve(&["--redis", &no_cache]), 1, &["cache redis://***@127.0.0.1", "refused"]);
    said(&serve(&["--database", "me:hunter22@127.0.0.1/db"]), 2, &["--database", "write postgres://USER"]);
    said(&serve(&["--database", "postgres://me:hunter22@127.0.0.1:x/db"]), 2, &["--database", "port"]);
    said(&serve(&["--redis", "127.0.0.1:6379"]), 2, &["--redis", "write redis://HOST:PORT"]);
    for flags in [&["--seed-rows", "5"][..], &["--n-plus-one"], &["--lock-contention"], &["--pool-size", "3"]] {
        said(&serve(flags), 2, &["--database <URL>"]);
    }
    said(&serve(&["--without", "pool"]), 2, &["--without pool needs --database"]);
    said(&serve(&["--without", "compression,cache"]), 2, &["--without cache needs --redis"]);
    said(&serve(&["--database", &wrong, "--without", "pool", "--pool-size", "2"]), 2, &["takes no --pool-size"]);
}
