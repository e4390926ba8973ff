//! What the accountant must get right, on scripted timelines.

use super::*;
use crate::record::Phases;
use crate::record::fixture::sample;

const S: u64 = 1_000_000;

fn accountant(endpoints: usize) -> Accountant {
    Accountant::new(endpoints, Arc::new(ErrorTexts::new()))
}

fn give(accountant: &mut Accountant, samples: impl IntoIterator<Item = Sample>) {
    accountant.take(&mut Batch { samples: samples.into_iter().collect(), ..Batch::default() });
}

fn mark(accountant: &mut Accountant, state: State, marks: &[(u64, bool)]) {
    let marks = marks.iter().map(|&(at_us, entered)| Mark { at_us, state, entered }).collect();
    accountant.take(&mut Batch { marks, ..Batch::default() });
}

fn close(accountant: &mut Accountant, to_us: u64) -> Closed {
    accountant.close(to_us, 0.0, GeneratorSecond::default())
}

fn requests(closed: &Closed) -> u64 {
    closed.second.endpoints.values().map(|e| e.requests).sum()
}

#[test]
fn a_sample_belongs_to_the_second_in_which_it_ended() {
    let mut a = accountant(1);
    give(&mut a, [sample(0, 0, 9), sample(0, S - 1, 1), sample(0, S, 2), sample(0, 2 * S - 1, 3), sample(0, 5 * S, 4)]);
    let counts: Vec<u64> = (1..=6).map(|second| requests(&close(&mut a, second * S))).collect();
    assert_eq!(counts, [2, 2, 0, 0, 0, 1]);
}

#[test]
fn a_late_sample_counts_in_the_current_second() {
    let mut a = accountant(1);
    assert_eq!(requests(&close(&mut a, S)), 0);
    give(&mut a, [sample(0, S - 1, 1)]);
    let closed = close(&mut a, 2 * S);
    assert_eq!(requests(&closed), 1);
    assert_eq!((closed.intervals[0].from_s, closed.intervals[0].to_s), (1.0, 2.0));
}

