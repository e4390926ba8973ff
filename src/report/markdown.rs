//! `report.md`: a GitHub job summary, a comment on a pull request.

use std::fmt::Write as _;

use super::endpoints::Table;
use super::next::next_step;
use super::watched::{self as told, Moved};
use super::{split, words};
use crate::judge::{RunResult, TargetResult};
use crate::record::Run;
use crate::units::{counted, format_count};

/// How many texts of failure are listed: a job summary may have 1024 KiB.
const MOST_ERRORS: usize = 20;
/// How many suspects are told.
const MOST_SUSPECTS: usize = 10;
/// How many endpoints are listed.
const MOST_ENDPOINTS: usize = 200;

/// The whole report.
pub(super) fn markdown(run: &Run, result: &RunResult) -> String {
    let mut page = String::new();
    verdict(&mut page, run, result);
    page.push_str(&super::capacity::markdown_section(result));
    if !result.targets.is_empty() {
        page.push_str("\n### Targets\n\n");
        targets(&mut page, &result.targets);
    }
    page.push_str(&super::drift::markdown_section(result));
    if let Some(baseline) = &result.baseline {
        page.push('\n');
        page.push_str(&super::comparison::markdown(baseline, 3));
    }
    holds(&mut page, result);
    endpoints(&mut page, result);
    times(&mut page, result);
    errors(&mut page, result);
    system(&mut page, run, result);
    if let Some(check) = &result.check {
        page.push_str(&super::check::markdown_section(check));
    }
    notes(&mut page, run, result);
    environment(&mut page, run, result);
    page
}

fn verdict(page: &mut String, run: &Run, result: &RunResult) {
    let (sign, word) = (words::sign(result.verdict), words::shout(result.verdict));
    let _ = writeln!(page, "## {sign} {word} · {}\n", escape(&words::headline(run, result).join(" · ")));
    let _ = writeln!(page, "{}", escape(format!("{} {}", words::sentence(result), words::rest(result)).trim_end()));
    if let Some(how) = words::cut_short(run, result) {
        let _ = writeln!(page, "\n**Partial:** {}.", escape(&how));
    }
    for reason in words::void_reasons(result) {
        let _ = writeln!(page, "\n- {}", escape(reason));
    }
    let next = next_step(run, result);
    let _ = writeln!(page, "\n**Next:** {}", escape(&next.sentence()));
    if let Some(command) = next.command {
        // Indented, so that no fence in it can end the block.
        let _ = writeln!(page, "\n    {}", command.replace(char::is_control, " "));
    }
}

fn targets(page: &mut String, targets: &[TargetResult]) {
    table(page, &["", "target", "limit", "measured", "95 % interval", "why"], &[]);
    for target in targets {
        row(
            page,
            &[
                words::sign(target.verdict).to_string(),
                words::target_title(target),
                words::limit(target),
                words::measured(target),
                words::interval(target),
                words::reason(target),
            ],
        );
    }
}

fn holds(page: &mut String, result: &RunResult) {
    if result.stages.len() < 2 {
        return;
    }
    for stage in &result.stages {
        let level = match (stage.users, stage.rate) {
            (Some(users), _) => format!(" · {}", counted(users.into(), "user")),
            (None, Some(rate)) => format!(" · {} arrivals/s", words::plain(rate)),
            (None, None) => String::new(),
        };
        let _ = writeln!(page, "\n#### Hold {}{level}\n", words::span(stage.from_s, stage.to_s));
        targets(page, &stage.targets);
    }
}

fn endpoints(page: &mut String, result: &RunResult) {
    page.push_str("\n### Endpoints\n\n");
    if result.totals.requests == 0 {
        page.push_str("No request was made.\n");
        return;
    }
    let columns = Table::of(result);
    table(page, &columns.titles(), &[1, 2, 3, 4, 5, 6, 7, 8]);
    for endpoint in result.endpoints.iter().take(MOST_ENDPOINTS) {
        row(page, &columns.row(result, endpoint));
    }
    if result.endpoints.len() > MOST_ENDPOINTS {
        let _ = writeln!(page, "\nand {} more in report.html", result.endpoints.len() - MOST_ENDPOINTS);
    }
    for line in words::redirects(result).into_iter().chain(split::line(result)) {
        let _ = writeln!(page, "\n{}", escape(&line));
    }
}

fn times(page: &mut String, result: &RunResult) {
    let splits = split::splits(result);
    if splits.is_empty() {
        return;
    }
    page.push_str("\n<details><summary>Where the time went: mean of a request</summary>\n\n");
    let unsent = words::is_open(result).then_some("before the send");
    let titles = ["endpoint", "connections opened"].into_iter().chain(unsent);
    let titles = titles.chain(split::PHASES.map(|(_, title)| title));
    table(page, &titles.collect::<Vec<_>>(), &[1, 2, 3, 4, 5, 6, 7]);
    for split in splits.into_iter().take(MOST_ENDPOINTS) {
        let times = split.before_ms.into_iter().chain(split.phases_ms).map(split::time);
        row(page, &[split.name, format_count(split.connections)].into_iter().chain(times).collect::<Vec<_>>());
    }
    page.push_str("\n</details>\n");
}

