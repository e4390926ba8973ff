//! Many measured values, kept as sorted (value, count) pairs.

/// A set of measured values (µs unless said otherwise), sparse: one pair a distinct value, sorted by value.
///
/// Read back from `HdrHistogram` intervals, so values carry its three significant digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    values: Vec<(u64, u64)>,
    total: u64,
}

impl Distribution {
    /// From pairs in any order; equal values are added up, zero counts dropped.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut values: Vec<(u64, u64)> = pairs.into_iter().filter(|&(_, n)| n > 0).collect();
        values.sort_unstable_by_key(|&(value, _)| value);
        values.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
        let total = values.iter().map(|&(_, n)| n).sum();
        Self { values, total }
    }

    /// All of these together.
    ///
    /// Neighbours are merged two by two until one is left: the parts are sorted already, and share most of their values.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let parts: Vec<&[(u64, u64)]> = parts.into_iter().map(|part| part.values.as_slice()).collect();
        let mut merged: Vec<Vec<(u64, u64)>> = parts.chunks(2).map(two_merged).collect();
        while merged.len() > 1 {
            merged =
                merged.chunks(2).map(|two| two_merged(&two.iter().map(Vec::as_slice).collect::<Vec<_>>())).collect();
        }
        let values = merged.pop().unwrap_or_default();
        let total = values.iter().map(|&(_, n)| n).sum();
        Self { values, total }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The pairs, sorted by value.
    pub fn pairs(&self) -> &[(u64, u64)] {
        &self.values
    }

    /// The value of a rank from 1 to `count`; `None` outside.
    pub fn at_rank(&self, rank: u64) -> Option<u64> {
        if rank == 0 || rank > self.total {
            return None;
        }
        let mut seen = 0;
        self.values.iter().find_map(|&(value, n)| {
            seen += n;
            (seen >= rank).then_some(value)
        })
    }

    /// The smallest value that at least the share `q` of all values does not exceed; `None` where there is none.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        self.at_rank(self.rank_of(q))
    }

    /// The rank of that value, at least 1. What floating point adds to an exact share (0.07 · 100) makes no difference.
    pub fn rank_of(&self, q: f64) -> u64 {
        let rank = q.clamp(0.0, 1.0) * self.total as f64;
        ((rank * (1.0 - 1e-12)).ceil() as u64).clamp(1, self.total.max(1))
    }

    /// How many values are at least `limit`.
    pub fn count_from(&self, limit: u64) -> u64 {
        limit.checked_sub(1).map_or(self.total, |below| self.count_above(below))
    }

    /// Only the values that are at least `limit`.
    #[must_use]
    pub fn from(&self, limit: u64) -> Self {
        Self::from_pairs(self.values.iter().copied().filter(|&(value, _)| value >= limit))
    }

    /// How many values are above `limit`.
    pub fn count_above(&self, limit: u64) -> u64 {
        let first = self.values.partition_point(|&(value, _)| value <= limit);
        self.values[first..].iter().map(|&(_, n)| n).sum()
    }

    /// Their mean; `None` where there is none.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.values.iter().map(|&(value, n)| value as f64 * n as f64).sum();
        (self.total > 0).then(|| sum / self.total as f64)
    }

    /// The largest; `None` where there is none.
    pub fn max(&self) -> Option<u64> {
        self.values.last().map(|&(value, _)| value)
    }
}

/// One or two sorted lists as one.
fn two_merged(lists: &[&[(u64, u64)]]) -> Vec<(u64, u64)> {
    let &[mut one, mut other] = lists else { return lists.concat() };
    let mut merged = Vec::with_capacity(one.len() + other.len());
    while let (Some((&(a, of_a), rest_of_one)), Some((&(b, of_b), rest_of_other))) =
        (one.split_first(), other.split_first())
    {
        match a.cmp(&b) {
            std::cmp::Ordering::Less => {
                merged.push((a, of_a));
                one = rest_of_one;
            }
            std::cmp::Ordering::Greater => {
                merged.push((b, of_b));
                other = rest_of_other;
            }
            std::cmp::Ordering::Equal => {
                merged.push((a, of_a + of_b));
                (one, other) = (rest_of_one, rest_of_other);
            }
        }
    }
    merged.extend_from_slice(one);
    merged.extend_from_slice(other);
    // What is kept by the second must not take the room of what it was merged from.
    merged.shrink_to_fit();
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_sorted_added_up_and_never_empty() {
        let found = Distribution::from_pairs([(5, 2), (3, 1), (5, 1), (9, 0)]);
        assert_eq!(found.pairs(), [(3, 1), (5, 3)]);
        assert_eq!((found.count(), found.max(), found.mean()), (4, Some(5), Some(4.5)));
        let empty = Distribution::default();
        assert_eq!((empty.count(), empty.max(), empty.mean(), empty.quantile(0.5)), (0, None, None, None));
    }

    #[test]
    fn quantiles_are_the_smallest_value_that_suffices() {
        let hundred = Distribution::from_pairs((1..=100).map(|v| (v, 1)));
        for percent in 1..=100_u64 {
            assert_eq!(hundred.quantile(percent as f64 / 100.0), Some(percent));
        }
        assert_eq!((hundred.quantile(0.0), hundred.quantile(0.951)), (Some(1), Some(96)));
        assert_eq!((hundred.at_rank(0), hundred.at_rank(101)), (None, None));
    }

    #[test]
    fn values_are_counted_from_a_limit() {
        let found = Distribution::from_pairs([(3, 1), (5, 3), (8, 2)]);
        assert_eq!((found.count_above(5), found.count_from(5), found.count_from(0)), (2, 5, 6));
        assert_eq!(found.from(5).pairs(), [(5, 3), (8, 2)]);
    }

    proptest! {
        #[test]
        fn merging_is_the_same_as_making_it_from_all(parts in prop::collection::vec(
            prop::collection::vec((0_u64..50, 0_u64..9), 0..20), 0..6,
        )) {
            let made: Vec<Distribution> = parts.iter().cloned().map(Distribution::from_pairs).collect();
            prop_assert_eq!(Distribution::merged(&made), Distribution::from_pairs(parts.concat()));
        }
    }
}
