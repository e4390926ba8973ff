//! What a request costs before it is sent and after it is answered: rendering each of the guide's four requests, reading the reply
//! to the login, drawing a task.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use agenthub_perf::scenario::{Feeds, Prepared, Reply, Request, Step, User, built_in};
use criterion::{Criterion, criterion_group, criterion_main};

fn request(steps: &[Step]) -> &Request {
    match steps {
        [Step::Request(request)] => request,
        other => panic!("one request is expected, not {other:?}"),
    }
}

fn scenario(criterion: &mut Criterion) {
    let scenario = Arc::new(built_in());
    let feeds = Arc::new(Feeds::new(&scenario));
    let mut user = User::new(scenario.clone(), feeds, 0, 1, None);
    let mut prepared = Prepared::default();
    let headers = http::HeaderMap::new();
    // As long as a signed token is.
    let body = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "x".repeat(160));
    let reply = Reply { status: 200, headers: &headers, body: body.as_bytes(), time: Duration::from_millis(1) };
    let login = request(&scenario.on_start);

    criterion.bench_function("prepare log in", |bencher| {
        bencher.iter(|| user.prepare(black_box(login), &mut prepared));
    });
    criterion.bench_function("accept log in", |bencher| bencher.iter(|| user.accept(login, black_box(&reply))));
    for task in &scenario.tasks {
        let request = request(&task.steps);
        criterion.bench_function(&format!("prepare {}", task.name), |bencher| {
            bencher.iter(|| user.prepare(black_box(request), &mut prepared));
        });
    }
    criterion.bench_function("draw a task", |bencher| bencher.iter(|| user.draw_task()));
}

criterion_group!(benches, scenario);
criterion_main!(benches);
