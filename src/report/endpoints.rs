//! The table of endpoints, where there is no room for every figure: a row each.

use super::words;
use crate::judge::{EndpointResult, RunResult};
use crate::units::format_count;

/// Which columns the table has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    /// Requests that were in flight at the end.
    pub(super) cut_off: bool,
    /// Service times beside response times.
    pub(super) service: bool,
}

impl Table {
    /// With all columns that have something to tell.
    pub(super) fn of(result: &RunResult) -> Self {
        let cut_off = result.endpoints.iter().any(|endpoint| endpoint.cut_off > 0);
        Self { cut_off, service: words::is_open(result) }
    }

    /// The name first, then figures.
    pub(super) fn titles(self) -> Vec<&'static str> {
        let mut titles = vec!["endpoint", "requests", "failed"];
        titles.extend(self.cut_off.then_some("cut off"));
        titles.extend(["p50", "p95", "p99", "max"]);
        titles.extend(self.service.then_some("service p95"));
        titles
    }

    /// What stands under the titles.
    pub(super) fn row(self, result: &RunResult, endpoint: &EndpointResult) -> Vec<String> {
        let mut cells = vec![words::endpoint_name(result, endpoint), format_count(endpoint.requests)];
        cells.push(format_count(endpoint.failures));
        cells.extend(self.cut_off.then(|| format_count(endpoint.cut_off)));
        let times = &endpoint.response_time_ms;
        cells.extend([times.p50, times.p95, times.p99, times.max].map(words::ms));
        cells.extend(self.service.then(|| words::ms(endpoint.service_time_ms.p95)));
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn what_was_cut_off_has_a_column_where_something_was_and_there_is_room() {
        let (run, mut result) = example::pass();
        let pages = |result: &RunResult, width: usize| {
            let terminal = super::super::terminal::terminal(std::path::Path::new("x"), &run, result, width, false);
            let pages =
                [super::super::markdown::markdown(&run, result), super::super::html::html(&run, result).unwrap()];
            ([terminal], pages)
        };
        let (terminal, rest) = pages(&result, 120);
        assert!(terminal.iter().chain(&rest).all(|page| !page.contains("cut off")));
        result.endpoints[1].cut_off = 7;
        let (terminal, rest) = pages(&result, 120);
        assert!(terminal.iter().chain(&rest).all(|page| page.contains("cut off")), "{terminal:?}");
        assert!(rest[0].contains("| 2,401 | 0 | 7 |"), "{}", rest[0]);
        assert!(rest[1].contains("<td data-sort=\"7\">7</td>"));
        // Figures are never cut for it.
        result.endpoints[1].name = format!("GET /{}", "long/".repeat(20));
        let narrow = pages(&result, 60).0;
        assert!(!narrow[0].contains("cut off"), "{}", narrow[0]);
    }
}
