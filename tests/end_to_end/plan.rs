//! What N users need, and a search's result wherever a result is taken: on searches that were recorded for it, without load.

#[path = "../support/search.rs"]
mod search;

use std::fs;

use agenthub_perf::record::End;

use self::search::{Held, record};
use crate::support::harness::Workbench;

/// Between 200/s, confirmed, and 240/s: 20 ms at 50/s, 100 ms at 200/s.
const FAST: &[Held] = &[(50, 30, 20), (200, 30, 100), (400, 30, 900), (240, 30, 400), (200, 30, 100)];
/// Half of that.
const SLOW: &[Held] = &[(50, 30, 40), (200, 30, 900), (100, 30, 100), (120, 30, 400), (100, 30, 100)];

fn id(n: usize) -> String {
    format!("202611{:02}T081000Z-look-{n:04x}", n + 1)
}

/// With a search for each of these.
fn bench(searches: &[(&str, &[Held])]) -> Workbench {
    let bench = Workbench::new();
    for (n, (label, levels)) in searches.iter().enumerate() {
        record(&bench.path().join("results"), &id(n), label, levels, &End::Finished);
        bench.run(&["report", &id(n)]).assert_code(0);
    }
    bench
}

#[test]
fn what_users_need_follows_from_the_edge_that_was_proven() {
    let bench = bench(&[("fast", FAST)]);
    let edge = &bench.result()["edge"];
    assert_eq!(
        (&edge["passes"], &edge["fails"], &edge["confirmed"]),
        (&200.0.into(), &240.0.into(), &true.into()),
        "{edge}"
    );
    let flags = ["capacity", "plan", "fast", "--users", "10000"];
    let outcome = bench.run(&[&flags[..], &["--growth", "8%/month", "--instances", "30", "--format", "json"]].concat());
    outcome.assert_code(0);
    let plan = outcome.json();
    let figure = |place: &str, wanted: f64| {
        let value =
            plan.pointer(place).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("{place}: {plan:#}"));
        assert!((value / wanted - 1.0).abs() < 0.01, "{place}: {value} and not {wanted}");
    };
    // Each request takes up to 12 % longer than said, 6 % on average: 21.2 ms at 50/s, 106 ms at 200/s.
    figure("/response_s/low", 0.0212);
    figure("/response_s/high", 0.106);
    figure("/demand/low", 10_000.0 / 3.106);
    figure("/demand/high", 10_000.0 / 3.0212);
    figure("/instance/low", 140.0);
    figure("/instance/high", 168.0);
    // 3,220 / 168 = 19.2 and 3,310 / 140 = 23.6.
    assert_eq!((&plan["instances"]["low"], &plan["instances"]["high"]), (&20.into(), &24.into()));
    assert_eq!((&plan["proven"], &plan["today"]["enough"]), (&true.into(), &true.into()));
    assert!(plan["growth"]["earliest"].as_str() < plan["growth"]["latest"].as_str(), "{plan:#}");
    let text = bench.run(&flags);
    text.assert_code(0);
    assert!(text.stdout.starts_with("10,000 users need 20 to 24 instances.\n"), "{text}");
    assert!(text.stdout.contains("140 – 168 tasks/s with 30 % of its edge kept free"), "{text}");
    assert!(text.stdout.contains("between 200/s (passes, confirmed) and 240/s (fails)"), "{text}");
    assert!(text.stdout.contains("instances scale linearly") && !text.stdout.contains("run out"), "{text}");
    let page = bench.run(&[&flags[..], &["--wait", "7s", "--headroom", "0%", "--format", "md"]].concat());
    // 10,000 / 7.106 s over 240/s, and 10,000 / 7.021 s over 200/s: 5.9 and 7.1.
    assert!(
        page.stdout.starts_with("## 10,000 users need 6 to 8 instances.\n")
            && page.stdout.contains("| think time | 7 s"),
        "{page}"
    );
}

