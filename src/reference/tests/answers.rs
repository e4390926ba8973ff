//! What every endpoint answers to good and bad requests.

use std::collections::HashSet;
use std::io::Read as _;

use serde_json::{Value, json};

use super::super::api::LARGEST_BODY;
use super::super::store::TASKS_PER_USER;
use super::super::{Account, Config};
use super::{Answer, Running, running};

const LOGIN: &str = "/api/v2/auth/login";
const PROJECTS: &str = "/api/v2/projects";
const TASKS: &str = "/api/v2/tasks";

fn any() -> Running {
    running(Config::default())
}

fn create(service: &Running, token: &str, body: &Value) -> Answer {
    service.ask("POST", TASKS, &[token], &body.to_string())
}

fn titles(page: &Value) -> Vec<&str> {
    page["tasks"].as_array().expect("tasks").iter().map(|task| task["title"].as_str().expect("a title")).collect()
}

#[test]
fn a_given_account_is_the_only_one_that_may_log_in() {
    let account = Account { email: "me@example.com".into(), password: "right".into() };
    let service = running(Config { account: Some(account), ..Config::default() });
    let log_in = |email: &str, password: &str| {
        service.ask("POST", LOGIN, &[], &json!({"email": email, "password": password}).to_string())
    };
    assert_eq!(log_in("me@example.com", "right").status, 200);
    for (email, password) in [("me@example.com", "wrong"), ("you@example.com", "right")] {
        let answer = log_in(email, password);
        assert_eq!((answer.status, answer.json()), (401, json!({"detail": "Incorrect email or password"})));
    }
}

