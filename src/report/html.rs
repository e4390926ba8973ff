//! `report.html`: one file that needs no network and no script; a script adds read-outs and sorting.

use askama::Template;

use super::charts::{self, Chart};
use super::endpoints::Table;
use super::next::{Next, next_step};
use super::{split, words};
use crate::judge::{EndpointResult, RunResult, TargetResult, Verdict};
use crate::record::Run;
use crate::units::{format_count, format_ms, format_ratio};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    verdict: &'static str,
    kind: &'static str,
    sentence: String,
    rest: String,
    headline: String,
    partial: Option<String>,
    reasons: Vec<&'a str>,
    targets: Vec<Row>,
    baseline: Option<String>,
    system: String,
    check: Option<String>,
    capacity: Option<String>,
    drift: Option<String>,
    stages: Vec<Stage>,
    next: Next,
    charts: Vec<Figure>,
    dark: String,
    requests: u64,
    endpoints: Vec<Endpoint>,
    /// Service times are shown beside response times.
    open: bool,
    /// Some requests were in flight at the end.
    cut_off: bool,
    redirects: Vec<String>,
    splits: Vec<Endpoint>,
    errors: Vec<Failure>,
    generators: Vec<Generator>,
    notes: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

/// A target.
struct Row {
    sign: char,
    kind: &'static str,
    verdict: &'static str,
    name: String,
    limit: String,
    measured: String,
    interval: String,
    reason: String,
    bar: Option<Bar>,
}

/// Limit, figure and interval on one scale, in per cent of its length.
#[derive(Debug, PartialEq)]
struct Bar {
    limit: String,
    from: String,
    width: String,
    value: String,
    above: bool,
}

struct Stage {
    title: String,
    targets: Vec<Row>,
}

pub(super) struct Figure {
    pub(super) slug: String,
    pub(super) caption: String,
    pub(super) wide: String,
    pub(super) narrow: String,
    /// What there is to read across the wide one.
    pub(super) words: String,
    /// And across the narrow one, where it is not the same.
    pub(super) narrow_words: Option<String>,
    /// Where each reading stands, in per cent of the width.
    pub(super) wide_at: String,
    pub(super) narrow_at: String,
}

pub(super) struct Cell {
    pub(super) text: String,
    pub(super) sort: String,
}

/// A row of a table that can be sorted.
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) failing: bool,
    pub(super) cells: Vec<Cell>,
}

struct Failure {
    text: String,
    count: String,
    endpoints: Vec<String>,
}

struct Generator {
    source: String,
    void: bool,
    line: String,
    figures: Vec<(&'static str, String)>,
}

/// The whole page.
pub(super) fn html(run: &Run, result: &RunResult) -> Result<String, askama::Error> {
    let stage = |stage: &crate::judge::StageResult| {
        let level = match (stage.users, stage.rate) {
            (Some(users), _) => format!(" · {} users", format_count(users.into())),
            (None, Some(rate)) => format!(" · {} arrivals/s", words::plain(rate)),
            (None, None) => String::new(),
        };
        Stage {
            title: format!("Hold {}{level}", words::span(stage.from_s, stage.to_s)),
            targets: stage.targets.iter().map(row).collect(),
        }
    };
    let mut charts: Vec<Figure> = charts::all(run, result).into_iter().map(figure).collect();
    let stages = if result.stages.len() > 1 { result.stages.iter().map(stage).collect() } else { Vec::new() };
    Page {
        title: format!("{} · {}", words::shout(result.verdict), result.scenario.name),
        verdict: words::shout(result.verdict),
        kind: kind(result.verdict),
        sentence: words::sentence(result),
        rest: words::rest(result),
        headline: words::headline(run, result).join(" · "),
        partial: words::cut_short(run, result),
        reasons: words::void_reasons(result),
        targets: result.targets.iter().map(row).collect(),
        baseline: result.baseline.as_deref().map(super::comparison::html_section).transpose()?,
        system: super::system::section(run, result)?,
        check: result.check.as_deref().map(super::check::html_section).transpose()?,
        capacity: super::capacity::html_section(result, &mut charts)?,
        drift: super::drift::html_section(result)?,
        stages,
        next: next_step(run, result),
        charts,
        dark: charts::dark_css(),
        requests: result.totals.requests,
        endpoints: result
            .endpoints
            .iter()
            .map(|e| endpoint(words::endpoint_name(result, e), e, Table::of(result)))
            .collect(),
        open: words::is_open(result),
        cut_off: Table::of(result).cut_off,
        redirects: words::redirects(result).into_iter().chain(split::line(result)).collect(),
        splits: split::splits(result).into_iter().map(split_row).collect(),
        errors: words::errors(result).into_iter().map(failure).collect(),
        generators: result.generators.iter().map(generator).collect(),
        notes: words::notes(run, result),
        environment: words::environment(run, result),
    }
    .render()
}

fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Unproven => "unproven",
        Verdict::NotMeasured => "none",
        Verdict::Void => "void",
    }
}

