//! Settings against the guide's values, and how these follow from memory.

use super::super::rule::{Area, Finding, FixKind, Rule};
use super::Basis;
use super::seen::{Seen, Setting};

const MB: f64 = 1024.0 * 1024.0;
const GB: f64 = 1024.0 * MB;

/// A setting that is tuned by the guide.
pub(super) struct Tuned {
    rule: Rule,
    name: &'static str,
    /// Whether it takes a new start of the server.
    restart: bool,
    wanted: Wanted,
}

/// What the guide wants of it. Sizes are bytes, times seconds.
enum Wanted {
    /// At least so much; as written.
    AtLeast(f64, &'static str),
    /// At most so much.
    AtMost(f64, &'static str),
    /// A share of the memory: at least the smaller one of the guide's value and this share, at most that share.
    OfMemory { guide: f64, least: f64, most: f64, ideal: f64 },
    /// The same of `work_mem`, which each connection may take.
    EachConnection { guide: f64 },
}

const fn tuned(
    id: &'static str,
    name: &'static str,
    restart: bool,
    holds: &'static str,
    source: &'static str,
    wanted: Wanted,
) -> Tuned {
    let applies = match wanted {
        Wanted::OfMemory { .. } | Wanted::EachConnection { .. } => {
            "the memory of the server is known: --db-memory SIZE"
        }
        _ => "",
    };
    let rule = Rule { id, area: Area::Db, lines: &[], section: "PostgreSQL Configuration", holds, source, applies };
    Tuned { rule, name, restart, wanted }
}

static TUNED: [Tuned; 11] = [
    tuned(
        "db.setting.shared_buffers",
        "shared_buffers",
        true,
        "the guide's 512 MB, or 15 % of the memory where that is less, up to 45 %",
        "the guide: 25 % of RAM",
        Wanted::OfMemory { guide: 512.0 * MB, least: 0.15, most: 0.45, ideal: 0.25 },
    ),
    tuned(
        "db.setting.effective_cache_size",
        "effective_cache_size",
        false,
        "the guide's 2 GB, or half of the memory where that is less, up to all of it",
        "the guide: 50-75 % of RAM",
        Wanted::OfMemory { guide: 2.0 * GB, least: 0.5, most: 1.0, ideal: 0.75 },
    ),
    tuned(
        "db.setting.work_mem",
        "work_mem",
        false,
        "the guide's 8 MB, or memory / max_connections / 2 where that is less (4 MB at least); all connections together at most the memory",
        "the guide: RAM / max_connections / 2",
        Wanted::EachConnection { guide: 8.0 * MB },
    ),
    tuned(
        "db.setting.maintenance_work_mem",
        "maintenance_work_mem",
        false,
        "the guide's 128 MB, or a sixteenth of the memory where that is less, up to a quarter",
        "the guide: RAM / 8; pgtune: RAM / 16",
        Wanted::OfMemory { guide: 128.0 * MB, least: 1.0 / 16.0, most: 0.25, ideal: 0.125 },
    ),
    tuned(
        "db.setting.checkpoint_completion_target",
        "checkpoint_completion_target",
        false,
        "0.9 or more",
        "the guide's value; the default since PostgreSQL 14",
        Wanted::AtLeast(0.9, "0.9"),
    ),
    tuned(
        "db.setting.checkpoint_timeout",
        "checkpoint_timeout",
        false,
        "15 min or more",
        "the guide's 30 min; own choice: half of it, as each checkpoint has whole pages written to the WAL anew, and a crash takes the longer to recover from the rarer they are",
        Wanted::AtLeast(900.0, "30min"),
    ),
    tuned(
        "db.setting.max_wal_size",
        "max_wal_size",
        false,
        "8 GB or more",
        "the guide's value",
        Wanted::AtLeast(8.0 * GB, "8GB"),
    ),
    tuned(
        "db.setting.min_wal_size",
        "min_wal_size",
        false,
        "2 GB or more",
        "the guide's value",
        Wanted::AtLeast(2.0 * GB, "2GB"),
    ),
    tuned(
        "db.setting.random_page_cost",
        "random_page_cost",
        false,
        "2 or less",
        "the guide's 1.1, for SSDs; own choice: half of PostgreSQL's default of 4, which is for spinning disks: accept it there",
        Wanted::AtMost(2.0, "1.1"),
    ),
    tuned(
        "db.setting.effective_io_concurrency",
        "effective_io_concurrency",
        false,
        "16 or more",
        "the guide's 200, for SSDs; own choice: PostgreSQL's default since 18, as up to 17 it is 1, for a single spinning disk",
        Wanted::AtLeast(16.0, "200"),
    ),
    tuned(
        "db.setting.default_statistics_target",
        "default_statistics_target",
        false,
        "100 or more",
        "the guide's value",
        Wanted::AtLeast(100.0, "100"),
    ),
];

static PENDING: Rule = Rule {
    id: "db.setting.pending_restart",
    area: Area::Db,
    lines: &[],
    section: "PostgreSQL Configuration",
    holds: "no setting waits for a new start of the server",
    source: "pg_settings.pending_restart",
    applies: "",
};

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    TUNED.iter().map(|tuned| &tuned.rule).chain([&PENDING])
}

/// All of them.
pub(super) fn judge(seen: &Seen, basis: &Basis) -> Vec<Finding> {
    let settings = match &seen.settings {
        Ok(settings) => settings,
        Err(why) => return rules().map(|rule| rule.unknown(why)).collect(),
    };
    let of = |tuned: &'static Tuned| match settings.get(tuned.name) {
        Some(setting) => one(tuned, setting, seen, basis),
        None => {
            tuned.rule.unknown(format!("the role may not see {}: GRANT pg_monitor TO {}", tuned.name, seen.server.role))
        }
    };
    let mut found: Vec<Finding> = TUNED.iter().map(of).collect();
    let pending: Vec<&str> =
        settings.values().filter(|setting| setting.pending_restart).map(|setting| setting.name.as_str()).collect();
    found.push(if pending.is_empty() {
        PENDING.pass("none does")
    } else {
        let summary = format!("{} changed, and will hold after a new start", pending.join(", "));
        // Known to those who may see it.
        let folder = settings.get("data_directory").map_or("…", |folder| folder.value.as_str());
        let folder = folder.replace('\'', r"'\''");
        // Without a file of its own the server goes on holding the pipe of the shell.
        let restart = format!("pg_ctl -D '{folder}' -l '{folder}/restart.log' restart");
        let how = format!("{restart}  # as user postgres; or: systemctl restart postgresql");
        PENDING.warn(summary).fix(FixKind::Shell, how)
    });
    found
}

