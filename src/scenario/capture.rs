//! Captures: values of a response that later requests use.

use fastrand::Rng;
use http::{HeaderMap, HeaderName};
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::user::Rejection;
use super::value::Value;

/// Keeps a value of a response.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) name: String,
    pub(super) slot: usize,
    pub(super) source: Source,
    /// What is taken where nothing matches.
    pub(super) default: Option<Value>,
}

/// Where a value comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// What a JSON path (RFC 9535) matches in the body.
    Json { path: Path, take: Take },
    /// A header's value.
    Header(HeaderName),
}

/// A JSON path and how it was written.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) path: JsonPath,
    pub(super) text: String,
}

/// Which of the matches is taken. `…Key` and `…Value` look into the first match: an object's names or values, or an array's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    First,
    Last,
    Random,
    Count,
    FirstKey,
    LastKey,
    RandomKey,
    FirstValue,
    LastValue,
    RandomValue,
}

/// How scenario files write it.
pub(super) const TAKES: [(&str, Take); 10] = [
    ("first", Take::First),
    ("last", Take::Last),
    ("random", Take::Random),
    ("count", Take::Count),
    ("first_key", Take::FirstKey),
    ("last_key", Take::LastKey),
    ("random_key", Take::RandomKey),
    ("first_value", Take::FirstValue),
    ("last_value", Take::LastValue),
    ("random_value", Take::RandomValue),
];

impl Capture {
    /// The value; `json` is the body, where a path reads it and it is JSON.
    pub(super) fn take(&self, json: Option<&Json>, headers: &HeaderMap, random: &mut Rng) -> Result<Value, Rejection> {
        let reject = |what: String| Err(Rejection { status: false, message: format!("capture {}: {what}", self.name) });
        let found = match &self.source {
            Source::Header(name) => headers.get(name).and_then(|value| value.to_str().ok()).map(Value::text),
            Source::Json { path, take } => match json {
                Some(json) => take.of(&path.path, json, random),
                None => return reject("the body is not JSON".to_owned()),
            },
        };
        match (found.or_else(|| self.default.clone()), &self.source) {
            (Some(value), _) => Ok(value),
            (None, Source::Header(name)) => reject(format!("no header {name}")),
            (None, Source::Json { path, take }) => {
                let keys = matches!(take, Take::FirstKey | Take::LastKey | Take::RandomKey);
                let what = if keys { "has no key" } else { "matches nothing" };
                reject(format!("{} {what}", path.text))
            }
        }
    }

    /// Whether it reads the body.
    pub(super) fn reads_body(&self) -> bool {
        matches!(self.source, Source::Json { .. })
    }
}