fn row(target: &TargetResult) -> Row {
    Row {
        sign: words::sign(target.verdict),
        kind: kind(target.verdict),
        verdict: words::say(target.verdict),
        name: words::target_title(target),
        limit: words::limit(target),
        measured: words::measured(target),
        interval: words::interval(target),
        reason: words::reason(target),
        bar: bar(target),
    }
}

/// None without an interval; an end that is not bounded reaches to the edge.
fn bar(target: &TargetResult) -> Option<Bar> {
    let value = target.value?;
    if target.low.is_none() && target.high.is_none() {
        return None;
    }
    let furthest = [Some(target.limit), target.high, target.low, Some(value)].into_iter().flatten().fold(0.0, f64::max);
    let length = furthest * 1.25;
    let share = |figure: f64| (figure / length * 100.0).clamp(0.0, 100.0);
    if !length.is_finite() || length <= 0.0 {
        return None;
    }
    let (from, to) = (target.low.map_or(0.0, share), target.high.map_or(100.0, share));
    let per_cent = |share: f64| format!("{share:.2}");
    Some(Bar {
        limit: per_cent(share(target.limit)),
        from: per_cent(from),
        width: per_cent(to - from),
        value: per_cent(share(value)),
        above: target.op.starts_with('>'),
    })
}

pub(super) fn figure(chart: Chart) -> Figure {
    // A line a reading: shorter than JSON with its quotes escaped.
    let words = |readout: &[(f64, String)]| {
        let one = |(_, words): &(f64, String)| words.replace(char::is_control, " ");
        readout.iter().map(one).collect::<Vec<_>>().join("\n")
    };
    let at = |readout: &[(f64, String)]| {
        let rounded: Vec<String> = readout.iter().map(|(at, _)| words::plain((at * 100.0).round() / 100.0)).collect();
        format!("[{}]", rounded.join(","))
    };
    let (wide, narrow) = (words(&chart.wide.readout), words(&chart.narrow.readout));
    Figure {
        slug: chart.slug,
        wide_at: at(&chart.wide.readout),
        narrow_at: at(&chart.narrow.readout),
        narrow_words: (narrow != wide).then_some(narrow),
        words: wide,
        caption: chart.caption,
        wide: chart.wide.svg,
        narrow: chart.narrow.svg,
    }
}

fn endpoint(name: String, endpoint: &EndpointResult, table: Table) -> Endpoint {
    let count = |n: u64| Cell { text: format_count(n), sort: n.to_string() };
    let ms = |value: Option<f64>| Cell { text: words::ms(value), sort: value.unwrap_or(-1.0).to_string() };
    let times = &endpoint.response_time_ms;
    let mut cells = vec![count(endpoint.requests), count(endpoint.failures)];
    cells.extend(table.cut_off.then(|| count(endpoint.cut_off)));
    cells.extend([times.mean, times.p50, times.p90, times.p95, times.p99, times.max].map(ms));
    cells.extend(table.service.then(|| ms(endpoint.service_time_ms.p95)));
    Endpoint { name, failing: endpoint.failures > 0, cells }
}

