use std::time::Duration;

use insta::assert_snapshot;

use super::*;

fn document(text: &str) -> Document {
    Document::parse("perf.toml", text).unwrap()
}

#[test]
fn a_line_is_shown_without_its_secrets_and_its_mark_stays_in_place() {
    let text = "password = { value = \"hunter2\", secrt = true }\nhost = \"http://me:hunter2@localhost\"\n";
    let document = Document::parse("x.toml", text).unwrap();
    let mut root = document.root("x");
    let mut password = root.take("password").and_then(|node| node.table("password")).unwrap();
    assert_eq!(password.take("value").and_then(|node| node.text()), Some("hunter2"));
    password.close();
    root.take("host").unwrap().reject("no", None);
    root.close();
    let shown = document.check().unwrap_err().to_string();
    assert!(shown.contains("  1 | password = { value = \"*******\", secrt = true }"), "{shown}");
    assert!(shown.contains(&format!("    | {}^^^^^", " ".repeat(32))), "{shown}");
    assert!(shown.contains("  2 | host = \"http://**********@localhost\""), "{shown}");
}

#[test]
fn a_syntax_error_shows_its_line() {
    let error = Document::parse("perf.toml", "name = \"x\"\nweight = = 3\n").unwrap_err();
    assert_snapshot!(error, @r"
    perf.toml:2:10: extra `=`, expected nothing
      2 | weight = = 3
        |          ^
    ");
}

#[test]
fn every_syntax_error_is_shown_once() {
    let error = Document::parse("perf.toml", "a = = 1\nb = 2\nc = [1, 2\n").unwrap_err();
    assert_snapshot!(error, @r"
    perf.toml:1:5: extra `=`, expected nothing
      1 | a = = 1
        |     ^
    perf.toml:3:10: unclosed array, expected `]`
      3 | c = [1, 2
        |          ^
    ");
}

#[test]
fn a_duplicate_key_points_at_the_second() {
    let error = Document::parse("perf.toml", "name = \"x\"\nhost = \"h\"\nname = \"y\"\n").unwrap_err();
    assert_snapshot!(error, @r#"
    perf.toml:3:1: duplicate key
      3 | name = "y"
        | ^^^^
    "#);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let document = document("wieght = 3\nzzz = 1\n");
    let mut root = document.root("[[task]]");
    assert!(root.take("weight").is_none());
    assert!(root.take("name").is_none());
    root.close();
    assert_snapshot!(document.check().unwrap_err(), @r"
    perf.toml:1:1: unknown key `wieght` in [[task]]
      1 | wieght = 3
        | ^^^^^^ did you mean `weight`?
    perf.toml:2:1: unknown key `zzz` in [[task]]
      2 | zzz = 1
        | ^^^ known here: `weight`, `name`
    ");
}

#[test]
fn wrong_types_are_all_noted_in_the_order_of_the_file() {
    let document = document(
        "text = 1\nflag = \"yes\"\nusers = 0\nbig = 99999999999999999999\nratio = inf\nwait = -1\nper = \"usr\"\nlist = 3\ntable = 1979-05-27\n",
    );
    let mut root = document.root("the configuration");
    assert!(root.take("table").unwrap().table("[table]").is_none());
    assert_eq!(root.take("list").unwrap().texts(), None);
    assert_eq!(root.take("per").unwrap().one_of(&[("user", 1), ("iteration", 2)]), None);
    assert_eq!(root.take("wait").unwrap().duration(), None);
    assert_eq!(root.take("ratio").unwrap().number(), None);
    assert_eq!(root.take("big").unwrap().integer(0..=i64::MAX), None);
    assert_eq!(root.take("users").unwrap().integer(1..=1000), None);
    assert_eq!(root.take("flag").unwrap().boolean(), None);
    assert_eq!(root.take("text").unwrap().text(), None);
    root.close();
    assert_snapshot!(document.check().unwrap_err(), @r#"
    perf.toml:1:8: `text` must be a string, not a whole number
      1 | text = 1
        |        ^
    perf.toml:2:8: `flag` must be `true` or `false`, not a string
      2 | flag = "yes"
        |        ^^^^^
    perf.toml:3:9: `users` must be a whole number from 1 to 1000, not 0
      3 | users = 0
        |         ^
    perf.toml:4:7: `big` must be a whole number of at least 0, not 99999999999999999999
      4 | big = 99999999999999999999
        |       ^^^^^^^^^^^^^^^^^^^^
    perf.toml:5:9: `ratio` must be a number, not a fractional number
      5 | ratio = inf
        |         ^^^
    perf.toml:6:8: `wait` must be a time of 0 or more
      6 | wait = -1
        |        ^^
    perf.toml:7:7: `per` cannot be "usr"
      7 | per = "usr"
        |       ^^^^^ did you mean `user`?
    perf.toml:8:8: `list` must be an array, not a whole number
      8 | list = 3
        |        ^
    perf.toml:9:9: `table` must be a table, not a date or time
      9 | table = 1979-05-27
        |         ^^^^^^^^^^
    "#);
}

#[test]
fn a_missing_key_points_at_the_header_of_its_table() {
    let document = document("[[task]]\nname = \"a\"\n\n[[task]]\nweight = 2\n");
    let mut root = document.root("the scenario");
    for item in root.take("task").unwrap().items().unwrap() {
        let mut task = item.table("[[task]]").unwrap();
        task.require("name", "name = \"…\"");
        task.take("weight");
        task.close();
    }
    root.close();
    assert_snapshot!(document.check().unwrap_err(), @r#"
    perf.toml:4:1: [[task]] has no `name`
      4 | [[task]]
        | ^^^^^^^^ add `name = "…"`
    "#);
}

#[test]
fn values_come_out_as_they_were_written() {
    let document = document(
        "hex = 0xff\nfraction = 1_000.5\nseconds = 2\nhalf = 0.5\nnames = [\"b\", \"a\"]\nz = 1\na = { y = true, x = 'raw \\d' }\n",
    );
    let mut root = document.root("the configuration");
    assert_eq!(root.take("hex").unwrap().integer(0..=255), Some(255));
    assert_eq!(root.take("fraction").unwrap().number(), Some(1000.5));
    assert_eq!(root.take("seconds").unwrap().duration(), Some(Duration::from_secs(2)));
    assert_eq!(root.take("half").unwrap().duration(), Some(Duration::from_millis(500)));
    assert_eq!(root.take("names").unwrap().texts(), Some(vec!["b", "a"]));
    assert_eq!(root.rest().iter().map(Node::key).collect::<Vec<_>>(), ["z", "a"], "in the order of the file");
    let mut inner = Table::new(&document, document.value().get("a").unwrap(), "`a`".into());
    assert_eq!(inner.take("x").unwrap().text(), Some("raw \\d"));
    assert_eq!(inner.take("y").unwrap().boolean(), Some(true));
    inner.close();
    root.close();
    assert_eq!(document.check(), Ok(()));
}

#[test]
fn columns_count_characters_and_tabs_keep_the_mark_in_place() {
    let document = document("a = [\"äöü\",\t\"x\", 3]\r\n");
    let mut root = document.root("the configuration");
    root.take("a").unwrap().texts();
    root.close();
    assert_snapshot!(document.check().unwrap_err(), @r#"
    perf.toml:1:18: `a` must be a string, not a whole number
      1 | a = ["äöü", "x", 3]
        |                  ^
    "#);
}

#[test]
fn a_problem_of_another_file_does_not_show_its_line() {
    let document = document("a = 1\n");
    document.note(Problem::of_line("accounts.csv", 3, "2 columns where the first line has 3", Some("add the third")));
    document.reject(0..1, "first", None);
    assert_snapshot!(document.check().unwrap_err(), @r"
    perf.toml:1:1: first
      1 | a = 1
        | ^
    accounts.csv:3: 2 columns where the first line has 3: add the third
    ");
}

#[test]
fn the_nearest_name_is_a_slip_away_or_none() {
    assert_eq!(nearest("wieght", ["name", "weight"]), Some("weight"));
    assert_eq!(nearest("Spawn-Rate", ["spawn_rate"]), Some("spawn_rate"));
    assert_eq!(nearest("usres", ["users", "user"]), Some("users"));
    assert_eq!(nearest("tag", ["name", "weight"]), None);
    assert_eq!(suggestion("tag", []), "nothing is known here");
    assert_eq!(suggestion("q", ["name", "weight"]), "known here: `name`, `weight`");
}
