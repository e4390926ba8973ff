//! A thousand users for half a minute: started on schedule, in bounded memory.

use std::time::Duration;

use serde_json::Value;

use crate::support::harness::Workbench;

#[test]
fn a_thousand_users_start_at_the_asked_rate_in_bounded_memory() {
    let bench = Workbench::new();
    let args = ["run", "-u", "1000", "-r", "100", "-t", "30s", "--allow-unproven"];
    let outcome = bench.run_for(&args, Duration::from_secs(110));
    outcome.assert_code(0);
    let result = bench.result();
    assert_eq!(result["totals"]["failures"], 0, "{outcome}");
    let login = crate::endpoint(&result, "POST /api/v2/auth/login");
    assert_eq!(login["requests"], 1000);
    let memory = result["generators"][0]["memory_bytes"].as_u64().unwrap();
    assert!(memory > 1 << 20 && memory < 300 << 20, "{memory} bytes");

    let samples = std::fs::read_to_string(bench.newest_result().join("samples.ndjson")).unwrap();
    let seconds: Vec<Value> = samples
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["type"] == "second")
        .collect();
    for second in &seconds[..10] {
        // All users that the rate asks for by the second's end, but for those of its last moments.
        let (due, users) = (second["to_s"].as_f64().unwrap() * 100.0, second["users"].as_f64().unwrap());
        assert!((users - due).abs() <= 25.0, "{users} users at work where {due} were due");
    }
    assert!(seconds[15..28].iter().all(|second| second["users"] == 1000));
}
