//! A strict reader of `OpenMetrics` 1.0 text, written from the specification's grammar and its rules for each type.

use std::collections::HashSet;

#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    kind: String,
    unit: String,
    pub(super) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(super) struct Sample {
    suffix: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The families in order, or what is wrong with the first line that is wrong.
pub(super) fn read(text: &str) -> Result<Vec<Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("does not end with # EOF")?;
    let mut families: Vec<Family> = Vec::new();
    let mut series = HashSet::new();
    for line in body.split_terminator('\n') {
        let wrong = |why: &str| format!("{why}: {line:?}");
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or_else(|| wrong("no keyword"))?;
            let (name, rest) = rest.split_once(' ').ok_or_else(|| wrong("no name"))?;
            describe(&mut families, word, name, rest).map_err(|why| wrong(&why))?;
            continue;
        }
        let family = families.last_mut().ok_or_else(|| wrong("a sample before its family"))?;
        let sample = sample(line, family).map_err(|why| wrong(&why))?;
        check(family, &sample).map_err(|why| wrong(&why))?;
        let mut labels = sample.labels.clone();
        labels.sort();
        if !series.insert((family.name.clone(), sample.suffix.clone(), labels)) {
            return Err(wrong("the same series twice"));
        }
        family.samples.push(sample);
    }
    match families.iter().find(|family| family.samples.is_empty()) {
        Some(empty) => Err(format!("{} has no sample", empty.name)),
        None => Ok(families),
    }
}

fn describe(families: &mut Vec<Family>, word: &str, name: &str, rest: &str) -> Result<(), String> {
    if !is_name(name, true) {
        return Err("not a metric name".to_owned());
    }
    match word {
        "TYPE" => {
            if families.iter().any(|family| family.name == name) {
                return Err("a family twice, or apart".to_owned());
            }
            let known = ["counter", "gauge", "info", "stateset", "summary"];
            if !known.contains(&rest) {
                return Err("not a type".to_owned());
            }
            let (name, kind) = (name.to_owned(), rest.to_owned());
            families.push(Family { name, kind, unit: String::new(), samples: Vec::new() });
            Ok(())
        }
        "UNIT" | "HELP" => {
            let family = families.last_mut().filter(|family| family.name == name).ok_or("not of this family")?;
            if !family.samples.is_empty() {
                return Err("behind its samples".to_owned());
            }
            if word == "HELP" {
                return unescape(rest).map(drop);
            }
            if !name.ends_with(&format!("_{rest}")) || ["info", "stateset"].contains(&family.kind.as_str()) {
                return Err("the unit is not the end of the name".to_owned());
            }
            rest.clone_into(&mut family.unit);
            Ok(())
        }
        _ => Err("not a keyword".to_owned()),
    }
}

fn sample(line: &str, family: &Family) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let suffix = line[..end].strip_prefix(&family.name).ok_or("not of the family before it")?.to_owned();
    let mut rest = &line[end..];
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (name, value) = rest.split_once("=\"").ok_or("no label")?;
            if !is_name(name, false) || labels.iter().any(|(known, _)| known == name) {
                return Err(format!("label {name:?}"));
            }
            let close = closing_quote(value).ok_or("an open quote")?;
            labels.push((name.to_owned(), unescape(&value[..close])?));
            rest = &value[close + 1..];
            match rest.as_bytes().first() {
                Some(b',') => rest = &rest[1..],
                Some(b'}') => break rest = &rest[1..],
                _ => return Err("neither , nor }".to_owned()),
            }
        }
    }
    let number = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) {
        return Err("not a number, or more than one".to_owned());
    }
    Ok(Sample { suffix, labels, value: number.parse().map_err(|_| "not a number")? })
}

fn check(family: &Family, sample: &Sample) -> Result<(), String> {
    let label = |name: &str| sample.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let right = match (family.kind.as_str(), sample.suffix.as_str()) {
        ("gauge", "") => true,
        ("counter", "_total") => sample.value >= 0.0,
        ("info", "_info") => sample.value == 1.0,
        ("stateset", "") => label(&family.name).is_some() && [0.0, 1.0].contains(&sample.value),
        ("summary", "_count") => label("quantile").is_none() && sample.value >= 0.0 && sample.value.fract() == 0.0,
        ("summary", "") => {
            let quantile = label("quantile").and_then(|q| q.parse().ok());
            quantile.is_some_and(|q: f64| (0.0..=1.0).contains(&q)) && sample.value >= 0.0
        }
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("not right for a {}", family.kind)) }
}

fn is_name(name: &str, colons: bool) -> bool {
    let right = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(right)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => return Err(format!("escape of {other:?}")),
            },
            c => c,
        });
    }
    Ok(plain)
}

#[test]
fn what_is_wrong_is_found() {
    let head = "# TYPE a gauge\n";
    for (text, why) in [
        ("# TYPE a gauge\na 1\n", "does not end"),
        ("a 1\n# EOF\n", "before its family"),
        ("# TYPE a gauge\nb 1\n# EOF\n", "not of the family"),
        ("# TYPE a counter\na 1\n# EOF\n", "not right for a counter"),
        ("# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n", "not the end of the name"),
        ("# TYPE a gauge\na 1\na 2\n# EOF\n", "twice"),
        ("# TYPE a gauge\na{b=\"x} 1\n# EOF\n", "open quote"),
        ("# TYPE a gauge\na{b=\"\\x\"} 1\n# EOF\n", "escape"),
        ("# TYPE a gauge\na{1b=\"x\"} 1\n# EOF\n", "label"),
        ("# TYPE a gauge\na 1 2 3\n# EOF\n", "not a number"),
        ("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 2\n# EOF\n", "apart"),
        ("# TYPE a stateset\na{b=\"x\"} 1\n# EOF\n", "stateset"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(why), "{why:?} is not in {error:?} of {text:?}");
    }
    assert_eq!(read(&format!("{head}a{{b=\"x\",c=\"\"}} 1.5e-3\n# EOF\n")).unwrap()[0].samples[0].value, 0.0015);
}
