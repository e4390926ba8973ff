//! A check as JSON.

use serde_json::{Value, json};

use crate::audit::{Audit, Finding, Outcome};

/// The whole of it, ending with a newline.
pub(super) fn json(of: &Audit) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&value(of)).map(|text| text + "\n")
}

fn value(of: &Audit) -> Value {
    let counts: serde_json::Map<String, Value> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.name().to_owned(), of.count(outcome).into()))
        .chain([("accepted".to_owned(), of.accepted().into())])
        .collect();
    let places = |(area, place): &(crate::audit::Area, String)| json!({"area": area.name(), "place": place});
    let lines = of.checklist().into_iter().map(|line| {
        json!({
            "number": line.number,
            "section": line.section,
            "line": line.line,
            "outcome": line.outcome.map(Outcome::name),
        })
    });
    json!({
        "schema": 1,
        "verdict": of.outcome().name(),
        "counts": counts,
        "looked_at": of.looked_at.iter().map(places).collect::<Vec<_>>(),
        "not_looked_at": of.not_looked_at.iter().map(|(area, how)| json!({"area": area.name(), "how": how})).collect::<Vec<_>>(),
        "findings": of.findings.iter().map(finding).collect::<Vec<_>>(),
        "checklist": lines.collect::<Vec<_>>(),
    })
}

fn finding(of: &Finding) -> Value {
    json!({
        "rule": of.rule.id,
        "area": of.rule.area.name(),
        "subject": of.subject,
        "outcome": of.outcome.name(),
        "summary": of.summary,
        "evidence": of.evidence,
        "fix": of.fix.as_ref().map(|fix| json!({"language": fix.kind.name(), "text": fix.text})),
        "holds": of.rule.holds,
        "source": of.rule.source,
        "applies": of.rule.applies,
        "guide": of.rule.section,
        "checklist": of.rule.lines,
        "accepted": of.accepted.as_ref().map(|accepted| {
            json!({"reason": accepted.reason, "until": accepted.until.map(|until| until.to_string())})
        }),
        "note": of.note,
    })
}
