//! Every knob does what it says: shares exactly, times never too short.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use super::super::{Config, Delay, Endpoint, Rule, Share, Stall, Trouble};
use super::{Running, running};

const HEALTH: &str = "/api/v2/health";

fn at_health(trouble: Trouble) -> Running {
    let rule = Rule { endpoint: Some(Endpoint::Health), trouble };
    running(Config { troubles: vec![rule], ..Config::default() })
}

fn delayed(delay: Delay) -> Running {
    at_health(Trouble { delay: Some(delay), ..Trouble::default() })
}

/// How long answers take, in ms, one after the other.
fn times_ms(service: &Running, count: usize) -> Vec<f64> {
    (0..count)
        .map(|_| {
            let sent = Instant::now();
            assert_eq!(service.get(HEALTH, &[]).status, 200);
            sent.elapsed().as_secs_f64() * 1e3
        })
        .collect()
}

#[test]
fn every_nth_request_fails_and_the_connection_lives_on() {
    let service = at_health(Trouble { errors: Some(Share::EveryNth(5)), ..Trouble::default() });
    let mut stream = service.connect();
    let statuses: Vec<u16> = (0..20)
        .map(|_| {
            let request = format!("GET {HEALTH} HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(request.as_bytes()).expect("sent");
            let mut seen = [0; 4096];
            let count = stream.read(&mut seen).expect("an answer");
            super::Answer::read(&seen[..count]).status
        })
        .collect();
    let expected: Vec<u16> = (1..=20).map(|n| if n % 5 == 0 { 500 } else { 200 }).collect();
    assert_eq!(statuses, expected);
    assert_eq!(service.get("/api/v2/nowhere", &[]).status, 404, "other endpoints have no trouble");
}

#[test]
fn a_random_share_fails_within_its_binomial_error() {
    let service = at_health(Trouble { errors: Some(Share::Random(0.2)), ..Trouble::default() });
    let failed = (0..500).filter(|_| service.get(HEALTH, &[]).status == 500).count();
    // 100 ± 9; five sigmas.
    assert!((55..=145).contains(&failed), "{failed}");
}

#[test]
fn a_reset_is_a_reset_and_not_an_end() {
    let service = at_health(Trouble { reset: Some(Share::EveryNth(3)), ..Trouble::default() });
    let outcomes: Vec<_> = (0..9)
        .map(|_| service.try_ask("GET", HEALTH, &[], "").map(|answer| answer.status).map_err(|error| error.kind()))
        .collect();
    let expected: Vec<_> =
        (1..=9).map(|n| if n % 3 == 0 { Err(io::ErrorKind::ConnectionReset) } else { Ok(200) }).collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn a_fixed_delay_is_never_cut_short() {
    let service = delayed(Delay::Fixed(Duration::from_millis(20)));
    let mut times = times_ms(&service, 20);
    assert!(times.iter().all(|&ms| ms >= 20.0), "{times:?}");
    times.sort_by(f64::total_cmp);
    // Generous, for busy machines; the quickest is nearly exact on all.
    assert!(times[0] < 30.0, "{times:?}");
}

#[test]
fn exponential_delays_have_their_mean() {
    let service = delayed(Delay::Exponential(Duration::from_millis(4)));
    let times = times_ms(&service, 400);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    // 4 ± 0.2 ms, and what the machine adds.
    assert!((3.0..8.0).contains(&mean), "{mean}");
    assert!(times.iter().any(|&ms| ms > 10.0), "the tail is missing: 8 % are above 10 ms");
}

#[test]
fn a_bimodal_delay_is_slow_exactly_as_often_as_asked() {
    let (fast, slow) = (Duration::from_millis(1), Duration::from_millis(80));
    let service = delayed(Delay::Bimodal { fast, slow, slow_share: Share::EveryNth(4) });
    let times = times_ms(&service, 16);
    for (index, &ms) in times.iter().enumerate() {
        let least = if (index + 1) % 4 == 0 { 80.0 } else { 1.0 };
        assert!(ms >= least, "request {index}: {times:?}");
    }
    assert!(times[0] < 80.0, "{times:?}");
}

#[test]
fn a_stall_holds_answers_until_it_is_over() {
    let started = Instant::now();
    let (hold, every) = (Duration::from_millis(200), Duration::from_millis(400));
    let service = at_health(Trouble { stall: Some(Stall { hold, every }), ..Trouble::default() });
    let mut longest = 0.0_f64;
    while started.elapsed() < Duration::from_millis(1300) {
        longest = longest.max(times_ms(&service, 1)[0]);
    }
    // Asked without a pause, some request meets each stall near its beginning.
    assert!(longest > 100.0, "{longest}");
    assert!(service.get("/api/v2/nowhere", &[]).status == 404);
}

#[test]
fn a_delayed_answer_is_still_given_when_the_service_ends() {
    let mut service = delayed(Delay::Fixed(Duration::from_millis(300)));
    let mut stream = service.connect();
    write!(stream, "GET {HEALTH} HTTP/1.1\r\nHost: test\r\n\r\n").expect("sent");
    // The request is in when the service has counted it.
    while !service.get("/metrics", &[]).text().contains("endpoint=\"/api/v2/health\"} 1") {}
    drop(service.shutdown.take());
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered, then closed");
    assert_eq!(super::Answer::read(&answer).status, 200);
}