#[test]
fn an_edge_that_is_not_proven_plans_with_98_and_a_search_that_proved_nothing_not_at_all() {
    let bench = Workbench::new();
    let results = bench.path().join("results");
    record(&results, &id(0), "once", &[(50, 30, 20), (200, 30, 100), (400, 30, 900)], &End::Interrupted);
    record(&results, &id(1), "nothing", &[(50, 4, 20)], &End::Finished);
    let plan = |more: &[&str]| bench.run(&[&["capacity", "plan", "-u", "1000"], more].concat());
    let unproven = plan(&[&id(0)]);
    unproven.assert_code(98);
    assert!(unproven.stdout.contains("Not proven: ") && unproven.stdout.contains("interrupted after"), "{unproven}");
    let words = unproven.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("200/s passed but once, so the lower end is the level below it that passed, 50/s"),
        "{words}"
    );
    assert!(words.contains("between 50/s (passes, not confirmed) and 400/s (fails)"), "{words}");
    // What was answered at 200/s counts, proven to pass or not.
    assert!(words.contains("21.2 ms to 106 ms on average, as between 50/s and 200/s"), "{words}");
    plan(&[&id(0), "--allow-unproven"]).assert_code(0);
    let nothing = plan(&["nothing", "--allow-unproven"]);
    nothing.assert_code(98);
    assert!(nothing.stderr.contains("does not tell where the edge is") && nothing.stdout.is_empty(), "{nothing}");
}

#[test]
fn what_cannot_be_planned_says_why_and_what_would_do() {
    let bench = bench(&[("fast", FAST)]);
    for (args, why) in [
        (&["fast"][..], "--users"),
        (&["fast", "--users", "0"], "at least 1 user"),
        (&["fast", "--users", "9", "--headroom", "100%"], "below 100 %"),
        (&["fast", "--users", "9", "--growth", "8%"], "e.g. 8%/month"),
        (&["fast", "--users", "9", "--instances", "0"], "from 1 on"),
        (&["fats", "--users", "9"], "did you mean \"fast\"?"),
    ] {
        let outcome = bench.run(&[&["capacity", "plan"], args].concat());
        outcome.assert_code(2);
        assert!(outcome.stderr.contains(why), "{why:?} is not in\n{outcome}");
    }
    // The flags of a search are none of a plan's.
    let mixed = bench.run(&["capacity", "--by", "users", "plan", "fast", "--users", "9"]);
    mixed.assert_code(2);
    for command in ["report", "compare"] {
        let args: &[&str] = if command == "report" { &["report", "nowhere"] } else { &["compare", "fast", "nowhere"] };
        let outcome = bench.run(args);
        outcome.assert_code(2);
        assert!(outcome.stderr.contains("no result \"nowhere\""), "{outcome}");
    }
    let asked = bench.path().join("results").join(id(0)).join("run.toml");
    let text = fs::read_to_string(&asked).unwrap();
    fs::write(&asked, text.replace("mean_wait_s = 3.0\n", "")).unwrap();
    let silent = bench.run(&["capacity", "plan", "fast", "--users", "9"]);
    silent.assert_code(2);
    assert!(silent.stderr.contains("say how long users wait between their tasks, e.g. --wait 3s"), "{silent}");
    bench.run(&["capacity", "plan", "fast", "--users", "9", "--wait", "3s"]).assert_code(0);
    fs::write(&asked, "schema = 1\n").unwrap();
    let damaged = bench.run(&["capacity", "plan", &id(0), "--users", "9"]);
    damaged.assert_code(1);
    assert!(damaged.stderr.contains("run.toml"), "{damaged}");
}

#[test]
fn a_run_of_arrivals_keeps_how_long_users_would_think() {
    let bench = Workbench::new();
    bench.run(&["run", "--rate", "20/s", "-t", "3s", "--allow-unproven"]).assert_code(0);
    let asked = fs::read_to_string(bench.newest_result().join("run.toml")).unwrap();
    assert!(asked.contains("\nmean_wait_s = 3.0\n"), "{asked}");
    let outcome = bench.run(&["capacity", "plan", "latest", "--users", "100"]);
    outcome.assert_code(2);
    assert!(outcome.stderr.contains("search with `agenthub-perf capacity`"), "{outcome}");
}

