//! The guide's dashboard: its six key metrics in its order, one under another on one axis of time.

use super::canvas::Ink;
use super::seen::{self, Bins};
use super::series;
use super::timeline::{Blind, Line, Mark, Point, Scale, Strip, Timeline};
use super::{Chart, panel, response_targets, timed};
use crate::judge::RunResult;
use crate::record::{EndpointSecond, LoadModel, ProbeKind, Run, Seen, Watched};
use crate::report::amounts::{self, Say};
use crate::report::{watched as told, words};
use crate::units::format_count;

/// At most this many points on a line.
const MOST: f64 = 150.0;
/// At most so many lines in a strip.
const MOST_LINES: usize = Ink::LINES.len();

/// What a subject uses of what it may use.
type OfLimit = fn(&Seen) -> Option<f64>;

/// One of the six: a chart, or in words what to name to see it.
pub(in crate::report) struct View {
    /// As the guide calls it.
    pub(in crate::report) title: &'static str,
    pub(in crate::report) shown: Result<Chart, String>,
}

/// All six.
pub(super) fn views(run: &Run, result: &RunResult) -> Vec<View> {
    let view = |title: &'static str, slug: &str, of: Result<(Vec<Strip>, String), String>| View {
        title,
        shown: of.map(|(strips, caption)| {
            let timeline = Timeline { title: title.to_owned(), strips };
            timed(&format!("system-{slug}"), &caption, run, result, &timeline)
        }),
    };
    vec![
        view("Request rate and response times", "requests", Ok(requests(run, result))),
        view("Error rates by endpoint", "errors", Ok(errors(run, result))),
        view("Connection pool", "pool", pool(run)),
        view("Cache hit rates", "cache", cache(run)),
        view("CPU and memory, of what each may use", "cpu-memory", cpu_memory(run, result)),
        view("Disk and network", "disk-network", disk_network(run)),
    ]
}

fn strip(title: &str, lines: Vec<Line>, scale: Scale, say: Say) -> Strip {
    Strip { title: title.to_owned(), lines, marks: Vec::new(), gaps: Vec::new(), scale, say, instead: String::new() }
}

fn requests(run: &Run, result: &RunResult) -> (Vec<Strip>, String) {
    let width_s = series::width_s(run, MOST);
    let bins = series::times(run, width_s);
    let line = |(name, q, ink): (&str, f64, Ink)| {
        let mut before = None;
        let points = bins.iter().map(|bin| {
            let joined = before.is_some_and(|index| index + 1 == bin.index);
            before = Some(bin.index);
            let value = bin.values.quantile(q).map_or(0.0, |us| us as f64 / 1000.0);
            Point { at_s: bin.middle_s, value, peak: None, joined }
        });
        Line { name: name.to_owned(), ink, points: points.collect(), width_s }
    };
    let lines = [("p99", 0.99, Ink::Pink), ("p95", 0.95, Ink::Blue), ("p50", 0.5, Ink::Green)].map(line);
    let mut times = strip("Response times of successes", lines.into(), Scale::Times, amounts::ms);
    times.lines.retain(|line| !line.points.is_empty());
    let target = |(words, at): (String, f64)| Mark { words, at, target: true };
    times.marks = response_targets(result).into_iter().map(target).collect();
    let none = if result.totals.requests == 0 { "no request was made" } else { "no request succeeded" };
    none.clone_into(&mut times.instead);

    let mut counts = series::counts(run, width_s);
    // The rest of a second at the end has no rate worth a point.
    counts.retain(|bin| bin.to_s - bin.from_s > width_s / 2.0 || run.duration_s() < width_s);
    let line = |name: &str, ink, of: &dyn Fn(&series::CountsBin) -> f64| {
        let point = |(n, bin): (usize, &series::CountsBin)| {
            let at_s = f64::midpoint(bin.from_s, bin.to_s);
            Point { at_s, value: of(bin), peak: None, joined: n > 0 }
        };
        Line { name: name.to_owned(), ink, points: counts.iter().enumerate().map(point).collect(), width_s }
    };
    let good = line("successes", Ink::Blue, &|bin| bin.good as f64 / (bin.to_s - bin.from_s));
    let all = |bin: &series::CountsBin| bin.failures.values().sum::<u64>() as f64 / (bin.to_s - bin.from_s);
    let bad = line("failures", Ink::Vermilion, &all);
    let mut rates = strip("Responses a second", vec![good], Scale::Zero, amounts::per_s);
    rates.lines.extend((result.totals.failures > 0).then_some(bad));
    rates.lines.retain(|line| !line.points.is_empty());
    "no request was made".clone_into(&mut rates.instead);
    let target = result.targets.iter().find(|target| target.name == "throughput");
    rates.marks.extend(target.map(|target| Mark {
        words: format!("target {}", words::limit(target)),
        at: target.limit / 60.0,
        target: true,
    }));
    let level = if run.asked.plan.model == LoadModel::Closed { "users" } else { "arrivals" };
    let caption = format!(
        "What the {level} met, above all that follows: every chart of this section has the same axis of time, and what is judged is shaded. Each point covers {}.",
        words::seconds(width_s)
    );
    (vec![times, rates], caption)
}

