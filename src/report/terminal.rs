//! The terminal's report: the verdict first, then what it rests on, then what to do.

use std::fmt::Write as _;
use std::path::Path;

use unicode_width::UnicodeWidthStr;

use super::columns::{Columns, cut_middle, wrap, wrap_parts};
use super::endpoints::Table;
use super::next::next_step;
use super::page::Page;
use super::watched::{self as told, Moved};
use super::{split, words};
use crate::judge::{RunResult, TargetResult, Verdict};
use crate::record::{Run, Watched};
use crate::units::{counted, format_count};

/// How many texts of failure are listed.
const MOST_ERRORS: usize = 5;
/// How many suspects are told.
const MOST_SUSPECTS: usize = 3;
/// Names of probes are cut to this many columns.
const LONGEST_NAME: usize = 26;
/// The column of a line's name, as wide as the longest.
const NAME: usize = 8;

/// The whole report, ending with a newline.
pub(super) fn terminal(folder: &Path, run: &Run, result: &RunResult, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    page.verdict(run, result);
    page.text.push_str(&super::capacity::text_section(result, page.width, colour));
    page.targets(&result.targets);
    if let Some(baseline) = &result.baseline {
        page.text.push_str(&super::comparison::text_section(baseline, page.width, colour));
    }
    page.text.push_str(&super::drift::text_section(result, page.width, colour));
    page.holds(result);
    page.endpoints(result);
    page.errors(result);
    page.system(run, result);
    if let Some(check) = &result.check {
        page.text.push_str(&super::check::text_section(check, page.width, colour));
    }
    page.notes(run, result);
    page.generators(result);
    page.line(&format!("   report  {}", folder.join("report.html").display()));
    let next = next_step(run, result);
    page.field("next", NAME, &next.words);
    if let Some(command) = next.command {
        // In one piece, however long: it is there to be copied.
        page.line(&format!("           {command}"));
    }
    page.text
}

