//! `calibrate`: the generator against a server of known service times. Whether this machine measures truly is for it to
//! tell; on a shared one it may be that it could not be told, but never that it does not while nobody was in the way.

use std::time::Duration;

use crate::support::harness::Workbench;

const PATIENCE: Duration = Duration::from_mins(4);

#[test]
fn every_shape_is_driven_and_every_error_counted() {
    let bench = Workbench::new();
    let outcome = bench.start(&["calibrate", "--quick", "--seed", "7"]).finish(PATIENCE);
    let code = outcome.code;
    assert!(code == Some(0) || code == Some(98), "{code:?}\n{outcome}");
    let table = &outcome.stdout;
    let heading = table.lines().find(|line| line.trim_start().starts_with("shape")).unwrap();
    for title in ["figure", "true", "measured", "off", "theory", "95 % interval"] {
        assert!(heading.contains(title), "{title}\n{outcome}");
    }
    for shape in ["fixed delay", "queue", "stall, open", "stall, closed", "errors"] {
        assert!(table.contains(shape), "{shape}\n{outcome}");
    }
    for figure in ["p50", "p95", "p99"] {
        assert!(table.matches(figure).count() >= 4, "{figure}\n{outcome}");
    }
    // Counts are exact on any machine.
    assert!(table.contains("100 of 100 patterns exact"), "{outcome}");
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    let [injected, counted] = ["exact; injected ", "; counted "].map(|before| {
        let (_, after) = words.split_once(before).unwrap();
        after.split([';', '✓', '✗']).next().unwrap().trim().to_owned()
    });
    assert_eq!(injected, counted, "{outcome}");
    for kind in ["status", "reset", "body", "check"] {
        assert!(injected.contains(kind), "{kind}: {injected}");
    }
    let sentence = table.trim_end().rsplit("\n\n").next().unwrap().replace('\n', " ");
    if code == Some(0) {
        assert!(sentence.starts_with("This machine measures truly: "), "{sentence}");
        assert!(table.contains("the stall is missed, as a closed loop must"), "{outcome}");
    } else {
        assert!(sentence.starts_with("It could not be told whether this machine measures truly: "), "{sentence}");
        assert!(sentence.ends_with("calibrate again."), "{sentence}");
    }
    assert!(outcome.stderr.starts_with("1/5 fixed delay: "), "{outcome}");
    assert!(bench.results().is_empty(), "it leaves no result behind");
}

#[test]
fn it_can_be_interrupted() {
    let bench = Workbench::new();
    let running = bench.start(&["calibrate"]);
    running.wait_for_error("1/5");
    std::thread::sleep(Duration::from_secs(1));
    running.signal("INT");
    let outcome = running.finish(Duration::from_mins(1));
    outcome.assert_code(130);
    assert!(outcome.stdout.is_empty(), "{outcome}");
    assert!(outcome.stderr.contains("interrupted"), "{outcome}");
}

#[test]
fn a_server_s_record_comes_when_its_input_ends() {
    let bench = Workbench::new();
    let behaviour = r#"{"fixed":{"delay_us":1000}}"#;
    // The harness gives it no input at all.
    let outcome = bench.run(&["synthetic-server", "--behaviour", behaviour, "--seed", "1"]);
    outcome.assert_code(0);
    let (url, record) = outcome.stdout.split_once('\n').unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{outcome}");
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    assert_eq!(record["served"], serde_json::json!([]));
    bench.run(&["synthetic-server", "--behaviour", "{}", "--seed", "1"]).assert_code(2);
}
