//! Amounts by name, with a limit on the number of names.

use std::ops::AddAssign;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::apps::summary::{OTHER, Value};

/// What can be tallied.
pub(crate) trait Amount: Copy + Default + AddAssign {
    /// What a table is ordered by.
    fn size(&self) -> u64;
    /// What a table shows.
    fn value(&self) -> Value;
}

impl Amount for u64 {
    fn size(&self) -> u64 {
        *self
    }

    fn value(&self) -> Value {
        Value::Count(*self)
    }
}

/// Amounts by name. Names that come when the table is full share one amount.
#[derive(Debug, Clone)]
pub(crate) struct Tally<A = u64> {
    amounts: HashMap<Box<str>, A, FixedState>,
    names_max: usize,
    other: A,
    /// How often a name found no place.
    dropped: u64,
}

impl<A: Amount> Tally<A> {
    pub(crate) fn new(names_max: usize) -> Self {
        Self { amounts: HashMap::default(), names_max, other: A::default(), dropped: 0 }
    }

    /// Adds to the amount of a name; allocates only for a new one.
    pub(crate) fn add(&mut self, name: &str, amount: A) {
        if let Some(sum) = self.amounts.get_mut(name) {
            *sum += amount;
        } else if self.amounts.len() < self.names_max {
            self.amounts.insert(name.into(), amount);
        } else {
            self.other += amount;
            self.dropped += 1;
        }
    }

    /// Adds all amounts of another tally. The limit is per partition, so none is applied here.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, amount) in other.amounts {
            *self.amounts.entry(name).or_default() += amount;
        }
        self.other += other.other;
        self.dropped += other.dropped;
    }

    /// How often a name found no place.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All named amounts, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, A)> {
        self.amounts.iter().map(|(name, amount)| (&**name, *amount))
    }

    /// The `count` greatest amounts as rows, greatest first, ties by name; then the rest that has
    /// no name, if any.
    pub(crate) fn top(&self, count: usize) -> Vec<(String, Value)> {
        self.top_by(count, A::size, A::value)
    }

    /// The same by another size, which is shown as another value. What has none of it is not
    /// shown.
    pub(crate) fn top_by(
        &self,
        count: usize,
        size: impl Fn(&A) -> u64,
        value: impl Fn(&A) -> Value,
    ) -> Vec<(String, Value)> {
        let some = self.iter().filter(|(_, amount)| size(amount) > 0);
        let mut rows: Vec<_> = greatest(some, count, &size)
            .into_iter()
            .map(|(name, amount)| (name.to_owned(), value(&amount)))
            .collect();
        if size(&self.other) > 0 {
            rows.push((OTHER.to_owned(), value(&self.other)));
        }
        rows
    }
}

/// The `count` greatest by size, greatest first, ties by name.
pub(crate) fn greatest<N: Ord, A>(
    named: impl Iterator<Item = (N, A)>,
    count: usize,
    size: impl Fn(&A) -> u64,
) -> Vec<(N, A)> {
    let mut rows: Vec<_> = named.collect();
    let order = |a: &(N, A), b: &(N, A)| size(&b.1).cmp(&size(&a.1)).then_with(|| a.0.cmp(&b.0));
    // Without this a table of a million names would be sorted to show ten.
    if count < rows.len() {
        rows.select_nth_unstable_by(count, order);
        rows.truncate(count);
    }
    rows.sort_unstable_by(order);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_come_first_and_ties_go_by_name() {
        let mut tally = Tally::new(10);
        for name in ["c", "b", "a", "d", "d", "a", "b", "b"] {
            tally.add(name, 1);
        }
        let names: Vec<_> = tally.top(3).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "d"]);
        assert_eq!(tally.top(9).len(), 4);
        assert!(tally.top(0).is_empty());
    }

    #[test]
    fn what_finds_no_place_is_counted_and_shown() {
        let mut tally = Tally::new(2);
        for name in ["a", "b", "c", "d", "a"] {
            tally.add(name, 10);
        }
        assert_eq!(tally.dropped(), 2);
        let mut more = Tally::new(2);
        more.add("c", 5);
        tally.merge(more);
        let counts = [("a", 20), ("b", 10), ("c", 5), (OTHER, 20)];
        assert_eq!(tally.top(9), counts.map(|(name, n)| (name.to_owned(), Value::Count(n))));
    }
}