impl Take {
    fn of(self, path: &JsonPath, json: &Json, random: &mut Rng) -> Option<Value> {
        let matches = path.query(json);
        let mut draw = |count: usize| (count > 0).then(|| random.usize(..count));
        match self {
            Self::First => matches.first().map(Value::json),
            Self::Last => matches.last().map(Value::json),
            Self::Random => matches.get(draw(matches.len())?).map(Value::json),
            Self::Count => Some(Value::number(&matches.len())),
            Self::FirstKey => matches.first()?.as_object()?.keys().next().map(|key| Value::text(key)),
            Self::LastKey => matches.first()?.as_object()?.keys().next_back().map(|key| Value::text(key)),
            Self::RandomKey => {
                let object = matches.first()?.as_object()?;
                object.keys().nth(draw(object.len())?).map(|key| Value::text(key))
            }
            Self::FirstValue | Self::LastValue | Self::RandomValue => {
                let (count, values): (usize, Box<dyn Fn(usize) -> Option<Value> + '_>) = match matches.first()? {
                    Json::Object(object) => {
                        (object.len(), Box::new(|index| object.values().nth(index).map(Value::json)))
                    }
                    Json::Array(items) => (items.len(), Box::new(|index| items.get(index).map(Value::json))),
                    _ => return None,
                };
                values(match self {
                    Self::FirstValue => 0,
                    Self::LastValue => count.checked_sub(1)?,
                    _ => draw(count)?,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn capture(path: &str, take: Take) -> Capture {
        let path = Path { path: JsonPath::parse(path).unwrap(), text: path.to_owned() };
        Capture { name: "id".into(), slot: 0, source: Source::Json { path, take }, default: None }
    }

    fn taken(path: &str, take: Take, body: &Json) -> Result<String, String> {
        let mut random = Rng::with_seed(3);
        let value = capture(path, take).take(Some(body), &HeaderMap::new(), &mut random);
        value.map(|value| value.as_str().to_owned()).map_err(|rejection| rejection.message)
    }

    #[test]
    fn each_way_to_take_takes_its_own() {
        let body = json!({"tasks": [{"id": "a"}, {"id": 2}, {"id": null}], "projects": {"x": {"n": 1}, "y": {"n": 2}, "z": 3}});
        let ids = "$.tasks[*].id";
        assert_eq!(taken(ids, Take::First, &body).unwrap(), "a");
        assert_eq!(taken(ids, Take::Last, &body).unwrap(), "null");
        assert_eq!(taken(ids, Take::Count, &body).unwrap(), "3");
        assert_eq!(taken("$.none[*]", Take::Count, &body).unwrap(), "0");
        assert_eq!(taken("$.projects", Take::FirstKey, &body).unwrap(), "x");
        assert_eq!(taken("$.projects", Take::LastKey, &body).unwrap(), "z");
        assert_eq!(taken("$.projects", Take::FirstValue, &body).unwrap(), r#"{"n":1}"#);
        assert_eq!(taken("$.projects", Take::LastValue, &body).unwrap(), "3");
        assert_eq!(taken("$.tasks", Take::LastValue, &body).unwrap(), r#"{"id":null}"#);
    }

    #[test]
    fn random_ones_reach_every_match() {
        let body = json!({"ids": ["a", "b", "c"], "map": {"a": "a", "b": "b", "c": "c"}});
        let mut random = Rng::with_seed(3);
        for (path, take) in [
            ("$.ids[*]", Take::Random),
            ("$.map", Take::RandomKey),
            ("$.map", Take::RandomValue),
            ("$.ids", Take::RandomValue),
        ] {
            let capture = capture(path, take);
            let mut draw = || capture.take(Some(&body), &HeaderMap::new(), &mut random).unwrap().as_str().to_owned();
            let mut drawn: Vec<String> = (0..60).map(|_| draw()).collect();
            drawn.sort();
            drawn.dedup();
            assert_eq!(drawn, ["a", "b", "c"], "{take:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let body = json!({"empty": {}, "list": [], "n": 1});
        assert_eq!(taken("$.token", Take::First, &body).unwrap_err(), "capture id: $.token matches nothing");
        assert_eq!(taken("$.token", Take::Random, &body).unwrap_err(), "capture id: $.token matches nothing");
        assert_eq!(taken("$.empty", Take::FirstKey, &body).unwrap_err(), "capture id: $.empty has no key");
        assert_eq!(taken("$.empty", Take::RandomKey, &body).unwrap_err(), "capture id: $.empty has no key");
        assert_eq!(taken("$.n", Take::LastKey, &body).unwrap_err(), "capture id: $.n has no key");
        assert_eq!(taken("$.list", Take::LastValue, &body).unwrap_err(), "capture id: $.list matches nothing");
        let no_json = capture("$.a", Take::First).take(None, &HeaderMap::new(), &mut Rng::with_seed(1));
        assert_eq!(no_json, Err(Rejection { status: false, message: "capture id: the body is not JSON".into() }));
    }

    #[test]
    fn a_default_stands_in_for_a_missing_match_but_not_for_a_body_that_is_no_json() {
        let mut capture = capture("$.token", Take::First);
        capture.default = Some(Value::text("none"));
        let mut random = Rng::with_seed(1);
        assert_eq!(capture.take(Some(&json!({})), &HeaderMap::new(), &mut random), Ok(Value::text("none")));
        assert!(capture.take(None, &HeaderMap::new(), &mut random).is_err());
    }

    #[test]
    fn headers_are_taken_by_name() {
        let source = Source::Header(http::header::LOCATION);
        let capture = Capture { name: "place".into(), slot: 0, source, default: None };
        let mut random = Rng::with_seed(1);
        let mut headers = HeaderMap::new();
        assert_eq!(capture.take(None, &headers, &mut random).unwrap_err().message, "capture place: no header location");
        headers.insert("location", "/api/v2/tasks/7".parse().unwrap());
        assert_eq!(capture.take(None, &headers, &mut random), Ok(Value::text("/api/v2/tasks/7")));
    }
}
