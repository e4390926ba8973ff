//! The scaling law on simulated hosts whose law is known: what is done with n at a time is done at X(n) a second (a birth and death
//! process), whichever of them is done next; driven by the same driver and judged by the same functions, by a clock of its own.
//!
//! With n held at a time X(n) is the throughput exactly; c servers (M/M/c) do min(n, c)·μ.

use std::collections::BTreeMap;

use futures_util::FutureExt;

use super::drive::{Pace, Seen, Stage, Step, drive};
use super::search::{CONFIDENCES, LOOKS_S};
use crate::judge::{Judged, LawLevel, LawResult, Limits, judge, judge_hold, measure_law_level};
use crate::record::fixture::{asked, endpoints};
use crate::record::{
    ArrivalSecond, AskedLaw, AskedSearch, EndpointId, EndpointSecond, HeldLevel, Interval, IntervalKind, LoadPlan, Run,
    Second,
};
use crate::stats::Distribution;

const SESSIONS: usize = 200;

struct Host<X> {
    x: X,
    random: fastrand::Rng,
    rate: f64,
    turns: usize,
    highest_turns: usize,
    now_s: f64,
    /// When those under way have come, seconds; and those that wait for a session.
    under_way: Vec<f64>,
    waiting: std::collections::VecDeque<f64>,
    run: Run,
    /// The highest rate that was asked for.
    highest: f64,
}

impl<X: Fn(f64) -> f64> Host<X> {
    fn new(x: X, search: AskedSearch, limit_ms: f64, seed: u64) -> Self {
        let mut asked = asked();
        asked.plan = LoadPlan::rate(search.most, 1e6);
        asked.search = Some(search);
        asked.targets = BTreeMap::from([("p95_response_time".to_owned(), format!("< {limit_ms}ms"))]);
        asked.seed = seed;
        let run = Run {
            asked,
            endpoints: endpoints(1),
            seconds: Vec::new(),
            intervals: Vec::new(),
            watched: Vec::new(),
            check: None,
            levels: Vec::new(),
            end: Some(crate::record::End::Finished),
            warnings: Vec::new(),
        };
        let random = fastrand::Rng::with_seed(crate::stats::mixed(seed));
        Self {
            x,
            random,
            rate: 0.0,
            turns: 0,
            highest_turns: 0,
            now_s: 0.0,
            under_way: Vec::new(),
            waiting: std::collections::VecDeque::new(),
            run,
            highest: 0.0,
        }
    }

    fn join(&mut self, held: HeldLevel) {
        self.run.levels.retain(|known| known.from_s != held.from_s);
        self.run.levels.push(held);
    }

    fn fill(&mut self) {
        while self.under_way.len() < self.turns {
            self.under_way.push(self.now_s);
        }
        while self.under_way.len() < SESSIONS
            && let Some(came_s) = self.waiting.pop_front()
        {
            self.under_way.push(came_s);
        }
    }
}

impl<X: Fn(f64) -> f64> Stage for Host<X> {
    fn set(&mut self, level: f64) {
        (self.rate, self.turns) = (level, 0);
        self.highest = self.highest.max(level);
    }

    fn set_turns(&mut self, tasks: f64) {
        (self.rate, self.turns) = (0.0, tasks as usize);
        self.highest_turns = self.highest_turns.max(self.turns);
    }

    async fn second(&mut self) -> Option<Seen> {
        let (from_s, to_s) = (self.now_s.round(), self.now_s.round() + 1.0);
        let (mut times_us, mut in_flight_s, mut planned) = (Vec::new(), 0.0, 0);
        loop {
            self.fill();
            let n = self.under_way.len();
            let serves = if n > 0 { (self.x)(n as f64) } else { 0.0 };
            let all = self.rate + serves;
            let next_s = if all > 0.0 { self.now_s - (1.0 - self.random.f64()).ln() / all } else { to_s };
            in_flight_s += n as f64 * (next_s.min(to_s) - self.now_s);
            if next_s >= to_s {
                self.now_s = to_s;
                break;
            }
            self.now_s = next_s;
            if self.random.f64() * all < self.rate {
                self.waiting.push_back(next_s);
                planned += 1;
            } else {
                let came_s = self.under_way.swap_remove(self.random.usize(..n));
                times_us.push(((next_s - came_s) * 1e6) as u64);
            }
        }
        let requests = times_us.len() as u64;
        let outstanding = (self.under_way.len() + self.waiting.len()) as u64;
        let values = Distribution::from_pairs(times_us.into_iter().map(|us| (us / 100 * 100, 1)));
        let mean_ms = values.mean().map(|us| us / 1000.0);
        let counted = EndpointSecond { requests, ..EndpointSecond::default() };
        let queued = self.waiting.len() as u64;
        self.run.seconds.push(Second {
            from_s,
            to_s,
            wanted: self.rate,
            in_flight: self.under_way.len() as u32,
            in_flight_s,
            endpoints: BTreeMap::from([(0, counted)]),
            arrivals: Some(ArrivalSecond { planned, started: planned, queued, ..ArrivalSecond::default() }),
            ..Second::default()
        });
        if !values.is_empty() {
            let kind = IntervalKind::Response;
            self.run.intervals.push(Interval { from_s, to_s, kind, endpoint: EndpointId(0), values });
        }
        Some(Seen { at_s: to_s, outstanding, requests, failures: 0, mean_ms })
    }

    async fn look(&mut self, held: HeldLevel) -> Option<Judged> {
        self.join(held.clone());
        Some(judge_hold(&self.run, &held, CONFIDENCES[held.looks as usize - 1]))
    }

    async fn measure(&mut self, held: HeldLevel) -> Option<LawLevel> {
        self.join(held.clone());
        Some(measure_law_level(&self.run, &held))
    }

