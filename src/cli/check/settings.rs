//! What is said of checks beside where things are: the table `[check]`, and the flags that mean the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audit::{self, Acceptance};
use crate::document::{Node, Table};

/// What one source says; what it does not say, the next one may.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::cli) struct CheckSettings {
    /// `run` looks before its load.
    pub(in crate::cli) before_run: Option<bool>,
    /// Findings that somebody lives with: of all sources.
    pub(in crate::cli) accept: Vec<Acceptance>,
    pub(in crate::cli) nginx_config: Option<PathBuf>,
    pub(in crate::cli) compose: Option<PathBuf>,
    pub(in crate::cli) slow_path: Option<String>,
    /// Bytes.
    pub(in crate::cli) db_memory: Option<u64>,
    pub(in crate::cli) pool: Option<u32>,
    pub(in crate::cli) evidence_age: Option<Duration>,
    pub(in crate::cli) timeout: Option<Duration>,
    pub(in crate::cli) only: Vec<String>,
    pub(in crate::cli) skip: Vec<String>,
}

impl CheckSettings {
    /// What it does not say, the next one may.
    pub(in crate::cli) fn or(self, next: &Self) -> Self {
        let list = |ours: Vec<String>, next: &[String]| if ours.is_empty() { next.to_vec() } else { ours };
        Self {
            before_run: self.before_run.or(next.before_run),
            accept: [self.accept, next.accept.clone()].concat(),
            nginx_config: self.nginx_config.or_else(|| next.nginx_config.clone()),
            compose: self.compose.or_else(|| next.compose.clone()),
            slow_path: self.slow_path.or_else(|| next.slow_path.clone()),
            db_memory: self.db_memory.or(next.db_memory),
            pool: self.pool.or(next.pool),
            evidence_age: self.evidence_age.or(next.evidence_age),
            timeout: self.timeout.or(next.timeout),
            only: list(self.only, &next.only),
            skip: list(self.skip, &next.skip),
        }
    }
}

/// The table `[check]`. Paths in it are relative to `folder`.
pub(in crate::cli) fn read_table(mut table: Table<'_>, folder: &Path) -> CheckSettings {
    let path = |node: Option<Node<'_>>| node.and_then(|node| node.filled_text().map(|path| folder.join(path)));
    let read = CheckSettings {
        before_run: table.take("before_run").and_then(|node| node.boolean()),
        accept: table
            .take("accept")
            .and_then(|node| node.items())
            .unwrap_or_default()
            .iter()
            .filter_map(acceptance)
            .collect(),
        nginx_config: path(table.take("nginx_config")),
        compose: path(table.take("compose")),
        slow_path: table.take("slow_path").and_then(|node| node.filled_text().map(str::to_owned)),
        db_memory: table.take("db_memory").and_then(|node| {
            let size = audit::parse_size(node.text()?);
            size.map_err(|problem| node.reject(format!("`db_memory`: {problem}"), None)).ok()
        }),
        pool: table.take("pool").and_then(|node| node.integer(0..=i64::from(u32::MAX))).map(|pool| pool as u32),
        evidence_age: table.take("evidence_age").and_then(|node| node.duration()),
        timeout: table.take("timeout").and_then(|node| {
            let time = node.duration()?;
            if time.is_zero() {
                node.reject("`timeout` must be above 0", Some("write it as `timeout = \"5s\"`"));
                return None;
            }
            Some(time)
        }),
        only: rules(table.take("only")),
        skip: rules(table.take("skip")),
    };
    table.close();
    read
}

fn rules(node: Option<Node<'_>>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    node.items().unwrap_or_default().iter().filter_map(rule).collect()
}

/// The name of a rule, or of several.
fn rule(node: &Node<'_>) -> Option<String> {
    let name = node.filled_text()?;
    audit::known(name, &audit::rules())
        .map_err(|problem| node.reject(format!("`{}`: {problem}", node.key()), None))
        .ok()?;
    Some(name.to_owned())
}

