//! What a person reads of a comparison.

use super::super::example as runs;
use super::*;
use crate::judge::RunResult;
use crate::record::Run;

fn all() -> [(&'static str, Comparison); 3] {
    [("worse", example::worse()), ("void", example::void()), ("same", example::same())]
}

fn with_baseline(baseline: Comparison) -> (Run, RunResult) {
    let (run, mut result) = runs::pass();
    result.baseline = Some(Box::new(baseline));
    (run, result)
}

#[test]
fn every_outcome_for_the_terminal() {
    for (name, of) in all() {
        insta::assert_snapshot!(format!("{name}_text"), text(&of, 110, false));
    }
}

#[test]
fn every_outcome_as_markdown() {
    for (name, of) in all() {
        insta::assert_snapshot!(format!("{name}_md"), markdown(&of, 2));
    }
}

#[test]
fn no_line_is_wider_than_asked() {
    use unicode_width::UnicodeWidthStr;
    for (name, of) in all() {
        for line in text_section(&of, 100, false).lines() {
            assert!(line.width() <= 110, "{name}: {} columns: {line}", line.width());
        }
        assert!(!text(&of, 100, false).contains('\u{1b}') && text(&of, 100, true).contains('\u{1b}'));
    }
}

#[test]
fn no_figure_loses_its_middle_however_narrow_it_is() {
    use unicode_width::UnicodeWidthStr;
    let mut of = example::worse();
    for row in of.targets.iter_mut().chain(&mut of.endpoints).filter(|row| row.ratio.is_some()) {
        row.ratio = Some(crate::judge::Bounds { value: 13.0, low: 0.01, high: 26.8 });
    }
    for width in [20, 60, 70, 80, 90, 100] {
        let text = text(&of, width, false);
        assert!(text.matches("−99 … +2,580 %").count() >= 2, "{width}:\n{text}");
        // Intervals have blanks around their dots; only names and ids lose anything.
        for line in text.lines().filter(|line| line.contains(" … ") || line.contains("change")) {
            let figures: String = line.chars().skip(20).collect();
            assert!(!figures.replace(" … ", "").contains('…'), "{width}: {line}");
            assert!(line.width() <= width.max(80), "{width}: {line}");
        }
    }
}

#[test]
fn every_page_is_well_formed_and_fetches_nothing() {
    for (name, of) in all() {
        let page = page(&of).unwrap();
        let mut reader = quick_xml::Reader::from_str(&page);
        let mut open = 0;
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")) {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(_) => open += 1,
                quick_xml::events::Event::End(_) => open -= 1,
                _ => {}
            }
        }
        assert_eq!(open, 0, "{name}");
        for reference in ["http://", "https://", "src=", "@import", "url(", "<link"] {
            assert!(!page.contains(reference), "{name}: {reference}");
        }
        assert_eq!(page.contains("<svg"), !of.shift.is_empty(), "{name}");
    }
}

#[test]
fn names_are_escaped() {
    let mut of = example::worse();
    of.a[0].label = Some("<script>alert(1)</script>".to_owned());
    let page = page(&of).unwrap();
    assert!(!page.contains("<script>alert"));
    assert!(!markdown(&of, 2).contains("<script>"));
}

#[test]
fn the_chart_marks_the_tolerance_and_every_percentile() {
    let chart = crate::report::charts::shift(&example::worse()).unwrap();
    assert_eq!(chart.file_name(), "shift.svg");
    assert_eq!((chart.wide.readout.len(), chart.narrow.readout.len()), (5, 5));
    assert_eq!(chart.wide.readout[3].1, "p95: 4 ms → 4.8 ms, +20 % (+10 % to +30 %)");
    assert!(
        chart.standalone().contains("class=\"f-shade\"") && chart.standalone().contains("prefers-color-scheme: dark")
    );
    assert!(crate::report::charts::shift(&example::void()).is_none());
}

#[test]
fn a_run_s_reports_tell_of_its_baseline() {
    let of = with_baseline(example::worse());
    let folder = std::path::Path::new("results/x");
    let terminal = crate::report::terminal(folder, &of.0, &of.1, 110, false);
    assert!(
        terminal.contains("against the baseline: WORSE   B is worse than A: p95 response time +23 %."),
        "{terminal}"
    );
    assert!(crate::report::markdown(&of.0, &of.1).contains("### Against the baseline: ✗ WORSE"));
    let files = tempfile::tempdir().unwrap();
    crate::report::write_all(files.path(), &of.0, &of.1).unwrap();
    let read = |name: &str| std::fs::read_to_string(files.path().join(name)).unwrap();
    assert!(read("report.html").contains("<section id=\"baseline\">"));
    assert!(read("charts/shift.svg").contains("<svg"));
    assert!(read("junit.xml").contains("<failure message=\"B is worse than A"));
}

#[test]
fn a_result_with_a_baseline_is_as_the_schema_says_and_reads_back() {
    let schema = serde_json::from_str(crate::judge::RESULT_SCHEMA).unwrap();
    let validator = jsonschema::draft202012::options().should_validate_formats(false).build(&schema).unwrap();
    for (name, of) in all() {
        let (_, result) = with_baseline(of);
        let mut written = serde_json::to_value(&result).unwrap();
        let errors: Vec<String> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
        assert_eq!(serde_json::from_value::<RunResult>(written.clone()).unwrap(), result);
        written["baseline"]["verdict"] = "slower".into();
        assert!(!validator.is_valid(&written), "{name}");
    }
}

#[test]
fn junit_heeds_an_unproven_baseline_only_where_it_is_strict() {
    let mut of = with_baseline(example::void());
    let junit = |of: &(Run, RunResult)| {
        let files = tempfile::tempdir().unwrap();
        crate::report::write_all(files.path(), &of.0, &of.1).unwrap();
        std::fs::read_to_string(files.path().join("junit.xml")).unwrap()
    };
    assert!(!junit(&of).contains("<failure"));
    of.0.asked.baseline = Some(crate::record::AskedBaseline {
        reference: "main".to_owned(),
        results: vec!["x".to_owned()],
        tolerance: 0.05,
        strict: true,
    });
    assert!(junit(&of).contains("<failure message=\"unproven: It cannot be told"));
}

#[test]
fn the_axis_of_the_largest_change_has_room_for_its_words_and_a_cut_interval_has_a_point() {
    let mut of = example::worse();
    let within = crate::report::charts::shift(&of).unwrap();
    assert!(!within.caption.contains("arrowhead"), "{}", within.caption);
    for point in &mut of.shift {
        point.ratio = crate::judge::Bounds { value: 402.894, low: 0.4, high: 9_000.0 };
    }
    let chart = crate::report::charts::shift(&of).unwrap();
    assert!(chart.caption.contains("with an arrowhead where it goes on"), "{}", chart.caption);
    let mut labels = Vec::new();
    for svg in [&chart.wide.svg, &chart.narrow.svg] {
        for text in svg.split("<text").skip(1).filter(|text| text.contains("text-anchor=\"end\"")) {
            let x: f64 = text.split("x=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
            let words = text.split('>').nth(1).unwrap().split('<').next().unwrap().trim().to_owned();
            // Twice as many pixels as are shown; a letter of 12 px is about 6.5 wide.
            assert!(x / 2.0 >= 6.5 * words.chars().count() as f64, "{words:?} ends at {}", x / 2.0);
            labels.push(words);
        }
    }
    assert!(labels.iter().any(|label| label == "+100,000 %"), "{labels:?}");
}
