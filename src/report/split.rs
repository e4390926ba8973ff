//! Where the time of requests went: looking names up, connecting, TLS, waiting for the first byte, reading the body.

use super::words;
use crate::judge::{EndpointResult, RunResult};
use crate::units::{counted, format_ms, format_ratio};

/// The phases, as `result.json` names them and as a person does.
pub(super) const PHASES: [(&str, &str); 5] =
    [("dns", "DNS"), ("connect", "connect"), ("tls", "TLS"), ("first_byte", "first byte"), ("body", "body")];
/// Those before the request goes out.
const BEFORE: usize = 3;
/// From this share of the time on, opening connections is worth a line.
const WORTH_A_LINE: f64 = 0.1;

/// One endpoint: connections opened, and the mean time of a request in each phase, ms; together they are its mean service time.
pub(super) struct Split {
    pub(super) name: String,
    pub(super) connections: u64,
    /// From the planned instant of an arrival to the send, on average of its successes; `None` where there are no arrivals.
    pub(super) before_ms: Option<f64>,
    pub(super) phases_ms: [f64; 5],
}

fn phases(endpoint: &EndpointResult) -> [f64; 5] {
    PHASES.map(|(name, _)| endpoint.phases_ms.get(name).copied().unwrap_or(0.0))
}

/// Endpoint by endpoint; none where nothing is known of any.
pub(super) fn splits(result: &RunResult) -> Vec<Split> {
    let known = result.endpoints.iter().filter(|endpoint| phases(endpoint).iter().any(|ms| *ms > 0.0));
    known
        .map(|endpoint| Split {
            name: words::endpoint_name(result, endpoint),
            connections: endpoint.connections,
            before_ms: words::is_open(result).then(|| before_ms(endpoint)),
            phases_ms: phases(endpoint),
        })
        .collect()
}

fn before_ms(endpoint: &EndpointResult) -> f64 {
    let mean = endpoint.response_time_ms.mean.zip(endpoint.service_time_ms.mean);
    mean.map_or(0.0, |(response, service)| (response - service).max(0.0))
}

/// A phase's time; a dash where there was none.
pub(super) fn time(ms: f64) -> String {
    words::ms((ms > 0.0).then_some(ms))
}

/// One sentence where opening connections took a good part of the time.
pub(super) fn line(result: &RunResult) -> Option<String> {
    let mut all = [0.0; 5];
    for endpoint in &result.endpoints {
        for (sum, ms) in all.iter_mut().zip(phases(endpoint)) {
            *sum += ms * endpoint.requests as f64;
        }
    }
    let opening: f64 = all[..BEFORE].iter().sum();
    let whole: f64 = all.iter().sum();
    let opened = result.totals.connections;
    if opened == 0 || opening <= 0.0 || opening < whole * WORTH_A_LINE {
        return None;
    }
    let parts: Vec<String> = PHASES[..BEFORE]
        .iter()
        .zip(all)
        .filter(|(_, ms)| *ms > 0.0)
        .map(|((_, name), ms)| format!("{name} {}", format_ms(ms / opened as f64)))
        .collect();
    Some(format!(
        "opening {} for {} took {} of the time: {} each",
        counted(opened, "connection"),
        counted(result.totals.requests, "request"),
        format_ratio(opening / whole),
        parts.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    /// A run whose first endpoint opened as many connections as it made requests.
    fn reconnecting() -> RunResult {
        let (_, mut result) = example::pass();
        let requests = result.endpoints[1].requests;
        result.endpoints[1].connections = requests;
        result.totals.connections = requests;
        let ms = [("dns", 0.0), ("connect", 0.5), ("tls", 1.5), ("first_byte", 1.9), ("body", 0.1)];
        result.endpoints[1].phases_ms = ms.map(|(name, ms)| (name.to_owned(), ms)).into();
        result
    }

    #[test]
    fn a_line_is_said_where_connecting_took_a_good_part_of_the_time() {
        let mut result = reconnecting();
        let said = line(&result).unwrap();
        assert_eq!(
            said,
            format!(
                "opening {} connections for {} requests took 50 % of the time: connect 500 µs, TLS 1.5 ms each",
                crate::units::format_count(result.endpoints[1].requests),
                crate::units::format_count(result.totals.requests)
            )
        );
        result.endpoints[1].phases_ms.insert("first_byte".to_owned(), 100.0);
        assert_eq!(line(&result), None);
        assert_eq!(line(&example::pass().1), None);
    }

    #[test]
    fn arrivals_are_told_what_they_waited_before_the_send() {
        let (run, _) = example::pass();
        let mut result = reconnecting();
        assert_eq!(splits(&result)[0].before_ms, None);
        result.load.model = crate::record::LoadModel::Open;
        let mean = result.endpoints[1].response_time_ms.mean.unwrap();
        result.endpoints[1].service_time_ms.mean = Some(mean);
        result.endpoints[1].response_time_ms.mean = Some(mean + 40.0);
        let page = super::super::markdown::markdown(&run, &result);
        assert!(page.contains("| connections opened | before the send | DNS |"), "{page}");
        assert!(page.contains("| 2,401 | 40 ms | – | 500 µs |"), "{page}");
        let page = super::super::html::html(&run, &result).unwrap();
        assert!(page.contains("before the send") && page.contains(">40 ms</td>"));
    }

    #[test]
    fn every_format_shows_the_split() {
        let result = reconnecting();
        let (run, _) = example::pass();
        let page = super::super::markdown::markdown(&run, &result);
        assert!(page.contains("| GET /api/v2/projects | 2,401 | – | 500 µs | 1.5 ms | 1.9 ms | 100 µs |"), "{page}");
        let page = super::super::html::html(&run, &result).unwrap();
        assert!(page.contains("Where the time went") && page.contains("<td data-sort=\"1.5\">1.5 ms</td>"));
        let page = super::super::terminal::terminal(std::path::Path::new("x"), &run, &result, 100, false);
        assert!(page.contains("opening 2,401 connections"), "{page}");
    }
}