fn one(tuned: &'static Tuned, setting: &Setting, seen: &Seen, basis: &Basis) -> Finding {
    let Some(value) = amount(setting) else { return tuned.rule.unknown(format!("{} is no number", tuned.name)) };
    let shown = format!("{} = {}", tuned.name, shown(setting, value));
    let (low, high, to, why) = match tuned.wanted {
        Wanted::AtLeast(least, to) => (least, f64::INFINITY, to.to_owned(), None),
        Wanted::AtMost(most, to) => (0.0, most, to.to_owned(), None),
        Wanted::OfMemory { .. } | Wanted::EachConnection { .. } => {
            let Some((memory, whose)) = &basis.memory else {
                let summary = format!("{shown}: the memory of the server is not known: name it with --db-memory 2G");
                return tuned.rule.unknown(summary);
            };
            let why = format!("{} of memory ({whose})", size(*memory));
            match tuned.wanted {
                Wanted::OfMemory { guide, least, most, ideal } => {
                    (guide.min(least * memory), most * memory, size_setting(ideal * memory), Some(why))
                }
                Wanted::EachConnection { guide } => {
                    let connections = number(seen, "max_connections").unwrap_or(100.0).max(1.0);
                    // Whole megabytes, as the fix sets them.
                    let formula = ((memory / connections / 2.0 / MB).floor() * MB).max(4.0 * MB);
                    let why = format!("{why} for {connections} connections");
                    (
                        guide.min(formula),
                        (memory / connections).max(4.0 * MB),
                        size_setting(formula.min(guide)),
                        Some(why),
                    )
                }
                _ => return tuned.rule.pass(shown),
            }
        }
    };
    let slack = 1.0 + 1e-6;
    if value * slack >= low && value <= high * slack {
        return tuned.rule.pass(shown).seen(why);
    }
    let side = if value < low { "less" } else { "more" };
    let summary = format!("{shown}: {side} than the guide wants: {}", tuned.rule.holds);
    let after = if tuned.restart { After::Restart } else { After::Reload };
    let fix = change(seen, tuned.name, &format!("'{to}'"), after);
    tuned.rule.fail(summary).seen(why).fix(FixKind::Sql, fix)
}

/// What it takes for a changed setting to hold.
#[derive(Clone, Copy)]
pub(super) enum After {
    Reload,
    Restart,
}

