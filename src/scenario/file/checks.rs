//! `capture` and `expect`.

use http::HeaderName;
use serde_json_path::JsonPath;

use super::{Reader, settings, variables};
use crate::document::{Kind, Node};
use crate::scenario::capture::{Capture, Path, Source, TAKES, Take};
use crate::scenario::encode::Encode;
use crate::scenario::expect::{Expect, JsonCheck, TextCheck, Wanted};
use crate::scenario::template::Template;

const CAPTURES: &str = "write `\"$.json.path\"`, `{ path = \"$.x\", take = \"first\" }` or `{ header = \"Location\" }`";

impl Reader<'_> {
    /// `capture = { name = … }`.
    pub(super) fn captures(&self, node: &Node<'_>) -> Vec<Capture> {
        let Some(mut table) = node.table("`capture`") else { return Vec::new() };
        let captures = table.rest().iter().filter_map(|node| self.capture(node)).collect();
        table.close();
        captures
    }

    fn capture(&self, node: &Node<'_>) -> Option<Capture> {
        let name = node.key();
        if !settings::is_name(name) {
            node.reject_key(
                format!("`{name}` cannot be the name of a capture"),
                Some("use letters, digits, `_` and `-`"),
            );
            return None;
        }
        let slot = self.names.slots.iter().position(|slot| slot == name)?;
        let capture = |source, default| Capture { name: name.to_owned(), slot, source, default };
        match &node.value().kind {
            Kind::String(text) => {
                return Some(capture(Source::Json { path: json_path(node, text)?, take: Take::First }, None));
            }
            Kind::Table(_) => {}
            _ => return node.reject_type("a JSON path or a table", Some(CAPTURES)),
        }
        let mut table = node.table(&format!("capture `{name}`"))?;
        let [path, take, header, default] = ["path", "take", "header", "default"].map(|key| table.take(key));
        table.close();
        let default = match default {
            Some(default) => Some(variables::literal(&default)?),
            None => None,
        };
        match (path, header) {
            (Some(path), None) => {
                let path = json_path(&path, path.text()?)?;
                let take = take.map_or(Some(Take::First), |take| take.one_of(&TAKES))?;
                Some(capture(Source::Json { path, take }, default))
            }
            (None, Some(header)) => {
                if let Some(take) = take {
                    take.reject_key("`take` goes with `path`", Some("leave it out"));
                }
                let text = header.filled_text()?;
                let Ok(name) = HeaderName::try_from(text) else {
                    header.reject(format!("{text:?} is no name of a header"), Some("use letters, digits and `-`"));
                    return None;
                };
                Some(capture(Source::Header(name), default))
            }
            _ => {
                node.reject(format!("capture `{name}` has one of `path` and `header`"), Some(CAPTURES));
                None
            }
        }
    }

    /// `expect = { … }`.
    pub(super) fn expect(&self, node: &Node<'_>) -> Expect {
        let mut expect = Expect::default();
        let Some(mut table) = node.table("`expect`") else { return expect };
        expect.status = table.take("status").and_then(|status| settings::statuses(&status));
        expect.time = table.take("time").and_then(|time| settings::timeout(&time));
        if let Some(text) = table.take("text") {
            let texts = match text.value().kind {
                Kind::Array(_) => text.items().unwrap_or_default(),
                _ => vec![text],
            };
            expect.text = texts.iter().filter_map(|text| self.text_check(text)).collect();
        }
        if let Some(mut json) = table.take("json").and_then(|json| json.table("`json` of `expect`")) {
            expect.json = json.rest().iter().filter_map(|node| self.json_check(node)).collect();
            json.close();
        }
        table.close();
        expect
    }

    fn text_check(&self, node: &Node<'_>) -> Option<TextCheck> {
        let shown = node.filled_text()?;
        let wanted = Template::of(self.parts_of(node, shown)?, Encode::Plain);
        Some(TextCheck { wanted, shown: shown.to_owned() })
    }

    fn json_check(&self, node: &Node<'_>) -> Option<JsonCheck> {
        let Ok(path) = JsonPath::parse(node.key()) else {
            node.reject_key(format!("{:?} is no JSON path", node.key()), Some("write e.g. `\"$.status\"`"));
            return None;
        };
        let template = self.json_template(node);
        let wanted = match template.constant().and_then(|text| serde_json::from_str(text).ok()) {
            Some(json) => Wanted::Constant(json),
            None => Wanted::Template(template),
        };
        let path = Path { path, text: node.key().to_owned() };
        Some(JsonCheck { path, wanted, shown: node.written().to_owned() })
    }
}

fn json_path(node: &Node<'_>, text: &str) -> Option<Path> {
    let path = JsonPath::parse(text).map_err(|error| {
        let help = if text.starts_with('$') { error.to_string() } else { format!("write `\"$.{text}\"`") };
        node.reject(format!("{text:?} is no JSON path"), Some(&help));
    });
    Some(Path { path: path.ok()?, text: text.to_owned() })
}