fn acceptance(node: &Node<'_>) -> Option<Acceptance> {
    let mut entry = node.table("an entry of `accept`")?;
    let of = entry.require("rule", "rule = \"db.unused_index\"").and_then(|node| rule(&node));
    let subject = entry.take("subject").map(|node| node.filled_text().map(str::to_owned));
    let reason = entry.require("reason", "reason = \"why it is right here\"");
    let reason = reason.and_then(|node| node.filled_text().map(str::to_owned));
    let until = entry.take("until").map(|node| {
        let day = node.text()?.parse::<jiff::civil::Date>();
        day.map_err(|_| node.reject("`until` is no day", Some("write it as `until = \"2027-01-31\"`"))).ok()
    });
    entry.close();
    // What is there and cannot be read was told; it is not taken for what is not there.
    let read = |said: Option<Option<String>>| said.map_or(Some(None), |said| said.map(Some));
    let (subject, until) = (read(subject)?, until.map_or(Some(None), |day| day.map(Some))?);
    Some(Acceptance { rule: of?, subject, reason: reason?, until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn read(text: &str) -> Result<CheckSettings, String> {
        let document = Document::parse("agenthub-perf.toml", text).unwrap();
        let mut root = document.root("the configuration");
        let table = root.take("check").and_then(|node| node.table("[check]")).unwrap();
        let read = read_table(table, Path::new("conf"));
        document.check().map(|()| read).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_table_says_what_the_flags_say() {
        let text = r#"[check]
before_run = true
nginx_config = "nginx.conf"
db_memory = "2G"
pool = 80
evidence_age = "1h"
timeout = "2s"
skip = ["db.setting"]
accept = [
  { rule = "db.index", subject = "public.tasks", reason = "a view", until = "2027-01-31" },
  { rule = "cache.*", reason = "no cache" },
]
"#;
        let read = read(text).unwrap();
        assert_eq!((read.before_run, read.pool, read.db_memory), (Some(true), Some(80), Some(2 << 30)));
        assert_eq!(read.nginx_config.as_deref(), Some(Path::new("conf/nginx.conf")));
        assert_eq!((read.timeout, read.skip.len()), (Some(Duration::from_secs(2)), 1));
        let subjects: Vec<Option<&str>> = read.accept.iter().map(|one| one.subject.as_deref()).collect();
        assert_eq!(subjects, [Some("public.tasks"), None]);
        assert_eq!(read.accept[0].until, Some(jiff::civil::date(2027, 1, 31)));
    }

    #[test]
    fn every_mistake_is_shown_at_its_line() {
        let text = "[check]\nonly = [\"db.unusd_index\"]\ndb_memory = \"much\"\ntimeout = \"0s\"\naccept = [\n  { rule = \"nothing.like.it\", reason = \"x\" },\n  { rule = \"db\" },\n  { rule = \"db\", reason = \"x\", until = \"soon\" },\n  { rule = \"db\", reason = \"x\", subjct = \"y\" },\n]\ncompse = \"x\"\n";
        let error = read(text).unwrap_err();
        for wanted in [
            "agenthub-perf.toml:2:",
            "did you mean `db.unused_index`?",
            "agenthub-perf.toml:3:13: `db_memory`",
            "agenthub-perf.toml:4:11: `timeout` must be above 0",
            "agenthub-perf.toml:6:",
            "--rules",
            "agenthub-perf.toml:7:",
            "reason = \"why it is right here\"",
            "agenthub-perf.toml:8:",
            "until = \"2027-01-31\"",
            "agenthub-perf.toml:9:",
            "did you mean `subject`?",
            "agenthub-perf.toml:11:1: unknown key `compse`",
        ] {
            assert!(error.contains(wanted), "{wanted} is not in\n{error}");
        }
    }

    #[test]
    fn the_nearest_source_wins_and_acceptances_add_up() {
        let one = read("[check]\npool = 1\naccept = [{ rule = \"db\", reason = \"x\" }]\n").unwrap();
        let other =
            read("[check]\npool = 2\ncompose = \"c.yml\"\naccept = [{ rule = \"app\", reason = \"x\" }]\n").unwrap();
        let both = one.or(&other);
        assert_eq!((both.pool, both.compose.is_some(), both.accept.len()), (Some(1), true, 2));
    }
}