fn errors(run: &Run, result: &RunResult) -> (Vec<Strip>, String) {
    let width_s = series::width_s(run, MOST);
    let mut failing: Vec<(usize, u64)> = (0..).zip(&result.endpoints).map(|(n, of)| (n, of.failures)).collect();
    failing.retain(|(_, failures)| *failures > 0);
    failing.sort_by_key(|(_, failures)| std::cmp::Reverse(*failures));
    let rest = failing.len().saturating_sub(MOST_LINES);
    let line = |(&(n, _), ink): (&(usize, u64), Ink)| {
        let mut points: Vec<Point> = Vec::new();
        let in_bin =
            |second: &&crate::record::Second| (f64::midpoint(second.from_s, second.to_s) / width_s).max(0.0) as usize;
        let seconds: Vec<&crate::record::Second> = run.seconds.iter().collect();
        for part in seconds.chunk_by(|a, b| in_bin(a) == in_bin(b)) {
            let rows: Vec<&EndpointSecond> = part.iter().filter_map(|s| s.endpoints.get(&(n as u32))).collect();
            let ended: u64 = rows.iter().map(|row| row.requests.saturating_sub(row.cut_off)).sum();
            let failed: u64 = rows.iter().flat_map(|row| row.failures.values()).sum();
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            if ended > 0 {
                let at_s = f64::midpoint(first.from_s, last.to_s);
                let joined = points.last().is_some_and(|before: &Point| at_s - before.at_s < 3.5 * width_s);
                points.push(Point { at_s, value: failed as f64 / ended as f64, peak: None, joined });
            }
        }
        Line { name: words::endpoint_name(result, &result.endpoints[n]), ink, points, width_s }
    };
    let lines = failing.iter().zip(Ink::LINES).map(line).collect();
    let mut rates = strip("Share of requests that failed", lines, Scale::Zero, amounts::ratio);
    rates.lines.retain(|line| !line.points.is_empty());
    rates.instead = match result.totals.requests {
        0 => "no request was made".to_owned(),
        n => format!("no failures in {} requests", format_count(n)),
    };
    let target = result.targets.iter().find(|target| target.name == "error_rate");
    rates.marks.extend(target.map(|target| Mark {
        words: format!("target {}", words::limit(target)),
        at: target.limit,
        target: true,
    }));
    let caption = match (failing.len(), rest) {
        (0, _) => "No endpoint failed.".to_owned(),
        (n, 0) => format!("Failures at {n} of {} endpoints.", result.endpoints.len()),
        (n, rest) => {
            format!("Failures at {n} of {} endpoints; {rest} of them are left out here.", result.endpoints.len())
        }
    };
    (vec![rates], caption)
}