#[test]
fn a_bad_login_body_is_refused_with_the_field_named() {
    let service = any();
    for (body, loc, kind) in [
        (r#"{"email":"a@example.com"}"#, json!(["body", "password"]), "missing"),
        (r#"{"password":"x"}"#, json!(["body", "email"]), "missing"),
        (r#"{"email":"a@example.com","password":5}"#, json!(["body", "password"]), "string_type"),
        (r#"{"email":"a@example.com","password":""}"#, json!(["body", "password"]), "string_too_short"),
        (r#"{"email":"somebody","password":"x"}"#, json!(["body", "email"]), "value_error"),
        (r#"{"email":"#, json!(["body"]), "json_invalid"),
        ("[]", json!(["body"]), "model_attributes_type"),
        ("", json!(["body"]), "missing"),
    ] {
        let answer = service.ask("POST", LOGIN, &[], body);
        assert_eq!(answer.status, 422, "{body}");
        let detail = &answer.json()["detail"];
        assert_eq!(detail.as_array().map(Vec::len), Some(1), "{body}: {detail}");
        assert_eq!((&detail[0]["loc"], detail[0]["type"].as_str()), (&loc, Some(kind)), "{body}");
    }
    let both = service.ask("POST", LOGIN, &[], "{}").json();
    assert_eq!(
        both,
        json!({"detail": [
            {"type": "missing", "loc": ["body", "email"], "msg": "Field required"},
            {"type": "missing", "loc": ["body", "password"], "msg": "Field required"},
        ]})
    );
}

#[test]
fn nothing_is_shown_without_a_valid_token() {
    let service = any();
    service.token();
    for header in [vec![], vec!["Authorization: Bearer guessed"], vec!["Authorization: Basic eDp5"]] {
        for (method, path) in [("GET", PROJECTS), ("GET", TASKS), ("POST", TASKS)] {
            let answer = service.ask(method, path, &header, if method == "POST" { "{}" } else { "" });
            assert_eq!(
                (answer.status, answer.json()),
                (401, json!({"detail": "Not authenticated"})),
                "{method} {path}"
            );
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        }
    }
}

#[test]
fn projects_are_an_object_keyed_by_id() {
    let service = any();
    let token = service.token();
    let answer = service.get(PROJECTS, &[&token]);
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let body = answer.json();
    let projects = body["projects"].as_object().expect("an object");
    assert_eq!(body["total"], projects.len());
    assert!(projects.len() > 1);
    for (id, project) in projects {
        assert_eq!(project["id"], *id);
        assert!(project["name"].is_string() && project["description"].is_string() && project["created_at"].is_string());
    }
    assert_eq!(service.get(PROJECTS, &[&service.token()]).json(), body, "another login of the same user sees the same");
}

#[test]
fn a_created_task_is_listed_newest_first() {
    let service = any();
    let token = service.token();
    let first = create(&service, &token, &json!({"title": "first", "description": "Automated load test task"}));
    assert_eq!(first.status, 201);
    let first = first.json();
    assert_eq!(
        (&first["title"], &first["description"], &first["status"], &first["priority"]),
        (&json!("first"), &json!("Automated load test task"), &json!("todo"), &json!("medium"))
    );
    let second = create(&service, &token, &json!({"title": "second", "status": "done", "priority": "high"})).json();
    let list = |query: &str| service.get(&format!("{TASKS}{query}"), &[&token]).json();
    assert_eq!(list(""), json!({"tasks": [second, first], "total": 2}));
    assert_eq!(list("?limit=1"), json!({"tasks": [second], "total": 2}));
    assert_eq!(list("?offset=1&limit=5"), json!({"tasks": [first], "total": 2}));
    assert_eq!(list("?status=todo"), json!({"tasks": [first], "total": 1}));
}

#[test]
fn a_bad_task_is_refused_with_the_field_named() {
    let service = any();
    let token = service.token();
    for (body, field, kind) in [
        (json!({"description": "d"}), "title", "missing"),
        (json!({"title": 7}), "title", "string_type"),
        (json!({"title": ""}), "title", "string_too_short"),
        (json!({"title": "t", "description": []}), "description", "string_type"),
    ] {
        let answer = create(&service, &token, &body);
        assert_eq!(answer.status, 422, "{body}");
        let detail = &answer.json()["detail"][0];
        assert_eq!((&detail["loc"], detail["type"].as_str()), (&json!(["body", field]), Some(kind)), "{body}");
    }
    let answer = service.get(&format!("{TASKS}?limit=many"), &[&token]);
    assert_eq!((answer.status, &answer.json()["detail"][0]["loc"]), (422, &json!(["query", "limit"])));
    assert_eq!(service.get(TASKS, &[&token]).json()["total"], 0, "nothing refused is kept");
}

#[test]
fn only_the_newest_tasks_of_a_user_are_kept() {
    let service = any();
    let token = service.token();
    let store_more = TASKS_PER_USER + 3;
    for number in 0..store_more {
        assert_eq!(create(&service, &token, &json!({"title": number.to_string()})).status, 201);
    }
    let all = service.get(&format!("{TASKS}?limit=1000"), &[&token]).json();
    assert_eq!(all["total"], TASKS_PER_USER);
    assert_eq!(titles(&all).first().copied(), Some((store_more - 1).to_string().as_str()));
    assert_eq!(titles(&all).last().copied(), Some("3"));
    assert_eq!(titles(&all).into_iter().collect::<HashSet<_>>().len(), TASKS_PER_USER);
    assert_eq!(titles(&service.get(TASKS, &[&token]).json()).len(), 50, "the default limit");
}

#[test]
fn answers_are_compressed_from_1000_bytes_for_those_who_accept_it() {
    let service = any();
    let token = service.token();
    let accept = "Accept-Encoding: gzip";
    let plain = service.get(PROJECTS, &[&token]);
    assert!(!plain.head.contains("content-encoding"), "{}", plain.head);
    let zipped = service.get(PROJECTS, &[&token, accept]);
    assert!(zipped.head.contains("content-encoding: gzip"), "{}", zipped.head);
    assert!(zipped.body.len() < plain.body.len());
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(zipped.body.as_slice()).read_to_end(&mut unzipped).expect("gzip");
    assert_eq!(unzipped, plain.body);

    // An answer of any size: a new task is sent back whole.
    let created = |length: usize, headers: &[&str]| {
        let body = json!({"title": "t", "description": "x".repeat(length)}).to_string();
        service.ask("POST", TASKS, headers, &body)
    };
    let rest = created(0, &[&token]).body.len();
    for (size, compressed) in [(999, false), (1000, true)] {
        assert_eq!(created(size - rest, &[&token]).body.len(), size);
        let answer = created(size - rest, &[&token, accept]);
        assert_eq!(answer.head.contains("content-encoding: gzip"), compressed, "{size}: {}", answer.head);
    }
    assert!(!service.get("/api/v2/health", &[accept]).head.contains("content-encoding"));
}

#[test]
fn what_is_not_there_is_404_and_another_method_405() {
    let service = any();
    let nowhere = service.get("/api/v2/nowhere", &[]);
    assert_eq!((nowhere.status, nowhere.json()), (404, json!({"detail": "Not Found"})));
    let deleted = service.ask("DELETE", TASKS, &[], "");
    assert_eq!((deleted.status, deleted.json()), (405, json!({"detail": "Method Not Allowed"})));
    assert_eq!(service.ask("POST", LOGIN, &[], &" ".repeat(LARGEST_BODY)).status, 422);
    assert_eq!(service.ask("POST", LOGIN, &[], &" ".repeat(LARGEST_BODY + 1)).status, 413);
}

#[test]
fn metrics_count_every_request_once() {
    let service = any();
    let token = service.token();
    for _ in 0..3 {
        service.get(PROJECTS, &[&token]);
    }
    for _ in 0..2 {
        service.get(TASKS, &[]);
    }
    create(&service, &token, &json!({"title": "t"}));
    service.get("/favicon.ico", &[]);
    let health = service.get("/api/v2/health", &[]);
    assert_eq!((health.status, health.json()), (200, json!({"status": "healthy"})));
    let metrics = service.get("/metrics", &[]);
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4"), "{}", metrics.head);
    let text = metrics.text();
    for line in [
        "http_requests_total{method=\"POST\",endpoint=\"/api/v2/auth/login\"} 1",
        "http_requests_total{method=\"GET\",endpoint=\"/api/v2/projects\"} 3",
        "http_requests_total{method=\"GET\",endpoint=\"/api/v2/tasks\"} 2",
        "http_requests_total{method=\"POST\",endpoint=\"/api/v2/tasks\"} 1",
        "http_requests_total{method=\"GET\",endpoint=\"/api/v2/health\"} 1",
        "http_requests_total{method=\"GET\",endpoint=\"/metrics\"} 1",
        "http_requests_total{method=\"other\",endpoint=\"other\"} 1",
        // All but this one, which is not answered yet.
        "http_request_duration_seconds_bucket{le=\"+Inf\"} 9",
        "http_request_duration_seconds_count 9",
    ] {
        assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
    }
}

#[test]
fn open_connections_are_counted() {
    let service = any();
    let held: Vec<_> = (0..3).map(|_| service.connect()).collect();
    let connections = || {
        let text = service.get("/metrics", &[]).text();
        let line = text.lines().find_map(|line| line.strip_prefix("http_connections ")).expect("the gauge");
        line.parse::<i64>().expect("a number")
    };
    assert_eq!(connections(), 4, "three and the one that asks");
    drop(held);
    let gone = (0..1000).any(|_| connections() == 1);
    assert!(gone, "closed connections are still counted");
}
