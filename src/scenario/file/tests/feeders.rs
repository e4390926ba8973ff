use insta::assert_snapshot;

use super::*;

/// What is wrong with a scenario that has a feeder `f` of this file; the folder is cut out of the message.
fn wrong_feeder(file: &str, content: &[u8], more: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), content).unwrap();
    let text = format!("[feeders.f]\nfile = \"{file}\"\n{more}\n{SOUND}query = {{ a = \"{{{{f.a}}}}\" }}\n");
    let path = folder.path().join("s.toml");
    let error = read(&text, "s.toml", Some(&path), &|_| None).map(|scenario| scenario.name).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn files() {
    assert_snapshot!(wrong_top("[feeders.f]\nfile = \"no-such-folder/none.csv\""), @r#"
    s.toml:2:8: no-such-folder/none.csv cannot be read: No such file or directory (os error 2)
      2 | file = "no-such-folder/none.csv"
        |        ^^^^^^^^^^^^^^^^^^^^^^^^^ paths start at the scenario file
    "#);
    assert_snapshot!(wrong_top("[feeders.f]\nfile = \"f.xlsx\"\n[feeders.g]\nper = \"usr\"\norder = \"shuffled\""), @r#"
    s.toml:2:8: f.xlsx is no feeder file
      2 | file = "f.xlsx"
        |        ^^^^^^^^ use a file that ends in `.csv` or `.ndjson`
    s.toml:3:1: [feeders.g] has no `file`
      3 | [feeders.g]
        | ^^^^^^^^^^^ add `file = "….csv"`
    s.toml:4:7: `per` cannot be "usr"
      4 | per = "usr"
        |       ^^^^^ did you mean `user`?
    s.toml:5:9: `order` cannot be "shuffled"
      5 | order = "shuffled"
        |         ^^^^^^^^^^ known here: `sequential`, `random`
    "#);
    assert_snapshot!(wrong_feeder("f.csv", b"a,b\n", ""), @r#"
    s.toml:2:8: f.csv has no rows
      2 | file = "f.csv"
        |        ^^^^^^^ a feeder needs at least one
    "#);
    assert_snapshot!(wrong_feeder("f.csv", b"", ""), @r#"
    s.toml:2:8: f.csv has no rows
      2 | file = "f.csv"
        |        ^^^^^^^ a feeder needs at least one
    "#);
    assert_snapshot!(wrong_feeder("f.ndjson", b"\n\n", ""), @r#"
    s.toml:2:8: f.ndjson has no rows
      2 | file = "f.ndjson"
        |        ^^^^^^^^^^ a feeder needs at least one
    "#);
    assert_snapshot!(wrong_feeder("f.csv", b"a,b\n1,2\n\xff,3\n", ""), @"f.csv:3: not UTF-8: save the file as UTF-8");
}

#[test]
fn rows() {
    assert_snapshot!(wrong_feeder("f.csv", b"a,b\n1,2\n\n3\n", ""), @"f.csv:4: values: 1, but the first line names columns: 2: give each column a value; one with a comma goes in double quotes");
    assert_snapshot!(wrong_feeder("f.csv", b"a,b\n1,2\n3,4,5\n", ""), @"f.csv:3: values: 3, but the first line names columns: 2: give each column a value; one with a comma goes in double quotes");
    assert_snapshot!(wrong_feeder("f.csv", b"a,a\n1,2\n", ""), @"f.csv:1: two columns are named `a`: name them differently");
    assert_snapshot!(wrong_feeder("f.csv", b"a,\n1,2\n", ""), @"f.csv:1: column 2 has no name: the first line names the columns");
    assert_snapshot!(wrong_feeder("f.ndjson", b"{\"a\":1}\n{\"a\":2\n", ""), @"f.ndjson:2: not JSON: EOF while parsing an object (column 6): write one JSON object a line");
    assert_snapshot!(wrong_feeder("f.ndjson", b"{\"a\":1}\n\n{\"b\":2}\n", ""), @"f.ndjson:3: no `a`, which the first line has: give every line the names of the first");
    assert_snapshot!(wrong_feeder("f.ndjson", b"[1]\n", ""), @r#"f.ndjson:1: not a JSON object: write one JSON object a line, e.g. {"email": "a@example.com"}"#);
    assert_snapshot!(wrong_feeder("f.ndjson", b"{}\n", ""), @"f.ndjson:1: the object is empty: its names are the columns");
}

#[test]
fn columns() {
    assert_snapshot!(wrong_feeder("f.csv", b"email,password\nx,y\n", "secret = [\"pasword\"]"), @r#"
    s.toml:3:11: f.csv has no column `pasword`
      3 | secret = ["pasword"]
        |           ^^^^^^^^^ did you mean `password`?
    s.toml:7:16: feeder `f` has no column `a`
      7 | query = { a = "{{f.a}}" }
        |                ^^^^^^^ known here: `email`, `password`
    "#);
}

#[test]
fn the_hash_covers_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |rows: &str| {
        std::fs::write(folder.path().join("f.csv"), rows).unwrap();
        let text = format!("[feeders.f]\nfile = \"f.csv\"\n{SOUND}");
        read(&text, "s.toml", Some(&folder.path().join("s.toml")), &|_| None).unwrap().hash
    };
    assert_ne!(hash("a\n1\n"), hash("a\n2\n"));
    assert_eq!(hash("a\n1\n"), hash("a\n1\n"));
}

#[test]
fn rows_come_out_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.csv"), "\u{feff}email, note\n a@b.c ,\"x, y\"\nd@e.f,\n").unwrap();
    std::fs::write(
        folder.path().join("g.ndjson"),
        "{\"id\": 1, \"deep\": {\"a\": null}}\n{\"deep\": \"t\", \"id\": \"2\", \"more\": 0}\n",
    )
    .unwrap();
    let text = format!("[feeders.f]\nfile = \"f.csv\"\n[feeders.g]\nfile = \"g.ndjson\"\n{SOUND}");
    let scenario = read(&text, "s.toml", Some(&folder.path().join("s.toml")), &|_| None).unwrap();
    let cells = |feeder: usize| {
        scenario.feeders[feeder].cells.iter().map(crate::scenario::value::Value::as_str).collect::<Vec<_>>()
    };
    assert_eq!(scenario.feeders[0].columns, ["email", "note"]);
    assert_eq!(cells(0), ["a@b.c", "x, y", "d@e.f", ""]);
    assert_eq!(cells(1), ["1", "{\"a\":null}", "2", "t"]);
}
