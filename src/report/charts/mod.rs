//! Charts as SVG: drawn once wide and once for a phone; light by themselves, dark by a style sheet.

mod axis;
mod canvas;
mod dashboard;
mod distribution;
mod drift;
mod edge;
mod failures;
mod law;
mod panel;
mod png;
mod probes;
mod response_times;
mod seen;
mod series;
mod shift;
mod throughput;
mod timeline;
mod trend;

use canvas::Canvas;
pub(super) use canvas::dark_css;
pub(super) use dashboard::View;

use super::words;
use crate::judge::{Comparison, RunResult, TargetResult, Trend};
use crate::record::{Run, Watched};

/// One drawing of a chart.
#[derive(Debug)]
pub(super) struct Drawing {
    /// The SVG, to be set into a page.
    pub(super) svg: String,
    /// For each point across its place in per cent of the width, and what is there, in words.
    pub(super) readout: Vec<(f64, String)>,
    size: (f64, f64),
}

/// One chart.
#[derive(Debug)]
pub(super) struct Chart {
    /// Its file without `.svg`.
    pub(super) slug: String,
    /// What it shows and how to read it.
    pub(super) caption: String,
    /// For a screen.
    pub(super) wide: Drawing,
    /// For a phone.
    pub(super) narrow: Drawing,
}

/// Readings along the horizontal axis: pixel, words.
type Readout = Vec<(f64, String)>;

/// All charts of a run, in the order in which a report shows them.
pub(super) fn all(run: &Run, result: &RunResult) -> Vec<Chart> {
    let edge = result.edge.as_ref().filter(|_| !result.levels.is_empty());
    let edge = edge.map(|edge| chart("edge", &edge::caption(edge), |canvas| edge::draw(canvas, result, edge)));
    let of_time = [
        chart("response-times", &response_times::caption(run), |canvas| response_times::draw(canvas, run, result)),
        chart("distribution", &distribution::caption(run, result), |canvas| distribution::draw(canvas, run, result)),
        chart("throughput", &throughput::caption(run), |canvas| throughput::draw(canvas, run, result)),
        chart("failures", &failures::caption(result), |canvas| failures::draw(canvas, run, result)),
    ];
    let law = result.law.as_ref().filter(|law| !law.levels.is_empty());
    let law = law.map(|law| chart("law", &law::caption(law), |canvas| law::draw(canvas, law)));
    let drawn = result.drift.iter().filter(|drift| drift::is_drawn(drift));
    let drift = (1..).zip(drawn).map(|(n, of)| {
        let name = of.name.split('[').next().unwrap_or_default().replace('_', "-");
        chart(&format!("drift-{n}-{name}"), &drift::caption(of), |canvas| drift::draw(canvas, of))
    });
    edge.into_iter().chain(law).chain(of_time).chain(drift).collect()
}

/// The six views of the guide's dashboard, in its order.
pub(super) fn dashboard(run: &Run, result: &RunResult) -> Vec<View> {
    dashboard::views(run, result)
}

/// What a probe saw, chart by chart; and the titles of those that would show nothing but zeros.
pub(super) fn probe(run: &Run, result: &RunResult, of: &Watched) -> (Vec<Chart>, Vec<&'static str>) {
    probes::charts(run, result, of)
}

/// How response times changed at each percentile; `None` where that is not known.
pub(super) fn shift(of: &Comparison) -> Option<Chart> {
    (!of.shift.is_empty()).then(|| chart("shift", &shift::caption(of), |canvas| shift::draw(canvas, of)))
}

/// A history, one chart a figure.
pub(super) fn trend(of: &Trend) -> Vec<Chart> {
    let one = |figure| chart("trend", &trend::caption(figure), |canvas| trend::draw(canvas, of, figure));
    of.figures.iter().map(one).collect()
}

/// A chart of figures over the time of the run.
fn timed(slug: &str, caption: &str, run: &Run, result: &RunResult, of: &timeline::Timeline) -> Chart {
    chart(slug, caption, |canvas| timeline::draw(canvas, run, result, of))
}