    fn note(&mut self, held: HeldLevel) {
        self.join(held);
    }

    fn tell(&mut self, _: &Step<'_>) {}
}

/// Searches a host and goes on to its law; gives the law as it is read back, and the host.
fn law_of<X: Fn(f64) -> f64>(x: X, most: f64, seed: u64) -> (LawResult, Host<X>) {
    let search = AskedSearch {
        start: 50.0,
        most,
        max_time_s: 240.0,
        width: 0.3,
        abort_on: 0.2,
        looks_s: LOOKS_S.to_vec(),
        confidences: CONFIDENCES.to_vec(),
        law: Some(AskedLaw { until_s: 700.0, hold_s: 12.0 }),
    };
    let pace = Pace { users: false, growth: f64::INFINITY, slowest_s: 0.2, sessions: SESSIONS as u32 };
    let mut host = Host::new(x, search.clone(), 200.0, seed);
    drive(&search, pace, &mut host).now_or_never().flatten().unwrap();
    assert!(host.now_s <= 700.0 && host.highest <= most && host.highest_turns <= SESSIONS);
    let result = judge(&host.run);
    let law = result.law.unwrap();
    assert_eq!(result.levels.len() + law.levels.len(), host.run.levels.len());
    assert!(result.levels.iter().all(|level| level.to_s <= law.levels.first().map_or(f64::MAX, |first| first.from_s)));
    (law, host)
}

fn usl(sigma: f64, kappa: f64) -> impl Fn(f64) -> f64 {
    move |n| 100.0 * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0))
}

#[test]
fn a_host_with_contention_and_coherency_gives_its_law_back() {
    for (sigma, kappa) in [(0.03_f64, 0.002_f64), (0.1, 0.005)] {
        let knee = ((1.0 - sigma) / kappa).sqrt();
        let (mut held, mut named) = (0, 0);
        for seed in 0..4 {
            let (law, _) = law_of(usl(sigma, kappa), 2000.0, seed);
            let show = format!(
                "σ {sigma} κ {kappa} seed {seed}: {:?} {:?} {:?} {:?}",
                law.lambda, law.sigma, law.kappa, law.knee
            );
            println!("{show}: {} levels", law.levels.len());
            assert_eq!((law.limits, law.refused.as_deref()), (Some(Limits::Coherency), None), "{show}");
            let within = |bounds: Option<crate::judge::Bounds>, truth: f64| {
                bounds.is_some_and(|bounds| bounds.low <= truth && truth <= bounds.high)
            };
            named += 4;
            held += usize::from(within(law.lambda, 100.0)) + usize::from(within(law.sigma, sigma));
            held += usize::from(within(law.kappa, kappa)) + usize::from(within(law.knee, knee));
            let found = law.knee.unwrap();
            assert!((found.value / knee - 1.0).abs() < 0.2 && found.high < 1.5 * knee, "{show}");
            assert!(law.levels.iter().filter(|level| level.in_flight > found.value).count() >= 6, "{:?}", law.levels);
        }
        // 95 % each, and what depends on each other.
        assert!(held >= named - 3, "{held} of {named}");
    }
}

#[test]
fn a_plain_queue_saturates_and_has_no_knee() {
    for servers in [1.0, 4.0, 10.0] {
        for seed in 0..3 {
            let (law, _) = law_of(|n| 60.0 * f64::min(n, servers), 2000.0, seed);
            println!("{servers} servers: {:?} {:?} {:?}", law.limits, law.refused, law.no_knee);
            assert!(law.knee.is_none(), "{servers}: {:?}", law.knee);
            assert_eq!(law.limits, Some(Limits::Contention), "{servers}: {:?}", law.refused);
            let most = law.max_requests_per_s.unwrap();
            assert!((most / (60.0 * servers) - 1.0).abs() < 0.1, "{servers}: {most}");
        }
    }
}

#[test]
fn a_host_that_is_never_reached_to_its_limit_has_none() {
    let (law, host) = law_of(|n| 20.0 * n, 300.0, 1);
    assert_eq!((law.knee, law.limits), (None, Some(Limits::None)), "{:?}", law.refused);
    assert!(law.lambda.is_some_and(|lambda| (lambda.value / 20.0 - 1.0).abs() < 0.1), "{:?}", law.lambda);
    assert_eq!(host.highest_turns, SESSIONS);
}

#[test]
fn without_time_for_its_levels_the_law_is_refused() {
    let mut search = AskedSearch {
        start: 50.0,
        most: 400.0,
        max_time_s: 100.0,
        width: 0.3,
        abort_on: 0.2,
        looks_s: LOOKS_S.to_vec(),
        confidences: CONFIDENCES.to_vec(),
        law: Some(AskedLaw { until_s: 150.0, hold_s: 12.0 }),
    };
    let pace = Pace { users: false, growth: f64::INFINITY, slowest_s: 0.2, sessions: 100 };
    let mut host = Host::new(usl(0.03, 0.002), search.clone(), 200.0, 3);
    drive(&search, pace, &mut host).now_or_never().flatten().unwrap();
    assert!(host.now_s <= 151.0, "{}", host.now_s);
    let refused = judge(&host.run).law.unwrap().refused.unwrap();
    assert!(refused.contains("count, and it takes 6: allow more with --max-time"), "{refused}");
    // Without the law nothing of it is held, and the search is the same.
    search.law = None;
    let mut plain = Host::new(usl(0.03, 0.002), search.clone(), 200.0, 3);
    drive(&search, pace, &mut plain).now_or_never().flatten().unwrap();
    let (with, without) = (judge(&host.run), judge(&plain.run));
    assert_eq!((with.edge, with.levels), (without.edge, without.levels));
    assert_eq!((without.law, plain.highest_turns), (None, 0));
}
