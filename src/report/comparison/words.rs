//! The words of a comparison that all formats share.

use crate::judge::{Bounds, Bracket, Changed, ComparedRun, Comparison, Outcome, Shifted, Unit};
use crate::report::{capacity, words};
use crate::units::{format_count, format_ms, format_ratio};

/// Letters of a commit that tell it apart.
const COMMIT: usize = 10;

/// Whole numbers from ten per cent on, one decimal below: `+23 %`, `−1.4 %`, `+1,155 %`.
pub(in crate::report) fn percent(fraction: f64) -> String {
    signed(fraction * 100.0, |size| format!("{} %", short(size)))
}

fn short(size: f64) -> String {
    if size >= 9.95 {
        return format_count(size.round() as u64);
    }
    format!("{size:.1}").trim_end_matches(".0").to_owned()
}

fn signed(value: f64, words: impl Fn(f64) -> String) -> String {
    let text = words(value.abs());
    let nothing = text.trim_start_matches(['0', '.']).starts_with(' ');
    if nothing {
        return text;
    }
    format!("{}{text}", if value < 0.0 { '−' } else { '+' })
}

/// Percentage points: `+0.065 pp`.
fn points(fraction: f64) -> String {
    signed(fraction, |size| format_ratio(size).replace('%', "pp"))
}

/// `+0.5 ms`, `−120/min`.
fn amount(value: f64, unit: &str) -> String {
    match unit {
        "ms" => signed(value, format_ms),
        "ratio" => points(value),
        "requests/min" => signed(value, |size| format!("{}/min", format_count(size.round() as u64))),
        other => signed(value, |size| format!("{} {other}", short(size))),
    }
}

/// A side's figure; a share with its counts.
pub(super) fn side(row: &Changed, of_b: bool) -> String {
    if let Some(brackets) = &row.brackets {
        let of = brackets[usize::from(of_b)];
        return capacity::bracket(of.passes, of.fails, &row.unit);
    }
    let value = if of_b { row.b } else { row.a };
    let counts = row.counts.map(|counts| counts[usize::from(of_b)]);
    match (value, counts) {
        (_, Some([0, of])) => format!("0 / {}", format_count(of)),
        (Some(value), Some([some, of])) => {
            format!("{} ({} / {})", format_ratio(value), format_count(some), format_count(of))
        }
        (Some(value), None) => words::figure(value, &row.unit),
        (None, _) => "–".to_owned(),
    }
}

/// The size of a change and its interval: `+23 % (+0.5 ms)` and `+17 … +29 %`.
pub(in crate::report) fn change_in_words(ratio: Option<&Bounds>, difference: &Bounds, unit: &str) -> (String, String) {
    match ratio {
        Some(ratio) => {
            let size = format!("{} ({})", percent(ratio.value - 1.0), amount(difference.value, unit));
            (size, ratio_interval(ratio))
        }
        None => (amount(difference.value, unit), joined(&amount(difference.low, unit), &amount(difference.high, unit))),
    }
}

/// `+23 % (+0.5 ms)`; empty where there is none.
pub(super) fn change(row: &Changed) -> String {
    match (&row.ratio, &row.difference) {
        (Some(ratio), Some(difference)) => {
            format!("{} ({})", percent(ratio.value - 1.0), amount(difference.value, &row.unit))
        }
        (None, Some(difference)) => amount(difference.value, &row.unit),
        _ => String::new(),
    }
}

/// `+17 … +29 %`; empty where there is none.
pub(super) fn interval(row: &Changed) -> String {
    match (&row.ratio, &row.difference) {
        (Some(ratio), _) => ratio_interval(ratio),
        (None, Some(difference)) => joined(&points(difference.low), &points(difference.high)),
        _ => row.brackets.map_or_else(String::new, |[a, b]| one_sided(a, b)),
    }
}