/// The statements that change a setting where it has its present value from: others would not be heeded.
pub(super) fn change(seen: &Seen, name: &str, to: &str, after: After) -> String {
    let setting = seen.settings.as_ref().ok().and_then(|settings| settings.get(name));
    let (database, role) = (&seen.server.quoted, &seen.server.role);
    match setting.map_or("", |setting| setting.source.as_str()) {
        "command line" => format!(
            "-- it stands on the server's command line, which comes before every file: start the server with\n\
             -- -c {name}={}",
            to.trim_matches('\'')
        ),
        "database" => format!("ALTER DATABASE {database} SET {name} = {to};"),
        "user" => format!("ALTER ROLE {role} SET {name} = {to};"),
        "database user" => format!("ALTER ROLE {role} IN DATABASE {database} SET {name} = {to};"),
        "client" => format!("-- it stands in the options of the URL: {name}={}", to.trim_matches('\'')),
        _ => {
            let after = match after {
                After::Reload => "SELECT pg_reload_conf();",
                After::Restart => "-- then start the server anew",
            };
            format!("ALTER SYSTEM SET {name} = {to};\n{after}")
        }
    }
}

/// A setting as a number, in the unit that it has.
pub(super) fn number(seen: &Seen, name: &str) -> Option<f64> {
    seen.settings.as_ref().ok()?.get(name)?.value.parse().ok()
}

/// In bytes, or seconds, or as it is.
fn amount(setting: &Setting) -> Option<f64> {
    let number: f64 = setting.value.parse().ok()?;
    let unit = match setting.unit.as_deref() {
        None | Some("s" | "B") => 1.0,
        Some("ms") => 1e-3,
        Some("min") => 60.0,
        Some("kB") => 1024.0,
        Some("8kB") => 8.0 * 1024.0,
        Some("16kB") => 16.0 * 1024.0,
        Some("32kB") => 32.0 * 1024.0,
        Some("4kB") => 4.0 * 1024.0,
        Some("MB") => MB,
        Some(_) => return None,
    };
    Some(number * unit)
}

fn shown(setting: &Setting, value: f64) -> String {
    match setting.unit.as_deref() {
        None => setting.value.clone(),
        Some("s" | "ms" | "min") => format!("{} min", value / 60.0),
        Some(_) => size(value),
    }
}

fn size(bytes: f64) -> String {
    if bytes >= GB && (bytes / GB * 10.0).round() % 1.0 == 0.0 && bytes % (GB / 10.0) < GB / 10.0 {
        format!("{} GB", (bytes / GB * 10.0).round() / 10.0)
    } else if bytes < MB {
        format!("{} kB", (bytes / 1024.0).round())
    } else {
        format!("{} MB", (bytes / MB).round())
    }
}