fn chart(slug: &str, caption: &str, draw: impl Fn(&mut Canvas) -> Readout) -> Chart {
    let drawing = |width, height| {
        let mut canvas = Canvas::new(width, height);
        let readout = draw(&mut canvas);
        Drawing {
            svg: canvas.svg(caption),
            readout: readout.into_iter().map(|(px, words)| (px / canvas.width * 100.0, words)).collect(),
            size: (canvas.width, canvas.height),
        }
    };
    Chart {
        slug: slug.to_owned(),
        caption: caption.to_owned(),
        wide: drawing(860.0, 340.0),
        narrow: drawing(360.0, 300.0),
    }
}

/// The whole run's targets of response time: words and limit in ms.
fn response_targets(result: &RunResult) -> Vec<(String, f64)> {
    let of = |target: &TargetResult| {
        let quantile = target.name.strip_suffix("_response_time")?;
        Some((format!("target {quantile} {}", words::limit(target)), target.limit))
    };
    result.targets.iter().filter_map(of).collect()
}

impl Chart {
    /// The name of its file.
    pub(super) fn file_name(&self) -> String {
        format!("{}.svg", self.slug)
    }

    /// The same as a bitmap (PNG): light, twice as fine as a screen needs it.
    pub(super) fn png(&self) -> Result<Vec<u8>, String> {
        png::png(&self.standalone())
    }

    /// A file of its own, with a background, light or dark as its reader has it.
    pub(super) fn standalone(&self) -> String {
        let (width, height) = self.wide.size;
        let root = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\"");
        let style = format!(
            "<style>text{{paint-order:stroke;stroke:#feFFfe;stroke-width:6px;stroke-linejoin:round}}\
             @media (prefers-color-scheme: dark){{{}text{{stroke:#0d1117}}}}</style>",
            dark_css()
        );
        let paper = "<rect width=\"100%\" height=\"100%\" fill=\"#FEFFFE\" class=\"f-paper\"/>";
        let svg = self.wide.svg.replacen("<svg", &root, 1);
        svg.replacen(">\n", &format!(">\n{style}\n{paper}\n"), 1)
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::super::example;
    use super::*;
    use crate::record::IntervalKind;
    use crate::stats::Distribution;

