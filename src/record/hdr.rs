//! The buckets of an `HdrHistogram`: which bucket a value falls in, and which value stands for a bucket.
//!
//! Source: the layout of Gil Tene's `HdrHistogram`: the first `2^sub_bits` values have a bucket each; every further
//! doubling of the value is cut into `2^(sub_bits-1)` buckets of equal width.

use crate::stats::Distribution;

/// The longest time that is told apart from longer ones, µs: one hour. Longer times count as this.
pub(super) const HIGHEST_US: u64 = 3_600_000_000;

/// Significant digits that are kept.
pub(super) const DIGITS: u8 = 3;

/// How an `HdrHistogram` lays out its buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Values are counted in units of `2^unit_bits`.
    unit_bits: u32,
    /// The first `2^sub_bits` units have a bucket each.
    sub_bits: u32,
}

impl Layout {
    /// The journal's: µs from 1, three digits.
    pub(super) const JOURNAL: Self = Self { unit_bits: 0, sub_bits: 11 };

    /// The layout of a histogram by its lowest discernible value and its digits; `None` where there is no such one.
    pub(super) fn new(lowest: u64, digits: u32) -> Option<Self> {
        if lowest == 0 || digits > 5 {
            return None;
        }
        let singles = 2 * 10_u64.pow(digits);
        let layout = Self { unit_bits: lowest.ilog2(), sub_bits: singles.next_power_of_two().ilog2() };
        (layout.unit_bits + layout.sub_bits <= 61).then_some(layout)
    }

    /// How many buckets there can be.
    pub(super) fn buckets(self) -> usize {
        ((65 - self.sub_bits - self.unit_bits) as usize + 1) << (self.sub_bits - 1)
    }

    /// The bucket that a value falls in.
    pub(super) fn bucket(self, value: u64) -> usize {
        let singles = ((1_u64 << self.sub_bits) - 1) << self.unit_bits;
        let doublings = 64 - (value | singles).leading_zeros() - self.sub_bits - self.unit_bits;
        let within = (value >> (doublings + self.unit_bits)) as usize;
        ((doublings as usize) << (self.sub_bits - 1)) + within
    }

    /// The value in the middle of a bucket: `HdrHistogram`'s "median equivalent", at most half a bucket off.
    pub(super) fn middle(self, bucket: usize) -> u64 {
        let half = 1_usize << (self.sub_bits - 1);
        let doublings = (bucket / half).saturating_sub(1);
        let within = bucket - doublings * half;
        let shift = doublings as u32 + self.unit_bits;
        ((within as u64) << shift) + ((1_u64 << shift) >> 1)
    }
}

/// Sorts values into buckets, many times over without a new allocation.
#[derive(Debug)]
pub(super) struct Sorter {
    counts: Vec<u64>,
    used: Vec<u32>,
}

impl Sorter {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; Layout::JOURNAL.bucket(HIGHEST_US) + 1], used: Vec::new() }
    }

    /// The values by bucket, each bucket by the value in its middle; values above [`HIGHEST_US`] count as that.
    pub(super) fn sort(&mut self, values: &[u64]) -> Distribution {
        for &value in values {
            let bucket = Layout::JOURNAL.bucket(value.min(HIGHEST_US));
            if self.counts[bucket] == 0 {
                self.used.push(bucket as u32);
            }
            self.counts[bucket] += 1;
        }
        self.used.sort_unstable();
        let mut pairs = Vec::with_capacity(self.used.len());
        for bucket in self.used.drain(..) {
            let count = std::mem::take(&mut self.counts[bucket as usize]);
            pairs.push((Layout::JOURNAL.middle(bucket as usize), count));
        }
        Distribution::from_pairs(pairs)
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_middle_of_a_value_s_bucket_is_the_crate_s_median_equivalent(value in 0..=HIGHEST_US) {
            let crates = Histogram::<u64>::new_with_bounds(1, HIGHEST_US, DIGITS).unwrap();
            let ours = Layout::JOURNAL.middle(Layout::JOURNAL.bucket(value));
            prop_assert_eq!(ours, crates.median_equivalent(value));
        }

        #[test]
        fn every_digit_and_unit_agrees_with_the_crate(value in 0..1_u64 << 40, digits in 0_u8..=5, lowest in 1_u64..5000) {
            let crates = Histogram::<u64>::new_with_bounds(lowest, 1 << 41, digits).unwrap();
            let layout = Layout::new(lowest, u32::from(digits)).unwrap();
            prop_assert_eq!(layout.middle(layout.bucket(value)), crates.median_equivalent(value));
            prop_assert!(layout.bucket(u64::MAX) < layout.buckets());
        }

        #[test]
        fn a_bucket_is_within_three_digits(value in 1..=HIGHEST_US) {
            let middle = Layout::JOURNAL.middle(Layout::JOURNAL.bucket(value));
            prop_assert!(middle.abs_diff(value) * 2000 <= value);
        }
    }

    #[test]
    fn the_journal_s_layout_is_that_of_three_digits() {
        assert_eq!(Layout::new(1, 3), Some(Layout::JOURNAL));
        assert_eq!(Layout::new(0, 3), None);
        assert_eq!(Layout::new(1, 6), None);
    }

    #[test]
    fn sorting_counts_every_value_and_leaves_nothing_behind() {
        let mut sorter = Sorter::new();
        let first = sorter.sort(&[5, 0, 5, u64::MAX, HIGHEST_US, 2047]);
        let hour = Layout::JOURNAL.middle(Layout::JOURNAL.bucket(HIGHEST_US));
        assert_eq!(first.pairs(), [(0, 1), (5, 2), (2047, 1), (hour, 2)]);
        assert_eq!(sorter.sort(&[7]).pairs(), [(7, 1)]);
        assert!(sorter.sort(&[]).is_empty());
    }
}