/// What can be said of the ratio of two edges of which an end is missing.
fn one_sided(a: Bracket, b: Bracket) -> String {
    let ratio = |of: Option<f64>, by: Option<f64>| of.zip(by).map(|(of, by)| percent(of / by - 1.0));
    match (ratio(b.passes, a.fails), ratio(b.fails, a.passes)) {
        (Some(low), _) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => String::new(),
    }
}

/// The ends of an interval of ratios, as changes.
fn ratio_interval(ratio: &Bounds) -> String {
    joined(&percent(ratio.low - 1.0), &percent(ratio.high - 1.0))
}

/// The unit is said once.
fn joined(low: &str, high: &str) -> String {
    let unit = |text: &str| text.rsplit_once(' ').map(|(_, unit)| unit.to_owned());
    match low.rsplit_once(' ') {
        Some((number, _)) if unit(low) == unit(high) => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

/// Of a point of the shift function: percentile, A, B, change, interval.
pub(super) fn shifted(point: &Shifted) -> [String; 5] {
    [
        format!("p{}", words::plain(point.percentile)),
        format_ms(point.a),
        format_ms(point.b),
        format!("{} ({})", percent(point.ratio.value - 1.0), amount(point.difference.value, "ms")),
        ratio_interval(&point.ratio),
    ]
}

/// One character for an outcome.
pub(super) fn sign(outcome: Outcome) -> char {
    match outcome {
        Outcome::Better | Outcome::NotWorse => '✓',
        Outcome::Same => '=',
        Outcome::Worse => '✗',
        Outcome::Unproven => '?',
    }
}

/// In running text.
pub(super) fn say(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Better => "better",
        Outcome::Same => "same",
        Outcome::NotWorse => "not worse",
        Outcome::Worse => "worse",
        Outcome::Unproven => "unproven",
    }
}

/// As reports shout it.
pub(super) fn shout(outcome: Outcome) -> String {
    say(outcome).to_uppercase()
}

/// The tolerance as a person writes it: `5 %`.
pub(super) fn tolerance(of: &Comparison) -> String {
    format_ratio(of.tolerance)
}

/// One plain sentence that says what came out.
pub(in crate::report) fn sentence(of: &Comparison) -> String {
    let rows = || of.targets.iter().chain(&of.endpoints);
    let named = |wanted: Outcome| -> Vec<String> {
        let decides = |row: &&Changed| of.reasons.contains(&row.name);
        let said = |row: &Changed| {
            let size = match (&row.ratio, &row.difference) {
                (Some(ratio), _) => percent(ratio.value - 1.0),
                (None, Some(difference)) => points(difference.value),
                // An edge of which an end is missing.
                _ => format!("{}, was {}", side(row, true), side(row, false)),
            };
            format!("{} {size}", words::target_name(&row.name))
        };
        rows().filter(|row| row.verdict == wanted).filter(decides).map(said).collect()
    };
    match of.verdict {
        Outcome::Worse => format!("B is worse than A: {}.", named(Outcome::Worse).join(", ")),
        Outcome::Better => {
            format!("B is better than A: {}; nothing is worse.", named(Outcome::Better).join(", "))
        }
        Outcome::Same => format!("B is the same as A within {}.", tolerance(of)),
        Outcome::NotWorse => {
            format!("B is not worse than A by more than {}; whether it is the same or better is open.", tolerance(of))
        }
        Outcome::Unproven => "It cannot be told whether B is worse than A.".to_owned(),
    }
}

/// Why it is unproven, where no row of the table says so.
pub(super) fn circumstances(of: &Comparison) -> Vec<&str> {
    let in_a_row = |reason: &&String| of.targets.iter().any(|row| reason.starts_with(&format!("{}: ", row.name)));
    let unproven = of.verdict == Outcome::Unproven;
    of.reasons.iter().filter(|_| unproven).filter(|reason| !in_a_row(reason)).map(String::as_str).collect()
}

/// Why a row is unproven; empty where that is said of the whole.
pub(super) fn reason<'a>(of: &Comparison, row: &'a Changed) -> &'a str {
    if of.reasons.contains(&row.reason) { "" } else { &row.reason }
}

