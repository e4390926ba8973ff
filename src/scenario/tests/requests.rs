use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

#[test]
fn the_guides_requests() {
    let scenario = guide();
    let mut user = user(&scenario);
    let Step::Request(login) = &scenario.on_start[0] else { panic!("no request") };
    let mut into = Prepared::default();
    user.prepare(login, &mut into).unwrap();
    assert_snapshot!(shown(&into), @r#"
    /api/v2/auth/login
    content-type: application/json

    {"email":"test@example.com","password":"testpassword"}
    "#);
    let headers = HeaderMap::new();
    let body = br#"{"access_token":"t0k3n","token_type":"bearer"}"#;
    user.accept(login, &Reply { status: 200, headers: &headers, body, time: Duration::ZERO }).unwrap();
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 0)), @r"
    /api/v2/projects
    authorization: Bearer t0k3n
    ");
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 1)), @r"
    /api/v2/tasks
    authorization: Bearer t0k3n
    ");
    for _ in 0..100 {
        let create = prepared(&scenario, &mut user, 2);
        let body: serde_json::Value = serde_json::from_slice(create.body.as_ref().unwrap()).unwrap();
        let number: u32 = body["title"].as_str().unwrap().strip_prefix("Load test task ").unwrap().parse().unwrap();
        assert!((1..=1000).contains(&number));
        assert_eq!(body["description"], "Automated load test task");
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["title", "description"]);
        assert_eq!(create.headers["authorization"], "Bearer t0k3n");
        assert_eq!(create.headers["content-type"], "application/json");
        assert_eq!((create.headers.len(), create.target.as_str()), (2, "/api/v2/tasks"));
    }
    assert_eq!(request(&scenario, 2).method, http::Method::POST);
    assert_eq!(user.secrets(), ["testpassword", "t0k3n"]);
}

#[test]
fn a_request_without_its_token_is_not_made() {
    let scenario = guide();
    let error = user(&scenario).prepare(request(&scenario, 0), &mut Prepared::default());
    assert_eq!(error.unwrap_err().to_string(), "`token` has no value yet: no step that captures it has succeeded");
}

const NASTY: &str = r#"
headers = { x-run = "{{id}}", x-fixed = "scenario" }
[variables]
id = "a/b ä?"
number = 12
flag = true
[[task]]
name = "everything"
put = "/x/{{id}}/{{number}}?old={{id}}"
query = { "q q" = "{{id}}&c", n = 5, list = ["a", "{{number}}"] }
headers = { x-fixed = "request", x-n = "{{number}}" }
json = { id = "{{id}}", n = "{{number}}", t = "{{number}}!", f = "{{flag}}", deep = [1, 2.5, { "k\"" = [] , e = {} }], when = 2026-01-02 }
[[task]]
name = "form"
post = "/form"
form = { id = "{{id}}", "a b" = "c d", n = 1 }
[[task]]
name = "raw"
post = "/raw"
body = "{{id}} {{\"{{\"}}"
headers = { content-type = "text/plain" }
[[task]]
name = "fixed"
post = "/fixed"
json = { a = 1 }
headers = { content-type = "application/vnd.x+json" }
[[task]]
name = "elsewhere"
get = "http://{{host}}:81/{{id}}"
[[task]]
name = "captured place"
get = "{{host}}"
[[task]]
name = "template header"
get = "/"
headers = { x = "{{host}}", x-run = "" }
bearer = "{{number}}"
capture = { host = "$.host" }
"#;

