//! A host that misbehaves in every way we could think of: each is counted as what it is, and none stops the run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::support::faults::{Fault, FaultServer};
use crate::support::harness::Workbench;
use crate::{assert_missed, endpoint};

/// What a fault must be counted as: a kind and words of the error's text, or a success.
type Expected = Option<(&'static str, &'static str)>;

const TABLE: [(Fault, &str, Expected); 30] = [
    // What the host does, what the request says more, and what it counts as.
    (Fault::Fine, "", None),
    (Fault::NeverAnswer, "timeout = \"1s\"", Some(("timeout", "no whole response within 1s"))),
    (Fault::SlowBody, "timeout = \"1s\"", Some(("timeout", "no whole response within 1s"))),
    (Fault::EndlessBody, "timeout = \"1s\"", Some(("timeout", "no whole response within 1s"))),
    (Fault::HugeBody, "timeout = \"60s\"", None),
    (Fault::InvalidJson, "capture = { x = \"$.ok\" }", Some(("check", "JSON"))),
    (Fault::RedirectLoop, "", Some(("status", "status 302 after 10 redirects"))),
    (Fault::RedirectToFine, "", None),
    (Fault::RedirectNowhere, "", None),
    (Fault::LengthTooLong, "", Some(("body", "body: ended early"))),
    // By its own length the response is whole; what follows costs the connection.
    (Fault::LengthTooShort, "", None),
    (Fault::ResetBefore, "", Some(("reset", "connection reset"))),
    (Fault::ResetInHeaders, "", Some(("reset", "connection reset"))),
    (Fault::ResetInBody, "", Some(("body", "body: connection reset"))),
    (Fault::HalfClose, "", None),
    (Fault::ChunkedWithoutEnd, "", Some(("body", "body: "))),
    (Fault::BrokenChunkSize, "", Some(("body", "body: "))),
    (Fault::EndlessHeaders, "", Some(("body", "not an HTTP response"))),
    (Fault::Http10, "", None),
    (Fault::ContinueFirst, "", None),
    (Fault::HintsFirst, "", None),
    (Fault::SwitchesProtocols, "", Some(("status", "status 101"))),
    (Fault::TwoLengths, "", Some(("body", "not an HTTP response: it names two lengths"))),
    (Fault::CorruptGzip, "capture = { x = \"$.ok\" }", Some(("body", "gzip body"))),
    (Fault::EmptyReply, "", Some(("reset", "connection closed before the response"))),
    (Fault::NotHttp, "", Some(("body", "not an HTTP response"))),
    // The next request finds the connection gone and opens another.
    (Fault::ResetAfter, "", None),
    (Fault::HalfCloseBefore, "", Some(("reset", "connection closed before the response"))),
    (Fault::SlowHeaders, "timeout = \"1s\"", Some(("timeout", "no whole response within 1s"))),
    (Fault::HugeHeader, "", Some(("body", "not an HTTP response"))),
];

#[test]
fn every_fault_is_counted_as_what_it_is_and_none_stops_the_run() {
    let server = FaultServer::start();
    let bench = Workbench::new();
    let mut scenario = "name = \"trouble\"\nwait = { constant = \"20ms\" }\n".to_owned();
    for (fault, more, _) in TABLE {
        write!(scenario, "\n[[task]]\nname = \"{fault:?}\"\nget = \"{}\"\n{more}\n", fault.path()).unwrap();
    }
    bench.write("trouble.toml", &scenario);
    let args = ["run", "-H", &server.url(), "-f", "trouble.toml", "-u", "14", "-r", "100", "-t", "15s", "--seed", "3"];
    assert_missed(&bench.run_for(&args, Duration::from_secs(90)));
    let result = bench.result();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (fault, _, expected) in TABLE {
        let seen = endpoint(&result, &format!("GET {}", fault.path()));
        let number = |key: &str| seen[key].as_u64().unwrap();
        assert!(number("requests") > number("cut_off"), "{fault:?} was not met: {seen}");
        match expected {
            None => assert_eq!(number("failures"), 0, "{fault:?}: {seen:#}"),
            Some((kind, text)) => {
                assert_eq!(number("failures"), number("requests") - number("cut_off"), "{fault:?}: {seen:#}");
                let errors = seen["errors"].as_object().unwrap();
                assert!(errors.keys().all(|error| error.contains(text)), "{fault:?}: {errors:?}");
                *kinds.entry(kind).or_default() += number("failures");
            }
        }
    }
    let reported: BTreeMap<&str, u64> = result["totals"]["failures_by_kind"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(kind, count)| (kind.as_str(), count.as_u64().unwrap()))
        .collect();
    assert_eq!(reported, kinds);
    // A hundred megabytes are read, not kept.
    let memory = result["generators"][0]["memory_bytes"].as_u64().unwrap();
    assert!(memory < 200 << 20, "{memory} bytes");
    let redirected = endpoint(&result, &format!("GET {}", Fault::RedirectToFine.path()));
    assert_eq!(redirected["redirected"], redirected["requests"]);
}

#[test]
fn a_host_that_never_answers_ends_the_run_in_time() {
    let server = FaultServer::start();
    let bench = Workbench::new();
    bench.write(
        "hang.toml",
        &crate::support::harness::only_get(&Fault::NeverAnswer.path(), "\"none\"", "timeout = \"1s\""),
    );
    let outcome = bench.run(&["run", "-H", &server.url(), "-f", "hang.toml", "-u", "5", "-r", "50", "-t", "5s"]);
    outcome.assert_code(99);
    assert!(outcome.took < Duration::from_mins(1), "took {:?}", outcome.took);
    let result = bench.result();
    let timeouts = result["totals"]["failures_by_kind"]["timeout"].as_u64().unwrap();
    assert!((15..=25).contains(&timeouts), "{timeouts} timeouts of 5 users in 5 s");
}
