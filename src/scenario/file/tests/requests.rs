use insta::assert_snapshot;

use super::*;

#[test]
fn variables() {
    assert_snapshot!(wrong_top("[variables]\nuser = { env = \"LOAD_USER\" }"), @r#"
    s.toml:2:16: variable `user` has no value: environment variable LOAD_USER is not set
      2 | user = { env = "LOAD_USER" }
        |                ^^^^^^^^^^^ set it, or give the variable a `default`
    "#);
    assert_snapshot!(wrong_top("[variables]\nuser = { env = \"A\", value = 1 }\nother = {}\n\"a.b\" = 1\nlist = [1]"), @r#"
    s.toml:2:8: variable `user` has one of `env` and `value`
      2 | user = { env = "A", value = 1 }
        |        ^^^^^^^^^^^^^^^^^^^^^^^^ write e.g. `{ env = "NAME", default = "…" }`
    s.toml:3:9: variable `other` has one of `env` and `value`
      3 | other = {}
        |         ^^ write e.g. `{ env = "NAME", default = "…" }`
    s.toml:4:1: `a.b` cannot be the name of a variable
      4 | "a.b" = 1
        | ^^^^^ use letters, digits, `_` and `-`
    s.toml:5:8: `list` must be a text, a number or `true`/`false`, not an array
      5 | list = [1]
        |        ^^^
    "#);
    assert_snapshot!(wrong_top("[variables]\nuser = \"{{other}}\"\nn = { value = 1, default = 2 }\ns = { value = 1, secret = 1 }"), @r#"
    s.toml:2:8: `user` cannot hold placeholders
      2 | user = "{{other}}"
        |        ^^^^^^^^^^^ write them into the requests
    s.toml:3:18: `default` goes with `env`
      3 | n = { value = 1, default = 2 }
        |                  ^^^^^^^ leave it out
    s.toml:4:27: `secret` must be `true` or `false`, not a whole number
      4 | s = { value = 1, secret = 1 }
        |                           ^
    "#);
}

#[test]
fn templates() {
    let names = "[variables]\ntoken = \"t\"\n[[task]]\nname = \"x\"\nget = \"/{{tokne}}/x\"\nbearer = \"{{ tkoen }}\"\nheaders = { a = \"{{token\" }\njson = { deep = [ { n = \"a\\n{{uiud()}}\" } ] }\nquery = { q = \"{{random_int(9, 1)}}\" }\n";
    assert_snapshot!(wrong(names), @r#"
    s.toml:5:9: unknown name `tokne`
      5 | get = "/{{tokne}}/x"
        |         ^^^^^^^^^ did you mean `token`?
    s.toml:6:11: unknown name `tkoen`
      6 | bearer = "{{ tkoen }}"
        |           ^^^^^^^^^^^ did you mean `token`?
    s.toml:7:18: the placeholder is not closed
      7 | headers = { a = "{{token" }
        |                  ^^^^^^^ close it with `}}`; for a plain `{{` write `{{"{{"}}`
    s.toml:8:29: unknown generator `uiud`
      8 | json = { deep = [ { n = "a\n{{uiud()}}" } ] }
        |                             ^^^^^^^^^^ did you mean `uuid`?
    s.toml:9:16: random_int(9, 1) has no number to draw
      9 | query = { q = "{{random_int(9, 1)}}" }
        |                ^^^^^^^^^^^^^^^^^^^^ write `random_int(1, 9)`
    "#);
    assert_snapshot!(wrong_request("query = { a = \"{{some}}\" }"), @r#"
    s.toml:4:16: unknown name `some`
      4 | query = { a = "{{some}}" }
        |                ^^^^^^^^ no variable, capture or feeder has a name yet
    "#);
}

#[test]
fn requests() {
    assert_snapshot!(wrong_request("post = \"/u\"\nbody = \"x\"\njson = {}"), @r#"
    s.toml:4:1: a request has one method, not `post` as well
      4 | post = "/u"
        | ^^^^ write two steps
    s.toml:5:1: a request has one body, not `body` as well
      5 | body = "x"
        | ^^^^ keep one of `json`, `form` and `body`
    "#);
    assert_snapshot!(wrong("[[task]]\nname = \"a\"\nget = \"api/v2\"\n[[task]]\nname = \"b\"\nget = \"/a b\"\n[[task]]\nname = \"c\"\nget = \"/a#top\"\n[[task]]\nname = \"d\"\nget = \"\"\n[[task]]\nname = \"e\"\nget = \"http://\"\n"), @r#"
    s.toml:3:7: a path starts with `/`, a URL with `http://` or `https://`
      3 | get = "api/v2"
        |       ^^^^^^^^ write `"/api/v2"`
    s.toml:6:7: "/a b" is no legal path or URL
      6 | get = "/a b"
        |       ^^^^^^ percent-encode what is neither letter nor digit, e.g. `%20` for a blank; `#` is never sent
    s.toml:9:7: "/a#top" is no legal path or URL
      9 | get = "/a#top"
        |       ^^^^^^^^ percent-encode what is neither letter nor digit, e.g. `%20` for a blank; `#` is never sent
    s.toml:12:7: `get` is empty
      12 | get = ""
         |       ^^
    s.toml:15:7: "http://" is no legal path or URL
      15 | get = "http://"
         |       ^^^^^^^^^ percent-encode what is neither letter nor digit, e.g. `%20` for a blank; `#` is never sent
    "#);
    assert_snapshot!(wrong_request("json = '{\"a\": 1}'"), @r#"
    s.toml:4:8: `json` is a table or an array
      4 | json = '{"a": 1}'
        |        ^^^^^^^^^^ JSON that is written out goes into `body`, with `headers = { content-type = "application/json" }`
    "#);
    assert_snapshot!(wrong_request("json = { a = inf, b = 99999999999999999999 }"), @r"
    s.toml:4:14: JSON has no such number
      4 | json = { a = inf, b = 99999999999999999999 }
        |              ^^^ write it as a text
    s.toml:4:23: JSON has no such number
      4 | json = { a = inf, b = 99999999999999999999 }
        |                       ^^^^^^^^^^^^^^^^^^^^ write it as a text
    ");
    assert_snapshot!(wrong_request("form = \"a=b\""), @r#"
    s.toml:4:8: `form` must be a table, not a string
      4 | form = "a=b"
        |        ^^^^^
    "#);
    assert_snapshot!(wrong_request("tags = \"a\"\nas = \"\"\nquery = { a = {} }"), @r#"
    s.toml:4:8: `tags` must be an array, not a string
      4 | tags = "a"
        |        ^^^
    s.toml:5:6: `as` is empty
      5 | as = ""
        |      ^^
    s.toml:6:15: `a` must be a text, a number or `true`/`false`, not a table
      6 | query = { a = {} }
        |               ^^
    "#);
    assert_snapshot!(wrong_request("headers = { Host = \"x\", \"a b\" = \"x\", ok = \"a\\r\\nb: c\", X-A = \"1\", x-a = \"2\" }"), @r#"
    s.toml:4:13: the client sets `host` itself
      4 | headers = { Host = "x", "a b" = "x", ok = "a\r\nb: c", X-A = "1", x-a = "2" }
        |             ^^^^ leave it out
    s.toml:4:25: "a b" is no name of a header
      4 | headers = { Host = "x", "a b" = "x", ok = "a\r\nb: c", X-A = "1", x-a = "2" }
        |                         ^^^^^ use letters, digits and `-`
    s.toml:4:43: header `ok` holds a line break or another control character
      4 | headers = { Host = "x", "a b" = "x", ok = "a\r\nb: c", X-A = "1", x-a = "2" }
        |                                           ^^^^^^^^^^^ leave it out
    s.toml:4:67: header `x-a` is there twice
      4 | headers = { Host = "x", "a b" = "x", ok = "a\r\nb: c", X-A = "1", x-a = "2" }
        |                                                                   ^^^ upper and lower case are the same
    "#);
}

#[test]
fn captures_and_checks() {
    assert_snapshot!(wrong_request("capture = { a = \"access_token\", b = \"$.x[\", c = 1, d = {}, \"e.f\" = \"$.a\" }"), @r#"
    s.toml:4:17: "access_token" is no JSON path
      4 | capture = { a = "access_token", b = "$.x[", c = 1, d = {}, "e.f" = "$.a" }
        |                 ^^^^^^^^^^^^^^ write `"$.access_token"`
    s.toml:4:37: "$.x[" is no JSON path
      4 | capture = { a = "access_token", b = "$.x[", c = 1, d = {}, "e.f" = "$.a" }
        |                                     ^^^^^^ at position 3, parser error
    s.toml:4:49: `c` must be a JSON path or a table, not a whole number
      4 | capture = { a = "access_token", b = "$.x[", c = 1, d = {}, "e.f" = "$.a" }
        |                                                 ^ write `"$.json.path"`, `{ path = "$.x", take = "first" }` or `{ header = "Location" }`
    s.toml:4:56: capture `d` has one of `path` and `header`
      4 | capture = { a = "access_token", b = "$.x[", c = 1, d = {}, "e.f" = "$.a" }
        |                                                        ^^ write `"$.json.path"`, `{ path = "$.x", take = "first" }` or `{ header = "Location" }`
    s.toml:4:60: `e.f` cannot be the name of a capture
      4 | capture = { a = "access_token", b = "$.x[", c = 1, d = {}, "e.f" = "$.a" }
        |                                                            ^^^^^ use letters, digits, `_` and `-`
    "#);
    assert_snapshot!(wrong_request("capture = { a = { path = \"$.a\", take = \"frist\" }, b = { header = \"a b\" }, c = { header = \"etag\", take = \"last\" }, d = { path = \"$.d\", default = \"{{x}}\" } }"), @r#"
    s.toml:4:40: `take` cannot be "frist"
      4 | capture = { a = { path = "$.a", take = "frist" }, b = { header = "a b" }, c = { header = "etag", take = "last" }, d = { path = "$.d", default = "{{x}}" } }
        |                                        ^^^^^^^ did you mean `first`?
    s.toml:4:66: "a b" is no name of a header
      4 | capture = { a = { path = "$.a", take = "frist" }, b = { header = "a b" }, c = { header = "etag", take = "last" }, d = { path = "$.d", default = "{{x}}" } }
        |                                                                  ^^^^^ use letters, digits and `-`
    s.toml:4:98: `take` goes with `path`
      4 | capture = { a = { path = "$.a", take = "frist" }, b = { header = "a b" }, c = { header = "etag", take = "last" }, d = { path = "$.d", default = "{{x}}" } }
        |                                                                                                  ^^^^ leave it out
    s.toml:4:145: `default` cannot hold placeholders
      4 | capture = { a = { path = "$.a", take = "frist" }, b = { header = "a b" }, c = { header = "etag", take = "last" }, d = { path = "$.d", default = "{{x}}" } }
        |                                                                                                                                                 ^^^^^^^ write them into the requests
    "#);
    assert_snapshot!(wrong_request("expect = { status = [], text = 3, json = { status = 1 }, time = 0 }"), @r#"
    s.toml:4:21: `status` cannot be []
      4 | expect = { status = [], text = 3, json = { status = 1 }, time = 0 }
        |                     ^^ write `200`, `"2xx"` or `[200, 404]`
    s.toml:4:32: `text` must be a string, not a whole number
      4 | expect = { status = [], text = 3, json = { status = 1 }, time = 0 }
        |                                ^
    s.toml:4:44: "status" is no JSON path
      4 | expect = { status = [], text = 3, json = { status = 1 }, time = 0 }
        |                                            ^^^^^^ write e.g. `"$.status"`
    s.toml:4:65: `time` must be longer than 0
      4 | expect = { status = [], text = 3, json = { status = 1 }, time = 0 }
        |                                                                 ^ write e.g. `"30s"`
    "#);
}
