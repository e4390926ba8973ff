//! What is driven, on which server, and what theory says of it.

use super::schedule::Behaviour;
use super::server::RIGHT_BODY;
use crate::record::{Arrivals, LoadModel, LoadPlan};

/// The percentiles that are compared.
pub(super) const FIGURES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// How many patterns of errors there are.
pub(super) const PATTERNS: u32 = 100;

/// Arrivals a second at the queue, and its mean service time: half of its time it is busy.
const QUEUE_RATE: f64 = 250.0;
const QUEUE_MEAN_US: u64 = 2000;

/// Of the server with a fixed delay, and of the one that stalls, outside its stalls.
const DELAY_US: u64 = 5000;

/// Arrivals a second at the server that stalls.
const STALL_RATE: f64 = 200.0;
/// Users whose closed loop asks as often: one request each 30 ms, of which 5 are the server's. Each meets a stall once, and opens a
/// connection once: both together must be less than a hundredth of its requests. And a wait must be long beside the
/// millisecond that it may end late.
const STALL_USERS: u32 = 6;
const STALL_THINK_MS: u32 = 25;

const FIXED_USERS: u32 = 4;

const FAULTS_USERS: u32 = 8;
const FAULTS_THINK_MS: u32 = 2;

/// One proof: a server, a load, and what must come out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// Its name in reports.
    pub(super) name: &'static str,
    /// What the server does.
    pub(super) behaviour: Behaviour,
    /// How long it is loaded, and how.
    pub(super) plan: LoadPlan,
    pub(super) arrivals: Arrivals,
    pub(super) max_users: u32,
    /// Closed load: between a response and the next request.
    pub(super) think_ms: u32,
    /// A closed loop that must be seen to miss what arrivals would have met.
    pub(super) must_miss: bool,
    /// How near p99 must come to theory, where that is asked for, as a share.
    pub(super) p99_within: Option<f64>,
}

/// All proofs, in their order.
pub(super) fn shapes(quick: bool) -> Vec<Shape> {
    let (fixed_s, queue_s, faults_s) = if quick { (3.0, 8.0, 2.0) } else { (8.0, 20.0, 4.0) };
    // One part in ten is stall, and every run holds whole periods: theory knows no others.
    let (period_s, open_s, closed_s) = if quick { (8.0, 8.0, 8.0) } else { (10.0, 20.0, 10.0) };
    let every_us = (period_s * 1e6) as u64;
    let stalling = Behaviour::Stall { delay_us: DELAY_US, length_us: every_us / 10, every_us };
    let queued_at_most = (STALL_RATE * period_s / 10.0) as u32;
    let closed = |name, behaviour, users: u32, think_ms, run_s| Shape {
        name,
        behaviour,
        plan: LoadPlan::users(users, f64::from(users) * 10.0, run_s),
        arrivals: Arrivals::Constant,
        max_users: 0,
        think_ms,
        must_miss: false,
        p99_within: None,
    };
    let open = |name, behaviour, rate, arrivals, max_users, run_s| Shape {
        plan: LoadPlan::rate(rate, run_s),
        arrivals,
        max_users,
        ..closed(name, behaviour, 1, 0, run_s)
    };
    vec![
        closed("fixed delay", Behaviour::Fixed { delay_us: DELAY_US }, FIXED_USERS, 0, fixed_s),
        open(
            "queue",
            Behaviour::Queue { mean_us: QUEUE_MEAN_US },
            QUEUE_RATE,
            Arrivals::Poisson,
            (QUEUE_RATE * 2.0) as u32,
            queue_s,
        ),
        Shape {
            p99_within: Some(0.02),
            ..open("stall, open", stalling.clone(), STALL_RATE, Arrivals::Constant, queued_at_most * 2, open_s)
        },
        Shape { must_miss: true, ..closed("stall, closed", stalling, STALL_USERS, STALL_THINK_MS, closed_s) },
        closed("errors", Behaviour::Faults { patterns: PATTERNS }, FAULTS_USERS, FAULTS_THINK_MS, faults_s),
    ]
}

impl Shape {
    /// The scenario that is driven.
    pub(super) fn scenario(&self) -> String {
        let wait = if self.think_ms == 0 {
            "\"none\"".to_owned()
        } else {
            format!("{{ constant = \"{}ms\" }}", self.think_ms)
        };
        let task = |path: &str| {
            format!("\n[[task]]\nname = \"{path}\"\nget = \"{path}\"\nexpect = {{ text = '{RIGHT_BODY}' }}\n")
        };
        let tasks: String = match self.behaviour {
            Behaviour::Faults { patterns } => (0..patterns).map(|number| task(&format!("/known/{number}"))).collect(),
            _ => task("/known"),
        };
        format!("name = \"calibrate: {}\"\nwait = {wait}\n{tasks}", self.name)
    }

    /// Whether what it proves is counts, not times.
    pub(super) fn counts(&self) -> bool {
        matches!(self.behaviour, Behaviour::Faults { .. })
    }

    /// The load in words.
    pub(super) fn load(&self) -> String {
        let (level, seconds) = (self.plan.peak(), self.plan.duration_s());
        match self.plan.model {
            LoadModel::Open => format!("open model, {level} {} arrivals/s, {seconds} s", self.arrivals.as_str()),
            LoadModel::Closed => format!("closed model, {level} users, {seconds} s"),
        }
    }

