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
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::from_pairs(parts.into_iter().flat_map(|part| part.values.iter().copied()))
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
        let rank = (q.clamp(0.0, 1.0) * self.total as f64).ceil() as u64;
        self.at_rank(rank.clamp(1, self.total.max(1)))
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
