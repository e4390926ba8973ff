//! Reads a page of metrics: the Prometheus text format 0.0.4, and of `OpenMetrics` 1.0 what differs in lines of samples.
//!
//! Of a line that holds a sample everything must be right, or the page is refused with its number: a figure read from the
//! middle of a broken line would be a wrong one. Comments, HELP, TYPE and UNIT are passed over.

use std::borrow::Cow;

/// One sample, as its line has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'p> {
    pub(super) name: &'p str,
    pub(super) labels: Labels<'p>,
    pub(super) value: f64,
}

impl Sample<'_> {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(ours, _)| *ours == name).map(|(_, value)| &**value)
    }
}

/// The samples of families that `wanted` names by the sample's own name; the others cost next to nothing.
pub(super) fn samples(page: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Sample<'_>>, String> {
    let mut samples = Vec::new();
    for (at, line) in page.lines().enumerate() {
        let line = line.trim_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let broken = |why: &str| format!("line {} is no line of metrics: {why}", at + 1);
        let (name, rest) = name(line).ok_or_else(|| broken("it begins with no name"))?;
        if wanted(name) {
            samples.push(sample(name, rest).map_err(|why| broken(&why))?);
        } else if !rest.starts_with([' ', '\t', '{']) {
            return Err(broken("no value follows the name"));
        }
    }
    Ok(samples)
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    (end > 0 && !text.starts_with(|c: char| c.is_ascii_digit())).then(|| text.split_at(end))
}

fn sample<'p>(name: &'p str, rest: &'p str) -> Result<Sample<'p>, String> {
    let (labels, rest) = match rest.trim_start_matches([' ', '\t']).strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None if rest.starts_with([' ', '\t']) => (Vec::new(), rest),
        None => return Err("no value follows the name".to_owned()),
    };
    // An exemplar of OpenMetrics follows a number sign.
    let rest = rest.split(" # ").next().unwrap_or_default();
    let mut fields = rest.split([' ', '\t']).filter(|field| !field.is_empty());
    let value = fields.next().ok_or("it has no value")?;
    let value = number(value).ok_or_else(|| format!("{value:?} is no number"))?;
    // Of the time of the sample nothing is wanted, but that it is one.
    if fields.next().is_some_and(|time| number(time).is_none()) || fields.next().is_some() {
        return Err("something else than a time follows the value".to_owned());
    }
    Ok(Sample { name, labels, value })
}

/// As Go and Prometheus write them: `1e+06`, `NaN`, `+Inf`.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// By their names.
type Labels<'p> = Vec<(&'p str, Cow<'p, str>)>;

/// What follows the opening brace: the labels, and what follows the closing one.
fn labels(mut rest: &str) -> Result<(Labels<'_>, &str), String> {
    let blank = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
    let mut labels = Vec::new();
    loop {
        rest = &rest[blank(rest)..];
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (label, after) = name(rest).ok_or("a label has no name")?;
        rest = &after[blank(after)..];
        rest = rest.strip_prefix('=').ok_or_else(|| format!("no = follows the label {label}"))?;
        rest = &rest[blank(rest)..];
        rest = rest.strip_prefix('"').ok_or_else(|| format!("the value of the label {label} is not quoted"))?;
        let (value, after) = quoted(rest).ok_or_else(|| format!("the value of the label {label} does not end"))?;
        labels.push((label, value));
        rest = &after[blank(after)..];
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
        } else if !rest.starts_with('}') {
            return Err(format!("neither , nor }} follows the label {label}"));
        }
    }
}

