use super::*;

/// What a request with this line of `expect` or `capture` says to a reply.
fn verdict(line: &str, status: u16, body: &str) -> Result<(), (bool, String)> {
    let scenario = scenario(&format!("[variables]\nname = \"x\"\n[[task]]\nname = \"t\"\nget = \"/\"\n{line}\n"));
    reply(&scenario, &mut user(&scenario), 0, status, body).map_err(|rejection| (rejection.status, rejection.message))
}

#[test]
fn statuses() {
    assert_eq!(verdict("", 200, "no JSON"), Ok(()));
    assert_eq!(verdict("redirects = false", 302, ""), Ok(()));
    assert_eq!(verdict("", 500, ""), Err((true, "status 500".into())));
    assert_eq!(verdict("expect = { status = 201 }", 201, ""), Ok(()));
    assert_eq!(verdict("expect = { status = 201 }", 200, ""), Err((true, "status 200, expected 201".into())));
    assert_eq!(verdict("expect = { status = [200, \"4xx\"] }", 404, ""), Ok(()));
    assert_eq!(
        verdict("expect = { status = [200, \"4XX\"] }", 503, ""),
        Err((true, "status 503, expected 200 or 4xx".into()))
    );
}

#[test]
fn json_checks() {
    let healthy = "expect = { json = { \"$.status\" = \"healthy\" } }";
    assert_eq!(verdict(healthy, 200, r#"{"status":"healthy"}"#), Ok(()));
    assert_eq!(verdict(healthy, 200, r#"{"status":"sick"}"#), Err((false, "expect $.status: not \"healthy\"".into())));
    assert_eq!(verdict(healthy, 200, "{}"), Err((false, "expect $.status: matches nothing".into())));
    assert_eq!(verdict(healthy, 200, "<html>"), Err((false, "expect $.status: the body is not JSON".into())));
    assert_eq!(verdict("expect = { json = { \"$.a[*]\" = 2 } }", 200, r#"{"a":[1,2.0]}"#), Ok(()));
    assert_eq!(verdict("expect = { json = { \"$.a\" = [1, { b = true }] } }", 200, r#"{"a":[1,{"b":true}]}"#), Ok(()));
    assert_eq!(verdict("expect = { json = { \"$.a\" = \"{{name}}\" } }", 200, r#"{"a":"x"}"#), Ok(()));
    assert_eq!(
        verdict("expect = { json = { \"$.a\" = \"{{name}}\" } }", 200, r#"{"a":"y"}"#),
        Err((false, "expect $.a: not \"{{name}}\"".into()))
    );
}

#[test]
fn text_and_time_checks() {
    assert_eq!(verdict("expect = { text = \"hello {{name}}\" }", 200, "say hello x!"), Ok(()));
    assert_eq!(
        verdict("expect = { text = [\"hello\", \"bye\"] }", 200, "say hello"),
        Err((false, "expect text \"bye\": not in the body".into()))
    );
    // The reply took 100 ms.
    assert_eq!(verdict("expect = { time = \"100ms\" }", 200, ""), Ok(()));
    assert_eq!(verdict("expect = { time = \"99ms\" }", 200, ""), Err((false, "expect time: slower than 99ms".into())));
    assert!(verdict("expect = { status = 200, time = \"99ms\" }", 500, "").unwrap_err().0, "the status first");
}

#[test]
fn bodies_are_read_only_where_something_asks() {
    for (line, reads) in [
        ("", false),
        ("expect = { status = 200, time = \"1s\" }", false),
        ("capture = { a = { header = \"etag\" } }", false),
        ("capture = { a = \"$.a\" }", true),
        ("expect = { text = \"a\" }", true),
        ("expect = { json = { \"$.a\" = 1 } }", true),
    ] {
        let scenario = scenario(&format!("[[task]]\nname = \"t\"\nget = \"/\"\n{line}\n"));
        assert_eq!(request(&scenario, 0).reads_body, reads, "{line}");
    }
}

#[test]
fn captures_that_fail() {
    let capture = "capture = { token = \"$.access_token\" }";
    assert_eq!(verdict(capture, 200, "{}"), Err((false, "capture token: $.access_token matches nothing".into())));
    assert_eq!(verdict(capture, 200, "{\"access_token\":"), Err((false, "capture token: the body is not JSON".into())));
    assert_eq!(verdict(capture, 200, ""), Err((false, "capture token: the body is not JSON".into())));
    assert_eq!(verdict(capture, 401, "{}"), Err((true, "status 401".into())));
    assert_eq!(verdict("capture = { a = { path = \"$.a\", default = 3 } }", 200, "{}"), Ok(()));
}

const TREE: &str = r#"
[variables]
kind = "none"
limit = 5
[[task]]
name = "t"
get = "/"
expect = { status = [200, 404] }
capture = { id = { path = "$.id", default = "" }, kind = { path = "$.kind", default = "x" } }
[[task]]
name = "tree"
steps = [
  { when = { captured = "id" }, steps = [ { wait = "1s" } ] },
  { when = { captured = "kind", equals = "task-{{limit}}" }, steps = [ { wait = "1s" } ] },
  { when = { captured = "kind", not_equals = 7 }, steps = [ { wait = "1s" } ] },
  { when = { status = 404 }, steps = [ { wait = "1s" } ] },
  { when = { status = "2xx" }, steps = [ { wait = "1s" } ] },
]
"#;

#[test]
fn conditions_follow_the_values_and_the_last_status() {
    let scenario = scenario(TREE);
    let mut user = user(&scenario);
    let holds = |user: &User| -> Vec<bool> {
        let steps = scenario.tasks[1].steps.iter();
        steps.map(|step| if let Step::When(condition, ..) = step { user.holds(condition) } else { panic!() }).collect()
    };
    assert_eq!(holds(&user), [false, false, true, false, false], "before anything");
    reply(&scenario, &mut user, 0, 200, r#"{"id":"a","kind":"task-5"}"#).unwrap();
    assert_eq!(holds(&user), [true, true, true, false, true]);
    reply(&scenario, &mut user, 0, 404, r#"{"id":null,"kind":7}"#).unwrap();
    assert_eq!(holds(&user), [false, false, false, true, false]);
    reply(&scenario, &mut user, 0, 500, "").unwrap_err();
    assert_eq!(holds(&user), [false, false, false, false, false], "values stay, the status is that of the failure");
}

#[test]
fn what_setup_captured_every_user_has() {
    let scenario = scenario(
        "[[setup]]\npost = \"/seed\"\ncapture = { seed_token = \"$.t\" }\n[[task]]\nname = \"t\"\nget = \"/{{seed_token}}\"\n",
    );
    let Step::Request(seed) = &scenario.setup[0] else { panic!() };
    let mut shared = user(&scenario);
    let headers = HeaderMap::new();
    shared
        .accept(seed, &Reply { status: 200, headers: &headers, body: b"{\"t\":\"s1\"}", time: Duration::ZERO })
        .unwrap();
    let feeds = Arc::new(Feeds::new(&scenario));
    let mut other = User::new(scenario.clone(), feeds, 5, 7, Some(&shared));
    assert_eq!(prepared(&scenario, &mut other, 0).target, "/s1");
    assert_eq!(other.secrets(), ["s1"]);
}

#[test]
fn secrets_are_what_is_marked_and_what_is_called_so() {
    let text = "[variables]\nuser = \"u\"\npin = { value = 1234, secret = true }\nclient_secret = \"c\"\napi_token = { value = \"public\", secret = false }\npassword = { env = \"P\", default = \"d\" }\n[[task]]\nname = \"t\"\nget = \"/\"\ncapture = { id = \"$.a\", session_cookie = \"$.b\", signing_key = \"$.c\" }\n";
    let scenario =
        Arc::new(file::read(text, "s.toml", None, &|name| (name == "P").then(|| "from-env".into())).unwrap());
    let mut user = user(&scenario);
    assert_eq!(user.secrets(), ["1234", "c", "from-env"]);
    reply(&scenario, &mut user, 0, 200, r#"{"a":"1","b":"2","c":"3"}"#).unwrap();
    assert_eq!(user.secrets(), ["1234", "c", "from-env", "2", "3"]);
}

#[test]
fn an_empty_environment_variable_counts_as_unset() {
    let text = "[variables]\nuser = { env = \"U\", default = \"d\" }\n[[task]]\nname = \"t\"\nget = \"/{{user}}\"\n";
    let scenario = Arc::new(file::read(text, "s.toml", None, &|_| Some(String::new())).unwrap());
    assert_eq!(prepared(&scenario, &mut user(&scenario), 0).target, "/d");
}
