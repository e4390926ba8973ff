//! A request's whole way but for the network, for each of the guide's four requests: values put in place, written, the answer
//! parsed, checked and captured from, recorded.
//!
//! `cargo bench --bench request`. The host is in memory; its answers have the headers that nginx sends.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

#[path = "../tests/support/asked.rs"]
mod asked;

use std::sync::Arc;
use std::time::{Duration, Instant};

use agenthub_perf::load::bench::InMemory;
use agenthub_perf::record::{Asked, EndpointName, Recorder};
use agenthub_perf::scenario::{Feeds, Request, Step, User, built_in};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Requests between two pauses in which the journal's thread fetches what was recorded.
const AT_ONCE: u64 = 100_000;

fn asked() -> Asked {
    asked::asked("bench", 1, 60.0)
}

fn only(steps: &[Step]) -> &Request {
    match steps {
        [Step::Request(request)] => request,
        other => panic!("one request is expected, not {other:?}"),
    }
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 08:10:00 GMT\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    )
}

fn requests(c: &mut Criterion) {
    let scenario = Arc::new(built_in());
    let name = |id: usize| EndpointName { name: format!("GET /{id}"), scenario: "bench".into(), tags: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let recorder =
        Recorder::create(folder.path(), &asked(), (0..scenario.endpoints.len()).map(name).collect()).unwrap();
    recorder.begin();
    let mut user = User::new(Arc::clone(&scenario), Arc::new(Feeds::new(&scenario)), 0, 1, None);
    // As long as a signed token is.
    let login = answer(&format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "x".repeat(160)));
    let list = answer(&format!(r#"{{"items":[{}]}}"#, vec![r#"{"id":"1","name":"a"}"#; 15].join(",")));
    let tasks = scenario.tasks.iter().map(|task| (task.name.as_str(), only(&task.steps), &list));
    let all: Vec<_> = std::iter::once(("log in", only(&scenario.on_start), &login)).chain(tasks).collect();

    let mut group = c.benchmark_group("request");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.warm_up_time(Duration::from_millis(10)).measurement_time(Duration::from_millis(200));
    for (name, request, answer) in all {
        let mut host = InMemory::new(answer.as_bytes()).unwrap();
        assert!(host.request(&mut user, request, &recorder), "{name} must succeed");
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let (mut timed, mut left) = (Duration::ZERO, iterations);
                while left > 0 {
                    let now = left.min(AT_ONCE);
                    let began = Instant::now();
                    assert!((0..now).all(|_| host.request(&mut user, request, &recorder)));
                    timed += began.elapsed();
                    left -= now;
                    if left > 0 {
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
                timed
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