/// What follows the opening quote: the value without its escapes, and what follows the closing one.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let plain = text.find(['"', '\\'])?;
    if text[plain..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..plain]), &text[plain + 1..]));
    }
    let mut value = text[..plain].to_owned();
    let mut chars = text[plain..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), &text[plain + at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                // As Prometheus does: what is no escape stands for itself.
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(page: &str) -> Vec<Sample<'_>> {
        samples(page, |_| true).unwrap()
    }

    #[test]
    fn the_format_s_own_example_is_read() {
        let page = "# HELP http_requests_total The total number of HTTP requests.\n\
                    # TYPE http_requests_total counter\n\
                    http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
                    http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\n\n\
                    # Escaping in label values:\n\
                    msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9\n\
                    # Minimalistic line:\n\
                    metric_without_timestamp_and_labels 12.47\n\
                    # A weird metric from before the epoch:\n\
                    something_weird{problem=\"division by zero\"} +Inf -3982045\n\
                    http_request_duration_seconds_bucket{le=\"+Inf\"} 144320\n\
                    rpc_duration_seconds{quantile=\"0.01\"} NaN\r\n";
        let samples = all(page);
        assert_eq!(samples.len(), 7);
        assert_eq!((samples[0].value, samples[0].label("code")), (1027.0, Some("200")));
        assert_eq!(samples[1].value, 3.0);
        assert_eq!(samples[2].label("path"), Some("C:\\DIR\\FILE.TXT"));
        assert_eq!(samples[2].label("error"), Some("Cannot find file:\n\"FILE.TXT\""));
        assert_eq!((samples[3].name, samples[3].value), ("metric_without_timestamp_and_labels", 12.47));
        assert_eq!(samples[4].value, f64::INFINITY);
        assert!(samples[6].value.is_nan());
    }

    #[test]
    fn braces_commas_and_equals_within_a_label_are_its_own() {
        let samples = all("http_requests_total{handler=\"/items/{id}\",query=\"a=1,b=2\", method = \"GET\" ,} 4e+01");
        assert_eq!(samples[0].label("handler"), Some("/items/{id}"), "as FastAPI writes paths");
        assert_eq!((samples[0].label("query"), samples[0].label("method")), (Some("a=1,b=2"), Some("GET")));
        assert_eq!(samples[0].value, 40.0);
        assert_eq!(all("x{} 1")[0].labels, []);
        assert_eq!(all("x{a=\"\\t\"} 1")[0].label("a"), Some("\\t"));
    }

    #[test]
    fn openmetrics_lines_are_read() {
        let page = "# TYPE foo counter\nfoo_total{a=\"b\"} 17.0 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.1\n\
                    foo_created{a=\"b\"} 1520430000.123\n# UNIT foo_seconds seconds\nbar_bucket{le=\"0.1\"} 8 # {} 0.054\n# EOF\n";
        let samples = all(page);
        let told: Vec<(&str, f64)> = samples.iter().map(|sample| (sample.name, sample.value)).collect();
        assert_eq!(told, [("foo_total", 17.0), ("foo_created", 1_520_430_000.123), ("bar_bucket", 8.0)]);
    }

    #[test]
    fn a_broken_line_is_named() {
        for (page, why) in [
            ("ok 1\n<html>", "line 2 is no line of metrics: it begins with no name"),
            ("x", "line 1 is no line of metrics: no value follows the name"),
            ("x 1.2.3", "line 1 is no line of metrics: \"1.2.3\" is no number"),
            ("x{a=\"b} 1", "line 1 is no line of metrics: the value of the label a does not end"),
            ("x{a=b} 1", "line 1 is no line of metrics: the value of the label a is not quoted"),
            ("x{a=\"b\" c=\"d\"} 1", "line 1 is no line of metrics: neither , nor } follows the label a"),
            ("x{\"a\"} 1", "line 1 is no line of metrics: a label has no name"),
            ("x 1 2 3", "line 1 is no line of metrics: something else than a time follows the value"),
            ("x{a=\"b\"}", "line 1 is no line of metrics: it has no value"),
        ] {
            assert_eq!(samples(page, |_| true).unwrap_err(), why);
        }
        assert!(samples("not wanted at all, 1", |_| false).is_ok());
        assert!(samples("{\"detail\":\"Not Found\"}", |_| false).is_err());
    }

    #[test]
    fn a_page_of_five_megabytes_takes_a_moment() {
        let line = |n: usize| format!("other_bucket{{handler=\"/items/{{id}}\",le=\"{n}\"}} {n}\n");
        let mut page: String = (0..120_000).map(line).collect();
        page.push_str("http_requests_total 7\n");
        assert!(page.len() > 5_000_000);
        let samples = samples(&page, |name| name == "http_requests_total").unwrap();
        assert_eq!((samples.len(), samples[0].value), (1, 7.0));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "(?s).{0,200}",
            like in "([a-z_]{0,5}(\\{([a-z]{0,3}=?\"?[^\n]{0,9}\"?,?){0,3}\\}?)? ?[0-9.eNaInf+-]{0,6}( # )?\n?){0,5}",
        ) {
            for page in [&text, &like] {
                let _ = samples(page, |_| true);
                let _ = samples(page, |_| false);
            }
        }

        #[test]
        fn any_label_is_read_back(value in "(?s).{0,40}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', " ");
            let value = value.replace('\r', " ");
            let page = format!("x{{a=\"{escaped}\"}} 5");
            let samples = samples(&page, |_| true).unwrap();
            proptest::prop_assert_eq!(samples[0].label("a"), Some(&*value));
            proptest::prop_assert_eq!(samples[0].value, 5.0);
        }
    }
}
