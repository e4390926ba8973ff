//! A long load recorded by the real recorder and journal, by a clock that runs as fast as it can be recorded.
#![allow(unreachable_pub, reason = "it is part of a test and of a bench")]

#[path = "asked.rs"]
mod asked;

use std::collections::BTreeMap;
use std::path::Path;

use agenthub_perf::record::{
    Asked, End, EndpointId, EndpointName, Outcome, Phases, ProbeKind, ProbeLine, ProbeName, Recorder, Sample, Seen,
    State,
};

/// µs.
const SECOND_US: u64 = 1_000_000;

/// How long, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Hour {
    pub seconds: u64,
    pub endpoints: u32,
    /// Requests a second to each endpoint.
    pub per_second: u64,
    /// What is watched beside them.
    pub probes: u32,
}

impl Hour {
    /// Records it all; `after` is called when a second was written.
    pub fn record(self, folder: &Path, mut after: impl FnMut(u64)) {
        let started = "2026-11-23T08:10:00Z".parse().unwrap();
        let (recorder, mut hand) = Recorder::by_hand(folder, &self.asked(), self.names(), started).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        recorder.wanted(50.0);
        for _ in 0..50 {
            recorder.enter(State::AtWork, 0);
        }
        let grace_us = 100_000;
        for second in 0..self.seconds {
            for n in 0..self.per_second {
                let end_us = second * SECOND_US + n * SECOND_US / self.per_second;
                for endpoint in 0..self.endpoints {
                    recorder.record(&sample(endpoint, end_us, &mut random));
                }
                recorder.lag(random.u64(50..300));
            }
            for probe in 0..self.probes {
                if second == 0 {
                    recorder.probe(ProbeLine::Probe { id: probe, name: probe_name(probe) });
                }
                recorder.probe(ProbeLine::Seen { probe, seen: seen(second, &mut random) });
            }
            hand.tick((second + 1) * SECOND_US + grace_us);
            after(second + 1);
        }
        hand.finish(self.seconds * SECOND_US, &End::Finished).unwrap();
    }

    fn names(self) -> Vec<EndpointName> {
        let name =
            |id| EndpointName { name: format!("GET /api/v2/things/{id}"), scenario: "hour".into(), tags: Vec::new() };
        (0..self.endpoints).map(name).collect()
    }

    fn asked(self) -> Asked {
        Asked {
            mean_wait_s: Some(0.0),
            horizon_s: (self.probes > 0).then_some(604_800.0),
            targets: BTreeMap::from([
                ("p95_response_time".into(), "< 2s".into()),
                ("error_rate".into(), "< 0.1%".into()),
                ("throughput".into(), "> 1000".into()),
            ]),
            ..asked::asked("hour", 50, self.seconds as f64)
        }
    }
}

fn probe_name(probe: u32) -> ProbeName {
    ProbeName { kind: ProbeKind::Process, name: format!("api-{probe}"), facts: BTreeMap::new() }
}

/// As much as a probe of a process tells: memory that wanders around 200 MB.
fn seen(second: u64, random: &mut fastrand::Rng) -> Seen {
    let to_s = second as f64;
    let mut figure = |name: &str, of: f64| (name.to_owned(), of * (0.9 + 0.2 * random.f64()));
    let gauges = [("memory_bytes", 2e8), ("threads", 40.0), ("files", 120.0), ("processes", 4.0)];
    let mut gauges: BTreeMap<String, f64> = gauges.into_iter().map(|(name, of)| figure(name, of)).collect();
    gauges.extend([("memory_limit_bytes".to_owned(), 4e9), ("cpus".to_owned(), 2.0)]);
    let counts = [("cpu_s", 0.3), ("disk_read_bytes", 1e4), ("disk_written_bytes", 1e6), ("run_delay_s", 0.01)];
    let counts = counts.into_iter().map(|(name, of)| figure(name, of)).collect();
    Seen { from_s: (to_s - 1.0).max(0.0), to_s, gauges, counts, ..Seen::default() }
}

/// Exponential response times with a mean of 2 ms.
fn sample(endpoint: u32, end_us: u64, random: &mut fastrand::Rng) -> Sample {
    let response_us = 200 + (-2000.0 * (1.0 - random.f64()).ln()) as u64;
    Sample {
        endpoint: EndpointId(endpoint),
        end_us,
        response_us,
        service_us: response_us,
        first_byte_us: response_us - 100,
        phases: Phases { first_byte_us: response_us as u32 - 100, body_us: 100, ..Phases::default() },
        outcome: Outcome::Success,
        status: 200,
        redirects: 0,
        connected: 0,
        http2: false,
        body_bytes: 300,
    }
}

/// Of the journal's two files.
pub fn bytes_on_disk(folder: &Path) -> u64 {
    ["latency.hlog", "samples.ndjson"].map(|name| std::fs::metadata(folder.join(name)).unwrap().len()).iter().sum()
}
