//! One request.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};

use super::{Reader, settings};
use crate::document::{Kind, Node, Table};
use crate::scenario::encode::Encode;
use crate::scenario::model::{Request, Step};
use crate::scenario::template::{self, Part, Template};

/// The keys that make a step a request.
pub(super) const METHODS: [(&str, Method); 7] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("head", Method::HEAD),
    ("options", Method::OPTIONS),
];

/// Headers that the client sets.
const OF_THE_CLIENT: [&str; 4] = ["host", "content-length", "transfer-encoding", "connection"];

impl Reader<'_> {
    /// A request, from the table that it shares with a task or is alone in.
    pub(super) fn request_step(&mut self, mut table: Table<'_>, tags: &[String]) -> Option<Step> {
        let name = table.take("name").and_then(|name| name.filled_text()).map(str::to_owned);
        let mut methods: Vec<(Method, Node<'_>)> =
            METHODS.into_iter().filter_map(|(key, method)| Some((method, table.take(key)?))).collect();
        if let [_, (_, second), ..] = methods.as_slice() {
            second.reject_key(
                format!("a request has one method, not `{}` as well", second.key()),
                Some("write two steps"),
            );
        }
        let path = (methods.len() == 1).then(|| methods.remove(0));
        if methods.is_empty() && path.is_none() {
            table.reject(
                format!("{} has neither a request nor `steps`", table.place()),
                Some("add e.g. `get = \"/api/v2/health\"`"),
            );
        }
        let own_name = table.take("as").and_then(|name| name.filled_text());
        let own_headers = table.take("headers").map(|headers| self.header_parts(&headers)).unwrap_or_default();
        let query = table.take("query");
        let body = self.body(&mut table);
        let bearer = table.take("bearer");
        let captures = table.take("capture").map(|captures| self.captures(&captures)).unwrap_or_default();
        let expect = table.take("expect").map(|expect| self.expect(&expect)).unwrap_or_default();
        let timeout = table.take("timeout").and_then(|time| settings::timeout(&time)).unwrap_or(self.timeout);
        let redirects = table.take("redirects").and_then(|it| settings::redirects(&it)).unwrap_or(self.redirects);
        let mut tags = tags.to_vec();
        tags.extend(table.take("tags").map(|tags| settings::tags(&tags)).unwrap_or_default());
        table.close();

        let (content_type, body) = body;
        let mut headers = self.headers.clone();
        let content_type = content_type.map(|it| (CONTENT_TYPE, vec![Part::Text(it.to_owned())]));
        for (name, parts) in content_type.into_iter().chain(own_headers) {
            headers.retain(|(known, _)| *known != name);
            headers.push((name, parts));
        }
        if let Some(bearer) = bearer {
            let mut parts = vec![Part::Text("Bearer ".to_owned())];
            parts.extend(self.parts(&bearer).unwrap_or_default());
            headers.retain(|(known, _)| *known != AUTHORIZATION);
            headers.push((AUTHORIZATION, parts));
        }

        // The query is read whatever the path is like, so that what is wrong with it is seen, too.
        let text = path.as_ref().and_then(|(_, path)| path.filled_text());
        let target = path.as_ref().zip(text).and_then(|((_, path), text)| self.target(path, text));
        let (mut target, checks_target) = target.map_or((None, false), |(target, checks)| (Some(target), checks));
        if let Some(query) = query {
            self.push_query(&query, text.unwrap_or_default(), target.get_or_insert_default());
        }
        let ((method, _), text, target) = (path?, text?, target?);
        let name_of_endpoint =
            own_name.map_or_else(|| format!("{method} {}", template::path_name(text)), str::to_owned);
        let mut request = Request {
            endpoint: self.endpoint(name_of_endpoint, &tags),
            method,
            timeout,
            redirects,
            reads_body: expect.reads_body() || captures.iter().any(crate::scenario::capture::Capture::reads_body),
            reads_headers: captures.iter().any(|capture| !capture.reads_body()),
            name,
            target,
            checks_target,
            constant_headers: Vec::new(),
            headers: Vec::new(),
            body,
            expect,
            captures,
        };
        for (name, parts) in headers {
            let template = Template::of(parts, Encode::Plain);
            match template.constant().map(|text| HeaderValue::from_bytes(text.as_bytes())) {
                Some(Ok(mut value)) => {
                    value.set_sensitive(name == AUTHORIZATION);
                    request.constant_headers.push((name, value));
                }
                // A constant that is no legal value was an error where it stands.
                Some(Err(_)) => {}
                None => request.headers.push((name, template)),
            }
        }
        Some(Step::Request(Box::new(request)))
    }

    /// The headers of a table, their values in parts.
    pub(super) fn header_parts(&self, node: &Node<'_>) -> Vec<(HeaderName, Vec<Part>)> {
        let mut headers: Vec<(HeaderName, Vec<Part>)> = Vec::new();
        let Some(mut table) = node.table("`headers`") else { return headers };
        for header in table.rest() {
            let key = header.key();
            let Ok(name) = HeaderName::try_from(key) else {
                header.reject_key(format!("{key:?} is no name of a header"), Some("use letters, digits and `-`"));
                continue;
            };
            if OF_THE_CLIENT.contains(&name.as_str()) {
                header.reject_key(format!("the client sets `{name}` itself"), Some("leave it out"));
                continue;
            }
            if headers.iter().any(|(known, _)| *known == name) {
                header.reject_key(format!("header `{name}` is there twice"), Some("upper and lower case are the same"));
                continue;
            }
            let Some(parts) = self.parts(&header) else { continue };
            let legal =
                |part: &Part| !matches!(part, Part::Text(text) if HeaderValue::from_bytes(text.as_bytes()).is_err());
            if !parts.iter().all(legal) {
                header.reject(
                    format!("header `{name}` holds a line break or another control character"),
                    Some("leave it out"),
                );
                continue;
            }
            headers.push((name, parts));
        }
        table.close();
        headers
    }

    /// The path's template, and whether the target must be checked once values are in place.
    fn target(&self, node: &Node<'_>, text: &str) -> Option<(Template, bool)> {
        let parts = self.parts_of(node, text)?;
        let mut target = Template::default();
        if let [part @ (Part::Slot(_) | Part::Column { .. })] = parts.as_slice() {
            target.push(part.clone(), Encode::Plain);
            return Some((target, true));
        }
        let scheme = ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme));
        let is_path = matches!(parts.first(), Some(Part::Text(first)) if first.starts_with('/'));
        if scheme.is_none() && !is_path {
            let help = format!("write `\"/{}\"`", text.trim_start_matches("./"));
            node.reject("a path starts with `/`, a URL with `http://` or `https://`", Some(&help));
            return None;
        }
        let sample: String = parts.iter().map(|part| if let Part::Text(text) = part { text } else { "1" }).collect();
        let legal = sample.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
        if !legal || sample.parse::<http::Uri>().is_err() {
            node.reject(
                format!("{text:?} is no legal path or URL"),
                Some("percent-encode what is neither letter nor digit, e.g. `%20` for a blank; `#` is never sent"),
            );
            return None;
        }
        // Up to the first slash behind the scheme, a value is (part of) a host, which percent-encoding would break.
        let mut in_host = scheme.is_some();
        let mut checks = false;
        for (index, part) in parts.into_iter().enumerate() {
            match part {
                Part::Text(text) => {
                    let skipped = if index == 0 { scheme.map_or(0, str::len) } else { 0 };
                    in_host &= !text[skipped..].contains(['/', '?']);
                    target.push_text(&text);
                }
                value => {
                    checks |= in_host;
                    target.push(value, if in_host { Encode::Plain } else { Encode::Url });
                }
            }
        }
        Some((target, checks))
    }

    fn push_query(&self, node: &Node<'_>, path: &str, target: &mut Template) {
        let Some(mut table) = node.table("`query`") else { return };
        let mut sign = if template::path_has_query(path) { "&" } else { "?" };
        for field in table.rest() {
            let values = match field.value().kind {
                Kind::Array(_) => field.items().unwrap_or_default(),
                _ => vec![field.clone()],
            };
            for value in values {
                let Some(parts) = self.parts(&value) else { continue };
                target.push_text(sign);
                sign = "&";
                push_field(target, field.key(), parts, Encode::Url);
            }
        }
        table.close();
    }
}

/// `key=value`, both encoded.
pub(super) fn push_field(template: &mut Template, key: &str, parts: Vec<Part>, encode: Encode) {
    template.push(Part::Text(key.to_owned()), encode);
    template.push_text("=");
    for part in parts {
        template.push(part, encode);
    }
}