fn of_kind(run: &Run, kind: ProbeKind) -> impl Iterator<Item = &Watched> {
    run.watched.iter().filter(move |watched| watched.name.kind == kind)
}

fn subjects(run: &Run) -> Vec<&Watched> {
    let kinds = [ProbeKind::Container, ProbeKind::Process, ProbeKind::Host];
    run.watched.iter().filter(|watched| kinds.contains(&watched.name.kind)).collect()
}

/// Each subject has one colour in all strips, and up to six have one each.
fn ink(run: &Run, of: &Watched) -> Ink {
    let mut all = subjects(run).into_iter().chain(of_kind(run, ProbeKind::Redis));
    let at = all.position(|watched| watched.name == of.name).unwrap_or(0);
    Ink::LINES[at % Ink::LINES.len()]
}

fn blind(of: &[&Watched]) -> Vec<Blind> {
    of.iter().flat_map(|watched| seen::blind(watched)).collect()
}

/// Why there is no chart: nobody was asked, or who was asked saw nothing, or does not tell.
fn missing(asked: &[&Watched], what: &str, how: &str) -> String {
    let blind = asked.iter().find(|watched| !told::saw(watched));
    match (asked, blind) {
        ([], _) => format!("Not watched: {how}."),
        (_, Some(watched)) => match watched.gaps.first() {
            Some(gap) => told::sentence(&format!("{} saw nothing: {}", watched.name, gap.why)),
            None => format!("{} saw nothing.", watched.name),
        },
        _ => {
            let names: Vec<String> = asked.iter().map(|watched| watched.name.to_string()).collect();
            format!("{} did not tell of {what}; {how}.", names.join(", "))
        }
    }
}

fn pool(run: &Run) -> Result<(Vec<Strip>, String), String> {
    let length = panel::length_s(run);
    let tells = |watched: &&Watched| watched.tells("connections") || watched.tells("pool_idle");
    if let Some(metrics) = of_kind(run, ProbeKind::Metrics).find(tells) {
        let bins = Bins::new(metrics, length);
        let lines = [
            ("in use", "connections", Ink::Blue),
            ("idle", "pool_idle", Ink::Green),
            ("requests waiting", "pool_waiting", Ink::Vermilion),
        ];
        let lines = lines.iter().filter_map(|(name, figure, ink)| bins.line(name, *ink, &seen::figure(figure)));
        let mut strip =
            strip("The service's connections to its database", lines.collect(), Scale::Zero, amounts::number);
        let size = seen::last(metrics, "pool_size");
        strip.marks.extend(size.map(|at| Mark {
            words: format!("{} in the pool", amounts::number(at)),
            at,
            target: false,
        }));
        strip.gaps = blind(&[metrics]);
        let of = size.map_or(String::new(), |size| format!(" of {}", amounts::number(size)));
        return Ok((vec![strip], told::caption(&format!("As the service tells of its own pool{of}."), &[metrics])));
    }
    let asked: Vec<&Watched> =
        run.watched.iter().filter(|w| matches!(w.name.kind, ProbeKind::Metrics | ProbeKind::Postgres)).collect();
    let Some(postgres) = of_kind(run, ProbeKind::Postgres).find(|watched| watched.tells("connections")) else {
        let how = "name the service's own figures with --metrics URL, or its database with --postgres URL";
        return Err(missing(&asked, "connections", how));
    };
    let bins = Bins::new(postgres, length);
    let mut lines: Vec<Line> = bins.line("all", Ink::Text, &seen::figure("connections")).into_iter().collect();
    let states = seen::parts(postgres, "connections");
    lines.extend(states.into_iter().zip(Ink::LINES).filter_map(|(state, ink)| {
        bins.line(&state.replace('_', " "), ink, &seen::figure(&seen::figure_of("connections", state)))
    }));
    let mut strip = strip("Connections of the database", lines, Scale::Zero, amounts::number);
    let limit = seen::last(postgres, "connections_limit");
    strip.marks.extend(limit.map(|at| Mark { words: format!("{} at most", amounts::number(at)), at, target: false }));
    strip.gaps = blind(&[postgres]);
    let of = limit.map_or(String::new(), |limit| format!(" It takes {} at most.", amounts::number(limit)));
    let caption = format!("Connections by state, as PostgreSQL tells.{of} The pool itself is seen with --metrics URL.");
    Ok((vec![strip], told::caption(&caption, &[postgres])))
}

