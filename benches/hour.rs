//! An hour at 5,000 requests a second to 20 endpoints, from the recorder to the reports: what it holds in memory, what it
//! leaves on disk, and how long reading, judging and reporting it take.
//!
//! `cargo bench --bench hour`. The clock runs as fast as it can be recorded. Fails where a promise is broken that does not
//! hang on the machine; the times are for a reader to judge.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that cannot be set up has failed"
)]

#[path = "../tests/support/hour.rs"]
mod hour;

use std::path::Path;
use std::time::Instant;

use agenthub_perf::judge::judge;
use agenthub_perf::record::read;
use agenthub_perf::report;
use hour::{Hour, bytes_on_disk};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Reads, judges and reports a result; twice, as the first warms the page cache.
fn report_on(what: &str, folder: &Path) {
    for _ in 0..2 {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        let run = read(folder).unwrap();
        let (read_s, read_peak) = (began.elapsed().as_secs_f64(), MEMORY.peak_usage() - before);
        let held = MEMORY.current_usage() - before;
        let judging = Instant::now();
        let result = judge(&run);
        let judged_s = judging.elapsed().as_secs_f64();
        let reporting = Instant::now();
        report::write_all(folder, &run, &result).unwrap();
        let text = report::terminal(folder, &run, &result, 100, false);
        let reported_s = reporting.elapsed().as_secs_f64();
        assert!(text.contains("p95 response time"));
        println!(
            "{what}: read {read_s:.2} s, judged {judged_s:.2} s, reported {reported_s:.2} s, together {:.2} s; peak of reading {:.0} MiB, held {:.0} MiB, peak of all {:.0} MiB",
            began.elapsed().as_secs_f64(),
            mib(read_peak),
            mib(held),
            mib(MEMORY.peak_usage() - before)
        );
    }
}

fn main() {
    let shape = Hour { seconds: 3600, endpoints: 20, per_second: 250, probes: 0 };
    let folder = tempfile::tempdir().unwrap();
    let mut held = Vec::new();
    let mut largest = 0;
    let began = Instant::now();
    shape.record(folder.path(), |second| {
        largest = largest.max(bytes_on_disk(folder.path()));
        if second % 600 == 0 {
            held.push(MEMORY.current_usage());
        }
    });
    let minutes: Vec<String> = held.iter().map(|bytes| format!("{:.1}", mib(*bytes))).collect();
    let merged = bytes_on_disk(folder.path());
    println!(
        "recorded in {:.1} s ({:.0} requests/s); MiB held every 10 minutes: {}; journal at most {:.1} MB, at the end {:.1} MB",
        began.elapsed().as_secs_f64(),
        3600.0 * 5000.0 / began.elapsed().as_secs_f64(),
        minutes.join(" "),
        largest as f64 / 1e6,
        merged as f64 / 1e6
    );
    assert!(held.iter().max() < held.iter().min().map(|least| least + (16 << 20)).as_ref(), "recording grows");
    assert!(largest < 100_000_000, "the journal takes {largest} bytes");
    report_on("one hour", folder.path());

    let folder = tempfile::tempdir().unwrap();
    Hour { seconds: 3540, ..shape }.record(folder.path(), |_| {});
    report_on("59 min, not merged yet", folder.path());
}
