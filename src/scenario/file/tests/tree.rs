use insta::assert_snapshot;

use super::*;

#[test]
fn unknown_keys_everywhere() {
    assert_snapshot!(
        wrong(
            r#"nmae = "x"
[variables]
v = { envv = "X", value = 1 }
[feeders.f]
fiel = "f.csv"
[[on_start]]
pst = "/login"
[[task]]
name = "t"
wieght = 3
get = "/t"
expect = { statsu = 200 }
capture = { c = { path = "$.a", tkae = "last" } }
[[task]]
name = "u"
steps = [ { pick = [ { wieght = 1, get = "/a" } ], nam = "p" }, { when = { capturd = "c", status = 200 }, steps = [ { get = "/a", weight = 2 } ] } ]
[[tsak]]
"#
        ),
        @r#"
    s.toml:1:1: unknown key `nmae` in the scenario
      1 | nmae = "x"
        | ^^^^ did you mean `name`?
    s.toml:3:7: unknown key `envv` in variable `v`
      3 | v = { envv = "X", value = 1 }
        |       ^^^^ did you mean `env`?
    s.toml:4:1: [feeders.f] has no `file`
      4 | [feeders.f]
        | ^^^^^^^^^^^ add `file = "….csv"`
    s.toml:5:1: unknown key `fiel` in [feeders.f]
      5 | fiel = "f.csv"
        | ^^^^ did you mean `file`?
    s.toml:6:1: [[on_start]] has neither a request nor `steps`
      6 | [[on_start]]
        | ^^^^^^^^^^^^ add e.g. `get = "/api/v2/health"`
    s.toml:7:1: unknown key `pst` in [[on_start]]
      7 | pst = "/login"
        | ^^^ did you mean `post`?
    s.toml:10:1: unknown key `wieght` in [[task]]
      10 | wieght = 3
         | ^^^^^^ did you mean `weight`?
    s.toml:12:12: unknown key `statsu` in `expect`
      12 | expect = { statsu = 200 }
         |            ^^^^^^ did you mean `status`?
    s.toml:13:33: unknown key `tkae` in capture `c`
      13 | capture = { c = { path = "$.a", tkae = "last" } }
         |                                 ^^^^ did you mean `take`?
    s.toml:16:24: unknown key `wieght` in a step of `pick`
      16 | steps = [ { pick = [ { wieght = 1, get = "/a" } ], nam = "p" }, { when = { capturd = "c", status = 200 }, steps = [ { get = "/a", weight = 2 } ] } ]
         |                        ^^^^^^ did you mean `weight`?
    s.toml:16:52: unknown key `nam` in a step
      16 | steps = [ { pick = [ { wieght = 1, get = "/a" } ], nam = "p" }, { when = { capturd = "c", status = 200 }, steps = [ { get = "/a", weight = 2 } ] } ]
         |                                                    ^^^ did you mean `name`?
    s.toml:16:76: unknown key `capturd` in `when`
      16 | steps = [ { pick = [ { wieght = 1, get = "/a" } ], nam = "p" }, { when = { capturd = "c", status = 200 }, steps = [ { get = "/a", weight = 2 } ] } ]
         |                                                                            ^^^^^^^ did you mean `captured`?
    s.toml:16:131: unknown key `weight` in a step
      16 | steps = [ { pick = [ { wieght = 1, get = "/a" } ], nam = "p" }, { when = { capturd = "c", status = 200 }, steps = [ { get = "/a", weight = 2 } ] } ]
         |                                                                                                                                   ^^^^^^ known here: `name`, `get`, `post`, `put`, `patch`, `delete`, `head`, `options`, `as`, `headers`, `query`, `json`, `form`, `body`, `bearer`, `capture`, `expect`, `timeout`, `redirects`, `tags`
    s.toml:17:3: unknown key `tsak` in the scenario
      17 | [[tsak]]
         |   ^^^^ did you mean `task`?
    "#
    );
}