fn cache(run: &Run) -> Result<(Vec<Strip>, String), String> {
    let length = panel::length_s(run);
    let sources = [
        (ProbeKind::Redis, "Redis", "hits", "misses", Ink::Vermilion),
        (ProbeKind::Metrics, "the service's cache", "cache_hits", "cache_misses", Ink::Blue),
        (ProbeKind::Postgres, "PostgreSQL's blocks", "blocks_hit", "blocks_read", Ink::Green),
    ];
    let (mut lines, mut of) = (Vec::new(), Vec::new());
    for (kind, name, hits, misses, ink) in sources {
        for watched in of_kind(run, kind) {
            let line = Bins::new(watched, length).line(name, ink, &seen::share(hits, misses));
            of.extend(line.is_some().then_some(watched));
            lines.extend(line);
        }
    }
    if lines.is_empty() {
        let kinds = [ProbeKind::Redis, ProbeKind::Metrics, ProbeKind::Postgres];
        let asked: Vec<&Watched> = run.watched.iter().filter(|w| kinds.contains(&w.name.kind)).collect();
        let how = "name the cache with --redis URL, the service's own figures with --metrics URL, the database with --postgres URL";
        return Err(missing(&asked, "anything found in a cache", how));
    }
    let mut strip = strip("Share found in the cache", lines, Scale::Share, amounts::ratio);
    strip.gaps = blind(&of);
    Ok((vec![strip], told::caption("Found, of all that was looked for; no point where nothing was.", &of)))
}

fn cpu_memory(run: &Run, result: &RunResult) -> Result<(Vec<Strip>, String), String> {
    let length = panel::length_s(run);
    let subjects = subjects(run);
    let with_redis: Vec<&Watched> = subjects.iter().copied().chain(of_kind(run, ProbeKind::Redis)).collect();
    let lines = |of: &[&Watched], value: OfLimit, peak: OfLimit| -> (Vec<Line>, usize) {
        let line = |watched: &&Watched| {
            Bins::new(watched, length).line(&watched.name.to_string(), ink(run, watched), &seen::of_limit(value, peak))
        };
        highest(of.iter().filter_map(line).collect())
    };
    let (cpu, cpu_left) = lines(&subjects, Seen::cpu, Seen::cpu_peak);
    let (memory, memory_left) = lines(&with_redis, Seen::memory, Seen::memory_peak);
    if cpu.is_empty() && memory.is_empty() {
        let how = "name what the service runs in with --container NAME or --process PID|NAME";
        return Err(missing(&subjects, "CPU or memory and their limits", how));
    }
    let marks = |wanted: &[(&str, &str)]| -> Vec<Mark> {
        let one = |(name, short): &(&str, &str)| {
            let target = result.targets.iter().find(|target| target.name == *name)?;
            Some(Mark { words: format!("target{short} {}", words::limit(target)), at: target.limit, target: true })
        };
        wanted.iter().filter_map(one).collect()
    };
    let mut strips = Vec::new();
    if !cpu.is_empty() {
        let mut strip = strip("CPU", cpu, Scale::Zero, amounts::ratio);
        strip.marks = marks(&[("cpu_average", " average"), ("cpu_peak", " peak")]);
        strip.gaps = blind(&subjects);
        strips.push(strip);
    }
    if !memory.is_empty() {
        let mut strip = strip("Memory", memory, Scale::Zero, amounts::ratio);
        strip.marks = marks(&[("memory", "")]);
        strip.gaps = blind(&with_redis);
        strips.push(strip);
    }
    let mut caption = "Of each one's own limit, or of the machine's where it has none.".to_owned();
    if strips.iter().any(|s| s.lines.iter().any(|line| line.points.iter().any(|point| point.peak.is_some()))) {
        caption.push_str(" The faint line is the highest second within each point.");
    }
    let limitless =
        |watched: &&Watched| watched.tells("cpu_s") && !watched.seen.iter().any(|seen| seen.cpu().is_some());
    let limitless: Vec<String> = subjects.iter().copied().filter(limitless).map(|w| w.name.to_string()).collect();
    if !limitless.is_empty() {
        caption = format!("{caption} No limit of its CPU is known of {}: see its own charts.", limitless.join(", "));
    }
    let machine = subjects.iter().any(|watched| watched.name.kind == ProbeKind::Host);
    if machine && !run.asked.judge_machine {
        caption.push_str(" The machine is not judged: it carries the load generator too (--machine judges it).");
    }
    let left = cpu_left.max(memory_left);
    if left > 0 {
        caption = format!("{caption} {left} with less are left out here.");
    }
    Ok((strips, told::caption(&caption, &subjects)))
}