#[test]
fn each_value_is_written_as_its_place_wants() {
    // Not in the snapshots: the scenario's own x-run header holds letters that are no ASCII.
    let scenario = scenario(&NASTY.replace("x-run = \"{{id}}\"", "x-run = \"{{number}}\""));
    let mut user = user(&scenario);
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 0)), @r#"
    /x/a%2Fb%20%C3%A4%3F/12?old=a%2Fb%20%C3%A4%3F&q%20q=a%2Fb%20%C3%A4%3F%26c&n=5&list=a&list=12
    content-type: application/json
    x-fixed: request
    x-n: 12
    x-run: 12

    {"id":"a/b ä?","n":12,"t":"12!","f":true,"deep":[1,2.5,{"k\"":[],"e":{}}],"when":"2026-01-02"}
    "#);
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 1)), @r"
    /form
    content-type: application/x-www-form-urlencoded
    x-fixed: scenario
    x-run: 12

    id=a%2Fb+%C3%A4%3F&a+b=c+d&n=1
    ");
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 2)), @r"
    /raw
    content-type: text/plain
    x-fixed: scenario
    x-run: 12

    a/b ä? {{
    ");
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 3)), @r#"
    /fixed
    content-type: application/vnd.x+json
    x-fixed: scenario
    x-run: 12

    {"a":1}
    "#);
    reply(&scenario, &mut user, 6, 200, r#"{"host":"h.example"}"#).unwrap();
    assert_eq!(prepared(&scenario, &mut user, 4).target, "http://h.example:81/a%2Fb%20%C3%A4%3F");
    assert_snapshot!(shown(&prepared(&scenario, &mut user, 6)), @r"
    /
    authorization: Bearer 12
    x-fixed: scenario
    x-run: 
    x: h.example
    ");
    let names: Vec<&str> = scenario.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(names[0], "PUT /x/{id}/{number}");
    assert_eq!(names[4..6], ["GET http://{host}:81/{id}", "GET {host}"]);
}

#[test]
fn headers_hold_letters_of_any_script_but_no_line_break() {
    let scenario = scenario(NASTY);
    let mut user = user(&scenario);
    assert_eq!(prepared(&scenario, &mut user, 0).headers["x-run"].as_bytes(), "a/b ä?".as_bytes());
    for bad in ["a\\r\\nx: y", "a\\nb", "a\\u0000"] {
        reply(&scenario, &mut user, 6, 200, &format!("{{\"host\":\"{bad}\"}}")).unwrap();
        let error = user.prepare(request(&scenario, 6), &mut Prepared::default()).unwrap_err();
        assert_eq!(error.to_string(), "header x: a value holds a line break or another control character");
    }
}

#[test]
fn a_captured_place_must_be_a_path_or_a_url() {
    let scenario = scenario(NASTY);
    let mut user = user(&scenario);
    for (place, fine) in [
        ("/api/v2/tasks/7?a=b", true),
        ("https://h/x", true),
        ("api", false),
        ("/a b", false),
        ("/a#b", false),
        ("/a\\r\\nx", false),
        ("", false),
        ("ftp://h/", false),
    ] {
        reply(&scenario, &mut user, 6, 200, &format!("{{\"host\":\"{place}\"}}")).unwrap();
        let mut into = Prepared::default();
        assert_eq!(user.prepare(request(&scenario, 5), &mut into).is_ok(), fine, "{place}");
    }
}

#[test]
fn timeouts_redirects_names_and_tags() {
    let scenario = scenario(
        r#"
timeout = "5s"
redirects = false
[[task]]
name = "a"
get = "/a?x=1"
tags = ["read"]
[[task]]
name = "b"
tags = ["slow"]
steps = [
  { get = "/b", as = "the b", timeout = "500ms", redirects = 3, tags = ["x"] },
  { get = "/a", tags = ["read", "again"], redirects = true },
]
"#,
    );
    let a = request(&scenario, 0);
    assert_eq!((a.timeout, a.redirects), (Duration::from_secs(5), Redirects::Keep));
    let [Step::Request(b), Step::Request(again)] = scenario.tasks[1].steps.as_slice() else { panic!() };
    assert_eq!((b.timeout, b.redirects), (Duration::from_millis(500), Redirects::Follow(3)));
    assert_eq!((again.endpoint, again.redirects), (a.endpoint, Redirects::Follow(10)));
    assert_eq!(
        scenario.endpoints,
        [
            Endpoint { name: "GET /a".into(), tags: vec!["read".into(), "slow".into(), "again".into()] },
            Endpoint { name: "the b".into(), tags: vec!["slow".into(), "x".into()] },
        ]
    );
}

#[test]
fn prepared_is_reused_without_leftovers() {
    let scenario = scenario(&NASTY.replace("x-run = \"{{id}}\", ", ""));
    let mut user = user(&scenario);
    let mut into = Prepared::default();
    user.prepare(request(&scenario, 0), &mut into).unwrap();
    assert!(into.body.is_some() && into.headers.contains_key("x-n"));
    let other = self::scenario("[[task]]\nname = \"t\"\nget = \"/t\"\n");
    self::user(&other).prepare(request(&other, 0), &mut into).unwrap();
    assert_eq!(shown(&into), "/t\n\n");
}

proptest! {
    #[test]
    fn json_bodies_always_parse_and_hold_the_value(value in any::<String>(), number in any::<i64>()) {
        let scenario = scenario("[[task]]\nname = \"t\"\npost = \"/\"\njson = { whole = \"{{v}}\", part = \"<{{v}}>\", n = \"{{n}}\", \"{{v}}\" = 1 }\ncapture = { v = \"$.v\", n = \"$.n\" }\n");
        let mut user = user(&scenario);
        let body = serde_json::json!({ "v": value.as_str(), "n": number }).to_string();
        reply(&scenario, &mut user, 0, 200, &body).unwrap();
        let prepared = prepared(&scenario, &mut user, 0);
        let read: serde_json::Value = serde_json::from_slice(prepared.body.as_ref().unwrap()).unwrap();
        prop_assert_eq!(&read["whole"], &value);
        prop_assert_eq!(&read["part"], &format!("<{value}>"));
        prop_assert_eq!(&read["n"], number);
        prop_assert_eq!(&read["{{v}}"], 1, "names are as they are written");
    }

    #[test]
    fn any_value_makes_a_legal_target(value in any::<String>()) {
        let scenario = scenario("[[task]]\nname = \"t\"\nget = \"/a/{{v}}/b\"\nquery = { q = \"{{v}}\" }\ncapture = { v = \"$.v\" }\n");
        let mut user = user(&scenario);
        reply(&scenario, &mut user, 0, 200, &serde_json::json!({ "v": value.as_str() }).to_string()).unwrap();
        let uri: http::Uri = prepared(&scenario, &mut user, 0).target.parse().unwrap();
        prop_assert_eq!(uri.path().split('/').count(), 4);
        let query: Vec<_> = url::form_urlencoded::parse(uri.query().unwrap().as_bytes()).into_owned().collect();
        prop_assert_eq!(query, vec![("q".to_owned(), value)]);
    }

    #[test]
    fn no_value_breaks_out_of_a_header(value in any::<String>()) {
        let scenario = scenario("[[task]]\nname = \"t\"\nget = \"/\"\nheaders = { x = \"{{v}}\" }\ncapture = { v = \"$.v\" }\n");
        let mut user = user(&scenario);
        reply(&scenario, &mut user, 0, 200, &serde_json::json!({ "v": value.as_str() }).to_string()).unwrap();
        let mut into = Prepared::default();
        match user.prepare(request(&scenario, 0), &mut into) {
            Ok(()) => prop_assert_eq!(into.headers["x"].as_bytes(), value.as_bytes()),
            Err(_) => prop_assert!(value.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f)),
        }
    }
}