fn split_row(split: split::Split) -> Endpoint {
    let opened = Cell { text: format_count(split.connections), sort: split.connections.to_string() };
    let times = split
        .before_ms
        .into_iter()
        .chain(split.phases_ms)
        .map(|ms| Cell { text: split::time(ms), sort: ms.to_string() });
    Endpoint { name: split.name, failing: false, cells: [opened].into_iter().chain(times).collect() }
}

fn failure(row: words::ErrorRow) -> Failure {
    let at = |(name, n): &(String, u64)| format!("{name} ({})", format_count(*n));
    Failure { text: row.text, count: format_count(row.count), endpoints: row.endpoints.iter().map(at).collect() }
}

fn generator(source: &crate::judge::GeneratorResult) -> Generator {
    let lag = &source.schedule_lag_ms;
    let (p50, p99, max) = (format_ms(lag.p50), format_ms(lag.p99), format_ms(lag.max));
    let mut figures = vec![
        ("CPU", format_ratio(source.cpu_percent / 100.0)),
        ("schedule lag", format!("p50 {p50} · p99 {p99} · max {max}")),
    ];
    if let Some(residual) = source.little_residual {
        figures.push(("time not accounted for (Little's law)", format_ratio(residual)));
    }
    if let Some(of_time) = source.run_delay_percent {
        figures.push(("waited for a CPU, of the time", format_ratio(of_time / 100.0)));
    }
    if source.stopped_s > 0.0 {
        figures.push(("did not run at all", format_ms(source.stopped_s * 1000.0)));
    }
    let (asked_for, made) = match source.arrivals {
        Some(_) => ("arrivals/s asked for", "arrivals/s begun"),
        None => ("requests/s asked for at most", "requests/s made"),
    };
    if let Some(offered) = source.offered {
        figures.push((asked_for, words::plain((offered * 10.0).round() / 10.0)));
    }
    figures.push((made, words::plain((source.achieved * 10.0).round() / 10.0)));
    if let Some(arrivals) = source.arrivals {
        let (late, unsent) = (format_count(arrivals.late), format_count(arrivals.unsent));
        figures.push(("arrivals that waited for a session", late));
        figures.push(("arrivals never begun", unsent));
    }
    if source.memory_bytes > 0 {
        figures.push(("memory", format!("{} MiB", format_count(source.memory_bytes >> 20))));
    }
    Generator { source: source.source.clone(), void: source.void, line: words::generator(source), figures }
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::super::example;
    use super::*;

    /// Reads the page as XML, which it is as well; gives the number of elements.
    fn elements(page: &str) -> usize {
        let mut reader = Reader::from_str(page);
        let (mut count, mut open) = (0, 0);
        loop {
            match reader.read_event().unwrap_or_else(|e| panic!("{e} at {}", reader.buffer_position())) {
                Event::Eof => break,
                Event::Start(tag) => {
                    tag.attributes().for_each(|attribute| drop(attribute.unwrap()));
                    count += 1;
                    open += 1;
                }
                Event::Empty(_) => count += 1,
                Event::End(_) => open -= 1,
                _ => {}
            }
        }
        assert_eq!(open, 0);
        count
    }

    #[test]
    fn every_page_is_well_formed() {
        for (name, (run, result)) in example::all().into_iter().chain(example::watched()) {
            let page = html(&run, &result).unwrap();
            assert!(elements(&page) > 100, "{name}");
            assert!(
                page.contains(&format!("<strong class=\"word\">{}</strong>", words::shout(result.verdict))),
                "{name}"
            );
        }
    }

    #[test]
    fn nothing_is_fetched() {
        let (run, mut result) = example::locked();
        for watched in &run.watched {
            let address = watched.name.facts.get("address").cloned().unwrap_or_default();
            assert!(address.is_empty() || html(&run, &result).unwrap().contains(&address), "facts are shown");
        }
        let mut run = run;
        run.watched.iter_mut().for_each(|watched| drop(watched.name.facts.remove("address")));
        result.samples.values_mut().for_each(|sample| sample.facts.clear());
        let page = html(&run, &result).unwrap();
        assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
        let text = page.replace(&result.environment.host, "");
        for reference in ["http://", "https://", "src=", "@import", "url(", "<link"] {
            assert!(!text.contains(reference), "{reference}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let (mut run, mut result) = example::locked();
        let evil = "<script>alert(1)</script>\"'&";
        run.watched[0].name.facts.insert(evil.to_owned(), evil.to_owned());
        run.watched[1].name.name = evil.to_owned();
        run.watched[2].gaps[0].why = evil.to_owned();
        let postgres = result.samples.get_mut("postgres").unwrap();
        postgres.statements[0].text = evil.to_owned();
        postgres.tables[0].name = evil.to_owned();
        postgres.blocked[0].by = evil.to_owned();
        postgres.statements_incomplete = Some(evil.to_owned());
        result.suspects[0].says = evil.to_owned();
        result.suspects[0].evidence = vec![evil.to_owned()];
        result.suspects[0].advice = evil.to_owned();
        result.scenario.name = evil.to_owned();
        result.endpoints[0].name = evil.to_owned();
        run.endpoints[1].name = evil.to_owned();
        result.targets[0].reason = evil.to_owned();
        result.endpoints[0].errors.insert(evil.to_owned(), 3);
        let page = html(&run, &result).unwrap();
        assert!(!page.contains("<script>alert"));
        assert_eq!(page.matches("<script").count(), 1);
        elements(&page);
    }

    #[test]
    fn what_moved_comes_before_the_system_and_the_system_before_the_charts() {
        let (run, result) = example::locked();
        let page = html(&run, &result).unwrap();
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = [
            "<h2>Targets</h2>",
            "<h2>What to do next</h2>",
            "<h2>What moved</h2>",
            "<h3>Sessions wait for each other",
            "<h3>Requests wait for a database connection",
            "<h2>The system</h2>",
            "id=\"system-requests\"",
            "id=\"system-disk-network\"",
            "<details class=\"probe\" id=\"probe-host\">",
            "<details class=\"probe\" id=\"probe-postgres\" open=\"\">",
            "<details class=\"probe\" id=\"probe-metrics\" open=\"\">",
            "<h2>Charts</h2>",
        ];
        let places: Vec<usize> = order.map(at).to_vec();
        assert!(places.is_sorted(), "{places:?}");
        assert!(page.contains("Statements may be incomplete: PostgreSQL was restarted on the way"));
    }

    #[test]
    fn a_run_that_watched_nothing_says_how_to_and_claims_nothing() {
        let (run, result) = example::pass();
        let page = html(&run, &result).unwrap();
        assert!(page.contains(
            "Nothing was watched beside the load. To see the system too, name what to watch: --postgres URL"
        ));
        assert!(!page.contains("What moved") && !page.contains("id=\"system-"));
        let (run, result) = example::healthy();
        assert!(html(&run, &result).unwrap().contains("Nothing stands out in what was watched: host, process api, "));
    }

    #[test]
    fn ten_minutes_of_eight_probes_stay_under_a_megabyte_and_a_half() {
        let (run, result) = example::ten_minutes();
        assert_eq!(run.watched.len(), 8);
        let page = html(&run, &result).unwrap();
        assert!(page.len() < 1_500_000, "{} bytes", page.len());
    }

    #[test]
    fn the_bar_shows_the_limit_beside_the_interval() {
        let bar = |target: &TargetResult| bar(target).unwrap();
        let missed = bar(&example::latency("p95_response_time", [3000.0, 2500.0, 4000.0], Verdict::Fail, ""));
        assert_eq!(
            missed,
            Bar {
                limit: "40.00".to_owned(),
                from: "50.00".to_owned(),
                width: "30.00".to_owned(),
                value: "60.00".to_owned(),
                above: false
            }
        );
        let mut open = example::latency("p95_response_time", [1000.0, 900.0, 0.0], Verdict::Unproven, "");
        open.high = None;
        let open = bar(&open);
        assert_eq!((open.from.as_str(), open.width.as_str()), ("36.00", "64.00"));
    }
}