/// Those that reach highest, in their order, and how many are left out.
fn highest(mut lines: Vec<Line>) -> (Vec<Line>, usize) {
    let left = lines.len().saturating_sub(MOST_LINES);
    let most = |line: &Line| line.points.iter().map(|point| point.peak.unwrap_or(point.value)).fold(0.0, f64::max);
    while lines.len() > MOST_LINES {
        let lowest = lines.iter().enumerate().min_by(|a, b| most(a.1).total_cmp(&most(b.1))).map(|(n, _)| n);
        lines.remove(lowest.unwrap_or(0));
    }
    (lines, left)
}

fn disk_network(run: &Run) -> Result<(Vec<Strip>, String), String> {
    let length = panel::length_s(run);
    let subjects = subjects(run);
    let directions = [
        ("Disk", ["disk_read_bytes", "disk_written_bytes"], ["read", "written"]),
        ("Network", ["net_received_bytes", "net_sent_bytes"], ["received", "sent"]),
    ];
    let host = of_kind(run, ProbeKind::Host).find(|watched| directions.iter().any(|(_, [a, _], _)| watched.tells(a)));
    let mut strips = Vec::new();
    for (title, figures, names) in directions {
        let (lines, words) = if let Some(host) = host {
            let bins = Bins::new(host, length);
            let inks = [Ink::Blue, Ink::Orange];
            let each = figures.iter().zip(names).zip(inks);
            let lines = each.filter_map(|((figure, name), ink)| bins.line(name, ink, &seen::figure(figure)));
            (lines.collect(), format!("{title}, of the whole machine"))
        } else {
            let line = |watched: &&Watched| {
                let name = watched.name.to_string();
                Bins::new(watched, length).line(&name, ink(run, watched), &seen::together(figures))
            };
            let lines = highest(subjects.iter().filter_map(line).collect()).0;
            (lines, format!("{title}, {} and {} together", names[0], names[1]))
        };
        let mut strip = strip(&words, lines, Scale::Zero, amounts::bytes_per_s);
        strip.gaps = host.map_or_else(|| blind(&subjects), |host| blind(&[host]));
        if !strip.lines.is_empty() {
            strips.push(strip);
        }
    }
    if strips.is_empty() {
        let how = "name what the service runs in with --container NAME or --process PID|NAME";
        return Err(missing(&subjects, "disks and network", how));
    }
    let of = host.map_or_else(|| subjects.clone(), |host| vec![host]);
    let caption = match host {
        Some(_) => "This machine's: what the load generator sends and receives is in it, local traffic is not.",
        None => "Of each subject.",
    };
    Ok((strips, told::caption(caption, &of)))
}