#[test]
fn the_top() {
    assert_snapshot!(wrong_top("name = 3\nhost = \"localhost:8000\"\ntimeout = 0\nredirects = \"no\"\nheaders = \"x\""), @r#"
    s.toml:1:8: `name` must be a string, not a whole number
      1 | name = 3
        |        ^
    s.toml:2:8: "localhost:8000" is no URL of http or https
      2 | host = "localhost:8000"
        |        ^^^^^^^^^^^^^^^^ write e.g. `http://localhost:8000`
    s.toml:3:11: `timeout` must be longer than 0
      3 | timeout = 0
        |           ^ write e.g. `"30s"`
    s.toml:4:13: `redirects` must be `true`, `false` or a whole number, not a string
      4 | redirects = "no"
        |             ^^^^
    s.toml:5:11: `headers` must be a table, not a string
      5 | headers = "x"
        |           ^^^
    "#);
    assert_snapshot!(wrong_top("name = \" \"\nhost = \"http://\"\nredirects = 300"), @r#"
    s.toml:1:8: `name` is empty
      1 | name = " "
        |        ^^^
    s.toml:2:8: "http://" is no URL of http or https
      2 | host = "http://"
        |        ^^^^^^^^^ write e.g. `http://localhost:8000`
    s.toml:3:13: `redirects` must be a whole number from 0 to 255, not 300
      3 | redirects = 300
        |             ^^^
    "#);
    assert_snapshot!(wrong("name = \"x\"\n"), @r#"
    s.toml:1:1: the scenario has no [[task]]
      1 | name = "x"
        | ^ add one: `[[task]]`, `name = "…"`, `get = "/…"`
    "#);
    assert_snapshot!(wrong("name = \"x\"\nname = \"y\"\n"), @r#"
    s.toml:2:1: duplicate key
      2 | name = "y"
        | ^^^^
    "#);
}

#[test]
fn times_that_are_none_point_at_the_text() {
    let error = wrong_top("timeout = \"soon\"");
    assert!(error.starts_with("s.toml:1:11: `timeout`: \"soon\" is not a "), "{error}");
}

#[test]
fn waits() {
    assert_snapshot!(wrong_top("wait = { between = [\"5s\", \"1s\"] }"), @r#"
    s.toml:1:20: `between` has its longer time first
      1 | wait = { between = ["5s", "1s"] }
        |                    ^^^^^^^^^^^^ write `between = ["1s", "5s"]`
    "#);
    assert_snapshot!(wrong_top("wait = { between = [\"5s\"] }"), @r#"
    s.toml:1:20: `between` has two times
      1 | wait = { between = ["5s"] }
        |                    ^^^^^^ write `between = ["1s", "5s"]`
    "#);
    assert_snapshot!(wrong_top("wait = { between = [\"1s\", \"5s\"], constant = \"2s\" }"), @r#"
    s.toml:1:8: `wait` has one of `between`, `constant` and `pacing`
      1 | wait = { between = ["1s", "5s"], constant = "2s" }
        |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write `"none"`, `"2s"`, `{ between = ["1s", "5s"] }`, `{ constant = "2s" }` or `{ pacing = "10s" }`
    "#);
    assert_snapshot!(wrong_top("wait = \"nnoe\""), @r#"
    s.toml:1:8: `wait` cannot be "nnoe"
      1 | wait = "nnoe"
        |        ^^^^^^ write `"none"`, `"2s"`, `{ between = ["1s", "5s"] }`, `{ constant = "2s" }` or `{ pacing = "10s" }`
    "#);
    assert_snapshot!(wrong_top("wait = { pacing = 0 }"), @r#"
    s.toml:1:19: `pacing` must be longer than 0
      1 | wait = { pacing = 0 }
        |                   ^ write `wait = "none"` for no pause
    "#);
    assert_snapshot!(wrong_top("wait = { constant = -1 }"), @r"
    s.toml:1:21: `constant` must be a time of 0 or more
      1 | wait = { constant = -1 }
        |                     ^^
    ");
    assert_snapshot!(wrong_top("wait = true"), @r#"
    s.toml:1:8: `wait` must be a think time, not true or false
      1 | wait = true
        |        ^^^^ write `"none"`, `"2s"`, `{ between = ["1s", "5s"] }`, `{ constant = "2s" }` or `{ pacing = "10s" }`
    "#);
}

#[test]
fn tasks() {
    assert_snapshot!(wrong("[[task]]\nname = \"a\"\nget = \"/\"\n[[task]]\nname = \"a\"\nget = \"/\"\n[[task]]\nget = \"/\"\n"), @r#"
    s.toml:5:8: two tasks are named "a"
      5 | name = "a"
        |        ^^^ the first is in line 2: name them differently
    s.toml:7:1: [[task]] has no `name`
      7 | [[task]]
        | ^^^^^^^^ add `name = "…"`
    "#);
    for (weight, shown) in [("0", "0"), ("-1", "-1"), ("1.5", "1.5"), ("\"3\"", "\"3\""), ("5000000000", "5000000000")]
    {
        let error = wrong_request(&format!("weight = {weight}"));
        assert!(
            error.contains(&format!("s.toml:4:10: `weight` must be a whole number of at least 1, not {shown}\n")),
            "{error}"
        );
    }
    assert_snapshot!(wrong_request("weight = 0"), @r"
    s.toml:4:10: `weight` must be a whole number of at least 1, not 0
      4 | weight = 0
        |          ^ weights are shares, e.g. `weight = 3`; what is never to run is left out
    ");
    assert_snapshot!(wrong("[[task]]\nname = \"a\"\n[[task]]\nname = \"b\"\nrepeat = 3\n[[task]]\nname = \"c\"\nsteps = []\n"), @r#"
    s.toml:1:1: [[task]] has neither a request nor `steps`
      1 | [[task]]
        | ^^^^^^^^ add e.g. `get = "/api/v2/health"`
    s.toml:3:1: `repeat` is a step, not a task
      3 | [[task]]
        | ^^^^^^^^ write it into `steps = [ … ]`
    s.toml:8:9: `steps` is empty
      8 | steps = []
        |         ^^ add a step, e.g. `{ get = "/…" }`
    "#);
    assert_snapshot!(wrong("[task]\nname = \"a\"\n[on_start]\n"), @r"
    s.toml:1:1: `task` is a list of tables
      1 | [task]
        | ^^^^^^ write `[[task]]`
    s.toml:3:1: `on_start` is a list of tables
      3 | [on_start]
        | ^^^^^^^^^^ write `[[on_start]]`
    ");
    assert_snapshot!(wrong("task = 3\n"), @r"
    s.toml:1:8: `task` must be an array, not a whole number
      1 | task = 3
        |        ^
    ");
}

#[test]
fn steps() {
    assert_snapshot!(wrong_step("{ repeat = 0, steps = [ { get = \"/\" } ] },"), @r#"
    s.toml:4:14: `repeat` must be a whole number from 1 to 1000000, not 0
      4 |   { repeat = 0, steps = [ { get = "/" } ] },
        |              ^
    "#);
    assert_snapshot!(wrong_step("{ repeat = 2, get = \"/\" },"), @r#"
    s.toml:4:3: a step is a request or `repeat`, not both
      4 |   { repeat = 2, get = "/" },
        |   ^^^^^^^^^^^^^^^^^^^^^^^^^ write two steps
    "#);
    assert_snapshot!(wrong_step("{ repeat = 2 },"), @r"
    s.toml:4:3: `repeat` has no `steps`
      4 |   { repeat = 2 },
        |   ^^^^^^^^^^^^^^ add `steps = [ … ]`
    ");
    assert_snapshot!(wrong_step("{ pick = [], },"), @r#"
    s.toml:4:12: `pick` is empty
      4 |   { pick = [], },
        |            ^^ add e.g. `{ weight = 1, get = "/…" }`
    "#);
    assert_snapshot!(wrong_step("{ pick = [ { get = \"/\" } ], steps = [] },"), @r#"
    s.toml:4:3: a step is `steps` or `pick`, not both
      4 |   { pick = [ { get = "/" } ], steps = [] },
        |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write one into the other's `steps`
    "#);
    assert_snapshot!(wrong_step("{ wait = { pacing = \"1s\" } },"), @r#"
    s.toml:4:12: `pacing` is for the whole scenario
      4 |   { wait = { pacing = "1s" } },
        |            ^^^^^^^^^^^^^^^^^ a step waits `constant` or `between`
    "#);
    assert_snapshot!(wrong_step("{ name = \"nothing\" },"), @r#"
    s.toml:4:3: a step has neither a request nor `steps`
      4 |   { name = "nothing" },
        |   ^^^^^^^^^^^^^^^^^^^^ add e.g. `get = "/api/v2/health"`
    "#);
    assert_snapshot!(wrong_step("\"/\","), @r#"
    s.toml:4:3: `steps` must be a table, not a string
      4 |   "/",
        |   ^^^
    "#);
    assert_snapshot!(wrong_step("{ pick = [ { get = \"/\", weight = 0 } ] },"), @r#"
    s.toml:4:36: `weight` must be a whole number of at least 1, not 0
      4 |   { pick = [ { get = "/", weight = 0 } ] },
        |                                    ^ weights are shares, e.g. `weight = 3`; what is never to run is left out
    "#);
}

#[test]
fn conditions() {
    let when = |when: &str| {
        wrong_step(&format!(
            "{{ get = \"/\", capture = {{ kind = \"$.k\" }} }}, {{ when = {when}, steps = [ {{ get = \"/\" }} ] }},"
        ))
    };
    assert_snapshot!(when("{ captured = \"knid\" }"), @r#"
    s.toml:4:68: nothing captures `knid`
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { captured = "knid" }, steps = [ { get = "/" } ] },
        |                                                                    ^^^^^^ did you mean `kind`?
    "#);
    assert_snapshot!(when("{ captured = \"kind\", status = 200 }"), @r#"
    s.toml:4:55: `when` asks for one thing: a captured value or the last status
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { captured = "kind", status = 200 }, steps = [ { get = "/" } ] },
        |                                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write e.g. `{ captured = "id" }`, `{ captured = "kind", equals = "x" }` or `{ status = 404 }`
    "#);
    assert_snapshot!(when("{ captured = \"kind\", equals = 1, not_equals = 2 }"), @r#"
    s.toml:4:88: `when` has `equals` or `not_equals`, not both
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { captured = "kind", equals = 1, not_equals = 2 }, steps = [ { get = "/" } ] },
        |                                                                                        ^^^^^^^^^^
    "#);
    assert_snapshot!(when("{ captured = \"kind\", equals = \"{{uuid()}}\" }"), @r#"
    s.toml:4:85: a comparison holds variables and captures alone
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { captured = "kind", equals = "{{uuid()}}" }, steps = [ { get = "/" } ] },
        |                                                                                     ^^^^^^^^^^^^ leave feeders and generators out
    "#);
    assert_snapshot!(when("{ status = \"2x\" }"), @r#"
    s.toml:4:66: `status` cannot be "2x"
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { status = "2x" }, steps = [ { get = "/" } ] },
        |                                                                  ^^^^ write `200`, `"2xx"` or `[200, 404]`
    "#);
    assert_snapshot!(when("{ status = 99 }"), @r#"
    s.toml:4:66: `status` cannot be 99
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = { status = 99 }, steps = [ { get = "/" } ] },
        |                                                                  ^^ write `200`, `"2xx"` or `[200, 404]`
    "#);
    assert_snapshot!(when("{}"), @r#"
    s.toml:4:55: `when` asks for one thing: a captured value or the last status
      4 |   { get = "/", capture = { kind = "$.k" } }, { when = {}, steps = [ { get = "/" } ] },
        |                                                       ^^ write e.g. `{ captured = "id" }`, `{ captured = "kind", equals = "x" }` or `{ status = 404 }`
    "#);
}