#[test]
fn counters_tell_outcomes_apart() {
    let errors = Arc::new(ErrorTexts::new());
    let mut a = Accountant::new(2, Arc::clone(&errors));
    let failed = |kind, text, status| Sample {
        outcome: Outcome::Failure { kind, error: errors.id(kind, text) },
        status,
        ..sample(1, 1, 700)
    };
    let phases = Phases { dns_us: 1, connect_us: 2, tls_us: 3, first_byte_us: 4, body_us: 5 };
    give(
        &mut a,
        [
            Sample { phases, redirects: 2, connected: true, ..sample(1, 1, 100) },
            Sample { phases, status: 201, ..sample(1, 1, 300) },
            sample(1, 1, 200),
            failed(FailureKind::Status, "503 Service Unavailable", 503),
            failed(FailureKind::Status, "503 Service Unavailable", 503),
            failed(FailureKind::Connect, "connection refused", 0),
            Sample { outcome: Outcome::CutOff, status: 0, ..sample(1, 1, 9000) },
        ],
    );
    let closed = close(&mut a, S);
    let expected = EndpointSecond {
        requests: 7,
        failures: BTreeMap::from([(FailureKind::Status, 2), (FailureKind::Connect, 1)]),
        errors: BTreeMap::from([("503 Service Unavailable".into(), 2), ("connection refused".into(), 1)]),
        cut_off: 1,
        statuses: BTreeMap::from([(200, 2), (201, 1), (503, 2)]),
        redirected: 1,
        connected: 1,
        body_bytes: 70,
        phases_us: [2, 4, 6, 8, 10],
    };
    assert_eq!(closed.second.endpoints, BTreeMap::from([(1, expected)]));
    let seen: Vec<_> = closed.intervals.iter().map(|i| (i.kind, i.endpoint.0, i.values.pairs().to_vec())).collect();
    let expected = [
        (IntervalKind::Response, 1, vec![(100, 1), (200, 1), (300, 1)]),
        (IntervalKind::FirstByte, 1, vec![(50, 1), (100, 1), (150, 1)]),
        (IntervalKind::Failed, 1, vec![(700, 3)]),
        (IntervalKind::CutOff, 1, vec![(9004, 1)]),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn service_time_is_written_only_where_it_differs() {
    let mut a = accountant(2);
    give(&mut a, [sample(0, 1, 100), sample(1, 1, 100), Sample { service_us: 60, ..sample(1, 1, 100) }]);
    let services = |closed: Closed| -> Vec<(u32, Vec<(u64, u64)>)> {
        let service = closed.intervals.into_iter().filter(|i| i.kind == IntervalKind::Service);
        service.map(|i| (i.endpoint.0, i.values.pairs().to_vec())).collect()
    };
    assert_eq!(services(close(&mut a, S)), [(1, vec![(60, 1), (100, 1)])]);
    give(&mut a, [sample(1, S, 100)]);
    assert_eq!(services(close(&mut a, 2 * S)), [], "what was not written is not carried over");
    give(&mut a, [Sample { service_us: 60, ..sample(1, 2 * S, 100) }]);
    assert_eq!(services(close(&mut a, 3 * S)), [(1, vec![(60, 1)])]);
}

#[test]
fn user_seconds_are_the_exact_integral() {
    let mut a = accountant(0);
    // Two users from 0.25 s and 0.5 s; the first leaves at 1.75 s, the second at 3 s exactly.
    mark(&mut a, State::AtWork, &[(S / 4, true), (S / 2, true), (7 * S / 4, false), (3 * S, false)]);
    mark(&mut a, State::Thinking, &[(1, true), (4, false)]);
    let seconds: Vec<Second> = (1..=4).map(|second| close(&mut a, second * S).second).collect();
    let figures: Vec<(u32, f64)> = seconds.iter().map(|s| (s.users, s.user_s)).collect();
    assert_eq!(figures, [(2, 1.25), (1, 1.75), (1, 1.0), (0, 0.0)]);
    let thinking: Vec<f64> = seconds.iter().map(|s| s.thinking_s).collect();
    assert_eq!(thinking, [0.000_003, 0.0, 0.0, 0.0]);
}

#[test]
fn a_mark_that_comes_late_keeps_the_sum_exact() {
    let mut a = accountant(0);
    mark(&mut a, State::InFlight, &[(S / 2, true)]);
    let first = close(&mut a, S).second;
    // It had left at 0.75 s, and another had come at 0.9 s.
    mark(&mut a, State::InFlight, &[(3 * S / 4, false), (9 * S / 10, true)]);
    let second = close(&mut a, 2 * S).second;
    assert_eq!(first.in_flight_s, 0.5);
    assert_eq!(second.in_flight, 1);
    assert!((first.in_flight_s + second.in_flight_s - (0.25 + 1.1)).abs() < 1e-12);
}

#[test]
fn a_leave_fetched_before_its_enter_shows_no_negative_users() {
    let mut a = accountant(0);
    mark(&mut a, State::AtWork, &[(600_000, false)]);
    let first = close(&mut a, S).second;
    mark(&mut a, State::AtWork, &[(200_000, true)]);
    let second = close(&mut a, 2 * S).second;
    assert_eq!((first.users, second.users), (0, 0));
    assert!((first.user_s + second.user_s - 0.4).abs() < 1e-12);
}

#[test]
fn lags_and_failed_starts_count_once() {
    let mut a = accountant(1);
    a.take(&mut Batch { lags_us: vec![3, 3, 10], failed_starts: 2, ..Batch::default() });
    assert_eq!(a.latest_us(), Some(0));
    let first = close(&mut a, S);
    assert_eq!(first.second.failed_starts, 2);
    assert_eq!(first.intervals.len(), 1);
    assert_eq!(
        (first.intervals[0].kind, first.intervals[0].values.pairs()),
        (IntervalKind::Lag, &[(3, 2), (10, 1)][..])
    );
    let second = close(&mut a, 2 * S);
    assert_eq!((second.second.failed_starts, second.intervals.len(), a.latest_us()), (0, 0, None));
}

#[test]
fn arrivals_are_counted_in_their_seconds_and_those_that_wait_go_on() {
    let mut a = accountant(1);
    a.count_arrivals();
    let give = |a: &mut Accountant, arrivals: &[(u64, Arrival)]| {
        a.take(&mut Batch { arrivals: arrivals.to_vec(), ..Batch::default() });
    };
    let seen = |a: &mut Accountant, second: u64| {
        let s = close(a, second * S).second.arrivals.unwrap();
        (s.planned, s.started, s.late, s.unsent, s.queued)
    };
    give(&mut a, &[(0, Arrival::Planned), (5, Arrival::Started), (S / 2, Arrival::Planned), (S + 9, Arrival::Planned)]);
    assert_eq!(a.latest_us(), Some(S + 9));
    assert_eq!(seen(&mut a, 1), (2, 1, 0, 0, 1));
    give(&mut a, &[(S + 20, Arrival::StartedLate)]);
    assert_eq!(seen(&mut a, 2), (1, 1, 1, 0, 1));
    assert_eq!(seen(&mut a, 3), (0, 0, 0, 0, 1), "a second in which nothing comes tells so");
    give(&mut a, &[(3 * S, Arrival::Unsent)]);
    assert_eq!(seen(&mut a, 4), (0, 0, 0, 1, 0));
    // A beginning that is fetched before its arrival.
    give(&mut a, &[(4 * S + 2, Arrival::Started)]);
    assert_eq!(seen(&mut a, 5), (0, 1, 0, 0, 0));
    give(&mut a, &[(4 * S + 1, Arrival::Planned)]);
    assert_eq!(seen(&mut a, 6), (1, 0, 0, 0, 0));
    assert_eq!(close(&mut accountant(1), S).second.arrivals, None, "a closed load has none");
}

#[test]
fn a_minute_of_arrivals_is_the_sum_of_its_seconds_with_the_last_ones_queue() {
    let second = |from_s: f64, queued| Second {
        from_s,
        to_s: from_s + 1.0,
        arrivals: Some(ArrivalSecond { planned: 5, started: 4, late: 2, unsent: 1, queued }),
        ..Second::default()
    };
    let mut minute = second(0.0, 7);
    minute.absorb(&second(1.0, 3));
    let sum = |queued| Some(ArrivalSecond { planned: 10, started: 8, late: 4, unsent: 2, queued });
    assert_eq!((minute.arrivals, minute.to_s), (sum(3), 2.0));
    let mut both = second(0.0, 7);
    both.add_source(&second(0.0, 3));
    assert_eq!(both.arrivals, sum(10));
}
