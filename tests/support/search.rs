//! A search for the edge recorded by the real recorder and journal, by a clock that runs as fast as it can be recorded: what levels
//! were held, and how long each request took.
#![allow(unreachable_pub, reason = "it is part of a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agenthub_perf::record::{
    Arrivals, Asked, End, EndpointId, EndpointName, HeldLevel, LoadPlan, Outcome, Phases, Recorder, Sample,
};
use serde_json::json;

use crate::asked::asked;

/// µs.
const SECOND_US: u64 = 1_000_000;
/// Between two holds.
const PAUSE_S: u64 = 5;

/// One hold: arrivals a second, for how many seconds, ms of each request.
pub type Held = (u64, u64, u64);

/// A search by rate of users who would think 3 s, whose p95 must be below 200 ms and who must not fail by more than 5 %.
pub fn record(results: &Path, id: &str, label: &str, levels: &[Held], end: &End) -> PathBuf {
    let folder = results.join(id);
    std::fs::create_dir_all(&folder).unwrap();
    let started = format!("{}-{}-{}T{}:{}:{}Z", &id[..4], &id[4..6], &id[6..8], &id[9..11], &id[11..13], &id[13..15]);
    let length_s: u64 = levels.iter().map(|(_, seconds, _)| seconds + PAUSE_S).sum();
    let search = json!({
        "start": 50.0, "most": 1000.0, "max_time_s": length_s, "width": 0.1, "abort_on": 0.2,
        "looks_s": [15.0, 30.0, 60.0], "confidences": [0.999, 0.99, 0.97],
    });
    let all = Asked {
        id: id.to_owned(),
        label: Some(label.to_owned()),
        started: started.clone(),
        users: None,
        rate: Some(1000.0),
        arrivals: Some(Arrivals::Poisson),
        max_users: Some(2000),
        mean_wait_s: Some(3.0),
        wait: String::new(),
        search: Some(serde_json::from_value(search).unwrap()),
        plan: LoadPlan::rate(1000.0, length_s as f64),
        targets: BTreeMap::from([("p95_response_time".into(), "< 200ms".into()), ("error_rate".into(), "< 5%".into())]),
        ..asked("look", 1, length_s as f64)
    };
    let name = EndpointName { name: "GET /api/v2/health".into(), scenario: "look".into(), tags: Vec::new() };
    let (recorder, mut hand) = Recorder::by_hand(&folder, &all, vec![name], started.parse().unwrap()).unwrap();
    let mut second = 0;
    for (n, &(level, seconds, ms)) in levels.iter().enumerate() {
        recorder.wanted(0.0);
        for _ in 0..PAUSE_S {
            second += 1;
            hand.tick(second * SECOND_US + 100_000);
        }
        recorder.wanted(level as f64);
        let from_s = second as f64;
        for _ in 0..seconds {
            for n in 0..level {
                // A little apart, as nothing takes exactly as long each time.
                recorder.record(&sample(second * SECOND_US + n * SECOND_US / level, ms * 1000 + n % 7 * ms * 20));
                recorder.lag(100);
            }
            second += 1;
            hand.tick(second * SECOND_US + 100_000);
        }
        let confirms = levels[..n].iter().any(|(before, ..)| *before == level);
        let held =
            json!({"from_s": from_s, "to_s": second as f64, "level": level as f64, "looks": 2, "confirms": confirms});
        recorder.level(serde_json::from_value::<HeldLevel>(held).unwrap());
    }
    hand.finish(second * SECOND_US + 500_000, end).unwrap();
    folder
}

fn sample(end_us: u64, response_us: u64) -> Sample {
    Sample {
        endpoint: EndpointId(0),
        end_us,
        response_us,
        service_us: response_us,
        first_byte_us: response_us,
        phases: Phases::default(),
        outcome: Outcome::Success,
        status: 200,
        redirects: 0,
        connected: 0,
        http2: false,
        body_bytes: 300,
    }
}
