//! All figures of a probe as rows: mean, highest second, how many in all.

use std::collections::BTreeMap;

use crate::judge::{FigureResult, ProbeResult};
use crate::record::{FIGURES, FigureName, FigureUnit, ProbeKind, figure_name};
use crate::report::amounts;
use crate::units::format_count;

/// One figure.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::report) struct Row {
    pub(in crate::report) title: String,
    pub(in crate::report) mean: String,
    pub(in crate::report) peak: String,
    /// Of a count; else empty.
    pub(in crate::report) total: String,
}

/// In the order in which figures are listed, a figure's parts after it; those that nobody knows last.
pub(in crate::report) fn rows(kind: ProbeKind, result: &ProbeResult) -> Vec<Row> {
    let known = FIGURES.iter().filter(|figure| figure.kind == kind).flat_map(|figure| {
        let of_it = |name: &&String| figure_name(kind, name) == Some(figure);
        let names: Vec<&String> = result.figures.keys().filter(of_it).collect();
        names.into_iter().map(move |name| row(&title(figure, name), figure.unit, result.figures[name]))
    });
    let unknown: BTreeMap<&String, &FigureResult> =
        result.figures.iter().filter(|(name, _)| figure_name(kind, name).is_none()).collect();
    known.chain(unknown.into_iter().map(|(name, figure)| row(name, FigureUnit::Number, *figure))).collect()
}

fn title(figure: &FigureName, name: &str) -> String {
    match name.split_once('.') {
        Some((_, part)) => {
            let whole = figure.title.split(',').next().unwrap_or(figure.title);
            format!("{whole}: {}", part.replace('_', " "))
        }
        None => figure.title.to_owned(),
    }
}

fn row(title: &str, unit: FigureUnit, figure: FigureResult) -> Row {
    let say = amounts::say(unit);
    let total = match unit {
        FigureUnit::BytesPerSecond => amounts::bytes,
        FigureUnit::MsPerSecond => amounts::ms,
        FigureUnit::SecondsPerSecond => amounts::seconds,
        _ => |count: f64| format_count(count.max(0.0).round() as u64),
    };
    Row {
        title: title.to_owned(),
        mean: say(figure.mean),
        peak: say(figure.peak),
        total: figure.total.map(total).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_their_figure_and_counts_have_a_sum() {
        let figure = |mean, total| FigureResult { mean, peak: 2.0 * mean, total };
        let figures = [
            ("connections.idle_in_transaction", figure(1.0, None)),
            ("connections", figure(12.0, None)),
            ("temp_bytes", figure(2e6, Some(1.1e8))),
            ("exec_ms", figure(50.0, Some(2750.0))),
            ("strange", figure(1.0, None)),
        ];
        let figures = figures.map(|(name, figure)| (name.to_owned(), figure)).into();
        let rows = rows(ProbeKind::Postgres, &ProbeResult { figures, ..ProbeResult::default() });
        let text: Vec<String> =
            rows.iter().map(|row| [&*row.title, &row.mean, &row.peak, &row.total].join(" | ")).collect();
        assert_eq!(
            text,
            [
                "time in statements | 50 ms/s | 100 ms/s | 2.75 s",
                "temporary files written | 2 MB/s | 4 MB/s | 110 MB",
                "connections, the probe's left out | 12 | 24 | ",
                "connections: idle in transaction | 1 | 2 | ",
                "strange | 1 | 2 | ",
            ]
        );
    }
}
