//! `--abort-on`: when a load is given up, as more of its requests fail than anybody needs to see.

use std::collections::VecDeque;

use crate::units::{format_count, format_ratio};

/// Seconds that are looked at.
const RECENT_S: usize = 10;
/// Fewer requests say nothing.
const LEAST: u64 = 20;

/// The last seconds of a load, and what share of failures is borne.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    most: f64,
    /// Of each of the last seconds: requests and failures.
    recent: VecDeque<(u64, u64)>,
}

impl Patience {
    /// Ends where more than this share fails.
    pub fn new(most: f64) -> Self {
        Self { most, recent: VecDeque::new() }
    }

    /// Another second is over; why the load is to be given up, if it is.
    pub fn second(&mut self, requests: u64, failures: u64) -> Option<String> {
        if self.recent.len() == RECENT_S {
            self.recent.pop_front();
        }
        self.recent.push_back((requests, failures));
        let (requests, failures) = self.recent.iter().fold((0, 0), |(all, failed), one| (all + one.0, failed + one.1));
        let share = failures as f64 / requests.max(1) as f64;
        (requests >= LEAST && share > self.most).then(|| {
            format!(
                "{} of {} requests of the last {RECENT_S} s failed, more than the {} that --abort-on bears",
                format_ratio(share),
                format_count(requests),
                format_ratio(self.most)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_failures_than_are_borne_end_it_and_few_requests_say_nothing() {
        let mut patience = Patience::new(0.2);
        assert_eq!(patience.second(19, 19), None);
        assert!(
            patience.second(1, 0).is_some_and(|why| why.starts_with("95 % of 20 requests of the last 10 s failed"))
        );
        assert_eq!(patience.second(80, 1), None, "20 of 100 are borne");
    }

    #[test]
    fn what_is_long_over_is_forgotten() {
        let mut patience = Patience::new(0.5);
        assert!(patience.second(100, 100).is_some());
        assert!((0..9).all(|_| patience.second(10, 0).is_some()));
        assert_eq!(patience.second(10, 0), None);
    }
}