/// As `ALTER SYSTEM` takes it.
fn size_setting(bytes: f64) -> String {
    format!("{}MB", (bytes / MB).floor().max(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::super::rule::Outcome;
    use super::super::tests::{basis, seen, set};
    use super::*;

    fn of(name: &str, seen: &Seen, basis: &Basis) -> Finding {
        judge(seen, basis).into_iter().find(|finding| finding.rule.id == format!("db.setting.{name}")).unwrap()
    }

    #[test]
    fn the_guide_s_own_values_pass_on_its_own_memory_and_on_more() {
        for memory in [2.0 * GB, 16.0 * GB, 256.0 * GB] {
            let basis = Basis { memory: Some((memory, "x".to_owned())), ..basis() };
            for finding in judge(&seen(), &basis) {
                assert_eq!(finding.outcome, Outcome::Pass, "{memory}: {finding:?}");
            }
        }
    }

    #[test]
    fn every_default_fails_and_its_fix_passes() {
        let defaults = [
            ("shared_buffers", "16384"),
            ("effective_cache_size", "65536"),
            ("work_mem", "4096"),
            ("maintenance_work_mem", "65536"),
            ("checkpoint_completion_target", "0.5"),
            ("checkpoint_timeout", "300"),
            ("max_wal_size", "1024"),
            ("min_wal_size", "80"),
            ("random_page_cost", "4"),
            ("effective_io_concurrency", "1"),
            ("default_statistics_target", "10"),
        ];
        assert_eq!(defaults.len(), TUNED.len());
        for (name, value) in defaults {
            let mut state = seen();
            set(&mut state, name, value);
            let found = of(name, &state, &basis());
            assert_eq!(found.outcome, Outcome::Fail, "{name}");
            let fix = found.fix.unwrap().text;
            let to = fix.split('\'').nth(1).unwrap();
            let unit = state.settings.as_ref().unwrap()[name].unit.clone();
            let bytes = |text: &str, unit: f64| text.parse::<f64>().map(|number| number * unit);
            let told = match to {
                to if to.ends_with("MB") => bytes(to.trim_end_matches("MB"), MB),
                to if to.ends_with("GB") => bytes(to.trim_end_matches("GB"), GB),
                to if to.ends_with("min") => bytes(to.trim_end_matches("min"), 60.0),
                to => bytes(to, 1.0),
            };
            let per_unit = amount(&Setting { value: "1".to_owned(), unit, ..Setting::default() });
            set(&mut state, name, &(told.unwrap() / per_unit.unwrap()).to_string());
            assert_eq!(of(name, &state, &basis()).outcome, Outcome::Pass, "{name} after {fix}");
        }
    }

    #[test]
    fn too_much_memory_fails_too() {
        let mut state = seen();
        set(&mut state, "shared_buffers", "200000");
        assert_eq!(of("shared_buffers", &state, &basis()).outcome, Outcome::Fail);
        set(&mut state, "work_mem", "65536");
        assert_eq!(of("work_mem", &state, &basis()).outcome, Outcome::Fail, "200 connections may take 12.5 GB of 2");
    }

    #[test]
    fn a_size_below_a_megabyte_is_told_in_kilobytes() {
        let mut state = seen();
        set(&mut state, "work_mem", "64");
        assert!(of("work_mem", &state, &basis()).summary.starts_with("work_mem = 64 kB: less"));
        set(&mut state, "work_mem", "1024");
        assert!(of("work_mem", &state, &basis()).summary.starts_with("work_mem = 1 MB: less"));
    }

    #[test]
    fn without_the_memory_shares_of_it_are_unknown() {
        let basis = Basis { memory: None, ..basis() };
        assert_eq!(of("shared_buffers", &seen(), &basis).outcome, Outcome::Unknown);
        assert_eq!(of("max_wal_size", &seen(), &basis).outcome, Outcome::Pass);
    }

    #[test]
    fn a_setting_that_waits_for_a_new_start_is_told() {
        let mut state = seen();
        assert_eq!(of("pending_restart", &state, &basis()).outcome, Outcome::Pass);
        state.settings.as_mut().unwrap().get_mut("max_connections").unwrap().pending_restart = true;
        let folder = Setting { value: "/o'data".to_owned(), ..Setting::default() };
        state.settings.as_mut().unwrap().insert("data_directory".to_owned(), folder);
        let found = of("pending_restart", &state, &basis());
        assert_eq!(found.outcome, Outcome::Warn);
        let fix = found.fix.unwrap().text;
        let (command, comment) = fix.split_once("  # ").unwrap();
        assert_eq!(command, r"pg_ctl -D '/o'\''data' -l '/o'\''data/restart.log' restart");
        assert!(comment.starts_with("as user postgres"), "{comment}");
        state.settings = Err("no".to_owned());
        assert_eq!(of("pending_restart", &state, &basis()).outcome, Outcome::Unknown);
    }

    #[test]
    fn a_setting_is_changed_where_it_comes_from() {
        let mut state = seen();
        (state.server.quoted, state.server.role) = ("\"Größe\"".to_owned(), "monitor".to_owned());
        for (source, fix) in [
            ("configuration file", "ALTER SYSTEM SET work_mem = '5MB';\nSELECT pg_reload_conf();"),
            ("database", "ALTER DATABASE \"Größe\" SET work_mem = '5MB';"),
            ("user", "ALTER ROLE monitor SET work_mem = '5MB';"),
            ("database user", "ALTER ROLE monitor IN DATABASE \"Größe\" SET work_mem = '5MB';"),
        ] {
            let setting = state.settings.as_mut().unwrap().get_mut("work_mem").unwrap();
            (setting.value, setting.source) = ("4096".to_owned(), source.to_owned());
            assert_eq!(of("work_mem", &state, &basis()).fix.unwrap().text, fix);
        }
        for (source, word) in [("command line", "-- -c work_mem=5MB"), ("client", "URL: work_mem=5MB")] {
            state.settings.as_mut().unwrap().get_mut("work_mem").unwrap().source = source.to_owned();
            let fix = of("work_mem", &state, &basis()).fix.unwrap().text;
            assert!(fix.lines().all(|line| line.starts_with("--")) && fix.ends_with(word), "{fix}");
        }
    }
}
