//! The calibration as a table for a person.

use std::fmt::Write as _;

use super::compare::{Row, Truth, by_kind};
use super::prove::{Calibration, CoverageResult, ShapeResult};
use crate::report::columns::{Columns, wrap};
use crate::report::words::between;
use crate::units::{format_count, format_ms, format_ratio};

/// Narrower than this nothing is readable.
const LEAST_WIDTH: usize = 60;

fn sign(truth: Truth) -> char {
    match truth {
        Truth::True => '✓',
        Truth::Wrong => '✗',
        Truth::Unproven => '?',
    }
}

/// `+60 µs`, `-1.2 ms`.
fn signed_ms(ms: f64) -> String {
    let sign = if ms > 0.0 { "+" } else { "" };
    format!("{sign}{}", format_ms(ms))
}

/// The report, ending with a newline; `width` in columns.
pub fn text(calibration: &Calibration, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let environment = &calibration.environment;
    let mut page = format!(
        "calibrate   {} · {} CPUs · {} · seed {}\n\n",
        environment.hostname, environment.cpus, environment.os, calibration.seed
    );
    figures(&mut page, &calibration.shapes);
    page.push('\n');
    for shape in &calibration.shapes {
        if let Some(errors) = &shape.errors {
            let line = format!(
                "{} {}: {} of {} patterns exact; injected {}; counted {}",
                sign(shape.verdict),
                shape.name,
                errors.exact,
                errors.patterns,
                by_kind(&errors.injected),
                by_kind(&errors.counted)
            );
            wrapped(&mut page, &line, width, 1, 3);
        }
    }
    coverage(&mut page, &calibration.coverage, width);
    page.push('\n');
    checks(&mut page, &calibration.shapes);
    for shape in calibration.shapes.iter().filter(|shape| shape.verdict != Truth::True) {
        page.push('\n');
        for reason in &shape.reasons {
            wrapped(&mut page, &format!("{} {}: {reason}", sign(shape.verdict), shape.name), width, 1, 3);
        }
    }
    page.push('\n');
    wrapped(&mut page, &calibration.sentence, width, 0, 0);
    page
}

fn wrapped(page: &mut String, text: &str, width: usize, first: usize, others: usize) {
    for (number, line) in wrap(text, width - others).into_iter().enumerate() {
        let indent = if number == 0 { first } else { others };
        let _ = writeln!(page, "{:indent$}{line}", "");
    }
}

fn figures(page: &mut String, shapes: &[ShapeResult]) {
    let titles = ["shape", "figure", "true", "measured", "off", "theory", "95 % interval", ""];
    let mut columns = Columns::new(&titles, &[2, 3, 4, 5]);
    let rows: Vec<(&ShapeResult, &Row)> =
        shapes.iter().flat_map(|shape| shape.figures.iter().map(move |row| (shape, row))).collect();
    for (number, (shape, row)) in rows.iter().enumerate() {
        let named = number > 0 && rows[number - 1].0.name == shape.name;
        columns.row([
            if named { String::new() } else { shape.name.to_owned() },
            row.figure.to_owned(),
            format_ms(row.true_ms),
            format_ms(row.measured_ms),
            signed_ms(row.off_ms),
            format_ms(row.theory_ms),
            between(row.low_ms, row.high_ms, "ms"),
            if row.missed { "the stall is missed, as a closed loop must".to_owned() } else { String::new() },
        ]);
    }
    let _ = writeln!(page, "   {}", columns.heading().trim_end());
    for ((shape, row), line) in rows.iter().zip(columns.rows()) {
        // What a crowd excuses is not wrong, but not proven.
        let _ = writeln!(page, " {} {}", sign(row.verdict.min(shape.verdict)), line.trim_end());
    }
}

fn coverage(page: &mut String, coverage: &CoverageResult, width: usize) {
    let line = format!(
        "{} intervals: of {} simulated queues {} had one that held the true p95 (promised: 95 %), {} one without an upper end, {} one that was bounded and did not",
        sign(coverage.verdict),
        format_count(coverage.runs as u64),
        format_ratio(coverage.held),
        format_ratio(coverage.unbounded),
        format_ratio(coverage.bounded_misses)
    );
    wrapped(page, &line, width, 1, 3);
}

/// What generator and server say of themselves.
fn checks(page: &mut String, shapes: &[ShapeResult]) {
    let titles = ["shape", "requests", "counted", "lag p99", "generator CPU", "server late p99", "others", "tries"];
    let mut columns = Columns::new(&titles, &[1, 2, 3, 4, 5, 6, 7]);
    for shape in shapes {
        let of_generator = |words: &dyn Fn(&crate::judge::GeneratorResult) -> String| {
            shape.generator.as_ref().map_or_else(|| "–".to_owned(), words)
        };
        columns.row([
            shape.name.to_owned(),
            format_count(shape.requests.served),
            format_count(shape.requests.counted),
            of_generator(&|generator| format_ms(generator.schedule_lag_ms.p99)),
            of_generator(&|generator| format_ratio(generator.cpu_percent / 100.0)),
            format_ms(shape.server_late_ms),
            shape.others.map_or_else(|| "–".to_owned(), format_ratio),
            shape.tries.to_string(),
        ]);
    }
    let _ = writeln!(page, "   {}", columns.heading().trim_end());
    for (shape, line) in shapes.iter().zip(columns.rows()) {
        let _ = writeln!(page, " {} {}", sign(shape.verdict), line.trim_end());
    }
}
