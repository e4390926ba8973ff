//! How long the history of 2,000 results takes, each as large as a real one: all that is read, and the change points alone.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has failed")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use agenthub_perf::history::{TrendOptions, trend};
use agenthub_perf::stats::{LeastChange, change_points};
use criterion::{Criterion, criterion_group, criterion_main};

const RESULTS: usize = 2000;
const KEPT: &str = "20261123T125304Z-agenthub-user-0823";

fn results(folder: &Path) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier").join(KEPT);
    let run = fs::read_to_string(kept.join("run.toml")).unwrap();
    let said = fs::read_to_string(kept.join("result.json")).unwrap();
    for n in 0..RESULTS {
        let id = format!("20261101T{:02}{:02}{:02}Z-agenthub-user-{n:04x}", n / 3600, n / 60 % 60, n % 60);
        let folder = folder.join(&id);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("run.toml"), run.replace(KEPT, &id)).unwrap();
        let p95 = 0.6 + 0.001 * (n % 17) as f64 + if n < 1500 { 0.0 } else { 0.1 };
        fs::write(folder.join("result.json"), said.replace("\"value\": 0.617", &format!("\"value\": {p95}"))).unwrap();
    }
}

fn of_two_thousand(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    results(folder.path());
    let options = TrendOptions { workload: None, scenario: None, figures: Vec::new(), all: false, least_change: 0.05 };
    let found = trend(folder.path(), &options).unwrap();
    assert_eq!((found.runs.len(), found.figures[0].changes.len()), (RESULTS, 1));
    let series: Vec<f64> = found.figures[0].points.iter().map(|point| point.value).collect();
    let mut group = criterion.benchmark_group("trend");
    group.sample_size(10);
    group.bench_function("2,000 results", |bencher| bencher.iter(|| trend(black_box(folder.path()), &options)));
    group.bench_function("change points of 2,000", |bencher| {
        bencher.iter(|| change_points(black_box(&series), LeastChange::Ratio(0.05)));
    });
    group.finish();
}

criterion_group!(benches, of_two_thousand);
criterion_main!(benches);