impl Page {
    fn verdict(&mut self, run: &Run, result: &RunResult) {
        let word = words::shout(result.verdict);
        let indent = word.width() + 3;
        let mut lines: Vec<String> = Vec::new();
        for part in words::headline(run, result) {
            match lines.last_mut() {
                Some(line) if line.width() + 3 + part.width() <= self.width - indent => {
                    let _ = write!(line, " · {part}");
                }
                _ => lines.extend(wrap(&part, self.width - indent)),
            }
        }
        for (n, line) in lines.iter().enumerate() {
            if n == 0 {
                let painted = self.paint(&format!("1;{}", hue(result.verdict)), word);
                self.line(&format!("{painted}   {line}"));
            } else {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
        if let Some(how) = words::cut_short(run, result) {
            self.wrapped(&how, indent);
        }
        // A failed target says its reason in its own row; these say what no row can.
        for reason in words::void_reasons(result) {
            self.wrapped(reason, indent);
        }
    }

    fn targets(&mut self, targets: &[TargetResult]) {
        if targets.is_empty() {
            return;
        }
        let table = |name: fn(&TargetResult) -> String| {
            let mut columns = Columns::new(&["target", "limit", "measured", "95 % interval"], &[]);
            for target in targets {
                let figures = [words::limit(target), words::measured(target), words::interval(target)];
                columns.row([name(target)].into_iter().chain(figures));
            }
            columns
        };
        let mut columns = table(words::target_title);
        if columns.width() > self.width - 3 {
            columns = table(words::short_target_title);
            columns.fit(self.width - 3);
        }
        self.line("");
        self.heading(&columns, 3);
        for (target, row) in targets.iter().zip(columns.rows()) {
            let sign = self.paint(hue(target.verdict), &words::sign(target.verdict).to_string());
            let reason = words::reason(target);
            let row = row.trim_end();
            if target.verdict == Verdict::NotMeasured && target.value.is_none() {
                let line = format!("{:indent$}{reason}", row, indent = columns.start_of(2));
                if line.width() + 3 <= self.width {
                    self.line(&format!(" {sign} {line}"));
                    continue;
                }
            }
            self.line(&format!(" {sign} {row}"));
            if target.verdict != Verdict::Pass && !reason.is_empty() {
                self.wrapped(&reason, 5);
            }
        }
    }

    fn holds(&mut self, result: &RunResult) {
        if result.stages.len() < 2 {
            return;
        }
        self.line("");
        for stage in &result.stages {
            let level = match (stage.users, stage.rate) {
                (Some(users), _) => counted(users.into(), "user"),
                (None, Some(rate)) => format!("{} arrivals/s", words::plain(rate)),
                (None, None) => String::new(),
            };
            self.line(&format!("   hold {} · {level}", words::span(stage.from_s, stage.to_s)));
            let seen = || stage.targets.iter().filter(|t| t.verdict != Verdict::NotMeasured);
            let mut columns = Columns::new(&["", "", ""], &[]);
            for target in seen() {
                columns.row([words::target_title(target), words::measured(target), words::interval(target)]);
            }
            columns.fit(self.width - 7);
            for (target, row) in seen().zip(columns.rows()) {
                let sign = self.paint(hue(target.verdict), &words::sign(target.verdict).to_string());
                self.line(&format!("     {sign} {row}"));
            }
        }
    }

    fn endpoints(&mut self, result: &RunResult) {
        if result.totals.requests == 0 {
            self.line("");
            self.line("   no request was made");
            return;
        }
        let all = Table::of(result);
        let build = |table: Table| {
            let mut columns = Columns::new(&table.titles(), &[1, 2, 3, 4, 5, 6, 7, 8]);
            for endpoint in &result.endpoints {
                columns.row(table.row(result, endpoint));
            }
            columns.fit(self.width - 3);
            columns
        };
        let mut columns = build(all);
        if all.cut_off && columns.width() > self.width - 3 {
            // A note tells how many they were.
            columns = build(Table { cut_off: false, ..all });
        }
        self.line("");
        self.heading(&columns, 3);
        for row in columns.rows() {
            self.line(&format!("   {row}"));
        }
        for line in words::redirects(result).into_iter().chain(split::line(result)) {
            self.wrapped(&line, 3);
        }
    }

    fn errors(&mut self, result: &RunResult) {
        let rows = words::errors(result);
        if rows.is_empty() {
            return;
        }
        let mut columns = Columns::new(&["failure", "count", "most at"], &[1]);
        for row in rows.iter().take(MOST_ERRORS) {
            let at = row.endpoints.first().map_or("", |(name, _)| name.as_str());
            columns.row([row.text.clone(), format_count(row.count), at.to_owned()]);
        }
        columns.fit(self.width - 3);
        self.line("");
        self.heading(&columns, 3);
        for row in columns.rows() {
            self.line(&format!("   {row}"));
        }
        if rows.len() > MOST_ERRORS {
            self.line(&format!("   and {} more in report.html", rows.len() - MOST_ERRORS));
        }
    }

    /// A line a probe, and what moved.
    fn system(&mut self, run: &Run, result: &RunResult) {
        let name = |watched: &Watched| watched.name.to_string().replace(char::is_control, " ");
        let longest = run.watched.iter().map(|watched| name(watched).width()).max().unwrap_or(0).min(LONGEST_NAME);
        if longest > 0 {
            self.line("");
            let heading = self.paint("2", "system");
            self.line(&format!("   {heading}"));
        }
        for watched in &run.watched {
            let name = cut_middle(&name(watched), longest);
            let blank = " ".repeat(longest - name.width());
            let parts = told::parts(watched, result.samples.get(&watched.name.to_string()));
            let width = self.width - longest - 5;
            let figures = wrap_parts(&parts, width);
            let gaps = told::gaps(watched);
            let gaps = gaps.iter().flat_map(|gap| wrap(gap, width));
            for (n, line) in figures.into_iter().chain(gaps).enumerate() {
                let name = if n == 0 { format!("{name}{blank}") } else { " ".repeat(longest) };
                self.line(&format!("   {name}  {line}"));
            }
        }
        self.moved(run, result);
    }

    fn moved(&mut self, run: &Run, result: &RunResult) {
        let moved = told::moved(run, result);
        if let Some(nothing) = told::nothing(&moved) {
            self.line("");
            self.wrapped(&nothing, 3);
        }
        let Moved::Suspects(suspects) = moved else { return };
        self.line("");
        for suspect in suspects.iter().take(MOST_SUSPECTS) {
            let says = format!("what moved: {}", suspect.says);
            for (n, line) in wrap(&says, self.width - 3).into_iter().enumerate() {
                let (sign, line) = (self.paint("33", "▲"), self.paint("1", &line));
                self.line(&if n == 0 { format!(" {sign} {line}") } else { format!("   {line}") });
            }
            for evidence in &suspect.evidence {
                self.wrapped(evidence, 5);
            }
            for (n, line) in wrap(&suspect.advice, self.width - 7).iter().enumerate() {
                self.line(&format!("     {} {line}", if n == 0 { "→" } else { " " }));
            }
        }
        if suspects.len() > MOST_SUSPECTS {
            self.line(&format!("   … {} more in the report", suspects.len() - MOST_SUSPECTS));
        }
    }

    fn notes(&mut self, run: &Run, result: &RunResult) {
        let notes = words::notes(run, result);
        if !notes.is_empty() {
            self.line("");
        }
        for note in notes {
            self.wrapped(&format!("note: {note}"), 3);
        }
    }

    fn generators(&mut self, result: &RunResult) {
        self.line("");
        for source in &result.generators {
            let text = words::generator(source);
            for (n, line) in wrap(&text, self.width - 5).iter().enumerate() {
                let line = if source.void { self.paint(hue(Verdict::Void), line) } else { line.clone() };
                self.line(&format!("   {}{line}", if n == 0 { "" } else { "  " }));
            }
        }
    }
}

/// The ANSI colour of a verdict.
fn hue(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "32",
        Verdict::Fail => "31",
        Verdict::Unproven => "33",
        Verdict::NotMeasured => "2",
        Verdict::Void => "35",
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    fn show(of: &(Run, RunResult), width: usize) -> String {
        terminal(Path::new("results/20261123T081000Z-agenthub-user-3f2a"), &of.0, &of.1, width, false)
    }

    #[test]
    fn every_verdict_at_80_columns() {
        for (name, of) in example::all() {
            insta::assert_snapshot!(format!("{name}_80"), show(&of, 80));
        }
    }

    #[test]
    fn every_verdict_at_120_columns() {
        for (name, of) in example::all() {
            insta::assert_snapshot!(format!("{name}_120"), show(&of, 120));
        }
    }

    #[test]
    fn the_system_at_80_columns() {
        for (name, of) in example::watched() {
            insta::assert_snapshot!(format!("{name}_80"), show(&of, 80));
        }
    }

    #[test]
    fn three_suspects_are_told_and_the_rest_is_counted() {
        let mut of = example::locked();
        let one = of.1.suspects[1].clone();
        of.1.suspects.extend([one.clone(), one.clone(), one]);
        let text = show(&of, 100);
        assert_eq!(text.matches(" ▲ what moved: ").count(), 3);
        assert!(text.contains("\n   … 2 more in the report\n"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_asked_but_for_what_cannot_break() {
        let mut of = example::fail();
        of.1.endpoints[2].name = format!("GET /api/v2/{}", "日本語/".repeat(30));
        let watched = example::watched().into_iter().map(|(_, of)| of);
        for of in [of.clone()].into_iter().chain(watched) {
            for width in [60, 80, 100, 120] {
                let text = show(&of, width);
                // Tables of figures do not become narrower than their figures.
                let text =
                    if width == 60 { text.split_once("   system\n").map_or("", |(_, rest)| rest) } else { &text };
                // The path of the report and the command to copy stay whole.
                let whole = |line: &&str| line.starts_with("   report ") || line.contains("agenthub-perf run");
                for line in text.lines().filter(|line| !whole(line)) {
                    assert!(line.width() <= width, "{} columns of {width}: {line}", line.width());
                }
            }
        }
        assert!(show(&of, 80).contains('…'));
    }

    #[test]
    fn colour_only_when_asked() {
        let (run, result) = example::locked();
        let folder = Path::new("results/x");
        let plain = terminal(folder, &run, &result, 80, false);
        let painted = terminal(folder, &run, &result, 80, true);
        assert!(!plain.contains('\x1b'));
        assert!(painted.contains("\x1b[1;31mFAIL\x1b[0m"));
        let mut stripped = painted;
        for code in ["1;31", "31", "33", "32", "2", "35", "1", "0"] {
            stripped = stripped.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn names_cannot_speak_to_the_terminal() {
        let mut of = example::locked();
        let evil = "GET /\u{1b}[2J\u{7}";
        of.1.suspects[0].says = evil.to_owned();
        of.1.suspects[0].evidence = vec![evil.to_owned()];
        of.1.suspects[0].advice = evil.to_owned();
        of.0.watched[1].name.name = evil.to_owned();
        of.0.watched[2].gaps[0].why = evil.to_owned();
        of.1.scenario.name = evil.to_owned();
        of.1.endpoints[1].name = evil.to_owned();
        of.1.endpoints[1].errors.insert(evil.to_owned(), 9999);
        of.1.targets[0].reason = evil.to_owned();
        of.1.notes.push(evil.to_owned());
        of.1.generators[0].source = evil.to_owned();
        let painted = terminal(Path::new(evil), &of.0, &of.1, 80, true);
        assert!(!painted.contains("\u{1b}[2J") && !painted.contains('\u{7}'), "{painted}");
        let text = show(&of, 80);
        assert!(text.matches("GET / [2J").count() >= 3, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}']));
    }
}
