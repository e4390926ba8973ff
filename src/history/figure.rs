//! What of two sides is held against each other: a quantile, a rate, a share; of the whole run or of one endpoint.

use super::decide::{Edges, turned};
use crate::judge::{Bounds, Changed, Series, Target, TargetName};
use crate::stats::Estimate;

/// The guide's limit: so large a difference counts as none where the run's own limit is 0.
const LEAST_MARGIN: f64 = 0.001;
/// With more failures than this on either side response times prove nothing good: a refusal is fast.
const MOST_FAILURES: f64 = 0.01;

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// As a target.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// An endpoint's name.
    pub(super) of: Option<String>,
}

/// Of what kind it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Response time at this share.
    Time(f64),
    /// Successes a second.
    Rate,
    /// Failures, of which so large a difference counts as none.
    Share(f64),
}

/// Both sides' figures, in the unit of the target, and the estimate of the change: of a time or rate the logarithm of the ratio, of
/// a share the difference.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) counts: Option<[[u64; 2]; 2]>,
    pub(super) change: Estimate,
}

impl Compared {
    /// A target; `None` where it is not of requests.
    pub(super) fn target(target: &Target) -> Option<Self> {
        let kind = match target.name {
            TargetName::ResponseTime(thousandths) => Kind::Time(f64::from(thousandths) / 1000.0),
            TargetName::Throughput => Kind::Rate,
            TargetName::ErrorRate => Kind::Share(if target.limit > 0.0 { target.limit } else { LEAST_MARGIN }),
            _ => return None,
        };
        Some(Self { name: target.full_name(), kind, of: target.of.clone() })
    }

    /// The p95 response time of an endpoint.
    pub(super) fn endpoint(name: &str) -> Self {
        Self { name: format!("p95_response_time[{name}]"), kind: Kind::Time(0.95), of: Some(name.to_owned()) }
    }

    pub(super) fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Time(_) => "ms",
            Kind::Rate => "requests/min",
            Kind::Share(_) => "ratio",
        }
    }

    pub(super) fn more_is_better(&self) -> bool {
        self.kind == Kind::Rate
    }

    pub(super) fn edges(&self, tolerance: f64) -> Edges {
        match self.kind {
            Kind::Share(margin) => Edges::of_difference(margin),
            _ => Edges::of_ratio(tolerance, self.more_is_better()),
        }
    }

    /// The figure of a side in its unit; `None` where nothing was seen.
    pub(super) fn value(&self, series: &Series) -> Option<f64> {
        match self.kind {
            Kind::Time(q) => series.all().quantile(q).map(|us| us as f64 / 1000.0),
            Kind::Rate => series.rate().map(|rate| rate * 60.0).filter(|_| series.counts().1 > 0),
            Kind::Share(_) => series.failed().map(|share| share.value),
        }
    }

    /// The row of it, nothing said yet.
    pub(super) fn row(&self) -> Changed {
        Changed {
            name: self.name.clone(),
            unit: self.unit().to_owned(),
            margin: if let Kind::Share(margin) = self.kind { Some(margin) } else { None },
            ..Changed::default()
        }
    }

    /// Fills in what was found, and what it proves.
    pub(super) fn fill(&self, row: &mut Changed, found: &Found, tolerance: f64) {
        let change = &found.change;
        row.a = Some(found.a);
        row.b = Some(found.b);
        row.counts = found.counts;
        if let Kind::Share(_) = self.kind {
            row.difference = Some(Bounds { value: change.value, low: change.low, high: change.high });
        } else {
            let ratio = Bounds { value: change.value.exp(), low: change.low.exp(), high: change.high.exp() };
            let by = |ratio: f64| (ratio - 1.0) * found.a;
            row.ratio = Some(ratio);
            row.difference = Some(Bounds { value: by(ratio.value), low: by(ratio.low), high: by(ratio.high) });
        }
        let turned = turned(*change, self.more_is_better());
        let edges = self.edges(tolerance);
        row.verdict = edges.outcome(&turned);
        let p = if turned.value > edges.worse { turned.p_against(edges.worse) } else { 1.0 };
        row.p_worse = Some(p);
    }

    /// What stands against anything good that response times seem to say; empty where nothing does.
    pub(super) fn doubt(&self, sides: [&Series; 2]) -> String {
        let Kind::Time(q) = self.kind else { return String::new() };
        for (series, side) in sides.iter().zip(["A", "B"]) {
            let (failures, requests) = series.counts();
            if failures as f64 > MOST_FAILURES * requests as f64 {
                return format!(
                    "more than 1 % of the requests of {side} failed, and a failure can be fast: make it fail less to compare its response times"
                );
            }
            // Those that were cut off are at least as slow as they are counted: up to a tenth of what lies above is no matter.
            if series.cut_off as f64 > 0.1 * (1.0 - q) * series.all().count() as f64 {
                return format!(
                    "requests of {side} were cut off at its end, so nobody knows how slow they would have been: allow them more time with --stop-timeout"
                );
            }
        }
        String::new()
    }
}