#[test]
fn searches_are_compared_by_their_edges() {
    let bench = bench(&[("fast", FAST), ("again", FAST), ("slow", SLOW)]);
    for (a, b, code, verdict) in
        [("fast", "slow", 99, "worse"), ("slow", "fast", 0, "better"), ("fast", "again", 98, "unproven")]
    {
        let outcome = bench.run(&["compare", a, b, "--format", "json"]);
        outcome.assert_code(code);
        let found = outcome.json();
        assert_eq!((&found["verdict"], found["targets"].as_array().unwrap().len()), (&verdict.into(), 1), "{outcome}");
        assert_eq!(found["targets"][0]["name"], "edge");
    }
    // As alike as the brackets can tell.
    bench.run(&["compare", "fast", "again", "--tolerance", "25%"]).assert_code(0);
    let text = bench.run(&["compare", "fast", "slow"]);
    assert!(text.stdout.contains("B is worse than A: edge −50 %."), "{text}");
    assert!(text.stdout.contains("200/s – 240/s") && text.stdout.contains("100/s – 120/s"), "{text}");
    assert!(text.stdout.contains("(−100 arrivals/s)") && !text.stdout.contains("/min"), "{text}");
    // Their levels are each other's own: nothing is said of response times, nor resampled.
    assert!(!text.stdout.contains("p95") && !text.stdout.contains("resamples"), "{text}");
    assert!(
        !text.stdout.contains("run time") && text.stdout.contains("searches of the same code differ too"),
        "{text}"
    );
    let page = bench.run(&["compare", "fast", "slow", "--format", "html"]);
    assert!(page.stdout.contains("200/s – 240/s") && !page.stdout.contains("shift.svg"), "{page}");
    // One of which nothing is known but that it fails there.
    record(&bench.path().join("results"), &id(3), "down", &[(50, 30, 900)], &End::Finished);
    let text = bench.run(&["compare", "fast", "down"]);
    text.assert_code(99);
    assert!(text.stdout.contains("B is worse than A: edge below 50/s, was 200/s – 240/s."), "{text}");
    assert!(text.stdout.contains("at most −75 %"), "{text}");
}

#[test]
fn searches_have_a_history_and_exports() {
    let searches =
        [("a", FAST), ("b", FAST), ("c", FAST), ("d", FAST), ("e", SLOW), ("f", SLOW), ("g", SLOW), ("h", SLOW)];
    let bench = bench(&searches);
    let trend = bench.run(&["trend", "--format", "json"]);
    trend.assert_code(0);
    let found = trend.json();
    let edge = &found["figures"][0];
    assert_eq!(
        (&edge["name"], &edge["unit"], &edge["more_is_better"]),
        (&"edge".into(), &"arrivals/s".into(), &true.into())
    );
    let values: Vec<f64> =
        edge["points"].as_array().unwrap().iter().map(|point| point["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [200.0, 200.0, 200.0, 200.0, 100.0, 100.0, 100.0, 100.0]);
    assert_eq!((&edge["points"][0]["low"], &edge["points"][0]["high"]), (&200.0.into(), &240.0.into()));
    assert_eq!(found["figures"].as_array().unwrap().len(), 1, "other figures are of the level it came to");
    let text = bench.run(&["trend"]);
    assert!(
        text.stdout.starts_with("look · open model · arrivals a second searched for the edge by error_rate"),
        "{text}"
    );
    // What was not bracketed is no edge, however low it was when the search ended.
    record(&bench.path().join("results"), &id(8), "i", &[(20, 30, 20)], &End::Finished);
    bench.run(&["report", "latest"]).assert_code(98);
    let later = bench.run(&["trend", "--format", "json"]).json();
    let edge = &later["figures"][0];
    let bound = format!("{} (≥ 20)", id(8));
    assert_eq!((edge["points"].as_array().unwrap().len(), &edge["without"][0]), (8, &bound.into()), "{edge:#}");
    let list = bench.run(&["history", "list"]);
    list.assert_code(0);
    assert_eq!(list.stdout.matches("pass").count(), 8, "{list}");
    assert_eq!(list.stdout.matches("edge 200/s – 240/s").count(), 4, "{list}");
    assert!(list.stdout.contains("edge at least 20/s"), "{list}");
    let exports = ["gitlab", "openmetrics", "bencher", "github-benchmark"];
    let flags: Vec<&str> = exports.iter().flat_map(|name| ["--export", name]).collect();
    let report = bench.run(&[&["report", "h"], &flags[..]].concat());
    report.assert_code(0);
    assert!(report.stderr.is_empty(), "{report}");
    let folder = bench.path().join("results").join(id(7));
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read("openmetrics.txt").contains("agenthub_perf_edge{end=\"passes\",by=\"arrivals/s\"} 100"));
    for name in ["bencher.json", "github-benchmark-bigger.json", "junit.xml", "report.md", "report.html"] {
        assert!(read(name).contains("edge"), "{name}");
    }
    assert!(folder.join("charts/edge.svg").is_file());
}