fn errors(page: &mut String, result: &RunResult) {
    let rows = words::errors(result);
    if rows.is_empty() {
        return;
    }
    page.push_str("\n### Failures\n\n");
    table(page, &["failure", "count", "where"], &[1]);
    for failure in rows.iter().take(MOST_ERRORS) {
        let at: Vec<String> =
            failure.endpoints.iter().take(4).map(|(name, n)| format!("{name} ({})", format_count(*n))).collect();
        row(page, &[failure.text.clone(), format_count(failure.count), at.join(", ")]);
    }
    if rows.len() > MOST_ERRORS {
        let _ = writeln!(page, "\nand {} more in report.html", rows.len() - MOST_ERRORS);
    }
}

/// What moved, and a row a probe.
fn system(page: &mut String, run: &Run, result: &RunResult) {
    let moved = told::moved(run, result);
    if let Some(nothing) = told::nothing(&moved) {
        let _ = writeln!(page, "\n### What moved\n\n{}", escape(&nothing));
    }
    if let Moved::Suspects(suspects) = moved {
        page.push_str("\n### What moved\n");
        for suspect in suspects.iter().take(MOST_SUSPECTS) {
            let _ = writeln!(page, "\n**▲ {}**\n", escape(&suspect.says));
            for line in &suspect.evidence {
                let _ = writeln!(page, "- {}", escape(line));
            }
            let advice = told::sentence(&suspect.advice);
            let _ = writeln!(
                page,
                "\n{} (Threshold: {}.)",
                escape(&advice),
                escape(suspect.threshold.trim_end_matches('.'))
            );
        }
        if suspects.len() > MOST_SUSPECTS {
            let _ = writeln!(page, "\nand {} more in report.html", suspects.len() - MOST_SUSPECTS);
        }
    }
    if run.watched.is_empty() {
        return;
    }
    page.push_str("\n### The system\n\n");
    table(page, &["watched", "figures"], &[]);
    for watched in run.watched.iter().take(MOST_ENDPOINTS) {
        let name = watched.name.to_string();
        let line = told::line(watched, result.samples.get(&name));
        row(page, &[name, line]);
    }
}

fn notes(page: &mut String, run: &Run, result: &RunResult) {
    page.push_str("\n### Notes\n\n");
    for source in &result.generators {
        let _ = writeln!(page, "- {}", escape(&words::generator(source)));
    }
    for note in words::notes(run, result) {
        let _ = writeln!(page, "- {}", escape(&note));
    }
}

fn environment(page: &mut String, run: &Run, result: &RunResult) {
    page.push_str("\n<details><summary>Environment</summary>\n\n");
    table(page, &["", ""], &[]);
    for (name, value) in words::environment(run, result) {
        row(page, &[name.to_owned(), value]);
    }
    page.push_str("\n</details>\n");
}

/// Heading and rule of a table; `right`: the columns that are aligned right.
pub(super) fn table(page: &mut String, titles: &[&str], right: &[usize]) {
    row(page, &titles.iter().map(|&title| title.to_owned()).collect::<Vec<_>>());
    let rules = (0..titles.len()).map(|n| if right.contains(&n) { "---:" } else { "---" });
    let _ = writeln!(page, "| {} |", rules.collect::<Vec<_>>().join(" | "));
}

pub(super) fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// Text that means nothing to Markdown or HTML, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '|' | '*' | '_' | '[' | ']' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn every_verdict() {
        for (name, (run, result)) in example::all().into_iter().chain(example::watched()) {
            insta::assert_snapshot!(name, markdown(&run, &result));
        }
    }

    #[test]
    fn names_cannot_break_out_of_their_cell() {
        let (run, mut result) = example::pass();
        result.endpoints[0].name = "GET /a|b`c`<img src=x>\n| @me".to_owned();
        let page = markdown(&run, &result);
        let line = page.lines().find(|line| line.contains("GET /a")).unwrap();
        assert!(line.starts_with(r"| GET /a\|b\`c\`&lt;img src=x&gt; \| &#64;me | "), "{line}");
    }

    #[test]
    fn a_thousand_endpoints_stay_under_what_a_job_summary_takes() {
        let (run, mut result) = example::pass();
        let one = result.endpoints[1].clone();
        result.endpoints = vec![one; 5000];
        let page = markdown(&run, &result);
        assert!(page.len() < 1 << 20, "{} bytes", page.len());
        assert!(page.contains("and 4800 more in report.html"));
    }
}
