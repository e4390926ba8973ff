//! Counters of many things, added up since the first time they were seen.

use std::collections::HashMap;
use std::hash::Hash;

/// What has happened to each of many things, `N` counters each.
///
/// Added up from one look to the next, so that a counter that begins anew costs only what it had counted since the look
/// before that.
#[derive(Debug, Clone)]
pub(super) struct Since<K, const N: usize> {
    last: Option<HashMap<K, Counters<N>>>,
    sums: HashMap<K, [f64; N]>,
}

/// As one look saw them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counters<const N: usize> {
    pub(super) values: [f64; N],
    /// When they began, where that is known.
    pub(super) since_s: Option<f64>,
}

/// What counters can be held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// The look before.
    TheLast,
    /// Nothing: all of them have begun since the look before.
    Nothing,
    /// Nobody knows: some may have begun anew.
    Unknown,
}

/// What a look found amiss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amiss {
    /// Things whose counters began anew.
    pub(super) anew: usize,
    /// Things that are not there any more.
    pub(super) gone: usize,
}

impl<K, const N: usize> Default for Since<K, N> {
    fn default() -> Self {
        Self { last: None, sums: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone, const N: usize> Since<K, N> {
    /// Whether the first look is still to come.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Adds what has happened since the look before. What was not there then has happened since.
    pub(super) fn see(&mut self, now: HashMap<K, Counters<N>>, against: Against) -> Amiss {
        let mut amiss = Amiss::default();
        if let Some(last) = self.last.as_ref().filter(|_| against != Against::Unknown) {
            for (thing, counters) in &now {
                let before = last.get(thing).filter(|_| against == Against::TheLast).filter(|before| {
                    let anew = counters.values.iter().zip(&before.values).any(|(now, before)| now < before)
                        || counters.since_s > before.since_s;
                    amiss.anew += usize::from(anew);
                    !anew
                });
                let sum = self.sums.entry(thing.clone()).or_insert([0.0; N]);
                for (at, value) in counters.values.iter().enumerate() {
                    sum[at] += value - before.map_or(0.0, |before| before.values[at]);
                }
            }
            amiss.gone = last.keys().filter(|thing| !now.contains_key(thing)).count();
        }
        self.last = Some(now);
        amiss
    }

    /// What has happened to each since the first look.
    pub(super) fn sums(&self) -> impl Iterator<Item = (&K, &[f64; N])> {
        self.sums.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(counters: &[(&'static str, f64)]) -> HashMap<&'static str, Counters<1>> {
        counters.iter().map(|&(name, value)| (name, Counters { values: [value], since_s: None })).collect()
    }

    fn sum(since: &Since<&'static str, 1>, name: &str) -> f64 {
        since.sums().find(|(thing, _)| **thing == name).unwrap().1[0]
    }

    #[test]
    fn differences_add_up_and_what_is_new_counts_from_nothing() {
        let mut since = Since::default();
        assert!(since.is_empty());
        assert_eq!(since.see(look(&[("a", 100.0)]), Against::TheLast), Amiss::default());
        assert_eq!(since.sums().count(), 0, "the first look is where counting begins");
        since.see(look(&[("a", 103.0), ("b", 7.0)]), Against::TheLast);
        since.see(look(&[("a", 110.0), ("b", 7.0)]), Against::TheLast);
        assert_eq!((sum(&since, "a"), sum(&since, "b")), (10.0, 7.0));
    }

    #[test]
    fn a_counter_that_begins_anew_is_noticed_and_keeps_what_it_had() {
        let mut since = Since::default();
        since.see(look(&[("a", 100.0), ("b", 1.0)]), Against::TheLast);
        since.see(look(&[("a", 150.0), ("b", 1.0)]), Against::TheLast);
        assert_eq!(since.see(look(&[("a", 20.0)]), Against::TheLast), Amiss { anew: 1, gone: 1 });
        assert_eq!(sum(&since, "a"), 70.0);
        assert_eq!(since.see(look(&[("a", 20.0), ("b", 5.0)]), Against::TheLast), Amiss::default());
        assert_eq!(sum(&since, "b"), 5.0, "it is a new one");
    }

    #[test]
    fn after_a_reset_all_is_new_and_what_may_have_been_reset_is_not_counted() {
        let mut since = Since::default();
        since.see(look(&[("a", 100.0)]), Against::TheLast);
        since.see(look(&[("a", 150.0)]), Against::Nothing);
        assert_eq!(sum(&since, "a"), 150.0);
        since.see(look(&[("a", 900.0)]), Against::Unknown);
        since.see(look(&[("a", 901.0)]), Against::TheLast);
        assert_eq!(sum(&since, "a"), 151.0);
    }

    #[test]
    fn one_that_says_that_it_began_later_is_another_one_however_high_it_is() {
        let mut since = Since::default();
        let at = |value, since_s| HashMap::from([("a", Counters { values: [value], since_s: Some(since_s) })]);
        since.see(at(10.0, 1.0), Against::TheLast);
        assert_eq!(since.see(at(12.0, 2.0), Against::TheLast), Amiss { anew: 1, gone: 0 });
        assert_eq!(sum(&since, "a"), 12.0);
    }
}