    /// The server in words.
    pub(super) fn server(&self) -> String {
        let ms = |us: u64| crate::units::format_ms(us as f64 / 1000.0);
        match self.behaviour {
            Behaviour::Fixed { delay_us } => format!("every request takes {}", ms(delay_us)),
            Behaviour::Queue { mean_us } => {
                let busy = crate::units::format_ratio(self.plan.peak() * mean_us as f64 / 1e6);
                format!("one at a time, exponential of mean {}, busy {busy} of the time", ms(mean_us))
            }
            Behaviour::Stall { delay_us, length_us, every_us } => {
                format!("{}, and a stall of {} every {}", ms(delay_us), ms(length_us), ms(every_us))
            }
            Behaviour::Faults { patterns } => format!("{patterns} paths that each fail by a known pattern"),
        }
    }

    /// What theory says of the response times of arrivals at such a server, ms; `None` for errors.
    ///
    /// Queue: M/M/1, response times are exponential with mean 1/(μ − λ) (L. Kleinrock, "Queueing Systems" I (1975), 5.12).
    /// Stall: of arrivals at a constant rate the share length/every meets it and waits for what is left of it, evenly
    /// distributed.
    pub(super) fn analytic_ms(&self, q: f64) -> Option<f64> {
        match self.behaviour {
            Behaviour::Fixed { delay_us } => Some(delay_us as f64 / 1e3),
            Behaviour::Queue { mean_us } => {
                let (served_a_ms, arriving_a_ms) = (1e3 / mean_us as f64, self.rate() / 1e3);
                Some(-(1.0 - q).ln() / (served_a_ms - arriving_a_ms))
            }
            Behaviour::Stall { delay_us, length_us, every_us } => {
                let share = length_us as f64 / every_us as f64;
                let waited_us = length_us as f64 * ((q - (1.0 - share)) / share).max(0.0);
                Some((delay_us as f64 + waited_us) / 1e3)
            }
            Behaviour::Faults { .. } => None,
        }
    }

    fn rate(&self) -> f64 {
        self.plan.peak()
    }

    /// How many arrivals there must be; `None` where that is up to chance or to the server.
    pub(super) fn known_arrivals(&self) -> Option<u64> {
        let known = self.plan.model == LoadModel::Open && self.arrivals == Arrivals::Constant;
        known.then(|| (self.rate() * self.plan.duration_s()).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str) -> Shape {
        shapes(false).into_iter().find(|shape| shape.name == name).unwrap()
    }

    fn analytic(name: &str) -> [f64; 3] {
        FIGURES.map(|(_, q)| shape(name).analytic_ms(q).unwrap())
    }

    #[test]
    fn theory_s_figures() {
        assert_eq!(analytic("fixed delay"), [5.0; 3]);
        let near = |found: [f64; 3], expected: [f64; 3]| {
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-4, "{found} {expected}");
            }
        };
        near(analytic("queue"), [2.7726, 11.983, 18.421]);
        // A tenth of arrivals waits 0 to 1 s: half of them more than half a second, a tenth more than 0.9 s.
        near(analytic("stall, open"), [5.0, 505.0, 905.0]);
        assert_eq!(analytic("stall, closed"), analytic("stall, open"));
        assert_eq!(shape("errors").analytic_ms(0.5), None);
    }

    #[test]
    fn only_constant_arrivals_are_known_beforehand() {
        let known: Vec<Option<u64>> = shapes(false).iter().map(Shape::known_arrivals).collect();
        assert_eq!(known, [None, None, Some(4000), None, None]);
    }

    #[test]
    fn every_scenario_reads_and_asks_for_what_the_server_knows() {
        let folder = tempfile::tempdir().unwrap();
        for shape in shapes(false).into_iter().chain(shapes(true)) {
            let path = folder.path().join("scenario.toml");
            std::fs::write(&path, shape.scenario()).unwrap();
            let scenario = crate::scenario::load(&path).unwrap();
            let names: Vec<&str> = scenario.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            if shape.counts() {
                assert_eq!((names.len(), names[17]), (100, "GET /known/17"));
            } else {
                assert_eq!(names, ["GET /known"]);
            }
        }
    }

    #[test]
    fn runs_hold_whole_periods_and_rooms_for_all_that_a_stall_piles_up() {
        for shape in shapes(false).into_iter().chain(shapes(true)) {
            let Behaviour::Stall { length_us, every_us, .. } = shape.behaviour else { continue };
            assert_eq!((shape.plan.duration_s() * 1e6) as u64 % every_us, 0);
            assert_eq!(length_us * 10, every_us);
            if shape.plan.model == LoadModel::Open {
                assert!(f64::from(shape.max_users) > shape.plan.peak() * length_us as f64 / 1e6);
            }
        }
    }

    #[test]
    fn the_whole_takes_about_a_minute_and_the_quick_one_half() {
        let length = |quick| shapes(quick).iter().map(|shape| shape.plan.duration_s()).sum::<f64>();
        assert_eq!((length(false), length(true)), (62.0, 29.0));
    }
}
