//! `openmetrics.txt`: `OpenMetrics` 1.0 text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), in base units.
//!
//! Labels are those that stay from run to run, so that a later run has the same series: no id, no commit. Response times and the
//! figures of targets are left out of a void run, which has only its verdict, its counters and its generator.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use crate::judge::{Milliseconds, RunResult, Verdict};
use crate::record::{FIGURES, FigureUnit, LoadModel, figure_name};
use crate::report::words;

/// Before every name.
const PREFIX: &str = "agenthub_perf";
/// The states of a target; a run is never `not_measured`, a target is `void` only with its run.
const VERDICTS: [Verdict; 5] = [Verdict::Pass, Verdict::Fail, Verdict::Unproven, Verdict::NotMeasured, Verdict::Void];

type Labels<'a> = Vec<(&'a str, String)>;

/// A sample of a family: what follows the family's name, labels, value.
type Sample<'a> = (&'static str, Labels<'a>, f64);

pub(super) fn openmetrics(result: &RunResult) -> String {
    let mut page = String::new();
    let void = result.verdict == Verdict::Void;
    let model = if result.load.model == LoadModel::Open { "open" } else { "closed" };
    let known = vec![
        ("scenario", result.scenario.name.clone()),
        ("scenario_hash", result.scenario.hash.clone()),
        ("model", model.to_owned()),
        ("version", result.environment.generator.version.clone()),
    ];
    family(&mut page, "run", "info", "What was run.", vec![("_info", known, 1.0)]);
    let duration = vec![("", Vec::new(), result.duration_s)];
    family(&mut page, "duration_seconds", "gauge", "How long the load lasted.", duration);
    let states = VERDICTS.map(|of| ("", vec![(VERDICT, state(of))], f64::from(u8::from(of == result.verdict))));
    family(&mut page, "verdict", "stateset", "The verdict of the run.", states.to_vec());
    targets(&mut page, result, void);
    edge(&mut page, result, void);
    endpoints(&mut page, result, void);
    generators(&mut page, result);
    if !void {
        probes(&mut page, result);
    }
    page.push_str("# EOF\n");
    page
}

/// A state set's label has the family's own name.
const VERDICT: &str = "agenthub_perf_verdict";
const EDGE_STATE: &str = "agenthub_perf_edge_state";
const TARGET_VERDICT: &str = "agenthub_perf_target_verdict";

fn state(of: Verdict) -> String {
    words::say(of).replace(' ', "_")
}

fn targets(page: &mut String, result: &RunResult, void: bool) {
    let mut states = Vec::new();
    for target in &result.targets {
        let verdict = if void { Verdict::Void } else { target.verdict };
        for of in VERDICTS {
            let labels = vec![("target", target.name.clone()), (TARGET_VERDICT, state(of))];
            states.push(("", labels, f64::from(u8::from(of == verdict))));
        }
    }
    family(page, "target_verdict", "stateset", "The verdict of each target.", states);
    let units = [
        ("ms", "target_seconds", 1e-3, "A time: its figure, 95 % interval and limit."),
        ("ratio", "target_ratio", 1.0, "A share: its figure, 95 % interval and limit."),
        ("requests/min", "target_requests_per_second", 1.0 / 60.0, "A rate: its figure, 95 % interval and limit."),
    ];
    for (unit, name, scale, help) in units {
        let mut samples = Vec::new();
        for target in result.targets.iter().filter(|target| target.unit == unit) {
            let measured = |value: Option<f64>| value.filter(|_| !void);
            let figures = [
                ("measured", measured(target.value)),
                ("low", measured(target.low)),
                ("high", measured(target.high)),
                ("limit", Some(target.limit)),
            ];
            for (figure, value) in figures {
                let labels = || vec![("target", target.name.clone()), ("figure", figure.to_owned())];
                samples.extend(value.map(|value| ("", labels(), value * scale)));
            }
        }
        family(page, name, "gauge", help, samples);
    }
}

/// Of a search, in its own unit: arrivals a second, or users.
fn edge(page: &mut String, result: &RunResult, void: bool) {
    let Some(edge) = result.edge.as_ref().filter(|_| !void) else { return };
    let ends = [("passes", edge.passes), ("fails", edge.fails)];
    let labels = |end: &str| vec![("end", end.to_owned()), ("by", edge.unit.clone())];
    let samples = ends.into_iter().filter_map(|(end, level)| Some(("", labels(end), level?))).collect();
    family(page, "edge", "gauge", "The highest load that passes and the lowest that fails.", samples);
    let marks = [("confirmed", edge.confirmed), ("at_least", edge.at_least)];
    let states = marks.map(|(of, is)| ("", vec![(EDGE_STATE, of.to_owned())], f64::from(u8::from(is))));
    let help = "Whether the load that passes did so twice; whether none failed, so that the edge is at least there.";
    family(page, "edge_state", "stateset", help, states.to_vec());
}

