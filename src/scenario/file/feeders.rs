//! `[feeders.NAME]`: reads rows from CSV and NDJSON.

use sha2::{Digest, Sha256};

use super::{Reader, settings};
use crate::document::{Node, Problem, Table, suggestion};
use crate::mask::is_secret_name;
use crate::scenario::feeder::{Feeder, Order, Per};
use crate::scenario::value::Value;

/// Columns and rows of a file.
struct Rows {
    columns: Vec<String>,
    cells: Vec<Value>,
}

/// What is wrong with a line (from 1) of a file: the message and the fix.
type LineError = (usize, String, &'static str);

impl Reader<'_> {
    /// Reads all feeders and their files, whose content goes into the scenario's hash.
    pub(super) fn feeders(&mut self, root: &mut Table<'_>, hash: &mut Sha256) -> Vec<Feeder> {
        let mut feeders = Vec::new();
        let Some(mut table) = root.take("feeders").and_then(|node| node.table("[feeders]")) else { return feeders };
        for node in table.rest() {
            let name = node.key();
            if !settings::is_name(name) {
                node.reject_key(
                    format!("`{name}` cannot be the name of a feeder"),
                    Some("use letters, digits, `_` and `-`"),
                );
                continue;
            }
            match self.feeder(&node, hash) {
                Some(feeder) => {
                    self.names.feeders.push((feeder.name.clone(), feeder.columns.clone()));
                    feeders.push(feeder);
                }
                None => self.names.unread_feeders.push(name.to_owned()),
            }
        }
        table.close();
        feeders
    }

    fn feeder(&self, node: &Node<'_>, hash: &mut Sha256) -> Option<Feeder> {
        let mut table = node.table(&format!("[feeders.{}]", node.key()))?;
        let file = table.require("file", "file = \"….csv\"");
        let per = table
            .take("per")
            .map_or(Some(Per::Iteration), |per| per.one_of(&[("user", Per::User), ("iteration", Per::Iteration)]));
        let order = table.take("order").map_or(Some(Order::Sequential), |order| {
            order.one_of(&[("sequential", Order::Sequential), ("random", Order::Random)])
        });
        let marked = table.take("secret");
        table.close();
        let file = file?;
        let Rows { columns, cells } = self.rows(&file, hash)?;
        let mut secret: Vec<bool> = columns.iter().map(|column| is_secret_name(column)).collect();
        for column in marked.iter().filter_map(Node::items).flatten() {
            let Some(name) = column.text() else { continue };
            match columns.iter().position(|column| column == name) {
                Some(index) => secret[index] = true,
                None => column.reject(
                    format!("{} has no column `{name}`", file.text().unwrap_or_default()),
                    Some(&suggestion(name, columns.iter().map(String::as_str))),
                ),
            }
        }
        let file = file.text()?.to_owned();
        Some(Feeder { name: node.key().to_owned(), file, columns, cells, per: per?, order: order?, secret })
    }

    fn rows(&self, file: &Node<'_>, hash: &mut Sha256) -> Option<Rows> {
        let path = self.folder.join(file.filled_text()?);
        let shown = path.display().to_string();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let read = match extension.as_deref() {
            Some("csv") => read_csv,
            Some("ndjson" | "jsonl") => read_ndjson,
            _ => {
                file.reject(format!("{shown} is no feeder file"), Some("use a file that ends in `.csv` or `.ndjson`"));
                return None;
            }
        };
        let bytes = std::fs::read(&path)
            .map_err(|error| {
                file.reject(format!("{shown} cannot be read: {error}"), Some("paths start at the scenario file"));
            })
            .ok()?;
        hash.update(&bytes);
        let reject =
            |(line, message, help): LineError| self.document.note(Problem::of_line(&shown, line, &message, Some(help)));
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| {
                let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
                reject((line, "not UTF-8".to_owned(), "save the file as UTF-8"));
            })
            .ok()?;
        let rows = read(text.trim_start_matches('\u{feff}')).map_err(reject).ok()?;
        if rows.cells.is_empty() {
            file.reject(format!("{shown} has no rows"), Some("a feeder needs at least one"));
            return None;
        }
        Some(rows)
    }
}

/// The first line names the columns.
fn read_csv(text: &str) -> Result<Rows, LineError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let broken = |error: &csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        (line, error.to_string(), "mend the line")
    };
    let columns: Vec<String> = reader.headers().map_err(|error| broken(&error))?.iter().map(str::to_owned).collect();
    for (index, column) in columns.iter().enumerate() {
        if column.is_empty() {
            return Err((1, format!("column {} has no name", index + 1), "the first line names the columns"));
        }
        if columns[..index].contains(column) {
            return Err((1, format!("two columns are named `{column}`"), "name them differently"));
        }
    }
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        if record.len() != columns.len() {
            let from = record.position().map_or(0, |position| position.byte() as usize);
            // Blank lines before a row count to it.
            let blank = text[from..].bytes().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            let line = text[..from + blank].matches('\n').count() + 1;
            let message = format!("values: {}, but the first line names columns: {}", record.len(), columns.len());
            return Err((line, message, "give each column a value; one with a comma goes in double quotes"));
        }
        cells.extend(record.iter().map(Value::text));
    }
    Ok(Rows { columns, cells })
}

/// One JSON object a line; the first one's names are the columns.
fn read_ndjson(text: &str) -> Result<Rows, LineError> {
    let mut rows = Rows { columns: Vec::new(), cells: Vec::new() };
    for (line, text) in text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        if text.trim().is_empty() {
            continue;
        }
        let json: serde_json::Value = serde_json::from_str(text).map_err(|error| {
            let (column, error) = (error.column(), error.to_string());
            let what = error.split(" at line ").next().unwrap_or_default();
            (line, format!("not JSON: {what} (column {column})"), "write one JSON object a line")
        })?;
        let serde_json::Value::Object(object) = json else {
            return Err((
                line,
                "not a JSON object".to_owned(),
                "write one JSON object a line, e.g. {\"email\": \"a@example.com\"}",
            ));
        };
        if rows.columns.is_empty() {
            rows.columns = object.keys().cloned().collect();
            if rows.columns.is_empty() {
                return Err((line, "the object is empty".to_owned(), "its names are the columns"));
            }
        }
        for column in &rows.columns {
            let value = object.get(column).ok_or_else(|| {
                (line, format!("no `{column}`, which the first line has"), "give every line the names of the first")
            })?;
            rows.cells.push(Value::json(value));
        }
    }
    Ok(rows)
}