    /// Every number in the attributes that place things, having read the whole as XML.
    fn coordinates(svg: &str) -> Vec<f64> {
        let mut reader = Reader::from_str(svg);
        let mut numbers = Vec::new();
        let mut open = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                event @ (Event::Start(_) | Event::Empty(_)) => {
                    let (Event::Start(tag) | Event::Empty(tag)) = &event else { unreachable!() };
                    open += i32::from(matches!(event, Event::Start(_)));
                    for attribute in tag.attributes() {
                        let attribute = attribute.unwrap();
                        let places = [&b"points"[..], b"x", b"y", b"x1", b"x2", b"y1", b"y2", b"cx", b"cy", b"r"];
                        if places.contains(&attribute.key.as_ref()) {
                            let text = String::from_utf8(attribute.value.to_vec()).unwrap();
                            let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
                            numbers.extend(parts.map(|part| part.parse::<f64>().unwrap()));
                        }
                    }
                }
                Event::End(_) => open -= 1,
                _ => {}
            }
        }
        assert_eq!(open, 0);
        numbers
    }

    /// The dashboard's and the probes'.
    fn of_the_system(run: &Run, result: &RunResult) -> Vec<Chart> {
        let views = dashboard(run, result).into_iter().filter_map(|view| view.shown.ok());
        views.chain(run.watched.iter().flat_map(|watched| probe(run, result, watched).0)).collect()
    }

    fn drawn(run: &Run, result: &RunResult) -> Vec<(String, String)> {
        both(&all(run, result))
    }

    fn both(charts: &[Chart]) -> Vec<(String, String)> {
        let both =
            |chart: &Chart| [(chart.slug.clone(), chart.standalone()), (chart.slug.clone(), chart.narrow.svg.clone())];
        charts.iter().flat_map(both).collect()
    }

    /// Runs that a careless drawing divides by zero for.
    fn awkward() -> Vec<(&'static str, (Run, RunResult))> {
        let mut one = example::pass();
        one.0.seconds.truncate(1);
        one.0.intervals.retain(|i| i.kind == IntervalKind::Response && i.from_s < 1.0);
        one.0.intervals.truncate(1);
        one.0.intervals[0].values = Distribution::from_pairs([(1500, 1)]);
        let mut zero = example::pass();
        for interval in &mut zero.0.intervals {
            interval.values = Distribution::from_pairs([(0, 5)]);
        }
        let mut nothing = example::empty();
        nothing.1.targets.clear();
        nothing.0.asked.plan.stages.clear();
        vec![("one sample", one), ("all zero", zero), ("nothing at all", nothing)]
    }

    #[test]
    fn every_chart_of_every_run_is_whole_and_within_its_edges() {
        for (name, (run, result)) in example::all().into_iter().chain(awkward()) {
            for (slug, svg) in drawn(&run, &result) {
                let numbers = coordinates(&svg);
                assert!(!numbers.is_empty());
                assert!(numbers.iter().all(|n| (0.0..=1720.0).contains(n)), "{name} {slug}");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name} {slug}");
            }
        }
    }

    /// Probes that a careless drawing divides by zero for.
    fn awkward_probes() -> Vec<(&'static str, (Run, RunResult))> {
        let mut nan = example::healthy();
        for seen in nan.0.watched.iter_mut().flat_map(|watched| &mut watched.seen) {
            seen.gauges.values_mut().for_each(|value| *value = f64::NAN);
            seen.counts.values_mut().for_each(|value| *value = f64::INFINITY);
        }
        let mut zero = example::healthy();
        for seen in zero.0.watched.iter_mut().flat_map(|watched| &mut watched.seen) {
            seen.gauges.values_mut().chain(seen.counts.values_mut()).for_each(|value| *value = 0.0);
        }
        let mut first = example::healthy();
        for watched in &mut first.0.watched {
            watched.seen.truncate(1);
            watched.seen[0].to_s = 0.0;
            watched.seen[0].counts.clear();
        }
        let mut unloaded = example::healthy();
        unloaded.0.seconds.clear();
        unloaded.0.intervals.clear();
        vec![("no numbers", nan), ("all zero", zero), ("one look", first), ("no load", unloaded)]
    }

    #[test]
    fn every_chart_of_the_system_is_whole_and_within_its_edges() {
        let runs = example::watched().into_iter().chain(awkward_probes()).chain([("unwatched", example::pass())]);
        for (name, (run, result)) in runs {
            let charts = of_the_system(&run, &result);
            assert!(charts.len() >= 2, "{name}");
            for (slug, svg) in both(&charts) {
                let numbers = coordinates(&svg);
                assert!(numbers.iter().all(|n| (0.0..=1720.0).contains(n)), "{name} {slug}");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name} {slug}");
            }
            for chart in charts {
                let whole = |readout: &[(f64, String)]| {
                    readout.is_sorted_by(|a, b| a.0 <= b.0) && readout.iter().all(|(at, _)| (0.0..=100.0).contains(at))
                };
                assert!(whole(&chart.wide.readout) && whole(&chart.narrow.readout), "{name} {}", chart.slug);
                let words =
                    |drawing: &Drawing| drawing.readout.iter().map(|(_, words)| words.clone()).collect::<Vec<_>>();
                assert_eq!(words(&chart.wide), words(&chart.narrow), "{name} {}", chart.slug);
            }
        }
    }

    #[test]
    fn the_dashboard_has_the_guide_s_six_in_its_order_or_says_what_to_name() {
        let shown = |(run, result): (Run, RunResult)| {
            let one = |view: View| view.shown.map_or_else(|words| words, |chart| chart.slug);
            dashboard(&run, &result).into_iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(example::healthy()),
            [
                "system-requests",
                "system-errors",
                "system-pool",
                "system-cache",
                "system-cpu-memory",
                "system-disk-network"
            ]
        );
        let blind = shown(example::blind());
        assert!(blind[2].starts_with("Postgres saw nothing: password authentication failed"), "{blind:?}");
        assert!(blind[4].starts_with("Not watched: name what the service runs in with --container NAME"), "{blind:?}");
        let containers = shown(example::containers());
        assert!(containers[2].contains("--metrics URL") && containers[3].contains("--redis URL"), "{containers:?}");
    }

    #[test]
    fn no_line_crosses_the_band_of_a_gap() {
        for (run, result) in [example::locked(), example::merged()] {
            for chart in of_the_system(&run, &result).iter().filter(|chart| chart.slug.starts_with("probe-postgres-")) {
                let svg = &chart.wide.svg;
                let attribute = |line: &str, name: &str| {
                    let from = line.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
                    line[from..].split('"').next().unwrap().to_owned()
                };
                let number = |line: &str, name: &str| attribute(line, name).parse::<f64>().unwrap();
                let band = svg.lines().find(|line| line.contains("f-gap")).unwrap();
                let (from, to) = (number(band, "x"), number(band, "x") + number(band, "width"));
                let inks = ["s-blue", "s-orange", "s-green", "s-pink", "s-vermilion", "s-sky"];
                let lines = svg.lines().filter(|line| inks.iter().any(|ink| line.contains(ink)));
                let mut count = 0;
                for line in lines.filter(|line| line.starts_with("<polyline")) {
                    let points = attribute(line, "points");
                    let xs =
                        points.split_whitespace().map(|point| point.split(',').next().unwrap().parse::<f64>().unwrap());
                    let (first, last) = xs.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), x| (a.min(x), b.max(x)));
                    assert!(last <= from + 1.0 || first >= to - 1.0, "{} {first}–{last} {from}–{to}", chart.slug);
                    count += 1;
                }
                assert!(count >= 2, "{}", chart.slug);
                assert!(chart.caption.contains("Nothing seen "), "{}", chart.caption);
            }
        }
    }

    #[test]
    fn targets_are_drawn_in() {
        let (run, result) = example::pass();
        for (slug, svg) in drawn(&run, &result) {
            let dashed = svg.matches("class=\"s-target\" stroke-dasharray").count();
            assert_eq!(dashed, usize::from(slug != "failures"), "{slug}");
            assert_eq!(
                svg.contains("target p95 &lt; 2 s"),
                slug == "response-times" || slug == "distribution",
                "{slug}"
            );
        }
    }

    #[test]
    fn a_chart_of_nothing_says_so() {
        let (run, result) = example::empty();
        for (slug, svg) in drawn(&run, &result) {
            assert!(svg.contains("no request was made"), "{slug}");
            assert!(!svg.contains("polyline class=\"s-blue"), "{slug}");
        }
        let (run, result) = example::pass();
        assert!(all(&run, &result)[3].wide.svg.contains("no failures in "));
    }

    #[test]
    fn ten_hours_are_a_few_hundred_points() {
        let (run, result) = example::ten_hours();
        for chart in all(&run, &result) {
            assert!(chart.wide.readout.len() <= 310, "{}: {}", chart.slug, chart.wide.readout.len());
            assert!(chart.wide.svg.len() < 60_000, "{}: {} bytes", chart.slug, chart.wide.svg.len());
        }
    }

    #[test]
    fn nothing_is_drawn_over_a_gap() {
        let (mut run, result) = example::pass();
        let lines = |run: &Run| {
            let charts = all(run, &result);
            charts[0].wide.svg.lines().filter(|l| l.starts_with("<polyline") && l.contains("s-blue")).count()
        };
        assert_eq!(lines(&run), 1);
        run.intervals.retain(|i| !(20.0..30.0).contains(&i.from_s));
        assert_eq!(lines(&run), 2);
    }
}