/// A run of a side: `main · 2026…-3f2a · commit 99aab1 · 55 s judged`.
pub(super) fn run(run: &ComparedRun) -> String {
    let mut parts: Vec<String> = run.label.iter().cloned().collect();
    parts.push(run.id.clone());
    if let Some(commit) = &run.commit {
        parts.push(format!("commit {}", commit.chars().take(COMMIT).collect::<String>()));
    }
    parts.push(format!("{} judged", words::seconds(run.steady_s)));
    if run.verdict == crate::judge::Verdict::Void {
        parts.push("void".to_owned());
    }
    if run.partial {
        parts.push("partial".to_owned());
    }
    parts.join(" · ")
}

/// `commit 3f2a → 99aa; version 0.1.0 → 0.2.0`, or that nothing does.
pub(super) fn differs(of: &Comparison) -> String {
    if of.differs.is_empty() {
        return "nothing else differs".to_owned();
    }
    let one = |differs: &crate::judge::Differs| format!("{} {} → {}", differs.what, differs.a, differs.b);
    of.differs.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// How the intervals came about.
pub(super) fn method(of: &Comparison) -> String {
    let method = &of.method;
    let tolerance = tolerance(of);
    if of.targets.iter().any(|row| row.brackets.is_some()) {
        return format!("tolerance {tolerance}; edges are told apart by what passes and what fails of each");
    }
    match method.unit {
        Unit::Pair => {
            let block = method
                .block_s
                .map_or_else(String::new, |s| format!(" in blocks of up to {}", words::seconds(s.round())));
            format!(
                "tolerance {tolerance}; 95 % intervals from {} resamples of the steady seconds{block}, with {} between runs",
                format_count(method.resamples.unwrap_or(0) as u64),
                format_ratio(method.between_runs.unwrap_or(0.0)),
            )
        }
        Unit::Rounds => format!(
            "tolerance {tolerance}; 95 % intervals by Student's t over the differences within {} rounds",
            of.a.len()
        ),
        Unit::Runs => {
            format!("tolerance {tolerance}; 95 % intervals by Student's t over {} and {} runs", of.a.len(), of.b.len())
        }
    }
}

/// What a reader should know, the mix of workloads first.
pub(super) fn notes(of: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if of.other_workload {
        notes.push(
            "the workloads differ: what changed may be the load and not the service, and the verdict does not know"
                .to_owned(),
        );
    }
    notes.extend(of.notes.iter().cloned());
    notes
}

/// An endpoint's row without `p95 response time of`.
pub(super) fn endpoint(row: &Changed) -> String {
    match row.name.split_once('[') {
        Some((_, of)) => of.trim_end_matches(']').to_owned(),
        None => row.name.clone(),
    }
}

/// The p-values of a row, where it has any to show.
pub(super) fn p_value(of: &Comparison, row: &Changed) -> String {
    match (row.permutation_p, row.adjusted_p.filter(|_| of.gate_endpoints)) {
        (Some(p), None) | (_, Some(p)) => format!("{p:.3}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_carry_their_sign() {
        for (fraction, text) in [
            (0.234, "+23 %"),
            (-0.014, "−1.4 %"),
            (0.0, "0 %"),
            (0.0002, "0 %"),
            (-0.4, "−40 %"),
            (1.5, "+150 %"),
            (0.05, "+5 %"),
            (401.894, "+40,189 %"),
            (-0.0994, "−9.9 %"),
            (0.0996, "+10 %"),
        ] {
            assert_eq!(percent(fraction), text);
        }
        assert_eq!(points(-0.000_65), "−0.065 pp");
        assert_eq!(points(0.0), "0 pp");
        assert_eq!(amount(-120.4, "requests/min"), "−120/min");
        assert_eq!(ratio_interval(&Bounds { value: 1.2, low: 1.171, high: 1.29 }), "+17 … +29 %");
    }
}