fn endpoints(page: &mut String, result: &RunResult, void: bool) {
    let mut seen: HashMap<(&str, &str), u32> = HashMap::new();
    let mut named = Vec::new();
    for endpoint in &result.endpoints {
        // The same file named twice has the same endpoints twice.
        let count = seen.entry((&endpoint.scenario, &endpoint.name)).or_default();
        *count += 1;
        let name = if *count == 1 { endpoint.name.clone() } else { format!("{} ({count})", endpoint.name) };
        named.push((vec![("scenario", endpoint.scenario.clone()), ("endpoint", name)], endpoint));
    }
    let mut counted = |name: &str, help: &str, of: &dyn Fn(&crate::judge::EndpointResult) -> u64| {
        let samples = named.iter().map(|(labels, endpoint)| ("_total", labels.clone(), of(endpoint) as f64)).collect();
        family(page, name, "counter", help, samples);
    };
    counted("requests", "Requests that ended or were cut off.", &|endpoint| endpoint.requests);
    counted("failures", "Requests that failed.", &|endpoint| endpoint.failures);
    counted("cut_off", "Requests in flight at the end.", &|endpoint| endpoint.cut_off);
    if void {
        return;
    }
    let totals = &result.totals;
    let passed = totals.requests.saturating_sub(totals.failures + totals.cut_off);
    let whole = summary(&Vec::new(), &totals.response_time_ms, passed);
    family(page, "response_time_seconds", "summary", "Successful responses of the whole run.", whole);
    let each = named.iter().flat_map(|(labels, endpoint)| {
        let passed = endpoint.requests.saturating_sub(endpoint.failures + endpoint.cut_off);
        summary(labels, &endpoint.response_time_ms, passed)
    });
    let help = "Successful responses of the whole run, by endpoint.";
    family(page, "endpoint_response_time_seconds", "summary", help, each.collect());
}

fn summary<'a>(labels: &Labels<'a>, ms: &Milliseconds, count: u64) -> Vec<Sample<'a>> {
    let quantiles = [("0.5", ms.p50), ("0.9", ms.p90), ("0.95", ms.p95), ("0.99", ms.p99), ("0.999", ms.p99_9)];
    let with = |q: &str| labels.iter().cloned().chain([("quantile", q.to_owned())]).collect::<Labels<'a>>();
    let known = quantiles.into_iter().filter_map(|(q, ms)| Some(("", with(q), ms? / 1000.0)));
    known.chain([("_count", labels.clone(), count as f64)]).collect()
}

fn generators(page: &mut String, result: &RunResult) {
    let source = |of: &str| vec![("source", of.to_owned())];
    let cpu = result.generators.iter().map(|of| ("", source(&of.source), of.cpu_percent / 100.0)).collect();
    family(page, "generator_cpu_ratio", "gauge", "CPU that the generator used of what it may use.", cpu);
    let lags = result.generators.iter().flat_map(|of| {
        let lag = &of.schedule_lag_ms;
        [("0.5", lag.p50), ("0.99", lag.p99), ("1", lag.max)].map(|(q, ms)| {
            let labels = source(&of.source).into_iter().chain([("q", q.to_owned())]).collect();
            ("", labels, ms / 1000.0)
        })
    });
    let help = "How much later than planned requests were sent; q is the share that was no later.";
    family(page, "generator_lag_seconds", "gauge", help, lags.collect());
}

/// Units, and what each is multiplied by.
type Units = &'static [(FigureUnit, f64)];

/// Figures of probes in base units, by their unit; and how much each suspect weighs.
fn probes(page: &mut String, result: &RunResult) {
    const FAMILIES: [(&str, &str, Units); 6] = [
        ("probe", "What a probe saw over the steady window.", &[(FigureUnit::Number, 1.0)]),
        ("probe_per_second", "How often a second, over the steady window.", &[(FigureUnit::PerSecond, 1.0)]),
        ("probe_bytes", "Bytes, over the steady window.", &[(FigureUnit::Bytes, 1.0)]),
        ("probe_bytes_per_second", "Bytes a second, over the steady window.", &[(FigureUnit::BytesPerSecond, 1.0)]),
        ("probe_seconds", "Times, over the steady window.", &[(FigureUnit::Seconds, 1.0)]),
        (
            "probe_seconds_per_second",
            "Time used a second, over the steady window: of CPU time, CPUs at work.",
            &[(FigureUnit::SecondsPerSecond, 1.0), (FigureUnit::MsPerSecond, 1e-3)],
        ),
    ];
    let unit = |probe: &str, figure: &str| {
        let kind = probe.split(' ').next().unwrap_or(probe);
        let of_kind = FIGURES.iter().find(|known| known.kind.as_str() == kind)?;
        figure_name(of_kind.kind, figure).map(|known| known.unit)
    };
    for (name, help, units) in FAMILIES {
        let mut samples = Vec::new();
        for (probe, sample) in &result.samples {
            for (figure, of) in &sample.figures {
                let unit = unit(probe, figure);
                let Some((_, scale)) = units.iter().find(|(of, _)| Some(*of) == unit) else { continue };
                for (of, value) in [("mean", of.mean), ("peak", of.peak)] {
                    let labels = vec![("probe", probe.clone()), ("figure", figure.clone()), ("of", of.to_owned())];
                    samples.push(("", labels, value * scale));
                }
            }
        }
        family(page, name, "gauge", help, samples);
    }
    let mut seen = HashSet::new();
    let once = result.suspects.iter().filter(|of| seen.insert((&of.rule, &of.subject)));
    let suspects = once.map(|of| ("", vec![("rule", of.rule.clone()), ("subject", of.subject.clone())], of.weight));
    family(page, "suspect", "gauge", "What stands out, by its weight from 0 to 1.", suspects.collect());
}

/// A family with its samples; nothing where it has none.
fn family(page: &mut String, name: &str, kind: &str, help: &str, samples: Vec<Sample<'_>>) {
    if samples.is_empty() {
        return;
    }
    let name = format!("{PREFIX}_{name}");
    let _ = writeln!(page, "# TYPE {name} {kind}");
    if let Some(unit) = ["seconds", "ratio"].into_iter().find(|unit| name.ends_with(&format!("_{unit}"))) {
        let _ = writeln!(page, "# UNIT {name} {unit}");
    }
    let _ = writeln!(page, "# HELP {name} {}", escape(help));
    for (suffix, labels, value) in samples {
        let labels: Vec<String> =
            labels.into_iter().map(|(label, value)| format!("{label}=\"{}\"", escape(&value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(page, "{name}{suffix}{labels} {value}");
    }
}

/// As the grammar wants it within quotes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}
