//! Runs whose truth is known: response times that depend on their second, which depends on the seconds before.

use std::collections::BTreeMap;

use crate::judge::{self, RunResult};
use crate::record::{
    Asked, End, EndpointId, EndpointName, EndpointSecond, FailureKind, Interval, IntervalKind, LoadPlan, Run, Second,
    fixture,
};
use crate::stats::Distribution;

/// How a service answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// Seconds of load.
    pub(super) seconds: usize,
    /// Requests a second, evenly over two endpoints.
    pub(super) rate: usize,
    /// The median, µs.
    pub(super) median_us: f64,
    /// From one second to the next, the share of the deviation that stays.
    pub(super) rho: f64,
    /// Standard deviation of the level of a second, of its logarithm.
    pub(super) level: f64,
    /// Standard deviation between runs, of the logarithm.
    pub(super) between: f64,
    /// Share of failures.
    pub(super) failing: f64,
}

pub(super) const PLAIN: Service =
    Service { seconds: 60, rate: 100, median_us: 20_000.0, rho: 0.0, level: 0.0, between: 0.0, failing: 0.0 };

impl Service {
    /// Slower by this factor.
    pub(super) fn slower(self, factor: f64) -> Self {
        Self { median_us: self.median_us * factor, ..self }
    }

    pub(super) fn run(&self, seed: u64) -> Run {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut draw = Normals(None);
        let run_level = self.between * draw.next(&mut rng);
        let mut level = draw.next(&mut rng);
        let (mut seconds, mut intervals) = (Vec::new(), Vec::new());
        for at in 0..self.seconds {
            level = self.rho * level + (1.0 - self.rho * self.rho).sqrt() * draw.next(&mut rng);
            let mut second = Second {
                from_s: at as f64,
                to_s: at as f64 + 1.0,
                wanted: 2.0,
                users: 2,
                user_s: 2.0,
                thinking_s: 2.0,
                ..Second::default()
            };
            for endpoint in 0..2 {
                let mut pairs = Vec::new();
                let mut failed = 0;
                for _ in 0..self.rate / 2 {
                    let log = run_level + self.level * level + 0.5 * draw.next(&mut rng);
                    if rng.f64() < self.failing {
                        failed += 1;
                    } else {
                        pairs.push((rounded(self.median_us * log.exp()), 1));
                    }
                }
                let mut counts = EndpointSecond { requests: (self.rate / 2) as u64, ..EndpointSecond::default() };
                if failed > 0 {
                    counts.failures = BTreeMap::from([(FailureKind::Status, failed)]);
                }
                second.endpoints.insert(endpoint, counts);
                intervals.push(Interval {
                    from_s: second.from_s,
                    to_s: second.to_s,
                    kind: IntervalKind::Response,
                    endpoint: EndpointId(endpoint),
                    values: Distribution::from_pairs(pairs),
                });
            }
            seconds.push(second);
        }
        let asked = Asked {
            id: format!("20261123T08{:02}{:02}Z-agenthub-user-{seed:04x}", seed / 60 % 60, seed % 60),
            label: None,
            plan: LoadPlan::users(2, 1000.0, self.seconds as f64),
            targets: judge::Targets::guide().to_words(),
            ..fixture::asked()
        };
        let name = |name: &str| EndpointName { name: name.into(), scenario: "agenthub user".into(), tags: Vec::new() };
        let endpoints = vec![name("GET /api/v2/projects"), name("GET /api/v2/tasks")];
        Run {
            asked,
            endpoints,
            seconds,
            intervals,
            watched: Vec::new(),
            levels: Vec::new(),
            check: None,
            end: Some(End::Finished),
            warnings: Vec::new(),
        }
    }

    pub(super) fn judged(&self, seed: u64) -> (Run, RunResult) {
        let run = self.run(seed);
        let result = judge::judge(&run);
        (run, result)
    }
}

/// Three digits, as in the journal.
fn rounded(us: f64) -> u64 {
    let unit = 10_f64.powf((us.max(1.0).log10().floor() - 2.0).max(0.0));
    ((us / unit).round() * unit) as u64
}

/// Standard normal numbers (Box and Muller, 1958).
struct Normals(Option<f64>);

impl Normals {
    fn next(&mut self, rng: &mut fastrand::Rng) -> f64 {
        if let Some(kept) = self.0.take() {
            return kept;
        }
        let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
        let angle = std::f64::consts::TAU * rng.f64();
        self.0 = Some(radius * angle.sin());
        radius * angle.cos()
    }
}
